import { expect, test } from 'vitest';
import { xxh3 } from '../../src/base/xxh3.ts';

const PRIME32 = 2654435761n;
const PRIME64 = 11400714785074694797n;
const MASK = 0xffffffffffffffffn;

/** The buffer of xxHash's own sanity check. */
function sanityBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let generator = PRIME32;
  for (let i = 0; i < length; i++) {
    bytes[i] = Number(generator >> 56n);
    generator = (generator * PRIME64) & MASK;
  }
  return bytes;
}

/** Published with xxHash: XXH3 64 bits, seed 0, of that buffer's first bytes. */
const VECTORS: readonly (readonly [number, string])[] = [
  [0, '2d06800538d394c2'],
  [1, 'c44bdff4074eecdb'],
  [6, '27b56a84cd2d7325'],
  [12, 'a713daf0dfbb77e7'],
  [24, 'a3fe70bf9d3510eb'],
  [48, '397da259ecba1f11'],
  [80, 'bcdefbbb2c47c90a'],
  [195, 'cd94217ee362ec3a'],
  [403, 'cdeb804d65c6dea4'],
  [512, '617e49599013cb6b'],
  [2048, 'dd59e2c3a5f038e0'],
  [2240, '6e73a90539cf2948'],
  [2367, 'cb37aeb9e5d361ed'],
];

test.each(VECTORS)('XXH3 of %i bytes', (length, digest) => {
  const padded = new Uint8Array(length + 5);
  padded.set(sanityBytes(length), 3);
  expect(
    xxh3(padded, 3, 3 + length)
      .toString(16)
      .padStart(16, '0'),
  ).toBe(digest);
});

test('XXH3 of a text that the documentation of DIGEST shows', () => {
  const text = new TextEncoder().encode('Hello world');
  expect(xxh3(text, 0, text.length).toString(16)).toBe('b6acb9d84a38ff74');
});
