import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ENCODING_RAW } from '../../src/keyspace/entry.ts';
import { NO_TTL } from '../../src/keyspace/shard.ts';
import { ShardModel, START_MS } from './shard-model.ts';

const MIB = 1 << 20;
const KEYS = 30_000;
const keys = Array.from({ length: KEYS }, (_, i) => Buffer.from(`key:${i}`));

function put(model: ShardModel, id: number, ttlMs: number, db = 0): void {
  const expireMs = ttlMs === NO_TTL ? NO_TTL : model.state.nowMs + ttlMs;
  expect(model.shard.createString(db, model.locate(id), 1, ENCODING_RAW, expireMs)).not.toBe(0);
}

/** Slices until a pass is complete; how many. */
function pass(model: ShardModel): number {
  let slices = 1;
  while (!model.expire.slice()) slices += 1;
  return slices;
}

/** The most buckets that one slice of a pass looks at. */
function bucketsPerSlice(model: ShardModel): number {
  const dict = model.shard.dict(0);
  const visitUnit = dict.visitUnit.bind(dict);
  let visited = 0;
  dict.visitUnit = (unit, visit) => {
    visited += 1;
    visitUnit(unit, visit);
  };
  let most = 0;
  for (let isDone = false; !isDone; most = Math.max(most, visited)) {
    visited = 0;
    isDone = model.expire.slice();
  }
  return most;
}

describe('active expire cycle', () => {
  it('frees all of many keys, their tables and their hints', () => {
    const model = new ShardModel(keys, 16 * MIB);
    const base = model.arena.usedBytes();
    for (let i = 0; i < KEYS; i++) put(model, i, 1 + (i % 5000));
    model.shard.checkInvariants();
    model.advance(2500);
    pass(model);
    expect(model.shard.size(0)).toBe(KEYS / 2);
    expect(model.state.expiredKeys).toBe(KEYS / 2);
    model.shard.checkInvariants();
    model.advance(2500);
    pass(model);
    expect(model.shard.size(0)).toBe(0);
    expect(model.expire.isDue(model.state.nowMs)).toBe(false);
    expect(model.arena.usedBytes()).toBe(base);
  });

  it('looks at few buckets in a slice, also where hints were made for a smaller dict', () => {
    const model = new ShardModel(keys, 16 * MIB);
    for (let i = 0; i < 10; i++) put(model, i, 100);
    for (let i = 10; i < KEYS; i++) put(model, i, NO_TTL);
    model.advance(1000);
    expect(bucketsPerSlice(model)).toBeLessThanOrEqual(8 * 8);
    expect(model.shard.size(0)).toBe(KEYS - 10);
    model.shard.checkInvariants();
  });

  it('leaves a small table behind when all but one key expire', () => {
    const model = new ShardModel(keys, 16 * MIB);
    put(model, 0, NO_TTL);
    for (let i = 1; i < KEYS; i++) put(model, i, 10);
    model.advance(1000);
    pass(model);
    const dict = model.shard.dict(0);
    while (dict.isResizing) dict.rehashStep();
    expect([dict.size, dict.bucketCount]).toEqual([1, 4]);
    model.shard.checkInvariants();
  });

  it('has nothing to do before the first time of expiry, and frees at it', () => {
    const model = new ShardModel(keys, MIB);
    put(model, 0, 100_000);
    put(model, 1, 50_000, 2);
    expect(model.expire.isDue(START_MS + 49_000)).toBe(false);
    expect(model.expire.isDue(START_MS + 50_000)).toBe(true);
    model.advance(49_999);
    pass(model);
    expect(model.shard.size(2)).toBe(1);
    model.advance(1);
    pass(model);
    expect([model.shard.size(0), model.shard.size(2)]).toEqual([1, 0]);
    expect(model.expire.isDue(START_MS + 99_000)).toBe(false);
  });

  it('hints are never later than the truth, whatever happens during a cycle', () => {
    const step = fc.tuple(
      fc.constantFrom('put', 'put', 'put', 'plain', 'delete', 'slice', 'slice', 'advance'),
      fc.nat({ max: KEYS - 1 }),
      fc.integer({ min: 1, max: 4000 }),
    );
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 80 }), (steps) => {
        const model = new ShardModel(keys, 4 * MIB);
        for (const [name, id, amount] of steps) {
          for (let i = 0; i < 40 && name !== 'advance' && name !== 'slice'; i++) {
            const key = (id + i) % KEYS;
            if (name === 'put') put(model, key, ((amount * (i + 1)) % 4000) + 1);
            else if (name === 'plain') put(model, key, NO_TTL);
            else model.shard.delete(0, model.locate(key));
          }
          if (name === 'advance') model.advance(amount);
          if (name === 'slice') model.expire.slice();
          model.shard.checkInvariants();
        }
        model.advance(10_000);
        pass(model);
        pass(model);
        expect(model.shard.expires(0)).toBe(0);
        model.shard.checkInvariants();
      }),
      { numRuns: 100 },
    );
  });
});
