/** What COMMAND tells about one command: its row in COMMAND INFO and its map in COMMAND DOCS. */
import type { ReplyWriter } from '../resp/reply-writer.ts';
import { aclCategories } from './acl-categories.ts';
import { complexityOf } from './command-complexity.ts';
import { type Change, deprecationOf, docFlagsOf, historyOf } from './command-history.ts';
import { tipsOf } from './command-tips.ts';
import type { CommandFlag, CommandSpec, KeyFlag, KeySpec } from './spec.ts';
import { type DocArgument, parseSyntax } from './syntax-docs.ts';

/** Flags in the order in which COMMAND INFO shows them. */
const FLAG_ORDER: readonly CommandFlag[] = [
  'write',
  'readonly',
  'denyoom',
  'admin',
  'pubsub',
  'noscript',
  'blocking',
  'loading',
  'stale',
  'skip_monitor',
  'skip_slowlog',
  'asking',
  'fast',
  'no_auth',
  'no_mandatory_keys',
  'no_async_loading',
  'no_multi',
  'movablekeys',
  'allow_busy',
];

const KEY_FLAG_ORDER: readonly KeyFlag[] = [
  'RO',
  'RW',
  'OW',
  'RM',
  'ACCESS',
  'UPDATE',
  'INSERT',
  'DELETE',
  'NOT_KEY',
  'INCOMPLETE',
  'VARIABLE_FLAGS',
];

/** One command of the table with the name by which it is asked for, `client|kill`. */
export interface NamedCommand {
  readonly fullName: string;
  readonly spec: CommandSpec;
}

/** Commands and sub-commands of a table by full name. */
export class CommandIndex {
  static readonly #made = new WeakMap<readonly CommandSpec[], CommandIndex>();

  /** Every command, each container followed by its sub-commands. */
  readonly all: readonly NamedCommand[];
  /** Commands without sub-commands listed by themselves. */
  readonly top: readonly NamedCommand[];
  readonly #byName: ReadonlyMap<string, NamedCommand>;

  private constructor(specs: readonly CommandSpec[]) {
    this.top = specs.map((spec) => ({ fullName: spec.name, spec }));
    this.all = specs.flatMap((spec) => named(spec, ''));
    this.#byName = new Map(this.all.map((command) => [command.fullName, command]));
  }

  /** The index of a table, made once. */
  static of(specs: readonly CommandSpec[]): CommandIndex {
    let index = CommandIndex.#made.get(specs);
    if (index === undefined) {
      index = new CommandIndex(specs);
      CommandIndex.#made.set(specs, index);
    }
    return index;
  }

  /** `name` in any case, `client|kill` for sub-commands. */
  find(name: string): NamedCommand | null {
    return this.#byName.get(name.toLowerCase()) ?? null;
  }
}

function named(spec: CommandSpec, prefix: string): NamedCommand[] {
  const fullName = prefix + spec.name;
  return [
    { fullName, spec },
    ...(spec.subcommands ?? []).flatMap((sub) => named(sub, `${fullName}|`)),
  ];
}

/** The command's flags in COMMAND INFO's order, with those that follow from its keys. */
export function shownFlags(spec: CommandSpec): CommandFlag[] {
  const movable = spec.keys.some(
    ({ find, keyword }) => find.kind !== 'range' || keyword !== undefined,
  );
  return FLAG_ORDER.filter(
    (flag) => spec.flags.includes(flag) || (movable && flag === 'movablekeys'),
  );
}

/** Key flags in the order and the letter case in which they are shown. */
export function shownKeyFlags(flags: readonly KeyFlag[]): string[] {
  return KEY_FLAG_ORDER.filter((flag) => flags.includes(flag)).map((flag) =>
    flag.length === 2 ? flag : flag.toLowerCase(),
  );
}

/**
 * First key, last key and step as clients before Redis 7 understand them; zeros where they cannot
 * tell.
 */
