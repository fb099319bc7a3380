/** Keyspace events of commands on entries of streams: rows of event-rows.ts. */
import type { EventRow } from './event-rows.ts';

const TWO = ['XADD s 1 a 1', 'XADD s 2 a 2'];
const READ = [...TWO, 'XGROUP CREATE s g 0', 'XREADGROUP GROUP g c STREAMS s >'];

export const STREAM_ENTRIES: readonly EventRow[] = [
  [[], 'XADD s 1 a 1', 's:new s:xadd'],
  [TWO, 'XADD s 3 a 1', 's:xadd'],
  [TWO, 'XADD s 1 a 1', ''],
  [[], 'XADD s NOMKSTREAM * a 1', ''],
  [TWO, 'XADD s MAXLEN 1 3 a 1', 's:xadd s:xtrim'],
  [TWO, 'XADD s MAXLEN 9 3 a 1', 's:xadd'],
  [TWO, 'XTRIM s MAXLEN 1', 's:xtrim'],
  [TWO, 'XTRIM s MAXLEN 9', ''],
  [TWO, 'XDEL s 1 9', 's:xdel'],
  [TWO, 'XDEL s 1 2', 's:xdel'],
  [TWO, 'XDEL s 9', ''],
  [TWO, 'XDELEX s IDS 1 1', 's:xdel'],
  [TWO, 'XDELEX s IDS 1 9', ''],
  [READ, 'XACKDEL s g IDS 1 1', 's:xdel'],
  [READ, 'XACKDEL s g ACKED IDS 1 1', 's:xdel'],
  [READ, 'XACKDEL s g IDS 1 9', ''],
  [TWO, 'XSETID s 9', 's:xsetid'],
  [[], 'XADD s IDMP p i * a 1', 's:new s:xadd'],
  [['XADD s IDMP p i * a 1'], 'XADD s IDMP p i * a 1', ''],
  [TWO, 'XCFGSET s IDMP-MAXSIZE 7', ''],
  [TWO, 'XIDMPRECORD s p i 1', ''],
  [TWO, 'XRANGE s - +', ''],
  [[], 'XRANGE s - +', 's:keymiss'],
  [[], 'XLEN s', 's:keymiss'],
  [[], 'XREAD STREAMS s 0', 's:keymiss s:keymiss'],
  [[...TWO, 'XGROUP CREATE s g 0'], 'XREADGROUP GROUP g c STREAMS s >', 's:xgroup-createconsumer'],
  [READ, 'XREADGROUP GROUP g c STREAMS s 0', ''],
];
