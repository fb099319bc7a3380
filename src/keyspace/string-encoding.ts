/** Which encoding a string has. */
import { parseInt64 } from '../base/number-text.ts';
import { EMBSTR_LENGTH_MAX, ENCODING_EMBSTR, ENCODING_INT, ENCODING_RAW } from './entry.ts';

const EMBSTR_MAX = EMBSTR_LENGTH_MAX;
const INT = ENCODING_INT;
const EMBSTR = ENCODING_EMBSTR;
const RAW = ENCODING_RAW;

/** Longest canonical int64 text. */
const INT_TEXT_MAX = 20;
const NINE = 0x39;

/** The encoding under which Redis keeps buf[start, end): int, embstr up to 44 bytes, or raw. */
export function encodingFor(buf: Uint8Array, start: number, end: number): number {
  const length = end - start;
  // Most texts are no numbers, and their first byte says so: "-" and digits are all that may begin
  // one.
  if (length <= INT_TEXT_MAX && length !== 0 && buf[start]! <= NINE) {
    const value = parseInt64(buf, start, end);
    if (!Number.isNaN(value)) return INT;
  }
  return length <= EMBSTR_MAX ? EMBSTR : RAW;
}
