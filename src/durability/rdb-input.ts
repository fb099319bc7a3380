/**
 * RdbInput: lengths, strings and numbers of the RDB format (rdb-format.ts), from bytes in memory or
 * from a source of chunks. All of it is untrusted.
 *
 * Damage is sticky: once something cannot be read, `isBad` is true and every reader answers 0 or an
 * empty string; loops look at it once a turn. A length is checked against the bytes that are left
 * before anything is allocated for it.
 *
 * LAYOUT  a window buf[at, end) of what has been taken from the source and not been read yet.
 */
import { formatInteger, parseFloat64 } from '../base/number-text.ts';
import type { Crc64 } from './crc64.ts';
import { lzfDecompress, lzfLength } from './lzf.ts';
import * as rdb from './rdb-format.ts';

/** Where bytes come from: a file, later a socket. */
export interface ByteSource {
  /** Bytes not taken yet; Infinity where nobody knows. */
  readonly left: number;
  /** Takes up to `length` bytes, at least one, into buf[at...]; 0 = there will be no more. */
  read(buf: Uint8Array, at: number, length: number): number;
}

/** Takes raw bytes as they are read. */
export interface ByteTap {
  /** buf[from, to) is borrowed until the call returns. */
  tapped(buf: Uint8Array, from: number, to: number): void;
}

const TWO_32 = 4294967296;
const WINDOW_BYTES = 1 << 18;
const SCRATCH_KEPT_MAX = 1 << 20;
/** Longest string that is decompressed: a few bytes stand for hundreds. */
const UNPACKED_BYTES_MAX = 2 ** 30;
const TEXT_BYTES = 24;
const ASCII_NAN = 253;
const ASCII_INFINITY = 254;
const ASCII_MINUS_INFINITY = 255;

export class RdbInput {
  /** Something could not be read. */
  isBad = false;
  /** It could not because the bytes end too early. */
  isShort = false;
  /** The string that was read last; borrowed until the next read. */
  strBuf: Uint8Array = new Uint8Array(0);
  strFrom = 0;
  strTo = 0;
  /** What `lengthWords` has read. */
  high = 0;
  low = 0;
  #buf: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;
  #source: ByteSource | null = null;
  #checksum: Crc64 | null = null;
  /** Where the bytes begin that the checksum has not seen. */
  #summed = 0;
  #tap: ByteTap | null = null;
  /** Where the bytes begin that the tap has not seen. */
  #tapped = 0;
  /** Bytes of the source that lie before the window. */
  #base = 0;
  /** The length that `#size` read is no length but a kind of special string. */
  #isSpecial = false;
  readonly #text = new Uint8Array(TEXT_BYTES);
  #unpacked: Uint8Array = new Uint8Array(0);
  readonly #double = new Float64Array(1);
  readonly #doubleBytes = new Uint8Array(this.#double.buffer);

  /** Reads buf[from, to) from here on; the bytes are borrowed as long. */
  open(buf: Uint8Array, from: number, to: number): this {
    this.#buf = buf;
    this.#at = from;
    this.#end = to;
    this.#source = null;
    this.#checksum = null;
    this.#tap = null;
    this.#base = -from;
    this.isBad = false;
    this.isShort = false;
    return this;
  }

  /** Reads a source from here on; `checksum` takes in all bytes that are read. */
  openSource(source: ByteSource, checksum: Crc64 | null): this {
    this.open(new Uint8Array(WINDOW_BYTES), 0, 0);
    this.#source = source;
    this.#checksum = checksum;
    this.#summed = 0;
    return this;
  }

  /** Bytes not read yet. */
  get left(): number {
    return this.#end - this.#at + (this.#source === null ? 0 : this.#source.left);
  }

  /** Bytes read since it was opened. */
  get position(): number {
    return this.#base + this.#at;
  }

  /** Gives what is read from here on to `tap` as well, until `endTap`. */
  beginTap(tap: ByteTap): void {
    this.#tap = tap;
    this.#tapped = this.#at;
  }

  endTap(): void {
    this.#tap?.tapped(this.#buf, this.#tapped, this.#at);
    this.#tap = null;
  }

