/** The hash family: its commands, in the files that hold them. */
import { HASH_EXPIRE_COMMANDS } from './hash-expire.ts';
import { HASH_GETEX_COMMANDS } from './hash-getex.ts';
import { HASH_IMPORT_COMMANDS } from './hash-import.ts';
import { HASH_READ_COMMANDS } from './hash-read.ts';
import { HASH_SET_COMMANDS } from './hash-set.ts';
import type { CommandSpec } from './spec.ts';

export const HASH_COMMANDS: readonly CommandSpec[] = [
  ...HASH_SET_COMMANDS,
  ...HASH_READ_COMMANDS,
  ...HASH_EXPIRE_COMMANDS,
  ...HASH_GETEX_COMMANDS,
  ...HASH_IMPORT_COMMANDS,
];
