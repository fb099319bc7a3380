/**
 * The lists of slabs that have room, one a size class: slabs that blocks are taken from come first,
 * those that are to be emptied last, so that nothing new is put into them while there is room
 * elsewhere. Layout and invariants are in arena-layout.ts.
 *
 * Functions over the arena's words: `record` and `index` are the words of a class and of a slab's
 * head, `descriptors` is the word of page 0's descriptor. As methods of an object that the arena
 * holds they cost it 5 of 22 ns for alloc + free of a block (bench/micro/arena.bench.ts).
 */
import * as layout from './arena-layout.ts';

const CLASSES = layout.HEADER_CLASSES;
const CLASS_WORDS = layout.CLASS_WORDS;
const TAIL = layout.CLASS_TAIL;
const DESCRIPTOR_WORDS = layout.DESCRIPTOR_WORDS;
const PREV = layout.PAGE_PREV;
const NEXT = layout.PAGE_NEXT;
const SPARSE = layout.SLAB_SPARSE;

/** Puts a slab first. O(1). */
export function linkSlab(
  u32: Uint32Array,
  descriptors: number,
  sizeClass: number,
  slab: number,
  index: number,
): void {
  const record = CLASSES + sizeClass * CLASS_WORDS;
  const next = u32[record]!;
  u32[index + PREV] = 0;
  u32[index + NEXT] = next;
  u32[index + SPARSE] = 0;
  if (next !== 0) u32[descriptors + next * DESCRIPTOR_WORDS + PREV] = slab;
  else u32[record + TAIL] = slab;
  u32[record] = slab;
}

/** Takes a slab out. O(1). */
export function unlinkSlab(
  u32: Uint32Array,
  descriptors: number,
  record: number,
  index: number,
): void {
  const prev = u32[index + PREV]!;
  const next = u32[index + NEXT]!;
  if (prev !== 0) u32[descriptors + prev * DESCRIPTOR_WORDS + NEXT] = next;
  else u32[record] = next;
  if (next !== 0) u32[descriptors + next * DESCRIPTOR_WORDS + PREV] = prev;
  else u32[record + TAIL] = prev;
  u32[index + SPARSE] = 0;
}

/** Marks a slab of the list to be emptied, and puts it last; or takes the mark back. O(1). */
export function markSlab(
  u32: Uint32Array,
  descriptors: number,
  sizeClass: number,
  slab: number,
  index: number,
  isSparse: boolean,
): void {
  const record = CLASSES + sizeClass * CLASS_WORDS;
  unlinkSlab(u32, descriptors, record, index);
  if (!isSparse) {
    linkSlab(u32, descriptors, sizeClass, slab, index);
    return;
  }
  const last = u32[record + TAIL]!;
  u32[index + PREV] = last;
  u32[index + NEXT] = 0;
  u32[index + SPARSE] = 1;
  if (last !== 0) u32[descriptors + last * DESCRIPTOR_WORDS + NEXT] = slab;
  else u32[record] = slab;
  u32[record + TAIL] = slab;
}
