/** The invariants of an IdTree, checked record by record. */
import type { Ref } from '../memory/arena.ts';
import {
  ID_TREE_FIRST,
  ID_TREE_HEIGHT,
  ID_TREE_INNERS,
  ID_TREE_LAST,
  ID_TREE_LEAVES,
  ID_TREE_ROOT,
  ID_TREE_SIZE,
  type IdTreeView,
  INNER_CHILDREN,
  INNER_COUNT,
  LEAF_CAPACITY,
  LEAF_COUNT,
  LEAF_NEXT,
  LEAF_PREVIOUS,
  LEAF_RECORDS,
} from './id-tree-layout.ts';

interface Walk {
  readonly tree: IdTreeView;
  leaves: number;
  inners: number;
  size: number;
  /** The leaf before, and the u32 index of the record before; 0 = none. */
  leaf: Ref;
  record: number;
}

function fail(what: string): never {
  throw new Error(`id tree: ${what}`);
}

/** Compares the keys at two u32 indexes. */
function compareKeys(tree: IdTreeView, a: number, b: number): number {
  for (let i = 0; i < tree.keyWords; i++) {
    const difference = tree.u32[a + i]! - tree.u32[b + i]!;
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Throws when a tree is damaged. O(n). */
export function checkIdTree(tree: IdTreeView): void {
  const { u32, base } = tree;
  const walk: Walk = { tree, leaves: 0, inners: 0, size: 0, leaf: 0, record: 0 };
  const root = u32[base + ID_TREE_ROOT]!;
  if (root !== 0) checkNode(walk, root, u32[base + ID_TREE_HEIGHT]!, -1);
  else if (u32[base + ID_TREE_FIRST] !== 0) fail('leaves without a root');
  if (u32[base + ID_TREE_LAST] !== walk.leaf) fail('the last leaf is another one');
  if (walk.leaf !== 0 && u32[walk.leaf * 2 + LEAF_NEXT] !== 0) fail('a leaf after the last');
  if (u32[base + ID_TREE_SIZE] !== walk.size) fail('the number of records is wrong');
  if (u32[base + ID_TREE_LEAVES] !== walk.leaves) fail('the number of leaves is wrong');
  if (u32[base + ID_TREE_INNERS] !== walk.inners) fail('the number of inner nodes is wrong');
}

/** `bound`: u32 index of a key that no key of the node is less than, -1 = none. */
function checkNode(walk: Walk, node: Ref, level: number, bound: number): void {
  if (level === 0) {
    checkLeaf(walk, node, bound);
    return;
  }
  const { tree } = walk;
  const count = tree.u32[node * 2 + INNER_COUNT]!;
  if (count === 0) fail('an inner node without children');
  walk.inners += 1;
  for (let i = 0; i < count; i++) {
    const at = node * 2 + INNER_CHILDREN + i * tree.innerStride;
    const isLeftmost = i === 0 && bound < 0;
    if (!isLeftmost && walk.record !== 0 && compareKeys(tree, walk.record, at) >= 0) {
      fail('a key before a child is not less than the child’s');
    }
    checkNode(walk, tree.u32[at + tree.keyWords]!, level - 1, isLeftmost ? -1 : at);
  }
}

function checkLeaf(walk: Walk, leaf: Ref, bound: number): void {
  const { tree } = walk;
  const { u32, base } = tree;
  const count = u32[leaf * 2 + LEAF_COUNT]!;
  if (count === 0) fail('an empty leaf');
  if (count > u32[leaf * 2 + LEAF_CAPACITY]!) fail('a leaf with more records than it has room');
  if (u32[leaf * 2 + LEAF_PREVIOUS] !== walk.leaf) fail('a leaf does not know the one before');
  const from = walk.leaf === 0 ? base + ID_TREE_FIRST : walk.leaf * 2 + LEAF_NEXT;
  if (u32[from] !== leaf) fail('a leaf is not where the one before says');
  walk.leaves += 1;
  walk.size += count;
  walk.leaf = leaf;
  for (let i = 0; i < count; i++) {
    const at = leaf * 2 + LEAF_RECORDS + i * tree.stride;
    if (walk.record !== 0 && compareKeys(tree, walk.record, at) >= 0) fail('keys out of order');
    if (bound >= 0 && compareKeys(tree, bound, at) > 0) fail('a key less than its node’s');
    walk.record = at;
  }
}
