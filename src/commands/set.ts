/** The set family: its commands, in the files that hold them. */
import { oneKeyRows } from './collection.ts';
import { SET_ALGEBRA_COMMANDS } from './set-algebra.ts';
import { SET_ONE_KEY_ROWS } from './set-read.ts';
import type { CommandSpec } from './spec.ts';

export const SET_COMMANDS: readonly CommandSpec[] = [
  ...oneKeyRows('set', 'set', SET_ONE_KEY_ROWS),
  ...SET_ALGEBRA_COMMANDS,
];
