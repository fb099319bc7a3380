/** The stream family: its commands, in the files that hold them. */
import type { CommandSpec } from './spec.ts';
import { STREAM_ADD_COMMANDS } from './stream-add.ts';
import { STREAM_CLAIM_COMMANDS } from './stream-claim.ts';
import { STREAM_DELETE_COMMANDS } from './stream-delete.ts';
import { STREAM_GROUP_COMMANDS } from './stream-group.ts';
import { STREAM_IDEMPOTENCE_COMMANDS } from './stream-idempotence.ts';
import { STREAM_INFO_COMMANDS } from './stream-info.ts';
import { STREAM_RANGE_COMMANDS } from './stream-range.ts';
import { STREAM_READ_COMMANDS } from './stream-read.ts';

export const STREAM_COMMANDS: readonly CommandSpec[] = [
  ...STREAM_ADD_COMMANDS,
  ...STREAM_DELETE_COMMANDS,
  ...STREAM_RANGE_COMMANDS,
  ...STREAM_READ_COMMANDS,
  ...STREAM_GROUP_COMMANDS,
  ...STREAM_CLAIM_COMMANDS,
  ...STREAM_IDEMPOTENCE_COMMANDS,
  ...STREAM_INFO_COMMANDS,
];
