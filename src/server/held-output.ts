/**
 * HeldOutput: replies of one connection that may not leave yet, because the changes that they tell
 * of are not on disk (`appendfsync always`).
 *
 * INVARIANT  positions ascend; segment i is the bytes from the end of segment i - 1 up to ends[i].
 */

const ROOM_MIN = 1024;
/** Room beyond this goes when nothing is held. */
const ROOM_KEPT = 64 * 1024;
/** Outputs that a pool keeps, and the most room that each of them may have. */
const SPARE_MAX = 1024;
const SPARE_ROOM_MAX = 4096;

export class HeldOutput {
  buf: Uint8Array = new Uint8Array(ROOM_MIN);
  length = 0;
  readonly #positions: number[] = [];
  readonly #ends: number[] = [];

  /**
   * Appends bytes [start, end) of `buf`, which wait for journal position `position` (0 = only for
   * what is held already).
   */
  hold(buf: Uint8Array, start: number, end: number, position: number): void {
    if (start === end) return;
    const needed = this.length + end - start;
    if (needed > this.buf.length) {
      const grown = new Uint8Array(Math.max(needed, this.buf.length * 2));
      grown.set(this.buf.subarray(0, this.length));
      this.buf = grown;
    }
    this.buf.set(buf.subarray(start, end), this.length);
    this.length = needed;
    const last = this.#ends.length - 1;
    if (last >= 0 && position <= this.#positions[last]!) this.#ends[last] = needed;
    else {
      this.#positions.push(position);
      this.#ends.push(needed);
    }
  }

  /** Position that all of it waits for; 0 = none. */
  get gate(): number {
    return this.#positions.at(-1) ?? 0;
  }

  /** Bytes at the start of `buf` that wait for nothing beyond `durable`. */
  ready(durable: number): number {
    let ready = 0;
    for (let i = 0; i < this.#ends.length && this.#positions[i]! <= durable; i++) {
      ready = this.#ends[i]!;
    }
    return ready;
  }

  /** Drops the first `bytes` bytes, which `ready` answered. */
  drop(bytes: number): void {
    if (bytes === this.length) {
      this.#clear();
      return;
    }
    let segments = 0;
    while (segments < this.#ends.length && this.#ends[segments]! <= bytes) segments += 1;
    this.#positions.splice(0, segments);
    this.#ends.splice(0, segments);
    for (let i = 0; i < this.#ends.length; i++) this.#ends[i]! -= bytes;
    this.buf.copyWithin(0, bytes, this.length);
    this.length -= bytes;
  }

  #clear(): void {
    this.#positions.length = 0;
    this.#ends.length = 0;
    this.length = 0;
    if (this.buf.length > ROOM_KEPT) this.buf = new Uint8Array(ROOM_MIN);
  }
}

/** Outputs that are used again: with `always` every reply of a write needs one for a moment. */
export class HeldOutputPool {
  readonly #spare: HeldOutput[] = [];

  take(): HeldOutput {
    return this.#spare.pop() ?? new HeldOutput();
  }

  /** Takes back an empty one that nobody uses any more. */
  give(output: HeldOutput): void {
    if (output.buf.length > SPARE_ROOM_MAX || this.#spare.length === SPARE_MAX) return;
    this.#spare.push(output);
  }
}
