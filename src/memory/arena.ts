/**
 * The arena: all memory of one shard in one fixed-size SharedArrayBuffer, with a slab allocator for
 * blocks up to 16 KiB and page runs above. Layout and invariants are in arena-layout.ts.
 *
 * OWNERSHIP: many threads attach to the same buffer; only the one that holds the shard's lock calls
 * anything that allocates or frees. An Arena object keeps no state that changes: all of it is in
 * the buffer, so a lock handed over is a heap handed over.
 *
 * LIMITS: 32 GiB less one page, so that every ref and the end of every slab fit in a u32. Indexes
 * of 2^31 and more (u8 from 2 GiB, u32 from 8 GiB, f64 from 16 GiB on) can send V8's Maglev
 * compiler into a loop of deoptimisations: 30-60 ns instead of 1.5 ns per access, 2 us instead of
 * 40 ns to hash 16 bytes there (Node 26). A process with larger arenas runs with --no-maglev.
 *
 * MISUSE: freeing a ref that is not a live block throws. It is cheap to notice where a tag, a
 * multiple, a count or the mark in a freed block is wrong; a ref freed, handed out again and freed
 * by its first owner is not noticed.
 */

import { type ArenaStats, checkArena, readStats } from './arena-check.ts';
import * as layout from './arena-layout.ts';
import { type Discard, PageRuns } from './page-runs.ts';
import * as sizes from './size-classes.ts';
import { linkSlab, unlinkSlab } from './slab-lists.ts';

/** Index of an 8-byte granule of the arena: u32, 0 is null. Byte offset = ref * 8. */
export type Ref = number;

// Hot code reads module-private constants: an imported binding costs four times as much.
const PAGE_BYTES = sizes.PAGE_BYTES;
const GRANULE_BYTES = sizes.GRANULE_BYTES;
const SMALL_BYTES_MAX = sizes.SMALL_BYTES_MAX;
const CLASS_COUNT = sizes.CLASS_COUNT;
const classOfGranules = sizes.CLASS_OF_GRANULES;
const classGranules = sizes.CLASS_GRANULES;
const classSlabPages = sizes.CLASS_SLAB_PAGES;
const classSlabBlocks = sizes.CLASS_SLAB_BLOCKS;
const USED_GRANULES = layout.HEADER_USED_GRANULES;
const CLASSES = layout.HEADER_CLASSES;
const CLASS_WORDS = layout.CLASS_WORDS;
const SPARE = layout.CLASS_SPARE;
const SLABS = layout.CLASS_SLABS;
const DESCRIPTOR_WORDS = layout.DESCRIPTOR_WORDS;
const PAGES = layout.PAGE_PAGES;
const FREE = layout.SLAB_FREE;
const BUMP = layout.SLAB_BUMP;
const USED = layout.SLAB_USED;
const SPARSE = layout.SLAB_SPARSE;
const KIND_NONE = layout.KIND_NONE;
const KIND_SLAB = layout.KIND_SLAB;
const KIND_RUN = layout.KIND_RUN;
const KIND_MASK = layout.TAG_KIND_MASK;
const CLASS_SHIFT = layout.TAG_CLASS_SHIFT;
const CLASS_MASK = layout.TAG_CLASS_MASK;
const INDEX_SHIFT = layout.TAG_INDEX_SHIFT;
const FREE_MARK = layout.FREE_MARK;
const PAGE_GRANULES = PAGE_BYTES / GRANULE_BYTES;
const PAGE_SHIFT = 9; // ref >>> PAGE_SHIFT is the page
const PAGE_COUNT_MAX = 2 ** 23 - 1;
const DATA_PAGES_MIN = 4;
const WORD_COPY_BYTES_MAX = 64; // copyWithin costs 26 ns at least, a word loop 1.6 ns a word
const USER_OFFSET = PAGE_BYTES;

