/** node-redis, unchanged, in both protocols. */
import { createClient, createClientPool, WatchError } from 'redis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTessera, type Tessera, waitUntil } from '../support/tessera.ts';

const KEYS = 200;

let server: Tessera;

beforeAll(async () => {
  server = await startTessera(['--requirepass', 'secret']);
});

afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

const options = (protocol: 2 | 3) => ({
  RESP: protocol,
  name: `node-redis-${protocol}`,
  password: 'secret',
  database: protocol,
  socket: { port: server.port, host: '127.0.0.1' },
});

describe.each([2, 3] as const)('RESP%i', (protocol) => {
  test('streams and consumer groups', async () => {
    const client = createClient(options(protocol));
    await client.connect();
    await client.del(['s', 't']);
    const message = (id: string, a: string) => ({ id, message: { a } });
    expect(await client.xAdd('s', '1-1', { a: 'x' })).toBe('1-1');
    expect(await client.xAdd('s', '1-*', { a: 'y' })).toBe('1-2');
    const trim = { strategy: 'MAXLEN', strategyModifier: '~', threshold: 100 } as const;
    expect(await client.xAdd('s', '2-0', { a: 'z' }, { TRIM: trim })).toBe('2-0');
    const all = [message('1-1', 'x'), message('1-2', 'y'), message('2-0', 'z')];
    expect(await client.xLen('s')).toBe(3);
    expect(await client.xRange('s', '-', '+')).toMatchObject(all);
    expect(await client.xRevRange('s', '+', '-', { COUNT: 1 })).toMatchObject([all[2]]);
    expect(await client.xRead({ key: 's', id: '1-1' }, { COUNT: 5 })).toMatchObject([
      { name: 's', messages: all.slice(1) },
    ]);
    expect(await client.xRead({ key: 's', id: '$' }, { BLOCK: 1 })).toBeNull();
    expect(await client.xGroupCreate('t', 'g', '$', { MKSTREAM: true })).toBe('OK');
    expect(await client.xGroupCreate('s', 'g', '0')).toBe('OK');
    expect(
      await client.xReadGroup('g', 'alice', { key: 's', id: '>' }, { COUNT: 2 }),
    ).toMatchObject([{ name: 's', messages: all.slice(0, 2) }]);
    expect(await client.xPending('s', 'g')).toEqual({
      pending: 2,
      firstId: '1-1',
      lastId: '1-2',
      consumers: [{ name: 'alice', deliveriesCounter: 2 }],
    });
    expect(await client.xClaim('s', 'g', 'bob', 0, '1-1')).toMatchObject([all[0]]);
    const claimed = await client.xAutoClaim('s', 'g', 'bob', 0, '-');
    expect(claimed).toMatchObject({ nextId: '0-0', messages: all.slice(0, 2) });
    const pending = await client.xPendingRange('s', 'g', '-', '+', 10);
    expect(pending.map(({ id, consumer }) => [id, consumer])).toEqual([
      ['1-1', 'bob'],
      ['1-2', 'bob'],
    ]);
    expect(await client.xAck('s', 'g', ['1-1', '1-2'])).toBe(2);
    expect(await client.xInfoStream('s')).toMatchObject({
      length: 3,
      'last-generated-id': '2-0',
      groups: 1,
      'first-entry': all[0],
      'last-entry': all[2],
    });
    expect(await client.xInfoGroups('s')).toMatchObject([
      {
        name: 'g',
        consumers: 2,
        pending: 0,
        'last-delivered-id': '1-2',
        'entries-read': 2,
        lag: 1,
      },
    ]);
    expect(await client.xInfoConsumers('s', 'g')).toMatchObject([
      { name: 'alice', pending: 0 },
      { name: 'bob', pending: 0 },
    ]);
    expect(await client.xDel('s', '1-1')).toBe(1);
    expect(await client.xTrim('s', 'MINID', 2)).toBe(1);
    client.destroy();
  });

  test('strings, scans, errors, information', async () => {
    const client = createClient(options(protocol));
    await client.connect();
    expect(await client.clientGetName()).toBe(`node-redis-${protocol}`);
    const info = await client.clientInfo();
    expect(info.libName).toContain('node-redis');
    expect(await client.set('a', '1', { expiration: { type: 'EX', value: 50 } })).toBe('OK');
    expect(await client.incrBy('a', 41)).toBe(42);
    expect(await client.incrByFloat('f', 0.1)).toBe('0.1');
    expect(await client.mGet(['a', 'nothing'])).toEqual(['42', null]);
    expect(await client.getEx('a', { type: 'PERSIST' })).toBe('42');
    expect(await client.ttl('a')).toBe(-1);
    expect(await client.configGet('maxmemory')).toEqual({ maxmemory: '0' });
    await expect(client.sendCommand(['NOSUCH'])).rejects.toThrow('ERR unknown command');
    await client.mSet(
      Array.from({ length: KEYS }, (_, i) => [`s:${i}`, `${i}`] as [string, string]),
    );
    const seen = new Set<string>();
    for await (const keys of client.scanIterator({ MATCH: 's:*', COUNT: 30 })) {
      for (const key of keys) seen.add(key);
    }
    expect(seen.size).toBe(KEYS);
    const [get] = await client.commandInfo(['get']);
    expect([get!.name, get!.arity, get!.firstKeyIndex]).toEqual(['get', 2, 1]);
    expect(await client.info('server')).toContain('redis_version:8.');
    await client.flushDb();
    await client.close();
  });

  test('transactions and WATCH', async () => {
    const client = createClient(options(protocol));
    const other = client.duplicate();
    await Promise.all([client.connect(), other.connect()]);
    expect(await client.multi().set('t', '1').incr('t').get('t').exec()).toEqual(['OK', 2, '2']);
    await client.watch('t');
    await other.set('t', '9');
    await expect(client.multi().incr('t').exec()).rejects.toThrow(WatchError);
    await client.watch('t');
    expect(await client.multi().incr('t').exec()).toEqual([10]);
    const many = await Promise.all(Array.from({ length: KEYS }, () => client.incr('t')));
    expect(many.at(-1)).toBe(10 + KEYS);
    await client.flushDb();
    await Promise.all([client.close(), other.close()]);
  });

  test('a pool of clients isolates transactions', async () => {
    const pool = createClientPool(options(protocol), { minimum: 1, maximum: 5 });
    await pool.connect();
    await pool.set('n', '0');
    const increment = async (): Promise<void> => {
      for (;;) {
        try {
          await pool.execute(async (client) => {
            await client.watch('n');
            const value = Number(await client.get('n'));
            await client
              .multi()
              .set('n', String(value + 1))
              .exec();
          });
          return;
        } catch (error) {
          if (!(error instanceof WatchError)) throw error;
        }
      }
    };
    await Promise.all(Array.from({ length: 40 }, increment));
    expect(await pool.get('n')).toBe('40');
    await pool.flushDb();
    await pool.close();
  });
});

