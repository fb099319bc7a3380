/** What idempotent producers have added, beside a model, and in an arena that fills up. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteRange, type ProducerFigures } from '../../src/keyspace/stream-idmp.ts';
import { StreamValues } from '../../src/keyspace/stream-value.ts';
import { StreamId } from '../../src/structures/stream-id.ts';
import { LocalRunner } from '../support/local-runner.ts';

type Name = 'add' | 'record' | 'undo' | 'configure' | 'wait' | 'copy' | 'figures';
type Operation = readonly [Name, number, number];

const operations: fc.Arbitrary<Operation[]> = fc.array(
  fc.tuple(
    fc.constantFrom<Name>(
      ...(['add', 'add', 'add', 'add', 'record', 'undo'] as const),
      ...(['configure', 'wait', 'wait', 'copy', 'figures'] as const),
    ),
    fc.nat({ max: 5 }),
    fc.nat({ max: 12 }),
  ),
  { maxLength: 120 },
);

const rangeOf = (text: string): ByteRange => {
  const bytes = Buffer.from(text, 'latin1');
  return new ByteRange().set(bytes, 0, bytes.length);
};

class Model {
  readonly runner: LocalRunner;
  streams: StreamValues;
  /** By pid, the oldest first: iid and ms of its entry. */
  producers = new Map<string, [string, number][]>();
  seconds: number;
  maxsize: number;
  nowMs = 1_000_000;
  added = 0;
  duplicates = 0;
  readonly #id = new StreamId();
  readonly #figures: ProducerFigures = {
    durationSeconds: 0,
    idsMax: 0,
    producers: 0,
    ids: 0,
    added: 0,
    duplicates: 0,
  };

  constructor(arenaBytes: number) {
    this.runner = new LocalRunner([], { shards: 1, arenaBytes, databases: 1 });
    this.runner.state.limits.streamIdmpDuration = 3;
    this.runner.state.limits.streamIdmpMaxsize = 4;
    this.seconds = 3;
    this.maxsize = 4;
    this.streams = new StreamValues(this.runner.shards[0]!);
    expect(this.streams.openDetached()).toBe(true);
  }

  #live(pid: string): [string, number][] {
    const oldMs = this.nowMs - this.seconds * 1000;
    return (this.producers.get(pid) ?? []).filter(([, ms]) => ms > oldMs);
  }

  #add(pid: string, iid: string, ms: number): void {
    const { producers } = this.streams;
    const known = this.#live(pid).find(([name]) => name === iid);
    const found = producers.lookup(rangeOf(pid), rangeOf(iid), this.nowMs, this.#id);
    expect(found).toBe(known !== undefined);
    if (known !== undefined) {
      expect(this.#id.ms).toBe(known[1]);
      producers.noteDuplicate();
      this.duplicates += 1;
      return;
    }
    const isDone = producers.record(rangeOf(pid), rangeOf(iid), this.#id.setTime(ms), this.nowMs);
    expect(isDone).toBe(true);
    this.added += 1;
    const list = (this.producers.get(pid) ?? []).filter(([name]) => name !== iid);
    // What is too old may go at any time: the rest never goes before it.
    while (list.length >= this.maxsize) list.shift();
    list.push([iid, ms]);
    this.producers.set(pid, list);
  }

  run([name, a, b]: Operation): void {
    const { producers } = this.streams;
    const pid = `producer ${a}`;
    const iid = `iid ${b}`;
    switch (name) {
      case 'add':
        this.#add(pid, iid, this.nowMs);
        break;
      case 'record':
        // The log may have entries in any order.
        this.#add(pid, iid, this.nowMs - 700 * b);
        break;
      case 'undo': {
        const id = this.#id.setTime(this.nowMs);
        expect(producers.record(rangeOf('undone'), rangeOf('x'), id, this.nowMs)).toBe(true);
        producers.undoRecord();
        expect(producers.lookup(rangeOf('undone'), rangeOf('x'), this.nowMs, id)).toBe(false);
        break;
      }
      case 'configure': {
        const isOther = a !== this.seconds - 1 || b !== this.maxsize - 1;
        expect(producers.configure(a + 1, b + 1)).toBe(true);
        if (isOther) this.producers.clear();
        this.seconds = a + 1;
        this.maxsize = b + 1;
        break;
      }
      case 'wait':
        this.nowMs += a * 250;
        break;
      case 'copy':
        this.#copy();
        break;
      case 'figures':
        this.#checkFigures();
    }
    if (name === 'add' || name === 'record') this.#checkOne(pid);
    producers.checkInvariants();
  }

  /** What is young enough of a producer is found, in order. */
  #checkOne(pid: string): void {
    const found: string[] = [];
    const oldMs = this.nowMs - this.seconds * 1000;
    for (const one of this.streams.producers.all()) {
      const text = ({ buf, from, to }: ByteRange): string =>
        Buffer.from(buf.slice(from, to)).toString('latin1');
      if (text(one.pid) === pid && one.id.ms > oldMs) found.push(text(one.iid));
    }
    expect(found).toEqual(this.#live(pid).map(([name]) => name));
  }

  #copy(): void {
    const shard = this.runner.shards[0]!;
    const { root } = this.streams;
    const copy = this.streams.copyRoot(root, shard);
    expect(copy).not.toBe(0);
    this.streams.attachRoot(root);
    this.streams.drop();
    while (!shard.lazy.step(3));
    this.streams.attachRoot(copy);
  }

  #checkFigures(): void {
    const figures = this.streams.producers.figures(this.nowMs, this.#figures);
    expect(figures.durationSeconds).toBe(this.seconds);
    expect(figures.idsMax).toBe(this.maxsize);
    expect(figures.added).toBe(this.added);
    expect(figures.duplicates).toBe(this.duplicates);
  }
}

