/**
 * Damaged payloads: their checksums are right, so that the values are looked at. Each must be
 * refused and leave nothing behind, or be a value that holds all invariants.
 */
import { describe, expect, test } from 'vitest';
import { LocalRunner } from '../support/local-runner.ts';
import { withRandom } from '../support/random.ts';
import {
  bytesOf,
  DATA_COMMANDS,
  element,
  listpack,
  little,
  payloadOf,
  resealed,
  string,
  text,
  ziplist,
  ziplistText,
  zipmap,
} from './payload.ts';
import { groupOf, producerOf, producersOf, rawOf, streamOf } from './stream-payload.ts';

const OK = '+OK\r\n';
const BAD = '-ERR Bad data format\r\n';
const VERSION = 14;
const FUZZ_ROUNDS = 4000;

const names = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `m:${i % 7}${i}`);

/** Commands that make a key `k`, small ones of every encoding. */
const MADE: Readonly<Record<string, readonly (readonly string[])[]>> = {
  integer: [['SET', 'k', '12345']],
  text: [['SET', 'k', 'hello']],
  'compressed text': [['SET', 'k', 'abcabcabcabcabcabcabcabcabcabc']],
  list: [['RPUSH', 'k', 'a', '1', '-70000', 'hello', '5000000000']],
  'list of nodes': [['RPUSH', 'k', ...names(60)]],
  intset: [['SADD', 'k', '1', '2', '70000']],
  set: [['SADD', 'k', 'a', 'b', '5']],
  zset: [['ZADD', 'k', '1', 'a', '1.5', 'b', 'inf', 'c']],
  hash: [['HSET', 'k', 'f', '1', 'g', 'text']],
  'hash table': [['HSET', 'k', 'f', 'y'.repeat(65), 'g', '1']],
  'expiring hash': [
    ['HSET', 'k', 'f', '1', 'g', '2'],
    ['HPEXPIRE', 'k', '100000', 'FIELDS', '1', 'f'],
  ],
  'expiring hash table': [
    ['HSET', 'k', 'f', 'y'.repeat(65), 'g', '2'],
    ['HPEXPIRE', 'k', '100000', 'FIELDS', '1', 'f'],
  ],
};

const WRITTEN: Readonly<Record<string, Buffer>> = {
  zipmap: payloadOf(
    9,
    string(
      zipmap(
        [
          ['a', '1'],
          ['bc', 'd'],
        ],
        1,
      ),
    ),
  ),
  'list ziplist': payloadOf(
    10,
    string(ziplist([ziplistText('a'), Buffer.of(0xf3), ziplistText('bc')])),
  ),
  'zset ziplist': payloadOf(12, string(ziplist([ziplistText('a'), Buffer.of(0xf3)]))),
  'hash ziplist': payloadOf(13, string(ziplist([ziplistText('a'), Buffer.of(0xc0, 1, 2)]))),
  'list of ziplists': payloadOf(14, bytesOf([1], string(ziplist([ziplistText('a')])))),
  'zset listpack': payloadOf(
    17,
    string(listpack([text('a'), text('1.5'), text('b'), element([7])])),
  ),
  'set listpack': payloadOf(20, string(listpack([text('a'), element([7])]))),
  stream: payloadOf(19, streamOf(19, { groups: [groupOf(19, {})] })),
  'stream of 5.0': payloadOf(15, streamOf(15, { groups: [groupOf(15, {})] })),
  'stream of 8.8': payloadOf(
    27,
    streamOf(27, { groups: [groupOf(27, { released: [rawOf(5, 0)], owned: [rawOf(1, 1)] })] }),
    14,
  ),
  'stream with producers': payloadOf(
    26,
    streamOf(26, { producers: producersOf(9, 8, [producerOf('p', [['i', [1, 1]]])], 3, 4) }),
    13,
  ),
  'zset with texts': payloadOf(3, bytesOf([1], string('a'), [3], '1.5')),
};

function newRunner(): LocalRunner {
  const runner = new LocalRunner(DATA_COMMANDS, { shards: 1, arenaBytes: 1 << 23 });
  runner.state.limits.listMaxListpackSize = 16;
  return runner;
}

function payloads(): readonly (readonly [string, Buffer])[] {
  const made = Object.entries(MADE).map(([name, commands]): readonly [string, Buffer] => {
    const runner = newRunner();
    for (const command of commands) runner.run(...command);
    const reply = runner.run('DUMP', 'k');
    return [name, Buffer.from(reply.slice(reply.indexOf('\r\n') + 2, -2), 'latin1')];
  });
  return [...made, ...Object.entries(WRITTEN)];
}

const PAYLOADS = payloads();

/** Restores and checks; true when it was taken. */
function tryRestore(runner: LocalRunner, payload: Uint8Array, used: number): boolean {
  const reply = runner.run('RESTORE', 'd', '0', payload);
  if (reply === OK) {
    runner.checkInvariants();
    expect(runner.run('DUMP', 'd').startsWith('$')).toBe(true);
    expect(runner.run('DEL', 'd')).toBe(':1\r\n');
  } else {
    expect(reply).toBe(BAD);
  }
  while (!runner.shards[0]!.lazy.step(1000));
  expect(runner.shards[0]!.arena.usedBytes()).toBe(used);
  return reply === OK;
}

