/** SIGTERM, SHUTDOWN and SHUTDOWN ABORT with a last save that takes long, fails or is paused. */
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startTessera, waitUntil } from '../support/tessera.ts';

const OK = '+OK\r\n';
const NOTHING = '-ERR No shutdown in progress.\r\n';
const FAILED = '-ERR Errors trying to SHUTDOWN. Check logs.\r\n';
/** One key takes this long to save: longer than any test. */
const SLOW_SAVE = ['--save', '900 1', '--rdb-key-save-delay', '60000000'];

function temporaries(directory: string): string[] {
  return readdirSync(directory).filter((name) => name.startsWith('temp-'));
}

test('a signal waits while the periodic job is paused, and is taken back', async () => {
  const server = await startTessera();
  const client = await server.connect();
  expect(await client.command(['SHUTDOWN', 'ABORT'])).toBe(NOTHING);
  expect(await client.command(['DEBUG', 'PAUSE-CRON', '1'])).toBe(OK);
  server.signal('SIGTERM');
  await waitUntil('the signal', () => server.log().includes('Received SIGTERM'));
  expect(await client.command(['SHUTDOWN', 'ABORT'])).toBe(OK);
  expect(server.log()).toContain('Shutdown manually aborted');
  expect(await client.command(['DEBUG', 'PAUSE-CRON', '0'])).toBe(OK);
  expect(await client.command(['PING'])).toBe('+PONG\r\n');
  expect(await client.command(['DEBUG', 'PAUSE-CRON', '1'])).toBe(OK);
  server.signal('SIGTERM');
  await waitUntil('the signal', () => server.log().split('Received SIGTERM').length === 3);
  client.send('DEBUG PAUSE-CRON 0\r\n');
  expect(await server.ended).toBe(0);
});

test('SHUTDOWN ABORT during the last save; reads go on meanwhile, writes afterwards', async () => {
  const server = await startTessera(SLOW_SAVE);
  const client = await server.connect();
  const other = await server.connect();
  await client.command(['SET', 'k', 'v']);
  const shutdown = client.command(['SHUTDOWN']);
  await waitUntil('the file', () => temporaries(server.directory).length === 1);
  expect(await other.command(['GET', 'k'])).toBe('$1\r\nv\r\n');
  const write = server.connect().then((third) => third.command(['SET', 'k', 'w']));
  expect(await other.command(['SHUTDOWN', 'ABORT'])).toBe(OK);
  expect(await shutdown).toBe(FAILED);
  expect(await write).toBe(OK);
  expect(await other.command(['GET', 'k'])).toBe('$1\r\nw\r\n');
  expect(temporaries(server.directory)).toEqual([]);
  client.send('SHUTDOWN NOSAVE\r\n');
  expect(await server.ended).toBe(0);
});

test('a second signal ends the server during the last save', async () => {
  const server = await startTessera(SLOW_SAVE);
  await (await server.connect()).command(['SET', 'k', 'v']);
  server.signal('SIGINT');
  await waitUntil('the file', () => temporaries(server.directory).length === 1);
  server.signal('SIGINT');
  expect(await server.ended).toBe(1);
  expect(server.log()).toContain('You insist');
});

test('a last save that fails keeps the server, and refuses nothing', async () => {
  const server = await startTessera(['--save', '900 1']);
  const client = await server.connect();
  await client.command(['SET', 'k', 'v']);
  mkdirSync(join(server.directory, 'dump.rdb'));
  expect(await client.command(['SHUTDOWN'])).toBe(FAILED);
  expect(server.log()).toContain("Error trying to save the DB, can't exit");
  server.signal('SIGTERM');
  await waitUntil('the end of it', () => server.log().includes('SIGTERM received but errors'));
  expect(await client.command(['PING'])).toBe('+PONG\r\n');
  expect(await client.command(['SET', 'k', 'w'])).toBe(OK);
  client.send('SHUTDOWN FORCE\r\n');
  expect(await server.ended).toBe(0);
});
