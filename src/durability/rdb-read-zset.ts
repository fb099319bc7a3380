/** Loading sorted sets: plain ones with doubles or (the oldest) texts, listpacks and ziplists. */
import { parseFloat64 } from '../base/number-text.ts';
import type { Shard } from '../keyspace/shard.ts';
import { ZSET_ADDED, ZSET_FULL, type ZsetValues } from '../keyspace/zset-value.ts';
import {
  LOAD_BAD,
  LOAD_EMPTY,
  LOAD_FULL,
  LOAD_OK,
  type LoadStatus,
  PackBuilder,
} from './pack-builder.ts';
import { RDB_ZSET, RDB_ZSET_TEXT, RDB_ZSET_ZIPLIST } from './rdb-format.ts';
import type { RdbInput } from './rdb-input.ts';
import { forZiplist } from './rdb-read-old.ts';

const MEMBER_BYTES = 256;
const MEMBER_KEPT_MAX = 1 << 20;

export class ZsetLoader {
  readonly #shard: Shard;
  readonly #builder: PackBuilder;
  /** A member that waits for its score. */
  #member = new Uint8Array(MEMBER_BYTES);
  #memberLength = 0;
  #isOpen = false;

  constructor(shard: Shard) {
    this.#shard = shard;
    this.#builder = new PackBuilder(shard);
  }

  /** What `load` has made. */
  get loaded(): ZsetValues {
    return this.#shard.zsetBuilder;
  }

  /** Loads a sorted set of RDB type `type`. O(n log n). */
  load(input: RdbInput, type: number): LoadStatus {
    this.#isOpen = false;
    let status: LoadStatus = LOAD_OK;
    if (type === RDB_ZSET || type === RDB_ZSET_TEXT) status = this.#loadPlain(input, type);
    else if (!input.string()) status = LOAD_BAD;
    else if (type === RDB_ZSET_ZIPLIST) status = this.#loadZiplist(input);
    else status = this.#loadListpack(input);
    this.#builder.drop();
    if (status === LOAD_OK && input.isBad) status = LOAD_BAD;
    if (status === LOAD_OK && !this.#isOpen) status = LOAD_EMPTY;
    if (status === LOAD_OK && this.loaded.openHasDuplicates()) status = LOAD_BAD;
    if (status !== LOAD_OK && this.#isOpen) this.loaded.drop();
    return status;
  }

  #keepMember(buf: Uint8Array, from: number, to: number): void {
    const length = to - from;
    if (length > this.#member.length || this.#member.length > MEMBER_KEPT_MAX) {
      this.#member = new Uint8Array(Math.max(length, MEMBER_BYTES));
    }
    this.#member.set(buf.subarray(from, to));
    this.#memberLength = length;
  }

  /** Adds the member kept to the set in construction, which will have about `count`. */
  #add(score: number, count: number): LoadStatus {
    if (Number.isNaN(score)) return LOAD_BAD;
    const set = this.loaded;
    const length = this.#memberLength;
    if (!this.#isOpen) {
      if (!set.openDetached(length, count)) return LOAD_FULL;
      this.#isOpen = true;
    }
    const outcome = set.addNext(this.#member, 0, length, score);
    if (outcome === ZSET_FULL) return LOAD_FULL;
    return outcome === ZSET_ADDED ? LOAD_OK : LOAD_BAD;
  }

  #loadPlain(input: RdbInput, type: number): LoadStatus {
    const count = input.count();
    for (let left = count; left > 0; left--) {
      if (!input.string()) return LOAD_BAD;
      this.#keepMember(input.strBuf, input.strFrom, input.strTo);
      const score = type === RDB_ZSET ? input.double() : input.textDouble();
      const status = input.isBad ? LOAD_BAD : this.#add(score, count);
      if (status !== LOAD_OK) return status;
    }
    return LOAD_OK;
  }

  #loadListpack(input: RdbInput): LoadStatus {
    const builder = this.#builder;
    let status = builder.take(input.strBuf, input.strFrom, input.strTo, 0);
    if (status !== LOAD_OK) return status;
    const { pack, start, end, count } = builder;
    if (count % 2 !== 0) return LOAD_BAD;
    for (let at = pack.first(start); at < end && status === LOAD_OK; at = pack.next(at)) {
      pack.read(at);
      this.#keepMember(pack.buf, pack.from, pack.to);
      at = pack.next(at);
      pack.read(at);
      status = this.#add(parseFloat64(pack.buf, pack.from, pack.to), count / 2);
    }
    return status;
  }

  #loadZiplist(input: RdbInput): LoadStatus {
    const { strBuf, strFrom, strTo } = input;
    const elements = forZiplist(strBuf, strFrom, strTo, () => true);
    if (elements < 0 || elements % 2 !== 0) return LOAD_BAD;
    let status: LoadStatus = LOAD_OK;
    let isScore = false;
    forZiplist(strBuf, strFrom, strTo, (buf, from, to) => {
      if (isScore) status = this.#add(parseFloat64(buf, from, to), elements / 2);
      else this.#keepMember(buf, from, to);
      isScore = !isScore;
      return status === LOAD_OK;
    });
    return status;
  }
}
