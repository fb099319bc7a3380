/**
 * Runs a transaction block under the locks of all its shards: the same code on I/O threads and
 * shard workers.
 */
import type { CommandRow, CommandTable } from '../commands/table.ts';
import { Key } from '../keyspace/key.ts';
import type { Shard } from '../keyspace/shard.ts';
import { isWatchStale } from '../keyspace/watch-ops.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import type { ReplyWriter } from '../resp/reply-writer.ts';
import { ArgView } from '../resp/request-parser.ts';
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

export class TransactionRun {
  readonly #table: CommandTable;
  readonly #ctx: ThreadContext;
  readonly #stats: ThreadStats;
  readonly #isOverMemory: () => boolean;
  readonly #reader = new TransactionReader();
  readonly #args = new ArgView();
  readonly #key = new Key();

  constructor(
    table: CommandTable,
    ctx: ThreadContext,
    stats: ThreadStats,
    isOverMemory: () => boolean,
  ) {
    this.#table = table;
    this.#ctx = ctx;
    this.#stats = stats;
    this.#isOverMemory = isOverMemory;
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

  /** True when some command of the block is slow by nature. */
  hasSlow(bytes: Uint8Array, start: number): boolean {
    const reader = this.#reader;
    reader.begin(bytes, start);
    for (let i = 0; i < reader.watches; i++) reader.nextWatch();
    for (let i = 0; i < reader.items; i++) {
      reader.nextItem(this.#args);
      if (reader.row !== LITERAL && this.#table.rows[reader.row]!.isSlow) return true;
    }
    return false;
  }

  /**
   * Checks the watches and runs the queue; writes EXEC's whole reply. All shards of `markShards`
   * are held. Watches are given back whether or not the transaction ran. Returns false when a
   * watched key had changed.
   */
  run(reply: ReplyWriter, bytes: Uint8Array, start: number, onSession: RunSession): boolean {
    const reader = this.#reader;
    const ctx = this.#ctx;
    reader.begin(bytes, start);
    const isStale = this.#releaseWatches(ctx.shards);
    if (isStale) {
      reply.nullArray();
      return false;
    }
    const workMax = ctx.workMax;
    ctx.workMax = Number.POSITIVE_INFINITY;
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
      else this.#runItem(reply, row, selected >= 0 ? selected : reader.db);
    }
    ctx.workMax = workMax;
    return true;
  }

  #runItem(reply: ReplyWriter, row: CommandRow, db: number): void {
    const mark = reply.length;
    this.#stats.add(STAT.commands, 1);
    this.#stats.call(row.index);
    if (row.isDenyOom && this.#isOverMemory()) {
      reply.errorBytes(ERROR_BYTES.OUT_OF_MEMORY);
    } else {
      const started = performance.now();
      this.#ctx.begin(this.#args, db);
      this.#ctx.run(row);
      this.#stats.time(row.index, (performance.now() - started) * 1e6, 1);
    }
    if (reply.buf[mark] === 0x2d) {
      this.#stats.failed(row.index);
      this.#stats.error(reply.buf, mark + 1, reply.length);
    }
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

  /**
   * Gives the watches of the block back; true when one of the keys has changed since it was
   * watched.
   */
  #releaseWatches(shards: readonly Shard[]): boolean {
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
      shard.watch.unwatch(reader.db, reader.lo, reader.hi);
      shard.interest.remove(reader.lo);
    }
    return isStale;
  }

  /** UNWATCH of a block that has watches only. */
  unwatch(bytes: Uint8Array, start: number): void {
    this.#reader.begin(bytes, start);
    this.#releaseWatches(this.#ctx.shards);
  }
}
