/** The HyperLogLog family: its commands, in the files that hold them. */
import { HYPERLOGLOG_BASIC_COMMANDS } from './hyperloglog-basic.ts';
import { HYPERLOGLOG_DEBUG_COMMANDS } from './hyperloglog-debug.ts';
import type { CommandSpec } from './spec.ts';

export const HYPERLOGLOG_COMMANDS: readonly CommandSpec[] = [
  ...HYPERLOGLOG_BASIC_COMMANDS,
  ...HYPERLOGLOG_DEBUG_COMMANDS,
];
