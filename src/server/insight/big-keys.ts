/**
 * BigKeys: the largest keys of each type, found by the shard workers: each walks over its own
 * shards in slices, while everybody is served, and leaves its part of the report in the insight
 * memory.
 * Whoever asks while a walk is under way gets that one's report.
 *
 * LAYOUT of the request (words): number of the last walk asked for, of the last one that began;
 *   workers that have not done their part; start and end of the walk, unix ms (f64 from byte 32)
 * LAYOUT of a worker's part: tables of keys by type (words 0..7), walk that they are of (word 8);
 *   from byte 64 on by type: keys, bytes, elements (f64, 8 each)
 *
 * OWNERSHIP: everything is changed under the lock of the insight memory, tables by their worker
 * only. The keys of a table are copied out under the lock.
 *
 * LIMITS: a key that is moved while its shard's index is resized may be counted twice in the sums;
 * in the lists it stands once. Keys of more than 1 KiB are cut in the lists.
 */
import type { BigKey, BigKeyReport, BigKeyType } from '../../commands/insight-services.ts';
import { TYPE_NAMES } from '../../keyspace/entry.ts';
import { elementCount, keyBytes } from '../../keyspace/root-bytes.ts';
import type { Shard } from '../../keyspace/shard.ts';
import type { InsightMemory } from './insight-memory.ts';
import { TopKeys } from './top-keys.ts';

const ASKED = 0;
const LEFT = 1;
const START_MS = 4;
const END_MS = 5;

const TABLES = 0;
const WALK = 8;
const TOTALS = 8;
const TYPES_MAX = 8;
const KEYS = 0;
const BYTES = 1;
const ELEMENTS = 2;

/** Keys of one type that can be asked for; a power of two. */
export const BIG_KEYS_MAX = 128;
const KEY_BYTES_MAX = 1024;
/** A database number before each key. */
const PREFIX_BYTES = 2;
/** One hold on a shard, and the pause after it. */
const HOLD_MS = 0.5;
const PAUSE_MS = 2;
const UNITS_PER_LOOK = 16;

/** Holds a shard exclusively for an instant. */
export interface BriefLocks {
  lease(shard: number): boolean;
  endLease(shard: number): void;
}

/** Asks for reports, on any thread. */
export class BigKeys {
  readonly #memory: InsightMemory;
  readonly #workers: readonly number[];
  readonly #words: number;

  /** `workers`: thread numbers of the shard workers. */
  constructor(memory: InsightMemory, workers: readonly number[]) {
    this.#memory = memory;
    this.#workers = workers;
    this.#words = memory.bigKeys / 4;
  }

