// Reading a configuration: the file, then standard input, then the command line's directives, as
// if they were one text. `include` is read in place. The first error ends it.

import { closeSync, globSync, openSync, readFileSync, realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { errnoText } from '../../base/errno-text.ts';
import { TESSERA_VERSION } from '../../base/version.ts';
import { fromByteText, toByteText } from './byte-text.ts';
import { findDirective, OBSOLETE_DIRECTIVES } from './directives.ts';
import { isCommentOrBlank, splitArguments, trimLine } from './lines.ts';
import { RenameTable } from './rename-table.ts';
import type { ConfigStore } from './store.ts';

const INCLUDE_DEPTH_MAX = 32;
const BAD_DIRECTIVE = 'Bad directive or wrong number of arguments';

/** Where a configuration comes from. Later parts override earlier ones. */
export interface ConfigSource {
  /** Path of the configuration file, or null. */
  readonly file: string | null;
  /** What standard input held, as a byte string, or null when it is not to be read. */
  readonly stdin: string | null;
  /** The command line's directives as lines, a byte string; '' for none. */
  readonly options: string;
}

/** What the loader needs from the rest of the server. */
export interface LoadOptions {
  /** Whether a lower-case name is a command, for rename-command. */
  readonly isCommand: (name: string) => boolean;
  /** Why the words behind `user` are refused, or null; `names`: those of the lines before. */
  readonly checkUser?: (words: readonly string[], names: readonly string[]) => string | null;
}

/** Ends the loading; the message is complete and ready for standard error. */
class LoadFailure extends Error {}

interface Reading {
  readonly store: ConfigStore;
  readonly renames: RenameTable;
  readonly users: (readonly string[])[];
  readonly checkUser: LoadOptions['checkUser'];
  /** Real paths of the files being read, the including ones first. */
  readonly open: string[];
}

/**
 * Reads a configuration into `store`. Null, or the message for standard error (several lines, each
 * ended); the store is then half filled and of no use.
 */
export function loadConfig(
  store: ConfigStore,
  source: ConfigSource,
  options: LoadOptions,
): string | null {
  const renames = new RenameTable(options.isCommand);
  const reading: Reading = { store, renames, users: [], checkUser: options.checkUser, open: [] };
  try {
    let text = '';
    if (source.file !== null) {
      store.configFile = resolve(source.file);
      text = readConfigFile(source.file);
      if (!text.endsWith('\n')) text += '\n';
      reading.open.push(realPathOf(source.file));
    }
    text += source.stdin ?? '';
    if (source.options !== '') text += '\n' + source.options;
    readText(reading, text, null);
    checkWhole(store);
  } catch (error) {
    if (error instanceof LoadFailure) return error.message;
    throw error;
  }
  store.renames = renames.toRecord();
  store.users = reading.users;
  return null;
}

/** Without symbolic links where that can be told; a pipe has no such path. */
function realPathOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path);
  }
}

function readConfigFile(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    const reason = errnoText(error);
    throw new LoadFailure(`Fatal error, can't open config file '${path}': ${reason}\n`);
  }
}

/** Redis's report of a bad line; for an included file it also says which. */
function lineFailure(file: string | null, number: number, line: string, reason: string): Error {
  const where = file === null ? '' : ` '${file}'`;
  return new LoadFailure(
    fatal([
      `Reading the configuration file${where}, at line ${number}`,
      `>>> '${fromByteText(withoutPasswords(line))}'`,
      fromByteText(reason),
    ]),
  );
}

/** A line for a message: the passwords of a `user` line are left out. */
function withoutPasswords(line: string): string {
  if (!/^user\s/i.test(line)) return line;
  return line.replace(/(?<=\s["']?[><#!])\S+/g, '(redacted)');
}

function fatal(lines: readonly string[]): string {
  const title = `*** FATAL CONFIG FILE ERROR (Tessera ${TESSERA_VERSION}) ***`;
  return ['', title, ...lines, ''].join('\n');
}

function readText(reading: Reading, text: string, file: string | null): void {
  text.split('\n').forEach((raw, index) => {
    const line = trimLine(raw);
    if (isCommentOrBlank(line)) return;
    const words = splitArguments(line);
    const error =
      words === null ? 'Unbalanced quotes in configuration line' : readLine(reading, words);
    if (error !== null) throw lineFailure(file, index + 1, line, error);
  });
}

/** Carries out one line; the text returned is why it is refused. */
function readLine(reading: Reading, words: readonly string[]): string | null {
  if (words.length === 0) return null;
  const name = words[0]!.toLowerCase();
  if (findDirective(name)) return reading.store.load([name, ...words.slice(1)]);
  if (OBSOLETE_DIRECTIVES.includes(name)) return words.length === 2 ? null : BAD_DIRECTIVE;
  if (name === 'include' && words.length === 2) return include(reading, words[1]!);
  if (name === 'rename-command' && words.length === 3) {
    return reading.renames.add(words[1]!, words[2]!);
  }
  if (name === 'user' && words.length >= 2) {
    const names = reading.users.map((user) => user[0]!);
    const error = reading.checkUser?.(words.slice(1), names) ?? null;
    if (error === null) reading.users.push(words.slice(1));
    return error;
  }
  if (name === 'loadmodule' && words.length >= 2) {
    return 'Tessera does not load modules: remove the loadmodule directive';
  }
  if (name === 'sentinel') return 'sentinel directive while not in sentinel mode';
  return BAD_DIRECTIVE;
}

/** A pattern may match nothing; a plain path must exist. Relative ones start at `dir`. */
function include(reading: Reading, word: string): string | null {
  const cwd = reading.store.path('dir');
  const path = fromByteText(word);
  const files = /[*?[]/.test(path) ? globSync(path, { cwd }).sort() : [path];
  for (const name of files) {
    const file = resolve(cwd, name);
    const text = readConfigFile(file);
    const real = realPathOf(file);
    if (reading.open.includes(real)) return toByteText(`include loop: '${real}' includes itself`);
    if (reading.open.length >= INCLUDE_DEPTH_MAX) return 'Too many nested include directives';
    reading.open.push(real);
    readText(reading, text, file);
    reading.open.pop();
  }
  return null;
}

/** What can be judged only when the last word is said, such as a distribution's `daemonize yes`. */
function checkWhole(store: ConfigStore): void {
  if (store.bool('daemonize')) {
    const advice = 'run Tessera under a supervisor such as systemd';
    throw new LoadFailure(fatal([`daemonize yes is not supported: ${advice}`]));
  }
  // A log file that cannot be written must stop the start, not go unnoticed.
  const path = store.path('logfile');
  if (path === '') return;
  try {
    closeSync(openSync(path, 'a'));
  } catch (error) {
    throw new LoadFailure(fatal([`Can't open the log file: ${errnoText(error)}`]));
  }
}
