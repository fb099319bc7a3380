import { describe, expect, test } from 'vitest';
import { STRING_COMMANDS } from '../../src/commands/string.ts';
import { TOUCH_LFU } from '../../src/keyspace/thread-state.ts';
import { PROBE_COMMANDS } from '../conformance/string-probes.ts';
import {
  array,
  bulk,
  error,
  FULL,
  integer,
  NOT_INTEGER,
  NULL,
  OK,
  type Row,
  SYNTAX,
  table,
  WRONG_TYPE,
} from '../conformance/table.ts';
import { CLOCK_START_MS, LocalRunner } from '../support/local-runner.ts';

const SPECS = [...STRING_COMMANDS, ...PROBE_COMMANDS];
const ENCODING = (key: string): readonly string[] => ['OBJECT', 'ENCODING', key];
const INT64_MAX = '9223372036854775807';
const INT64_MIN = '-9223372036854775808';
const HELLO_DIGEST = '9555e8555c62dcfd';

table('SET options', SPECS, [
  [['SET', 'a', '1', 'NX'], OK],
  [['SET', 'a', '2', 'nx'], NULL],
  [['SET', 'b', '2', 'XX'], NULL],
  [['SET', 'a', '2', 'XX', 'GET'], bulk('1')],
  [['SET', 'c', '3', 'NX', 'GET'], NULL],
  [['SET', 'c', '4', 'NX', 'GET'], bulk('3')],
  [['SET', 'd', '4', 'XX', 'GET'], NULL],
  [['EXISTS', 'd'], integer(0)],
  [['SET', 'a', '1', 'NX', 'XX'], SYNTAX],
  [['SET', 'a', '1', 'EX', '10', 'PX', '10'], SYNTAX],
  [['SET', 'a', '1', 'EX', '10', 'KEEPTTL'], SYNTAX],
  [['SET', 'a', '1', 'EX'], SYNTAX],
  [['SET', 'a', '1', 'EX', 'ten'], NOT_INTEGER],
  [['SET', 'a', '1', 'EX', '0'], error("ERR invalid expire time in 'set' command")],
  [['SET', 'a', '1', 'EX', '9223372036854776'], error("ERR invalid expire time in 'set' command")],
  [['SET', 'a', '1', 'PX', INT64_MAX], error("ERR invalid expire time in 'set' command")],
  [['SET', 'a', '1', 'EX', '10'], OK],
  [['PEXPIRETIME', 'a'], integer(CLOCK_START_MS + 10_000)],
  [['SET', 'a', '2', 'KEEPTTL'], OK],
  [['PEXPIRETIME', 'a'], integer(CLOCK_START_MS + 10_000)],
  [['SET', 'a', '3', 'PXAT', CLOCK_START_MS + 1], OK],
  [['PEXPIRETIME', 'a'], integer(CLOCK_START_MS + 1)],
  [['SET', 'a', '3'], OK],
  [['PEXPIRETIME', 'a'], integer(-1)],
  [['SET', 'a', '4', 'GET', 'EXAT', '1000'], bulk('3')],
  [['EXISTS', 'a'], integer(0)],
  [['LPUSH', 'list', 'x'], integer(1)],
  [['SET', 'list', '1', 'GET'], WRONG_TYPE],
  [['SET', 'list', '1', 'NX'], NULL],
  [['SET', 'list', '1'], OK],
]);

