/**
 * Splits an inline command into arguments. Blanks separate; double quotes know \n \r \t \b \a \xHH
 * and \ before any other byte; single quotes know \' only; a closing quote has to be followed by a
 * blank or the end.
 */
import type { ArgView } from './request-parser.ts';

const BACKSLASH = 0x5c;
const DOUBLE_QUOTE = 0x22;
const SINGLE_QUOTE = 0x27;
const LOWER_X = 0x78;

/** isspace of the C locale. */
function isSpace(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
}

function hexValue(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x61 + 10 : -1;
}

function unescaped(byte: number): number {
  switch (byte) {
    case 0x6e:
      return 0x0a;
    case 0x72:
      return 0x0d;
    case 0x74:
      return 0x09;
    case 0x62:
      return 0x08;
    case 0x61:
      return 0x07;
    default:
      return byte;
  }
}

/**
 * Appends the arguments of the line buf[start, end) to `args`, writing their bytes to args.buf from
 * its beginning; that has room for end - start bytes. Returns false when quotes are unbalanced.
 */
export function splitInline(buf: Uint8Array, start: number, end: number, args: ArgView): boolean {
  let at = start;
  let out = 0;
  for (;;) {
    while (at < end && isSpace(buf[at]!)) at++;
    if (at >= end) return true;
    const first = out;
    // Within a word, vertical tab and form feed are ordinary bytes.
    for (; at < end; at++) {
      const byte = buf[at]!;
      if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) break;
      if (byte === DOUBLE_QUOTE || byte === SINGLE_QUOTE) {
        const close =
          byte === DOUBLE_QUOTE
            ? copyDoubleQuoted(buf, at + 1, end, args.buf, out)
            : copySingleQuoted(buf, at + 1, end, args.buf, out);
        if (close < 0) return false;
        out += copiedLength;
        at = close + 1;
        break;
      }
      args.buf[out++] = byte;
    }
    args.push(first, out - first);
  }
}

/** Bytes written by the last successful quoted copy. */
let copiedLength = 0;

/** The position of a closing quote at `at`, or -1 when something other than a blank follows. */
function closeQuote(buf: Uint8Array, at: number, end: number, length: number): number {
  copiedLength = length;
  return at + 1 < end && !isSpace(buf[at + 1]!) ? -1 : at;
}

/** Copies up to the closing quote and returns its position, or -1. */
function copyDoubleQuoted(
  buf: Uint8Array,
  at: number,
  end: number,
  target: Uint8Array,
  out: number,
): number {
  const first = out;
  for (; at < end; at++) {
    const byte = buf[at]!;
    if (byte === DOUBLE_QUOTE) return closeQuote(buf, at, end, out - first);
    if (byte !== BACKSLASH || at + 1 >= end) {
      target[out++] = byte;
      continue;
    }
    at++;
    if (buf[at] === LOWER_X && at + 2 < end) {
      const high = hexValue(buf[at + 1]!);
      const low = hexValue(buf[at + 2]!);
      if (high >= 0 && low >= 0) {
        target[out++] = high * 16 + low;
        at += 2;
        continue;
      }
    }
    target[out++] = unescaped(buf[at]!);
  }
  return -1;
}

/** Copies up to the closing quote and returns its position, or -1. */
function copySingleQuoted(
  buf: Uint8Array,
  at: number,
  end: number,
  target: Uint8Array,
  out: number,
): number {
  const first = out;
  for (; at < end; at++) {
    const byte = buf[at]!;
    if (byte === SINGLE_QUOTE) return closeQuote(buf, at, end, out - first);
    const escaped = byte === BACKSLASH && at + 1 < end && buf[at + 1] === SINGLE_QUOTE;
    if (escaped) at++;
    target[out++] = escaped ? SINGLE_QUOTE : byte;
  }
  return -1;
}
