/** Quicklist beside an array, at every kind of node limit, and in an arena that fills up. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Arena } from '../../src/memory/arena.ts';
import { exceedsNode, QUICKLIST_STRUCT_WORDS, Quicklist } from '../../src/structures/quicklist.ts';

const ARENA_BYTES = 1 << 22;
const FILLS = [1, 2, 3, 16, 128, 0, -1, -2, -5];

const element = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -5000, max: 5000 }).map(String) },
  { weight: 6, arbitrary: fc.string({ unit: 'binary-ascii', maxLength: 12 }) },
  fc.constantFrom('x'.repeat(64), 'y'.repeat(1000), 'z'.repeat(4090), 'w'.repeat(9000)),
  fc.constantFrom('9223372036854775807', '-9223372036854775808', '', '007'),
);

type Name =
  | 'pushHead'
  | 'pushTail'
  | 'popHead'
  | 'popTail'
  | 'insertBefore'
  | 'insertBehind'
  | 'replace'
  | 'removeForth'
  | 'removeBack'
  | 'removeRange'
  | 'seek';
type Operation = readonly [Name, number, string];

const operations = (maxLength: number): fc.Arbitrary<Operation[]> =>
  fc.array(
    fc.tuple(
      fc.constantFrom<Name>(
        ...(['pushHead', 'pushHead', 'pushTail', 'pushTail', 'pushTail', 'popHead'] as const),
        ...(['popTail', 'insertBefore', 'insertBehind', 'replace', 'removeForth'] as const),
        ...(['removeBack', 'removeRange', 'seek', 'seek', 'seek'] as const),
      ),
      fc.nat({ max: 200 }),
      element,
    ),
    { maxLength },
  );

class Model {
  readonly arena: Arena;
  readonly list: Quicklist;
  elements: string[] = [];

  constructor(fill: number, arenaBytes = ARENA_BYTES) {
    this.arena = Arena.create(arenaBytes, 0);
    const block = this.arena.alloc(QUICKLIST_STRUCT_WORDS * 4);
    this.list = new Quicklist(this.arena).attach(block * 2, fill);
    this.list.init();
  }

  text(): string {
    const { pack } = this.list;
    pack.read(this.list.at);
    return Buffer.from(pack.buf.subarray(pack.from, pack.to)).toString('latin1');
  }

  /** Applies an operation; false where the arena was full, and nothing changed. */
  apply([name, n, text]: Operation): boolean {
    const { list, elements } = this;
    const bytes = Buffer.from(text, 'latin1');
    const { length } = bytes;
    const index = elements.length === 0 ? 0 : n % elements.length;
    const next = [...elements];
    if (name === 'pushHead' || name === 'pushTail') {
      if (name === 'pushHead') next.unshift(text);
      else next.push(text);
      if (!list.push(bytes, 0, length, name === 'pushHead')) return false;
    } else if (elements.length === 0) {
      expect(list.seek(0)).toBe(false);
    } else if (name === 'popHead' || name === 'popTail') {
      list.popEnd(name === 'popHead');
      if (name === 'popHead') next.shift();
      else next.pop();
    } else if (name === 'removeRange') {
      const count = 1 + (n % 23);
      list.removeRange(index, count);
      next.splice(index, count);
    } else {
      expect(list.seek(index)).toBe(true);
      expect(this.text()).toBe(elements[index]);
      if (!this.#applyHere(name, index, bytes, next)) return false;
    }
    this.elements = next;
    return true;
  }

  /** An operation at the cursor, which stands at `index`. */
  #applyHere(name: Name, index: number, bytes: Uint8Array, next: string[]): boolean {
    const { list } = this;
    const text = Buffer.from(bytes).toString('latin1');
    if (name === 'insertBefore' || name === 'insertBehind') {
      const isBehind = name === 'insertBehind';
      if (!list.insertHere(bytes, 0, bytes.length, isBehind)) return false;
      expect(this.text()).toBe(next[index]);
      next.splice(isBehind ? index + 1 : index, 0, text);
    } else if (name === 'replace') {
      if (!list.replaceHere(bytes, 0, bytes.length)) return false;
      next[index] = text;
    } else if (name === 'seek') {
      list.markPlace(0);
    } else if (name === 'removeForth' || name === 'removeBack') {
      const goesBack = name === 'removeBack';
      const neighbour = goesBack ? next[index - 1] : next[index + 1];
      const goesOn = list.removeHere(goesBack);
      expect(goesOn).toBe(neighbour !== undefined);
      if (goesOn) expect(this.text()).toBe(neighbour);
      next.splice(index, 1);
    }
    return true;
  }

  check(): void {
    const { list, elements } = this;
    list.checkInvariants();
    expect(list.size).toBe(elements.length);
    const forth: string[] = [];
    for (let goesOn = list.seek(0); goesOn; goesOn = list.next()) forth.push(this.text());
    expect(forth).toEqual(elements);
    const back: string[] = [];
    for (let goesOn = list.seek(-1); goesOn; goesOn = list.previous()) back.push(this.text());
    expect(back.reverse()).toEqual(elements);
    expect(list.seek(elements.length)).toBe(false);
    expect(list.seek(-elements.length - 1)).toBe(false);
  }
}

