/**
 * ThreadContext: the CommandContext of one thread. It is set up once and pointed at one command
 * after the other; which shards are held meanwhile is the business of whoever calls `run` (lease,
 * route, transaction, or a test).
 */

import type { HalfSipHash } from '../base/half-sip-hash.ts';
import type { PartedWork, PartVisitor } from '../commands/parted-work.ts';
import {
  type BlockWish,
  type CommandContext,
  DONE,
  type RunStatus,
  type ShardCommandSpec,
} from '../commands/spec.ts';
import type { CommandRow } from '../commands/table.ts';
import { type Effects, NO_EFFECTS } from '../durability/effects.ts';
import { Key } from '../keyspace/key.ts';
import type { Shard } from '../keyspace/shard.ts';
import type { ThreadState } from '../keyspace/thread-state.ts';
import type { ValueLimits } from '../keyspace/value-limits.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import { ReplyTooLarge, type ReplyWriter } from '../resp/reply-writer.ts';
import { ArgView } from '../resp/request-parser.ts';
import { type CommandWatch, NO_WATCH } from './command-watch.ts';
import { KeyLookahead } from './key-lookahead.ts';
import type { OutputBound } from './output-bound.ts';
import type { Part } from './post.ts';

/** What a context needs from its surroundings for the rare things that are not plain data work. */
export interface ContextHost {
  /** See CommandContext.visitShards. */
  visitShards(visit: (shard: Shard) => boolean, from: number): void;
  /** See CommandContext.beginBuild. */
  beginBuild(): void;
  endBuild(): void;
  /** See CommandContext.inParallel. */
  inParallel(work: PartedWork, wants: number, visit: PartVisitor): boolean;
  noteWatch(shard: Shard, db: number, key: Key, version: number): void;
  sleep(ms: number): void;
  /** See CommandContext.block; outside transactions only. */
  block(wish: BlockWish): void;
  /** Whose command runs. */
  client(): ClientRef;
  readonly output: OutputBound;
}

/** A client, wherever its command runs; valid until the next command. */
export interface ClientRef {
  /** Its I/O thread, from 1 on; 0 = nobody's command: background work. */
  readonly io: number;
  readonly conn: number;
  readonly generation: number;
  /** The keys that its commands read are to be noted: CLIENT TRACKING. */
  readonly tracksReads: boolean;
}

/** Sends messages to subscribers: PubSub. */
export interface Publisher {
  publish(isShard: boolean, channel: Part, message: Part): number;
}

/** What stands around commands while durability is on: WriteGuard. */
export interface CommandGuard {
  /** The mode word is `words[modeWord]`: 0 = commands run without the guard. */
  readonly words: Int32Array;
  readonly modeWord: number;
  readonly effects: Effects;
  /** See ThreadContext.isPrepared. */
  prepare(row: CommandRow, ctx: ThreadContext): boolean;
  /** Runs a command whose shards are held. */
  run(row: CommandRow, ctx: ThreadContext): RunStatus;
  /** What runs from here to `endTransaction` changes the data set as one. */
  beginTransaction(): void;
  /** All shards of the transaction are still held. */
  endTransaction(): void;
}

const NO_ARGS = new ArgView();
/** Arguments whose hashes are kept; longer commands are run by workers, where it matters less. */
const KEYS_KEPT_MAX = 256;
const TURN_MAX = 2 ** 30;

/** Visits shards that are held, from `from` on until `visit` answers false. */
export function visitHeld(
  shards: readonly Shard[],
  visit: (shard: Shard) => boolean,
  from: number,
): void {
  for (let i = from; i < shards.length && visit(shards[i]!); i++);
}

