import { describe, expect, test } from 'vitest';
import { GENERIC_COMMANDS } from '../../src/commands/generic.ts';
import { STRING_COMMANDS } from '../../src/commands/string.ts';
import { freshAccessWord, TOUCH_LFU } from '../../src/keyspace/thread-state.ts';
import { ERRORS } from '../../src/resp/errors.ts';
import { type Argument, CLOCK_START_MS, LocalRunner } from '../support/local-runner.ts';

const SETTINGS = [
  { shards: 1, workMax: Number.POSITIVE_INFINITY },
  { shards: 4, workMax: Number.POSITIVE_INFINITY },
  { shards: 4, workMax: 0 },
];
const OK = '+OK\r\n';
const NULL = '$-1\r\n';
const LONG = 'v'.repeat(100);
const HUGE = 'h'.repeat(50_000);

/** One step: words of a command in one text, or a move of the clock in ms; then the reply. */
type Step = readonly [string | readonly Argument[] | number, string?];

function bulk(text: string): string {
  return `$${text.length}\r\n${text}\r\n`;
}

function error(text: string): string {
  return `-${text}\r\n`;
}

function play(runner: LocalRunner, steps: readonly Step[]): void {
  for (const [words, reply] of steps) {
    if (typeof words === 'number') {
      runner.advance(words);
      continue;
    }
    const args = typeof words === 'string' ? words.split(' ') : words;
    expect([args.join(' '), runner.run(...args)]).toEqual([args.join(' '), reply]);
    runner.checkInvariants();
  }
}

