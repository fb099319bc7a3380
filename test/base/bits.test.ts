import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readBigField, readField, writeBigField, writeField } from '../../src/base/bit-field.ts';
import { countOnesOfBits, findBit } from '../../src/base/bits.ts';

const SIZE = 64;

function memory(bytes: Uint8Array): { u8: Uint8Array; u32: Uint32Array } {
  const u8 = new Uint8Array(new SharedArrayBuffer(SIZE));
  u8.set(bytes);
  return { u8, u32: new Uint32Array(u8.buffer) };
}

function bitText(u8: Uint8Array): string {
  return Array.from(u8, (byte) => byte.toString(2).padStart(8, '0')).join('');
}

const bytes = fc.oneof(
  fc.uint8Array({ minLength: SIZE, maxLength: SIZE }),
  fc.constantFrom(0, 0xff).chain((fill) =>
    fc.tuple(fc.nat(SIZE - 1), fc.nat(255)).map(([at, byte]) => {
      const list = new Uint8Array(SIZE).fill(fill);
      list[at] = byte;
      return list;
    }),
  ),
);

const range = fc
  .tuple(fc.nat(15), fc.nat(SIZE * 8 - 130), fc.nat(SIZE * 8 - 130))
  .map(([start, a, b]) => ({ start, first: Math.min(a, b), last: Math.max(a, b) }));

test('counting and finding bits agree with the text of all bits', () => {
  fc.assert(
    fc.property(bytes, range, fc.constantFrom(0, 1), (content, { start, first, last }, bit) => {
      const { u8, u32 } = memory(content);
      const text = bitText(u8)
        .slice(start * 8)
        .slice(first, last + 1);
      const ones = text.replaceAll('0', '').length;
      expect(countOnesOfBits(u8, u32, start, first, last)).toBe(ones);
      const found = text.indexOf(String(bit));
      expect(findBit(u8, u32, start, first, last, bit)).toBe(found < 0 ? -1 : first + found);
    }),
    { numRuns: 2000 },
  );
});

test('fields are read and written as the text of all bits says', () => {
  const place = fc.record({ bitAt: fc.nat(300), bits: fc.integer({ min: 1, max: 64 }) });
  fc.assert(
    fc.property(bytes, place, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (content, at, raw) => {
      const { bitAt, bits } = at;
      const value = BigInt.asUintN(bits, raw);
      const { u8 } = memory(content);
      const before = bitText(u8);
      const field = BigInt(`0b${before.slice(bitAt, bitAt + bits)}`);
      expect(readBigField(u8, 0, SIZE, bitAt, bits)).toBe(field);
      if (bits <= 48) expect(readField(u8, 0, SIZE, bitAt, bits)).toBe(Number(field));
      if (bits <= 48) writeField(u8, 0, bitAt, bits, Number(value));
      else writeBigField(u8, 0, bitAt, bits, value);
      const written = value.toString(2).padStart(bits, '0');
      expect(bitText(u8)).toBe(before.slice(0, bitAt) + written + before.slice(bitAt + bits));
    }),
    { numRuns: 2000 },
  );
});

test('bits behind the end of a string are zeros', () => {
  const { u8 } = memory(new Uint8Array(SIZE).fill(0xff));
  expect(readField(u8, 0, 1, 4, 8)).toBe(0xf0);
  expect(readBigField(u8, 0, 0, 0, 64)).toBe(0n);
  expect(readBigField(u8, 0, 3, 16, 64)).toBe(0xffn << 56n);
});
