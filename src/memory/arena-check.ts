/**
 * Reads a whole arena: `checkArena` for tests and fuzzers, `readStats` for MEMORY STATS. Both only
 * read; the caller holds the shard's lock. Layout in arena-layout.ts.
 */

import * as layout from './arena-layout.ts';
import {
  CLASS_COUNT,
  CLASS_GRANULES,
  CLASS_SLAB_BLOCKS,
  CLASS_SLAB_PAGES,
  GRANULE_BYTES,
  PAGE_BYTES,
} from './size-classes.ts';

const PAGE_GRANULES = PAGE_BYTES / GRANULE_BYTES;

/** Counts of one size class. */
export interface ClassStats {
  readonly blockBytes: number;
  slabs: number;
  /** Blocks the slabs can hold. */
  blocks: number;
  liveBlocks: number;
}

/** Counts of a whole arena at one moment. Pages are of 4096 bytes. */
export interface ArenaStats {
  readonly usedBytes: number;
  readonly dataPages: number;
  readonly classes: ClassStats[];
  /** Blocks larger than 16 KiB, and their pages. */
  runs: number;
  runPages: number;
  slabPages: number;
  freeRuns: number;
  freePages: number;
  largestFreeRunPages: number;
  /** Pages above the highest page in use. */
  wildernessPages: number;
}

function check(ok: boolean, message: string): void {
  if (!ok) throw new Error(`arena: ${message}`);
}

function descriptorAt(u32: Uint32Array, page: number): number {
  return u32[layout.HEADER_DESCRIPTOR_INDEX]! + page * layout.DESCRIPTOR_WORDS;
}

function sizeClassOf(tag: number): number {
  return (tag >>> layout.TAG_CLASS_SHIFT) & layout.TAG_CLASS_MASK;
}

/** Counts the unit (slab, run or free run) that starts at `page`; returns its pages. */
function countUnit(u32: Uint32Array, page: number, stats: ArenaStats): number {
  const index = descriptorAt(u32, page);
  const tag = u32[index]!;
  const kind = tag & layout.TAG_KIND_MASK;
  if (kind === layout.KIND_SLAB) {
    const sizeClass = sizeClassOf(tag);
    check(sizeClass < CLASS_COUNT, 'slab of no class');
    const counts = stats.classes[sizeClass]!;
    counts.slabs++;
    counts.blocks += CLASS_SLAB_BLOCKS[sizeClass]!;
    counts.liveBlocks += u32[index + layout.SLAB_USED]!;
    stats.slabPages += CLASS_SLAB_PAGES[sizeClass]!;
    return CLASS_SLAB_PAGES[sizeClass]!;
  }
  const pages = u32[index + layout.PAGE_PAGES]!;
  check(pages > 0, 'run of no pages');
  if (kind === layout.KIND_RUN) {
    stats.runs++;
    stats.runPages += pages;
  } else {
    check(kind === layout.KIND_FREE_HEAD, 'page tag is not the start of anything');
    stats.freeRuns++;
    stats.freePages += pages;
    stats.largestFreeRunPages = Math.max(stats.largestFreeRunPages, pages);
  }
  return pages;
}

/** Counts of everything in the arena. O(pages). Throws where the pages do not add up. */
export function readStats(u32: Uint32Array): ArenaStats {
  const first = u32[layout.HEADER_FIRST_PAGE]!;
  const top = u32[layout.HEADER_TOP_PAGE]!;
  const pageCount = u32[layout.HEADER_PAGE_COUNT]!;
  const stats: ArenaStats = {
    usedBytes: u32[layout.HEADER_USED_GRANULES]! * GRANULE_BYTES,
    dataPages: pageCount - first,
    classes: Array.from(CLASS_GRANULES, (granules) => ({
      blockBytes: granules * GRANULE_BYTES,
      slabs: 0,
      blocks: 0,
      liveBlocks: 0,
    })),
    runs: 0,
    runPages: 0,
    slabPages: 0,
    freeRuns: 0,
    freePages: 0,
    largestFreeRunPages: 0,
    wildernessPages: pageCount - top,
  };
  let page = first;
  while (page < top) page += countUnit(u32, page, stats);
  check(page === top, 'last unit reaches past the top');
  return stats;
}

