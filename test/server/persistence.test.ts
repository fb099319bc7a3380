/** SAVE, BGSAVE and the end of whole servers: what a file holds, and when there is one. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RawClient } from '../support/raw-client.ts';
import { redisServerPath, startRedis } from '../support/redis-server.ts';
import { startTessera, type Tessera, waitUntil } from '../support/tessera.ts';

const OK = '+OK\r\n';
const SLOW_KEYS = 2000;

let directory = '';
let server: Tessera | null = null;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tessera-persistence-'));
});

afterEach(async () => {
  await server?.kill9();
  server = null;
  rmSync(directory, { recursive: true, force: true });
});

async function start(...args: readonly string[]): Promise<RawClient> {
  server = await startTessera(['--dir', directory, '--save', '', ...args]);
  return server.connect();
}

const files = (): string[] => readdirSync(directory).sort();
const dump = (): string => join(directory, 'dump.rdb');

/** One field of INFO. */
async function info(client: RawClient, field: string): Promise<string> {
  const text = await client.command(['INFO', 'persistence']);
  return new RegExp(`^${field}:(.*)\r$`, 'm').exec(text)?.[1] ?? '';
}

async function waitForSave(client: RawClient): Promise<void> {
  await waitUntil('the end of the save', async () => {
    return (await info(client, 'rdb_bgsave_in_progress')) === '0';
  });
}

/** Keys that a snapshot of takes long over. */
async function fillSlowly(client: RawClient, delayMicros: string): Promise<void> {
  expect(await client.command(['DEBUG', 'POPULATE', SLOW_KEYS])).toBe(OK);
  expect(await client.command(['CONFIG', 'SET', 'rdb-key-save-delay', delayMicros])).toBe(OK);
}

describe.runIf(redisServerPath() !== null)('a real redis-server', () => {
  test('loads what was there when BGSAVE was sent, while writers go on', async () => {
    const client = await start('--io-threads', '2', '--shards', '8', '--shard-threads', '2');
    const many = Array.from({ length: 4000 }, (_, i) => `element:${i}`);
    for (let i = 0; i < 3000; i++) void client.command(['SET', `key:${i}`, `before ${i}`]);
    void client.command(['RPUSH', 'list', ...many]);
    void client.command(['SADD', 'set', ...many]);
    void client.command(['HSET', 'hash', ...many]);
    void client.command(['ZADD', 'zset', ...many.flatMap((name, i) => [String(i / 3), name])]);
    void client.command(['SET', 'string', 'x'.repeat(3_000_000)]);
    void client.command(['SET', 'expires', 'later', 'PXAT', '4102444800000']);
    void client.command(['SELECT', '9']);
    void client.command(['SET', 'other', 'database']);
    void client.command(['SELECT', '0']);
    const digest = await client.command(['DEBUG', 'DIGEST']);
    const saving = client.command(['BGSAVE']);
    // The reply comes at the instant: what is sent behind it is not in the file.
    expect(await saving).toBe('+Background saving started\r\n');
    const writers = await Promise.all([server!.connect(), server!.connect(), server!.connect()]);
    expect(await info(client, 'current_save_keys_total')).toBe('3007');
    await Promise.all(
      writers.map(async (writer, w) => {
        for (let i = w; i < 3000; i += 3) {
          void writer.command(['SET', `key:${i}`, `after ${i}`]);
          if (i % 50 === 0) void writer.command(['LPUSH', 'list', 'more']);
          if (i % 70 === 0) void writer.command(['DEL', 'string', 'set', 'zset']);
          if (i % 90 === 0) void writer.command(['SET', `new:${i}`, 'new']);
        }
        await writer.command(['PING']);
      }),
    );
    await waitForSave(client);
    expect(await info(client, 'rdb_last_bgsave_status')).toBe('ok');
    const real = await startRedis(['--dir', directory]);
    expect(await real.command(['DEBUG', 'DIGEST'])).toBe(digest);
    await real.stop();
    expect(files()).toEqual(['dump.rdb']);
  });
});

