/**
 * IDs of stream entries: two unsigned 64-bit numbers, milliseconds and sequence, as four u32 words
 * from the most to the least significant, so that they compare word by word. Texts are `ms-seq`.
 */
import { decimalDigits, formatInteger } from '../base/number-text.ts';

/** Words of an ID in memory. */
export const ID_WORDS = 4;
/** Bytes of an ID as Redis stores it. */
export const ID_BYTES = 16;
/** Longest text of an ID: two numbers of 20 digits and the dash. */
export const ID_TEXT_MAX = 41;

const TWO_32 = 4294967296;
const WORD_MAX = 0xffffffff;
/** High words below this keep a number within 2^53. */
const SAFE_HIGH = 0x200000;
const UINT64_DIGITS_MAX = 20;
const ZERO = 0x30;
const SPACE = 0x20;
const TAB = 0x09;
const CARRIAGE_RETURN = 0x0d;
const PLUS = 0x2b;
const DASH = 0x2d;

/** One ID. Mutable: hot code keeps its own and lends them. */
export class StreamId {
  msHi = 0;
  msLo = 0;
  seqHi = 0;
  seqLo = 0;

  set(msHi: number, msLo: number, seqHi: number, seqLo: number): this {
    this.msHi = msHi;
    this.msLo = msLo;
    this.seqHi = seqHi;
    this.seqLo = seqLo;
    return this;
  }

  copy(other: StreamId): this {
    return this.set(other.msHi, other.msLo, other.seqHi, other.seqLo);
  }

  /** 0-0, which no entry has. */
  setMin(): this {
    return this.set(0, 0, 0, 0);
  }

  /** The greatest ID there is. */
  setMax(): this {
    return this.set(WORD_MAX, WORD_MAX, WORD_MAX, WORD_MAX);
  }

  /** `ms`-0, for a time in ms from 0 up to 2^53. */
  setTime(ms: number): this {
    return this.set(Math.floor(ms / TWO_32), ms >>> 0, 0, 0);
  }

  get isZero(): boolean {
    return (this.msHi | this.msLo | this.seqHi | this.seqLo) === 0;
  }

  get isSeqMax(): boolean {
    return this.seqHi === WORD_MAX && this.seqLo === WORD_MAX;
  }

  /** Negative, 0 or positive as this is less than, equal to or greater than `other`. */
  compare(other: StreamId): number {
    if (this.msHi !== other.msHi) return this.msHi - other.msHi;
    if (this.msLo !== other.msLo) return this.msLo - other.msLo;
    if (this.seqHi !== other.seqHi) return this.seqHi - other.seqHi;
    return this.seqLo - other.seqLo;
  }

  /** Whether this is greater than the ID of these four words. */
  isAfter(msHi: number, msLo: number, seqHi: number, seqLo: number): boolean {
    if (this.msHi !== msHi) return this.msHi > msHi;
    if (this.msLo !== msLo) return this.msLo > msLo;
    return this.seqHi !== seqHi ? this.seqHi > seqHi : this.seqLo > seqLo;
  }

  /** Adds to the milliseconds (part 0) or the sequence (part 1), modulo 2^64. */
  add(part: number, hi: number, lo: number): void {
    if (part === 0) {
      const sum = this.msLo + lo;
      this.msHi = (this.msHi + hi + (sum > WORD_MAX ? 1 : 0)) >>> 0;
      this.msLo = sum >>> 0;
    } else {
      const sum = this.seqLo + lo;
      this.seqHi = (this.seqHi + hi + (sum > WORD_MAX ? 1 : 0)) >>> 0;
      this.seqLo = sum >>> 0;
    }
  }

  /** Reads the 16 bytes at buf[at], most significant first, as Redis stores IDs. */
  loadBytes(buf: Uint8Array, at: number): this {
    return this.set(big32(buf, at), big32(buf, at + 4), big32(buf, at + 8), big32(buf, at + 12));
  }

