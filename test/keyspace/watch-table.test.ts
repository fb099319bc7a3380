import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KEY_TABLE_WORDS } from '../../src/keyspace/key-table.ts';
import { WatchTable } from '../../src/keyspace/watch-table.ts';
import { Arena } from '../../src/memory/arena.ts';

interface Watched {
  watchers: number;
  version: number;
}

/** Watched keys by name, beside a table; versions are compared with what the table said before. */
class Model {
  readonly arena = Arena.create(1 << 20, KEY_TABLE_WORDS * 4);
  readonly table = new WatchTable(this.arena, this.arena.userOffset / 4);
  readonly watched = new Map<string, Watched>();
  /** All versions that a key ever had: a new one is none of them, as a watcher may remember it. */
  readonly #past = new Map<string, Set<number>>();
  readonly #lows: readonly number[];

  constructor(lows: readonly number[]) {
    this.#lows = lows;
  }

  lo(key: number): number {
    return this.#lows[key % this.#lows.length]!;
  }

  #isNew(name: string, version: number): void {
    const past = this.#past.get(name) ?? new Set();
    this.#past.set(name, past);
    expect(past.has(version)).toBe(false);
    past.add(version);
  }

  watch(db: number, key: number): void {
    const name = `${db} ${key}`;
    const version = this.table.watch(db, this.lo(key), key);
    const entry = this.watched.get(name);
    if (entry !== undefined) {
      expect(version).toBe(entry.version);
      entry.watchers += 1;
      return;
    }
    this.#isNew(name, version);
    this.watched.set(name, { watchers: 1, version });
  }

  unwatch(db: number, key: number): void {
    const name = `${db} ${key}`;
    this.table.unwatch(db, this.lo(key), key);
    const entry = this.watched.get(name);
    if (entry === undefined) return;
    entry.watchers -= 1;
    if (entry.watchers === 0) this.watched.delete(name);
  }

  #moved(name: string, entry: Watched): void {
    const [db, key] = name.split(' ').map(Number);
    entry.version = this.table.version(db!, this.lo(key!), key!);
    this.#isNew(name, entry.version);
  }

  touch(db: number, key: number): void {
    this.table.touch(db, this.lo(key), key);
    const entry = this.watched.get(`${db} ${key}`);
    if (entry !== undefined) this.#moved(`${db} ${key}`, entry);
  }

  /** A change of the whole database that matters to keys of even number. */
  touchDatabase(db: number): void {
    this.table.touchDatabase(db, (_, key) => key % 2 === 0);
    for (const [name, entry] of this.watched) {
      const [itsDb, key] = name.split(' ').map(Number);
      if (itsDb === db && key! % 2 === 0) this.#moved(name, entry);
    }
  }

  check(keys: number): void {
    expect(this.table.size).toBe(this.watched.size);
    expect(this.table.isEmpty).toBe(this.watched.size === 0);
    for (let db = 0; db < 2; db++) {
      for (let key = 0; key < keys; key++) {
        const version = this.watched.get(`${db} ${key}`)?.version ?? -1;
        expect(this.table.version(db, this.lo(key), key)).toBe(version);
      }
    }
    if (this.watched.size === 0) expect(this.arena.usedBytes()).toBe(0);
  }
}

const KEYS = 24;
const step = fc.tuple(
  fc.constantFrom('watch', 'watch', 'watch', 'unwatch', 'unwatch', 'touch', 'touchDatabase'),
  fc.nat({ max: 1 }),
  fc.nat({ max: KEYS - 1 }),
);

describe('watch table against a Map', () => {
  it.each([
    ['apart', [0x11, 0x122, 0x1233, 5, 6, 7, 9]],
    ['in one probe run', [3]],
    ['in probe runs over the end of the table', [15, 14, 31, 30, 63, 0, 1, 0xffffffff]],
  ])('hashes %s', (_, lows) => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const model = new Model(lows);
        for (const [name, db, key] of steps) {
          if (name === 'watch') model.watch(db, key);
          else if (name === 'unwatch') model.unwatch(db, key);
          else if (name === 'touch') model.touch(db, key);
          else model.touchDatabase(db);
          model.check(KEYS);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('watches nothing without memory', () => {
    const model = new Model([1]);
    const hogs: number[] = [];
    for (const bytes of [4096, 256, 16]) {
      for (let ref = model.arena.alloc(bytes); ref !== 0; ref = model.arena.alloc(bytes))
        hogs.push(ref);
    }
    expect(model.table.watch(0, 1, 1)).toBe(-1);
    expect(model.table.isEmpty).toBe(true);
    for (const ref of hogs) model.arena.free(ref);
    model.watch(0, 1);
    model.check(KEYS);
  });
});
