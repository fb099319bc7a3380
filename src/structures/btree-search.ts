/**
 * BTreeSearch: ranks, bounds and walks of a BTree. What walks down for a change leaves its path
 * here, which the change then relies on.
 */
import type { Ref } from '../memory/arena.ts';
import {
  BTREE_COUNT,
  BTREE_NEXT,
  BTREE_PREVIOUS,
  BTREE_ROOT,
  BTREE_SCORES,
  BTREE_SIZE,
  BTreeNodes,
} from './btree-nodes.ts';
import { compareItemKey, itemKeyEnd, itemKeyOffset } from './compact-item.ts';

const ROOT = BTREE_ROOT;
const SIZE = BTREE_SIZE;
const COUNT = BTREE_COUNT;
const NEXT = BTREE_NEXT;
const PREVIOUS = BTREE_PREVIOUS;
const SCORES = BTREE_SCORES;
/** With nodes of at least two entries, more levels than 2^32 entries have. */
const LEVELS_MAX = 34;

export class BTreeSearch extends BTreeNodes {
  /** Where `select` and `step` are: a leaf (0 = nowhere) and an entry of it. */
  leaf: Ref = 0;
  index = 0;
  /** By level from 1: the inner node on the way to `at`, and its entry that was followed. */
  readonly path = new Uint32Array(LEVELS_MAX);
  readonly pathIndex = new Int32Array(LEVELS_MAX);
  /** The leaf that a walk down ended in. */
  at: Ref = 0;