table('SET and DELEX with conditions on the value', SPECS, [
  [['SET', 'a', 'x', 'IFEQ', 'hello'], NULL],
  [['SET', 'a', 'x', 'IFDEQ', HELLO_DIGEST], NULL],
  [['SET', 'a', 'hello', 'IFNE', 'hello'], OK],
  [['DIGEST', 'a'], bulk(HELLO_DIGEST)],
  [['SET', 'a', 'world', 'IFEQ', 'other'], NULL],
  [['SET', 'a', 'world', 'IFEQ', 'other', 'GET'], bulk('hello')],
  [['SET', 'a', 'world', 'IFEQ', 'hello', 'EX', '5'], OK],
  [['PEXPIRETIME', 'a'], integer(CLOCK_START_MS + 5000)],
  [['SET', 'a', 'hello', 'IFNE', 'world'], NULL],
  [['SET', 'a', 'hello', 'IFNE', 'x', 'GET'], bulk('world')],
  [['SET', 'a', 'world', 'IFDEQ', HELLO_DIGEST.toUpperCase()], OK],
  [['SET', 'a', 'hello', 'IFDEQ', HELLO_DIGEST], NULL],
  [['SET', 'a', 'hello', 'IFDNE', HELLO_DIGEST], OK],
  [['SET', 'a', 'world', 'IFDNE', HELLO_DIGEST], NULL],
  [['SET', 'a', 'world', 'IFDEQ', 'abc'], error('ERR must be exactly 16 hexadecimal characters')],
  [['SET', 'a', 'world', 'IFEQ', 'hello', 'NX'], SYNTAX],
  [['SET', 'a', 'world', 'IFEQ'], SYNTAX],
  [['SET', 'b', 'x', 'IFDNE', HELLO_DIGEST, 'GET'], NULL],
  [['GET', 'b'], bulk('x')],
  [['DELEX', 'a', 'IFEQ', 'world'], integer(0)],
  [['DELEX', 'a', 'IFNE', 'hello'], integer(0)],
  [['DELEX', 'a', 'IFDNE', HELLO_DIGEST], integer(0)],
  [['DELEX', 'a', 'IFDEQ', 'abc'], error('ERR must be exactly 16 hexadecimal characters')],
  [['DELEX', 'a', 'IF', 'x'], error('ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE')],
  [['DELEX', 'a', 'IFEQ'], error("ERR wrong number of arguments for 'delex' command")],
  [['DELEX', 'a', 'IFDEQ', HELLO_DIGEST], integer(1)],
  [['DELEX', 'a', 'IFEQ'], integer(0)],
  [['DELEX', 'b'], integer(1)],
  [['DIGEST', 'b'], NULL],
  [['LPUSH', 'list', 'x'], integer(1)],
  [['DIGEST', 'list'], WRONG_TYPE],
  [['SET', 'list', 'x', 'IFNE', 'y'], WRONG_TYPE],
  [
    ['DELEX', 'list', 'IFEQ', 'x'],
    error('ERR Key should be of string type if conditions are specified'),
  ],
  [['DELEX', 'list'], integer(1)],
]);

table('relatives of GET and SET', SPECS, [
  [['SETNX', 'a', '1'], integer(1)],
  [['SETNX', 'a', '2'], integer(0)],
  [['GETSET', 'a', '2'], bulk('1')],
  [['GETSET', 'b', '2'], NULL],
  [['SETEX', 'a', '10', 'v'], OK],
  [['PEXPIRETIME', 'a'], integer(CLOCK_START_MS + 10_000)],
  [['GETSET', 'a', 'w'], bulk('v')],
  [['PEXPIRETIME', 'a'], integer(-1)],
  [['SETEX', 'a', '0', 'v'], error("ERR invalid expire time in 'setex' command")],
  [['PSETEX', 'a', '-1', 'v'], error("ERR invalid expire time in 'psetex' command")],
  [['PSETEX', 'a', '15', 'v'], OK],
  [['GETEX', 'a', 'PERSIST'], bulk('v')],
  [['PEXPIRETIME', 'a'], integer(-1)],
  [['GETEX', 'a', 'EX', '7'], bulk('v')],
  [['PEXPIRETIME', 'a'], integer(CLOCK_START_MS + 7000)],
  [['GETEX', 'a'], bulk('v')],
  [['PEXPIRETIME', 'a'], integer(CLOCK_START_MS + 7000)],
  [['GETEX', 'a', 'EX', '0'], error("ERR invalid expire time in 'getex' command")],
  [['GETEX', 'none', 'EX', '0'], NULL],
  [['GETEX', 'a', 'EX', '1', 'PERSIST'], SYNTAX],
  [['GETEX', 'a', 'PXAT', '5'], bulk('v')],
  [['EXISTS', 'a'], integer(0)],
  [['GETDEL', 'b'], bulk('2')],
  [['GETDEL', 'b'], NULL],
  [['LPUSH', 'list', 'x'], integer(1)],
  [['GETDEL', 'list'], WRONG_TYPE],
  [['GETEX', 'list'], WRONG_TYPE],
  [['GETSET', 'list', 'x'], WRONG_TYPE],
  [['GET', 'list'], WRONG_TYPE],
]);

