/**
 * SharedCounter: one word that any thread adds to.
 *
 * ORDERING  additions are sequentially consistent: who adds while holding a lock gets a smaller
 *           value than everybody who holds it later.
 */
export class SharedCounter {
  readonly #words: Int32Array;
  readonly #at: number;

  constructor(words: Int32Array, at: number) {
    this.#words = words;
    this.#at = at;
  }

  /** From 0 on, modulo 2^32. */
  get value(): number {
    return Atomics.load(this.#words, this.#at) >>> 0;
  }

  /** Adds `n`, which may be negative; returns the value before. */
  add(n: number): number {
    return Atomics.add(this.#words, this.#at, n) >>> 0;
  }
}
