/**
 * ZsetTable: one large sorted set, under its root block. One object a view, attached to one root
 * after the other.
 *
 * LAYOUT
 *   root block  words 0..15 the ItemTable's dict; 16..23 the struct of a BTree
 *   item        member as its key; the score is the f64 at the item's tail
 *
 * The dict finds members and their scores, the tree has the order; both refer to the same items.
 * With members of 14 bytes a member takes 24 bytes of item, about 8 of dict and 13 to 17 of tree.
 */
import type { Ref } from '../memory/arena.ts';
import { BTree } from '../structures/btree.ts';
import { createItem, itemKeyEnd, itemKeyOffset, itemTail } from '../structures/compact-item.ts';
import { TYPE_ZSET } from './entry.ts';
import { ItemTable } from './item-table.ts';
import type { Shard } from './shard.ts';
import type { ScoredVisitor } from './zset-value.ts';

const TREE = 16;
const SCORE_BYTES = 8;
const FREE_SLICE = 1024;
/** Elements of a slice that count as one leaf of the tree. */
const UNITS_PER_LEAF = 8;

export class ZsetTable {
  readonly #table: ItemTable;
  readonly #tree: BTree;
  readonly #shard: Shard;

  constructor(shard: Shard) {
    this.#shard = shard;
    this.#table = new ItemTable(shard);
    this.#tree = new BTree(shard.arena, 0);
  }

  attach(root: Ref): this {
    this.#table.attach(root);
    this.#tree.attach(root * 2 + TREE);
    return this;
  }

  /** A root without members, attached; 0 when the arena is full. */
  create(): Ref {
    const root = this.#table.create(TYPE_ZSET);
    if (root === 0) return 0;
    this.attach(root);
    this.#tree.init();
    return root;
  }

  get size(): number {
    return this.#table.size;
  }

  // ---- reading

  /** The item of a member, or 0. O(1). */
  find(buf: Uint8Array, from: number, to: number): Ref {
    return this.#table.find(buf, from, to);
  }

  scoreOf(item: Ref): number {
    return this.#shard.arena.f64[itemTail(this.#shard.u32, item)]!;
  }

  /** Rank of an item. O(log n). */
  rank(item: Ref): number {
    return this.#tree.rank(this.scoreOf(item), item);
  }

  /** Members with a score below `bound`, or up to it when `isAfter`. O(log n). */
  rankOfScore(bound: number, isAfter: boolean): number {
    return this.#tree.rankOfScore(bound, isAfter);
  }

  /** Members before buf[from, to), or up to it when `isAfter`, where all have one score. */
  rankOfLex(buf: Uint8Array, from: number, to: number, isAfter: boolean): number {
    return this.#tree.rankOfKey(buf, from, to, isAfter);
  }

  /** Visits up to `count` members from rank `start` on, which exists, up or down. */
  forRange(start: number, count: number, isReverse: boolean, visit: ScoredVisitor): void {
    const { u8, u32 } = this.#shard;
    const tree = this.#tree;
    tree.select(start);
    for (let left = count; left > 0; left--) {
      const item = tree.selectedItem;
      visit(u8, itemKeyOffset(u32, item), itemKeyEnd(u32, item), tree.selectedScore);
      if (!tree.step(isReverse)) return;
    }
  }

