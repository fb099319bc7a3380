/**
 * ChannelBoard: what a publisher has to know of the subscribers on other threads: for every
 * channel, shard channel and pattern, how many subscribers it has on each I/O thread. It lies in an
 * arena of its own that all threads share.
 *
 * LAYOUT of the arena's user area (u32 words)
 *   0  magic          1  I/O threads        2  lock word       3  pattern generation
 *   4  names of channels and patterns       5  names of shard channels        6..15 reserved
 *   16 three dict structs (structures/dict.ts), by kind: channels, patterns, shard channels
 *
 *   entry block, words
 *     0  dict head: name length or 0xffff, 3 header words
 *     1  subscribers on all threads, never 0
 *     2  name length in bytes
 *     3  the name, padded to words, then one u32 for each I/O thread: its subscribers
 *
 * INVARIANT  word 1 is the sum of the counts at the end; words 4 and 5 are the items of the dicts.
 * OWNERSHIP  everything under the spin lock, apart from words 3..5, which anybody may read: a
 *            thread counts a subscriber before the client is told, so whoever publishes after that
 *            sees it.
 * ORDERING   words 3..5 are stored atomically, last, under the lock.
 * LIMITS     BOARD_BYTES of names; what does not fit is refused.
 */
import type { HalfSipHash } from '../base/half-sip-hash.ts';
import {
  KIND_CHANNEL,
  KIND_PATTERN,
  KIND_SHARD_CHANNEL,
  type NameKind,
} from '../commands/subscriptions.ts';
import { Arena, type Ref } from '../memory/arena.ts';
import { DICT_STRUCT_WORDS, Dict } from '../structures/dict.ts';
import { ENTRY_HEADER_SHIFT, ENTRY_KEY_LENGTH_LONG } from '../structures/entry-key.ts';
import { loadWord, SpinLock, storeWord } from '../sync/spin-lock.ts';

const KINDS = [KIND_CHANNEL, KIND_PATTERN, KIND_SHARD_CHANNEL] as const;

const MAGIC = 0x54434842;
const IO_THREADS = 1;
const LOCK = 2;
const GENERATION = 3;
const NAMES = 4;
const SHARD_NAMES = 5;
const DICTS = 16;
const USER_BYTES = (DICTS + KINDS.length * DICT_STRUCT_WORDS) * 4;
/** Address space only, until names need it. */
const BOARD_BYTES = 1024 ** 3;

const HEADER_WORDS = 3;
const TOTAL = 1;
const LENGTH = 2;

/** A pattern, and its subscribers on each I/O thread. */
export interface CountedPattern {
  readonly bytes: Uint8Array;
  readonly counts: Uint32Array;
}

export class ChannelBoard {
  readonly ioThreads: number;
  /** Subscribers by I/O thread (0-based) of the name that `look` found last. */
  readonly counts: Uint32Array;
  readonly #arena: Arena;
  readonly #u32: Uint32Array;
  readonly #words: Int32Array;
  readonly #base: number;
  readonly #lock: SpinLock;
  readonly #hasher: HalfSipHash;
  readonly #dicts: readonly Dict[];
  #patterns: readonly CountedPattern[] = [];
  #patternsGeneration = 0;

  /** Makes an empty board for `ioThreads` threads. */
  static create(ioThreads: number, bytes: number = BOARD_BYTES): SharedArrayBuffer {
    const { buffer, userOffset } = Arena.create(bytes, USER_BYTES);
    const words = new Uint32Array(buffer, userOffset, USER_BYTES / 4);
    words[0] = MAGIC;
    words[IO_THREADS] = ioThreads;
    return buffer;
  }