test('is a map of lists', () => {
  fc.assert(
    fc.property(operations, (all) => {
      const model = new Model(1 << 20);
      const shard = model.runner.shards[0]!;
      for (const operation of all) model.run(operation);
      model.streams.drop();
      while (!shard.lazy.step(2));
      expect(shard.arena.usedBytes()).toBe(0);
    }),
    { numRuns: 150 },
  );
});

test('stays whole in an arena that is full', () => {
  const runner = new LocalRunner([], { shards: 1, arenaBytes: 1 << 18, databases: 1 });
  runner.state.limits.streamIdmpMaxsize = 10_000;
  const shard = runner.shards[0]!;
  const before = shard.arena.usedBytes();
  const streams = new StreamValues(shard);
  streams.openDetached();
  const { producers } = streams;
  const id = new StreamId();
  let count = 0;
  const add = (): boolean => {
    const pid = rangeOf(`producer ${count % 7}`);
    return producers.record(pid, rangeOf(`iid ${count}`), id.setTime(1000 + count), 2000);
  };
  while (add()) count += 1;
  expect(count).toBeGreaterThan(500);
  producers.checkInvariants();
  expect(producers.iidCount).toBe(count);
  expect(producers.record(rangeOf('another'), rangeOf('x'), id, 2000)).toBe(false);
  producers.checkInvariants();
  expect(producers.memoryBytes()).toBeLessThanOrEqual(shard.arena.usedBytes() - before);
  for (let i = 0; i < count; i += 97) {
    const pid = rangeOf(`producer ${i % 7}`);
    expect(producers.lookup(pid, rangeOf(`iid ${i}`), 2000, id)).toBe(true);
    expect(id.ms).toBe(1000 + i);
  }
  streams.drop();
  while (!shard.lazy.step(100));
  expect(shard.arena.usedBytes()).toBe(before);
});

test('what producers that are gone have left goes with the entries of others', () => {
  const runner = new LocalRunner([], { shards: 1, arenaBytes: 1 << 22, databases: 1 });
  const streams = new StreamValues(runner.shards[0]!);
  streams.openDetached();
  const { producers } = streams;
  const id = new StreamId();
  for (let i = 0; i < 300; i++) {
    producers.record(rangeOf(`producer ${i}`), rangeOf('x'), id.setTime(1000 + i), 1000 + i);
  }
  expect(producers.producerCount).toBe(300);
  for (let i = 0; i < 400; i++) {
    producers.record(rangeOf('lasting'), rangeOf(`y ${i}`), id.setTime(200_000 + i), 200_000 + i);
  }
  expect(producers.producerCount).toBe(1);
  expect(producers.iidCount).toBe(100);
  producers.checkInvariants();
});
