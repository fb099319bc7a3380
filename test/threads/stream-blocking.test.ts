/** Clients that wait for entries of streams, beside redis-server. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeCommand, RawClient } from '../support/raw-client.ts';
import { redisServerPath, startRedis } from '../support/redis-server.ts';
import { startTessera, type Tessera, waitUntil } from '../support/tessera.ts';
import { transcript } from './blocking-stage.ts';
import { STREAM_SCENARIOS } from './stream-blocking-scenarios.ts';
import { TOPOLOGIES } from './topologies.ts';

/** Replies that are others since Redis 7.0, and what stands for both in a comparison. */
const SINCE_7_0: readonly (readonly [why: string, reply: RegExp, both: string])[] = [
  [
    'since 7.2 a client whose stream or group is gone runs its command again and fails with that',
    /^(\w<\t)-(UNBLOCKED the stream key|NOGROUP|WRONGTYPE) .*\r\n$/,
    '$1woken',
  ],
  [
    'XREAD knows + since 7.4, and names the command',
    /-ERR Unbalanced (?:XREAD|'xread') list.*\r\n$/,
    'unbalanced',
  ],
  ['HELLO tells the version', /^(\w> HELLO).*/s, '$1'],
];

function comparable(replies: readonly string[]): string[] {
  return replies.map((reply) => {
    return SINCE_7_0.reduce((text, [, from, both]) => text.replace(from, both), reply);
  });
}

// ---- what Redis 7.0 does not have, or says otherwise

type Value = string | number | null | readonly Value[];

/** RESP2 of a value; `idle` stands for any integer. */
function resp(value: Value): string {
  if (value === null) return '*-1\r\n';
  if (value === 'idle') return ':idle\r\n';
  if (typeof value === 'number') return `:${value}\r\n`;
  if (typeof value === 'string') return `$${value.length}\r\n${value}\r\n`;
  return `*${value.length}\r\n${value.map(resp).join('')}`;
}

const noGroup = (key: string, group = 'g'): string =>
  `-NOGROUP No such key '${key}' or consumer group '${group}' in XREADGROUP with GROUP option\r\n`;
const WRONG_TYPE = '-WRONGTYPE Operation against a key holding the wrong kind of value\r\n';

/** An entry, or one with how long it was idle and how often it was delivered before. */
const entry = (id: string, deliveries = -1): Value => {
  const plain: Value = [id, ['f', 'v']];
  return deliveries < 0 ? plain : [...plain, deliveries === 0 ? 0 : 'idle', deliveries];
};
const of = (key: string, ...entries: readonly Value[]): string => resp([[key, entries]]);

const GROUP = 'd> XGROUP CREATE k g $ MKSTREAM';
const claim = (consumer: string, ms: number, block = 0, streams = 'k >'): string =>
  `XREADGROUP GROUP g ${consumer} BLOCK ${block} CLAIM ${ms} STREAMS ${streams}`;

/**
 * Age from which an entry is claimed: more than it takes to see that its claimer waits, also where
 * other tests keep the machine busy.
 */
const OLD_MS = 500;

