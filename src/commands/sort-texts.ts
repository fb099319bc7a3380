/**
 * What SORT works on: byte strings by number, in typed arrays. Those that lie in a shard are left
 * there and referred to, because the shards are held and nothing in them moves while SORT reads;
 * only what was decoded for reading (integers of packs) is copied.
 */
import { copyBytes } from '../base/bytes.ts';
import { parseFloat64 } from '../base/number-text.ts';
import type { Shard } from '../keyspace/shard.ts';

const ABSENT = 0;
const COPIED = 1;
/** Marks from here on are shards. */
const IN_PLACE = 2;
const COPY_BYTES_INITIAL = 256;
/** Bytes of a text that its rank is made of: 48 bits are exact in a double. */
const RANK_BYTES = 6;

/** Byte strings by number, set one by one and then only read. */
export class SortTexts {
  /** The text that `read` found: borrowed. */
  buf: Uint8Array;
  from = 0;
  to = 0;
  readonly #shards: readonly Shard[];
  readonly #marks: Uint16Array;
  readonly #starts: Float64Array;
  readonly #lengths: Uint32Array;
  #copies = new Uint8Array(COPY_BYTES_INITIAL);
  #copied = 0;

  /** `count` absent texts. */
  constructor(count: number, shards: readonly Shard[]) {
    this.buf = this.#copies;
    this.#shards = shards;
    this.#marks = new Uint16Array(count);
    this.#starts = new Float64Array(count);
    this.#lengths = new Uint32Array(count);
  }

  get count(): number {
    return this.#marks.length;
  }

  /** Sets text `index` to buf[from, to), which was read from `shard`. */
  set(index: number, shard: Shard, buf: Uint8Array, from: number, to: number): void {
    this.#lengths[index] = to - from;
    if (buf === shard.u8) {
      this.#marks[index] = IN_PLACE + shard.index;
      this.#starts[index] = from;
      return;
    }
    this.#marks[index] = COPIED;
    this.#starts[index] = this.#copied;
    const end = this.#copied + to - from;
    if (end > this.#copies.length) {
      const grown = new Uint8Array(Math.max(end, this.#copies.length * 2));
      grown.set(this.#copies);
      this.#copies = grown;
    }
    copyBytes(this.#copies, this.#copied, buf, from, to);
    this.#copied = end;
  }

  #bufferOf(mark: number): Uint8Array {
    return mark === COPIED ? this.#copies : this.#shards[mark - IN_PLACE]!.u8;
  }

  /** Points buf, from and to at text `index`. False when it is absent. */
  read(index: number): boolean {
    const mark = this.#marks[index]!;
    if (mark === ABSENT) return false;
    this.buf = this.#bufferOf(mark);
    this.from = this.#starts[index]!;
    this.to = this.from + this.#lengths[index]!;
    return true;
  }

  /** Order of two texts by their bytes; absent ones come first. */
  compare(a: number, b: number): number {
    const markA = this.#marks[a]!;
    const markB = this.#marks[b]!;
    if (markA === ABSENT || markB === ABSENT) return Math.sign(markA) - Math.sign(markB);
    const bufA = this.#bufferOf(markA);
    const bufB = this.#bufferOf(markB);
    const startA = this.#starts[a]!;
    const startB = this.#starts[b]!;
    const lengthA = this.#lengths[a]!;
    const lengthB = this.#lengths[b]!;
    const shared = Math.min(lengthA, lengthB);
    for (let i = 0; i < shared; i++) {
      const difference = bufA[startA + i]! - bufB[startB + i]!;
      if (difference !== 0) return difference;
    }
    return lengthA - lengthB;
  }

  /**
   * A number that orders texts as `compare` does, but for those that begin alike: 6 bytes decide
   * most comparisons without a look at the texts.
   */
  rank(index: number): number {
    if (!this.read(index)) return -1;
    let rank = 0;
    for (let i = 0; i < RANK_BYTES; i++) {
      const at = this.from + i;
      rank = rank * 256 + (at < this.to ? this.buf[at]! : 0);
    }
    return rank;
  }

  /** The number that text `index` is, 0 where it is absent, NaN where it is none. */
  score(index: number): number {
    return this.read(index) ? textScore(this.buf, this.from, this.to) : 0;
  }
}

/**
 * A text as a number as strtod reads it: blanks may come before it, a NUL byte ends it, and nothing
 * at all is 0. NaN where it is no number.
 */
export function textScore(buf: Uint8Array, from: number, to: number): number {
  let end = from;
  while (end < to && buf[end] !== 0) end += 1;
  if (end === from) return 0;
  let start = from;
  while (start < end && isBlank(buf[start]!)) start += 1;
  return parseFloat64(buf, start, end);
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
}
