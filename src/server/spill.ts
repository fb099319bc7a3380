/**
 * Spill: memory for messages that are larger than a ring's frame. An arena of its own under a spin
 * lock: a block is taken by the sender, its ref travels in the ring, the receiver frees it.
 */
import { Arena, type Ref } from '../memory/arena.ts';

export class Spill {
  readonly u8: Uint8Array;
  readonly u32: Uint32Array;
  readonly #arena: Arena;
  readonly #words: Int32Array;
  readonly #lock: number;

  constructor(buffer: SharedArrayBuffer, words: Int32Array, lock: number) {
    this.#arena = Arena.attach(buffer);
    this.u8 = this.#arena.u8;
    this.u32 = this.#arena.u32;
    this.#words = words;
    this.#lock = lock;
  }

  /** A block of `bytes`, or 0 when the spill memory is full. */
  take(bytes: number): Ref {
    this.#acquire();
    const ref = this.#arena.alloc(bytes);
    Atomics.store(this.#words, this.#lock, 0);
    return ref;
  }

  free(ref: Ref): void {
    this.#acquire();
    this.#arena.free(ref);
    Atomics.store(this.#words, this.#lock, 0);
  }

  /** Holds are a few dozen nanoseconds long: spinning is shorter than any wake-up. */
  #acquire(): void {
    while (Atomics.compareExchange(this.#words, this.#lock, 0, 1) !== 0) Atomics.pause();
  }
}