  /** Entry of an inner node whose subtree a key belongs to: the last one that is not greater. */
  #childFor(node: Ref, score: number, buf: Uint8Array, from: number, to: number): number {
    const f64 = this.f64;
    const scores = node + SCORES;
    let low = 1;
    let high = this.u32[node * 2 + COUNT]!;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const own = f64[scores + middle]!;
      if (own < score) low = middle + 1;
      else if (own > score) high = middle;
      else if (this.compare(node * 2 + this.innerItems + middle, buf, from, to) <= 0) {
        low = middle + 1;
      } else high = middle;
    }
    return low - 1;
  }

  /** The first entry of a leaf that is not less than a key. */
  placeFor(leaf: Ref, score: number, buf: Uint8Array, from: number, to: number): number {
    const f64 = this.f64;
    const scores = leaf + SCORES;
    let low = 0;
    let high = this.u32[leaf * 2 + COUNT]!;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const own = f64[scores + middle]!;
      if (own < score) low = middle + 1;
      else if (own > score) high = middle;
      else if (this.compare(leaf * 2 + this.leafItems + middle, buf, from, to) < 0) {
        low = middle + 1;
      } else high = middle;
    }
    return low;
  }

  /** memcmp of the key of the item in `word` with buf[from, to). */
  compare(word: number, buf: Uint8Array, from: number, to: number): number {
    return compareItemKey(this.arena, this.u32[word]!, buf, from, to);
  }

  /** Walks down to the leaf that a key belongs to: `path` and `at`. */
  descend(score: number, buf: Uint8Array, from: number, to: number): void {
    const u32 = this.u32;
    let node = u32[this.base + ROOT]!;
    for (let level = this.height; level > 0; level--) {
      const index = this.#childFor(node, score, buf, from, to);
      this.path[level] = node;
      this.pathIndex[level] = index;
      node = u32[node * 2 + this.children + index]!;
    }
    this.at = node;
  }

  /** Walks down to an entry that is there; returns its place in `at`. */
  descendTo(score: number, item: Ref): number {
    const u32 = this.u32;
    const from = itemKeyOffset(u32, item);
    this.descend(score, this.arena.u8, from, itemKeyEnd(u32, item));
    const leaf = this.at;
    const items = leaf * 2 + this.leafItems;
    const count = u32[leaf * 2 + COUNT]!;
    // By scores first, then by refs: it reads no item, where comparing keys would read several.
    let low = 0;
    let high = count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.f64[leaf + SCORES + middle]! < score) low = middle + 1;
      else high = middle;
    }
    while (low < count && u32[items + low] !== item) low += 1;
    if (low === count) throw new Error('btree: an entry is not where its score says');
    return low;
  }

  /** Entries before the leaf that the path leads to. */
  #rankOfLeaf(): number {
    const u32 = this.u32;
    let rank = 0;
    for (let level = this.height; level > 0; level--) {
      const counts = this.path[level]! * 2 + this.counts;
      const end = counts + this.pathIndex[level]!;
      for (let i = counts; i < end; i++) rank += u32[i]!;
    }
    return rank;
  }

  /** Rank of an entry that is there, from 0. O(log n). */
  rank(score: number, item: Ref): number {
    const index = this.descendTo(score, item);
    return this.#rankOfLeaf() + index;
  }

  /** Entries with a score below `bound`, or up to it when `isAfter`. O(log n). */
  rankOfScore(bound: number, isAfter: boolean): number {
    const u32 = this.u32;
    const f64 = this.f64;
    let node = u32[this.base + ROOT]!;
    if (node === 0) return 0;
    let rank = 0;
    for (let level = this.height; ; level--) {
      const isLeaf = level === 0;
      let low = isLeaf ? 0 : 1;
      let high = u32[node * 2 + COUNT]!;
      while (low < high) {
        const middle = (low + high) >>> 1;
        const own = f64[node + SCORES + middle]!;
        if (own < bound || (isAfter && own === bound)) low = middle + 1;
        else high = middle;
      }
      if (isLeaf) return rank + low;
      const counts = node * 2 + this.counts;
      for (let i = 0; i < low - 1; i++) rank += u32[counts + i]!;
      node = u32[node * 2 + this.children + low - 1]!;
    }
  }

  /**
   * Entries whose keys lie before buf[from, to), or up to it when `isAfter`, where all have one
   * score. O(log n).
   */
  rankOfKey(buf: Uint8Array, from: number, to: number, isAfter: boolean): number {
    const u32 = this.u32;
    let node = u32[this.base + ROOT]!;
    if (node === 0) return 0;
    let rank = 0;
    for (let level = this.height; ; level--) {
      const isLeaf = level === 0;
      const items = node * 2 + (isLeaf ? this.leafItems : this.innerItems);
      let low = isLeaf ? 0 : 1;
      let high = u32[node * 2 + COUNT]!;
      while (low < high) {
        const middle = (low + high) >>> 1;
        const order = this.compare(items + middle, buf, from, to);
        if (order < 0 || (isAfter && order === 0)) low = middle + 1;
        else high = middle;
      }
      if (isLeaf) return rank + low;
      const counts = node * 2 + this.counts;
      for (let i = 0; i < low - 1; i++) rank += u32[counts + i]!;
      node = u32[node * 2 + this.children + low - 1]!;
    }
  }

  /** Walks down to the entry of a rank below the size; returns its place in `at`. */
  descendToRank(rank: number): number {
    const u32 = this.u32;
    let node = u32[this.base + ROOT]!;
    let left = rank;
    for (let level = this.height; level > 0; level--) {
      let index = 0;
      for (let at = node * 2 + this.counts; left >= u32[at]!; at++) {
        left -= u32[at]!;
        index += 1;
      }
      this.path[level] = node;
      this.pathIndex[level] = index;
      node = u32[node * 2 + this.children + index]!;
    }
    this.at = node;
    return left;
  }

  /** Goes to the entry of a rank below the size. O(log n). */
  select(rank: number): void {
    this.index = this.descendToRank(rank);
    this.leaf = this.at;
  }

  get selectedItem(): Ref {
    return this.u32[this.leaf * 2 + this.leafItems + this.index]!;
  }

  get selectedScore(): number {
    return this.f64[this.leaf + SCORES + this.index]!;
  }

  /** Goes to the next entry, or back to the one before; false when there is none. O(1). */
  step(isReverse: boolean): boolean {
    const u32 = this.u32;
    if (isReverse) {
      if (this.index > 0) {
        this.index -= 1;
        return true;
      }
      this.leaf = u32[this.leaf * 2 + PREVIOUS]!;
      this.index = this.leaf === 0 ? 0 : u32[this.leaf * 2 + COUNT]! - 1;
    } else {
      this.index += 1;
      if (this.index < u32[this.leaf * 2 + COUNT]!) return true;
      this.leaf = u32[this.leaf * 2 + NEXT]!;
      this.index = 0;
    }
    return this.leaf !== 0;
  }

  // ---- the path

  /** Makes a new first entry known to the path's nodes from `level` on. */
  setFirst(level: number, score: number, item: Ref): void {
    for (let l = level; l <= this.height; l++) {
      const node = this.path[l]!;
      const index = this.pathIndex[l]!;
      this.f64[node + SCORES + index] = score;
      this.u32[node * 2 + this.innerItems + index] = item;
      if (index !== 0) return;
    }
  }

  /** Adds to the counts on the path and to the size. */
  addCounts(delta: number): void {
    const u32 = this.u32;
    for (let level = this.height; level > 0; level--) {
      const at = this.path[level]! * 2 + this.counts + this.pathIndex[level]!;
      u32[at] = u32[at]! + delta;
    }
    u32[this.base + SIZE] = u32[this.base + SIZE]! + delta;
  }
}
