/**
 * Ring: a single-producer single-consumer queue of messages in shared memory.
 *
 * LAYOUT
 *   byte 0    u32 magic, u32 capacity in bytes (power of two)
 *   byte 64   head: u32 count of bytes published, modulo 2^32    (producer writes)
 *   byte 128  tail: u32 count of bytes released, modulo 2^32     (consumer writes)
 *   byte 192  data: `capacity` bytes of frames
 *
 *   frame     u32 payload length in bytes | payload, padded to a multiple of 8 with the length word
 *             A length word of 0xffffffff fills the rest of the ring up to its end: the next frame
 *             starts at 0, so a payload never wraps and the consumer reads it in place.
 *
 *   empty: head == tail        full: head - tail == capacity
 *     [....DDDDDDDD....]  tail at the first D, head behind the last     [DD....DDDD]  wrapped
 *
 * INVARIANT  head - tail <= capacity (mod 2^32); a frame is at most a quarter of the ring, larger
 *            payloads are spilled.
 * ORDERING   the producer writes payloads plainly and publishes once a batch by a sequentially
 *            consistent store of head; the consumer reads in place and releases once a batch by a
 *            store of tail.
 */

const MAGIC = 0x54524e47;
const HEAD_WORD = 16;
const TAIL_WORD = 32;
const DATA_OFFSET = 192;
const SKIP = 0xffffffff;

/** Bytes of the SharedArrayBuffer region of a ring with `capacity` data bytes. */
export function ringBytes(capacity: number): number {
  return DATA_OFFSET + capacity;
}

/**
 * Formats a ring with `capacity` data bytes (a power of two) at byte `offset` (a multiple of 64) of
 * `buffer`.
 */
export function formatRing(buffer: SharedArrayBuffer, offset: number, capacity: number): void {
  if ((capacity & (capacity - 1)) !== 0) throw new Error('ring: capacity is not a power of two');
  const words = new Uint32Array(buffer, offset, DATA_OFFSET / 4);
  words.fill(0);
  words[0] = MAGIC;
  words[1] = capacity;
}

function capacityOf(buffer: SharedArrayBuffer, offset: number): number {
  const words = new Uint32Array(buffer, offset, 2);
  if (words[0] !== MAGIC) throw new Error('ring: no ring at this offset');
  return words[1]!;
}

/** The writing end. One thread only. */
export class RingProducer {
  /** Data bytes; a reserved payload is written here from `offset` on. */
  readonly u8: Uint8Array;
  readonly u32: Uint32Array;
  readonly payloadBytesMax: number;
  /** Byte offset of the payload that `reserve` made room for. */
  offset = 0;
  readonly #control: Int32Array;
  readonly #capacity: number;
  #head: number;
  #tailSeen: number;
  #frame = 0;

  constructor(buffer: SharedArrayBuffer, offset: number) {
    this.#capacity = capacityOf(buffer, offset);
    this.#control = new Int32Array(buffer, offset, DATA_OFFSET / 4);
    this.u8 = new Uint8Array(buffer, offset + DATA_OFFSET, this.#capacity);
    this.u32 = new Uint32Array(buffer, offset + DATA_OFFSET, this.#capacity / 4);
    this.payloadBytesMax = this.#capacity / 4 - 8;
    this.#head = Atomics.load(this.#control, HEAD_WORD) >>> 0;
    this.#tailSeen = Atomics.load(this.#control, TAIL_WORD) >>> 0;
  }

  /**
   * Makes room for a payload of up to `bytes`; false when the ring is too full now. Sets `offset`.
   * Throws above `payloadBytesMax`: waiting for room could then be in vain.
   */
  reserve(bytes: number): boolean {
    if (bytes > this.payloadBytesMax)
      throw new Error('ring: a payload of more than payloadBytesMax');
    const need = frameBytes(bytes);
    const position = this.#head & (this.#capacity - 1);
    const toEnd = this.#capacity - position;
    const total = need > toEnd ? toEnd + need : need;
    if (!this.#hasRoom(total)) return false;
    if (need > toEnd) {
      this.u32[position >>> 2] = SKIP;
      this.#frame = (this.#head + toEnd) >>> 0;
    } else {
      this.#frame = this.#head;
    }
    this.offset = (this.#frame & (this.#capacity - 1)) + 4;
    return true;
  }

  #hasRoom(bytes: number): boolean {
    if (((this.#head - this.#tailSeen) >>> 0) + bytes <= this.#capacity) return true;
    this.#tailSeen = Atomics.load(this.#control, TAIL_WORD) >>> 0;
    return ((this.#head - this.#tailSeen) >>> 0) + bytes <= this.#capacity;
  }

  /**
   * Ends the reserved frame with `bytes` of payload. Not visible to the consumer before `publish`.
   */
  commit(bytes: number): void {
    this.u32[(this.offset - 4) >>> 2] = bytes;
    this.#head = (this.#frame + frameBytes(bytes)) >>> 0;
  }

  /** Makes all committed frames visible. */
  publish(): void {
    Atomics.store(this.#control, HEAD_WORD, this.#head | 0);
  }
}

/** The reading end. One thread only. */
export class RingConsumer {
  readonly u8: Uint8Array;
  readonly u32: Uint32Array;
  /** Byte range of the payload that `next` found. */
  offset = 0;
  length = 0;
  readonly #control: Int32Array;
  readonly #capacity: number;
  #tail: number;
  #headSeen: number;

  constructor(buffer: SharedArrayBuffer, offset: number) {
    this.#capacity = capacityOf(buffer, offset);
    this.#control = new Int32Array(buffer, offset, DATA_OFFSET / 4);
    this.u8 = new Uint8Array(buffer, offset + DATA_OFFSET, this.#capacity);
    this.u32 = new Uint32Array(buffer, offset + DATA_OFFSET, this.#capacity / 4);
    this.#tail = Atomics.load(this.#control, TAIL_WORD) >>> 0;
    this.#headSeen = this.#tail;
  }

  /** True when nothing is published beyond what `next` has returned. */
  isEmpty(): boolean {
    if (this.#headSeen !== this.#tail) return false;
    this.#headSeen = Atomics.load(this.#control, HEAD_WORD) >>> 0;
    return this.#headSeen === this.#tail;
  }

  /**
   * Takes the next payload: sets `offset` and `length`, valid until `release`. False when the ring
   * is empty.
   */
  next(): boolean {
    if (this.isEmpty()) return false;
    let position = this.#tail & (this.#capacity - 1);
    let length = this.u32[position >>> 2]!;
    if (length === SKIP) {
      this.#tail = (this.#tail + this.#capacity - position) >>> 0;
      position = 0;
      length = this.u32[0]!;
    }
    this.offset = position + 4;
    this.length = length;
    this.#tail = (this.#tail + frameBytes(length)) >>> 0;
    return true;
  }

  /** Gives the room of everything `next` returned back to the producer. */
  release(): void {
    Atomics.store(this.#control, TAIL_WORD, this.#tail | 0);
  }
}

function frameBytes(payloadBytes: number): number {
  return (payloadBytes + 4 + 7) & ~7;
}