  /** Asks for a walk where none is under way; its number. The workers have to be rung. */
  ask(unixMs: number): number {
    const { u32, f64 } = this.#memory;
    this.#memory.acquire();
    if (u32[this.#words + LEFT] === 0) {
      u32[this.#words + ASKED] = u32[this.#words + ASKED]! + 1;
      u32[this.#words + LEFT] = this.#workers.length;
      f64[this.#words / 2 + START_MS] = unixMs;
    }
    const walk = u32[this.#words + ASKED]!;
    this.#memory.release();
    return walk;
  }

  /** The report of a walk, or of a later one; null while it is not complete. */
  report(walk: number, count: number): BigKeyReport | null {
    const { u32, f64 } = this.#memory;
    this.#memory.acquire();
    const isDone = u32[this.#words + LEFT] === 0 && u32[this.#words + ASKED]! >= walk;
    const at = this.#words / 2;
    const tookMs = Math.max(0, f64[at + END_MS]! - f64[at + START_MS]!);
    this.#memory.release();
    if (!isDone) return null;
    const types: BigKeyType[] = [];
    TYPE_NAMES.forEach((type, index) => {
      const found = this.#typeReport(type, index, count);
      if (found.keys > 0) types.push(found);
    });
    return { tookMs, types };
  }

  #typeReport(type: string, index: number, count: number): BigKeyType {
    const memory = this.#memory;
    let keys = 0;
    let bytes = 0;
    let elements = 0;
    const largest: BigKey[] = [];
    const top = new TopKeys(memory);
    for (const worker of this.#workers) {
      const words = memory.bigLines(worker) / 4;
      const totals = words / 2 + TOTALS + index;
      memory.acquire();
      keys += memory.f64[totals + KEYS * TYPES_MAX]!;
      bytes += memory.f64[totals + BYTES * TYPES_MAX]!;
      elements += memory.f64[totals + ELEMENTS * TYPES_MAX]!;
      const table = memory.u32[words + TABLES + index]!;
      if (table !== 0) {
        top.attach(table);
        for (const { key, sum, note } of top.list()) {
          const db = key[0]! | (key[1]! << 8);
          largest.push({ db, key: key.subarray(PREFIX_BYTES), bytes: sum, elements: note });
        }
      }
      memory.release();
    }
    largest.sort((a, b) => b.bytes - a.bytes);
    return { type, keys, bytes, elements, largest: largest.slice(0, count) };
  }
}

/** The part of one shard worker. */
export class BigKeyWalk {
  readonly #memory: InsightMemory;
  readonly #owned: readonly Shard[];
  readonly #locks: BriefLocks;
  readonly #ringAskers: () => void;
  readonly #words: number;
  readonly #request: number;
  readonly #tops: readonly TopKeys[];
  readonly #key = new Uint8Array(PREFIX_BYTES + KEY_BYTES_MAX);
  #walk = 0;
  #isWalking = false;
  #shard = 0;
  #db = 0;
  #cursor = 0;
  #nextMs = 0;

  /** `ringAskers` wakes the I/O threads: a report is complete. */
  constructor(
    memory: InsightMemory,
    thread: number,
    owned: readonly Shard[],
    locks: BriefLocks,
    ringAskers: () => void,
  ) {
    this.#memory = memory;
    this.#owned = owned;
    this.#locks = locks;
    this.#ringAskers = ringAskers;
    this.#words = memory.bigLines(thread) / 4;
    this.#request = memory.bigKeys / 4;
    this.#tops = TYPE_NAMES.map(() => new TopKeys(memory));
  }

  /**
   * Does a slice of a walk, in one hold of one shard, when one is due. Returns in how many ms the
   * next is; Infinity = nobody has asked. The thread holds nothing meanwhile.
   */
  turn(): number {
    if (this.#memory.u32[this.#request + ASKED] === this.#walk) {
      if (!this.#isWalking) return Number.POSITIVE_INFINITY;
    } else if (!this.#isWalking) this.#begin();
    const nowMs = performance.now();
    if (nowMs < this.#nextMs) return this.#nextMs - nowMs;
    this.#nextMs = nowMs + PAUSE_MS;
    const shard = this.#owned[this.#shard];
    if (shard === undefined) {
      this.#end();
      return 0;
    }
    if (!this.#locks.lease(shard.index)) return PAUSE_MS;
    const isDone = this.#slice(shard, nowMs + HOLD_MS);
    this.#locks.endLease(shard.index);
    if (!isDone) return PAUSE_MS;
    this.#shard += 1;
    this.#nextMs = 0;
    return 0;
  }

  #begin(): void {
    const { u32, f64 } = this.#memory;
    this.#memory.acquire();
    this.#walk = u32[this.#request + ASKED]!;
    for (let type = 0; type < this.#tops.length; type++) {
      const old = u32[this.#words + TABLES + type]!;
      if (old !== 0) TopKeys.destroy(this.#memory, old);
      const table = TopKeys.create(this.#memory, BIG_KEYS_MAX);
      u32[this.#words + TABLES + type] = table;
      if (table !== 0) this.#tops[type]!.attach(table);
    }
    u32[this.#words + WALK] = this.#walk;
    const totals = this.#words / 2 + TOTALS;
    f64.fill(0, totals, totals + 3 * TYPES_MAX);
    this.#memory.release();
    this.#isWalking = true;
    this.#shard = 0;
    this.#db = 0;
    this.#cursor = 0;
    this.#nextMs = 0;
  }

  #end(): void {
    const { u32, f64 } = this.#memory;
    this.#isWalking = false;
    this.#memory.acquire();
    const left = u32[this.#request + LEFT]! - 1;
    u32[this.#request + LEFT] = left;
    if (left === 0) f64[this.#request / 2 + END_MS] = Date.now();
    this.#memory.release();
    if (left === 0) this.#ringAskers();
  }

  /** Walks until `endMs`. True when the whole shard was visited. */
  #slice(shard: Shard, endMs: number): boolean {
    for (; this.#db < shard.databases; this.#db++) {
      const dict = shard.dict(this.#db);
      do {
        for (let n = 0; n < UNITS_PER_LOOK; n++) {
          this.#cursor = dict.scan(this.#cursor, (ref) => this.#visit(shard, ref));
          if (this.#cursor === 0) break;
        }
        if (this.#cursor !== 0 && performance.now() >= endMs) return false;
      } while (this.#cursor !== 0);
    }
    this.#db = 0;
    return true;
  }

  #visit(shard: Shard, ref: number): void {
    const expireMs = shard.expireMs(ref);
    if (expireMs !== 0 && expireMs <= shard.state.nowMs) return;
    const type = shard.typeOf(ref);
    const bytes = keyBytes(shard, ref);
    const elements = elementCount(shard, ref);
    const { f64, u32 } = this.#memory;
    const totals = this.#words / 2 + TOTALS + type;
    f64[totals + KEYS * TYPES_MAX] = f64[totals + KEYS * TYPES_MAX]! + 1;
    f64[totals + BYTES * TYPES_MAX] = f64[totals + BYTES * TYPES_MAX]! + bytes;
    f64[totals + ELEMENTS * TYPES_MAX] = f64[totals + ELEMENTS * TYPES_MAX]! + elements;
    const top = this.#tops[type]!;
    if (u32[this.#words + TABLES + type] === 0 || !top.wants(bytes)) return;
    const length = Math.min(KEY_BYTES_MAX, shard.keyLength(ref));
    const from = shard.keyOffset(ref);
    const key = this.#key;
    key[0] = this.#db & 0xff;
    key[1] = this.#db >>> 8;
    key.set(shard.u8.subarray(from, from + length), PREFIX_BYTES);
    shard.hasher.hash(key, 0, PREFIX_BYTES + length);
    top.keep(key, 0, PREFIX_BYTES + length, shard.hasher.lo, bytes, elements);
  }
}