  /** Visits the members of one step of a scan; the next cursor, 0 at the end. */
  scan(cursor: number, visit: ScoredVisitor): number {
    const { u8, u32 } = this.#shard;
    return this.#table.dict.scan(cursor, (item) => {
      visit(u8, itemKeyOffset(u32, item), itemKeyEnd(u32, item), this.scoreOf(item));
    });
  }

  // ---- changes

  /** Gives an item another score. False when the arena is full: nothing has changed then. */
  rescore(item: Ref, score: number): boolean {
    const { arena, u32 } = this.#shard;
    const tail = itemTail(u32, item);
    if (!this.#tree.rescore(arena.f64[tail]!, item, score)) return false;
    arena.f64[tail] = score;
    return true;
  }

  /**
   * Adds the member that `find` just did not find. False when the arena is full: nothing has
   * changed then. O(log n).
   */
  insertAbsent(buf: Uint8Array, from: number, to: number, score: number): boolean {
    const { arena, hasher } = this.#shard;
    const { lo, hi } = hasher;
    const item = this.#newItem(buf, from, to, score);
    if (item === 0) return false;
    if (this.#tree.insert(score, item)) {
      if (this.#table.dict.insert(item, lo, hi)) return true;
      this.#tree.remove(score, item);
    }
    arena.free(item);
    return false;
  }

  #newItem(buf: Uint8Array, from: number, to: number, score: number): Ref {
    const { arena, u32 } = this.#shard;
    const item = createItem(arena, buf, from, to, SCORE_BYTES, true);
    if (item !== 0) arena.f64[itemTail(u32, item)] = score;
    return item;
  }

  /** Adds a member that is greater than all others. False when the arena is full. */
  append(buf: Uint8Array, from: number, to: number, score: number): boolean {
    const item = this.#newItem(buf, from, to, score);
    return item !== 0 && this.#appendItem(item, score);
  }

  /** The same with its item; that is freed on false. */
  #appendItem(item: Ref, score: number): boolean {
    if (this.#tree.append(score, item)) {
      if (this.#table.insert(item)) return true;
      this.#tree.remove(score, item);
    }
    this.#shard.arena.free(item);
    return false;
  }

  /** Takes a member out and frees it; false when it is none. O(log n). */
  remove(buf: Uint8Array, from: number, to: number): boolean {
    const item = this.find(buf, from, to);
    if (item === 0) return false;
    this.#tree.remove(this.scoreOf(item), item);
    this.#table.removeFound(item);
    return true;
  }

  /** Takes `count` members out from rank `start` on, which exist. O(log n + count). */
  removeRange(start: number, count: number): void {
    const { u8, u32 } = this.#shard;
    const tree = this.#tree;
    for (let left = count; left > 0; ) {
      const taken = tree.cut(start, left);
      for (let i = 0; i < taken; i++) {
        const item = tree.cutItems[i]!;
        if (this.find(u8, itemKeyOffset(u32, item), itemKeyEnd(u32, item)) !== item) {
          throw new Error('zset: a member of the tree is not in the table');
        }
        this.#table.removeFound(item);
      }
      left -= taken;
    }
  }

  // ---- whole sets

  /** Frees about `units` members of a root that no key has. True when it is gone. */
  freeSlice(root: Ref, units: number): boolean {
    this.attach(root);
    if (!this.#table.freeSlice(root, units)) return false;
    if (!this.#tree.freeSlice(Math.ceil(units / UNITS_PER_LEAF))) return false;
    this.#shard.arena.free(root);
    return true;
  }

  /** Frees a root at once. */
  discard(root: Ref): void {
    while (!this.freeSlice(root, FREE_SLICE));
  }

  /**
   * A copy of the attached set in the shard of `to`, a table of another view, or 0 when that arena
   * is full. O(n).
   */
  copyTo(to: ZsetTable): Ref {
    const root = to.create();
    if (root === 0 || this.size === 0) return root;
    to.#table.dict.reserve(this.size);
    const tree = this.#tree;
    tree.select(0);
    do {
      const item = this.#copyItem(tree.selectedItem, to.#shard);
      if (item === 0 || !to.#appendItem(item, tree.selectedScore)) {
        to.discard(root);
        return 0;
      }
    } while (tree.step(false));
    return root;
  }

  #copyItem(item: Ref, to: Shard): Ref {
    const { arena, u32 } = this.#shard;
    const bytes = arena.usableBytes(item);
    const copy = to.arena.alloc(bytes);
    if (copy === 0) return 0;
    for (let i = 0; i < bytes / 4; i++) to.u32[copy * 2 + i] = u32[item * 2 + i]!;
    return copy;
  }

  /** Bytes of a root's blocks, the items estimated. O(1). */
  memoryBytes(root: Ref): number {
    this.attach(root);
    return this.#table.memoryBytes(root) + this.#tree.memoryBytes();
  }

  /** Throws when table or tree are damaged, or have other members or scores. O(n). */
  checkInvariants(): void {
    const { u8, u32 } = this.#shard;
    const tree = this.#tree;
    this.#table.dict.checkInvariants();
    tree.checkInvariants();
    if (tree.size !== this.size) throw new Error('zset: table and tree are of different sizes');
    if (tree.size === 0) return;
    tree.select(0);
    do {
      const item = tree.selectedItem;
      if (!Object.is(this.scoreOf(item), tree.selectedScore)) {
        throw new Error('zset: a member has another score in the tree');
      }
      if (this.find(u8, itemKeyOffset(u32, item), itemKeyEnd(u32, item)) !== item) {
        throw new Error('zset: a member of the tree is not in the table');
      }
    } while (tree.step(false));
  }
}
