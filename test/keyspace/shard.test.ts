import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ENCODING_EMBSTR, ENCODING_INT, ENCODING_RAW } from '../../src/keyspace/entry.ts';
import { KEEP_TTL, NO_TTL, Shard } from '../../src/keyspace/shard.ts';
import { Arena } from '../../src/memory/arena.ts';
import { DATABASES, ShardModel } from './shard-model.ts';

const MIB = 1 << 20;

function makeKeys(lengths: readonly number[]): Uint8Array[] {
  return lengths.map((length, i) => {
    const key = new Uint8Array(length).fill(0x61);
    key.set(Buffer.from(String(i)).subarray(0, length));
    return key;
  });
}

const shortKeys = makeKeys([0, ...Array.from({ length: 30 }, (_, i) => 2 + i)]);
const longKeys = makeKeys([3, 4000, 4090, 65_534, 65_535, 65_536, 70_000]);

const lengths = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 64 }) },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 1500 }) },
  { weight: 2, arbitrary: fc.integer({ min: 4040, max: 4100 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 20_000 }) },
);
const ttls = fc.oneof(
  fc.constantFrom(NO_TTL, KEEP_TTL),
  fc.integer({ min: 1, max: 3000 }),
  fc.constant(10 ** 12),
);
const encodings = fc.constantFrom(ENCODING_INT, ENCODING_EMBSTR, ENCODING_RAW);
const database = fc.nat({ max: DATABASES - 1 });

type Operation = (model: ShardModel) => void;

/** Operations on random keys; printed by fast-check as what they are called. */
function operations(keyCount: number, withHogs: boolean): fc.Arbitrary<Operation[]> {
  const id = fc.nat({ max: keyCount - 1 });
  const name = (text: string, run: Operation): Operation =>
    Object.assign(run, { toString: () => text });
  const create = fc
    .tuple(database, id, lengths, ttls, encodings)
    .map((args) => name(`create ${args}`, (model) => model.create(...args)));
  const resize = fc
    .tuple(database, id, lengths)
    .map((args) => name(`resize ${args}`, (model) => model.resize(...args)));
  const setExpire = fc
    .tuple(database, id, fc.integer({ min: 1, max: 3000 }))
    .map((args) => name(`setExpire ${args}`, (model) => model.setExpire(...args)));
  const removeExpire = fc
    .tuple(database, id)
    .map((args) => name(`removeExpire ${args}`, (model) => model.removeExpire(...args)));
  const remove = fc
    .tuple(database, id)
    .map((args) => name(`delete ${args}`, (model) => model.delete(...args)));
  const flush = database.map((db) => name(`flush ${db}`, (model) => model.flush(db)));
  const swap = fc
    .tuple(database, database)
    .map((args) => name(`swap ${args}`, (model) => model.swap(...args)));
  const advance = fc
    .integer({ min: 1, max: 1500 })
    .map((ms) => name(`advance ${ms}`, (model) => model.advance(ms)));
  const others = fc.constantFrom(
    name('slice', (model) => model.slice(1)),
    name('expireAll', (model) => model.expireAll()),
    name('lazy step', (model) => model.shard.lazy.step(1)),
  );
  const hogs = fc.constantFrom(
    name('hog', (model) => model.hog(1)),
    name('unhog', (model) => model.unhog()),
  );
  return fc.array(
    fc.oneof(
      { weight: 10, arbitrary: create },
      { weight: 6, arbitrary: resize },
      { weight: 4, arbitrary: setExpire },
      { weight: 3, arbitrary: removeExpire },
      { weight: 4, arbitrary: remove },
      { weight: 1, arbitrary: flush },
      { weight: 1, arbitrary: swap },
      { weight: 3, arbitrary: advance },
      { weight: 3, arbitrary: others },
      { weight: withHogs ? 8 : 0, arbitrary: hogs },
    ),
    { maxLength: 40 },
  );
}

function play(model: ShardModel, steps: readonly Operation[], byFlush: boolean): void {
  for (const step of steps) {
    step(model);
    model.check();
  }
  model.drain(byFlush);
}

describe('shard against Maps', () => {
  it('keys of up to 31 bytes', () => {
    fc.assert(
      fc.property(operations(shortKeys.length, false), fc.boolean(), (steps, byFlush) => {
        const model = new ShardModel(shortKeys, 4 * MIB);
        play(model, steps, byFlush);
        expect(model.failures).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  it('keys whose entries are as long as an inline entry may be, and longer', () => {
    fc.assert(
      fc.property(operations(longKeys.length, false), fc.boolean(), (steps, byFlush) => {
        play(new ShardModel(longKeys, 8 * MIB), steps, byFlush);
      }),
      { numRuns: 100 },
    );
  });

  it('no memory left at any point', () => {
    let failures = 0;
    fc.assert(
      fc.property(operations(shortKeys.length, true), fc.boolean(), (steps, byFlush) => {
        const model = new ShardModel(shortKeys, MIB / 8);
        play(model, steps, byFlush);
        failures += model.failures;
      }),
      { numRuns: 300 },
    );
    expect(failures).toBeGreaterThan(20);
  });

  it('lookups of a reader change no byte', () => {
    fc.assert(
      fc.property(operations(shortKeys.length, false), (steps) => {
        const model = new ShardModel(shortKeys, MIB);
        for (const step of steps) step(model);
        model.advance(1000);
        model.readOnlyLookups();
        model.check();
      }),
      { numRuns: 100 },
    );
  });

  it('refuses an arena that is not formatted', () => {
    const model = new ShardModel(shortKeys, MIB);
    const arena = Arena.create(MIB, 65_536);
    expect(() => new Shard(0, arena, model.shard.hasher, model.state)).toThrow('not formatted');
  });
});
