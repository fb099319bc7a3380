import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BITMAP_COMMANDS } from '../../src/commands/bitmap.ts';
import { STRING_COMMANDS } from '../../src/commands/string.ts';
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
import { LocalRunner } from '../support/local-runner.ts';

const SPECS = [...STRING_COMMANDS, ...BITMAP_COMMANDS, ...PROBE_COMMANDS];
const BIT_OFFSET = error('ERR bit offset is not an integer or out of range');
const BIT_VALUE = error('ERR bit is not an integer or out of range');
const FIELD_TYPE = error(
  'ERR Invalid bitfield type. Use something like i16 u8. ' +
    'Note that u64 is not supported but i64 is.',
);
const INT64_MAX = '9223372036854775807';
const INT64_MIN = '-9223372036854775808';
const ENCODING = (key: string): readonly string[] => ['OBJECT', 'ENCODING', key];

table(
  'single bits',
  SPECS,
  [
    [['GETBIT', 'a', '100'], integer(0)],
    [['SETBIT', 'a', '1', '1'], integer(0)],
    [['SETBIT', 'a', '1', '1'], integer(1)],
    [['GET', 'a'], bulk('@')],
    [ENCODING('a'), bulk('raw')],
    [['GETBIT', 'a', '1'], integer(1)],
    [['GETBIT', 'a', '8'], integer(0)],
    [['SETBIT', 'a', '23', '0'], integer(0)],
    [['GET', 'a'], bulk('@\0\0')],
    [['SET', 'n', '1'], OK],
    [['SETBIT', 'n', '6', '0'], integer(0)],
    [ENCODING('n'), bulk('raw')],
    [['SETBIT', 'n', '6', '1'], integer(0)],
    [['GET', 'n'], bulk('3')],
    [['SETBIT', 'a', '799', '1'], integer(0)],
    [['STRLEN', 'a'], integer(100)],
    [['SETBIT', 'a', '800', '1'], BIT_OFFSET],
    [['GETBIT', 'a', '800'], BIT_OFFSET],
    [['SETBIT', 'a', '-1', '1'], BIT_OFFSET],
    [['SETBIT', 'a', INT64_MAX, '1'], BIT_OFFSET],
    [['SETBIT', 'a', '#1', '1'], BIT_OFFSET],
    [['SETBIT', 'a', 'x', '1'], BIT_OFFSET],
    [['SETBIT', 'a', '1', '2'], BIT_VALUE],
    [['SETBIT', 'a', '1', '-1'], BIT_VALUE],
    [['SETBIT', 'a', '1', INT64_MAX], BIT_VALUE],
    [['LPUSH', 'list', 'x'], integer(1)],
    [['SETBIT', 'list', '1', '1'], WRONG_TYPE],
    [['GETBIT', 'list', '1'], WRONG_TYPE],
  ],
  (runner) => {
    runner.context.limits.protoMaxBulkLength = 100;
  },
);

table('BITCOUNT', SPECS, [
  [['BITCOUNT', 'a'], integer(0)],
  [['SET', 'a', 'foobar'], OK],
  [['BITCOUNT', 'a'], integer(26)],
  [['BITCOUNT', 'a', '0', '0'], integer(4)],
  [['BITCOUNT', 'a', '1', '1', 'byte'], integer(6)],
  [['BITCOUNT', 'a', '5', '30', 'BIT'], integer(17)],
  [['BITCOUNT', 'a', '-8', '-1', 'BIT'], integer(4)],
  [['BITCOUNT', 'a', '-1', '-2'], integer(0)],
  [['BITCOUNT', 'a', '10', '20'], integer(0)],
  [['BITCOUNT', 'a', INT64_MIN, INT64_MAX], integer(26)],
  [['BITCOUNT', 'a', '1'], SYNTAX],
  [['BITCOUNT', 'a', '1', '2', 'WORD'], SYNTAX],
  [['BITCOUNT', 'a', '1', '2', 'BIT', 'x'], SYNTAX],
  [['BITCOUNT', 'a', 'x', '2'], NOT_INTEGER],
  [['BITCOUNT', 'none', '1', 'x'], NOT_INTEGER],
  [['LPUSH', 'list', 'x'], integer(1)],
  [['BITCOUNT', 'list'], WRONG_TYPE],
]);

