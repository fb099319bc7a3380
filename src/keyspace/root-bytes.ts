/** Memory of values that are structures of many blocks. */
import type { Ref } from '../memory/arena.ts';
import { TYPE_HASH, TYPE_LIST, TYPE_SET, TYPE_STREAM, TYPE_ZSET } from './entry.ts';
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
    case TYPE_STREAM:
      return shard.streams.memoryBytes(root);
    default:
      throw new Error('memory of a type that is not known');
  }
}

/** A key's share of the index at its usual fill: 64 bytes for eight keys. */
export const INDEX_BYTES_PER_KEY = 8;

/** Bytes that an entry and its value occupy, with its share of the index. */
export function keyBytes(shard: Shard, ref: Ref): number {
  return shard.entryBytes(ref) + rootBytes(shard, ref) + INDEX_BYTES_PER_KEY;
}

/** Elements of a collection, bytes of a string. O(1). */
export function elementCount(shard: Shard, ref: Ref): number {
  switch (shard.typeOf(ref)) {
    case TYPE_LIST:
      return shard.lists.size(ref);
    case TYPE_SET:
      return shard.sets.size(ref);
    case TYPE_ZSET:
      return shard.zsets.size(ref);
    case TYPE_HASH:
      return shard.hashes.size(ref);
    case TYPE_STREAM:
      return shard.streams.size(ref);
    default:
      return shard.valueLength(ref);
  }
}
