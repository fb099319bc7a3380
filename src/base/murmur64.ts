/**
 * MurmurHash64A by Austin Appleby: 64 bits, in 32-bit arithmetic, so it needs no BigInt. The
 * elements of HyperLogLogs are hashed by it, with Redis's seed, so that the values are the same as
 * in Redis. It is not keyed: nothing that clients may attack is indexed by it.
 *
 * EXAMPLE: seed 0xadc83b19, text "a": hi 0x53d2470a, lo 0x9b43b1a7.
 */

/** The multiplier, 0xc6a4a7935bd1e995, whole words and the halves of its low word. */
const M_HIGH = 0xc6a4a793;
const M_LOW = 0x5bd1e995;
const M_LOW_HIGH = 0x5bd1;
const M_LOW_LOW = 0xe995;

/** Bits 32..63 of the product of u32 `a` and the multiplier's low word. */
function highProduct(a: number): number {
  const low = a & 0xffff;
  const high = a >>> 16;
  const middle = high * M_LOW_LOW + ((low * M_LOW_LOW) >>> 16);
  const other = low * M_LOW_HIGH + (middle & 0xffff);
  return high * M_LOW_HIGH + (middle >>> 16) + (other >>> 16);
}

/** The hash with one seed. The result of the last `hash` is in `lo` and `hi`, both int32. */
export class Murmur64 {
  lo = 0;
  hi = 0;
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** Hashes buf[start, end). Allocates nothing. O(length). */
  hash(buf: Uint8Array, start: number, end: number): void {
    const length = end - start;
    let lo = this.#seed ^ Math.imul(length, M_LOW);
    let hi = (highProduct(length) + Math.imul(length, M_HIGH)) | 0;
    const blocksEnd = end - (length & 7);
    let at = start;
    for (; at < blocksEnd; at += 8) {
      let low = buf[at]! | (buf[at + 1]! << 8) | (buf[at + 2]! << 16) | (buf[at + 3]! << 24);
      let high = buf[at + 4]! | (buf[at + 5]! << 8) | (buf[at + 6]! << 16) | (buf[at + 7]! << 24);
      high = (highProduct(low) + Math.imul(low, M_HIGH) + Math.imul(high, M_LOW)) | 0;
      low = Math.imul(low, M_LOW);
      // k ^= k >>> 47: only the top 17 bits reach down.
      low ^= high >>> 15;
      high = (highProduct(low) + Math.imul(low, M_HIGH) + Math.imul(high, M_LOW)) | 0;
      lo ^= Math.imul(low, M_LOW);
      hi ^= high;
      hi = (highProduct(lo) + Math.imul(lo, M_HIGH) + Math.imul(hi, M_LOW)) | 0;
      lo = Math.imul(lo, M_LOW);
    }
    if (at < end) {
      for (let i = 0; at + i < end; i++) {
        if (i < 4) lo ^= buf[at + i]! << (8 * i);
        else hi ^= buf[at + i]! << (8 * i - 32);
      }
      hi = (highProduct(lo) + Math.imul(lo, M_HIGH) + Math.imul(hi, M_LOW)) | 0;
      lo = Math.imul(lo, M_LOW);
    }
    lo ^= hi >>> 15;
    hi = (highProduct(lo) + Math.imul(lo, M_HIGH) + Math.imul(hi, M_LOW)) | 0;
    lo = Math.imul(lo, M_LOW);
    this.lo = lo ^ (hi >>> 15);
    this.hi = hi;
  }
}
