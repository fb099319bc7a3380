import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GENERIC_COMMANDS } from '../../src/commands/generic.ts';
import { HYPERLOGLOG_COMMANDS } from '../../src/commands/hyperloglog.ts';
import { LIST_COMMANDS } from '../../src/commands/list.ts';
import { STRING_COMMANDS } from '../../src/commands/string.ts';
import { WATCH_COMMANDS } from '../../src/commands/watch.ts';
import {
  array,
  bulk,
  error,
  FULL,
  integer,
  OK,
  type Row,
  table,
  WRONG_TYPE,
} from '../conformance/table.ts';
import { LocalRunner } from '../support/local-runner.ts';

const SPECS = [...STRING_COMMANDS, ...LIST_COMMANDS, ...GENERIC_COMMANDS, ...HYPERLOGLOG_COMMANDS];
const NOT_HLL = error('WRONGTYPE Key is not a valid HyperLogLog string value.');
const CORRUPT = error('INVALIDOBJ Corrupted HLL object detected');
const SPARSE_HEAD = 'HYLL\x01\0\0\0';
const STALE = '\0\0\0\0\0\0\0\x80';
const EMPTY = `${SPARSE_HEAD}${STALE}\x7f\xff`;

const rows: readonly Row[] = [
  [['PFADD', 'h'], integer(1)],
  [['GET', 'h'], bulk(EMPTY)],
  [['OBJECT', 'ENCODING', 'h'], bulk('raw')],
  [['PFADD', 'h'], integer(0)],
  [['PFCOUNT', 'h'], integer(0)],
  [['GETRANGE', 'h', '8', '15'], bulk('\0'.repeat(8))],
  [['PFADD', 'h', 'a', 'b', 'c', 'a'], integer(1)],
  [['GETRANGE', 'h', '15', '15'], bulk('\x80')],
  [['PFCOUNT', 'h'], integer(3)],
  [['PFADD', 'h', 'b'], integer(0)],
  [['GETRANGE', 'h', '8', '15'], bulk('\x03\0\0\0\0\0\0\0')],
  [['PFADD', 'h', 'd'], integer(1)],
  [['PFADD', 'h', ''], integer(1)],
  [['PFCOUNT', 'h'], integer(5)],
  [['PFADD', 'g', 'a', 'x'], integer(1)],
  [['PFCOUNT', 'h', 'g', 'none'], integer(6)],
  [['PFCOUNT', 'none', 'none'], integer(0)],
  [['PFCOUNT', 'none'], integer(0)],
  [['EXPIRE', 'g', '100'], integer(1)],
  [['PFMERGE', 'g', 'h', 'none'], OK],
  [['TTL', 'g'], integer(100)],
  [['PFCOUNT', 'g'], integer(6)],
  [['PFMERGE', 'new', 'h', 'g'], OK],
  [['PFCOUNT', 'new'], integer(6)],
  [['PFMERGE', 'empty'], OK],
  [['GET', 'empty'], bulk(EMPTY)],
  [['COPY', 'g', 'dense'], integer(1)],
  [['PFDEBUG', 'ENCODING', 'dense'], '+sparse\r\n'],
  [['PFDEBUG', 'TODENSE', 'dense'], integer(1)],
  [['PFDEBUG', 'todense', 'dense'], integer(0)],
  [['PFDEBUG', 'ENCODING', 'dense'], '+dense\r\n'],
  [['STRLEN', 'dense'], integer(12304)],
  [['TTL', 'dense'], integer(100)],
  [['PFCOUNT', 'dense'], integer(6)],
  [['PFADD', 'dense', 'a'], integer(0)],
  [['PFADD', 'dense', 'y'], integer(1)],
  [['PFADD', 'dense', 'y', 'z'], integer(1)],
  [['PFADD', 'dense'], integer(0)],
  [['PFCOUNT', 'dense'], integer(8)],
  [['PFCOUNT', 'dense', 'h'], integer(8)],
  [['PFDEBUG', 'DECODE', 'dense'], error('ERR HLL encoding is not sparse')],
  [['PFMERGE', 'h', 'dense'], OK],
  [['PFDEBUG', 'ENCODING', 'h'], '+dense\r\n'],
  [['PFCOUNT', 'h'], integer(8)],
  [['PFDEBUG', 'ENCODING', 'none'], error('ERR The specified key does not exist')],
  [['PFDEBUG', 'other', 'h'], error("ERR Unknown PFDEBUG subcommand 'other'")],
  [['PFDEBUG', 'DECODE', 'empty'], bulk('Z:16384')],
  [['PFADD', 'one', 'a'], integer(1)],
  [['PFDEBUG', 'DECODE', 'one'], bulk('Z:12711 v:2,1 Z:3672')],
];

