/**
 * What a command is: one typed object that dispatch, COMMAND, ACL categories, key routing and the
 * README's table read, and the contexts in which handlers run.
 */
import type { Effects } from '../durability/effects.ts';
import type { Key } from '../keyspace/key.ts';
import type { Shard } from '../keyspace/shard.ts';
import type { ThreadState } from '../keyspace/thread-state.ts';
import type { ValueLimits } from '../keyspace/value-limits.ts';
import type { ReplyWriter } from '../resp/reply-writer.ts';
import type { ArgView } from '../resp/request-parser.ts';
import type { AclServices } from './acl-services.ts';
import type { Fieldsets } from './fieldsets.ts';
import type { InsightServices } from './insight-services.ts';
import type { PartedWork, PartVisitor } from './parted-work.ts';
import type { PubSubServices, Subscriptions } from './subscriptions.ts';

export type CommandFlag =
  | 'write'
  | 'readonly'
  | 'denyoom'
  | 'admin'
  | 'pubsub'
  | 'noscript'
  | 'blocking'
  | 'loading'
  | 'stale'
  | 'skip_monitor'
  | 'skip_slowlog'
  | 'fast'
  | 'no_auth'
  | 'movablekeys'
  | 'no_async_loading'
  | 'no_multi'
  /** A reader that may change what replicas have to know; COMMAND INFO does not show it. */
  | 'may_replicate'
  | 'no_mandatory_keys'
  | 'allow_busy'
  | 'asking'
  /** Allowed by a directive of its own only; COMMAND INFO does not show it. */
  | 'protected';

export type AclCategory =
  | 'keyspace'
  | 'read'
  | 'write'
  | 'string'
  | 'bitmap'
  | 'list'
  | 'set'
  | 'sortedset'
  | 'hash'
  | 'hyperloglog'
  | 'geo'
  | 'stream'
  | 'admin'
  | 'fast'
  | 'slow'
  | 'dangerous'
  | 'connection'
  | 'transaction'
  | 'blocking'
  | 'pubsub'
  | 'scripting';

export type CommandGroup =
  | 'generic'
  | 'string'
  | 'bitmap'
  | 'list'
  | 'set'
  | 'sorted-set'
  | 'hash'
  | 'hyperloglog'
  | 'geo'
  | 'stream'
  | 'connection'
  | 'pubsub'
  | 'transactions'
  | 'server'
  | 'cluster';

export type KeyFlag =
  | 'RO'
  | 'RW'
  | 'OW'
  | 'RM'
  | 'ACCESS'
  | 'UPDATE'
  | 'INSERT'
  | 'DELETE'
  | 'NOT_KEY'
  | 'INCOMPLETE'
  | 'VARIABLE_FLAGS';

/** Where a command's keys stand, as COMMAND INFO's key specifications say it. */
export interface KeySpec {
  readonly flags: readonly KeyFlag[];
  /**
   * Argument index at which the search begins (0 is the command name; a sub-command's own name
   * counts). With a keyword, the keys begin behind the word; negative: it is looked for backwards,
   * -1 = from the last argument.
   */
  readonly begin: number;
  /** The word that the keys follow, in upper case; where it is missing there are none. */
  readonly keyword?: string;
  /** Options that may stand before the word, with their operands, which are not taken for it. */
  readonly options?: readonly (readonly [word: string, operands: number])[];
  /** Argument index at which these options begin, 1 unless told. */
  readonly optionsFrom?: number;
  /** It finds no key where the word of this other specification is there. */
  readonly unless?: KeySpec;
  /** It finds keys only where this argument is empty. */
  readonly whereEmpty?: number;
  readonly find: KeyRange | KeyCount | KeyOption;
  /** What COMMAND INFO says about flags that are not plain. */
  readonly notes?: string;
}

/**
 * Keys from `begin` on: up to `begin + last` (negative: from the end, -1 = last argument), every
 * `step` arguments.
 */
