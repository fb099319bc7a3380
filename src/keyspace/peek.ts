/** Lookups of commands that ask about a key without using its value: TTL, TYPE, EXISTS, OBJECT. */
import type { Ref } from '../memory/arena.ts';
import type { Key } from './key.ts';
import type { Shard } from './shard.ts';

/**
 * Like `Shard.findRead`, but the key's access word stays: the live entry or 0, counted as hit or
 * miss. O(1).
 */
export function peek(shard: Shard, db: number, key: Key): Ref {
  const ref = shard.find(db, key);
  if (ref === 0) shard.state.keyspaceMisses += 1;
  else shard.state.keyspaceHits += 1;
  return ref;
}
