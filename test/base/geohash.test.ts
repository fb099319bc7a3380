import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GeoArea } from '../../src/base/geo-area.ts';
import {
  cellBits,
  columnOf,
  distanceMeters,
  geohashText,
  LATITUDE_MAX,
  LONGITUDE_MAX,
  Position,
  rowOf,
  scoreOfPosition,
} from '../../src/base/geohash.ts';

const longitudes = fc.double({ min: -LONGITUDE_MAX, max: LONGITUDE_MAX, noNaN: true });
const latitudes = fc.double({ min: -LATITUDE_MAX, max: LATITUDE_MAX, noNaN: true });

/** Bits in turn, by BigInt. */
function interleaved(x: number, y: number): bigint {
  let bits = 0n;
  for (let i = 0; i < 32; i++) {
    bits |= BigInt((y >>> i) & 1) << BigInt(2 * i);
    bits |= BigInt((x >>> i) & 1) << BigInt(2 * i + 1);
  }
  return bits;
}

describe('geohash', () => {
  test.each([
    [13.361389, 38.115556, 3479099956230698, 'sqc8b49rny0'],
    [15.087269, 37.502669, 3479447370796909, 'sqdtr74hyu0'],
    [-180, -85.05112878, 0, '00bh0hbj200'],
  ])('of %d, %d', (longitude, latitude, score, text) => {
    expect(scoreOfPosition(longitude, latitude)).toBe(score);
    const position = new Position();
    position.locate(score);
    expect(position.longitude).toBeCloseTo(longitude, 5);
    expect(position.latitude).toBeCloseTo(latitude, 5);
    expect(geohashText(position.longitude, position.latitude)).toBe(text);
  });

  test('has the bits of columns and rows in turn', () => {
    const cell = fc.nat({ max: 2 ** 26 - 1 });
    fc.assert(
      fc.property(cell, cell, (x, y) => {
        expect(BigInt(cellBits(x, y))).toBe(interleaved(x, y));
      }),
    );
  });

  test('a position comes back within its cell, and to the same score', () => {
    const position = new Position();
    // The middle of a cell is a sum of doubles, each rounded by up to 2^-46 at 180 degrees.
    const rounding = 2 ** -44;
    const east = longitudes.filter((longitude) => longitude < LONGITUDE_MAX);
    const south = latitudes.filter((latitude) => latitude < LATITUDE_MAX);
    fc.assert(
      fc.property(east, south, (longitude, latitude) => {
        const score = scoreOfPosition(longitude, latitude);
        position.locate(score);
        expect(Math.abs(position.longitude - longitude)).toBeLessThanOrEqual(
          180 / 2 ** 26 + rounding,
        );
        expect(Math.abs(position.latitude - latitude)).toBeLessThanOrEqual(90 / 2 ** 26 + rounding);
        expect(scoreOfPosition(position.longitude, position.latitude)).toBe(score);
      }),
    );
  });

  test.each([
    [-1],
    [0.5],
    [1e17],
    [-1e300],
    [2 ** 63],
    [2 ** 64],
    [Number.POSITIVE_INFINITY],
    [Number.NEGATIVE_INFINITY],
    [Number.MAX_SAFE_INTEGER],
  ])('score %d is somewhere on the map', (score) => {
    const position = new Position();
    position.locate(score);
    expect(Math.abs(position.longitude)).toBeLessThanOrEqual(LONGITUDE_MAX);
    expect(Math.abs(position.latitude)).toBeLessThanOrEqual(LATITUDE_MAX);
    expect(geohashText(position.longitude, position.latitude)).toMatch(/^[0-9b-z]{10}0$/);
  });

  test('distances', () => {
    expect(distanceMeters(0, 0, 0, 0)).toBe(0);
    expect(distanceMeters(10, 0, 10, 1)).toBeCloseTo(111_226.3, 1);
    expect(distanceMeters(0, 0, 180, 0)).toBeCloseTo(Math.PI * 6372797.560856, 3);
    fc.assert(
      fc.property(longitudes, latitudes, longitudes, latitudes, (a, b, c, d) => {
        const there = distanceMeters(a, b, c, d);
        expect(there).toBeGreaterThanOrEqual(0);
        expect(there).toBeCloseTo(distanceMeters(c, d, a, b), 6);
      }),
    );
  });
});

describe('areas', () => {
  /** Whether a cell of the area has the score. */
  function isCovered(area: GeoArea, score: number): boolean {
    for (let i = 0; i < area.cellCount; i++) {
      if (score >= area.cellMin[i]! && score < area.cellMax[i]!) return true;
    }
    return false;
  }

  // Farther from the equator, wide areas have corners that no cell covers, in Redis too.
  const middle = fc.double({ min: -60, max: 60, noNaN: true });
  const inside = fc.double({ min: -150, max: 150, noNaN: true });
  const kilometers = fc.oneof(
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.double({ min: 0, max: 900, noNaN: true }),
  );

  test('the cells cover all positions that are inside', () => {
    const area = new GeoArea();
    const offset = fc.double({ min: -1, max: 1, noNaN: true });
    fc.assert(
      fc.property(
        inside,
        middle,
        fc.boolean(),
        kilometers,
        kilometers,
        fc.array(fc.tuple(offset, offset), { minLength: 20, maxLength: 20 }),
        (longitude, latitude, isBox, width, height, points) => {
          area.longitude = longitude;
          area.latitude = latitude;
          area.isBox = isBox;
          area.radius = width;
          area.width = width;
          area.height = height;
          area.unitMeters = 1000;
          area.cover();
          expect(area.cellCount).toBeGreaterThanOrEqual(1);
          expect(area.cellCount).toBeLessThanOrEqual(9);
          for (const [dx, dy] of points) {
            const score = scoreOfPosition(
              longitude + (dx * width) / 50,
              latitude + (dy * width) / 100,
            );
            if (area.has(score)) expect(isCovered(area, score)).toBe(true);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  test.each([[Number.POSITIVE_INFINITY], [1e300], [5e-324], [0]])(
    'a radius of %d ends',
    (radius) => {
      const area = new GeoArea();
      for (const [longitude, latitude] of [
        [180, LATITUDE_MAX],
        [-180, -LATITUDE_MAX],
        [0, 0],
      ] as const) {
        area.longitude = longitude;
        area.latitude = latitude;
        area.radius = radius;
        area.cover();
        expect(area.cellCount).toBeGreaterThanOrEqual(1);
        for (let i = 0; i < area.cellCount; i++) {
          expect(area.cellMin[i]!).toBeLessThan(area.cellMax[i]!);
        }
      }
    },
  );

  test('columns and rows at the edges have one bit more', () => {
    expect(columnOf(LONGITUDE_MAX, 3)).toBe(8);
    expect(rowOf(LATITUDE_MAX, 3)).toBe(8);
    expect(columnOf(-LONGITUDE_MAX, 3)).toBe(0);
  });
});
