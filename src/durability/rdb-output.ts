/** RdbOutput: lengths, strings and numbers of the RDB format (rdb-format.ts), into a sink. */
import { parseInt64 } from '../base/number-text.ts';
import type { ByteSink } from './byte-sink.ts';
import { lzfCompress } from './lzf.ts';
import * as rdb from './rdb-format.ts';

const TWO_32 = 4294967296;
/** As in Redis: shorter strings are not worth it. */
const COMPRESSED_BYTES_MIN = 21;
/** Compression has to save this much, as in Redis. */
const SAVED_BYTES_MIN = 4;
/** Longer strings are written as they are: no scratch of their size. */
const COMPRESSED_BYTES_MAX = 1 << 24;
const SCRATCH_KEPT_MAX = 1 << 20;
/** Longest encoded integer or length. */
const FIELD_BYTES_MAX = 16;

/** Notes strings that somebody else will try to compress: where their length begins in the sink. */
export interface StringMarks {
  mark(offset: number, length: number): void;
}

export class RdbOutput {
  sink: ByteSink;
  /** Null: strings are compressed here. */
  marks: StringMarks | null = null;
  /** With marks: strings are compressed nevertheless, because whoever reads the marks is behind. */
  compressesHere = false;
  /** Whether strings are compressed (`rdbcompression`). */
  compresses: boolean;
  #scratch: Uint8Array = new Uint8Array(0);
  readonly #double = new Float64Array(1);
  readonly #doubleBytes = new Uint8Array(this.#double.buffer);

  constructor(sink: ByteSink, compresses: boolean) {
    this.sink = sink;
    this.compresses = compresses;
  }

  byte(n: number): void {
    const { sink } = this;
    sink.reserve(1);
    sink.buf[sink.length] = n;
    sink.length += 1;
  }

  /** An integer of `bytes` bytes up to 4, little-endian. */
  little(n: number, bytes: number): void {
    const { sink } = this;
    sink.reserve(bytes);
    for (let i = 0; i < bytes; i++) sink.buf[sink.length++] = (n >>> (8 * i)) & 0xff;
  }

  /** A time in ms, or another integer from 0 on, as a u64 little-endian. */
  u64(n: number): void {
    const high = Math.floor(n / TWO_32);
    this.little(n - high * TWO_32, 4);
    this.little(high, 4);
  }

  /** A double, little-endian. */
  double(x: number): void {
    this.#double[0] = x;
    this.sink.rawRange(this.#doubleBytes, 0, 8);
  }

  /** A length: an integer from 0 on. */
  length(n: number): void {
    const { sink } = this;
    sink.reserve(FIELD_BYTES_MAX);
    const { buf } = sink;
    let at = sink.length;
    if (n < 0x40) {
      buf[at++] = n;
    } else if (n < 0x4000) {
      buf[at++] = rdb.LENGTH_14 | (n >>> 8);
      buf[at++] = n & 0xff;
    } else {
      const isWide = n >= TWO_32;
      buf[at++] = isWide ? rdb.LENGTH_64 : rdb.LENGTH_32;
      const high = Math.floor(n / TWO_32);
      const low = n - high * TWO_32;
      if (isWide) for (let i = 24; i >= 0; i -= 8) buf[at++] = (high >>> i) & 0xff;
      for (let i = 24; i >= 0; i -= 8) buf[at++] = (low >>> i) & 0xff;
    }
    sink.length = at;
  }

  /** A length with all its 64 bits: parts of IDs. */
  lengthWords(high: number, low: number): void {
    if (high === 0) {
      this.length(low);
      return;
    }
    this.byte(rdb.LENGTH_64);
    for (let i = 24; i >= 0; i -= 8) this.byte((high >>> i) & 0xff);
    for (let i = 24; i >= 0; i -= 8) this.byte((low >>> i) & 0xff);
  }

  /** A string; the text of an integer, and what can be compressed, in its short form. O(bytes). */
  string(buf: Uint8Array, from: number, to: number): void {
    const length = to - from;
    if (length <= rdb.INTEGER_TEXT_MAX && this.#integer(buf, from, to)) return;
    if (this.mayCompress(length)) {
      const isHere = this.marks === null || this.compressesHere;
      if (isHere && this.#compressed(buf, from, to)) return;
      if (!isHere) this.markString(length);
    }
    this.length(length);
    this.sink.rawRange(buf, from, to);
  }

  /** Notes that a string of `length` bytes begins here, where there is somebody to note it for. */
  markString(length: number): void {
    if (this.marks !== null && this.mayCompress(length)) this.marks.mark(this.sink.length, length);
  }

  /** Whether a string of this length will be tried to be compressed. */
  mayCompress(length: number): boolean {
    return this.compresses && length >= COMPRESSED_BYTES_MIN && length <= COMPRESSED_BYTES_MAX;
  }

  #integer(buf: Uint8Array, from: number, to: number): boolean {
    const n = parseInt64(buf, from, to);
    if (n >= -0x80 && n <= 0x7f) {
      this.byte(rdb.SPECIAL | rdb.SPECIAL_INT_8);
      this.little(n, 1);
    } else if (n >= -0x8000 && n <= 0x7fff) {
      this.byte(rdb.SPECIAL | rdb.SPECIAL_INT_16);
      this.little(n, 2);
    } else if (n >= -0x80000000 && n <= 0x7fffffff) {
      this.byte(rdb.SPECIAL | rdb.SPECIAL_INT_32);
      this.little(n, 4);
    } else {
      return false;
    }
    return true;
  }

  #compressed(buf: Uint8Array, from: number, to: number): boolean {
    const length = to - from;
    if (this.#scratch.length < length) this.#scratch = new Uint8Array(length);
    const scratch = this.#scratch;
    const end = lzfCompress(buf, from, to, scratch, 0, length - SAVED_BYTES_MIN);
    if (scratch.length > SCRATCH_KEPT_MAX) this.#scratch = new Uint8Array(0);
    if (end === 0) return false;
    this.byte(rdb.SPECIAL | rdb.SPECIAL_LZF);
    this.length(end);
    this.length(length);
    this.sink.rawRange(scratch, 0, end);
    return true;
  }

  /** A string of one byte per character. */
  text(text: string): void {
    const bytes = Buffer.from(text, 'latin1');
    this.string(bytes, 0, bytes.length);
  }
}
