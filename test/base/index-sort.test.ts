import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sortedIndexes } from '../../src/base/index-sort.ts';

const score = fc.oneof(
  fc.constantFrom(0, -0, 1, -1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
  fc.integer({ min: -5, max: 5 }),
  fc.double({ noNaN: true }),
);

test('as a stable sort of pairs', () => {
  const items = fc.array(fc.tuple(score, fc.nat({ max: 3 })), { maxLength: 200 });
  fc.assert(
    fc.property(items, fc.boolean(), (pairs, isDescending) => {
      const scores = Float64Array.from(pairs, ([value]) => value);
      const ties = (a: number, b: number): number => pairs[a]![1] - pairs[b]![1];
      const sign = isDescending ? -1 : 1;
      const expected = pairs
        .map((_, i) => i)
        .sort((a, b) => {
          const x = scores[a]!;
          const y = scores[b]!;
          return sign * (x === y ? ties(a, b) : x < y ? -1 : 1);
        });
      expect([...sortedIndexes(scores, isDescending, ties)]).toEqual(expected);
    }),
  );
});

test.each([0, 1, 2, 11, 12, 13, 24, 25, 1000, 4097])('%i items in any order', (count) => {
  const none = (): number => 0;
  const ascending = Array.from({ length: count }, (_, i) => i);
  expect([...sortedIndexes(Float64Array.from(ascending), false, none)]).toEqual(ascending);
  expect([...sortedIndexes(Float64Array.from(ascending), true, none)]).toEqual(
    ascending.toReversed(),
  );
  const shuffled = ascending.map((i) => (i * 7919) % Math.max(count, 1));
  const sorted = sortedIndexes(Float64Array.from(shuffled), false, none);
  expect([...sorted].map((i) => shuffled[i])).toEqual(shuffled.toSorted((a, b) => a - b));
});
