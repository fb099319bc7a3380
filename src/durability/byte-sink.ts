/**
 * ByteSink: where encoded bytes go, chunk by chunk: the reply of DUMP, a file, later a ring or a
 * socket. A reply writer is one.
 *
 * OWNERSHIP  the writer of bytes calls `reserve`, writes at `buf[length...]` and moves `length` on;
 *   the sink may hand bytes on and start again with a length of 0 in `reserve` and `rawRange`, so
 *   nobody keeps positions over those.
 */
export interface ByteSink {
  readonly buf: Uint8Array;
  length: number;
  /** Makes room for `n` more bytes, a few of them. */
  reserve(n: number): void;
  /** Appends source[start, end), however long. */
  rawRange(source: Uint8Array, start: number, end: number): void;
}

/** A sink that keeps everything in memory. */
export class MemorySink implements ByteSink {
  buf: Uint8Array = new Uint8Array(256);
  length = 0;

  reserve(n: number): void {
    const needed = this.length + n;
    if (needed <= this.buf.length) return;
    const grown = new Uint8Array(Math.max(needed, this.buf.length * 2));
    grown.set(this.buf.subarray(0, this.length));
    this.buf = grown;
  }

  rawRange(source: Uint8Array, start: number, end: number): void {
    this.reserve(end - start);
    this.buf.set(source.subarray(start, end), this.length);
    this.length += end - start;
  }
}