export function legacyKeyRange(keys: readonly KeySpec[]): readonly [number, number, number] {
  let first = 0;
  let last = 0;
  let step = 0;
  for (const { begin, keyword, find } of keys) {
    if (find.kind !== 'range' || keyword !== undefined) continue;
    const end = find.last < 0 ? find.last : begin + find.last;
    if (step === 0) {
      [first, last, step] = [begin, end, find.step];
    } else {
      // Several ranges are shown as one where they touch.
      if (step !== 1 || find.step !== 1 || last !== begin - 1) return [0, 0, 0];
      last = end;
    }
  }
  return [first, last, step];
}

function writeFlagSet(reply: ReplyWriter, flags: readonly string[]): void {
  reply.set(flags.length);
  for (const flag of flags) reply.simple(flag);
}

/** The row of COMMAND INFO, sub-commands within. */
export function writeCommandInfo(reply: ReplyWriter, { fullName, spec }: NamedCommand): void {
  const [first, last, step] = legacyKeyRange(spec.keys);
  reply.array(10);
  reply.bulkLatin1(fullName);
  reply.integer(spec.arity);
  writeFlagSet(reply, shownFlags(spec));
  reply.integer(first);
  reply.integer(last);
  reply.integer(step);
  writeFlagSet(
    reply,
    aclCategories(spec).map((category) => `@${category}`),
  );
  const tips = tipsOf(fullName);
  reply.set(tips.length);
  for (const tip of tips) reply.bulkLatin1(tip);
  reply.set(spec.keys.length);
  for (const key of spec.keys) writeKeySpec(reply, key);
  const subcommands = spec.subcommands ?? [];
  reply.set(subcommands.length);
  for (const sub of subcommands) {
    writeCommandInfo(reply, { fullName: `${fullName}|${sub.name}`, spec: sub });
  }
}

type Detail = readonly (readonly [string, number | string])[];

/** The half of a key specification called `name`: what kind it is, and its details. */
function writeSearch(reply: ReplyWriter, name: string, type: string, detail: Detail): void {
  reply.bulkLatin1(name);
  reply.map(2);
  reply.bulkLatin1('type');
  reply.bulkLatin1(type);
  reply.bulkLatin1('spec');
  reply.map(detail.length);
  for (const [field, value] of detail) {
    reply.bulkLatin1(field);
    if (typeof value === 'number') reply.integer(value);
    else reply.bulkLatin1(value);
  }
}

function beginDetail({ begin, keyword, find }: KeySpec): readonly [string, Detail] {
  if (find.kind === 'unknown') return ['unknown', []];
  if (keyword === undefined) return ['index', [['index', begin]]];
  return [
    'keyword',
    [
      ['keyword', keyword],
      ['startfrom', begin],
    ],
  ];
}

function findDetail({ find }: KeySpec): Detail {
  if (find.kind === 'unknown') return [];
  if (find.kind === 'range') {
    return [
      ['lastkey', find.last],
      ['keystep', find.step],
      ['limit', find.limit],
    ];
  }
  return [
    ['keynumidx', find.numberAt],
    ['firstkey', find.first],
    ['keystep', find.step],
  ];
}

function writeKeySpec(reply: ReplyWriter, spec: KeySpec): void {
  const [type, detail] = beginDetail(spec);
  reply.map(spec.notes === undefined ? 3 : 4);
  if (spec.notes !== undefined) writeText(reply, 'notes', spec.notes);
  reply.bulkLatin1('flags');
  writeFlagSet(reply, shownKeyFlags(spec.flags));
  writeSearch(reply, 'begin_search', type, detail);
  writeSearch(reply, 'find_keys', spec.find.kind, findDetail(spec));
}

const parsed = new WeakMap<CommandSpec, readonly DocArgument[]>();

/** The argument tree of a command, parsed when first asked for. */
export function docArguments(spec: CommandSpec): readonly DocArgument[] {
  let tree = parsed.get(spec);
  if (tree === undefined) {
    tree = parseSyntax(spec.syntax, spec.keys.length);
    parsed.set(spec, tree);
  }
  return tree;
}

