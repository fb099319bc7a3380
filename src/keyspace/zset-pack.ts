/**
 * ZsetPack: small sorted sets as packs, wherever their bytes lie.
 *
 * LAYOUT
 *   pack of member, score, member, score ... in order: score ascending, then bytes of the member
 *   score  an integer element where it is a safe integer (-0 becomes 0, as in Redis); otherwise a
 *          string element of nine bytes: 0xff, then the score as a little-endian f64
 *
 *   Example: member "ab" with score 1.5 = 82 61 62 03  89 ff 00 00 00 00 00 00 f8 3f 0a
 *
 * Redis keeps scores that are no integers as text, which takes a parser for every comparison: to
 * walk over 128 scores of 17 digits takes 1.5 us with doubles, to parse their texts alone 12 us.
 * The mark in front keeps a double from looking like the text of an integer.
 */
import { formatInteger } from '../base/number-text.ts';
import { Listpack, PACK_HEADER_BYTES } from '../structures/listpack.ts';

const DOUBLE_MARK = 0xff;
/** Bytes of a double in front of which the element has its encoding byte and the mark. */
const DOUBLE_LEAD = 2;
const DOUBLE_LENGTH = 9;

/** memcmp of a[aFrom, aTo) and b[bFrom, bTo), the shorter first: negative, 0 or positive. */
export function compareBytes(
  a: Uint8Array,
  aFrom: number,
  aTo: number,
  b: Uint8Array,
  bFrom: number,
  bTo: number,
): number {
  const shift = bFrom - aFrom;
  const shared = Math.min(aTo, bTo - shift);
  for (let i = aFrom; i < shared; i++) {
    const difference = a[i]! - b[i + shift]!;
    if (difference !== 0) return difference;
  }
  return aTo - aFrom - (bTo - bFrom);
}

/** Reads and changes sorted sets at bytes [start, end) of one view. */
export class ZsetPack {
  /** Member and score that `read` found; the bytes are borrowed until the next call. */
  buf: Uint8Array;
  from = 0;
  to = 0;
  score = 0;
  readonly #u8: Uint8Array;
  readonly #pack: Listpack;
  readonly #double = new Float64Array(1);
  readonly #doubleBytes: Uint8Array;
  /** The score as an element's bytes, from `#writeScore`. */
  readonly #text = new Uint8Array(24);

  constructor(u8: Uint8Array) {
    this.#u8 = u8;
    this.buf = u8;
    this.#pack = new Listpack(u8);
    this.#doubleBytes = new Uint8Array(this.#double.buffer);
  }

  /** Makes an empty pack at `start`; returns its end. */
  init(start: number): number {
    return this.#pack.init(start);
  }

  /** Number of members. */
  size(start: number, end: number): number {
    return this.#pack.count(start, end) / 2;
  }

  first(start: number): number {
    return start + PACK_HEADER_BYTES;
  }

  /** Position of the member of rank `rank`, which exists. O(n). */
  seek(start: number, end: number, rank: number): number {
    return this.#pack.seek(start, end, rank * 2);
  }

  /** Position of the member before `at`, -1 when there is none. */
  previous(start: number, at: number): number {
    const score = this.#pack.previous(start, at);
    return score < 0 ? -1 : this.#pack.previous(start, score);
  }

  /** Position of the member after that at `at`, or the end. */
  next(at: number): number {
    return this.#pack.next(this.#pack.next(at));
  }

  /** Reads member and score at `at`; returns the position of the next member, or the end. */
  read(at: number): number {
    const pack = this.#pack;
    const scoreAt = pack.next(at);
    this.score = this.#scoreAt(scoreAt);
    pack.read(at);
    this.buf = pack.buf;
    this.from = pack.from;
    this.to = pack.to;
    return pack.next(scoreAt);
  }

