/**
 * MPSC ring: a queue of frames in shared memory that many threads append to and one reads.
 *
 * LAYOUT
 *   byte 0    u32 magic, u32 capacity in bytes (power of two)
 *   byte 64   head: u32 count of bytes reserved, modulo 2^32     (producers, compare-exchange)
 *   byte 128  tail: u32 count of bytes released, modulo 2^32     (consumer writes)
 *   byte 192  data: `capacity` bytes of frames
 *
 *   frame     u32 state | payload, padded to a multiple of 8 with the state word
 *     state   0 = reserved, not yet written; 0xffffffff = fills the rest of the ring up to its end;
 *             otherwise payload length in bytes + 1
 *
 *   [..RRRRRRRRwwRRww....]  tail at the first R, head behind the last w; w is not yet written, so
 *                           the consumer stops there
 *
 * INVARIANT  head - tail <= capacity (mod 2^32); everything between head and tail + capacity is 0,
 *            because the consumer clears what it releases: a fresh frame's state reads 0.
 * ORDERING   frames are in the order of their reservations. A producer that reserves while it holds
 *            a lock is before everybody who holds that lock later. The state word is stored last,
 *            sequentially consistent: who reads it sees the payload.
 * LIMITS     a payload is at most a quarter of the ring.
 */

const MAGIC = 0x54524d50;
const HEAD_WORD = 16;
const TAIL_WORD = 32;
const DATA_OFFSET = 192;
const SKIP = -1;

/** Bytes of the SharedArrayBuffer region of a ring with `capacity` data bytes. */
export function mpscRingBytes(capacity: number): number {
  return DATA_OFFSET + capacity;
}

/** Formats a ring with `capacity` data bytes (a power of two) at the start of zeroed `buffer`. */
export function formatMpscRing(buffer: SharedArrayBuffer, capacity: number): void {
  if ((capacity & (capacity - 1)) !== 0) throw new Error('mpsc ring: not a power of two');
  const words = new Uint32Array(buffer, 0, DATA_OFFSET / 4);
  words[0] = MAGIC;
  words[1] = capacity;
}

class MpscEnd {
  /** Data bytes. */
  readonly u8: Uint8Array;
  readonly u32: Uint32Array;
  readonly capacity: number;
  protected readonly control: Int32Array;
  protected readonly states: Int32Array;

  constructor(buffer: SharedArrayBuffer) {
    const words = new Uint32Array(buffer, 0, 2);
    if (words[0] !== MAGIC) throw new Error('mpsc ring: no ring in this buffer');
    this.capacity = words[1]!;
    this.control = new Int32Array(buffer, 0, DATA_OFFSET / 4);
    this.u8 = new Uint8Array(buffer, DATA_OFFSET, this.capacity);
    this.u32 = new Uint32Array(buffer, DATA_OFFSET, this.capacity / 4);
    this.states = new Int32Array(buffer, DATA_OFFSET, this.capacity / 4);
  }
}

/** A writing end; every thread has its own. */
export class MpscProducer extends MpscEnd {
  /** Byte offset of the payload that `reserve` made room for, in `u8`. */
  offset = 0;
  /** Bytes ever reserved, modulo 2^32, behind the frame that `reserve` made room for. */
  end = 0;

  /** Longest payload. */
  get payloadBytesMax(): number {
    return this.capacity / 4 - 8;
  }

  /** Bytes ever reserved by anybody, modulo 2^32. */
  get reserved(): number {
    return Atomics.load(this.control, HEAD_WORD) >>> 0;
  }

  /** Bytes that can be reserved now; others may take them first. */
  freeBytes(): number {
    const head = Atomics.load(this.control, HEAD_WORD);
    return this.capacity - ((head - Atomics.load(this.control, TAIL_WORD)) >>> 0);
  }

  /**
   * Makes room for a payload of exactly `bytes`; false when the ring is too full now. The frame
   * must be committed soon: the consumer waits for it.
   */
  reserve(bytes: number): boolean {
    if (bytes > this.payloadBytesMax) throw new Error('mpsc ring: a payload that is too long');
    const need = frameBytes(bytes);
    for (;;) {
      const head = Atomics.load(this.control, HEAD_WORD);
      const position = head & (this.capacity - 1);
      const toEnd = this.capacity - position;
      const total = need > toEnd ? toEnd + need : need;
      const used = (head - Atomics.load(this.control, TAIL_WORD)) >>> 0;
      if (used + total > this.capacity) return false;
      const next = (head + total) | 0;
      if (Atomics.compareExchange(this.control, HEAD_WORD, head, next) !== head) continue;
      if (need > toEnd) Atomics.store(this.states, position >>> 2, SKIP);
      this.offset = (need > toEnd ? 0 : position) + 4;
      this.end = next >>> 0;
      return true;
    }
  }

  /** Hands the frame with its `bytes` of payload (as reserved) to the consumer. */
  commit(bytes: number): void {
    Atomics.store(this.states, (this.offset - 4) >>> 2, bytes + 1);
  }
}

/** The reading end. One thread only. */
export class MpscConsumer extends MpscEnd {
  /** Byte range of the payload that `next` found, in `u8`. */
  offset = 0;
  length = 0;
  /** Bytes ever reserved, modulo 2^32, up to the end of that frame. */
  end: number;
  #released: number;

  constructor(buffer: SharedArrayBuffer) {
    super(buffer);
    this.end = Atomics.load(this.control, TAIL_WORD) >>> 0;
    this.#released = this.end;
  }

  /**
   * Takes the next payload: sets `offset` and `length`, valid until `release`. False when there is
   * none, or when it is not written yet.
   */
  next(): boolean {
    for (;;) {
      // All of the ring is taken and not released: what is at `end` is the first frame again.
      if ((this.end - this.#released) >>> 0 >= this.capacity) return false;
      const position = this.end & (this.capacity - 1);
      const state = Atomics.load(this.states, position >>> 2);
      if (state === 0) return false;
      if (state === SKIP) {
        this.end = (this.end + this.capacity - position) >>> 0;
        continue;
      }
      this.offset = position + 4;
      this.length = state - 1;
      this.end = (this.end + frameBytes(this.length)) >>> 0;
      return true;
    }
  }

  /** True where everything that was ever reserved has been released. */
  get isEmpty(): boolean {
    return Atomics.load(this.control, HEAD_WORD) >>> 0 === this.#released;
  }

  /** Gives the room of everything that `next` returned back to the producers. */
  release(): void {
    const from = this.#released & (this.capacity - 1);
    const bytes = (this.end - this.#released) >>> 0;
    if (bytes === 0) return;
    const first = Math.min(bytes, this.capacity - from);
    this.u8.fill(0, from, from + first);
    if (bytes > first) this.u8.fill(0, 0, bytes - first);
    this.#released = this.end;
    Atomics.store(this.control, TAIL_WORD, this.end | 0);
  }
}

function frameBytes(payloadBytes: number): number {
  return (payloadBytes + 4 + 7) & ~7;
}
