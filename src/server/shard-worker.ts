/**
 * ShardWorker: the loop of a shard worker. It runs what its rings bring (routed, slow and
 * multi-shard commands), and the background work of the shards it owns: active expiry, resizing,
 * lazy freeing, memory that goes back. It parks when there is nothing to do.
 */

import { type BlockWish, ESCALATE } from '../commands/spec.ts';
import type { CommandRow, CommandTable } from '../commands/table.ts';
import type { Key } from '../keyspace/key.ts';
import type { Shard } from '../keyspace/shard.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import type { ReplyWriter } from '../resp/reply-writer.ts';
import type { ArgView } from '../resp/request-parser.ts';
import type { Doorbell, DoorbellRinger } from '../sync/doorbell.ts';
import * as fence from '../sync/fence.ts';
import { sleepMs } from '../sync/pause.ts';
import { RingConsumer, RingProducer } from '../sync/ring.ts';
import type { BlockedServe } from './blocked-serve.ts';
import type { ConfigStore } from './config/store.ts';
import type { Connection } from './connection.ts';
import { LEASE_WORK_MAX } from './dispatch-parts.ts';
import { BigKeyWalk } from './insight/big-keys.ts';
import type { Insight } from './insight/insight.ts';
import { flushChanges, flushKeyspaceStats } from './keyspace-stats.ts';
import { MemoryCare } from './memory-care.ts';
import { type MemoryRoom, ROOM_GIVEN, ROOM_LATER, ROOM_NONE } from './memory-room.ts';
import type { Monitors } from './monitors.ts';
import type { WorkerOutputBound } from './output-bound.ts';
import { type ParallelRuns, parallelRunsOf } from './parallel-runs.ts';
import type { Post } from './post.ts';
import * as messages from './route-messages.ts';
import { ShardBackground } from './shard-background.ts';
import type { ShardLocks } from './shard-locks.ts';
import { ShardSet } from './shard-set.ts';
import { PAUSE_NONE, type SharedLayout } from './shared-layout.ts';
import type { SnapshotWalk } from './snapshot-walk.ts';
import type { Spill } from './spill.ts';
import { type ThreadContext, visitHeld } from './thread-context.ts';
import { gaugeCpu, STAT, type ThreadStats } from './thread-stats.ts';
import type { Tracker } from './tracker.ts';
import { TransactionRun } from './transaction-run.ts';
import { WAIT_RESP3, type WaitRecords } from './wait-records.ts';
import type { WriteGuard } from './write-guard.ts';

/** Parks at most this long: a key with a TTL may have come meanwhile. */
const PARK_MS_IDLE = 250;
/** Commands that may need much memory wait at most this long for what is being freed. */
const FREE_WAIT_MS_MAX = 10_000;
/** How long to park while they do. */
const FREE_WAIT_PARK_MS = 2;
/** Frames run under one hold before others get a chance at the shard. */
const FRAMES_PER_HOLD = 64;
/**
 * Read commands with more arguments than this hold their shards shared, so that plain reads go on
 * meanwhile.
 */
const SHARED_ARGS_MIN = 256;
/** Pace of what INFO says about this thread's CPU time. */
const GAUGE_MS = 1000;
/** A thread with work all the time looks for control messages this often. */
const ROUNDS_PER_POLL = 64;
/** Words of a WATCHED frame: whole keys of five words, well below what a frame takes. */
const WATCHED_FRAME_WORDS = 5 * 4096;
/** Routed commands that ran longer than this end their batch: what follows is held up no longer. */
const LONG_FRAME_MS = 0.25;
/** Looks at fences before parking: about the time that a wake-up would cost. */
const FENCE_SPINS = 100;
/** Frames that one worker puts aside; beyond, rings wait behind their fronts. */
const ASIDE_MAX = 4096;
/** A full reply ring means that the I/O thread is busy: look again soon. */
const RING_RETRY_MS = 0.2;
/** The same for letters. */
const POST_RETRY_MS = 1;

/** A frame to run, and the I/O thread it came from. */
interface Holder {
  readonly io: number;
  readonly incoming: messages.Incoming;
}

