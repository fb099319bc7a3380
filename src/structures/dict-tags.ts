/** Tags of a dict bucket (dict.ts), four to a word. */

/**
 * Which bytes of `x`, a word of tags xor the tag looked for in all four bytes, are zero: bit b for
 * byte b. May also name a byte of value 1 above a zero one, which the comparison of keys then sorts
 * out.
 */
export function tagMatches(x: number): number {
  // The zero-byte test leaves bits 7, 15, 23 and 31; the product gathers them in its upper four.
  return Math.imul((x - 0x01010101) & ~x & 0x80808080, 0x00204081) >>> 28;
}

/** Bytes that a new table may take. */
export interface GrowthLimit {
  bytes: number;
}

export const UNLIMITED: GrowthLimit = { bytes: Number.POSITIVE_INFINITY };