table('BITPOS', SPECS, [
  [['BITPOS', 'none', '0'], integer(0)],
  [['BITPOS', 'none', '1'], integer(-1)],
  [['SET', 'a', '\xff\xf0\0'], OK],
  [['BITPOS', 'a', '0'], integer(12)],
  [['BITPOS', 'a', '1'], integer(0)],
  [['BITPOS', 'a', '1', '2'], integer(-1)],
  [['BITPOS', 'a', '0', '0', '0'], integer(-1)],
  [['BITPOS', 'a', '0', '0', '1'], integer(12)],
  [['BITPOS', 'a', '1', '7', '15', 'BIT'], integer(7)],
  [['BITPOS', 'a', '0', '13', '13', 'BIT'], integer(13)],
  [['BITPOS', 'a', '1', '12', '-1', 'BIT'], integer(-1)],
  [['BITPOS', 'a', '0', '2', '1'], integer(-1)],
  [['SET', 'b', '\xff\xff\xff'], OK],
  [['BITPOS', 'b', '0'], integer(24)],
  [['BITPOS', 'b', '0', '1'], integer(24)],
  [['BITPOS', 'b', '0', '0', '-1'], integer(-1)],
  [['SET', 'c', ''], OK],
  [['BITPOS', 'c', '0'], integer(-1)],
  [['BITPOS', 'a', '2'], error('ERR The bit argument must be 1 or 0.')],
  [['BITPOS', 'a', 'x'], NOT_INTEGER],
  [['BITPOS', 'a', '1', 'x'], NOT_INTEGER],
  [['BITPOS', 'a', '1', '1', 'x'], NOT_INTEGER],
  [['BITPOS', 'a', '1', '1', '2', 'x'], SYNTAX],
  [['BITPOS', 'a', '1', '1', '2', 'BIT', 'x'], SYNTAX],
  [['LPUSH', 'list', 'x'], integer(1)],
  [['BITPOS', 'list', '1'], WRONG_TYPE],
]);

table('BITOP', SPECS, [
  [['MSET', 'a', '\x0f\xff', 'b', '\x3c', 'c', '\x55\x55\x55'], OK],
  [['BITOP', 'AND', 'to', 'a', 'b'], integer(2)],
  [['GET', 'to'], bulk('\x0c\0')],
  [ENCODING('to'), bulk('raw')],
  [['BITOP', 'or', 'to', 'a', 'b', 'none'], integer(2)],
  [['GET', 'to'], bulk('\x3f\xff')],
  [['BITOP', 'XOR', 'to', 'a', 'b', 'c'], integer(3)],
  [['GET', 'to'], bulk('\x66\xaa\x55')],
  [['BITOP', 'NOT', 'to', 'a'], integer(2)],
  [['GET', 'to'], bulk('\xf0\0')],
  [['BITOP', 'DIFF', 'to', 'a', 'b', 'c'], integer(3)],
  [['GET', 'to'], bulk('\x02\xaa\0')],
  [['BITOP', 'DIFF1', 'to', 'a', 'b', 'c'], integer(3)],
  [['GET', 'to'], bulk('\x70\0\x55')],
  [['BITOP', 'ANDOR', 'to', 'a', 'b', 'c'], integer(3)],
  [['GET', 'to'], bulk('\x0d\x55\0')],
  [['BITOP', 'ONE', 'to', 'a', 'b', 'c'], integer(3)],
  [['GET', 'to'], bulk('\x62\xaa\x55')],
  [['BITOP', 'ONE', 'to', 'a', 'a', 'a'], integer(2)],
  [['GET', 'to'], bulk('\0\0')],
  [['BITOP', 'AND', 'a', 'a', 'none'], integer(2)],
  [['GET', 'a'], bulk('\0\0')],
  [['BITOP', 'OR', 'a', 'none', 'none'], integer(0)],
  [['EXISTS', 'a'], integer(0)],
  [['BITOP', 'NOT', 'c', 'c'], integer(3)],
  [['GET', 'c'], bulk('\xaa\xaa\xaa')],
  [['BITOP', 'NAND', 'to', 'b'], SYNTAX],
  [
    ['BITOP', 'NOT', 'to', 'b', 'c'],
    error('ERR BITOP NOT must be called with a single source key.'),
  ],
  [
    ['BITOP', 'DIFF', 'to', 'b'],
    error('ERR BITOP DIFF must be called with at least two source keys.'),
  ],
  [
    ['BITOP', 'diff1', 'to', 'b'],
    error('ERR BITOP DIFF1 must be called with at least two source keys.'),
  ],
  [
    ['BITOP', 'ANDOR', 'to', 'b'],
    error('ERR BITOP ANDOR must be called with at least two source keys.'),
  ],
  [['LPUSH', 'list', 'x'], integer(1)],
  [['BITOP', 'AND', 'to', 'b', 'list'], WRONG_TYPE],
  [['BITOP', 'AND', 'list', 'b'], integer(1)],
  [['GET', 'list'], bulk('\x3c')],
]);

