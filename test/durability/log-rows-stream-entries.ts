/** What commands on entries of streams have in the log: rows of log-rows.ts. */
import { CLOCK_START_MS } from '../support/local-runner.ts';
import type { Row } from './log-rows.ts';

const T = CLOCK_START_MS;

const AS_SENT = (before: readonly string[], command: string): Row => [before, command, [command]];
const NOTHING = (before: readonly string[], command: string): Row => [before, command, []];

const TWO = ['XADD s 1-0 a 1', 'XADD s 2-0 a 2'];
const GROUP = [...TWO, 'XGROUP CREATE s g 0'];
const READ = [...GROUP, 'XREADGROUP GROUP g c STREAMS s >'];
const MOVED = 'XGROUP SETID s g 2-0 ENTRIESREAD 2';
const CLAIM_END = 'FORCE JUSTID LASTID 2-0';

export const STREAM_ENTRIES: readonly Row[] = [
  AS_SENT([], 'XADD s 1-0 a 1'),
  [[], 'XADD s * a 1', [`XADD s ${T}-0 a 1`]],
  [TWO, 'XADD s 2-* a 1', ['XADD s 2-1 a 1']],
  [TWO, 'XADD s NOMKSTREAM 3 a 1', ['XADD s 3-0 a 1']],
  NOTHING([], 'XADD s NOMKSTREAM * a 1'),
  NOTHING(TWO, 'XADD s 1 a 1'),
  [TWO, 'XADD s MAXLEN 1 3 a 1', ['XADD s MAXLEN = 1 3-0 a 1']],
  [TWO, 'XADD s MAXLEN ~ 1 3 a 1', ['XADD s MAXLEN = 3 3-0 a 1']],
  [TWO, `XADD s MAXLEN ${2n ** 63n - 1n} 3 a 1`, [`XADD s MAXLEN = ${2 ** 53 - 1} 3-0 a 1`]],
  [TWO, 'XADD s MINID 2 3 a 1', ['XADD s MINID = 2-0 3-0 a 1']],
  [TWO, 'XADD s MINID ~ 2 3 a 1', ['XADD s MINID = 1-0 3-0 a 1']],
  [GROUP, 'XADD s ACKED MAXLEN 1 3 a 1', ['XADD s MAXLEN = 1 ACKED 3-0 a 1']],
  [[], 'XADD s IDMP p i * a 1', ['MULTI', `XADD s ${T}-0 a 1`, `XIDMPRECORD s p i ${T}-0`, 'EXEC']],
  [[], 'XADD s IDMP p i MAXLEN 0 * a 1', [`XADD s MAXLEN = 0 ${T}-0 a 1`]],
  NOTHING(['XADD s IDMP p i * a 1'], 'XADD s IDMP p i * b 2'),
  AS_SENT(TWO, 'XCFGSET s IDMP-DURATION 7 IDMP-MAXSIZE 9'),
  AS_SENT(TWO, 'XIDMPRECORD s p i 2-0'),
  [TWO, 'XTRIM s MAXLEN 1', ['XTRIM s MAXLEN = 1']],
  [TWO, 'XTRIM s MAXLEN ~ 0 LIMIT 0', ['XTRIM s MAXLEN = 0']],
  NOTHING(TWO, 'XTRIM s MAXLEN ~ 1'),
  [TWO, 'XTRIM s MINID 2', ['XTRIM s MINID = 2-0']],
  [TWO, 'XTRIM s MINID 2 DELREF', ['XTRIM s MINID = 2-0 DELREF']],
  NOTHING(TWO, 'XTRIM s MAXLEN 5'),
  AS_SENT(TWO, 'XDEL s 1-0 9-0'),
  NOTHING(TWO, 'XDEL s 9-0'),
  [TWO, 'XDELEX s IDS 2 9 1', ['XDEL s 1']],
  [READ, 'XDELEX s DELREF IDS 1 1', ['MULTI', 'XACK s g 1', 'XDEL s 1', 'EXEC']],
  NOTHING(READ, 'XDELEX s ACKED IDS 1 1'),
  [READ, 'XACKDEL s g IDS 2 1 9', ['MULTI', 'XACK s g 1 9', 'XDEL s 1', 'EXEC']],
  NOTHING(READ, 'XACKDEL s g IDS 1 9'),
  AS_SENT(TWO, 'XSETID s 9 ENTRIESADDED 7'),
  NOTHING(TWO, 'XRANGE s - +'),
  NOTHING(TWO, 'XREAD STREAMS s 0'),
  [
    GROUP,
    'XREADGROUP GROUP g c STREAMS s >',
    ['MULTI', `XCLAIM s g c 0 1-0 2-0 TIME ${T} RETRYCOUNT 1 ${CLAIM_END}`, MOVED, 'EXEC'],
  ],
  [
    GROUP,
    'XREADGROUP GROUP g c NOACK STREAMS s >',
    ['MULTI', 'XGROUP CREATECONSUMER s g c', MOVED, 'EXEC'],
  ],
  [READ, 'XREADGROUP GROUP g d STREAMS s >', ['XGROUP CREATECONSUMER s g d']],
  NOTHING(READ, 'XREADGROUP GROUP g c STREAMS s >'),
  NOTHING(READ, 'XREADGROUP GROUP g c STREAMS s 0'),
  [
    READ,
    'XREADGROUP GROUP g d CLAIM 0 COUNT 1 STREAMS s >',
    [`XCLAIM s g d 0 1-0 TIME ${T} RETRYCOUNT 2 ${CLAIM_END}`],
  ],
  [[...READ, 'XDEL s 1'], 'XREADGROUP GROUP g c CLAIM 0 COUNT 1 STREAMS s >', ['XACK s g 1-0']],
];
