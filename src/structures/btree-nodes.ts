/**
 * BTreeNodes: the nodes of a BTree, a B+ tree of items in the order of (score, bytes of the item's
 * key), with subtree counts: ranks and ranges of large sorted sets.
 *
 * LAYOUT
 *   struct (8 words, at a u32 index that the owner provides)
 *     0 root node   1 levels of inner nodes (0 = the root is a leaf)   2 entries
 *     3 first leaf   4 last leaf   5 leaves   6 inner nodes   7 reserved
 *
 *   node of capacity C, a leaf or an inner node
 *     word 0 entries   leaf: 1 next leaf, 2 leaf before   3 reserved
 *     granules 2 .. 2 + C   scores (f64): a search reads these alone, unless scores are equal
 *     then C words each     items (compact-item.ts)
 *                           inner: children, and entries of each child's subtree
 *
 *   The score and the item of an inner entry are those of the first entry in the child's subtree.
 *
 *   Example: a leaf of capacity 41 (512 bytes) with the entry (1.5, item 0x4000): word 0 = 1, bytes
 *   16.. = 00 00 00 00 00 00 f8 3f, word 86 = 0x4000.
 *
 * INVARIANT  an inner entry is exactly its child's first entry, so that separators never refer to
 *   an item that is gone. Nodes are at least half full, but for the first leaf and the last node of
 *   each level: a set that grows at an end leaves full nodes behind. A full leaf gives entries to
 *   a sibling before it is split: sets that grow in random order are 80 % full instead of 69.
 * OWNERSHIP  items belong to the caller and do not move. Everything that searches leaves its path
 *   in this object, which changes then rely on.
 * LIMITS     2^32 - 1 entries. A score is never NaN; no two entries have equal score and key.
 */
import type { Arena, Ref } from '../memory/arena.ts';

export const BTREE_STRUCT_WORDS = 8;
/** 512 and 1280 bytes. */
export const BTREE_LEAF_CAPACITY = 41;
export const BTREE_INNER_CAPACITY = 63;

export const BTREE_ROOT = 0;
export const BTREE_HEIGHT = 1;
export const BTREE_SIZE = 2;
export const BTREE_FIRST = 3;
export const BTREE_LAST = 4;
export const BTREE_LEAVES = 5;
export const BTREE_INNERS = 6;

export const BTREE_COUNT = 0;
export const BTREE_NEXT = 1;
export const BTREE_PREVIOUS = 2;
export const BTREE_HEADER_WORDS = 4;
export const BTREE_SCORES = 2;

const HEIGHT = BTREE_HEIGHT;
const SIZE = BTREE_SIZE;
const FIRST = BTREE_FIRST;
const LAST = BTREE_LAST;
const LEAVES = BTREE_LEAVES;
const INNERS = BTREE_INNERS;
const COUNT = BTREE_COUNT;
const NEXT = BTREE_NEXT;
const PREVIOUS = BTREE_PREVIOUS;
const HEADER_WORDS = BTREE_HEADER_WORDS;
const SCORES = BTREE_SCORES;

/** Columns of words in an inner node: items, children, counts. */
const INNER_COLUMNS = 3;

export class BTreeNodes {
  readonly arena: Arena;
  readonly u32: Uint32Array;
  readonly f64: Float64Array;
  /** u32 index of the struct that this is a view of now. */
  base: number;
  readonly leafMax: number;
  readonly innerMax: number;
  /** Word offsets of columns in a node. */
  readonly leafItems: number;
  readonly innerItems: number;
  readonly children: number;
  readonly counts: number;

  constructor(arena: Arena, base: number, leafCapacity: number, innerCapacity: number) {
    this.arena = arena;
    this.u32 = arena.u32;
    this.f64 = arena.f64;
    this.base = base;
    this.leafMax = leafCapacity;
    this.innerMax = innerCapacity;
    this.leafItems = HEADER_WORDS + leafCapacity * 2;
    this.innerItems = HEADER_WORDS + innerCapacity * 2;
    this.children = HEADER_WORDS + innerCapacity * 3;
    this.counts = HEADER_WORDS + innerCapacity * 4;
  }

  /** Makes this a view of another struct. */
  attach(base: number): this {
    this.base = base;
    return this;
  }

  /** Makes an empty tree. */
  init(): void {
    this.u32.fill(0, this.base, this.base + BTREE_STRUCT_WORDS);
  }

  get size(): number {
    return this.u32[this.base + SIZE]!;
  }

  get height(): number {
    return this.u32[this.base + HEIGHT]!;
  }

  itemsOf(node: Ref, isLeaf: boolean): number {
    return node * 2 + (isLeaf ? this.leafItems : this.innerItems);
  }

  /** Makes a gap of `n` entries at `at`. The new entries count at once. */
  open(node: Ref, at: number, n: number, isLeaf: boolean): void {
    const u32 = this.u32;
    const count = u32[node * 2 + COUNT]!;
    const items = this.itemsOf(node, isLeaf);
    const scores = node + SCORES;
    u32[node * 2 + COUNT] = count + n;
    if (isLeaf) {
      // Loops over the few entries of a leaf: remove + insert takes 130 ns so, and 280 ns with
      // copyWithin (bench/micro/btree.bench.ts, 1k).
      const f64 = this.f64;
      for (let i = count - 1; i >= at; i--) {
        f64[scores + i + n] = f64[scores + i]!;
        u32[items + i + n] = u32[items + i]!;
      }
    } else {
      this.#moveInner(scores, items, at, at + n, count);
    }
  }

