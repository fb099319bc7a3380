/** Idempotent producers: XADD with IDMP and IDMPAUTO, XCFGSET, XIDMPRECORD. */
import { describe, expect, test } from 'vitest';
import { GENERIC_COMMANDS } from '../../src/commands/generic.ts';
import { STREAM_COMMANDS } from '../../src/commands/stream.ts';
import { STRING_COMMANDS } from '../../src/commands/string.ts';
import {
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
import { decodeReply } from '../support/decode-reply.ts';
import { CLOCK_START_MS, LocalRunner } from '../support/local-runner.ts';

const SPECS = [...STRING_COMMANDS, ...GENERIC_COMMANDS, ...STREAM_COMMANDS];
const T = CLOCK_START_MS;
const words = (text: string): string[] => text.split(' ');
const BAD_ID = error('ERR Invalid stream ID specified as stream command argument');
const TWICE = error('ERR IDMP/IDMPAUTO specified multiple times');
const ONLY_AUTO = error('ERR IDMP/IDMPAUTO can be used only with auto-generated IDs');
const NO_PID = error('ERR IDMP requires a non-empty producer ID');
const NO_IID = error('ERR IDMP requires a non-empty idempotent ID');
const NO_KEY = error('ERR no such key');
const NO_ENTRY = error("ERR The specified stream ID was deleted or doesn't exist");
const DURATION = error('ERR IDMP-DURATION must be between 1 and 86400 seconds');
const MAXSIZE = error('ERR IDMP-MAXSIZE must be between 1 and 10000 entries');

const ERRORS: readonly Row[] = [
  [words('XADD s IDMP p1 * f v'), BAD_ID],
  [words('XADD s IDMP p1 iid1 1-1 f v'), ONLY_AUTO],
  [words('XADD s IDMPAUTO p1 1-1 f v'), ONLY_AUTO],
  [words('XADD s IDMPAUTO p1 1-* f v'), ONLY_AUTO],
  [words('XADD s IDMP p1 iid1 IDMP p2 iid2 * f v'), TWICE],
  [words('XADD s IDMPAUTO p1 IDMP p2 iid2 * f v'), TWICE],
  [words('XADD s IDMP p1 iid1 IDMPAUTO p2 * f v'), TWICE],
  [['XADD', 's', 'IDMP', '', 'iid1', '*', 'f', 'v'], NO_PID],
  [['XADD', 's', 'IDMP', 'p1', '', '*', 'f', 'v'], NO_IID],
  [
    ['XADD', 's', 'IDMPAUTO', '', '*', 'f', 'v'],
    error('ERR IDMPAUTO requires a non-empty producer ID'),
  ],
  [words('EXISTS s'), integer(0)],
  [words('XCFGSET s IDMP-DURATION 5'), NO_KEY],
  [words('XIDMPRECORD s p i 1-1'), NO_KEY],
  [words('XADD s 1-1 f v'), bulk('1-1')],
  [words('XADD s 2-1 f v'), bulk('2-1')],
  [words('XDEL s 2-1'), integer(1)],
  [words('XCFGSET s'), error('ERR At least one parameter must be specified')],
  [words('XCFGSET s IDMP-DURATION'), SYNTAX],
  [words('XCFGSET s IDMP-MAXSIZE'), SYNTAX],
  [words('XCFGSET s INVALID'), SYNTAX],
  [words('XCFGSET s IDMP-DURATION 000000000'), NOT_INTEGER],
  [words('XCFGSET s IDMP-DURATION 3.14'), NOT_INTEGER],
  [words('XCFGSET s IDMP-DURATION IDMP-DURATION IDMP-DURATION'), NOT_INTEGER],
  [words('XCFGSET s IDMP-MAXSIZE INVALID IDMP-DURATION'), NOT_INTEGER],
  [words('XCFGSET s IDMP-DURATION 0'), DURATION],
  [words('XCFGSET s IDMP-DURATION -100'), DURATION],
  [words('XCFGSET s IDMP-DURATION 86401'), DURATION],
  [words('XCFGSET s IDMP-MAXSIZE 0'), MAXSIZE],
  [words('XCFGSET s IDMP-MAXSIZE 10001'), MAXSIZE],
  [words('XCFGSET s IDMP-DURATION 86400 IDMP-MAXSIZE 10000'), OK],
  [words('XIDMPRECORD s p i 1'), NO_ENTRY],
  [words('XIDMPRECORD s p i x'), BAD_ID],
  [words('XIDMPRECORD s p i 2-1'), NO_ENTRY],
  [['XIDMPRECORD', 's', '', 'i', '1-1'], NO_PID],
  [['XIDMPRECORD', 's', 'p', '', '1-1'], NO_IID],
  [words('XIDMPRECORD s p i 1-1'), OK],
  [words('SET t x'), OK],
  [words('XCFGSET t IDMP-DURATION 5'), WRONG_TYPE],
  [words('XIDMPRECORD t p i 1-1'), WRONG_TYPE],
  [words('XADD t IDMP p i * f v'), WRONG_TYPE],
];

table('errors', SPECS, ERRORS);

table('entries that are sent again', SPECS, [
  [words('XADD s NOMKSTREAM IDMP p1 r1 * f v'), NULL],
  [words('XADD s IDMP p1 r1 * f v'), bulk(`${T}-0`)],
  [words('XADD s IDMP p1 r1 * f other'), bulk(`${T}-0`)],
  [words('XADD s IDMP p2 r1 * f v'), bulk(`${T}-1`)],
  [words('XADD s MAXLEN ~ 100 IDMP p1 r2 KEEPREF * f v'), bulk(`${T}-2`)],
  [words('XADD s idmp p1 r2 MAXLEN ~ 100 * f v'), bulk(`${T}-2`)],
  [words('XADD s NOMKSTREAM IDMP p1 r3 * f v'), bulk(`${T}-3`)],
  [words('XLEN s'), integer(4)],
  [words('XADD s IDMPAUTO p1 * a 1 b 2'), bulk(`${T}-4`)],
  [words('XADD s IDMPAUTO p1 * b 2 a 1'), bulk(`${T}-4`)],
  [words('XADD s IDMPAUTO p1 * a 12 b 2'), bulk(`${T}-5`)],
  [words('XADD s IDMPAUTO p1 * a 1 b2 2'), bulk(`${T}-6`)],
  [words('XADD s IDMPAUTO p1 * a1 b 2'), error("ERR wrong number of arguments for 'xadd' command")],
  [words('XADD s IDMPAUTO p2 * a 1 b 2'), bulk(`${T}-7`)],
  [['XADD', 's', 'IDMP', '\x00\x01', '\xff', '*', 'f', 'v'], bulk(`${T}-8`)],
  [['XADD', 's', 'IDMP', '\x00\x01', '\xff', '*', 'f', 'v'], bulk(`${T}-8`)],
  [words('XIDMPRECORD s p1 r1'), error("ERR wrong number of arguments for 'xidmprecord' command")],
  [['XIDMPRECORD', 's', 'p1', 'r1', `${T}-0`], OK],
  [
    ['XIDMPRECORD', 's', 'p1', 'r1', `${T}-1`],
    error('ERR The specified IDMP producer-id/idempotent-id pair maps to a different stream ID'),
  ],
  [['XIDMPRECORD', 's', 'p9', 'r1', `${T}-1`], OK],
  [words('XADD s IDMP p9 r1 * f v'), bulk(`${T}-1`)],
]);

/** What XINFO STREAM says of producers, in its order. */
function figures(runner: LocalRunner, full = false): unknown[] {
  const reply = decodeReply(runner.run('XINFO', 'STREAM', 's', ...(full ? ['FULL'] : [])));
  const pairs = reply as unknown[];
  const names = [
    ...['idmp-duration', 'idmp-maxsize', 'pids-tracked', 'iids-tracked'],
    ...['iids-added', 'iids-duplicates'],
  ];
  return names.map((name) => pairs[pairs.indexOf(name) + 1]);
}

const idOf = (reply: string): string => String(decodeReply(reply));

describe('what is remembered', () => {
  test('is counted, in both forms of XINFO STREAM', () => {
    const runner = new LocalRunner(SPECS);
    runner.run(...words('XADD s * f v'));
    expect(figures(runner)).toEqual([100, 100, 0, 0, 0, 0]);
    for (const text of ['p1 r1', 'p1 r2', 'p2 r1', 'p1 r1', 'p1 r1']) {
      runner.run(...words(`XADD s IDMP ${text} * f v`));
    }
    expect(figures(runner)).toEqual([100, 100, 2, 3, 3, 2]);
    expect(figures(runner, true)).toEqual([100, 100, 2, 3, 3, 2]);
    runner.run(...words('XCFGSET s IDMP-DURATION 100 IDMP-MAXSIZE 100'));
    expect(figures(runner)).toEqual([100, 100, 2, 3, 3, 2]);
    runner.run(...words('XCFGSET s IDMP-DURATION 60'));
    expect(figures(runner)).toEqual([60, 100, 0, 0, 3, 2]);
    runner.checkInvariants();
  });

  test('is forgotten with the oldest first where it is too much', () => {
    const runner = new LocalRunner(SPECS);
    runner.run(...words('XADD s IDMP p1 init * f v'));
    runner.run(...words('XCFGSET s IDMP-MAXSIZE 3'));
    const ids = ['r1', 'r2', 'r3', 'r4'].map((iid) =>
      runner.run('XADD', 's', 'IDMP', 'p1', iid, '*', 'f', 'v'),
    );
    expect(runner.run(...words('XADD s IDMP p1 r3 * f v'))).toBe(ids[2]);
    expect(runner.run(...words('XADD s IDMP p1 r2 * f v'))).toBe(ids[1]);
    expect(runner.run(...words('XADD s IDMP p1 r1 * f v'))).not.toBe(ids[0]);
    expect(runner.run(...words('XADD s IDMP p1 r3 * f v'))).toBe(ids[2]);
    expect(figures(runner)).toEqual([100, 3, 1, 3, 6, 3]);
    runner.checkInvariants();
  });

  test('is forgotten when it is too old', () => {
    const runner = new LocalRunner(SPECS);
    runner.state.limits.streamIdmpDuration = 2;
    const first = runner.run(...words('XADD s IDMP p1 r1 * f v'));
    runner.run(...words('XADD s IDMP p2 r1 * f v'));
    runner.advance(1999);
    expect(runner.run(...words('XADD s IDMP p1 r1 * f v'))).toBe(first);
    runner.advance(1);
    expect(figures(runner)).toEqual([2, 100, 0, 0, 2, 1]);
    expect(idOf(runner.run(...words('XADD s IDMP p1 r1 * f v')))).toBe(`${T + 2000}-0`);
    expect(figures(runner)).toEqual([2, 100, 1, 1, 3, 1]);
    runner.checkInvariants();
  });

  test('goes with copies, and comes back from payloads and moves', () => {
    const runner = new LocalRunner([...SPECS]);
    const reply = runner.run(...words('XADD s IDMP p1 r1 * f v'));
    runner.run(...words('XCFGSET s IDMP-MAXSIZE 7'));
    const second = runner.run(...words('XADD s IDMP p1 r1 * f v'));
    expect(second).not.toBe(reply);
    runner.run(...words('COPY s copy'));
    expect(runner.run(...words('XADD copy IDMP p1 r1 * f v'))).toBe(second);
    runner.run(...words('RENAME copy moved'));
    expect(runner.run(...words('XADD moved IDMP p1 r1 * f v'))).toBe(second);
    const dump = runner.run('DUMP', 's');
    const payload = Buffer.from(dump.slice(dump.indexOf('\r\n') + 2, -2), 'latin1');
    expect(payload[0]).toBe(26);
    expect(runner.run('RESTORE', 'back', '0', payload)).toBe('+OK\r\n');
    expect(runner.run('DUMP', 'back')).toBe(dump);
    expect(runner.run(...words('XADD back IDMP p1 r1 * f v'))).toBe(second);
    runner.checkInvariants();
    for (const key of ['s', 'moved', 'back']) runner.run('DEL', key);
    for (const shard of runner.shards) while (!shard.lazy.step(1000));
    runner.checkInvariants();
  });
});