table('several keys', SPECS, [
  [['MSET', 'a', '1', 'b', '2', 'a', '3'], OK],
  [['LPUSH', 'list', 'x'], integer(1)],
  [['MGET', 'a', 'none', 'list', 'b'], array(bulk('3'), NULL, NULL, bulk('2'))],
  [['MSET', 'a', '1', 'b'], error("ERR wrong number of arguments for 'mset' command")],
  [['MSETNX', 'a', '1', 'b'], error("ERR wrong number of arguments for 'msetnx' command")],
  [['MSETNX', 'c', '1', 'a', '2'], integer(0)],
  [['MSETNX', 'c', '1', 'list', '2'], integer(0)],
  [['MGET', 'c'], array(NULL)],
  [['MSETNX', 'c', '1', 'd', '2'], integer(1)],
  [['MSETEX', '2', 'c', '5', 'd', '6', 'EX', '10'], integer(1)],
  [['PEXPIRETIME', 'd'], integer(CLOCK_START_MS + 10_000)],
  [['MSETEX', '2', 'c', '7', 'e', '8', 'KEEPTTL'], integer(1)],
  [['PEXPIRETIME', 'c'], integer(CLOCK_START_MS + 10_000)],
  [['PEXPIRETIME', 'e'], integer(-1)],
  [['MSETEX', '2', 'c', '1', 'f', '1', 'XX'], integer(0)],
  [['MSETEX', '2', 'f', '1', 'c', '1', 'NX'], integer(0)],
  [['MSETEX', '1', 'f', '1', 'NX', 'PX', '3'], integer(1)],
  [['MSETEX', '2', 'f', '2', 'c', '2', 'XX'], integer(1)],
  [['MSETEX', '2', 'f', '2', 'c', '2', 'EXAT', '1'], integer(1)],
  [['MGET', 'f', 'c'], array(NULL, NULL)],
  [['MSETEX', '0', 'f', '2'], error('ERR invalid numkeys value')],
  [['MSETEX', 'x', 'f', '2'], error('ERR invalid numkeys value')],
  [['MSETEX', '2', 'f', '2', 'g'], error('ERR wrong number of key-value pairs')],
  [['MSETEX', '1', 'f', '2', 'g'], SYNTAX],
  [['MSETEX', '1', 'f', '2', 'NX', 'XX'], SYNTAX],
  [['MSETEX', '1', 'f', '2', 'EX', '0'], error("ERR invalid expire time in 'msetex' command")],
]);

