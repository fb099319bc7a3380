import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { asciiBytes } from '../../src/base/bytes.ts';
import { GENERIC_COMMANDS } from '../../src/commands/generic.ts';
import { HASH_COMMANDS } from '../../src/commands/hash.ts';
import { LIST_COMMANDS } from '../../src/commands/list.ts';
import { SET_COMMANDS } from '../../src/commands/set.ts';
import { textScore } from '../../src/commands/sort-texts.ts';
import { STRING_COMMANDS } from '../../src/commands/string.ts';
import { CommandTable } from '../../src/commands/table.ts';
import { Key } from '../../src/keyspace/key.ts';
import { ShardSet } from '../../src/server/shard-set.ts';
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
import { argView, LocalRunner } from '../support/local-runner.ts';

const SPECS = [
  ...STRING_COMMANDS,
  ...GENERIC_COMMANDS,
  ...LIST_COMMANDS,
  ...HASH_COMMANDS,
  ...SET_COMMANDS,
];
const list = (...elements: readonly string[]): string => array(...elements.map(bulk));
const split = (line: string): string[] => line.split(' ');
const NOT_FLOAT = error("ERR One or more scores can't be converted into double");

const NUMBERS: readonly Row[] = [
  [split('RPUSH l 3 -1 10 2.5 0x10 1e1'), integer(6)],
  [split('SORT l'), list('-1', '2.5', '3', '10', '1e1', '0x10')],
  [split('SORT l DESC'), list('0x10', '1e1', '10', '3', '2.5', '-1')],
  [split('SORT l desc asc'), list('-1', '2.5', '3', '10', '1e1', '0x10')],
  [split('SORT l ALPHA'), list('-1', '0x10', '10', '1e1', '2.5', '3')],
  [split('SORT l ALPHA DESC'), list('3', '2.5', '1e1', '10', '0x10', '-1')],
  [split('SORT l LIMIT 1 2'), list('2.5', '3')],
  [split('SORT l LIMIT -5 2'), list('-1', '2.5')],
  [split('SORT l LIMIT 4 -1'), list('1e1', '0x10')],
  [split('SORT l LIMIT 4 100'), list('1e1', '0x10')],
  [split('SORT l LIMIT 6 1'), list()],
  [split('SORT l LIMIT 0 0'), list()],
  [split('SORT l LIMIT 9223372036854775807 -9223372036854775808'), list()],
  [split('SORT_RO l LIMIT 0 1'), list('-1')],
  [split('SORT none'), list()],
  [split('SORT none BY nosort GET #'), list()],
];

const PATTERNS: readonly Row[] = [
  [split('RPUSH l 3 1 2'), integer(3)],
  [split('MSET w_1 3 w_2 1 w_3 2 o_1_x a o_3_x c'), OK],
  [split('HSET h_1 name one rank 9 -> arrow'), integer(3)],
  [split('HSET h_2 name two'), integer(1)],
  [split('SORT l BY w_*'), list('2', '3', '1')],
  [split('SORT l BY w_* DESC'), list('1', '3', '2')],
  [split('SORT l BY w_* LIMIT 1 1'), list('3')],
  [split('SORT l BY h_*->rank'), list('2', '3', '1')],
  [split('SORT l BY h_*->name ALPHA'), list('3', '1', '2')],
  [split('SORT l BY h_*->name ALPHA DESC'), list('2', '1', '3')],
  [split('SORT l BY none_*'), list('1', '2', '3')],
  [split('SORT l BY none_* ALPHA'), list('3', '1', '2')],
  [split('SORT l BY h_*'), list('1', '2', '3')],
  [split('SORT l BY h_*->name'), NOT_FLOAT],
  [split('SORT l GET #'), list('1', '2', '3')],
  [split('SORT l GET o_*_x'), array(bulk('a'), NULL, bulk('c'))],
  [split('SORT l GET h_*->name'), array(bulk('one'), bulk('two'), NULL)],
  [split('SORT l GET h_*->->'), array(bulk('arrow'), NULL, NULL)],
  [split('SORT l GET h_*->'), array(NULL, NULL, NULL)],
  [split('SORT l GET h_*'), array(NULL, NULL, NULL)],
  [split('SORT l GET w_*->name'), array(NULL, NULL, NULL)],
  [split('SORT l GET constant'), array(NULL, NULL, NULL)],
  [
    split('SORT l BY w_* GET # GET w_* GET h_*->name LIMIT 0 2'),
    array(bulk('2'), bulk('1'), bulk('two'), bulk('3'), bulk('2'), NULL),
  ],
  [split('SORT l BY nosort'), list('3', '1', '2')],
  [split('SORT l BY nosort DESC LIMIT 0 2'), list('2', '1')],
  [split('SORT l BY nosort LIMIT 1 5'), list('1', '2')],
  [split('SORT l BY nosort BY w_*'), list('3', '1', '2')],
  [split('SORT l BY nosort GET w_*'), list('2', '3', '1')],
];