const TABLES: Readonly<Record<string, readonly Step[]>> = {
  'DEL, UNLINK, EXISTS, TOUCH, TYPE': [
    ['SET a 1', OK],
    ['SET b 2', OK],
    ['SET c 3', OK],
    ['EXISTS a a b nokey', ':3\r\n'],
    ['TOUCH a b nokey', ':2\r\n'],
    ['TYPE a', '+string\r\n'],
    ['TYPE nokey', '+none\r\n'],
    ['DEL a nokey a', ':1\r\n'],
    ['UNLINK b c', ':2\r\n'],
    ['EXISTS a b c', ':0\r\n'],
    ['DBSIZE', ':0\r\n'],
    ['DEL', error("ERR wrong number of arguments for 'del' command")],
  ],
  MIGRATE: [
    ['SET a 1', OK],
    ['MIGRATE h 1 b 0 10', '+NOKEY\r\n'],
    ['MIGRATE h x b 0 -1 copy REPLACE AUTH2 u p', '+NOKEY\r\n'],
    ['MIGRATE h 1 a 0 10', error('ERR This server cannot move keys to another one yet')],
    [['MIGRATE', 'h', 1, '', 0, 10], '+NOKEY\r\n'],
    [['MIGRATE', 'h', 1, '', 0, 10, 'KEYS'], '+NOKEY\r\n'],
    [['MIGRATE', 'h', 1, '', 0, 10, 'AUTH', 'KEYS', 'KEYS', 'b', 'c'], '+NOKEY\r\n'],
    [
      ['MIGRATE', 'h', 1, '', 0, 10, 'AUTH', 'a', 'KEYS', 'b', 'a'],
      error('ERR This server cannot move keys to another one yet'),
    ],
    ['MIGRATE h 1 a 0 10 KEYS b', error(ERRORS.MIGRATE_KEY_AND_KEYS)],
    ['MIGRATE h 1 a 0 10 AUTH', error(ERRORS.SYNTAX)],
    ['MIGRATE h 1 a 0 10 AUTH2 u', error(ERRORS.SYNTAX)],
    ['MIGRATE h 1 a 0 10 foo', error(ERRORS.SYNTAX)],
    ['MIGRATE h 1 a x 10', error(ERRORS.NOT_INTEGER)],
    ['MIGRATE h 1 a 0 x', error(ERRORS.NOT_INTEGER)],
    [['SET', '', 1], OK],
    [['MIGRATE', 'h', 1, '', 0, 10], error('ERR This server cannot move keys to another one yet')],
    [['MIGRATE', 'h', 1, '', 0, 10, 'KEYS', 'b'], '+NOKEY\r\n'],
    ['GET a', '$1\r\n1\r\n'],
  ],
  'expired keys do not exist': [
    ['SET a 1', OK],
    ['PEXPIRE a 10', ':1\r\n'],
    [9],
    ['EXISTS a', ':1\r\n'],
    [1],
    ['DBSIZE', ':1\r\n'],
    ['EXISTS a', ':0\r\n'],
    ['DBSIZE', ':0\r\n'],
    ['DEL a', ':0\r\n'],
  ],
  COPY: [
    ['COPY a b', ':0\r\n'],
    ['SET a 12345', OK],
    ['PEXPIRE a 5000', ':1\r\n'],
    ['COPY a b', ':1\r\n'],
    ['GET b', bulk('12345')],
    ['PTTL b', ':5000\r\n'],
    ['OBJECT ENCODING b', bulk('int')],
    ['COPY a b', ':0\r\n'],
    [['SET', 'long', LONG], OK],
    ['COPY long b', ':0\r\n'],
    ['COPY long b REPLACE', ':1\r\n'],
    ['GET b', bulk(LONG)],
    ['PTTL b', ':-1\r\n'],
    ['OBJECT ENCODING b', bulk('raw')],
    [['SET', 'huge', HUGE], OK],
    ['COPY huge b replace', ':1\r\n'],
    ['GET b', bulk(HUGE)],
    ['COPY a a DB 3', ':1\r\n'],
    ['COPY a a DB 3', ':0\r\n'],
    ['COPY a a db 3 replace', ':1\r\n'],
    ['COPY a a', error(ERRORS.SAME_OBJECT)],
    ['COPY a a DB 0', error(ERRORS.SAME_OBJECT)],
    ['COPY a z DB 16', error(ERRORS.DB_OUT_OF_RANGE)],
    ['COPY a z DB -1', error(ERRORS.DB_OUT_OF_RANGE)],
    ['COPY a z DB x', error(ERRORS.NOT_INTEGER)],
    ['COPY a z DB 2147483648', error(ERRORS.DB_OUT_OF_INT32)],
    ['COPY a z DB', error(ERRORS.SYNTAX)],
    ['COPY a z what', error(ERRORS.SYNTAX)],
    [['SET', '', 'empty name'], OK],
    [['COPY', '', 'named'], ':1\r\n'],
    ['GET named', bulk('empty name')],
    [['SET', 'empty', ''], OK],
    ['COPY empty empty2', ':1\r\n'],
    ['GET empty2', bulk('')],
  ],
  'COPY to an expired key': [
    ['SET a 1', OK],
    ['SET b 2', OK],
    ['PEXPIRE b 5', ':1\r\n'],
    [5],
    ['COPY a b', ':1\r\n'],
    ['GET b', bulk('1')],
    ['TTL b', ':-1\r\n'],
  ],
  RENAME: [
    ['RENAME a b', error(ERRORS.NO_SUCH_KEY)],
    ['RENAME a a', error(ERRORS.NO_SUCH_KEY)],
    ['SET a 1', OK],
    ['PEXPIRE a 5000', ':1\r\n'],
    ['RENAME a a', OK],
    ['RENAME a b', OK],
    ['EXISTS a', ':0\r\n'],
    ['PTTL b', ':5000\r\n'],
    [['SET', 'c', HUGE], OK],
    ['RENAME c b', OK],
    ['GET b', bulk(HUGE)],
    ['PTTL b', ':-1\r\n'],
    ['DBSIZE', ':1\r\n'],
  ],
  RENAMENX: [
    ['RENAMENX a b', error(ERRORS.NO_SUCH_KEY)],
    ['SET a 1', OK],
    ['SET b 2', OK],
    ['RENAMENX a a', ':0\r\n'],
    ['RENAMENX a b', ':0\r\n'],
    ['PEXPIRE b 1', ':1\r\n'],
    [1],
    ['RENAMENX a b', ':1\r\n'],
    ['GET b', bulk('1')],
    ['DBSIZE', ':1\r\n'],
  ],
  MOVE: [
    ['MOVE a 1', ':0\r\n'],
    ['SET a 1', OK],
    ['PEXPIRE a 5000', ':1\r\n'],
    ['MOVE a 0', error(ERRORS.SAME_OBJECT)],
    ['MOVE a x', error(ERRORS.NOT_INTEGER)],
    ['MOVE a -2147483649', error(ERRORS.DB_OUT_OF_INT32)],
    ['MOVE a -2147483648', error(ERRORS.DB_OUT_OF_RANGE)],
    ['MOVE a 16', error(ERRORS.DB_OUT_OF_RANGE)],
    ['MOVE a 9', ':1\r\n'],
    ['EXISTS a', ':0\r\n'],
    ['SET a 2', OK],
    ['MOVE a 9', ':0\r\n'],
    ['SWAPDB 0 9', OK],
    ['PTTL a', ':5000\r\n'],
    ['GET a', bulk('1')],
  ],
  'SWAPDB, FLUSHDB, FLUSHALL': [
    ['SET a 1', OK],
    ['SWAPDB 0 1', OK],
    ['GET a', NULL],
    ['SET b 1', OK],
    ['FLUSHDB', OK],
    ['DBSIZE', ':0\r\n'],
    ['SWAPDB 1 0', OK],
    ['GET a', bulk('1')],
    ['SWAPDB 0 0', OK],
    ['SWAPDB x 1', error(ERRORS.INVALID_FIRST_DB_INDEX)],
    ['SWAPDB 1 x', error(ERRORS.INVALID_SECOND_DB_INDEX)],
    ['SWAPDB 0 16', error(ERRORS.DB_OUT_OF_RANGE)],
    ['SWAPDB -1 0', error(ERRORS.DB_OUT_OF_RANGE)],
    ['FLUSHDB sync', OK],
    ['GET a', NULL],
    ['SET a 1', OK],
    ['PEXPIRE a 1', ':1\r\n'],
    ['MOVE a 5', ':1\r\n'],
    ['FLUSHALL ASYNC', OK],
    ['SWAPDB 5 0', OK],
    ['GET a', NULL],
    ['FLUSHALL now', error(ERRORS.SYNTAX)],
    ['FLUSHDB async sync', error(ERRORS.SYNTAX)],
  ],
  'EXPIRE and TTL': [
    ['EXPIRE a 10', ':0\r\n'],
    ['TTL a', ':-2\r\n'],
    ['PEXPIRETIME a', ':-2\r\n'],
    ['SET a 1', OK],
    ['TTL a', ':-1\r\n'],
    ['PERSIST a', ':0\r\n'],
    ['EXPIRE a 10', ':1\r\n'],
    ['TTL a', ':10\r\n'],
    ['PTTL a', ':10000\r\n'],
    [400],
    ['TTL a', ':10\r\n'],
    [200],
    ['TTL a', ':9\r\n'],
    ['EXPIRETIME a', `:${CLOCK_START_MS / 1000 + 10}\r\n`],
    ['PEXPIRETIME a', `:${CLOCK_START_MS + 10_000}\r\n`],
    ['PERSIST a', ':1\r\n'],
    ['EXPIRETIME a', ':-1\r\n'],
    ['EXPIREAT a 1900000000', ':1\r\n'],
    ['PEXPIRETIME a', ':1900000000000\r\n'],
    ['PEXPIREAT a 1900000000001', ':1\r\n'],
    ['PEXPIRETIME a', ':1900000000001\r\n'],
    ['EXPIRE a 0', ':1\r\n'],
    ['EXISTS a', ':0\r\n'],
    ['SET a 1', OK],
    ['PEXPIREAT a -9223372036854775808', ':1\r\n'],
    ['EXISTS a', ':0\r\n'],
  ],
  'EXPIRE limits': [
    ['SET a 1', OK],
    ['EXPIRE a x', error(ERRORS.NOT_INTEGER)],
    ['EXPIRE a 9223372036854775808', error(ERRORS.NOT_INTEGER)],
    ['EXPIRE a 9223372036854775807', error("ERR invalid expire time in 'expire' command")],
    ['EXPIRE a 9223372036854775', error("ERR invalid expire time in 'expire' command")],
    ['EXPIREAT a 9223372036854776', error("ERR invalid expire time in 'expireat' command")],
    ['EXPIRE a -9223372036854776', error("ERR invalid expire time in 'expire' command")],
    ['PEXPIRE a 9223372036854775807', error("ERR invalid expire time in 'pexpire' command")],
    ['PEXPIRE a 9223370000000000000', ':1\r\n'],
    ['PEXPIREAT a 9007199254740991', ':1\r\n'],
    ['PEXPIRETIME a', ':9007199254740991\r\n'],
    ['PEXPIREAT a 9223372036854775807', ':1\r\n'],
    ['PEXPIRETIME a', ':9223372036854774784\r\n'],
    ['EXPIRE a -9223372036854775', ':1\r\n'],
    ['EXISTS a', ':0\r\n'],
  ],
  'EXPIRE options': [
    ['SET a 1', OK],
    ['EXPIRE a 10 XX', ':0\r\n'],
    ['EXPIRE a 10 GT', ':0\r\n'],
    ['EXPIRE a 10 nx', ':1\r\n'],
    ['EXPIRE a 20 NX', ':0\r\n'],
    ['EXPIRE a 5 GT', ':0\r\n'],
    ['EXPIRE a 10 GT', ':0\r\n'],
    ['EXPIRE a 20 XX GT', ':1\r\n'],
    ['EXPIRE a 30 LT', ':0\r\n'],
    ['EXPIRE a 20 LT', ':0\r\n'],
    ['EXPIRE a 15 LT xx', ':1\r\n'],
    ['PERSIST a', ':1\r\n'],
    ['EXPIRE a 15 LT XX', ':0\r\n'],
    ['EXPIRE a 15 LT', ':1\r\n'],
    ['EXPIRE a 10 NX XX', error(ERRORS.EXPIRE_NX_AND_OTHERS)],
    ['EXPIRE a 10 NX GT', error(ERRORS.EXPIRE_NX_AND_OTHERS)],
    ['EXPIRE a 10 GT LT', error(ERRORS.EXPIRE_GT_AND_LT)],
    ['EXPIRE a 10 what', error('ERR Unsupported option what')],
    ['EXPIRE a x what', error('ERR Unsupported option what')],
    ['EXPIRE a -1 LT', ':1\r\n'],
    ['EXISTS a', ':0\r\n'],
  ],
  'KEYS and SCAN': [
    ['KEYS *', '*0\r\n'],
    ['RANDOMKEY', NULL],
    ['SET abc 1', OK],
    ['KEYS *', '*1\r\n$3\r\nabc\r\n'],
    ['KEYS a?c', '*1\r\n$3\r\nabc\r\n'],
    ['KEYS b*', '*0\r\n'],
    ['RANDOMKEY', bulk('abc')],
    ['PEXPIRE abc 1', ':1\r\n'],
    [1],
    ['KEYS *', '*0\r\n'],
    ['DBSIZE', ':1\r\n'],
    ['RANDOMKEY', NULL],
    ['DBSIZE', ':0\r\n'],
    [['SET', '', '1'], OK],
    ['KEYS *', '*1\r\n$0\r\n\r\n'],
    ['KEYS **', '*0\r\n'],
    ['SCAN x', error(ERRORS.INVALID_CURSOR)],
    ['SCAN -1', error(ERRORS.INVALID_CURSOR)],
    [['SCAN', ' 1'], error(ERRORS.INVALID_CURSOR)],
    ['SCAN 18446744073709551616', error(ERRORS.INVALID_CURSOR)],
    ['SCAN x COUNT 0', error(ERRORS.INVALID_CURSOR)],
    ['SCAN 0 COUNT 0', error(ERRORS.SYNTAX)],
    ['SCAN 0 COUNT x', error(ERRORS.NOT_INTEGER)],
    ['SCAN 0 COUNT', error(ERRORS.SYNTAX)],
    ['SCAN 0 MATCH', error(ERRORS.SYNTAX)],
    ['SCAN 0 what', error(ERRORS.SYNTAX)],
    ['SCAN 0 NOVALUES', error('ERR NOVALUES option can only be used in HSCAN')],
  ],
  'OBJECT and MEMORY': [
    ['OBJECT ENCODING a', NULL],
    ['OBJECT FREQ a', NULL],
    ['SET a 1', OK],
    ['OBJECT ENCODING a', bulk('int')],
    [['SET', 'b', 'x'.repeat(44)], OK],
    ['OBJECT ENCODING b', bulk('embstr')],
    [['SET', 'c', 'x'.repeat(45)], OK],
    ['object encoding c', bulk('raw')],
    ['OBJECT REFCOUNT a', ':2147483647\r\n'],
    ['OBJECT REFCOUNT b', ':1\r\n'],
    ['OBJECT FREQ a', error(ERRORS.LFU_NOT_SELECTED)],
    [7500],
    ['OBJECT IDLETIME a', ':7\r\n'],
    ['TTL a', ':-1\r\n'],
    ['OBJECT IDLETIME a', ':7\r\n'],
    ['TOUCH a', ':1\r\n'],
    ['OBJECT IDLETIME a', ':0\r\n'],
    [5000],
    ['RENAME a d', OK],
    ['OBJECT IDLETIME d', ':5\r\n'],
    ['OBJECT ENCODING', error("ERR wrong number of arguments for 'object|encoding' command")],
    ['MEMORY USAGE nokey', NULL],
    ['MEMORY USAGE d SAMPLES -1', error(ERRORS.SYNTAX)],
    ['MEMORY USAGE d SAMPLES x', error(ERRORS.NOT_INTEGER)],
    ['MEMORY USAGE d what', error(ERRORS.SYNTAX)],
    ['MEMORY USAGE d SAMPLES', error(ERRORS.SYNTAX)],
    ['MEMORY PURGE', OK],
  ],
};

