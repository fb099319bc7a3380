/** Looks for equal elements in packs. */
import { randomBytes } from 'node:crypto';
import type { Listpack } from '../structures/listpack.ts';

const FACTOR = 0x9e3779b1;
/** Nobody outside can choose names that fall into one slot. */
const SEED = randomBytes(4).readInt32LE();
const SLOTS_MIN = 256;

/** Positions of elements, by hash, relative to the pack and never 0; of one call only. */
let slots = new Int32Array(SLOTS_MIN);

/**
 * Whether two of the elements 0, `stride`, 2 * `stride` ... of the pack at [start, end) are equal.
 * All are stored the shortest way, so that equal elements are equal bytes. O(bytes).
 */
export function hasDuplicateElements(
  u8: Uint8Array,
  pack: Listpack,
  start: number,
  end: number,
  stride: number,
): boolean {
  const wanted = Math.ceil(pack.count(start, end) / stride) * 2;
  if (wanted > slots.length) slots = new Int32Array(2 ** Math.ceil(Math.log2(wanted)));
  let size = SLOTS_MIN;
  while (size < wanted) size *= 2;
  slots.fill(0, 0, size);
  let skip = 0;
  for (let at = pack.first(start); at < end; ) {
    const next = pack.next(at);
    if (skip === 0) {
      skip = stride;
      let slot = hashOf(u8, at, next) & (size - 1);
      while (slots[slot] !== 0) {
        if (isSame(u8, start + slots[slot]!, at, next - at)) return true;
        slot = (slot + 1) & (size - 1);
      }
      slots[slot] = at - start;
    }
    skip -= 1;
    at = next;
  }
  return false;
}

function hashOf(u8: Uint8Array, from: number, to: number): number {
  let h = SEED;
  for (let i = from; i < to; i++) {
    h = Math.imul(h ^ u8[i]!, FACTOR);
    h ^= h >>> 15;
  }
  return h;
}

function isSame(u8: Uint8Array, a: number, b: number, bytes: number): boolean {
  for (let i = 0; i < bytes; i++) if (u8[a + i] !== u8[b + i]) return false;
  return true;
}
