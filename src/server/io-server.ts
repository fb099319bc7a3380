/**
 * IoServer: the clients of one I/O thread. It frames commands out of received bytes, hands them to
 * the dispatcher, sends replies in request order, and enforces the limits of every client.
 */

import type { Resume, ServerServices, SessionContext } from '../commands/spec.ts';
import type { CommandRow } from '../commands/table.ts';
import { ReplyWriter } from '../resp/reply-writer.ts';
import {
  type ArgView,
  PARSE_COMPLETE,
  PARSE_ERROR,
  type ParserLimits,
  RequestParser,
} from '../resp/request-parser.ts';
import type { Doorbell } from '../sync/doorbell.ts';
import { nextTicket } from '../sync/fence.ts';
import { RingConsumer } from '../sync/ring.ts';
import type { Endpoint, Transport, TransportHandler } from '../transport/transport.ts';
import { type ClientLimits, checkOutputLimit, refusalOf } from './client-limits.ts';
import { describeClient } from './client-report.ts';
import { Connection, type ConnectionHost } from './connection.ts';
import { type Dispatcher, HELD, type SessionRunner } from './dispatcher.ts';
import { HeldOutput } from './held-output.ts';
import { IncomingReply, KIND_REPLY } from './route-messages.ts';
import { flushKeyspaceStats } from './shard-worker.ts';
import { PAUSE_NONE, type SharedLayout } from './shared-layout.ts';
import type { Spill } from './spill.ts';
import type { ThreadContext } from './thread-context.ts';
import { gaugeCpu, STAT, type ThreadStats } from './thread-stats.ts';
import type { WatchedKey } from './transaction-block.ts';
import type { WriteGuard } from './write-guard.ts';

/** Input kept for a connection that must wait; beyond it, reading pauses. */
const HELD_INPUT_MAX = 1024 * 1024;
/** Replies collected for one connection before they are sent and its output limit is looked at. */
const REPLY_PART_BYTES = 256 * 1024;
/**
 * Replies taken from a ring before other clients get their turn: a huge reply goes out in many
 * turns.
 */
const REPLY_BYTES_PER_TURN = 128 * 1024;
/** Pace of what INFO says about all clients together. */
const GAUGE_MS = 1000;
/** Words of one watched key in a WATCHED frame. */
const WATCHED_WORDS = 5;
const NO_NAME = new Uint8Array(0);
const NO_KEYS: readonly Uint8Array[] = [];

export interface IoServerParts {
  readonly layout: SharedLayout;
  readonly thread: number;
  readonly ctx: ThreadContext;
  readonly reply: ReplyWriter;
  readonly stats: ThreadStats;
  readonly guard: WriteGuard;
  readonly parserLimits: ParserLimits;
  readonly limits: ClientLimits;
  readonly bell: Doorbell;
  readonly spill: Spill;
  /** Looks for control messages. */
  readonly pollControl: () => void;
  /** Makes `onWake` come again after the events that are waiting now. */
  readonly wakeSoon: () => void;
  /** Called when the doorbell word says parked: arms whatever else wakes this thread. */
  readonly onParked: () => void;
}

export class IoServer implements TransportHandler, ConnectionHost, SessionRunner {
  readonly #parts: IoServerParts;
  readonly #reply: ReplyWriter;
  readonly #parser: RequestParser;
  readonly #connections: (Connection | undefined)[] = [];
  readonly #replyRings: RingConsumer[] = [];
  /** A reply at the front of the ring waits for an earlier one. */
  readonly #isReplyHeld: boolean[] = [];
  readonly #incoming = new IncomingReply();
  /** Connections that may go on: their reply came, their pause ended. */
  readonly #resumable: Connection[] = [];
  readonly #paused = new Set<Connection>();
  readonly #stalled = new Set<Connection>();
  /** Those with replies that wait for the disk. */
  readonly #holding = new Set<Connection>();
  #generation = 0;
  #clientSerial = 0;
  #dispatcher: Dispatcher | null = null;
  #transport: Transport | null = null;
  #services: ServerServices | null = null;
  #timeoutCursor = 0;
  #gaugedMs = 0;
  #isParked = false;

