/**
 * CommandTable: finds a command's row by the bytes of its name, without making a string, and keeps
 * what dispatch needs to know about it in plain fields.
 */
import type { ArgView } from '../resp/request-parser.ts';
import type { CommandSpec, KeyCount, KeyOption, KeyRange, KeySpec } from './spec.ts';

const TRANSACTION_CONTROL: ReadonlySet<string> = new Set([
  'exec',
  'discard',
  'multi',
  'watch',
  'quit',
  'reset',
]);

const SUBSCRIBING: ReadonlySet<string> = new Set([
  'subscribe',
  'psubscribe',
  'ssubscribe',
  'unsubscribe',
  'punsubscribe',
  'sunsubscribe',
]);
const FOR_SUBSCRIBERS: ReadonlySet<string> = new Set(['ping', 'quit', 'reset']);

/**
 * One command (or sub-command) as dispatch sees it: plain fields of one shape, read on every call.
 */
export class CommandRow {
  readonly spec: CommandSpec;
  /** Index in `CommandTable.rows`: how rings and statistics name a command. */
  readonly index: number;
  /** `get`, `client|kill`. */
  readonly fullName: string;
  /** What statistics call it: `debug` for all of DEBUG, which is no container in Redis. */
  readonly shownName: string;
  /** The same before rename-command. */
  readonly originalName: string;
  readonly arity: number;
  readonly isWrite: boolean;
  readonly isReadOnly: boolean;
  /** Its reply may be far larger than any value, because it may name one many times. */
  readonly mayReplyMuch: boolean;
  /** SCAN: goes from shard to shard. */
  readonly isByCursor: boolean;
  /** See ShardCommandSpec.readsOnly. */
  readonly readsOnly: ((args: ArgView) => boolean) | null;
  /** Others may read its shards meanwhile: it only reads, and never begins to wait. */
  readonly isShared: boolean;
  readonly isDenyOom: boolean;
  readonly isNoAuth: boolean;
  readonly isFast: boolean;
  readonly isSkippedBySlowLog: boolean;
  /** Runs while the data set is loaded. */
  readonly isForLoading: boolean;
  readonly isNoMulti: boolean;
  readonly isSlow: boolean;
  readonly isSession: boolean;
  /** See SessionCommandSpec.asksThreads. */
  readonly asksThreads: boolean;
  /** See ShardCommandSpec.usesFieldset. */
  readonly usesFieldset: boolean;
  readonly preparesFieldset: boolean;
  /** Waits while CLIENT PAUSE holds writes. */
  readonly isHeldAsWrite: boolean;
  /** MOVE and COPY: a key may come into a database that is not the selected one. */
  readonly isAcrossDatabases: boolean;
  /** May wait: nothing of its client is sent behind it. */
  readonly isBlocking: boolean;
  /** SUBSCRIBE and its like, whose answers are messages. */
  readonly isSubscribing: boolean;
  /** Allowed to a subscribed client that speaks RESP2. */
  readonly isForSubscribers: boolean;
  /** MONITOR shows it. */
  readonly isMonitored: boolean;
  readonly isExec: boolean;
  readonly isWatch: boolean;
  readonly isMulti: boolean;
  /** Runs at once inside MULTI instead of being queued. */
  readonly isTransactionControl: boolean;
  /** DEBUG and its sub-commands: allowed by `enable-debug-command`. */
  readonly isDebug: boolean;
  /** These, and what `enable-module-command` allows. */
  readonly isGuarded: boolean;
  /**
   * Argument index of the only key where the command has exactly one at a fixed place; otherwise 0.
   */
  readonly singleKey: number;
  /** Where keys are every `keysStep`-th argument from one on: that one; otherwise both 0. */
  readonly keysFrom: number;
  readonly keysStep: number;
  /** The command's own name in upper case, as the append-only file has it. */
  readonly logName: Uint8Array;
  readonly subcommands: CommandTable | null;

