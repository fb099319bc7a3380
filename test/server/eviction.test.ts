/** Eviction in whole servers: the limit under load, every topology, background work. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { decodeReply } from '../support/decode-reply.ts';
import { Random, withRandom } from '../support/random.ts';
import { encodeCommand, type RawClient } from '../support/raw-client.ts';
import { startTessera, type Tessera, waitUntil } from '../support/tessera.ts';
import { TOPOLOGIES } from '../threads/topologies.ts';

const MIB = 1024 ** 2;
/** SETs of one client: six of them send about twice what the limit allows. */
const LOADED = 6400;
const OOM = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";

async function withServer(
  args: readonly string[],
  body: (server: Tessera, client: RawClient) => Promise<void>,
): Promise<void> {
  const server = await startTessera(['--save', '', ...args]);
  try {
    const client = await server.connect();
    await body(server, client);
    client.close();
  } finally {
    expect(await server.stop()).toBe(0);
    expect(server.log()).not.toContain('BUG REPORT');
  }
}

async function info(client: RawClient): Promise<(field: string) => number> {
  const text = await client.command(['INFO', 'everything']);
  return (field) => Number(new RegExp(`\\n${field}:(\\d+)`).exec(text)?.[1]);
}

const keys = async (client: RawClient): Promise<number> =>
  Number(decodeReply(await client.command(['DBSIZE'])));

/** Pipelines of SETs with values of up to `valueBytesMax`; every reply is OK. */
async function load(
  client: RawClient,
  random: Random,
  commands: number,
  valueBytesMax: number,
): Promise<void> {
  const PIPELINE = 64;
  const value = 'v'.repeat(valueBytesMax);
  for (let sent = 0; sent < commands; sent += PIPELINE) {
    const batch: Buffer[] = [];
    for (let i = 0; i < PIPELINE; i++) {
      const length = random.below(valueBytesMax);
      batch.push(encodeCommand(['SET', `key:${random.next()}`, value.slice(0, length)]));
    }
    client.send(Buffer.concat(batch));
    expect(await client.readBytes(PIPELINE * 5)).toBe('+OK\r\n'.repeat(PIPELINE));
  }
}

// In the first three both sides of each setting are seen.
test.each(TOPOLOGIES.slice(0, 3))('the limit holds under a load of SETs (%s)', (_name, args) =>
  withRandom((random) =>
    withServer(args, async (server, observer) => {
      const limit = 6 * MIB;
      const policy = random.pick(['allkeys-lru', 'allkeys-lfu', 'allkeys-random', 'allkeys-lrm']);
      const sets = ['maxmemory', String(limit), 'maxmemory-policy', policy];
      expect(await observer.command(['CONFIG', 'SET', ...sets])).toBe('+OK\r\n');
      const clients = await Promise.all(Array.from({ length: 6 }, () => server.connect()));
      let isDone = false;
      let highest = 0;
      const watch = (async () => {
        while (!isDone) {
          highest = Math.max(highest, (await info(observer))('used_memory'));
        }
      })();
      const seeds = clients.map(() => new Random(random.next()));
      await Promise.all(clients.map((client, i) => load(client, seeds[i]!, LOADED, 400)));
      isDone = true;
      await watch;
      expect([policy, highest < limit * 1.02, highest]).toEqual([policy, true, highest]);
      const after = await info(observer);
      expect(after('evicted_keys')).toBeGreaterThan(1000);
      // What was there is what was not evicted: nothing else was lost.
      expect((await keys(observer)) + after('evicted_keys')).toBeGreaterThan(6 * LOADED * 0.99);
      expect(after('used_memory')).toBeGreaterThan(limit * 0.9);
      for (const client of clients) client.close();
    }),
  ),
);

test('large values and collections beside small ones: the limit holds, most keys stay', () =>
  withRandom((random) =>
    withServer(['--io-threads', '2'], async (server, observer) => {
      const limit = 16 * MIB;
      const sets = ['maxmemory', String(limit), 'maxmemory-policy', 'allkeys-lru'];
      await observer.command(['CONFIG', 'SET', ...sets]);
      for (let part = 0; part < 10; part++) {
        const members = Array.from({ length: 5000 }, (_, i) => `member:${part}:${i}`);
        await observer.command(['SADD', 'large', ...members]);
      }
      const clients = await Promise.all(Array.from({ length: 3 }, () => server.connect()));
      let highest = 0;
      const fill = async (client: RawClient, i: number): Promise<void> => {
        await load(client, new Random(random.next()), 12_800, 400);
        for (let n = 0; n < 30; n++) {
          const reply = await client.command(['SET', `big:${i}:${n % 3}`, 'x'.repeat(200_000)]);
          expect(reply).toBe('+OK\r\n');
          highest = Math.max(highest, (await info(observer))('used_memory'));
        }
      };
      await Promise.all(clients.map(fill));
      expect(highest).toBeLessThan(limit * 1.02);
      for (const client of clients) client.close();
    }),
  ));

