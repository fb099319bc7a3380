/**
 * Listpack: a compact sequence of byte strings and integers in one piece of memory: small hashes,
 * sets and sorted sets, small lists and the nodes of large ones.
 *
 * LAYOUT of a pack, bytes [start, end) of a view; the owner knows both
 *   0  u16 little-endian: number of elements, 65535 = too many to say: walk
 *   2  elements, each: encoding byte(s), data, back length
 *
 *   encoding byte   data                            element
 *   0xxxxxxx        -                               integer 0..127
 *   10xxxxxx        x bytes                         string up to 63 bytes
 *   110xxxxx + u8   -                               integer of 13 bits, two's complement
 *   1110xxxx + u8   x bytes (12 bits, high first)   string up to 4095 bytes
 *   11110000        u32 length, bytes               longer string
 *   11110001..0100  2, 3, 4, 8 bytes                integer, little-endian two's complement
 *
 *   back length: bytes of encoding and data, 7 bits a byte, most significant first; all bytes but
 *   the first have bit 7 set, so that it can be read from its end.
 *
 * These are the elements of Redis's listpack (antirez, listpack.md), whose own header (u32 total
 * bytes, u16 elements) and end byte 0xFF are left out: the owner knows the length. `toRedis` and
 * `fromRedis` convert.
 *
 *   Example: the elements "1" and "ab" = 02 00  01 01  82 61 62 03
 *
 * INVARIANT  texts that are canonical int64 numbers are stored as integers, the shortest way.
 * OWNERSHIP  the owner makes room before a pack grows. Source bytes never lie in the same pack.
 * LIMITS     2^32 - 1 bytes an element.
 */
import { copyBytes } from '../base/bytes.ts';
import { formatInteger, parseBigInt64, parseInt64 } from '../base/number-text.ts';

export const PACK_HEADER_BYTES = 2;
/** Bytes of Redis's form beyond those of a pack: a longer header, and the end byte. */
export const REDIS_EXTRA_BYTES = 5;

const HEADER = 2;
const COUNT_UNKNOWN = 0xffff;
const REDIS_HEADER = 6;
const REDIS_END = 0xff;
const STRING_32 = 0xf0;
const INT_16 = 0xf1;
const INT_24 = 0xf2;
const INT_64 = 0xf4;
/** Longest decimal text of an int64. */
const INT_TEXT_MAX = 20;
const TWO_32 = 4294967296;
const WORD_MAX = 0xffffffff;
const NINE = 0x39;
const MINUS = 0x2d;

/** Bytes of a back length for an element of `bytes` bytes. */
function backLengthBytes(bytes: number): number {
  if (bytes <= 127) return 1;
  if (bytes < 16383) return 2;
  if (bytes < 2097151) return 3;
  return bytes < 268435455 ? 4 : 5;
}

/** Bytes of encoding and data for an integer that is safe; beyond 2^53 it is always 9. */
export function integerBytes(n: number): number {
  if (n >= 0 && n <= 127) return 1;
  if (n >= -4096 && n <= 4095) return 2;
  if (n >= -32768 && n <= 32767) return 3;
  if (n >= -8388608 && n <= 8388607) return 4;
  return n >= -2147483648 && n <= 2147483647 ? 5 : 9;
}

function stringHeaderBytes(length: number): number {
  if (length < 64) return 1;
  return length < 4096 ? 2 : 5;
}

/** Reads and changes packs of one view. Positions are byte offsets into it. */
export class Listpack {
  readonly #u8: Uint8Array;
  readonly #scratch = new Uint8Array(32);
  /** Bytes of the element that `read` found; borrowed until the next read or change. */
  buf: Uint8Array;
  from = 0;
  to = 0;
  /** The element was an integer, and (exact up to 2^53) which. */
  isInteger = false;
  int = 0;
  /** What `readWords` found. */
  intHigh = 0;
  intLow = 0;
  /** What `#measure` found out of a text. */
  #number = 0;
  #big = 0n;
  /** What `encodedBytes` found: bytes of encoding and data. */
  #bytes = 0;

  constructor(u8: Uint8Array) {
    this.#u8 = u8;
    this.buf = u8;
  }

