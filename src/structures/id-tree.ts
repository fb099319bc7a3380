/**
 * IdTree: a B+ tree of short records of u32 words, ordered by their first words: the index of a
 * stream's nodes, pending lists of groups and consumers. Its layout is in id-tree-layout.ts.
 *
 * Keys that come in ascending order fill the leaves: a leaf that overflows at the right end of the
 * tree stays as it is. A leaf below a quarter is merged with a neighbour of the same parent.
 *
 * INVARIANT  no leaf is empty; all leaves are at one depth; `records` is the sum. The first child's
 *            key of the leftmost inner nodes is never looked at.
 * Finding, adding and removing are O(log n), adding at the end O(1) but for splits.
 */
import type { Arena, Ref } from '../memory/arena.ts';
import { checkIdTree } from './id-tree-check.ts';
import {
  ID_TREE_FIRST,
  ID_TREE_HEIGHT,
  ID_TREE_INNERS,
  ID_TREE_LAST,
  ID_TREE_LEAVES,
  ID_TREE_ROOT,
  ID_TREE_SIZE,
  ID_TREE_STRUCT_WORDS,
  INNER_CHILDREN,
  LEAF_CAPACITY,
  LEAF_COUNT,
  LEAF_NEXT,
  LEAF_PREVIOUS,
  LEAF_RECORDS,
} from './id-tree-layout.ts';

// Module-private copies: an imported constant costs four times as much in a hot function.
const STRUCT_WORDS = ID_TREE_STRUCT_WORDS;
const ROOT = ID_TREE_ROOT;
const HEIGHT = ID_TREE_HEIGHT;
const SIZE = ID_TREE_SIZE;
const FIRST = ID_TREE_FIRST;
const LAST = ID_TREE_LAST;
const LEAVES = ID_TREE_LEAVES;
const INNERS = ID_TREE_INNERS;
const COUNT = LEAF_COUNT;
const PREVIOUS = LEAF_PREVIOUS;
const NEXT = LEAF_NEXT;
const CAPACITY = LEAF_CAPACITY;
const RECORDS = LEAF_RECORDS;
const CHILDREN = INNER_CHILDREN;

/** Bytes of a full leaf, a size class of the arena. */
const LEAF_BYTES = 1024;
/** Records of the first leaf at first: small streams and lists are many. */
const CAPACITY_MIN = 2;
const INNER_MAX = 32;
/** Levels of inner nodes that 2^32 records take at most, with room to spare. */
const LEVELS_MAX = 16;

/** `insert`: the arena is full; nothing has changed. */
export const ID_TREE_FULL = 0;
/** `insert`: there is a record with the key. */
export const ID_TREE_PRESENT = -1;

/** A view of one tree after the other, all with records of the same form. */
export class IdTree {
  /** The key that is looked for, added or removed: `keyWords` words, set by the caller. */
  readonly needle: Uint32Array;
  readonly keyWords: number;
  /** Words of a record. */
  readonly stride: number;
  readonly leafMax: number;
  /** u32 index of the record that the cursor is at, 0 = none. */
  at = 0;
  readonly u32: Uint32Array;
  readonly arena: Arena;
  base = 0;
  /** The cursor's leaf, and the record in it. */
  #leaf: Ref = 0;
  #index = 0;
  /** Inner nodes from level 1, above the leaves, and the child taken of each. */
  readonly #path = new Uint32Array(LEVELS_MAX + 1);
  readonly #pathIndex = new Uint32Array(LEVELS_MAX + 1);
  readonly #spare = new Uint32Array(LEVELS_MAX + 2);
  readonly #innerStride: number;
  readonly #innerMax: number;

  /**
   * Records of `keyWords` + `payloadWords` words. `leafMax` and `innerMax`, at least 4, are there
   * for tests that want high trees.
   */
  constructor(
    arena: Arena,
    keyWords: number,
    payloadWords: number,
    leafMax: number = 0,
    innerMax: number = INNER_MAX,
  ) {
    this.arena = arena;
    this.u32 = arena.u32;
    this.keyWords = keyWords;
    this.needle = new Uint32Array(keyWords);
    this.stride = keyWords + payloadWords;
    const fitting = Math.floor((LEAF_BYTES / 4 - RECORDS) / this.stride);
    this.leafMax = leafMax === 0 ? fitting : leafMax;
    this.#innerStride = keyWords + 1;
    this.#innerMax = innerMax;
  }