  constructor(parts: IoServerParts) {
    this.#parts = parts;
    this.#reply = parts.reply;
    this.#parser = new RequestParser(parts.parserLimits);
    const { layout, thread } = parts;
    for (let worker = 0; worker < layout.topology.shardThreads; worker++) {
      this.#replyRings.push(new RingConsumer(layout.rings, layout.replyRing(thread, worker)));
      this.#isReplyHeld.push(false);
    }
    parts.ctx.host = {
      visitShards: (visit) => parts.ctx.shards.forEach(visit),
      beginBuild: () => undefined,
      endBuild: () => undefined,
      inParallel: () => false,
      noteWatch: (shard, db, key, version) => {
        const c = this.#dispatcher!.current!;
        const { lo, hi } = key;
        const bytes = key.buf.slice(key.start, key.end);
        c.watched.push({ shard: shard.index, db, lo, hi, version, key: bytes });
      },
      sleep: () => {
        throw new Error('an I/O thread was told to sleep');
      },
    };
  }

  /** Completes the construction: the three refer to each other. */
  connect(dispatcher: Dispatcher, transport: Transport, services: ServerServices): void {
    this.#dispatcher = dispatcher;
    this.#transport = transport;
    this.#services = services;
  }

  // ---- transport events
  // ----------------------------------------------------------------------------------------

  onOpen(conn: number, peer: Endpoint, local: Endpoint): boolean {
    const { stats, layout } = this.#parts;
    stats.add(STAT.connectionsReceived, 1);
    const nowMs = Date.now();
    this.#generation = (this.#generation + 1) >>> 0;
    // Ids are unique over all I/O threads: each thread counts in steps of their number.
    const id = this.#clientSerial++ * layout.topology.ioThreads + this.#parts.thread;
    const c = new Connection(this, conn, this.#generation, id, peer, local, nowMs);
    this.#connections[conn] = c;
    c.repliedTicket = this.#dispatcher!.lastTicket(conn);
    stats.add(STAT.connectionsNow, 1);
    const refusal = refusalOf(this.#parts.limits, peer.isLoopback);
    if (refusal !== null) {
      stats.add(STAT.connectionsRejected, 1);
      this.#transport!.send(conn, refusal, 0, refusal.length);
      c.isClosing = true;
      this.#transport!.close(conn, false);
    }
    return true;
  }

  onData(conn: number, buf: Uint8Array, start: number, end: number): void {
    const c = this.#connections[conn];
    if (c === undefined || c.isClosing) return;
    this.#leavePark();
    const { stats, ctx } = this.#parts;
    const nowMs = Date.now();
    ctx.state.setTime(nowMs);
    c.lastActiveMs = nowMs;
    c.bytesReceived += end - start;
    stats.add(STAT.netInputBytes, end - start);
    stats.add(STAT.readsProcessed, 1);
    if (c.inputLength !== 0 || c.isBlocked) {
      c.keepInput(buf, start, end);
      this.#advanceKept(c);
      return;
    }
    this.#beginReplies(c);
    const consumed = this.#runInput(c, buf, start, end);
    this.#sendReplies(c);
    if (c.isClosing) return;
    if (consumed < end) c.keepInput(buf, consumed, end);
    if (consumed < end || c.isInTransaction) this.#checkInput(c);
  }

  /** Runs what can be run of a connection's kept input. */
  #advanceKept(c: Connection): void {
    if (!c.isBlocked) {
      this.#beginReplies(c);
      const consumed = this.#runInput(c, c.input, 0, c.inputLength);
      this.#sendReplies(c);
      c.dropInput(c.isClosing ? c.inputLength : consumed);
    }
    this.#checkInput(c);
  }

  /**
   * The query buffer limit, and back-pressure on clients that send faster than their commands can
   * run.
   */
  #checkInput(c: Connection): void {
    const { limits, stats } = this.#parts;
    if (c.isClosing) return;
    // As in Redis, the queue of a transaction counts as input that no command has consumed.
    if (c.inputLength + (c.transactionBlock?.length ?? 0) > limits.queryBufferMax) {
      stats.add(STAT.queryLimitDisconnections, 1);
      limits.log('warning', `Closing client that reached max query buffer length: ${c.infoLine()}`);
      this.abort(c);
      return;
    }
    const mustPause =
      ((c.isBlocked || c.inflight !== 0) && c.inputLength > HELD_INPUT_MAX) ||
      (c.held !== null && c.held.length > HELD_INPUT_MAX);
    if (mustPause !== c.isReadPaused) {
      c.isReadPaused = mustPause;
      this.#transport!.pauseRead(c.conn, mustPause);
    }
  }

