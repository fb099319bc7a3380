/**
 * WATCH under contention: no update is lost, and whatever changes a watched key aborts the
 * transaction.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeReply } from '../support/decode-reply.ts';
import type { RawClient } from '../support/raw-client.ts';
import { startTessera, type Tessera, waitUntil } from '../support/tessera.ts';
import { TOPOLOGIES } from './topologies.ts';

const CLIENTS = 6;
const INCREMENTS = 25;
const NULL_ARRAY = '*-1\r\n';
const OK = '+OK\r\n';

/** Optimistic increments of two counters at once. */
async function increment(client: RawClient): Promise<void> {
  for (let done = 0; done < INCREMENTS; ) {
    await client.command(['WATCH', 'a', 'b']);
    const [a, b] = decodeReply(await client.command(['MGET', 'a', 'b'])) as [string, string];
    const commands = [
      ['MULTI'],
      ['SET', 'a', Number(a) + 1],
      ['SET', 'b', Number(b) + 1],
      ['EXEC'],
    ];
    const replies = await Promise.all(commands.map((words) => client.command(words)));
    if (replies[3] !== NULL_ARRAY) done += 1;
  }
}

type Changes = readonly (readonly (string | number)[])[];

/** What another client does to the watched key `k` (string "v", in database 0). */
const CHANGES: readonly (readonly [string, Changes])[] = [
  ['SET', [['SET', 'k', 'v']]],
  ['APPEND', [['APPEND', 'k', 'x']]],
  ['SETRANGE', [['SETRANGE', 'k', 0, 'w']]],
  ['DEL', [['DEL', 'k']]],
  ['EXPIRE', [['EXPIRE', 'k', 100]]],
  ['GETDEL', [['GETDEL', 'k']]],
  ['MSET', [['MSET', 'other', 1, 'k', 2, 'third', 3]]],
  ['RENAME away', [['RENAME', 'k', 'elsewhere']]],
  [
    'RENAME over',
    [
      ['SET', 'new', 1],
      ['RENAME', 'new', 'k'],
    ],
  ],
  [
    'COPY over',
    [
      ['SET', 'new', 1],
      ['COPY', 'new', 'k', 'REPLACE'],
    ],
  ],
  ['MOVE', [['MOVE', 'k', 5]]],
  ['FLUSHDB', [['FLUSHDB']]],
  ['FLUSHALL', [['SELECT', 3], ['FLUSHALL']]],
  ['SWAPDB', [['SWAPDB', 0, 4]]],
  ['BITOP', [['BITOP', 'NOT', 'k', 'other']]],
  ['EXEC', [['MULTI'], ['INCR', 'other'], ['SET', 'k', 'x'], ['EXEC']]],
];

/** What does not touch it. */
const NON_CHANGES: readonly Changes[] = [
  [['GET', 'k']],
  [['SET', 'k2', 1]],
  [['SETNX', 'k', 'x']],
  [['DEL', 'nokey']],
  [
    ['SELECT', 1],
    ['SET', 'k', 'x'],
  ],
  [['SELECT', 1], ['FLUSHDB']],
  [['PERSIST', 'k']],
  [['RENAME', 'nokey', 'k']],
];