table('counters', SPECS, [
  [['INCR', 'a'], integer(1)],
  [['DECRBY', 'a', '3'], integer(-2)],
  [['INCRBY', 'a', '101'], integer(99)],
  [['INCR', 'a'], integer(100)],
  [['DECR', 'a'], integer(99)],
  [['SET', 'a', '9007199254740990'], OK],
  [['INCR', 'a'], integer('9007199254740991')],
  [['INCR', 'a'], integer('9007199254740992')],
  [['INCR', 'a'], integer('9007199254740993')],
  [['DECRBY', 'a', '2'], integer('9007199254740991')],
  [['INCRBY', 'a', '9214364837600034816'], integer(INT64_MAX)],
  [['INCR', 'a'], error('ERR increment or decrement would overflow')],
  [['GET', 'a'], bulk(INT64_MAX)],
  [ENCODING('a'), bulk('int')],
  [['SET', 'a', INT64_MIN], OK],
  [['DECR', 'a'], error('ERR increment or decrement would overflow')],
  [['INCR', 'a'], integer('-9223372036854775807')],
  [['DECRBY', 'a', INT64_MIN], error('ERR decrement would overflow')],
  [['INCRBY', 'a', '9223372036854775808'], NOT_INTEGER],
  [['INCRBY', 'none', INT64_MIN], integer(INT64_MIN)],
  [['SET', 'a', 'x'], OK],
  [['INCR', 'a'], NOT_INTEGER],
  [['INCRBY', 'a', INT64_MAX], NOT_INTEGER],
  [['SET', 'a', '10', 'EX', '9'], OK],
  [['APPEND', 'a', '0'], integer(3)],
  [ENCODING('a'), bulk('raw')],
  [['INCR', 'a'], integer(101)],
  [ENCODING('a'), bulk('int')],
  [['PEXPIRETIME', 'a'], integer(CLOCK_START_MS + 9000)],
  [['INCRBYFLOAT', 'a', '0.5'], bulk('101.5')],
  [ENCODING('a'), bulk('embstr')],
  [['PEXPIRETIME', 'a'], integer(CLOCK_START_MS + 9000)],
  [['INCRBYFLOAT', 'a', '-1.5'], bulk('100')],
  [ENCODING('a'), bulk('embstr')],
  [['INCRBYFLOAT', 'a', 'x'], error('ERR value is not a valid float')],
  [['INCRBYFLOAT', 'a', 'inf'], error('ERR increment would produce NaN or Infinity')],
  [['LPUSH', 'list', 'x'], integer(1)],
  [['INCR', 'list'], WRONG_TYPE],
  [['INCRBY', 'list', INT64_MAX], WRONG_TYPE],
  [['INCRBYFLOAT', 'list', '1'], WRONG_TYPE],
]);