/** Bytes in use once there has been a key of that name. */
function bytesInUse(runner: LocalRunner, payload: Uint8Array): number {
  expect(runner.run('RESTORE', 'd', '0', payload)).toBe(OK);
  runner.run('DEL', 'd');
  while (!runner.shards[0]!.lazy.step(1000));
  return runner.shards[0]!.arena.usedBytes();
}

describe.each(PAYLOADS)('%s', (_name, payload) => {
  test('each byte is damaged, the first ones in every way', () => {
    const runner = newRunner();
    const used = bytesInUse(runner, payload);
    for (let at = 0; at < payload.length - 10; at++) {
      const step = at < 12 ? 1 : 7;
      for (let byte = at % step; byte < 256; byte += step) {
        const damaged = Buffer.from(payload);
        damaged[at] = byte;
        tryRestore(runner, resealed(damaged), used);
      }
    }
  });

  test('cut off anywhere', () => {
    const runner = newRunner();
    const used = bytesInUse(runner, payload);
    const body = payload.subarray(1, payload.length - 10);
    for (let end = 0; end < body.length; end++) {
      const cut = payloadOf(payload[0]!, body.subarray(0, end), VERSION);
      expect(tryRestore(runner, cut, used), `${end} bytes`).toBe(false);
    }
  });

  test('as any other type', () => {
    const runner = newRunner();
    const used = bytesInUse(runner, payload);
    const body = payload.subarray(1, payload.length - 10);
    for (let type = 0; type < 256; type++) tryRestore(runner, payloadOf(type, body, VERSION), used);
  });
});

test('random damage', async () => {
  await withRandom(async (random) => {
    const runner = newRunner();
    const used = bytesInUse(runner, PAYLOADS[0]![1]);
    for (let round = 0; round < FUZZ_ROUNDS; round++) {
      const damaged = Buffer.from(random.pick(PAYLOADS)[1]);
      for (let i = random.below(4); i >= 0; i--) {
        damaged[random.below(damaged.length - 10)] = random.oneIn(3) ? 0xff : random.below(256);
      }
      tryRestore(runner, resealed(damaged), used);
    }
  });
});