export class ThreadContext implements CommandContext {
  args: ArgView = NO_ARGS;
  readonly reply: ReplyWriter;
  readonly state: ThreadState;
  db = 0;
  readonly shards: readonly Shard[];
  readonly limits: ValueLimits;
  readonly key = new Key();
  readonly key2 = new Key();
  /** Units of work above which `mayRun` says no; Infinity on workers. */
  workMax = Number.POSITIVE_INFINITY;
  host: ContextHost;
  /** False in a transaction. */
  mayBlock = true;
  servedKey = 0;
  /** The command that was run with `servedKey` found nothing to take. */
  isStillBlocked = false;
  /** What a command that goes on waiting has said of a later look. */
  retryMs: number | undefined = undefined;
  /** Null in tests and tools. */
  guard: CommandGuard | null = null;
  /** Null in tests and tools: nobody listens. */
  publisher: Publisher | null = null;
  /** Told of commands that take long. */
  watch: CommandWatch = NO_WATCH;
  /** See CommandContext.log; says nothing until the thread has a log. */
  log: CommandContext['log'] = () => undefined;
  readonly #hasher: HalfSipHash;
  readonly #shardCount: number;
  /**
   * Argument that `key` stands for; -1 = none. Saves a second hash where dispatch has located the
   * key already.
   */
  #located = -1;
  /** Hashes of the keys of a command with several, by argument; of this command: of this turn. */
  readonly #keptTurn = new Int32Array(KEYS_KEPT_MAX);
  readonly #keptLo = new Int32Array(KEYS_KEPT_MAX);
  readonly #keptHi = new Int32Array(KEYS_KEPT_MAX);
  #turn = 0;
  #keepsKeys = false;

  /** Bytes whose commands run one after the other; null = none. */
  #batch: Uint8Array | null = null;
  /** `key` was located in `#batch`, whose bytes have not changed since. */
  #mayRepeat = false;
  /** Keys of commands to come in that batch. */
  readonly ahead: KeyLookahead;

  constructor(
    shards: readonly Shard[],
    hasher: HalfSipHash,
    state: ThreadState,
    reply: ReplyWriter,
    host: ContextHost,
  ) {
    this.shards = shards;
    this.reply = reply;
    this.state = state;
    this.limits = state.limits;
    this.host = host;
    this.#hasher = hasher;
    this.#shardCount = shards.length;
    this.ahead = new KeyLookahead(shards, hasher);
  }

  /**
   * Says that commands out of `buf` run one after the other until `endBatch`, while its bytes stay:
   * one whose key is that of the command before is spared the hash (LPUSH to one list at pipeline
   * 64: 4 % of the thread's time).
   */
  beginBatch(buf: Uint8Array, start: number): void {
    this.#batch = buf;
    this.#mayRepeat = false;
    this.ahead.reset(start);
  }

  endBatch(): void {
    this.#batch = null;
    this.#mayRepeat = false;
    this.ahead.reset(0);
  }

