/** Loading sets: plain ones, intsets and listpacks. */
import type { Detached, DetachedCollection } from '../keyspace/detached-value.ts';
import { ENCODING_INTSET, ENCODING_LISTPACK, TYPE_SET } from '../keyspace/entry.ts';
import { SET_ADDED, SET_FULL } from '../keyspace/set-value.ts';
import type { Shard } from '../keyspace/shard.ts';
import { Intset } from '../structures/intset.ts';
import {
  LOAD_BAD,
  LOAD_EMPTY,
  LOAD_FULL,
  LOAD_OK,
  type LoadStatus,
  PackBuilder,
} from './pack-builder.ts';
import { RDB_SET, RDB_SET_INTSET } from './rdb-format.ts';
import type { RdbInput } from './rdb-input.ts';

export class SetLoader {
  /** What `load` has made. */
  loaded: Detached;
  readonly #shard: Shard;
  readonly #builder: PackBuilder;
  readonly #ints: Intset;
  readonly #out: DetachedCollection;
  #isOpen = false;

  constructor(shard: Shard, out: DetachedCollection) {
    this.#shard = shard;
    this.#builder = new PackBuilder(shard);
    this.#ints = new Intset(shard.u8);
    this.#out = out;
    this.loaded = out;
  }

  /** Loads a set of RDB type `type`. O(n). */
  load(input: RdbInput, type: number): LoadStatus {
    this.#isOpen = false;
    let status: LoadStatus = LOAD_OK;
    if (type === RDB_SET) status = this.#loadMembers(input);
    else if (!input.string()) status = LOAD_BAD;
    else if (type === RDB_SET_INTSET) status = this.#loadIntset(input);
    else status = this.#loadListpack(input);
    this.#builder.drop();
    if (status !== LOAD_OK && this.#isOpen) this.#shard.setBuilder.drop();
    this.loaded = this.#isOpen ? this.#shard.setBuilder : this.#out;
    return status;
  }

  /** Adds a member to the set in construction, which will have about `count`. */
  #add(buf: Uint8Array, from: number, to: number, count: number): LoadStatus {
    const set = this.#shard.setBuilder;
    if (!this.#isOpen) {
      if (!set.openDetached(buf, from, to, count)) return LOAD_FULL;
      this.#isOpen = true;
    }
    const outcome = set.add(buf, from, to);
    if (outcome === SET_FULL) return LOAD_FULL;
    return outcome === SET_ADDED ? LOAD_OK : LOAD_BAD;
  }

  #loadMembers(input: RdbInput): LoadStatus {
    const count = input.count();
    for (let left = count; left > 0; left--) {
      if (!input.string()) return LOAD_BAD;
      const status = this.#add(input.strBuf, input.strFrom, input.strTo, count);
      if (status !== LOAD_OK) return status;
    }
    if (input.isBad) return LOAD_BAD;
    return count === 0 ? LOAD_EMPTY : LOAD_OK;
  }

  #loadIntset(input: RdbInput): LoadStatus {
    const { arena, u8, limits } = this.#shard;
    const ints = this.#ints;
    const bytes = input.strTo - input.strFrom;
    const block = arena.alloc(Math.max(bytes, 1));
    if (block === 0) return LOAD_FULL;
    const start = block * 8;
    u8.set(input.strBuf.subarray(input.strFrom, input.strTo), start);
    const isValid = ints.validate(start, start + bytes);
    const count = isValid ? ints.count(start) : 0;
    if (count === 0) {
      arena.free(block);
      return isValid ? LOAD_EMPTY : LOAD_BAD;
    }
    if (count <= limits.setMaxIntsetEntries) {
      this.#out.setBytes(TYPE_SET, ENCODING_INTSET, block, bytes);
      return LOAD_OK;
    }
    let status: LoadStatus = LOAD_OK;
    for (let i = 0; i < count && status === LOAD_OK; i++) {
      ints.read(start, i);
      status = this.#add(ints.buf, 0, ints.to, count);
    }
    arena.free(block);
    return status;
  }

  #loadListpack(input: RdbInput): LoadStatus {
    const builder = this.#builder;
    const status = builder.take(input.strBuf, input.strFrom, input.strTo, 0);
    if (status !== LOAD_OK) return status;
    const { count } = builder;
    if (count === 0) return LOAD_EMPTY;
    if (count > this.#shard.limits.setMaxListpackEntries) return this.#addAll(count);
    if (builder.hasDuplicates(1)) return LOAD_BAD;
    const bytes = builder.length;
    this.#out.setBytes(TYPE_SET, ENCODING_LISTPACK, builder.release(), bytes);
    return LOAD_OK;
  }

  #addAll(count: number): LoadStatus {
    const { pack, start, end } = this.#builder;
    for (let at = pack.first(start); at < end; at = pack.next(at)) {
      pack.read(at);
      const status = this.#add(pack.buf, pack.from, pack.to, count);
      if (status !== LOAD_OK) return status;
    }
    return LOAD_OK;
  }
}