  /** Writes those 16 bytes. */
  storeBytes(buf: Uint8Array, at: number): void {
    putBig32(buf, at, this.msHi);
    putBig32(buf, at + 4, this.msLo);
    putBig32(buf, at + 8, this.seqHi);
    putBig32(buf, at + 12, this.seqLo);
  }

  /** Negative, 0 or positive as the milliseconds are less, equal or greater. */
  compareMs(other: StreamId): number {
    return this.msHi !== other.msHi ? this.msHi - other.msHi : this.msLo - other.msLo;
  }

  /** Reads the ID at u32 index `at`. */
  load(u32: Uint32Array, at: number): this {
    return this.set(u32[at]!, u32[at + 1]!, u32[at + 2]!, u32[at + 3]!);
  }

  /** Writes the ID at u32 index `at`. */
  store(u32: Uint32Array, at: number): void {
    u32[at] = this.msHi;
    u32[at + 1] = this.msLo;
    u32[at + 2] = this.seqHi;
    u32[at + 3] = this.seqLo;
  }

  /** The next ID; false, and unchanged, for the greatest. */
  increment(): boolean {
    if (this.seqLo !== WORD_MAX) this.seqLo += 1;
    else if (this.seqHi !== WORD_MAX) this.set(this.msHi, this.msLo, this.seqHi + 1, 0);
    else if (this.msLo !== WORD_MAX) this.set(this.msHi, this.msLo + 1, 0, 0);
    else if (this.msHi !== WORD_MAX) this.set(this.msHi + 1, 0, 0, 0);
    else return false;
    return true;
  }

  /** The ID before; false, and unchanged, for 0-0. */
  decrement(): boolean {
    if (this.seqLo !== 0) this.seqLo -= 1;
    else if (this.seqHi !== 0) this.set(this.msHi, this.msLo, this.seqHi - 1, WORD_MAX);
    else if (this.msLo !== 0) this.set(this.msHi, this.msLo - 1, WORD_MAX, WORD_MAX);
    else if (this.msHi !== 0) this.set(this.msHi - 1, WORD_MAX, WORD_MAX, WORD_MAX);
    else return false;
    return true;
  }

  /** The milliseconds as a number, rounded beyond 2^53. */
  get ms(): number {
    return this.msHi * TWO_32 + this.msLo;
  }

  /** The sequence as a number, rounded beyond 2^53. */
  get seq(): number {
    return this.seqHi * TWO_32 + this.seqLo;
  }

  /** Bytes of the text. */
  textLength(): number {
    return uint64Digits(this.msHi, this.msLo) + 1 + uint64Digits(this.seqHi, this.seqLo);
  }

  /** Writes the text at `at`, which has room for ID_TEXT_MAX bytes; returns its end. */
  format(buf: Uint8Array, at: number): number {
    const dash = formatUint64(this.msHi, this.msLo, buf, at);
    buf[dash] = DASH;
    return formatUint64(this.seqHi, this.seqLo, buf, dash + 1);
  }

  /**
   * The same where the text before, of `last`, stands at `at`: what it has in common with this one
   * is not written again. Makes `last` this ID.
   */
  formatAfter(last: StreamId, buf: Uint8Array, at: number): number {
    const isSameMs = this.msLo === last.msLo && this.msHi === last.msHi && buf[at] !== 0;
    let dash = at;
    if (isSameMs) while (buf[dash] !== DASH) dash += 1;
    else dash = formatUint64(this.msHi, this.msLo, buf, at);
    buf[dash] = DASH;
    last.copy(this);
    return formatUint64(this.seqHi, this.seqLo, buf, dash + 1);
  }

  /** The text as a string: for errors and the log, not for hot code. */
  toString(): string {
    const buf = new Uint8Array(ID_TEXT_MAX);
    return Buffer.from(buf.subarray(0, this.format(buf, 0))).toString('latin1');
  }
}

