/** Streams of whole servers that are started again, from the files of both kinds. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { decodeReply } from '../support/decode-reply.ts';
import type { RawClient } from '../support/raw-client.ts';
import { startTessera, type Tessera, waitUntil } from '../support/tessera.ts';

let directory = '';
let server: Tessera | null = null;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tessera-streams-'));
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

async function stop(): Promise<void> {
  expect(await server!.stop()).toBe(0);
  server = null;
}

const words = (text: string): string[] => text.split(' ');

const COMMANDS: readonly string[] = [
  'XADD s 1-1 a b',
  'XADD s 2-1 a c',
  'XADD s 3-1 a d',
  'XDEL s 2-1',
  'XGROUP CREATE s g 0',
  'XREADGROUP GROUP g alice COUNT 1 STREAMS s >',
  'XREADGROUP GROUP g bob STREAMS s >',
  'XNACK s g FATAL IDS 1 3-1',
  'XGROUP CREATE empty g $ MKSTREAM',
  'XADD p IDMP producer one * a b',
  'XCFGSET p IDMP-DURATION 5000 IDMP-MAXSIZE 3',
  'XADD p IDMP producer one * a b',
  'XADD p IDMP producer two * a c',
];

/** Everything that does not depend on the time. */
async function contents(client: RawClient): Promise<unknown[]> {
  const all: unknown[] = [];
  for (const text of [
    ...['XRANGE s - +', 'XRANGE p - +', 'XINFO GROUPS s', 'XINFO GROUPS empty', 'XLEN empty'],
    ...['XPENDING s g', 'XINFO STREAM s', 'XINFO STREAM empty', 'XINFO STREAM p'],
  ]) {
    all.push(decodeReply(await client.command(words(text))));
  }
  const pending = decodeReply(await client.command(words('XPENDING s g - + 9'))) as unknown[][];
  all.push(pending.map(([id, consumer, , count]) => [id, consumer, String(count)]));
  return all;
}

/** The second entry that the producer has added, when it sends it again. */
async function sentAgain(client: RawClient): Promise<string> {
  return client.command(words('XADD p IDMP producer two * a c'));
}

async function fill(client: RawClient): Promise<void> {
  for (const text of COMMANDS) {
    expect(await client.command(words(text)), text).not.toMatch(/^-/);
  }
}

test.each(['yes', 'no'])('from a log, its base %s an RDB file', async (preamble) => {
  const args = ['--appendonly', 'yes', '--aof-use-rdb-preamble', preamble];
  let client = await start(...args);
  await fill(client);
  const before = await contents(client);
  client.close();
  await stop();
  client = await start(...args);
  expect(await contents(client)).toEqual(before);
  expect(await client.command(['BGREWRITEAOF'])).toMatch(/^\+/);
  await waitUntil('the rewrite', async () => {
    const info = await client.command(['INFO', 'persistence']);
    return /aof_rewrite_in_progress:0/.test(info) && /aof_rewrite_scheduled:0/.test(info);
  });
  client.close();
  await stop();
  client = await start(...args);
  const after = await contents(client);
  if (preamble === 'yes') expect(after).toEqual(before);
  else expect(after.slice(0, 8)).toEqual(before.slice(0, 8));
  const ids = (decodeReply(await client.command(words('XRANGE p - +'))) as string[][]).map(
    ([id]) => id,
  );
  expect(decodeReply(await sentAgain(client))).toBe(ids[2]);
  client.close();
  await stop();
});

test('from a snapshot', async () => {
  let client = await start();
  await fill(client);
  const before = await contents(client);
  const again = await sentAgain(client);
  expect(await client.command(['SAVE'])).toBe('+OK\r\n');
  client.close();
  await stop();
  client = await start();
  const after = await contents(client);
  expect(after.filter((_, i) => i !== 8)).toEqual(before.filter((_, i) => i !== 8));
  expect(await sentAgain(client)).toBe(again);
  client.close();
  await stop();
});