function checkSlab(u32: Uint32Array, slab: number): void {
  const index = descriptorAt(u32, slab);
  const tag = u32[index]!;
  const sizeClass = sizeClassOf(tag);
  const granules = CLASS_GRANULES[sizeClass]!;
  const start = slab * PAGE_GRANULES;
  const bump = u32[index + layout.SLAB_BUMP]!;
  const used = u32[index + layout.SLAB_USED]!;
  check(tag >>> layout.TAG_INDEX_SHIFT === 0, 'slab starts in its middle');
  for (let i = 1; i < CLASS_SLAB_PAGES[sizeClass]!; i++) {
    const expected = tag | (i << layout.TAG_INDEX_SHIFT);
    check(u32[descriptorAt(u32, slab + i)] === expected, 'slab body has a wrong tag');
  }
  if (used === 0) {
    const record = layout.HEADER_CLASSES + sizeClass * layout.CLASS_WORDS;
    check(u32[record + layout.CLASS_SPARE] === slab, 'empty slab is not the spare');
    return;
  }
  const opened = (bump - start) / granules;
  check(Number.isInteger(opened), 'bump is between blocks');
  check(opened > 0 && opened <= CLASS_SLAB_BLOCKS[sizeClass]!, 'bump is outside the slab');
  let freeCount = 0;
  for (let ref = u32[index + layout.SLAB_FREE]!; ref !== 0; ref = u32[ref * 2]!) {
    check(ref >= start && ref < bump && (ref - start) % granules === 0, 'free ref is no block');
    check(u32[ref * 2 + 1] === layout.FREE_MARK, 'free block has no mark');
    freeCount++;
    check(freeCount <= opened, 'free list is a circle');
  }
  check(used + freeCount === opened, 'used and free blocks do not add up');
}

/** Tags of a free run's tail and of everything between, and of a live run behind its head. */
function checkRun(u32: Uint32Array, page: number, free: boolean): void {
  const index = descriptorAt(u32, page);
  const pages = u32[index + layout.PAGE_PAGES]!;
  for (let i = 1; i < pages; i++) {
    const at = descriptorAt(u32, page + i);
    const tail = free && i === pages - 1;
    check(u32[at] === (tail ? layout.KIND_FREE_TAIL : layout.KIND_NONE), 'run has a wrong tag');
    check(!tail || u32[at + layout.PAGE_PAGES] === pages, 'ends of a free run disagree');
  }
}

function checkUnits(u32: Uint32Array): void {
  const top = u32[layout.HEADER_TOP_PAGE]!;
  let wasFree = false;
  let page = u32[layout.HEADER_FIRST_PAGE]!;
  while (page < top) {
    const index = descriptorAt(u32, page);
    const tag = u32[index]!;
    const slab = (tag & layout.TAG_KIND_MASK) === layout.KIND_SLAB;
    const free = tag === layout.KIND_FREE_HEAD;
    check(!(free && wasFree), 'free neighbours were not merged');
    wasFree = free;
    if (slab) checkSlab(u32, page);
    else checkRun(u32, page, free);
    page += slab ? CLASS_SLAB_PAGES[sizeClassOf(tag)]! : u32[index + layout.PAGE_PAGES]!;
  }
  check(!wasFree, 'free run at the top is not wilderness');
  const touched = u32[layout.HEADER_TOUCHED_PAGES]!;
  check(touched >= top, 'high-water mark is below the top');
  for (let above = top; above < touched; above++) {
    check(u32[descriptorAt(u32, above)] === layout.KIND_NONE, 'wilderness has a tag');
  }
}

/** Walks one doubly linked list of pages; returns its length. */
function checkList(u32: Uint32Array, head: number, belongs: (index: number) => boolean): number {
  let length = 0;
  let prev = 0;
  for (let page = head; page !== 0; page = u32[descriptorAt(u32, page) + layout.PAGE_NEXT]!) {
    const index = descriptorAt(u32, page);
    check(u32[index + layout.PAGE_PREV] === prev, 'list links disagree');
    check(belongs(index), 'list holds a page that does not belong');
    prev = page;
    length++;
  }
  return length;
}

