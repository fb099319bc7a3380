/**
 * ValueLoader: loads values of one shard from the RDB format, whatever their type, detached: no key
 * has them until they are linked. Nothing that stands in the input is trusted: all of it is
 * checked, and damage leaves nothing behind.
 */
import { type Detached, DetachedCollection, DetachedString } from '../keyspace/detached-value.ts';
import type { Shard } from '../keyspace/shard.ts';
import { LOAD_BAD, LOAD_OK, type LoadStatus } from './pack-builder.ts';
import * as rdb from './rdb-format.ts';
import type { RdbInput } from './rdb-input.ts';
import { HashLoader } from './rdb-read-hash.ts';
import { ListLoader } from './rdb-read-list.ts';
import { SetLoader } from './rdb-read-set.ts';
import { StreamLoader } from './rdb-read-stream.ts';
import { ZsetLoader } from './rdb-read-zset.ts';

export class ValueLoader {
  /**
   * The value that `load` has made; a string's bytes are borrowed from the input. To be linked or
   * dropped before the next one is loaded.
   */
  loaded: Detached;
  readonly #string: DetachedString;
  readonly #collection: DetachedCollection;
  readonly #lists: ListLoader;
  readonly #sets: SetLoader;
  readonly #zsets: ZsetLoader;
  readonly #hashes: HashLoader;
  readonly #shard: Shard;
  /** Made with the first stream. */
  #streams: StreamLoader | null = null;

  constructor(shard: Shard) {
    this.#string = new DetachedString(shard);
    this.#collection = new DetachedCollection(shard);
    this.#lists = new ListLoader(shard, this.#collection);
    this.#sets = new SetLoader(shard, this.#collection);
    this.#zsets = new ZsetLoader(shard);
    this.#hashes = new HashLoader(shard, this.#collection);
    this.#shard = shard;
    this.loaded = this.#string;
  }

  /** Loads a value of RDB type `type` into `loaded`. LOAD_BAD for types unknown, too. O(value). */
  load(input: RdbInput, type: number): LoadStatus {
    this.loaded = this.#collection;
    switch (type) {
      case rdb.RDB_STRING:
        if (!input.string()) return LOAD_BAD;
        this.loaded = this.#string.set(input.strBuf, input.strFrom, input.strTo);
        return LOAD_OK;
      case rdb.RDB_LIST:
      case rdb.RDB_LIST_ZIPLIST:
      case rdb.RDB_LIST_QUICKLIST_ZIPLIST:
      case rdb.RDB_LIST_QUICKLIST:
        return this.#lists.load(input, type);
      case rdb.RDB_SET:
      case rdb.RDB_SET_INTSET:
      case rdb.RDB_SET_LISTPACK: {
        const status = this.#sets.load(input, type);
        this.loaded = this.#sets.loaded;
        return status;
      }
      case rdb.RDB_ZSET_TEXT:
      case rdb.RDB_ZSET:
      case rdb.RDB_ZSET_ZIPLIST:
      case rdb.RDB_ZSET_LISTPACK:
        this.loaded = this.#zsets.loaded;
        return this.#zsets.load(input, type);
      case rdb.RDB_HASH:
      case rdb.RDB_HASH_ZIPMAP:
      case rdb.RDB_HASH_ZIPLIST:
      case rdb.RDB_HASH_LISTPACK:
      case rdb.RDB_HASH_EXPIRY_OLD:
      case rdb.RDB_HASH_LISTPACK_EX_OLD:
      case rdb.RDB_HASH_EXPIRY:
      case rdb.RDB_HASH_LISTPACK_EX:
        return this.#hashes.load(input, type);
      case rdb.RDB_STREAM:
      case rdb.RDB_STREAM_2:
      case rdb.RDB_STREAM_3:
      case rdb.RDB_STREAM_4:
      case rdb.RDB_STREAM_5:
        this.#streams ??= new StreamLoader(this.#shard, this.#collection);
        return this.#streams.load(input, type);
      default:
        return LOAD_BAD;
    }
  }
}