/** One command ring with the frame that waits at its front. */
class Inlet implements Holder {
  readonly io: number;
  readonly ring: RingConsumer;
  readonly incoming: messages.Incoming;
  hasFrame = false;

  constructor(io: number, ring: RingConsumer, spill: Spill) {
    this.io = io;
    this.ring = ring;
    this.incoming = new messages.Incoming(spill);
  }
}

export interface ShardWorkerParts {
  readonly layout: SharedLayout;
  readonly worker: number;
  readonly table: CommandTable;
  readonly ctx: ThreadContext;
  readonly reply: ReplyWriter;
  readonly locks: ShardLocks;
  readonly spill: Spill;
  readonly stats: ThreadStats;
  readonly output: WorkerOutputBound;
  readonly config: ConfigStore;
  readonly guard: WriteGuard;
  readonly bell: Doorbell;
  readonly ioRingers: readonly DoorbellRinger[];
  readonly room: MemoryRoom;
  readonly insight: Insight;
  readonly post: Post;
  readonly monitors: Monitors<Connection>;
  readonly tracker: Tracker;
  readonly records: WaitRecords;
  readonly serve: BlockedServe;
  /** Makes the walk over the shards that this worker owns. */
  readonly walk: (owned: readonly Shard[]) => SnapshotWalk;
  /**
   * Looks for control messages; called when the bell rang. Returns false when the thread shall end.
   */
  readonly pollControl: () => boolean;
}

export class ShardWorker {
  readonly #parts: ShardWorkerParts;
  readonly #inlets: Inlet[] = [];
  readonly #outlets: RingProducer[] = [];
  readonly #mustRing: boolean[] = [];
  /** Fence words of the I/O threads. */
  readonly #fences: Int32Array[] = [];
  /** Frames put aside, and objects for more of them. */
  readonly #aside: messages.CopiedFrame[] = [];
  readonly #spareFrames: messages.CopiedFrame[] = [];
  readonly #set: ShardSet;
  readonly #transactions: TransactionRun;
  /** Null where there is no other worker. */
  readonly #parallel: ParallelRuns | null;
  readonly #owned: Shard[] = [];
  #busySinceMs = performance.now();
  /** Since when a command waits for memory that is being freed; 0 = none does. */
  #waitsForFreeSinceMs = 0;
  readonly #background: ShardBackground;
  readonly #memory: MemoryCare;
  readonly #watched: number[] = [];
  /** Row of the command that runs, and the record of it when it waits. */
  #runs = 0;
  #blocked = 0;
  /** Whose command runs. */
  readonly #client = { io: 0, conn: 0, generation: 0, tracksReads: false };
  readonly #walk: SnapshotWalk;
  readonly #bigKeys: BigKeyWalk;
  #stop = false;
  #framesInHold = 0;
  /** A command runs outside a transaction: readers may see the keyspace between its steps. */
  #isPlain = false;
  #isBuilding = false;
  #gaugedMs = 0;
  /** When the frame before ended: one look at the clock a frame. */
  #frameEndMs = 0;

  constructor(parts: ShardWorkerParts) {
    this.#parts = parts;
    const { layout, worker, spill } = parts;
    this.#set = new ShardSet(layout.topology.shards);
    for (
      let shard = worker;
      shard < layout.topology.shards;
      shard += layout.topology.shardThreads
    ) {
      this.#owned.push(parts.ctx.shards[shard]!);
    }
    this.#memory = new MemoryCare({ ...parts, shards: parts.ctx.shards }, this.#owned);
    const { events } = parts.insight;
    this.#memory.onDefrag = (ms) => events.note('active-defrag-cycle', ms, parts.ctx.state.nowMs);
    for (let io = 1; io <= layout.topology.ioThreads; io++) {
      const ring = new RingConsumer(layout.rings, layout.commandRing(io, worker));
      this.#inlets.push(new Inlet(io, ring, spill));
      this.#outlets.push(new RingProducer(layout.rings, layout.replyRing(io, worker)));
      this.#mustRing.push(false);
      this.#fences.push(layout.fences(io));
    }
    this.#transactions = new TransactionRun(parts.table, parts.ctx, parts.stats);
    this.#transactions.onShown = (bytes, from, to) => parts.monitors.showAgain(bytes, from, to);
    this.#walk = parts.walk(this.#owned);
    this.#bigKeys = bigKeyWalk(parts, this.#owned);
    this.#background = new ShardBackground(parts, this.#owned);
    this.#parallel = layout.topology.shardThreads > 1 ? parallelRunsOf(parts) : null;
    parts.ctx.host = {
      visitShards: (visit, from) => this.#visitShards(visit, from),
      beginBuild: () => this.#beginBuild(),
      endBuild: () => this.#endBuild(),
      inParallel: (work, wants, visit) => this.#parallel?.run(work, wants, visit) ?? false,
      noteWatch: (shard, db, key, version) => this.#noteWatch(shard, db, key, version),
      sleep: (ms) => sleepMs(ms),
      client: () => this.#client,
      block: (wish) => this.#block(wish),
      output: parts.output,
    };
  }

