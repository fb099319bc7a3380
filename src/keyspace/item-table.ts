/**
 * ItemTable: the dict of compact items under a root block: members of large sets, fields of large
 * hashes, members of large sorted sets. One object a shard and type, pointed at one root after the
 * other.
 *
 * LAYOUT  words 0..15 of the root block are the dict's struct; the items are its own blocks.
 */
import type { Ref } from '../memory/arena.ts';
import { itemKeyEnd, itemKeyOffset } from '../structures/compact-item.ts';
import { Dict, LAYOUT_COMPACT } from '../structures/dict.ts';
import type { Shard } from './shard.ts';
import { allocRoot, ROOT_WORDS } from './value-root.ts';

export class ItemTable {
  readonly dict: Dict;
  readonly #shard: Shard;
  #freed = 0;

  constructor(shard: Shard) {
    this.#shard = shard;
    this.dict = new Dict(shard.arena, 0, shard.hasher, LAYOUT_COMPACT);
  }

  /** Points this at a root. */
  attach(root: Ref): this {
    this.dict.attach(root * 2);
    return this;
  }

  /** A root block with an empty table for a value of `type`, attached; 0 when the arena is full. */
  create(type: number): Ref {
    const root = allocRoot(this.#shard.arena, type);
    if (root === 0) return 0;
    this.attach(root);
    this.dict.init();
    return root;
  }

  get size(): number {
    return this.dict.size;
  }

  /** The item with key buf[from, to), or 0. O(1). */
  find(buf: Uint8Array, from: number, to: number): Ref {
    const { hasher } = this.#shard;
    hasher.hash(buf, from, to);
    return this.dict.find(buf, from, to, hasher.lo, hasher.hi);
  }

  /** Adds an item whose key is absent. False when the arena is full: nothing has changed then. */
  insert(item: Ref): boolean {
    const { hasher, u8, u32 } = this.#shard;
    hasher.hash(u8, itemKeyOffset(u32, item), itemKeyEnd(u32, item));
    return this.dict.insert(item, hasher.lo, hasher.hi);
  }

  /** Takes out the item that `find` just returned and frees it. */
  removeFound(item: Ref): void {
    this.dict.removeFound();
    this.#shard.arena.free(item);
  }

  /** Calls `visit` for every item. `visit` must not change the table. O(n). */
  forEach(visit: (item: Ref) => void): void {
    this.forUnits(0, Number.POSITIVE_INFINITY, visit);
  }

  /** Calls `visit` for the items of units [from, to) of the dict, as far as it has them. */
  forUnits(from: number, to: number, visit: (item: Ref) => void): void {
    const end = Math.min(to, this.dict.unitCount);
    for (let unit = from; unit < end; unit++) this.dict.visitUnit(unit, visit);
  }

  readonly #free = (item: Ref): void => {
    this.#freed += 1;
    this.#shard.arena.free(item);
  };

  /** Frees about `units` items of the table at `root`. True when all are gone; the root stays. */
  freeSlice(root: Ref, units: number): boolean {
    this.attach(root);
    this.#freed = 0;
    while (this.#freed < units) {
      if (this.dict.dismantleUnit(this.#free)) return true;
    }
    return this.dict.bucketCount === 0;
  }

  /**
   * A root of `to` with copies of all items of this table, in blocks as long as theirs; 0 when that
   * arena is full: nothing is left behind then. O(n).
   */
  copyTo(to: ItemTable, toShard: Shard, type: number): Ref {
    const root = to.create(type);
    if (root === 0) return 0;
    to.dict.reserve(this.size);
    const from = this.#shard;
    let isFull = false;
    this.forEach((item) => {
      if (isFull) return;
      const bytes = from.arena.usableBytes(item);
      const copy = toShard.arena.alloc(bytes);
      if (copy === 0) {
        isFull = true;
        return;
      }
      const source = item * 2;
      const target = copy * 2;
      for (let i = 0; i < bytes / 4; i++) toShard.u32[target + i] = from.u32[source + i]!;
      if (to.insert(copy)) return;
      toShard.arena.free(copy);
      isFull = true;
    });
    if (!isFull) return root;
    while (!to.freeSlice(root, 1024));
    toShard.arena.free(root);
    return 0;
  }

  /** Bytes of root, table and items, the items estimated from the first ones met. O(1). */
  memoryBytes(root: Ref): number {
    this.attach(root);
    const { dict } = this;
    const { arena } = this.#shard;
    let seen = 0;
    let bytes = 0;
    for (let unit = 0; unit < dict.unitCount && seen < SAMPLES; unit++) {
      dict.visitUnit(unit, (item) => {
        seen += 1;
        bytes += arena.usableBytes(item);
      });
    }
    const items = seen === 0 ? 0 : Math.round((bytes / seen) * dict.size);
    return ROOT_WORDS * 4 + items + Math.ceil(dict.slotCount / SLOTS_PER_BUCKET) * BUCKET_BYTES;
  }
}

const SAMPLES = 16;
const SLOTS_PER_BUCKET = 12;
const BUCKET_BYTES = 64;