export interface KeyRange {
  readonly kind: 'range';
  readonly last: number;
  readonly step: number;
  /** From 2 on: only the first of so many equal parts of the arguments left are keys. */
  readonly limit: number;
}

/**
 * Argument `begin + numberAt` says how many keys follow from `begin + first`, every `step`
 * arguments.
 */
export interface KeyCount {
  readonly kind: 'keynum';
  readonly numberAt: number;
  readonly first: number;
  readonly step: number;
}

/**
 * What COMMAND INFO shows as `unknown`: the key is the operand of the option `word`, given last,
 * in a list of options from `begin` on, some of which have operands that may look like options.
 * Without a word no argument is a key: names are made from what the command reads.
 */
export interface KeyOption {
  readonly kind: 'unknown';
  readonly word?: string;
  /** Number of operands by option, in upper case. */
  readonly operands?: Readonly<Record<string, number>>;
}

/** One key at `index`. */
export function oneKey(index: number, ...flags: readonly KeyFlag[]): KeySpec {
  return { flags, begin: index, find: { kind: 'range', last: 0, step: 1, limit: 0 } };
}

/** Keys from `index` to the last argument, every `step`. */
export function keysFrom(index: number, step: number, ...flags: readonly KeyFlag[]): KeySpec {
  return { flags, begin: index, find: { kind: 'range', last: -1, step, limit: 0 } };
}

/** One key behind `keyword`, an option of the command, from argument `begin` on. */
export function keyAfter(keyword: string, begin: number, ...flags: readonly KeyFlag[]): KeySpec {
  return { flags, begin, keyword, find: { kind: 'range', last: 0, step: 1, limit: 0 } };
}

/** A key specification with what COMMAND INFO says about its flags. */
export function noted(spec: KeySpec, notes: string): KeySpec {
  return { ...spec, notes };
}

interface CommandFacts {
  /** Lower-case name; a sub-command's own name only (`encoding` for OBJECT ENCODING). */
  readonly name: string;
  /** The name before rename-command. */
  readonly origin?: string;
  readonly summary: string;
  readonly since: string;
  readonly group: CommandGroup;
  /**
   * Number of arguments with the command name (and the container's); negative = at least that many.
   */
  readonly arity: number;
  readonly flags: readonly CommandFlag[];
  /**
   * Categories beyond those that flags imply (write, read, fast or slow, admin with dangerous,
   * ...).
   */
  readonly acl: readonly AclCategory[];
  readonly keys: readonly KeySpec[];
  /**
   * Arguments after the name in Redis's syntax notation, `name:type` where the type is not clear
   * from the name.
   */
  readonly syntax: string;
  readonly subcommands?: readonly CommandSpec[];
}

/** A command that reads or changes keys: it runs wherever the shard's lock is held. */
export interface ShardCommandSpec extends CommandFacts {
  readonly place: 'shard';
  /**
   * Which shards it needs: those of its keys; all of them; those from the one its SCAN cursor
   * (argument 1) names on; or none held at the start, because it visits one after the other by
   * `ctx.visitShards` (so does a SCAN on a worker); or none at all, because it is about something
   * that all threads share.
   */
  readonly shards: 'keys' | 'all' | 'cursor' | 'each' | 'none';
  /** For `shards: 'keys'`: true where these arguments need all shards after all. */
  readonly needsAll?: (args: ArgView) => boolean;
  /**
   * For commands flagged `write`: true where they change nothing with these arguments. Then a
   * worker holds their shards shared.
   */
  readonly readsOnly?: (args: ArgView) => boolean;
  /** Always too slow for an I/O thread. */
  readonly isSlow?: boolean;
  /** HIMPORT SET: a fieldset of the connection goes between its arguments before it runs. */
  readonly usesFieldset?: boolean;
  readonly run: (ctx: CommandContext) => RunStatus;
}

/**
 * A command about the connection or the server: it runs on the connection's I/O thread and holds no
 * shard.
 */
