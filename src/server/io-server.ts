/**
 * IoServer: the clients of one I/O thread. It frames commands out of received bytes, hands them to
 * the dispatcher, sends replies in request order, and enforces the limits of every client.
 */

import type { BlockWish, ServerServices } from '../commands/spec.ts';
import type { SubscribedNames } from '../commands/subscriptions.ts';
import type { Shard } from '../keyspace/shard.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import type { ReplyWriter } from '../resp/reply-writer.ts';
import { PARSE_COMPLETE, PARSE_ERROR, RequestParser } from '../resp/request-parser.ts';
import type { Endpoint, Transport, TransportHandler } from '../transport/transport.ts';
import { BlockedPermission } from './acl/blocked-permission.ts';
import type { AclUsers } from './acl/users.ts';
import { BlockedClients } from './blocked-clients.ts';
import { ClientCare } from './client-care.ts';
import { gaugeClients } from './client-gauges.ts';
import { clientId } from './client-ids.ts';
import { refusalOf } from './client-limits.ts';
import { addressOf, describeClient } from './client-report.ts';
import { Connection, type ConnectionHost } from './connection.ts';
import { HELD, RETRY_SOON_MS, triesEagerly } from './dispatch-parts.ts';
import type { Dispatcher } from './dispatcher.ts';
import { HeldOutput, HeldOutputPool } from './held-output.ts';
import type { IoServerParts } from './io-server-parts.ts';
import { flushChanges, flushKeyspaceStats } from './keyspace-stats.ts';
import { LETTER, type Letter, type LetterHandler, Mailbox } from './post.ts';
import { ReplyInlet } from './reply-inlet.ts';
import { SessionRuns } from './session-runs.ts';
import { PAUSE_NONE } from './shared-layout.ts';
import type { Spill } from './spill.ts';
import type { Subscribers } from './subscribers.ts';
import { type ClientRef, type ContextHost, visitHeld } from './thread-context.ts';
import { gaugeCpu, STAT } from './thread-stats.ts';
import { TrackingClients } from './tracking-clients.ts';
import { TurnClock } from './turn-clock.ts';
import { WAIT_RESP3 } from './wait-records.ts';

/** Input kept for a connection that must wait; beyond it, reading pauses. */
const HELD_INPUT_MAX = 1024 * 1024;
/** Replies collected for one connection before they are sent and its output limit is looked at. */
const REPLY_PART_BYTES = 256 * 1024;
/** What waits for other threads (full rings of letters, evictions) is tried again after this. */
const RETRY_MS = 1;
/** Pace of what INFO says about all clients together. */
const GAUGE_MS = 1000;
export class IoServer implements TransportHandler, ConnectionHost {
  readonly #parts: IoServerParts;
  readonly #reply: ReplyWriter;
  readonly #parser: RequestParser;
  readonly #connections: (Connection | undefined)[] = [];
  readonly #replies: ReplyInlet;
  readonly #care: ClientCare;
  readonly #mailbox: Mailbox;
  readonly #turnClock: TurnClock;
  readonly tracking: TrackingClients;
  readonly #ref = { io: 0, conn: 0, generation: 0, tracksReads: false };
  readonly blocked: BlockedClients;
  /** What the command that runs sends to its own client. */
  readonly #aside = new HeldOutput();
  /** The connection whose replies are being collected. */
  #writing: Connection | null = null;
  /** Whether clients may still run what they wait with. */
  readonly permissions: BlockedPermission;
  /** Who listens to what. */
  readonly subscribers: Subscribers<Connection>;
  /** Where session commands run. */
  readonly sessions: SessionRuns;
  /** Connections that may go on: their reply came, their pause ended. */
  readonly #resumable: Connection[] = [];
  readonly #paused = new Set<Connection>();
  readonly #stalled = new Set<Connection>();
  /** Those with replies that wait for the disk. */
  readonly #holding = new Set<Connection>();
  readonly #heldPool = new HeldOutputPool();
  #generation = 0;
  #clientSerial = 0;
  #dispatcher: Dispatcher | null = null;
  #transport: Transport | null = null;
  #gaugedMs = 0;
  #isParked = false;

