/**
 * The page level of an arena: hands out runs of whole pages and takes them back, merging free
 * neighbours. Layout and invariants are in arena-layout.ts.
 *
 * Free runs sit in doubly linked bins by the logarithm of their length, with a bit mask of the bins
 * in use. A request looks for the best of the first 32 runs of its own bin, then takes the head of
 * the next bin in use (any run there is long enough), then does the same among the runs whose pages
 * the system has back, then cuts the wilderness, and only when that is used up searches its own bin
 * to the end. A run costs the descriptors of its ends, so 512 MiB cost no more than 8 KiB. Free
 * runs that reach the wilderness rejoin it.
 *
 * Pages that hold nothing still belong to the process until `release` gives them back to the
 * system. What is in them afterwards does not matter: nothing keeps data in a free page.
 */

import * as layout from './arena-layout.ts';

const TOP_PAGE = layout.HEADER_TOP_PAGE;
const TOUCHED_PAGES = layout.HEADER_TOUCHED_PAGES;
const FREE_PAGES = layout.HEADER_FREE_PAGES;
const BIN_MASK = layout.HEADER_BIN_MASK;
const CLEAN_MASK = layout.HEADER_CLEAN_MASK;
const RELEASED_PAGES = layout.HEADER_RELEASED_PAGES;
const BIN_HEAD = layout.HEADER_BIN_HEAD;
const CLEAN_HEAD = layout.HEADER_CLEAN_HEAD;
const DESCRIPTOR_WORDS = layout.DESCRIPTOR_WORDS;
const PAGES = layout.PAGE_PAGES;
const PREV = layout.PAGE_PREV;
const NEXT = layout.PAGE_NEXT;
const RELEASED = layout.RUN_RELEASED;
const SWEPT = layout.RUN_SWEPT;
const KIND_NONE = layout.KIND_NONE;
const KIND_FREE_HEAD = layout.KIND_FREE_HEAD;
const KIND_FREE_TAIL = layout.KIND_FREE_TAIL;
const BIN_SEARCH_MAX = 32;
const PAGE_BYTES = 4096;

/**
 * Gives bytes [offset, offset + bytes) of the arena's buffer back to the system; they read as zeros
 * or as before then.
 */
export type Discard = (offset: number, bytes: number) => void;

function binOf(pages: number): number {
  return 31 - Math.clz32(pages);
}

/** Allocator of page runs over the arena's words. Holds no state of its own. */
export class PageRuns {
  private readonly u32: Uint32Array;
  private readonly descriptorIndex: number;
  private readonly pageCount: number;

  constructor(u32: Uint32Array) {
    this.u32 = u32;
    this.descriptorIndex = u32[layout.HEADER_DESCRIPTOR_INDEX]!;
    this.pageCount = u32[layout.HEADER_PAGE_COUNT]!;
  }

  /**
   * First page of a run of `pages` pages with all tags clear, or 0 when none is left. The caller
   * sets the tags.
   */
  take(pages: number): number {
    const page = this.find(pages, BIN_SEARCH_MAX);
    if (page !== 0) return this.cut(page, pages);
    const top = this.u32[TOP_PAGE]!;
    if (pages <= this.pageCount - top) {
      this.setTop(top + pages);
      return top;
    }
    const last = this.find(pages, this.pageCount);
    return last === 0 ? 0 : this.cut(last, pages);
  }

  /** A free run as `findFree`, if possible one that costs no page faults. */
  private find(pages: number, searchMax: number): number {
    const bins = -1 << binOf(pages);
    const mask = this.u32[BIN_MASK]! & bins;
    const page = mask === 0 ? 0 : this.findFree(BIN_HEAD, mask, pages, searchMax);
    if (page !== 0) return page;
    const clean = this.u32[CLEAN_MASK]! & bins;
    return clean === 0 ? 0 : this.findFree(CLEAN_HEAD, clean, pages, searchMax);
  }

