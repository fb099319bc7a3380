/**
 * Client-side caching over two I/O threads: clients with local caches, random writers, expiry and
 * eviction. At every quiet point each cache equals the server.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeReply } from '../support/decode-reply.ts';
import { type Random, withRandom } from '../support/random.ts';
import type { RawClient } from '../support/raw-client.ts';
import { startTessera, type Tessera, waitUntil } from '../support/tessera.ts';
import { CachingClient, type Hearing, normalised, readCommand } from './caching-client.ts';

/** Of strings, hashes, lists, sorted sets, sets; and lists too long for an I/O thread. */
const KEYS: readonly string[] = ['s', 'h', 'l', 'z', 'u', 'b'].flatMap((type) => {
  return Array.from({ length: type === 'b' ? 2 : 12 }, (_, i) => `${type}:${i}`);
});
const LONG_LIST = Array.from({ length: 3000 }, (_, i) => i);
const STRINGS = KEYS.slice(0, 12);
const ROUNDS = 4;
const READS = 80;
const WRITES = 140;
const WRITERS = 3;
const FILLER = 'f'.repeat(3000);

const HEARINGS: readonly Hearing[] = [
  { options: [], redirect: 0 },
  { options: [], redirect: 0 },
  { options: ['OPTOUT'], redirect: 2 },
  { options: [], redirect: 2 },
  { options: [], redirect: 3 },
  { options: ['BCAST'], redirect: 0 },
  { options: ['BCAST', 'PREFIX', 's:', 'PREFIX', 'h', 'PREFIX', 'l:'], redirect: 0 },
  { options: ['BCAST', 'NOLOOP'], redirect: 2 },
];

/** A command that changes something, most often a key of the test. */
function randomWrite(random: Random): readonly (string | number)[] {
  const key = random.pick(KEYS);
  const value = `v${random.below(1000)}`;
  const what = random.below(40);
  if (what === 0) return ['DEL', key, random.pick(KEYS)];
  if (what === 1) return ['PEXPIRE', key, 1 + random.below(60)];
  if (what === 2) return ['RENAME', random.pick(STRINGS), random.pick(STRINGS)];
  if (what === 3) return ['MSET', 's:0', value, 's:5', value, 's:9', value];
  if (what === 4) return ['COPY', random.pick(STRINGS), random.pick(STRINGS), 'REPLACE'];
  if (what === 5) return ['UNLINK', key];
  if (what < 14) return ['SET', `filler:${random.below(200)}`, FILLER];
  if (what === 14) return ['HPEXPIRE', `h:${random.below(12)}`, 30, 'FIELDS', 1, 'f0'];
  switch (key[0]) {
    case 'h':
      return ['HSET', key, `f${random.below(3)}`, value];
    case 'l':
      return random.oneIn(3) ? ['LPOP', key] : ['RPUSH', key, value];
    case 'b':
      if (random.oneIn(3)) return ['DEL', key];
      return random.oneIn(2) ? ['RPUSH', key, ...LONG_LIST] : ['LSET', key, -1, value];
    case 'z':
      return ['ZADD', key, random.below(9), `m${random.below(4)}`];
    case 'u':
      return random.oneIn(3) ? ['SPOP', key] : ['SADD', key, `m${random.below(4)}`];
    default:
      if (random.oneIn(4)) return ['SET', key, value, 'PX', 1 + random.below(40)];
      return random.oneIn(3) ? ['APPEND', key, 'x'] : ['SET', key, value];
  }
}

async function randomReads(client: CachingClient, random: Random): Promise<void> {
  const canTrack = (key: string): boolean => {
    const { options } = client.hearing;
    return !options.includes('PREFIX') || 'shl'.includes(key[0]!);
  };
  const own = KEYS.filter(canTrack);
  for (let i = 0; i < READS; i++) {
    const what = random.below(12);
    const work: Promise<unknown>[] = [];
    if (what === 0) {
      work.push(client.readMany([random.pick(STRINGS), random.pick(STRINGS)]));
    } else if (what === 1) {
      work.push(client.transact(random.pick(STRINGS), random.pick(STRINGS), 'counter'));
    } else if (what === 2 && !client.hearing.options.includes('NOLOOP')) {
      work.push(client.run(randomWrite(random)));
    } else {
      // Some in a pipeline.
      for (let n = random.below(3); n >= 0; n--) work.push(client.read(random.pick(own)));
    }
    await Promise.all(work);
  }
}

/** Keys of which a cache and the server say different things. */
async function differences(plain: RawClient, clients: readonly CachingClient[]): Promise<string[]> {
  const found: string[] = [];
  for (const key of KEYS) {
    const raw = await plain.command(readCommand(key));
    const actual = normalised(key, raw);
    clients.forEach(({ cache, hearing }, i) => {
      const cached = cache.get(key);
      if (cached === undefined || cached === actual) return;
      const who = `${i} (${hearing.options.join(' ')} ${hearing.redirect})`;
      found.push(`${who}: ${key} is ${actual}, cached as ${cached}`);
    });
  }
  return found;
}

async function info(client: RawClient): Promise<(field: string) => number> {
  const text = String(decodeReply(await client.command(['INFO'])));
  return (field) => Number(new RegExp(`\r\n${field}:(-?[0-9]+)`).exec(text)?.[1] ?? Number.NaN);
}