table('BITFIELD', SPECS, [
  [['BITFIELD', 'a'], '*0\r\n'],
  [['BITFIELD', 'a', 'GET', 'u8', '0'], array(integer(0))],
  [['EXISTS', 'a'], integer(0)],
  [['BITFIELD', 'a', 'INCRBY', 'i5', '100', '1', 'GET', 'u4', '0'], array(integer(1), integer(0))],
  [['STRLEN', 'a'], integer(14)],
  [['BITFIELD', 'b', 'SET', 'u8', '#1', '200', 'GET', 'i8', '8'], array(integer(0), integer(-56))],
  [['BITFIELD', 'b', 'INCRBY', 'u8', '8', '100'], array(integer(44))],
  [['BITFIELD', 'b', 'OVERFLOW', 'SAT', 'INCRBY', 'u8', '8', '1000'], array(integer(255))],
  [['BITFIELD', 'b', 'OVERFLOW', 'SAT', 'INCRBY', 'u8', '8', '-1000'], array(integer(0))],
  [
    ['BITFIELD', 'b', 'OVERFLOW', 'FAIL', 'INCRBY', 'u8', '8', '-1', 'SET', 'u8', '8', '256'],
    array(NULL, NULL),
  ],
  [
    ['BITFIELD', 'b', 'OVERFLOW', 'SAT', 'SET', 'u8', '8', '-1', 'GET', 'u8', '8'],
    array(integer(0), integer(255)),
  ],
  [['BITFIELD', 'b', 'SET', 'u8', '8', '-2', 'GET', 'u8', '8'], array(integer(255), integer(254))],
  [['BITFIELD', 'b', 'SET', 'i8', '8', '200', 'GET', 'i8', '8'], array(integer(-2), integer(-56))],
  [
    ['BITFIELD', 'b', 'OVERFLOW', 'SAT', 'SET', 'i8', '8', INT64_MIN, 'GET', 'i8', '8'],
    array(integer(-56), integer(-128)),
  ],
  [
    ['BITFIELD', 'c', 'SET', 'i64', '3', INT64_MIN, 'GET', 'i64', '3'],
    array(integer(0), integer(INT64_MIN)),
  ],
  [['BITFIELD', 'c', 'INCRBY', 'i64', '3', '-1'], array(integer(INT64_MAX))],
  [
    ['BITFIELD', 'c', 'OVERFLOW', 'SAT', 'INCRBY', 'i64', '3', INT64_MAX],
    array(integer(INT64_MAX)),
  ],
  [['BITFIELD', 'c', 'OVERFLOW', 'FAIL', 'INCRBY', 'i64', '3', '1'], array(NULL)],
  [
    ['BITFIELD', 'c', 'SET', 'u63', '0', INT64_MAX, 'GET', 'u63', '0'],
    array(integer('576460752303423487'), integer(INT64_MAX)),
  ],
  [['BITFIELD', 'c', 'INCRBY', 'u63', '0', '2'], array(integer(1))],
  [['BITFIELD_RO', 'c', 'GET', 'u63', '0', 'GET', 'u1', '62'], array(integer(1), integer(1))],
  [
    ['BITFIELD_RO', 'c', 'SET', 'u8', '0', '1'],
    error('ERR BITFIELD_RO only supports the GET subcommand'),
  ],
  [['BITFIELD', 'c', 'GET', 'u64', '0'], FIELD_TYPE],
  [['BITFIELD', 'c', 'GET', 'i65', '0'], FIELD_TYPE],
  [['BITFIELD', 'c', 'GET', 'u0', '0'], FIELD_TYPE],
  [['BITFIELD', 'c', 'GET', 'i', '0'], FIELD_TYPE],
  [['BITFIELD', 'c', 'GET', 'x8', '0'], FIELD_TYPE],
  [['BITFIELD', 'c', 'GET', 'u8', '-1'], BIT_OFFSET],
  [['BITFIELD', 'c', 'GET', 'u8', '#x'], BIT_OFFSET],
  [['BITFIELD', 'c', 'GET', 'u8', `#${INT64_MAX}`], BIT_OFFSET],
  [['BITFIELD', 'c', 'SET', 'u8', '0', 'x'], NOT_INTEGER],
  [['BITFIELD', 'c', 'SET', 'u8', '0'], SYNTAX],
  [['BITFIELD', 'c', 'ADD', 'u8', '0', '1'], SYNTAX],
  [['BITFIELD', 'c', 'OVERFLOW', 'NO'], error('ERR Invalid OVERFLOW type specified')],
  [['LPUSH', 'list', 'x'], integer(1)],
  [['BITFIELD', 'list', 'GET', 'u8', '0'], WRONG_TYPE],
  [['BITFIELD', 'list', 'SET', 'u8', '0', '1'], WRONG_TYPE],
]);

