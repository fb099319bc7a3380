/** RESTORE of values in every encoding of every version, written by hand. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeReply } from '../support/decode-reply.ts';
import { LocalRunner } from '../support/local-runner.ts';
import { type RedisServer, redisServerPath, startRedis } from '../support/redis-server.ts';
import {
  bytesOf,
  DATA_COMMANDS,
  element,
  length,
  listpack,
  little,
  payloadOf,
  string,
  text,
  ziplist,
  ziplistText,
  zipmap,
} from './payload.ts';

const OK = '+OK\r\n';
const LONG = 'x'.repeat(300);

/** [encoding byte, bytes of the integer] of ziplists, and what they mean. */
const ZIPLIST_INTEGERS: readonly (readonly [readonly number[], string])[] = [
  [[0xf1], '0'],
  [[0xfd], '12'],
  [[0xfe, 0x80], '-128'],
  [[0xc0, 0xff, 0x7f], '32767'],
  [[0xf0, 0, 0, 0x80], '-8388608'],
  [[0xd0, 0, 0, 0, 0x80], '-2147483648'],
  [[0xe0, 0, 0, 0, 0, 0, 0, 0, 0x80], '-9223372036854775808'],
  [[0xe0, 1, 0, 0, 0, 1, 0, 0, 0], '4294967297'],
];

const integerEntries = ZIPLIST_INTEGERS.map(([bytes]) => Buffer.from(bytes));
const integerTexts = ZIPLIST_INTEGERS.map(([, value]) => value);
const doubleOf = (x: number): Buffer => {
  const out = Buffer.alloc(8);
  out.writeDoubleLE(x);
  return out;
};

/** name: [type, value, how to look at it, what is seen, whether Redis 7.0 knows the type] */
type Row = readonly [number, Buffer, readonly string[], unknown, boolean];

