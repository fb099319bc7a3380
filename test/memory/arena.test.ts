import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { Arena, type Ref } from '../../src/memory/arena.ts';
import { GRANULE_BYTES } from '../../src/memory/size-classes.ts';

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

function fillUp(arena: Arena, bytes: number): Ref[] {
  const refs: Ref[] = [];
  for (let ref = arena.alloc(bytes); ref !== 0; ref = arena.alloc(bytes)) refs.push(ref);
  return refs;
}

/** Writes so the page is committed, then lets blocks be told apart. */
function stamp(arena: Arena, refs: Ref[]): void {
  for (const ref of refs) arena.u32[ref * 2] = ref;
}

function expectEmpty(arena: Arena): void {
  arena.trim();
  arena.checkInvariants();
  const stats = arena.stats();
  expect(arena.usedBytes()).toBe(0);
  expect(stats.wildernessPages).toBe(stats.dataPages);
}

describe('arena: creation and attachment', () => {
  it('reserves a zeroed area for the layer above', () => {
    const arena = Arena.create(MIB, 10_000);
    const area = arena.u8.subarray(arena.userOffset, arena.userOffset + 10_000);
    expect(arena.userOffset % 4).toBe(0);
    expect(area.every((byte) => byte === 0)).toBe(true);
    area.fill(0xff);
    const refs = fillUp(arena, 100);
    for (const ref of refs) expect(ref * GRANULE_BYTES).toBeGreaterThan(arena.userOffset + 10_000);
    arena.checkInvariants();
    expect(area.every((byte) => byte === 0xff)).toBe(true);
  });

  it('lets a second arena object go on where the first one stopped', () => {
    const first = Arena.create(MIB, 0);
    const second = Arena.attach(first.buffer);
    const ref = first.alloc(40);
    second.f64[ref] = 1.5;
    expect(second.usableBytes(ref)).toBe(40);
    const other = second.alloc(40);
    expect(first.alloc(40)).not.toBe(other);
    first.free(other);
    second.free(ref);
    expect(first.usedBytes()).toBe(40);
    expect(second.usedBytes()).toBe(40);
    second.checkInvariants();
  });

  it('can be attached by another thread', async () => {
    const arena = Arena.create(MIB, 0);
    const code = `
      const { workerData } = require('node:worker_threads');
      import(workerData.url).then(({ Arena }) => {
        const arena = Arena.attach(workerData.buffer);
        for (let i = 0; i < 1000; i++) arena.u32[arena.alloc(24) * 2] = i;
      });`;
    const url = new URL('../../src/memory/arena.ts', import.meta.url).href;
    const worker = new Worker(code, { eval: true, workerData: { url, buffer: arena.buffer } });
    await new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject));
    expect(arena.usedBytes()).toBe(24_000);
    arena.checkInvariants();
  });

  it.each([
    ['too short', () => new SharedArrayBuffer(100)],
    ['not whole pages', () => new SharedArrayBuffer(MIB + 8)],
    ['no magic', () => new SharedArrayBuffer(MIB)],
  ])('refuses a foreign buffer: %s', (_, make) => {
    expect(() => Arena.attach(make())).toThrow('not an arena');
  });

  it('refuses another version and another size', () => {
    const { buffer, u32 } = Arena.create(MIB, 0);
    u32[1] = 99;
    expect(() => Arena.attach(buffer)).toThrow('another version');
    u32[1] = 1;
    u32[2] = 7;
    expect(() => Arena.attach(buffer)).toThrow('size of its buffer');
  });

  it('takes less where the system refuses, and throws where nothing would fit', () => {
    const arena = Arena.create(2 ** 52, 0);
    expect(arena.capacityBytes()).toBeGreaterThan(MIB);
    expect(arena.buffer.byteLength).toBeLessThan(32 * GIB);
    expect(() => Arena.create(8192, 0)).toThrow(RangeError);
    expect(() => Arena.create(0, 0)).toThrow(RangeError);
    expect(() => Arena.create(MIB, 2 * MIB)).toThrow(RangeError);
  });
});

