import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Murmur64 } from '../../src/base/murmur64.ts';

const M = 0xc6a4a7935bd1e995n;
const MASK = (1n << 64n) - 1n;

/** The algorithm as published, in BigInt. */
function reference(bytes: Uint8Array, seed: bigint): bigint {
  let hash = (seed ^ (BigInt(bytes.length) * M)) & MASK;
  for (let at = 0; at < bytes.length; at += 8) {
    let word = 0n;
    const part = bytes.subarray(at, at + 8);
    for (const byte of [...part].reverse()) word = (word << 8n) | BigInt(byte);
    if (part.length === 8) {
      word = (word * M) & MASK;
      word = ((word ^ (word >> 47n)) * M) & MASK;
    }
    hash = ((hash ^ word) * M) & MASK;
  }
  hash = ((hash ^ (hash >> 47n)) * M) & MASK;
  return hash ^ (hash >> 47n);
}

function hashed(bytes: Uint8Array, seed: number): string {
  const padded = new Uint8Array(bytes.length + 8).fill(0xff);
  padded.set(bytes, 3);
  const murmur = new Murmur64(seed);
  murmur.hash(padded, 3, 3 + bytes.length);
  const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, '0');
  return hex(murmur.hi) + hex(murmur.lo);
}

test.each([
  ['', 'd8dfea6585bc9732'],
  ['a', '53d2470a9b43b1a7'],
  ['hello world', 'a919bc3051f624b7'],
  ['0123456789abcdef0', 'ca1802fd45a1ff6c'],
])('of %j with the seed of HyperLogLogs', (text, hex) => {
  expect(hashed(Buffer.from(text), 0xadc83b19)).toBe(hex);
});

test('equals the algorithm as published for any bytes and seed', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 70 }), fc.nat({ max: 0xffffffff }), (bytes, seed) => {
      const expected = reference(bytes, BigInt(seed)).toString(16).padStart(16, '0');
      expect(hashed(bytes, seed)).toBe(expected);
    }),
    { numRuns: 1000 },
  );
});