const ROWS: Readonly<Record<string, Row>> = {
  'string as an integer of 8 bits': [0, bytesOf([0xc0, 0x85]), ['GET', 'k'], '-123', true],
  'string as an integer of 16 bits': [0, bytesOf([0xc1, 0, 0x80]), ['GET', 'k'], '-32768', true],
  'string as an integer of 32 bits': [
    0,
    bytesOf([0xc2, 0xff, 0xff, 0xff, 0x7f]),
    ['GET', 'k'],
    '2147483647',
    true,
  ],
  'string by LZF': [
    0,
    bytesOf([0xc3, 5, 10, 0, 0x61, 0xe0, 0, 0]),
    ['GET', 'k'],
    'aaaaaaaaaa',
    true,
  ],
  'string with a length of 32 bits': [
    0,
    bytesOf([0x80, 0, 0, 0, 2], 'ab'),
    ['GET', 'k'],
    'ab',
    true,
  ],
  'string with a length of 64 bits': [
    0,
    bytesOf([0x81, 0, 0, 0, 0, 0, 0, 0, 2], 'ab'),
    ['GET', 'k'],
    'ab',
    true,
  ],
  'empty string': [0, bytesOf([0]), ['GET', 'k'], '', true],
  'plain list': [
    1,
    bytesOf([3], string('a'), string(LONG), [0xc0, 7]),
    ['LRANGE', 'k', '0', '-1'],
    ['a', LONG, '7'],
    true,
  ],
  'plain set of integers': [
    2,
    bytesOf([2], [0xc0, 7], string('-3')),
    ['SMEMBERS', 'k'],
    ['-3', '7'],
    true,
  ],
  'plain set': [2, bytesOf([2], string('a'), [0xc0, 7]), ['SISMEMBER', 'k', '7'], 1, true],
  'sorted set with texts': [
    3,
    bytesOf(
      [4],
      string('a'),
      [3],
      '1.5',
      string('b'),
      [254],
      string('c'),
      [255],
      string('d'),
      [2],
      '-7',
    ),
    ['ZRANGE', 'k', '0', '-1', 'WITHSCORES'],
    ['c', '-inf', 'd', '-7', 'a', '1.5', 'b', 'inf'],
    true,
  ],
  'sorted set with doubles': [
    5,
    bytesOf([2], string('b'), doubleOf(2.25), string('a'), doubleOf(-1)),
    ['ZRANGE', 'k', '0', '-1', 'WITHSCORES'],
    ['a', '-1', 'b', '2.25'],
    true,
  ],
  'plain hash': [4, bytesOf([1], string('f'), string('v')), ['HGETALL', 'k'], ['f', 'v'], true],
  zipmap: [
    9,
    string(
      zipmap(
        [
          ['a', '1'],
          [LONG, 'b'],
          ['c', LONG],
        ],
        3,
      ),
    ),
    ['HMGET', 'k', 'a', LONG, 'c'],
    ['1', 'b', LONG],
    true,
  ],
  'ziplist list': [
    10,
    string(ziplist([...integerEntries, ziplistText(LONG), ziplistText('z')])),
    ['LRANGE', 'k', '0', '-1'],
    [...integerTexts, LONG, 'z'],
    true,
  ],
  'ziplist with a long string': [
    10,
    string(ziplist([bytesOf([0x80, 0, 0, 0x80, 0], Buffer.alloc(0x8000, 0x79))])),
    ['LLEN', 'k'],
    1,
    true,
  ],
  'ziplist of unknown count': [
    10,
    string(ziplist([ziplistText('a')], 0xffff)),
    ['LRANGE', 'k', '0', '-1'],
    ['a'],
    true,
  ],
  intset: [
    11,
    string(bytesOf(little(4, 4), little(2, 4), little(5, 4), little(70_000, 4))),
    ['SMEMBERS', 'k'],
    ['5', '70000'],
    true,
  ],
  'sorted set as a ziplist': [
    12,
    string(ziplist([ziplistText('b'), ziplistText('1.5'), ziplistText('a'), Buffer.of(0xf8)])),
    ['ZRANGE', 'k', '0', '-1', 'WITHSCORES'],
    ['b', '1.5', 'a', '7'],
    true,
  ],
  'hash as a ziplist': [
    13,
    string(ziplist([ziplistText('f'), ...integerEntries.slice(0, 2), ziplistText('v')])),
    ['HGETALL', 'k'],
    ['f', '0', '12', 'v'],
    true,
  ],
  'list of ziplists': [
    14,
    bytesOf(
      [3],
      string(ziplist([ziplistText('a')])),
      string(ziplist([])),
      string(ziplist(integerEntries)),
    ),
    ['LRANGE', 'k', '0', '-1'],
    ['a', ...integerTexts],
    true,
  ],
  'hash as a listpack': [
    16,
    string(listpack([text('f'), text('v'), element([1]), element([0xc0, 5])])),
    ['HGETALL', 'k'],
    ['f', 'v', '1', '5'],
    true,
  ],
  'numbers that a listpack has as strings': [
    16,
    string(
      listpack([
        text('12'),
        text('v'),
        element([0xf1, 5, 0]),
        element([0xf4, 3, 0, 0, 0, 0, 0, 0, 0]),
      ]),
    ),
    ['HMGET', 'k', '12', '5'],
    ['v', '3'],
    true,
  ],
  'sorted set as a listpack': [
    17,
    string(listpack([text('b'), text('1.5'), text('a'), element([7])])),
    ['ZRANGE', 'k', '0', '-1', 'WITHSCORES'],
    ['b', '1.5', 'a', '7'],
    true,
  ],
  'list of listpacks and plain nodes': [
    18,
    bytesOf(
      [3],
      [2],
      string(listpack([text('a'), element([5])])),
      [1],
      string('plain'),
      [2],
      string(listpack([])),
    ),
    ['LRANGE', 'k', '0', '-1'],
    ['a', '5', 'plain'],
    true,
  ],
  'set as a listpack': [
    20,
    string(listpack([text('a'), element([5])])),
    ['SMEMBERS', 'k'],
    ['a', '5'],
    false,
  ],
  'hash with a field that expires too late': [
    22,
    bytesOf(
      [2],
      [0],
      string('a'),
      string('1'),
      [0x81],
      little(0, 8).fill(0x7f),
      string('b'),
      string('2'),
    ),
    ['HGETALL', 'k'],
    null,
    false,
  ],
};

describe('values in older encodings', () => {
  for (const [name, [type, body, probe, expected]] of Object.entries(ROWS)) {
    test(name, () => {
      const runner = new LocalRunner(DATA_COMMANDS);
      const reply = runner.run('RESTORE', 'k', '0', payloadOf(type, body));
      if (expected === null) {
        expect(reply).toBe('-ERR Bad data format\r\n');
        return;
      }
      expect(reply).toBe(OK);
      expect(decodeReply(runner.run(...probe))).toEqual(expected);
      runner.checkInvariants();
      runner.run('DEL', 'k');
      runner.checkInvariants();
    });
  }
});

const EXPIRE_MS = 1_900_000_000_000;

