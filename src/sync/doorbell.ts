/**
 * A thread's doorbell: the word it parks on, and others ring.
 *
 * LAYOUT (one Int32, alone on its cache line): 0 RUNNING, 1 PARKED, 2 RUNG
 *
 * ORDERING  A ringer publishes its work first (ring head, flag) and then exchanges RUNG into the
 * word; a thread that parks announces PARKED first and then looks for work once more. Both are
 * sequentially consistent, so either the ringer sees PARKED and wakes, or the parker sees the work.
 */

const RUNNING = 0;
const PARKED = 1;
const RUNG = 2;

/**
 * Wakes a parked thread by other means than `Atomics.notify` (an eventfd, for threads that sleep in
 * the kernel).
 */
export type WakeFunction = () => void;

/** The side of all other threads. */
export class DoorbellRinger {
  readonly #words: Int32Array;
  readonly #at: number;
  readonly #wake: WakeFunction | null;

  constructor(words: Int32Array, at: number, wake: WakeFunction | null) {
    this.#words = words;
    this.#at = at;
    this.#wake = wake;
  }

  /** Makes the thread look for work soon. Cheap when it is awake. */
  ring(): void {
    if (Atomics.exchange(this.#words, this.#at, RUNG) !== PARKED) return;
    if (this.#wake === null) Atomics.notify(this.#words, this.#at);
    else this.#wake();
  }
}

/** The side of the thread that owns the bell. */
export class Doorbell {
  readonly #words: Int32Array;
  readonly #at: number;

  constructor(words: Int32Array, at: number) {
    this.#words = words;
    this.#at = at;
  }

  /**
   * Announces that this thread is about to park. False when it was rung since the last call: look
   * for work first.
   */
  prepare(): boolean {
    return Atomics.compareExchange(this.#words, this.#at, RUNNING, PARKED) === RUNNING;
  }

  /** Back to running; work published before a ring that this swallows is visible afterwards. */
  awake(): void {
    Atomics.exchange(this.#words, this.#at, RUNNING);
  }

  /** Blocks until rung or `timeoutMs` is over. Only between `prepare` (true) and `awake`. */
  park(timeoutMs: number): void {
    Atomics.wait(this.#words, this.#at, PARKED, timeoutMs);
  }
}

/**
 * For a thread that waits in Node's own loop: returns a function to call whenever the thread has
 * announced that it parks; `onRung` then follows the next ring, in a turn of the loop of its own.
 */
export function watchDoorbell(words: Int32Array, at: number, onRung: () => void): () => void {
  let isArmed = false;
  return () => {
    if (isArmed) return;
    const wait = Atomics.waitAsync(words as Int32Array<SharedArrayBuffer>, at, PARKED);
    if (!wait.async) {
      setImmediate(onRung);
      return;
    }
    isArmed = true;
    wait.value.then(() => {
      isArmed = false;
      onRung();
    });
  };
}
