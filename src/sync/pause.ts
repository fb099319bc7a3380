/** Waiting without a doorbell: for what other threads will do soon, where none of them knows. */

const SLEEP_WORD = new Int32Array(new SharedArrayBuffer(4));

/** Blocks the thread for about `ms` milliseconds; fractions count. */
export function sleepMs(ms: number): void {
  Atomics.wait(SLEEP_WORD, 0, 0, ms);
}

/** Takes the token in words[at]; false when another thread has it. */
export function tryTakeToken(words: Int32Array, at: number): boolean {
  return Atomics.compareExchange(words, at, 0, 1) === 0;
}

/** Gives the token back. Only its holder may. */
export function giveToken(words: Int32Array, at: number): void {
  Atomics.store(words, at, 0);
}
