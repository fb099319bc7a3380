/**
 * Copies and moves of whole entries between keys, databases and shards: COPY, RENAME, MOVE.
 *
 * Source and destination may lie in one arena, but must be two keys (or one key in two databases):
 * making the destination may reuse the destination's own old block, never the source's, and blocks
 * do not move meanwhile.
 */
import { copyBytes } from '../base/bytes.ts';
import type { Ref } from '../memory/arena.ts';
import { TYPE_STRING } from './entry.ts';
import type { Key } from './key.ts';
import type { Shard } from './shard.ts';

/** What copying an entry's value costs, in the units of `CommandContext.mayRun`. */
export function copyUnits(shard: Shard, ref: Ref): number {
  return shard.valueLength(ref) / 16;
}

/**
 * Makes (or replaces) `key` in database `db` of shard `to` with the value and encoding of entry
 * `ref` of shard `from`; its access word is that of a new key. `expireMs` as for createString.
 * Returns the new entry, or 0 when the arena is full: nothing has changed then. O(value).
 */
export function copyEntry(
  from: Shard,
  ref: Ref,
  to: Shard,
  db: number,
  key: Key,
  expireMs: number,
): Ref {
  if (from.typeOf(ref) !== TYPE_STRING) throw new Error('copy entry: a type that has no copy');
  const length = from.valueLength(ref);
  const copy = to.createString(db, key, length, from.encodingOf(ref), expireMs);
  if (copy === 0) return 0;
  const source = from.valueOffset(ref);
  copyBytes(to.u8, to.valueOffset(copy), from.u8, source, source + length);
  return copy;
}

/**
 * Moves entry `ref` (`fromKey` in database `fromDb` of shard `from`) to `toKey`, with its TTL and
 * access word; a key that is there is replaced. Returns the new entry, or 0 when the arena is
 * full: nothing has changed then. O(value).
 */
export function moveEntry(
  from: Shard,
  fromDb: number,
  fromKey: Key,
  ref: Ref,
  to: Shard,
  toDb: number,
  toKey: Key,
): Ref {
  const moved = copyEntry(from, ref, to, toDb, toKey, from.expireMs(ref));
  if (moved === 0) return 0;
  to.setAccessWord(moved, from.accessWord(ref));
  from.delete(fromDb, fromKey);
  return moved;
}
