/**
 * Extended-precision decimals: x86-64's 80-bit long double, in software. INCRBYFLOAT adds in that
 * format and prints 17 decimals, and its results are stored and replicated, so they have to be the
 * same to the last digit. Everything is exact BigInt arithmetic with one rounding (to nearest, ties
 * to even) where the hardware rounds. Cold path: microseconds per operation, and it allocates.
 *
 * LIMITS text up to 5119 bytes; mantissa 64 bits; exponents of the 80-bit format.
 */

/** A binary float: ± mantissa × 2^exponent; a mantissa of 0 is zero. */
export type ExtendedFloat = {
  readonly negative: boolean;
  readonly mantissa: bigint;
  readonly exponent: number;
  readonly infinite: boolean;
};

type BinaryFormat = {
  readonly mantissaBits: number;
  /** Exponent of the last mantissa bit of the smallest (denormal) number. */
  readonly exponentMin: number;
  /** Exponent of the last mantissa bit of the largest numbers. */
  readonly exponentMax: number;
};

const EXTENDED: BinaryFormat = { mantissaBits: 64, exponentMin: -16445, exponentMax: 16320 };
const DOUBLE: BinaryFormat = { mantissaBits: 53, exponentMin: -1074, exponentMax: 971 };

const TEXT_BYTES_MAX = 5119;
const FRACTION_DIGITS = 17;
const FRACTION_SCALE = 10n ** BigInt(FRACTION_DIGITS);
/** Powers of ten beyond this are far out of range in both formats. */
const DECIMAL_EXPONENT_MAX = 12_000;
/** The same for powers of two: 5119 hexadecimal digits and the range of the format. */
const BINARY_EXPONENT_MAX = 60_000;

const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:e([+-]?\d+))?$/i;
const HEXADECIMAL = /^([+-]?)0x([\da-f]*)(?:\.([\da-f]*))?(?:p([+-]?\d+))?$/i;
const INFINITE = /^([+-]?)inf(?:inity)?$/i;

/**
 * Reads what strtold reads, with nothing before or after it. Returns null for other text, for NaN,
 * and for finite text that overflows or becomes zero without being zero.
 */
export function parseExtended(text: string): ExtendedFloat | null {
  if (text.length === 0 || text.length > TEXT_BYTES_MAX) return null;
  const infinite = INFINITE.exec(text);
  if (infinite) {
    return { negative: infinite[1] === '-', mantissa: 0n, exponent: 0, infinite: true };
  }
  const value = parseDecimal(text) ?? parseHexadecimal(text, EXTENDED);
  return value === null || value.infinite ? null : value;
}

function parseDecimal(text: string): ExtendedFloat | null {
  const match = DECIMAL.exec(text);
  if (!match) return null;
  const fraction = match[3] ?? '';
  const digits = match[2]! + fraction;
  if (digits.length === 0) return null;
  const negative = match[1] === '-';
  const number = BigInt(digits);
  if (number === 0n) return zero(negative);
  const power = Number(match[4] ?? 0) - fraction.length;
  if (Math.abs(power) > DECIMAL_EXPONENT_MAX) return null;
  const value =
    power >= 0
      ? roundRatio(negative, number * 10n ** BigInt(power), 1n, EXTENDED)
      : roundRatio(negative, number, 10n ** BigInt(-power), EXTENDED);
  return value.mantissa === 0n && !value.infinite ? null : value;
}

function parseHexadecimal(text: string, format: BinaryFormat): ExtendedFloat | null {
  const match = HEXADECIMAL.exec(text);
  if (!match) return null;
  const fraction = match[3] ?? '';
  const digits = match[2]! + fraction;
  if (digits.length === 0) return null;
  const negative = match[1] === '-';
  const number = BigInt('0x' + digits);
  if (number === 0n) return zero(negative);
  const power = Number(match[4] ?? 0) - 4 * fraction.length;
  if (Math.abs(power) > BINARY_EXPONENT_MAX) return null;
  const value = roundBinary(negative, number, power, format);
  return value.mantissa === 0n && !value.infinite ? null : value;
}

/**
 * Reads a hexadecimal float ("0x1.8p3") as a double, rounded to nearest even. Returns NaN where the
 * text is none, overflows, or becomes zero without being zero.
 */
