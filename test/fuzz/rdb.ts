/**
 * Fuzzer of snapshot files. Random keyspaces go through files from Tessera to redis-server and
 * back, and must be the same there. Files are damaged: what Tessera takes, redis-server takes too,
 * with the same content; what it refuses, it refuses by place.
 *
 *   npm run fuzz:rdb -- [--rounds 20] [--damages 100000] [--seed N]
 */

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { loadDirectly, newKeyspace } from '../durability/rdb-files.ts';
import { decodeReply } from '../support/decode-reply.ts';
import type { Argument } from '../support/local-runner.ts';
import { Random } from '../support/random.ts';
import { RawClient } from '../support/raw-client.ts';
import { redisServerPath } from '../support/redis-server.ts';
import { freePort, startTessera, waitUntil } from '../support/tessera.ts';
import { type Family, randomCommand } from './diff-commands.ts';
import { damagedFile, damageRounds, smallFile } from './rdb-damage.ts';

const FAMILIES: readonly Family[] = ['string', 'list', 'hash', 'set', 'zset', 'stream'];
const COMMANDS = 400;
const LARGE_ELEMENTS = 2000;
const READY_MS_MAX = 20_000;
const DIGEST = ['DEBUG', 'DIGEST'];

/** A redis-server over a folder with a snapshot file; null when it refuses the file. */
async function redisOver(
  folder: string,
): Promise<{ client: RawClient; stop(): Promise<void> } | null> {
  const port = await freePort();
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder];
  args.push('--save', '', '--enable-debug-command', 'yes', '--sanitize-dump-payload', 'yes');
  const child = spawn(redisServerPath() ?? '', args, { stdio: ['ignore', 'pipe', 'ignore'] });
  let log = '';
  let isEnded = false;
  child.stdout.on('data', (chunk: Buffer) => {
    log += chunk.toString('latin1');
  });
  const ended = new Promise<void>((resolve) =>
    child.once('close', () => {
      isEnded = true;
      resolve();
    }),
  );
  const isUp = (): boolean => log.includes('eady to accept connections');
  await waitUntil('redis-server', () => isUp() || isEnded, READY_MS_MAX);
  if (isEnded) return null;
  const client = await RawClient.connect(port);
  return {
    client,
    stop: async () => {
      client.close();
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** Fills databases 0 and 9 with random keys, some of them large. */
async function fill(client: RawClient, random: Random): Promise<void> {
  for (const db of ['0', '9']) {
    await client.command(['SELECT', db]);
    for (let i = 0; i < COMMANDS; i++) {
      await client.command(randomCommand(random, [random.pick(FAMILIES)]));
    }
    // What expires on the way would be a difference.
    const keys = decodeReply(await client.command(['KEYS', '*'])) as readonly string[];
    for (const key of keys) await client.command(['PERSIST', key]);
    const elements = Array.from({ length: LARGE_ELEMENTS }, (_, i) => `${i}:${random.next()}`);
    await client.command(['RPUSH', 'large:list', ...elements]);
    await client.command(['SADD', 'large:set', ...elements]);
    await client.command(['HSET', 'large:hash', ...elements]);
    const scored = elements.flatMap((name): Argument[] => [random.next() / 7, name]);
    await client.command(['ZADD', 'large:zset', ...scored]);
    await client.command(['SET', 'large:text', 'abc '.repeat(random.below(50_000))]);
    await client.command(['PEXPIREAT', 'large:set', 4_000_000_000_000]);
  }
}

/** Tessera to redis-server, and redis-server to Tessera. A text about a difference, or null. */
export async function roundTrip(random: Random): Promise<string | null> {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-rdb-'));
  try {
    const ours = await startTessera(['--dir', folder, '--save', '']);
    const client = await ours.connect();
    await fill(client, random);
    const saved = await client.command(['SAVE']);
    if (saved !== '+OK\r\n') return `SAVE: ${saved}`;
    const digest = await client.command(DIGEST);
    client.close();
    await ours.stop();
    const redis = await redisOver(folder);
    if (redis === null) return 'redis-server refuses the file of Tessera';
    const there = await redis.client.command(DIGEST);
    await redis.client.command(['SAVE']);
    await redis.stop();
    if (there !== digest) return `redis-server has ${there} instead of ${digest}`;
    const again = await startTessera(['--dir', folder, '--save', '']);
    const second = await again.connect();
    const back = await second.command(DIGEST);
    second.close();
    await again.stop();
    return back === digest ? null : `the way back: ${back} instead of ${digest}`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A damaged file that Tessera takes, offered to redis-server. A text, or null. */
export async function damagedForRedis(random: Random): Promise<string | null> {
  const file = damagedFile(random, smallFile(random, true));
  const runner = newKeyspace(2);
  runner.state.setTime(Date.now());
  if (loadDirectly(runner, file).problem !== null) return null;
  const folder = mkdtempSync(join(tmpdir(), 'tessera-rdb-'));
  try {
    writeFileSync(join(folder, 'dump.rdb'), file);
    const hex = file.toString('hex');
    const redis = await redisOver(folder);
    if (redis === null) return `redis-server refuses what Tessera takes: ${hex}`;
    const there = await redis.client.command(DIGEST);
    await redis.stop();
    const here = runner.run(...DIGEST);
    return there === here ? null : `redis-server has ${there} instead of ${here}: ${hex}`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '20' },
      damages: { type: 'string', default: '100000' },
      seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    },
  });
  console.log(`seed ${values.seed}`);
  const random = new Random(Number(values.seed));
  const { loaded, refused } = damageRounds(random, Number(values.damages));
  console.log(`damaged files: ${loaded} loaded, ${refused} refused`);
  if (redisServerPath() === null) return;
  for (let round = 0; round < Number(values.rounds); round++) {
    const found = (await roundTrip(random)) ?? (await damagedForRedis(random));
    if (found === null) continue;
    console.log(found);
    process.exitCode = 1;
    return;
  }
  console.log('no difference');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main();