  /** Runs until the control port says stop. */
  run(): void {
    const { bell } = this.#parts;
    let rounds = 0;
    while (!this.#stop) {
      this.#setTime();
      if (this.#parts.post.isCrowded) this.#parts.post.untilRoom(() => this.#pause());
      let didWork = this.#drain() || this.#waitForFences() || this.#help();
      this.#client.io = 0;
      const parkMs = Math.min(
        this.#background.run(),
        this.#walk.turn(),
        this.#memory.run(),
        this.#bigKeys.turn(),
      );
      const { room } = this.#parts;
      if (room.wantsSlice && room.slice()) didWork = true;
      if (this.#background.catchUp(this.#busySinceMs)) didWork = true;
      this.#busySinceMs = performance.now();
      this.#parts.guard.publish();
      this.#parts.tracker.flush();
      this.#parts.post.flush();
      if (didWork || parkMs === 0) {
        if (++rounds % ROUNDS_PER_POLL === 0) this.#poll();
        continue;
      }
      if (bell.prepare()) {
        if (this.#hasFrames()) {
          bell.awake();
          continue;
        }
        this.#flushStats();
        bell.park(this.#soonest(parkMs));
      }
      bell.awake();
      this.#busySinceMs = performance.now();
      this.#poll();
    }
  }

  /** How long to park where `parkMs` is as long as the background work allows. */
  #soonest(parkMs: number): number {
    const retryMs = this.#waitsForFreeSinceMs === 0 ? parkMs : FREE_WAIT_PARK_MS;
    return Math.min(parkMs, this.#parts.post.isWaiting ? POST_RETRY_MS : retryMs);
  }

  /**
   * Units of work that the command may take now: a large one that needs memory waits while a shard
   * that it holds is full of what is about to be freed.
   */
  #workMax(row: CommandRow): number {
    if (!row.isDenyOom) return Number.POSITIVE_INFINITY;
    const { locks, ctx } = this.#parts;
    const since = this.#waitsForFreeSinceMs;
    const hasWaited = since !== 0 && performance.now() - since >= FREE_WAIT_MS_MAX;
    if (!hasWaited && locks.holdsAny((shard) => ctx.shards[shard]!.isShortOfRoom)) {
      return LEASE_WORK_MAX;
    }
    this.#waitsForFreeSinceMs = 0;
    return Number.POSITIVE_INFINITY;
  }

  /** Runs a command whose shards are held. False when it has to wait for memory. */
  #runHeld(row: CommandRow): boolean {
    const { ctx } = this.#parts;
    this.#isPlain = true;
    this.#runs = row.index;
    ctx.workMax = this.#workMax(row);
    const isBounded = ctx.workMax !== Number.POSITIVE_INFINITY;
    const status = ctx.run(row);
    ctx.workMax = Number.POSITIVE_INFINITY;
    this.#isPlain = false;
    if (status !== ESCALATE) return true;
    if (!isBounded) throw new Error('a command escalated on a shard worker');
    if (this.#waitsForFreeSinceMs === 0) this.#waitsForFreeSinceMs = performance.now();
    return false;
  }

  #setTime(): void {
    const { ctx, layout, insight } = this.#parts;
    ctx.state.isClockStopped = layout.isReplaying;
    ctx.state.setTime(Date.now());
    if (!insight.hotKeys.isCurrent) insight.refresh();
  }

  #poll(): void {
    if (!this.#parts.pollControl()) this.#stop = true;
  }

  /** False when the thread shall end: I/O threads end first, then nobody makes room any more. */
  #pause(): boolean {
    sleepMs(RING_RETRY_MS);
    this.#poll();
    return !this.#stop;
  }