const HUGE = [0x80, 0xff, 0xff, 0xff, 0xff];
const HUGE_64 = [0x81, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
const NAN = Buffer.of(0, 0, 0, 0, 0, 0, 0xf8, 0x7f);

/** [what is wrong, type, value] */
const FORGED: readonly (readonly [string, number, Buffer])[] = [
  ['a string longer than the payload', 0, bytesOf(HUGE, 'x')],
  ['a string of 2^63 bytes', 0, bytesOf(HUGE_64, 'x')],
  ['LZF that claims to be large', 0, bytesOf([0xc3, 5], HUGE, [0, 0x61, 0xe0, 0, 0])],
  ['LZF that claims to be long', 0, bytesOf([0xc3], HUGE, [10, 0, 0x61, 0xe0, 0, 0])],
  ['LZF that is shorter than it says', 0, bytesOf([0xc3, 5, 11, 0, 0x61, 0xe0, 0, 0])],
  ['LZF that refers before its start', 0, bytesOf([0xc3, 4, 4, 0, 0x61, 0x20, 9])],
  ['a special string of no kind', 0, bytesOf([0xc4, 1, 2, 3, 4])],
  ['a length of no kind', 0, bytesOf([0x82, 1, 2, 3, 4])],
  ...[1, 2, 3, 4, 5, 14, 18].map((type): [string, number, Buffer] => [
    `too many elements of type ${type}`,
    type,
    bytesOf(HUGE, string('a'), string('b')),
  ]),
  ...[1, 2, 3, 4, 5, 14, 18].map((type): [string, number, Buffer] => [
    `no elements of type ${type}`,
    type,
    Buffer.of(0),
  ]),
  ['equal members', 2, bytesOf([2], string('a'), string('a'))],
  ['equal members of a large set', 2, bytesOf([2], string('a'.repeat(99)), string('a'.repeat(99)))],
  ['equal integers', 2, bytesOf([2], [0xc0, 1], string('1'))],
  ['equal fields', 4, bytesOf([2], string('a'), string('1'), string('a'), string('2'))],
  [
    'equal long fields',
    4,
    bytesOf([2], ...Array.from({ length: 4 }, () => string('a'.repeat(99)))),
  ],
  [
    'equal members of a sorted set',
    5,
    bytesOf([2], ...Array.from({ length: 2 }, () => bytesOf(string('a'), Buffer.alloc(8)))),
  ],
  ['a score that is no number', 5, bytesOf([1], string('a'), NAN)],
  ['a score text that is no number', 3, bytesOf([1], string('a'), [253])],
  ['a score text that is no text of a number', 3, bytesOf([1], string('a'), [1], 'x')],
  ['a listpack score that is no number', 17, string(listpack([text('a'), text('x')]))],
  ['equal members in a listpack', 20, string(listpack([text('a'), text('a')]))],
  ['a number as text and as a number', 20, string(listpack([text('5'), element([5])]))],
  [
    'equal fields in a listpack',
    16,
    string(listpack([text('a'), text('1'), text('a'), text('2')])),
  ],
  ['a field without a value', 16, string(listpack([text('a')]))],
  ['an empty listpack', 16, string(listpack([]))],
  ['an empty listpack of a set', 20, string(listpack([]))],
  ['a listpack with a wrong count', 16, string(listpack([text('a'), text('1')], 3))],
  ['a list of empty nodes', 18, bytesOf([1, 2], string(listpack([])))],
  ['a node of no kind', 18, bytesOf([1, 3], string(listpack([text('a')])))],
  ['an empty plain node', 18, bytesOf([1, 1, 0])],
  ['an intset with a width of 3', 11, string(bytesOf(little(3, 4), little(1, 4), [1, 2, 3]))],
  ['an intset in disorder', 11, string(bytesOf(little(2, 4), little(2, 4), [2, 0, 1, 0]))],
  ['an intset with equal integers', 11, string(bytesOf(little(2, 4), little(2, 4), [1, 0, 1, 0]))],
  [
    'an intset with too many integers',
    11,
    string(bytesOf(little(2, 4), little(2 ** 31, 4), [1, 0])),
  ],
  ['an empty intset', 11, string(bytesOf(little(2, 4), little(0, 4)))],
  [
    'a field that expires at no time',
    25,
    bytesOf(little(0, 8), string(listpack([text('a'), text('1'), text('x')]))),
  ],
  ['a stream', 15, bytesOf([1, 2, 3])],
  ['a module', 7, bytesOf([1, 2, 3])],
  ['nothing', 0, Buffer.alloc(0)],
];

test.each(FORGED)('%s', (_name, type, body) => {
  const runner = newRunner();
  const used = bytesInUse(runner, PAYLOADS[0]![1]);
  expect(tryRestore(runner, payloadOf(type, body, VERSION), used)).toBe(false);
});

test('versions and checksums', () => {
  const runner = newRunner();
  const refused = '-ERR DUMP payload version or checksum are wrong\r\n';
  const body = string('v');
  expect(runner.run('RESTORE', 'k', '0', payloadOf(0, body, 15))).toBe(refused);
  expect(runner.run('RESTORE', 'k', '0', payloadOf(0, body, 0x0a00))).toBe(refused);
  const payload = payloadOf(0, body, 1);
  for (let at = 0; at < payload.length; at++) {
    const damaged = Buffer.from(payload);
    damaged[at] = damaged[at]! ^ 1;
    expect(runner.run('RESTORE', 'k', '0', damaged)).toBe(refused);
  }
  const damaged = Buffer.from(payload);
  damaged.fill(0, damaged.length - 8);
  expect(runner.run('RESTORE', 'k', '0', damaged)).toBe(refused);
  expect(runner.run('DEBUG', 'SET-SKIP-CHECKSUM-VALIDATION', '1')).toBe(OK);
  expect(runner.run('RESTORE', 'k', '0', damaged)).toBe(OK);
  expect(runner.run('DEBUG', 'SET-SKIP-CHECKSUM-VALIDATION', '0')).toBe(OK);
  expect(runner.run('RESTORE', 'l', '0', damaged)).toBe(refused);
});

test('a full arena changes nothing', () => {
  const maker = new LocalRunner(DATA_COMMANDS, { shards: 1 });
  const many = Array.from({ length: 30_000 }, (_, i) => `member:${i}:${'x'.repeat(40)}`);
  maker.run('RPUSH', 'list', ...many);
  maker.run('SADD', 'set', ...many);
  maker.run('HSET', 'hash', ...many);
  maker.run('ZADD', 'zset', ...many.slice(0, 25_000).flatMap((name, i) => [String(i), name]));
  maker.run('SET', 'string', Array.from({ length: 3_000_000 }, (_, i) => (i * 7919) % 10).join(''));
  const runner = new LocalRunner(DATA_COMMANDS, { shards: 1, arenaBytes: 1 << 20 });
  runner.run('SET', 'k', 'old');
  const used = runner.shards[0]!.arena.usedBytes();
  for (const name of ['list', 'set', 'hash', 'zset', 'string']) {
    const reply = maker.run('DUMP', name);
    const payload = Buffer.from(reply.slice(reply.indexOf('\r\n') + 2, -2), 'latin1');
    expect(runner.run('RESTORE', 'k', '0', payload, 'REPLACE'), name).toMatch(/^-OOM /);
    while (!runner.shards[0]!.lazy.step(1000));
    expect(runner.shards[0]!.arena.usedBytes(), name).toBe(used);
    expect(runner.run('GET', 'k')).toBe('$3\r\nold\r\n');
    runner.checkInvariants();
  }
});