function checkBins(u32: Uint32Array, stats: ArenaStats): void {
  let listed = 0;
  let released = 0;
  for (let bin = 0; bin < layout.BIN_COUNT * 2; bin++) {
    const isClean = bin >= layout.BIN_COUNT;
    const length = checkList(u32, u32[layout.HEADER_BIN_HEAD + bin]!, (index) => {
      const pages = u32[index + layout.PAGE_PAGES]!;
      const ownReleased = u32[index + layout.RUN_RELEASED]!;
      released += ownReleased;
      check(ownReleased <= pages, 'a run has more released pages than pages');
      check(u32[index + layout.RUN_SWEPT]! < pages, 'a run was swept beyond its end');
      const log2 = 31 - Math.clz32(pages);
      const belongs = log2 === bin % layout.BIN_COUNT && (ownReleased === pages) === isClean;
      return u32[index] === layout.KIND_FREE_HEAD && belongs;
    });
    const mask = u32[isClean ? layout.HEADER_CLEAN_MASK : layout.HEADER_BIN_MASK]!;
    const masked = (mask & (1 << (bin % layout.BIN_COUNT))) !== 0;
    check(masked === length > 0, 'bin mask disagrees with the bins');
    listed += length;
  }
  check(listed === stats.freeRuns, 'a free run is in no bin');
  check(u32[layout.HEADER_FREE_PAGES] === stats.freePages, 'count of free pages is wrong');
  check(u32[layout.HEADER_RELEASED_PAGES] === released, 'count of released pages is wrong');
}

/** Slabs with room, by class. */
function countPartial(u32: Uint32Array): number[] {
  const counts = new Array<number>(CLASS_COUNT).fill(0);
  const top = u32[layout.HEADER_TOP_PAGE]!;
  let page = u32[layout.HEADER_FIRST_PAGE]!;
  while (page < top) {
    const index = descriptorAt(u32, page);
    const tag = u32[index]!;
    if ((tag & layout.TAG_KIND_MASK) === layout.KIND_SLAB) {
      const sizeClass = sizeClassOf(tag);
      const used = u32[index + layout.SLAB_USED]!;
      const isPartial = used > 0 && used < CLASS_SLAB_BLOCKS[sizeClass]!;
      if (isPartial) counts[sizeClass]!++;
      check(isPartial || u32[index + layout.SLAB_SPARSE] === 0, 'a slab in no list is sparse');
      page += CLASS_SLAB_PAGES[sizeClass]!;
    } else {
      page += u32[index + layout.PAGE_PAGES]!;
    }
  }
  return counts;
}

/** Throws Error on any inconsistency. O(pages + free blocks). */
export function checkArena(u32: Uint32Array): void {
  const stats = readStats(u32);
  checkUnits(u32);
  checkBins(u32, stats);
  const partial = countPartial(u32);
  let usedBytes = stats.runPages * PAGE_BYTES;
  for (let sizeClass = 0; sizeClass < CLASS_COUNT; sizeClass++) {
    const record = layout.HEADER_CLASSES + sizeClass * layout.CLASS_WORDS;
    const counts = stats.classes[sizeClass]!;
    usedBytes += counts.liveBlocks * counts.blockBytes;
    check(u32[record + layout.CLASS_SLABS] === counts.slabs, 'count of slabs is wrong');
    let last = 0;
    let isSparse = 0;
    const listed = checkList(u32, u32[record + layout.CLASS_PARTIAL]!, (index) => {
      const used = u32[index + layout.SLAB_USED]!;
      const room = used > 0 && used < CLASS_SLAB_BLOCKS[sizeClass]!;
      check(u32[index + layout.SLAB_SPARSE]! >= isSparse, 'a sparse slab is not at the end');
      isSparse = u32[index + layout.SLAB_SPARSE]!;
      last = (index - u32[layout.HEADER_DESCRIPTOR_INDEX]!) / layout.DESCRIPTOR_WORDS;
      return room && sizeClassOf(u32[index]!) === sizeClass;
    });
    check(listed === partial[sizeClass], 'a slab with room is in no list');
    check(u32[record + layout.CLASS_TAIL] === last, 'the last slab of a list is another one');
    const spare = u32[record + layout.CLASS_SPARE]!;
    const spareUsed = spare === 0 ? 0 : u32[descriptorAt(u32, spare) + layout.SLAB_USED]!;
    check(spareUsed === 0, 'spare slab is in use');
  }
  check(usedBytes === stats.usedBytes, 'used bytes do not add up');
}