const STORED: readonly Row[] = [
  [split('RPUSH l 3 1 2'), integer(3)],
  [split('SORT l STORE d'), integer(3)],
  [split('LRANGE d 0 -1'), list('1', '2', '3')],
  [split('OBJECT ENCODING d'), bulk('listpack')],
  [split('SET w_1 x'), OK],
  [split('EXPIRE d 100'), integer(1)],
  [split('SORT l GET w_* GET # STORE x STORE d'), integer(6)],
  [split('EXISTS x'), integer(0)],
  [split('TTL d'), integer(-1)],
  [split('LRANGE d 0 -1'), list('x', '1', '', '2', '', '3')],
  [split('SORT l DESC STORE l'), integer(3)],
  [split('LRANGE l 0 -1'), list('3', '2', '1')],
  [split('SORT l LIMIT 5 1 STORE d'), integer(0)],
  [split('EXISTS d'), integer(0)],
  [split('SET s v'), OK],
  [split('SORT l STORE s'), integer(3)],
  [split('TYPE s'), '+list\r\n'],
  [split('SORT none STORE s'), integer(0)],
  [split('EXISTS s'), integer(0)],
  [split('RPUSH m a 1'), integer(2)],
  [split('SORT m STORE l'), NOT_FLOAT],
  [split('SORT m ALPHA STORE l'), integer(2)],
  [split('LRANGE l 0 -1'), list('1', 'a')],
];

const ERRORS: readonly Row[] = [
  [split('SET s v'), OK],
  [split('HSET h f v'), integer(1)],
  [split('SORT s'), WRONG_TYPE],
  [split('SORT_RO h'), WRONG_TYPE],
  [split('SORT'), error("ERR wrong number of arguments for 'sort' command")],
  [split('SORT s x'), SYNTAX],
  [split('SORT s BY'), SYNTAX],
  [split('SORT s GET'), SYNTAX],
  [split('SORT s STORE'), SYNTAX],
  [split('SORT s LIMIT 1'), SYNTAX],
  [split('SORT s LIMIT x 1'), NOT_INTEGER],
  [split('SORT s LIMIT 1 9223372036854775808'), NOT_INTEGER],
  [split('SORT_RO s STORE d'), SYNTAX],
  [split('RPUSH l a'), integer(1)],
  [split('SORT l'), NOT_FLOAT],
  [split('SORT l LIMIT 0 0'), NOT_FLOAT],
  [['RPUSH', 'm', '', '1', ' -1'], integer(3)],
  [split('SORT m'), list(' -1', '', '1')],
  [['RPUSH', 'm', '1 '], integer(4)],
  [split('SORT m'), NOT_FLOAT],
];

const SETS: readonly Row[] = [
  [split('SADD s 3 1 2'), integer(3)],
  [split('SORT s'), list('1', '2', '3')],
  [split('SORT s DESC LIMIT 1 1'), list('2')],
  [split('SORT s BY nosort LIMIT 0 1 DESC'), list('1')],
  [split('SORT s BY nosort STORE d'), integer(3)],
  [split('LRANGE d 0 -1'), list('1', '2', '3')],
  [split('SADD s a b'), integer(2)],
  [split('SORT s'), NOT_FLOAT],
  [split('SORT s ALPHA DESC'), list('b', 'a', '3', '2', '1')],
  [split('SORT s BY nosort DESC STORE d'), integer(5)],
  [split('LRANGE d 0 -1'), list('b', 'a', '3', '2', '1')],
];

table('sorting numbers', SPECS, NUMBERS);
table('sorting numbers of a quicklist', SPECS, NUMBERS, (runner) => {
  runner.state.limits.listMaxListpackSize = 2;
});
table('sorting by patterns', SPECS, PATTERNS);
table('sorting by patterns into hashtables', SPECS, PATTERNS, (runner) => {
  runner.state.limits.hashMaxListpackEntries = 0;
});
table('sorting into lists', SPECS, STORED);
table('sorting sets', SPECS, SETS);
table('mistakes in sorting', SPECS, ERRORS);

test('a large result is a quicklist', () => {
  const runner = new LocalRunner(SPECS);
  const elements = Array.from({ length: 3000 }, (_, i) => `${(i * 7919) % 3000}`);
  runner.run('RPUSH', 'l', ...elements);
  expect(runner.run('SORT', 'l', 'STORE', 'd')).toBe(integer(3000));
  expect(runner.run('OBJECT', 'ENCODING', 'd')).toBe(bulk('quicklist'));
  const sorted = elements.toSorted((a, b) => Number(a) - Number(b));
  expect(runner.run('LRANGE', 'd', '0', '-1')).toBe(list(...sorted));
  runner.checkInvariants();
});