  /** Takes `n` entries from `at` on out. */
  close(node: Ref, at: number, n: number, isLeaf: boolean): void {
    const u32 = this.u32;
    const count = u32[node * 2 + COUNT]!;
    const items = this.itemsOf(node, isLeaf);
    const scores = node + SCORES;
    u32[node * 2 + COUNT] = count - n;
    if (isLeaf) {
      const f64 = this.f64;
      for (let i = at + n; i < count; i++) {
        f64[scores + i - n] = f64[scores + i]!;
        u32[items + i - n] = u32[items + i]!;
      }
    } else {
      this.#moveInner(scores, items, at + n, at, count);
    }
  }

  /** Moves entries [from, end) to `to` within an inner node, given where its columns begin. */
  #moveInner(scores: number, items: number, from: number, to: number, end: number): void {
    if (from >= end) return;
    this.f64.copyWithin(scores + to, scores + from, scores + end);
    for (let i = 0; i < INNER_COLUMNS; i++) {
      const column = items + i * this.innerMax;
      this.u32.copyWithin(column + to, column + from, column + end);
    }
  }

  /**
   * Moves the last `n` entries of a node to the front of its right neighbour, or the first of that
   * to its end. Returns how many entries of the tree went over.
   */
  shift(left: Ref, right: Ref, n: number, isToRight: boolean, isLeaf: boolean): number {
    const u32 = this.u32;
    const leftCount = u32[left * 2 + COUNT]!;
    if (isToRight) {
      this.open(right, 0, n, isLeaf);
      this.#copy(left, leftCount - n, right, 0, n, isLeaf);
      u32[left * 2 + COUNT] = leftCount - n;
      return this.sum(right, 0, n, isLeaf);
    }
    this.#copy(right, 0, left, leftCount, n, isLeaf);
    u32[left * 2 + COUNT] = leftCount + n;
    this.close(right, 0, n, isLeaf);
    return this.sum(left, leftCount, n, isLeaf);
  }

  #copy(from: Ref, at: number, to: Ref, place: number, n: number, isLeaf: boolean): void {
    const u32 = this.u32;
    const f64 = this.f64;
    const source = this.itemsOf(from, isLeaf) + at;
    const target = this.itemsOf(to, isLeaf) + place;
    for (let i = 0; i < n; i++) {
      f64[to + SCORES + place + i] = f64[from + SCORES + at + i]!;
      u32[target + i] = u32[source + i]!;
    }
    if (isLeaf) return;
    // Children and counts follow the items, a column of the capacity each.
    const column = this.innerMax;
    for (let i = 0; i < n; i++) {
      u32[target + column + i] = u32[source + column + i]!;
      u32[target + column * 2 + i] = u32[source + column * 2 + i]!;
    }
  }

  /** Entries of the tree under `n` entries of a node. */
  sum(node: Ref, at: number, n: number, isLeaf: boolean): number {
    if (isLeaf) return n;
    const counts = node * 2 + this.counts + at;
    let sum = 0;
    for (let i = 0; i < n; i++) sum += this.u32[counts + i]!;
    return sum;
  }

  /** Copies the first entry's score and item of a child into entry `index` of its parent. */
  setSeparator(parent: Ref, index: number, child: Ref, isLeaf: boolean): void {
    const u32 = this.u32;
    this.f64[parent + SCORES + index] = this.f64[child + SCORES]!;
    u32[parent * 2 + this.innerItems + index] = u32[this.itemsOf(child, isLeaf)]!;
  }

  bump(word: number, delta: number): void {
    this.u32[word] = this.u32[word]! + delta;
  }

  allocNode(isLeaf: boolean): Ref {
    const words = isLeaf ? this.leafItems + this.leafMax : this.counts + this.innerMax;
    const node = this.arena.alloc(words * 4);
    if (node === 0) return 0;
    this.u32.fill(0, node * 2, node * 2 + HEADER_WORDS);
    this.bump(this.base + (isLeaf ? LEAVES : INNERS), 1);
    return node;
  }

  freeNode(node: Ref, isLeaf: boolean): void {
    this.arena.free(node);
    this.bump(this.base + (isLeaf ? LEAVES : INNERS), -1);
  }

  /** Takes a leaf out of the chain and frees it. */
  freeLeaf(leaf: Ref): void {
    const u32 = this.u32;
    const next = u32[leaf * 2 + NEXT]!;
    const previous = u32[leaf * 2 + PREVIOUS]!;
    if (next === 0) u32[this.base + LAST] = previous;
    else u32[next * 2 + PREVIOUS] = previous;
    if (previous === 0) u32[this.base + FIRST] = next;
    else u32[previous * 2 + NEXT] = next;
    this.freeNode(leaf, true);
  }
}
