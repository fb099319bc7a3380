/** What CLIENT LIST calls the query buffer. */
import type { Connection } from './connection.ts';

/** An argument of at least so many bytes has a buffer of its own in Redis. */
const LARGE_ARGUMENT_BYTES = 32 * 1024;
const DOLLAR = 0x24;
const LF = 0x0a;
/** Longest length line, `$536870912` and its end. */
const LINE_BYTES_MAX = 16;

/**
 * Bytes received that no command has consumed; as in Redis, those of a large argument alone while
 * it is being received.
 */
export function queryBufferBytes(c: Connection): number {
  const { input, inputLength, parseState } = c;
  if (inputLength < LARGE_ARGUMENT_BYTES) return inputLength;
  const line = parseState.count === 0 ? lineEnd(input, 0) : parseState.position;
  if (line < 0 || input[line] !== DOLLAR) return inputLength;
  const start = lineEnd(input, line);
  if (start < 0) return inputLength;
  const announced = Number.parseInt(Buffer.from(input.slice(line + 1, start)).toString(), 10);
  return announced >= LARGE_ARGUMENT_BYTES && start < inputLength
    ? inputLength - start
    : inputLength;
}

/** Where the next line starts; -1 = there is no short line here. */
function lineEnd(buf: Uint8Array, from: number): number {
  const end = Math.min(buf.length, from + LINE_BYTES_MAX);
  for (let at = from; at < end; at++) if (buf[at] === LF) return at + 1;
  return -1;
}
