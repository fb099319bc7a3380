/** Commands as RESP arrays, argument by argument, into a sink. */
import { asciiBytes } from '../base/bytes.ts';
import { decimalDigits, formatInteger } from '../base/number-text.ts';
import type { ByteSink } from './byte-sink.ts';

const STAR = 0x2a;
const DOLLAR = 0x24;
const CR = 0x0d;
const LF = 0x0a;
/** Bytes of a sign, a length and a line end, at most. */
const FRAME_BYTES_MAX = 24;
/** Longer strings are written in pieces. */
const LONG_BYTES = 1 << 18;
const PIECE_BYTES = 1 << 16;

function line(sink: ByteSink, sign: number, n: number): void {
  sink.reserve(FRAME_BYTES_MAX);
  sink.buf[sink.length++] = sign;
  sink.length += formatInteger(n, sink.buf, sink.length);
  sink.buf[sink.length++] = CR;
  sink.buf[sink.length++] = LF;
}

function lineEnd(sink: ByteSink): void {
  sink.reserve(2);
  sink.buf[sink.length++] = CR;
  sink.buf[sink.length++] = LF;
}

/** An argument: buf[from, to). */
export function argument(sink: ByteSink, buf: Uint8Array, from: number, to: number): void {
  line(sink, DOLLAR, to - from);
  sink.rawRange(buf, from, to);
  lineEnd(sink);
}

/** An argument: all of `bytes`. */
export function word(sink: ByteSink, bytes: Uint8Array): void {
  argument(sink, bytes, 0, bytes.length);
}

/** An argument: an integer, which may be beyond 2^53. */
export function integer(sink: ByteSink, n: number): void {
  if (n < 0 || !Number.isSafeInteger(n)) {
    word(sink, asciiBytes(String(BigInt(n))));
    return;
  }
  line(sink, DOLLAR, decimalDigits(n));
  sink.reserve(FRAME_BYTES_MAX);
  sink.length += formatInteger(n, sink.buf, sink.length);
  lineEnd(sink);
}

/** Begins a command of `count` arguments, its name included. */
export function begin(sink: ByteSink, name: Uint8Array, count: number): void {
  line(sink, STAR, count);
  word(sink, name);
}

/** Whether a string is written in pieces. */
export function isLong(from: number, to: number): boolean {
  return to - from > LONG_BYTES;
}

/** An argument, which may be long: buf[from, to). It stops after every piece. */
export function* longArgument(
  sink: ByteSink,
  buf: Uint8Array,
  from: number,
  to: number,
): Generator<undefined, void> {
  line(sink, DOLLAR, to - from);
  for (let at = from; at < to; at += PIECE_BYTES) {
    sink.rawRange(buf, at, Math.min(to, at + PIECE_BYTES));
    if (isLong(from, to)) yield undefined;
  }
  lineEnd(sink);
}
