import { describe, expect, it } from 'vitest';
import * as sizes from '../../src/memory/size-classes.ts';

const granulesOf = (bytes: number) =>
  sizes.CLASS_GRANULES[sizes.CLASS_OF_GRANULES[Math.ceil(bytes / 8)]!]!;

describe('size classes', () => {
  it('has exact classes for the sizes entries come in', () => {
    for (const bytes of [16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 112, 128, 1024, 16384]) {
      expect([bytes, granulesOf(bytes) * 8]).toEqual([bytes, bytes]);
    }
    expect(granulesOf(1)).toBe(2);
  });

  it('ascends in steps of at most 25 % from 32 bytes on', () => {
    const classes = Array.from(sizes.CLASS_GRANULES);
    for (let i = 1; i < classes.length; i++) {
      expect(classes[i]!).toBeGreaterThan(classes[i - 1]!);
      if (classes[i - 1]! >= 4) expect(classes[i]! / classes[i - 1]!).toBeLessThanOrEqual(1.25);
    }
    expect(classes.at(-1)).toBe(sizes.SMALL_BYTES_MAX / 8);
  });

  it('maps every size to the smallest class that holds it', () => {
    for (let granules = 0; granules <= 2048; granules++) {
      const expected = sizes.CLASS_GRANULES.findIndex((size) => size >= granules);
      expect(sizes.CLASS_OF_GRANULES[granules]).toBe(expected);
    }
  });

  it('cuts slabs of 4 to 32 pages with little waste and 4 pages up to 1 KiB', () => {
    for (let i = 0; i < sizes.CLASS_COUNT; i++) {
      const slabBytes = sizes.CLASS_SLAB_PAGES[i]! * sizes.PAGE_BYTES;
      const blocksBytes = sizes.CLASS_SLAB_BLOCKS[i]! * sizes.CLASS_GRANULES[i]! * 8;
      expect(blocksBytes).toBeLessThanOrEqual(slabBytes);
      expect(blocksBytes / slabBytes).toBeGreaterThanOrEqual(0.9375);
      expect(sizes.CLASS_SLAB_BLOCKS[i]!).toBeGreaterThanOrEqual(4);
      if (sizes.CLASS_GRANULES[i]! <= 128) expect(sizes.CLASS_SLAB_PAGES[i]).toBe(4);
      expect(sizes.CLASS_SLAB_PAGES[i]!).toBeLessThanOrEqual(32);
    }
  });
});
