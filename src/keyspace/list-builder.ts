/**
 * ListBuilder: a list that no key has yet, built at its tail and then stored in O(1) or (where it
 * is small) as bytes: results of SORT ... STORE.
 */
import type { Ref } from '../memory/arena.ts';
import { exceedsNode, Quicklist } from '../structures/quicklist.ts';
import { ENCODING_LISTPACK, ENCODING_QUICKLIST, TYPE_LIST } from './entry.ts';
import type { Key } from './key.ts';
import type { Shard } from './shard.ts';
import { allocRoot } from './value-root.ts';

const NO_TTL = 0;

export class ListBuilder {
  readonly #shard: Shard;
  readonly #list: Quicklist;
  #root: Ref = 0;

  constructor(shard: Shard) {
    this.#shard = shard;
    this.#list = new Quicklist(shard.arena);
  }

  /** Begins an empty list. False when the arena is full. */
  open(): boolean {
    const { arena, limits } = this.#shard;
    this.#root = allocRoot(arena, TYPE_LIST);
    if (this.#root === 0) return false;
    this.#list.attach(this.#root * 2, limits.listMaxListpackSize).init();
    return true;
  }

  /** Number of elements so far. */
  get size(): number {
    return this.#list.size;
  }

  /** Adds an element at the tail. False when the arena is full: the list is still open then. */
  push(buf: Uint8Array, from: number, to: number): boolean {
    return this.#list.push(buf, from, to, false);
  }

  /**
   * Gives the list, which has elements, to `key`, whatever that was before. False when the arena is
   * full: the key is as it was then, and the list is gone.
   */
  link(db: number, key: Key): boolean {
    const isLinked = this.#isPack() ? this.#linkPack(db, key) : this.#linkRoot(db, key);
    if (!isLinked) this.drop();
    this.#root = 0;
    return isLinked;
  }

  #isPack(): boolean {
    const list = this.#list;
    if (list.nodeCount !== 1) return false;
    const bytes = list.packEnd(list.first) - list.packStart(list.first);
    return !exceedsNode(list.fill, bytes, list.size, 1);
  }

  #linkPack(db: number, key: Key): boolean {
    const shard = this.#shard;
    const list = this.#list;
    const start = list.packStart(list.first);
    const end = list.packEnd(list.first);
    const ref = shard.createValue(db, key, TYPE_LIST, ENCODING_LISTPACK, end - start, NO_TTL);
    if (ref === 0) return false;
    shard.u8.copyWithin(shard.valueOffset(ref), start, end);
    this.drop();
    return true;
  }

  #linkRoot(db: number, key: Key): boolean {
    const root = this.#root;
    return this.#shard.createRooted(db, key, TYPE_LIST, ENCODING_QUICKLIST, root, NO_TTL) !== 0;
  }

  /** Gives the list up, if there is one. */
  drop(): void {
    if (this.#root === 0) return;
    this.#shard.lazy.addRoot(this.#root);
    this.#root = 0;
  }
}
