/**
 * A spin lock in one shared word: 0 = free. For holds of well under a microsecond: spinning is
 * shorter than any wake-up. Acquire and release are sequentially consistent, so all that the
 * former holder wrote is visible to the next one.
 */

/** Waits until the word is this thread's. */
export function acquireSpin(words: Int32Array, at: number): void {
  while (Atomics.compareExchange(words, at, 0, 1) !== 0) Atomics.pause();
}

/** Gives it back. */
export function releaseSpin(words: Int32Array, at: number): void {
  Atomics.store(words, at, 0);
}
