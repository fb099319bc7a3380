import type { Bench } from 'tinybench';
import { Arena } from '../../src/memory/arena.ts';
import { BTree } from '../../src/structures/btree.ts';
import { BTREE_STRUCT_WORDS } from '../../src/structures/btree-nodes.ts';
import { createItem } from '../../src/structures/compact-item.ts';

const BATCH = 1024;
const MEMBER_BYTES = 14;
/** Odd, so that its multiples modulo a power of two are a permutation that no cache foresees. */
const STRIDE = 0x9e3779b1;

/** A tree of many members of 14 bytes; scores are a permutation, or all the same. */
class Fixture {
  readonly tree: BTree;
  readonly items: Uint32Array;
  readonly scores: Float64Array;
  readonly count: number;
  #next = 0;

  constructor(count: number, isFlat: boolean) {
    this.count = count;
    const arena = Arena.create(count * 72 + (1 << 20), BTREE_STRUCT_WORDS * 4);
    this.tree = new BTree(arena, arena.userOffset / 4);
    this.tree.init();
    this.items = new Uint32Array(count);
    this.scores = new Float64Array(count);
    for (let i = 0; i < count; i++) {
      const member = Buffer.from(String(i).padStart(MEMBER_BYTES, '0'));
      this.items[i] = createItem(arena, member, 0, MEMBER_BYTES, 8, true);
      this.scores[i] = isFlat ? 1 : (Math.imul(i, STRIDE) >>> 0) % count;
      this.tree.insert(this.scores[i]!, this.items[i]!);
    }
  }

  draw(): number {
    this.#next = (this.#next + 1) & (this.count - 1);
    return this.#next;
  }
}

/** Tasks on trees that stay in the cache and on others. Finding the item is not included. */
export default function btreeBench(bench: Bench): void {
  for (const [name, count, isFlat] of [
    ['1k', 1 << 10, false],
    ['1M', 1 << 20, false],
    ['1M of one score', 1 << 20, true],
  ] as const) {
    const fixture = new Fixture(count, isFlat);
    const { tree, items, scores } = fixture;
    const each = (task: string, run: (i: number) => void): void => {
      bench.add(`btree ${name}: ${task}, x${BATCH}`, () => {
        for (let i = 0; i < BATCH; i++) run(fixture.draw());
      });
    };
    each('rank', (i) => {
      tree.rank(scores[i]!, items[i]!);
    });
    each('rank of a score', (i) => {
      tree.rankOfScore(scores[i]!, false);
    });
    each('ten from a rank on', (i) => {
      tree.select(i);
      for (let n = 0; n < 9; n++) if (!tree.step(false)) return;
    });
    each('remove + insert', (i) => {
      tree.remove(scores[i]!, items[i]!);
      tree.insert(scores[i]!, items[i]!);
    });
    if (isFlat) continue;
    each('another score, far away', (i) => {
      const score = (scores[i]! + count / 2) % count;
      tree.rescore(scores[i]!, items[i]!, score);
      scores[i] = score;
    });
  }
  const growing = new Fixture(BATCH, false);
  bench.add(`btree: insert from empty, then cut all one by one, x${BATCH}`, () => {
    while (growing.tree.size > 0) growing.tree.cut(0, 1);
    for (let i = 0; i < BATCH; i++) growing.tree.insert(growing.scores[i]!, growing.items[i]!);
  });
}
