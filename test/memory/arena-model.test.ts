import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Arena, type Ref } from '../../src/memory/arena.ts';
import { SparseSlabs } from '../../src/memory/sparse-slabs.ts';

/** What the arena should hold: every live block with the byte pattern written over all of it. */
class Model {
  readonly arena: Arena;
  readonly sparse: SparseSlabs;
  readonly live: { ref: Ref; bytes: number; pattern: number }[] = [];
  failures = 0;
  private nextPattern = 1;

  constructor(bytes: number) {
    this.arena = Arena.create(bytes, 64);
    // Worse than what the system does, which gives zeros or leaves the bytes as they are.
    this.arena.discard = (offset, length) => this.arena.u8.fill(0xdd, offset, offset + length);
    this.sparse = new SparseSlabs(this.arena);
  }

  /** Goes on choosing slabs, and moves a share of the live blocks out of those chosen. */
  defragment(units: number, share: number): void {
    if (this.sparse.step(units)) this.sparse.start();
    const used = this.arena.usedBytes();
    for (const block of this.live) {
      if (block.ref % share !== 0) continue;
      const may = this.arena.mayRelocate(block.ref);
      const ref = this.arena.relocate(block.ref);
      expect(ref !== block.ref).toBe(may);
      expect(this.arena.usableBytes(ref)).toBe(block.bytes);
      block.ref = ref;
      if (may) this.checkContents(ref, block.bytes, block.pattern);
    }
    expect(this.arena.usedBytes()).toBe(used);
  }

  release(bytes: number): void {
    const dirty = this.arena.dirtyBytes();
    const touched = this.arena.touchedBytes();
    const released = this.arena.release(bytes);
    expect(released).toBeLessThanOrEqual(Math.max(bytes, 4096));
    expect(released > 0).toBe(dirty > 0);
    expect(this.arena.dirtyBytes()).toBeLessThanOrEqual(dirty);
    expect(this.arena.touchedBytes()).toBeLessThanOrEqual(touched);
  }

  private fill(block: { ref: Ref; bytes: number; pattern: number }): void {
    this.arena.u8.fill(block.pattern, block.ref * 8, block.ref * 8 + block.bytes);
  }

  private pattern(): number {
    this.nextPattern = (this.nextPattern % 255) + 1;
    return this.nextPattern;
  }

  alloc(bytes: number): void {
    const ref = this.arena.alloc(bytes);
    if (ref === 0) {
      this.failures++;
      return;
    }
    const usable = this.arena.usableBytes(ref);
    expect(usable).toBeGreaterThanOrEqual(bytes);
    const block = { ref, bytes: usable, pattern: this.pattern() };
    this.live.push(block);
    this.fill(block);
  }

  free(choice: number): void {
    if (this.live.length === 0) return;
    const [block] = this.live.splice(choice % this.live.length, 1);
    this.checkContents(block!.ref, block!.bytes, block!.pattern);
    this.arena.free(block!.ref);
  }

  realloc(choice: number, bytes: number): void {
    if (this.live.length === 0) return;
    const block = this.live[choice % this.live.length]!;
    const stays = this.arena.canExtend(block.ref, bytes);
    const ref = this.arena.realloc(block.ref, bytes);
    if (stays) expect(ref).toBe(block.ref);
    if (ref === 0) {
      this.failures++;
      expect(bytes).toBeGreaterThan(block.bytes);
      return;
    }
    const usable = this.arena.usableBytes(ref);
    expect(usable).toBeGreaterThanOrEqual(bytes);
    this.checkContents(ref, Math.min(block.bytes, bytes), block.pattern);
    Object.assign(block, { ref, bytes: usable, pattern: this.pattern() });
    this.fill(block);
  }

  private checkContents(ref: Ref, bytes: number, pattern: number): void {
    const { u8 } = this.arena;
    for (let at = ref * 8; at < ref * 8 + bytes; at++) {
      if (u8[at] !== pattern) expect(u8[at]).toBe(pattern);
    }
  }

