/** Whole servers with an append-only file: what is written, rewritten and loaded again. */
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { redisServerPath, startRedis } from '../support/redis-server.ts';
import { waitUntil } from '../support/tessera.ts';
import {
  asLog,
  fileOf,
  fill,
  manifestOf,
  newDirectory,
  removeDirectories,
  rewrite,
  start,
  startInVain,
} from './aof-fixture.ts';

afterAll(removeDirectories);
// Several servers one after the other, on a machine that may be busy.
vi.setConfig({ testTimeout: 180_000 });

const BASE = 'file appendonly.aof.1.base.rdb seq 1 type b\n';
const INCR = 'file appendonly.aof.1.incr.aof seq 1 type i\n';
const INCR_NAME = 'appendonly.aof.1.incr.aof';
const DIGEST = ['DEBUG', 'DIGEST'];

test('kill -9, rewrites, a real Redis and back: always the same data', async () => {
  const directory = newDirectory();
  let server = await start(directory, ['--appendfsync', 'always']);
  expect(manifestOf(directory)).toBe(BASE + INCR);
  let client = await server.connect();
  await fill(client);
  await rewrite(client);
  expect(manifestOf(directory)).toBe((BASE + INCR).replaceAll('1', '2'));
  await waitUntil('history to go', () => !existsSync(fileOf(directory, INCR_NAME)));
  await fill(client);
  const digest = await client.command(DIGEST);
  client.close();
  await server.kill9();

  server = await start(directory);
  client = await server.connect();
  expect(await client.command(DIGEST)).toBe(digest);
  expect(await client.command(['DEBUG', 'LOADAOF'])).toBe('+OK\r\n');
  expect(await client.command(DIGEST)).toBe(digest);
  client.close();
  expect(await server.stop()).toBe(0);
  if (redisServerPath() === null) return;

  const redis = await startRedis(['--dir', directory, '--appendonly', 'yes']);
  expect(await redis.command(DIGEST)).toBe(digest);
  await redis.command(['SET', 'from', 'redis']);
  await redis.command(['BGREWRITEAOF']);
  await waitUntil('the rewrite of Redis', async () =>
    /aof_rewrite_in_progress:0/.test(await redis.command(['INFO', 'persistence'])),
  );
  await redis.command(['SET', 'more', 'redis']);
  const after = await redis.command(DIGEST);
  await redis.command(['CONFIG', 'SET', 'appendfsync', 'always']);
  const copy = newDirectory();
  mkdirSync(join(copy, 'appendonlydir'));
  for (const line of manifestOf(directory).split('\n').slice(0, -1)) {
    const name = line.split(' ')[1]!;
    writeFileSync(fileOf(copy, name), readFileSync(fileOf(directory, name)));
  }
  writeFileSync(fileOf(copy, 'appendonly.aof.manifest'), manifestOf(directory));
  await redis.stop();
  server = await start(copy);
  client = await server.connect();
  expect(await client.command(DIGEST)).toBe(after);
  await server.kill9();
});

test('turned on and off at run time; the old single file is taken over', async () => {
  const directory = newDirectory();
  writeFileSync(join(directory, 'appendonly.aof'), asLog('SELECT 1', 'SET old file'));
  let server = await start(directory);
  let client = await server.connect();
  expect(manifestOf(directory)).toBe(`file appendonly.aof seq 1 type b\n${INCR}`);
  await fill(client);
  expect(await client.command(['CONFIG', 'SET', 'appendonly', 'no'])).toBe('+OK\r\n');
  await client.command(['SELECT', '2']);
  await client.command(['SET', 'unlogged', '1']);
  expect(await client.command(['CONFIG', 'SET', 'appendonly', 'yes'])).toBe('+OK\r\n');
  await client.command(['SET', 'while', 'waiting']);
  await waitUntil('the rewrite', async () =>
    /aof_rewrite_in_progress:0\r\naof_rewrite_scheduled:0/.test(
      await client.command(['INFO', 'persistence']),
    ),
  );
  await client.command(['CONFIG', 'SET', 'appendfsync', 'always']);
  await client.command(['SET', 'after', 'all']);
  const digest = await client.command(DIGEST);
  expect(existsSync(fileOf(directory, 'temp-appendonly.aof.incr'))).toBe(false);
  client.close();
  await server.kill9();
  server = await start(directory);
  client = await server.connect();
  expect(await client.command(DIGEST)).toBe(digest);
  await server.kill9();
});