  /** Gives up because the bytes end; returns 0. */
  #runsOut(): number {
    if (!this.isBad) this.isShort = true;
    return this.fail();
  }

  /** Gives up; returns 0. */
  fail(): number {
    this.isBad = true;
    this.strFrom = 0;
    this.strTo = 0;
    return 0;
  }

  /** Takes in what has been read into the checksum. */
  settleChecksum(): void {
    this.#checksum?.update(this.#buf, this.#summed, this.#at);
    this.#summed = this.#at;
  }

  /** Makes the next `n` bytes lie in the window. False, and bad, when there are not so many. */
  #need(n: number): boolean {
    if (this.#end - this.#at >= n && !this.isBad) return true;
    if (this.isBad || n > this.left) {
      this.#runsOut();
      return false;
    }
    return this.#refill(n);
  }

  #refill(n: number): boolean {
    this.settleChecksum();
    if (this.#tap !== null) {
      this.#tap.tapped(this.#buf, this.#tapped, this.#at);
      this.#tapped = 0;
    }
    this.#base += this.#at;
    const kept = this.#end - this.#at;
    this.#buf.copyWithin(0, this.#at, this.#end);
    if (this.#buf.length > WINDOW_BYTES && n <= WINDOW_BYTES && kept <= WINDOW_BYTES) {
      this.#buf = this.#buf.slice(0, WINDOW_BYTES);
    }
    this.#at = 0;
    this.#summed = 0;
    this.#end = kept;
    while (this.#end < n) {
      // No more than twice what has come: of a source without an end, `n` may be any number.
      if (this.#end === this.#buf.length) this.#grow(Math.min(n, this.#end * 2));
      const room = this.#buf.length - this.#end;
      const taken = this.#source === null ? 0 : this.#source.read(this.#buf, this.#end, room);
      if (taken === 0) {
        this.#runsOut();
        return false;
      }
      this.#end += taken;
    }
    return true;
  }

  /** Passes over `n` bytes without having them in memory at once. */
  skip(n: number): boolean {
    if (this.isBad || n > this.left) return this.#runsOut() !== 0;
    let left = n;
    for (;;) {
      const here = Math.min(left, this.#end - this.#at);
      this.#at += here;
      left -= here;
      if (left === 0) return true;
      if (!this.#need(1)) return false;
    }
  }

  /** Passes over a string. */
  skipString(): boolean {
    const n = this.#size();
    if (!this.#isSpecial) return this.skip(n);
    if (n < rdb.SPECIAL_LZF) return this.skip(1 << n);
    if (n > rdb.SPECIAL_LZF) return this.fail() !== 0;
    const packed = this.length();
    this.length();
    return this.skip(packed);
  }

  /** The next `n` bytes as they are, as the string read last. */
  raw(n: number): boolean {
    if (!this.#need(n)) return false;
    this.strBuf = this.#buf;
    this.strFrom = this.#at;
    this.strTo = this.#at + n;
    this.#at += n;
    return true;
  }

  #grow(bytes: number): void {
    const grown = new Uint8Array(bytes);
    grown.set(this.#buf);
    this.#buf = grown;
  }

  byte(): number {
    if (!this.#need(1)) return 0;
    const n = this.#buf[this.#at]!;
    this.#at += 1;
    return n;
  }

  /** An integer of `bytes` bytes up to 4, little-endian, without its sign. */
  little(bytes: number): number {
    if (!this.#need(bytes)) return 0;
    let n = 0;
    for (let i = bytes - 1; i >= 0; i--) n = n * 256 + this.#buf[this.#at + i]!;
    this.#at += bytes;
    return n;
  }

  #big(bytes: number): number {
    if (!this.#need(bytes)) return 0;
    let n = 0;
    for (let i = 0; i < bytes; i++) n = n * 256 + this.#buf[this.#at + i]!;
    this.#at += bytes;
    return n;
  }

  /** A u64 little-endian: times. Beyond 2^53 it is the nearest double. */
  u64(): number {
    const low = this.little(4);
    return this.little(4) * TWO_32 + low;
  }

  /** A double, little-endian. */
  double(): number {
    if (!this.#need(8)) return 0;
    for (let i = 0; i < 8; i++) this.#doubleBytes[i] = this.#buf[this.#at + i]!;
    this.#at += 8;
    return this.#double[0]!;
  }

  /** A double of the oldest format: its length and its text. NaN is damage. */
  textDouble(): number {
    const length = this.byte();
    if (length === ASCII_INFINITY) return Number.POSITIVE_INFINITY;
    if (length === ASCII_MINUS_INFINITY) return Number.NEGATIVE_INFINITY;
    if (length === ASCII_NAN || !this.#need(length)) return this.fail();
    const x = parseFloat64(this.#buf, this.#at, this.#at + length);
    this.#at += length;
    return Number.isNaN(x) ? this.fail() : x;
  }

  #size(): number {
    const first = this.byte();
    this.#isSpecial = first >= rdb.SPECIAL;
    if (this.#isSpecial) return first & 0x3f;
    if (first < rdb.LENGTH_14) return first;
    if (first < rdb.LENGTH_32) return ((first & 0x3f) << 8) | this.byte();
    if (first === rdb.LENGTH_32) return this.#big(4);
    return first === rdb.LENGTH_64 ? this.#big(8) : this.fail();
  }

  /** A length. */
  length(): number {
    const n = this.#size();
    return this.#isSpecial ? this.fail() : n;
  }

  /** A length with all its 64 bits, into `high` and `low`: parts of IDs. */
  lengthWords(): void {
    const first = this.byte();
    const isWide = first === rdb.LENGTH_64 && !this.isBad;
    if (!isWide && !this.isBad) this.#at -= 1;
    this.high = isWide ? this.#big(4) : 0;
    this.low = isWide ? this.#big(4) : this.length();
  }

  /** The same as one number. */
  id(): bigint {
    this.lengthWords();
    return (BigInt(this.high) << 32n) | BigInt(this.low);
  }

  /** The number of elements that follow; each takes a byte or more. */
  count(): number {
    const n = this.length();
    return n > this.left ? this.#runsOut() : n;
  }

  /** A string, into `strBuf`, `strFrom` and `strTo`. False when it is bad. */
  string(): boolean {
    const n = this.#size();
    if (this.#isSpecial) return this.#special(n);
    return this.raw(n);
  }

  #special(kind: number): boolean {
    if (kind === rdb.SPECIAL_LZF) return this.#compressed();
    if (kind > rdb.SPECIAL_LZF) return this.fail() !== 0;
    const bytes = 1 << kind;
    const shift = 32 - 8 * bytes;
    const n = (this.little(bytes) << shift) >> shift;
    if (this.isBad) return false;
    this.strBuf = this.#text;
    this.strFrom = 0;
    this.strTo = formatInteger(n, this.#text, 0);
    return true;
  }

  #compressed(): boolean {
    const packed = this.length();
    const length = this.length();
    if (length > UNPACKED_BYTES_MAX) return this.fail() !== 0;
    if (!this.#need(packed)) return false;
    const end = this.#at + packed;
    // Before anything is allocated for it, the length is known to be true.
    if (lzfLength(this.#buf, this.#at, end) !== length) return this.fail() !== 0;
    if (this.#unpacked.length < length || this.#unpacked.length > SCRATCH_KEPT_MAX) {
      this.#unpacked = new Uint8Array(length);
    }
    const out = this.#unpacked;
    if (!lzfDecompress(this.#buf, this.#at, end, out)) return this.fail() !== 0;
    this.#at = end;
    this.strBuf = out;
    this.strFrom = 0;
    this.strTo = length;
    return true;
  }

  /** A string as text of one character per byte; for short facts. */
  shortText(): string {
    if (!this.string()) return '';
    return Buffer.from(this.strBuf.subarray(this.strFrom, this.strTo)).toString('latin1');
  }

  /** Whether the next `n` bytes, which are read, are those at expected[0, n). */
  expect(expected: Uint8Array): boolean {
    if (!this.#need(expected.length)) return false;
    for (let i = 0; i < expected.length; i++) {
      if (this.#buf[this.#at + i] !== expected[i]) return this.fail() !== 0;
    }
    this.#at += expected.length;
    return true;
  }
}