describe('beside a model', () => {
  test.each(FILLS)('nodes limited by %i', (fill) => {
    fc.assert(
      fc.property(operations(60), (list) => {
        const model = new Model(fill);
        const used = model.arena.usedBytes();
        for (const operation of list) {
          expect(model.apply(operation)).toBe(true);
          model.check();
        }
        expect(model.list.memoryBytes()).toBe(model.arena.usedBytes() - used - nodeSpare(model));
        while (!model.list.freeSlice(3));
        expect(model.arena.usedBytes()).toBe(used);
      }),
      { numRuns: 40 },
    );
  });

  test('a full arena changes nothing', () => {
    fc.assert(
      fc.property(fc.constantFrom(...FILLS), operations(80), (fill, list) => {
        const model = new Model(fill, 1 << 17);
        const fillers: number[] = [];
        for (const size of [60_000, 9000, 2000, 200, 24]) {
          for (let ref = model.arena.alloc(size); ref !== 0; ref = model.arena.alloc(size)) {
            fillers.push(ref);
          }
        }
        for (const [i, operation] of list.entries()) {
          if (i % 5 === 4 && fillers.length !== 0) model.arena.free(fillers.pop()!);
          model.apply(operation);
          model.check();
        }
      }),
      { numRuns: 60 },
    );
  });
});

/** Bytes of node blocks beyond what `memoryBytes` counts for them. */
function nodeSpare({ list, arena }: Model): number {
  let spare = 0;
  for (let node = list.first; node !== 0; node = list.nextNode(node)) {
    spare += arena.usableBytes(node) - 24;
  }
  return spare;
}

test('a pack becomes the only node', () => {
  const model = new Model(-2);
  const { list } = model;
  for (const text of ['a', '1', 'bc']) list.push(Buffer.from(text), 0, text.length, false);
  const other = new Quicklist(model.arena).attach(
    model.arena.alloc(QUICKLIST_STRUCT_WORDS * 4) * 2,
    -2,
  );
  other.init();
  expect(other.adopt(list.packStart(list.first), list.packEnd(list.first))).toBe(true);
  other.checkInvariants();
  expect([other.size, other.nodeCount]).toEqual([3, 1]);
});

test.each([
  [-1, 4091, 1, 1, false],
  [-1, 4092, 1, 1, true],
  [-2, 8187, 999, 1, false],
  [-2, 8188, 1, 1, true],
  [-2, 4092, 1, 2, true],
  [-5, 65_531, 1, 1, false],
  [-99, 65_532, 1, 1, true],
  [2, 10, 2, 1, false],
  [2, 10, 3, 1, true],
  [4, 10, 3, 2, true],
  [128, 8188, 1, 1, true],
  [0, 10, 1, 1, false],
  [0, 10, 2, 1, true],
])('limit %i: %i bytes, %i elements, divided by %i', (fill, bytes, count, divisor, expected) => {
  expect(exceedsNode(fill, bytes, count, divisor)).toBe(expected);
});
