/**
 * WATCH as the keyspace sees it. A watched key stands in the watch table (its version) and in the
 * interest filter (so that writers look there). All need an exclusive hold of the shard. O(1).
 */
import type { Key } from './key.ts';
import type { Shard } from './shard.ts';

/**
 * Adds a watcher to a key. An expired key goes first, so that it counts as absent from now on.
 * Returns the version to be remembered, or -1 when the arena is full: nothing is watched then.
 */
export function watchKey(shard: Shard, db: number, key: Key): number {
  shard.find(db, key);
  const version = shard.watch.watch(db, key.lo, key.hi);
  if (version >= 0) shard.interest.add(key.lo);
  return version;
}

/** Takes a watcher of the key with hash (lo, hi) away. */
export function unwatchKey(shard: Shard, db: number, lo: number, hi: number): void {
  shard.watch.unwatch(db, lo, hi);
  shard.interest.remove(lo);
}

/** Tells those that a key's filter slot speaks of that it has changed. */
export function tellInterested(shard: Shard, db: number, key: Key): void {
  if (!shard.watch.isEmpty) shard.watch.touch(db, key.lo, key.hi);
  noteWaiters(shard, db, key);
}

/** Has those who wait for a key look at it. */
export function noteWaiters(shard: Shard, db: number, key: Key): void {
  const { lo, hi } = key;
  if (!shard.waits.isEmpty && shard.waits.find(db, lo, hi) >= 0) {
    shard.state.noteReady(shard.index, db, lo, hi);
  }
}

/**
 * Whether a watched key changed since `version`. A key that has expired meanwhile did: looking it
 * up frees it, and that moves its version on.
 */
export function isWatchStale(shard: Shard, db: number, key: Key, version: number): boolean {
  shard.find(db, key);
  return shard.watch.version(db, key.lo, key.hi) !== version;
}