describe('hashes whose fields expire', () => {
  const wide = (n: number): Buffer => {
    const out = Buffer.alloc(9, 0x81);
    out.writeBigUInt64BE(BigInt(n), 1);
    return out;
  };
  const expiryElement = (n: number): Buffer => element(bytesOf([0xf4], little(n, 8)));
  const rows: Readonly<Record<string, readonly [number, Buffer]>> = {
    plain: [
      24,
      bytesOf(
        little(EXPIRE_MS, 8),
        [3],
        [0],
        string('a'),
        string('1'),
        [1],
        string('b'),
        string('2'),
        length(501),
        string('c'),
        string('3'),
      ),
    ],
    'plain, of a release candidate': [
      22,
      bytesOf(
        [3],
        [0],
        string('a'),
        string('1'),
        wide(EXPIRE_MS),
        string('b'),
        string('2'),
        wide(EXPIRE_MS + 500),
        string('c'),
        string('3'),
      ),
    ],
    listpack: [
      25,
      bytesOf(
        little(EXPIRE_MS, 8),
        string(
          listpack([
            ...[text('b'), element([2]), expiryElement(EXPIRE_MS)],
            ...[text('c'), element([3]), expiryElement(EXPIRE_MS + 500)],
            ...[text('a'), element([1]), element([0])],
          ]),
        ),
      ),
    ],
    'listpack, of a release candidate': [
      23,
      string(
        listpack([
          ...[text('b'), element([2]), expiryElement(EXPIRE_MS)],
          ...[text('c'), element([3]), expiryElement(EXPIRE_MS + 500)],
          ...[text('a'), element([1]), element([0])],
        ]),
      ),
    ],
  };
  for (const [name, [type, body]] of Object.entries(rows)) {
    test.each([512, 2, 1])(`${name}, up to %i fields in a pack`, (entries) => {
      const runner = new LocalRunner(DATA_COMMANDS);
      runner.state.limits.hashMaxListpackEntries = entries;
      expect(runner.run('RESTORE', 'k', '0', payloadOf(type, body, 12))).toBe(OK);
      expect(decodeReply(runner.run('HMGET', 'k', 'a', 'b', 'c'))).toEqual(['1', '2', '3']);
      const times = decodeReply(runner.run('HPEXPIRETIME', 'k', 'FIELDS', '3', 'a', 'b', 'c'));
      expect(times).toEqual([-1, EXPIRE_MS, EXPIRE_MS + 500]);
      runner.checkInvariants();
      const payload = runner.run('DUMP', 'k');
      const bytes = Buffer.from(payload.slice(payload.indexOf('\r\n') + 2, -2), 'latin1');
      expect(bytes[bytes.length - 10]).toBe(12);
      expect(bytes[0]).toBe(entries === 512 ? 25 : 24);
      expect(runner.run('RESTORE', 'l', '0', bytes)).toBe(OK);
      runner.run('DEL', 'k');
      expect(decodeReply(runner.run('HPEXPIRETIME', 'l', 'FIELDS', '3', 'a', 'b', 'c'))).toEqual(
        times,
      );
      runner.advance(EXPIRE_MS + 100 - runner.state.nowMs);
      expect(decodeReply(runner.run('HMGET', 'l', 'a', 'b', 'c'))).toEqual(['1', null, '3']);
      expect(runner.run('HPERSIST', 'l', 'FIELDS', '1', 'c')).toBe('*1\r\n:1\r\n');
      runner.checkInvariants();
      runner.run('DEL', 'l');
      runner.checkInvariants();
    });
  }

  test('a hash whose fields no longer expire is written as any other', () => {
    const runner = new LocalRunner(DATA_COMMANDS);
    runner.run('HSET', 'k', 'a', '1');
    runner.run('HPEXPIRE', 'k', '1000', 'FIELDS', '1', 'a');
    runner.run('HPERSIST', 'k', 'FIELDS', '1', 'a');
    const payload = runner.run('DUMP', 'k');
    expect(payload.charCodeAt(payload.indexOf('\n') + 1)).toBe(4);
  });
});

describe.skipIf(redisServerPath() === null)('redis-server takes the same', () => {
  let server: RedisServer;

  beforeAll(async () => {
    server = await startRedis();
  });

  afterAll(async () => {
    await server.stop();
  });

  const known = Object.entries(ROWS).filter(([, row]) => row[4]);

  test.each(known)('%s', async (_name, [type, body]) => {
    const runner = new LocalRunner(DATA_COMMANDS);
    const payload = payloadOf(type, body);
    expect(await server.command(['RESTORE', 'k', '0', payload, 'REPLACE'])).toBe(OK);
    expect(runner.run('RESTORE', 'k', '0', payload)).toBe(OK);
    const digest = await server.command(['DEBUG', 'DIGEST-VALUE', 'k']);
    expect(runner.run('DEBUG', 'DIGEST-VALUE', 'k')).toBe(digest);
  });
});
