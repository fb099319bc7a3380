// The configuration in force on one thread.
//
// OWNERSHIP: every thread has its own ConfigStore. Main's is the one that CONFIG SET changes; it
// hands `snapshot()` to threads at their start and `changes(names)` afterwards, which they take
// with `applyChanges`. Values are byte strings (byte-text.ts) in canonical form (directive.ts).
//
// INVARIANT: a cell's `number` and `flag` always follow from its `text`.

import { isAbsolute, resolve } from 'node:path';
import { fromByteText, toByteText } from './byte-text.ts';
import {
  type Directive,
  HIDDEN,
  IMMUTABLE,
  MULTI,
  OWN,
  type Parsed,
  PROTECTED,
} from './directive.ts';
import {
  type BoolName,
  DIRECTIVES,
  type DirectiveName,
  findDirective,
  type IntName,
  type NamedDirective,
  namedDirectives,
  type TextName,
} from './directives.ts';
import { matchGlob } from './glob.ts';
import { splitArguments } from './lines.ts';
import type { RenameRecord } from './rename-table.ts';
import { allowsProtectedAction } from './special-directives.ts';

/** A live value: keep the cell and read its field in a hot path, it stays current on its thread. */
export interface ConfigCell {
  /** The canonical text. */
  readonly text: string;
  /** The number behind it; NaN for directives without one. */
  readonly number: number;
  /** True for `yes`. */
  readonly flag: boolean;
}

interface Cell extends ConfigCell {
  readonly directive: Directive;
  text: string;
  number: number;
  flag: boolean;
  /** Set by the file, the command line or CONFIG SET. */
  explicit: boolean;
}

/** Canonical texts by directive name: what goes from thread to thread. */
export type ConfigRecord = Readonly<Record<string, string>>;

/** Everything that a store holds, as plain data. */
export interface ConfigSnapshot {
  readonly values: ConfigRecord;
  readonly explicit: readonly string[];
  readonly configFile: string;
  readonly renames: RenameRecord;
  readonly users: readonly (readonly string[])[];
}

/** A refusal of new values by the part of the server that has to live with them. */
export interface ConfigVeto {
  /** The directive that is the likely cause. */
  readonly name: string;
  /** Why: "Unable to listen on this port. Check server logs." */
  readonly reason: string;
}

/**
 * Makes the server act on new values. They are already in the store. After a veto the old values
 * are put back and the hook is called once more, with `restoring` true and its answer ignored.
 */
export type ApplyHook = (changed: readonly string[], restoring: boolean) => ConfigVeto | null;

/** What CONFIG SET may need to know about its caller. */
export interface SetOptions {
  /** True when the client is on a loopback address or a Unix socket. */
  readonly localClient?: boolean;
}

/** Refused (an error reply's text with its "ERR"), or done, with the names of changed values. */
export type SetOutcome =
  | { readonly error: string; readonly changed?: never }
  | { readonly changed: readonly string[]; readonly error?: never };

/** New values that are in force but can still be taken back; for appliers that must wait. */
export interface StagedChange {
  readonly changed: readonly string[];
  /** Puts the old values back and returns the error reply's text. */
  rollBack(veto: ConfigVeto): string;
}

interface Assignment {
  readonly cell: Cell;
  readonly shown: string;
  readonly value: string;
}

/** Error texts of CONFIG SET, as Redis words them. */
function setFailed(argument: string, reason: string): string {
  return `ERR CONFIG SET failed (possibly related to argument '${argument}') - ${reason}`;
}

export class ConfigStore {
  /** Absolute path of the configuration file, '' when the server runs without one. */
  configFile = '';
  /** Commands under other names: original → new, '' = taken away. */
  renames: RenameRecord = {};
  /** The words behind `user` of every `user` line, in order. */
  users: readonly (readonly string[])[] = [];
  readonly #cells = new Map<string, Cell>();