  constructor(parts: IoServerParts) {
    this.#parts = parts;
    this.#reply = parts.reply;
    this.#parser = new RequestParser(parts.parserLimits);
    this.#turnClock = new TurnClock(parts.stats);
    this.#mailbox = new Mailbox(parts.postbox, parts.spill);
    this.subscribers = parts.pubsub.connect({
      push: (c, buf, start, end, gate) => this.push(c, buf, start, end, gate),
      hasLetters: () => this.#mailbox.hasLetters,
      counted: (clients) => {
        parts.stats.counters[STAT.pubsubClients] = clients;
      },
    });
    this.onLetter(LETTER.publish, (letter) => parts.pubsub.received(false, letter));
    this.#connectMonitors(parts);
    this.onLetter(LETTER.publishShard, (letter) => parts.pubsub.received(true, letter));
    this.#replies = new ReplyInlet(parts.layout, parts.thread, {
      connection: (conn) => this.#connections[conn],
      send: (c, buf, start, end, gate) => {
        parts.guard.gate = gate;
        this.#send(c, buf, start, end);
      },
      answered: (c) => {
        c.commandsRun += 1;
        c.inflight -= 1;
        if (c.inflight === 0) this.#resumable.push(c);
        if (c.pushed !== null) this.#sendPushed(c);
        c.late?.reached(c.repliedTicket);
      },
      outputExceeded: (c) => this.#care.outputExceeded(c),
      blocked: (c, ref) => this.blocked.told(c, ref),
      unwatchOrphans: (watches) => this.#dispatcher!.transactions.unwatchOrphans(watches),
      wakeSoon: parts.wakeSoon,
    });
    this.#care = new ClientCare({
      ...parts,
      clients: this.#connections,
      backlogBytes: (conn) => this.#transport!.backlogBytes(conn),
      abort: (c) => this.abort(c),
    });
    this.tracking = new TrackingClients({
      ...parts,
      host: {
        connection: (conn) => this.#connections[conn],
        push: (c, buf, start, end) => this.push(c, buf, start, end),
        lastTicket: (conn) => this.#dispatcher!.lastTicket(conn),
      },
    });
    this.onLetter(LETTER.invalidate, this.tracking.onLetter);
    this.onLetter(LETTER.invalidateAll, this.tracking.allChanged);
    this.blocked = new BlockedClients({
      ...parts,
      shards: parts.ctx.shards,
      push: (c, buf, start, end, gate) => this.push(c, buf, start, end, gate, true),
      client: (conn, generation) => this.#connectionOf(conn, generation),
      resume: (c) => this.#resumable.push(c),
      recheck: (c) => this.permissions.recheck(c),
      wakeAt: (unixMs) => this.wakeAt(unixMs),
    });
    this.permissions = new BlockedPermission({ ...parts, blocked: this.blocked });
    parts.serve.deliverHere = (ref, denied, buf, start, end, gate) => {
      this.blocked.servedHere(ref, denied, buf, start, end, gate);
    };
    this.onLetter(LETTER.served, (letter) => this.blocked.served(letter));
    this.sessions = new SessionRuns({
      ...parts,
      send: (c, buf, start, end) => this.#send(c, buf, start, end),
      wait: (c, deadlineMs, poll) => this.blocked.addPolled(c, deadlineMs, poll),
      closeSoon: (c) => this.#closeSoon(c),
      resume: (c) => {
        this.#resumable.push(c);
        queueMicrotask(() => {
          this.#runResumable();
          this.onTurnEnd();
        });
      },
    });
    parts.ctx.host = this.#contextHost(parts.ctx.shards);
  }

  #contextHost(shards: readonly Shard[]): ContextHost {
    return {
      visitShards: (visit, from) => visitHeld(shards, visit, from),
      beginBuild: () => undefined,
      endBuild: () => undefined,
      inParallel: () => false,
      noteWatch: (shard, db, key, version) => {
        const c = this.#dispatcher!.current!;
        const { lo, hi } = key;
        const bytes = key.buf.slice(key.start, key.end);
        c.watch({ shard: shard.index, db, lo, hi, version, key: bytes });
      },
      sleep: () => {
        throw new Error('an I/O thread was told to sleep');
      },
      client: () => this.#clientRef(),
      block: (wish) => this.#block(wish),
      output: this.#care.outputBound(() => this.#dispatcher!.current!),
    };
  }

  #connectMonitors({ monitors, stats }: IoServerParts): void {
    monitors.connect({
      push: (c, buf, start, end) => this.push(c, buf, start, end),
      counted: (clients) => {
        stats.counters[STAT.monitors] = clients;
      },
    });
    this.onLetter(LETTER.monitor, (letter) => monitors.received(letter));
  }

  /** Completes the construction: the three refer to each other. */
  connect(dispatcher: Dispatcher, transport: Transport, services: ServerServices): void {
    this.#dispatcher = dispatcher;
    this.#transport = transport;
    this.sessions.connect(services);
    this.limitsChanged();
  }

  // ---- transport events

  onOpen(conn: number, peer: Endpoint, local: Endpoint): boolean {
    const { stats, layout, thread } = this.#parts;
    stats.add(STAT.connectionsReceived, 1);
    const nowMs = Date.now();
    this.#generation = (this.#generation + 1) >>> 0;
    // Ids are unique over all I/O threads: each thread counts in steps of their number.
    const id = clientId(thread, this.#clientSerial++, layout.topology.ioThreads);
    const c = new Connection(this, conn, this.#generation, id, peer, local, nowMs);
    this.#connections[conn] = c;
    this.#parts.cards.open(thread, conn, addressOf(peer));
    this.#parts.ids.open(thread, conn, id, this.#generation);
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
    // What changed before it asks is told first.
    if (c.tracking !== null && this.#mailbox.drain()) this.#parts.tracker.flush();
    const { stats, ctx } = this.#parts;
    const nowMs = Date.now();
    ctx.state.setTime(nowMs);
    c.lastActiveMs = nowMs;
    c.bytesReceived += end - start;
    stats.add(STAT.netInputBytes, end - start);
    stats.add(STAT.readsProcessed, 1);
    this.#care.eviction.note(c);
    if (c.inputLength !== 0 || c.isBlocked) {
      c.keepInput(buf, start, end);
      // Before what is complete now is run: nothing of a client over the limit is.
      if (!this.#care.closeOverInput(c)) this.#advanceKept(c);
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
    // A command that makes its client too large does not run.
    if (!c.isBlocked) this.#settleMemory(c);
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
    if (c.isClosing || this.#care.closeOverInput(c)) return;
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
    const { ahead } = this.#parts.ctx;
    dispatcher.begin(buf, start);
    let at = start;
    while (at < end) {
      if (this.#parts.post.isCrowded) {
        c.isStalled = true;
        this.#noteHeld(c);
        break;
      }
      if (at >= ahead.until) ahead.look(buf, at, end, c.db);
      const status = parser.parse(buf, at, end, c.parseState, c.isAuthenticated);
      if (status !== PARSE_COMPLETE) {
        if (status !== PARSE_ERROR) at = parser.next;
        // It waits for the replies on their way: the same bytes are read again then.
        else if (c.inflight === 0) this.#protocolError(c);
        break;
      }
      if (parser.args.count !== 0 && dispatcher.dispatch(c, parser.args) === HELD) {
        this.#noteHeld(c);
        break;
      }
      at = parser.next;
      if (c.tracking !== null) c.tracking.afterCommand(c);
      if (this.#aside.length !== 0) this.#writeAside();
      if (this.#reply.length > REPLY_PART_BYTES) this.#sendPart(c);
      if (c.isBlocked || c.isInputGiven) break;
    }
    dispatcher.end();
    return at;
  }

  /** Holds a client up until it is known whether it is evicted. */
  #settleMemory(c: Connection): void {
    if (!this.#care.eviction.isUndecided(c)) return;
    c.isStalled = true;
    this.#stalled.add(c);
    this.wakeAt(Date.now() + RETRY_MS);
  }

  #noteHeld(c: Connection): void {
    if (c.isPaused && !this.#paused.has(c)) {
      this.#paused.add(c);
      this.wakeAt(this.#parts.layout.pauseUntilMs);
      this.#parts.stats.add(STAT.blockedNow, 1);
    }
    if (!c.isStalled) return;
    const { size } = this.#stalled.add(c);
    if (triesEagerly(c)) this.#parts.wakeSoon();
    else if (c.contendedSinceMs !== 0) this.#transport!.tickWithin(RETRY_SOON_MS + (size >> 8));
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
    this.#writing = c;
    this.#parts.guard.gate = 0;
    this.#reply.resp3 = c.protocol === 3;
  }

  /**
   * Sends what a long pipeline was answered so far: its replies may be far larger than its
   * commands.
   */
  #sendPart(c: Connection): void {
    this.#dispatcher!.settle();
    this.#send(c, this.#reply.buf, 0, this.#reply.length);
    this.#reply.clear();
    this.#settleMemory(c);
  }

  #sendReplies(c: Connection): void {
    const reply = this.#reply;
    if (this.#aside.length !== 0) this.#writeAside();
    this.#writing = null;
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
      c.held = this.#heldPool.take();
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
      held.drop(ready);
      if (held.length !== 0) continue;
      c.held = null;
      this.#heldPool.give(held);
      this.#holding.delete(c);
      if (c.isClosing) this.#transport!.close(c.conn, false);
      else if (c.isReadPaused || c.isEnded) this.#resumable.push(c);
    }
  }

  #sendNow(c: Connection, buf: Uint8Array, start: number, end: number): void {
    const { stats } = this.#parts;
    if (!this.#care.maySend(c, end - start)) return;
    c.bytesSent += end - start;
    stats.add(STAT.netOutputBytes, end - start);
    stats.add(STAT.writesProcessed, 1);
    this.#transport!.send(c.conn, buf, start, end);
    this.#care.eviction.note(c);
  }

  /** The peer sent its last byte: replies still on their way are waited for. */
  onEnd(conn: number): boolean {
    const c = this.#connections[conn];
    if (c === undefined || c.isClosing) return false;
    // As in Redis, a blocked client that sends no more is gone.
    if (c.blocked !== null) return false;
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
    this.#care.eviction.forget(c);
    c.releaseInput();
    if (this.#paused.delete(c)) this.#parts.stats.add(STAT.blockedNow, -1);
    this.#stalled.delete(c);
    if (c.blocked !== null) this.blocked.closed(c.blocked);
    c.unwatch();
    c.endTracking();
    this.#parts.ids.close(this.#parts.thread, conn);
    if (c.listens !== 0) this.stopListening(c);
    this.#parts.stats.add(STAT.connectionsNow, -1);
    // What its buffers took must not evict anything any more.
    if (this.#parts.layout.maxmemory !== 0) this.wakeAt(Date.now());
  }

  onDrain(conn: number): void {
    const c = this.#connections[conn];
    if (c !== undefined) this.#care.eviction.note(c);
  }

  /** What clients may use together has been set. */
  limitsChanged(): void {
    this.#care.eviction.configured();
  }

  /** The doorbell word says parked until the first event of a turn. */
  #leavePark(): void {
    if (!this.#isParked) return;
    this.#isParked = false;
    this.#parts.bell.awake();
    this.#turnClock.begin();
    if (!this.#parts.insight.hotKeys.isCurrent) this.#parts.insight.refresh();
  }

  onWake(): void {
    this.#leavePark();
    this.#parts.ctx.state.setTime(Date.now());
    this.#parts.pollControl();
    this.#replies.drain();
    if (!this.#mailbox.drain()) this.#parts.wakeSoon();
    if (this.#holding.size !== 0) this.#sendHeld();
    this.blocked.poll();
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
    const startedMs = performance.now();
    ctx.state.setTime(nowMs);
    if (layout.pauseMode !== PAUSE_NONE && nowMs >= layout.pauseUntilMs)
      layout.setPause(PAUSE_NONE, 0);
    else if (this.#paused.size !== 0) this.wakeAt(layout.pauseUntilMs);
    this.#dispatcher!.transactions.retryUnwatch();
    this.blocked.tick(nowMs);
    this.#care.tick(nowMs);
    this.#parts.tracker.tick();
    flushKeyspaceStats(ctx, stats);
    const isGaugeTime = nowMs - this.#gaugedMs >= GAUGE_MS || nowMs < this.#gaugedMs;
    // Buffers count towards maxmemory: what is long gone must not evict anything.
    if (isGaugeTime || layout.maxmemory !== 0) this.#gauge(nowMs);
    this.#parts.onTicked(nowMs);
    this.#turnClock.ticked(performance.now() - startedMs);
    this.onWake();
    this.onTurnEnd();
  }

  /** Sums over this thread's clients for INFO. O(connections), some 10 ns each. */
  #gauge(nowMs: number): void {
    this.#gaugedMs = nowMs;
    const { stats } = this.#parts;
    gaugeClients(this.#connections, (conn) => this.#transport!.backlogBytes(conn), stats);
    gaugeCpu(stats);
  }

  onTurnEnd(): void {
    const { ctx, stats } = this.#parts;
    flushChanges(ctx, stats);
    if (this.#resumable.length !== 0) this.#runResumable();
    if (this.blocked.isReleasing) this.blocked.turnEnd();
    this.#care.eviction.settle();
    this.#dispatcher!.flush();
    if (this.#parts.post.isWaiting) this.wakeAt(Date.now() + RETRY_MS);
    if (this.#isParked) return;
    while (!this.#parts.bell.prepare()) {
      // Rung while it worked: look at what came before going to sleep.
      this.#isParked = true;
      this.onWake();
      this.#care.eviction.settle();
      this.#dispatcher!.flush();
    }
    this.#isParked = true;
    this.#turnClock.end();
    this.#parts.onParked();
  }

  infoLine(c: Connection): string {
    const backlogBytes = this.#transport!.backlogBytes(c.conn);
    return describeClient(c, backlogBytes, Date.now(), this.#parts.thread - 1);
  }

  unwatchAll(c: Connection): void {
    this.#dispatcher!.transactions.unwatchAll(c);
  }

  stopListening(c: Connection): void {
    this.subscribers.leave(c);
    this.#parts.monitors.leave(c);
  }

  resubscribe(c: Connection, names: SubscribedNames): void {
    this.subscribers.set(c, names);
  }

  watchingChanged(by: number): void {
    this.#parts.stats.add(STAT.watchingClients, by);
  }

  get users(): AclUsers {
    return this.#parts.acl.users;
  }

  get spill(): Spill {
    return this.#parts.spill;
  }

  #clientRef(): ClientRef {
    const c = this.#dispatcher!.current!;
    const ref = this.#ref;
    ref.io = this.#parts.thread;
    ref.conn = c.conn;
    ref.generation = c.generation;
    ref.tracksReads = c.tracking?.tracksReads === true;
    return ref;
  }

  // ---- what comes from elsewhere

  /** Has letters of a kind handled (LETTER). */
  onLetter(kind: number, handler: LetterHandler): void {
    this.#mailbox.on(kind, handler);
  }

  /** The client that a letter is for; undefined when it is gone. */
  addressee(letter: Letter): Connection | undefined {
    const c = this.#connectionOf(letter.conn, letter.generation);
    return c?.isClosing === true ? undefined : c;
  }

  /** A connection that may be about to close. */
  #connectionOf(conn: number, generation: number): Connection | undefined {
    const c = this.#connections[conn];
    return c?.generation === generation ? c : undefined;
  }

  /** The command of the client that runs waits for keys. */
  #block(wish: BlockWish): void {
    const { ctx, records } = this.#parts;
    const c = this.#dispatcher!.current!;
    const flags = c.protocol === 3 ? WAIT_RESP3 : 0;
    const row = this.#dispatcher!.currentRow;
    const ref = records.create(ctx, row, this.#clientRef(), wish, flags);
    if (ref === 0) ctx.reply.errorBytes(ERROR_BYTES.OUT_OF_MEMORY);
    else this.blocked.add(c, ref);
  }

  /**
   * Sends bytes [start, end) of `buf` to a client out of turn, in order with its replies: behind
   * the reply of the command that runs where it is the client's own. They may leave when the disk
   * has the journal up to `gate` (0 = at once); `first`: ahead of what others are sent in this
   * turn. Nothing to do for a closing connection.
   */
  push(c: Connection, buf: Uint8Array, start: number, end: number, gate = 0, first?: true): void {
    if (c.isClosing) return;
    if (c === this.#writing) {
      this.#aside.hold(buf, start, end, gate);
      return;
    }
    if (c.isMidReply) {
      c.pushed ??= new HeldOutput();
      c.pushed.hold(buf, start, end, gate);
      return;
    }
    const { guard } = this.#parts;
    const own = guard.gate;
    guard.gate = gate;
    this.#send(c, buf, start, end);
    guard.gate = own;
    if (first) this.#transport!.hurry(c.conn);
  }

  /** What the command has sent to its own client comes behind its reply. */
  #writeAside(): void {
    const { guard } = this.#parts;
    const aside = this.#aside;
    this.#reply.rawRange(aside.buf, 0, aside.length);
    if (aside.gate > guard.gate) guard.gate = aside.gate;
    aside.drop(aside.length);
  }

  /** A reply is complete: what was sent to its client meanwhile comes behind it. */
  #sendPushed(c: Connection): void {
    const { buf, length, gate } = c.pushed!;
    c.pushed = null;
    this.push(c, buf, 0, length, gate);
  }

  /** Has `onTick` come at this unix time in ms at the latest. */
  wakeAt(unixMs: number): void {
    this.#transport!.tickWithin(Math.max(0, unixMs - Date.now()));
  }

  /** This thread's clients, by connection index; undefined where there is none. */
  get clients(): readonly (Connection | undefined)[] {
    return this.#connections;
  }

  /** Closes a client at once, without the replies that are on their way. */
  abort(c: Connection): void {
    c.isClosing = true;
    c.isAborted = true;
    this.#transport!.close(c.conn, true);
  }
}
