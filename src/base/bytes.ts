/**
 * Bytes between buffers: what a command does with the value of a string. Nothing here allocates for
 * short ranges.
 */

/**
 * Ranges shorter than this are copied by a loop, longer ones by TypedArray.set on a fresh subarray.
 * From a receive buffer into shared memory (bench/micro/strings.bench.ts, loop against set): 32
 * bytes 29 ns and 41 ns, 56 bytes 61 ns and 70 ns, 72 bytes 74 ns and 73 ns, 96 bytes 81 ns and 54
 * ns, 256 bytes 216 ns and 92 ns.
 */
const COPY_LOOP_MAX = 72;

/**
 * Copies source[start, end) to `to` of target; the two may be one buffer only if the ranges do not
 * overlap.
 */
export function copyBytes(
  target: Uint8Array,
  to: number,
  source: Uint8Array,
  start: number,
  end: number,
): void {
  if (end - start < COPY_LOOP_MAX) {
    for (let at = start; at < end; at++) target[to++] = source[at]!;
  } else {
    target.set(source.subarray(start, end), to);
  }
}

/** Whether a[aStart, aStart + length) and b[bStart, bStart + length) are the same bytes. */
export function equalBytes(
  a: Uint8Array,
  aStart: number,
  b: Uint8Array,
  bStart: number,
  length: number,
): boolean {
  for (let i = 0; i < length; i++) {
    if (a[aStart + i] !== b[bStart + i]) return false;
  }
  return true;
}

/** The bytes of an ASCII text: option tokens and labels, made once at start. */
export function asciiBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
