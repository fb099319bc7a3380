/** The dicts of large sets, hashes and sorted sets, whatever their type. */
import type { Ref } from '../memory/arena.ts';
import { Dict, LAYOUT_COMPACT } from '../structures/dict.ts';
import { ENCODING_HASHTABLE, ENCODING_SKIPLIST } from './entry.ts';
import type { Shard } from './shard.ts';

/** The dict in words 0..15 of an entry's root block, or null where its encoding has none. */
export function tableOf(shard: Shard, ref: Ref): Dict | null {
  const encoding = shard.encodingOf(ref);
  const hasTable = encoding === ENCODING_HASHTABLE || encoding === ENCODING_SKIPLIST;
  if (!hasTable || !shard.isRooted(ref)) return null;
  return new Dict(shard.arena, shard.rootOf(ref) * 2, shard.hasher, LAYOUT_COMPACT);
}
