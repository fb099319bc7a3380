/**
 * Dispatcher: decides where a command of a connection runs, and runs it: under a lease on this
 * thread, by route on a shard worker, or as a session command. One per I/O thread.
 */
import { EXPANDED, FieldsetExpander, NO_FIELDSET } from '../commands/fieldsets.ts';
import { ESCALATE } from '../commands/spec.ts';
import type { CommandRow, CommandTable } from '../commands/table.ts';
import {
  ERROR_BYTES,
  subcommandSyntax,
  subscribedContext,
  unknownCommand,
  unknownSubcommand,
  wrongArity,
} from '../resp/errors.ts';
import type { ReplyWriter } from '../resp/reply-writer.ts';
import type { ArgView } from '../resp/request-parser.ts';
import { sceneOf } from './acl/exec-permission.ts';
import type { BlockedServe } from './blocked-serve.ts';
import { CommandRoutes } from './command-routes.ts';
import { isTimed, sampleWeight } from './command-watch.ts';
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
import { ABORT_REASON, ExecDispatch } from './exec-dispatch.ts';
import { ROOM_LATER, ROOM_NONE } from './memory-room.ts';
import * as messages from './route-messages.ts';
import type { ShardLocks } from './shard-locks.ts';
import { ShardSet } from './shard-set.ts';
import { PAUSE_ALL, PAUSE_NONE } from './shared-layout.ts';
import { LISTENS_TO_COMMANDS, LISTENS_TO_MESSAGES } from './subscribers.ts';
import type { ThreadContext } from './thread-context.ts';
import { STAT, type ThreadStats } from './thread-stats.ts';
import { isRefused, refusalText } from './write-refusal.ts';

const NO_KEYS_FOR_MONITORS = "ERR Replica can't interact with the keyspace";
/**
 * How long a read tries to get at its shards before it is routed: where commands that may take long
 * are on their way, and elsewhere.
 */
const BEHIND_LONG_MS_MAX = 1000;
const CONTENDED_MS_MAX = 10;

/**
 * Words that only an HTTP request begins a line with: a web page is being used to reach this
 * server.
 */
const HTTP_POST: Uint8Array = Uint8Array.from(Buffer.from('POST'));
const HTTP_HOST: Uint8Array = Uint8Array.from(Buffer.from('HOST:'));

/** The command's user may run it. */
const PERMITTED = -1;

export class Dispatcher {
  /** False with `--lease no`: every shard command goes through the rings. */
  isLeaseOn = true;
  /** The connection whose command runs, and the command's row index. */
  current: Connection | null = null;
  currentRow = 0;
  readonly #parts: DispatcherParts;
  readonly #table: CommandTable;
  readonly #ctx: ThreadContext;
  readonly #reply: ReplyWriter;
  readonly #locks: ShardLocks;
  readonly #stats: ThreadStats;
  readonly #set: ShardSet;
  readonly #routes: CommandRoutes;
  readonly #serve: BlockedServe;
  /** EXEC and the watches of transactions. */
  readonly transactions: ExecDispatch;
  readonly #expander = new FieldsetExpander();