  constructor(
    spec: CommandSpec,
    index: number,
    fullName: string,
    originalName: string,
    isDebug: boolean,
    subcommands: CommandTable | null,
  ) {
    this.spec = spec;
    this.index = index;
    this.fullName = fullName;
    this.arity = spec.arity;
    this.isWrite = spec.flags.includes('write');
    this.isHeldAsWrite = this.isWrite || spec.flags.includes('may_replicate');
    this.isReadOnly = spec.flags.includes('readonly');
    this.isByCursor = spec.place === 'shard' && spec.shards === 'cursor';
    this.readsOnly = (spec.place === 'shard' && spec.readsOnly) || null;
    this.isShared = this.isReadOnly && !spec.flags.includes('blocking');
    this.isDenyOom = spec.flags.includes('denyoom');
    this.isNoAuth = spec.flags.includes('no_auth');
    this.isFast = spec.flags.includes('fast');
    const isShort = this.isFast && spec.arity > 0;
    this.mayReplyMuch = (this.isReadOnly || this.readsOnly !== null) && !isShort;
    this.isSkippedBySlowLog = spec.flags.includes('skip_slowlog');
    this.isForLoading = spec.flags.includes('loading');
    this.isNoMulti = spec.flags.includes('no_multi');
    this.isSession = spec.place === 'session';
    this.asksThreads = spec.place === 'session' && spec.asksThreads === true;
    this.usesFieldset = spec.place === 'shard' && spec.usesFieldset === true;
    this.originalName = originalName;
    this.shownName = isDebug ? fullName.split('|')[0]! : fullName;
    this.preparesFieldset = originalName === 'himport|prepare';
    this.isAcrossDatabases = originalName === 'move' || originalName === 'copy';
    this.isBlocking = spec.flags.includes('blocking');
    this.isSubscribing = SUBSCRIBING.has(originalName);
    this.isForSubscribers = this.isSubscribing || FOR_SUBSCRIBERS.has(originalName);
    this.isMonitored = !spec.flags.includes('admin') && !spec.flags.includes('skip_monitor');
    this.isExec = originalName === 'exec';
    this.isWatch = originalName === 'watch';
    this.isMulti = originalName === 'multi';
    this.isTransactionControl = TRANSACTION_CONTROL.has(originalName);
    this.isDebug = isDebug;
    this.isGuarded = isDebug || spec.flags.includes('protected');
    this.isSlow = spec.place === 'shard' && (spec.isSlow === true || spec.shards === 'each');
    const range = plainRange(spec);
    const isToEnd = range?.last === -1 && range.limit === 0;
    this.singleKey = range?.last === 0 ? range.begin : 0;
    this.keysFrom = isToEnd ? range.begin : 0;
    this.keysStep = isToEnd ? range.step : 0;
    const [container] = originalName.split('|');
    this.logName = new TextEncoder().encode(container!.toUpperCase());
    this.subcommands = subcommands;
  }

  /** False when `count` arguments (name included) are too few or too many. */
  acceptsCount(count: number): boolean {
    return this.arity >= 0 ? count === this.arity : count >= -this.arity;
  }
}

/** The range of keys of a command that has nothing else to say of them; null = it has. */
function plainRange(spec: CommandSpec): (KeyRange & { readonly begin: number }) | null {
  if (spec.place !== 'shard' || spec.shards !== 'keys' || spec.keys.length !== 1) return null;
  const { begin, keyword, find } = spec.keys[0]!;
  if (keyword !== undefined || spec.needsAll !== undefined) return null;
  return find.kind === 'range' ? { ...find, begin } : null;
}

const SEED_TRIES_MAX = 100_000;

export class CommandTable {
  /** Every row of this table and of its sub-tables, by `CommandRow.index` (the top table only). */
  readonly rows: CommandRow[];
  /** The specs of this table itself, in the order given. */
  readonly specs: readonly CommandSpec[];
  readonly #names: Uint8Array[] = [];
  readonly #byName: CommandRow[] = [];
  #slots: Int16Array = new Int16Array(0);
  #seed = 0;
  /** The name found last: pipelines repeat one. */
  #last = 0;

