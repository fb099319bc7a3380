/**
 * Byte pipe: a stream of bytes from one thread to another in shared memory, for bulk data. Both
 * ends may wait: they are for threads that have nothing else to do meanwhile.
 *
 * LAYOUT
 *   byte 0    u32 magic, u32 capacity in bytes (power of two)
 *   byte 64   head: bytes written, modulo 2^32     (producer writes)
 *   byte 128  tail: bytes read, modulo 2^32        (consumer writes)
 *   byte 192  data: `capacity` bytes, byte n of the stream at n mod capacity
 *
 * INVARIANT  head - tail <= capacity (mod 2^32)
 * ORDERING   the producer writes data plainly and then stores head; the consumer reads data plainly
 *            and then stores tail. Each side waits on the other's word, and is notified after each
 *            store.
 */

const MAGIC = 0x54425050;
const HEAD_WORD = 16;
const TAIL_WORD = 32;
const DATA_OFFSET = 192;
/** The consumer sees what was written in pieces of this size: a notification costs 0.2 us. */
const PUBLISH_BYTES = 64 * 1024;
/** A waiting end looks this often whether it shall give up. */
const WAIT_MS = 50;

/** Bytes of a pipe with `capacity` data bytes in its buffer. */
export function bytePipeBytes(capacity: number): number {
  return DATA_OFFSET + capacity;
}

/** Formats an empty pipe with `capacity` data bytes (a power of two) at byte `offset`. */
export function formatBytePipe(buffer: SharedArrayBuffer, offset: number, capacity: number): void {
  if ((capacity & (capacity - 1)) !== 0) throw new Error('byte pipe: not a power of two');
  const words = new Uint32Array(buffer, offset, DATA_OFFSET / 4);
  words.fill(0);
  words[0] = MAGIC;
  words[1] = capacity;
}

class PipeEnd {
  protected readonly control: Int32Array;
  protected readonly data: Uint8Array;
  protected readonly capacity: number;

  constructor(buffer: SharedArrayBuffer, offset: number) {
    this.control = new Int32Array(buffer, offset, DATA_OFFSET / 4);
    if (this.control[0] !== MAGIC) throw new Error('byte pipe: no pipe at this offset');
    this.capacity = this.control[1]!;
    this.data = new Uint8Array(buffer, offset + DATA_OFFSET, this.capacity);
  }
}

/** The writing end. `isOver` is asked now and then while it waits. */
export class PipeProducer extends PipeEnd {
  readonly #isOver: () => boolean;
  #head = 0;
  #published = 0;
  #tailSeen = 0;

  constructor(buffer: SharedArrayBuffer, offset: number, isOver: () => boolean) {
    super(buffer, offset);
    this.#isOver = isOver;
  }

  /**
   * Writes buf[from, to), waiting for room where there is none. False when `isOver` said so
   * meanwhile. O(bytes).
   */
  write(buf: Uint8Array, from: number, to: number): boolean {
    let at = from;
    while (at < to) {
      const room = this.#room();
      if (room === 0) {
        if (!this.#waitForRoom()) return false;
        continue;
      }
      const place = this.#head & (this.capacity - 1);
      const count = Math.min(to - at, room, this.capacity - place);
      if (count < 64) for (let i = 0; i < count; i++) this.data[place + i] = buf[at + i]!;
      else this.data.set(buf.subarray(at, at + count), place);
      at += count;
      this.#head = (this.#head + count) >>> 0;
      if ((this.#head - this.#published) >>> 0 >= PUBLISH_BYTES) this.flush();
    }
    return true;
  }

  #room(): number {
    const room = this.capacity - ((this.#head - this.#tailSeen) >>> 0);
    if (room !== 0) return room;
    this.#tailSeen = Atomics.load(this.control, TAIL_WORD) >>> 0;
    return this.capacity - ((this.#head - this.#tailSeen) >>> 0);
  }

  #waitForRoom(): boolean {
    this.flush();
    while (Atomics.load(this.control, TAIL_WORD) >>> 0 === this.#tailSeen) {
      if (this.#isOver()) return false;
      Atomics.wait(this.control, TAIL_WORD, this.#tailSeen | 0, WAIT_MS);
    }
    return true;
  }

  /** Makes everything written visible to the consumer. */
  flush(): void {
    if (this.#published === this.#head) return;
    this.#published = this.#head;
    Atomics.store(this.control, HEAD_WORD, this.#head | 0);
    Atomics.notify(this.control, HEAD_WORD);
  }
}

/** The reading end. `isOver` is asked now and then while it waits. */
export class PipeConsumer extends PipeEnd {
  /** Nobody knows how many bytes will come. */
  readonly left = Number.POSITIVE_INFINITY;
  readonly #isOver: () => boolean;
  #tail = 0;

  constructor(buffer: SharedArrayBuffer, offset: number, isOver: () => boolean) {
    super(buffer, offset);
    this.#isOver = isOver;
  }

  /**
   * Takes up to `length` bytes into buf[at...], at least one, waiting for them. 0 when `isOver`
   * said so meanwhile.
   */
  read(buf: Uint8Array, at: number, length: number): number {
    let ready = 0;
    for (;;) {
      const head = Atomics.load(this.control, HEAD_WORD);
      ready = ((head >>> 0) - this.#tail) >>> 0;
      if (ready !== 0) break;
      if (this.#isOver()) return 0;
      Atomics.wait(this.control, HEAD_WORD, head, WAIT_MS);
    }
    const place = this.#tail & (this.capacity - 1);
    const count = Math.min(length, ready, this.capacity - place);
    buf.set(this.data.subarray(place, place + count), at);
    this.#tail = (this.#tail + count) >>> 0;
    Atomics.store(this.control, TAIL_WORD, this.#tail | 0);
    Atomics.notify(this.control, TAIL_WORD);
    return count;
  }
}
