/** The string family: its commands, in the files that hold them. */
import type { CommandSpec } from './spec.ts';
import { STRING_COMPARE_COMMANDS } from './string-compare.ts';
import { STRING_COUNTER_COMMANDS } from './string-counter.ts';
import { STRING_INCREX_COMMANDS } from './string-increx.ts';
import { STRING_LCS_COMMANDS } from './string-lcs.ts';
import { STRING_MULTI_COMMANDS } from './string-multi.ts';
import { STRING_RANGE_COMMANDS } from './string-range.ts';
import { STRING_SET_COMMANDS } from './string-set.ts';

export const STRING_COMMANDS: readonly CommandSpec[] = [
  ...STRING_SET_COMMANDS,
  ...STRING_MULTI_COMMANDS,
  ...STRING_COUNTER_COMMANDS,
  ...STRING_RANGE_COMMANDS,
  ...STRING_COMPARE_COMMANDS,
  ...STRING_LCS_COMMANDS,
  ...STRING_INCREX_COMMANDS,
];
