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

const SPECS = [...STRING_COMMANDS, ...GENERIC_COMMANDS, ...HASH_COMMANDS];
const ENCODING = ['OBJECT', 'ENCODING', 'h'] as const;
const NOT_HASH_INTEGER = error('ERR hash value is not an integer');
const NOT_HASH_FLOAT = error('ERR hash value is not a float');
const OVERFLOW = error('ERR increment or decrement would overflow');
const INT64_MAX = '9223372036854775807';

/** The same rows on a listpack and on a hashtable. */
function rowsOf(encoding: string): readonly Row[] {
  return [
    [['HSET', 'h', 'f', 'v', 'n', '10'], integer(2)],
    [['HSET', 'h', 'f', 'w'], integer(0)],
    [ENCODING, bulk(encoding)],
    [['TYPE', 'h'], '+hash\r\n'],
    [['HGET', 'h', 'f'], bulk('w')],
    [['HGET', 'h', 'x'], NULL],
    [['HGET', 'none', 'x'], NULL],
    [['HMGET', 'h', 'f', 'x', 'n'], array(bulk('w'), NULL, bulk('10'))],
    [['HMGET', 'none', 'f'], array(NULL)],
    [['HLEN', 'h'], integer(2)],
    [['HEXISTS', 'h', 'n'], integer(1)],
    [['HEXISTS', 'h', 'x'], integer(0)],
    [['HSTRLEN', 'h', 'n'], integer(2)],
    [['HSTRLEN', 'h', 'x'], integer(0)],
    [['HSETNX', 'h', 'n', '1'], integer(0)],
    [['HSETNX', 'h', 'm', ''], integer(1)],
    [['HINCRBY', 'h', 'n', '-3'], integer(7)],
    [['HINCRBY', 'h', 'big', INT64_MAX], integer(INT64_MAX)],
    [['HINCRBY', 'h', 'big', '1'], OVERFLOW],
    [['HINCRBY', 'h', 'f', '1'], NOT_HASH_INTEGER],
    [['HINCRBY', 'h', 'n', 'x'], NOT_INTEGER],
    [['HINCRBYFLOAT', 'h', 'n', '0.5'], bulk('7.5')],
    [['HINCRBYFLOAT', 'h', 'f', '1'], NOT_HASH_FLOAT],
    [['HINCRBYFLOAT', 'h', 'n', '+inf'], error('ERR value is NaN or Infinity')],
    [['HINCRBYFLOAT', 'h', 'n', 'x'], error('ERR value is not a valid float')],
    [['HDEL', 'h', 'f', 'x', 'm', 'big'], integer(3)],
    [['HKEYS', 'h'], array(bulk('n'))],
    [['HVALS', 'h'], array(bulk('7.5'))],
    [['HGETALL', 'h'], array(bulk('n'), bulk('7.5')), `%1\r\n${bulk('n')}${bulk('7.5')}`],
    [['HGETALL', 'none'], array(), '%0\r\n'],
    [['HRANDFIELD', 'h'], bulk('n')],
    [['HRANDFIELD', 'none'], NULL],
    [['HRANDFIELD', 'h', '-2'], array(bulk('n'), bulk('n'))],
    [['HRANDFIELD', 'h', '5'], array(bulk('n'))],
    [
      ['HRANDFIELD', 'h', '1', 'WITHVALUES'],
      array(bulk('n'), bulk('7.5')),
      array(array(bulk('n'), bulk('7.5'))),
    ],
    [['HRANDFIELD', 'h', '1', 'x'], SYNTAX],
    [['HSCAN', 'h', '0'], array(bulk('0'), array(bulk('n'), bulk('7.5')))],
    [['HSCAN', 'h', '0', 'NOVALUES'], array(bulk('0'), array(bulk('n')))],
    [['HSCAN', 'h', '0', 'MATCH', 'x*'], array(bulk('0'), array())],
    [['HSCAN', 'h', '0', 'COUNT', '0'], SYNTAX],
    [['HSCAN', 'h', 'x'], error('ERR invalid cursor')],
    [['COPY', 'h', 'h2'], integer(1)],
    [['RENAME', 'h2', 'h3'], OK],
    [['HGETALL', 'h3'], array(bulk('n'), bulk('7.5')), `%1\r\n${bulk('n')}${bulk('7.5')}`],
    [['HDEL', 'h', 'n'], integer(1)],
    [['EXISTS', 'h'], integer(0)],
    [['SET', 's', '1'], OK],
    [['HSET', 's', 'f', 'v'], WRONG_TYPE],
    [['HGET', 's', 'f'], WRONG_TYPE],
    [['HGETALL', 's'], WRONG_TYPE],
    [['GET', 'h3'], WRONG_TYPE],
    [['HSET', 'h', 'f'], error("ERR wrong number of arguments for 'hset' command")],
    [['HMSET', 'h', 'f', 'v', 'g'], error("ERR wrong number of arguments for 'hmset' command")],
    [['HMSET', 'h', 'f', 'v'], OK],
  ];
}

table('hash as listpack', SPECS, rowsOf('listpack'));
table('hash as hashtable', SPECS, rowsOf('hashtable'), (runner) => {
  runner.state.limits.hashMaxListpackEntries = 0;
});
table('a hash converts at its limits', SPECS, [
  [['HSET', 'h', 'f', 'x'.repeat(64)], integer(1)],
  [ENCODING, bulk('listpack')],
  [['HSET', 'h', 'f', 'x'.repeat(65)], integer(0)],
  [ENCODING, bulk('hashtable')],
  [['HGET', 'h', 'f'], bulk('x'.repeat(65))],
  [['HSET', 'h', 'f', 'y'.repeat(300)], integer(0)],
  [['HGET', 'h', 'f'], bulk('y'.repeat(300))],
  [['HSET', 'h', 'l'.repeat(200), 'v'], integer(1)],
  [['HGET', 'h', 'l'.repeat(200)], bulk('v')],
  [['HGET', 'h', 'l'.repeat(199)], NULL],
]);
