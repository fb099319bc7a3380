/** Moves the blocks of a BTree out of sparse slabs: nodes, and the items that leaves refer to. */
import type { Ref } from '../memory/arena.ts';
import type { BTree } from './btree.ts';
import {
  BTREE_COUNT,
  BTREE_FIRST,
  BTREE_LAST,
  BTREE_NEXT,
  BTREE_PREVIOUS,
  BTREE_ROOT,
  BTREE_SCORES,
} from './btree-nodes.ts';

/**
 * Moves the leaf that has the entry of a rank below the size, and the inner nodes above it.
 * `relocate` moves a block and returns its ref from then on; `relocateItem` does the same for an
 * item, and tells everything else that refers to it. Returns the rank of the next leaf's first
 * entry. O(log n + entries of a leaf).
 */
export function relocateLeaf(
  tree: BTree,
  rank: number,
  relocate: (node: Ref) => Ref,
  relocateItem: (item: Ref) => Ref,
): number {
  const { u32, f64, base, height } = tree;
  const index = tree.descendToRank(rank);
  // The word that refers to the node of a level; that of the level above is final by then.
  let word = base + BTREE_ROOT;
  for (let level = height; level > 0; level--) {
    const node = relocate(tree.path[level]!);
    u32[word] = node;
    tree.path[level] = node;
    word = node * 2 + tree.children + tree.pathIndex[level]!;
  }
  const leaf = relocate(tree.at);
  if (leaf !== tree.at) {
    u32[word] = leaf;
    const next = u32[leaf * 2 + BTREE_NEXT]!;
    const previous = u32[leaf * 2 + BTREE_PREVIOUS]!;
    u32[next === 0 ? base + BTREE_LAST : next * 2 + BTREE_PREVIOUS] = leaf;
    u32[previous === 0 ? base + BTREE_FIRST : previous * 2 + BTREE_NEXT] = leaf;
    tree.at = leaf;
  }
  const count = u32[leaf * 2 + BTREE_COUNT]!;
  const items = leaf * 2 + tree.leafItems;
  for (let i = 0; i < count; i++) {
    const item = u32[items + i]!;
    const moved = relocateItem(item);
    if (moved === item) continue;
    u32[items + i] = moved;
    if (i === 0) tree.setFirst(1, f64[leaf + BTREE_SCORES]!, moved);
  }
  return rank - index + count;
}
