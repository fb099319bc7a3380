/**
 * What an IdTree is made of.
 *
 * LAYOUT
 *   struct (8 u32 words, in a block of the owner)
 *     0 root   1 height, 0 = the root is a leaf   2 records   3 first leaf   4 last leaf
 *     5 leaves   6 inner nodes   7 zero
 *   leaf (4 + capacity * stride words)
 *     0 records   1 previous leaf   2 next leaf   3 capacity
 *     4 the records, each the words of its key, the most significant first, and of its payload
 *   inner node (2 + INNER_MAX * (key words + 1) words)
 *     0 children   1 zero
 *     2 a key and a ref for each child: no key below the child is less than it, and all those below
 *       the child before are less
 */
import type { Arena } from '../memory/arena.ts';

export const ID_TREE_STRUCT_WORDS = 8;
/** Most words of a key. */
export const ID_TREE_KEY_MAX = 6;

export const ID_TREE_ROOT = 0;
export const ID_TREE_HEIGHT = 1;
export const ID_TREE_SIZE = 2;
export const ID_TREE_FIRST = 3;
export const ID_TREE_LAST = 4;
export const ID_TREE_LEAVES = 5;
export const ID_TREE_INNERS = 6;

export const LEAF_COUNT = 0;
export const LEAF_PREVIOUS = 1;
export const LEAF_NEXT = 2;
export const LEAF_CAPACITY = 3;
export const LEAF_RECORDS = 4;

export const INNER_COUNT = 0;
export const INNER_CHILDREN = 2;

/** What one needs of a tree to look through it. */
export interface IdTreeView {
  readonly arena: Arena;
  readonly u32: Uint32Array;
  /** u32 index of the struct. */
  readonly base: number;
  readonly keyWords: number;
  /** Words of a record, and of a child of an inner node. */
  readonly stride: number;
  readonly innerStride: number;
}
