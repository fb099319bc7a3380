import { expect, test } from 'vitest';
import { Parts } from '../../src/commands/parted-work.ts';

test.each([
  // places, units, parts
  [0, 0, 0],
  [1, 0, 1],
  [1, 1e6, 1],
  [1024, 4096, 1],
  [1024, 4097, 2],
  [1000, 12_000, 3],
  [7, 1e9, 7],
  [65_536, 1e9, 16_384],
])('%i places of %i units', (places, units, count) => {
  const parts = new Parts(units);
  parts.addWalk(3, places, units);
  expect(parts.count).toBe(count);
  let next = 0;
  for (let part = 0; part < parts.count; part++) {
    expect([parts.walkOf(part), parts.fromOf(part)]).toEqual([3, next]);
    next = parts.toOf(part);
    expect(next).toBeGreaterThan(parts.fromOf(part));
  }
  expect(next).toBe(places);
  expect(Parts.read([9, 9, ...parts.words], 2).words).toEqual(parts.words);
});
