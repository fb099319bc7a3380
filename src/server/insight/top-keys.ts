/**
 * TopKeys: the keys with the largest sums among many that are counted, in bounded memory (the
 * Space-Saving algorithm): with room for C keys, every key whose sum is more than 1/C of the whole
 * is there, and no sum shown is too large by more than that. Sums of up to C keys are exact. The
 * same table holds the keys with the largest values, where each key has one.
 *
 * LAYOUT of a table, one block of the insight memory, in words
 *   0 capacity, 1 count, 2..3 reserved
 *   then C sums (f64), C notes (f64), then C each of: hash, key block, key length, place in heap
 *   then the heap: C indexes of keys, the least sum on top
 *   then 2 * C slots by hash: index of a key + 1, 0 = free (linear probing)
 *
 * OWNERSHIP: one thread at a time; hot-keys.ts has a lock for each table.
 */
import { equalBytes } from '../../base/bytes.ts';
import type { Ref } from '../../memory/arena.ts';
import type { InsightMemory } from './insight-memory.ts';

const CAPACITY = 0;
const COUNT = 1;
const SUMS = 4;

/** Bytes of a table for `capacity` keys, a power of two. */
function tableBytes(capacity: number): number {
  return SUMS * 4 + capacity * (8 + 8 + 4 * 4 + 4 + 2 * 4);
}

/** A key and its sum, copied out. */
export interface KeySum {
  readonly key: Uint8Array;
  readonly sum: number;
  /** What `keep` was given besides. */
  readonly note: number;
}

export class TopKeys {
  readonly #memory: InsightMemory;
  readonly #u32: Uint32Array;
  readonly #f64: Float64Array;
  #sums = 0;
  #notes = 0;
  #hashes = 0;
  #blocks = 0;
  #lengths = 0;
  #places = 0;
  #heap = 0;
  #slots = 0;
  #table = 0;
  #capacity = 0;

  constructor(memory: InsightMemory) {
    this.#memory = memory;
    this.#u32 = memory.u32;
    this.#f64 = memory.f64;
  }

  /** Makes an empty table; 0 when the memory is full. The memory's lock is held. */
  static create(memory: InsightMemory, capacity: number): Ref {
    const ref = memory.take(tableBytes(capacity));
    if (ref === 0) return 0;
    memory.u32.fill(0, ref * 2, ref * 2 + tableBytes(capacity) / 4);
    memory.u32[ref * 2 + CAPACITY] = capacity;
    return ref;
  }

  /** Frees a table with its keys. The memory's lock is held. */
  static destroy(memory: InsightMemory, ref: Ref): void {
    const top = new TopKeys(memory);
    top.attach(ref);
    for (let i = 0; i < top.count; i++) memory.free(memory.u32[top.#blocks + i]!);
    memory.free(ref);
  }

  /** Works on another table from here on. */
  attach(ref: Ref): void {
    const table = ref * 2;
    const capacity = this.#u32[table + CAPACITY]!;
    this.#table = table;
    this.#capacity = capacity;
    this.#sums = (table + SUMS) / 2;
    this.#notes = this.#sums + capacity;
    this.#hashes = table + SUMS + capacity * 4;
    this.#blocks = this.#hashes + capacity;
    this.#lengths = this.#blocks + capacity;
    this.#places = this.#lengths + capacity;
    this.#heap = this.#places + capacity;
    this.#slots = this.#heap + capacity;
  }

  /** Keys in the table. */
  get count(): number {
    return this.#u32[this.#table + COUNT]!;
  }

  /**
   * Adds to the sum of the key buf[start, end) with the hash `hash`. O(log capacity). A key for
   * which there is no memory is not counted.
   */
  add(buf: Uint8Array, start: number, end: number, hash: number, amount: number): void {
    const index = this.#find(buf, start, end, hash);
    if (index >= 0) {
      this.#f64[this.#sums + index] = this.#f64[this.#sums + index]! + amount;
      this.#sink(this.#u32[this.#places + index]!);
      return;
    }
    const least = this.count < this.#capacity ? 0 : this.#leastSum;
    this.#insert(buf, start, end, hash, least + amount);
  }

  /**
   * Takes a key with its value, and a number to be kept with it, if it is one of the largest. A key
   * that is there already gets the new value. O(log capacity), O(1) for most keys.
   */
  keep(
    buf: Uint8Array,
    start: number,
    end: number,
    hash: number,
    value: number,
    note: number,
  ): void {
    if (!this.wants(value)) return;
    let index = this.#find(buf, start, end, hash);
    if (index >= 0) {
      this.#f64[this.#sums + index] = value;
      this.#rise(this.#u32[this.#places + index]!);
      this.#sink(this.#u32[this.#places + index]!);
    } else index = this.#insert(buf, start, end, hash, value);
    if (index >= 0) this.#f64[this.#notes + index] = note;
  }

  /** Whether `keep` may take a key with such a value. O(1). */
  wants(value: number): boolean {
    return this.count < this.#capacity || value > this.#leastSum;
  }

  get #leastSum(): number {
    return this.#f64[this.#sums + this.#u32[this.#heap]!]!;
  }

  /**
   * Inserts a key; where the table is full the one with the least sum makes room. Its index, or -1
   * without memory.
   */
  #insert(buf: Uint8Array, start: number, end: number, hash: number, sum: number): number {
    const block = this.#copyKey(buf, start, end);
    if (block === 0) return -1;
    const { count } = this;
    if (count < this.#capacity) {
      this.#u32[this.#table + COUNT] = count + 1;
      this.#put(count, block, end - start, hash, sum);
      this.#u32[this.#heap + count] = count;
      this.#u32[this.#places + count] = count;
      this.#rise(count);
      return count;
    }
    const least = this.#u32[this.#heap]!;
    this.#forget(least);
    this.#put(least, block, end - start, hash, sum);
    this.#sink(0);
    return least;
  }

