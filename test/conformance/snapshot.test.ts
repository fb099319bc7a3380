/** Snapshot files between Tessera, as users run it, and redis-server: either loads the other's. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RedisServer, redisServerPath, startRedis } from '../support/redis-server.ts';
import { startTessera, type Tessera } from '../support/tessera.ts';

const OK = '+OK\r\n';
const many = (count: number): string[] => Array.from({ length: count }, (_, i) => `element:${i}`);

/** What both servers are filled with. */
const COMMANDS: readonly (readonly string[])[] = [
  ['SET', 'number', '12345'],
  ['SET', 'wide', '9223372036854775807'],
  ['SET', 'text', 'hello'.repeat(100)],
  ['SET', 'expires', 'x', 'PXAT', '4000000000000'],
  ['RPUSH', 'list', 'a', '1', '-70000', 'b'.repeat(10_000)],
  ['RPUSH', 'large list', ...many(3000)],
  ['SADD', 'intset', '1', '2', '70000', '5000000000'],
  ['SADD', 'set', 'a', 'b', '5'],
  ['SADD', 'large set', ...many(1000)],
  ['HSET', 'hash', 'a', '1', 'b', 'x'],
  ['HSET', 'large hash', ...many(2000)],
  ['ZADD', 'zset', '1.5', 'a', '-inf', 'b', '3', 'c'],
  ['ZADD', 'large zset', ...many(500).flatMap((name, i) => [String(i / 8), name])],
  ['SELECT', '9'],
  ['SET', 'other', 'database'],
  ['SELECT', '0'],
];

describe.skipIf(redisServerPath() === null)('snapshot files', () => {
  let directory: string;
  let tessera: Tessera;
  let redis: RedisServer;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'tessera-files-'));
    tessera = await startTessera(['--dir', directory, '--shards', '3']);
  });

  afterAll(async () => {
    await redis?.stop();
    await tessera.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  test('go to redis-server and back', async () => {
    const client = await tessera.connect();
    for (const command of COMMANDS) await client.command(command);
    const digest = await client.command(['DEBUG', 'DIGEST']);
    expect(await client.command(['DEBUG', 'RELOAD'])).toBe(OK);
    expect(await client.command(['DEBUG', 'DIGEST'])).toBe(digest);
    redis = await startRedis(['--dir', directory]);
    expect(await redis.command(['DEBUG', 'DIGEST'])).toBe(digest);

    await redis.command(['FLUSHALL']);
    for (const command of COMMANDS) await redis.command(command);
    expect(await redis.command(['DEBUG', 'DIGEST'])).toBe(digest);
    await redis.command(['SET', 'more', 'of it']);
    expect(await redis.command(['SAVE'])).toBe(OK);
    const saved = await redis.command(['DEBUG', 'DIGEST']);
    expect(await client.command(['DEBUG', 'RELOAD', 'NOSAVE'])).toBe(OK);
    expect(await client.command(['DEBUG', 'DIGEST'])).toBe(saved);
    client.close();
  });

  test('others wait, and transactions that watch end', async () => {
    const client = await tessera.connect();
    const other = await tessera.connect();
    await client.command(['SET', 'watched', 'v']);
    await other.command(['WATCH', 'watched']);
    expect(await client.command(['DEBUG', 'RELOAD'])).toBe(OK);
    await other.command(['MULTI']);
    await other.command(['PING']);
    expect(await other.command(['EXEC'])).toBe('*-1\r\n');
    expect(await other.command(['GET', 'watched'])).toBe('$1\r\nv\r\n');
    client.close();
    other.close();
  });

  test('DUMP and RESTORE of large values go to a worker', async () => {
    const client = await tessera.connect();
    await client.command(['SADD', 'members', ...many(50_000)]);
    const digest = await client.command(['DEBUG', 'DIGEST-VALUE', 'members']);
    const reply = await client.command(['DUMP', 'members']);
    const payload = Buffer.from(reply.slice(reply.indexOf('\r\n') + 2, -2), 'latin1');
    expect(await client.command(['RESTORE', 'copy', '0', payload])).toBe(OK);
    expect(await client.command(['DEBUG', 'DIGEST-VALUE', 'copy'])).toBe(digest);
    client.close();
  });

  test('rdbcompression is heard of', async () => {
    const client = await tessera.connect();
    await client.command(['SET', 'zeros', '0'.repeat(1000)]);
    const small = (await client.command(['DUMP', 'zeros'])).length;
    await client.command(['CONFIG', 'SET', 'rdbcompression', 'no']);
    expect((await client.command(['DUMP', 'zeros'])).length).toBeGreaterThan(small + 900);
    client.close();
  });
});