  /**
   * Builds the table of `specs`; sub-tables append to the same `rows`. Throws on two commands of
   * one name.
   */
  constructor(
    specs: readonly CommandSpec[],
    prefix = '',
    rows: CommandRow[] = [],
    isDebugContainer = false,
    originalPrefix: string = prefix,
  ) {
    this.rows = rows;
    this.specs = specs;
    for (const spec of specs) {
      const fullName = prefix + spec.name;
      const index = rows.length;
      rows.length += 1;
      const originalName = originalPrefix + (spec.origin ?? spec.name);
      const isDebug = isDebugContainer || originalName === 'debug';
      const { subcommands } = spec;
      const sub = subcommands
        ? new CommandTable(subcommands, `${fullName}|`, rows, isDebug, `${originalName}|`)
        : null;
      const row = new CommandRow(spec, index, fullName, originalName, isDebug, sub);
      rows[index] = row;
      this.#names.push(new TextEncoder().encode(spec.name));
      this.#byName.push(row);
    }
    this.#index();
  }

  /**
   * Looks for a seed under which no two names share a slot, so that a lookup compares one name
   * only.
   */
  #index(): void {
    if (new Set(this.#byName.map((row) => row.fullName)).size !== this.#byName.length) {
      throw new Error('command table: two commands have one name');
    }
    // By the birthday bound one seed in 55 is perfect in a table of n * n / 8 slots.
    const count = this.#names.length;
    let size = 8;
    while (size < count * 4 || size * 8 < count * count) size *= 2;
    for (let seed = 1; seed < SEED_TRIES_MAX; seed++) {
      const slots = new Int16Array(size).fill(-1);
      const isPerfect = this.#names.every((name, i) => {
        const slot = hashName(name, 0, name.length, seed) & (size - 1);
        if (slots[slot] !== -1) return false;
        slots[slot] = i;
        return true;
      });
      if (!isPerfect) continue;
      this.#slots = slots;
      this.#seed = seed;
      return;
    }
    throw new Error('command table: no perfect hash found');
  }

  /** The row named by bytes [start, end) in any case, or null. */
  find(buf: Uint8Array, start: number, end: number): CommandRow | null {
    const last = this.#last;
    if (this.#isName(last, buf, start, end)) return this.#byName[last]!;
    const index = this.#slots[hashName(buf, start, end, this.#seed) & (this.#slots.length - 1)]!;
    if (index < 0 || !this.#isName(index, buf, start, end)) return null;
    this.#last = index;
    return this.#byName[index]!;
  }

  #isName(index: number, buf: Uint8Array, start: number, end: number): boolean {
    const name = this.#names[index]!;
    if (name.length !== end - start) return false;
    for (let i = 0; i < name.length; i++) {
      let byte = buf[start + i]!;
      if (byte >= 0x41 && byte <= 0x5a) byte |= 0x20;
      if (byte !== name[i]) return false;
    }
    return true;
  }
}

function hashName(buf: Uint8Array, start: number, end: number, seed: number): number {
  let h = seed;
  for (let i = start; i < end; i++) h = Math.imul(h ^ (buf[i]! | 0x20), 0x01000193);
  return h ^ (h >>> 15);
}

/** Result of `keyIndexes`: argument indexes of the keys. Reused by every call. */
export class KeyIndexes {
  count = 0;
  index: Int32Array = new Int32Array(64);

  push(at: number): void {
    if (this.count === this.index.length) {
      const grown = new Int32Array(this.count * 2);
      grown.set(this.index);
      this.index = grown;
    }
    this.index[this.count++] = at;
  }
}

/**
 * Finds the keys of a command. False when the arguments do not fit the specification (bad key
 * count). O(keys).
 */
export function keyIndexes(specs: readonly KeySpec[], args: ArgView, out: KeyIndexes): boolean {
  out.count = 0;
  for (const spec of specs) {
    if (!oneSpec(spec, args, out)) return false;
  }
  return true;
}

