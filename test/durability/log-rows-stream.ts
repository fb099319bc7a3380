/** What the commands of consumer groups have in the log: rows for log-rows.ts. */
import { CLOCK_START_MS } from '../support/local-runner.ts';
import type { Row } from './log-rows.ts';

const T = CLOCK_START_MS;
const GROUP = ['XADD s 1-1 f v', 'XADD s 2-1 f w', 'XGROUP CREATE s g 0'];
const PENDING = [...GROUP, 'XCLAIM s g c 0 1-1 2-1 FORCE JUSTID RETRYCOUNT 3 LASTID 2-1'];
const LOST = [...PENDING, 'XDEL s 1-1'];
const AS_SENT = (before: readonly string[], command: string): Row => [before, command, [command]];
const NOTHING = (before: readonly string[], command: string): Row => [before, command, []];

/** The claim of `id` for `consumer`. */
const claim = (consumer: string, id: string, time: number, count: number | string): string =>
  `XCLAIM s g ${consumer} 0 ${id} TIME ${time} RETRYCOUNT ${count} FORCE JUSTID LASTID 2-1`;

export const STREAM_GROUP_ROWS: readonly Row[] = [
  AS_SENT([], 'XGROUP CREATE s g $ MKSTREAM'),
  AS_SENT(['XADD s 1-1 f v'], 'XGROUP CREATE s g $ ENTRIESREAD 1'),
  NOTHING(GROUP, 'XGROUP CREATE s g $'),
  NOTHING([], 'XGROUP CREATE s g $'),
  AS_SENT(GROUP, 'XGROUP SETID s g 1-1'),
  AS_SENT(GROUP, 'XGROUP CREATECONSUMER s g c'),
  NOTHING(PENDING, 'XGROUP CREATECONSUMER s g c'),
  AS_SENT(PENDING, 'XGROUP DELCONSUMER s g c'),
  NOTHING(PENDING, 'XGROUP DELCONSUMER s g d'),
  AS_SENT(PENDING, 'XGROUP DESTROY s g'),
  NOTHING(PENDING, 'XGROUP DESTROY s h'),
  AS_SENT(PENDING, 'XACK s g 1-1 9-9'),
  NOTHING(PENDING, 'XACK s g 9-9'),
  NOTHING(PENDING, 'XACK s g 1-1 x'),
  AS_SENT(PENDING, 'XNACK s g SILENT IDS 2 1-1 9-9'),
  AS_SENT(GROUP, 'XNACK s g FATAL IDS 1 1-1 FORCE'),
  NOTHING(GROUP, 'XNACK s g FATAL IDS 1 1-1'),
  [PENDING, 'XCLAIM s g d 0 1-1', [claim('d', '1-1', T, 4)]],
  [PENDING, 'XCLAIM s g c 0 1-1 JUSTID', [claim('c', '1-1', T, 3)]],
  [
    PENDING,
    'XCLAIM s g d 0 2-1 1-1 IDLE 50 RETRYCOUNT 9223372036854775807',
    [claim('d', '2-1 1-1', T - 50, '9223372036854775807')],
  ],
  [GROUP, 'XCLAIM s g d 0 1-1', ['XGROUP CREATECONSUMER s g d']],
  [GROUP, 'XCLAIM s g d 0 1-1 LASTID 2-1 FORCE', [claim('d', '1-1', T, 2)]],
  [
    GROUP,
    'XCLAIM s g d 0 LASTID 1-1',
    ['MULTI', 'XGROUP CREATECONSUMER s g d', 'XGROUP SETID s g 1-1 ENTRIESREAD -1', 'EXEC'],
  ],
  [LOST, 'XCLAIM s g c 0 1-1 FORCE', ['XACK s g 1-1']],
  [
    LOST,
    'XCLAIM s g d 0 1-1 2-1 JUSTID',
    ['MULTI', 'XACK s g 1-1', claim('d', '2-1', T, 3), 'EXEC'],
  ],
  NOTHING(PENDING, 'XCLAIM s g c 1 1-1'),
  NOTHING(PENDING, 'XCLAIM s x c 0 1-1'),
  [PENDING, 'XAUTOCLAIM s g d 0 -', [claim('d', '1-1 2-1', T, 4)]],
  [
    [...PENDING, 'XCLAIM s g c 0 2-1'],
    'XAUTOCLAIM s g d 0 -',
    ['MULTI', claim('d', '1-1', T, 4), claim('d', '2-1', T, 5), 'EXEC'],
  ],
  [PENDING, 'XAUTOCLAIM s g d 0 (1-1 JUSTID', [claim('d', '2-1', T, 3)]],
  [LOST, 'XAUTOCLAIM s g c 5 -', ['XACK s g 1-1']],
  [LOST, 'XAUTOCLAIM s g d 5 -', ['MULTI', 'XACK s g 1-1', 'XGROUP CREATECONSUMER s g d', 'EXEC']],
  [GROUP, 'XAUTOCLAIM s g d 0 -', ['XGROUP CREATECONSUMER s g d']],
  NOTHING(PENDING, 'XAUTOCLAIM s g c 5 -'),
];