  /** Points this at the struct at u32 index `base`. */
  attach(base: number): this {
    this.base = base;
    this.at = 0;
    this.#leaf = 0;
    return this;
  }

  /** Makes an empty tree. */
  init(): void {
    this.u32.fill(0, this.base, this.base + STRUCT_WORDS);
    this.at = 0;
  }

  /** Number of records. O(1). */
  get size(): number {
    return this.u32[this.base + SIZE]!;
  }

  /** Number of inner nodes. O(1). */
  get innerCount(): number {
    return this.u32[this.base + INNERS]!;
  }

  get innerStride(): number {
    return this.#innerStride;
  }

  /** Looks for a key of four words from here on. */
  lookFor(a: number, b: number, c: number, d: number): this {
    const { needle } = this;
    needle[0] = a;
    needle[1] = b;
    needle[2] = c;
    needle[3] = d;
    return this;
  }

  /** Compares the record at u32 index `at` with the needle. */
  #compare(at: number): number {
    const { u32, needle, keyWords } = this;
    for (let i = 0; i < keyWords; i++) {
      const difference = u32[at + i]! - needle[i]!;
      if (difference !== 0) return difference;
    }
    return 0;
  }

  // ---- the cursor

  /** The place in a leaf of the first record that is not less than the needle. */
  #lowerBound(leaf: Ref): number {
    const { u32, stride } = this;
    const records = leaf * 2 + RECORDS;
    let low = 0;
    let high = u32[leaf * 2 + COUNT]!;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compare(records + middle * stride) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The leaf where the needle belongs, and the path to it. The tree is not empty. */
  #descend(): Ref {
    const { u32, base } = this;
    const stride = this.#innerStride;
    let node = u32[base + ROOT]!;
    for (let level = u32[base + HEIGHT]!; level > 0; level--) {
      const children = node * 2 + CHILDREN;
      let low = 1;
      let high = u32[node * 2 + COUNT]!;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (this.#compare(children + middle * stride) <= 0) low = middle + 1;
        else high = middle;
      }
      this.#path[level] = node;
      this.#pathIndex[level] = low - 1;
      node = u32[children + low * stride - 1]!;
    }
    return node;
  }

  #place(leaf: Ref, index: number): boolean {
    this.#leaf = leaf;
    this.#index = index;
    this.at = leaf === 0 ? 0 : leaf * 2 + RECORDS + index * this.stride;
    return leaf !== 0;
  }

  /** Moves the cursor to the first record not less than the needle. False: there is none. */
  seek(): boolean {
    const { u32, base } = this;
    if (u32[base + ROOT] === 0) return this.#place(0, 0);
    const leaf = this.#descend();
    const index = this.#lowerBound(leaf);
    if (index < u32[leaf * 2 + COUNT]!) return this.#place(leaf, index);
    return this.#place(u32[leaf * 2 + NEXT]!, 0);
  }

  /** Moves the cursor to the last record that is not greater than the needle. */
  seekBefore(): boolean {
    if (this.seek() && this.#compare(this.at) === 0) return true;
    if (this.at === 0) return this.seekLast();
    return this.previous();
  }

  /** Moves the cursor to the record with the needle's key; where there is none it is undefined. */
  find(): boolean {
    return this.seek() && this.#compare(this.at) === 0;
  }

  seekFirst(): boolean {
    return this.#place(this.u32[this.base + FIRST]!, 0);
  }

  seekLast(): boolean {
    const leaf = this.u32[this.base + LAST]!;
    return this.#place(leaf, leaf === 0 ? 0 : this.u32[leaf * 2 + COUNT]! - 1);
  }

  next(): boolean {
    const leaf = this.#leaf;
    if (this.#index + 1 < this.u32[leaf * 2 + COUNT]!) return this.#place(leaf, this.#index + 1);
    return this.#place(this.u32[leaf * 2 + NEXT]!, 0);
  }

  previous(): boolean {
    const leaf = this.#leaf;
    if (this.#index > 0) return this.#place(leaf, this.#index - 1);
    const before = this.u32[leaf * 2 + PREVIOUS]!;
    return this.#place(before, before === 0 ? 0 : this.u32[before * 2 + COUNT]! - 1);
  }

  /** Has the needle be the key of the record at the cursor. */
  takeKey(): this {
    for (let i = 0; i < this.keyWords; i++) this.needle[i] = this.u32[this.at + i]!;
    return this;
  }

  // ---- adding

  /**
   * Adds a record with the needle's key and moves the cursor to it; its payload is undefined until
   * the caller writes it. Returns the u32 index of the payload, ID_TREE_FULL or ID_TREE_PRESENT.
   */
  insert(): number {
    const { u32, base } = this;
    if (u32[base + ROOT] === 0 && !this.#plant()) return ID_TREE_FULL;
    const last = u32[base + LAST]!;
    const count = u32[last * 2 + COUNT]!;
    const isEnd = count !== 0 && this.#compare(last * 2 + RECORDS + (count - 1) * this.stride) < 0;
    if (isEnd && count < u32[last * 2 + CAPACITY]!) return this.#put(last, count);
    let leaf = this.#descend();
    let index = isEnd ? count : this.#lowerBound(leaf);
    const own = u32[leaf * 2 + COUNT]!;
    if (index < own && this.#compare(leaf * 2 + RECORDS + index * this.stride) === 0) {
      this.#place(leaf, index);
      return ID_TREE_PRESENT;
    }
    if (own === u32[leaf * 2 + CAPACITY]!) {
      if (own < this.leafMax) {
        leaf = this.#resize(leaf, Math.min(own * 2, this.leafMax));
      } else {
        leaf = this.#split(leaf, index);
        index = this.#index;
      }
      if (leaf === 0) return ID_TREE_FULL;
    }
    return this.#put(leaf, index);
  }

  /** Opens a place for the needle in a leaf that has room. */
  #put(leaf: Ref, index: number): number {
    const { u32, stride, base } = this;
    const count = u32[leaf * 2 + COUNT]!;
    const records = leaf * 2 + RECORDS;
    const at = records + index * stride;
    if (index < count) u32.copyWithin(at + stride, at, records + count * stride);
    for (let i = 0; i < this.keyWords; i++) u32[at + i] = this.needle[i]!;
    u32[leaf * 2 + COUNT] = count + 1;
    u32[base + SIZE] = u32[base + SIZE]! + 1;
    this.#place(leaf, index);
    return at + this.keyWords;
  }

  #leafBytes(capacity: number): number {
    return (RECORDS + capacity * this.stride) * 4;
  }

  #plant(): boolean {
    const { u32, base } = this;
    const leaf = this.#allocLeaf(CAPACITY_MIN);
    if (leaf === 0) return false;
    u32[base + ROOT] = leaf;
    u32[base + HEIGHT] = 0;
    u32[base + FIRST] = leaf;
    u32[base + LAST] = leaf;
    u32[base + LEAVES] = 1;
    return true;
  }

  #allocLeaf(capacity: number): Ref {
    const leaf = this.arena.alloc(this.#leafBytes(capacity));
    if (leaf === 0) return 0;
    this.u32.fill(0, leaf * 2, leaf * 2 + RECORDS);
    this.u32[leaf * 2 + CAPACITY] = capacity;
    return leaf;
  }

  #allocInner(): Ref {
    const node = this.arena.alloc((CHILDREN + this.#innerMax * this.#innerStride) * 4);
    if (node !== 0) this.u32.fill(0, node * 2, node * 2 + CHILDREN);
    return node;
  }

  /** Gives the leaf at the end of the path another capacity. Its ref from then on; 0 = full. */
  #resize(leaf: Ref, capacity: number): Ref {
    const moved = this.arena.realloc(leaf, this.#leafBytes(capacity));
    if (moved === 0) return 0;
    this.u32[moved * 2 + CAPACITY] = capacity;
    if (moved !== leaf) this.#relink(moved);
    return moved;
  }

  /** Tells everything that refers to the leaf at the end of the path where it is now. */
  #relink(leaf: Ref): void {
    const { u32, base } = this;
    const before = u32[leaf * 2 + PREVIOUS]!;
    const after = u32[leaf * 2 + NEXT]!;
    u32[before === 0 ? base + FIRST : before * 2 + NEXT] = leaf;
    u32[after === 0 ? base + LAST : after * 2 + PREVIOUS] = leaf;
    u32[this.#childWord(1)] = leaf;
  }

  /** The word that refers to the node of the path below `level`. */
  #childWord(level: number): number {
    if (level > this.u32[this.base + HEIGHT]!) return this.base + ROOT;
    const children = this.#path[level]! * 2 + CHILDREN;
    return children + (this.#pathIndex[level]! + 1) * this.#innerStride - 1;
  }

  /**
   * Splits the full leaf at the end of the path. Returns the leaf where the record for place
   * `index` belongs, with that place in `#index`; 0 when the arena is full.
   */
  #split(leaf: Ref, index: number): Ref {
    const { u32, base, stride, leafMax } = this;
    if (!this.#allocSpares()) return 0;
    const right = this.#spare[0]!;
    const after = u32[leaf * 2 + NEXT]!;
    const isAppended = index === leafMax && after === 0;
    const kept = isAppended ? leafMax : leafMax >>> 1;
    const from = leaf * 2 + RECORDS + kept * stride;
    u32.copyWithin(right * 2 + RECORDS, from, leaf * 2 + RECORDS + leafMax * stride);
    u32[right * 2 + COUNT] = leafMax - kept;
    u32[leaf * 2 + COUNT] = kept;
    u32[right * 2 + PREVIOUS] = leaf;
    u32[right * 2 + NEXT] = after;
    u32[leaf * 2 + NEXT] = right;
    u32[after === 0 ? base + LAST : after * 2 + PREVIOUS] = right;
    u32[base + LEAVES] = u32[base + LEAVES]! + 1;
    // What comes between both is the last on the left: the right one's first key divides them.
    const isRight = isAppended || index > kept;
    // The key that divides them: the first of the right leaf, which may be the one to come.
    if (isAppended) this.#addChild(1, -1, right, true);
    else this.#addChild(1, right * 2 + RECORDS, right, false);
    this.#index = isRight ? index - kept : index;
    return isRight ? right : leaf;
  }

  /** Allocates what a split of the leaf at the end of the path takes. False: the arena is full. */
  #allocSpares(): boolean {
    const { u32, base } = this;
    const height = u32[base + HEIGHT]!;
    let inners = 0;
    while (inners < height && u32[this.#path[inners + 1]! * 2 + COUNT] === this.#innerMax) {
      inners += 1;
    }
    if (inners === height) inners += 1;
    this.#spare[0] = this.#allocLeaf(this.leafMax);
    let isFull = this.#spare[0] === 0;
    for (let i = 1; i <= inners; i++) {
      this.#spare[i] = isFull ? 0 : this.#allocInner();
      isFull ||= this.#spare[i] === 0;
    }
    if (!isFull) return true;
    for (let i = 0; i <= inners; i++) if (this.#spare[i] !== 0) this.arena.free(this.#spare[i]!);
    return false;
  }

  /**
   * Adds a child behind that of the path on `level`; its key is at u32 index `key`, or (-1) is the
   * needle.
   */
  #addChild(level: number, key: number, child: Ref, isAppended: boolean): void {
    const { u32, base } = this;
    const stride = this.#innerStride;
    if (level > u32[base + HEIGHT]!) {
      const root = this.#spare[level]!;
      u32[root * 2 + COUNT] = 1;
      u32.fill(0, root * 2 + CHILDREN, root * 2 + CHILDREN + this.keyWords);
      u32[root * 2 + CHILDREN + this.keyWords] = u32[base + ROOT]!;
      u32[base + ROOT] = root;
      u32[base + HEIGHT] = level;
      u32[base + INNERS] = u32[base + INNERS]! + 1;
      this.#putChild(root, 1, key, child);
      return;
    }
    const node = this.#path[level]!;
    const place = this.#pathIndex[level]! + 1;
    const max = this.#innerMax;
    if (u32[node * 2 + COUNT]! < max) {
      this.#putChild(node, place, key, child);
      return;
    }
    const right = this.#spare[level]!;
    u32[base + INNERS] = u32[base + INNERS]! + 1;
    const kept = isAppended && place === max ? max : max >>> 1;
    const from = node * 2 + CHILDREN + kept * stride;
    u32.copyWithin(right * 2 + CHILDREN, from, node * 2 + CHILDREN + max * stride);
    u32[right * 2 + COUNT] = max - kept;
    u32[node * 2 + COUNT] = kept;
    if (place >= kept) this.#putChild(right, place - kept, key, child);
    else this.#putChild(node, place, key, child);
    this.#addChild(level + 1, right * 2 + CHILDREN, right, isAppended);
  }

  #putChild(node: Ref, place: number, key: number, child: Ref): void {
    const { u32, keyWords } = this;
    const stride = this.#innerStride;
    const count = u32[node * 2 + COUNT]!;
    const children = node * 2 + CHILDREN;
    const at = children + place * stride;
    if (place < count) u32.copyWithin(at + stride, at, children + count * stride);
    for (let i = 0; i < keyWords; i++) u32[at + i] = key < 0 ? this.needle[i]! : u32[key + i]!;
    u32[at + keyWords] = child;
    u32[node * 2 + COUNT] = count + 1;
  }

  // ---- removing

  /** Removes the record with the needle's key; the cursor is undefined then. False: none has it. */
  remove(): boolean {
    const { u32, base, stride } = this;
    if (u32[base + ROOT] === 0) return false;
    const leaf = this.#descend();
    const index = this.#lowerBound(leaf);
    const count = u32[leaf * 2 + COUNT]!;
    const records = leaf * 2 + RECORDS;
    const at = records + index * stride;
    if (index === count || this.#compare(at) !== 0) return false;
    u32.copyWithin(at, at + stride, records + count * stride);
    u32[leaf * 2 + COUNT] = count - 1;
    u32[base + SIZE] = u32[base + SIZE]! - 1;
    this.at = 0;
    this.#settle(leaf, count - 1);
    return true;
  }

  /** Sees to a leaf at the end of the path that has lost a record. */
  #settle(leaf: Ref, count: number): void {
    const { u32, base } = this;
    if (count === 0) {
      this.#dropLeaf(leaf);
    } else if (u32[base + HEIGHT] === 0) {
      const capacity = u32[leaf * 2 + CAPACITY]!;
      if (capacity > CAPACITY_MIN * 2 && count <= capacity >>> 2)
        this.#resize(leaf, capacity >>> 1);
    } else if (count < this.leafMax >>> 2) {
      this.#merge(leaf);
    }
  }

  /** Joins a leaf with a neighbour of the same parent where both fit well into one. */
  #merge(leaf: Ref): void {
    const { u32, stride } = this;
    const parent = this.#path[1]!;
    const place = this.#pathIndex[1]!;
    const isLast = place + 1 === u32[parent * 2 + COUNT];
    if (isLast && place === 0) return;
    const left = isLast ? u32[leaf * 2 + PREVIOUS]! : leaf;
    const right = isLast ? leaf : u32[leaf * 2 + NEXT]!;
    const own = u32[left * 2 + COUNT]!;
    const others = u32[right * 2 + COUNT]!;
    const sum = own + others;
    if (sum > this.leafMax - (this.leafMax >>> 2) || sum > u32[left * 2 + CAPACITY]!) return;
    const to = left * 2 + RECORDS + own * stride;
    const from = right * 2 + RECORDS;
    u32.copyWithin(to, from, from + others * stride);
    u32[left * 2 + COUNT] = sum;
    this.#pathIndex[1] = isLast ? place : place + 1;
    this.#dropLeaf(right);
  }

  /** Takes the leaf that is the child of the path out of the tree. */
  #dropLeaf(leaf: Ref): void {
    const { u32, base } = this;
    const before = u32[leaf * 2 + PREVIOUS]!;
    const after = u32[leaf * 2 + NEXT]!;
    u32[before === 0 ? base + FIRST : before * 2 + NEXT] = after;
    u32[after === 0 ? base + LAST : after * 2 + PREVIOUS] = before;
    u32[base + LEAVES] = u32[base + LEAVES]! - 1;
    this.arena.free(leaf);
    this.#dropChild(1);
  }

  #dropChild(level: number): void {
    const { u32, base } = this;
    const height = u32[base + HEIGHT]!;
    if (level > height) {
      u32[base + ROOT] = 0;
      u32[base + HEIGHT] = 0;
      return;
    }
    const node = this.#path[level]!;
    const stride = this.#innerStride;
    const count = u32[node * 2 + COUNT]! - 1;
    const at = node * 2 + CHILDREN + this.#pathIndex[level]! * stride;
    u32.copyWithin(at, at + stride, node * 2 + CHILDREN + (count + 1) * stride);
    u32[node * 2 + COUNT] = count;
    if (count === 0) {
      this.#freeInner(node);
      this.#dropChild(level + 1);
    } else if (count === 1 && level === height) {
      this.#lower();
    }
  }

  /** Drops roots that have one child only. */
  #lower(): void {
    const { u32, base } = this;
    let root = u32[base + ROOT]!;
    while (u32[base + HEIGHT] !== 0 && u32[root * 2 + COUNT] === 1) {
      const child = u32[root * 2 + CHILDREN + this.keyWords]!;
      this.#freeInner(root);
      u32[base + ROOT] = child;
      u32[base + HEIGHT] = u32[base + HEIGHT]! - 1;
      root = child;
    }
  }

  #freeInner(node: Ref): void {
    this.u32[this.base + INNERS] = this.u32[this.base + INNERS]! - 1;
    this.arena.free(node);
  }

  // ---- the whole

  /**
   * Frees leaves with about `units` records of a tree that nobody uses any more; `visit` is called
   * for each record before. True when nothing is left.
   */
  freeSlice(units: number, visit: (at: number) => void): boolean {
    const { u32, base, stride } = this;
    let left = units;
    for (let leaf = u32[base + FIRST]!; leaf !== 0; leaf = u32[base + FIRST]!) {
      if (left <= 0) return false;
      const count = u32[leaf * 2 + COUNT]!;
      for (let i = 0; i < count; i++) visit(leaf * 2 + RECORDS + i * stride);
      u32[base + FIRST] = u32[leaf * 2 + NEXT]!;
      this.arena.free(leaf);
      left -= count;
    }
    const height = u32[base + HEIGHT]!;
    if (height > 0) this.#freeInners(u32[base + ROOT]!, height);
    this.init();
    return true;
  }

  #freeInners(node: Ref, level: number): void {
    const { u32 } = this;
    const count = u32[node * 2 + COUNT]!;
    for (let i = 0; level > 1 && i < count; i++) {
      const child = u32[node * 2 + CHILDREN + (i + 1) * this.#innerStride - 1]!;
      this.#freeInners(child, level - 1);
    }
    this.arena.free(node);
  }

  /**
   * Moves the leaf where the needle belongs and the inner nodes above it: `relocate` moves a block
   * and returns its ref from then on; `visit` gets each of the leaf's records. Has the needle be
   * the first key of the next leaf; false when there is none.
   */
  relocateLeaf(relocate: (block: Ref) => Ref, visit: (at: number) => void): boolean {
    const { u32, base, stride } = this;
    if (u32[base + ROOT] === 0) return false;
    const leaf = this.#descend();
    for (let level = u32[base + HEIGHT]!; level > 0; level--) {
      const node = relocate(this.#path[level]!);
      u32[this.#childWord(level + 1)] = node;
      this.#path[level] = node;
    }
    const moved = relocate(leaf);
    if (moved !== leaf) this.#relink(moved);
    const count = u32[moved * 2 + COUNT]!;
    for (let i = 0; i < count; i++) visit(moved * 2 + RECORDS + i * stride);
    const next = u32[moved * 2 + NEXT]!;
    if (next === 0) return false;
    this.#place(next, 0);
    this.takeKey();
    return true;
  }

  /** Bytes of the blocks. O(1). */
  memoryBytes(): number {
    const { u32, base, arena } = this;
    const root = u32[base + ROOT]!;
    if (root === 0) return 0;
    if (u32[base + HEIGHT] === 0) return arena.usableBytes(root);
    const innerBytes = (CHILDREN + this.#innerMax * this.#innerStride) * 4;
    return u32[base + LEAVES]! * this.#leafBytes(this.leafMax) + u32[base + INNERS]! * innerBytes;
  }

  /** Throws when the tree is damaged. O(n). */
  checkInvariants(): void {
    checkIdTree(this);
  }
}
