/**
 * Runs a transaction block under the locks of all its shards: the same code on I/O threads and
 * shard workers.
 */
import { DONE, ESCALATE, type RunStatus } from '../commands/spec.ts';
import type { CommandRow, CommandTable } from '../commands/table.ts';
import { Key } from '../keyspace/key.ts';
import type { Shard } from '../keyspace/shard.ts';
import { isWatchStale, unwatchKey } from '../keyspace/watch-ops.ts';
import type { ReplyWriter } from '../resp/reply-writer.ts';
import { ArgView } from '../resp/request-parser.ts';
import type { BlockedServe } from './blocked-serve.ts';
import type { ShardSet } from './shard-set.ts';
import type { ThreadContext } from './thread-context.ts';
import { STAT, type ThreadStats } from './thread-stats.ts';
import {
  LITERAL,
  TransactionBlock,
  TransactionReader,
  type WatchedKey,
} from './transaction-block.ts';

/**
 * Runs a session command of a transaction, writes its reply and returns the database selected then.
 * I/O threads only.
 */
export type RunSession = (row: CommandRow, args: ArgView) => number;

/** The queue ran. */
export const TRANSACTION_RAN = 0;
/** A watched key had changed: nothing ran. */
export const TRANSACTION_STALE = 1;
/** Too much work for this thread, found out before anything was changed: nothing is replied. */
export const TRANSACTION_TOO_LARGE = 2;
export type TransactionOutcome =
  | typeof TRANSACTION_RAN
  | typeof TRANSACTION_STALE
  | typeof TRANSACTION_TOO_LARGE;

/** Commands whose work their arguments bound, besides those that are fast. */
const BOUNDED: ReadonlySet<string> = new Set([
  'del',
  'getset',
  'mget',
  'mset',
  'psetex',
  'set',
  'setex',
  'unlink',
]);

export class TransactionRun {
  readonly #table: CommandTable;
  readonly #ctx: ThreadContext;
  readonly #stats: ThreadStats;
  readonly #reader = new TransactionReader();
  readonly #args = new ArgView();
  readonly #key = new Key();

  constructor(table: CommandTable, ctx: ThreadContext, stats: ThreadStats) {
    this.#table = table;
    this.#ctx = ctx;
    this.#stats = stats;
  }

