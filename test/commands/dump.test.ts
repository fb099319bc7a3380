import { expect, test } from 'vitest';
import { TOUCH_LFU } from '../../src/keyspace/thread-state.ts';
import {
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
} from '../conformance/table.ts';
import { bytesOf, DATA_COMMANDS, payloadOf, string } from '../durability/payload.ts';
import { CLOCK_START_MS, LocalRunner } from '../support/local-runner.ts';

const AB = payloadOf(0, string('ab'));
const LIST = payloadOf(1, bytesOf([2], string('a'), string('b')));
/** A sorted set with the member a of score -0. */
const MINUS_ZERO = payloadOf(5, bytesOf([1], string('a'), [0, 0, 0, 0, 0, 0, 0, 0x80]));
const CHECKSUM = error('ERR DUMP payload version or checksum are wrong');
const LATER_MS = CLOCK_START_MS + 5000;

const ROWS: readonly Row[] = [
  [['DUMP', 'none'], NULL],
  [['SET', 's', 'ab'], OK],
  [['DUMP', 's'], bulk(AB.toString('latin1'))],
  [['RESTORE', 's', '0', AB], error('BUSYKEY Target key name already exists.')],
  [['RESTORE', 'r', '0', AB], OK],
  [['GET', 'r'], bulk('ab')],
  [['PTTL', 'r'], integer(-1)],
  [['RESTORE', 'r', '5000', LIST, 'replace'], OK],
  [['TYPE', 'r'], '+list\r\n'],
  [['PTTL', 'r'], integer(5000)],
  [['RESTORE', 'r', LATER_MS, AB, 'ABSTTL', 'REPLACE'], OK],
  [['PEXPIRETIME', 'r'], integer(LATER_MS)],
  [['RESTORE', 'r', '9223372036854775807', AB, 'ABSTTL', 'REPLACE'], OK],
  [['RESTORE', 'r', '1', AB, 'ABSTTL', 'REPLACE'], OK],
  [['EXISTS', 'r'], integer(0)],
  [['RESTORE', 'r', '1', AB, 'ABSTTL'], OK],
  [['EXISTS', 'r'], integer(0)],
  [['RESTORE', 'r', 'x', AB], NOT_INTEGER],
  [['RESTORE', 'r', '-1', AB], error('ERR Invalid TTL value, must be >= 0')],
  [['RESTORE', 'r', '0', AB, 'what'], SYNTAX],
  [['RESTORE', 'r', '0', AB, 'IDLETIME'], SYNTAX],
  [['RESTORE', 'r', '0', AB, 'IDLETIME', '1', 'FREQ', '1'], SYNTAX],
  [['RESTORE', 'r', '0', AB, 'FREQ', '1', 'IDLETIME', '1'], SYNTAX],
  [['RESTORE', 'r', '0', AB, 'IDLETIME', 'x'], NOT_INTEGER],
  [['RESTORE', 'r', '0', AB, 'IDLETIME', '-1'], error('ERR Invalid IDLETIME value, must be >= 0')],
  [
    ['RESTORE', 'r', '0', AB, 'FREQ', '256'],
    error('ERR Invalid FREQ value, must be >= 0 and <= 255'),
  ],
  [['RESTORE', 'r', '0', 'x'], CHECKSUM],
  [['RESTORE', 's', '0', 'x'], error('BUSYKEY Target key name already exists.')],
  [['RESTORE', 's', '0', 'x', 'REPLACE'], CHECKSUM],
  [['RESTORE', 's', '0', payloadOf(15, AB), 'REPLACE'], error('ERR Bad data format')],
  [['GET', 's'], bulk('ab')],
  [['RESTORE', 'z', '0', MINUS_ZERO], OK],
  [['ZSCORE', 'z', 'a'], bulk('0'), ',0\r\n'],
  [['RESTORE', 'i', '0', AB, 'IDLETIME', '1000'], OK],
  [['OBJECT', 'IDLETIME', 'i'], integer(1000)],
  [['RESTORE-ASKING', 'i', '0', AB, 'FREQ', '9', 'REPLACE'], OK],
  [['OBJECT', 'IDLETIME', 'i'], integer(0)],
];

