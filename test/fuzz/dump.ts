/**
 * Fuzzer of serialized values: random keys on a real redis-server 7.0.15 and on Tessera; each
 * value goes by DUMP and RESTORE to the other server, and there must be the same. Then payloads are
 * damaged, given right checksums, and offered to both, Redis looking at everything
 * (`sanitize-dump-payload`): what Redis refuses we refuse, and what we take is the same there.
 *
 *   npm run fuzz:dump -- [--rounds 1000] [--seed N]
 */
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { resealed } from '../durability/payload.ts';
import { decodeReply } from '../support/decode-reply.ts';
import type { Argument } from '../support/local-runner.ts';
import { Random } from '../support/random.ts';
import { RawClient } from '../support/raw-client.ts';
import { startRedis } from '../support/redis-server.ts';
import { startTessera } from '../support/tessera.ts';
import type { Pair } from './diff.ts';
import { type Family, randomCommand } from './diff-commands.ts';

const FAMILIES: readonly Family[] = ['string', 'list', 'hash', 'set', 'zset', 'stream'];
const COMMANDS = 60;
const DAMAGES = 20;
const FOOTER_BYTES = 10;
const OK = '+OK\r\n';
const BAD = '-ERR Bad data format\r\n';
const SET_LISTPACK_TYPE = 20;

/** What redis-server has to be started with. */
export const DUMP_FUZZ_OPTIONS: readonly string[] = ['--sanitize-dump-payload', 'yes'];

function payloadIn(reply: string): Buffer {
  return Buffer.from(reply.slice(reply.indexOf('\r\n') + 2, -2), 'latin1');
}

function damaged(random: Random, payload: Uint8Array): Buffer {
  const bytes = Buffer.from(payload);
  for (let i = random.below(3); i >= 0; i--) {
    // The type stays: modules are known to Redis only.
    const at = 1 + random.below(bytes.length - FOOTER_BYTES - 1);
    const kind = random.below(3);
    if (kind === 0) bytes[at] = random.below(256);
    else if (kind === 1) bytes[at] = (bytes[at]! + 1) & 0xff;
    else bytes[at] = bytes[random.below(bytes.length)]!;
  }
  return resealed(bytes);
}

async function ask(client: RawClient, ...words: readonly Argument[]): Promise<string> {
  return client.command(words);
}

/** What a payload becomes: the error, or the digest of its value. */
async function restored(client: RawClient, payload: Uint8Array): Promise<string> {
  const reply = await ask(client, 'RESTORE', 'restored', '0', payload, 'REPLACE');
  return reply === OK ? ask(client, 'DEBUG', 'DIGEST-VALUE', 'restored') : reply;
}

/**
 * Offers a payload to both; a text about the difference, or null. Of damaged ones Redis takes some
 * that we refuse: those whose value runs on into version and checksum, lengths in the form of
 * special strings, back lengths that are right by chance, scores that are no numbers.
 */
async function offer(
  pair: Pair,
  payload: Uint8Array,
  origin: string,
  isDamaged: boolean,
): Promise<string | null> {
  const real = await restored(pair.real, payload);
  const ours = await restored(pair.ours, payload);
  if (real === ours || (isDamaged && ours === BAD)) return null;
  const hex = Buffer.from(payload).toString('hex');
  return `${origin}: ${hex}\n  redis: ${real.trim()}\n  ours:  ${ours.trim()}`;
}

/** One round with keys of its own. A text about a difference, or null. */
async function round(pair: Pair, random: Random): Promise<string | null> {
  for (const client of [pair.real, pair.ours]) await ask(client, 'FLUSHALL');
  for (let i = 0; i < COMMANDS; i++) {
    const command = randomCommand(random, [random.pick(FAMILIES)]);
    // Members drawn at random would differ, and the two would have other values from there on.
    if (command[0] === 'SPOP') continue;
    await Promise.all([ask(pair.real, ...command), ask(pair.ours, ...command)]);
  }
  const names = decodeReply(await ask(pair.real, 'KEYS', '*')) as readonly string[];
  for (const name of names) {
    const real = payloadIn(await ask(pair.real, 'DUMP', name));
    const ours = payloadIn(await ask(pair.ours, 'DUMP', name));
    const digest = await ask(pair.real, 'DEBUG', 'DIGEST-VALUE', name);
    for (const [payload, from] of [[real, 'redis'] as const, [ours, 'tessera'] as const]) {
      const difference = await offer(pair, payload, `${from}, ${JSON.stringify(name)}`, false);
      if (difference !== null) return difference;
      for (let i = 0; i < DAMAGES; i++) {
        const bytes = damaged(random, payload);
        if (bytes[0] === SET_LISTPACK_TYPE) continue;
        const found = await offer(pair, bytes, `of ${payload.toString('hex')}`, true);
        if (found !== null) return found;
      }
    }
    await ask(pair.real, 'DEBUG', 'DIGEST-VALUE', name).then((now) => {
      if (now !== digest) throw new Error('dump fuzzer: the value has changed meanwhile');
    });
  }
  return null;
}

/** Runs `rounds` rounds. A text about the first difference, or null. */
export async function fuzzDump(pair: Pair, random: Random, rounds: number): Promise<string | null> {
  for (const client of [pair.real, pair.ours]) await ask(client, 'FLUSHALL');
  for (let i = 0; i < rounds; i++) {
    const found = await round(pair, random);
    if (found !== null) return found;
  }
  return null;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '1000' },
      seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    },
  });
  console.log(`seed ${values.seed}, ${values.rounds} rounds`);
  const redis = await startRedis(DUMP_FUZZ_OPTIONS);
  const tessera = await startTessera();
  const pair = { real: await RawClient.connect(redis.port), ours: await tessera.connect() };
  const found = await fuzzDump(pair, new Random(Number(values.seed)), Number(values.rounds));
  console.log(found ?? 'no difference');
  if (found !== null) process.exitCode = 1;
  pair.real.close();
  pair.ours.close();
  await redis.stop();
  await tessera.stop();
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main();
