/**
 * WatchTable: which keys of a shard are WATCHed, and a version of each that every change moves on.
 *
 * LAYOUT  4 words in the shard header: table ref, capacity (entries, power of two), entries in use,
 *         version counter.
 *   entry (8 words): lo, hi, database + 1 (0 = free), watchers, version, 3 reserved. Linear probing
 *   by lo.
 *
 * A key is known by its 64-bit keyed hash and database. Two keys that collide share an entry: a
 * transaction could then be aborted for a change to the other key (once in 2^64 pairs), never run
 * when it must not.
 *
 * The table doubles when half full, and goes with the last watched key.
 *
 * OWNERSHIP  only under an exclusive hold of the shard.
 */
import type { Arena, Ref } from '../memory/arena.ts';

export const WATCH_STRUCT_WORDS = 4;

const TABLE = 0;
const CAPACITY = 1;
const USED = 2;
const STAMP = 3;

const ENTRY_WORDS = 8;
const DB = 2;
const WATCHERS = 3;
const VERSION = 4;
const CAPACITY_MIN = 16;

export class WatchTable {
  readonly #arena: Arena;
  readonly #u32: Uint32Array;
  readonly #base: number;

  constructor(arena: Arena, base: number) {
    this.#arena = arena;
    this.#u32 = arena.u32;
    this.#base = base;
  }

  /** Moves the table out of a sparse slab. O(1), or a copy. */
  relocateTable(relocate: (block: Ref) => Ref): void {
    const ref = this.#u32[this.#base + TABLE]!;
    if (ref !== 0) this.#u32[this.#base + TABLE] = relocate(ref);
  }

  /** True when no key of the shard is watched: the check that every write makes. */
  get isEmpty(): boolean {
    return this.#u32[this.#base + USED] === 0;
  }

  /** Watched keys. */
  get size(): number {
    return this.#u32[this.#base + USED]!;
  }

