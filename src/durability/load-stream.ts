/**
 * The stream of keys from the thread that reads a snapshot file to a thread that builds their
 * values. What comes is trusted in its records, not in the values.
 *
 * LAYOUT of a record, little-endian
 *   0  u8 1 = a key follows; 2 = no key, but the number of keys that may follow in a database, in
 *      place of the bytes of the name; 0 = the end: the rest of the head is zeros then
 *   1  u8 type   2 u16 reserved   4 u32 database   8 u32 bytes of the name   12 u32 shard
 *   16 u32 hash, low   20 u32 hash, high   24 u32 idle seconds + 1   28 u32 LFU counter + 1
 *   32 f64 time of expiry   40 f64 offset of the value in the file
 *   48 name, then the value as it stands in the file
 */
import { copyBytes } from '../base/bytes.ts';
import type { HalfSipHash } from '../base/half-sip-hash.ts';
import { Key } from '../keyspace/key.ts';
import { type ByteSource, type ByteTap, RdbInput } from './rdb-input.ts';
import { skipValue } from './rdb-skip.ts';
import type { KeyspaceLoader } from './snapshot-load.ts';
import {
  type EntrySink,
  SnapshotEntry,
  type SnapshotProblem,
  valueProblem,
} from './snapshot-read.ts';

const HEAD_BYTES = 48;
const HAS_KEY = 1;
const HAS_COUNT = 2;
const IDLE_SECONDS_MAX = 0xfffffffe;
const COUNT_MAX = 0xffffffff;
/** Keys between two looks at the clock and at control messages. */
const KEYS_PER_POLL = 256;
const STOPPED = 'the builders have given up';
/** Somebody else knows what is wrong. */
const GIVEN_UP: SnapshotProblem = { text: STOPPED, offset: Number.POSITIVE_INFINITY };

/** Where records go: the pipe to one builder. */
export interface RecordSink {
  /** False when the other side has given up. */
  write(buf: Uint8Array, from: number, to: number): boolean;
  flush(): void;
}

/** Shards whose keys the reader of the file builds itself, between reading. */
export interface OwnShards {
  readonly loader: KeyspaceLoader;
  has(shard: number): boolean;
}

/**
 * Passes the keys of a file on, each to the builder of its shard, without decoding values. A value
 * larger than memory goes through in pieces.
 */
export class KeyRouter implements EntrySink, ByteTap {
  readonly #sinks: readonly RecordSink[];
  readonly #own: OwnShards;
  readonly #shardCount: number;
  readonly #hasher: HalfSipHash;
  readonly #afterKey: (offset: number) => boolean;
  readonly #key = new Key();
  readonly #head = new Uint8Array(HEAD_BYTES);
  readonly #words = new Uint32Array(this.#head.buffer);
  readonly #doubles = new Float64Array(this.#head.buffer);
  #sink: RecordSink;
  #isStopped = false;

  /**
   * Shard s goes to sinks[s % sinks.length], or is built here. `afterKey` is called with the bytes
   * of the file read so far; false = stop.
   */
  constructor(
    sinks: readonly RecordSink[],
    own: OwnShards,
    shardCount: number,
    hasher: HalfSipHash,
    afterKey: (offset: number) => boolean,
  ) {
    this.#sinks = sinks;
    this.#own = own;
    this.#shardCount = shardCount;
    this.#hasher = hasher;
    this.#afterKey = afterKey;
    this.#sink = sinks[0]!;
  }