test('large work escalates before anything is done', () => {
  const runner = new LocalRunner(SPECS, { workMax: 4096, arenaBytes: 1 << 26 });
  expect(runner.run('SETBIT', 'a', 8_000_000, 1)).toBe(integer(0));
  expect(runner.run('BITCOUNT', 'a')).toBe(integer(1));
  expect(runner.run('BITPOS', 'a', 1)).toBe(integer(8_000_000));
  expect(runner.run('BITOP', 'NOT', 'b', 'a')).toBe(integer(1_000_001));
  expect(runner.run('BITFIELD', 'c', 'SET', 'u8', 8_000_000, 255)).toBe(array(integer(0)));
  expect(runner.escalations).toBe(5);
  expect(runner.run('GETBIT', 'b', 8_000_000)).toBe(integer(0));
  expect(runner.run('BITCOUNT', 'b')).toBe(integer(8_000_007));
});

test('a string grows with zeros where freed values lay before', () => {
  const runner = new LocalRunner(SPECS, { shards: 1, arenaBytes: 1 << 24 });
  for (const size of [10, 100, 1000, 5000, 100_000]) {
    for (let i = 0; i < 20; i++) runner.run('SET', `k${i}`, '\xff'.repeat(size));
    for (let i = 0; i < 20; i++) runner.run('DEL', `k${i}`);
    runner.run('SETBIT', 'bits', size * 8 - 1, 1);
    expect(runner.run('BITCOUNT', 'bits')).toBe(integer(1));
    runner.run('SETBIT', 'bits', size * 16 - 1, 1);
    expect(runner.run('BITCOUNT', 'bits')).toBe(integer(2));
    runner.run('BITFIELD', 'bits', 'SET', 'u1', size * 24 - 1, 1);
    expect(runner.run('BITCOUNT', 'bits')).toBe(integer(3));
    runner.run('DEL', 'bits');
  }
  runner.checkInvariants();
});