/** Scenarios with the replies of clients a, b and c. */
const OF_LATER: readonly (readonly [name: string, steps: string, ...replies: string[]])[] = [
  [
    'what clients are told whose group is gone',
    `${GROUP}|a: XREADGROUP GROUP g a BLOCK 0 STREAMS k >|d> DEL k|a<|${GROUP}|` +
      'a: XREADGROUP GROUP g a BLOCK 0 STREAMS k >|d> XGROUP DESTROY k g|a<|d> FLUSHALL|' +
      `${GROUP}|a: XREADGROUP GROUP g a BLOCK 0 STREAMS k >|d> SET k v|a<`,
    noGroup('k'),
    noGroup('k'),
    WRONG_TYPE,
  ],
  [
    'the last entry, or the next where there is none',
    'a: XREAD BLOCK 0 STREAMS k +|d> XADD k 1-1 f v|a<|d> XADD k 1-2 f v|' +
      'a> XREAD BLOCK 0 STREAMS k +|d> XDEL k 1-2|a> XREAD BLOCK 0 STREAMS j k + +|d> XDEL k 1-1|' +
      'a: XREAD BLOCK 0 STREAMS j k + +|d> XADD k 2-0 f v|a<|' +
      'd> XADD k 18446744073709551615-18446744073709551615 f v|a> XREAD STREAMS k +',
    of('k', entry('1-1')),
    of('k', entry('1-2')),
    of('k', entry('1-1')),
    of('k', entry('2-0')),
    of('k', entry('18446744073709551615-18446744073709551615')),
  ],
  [
    'the last of several entries that came together',
    'a: XREAD BLOCK 0 STREAMS k +|d> MULTI|d> XADD k 1-1 f v|d> XADD k 1-2 f v|d> EXEC|a<',
    of('k', entry('1-2')),
  ],
  [
    'CLAIM takes what was pending for long, once time has passed',
    `${GROUP}|d> XADD k 1-1 f v|a> XREADGROUP GROUP g a STREAMS k >|b: ${claim('b', OLD_MS)}|b<|` +
      `d> XPENDING k g|c> ${claim('c', 0, 1)}`,
    of('k', entry('1-1')),
    of('k', entry('1-1', 1)),
    of('k', entry('1-1', 2)),
  ],
  [
    'CLAIM takes what is there at once, the pending entries first',
    `${GROUP}|d> XADD k 1-1 f v|a> XREADGROUP GROUP g a STREAMS k >|d> XADD k 1-2 f v|` +
      `b> ${claim('b', 0)}|b> ${claim('b', 100_000, 1)}`,
    of('k', entry('1-1')),
    of('k', entry('1-1', 1), entry('1-2', 0)),
    resp(null),
  ],
  [
    'CLAIM takes a new entry while it waits',
    `${GROUP}|d> XADD k 1-1 f v|a> XREADGROUP GROUP g a STREAMS k >|b: ${claim('b', 100_000)}|` +
      'd> XADD k 1-2 f v|b<',
    of('k', entry('1-1')),
    of('k', entry('1-2', 0)),
  ],
  [
    'one of two that CLAIM gets an entry',
    `${GROUP}|d> XADD k 1-1 f v|a> XREADGROUP GROUP g a STREAMS k >|b: ${claim('b', OLD_MS)}|` +
      `b<|c: ${claim('c', 100_000)}|d> XADD k 1-2 f v|c<|d> XPENDING k g`,
    of('k', entry('1-1')),
    of('k', entry('1-1', 1)),
    of('k', entry('1-2', 0)),
  ],
  [
    'CLAIM of an entry that becomes pending while it waits',
    `${GROUP}|b: ${claim('b', 50)}|d> MULTI|d> XADD k 1-1 f v|` +
      'd> XREADGROUP GROUP g a STREAMS k >|d> EXEC|b<',
    of('k', entry('1-1', 1)),
  ],
  [
    'CLAIM from the second of several streams on several shards',
    `${GROUP}|d> XGROUP CREATE j g $ MKSTREAM|d> XGROUP CREATE l g $ MKSTREAM|d> XADD l 1-1 f v|` +
      `a> XREADGROUP GROUP g a STREAMS l >|b: ${claim('b', OLD_MS, 0, 'k l j > > >')}|b<`,
    of('l', entry('1-1')),
    of('l', entry('1-1', 1)),
  ],
  [
    'what was acknowledged is not there to be claimed',
    `${GROUP}|d> XADD k 1-1 f v|a> XREADGROUP GROUP g a STREAMS k >|b: ${claim('b', 4 * OLD_MS)}|` +
      'd> XACK k g 1-1|d> XADD k 1-2 f v|b<',
    of('k', entry('1-1')),
    of('k', entry('1-2', 0)),
  ],
  [
    'time is over before an entry is old enough',
    `${GROUP}|d> XADD k 1-1 f v|a> XREADGROUP GROUP g a STREAMS k >|a> ${claim('a', 100_000, 5)}|` +
      `b: ${claim('b', 100_000)}|d> XGROUP DESTROY k g|b<|a> CLIENT ID|a> PING`,
    of('k', entry('1-1')),
    resp(null),
    noGroup('k'),
  ],
];

const isInstalled = redisServerPath() !== null;
const expected = new Map<string, readonly string[]>();

beforeAll(async () => {
  if (!isInstalled) return;
  const redis = await startRedis();
  try {
    for (const [name, steps] of STREAM_SCENARIOS) {
      expected.set(name, comparable(await transcript(redis.port, steps)));
    }
  } finally {
    await redis.stop();
  }
});

describe.each(TOPOLOGIES)('%s', (_, args) => {
  let server: Tessera;

  beforeAll(async () => {
    server = await startTessera([...args, '--save', '']);
  });

  afterAll(async () => {
    expect(await server.stop()).toBe(0);
  });

  test.skipIf(!isInstalled).each(STREAM_SCENARIOS)('as redis-server: %s', async (name, steps) => {
    expect(comparable(await transcript(server.port, steps))).toEqual(expected.get(name));
  });

  test.each(OF_LATER)('%s', async (_name, steps, ...replies) => {
    const told = await transcript(server.port, steps);
    const ofClients = told.filter((line) => /^[abc][<>](?! (CLIENT|PING))/.test(line));
    const texts = ofClients.map((line) => {
      return line.slice(line.indexOf('\t') + 1).replace(/:\d+(\r\n:[1-9]\d*\r\n)/g, ':idle$1');
    });
    expect(texts).toEqual(replies);
  });

  test('RESTORE onto a key that is waited for', async () => {
    const [a, b, c] = await Promise.all([1, 2, 3].map(() => RawClient.connect(server.port)));
    const blocked = async (count: number) =>
      (await c!.command(['INFO', 'clients'])).includes(`blocked_clients:${count}\r\n`);
    await c!.command(['FLUSHALL']);
    await c!.command(['XADD', 't', '1-1', 'f', 'v']);
    await c!.command(['XGROUP', 'CREATE', 't', 'g', '0']);
    const dumped = await c!.command(['DUMP', 't']);
    const payload = dumped.slice(dumped.indexOf('\n') + 1, -2);
    a!.send(encodeCommand(['XREAD', 'BLOCK', '0', 'STREAMS', 'k', '$']));
    await waitUntil('a reader', () => blocked(1));
    expect(await c!.command(['RESTORE', 'k', '0', payload])).toBe('+OK\r\n');
    expect(await a!.readReply()).toBe(of('k', entry('1-1')));
    await c!.command(['XGROUP', 'SETID', 'k', 'g', '$']);
    b!.send(encodeCommand(['XREADGROUP', 'GROUP', 'g', 'b', 'BLOCK', '0', 'STREAMS', 'k', '>']));
    await waitUntil('a consumer', () => blocked(1));
    expect(await c!.command(['RESTORE', 'k', '0', payload, 'REPLACE'])).toBe('+OK\r\n');
    expect(await b!.readReply()).toBe(of('k', entry('1-1')));
    for (const client of [a, b, c]) client!.close();
  });
});
