/** Keyspace events of the commands of consumer groups: rows for event-rows.ts. */
import type { EventRow } from './event-rows.ts';

const ENTRIES = ['XADD s 1-1 f v', 'XADD s 2-1 f v'];
const GROUP = [...ENTRIES, 'XGROUP CREATE s g 0'];
const PENDING = [...GROUP, 'XCLAIM s g c 0 1-1 2-1 FORCE JUSTID'];

export const STREAM_GROUP_ROWS: readonly EventRow[] = [
  [[], 'XGROUP CREATE s g $ MKSTREAM', 's:new s:xgroup-create'],
  [ENTRIES, 'XGROUP CREATE s g 0', 's:xgroup-create'],
  [GROUP, 'XGROUP CREATE s g 0', ''],
  [[], 'XGROUP CREATE s g 0', ''],
  [['SET s x'], 'XGROUP CREATE s g 0 MKSTREAM', ''],
  [['SET s x PX 5'], 'XGROUP CREATE s g 0 MKSTREAM', 's:expired s:new s:xgroup-create', 6],
  [GROUP, 'XGROUP SETID s g 1-1', 's:xgroup-setid'],
  [GROUP, 'XGROUP SETID s x 1-1', ''],
  [GROUP, 'XGROUP CREATECONSUMER s g c', 's:xgroup-createconsumer'],
  [PENDING, 'XGROUP CREATECONSUMER s g c', ''],
  [PENDING, 'XGROUP DELCONSUMER s g c', 's:xgroup-delconsumer'],
  [PENDING, 'XGROUP DELCONSUMER s g d', ''],
  [PENDING, 'XGROUP DESTROY s g', 's:xgroup-destroy'],
  [PENDING, 'XGROUP DESTROY s h', ''],
  [PENDING, 'XACK s g 1-1', ''],
  [[], 'XACK s g 1-1', 's:keymiss'],
  [PENDING, 'XNACK s g FAIL IDS 1 1-1', ''],
  [[], 'XNACK s g FAIL IDS 1 1-1', 's:keymiss'],
  [PENDING, 'XCLAIM s g c 0 1-1', ''],
  [PENDING, 'XCLAIM s g d 0 1-1', 's:xgroup-createconsumer'],
  [GROUP, 'XCLAIM s g d 0 1-1', 's:xgroup-createconsumer'],
  [[], 'XCLAIM s g c 0 1-1', 's:keymiss'],
  [PENDING, 'XAUTOCLAIM s g c 0 -', ''],
  [PENDING, 'XAUTOCLAIM s g d 0 -', 's:xgroup-createconsumer'],
  [[], 'XAUTOCLAIM s g c 0 -', 's:keymiss'],
  [[], 'XPENDING s g', 's:keymiss'],
  [[], 'XINFO STREAM s', 's:keymiss'],
  [[], 'XINFO GROUPS s', 's:keymiss'],
  [[], 'XINFO CONSUMERS s g', 's:keymiss'],
];