export interface SessionCommandSpec extends CommandFacts {
  readonly place: 'session';
  /** Its reply comes from all I/O threads: it is asked for before a transaction runs. */
  readonly asksThreads?: boolean;
  readonly run: (ctx: SessionContext) => void;
}

export type CommandSpec = ShardCommandSpec | SessionCommandSpec;

/** The handler replied. */
export const DONE = 0;
/**
 * The handler did nothing yet, because the work is too large for this thread: run it again on the
 * owner.
 */
export const ESCALATE = 1;
export type RunStatus = typeof DONE | typeof ESCALATE;

/** What a blocking command waits for. */
export interface BlockWish {
  /** Keys: arguments [first, first + count). */
  readonly first: number;
  readonly count: number;
  /** Type of value that one of them must have (TYPE_LIST and so on). */
  readonly type: number;
  /** Argument with the key that what is taken goes to; 0 = none. */
  readonly target: number;
  /** From 0 (for ever) on. */
  readonly timeoutMs: number;
  /** In a transaction, where nobody waits, the reply is a null, not a null array. */
  readonly isNullReply: boolean;
  /** The arguments to run with later, where not those of now. */
  readonly args?: ArgView;
  /** The command also runs again when its key is gone or of another type. */
  readonly isForGone?: boolean;
  /** Ms after which there may be something to take though nobody has changed a key. */
  readonly retryMs?: number;
}

/**
 * What a shard command sees. The same handler runs on I/O threads (lease) and shard workers
 * (route).
 */
export interface CommandContext {
  readonly args: ArgView;
  readonly reply: ReplyWriter;
  readonly state: ThreadState;
  /** Selected database. */
  readonly db: number;
  readonly shards: readonly Shard[];
  /**
   * Limits and switches of the configuration that data commands ask for, refreshed by CONFIG SET.
   */
  readonly limits: ValueLimits;
  /** What goes to the append-only file for this command, where that is not the command as sent. */
  readonly effects: Effects;
  /** The key that `at` located last. */
  readonly key: Key;
  /** The key that `at2` located last, for commands that need two at a time. */
  readonly key2: Key;
  /** Locates argument `index` as `key` and returns its shard, which this command holds. */
  at(index: number): Shard;
  /** The same into `key2`. */
  at2(index: number): Shard;
  /** Locates bytes that are not an argument into `key2` (patterns, stored destinations). */
  locate(buf: Uint8Array, start: number, end: number): Shard;
  /**
   * True when work of about `units` (bytes touched / 16, or elements) may be done on this thread.
   * False on an I/O thread for large work: return ESCALATE then, before anything was changed or
   * replied.
   */
  mayRun(units: number): boolean;
  /**
   * For `shards: 'each'` and `'cursor'`: calls `visit` for every shard, held meanwhile (by a worker
   * one at a time, shared; all of them inside a transaction), from shard `from` on until it answers
   * false.
   */
  visitShards(visit: (shard: Shard) => boolean, from?: number): void;
  /**
   * Says that from here to `endBuild` the command only reads the keys of its shards, and writes
   * nothing but new blocks that no key refers to: plain reads of other clients may come in
   * meanwhile. For results that take long to build, before they are stored. A worker may ignore it;
   * lookups do not mark accesses then, nor free what has expired.
   */
  beginBuild(): void;
  /** The shards are the command's own again. Everything that `beginBuild` allowed has ended. */
  endBuild(): void;
  /**
   * Runs all parts of `work`, some of them on other shard workers, and calls `visit` here with what
   * they meet, until it answers false. `wants` is one of the WANTS constants. False, and nothing
   * was visited, where that cannot be: on an I/O thread, with one worker, while another worker does
   * so, without memory for it.
   */
  inParallel(work: PartedWork, wants: number, visit: PartVisitor): boolean;
  /**
   * For a blocking command that has nothing to take: its client waits until one of its keys has,
   * and nothing is replied now; the command runs again then, with `servedKey`. In a transaction it
   * replies that time is over.
   */
  block(wish: BlockWish): void;
  /**
   * Not 0 while a blocking command runs for a client that has waited: the argument with the only
   * key that it may take from.
   */
  readonly servedKey: number;
  /** WATCH of the located `key`: remembers its version for the session. */
  noteWatch(shard: Shard, db: number, key: Key, version: number): void;
  /** Sleeps while holding what it holds: DEBUG SLEEP. */
  sleep(ms: number): void;
  /**
   * PUBLISH, with `isShard` SPUBLISH: sends argument `message` to the subscribers of argument
   * `channel` and returns how many there are.
   */
  publish(isShard: boolean, channel: number, message: number): number;
  /** Writes a line to the log, and waits for the file: for what is rare. */
  log(level: 'verbose' | 'warning', text: string): void;
}