table('DUMP and RESTORE', DATA_COMMANDS, ROWS);

test('RESTORE with the access counter', () => {
  const runner = new LocalRunner(DATA_COMMANDS);
  runner.state.limits.maxmemoryPolicy = 'allkeys-lfu';
  runner.state.policyTouchMode = TOUCH_LFU;
  runner.state.touchMode = TOUCH_LFU;
  expect(runner.run('RESTORE', 'k', '0', AB, 'FREQ', '100')).toBe(OK);
  expect(runner.run('OBJECT', 'FREQ', 'k')).toBe(integer(100));
  expect(runner.run('RESTORE', 'k', '0', AB, 'REPLACE')).toBe(OK);
  expect(runner.run('OBJECT', 'FREQ', 'k')).toBe(integer(5));
});

test('large values leave the I/O thread', () => {
  const runner = new LocalRunner(DATA_COMMANDS, { workMax: 2048 });
  runner.run('SET', 'small', 'x'.repeat(1000));
  runner.run('SET', 'large', 'x'.repeat(100_000));
  const before = runner.escalations;
  const small = runner.run('DUMP', 'small');
  expect(runner.escalations).toBe(before);
  runner.state.limits.rdbCompression = false;
  const reply = runner.run('DUMP', 'large');
  expect(runner.escalations).toBe(before + 1);
  const payload = (text: string): Buffer =>
    Buffer.from(text.slice(text.indexOf('\r\n') + 2, -2), 'latin1');
  expect(runner.run('RESTORE', 'a', '0', payload(small))).toBe(OK);
  expect(runner.escalations).toBe(before + 1);
  expect(runner.run('RESTORE', 'b', '0', payload(reply))).toBe(OK);
  expect(runner.escalations).toBe(before + 2);
  expect(runner.run('STRLEN', 'b')).toBe(integer(100_000));
});

test('without memory nothing changes', () => {
  const runner = new LocalRunner(DATA_COMMANDS, { shards: 1, arenaBytes: 1 << 18 });
  runner.run('SET', 'k', 'old');
  const large = payloadOf(0, string('x'.repeat(2_000_000)));
  expect(runner.run('RESTORE', 'k', '0', large, 'REPLACE')).toBe(FULL);
  expect(runner.run('GET', 'k')).toBe(bulk('old'));
  runner.checkInvariants();
});

test('the log says what is wrong with a payload', () => {
  const runner = new LocalRunner(DATA_COMMANDS);
  const said: string[] = [];
  runner.context.log = (level, text) => said.push(`${level} ${text}`);
  const bad = (type: number, body: Uint8Array): string => {
    expect(runner.run('RESTORE', 'k', '0', payloadOf(type, body))).toBe(
      error('ERR Bad data format'),
    );
    return said.pop() ?? '';
  };
  const start = 'verbose RESTORE refused a payload: ';
  expect(bad(12, string('xx'))).toBe(`${start}Zset ziplist integrity check failed.`);
  expect(bad(13, string('xx'))).toBe(`${start}Hash ziplist integrity check failed.`);
  expect(bad(15, bytesOf([1], string('xx')))).toBe(
    `${start}Stream listpack integrity check failed.`,
  );
  expect(bad(7, string('xx'))).toBe(`${start}modules are not supported yet`);
  expect(bad(99, string('xx'))).toBe(`${start}Unknown RDB encoding type 99`);
  expect(bad(2, bytesOf([0]))).toBe(`${start}Value integrity check failed. It has no elements.`);
  runner.run('RESTORE', 'k', '0', AB);
  expect(said).toEqual([]);
});