describe('arena: limits', () => {
  it.each([1, 15, 16, 17, 1024, 1025, 16_383, 16_384, 16_385, 100_000])(
    'gives everything it has in blocks of %i bytes, then 0, then everything again',
    (bytes) => {
      const arena = Arena.create(2 * MIB, 0);
      const refs = fillUp(arena, bytes);
      stamp(arena, refs);
      arena.checkInvariants();
      expect(arena.usedBytes()).toBeGreaterThan(0.85 * arena.capacityBytes());
      expect(arena.alloc(bytes)).toBe(0);
      for (const ref of refs) expect(arena.u32[ref * 2]).toBe(ref);
      arena.free(refs.pop()!);
      const again = arena.alloc(bytes);
      expect(again).not.toBe(0);
      refs.push(again);
      for (const ref of refs) arena.free(ref);
      expectEmpty(arena);
      expect(fillUp(arena, bytes).length).toBe(refs.length);
    },
  );

  it('refuses what is larger than itself', () => {
    const arena = Arena.create(MIB, 0);
    expect(arena.alloc(arena.capacityBytes() + 1)).toBe(0);
    expect(arena.alloc(2 ** 40)).toBe(0);
    expect(arena.alloc(Number.MAX_SAFE_INTEGER)).toBe(0);
    const all = arena.alloc(arena.capacityBytes());
    expect(arena.usedBytes()).toBe(arena.capacityBytes());
    expect(arena.alloc(1)).toBe(0);
    expect(arena.realloc(all, arena.capacityBytes() + 1)).toBe(0);
    arena.free(all);
    expectEmpty(arena);
  });

  it('shrinks a block even where there is no room to move it', () => {
    const arena = Arena.create(MIB, 0);
    const refs = fillUp(arena, 16_384);
    for (;;) if (arena.alloc(4096) === 0) break;
    for (;;) if (arena.alloc(64) === 0) break;
    expect(arena.realloc(refs[0]!, 64)).toBe(refs[0]);
    expect(arena.realloc(refs[0]!, 40_000)).toBe(0);
    expect(arena.usableBytes(refs[0]!)).toBe(16_384);
    arena.checkInvariants();
  });

  it('finds the only fitting free run behind many that are too short', () => {
    const arena = Arena.create(8 * MIB, 0);
    const fitting = arena.alloc(7 * 4096);
    const barriers = [arena.alloc(20_480)];
    const tooShort: Ref[] = [];
    for (let i = 0; i < 50; i++) {
      tooShort.push(arena.alloc(5 * 4096));
      barriers.push(arena.alloc(20_480));
    }
    barriers.push(...fillUp(arena, 20_480));
    arena.free(fitting);
    for (const ref of tooShort) arena.free(ref);
    expect(arena.alloc(7 * 4096)).toBe(fitting);
    expect(arena.alloc(7 * 4096)).toBe(0);
    for (const ref of [fitting, ...barriers]) arena.free(ref);
    expectEmpty(arena);
  });

  it('gives spare slabs back when pages run out', () => {
    const arena = Arena.create(MIB, 0);
    const bytes = [16, 64, 256, 1024, 4096, 16_384];
    for (const ref of bytes.map((size) => arena.alloc(size))) arena.free(ref);
    expect(arena.stats().slabPages).toBeGreaterThan(0);
    const all = arena.alloc(arena.capacityBytes());
    expect(all).not.toBe(0);
    arena.free(all);
    expectEmpty(arena);
  });

  it('allocates and frees a run of 512 MiB without touching its pages', () => {
    const arena = Arena.create(GIB, 0);
    const small = arena.alloc(20_000);
    const large = arena.alloc(512 * MIB);
    const barrier = arena.alloc(20_000);
    arena.free(large);
    expect(arena.stats().largestFreeRunPages).toBe((512 * MIB) / 4096);
    expect(arena.alloc(512 * MIB)).toBe(large);
    for (const ref of [large, small, barrier]) arena.free(ref);
    expectEmpty(arena);
    expect(arena.touchedBytes()).toBeGreaterThan(512 * MIB);
  });
});