function reserve(bytes: number): SharedArrayBuffer {
  let pages = Math.min(Math.floor(bytes / PAGE_BYTES), PAGE_COUNT_MAX);
  for (; ; pages = Math.floor(pages / 2)) {
    try {
      return new SharedArrayBuffer(pages * PAGE_BYTES);
    } catch (error) {
      if (!(error instanceof RangeError) || pages < DATA_PAGES_MIN) throw error;
    }
  }
}

function validate(buffer: SharedArrayBuffer): void {
  const whole = buffer.byteLength >= PAGE_BYTES && buffer.byteLength % PAGE_BYTES === 0;
  const header = whole ? new Uint32Array(buffer, 0, CLASSES) : undefined;
  if (header === undefined || header[layout.HEADER_MAGIC] !== layout.MAGIC) {
    throw new Error('not an arena: wrong size or magic number');
  }
  if (header[layout.HEADER_VERSION] !== layout.VERSION) {
    throw new Error('arena layout is of another version');
  }
  if (header[layout.HEADER_PAGE_COUNT] !== buffer.byteLength / PAGE_BYTES) {
    throw new Error('arena header disagrees with the size of its buffer');
  }
}

/** One shard's memory. See the file comment for who may call what. */
export class Arena {
  readonly buffer: SharedArrayBuffer;
  /** Views of the whole buffer. Index: offset, offset / 4 = ref * 2, offset / 8 = ref. */
  readonly u8: Uint8Array;
  readonly u32: Uint32Array;
  readonly f64: Float64Array;
  /** Byte offset of the area reserved for the layer above; 4096 in every arena. */
  readonly userOffset: number = USER_OFFSET;
  private readonly descriptorIndex: number;
  private readonly pageCount: number;
  private readonly firstPage: number;
  private readonly runs: PageRuns;
  /** How this thread gives pages back to the system; null = not at all. */
  discard: Discard | null = null;

