import { GENERIC_COMMANDS } from '../../src/commands/generic.ts';
import { LIST_COMMANDS } from '../../src/commands/list.ts';
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
