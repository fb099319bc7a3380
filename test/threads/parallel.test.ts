/**
 * Long reads that shard workers do together, on whole servers: their results are those of a model,
 * and of redis-server where it is there, while other clients read, write, let keys expire, and
 * vanish in the middle.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeReply } from '../support/decode-reply.ts';
import { Random, withRandom } from '../support/random.ts';
import { encodeCommand, type RawClient } from '../support/raw-client.ts';
import { type RedisServer, redisServerPath, startRedis } from '../support/redis-server.ts';
import { startTessera, type Tessera, waitUntil } from '../support/tessera.ts';

const MEMBERS = 26_000;
const SADD_MEMBERS = 13_000;
const KEYS = ['a', 'b', 'c', 'd'];
const OPERATIONS = ['INTER', 'UNION', 'DIFF'] as const;
const ROUNDS = 5;

type Operation = (typeof OPERATIONS)[number];
type Sets = Readonly<Record<string, ReadonlySet<string>>>;

function newSets(random: Random): Sets {
  const sets: Record<string, ReadonlySet<string>> = {};
  for (const key of KEYS) {
    const first = random.below(MEMBERS);
    const step = 1 + random.below(3);
    const isText = random.oneIn(2);
    const members = Array.from({ length: MEMBERS }, (_, i) => first + i * step);
    sets[key] = new Set(members.map((i) => (isText || i % 3 === 0 ? `m${i}` : `${i}`)));
  }
  return sets;
}

function resultOf(operation: Operation, sets: readonly ReadonlySet<string>[]): string[] {
  const [first, ...others] = sets;
  if (operation === 'UNION') return [...new Set(sets.flatMap((set) => [...set]))].sort();
  const isInter = operation === 'INTER';
  return [...first!].filter((member) => others.every((set) => set.has(member) === isInter)).sort();
}

async function fill(run: (words: string[]) => Promise<string>, sets: Sets): Promise<void> {
  for (const [key, members] of Object.entries(sets)) {
    const list = [...members];
    for (let from = 0; from < list.length; from += SADD_MEMBERS) {
      await run(['SADD', key, ...list.slice(from, from + SADD_MEMBERS)]);
    }
  }
}

/** A sorted set that shares members with the sets. */
function scoredMembers(random: Random): (string | number)[] {
  const first = random.below(MEMBERS);
  return Array.from({ length: SADD_MEMBERS }, (_, i) => [(i * 7) % 100, `m${first + i}`]).flat();
}

async function membersOf(reply: Promise<string>): Promise<string[]> {
  return (decodeReply(await reply) as string[]).sort();
}

async function partsOf(client: RawClient): Promise<number> {
  const info = await client.command(['INFO', 'stats']);
  return Number(/parallel_parts:(\d+)/.exec(info)![1]);
}

/** Short commands, keys that expire, and sets that come and go, until `isDone`. */
async function disturb(
  client: RawClient,
  name: string,
  random: Random,
  isDone: () => boolean,
): Promise<void> {
  while (!isDone()) {
    const key = `k${random.below(500)}`;
    const source = random.pick(KEYS);
    await Promise.all([
      client.command(['SET', key, 'v', 'PX', 1 + random.below(30)]),
      client.command(['GET', key]),
      client.command(['SISMEMBER', source, `m${random.below(MEMBERS)}`]),
      client.command(['SADD', `s${key}`, '1', 'two', key]),
      client.command(['PEXPIRE', `s${key}`, random.below(20)]),
    ]);
    const replies = await Promise.all([
      client.command(['SADD', `w${source}`, name]),
      client.command(['SREM', `w${source}`, name]),
      client.command(['SREM', source, 'none']),
    ]);
    expect(replies).toEqual([':1\r\n', ':1\r\n', ':0\r\n']);
  }
}