function big32(buf: Uint8Array, at: number): number {
  return ((buf[at]! << 24) | (buf[at + 1]! << 16) | (buf[at + 2]! << 8) | buf[at + 3]!) >>> 0;
}

function putBig32(buf: Uint8Array, at: number, word: number): void {
  for (let i = 0; i < 4; i++) buf[at + i] = (word >>> (24 - 8 * i)) & 0xff;
}

function uint64Digits(hi: number, lo: number): number {
  if (hi < SAFE_HIGH) return decimalDigits(hi * TWO_32 + lo);
  return bigText(hi, lo).length;
}

function bigText(hi: number, lo: number): string {
  return ((BigInt(hi) << 32n) | BigInt(lo)).toString();
}

/** Writes an unsigned 64-bit number in decimal; returns the end. */
function formatUint64(hi: number, lo: number, buf: Uint8Array, at: number): number {
  if (hi < SAFE_HIGH) return at + formatInteger(hi * TWO_32 + lo, buf, at);
  const text = bigText(hi, lo);
  for (let i = 0; i < text.length; i++) buf[at + i] = text.charCodeAt(i);
  return at + text.length;
}

/** What `parseUint64` has read. */
const parsed = { hi: 0, lo: 0 };

/** Index of the first digit of a number that does not begin with one: see parseUint64. */
function skipBefore(buf: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to && (buf[at] === SPACE || (buf[at]! >= TAB && buf[at]! <= CARRIAGE_RETURN)))
    at += 1;
  return buf[at] === PLUS ? at + 1 : at;
}

/**
 * Reads buf[from, to) as an unsigned 64-bit decimal number into `parsed`. Redis has C read it:
 * white space, one plus sign and zeros may stand before.
 */
function parseUint64(buf: Uint8Array, from: number, to: number): boolean {
  let at = buf[from]! < ZERO ? skipBefore(buf, from, to) : from;
  if (at >= to) return false;
  while (at < to - 1 && buf[at] === ZERO) at += 1;
  if (to - at > UINT64_DIGITS_MAX) return false;
  let value = 0;
  for (let i = at; i < to; i++) {
    const digit = buf[i]! - ZERO;
    if (digit < 0 || digit > 9) return false;
    value = value * 10 + digit;
  }
  if (value <= Number.MAX_SAFE_INTEGER) {
    parsed.hi = Math.floor(value / TWO_32);
    parsed.lo = value >>> 0;
    return true;
  }
  const exact = BigInt(Buffer.from(buf.subarray(at, to)).toString('latin1'));
  if (exact >> 64n !== 0n) return false;
  parsed.hi = Number(exact >> 32n);
  parsed.lo = Number(exact & 0xffffffffn);
  return true;
}

/** `parseStreamId`: the text is no ID; it is one; it has no sequence; its sequence is `*`. */
export const ID_BAD = 0;
export const ID_WHOLE = 1;
export const ID_NO_SEQ = 2;
export const ID_AUTO_SEQ = 3;

/**
 * Reads buf[from, to) as `ms-seq`, `ms` or `ms-*` into `id`, whose sequence is 0 where the text has
 * none. Returns one of the ID_ constants; where it is ID_BAD, `id` is undefined.
 */
export function parseStreamId(buf: Uint8Array, from: number, to: number, id: StreamId): number {
  let dash = from;
  while (dash < to && buf[dash] !== DASH) dash += 1;
  if (!parseUint64(buf, from, dash)) return ID_BAD;
  id.set(parsed.hi, parsed.lo, 0, 0);
  if (dash === to) return ID_NO_SEQ;
  if (to - dash === 2 && buf[dash + 1] === 0x2a) return ID_AUTO_SEQ;
  if (!parseUint64(buf, dash + 1, to)) return ID_BAD;
  id.seqHi = parsed.hi;
  id.seqLo = parsed.lo;
  return ID_WHOLE;
}
