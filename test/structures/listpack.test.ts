import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Listpack, REDIS_EXTRA_BYTES } from '../../src/structures/listpack.ts';

const START = 5;

const integers = fc
  .oneof(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.bigInt({ min: -5000n, max: 5000n }),
    fc.constantFrom(0n, 127n, 128n, -4096n, -4097n, 4095n, 32767n, 32768n, -32769n, 8388607n),
    fc.constantFrom(-8388609n, 8388608n, 2147483647n, -2147483649n, 2n ** 53n, -(2n ** 53n)),
    fc.constantFrom(2n ** 63n - 1n, -(2n ** 63n)),
  )
  .map(String);
const texts = fc.oneof(
  fc.string({ unit: 'binary-ascii', maxLength: 20 }),
  fc.constantFrom('', '01', '-0', '+1', '9223372036854775808', 'x'.repeat(63), 'x'.repeat(64)),
  fc.constantFrom('y'.repeat(4095), 'y'.repeat(4096), 'z'.repeat(20_000)),
);
const elements = fc.oneof(integers, texts);

class Model {
  readonly u8 = new Uint8Array(1 << 20);
  readonly pack = new Listpack(this.u8);
  readonly list: string[] = [];
  end = this.pack.init(START);

  positions(): number[] {
    const all: number[] = [];
    for (let at = this.pack.first(START); at < this.end; at = this.pack.next(at)) all.push(at);
    return all;
  }

  text(at: number): string {
    this.pack.read(at);
    return Buffer.from(this.pack.buf.subarray(this.pack.from, this.pack.to)).toString('latin1');
  }

  check(): void {
    const { pack, list, end } = this;
    pack.checkInvariants(START, end);
    expect(pack.count(START, end)).toBe(list.length);
    const positions = this.positions();
    expect(positions.map((at) => this.text(at))).toEqual(list);
    const backwards: number[] = [];
    for (let at = pack.last(START, end); at >= 0; at = pack.previous(START, at)) backwards.push(at);
    expect(backwards.reverse()).toEqual(positions);
  }
}

type Operation = readonly ['insert' | 'remove' | 'replace' | 'find', number, string];

const operations: fc.Arbitrary<Operation[]> = fc.array(
  fc.tuple(
    fc.constantFrom('insert' as const, 'insert' as const, 'remove', 'replace', 'find'),
    fc.nat({ max: 40 }),
    elements,
  ),
  { maxLength: 40 },
);

function apply(model: Model, [name, n, text]: Operation): void {
  const { pack, list } = model;
  const bytes = Buffer.from(text, 'latin1');
  const index = list.length === 0 ? 0 : n % (list.length + (name === 'insert' ? 1 : 0));
  const at = index < list.length ? pack.seek(START, model.end, index) : model.end;
  if (name === 'insert') {
    model.end = pack.insert(START, model.end, at, bytes, 0, bytes.length);
    list.splice(index, 0, text);
  } else if (name === 'find') {
    const found = pack.find(START, model.end, bytes, 0, bytes.length, 1, 2);
    const expected = list.findIndex((value, i) => i % 2 === 1 && value === text);
    expect(found).toBe(expected < 0 ? -1 : pack.seek(START, model.end, expected));
  } else if (list.length !== 0 && name === 'remove') {
    const count = 1 + (n % 3);
    model.end = pack.remove(START, model.end, at, count);
    list.splice(index, count);
  } else if (list.length !== 0) {
    model.end = pack.replace(START, model.end, at, bytes, 0, bytes.length);
    list[index] = text;
  }
}

describe('listpack', () => {
  it('is the decoded example of its file', () => {
    const model = new Model();
    for (const text of ['1', 'ab']) {
      model.end = model.pack.insert(START, model.end, model.end, Buffer.from(text), 0, text.length);
    }
    const bytes = [...model.u8.subarray(START, model.end)];
    expect(bytes).toEqual([2, 0, 1, 1, 0x82, 0x61, 0x62, 3]);
  });

  it('behaves as a list of strings', () => {
    fc.assert(
      fc.property(operations, (steps) => {
        const model = new Model();
        for (const step of steps) {
          apply(model, step);
          model.check();
        }
      }),
      { numRuns: 400 },
    );
  });

  it('goes to the form of Redis and back', () => {
    fc.assert(
      fc.property(fc.array(elements, { maxLength: 20 }), (list) => {
        const model = new Model();
        for (const text of list) apply(model, ['insert', model.list.length, text]);
        const length = model.end - START + REDIS_EXTRA_BYTES;
        const out = new Uint8Array(length);
        expect(model.pack.toRedis(START, model.end, out, 0)).toBe(length);
        const other = new Model();
        other.end = other.pack.fromRedis(out, 0, length, START);
        other.list.push(...model.list);
        other.check();
      }),
    );
  });

  it('walks when there are more elements than the count can say', () => {
    const model = new Model();
    const one = Buffer.from('1');
    for (let i = 0; i < 70_000; i++) {
      model.end = model.pack.insert(START, model.end, model.end, one, 0, 1);
    }
    expect(model.pack.count(START, model.end)).toBe(70_000);
    model.end = model.pack.remove(START, model.end, model.pack.first(START), 10_000);
    expect(model.pack.count(START, model.end)).toBe(60_000);
  });

  it('refuses damaged bytes, or reads nothing outside of them', () => {
    fc.assert(
      fc.property(
        fc.array(elements, { minLength: 1, maxLength: 8 }),
        fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 4 }),
        (list, damage) => {
          const model = new Model();
          for (const text of list) apply(model, ['insert', model.list.length, text]);
          for (const [at, byte] of damage) model.u8[START + (at % (model.end - START))] = byte;
          if (!model.pack.validate(START, model.end)) return;
          const positions = model.positions();
          expect(model.pack.count(START, model.end)).toBe(positions.length);
          for (const at of positions) {
            model.pack.read(at);
            if (!model.pack.isInteger) expect(model.pack.to).toBeLessThan(model.end);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});
