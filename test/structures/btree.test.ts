import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Arena, type Ref } from '../../src/memory/arena.ts';
import { BTree } from '../../src/structures/btree.ts';
import { BTREE_STRUCT_WORDS } from '../../src/structures/btree-nodes.ts';
import { createItem } from '../../src/structures/compact-item.ts';
import { Random } from '../support/random.ts';

const MIB = 1 << 20;

interface Entry {
  score: number;
  name: string;
  item: Ref;
}

function order(a: Pick<Entry, 'score' | 'name'>, b: Pick<Entry, 'score' | 'name'>): number {
  if (a.score !== b.score) return a.score - b.score;
  return a.name < b.name ? -1 : Number(a.name > b.name);
}

/** A tree beside a sorted array. */
class TreeModel {
  readonly arena: Arena;
  readonly tree: BTree;
  readonly entries: Entry[] = [];
  failures = 0;
  readonly #baseBytes: number;
  readonly #hogs: Ref[] = [];

  constructor(arenaBytes: number, leafCapacity?: number, innerCapacity?: number) {
    this.arena = Arena.create(arenaBytes, BTREE_STRUCT_WORDS * 4);
    this.tree = new BTree(this.arena, this.arena.userOffset / 4, leafCapacity, innerCapacity);
    this.tree.init();
    this.#baseBytes = this.arena.usedBytes();
  }