describe('requests', () => {
  test('what each is told', async () => {
    const client = await start();
    expect(await client.command(['BGSAVE', 'CANCEL'])).toBe(
      '-ERR Background saving is currently not in progress or scheduled\r\n',
    );
    expect(await client.command(['BGSAVE', 'NONSENSE'])).toBe('-ERR syntax error\r\n');
    await fillSlowly(client, '100000');
    expect(await client.command(['BGSAVE'])).toBe('+Background saving started\r\n');
    expect(await info(client, 'rdb_bgsave_in_progress')).toBe('1');
    const busy = '-ERR Background save already in progress\r\n';
    expect(await client.command(['BGSAVE'])).toBe(busy);
    expect(await client.command(['BGSAVE', 'SCHEDULE'])).toBe(busy);
    expect(await client.command(['SAVE'])).toBe(busy);
    await waitUntil('keys in the file', async () => {
      return (await info(client, 'current_save_keys_processed')) !== '0';
    });
    expect(await client.command(['BGSAVE', 'CANCEL'])).toBe('+Background saving cancelled\r\n');
    await waitForSave(client);
    expect(files()).toEqual([]);
    expect(await info(client, 'rdb_last_bgsave_status')).toBe('ok');
    expect(await info(client, 'rdb_changes_since_last_save')).toBe(String(SLOW_KEYS));
    expect(await client.command(['CONFIG', 'SET', 'rdb-key-save-delay', '0'])).toBe(OK);
    const before = Number((await client.command(['LASTSAVE'])).slice(1));
    expect(await client.command(['SAVE'])).toBe(OK);
    expect(Number((await client.command(['LASTSAVE'])).slice(1))).toBeGreaterThanOrEqual(before);
    expect(await info(client, 'rdb_changes_since_last_save')).toBe('0');
    expect(files()).toEqual(['dump.rdb']);
    await client.command(['SET', 'one', 'more']);
    expect(await info(client, 'rdb_changes_since_last_save')).toBe('1');
  });

  test('BGSAVE in a transaction', async () => {
    const client = await start();
    for (const words of [['MULTI'], ['SET', 'a', 'b'], ['BGSAVE']]) await client.command(words);
    expect(await client.command(['EXEC'])).toBe('*2\r\n+OK\r\n+Background saving started\r\n');
    await waitUntil('the file', () => existsSync(dump()));
    await client.command(['MULTI']);
    expect(await client.command(['SAVE'])).toMatch(/^-ERR Command not allowed inside a trans/);
  });

  test('FLUSHALL ends a save, and an empty file follows where there are rules', async () => {
    const client = await start();
    await fillSlowly(client, '100000');
    await client.command(['BGSAVE']);
    expect(await client.command(['FLUSHALL'])).toBe(OK);
    await waitForSave(client);
    expect(files()).toEqual([]);
    expect(await client.command(['CONFIG', 'SET', 'save', '1000 1000'])).toBe(OK);
    expect(await client.command(['SET', 'a', 'b'])).toBe(OK);
    expect(await client.command(['FLUSHALL'])).toBe(OK);
    await waitUntil('the empty file', () => existsSync(dump()));
  });

  test('other writes go on while a large value is written, and its own wait', async () => {
    const client = await start('--rdbcompression', 'no');
    const chunk = 'y'.repeat(1 << 20);
    for (let i = 0; i < 24; i++) await client.command(['APPEND', 'large', chunk]);
    await client.command(['BGSAVE']);
    const other = await server!.connect();
    const appended = client.command(['APPEND', 'large', 'tail']);
    for (let i = 0; i < 100; i++) expect(await other.command(['SET', `k${i}`, 'v'])).toBe(OK);
    expect(await appended).toBe(`:${24 * (1 << 20) + 4}\r\n`);
    await waitForSave(client);
    // `tail` came behind the instant, or before it: the string is whole either way.
    const size = statSync(dump()).size;
    expect(size).toBeGreaterThan(24 << 20);
  });
});

describe('rules', () => {
  test('save after so many changes in so many seconds', async () => {
    const client = await start();
    await client.command(['SET', 'a', '1']);
    expect(await client.command(['CONFIG', 'SET', 'save', '1 2'])).toBe(OK);
    await client.command(['SET', 'b', '1']);
    await waitUntil('the file', () => existsSync(dump()));
    expect(server!.log()).toContain('2 changes in 1 seconds. Saving...');
    await waitForSave(client);
    expect(await info(client, 'rdb_changes_since_last_save')).toBe('0');
  });
});

