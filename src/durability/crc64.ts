/**
 * CRC-64 as Redis's RDB files and DUMP payloads bear it: Jones's polynomial 0xad93d23594c935a9,
 * bits reflected, from 0, not inverted at the end.
 *
 * LAYOUT  eight tables of 256 remainders, each as its low and its high 32 bits: table k has the
 *   remainder of a byte that k more bytes follow, so eight bytes take one step (slicing by 8).
 *
 *   Example: the CRC of "123456789" is 0xe9c6d914c4b8d9ca.
 *
 * Halves of 32 bits instead of BigInt: nothing is allocated, and a byte takes about 1 ns
 * (bench/micro/durability.bench.ts).
 */

/** The polynomial with its bits in reverse, as halves. */
const POLYNOMIAL_LOW = 0xac4bc9b5 | 0;
const POLYNOMIAL_HIGH = 0x95ac9329 | 0;
const SLICES = 8;
const ENTRIES = 256;

const LOW = new Int32Array(SLICES * ENTRIES);
const HIGH = new Int32Array(SLICES * ENTRIES);

function fillTables(): void {
  for (let byte = 0; byte < ENTRIES; byte++) {
    let low = byte;
    let high = 0;
    for (let bit = 0; bit < 8; bit++) {
      const isOdd = (low & 1) !== 0;
      low = (low >>> 1) | (high << 31);
      high >>>= 1;
      if (!isOdd) continue;
      low ^= POLYNOMIAL_LOW;
      high ^= POLYNOMIAL_HIGH;
    }
    LOW[byte] = low;
    HIGH[byte] = high;
  }
  for (let at = ENTRIES; at < SLICES * ENTRIES; at++) {
    const low = LOW[at - ENTRIES]!;
    const high = HIGH[at - ENTRIES]!;
    LOW[at] = ((low >>> 8) | (high << 24)) ^ LOW[low & 0xff]!;
    HIGH[at] = (high >>> 8) ^ HIGH[low & 0xff]!;
  }
}

fillTables();

/** A checksum in progress. */
export class Crc64 {
  /** The checksum so far, as halves. */
  low = 0;
  high = 0;

  /** Begins anew. */
  reset(): void {
    this.low = 0;
    this.high = 0;
  }

  /** Takes in buf[from, to). O(bytes). */
  update(buf: Uint8Array, from: number, to: number): void {
    let { low, high } = this;
    let at = from;
    for (const end = to - 7; at < end; at += 8) {
      low ^= buf[at]! | (buf[at + 1]! << 8) | (buf[at + 2]! << 16) | (buf[at + 3]! << 24);
      high ^= buf[at + 4]! | (buf[at + 5]! << 8) | (buf[at + 6]! << 16) | (buf[at + 7]! << 24);
      const a = 1792 + (low & 0xff);
      const b = 1536 + ((low >>> 8) & 0xff);
      const c = 1280 + ((low >>> 16) & 0xff);
      const d = 1024 + (low >>> 24);
      const e = 768 + (high & 0xff);
      const f = 512 + ((high >>> 8) & 0xff);
      const g = 256 + ((high >>> 16) & 0xff);
      const h = high >>> 24;
      low = LOW[a]! ^ LOW[b]! ^ LOW[c]! ^ LOW[d]! ^ LOW[e]! ^ LOW[f]! ^ LOW[g]! ^ LOW[h]!;
      high = HIGH[a]! ^ HIGH[b]! ^ HIGH[c]! ^ HIGH[d]! ^ HIGH[e]! ^ HIGH[f]! ^ HIGH[g]! ^ HIGH[h]!;
    }
    for (; at < to; at++) {
      const index = (low ^ buf[at]!) & 0xff;
      low = ((low >>> 8) | (high << 24)) ^ LOW[index]!;
      high = (high >>> 8) ^ HIGH[index]!;
    }
    this.low = low;
    this.high = high;
  }

  /** Writes the checksum at buf[at, at + 8), little-endian. */
  write(buf: Uint8Array, at: number): void {
    for (let i = 0; i < 4; i++) {
      buf[at + i] = (this.low >>> (8 * i)) & 0xff;
      buf[at + 4 + i] = (this.high >>> (8 * i)) & 0xff;
    }
  }

  /** Whether buf[at, at + 8) is the checksum. */
  equals(buf: Uint8Array, at: number): boolean {
    for (let i = 0; i < 4; i++) {
      if (buf[at + i] !== ((this.low >>> (8 * i)) & 0xff)) return false;
      if (buf[at + 4 + i] !== ((this.high >>> (8 * i)) & 0xff)) return false;
    }
    return true;
  }
}