export function hexFloatToNumber(text: string): number {
  const value = parseHexadecimal(text, DOUBLE);
  if (value === null || value.infinite) return Number.NaN;
  // Both factors and the product are doubles; two steps keep 2^exponent itself in range.
  const half = Math.trunc(value.exponent / 2);
  const magnitude = Number(value.mantissa) * 2 ** half * 2 ** (value.exponent - half);
  return value.negative ? -magnitude : magnitude;
}

/** The sum rounded to 64 mantissa bits; null for NaN or infinity. */
export function addExtended(a: ExtendedFloat, b: ExtendedFloat): ExtendedFloat | null {
  if (a.infinite || b.infinite) return null;
  const exponent = Math.min(a.exponent, b.exponent);
  const left = a.mantissa << BigInt(a.exponent - exponent);
  const right = b.mantissa << BigInt(b.exponent - exponent);
  const sum = (a.negative ? -left : left) + (b.negative ? -right : right);
  if (sum === 0n) return zero(a.negative && b.negative);
  const result = roundBinary(sum < 0n, sum < 0n ? -sum : sum, exponent, EXTENDED);
  return result.infinite ? null : result;
}

/** Prints a finite value with 17 decimals, without trailing zeros, point or sign of zero. */
export function formatExtended(value: ExtendedFloat): string {
  const scaled = value.mantissa * FRACTION_SCALE;
  const rounded =
    value.exponent >= 0
      ? scaled << BigInt(value.exponent)
      : shiftRightToEven(scaled, -value.exponent);
  if (rounded === 0n) return '0';
  const digits = rounded.toString().padStart(FRACTION_DIGITS + 1, '0');
  const whole = digits.slice(0, -FRACTION_DIGITS);
  const fraction = digits.slice(-FRACTION_DIGITS).replace(/0+$/, '');
  return (value.negative ? '-' : '') + whole + (fraction === '' ? '' : '.' + fraction);
}

function zero(negative: boolean): ExtendedFloat {
  return { negative, mantissa: 0n, exponent: 0, infinite: false };
}

function bitLength(value: bigint): number {
  const hex = value.toString(16);
  return hex.length * 4 - Math.clz32(Number.parseInt(hex[0]!, 16)) + 28;
}

/** Rounds numerator / denominator, both positive. */
function roundRatio(
  negative: boolean,
  numerator: bigint,
  denominator: bigint,
  format: BinaryFormat,
): ExtendedFloat {
  // A quotient of at least mantissaBits + 2 bits; the lowest bit then says "something follows",
  // which is all that a single later rounding needs to know.
  const wanted = format.mantissaBits + 3 + bitLength(denominator) - bitLength(numerator);
  const shift = Math.max(0, wanted);
  const shifted = numerator << BigInt(shift);
  const quotient = shifted / denominator;
  const sticky = quotient * denominator === shifted ? 0n : 1n;
  return roundBinary(negative, (quotient << 1n) | sticky, -shift - 1, format);
}

/** Rounds mantissa × 2^exponent, the mantissa being positive and of any size. */
function roundBinary(
  negative: boolean,
  mantissa: bigint,
  exponent: number,
  format: BinaryFormat,
): ExtendedFloat {
  const excess = bitLength(mantissa) - format.mantissaBits;
  const target = Math.max(exponent + excess, format.exponentMin);
  if (target > exponent) {
    mantissa = shiftRightToEven(mantissa, target - exponent);
    exponent = target;
  }
  const last = exponent + bitLength(mantissa) - format.mantissaBits;
  const infinite = mantissa !== 0n && last > format.exponentMax;
  return { negative, mantissa: infinite ? 0n : mantissa, exponent, infinite };
}

/** value / 2^bits, rounded to nearest, ties to even. */
function shiftRightToEven(value: bigint, bits: number): bigint {
  const shift = BigInt(bits);
  const quotient = value >> shift;
  const rest = value - (quotient << shift);
  const half = 1n << (shift - 1n);
  const up = rest > half || (rest === half && (quotient & 1n) === 1n);
  return up ? quotient + 1n : quotient;
}