  /** Looks at the keys of the command, every `step`-th argument from `first` on, all together. */
  lookAtKeys(first: number, step: number): void {
    if (this.args.buf === this.#batch) this.ahead.lookAtKeys(this.args, first, step, this.db);
  }

  /** Points the context at another command. */
  begin(args: ArgView, db: number): void {
    if (this.args !== args) this.args = args;
    this.db = db;
    this.#located = -1;
    this.#keepsKeys = false;
  }

  /**
   * To be called for a command of several keys, before they are looked at: each is hashed once, and
   * not by dispatch, for those who wait for it and by the command (MSET of 10 keys at pipeline 16:
   * 155,000 to 171,000 a second, medians of 31 interleaved runs).
   */
  keepKeys(): void {
    this.#keepsKeys = true;
    this.#turn += 1;
    if (this.#turn < TURN_MAX) return;
    this.#keptTurn.fill(0);
    this.#turn = 1;
  }

  get effects(): Effects {
    return this.guard === null ? NO_EFFECTS : this.guard.effects;
  }

  /**
   * To be asked before a command runs whose shards are held, in a transaction for all its commands
   * before the first: false where it cannot run now, because what it may change is not in the
   * running snapshot yet and cannot be written here.
   */
  isPrepared(row: CommandRow): boolean {
    return !this.isGuarded || this.guard!.prepare(row, this);
  }

  /** Durability has a part in commands now. */
  get isGuarded(): boolean {
    const { guard } = this;
    return guard !== null && guard.words[guard.modeWord] !== 0;
  }

  /** Runs a command whose shards are held. */
  run(row: CommandRow): RunStatus {
    return this.isGuarded ? this.guard!.run(row, this) : this.runPlain(row);
  }

  /** The same without anything around it. */
  runPlain(row: CommandRow): RunStatus {
    const { spec } = row;
    if (spec.place !== 'shard') return DONE;
    return row.mayReplyMuch ? this.#runBounded(row, spec) : spec.run(this);
  }

  /**
   * Runs a command that answers an error instead of more than memory holds where it only reads, and
   * ends early where its client may not be sent that much. Apart from the others, because the catch
   * costs them 3 % (GET) to 10 % (LPUSH) at pipeline 64.
   */
  #runBounded(row: CommandRow, spec: ShardCommandSpec): RunStatus {
    const { reply, host } = this;
    const mark = reply.length;
    reply.isRead = row.isReadOnly || row.readsOnly?.(this.args) === true;
    // What is served to a client that has waited is not for the one whose command runs.
    reply.clientBytesMax = this.servedKey === 0 ? host.output.max() : Number.POSITIVE_INFINITY;
    try {
      return spec.run(this);
    } catch (error) {
      if (!(error instanceof ReplyTooLarge)) throw error;
      reply.truncate(mark);
      // Nobody sees the null, but it has its place in the reply of a transaction.
      if (error.isForClient) reply.nullArray();
      else reply.errorBytes(ERROR_BYTES.REPLY_TOO_LARGE);
      if (error.isForClient) host.output.exceeded();
      return DONE;
    } finally {
      reply.isRead = false;
      reply.clientBytesMax = Number.POSITIVE_INFINITY;
    }
  }

  at(index: number): Shard {
    return this.shards[this.shardOf(index)]!;
  }

  /** Index of the shard of the key at argument `index`, which `key` stands for then. */
  shardOf(index: number): number {
    if (this.#located !== index) {
      if (this.#keepsKeys && index < KEYS_KEPT_MAX) this.#atKept(index);
      else this.#hash(index);
      this.#located = index;
    }
    return this.key.shardIndex;
  }

  #hash(index: number): void {
    const { args, key } = this;
    const start = args.offset[index]!;
    const end = start + args.length[index]!;
    if (this.#mayRepeat && key.buf === args.buf && key.isSame(start, end)) {
      key.point(args.buf, start, end);
      return;
    }
    const { buf } = args;
    this.#mayRepeat = buf === this.#batch;
    if (this.#mayRepeat && this.ahead.take(key, buf, start, end)) return;
    key.locate(this.#hasher, buf, start, end, this.#shardCount);
  }

  #atKept(index: number): void {
    const { args, key } = this;
    if (this.#keptTurn[index] === this.#turn) {
      const start = args.offset[index]!;
      key.point(args.buf, start, start + args.length[index]!);
      key.setHash(this.#keptLo[index]!, this.#keptHi[index]!, this.#shardCount);
      return;
    }
    this.#hash(index);
    this.#keptTurn[index] = this.#turn;
    this.#keptLo[index] = key.lo;
    this.#keptHi[index] = key.hi;
  }

  at2(index: number): Shard {
    const start = this.args.offset[index]!;
    return this.locate(this.args.buf, start, start + this.args.length[index]!);
  }

  locate(buf: Uint8Array, start: number, end: number): Shard {
    this.key2.locate(this.#hasher, buf, start, end, this.#shardCount);
    return this.shards[this.key2.shardIndex]!;
  }

  mayRun(units: number): boolean {
    return units <= this.workMax;
  }

  visitShards(visit: (shard: Shard) => boolean, from = 0): void {
    this.host.visitShards(visit, from);
  }

  beginBuild(): void {
    this.host.beginBuild();
  }

  endBuild(): void {
    this.host.endBuild();
  }

  inParallel(work: PartedWork, wants: number, visit: PartVisitor): boolean {
    return this.host.inParallel(work, wants, visit);
  }

  block(wish: BlockWish): void {
    this.retryMs = wish.retryMs;
    if (this.servedKey !== 0) this.isStillBlocked = true;
    else if (this.mayBlock) this.host.block(wish);
    else if (wish.isNullReply) this.reply.null();
    else this.reply.nullArray();
  }

  noteWatch(shard: Shard, db: number, key: Key, version: number): void {
    this.host.noteWatch(shard, db, key, version);
  }

  sleep(ms: number): void {
    this.host.sleep(ms);
  }

  publish(isShard: boolean, channel: number, message: number): number {
    if (this.publisher === null) return 0;
    return this.publisher.publish(isShard, this.#part(channel), this.#part(message));
  }

  #part(index: number): Part {
    const { args } = this;
    return { buf: args.buf, from: args.offset[index]!, to: args.end(index) };
  }
}