const INCREX_ROWS: readonly Row[] = [
  [['INCREX', 'a'], array(integer(1), integer(1))],
  [['INCREX', 'a', 'BYINT', '10', 'UBOUND', '20', 'EX', '5'], array(integer(11), integer(10))],
  [['PEXPIRETIME', 'a'], integer(CLOCK_START_MS + 5000)],
  [['INCREX', 'a', 'BYINT', '10', 'UBOUND', '20', 'EX', '9'], array(integer(11), integer(0))],
  [['PEXPIRETIME', 'a'], integer(CLOCK_START_MS + 5000)],
  [['INCREX', 'a', 'SATURATE', 'BYINT', '10', 'UBOUND', '20'], array(integer(20), integer(9))],
  [['PEXPIRETIME', 'a'], integer(CLOCK_START_MS + 5000)],
  [['INCREX', 'a', 'EX', '9', 'ENX'], array(integer(21), integer(1))],
  [['PEXPIRETIME', 'a'], integer(CLOCK_START_MS + 5000)],
  [['INCREX', 'a', 'PERSIST', 'BYINT', '-1'], array(integer(20), integer(-1))],
  [['PEXPIRETIME', 'a'], integer(-1)],
  [['INCREX', 'a', 'EX', '9', 'ENX'], array(integer(21), integer(1))],
  [['PEXPIRETIME', 'a'], integer(CLOCK_START_MS + 9000)],
  [['INCREX', 'none', 'UBOUND', '0'], array(integer(0), integer(0))],
  [['EXISTS', 'none'], integer(0)],
  [['INCREX', 'a', 'LBOUND', '30', 'SATURATE'], array(integer(30), integer(9))],
  [['INCREX', 'a', 'LBOUND', '5', 'UBOUND', '4'], error("ERR LBOUND can't be greater than UBOUND")],
  [['INCREX', 'a', 'ENX'], error('ERR ENX flag requires an expiration')],
  [['INCREX', 'a', 'PERSIST', 'EX', '1'], SYNTAX],
  [['INCREX', 'a', 'BYINT', '1', 'BYFLOAT', '1'], SYNTAX],
  [['INCREX', 'a', 'BYINT'], SYNTAX],
  [['INCREX', 'a', 'BYINT', 'x'], NOT_INTEGER],
  [['INCREX', 'a', 'EX', '0'], error("ERR invalid expire time in 'increx' command")],
  [['SET', 'a', INT64_MAX], OK],
  [['INCREX', 'a'], array(integer(INT64_MAX), integer(0))],
  [['INCREX', 'a', 'SATURATE'], array(integer(INT64_MAX), integer(0))],
  [['SET', 'a', '1.5'], OK],
  [['INCREX', 'a'], NOT_INTEGER],
  [
    ['INCREX', 'a', 'BYFLOAT', '0.25'],
    array(bulk('1.75'), bulk('0.25')),
    array(',1.75\r\n', ',0.25\r\n'),
  ],
  [
    ['INCREX', 'a', 'BYFLOAT', '1', 'UBOUND', '2.5', 'SATURATE'],
    array(bulk('2.5'), bulk('0.75')),
    array(',2.5\r\n', ',0.75\r\n'),
  ],
  [
    ['INCREX', 'a', 'BYFLOAT', '-9', 'LBOUND', '-5'],
    array(bulk('2.5'), bulk('0')),
    array(',2.5\r\n', ',0\r\n'),
  ],
  [['INCREX', 'a', 'BYFLOAT', 'x'], error('ERR value is not a valid float')],
  [['INCREX', 'a', 'BYFLOAT', 'inf'], error('ERR increment would produce NaN or Infinity')],
  [
    ['INCREX', 'a', 'BYFLOAT', '1', 'EXAT', '1'],
    array(bulk('3.5'), bulk('1')),
    array(',3.5\r\n', ',1\r\n'),
  ],
  [['EXISTS', 'a'], integer(0)],
  [['LPUSH', 'list', 'x'], integer(1)],
  [['INCREX', 'list'], WRONG_TYPE],
];
table('INCREX', SPECS, INCREX_ROWS);

table('encodings', SPECS, [
  [['SET', 'a', '12345678901234567890'], OK],
  [ENCODING('a'), bulk('embstr')],
  [['SET', 'a', INT64_MIN], OK],
  [ENCODING('a'), bulk('int')],
  [['SET', 'a', '-0'], OK],
  [ENCODING('a'), bulk('embstr')],
  [['SET', 'a', 'x'.repeat(44)], OK],
  [ENCODING('a'), bulk('embstr')],
  [['SET', 'a', 'x'.repeat(45)], OK],
  [ENCODING('a'), bulk('raw')],
  [['DEL', 'a'], integer(1)],
  [['APPEND', 'a', '12'], integer(2)],
  [ENCODING('a'), bulk('int')],
  [['APPEND', 'a', ''], integer(2)],
  [ENCODING('a'), bulk('raw')],
  [['SET', 'a', '12'], OK],
  [['SETRANGE', 'a', '0', ''], integer(2)],
  [ENCODING('a'), bulk('int')],
  [['SETRANGE', 'a', '0', '3'], integer(2)],
  [ENCODING('a'), bulk('raw')],
]);