const SERVERS = [
  ['lease', ['--io-threads', '2', '--shards', '8', '--shard-threads', '2']],
  ['no lease', ['--io-threads', '2', '--shards', '8', '--shard-threads', '2', '--lease', 'no']],
] as const;

describe.each(SERVERS)('%s', (_name, args) => {
  let server: Tessera;
  let plain: RawClient;

  beforeAll(async () => {
    server = await startTessera([...args, '--save', '']);
    plain = await server.connect();
  });

  afterAll(async () => {
    expect(await server.stop()).toBe(0);
  });

  test('every cache equals the server at every quiet point', async () => {
    await withRandom(async (random) => {
      const connect = (hearing: Hearing) => CachingClient.connect(server.port, hearing);
      const clients = await Promise.all(HEARINGS.map(connect));
      const writers = await Promise.all(Array.from({ length: WRITERS }, () => server.connect()));
      const write = async (writer: RawClient): Promise<void> => {
        for (let i = 0; i < WRITES; i++) await writer.command(randomWrite(random));
      };
      for (let round = 0; round < ROUNDS; round++) {
        const used = (await info(plain))('used_memory');
        await plain.command(['CONFIG', 'SET', 'maxmemory-policy', 'allkeys-random']);
        await plain.command(['CONFIG', 'SET', 'maxmemory', round % 2 === 0 ? 0 : used + 20_000]);
        const most = round === 2 ? 20 : 1_000_000;
        await plain.command(['CONFIG', 'SET', 'tracking-table-max-keys', most]);
        await Promise.all([
          ...clients.map((client) => randomReads(client, random)),
          ...writers.map(write),
          round === 3 ? plain.command(['FLUSHALL']) : plain.command(['PING']),
        ]);
        let left: string[] = [];
        const isEqual = async (): Promise<boolean> => {
          left = await differences(plain, clients);
          return left.length === 0;
        };
        await waitUntil('caches', isEqual, 5000).catch((error: unknown) => {
          throw new Error(`round ${round}: ${left.join('; ')}`, { cause: error });
        });
        const now = await info(plain);
        expect(now('tracking_total_keys')).toBeLessThanOrEqual(most);
        // Some go and others come in their place.
        const gone = random.below(clients.length);
        clients[gone]!.close();
        clients[gone] = await connect(HEARINGS[gone]!);
      }
      const end = await info(plain);
      expect(end('evicted_keys')).toBeGreaterThan(0);
      expect(end('expired_keys')).toBeGreaterThan(0);
      for (const client of clients) client.close();
      for (const writer of writers) writer.close();
      await waitUntil('clients gone', async () => (await info(plain))('tracking_clients') === 0);
      const last = await info(plain);
      expect([last('tracking_total_keys'), last('tracking_total_prefixes')]).toEqual([0, 0]);
      await plain.command(['CONFIG', 'SET', 'maxmemory', 0]);
    });
  }, 60_000);

  test('a reply on its way comes before what is told of its key', async () => {
    const reader = await server.connect();
    await reader.command(['HELLO', 3]);
    await reader.command(['CLIENT', 'TRACKING', 'ON']);
    const size = 3 * 1024 * 1024;
    let wasEarly = false;
    for (let tries = 0; tries < 20 && !wasEarly; tries++) {
      await plain.command(['SET', 'big', Buffer.alloc(size, 'a')]);
      const reply = reader.command(['GET', 'big']);
      await waitUntil('the first bytes', () => reader.unread.length !== 0);
      expect(await plain.command(['SET', 'big', 'new'])).toBe('+OK\r\n');
      wasEarly = reader.unread.length < size;
      const text = await reply;
      expect(text.length).toBe(`$${size}\r\n`.length + size + 2);
      expect(text.startsWith(`$${size}\r\naaa`) && text.endsWith('a\r\n')).toBe(true);
      expect(await reader.readReply()).toBe('>2\r\n$10\r\ninvalidate\r\n*1\r\n$3\r\nbig\r\n');
    }
    expect(wasEarly).toBe(true);
    reader.close();
  }, 30_000);
});

test('keys that nobody tracks stay on the lease path while thousands are tracked', async () => {
  const server = await startTessera(['--io-threads', '1', '--shards', '8', '--save', '']);
  try {
    const [reader, writer] = [await server.connect(), await server.connect()];
    await reader.command(['HELLO', 3]);
    await reader.command(['CLIENT', 'TRACKING', 'ON']);
    const tracked = 5000;
    for (let i = 0; i < tracked; i += 100) {
      const keys = Array.from({ length: 100 }, (_, n) => `tracked:${i + n}`);
      await reader.command(['MGET', ...keys]);
    }
    const before = await info(writer);
    expect(before('tracking_total_keys')).toBe(tracked);
    const writes = 2000;
    for (let i = 0; i < writes; i++) await writer.command(['SET', `free:${i}`, 'value']);
    const after = await info(writer);
    const delta = (field: string): number => after(field) - before(field);
    expect(after('tracking_total_keys')).toBe(tracked);
    // A shard worker that does its background work may have a shard for an instant.
    expect(delta('lease_commands')).toBeGreaterThan(writes * 0.95);
    expect(delta('lease_commands') + delta('routed_commands')).toBeGreaterThanOrEqual(writes);
    expect(reader.unread).toBe('');
    // Key, client and place in the table.
    expect(after('mem_not_counted_for_evict')).toBeGreaterThan(tracked * 40);
  } finally {
    await server.stop();
  }
});
