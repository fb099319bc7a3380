/**
 * SnapshotReader: reads an RDB file (LAYOUT in rdb-format.ts) out of any source into the shards of
 * the keyspace, which the caller holds meanwhile. All of it is untrusted.
 */
import { asciiBytes } from '../base/bytes.ts';
import { Key } from '../keyspace/key.ts';
import { NO_TTL, type Shard } from '../keyspace/shard.ts';
import { freshAccessWord, TOUCH_LFU } from '../keyspace/thread-state.ts';
import { Crc64 } from './crc64.ts';
import { LOAD_BAD, LOAD_FULL } from './pack-builder.ts';
import * as rdb from './rdb-format.ts';
import { type ByteSource, RdbInput } from './rdb-input.ts';
import { ValueLoader } from './rdb-read-value.ts';

const MAGIC = asciiBytes('REDIS');
const VERSION_DIGITS = 4;
const VERSION_CHECKSUM = 5;
const KEY_BYTES = 256;
const LRU_CLOCK_MASK = 0xffffff;
const LFU_COUNTER = 0xff;

/** Parts of what a module left beside the keys: each has its code in front. */
const MODULE_EOF = 0;
const MODULE_INTEGERS: ReadonlySet<number> = new Set([1, 2]);
const MODULE_FLOAT = 3;
const MODULE_DOUBLE = 4;
const MODULE_STRING = 5;

/** What to do while loading. */
export interface SnapshotLoadOptions {
  readonly databases: number;
  /** A key that is there already is replaced; otherwise it is an error. */
  readonly isReplace: boolean;
  /** Do not compare the checksum. */
  readonly skipsChecksum: boolean;
}

/** Times are signed: from here on they are long over. */
const EXPIRE_MS_NEGATIVE = 2 ** 63;

/** A time of expiry as read; those that are over are so, too, where 0 would mean none. */
function expiryOf(ms: number): number {
  return ms >= 1 && ms < EXPIRE_MS_NEGATIVE ? ms : 1;
}

/** Facts in front of a key, for that key. */
interface KeyFacts {
  expireMs: number;
  /** Seconds; -1 = not known. */
  idleSeconds: number;
  /** LFU counter; -1 = not known. */
  frequency: number;
}

export class SnapshotReader {
  /** Keys loaded, and keys left out because they had expired. */
  keys = 0;
  expired = 0;
  readonly #shards: readonly Shard[];
  readonly #options: SnapshotLoadOptions;
  readonly #loaders: readonly ValueLoader[];
  readonly #input = new RdbInput();
  readonly #checksum = new Crc64();
  readonly #key = new Key();
  readonly #facts: KeyFacts = { expireMs: NO_TTL, idleSeconds: -1, frequency: -1 };
  #name = new Uint8Array(KEY_BYTES);
  #db = 0;
  #version = 0;

  constructor(shards: readonly Shard[], options: SnapshotLoadOptions) {
    this.#shards = shards;
    this.#options = options;
    this.#loaders = shards.map((shard) => new ValueLoader(shard));
  }

  /** Loads everything; what is wrong with the file (keys before that are loaded), or null. O(n). */
  load(source: ByteSource): string | null {
    const input = this.#input.openSource(source, this.#checksum);
    this.#checksum.reset();
    const problem = this.#readHead();
    if (problem !== null) return problem;
    for (;;) {
      const code = input.byte();
      if (input.isBad) return 'the file ends too early';
      if (code === rdb.OP_EOF) return this.#checkEnd();
      const found = code < rdb.OP_SLOT_INFO ? this.#readKey(code) : this.#readFact(code);
      if (found !== null) return found;
      if (input.isBad) return 'the file is damaged or ends too early';
    }
  }

