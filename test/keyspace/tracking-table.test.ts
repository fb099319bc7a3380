import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HalfSipHash } from '../../src/base/half-sip-hash.ts';
import { Key } from '../../src/keyspace/key.ts';
import { hasPrefix, PrefixBoard } from '../../src/keyspace/prefix-board.ts';
import {
  clientWord,
  TRACK_ADDED,
  TRACK_FULL,
  TRACK_KNOWN,
  TrackingTable,
} from '../../src/keyspace/tracking-table.ts';

const MIB = 1024 * 1024;
const LONG = 70_000;

function keyOf(name: string): Key {
  const key = new Key();
  const bytes = Buffer.from(`..${name}`, 'latin1');
  key.locate(new HalfSipHash(1, 2), bytes, 2, bytes.length, 8);
  return key;
}

function newTable(bytes = MIB): TrackingTable {
  return new TrackingTable(TrackingTable.create(bytes), new HalfSipHash(1, 2));
}

function takenOf(table: TrackingTable): (readonly [number, number])[] {
  return Array.from(
    { length: table.takenCount },
    (_, i) => [table.taken[i * 2]!, table.taken[i * 2 + 1]!] as const,
  );
}

/** Clients by key, beside a table. */
class Model {
  readonly table = newTable();
  readonly keys = new Map<string, Map<number, number>>();

  add(name: string, client: number, generation: number): void {
    const clients = this.keys.get(name) ?? new Map<number, number>();
    this.keys.set(name, clients);
    const expected = clients.has(client) ? TRACK_KNOWN : TRACK_ADDED;
    clients.set(client, generation);
    expect(this.table.add(keyOf(name), client, generation)).toBe(expected);
  }

  #isTaken(name: string): void {
    const clients = [...this.keys.get(name)!].sort(([a], [b]) => a - b);
    expect(takenOf(this.table)).toEqual(clients);
    this.keys.delete(name);
  }

  take(name: string): void {
    const isThere = this.keys.has(name);
    if (isThere) expect(this.table.has(keyOf(name).lo)).toBe(true);
    expect(this.table.take(keyOf(name))).toBe(isThere);
    if (isThere) this.#isTaken(name);
  }

  takeAny(random: number): void {
    let state = random;
    const next = (below: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return (state >>> 8) % below;
    };
    expect(this.table.takeAny(next)).toBe(this.keys.size !== 0);
    if (this.keys.size === 0) return;
    const { takenKey, takenKeyLength } = this.table;
    this.#isTaken(Buffer.from(takenKey.subarray(0, takenKeyLength)).toString('latin1'));
  }

  clear(): void {
    this.table.clear();
    this.keys.clear();
  }

  check(): void {
    this.table.checkInvariants();
    expect(this.table.keys).toBe(this.keys.size);
    const items = [...this.keys.values()].reduce((sum, clients) => sum + clients.size, 0);
    expect(this.table.items).toBe(items);
  }
}

