/**
 * BTree: changes of a B+ tree of items in the order of (score, bytes of the item's key). Its layout
 * and invariants are in btree-nodes.ts.
 */
import type { Arena, Ref } from '../memory/arena.ts';
import { checkBTree } from './btree-check.ts';
import {
  BTREE_COUNT,
  BTREE_FIRST,
  BTREE_HEIGHT,
  BTREE_INNER_CAPACITY,
  BTREE_INNERS,
  BTREE_LAST,
  BTREE_LEAF_CAPACITY,
  BTREE_LEAVES,
  BTREE_NEXT,
  BTREE_PREVIOUS,
  BTREE_ROOT,
  BTREE_SCORES,
  BTREE_SIZE,
} from './btree-nodes.ts';
import { BTreeSearch } from './btree-search.ts';
import { itemKeyEnd, itemKeyOffset } from './compact-item.ts';

const ROOT = BTREE_ROOT;
const HEIGHT = BTREE_HEIGHT;
const SIZE = BTREE_SIZE;
const FIRST = BTREE_FIRST;
const LAST = BTREE_LAST;
const LEAVES = BTREE_LEAVES;
const INNERS = BTREE_INNERS;
const COUNT = BTREE_COUNT;
const NEXT = BTREE_NEXT;
const PREVIOUS = BTREE_PREVIOUS;
const SCORES = BTREE_SCORES;
/** A leaf, an inner node of each level and a root; more than 2^32 entries take. */
const SPARES_MAX = 36;

export class BTree extends BTreeSearch {
  /** Items that `cut` took out. */
  readonly cutItems: Uint32Array;
  /** Free entries of a sibling that are worth a move. */
  readonly #roomMin: number;
  /** Nodes allocated for a split: a leaf, then inner ones. */
  readonly #spare = new Uint32Array(SPARES_MAX);

  /** A view of the struct at u32 index `base`. Capacities are at least 4. */
  constructor(
    arena: Arena,
    base: number,
    leafCapacity: number = BTREE_LEAF_CAPACITY,
    innerCapacity: number = BTREE_INNER_CAPACITY,
  ) {
    super(arena, base, leafCapacity, innerCapacity);
    this.#roomMin = Math.max(2, leafCapacity >>> 3);
    this.cutItems = new Uint32Array(leafCapacity);
  }

  // ---- adding

  /**
   * Adds an entry that is absent. False when the arena is full: nothing has changed then. O(log n).
   */
  insert(score: number, item: Ref): boolean {
    const u32 = this.u32;
    if (u32[this.base + ROOT]! === 0 && !this.#plant()) return false;
    const { u8 } = this.arena;
    const from = itemKeyOffset(u32, item);
    const to = itemKeyEnd(u32, item);
    this.descend(score, u8, from, to);
    let index = this.placeFor(this.at, score, u8, from, to);
    if (u32[this.at * 2 + COUNT]! === this.leafMax) {
      index = this.#makeRoom(index, score, item);
      if (index < 0) return false;
    }
    this.#put(index, score, item);
    return true;
  }

  /** Adds an entry that is greater than all others. Otherwise as `insert`. */
  append(score: number, item: Ref): boolean {
    const { size } = this;
    if (size === 0) return this.insert(score, item);
    let index = this.descendToRank(size - 1) + 1;
    if (index === this.leafMax) {
      index = this.#makeRoom(index, score, item);
      if (index < 0) return false;
    }
    this.#put(index, score, item);
    return true;
  }

  #put(index: number, score: number, item: Ref): void {
    const leaf = this.at;
    this.open(leaf, index, 1, true);
    this.f64[leaf + SCORES + index] = score;
    this.u32[leaf * 2 + this.leafItems + index] = item;
    this.addCounts(1);
    if (index === 0) this.setFirst(1, score, item);
  }

