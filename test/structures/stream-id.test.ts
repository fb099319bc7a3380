/** IDs of stream entries beside bigints. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ID_AUTO_SEQ,
  ID_BAD,
  ID_BYTES,
  ID_NO_SEQ,
  ID_TEXT_MAX,
  ID_WHOLE,
  parseStreamId,
  StreamId,
} from '../../src/structures/stream-id.ts';

const MAX = 2n ** 64n - 1n;
const EDGES = [0n, 1n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n, 2n ** 63n, MAX - 1n, MAX];
const part = fc.oneof(fc.constantFrom(...EDGES), fc.bigInt({ min: 0n, max: MAX }));
const parts = fc.tuple(part, part);

const high = (n: bigint): number => Number(n >> 32n);
const low = (n: bigint): number => Number(n & 0xffffffffn);
const idOf = ([ms, seq]: readonly [bigint, bigint]): StreamId =>
  new StreamId().set(high(ms), low(ms), high(seq), low(seq));
const whole = ([ms, seq]: readonly [bigint, bigint]): bigint => (ms << 64n) | seq;
const wholeOf = (id: StreamId): bigint =>
  [id.msHi, id.msLo, id.seqHi, id.seqLo].reduce((sum, word) => (sum << 32n) | BigInt(word), 0n);

function parse(text: string): readonly [number, string] {
  const id = new StreamId();
  const bytes = Buffer.from(`--${text}--`, 'latin1');
  const form = parseStreamId(bytes, 2, bytes.length - 2, id);
  return [form, form === ID_BAD ? '' : id.toString()];
}

test('compares, counts up and down, and is stored as numbers of 128 bits', () => {
  fc.assert(
    fc.property(parts, parts, (a, b) => {
      const id = idOf(a);
      expect(Math.sign(id.compare(idOf(b)))).toBe(
        whole(a) < whole(b) ? -1 : +(whole(a) > whole(b)),
      );
      expect(Math.sign(id.compareMs(idOf(b)))).toBe(a[0] < b[0] ? -1 : +(a[0] > b[0]));
      const { msHi, msLo, seqHi, seqLo } = idOf(b);
      expect(id.isAfter(msHi, msLo, seqHi, seqLo)).toBe(whole(a) > whole(b));
      expect(id.increment()).toBe(whole(a) !== 2n ** 128n - 1n);
      if (whole(a) !== 2n ** 128n - 1n) expect(wholeOf(id)).toBe(whole(a) + 1n);
      const less = idOf(a);
      expect(less.decrement()).toBe(whole(a) !== 0n);
      if (whole(a) !== 0n) expect(wholeOf(less)).toBe(whole(a) - 1n);
      const words = new Uint32Array(6);
      idOf(a).store(words, 1);
      expect(wholeOf(less.load(words, 1))).toBe(whole(a));
      const bytes = new Uint8Array(ID_BYTES + 2);
      idOf(a).storeBytes(bytes, 1);
      expect(Buffer.from(bytes.subarray(1, 17)).toString('hex')).toBe(
        whole(a).toString(16).padStart(32, '0'),
      );
      expect(wholeOf(less.loadBytes(bytes, 1))).toBe(whole(a));
      const sum = idOf(a);
      sum.add(0, msHi, msLo);
      sum.add(1, seqHi, seqLo);
      expect(wholeOf(sum)).toBe(whole([(a[0] + b[0]) & MAX, (a[1] + b[1]) & MAX]));
    }),
    { numRuns: 1000 },
  );
});

test('is written and read as text', () => {
  fc.assert(
    fc.property(parts, (a) => {
      const id = idOf(a);
      const text = `${a[0]}-${a[1]}`;
      const bytes = new Uint8Array(ID_TEXT_MAX + 1);
      expect(id.format(bytes, 1)).toBe(1 + text.length);
      expect(id.textLength()).toBe(text.length);
      expect(id.toString()).toBe(text);
      expect(parse(text)).toEqual([ID_WHOLE, text]);
      expect(parse(`00${a[0]}-+${a[1]}`)[0]).toBe(ID_WHOLE);
    }),
  );
});

describe('texts', () => {
  test.each([
    ['5', ID_NO_SEQ, '5-0'],
    ['5-*', ID_AUTO_SEQ, '5-0'],
    ['18446744073709551615-18446744073709551615', ID_WHOLE, `${MAX}-${MAX}`],
    ['18446744073709551616-0', ID_BAD, ''],
    ['99999999999999999999-0', ID_BAD, ''],
    ['1-18446744073709551616', ID_BAD, ''],
    ['100000000000000000000', ID_BAD, ''],
    ['', ID_BAD, ''],
    ['-', ID_BAD, ''],
    ['-1', ID_BAD, ''],
    ['1-', ID_BAD, ''],
    ['1-2-3', ID_BAD, ''],
    ['1-*2', ID_BAD, ''],
    ['*', ID_BAD, ''],
    ['1 -2', ID_BAD, ''],
    ['a-1', ID_BAD, ''],
    ['1.5-0', ID_BAD, ''],
  ])('%j', (text, form, shown) => {
    expect(parse(text)).toEqual([form, shown]);
  });
});