test('a wrong password is an error', async () => {
  const socket = { ...options(2).socket, reconnectStrategy: false } as const;
  const client = createClient({ ...options(2), password: 'wrong', socket });
  client.on('error', () => undefined);
  await expect(client.connect()).rejects.toThrow('WRONGPASS');
  client.destroy();
});

test('client-side caching', async () => {
  const client = createClient({ ...options(3), clientSideCache: { ttl: 0, maxEntries: 100 } });
  const other = createClient(options(3));
  await Promise.all([client.connect(), other.connect()]);
  const cache = client.clientSideCache!;
  await other.set('cached', 'one');
  await other.hSet('cached-hash', { f: '1' });
  expect([await client.get('cached'), await client.get('cached')]).toEqual(['one', 'one']);
  expect(await client.hGet('cached-hash', 'f')).toBe('1');
  expect(cache.stats().hitCount).toBe(1);
  expect(cache.size()).toBe(2);
  await other.set('cached', 'two');
  await waitUntil('the invalidation', () => cache.size() === 1);
  expect(await client.get('cached')).toBe('two');
  await other.hIncrBy('cached-hash', 'f', 1);
  await waitUntil('the invalidation', () => cache.size() === 1);
  expect(await client.hGet('cached-hash', 'f')).toBe('2');
  await other.flushDb();
  await waitUntil('the invalidation of all', () => cache.size() === 0);
  expect(await client.get('cached')).toBe(null);
  client.destroy();
  other.destroy();
});
