/**
 * Integers of 1 to 64 bits at any bit offset of a byte string, highest bit first; bit 0 is the
 * highest of the first byte. Nothing here allocates except the functions on BigInt.
 */

/** Up to this width a field is read and written as a double. */
export const NUMBER_BITS_MAX = 48;

const LOW_BITS = 32;

/**
 * The unsigned field of `bits` bits (48 at most) at bit `bitAt` of u8[start, start + length). Bits
 * behind the end are 0.
 */
export function readField(
  u8: Uint8Array,
  start: number,
  length: number,
  bitAt: number,
  bits: number,
): number {
  let value = 0;
  let at = Math.floor(bitAt / 8);
  let used = bitAt % 8;
  while (bits > 0) {
    const take = Math.min(8 - used, bits);
    const byte = at < length ? u8[start + at]! : 0;
    value = value * (1 << take) + ((byte >>> (8 - used - take)) & ((1 << take) - 1));
    bits -= take;
    used = 0;
    at += 1;
  }
  return value;
}

/**
 * Writes the unsigned `value` as a field of `bits` bits (48 at most) that lies within the bytes
 * from `start` on.
 */
export function writeField(
  u8: Uint8Array,
  start: number,
  bitAt: number,
  bits: number,
  value: number,
): void {
  let end = bitAt + bits;
  while (bits > 0) {
    const at = start + Math.floor((end - 1) / 8);
    const used = ((end - 1) % 8) + 1;
    const take = Math.min(used, bits);
    const part = value % (1 << take);
    const mask = ((1 << take) - 1) << (8 - used);
    u8[at] = (u8[at]! & ~mask) | (part << (8 - used));
    value = (value - part) / (1 << take);
    end -= take;
    bits -= take;
  }
}

/** `readField` for up to 64 bits. */
export function readBigField(
  u8: Uint8Array,
  start: number,
  length: number,
  bitAt: number,
  bits: number,
): bigint {
  if (bits <= LOW_BITS) return BigInt(readField(u8, start, length, bitAt, bits));
  const high = readField(u8, start, length, bitAt, bits - LOW_BITS);
  const low = readField(u8, start, length, bitAt + bits - LOW_BITS, LOW_BITS);
  return (BigInt(high) << 32n) | BigInt(low);
}

/** `writeField` for up to 64 bits; `value` is unsigned. */
export function writeBigField(
  u8: Uint8Array,
  start: number,
  bitAt: number,
  bits: number,
  value: bigint,
): void {
  const lowBits = Math.min(bits, LOW_BITS);
  writeField(u8, start, bitAt + bits - lowBits, lowBits, Number(BigInt.asUintN(lowBits, value)));
  if (bits > LOW_BITS) writeField(u8, start, bitAt, bits - LOW_BITS, Number(value >> 32n));
}
