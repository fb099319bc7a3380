import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decimalDigits,
  formatDouble,
  formatDouble17,
  formatInteger,
  latin1Text,
  parseBigInt64,
  parseFloat64,
  parseFloatBound,
  parseInt64,
} from '../../src/base/number-text.ts';

function bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function int(text: string): number {
  return parseInt64(bytes(`9${text}9`), 1, text.length + 1);
}

function float(text: string): number {
  return parseFloat64(bytes(`9${text}9`), 1, text.length + 1);
}

describe('parseInt64', () => {
  test.each([
    ['0', 0],
    ['9', 9],
    ['-1', -1],
    ['10', 10],
    ['4294967296', 4294967296],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
    ['-9007199254740991', -Number.MAX_SAFE_INTEGER],
    ['9007199254740992', Number.POSITIVE_INFINITY],
    ['-9007199254740993', Number.NEGATIVE_INFINITY],
    ['9223372036854775807', Number.POSITIVE_INFINITY],
    ['-9223372036854775808', Number.NEGATIVE_INFINITY],
  ])('%s is %d', (text, value) => {
    expect(int(text)).toBe(value);
    expect(parseBigInt64(bytes(text), 0, text.length)).toBe(BigInt(text));
  });

  test.each([
    ...[
      '',
      '-',
      '-0',
      '+1',
      '01',
      '-01',
      ' 1',
      '1 ',
      '1.0',
      '1e3',
      '0x10',
      'a',
      '1\0',
      '--1',
      '/',
      ':',
    ],
    ...['9223372036854775808', '-9223372036854775809', '18446744073709551616', '1'.repeat(40)],
  ])('%j is none', (text) => {
    expect(int(text)).toBeNaN();
  });

  test('agrees with BigInt on any digits', () => {
    const digits = fc.string({ unit: fc.constantFrom(...'0123456789-'), maxLength: 21 });
    fc.assert(
      fc.property(fc.oneof(digits, fc.bigInt({ min: -(2n ** 65n), max: 2n ** 65n })), (value) => {
        const text = String(value);
        const exact = /^(0|-?[1-9]\d*)$/.test(text) ? BigInt(text) : null;
        if (exact === null || BigInt.asIntN(64, exact) !== exact) {
          expect(int(text)).toBeNaN();
        } else if (Number.isSafeInteger(Number(exact))) {
          expect(int(text)).toBe(Number(exact));
        } else {
          expect(int(text)).toBe(exact < 0n ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY);
        }
      }),
      { numRuns: 5000 },
    );
  });
});

describe('formatInteger', () => {
  test('writes what String writes, and only that', () => {
    const edges = fc
      .nat(53)
      .chain((bits) => fc.integer({ min: -2, max: 2 }).map((d) => 2 ** bits + d));
    fc.assert(
      fc.property(fc.oneof(fc.maxSafeInteger(), edges, fc.integer()), (value) => {
        if (!Number.isSafeInteger(value)) return;
        const buf = new Uint8Array(32).fill(0x7e);
        const length = formatInteger(value, buf, 5);
        expect(latin1Text(buf, 5, 5 + length)).toBe(String(value));
        expect(buf[4]).toBe(0x7e);
        expect(buf[5 + length]).toBe(0x7e);
        expect(decimalDigits(Math.abs(value))).toBe(String(Math.abs(value)).length);
      }),
      { numRuns: 5000 },
    );
  });
});

describe('parseFloatBound', () => {
  const bound = (text: string): number => parseFloatBound(bytes(`9${text}9`), 1, text.length + 1);

  test.each([
    ['1.5', 1.5],
    ['', 0],
    ['\0x', 0],
    [' \t\n1', 1],
    ['2\0 3', 2],
    ['1e400', Number.POSITIVE_INFINITY],
    ['-1e400', Number.NEGATIVE_INFINITY],
    ['1e-400', 0],
    [' -inf', Number.NEGATIVE_INFINITY],
    [' 0x10', 16],
  ])('%j is %d', (text, value) => {
    expect(bound(text)).toBe(value);
  });

  test.each([' ', 'x', '1 ', '(1', 'nan', '1x', '--1', ' \x001'])('%j is none', (text) => {
    expect(bound(text)).toBeNaN();
  });
});

