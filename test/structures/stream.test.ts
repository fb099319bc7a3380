/** Streams, their readers and trimming beside an array, with small nodes. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Arena } from '../../src/memory/arena.ts';
import {
  APPEND_DONE,
  APPEND_FULL,
  APPEND_TOO_LARGE,
  STREAM_STRUCT_WORDS,
  Stream,
} from '../../src/structures/stream.ts';
import { ID_WORDS, StreamId } from '../../src/structures/stream-id.ts';
import { redisNodeBytes, StreamNodes } from '../../src/structures/stream-node.ts';
import { StreamReader } from '../../src/structures/stream-reader.ts';
import { trimStream } from '../../src/structures/stream-trim.ts';

interface Entry {
  readonly id: bigint;
  readonly words: readonly string[];
}

type Name =
  | 'append'
  | 'delete'
  | 'maxLength'
  | 'minId'
  | 'approximate'
  | 'limit'
  | 'mayDelete'
  | 'range'
  | 'find'
  | 'deleteWhileReading'
  | 'copy'
  | 'redis';
type Operation = readonly [Name, number, number];

const NAMES: readonly Name[] = [
  ...(['append', 'append', 'append', 'append', 'append', 'append', 'delete', 'delete'] as const),
  ...(['maxLength', 'minId', 'approximate', 'limit', 'mayDelete', 'range', 'find'] as const),
  ...(['deleteWhileReading', 'copy', 'redis'] as const),
];

const operations: fc.Arbitrary<Operation[]> = fc.array(
  fc.tuple(fc.constantFrom(...NAMES), fc.nat({ max: 99 }), fc.nat({ max: 99 })),
  { maxLength: 120 },
);

const MASK = 0xffffffffn;
const MAX = new StreamId().setMax();
const MIN = new StreamId();

/** IDs that differ in all words: a step of one is a step of one in the model. */
function setId(id: StreamId, n: bigint): StreamId {
  return id.set(
    Number((n >> 96n) & MASK),
    Number((n >> 64n) & MASK),
    Number((n >> 32n) & MASK),
    Number(n & MASK),
  );
}

const numberOf = (id: StreamId): bigint =>
  [id.msHi, id.msLo, id.seqHi, id.seqLo].reduce((sum, word) => (sum << 32n) | BigInt(word), 0n);

/** Steps to the next ID: small ones, and such as carry into other words. */
const STEPS = [1n, 2n, 77n, 2n ** 32n, 2n ** 63n, 2n ** 64n - 1n, 2n ** 64n, 2n ** 96n + 5n];
const FIELDS = [['a'], ['a', 'b'], ['b', 'a'], ['long field of some length', '17'], ['a', 'a']];
const VALUES = ['', '0', '-70000', 'text', 'x'.repeat(100), '9223372036854775808', 'é'];

class Model {
  readonly arena: Arena;
  stream: Stream;
  readonly reader: StreamReader;
  entries: Entry[] = [];
  last = 2n ** 64n * 5n;
  deleted = 0n;
  added = 0;
  readonly #id = new StreamId();
  readonly #bytesMax: number;
  readonly #entriesMax: number;

  constructor(bytesMax: number, entriesMax: number, arenaBytes = 1 << 20) {
    this.#bytesMax = bytesMax;
    this.#entriesMax = entriesMax;
    this.arena = Arena.create(arenaBytes, 0);
    this.stream = this.#fresh();
    this.reader = new StreamReader(this.arena);
  }

