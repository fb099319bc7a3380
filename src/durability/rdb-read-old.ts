/**
 * Readers of the small collections of older versions: ziplists (before Redis 7.0) and zipmaps
 * (before 2.6). Both are untrusted; both are visited element by element and never kept.
 *
 * LAYOUT of a ziplist, all little-endian but the lengths of strings
 *   0  u32 bytes of all   4  u32 offset of the last entry   8  u16 entries, 65535 = too many to say
 *   10 entries: bytes of the entry before (u8 below 254, or 254 and u32), encoding, data
 *   then 255
 *
 *   encoding                    data
 *   00xxxxxx                    x bytes
 *   01xxxxxx + u8               x bytes (14 bits, high byte first)
 *   10000000 + u32              x bytes (high byte first)
 *   11000000 11010000 11100000  integer of 2, 4, 8 bytes
 *   11110000 11111110           integer of 3, 1 bytes
 *   1111xxxx                    integer x - 1, x = 1..13
 *
 *   Example: "1", "ab" = 0f 00 00 00  0c 00 00 00  02 00  00 f2  02 02 61 62  ff ... with the total
 *   (15) and the tail (12) as written.
 *
 * LAYOUT of a zipmap
 *   0  u8 fields, 254 and more = too many to say
 *   1  fields: length of the name, name, length of the value, u8 unused bytes, value, unused bytes
 *   then 255; a length is a u8 below 254, or 254 and a u32 little-endian
 */
import { formatInteger } from '../base/number-text.ts';

/** Receives an element as bytes of a buffer, borrowed during the call; false ends the walk. */
export type OldElementVisitor = (buf: Uint8Array, from: number, to: number) => boolean;

const HEADER = 10;
const END = 255;
const LONG = 254;
const COUNT_UNKNOWN = 0xffff;
const TWO_32 = 4294967296;
const ZIPMAP_COUNT_MAX = 253;

function little(buf: Uint8Array, at: number, bytes: number): number {
  let n = 0;
  for (let i = bytes - 1; i >= 0; i--) n = n * 256 + buf[at + i]!;
  return n;
}

/** Bytes of an integer by its encoding byte; -1 = it is none. */
function integerBytes(encoding: number): number {
  switch (encoding) {
    case 0xc0:
      return 2;
    case 0xd0:
      return 4;
    case 0xe0:
      return 8;
    case 0xf0:
      return 3;
    case 0xfe:
      return 1;
    default:
      return encoding > 0xf0 && encoding < 0xfe ? 0 : -1;
  }
}

/** One entry after the other of one ziplist. */
class ZiplistEntry {
  /** The element. */
  buf: Uint8Array;
  from = 0;
  to = 0;
  /** Position behind the entry. */
  next = 0;
  readonly #text = new Uint8Array(24);
  readonly #bytes: Uint8Array;
  readonly #end: number;

  constructor(bytes: Uint8Array, end: number) {
    this.#bytes = bytes;
    this.buf = bytes;
    this.#end = end;
  }

