/**
 * Spill: memory for messages that are larger than a ring's frame. An arena of its own under a spin
 * lock: a block is taken by the sender, its ref travels in the ring, the receiver frees it. The
 * input of a client that sends a large command lies here from the start, and the block goes along
 * with the message: nobody copies 15 MB in one piece.
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

  /**
   * A block for the input of a client or the output of a part of a long read, or 0 where more than
   * half of the spill memory would be taken: they must leave room for messages.
   */
  takeSpare(bytes: number): Ref {
    this.#acquire();
    const isRoom = (this.#arena.usedBytes() + bytes) * 2 <= this.#arena.capacityBytes();
    const ref = isRoom ? this.#arena.alloc(bytes) : 0;
    Atomics.store(this.#words, this.#lock, 0);
    return ref;
  }

  /** The first `length` bytes of a block. */
  bytes(ref: Ref, length: number): Uint8Array {
    return this.u8.subarray(ref * 8, ref * 8 + length);
  }

  /** Words [from, from + count) of a block. */
  words(ref: Ref, from: number, count: number): Int32Array {
    return new Int32Array(this.u8.buffer, ref * 8 + from * 4, count);
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
