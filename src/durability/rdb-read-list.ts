/** Loading lists: plain ones, quicklists of listpacks or ziplists, and single ziplists. */
import type { DetachedCollection } from '../keyspace/detached-value.ts';
import { ENCODING_LISTPACK, ENCODING_QUICKLIST, TYPE_LIST } from '../keyspace/entry.ts';
import type { Shard } from '../keyspace/shard.ts';
import { allocRoot } from '../keyspace/value-root.ts';
import type { Ref } from '../memory/arena.ts';
import { exceedsNode, Quicklist } from '../structures/quicklist.ts';
import {
  LOAD_BAD,
  LOAD_EMPTY,
  LOAD_FULL,
  LOAD_OK,
  type LoadStatus,
  PackBuilder,
} from './pack-builder.ts';
import {
  NODE_PACKED,
  NODE_PLAIN,
  RDB_LIST,
  RDB_LIST_QUICKLIST,
  RDB_LIST_ZIPLIST,
} from './rdb-format.ts';
import type { RdbInput } from './rdb-input.ts';
import { forZiplist } from './rdb-read-old.ts';

export class ListLoader {
  readonly #shard: Shard;
  readonly #list: Quicklist;
  readonly #node: PackBuilder;
  readonly #out: DetachedCollection;

  constructor(shard: Shard, out: DetachedCollection) {
    this.#shard = shard;
    this.#list = new Quicklist(shard.arena);
    this.#node = new PackBuilder(shard);
    this.#out = out;
  }

  /** Loads a list of RDB type `type` into the value given to the constructor. O(n). */
  load(input: RdbInput, type: number): LoadStatus {
    const { arena, limits, lazy } = this.#shard;
    const root = allocRoot(arena, TYPE_LIST);
    if (root === 0) return LOAD_FULL;
    this.#list.attach(root * 2, limits.listMaxListpackSize).init();
    let status = this.#loadNodes(input, type);
    if (status === LOAD_OK && input.isBad) status = LOAD_BAD;
    if (status === LOAD_OK && this.#list.size === 0) status = LOAD_EMPTY;
    this.#node.drop();
    if (status === LOAD_OK) this.#finish(root);
    else lazy.addRoot(root);
    return status;
  }

  #loadNodes(input: RdbInput, type: number): LoadStatus {
    if (type === RDB_LIST) return this.#loadElements(input);
    if (type === RDB_LIST_ZIPLIST) return input.string() ? this.#ziplist(input) : LOAD_BAD;
    for (let left = input.count(); left > 0; left--) {
      const isPlain = type === RDB_LIST_QUICKLIST && this.#isPlain(input);
      if (!input.string()) return LOAD_BAD;
      let status: LoadStatus = LOAD_OK;
      if (isPlain) status = this.#plain(input);
      else if (type === RDB_LIST_QUICKLIST) status = this.#listpack(input);
      else status = this.#ziplist(input);
      if (status !== LOAD_OK) return status;
    }
    return LOAD_OK;
  }

  /** Reads the kind of a node. */
  #isPlain(input: RdbInput): boolean {
    const container = input.length();
    if (container !== NODE_PLAIN && container !== NODE_PACKED) input.fail();
    return container === NODE_PLAIN;
  }

  #loadElements(input: RdbInput): LoadStatus {
    for (let left = input.count(); left > 0; left--) {
      if (!input.string()) return LOAD_BAD;
      if (!this.#list.push(input.strBuf, input.strFrom, input.strTo, false)) return LOAD_FULL;
    }
    return LOAD_OK;
  }

  #plain(input: RdbInput): LoadStatus {
    if (input.strTo === input.strFrom) return LOAD_BAD;
    const node = this.#node;
    if (!node.begin(0) || !node.append(input.strBuf, input.strFrom, input.strTo)) return LOAD_FULL;
    return this.#append();
  }

  #listpack(input: RdbInput): LoadStatus {
    const status = this.#node.take(input.strBuf, input.strFrom, input.strTo, 0);
    return status === LOAD_OK ? this.#append() : status;
  }

  #ziplist(input: RdbInput): LoadStatus {
    const node = this.#node;
    if (!node.begin(0)) return LOAD_FULL;
    let isFull = false;
    const count = forZiplist(input.strBuf, input.strFrom, input.strTo, (buf, from, to) => {
      isFull = !node.append(buf, from, to);
      return !isFull;
    });
    if (isFull) return LOAD_FULL;
    return count < 0 ? LOAD_BAD : this.#append();
  }

  /** Adds the pack that was built as a node; one without elements is left out. */
  #append(): LoadStatus {
    const node = this.#node;
    if (node.count === 0) return LOAD_OK;
    const bytes = node.length;
    const block = node.release();
    if (this.#list.appendBlock(block, bytes)) return LOAD_OK;
    this.#shard.arena.free(block);
    return LOAD_FULL;
  }

  /** Gives the list its encoding: a listpack where it is one node that is not too large. */
  #finish(root: Ref): void {
    const list = this.#list;
    const node = list.first;
    const bytes = list.packEnd(node) - list.packStart(node);
    if (list.nodeCount !== 1 || exceedsNode(list.fill, bytes, list.size, 1)) {
      this.#out.setRoot(TYPE_LIST, ENCODING_QUICKLIST, root);
      return;
    }
    this.#out.setBytes(TYPE_LIST, ENCODING_LISTPACK, list.releaseBlock(), bytes);
    this.#shard.arena.free(root);
  }
}
