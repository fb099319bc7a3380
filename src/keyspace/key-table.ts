/**
 * KeyTable: what is known about some keys of a shard that need not exist: who watches them, who
 * waits for them.
 *
 * LAYOUT  4 words in the shard header: table ref, capacity (entries, power of two), entries in use,
 *         one word of the owner.
 *   entry (8 words): lo, hi, database + 1 (0 = free), 5 words of the owner. Linear probing by lo.
 *
 * A key is known by its 64-bit keyed hash and database: two keys that collide share an entry.
 *
 * The table doubles when half full, and goes with the last key.
 *
 * OWNERSHIP  only under an exclusive hold of the shard.
 */
import type { Arena, Ref } from '../memory/arena.ts';

export const KEY_TABLE_WORDS = 4;

const TABLE = 0;
const CAPACITY = 1;
const USED = 2;
const ENTRY_WORDS = 8;
const DB = 2;
const CAPACITY_MIN = 16;

export class KeyTable {
  protected readonly u32: Uint32Array;
  /** u32 index of the header words. */
  protected readonly base: number;
  readonly #arena: Arena;

  constructor(arena: Arena, base: number) {
    this.#arena = arena;
    this.u32 = arena.u32;
    this.base = base;
  }

  /** Moves the table out of a sparse slab. O(1), or a copy. */
  relocateTable(relocate: (block: Ref) => Ref): void {
    const ref = this.u32[this.base + TABLE]!;
    if (ref !== 0) this.u32[this.base + TABLE] = relocate(ref);
  }

  /** True when no key is in it: the check that every write makes. */
  get isEmpty(): boolean {
    return this.u32[this.base + USED] === 0;
  }

  /** Keys in the table. Any thread may read it. */
  get size(): number {
    return this.u32[this.base + USED]!;
  }

  /** u32 index of a key's entry, or -1. O(1). */
  find(db: number, lo: number, hi: number): number {
    const { u32 } = this;
    const capacity = u32[this.base + CAPACITY]!;
    if (capacity === 0) return -1;
    const table = u32[this.base + TABLE]! * 2;
    for (let i = lo & (capacity - 1); ; i = (i + 1) & (capacity - 1)) {
      const at = table + i * ENTRY_WORDS;
      if (u32[at + DB] === 0) return -1;
      if (u32[at] === lo >>> 0 && u32[at + 1] === hi >>> 0 && u32[at + DB] === db + 1) return at;
    }
  }

  /** Adds a key that is not there, with zeroed words of the owner; -1 when the arena is full. */
  protected add(db: number, lo: number, hi: number): number {
    if (!this.#reserve()) return -1;
    const { u32 } = this;
    const at = this.#emptyPlace(lo);
    u32.fill(0, at, at + ENTRY_WORDS);
    u32[at] = lo;
    u32[at + 1] = hi;
    u32[at + DB] = db + 1;
    u32[this.base + USED] = u32[this.base + USED]! + 1;
    return at;
  }

  /** Takes the key with its entry at `at` out. */
  protected remove(at: number): void {
    this.u32[this.base + USED] = this.u32[this.base + USED]! - 1;
    if (this.isEmpty) this.#freeTable();
    else this.#closeGap(at);
  }

  /** Calls `visit` for the entries of a database. O(capacity). */
  protected visitDatabase(db: number, visit: (at: number, lo: number, hi: number) => void): void {
    const { u32 } = this;
    const capacity = u32[this.base + CAPACITY]!;
    const table = u32[this.base + TABLE]! * 2;
    for (let i = 0; i < capacity; i++) {
      const at = table + i * ENTRY_WORDS;
      if (u32[at + DB] === db + 1) visit(at, u32[at]! | 0, u32[at + 1]! | 0);
    }
  }

  #reserve(): boolean {
    const u32 = this.u32;
    const capacity = u32[this.base + CAPACITY]!;
    if (u32[this.base + USED]! * 2 < capacity) return true;
    return this.#rebuild(capacity === 0 ? CAPACITY_MIN : capacity * 2);
  }

  #rebuild(capacity: number): boolean {
    const u32 = this.u32;
    const ref = this.#arena.alloc(capacity * ENTRY_WORDS * 4);
    if (ref === 0) return false;
    const old = u32[this.base + TABLE]!;
    const oldCapacity = u32[this.base + CAPACITY]!;
    u32.fill(0, ref * 2, ref * 2 + capacity * ENTRY_WORDS);
    u32[this.base + TABLE] = ref;
    u32[this.base + CAPACITY] = capacity;
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
    const u32 = this.u32;
    const mask = u32[this.base + CAPACITY]! - 1;
    const table = u32[this.base + TABLE]! * 2;
    for (let i = lo & mask; ; i = (i + 1) & mask) {
      if (u32[table + i * ENTRY_WORDS + DB] === 0) return table + i * ENTRY_WORDS;
    }
  }

  #freeTable(): void {
    this.#arena.free(this.u32[this.base + TABLE]!);
    this.u32[this.base + TABLE] = 0;
    this.u32[this.base + CAPACITY] = 0;
  }

  /**
   * Moves later members of the probe run into the gap, so that no tombstones are needed (Knuth 6.4,
   * algorithm R).
   */
  #closeGap(gapAt: number): void {
    const u32 = this.u32;
    const mask = u32[this.base + CAPACITY]! - 1;
    const table = u32[this.base + TABLE]! * 2;
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
