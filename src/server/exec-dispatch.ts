/**
 * ExecDispatch: transactions of the clients of one I/O thread: where a queue runs, here or on a
 * worker, and how watches are given back.
 */
import type { CommandRow } from '../commands/table.ts';
import { ERROR_BYTES, ERRORS } from '../resp/errors.ts';
import type { ArgView } from '../resp/request-parser.ts';
import { queuedRefusal } from './acl/exec-permission.ts';
import type { BlockedServe } from './blocked-serve.ts';
import type { CommandRoutes } from './command-routes.ts';
import type { Connection } from './connection.ts';
import {
  CONSUMED,
  type DispatcherParts,
  type DispatchStatus,
  HELD,
  LEASE_ARGS_MAX,
  LEASE_WORK_MAX,
  waitForRoom,
} from './dispatch-parts.ts';
import { ROOM_GIVEN, ROOM_LATER, ROOM_NONE } from './memory-room.ts';
import * as messages from './route-messages.ts';
import { ShardSet } from './shard-set.ts';
import { REFUSE_NOTHING } from './shared-layout.ts';
import { STAT } from './thread-stats.ts';
import { TransactionBlock, type WatchedKey } from './transaction-block.ts';
import {
  type RunSession,
  TRANSACTION_RAN,
  TRANSACTION_TOO_LARGE,
  TransactionRun,
} from './transaction-run.ts';
import { refusalText } from './write-refusal.ts';

/** Bytes of a transaction's queue up to which it may run here. */
const LEASE_BLOCK_BYTES_MAX = LEASE_WORK_MAX * 16;
/** What EXEC replies when it is refused itself, before the reason. */
export const ABORT_REASON = 'EXECABORT Transaction discarded because of:';
const EXEC_ABORT_OUT_OF_MEMORY = `${ABORT_REASON} ${ERRORS.OUT_OF_MEMORY}`;

/** What it needs of the dispatcher. */
export interface ExecHooks {
  isLeaseOn(): boolean;
  /** Counts a command that ran here; `nanos` < 0 = not timed. */
  account(row: CommandRow, args: ArgView, mark: number, nanos: number): void;
  /** Takes the reply back where CLIENT REPLY says so. */
  afterReply(c: Connection, mark: number): void;
}

export class ExecDispatch {
  readonly #parts: DispatcherParts;
  readonly #routes: CommandRoutes;
  readonly #hooks: ExecHooks;
  readonly #set: ShardSet;
  readonly #run: TransactionRun;
  readonly #serve: BlockedServe;

  constructor(parts: DispatcherParts, routes: CommandRoutes, hooks: ExecHooks) {
    this.#parts = parts;
    this.#routes = routes;
    this.#hooks = hooks;
    this.#set = new ShardSet(parts.layout.topology.shards);
    this.#serve = parts.serve;
    this.#run = new TransactionRun(parts.table, parts.ctx, parts.stats);
    this.#run.onShown = (bytes, from, to) => parts.monitors.showAgain(bytes, from, to);
  }