function writeText(reply: ReplyWriter, field: string, text: string): void {
  reply.bulkLatin1(field);
  reply.bulkText(text);
}

function writeChanges(reply: ReplyWriter, changes: readonly Change[]): void {
  reply.bulkLatin1('history');
  reply.set(changes.length);
  for (const { version, text } of changes) {
    reply.array(2);
    reply.bulkLatin1(version);
    reply.bulkText(text);
  }
}

/** Fields of COMMAND DOCS about a command itself. Returns how many. */
function writeFacts(reply: ReplyWriter, { fullName, spec }: NamedCommand): number {
  let fields = 3;
  writeText(reply, 'summary', spec.summary);
  writeText(reply, 'since', spec.since);
  writeText(reply, 'group', spec.group);
  const complexity = complexityOf(fullName);
  if (complexity !== null) {
    writeText(reply, 'complexity', complexity);
    fields += 1;
  }
  const flags = docFlagsOf(fullName);
  if (flags.length > 0) {
    reply.bulkLatin1('doc_flags');
    writeFlagSet(reply, flags);
    fields += 1;
  }
  const deprecation = deprecationOf(fullName);
  if (deprecation !== null) {
    writeText(reply, 'deprecated_since', deprecation.since);
    writeText(reply, 'replaced_by', deprecation.replacedBy);
    fields += 2;
  }
  const changes = historyOf(fullName);
  if (changes.length > 0) {
    writeChanges(reply, changes);
    fields += 1;
  }
  return fields;
}

/** The map of COMMAND DOCS for one command, sub-commands within. */
export function writeCommandDocs(reply: ReplyWriter, command: NamedCommand): void {
  const { fullName, spec } = command;
  const tree = docArguments(spec);
  const subcommands = spec.subcommands ?? [];
  const mark = reply.deferArray();
  let fields = writeFacts(reply, command);
  if (tree.length > 0) {
    reply.bulkLatin1('arguments');
    writeArguments(reply, tree);
    fields += 1;
  }
  if (subcommands.length > 0) {
    reply.bulkLatin1('subcommands');
    reply.map(subcommands.length);
    for (const sub of subcommands) {
      const subName = `${fullName}|${sub.name}`;
      reply.bulkLatin1(subName);
      writeCommandDocs(reply, { fullName: subName, spec: sub });
    }
    fields += 1;
  }
  reply.finishMap(mark, fields);
}

function writeArguments(reply: ReplyWriter, tree: readonly DocArgument[]): void {
  reply.array(tree.length);
  for (const argument of tree) writeArgument(reply, argument);
}

function writeArgument(reply: ReplyWriter, argument: DocArgument): void {
  const flags: string[] = [];
  if (argument.isOptional) flags.push('optional');
  if (argument.isMultiple) flags.push('multiple');
  if (argument.isMultipleToken) flags.push('multiple_token');
  const isGroup = argument.children.length > 0;
  const mark = reply.deferArray();
  let pairs = 2;
  reply.bulkLatin1('name');
  reply.bulkText(argument.name);
  reply.bulkLatin1('type');
  reply.bulkLatin1(argument.type);
  if (!isGroup) {
    reply.bulkLatin1('display_text');
    reply.bulkText(argument.name);
    pairs += 1;
  }
  if (argument.keySpecIndex >= 0) {
    reply.bulkLatin1('key_spec_index');
    reply.integer(argument.keySpecIndex);
    pairs += 1;
  }
  if (argument.token !== null) {
    reply.bulkLatin1('token');
    reply.bulkText(argument.token);
    pairs += 1;
  }
  if (flags.length > 0) {
    reply.bulkLatin1('flags');
    writeFlagSet(reply, flags);
    pairs += 1;
  }
  if (isGroup) {
    reply.bulkLatin1('arguments');
    writeArguments(reply, argument.children);
    pairs += 1;
  }
  reply.finishMap(mark, pairs);
}