  /** All defaults; `workingDirectory` is the initial `dir`. */
  constructor(workingDirectory: string = process.cwd()) {
    for (const directive of DIRECTIVES) {
      const cell = { directive, text: '', number: Number.NaN, flag: false, explicit: false };
      assign(cell, directive.initial);
      this.#cells.set(directive.name, cell);
    }
    assign(this.#cell('dir'), toByteText(resolve(workingDirectory)));
  }

  // Typed reading ----------------------------------------------------------------------------

  bool(name: BoolName): boolean {
    return this.#cell(name).flag;
  }

  /** Plain number, bytes, or permission bits; a percentage comes as a negative number. */
  int(name: IntName): number {
    return this.#cell(name).number;
  }

  /** The canonical text, a byte string. */
  text(name: TextName): string {
    return this.#cell(name).text;
  }

  /** A path for the file system: UTF-8, relative ones resolved against `dir`; '' stays ''. */
  path(name: TextName): string {
    const path = fromByteText(this.#cell(name).text);
    if (path === '' || isAbsolute(path)) return path;
    return resolve(fromByteText(this.#cell('dir').text), path);
  }

  /** The live cell of a directive. */
  cell(name: DirectiveName): ConfigCell {
    return this.#cell(name);
  }

  /** True when the value was given by somebody rather than being the default. */
  isExplicit(name: DirectiveName): boolean {
    return this.#cell(name).explicit;
  }

  /** The directives that were given explicitly, in table order. */
  explicitDirectives(): Directive[] {
    return DIRECTIVES.filter((directive) => this.#cell(directive.name).explicit);
  }

  #cell(name: string): Cell {
    const cell = this.#cells.get(name);
    if (cell === undefined) throw new Error(`no configuration directive named ${name}`);
    return cell;
  }

  // CONFIG GET -------------------------------------------------------------------------------

  /**
   * [name, value] pairs for names and glob patterns in any case. A name is answered as it was
   * asked for (also an alias); a pattern gives each matching name and alias once.
   */
  get(patterns: readonly string[]): [name: string, value: string][] {
    const found = new Map<string, [name: string, value: string]>();
    const add = (answer: string, { shown, directive }: NamedDirective) => {
      if (!found.has(shown)) found.set(shown, [answer, this.#cell(directive.name).text]);
    };
    for (const pattern of patterns) {
      if (!/[[*?]/.test(pattern)) {
        const named = findDirective(pattern);
        if (named) add(pattern, named);
        continue;
      }
      for (const named of namedDirectives()) {
        if (named.directive.flags & HIDDEN) continue;
        if (matchGlob(pattern, named.shown)) add(named.shown, named);
      }
    }
    return [...found.values()];
  }

  // CONFIG SET -------------------------------------------------------------------------------

  /**
   * CONFIG SET name value [name value …]: all or nothing. `apply` sees the names whose values
   * differ from before and may veto. For appliers that must wait use `stage`.
   */
  set(words: readonly string[], options: SetOptions = {}, apply?: ApplyHook): SetOutcome {
    const staged = this.stage(words, options);
    if (typeof staged === 'string') return { error: staged };
    const veto = staged.changed.length === 0 ? null : (apply?.(staged.changed, false) ?? null);
    if (veto === null) return { changed: staged.changed };
    const error = staged.rollBack(veto);
    apply?.(staged.changed, true);
    return { error };
  }

  /** Checks all pairs and puts them in force; a string is the error reply's text. */
  stage(words: readonly string[], options: SetOptions = {}): StagedChange | string {
    if (words.length === 0 || words.length % 2 !== 0) return 'ERR syntax error';
    const assignments = this.#resolve(words, options.localClient ?? false);
    if (typeof assignments === 'string') return assignments;
    const texts: string[] = [];
    for (const { cell, shown, value } of assignments) {
      const multi = cell.directive.flags & MULTI;
      const values = multi ? (value === '' ? [] : value.split(' ')) : [value];
      const context = { current: cell.text, loading: false, repeated: false };
      const parsed = cell.directive.parse(values, context);
      if (parsed.error !== undefined) return setFailed(shown, parsed.error);
      texts.push(parsed.text);
    }
    const before = assignments.map(({ cell }) => ({
      cell,
      text: cell.text,
      explicit: cell.explicit,
    }));
    assignments.forEach(({ cell }, index) => {
      assign(cell, texts[index]!);
      cell.explicit = true;
    });
    return {
      changed: [
        ...new Set(before.filter((old) => old.cell.text !== old.text).map(directiveNameOf)),
      ],
      rollBack: (veto) => {
        for (const old of before) {
          assign(old.cell, old.text);
          old.cell.explicit = old.explicit;
        }
        return setFailed(veto.name, veto.reason);
      },
    };
  }

  /** Finds the directives of CONFIG SET's pairs, or the error that names the first bad one. */
  #resolve(words: readonly string[], localClient: boolean): Assignment[] | string {
    const allowed = this.text('enable-protected-configs');
    const mayProtected = allowsProtectedAction(allowed, localClient);
    const assignments: Assignment[] = [];
    // An alias beside its name is not a duplicate for Redis; the later value holds.
    const seen = new Set<string>();
    for (let at = 0; at < words.length; at += 2) {
      const given = words[at]!;
      const named = findDirective(given);
      if (named === undefined) {
        return `ERR Unknown option or number of arguments for CONFIG SET - '${given}'`;
      }
      const { flags } = named.directive;
      const cell = this.#cell(named.directive.name);
      const kept = (flags & OWN) !== 0 && words[at + 1] === cell.text;
      if (flags & IMMUTABLE && !kept) return setFailed(given, "can't set immutable config");
      if (flags & PROTECTED && !mayProtected) return setFailed(given, "can't set protected config");
      if (seen.has(named.shown)) return setFailed(given, 'duplicate parameter');
      seen.add(named.shown);
      assignments.push({ cell, shown: named.shown, value: words[at + 1]! });
    }
    return assignments;
  }

  // Loading and handing on -------------------------------------------------------------------

  /**
   * One line of a configuration file, already split, whose first word is a known directive. Null,
   * or why the line is refused.
   */
  load(words: readonly string[]): string | null {
    const named = findDirective(words[0]!);
    if (named === undefined) return 'Bad directive or wrong number of arguments';
    const { directive } = named;
    const cell = this.#cell(directive.name);
    let values: readonly string[] | null = words.slice(1);
    if (directive.flags & MULTI) {
      // One quoted argument may hold the whole list.
      if (values.length === 1 && values[0] !== '') values = splitArguments(values[0]!);
      if (values === null) return 'Unbalanced quotes in configuration line';
    } else if (values.length !== 1) {
      return 'wrong number of arguments';
    }
    const context = { current: cell.text, loading: true, repeated: cell.explicit };
    const parsed: Parsed = directive.parse(values, context);
    if (parsed.error !== undefined) return parsed.error;
    assign(cell, parsed.text);
    cell.explicit = true;
    return null;
  }

  /** The canonical texts of some directives, for `applyChanges` on other threads. */
  changes(names: readonly string[]): ConfigRecord {
    return Object.fromEntries(names.map((name) => [name, this.#cell(name).text]));
  }

  /** Takes over texts that another thread's store has accepted. Throws on an unknown name. */
  applyChanges(record: ConfigRecord): void {
    for (const [name, value] of Object.entries(record)) {
      const cell = this.#cell(name);
      assign(cell, value);
      cell.explicit = true;
    }
  }

  /** Everything, as plain data for JSON or a message. */
  snapshot(): ConfigSnapshot {
    const cells = [...this.#cells.values()];
    return {
      values: Object.fromEntries(cells.map((cell) => [cell.directive.name, cell.text])),
      explicit: this.explicitDirectives().map((directive) => directive.name),
      configFile: this.configFile,
      renames: this.renames,
      users: this.users,
    };
  }

  /** A store with the contents of a snapshot. */
  static restore(snapshot: ConfigSnapshot): ConfigStore {
    const store = new ConfigStore();
    store.applyChanges(snapshot.values);
    const explicit = new Set(snapshot.explicit);
    for (const cell of store.#cells.values()) cell.explicit = explicit.has(cell.directive.name);
    store.configFile = snapshot.configFile;
    store.renames = snapshot.renames;
    store.users = snapshot.users;
    return store;
  }
}

function directiveNameOf(entry: { readonly cell: Cell }): string {
  return entry.cell.directive.name;
}

function assign(cell: Cell, text: string): void {
  cell.text = text;
  cell.number = cell.directive.numberOf(text);
  cell.flag = text === 'yes';
}