test('expired weights are absent', () => {
  const runner = new LocalRunner(SPECS);
  runner.run('RPUSH', 'l', '1', '2');
  runner.run('SET', 'w_1', '9', 'PX', '100');
  runner.run('SET', 'w_2', '5');
  expect(runner.run('SORT', 'l', 'BY', 'w_*')).toBe(list('2', '1'));
  runner.advance(101);
  expect(runner.run('SORT', 'l', 'BY', 'w_*', 'GET', 'w_*')).toBe(array(NULL, bulk('5')));
});

/** A runner with a sorted set at `z`. */
function withZset(scores: Readonly<Record<string, number>>): LocalRunner {
  const runner = new LocalRunner(SPECS);
  const key = new Key();
  const name = asciiBytes('z');
  key.locate(runner.shards[0]!.hasher, name, 0, name.length, runner.shards.length);
  const set = runner.shards[key.shardIndex]!.zsets;
  set.openDetached(8, 4);
  for (const [member, score] of Object.entries(scores)) {
    set.add(asciiBytes(member), 0, member.length, score);
  }
  set.link(0, key, 0);
  return runner;
}

test.each([
  ['SORT z', list('-1', '1', '2', '7')],
  ['SORT z DESC LIMIT 0 1', list('7')],
  ['SORT z ALPHA', list('-1', '1', '2', '7')],
  ['SORT z BY nosort', list('7', '2', '1', '-1')],
  ['SORT z BY nosort DESC', list('-1', '1', '2', '7')],
  ['SORT z BY nosort LIMIT 1 2', list('2', '1')],
  ['SORT z BY nosort DESC LIMIT 1 2', list('1', '2')],
  ['SORT z BY nosort LIMIT 4 2', list()],
  ['SORT z BY nosort STORE d', integer(4)],
])('sorted sets: %s', (line, expected) => {
  expect(withZset({ '7': 1, '2': 2, '1': 3, '-1': 4 }).run(...split(line))).toBe(expected);
});

test('a full arena changes nothing', () => {
  const runner = new LocalRunner(SPECS, { shards: 1, arenaBytes: 1 << 20 });
  const elements = Array.from({ length: 60 }, (_, i) => `${i}:`.padEnd(5000, 'x'));
  for (const element of elements) runner.run('RPUSH', 'l', element);
  while (runner.run('RPUSH', 'filler', 'y'.repeat(9000)).startsWith(':'));
  while (runner.run('RPUSH', 'filler', 'y'.repeat(1000)).startsWith(':'));
  runner.run('SET', 'd', 'v');
  expect(runner.run('SORT', 'l', 'ALPHA', 'STORE', 'd')).toMatch(/^-OOM/);
  expect(runner.run('GET', 'd')).toBe(bulk('v'));
  runner.checkInvariants();
});

describe('shards held', () => {
  const specs = new CommandTable(SPECS);
  const held = (line: string): number => {
    const runner = new LocalRunner(SPECS, { shards: 8 });
    const args = argView(split(line));
    const row = specs.find(args.buf, args.offset[0]!, args.end(0))!;
    const set = new ShardSet(8);
    runner.context.begin(args, 0);
    set.ofCommand(row, args, runner.context);
    return set.count;
  };

  test.each([
    ['SORT l', 1],
    ['SORT l BY nosort GET #', 1],
    ['SORT l STORE l', 1],
    ['SORT l BY w_*', 8],
    ['SORT l GET w_*', 8],
    ['SORT_RO l LIMIT 0 1 GET h_*->f', 8],
  ])('%s: %i', (line, count) => {
    expect(held(line)).toBe(count);
  });
});

test.each<[string, number]>([
  ['', 0],
  ['1', 1],
  ['  \t\n\v\f\r1.5', 1.5],
  ['1\0x', 1],
  ['\0', 0],
  [' ', Number.NaN],
  ['1 ', Number.NaN],
  ['nan', Number.NaN],
  ['1e400', Number.NaN],
  ['+inf', Number.POSITIVE_INFINITY],
  ['0x1p4', 16],
])('%j as a score is %d', (text, expected) => {
  expect(textScore(asciiBytes(`<${text}>`), 1, text.length + 1)).toBe(expected);
});

test('bytes order what ALPHA sorts, whatever they are', () => {
  const text = fc
    .uint8Array({ maxLength: 9 })
    .map((bytes) => Buffer.from(bytes).toString('latin1'));
  const alike = fc.constantFrom('', '\0', '\0\0', 'abcdef', 'abcdef\0', 'abcdefg', 'abcdeg');
  fc.assert(
    fc.property(fc.array(fc.oneof(text, alike), { minLength: 1, maxLength: 40 }), (texts) => {
      const runner = new LocalRunner(SPECS);
      runner.run('RPUSH', 'l', ...texts);
      const sorted = texts.toSorted((a, b) =>
        Buffer.compare(Buffer.from(a, 'latin1'), Buffer.from(b, 'latin1')),
      );
      expect(runner.run('SORT', 'l', 'ALPHA')).toBe(list(...sorted));
      expect(runner.run('SORT', 'l', 'ALPHA', 'DESC')).toBe(list(...sorted.toReversed()));
    }),
    { numRuns: 100 },
  );
});