  /** Takes back a run whose tags the caller has cleared. */
  give(page: number, pages: number): void {
    const u32 = this.u32;
    let start = page;
    let length = pages;
    let released = 0;
    const before = this.descriptorIndex + (page - 1) * DESCRIPTOR_WORDS;
    const kindBefore = u32[before]!;
    if (kindBefore === KIND_FREE_HEAD || kindBefore === KIND_FREE_TAIL) {
      const pagesBefore = u32[before + PAGES]!;
      start -= pagesBefore;
      length += pagesBefore;
      released += this.unlink(start, pagesBefore);
    }
    const top = u32[TOP_PAGE]!;
    const end = page + pages;
    if (end === top) {
      u32[TOP_PAGE] = start;
      return;
    }
    const after = this.descriptorIndex + end * DESCRIPTOR_WORDS;
    if (u32[after] === KIND_FREE_HEAD) {
      const pagesAfter = u32[after + PAGES]!;
      length += pagesAfter;
      released += this.unlink(end, pagesAfter);
    }
    this.link(start, length, released);
  }

  /** Free pages directly behind `end`, the page after a live run: a free run or the wilderness. */
  freePagesAt(end: number): number {
    const top = this.u32[TOP_PAGE]!;
    if (end === top) return this.pageCount - top;
    const index = this.descriptorIndex + end * DESCRIPTOR_WORDS;
    return this.u32[index] === KIND_FREE_HEAD ? this.u32[index + PAGES]! : 0;
  }

  /** Takes the `pages` pages from `end` on, which `freePagesAt` said are there. */
  takeAt(end: number, pages: number): void {
    const top = this.u32[TOP_PAGE]!;
    if (end === top) this.setTop(top + pages);
    else this.cut(end, pages);
  }

  private setTop(top: number): void {
    this.u32[TOP_PAGE] = top;
    if (top > this.u32[TOUCHED_PAGES]!) this.u32[TOUCHED_PAGES] = top;
  }

  /**
   * Head of a free run of at least `pages` pages in the bins from word `heads` on, or 0. Looks at
   * `searchMax` of its own bin.
   */
  private findFree(heads: number, mask: number, pages: number, searchMax: number): number {
    const u32 = this.u32;
    const bin = binOf(pages);
    let best = 0;
    let bestPages = this.pageCount;
    let page = u32[heads + bin]!;
    for (let seen = 0; page !== 0 && seen < searchMax; seen++) {
      const index = this.descriptorIndex + page * DESCRIPTOR_WORDS;
      const runPages = u32[index + PAGES]!;
      if (runPages === pages) return page;
      if (runPages > pages && runPages < bestPages) {
        best = page;
        bestPages = runPages;
      }
      page = u32[index + NEXT]!;
    }
    if (best !== 0) return best;
    const larger = mask & -(2 << bin);
    if (larger === 0) return 0;
    return u32[heads + 31 - Math.clz32(larger & -larger)]!;
  }

  /** Unlinks a free run, puts back what lies beyond `pages`, returns its first page. */
  private cut(page: number, pages: number): number {
    const runPages = this.u32[this.descriptorIndex + page * DESCRIPTOR_WORDS + PAGES]!;
    const released = this.unlink(page, runPages);
    if (runPages > pages) {
      this.link(page + pages, runPages - pages, Math.max(0, released - pages));
    }
    return page;
  }

