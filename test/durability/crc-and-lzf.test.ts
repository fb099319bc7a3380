import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Crc64 } from '../../src/durability/crc64.ts';
import { lzfCompress, lzfDecompress, lzfLength } from '../../src/durability/lzf.ts';

const ROOM = 64;

function crcOf(bytes: Uint8Array, cut = bytes.length): string {
  const crc = new Crc64();
  crc.update(bytes, 0, cut);
  crc.update(bytes, cut, bytes.length);
  const out = new Uint8Array(8);
  crc.write(out, 0);
  expect(crc.equals(out, 0)).toBe(true);
  return Buffer.from(out).reverse().toString('hex');
}

/** The checksum bit by bit. */
function slowCrc(bytes: Uint8Array): string {
  let crc = 0n;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let i = 0; i < 8; i++) crc = (crc & 1n) === 0n ? crc >> 1n : (crc >> 1n) ^ POLYNOMIAL;
  }
  return crc.toString(16).padStart(16, '0');
}

const POLYNOMIAL = 0x95ac9329ac4bc9b5n;

test('CRC-64 of the check text', () => {
  expect(crcOf(Buffer.from('123456789'))).toBe('e9c6d914c4b8d9ca');
  expect(crcOf(new Uint8Array(0))).toBe('0000000000000000');
});

test('CRC-64 is that of the bits, however the bytes are cut', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat({ max: 200 }), (bytes, cut) => {
      expect(crcOf(bytes, Math.min(cut, bytes.length))).toBe(slowCrc(bytes));
    }),
  );
});

test('a CRC-64 that differs is told', () => {
  const crc = new Crc64();
  crc.update(Uint8Array.of(1), 0, 1);
  const out = new Uint8Array(8);
  crc.write(out, 0);
  for (let i = 0; i < 8; i++) {
    out[i] = out[i]! ^ 1;
    expect(crc.equals(out, 0)).toBe(false);
    out[i] = out[i]! ^ 1;
  }
  crc.reset();
  expect([crc.low, crc.high]).toEqual([0, 0]);
});

function compressed(bytes: Uint8Array, at = 0): Uint8Array | null {
  const out = new Uint8Array(at + bytes.length + ROOM);
  const end = lzfCompress(bytes, 0, bytes.length, out, at, out.length);
  return end === 0 ? null : out.slice(at, end);
}

function decompressed(bytes: Uint8Array): Uint8Array | null {
  const length = lzfLength(bytes, 0, bytes.length);
  if (length < 0) return null;
  const out = new Uint8Array(length);
  return lzfDecompress(bytes, 0, bytes.length, out) ? out : null;
}

const repetitive = fc
  .array(fc.tuple(fc.constantFrom('a', 'ab', 'xyz', 'hello '), fc.nat({ max: 400 })))
  .map((parts) => Buffer.from(parts.map(([text, count]) => text.repeat(count)).join('')));

test('LZF: what is compressed comes back', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.uint8Array({ maxLength: 300 }), repetitive),
      fc.nat({ max: 9 }),
      (bytes, at) => {
        const small = compressed(bytes, at);
        if (bytes.length === 0) return;
        expect(small).not.toBeNull();
        expect(Buffer.from(decompressed(small!)!)).toEqual(Buffer.from(bytes));
      },
    ),
  );
});

test('LZF: the limit is kept', () => {
  const bytes = Buffer.from('abcdefgh'.repeat(200));
  const size = compressed(bytes)!.length;
  for (let limit = 0; limit < size; limit++) {
    const out = new Uint8Array(size + ROOM).fill(7);
    expect(lzfCompress(bytes, 0, bytes.length, out, 0, limit)).toBe(0);
    expect(out.slice(limit).every((byte) => byte === 7)).toBe(true);
  }
  const out = new Uint8Array(size);
  expect(lzfCompress(bytes, 0, bytes.length, out, 0, size)).toBe(size);
});

test('LZF: the example, and matches over its own output', () => {
  expect(compressed(Buffer.from('aaaaaaaaaa'))).toEqual(Uint8Array.of(0, 0x61, 0xe0, 0, 0));
  const text = decompressed(Uint8Array.of(1, 0x61, 0x62, 0x20, 1));
  expect(Buffer.from(text!).toString()).toBe('ababa');
});

test('LZF: matches at the far end of the window', () => {
  const noise = Uint8Array.from({ length: 8200 }, (_, i) => Math.imul(i, 0x9e3779b1) >>> 11);
  for (const gap of [8188, 8189, 8190, 8191, 8192, 8193]) {
    const bytes = Buffer.concat([
      Buffer.from('needle'),
      noise.slice(0, gap - 6),
      Buffer.from('needle'),
    ]);
    expect(Buffer.from(decompressed(compressed(bytes)!)!)).toEqual(bytes);
  }
});

test('LZF: untrusted bytes are refused or decompressed, never more', () => {
  const bad: readonly (readonly number[])[] = [
    [0],
    [1, 0x61],
    [0x20, 0],
    [0xe0, 0, 0],
    [0xe0, 5],
    [0x20],
  ];
  for (const bytes of bad) expect(decompressed(Uint8Array.from(bytes))).toBeNull();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const length = lzfLength(bytes, 0, bytes.length);
      if (length < 0) return;
      const out = new Uint8Array(length + ROOM).fill(7);
      lzfDecompress(bytes, 0, bytes.length, out);
      expect(out.slice(length).every((byte) => byte === 7)).toBe(true);
    }),
  );
});