  check(): void {
    this.arena.checkInvariants();
    const sorted = this.live.toSorted((a, b) => a.ref - b.ref);
    let sum = 0;
    let end = this.arena.u8.length - this.arena.capacityBytes();
    for (const { ref, bytes } of sorted) {
      if (ref * 8 < end) expect(ref * 8).toBeGreaterThanOrEqual(end);
      end = ref * 8 + bytes;
      sum += bytes;
    }
    expect(end).toBeLessThanOrEqual(this.arena.u8.length);
    expect(this.arena.usedBytes()).toBe(sum);
  }

  checkAllContents(): void {
    for (const { ref, bytes, pattern } of this.live) this.checkContents(ref, bytes, pattern);
  }

  drain(): void {
    while (this.live.length > 0) this.free(this.live.length - 1);
    this.check();
    this.arena.trim();
    this.check();
    const stats = this.arena.stats();
    expect(stats.wildernessPages).toBe(stats.dataPages);
    expect(stats.usedBytes).toBe(0);
    expect(this.arena.heldBytes()).toBe(0);
    while (this.arena.release(1 << 20) > 0);
    expect(this.arena.dirtyBytes()).toBe(0);
  }
}

type Step =
  | ['alloc', number, number]
  | ['free', number]
  | ['realloc', number, number]
  | ['defragment', number, number]
  | ['release', number];

const bytesArbitrary = fc.oneof(
  fc.integer({ min: 1, max: 128 }),
  fc.integer({ min: 1, max: 2048 }),
  fc.integer({ min: 1, max: 17_000 }),
  fc.integer({ min: 16_000, max: 70_000 }),
);

const stepArbitrary: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(fc.constant('alloc'), bytesArbitrary, fc.integer({ min: 1, max: 9 })),
  },
  { weight: 4, arbitrary: fc.tuple(fc.constant('free'), fc.nat()) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('realloc'), fc.nat(), bytesArbitrary) },
  {
    weight: 2,
    arbitrary: fc.tuple(
      fc.constant('defragment'),
      fc.integer({ min: 1, max: 500 }),
      fc.integer({ min: 1, max: 3 }),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constant('release'), fc.integer({ min: 1, max: 300_000 })),
  },
);

function run(model: Model, steps: Step[]): void {
  for (const step of steps) {
    if (step[0] === 'alloc') for (let i = 0; i < step[2]; i++) model.alloc(step[1]);
    else if (step[0] === 'free') model.free(step[1]);
    else if (step[0] === 'realloc') model.realloc(step[1], step[2]);
    else if (step[0] === 'defragment') model.defragment(step[1], step[2]);
    else model.release(step[1]);
    model.check();
  }
  model.checkAllContents();
  model.drain();
}

describe('arena against a model of intervals', () => {
  it('keeps blocks apart and intact, with room to spare', () => {
    fc.assert(
      fc.property(fc.array(stepArbitrary, { maxLength: 40 }), (steps) => {
        const model = new Model(16 * 1024 * 1024);
        run(model, steps);
        expect(model.failures).toBe(0);
      }),
      { numRuns: 400 },
    );
  });

  it('keeps blocks apart and intact where there is hardly any room', () => {
    let failures = 0;
    fc.assert(
      fc.property(fc.array(stepArbitrary, { maxLength: 60 }), (steps) => {
        const model = new Model(256 * 1024);
        run(model, steps);
        failures += model.failures;
      }),
      { numRuns: 1000 },
    );
    expect(failures).toBeGreaterThan(100);
  });

  it('survives long churn of runs only', () => {
    const runBytes = fc.integer({ min: 16_385, max: 300_000 });
    const step: fc.Arbitrary<Step> = fc.oneof(
      fc.tuple(fc.constant('alloc'), runBytes, fc.constant(1)),
      fc.tuple(fc.constant('free'), fc.nat()),
      fc.tuple(fc.constant('realloc'), fc.nat(), runBytes),
      fc.tuple(fc.constant('release'), fc.integer({ min: 1, max: 200_000 })),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        run(new Model(2 * 1024 * 1024), steps);
      }),
      { numRuns: 200 },
    );
  });
});
