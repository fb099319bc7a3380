import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  HLL_CHANGED,
  HLL_CORRUPT,
  HLL_DENSE_BYTES,
  HLL_EMPTY_BYTES,
  HLL_PROMOTE,
  HLL_REGISTERS,
  HLL_SAME,
  HLL_SPARSE_BYTES_MAX,
  Hyperloglog,
} from '../../src/structures/hyperloglog.ts';

const START = 5;
const GUARD = 0xa5;
const GUARDS = new Uint8Array(HLL_SPARSE_BYTES_MAX + 64).fill(GUARD);
const HEADER = [0x48, 0x59, 0x4c, 0x4c, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80];

/** A value between guard bytes, in a buffer as large as a structure may ask for. */
class Value {
  readonly hll = new Hyperloglog();
  readonly u8 = Uint8Array.from(GUARDS);
  /** What the registers should be. */
  readonly model = new Uint8Array(HLL_REGISTERS);
  end = this.hll.init(this.u8, START);

  static of(runs: readonly number[]): Value {
    const value = new Value();
    value.u8.set([...HEADER, ...runs], START);
    value.end = START + HEADER.length + runs.length;
    value.u8.fill(GUARD, value.end);
    return value;
  }

  get runs(): number[] {
    return [...this.u8.subarray(START + HEADER.length, this.end)];
  }

  set(register: number, rank: number, lengthMax: number): number {
    const { hll, u8 } = this;
    hll.register = register;
    hll.rank = rank;
    if (hll.isDense(u8, START)) return hll.addDense(u8, START) ? HLL_CHANGED : HLL_SAME;
    const outcome = hll.plan(u8, START, this.end, lengthMax);
    if (outcome === HLL_CHANGED) {
      const before = this.end;
      this.end = hll.apply(u8, START, this.end);
      u8.fill(GUARD, this.end, Math.max(this.end, before + 3));
    } else if (outcome === HLL_PROMOTE) {
      this.promote();
      return this.set(register, rank, lengthMax);
    }
    return outcome;
  }

  promote(): void {
    const dense = new Uint8Array(HLL_DENSE_BYTES);
    expect(this.hll.toDense(this.u8, START, this.end, dense)).toBe(true);
    this.u8.fill(GUARD, START);
    this.u8.set(dense, START);
    this.end = START + HLL_DENSE_BYTES;
  }

  registers(): Uint8Array {
    const registers = new Uint8Array(HLL_REGISTERS);
    expect(this.hll.mergeInto(registers, this.u8, START, this.end)).toBe(true);
    return registers;
  }

  check(): void {
    this.hll.checkInvariants(this.u8, START, this.end);
    expect(Buffer.compare(this.registers(), this.model)).toBe(0);
    expect(this.hll.estimate(this.u8, START, this.end)).toBe(
      this.hll.estimateOfRegisters(this.model),
    );
    this.checkGuards();
  }

  checkGuards(): void {
    const { u8, end } = this;
    expect(Buffer.compare(u8.subarray(0, START), GUARDS.subarray(0, START))).toBe(0);
    expect(Buffer.compare(u8.subarray(end), GUARDS.subarray(end))).toBe(0);
  }
}

/** Registers that are often neighbours, at both ends and in the middle. */
const register = fc.oneof(
  fc.nat({ max: 30 }),
  fc.integer({ min: 16350, max: 16383 }),
  fc.integer({ min: 8000, max: 8080 }),
  fc.nat({ max: 16383 }),
);
const rank = fc.oneof(
  { weight: 30, arbitrary: fc.integer({ min: 1, max: 4 }) },
  { weight: 5, arbitrary: fc.integer({ min: 1, max: 32 }) },
  { weight: 1, arbitrary: fc.integer({ min: 33, max: 51 }) },
);