/** Writes the reply of a suspended command, later. */
export type Resume = (write: (reply: ReplyWriter) => void) => void;

/** What a session command sees. */
export interface SessionContext {
  readonly args: ArgView;
  readonly reply: ReplyWriter;
  readonly state: ThreadState;
  readonly session: Session;
  readonly server: ServerServices;
  /** Bytes of argument `index` as text (latin1, so that any byte survives). */
  text(index: number): string;
  /** False inside a transaction: replies must be written at once. */
  readonly canSuspend: boolean;
  /**
   * Suspends the connection until the returned function is called: nothing else of it is run
   * meanwhile. Only where `canSuspend` is true.
   */
  suspend(): Resume;
  /**
   * Blocks the client until `poll` says that what it waits for is there, or for `timeoutMs` (0 =
   * for ever), when it is called with true; then it has written the reply. It is asked again when
   * the disk has got on, and some ten times a second. Only where `canSuspend` is true.
   */
  waitUntil(timeoutMs: number, poll: (reply: ReplyWriter, isOver: boolean) => boolean): void;
}

/** What CLIENT TRACKING ON asks for. */
export interface TrackingOptions {
  readonly isBroadcast: boolean;
  readonly isOptIn: boolean;
  readonly isOptOut: boolean;
  readonly isNoLoop: boolean;
  /** Id of the client that hears of changes; 0 = the client itself. */
  readonly redirect: number;
  readonly prefixes: readonly Uint8Array[];
}

/** How a connection has its keys tracked. */
export interface TrackingState extends TrackingOptions {
  /** The client `redirect` was found to be gone. */
  readonly isRedirectBroken: boolean;
  /** CLIENT CACHING was given for the next command. */
  isCachingGiven: boolean;
}

/** The connection that runs a session command. */
export interface Session {
  readonly id: number;
  name: string;
  libName: string;
  libVersion: string;
  db: number;
  /** 2 or 3. */
  protocol: number;
  readonly user: string;
  readonly isAuthenticated: boolean;
  noEvict: boolean;
  noTouch: boolean;
  replyMode: 'on' | 'off' | 'skip-next' | 'skip';
  /** What HIMPORT PREPARE has declared. */
  readonly fieldsets: Fieldsets;
  /** Null while it is subscribed to nothing. */
  readonly subscriptions: Subscriptions | null;
  readonly isInTransaction: boolean;
  readonly isLoopback: boolean;
  /** Makes the connection one of a user's; the password was right. */
  logIn(user: string): void;
  /** CLIENT TRACKING; null = off. */
  readonly tracking: TrackingState | null;
  /** Has keys tracked, or tracked in another way. The text of an error, or null. */
  beginTracking(options: TrackingOptions): string | null;
  endTracking(): void;
  /** CLIENT INFO's line without the line end. */
  infoLine(): string;
  /** Closes after the reply of this command was sent. */
  closeAfterReply(): void;
  /**
   * RESET: transaction, watches, subscriptions, name, protocol, database, authentication back to
   * those of a new connection.
   */
  reset(): void;
  /** MULTI: commands are queued from here on. */
  beginTransaction(): void;
  /** DISCARD: forgets the queue and the watches. */
  discardTransaction(): void;
  /** UNWATCH. */
  unwatch(): void;
}