for (const settings of SETTINGS) {
  describe(`${settings.shards} shards, ${settings.workMax} units`, () => {
    test.each(Object.entries(TABLES))('%s', (_, steps) => {
      play(new LocalRunner([...STRING_COMMANDS, ...GENERIC_COMMANDS], settings), steps);
    });
  });
}

function newRunner(shards = 4): LocalRunner {
  return new LocalRunner([...STRING_COMMANDS, ...GENERIC_COMMANDS], { shards });
}

test('nulls and maps of RESP3', () => {
  const runner = newRunner();
  runner.reply.resp3 = true;
  expect(runner.run('RANDOMKEY')).toBe('_\r\n');
  expect(runner.run('OBJECT', 'ENCODING', 'a')).toBe('_\r\n');
  expect(runner.run('MEMORY', 'USAGE', 'a')).toBe('_\r\n');
});

test('MEMORY USAGE grows with the value and counts the block', () => {
  const runner = newRunner();
  runner.run('SET', 'a', 'x'.repeat(1000));
  const usage = Number(runner.run('MEMORY', 'USAGE', 'a').slice(1));
  expect(usage).toBeGreaterThanOrEqual(1000 + 12 + 1 + 8);
  expect(usage).toBeLessThan(1300);
  runner.run('SET', 'b', 'x'.repeat(100_000));
  expect(Number(runner.run('MEMORY', 'USAGE', 'b', 'SAMPLES', '0').slice(1))).toBeGreaterThan(1e5);
});

