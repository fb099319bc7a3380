/**
 * ValueRelocator: moves the blocks under the root of a large value out of sparse slabs, a bounded
 * part a step. Between two steps anything may happen to the value: a part may then be passed over
 * or visited twice, which costs nothing but room.
 *
 * It knows where the structures stand in a root block: list-value.ts, item-table.ts, hash-table.ts,
 * zset-table.ts, stream-value.ts.
 */
import { reverseIncrement } from '../base/reverse-binary.ts';
import type { Ref } from '../memory/arena.ts';
import { BTree } from '../structures/btree.ts';
import { relocateLeaf } from '../structures/btree-relocate.ts';
import { itemKeyEnd, itemKeyOffset } from '../structures/compact-item.ts';
import { Dict, LAYOUT_COMPACT } from '../structures/dict.ts';
import { relocateTables, relocateUnit } from '../structures/dict-relocate.ts';
import type { IdTree } from '../structures/id-tree.ts';
import { ID_TREE_KEY_MAX } from '../structures/id-tree-layout.ts';
import { Quicklist } from '../structures/quicklist.ts';
import { ID_WORDS } from '../structures/stream-id.ts';
import { TYPE_HASH, TYPE_LIST, TYPE_SET, TYPE_STREAM, TYPE_ZSET } from './entry.ts';
import { ExpiryHints } from './expiry-hints.ts';
import type { Shard } from './shard.ts';

const HASH_HINTS = 16;
const ZSET_TREE = 16;
/** Nodes of a list in one step: packs of up to 16 KiB are copied. */
const NODES_PER_STEP = 4;
/** Step of a stream's producers, behind those of all trees of groups. */
const PRODUCERS_STEP = 2 ** 30;

/** Moves a block; returns its ref from then on. */
export type Relocate = (block: Ref) => Ref;

export class ValueRelocator {
  readonly #shard: Shard;
  readonly #relocate: Relocate;
  readonly #list: Quicklist;
  readonly #dict: Dict;
  readonly #tree: BTree;
  readonly #hints: ExpiryHints;
  #type = 0;
  /** Parts of a sorted set: the tree with the items, then the dict. */
  #isTreeDone = false;
  #hasBegun = false;
  /** Where the walk through a tree of a stream goes on. */
  readonly #needle = new Uint32Array(ID_TREE_KEY_MAX);
  #cursor = 0;

  constructor(shard: Shard, relocate: Relocate) {
    const { arena, hasher } = shard;
    this.#shard = shard;
    this.#relocate = relocate;
    this.#list = new Quicklist(arena);
    this.#dict = new Dict(arena, 0, hasher, LAYOUT_COMPACT);
    this.#tree = new BTree(arena, 0);
    this.#hints = new ExpiryHints(arena, 0);
  }

  /** Begins a value of a type. */
  begin(type: number): void {
    this.#type = type;
    this.#isTreeDone = type !== TYPE_ZSET;
    this.#hasBegun = false;
    this.#cursor = 0;
  }

  /** Elements of the value at `root`. O(1). */
  size(type: number, root: Ref): number {
    if (type === TYPE_LIST) return this.#list.attach(root * 2, 0).size;
    if (type === TYPE_STREAM) return this.#shard.streams.attachRoot(root).stream.length;
    return this.#dict.attach(root * 2).size;
  }