describe.each(TOPOLOGIES)('%s', (_name, args) => {
  let server: Tessera;
  let first: RawClient;
  let second: RawClient;

  beforeAll(async () => {
    server = await startTessera(args);
    [first, second] = [await server.connect(), await server.connect()];
  });

  afterAll(async () => {
    expect(await server.stop()).toBe(0);
  });

  test('no optimistic increment is lost', async () => {
    const clients = await Promise.all(Array.from({ length: CLIENTS }, () => server.connect()));
    await first.command(['MSET', 'a', 0, 'b', 0]);
    await Promise.all(clients.map(increment));
    const total = String(CLIENTS * INCREMENTS);
    expect(decodeReply(await first.command(['MGET', 'a', 'b']))).toEqual([total, total]);
    for (const client of clients) client.close();
  });

  /**
   * The reply of a transaction of `first` that watches `k`, when `second` runs `changes` meanwhile.
   */
  async function transact(changes: Changes): Promise<string> {
    await second.command(['FLUSHALL']);
    await second.command(['SELECT', 0]);
    await second.command(['MSET', 'k', 'v', 'other', 1]);
    expect(await first.command(['WATCH', 'k', 'unrelated'])).toBe(OK);
    for (const words of changes) expect(await second.command(words)).not.toMatch(/^-ERR unk/);
    await first.command(['MULTI']);
    await first.command(['SET', 'result', 1]);
    return first.command(['EXEC']);
  }

  test('what changes a key aborts, what does not does not', async () => {
    for (const [name, changes] of CHANGES) {
      expect([name, await transact(changes)]).toEqual([name, NULL_ARRAY]);
    }
    for (const changes of NON_CHANGES) {
      expect([changes, await transact(changes)]).toEqual([changes, '*1\r\n+OK\r\n']);
    }
  });

  test('an absent key: flushed while absent, and brought by SWAPDB', async () => {
    await second.command(['SELECT', 0]);
    await second.command(['SET', 'present', 1]);
    expect(await first.command(['WATCH', 'absent'])).toBe(OK);
    await second.command(['FLUSHALL']);
    await first.command(['MULTI']);
    expect(await first.command(['EXEC'])).toBe('*0\r\n');
    await second.command(['SELECT', 6]);
    await second.command(['SET', 'absent', 1]);
    expect(await first.command(['WATCH', 'absent'])).toBe(OK);
    await second.command(['SWAPDB', 0, 6]);
    await first.command(['MULTI']);
    expect(await first.command(['EXEC'])).toBe(NULL_ARRAY);
  });

  test('expiry', () => expires(first));

  test('watches end with UNWATCH, DISCARD, RESET, EXEC and the connection', async () => {
    await gone(server, first, second);
  });

  test('very many keys in one WATCH', async () => {
    const names = Array.from({ length: 20_000 }, (_, i) => `many:${i}`);
    for (const changed of [0, 4096, 19_999]) {
      expect(await first.command(['WATCH', ...names])).toBe(OK);
      await second.command(['SELECT', 0]);
      await second.command(['SET', names[changed]!, changed]);
      await first.command(['MULTI']);
      expect(await first.command(['EXEC'])).toBe(NULL_ARRAY);
    }
    expect(await first.command(['INFO', 'clients'])).toContain('total_watched_keys:0\r');
  });
});

/** A watched key that expires is a change; one that had expired before WATCH is none. */
async function expires(client: RawClient): Promise<void> {
  // Time enough to be watched before it expires, on a busy machine too.
  await Promise.all([
    client.command(['SET', 'short', 1, 'PX', 500]),
    client.command(['WATCH', 'short']),
  ]);
  await waitUntil('the key to expire', async () => {
    const left = await client.command(['PTTL', 'short']);
    return left === ':-2\r\n';
  });
  await client.command(['MULTI']);
  expect(await client.command(['EXEC'])).toBe(NULL_ARRAY);
  await client.command(['WATCH', 'short']);
  await client.command(['MULTI']);
  expect(await client.command(['EXEC'])).toBe('*0\r\n');
}

/** Watches of clients that went away, by UNWATCH, DISCARD, RESET or close, do not harm. */
async function gone(server: Tessera, first: RawClient, second: RawClient): Promise<void> {
  await second.command(['SELECT', 0]);
  for (const way of ['UNWATCH', 'RESET', 'DISCARD', 'EXEC']) {
    await first.command(['WATCH', 'k', 'k', 'l']);
    if (way === 'DISCARD' || way === 'EXEC') await first.command(['MULTI']);
    await first.command([way]);
    await second.command(['SET', 'k', way]);
    await first.command(['MULTI']);
    expect([way, await first.command(['EXEC'])]).toEqual([way, '*0\r\n']);
  }
  for (let i = 0; i < 30; i++) {
    const third = await server.connect();
    // Every other one is gone before its WATCH is answered.
    const watching = third.command(['WATCH', 'k', 'm']).catch(() => '');
    if (i % 2 === 0) await watching;
    third.close();
  }
  await waitUntil('their watches to be given back', async () => {
    return (await second.command(['INFO', 'clients'])).includes('total_watched_keys:0\r');
  });
  expect(await second.command(['SET', 'k', 1])).toBe(OK);
  expect(decodeReply(await second.command(['GET', 'k']))).toBe('1');
}