/** Clients that ask for much and go away. */
async function vanish(server: Tessera, isDone: () => boolean): Promise<void> {
  while (!isDone()) {
    const client = await server.connect();
    client.socket.pause();
    client.send(encodeCommand(['SUNION', ...KEYS]));
    client.send(encodeCommand(['SUNIONSTORE', 'gone', ...KEYS]));
    await new Promise((resolve) => setTimeout(resolve, 20));
    client.socket.resetAndDestroy();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** One operation in every form, against the model and redis-server. */
async function compare(
  client: RawClient,
  redis: RedisServer | null,
  sets: Sets,
  random: Random,
  name: string,
): Promise<void> {
  const operation = random.pick(OPERATIONS);
  const keys = Array.from({ length: 2 + random.below(3) }, () => random.pick(KEYS));
  const expected = resultOf(
    operation,
    keys.map((key) => sets[key]!),
  );
  const limit = 1 + random.below(MEMBERS * 2);
  const count = `:${expected.length}\r\n`;
  const result = await membersOf(client.command([`S${operation}`, ...keys]));
  expect(result.length).toBe(expected.length);
  expect(result.every((member, i) => member === expected[i])).toBe(true);
  const card = [`S${operation}CARD`, keys.length, ...keys];
  expect(await client.command(card)).toBe(count);
  const limited = `:${Math.min(limit, expected.length)}\r\n`;
  expect(await client.command([...card, 'LIMIT', limit])).toBe(limited);
  expect(await client.command([`S${operation}STORE`, name, ...keys])).toBe(count);
  expect(await membersOf(client.command(['SMEMBERS', name]))).toEqual(expected);
  for (const words of [['MULTI'], [`S${operation}STORE`, name, ...keys], ['SCARD', name]]) {
    await client.command(words);
  }
  expect(await client.command(['EXEC'])).toBe(`*2\r\n${count}${count}`);
  if (redis !== null) {
    expect(await membersOf(redis.command([`S${operation}`, ...keys]))).toEqual(expected);
    const scored = [`Z${operation}`, keys.length + 1, 'z', ...keys, 'WITHSCORES'];
    expect((await client.command(scored)) === (await redis.command(scored))).toBe(true);
    const stored = [`Z${operation}STORE`, `z${name}`, keys.length, ...keys.slice(1), 'z'];
    expect(await client.command(stored)).toBe(await redis.command(stored));
    const all = ['ZRANGE', `z${name}`, 0, -1, 'WITHSCORES'];
    expect((await client.command(all)) === (await redis.command(all))).toBe(true);
  }
}

describe.each([
  ['2', 'yes', '8'],
  ['3', 'no', '16'],
])('%s shard workers, lease %s', (shardThreads, lease, shards) => {
  let server: Tessera;
  let redis: RedisServer | null = null;

  beforeAll(async () => {
    const args = ['--shard-threads', shardThreads, '--lease', lease, '--shards', shards];
    server = await startTessera([...args, '--io-threads', '2']);
    redis = redisServerPath() === null ? null : await startRedis();
  }, 60_000);
  afterAll(async () => {
    expect(await server.stop()).toBe(0);
    expect(server.log()).not.toContain('BUG REPORT');
    await redis?.stop();
  });

  test('results while others read, write and vanish', { timeout: 240_000 }, async () => {
    await withRandom(async (random) => {
      const clients = await Promise.all(Array.from({ length: 4 }, () => server.connect()));
      const [first, second, third, fourth] = clients as [
        RawClient,
        RawClient,
        RawClient,
        RawClient,
      ];
      const sets = newSets(random);
      await fill((words) => first.command(words), sets);
      if (redis !== null) await fill((words) => redis!.command(words), sets);
      const scored = ['ZADD', 'z', ...scoredMembers(random)];
      await first.command(scored);
      await redis?.command(scored);
      let isDone = false;
      const others = [
        disturb(third, 'n3', new Random(random.next()), () => isDone),
        disturb(fourth, 'n4', new Random(random.next()), () => isDone),
        vanish(server, () => isDone),
      ];
      try {
        for (let round = 0; round < ROUNDS; round++) {
          await Promise.all([
            compare(first, redis, sets, random, 'r1'),
            compare(second, null, sets, random, 'r2'),
          ]);
        }
      } finally {
        isDone = true;
        await Promise.all(others);
      }
      await waitUntil('help by another worker', async () => {
        await first.command(['SUNIONCARD', KEYS.length, ...KEYS]);
        return (await partsOf(first)) > 0;
      });
      for (const client of clients) client.close();
    });
  });
});

test('one worker has nobody to help it', async () => {
  const server = await startTessera(['--shard-threads', '1']);
  try {
    const client = await server.connect();
    const members = Array.from({ length: MEMBERS }, (_, i) => `m${i}`);
    await fill((words) => client.command(words), { a: new Set(members) });
    expect(await client.command(['SUNIONCARD', 2, 'a', 'a'])).toBe(`:${MEMBERS}\r\n`);
    expect(await partsOf(client)).toBe(0);
    client.close();
  } finally {
    expect(await server.stop()).toBe(0);
  }
});
