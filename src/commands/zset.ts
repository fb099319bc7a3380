/** The sorted set family: its commands, in the files that hold them. */
import { oneKeyRows } from './collection.ts';
import type { CommandSpec } from './spec.ts';
import { ZSET_ALGEBRA_COMMANDS } from './zset-algebra.ts';
import { ZSET_BLOCKING_COMMANDS } from './zset-blocking.ts';
import { ZSET_RANGE_COMMANDS, ZSET_RANGE_ROWS } from './zset-range.ts';
import { ZSET_READ_ROWS } from './zset-read.ts';
import { ZSET_POP_COMMANDS, ZSET_REMOVE_ROWS } from './zset-remove.ts';
import { ZSET_SET_ROWS } from './zset-set.ts';

export const ZSET_COMMANDS: readonly CommandSpec[] = [
  ...oneKeyRows('sorted-set', 'sortedset', [
    ...ZSET_SET_ROWS,
    ...ZSET_READ_ROWS,
    ...ZSET_RANGE_ROWS,
    ...ZSET_REMOVE_ROWS,
  ]),
  ...ZSET_RANGE_COMMANDS,
  ...ZSET_POP_COMMANDS,
  ...ZSET_BLOCKING_COMMANDS,
  ...ZSET_ALGEBRA_COMMANDS,
];
