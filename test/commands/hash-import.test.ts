/** HIMPORT over real connections: fieldsets belong to them. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeReply } from '../support/decode-reply.ts';
import type { RawClient } from '../support/raw-client.ts';
import { startTessera } from '../support/tessera.ts';

const MODES = [
  ['lease', []],
  ['route', ['--lease', 'no', '--shards', '4', '--shard-threads', '2']],
] as const;

const ENCODINGS = [
  ['listpack', '128'],
  ['hashtable', '1'],
] as const;

describe.each(MODES)('HIMPORT by %s', (_mode, args) => {
  let server: Awaited<ReturnType<typeof startTessera>>;
  let client: RawClient;
  beforeAll(async () => {
    server = await startTessera(args);
    client = await server.connect();
  });
  afterAll(async () => {
    client.close();
    expect(await server.stop()).toBe(0);
  });
  const run = (...words: string[]): Promise<string> => client.command(words);

  test.each(ENCODINGS)('stores a %s', async (encoding, entries) => {
    await run('FLUSHALL');
    await run('CONFIG', 'SET', 'hash-max-listpack-entries', entries);
    expect(await run('HIMPORT', 'PREPARE', 'user', 'name', 'email', '')).toBe('+OK\r\n');
    expect(await run('HIMPORT', 'SET', 'u:1', 'user', 'alice', 'a@x', 'v')).toBe('+OK\r\n');
    expect(await run('OBJECT', 'ENCODING', 'u:1')).toContain(encoding);
    expect(await run('HMGET', 'u:1', 'name', 'email', '')).toBe(
      '*3\r\n$5\r\nalice\r\n$3\r\na@x\r\n$1\r\nv\r\n',
    );
    await run('HSET', 'u:2', 'old', 'x');
    await run('EXPIRE', 'u:2', '1000');
    expect(await run('HIMPORT', 'SET', 'u:2', 'user', 'bob', '\0\r\n', '')).toBe('+OK\r\n');
    expect(await run('HLEN', 'u:2')).toBe(':3\r\n');
    expect(await run('HGET', 'u:2', 'email')).toBe('$3\r\n\0\r\n\r\n');
    expect(await run('TTL', 'u:2')).toBe(':-1\r\n');
  });

  test('refuses what does not fit', async () => {
    await run('FLUSHALL');
    await run('HIMPORT', 'DISCARDALL');
    expect(await run('HIMPORT', 'PREPARE', 'f', 'a', 'b', 'a')).toMatch(/^-ERR duplicate field/);
    expect(await run('HIMPORT', 'SET', 'k', 'f', '1', '2', '3')).toBe('-ERR no such fieldset\r\n');
    await run('HIMPORT', 'PREPARE', 'f', 'a', 'b');
    expect(await run('HIMPORT', 'SET', 'k', 'f', '1')).toMatch(/^-ERR value count does not match/);
    await run('SET', 'text', 'x');
    expect(await run('HIMPORT', 'SET', 'text', 'f', '1', '2')).toMatch(/^-WRONGTYPE/);
    expect(await run('GET', 'text')).toBe('$1\r\nx\r\n');
    expect(await run('HIMPORT', 'PREPARE', 'f')).toMatch(/^-ERR wrong number of arguments/);
    expect(await run('HIMPORT', 'NOSUCH')).toMatch(/^-ERR unknown subcommand/);
    const wide = Array.from({ length: 40 }, (_, i) => String(i).padEnd(1_000_000, 'x'));
    expect(await run('HIMPORT', 'PREPARE', 'wide', ...wide)).toBe('+OK\r\n');
    expect(await run('HIMPORT', 'PREPARE', 'wider', ...wide)).toMatch(/too large/);
    expect(await run('EXISTS', 'k')).toBe(':0\r\n');
  });

  test('fieldsets end with RESET, DISCARD and the connection', async () => {
    await run('HIMPORT', 'DISCARDALL');
    await run('HIMPORT', 'PREPARE', 'f', 'a');
    await run('HIMPORT', 'PREPARE', 'g', 'a');
    expect(await run('HIMPORT', 'DISCARD', 'g')).toBe(':1\r\n');
    expect(await run('HIMPORT', 'DISCARD', 'g')).toBe(':0\r\n');
    const other = await server.connect();
    expect(await other.command(['HIMPORT', 'SET', 'k', 'f', '1'])).toMatch(/no such fieldset/);
    other.close();
    expect(await run('HIMPORT', 'SET', 'k', 'f', '1')).toBe('+OK\r\n');
    await run('RESET');
    expect(await run('HIMPORT', 'SET', 'k', 'f', '1')).toMatch(/no such fieldset/);
    expect(await run('HIMPORT', 'DISCARDALL')).toBe(':0\r\n');
  });

  test('in a transaction, with a fieldset of its own', async () => {
    await run('HIMPORT', 'DISCARDALL');
    await run('MULTI');
    await run('HIMPORT', 'PREPARE', 'f', 'a', 'b');
    expect(await run('HIMPORT', 'SET', 'k1', 'f', '1', '2')).toBe('+QUEUED\r\n');
    expect(await run('HIMPORT', 'SET', 'k2', 'f', '3', '4')).toBe('+QUEUED\r\n');
    expect(await run('EXEC')).toBe('*3\r\n+OK\r\n+OK\r\n+OK\r\n');
    expect(await run('HGET', 'k2', 'b')).toBe('$1\r\n4\r\n');
    expect(await run('HIMPORT', 'SET', 'k3', 'f', '5', '6')).toBe('+OK\r\n');
    await run('MULTI');
    await run('HIMPORT', 'PREPARE', 'h', 'a');
    await run('DISCARD');
    expect(await run('HIMPORT', 'SET', 'k', 'h', '1')).toMatch(/no such fieldset/);
  });

  test('pipelined, and one hash of many fields', async () => {
    const fields = Array.from({ length: 5000 }, (_, i) => `field:${i}`);
    const replies = [
      run('HIMPORT', 'PREPARE', 'many', ...fields),
      run('HIMPORT', 'PREPARE', 'few', 'a', 'b'),
      run('HIMPORT', 'SET', 'big', 'many', ...fields.map((_, i) => `value:${i}`)),
      ...Array.from({ length: 100 }, (_, i) => run('HIMPORT', 'SET', `p:${i}`, 'few', `${i}`, '')),
    ];
    expect(new Set(await Promise.all(replies))).toEqual(new Set(['+OK\r\n']));
    expect(await run('HLEN', 'big')).toBe(':5000\r\n');
    expect(await run('HGET', 'big', 'field:4999')).toBe('$10\r\nvalue:4999\r\n');
    const last = decodeReply(await run('HGETALL', 'p:99')) as readonly string[];
    expect([...last].sort()).toEqual(['', '99', 'a', 'b']);
  });
});