  private constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.u8 = new Uint8Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.f64 = new Float64Array(buffer);
    this.descriptorIndex = this.u32[layout.HEADER_DESCRIPTOR_INDEX]!;
    this.pageCount = this.u32[layout.HEADER_PAGE_COUNT]!;
    this.firstPage = this.u32[layout.HEADER_FIRST_PAGE]!;
    this.runs = new PageRuns(this.u32);
  }

  /**
   * Reserves an arena of `bytes` bytes (rounded down to pages, at most 32 GiB less one page), or of
   * half, a quarter... of that where the system refuses. The system commits memory on first touch.
   * Throws RangeError where what is left cannot hold `reservedHeaderBytes` and one slab.
   */
  static create(bytes: number, reservedHeaderBytes: number): Arena {
    const buffer = reserve(bytes);
    const pageCount = buffer.byteLength / PAGE_BYTES;
    const userPages = Math.ceil(reservedHeaderBytes / PAGE_BYTES);
    const descriptorPage = 1 + userPages;
    const descriptorPages = Math.ceil((pageCount * DESCRIPTOR_WORDS * 4) / PAGE_BYTES);
    const firstPage = descriptorPage + descriptorPages;
    if (pageCount - firstPage < DATA_PAGES_MIN) throw new RangeError('arena is too small');
    const header = new Uint32Array(buffer, 0, CLASSES);
    header[layout.HEADER_VERSION] = layout.VERSION;
    header[layout.HEADER_PAGE_COUNT] = pageCount;
    header[layout.HEADER_FIRST_PAGE] = firstPage;
    header[layout.HEADER_DESCRIPTOR_INDEX] = (descriptorPage * PAGE_BYTES) / 4;
    header[layout.HEADER_USER_BYTES] = reservedHeaderBytes;
    header[layout.HEADER_TOP_PAGE] = firstPage;
    header[layout.HEADER_TOUCHED_PAGES] = firstPage;
    header[layout.HEADER_MAGIC] = layout.MAGIC;
    return new Arena(buffer);
  }

  /** Views of an arena made by `create` on any thread. Throws Error where the buffer is not one. */
  static attach(buffer: SharedArrayBuffer): Arena {
    validate(buffer);
    return new Arena(buffer);
  }

  /**
   * A block of at least `bytes` bytes (1 or more) with undefined contents, or 0 when the arena has
   * no room. Never throws. O(1) up to 16 KiB; larger blocks look through at most 32 free runs
   * unless the arena is nearly full.
   */
  alloc(bytes: number): Ref {
    if (bytes > SMALL_BYTES_MAX) return this.allocRun(bytes);
    const u32 = this.u32;
    const sizeClass = classOfGranules[(bytes + 7) >>> 3]!;
    const record = CLASSES + sizeClass * CLASS_WORDS;
    let slab = u32[record]!;
    if (slab === 0) {
      slab = this.refill(sizeClass);
      if (slab === 0) return 0;
    }
    const index = this.descriptorIndex + slab * DESCRIPTOR_WORDS;
    const granules = classGranules[sizeClass]!;
    let ref = u32[index + FREE]!;
    if (ref !== 0) {
      u32[index + FREE] = u32[ref * 2]!;
    } else {
      ref = u32[index + BUMP]!;
      u32[index + BUMP] = ref + granules;
    }
    u32[ref * 2 + 1] = 0; // clears FREE_MARK, so that freeing this block raises no suspicion
    const used = u32[index + USED]! + 1;
    u32[index + USED] = used;
    u32[USED_GRANULES] = u32[USED_GRANULES]! + granules;
    if (used === classSlabBlocks[sizeClass]!) unlinkSlab(u32, this.descriptorIndex, record, index);
    return ref;
  }

  /** Gives a live block back. Throws where `ref` is seen not to be one. O(1). */
  free(ref: Ref): void {
    const u32 = this.u32;
    const page = ref >>> PAGE_SHIFT;
    if (page >= this.pageCount) throw new Error('free of a ref that is no block');
    const tag = u32[this.descriptorIndex + page * DESCRIPTOR_WORDS]!;
    if ((tag & KIND_MASK) !== KIND_SLAB) {
      this.freeRun(ref, page, tag);
      return;
    }
    const sizeClass = (tag >>> CLASS_SHIFT) & CLASS_MASK;
    const slab = page - (tag >>> INDEX_SHIFT);
    const index = this.descriptorIndex + slab * DESCRIPTOR_WORDS;
    const granules = classGranules[sizeClass]!;
    if ((ref - slab * PAGE_GRANULES) % granules !== 0 || ref >= u32[index + BUMP]!) {
      throw new Error('free of a ref that is no block');
    }
    if (u32[ref * 2 + 1] === FREE_MARK) this.assertNotFree(ref, index);
    u32[ref * 2] = u32[index + FREE]!;
    u32[ref * 2 + 1] = FREE_MARK;
    u32[index + FREE] = ref;
    const used = u32[index + USED]!;
    u32[index + USED] = used - 1;
    u32[USED_GRANULES] = u32[USED_GRANULES]! - granules;
    if (used === classSlabBlocks[sizeClass]!)
      linkSlab(u32, this.descriptorIndex, sizeClass, slab, index);
    else if (used <= 1) this.retire(sizeClass, slab, index);
  }

  /** Bytes of the live block `ref`, at least what was asked for. O(1). */
  usableBytes(ref: Ref): number {
    const index = this.descriptorIndex + (ref >>> PAGE_SHIFT) * DESCRIPTOR_WORDS;
    const tag = this.u32[index]!;
    const kind = tag & KIND_MASK;
    if (kind === KIND_SLAB) {
      return classGranules[(tag >>> CLASS_SHIFT) & CLASS_MASK]! * GRANULE_BYTES;
    }
    if (kind !== KIND_RUN) throw new Error('size of a ref that is no block');
    return this.u32[index + PAGES]! * PAGE_BYTES;
  }

  /** Whether `realloc(ref, newBytes)` would leave the block where it is. O(1). */
  canExtend(ref: Ref, newBytes: number): boolean {
    const oldBytes = this.usableBytes(ref);
    if (oldBytes <= SMALL_BYTES_MAX || newBytes <= SMALL_BYTES_MAX) {
      return newBytes <= SMALL_BYTES_MAX && this.roundedSmall(newBytes) === oldBytes;
    }
    const free = this.runs.freePagesAt(ref / PAGE_GRANULES + oldBytes / PAGE_BYTES);
    return Math.ceil(newBytes / PAGE_BYTES) <= oldBytes / PAGE_BYTES + free;
  }

  /**
   * Changes the size of a live block and keeps the contents up to the smaller of both sizes. Stays
   * in place where the size class is the same, and for runs where they shrink or the pages behind
   * are free; else moves. Returns the block's ref, or 0 when there is no room: the old block then
   * stays valid. Shrinking never fails. O(size) where it moves.
   */
  realloc(ref: Ref, newBytes: number): Ref {
    const oldBytes = this.usableBytes(ref);
    if (newBytes <= SMALL_BYTES_MAX) {
      if (this.roundedSmall(newBytes) === oldBytes) return ref;
    } else if (oldBytes > SMALL_BYTES_MAX && this.resizeRun(ref, oldBytes, newBytes)) {
      return ref;
    }
    const moved = this.alloc(newBytes);
    if (moved === 0) return newBytes <= oldBytes ? ref : 0;
    this.copy(moved, ref, Math.min(newBytes, oldBytes));
    this.free(ref);
    return moved;
  }

  /**
   * Whether `relocate` would move a live block: it lies in a slab that is to be emptied
   * (sparse-slabs.ts), and there is room in one that is not. O(1).
   */
  mayRelocate(ref: Ref): boolean {
    const u32 = this.u32;
    const page = ref >>> PAGE_SHIFT;
    const tag = u32[this.descriptorIndex + page * DESCRIPTOR_WORDS]!;
    if ((tag & KIND_MASK) !== KIND_SLAB) return false;
    const slab = page - (tag >>> INDEX_SHIFT);
    if (u32[this.descriptorIndex + slab * DESCRIPTOR_WORDS + SPARSE] === 0) return false;
    const target = u32[CLASSES + ((tag >>> CLASS_SHIFT) & CLASS_MASK) * CLASS_WORDS]!;
    return target !== 0 && u32[this.descriptorIndex + target * DESCRIPTOR_WORDS + SPARSE] === 0;
  }

  /**
   * Moves a live block out of a slab that is to be emptied. Returns its ref from now on: the same
   * where it need not or cannot move; otherwise whoever refers to the block must be told, and the
   * old one is free. O(size of the block).
   */
  relocate(ref: Ref): Ref {
    if (!this.mayRelocate(ref)) return ref;
    const bytes = this.usableBytes(ref);
    const moved = this.alloc(bytes);
    this.copy(moved, ref, bytes);
    this.free(ref);
    return moved;
  }

  /** Sum of `usableBytes` of all live blocks. Any thread may ask. */
  usedBytes(): number {
    return this.u32[USED_GRANULES]! * GRANULE_BYTES;
  }

  /** Bytes of all data pages, in use or not. */
  capacityBytes(): number {
    return (this.pageCount - this.firstPage) * PAGE_BYTES;
  }

  /** Bytes of the header and of the area for the layer above: in use from the start. */
  get frontBytes(): number {
    return this.descriptorIndex * 4;
  }

  /** Bytes of the pages that slabs and runs occupy, their free blocks included. Any thread. */
  heldBytes(): number {
    const u32 = this.u32;
    const above = u32[layout.HEADER_TOP_PAGE]! - this.firstPage;
    return (above - u32[layout.HEADER_FREE_PAGES]!) * PAGE_BYTES;
  }

  /**
   * Bytes of front and data pages that the system may have committed: those that were used and not
   * given back since. Any thread.
   */
  touchedBytes(): number {
    const touched = this.u32[layout.HEADER_TOUCHED_PAGES]!;
    const unusedDescriptors = (this.pageCount - touched) * DESCRIPTOR_WORDS * 4;
    const released = this.u32[layout.HEADER_RELEASED_PAGES]!;
    const unused = Math.floor(unusedDescriptors / PAGE_BYTES) + released;
    return (touched - unused) * PAGE_BYTES;
  }

  /** Bytes of pages that hold nothing, and that `release` would give back. Any thread. */
  dirtyBytes(): number {
    return this.runs.dirtyPages * PAGE_BYTES;
  }

  /**
   * Gives up to `bytesMax` bytes of pages that hold nothing back to the system, in one system call.
   * Returns how many; 0 where nothing is left or `discard` is null. O(1) beside the call, which
   * takes 0.1 to 0.3 ms for 4 MiB.
   */
  release(bytesMax: number): number {
    if (this.discard === null) return 0;
    const pages = Math.max(1, Math.floor(bytesMax / PAGE_BYTES));
    return this.runs.release(pages, this.discard) * PAGE_BYTES;
  }

  /** Returns the spare empty slab of every class to the page level. O(classes). */
  trim(): void {
    for (let sizeClass = 0; sizeClass < CLASS_COUNT; sizeClass++) {
      const record = CLASSES + sizeClass * CLASS_WORDS;
      const spare = this.u32[record + SPARE]!;
      if (spare === 0) continue;
      this.u32[record + SPARE] = 0;
      this.releaseSlab(sizeClass, spare);
    }
  }

  /** Throws Error on any inconsistency of the whole arena. O(pages + free blocks). */
  checkInvariants(): void {
    checkArena(this.u32);
  }

  /** Counts by class and of pages. O(pages). */
  stats(): ArenaStats {
    return readStats(this.u32);
  }

  private roundedSmall(bytes: number): number {
    return classGranules[classOfGranules[(bytes + 7) >>> 3]!]! * GRANULE_BYTES;
  }

  /** Copies whole words; both blocks end on a granule, so the last word is inside them. */
  private copy(to: Ref, from: Ref, bytes: number): void {
    if (bytes > WORD_COPY_BYTES_MAX) {
      const start = from * GRANULE_BYTES;
      this.u8.copyWithin(to * GRANULE_BYTES, start, start + bytes);
      return;
    }
    const u32 = this.u32;
    const words = (bytes + 3) >>> 2;
    for (let i = 0; i < words; i++) u32[to * 2 + i] = u32[from * 2 + i]!;
  }

  /** Pages for a slab or run, giving up the spare slabs before it gives up. Tags are clear. */
  private takePages(pages: number): number {
    const page = this.runs.take(pages);
    if (page !== 0) return page;
    this.trim();
    return this.runs.take(pages);
  }

  private allocRun(bytes: number): Ref {
    const pages = Math.ceil(bytes / PAGE_BYTES);
    if (pages > this.pageCount) return 0;
    const page = this.takePages(pages);
    if (page === 0) return 0;
    const index = this.descriptorIndex + page * DESCRIPTOR_WORDS;
    this.u32[index] = KIND_RUN;
    this.u32[index + PAGES] = pages;
    this.u32[USED_GRANULES] = this.u32[USED_GRANULES]! + pages * PAGE_GRANULES;
    return page * PAGE_GRANULES;
  }

  private freeRun(ref: Ref, page: number, tag: number): void {
    if (tag !== KIND_RUN || ref !== page * PAGE_GRANULES) {
      throw new Error('free of a ref that is no block');
    }
    const index = this.descriptorIndex + page * DESCRIPTOR_WORDS;
    const pages = this.u32[index + PAGES]!;
    this.u32[index] = KIND_NONE;
    this.u32[USED_GRANULES] = this.u32[USED_GRANULES]! - pages * PAGE_GRANULES;
    this.runs.give(page, pages);
  }

  /** Shrinks a run, or grows it into free pages behind it. False where those are too few. */
  private resizeRun(ref: Ref, oldBytes: number, newBytes: number): boolean {
    const page = ref / PAGE_GRANULES;
    const oldPages = oldBytes / PAGE_BYTES;
    const newPages = Math.ceil(newBytes / PAGE_BYTES);
    if (newPages > oldPages) {
      if (newPages - oldPages > this.runs.freePagesAt(page + oldPages)) return false;
      this.runs.takeAt(page + oldPages, newPages - oldPages);
    } else if (newPages < oldPages) {
      this.runs.give(page + newPages, oldPages - newPages);
    }
    const u32 = this.u32;
    u32[this.descriptorIndex + page * DESCRIPTOR_WORDS + PAGES] = newPages;
    u32[USED_GRANULES] = u32[USED_GRANULES]! + (newPages - oldPages) * PAGE_GRANULES;
    return true;
  }

  /** Puts the spare slab or a new one into the empty partial list; 0 when there is no room. */
  private refill(sizeClass: number): number {
    const u32 = this.u32;
    const record = CLASSES + sizeClass * CLASS_WORDS;
    let slab = u32[record + SPARE]!;
    u32[record + SPARE] = 0;
    if (slab === 0) {
      const pages = classSlabPages[sizeClass]!;
      slab = this.takePages(pages);
      if (slab === 0) return 0;
      const tag = KIND_SLAB | (sizeClass << CLASS_SHIFT);
      for (let i = 0; i < pages; i++) {
        const at = this.descriptorIndex + (slab + i) * DESCRIPTOR_WORDS;
        u32[at] = tag | (i << INDEX_SHIFT);
      }
      u32[record + SLABS] = u32[record + SLABS]! + 1;
    }
    const index = this.descriptorIndex + slab * DESCRIPTOR_WORDS;
    u32[index + FREE] = 0;
    u32[index + BUMP] = slab * PAGE_GRANULES;
    u32[index + USED] = 0;
    linkSlab(u32, this.descriptorIndex, sizeClass, slab, index);
    return slab;
  }

  /** Keeps a slab that became empty as its class's spare, or releases it where there is one. */
  private retire(sizeClass: number, slab: number, index: number): void {
    const record = CLASSES + sizeClass * CLASS_WORDS;
    if (this.u32[index + USED] !== 0) throw new Error('free of a block of an empty slab');
    unlinkSlab(this.u32, this.descriptorIndex, record, index);
    // Nothing in an empty slab is a block: a stray free of one of its refs meets a zero BUMP.
    this.u32[index + BUMP] = 0;
    if (this.u32[record + SPARE] === 0) this.u32[record + SPARE] = slab;
    else this.releaseSlab(sizeClass, slab);
  }

  private releaseSlab(sizeClass: number, slab: number): void {
    const u32 = this.u32;
    const pages = classSlabPages[sizeClass]!;
    for (let i = 0; i < pages; i++) {
      u32[this.descriptorIndex + (slab + i) * DESCRIPTOR_WORDS] = KIND_NONE;
    }
    const record = CLASSES + sizeClass * CLASS_WORDS;
    u32[record + SLABS] = u32[record + SLABS]! - 1;
    this.runs.give(slab, pages);
  }

  /** Tells a block that was freed twice from one whose contents look like the mark. */
  private assertNotFree(ref: Ref, index: number): void {
    const u32 = this.u32;
    for (let at = u32[index + FREE]!; at !== 0; at = u32[at * 2]!) {
      if (at === ref) throw new Error('free of a free block');
    }
  }
}