  take(input: RdbInput, entry: SnapshotEntry): string | null {
    const key = this.#key;
    const { name, nameLength } = entry;
    key.locate(this.#hasher, name, 0, nameLength, this.#shardCount);
    if (this.#own.has(key.shardIndex)) {
      const problem = this.#own.loader.takeLocated(input, entry, key);
      if (problem !== null) return problem;
      this.#isStopped ||= !this.#afterKey(input.position);
      return this.#isStopped ? STOPPED : null;
    }
    this.#sink = this.#sinks[key.shardIndex % this.#sinks.length]!;
    this.#setHead(entry, key);
    this.tapped(this.#head, 0, HEAD_BYTES);
    this.tapped(name, 0, nameLength);
    input.beginTap(this);
    const isWhole = skipValue(input, entry.type);
    input.endTap();
    if (!isWhole) return valueProblem(input, entry.type);
    this.#isStopped ||= !this.#afterKey(input.position);
    return this.#isStopped ? STOPPED : null;
  }

  expect(db: number, keys: number): void {
    this.#own.loader.expect(db, keys);
    const words = this.#words;
    words.fill(0);
    words[0] = HAS_COUNT;
    words[1] = db;
    words[2] = Math.min(keys, COUNT_MAX);
    for (const sink of this.#sinks) sink.write(this.#head, 0, HEAD_BYTES);
  }

  tapped(buf: Uint8Array, from: number, to: number): void {
    if (!this.#isStopped && !this.#sink.write(buf, from, to)) this.#isStopped = true;
  }

  #setHead(entry: SnapshotEntry, key: Key): void {
    const words = this.#words;
    words[0] = HAS_KEY | (entry.type << 8);
    words[1] = entry.db;
    words[2] = entry.nameLength;
    words[3] = key.shardIndex;
    words[4] = key.lo;
    words[5] = key.hi;
    words[6] = Math.min(entry.idleSeconds, IDLE_SECONDS_MAX) + 1;
    words[7] = entry.frequency + 1;
    this.#doubles[4] = entry.expireMs;
    this.#doubles[5] = entry.valueOffset;
  }

  /** A builder has given up. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /**
   * Lets the builders have the rest; `isWhole`: tells them that nothing follows. Otherwise somebody
   * has to tell them that it breaks off.
   */
  end(isWhole: boolean): void {
    this.#head.fill(0);
    for (const sink of this.#sinks) {
      if (isWhole) sink.write(this.#head, 0, HEAD_BYTES);
      sink.flush();
    }
  }
}

/** Builds what a router passes on. */
export class KeyBuilder {
  readonly #loader: KeyspaceLoader;
  readonly #input = new RdbInput();
  readonly #entry = new SnapshotEntry();
  readonly #key = new Key();
  readonly #head = new Uint8Array(HEAD_BYTES);
  readonly #words = new Uint32Array(this.#head.buffer);
  readonly #doubles = new Float64Array(this.#head.buffer);

  constructor(loader: KeyspaceLoader) {
    this.#loader = loader;
  }

  /**
   * Builds everything up to the end of the stream; what is wrong, or null. `poll` is called now and
   * then; false = give up.
   */
  run(source: ByteSource, poll: () => boolean): SnapshotProblem | null {
    const input = this.#input.openSource(source, null);
    for (let count = 0; ; count++) {
      if (count % KEYS_PER_POLL === 0 && !poll()) return GIVEN_UP;
      if (!this.#readHead()) return input.isBad ? GIVEN_UP : null;
      const start = input.position;
      const text = this.#loader.takeLocated(input, this.#entry, this.#key);
      if (text === null) continue;
      if (input.isShort) return GIVEN_UP;
      return { text, offset: this.#entry.valueOffset + input.position - start };
    }
  }

  /** False at the end. */
  #readHead(): boolean {
    const input = this.#input;
    const entry = this.#entry;
    const key = this.#key;
    if (!input.raw(HEAD_BYTES)) return false;
    copyBytes(this.#head, 0, input.strBuf, input.strFrom, input.strTo);
    const words = this.#words;
    if (words[0] === HAS_COUNT) {
      this.#loader.expect(words[1]!, words[2]!);
      return this.#readHead();
    }
    if (words[0] === 0) return false;
    entry.type = words[0]! >>> 8;
    entry.db = words[1]!;
    entry.idleSeconds = words[6]! - 1;
    entry.frequency = words[7]! - 1;
    entry.expireMs = this.#doubles[4]!;
    entry.valueOffset = this.#doubles[5]!;
    if (!input.raw(words[2]!)) return false;
    entry.setName(input.strBuf, input.strFrom, input.strTo);
    key.buf = entry.name;
    key.start = 0;
    key.end = entry.nameLength;
    key.shardIndex = words[3]!;
    key.lo = words[4]!;
    key.hi = words[5]!;
    return true;
  }
}
