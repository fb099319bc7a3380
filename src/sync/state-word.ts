/** A word that says what state something shared is in: one of several transitions wins. */

/** Sets the state of something that nobody else knows of yet. */
export function publishState(words: Int32Array, at: number, state: number): void {
  Atomics.store(words, at, state);
}

/** The state now. */
export function readState(words: Int32Array, at: number): number {
  return Atomics.load(words, at);
}

/** Moves the state from `from` to `to`; false when it was another one. */
export function turnState(words: Int32Array, at: number, from: number, to: number): boolean {
  return Atomics.compareExchange(words, at, from, to) === from;
}

/** Sets bits. */
export function setBits(words: Int32Array, at: number, bits: number): void {
  Atomics.or(words, at, bits);
}

/** Clears bits. */
export function clearBits(words: Int32Array, at: number, bits: number): void {
  Atomics.and(words, at, ~bits);
}