const invalid: readonly Row[] = [
  [['RPUSH', 'list', 'x'], integer(1)],
  [['SET', 'str', 'bar'], OK],
  [['SET', 'int', '12'], OK],
  [['SET', 'other', `HYLL\x02${EMPTY.slice(5)}`], OK],
  [['SET', 'short', `HYLL\0${EMPTY.slice(5)}`], OK],
  [['PFADD', 'h', 'a'], integer(1)],
  ...['list', 'str', 'int', 'other', 'short'].flatMap((key): Row[] => {
    const expected = key === 'list' ? WRONG_TYPE : NOT_HLL;
    return [
      [['PFADD', key, 'a'], expected],
      [['PFADD', key], expected],
      [['PFCOUNT', key], expected],
      [['PFCOUNT', 'h', key], expected],
      [['PFMERGE', key, 'h'], expected],
      [['PFMERGE', 'h', key], expected],
      [['PFDEBUG', 'encoding', key], expected],
    ];
  }),
  // An estimate of 2^63 - 1, believed as in Redis.
  [['SET', 'kept', `${SPARSE_HEAD}${'\xff'.repeat(7)}\x7f\x7f\xff`], OK],
  [['PFCOUNT', 'kept'], integer('9223372036854775807')],
];

/** A sparse value of wrong runs: what reads registers says so. */
function corrupt(runs: string): readonly Row[] {
  return [
    [['SET', 'bad', SPARSE_HEAD + STALE + runs], OK],
    [['PFADD', 'good', 'a'], integer(1)],
    [['PFCOUNT', 'bad'], CORRUPT],
    [['PFCOUNT', 'good', 'bad'], CORRUPT],
    [['PFMERGE', 'good', 'bad'], CORRUPT],
    [['PFMERGE', 'bad', 'good'], CORRUPT],
    [['PFDEBUG', 'TODENSE', 'bad'], CORRUPT],
    [['PFDEBUG', 'GETREG', 'bad'], CORRUPT],
    [['GET', 'bad'], bulk(SPARSE_HEAD + STALE + runs)],
    [['PFCOUNT', 'good'], integer(1)],
  ];
}

table('hyperloglog', SPECS, rows);
table('keys that hold no hyperloglog', SPECS, invalid);
table('too few registers', SPECS, [...corrupt('\x41\x00'), [['PFADD', 'bad', 'a'], CORRUPT]]);
table('no registers', SPECS, [...corrupt(''), [['PFADD', 'bad', 'a', 'b'], CORRUPT]]);
table('a run that breaks off', SPECS, [
  ...corrupt('\x41\x00\x7f'),
  [['PFADD', 'bad', 'a'], CORRUPT],
]);
table('too many registers', SPECS, corrupt('\x7f\xff\x00'));
table('more bytes than a value has', SPECS, [
  ...corrupt('\x7f\xff'.repeat(40_000)),
  [['PFADD', 'bad', 'a'], CORRUPT],
  [['PFADD', 'bad', 'a', 'b'], CORRUPT],
]);
table(
  'a corrupt value that should become dense',
  SPECS,
  [
    [['SET', 'bad', SPARSE_HEAD + STALE + '\x7f\xff\x7f\xff'], OK],
    [['PFADD', 'bad', 'a'], CORRUPT],
    [['PFADD', 'bad', 'a', 'b'], CORRUPT],
  ],
  (runner) => {
    runner.state.limits.hllSparseMaxBytes = 10;
  },
);
table('registers that no element makes', SPECS, [
  [['SET', 'h', `HYLL\0\0\0\0${STALE}${'\xff'.repeat(12288)}`], OK],
  [['PFCOUNT', 'h'], integer('-9223372036854775808')],
  [['PFCOUNT', 'h', 'h'], integer('-9223372036854775808')],
  [['PFADD', 'h', 'a'], integer(0)],
]);

