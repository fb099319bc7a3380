/**
 * Post: letters from any thread to an I/O thread, about its clients: messages to subscribers,
 * replies of blocked commands, invalidations. One ring a receiver, in order from each sender.
 *
 * LAYOUT of a letter (u32 words)
 *   0  kind                      1  connection index     2  connection generation
 *   3  a     4  b                5  bytes of the head     6  bytes of the body
 *   7  spill ref (0 = the bytes follow here)     8, 9  journal position to wait for, low word first
 *   then the bytes of head and body
 *
 * ORDERING  A letter written while a shard is held comes before those that later holders write.
 *           Nobody waits for room: what finds the ring full stays with its sender, in order, until
 *           the next `flush`, up to a bound (isCrowded) at which its clients have to wait.
 */
import type { DoorbellRinger } from '../sync/doorbell.ts';
import { formatMpscRing, MpscConsumer, MpscProducer, mpscRingBytes } from '../sync/mpsc-ring.ts';
import type { Spill } from './spill.ts';

/** Kinds of letters; each has a handler on the receiving thread. */
export const LETTER = {
  /** The reply of a blocked command. */
  served: 0,
  /** A message for the subscribers of a channel. */
  publish: 1,
  /** A line for the clients that monitor. */
  monitor: 2,
  /** A key that a client has cached has changed. */
  invalidate: 3,
  /** The same for a shard channel. */
  publishShard: 4,
  /** All keys have changed. */
  invalidateAll: 5,
} as const;
const KINDS = 8;

const RING_BYTES = 1024 * 1024;
const HEAD_WORDS = 10;
const HEAD_BYTES = HEAD_WORDS * 4;
/** Letters with more bytes go through spill memory. */
const INLINE_BYTES_MAX = 64 * 1024;
/** Bytes taken before clients get their turn. */
const BYTES_PER_TURN = 256 * 1024;
/** Letters to one thread may wait up to this size; then their sender is to send no more. */
const WAITING_BYTES_MAX = 4 * 1024 * 1024;
/** What a waiting letter costs besides its bytes. */
const WAITING_BYTES = 200;
const TWO_32 = 4294967296;

/** The ring of one I/O thread. */
export function createPostbox(): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer(mpscRingBytes(RING_BYTES));
  formatMpscRing(buffer, RING_BYTES);
  return buffer;
}

/** A letter that found the ring full. */
interface Waiting {
  readonly words: Uint32Array;
  readonly bytes: Uint8Array;
}

/** Where letters of one thread to one I/O thread go. */
class Outlet {
  readonly #ring: MpscProducer;
  readonly #ringer: DoorbellRinger;
  readonly #spill: Spill;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #isDirty = false;

  constructor(buffer: SharedArrayBuffer, ringer: DoorbellRinger, spill: Spill) {
    this.#ring = new MpscProducer(buffer);
    this.#ringer = ringer;
    this.#spill = spill;
  }

  get isWaiting(): boolean {
    return this.#waiting.length !== 0;
  }

  get isCrowded(): boolean {
    return this.#waitingBytes > WAITING_BYTES_MAX;
  }

  /** Writes a letter. False: there is no room now, and nothing was written. */
  write(words: Uint32Array, head: Part, body: Part): boolean {
    const ring = this.#ring;
    const headBytes = head.to - head.from;
    const bytes = headBytes + body.to - body.from;
    let ref = 0;
    if (bytes > INLINE_BYTES_MAX) {
      ref = this.#spill.take(bytes);
      if (ref === 0) return false;
    }
    const size = HEAD_BYTES + (ref === 0 ? bytes : 0);
    if (!ring.reserve(size)) {
      if (ref !== 0) this.#spill.free(ref);
      return false;
    }
    const at = ring.offset >>> 2;
    for (let i = 0; i < HEAD_WORDS; i++) ring.u32[at + i] = words[i]!;
    ring.u32[at + 7] = ref;
    const target = ref === 0 ? ring.u8 : this.#spill.u8;
    const start = ref === 0 ? ring.offset + HEAD_BYTES : ref * 8;
    copy(head, target, start);
    copy(body, target, start + headBytes);
    ring.commit(size);
    this.#isDirty = true;
    return true;
  }

  wait(words: Uint32Array, head: Part, body: Part): void {
    const bytes = new Uint8Array(head.to - head.from + body.to - body.from);
    copy(head, bytes, 0);
    copy(body, bytes, head.to - head.from);
    this.#waiting.push({ words: words.slice(), bytes });
    this.#waitingBytes += WAITING_BYTES + bytes.length;
  }

