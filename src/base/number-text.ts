/**
 * Numbers as text: the strict integer and float syntaxes of the protocol, read from and written to
 * bytes. Nothing here allocates for integers up to 2^53 - 1 or for short decimal fractions.
 */
import { hexFloatToNumber } from './decimal-float.ts';

const MINUS = 0x2d;
const PLUS = 0x2b;
const DOT = 0x2e;
const ZERO = 0x30;
const SAFE_MAX = Number.MAX_SAFE_INTEGER;
/** The digits of 2^63 - 1; the negative limit ends in 8 instead of 7. */
const INT64_MAX_DIGITS = Uint8Array.from('9223372036854775807', (digit) => digit.charCodeAt(0));
const INT64_DIGITS = 19;
/** 10^0 to 10^22 are exact doubles, so one division by them rounds once, correctly. */
const POWERS_OF_TEN = Float64Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`));

/**
 * Reads buf[start, end) as a 64-bit signed integer in canonical form: no plus sign, no spaces, no
 * leading zeros, no "-0".
 *
 * Returns the value when it is a safe integer; Infinity or -Infinity when the text is a valid int64
 * beyond 2^53 - 1 (then {@link parseBigInt64} has it exactly); NaN when it is no int64.
 */
export function parseInt64(buf: Uint8Array, start: number, end: number): number {
  const count = end - start;
  if (count === 1) {
    const digit = buf[start]! - ZERO;
    return digit >= 0 && digit <= 9 ? digit : Number.NaN;
  }
  if (count <= 0 || count > INT64_DIGITS + 1) return Number.NaN;
  const negative = buf[start] === MINUS;
  const first = negative ? start + 1 : start;
  let value = buf[first]! - ZERO;
  if (value < 1 || value > 9) return Number.NaN;
  for (let at = first + 1; at < end; at++) {
    const digit = buf[at]! - ZERO;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  // Every prefix up to 2^53 is exact and rounding is monotone, so this comparison is exact too.
  if (value <= SAFE_MAX) return negative ? -value : value;
  if (!fitsInt64(buf, first, end, negative)) return Number.NaN;
  return negative ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

function fitsInt64(buf: Uint8Array, first: number, end: number, negative: boolean): boolean {
  const count = end - first;
  if (count !== INT64_DIGITS) return count < INT64_DIGITS;
  for (let i = 0; i < INT64_DIGITS - 1; i++) {
    const difference = buf[first + i]! - INT64_MAX_DIGITS[i]!;
    if (difference !== 0) return difference < 0;
  }
  return buf[end - 1]! <= ZERO + (negative ? 8 : 7);
}

/** The exact value of a text for which {@link parseInt64} did not answer NaN. Allocates. */
export function parseBigInt64(buf: Uint8Array, start: number, end: number): bigint {
  return BigInt(latin1Text(buf, start, end));
}

/** The bytes buf[start, end) as a string of one character per byte. */
export function latin1Text(buf: Uint8Array, start: number, end: number): string {
  return Buffer.from(buf.buffer, buf.byteOffset + start, end - start).toString('latin1');
}

/**
 * Reads buf[start, end) as a double, accepting what strtod accepts in the C locale and nothing
 * around it: decimal with optional fraction and exponent, hexadecimal ("0x1.8p3"), "inf" and
 * "infinity" in any case, each with an optional sign. Returns NaN for everything else, and for
 * finite text out of a double's range (overflow, or a non-zero value that becomes 0).
 */
export function parseFloat64(buf: Uint8Array, start: number, end: number): number {
  let at = start;
  const negative = buf[at] === MINUS;
  if (at < end && (negative || buf[at] === PLUS)) at++;
  let value = 0;
  let digitCount = 0;
  let fractionCount = 0;
  let inFraction = false;
  for (; at < end; at++) {
    const digit = buf[at]! - ZERO;
    if (digit >= 0 && digit <= 9) {
      value = value * 10 + digit;
      digitCount++;
      if (inFraction) fractionCount++;
    } else if (buf[at] === DOT && !inFraction) {
      inFraction = true;
    } else {
      return parseUnusualFloat(buf, start, end);
    }
  }
  if (digitCount === 0) return Number.NaN;
  if (value > SAFE_MAX || fractionCount >= POWERS_OF_TEN.length) {
    return parseLongDecimal(buf, start, end, value === 0);
  }
  value /= POWERS_OF_TEN[fractionCount]!;
  return negative ? -value : value;
}

/** The same for digits and at most one point, which nobody has to look at again. */
function parseLongDecimal(buf: Uint8Array, start: number, end: number, isZero: boolean): number {
  const value = Number(latin1Text(buf, start, end));
  return !Number.isFinite(value) || (value === 0 && !isZero) ? Number.NaN : value;
}

const DECIMAL_PATTERN = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const INFINITY_PATTERN = /^[+-]?inf(?:inity)?$/i;
const ZERO_PATTERN = /^[+-]?[0.]+(?:e|$)/i;

function parseUnusualFloat(buf: Uint8Array, start: number, end: number): number {
  if (start >= end) return Number.NaN;
  const text = latin1Text(buf, start, end);
  if (DECIMAL_PATTERN.test(text)) {
    const value = Number(text);
    const outOfRange = !Number.isFinite(value) || (value === 0 && !ZERO_PATTERN.test(text));
    return outOfRange ? Number.NaN : value;
  }
  if (INFINITY_PATTERN.test(text)) {
    return buf[start] === MINUS ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }
  return hexFloatToNumber(text);
}

const SPACE = 0x20;
const TAB = 0x09;
const CR = 0x0d;

/**
 * Reads buf[start, end) as a bound of a range of scores, more leniently than {@link parseFloat64},
 * as strtod alone does: up to the first NUL, with blanks in front; nothing is 0, and numbers out of
 * a double's range are infinite or 0. NaN for everything else.
 */
export function parseFloatBound(buf: Uint8Array, start: number, end: number): number {
  const value = parseFloat64(buf, start, end);
  return Number.isNaN(value) ? parseUnusualBound(buf, start, end) : value;
}

function parseUnusualBound(buf: Uint8Array, start: number, end: number): number {
  let to = start;
  while (to < end && buf[to] !== 0) to++;
  if (to === start) return 0;
  let from = start;
  while (from < to && (buf[from] === SPACE || (buf[from]! >= TAB && buf[from]! <= CR))) from++;
  if (from === to) return Number.NaN;
  const text = latin1Text(buf, from, to);
  return DECIMAL_PATTERN.test(text) ? Number(text) : parseFloat64(buf, from, to);
}

const DIGITS_MAX = 20;
/** The digits of 00 to 99, one number behind the other. */
const DIGIT_PAIRS: Uint8Array = Uint8Array.from({ length: 200 }, (_, i) => {
  return ZERO + (i % 2 === 0 ? Math.floor(i / 20) : Math.floor(i / 2) % 10);
});

/** How many decimal digits the non-negative integer n has; n at most 2^53 - 1. */
export function decimalDigits(n: number): number {
  if (n < 10) return 1;
  if (n < 100) return 2;
  if (n < 1000) return 3;
  if (n < 10000) return 4;
  if (n < 100000) return 5;
  if (n < 1000000) return 6;
  if (n < 10000000) return 7;
  let count = 8;
  // The bound is for what is no such integer: Infinity would have this go on for ever.
  for (let limit = 100000000; n >= limit && count < DIGITS_MAX; limit *= 10) count++;
  return count;
}

/**
 * Writes the safe integer n in decimal at buf[at...] and returns how many bytes that took, 17 at
 * most. The caller has made the room.
 */
export function formatInteger(n: number, buf: Uint8Array, at: number): number {
  if (n >= 0 && n < 10) {
    buf[at] = ZERO + n;
    return 1;
  }
  let first = at;
  if (n < 0) {
    buf[first++] = MINUS;
    n = -n;
  }
  const end = first + decimalDigits(n);
  let last = end;
  if (n > 0x7fffffff) {
    // Beyond 31 bits, nine digits at a time keep the digit loop in integer arithmetic.
    const high = Math.floor(n / 1e9);
    last = writeDigits(n - high * 1e9, buf, last, last - 9);
    if (high > 0x7fffffff) throw new RangeError('formatInteger: not a safe integer');
    n = high;
  }
  writeDigits(n, buf, last, first);
  return end - at;
}

/** Writes n right-aligned and zero-padded into buf[first, end); n below 2^31. Returns first. */
function writeDigits(n: number, buf: Uint8Array, end: number, first: number): number {
  let rest = n | 0;
  let at = end - 2;
  for (; at >= first; at -= 2) {
    const quotient = (rest / 100) | 0;
    const pair = (rest - quotient * 100) * 2;
    buf[at] = DIGIT_PAIRS[pair]!;
    buf[at + 1] = DIGIT_PAIRS[pair + 1]!;
    rest = quotient;
  }
  if (at + 1 === first) buf[first] = ZERO + (rest % 10);
  return first;
}

/** Doubles in this range print every digit of an integer instead of an exponent. */
const PLAIN_INTEGER_MAX = 2 ** 62;

/**
 * The shortest decimal text that reads back as x, laid out as Redis 7.2 and later print scores and
 * doubles: integers within ±2^62 in full, otherwise plain notation for at most seven padding zeros
 * on the right or six places after the point, else "d.ddde+xx". "inf", "-inf", "nan", "-0".
 * (Redis's digits are by Grisu2, which for about one double in a thousand are not the shortest.)
 */
export function formatDouble(x: number): string {
  if (x === 0) return Object.is(x, -0) ? '-0' : '0';
  if (Number.isSafeInteger(x)) return String(x);
  if (!Number.isFinite(x)) return Number.isNaN(x) ? 'nan' : x > 0 ? 'inf' : '-inf';
  if (Math.abs(x) <= PLAIN_INTEGER_MAX && Number.isInteger(x)) return BigInt(x).toString();
  const text = Math.abs(x).toExponential();
  const mark = text.indexOf('e');
  const digits = text[0] + text.slice(2, mark);
  return (x < 0 ? '-' : '') + layOutDigits(digits, Number(text.slice(mark + 1)));
}

/** Significant digits that tell every double from its neighbours. */
const PRECISE_DIGITS = 17;

/** x as printf's "%.17g" has it. */
export function formatDouble17(x: number): string {
  if (x === 0 || !Number.isFinite(x)) return formatDouble(x);
  const text = preciseText(Math.abs(x));
  const mark = text.indexOf('e');
  const exponent = Number(text.slice(mark + 1));
  const digits = (text[0] + text.slice(2, mark)).replace(/0+$/, '');
  return (x < 0 ? '-' : '') + layOutGeneral(digits, exponent);
}

/** "d.dde+x" with 17 digits; of a tie the even one, where toExponential would round up. */
function preciseText(x: number): string {
  const up = x.toExponential(PRECISE_DIGITS - 1);
  const exact = x.toExponential(EXACT_DIGITS);
  const isTie = /^5?0*$/.test(exact.slice(PRECISE_DIGITS + 1, exact.indexOf('e')));
  const last = exact[PRECISE_DIGITS]!;
  if (!isTie || exact[PRECISE_DIGITS + 1] !== '5' || Number(last) % 2 === 1) return up;
  return exact.slice(0, PRECISE_DIGITS + 1) + exact.slice(exact.indexOf('e'));
}

const EXACT_DIGITS = 60;

/** Lays out d1.d2d3... × 10^exponent the way of "%g", without zeros at the end. */
function layOutGeneral(digits: string, exponent: number): string {
  if (exponent < -4 || exponent >= PRECISE_DIGITS) {
    const fraction = digits.length > 1 ? '.' + digits.slice(1) : '';
    const power = String(Math.abs(exponent)).padStart(2, '0');
    return digits[0] + fraction + (exponent < 0 ? 'e-' : 'e+') + power;
  }
  if (exponent < 0) return '0.' + '0'.repeat(-exponent - 1) + digits;
  const whole = digits.padEnd(exponent + 1, '0');
  const fraction = whole.slice(exponent + 1);
  return whole.slice(0, exponent + 1) + (fraction === '' ? '' : '.' + fraction);
}

/** Lays out 0.d1d2d3... × 10^(exponent + 1), exponent being the power of ten of the first digit. */
function layOutDigits(digits: string, exponent: number): string {
  const count = digits.length;
  const lastPower = exponent - count + 1;
  const magnitude = Math.abs(exponent);
  if (lastPower >= 0 && magnitude < count + 7) return digits + '0'.repeat(lastPower);
  if (lastPower < 0 && (lastPower > -7 || magnitude < 4)) {
    if (exponent < 0) return '0.' + '0'.repeat(-exponent - 1) + digits;
    return digits.slice(0, exponent + 1) + '.' + digits.slice(exponent + 1);
  }
  const fraction = count > 1 ? '.' + digits.slice(1) : '';
  return digits[0] + fraction + (exponent < 0 ? 'e-' : 'e+') + magnitude;
}
