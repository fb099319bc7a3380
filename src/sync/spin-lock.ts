/**
 * A lock for tables in shared memory whose holds take well under a microsecond: spinning is shorter
 * than any wake-up. One Int32 of its own: 0 free, 1 held.
 *
 * ORDERING  acquire and release are sequentially consistent, so what a holder wrote is visible to
 * the next one. A holder must not call anything that may throw, wait, or take a shard.
 */
export class SpinLock {
  readonly #words: Int32Array;
  readonly #at: number;

  constructor(words: Int32Array, at: number) {
    this.#words = words;
    this.#at = at;
  }

  /** Takes the lock; it is not recursive. */
  acquire(): void {
    while (Atomics.compareExchange(this.#words, this.#at, 0, 1) !== 0) Atomics.pause();
  }

  release(): void {
    Atomics.store(this.#words, this.#at, 0);
  }
}

/** A word that is written under a lock and read by others without it. */
export function loadWord(words: Int32Array, at: number): number {
  return Atomics.load(words, at);
}

/** The writer's side of `loadWord`. */
export function storeWord(words: Int32Array, at: number, value: number): void {
  Atomics.store(words, at, value);
}