describe('lengths and limits', () => {
  table(
    'ranges',
    SPECS,
    [
      [['SETRANGE', 'a', '0', ''], integer(0)],
      [['EXISTS', 'a'], integer(0)],
      [['SETRANGE', 'a', '3', 'abc'], integer(6)],
      [['GET', 'a'], bulk('\0\0\0abc')],
      [['SETRANGE', 'a', '97', 'abc'], integer(100)],
      [['GETRANGE', 'a', '5', '8'], bulk('c\0\0\0')],
      [
        ['SETRANGE', 'a', '98', 'abc'],
        error('ERR string exceeds maximum allowed size (proto-max-bulk-len)'),
      ],
      [
        ['SETRANGE', 'a', INT64_MAX, 'a'],
        error('ERR string exceeds maximum allowed size (proto-max-bulk-len)'),
      ],
      [['SETRANGE', 'a', '-1', 'a'], error('ERR offset is out of range')],
      [['SETRANGE', 'a', 'x', 'a'], NOT_INTEGER],
      [['APPEND', 'a', ''], integer(100)],
      [['APPEND', 'a', 'x'], error('ERR string exceeds maximum allowed size (proto-max-bulk-len)')],
      [['STRLEN', 'a'], integer(100)],
      [['STRLEN', 'none'], integer(0)],
      [['SET', 'a', 'Hello World'], OK],
      [['GETRANGE', 'a', '0', '3'], bulk('Hell')],
      [['GETRANGE', 'a', '-4', '-1'], bulk('orld')],
      [['GETRANGE', 'a', '0', '-100'], bulk('H')],
      [['GETRANGE', 'a', '-100', '-101'], bulk('')],
      [['SUBSTR', 'a', '5', '5000'], bulk(' World')],
      [['GETRANGE', 'a', INT64_MIN, INT64_MAX], bulk('Hello World')],
      [['GETRANGE', 'none', '0', '-1'], bulk('')],
      [['LPUSH', 'list', 'x'], integer(1)],
      [['APPEND', 'list', 'x'], WRONG_TYPE],
      [['STRLEN', 'list'], WRONG_TYPE],
      [['SETRANGE', 'list', '0', ''], WRONG_TYPE],
      [['GETRANGE', 'list', '0', '1'], WRONG_TYPE],
    ],
    (runner) => {
      runner.context.limits.protoMaxBulkLength = 100;
    },
  );
});

const IDX_OF_ABC = '*1\r\n*2\r\n*2\r\n:0\r\n:2\r\n*2\r\n:1\r\n:3\r\n';
const IDX_OF_TEXT = '*1\r\n*3\r\n*2\r\n:4\r\n:7\r\n*2\r\n:5\r\n:8\r\n:4\r\n';
table('LCS', SPECS, [
  [['MSET', 'a', 'abc', 'b', 'xabcx', 'c', 'ohmytext', 'd', 'mynewtext'], OK],
  [['LCS', 'c', 'd'], bulk('mytext')],
  [['LCS', 'c', 'd', 'LEN'], integer(6)],
  [
    ['LCS', 'a', 'b', 'IDX'],
    `*4\r\n${bulk('matches')}${IDX_OF_ABC}${bulk('len')}:3\r\n`,
    `%2\r\n${bulk('matches')}${IDX_OF_ABC}${bulk('len')}:3\r\n`,
  ],
  [
    ['LCS', 'c', 'd', 'IDX', 'MINMATCHLEN', '4', 'WITHMATCHLEN'],
    `*4\r\n${bulk('matches')}${IDX_OF_TEXT}${bulk('len')}:6\r\n`,
    `%2\r\n${bulk('matches')}${IDX_OF_TEXT}${bulk('len')}:6\r\n`,
  ],
  [['LCS', 'a', 'none'], bulk('')],
  [['LCS', 'none', 'none', 'LEN'], integer(0)],
  [
    ['LCS', 'a', 'b', 'LEN', 'IDX'],
    error('ERR If you want both the length and indexes, please just use IDX.'),
  ],
  [['LCS', 'a', 'b', 'BOTH'], SYNTAX],
  [['LPUSH', 'list', 'x'], integer(1)],
  [['LCS', 'a', 'list'], error('ERR The specified keys must contain string values')],
]);