  /** Moves some blocks of the value at `root`; true when it is done, or of another type. */
  step(type: number, root: Ref): boolean {
    if (type !== this.#type) return true;
    switch (type) {
      case TYPE_LIST:
        return this.#stepList(root);
      case TYPE_STREAM:
        return this.#stepStream(root);
      case TYPE_SET:
      case TYPE_HASH:
      case TYPE_ZSET:
        if (!this.#hasBegun) this.#beginTable(root);
        return this.#isTreeDone ? this.#stepDict(root) : this.#stepTree(root);
      default:
        return true;
    }
  }

  #stepList(root: Ref): boolean {
    const list = this.#list.attach(root * 2, 0);
    this.#cursor = list.relocateNodes(this.#cursor, NODES_PER_STEP, this.#relocate);
    return this.#cursor < 0;
  }

  /**
   * Moves a leaf of a stream's index and its nodes, of one of the trees of its groups, or of its
   * producers; before the first leaf of a tree the block that it begins in.
   */
  #stepStream(root: Ref): boolean {
    const { stream, groups, producers } = this.#shard.streams.attachRoot(root);
    const cursor = this.#cursor;
    let tree: IdTree | null = stream.tree;
    let visit = this.#relocateNode;
    if (cursor === PRODUCERS_STEP) {
      if (!this.#hasBegun) producers.relocateBlock(this.#relocate);
      tree = producers.tree;
      visit = (record) => producers.relocateProducer(record, this.#relocate);
    } else if (cursor !== 0) {
      if (!this.#hasBegun) groups.relocateOfStep(cursor - 1, this.#relocate);
      tree = groups.treeOfStep(cursor - 1);
      visit = pass;
    }
    if (tree === null) {
      this.#cursor = PRODUCERS_STEP;
      return cursor >= PRODUCERS_STEP;
    }
    tree.needle.fill(0);
    if (this.#hasBegun) tree.needle.set(this.#needle.subarray(0, tree.keyWords));
    this.#hasBegun = tree.relocateLeaf(this.#relocate, visit);
    if (this.#hasBegun) this.#needle.set(tree.needle);
    else this.#cursor += 1;
    return this.#cursor > PRODUCERS_STEP;
  }

  readonly #relocateNode = (record: number): void => {
    const { u32 } = this.#shard;
    u32[record + ID_WORDS] = this.#relocate(u32[record + ID_WORDS]!);
  };

  /** Moves what is one block each: tables, and the hints of a hash. */
  #beginTable(root: Ref): void {
    const { u32 } = this.#shard;
    this.#hasBegun = true;
    relocateTables(this.#dict.attach(root * 2), this.#relocate);
    if (this.#type !== TYPE_HASH || u32[root * 2 + HASH_HINTS] === 0) return;
    const hints = this.#relocate(u32[root * 2 + HASH_HINTS]!);
    u32[root * 2 + HASH_HINTS] = hints;
    this.#hints.attach(hints * 2).relocateTable(this.#relocate);
  }

  #stepDict(root: Ref): boolean {
    const dict = this.#dict.attach(root * 2);
    const units = dict.unitCount;
    if (units === 0) return true;
    const visit = this.#type === TYPE_ZSET ? pass : this.#visitItem;
    relocateUnit(dict, this.#cursor & (units - 1), this.#relocate, visit);
    this.#cursor = reverseIncrement(this.#cursor, units - 1);
    return this.#cursor === 0;
  }

  readonly #visitItem = (item: Ref, slotWord: number): void => {
    this.#shard.u32[slotWord] = this.#relocate(item);
  };

  #stepTree(root: Ref): boolean {
    this.#dict.attach(root * 2);
    const tree = this.#tree.attach(root * 2 + ZSET_TREE);
    if (this.#cursor < tree.size) {
      this.#cursor = relocateLeaf(tree, this.#cursor, this.#relocate, this.#relocateMember);
    }
    if (this.#cursor < tree.size) return false;
    this.#isTreeDone = true;
    this.#cursor = 0;
    return tree.size === 0;
  }

  /** Moves an item of a sorted set that its leaf refers to, and tells the dict. */
  readonly #relocateMember = (item: Ref): Ref => {
    const { arena, hasher, u8, u32 } = this.#shard;
    if (!arena.mayRelocate(item)) return this.#relocate(item);
    const from = itemKeyOffset(u32, item);
    const to = itemKeyEnd(u32, item);
    hasher.hash(u8, from, to);
    if (this.#dict.find(u8, from, to, hasher.lo, hasher.hi) !== item) {
      throw new Error('zset: a member of the tree is not in the table');
    }
    const moved = this.#relocate(item);
    this.#dict.replaceFound(moved);
    return moved;
  };
}

function pass(): void {
  // Members of a sorted set moved with the leaves of its tree.
}