  #readHead(): string | null {
    const input = this.#input;
    if (!input.expect(MAGIC)) return 'this is no RDB file';
    let version = 0;
    for (let i = 0; i < VERSION_DIGITS; i++) version = version * 10 + (input.byte() - 0x30);
    if (input.isBad || !(version >= 1 && version <= rdb.RDB_VERSION)) {
      return `RDB version ${version} is not known`;
    }
    this.#version = version;
    return null;
  }

  #checkEnd(): string | null {
    const input = this.#input;
    if (this.#version < VERSION_CHECKSUM) return null;
    input.settleChecksum();
    const { low, high } = this.#checksum;
    const statedLow = input.little(4);
    const statedHigh = input.little(4);
    if (input.isBad) return 'the file ends too early';
    const hasNone = statedLow === 0 && statedHigh === 0;
    if (hasNone || this.#options.skipsChecksum) return null;
    const isRight = statedLow === low >>> 0 && statedHigh === high >>> 0;
    return isRight ? null : 'the checksum is wrong';
  }

  /** Reads what stands beside the keys. */
  #readFact(code: number): string | null {
    const input = this.#input;
    const facts = this.#facts;
    switch (code) {
      case rdb.OP_EXPIRE_MS:
        facts.expireMs = expiryOf(input.u64());
        return null;
      case rdb.OP_EXPIRE_SECONDS:
        facts.expireMs = expiryOf((input.little(4) | 0) * 1000);
        return null;
      case rdb.OP_IDLE:
        facts.idleSeconds = input.length();
        return null;
      case rdb.OP_FREQ:
        facts.frequency = input.byte();
        return null;
      case rdb.OP_SELECT_DB:
        this.#db = input.length();
        return this.#db < this.#options.databases ? null : `there is no database ${this.#db}`;
      case rdb.OP_RESIZE_DB:
        input.length();
        input.length();
        return null;
      case rdb.OP_SLOT_INFO:
        for (let i = 0; i < 3; i++) input.length();
        return null;
      case rdb.OP_AUX:
        input.string();
        input.string();
        return null;
      case rdb.OP_FUNCTION:
        input.string();
        return null;
      case rdb.OP_MODULE_AUX:
        this.#skipModule();
        return null;
      default:
        return `code ${code} is not known`;
    }
  }

  #skipModule(): void {
    const input = this.#input;
    for (let i = 0; i < 3; i++) input.length();
    for (let code = input.length(); code !== MODULE_EOF && !input.isBad; code = input.length()) {
      if (MODULE_INTEGERS.has(code)) input.length();
      else if (code === MODULE_FLOAT) input.little(4);
      else if (code === MODULE_DOUBLE) input.double();
      else if (code === MODULE_STRING) input.string();
      else input.fail();
    }
  }

  #readKey(type: number): string | null {
    const input = this.#input;
    if (!input.string()) return null;
    const { strBuf, strFrom, strTo } = input;
    const length = strTo - strFrom;
    if (length > this.#name.length) this.#name = new Uint8Array(length * 2);
    this.#name.set(strBuf.subarray(strFrom, strTo));
    const { hasher, state } = this.#shards[0]!;
    this.#key.locate(hasher, this.#name, 0, length, this.#shards.length);
    const shard = this.#shards[this.#key.shardIndex]!;
    const loader = this.#loaders[this.#key.shardIndex]!;
    const status = loader.load(input, type);
    if (status === LOAD_BAD) {
      return `a value of type ${type} is damaged or of a type that is not known`;
    }
    if (status === LOAD_FULL) return 'there is not enough memory';
    const { expireMs } = this.#facts;
    if (expireMs !== NO_TTL && expireMs <= state.nowMs) {
      loader.loaded.drop();
      this.expired += 1;
      // A log that goes on from here still has it.
      state.expirySink?.keyExpired(this.#db, this.#name, 0, length);
      this.#forgetFacts();
      return null;
    }
    if (!this.#options.isReplace && shard.find(this.#db, this.#key) !== 0) {
      loader.loaded.drop();
      return 'it has a key that is there already';
    }
    if (!loader.loaded.link(this.#db, this.#key, expireMs)) return 'there is not enough memory';
    this.#setAccess(shard);
    this.keys += 1;
    this.#forgetFacts();
    return null;
  }

  #setAccess(shard: Shard): void {
    const { state } = shard;
    const { idleSeconds, frequency } = this.#facts;
    let word = freshAccessWord(state);
    if (state.policyTouchMode === TOUCH_LFU) {
      if (frequency >= 0) word = (word & ~LFU_COUNTER) | frequency;
    } else if (idleSeconds >= 0) {
      word = (state.lruClock - Math.min(idleSeconds, LRU_CLOCK_MASK)) & LRU_CLOCK_MASK;
    }
    shard.setAccessWord(shard.find(this.#db, this.#key), word);
  }

  #forgetFacts(): void {
    this.#facts.expireMs = NO_TTL;
    this.#facts.idleSeconds = -1;
    this.#facts.frequency = -1;
  }
}