/** What CLIENT KILL selects by; absent fields match everything. */
export interface ClientFilter {
  readonly ids?: readonly number[];
  readonly addr?: string;
  readonly laddr?: string;
  readonly type?: string;
  readonly user?: string;
  readonly maxAgeSeconds?: number;
  readonly skipId?: number;
}

/** Work for the pool of helper threads: CPU-heavy, off the data path. */
export interface PoolJob {
  readonly task: 'command-docs';
  readonly names: readonly string[];
  readonly isResp3: boolean;
}

/** What SAVE and BGSAVE ask for. */
export type SaveRequest = 'save' | 'background' | 'schedule' | 'cancel';

/** What they are told: a status, or an error. */
export interface SaveOutcome {
  readonly error: string | null;
  readonly status: string;
}

/** Everything outside the connection that session commands may ask of the server. */
export interface ServerServices {
  /** Configuration of this thread's copy: [name, value] pairs that match the glob patterns. */
  configGet(patterns: readonly string[]): readonly (readonly [string, string])[];
  /** One directive's value as text. */
  configText(name: string): string;
  /** Sets directives on all threads; `done` gets an error text (without `-`) or null, once. */
  configSet(
    pairs: readonly (readonly [string, string])[],
    session: Session,
    /** False inside a transaction: `done` must be called before this returns. */
    mayWait: boolean,
    done: (error: string | null) => void,
  ): void;
  configRewrite(done: (error: string | null) => void): void;
  configResetStat(): void;
  /** INFO text for the sections asked for (lower case; empty = default). */
  info(sections: readonly string[], done: (text: string) => void): void;
  /** Lines of CLIENT LIST, over all I/O threads, in order of id. */
  clientList(filter: ClientFilter, done: (lines: string) => void): void;
  /** Closes the clients that match; `done` gets their number. */
  clientKill(filter: ClientFilter, self: Session, done: (killed: number) => void): void;
  /** Whether a client of this id exists. */
  hasClient(id: number): boolean;
  /** CLIENT UNBLOCK: true when the client was blocked. */
  clientUnblock(id: number, withError: boolean, done: (unblocked: boolean) => void): void;
  clientPause(untilMs: number, writesOnly: boolean): void;
  clientUnpause(): void;
  readonly pubsub: PubSubServices;
  /** MONITOR: shows the connection all commands from now on; false where it sees them already. */
  monitor(session: Session): boolean;
  readonly acl: AclServices;
  /** SAVE and BGSAVE. `mayWait` false: `done` is called before this returns. */
  save(what: SaveRequest, mayWait: boolean, done: (outcome: SaveOutcome) => void): void;
  /** Unix time of the last good save, or of the start. */
  readonly lastSaveSeconds: number;
  /** Where the append-only file ends now, as a position; -1 when it is off. */
  logPosition(): number;
  /** Up to where it is synced; -1 when nobody syncs it. */
  syncedPosition(): number;
  /** SHUTDOWN: resolves with an error text when it could not be done. */
  shutdown(save: boolean | null, now: boolean, force: boolean, done: (error: string) => void): void;
  /** SHUTDOWN ABORT: null, or an error text where nothing is to be aborted. */
  shutdownAbort(done: (error: string | null) => void): void;
  /** About the append-only file; `done` gets an error text, or null and a status text. */
  aof(
    what: 'rewrite' | 'rewrite-later' | 'load',
    done: (error: string | null, text: string) => void,
  ): void;
  /** SLOWLOG, LATENCY, HOTKEYS, MEMORY BIGKEYS. */
  readonly insight: InsightServices;
  /** Every command of the table. */
  readonly commands: readonly CommandSpec[];
  /** Has the pool do a job; `done` gets the reply bytes. */
  runJob(job: PoolJob, done: (bytes: Uint8Array) => void): void;
  log(level: 'debug' | 'verbose' | 'notice' | 'warning', text: string): void;
  /** DEBUG's crash drills and switches that concern the whole server; text of an error, or null. */
  debug(what: string, value: string): string | null;
}