  private link(page: number, pages: number, released: number): void {
    const u32 = this.u32;
    const bin = binOf(pages);
    const index = this.descriptorIndex + page * DESCRIPTOR_WORDS;
    const tail = index + (pages - 1) * DESCRIPTOR_WORDS;
    u32[tail] = KIND_FREE_TAIL;
    u32[tail + PAGES] = pages;
    u32[index] = KIND_FREE_HEAD; // also where head and tail are one page
    u32[index + PAGES] = pages;
    u32[index + RELEASED] = released;
    u32[index + SWEPT] = 0;
    const heads = released === pages ? CLEAN_HEAD : BIN_HEAD;
    const mask = released === pages ? CLEAN_MASK : BIN_MASK;
    const next = u32[heads + bin]!;
    u32[index + PREV] = 0;
    u32[index + NEXT] = next;
    if (next !== 0) u32[this.descriptorIndex + next * DESCRIPTOR_WORDS + PREV] = page;
    u32[heads + bin] = page;
    u32[mask] = u32[mask]! | (1 << bin);
    u32[FREE_PAGES] = u32[FREE_PAGES]! + pages;
    u32[RELEASED_PAGES] = u32[RELEASED_PAGES]! + released;
  }

  /** Returns how many of the run's pages are released. */
  private unlink(page: number, pages: number): number {
    const u32 = this.u32;
    const bin = binOf(pages);
    const index = this.descriptorIndex + page * DESCRIPTOR_WORDS;
    const prev = u32[index + PREV]!;
    const next = u32[index + NEXT]!;
    const released = u32[index + RELEASED]!;
    const isClean = released === pages;
    if (prev !== 0) u32[this.descriptorIndex + prev * DESCRIPTOR_WORDS + NEXT] = next;
    else u32[(isClean ? CLEAN_HEAD : BIN_HEAD) + bin] = next;
    if (next !== 0) u32[this.descriptorIndex + next * DESCRIPTOR_WORDS + PREV] = prev;
    else if (prev === 0) {
      const mask = isClean ? CLEAN_MASK : BIN_MASK;
      u32[mask] = u32[mask]! & ~(1 << bin);
    }
    u32[index] = KIND_NONE;
    u32[index + (pages - 1) * DESCRIPTOR_WORDS] = KIND_NONE;
    u32[FREE_PAGES] = u32[FREE_PAGES]! - pages;
    u32[RELEASED_PAGES] = u32[RELEASED_PAGES]! - released;
    return released;
  }

  /** Pages that hold nothing and may still be the process's. */
  get dirtyPages(): number {
    const u32 = this.u32;
    const wilderness = u32[TOUCHED_PAGES]! - u32[TOP_PAGE]!;
    return u32[FREE_PAGES]! - u32[RELEASED_PAGES]! + wilderness;
  }

  /**
   * Gives up to `pagesMax` pages that hold nothing back to the system, in one call of `discard`: of
   * the wilderness first, then of the longest runs. Returns how many; 0 = there are none. O(1).
   */
  release(pagesMax: number, discard: Discard): number {
    const u32 = this.u32;
    const touched = u32[TOUCHED_PAGES]!;
    const above = Math.min(pagesMax, touched - u32[TOP_PAGE]!);
    if (above > 0) {
      discard((touched - above) * PAGE_BYTES, above * PAGE_BYTES);
      u32[TOUCHED_PAGES] = touched - above;
      return above;
    }
    const mask = u32[BIN_MASK]!;
    if (mask === 0) return 0;
    const page = u32[BIN_HEAD + 31 - Math.clz32(mask)]!;
    const index = this.descriptorIndex + page * DESCRIPTOR_WORDS;
    const pages = u32[index + PAGES]!;
    const swept = u32[index + SWEPT]!;
    const count = Math.min(pagesMax, pages - swept);
    discard((page + swept) * PAGE_BYTES, count * PAGE_BYTES);
    if (swept + count === pages) {
      this.unlink(page, pages);
      this.link(page, pages, pages);
      return count;
    }
    u32[index + SWEPT] = swept + count;
    // A run of which all but a page is known to be released is not clean before its last slice.
    const released = Math.min(Math.max(u32[index + RELEASED]!, swept + count), pages - 1);
    u32[RELEASED_PAGES] = u32[RELEASED_PAGES]! + released - u32[index + RELEASED]!;
    u32[index + RELEASED] = released;
    return count;
  }
}
