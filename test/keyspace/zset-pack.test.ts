import { describe, expect, it } from 'vitest';
import { ZsetPack } from '../../src/keyspace/zset-pack.ts';

function packOf(...pairs: readonly (readonly [member: string, score: number])[]): Uint8Array {
  const u8 = new Uint8Array(1024);
  const pack = new ZsetPack(u8);
  let end = pack.init(0);
  for (const [member, score] of pairs) {
    const bytes = Buffer.from(member);
    const grown = end + pack.pairBytes(bytes, 0, bytes.length, score);
    end = pack.insert(0, end, bytes, 0, bytes.length, score);
    expect(end).toBe(grown);
    pack.checkInvariants(0, end);
  }
  return u8.slice(0, end);
}

describe('packs of sorted sets', () => {
  it('are laid out as the drawing says', () => {
    expect(Buffer.from(packOf(['ab', 1.5])).toString('hex')).toBe(
      '020082616203' + '89ff000000000000f83f0a',
    );
  });

  it.each([
    [0, 2],
    [127, 2],
    [-1, 3],
    [2 ** 31, 10],
    [Number.MAX_SAFE_INTEGER, 10],
    [2 ** 53, 11],
    [-0, 2],
    [0.1, 11],
    [Number.POSITIVE_INFINITY, 11],
    [Number.NEGATIVE_INFINITY, 11],
    [Number.MIN_VALUE, 11],
  ])('keep the score %d, in %d bytes', (score, bytes) => {
    const u8 = packOf(['m', score]);
    const pack = new ZsetPack(u8);
    expect(u8.length).toBe(2 + 3 + bytes);
    expect(pack.read(pack.first(0))).toBe(u8.length);
    // -0 becomes 0, as in Redis.
    expect(pack.score).toBe(score + 0);
    const member = Buffer.from('m');
    pack.score = 0.5;
    expect(pack.find(0, u8.length, member, 0, 1)).toBe(pack.first(0));
    expect(pack.score).toBe(score + 0);
  });

  it('keep a score whose bytes are digits apart from members', () => {
    const digits = new Float64Array(new Uint8Array(Buffer.from('12345678')).buffer)[0]!;
    const u8 = packOf(['12345678', digits], ['1', 1]);
    const pack = new ZsetPack(u8);
    const member = Buffer.from('12345678');
    expect(pack.find(0, u8.length, member, 0, member.length)).toBeGreaterThan(0);
    expect(pack.score).toBe(digits);
    expect(pack.size(0, u8.length)).toBe(2);
  });

  it('notice members out of order and scores that are none', () => {
    const u8 = packOf(['a', 1], ['b', 2]);
    const pack = new ZsetPack(u8);
    const swapped = Uint8Array.of(4, 0, ...u8.slice(7), ...u8.slice(2, 7));
    expect(() => new ZsetPack(swapped).checkInvariants(0, swapped.length)).toThrow('out of order');
    const text = Uint8Array.of(2, 0, 0x81, 0x61, 2, 0x83, 0x31, 0x2e, 0x35, 4);
    expect(() => new ZsetPack(text).checkInvariants(0, text.length)).toThrow('not stored');
    expect(() => pack.checkInvariants(0, u8.length)).not.toThrow();
  });
});