  /** Attaches to a buffer made by `create`; throws where it is none. */
  constructor(buffer: SharedArrayBuffer, hasher: HalfSipHash) {
    this.#arena = Arena.attach(buffer);
    this.#u32 = this.#arena.u32;
    this.#words = new Int32Array(buffer);
    this.#base = this.#arena.userOffset / 4;
    if (this.#u32[this.#base] !== MAGIC) throw new Error('channel board: not such a buffer');
    this.ioThreads = this.#u32[this.#base + IO_THREADS]!;
    this.counts = new Uint32Array(this.ioThreads);
    this.#lock = new SpinLock(this.#words, this.#base + LOCK);
    this.#hasher = hasher;
    this.#dicts = KINDS.map(
      (kind) => new Dict(this.#arena, this.#base + DICTS + kind * DICT_STRUCT_WORDS, hasher),
    );
  }

  /** True while nobody is subscribed to any channel or pattern: one load. */
  get isSilent(): boolean {
    return this.#words[this.#base + NAMES] === 0;
  }

  /** The same for shard channels. */
  get isShardSilent(): boolean {
    return this.#words[this.#base + SHARD_NAMES] === 0;
  }

  /** Names of one kind that have subscribers. */
  size(kind: NameKind): number {
    return this.#dicts[kind]!.size;
  }

  /** Bytes that the names take. */
  get usedBytes(): number {
    return this.#arena.usedBytes();
  }

  /**
   * Counts one more subscriber on I/O thread `io` (0-based) of the name in buf[start, end). False,
   * and nothing has changed, where there is no memory for it. O(length).
   */
  add(kind: NameKind, io: number, buf: Uint8Array, start: number, end: number): boolean {
    const { lo, hi } = this.#hash(buf, start, end);
    this.#lock.acquire();
    let ref = this.#dicts[kind]!.find(buf, start, end, lo, hi);
    if (ref === 0) ref = this.#insert(kind, buf, start, end, lo, hi);
    if (ref !== 0) {
      this.#count(ref, io, 1);
      this.#changed(kind);
    }
    this.#lock.release();
    return ref !== 0;
  }

  /** Takes a subscriber that `add` counted away. O(length). */
  remove(kind: NameKind, io: number, buf: Uint8Array, start: number, end: number): void {
    const { lo, hi } = this.#hash(buf, start, end);
    const dict = this.#dicts[kind]!;
    this.#lock.acquire();
    const ref = dict.find(buf, start, end, lo, hi);
    if (ref !== 0) {
      this.#count(ref, io, -1);
      if (this.#u32[ref * 2 + TOTAL] === 0) {
        dict.removeFound();
        this.#arena.free(ref);
      }
      this.#changed(kind);
    }
    this.#lock.release();
  }

  /**
   * Subscribers of the name in buf[start, end) on all threads; `counts` says how many on each,
   * unless there is none. O(length + I/O threads).
   */
  look(kind: NameKind, buf: Uint8Array, start: number, end: number): number {
    const { lo, hi } = this.#hash(buf, start, end);
    const u32 = this.#u32;
    this.#lock.acquire();
    const ref = this.#dicts[kind]!.find(buf, start, end, lo, hi);
    let total = 0;
    if (ref !== 0) {
      total = u32[ref * 2 + TOTAL]!;
      const at = this.#countsAt(ref);
      for (let io = 0; io < this.ioThreads; io++) this.counts[io] = u32[at + io]!;
    }
    this.#lock.release();
    return total;
  }

  /**
   * All patterns as they are now, in this thread's own memory until the next call. One load while
   * none has changed since, O(patterns) otherwise.
   */
  patterns(): readonly CountedPattern[] {
    if (loadWord(this.#words, this.#base + GENERATION) === this.#patternsGeneration) {
      return this.#patterns;
    }
    const patterns: CountedPattern[] = [];
    const dict = this.#dicts[KIND_PATTERN]!;
    this.#lock.acquire();
    for (let unit = 0; unit < dict.unitCount; unit++) {
      dict.visitUnit(unit, (ref) => {
        const at = this.#countsAt(ref);
        const counts = this.#u32.slice(at, at + this.ioThreads);
        patterns.push({ bytes: this.#name(dict, ref), counts });
      });
    }
    this.#patternsGeneration = this.#words[this.#base + GENERATION]!;
    this.#lock.release();
    this.#patterns = patterns;
    return patterns;
  }

  /**
   * Calls `visit` for every name of a kind, copied. A name that is there during the whole visit
   * comes exactly once. The lock is held for a few names at a time. O(names).
   */
  visitNames(kind: NameKind, visit: (name: Uint8Array) => void): void {
    const dict = this.#dicts[kind]!;
    const names: Uint8Array[] = [];
    this.#lock.acquire();
    // Tables stay as they are meanwhile, so that each unit is what it was.
    dict.pauseResize();
    const units = dict.unitCount;
    this.#lock.release();
    for (let unit = 0; unit < units; unit++) {
      this.#lock.acquire();
      if (unit < dict.unitCount) dict.visitUnit(unit, (ref) => names.push(this.#name(dict, ref)));
      this.#lock.release();
      for (const name of names) visit(name);
      names.length = 0;
    }
    this.#lock.acquire();
    dict.resumeResize();
    this.#lock.release();
  }

  #hash(buf: Uint8Array, start: number, end: number): HalfSipHash {
    this.#hasher.hash(buf, start, end);
    return this.#hasher;
  }

  #countsAt(ref: Ref): number {
    const at = ref * 2;
    return at + HEADER_WORDS + ((this.#u32[at + LENGTH]! + 3) >>> 2);
  }

  #name(dict: Dict, ref: Ref): Uint8Array {
    const at = dict.keyOffset(ref);
    return this.#arena.u8.slice(at, at + dict.keyLength(ref));
  }

  #count(ref: Ref, io: number, n: number): void {
    const u32 = this.#u32;
    const at = this.#countsAt(ref) + io;
    u32[at] = u32[at]! + n;
    u32[ref * 2 + TOTAL] = u32[ref * 2 + TOTAL]! + n;
  }

  /** An entry without subscribers; 0 where there is no memory. */
  #insert(
    kind: NameKind,
    buf: Uint8Array,
    start: number,
    end: number,
    lo: number,
    hi: number,
  ): Ref {
    const length = end - start;
    const nameWords = (length + 3) >>> 2;
    const ref = this.#arena.alloc((HEADER_WORDS + nameWords + this.ioThreads) * 4);
    if (ref === 0) return 0;
    const u32 = this.#u32;
    const at = ref * 2;
    const short = Math.min(length, ENTRY_KEY_LENGTH_LONG);
    u32[at] = short | (HEADER_WORDS << ENTRY_HEADER_SHIFT);
    u32[at + TOTAL] = 0;
    u32[at + LENGTH] = length;
    u32.fill(0, at + HEADER_WORDS, at + HEADER_WORDS + nameWords + this.ioThreads);
    this.#arena.u8.set(buf.subarray(start, end), (at + HEADER_WORDS) * 4);
    if (this.#dicts[kind]!.insert(ref, lo, hi)) return ref;
    this.#arena.free(ref);
    return 0;
  }

  /** Says what has changed to those who look without the lock. */
  #changed(kind: NameKind): void {
    const [channels, patterns, shardChannels] = this.#dicts;
    if (kind === KIND_SHARD_CHANNEL) {
      storeWord(this.#words, this.#base + SHARD_NAMES, shardChannels!.size);
      return;
    }
    storeWord(this.#words, this.#base + NAMES, channels!.size + patterns!.size);
    if (kind !== KIND_PATTERN) return;
    const at = this.#base + GENERATION;
    storeWord(this.#words, at, (this.#words[at]! + 1) | 0);
  }

  /** Throws where something said at the head of this file does not hold. O(names). */
  checkInvariants(): void {
    this.#lock.acquire();
    for (const kind of KINDS) {
      const dict = this.#dicts[kind]!;
      dict.checkInvariants();
      for (let unit = 0; unit < dict.unitCount; unit++) {
        dict.visitUnit(unit, (ref) => this.#checkEntry(ref));
      }
    }
    const names = this.size(KIND_CHANNEL) + this.size(KIND_PATTERN);
    const isCounted =
      this.#words[this.#base + NAMES] === names &&
      this.#words[this.#base + SHARD_NAMES] === this.size(KIND_SHARD_CHANNEL);
    this.#lock.release();
    if (!isCounted) throw new Error('channel board: the number of names is wrong');
    this.#arena.checkInvariants();
  }

  #checkEntry(ref: Ref): void {
    const at = this.#countsAt(ref);
    let total = 0;
    for (let io = 0; io < this.ioThreads; io++) total += this.#u32[at + io]!;
    if (total === 0 || total !== this.#u32[ref * 2 + TOTAL]) {
      throw new Error('channel board: the subscribers of a name are not the sum of its threads');
    }
  }
}