  /** Value of the score element at `at`. */
  #scoreAt(at: number): number {
    const n = this.#pack.integerAt(at);
    if (!Number.isNaN(n)) return n;
    const u8 = this.#u8;
    const bytes = this.#doubleBytes;
    for (let i = 0; i < 8; i++) bytes[i] = u8[at + DOUBLE_LEAD + i]!;
    return this.#double[0]!;
  }

  /** Position of a member, or -1; sets `score`. O(n). */
  find(start: number, end: number, buf: Uint8Array, from: number, to: number): number {
    const at = this.#pack.find(start, end, buf, from, to, 0, 2);
    if (at >= 0) this.score = this.#scoreAt(this.#pack.next(at));
    return at;
  }

  /** Rank of the member at `at`. O(n). */
  rankAt(start: number, at: number): number {
    let rank = 0;
    for (let p = this.first(start); p < at; p = this.next(p)) rank += 1;
    return rank;
  }

  /** Members with a score below `bound`, or up to it when `isAfter`. O(n). */
  rankOfScore(start: number, end: number, bound: number, isAfter: boolean): number {
    const pack = this.#pack;
    let rank = 0;
    for (let at = this.first(start); at < end; rank++) {
      const scoreAt = pack.next(at);
      const score = this.#scoreAt(scoreAt);
      if (isAfter ? score > bound : score >= bound) break;
      at = pack.next(scoreAt);
    }
    return rank;
  }

  /** Members before buf[from, to), or up to it when `isAfter`, where all have one score. O(n). */
  rankOfLex(
    start: number,
    end: number,
    buf: Uint8Array,
    from: number,
    to: number,
    isAfter: boolean,
  ): number {
    let rank = 0;
    for (let at = this.first(start); at < end; rank++) {
      at = this.read(at);
      const order = compareBytes(this.buf, this.from, this.to, buf, from, to);
      if (isAfter ? order > 0 : order >= 0) break;
    }
    return rank;
  }

  // ---- changes

  /** Writes a score as the bytes of an element into `#text`; returns how many. */
  #writeScore(score: number): number {
    if (Number.isSafeInteger(score)) {
      return formatInteger(score + 0, this.#text, 0);
    }
    this.#double[0] = score;
    this.#text[0] = DOUBLE_MARK;
    for (let i = 0; i < 8; i++) this.#text[i + 1] = this.#doubleBytes[i]!;
    return DOUBLE_LENGTH;
  }

  /** Bytes that a member with its score takes. */
  pairBytes(buf: Uint8Array, from: number, to: number, score: number): number {
    const length = this.#writeScore(score);
    return this.#pack.encodedBytes(buf, from, to) + this.#pack.encodedBytes(this.#text, 0, length);
  }

  /** Bytes of member and score at `at`. */
  pairBytesAt(at: number): number {
    return this.next(at) - at;
  }

  /**
   * Puts in a member that is absent. There must be room for `pairBytes` behind `end`. Returns the
   * new end. O(n).
   */
  insert(
    start: number,
    end: number,
    buf: Uint8Array,
    from: number,
    to: number,
    score: number,
  ): number {
    const at = this.#place(start, end, buf, from, to, score);
    const length = this.#writeScore(score);
    const behind = this.#pack.insert(start, end, at, this.#text, 0, length);
    return this.#pack.insert(start, behind, at, buf, from, to);
  }

  /** Where a member belongs: behind the last one when it is the greatest. */
  #place(
    start: number,
    end: number,
    buf: Uint8Array,
    from: number,
    to: number,
    score: number,
  ): number {
    const last = this.previous(start, end);
    if (last < 0 || this.#isBefore(last, buf, from, to, score)) return end;
    let at = this.first(start);
    while (at < last && this.#isBefore(at, buf, from, to, score)) at = this.next(at);
    return at;
  }

  #isBefore(at: number, buf: Uint8Array, from: number, to: number, score: number): boolean {
    const own = this.#scoreAt(this.#pack.next(at));
    if (own !== score) return own < score;
    this.read(at);
    return compareBytes(this.buf, this.from, this.to, buf, from, to) < 0;
  }

  /** Takes `count` members from `at` on out. Returns the new end. O(bytes behind). */
  remove(start: number, end: number, at: number, count: number): number {
    return this.#pack.remove(start, end, at, count * 2);
  }

  /** Throws when the bytes are no sorted set. O(n). */
  checkInvariants(start: number, end: number): void {
    this.#pack.checkInvariants(start, end);
    if (this.#pack.count(start, end) % 2 !== 0) throw new Error('zset: a member without a score');
    let before = this.first(start);
    for (let at = before; at < end; at = this.next(at)) {
      this.#checkScore(this.#pack.next(at));
      if (at === before) continue;
      this.read(at);
      const { buf, from, to, score } = this;
      const copy = buf.slice(from, to);
      if (!this.#isBefore(before, copy, 0, copy.length, score)) {
        throw new Error('zset: members are out of order');
      }
      before = at;
    }
  }

  #checkScore(at: number): void {
    const score = this.#scoreAt(at);
    if (Number.isNaN(score)) throw new Error('zset: a score that is not a number');
    const length = this.#writeScore(score);
    if (!this.#pack.equals(at, this.#text, 0, length)) {
      throw new Error('zset: a score is not stored the way it should be');
    }
  }
}
