/** ioredis, unchanged. */
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startTessera, type Tessera, waitUntil } from '../support/tessera.ts';

const KEYS = 300;

let server: Tessera;
let redis: Redis;

beforeAll(async () => {
  server = await startTessera(['--io-threads', '2']);
  redis = new Redis(server.port, '127.0.0.1');
});

beforeEach(async () => {
  await redis.flushall();
});

afterAll(async () => {
  await redis.quit();
  expect(await server.stop()).toBe(0);
});

describe('ioredis', () => {
  test('strings with options, buffers, errors', async () => {
    expect(await redis.set('a', 'b', 'EX', 100, 'NX')).toBe('OK');
    expect(await redis.set('a', 'b', 'NX')).toBeNull();
    expect(await redis.set('a', 'c', 'KEEPTTL', 'GET')).toBe('b');
    expect(await redis.ttl('a')).toBeGreaterThan(90);
    expect(await redis.getBuffer('a')).toEqual(Buffer.from('c'));
    const bytes = Buffer.from([0, 255, 13, 10]);
    await redis.set('bytes', bytes);
    expect(await redis.getBuffer('bytes')).toEqual(bytes);
    await expect(redis.incr('a')).rejects.toThrow('ERR value is not an integer or out of range');
    await expect(redis.call('NOSUCH', 'x')).rejects.toThrow("ERR unknown command 'NOSUCH'");
    expect(await redis.mget('a', 'nothing')).toEqual(['c', null]);
    expect(await redis.mset({ x: '1', y: '2' })).toBe('OK');
    expect(await redis.exists('x', 'y', 'z')).toBe(2);
    expect(await redis.bitcount('a')).toBe(4);
    expect(await redis.getex('a', 'PERSIST')).toBe('c');
    expect(await redis.ttl('a')).toBe(-1);
  });

  test('streams and consumer groups', async () => {
    const added = await redis
      .pipeline()
      .xadd('s', '1-1', 'a', '1')
      .xadd('s', 'MAXLEN', '~', 1000, '1-*', 'a', '2', 'b', 'x')
      .xadd('s', '2-0', 'a', '3')
      .exec();
    expect(added).toEqual([
      [null, '1-1'],
      [null, '1-2'],
      [null, '2-0'],
    ]);
    const entries = [
      ['1-1', ['a', '1']],
      ['1-2', ['a', '2', 'b', 'x']],
      ['2-0', ['a', '3']],
    ];
    expect(await redis.xlen('s')).toBe(3);
    expect(await redis.xrange('s', '-', '+')).toEqual(entries);
    expect(await redis.xrevrange('s', '+', '(1-1', 'COUNT', 1)).toEqual([entries[2]]);
    expect(await redis.xread('COUNT', 2, 'STREAMS', 's', 'none', '1-1', '0')).toEqual([
      ['s', entries.slice(1)],
    ]);
    expect(await redis.xread('BLOCK', 1, 'STREAMS', 's', '$')).toBeNull();
    const [groupMade, read] = (await redis
      .pipeline()
      .xgroup('CREATE', 's', 'g', '0')
      .xreadgroup('GROUP', 'g', 'alice', 'COUNT', 2, 'STREAMS', 's', '>')
      .exec())!;
    expect(groupMade).toEqual([null, 'OK']);
    expect(read![1]).toEqual([['s', entries.slice(0, 2)]]);
    await expect(redis.xgroup('CREATE', 's', 'g', '0')).rejects.toThrow('BUSYGROUP');
    expect(await redis.xpending('s', 'g')).toEqual([2, '1-1', '1-2', [['alice', '2']]]);
    expect(await redis.xautoclaim('s', 'g', 'bob', 0, '0', 'COUNT', 1)).toEqual([
      '1-2',
      [entries[0]],
      [],
    ]);
    expect(await redis.xclaim('s', 'g', 'bob', 0, '1-2', 'JUSTID')).toEqual(['1-2']);
    expect(await redis.xpending('s', 'g', '-', '+', 10, 'alice')).toEqual([]);
    expect(await redis.xack('s', 'g', '1-1', '1-2', '9-9')).toBe(2);
    expect(await redis.xreadgroup('GROUP', 'g', 'bob', 'STREAMS', 's', '0')).toEqual([['s', []]]);
    expect(await redis.xdel('s', '1-1')).toBe(1);
    expect(await redis.xtrim('s', 'MAXLEN', 1)).toBe(1);
    expect(await redis.xsetid('s', '5-0')).toBe('OK');
    expect(await redis.xgroup('DELCONSUMER', 's', 'g', 'bob')).toBe(0);
    expect(await redis.xgroup('DESTROY', 's', 'g')).toBe(1);
  });

  test('a reader that waits for entries', async () => {
    const reader = redis.duplicate();
    const reply = reader.xread('BLOCK', 0, 'STREAMS', 'x', 's', '$', '$');
    await waitUntil('a reader that waits', async () =>
      (await redis.info('clients')).includes('blocked_clients:1\r\n'),
    );
    await redis.xadd('s', '1-1', 'a', '1');
    expect(await reply).toEqual([['s', [['1-1', ['a', '1']]]]]);
    const info = (await redis.xinfo('STREAM', 's')) as readonly unknown[];
    expect(info[info.indexOf('length') + 1]).toBe(1);
    await reader.quit();
  });

  test('pipelines and transactions', async () => {
    const pipeline = redis.pipeline();
    for (let i = 0; i < KEYS; i++) pipeline.set(`k${i}`, i).incr(`k${i}`);
    const results = (await pipeline.exec())!;
    expect(results.map(([error]) => error)).toEqual(results.map(() => null));
    expect(results[KEYS * 2 - 1]![1]).toBe(KEYS);

    const mixed = (await redis.pipeline().set('s', 'x').incr('s').get('s').exec())!;
    expect(mixed[1]![0]?.message).toContain('not an integer');
    expect(mixed[2]).toEqual([null, 'x']);

    expect(await redis.multi().set('m', 1).incrby('m', 41).get('m').exec()).toEqual([
      [null, 'OK'],
      [null, 42],
      [null, '42'],
    ]);
    await redis.call('MULTI');
    expect(await redis.get('m')).toBe('QUEUED');
    expect(await redis.exec()).toEqual([[null, '42']]);
    await expect(redis.multi().call('SET', 'm').exec()).rejects.toThrow('EXECABORT');
  });

  test('WATCH', async () => {
    const other = redis.duplicate();
    await redis.watch('w');
    await other.set('w', 1);
    expect(await redis.multi().set('w', 2).exec()).toBeNull();
    await redis.watch('w');
    expect(await redis.multi().incr('w').exec()).toEqual([[null, 2]]);
    await redis.watch('w');
    await other.incr('w');
    await redis.unwatch();
    expect(await redis.multi().incr('w').exec()).toEqual([[null, 4]]);
    await other.quit();
  });

  test('scanStream sees every key', async () => {
    const pairs = Array.from({ length: KEYS }, (_, i) => [`scan:${i}`, String(i)]).flat();
    await redis.mset(...pairs);
    await redis.set('other', 1);
    const seen = new Set<string>();
    for await (const keys of redis.scanStream({ match: 'scan:*', count: 50 })) {
      for (const key of keys as string[]) seen.add(key);
    }
    expect(seen.size).toBe(KEYS);
    expect(seen.has('other')).toBe(false);
  });

  test('options: keyPrefix, db, connectionName, lazyConnect, auto-pipelining', async () => {
    const client = new Redis(server.port, '127.0.0.1', {
      keyPrefix: 'app:',
      db: 3,
      connectionName: 'named',
      lazyConnect: true,
      enableAutoPipelining: true,
    });
    await client.connect();
    await Promise.all(Array.from({ length: 20 }, (_, i) => client.set(`k${i}`, i)));
    expect(await client.mget('k1', 'k19')).toEqual(['1', '19']);
    expect(await client.client('GETNAME')).toBe('named');
    await redis.select(3);
    expect(await redis.dbsize()).toBe(20);
    expect(await redis.get('app:k7')).toBe('7');
    await redis.select(0);
    expect(await redis.dbsize()).toBe(0);
    await client.quit();
  });

  test('comes back when its connection is killed', async () => {
    const client = new Redis(server.port, '127.0.0.1', { retryStrategy: () => 10 });
    const id = await client.client('ID');
    let reconnects = 0;
    client.on('reconnecting', () => {
      reconnects += 1;
    });
    expect(await redis.client('KILL', 'ID', id)).toBe(1);
    await waitUntil('a new connection', async () => {
      return reconnects > 0 && (await client.client('ID')) !== id;
    });
    expect(await client.ping()).toBe('PONG');
    client.disconnect();
  });

  test('needs the password that is required', async () => {
    const closed = await startTessera(['--requirepass', 'secret']);
    const client = new Redis(closed.port, '127.0.0.1', { password: 'secret' });
    expect(await client.ping()).toBe('PONG');
    await client.quit();
    expect(await closed.stop()).toBe(0);
  });
});
