/**
 * NameTable: a few blocks of an arena in the order of the bytes of their names: groups of a stream,
 * consumers of a group.
 *
 * LAYOUT
 *   struct (2 u32 words, in a block of the owner)
 *     0 block with the refs, 0 = none   1 number of them
 *   the blocks say the length of their name in word `nameWord`; its bytes follow that word
 *
 * Finding is O(log n), adding and removing O(n) words: 40 KB move for the ten-thousandth name.
 */
import { copyBytes } from '../base/bytes.ts';
import type { Arena, Ref } from '../memory/arena.ts';

export const NAME_TABLE_WORDS = 2;

const BLOCK = 0;
const COUNT = 1;
const CAPACITY_MIN = 2;

export class NameTable {
  readonly #arena: Arena;
  readonly #nameWord: number;
  #base = 0;
  /** Where `find` found the name, or where it would be. */
  #place = 0;

  constructor(arena: Arena, nameWord: number) {
    this.#arena = arena;
    this.#nameWord = nameWord;
  }

  /** Points this at the struct at u32 index `base`. */
  attach(base: number): this {
    this.#base = base;
    return this;
  }

  get size(): number {
    return this.#arena.u32[this.#base + COUNT]!;
  }

  /** The block of place `index`, from 0 to size - 1. */
  at(index: number): Ref {
    const { u32 } = this.#arena;
    return u32[u32[this.#base + BLOCK]! * 2 + index]!;
  }

  /** Byte offset of a block's name. */
  nameFrom(ref: Ref): number {
    return ref * 8 + (this.#nameWord + 1) * 4;
  }

  /** Byte offset of the end of a block's name. */
  nameEnd(ref: Ref): number {
    return this.nameFrom(ref) + this.#arena.u32[ref * 2 + this.#nameWord]!;
  }

  /** Bytes of a block that has a name of `length` bytes. */
  blockBytes(length: number): number {
    return (this.#nameWord + 1) * 4 + length;
  }

  #compare(ref: Ref, buf: Uint8Array, from: number, to: number): number {
    const { u8 } = this.#arena;
    const start = this.nameFrom(ref);
    const length = this.nameEnd(ref) - start;
    const shared = Math.min(length, to - from);
    for (let i = 0; i < shared; i++) {
      const difference = u8[start + i]! - buf[from + i]!;
      if (difference !== 0) return difference;
    }
    return length - (to - from);
  }

  /** The block with the name buf[from, to), or 0. O(log n). */
  find(buf: Uint8Array, from: number, to: number): Ref {
    let low = 0;
    let high = this.size;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const order = this.#compare(this.at(middle), buf, from, to);
      if (order === 0) {
        this.#place = middle;
        return this.at(middle);
      }
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    this.#place = low;
    return 0;
  }

  /**
   * A new block of zeros with the name buf[from, to), which `find` has just not found, and puts it
   * into the table. 0 when the arena is full: nothing has changed then. O(n) words.
   */
  add(buf: Uint8Array, from: number, to: number): Ref {
    const { u8, u32 } = this.#arena;
    const ref = this.#arena.alloc(this.blockBytes(to - from));
    if (ref === 0) return 0;
    if (!this.#reserve()) {
      this.#arena.free(ref);
      return 0;
    }
    u32.fill(0, ref * 2, ref * 2 + this.#nameWord);
    u32[ref * 2 + this.#nameWord] = to - from;
    copyBytes(u8, this.nameFrom(ref), buf, from, to);
    const refs = u32[this.#base + BLOCK]! * 2;
    const count = this.size;
    u32.copyWithin(refs + this.#place + 1, refs + this.#place, refs + count);
    u32[refs + this.#place] = ref;
    u32[this.#base + COUNT] = count + 1;
    return ref;
  }

  /** Makes room for one more. */
  #reserve(): boolean {
    const { u32 } = this.#arena;
    const count = this.size;
    const block = u32[this.#base + BLOCK]!;
    if (block === 0) {
      u32[this.#base + BLOCK] = this.#arena.alloc(CAPACITY_MIN * 4);
      return u32[this.#base + BLOCK] !== 0;
    }
    if (count * 4 < this.#arena.usableBytes(block)) return true;
    const moved = this.#arena.realloc(block, count * 8);
    if (moved !== 0) u32[this.#base + BLOCK] = moved;
    return moved !== 0;
  }

  /**
   * Takes the block that `find` has just found out of the table; it is the caller's then. O(n)
   * words.
   */
  takeFound(): Ref {
    const { u32 } = this.#arena;
    const block = u32[this.#base + BLOCK]!;
    const refs = block * 2;
    const count = this.size;
    const found = u32[refs + this.#place]!;
    u32.copyWithin(refs + this.#place, refs + this.#place + 1, refs + count);
    u32[this.#base + COUNT] = count - 1;
    if (count === 1) {
      this.#arena.free(block);
      u32[this.#base + BLOCK] = 0;
    }
    return found;
  }

  /** Takes the block that `find` has just found out of the table and frees it. O(n) words. */
  removeFound(): void {
    this.#arena.free(this.takeFound());
  }

  /** Makes `ref`, a block of another table, the only one of this one. False: the arena is full. */
  adopt(ref: Ref): boolean {
    const { u32 } = this.#arena;
    if (!this.#reserve()) return false;
    u32[u32[this.#base + BLOCK]! * 2] = ref;
    u32[this.#base + COUNT] = 1;
    return true;
  }

  /** Frees the last block; false when there is none. O(1). */
  dropLast(): boolean {
    const count = this.size;
    if (count === 0) return false;
    this.#place = count - 1;
    this.removeFound();
    return true;
  }

  /** Moves the block with the refs: `relocate` moves one and returns its ref from then on. O(1). */
  relocateTable(relocate: (block: Ref) => Ref): void {
    const { u32 } = this.#arena;
    const block = u32[this.#base + BLOCK]!;
    if (block !== 0) u32[this.#base + BLOCK] = relocate(block);
  }

  /** Moves the block of place `index`; its ref from then on. O(1). */
  relocateAt(index: number, relocate: (block: Ref) => Ref): Ref {
    const { u32 } = this.#arena;
    const moved = relocate(this.at(index));
    u32[u32[this.#base + BLOCK]! * 2 + index] = moved;
    return moved;
  }

  /** Bytes of the table and its blocks. O(n). */
  memoryBytes(): number {
    const count = this.size;
    if (count === 0) return 0;
    let bytes = this.#arena.usableBytes(this.#arena.u32[this.#base + BLOCK]!);
    for (let i = 0; i < count; i++) bytes += this.#arena.usableBytes(this.at(i));
    return bytes;
  }

  /** Throws when names are out of order. O(n). */
  checkInvariants(): void {
    const { u8 } = this.#arena;
    for (let i = 1; i < this.size; i++) {
      const before = this.at(i - 1);
      if (this.#compare(this.at(i), u8, this.nameFrom(before), this.nameEnd(before)) <= 0) {
        throw new Error('name table: names out of order');
      }
    }
  }
}
