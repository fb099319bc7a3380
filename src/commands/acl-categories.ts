/** ACL categories: all their names, and which of them a command has. */
import type { CommandFlag, CommandSpec } from './spec.ts';

/** Every category in the order in which Redis lists them, without the `@`. */
export const ACL_CATEGORIES = [
  'keyspace',
  'read',
  'write',
  'set',
  'sortedset',
  'list',
  'hash',
  'string',
  'bitmap',
  'hyperloglog',
  'geo',
  'stream',
  'pubsub',
  'admin',
  'fast',
  'slow',
  'blocking',
  'dangerous',
  'connection',
  'transaction',
  'scripting',
] as const;

/** Categories that flags bring along; `slow` is what is not fast. */
const IMPLIED: readonly (readonly [CommandFlag, readonly string[]])[] = [
  ['write', ['write']],
  ['readonly', ['read']],
  ['admin', ['admin', 'dangerous']],
  ['pubsub', ['pubsub']],
  ['fast', ['fast']],
  ['blocking', ['blocking']],
];

/**
 * The command's categories, explicit and implied by its flags, in the order of ACL_CATEGORIES,
 * without `@`.
 */
export function aclCategories(spec: CommandSpec): string[] {
  const has = new Set<string>(spec.acl);
  for (const [flag, categories] of IMPLIED) {
    if (!spec.flags.includes(flag)) continue;
    // Scripts that do not write are no reads: they may do anything that scripts may.
    if (flag === 'readonly' && has.has('scripting')) continue;
    for (const category of categories) has.add(category);
  }
  if (!has.has('fast')) has.add('slow');
  return ACL_CATEGORIES.filter((category) => has.has(category));
}
