/** The bitmap family: its commands, in the files that hold them. */
import { BITMAP_BIT_COMMANDS } from './bitmap-bit.ts';
import { BITMAP_FIELD_COMMANDS } from './bitmap-field.ts';
import { BITMAP_OP_COMMANDS } from './bitmap-op.ts';
import { BITMAP_RANGE_COMMANDS } from './bitmap-range.ts';
import type { CommandSpec } from './spec.ts';

export const BITMAP_COMMANDS: readonly CommandSpec[] = [
  ...BITMAP_BIT_COMMANDS,
  ...BITMAP_RANGE_COMMANDS,
  ...BITMAP_OP_COMMANDS,
  ...BITMAP_FIELD_COMMANDS,
];