  /** Marks every shard that the block needs. */
  markShards(set: ShardSet, bytes: Uint8Array, start: number): void {
    const reader = this.#reader;
    reader.begin(bytes, start);
    set.clear();
    for (let i = 0; i < reader.watches; i++) {
      reader.nextWatch();
      set.mark(reader.shard);
    }
    for (let i = 0; i < reader.items; i++) {
      reader.nextItem(this.#args);
      if (reader.row === LITERAL) continue;
      const row = this.#table.rows[reader.row]!;
      this.#ctx.begin(this.#args, reader.db);
      // Commands that visit shards one after the other are atomic inside a transaction: they need
      // all of them.
      if (row.spec.place === 'shard' && row.spec.shards === 'each') set.markAll();
      else set.markCommand(row, this.#args, this.#ctx);
    }
    set.collect();
  }

  /**
   * True when an I/O thread may try the block: no command is slow by nature, and none that may turn
   * out to be large comes after a change, when it is too late to hand the block to a worker.
   */
  isLeasable(bytes: Uint8Array, start: number): boolean {
    const reader = this.#reader;
    reader.begin(bytes, start);
    for (let i = 0; i < reader.watches; i++) reader.nextWatch();
    let isChanged = false;
    for (let i = 0; i < reader.items; i++) {
      reader.nextItem(this.#args);
      if (reader.row === LITERAL) continue;
      const row = this.#table.rows[reader.row]!;
      if (row.isSlow) return false;
      if (isChanged && !row.isSession && !isBounded(row)) return false;
      if (!row.isReadOnly) isChanged = true;
    }
    return true;
  }

  /**
   * Whether everything is held that serving blocked clients may need after the block; what is not
   * is marked in `missing`. All shards of `markShards` are held.
   */
  hasShards(
    bytes: Uint8Array,
    start: number,
    serve: BlockedServe,
    missing: ShardSet | null,
  ): boolean {
    if (this.#ctx.shards.every((shard) => shard.waits.isEmpty)) return true;
    const reader = this.#reader;
    reader.begin(bytes, start);
    for (let i = 0; i < reader.watches; i++) reader.nextWatch();
    let hasAll = true;
    for (let i = 0; i < reader.items; i++) {
      reader.nextItem(this.#args);
      if (reader.row === LITERAL) continue;
      const row = this.#table.rows[reader.row]!;
      if (row.isSession) continue;
      this.#ctx.begin(this.#args, reader.db);
      if (!serve.hasShards(row, missing)) hasAll = false;
    }
    return hasAll;
  }

  /**
   * Whether all commands of the block may run now, as far as a running snapshot is concerned: see
   * ThreadContext.isPrepared. All shards of `markShards` are held.
   */
  isPrepared(bytes: Uint8Array, start: number): boolean {
    const { guard } = this.#ctx;
    if (guard === null || guard.words[guard.modeWord] === 0) return true;
    const reader = this.#reader;
    reader.begin(bytes, start);
    for (let i = 0; i < reader.watches; i++) reader.nextWatch();
    for (let i = 0; i < reader.items; i++) {
      reader.nextItem(this.#args);
      if (reader.row === LITERAL) continue;
      const row = this.#table.rows[reader.row]!;
      this.#ctx.begin(this.#args, reader.db);
      // A SELECT in the queue moves what follows; in the block that a worker gets it is resolved.
      if (row.isSession || !this.#ctx.isPrepared(row)) return false;
    }
    return true;
  }

  /**
   * Checks the watches and runs the queue; writes EXEC's whole reply. All shards of `markShards`
   * are held. Watches are given back whether or not the transaction ran, but for TOO_LARGE: then
   * nothing has happened. `workMax` bounds the work of a command as long as nothing is changed.
   */
  run(
    reply: ReplyWriter,
    bytes: Uint8Array,
    start: number,
    onSession: RunSession,
    workMax: number = Number.POSITIVE_INFINITY,
  ): TransactionOutcome {
    const reader = this.#reader;
    const ctx = this.#ctx;
    const mark = reply.length;
    reader.begin(bytes, start);
    if (this.#isStale(ctx.shards)) {
      this.unwatch(bytes, start);
      reply.nullArray();
      return TRANSACTION_STALE;
    }
    const workMaxBefore = ctx.workMax;
    ctx.workMax = workMax;
    ctx.mayBlock = false;
    ctx.guard?.beginTransaction();
    reply.array(reader.items);
    const items = reader.items;
    let selected = -1;
    for (let i = 0; i < items; i++) {
      reader.nextItem(this.#args);
      if (reader.row === LITERAL) {
        reply.rawRange(reader.bytes, reader.literalStart, reader.literalEnd);
        continue;
      }
      const row = this.#table.rows[reader.row]!;
      if (row.isSession) selected = onSession(row, this.#args);
      else if (this.#runItem(reply, row, selected >= 0 ? selected : reader.db) === ESCALATE) {
        ctx.workMax = workMaxBefore;
        ctx.mayBlock = true;
        ctx.guard?.endTransaction();
        reply.truncate(mark);
        return TRANSACTION_TOO_LARGE;
      }
      // What has begun to change things is run to its end.
      if (!row.isReadOnly) ctx.workMax = Number.POSITIVE_INFINITY;
    }
    ctx.workMax = workMaxBefore;
    ctx.mayBlock = true;
    ctx.guard?.endTransaction();
    if (reader.watches !== 0) this.unwatch(bytes, start);
    return TRANSACTION_RAN;
  }

  #runItem(reply: ReplyWriter, row: CommandRow, db: number): RunStatus {
    const mark = reply.length;
    const started = performance.now();
    this.#ctx.begin(this.#args, db);
    if (this.#ctx.run(row) === ESCALATE) return ESCALATE;
    const nanos = (performance.now() - started) * 1e6;
    this.#stats.add(STAT.commands, 1);
    this.#stats.call(row.index);
    this.#stats.time(row.index, nanos, 1);
    if (reply.buf[mark] === 0x2d) {
      this.#stats.failed(row.index);
      this.#stats.error(reply.buf, mark + 1, reply.length);
    }
    return DONE;
  }

  /**
   * The block with its session commands run and replaced by their replies, as a shard worker can
   * run it. They run before the locks are held, which nobody can tell: they do not touch keys.
   */
  withLiterals(
    block: TransactionBlock,
    watched: readonly WatchedKey[],
    reply: ReplyWriter,
    onSession: RunSession,
  ): TransactionBlock {
    const reader = this.#reader;
    const ready = new TransactionBlock();
    for (const watch of watched) ready.addWatch(watch);
    reader.begin(block.bytes, 0);
    for (let i = 0; i < reader.watches; i++) reader.nextWatch();
    let selected = -1;
    for (let i = 0; i < reader.items; i++) {
      reader.nextItem(this.#args);
      if (reader.row === LITERAL) {
        ready.addLiteral(reader.bytes.subarray(reader.literalStart, reader.literalEnd));
      } else if (this.#table.rows[reader.row]!.isSession) {
        const mark = reply.length;
        selected = onSession(this.#table.rows[reader.row]!, this.#args);
        ready.addLiteral(reply.buf.slice(mark, reply.length));
        reply.truncate(mark);
      } else {
        ready.addCommand(reader.row, selected >= 0 ? selected : reader.db, this.#args);
      }
    }
    return ready;
  }

  /** Calls `visit` for the commands of a block, with their position. */
  visitCommands(
    block: TransactionBlock,
    visit: (row: CommandRow, args: ArgView, index: number) => void,
  ): void {
    const reader = this.#begin(block);
    for (let i = 0; i < reader.items; i++) {
      reader.nextItem(this.#args);
      if (reader.row === LITERAL) continue;
      visit(this.#table.rows[reader.row]!, this.#args, i);
    }
  }

  /** The block with `replies` in the place of the commands at their positions. */
  withReplies(
    block: TransactionBlock,
    watched: readonly WatchedKey[],
    replies: ReadonlyMap<number, Uint8Array>,
  ): TransactionBlock {
    const ready = new TransactionBlock();
    for (const watch of watched) ready.addWatch(watch);
    const reader = this.#begin(block);
    for (let i = 0; i < reader.items; i++) {
      reader.nextItem(this.#args);
      const reply = replies.get(i);
      if (reply !== undefined) ready.addLiteral(reply);
      else if (reader.row === LITERAL) {
        ready.addLiteral(reader.bytes.subarray(reader.literalStart, reader.literalEnd));
      } else ready.addCommand(reader.row, reader.db, this.#args);
    }
    return ready;
  }

  /** The reader, at the first item of a block. */
  #begin(block: TransactionBlock): TransactionReader {
    const reader = this.#reader;
    reader.begin(block.bytes, 0);
    for (let i = 0; i < reader.watches; i++) reader.nextWatch();
    return reader;
  }

  /** True when one of the block's keys has changed since it was watched. */
  #isStale(shards: readonly Shard[]): boolean {
    const reader = this.#reader;
    const key = this.#key;
    let isStale = false;
    for (let i = 0; i < reader.watches; i++) {
      reader.nextWatch();
      const shard = shards[reader.shard]!;
      key.buf = reader.bytes;
      key.start = reader.keyStart;
      key.end = reader.keyEnd;
      key.lo = reader.lo;
      key.hi = reader.hi;
      key.shardIndex = reader.shard;
      if (isWatchStale(shard, reader.db, key, reader.version)) isStale = true;
    }
    return isStale;
  }

  /** Gives the watches of a block back. */
  unwatch(bytes: Uint8Array, start: number): void {
    const reader = this.#reader;
    reader.begin(bytes, start);
    for (let i = 0; i < reader.watches; i++) {
      reader.nextWatch();
      unwatchKey(this.#ctx.shards[reader.shard]!, reader.db, reader.lo, reader.hi);
    }
  }
}

function isBounded(row: CommandRow): boolean {
  return row.spec.flags.includes('fast') || BOUNDED.has(row.fullName);
}
