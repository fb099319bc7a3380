import { expect, test } from 'vitest';
import { GENERIC_COMMANDS } from '../../src/commands/generic.ts';
import { LIST_COMMANDS } from '../../src/commands/list.ts';
import { STRING_COMMANDS } from '../../src/commands/string.ts';
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
import { LocalRunner } from '../support/local-runner.ts';

const SPECS = [...STRING_COMMANDS, ...GENERIC_COMMANDS, ...LIST_COMMANDS];
const NULL_ARRAY = '*-1\r\n';
const list = (...elements: readonly string[]): string => array(...elements.map(bulk));
const ALL = ['LRANGE', 'l', '0', '-1'] as const;
const POSITIVE = error('ERR value is out of range, must be positive');

function rowsOf(encoding: string): readonly Row[] {
  return [
    [['LPUSHX', 'l', 'x'], integer(0)],
    [['RPUSHX', 'l', 'x'], integer(0)],
    [['RPUSH', 'l', 'a', '1', '', 'b'], integer(4)],
    [['LPUSH', 'l', 'y', 'z'], integer(6)],
    [['RPUSHX', 'l', 'e'], integer(7)],
    [['OBJECT', 'ENCODING', 'l'], bulk(encoding)],
    [['TYPE', 'l'], '+list\r\n'],
    [ALL, list('z', 'y', 'a', '1', '', 'b', 'e')],
    [['LRANGE', 'l', '2', '3'], list('a', '1')],
    [['LRANGE', 'l', '-2', '100'], list('b', 'e')],
    [['LRANGE', 'l', '5', '2'], list()],
    [['LRANGE', 'none', '0', '1'], list()],
    [['LRANGE', 'l', 'x', '1'], NOT_INTEGER],
    [['LLEN', 'l'], integer(7)],
    [['LINDEX', 'l', '3'], bulk('1')],
    [['LINDEX', 'l', '-1'], bulk('e')],
    [['LINDEX', 'l', '7'], NULL],
    [['LSET', 'l', '0', 'q'], OK],
    [['LSET', 'l', '-1', '12345678901'], OK],
    [['LSET', 'l', '7', 'q'], error('ERR index out of range')],
    [['LSET', 'none', '0', 'q'], error('ERR no such key')],
    [['LINSERT', 'l', 'BEFORE', 'a', 'i'], integer(8)],
    [['LINSERT', 'l', 'after', 'a', 'j'], integer(9)],
    [['LINSERT', 'l', 'BEFORE', 'nope', 'j'], integer(-1)],
    [['LINSERT', 'none', 'BEFORE', 'a', 'j'], integer(0)],
    [['LINSERT', 'l', 'x', 'a', 'j'], SYNTAX],
    [ALL, list('q', 'y', 'i', 'a', 'j', '1', '', 'b', '12345678901')],
    [['RPUSH', 'l', 'a', 'a'], integer(11)],
    [['LPOS', 'l', 'a'], integer(3)],
    [['LPOS', 'l', 'a', 'RANK', '-1'], integer(10)],
    [['LPOS', 'l', 'a', 'COUNT', '0'], array(integer(3), integer(9), integer(10))],
    [['LPOS', 'l', 'a', 'RANK', '2', 'COUNT', '1'], array(integer(9))],
    [['LPOS', 'l', 'a', 'MAXLEN', '3'], NULL],
    [['LPOS', 'l', 'nope', 'COUNT', '1'], array()],
    [['LPOS', 'l', 'a', 'COUNT', '-1'], error("ERR COUNT can't be negative")],
    [['LPOS', 'l', 'a', 'MAXLEN', '-1'], error("ERR MAXLEN can't be negative")],
    [['LREM', 'l', '-1', 'a'], integer(1)],
    [['LREM', 'l', '1', 'a'], integer(1)],
    [ALL, list('q', 'y', 'i', 'j', '1', '', 'b', '12345678901', 'a')],
    [['LREM', 'l', '0', 'nope'], integer(0)],
    [['LTRIM', 'l', '1', '-2'], OK],
    [ALL, list('y', 'i', 'j', '1', '', 'b', '12345678901')],
    [['LPOP', 'l'], bulk('y')],
    [['RPOP', 'l', '2'], list('12345678901', 'b')],
    [['LPOP', 'l', '0'], list()],
    [['LPOP', 'l', '-1'], POSITIVE],
    [['LPOP', 'none'], NULL],
    [['LPOP', 'none', '1'], NULL_ARRAY, '_\r\n'],
    [['LMOVE', 'l', 'm', 'LEFT', 'RIGHT'], bulk('i')],
    [['RPOPLPUSH', 'l', 'm'], bulk('')],
    [['LRANGE', 'm', '0', '-1'], list('', 'i')],
    [['LMOVE', 'l', 'l', 'LEFT', 'RIGHT'], bulk('j')],
    [['LMOVE', 'l', 'l', 'LEFT', 'LEFT'], bulk('1')],
    [['LMOVE', 'l', 'l', 'RIGHT', 'RIGHT'], bulk('j')],
    [ALL, list('1', 'j')],
    [['LMOVE', 'none', 'm', 'LEFT', 'RIGHT'], NULL],
    [['LMOVE', 'l', 'm', 'x', 'RIGHT'], SYNTAX],
    [['LMPOP', '2', 'none', 'l', 'LEFT'], array(bulk('l'), list('1'))],
    [['LMPOP', '1', 'l', 'RIGHT', 'COUNT', '9'], array(bulk('l'), list('j'))],
    [['LMPOP', '1', 'l', 'LEFT'], NULL_ARRAY, '_\r\n'],
    [['LMPOP', '0', 'l', 'LEFT'], error('ERR numkeys should be greater than 0')],
    [['LMPOP', '1', 'l', 'LEFT', 'COUNT', '0'], error('ERR count should be greater than 0')],
    [['EXISTS', 'l'], integer(0)],
    [['COPY', 'm', 'c'], integer(1)],
    [['LTRIM', 'm', '5', '9'], OK],
    [['EXISTS', 'm', 'c'], integer(1)],
    [['SET', 's', '1'], OK],
    [['LPUSH', 's', 'a'], WRONG_TYPE],
    [['LMOVE', 'c', 's', 'LEFT', 'LEFT'], WRONG_TYPE],
    [['LLEN', 's'], WRONG_TYPE],
  ];
}