test('OBJECT FREQ and IDLETIME follow the policy; RENAME and MOVE keep the counter', () => {
  const runner = newRunner();
  runner.context.limits.maxmemoryPolicy = 'allkeys-lfu';
  runner.state.touchMode = TOUCH_LFU;
  runner.state.policyTouchMode = TOUCH_LFU;
  runner.run('SET', 'a', '1');
  for (let i = 0; i < 200; i++) runner.run('GET', 'a');
  const counter = Number(runner.run('OBJECT', 'FREQ', 'a').slice(1));
  expect(counter).toBeGreaterThan(freshAccessWord(runner.state) & 0xff);
  expect(runner.run('OBJECT', 'IDLETIME', 'a')).toBe(error(ERRORS.LFU_SELECTED));
  runner.run('RENAME', 'a', 'b');
  expect(runner.run('OBJECT', 'FREQ', 'b')).toBe(`:${counter}\r\n`);
  runner.run('MOVE', 'b', '1');
  runner.run('SWAPDB', '0', '1');
  expect(runner.run('OBJECT', 'FREQ', 'b')).toBe(`:${counter}\r\n`);
});

test('lookups count hits and misses, EXISTS and TTL do not mark an access', () => {
  const runner = newRunner();
  runner.run('SET', 'a', '1');
  runner.advance(3000);
  for (const command of ['EXISTS', 'TTL', 'TYPE', 'PEXPIRETIME']) runner.run(command, 'a');
  runner.run('TTL', 'nokey');
  expect([runner.state.keyspaceHits, runner.state.keyspaceMisses]).toEqual([4, 1]);
  expect(runner.run('OBJECT', 'IDLETIME', 'a')).toBe(':3\r\n');
});