test('LCS does not ask for more transient memory than proto-max-bulk-len', () => {
  const runner = new LocalRunner(SPECS, { arenaBytes: 1 << 24 });
  runner.context.limits.protoMaxBulkLength = 4 * 101 * 101;
  runner.run('SET', 'a', 'x'.repeat(100));
  expect(runner.run('LCS', 'a', 'a', 'LEN')).toBe(integer(100));
  runner.run('SET', 'b', 'x'.repeat(101));
  expect(runner.run('LCS', 'a', 'b', 'LEN')).toBe(
    error('ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len'),
  );
});

test('large work escalates before anything is done', () => {
  const runner = new LocalRunner(SPECS, { workMax: 4096, arenaBytes: 1 << 26 });
  const large = 'x'.repeat(100_000);
  runner.run('SET', 'a', large);
  const before = runner.escalations;
  expect(runner.run('GETRANGE', 'a', 0, -1)).toBe(bulk(large));
  expect(runner.run('DIGEST', 'a')).toHaveLength(23);
  expect(runner.run('SETRANGE', 'a', 900_000, 'x')).toBe(integer(900_001));
  expect(runner.run('DELEX', 'a', 'IFEQ', 'x')).toBe(integer(0));
  expect(runner.run('GETRANGE', 'a', 0, 9)).toBe(bulk('xxxxxxxxxx'));
  expect(runner.escalations - before).toBe(4);
});

test('gaps are zeros where freed values lay before', () => {
  const runner = new LocalRunner(SPECS, { shards: 1, arenaBytes: 1 << 24 });
  for (const size of [10, 100, 1000, 5000, 100_000]) {
    for (let i = 0; i < 20; i++) runner.run('SET', `k${i}`, '\xff'.repeat(size));
    for (let i = 0; i < 20; i++) runner.run('DEL', `k${i}`);
    runner.run('SETRANGE', 'gap', size, '!');
    expect(runner.run('GET', 'gap')).toBe(bulk(`${'\0'.repeat(size)}!`));
    runner.run('SETRANGE', 'gap', size * 2, '?');
    expect(runner.run('GET', 'gap')).toBe(bulk(`${'\0'.repeat(size)}!${'\0'.repeat(size - 1)}?`));
    runner.run('DEL', 'gap');
  }
  runner.checkInvariants();
});

test('a full arena refuses and changes nothing', () => {
  const runner = new LocalRunner(SPECS, { shards: 1, arenaBytes: 1 << 20 });
  const value = 'x'.repeat(1000);
  let stored = 0;
  while (runner.run('SET', `k${stored}`, value) === OK) stored += 1;
  expect(stored).toBeGreaterThan(100);
  const large = 'y'.repeat(300_000);
  const rows: readonly Row[] = [
    [['SET', 'k0', large], FULL],
    [['SET', 'k0', large, 'GET', 'EX', '10'], FULL],
    [['GETSET', 'k0', large], FULL],
    [['APPEND', 'k0', large], FULL],
    [['SETRANGE', 'k0', '300000', 'y'], FULL],
    [['SETNX', 'new', large], FULL],
    [['MSET', 'k1', value.replace('x', 'z'), 'k0', large, 'k2', '1'], FULL],
    [['GET', 'k0'], bulk(value)],
    [['GET', 'k1'], bulk(value.replace('x', 'z'))],
    [['GET', 'k2'], bulk(value)],
    [['PEXPIRETIME', 'k0'], integer(-1)],
  ];
  for (const [command, reply] of rows) expect(runner.run(...command)).toBe(reply);
  runner.checkInvariants();
});