  /** Reads the entry at `at`, behind one of `previous` bytes. False when it is damaged. */
  read(at: number, previous: number): boolean {
    const buf = this.#bytes;
    const isLong = buf[at] === LONG;
    const head = at + (isLong ? 5 : 1);
    // The end mark, which is there, keeps reads of one byte inside.
    if (head >= this.#end) return false;
    if ((isLong ? little(buf, at + 1, 4) : buf[at]!) !== previous) return false;
    const encoding = buf[head]!;
    return encoding >= 0xc0 ? this.#integer(head, encoding) : this.#string(head, encoding);
  }

  #string(head: number, encoding: number): boolean {
    const buf = this.#bytes;
    let length = encoding & 63;
    let from = head + 1;
    if (encoding >= 0x80) {
      if (encoding !== 0x80 || head + 5 > this.#end) return false;
      length = 0;
      for (let i = 1; i <= 4; i++) length = length * 256 + buf[head + i]!;
      from = head + 5;
    } else if (encoding >= 0x40) {
      if (head + 2 > this.#end) return false;
      length = (length << 8) | buf[head + 1]!;
      from = head + 2;
    }
    if (from + length > this.#end) return false;
    this.buf = buf;
    this.from = from;
    this.to = from + length;
    this.next = this.to;
    return true;
  }

  #integer(head: number, encoding: number): boolean {
    const bytes = integerBytes(encoding);
    const from = head + 1;
    if (bytes < 0 || from + bytes > this.#end) return false;
    this.buf = this.#text;
    this.from = 0;
    this.next = from + bytes;
    if (bytes === 8) {
      this.#int64(from);
      return true;
    }
    const shift = 32 - 8 * bytes;
    const n = bytes === 0 ? encoding - 0xf1 : (little(this.#bytes, from, bytes) << shift) >> shift;
    this.to = formatInteger(n, this.#text, 0);
    return true;
  }

  #int64(from: number): void {
    const low = little(this.#bytes, from, 4);
    const high = little(this.#bytes, from + 4, 4) | 0;
    const n = high * TWO_32 + low;
    if (Number.isSafeInteger(n)) {
      this.to = formatInteger(n, this.#text, 0);
      return;
    }
    const text = ((BigInt(high) << 32n) | BigInt(low)).toString();
    for (let i = 0; i < text.length; i++) this.#text[i] = text.charCodeAt(i);
    this.to = text.length;
  }
}

/**
 * Visits the elements of the ziplist buf[from, to). Returns their number (of those visited, when
 * `visit` ended it), or -1 when it is damaged: some have been visited then. O(n).
 */
export function forZiplist(
  buf: Uint8Array,
  from: number,
  to: number,
  visit: OldElementVisitor,
): number {
  if (to - from < HEADER + 1 || buf[to - 1] !== END) return -1;
  if (little(buf, from, 4) !== to - from) return -1;
  const entry = new ZiplistEntry(buf, to - 1);
  let count = 0;
  let last = from + HEADER;
  let previous = 0;
  for (let at = from + HEADER; at < to - 1; count++) {
    if (!entry.read(at, previous)) return -1;
    last = at;
    previous = entry.next - at;
    at = entry.next;
    if (!visit(entry.buf, entry.from, entry.to)) return count + 1;
  }
  const stated = little(buf, from + 8, 2);
  if (stated !== COUNT_UNKNOWN && stated !== count) return -1;
  return from + little(buf, from + 4, 4) === last ? count : -1;
}

/** A length of a zipmap: position behind it, and the length in `zipmapLength`; -1 = damaged. */
function readZipmapLength(buf: Uint8Array, at: number, end: number): number {
  const first = buf[at]!;
  if (first < LONG) {
    zipmapLength = first;
    return at + 1;
  }
  if (first === END || at + 5 > end) return -1;
  zipmapLength = little(buf, at + 1, 4);
  return at + 5;
}

let zipmapLength = 0;

/**
 * Visits names and values of the zipmap buf[from, to) in turn. Returns the number of elements (of
 * those visited, when `visit` ended it), or -1 when it is damaged: some have been visited then.
 * O(n).
 */
export function forZipmap(
  buf: Uint8Array,
  from: number,
  to: number,
  visit: OldElementVisitor,
): number {
  const end = to - 1;
  if (to - from < 2 || buf[end] !== END) return -1;
  let count = 0;
  for (let at = from + 1; at < end; count++) {
    const isValue = count % 2 === 1;
    let start = readZipmapLength(buf, at, end);
    if (start < 0 || start + (isValue ? 1 : 0) > end) return -1;
    let unused = 0;
    if (isValue) {
      unused = buf[start]!;
      start += 1;
    }
    const stop = start + zipmapLength;
    at = stop + unused;
    if (at > end) return -1;
    if (!visit(buf, start, stop)) return count + 1;
  }
  if (count % 2 !== 0) return -1;
  const stated = buf[from]!;
  return stated <= ZIPMAP_COUNT_MAX && stated !== count / 2 ? -1 : count;
}