describe('a disk that fails', () => {
  test('writes are refused until it works again', async () => {
    const client = await start('--save', '3600 1');
    await client.command(['SET', 'a', '1']);
    // A directory in the place of the file: even root cannot rename over it.
    mkdirSync(join(dump(), 'in the way'), { recursive: true });
    expect(await client.command(['BGSAVE'])).toBe('+Background saving started\r\n');
    await waitUntil('the error', async () => {
      return (await info(client, 'rdb_last_bgsave_status')) === 'err';
    });
    expect(files()).toEqual(['dump.rdb']);
    expect(server!.log()).toContain('Background saving error');
    const misconf = /^-MISCONF Redis is configured to save RDB snapshots, but/;
    expect(await client.command(['SET', 'a', '2'])).toMatch(misconf);
    expect(await client.command(['PING'])).toMatch(misconf);
    expect(await client.command(['GET', 'a'])).toBe('$1\r\n1\r\n');
    await client.command(['MULTI']);
    expect(await client.command(['DEL', 'a'])).toMatch(misconf);
    expect(await client.command(['EXEC'])).toMatch(/^-EXECABORT/);
    const name = 'stop-writes-on-bgsave-error';
    expect(await client.command(['CONFIG', 'SET', name, 'no'])).toBe(OK);
    expect(await client.command(['SET', 'a', '3'])).toBe(OK);
    expect(await client.command(['CONFIG', 'SET', name, 'yes'])).toBe(OK);
    expect(await client.command(['SET', 'a', '4'])).toMatch(misconf);
    expect(await client.command(['SAVE'])).toMatch(/^-ERR/);
    rmSync(dump(), { recursive: true });
    expect(await client.command(['SAVE'])).toBe(OK);
    expect(await client.command(['SET', 'a', '5'])).toBe(OK);
    expect(await info(client, 'rdb_last_bgsave_status')).toBe('ok');
  });

  test.skipIf(process.getuid?.() === 0)('a directory that cannot be written to', async () => {
    const client = await start();
    chmodSync(directory, 0o500);
    expect(await client.command(['SAVE'])).toMatch(/^-ERR/);
    chmodSync(directory, 0o700);
    expect(await client.command(['SAVE'])).toBe(OK);
  });

  test.skipIf(!existsSync('/dev/full'))('a device without room', async () => {
    const client = await start();
    expect(await client.command(['DEBUG', 'POPULATE', '20000', 'key', '1000'])).toBe(OK);
    spawnSync('ln', ['-s', '/dev/full', join(directory, `temp-${server!.pid}.rdb`)]);
    expect(await client.command(['SAVE'])).toMatch(/^-ERR/);
    expect(server!.log()).toContain('No space left on device'.toLowerCase());
    expect(files()).toEqual([]);
    expect(await client.command(['SAVE'])).toBe(OK);
  });
});

describe('the end', () => {
  test('SIGTERM saves where there are rules', async () => {
    const client = await start('--save', '3600 1000');
    await client.command(['SET', 'a', '1']);
    expect(await server!.stop()).toBe(0);
    expect(server!.log()).toContain('Saving the final RDB snapshot before exiting.');
    expect(readFileSync(dump()).subarray(0, 9).toString()).toBe('REDIS0010');
    expect(files()).toEqual(['dump.rdb']);
  });

  test.each([
    [['SHUTDOWN'], false],
    [['SHUTDOWN', 'SAVE'], true],
    [['SHUTDOWN', 'NOSAVE'], false],
  ])('%j without rules', async (words, isSaved) => {
    const client = await start();
    await client.command(['SET', 'a', '1']);
    client.send(`${words.join(' ')}\r\n`);
    expect(await server!.ended).toBe(0);
    expect(existsSync(dump())).toBe(isSaved);
  });

  test('does not come where the last save fails, unless it is forced', async () => {
    const client = await start('--save', '3600 1');
    await client.command(['SET', 'a', '1']);
    mkdirSync(join(dump(), 'in the way'), { recursive: true });
    expect(await client.command(['SHUTDOWN'])).toBe(
      '-ERR Errors trying to SHUTDOWN. Check logs.\r\n',
    );
    expect(server!.log()).toContain("Error trying to save the DB, can't exit.");
    expect(await client.command(['GET', 'a'])).toBe('$1\r\n1\r\n');
    server!.signal('SIGTERM');
    await waitUntil('the refusal', () => server!.log().includes('SIGTERM received but errors'));
    client.send('SHUTDOWN FORCE\r\n');
    expect(await server!.ended).toBe(0);
    expect(server!.log()).toContain('Error trying to save the DB. Exiting anyway.');
  });

  test('SHUTDOWN NOSAVE removes the file of a save under way', async () => {
    const client = await start();
    await fillSlowly(client, '100000');
    await client.command(['BGSAVE']);
    await waitUntil('the temporary file', () => files().length === 1);
    client.send('SHUTDOWN NOSAVE\r\n');
    expect(await server!.ended).toBe(0);
    expect(files()).toEqual([]);
  });

  test('kill -9 in a save leaves the old file, and the next start cleans up', async () => {
    const client = await start();
    await client.command(['SET', 'old', 'data']);
    expect(await client.command(['SAVE'])).toBe(OK);
    const old = readFileSync(dump());
    await fillSlowly(client, '100000');
    await client.command(['BGSAVE']);
    const temporary = `temp-${server!.pid}.rdb`;
    await waitUntil('the temporary file', () => files().includes(temporary));
    await server!.kill9();
    expect(files()).toEqual(['dump.rdb', temporary]);
    writeFileSync(join(directory, `temp-${process.pid}.rdb`), 'of a process that lives');
    await start();
    expect(files()).toEqual(['dump.rdb', `temp-${process.pid}.rdb`]);
    expect(readFileSync(dump()).equals(old)).toBe(true);
  });
});