  constructor(parts: DispatcherParts) {
    this.#parts = parts;
    this.#table = parts.table;
    this.#ctx = parts.ctx;
    this.#reply = parts.reply;
    this.#locks = parts.locks;
    this.#stats = parts.stats;
    this.#set = new ShardSet(parts.layout.topology.shards);
    this.#serve = parts.serve;
    this.#routes = new CommandRoutes(parts.layout, parts.thread, parts.workers);
    this.transactions = new ExecDispatch(parts, this.#routes, {
      isLeaseOn: () => this.isLeaseOn,
      account: (row, args, mark, nanos) => this.#account(row, args, mark, nanos, 1),
      afterReply: (c, mark) => this.#afterReply(c, mark),
    });
  }

  /** The ticket issued last for a connection index: a new connection goes on from there. */
  lastTicket(conn: number): number {
    return this.#routes.lastTicket(conn);
  }

  /**
   * Finds a command's row (of a sub-command where there is one), replying the error when there is
   * none.
   */
  #lookup(c: Connection, args: ArgView): CommandRow | null {
    const row = this.#table.find(args.buf, args.offset[0]!, args.end(0));
    if (row === null) {
      if (args.equalsIgnoreCase(0, HTTP_POST) || args.equalsIgnoreCase(0, HTTP_HOST)) {
        this.#parts.sessions.refuseHttp(c);
        return null;
      }
      const rest: string[] = [];
      for (let i = 1; i < args.count && i < 32; i++) rest.push(args.text(i));
      this.#refuse(c, null, unknownCommand(args.text(0), rest));
      return null;
    }
    if (row.subcommands === null || args.count < 2) return row;
    const sub = row.subcommands.find(args.buf, args.offset[1]!, args.end(1));
    if (sub !== null) return sub;
    const name = row.fullName.toUpperCase();
    if (row.isDebug && !this.#parts.sessions.mayDebug(c)) {
      this.#refuseReady(c, row, ERROR_BYTES.DEBUG_NOT_ALLOWED);
    } else if (row.isDebug) {
      this.#refuse(c, row, subcommandSyntax(name, args.text(1)));
    } else {
      this.#refuse(c, row, unknownSubcommand(name, args.text(1)));
    }
    return null;
  }

  /** Replies an error for a command that did not run; an open transaction will abort. */
  #refuse(c: Connection, row: CommandRow | null, text: string): void {
    const mark = this.#reply.length;
    this.#reply.error(text);
    this.#refused(c, row, mark);
  }

  #refuseReady(c: Connection, row: CommandRow, line: Uint8Array): void {
    const mark = this.#reply.length;
    this.#reply.errorBytes(line);
    this.#refused(c, row, mark);
  }

  #refused(c: Connection, row: CommandRow | null, mark: number): void {
    if (c.isInTransaction) c.isTransactionBroken = true;
    if (row !== null) this.#stats.rejected(row.index);
    this.#stats.error(this.#reply.buf, mark + 1, this.#reply.length);
    this.#afterReply(c, mark);
  }

  /** True after an error where the configuration does not let this client use a guarded command. */
  #isForbidden(c: Connection, row: CommandRow, args: ArgView): boolean {
    const { sessions } = this.#parts;
    if (row.isDebug) {
      if (args.count === 1 || sessions.mayDebug(c)) return false;
      this.#refuseReady(c, row, ERROR_BYTES.DEBUG_NOT_ALLOWED);
      return true;
    }
    // A wrong number of arguments is what is wrong first.
    if (!row.acceptsCount(args.count) || sessions.mayUseModules(c)) return false;
    this.#refuseReady(c, row, ERROR_BYTES.MODULE_NOT_ALLOWED);
    return true;
  }

  /** Takes the reply back where CLIENT REPLY says so. */
  #afterReply(c: Connection, mark: number): void {
    if (c.replyMode === 'on') return;
    if (c.replyMode === 'skip-next') {
      // CLIENT REPLY SKIP itself answers nothing either; the command after it is the one skipped.
      c.replyMode = 'skip';
      this.#reply.truncate(mark);
      return;
    }
    this.#reply.truncate(mark);
    if (c.replyMode === 'skip') c.replyMode = 'on';
  }

  /** Runs, queues or sends one parsed command. */
  dispatch(c: Connection, args: ArgView): DispatchStatus {
    if (this.current !== c) this.current = c;
    let row = this.#lookupFast(args);
    // Whatever is answered here (an unknown command, too) comes after the replies still on their
    // way.
    if (c.inflight !== 0 && (row === null || !this.#mayJoin(c, row, args))) return HELD;
    row ??= this.#lookup(c, args);
    if (row === null) return CONSUMED;
    if (row.isGuarded && this.#isForbidden(c, row, args)) return CONSUMED;
    if (!row.acceptsCount(args.count)) {
      // DEBUG is no container in Redis: its sub-commands have no arity of their own.
      const isDebug = row.isDebug && row.subcommands === null;
      const text = isDebug ? subcommandSyntax('DEBUG', args.text(1)) : wrongArity(row.fullName);
      this.#refuse(c, row, text);
      return CONSUMED;
    }
    if (c.isRestricted) {
      const status = this.#checkPermission(c, row, args);
      if (status !== PERMITTED) return status;
    }
    if (this.#parts.layout.isLoading && !row.isForLoading && !c.isReplay) {
      if (c.inflight !== 0) return HELD;
      this.#refuseReady(c, row, ERROR_BYTES.LOADING);
      return CONSUMED;
    }
    if (row.isDenyOom && this.#parts.room.isLimited) {
      this.#locks.dropKept();
      const room = this.#parts.room.ask(args.span);
      if (room === ROOM_LATER) return waitForRoom(c, this.#parts.room);
      if (room === ROOM_NONE) {
        if (c.inflight !== 0) return HELD;
        this.#refuseReady(c, row, ERROR_BYTES.OUT_OF_MEMORY);
        return CONSUMED;
      }
    }
    if (isRefused(this.#parts.layout, row)) {
      if (c.inflight !== 0) return HELD;
      this.#refuse(c, row, refusalText(this.#parts.layout));
      return CONSUMED;
    }
    if (c.listens !== 0 && this.#isKeptFrom(c, row)) {
      if (c.inflight !== 0) return HELD;
      const isSubscribed = (c.listens & LISTENS_TO_MESSAGES) !== 0 && c.protocol === 2;
      this.#refuse(c, row, isSubscribed ? subscribedContext(row.fullName) : NO_KEYS_FOR_MONITORS);
      return CONSUMED;
    }
    if (this.#isPaused(c, row)) return HELD;
    if (row.usesFieldset) return this.#runExpanded(c, row, args);
    return this.#runChecked(c, row, args);
  }

  /** Messages and replies look the same in RESP2, and who monitors is no client of keys. */
  #isKeptFrom(c: Connection, row: CommandRow): boolean {
    if ((c.listens & LISTENS_TO_MESSAGES) !== 0 && c.protocol === 2 && !row.isForSubscribers) {
      return true;
    }
    return (c.listens & LISTENS_TO_COMMANDS) !== 0 && (row.isReadOnly || row.isHeldAsWrite);
  }

  /** Whether the connection's user may run a command; otherwise it has its answer, or waits. */
  #checkPermission(
    c: Connection,
    row: CommandRow,
    args: ArgView,
  ): DispatchStatus | typeof PERMITTED {
    if (!c.isAuthenticated && !row.isNoAuth) {
      this.#refuseReady(c, row, ERROR_BYTES.NO_AUTH);
      return CONSUMED;
    }
    const { acl } = this.#parts;
    if (!acl.isAllowed(c.account, row, args)) {
      // A refusal comes after the replies on their way.
      if (c.inflight !== 0) return HELD;
      const refusal = acl.refusal(c.account, row, args, sceneOf(c, row))!;
      const reason = `NOPERM ${refusal.text}`;
      this.#refuse(c, row, row.isExec ? `${ABORT_REASON} ${reason}` : reason);
      if (row.isExec) c.discardTransaction();
      return CONSUMED;
    }
    const sortRefusal = c.isInTransaction ? null : acl.sortRefusal(c.account, row, args);
    if (sortRefusal === null) return PERMITTED;
    if (c.inflight !== 0) return HELD;
    this.#refuse(c, row, sortRefusal);
    return CONSUMED;
  }

  /** HIMPORT SET, with the field names that its connection has declared. */
  #runExpanded(c: Connection, row: CommandRow, args: ArgView): DispatchStatus {
    const status = this.#expander.expand(args, c.queuedFieldsets ?? c.fieldsets);
    if (status === EXPANDED) return this.#runChecked(c, row, this.#expander.args);
    const isMissing = status === NO_FIELDSET;
    const line = isMissing ? ERROR_BYTES.FIELDSET_MISSING : ERROR_BYTES.FIELDSET_COUNT;
    this.#refuseReady(c, row, line);
    return CONSUMED;
  }

  /** A command that may run: queued in a transaction, otherwise run or sent. */
  #runChecked(c: Connection, row: CommandRow, args: ArgView): DispatchStatus {
    if (c.isInTransaction) {
      if (!row.isTransactionControl) return this.#queue(c, row, args);
      if (row.isWatch || row.isMulti) {
        const error = row.isWatch ? ERROR_BYTES.WATCH_IN_MULTI : ERROR_BYTES.NESTED_MULTI;
        this.#refuseReady(c, row, error);
        return CONSUMED;
      }
    }
    if (c.lastCommand !== row.shownName) c.lastCommand = row.shownName;
    if (row.isSession) return this.#runSession(c, row, args);
    return row.singleKey !== 0 ? this.#runSingle(c, row, args) : this.#runMulti(c, row, args);
  }

  /** The row of a command without sub-commands: the hot case. */
  #lookupFast(args: ArgView): CommandRow | null {
    const row = this.#table.find(args.buf, args.offset[0]!, args.end(0));
    return row !== null && row.subcommands === null ? row : null;
  }

  /**
   * While quick commands are in flight another one with a single key may follow them, whatever its
   * shard; its fence keeps the order.
   */
  #mayJoin(c: Connection, row: CommandRow, args: ArgView): boolean {
    if (!c.isChainable || row.singleKey === 0 || row.isSlow || row.isBlocking) return false;
    if (c.isInTransaction) return false;
    if (!row.acceptsCount(args.count) || c.replyMode !== 'on') return false;
    this.#ctx.begin(args, c.db);
    return true;
  }

  #isPaused(c: Connection, row: CommandRow): boolean {
    const mode = this.#parts.layout.pauseMode;
    this.#ctx.state.keepsExpired = mode !== PAUSE_NONE && !row.isWrite;
    if (mode === PAUSE_NONE) return false;
    if (mode !== PAUSE_ALL && !row.isHeldAsWrite && !this.#writesAtExec(c, row)) return false;
    c.isPaused = true;
    return true;
  }

  /** EXEC counts as a write where its queue has one. */
  #writesAtExec(c: Connection, row: CommandRow): boolean {
    return row.isExec && c.transactionHasWrites;
  }

  #queue(c: Connection, row: CommandRow, args: ArgView): DispatchStatus {
    if (row.isNoMulti) {
      this.#refuseReady(c, row, ERROR_BYTES.NOT_IN_MULTI);
      return CONSUMED;
    }
    c.queue().addCommand(row.index, c.db, args);
    c.queuedCommands += 1;
    if (row.isHeldAsWrite) c.transactionHasWrites = true;
    if (row.isDenyOom) c.transactionNeedsMemory = true;
    if (row.asksThreads) c.transactionAsks = true;
    if (row.preparesFieldset) this.#prepareQueued(c, args);
    const mark = this.#reply.length;
    this.#reply.simple('QUEUED');
    this.#afterReply(c, mark);
    return CONSUMED;
  }

  /** What an HIMPORT SET behind a queued HIMPORT PREPARE will find. */
  #prepareQueued(c: Connection, args: ArgView): void {
    c.queuedFieldsets ??= c.fieldsets.copy();
    c.queuedFieldsets.prepare(args);
  }

  #runSession(c: Connection, row: CommandRow, args: ArgView): DispatchStatus {
    this.settle();
    if (row.isExec) return this.transactions.exec(c, row, args);
    const mark = this.#reply.length;
    const started = performance.now();
    this.#parts.sessions.run(c, row, args, true);
    c.commandsRun += 1;
    // What goes on later is timed then.
    const nanos = c.isSuspended ? -1 : (performance.now() - started) * 1e6;
    this.#account(row, args, mark, nanos, 1);
    // Messages come even where CLIENT REPLY says that replies do not.
    this.#afterReply(c, row.isSubscribing ? this.#reply.length : mark);
    return CONSUMED;
  }

  /** Counts a command that ran here; `nanos` < 0 = not timed. */
  #account(row: CommandRow, args: ArgView, mark: number, nanos: number, weight: number): void {
    const stats = this.#stats;
    this.#commands += 1;
    stats.call(row.index);
    const reply = this.#reply;
    if (nanos >= 0) {
      stats.time(row.index, nanos, weight);
      const { watch } = this.#ctx;
      if (nanos >= watch.noteNanos) watch.note(row, args, nanos, reply.length - mark);
    }
    if (reply.length > mark && reply.buf[mark] === 0x2d) {
      stats.failed(row.index);
      stats.error(reply.buf, mark + 1, reply.length);
    }
  }

  /** A command with one key: leased when its shard is free, a join of a long read, or routed. */
  #runSingle(c: Connection, row: CommandRow, args: ArgView): DispatchStatus {
    const ctx = this.#ctx;
    if (c.inflight === 0) ctx.begin(args, c.db);
    const { waits } = ctx.at(row.singleKey);
    const shard = ctx.key.shardIndex;
    let flags = 0;
    if (c.inflight === 0 && this.isLeaseOn && !row.isSlow) {
      const locks = this.#locks;
      const mark = this.#reply.length;
      if (locks.leaseNext(shard)) {
        if (c.contendedSinceMs !== 0) locks.want(shard, false);
        if (this.#runHere(c, row, !row.isWrite || waits.isEmpty)) {
          locks.keepLease(shard);
          this.#leased += 1;
          return this.#ranHere(c, row, mark);
        }
        locks.endNext(shard);
        flags = messages.FLAG_ESCALATED;
      } else if (row.isReadOnly && locks.join(shard)) {
        ctx.state.isReadOnly = true;
        const isDone = this.#runHere(c, row, true);
        ctx.state.isReadOnly = false;
        locks.leaveJoined(shard);
        if (isDone) {
          this.#stats.add(STAT.joinedReads, 1);
          return this.#ranHere(c, row, mark);
        }
        flags = messages.FLAG_ESCALATED;
      } else {
        this.#stats.add(STAT.leaseContended, 1);
        if (row.isReadOnly && this.#mayTryAgain(c)) {
          locks.want(shard, true);
          return this.#stall(c);
        }
      }
    }
    c.contendedSinceMs = 0;
    return this.#route(c, row, args, shard, flags === 0 && !row.isBlocking, flags);
  }

  /**
   * A read that finds its shard held tries again before it is routed: a long command keeps reads
   * out for an instant only, but in its worker's ring they would wait for its end, and all of their
   * connection with them (GET p99 while SUNIONSTORE runs in a loop: 440 ms). An instant may be long
   * where more threads are busy than there are cores. The bound is for reads that never find their
   * shard free between long commands.
   */
  #mayTryAgain(c: Connection): boolean {
    const nowMs = performance.now();
    if (c.contendedSinceMs === 0) c.contendedSinceMs = nowMs;
    const waitedMs = nowMs - c.contendedSinceMs;
    if (waitedMs < CONTENDED_MS_MAX) return true;
    return waitedMs < BEHIND_LONG_MS_MAX && this.#parts.layout.longCommands > 0;
  }

  #nanos = -1;
  #weight = 1;
  /** Commands since the last `settle`, and those of them that were leased. */
  #commands = 0;
  #leased = 0;

  /** Commands out of `buf`, from `start` on, are about to be dispatched one after the other. */
  begin(buf: Uint8Array, start: number): void {
    this.#ctx.beginBatch(buf, start);
  }

  /** No more of them come for now. */
  end(): void {
    this.#ctx.endBatch();
    this.settle();
  }

  /**
   * Ends what goes on from one command with a single key to the next: the lease that is kept, and
   * counts that nobody has seen yet.
   */
  settle(): void {
    this.#locks.dropKept();
    if (this.#commands === 0) return;
    this.#stats.add(STAT.commands, this.#commands);
    this.#stats.add(STAT.leased, this.#leased);
    this.#commands = 0;
    this.#leased = 0;
  }

  /**
   * Runs a shard command under the hold taken by the caller. False when it escalated.
   * `isUnawaited`: nobody waits for a key in its shard.
   */
  #runHere(c: Connection, row: CommandRow, isUnawaited: boolean): boolean {
    const ctx = this.#ctx;
    ctx.workMax = LEASE_WORK_MAX;
    const state = ctx.state;
    state.touchMode = c.noTouch ? 0 : state.policyTouchMode;
    this.#nanos = -1;
    if (!ctx.isPrepared(row)) return false;
    if (!isUnawaited && !this.#serve.hasShards(row, null)) return false;
    this.currentRow = row.index;
    const calls = this.#stats.calls(row.index);
    let isDone: boolean;
    if (!isTimed(ctx.watch, calls)) isDone = ctx.run(row) !== ESCALATE;
    else {
      this.#weight = sampleWeight(ctx.watch, calls);
      const started = performance.now();
      isDone = ctx.run(row) !== ESCALATE;
      this.#nanos = (performance.now() - started) * 1e6;
    }
    if (state.ready.length !== 0) this.#serve.serve();
    return isDone;
  }

  #ranHere(c: Connection, row: CommandRow, mark: number): DispatchStatus {
    c.contendedSinceMs = 0;
    if (c.blocked !== null) return this.#blockedHere();
    c.commandsRun += 1;
    this.#account(row, this.#ctx.args, mark, this.#nanos, this.#weight);
    if (c.replyMode !== 'on') this.#afterReply(c, mark);
    return CONSUMED;
  }

  /** The command waits: it is counted by name when it ends. */
  #blockedHere(): DispatchStatus {
    this.#commands += 1;
    return CONSUMED;
  }

  /** A command over several shards, all, or none in particular. */
  #runMulti(c: Connection, row: CommandRow, args: ArgView): DispatchStatus {
    if (c.inflight !== 0) return HELD;
    this.settle();
    const ctx = this.#ctx;
    ctx.begin(args, c.db);
    let flags = 0;
    let via = 0;
    if (row.isSlow || args.count > LEASE_ARGS_MAX) {
      flags = messages.FLAG_ESCALATED;
    } else {
      const set = this.#set;
      set.ofCommand(row, args, ctx);
      via = set.count === 0 ? 0 : set.shards[0]!;
      if (set.count > 1) this.#stats.add(STAT.multiShard, 1);
      if (set.count === 0 || (this.isLeaseOn && this.#enterAll(row.isShared))) {
        const mark = this.#reply.length;
        if (c.contendedSinceMs !== 0) this.#wantAll(false);
        const isJoined = row.isShared && set.count !== 0 && this.#locks.hasJoined;
        ctx.state.isReadOnly = isJoined;
        const isDone = this.#runHere(c, row, !row.isWrite || this.#areUnawaited());
        ctx.state.isReadOnly = false;
        this.#leaveAll(row.isShared);
        if (isDone) {
          this.#stats.add(isJoined ? STAT.joinedReads : STAT.leased, 1);
          return this.#ranHere(c, row, mark);
        }
        flags = messages.FLAG_ESCALATED;
      } else if (this.isLeaseOn) {
        this.#stats.add(STAT.leaseContended, 1);
        if (row.isShared && this.#mayTryAgain(c)) {
          this.#wantAll(true);
          return this.#stall(c);
        }
      }
    }
    c.contendedSinceMs = 0;
    return this.#route(c, row, args, via, false, flags);
  }

  /** Whether nobody waits for a key in the shards of a command over several. */
  #areUnawaited(): boolean {
    const { shards, count } = this.#set;
    for (let i = 0; i < count; i++) if (!this.#ctx.shards[shards[i]!]!.waits.isEmpty) return false;
    return true;
  }

  #wantAll(isWanted: boolean): void {
    const { shards, count } = this.#set;
    for (let i = 0; i < count; i++) this.#locks.want(shards[i]!, isWanted);
  }

  /** Gets at the shards of a command over several, by lease, or beside a long read. */
  #enterAll(isShared: boolean): boolean {
    const { shards, count } = this.#set;
    return isShared ? this.#locks.enterAll(shards, count) : this.#locks.leaseAll(shards, count);
  }

  #leaveAll(isShared: boolean): void {
    const { shards, count } = this.#set;
    if (isShared) this.#locks.leaveAll(shards, count);
    else this.#locks.endAllLeases(shards, count);
  }

  /** Sends a command to the owner of shard `via`. `isChainable`: others may be sent behind it. */
  #route(
    c: Connection,
    row: CommandRow,
    args: ArgView,
    via: number,
    isChainable: boolean,
    flags: number,
  ): DispatchStatus {
    this.settle();
    const out = this.#routes.address(c, messages.KIND_COMMAND, flags);
    out.row = row.index;
    out.body = c.givableInput(args);
    const status = messages.sendCommand(this.#routes.ringTo(via), this.#parts.spill, out, args);
    if (status === messages.RING_FULL) return this.#stall(c);
    if (status === messages.SPILL_FULL) {
      if (c.inflight !== 0) return HELD;
      this.#refuseReady(c, row, ERROR_BYTES.OUT_OF_MEMORY);
      return CONSUMED;
    }
    if (status === messages.SENT_BODY) c.inputGiven(args);
    this.#routes.sentFor(c, via, isChainable);
    if (messages.mayTakeLong(row, out.flags)) this.#parts.layout.addLongCommands(1);
    if (row.isWatch) {
      for (let i = 1; i < args.count; i++)
        c.pendingWatch.push(args.buf.slice(args.offset[i]!, args.end(i)));
    }
    this.#stats.add(flags === 0 ? STAT.routed : STAT.escalated, 1);
    return CONSUMED;
  }

  #stall(c: Connection): DispatchStatus {
    c.isStalled = true;
    return HELD;
  }

  /** Publishes what was routed in this turn and rings the workers. */
  flush(): void {
    this.settle();
    this.#parts.tracker.flush();
    this.#parts.guard.publish();
    this.#routes.flush();
    this.#parts.post.flush();
  }
}