test('a limit below what is used is reached without a command, and then writes go on', () =>
  withServer(['--io-threads', '2', '--maxmemory-policy', 'allkeys-random'], async (server, one) => {
    const client = await server.connect();
    await load(client, new Random(1), 25_600, 200);
    const before = (await info(one))('used_memory');
    expect((await info(one))('evicted_keys')).toBe(0);
    expect(await one.command(['CONFIG', 'SET', 'maxmemory', String(MIB)])).toBe('+OK\r\n');
    // The first slice came before the reply.
    expect((await info(one))('evicted_keys')).toBeGreaterThan(0);
    await waitUntil('the limit', async () => (await info(one))('used_memory') < MIB * 1.02);
    expect(before).toBeGreaterThan(2 * MIB);
    expect(await one.command(['SET', 'a', 'b'])).toBe('+OK\r\n');
    await waitUntil(
      'the end of the excess',
      async () => (await info(one))('current_eviction_exceeded_time') === 0,
    );
    expect(server.log()).toContain('is smaller than the current memory usage');
    client.close();
  }));

test.each(['volatile-lru', 'volatile-ttl', 'volatile-random', 'volatile-lfu', 'volatile-lrm'])(
  '%s keeps what has no TTL, and refuses when nothing else is left',
  (policy) =>
    withServer(['--maxmemory-policy', policy], async (_server, client) => {
      const value = 'v'.repeat(2000);
      for (let i = 0; i < 100; i++) {
        await client.command(['SET', `stay:${i}`, value]);
        await client.command(['SET', `go:${i}`, value, 'EX', '10000']);
      }
      const used = (await info(client))('used_memory');
      await client.command(['CONFIG', 'SET', 'maxmemory', String(used)]);
      let reply = '';
      let stored = 0;
      for (; stored < 2000; stored++) {
        reply = await client.command(['SET', `more:${stored}`, value]);
        if (reply !== '+OK\r\n') break;
      }
      expect(reply).toBe(OOM);
      expect(stored).toBeGreaterThan(60);
      const after = await info(client);
      expect(after('evicted_keys')).toBe(100);
      for (let i = 0; i < 100; i += 13) {
        expect(await client.command(['EXISTS', `stay:${i}`, `go:${i}`])).toBe(':1\r\n');
      }
      expect(await keys(client)).toBe(100 + stored);
      await client.command(['MULTI']);
      expect(await client.command(['SET', 'x', 'y'])).toBe(OOM);
      expect(await client.command(['EXEC'])).toMatch(/^-EXECABORT /);
    }),
);

test('EXEC is refused as a whole when memory ran out after its commands were queued', () =>
  withServer([], async (server, client) => {
    const other = await server.connect();
    await client.command(['MULTI']);
    expect(await client.command(['SET', 'a', '1'])).toBe('+QUEUED\r\n');
    await other.command(['SET', 'b', '1']);
    await other.command(['CONFIG', 'SET', 'maxmemory', '1']);
    expect(await client.command(['EXEC'])).toBe(
      `-EXECABORT Transaction discarded because of: ${OOM.slice(1)}`,
    );
    expect(await other.command(['EXISTS', 'a'])).toBe(':0\r\n');
    // Its own CONFIG SET does not stop a transaction that runs.
    await other.command(['CONFIG', 'SET', 'maxmemory', '0']);
    await client.command(['MULTI']);
    await client.command(['INCR', 'x']);
    await client.command(['CONFIG', 'SET', 'maxmemory', '1']);
    await client.command(['INCR', 'x']);
    expect(await client.command(['EXEC'])).toBe('*3\r\n:1\r\n+OK\r\n:2\r\n');
    other.close();
  }));

test('the append-only file knows what was evicted', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tessera-eviction-'));
  const log = ['--appendonly', 'yes', '--appendfsync', 'no', '--dir', directory];
  try {
    let digest = '';
    const limit = ['--maxmemory', String(3 * MIB), '--maxmemory-policy', 'allkeys-random'];
    await withServer([...log, ...limit, '--io-threads', '2'], async (server, client) => {
      const others = await Promise.all([server.connect(), server.connect()]);
      await Promise.all(others.map((other, i) => load(other, new Random(i), 6400, 400)));
      digest = await client.command(['DEBUG', 'DIGEST']);
      expect((await info(client))('evicted_keys')).toBeGreaterThan(100);
      for (const other of others) other.close();
    });
    await withServer(log, async (_server, client) => {
      expect(await client.command(['DEBUG', 'DIGEST'])).toBe(digest);
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
