/**
 * Cursors of SCAN. A cursor is `bucket cursor * shard count + shard index`: it names the shard
 * whose turn it is, and where in that shard's table the scan stands. Within a shard the guarantee
 * is that of `Dict.scan`; shards are visited in order, and no key ever changes its shard, so the
 * guarantee holds for the whole keyspace.
 *
 * Cursors come from clients, so any number is taken: one that no scan returned (or one from a time
 * with another shard count) scans from some place on, and ends.
 */
import { latin1Text } from '../base/number-text.ts';
import type { ArgView } from '../resp/request-parser.ts';

const UINT64_MAX_DIGITS = '18446744073709551615';
const CURSOR_PATTERN = /^\+?0*(\d+)$/;
const BUCKET_CURSORS = 4294967296;
/** Longer texts are no cursors, however many zeros they begin with: reading them costs too much. */
const LENGTH_MAX = 64;

/**
 * Argument `index` as a cursor; NaN when it is no unsigned 64-bit number. Rounded beyond 2^53,
 * where no cursor is.
 */
export function parseScanCursor(args: ArgView, index: number): number {
  const plain = args.toInt(index);
  if (plain >= 0 && plain <= Number.MAX_SAFE_INTEGER) return plain;
  if (args.length[index]! > LENGTH_MAX) return Number.NaN;
  const match = CURSOR_PATTERN.exec(latin1Text(args.buf, args.offset[index]!, args.end(index)));
  if (match === null) return Number.NaN;
  const digits = match[1]!;
  const excess = digits.length - UINT64_MAX_DIGITS.length;
  if (excess > 0 || (excess === 0 && digits > UINT64_MAX_DIGITS)) return Number.NaN;
  return Number(digits);
}

/** The shard that a SCAN (cursor in argument 1) must hold; shard 0 for a cursor that is none. */
export function scanShardIndex(args: ArgView, shardCount: number): number {
  const cursor = parseScanCursor(args, 1);
  return Number.isNaN(cursor) ? 0 : cursor % shardCount;
}

/** The cursor of `Dict.scan` in a cursor. */
export function bucketCursorOf(cursor: number, shardCount: number): number {
  return Math.floor(cursor / shardCount) % BUCKET_CURSORS;
}

/** The cursor of a place in a shard. */
export function scanCursor(bucketCursor: number, shardIndex: number, shardCount: number): number {
  return bucketCursor * shardCount + shardIndex;
}
