/**
 * Moves the blocks of a dict out of sparse slabs: its tables and child buckets. What the slots
 * refer to is the caller's to move. `relocate` moves a block and returns its ref from then on.
 */
import type { Ref } from '../memory/arena.ts';
import type { Dict } from './dict.ts';
import * as layout from './dict-layout.ts';

const LAST_REF = layout.BUCKET_REFS + layout.BUCKET_LAST_SLOT;

/** Moves the tables of a small dict; large ones are runs of pages, which stay. O(1). */
export function relocateTables(dict: Dict, relocate: (block: Ref) => Ref): void {
  const { base } = dict;
  const { u32 } = dict.arena;
  const table0 = base + layout.DICT_TABLE0;
  const table1 = base + layout.DICT_TABLE1;
  if (u32[table0] !== 0) u32[table0] = relocate(u32[table0]!);
  if (u32[table1] !== 0) u32[table1] = relocate(u32[table1]!);
}

/**
 * Visits the items of one unit with the words that refer to them, and moves its child buckets.
 * `visit` may move the item and change the word to a block with the same key, nothing else of the
 * dict.
 */
export function relocateUnit(
  dict: Dict,
  unit: number,
  relocate: (block: Ref) => Ref,
  visit: (item: Ref, slotWord: number) => void,
): void {
  const { u32 } = dict.arena;
  dict.forHomes(unit, (home) => {
    for (let bucket = home; ; ) {
      const isChained = (u32[bucket]! & layout.BUCKET_CHAINED) !== 0;
      const slots = isChained ? layout.BUCKET_PRESENT_CHAINED : layout.BUCKET_PRESENT_ALL;
      for (let present = u32[bucket]! & slots; present !== 0; present &= present - 1) {
        const slotWord = bucket + layout.BUCKET_REFS + 31 - Math.clz32(present & -present);
        visit(u32[slotWord]!, slotWord);
      }
      if (!isChained) return;
      const child = relocate(u32[bucket + LAST_REF]!);
      u32[bucket + LAST_REF] = child;
      bucket = child * 2;
    }
  });
}
