import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HalfSipHash } from '../../src/base/half-sip-hash.ts';
import { reverseIncrement } from '../../src/base/reverse-binary.ts';
import { Arena } from '../../src/memory/arena.ts';
import {
  compareItemKey,
  createItem,
  itemKeyEnd,
  itemKeyEquals,
  itemKeyLength,
  itemKeyOffset,
  itemTail,
} from '../../src/structures/compact-item.ts';
import { LAYOUT_COMPACT, LAYOUT_ENTRY } from '../../src/structures/dict.ts';
import { DictModel, type Hashing } from './dict-model.ts';

const MIB = 1 << 20;

/** Different keys: none of their bytes tell more than their number and length. */
function makeKeys(lengths: readonly number[]): Uint8Array[] {
  const keys = lengths.map((length, i) =>
    Uint8Array.from({ length: Math.max(length, 2) }, (_, at) =>
      at === 0 ? i & 0xff : at === 1 ? i >>> 8 : (at * 37) & 0xff,
    ),
  );
  return [new Uint8Array(0), Uint8Array.of(0), ...keys];
}

const shortKeys = makeKeys(Array.from({ length: 260 }, (_, i) => i % 23));
const fewKeys = makeKeys(Array.from({ length: 60 }, (_, i) => i % 9));
const longKeys = makeKeys([5, 255, 65_534, 65_535, 65_536, 65_537, 70_000, 65_535, 65_536, 4]);

type Step = readonly [
  name: 'insert' | 'remove' | 'replace' | 'rehash' | 'pause' | 'resume' | 'scan' | 'random',
  choice: number,
  count: number,
];
type RareStep = readonly [name: 'walk' | 'dismantle' | 'hog' | 'unhog', choice: number, count: 1];

const choice = fc.nat({ max: 0xffff });

function steps(rare: readonly RareStep[0][]): fc.Arbitrary<(Step | RareStep)[]> {
  const one = (name: Step[0], weight: number, countMax: number) => ({
    weight,
    arbitrary: fc.tuple(fc.constant(name), choice, fc.integer({ min: 1, max: countMax })),
  });
  const step = fc.oneof(
    one('insert', 6, 60),
    one('remove', 5, 60),
    one('replace', 2, 3),
    one('rehash', 2, 8),
    one('pause', 1, 1),
    one('resume', 2, 2),
    one('scan', 4, 4),
    one('random', 2, 12),
    {
      weight: rare.length,
      arbitrary: fc.tuple(fc.constantFrom(...rare), choice, fc.constant<1>(1)),
    },
  );
  return fc.array(step, { maxLength: 30 });
}

function play(model: DictModel, operations: readonly (Step | RareStep)[]): void {
  for (const [name, from, count] of operations) {
    for (let i = 0; i < count; i++) {
      if (name === 'insert') model.insert(from + i);
      else if (name === 'remove') model.remove(from + i);
      else if (name === 'replace') model.replace(from + i);
      else if (name === 'rehash') model.rehashStep();
      else if (name === 'pause') model.pause();
      else if (name === 'resume') model.resume();
      else if (name === 'scan') model.scan(1);
      else if (name === 'random') model.random(from % 2 === 0);
      else if (name === 'walk') model.walk();
      else if (name === 'dismantle') model.dismantle();
      else if (name === 'hog') model.hog(from % 8);
      else model.unhog();
      // After every operation where many could hide one another, else after every few.
      if (count < 10 || i % 16 === 0) model.check();
    }
    model.check();
  }
  model.finishScan();
  model.checkAll();
  model.drain();
}

describe('dict against a Map', () => {
  const hashings: readonly (readonly [Hashing, number])[] = [
    ['real', 250],
    ['one bucket', 150],
    ['four buckets', 150],
    ['one tag', 150],
    ['one hash', 100],
  ];
  it.each(hashings)('%s', (hashing, numRuns) => {
    fc.assert(
      fc.property(steps(['walk', 'dismantle']), (operations) => {
        const model = new DictModel(shortKeys, hashing, MIB);
        play(model, operations);
        expect(model.failures).toBe(0);
      }),
      { numRuns },
    );
  });

  it.each<Hashing>(['real', 'four buckets'])('few keys, %s', (hashing) => {
    fc.assert(
      fc.property(steps(['walk', 'dismantle']), (operations) => {
        play(new DictModel(fewKeys, hashing, MIB), operations);
      }),
      { numRuns: 250 },
    );
  });

  it('keys of more than 65534 bytes', () => {
    fc.assert(
      fc.property(steps(['walk']), (operations) => {
        const few = operations.slice(0, 8).map((step) => [step[0], step[1], 1] as Step);
        play(new DictModel(longKeys, 'four buckets', 2 * MIB), few);
      }),
      { numRuns: 40 },
    );
  });

  it.each<Hashing>(['real', 'one bucket', 'four buckets'])('no memory left, %s', (hashing) => {
    let failures = 0;
    fc.assert(
      fc.property(steps(['hog', 'hog', 'unhog', 'dismantle']), (operations) => {
        const model = new DictModel(shortKeys, hashing, 96 * 1024);
        play(model, operations);
        failures += model.failures;
      }),
      { numRuns: 250 },
    );
    expect(failures).toBeGreaterThan(20);
  });
});