test('a full arena changes nothing', () => {
  const runner = new LocalRunner([...STRING_COMMANDS, ...GENERIC_COMMANDS], {
    shards: 1,
    arenaBytes: 1 << 20,
  });
  runner.run('SET', 'a', HUGE);
  for (let i = 0; runner.run('SET', `fill:${i}`, HUGE) === OK; ) i += 1;
  for (let i = 0; runner.run('SET', `more:${i}`, 'x'.repeat(3000)) === OK; ) i += 1;
  const size = runner.run('DBSIZE');
  expect(runner.run('COPY', 'a', 'b')).toBe(error(ERRORS.OUT_OF_MEMORY));
  expect(runner.run('RENAME', 'a', 'b')).toBe(error(ERRORS.OUT_OF_MEMORY));
  expect(runner.run('MOVE', 'a', '1')).toBe(error(ERRORS.OUT_OF_MEMORY));
  expect(runner.run('COPY', 'a', 'fill:0', 'REPLACE')).toBe(error(ERRORS.OUT_OF_MEMORY));
  expect(runner.run('GET', 'a')).toBe(bulk(HUGE));
  expect(runner.run('GET', 'fill:0')).toBe(bulk(HUGE));
  expect(runner.run('DBSIZE')).toBe(size);
  runner.checkInvariants();
});