test('a full arena refuses and changes nothing', () => {
  const runner = new LocalRunner(SPECS, { shards: 1, arenaBytes: 1 << 20 });
  let stored = 0;
  while (runner.run('SET', `k${stored}`, 'x'.repeat(200_000)) === OK) stored += 1;
  const rows: readonly Row[] = [
    [['SET', 'a', 'x'], OK],
    [['SETBIT', 'a', '8000000', '1'], FULL],
    [['SETBIT', 'new', '8000000', '1'], FULL],
    [['BITFIELD', 'a', 'SET', 'u8', '8000000', '1'], FULL],
    [['BITOP', 'NOT', 'a', 'k0'], FULL],
    [['GET', 'a'], bulk('x')],
    [['EXISTS', 'new'], integer(0)],
  ];
  for (const [command, reply] of rows) expect(runner.run(...command)).toBe(reply);
  runner.checkInvariants();
});

test('changes in place are told to watchers, and only changes', () => {
  const runner = new LocalRunner(SPECS, { arenaBytes: 1 << 24 });
  runner.run('SET', 'a', 'xxxx');
  const changes = (...command: string[]): boolean => {
    const before = runner.state.dirty;
    runner.run(...command);
    return runner.state.dirty > before;
  };
  expect(changes('SETBIT', 'a', '0', '1')).toBe(true);
  expect(changes('SETBIT', 'a', '0', '1')).toBe(false);
  expect(changes('BITFIELD', 'a', 'SET', 'u8', '0', '7')).toBe(true);
  expect(changes('BITFIELD', 'a', 'SET', 'u8', '0', '7')).toBe(false);
  expect(changes('BITFIELD', 'a', 'SET', 'u8', '80', '0')).toBe(true);
});

test('BITOP agrees with a model, for values inside and outside their entries', () => {
  const operations: readonly (readonly [string, (bits: readonly number[]) => number])[] = [
    ['AND', (bits) => (bits.every((bit) => bit === 1) ? 1 : 0)],
    ['OR', (bits) => (bits.includes(1) ? 1 : 0)],
    ['XOR', (bits) => bits.filter((bit) => bit === 1).length % 2],
    ['DIFF', ([first, ...rest]) => (first === 1 && !rest.includes(1) ? 1 : 0)],
    ['DIFF1', ([first, ...rest]) => (first === 0 && rest.includes(1) ? 1 : 0)],
    ['ANDOR', ([first, ...rest]) => (first === 1 && rest.includes(1) ? 1 : 0)],
    ['ONE', (bits) => (bits.filter((bit) => bit === 1).length === 1 ? 1 : 0)],
  ];
  const value = fc
    .tuple(fc.uint8Array({ minLength: 8, maxLength: 8 }), fc.constantFrom(0, 1, 3, 7, 50, 600))
    .chain(([block, times]) =>
      fc.nat(7).map((cut) => Buffer.concat([...Array(times).fill(block), block.subarray(0, cut)])),
    );
  fc.assert(
    fc.property(fc.array(value, { minLength: 2, maxLength: 4 }), (values) => {
      const runner = new LocalRunner(SPECS, { arenaBytes: 1 << 24 });
      const keys = values.map((_, i) => 'k'.repeat(i + 1));
      for (const [i, one] of values.entries()) runner.run('SET', keys[i]!, one);
      const total = Math.max(...values.map((one) => one.length));
      for (const [name, bit] of operations) {
        const expected = new Uint8Array(total).map((_, at) => {
          let byte = 0;
          for (let shift = 0; shift < 8; shift++) {
            byte |= bit(values.map((one) => ((one[at] ?? 0) >>> shift) & 1)) << shift;
          }
          return byte;
        });
        expect(runner.run('BITOP', name, 'to', ...keys)).toBe(integer(total));
        const wanted = total === 0 ? NULL : bulk(Buffer.from(expected).toString('latin1'));
        expect(runner.run('GET', 'to') === wanted, name).toBe(true);
      }
      runner.checkInvariants();
    }),
    { numRuns: 25 },
  );
});