  /** Makes an empty pack; returns its end. */
  init(start: number): number {
    this.#u8[start] = 0;
    this.#u8[start + 1] = 0;
    return start + HEADER;
  }

  /** Number of elements. O(1), O(n) beyond 65534. */
  count(start: number, end: number): number {
    const count = this.#u8[start]! | (this.#u8[start + 1]! << 8);
    if (count !== COUNT_UNKNOWN) return count;
    let n = 0;
    for (let at = start + HEADER; at < end; at = this.next(at)) n += 1;
    return n;
  }

  #addCount(start: number, end: number, delta: number): void {
    let count = this.#u8[start]! | (this.#u8[start + 1]! << 8);
    // `end` is that of the pack after the change, so a walk counts the elements of now.
    if (count === COUNT_UNKNOWN) {
      if (delta >= 0) return;
      count = this.count(start, end);
    } else {
      count += delta;
    }
    this.setCount(start, count);
  }

  /** Writes the number of elements, for those who build a pack by block copies. */
  setCount(start: number, count: number): void {
    const stored = Math.min(count, COUNT_UNKNOWN);
    this.#u8[start] = stored & 0xff;
    this.#u8[start + 1] = stored >>> 8;
  }

  /** Position of the first element; the end of the pack when it is empty. */
  first(start: number): number {
    return start + HEADER;
  }

  /** Position after the element at `at`: the next one's, or the end. */
  next(at: number): number {
    const bytes = this.#dataBytes(at);
    return at + bytes + backLengthBytes(bytes);
  }

  /** Position of the last element, -1 when the pack is empty. */
  last(start: number, end: number): number {
    return this.previous(start, end);
  }

  /** Position of the element before `at` (which may be the end), -1 when there is none. */
  previous(start: number, at: number): number {
    if (at <= start + HEADER) return -1;
    const u8 = this.#u8;
    let p = at - 1;
    let bytes = 0;
    let factor = 1;
    for (;;) {
      const byte = u8[p]!;
      bytes += (byte & 127) * factor;
      if ((byte & 128) === 0) break;
      factor *= 128;
      p -= 1;
    }
    return p - bytes;
  }

  /** Position of element `index` (negative: from the tail, -1 = last), or -1. O(n). */
  seek(start: number, end: number, index: number): number {
    let at = start + HEADER;
    if (index < 0) {
      at = end;
      for (let i = index; i < 0 && at >= 0; i++) at = this.previous(start, at);
      return at;
    }
    const count = this.count(start, end);
    if (index >= count) return -1;
    if (index > count / 2) return this.seek(start, end, index - count);
    for (let i = 0; i < index; i++) at = this.next(at);
    return at;
  }

  /** Bytes of encoding and data. */
  #dataBytes(at: number): number {
    const u8 = this.#u8;
    const head = u8[at]!;
    if (head < 0x80) return 1;
    if (head < 0xc0) return 1 + (head & 63);
    if (head < 0xe0) return 2;
    if (head < 0xf0) return 2 + (((head & 15) << 8) | u8[at + 1]!);
    if (head === STRING_32) return 5 + this.#u32(at + 1);
    if (head === INT_64) return 9;
    return head - INT_16 + 3;
  }

  #u32(at: number): number {
    const u8 = this.#u8;
    return (u8[at]! | (u8[at + 1]! << 8) | (u8[at + 2]! << 16) | (u8[at + 3]! << 24)) >>> 0;
  }

  /** Bytes of the element at `at` with its back length. */
  entryBytes(at: number): number {
    const bytes = this.#dataBytes(at);
    return bytes + backLengthBytes(bytes);
  }

  /**
   * Whether the element at `at` is stored the shortest way. Cheap for texts that cannot be numbers,
   * which most are.
   */
  isShortest(at: number): boolean {
    const u8 = this.#u8;
    const head = u8[at]!;
    if (head < 0x80) return true;
    if (head < 0xc0) {
      const length = head & 63;
      const first = u8[at + 1]!;
      if (length === 0 || length > INT_TEXT_MAX || first > NINE || first < MINUS) return true;
    }
    this.read(at);
    return this.encodedBytes(this.buf, this.from, this.to) === this.entryBytes(at);
  }

  /** Decodes the element at `at` into `buf`, `from`, `to`, `isInteger` and `int`. */
  read(at: number): void {
    const u8 = this.#u8;
    const head = u8[at]!;
    if (head >= 0x80 && head < 0xc0) {
      this.#isBytes(at + 1, head & 63);
    } else if (head >= 0xe0 && head < 0xf0) {
      this.#isBytes(at + 2, ((head & 15) << 8) | u8[at + 1]!);
    } else if (head === STRING_32) {
      this.#isBytes(at + 5, this.#u32(at + 1));
    } else {
      this.isInteger = true;
      this.buf = this.#scratch;
      this.from = 0;
      if (head === INT_64) {
        this.#readInt64(at);
      } else {
        this.int = this.#integer(at);
        this.to = formatInteger(this.int, this.#scratch, 0);
      }
    }
  }

  /** The same, and returns the position behind the element. */
  take(at: number): number {
    const head = this.#u8[at]!;
    if (head >= 0x80 && head < 0xc0) {
      const length = head & 63;
      this.#isBytes(at + 1, length);
      return at + 2 + length;
    }
    this.read(at);
    return this.next(at);
  }

  #isBytes(from: number, length: number): void {
    this.isInteger = false;
    this.buf = this.#u8;
    this.from = from;
    this.to = from + length;
  }

  #readInt64(at: number): void {
    const low = this.#u32(at + 1);
    const high = this.#u32(at + 5) | 0;
    this.int = high * TWO_32 + low;
    if (Number.isSafeInteger(this.int)) {
      this.to = formatInteger(this.int, this.#scratch, 0);
      return;
    }
    const text = ((BigInt(high) << 32n) | BigInt(low)).toString();
    for (let i = 0; i < text.length; i++) this.#scratch[i] = text.charCodeAt(i);
    this.to = text.length;
  }

  /** Value of an integer element of at most 32 bits. */
  #integer(at: number): number {
    const u8 = this.#u8;
    const head = u8[at]!;
    if (head < 0x80) return head;
    if (head < 0xe0) return ((((head & 31) << 8) | u8[at + 1]!) << 19) >> 19;
    if (head === INT_16) return ((u8[at + 1]! | (u8[at + 2]! << 8)) << 16) >> 16;
    if (head === INT_24) {
      return ((u8[at + 1]! | (u8[at + 2]! << 8) | (u8[at + 3]! << 16)) << 8) >> 8;
    }
    return this.#u32(at + 1) | 0;
  }

  /** The integer at `at`, exact up to 2^53; NaN when the element is a string. */
  integerAt(at: number): number {
    const head = this.#u8[at]!;
    if (head < 0x80) return head;
    if (head < 0xc0 || (head >= 0xe0 && head <= STRING_32)) return Number.NaN;
    if (head === INT_64) return (this.#u32(at + 5) | 0) * TWO_32 + this.#u32(at + 1);
    return this.#integer(at);
  }

  /** Decodes the integer at `at` exactly, as two's complement of 64 bits: `intHigh`, `intLow`. */
  readWords(at: number): void {
    if (this.#u8[at] === INT_64) {
      this.intLow = this.#u32(at + 1);
      this.intHigh = this.#u32(at + 5);
      return;
    }
    const n = this.#integer(at);
    this.intLow = n >>> 0;
    this.intHigh = n < 0 ? WORD_MAX : 0;
  }

  /** True when the element at `at` is the bytes buf[from, to). */
  equals(at: number, buf: Uint8Array, from: number, to: number): boolean {
    this.read(at);
    const length = to - from;
    if (this.to - this.from !== length) return false;
    const own = this.buf;
    for (let i = 0, p = this.from; i < length; i++) if (own[p + i] !== buf[from + i]) return false;
    return true;
  }

  /**
   * Position of the first element equal to buf[from, to) among elements `first`, `first + step`
   * ..., or -1. O(n).
   */
  find(
    start: number,
    end: number,
    buf: Uint8Array,
    from: number,
    to: number,
    first: number,
    step: number,
  ): number {
    const bytes = this.#measure(buf, from, to);
    const isNumber = !Number.isNaN(this.#number);
    const length = to - from;
    const lead = isNumber ? 0 : stringHeaderBytes(length);
    let skip = first;
    for (let at = start + HEADER; at < end; ) {
      const own = this.#dataBytes(at);
      if (skip === 0) {
        skip = step;
        // Equal elements have equal encodings, so their lengths are the same.
        if (own === bytes && this.#isMatch(at, isNumber, lead, buf, from, length)) return at;
      }
      skip -= 1;
      at += own + backLengthBytes(own);
    }
    return -1;
  }

  #isMatch(
    at: number,
    isNumber: boolean,
    lead: number,
    buf: Uint8Array,
    from: number,
    length: number,
  ): boolean {
    const u8 = this.#u8;
    const head = u8[at]!;
    const isString = (head >= 0x80 && head < 0xc0) || (head >= 0xe0 && head <= STRING_32);
    if (isString === isNumber) return false;
    if (isNumber) {
      if (head !== INT_64) return this.#integer(at) === this.#number;
      const high = this.#u32(at + 5) | 0;
      const low = this.#u32(at + 1);
      if (Number.isFinite(this.#number)) return high * TWO_32 + low === this.#number;
      return ((BigInt(high) << 32n) | BigInt(low)) === this.#big;
    }
    const data = at + lead;
    for (let i = 0; i < length; i++) if (u8[data + i] !== buf[from + i]) return false;
    return true;
  }

  /**
   * Bytes of encoding and data that buf[from, to) takes; leaves its number in `#number` (NaN = it
   * is a string, infinite = beyond 2^53, and exactly in `#big`).
   */
  #measure(buf: Uint8Array, from: number, to: number): number {
    const length = to - from;
    this.#number = Number.NaN;
    if (length > 0 && length <= INT_TEXT_MAX && buf[from]! <= NINE) {
      this.#number = parseInt64(buf, from, to);
      if (!Number.isNaN(this.#number)) {
        if (Number.isFinite(this.#number)) return integerBytes(this.#number);
        this.#big = parseBigInt64(buf, from, to);
        return 9;
      }
    }
    return stringHeaderBytes(length) + length;
  }

  /** Bytes that an element buf[from, to) takes in a pack. */
  encodedBytes(buf: Uint8Array, from: number, to: number): number {
    const bytes = this.#measure(buf, from, to);
    this.#bytes = bytes;
    return bytes + backLengthBytes(bytes);
  }

  /**
   * Writes buf[from, to) as an element at `at`, where there is room for `encodedBytes`, and leaves
   * counting to the owner. Returns the position behind it. O(bytes).
   */
  put(at: number, buf: Uint8Array, from: number, to: number): number {
    return this.#write(at, this.#measure(buf, from, to), buf, from, to);
  }

  /** The same for an integer, two's complement of 64 bits in two words. At most 10 bytes. */
  putWords(at: number, high: number, low: number): number {
    if (high === 0 || high === WORD_MAX) {
      const n = (high | 0) * TWO_32 + low;
      this.#number = n;
      const bytes = integerBytes(n);
      this.#writeInteger(at, bytes);
      return this.#writeBackLength(at + bytes, bytes);
    }
    this.#u8[at] = INT_64;
    this.#writeLittle(at + 1, low, 4);
    this.#writeLittle(at + 5, high, 4);
    return this.#writeBackLength(at + 9, 9);
  }

  /** Writes the element that was measured last; returns the position behind it. */
  #write(at: number, bytes: number, buf: Uint8Array, from: number, to: number): number {
    if (Number.isNaN(this.#number)) this.#writeString(at, buf, from, to);
    else this.#writeInteger(at, bytes);
    return this.#writeBackLength(at + bytes, bytes);
  }

  #writeString(at: number, buf: Uint8Array, from: number, to: number): void {
    const u8 = this.#u8;
    const length = to - from;
    if (length < 64) {
      u8[at++] = 0x80 | length;
    } else if (length < 4096) {
      u8[at++] = 0xe0 | (length >>> 8);
      u8[at++] = length & 0xff;
    } else {
      u8[at++] = STRING_32;
      this.#writeLittle(at, length, 4);
      at += 4;
    }
    copyBytes(u8, at, buf, from, to);
  }

  #writeInteger(at: number, bytes: number): void {
    const u8 = this.#u8;
    const n = this.#number;
    if (bytes === 1) {
      u8[at] = n;
    } else if (bytes === 2) {
      u8[at] = 0xc0 | ((n >> 8) & 31);
      u8[at + 1] = n & 0xff;
    } else if (bytes < 9) {
      u8[at] = INT_16 + bytes - 3;
      this.#writeLittle(at + 1, n, bytes - 1);
    } else {
      u8[at] = INT_64;
      if (Number.isFinite(n)) {
        const high = Math.floor(n / TWO_32);
        this.#writeLittle(at + 1, n - high * TWO_32, 4);
        this.#writeLittle(at + 5, high, 4);
      } else {
        this.#writeLittle(at + 1, Number(BigInt.asIntN(32, this.#big)), 4);
        this.#writeLittle(at + 5, Number(this.#big >> 32n), 4);
      }
    }
  }

  #writeLittle(at: number, n: number, bytes: number): void {
    for (let i = 0; i < bytes; i++) this.#u8[at + i] = (n >>> (8 * i)) & 0xff;
  }

  #writeBackLength(at: number, bytes: number): number {
    const u8 = this.#u8;
    if (bytes <= 127) {
      u8[at] = bytes;
      return at + 1;
    }
    const size = backLengthBytes(bytes);
    let left = bytes;
    for (let i = size - 1; i >= 0; i--) {
      u8[at + i] = (left & 127) | (i === 0 ? 0 : 128);
      left = Math.floor(left / 128);
    }
    return at + size;
  }

  /**
   * Writes buf[from, to) as an element before position `at`. There must be room for `encodedBytes`
   * behind `end`. Returns the new end. O(bytes behind).
   */
  insert(
    start: number,
    end: number,
    at: number,
    buf: Uint8Array,
    from: number,
    to: number,
  ): number {
    const bytes = this.#measure(buf, from, to);
    const size = bytes + backLengthBytes(bytes);
    if (at < end) this.#u8.copyWithin(at + size, at, end);
    this.#write(at, bytes, buf, from, to);
    this.#addCount(start, end + size, 1);
    return end + size;
  }

  /**
   * Writes buf[from, to) as the first element of a pack that begins that much earlier then; there
   * must be room before `start`. The element is that of the last `encodedBytes`, and nothing was
   * looked for or written since. Returns the new start. O(1).
   */
  prependMeasured(start: number, end: number, buf: Uint8Array, from: number, to: number): number {
    const bytes = this.#bytes;
    const count = this.count(start, end);
    const first = start - bytes - backLengthBytes(bytes);
    this.#write(first + HEADER, bytes, buf, from, to);
    this.setCount(first, count + 1);
    return first;
  }

  /** The same at the end of a pack, with room for `encodedBytes` behind it. Returns the new end. */
  appendMeasured(start: number, end: number, buf: Uint8Array, from: number, to: number): number {
    const behind = this.#write(end, this.#bytes, buf, from, to);
    this.#addCount(start, behind, 1);
    return behind;
  }

  /** Drops the first element by letting the pack begin behind it. Returns the new start. O(1). */
  dropFirst(start: number, end: number): number {
    const count = this.count(start, end);
    const next = start + this.entryBytes(start + HEADER);
    this.setCount(next, count - 1);
    return next;
  }

  /** Takes `count` elements from `at` on out. Returns the new end. O(bytes behind). */
  remove(start: number, end: number, at: number, count: number): number {
    let behind = at;
    let removed = 0;
    for (; removed < count && behind < end; removed++) behind = this.next(behind);
    if (behind < end) this.#u8.copyWithin(at, behind, end);
    const shrunk = end - (behind - at);
    this.#addCount(start, shrunk, -removed);
    return shrunk;
  }

  /**
   * Puts buf[from, to) in the place of the element at `at`. There must be room for what it is
   * longer. Returns the new end.
   */
  replace(
    _start: number,
    end: number,
    at: number,
    buf: Uint8Array,
    from: number,
    to: number,
  ): number {
    const old = this.entryBytes(at);
    const bytes = this.#measure(buf, from, to);
    const size = bytes + backLengthBytes(bytes);
    if (size !== old && at + old < end) this.#u8.copyWithin(at + size, at + old, end);
    this.#write(at, bytes, buf, from, to);
    return end + size - old;
  }

  /**
   * True when untrusted bytes [start, end) are a pack: every element ends where its back length
   * says so, and the count is right. O(n).
   */
  validate(start: number, end: number): boolean {
    if (end - start < HEADER) return false;
    let n = 0;
    for (let at = start + HEADER; at < end; n++) {
      const next = validEntryEnd(this.#u8, at, end);
      if (next < 0) return false;
      at = next;
    }
    const stored = this.#u8[start]! | (this.#u8[start + 1]! << 8);
    return stored === COUNT_UNKNOWN || stored === n;
  }

  /**
   * Writes the pack in Redis's form, REDIS_EXTRA_BYTES longer, at `to` of `out`; returns the end.
   */
  toRedis(start: number, end: number, out: Uint8Array, to: number): number {
    const total = end - start + REDIS_EXTRA_BYTES;
    for (let i = 0; i < 4; i++) out[to + i] = (total >>> (8 * i)) & 0xff;
    copyBytes(out, to + 4, this.#u8, start, end);
    out[to + total - 1] = REDIS_END;
    return to + total;
  }

  /**
   * Writes the untrusted bytes buf[from, to), a listpack in Redis's form, as a pack at `start`;
   * returns its end, or -1 when they are no listpack: the bytes at `start` are undefined then.
   * There must be room for to - from bytes.
   */
  fromRedis(buf: Uint8Array, from: number, to: number, start: number): number {
    const total = to - from;
    if (total < REDIS_HEADER + 1 || buf[to - 1] !== REDIS_END) return -1;
    let stated = 0;
    for (let i = 3; i >= 0; i--) stated = stated * 256 + buf[from + i]!;
    if (stated !== total) return -1;
    copyBytes(this.#u8, start, buf, from + 4, to - 1);
    const end = start + total - REDIS_EXTRA_BYTES;
    return this.validate(start, end) ? end : -1;
  }

  /** Throws when the bytes are no pack. O(n). */
  checkInvariants(start: number, end: number): void {
    if (!this.validate(start, end)) throw new Error('listpack: the bytes are no pack');
    for (let at = start + HEADER; at < end; at = this.next(at)) {
      this.read(at);
      if (this.encodedBytes(this.buf, this.from, this.to) !== this.entryBytes(at)) {
        throw new Error('listpack: an element is not stored the shortest way');
      }
    }
  }
}

/** End of the element at `at`, with every byte of it checked to lie before `end`; -1 = bad. */
function validEntryEnd(u8: Uint8Array, at: number, end: number): number {
  const head = u8[at]!;
  let bytes = 1;
  if (head < 0x80) bytes = 1;
  else if (head < 0xc0) bytes = 1 + (head & 63);
  else if (head < 0xe0) bytes = 2;
  else if (head < 0xf0) {
    if (at + 2 > end) return -1;
    bytes = 2 + (((head & 15) << 8) | u8[at + 1]!);
  } else if (head === STRING_32) {
    if (at + 5 > end) return -1;
    let length = 0;
    for (let i = 4; i >= 1; i--) length = length * 256 + u8[at + i]!;
    bytes = 5 + length;
  } else if (head <= INT_64) bytes = head === INT_64 ? 9 : head - INT_16 + 3;
  else return -1;
  const size = backLengthBytes(bytes);
  if (at + bytes + size > end) return -1;
  let back = 0;
  for (let i = 0; i < size; i++) {
    const byte = u8[at + bytes + i]!;
    if ((byte & 128) !== (i === 0 ? 0 : 128)) return -1;
    back = back * 128 + (byte & 127);
  }
  return back === bytes ? at + bytes + size : -1;
}