  /** Parses and dispatches commands of bytes [start, end). Returns the end of what was consumed. */
  #runInput(c: Connection, buf: Uint8Array, start: number, end: number): number {
    const parser = this.#parser;
    const dispatcher = this.#dispatcher!;
    let at = start;
    while (at < end) {
      const status = parser.parse(buf, at, end, c.parseState, c.isAuthenticated);
      if (status !== PARSE_COMPLETE) {
        if (status !== PARSE_ERROR) at = parser.next;
        // With replies on their way the error waits for its turn: the same bytes are read again
        // then.
        else if (c.inflight === 0) this.#protocolError(c);
        break;
      }
      if (parser.args.count !== 0 && dispatcher.dispatch(c, parser.args) === HELD) {
        this.#noteHeld(c);
        break;
      }
      at = parser.next;
      if (this.#reply.length > REPLY_PART_BYTES) this.#sendPart(c);
      if (c.isBlocked || c.isInputGiven) break;
    }
    return at;
  }

  #noteHeld(c: Connection): void {
    if (c.isPaused && !this.#paused.has(c)) {
      this.#paused.add(c);
      this.#parts.stats.add(STAT.blockedNow, 1);
    }
    if (!c.isStalled) return;
    this.#stalled.add(c);
    if (c.contendedSinceMs !== 0) this.#parts.wakeSoon();
  }

  #protocolError(c: Connection): void {
    this.#reply.error(`ERR ${this.#parser.error}`);
    this.#parts.limits.log(
      'verbose',
      `Protocol error from client: ${c.infoLine()}. ${this.#parser.error}`,
    );
    c.isClosing = true;
  }

  #beginReplies(c: Connection): void {
    this.#reply.clear();
    this.#parts.guard.gate = 0;
    this.#reply.resp3 = c.protocol === 3;
  }

  /**
   * Sends what a long pipeline was answered so far: its replies may be far larger than its
   * commands.
   */
  #sendPart(c: Connection): void {
    this.#send(c, this.#reply.buf, 0, this.#reply.length);
    this.#reply.clear();
  }

  #sendReplies(c: Connection): void {
    const reply = this.#reply;
    if (reply.length !== 0) this.#send(c, reply.buf, 0, reply.length);
    reply.clear();
    if (c.isClosing) this.#closeSoon(c);
  }

  /** Closes behind the replies, those that wait for the disk included. */
  #closeSoon(c: Connection): void {
    c.isClosing = true;
    if (c.held === null) this.#transport!.close(c.conn, false);
  }

  /** Sends replies, or keeps them back until the disk has what they tell of. */
  #send(c: Connection, buf: Uint8Array, start: number, end: number): void {
    const { guard } = this.#parts;
    const { gate } = guard;
    guard.gate = 0;
    if (c.held === null) {
      if (gate === 0 || gate <= guard.journal.durablePosition) {
        this.#sendNow(c, buf, start, end);
        return;
      }
      c.held = new HeldOutput();
      this.#holding.add(c);
    }
    c.held.hold(buf, start, end, gate);
  }

  /** The disk has more now. */
  #sendHeld(): void {
    const durable = this.#parts.guard.journal.durablePosition;
    for (const c of this.#holding) {
      const held = c.held!;
      const ready = held.ready(durable);
      if (ready === 0) continue;
      this.#sendNow(c, held.buf, 0, ready);
      if (ready < held.length) {
        held.drop(ready);
        continue;
      }
      c.held = null;
      this.#holding.delete(c);
      if (c.isClosing) this.#transport!.close(c.conn, false);
      else if (c.isReadPaused || c.isEnded) this.#resumable.push(c);
    }
  }

  #sendNow(c: Connection, buf: Uint8Array, start: number, end: number): void {
    const { stats, limits } = this.#parts;
    c.bytesSent += end - start;
    stats.add(STAT.netOutputBytes, end - start);
    stats.add(STAT.writesProcessed, 1);
    this.#transport!.send(c.conn, buf, start, end);
    if (!limits.hasOutputLimit) return;
    const backlog = this.#transport!.backlogBytes(c.conn);
    if (!checkOutputLimit(limits, c, backlog, Date.now())) return;
    stats.add(STAT.outputLimitDisconnections, 1);
    limits.log(
      'warning',
      `Client ${c.infoLine()} scheduled to be closed ASAP for overcoming of output buffer limits.`,
    );
    this.abort(c);
  }

  /** The peer sent its last byte: replies still on their way are waited for. */
  onEnd(conn: number): boolean {
    const c = this.#connections[conn];
    if (c === undefined || c.isClosing) return false;
    if (c.inflight === 0 && !c.isBlocked && c.held === null) return false;
    c.isEnded = true;
    return true;
  }

  onClose(conn: number): void {
    const c = this.#connections[conn];
    if (c === undefined) return;
    this.#connections[conn] = undefined;
    c.isClosing = true;
    c.isClosed = true;
    c.held = null;
    this.#holding.delete(c);
    c.releaseInput();
    if (this.#paused.delete(c)) this.#parts.stats.add(STAT.blockedNow, -1);
    this.#stalled.delete(c);
    c.unwatch();
    this.#parts.stats.add(STAT.connectionsNow, -1);
  }

  onDrain(): void {}

  /** The doorbell word says parked until the first event of a turn. */
  #leavePark(): void {
    if (!this.#isParked) return;
    this.#isParked = false;
    this.#parts.bell.awake();
  }

  onWake(): void {
    this.#leavePark();
    this.#parts.ctx.state.setTime(Date.now());
    this.#parts.pollControl();
    this.#drainAllReplies();
    if (this.#holding.size !== 0) this.#sendHeld();
    if (this.#stalled.size !== 0) this.#resumeAll(this.#stalled);
    if (this.#paused.size !== 0 && this.#parts.layout.pauseMode === PAUSE_NONE) {
      this.#parts.stats.add(STAT.blockedNow, -this.#paused.size);
      this.#resumeAll(this.#paused);
    }
    this.#runResumable();
  }

  /** Rung while Node's own loop waits (node-net): a turn of its own. */
  onRung(): void {
    this.onWake();
    this.onTurnEnd();
  }

  /**
   * Takes replies from all rings. A reply whose connection waits for an earlier one from another
   * worker stays at the front of its ring; that worker has run its command and will publish.
   */
  #drainAllReplies(): void {
    let mayGoOn = true;
    while (mayGoOn) {
      mayGoOn = false;
      let isAnyHeld = false;
      for (let i = 0; i < this.#replyRings.length; i++) {
        if (this.#drainReplies(i)) mayGoOn = true;
        if (this.#isReplyHeld[i]) isAnyHeld = true;
      }
      if (!isAnyHeld) return;
    }
  }

  /** True when it took something. */
  #drainReplies(index: number): boolean {
    const ring = this.#replyRings[index]!;
    const incoming = this.#incoming;
    let any = false;
    let bytes = 0;
    let isHeld = this.#isReplyHeld[index]!;
    while (bytes < REPLY_BYTES_PER_TURN && (isHeld || ring.next())) {
      incoming.read(ring);
      const c = this.#connections[incoming.conn];
      const isGone = c === undefined || c.generation !== incoming.generation;
      isHeld = !isGone && incoming.ticket !== nextTicket(c.repliedTicket);
      if (isHeld) break;
      any = true;
      bytes += ring.length;
      if (incoming.kind === KIND_REPLY) {
        if (!isGone) this.#takeReply(c, ring);
      } else if (isGone) this.#dispatcher!.unwatchOrphans(this.#watchedKeys(ring, NO_KEYS));
      else this.#noteWatched(c, ring);
    }
    this.#isReplyHeld[index] = isHeld;
    if (any && !isHeld) ring.release();
    if (bytes >= REPLY_BYTES_PER_TURN) this.#parts.wakeSoon();
    return any;
  }

  #takeReply(c: Connection, ring: RingConsumer): void {
    const incoming = this.#incoming;
    if (c.dbBeforeExec >= 0) this.#endExec(c, ring.u8, incoming.start);
    if (!c.isReplyDropped && incoming.end > incoming.start) {
      this.#parts.guard.gate = incoming.gate;
      this.#send(c, ring.u8, incoming.start, incoming.end);
    }
    if (incoming.hasMore) return;
    c.repliedTicket = incoming.ticket;
    c.isReplyDropped = false;
    c.commandsRun += 1;
    c.inflight -= 1;
    if (c.inflight === 0) this.#resumable.push(c);
  }

  /**
   * The first bytes of a routed EXEC's reply: a null says that it aborted, and so selected no
   * database.
   */
  #endExec(c: Connection, bytes: Uint8Array, start: number): void {
    const isNull = bytes[start] === 0x5f || (bytes[start] === 0x2a && bytes[start + 1] === 0x2d);
    if (isNull) c.db = c.dbBeforeExec;
    c.dbBeforeExec = -1;
  }

  /**
   * Keys that a routed WATCH registered; their bytes are those of the command still kept in order
   * by key hash.
   */
  #noteWatched(c: Connection, ring: RingConsumer): void {
    const keys = this.#watchedKeys(ring, c.pendingWatch);
    c.pendingWatch.splice(0, keys.length);
    c.watched.push(...keys);
  }

  /**
   * The keys of the WATCHED frame just read; their bytes come from `names`, one each, where it has
   * any.
   */
  #watchedKeys(ring: RingConsumer, names: readonly Uint8Array[]): WatchedKey[] {
    const { start, end } = this.#incoming;
    const words = ring.u32;
    const keys: WatchedKey[] = [];
    for (let at = start >>> 2; at < end >>> 2; at += WATCHED_WORDS) {
      keys.push({
        shard: words[at]!,
        db: words[at + 1]!,
        lo: words[at + 2]!,
        hi: words[at + 3]!,
        version: words[at + 4]!,
        key: names[keys.length] ?? NO_NAME,
      });
    }
    return keys;
  }

  #resumeAll(set: Set<Connection>): void {
    for (const c of set) {
      c.isPaused = false;
      c.isStalled = false;
      this.#resumable.push(c);
    }
    set.clear();
  }

  #runResumable(): void {
    for (let c = this.#resumable.pop(); c !== undefined; c = this.#resumable.pop()) {
      if (c.isClosing) continue;
      if (c.inputLength !== 0) this.#advanceKept(c);
      else this.#checkInput(c);
      if (c.isEnded && !c.isClosing && c.inflight === 0 && !c.isBlocked) this.#closeSoon(c);
    }
  }

  onTick(nowMs: number): void {
    const { ctx, stats, layout } = this.#parts;
    ctx.state.setTime(nowMs);
    if (layout.pauseMode !== PAUSE_NONE && nowMs >= layout.pauseUntilMs)
      layout.setPause(PAUSE_NONE, 0);
    this.#dispatcher!.retryUnwatch();
    this.#visitClients(nowMs);
    flushKeyspaceStats(ctx, stats);
    const isGaugeTime = nowMs - this.#gaugedMs >= GAUGE_MS || nowMs < this.#gaugedMs;
    // Buffers count towards maxmemory: what is long gone must not evict anything.
    if (isGaugeTime || layout.maxmemory !== 0) this.#gauge(nowMs);
    this.onWake();
    this.onTurnEnd();
  }

  /**
   * Input room, `timeout`, output limits over time: a slice of the clients each tick, all of them
   * within a second.
   */
  #visitClients(nowMs: number): void {
    const { limits } = this.#parts;
    const count = this.#connections.length;
    for (let i = Math.ceil(count / 10); i > 0; i--) {
      this.#timeoutCursor = (this.#timeoutCursor + 1) % count;
      const c = this.#connections[this.#timeoutCursor];
      if (c === undefined || c.isClosing) continue;
      c.trimInput(nowMs);
      const isIdle = limits.timeoutMs !== 0 && nowMs - c.lastActiveMs > limits.timeoutMs;
      if (isIdle && !c.isBlocked && c.inflight === 0) {
        limits.log('verbose', 'Closing idle client');
        this.abort(c);
      } else if (limits.hasOutputLimit) {
        const backlog = this.#transport!.backlogBytes(c.conn);
        if (backlog > 0 && checkOutputLimit(limits, c, backlog, nowMs)) {
          this.abort(c);
        }
      }
    }
  }

  /** Sums over this thread's clients for INFO. O(connections), some 10 ns each. */
  #gauge(nowMs: number): void {
    this.#gaugedMs = nowMs;
    let input = 0;
    let output = 0;
    let watching = 0;
    for (const c of this.#connections) {
      if (c === undefined) continue;
      input += c.input.length;
      output += this.#transport!.backlogBytes(c.conn);
      if (c.watched.length !== 0) watching += 1;
    }
    const { counters } = this.#parts.stats;
    counters[STAT.queryBufferBytes] = input;
    counters[STAT.outputBufferBytes] = output;
    counters[STAT.watchingClients] = watching;
    gaugeCpu(this.#parts.stats);
  }

  onTurnEnd(): void {
    const { ctx, stats } = this.#parts;
    // Main counts changes, and FLUSHALLs, for the save rules.
    if (ctx.state.dirty !== 0) flushKeyspaceStats(ctx, stats);
    this.#dispatcher!.flush();
    if (this.#isParked) return;
    while (!this.#parts.bell.prepare()) {
      // Rung while it worked: look at what came before going to sleep.
      this.#isParked = true;
      this.onWake();
      this.#dispatcher!.flush();
    }
    this.#isParked = true;
    this.#parts.onParked();
  }

  // ---- connection host
  // -----------------------------------------------------------------------------------------

  infoLine(c: Connection): string {
    const backlogBytes = this.#transport!.backlogBytes(c.conn);
    return describeClient(c, backlogBytes, Date.now(), this.#parts.thread - 1);
  }

  unwatchAll(c: Connection): void {
    this.#dispatcher!.unwatchAll(c);
  }

  isOpen(): boolean {
    return !this.#services!.requiresPassword;
  }

  get spill(): Spill {
    return this.#parts.spill;
  }

  // ---- session commands
  // ----------------------------------------------------------------------------------------

  run(c: Connection, row: CommandRow, args: ArgView, canSuspend: boolean): void {
    const spec = row.spec;
    if (spec.place !== 'session') throw new Error('a shard command was run as session command');
    const context: SessionContext = {
      args,
      reply: this.#reply,
      state: this.#parts.ctx.state,
      session: c,
      server: this.#services!,
      text: (index) => args.text(index),
      canSuspend,
      suspend: () => this.#suspend(c),
    };
    spec.run(context);
    this.#reply.resp3 = c.protocol === 3;
  }

  mayDebug(c: Connection): boolean {
    return this.#parts.limits.mayDebug(c.isLoopback);
  }

  refuseHttp(c: Connection): void {
    this.#parts.limits.log(
      'warning',
      'Possible SECURITY ATTACK detected: somebody sends HTTP (POST or Host:) to this server, ' +
        'most likely from a web ' +
        'page, to have it run commands (Cross Protocol Scripting). ' +
        `Connection from ${c.peer.text} aborted.`,
    );
    c.isClosing = true;
  }

  runAside(c: Connection, row: CommandRow, args: ArgView, done: (reply: Uint8Array) => void): void {
    const spec = row.spec;
    if (spec.place !== 'session') throw new Error('a shard command was run as session command');
    const reply = new ReplyWriter(1024);
    reply.resp3 = c.protocol === 3;
    const finish = (): void => done(reply.buf.slice(0, reply.length));
    let isLater = false;
    spec.run({
      args,
      reply,
      state: this.#parts.ctx.state,
      session: c,
      server: this.#services!,
      text: (index) => args.text(index),
      canSuspend: true,
      suspend: () => {
        isLater = true;
        return (write) => {
          write(reply);
          finish();
        };
      },
    });
    if (!isLater) finish();
  }

  #suspend(c: Connection): Resume {
    const resume = this.hold(c);
    const isReplyWanted = c.replyMode === 'on';
    return (write) => {
      if (c.isClosed) return;
      const reply = new ReplyWriter(1024);
      reply.resp3 = c.protocol === 3;
      write(reply);
      if (isReplyWanted) this.#send(c, reply.buf, 0, reply.length);
      resume();
    };
  }

  hold(c: Connection): () => void {
    c.isSuspended = true;
    return () => {
      c.isSuspended = false;
      if (c.isClosed) return;
      if (c.isClosing) {
        this.#closeSoon(c);
        return;
      }
      this.#resumable.push(c);
      queueMicrotask(() => {
        this.#runResumable();
        this.onTurnEnd();
      });
    };
  }

  /** This thread's clients, by connection index; undefined where there is none. */
  get clients(): readonly (Connection | undefined)[] {
    return this.#connections;
  }

  /** Closes a client at once, without the replies that are on their way. */
  abort(c: Connection): void {
    c.isClosing = true;
    this.#transport!.close(c.conn, true);
  }
}
