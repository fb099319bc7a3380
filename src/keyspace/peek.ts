/** Lookups beside those of commands that use a value, and what they write into an entry. */
import type { Ref } from '../memory/arena.ts';
import type { Key } from './key.ts';
import type { Shard } from './shard.ts';

/**
 * For commands that ask about a key without using its value (TTL, TYPE, EXISTS, OBJECT): like
 * `Shard.findRead`, but the key's access word stays: the live entry or 0, counted as hit or
 * miss. O(1).
 */
export function peek(shard: Shard, db: number, key: Key): Ref {
  const ref = shard.find(db, key);
  if (ref === 0) shard.state.keyMissed(db, key);
  else shard.state.keyspaceHits += 1;
  return ref;
}

/** The same where a miss is no event: OBJECT and MEMORY USAGE, as in Redis. O(1). */
export function peekUnheard(shard: Shard, db: number, key: Key): Ref {
  const ref = shard.find(db, key);
  if (ref === 0) shard.state.keyspaceMisses += 1;
  else shard.state.keyspaceHits += 1;
  return ref;
}

/** Writes the clock into the entry of a key that has changed, for the lrm policies. O(1). */
export function noteModified(shard: Shard, db: number, key: Key): void {
  const { buf, start, end, lo, hi } = key;
  const ref = shard.dict(db).find(buf, start, end, lo, hi);
  if (ref !== 0) shard.setAccessWord(ref, shard.state.lruClock);
}
