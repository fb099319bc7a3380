/** The invariants of a BTree, for tests and fuzzers. */
import type { Ref } from '../memory/arena.ts';
import {
  BTREE_COUNT,
  BTREE_FIRST,
  BTREE_INNERS,
  BTREE_LAST,
  BTREE_LEAVES,
  BTREE_NEXT,
  BTREE_PREVIOUS,
  BTREE_ROOT,
  BTREE_SCORES,
  BTREE_SIZE,
} from './btree-nodes.ts';
import type { BTreeSearch } from './btree-search.ts';
import { compareItemKey, itemKeyEnd, itemKeyOffset } from './compact-item.ts';

const ROOT = BTREE_ROOT;
const SIZE = BTREE_SIZE;
const FIRST = BTREE_FIRST;
const LAST = BTREE_LAST;
const LEAVES = BTREE_LEAVES;
const INNERS = BTREE_INNERS;
const COUNT = BTREE_COUNT;
const NEXT = BTREE_NEXT;
const PREVIOUS = BTREE_PREVIOUS;
const SCORES = BTREE_SCORES;

/** Throws when a property in the head of btree-nodes.ts does not hold. O(n). */
export function checkBTree(tree: BTreeSearch): void {
  const u32 = tree.u32;
  const base = tree.base;
  const leaves: Ref[] = [];
  const inners = { count: 0 };
  const root = u32[base + ROOT]!;
  const total = root === 0 ? 0 : checkNode(tree, root, tree.height, true, leaves, inners);
  check(total === u32[base + SIZE], 'the number of entries is wrong');
  check(leaves.length === u32[base + LEAVES], 'the number of leaves is wrong');
  check(inners.count === u32[base + INNERS], 'the number of inner nodes is wrong');
  check((leaves[0] ?? 0) === u32[base + FIRST], 'the first leaf is another one');
  check((leaves.at(-1) ?? 0) === u32[base + LAST], 'the last leaf is another one');
  for (const [i, leaf] of leaves.entries()) {
    check(u32[leaf * 2 + NEXT] === (leaves[i + 1] ?? 0), 'a leaf has the wrong next one');
    check(u32[leaf * 2 + PREVIOUS] === (leaves[i - 1] ?? 0), 'a leaf has the wrong one before');
    const isEnd = i === 0 || i === leaves.length - 1;
    check(isEnd || u32[leaf * 2 + COUNT]! >= tree.leafMax >>> 1, 'a leaf is too empty');
  }
  if (total > 0) checkOrder(tree, leaves[0]!, total);
}

function checkNode(
  tree: BTreeSearch,
  node: Ref,
  level: number,
  isLast: boolean,
  leaves: Ref[],
  inners: { count: number },
): number {
  const u32 = tree.u32;
  const count = u32[node * 2 + COUNT]!;
  check(count > 0, 'an empty node');
  check(count <= (level === 0 ? tree.leafMax : tree.innerMax), 'a node has too many entries');
  if (level === 0) {
    leaves.push(node);
    return count;
  }
  inners.count += 1;
  check(level < tree.height || count > 1, 'a root with one child');
  check(isLast || count >= tree.innerMax >>> 1, 'an inner node is too empty');
  let total = 0;
  for (let i = 0; i < count; i++) {
    const child = u32[node * 2 + tree.children + i]!;
    const isLastChild = isLast && i === count - 1;
    const entries = checkNode(tree, child, level - 1, isLastChild, leaves, inners);
    check(entries === u32[node * 2 + tree.counts + i], 'the count of a subtree is wrong');
    total += entries;
    const first = u32[tree.itemsOf(child, level === 1)]!;
    check(u32[node * 2 + tree.innerItems + i] === first, 'a separator is not the first item');
    const score = tree.f64[child + SCORES]!;
    check(tree.f64[node + SCORES + i] === score, 'a separator has another score');
  }
  return total;
}

function checkOrder(tree: BTreeSearch, first: Ref, total: number): void {
  const { u8 } = tree.arena;
  tree.leaf = first;
  tree.index = 0;
  let steps = 1;
  for (; ; steps++) {
    const score = tree.selectedScore;
    const item = tree.selectedItem;
    check(!Number.isNaN(score), 'a score is not a number');
    if (!tree.step(false)) break;
    const from = itemKeyOffset(tree.u32, tree.selectedItem);
    const order = compareItemKey(
      tree.arena,
      item,
      u8,
      from,
      itemKeyEnd(tree.u32, tree.selectedItem),
    );
    const next = tree.selectedScore;
    check(score < next || (score === next && order < 0), 'entries are out of order');
  }
  check(steps === total, 'the chain of leaves has another number of entries');
}

function check(condition: boolean, what: string): void {
  if (!condition) throw new Error(`btree: ${what}`);
}
