/** IdTree beside a sorted array, with high trees, and in an arena that fills up. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Arena } from '../../src/memory/arena.ts';
import { ID_TREE_FULL, ID_TREE_PRESENT, IdTree } from '../../src/structures/id-tree.ts';
import { ID_TREE_STRUCT_WORDS } from '../../src/structures/id-tree-layout.ts';

type Name = 'insert' | 'append' | 'remove' | 'removeFirst' | 'seek' | 'seekBefore' | 'relocate';
type Operation = readonly [Name, number];

const operations = (maxLength: number): fc.Arbitrary<Operation[]> =>
  fc.array(
    fc.tuple(
      fc.constantFrom<Name>(
        ...(['insert', 'insert', 'append', 'append', 'append', 'remove', 'remove'] as const),
        ...(['removeFirst', 'removeFirst', 'seek', 'seekBefore', 'relocate'] as const),
      ),
      fc.nat({ max: 300 }),
    ),
    { maxLength },
  );

/** Words of the key that stands for a number: it varies in all words. */
function words(n: number, keyWords: number): number[] {
  const all = [0xffffff00 + (n >>> 8), 0, 0x80000000, (n & 255) * 0x01010101, 7, 9];
  return all.slice(0, keyWords).map((word) => word >>> 0);
}

class Model {
  readonly arena: Arena;
  readonly tree: IdTree;
  keys: number[] = [];

  constructor(keyWords: number, payloadWords: number, leafMax: number, bytes = 1 << 22) {
    this.arena = Arena.create(bytes, 0);
    const block = this.arena.alloc(ID_TREE_STRUCT_WORDS * 4);
    this.tree = new IdTree(this.arena, keyWords, payloadWords, leafMax, 4).attach(block * 2);
    this.tree.init();
  }

  need(n: number): IdTree {
    words(n, this.tree.keyWords).forEach((word, i) => {
      this.tree.needle[i] = word;
    });
    return this.tree;
  }

  expectAt(n: number | undefined): void {
    const { tree } = this;
    if (n === undefined) {
      expect(tree.at).toBe(0);
      return;
    }
    const own = [...tree.u32.subarray(tree.at, tree.at + tree.keyWords)];
    expect(own).toEqual(words(n, tree.keyWords));
    for (let i = tree.keyWords; i < tree.stride; i++) expect(tree.u32[tree.at + i]).toBe(n + i);
  }

  #add(n: number): void {
    const at = this.need(n).insert();
    if (this.keys.includes(n)) {
      expect(at).toBe(ID_TREE_PRESENT);
    } else if (at !== ID_TREE_FULL) {
      for (let i = this.tree.keyWords; i < this.tree.stride; i++) {
        this.tree.u32[at + i - this.tree.keyWords] = n + i;
      }
      this.keys.push(n);
      this.keys.sort((a, b) => a - b);
    }
    if (at !== ID_TREE_FULL) this.expectAt(n);
  }

  #remove(n: number): void {
    const index = this.keys.indexOf(n);
    expect(this.need(n).remove()).toBe(index >= 0);
    if (index >= 0) this.keys.splice(index, 1);
  }

  run([name, n]: Operation): void {
    const { tree, keys } = this;
    switch (name) {
      case 'insert':
        this.#add(n);
        break;
      case 'append':
        // Gaps, so that later ones come between those of full leaves.
        this.#add((keys.at(-1) ?? 0) + 1 + (n % 4));
        break;
      case 'remove':
        this.#remove(n);
        break;
      case 'removeFirst':
        this.#remove(keys[0] ?? 0);
        break;
      case 'seek':
        this.need(n).seek();
        this.expectAt(keys.find((key) => key >= n));
        break;
      case 'seekBefore':
        this.need(n).seekBefore();
        this.expectAt(keys.findLast((key) => key <= n));
        break;
      case 'relocate': {
        this.need(0);
        let visited = 0;
        const move = (ref: number): number => this.arena.realloc(ref, this.arena.usableBytes(ref));
        while (tree.relocateLeaf(move, () => visited++));
        expect(visited).toBe(keys.length);
      }
    }
  }

  check(): void {
    const { tree, keys } = this;
    tree.checkInvariants();
    expect(tree.size).toBe(keys.length);
    let index = 0;
    for (let goes = tree.seekFirst(); goes; goes = tree.next()) this.expectAt(keys[index++]);
    expect(index).toBe(keys.length);
    for (let goes = tree.seekLast(); goes; goes = tree.previous()) this.expectAt(keys[--index]);
    expect(index).toBe(0);
  }
}

const FORMS: readonly (readonly [number, number, number])[] = [
  [4, 2, 4],
  [4, 0, 5],
  [6, 0, 8],
  [4, 4, 0],
];

describe.each(FORMS)(
  'records of %i + %i words, leaves of %i',
  (keyWords, payloadWords, leafMax) => {
    test('is a sorted array', () => {
      fc.assert(
        fc.property(operations(150), (all) => {
          const model = new Model(keyWords, payloadWords, leafMax);
          for (const operation of all) {
            model.run(operation);
            model.check();
          }
          const used = model.arena.usedBytes();
          while (!model.tree.freeSlice(3, () => undefined));
          expect(model.tree.size).toBe(0);
          if (model.keys.length > 0) expect(model.arena.usedBytes()).toBeLessThan(used);
          model.keys = [];
          model.check();
          expect(model.arena.usedBytes()).toBe(ID_TREE_STRUCT_WORDS * 4);
        }),
        { numRuns: 150 },
      );
    });
  },
);

test('stays whole in an arena that is full', () => {
  const model = new Model(4, 4, 0, 1 << 17);
  for (let n = 0; model.keys.length === n; n++) model.run(['append', 0]);
  const { length } = model.keys;
  expect(length).toBeGreaterThan(500);
  model.check();
  for (let n = 0; n < 100; n++) model.run(['insert', n * 1000]);
  for (let n = length; n > 3; n--) model.run(['remove', n]);
  model.check();
});

test('records in ascending order fill the leaves', () => {
  const model = new Model(4, 0, 0);
  for (let n = 0; n < 10_000; n++) {
    words(n, 4).forEach((word, i) => {
      model.tree.needle[i] = word;
    });
    model.tree.insert();
  }
  expect(model.tree.memoryBytes() / 10_000).toBeLessThan(17);
});