  #place(score: number, name: string): number {
    let low = 0;
    let high = this.entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (order(this.entries[middle]!, { score, name }) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  insert(score: number, name: string): void {
    if (this.entries.some((entry) => entry.name === name)) return;
    this.insertNew(score, name);
  }

  /** The same for a name that no entry has. */
  insertNew(score: number, name: string): void {
    const bytes = Buffer.from(name);
    const item = createItem(this.arena, bytes, 0, bytes.length, 8, true);
    if (item === 0 || !this.tree.insert(score, item)) {
      if (item !== 0) this.arena.free(item);
      this.failures += 1;
      return;
    }
    this.entries.splice(this.#place(score, name), 0, { score, name, item });
  }

  append(score: number, name: string): void {
    if (this.#place(score, name) !== this.entries.length) return;
    const bytes = Buffer.from(name);
    const item = createItem(this.arena, bytes, 0, bytes.length, 8, true);
    if (!this.tree.append(score, item)) throw new Error('arena full');
    this.entries.push({ score, name, item });
  }

  remove(rank: number): void {
    const [entry] = this.entries.splice(rank, 1);
    if (entry === undefined) return;
    this.tree.remove(entry.score, entry.item);
    this.arena.free(entry.item);
  }

  rescore(rank: number, score: number): void {
    const entry = this.entries[rank];
    if (entry === undefined) return;
    if (!this.tree.rescore(entry.score, entry.item, score)) {
      this.failures += 1;
      return;
    }
    this.entries.splice(rank, 1);
    this.entries.splice(this.#place(score, entry.name), 0, { ...entry, score });
  }

  cut(rank: number, count: number): void {
    let left = Math.min(count, this.entries.length - rank);
    while (left > 0) {
      const n = this.tree.cut(rank, left);
      const items = Array.from(this.tree.cutItems.subarray(0, n));
      expect(items).toEqual(this.entries.splice(rank, n).map((entry) => entry.item));
      for (const item of items) this.arena.free(item);
      left -= n;
    }
  }

  hog(left: number): void {
    for (const bytes of [1280, 768, 64, 16]) {
      for (let ref = this.arena.alloc(bytes); ref !== 0; ref = this.arena.alloc(bytes)) {
        this.#hogs.push(ref);
      }
    }
    for (let i = 0; i < left; i++) this.unhog();
  }

  unhog(): void {
    const ref = this.#hogs.pop();
    if (ref !== undefined) this.arena.free(ref);
  }

  check(): void {
    const { tree, entries } = this;
    tree.checkInvariants();
    expect(tree.size).toBe(entries.length);
    if (entries.length === 0) return;
    tree.select(0);
    for (const [i, entry] of entries.entries()) {
      if (tree.selectedItem !== entry.item) expect(tree.selectedItem).toBe(entry.item);
      if (tree.selectedScore !== entry.score) expect(tree.selectedScore).toBe(entry.score);
      expect(tree.step(false)).toBe(i + 1 < entries.length);
    }
  }

  /** Compares all searches, for a few of the entries. */
  checkSearches(stride: number): void {
    const { tree, entries } = this;
    for (let rank = 0; rank < entries.length; rank += stride) {
      const { score, name, item } = entries[rank]!;
      expect(tree.rank(score, item)).toBe(rank);
      tree.select(rank);
      expect(tree.selectedItem).toBe(item);
      expect(tree.step(true) ? tree.selectedItem : 0).toBe(entries[rank - 1]?.item ?? 0);
      for (const bound of [score, score + 0.5]) {
        const before = entries.filter((entry) => entry.score < bound).length;
        const upTo = entries.filter((entry) => entry.score <= bound).length;
        expect(tree.rankOfScore(bound, false)).toBe(before);
        expect(tree.rankOfScore(bound, true)).toBe(upTo);
      }
      if (entries.some((entry) => entry.score !== score)) continue;
      for (const text of [name, `${name}!`, '']) {
        const bytes = Buffer.from(text);
        const before = entries.filter((entry) => entry.name < text).length;
        const upTo = entries.filter((entry) => entry.name <= text).length;
        expect(tree.rankOfKey(bytes, 0, bytes.length, false)).toBe(before);
        expect(tree.rankOfKey(bytes, 0, bytes.length, true)).toBe(upTo);
      }
    }
    expect(tree.rankOfScore(Number.NEGATIVE_INFINITY, false)).toBe(0);
    expect(tree.rankOfScore(Number.POSITIVE_INFINITY, true)).toBe(entries.length);
  }

  /** Frees the tree slice by slice, and the items: the memory is what it was at the start. */
  drain(): void {
    while (this.#hogs.length > 0) this.unhog();
    for (const entry of this.entries) this.arena.free(entry.item);
    while (!this.tree.freeSlice(2));
    expect(this.tree.size).toBe(0);
    this.arena.checkInvariants();
    expect(this.arena.usedBytes()).toBe(this.#baseBytes);
  }
}

type Step = readonly [verb: string, a: number, b: number];

function steps(verbs: readonly string[]): fc.Arbitrary<Step[]> {
  const step = fc.tuple(fc.constantFrom(...verbs), fc.nat({ max: 400 }), fc.nat({ max: 400 }));
  return fc.array(step, { minLength: 20, maxLength: 400, size: 'max' });
}

/** `spread` = 0 gives all entries one score. */
function play(model: TreeModel, list: readonly Step[], spread: number): void {
  for (const [i, [verb, a, b]] of list.entries()) {
    const score = spread === 0 ? 7 : (a * 7) % spread;
    const rank = Math.floor((b / 401) * model.entries.length);
    const name = `${b}`.padStart(b % 5, 'x');
    if (verb === 'insert') model.insert(score, name);
    else if (verb === 'ascend')
      model.insert(1000 + model.entries.length, `up${model.entries.length}`);
    else if (verb === 'descend') model.insert(-1000 - model.entries.length, `d${name}`);
    else if (verb === 'remove') model.remove(rank);
    else if (verb === 'rescore') model.rescore(rank, score - 3);
    else if (verb === 'nudge') model.rescore(rank, (model.entries[rank]?.score ?? 0) + 0.25);
    else if (verb === 'cut' && a % 4 === 0) model.cut(rank, (a >> 4) + 1);
    else if (verb === 'hog') model.hog(b % 5);
    else if (verb === 'unhog') model.unhog();
    if (i % 4 === 0 || verb === 'cut') model.check();
  }
  model.check();
  model.checkSearches(7);
  model.drain();
}

const GROWING = ['insert', 'insert', 'insert', 'insert', 'insert', 'remove', 'nudge'];
const SHRINKING = ['insert', 'insert', 'remove', 'remove', 'cut', 'cut'];

describe('a B+ tree against a sorted array', () => {
  for (const [leaf, inner] of [
    [4, 4],
    [5, 7],
    [8, 4],
  ] as const) {
    for (const spread of [0, 5, 1000]) {
      it(`nodes of ${leaf} and ${inner}, scores below ${spread}`, () => {
        const verbs = [...GROWING, ...(spread === 0 ? [] : ['rescore', 'ascend', 'descend'])];
        const lists = fc.tuple(steps(spread === 0 ? GROWING.slice(0, 6) : verbs), steps(SHRINKING));
        fc.assert(
          fc.property(lists, ([grow, shrink]) => {
            const model = new TreeModel(MIB, leaf, inner);
            play(model, [...grow, ...shrink], spread);
            expect(model.failures).toBe(0);
          }),
          { numRuns: 8 },
        );
      });
    }
  }

  it('without memory', () => {
    let failures = 0;
    const verbs = [...GROWING, 'rescore', 'rescore', 'ascend', 'hog', 'unhog', 'cut'];
    fc.assert(
      fc.property(steps(verbs), (list) => {
        const model = new TreeModel(128 * 1024, 4, 4);
        play(model, list, 1000);
        failures += model.failures;
      }),
      { numRuns: 100 },
    );
    expect(failures).toBeGreaterThan(20);
  });
});

function filled(count: number, scoreOf: (i: number) => number): TreeModel {
  const model = new TreeModel(64 * MIB);
  const { arena, tree } = model;
  for (let i = 0; i < count; i++) {
    const bytes = Buffer.from(`member:${String(i).padStart(7, '0')}`);
    const item = createItem(arena, bytes, 0, bytes.length, 8, true);
    expect(tree.insert(scoreOf(i), item)).toBe(true);
  }
  tree.checkInvariants();
  return model;
}

it('lays out nodes as the drawing says', () => {
  const model = new TreeModel(MIB);
  model.insert(1.5, 'ab');
  const { arena, tree, entries } = model;
  tree.select(0);
  const at = tree.leaf * 8;
  expect(arena.u32[at / 4]).toBe(1);
  expect([...arena.u8.slice(at + 16, at + 24)]).toEqual([0, 0, 0, 0, 0, 0, 0xf8, 0x3f]);
  expect(arena.u32[at / 4 + 86]).toBe(entries[0]!.item);
  expect(arena.usableBytes(tree.leaf)).toBe(512);
});

describe('large trees', () => {
  const COUNT = 40_000;
  const shuffled = (i: number): number => (i * 7919) % COUNT;
  const patterns = [
    ['ascending', (i: number) => i, 13.2],
    ['descending', (i: number) => -i, 18],
    ['shuffled', shuffled, 16.8],
    ['of one score', () => 1, 13.2],
  ] as const;
  for (const [name, scoreOf, bytesMax] of patterns) {
    it(`${name}: nodes are well filled`, () => {
      const { tree } = filled(COUNT, scoreOf);
      expect(tree.memoryBytes() / COUNT).toBeLessThan(bytesMax);
      tree.select(COUNT - 1);
      let steps = 1;
      while (tree.step(true)) steps += 1;
      expect(steps).toBe(COUNT);
    });
  }

  it('grow and shrink again, entries moving all the time', () => {
    const model = new TreeModel(32 * MIB);
    const random = new Random(Math.trunc(Math.random() * 2 ** 32));
    console.log(`btree: seed ${random.seed}`);
    for (const grows of [7, 3, 6, 1]) {
      for (let i = 0; i < 9000; i++) {
        const size = model.entries.length;
        if (random.below(10) < grows) model.insertNew(random.below(300), `${grows}:${i}`);
        else if (random.oneIn(2)) model.remove(random.below(size + 1));
        else model.rescore(random.below(size + 1), random.below(300));
        if (i % 3000 === 0) model.check();
      }
      model.check();
    }
    expect(model.failures).toBe(0);
    model.checkSearches(40);
    model.drain();
  });

  it('appended: nodes are full', () => {
    const model = new TreeModel(16 * MIB);
    for (let i = 0; i < 20_000; i++) model.append(i, `member:${i}`);
    model.check();
    expect(model.tree.memoryBytes() / 20_000).toBeLessThan(13.2);
    model.cut(10, 19_000);
    model.check();
    model.checkSearches(10);
    model.drain();
  });
});
