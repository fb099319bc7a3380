/**
 * Compact items: the blocks of members of large sets, hashes and sorted sets, with one byte of
 * header where an entry of the keyspace has twelve.
 *
 * LAYOUT
 *   byte 0  bits 0..6 length of the key 0..126, 127 = long; bit 7 a flag of the owner
 *   short: key bytes from byte 1
 *   long:  bytes 1..3 zero, u32 length in bytes 4..7, key bytes from byte 8
 *   then what the owner keeps with the key; the *tail* is the first granule behind the key, where a
 *   sorted set has its score as an f64
 *
 *   Example: member "ab" with score 1.5 = 02 61 62 .. .. .. .. .. 00 00 00 00 00 00 f8 3f
 *
 * A set of 14-byte members takes 16 bytes each, a sorted set 24.
 */
import { copyBytes } from '../base/bytes.ts';
import type { Arena, Ref } from '../memory/arena.ts';

export const ITEM_FLAG = 0x80;
/** Longest key of the short form. */
export const ITEM_KEY_SHORT_MAX = 126;

const FLAG = ITEM_FLAG;
const LONG = 127;
const SHORT_MAX = ITEM_KEY_SHORT_MAX;
const LONG_HEADER = 8;

/** Bytes of header and key for a key of `length` bytes. */
export function itemKeyBytes(length: number): number {
  return length <= SHORT_MAX ? 1 + length : LONG_HEADER + length;
}

/** Length of an item's key. */
export function itemKeyLength(u32: Uint32Array, ref: Ref): number {
  const short = u32[ref * 2]! & 0x7f;
  return short !== LONG ? short : u32[ref * 2 + 1]!;
}

/** Byte offset of an item's key. */
export function itemKeyOffset(u32: Uint32Array, ref: Ref): number {
  return (u32[ref * 2]! & 0x7f) !== LONG ? ref * 8 + 1 : ref * 8 + LONG_HEADER;
}

/** Byte offset behind an item's key. */
export function itemKeyEnd(u32: Uint32Array, ref: Ref): number {
  const short = u32[ref * 2]! & 0x7f;
  return short !== LONG ? ref * 8 + 1 + short : ref * 8 + LONG_HEADER + u32[ref * 2 + 1]!;
}

/** The first granule behind an item's key: index into the f64 view. */
export function itemTail(u32: Uint32Array, ref: Ref): number {
  const short = u32[ref * 2]! & 0x7f;
  if (short !== LONG) return ref + ((short + 8) >>> 3);
  return ref + 1 + Math.ceil(u32[ref * 2 + 1]! / 8);
}

/**
 * Whether an item's key is the bytes buf[start, end). Four bytes at a time: head and the first
 * three bytes of a short key are one word, and what follows is aligned.
 */
export function itemKeyEquals(
  u32: Uint32Array,
  ref: Ref,
  buf: Uint8Array,
  start: number,
  end: number,
): boolean {
  const length = end - start;
  let word = ref * 2;
  let at = start;
  const head = u32[word]! & ~FLAG;
  if (length > SHORT_MAX) {
    if (head !== LONG || u32[word + 1] !== length) return false;
    word += 2;
  } else {
    let expected = length;
    let mask = 0xff;
    if (length > 0) {
      expected |= buf[at]! << 8;
      mask = 0xffff;
    }
    if (length > 1) {
      expected |= buf[at + 1]! << 16;
      mask = 0xffffff;
    }
    if (length > 2) {
      expected |= buf[at + 2]! << 24;
      mask = -1;
    }
    if (((head ^ expected) & mask) !== 0) return false;
    if (length <= 3) return true;
    at += 3;
    word += 1;
  }
  for (const wordsEnd = end - 3; at < wordsEnd; at += 4) {
    const expected = buf[at]! | (buf[at + 1]! << 8) | (buf[at + 2]! << 16) | (buf[at + 3]! << 24);
    if ((u32[word]! | 0) !== expected) return false;
    word += 1;
  }
  if (at === end) return true;
  let rest = buf[at]!;
  if (at + 1 < end) rest |= buf[at + 1]! << 8;
  if (at + 2 < end) rest |= buf[at + 2]! << 16;
  return (u32[word]! ^ rest) << (32 - (end - at) * 8) === 0;
}

/**
 * A new item with key buf[start, end) and room for `extraBytes` behind it (or, with `isTailed`,
 * from its tail on); no flag. 0 when the arena is full. The key may lie in the arena.
 */
export function createItem(
  arena: Arena,
  buf: Uint8Array,
  start: number,
  end: number,
  extraBytes: number,
  isTailed: boolean,
): Ref {
  const length = end - start;
  const keyBytes = itemKeyBytes(length);
  const ref = arena.alloc((isTailed ? (keyBytes + 7) & ~7 : keyBytes) + extraBytes);
  if (ref === 0) return 0;
  const { u8, u32 } = arena;
  if (length <= SHORT_MAX) {
    u8[ref * 8] = length;
    copyBytes(u8, ref * 8 + 1, buf, start, end);
  } else {
    u32[ref * 2] = LONG;
    u32[ref * 2 + 1] = length;
    copyBytes(u8, ref * 8 + LONG_HEADER, buf, start, end);
  }
  return ref;
}

/** memcmp of an item's key and buf[start, end): negative, 0 or positive. */
export function compareItemKey(
  arena: Arena,
  ref: Ref,
  buf: Uint8Array,
  start: number,
  end: number,
): number {
  const { u8, u32 } = arena;
  const from = itemKeyOffset(u32, ref);
  const length = itemKeyEnd(u32, ref) - from;
  const shared = Math.min(length, end - start);
  for (let i = 0; i < shared; i++) {
    const difference = u8[from + i]! - buf[start + i]!;
    if (difference !== 0) return difference;
  }
  return length - (end - start);
}