describe('parseFloat64', () => {
  test.each([
    ['0', 0],
    ['-0', -0],
    ['+1.5', 1.5],
    ['.5', 0.5],
    ['5.', 5],
    ['1e3', 1000],
    ['1E-2', 0.01],
    ['0.1', 0.1],
    ['123456789012345678', 123456789012345680],
    ['1e308', 1e308],
    ['5e-324', 5e-324],
    ['0e-999', 0],
    ['inf', Number.POSITIVE_INFINITY],
    ['-INF', Number.NEGATIVE_INFINITY],
    ['+Infinity', Number.POSITIVE_INFINITY],
    ['0x10', 16],
    ['-0X1.8p3', -12],
    ['0x.8', 0.5],
    ['0x0p9', 0],
    ['0x1p-1074', 5e-324],
    ['0x1.fffffffffffffp1023', Number.MAX_VALUE],
    ['0x1.00000000000008', 1],
    ['0x1.00000000000018', 1 + 2 ** -51],
    ['1700000000.123456', 1700000000.123456],
    ['9007199254740991', 9007199254740991],
    ['9007199254740993', 9007199254740992],
    ['0000000000000000000000000001.5', 1.5],
    ['0.00000000000000000000000000015', 1.5e-28],
  ])('%s is %d', (text, value) => {
    expect(float(text)).toBe(value);
  });

  test.each([
    ...[
      '',
      ' 1',
      '1 ',
      '1\0',
      '.',
      '-',
      '+',
      '+-1',
      '1e',
      '1e+',
      'e5',
      '1.2.3',
      'nan',
      'NaN',
      '-nan',
    ],
    ...['infin', 'infinityx', '0x', '0x.', '0x1p', '0xg', '1e309', '-1e999', '1e-400', '0x1p1024'],
    ...['0x1p-1076', '1_0', '1,5', 'Infinity ', '0b1', '0o7', '1n'],
  ])('%j is none', (text) => {
    expect(float(text)).toBeNaN();
  });

  test('reads back every double, and agrees with Number on decimal text', () => {
    const decimal = fc
      .tuple(fc.constantFrom('', '-', '+'), fc.bigInt({ min: 0n, max: 10n ** 18n }), fc.nat(20))
      .map(([sign, digits, places]) => {
        const text = digits.toString().padStart(places + 1, '0');
        return `${sign}${text.slice(0, text.length - places)}.${text.slice(text.length - places)}`;
      });
    fc.assert(
      fc.property(fc.double({ noNaN: true }), decimal, (value, text) => {
        expect(float(formatDouble(value))).toBe(value);
        expect(float(text)).toBe(Number(text));
      }),
      { numRuns: 5000 },
    );
  });
});

describe('formatDouble17', () => {
  test.each([
    [0, '0'],
    [-0, '-0'],
    [3, '3'],
    [-17.5, '-17.5'],
    [0.1, '0.10000000000000001'],
    [0.0001, '0.0001'],
    [0.00001, '1.0000000000000001e-05'],
    [1e16, '10000000000000000'],
    [1e17, '1e+17'],
    [123456789012345680, '1.2345678901234568e+17'],
    [1e300, '1.0000000000000001e+300'],
    [5e-324, '4.9406564584124654e-324'],
    // Ties, of 18 digits: to the even one.
    [131073 / 2 ** 18, '0.50000381469726562'],
    [131075 / 2 ** 18, '0.50001144409179688'],
    [Number.POSITIVE_INFINITY, 'inf'],
    [Number.NEGATIVE_INFINITY, '-inf'],
  ])('%d is %s', (value, text) => {
    expect(formatDouble17(value)).toBe(text);
  });
});

describe('formatDouble', () => {
  test.each([
    [0, '0'],
    [-0, '-0'],
    [3, '3'],
    [-17, '-17'],
    [1.5, '1.5'],
    [0.1, '0.1'],
    [3.3000000000000003, '3.3000000000000003'],
    [1e15, '1000000000000000'],
    [2 ** 53, '9007199254740992'],
    [1e18, '1000000000000000000'],
    [2 ** 62, '4611686018427387904'],
    [-(2 ** 62), '-4611686018427387904'],
    [2 ** 63, '9223372036854776000'],
    [1e20, '1e+20'],
    [1e21, '1e+21'],
    [1.5e300, '1.5e+300'],
    [1e-5, '0.00001'],
    [1e-6, '0.000001'],
    [1e-7, '1e-7'],
    [1.5e-7, '1.5e-7'],
    [1.25e-10, '1.25e-10'],
    [0.0012345678, '0.0012345678'],
    [0.00012345678, '1.2345678e-4'],
    [5e-324, '5e-324'],
    [1.7976931348623157e308, '1.7976931348623157e+308'],
    [Number.NaN, 'nan'],
    [Number.POSITIVE_INFINITY, 'inf'],
    [Number.NEGATIVE_INFINITY, '-inf'],
  ])('%d is %s', (value, text) => {
    expect(formatDouble(value)).toBe(text);
  });
});
