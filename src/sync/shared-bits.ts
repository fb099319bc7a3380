/** Words that several threads change, bit by bit or by counting: sequentially consistent. */

/** The word as all others see it now. */
export function readShared(words: Int32Array, at: number): number {
  return Atomics.load(words, at);
}

/** Sets bits; what was written before is visible to whoever sees them. */
export function setBits(words: Int32Array, at: number, bits: number): void {
  Atomics.or(words, at, bits);
}

/** Clears bits. */
export function clearBits(words: Int32Array, at: number, bits: number): void {
  Atomics.and(words, at, ~bits);
}

/** Sets a word; what was written before is visible to whoever sees it. */
export function writeShared(words: Int32Array, at: number, value: number): void {
  Atomics.store(words, at, value);
}

/** Adds to a word and returns its new value. */
export function addShared(words: Int32Array, at: number, delta: number): number {
  return Atomics.add(words, at, delta) + delta;
}
