/** The stream family: its commands, in the files that hold them. */
import type { CommandSpec } from './spec.ts';
import { STREAM_RANGE_COMMANDS } from './stream-range.ts';

export const STREAM_COMMANDS: readonly CommandSpec[] = [...STREAM_RANGE_COMMANDS];
