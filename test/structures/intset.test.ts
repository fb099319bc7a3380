/** Intset beside a sorted array of bigints, and untrusted bytes. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { INTSET_HEADER_BYTES, Intset } from '../../src/structures/intset.ts';

const START = 3;
const MIN = -(2n ** 63n);
const MAX = 2n ** 63n - 1n;

const EDGES = [
  ...[0n, 1n, -1n, 32767n, 32768n, -32768n, -32769n, 2147483647n, 2147483648n, -2147483648n],
  ...[-2147483649n, 4294967295n, 4294967296n, 2n ** 53n, 2n ** 53n + 1n, -(2n ** 53n) - 1n],
  ...[MAX, MAX - 1n, MIN, MIN + 1n],
];
const integer = fc.oneof(
  fc.constantFrom(...EDGES),
  fc.bigInt({ min: -40n, max: 40n }),
  fc.bigInt({ min: MIN, max: MAX }),
);

function order(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function widthOf(n: bigint): number {
  if (n >= -32768n && n <= 32767n) return 2;
  return n >= -2147483648n && n <= 2147483647n ? 4 : 8;
}

class Model {
  readonly u8 = new Uint8Array(1 << 12).fill(0xaa);
  readonly ints = new Intset(this.u8);
  list: bigint[] = [];
  width = 2;
  end = START + this.ints.init(START);

  find(n: bigint): number {
    const text = Buffer.from(`<${n}>`);
    expect(this.ints.setNeedle(text, 1, text.length - 1)).toBe(true);
    return this.ints.find(START);
  }

  add(n: bigint): void {
    const place = this.find(n);
    const known = this.list.indexOf(n);
    if (known >= 0) {
      expect(place).toBe(known);
      return;
    }
    this.list = [...this.list, n].sort(order);
    this.width = Math.max(this.width, widthOf(n));
    expect(place).toBe(-1 - this.list.indexOf(n));
    const bytes = this.ints.bytesWithNeedle(START);
    this.ints.insert(START, place);
    this.end = START + bytes;
  }

  remove(n: bigint): void {
    const index = this.find(n);
    expect(index >= 0 ? index : -1).toBe(this.list.indexOf(n));
    if (index < 0) return;
    this.list.splice(index, 1);
    this.end = START + this.ints.remove(START, index);
  }

  check(): void {
    const { ints, list, end } = this;
    ints.checkInvariants(START, end);
    expect(ints.count(START)).toBe(list.length);
    expect(end - START).toBe(INTSET_HEADER_BYTES + list.length * this.width);
    expect(ints.bytes(START)).toBe(end - START);
    const texts = list.map((_, i) => {
      ints.read(START, i);
      return Buffer.from(ints.buf.subarray(0, ints.to)).toString();
    });
    expect(texts).toEqual(list.map(String));
    expect([...this.u8.subarray(0, START)]).toEqual([0xaa, 0xaa, 0xaa]);
  }
}

describe('beside a model', () => {
  test('additions, removals and lookups', () => {
    const operations = fc.array(
      fc.tuple(fc.constantFrom('add', 'add', 'remove', 'find'), integer),
      {
        maxLength: 120,
      },
    );
    fc.assert(
      fc.property(operations, (list) => {
        const model = new Model();
        for (const [name, n] of list) {
          if (name === 'add') model.add(n);
          else if (name === 'remove') model.remove(n);
          else expect(model.find(n) >= 0).toBe(model.list.includes(n));
          model.check();
        }
      }),
    );
  });

  test.each(EDGES)('%s as the only one, and as one of all', (n) => {
    const model = new Model();
    model.add(n);
    model.check();
    for (const other of EDGES) model.add(other);
    model.check();
    model.remove(n);
    model.check();
  });
});

test('what is no canonical int64 is no member', () => {
  const ints = new Intset(new Uint8Array(64));
  for (const text of ['', '-', '01', '-0', '+1', ' 1', '1.0', String(MAX + 1n), String(MIN - 1n)]) {
    expect(ints.setNeedle(Buffer.from(text), 0, text.length), text).toBe(false);
  }
});

test('the example of the file', () => {
  const model = new Model();
  model.add(1n);
  model.add(-2n);
  const bytes = Buffer.from(model.u8.subarray(START, model.end)).toString('hex');
  expect(bytes).toBe('0200000002000000feff0100');
});

describe('untrusted bytes', () => {
  test.each([
    ['', false],
    ['0200000000000000', true],
    ['02000000000000', false],
    ['0300000000000000', false],
    ['0200000001000000', false],
    ['02000000010000000100', true],
    ['0200000002000000feff0100', true],
    ['02000000020000000100feff', false],
    ['020000000200000001000100', false],
    ['02000000ffffffff0100', false],
    ['0200010001000000' + '0100', false],
    ['08000000020000000000000000000080ffffffffffffff7f', true],
  ])('%s: %s', (hex, isValid) => {
    const bytes = Buffer.from(`ff${hex}`, 'hex');
    const ints = new Intset(bytes);
    expect(ints.validate(1, bytes.length)).toBe(isValid);
    if (isValid) expect(() => ints.checkInvariants(1, bytes.length)).not.toThrow();
    else expect(() => ints.checkInvariants(1, bytes.length)).toThrow('intset');
  });

  test('any bytes are accepted or refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        new Intset(bytes).validate(0, bytes.length);
      }),
    );
  });
});
