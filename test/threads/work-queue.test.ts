/**
 * A work queue over streams, with ioredis: consumers of one group on several streams, which are
 * killed at random, and take over what the dead have left. Each entry is processed at least once.
 */
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Random, withRandom } from '../support/random.ts';
import { startTessera, type Tessera, waitUntil } from '../support/tessera.ts';

/** More or fewer by the environment: a slow machine takes long over the number that counts. */
const ENTRIES = Number(process.env.TESSERA_QUEUE_ENTRIES ?? 100_000);
const STREAMS = ['jobs:a', 'jobs:b', 'jobs:c', 'jobs:d', 'jobs:e', 'jobs:f'];
const CONSUMERS = 8;
const BATCH = 250;
/** Entries that were pending for so long are taken over, even if their consumer lives. */
const MIN_IDLE_MS = 100;
const BLOCK_MS = 20;
const KILL_EVERY_MS = 50;
/** One batch in so many is got, and its consumer dies of it. */
const DIES_ONE_IN = 40;
const RUN_MS_MAX = 100_000;

type Entry = readonly [id: string, fields: readonly string[]];
type Batches = readonly (readonly [stream: string, entries: readonly Entry[]])[] | null;

/** What all consumers have done. */
interface Work {
  readonly port: number;
  readonly random: Random;
  readonly processed: Set<string>;
  kills: number;
  takenOver: number;
  isOver: boolean;
}

class Consumer {
  readonly #work: Work;
  readonly #name: string;
  /** Takes over with XREADGROUP CLAIM; the others with XAUTOCLAIM. */
  readonly #claims: boolean;
  #redis!: Redis;

  constructor(work: Work, index: number) {
    this.#work = work;
    this.#name = `consumer-${index}`;
    this.#claims = index === 0;
  }

  /** Works until all is over. A connection that is killed is followed by another. */
  async run(): Promise<void> {
    while (!this.#work.isOver) {
      this.#redis = client(this.#work.port);
      try {
        while (!this.#work.isOver) await this.#step();
      } catch (error) {
        expect(String(error)).toMatch(/Connection is closed|ECONNRESET|EPIPE/);
      }
      this.#redis.disconnect();
    }
  }

  kill(): void {
    this.#work.kills += 1;
    this.#redis.disconnect();
  }

  async #step(): Promise<void> {
    const got = await this.#read();
    await this.#process(got);
    if (this.#claims || (got !== null && !this.#work.random.oneIn(8))) return;
    for (const stream of STREAMS) await this.#takeOver(stream);
  }

  async #read(): Promise<Batches> {
    const group = ['GROUP', 'g', this.#name, 'COUNT', BATCH, 'BLOCK', BLOCK_MS] as const;
    const reading = [...STREAMS, ...STREAMS.map(() => '>')];
    if (!this.#claims) {
      return (await this.#redis.xreadgroup(...group, 'STREAMS', ...reading)) as Batches;
    }
    const claim = [...group, 'CLAIM', MIN_IDLE_MS, 'STREAMS', ...reading];
    // What ioredis does not know of it leaves as RESP3 has it: keys and values in turn.
    const flat = (await this.#redis.call('XREADGROUP', ...claim)) as readonly unknown[] | null;
    const streams = flat?.filter((_, i) => i % 2 === 0) as readonly string[] | undefined;
    return streams?.map((stream, i) => [stream, flat![i * 2 + 1] as readonly Entry[]]) ?? null;
  }

  async #takeOver(stream: string): Promise<void> {
    const { work, name, redis } = { work: this.#work, name: this.#name, redis: this.#redis };
    let cursor = '0-0';
    do {
      const reply = await redis.xautoclaim(stream, 'g', name, MIN_IDLE_MS, cursor, 'COUNT', BATCH);
      const [next, entries] = reply as [string, readonly Entry[]];
      cursor = next;
      work.takenOver += entries.length;
      await this.#process([[stream, entries]]);
    } while (cursor !== '0-0');
  }

  async #process(batches: Batches): Promise<void> {
    if (batches === null) return;
    const pipeline = this.#redis.pipeline();
    for (const [stream, entries] of batches) {
      if (entries.length === 0) continue;
      for (const [, fields] of entries) this.#work.processed.add(fields[1]!);
      pipeline.xack(stream, 'g', ...entries.map(([id]) => id));
    }
    if (pipeline.length === 0) return;
    if (this.#work.random.oneIn(DIES_ONE_IN)) this.kill();
    for (const [error] of (await pipeline.exec()) ?? []) if (error !== null) throw error;
  }
}

function client(port: number): Redis {
  const redis = new Redis({ port, host: '127.0.0.1', retryStrategy: () => null });
  // What happens to a connection is told by the commands on it.
  redis.on('error', () => undefined);
  return redis;
}

async function produce(redis: Redis, count: number): Promise<void> {
  for (let sent = 0; sent < count; ) {
    const pipeline = redis.pipeline();
    for (let i = 0; i < BATCH && sent < count; i++, sent++) {
      pipeline.xadd(STREAMS[sent % STREAMS.length]!, '*', 'job', `${sent}`, 'text', `work ${sent}`);
    }
    for (const [error] of (await pipeline.exec()) ?? []) expect(error).toBeNull();
  }
}

/** Entries of all streams that are pending or have yet to be delivered. */
async function unfinished(redis: Redis): Promise<number> {
  let count = 0;
  for (const stream of STREAMS) {
    const [pending] = (await redis.xpending(stream, 'g')) as [number];
    const [group] = (await redis.xinfo('GROUPS', stream)) as [readonly unknown[]];
    count += pending + Number(group[group.indexOf('lag') + 1]);
  }
  return count;
}

describe.each(['yes', 'no'])('with --lease %s', (lease) => {
  let server: Tessera;

  beforeAll(async () => {
    const args = ['--io-threads', '2', '--shards', '8', '--shard-threads', '2', '--lease', lease];
    server = await startTessera([...args, '--save', '']);
  });

  afterAll(async () => {
    expect(await server.stop()).toBe(0);
  });

  // Leases are the way that counts; commands that are routed take a tenth of the entries.
  const entries = lease === 'yes' ? ENTRIES : Math.ceil(ENTRIES / 10);

  test(`${entries} entries, none is lost`, { timeout: RUN_MS_MAX }, async () => {
    await withRandom(async (random) => {
      const redis = client(server.port);
      for (const stream of STREAMS) await redis.xgroup('CREATE', stream, 'g', '$', 'MKSTREAM');
      const counts = { kills: 0, takenOver: 0, isOver: false };
      const work: Work = { port: server.port, random, processed: new Set(), ...counts };
      const consumers = Array.from({ length: CONSUMERS }, (_, i) => new Consumer(work, i));
      const running = consumers.map((consumer) => consumer.run());
      const killer = setInterval(() => random.pick(consumers).kill(), KILL_EVERY_MS);
      try {
        await produce(redis, entries);
        await waitUntil('an empty queue', async () => (await unfinished(redis)) === 0, RUN_MS_MAX);
      } finally {
        clearInterval(killer);
        work.isOver = true;
        await Promise.all(running);
      }
      expect(work.processed.size).toBe(entries);
      expect(await unfinished(redis)).toBe(0);
      expect(work.kills).toBeGreaterThan(0);
      expect(work.takenOver).toBeGreaterThan(0);
      for (const stream of STREAMS) {
        expect(await redis.xpending(stream, 'g')).toEqual([0, null, null, null]);
        expect(await redis.xpending(stream, 'g', '-', '+', 1)).toEqual([]);
      }
      redis.disconnect();
    });
  });
});
