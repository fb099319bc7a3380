import { describe, expect, it } from 'vitest';
import { Arena, type Ref } from '../../src/memory/arena.ts';
import { SparseSlabs } from '../../src/memory/sparse-slabs.ts';

const MIB = 1024 * 1024;

/** Blocks of mixed sizes of which every `keep`-th is left. */
function sparseArena(keep: number): { arena: Arena; live: Ref[] } {
  const arena = Arena.create(64 * MIB, 0);
  const all = Array.from({ length: 20_000 }, (_, i) => arena.alloc(16 + ((i * 37) % 2000)));
  const live: Ref[] = [];
  all.forEach((ref, i) => {
    if (i % keep === 0) live.push(ref);
    else arena.free(ref);
  });
  for (const ref of live) arena.u32[ref * 2] = ref;
  return { arena, live };
}

function choose(sparse: SparseSlabs, units: number): void {
  sparse.start();
  while (!sparse.step(units));
}

describe('sparse slabs', () => {
  it.each([1, 7, 100_000])('are emptied by one pass, chosen %i units at a time', (units) => {
    const { arena, live } = sparseArena(4);
    const sparse = new SparseSlabs(arena);
    choose(sparse, units);
    expect(sparse.marked).toBeGreaterThan(100);
    arena.checkInvariants();
    const before = arena.heldBytes();
    const moved = live.map((ref) => arena.relocate(ref));
    moved.forEach((ref, i) => {
      expect(arena.u32[ref * 2]).toBe(live[i]);
    });
    arena.trim();
    arena.checkInvariants();
    // One slab of each class may be partly empty.
    const loose = arena.stats().classes.reduce((sum, { slabs }) => sum + (slabs > 0 ? 1 : 0), 0);
    expect(arena.heldBytes()).toBeLessThan(arena.usedBytes() * 1.1 + loose * 32 * 4096);
    expect(arena.heldBytes()).toBeLessThan(before / 2);
    choose(sparse, units);
    expect(sparse.marked).toBe(0);
  });

  it('none is chosen where the slabs are full', () => {
    const { arena, live } = sparseArena(1);
    const sparse = new SparseSlabs(arena);
    choose(sparse, 1000);
    expect(sparse.marked).toBe(0);
    expect(live.every((ref) => arena.relocate(ref) === ref)).toBe(true);
  });

  it('new blocks go into the others first, and into them before new slabs are made', () => {
    const arena = Arena.create(16 * MIB, 0);
    const refs = Array.from({ length: 4096 }, () => arena.alloc(64));
    const live = refs.filter((_, i) => i % 4 === 0);
    refs.forEach((ref, i) => {
      if (i % 4 !== 0) arena.free(ref);
    });
    const sparse = new SparseSlabs(arena);
    choose(sparse, 1000);
    const held = arena.heldBytes();
    const isMarked = (ref: Ref) => arena.mayRelocate(ref);
    expect(live.some(isMarked)).toBe(true);
    for (let i = 0; i < 100; i++) expect(isMarked(arena.alloc(64))).toBe(false);
    for (let i = 100; i < 3072; i++) arena.alloc(64);
    expect(arena.heldBytes()).toBe(held);
    // All are full now, and so none is sparse any more.
    expect(live.some(isMarked)).toBe(false);
    arena.checkInvariants();
    arena.free(live[0]!);
    expect(live.slice(1).some(isMarked)).toBe(false);
    arena.checkInvariants();
  });

  it('a choice goes on where the pages have changed between its slices', () => {
    const { arena, live } = sparseArena(3);
    const sparse = new SparseSlabs(arena);
    for (let i = 0; !sparse.step(3); i++) {
      const ref = live.pop();
      if (ref !== undefined) arena.free(ref);
      if (i % 5 === 0) live.unshift(arena.alloc(20_000));
      if (i % 50 === 0) arena.checkInvariants();
    }
    arena.checkInvariants();
    for (const ref of live) arena.relocate(ref);
    arena.checkInvariants();
  });
});

describe('pages that hold nothing', () => {
  it('go back to the system in slices, and are used again before it is asked for more', () => {
    const arena = Arena.create(64 * MIB, 0);
    const given: [number, number][] = [];
    const run = arena.alloc(8 * MIB);
    const barrier = arena.alloc(20_000);
    expect(arena.release(MIB)).toBe(0);
    arena.discard = (offset, bytes) => given.push([offset, bytes]);
    expect(arena.release(MIB)).toBe(0);
    const touched = arena.touchedBytes();
    arena.free(run);
    expect(arena.dirtyBytes()).toBe(8 * MIB);
    for (let i = 1; i <= 8; i++) {
      expect(arena.release(MIB)).toBe(MIB);
      expect(given.at(-1)).toEqual([run * 8 + (i - 1) * MIB, MIB]);
      arena.checkInvariants();
    }
    expect(arena.release(MIB)).toBe(0);
    expect(arena.dirtyBytes()).toBe(0);
    expect(arena.touchedBytes()).toBe(touched - 8 * MIB);
    const again = arena.alloc(3 * MIB);
    expect(again).toBe(run);
    expect(arena.touchedBytes()).toBe(touched - 5 * MIB);
    arena.free(again);
    expect(arena.dirtyBytes()).toBe(3 * MIB);
    // Which pages of a merged run are released is not known: what is left counts as dirty.
    expect(arena.alloc(MIB)).toBe(run);
    expect(arena.dirtyBytes()).toBe(3 * MIB);
    while (arena.release(MIB) > 0);
    expect(arena.dirtyBytes()).toBe(0);
    arena.checkInvariants();
    arena.free(barrier);
    arena.checkInvariants();
  });

  it('above the highest page in use go first', () => {
    const arena = Arena.create(64 * MIB, 0);
    let bytes = 0;
    arena.discard = (_, length) => {
      bytes += length;
    };
    const low = arena.alloc(MIB);
    const middle = arena.alloc(20_000);
    arena.free(arena.alloc(4 * MIB));
    arena.free(low);
    const touched = arena.touchedBytes();
    expect(arena.release(16 * MIB)).toBe(4 * MIB);
    expect(arena.touchedBytes()).toBeLessThanOrEqual(touched - 4 * MIB);
    expect(arena.release(16 * MIB)).toBe(MIB);
    expect(arena.release(16 * MIB)).toBe(0);
    expect(bytes).toBe(5 * MIB);
    arena.free(middle);
    arena.checkInvariants();
  });
});
