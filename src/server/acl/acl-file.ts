/** The ACL file: one user a line, `user NAME RULES…`; no comments, blank lines are skipped. */
import {
  closeSync,
  fchmodSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { errnoText } from '../../base/errno-text.ts';
import { trimLine } from '../config/lines.ts';
import type { AclCommands } from './acl-commands.ts';
import { mergeSelectors } from './rules.ts';
import { hasSpaces, RULE_ERRORS } from './selector.ts';
import { AclUser, DEFAULT_USER } from './user.ts';

/** Of a new file; one that is there keeps its mode. */
const FILE_MODE = 0o600;
const NO_CHANGE =
  'WARNING: ACL errors detected, no change to the previously active ACL rules was performed';

/** The users of a file, or everything that is wrong with it in one line. */
export type LoadedUsers =
  | { readonly users: readonly AclUser[]; readonly error?: never }
  | { readonly error: string; readonly users?: never };

/** Where lines come from and what they mean. */
export interface LoadContext {
  readonly commands: AclCommands;
  /** The name of the file as it is configured, for messages. */
  readonly file: string;
  /** `acl-pubsub-default` is allchannels. */
  readonly allChannels: boolean;
}

/** Reads the file at `path`. The default user is always among the result. */
export function loadAclFile(path: string, context: LoadContext): LoadedUsers {
  let text: string;
  try {
    text = readFileSync(path, 'latin1');
  } catch (error) {
    const { file } = context;
    return { error: `Error loading ACLs, opening file '${file}': ${errnoText(error)}` };
  }
  return parseAclText(text, context);
}

/** The users of a file's text (a byte string). */
export function parseAclText(text: string, context: LoadContext): LoadedUsers {
  const users = new Map<string, AclUser>();
  const errors: string[] = [];
  text.split('\n').forEach((raw, index) => {
    const line = trimLine(raw);
    if (line !== '') errors.push(...parseLine(line, index + 1, context, users));
  });
  if (errors.length > 0) return { error: errors.join('') + NO_CHANGE };
  const { commands } = context;
  if (!users.has(DEFAULT_USER)) users.set(DEFAULT_USER, AclUser.unlimited(commands));
  return { users: [...users.values()] };
}

/** Adds a line's user; what is wrong with it, each text with a blank behind it. */
function parseLine(
  line: string,
  number: number,
  { commands, file, allChannels }: LoadContext,
  users: Map<string, AclUser>,
): string[] {
  const [keyword, name, ...words] = line.split(' ');
  const where = `${file}:${number}`;
  if (keyword !== 'user' || name === undefined) {
    return [`${where} should start with user keyword followed by the username. `];
  }
  if (name === '' || hasSpaces(name)) {
    return [`${where}: username '${name}' contains invalid characters. `];
  }
  if (users.has(name)) return [`WARNING: Duplicate user '${name}' found on line ${number}. `];
  const user = new AclUser(commands, name, allChannels);
  users.set(name, user);
  const merged = mergeSelectors(words);
  if (merged.rules === undefined)
    return [`${where}: Unmatched parenthesis in selector definition.`];
  const errors: string[] = [];
  let isFirst = true;
  for (const rule of merged.rules) {
    const error = user.apply(trimLine(rule), allChannels);
    if (error === RULE_ERRORS.unknownCommand) {
      errors.push(`${where}: Error in applying operation '${trimLine(rule)}': ${error}. `);
    } else if (error !== null && isFirst) {
      // Others may follow from the first; and what they say could be a password.
      errors.push(`${where}: ${error}. `);
      isFirst = false;
    }
  }
  return errors;
}

/** Writes users in the place of the file. Null, or what failed; the old file is untouched then. */
export function saveAclFile(path: string, users: readonly AclUser[]): string | null {
  const text = users.map((user) => `${user.describe()}\n`).join('');
  const temporary = `${path}.tmp-${process.pid}-${Date.now()}`;
  let step = 'Opening temp ACL file for ACL SAVE';
  try {
    const fd = openSync(temporary, 'wx', FILE_MODE);
    try {
      fchmodSync(fd, modeOf(path));
      step = 'Writing ACL file for ACL SAVE';
      writeFileSync(fd, text, 'latin1');
      step = 'Syncing ACL file for ACL SAVE';
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    step = 'Renaming ACL file for ACL SAVE';
    renameSync(temporary, path);
    step = 'Syncing ACL directory for ACL SAVE';
    syncDirectory(dirname(path));
    return null;
  } catch (error) {
    removeQuietly(temporary);
    return `${step}: ${errnoText(error)}`;
  }
}

/** Permission bits of the file, or those of a new one. */
function modeOf(path: string): number {
  return (statSync(path, { throwIfNoEntry: false })?.mode ?? FILE_MODE) & 0o777;
}

function syncDirectory(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** The temporary file may not be there. */
function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    return;
  }
}