describe('dict: resizes', () => {
  const many = makeKeys(Array.from({ length: 20_000 }, () => 8));

  it('grows to a load of at most nine items a bucket and shrinks again', () => {
    const model = new DictModel(many, 'real', 16 * MIB);
    for (let i = 0; i < many.length; i++) model.insert(i);
    while (model.dict.isResizing) model.rehashStep();
    model.check();
    const { bucketCount } = model.dict;
    expect(many.length / bucketCount).toBeLessThanOrEqual(9);
    expect(many.length / bucketCount).toBeGreaterThan(2);
    for (let i = 0; i < many.length - 20; i++) model.remove(i);
    while (model.dict.isResizing) model.rehashStep();
    model.check();
    expect(model.dict.bucketCount).toBeLessThanOrEqual(16);
    model.drain();
  });

  it('makes up for the shrinking that a pause held back, in short steps', () => {
    const model = new DictModel(many, 'real', 16 * MIB);
    for (let i = 0; i < many.length; i++) model.insert(i);
    while (model.dict.isResizing) model.rehashStep();
    const before = model.dict.bucketCount;
    model.pause();
    for (let i = 0; i < many.length - 1; i++) model.remove(i);
    expect(model.dict.bucketCount).toBe(before);
    model.resume();
    let steps = 0;
    for (; model.dict.isResizing; steps++) model.rehashStep();
    expect(model.dict.bucketCount).toBe(4);
    expect(steps).toBeGreaterThanOrEqual(before / 8);
    model.check();
    model.drain();
  });

  it.each([0, 2])('has no table when the last item goes in a resize, %i after a pause', (left) => {
    const model = new DictModel(many, 'real', 16 * MIB);
    let count = 300;
    for (let i = 0; i < count; i++) model.insert(i);
    for (; !model.dict.isResizing; count++) model.insert(count);
    if (left > 0) while (model.dict.isResizing) model.rehashStep();
    model.pause();
    for (let i = left; i < count; i++) model.remove(i);
    expect(model.dict.isResizing).toBe(left === 0);
    model.resume();
    expect(model.dict.isResizing).toBe(left > 0);
    for (let i = 0; i < left; i++) model.remove(i);
    expect(model.arena.usedBytes()).toBe(0);
    model.drain();
  });

  it('a scan meets what stays, while everything else comes and goes', () => {
    const model = new DictModel(many, 'real', 16 * MIB);
    for (let i = 0; i < 3000; i++) model.insert(i);
    for (let round = 0; round < 60; round++) {
      model.scan(5);
      const from = 3000 + (round % 7) * 2000;
      for (let i = 0; i < 2000; i++) {
        if (round % 2 === 0) model.insert(from + i);
        else model.remove(from - 2000 + i);
      }
      for (let i = 0; i < 40; i++) model.remove(round * 40 + i);
    }
    model.finishScan();
    model.check();
    model.drain();
  });
});

describe('reverseIncrement', () => {
  it.each([3, 7, 15, 1023])('goes through all cursors below %i and ends at 0', (mask) => {
    const seen = new Set<number>();
    let cursor = 0;
    do {
      expect(seen.has(cursor)).toBe(false);
      seen.add(cursor);
      cursor = reverseIncrement(cursor, mask);
    } while (cursor !== 0);
    expect(seen.size).toBe(mask + 1);
  });
});

const compactKeys = makeKeys([
  ...Array.from({ length: 200 }, (_, i) => i % 40),
  ...[125, 126, 127, 128, 255, 256, 70_000],
]);