table('list as listpack', SPECS, rowsOf('listpack'));
table('list as quicklist of pairs', SPECS, rowsOf('quicklist'), (runner) => {
  runner.state.limits.listMaxListpackSize = 2;
});
table('list as quicklist of single elements', SPECS, rowsOf('quicklist'), (runner) => {
  runner.state.limits.listMaxListpackSize = 1;
});

const NULLS = [NULL_ARRAY, '_\r\n'] as const;
const move = (line: string): readonly string[] => ['LMOVEM', ...line.split(' ')];
const MOVES: readonly Row[] = [
  [['RPUSH', 'l', '1', '2', '3', '4', '5', '6', '7', '8', 'nine'], integer(9)],
  [['RPUSH', 'm', 'a', 'b'], integer(2)],
  [move('l m LEFT LEFT'), list('1')],
  [move('l m LEFT LEFT COUNT 2 OBO'), list('3', '2')],
  [['LRANGE', 'm', '0', '-1'], list('3', '2', '1', 'a', 'b')],
  [move('l m right RIGHT count 2 obo'), list('nine', '8')],
  [['LRANGE', 'm', '-3', '-1'], list('b', 'nine', '8')],
  [move('l m RIGHT RIGHT EXACTLY 2 BULK'), list('6', '7')],
  [move('m l RIGHT LEFT COUNT 4 OBO'), list('nine', '8', '6', '7')],
  [ALL, list('nine', '8', '6', '7', '4', '5')],
  [move('l m LEFT RIGHT EXACTLY 7 BULK'), ...NULLS],
  [move('l m LEFT RIGHT EXACTLY 6 BULK'), list('nine', '8', '6', '7', '4', '5')],
  [['EXISTS', 'l'], integer(0)],
  [move('l m LEFT RIGHT'), ...NULLS],
  [move('m n LEFT LEFT COUNT 100 BULK'), list(...'3 2 1 a b nine 8 6 7 4 5'.split(' '))],
  [['EXISTS', 'm'], integer(0)],
  [move('n n LEFT RIGHT COUNT 3 OBO'), list('3', '2', '1')],
  [move('n n LEFT LEFT COUNT 2 OBO'), list('b', 'a')],
  [move('n n RIGHT RIGHT COUNT 2 BULK'), list('2', '1')],
  [move('n n RIGHT RIGHT COUNT 3 OBO'), list('1', '2', '3')],
  [move('n n RIGHT LEFT COUNT 1 OBO'), list('3')],
  [['LRANGE', 'n', '0', '-1'], list(...'3 b a nine 8 6 7 4 5 1 2'.split(' '))],
  [move('n n LEFT LEFT COUNT 99 OBO'), list(...'2 1 5 4 7 6 8 nine a b 3'.split(' '))],
  [move('n n LEFT RIGHT COUNT 99 BULK'), list(...'2 1 5 4 7 6 8 nine a b 3'.split(' '))],
  [move('n m LEFT LEFT COUNT 1'), SYNTAX],
  [move('n m LEFT LEFT COUNT 1 x'), SYNTAX],
  [move('n m LEFT LEFT x 1 OBO'), SYNTAX],
  [move('n m LEFT x'), SYNTAX],
  [move('n m LEFT LEFT COUNT 0 OBO'), error('ERR count should be greater than 0')],
  [move('n m LEFT LEFT COUNT x OBO'), error('ERR count should be greater than 0')],
  [
    move('n m LEFT LEFT COUNT 9223372036854775808 OBO'),
    error('ERR count should be greater than 0'),
  ],
  [move('n m LEFT LEFT EXACTLY 9223372036854775807 OBO'), ...NULLS],
  [['SET', 's', '1'], OK],
  [move('n s LEFT LEFT'), WRONG_TYPE],
  [move('s n LEFT LEFT'), WRONG_TYPE],
  [move('none s LEFT LEFT'), ...NULLS],
  [['LLEN', 'n'], integer(11)],
];

