/**
 * InsightMemory: what the threads of a server share to tell about themselves: the log of slow
 * commands, latency events, hot keys and big keys. An arena of its own, so that a full log never
 * takes room from the data.
 *
 * LAYOUT of the area before the blocks (64-byte lines)
 *   line 0            spin lock
 *   line 1            log of slow commands: first and last entry, count, resets (words); next id,
 *                     entries ever, their microseconds, the longest (f64 from byte 16)
 *   line 2..3         session of hot keys              (insight/hot-keys.ts)
 *   line 4..7         report of big keys               (insight/big-keys.ts)
 *   then              latency events                   (insight/latency-events.ts)
 *   then              rates and peaks                 (insight/rates.ts)
 *   then              a line a thread: its tables of hot keys
 *   then              four lines a thread: its part of the report of big keys
 *
 * OWNERSHIP: the lock is held to take and free blocks and for everything in lines 1 to 7; for a few
 * microseconds at most. Nobody waits for anything else while holding it.
 */
import { Arena, type Ref } from '../../memory/arena.ts';
import { SpinLock } from '../../sync/spin-lock.ts';

const LINE_BYTES = 64;
const LOCK_LINE = 0;
const SLOW_LOG_LINE = 1;
const HOT_KEYS_LINE = 2;
const BIG_KEYS_LINE = 4;
const EVENTS_LINE = 8;
/** Kinds of events, and what each takes: see latency-events.ts. */
export const EVENT_KINDS_MAX = 32;
export const EVENT_SAMPLES = 160;
export const EVENT_WORDS = 16 + EVENT_SAMPLES * 2;
const EVENT_LINES = (EVENT_KINDS_MAX * EVENT_WORDS * 4) / LINE_BYTES;
const RATES_LINE = EVENTS_LINE + EVENT_LINES;
export const RATE_SAMPLES = 16;
export const RATE_WORDS = 6;
const RATE_LINES = 1 + (RATE_SAMPLES * RATE_WORDS * 8) / LINE_BYTES;
const THREADS_LINE = RATES_LINE + RATE_LINES;
/** Lines of a thread's part of the report of big keys. */
const BIG_LINES = 4;
/** Reserved, not committed: what a log of 100,000 long commands takes. */
const ARENA_BYTES = 2 ** 29;

/** The buffer to hand to every thread of a server with `threads` threads. */
export function createInsightMemory(
  threads: number,
  bytes: number = ARENA_BYTES,
): SharedArrayBuffer {
  const front = (THREADS_LINE + threads * (1 + BIG_LINES)) * LINE_BYTES;
  return Arena.create(bytes, front).buffer;
}

export class InsightMemory {
  readonly u8: Uint8Array;
  readonly u32: Uint32Array;
  readonly f64: Float64Array;
  /** Byte offsets of the areas. */
  readonly slowLog: number;
  readonly hotKeys: number;
  readonly bigKeys: number;
  readonly events: number;
  readonly rates: number;
  readonly threads: number;
  readonly #arena: Arena;
  readonly #words: Int32Array;
  readonly #lock: SpinLock;
  readonly #threadsArea: number;

  /** Attaches to a buffer of `createInsightMemory` for as many threads. */
  constructor(buffer: SharedArrayBuffer, threads: number) {
    this.#arena = Arena.attach(buffer);
    const { userOffset } = this.#arena;
    this.u8 = this.#arena.u8;
    this.u32 = this.#arena.u32;
    this.f64 = this.#arena.f64;
    this.threads = threads;
    this.#words = new Int32Array(buffer);
    this.#lock = new SpinLock(this.#words, (userOffset + LOCK_LINE * LINE_BYTES) / 4);
    this.slowLog = userOffset + SLOW_LOG_LINE * LINE_BYTES;
    this.hotKeys = userOffset + HOT_KEYS_LINE * LINE_BYTES;
    this.bigKeys = userOffset + BIG_KEYS_LINE * LINE_BYTES;
    this.events = userOffset + EVENTS_LINE * LINE_BYTES;
    this.rates = userOffset + RATES_LINE * LINE_BYTES;
    this.#threadsArea = userOffset + THREADS_LINE * LINE_BYTES;
  }

  /** Words of the whole buffer, for locks. */
  get words(): Int32Array {
    return this.#words;
  }

  /** Byte offset of a thread's line about hot keys. */
  hotLine(thread: number): number {
    return this.#threadsArea + thread * LINE_BYTES;
  }

  /** Byte offset of a thread's lines about big keys. */
  bigLines(thread: number): number {
    return this.#threadsArea + (this.threads + thread * BIG_LINES) * LINE_BYTES;
  }

  /** Bytes in use by all of it. */
  get usedBytes(): number {
    return this.#arena.usedBytes();
  }

  acquire(): void {
    this.#lock.acquire();
  }

  release(): void {
    this.#lock.release();
  }

  /** A block of at least `bytes` bytes, or 0 when the memory is full. The lock is held. */
  take(bytes: number): Ref {
    return this.#arena.alloc(bytes);
  }

  /** Frees a block. The lock is held. */
  free(ref: Ref): void {
    this.#arena.free(ref);
  }
}
