/**
 * KeyLookahead: a look at the keys of the commands to come in a pipeline. Of a window of commands
 * all keys are hashed, then all their buckets are read, then the first entry of each: the memory
 * that the commands will need arrives together, where each of them alone would wait for its bucket
 * and then for its entry. Only the hash is used further; a command whose key is not its first
 * argument, or that is none, loses nothing but the look.
 *
 * The lines are read rather than prefetched (JavaScript has no such instruction): the reads of one
 * step do not depend on each other, so that the processor has them all under way at once.
 */
import type { HalfSipHash } from '../base/half-sip-hash.ts';
import { type Key, shardOfHash } from '../keyspace/key.ts';
import type { Shard } from '../keyspace/shard.ts';
import type { ArgView } from '../resp/request-parser.ts';

/** Commands looked at together: prefetch-batch-max-size. */
const WINDOW_DEFAULT = 16;
const WINDOW_MAX = 128;
/** With fewer, what commands need is in the processor's caches: 16 shards have 70,000 keys then. */
const BUCKETS_MIN = 1024;
/** Fewer bytes are hardly more than one command. */
const BYTES_MIN = 64;

const CR = 0x0d;
const STAR = 0x2a;
const DOLLAR = 0x24;
const ZERO = 0x30;
/** Digits of a length that are read. */
const DIGITS_MAX = 5;
/** Longer arguments are hardly keys: to hash what is none would be lost work. */
const KEY_BYTES_MAX = 512;
/** Arguments up to which a command is looked at. */
const ARGS_MAX = 9;

export class KeyLookahead {
  /** Position in the buffer up to which there is nothing to be looked at. */
  until = 0;
  /** Commands looked at together, 128 at the most; with 0 and 1 none are. */
  window = WINDOW_DEFAULT;
  /** Buckets of a database in one shard from which on looking pays. */
  bucketsMin = BUCKETS_MIN;
  /** Of what was read, so that it is. */
  seen = 0;
  readonly #shards: readonly Shard[];
  readonly #hasher: HalfSipHash;
  readonly #from = new Int32Array(WINDOW_MAX);
  readonly #length = new Int32Array(WINDOW_MAX);
  readonly #lo = new Int32Array(WINDOW_MAX);
  readonly #hi = new Int32Array(WINDOW_MAX);
  readonly #shard = new Int32Array(WINDOW_MAX);
  readonly #place = new Int32Array(WINDOW_MAX);
  #count = 0;
  #next = 0;
  /** Where `#keyAt` found a key, and its length; -1 = the command has none. */
  #keyFrom = -1;
  #keyLength = 0;

  constructor(shards: readonly Shard[], hasher: HalfSipHash) {
    this.#shards = shards;
    this.#hasher = hasher;
  }

  /** Forgets what was seen: another buffer, or other bytes in it. */
  reset(at: number): void {
    this.#count = 0;
    this.#next = 0;
    this.until = at;
  }

  /** Looks at commands from `at` on, which run in database `db` as far as is known. */
  look(buf: Uint8Array, at: number, end: number, db: number): void {
    this.reset(end);
    if (end - at < BYTES_MIN || !this.#isWorthIt(db)) return;
    const { window } = this;
    let count = 0;
    let position = at;
    while (position < end && count < window) {
      const next = this.#keyAt(buf, position, end);
      if (next < 0) break;
      position = next;
      if (this.#keyFrom < 0) continue;
      this.#from[count] = this.#keyFrom;
      this.#length[count] = this.#keyLength;
      count += 1;
    }
    // What could not be read is passed over, so that it is not tried again and again.
    this.until = Math.max(position, at + 1);
    if (count <= 1) return;
    this.#count = count;
    this.#bring(buf, db);
  }

  /**
   * The same for one command that is too long to be looked at from afar, whose keys are every
   * `step`-th argument from `first` on.
   */
  lookAtKeys(args: ArgView, first: number, step: number, db: number): void {
    const keys = Math.ceil((args.count - first) / step);
    if (args.count <= ARGS_MAX || keys > WINDOW_MAX || !this.#isWorthIt(db)) return;
    this.#next = 0;
    this.#count = keys;
    for (let i = 0, at = first; i < keys; i++, at += step) {
      this.#from[i] = args.offset[at]!;
      this.#length[i] = args.length[at]!;
    }
    this.#bring(args.buf, db);
  }

  /** Looking costs 20 ns a command. */
  #isWorthIt(db: number): boolean {
    return this.window > 1 && this.#shards[0]!.dict(db).bucketCount >= this.bucketsMin;
  }

  /**
   * Finds the first argument of the command at `at`, if it is written as most are. Returns the end
   * of the command, -1 where it is not.
   */
  #keyAt(buf: Uint8Array, at: number, end: number): number {
    this.#keyFrom = -1;
    if (buf[at] !== STAR || buf[at + 2] !== CR) return -1;
    const args = buf[at + 1]! - ZERO;
    if (args < 1 || args > ARGS_MAX) return -1;
    let position = at + 4;
    for (let i = 0; i < args; i++) {
      if (position + 5 > end || buf[position] !== DOLLAR) return -1;
      let length = 0;
      let digit = position + 1;
      for (; buf[digit] !== CR; digit++) {
        const value = buf[digit]! - ZERO;
        if (value < 0 || value > 9 || digit > position + DIGITS_MAX) return -1;
        length = length * 10 + value;
      }
      position = digit + 2;
      if (i === 1 && length <= KEY_BYTES_MAX) {
        if (position + length > end) return -1;
        this.#keyFrom = position;
        this.#keyLength = length;
      }
      position += length + 2;
    }
    return position;
  }

  #bring(buf: Uint8Array, db: number): void {
    const shards = this.#shards;
    const hasher = this.#hasher;
    const count = this.#count;
    for (let i = 0; i < count; i++) {
      const from = this.#from[i]!;
      hasher.hash(buf, from, from + this.#length[i]!);
      this.#lo[i] = hasher.lo;
      this.#hi[i] = hasher.hi;
      const shard = shardOfHash(hasher.hi, shards.length);
      this.#shard[i] = shard;
      this.#place[i] = shards[shard]!.dict(db).homeHint(hasher.lo);
    }
    let seen = 0;
    for (let i = 0; i < count; i++) {
      const home = this.#place[i]!;
      if (home >= 0) seen ^= shards[this.#shard[i]!]!.u32[home]!;
    }
    for (let i = 0; i < count; i++) {
      const home = this.#place[i]!;
      if (home >= 0) {
        this.#place[i] = shards[this.#shard[i]!]!.dict(db).entryHint(home, this.#hi[i]!);
      }
    }
    for (let i = 0; i < count; i++) {
      const ref = this.#place[i]!;
      if (ref > 0) seen ^= shards[this.#shard[i]!]!.u32[ref * 2]!;
    }
    this.seen = seen | 0;
  }

  /**
   * Points `key` at bytes [start, end) of the buffer where they were looked at, and gives it their
   * hash. False where they were not. To be asked in the order of the commands.
   */
  take(key: Key, buf: Uint8Array, start: number, end: number): boolean {
    let next = this.#next;
    while (next < this.#count && this.#from[next]! < start) next += 1;
    this.#next = next;
    if (next >= this.#count || this.#from[next] !== start) return false;
    if (this.#length[next] !== end - start) return false;
    key.point(buf, start, end);
    key.setHash(this.#lo[next]!, this.#hi[next]!, this.#shards.length);
    return true;
  }
}
