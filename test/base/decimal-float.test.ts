import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addExtended, formatExtended, parseExtended } from '../../src/base/decimal-float.ts';

/** The result of INCRBYFLOAT, or why there is none. */
function add(a: string, b: string): string {
  const left = parseExtended(a);
  const right = parseExtended(b);
  if (left === null || right === null) return 'not a float';
  const sum = addExtended(left, right);
  return sum === null ? 'infinite' : formatExtended(sum);
}

describe('extended floats', () => {
  test.each([
    ['10.50', '0.1', '10.6'],
    ['5.0e3', '2.0e2', '5200'],
    ['3', '-3', '0'],
    ['-0', '-0', '0'],
    ['0', '-1e-20', '0'],
    ['0.1', '0.2', '0.3'],
    ['1.1', '2.2', '3.3'],
    ['18446744073709551615', '1', '18446744073709551616'],
    ['18446744073709551616', '1', '18446744073709551616'],
    ['18446744073709551618', '1', '18446744073709551620'],
    ['0x1p3', '0x.8', '8.5'],
    ['1e17', '0.0078125', '100000000000000000.0078125'],
    ['1e17', '0.00390625', '100000000000000000'],
    ['0.000000000000000006', '0', '0.00000000000000001'],
    ['0.0000000000000000049', '0', '0'],
    ['1e4932', '1e4932', 'infinite'],
    ['inf', '1', 'infinite'],
    ['-inf', 'inf', 'infinite'],
    ['1e4933', '0', 'not a float'],
    ['1e-5000', '0', 'not a float'],
    ['1e999999999999', '0', 'not a float'],
    ['0x1p99999999999', '0', 'not a float'],
    ['', '0', 'not a float'],
    [' 1', '0', 'not a float'],
    ['nan', '0', 'not a float'],
    ['0x', '0', 'not a float'],
    ['.', '0', 'not a float'],
    ['1'.repeat(5120), '0', 'not a float'],
  ])('%.20s + %s = %s', (a, b, sum) => {
    expect(add(a, b)).toBe(sum);
  });

  test('sums of safe integers are exact, of short decimals nearly', () => {
    const cents = fc.integer({ min: -(10 ** 9), max: 10 ** 9 });
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.maxSafeInteger(), cents, cents, (a, b, x, y) => {
        expect(add(String(a), String(b))).toBe(String(BigInt(a) + BigInt(b)));
        const sum = Number(add((x / 100).toFixed(2), (y / 100).toFixed(2)));
        expect(Math.abs(sum - (x + y) / 100)).toBeLessThan(1e-8);
      }),
      { numRuns: 2000 },
    );
  });
});
