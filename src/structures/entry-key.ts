/** Keys of entry blocks as a dict of the ENTRY layout reads them (layout in dict.ts). */
import type { Ref } from '../memory/arena.ts';

export const ENTRY_KEY_LENGTH_LONG = 0xffff;
export const ENTRY_HEADER_SHIFT = 16;

/**
 * Whether an entry's key is the bytes buf[start, end). Compares four bytes at a time while it can,
 * as a key in a block begins at a word: a hit on 16 bytes takes 30 ns instead of 34
 * (bench/micro/dict.bench.ts, 1k keys).
 */
export function entryKeyEquals(
  u32: Uint32Array,
  ref: Ref,
  buf: Uint8Array,
  start: number,
  end: number,
): boolean {
  let word = ref * 2;
  const head = u32[word]!;
  const length = end - start;
  word += (head >>> ENTRY_HEADER_SHIFT) & 15;
  if (length < ENTRY_KEY_LENGTH_LONG) {
    if ((head & 0xffff) !== length) return false;
  } else if ((head & 0xffff) !== ENTRY_KEY_LENGTH_LONG || u32[word - 1]! !== length) {
    return false;
  }
  let at = start;
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
