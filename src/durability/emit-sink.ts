/**
 * EmitSink: encoded entries in memory, on their way to a snapshot frame, with marks at the strings
 * that the snapshot thread may compress. One per thread.
 */
import type { ByteSink } from './byte-sink.ts';
import type { StringMarks } from './rdb-output.ts';

const BUFFER_BYTES = 1 << 16;
const BUFFER_KEPT_MAX = 1 << 21;

export class EmitSink implements ByteSink, StringMarks {
  buf: Uint8Array = new Uint8Array(BUFFER_BYTES);
  length = 0;
  /** Pairs: where the length of a string begins in `buf`, and how long the string is. */
  marks: Uint32Array = new Uint32Array(512);
  /** Words of `marks` in use. */
  markWords = 0;
  /** Bytes beyond which nothing more is kept. */
  lengthMax = Number.POSITIVE_INFINITY;
  /** More than `lengthMax` was written: what is there is of no use. */
  isOver = false;

  /** Begins anew. */
  clear(): void {
    this.length = 0;
    this.markWords = 0;
    this.isOver = false;
    if (this.buf.length > BUFFER_KEPT_MAX) this.buf = new Uint8Array(BUFFER_BYTES);
  }

  reserve(n: number): void {
    const needed = this.length + n;
    if (needed <= this.buf.length) return;
    const grown = new Uint8Array(Math.max(needed, this.buf.length * 2));
    grown.set(this.buf.subarray(0, this.length));
    this.buf = grown;
  }

  rawRange(source: Uint8Array, start: number, end: number): void {
    if (this.length + end - start > this.lengthMax) {
      this.isOver = true;
      return;
    }
    this.reserve(end - start);
    if (end - start < COPY_BYTES_MIN) {
      for (let i = start; i < end; i++) this.buf[this.length++] = source[i]!;
      return;
    }
    this.buf.set(source.subarray(start, end), this.length);
    this.length += end - start;
  }

  mark(offset: number, length: number): void {
    if (this.markWords + 2 > this.marks.length) {
      const grown = new Uint32Array(this.marks.length * 2);
      grown.set(this.marks);
      this.marks = grown;
    }
    this.marks[this.markWords++] = offset;
    this.marks[this.markWords++] = length;
  }

  /** Takes back what was written behind a length and a number of marks that were noted before. */
  truncate(length: number, markWords: number): void {
    this.length = length;
    this.markWords = markWords;
    this.isOver = false;
  }
}

/** Below, a loop is faster than a view and a copy. */
const COPY_BYTES_MIN = 64;
