/** The channel board beside a model: a Map of counts by name and thread. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HalfSipHash } from '../../src/base/half-sip-hash.ts';
import {
  KIND_CHANNEL,
  KIND_PATTERN,
  KIND_SHARD_CHANNEL,
  type NameKind,
} from '../../src/commands/subscriptions.ts';
import { ChannelBoard } from '../../src/server/channel-board.ts';

const THREADS = 3;
const KINDS: readonly NameKind[] = [KIND_CHANNEL, KIND_PATTERN, KIND_SHARD_CHANNEL];
const hasher = new HalfSipHash(0x12345678, 0x9abcdef0);

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

/** Names of many lengths, those around the dict's own limits among them. */
const NAMES: readonly Uint8Array[] = [
  new Uint8Array(0),
  Uint8Array.of(0),
  ...Array.from({ length: 120 }, (_, i) => Buffer.from(`name:${i}`)),
  ...[65_534, 65_535, 65_536, 70_001].map((length) => new Uint8Array(length).fill(length & 0xff)),
];

class Model {
  /** Counts by thread, by kind and name. */
  readonly #names = KINDS.map(() => new Map<string, number[]>());

  add(kind: NameKind, io: number, name: Uint8Array): void {
    const names = this.#names[kind]!;
    const counts = names.get(latin1(name)) ?? new Array<number>(THREADS).fill(0);
    counts[io]! += 1;
    names.set(latin1(name), counts);
  }

  /** False where the thread has no subscriber of that name. */
  remove(kind: NameKind, io: number, name: Uint8Array): boolean {
    const names = this.#names[kind]!;
    const counts = names.get(latin1(name));
    if (counts === undefined || counts[io] === 0) return false;
    counts[io]! -= 1;
    if (counts.every((count) => count === 0)) names.delete(latin1(name));
    return true;
  }

  counts(kind: NameKind, name: Uint8Array): number[] | undefined {
    return this.#names[kind]!.get(latin1(name));
  }

  names(kind: NameKind): string[] {
    return [...this.#names[kind]!.keys()].sort();
  }
}

interface Step {
  readonly what: 'add' | 'remove' | 'compare';
  readonly kind: NameKind;
  readonly io: number;
  readonly name: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  what: fc.constantFrom('add', 'add', 'add', 'remove', 'remove', 'compare'),
  kind: fc.constantFrom(...KINDS),
  io: fc.nat({ max: THREADS - 1 }),
  name: fc.nat({ max: NAMES.length - 1 }),
});

function compare(board: ChannelBoard, model: Model): void {
  for (const kind of KINDS) {
    for (const name of NAMES) {
      const counts = model.counts(kind, name);
      const total = board.look(kind, name, 0, name.length);
      expect(total).toBe(counts?.reduce((sum, count) => sum + count, 0) ?? 0);
      if (counts !== undefined) expect([...board.counts]).toEqual(counts);
    }
    const names: string[] = [];
    board.visitNames(kind, (name) => names.push(latin1(name)));
    expect(names.sort()).toEqual(model.names(kind));
    expect(board.size(kind)).toBe(names.length);
  }
  const patterns = board.patterns();
  expect(patterns.map(({ bytes }) => latin1(bytes)).sort()).toEqual(model.names(KIND_PATTERN));
  for (const { bytes, counts } of patterns) {
    expect([...counts]).toEqual(model.counts(KIND_PATTERN, bytes));
  }
  const isSilent = model.names(KIND_CHANNEL).length + patterns.length === 0;
  expect(board.isSilent).toBe(isSilent);
  expect(board.isShardSilent).toBe(model.names(KIND_SHARD_CHANNEL).length === 0);
}

describe('channel board', () => {
  test('keeps what a model keeps, seen from two attachments', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
        const buffer = ChannelBoard.create(THREADS, 1 << 23);
        const boards = [new ChannelBoard(buffer, hasher), new ChannelBoard(buffer, hasher)];
        const model = new Model();
        steps.forEach(({ what, kind, io, name }, i) => {
          const board = boards[i % 2]!;
          const bytes = NAMES[name]!;
          if (what === 'add') {
            expect(board.add(kind, io, bytes, 0, bytes.length)).toBe(true);
            model.add(kind, io, bytes);
          } else if (what === 'remove') {
            if (model.remove(kind, io, bytes)) board.remove(kind, io, bytes, 0, bytes.length);
          } else {
            compare(board, model);
          }
        });
        for (const board of boards) {
          compare(board, model);
          board.checkInvariants();
        }
      }),
      { numRuns: 60 },
    );
  });

  test('takes names from the middle of a buffer', () => {
    const board = new ChannelBoard(ChannelBoard.create(1, 1 << 20), hasher);
    const bytes = Buffer.from('xxnewsyy');
    board.add(KIND_CHANNEL, 0, bytes, 2, 6);
    expect(board.look(KIND_CHANNEL, Buffer.from('news'), 0, 4)).toBe(1);
    expect(board.look(KIND_CHANNEL, bytes, 2, 7)).toBe(0);
    board.remove(KIND_CHANNEL, 0, bytes, 2, 6);
    expect(board.isSilent).toBe(true);
  });

  test('refuses what does not fit, and goes on', () => {
    const board = new ChannelBoard(ChannelBoard.create(2, 1 << 19), hasher);
    const name = (i: number): Uint8Array => Buffer.from(`a channel with a long name ${i}`);
    let added = 0;
    while (board.add(KIND_CHANNEL, 1, name(added), 0, name(added).length)) added += 1;
    expect(added).toBeGreaterThan(1000);
    board.checkInvariants();
    for (let i = 0; i < added; i++) {
      expect(board.look(KIND_CHANNEL, name(i), 0, name(i).length)).toBe(1);
    }
    expect(board.look(KIND_CHANNEL, name(added), 0, name(added).length)).toBe(0);
    for (let i = 0; i < added; i++) board.remove(KIND_CHANNEL, 1, name(i), 0, name(i).length);
    expect(board.isSilent).toBe(true);
    board.checkInvariants();
  });

  test('the patterns are read again only when one has changed', () => {
    const board = new ChannelBoard(ChannelBoard.create(1, 1 << 20), hasher);
    const pattern = Buffer.from('a*');
    expect(board.patterns()).toEqual([]);
    board.add(KIND_PATTERN, 0, pattern, 0, 2);
    const first = board.patterns();
    board.add(KIND_CHANNEL, 0, pattern, 0, 2);
    expect(board.patterns()).toBe(first);
    board.add(KIND_PATTERN, 0, pattern, 0, 2);
    expect(board.patterns().map(({ counts }) => [...counts])).toEqual([[2]]);
  });

  test('other buffers are no boards', () => {
    expect(() => new ChannelBoard(new SharedArrayBuffer(1 << 16), hasher)).toThrow();
  });
});
