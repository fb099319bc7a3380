/** Large work of one client: where it runs, what others feel of it, and where its memory ends. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RawClient } from '../support/raw-client.ts';
import { encodeCommand } from '../support/raw-client.ts';
import { startTessera, type Tessera, waitUntil } from '../support/tessera.ts';

const BIG_BYTES = 1024 * 1024;

let server: Tessera;
let client: RawClient;

beforeAll(async () => {
  server = await startTessera(['--shards', '2', '--client-query-buffer-limit', '4mb']);
  client = await server.connect();
});

afterAll(async () => {
  client.close();
  expect(await server.stop()).toBe(0);
});

async function transaction(...commands: readonly (readonly string[])[]): Promise<string> {
  await client.command(['MULTI']);
  for (const words of commands) expect(await client.command(words)).toBe('+QUEUED\r\n');
  return client.command(['EXEC']);
}

async function info(section: string, field: string): Promise<number> {
  const text = await client.command(['INFO', section]);
  return Number(new RegExp(`^${field}:.*?(\\d+)`, 'm').exec(text)?.[1] ?? Number.NaN);
}

/** Calls of a command so far. */
async function calls(name: string): Promise<number> {
  const text = await client.command(['INFO', 'commandstats']);
  return Number(new RegExp(`^cmdstat_${name}:calls=(\\d+)`, 'm').exec(text)?.[1] ?? 0);
}

test('a transaction whose reads turn out to be large is handed to a worker, whole', async () => {
  await client.command(['SET', 'big', 'x'.repeat(BIG_BYTES)]);
  await client.command(['WATCH', 'small']);
  const countedBefore = await calls('bitcount');
  const count = `:${BIG_BYTES * 4}\r\n`;
  expect(await transaction(['GET', 'small'], ['BITCOUNT', 'big'], ['BITCOUNT', 'big'])).toBe(
    `*3\r\n$-1\r\n${count}${count}`,
  );
  expect(await calls('bitcount')).toBe(countedBefore + 2);
  expect(await info('clients', 'total_watched_keys')).toBe(0);
});

test('a large read after a change', async () => {
  const count = `:${BIG_BYTES * 4}\r\n`;
  expect(await transaction(['INCR', 'n'], ['BITCOUNT', 'big'], ['INCR', 'n'])).toBe(
    `*3\r\n:1\r\n${count}:2\r\n`,
  );
});

test('a change of a watched key is seen by a transaction that is handed to a worker', async () => {
  const other = await server.connect();
  await client.command(['WATCH', 'w']);
  await other.command(['SET', 'w', '1']);
  expect(await transaction(['BITCOUNT', 'big'], ['SET', 'w', '2'])).toBe('*-1\r\n');
  expect(await client.command(['GET', 'w'])).toBe('$1\r\n1\r\n');
  other.close();
});

test('the queue of a transaction counts against client-query-buffer-limit', async () => {
  const greedy = await server.connect();
  await greedy.command(['MULTI']);
  const words = ['SET', 'k', 'x'.repeat(BIG_BYTES)];
  for (let i = 0; i < 6 && !greedy.isClosed; i++) greedy.send(encodeCommand(words));
  await waitUntil('the close', () => greedy.isClosed);
  await waitUntil('its log line', () => server.log().includes('max query buffer length'));
});

test('a ready reply does not wait for the slow commands behind it', async () => {
  const slow = await Promise.all(Array.from({ length: 8 }, () => server.connect()));
  const before = await calls('debug\\|sleep');
  const replies = slow.map((one) => one.command(['DEBUG', 'SLEEP', '0.05']));
  // The first one ran alone; the others came into the ring meanwhile.
  await replies[1];
  expect(await calls('debug\\|sleep')).toBeLessThan(before + slow.length);
  await Promise.all(replies);
  for (const one of slow) one.close();
});
