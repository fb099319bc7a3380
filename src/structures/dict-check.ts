/** The invariants of a Dict, for tests and fuzzers. */
import type { Ref } from '../memory/arena.ts';
import type { Dict } from './dict.ts';
import * as layout from './dict-layout.ts';

/** Throws when a property in the head of dict.ts does not hold. O(n). */
export function checkDict(dict: Dict): void {
  const { u32 } = dict.arena;
  const { base } = dict;
  const units = dict.unitCount;
  let items = 0;
  let children = 0;
  const seen = new Set<number>();
  for (let unit = 0; unit < units; unit++) {
    children += checkChildren(dict, unit);
    dict.visitUnit(unit, (ref) => {
      items += 1;
      if (seen.has(ref)) throw new Error('dict: an item stands in two slots');
      seen.add(ref);
      checkItem(dict, ref, unit);
    });
  }
  if (items !== u32[base + layout.DICT_ITEMS]!) throw new Error('dict: item count is wrong');
  if (children !== u32[base + layout.DICT_CHILDREN]!) {
    throw new Error('dict: child count is wrong');
  }
  if (items === 0 && u32[base + layout.DICT_PAUSE] === 0 && units !== 0) {
    throw new Error('dict: a table without items');
  }
  const isResizing = u32[base + layout.DICT_COUNT1] !== 0;
  if (isResizing && u32[base + layout.DICT_REHASH_UNIT]! >= units) {
    throw new Error('dict: a resize that is complete is still in progress');
  }
}

function checkItem(dict: Dict, ref: Ref, unit: number): void {
  const { hasher } = dict;
  const { u8 } = dict.arena;
  const at = dict.keyOffset(ref);
  const end = at + dict.keyLength(ref);
  hasher.hash(u8, at, end);
  if ((hasher.lo & (dict.unitCount - 1)) !== unit) {
    throw new Error('dict: an item is in a bucket that its hash does not select');
  }
  if (dict.find(u8, at, end, hasher.lo, hasher.hi) !== ref) {
    throw new Error('dict: an item is not found by its key');
  }
}

function checkChildren(dict: Dict, unit: number): number {
  const { u32 } = dict.arena;
  let children = 0;
  dict.forHomes(unit, (home) => {
    for (let bucket = home; (u32[bucket]! & layout.BUCKET_CHAINED) !== 0; children++) {
      const present = u32[bucket]! & layout.BUCKET_PRESENT_CHAINED;
      if (present !== layout.BUCKET_PRESENT_CHAINED) {
        throw new Error('dict: a bucket with a child has a hole');
      }
      bucket = u32[bucket + layout.BUCKET_REFS + layout.BUCKET_LAST_SLOT]! * 2;
      if ((u32[bucket]! & layout.BUCKET_PRESENT_ALL) === 0) {
        throw new Error('dict: a child bucket is empty');
      }
    }
  });
  return children;
}