describe('HyperLogLog', () => {
  test('the example of the layout', () => {
    const value = new Value();
    value.hll.invalidate(value.u8, START);
    expect([...value.u8.subarray(START, value.end)]).toEqual([...HEADER, 0x7f, 0xff]);
    value.set(1234, 2, 3000);
    value.set(1235, 2, 3000);
    expect(value.runs).toEqual([0x44, 0xd1, 0x85, 0x7b, 0x2b]);
  });

  test('has the registers of a model, in either encoding and between', () => {
    const additions = fc.array(fc.tuple(register, rank), { maxLength: 120 });
    const lengthMax = fc.constantFrom(0, 30, 100, 3000, HLL_SPARSE_BYTES_MAX);
    fc.assert(
      fc.property(additions, lengthMax, (list, max) => {
        const value = new Value();
        for (const [at, n] of list) {
          const expected = value.model[at]! < n ? HLL_CHANGED : HLL_SAME;
          expect(value.set(at, n, max)).toBe(expected);
          value.model[at] = Math.max(value.model[at]!, n);
          value.checkGuards();
        }
        value.check();
        if (!value.hll.isDense(value.u8, START)) {
          expect(value.end - START).toBeLessThanOrEqual(Math.max(max, HLL_EMPTY_BYTES));
          value.promote();
          value.check();
        }
      }),
      { numRuns: 300 },
    );
  });

  test('a sparse value of the greatest length', () => {
    const value = new Value();
    for (let i = 0; i < HLL_REGISTERS; i++) {
      value.model[i] = 1 + (i % 2);
      value.set(i, value.model[i]!, HLL_SPARSE_BYTES_MAX);
    }
    expect(value.end - START).toBe(HEADER.length + HLL_REGISTERS);
    value.check();
  });

  test.each([
    ['a run of four and a fifth', [0x83, 0x00, 0x7f, 0xfa], 4, [0x83, 0x80, 0x7f, 0xfa]],
    ['a gap closed', [0x80, 0x00, 0x80, 0x7f, 0xfc], 1, [0x82, 0x7f, 0xfc]],
    ['a long run of one register', [0x40, 0x00, 0x7f, 0xfe], 0, [0x80, 0x7f, 0xfe]],
    ['a middle of a run', [0x82, 0x7f, 0xfc], 1, [0x80, 0x84, 0x80, 0x7f, 0xfc]],
    ['64 before', [0x7f, 0xff], 64, [0x3f, 0x80, 0x7f, 0xbe]],
    ['65 before', [0x7f, 0xff], 65, [0x40, 0x40, 0x80, 0x7f, 0xbd]],
    ['64 after', [0x7f, 0xff], 16319, [0x7f, 0xbe, 0x80, 0x3f]],
    ['the last', [0x7f, 0xff], 16383, [0x7f, 0xfe, 0x80]],
  ])('%s', (_name, runs, at, expected) => {
    const value = Value.of(runs);
    const isOver = (runs[0]! & 0xfc) === 0x80 && runs[0] === 0x82;
    expect(value.set(at, isOver ? 2 : 1, 3000)).toBe(HLL_CHANGED);
    expect(value.runs).toEqual(expected);
    value.hll.checkInvariants(value.u8, START, value.end);
  });

  test('the limit of the length: one below, at it, one above', () => {
    for (const [max, isDense] of [
      [HLL_EMPTY_BYTES + 2, true],
      [HLL_EMPTY_BYTES + 3, false],
      [HLL_EMPTY_BYTES + 4, false],
    ] as const) {
      const value = new Value();
      value.set(5000, 1, max);
      expect(value.hll.isDense(value.u8, START)).toBe(isDense);
    }
  });

  test('estimates are within six standard errors', () => {
    const value = new Value();
    const element = Buffer.alloc(8);
    const error = (1.04 / Math.sqrt(HLL_REGISTERS)) * 6;
    for (let count = 1; count <= 300_000; count++) {
      element.writeUInt32LE(count);
      value.hll.setElement(element, 0, 8);
      value.set(value.hll.register, value.hll.rank, 3000);
      if (/^10*$/.test(String(count))) {
        const estimate = value.hll.estimate(value.u8, START, value.end);
        expect(Math.abs(estimate - count)).toBeLessThanOrEqual(Math.ceil(count * error));
      }
    }
  });

  test.each([[0], [5], [2 ** 32 - 1], [2 ** 32], [2 ** 53], [2 ** 62]])(
    'keeps the estimate %i',
    (estimate) => {
      const value = new Value();
      value.hll.keep(value.u8, START, estimate);
      expect(value.hll.isFresh(value.u8, START)).toBe(true);
      const high = value.hll.keptWord(value.u8, START, true);
      expect(high * 2 ** 32 + value.hll.keptWord(value.u8, START, false)).toBe(estimate);
      value.hll.keep(value.u8, START, Number.POSITIVE_INFINITY);
      expect(value.hll.isFresh(value.u8, START)).toBe(false);
    },
  );
});