function oneSpec(spec: KeySpec, args: ArgView, out: KeyIndexes): boolean {
  const { keyword, begin, find } = spec;
  if (find.kind === 'unknown') {
    optionKey(begin, find, args, out);
    return true;
  }
  if (keyword === undefined) {
    const { unless } = spec;
    if (unless !== undefined && wordIndex(unless, args) >= 0) return true;
    return keysAt(begin, find, args, out);
  }
  if (find.kind === 'range' && find.last === 0 && begin > 0) {
    // An option given twice: which one counts is the command's affair, its keys are all of them.
    for (let i = begin; i + 1 < args.count; i++) {
      if (isWord(args, i, keyword)) out.push(i + 1);
    }
    return true;
  }
  const { whereEmpty } = spec;
  if (whereEmpty !== undefined && args.length[whereEmpty] !== 0) return true;
  const at = wordIndex(spec, args);
  return at < 0 || keysAt(at + 1, find, args, out);
}

function keysAt(begin: number, find: KeyRange | KeyCount, args: ArgView, out: KeyIndexes): boolean {
  if (find.kind === 'range') {
    let last = begin + find.last;
    if (find.last < 0) {
      const parts = Math.max(find.limit, 1);
      last = begin + Math.floor((args.count - begin) / parts) + find.last;
    }
    for (let i = begin; i <= last && i < args.count; i += find.step) out.push(i);
    return true;
  }
  const at = begin + find.numberAt;
  if (at >= args.count) return false;
  const keys = args.toInt(at);
  const first = begin + find.first;
  if (!(keys >= 1) || first + (keys - 1) * find.step >= args.count) return false;
  for (let i = 0; i < keys; i++) out.push(first + i * find.step);
  return true;
}

/** Index of a specification's keyword with an argument behind it, or -1. */
function wordIndex({ keyword, begin, options, optionsFrom }: KeySpec, args: ArgView): number {
  return options === undefined
    ? keywordIndex(keyword!, begin, args)
    : keywordBehind(keyword!, options, optionsFrom ?? 1, args);
}

/** Index of `keyword` with an argument behind it, or -1. */
function keywordIndex(keyword: string, begin: number, args: ArgView): number {
  if (begin > 0) {
    for (let i = begin; i + 1 < args.count; i++) if (isWord(args, i, keyword)) return i;
  } else {
    for (let i = args.count + begin; i > 1; i--) if (isWord(args, i, keyword)) return i;
  }
  return -1;
}

/** The same where options may stand before it, from argument `from` on. */
function keywordBehind(
  keyword: string,
  options: NonNullable<KeySpec['options']>,
  from: number,
  args: ArgView,
): number {
  for (let i = from; i + 1 < args.count; i++) {
    if (isWord(args, i, keyword)) return i;
    for (let k = 0; k < options.length; k++) {
      if (!isWord(args, i, options[k]![0])) continue;
      i += options[k]![1];
      break;
    }
  }
  return -1;
}

/** The operand of an option in a list of options; the option given last counts. */
function optionKey(begin: number, find: KeyOption, args: ArgView, out: KeyIndexes): void {
  const { word, operands = {} } = find;
  if (word === undefined) return;
  let key = 0;
  for (let i = begin; i + 1 < args.count; i++) {
    if (isWord(args, i, word)) {
      key = ++i;
      continue;
    }
    for (const option in operands) {
      if (!isWord(args, i, option)) continue;
      i += operands[option]!;
      break;
    }
  }
  if (key !== 0) out.push(key);
}

/** True when argument `index` is `word`, given in upper case, in any case. */
function isWord(args: ArgView, index: number, word: string): boolean {
  if (args.length[index] !== word.length) return false;
  const at = args.offset[index]!;
  for (let i = 0; i < word.length; i++) {
    let byte = args.buf[at + i]!;
    if (byte >= 0x61 && byte <= 0x7a) byte -= 0x20;
    if (byte !== word.charCodeAt(i)) return false;
  }
  return true;
}
