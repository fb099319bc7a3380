/**
 * Intset: a sorted array of different integers of 2, 4 or 8 bytes: small sets of numbers.
 *
 * LAYOUT, bytes from `start` on; the owner knows where it lies and makes room
 *   0  u32 little-endian: width of an integer in bytes, 2, 4 or 8
 *   4  u32 little-endian: number of integers
 *   8  integers, little-endian two's complement, ascending
 *
 * These are the bytes of Redis's intset, in memory and in RDB files.
 *
 *   Example: {1, -2} = 02 00 00 00  02 00 00 00  fe ff  01 00
 *
 * INVARIANT  ascending, no two equal; the width never shrinks.
 * An int64 is handled as its high (signed) and low (unsigned) 32 bits, so that nothing is
 * allocated.
 */
import { formatInteger, parseBigInt64, parseInt64 } from '../base/number-text.ts';

export const INTSET_HEADER_BYTES = 8;

const HEADER = 8;
const TWO_32 = 4294967296;

/** Reads and changes intsets of one view. */
export class Intset {
  readonly #u8: Uint8Array;
  /** Decimal text of the integer that `read` found: bytes [0, to). Borrowed until the next read. */
  readonly buf = new Uint8Array(32);
  to = 0;
  /** The integer looked for or read. */
  #high = 0;
  #low = 0;

  constructor(u8: Uint8Array) {
    this.#u8 = u8;
  }

  /** Makes an empty intset; returns its length in bytes. */
  init(start: number): number {
    this.#putU32(start, 2);
    this.#putU32(start + 4, 0);
    return HEADER;
  }

  #u32(at: number): number {
    const u8 = this.#u8;
    return (u8[at]! | (u8[at + 1]! << 8) | (u8[at + 2]! << 16) | (u8[at + 3]! << 24)) >>> 0;
  }

  #putU32(at: number, n: number): void {
    const u8 = this.#u8;
    u8[at] = n & 0xff;
    u8[at + 1] = (n >>> 8) & 0xff;
    u8[at + 2] = (n >>> 16) & 0xff;
    u8[at + 3] = n >>> 24;
  }

  /** Number of integers. O(1). */
  count(start: number): number {
    return this.#u32(start + 4);
  }

  /** Bytes of the whole intset. */
  bytes(start: number): number {
    return HEADER + this.count(start) * this.#u8[start]!;
  }

  /** Takes buf[from, to) as the integer for the calls that follow. False when it is no int64. */
  setNeedle(buf: Uint8Array, from: number, to: number): boolean {
    const n = parseInt64(buf, from, to);
    if (Number.isNaN(n)) return false;
    if (Number.isFinite(n)) {
      this.#high = Math.floor(n / TWO_32);
      this.#low = n - this.#high * TWO_32;
    } else {
      const big = parseBigInt64(buf, from, to);
      this.#high = Number(big >> 32n);
      this.#low = Number(BigInt.asUintN(32, big));
    }
    return true;
  }

  /** Bytes that the needle takes: 2, 4 or 8. */
  #needleWidth(): number {
    const high = this.#high;
    const low = this.#low | 0;
    if (high !== low >> 31) return 8;
    return low >= -32768 && low <= 32767 ? 2 : 4;
  }

  /** Loads integer `index` of an intset of `width` into `highAt`, `lowAt`. */
  #highAt = 0;
  #lowAt = 0;
  #load(start: number, width: number, index: number): void {
    const at = start + HEADER + index * width;
    const u8 = this.#u8;
    if (width === 2) {
      const n = ((u8[at]! | (u8[at + 1]! << 8)) << 16) >> 16;
      this.#highAt = n >> 31;
      this.#lowAt = n >>> 0;
      return;
    }
    this.#lowAt = this.#u32(at);
    this.#highAt = width === 4 ? (this.#lowAt | 0) >> 31 : this.#u32(at + 4) | 0;
  }

  #store(start: number, width: number, index: number, high: number, low: number): void {
    const at = start + HEADER + index * width;
    const u8 = this.#u8;
    if (width === 2) {
      u8[at] = low & 0xff;
      u8[at + 1] = (low >>> 8) & 0xff;
      return;
    }
    this.#putU32(at, low);
    if (width === 8) this.#putU32(at + 4, high);
  }

  /** Index of the needle, or -1 - the index where it belongs. O(log n). */
  find(start: number): number {
    const width = this.#u8[start]!;
    let low = 0;
    let high = this.count(start);
    while (low < high) {
      const middle = (low + high) >>> 1;
      this.#load(start, width, middle);
      const difference = this.#highAt - this.#high || this.#lowAt - this.#low;
      if (difference === 0) return middle;
      if (difference < 0) low = middle + 1;
      else high = middle;
    }
    return -1 - low;
  }

  /** Bytes of the intset once the needle, which is absent, is in. */
  bytesWithNeedle(start: number): number {
    const width = Math.max(this.#u8[start]!, this.#needleWidth());
    return HEADER + (this.count(start) + 1) * width;
  }

  /** Adds the needle, absent so far, for which `find` answered `place`; there is room. O(n). */
  insert(start: number, place: number): void {
    const old = this.#u8[start]!;
    const width = Math.max(old, this.#needleWidth());
    const count = this.count(start);
    const index = -1 - place;
    if (width !== old) {
      for (let i = count - 1; i >= 0; i--) {
        this.#load(start, old, i);
        this.#store(start, width, i < index ? i : i + 1, this.#highAt, this.#lowAt);
      }
      this.#putU32(start, width);
    } else {
      const at = start + HEADER + index * width;
      this.#u8.copyWithin(at + width, at, start + HEADER + count * width);
    }
    this.#store(start, width, index, this.#high, this.#low);
    this.#putU32(start + 4, count + 1);
  }

  /** Takes integer `index` out. Returns the length in bytes from now on. O(n). */
  remove(start: number, index: number): number {
    const width = this.#u8[start]!;
    const count = this.count(start);
    const at = start + HEADER + index * width;
    this.#u8.copyWithin(at, at + width, start + HEADER + count * width);
    this.#putU32(start + 4, count - 1);
    return HEADER + (count - 1) * width;
  }

  /** Writes integer `index` as text into `buf`, up to `to`. */
  read(start: number, index: number): void {
    this.#load(start, this.#u8[start]!, index);
    const n = this.#highAt * TWO_32 + this.#lowAt;
    if (Number.isSafeInteger(n)) {
      this.to = formatInteger(n, this.buf, 0);
      return;
    }
    const text = ((BigInt(this.#highAt) << 32n) | BigInt(this.#lowAt)).toString();
    for (let i = 0; i < text.length; i++) this.buf[i] = text.charCodeAt(i);
    this.to = text.length;
  }

  /** True when untrusted bytes [start, end) are an intset. O(n). */
  validate(start: number, end: number): boolean {
    if (end - start < HEADER) return false;
    const width = this.#u32(start);
    if (width !== 2 && width !== 4 && width !== 8) return false;
    const count = this.count(start);
    if (end - start !== HEADER + count * width) return false;
    for (let i = 1; i < count; i++) {
      this.#load(start, width, i - 1);
      const high = this.#highAt;
      const low = this.#lowAt;
      this.#load(start, width, i);
      if ((this.#highAt - high || this.#lowAt - low) <= 0) return false;
    }
    return true;
  }

  /** Throws when the bytes are no intset. O(n). */
  checkInvariants(start: number, end: number): void {
    if (!this.validate(start, end)) throw new Error('intset: the bytes are no intset');
  }
}