  /**
   * EXEC: here under leases when the transaction is small and its shards are free, otherwise on a
   * worker.
   */
  exec(c: Connection, row: CommandRow, args: ArgView): DispatchStatus {
    const { layout, monitors } = this.#parts;
    const mark = this.#parts.reply.length;
    const started = performance.now();
    let isShown = false;
    if (c.isRestricted && c.queuedCommands !== 0 && !c.isTransactionBroken)
      this.#refuseQueued(c, row);
    const room = c.transactionNeedsMemory ? this.#parts.room.ask(c.queue().length) : ROOM_GIVEN;
    if (room === ROOM_LATER) return waitForRoom(c, this.#parts.room);
    // It is asked once, whatever the transaction has to wait for then.
    c.transactionNeedsMemory = false;
    if (!c.isInTransaction) {
      this.#parts.reply.errorBytes(ERROR_BYTES.EXEC_WITHOUT_MULTI);
    } else if (c.isTransactionBroken) {
      this.#parts.reply.errorBytes(ERROR_BYTES.EXEC_ABORT);
      c.discardTransaction();
    } else if (room === ROOM_NONE) {
      this.#parts.reply.error(EXEC_ABORT_OUT_OF_MEMORY);
      c.discardTransaction();
    } else if (c.transactionHasWrites && layout.writeRefusal !== REFUSE_NOTHING) {
      this.#parts.reply.error(`${ABORT_REASON} ${refusalText(layout)}`);
      c.discardTransaction();
    } else if (c.transactionAsks) {
      this.#askAhead(c);
      return HELD;
    } else {
      const status = this.#execQueue(c, row, args);
      if (status === STALLED) return HELD;
      isShown = true;
      if (status === SENT_AWAY) {
        this.#hooks.account(row, this.#parts.ctx.args, this.#parts.reply.length, -1);
        return CONSUMED;
      }
    }
    c.commandsRun += 1;
    if (monitors.isOn && !isShown) this.#show(c, row, args);
    const nanos = (performance.now() - started) * 1e6;
    this.#hooks.account(row, this.#parts.ctx.args, mark, nanos);
    this.#hooks.afterReply(c, mark);
    return CONSUMED;
  }

  /** Puts errors in the place of queued commands that the user may not run any more. */
  #refuseQueued(c: Connection, exec: CommandRow): void {
    const replies = new Map<number, Uint8Array>();
    this.#run.visitCommands(c.queue(), (row, args, index) => {
      const refusal = queuedRefusal(this.#parts.acl, c, exec, row, args);
      if (refusal === null) return;
      replies.set(index, refusal);
      this.#parts.stats.rejected(row.index);
    });
    if (replies.size === 0) return;
    c.transactionBlock = this.#run.withReplies(c.queue(), c.watched, replies);
  }

  #show(c: Connection, row: CommandRow, args: ArgView): void {
    const { monitors, ctx } = this.#parts;
    monitors.show(row, args, c.db, ctx.host.client());
  }

  #execQueue(
    c: Connection,
    row: CommandRow,
    args: ArgView,
  ): typeof RAN | typeof SENT_AWAY | typeof STALLED {
    const block = c.queue();
    const run = this.#run;
    const { monitors } = this.#parts;
    const isMonitored = monitors.isOn;
    run.markShards(this.#set, block.bytes, 0);
    const set = this.#set;
    const isSmall =
      block.items <= LEASE_ARGS_MAX &&
      block.length <= LEASE_BLOCK_BYTES_MAX &&
      run.isLeasable(block.bytes, 0);
    const mayLease = isSmall && (this.#hooks.isLeaseOn() || set.count === 0);
    if (mayLease && this.#parts.locks.leaseAll(set.shards, set.count)) {
      if (!run.isPrepared(block.bytes, 0) || !run.hasShards(block.bytes, 0, this.#serve, null)) {
        this.#parts.locks.endAllLeases(set.shards, set.count);
        return this.#sendTransaction(c, block, row, args);
      }
      const state = this.#parts.ctx.state;
      state.touchMode = c.noTouch ? 0 : state.policyTouchMode;
      const { watched } = c;
      c.watched = [];
      const sessions = this.#sessionRunner(c);
      if (isMonitored) monitors.keep();
      const outcome = run.run(this.#parts.reply, block.bytes, 0, sessions, LEASE_WORK_MAX);
      if (isMonitored) {
        if (block.replies === block.items) this.#show(c, row, args);
        monitors.release(outcome !== TRANSACTION_TOO_LARGE);
      }
      if (state.ready.length !== 0) this.#serve.serve();
      this.#parts.locks.endAllLeases(set.shards, set.count);
      if (outcome !== TRANSACTION_TOO_LARGE) {
        if (outcome === TRANSACTION_RAN) c.commandsRun += block.replies;
        c.endExec(outcome !== TRANSACTION_RAN);
        c.endTransaction();
        return RAN;
      }
      c.watched = watched;
    }
    return this.#sendTransaction(c, block, row, args);
  }

  #sendTransaction(
    c: Connection,
    block: TransactionBlock,
    row: CommandRow,
    args: ArgView,
  ): typeof SENT_AWAY | typeof STALLED {
    const { watched } = c;
    // A SELECT or SUBSCRIBE of the queue is undone when a watched key turns out to have changed.
    if (watched.length !== 0) c.beginExec();
    // The watches go with the block: an UNWATCH of the queue has nothing left to give back.
    c.watched = [];
    // What commands of the queue say about tracking is said ahead: rather too much is tracked.
    const flags = c.tracking?.tracksReads === true ? messages.FLAG_TRACKED : 0;
    const ready = this.#withLiterals(c, block, watched, row, args);
    const via = this.#set.count === 0 ? 0 : this.#set.shards[0]!;
    const out = this.#routes.address(c, messages.KIND_TRANSACTION, flags);
    const ring = this.#routes.ringTo(via);
    const status = messages.sendBlock(ring, this.#parts.spill, out, ready.bytes, ready.length);
    if (status !== messages.SENT) {
      c.transactionBlock = ready;
      c.watched = watched;
      c.isStalled = true;
      return STALLED;
    }
    this.#routes.sentFor(c, via, false);
    c.commandsRun += ready.replies;
    this.#parts.stats.add(STAT.routed, 1);
    c.endTransaction();
    return SENT_AWAY;
  }

  /** The block for a worker; MONITOR is shown there what has run here. */
  #withLiterals(
    c: Connection,
    block: TransactionBlock,
    watched: readonly WatchedKey[],
    row: CommandRow,
    args: ArgView,
  ): TransactionBlock {
    const { monitors, reply } = this.#parts;
    const isMonitored = monitors.isOn;
    if (isMonitored) monitors.keep();
    const sessions = this.#sessionRunner(c);
    const ready = this.#run.withLiterals(block, watched, reply, sessions, () => monitors.take());
    if (!isMonitored) return ready;
    if (ready.replies === ready.items) {
      this.#show(c, row, args);
      ready.addShown(monitors.take());
    }
    monitors.release(false);
    return ready;
  }

  #sessionRunner(c: Connection): RunSession {
    return (row, args) => {
      const mark = this.#parts.reply.length;
      const started = performance.now();
      this.#parts.sessions.run(c, row, args, false);
      this.#hooks.account(row, args, mark, (performance.now() - started) * 1e6);
      return c.db;
    };
  }

  /**
   * Runs the queued commands that ask other threads and puts their replies into the queue; EXEC
   * is dispatched again then. That they run before the rest of the transaction nobody can tell,
   * because they do not touch keys.
   */
  #askAhead(c: Connection): void {
    const block = c.queue();
    const replies = new Map<number, Uint8Array>();
    const resume = this.#parts.sessions.hold(c);
    let left = 1;
    const answered = (): void => {
      left -= 1;
      if (left !== 0) return;
      c.transactionBlock = this.#run.withReplies(block, c.watched, replies);
      c.transactionAsks = false;
      resume();
    };
    this.#run.visitCommands(block, (row, args, index) => {
      if (!row.asksThreads) return;
      left += 1;
      this.#parts.stats.add(STAT.commands, 1);
      this.#parts.stats.call(row.index);
      this.#parts.sessions.runAside(c, row, args, (reply) => {
        replies.set(index, reply);
        answered();
      });
    });
    answered();
  }

  /**
   * Gives the watches of a connection back: here when their shards are free, otherwise by a worker,
   * without a reply.
   */
  unwatchAll(c: Connection): void {
    const block = new TransactionBlock();
    for (const watch of c.watched) block.addWatch(watch);
    c.watched = [];
    const set = this.#set;
    this.#run.markShards(set, block.bytes, 0);
    if (this.#parts.locks.leaseAll(set.shards, set.count)) {
      this.#run.unwatch(block.bytes, 0);
      this.#parts.locks.endAllLeases(set.shards, set.count);
      return;
    }
    const via = set.shards[0]!;
    const out = this.#routes.address(c, messages.KIND_UNWATCH, 0);
    const ring = this.#routes.ringTo(via);
    if (
      messages.sendBlock(ring, this.#parts.spill, out, block.bytes, block.length) !== messages.SENT
    ) {
      this.#unwatchLater.push(block);
      return;
    }
    this.#routes.mark(via);
  }

  /**
   * Gives back, with the next tick, the watches of a connection that closed while its WATCH was on
   * its way.
   */
  unwatchOrphans(watches: readonly WatchedKey[]): void {
    const block = new TransactionBlock();
    for (const watch of watches) block.addWatch(watch);
    this.#unwatchLater.push(block);
  }

  readonly #unwatchLater: TransactionBlock[] = [];

  /** Tries again what found a full ring. */
  retryUnwatch(): void {
    const left = this.#unwatchLater.splice(0);
    for (const block of left) {
      const set = this.#set;
      this.#run.markShards(set, block.bytes, 0);
      if (this.#parts.locks.leaseAll(set.shards, set.count)) {
        this.#run.unwatch(block.bytes, 0);
        this.#parts.locks.endAllLeases(set.shards, set.count);
      } else {
        this.#unwatchLater.push(block);
      }
    }
  }
}

const RAN = 0;
const SENT_AWAY = 1;
const STALLED = 2;
