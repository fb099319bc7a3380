/**
 * Load board: what the threads share that load a snapshot file together.
 *
 * LAYOUT
 *   word 0    not 0: give up                    (anybody writes)
 *   word 1    microseconds to wait after a key  (main writes; tests want slow loads)
 *   byte 64   one byte pipe a builder           (sync/byte-pipe.ts)
 */
import { bytePipeBytes, formatBytePipe } from './byte-pipe.ts';

const ABORT = 0;
const DELAY = 1;
const LINE_BYTES = 64;
/** What one builder may be behind the reader of the file. Touched only when used. */
const PIPE_BYTES = 4 * 1024 * 1024;

export class LoadBoard {
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array;

  /** The buffer of a board for `builders`; it costs address space until it is used. */
  static create(builders: number): SharedArrayBuffer {
    return new SharedArrayBuffer(LINE_BYTES + builders * pipeStride());
  }

  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer, 0, LINE_BYTES / 4);
  }

  /** Makes ready for a load by `builders` threads. */
  reset(builders: number): void {
    Atomics.store(this.#words, ABORT, 0);
    for (let i = 0; i < builders; i++) formatBytePipe(this.buffer, this.pipeOffset(i), PIPE_BYTES);
  }

  /** Byte offset of the pipe to a builder. */
  pipeOffset(builder: number): number {
    return LINE_BYTES + builder * pipeStride();
  }

  get isAborted(): boolean {
    return Atomics.load(this.#words, ABORT) !== 0;
  }

  /** Has all others give up. They finish what they have been sent. */
  abort(): void {
    Atomics.store(this.#words, ABORT, 1);
  }

  /** Microseconds to wait after each key; negative = 1 us after one of so many keys. */
  get keyDelayMicros(): number {
    return this.#words[DELAY]!;
  }

  setKeyDelay(micros: number): void {
    Atomics.store(this.#words, DELAY, micros);
  }
}

function pipeStride(): number {
  return (bytePipeBytes(PIPE_BYTES) + LINE_BYTES - 1) & ~(LINE_BYTES - 1);
}