  #hasFrames(): boolean {
    for (const inlet of this.#inlets) if (!inlet.hasFrame && !inlet.ring.isEmpty()) return true;
    return false;
  }

  /** One part of another worker's long read. */
  #help(): boolean {
    if (this.#parallel === null || !this.#parallel.help()) return false;
    this.#parts.stats.add(STAT.parallelParts, 1);
    return true;
  }

  /**
   * Frames wait for their predecessors on other workers, most often for less than a microsecond:
   * spins for those, then asks whoever completes the predecessor to ring. True when something was
   * run.
   */
  #waitForFences(): boolean {
    if (!this.#isFenced()) return false;
    for (let i = 0; i < FENCE_SPINS; i++) {
      Atomics.pause();
      if (this.#drain()) return true;
    }
    for (const { io, incoming } of this.#waiting()) {
      fence.announceWaiter(this.#fences[io - 1]!, incoming.conn, incoming.ticket);
    }
    // What became ready before it was announced is run now; what comes later rings.
    return this.#drain();
  }

  /**
   * Takes a frame that cannot run yet out of the way of those behind it: a busy shard, or a
   * connection that waits for another worker, holds nobody else up. False when nobody is behind it
   * or too many stand aside.
   */
  #putAside(inlet: Inlet): boolean {
    if (inlet.ring.isEmpty() || this.#aside.length >= ASIDE_MAX) return false;
    const frame = this.#spareFrames.pop() ?? new messages.CopiedFrame(this.#parts.spill);
    frame.capture(inlet.ring, inlet.io);
    this.#aside.push(frame);
    inlet.hasFrame = false;
    return true;
  }

  *#waiting(): Generator<Holder> {
    yield* this.#aside;
    for (const inlet of this.#inlets) {
      if (inlet.hasFrame && inlet.incoming.kind !== messages.KIND_UNWATCH) yield inlet;
    }
  }

  #isFenced(): boolean {
    if (this.#aside.length !== 0) return true;
    for (const inlet of this.#inlets) if (inlet.hasFrame && !this.#isTurn(inlet)) return true;
    return false;
  }

  /** True when everything that the connection sent before this frame has been run. */
  #isTurn({ io, incoming }: Holder): boolean {
    if (incoming.kind === messages.KIND_UNWATCH) return true;
    return fence.isReady(this.#fences[io - 1]!, incoming.conn, incoming.ticket);
  }

  /** The effects of a frame are there: the connection's next one may run, here or elsewhere. */
  #complete({ io, incoming }: Holder): void {
    if (fence.complete(this.#fences[io - 1]!, incoming.conn, incoming.ticket)) {
      this.#parts.locks.ringWorkers();
    }
  }

  /** Runs frames put aside whose turn has come, in the order they came. */
  #drainAside(): boolean {
    const aside = this.#aside;
    const count = aside.length;
    if (count === 0) return false;
    this.#frameEndMs = performance.now();
    let left = 0;
    for (let i = 0; i < count; i++) {
      const frame = aside[i]!;
      if (this.#runFrame(frame)) {
        frame.incoming.done();
        this.#spareFrames.push(frame);
      } else {
        aside[left++] = frame;
      }
    }
    aside.length = left;
    this.#parts.locks.releaseAll();
    if (left < count) this.#publishReplies();
    return left < count;
  }

  /** Runs what can be run now. False when nothing was. */
  #drain(): boolean {
    let didWork = this.#drainAside();
    for (const inlet of this.#inlets) {
      if (!inlet.hasFrame && inlet.ring.isEmpty()) continue;
      // A frame may take long: those after it must not live in its past.
      if (didWork) this.#setTime();
      this.#framesInHold = 0;
      this.#frameEndMs = performance.now();
      while (inlet.hasFrame || inlet.ring.next()) {
        if (!inlet.hasFrame) inlet.incoming.read(inlet.ring);
        inlet.hasFrame = true;
        if (!this.#runFrame(inlet)) {
          if (this.#putAside(inlet)) continue;
          break;
        }
        inlet.incoming.done();
        inlet.hasFrame = false;
        didWork = true;
        if (++this.#framesInHold >= FRAMES_PER_HOLD) break;
      }
      this.#parts.locks.releaseAll();
      if (!inlet.hasFrame) inlet.ring.release();
      this.#publishReplies();
    }
    return didWork;
  }

  /** False when its shards are busy: the frame stays. */
  #runFrame(inlet: Holder): boolean {
    const { incoming } = inlet;
    if (!this.#isTurn(inlet)) return false;
    const { ctx, reply, table, stats } = this.#parts;
    reply.clear();
    this.#parts.guard.gate = 0;
    reply.resp3 = (incoming.flags & messages.FLAG_RESP3) !== 0;
    this.#watched.length = 0;
    this.#parts.output.flags = incoming.flags;
    this.#client.io = inlet.io;
    this.#client.conn = incoming.conn;
    this.#client.generation = incoming.generation;
    this.#client.tracksReads = (incoming.flags & messages.FLAG_TRACKED) !== 0;
    if (incoming.kind !== messages.KIND_COMMAND) return this.#runBlock(inlet);
    const row = table.rows[incoming.row]!;
    ctx.begin(incoming.args, incoming.db);
    if (!this.#acquireAll(row, incoming) || !ctx.isPrepared(row)) return false;
    const room = row.isDenyOom ? this.#parts.room.ask(incoming.args.span) : ROOM_GIVEN;
    if (room === ROOM_LATER) {
      ctx.state.isReadOnly = false;
      return false;
    }
    // Replies that are ready do not wait for a command that may take long.
    if (row.isSlow || (incoming.flags & messages.FLAG_ESCALATED) !== 0) this.#publishReplies();
    const policyMode = ctx.state.policyTouchMode;
    ctx.state.touchMode = (incoming.flags & messages.FLAG_NO_TOUCH) !== 0 ? 0 : policyMode;
    const isPaused = this.#parts.layout.pauseMode !== PAUSE_NONE;
    ctx.state.keepsExpired = isPaused && !row.isWrite;
    if (room === ROOM_NONE) {
      reply.errorBytes(ERROR_BYTES.OUT_OF_MEMORY);
      stats.rejected(row.index);
    } else {
      if (!this.#runHeld(row)) {
        this.#endRun(policyMode);
        return false;
      }
      stats.add(STAT.commands, 1);
      // A command that waits is counted by name when it ends.
      if (this.#blocked === 0) this.#account(row, incoming.args);
      if (ctx.state.ready.length !== 0) this.#serve();
      // What a large command took beyond the limit is made good before its client sees the reply.
      if (row.isDenyOom && incoming.flags & messages.FLAG_ESCALATED) this.#parts.room.ask(0);
    }
    if (messages.isErrorReply(reply, 0)) stats.error(reply.buf, 1, reply.length);
    this.#endRun(policyMode);
    if (messages.mayTakeLong(row, incoming.flags)) this.#parts.layout.addLongCommands(-1);
    this.#complete(inlet);
    this.#send(inlet);
    return true;
  }

  #endRun(policyMode: number): void {
    const { state } = this.#parts.ctx;
    state.isReadOnly = false;
    state.keepsExpired = false;
    state.touchMode = policyMode;
  }

  /** Counts the command that has just run, and its time since the end of the one before. */
  #account(row: CommandRow, args: ArgView): void {
    const { stats, ctx, reply } = this.#parts;
    stats.call(row.index);
    const nowMs = performance.now();
    const ranMs = nowMs - this.#frameEndMs;
    this.#frameEndMs = nowMs;
    const nanos = ranMs * 1e6;
    stats.time(row.index, nanos, 1);
    if (nanos >= ctx.watch.noteNanos) ctx.watch.note(row, args, nanos, reply.length);
    if (ranMs > LONG_FRAME_MS) this.#framesInHold = FRAMES_PER_HOLD;
    if (messages.isErrorReply(reply, 0)) stats.failed(row.index);
  }

  /** Serves who waits for what has come; that time is no command's. */
  #serve(): void {
    this.#parts.serve.serve();
    this.#frameEndMs = performance.now();
  }

  /** Holds what a command needs, and what serving those who wait for its keys does. */
  #acquireAll(row: CommandRow, incoming: messages.Incoming): boolean {
    if (!this.#acquireFor(row, incoming)) return false;
    const { serve, locks, ctx } = this.#parts;
    const set = this.#set;
    set.clear();
    if (ctx.state.isReadOnly || serve.hasShards(row, set)) return true;
    set.markCommand(row, incoming.args, ctx);
    set.collect();
    // False with nothing more to hold: it has to be tried again later.
    while (!set.areMine(locks)) {
      if (!locks.acquire(set.shards, set.count, false)) return false;
      // Others may have come to wait meanwhile, for more.
      if (serve.hasShards(row, set)) return true;
      set.collect();
    }
    return false;
  }

  /** The command of a client waits for keys. */
  #block(wish: BlockWish): void {
    const { ctx, records } = this.#parts;
    const flags = ctx.reply.resp3 ? WAIT_RESP3 : 0;
    this.#blocked = records.create(ctx, this.#runs, this.#client, wish, flags);
    if (this.#blocked === 0) ctx.reply.errorBytes(ERROR_BYTES.OUT_OF_MEMORY);
  }

  /** Holds what a command needs. */
  #acquireFor(row: CommandRow, incoming: messages.Incoming): boolean {
    const { ctx, locks } = this.#parts;
    const isHeavyRead =
      (row.isShared || row.readsOnly?.(incoming.args) === true) &&
      (row.isSlow ||
        incoming.args.count > SHARED_ARGS_MIN ||
        (incoming.flags & messages.FLAG_ESCALATED) !== 0);
    // Quick commands of a batch keep their shards until its end: at most FRAMES_PER_HOLD of them.
    if (row.singleKey !== 0 && !isHeavyRead) {
      return locks.acquireAlso(ctx.at(row.singleKey).index);
    }
    this.#set.ofCommand(row, incoming.args, ctx);
    // Held one by one: a large COUNT would keep everybody out of all of them.
    if (row.isByCursor) this.#set.count = 0;
    if (!locks.acquire(this.#set.shards, this.#set.count, isHeavyRead)) return false;
    ctx.state.isReadOnly = isHeavyRead;
    this.#framesInHold = 0;
    return true;
  }

  #runBlock(inlet: Holder): boolean {
    const { incoming } = inlet;
    const { locks, reply } = this.#parts;
    this.#transactions.markShards(this.#set, incoming.block, incoming.blockStart);
    const isUnwatch = incoming.kind === messages.KIND_UNWATCH;
    if (!locks.acquire(this.#set.shards, this.#set.count, false)) return false;
    if (!isUnwatch && !this.#acquireToServe(incoming)) return false;
    if (!isUnwatch && !this.#transactions.isPrepared(incoming.block, incoming.blockStart)) {
      return false;
    }
    this.#publishReplies();
    this.#parts.room.ask(0);
    this.#framesInHold = FRAMES_PER_HOLD;
    if (isUnwatch) {
      this.#transactions.unwatch(incoming.block, incoming.blockStart);
      return true;
    }
    this.#transactions.run(reply, incoming.block, incoming.blockStart, refuseSession);
    if (this.#parts.ctx.state.ready.length !== 0) this.#parts.serve.serve();
    this.#complete(inlet);
    this.#send(inlet);
    return true;
  }

  /** Holds what serving those who wait for a transaction needs, beside what it needs itself. */
  #acquireToServe({ block, blockStart }: messages.Incoming): boolean {
    const { serve, locks } = this.#parts;
    const set = this.#set;
    while (!this.#transactions.hasShards(block, blockStart, serve, set)) {
      set.collect();
      if (set.areMine(locks)) return false;
      if (!locks.acquire(set.shards, set.count, false)) return false;
    }
    return true;
  }

  /**
   * Sends the reply. Where the ring is full it waits without holding a shard, because a client may
   * be slow to read.
   */
  #send(inlet: Holder): void {
    const { reply } = this.#parts;
    const ring = this.#outlets[inlet.io - 1]!;
    for (let from = 0; from < this.#watched.length; from += WATCHED_FRAME_WORDS) {
      const words = this.#watched.slice(from, from + WATCHED_FRAME_WORDS);
      const bytes = new Uint8Array(Uint32Array.from(words).buffer);
      this.#sendAll(inlet, ring, messages.KIND_WATCHED, bytes, bytes.length);
    }
    if (this.#blocked === 0) {
      this.#sendAll(inlet, ring, this.#parts.output.takeKind(), reply.buf, reply.length);
    } else {
      const ref = new Uint8Array(Uint32Array.of(this.#blocked).buffer);
      this.#sendAll(inlet, ring, messages.KIND_BLOCKED, ref, ref.length);
      this.#blocked = 0;
    }
    // The memory of a huge reply goes now: the next command may be long in coming.
    reply.clear();
  }

  #sendAll(inlet: Holder, ring: RingProducer, kind: number, bytes: Uint8Array, end: number): void {
    const { gate } = this.#parts.guard;
    let from = 0;
    do {
      const next = messages.sendReplyPart(ring, kind, inlet.incoming, bytes, from, end, gate);
      this.#mustRing[inlet.io - 1] = true;
      if (next >= 0) from = next;
      else {
        this.#parts.locks.releaseAll();
        this.#publishReplies();
        // I/O threads end first: from then on nobody makes room.
        if (!this.#pause()) return;
        // The next command has not been waiting for a client that is slow to read.
        this.#frameEndMs = performance.now();
      }
      if (next === end) return;
    } while (from < end || end === 0);
  }

  #publishReplies(): void {
    flushChanges(this.#parts.ctx, this.#parts.stats);
    this.#parts.guard.publish();
    this.#parts.tracker.flush();
    this.#parts.post.flush();
    for (let i = 0; i < this.#outlets.length; i++) {
      if (!this.#mustRing[i]) continue;
      this.#mustRing[i] = false;
      this.#outlets[i]!.publish();
      this.#parts.ioRingers[i]!.ring();
    }
  }

  /**
   * For `shards: 'each'` and `'cursor'`: one shard after the other, shared; inside a transaction
   * all of them are held already.
   */
  #visitShards(visit: (shard: Shard) => boolean, from: number): void {
    const { ctx, locks, bell } = this.#parts;
    const { shards } = ctx;
    if (locks.isHolding) {
      visitHeld(shards, visit, from);
      return;
    }
    let goesOn = true;
    for (let i = from; i < shards.length && goesOn; i++) {
      while (!locks.acquire([i], 1, true)) {
        if (bell.prepare()) bell.park(PARK_MS_IDLE);
        bell.awake();
      }
      ctx.state.isReadOnly = true;
      try {
        goesOn = visit(shards[i]!);
      } finally {
        ctx.state.isReadOnly = false;
        locks.releaseAll();
      }
    }
  }

  #beginBuild(): void {
    const { ctx, locks } = this.#parts;
    if (!this.#isPlain || locks.isShared) return;
    this.#isBuilding = locks.downgrade();
    ctx.state.isReadOnly = this.#isBuilding;
  }

  #endBuild(): void {
    if (!this.#isBuilding) return;
    const { ctx, locks } = this.#parts;
    ctx.state.isReadOnly = false;
    locks.upgrade();
    this.#isBuilding = false;
  }

  #noteWatch(shard: Shard, db: number, key: Key, version: number): void {
    this.#watched.push(shard.index, db, key.lo, key.hi, version);
  }

  #flushStats(): void {
    const { ctx, stats } = this.#parts;
    flushKeyspaceStats(ctx, stats);
    if (ctx.state.nowMs - this.#gaugedMs < GAUGE_MS) return;
    this.#gaugedMs = ctx.state.nowMs;
    gaugeCpu(stats);
  }
}

function bigKeyWalk(parts: ShardWorkerParts, owned: readonly Shard[]): BigKeyWalk {
  const { insight, layout, worker, locks, ioRingers } = parts;
  return new BigKeyWalk(insight.memory, layout.workerThread(worker), owned, locks, () => {
    for (const ringer of ioRingers) ringer.ring();
  });
}

function refuseSession(): never {
  throw new Error('a session command reached a shard worker');
}
