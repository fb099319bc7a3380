/** How long a value is in an RDB file, as DEBUG OBJECT reports it. */
import { parseInt64 } from '../base/number-text.ts';
import type { Ref } from '../memory/arena.ts';
import { TYPE_STRING } from './entry.ts';
import { rootBytes } from './root-bytes.ts';
import type { Shard } from './shard.ts';

/** Strings longer than this are not tried as integers. */
const INTEGER_LENGTH_MAX = 11;

/**
 * Bytes of an entry's value in an RDB file, its length included, without compression: exact for
 * strings and small collections, the memory it takes for large ones. O(1).
 */
export function serializedLength(shard: Shard, ref: Ref): number {
  if (shard.isRooted(ref)) return rootBytes(shard, ref);
  const length = shard.valueLength(ref);
  if (length <= INTEGER_LENGTH_MAX && shard.typeOf(ref) === TYPE_STRING) {
    const at = shard.valueOffset(ref);
    const n = parseInt64(shard.u8, at, at + length);
    if (n >= -0x80 && n <= 0x7f) return 2;
    if (n >= -0x8000 && n <= 0x7fff) return 3;
    if (n >= -0x80000000 && n <= 0x7fffffff) return 5;
  }
  if (length < 64) return length + 1;
  return length + (length < 16_384 ? 2 : 5);
}