describe('bytes that are no HyperLogLog', () => {
  test.each([
    ['no runs', []],
    ['too few registers', [0x7f, 0xfe]],
    ['too many registers of 0', [0x7f, 0xff, 0x00]],
    ['too many registers', [0x7f, 0xff, 0x83]],
    ['a long run that breaks off', [0x7f, 0xfe, 0x40]],
    ['a run over the end', [0x7f, 0xfe, 0x83]],
    ['two times all', [0x7f, 0xff, 0x7f, 0xff]],
  ])('%s', (_name, runs) => {
    const { hll, u8, end } = Value.of(runs);
    const registers = new Uint8Array(HLL_REGISTERS);
    expect(hll.estimate(u8, START, end)).toBeNaN();
    expect(hll.mergeInto(registers, u8, START, end)).toBe(false);
    expect(hll.toDense(u8, START, end, new Uint8Array(HLL_DENSE_BYTES))).toBe(false);
    expect(() => hll.checkInvariants(u8, START, end)).toThrow('hyperloglog');
  });

  test('a value longer than any is corrupt before it is read', () => {
    const value = new Value();
    expect(value.hll.plan(value.u8, START, START + HLL_SPARSE_BYTES_MAX + 1, 3000)).toBe(
      HLL_CORRUPT,
    );
  });

  test.each([
    ['short', HEADER.slice(0, 15)],
    ['other magic', [0x49, ...HEADER.slice(1)]],
    ['other encoding', [...HEADER.slice(0, 4), 2, ...HEADER.slice(5)]],
    ['dense of another length', [...HEADER.slice(0, 4), 0, ...HEADER.slice(5)]],
  ])('%s', (_name, bytes) => {
    const hll = new Hyperloglog();
    expect(hll.isHyperloglog(Uint8Array.from(bytes), 0, bytes.length)).toBe(false);
  });

  test('random runs: nothing is read or written outside, and all agree on what is corrupt', () => {
    const run = fc.oneof(fc.nat({ max: 255 }), fc.constantFrom(0x7f, 0xff, 0x40, 0x83, 0x3f));
    fc.assert(
      fc.property(
        fc.array(run, { maxLength: 60 }),
        fc.array(fc.tuple(register, rank), { maxLength: 20 }),
        (runs, additions) => {
          const value = Value.of(runs);
          const { hll, u8 } = value;
          const isSound = hll.mergeInto(new Uint8Array(HLL_REGISTERS), u8, START, value.end);
          expect(Number.isNaN(hll.estimate(u8, START, value.end))).toBe(!isSound);
          const dense = new Uint8Array(HLL_DENSE_BYTES);
          expect(hll.toDense(u8, START, value.end, dense)).toBe(isSound);
          hll.forRuns(u8, START, value.end, (_isLong, _value, length) => {
            expect(length).toBeLessThanOrEqual(HLL_REGISTERS);
          });
          for (const [at, n] of additions) {
            hll.register = at;
            hll.rank = Math.min(n, 32);
            if (hll.plan(u8, START, value.end, 3000) !== HLL_CHANGED) continue;
            const before = value.end;
            value.end = hll.apply(u8, START, value.end);
            u8.fill(GUARD, value.end, Math.max(value.end, before + 3));
            value.checkGuards();
          }
          value.checkGuards();
        },
      ),
      { numRuns: 500 },
    );
  });
});
