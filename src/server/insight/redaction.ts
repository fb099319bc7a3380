/** Arguments that nobody may read in logs: passwords, and what belongs to users of the ACL. */
import type { CommandRow } from '../../commands/table.ts';
import type { ArgView } from '../../resp/request-parser.ts';
import { isSensitiveDirective } from '../config/directives.ts';

/** What stands in the place of a secret. */
export const REDACTED = '(redacted)';

/** Commands all of whose arguments from some index on are secret, by their original name. */
const ALL_FROM: ReadonlyMap<string, number> = new Map([
  ['auth', 1],
  ['acl|setuser', 2],
  ['acl|deluser', 2],
  ['acl|getuser', 2],
]);

/** How many secrets follow a word of these commands. */
const AFTER_WORD: ReadonlyMap<string, ReadonlyMap<string, number>> = new Map([
  ['hello', new Map([['AUTH', 2]])],
  [
    'migrate',
    new Map([
      ['AUTH', 1],
      ['AUTH2', 2],
    ]),
  ],
]);

/** Longest word that `AFTER_WORD` knows: longer arguments need not become strings. */
const WORD_LENGTH_MAX = 5;

/**
 * Indexes of the arguments of a command that have to be hidden; null for nearly all commands.
 * Renamed commands are known by their original names. O(1), for the few commands that may have
 * secrets O(arguments).
 */
export function secretArguments(row: CommandRow, args: ArgView): ReadonlySet<number> | null {
  const name = row.originalName;
  const from = ALL_FROM.get(name);
  if (from !== undefined) {
    const all = new Set<number>();
    for (let i = from; i < args.count; i++) all.add(i);
    return all;
  }
  if (name === 'config|set') return sensitiveValues(args);
  const words = AFTER_WORD.get(name);
  return words === undefined ? null : secretsAfter(words, args);
}

function sensitiveValues(args: ArgView): ReadonlySet<number> {
  const found = new Set<number>();
  for (let i = 2; i + 1 < args.count; i += 2) {
    if (isSensitiveDirective(args.text(i))) found.add(i + 1);
  }
  return found;
}

function secretsAfter(words: ReadonlyMap<string, number>, args: ArgView): ReadonlySet<number> {
  const found = new Set<number>();
  for (let i = 1; i < args.count; i++) {
    if (args.length[i]! > WORD_LENGTH_MAX) continue;
    const secrets = words.get(args.text(i).toUpperCase()) ?? 0;
    for (let n = 1; n <= secrets && i + n < args.count; n++) found.add(i + n);
    i += secrets;
  }
  return found;
}