describe('dict of compact items', () => {
  const hashings: readonly Hashing[] = [
    'real',
    'one bucket',
    'four buckets',
    'one tag',
    'one hash',
  ];
  it.each(hashings)('against a Map, %s', (hashing) => {
    fc.assert(
      fc.property(steps(['walk', 'dismantle']), (operations) => {
        const model = new DictModel(compactKeys, hashing, MIB, LAYOUT_COMPACT);
        play(model, operations);
        expect(model.failures).toBe(0);
      }),
      { numRuns: 100 },
    );
  });

  it('without memory', () => {
    fc.assert(
      fc.property(steps(['hog', 'hog', 'unhog', 'dismantle']), (operations) => {
        play(new DictModel(shortKeys, 'four buckets', 96 * 1024, LAYOUT_COMPACT), operations);
      }),
      { numRuns: 150 },
    );
  });
});

describe('compact items', () => {
  it('are laid out as their file says', () => {
    const arena = Arena.create(MIB, 16);
    const ref = createItem(arena, Buffer.from('ab'), 0, 2, 8, true);
    arena.f64[itemTail(arena.u32, ref)] = 1.5;
    const bytes = Buffer.from(arena.u8.slice(ref * 8, ref * 8 + 16)).toString('hex');
    expect(bytes.slice(0, 6) + bytes.slice(16)).toBe('026162' + '000000000000f83f');
  });

  it.each([0, 1, 2, 3, 4, 6, 7, 8, 125, 126, 127, 128, 300])('a key of %i bytes', (length) => {
    const arena = Arena.create(MIB, 16);
    const key = Uint8Array.from({ length }, (_, i) => (i * 7) & 0xff);
    const ref = createItem(arena, key, 0, length, 8, true);
    const { u32, u8 } = arena;
    expect(itemKeyLength(u32, ref)).toBe(length);
    expect(itemKeyEnd(u32, ref) - itemKeyOffset(u32, ref)).toBe(length);
    expect(u8.slice(itemKeyOffset(u32, ref), itemKeyEnd(u32, ref))).toEqual(key);
    expect(itemTail(u32, ref)).toBe(Math.ceil(itemKeyEnd(u32, ref) / 8));
    expect(itemKeyEquals(u32, ref, key, 0, length)).toBe(true);
    for (let i = 0; i < length; i++) {
      const other = key.slice();
      other[i] = other[i]! ^ 0x80;
      expect(itemKeyEquals(u32, ref, other, 0, length)).toBe(false);
      expect(compareItemKey(arena, ref, other, 0, length)).toBe(other[i]! > key[i]! ? -128 : 128);
    }
    const longer = Uint8Array.from([...key, 0]);
    expect(itemKeyEquals(u32, ref, longer, 0, length + 1)).toBe(false);
    expect(compareItemKey(arena, ref, longer, 0, length + 1)).toBeLessThan(0);
    if (length > 0) expect(itemKeyEquals(u32, ref, key, 0, length - 1)).toBe(false);
  });
});

describe('dict: items at random', () => {
  const many = makeKeys(Array.from({ length: 600 }, () => 8));

  /** The sum of (seen - expected)^2 / expected over all items, in standard deviations. */
  function deviation(model: DictModel, draws: number): number {
    const numbers = new HalfSipHash(1, 2);
    const counter = new Uint8Array(4);
    let drawn = 0;
    // Numbers from a hash of a counter: the same ones in every run.
    const below = (limit: number): number => {
      drawn += 1;
      for (let i = 0; i < 4; i++) counter[i] = drawn >>> (8 * i);
      numbers.hash(counter, 0, 4);
      return (numbers.lo >>> 0) % limit;
    };
    const seen = new Map<number, number>();
    for (let i = 0; i < draws; i++) {
      const ref = model.dict.randomItem(below);
      seen.set(ref, (seen.get(ref) ?? 0) + 1);
    }
    const expected = draws / model.items.size;
    let sum = 0;
    for (const ref of model.items.values()) sum += ((seen.get(ref) ?? 0) - expected) ** 2;
    const degrees = model.items.size - 1;
    return (sum / expected - degrees) / Math.sqrt(2 * degrees);
  }

  it.each([
    ['entries', LAYOUT_ENTRY],
    ['compact items', LAYOUT_COMPACT],
  ])('all have the same chance: %s', (_name, layout) => {
    const model = new DictModel(many, 'real', MIB, layout);
    for (let i = 0; i < 400; i++) model.insert(i);
    while (model.dict.isResizing) model.rehashStep();
    expect(deviation(model, 100_000)).toBeLessThan(5);
    for (let i = 400; !model.dict.isResizing; i++) model.insert(i);
    for (let i = 0; i < 20; i++) model.rehashStep();
    expect(model.dict.isResizing).toBe(true);
    expect(deviation(model, 100_000)).toBeLessThan(5);
  });
});