  /** All keys, in no particular order. O(count). */
  list(): KeySum[] {
    const found: KeySum[] = [];
    for (let i = 0; i < this.count; i++) {
      const at = this.#u32[this.#blocks + i]! * 8;
      const key = this.#memory.u8.slice(at, at + this.#u32[this.#lengths + i]!);
      found.push({ key, sum: this.#f64[this.#sums + i]!, note: this.#f64[this.#notes + i]! });
    }
    return found;
  }

  /** Throws where the heap, the slots and the keys disagree. */
  checkInvariants(): void {
    const { count } = this;
    for (let place = 0; place < count; place++) {
      const index = this.#u32[this.#heap + place]!;
      if (this.#u32[this.#places + index] !== place) throw new Error('top keys: lost its place');
      const parent = this.#u32[this.#heap + ((place - 1) >>> 1)]!;
      if (place > 0 && this.#f64[this.#sums + parent]! > this.#f64[this.#sums + index]!) {
        throw new Error('top keys: no heap');
      }
      const at = this.#u32[this.#blocks + index]! * 8;
      const length = this.#u32[this.#lengths + index]!;
      const hash = this.#u32[this.#hashes + index]!;
      if (this.#find(this.#memory.u8, at, at + length, hash) !== index) {
        throw new Error('top keys: a key is not found');
      }
    }
  }

  #copyKey(buf: Uint8Array, start: number, end: number): Ref {
    this.#memory.acquire();
    const block = this.#memory.take(Math.max(1, end - start));
    this.#memory.release();
    if (block !== 0) this.#memory.u8.set(buf.subarray(start, end), block * 8);
    return block;
  }

  #slotMask(): number {
    return this.#capacity * 2 - 1;
  }

  #find(buf: Uint8Array, start: number, end: number, hash: number): number {
    const mask = this.#slotMask();
    const length = end - start;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const index = this.#u32[this.#slots + slot]! - 1;
      if (index < 0) return -1;
      if (this.#u32[this.#hashes + index] !== hash >>> 0) continue;
      if (this.#u32[this.#lengths + index] !== length) continue;
      const at = this.#u32[this.#blocks + index]! * 8;
      if (equalBytes(this.#memory.u8, at, buf, start, length)) return index;
    }
  }

  #put(index: number, block: Ref, length: number, hash: number, sum: number): void {
    this.#f64[this.#sums + index] = sum;
    this.#u32[this.#hashes + index] = hash;
    this.#u32[this.#blocks + index] = block;
    this.#u32[this.#lengths + index] = length;
    const mask = this.#slotMask();
    let slot = hash & mask;
    while (this.#u32[this.#slots + slot] !== 0) slot = (slot + 1) & mask;
    this.#u32[this.#slots + slot] = index + 1;
  }

  /** Takes a key out of the slots and frees its block. */
  #forget(index: number): void {
    const mask = this.#slotMask();
    let hole = this.#u32[this.#hashes + index]! & mask;
    while (this.#u32[this.#slots + hole] !== index + 1) hole = (hole + 1) & mask;
    // What comes behind moves up where it would not be found any more.
    for (let slot = (hole + 1) & mask; ; slot = (slot + 1) & mask) {
      const other = this.#u32[this.#slots + slot]!;
      if (other === 0) break;
      const home = this.#u32[this.#hashes + other - 1]! & mask;
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
      this.#u32[this.#slots + hole] = other;
      hole = slot;
    }
    this.#u32[this.#slots + hole] = 0;
    this.#memory.acquire();
    this.#memory.free(this.#u32[this.#blocks + index]!);
    this.#memory.release();
  }

  #sumAt(place: number): number {
    return this.#f64[this.#sums + this.#u32[this.#heap + place]!]!;
  }

  #swap(a: number, b: number): void {
    const first = this.#u32[this.#heap + a]!;
    const second = this.#u32[this.#heap + b]!;
    this.#u32[this.#heap + a] = second;
    this.#u32[this.#heap + b] = first;
    this.#u32[this.#places + second] = a;
    this.#u32[this.#places + first] = b;
  }

  /** A sum has grown: down with it. */
  #sink(from: number): void {
    const { count } = this;
    for (let place = from; ; ) {
      let least = place;
      const left = place * 2 + 1;
      if (left < count && this.#sumAt(left) < this.#sumAt(least)) least = left;
      if (left + 1 < count && this.#sumAt(left + 1) < this.#sumAt(least)) least = left + 1;
      if (least === place) return;
      this.#swap(place, least);
      place = least;
    }
  }

  #rise(from: number): void {
    for (let place = from; place > 0; ) {
      const parent = (place - 1) >>> 1;
      if (this.#sumAt(parent) <= this.#sumAt(place)) return;
      this.#swap(place, parent);
      place = parent;
    }
  }
}