function prepare(manifest: string, files: Readonly<Record<string, string>>): string {
  const directory = newDirectory();
  mkdirSync(join(directory, 'appendonlydir'));
  writeFileSync(fileOf(directory, 'appendonly.aof.manifest'), manifest, 'latin1');
  for (const [name, text] of Object.entries(files)) writeFileSync(fileOf(directory, name), text);
  return directory;
}

test('a torn tail is cut and reported, expired keys stay gone', async () => {
  const good = asLog('SET a 1', 'RPUSH gone x', 'PEXPIREAT gone 1000', 'RPUSH gone y');
  const torn = good + asLog('MULTI', 'SET b 2');
  const directory = prepare(INCR, { [INCR_NAME]: torn });
  const server = await start(directory, ['--appendfsync', 'always']);
  expect(server.log()).toContain(
    `!!! Truncating the AOF ${INCR_NAME} at offset ${good.length} !!!`,
  );
  expect(server.log()).toContain('Revert incomplete MULTI/EXEC transaction');
  const client = await server.connect();
  expect(await client.command(['LLEN', 'gone'])).toBe(':0\r\n');
  await client.command(['SET', 'c', '3']);
  await server.kill9();
  const text = readFileSync(fileOf(directory, INCR_NAME), 'latin1');
  expect(text.startsWith(good)).toBe(true);
  expect(text).toContain(asLog('SET c 3'));
  appendFileSync(fileOf(directory, INCR_NAME), '*1\r\n');
  const { code, stdout } = await startInVain(directory, ['--aof-load-truncated', 'no']);
  expect(code).toBe(1);
  expect(stdout).toContain(`Unexpected end of file reading the append only file ${INCR_NAME}.`);
});

const SET = asLog('SET foo hello');
const TWO = `${INCR}file appendonly.aof.2.incr.aof seq 2 type i\n`;
const FATAL: readonly (readonly [string, string, Readonly<Record<string, string>>, string])[] = [
  ['bad format', INCR, { [INCR_NAME]: `${SET}!!!${SET}` }, `bad from offset ${SET.length} on`],
  [
    'a length beyond the end, with commands behind it',
    INCR,
    { [INCR_NAME]: SET.replace('$5', '$500') + SET },
    `Bad file format reading the append only file ${INCR_NAME}`,
  ],
  ['unknown', INCR, { [INCR_NAME]: `${SET}${asLog('bla foo')}` }, "Unknown command 'bla' reading"],
  [
    'an error',
    INCR,
    { [INCR_NAME]: `${SET}${asLog('RPUSH foo x')}` },
    `The command at offset ${SET.length} of the append only file ${INCR_NAME} fails: WRONGTYPE`,
  ],
  ['a file missing', TWO, { [INCR_NAME]: SET }, 'appendonly.aof.2.incr.aof length. stat: No such'],
  [
    'a torn file that is not the last',
    TWO,
    { [INCR_NAME]: SET.slice(0, -1), 'appendonly.aof.2.incr.aof': SET },
    'Fatal error: the truncated file is not the last file',
  ],
  ['the manifest', `${INCR}\n`, { [INCR_NAME]: SET }, 'Invalid AOF manifest file format'],
];

test.each(FATAL)('fatal: %s', async (_, manifest, files, text) => {
  const { code, stdout } = await startInVain(prepare(manifest, files));
  expect([code, stdout]).toEqual([1, expect.stringContaining(text)]);
});
