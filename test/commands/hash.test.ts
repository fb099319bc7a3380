import { describe, expect, test } from 'vitest';
import { GENERIC_COMMANDS } from '../../src/commands/generic.ts';
import { HASH_COMMANDS } from '../../src/commands/hash.ts';
import { STRING_COMMANDS } from '../../src/commands/string.ts';
import {
  array,
  bulk,
  error,
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

const SPECS = [...HASH_COMMANDS, ...STRING_COMMANDS, ...GENERIC_COMMANDS];
const ENCODING = (key: string): readonly string[] => ['OBJECT', 'ENCODING', key];
const NOW_S = CLOCK_START_MS / 1000;
const LONG = 'x'.repeat(65);
const MISSING = error('ERR Mandatory argument FIELDS is missing or not at the right position');
const NUMBER = error('ERR The `numfields` parameter must match the number of arguments');
const POSITIVE = error('ERR Number of fields must be a positive integer');

/** The header of a map in both protocols, and its elements. */
function map(...elements: readonly string[]): [string, string] {
  return [array(...elements), `%${elements.length / 2}\r\n${elements.join('')}`];
}

/** Runs the same rows on listpacks and on hashtables. */
function bothEncodings(name: string, rows: readonly Row[]): void {
  table(`${name}, listpack`, SPECS, rows);
  table(`${name}, hashtable`, SPECS, rows, (runner) => {
    runner.state.limits.hashMaxListpackEntries = 0;
  });
}

bothEncodings('fields', [
  [['HSET', 'h', 'a', '1', 'b', '2'], integer(2)],
  [['HSET', 'h', 'a', '3', 'c', '4', 'c', '5'], integer(1)],
  [['HGET', 'h', 'a'], bulk('3')],
  [['HGET', 'h', 'c'], bulk('5')],
  [['HGET', 'h', 'x'], NULL],
  [['HGET', 'none', 'x'], NULL],
  [['HMSET', 'h', 'd', ''], OK],
  [['HMGET', 'h', 'a', 'x', 'd'], array(bulk('3'), NULL, bulk(''))],
  [['HMGET', 'none', 'a', 'x'], array(NULL, NULL)],
  [['HLEN', 'h'], integer(4)],
  [['HLEN', 'none'], integer(0)],
  [['HEXISTS', 'h', 'a'], integer(1)],
  [['HEXISTS', 'h', 'A'], integer(0)],
  [['HSTRLEN', 'h', 'a'], integer(1)],
  [['HSTRLEN', 'h', 'x'], integer(0)],
  [['HSETNX', 'h', 'a', '9'], integer(0)],
  [['HSETNX', 'h', 'e', '-12345'], integer(1)],
  [['HSTRLEN', 'h', 'e'], integer(6)],
  [['HDEL', 'h', 'b', 'b', 'x', 'd', 'e'], integer(3)],
  [['HDEL', 'h', 'a', 'c', 'c'], integer(2)],
  [['EXISTS', 'h'], integer(0)],
  [['HDEL', 'h', 'a'], integer(0)],
  [['HSETNX', 'new', 'a', '9'], integer(1)],
  [['HGETALL', 'new'], ...map(bulk('a'), bulk('9'))],
  [['HKEYS', 'new'], array(bulk('a'))],
  [['HVALS', 'new'], array(bulk('9'))],
  [['HGETALL', 'none'], ...map()],
  [['HKEYS', 'none'], array()],
  [['HSET', 'h', 'a'], error("ERR wrong number of arguments for 'hset' command")],
  [['HSET', 'h', 'a', '1', 'b'], error("ERR wrong number of arguments for 'hset' command")],
  [['HMSET', 'h', 'a', '1', 'b'], error("ERR wrong number of arguments for 'hmset' command")],
  [['SET', 's', 'x'], OK],
  [['HSET', 's', 'a', '1'], WRONG_TYPE],
  [['HGET', 's', 'a'], WRONG_TYPE],
  [['HGETALL', 's'], WRONG_TYPE],
  [['HRANDFIELD', 's', '1'], WRONG_TYPE],
  [['HSCAN', 's', '0'], WRONG_TYPE],
  [['HPERSIST', 's', 'FIELDS', '1', 'a'], WRONG_TYPE],
  [['GET', 'new'], WRONG_TYPE],
]);

bothEncodings('numbers', [
  [['HINCRBY', 'h', 'a', '5'], integer(5)],
  [['HINCRBY', 'h', 'a', '-7'], integer(-2)],
  [['HINCRBY', 'h', 'a', 'x'], NOT_INTEGER],
  [['HSET', 'h', 't', 'x', 'f', '10.5', 's', ' 1', 'big', '9223372036854775807'], integer(4)],
  [['HINCRBY', 'h', 't', '1'], error('ERR hash value is not an integer')],
  [['HINCRBY', 'h', 's', '1'], error('ERR hash value is not an integer')],
  [['HINCRBY', 'h', 'big', '1'], error('ERR increment or decrement would overflow')],
  [['HINCRBY', 'h', 'big', '-1'], integer('9223372036854775806')],
  [['HGET', 'h', 'big'], bulk('9223372036854775806')],
  [['HINCRBY', 'h', 'big', '-9223372036854775808'], integer(-2)],
  [['HINCRBYFLOAT', 'h', 'f', '0.1'], bulk('10.6')],
  [['HINCRBYFLOAT', 'h', 'f', '-5e-1'], bulk('10.1')],
  [['HINCRBYFLOAT', 'h', 'n', '3'], bulk('3')],
  [['HINCRBYFLOAT', 'h', 't', '1'], error('ERR hash value is not a float')],
  [['HINCRBYFLOAT', 'h', 'f', 'x'], error('ERR value is not a valid float')],
  [['HINCRBYFLOAT', 'h', 'f', 'inf'], error('ERR value is NaN or Infinity')],
  [['HINCRBYFLOAT', 'none', 'f', 'x'], error('ERR value is not a valid float')],
  [['EXISTS', 'none'], integer(0)],
]);

table(
  'encodings',
  SPECS,
  [
    [['HSET', 'a', 'f', 'v'], integer(1)],
    [ENCODING('a'), bulk('listpack')],
    [['HSET', 'a', 'f', LONG.slice(1)], integer(0)],
    [ENCODING('a'), bulk('listpack')],
    [['HSET', 'a', 'f', LONG], integer(0)],
    [ENCODING('a'), bulk('hashtable')],
    [['HGET', 'a', 'f'], bulk(LONG)],
    [['HSET', 'a', 'f', 'v'], integer(0)],
    [ENCODING('a'), bulk('hashtable')],
    [['HSET', 'b', LONG, 'v'], integer(1)],
    [ENCODING('b'), bulk('hashtable')],
    [['HSET', 'c', '1', '1', '2', '2', '3', '3', '4', '4'], integer(4)],
    [ENCODING('c'), bulk('listpack')],
    [['HSET', 'c', '5', '5'], integer(1)],
    [ENCODING('c'), bulk('hashtable')],
    [['HMGET', 'c', '1', '2', '3', '4', '5'], array(...['1', '2', '3', '4', '5'].map(bulk))],
    [['HSET', 'd', '1', '1', '2', '2'], integer(2)],
    [['HEXPIRE', 'd', '100', 'FIELDS', '1', '1'], array(integer(1))],
    [ENCODING('d'), bulk('listpackex')],
    [['HPERSIST', 'd', 'FIELDS', '1', '1'], array(integer(1))],
    [ENCODING('d'), bulk('listpackex')],
    [['HSET', 'd', '3', '3', '4', '4'], integer(2)],
    [['HEXPIRE', 'd', '100', 'FIELDS', '2', '2', '4'], array(integer(1), integer(1))],
    [['HSET', 'd', '5', '5'], integer(1)],
    [ENCODING('d'), bulk('hashtable')],
    [
      ['HTTL', 'd', 'FIELDS', '5', '1', '2', '3', '4', '5'],
      array(...[-1, 100, -1, 100, -1].map(integer)),
    ],
    [['HSET', 'e', '1', '1', '2', '2'], integer(2)],
    [['HEXPIRE', 'e', '100', 'FIELDS', '1', '1'], array(integer(1))],
    [['HPERSIST', 'e', 'FIELDS', '1', '1'], array(integer(1))],
    [['HSET', 'e', 'f', LONG], integer(1)],
    [ENCODING('e'), bulk('hashtable')],
    [['HTTL', 'e', 'FIELDS', '1', '1'], array(integer(-1))],
  ],
  (runner) => {
    runner.state.limits.hashMaxListpackEntries = 4;
  },
);

bothEncodings('HRANDFIELD and HSCAN', [
  [['HSET', 'h', 'a', '1'], integer(1)],
  [['HRANDFIELD', 'h'], bulk('a')],
  [['HRANDFIELD', 'none'], NULL],
  [['HRANDFIELD', 'none', '3'], array()],
  [['HRANDFIELD', 'h', '0'], array()],
  [['HRANDFIELD', 'h', '5'], array(bulk('a'))],
  [['HRANDFIELD', 'h', '-3'], array(bulk('a'), bulk('a'), bulk('a'))],
  [
    ['HRANDFIELD', 'h', '2', 'WITHVALUES'],
    array(bulk('a'), bulk('1')),
    array(array(bulk('a'), bulk('1'))),
  ],
  [['HRANDFIELD', 'h', 'x'], NOT_INTEGER],
  [['HRANDFIELD', 'h', '1', 'x'], SYNTAX],
  [['HRANDFIELD', 'h', '1', 'WITHVALUES', 'x'], SYNTAX],
  [
    ['HRANDFIELD', 'h', '-9223372036854775808', 'WITHVALUES'],
    error(
      'ERR value is out of range, value must between ' +
        '-9223372036854775807 and 9223372036854775807',
    ),
  ],
  [['HSCAN', 'h', '0'], array(bulk('0'), array(bulk('a'), bulk('1')))],
  [['HSCAN', 'h', '0', 'NOVALUES'], array(bulk('0'), array(bulk('a')))],
  [['HSCAN', 'h', '0', 'MATCH', 'b*'], array(bulk('0'), array())],
  [['HSCAN', 'h', '0', 'MATCH', 'a*', 'COUNT', '5'], array(bulk('0'), array(bulk('a'), bulk('1')))],
  [['HSCAN', 'none', '0'], array(bulk('0'), array())],
  [['HSCAN', 'none', '0', 'COUNT', '0'], array(bulk('0'), array())],
  [['HSCAN', 'none', '0', 'what'], array(bulk('0'), array())],
  [['HSCAN', 'h', 'x'], error('ERR invalid cursor')],
  [['HSCAN', 'h', '0', 'COUNT', '0'], SYNTAX],
  [['HSCAN', 'h', '0', 'COUNT', 'x'], NOT_INTEGER],
]);

bothEncodings('HEXPIRE and its relatives', [
  [['HSET', 'h', 'a', '1', 'b', '2', 'c', '3'], integer(3)],
  [['HTTL', 'h', 'FIELDS', '2', 'a', 'x'], array(integer(-1), integer(-2))],
  [['HTTL', 'none', 'FIELDS', '2', 'a', 'x'], array(integer(-2), integer(-2))],
  [['HEXPIRE', 'none', '5', 'FIELDS', '1', 'a'], array(integer(-2))],
  [['HPERSIST', 'none', 'FIELDS', '1', 'a'], array(integer(-2))],
  [['HEXPIRE', 'h', '5', 'FIELDS', '2', 'a', 'x'], array(integer(1), integer(-2))],
  [['HTTL', 'h', 'FIELDS', '1', 'a'], array(integer(5))],
  [['HPTTL', 'h', 'FIELDS', '1', 'a'], array(integer(5000))],
  [['HEXPIRETIME', 'h', 'FIELDS', '1', 'a'], array(integer(NOW_S + 5))],
  [['HPEXPIRETIME', 'h', 'FIELDS', '1', 'a'], array(integer(CLOCK_START_MS + 5000))],
  [['HPEXPIRE', 'h', '1500', 'FIELDS', '1', 'b'], array(integer(1))],
  [['HTTL', 'h', 'FIELDS', '1', 'b'], array(integer(2))],
  [['HEXPIRE', 'h', '9', 'NX', 'FIELDS', '2', 'a', 'c'], array(integer(0), integer(1))],
  [['HEXPIRE', 'h', '7', 'XX', 'FIELDS', '1', 'c'], array(integer(1))],
  [['HEXPIRE', 'h', '6', 'GT', 'FIELDS', '2', 'a', 'c'], array(integer(1), integer(0))],
  [['HEXPIRE', 'h', '6', 'LT', 'FIELDS', '2', 'a', 'c'], array(integer(0), integer(1))],
  [['HPERSIST', 'h', 'FIELDS', '3', 'a', 'a', 'x'], array(...[1, -1, -2].map(integer))],
  [['HEXPIRE', 'h', '6', 'XX', 'FIELDS', '1', 'a'], array(integer(0))],
  [['HEXPIRE', 'h', '6', 'GT', 'FIELDS', '1', 'a'], array(integer(0))],
  [['HEXPIRE', 'h', '6', 'LT', 'FIELDS', '1', 'a'], array(integer(1))],
  [['HEXPIREAT', 'h', NOW_S + 10, 'FIELDS', '1', 'a'], array(integer(1))],
  [['HTTL', 'h', 'FIELDS', '1', 'a'], array(integer(10))],
  [['HPEXPIREAT', 'h', CLOCK_START_MS + 20, 'FIELDS', '1', 'a'], array(integer(1))],
  [['HPTTL', 'h', 'FIELDS', '1', 'a'], array(integer(20))],
  [['HSET', 'h', 'a', '5'], integer(0)],
  [['HTTL', 'h', 'FIELDS', '1', 'a'], array(integer(-1))],
  [['HEXPIRE', 'h', '5', 'FIELDS', '1', 'a'], array(integer(1))],
  [['HINCRBY', 'h', 'a', '95'], integer(100)],
  [['HINCRBYFLOAT', 'h', 'a', '0.25'], bulk('100.25')],
  [['HTTL', 'h', 'FIELDS', '1', 'a'], array(integer(5))],
  [['HPEXPIREAT', 'h', '1', 'FIELDS', '2', 'a', 'a'], array(integer(2), integer(-2))],
  [['HEXPIRE', 'h', '0', 'FIELDS', '2', 'b', 'c'], array(integer(2), integer(2))],
  [['EXISTS', 'h'], integer(0)],
]);

table('errors of HEXPIRE and its relatives', SPECS, [
  [['HSET', 'h', 'a', '1'], integer(1)],
  [['HEXPIRE', 'h', 'x', 'FIELDS', '1', 'a'], NOT_INTEGER],
  [['HEXPIRE', 'h', '-1', 'FIELDS', '1', 'a'], error('ERR invalid expire time, must be >= 0')],
  [
    ['HEXPIRE', 'h', '70368744178', 'FIELDS', '1', 'a'],
    error("ERR invalid expire time in 'hexpire' command"),
  ],
  [
    ['HPEXPIREAT', 'h', '70368744177664', 'FIELDS', '1', 'a'],
    error("ERR invalid expire time in 'hpexpireat' command"),
  ],
  [['HEXPIRE', 'h', '1', 'FIELD', '1', 'a'], MISSING],
  [['HEXPIRE', 'h', '1', 'NX', 'XX', 'FIELDS', '1', 'a'], MISSING],
  [
    ['HEXPIRE', 'h', '1', 'FIELDS', '0', 'a'],
    error('ERR Parameter `numFields` should be greater than 0'),
  ],
  [['HEXPIRE', 'h', '1', 'FIELDS', '2', 'a'], NUMBER],
  [['HEXPIRE', 'h', '1', 'FIELDS', '1', 'a', 'b'], NUMBER],
  [['HTTL', 'h', 'FIELDS', '0', 'a'], POSITIVE],
  [['HTTL', 'h', 'FIELDS', 'x', 'a'], POSITIVE],
  [['HTTL', 'h', 'FIELDS', '2', 'a'], NUMBER],
  [['HPERSIST', 'h', 'x', '1', 'a'], MISSING],
  [['HTTL', 'h', 'FIELDS', '1'], error("ERR wrong number of arguments for 'httl' command")],
  [['HPEXPIREAT', 'h', '70368744177663', 'FIELDS', '1', 'a'], array(integer(1))],
  [['HPEXPIRETIME', 'h', 'FIELDS', '1', 'a'], array(integer('70368744177663'))],
]);

bothEncodings('HGETDEL, HGETEX', [
  [['HSET', 'h', 'a', '1', 'b', '2', 'c', '3'], integer(3)],
  [['HGETDEL', 'h', 'FIELDS', '2', 'a', 'x'], array(bulk('1'), NULL)],
  [['HGETDEL', 'none', 'FIELDS', '2', 'a', 'x'], array(NULL, NULL)],
  [['HGETDEL', 'h', 'FIELD', '2', 'a', 'x'], MISSING],
  [['HGETDEL', 'h', 'FIELDS', '0', 'a'], POSITIVE],
  [['HGETDEL', 'h', 'FIELDS', '1', 'a', 'b'], NUMBER],
  [['HGETEX', 'h', 'FIELDS', '2', 'b', 'a'], array(bulk('2'), NULL)],
  [['HGETEX', 'none', 'EX', '10', 'FIELDS', '1', 'b'], array(NULL)],
  [['HGETEX', 'h', 'EX', '10', 'FIELDS', '2', 'b', 'a'], array(bulk('2'), NULL)],
  [['HPTTL', 'h', 'FIELDS', '1', 'b'], array(integer(10_000))],
  [['HGETEX', 'h', 'PXAT', CLOCK_START_MS + 7, 'FIELDS', '1', 'b'], array(bulk('2'))],
  [['HPTTL', 'h', 'FIELDS', '1', 'b'], array(integer(7))],
  [['HGETEX', 'h', 'FIELDS', '1', 'b'], array(bulk('2'))],
  [['HPTTL', 'h', 'FIELDS', '1', 'b'], array(integer(7))],
  [['HGETEX', 'h', 'PERSIST', 'FIELDS', '2', 'b', 'c'], array(bulk('2'), bulk('3'))],
  [['HPTTL', 'h', 'FIELDS', '1', 'b'], array(integer(-1))],
  [['HGETEX', 'h', 'EX', '10', 'PX', '10', 'FIELDS', '1', 'b'], MISSING],
  [['HGETEX', 'h', 'EX', '-1', 'FIELDS', '1', 'b'], error('ERR invalid expire time, must be >= 0')],
  [['HGETEX', 'h', 'EXAT', '1', 'FIELDS', '2', 'b', 'b'], array(bulk('2'), NULL)],
  [['HGETDEL', 'h', 'FIELDS', '1', 'c'], array(bulk('3'))],
  [['EXISTS', 'h'], integer(0)],
]);

const HSETEX_ARITY = error("ERR wrong number of arguments for 'hsetex' command");

bothEncodings('HSETEX', [
  [['HSETEX', 'h', 'FIELDS', '2', 'a', '1', 'b', '2'], integer(1)],
  [['HMGET', 'h', 'a', 'b'], array(bulk('1'), bulk('2'))],
  [['HSETEX', 'h', 'FNX', 'FIELDS', '1', 'a', '9'], integer(0)],
  [['HSETEX', 'h', 'FNX', 'FIELDS', '2', 'c', '9', 'a', '9'], integer(0)],
  [['HSETEX', 'h', 'FXX', 'FIELDS', '2', 'a', '9', 'c', '9'], integer(0)],
  [['HGET', 'h', 'a'], bulk('1')],
  [['HSETEX', 'h', 'FXX', 'EX', '10', 'FIELDS', '1', 'a', '5'], integer(1)],
  [['HSETEX', 'h', 'PX', '100', 'FNX', 'FIELDS', '1', 'c', '6'], integer(1)],
  [['HPTTL', 'h', 'FIELDS', '3', 'a', 'b', 'c'], array(...[10_000, -1, 100].map(integer))],
  [['HSETEX', 'h', 'KEEPTTL', 'FIELDS', '2', 'a', 'longer', 'b', 'x'], integer(1)],
  [['HMGET', 'h', 'a', 'b', 'c'], array(bulk('longer'), bulk('x'), bulk('6'))],
  [['HPTTL', 'h', 'FIELDS', '3', 'a', 'b', 'c'], array(...[10_000, -1, 100].map(integer))],
  [['HSETEX', 'h', 'FIELDS', '1', 'a', '5'], integer(1)],
  [['HPTTL', 'h', 'FIELDS', '1', 'a'], array(integer(-1))],
  [['HSETEX', 'h', 'EXAT', '1', 'FIELDS', '2', 'a', '5', 'b', '1'], integer(1)],
  [['HKEYS', 'h'], array(bulk('c'))],
  [['HSETEX', 'new', 'PXAT', CLOCK_START_MS + 9, 'FIELDS', '1', 'a', '5'], integer(1)],
  [['HPTTL', 'new', 'FIELDS', '1', 'a'], array(integer(9))],
  [['HSETEX', 'none', 'FXX', 'FIELDS', '1', 'a', '5'], integer(0)],
  [['HSETEX', 'none', 'PXAT', '5', 'FIELDS', '1', 'a', '5'], integer(1)],
  [['EXISTS', 'none'], integer(0)],
  [['HSETEX', 'h', 'FIELDS', '2', 'a', '5'], HSETEX_ARITY],
  [['HSETEX', 'h', 'FIELDS', '1', 'a', '5', 'b'], HSETEX_ARITY],
  [['HSETEX', 'h', 'FIELDS', '0', 'a', '5'], error('ERR invalid number of fields')],
  [['HSETEX', 'h', 'FIELDS', 'x', 'a', '5'], error('ERR invalid number of fields')],
  [['HSETEX', 'h', 'WHAT', 'FIELDS', '1', 'a', '5'], error('ERR unknown argument: WHAT')],
  [
    ['HSETEX', 'h', 'FNX', 'FXX', 'FIELDS', '1', 'a', '5'],
    error('ERR Only one of FXX or FNX arguments can be specified'),
  ],
  [
    ['HSETEX', 'h', 'EX', '5', 'KEEPTTL', 'FIELDS', '1', 'a', '5'],
    error('ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified'),
  ],
  [
    ['HSETEX', 'h', 'EX', '99999999999', 'FIELDS', '1', 'a', '5'],
    error("ERR invalid expire time in 'hsetex' command"),
  ],
]);

describe.each(['listpackex', 'hashtable'])('fields that expire in a %s', (encoding) => {
  function runner(): LocalRunner {
    const made = new LocalRunner(SPECS, { shards: 1 });
    if (encoding === 'hashtable') made.state.limits.hashMaxListpackEntries = 0;
    made.run('HSET', 'h', 'a', '1', 'b', '2', 'c', '3', 'd', '4');
    made.run('HPEXPIRE', 'h', '100', 'FIELDS', '2', 'a', 'b');
    made.run('HPEXPIRE', 'h', '300', 'FIELDS', '1', 'c');
    expect(made.run(...ENCODING('h'))).toBe(bulk(encoding));
    made.advance(100);
    return made;
  }

  test('are absent', () => {
    const made = runner();
    expect(made.run('HGET', 'h', 'a')).toBe(NULL);
    expect(made.run('HEXISTS', 'h', 'b')).toBe(integer(0));
    expect(made.run('HLEN', 'h')).toBe(integer(2));
    expect(made.run('HMGET', 'h', 'a', 'c')).toBe(array(NULL, bulk('3')));
    expect(made.run('HSTRLEN', 'h', 'a')).toBe(integer(0));
    expect(made.run('HTTL', 'h', 'FIELDS', '1', 'a')).toBe(array(integer(-2)));
    expect(made.run('HPERSIST', 'h', 'FIELDS', '1', 'a')).toBe(array(integer(-2)));
    expect(made.run('HEXPIRE', 'h', '9', 'FIELDS', '1', 'a')).toBe(array(integer(-2)));
    expect(made.run('HDEL', 'h', 'a')).toBe(integer(0));
    expect(made.run('HGETDEL', 'h', 'FIELDS', '1', 'a')).toBe(array(NULL));
    expect(made.run('HGETALL', 'h').startsWith('*4')).toBe(true);
    expect(made.run('HSCAN', 'h', '0', 'NOVALUES')).toMatch(/^\*2\r\n\$1\r\n0\r\n\*2/);
    for (let i = 0; i < 50; i++) expect(made.run('HRANDFIELD', 'h')).toMatch(/[cd]\r\n$/);
    expect(made.run('HRANDFIELD', 'h', '10')).toMatch(/^\*2/);
    made.checkInvariants();
  });

  test('come back without what they were', () => {
    const made = runner();
    expect(made.run('HINCRBY', 'h', 'a', '7')).toBe(integer(7));
    expect(made.run('HSET', 'h', 'b', 'x')).toBe(integer(1));
    expect(made.run('HTTL', 'h', 'FIELDS', '2', 'a', 'b')).toBe(array(integer(-1), integer(-1)));
    made.checkInvariants();
  });

  test('leave an empty hash behind, which takes new ones', () => {
    const made = runner();
    made.run('HDEL', 'h', 'd');
    made.advance(1000);
    expect(made.run('HGETALL', 'h')).toBe(array());
    expect(made.run('HLEN', 'h')).toBe(integer(0));
    expect(made.run('HRANDFIELD', 'h')).toBe(NULL);
    expect(made.run('HRANDFIELD', 'h', '-3')).toBe(array());
    expect(made.run('HSET', 'h', 'z', '1')).toBe(integer(1));
    expect(made.run('HKEYS', 'h')).toBe(array(bulk('z')));
    made.checkInvariants();
  });
});

describe.each(['listpackex', 'hashtable'])('keys with fields that expire, %s', (encoding) => {
  test('are copied, renamed, moved and overwritten with all that is known of them', () => {
    const made = new LocalRunner(SPECS, { shards: 4 });
    if (encoding === 'hashtable') made.state.limits.hashMaxListpackEntries = 0;
    made.run('HSET', 'h', 'a', '1', 'b', '2');
    made.run('HEXPIRE', 'h', '100', 'FIELDS', '1', 'a');
    const expected = array(integer(100), integer(-1));
    for (let i = 0; i < 8; i++) {
      expect(made.run('COPY', 'h', `copy${i}`)).toBe(integer(1));
      expect(made.run('HTTL', `copy${i}`, 'FIELDS', '2', 'a', 'b')).toBe(expected);
      expect(made.run('RENAME', `copy${i}`, `name${i}`)).toBe(OK);
      expect(made.run('HTTL', `name${i}`, 'FIELDS', '2', 'a', 'b')).toBe(expected);
      made.checkInvariants();
    }
    expect(made.run('MOVE', 'name0', '1')).toBe(integer(1));
    expect(made.run('SET', 'name1', 'x'.repeat(20))).toBe(OK);
    expect(made.run('COPY', 'h', 'name2', 'REPLACE')).toBe(integer(1));
    expect(made.run('DEL', 'name3')).toBe(integer(1));
    made.checkInvariants();
    expect(made.run('FLUSHDB')).toBe(OK);
    made.checkInvariants();
  });
});