describe('the tracking table', () => {
  it('beside a model', () => {
    const name = fc.integer({ min: 0, max: 40 }).map((n) => {
      if (n === 0) return '';
      return n === 1 ? 'x'.repeat(LONG) : `key:${n}`;
    });
    const step = fc.oneof(
      { weight: 8, arbitrary: fc.tuple(fc.constant('add'), name, fc.nat(20)) },
      { weight: 4, arbitrary: fc.tuple(fc.constant('take'), name, fc.nat(20)) },
      { weight: 2, arbitrary: fc.tuple(fc.constant('any'), name, fc.nat(1000)) },
      { weight: 1, arbitrary: fc.tuple(fc.constant('clear'), name, fc.nat(3)) },
      { weight: 2, arbitrary: fc.tuple(fc.constant('step'), name, fc.nat(3)) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const model = new Model();
        steps.forEach(([what, name, n], i) => {
          if (what === 'add') model.add(name!, clientWord(1 + (n! % 3), n!), i);
          else if (what === 'take') model.take(name!);
          else if (what === 'any') model.takeAny(n!);
          else if (what === 'clear') model.clear();
          else model.table.step(n!);
        });
        model.check();
        model.clear();
        while (!model.table.step(100));
        model.check();
        expect(model.table.usedBytes).toBe(0);
      }),
      { numRuns: 25 },
    );
  });

  it('holds many clients of one key, in any order', () => {
    const model = new Model();
    for (let i = 0; i < 2000; i++) model.add('hot', clientWord(1 + (i % 5), (i * 7919) % 2000), i);
    model.check();
    model.take('hot');
    model.check();
    expect(model.table.usedBytes).toBe(0);
  });

  it('says when there is no memory, and what is there stays', () => {
    const table = newTable(64 * 1024);
    let added = 0;
    for (let i = 0; i < 20_000; i++) {
      const status = table.add(keyOf(`some-key-${i}`), clientWord(1, 1), 1);
      if (status === TRACK_ADDED) added += 1;
      else expect(status).toBe(TRACK_FULL);
    }
    expect(added).toBeGreaterThan(100);
    expect(table.add(keyOf('y'.repeat(MIB)), clientWord(1, 1), 1)).toBe(TRACK_FULL);
    table.checkInvariants();
    expect(table.keys).toBe(added);
    let taken = 0;
    while (table.takeAny((below) => Math.floor(Math.random() * below))) taken += 1;
    expect(taken).toBe(added);
    expect(table.add(keyOf('again'), clientWord(1, 1), 1)).toBe(TRACK_ADDED);
    table.clear();
    table.checkInvariants();
  });

  it('forgets all keys when the last reader leaves, and not before', () => {
    const table = newTable();
    table.enter(true);
    table.enter(false);
    table.enter(true);
    expect(table.clients).toBe(3);
    table.add(keyOf('a'), clientWord(1, 1), 1);
    table.leave(true);
    expect(table.keys).toBe(1);
    table.leave(true);
    expect([table.keys, table.clients]).toEqual([0, 1]);
    table.leave(false);
    expect(table.clients).toBe(0);
  });

  it('refuses buffers that are none of its own', () => {
    const buffers = TrackingTable.create(64 * 1024);
    const hasher = new HalfSipHash(1, 2);
    expect(() => new TrackingTable(buffers.slice(1), hasher)).toThrow(/tracking table: size/);
    const other = [new SharedArrayBuffer(buffers[0]!.byteLength), ...buffers.slice(1)];
    expect(() => new TrackingTable(other, hasher)).toThrow(/no table/);
  });

  it('loses and doubles nothing when threads add and take at once', async () => {
    const buffers = TrackingTable.create(4 * MIB);
    const url = new URL('./tracking-table-worker.ts', import.meta.url);
    const workers = [1, 2, 3].map((id) => new Worker(url, { workerData: { buffers, id } }));
    const counts = await Promise.all(
      workers.map((worker) => {
        return new Promise<{ added: number; taken: number }>((resolve, reject) => {
          worker.once('message', resolve);
          worker.once('error', reject);
        });
      }),
    );
    const table = new TrackingTable(buffers, new HalfSipHash(1, 2));
    table.checkInvariants();
    const added = counts.reduce((sum, count) => sum + count.added, 0);
    const taken = counts.reduce((sum, count) => sum + count.taken, 0);
    expect(taken).toBeGreaterThan(0);
    expect(table.items).toBe(added - taken);
  });
});

describe('the prefix board', () => {
  const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text));

  it('shows every thread who tracks which prefix now', () => {
    const buffers = TrackingTable.create(MIB);
    const boards = [1, 2].map(() => {
      return new PrefixBoard(new TrackingTable(buffers, new HalfSipHash(1, 2)), 3);
    });
    const [one, two] = boards as [PrefixBoard, PrefixBoard];
    const seen = (board: PrefixBoard): Record<string, readonly number[]> => {
      return Object.fromEntries(
        board.prefixes.map(({ bytes, threads }) => [Buffer.from(bytes).toString(), threads]),
      );
    };
    expect(seen(one)).toEqual({});
    one.add(1, bytes('user:'));
    one.add(1, bytes('user:'));
    two.add(3, bytes('user:'));
    two.add(2, bytes(''));
    two.add(2, bytes('cart:'));
    expect(seen(one)).toEqual({ 'user:': [1, 3], '': [2], 'cart:': [2] });
    expect(seen(two)).toEqual(seen(one));
    expect(one.count).toBe(3);
    two.remove(1, bytes('user:'));
    one.remove(2, bytes(''));
    one.remove(2, bytes('nothing'));
    expect(seen(two)).toEqual({ 'user:': [1, 3], 'cart:': [2] });
    two.remove(1, bytes('user:'));
    two.remove(2, bytes('cart:'));
    two.remove(3, bytes('user:'));
    expect(seen(one)).toEqual({});
    expect(one.count).toBe(0);
    expect(new TrackingTable(buffers, new HalfSipHash(1, 2)).usedBytes).toBe(0);
  });

  it('says when there is no memory for a prefix', () => {
    const board = new PrefixBoard(newTable(64 * 1024), 1);
    expect(board.add(1, new Uint8Array(MIB))).toBe(false);
    expect([board.count, board.prefixes.length]).toEqual([0, 0]);
  });

  it('compares prefixes with parts of buffers', () => {
    const buf = bytes('__abc');
    expect(hasPrefix(bytes(''), buf, 2, 2)).toBe(true);
    expect(hasPrefix(bytes('ab'), buf, 2, 5)).toBe(true);
    expect(hasPrefix(bytes('abc'), buf, 2, 4)).toBe(false);
    expect(hasPrefix(bytes('b'), buf, 2, 5)).toBe(false);
  });
});
