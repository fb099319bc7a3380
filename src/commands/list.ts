/** The list family: its commands, in the files that hold them. */
import { oneKeyRows } from './collection.ts';
import { LIST_BLOCKING_COMMANDS } from './list-blocking.ts';
import { LIST_END_ROWS, LIST_MOVE_COMMANDS } from './list-ends.ts';
import { LIST_MIDDLE_ROWS } from './list-middle.ts';
import { LIST_MOVE_MANY_COMMANDS } from './list-move-many.ts';
import type { CommandSpec } from './spec.ts';

export const LIST_COMMANDS: readonly CommandSpec[] = [
  ...oneKeyRows('list', 'list', [...LIST_END_ROWS, ...LIST_MIDDLE_ROWS]),
  ...LIST_MOVE_COMMANDS,
  ...LIST_MOVE_MANY_COMMANDS,
  ...LIST_BLOCKING_COMMANDS,
];
