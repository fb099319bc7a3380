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
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { startTessera, type Tessera } from '../support/tessera.ts';
import { type Family, randomCommand } from './diff-commands.ts';

const FAMILIES: readonly Family[] = ['string', 'list', 'hash', 'set', 'zset', 'stream'];
const COMMANDS = 60;
const DAMAGES = 20;
const FOOTER_BYTES = 10;
const OK = '+OK\r\n';
const BAD = '-ERR Bad data format\r\n';
const SET_LISTPACK_TYPE = 20;

const REDIS_OPTIONS: readonly string[] = ['--sanitize-dump-payload', 'yes'];

/** redis-server 7.0.15 runs for ever, or ends, on a damaged payload now and then. */
class NoAnswer extends Error {}

/** A redis-server that looks at everything it restores, and Tessera. */
export class DumpServers {
  real: RawClient;
  readonly ours: RawClient;
  #redis: RedisServer;
  readonly #tessera: Tessera;

  private constructor(redis: RedisServer, real: RawClient, tessera: Tessera, ours: RawClient) {
    this.#redis = redis;
    this.real = real;
    this.#tessera = tessera;
    this.ours = ours;
  }

  static async start(): Promise<DumpServers> {
    const redis = await startRedis(REDIS_OPTIONS);
    const tessera = await startTessera();
    return new DumpServers(
      redis,
      await RawClient.connect(redis.port),
      tessera,
      await tessera.connect(),
    );
  }

  /** A new redis-server in place of one that does not answer. */
  async restartReal(): Promise<void> {
    this.real.close();
    await this.#redis.stop();
    this.#redis = await startRedis(REDIS_OPTIONS);
    this.real = await RawClient.connect(this.#redis.port);
  }

  /** Ends both; Tessera's exit code. */
  async stop(): Promise<number | null> {
    this.real.close();
    this.ours.close();
    await this.#redis.stop();
    return this.#tessera.stop();
  }
}

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
  pair: DumpServers,
  payload: Uint8Array,
  origin: string,
  isDamaged: boolean,
): Promise<string | null> {
  const real = await restored(pair.real, payload).catch((cause: unknown) => {
    if (!isDamaged) throw cause;
    const hex = Buffer.from(payload).toString('hex');
    throw new NoAnswer(`redis-server does not answer ${origin}: ${hex}`, { cause });
  });
  const ours = await restored(pair.ours, payload);
  if (real === ours || (isDamaged && ours === BAD)) return null;
  const hex = Buffer.from(payload).toString('hex');
  return `${origin}: ${hex}\n  redis: ${real.trim()}\n  ours:  ${ours.trim()}`;
}

/** One round with keys of its own. A text about a difference, or null. */
async function round(pair: DumpServers, random: Random): Promise<string | null> {
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

/**
 * Runs `rounds` rounds. A text about the first difference, or null. A round in which redis-server
 * stops answering is told of and left.
 */
export async function fuzzDump(
  pair: DumpServers,
  random: Random,
  rounds: number,
): Promise<string | null> {
  for (let i = 0; i < rounds; i++) {
    try {
      const found = await round(pair, random);
      if (found !== null) return found;
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      console.warn(error.message);
      await pair.restartReal();
    }
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
  const pair = await DumpServers.start();
  const found = await fuzzDump(pair, new Random(Number(values.seed)), Number(values.rounds));
  console.log(found ?? 'no difference');
  const exitCode = await pair.stop();
  if (exitCode !== 0) console.log(`Tessera ended with ${exitCode}`);
  if (found !== null || exitCode !== 0) process.exitCode = 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main();