  #fresh(): Stream {
    const block = this.arena.alloc(STREAM_STRUCT_WORDS * 4);
    const stream = new Stream(this.arena).attach(block * 2);
    stream.init();
    return stream;
  }

  append(words: readonly string[], id: bigint): number {
    const buf = Buffer.from(`..${words.join('|')}..`, 'utf8');
    const offset: number[] = [7777];
    const length: number[] = [9999];
    let at = 2;
    for (const word of words) {
      const bytes = Buffer.byteLength(word);
      offset.push(at);
      length.push(bytes);
      at += bytes + 1;
    }
    const status = this.stream.append(
      setId(this.#id, id),
      { buf, offset: Int32Array.from(offset), length: Int32Array.from(length) },
      1,
      words.length / 2,
      this.#bytesMax,
      this.#entriesMax,
    );
    if (status === APPEND_DONE) {
      this.entries.push({ id, words });
      this.last = id;
      this.added += 1;
    }
    return status;
  }

  #appendAny(a: number, b: number): void {
    const fields = FIELDS[a % FIELDS.length]!;
    const words = fields.flatMap((field, i) => [field, VALUES[(a + b + i) % VALUES.length]!]);
    const id = this.last + STEPS[b % STEPS.length]!;
    if (id < 2n ** 128n) expect(this.append(words, id)).toBe(APPEND_DONE);
  }

  #idAt(a: number): bigint {
    const one = this.entries[a % Math.max(1, this.entries.length)];
    return one?.id ?? this.last;
  }

  #delete(a: number): void {
    const id = this.#idAt(a);
    const index = this.entries.findIndex((one) => one.id === id);
    expect(this.stream.delete(setId(this.#id, id))).toBe(index >= 0);
    if (index >= 0) this.entries.splice(index, 1);
    expect(this.stream.delete(setId(this.#id, id))).toBe(false);
  }

  #trim(name: Name, a: number, b: number): void {
    const minId = this.#idAt(a) + BigInt(b % 2);
    const isById = name === 'minId' || (name !== 'maxLength' && b % 3 === 0);
    const maxLength = isById ? -1 : Math.max(0, this.entries.length - (a % 9));
    const mayDelete = name === 'mayDelete' ? (id: StreamId) => id.seqLo % 2 === 0 : null;
    const before = this.entries;
    const count = trimStream(this.stream, this.reader, {
      maxLength,
      minId: setId(new StreamId(), minId),
      isApproximate: name === 'approximate' || name === 'limit',
      limit: name === 'limit' ? 1 + (b % 5) : 0,
      mayDelete,
    });
    const allowed = (one: Entry): boolean => mayDelete === null || (one.id & 1n) === 0n;
    const isOver = ({ id }: Entry, gone: number): boolean =>
      isById ? id < minId : before.length - gone > maxLength;
    const kept: Entry[] = [];
    let gone = 0;
    for (const one of before) {
      if (gone < count && isOver(one, gone) && allowed(one)) gone += 1;
      else kept.push(one);
    }
    expect(gone).toBe(count);
    if (name === 'limit') expect(count).toBeLessThanOrEqual(1 + (b % 5));
    // Exact trimming leaves nothing that had to go.
    if (name !== 'approximate' && name !== 'limit') {
      expect(kept.filter((one) => allowed(one) && isOver(one, gone))).toEqual([]);
    }
    this.entries = kept;
  }

  #read(start: bigint, end: bigint, isReverse: boolean): Entry[] {
    const { reader } = this;
    const { pack } = reader;
    const found: Entry[] = [];
    const text = (): string => Buffer.from(pack.buf.slice(pack.from, pack.to)).toString('utf8');
    reader.open(this.stream);
    reader.range(setId(new StreamId(), start), setId(new StreamId(), end), isReverse);
    while (reader.next()) {
      const words: string[] = [];
      const id = numberOf(reader.id);
      // What is not read of an entry is passed over.
      const isWhole = id % 3n !== 0n;
      for (let i = 0; i < reader.fields; i++) {
        if (!isWhole && i > 0) break;
        reader.field();
        words.push(text());
        reader.value();
        words.push(text());
      }
      const expected = this.entries.find((one) => one.id === id)?.words ?? [];
      expect(words).toEqual(isWhole ? expected : expected.slice(0, 2));
      found.push({ id, words: expected });
    }
    return found;
  }

  checkRange(start: bigint, end: bigint): void {
    const expected = this.entries.filter(({ id }) => id >= start && id <= end);
    expect(this.#read(start, end, false)).toEqual(expected);
    expect(this.#read(start, end, true)).toEqual(expected.toReversed());
  }

  #find(a: number, b: number): void {
    const id = this.#idAt(a) + BigInt(b % 3) - 1n;
    const expected = this.entries.find((one) => one.id === id);
    this.reader.open(this.stream);
    expect(this.reader.find(setId(this.#id, id))).toBe(expected !== undefined);
    if (expected !== undefined) expect(this.reader.fields).toBe(expected.words.length / 2);
  }

  #deleteWhileReading(a: number, isReverse: boolean): void {
    const { reader } = this;
    const kept: Entry[] = [];
    let index = 0;
    reader.open(this.stream).range(MIN, MAX, isReverse);
    const order = isReverse ? this.entries.toReversed() : this.entries;
    while (reader.next()) {
      expect(numberOf(reader.id)).toBe(order[index]!.id);
      if (index % 7 < a % 7) this.stream.deleteAt(reader);
      else kept.push(order[index]!);
      index += 1;
    }
    expect(index).toBe(order.length);
    this.stream.settleFirst();
    this.entries = isReverse ? kept.toReversed() : kept;
  }

  #copy(): void {
    const old = this.stream;
    const copy = this.#fresh();
    expect(old.copyTo(copy)).toBe(true);
    while (!old.freeSlice(2));
    this.arena.free(old.base / 2);
    this.stream = copy;
  }

  /** Builds the stream anew of its nodes in Redis's form. */
  #throughRedis(): void {
    const old = this.stream;
    const nodes = new StreamNodes(this.arena);
    const copy = this.#fresh();
    const { tree, u32 } = old;
    const id = new StreamId();
    const last = new StreamId();
    for (let goesOn = tree.seekFirst(); goesOn; goesOn = tree.next()) {
      const node = u32[tree.at + ID_WORDS]!;
      const bytes = new Uint8Array(redisNodeBytes(u32, node) + 2);
      expect(nodes.toRedis(node, bytes, 1)).toBe(bytes.length - 1);
      const made = nodes.fromRedis(bytes, 1, bytes.length - 1);
      expect(made).toBeGreaterThan(0);
      expect(nodes.isOrdered(made, id.load(u32, tree.at), last)).toBe(true);
      expect(copy.adoptNode(id, made)).toBe(true);
      for (const cut of [0, 5, bytes.length - 4]) {
        expect(nodes.fromRedis(bytes, 1, 1 + cut)).toBe(-1);
      }
    }
    copy.setLastId(old.lastId(id));
    copy.setMaxDeletedId(old.maxDeletedId(id));
    copy.entriesAdded = old.entriesAdded;
    copy.settleFirst();
    while (!old.freeSlice(3));
    this.arena.free(old.base / 2);
    this.stream = copy;
  }

  run([name, a, b]: Operation): void {
    switch (name) {
      case 'append':
        this.#appendAny(a, b);
        break;
      case 'delete':
        this.#delete(a);
        break;
      case 'range':
        this.checkRange(this.#idAt(a) - BigInt(a % 2), this.#idAt(b) + BigInt(b % 2));
        break;
      case 'find':
        this.#find(a, b);
        break;
      case 'deleteWhileReading':
        this.#deleteWhileReading(a, b % 2 === 0);
        break;
      case 'copy':
        this.#copy();
        break;
      case 'redis':
        this.#throughRedis();
        break;
      default:
        this.#trim(name, a, b);
    }
  }

  check(): void {
    const { stream, entries } = this;
    stream.checkInvariants();
    expect(stream.length).toBe(entries.length);
    expect(stream.entriesAdded).toBe(this.added);
    expect(numberOf(stream.firstId(this.#id))).toBe(entries[0]?.id ?? 0n);
    if (this.added > 0) expect(numberOf(stream.lastId(this.#id))).toBe(this.last);
  }

  drop(): void {
    while (!this.stream.freeSlice(1));
    this.arena.free(this.stream.base / 2);
    expect(this.arena.usedBytes()).toBe(0);
  }
}

describe.each([
  ['nodes of 3 entries', 0, 3],
  ['nodes of 100 bytes', 100, 0],
  ['nodes of one entry', 0, 1],
  ['nodes as they are', 4096, 100],
])('%s', (_name, bytesMax, entriesMax) => {
  test('are an array', () => {
    fc.assert(
      fc.property(operations, (all) => {
        const model = new Model(bytesMax, entriesMax);
        for (const operation of all) {
          model.run(operation);
          model.check();
        }
        model.checkRange(0n, 2n ** 128n - 1n);
        model.drop();
      }),
      { numRuns: 60 },
    );
  });
});

test('stays whole in an arena that is full', () => {
  const model = new Model(512, 20, 1 << 17);
  let n = 0;
  let status = APPEND_DONE;
  for (; status === APPEND_DONE; n++) {
    status = model.append(['field', `value ${n}`, 'other', 'y'.repeat(n % 90)], BigInt(n + 1));
  }
  expect(status).toBe(APPEND_FULL);
  expect(n).toBeGreaterThan(300);
  model.check();
  model.checkRange(0n, BigInt(n));
  const copy = new Stream(model.arena);
  const room = model.arena.alloc(STREAM_STRUCT_WORDS * 4);
  if (room !== 0) {
    copy.attach(room * 2).init();
    expect(model.stream.copyTo(copy)).toBe(false);
    while (!copy.freeSlice(100));
    model.arena.free(room);
  }
  model.check();
  for (let i = 0; i < 300; i++) model.run(['delete', i, 0]);
  model.check();
  expect(model.append(['field', 'value'], BigInt(n + 1))).toBe(APPEND_DONE);
  model.check();
  model.drop();
});

test('entries beyond a gigabyte are refused', () => {
  const model = new Model(0, 0);
  const huge = Int32Array.from([0, 1, 2 ** 30]);
  const status = model.stream.append(
    new StreamId().set(0, 1, 0, 0),
    { buf: new Uint8Array(8), offset: Int32Array.from([0, 0, 0]), length: huge },
    1,
    1,
    0,
    0,
  );
  expect(status).toBe(APPEND_TOO_LARGE);
  model.check();
});
