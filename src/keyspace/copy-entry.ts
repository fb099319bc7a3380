/**
 * Copies and moves of whole entries between keys, databases and shards: COPY, RENAME, MOVE.
 *
 * Source and destination may lie in one arena, but must be two keys (or one key in two databases):
 * making the destination may reuse the destination's own old block, never the source's, and blocks
 * do not move meanwhile.
 */
import { copyBytes } from '../base/bytes.ts';
import type { Ref } from '../memory/arena.ts';
import { TYPE_HASH, TYPE_LIST, TYPE_SET, TYPE_STREAM, TYPE_ZSET } from './entry.ts';
import type { Key } from './key.ts';
import { elementCount } from './root-bytes.ts';
import type { Shard } from './shard.ts';

/** What copying an entry's value costs, in the units of `CommandContext.mayRun`. */
export function copyUnits(shard: Shard, ref: Ref): number {
  if (shard.isRooted(ref)) return elementCount(shard, ref) * 2;
  return shard.valueLength(ref) / 16;
}

/** A copy of a root in shard `to`, or 0 when its arena is full. O(n). */
export function copyRoot(from: Shard, ref: Ref, to: Shard): Ref {
  const root = from.rootOf(ref);
  switch (from.typeOf(ref)) {
    case TYPE_LIST:
      return from.lists.copyRoot(root, to);
    case TYPE_SET:
      return from.sets.copyRoot(root, to);
    case TYPE_ZSET:
      return from.zsets.copyRoot(root, to);
    case TYPE_HASH:
      return from.hashes.copyRoot(root, to);
    case TYPE_STREAM:
      return from.streams.copyRoot(root, to);
    default:
      throw new Error('copy entry: a type that has no copy');
  }
}

/**
 * Makes (or replaces) `key` in database `db` of shard `to` with the value and encoding of entry
 * `ref` of shard `from`; its access word is that of a new key. `expireMs` as for createString.
 * `root` is a copy of the value where that is rooted, made before or here. Returns the new entry,
 * or 0 when the arena is full: nothing has changed then. O(value).
 */
export function copyEntry(
  from: Shard,
  ref: Ref,
  to: Shard,
  db: number,
  key: Key,
  expireMs: number,
  root: Ref = 0,
): Ref {
  const type = from.typeOf(ref);
  const encoding = from.encodingOf(ref);
  if (from.isRooted(ref)) {
    const copied = root !== 0 ? root : copyRoot(from, ref, to);
    if (copied === 0) return 0;
    const made = to.createRooted(db, key, type, encoding, copied, expireMs);
    if (made === 0) to.lazy.addRoot(copied);
    else noteCopy(to, db, key, made);
    return made;
  }
  const length = from.valueLength(ref);
  const copy = to.createValue(db, key, type, encoding, length, expireMs);
  if (copy === 0) return 0;
  const source = from.valueOffset(ref);
  copyBytes(to.u8, to.valueOffset(copy), from.u8, source, source + length);
  noteCopy(to, db, key, copy);
  return copy;
}

/** Fields of a copied hash may have times of expiry, which its database has to know of. */
function noteCopy(shard: Shard, db: number, key: Key, ref: Ref): void {
  const type = shard.typeOf(ref);
  if (type === TYPE_HASH) shard.hashes.noteCopy(db, key, ref);
  else if (type === TYPE_STREAM) shard.streams.noteCopy(db, ref);
}

/**
 * Moves entry `ref` (`fromKey` in database `fromDb` of shard `from`) to `toKey`, with its TTL and
 * access word; a key that is there is replaced. Returns the new entry, or 0 when the arena is
 * full: nothing has changed then. O(value), O(1) for a structure that stays in its shard.
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
  const staysRooted = from === to && from.isRooted(ref);
  const root = staysRooted ? from.rootOf(ref) : 0;
  const expireMs = from.expireMs(ref);
  const type = from.typeOf(ref);
  const moved = staysRooted
    ? to.createRooted(toDb, toKey, type, from.encodingOf(ref), root, expireMs)
    : copyEntry(from, ref, to, toDb, toKey, expireMs);
  if (moved === 0) return 0;
  if (staysRooted) noteCopy(to, toDb, toKey, moved);
  to.setAccessWord(moved, from.accessWord(ref));
  if (staysRooted) from.deleteMoved(fromDb, fromKey);
  else from.delete(fromDb, fromKey);
  return moved;
}