table('LMOVEM of listpacks', SPECS, MOVES);
table('LMOVEM of quicklists of pairs', SPECS, MOVES, (runner) => {
  runner.state.limits.listMaxListpackSize = 2;
});

test('LMOVEM into a full arena changes nothing', () => {
  const runner = new LocalRunner(SPECS, { shards: 1, arenaBytes: 1 << 20 });
  const elements = Array.from({ length: 60 }, (_, i) => `${i}:`.padEnd(5000, 'x'));
  for (const element of elements) runner.run('RPUSH', 'l', element);
  for (const size of [9000, 1000]) {
    while (runner.run('RPUSH', 'filler', 'y'.repeat(size)).startsWith(':'));
  }
  const [before, others] = [runner.run(...ALL), runner.run('LLEN', 'filler')];
  for (const target of ['new', 'filler', 'l']) {
    for (const side of ['LEFT', 'RIGHT']) {
      expect(runner.run('LMOVEM', 'l', target, 'LEFT', side, 'COUNT', '60', 'OBO')).toBe(FULL);
    }
  }
  expect(runner.run(...ALL)).toBe(before);
  expect(runner.run('LLEN', 'filler')).toBe(others);
  expect(runner.run('EXISTS', 'new')).toBe(integer(0));
  runner.checkInvariants();
});

table(
  'LSET makes a quicklist of a full listpack',
  SPECS,
  [
    [['RPUSH', 'l', 'a', 'b', 'c'], integer(3)],
    [['OBJECT', 'ENCODING', 'l'], bulk('listpack')],
    [['LSET', 'l', '0', 'd'], OK],
    [['OBJECT', 'ENCODING', 'l'], bulk('quicklist')],
    [ALL, list('d', 'b', 'c')],
  ],
  (runner) => {
    runner.state.limits.listMaxListpackSize = 3;
  },
);
