/**
 * The lists of slabs that have room, one a size class: slabs that blocks are taken from come first,
 * those that are to be emptied last, so that nothing new is put into them while there is room
 * elsewhere. Layout and invariants are in arena-layout.ts.
 */
import * as layout from './arena-layout.ts';

const CLASSES = layout.HEADER_CLASSES;
const CLASS_WORDS = layout.CLASS_WORDS;
const TAIL = layout.CLASS_TAIL;
const DESCRIPTOR_WORDS = layout.DESCRIPTOR_WORDS;
const PREV = layout.PAGE_PREV;
const NEXT = layout.PAGE_NEXT;
const SPARSE = layout.SLAB_SPARSE;

/** Holds no state of its own. `record` and `index` are words of a class and of a slab's head. */
export class SlabLists {
  private readonly u32: Uint32Array;
  private readonly descriptorIndex: number;

  constructor(u32: Uint32Array) {
    this.u32 = u32;
    this.descriptorIndex = u32[layout.HEADER_DESCRIPTOR_INDEX]!;
  }

  /** Puts a slab first. O(1). */
  link(sizeClass: number, slab: number, index: number): void {
    const u32 = this.u32;
    const record = CLASSES + sizeClass * CLASS_WORDS;
    const next = u32[record]!;
    u32[index + PREV] = 0;
    u32[index + NEXT] = next;
    u32[index + SPARSE] = 0;
    if (next !== 0) u32[this.descriptorIndex + next * DESCRIPTOR_WORDS + PREV] = slab;
    else u32[record + TAIL] = slab;
    u32[record] = slab;
  }

  /** Takes a slab out. O(1). */
  unlink(record: number, index: number): void {
    const u32 = this.u32;
    const prev = u32[index + PREV]!;
    const next = u32[index + NEXT]!;
    if (prev !== 0) u32[this.descriptorIndex + prev * DESCRIPTOR_WORDS + NEXT] = next;
    else u32[record] = next;
    if (next !== 0) u32[this.descriptorIndex + next * DESCRIPTOR_WORDS + PREV] = prev;
    else u32[record + TAIL] = prev;
    u32[index + SPARSE] = 0;
  }

  /** Marks a slab of the list as one to be emptied, and puts it last. O(1). */
  markSparse(sizeClass: number, slab: number, index: number): void {
    const u32 = this.u32;
    const record = CLASSES + sizeClass * CLASS_WORDS;
    this.unlink(record, index);
    const last = u32[record + TAIL]!;
    u32[index + PREV] = last;
    u32[index + NEXT] = 0;
    u32[index + SPARSE] = 1;
    if (last !== 0) u32[this.descriptorIndex + last * DESCRIPTOR_WORDS + NEXT] = slab;
    else u32[record] = slab;
    u32[record + TAIL] = slab;
  }

  /** Takes the mark back. O(1). */
  unmark(sizeClass: number, slab: number, index: number): void {
    this.unlink(CLASSES + sizeClass * CLASS_WORDS, index);
    this.link(sizeClass, slab, index);
  }
}