  #find(db: number, lo: number, hi: number): number {
    const u32 = this.#u32;
    const capacity = u32[this.#base + CAPACITY]!;
    if (capacity === 0) return -1;
    const table = u32[this.#base + TABLE]! * 2;
    for (let i = lo & (capacity - 1); ; i = (i + 1) & (capacity - 1)) {
      const at = table + i * ENTRY_WORDS;
      if (u32[at + DB] === 0) return -1;
      if (u32[at] === lo >>> 0 && u32[at + 1] === hi >>> 0 && u32[at + DB] === db + 1) return at;
    }
  }

  /** Adds a watcher. Returns the key's version now, or -1 when the arena is full. */
  watch(db: number, lo: number, hi: number): number {
    const u32 = this.#u32;
    let at = this.#find(db, lo, hi);
    if (at < 0) {
      if (!this.#reserve()) return -1;
      at = this.#emptyPlace(lo);
      u32[at] = lo;
      u32[at + 1] = hi;
      u32[at + DB] = db + 1;
      u32[at + WATCHERS] = 0;
      u32[at + VERSION] = u32[this.#base + STAMP]!;
      u32[this.#base + USED] = u32[this.#base + USED]! + 1;
    }
    u32[at + WATCHERS] = u32[at + WATCHERS]! + 1;
    return u32[at + VERSION]!;
  }

  #reserve(): boolean {
    const u32 = this.#u32;
    const capacity = u32[this.#base + CAPACITY]!;
    if (u32[this.#base + USED]! * 2 < capacity) return true;
    return this.#rebuild(capacity === 0 ? CAPACITY_MIN : capacity * 2);
  }

  #rebuild(capacity: number): boolean {
    const u32 = this.#u32;
    const ref = this.#arena.alloc(capacity * ENTRY_WORDS * 4);
    if (ref === 0) return false;
    const old = u32[this.#base + TABLE]!;
    const oldCapacity = u32[this.#base + CAPACITY]!;
    u32.fill(0, ref * 2, ref * 2 + capacity * ENTRY_WORDS);
    u32[this.#base + TABLE] = ref;
    u32[this.#base + CAPACITY] = capacity;
    for (let i = 0; i < oldCapacity; i++) {
      const from = old * 2 + i * ENTRY_WORDS;
      if (u32[from + DB] === 0) continue;
      const to = this.#emptyPlace(u32[from]!);
      for (let w = 0; w < ENTRY_WORDS; w++) u32[to + w] = u32[from + w]!;
    }
    if (old !== 0) this.#arena.free(old);
    return true;
  }

  #emptyPlace(lo: number): number {
    const u32 = this.#u32;
    const mask = u32[this.#base + CAPACITY]! - 1;
    const table = u32[this.#base + TABLE]! * 2;
    for (let i = lo & mask; ; i = (i + 1) & mask) {
      if (u32[table + i * ENTRY_WORDS + DB] === 0) return table + i * ENTRY_WORDS;
    }
  }

  /** The version of a watched key, or -1 when nobody watches it. */
  version(db: number, lo: number, hi: number): number {
    const at = this.#find(db, lo, hi);
    return at < 0 ? -1 : this.#u32[at + VERSION]!;
  }

  /** Says that a key changed. O(1); nothing to do where nobody watches. */
  touch(db: number, lo: number, hi: number): void {
    const at = this.#find(db, lo, hi);
    if (at >= 0) this.#u32[at + VERSION] = this.#nextStamp();
  }

  /**
   * Says that the watched keys of a database that `matters` selects changed (FLUSHDB, SWAPDB).
   * O(capacity).
   */
  touchDatabase(db: number, matters: (lo: number, hi: number) => boolean): void {
    const u32 = this.#u32;
    const capacity = u32[this.#base + CAPACITY]!;
    const table = u32[this.#base + TABLE]! * 2;
    for (let i = 0; i < capacity; i++) {
      const at = table + i * ENTRY_WORDS;
      if (u32[at + DB] !== db + 1 || !matters(u32[at]! | 0, u32[at + 1]! | 0)) continue;
      u32[at + VERSION] = this.#nextStamp();
    }
  }

  #nextStamp(): number {
    const stamp = (this.#u32[this.#base + STAMP]! + 1) & 0x7fffffff;
    this.#u32[this.#base + STAMP] = stamp;
    return stamp;
  }

  /** Takes a watcher away; the entry goes with the last one. */
  unwatch(db: number, lo: number, hi: number): void {
    const u32 = this.#u32;
    const at = this.#find(db, lo, hi);
    if (at < 0) return;
    u32[at + WATCHERS] = u32[at + WATCHERS]! - 1;
    if (u32[at + WATCHERS] !== 0) return;
    u32[this.#base + USED] = u32[this.#base + USED]! - 1;
    // A key watched anew must not meet a version that an older watcher of it remembers.
    this.#nextStamp();
    if (this.isEmpty) this.#freeTable();
    else this.#closeGap(at);
  }

  #freeTable(): void {
    this.#arena.free(this.#u32[this.#base + TABLE]!);
    this.#u32[this.#base + TABLE] = 0;
    this.#u32[this.#base + CAPACITY] = 0;
  }

  /**
   * Moves later members of the probe run into the gap, so that no tombstones are needed (Knuth 6.4,
   * algorithm R).
   */
  #closeGap(gapAt: number): void {
    const u32 = this.#u32;
    const mask = u32[this.#base + CAPACITY]! - 1;
    const table = u32[this.#base + TABLE]! * 2;
    let gap = (gapAt - table) / ENTRY_WORDS;
    for (let i = (gap + 1) & mask; ; i = (i + 1) & mask) {
      const from = table + i * ENTRY_WORDS;
      if (u32[from + DB] === 0) break;
      const home = u32[from]! & mask;
      if (((i - home) & mask) < ((i - gap) & mask)) continue;
      const to = table + gap * ENTRY_WORDS;
      for (let w = 0; w < ENTRY_WORDS; w++) u32[to + w] = u32[from + w]!;
      gap = i;
    }
    u32[table + gap * ENTRY_WORDS + DB] = 0;
  }
}
