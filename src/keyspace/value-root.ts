/**
 * Root blocks: what an entry whose value is a structure of many blocks (ROOTED) refers to.
 *
 * LAYOUT (32 u32 words)
 *   0..28  the structure's own: list-value.ts, hash-value.ts, set-value.ts, zset-value.ts
 *   29     hash: fields with a time of expiry; otherwise the structure's own
 *   30     ref of the next root in the list of those that wait to be freed
 *   31     type of the value, TYPE_LIST .. TYPE_HASH
 */
import type { Arena, Ref } from '../memory/arena.ts';

export const ROOT_WORDS = 32;
/** Words of a root block that belong to the structure. */
export const ROOT_OWN_WORDS = 29;
export const ROOT_FIELD_EXPIRES = 29;
export const ROOT_NEXT = 30;
export const ROOT_KIND = 31;

/** A root block of zeros for a value of `type`, or 0 when the arena is full. O(1). */
export function allocRoot(arena: Arena, type: number): Ref {
  const root = arena.alloc(ROOT_WORDS * 4);
  if (root === 0) return 0;
  const at = root * 2;
  arena.u32.fill(0, at, at + ROOT_WORDS);
  arena.u32[at + ROOT_KIND] = type;
  return root;
}