describe('hyperloglog', () => {
  test('PFSELFTEST finds nothing', () => {
    expect(new LocalRunner(SPECS).run('PFSELFTEST')).toBe(OK);
  });

  test('PFDEBUG GETREG shows all registers and makes the value dense', () => {
    const runner = new LocalRunner(SPECS);
    runner.run('PFADD', 'h', 'a');
    const registers = Array.from({ length: 16384 }, (_, i) => integer(i === 12711 ? 2 : 0));
    expect(runner.run('PFDEBUG', 'GETREG', 'h')).toBe(array(...registers));
    expect(runner.run('PFDEBUG', 'ENCODING', 'h')).toBe('+dense\r\n');
  });

  test('a new estimate is a change for those who watch the key, a kept one is none', () => {
    const runner = new LocalRunner([...SPECS, ...WATCH_COMMANDS]);
    runner.run('PFADD', 'h', 'a');
    const before = runner.state.dirty;
    runner.run('PFCOUNT', 'h');
    expect(runner.state.dirty).toBe(before + 1);
    runner.run('PFCOUNT', 'h');
    expect(runner.state.dirty).toBe(before + 1);
  });

  test('PFCOUNT beside other readers writes nothing', () => {
    const runner = new LocalRunner(SPECS);
    runner.run('PFADD', 'h', 'a');
    const before = runner.run('GET', 'h');
    runner.state.isReadOnly = true;
    expect(runner.run('PFCOUNT', 'h')).toBe(integer(1));
    expect(runner.run('GET', 'h')).toBe(before);
  });

  test('in a full arena nothing changes', () => {
    const runner = new LocalRunner(SPECS, { shards: 1, arenaBytes: 1 << 21 });
    const names = Array.from({ length: 60 }, (_, i) => `e${i}`);
    runner.run('PFADD', 'h', ...names);
    let size = 1 << 18;
    for (let i = 0; size >= 8; i++) {
      if (runner.run('SET', `fill${i}`, 'x'.repeat(size)) === FULL) size >>= 1;
    }
    const before = runner.run('GET', 'h');
    runner.state.limits.hllSparseMaxBytes = 10;
    for (let i = 0; i < 20; i++) {
      expect([FULL, integer(0)]).toContain(runner.run('PFADD', 'h', `new${i}`));
      expect(runner.run('PFADD', 'h', `new${i}`, `${i}`)).toBe(FULL);
    }
    expect(runner.run('PFDEBUG', 'TODENSE', 'h')).toBe(FULL);
    expect(runner.run('PFMERGE', 'other', 'h')).toBe(FULL);
    expect(runner.run('PFADD', 'another')).toBe(FULL);
    expect(runner.run('GET', 'h')).toBe(before);
    runner.checkInvariants();
  });

  test('commands on random damage never leave the value', () => {
    const damage = fc.array(fc.tuple(fc.nat({ max: 4000 }), fc.nat({ max: 255 })), {
      minLength: 1,
      maxLength: 6,
    });
    const count = fc.nat({ max: 2000 });
    fc.assert(
      fc.property(count, damage, fc.boolean(), (elements, bytes, isCut) => {
        const runner = new LocalRunner(SPECS, { shards: 1, arenaBytes: 1 << 22 });
        runner.run('PFADD', 'h', ...Array.from({ length: elements }, (_, i) => i));
        const length = Number(runner.run('STRLEN', 'h').slice(1));
        for (const [at, byte] of bytes) {
          runner.run('SETRANGE', 'h', 16 + (at % (length - 16)), Uint8Array.of(byte));
        }
        if (isCut) runner.run('SET', 'h', latin1(runner.run('GETRANGE', 'h', 0, length - 2)));
        for (const words of [
          ['PFCOUNT', 'h'],
          ['PFCOUNT', 'h', 'h'],
          ['PFADD', 'h', 'x'],
          ['PFADD', 'h', 'y', 'z'],
          ['PFMERGE', 'g', 'h'],
          ['PFDEBUG', 'DECODE', 'h'],
          ['PFDEBUG', 'GETREG', 'h'],
        ]) {
          expect(runner.run(...words)).toMatch(/^(:|\+OK|\*16384|\$|-INVALIDOBJ|-WRONG|-ERR HLL)/);
        }
        runner.checkInvariants();
      }),
      { numRuns: 100 },
    );
  });
});

/** The bytes of a bulk reply. */
function latin1(reply: string): Uint8Array {
  return Buffer.from(reply.slice(reply.indexOf('\n') + 1, -2), 'latin1');
}