  flush(): void {
    if (this.#waiting.length !== 0) this.#sendWaiting();
    if (!this.#isDirty) return;
    this.#isDirty = false;
    this.#ringer.ring();
  }

  #sendWaiting(): void {
    const waiting = this.#waiting;
    let sent = 0;
    while (sent < waiting.length) {
      const { words, bytes } = waiting[sent]!;
      const all = { buf: bytes, from: 0, to: bytes.length };
      if (!this.write(words, all, NO_BYTES)) break;
      this.#waitingBytes -= WAITING_BYTES + bytes.length;
      sent += 1;
    }
    this.#waiting = sent === waiting.length ? [] : waiting.slice(sent);
  }
}

/** Bytes [from, to) of `buf`. */
export interface Part {
  readonly buf: Uint8Array;
  readonly from: number;
  readonly to: number;
}

export const NO_BYTES: Part = { buf: new Uint8Array(0), from: 0, to: 0 };

function copy({ buf, from, to }: Part, target: Uint8Array, at: number): void {
  if (to - from > 64) {
    target.set(buf.subarray(from, to), at);
    return;
  }
  for (let i = from; i < to; i++) target[at++] = buf[i]!;
}

/** The sending side of one thread. */
export class Post {
  readonly #outlets: readonly Outlet[];
  readonly #words = new Uint32Array(HEAD_WORDS);
  /** Letters wait for room: `flush` has to come again soon. */
  isWaiting = false;
  /**
   * So many letters wait that this thread shall run nothing that could send more. Its clients wait
   * meanwhile, and the receivers, which never wait for a sender, get on.
   */
  isCrowded = false;

  /** `ringers` wake the I/O threads, to which `buffers` lead. */
  constructor(
    buffers: readonly SharedArrayBuffer[],
    ringers: readonly DoorbellRinger[],
    spill: Spill,
  ) {
    this.#outlets = buffers.map((buffer, i) => new Outlet(buffer, ringers[i]!, spill));
  }

  /** I/O threads. */
  get receivers(): number {
    return this.#outlets.length;
  }

  /** True while letters of this thread to I/O thread `io` (from 1 on) wait for room. */
  isWaitingFor(io: number): boolean {
    return this.#outlets[io - 1]!.isWaiting;
  }

  /**
   * Sends a letter to I/O thread `io` (from 1 on). `a`, `b`: u32 of the kind's own meaning; `gate`:
   * journal position that what it tells of waits for (0 = none). The bytes are copied. O(bytes).
   */
  send(
    io: number,
    kind: number,
    conn: number,
    generation: number,
    a: number,
    b: number,
    gate: number,
    head: Part,
    body: Part,
  ): void {
    const words = this.#words;
    words[0] = kind;
    words[1] = conn;
    words[2] = generation;
    words[3] = a;
    words[4] = b;
    words[5] = head.to - head.from;
    words[6] = body.to - body.from;
    words[8] = gate % TWO_32;
    words[9] = Math.floor(gate / TWO_32);
    const outlet = this.#outlets[io - 1]!;
    if (!outlet.isWaiting && outlet.write(words, head, body)) return;
    outlet.wait(words, head, body);
    this.isWaiting = true;
    if (outlet.isCrowded) this.isCrowded = true;
  }

  /** Waits for room on a thread that may wait, while `pause` says that it shall go on. */
  untilRoom(pause: () => boolean): void {
    while (this.isCrowded && pause()) this.flush();
  }

  /** Sends what waits, and rings whoever has got something; called once a turn. */
  flush(): void {
    for (const outlet of this.#outlets) outlet.flush();
    if (!this.isWaiting) return;
    this.isWaiting = this.#outlets.some((outlet) => outlet.isWaiting);
    this.isCrowded = this.#outlets.some((outlet) => outlet.isCrowded);
  }
}

/** A letter that was received; valid during its handler. */
export class Letter {
  conn = 0;
  generation = 0;
  a = 0;
  b = 0;
  gate = 0;
  buf: Uint8Array = NO_BYTES.buf;
  /** Head: [start, middle), body: [middle, end) of `buf`. */
  start = 0;
  middle = 0;
  end = 0;
}

export type LetterHandler = (letter: Letter) => void;

/** The receiving side of an I/O thread. */
export class Mailbox {
  readonly #ring: MpscConsumer;
  readonly #spill: Spill;
  readonly #letter = new Letter();
  readonly #handlers: LetterHandler[] = new Array<LetterHandler>(KINDS).fill(refuse);

  constructor(buffer: SharedArrayBuffer, spill: Spill) {
    this.#ring = new MpscConsumer(buffer);
    this.#spill = spill;
  }

  /** Has letters of a kind handled. */
  on(kind: number, handler: LetterHandler): void {
    this.#handlers[kind] = handler;
  }

  /** True where letters have come that are not handled, or a handler runs. */
  get hasLetters(): boolean {
    return !this.#ring.isEmpty;
  }

  /** Handles what has come, up to a bound; false = there may be more. */
  drain(): boolean {
    const ring = this.#ring;
    const letter = this.#letter;
    let bytes = 0;
    while (bytes < BYTES_PER_TURN && ring.next()) {
      const { u32 } = ring;
      const at = ring.offset >>> 2;
      letter.conn = u32[at + 1]!;
      letter.generation = u32[at + 2]!;
      letter.a = u32[at + 3]!;
      letter.b = u32[at + 4]!;
      letter.gate = u32[at + 8]! + u32[at + 9]! * TWO_32;
      const ref = u32[at + 7]!;
      letter.buf = ref === 0 ? ring.u8 : this.#spill.u8;
      letter.start = ref === 0 ? ring.offset + HEAD_BYTES : ref * 8;
      letter.middle = letter.start + u32[at + 5]!;
      letter.end = letter.middle + u32[at + 6]!;
      bytes += HEAD_BYTES + letter.end - letter.start;
      this.#handlers[u32[at]!]!(letter);
      if (ref !== 0) this.#spill.free(ref);
    }
    ring.release();
    return bytes < BYTES_PER_TURN;
  }
}

function refuse(): never {
  throw new Error('a letter that nobody handles');
}
