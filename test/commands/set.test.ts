import { expect, test } from 'vitest';
import { GENERIC_COMMANDS } from '../../src/commands/generic.ts';
import { SET_COMMANDS } from '../../src/commands/set.ts';
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
import { LocalRunner } from '../support/local-runner.ts';

const SPECS = [...STRING_COMMANDS, ...GENERIC_COMMANDS, ...SET_COMMANDS];
const encodingOf = (key: string): readonly string[] => ['OBJECT', 'ENCODING', key];
const set = (...members: readonly string[]): readonly [string, string] => [
  array(...members.map(bulk)),
  `~${members.length}\r\n${members.map(bulk).join('')}`,
];

function rowsOf(encoding: string, a: string, b: string): readonly Row[] {
  return [
    [['SADD', 's', a, b, a], integer(2)],
    [['SADD', 's', a], integer(0)],
    [encodingOf('s'), bulk(encoding)],
    [['SCARD', 's'], integer(2)],
    [['SCARD', 'none'], integer(0)],
    [['SISMEMBER', 's', a], integer(1)],
    [['SISMEMBER', 's', 'x'], integer(0)],
    [['SMISMEMBER', 's', a, 'x', b], array(integer(1), integer(0), integer(1))],
    [['SMISMEMBER', 'none', a], array(integer(0))],
    [['SREM', 's', b, 'x'], integer(1)],
    [['SMEMBERS', 's'], ...set(a)],
    [['SMEMBERS', 'none'], ...set()],
    [['SRANDMEMBER', 's'], bulk(a)],
    [['SRANDMEMBER', 's', '-2'], array(bulk(a), bulk(a))],
    [['SRANDMEMBER', 's', '2'], array(bulk(a))],
    [['SRANDMEMBER', 'none'], NULL],
    [['SRANDMEMBER', 'none', '2'], array()],
    [['SSCAN', 's', '0'], array(bulk('0'), array(bulk(a)))],
    [['SSCAN', 'none', '0', 'MATCH'], array(bulk('0'), array())],
    [['SSCAN', 's', '0', 'MATCH'], error('ERR syntax error')],
    [['SMOVE', 's', 't', 'x'], integer(0)],
    [['SMOVE', 's', 't', a], integer(1)],
    [['EXISTS', 's', 't'], integer(1)],
    [['SMOVE', 't', 't', a], integer(1)],
    [['SINTER', 't', 'none'], ...set()],
    [['SUNION', 't', 'none'], ...set(a)],
    [['SDIFF', 't', 'none'], ...set(a)],
    [['SINTERSTORE', 'd', 't', 't'], integer(1)],
    [['SUNIONSTORE', 'd', 't', 'd'], integer(1)],
    [['SDIFFSTORE', 'd', 't', 't'], integer(0)],
    [['EXISTS', 'd'], integer(0)],
    [['SADD', 't', b], integer(1)],
    [['SINTERCARD', '2', 't', 't'], integer(2)],
    [['SINTERCARD', '2', 't', 't', 'LIMIT', '1'], integer(1)],
    [['SUNIONCARD', '2', 't', 'none', 'APPROX'], integer(2)],
    [['SDIFFCARD', '2', 't', 'none', 'LIMIT', '0'], integer(2)],
    [['SINTERCARD', '0', 't'], error('ERR numkeys should be greater than 0')],
    [['SINTERCARD', '3', 't'], error("ERR Number of keys can't be greater than number of args")],
    [['SINTERCARD', '1', 't', 'LIMIT', '-1'], error("ERR LIMIT can't be negative")],
    [['SINTERCARD', '1', 't', 'x'], SYNTAX],
    [['COPY', 't', 'u'], integer(1)],
    [['SPOP', 'u', '-1'], error('ERR value is out of range, must be positive')],
    [['SPOP', 'u', '1', 'x'], SYNTAX],
    [['SRANDMEMBER', 'u', 'x'], NOT_INTEGER],
    [['SPOP', 'u', '0'], ...set()],
    [['SREM', 'u', a], integer(1)],
    [['SPOP', 'u'], bulk(b)],
    [['SPOP', 'u'], NULL],
    [['EXISTS', 'u'], integer(0)],
    [['SET', 'str', '1'], OK],
    [['SADD', 'str', a], WRONG_TYPE],
    [['SINTER', 'none', 'str'], WRONG_TYPE],
    [['SMOVE', 't', 'str', a], WRONG_TYPE],
  ];
}

table('set as intset', SPECS, rowsOf('intset', '1', '-70000'));
table('set as listpack', SPECS, rowsOf('listpack', 'a', 'bb'));
table('set as hashtable', SPECS, rowsOf('hashtable', 'a'.repeat(65), 'b'));
table('a set converts at its limits', SPECS, [
  [['SADD', 's', '1', '2'], integer(2)],
  [['SADD', 's', '9223372036854775807', '-9223372036854775808'], integer(2)],
  [encodingOf('s'), bulk('intset')],
  [['SADD', 's', 'a'], integer(1)],
  [encodingOf('s'), bulk('listpack')],
  [['SADD', 's', 'x'.repeat(65)], integer(1)],
  [encodingOf('s'), bulk('hashtable')],
  [['SCARD', 's'], integer(6)],
  [['SISMEMBER', 's', '-9223372036854775808'], integer(1)],
]);

test.each([['intset'], ['listpack'], ['hashtable']])(
  'a choice from a %s is uniform',
  (encoding) => {
    const runner = new LocalRunner(SPECS);
    const members = Array.from({ length: 60 }, (_, i) =>
      encoding === 'intset' ? `${i}` : `m${i}`,
    );
    if (encoding === 'hashtable') runner.state.limits.setMaxListpackEntries = 1;
    runner.run('SADD', 's', ...members);
    expect(runner.run('OBJECT', 'ENCODING', 's')).toBe(bulk(encoding));
    const draws = 60_000;
    const counts = new Map<string, number>();
    const reply = runner.run('SRANDMEMBER', 's', -draws).split('\r\n');
    for (let i = 2; i < reply.length; i += 2) {
      counts.set(reply[i]!, (counts.get(reply[i]!) ?? 0) + 1);
    }
    const expected = draws / members.length;
    let chiSquare = 0;
    for (const member of members)
      chiSquare += ((counts.get(member) ?? 0) - expected) ** 2 / expected;
    // 59 degrees of freedom: above 140 once in 10^8 runs.
    expect(chiSquare).toBeLessThan(140);
  },
);