test('changes in place are told to watchers', () => {
  const runner = new LocalRunner(SPECS, { arenaBytes: 1 << 24 });
  runner.run('SET', 'a', '5');
  for (const command of [
    ['INCR', 'a'],
    ['SETRANGE', 'a', '0', '7'],
    ['SET', 'a', '8'],
    ['GETEX', 'a', 'EX', '5'],
    ['INCREX', 'a'],
  ]) {
    const before = runner.state.dirty;
    runner.run(...command);
    expect(runner.state.dirty, command.join(' ')).toBeGreaterThan(before);
  }
});

test('expired keys are absent for every command', () => {
  const runner = new LocalRunner(SPECS, { arenaBytes: 1 << 24 });
  const commands: readonly Row[] = [
    [['GET', 'a'], NULL],
    [['SET', 'a', 'x', 'XX'], NULL],
    [['SETNX', 'a', 'x'], integer(1)],
    [['APPEND', 'a', 'x'], integer(1)],
    [['INCR', 'a'], integer(1)],
    [['MSETNX', 'a', 'x'], integer(1)],
    [['SETRANGE', 'a', '1', 'x'], integer(2)],
    [['MSETEX', '1', 'a', 'x', 'KEEPTTL'], integer(1)],
  ];
  for (const [command, reply] of commands) {
    runner.run('SET', 'a', 'old', 'PX', 5);
    runner.advance(5);
    expect(runner.run(...command), command.join(' ')).toBe(reply);
    expect([integer(-1), integer(-2)]).toContain(runner.run('PEXPIRETIME', 'a'));
    runner.run('DEL', 'a');
  }
  runner.checkInvariants();
});

test('INCREX stops at the limits of the 80-bit format where no bound is given', () => {
  const runner = new LocalRunner(SPECS, { arenaBytes: 1 << 24 });
  runner.run('SET', 'a', '1.1e4932');
  expect(runner.run('INCREX', 'a', 'BYFLOAT', '1.1e4932').endsWith(bulk('0'))).toBe(true);
  runner.run('INCREX', 'a', 'BYFLOAT', '1.1e4932', 'SATURATE');
  const largest = runner.run('GET', 'a');
  expect(largest.startsWith('$4933\r\n118973149535723176502126385303')).toBe(true);
  expect(runner.run('INCREX', 'a', 'BYFLOAT', '1.1e4932', 'UBOUND', '7', 'SATURATE')).toContain(
    array(bulk('7')).slice(4),
  );
  expect(runner.run('GET', 'a')).toBe(bulk('7'));
});

test('long values are read by a worker, and count as one hit', () => {
  const runner = new LocalRunner(STRING_COMMANDS, { workMax: 2048 });
  const long = 'x'.repeat(300_000);
  runner.run('SET', 'long', long);
  runner.run('SET', 'short', 'y');
  expect(runner.run('GET', 'long')).toBe(`$300000\r\n${long}\r\n`);
  expect(runner.escalations).toBe(1);
  expect(runner.state.keyspaceHits).toBe(1);
  expect(runner.run('MGET', 'short', 'nokey', 'long')).toBe(
    `*3\r\n$1\r\ny\r\n$-1\r\n$300000\r\n${long}\r\n`,
  );
  expect(runner.escalations).toBe(2);
  expect([runner.state.keyspaceHits, runner.state.keyspaceMisses]).toEqual([3, 1]);
});

test('overwriting a key keeps its LFU counter', () => {
  const runner = new LocalRunner(STRING_COMMANDS);
  runner.state.policyTouchMode = TOUCH_LFU;
  runner.state.touchMode = TOUCH_LFU;
  runner.run('SET', 'a', '1');
  const shard = runner.context.locate(Buffer.from('a'), 0, 1);
  const word = (): number => shard.accessWord(shard.find(0, runner.context.key2));
  shard.setAccessWord(shard.find(0, runner.context.key2), (word() & 0xffff00) | 200);
  runner.run('SET', 'a', '2');
  runner.run('SET', 'a', 'z'.repeat(500));
  expect(word() & 0xff).toBeGreaterThanOrEqual(200);
});