  /** Makes the first leaf. */
  #plant(): boolean {
    const u32 = this.u32;
    const leaf = this.allocNode(true);
    u32[this.base + ROOT] = leaf;
    u32[this.base + FIRST] = leaf;
    u32[this.base + LAST] = leaf;
    return leaf !== 0;
  }

  /**
   * Makes room for an entry at `index` of the full leaf `at`; `at` and the path are the leaf's
   * where it belongs then. Returns its place, or -1 when the arena is full.
   */
  #makeRoom(index: number, score: number, item: Ref): number {
    const u32 = this.u32;
    const leaf = this.at;
    const max = this.leafMax;
    const isAppended = index === max && u32[leaf * 2 + NEXT]! === 0;
    const isPrepended = index === 0 && u32[leaf * 2 + PREVIOUS]! === 0;
    if (!isAppended && !isPrepended && this.height > 0) {
      const place = this.#giveAway(index);
      if (place >= 0) return place;
    }
    if (!this.#reserve()) return -1;
    const right = this.#spare[0]!;
    const next = u32[leaf * 2 + NEXT]!;
    u32[right * 2 + NEXT] = next;
    u32[right * 2 + PREVIOUS] = leaf;
    u32[leaf * 2 + NEXT] = right;
    if (next === 0) u32[this.base + LAST] = right;
    else u32[next * 2 + PREVIOUS] = right;
    let kept = max - (max >>> 1);
    if (isAppended) kept = max;
    else if (isPrepended) kept = 0;
    this.shift(leaf, right, max - kept, true, true);
    const isRight = index > kept || isAppended;
    if (!isAppended) {
      score = this.f64[right + SCORES]!;
      item = u32[right * 2 + this.leafItems]!;
    }
    this.#addChild(right, max - kept, score, item, isRight);
    if (!isRight) return index;
    this.at = right;
    return index - kept;
  }

  /** Moves entries of the full leaf `at` to a sibling with room. As `#makeRoom`; -1: none has. */
  #giveAway(index: number): number {
    const u32 = this.u32;
    const max = this.leafMax;
    const leaf = this.at;
    const parent = this.path[1]!;
    const i = this.pathIndex[1]!;
    const children = parent * 2 + this.children;
    const counts = parent * 2 + this.counts;
    if (i > 0) {
      const left = u32[children + i - 1]!;
      const leftCount = u32[left * 2 + COUNT]!;
      if (max - leftCount >= this.#roomMin) {
        const n = (max - leftCount + 1) >>> 1;
        this.shift(left, leaf, n, false, true);
        this.bump(counts + i - 1, n);
        this.bump(counts + i, -n);
        this.setSeparator(parent, i, leaf, true);
        if (index > n) return index - n;
        this.at = left;
        this.pathIndex[1] = i - 1;
        return leftCount + index;
      }
    }
    if (i + 1 === u32[parent * 2 + COUNT]!) return -1;
    const right = u32[children + i + 1]!;
    const room = max - u32[right * 2 + COUNT]!;
    if (room < this.#roomMin) return -1;
    const n = (room + 1) >>> 1;
    this.shift(leaf, right, n, true, true);
    this.bump(counts + i, -n);
    this.bump(counts + i + 1, n);
    this.setSeparator(parent, i + 1, right, true);
    if (index <= max - n) return index;
    this.at = right;
    this.pathIndex[1] = i + 1;
    return index - (max - n);
  }

  /** Allocates all nodes that a split of the leaf `at` takes. */
  #reserve(): boolean {
    const u32 = this.u32;
    let inners = 0;
    while (inners < this.height && u32[this.path[inners + 1]! * 2 + COUNT]! === this.innerMax) {
      inners += 1;
    }
    if (inners === this.height) inners += 1;
    for (let i = 0; i <= inners; i++) {
      const node = this.allocNode(i === 0);
      if (node === 0) {
        while (i > 0) {
          i -= 1;
          this.freeNode(this.#spare[i]!, i === 0);
        }
        return false;
      }
      this.#spare[i] = node;
    }
    return true;
  }

  /**
   * Puts a new leaf, the right half of the one on the path, with `count` entries of which the first
   * is (score, item), into its parent; splits inner nodes on the way up. The path leads to the new
   * leaf then if `isRight`.
   */
  #addChild(child: Ref, count: number, score: number, item: Ref, isRight: boolean): void {
    const u32 = this.u32;
    let spares = 1;
    for (let level = 1; level <= this.height; level++) {
      const node = this.path[level]!;
      const index = this.pathIndex[level]!;
      const followed = index + (isRight ? 1 : 0);
      this.bump(node * 2 + this.counts + index, -count);
      if (u32[node * 2 + COUNT]! < this.innerMax) {
        this.#putChild(node, index + 1, child, count, score, item);
        this.pathIndex[level] = followed;
        return;
      }
      const right = this.#spare[spares++]!;
      this.#splitInner(level, right);
      const kept = u32[node * 2 + COUNT]!;
      if (index < kept && kept < this.innerMax) {
        this.#putChild(node, index + 1, child, count, score, item);
      } else {
        this.#putChild(right, index + 1 - kept, child, count, score, item);
      }
      const leftCount = u32[node * 2 + COUNT]!;
      isRight = followed >= leftCount;
      this.path[level] = isRight ? right : node;
      this.pathIndex[level] = isRight ? followed - leftCount : followed;
      child = right;
      count = this.sum(right, 0, u32[right * 2 + COUNT]!, false);
      score = this.f64[right + SCORES]!;
      item = u32[right * 2 + this.innerItems]!;
    }
    this.#addRoot(this.#spare[spares]!, child, count, score, item, isRight);
  }

  /** Moves the upper half of the full inner node of a level to `right`; none at the right edge. */
  #splitInner(level: number, right: Ref): void {
    const max = this.innerMax;
    const node = this.path[level]!;
    if (this.pathIndex[level] === max - 1 && this.#isLast(level + 1)) return;
    this.shift(node, right, max >>> 1, true, false);
  }

  /** Whether the path follows the last entries from `level` on. */
  #isLast(level: number): boolean {
    for (let l = level; l <= this.height; l++) {
      if (this.pathIndex[l]! + 1 !== this.u32[this.path[l]! * 2 + COUNT]!) return false;
    }
    return true;
  }

  #putChild(node: Ref, index: number, child: Ref, count: number, score: number, item: Ref): void {
    const u32 = this.u32;
    this.open(node, index, 1, false);
    this.f64[node + SCORES + index] = score;
    u32[node * 2 + this.innerItems + index] = item;
    u32[node * 2 + this.children + index] = child;
    u32[node * 2 + this.counts + index] = count;
  }

  /** Puts a root above the old one and its right half. */
  #addRoot(root: Ref, right: Ref, count: number, score: number, item: Ref, isRight: boolean): void {
    const u32 = this.u32;
    const base = this.base;
    const old = u32[base + ROOT]!;
    const level = this.height + 1;
    this.#putChild(root, 0, old, u32[base + SIZE]! - count, 0, 0);
    this.setSeparator(root, 0, old, level === 1);
    this.#putChild(root, 1, right, count, score, item);
    u32[base + ROOT] = root;
    u32[base + HEIGHT] = level;
    this.path[level] = root;
    this.pathIndex[level] = isRight ? 1 : 0;
  }

  // ---- taking out

  /** Takes an entry out that is there. O(log n). */
  remove(score: number, item: Ref): void {
    this.#takeOut(this.descendTo(score, item), 1);
  }

  /**
   * Gives an entry that is there another score. False when the arena is full: nothing has changed
   * then. O(log n).
   */
  rescore(old: number, item: Ref, score: number): boolean {
    const index = this.descendTo(old, item);
    if (this.#fits(index, item, score)) {
      this.f64[this.at + SCORES + index] = score;
      if (index === 0) this.setFirst(1, score, item);
      return true;
    }
    if (index === 0) {
      // The new entry first, which may fail: two of one item do not disturb each other.
      if (!this.insert(score, item)) return false;
      this.remove(old, item);
      return true;
    }
    // One walk less: 220 ns instead of 300 in a small tree. The way back never fails: the place is
    // behind an entry of a leaf that has room, or the nodes to split it were freed just now.
    this.#takeOut(index, 1);
    if (this.insert(score, item)) return true;
    if (!this.insert(old, item)) throw new Error('btree: no way back');
    return false;
  }

  /** Whether the entry at `index` of `at` stays between its neighbours there with a new score. */
  #fits(index: number, item: Ref, score: number): boolean {
    const u32 = this.u32;
    const { u8 } = this.arena;
    const leaf = this.at;
    const scores = leaf + SCORES;
    const items = leaf * 2 + this.leafItems;
    const last = u32[leaf * 2 + COUNT]! - 1;
    if (index === 0 && u32[leaf * 2 + PREVIOUS] !== 0) return false;
    if (index === last && u32[leaf * 2 + NEXT] !== 0) return false;
    const from = itemKeyOffset(u32, item);
    const to = itemKeyEnd(u32, item);
    if (index > 0) {
      const before = this.f64[scores + index - 1]!;
      if (before > score) return false;
      if (before === score && this.compare(items + index - 1, u8, from, to) > 0) return false;
    }
    if (index === last) return true;
    const after = this.f64[scores + index + 1]!;
    if (after < score) return false;
    return after > score || this.compare(items + index + 1, u8, from, to) > 0;
  }

  /**
   * Takes up to `count` entries (1 or more) of one leaf out, from rank `rank` on, which exists.
   * Leaves their items in `cutItems`; returns how many. O(log n + count).
   */
  cut(rank: number, count: number): number {
    const u32 = this.u32;
    const index = this.descendToRank(rank);
    const leaf = this.at;
    const n = Math.min(count, u32[leaf * 2 + COUNT]! - index);
    const items = leaf * 2 + this.leafItems + index;
    for (let i = 0; i < n; i++) this.cutItems[i] = u32[items + i]!;
    this.#takeOut(index, n);
    return n;
  }

  /** Takes `n` entries from `index` of the leaf `at` out. */
  #takeOut(index: number, n: number): void {
    const u32 = this.u32;
    const leaf = this.at;
    this.close(leaf, index, n, true);
    this.addCounts(-n);
    const count = u32[leaf * 2 + COUNT]!;
    if (count === 0) {
      this.#dropEmpty();
      return;
    }
    if (index === 0) {
      this.setFirst(1, this.f64[leaf + SCORES]!, u32[leaf * 2 + this.leafItems]!);
    }
    if (this.height > 0 && count < this.leafMax >>> 1) this.#fill(1);
  }

  /** Frees the empty leaf `at`, and the nodes above that become empty. */
  #dropEmpty(): void {
    const u32 = this.u32;
    this.freeLeaf(this.at);
    const height = this.height;
    for (let level = 1; level <= height; level++) {
      const node = this.path[level]!;
      const index = this.pathIndex[level]!;
      this.close(node, index, 1, false);
      if (u32[node * 2 + COUNT] === 0) {
        this.freeNode(node, false);
        continue;
      }
      if (index === 0) {
        const item = u32[node * 2 + this.innerItems]!;
        this.setFirst(level + 1, this.f64[node + SCORES]!, item);
      }
      this.#afterLoss(level);
      return;
    }
    this.init();
  }

  /** Fills the inner node of a level of the path up where it has lost entries. */
  #afterLoss(level: number): void {
    const u32 = this.u32;
    const base = this.base;
    const node = this.path[level]!;
    if (level < this.height) {
      if (u32[node * 2 + COUNT]! < this.innerMax >>> 1) this.#fill(level + 1);
      return;
    }
    while (this.height > 0) {
      const root = u32[base + ROOT]!;
      if (u32[root * 2 + COUNT] !== 1) return;
      u32[base + ROOT] = u32[root * 2 + this.children]!;
      u32[base + HEIGHT] = this.height - 1;
      this.freeNode(root, false);
    }
  }

  /**
   * Merges the child that the path follows at `level` with a sibling, or parts their entries evenly
   * where one node cannot hold them. An only child stays as it is: it is the last of its level.
   */
  #fill(level: number): void {
    const u32 = this.u32;
    const isLeaf = level === 1;
    const parent = this.path[level]!;
    if (u32[parent * 2 + COUNT] === 1) return;
    const i = Math.max(this.pathIndex[level]! - 1, 0);
    const left = u32[parent * 2 + this.children + i]!;
    const right = u32[parent * 2 + this.children + i + 1]!;
    const leftCount = u32[left * 2 + COUNT]!;
    const rightCount = u32[right * 2 + COUNT]!;
    const counts = parent * 2 + this.counts + i;
    const both = leftCount + rightCount;
    if (both > (isLeaf ? this.leafMax : this.innerMax)) {
      const isToRight = leftCount > rightCount;
      const n = Math.abs(leftCount - (both >>> 1));
      const moved = this.shift(left, right, n, isToRight, isLeaf);
      this.bump(counts, isToRight ? -moved : moved);
      this.bump(counts + 1, isToRight ? moved : -moved);
      this.setSeparator(parent, i + 1, right, isLeaf);
      return;
    }
    this.bump(counts, this.shift(left, right, rightCount, false, isLeaf));
    if (isLeaf) this.freeLeaf(right);
    else this.freeNode(right, false);
    this.close(parent, i + 1, 1, false);
    this.#afterLoss(level);
  }

  // ---- the whole tree

  /**
   * Frees up to `leaves` leaves, from the last on, and inner nodes that become empty; the items
   * stay. True when the tree is gone; until then it must not be used otherwise.
   */
  freeSlice(leaves: number): boolean {
    const u32 = this.u32;
    for (let n = leaves; n > 0; n--) {
      let node = u32[this.base + ROOT]!;
      if (node === 0) return true;
      for (let level = this.height; level > 0; level--) {
        this.path[level] = node;
        node = u32[node * 2 + this.children + u32[node * 2 + COUNT]! - 1]!;
      }
      this.freeNode(node, true);
      let level = 1;
      for (; level <= this.height; level++) {
        const parent = this.path[level]!;
        this.bump(parent * 2 + COUNT, -1);
        if (u32[parent * 2 + COUNT] !== 0) break;
        this.freeNode(parent, false);
      }
      if (level > this.height) this.init();
    }
    return u32[this.base + ROOT] === 0;
  }

  /** Bytes of all nodes. O(1). */
  memoryBytes(): number {
    const u32 = this.u32;
    const { arena } = this;
    const root = u32[this.base + ROOT]!;
    if (root === 0) return 0;
    const leafBytes = arena.usableBytes(u32[this.base + FIRST]!) * u32[this.base + LEAVES]!;
    if (this.height === 0) return leafBytes;
    return leafBytes + arena.usableBytes(root) * u32[this.base + INNERS]!;
  }

  /** Throws when an invariant does not hold. O(n). */
  checkInvariants(): void {
    checkBTree(this);
  }
}