describe('arena: refs past 2^31 granules', () => {
  it('stay positive and work like any others', (context) => {
    const arena = Arena.create(19 * GIB, 0);
    const low = arena.alloc(17 * GIB);
    if (low === 0) context.skip('this system does not reserve 19 GiB');
    const refs = Array.from({ length: 5000 }, (_, i) => arena.alloc(1 + (i % 600)));
    stamp(arena, refs);
    for (const ref of refs) expect(arena.u32[ref * 2]).toBe(ref);
    expect(Math.min(...refs)).toBeGreaterThan(2 ** 31);
    const run = arena.alloc(100_000);
    expect(arena.realloc(run, 200_000)).toBe(run);
    const moved = arena.realloc(refs[7]!, 5000);
    expect(arena.u32[moved * 2]).toBe(refs[7]);
    refs[7] = moved;
    expect(arena.usedBytes()).toBeGreaterThan(17 * GIB);
    for (const ref of refs) arena.free(ref);
    arena.free(run);
    arena.free(low);
    expect(arena.usedBytes()).toBe(0);
    arena.trim();
    expect(arena.stats().wildernessPages).toBe(arena.stats().dataPages);
  });
});

describe('arena: realloc', () => {
  it('stays in place inside a class and moves out of it', () => {
    const arena = Arena.create(MIB, 0);
    const ref = arena.alloc(200);
    expect(arena.usableBytes(ref)).toBe(224);
    expect(arena.realloc(ref, 224)).toBe(ref);
    expect(arena.canExtend(ref, 225)).toBe(false);
    expect(arena.realloc(ref, 225)).not.toBe(ref);
    expect(arena.usedBytes()).toBe(256);
  });

  it('grows a run into free pages or the wilderness behind it, and shrinks it in place', () => {
    const arena = Arena.create(4 * MIB, 0);
    const [first, second, third] = [arena.alloc(40_000), arena.alloc(80_000), arena.alloc(40_000)];
    expect(arena.canExtend(first, 100_000)).toBe(false);
    arena.free(second);
    expect(arena.realloc(first, 100_000)).toBe(first);
    arena.checkInvariants();
    expect(arena.realloc(first, 120_000)).toBe(first);
    expect(arena.stats().freeRuns).toBe(0);
    expect(arena.realloc(third, MIB)).toBe(third);
    expect(arena.realloc(third, 17_000)).toBe(third);
    expect(arena.realloc(first, 17_000)).toBe(first);
    expect(arena.usedBytes()).toBe(2 * 20_480);
    arena.checkInvariants();
    arena.free(first);
    arena.free(third);
    expectEmpty(arena);
  });
});

describe('arena: misuse is noticed', () => {
  const noBlock = 'free of a ref that is no block';

  it.each([0, 1, 511, 512, 2 ** 27, 2 ** 32 - 1])('free of %i', (ref) => {
    expect(() => Arena.create(MIB, 0).free(ref)).toThrow(noBlock);
  });

  it('free inside a block, of a block never handed out, inside a run, and of a run twice', () => {
    const arena = Arena.create(4 * MIB, 0);
    const small = arena.alloc(64);
    const run = arena.alloc(100_000);
    const barrier = arena.alloc(100_000);
    expect(() => arena.free(small + 1)).toThrow(noBlock);
    expect(() => arena.free(small + 8)).toThrow(noBlock);
    expect(() => arena.free(run + 1)).toThrow(noBlock);
    expect(() => arena.free(run + 512)).toThrow(noBlock);
    expect(() => arena.usableBytes(run + 512)).toThrow('no block');
    arena.free(run);
    expect(() => arena.free(run)).toThrow(noBlock);
    arena.free(barrier);
    expect(() => arena.free(barrier)).toThrow(noBlock);
    arena.checkInvariants();
  });

  it('free of a block twice, first, middle and last of its slab', () => {
    const arena = Arena.create(MIB, 0);
    const refs = Array.from({ length: 20 }, () => arena.alloc(48));
    arena.free(refs[3]!);
    arena.free(refs[9]!);
    expect(() => arena.free(refs[9]!)).toThrow('free of a free block');
    expect(() => arena.free(refs[3]!)).toThrow('free of a free block');
    for (const ref of refs) if (ref !== refs[3] && ref !== refs[9]) arena.free(ref);
    expect(() => arena.free(refs[0]!)).toThrow(noBlock);
    expectEmpty(arena);
  });

  it('a live block that looks like a free one can be freed', () => {
    const arena = Arena.create(MIB, 0);
    const [a, b, c] = [arena.alloc(32), arena.alloc(32), arena.alloc(32)];
    arena.free(a);
    arena.u32[b * 2] = arena.u32[a * 2]!;
    arena.u32[b * 2 + 1] = arena.u32[a * 2 + 1]!;
    arena.free(b);
    arena.free(c);
    expectEmpty(arena);
  });
});
