/** Memory of values that are structures of many blocks. */
import type { Ref } from '../memory/arena.ts';
import { TYPE_HASH, TYPE_LIST, TYPE_SET, TYPE_ZSET } from './entry.ts';
import type { Shard } from './shard.ts';

/** Bytes of the blocks under the root of an entry, estimated by samples; 0 where it has none. */
export function rootBytes(shard: Shard, ref: Ref): number {
  if (!shard.isRooted(ref)) return 0;
  const root = shard.rootOf(ref);
  switch (shard.typeOf(ref)) {
    case TYPE_LIST:
      return shard.lists.memoryBytes(root);
    case TYPE_SET:
      return shard.sets.memoryBytes(root);
    case TYPE_ZSET:
      return shard.zsets.memoryBytes(root);
    case TYPE_HASH:
      return shard.hashes.memoryBytes(root);
    default:
      throw new Error('memory of a type that is not known');
  }
}
