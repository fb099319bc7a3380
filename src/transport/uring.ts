/**
 * The io_uring transport: every socket operation of one I/O thread through one ring.
 *
 * A turn is one `io_uring_enter` that submits all sends of the last turn and waits for the next
 * completions; then all completions are handled, then the dirty connections' sends are prepared.
 * Accepts and receives are multishot: one submission serves many completions.
 *
 * LAYOUT of a connection's state, words of `state` at `conn * STRIDE`
 *   FD          descriptor, -1 = the index is free
 *   GENERATION  upper half of user_data; grows when the index is freed
 *   FLAGS       see below
 *   PENDING     submissions of this connection that the kernel has not finished
 *   NEXT        next free index
 * user_data: low word = operation << 24 | connection, high word = generation.
 *
 * SENDS are optimistic where everything queued lies in one slot: they never wait (MSG_DONTWAIT) and
 * post a completion only when the kernel did not take every byte (MSG_WAITALL makes that a
 * failure, IOSQE_CQE_SKIP_SUCCESS drops the rest). They run inside the `io_uring_enter` that
 * submits them, so once it returned, a missing completion means success. Without this each turn's
 * send completions ended the wait of the next turn: 137,000 system calls for 150,000 unpipelined
 * commands. What does not fit into the socket is sent again as a send that waits.
 *
 * INVARIANT: an index is freed only when PENDING is 0 and its descriptor is closed, so a completion
 * never belongs to an earlier user of its index. A connection has at most one send in flight.
 */

import { closeSync } from 'node:fs';
import * as libc from './libc.ts';
import type { ConnIndex, ListenOptions, Transport, TransportHandler } from './transport.ts';
import * as abi from './uring-abi.ts';
import { ReceiveBuffers } from './uring-buffers.ts';
import {
  acceptedLocal,
  acceptedPeer,
  closeListener,
  type Listener,
  openListeners,
} from './uring-listen.ts';
import { SendOrder } from './uring-order.ts';
import { SendQueues } from './uring-queue.ts';
import { Ring } from './uring-ring.ts';

// Module-private copies: reading an imported constant costs four times as much in a hot function.
const OP_POLL_ADD = abi.OP_POLL_ADD;
const OP_TIMEOUT = abi.OP_TIMEOUT;
const OP_ACCEPT = abi.OP_ACCEPT;
const OP_ASYNC_CANCEL = abi.OP_ASYNC_CANCEL;
const OP_CLOSE = abi.OP_CLOSE;
const OP_SEND = abi.OP_SEND;
const OP_RECV = abi.OP_RECV;
const SQE_CQE_SKIP_SUCCESS = abi.SQE_CQE_SKIP_SUCCESS;
const SQE_BUFFER_SELECT = abi.SQE_BUFFER_SELECT;
const RECV_MULTISHOT = abi.RECV_MULTISHOT;
const CQE_F_BUFFER = abi.CQE_F_BUFFER;
const CQE_F_MORE = abi.CQE_F_MORE;
const ENOBUFS = libc.ENOBUFS;
const ECANCELED = libc.ECANCELED;
const EINTR = libc.EINTR;
const EAGAIN = libc.EAGAIN;

const MSG_DONTWAIT = 0x40;
const MSG_WAITALL = 0x100;
const MSG_NOSIGNAL = 0x4000;
const SOCK_CLOEXEC = 0o2000000;
const POLLIN = 1;
const SHUT_RDWR = 2;

const STRIDE_LOG2 = 3;
const FD = 0;
const GENERATION = 1;
const FLAGS = 2;
const PENDING = 3;
const NEXT = 4;

/** `onOpen` said yes and `onClose` is due. */
const OPENED = 1;
/** Has bytes to send at the end of the turn. */
const DIRTY = 2;
const SENDING = 4;
const RECEIVING = 8;
const PAUSED = 16;
/** The peer sent its last byte. */
const ENDED = 32;
/** Closes when everything queued is sent; takes no more bytes. */
const CLOSING = 64;
/** Being torn down: waits for its submissions, then closes the descriptor. */
const DEAD = 128;
/** Somebody saw bytes queued: `onDrain` is due when they go out. */
const WATCHED = 256;
/** In the list of connections to look at at the end of the turn. */
const LISTED = 512;
/** The send in flight posts a completion only if it fails. */
const OPTIMISTIC = 1024;
/** DIRTY, and sent to ahead of the others. */
const HURRIED = 2048;

const CONN_MASK = 0xffffff;
const OP_SHIFT = 24;
const BUFFER_GROUP = 1;

const TICK_MS = 100;
const IDLE_TICK_MS = 250;
/** Wake-ups closer together than this share one visit to Node's own loop (2.2 us each). */
const YIELD_INTERVAL_MS = 1;
const STOP_TURNS_MAX = 1000;

export interface UringOptions {
  /** Limit of connections; up to 16,777,215. About 90 bytes each. */
  readonly connectionsMax?: number;
  /** Indexes below are left alone. */
  readonly firstConnection?: number;
  /** Receive buffers, a power of two up to 32768. */
  readonly receiveBufferCount?: number;
  readonly receiveBufferBytes?: number;
  readonly submissionEntries?: number;
  readonly completionEntries?: number;
  /** Other threads run before this one waits: where busy threads outnumber cores. */
  readonly letsOthersRun?: boolean;
}

export class UringTransport implements Transport {
  readonly name = 'uring';
  readonly wakeFd: number;

  private readonly handler: TransportHandler;
  private readonly ring: Ring;
  private readonly received: ReceiveBuffers;
  private readonly queues: SendQueues;
  private readonly state: Int32Array;
  /** The connections whose flags say DIRTY, and a few that no longer do. */
  private readonly order: SendOrder;
  /** Connections with an optimistic send in flight; stale entries lack the flag. */
  private readonly optimistic: Int32Array;
  private optimisticCount = 0;
  /** Connections that ended or resumed in this turn. */
  private listed: Int32Array;
  private visited: Int32Array;
  private listedCount = 0;
  private freeConn = 0;
  private liveCount = 0;

  private readonly listeners: (Listener | undefined)[] = [];
  /** Listeners whose accept failed for lack of descriptors; the next tick tries again. */
  private acceptDue: number[] = [];
  /** Bytes that arrived for paused connections before the kernel saw the pause. */
  private readonly held = new Map<ConnIndex, Uint8Array[]>();

  /** struct timespec: seconds, nanoseconds. */
  private readonly timerSpec: BigInt64Array<ArrayBuffer>;
  private readonly timerAddress: number;
  private timerGeneration = 0;
  /** When the next tick is due, by the monotonic clock; 0 = none is armed. */
  private tickDueMs = 0;
  private isYieldDue = false;
  /** `onData` was called after this turn's `onTurnEnd`: the next turn must not wait. */
  private isTurnOwed = false;
  private lastYieldMs = 0;
  private isStopping = false;
  private isRunning = false;

  /** Throws an Error that says why where io_uring cannot be used here. */
  constructor(handler: TransportHandler, options: UringOptions = {}) {
    const connectionsMax = options.connectionsMax ?? 65536;
    this.handler = handler;
    this.ring = new Ring(options.submissionEntries ?? 1024, options.completionEntries ?? 8192);
    this.ring.letsOthersRun = options.letsOthersRun ?? false;
    this.received = new ReceiveBuffers(
      this.ring,
      BUFFER_GROUP,
      options.receiveBufferCount ?? 512,
      options.receiveBufferBytes ?? 16 * 1024,
    );
    this.state = new Int32Array(connectionsMax << STRIDE_LOG2);
    for (let conn = 0; conn < connectionsMax; conn++) {
      this.state[(conn << STRIDE_LOG2) + FD] = -1;
      this.state[(conn << STRIDE_LOG2) + NEXT] = conn + 1 < connectionsMax ? conn + 1 : -1;
    }
    this.freeConn = options.firstConnection ?? 0;
    this.queues = new SendQueues(connectionsMax);
    this.order = new SendOrder(connectionsMax);
    // An index can be freed and given out again once within a turn.
    this.optimistic = new Int32Array(2 * connectionsMax);
    this.listed = new Int32Array(2 * connectionsMax);
    this.visited = new Int32Array(2 * connectionsMax);
    this.timerSpec = new BigInt64Array(libc.mapMemory(16).buffer);
    this.timerAddress = libc.addressOf(this.timerSpec);
    this.wakeFd = libc.createEventfd();
    this.armWake();
  }

  async listen(options: ListenOptions): Promise<void> {
    for (const listener of await openListeners(options)) {
      this.listeners.push(listener);
      this.armAccept(this.listeners.length - 1);
    }
  }

  unlisten(): void {
    for (let i = 0; i < this.listeners.length; i++) {
      const listener = this.listeners[i];
      if (listener !== undefined) closeListener(listener);
      this.listeners[i] = undefined;
    }
  }

  send(conn: ConnIndex, buf: Uint8Array, start: number, end: number): void {
    const at = conn << STRIDE_LOG2;
    const state = this.state;
    const flags = state[at + FLAGS]!;
    if (state[at + FD]! < 0 || (flags & (CLOSING | DEAD)) !== 0 || start >= end) return;
    if (!this.queues.append(conn, buf, start, end)) {
      this.tearDown(conn);
      return;
    }
    if ((flags & (SENDING | DIRTY)) === 0) {
      state[at + FLAGS] = flags | DIRTY;
      this.order.add(conn);
    }
  }

  hurry(conn: ConnIndex): void {
    const at = conn << STRIDE_LOG2;
    const flags = this.state[at + FLAGS]!;
    if ((flags & (DIRTY | HURRIED)) !== DIRTY) return;
    this.state[at + FLAGS] = flags | HURRIED;
    this.order.hurry(conn);
  }

  backlogBytes(conn: ConnIndex): number {
    const bytes = this.queues.backlog[conn]!;
    if (bytes > 0) this.state[(conn << STRIDE_LOG2) + FLAGS]! |= WATCHED;
    return bytes;
  }

  close(conn: ConnIndex, now: boolean): void {
    const at = conn << STRIDE_LOG2;
    const flags = this.state[at + FLAGS]!;
    if (this.state[at + FD]! < 0 || (flags & DEAD) !== 0) return;
    if (now || this.queues.isEmpty(conn)) this.tearDown(conn);
    else this.state[at + FLAGS] = flags | CLOSING;
  }

  pauseRead(conn: ConnIndex, paused: boolean): void {
    const at = conn << STRIDE_LOG2;
    const flags = this.state[at + FLAGS]!;
    if (this.state[at + FD]! < 0 || (flags & DEAD) !== 0) return;
    if (paused === ((flags & PAUSED) !== 0)) return;
    if (paused) {
      this.state[at + FLAGS] = flags | PAUSED;
      if ((flags & RECEIVING) !== 0) this.cancelReceive(conn);
    } else {
      this.state[at + FLAGS] = flags & ~PAUSED;
      this.list(conn);
    }
  }

  async run(): Promise<void> {
    this.isRunning = true;
    this.armTimer();
    while (!this.isStopping) {
      this.turn();
      if (this.isYieldDue) await this.yieldToNode();
    }
    this.shutDown();
  }

  stop(): void {
    if (this.isStopping) return;
    this.isStopping = true;
    if (this.isRunning) libc.ringEventfd(this.wakeFd);
    else this.shutDown();
  }

  /** One turn: submit, wait, handle completions, prepare sends. */
  private turn(): void {
    this.received.publish();
    const mayWait = !this.isTurnOwed && this.listedCount === 0;
    this.isTurnOwed = false;
    // A signal is handled by Node's own loop.
    const code = mayWait ? this.ring.wait(this.liveCount < 2) : this.ring.enter(0);
    if (code === EINTR) this.isYieldDue = true;
    this.handleCompletions();
    this.handler.onTurnEnd();
    if (this.listedCount > 0) this.visitListed();
    this.flushDirty();
  }

  private async yieldToNode(): Promise<void> {
    // Replies do not wait for what Node's loop has to do.
    this.ring.submit();
    await new Promise((resolve) => setImmediate(resolve));
    this.isYieldDue = false;
    this.lastYieldMs = Date.now();
    // What ran meanwhile may have sent.
    this.flushDirty();
  }

  private handleCompletions(): void {
    const ring = this.ring;
    const { cqes, cqMask } = ring;
    const tail = ring.completionTail();
    if (this.optimisticCount > 0 && ring.isSettled()) this.settleSends(ring.cqHead, tail);
    for (let head = ring.cqHead; head !== tail; ) {
      const word = (head & cqMask) << 2;
      const data = cqes[word]!;
      const generation = cqes[word + 1]!;
      const result = cqes[word + 2]!;
      const flags = cqes[word + 3]!;
      head = (head + 1) | 0;
      ring.cqHead = head;
      const operation = data >>> OP_SHIFT;
      const conn = data & CONN_MASK;
      if (operation === OP_RECV) this.onReceived(conn, result, flags);
      else if (operation === OP_SEND) this.onSent(conn, result);
      else if (operation === OP_ACCEPT) this.onAccepted(conn, result, flags);
      else if (operation === OP_CLOSE) this.onClosed(conn);
      else if (operation === OP_TIMEOUT) this.onTimer(generation);
      else if (operation === OP_POLL_ADD) this.onWoken(flags);
    }
  }

  /**
   * Finishes the optimistic sends: those without a completion among `[head, tail)` succeeded.
   * All were submitted and no completion is held back by the kernel.
   */
  private settleSends(head: number, tail: number): void {
    const { cqes, cqMask } = this.ring;
    const { state, optimistic } = this;
    for (; head !== tail; head = (head + 1) | 0) {
      const data = cqes[(head & cqMask) << 2]!;
      if (data >>> OP_SHIFT !== OP_SEND) continue;
      state[((data & CONN_MASK) << STRIDE_LOG2) + FLAGS]! &= ~OPTIMISTIC;
    }
    const count = this.optimisticCount;
    this.optimisticCount = 0;
    for (let i = 0; i < count; i++) {
      const conn = optimistic[i]!;
      if ((state[(conn << STRIDE_LOG2) + FLAGS]! & OPTIMISTIC) === 0) continue;
      this.onSent(conn, this.queues.inFlightBytes(conn));
    }
  }

  private onReceived(conn: ConnIndex, result: number, flags: number): void {
    const at = conn << STRIDE_LOG2;
    const state = this.state;
    if ((flags & CQE_F_MORE) === 0) {
      state[at + FLAGS]! &= ~RECEIVING;
      state[at + PENDING]!--;
    }
    if ((flags & CQE_F_BUFFER) !== 0) {
      const id = flags >>> 16;
      const ignored = CLOSING | DEAD | ENDED;
      if (result > 0 && (state[at + FLAGS]! & ignored) === 0) {
        const start = id * this.received.strideBytes;
        // After a pause, too, until what was held is handed over: bytes must not overtake it.
        const isHeld = (state[at + FLAGS]! & PAUSED) !== 0 || this.held.has(conn);
        if (isHeld) this.hold(conn, start, start + result);
        else this.handler.onData(conn, this.received.bytes, start, start + result);
      }
      this.received.recycle(id);
    }
    if ((flags & CQE_F_MORE) === 0) this.onReceiveStopped(conn, result);
  }

  /** A multishot receive ended: by end of stream, an error, a cancel, or for lack of buffers. */
  private onReceiveStopped(conn: ConnIndex, result: number): void {
    const at = conn << STRIDE_LOG2;
    const flags = this.state[at + FLAGS]!;
    if ((flags & DEAD) !== 0) {
      this.closeWhenIdle(conn);
    } else if (result > 0 || result === -ENOBUFS || result === -ECANCELED || result === -EINTR) {
      if ((flags & PAUSED) === 0) this.list(conn);
    } else if (result === 0) {
      this.state[at + FLAGS] = flags | ENDED;
      this.list(conn);
    } else {
      this.tearDown(conn);
    }
  }

  private onSent(conn: ConnIndex, result: number): void {
    const at = conn << STRIDE_LOG2;
    const state = this.state;
    const flags = state[at + FLAGS]! & ~(SENDING | OPTIMISTIC);
    state[at + FLAGS] = flags;
    state[at + PENDING]!--;
    if ((flags & DEAD) !== 0) {
      this.queues.drop(conn, false);
      this.closeWhenIdle(conn);
      return;
    }
    if (result < 0) {
      if (result === -EINTR || result === -EAGAIN) this.submitSend(conn);
      else this.tearDown(conn);
      return;
    }
    this.queues.advance(conn, result);
    if (!this.queues.isEmpty(conn)) this.submitSend(conn);
    else if ((flags & CLOSING) !== 0) this.tearDown(conn);
    if ((flags & WATCHED) !== 0) this.notifyDrain(conn);
  }

  private notifyDrain(conn: ConnIndex): void {
    const at = conn << STRIDE_LOG2;
    const bytes = this.queues.backlog[conn]!;
    if (bytes === 0) this.state[at + FLAGS]! &= ~WATCHED;
    if ((this.state[at + FLAGS]! & (DEAD | OPENED)) === OPENED) this.handler.onDrain(conn, bytes);
  }

  private onAccepted(index: number, result: number, flags: number): void {
    const listener = this.listeners[index];
    if (result >= 0) {
      if (listener === undefined || this.isStopping) closeSync(result);
      else this.open(listener, result);
    }
    if (listener === undefined || (flags & CQE_F_MORE) !== 0) return;
    if (result >= 0 || result === -EINTR || result === -libc.ECONNABORTED) {
      this.armAccept(index);
    } else {
      this.acceptDue.push(index);
      this.armTimer();
    }
  }

  private open(listener: Listener, fd: number): void {
    const conn = this.freeConn;
    if (conn < 0) {
      closeSync(fd);
      return;
    }
    const at = conn << STRIDE_LOG2;
    const state = this.state;
    this.freeConn = state[at + NEXT]!;
    state[at + FD] = fd;
    state[at + FLAGS] = OPENED;
    state[at + PENDING] = 0;
    if (this.liveCount++ === 0) this.armTimer();
    const isAccepted = this.handler.onOpen(
      conn,
      acceptedPeer(listener, fd),
      acceptedLocal(listener, fd),
    );
    if (!isAccepted) {
      state[at + FLAGS]! &= ~OPENED;
      this.close(conn, false);
    }
    // A refused connection is read, too, until its last words are sent: unread bytes would make
    // the kernel reset the connection.
    if ((state[at + FLAGS]! & DEAD) === 0) this.armReceive(conn);
  }

  private onClosed(conn: ConnIndex): void {
    const at = conn << STRIDE_LOG2;
    const state = this.state;
    const wasOpened = (state[at + FLAGS]! & OPENED) !== 0;
    state[at + FD] = -1;
    state[at + FLAGS] = 0;
    state[at + PENDING] = 0;
    state[at + GENERATION] = (state[at + GENERATION]! + 1) | 0;
    this.held.delete(conn);
    this.liveCount--;
    if (wasOpened) this.handler.onClose(conn);
    state[at + NEXT] = this.freeConn;
    this.freeConn = conn;
  }

  private onTimer(generation: number): void {
    if (generation !== this.timerGeneration) return;
    this.tickDueMs = 0;
    for (const index of this.acceptDue) this.armAccept(index);
    this.acceptDue = [];
    this.queues.trim();
    this.handler.onTick(Date.now());
    this.isYieldDue = true;
    this.armTimer();
  }

  private onWoken(flags: number): void {
    if ((flags & CQE_F_MORE) === 0) this.armWake();
    this.handler.onWake();
    if (Date.now() - this.lastYieldMs >= YIELD_INTERVAL_MS) this.isYieldDue = true;
  }

  private flushDirty(): void {
    const { order } = this;
    for (let conn = order.take(); conn >= 0; conn = order.take()) this.flush(conn);
  }

  private flush(conn: ConnIndex): void {
    const at = conn << STRIDE_LOG2;
    const flags = this.state[at + FLAGS]!;
    if ((flags & DIRTY) === 0) return;
    this.state[at + FLAGS] = flags & ~(DIRTY | HURRIED);
    if ((flags & (DEAD | SENDING)) !== 0 || this.queues.isEmpty(conn)) return;
    if (this.queues.isOneSlot(conn) && this.optimisticCount < this.optimistic.length) {
      this.submitOptimisticSend(conn);
    } else {
      this.submitSend(conn);
    }
  }

  private submitSend(conn: ConnIndex): void {
    const word = this.prepareSend(conn);
    this.ring.sqes[word + 7] = MSG_NOSIGNAL;
  }

  /** Sends what is queued if it lies in one slot and the socket takes it at once. */
  private submitOptimisticSend(conn: ConnIndex): void {
    const word = this.prepareSend(conn);
    this.ring.sqes[word] = OP_SEND | (SQE_CQE_SKIP_SUCCESS << 8);
    this.ring.sqes[word + 7] = MSG_NOSIGNAL | MSG_DONTWAIT | MSG_WAITALL;
    this.state[(conn << STRIDE_LOG2) + FLAGS]! |= OPTIMISTIC;
    this.optimistic[this.optimisticCount++] = conn;
  }

  private prepareSend(conn: ConnIndex): number {
    const at = conn << STRIDE_LOG2;
    const state = this.state;
    state[at + FLAGS]! |= SENDING;
    state[at + PENDING]!++;
    const address = this.queues.address(conn);
    const word = this.submit(OP_SEND, state[at + FD]!, address, conn, state[at + GENERATION]!);
    this.ring.sqes[word + 6] = this.queues.startSend(conn);
    return word;
  }

  /** Prepares an operation and returns its first word in the ring's submission entries. */
  private submit(
    opcode: number,
    fd: number,
    address: number,
    index: number,
    generation: number,
  ): number {
    const word = this.ring.nextSqe();
    const sqes = this.ring.sqes;
    sqes[word] = opcode;
    sqes[word + 1] = fd;
    sqes[word + 2] = 0;
    sqes[word + 3] = 0;
    sqes[word + 4] = address;
    sqes[word + 5] = address / 4294967296;
    sqes[word + 6] = 0;
    sqes[word + 7] = 0;
    sqes[word + 8] = (opcode << OP_SHIFT) | index;
    sqes[word + 9] = generation;
    sqes[word + 10] = 0;
    sqes[word + 11] = 0;
    return word;
  }

  private armReceive(conn: ConnIndex): void {
    const at = conn << STRIDE_LOG2;
    const state = this.state;
    state[at + FLAGS]! |= RECEIVING;
    state[at + PENDING]!++;
    const word = this.submit(OP_RECV, state[at + FD]!, 0, conn, state[at + GENERATION]!);
    this.ring.sqes[word] = OP_RECV | (SQE_BUFFER_SELECT << 8) | (RECV_MULTISHOT << 16);
    this.ring.sqes[word + 10] = BUFFER_GROUP;
  }

  private cancelReceive(conn: ConnIndex): void {
    const generation = this.state[(conn << STRIDE_LOG2) + GENERATION]!;
    const word = this.submit(OP_ASYNC_CANCEL, -1, 0, 0, 0);
    this.ring.sqes[word + 4] = (OP_RECV << OP_SHIFT) | conn;
    this.ring.sqes[word + 5] = generation;
  }

  private armAccept(index: number): void {
    const listener = this.listeners[index];
    if (listener === undefined) return;
    const word = this.submit(OP_ACCEPT, listener.fd, 0, index, 0);
    this.ring.sqes[word] = OP_ACCEPT | (abi.ACCEPT_MULTISHOT << 16);
    this.ring.sqes[word + 7] = SOCK_CLOEXEC;
  }

  /** A multishot poll reports every ring of the doorbell; its counter need not be read. */
  private armWake(): void {
    const word = this.submit(OP_POLL_ADD, this.wakeFd, 0, 0, 0);
    this.ring.sqes[word + 6] = abi.POLL_ADD_MULTI;
    this.ring.sqes[word + 7] = POLLIN;
  }

  /** Starts the next tick, or shortens the wait of an idle loop. */
  private armTimer(): void {
    const isIdle = this.liveCount === 0 && this.acceptDue.length === 0;
    this.tickWithin(isIdle ? IDLE_TICK_MS : TICK_MS);
  }

  tickWithin(ms: number): void {
    const dueMs = performance.now() + ms;
    if (this.tickDueMs !== 0 && this.tickDueMs <= dueMs) return;
    this.tickDueMs = dueMs;
    this.timerGeneration = (this.timerGeneration + 1) | 0;
    this.timerSpec[0] = BigInt(Math.floor(ms / 1000));
    this.timerSpec[1] = BigInt(Math.floor((ms % 1000) * 1e6));
    const word = this.submit(OP_TIMEOUT, -1, this.timerAddress, 0, this.timerGeneration);
    this.ring.sqes[word + 6] = 1;
  }

  private list(conn: ConnIndex): void {
    const at = conn << STRIDE_LOG2;
    if ((this.state[at + FLAGS]! & LISTED) !== 0) return;
    this.state[at + FLAGS]! |= LISTED;
    this.listed[this.listedCount++] = conn;
  }

  /** Connections that ended, resumed, or lost their receive: what is due now. */
  private visitListed(): void {
    const { listed, listedCount } = this;
    this.listed = this.visited;
    this.visited = listed;
    this.listedCount = 0;
    for (let i = 0; i < listedCount; i++) {
      const conn = listed[i]!;
      const at = conn << STRIDE_LOG2;
      if ((this.state[at + FLAGS]! & LISTED) === 0) continue;
      this.state[at + FLAGS]! &= ~LISTED;
      this.visit(conn, at);
    }
  }

  private visit(conn: ConnIndex, at: number): void {
    if ((this.state[at + FLAGS]! & PAUSED) === 0 && this.deliverHeld(conn, at)) {
      // The replies to it are due at the end of the next turn, before the end of stream is.
      this.isTurnOwed = true;
      this.list(conn);
      return;
    }
    const flags = this.state[at + FLAGS]!;
    if ((flags & (DEAD | PAUSED)) !== 0) return;
    if ((flags & ENDED) !== 0) {
      if ((flags & OPENED) === 0 || this.handler.onEnd?.(conn) !== true) this.close(conn, false);
    } else if ((flags & RECEIVING) === 0) {
      this.armReceive(conn);
    }
  }

  private hold(conn: ConnIndex, start: number, end: number): void {
    const copy = this.received.bytes.slice(start, end);
    const chunks = this.held.get(conn);
    if (chunks === undefined) this.held.set(conn, [copy]);
    else chunks.push(copy);
  }

  /** Hands over what arrived during a pause, until the next pause. True where there was some. */
  private deliverHeld(conn: ConnIndex, at: number): boolean {
    const chunks = this.held.get(conn);
    if (chunks === undefined) return false;
    while (chunks.length > 0 && (this.state[at + FLAGS]! & (PAUSED | CLOSING | DEAD)) === 0) {
      const chunk = chunks.shift()!;
      this.handler.onData(conn, chunk, 0, chunk.length);
    }
    if (chunks.length === 0 || (this.state[at + FLAGS]! & (CLOSING | DEAD)) !== 0) {
      this.held.delete(conn);
    }
    return true;
  }

  /** Ends a connection: what is queued is dropped, what is in flight is cancelled. */
  private tearDown(conn: ConnIndex): void {
    const at = conn << STRIDE_LOG2;
    const state = this.state;
    state[at + FLAGS]! |= DEAD;
    this.queues.drop(conn, (state[at + FLAGS]! & SENDING) !== 0);
    if (state[at + PENDING] === 0) {
      this.submitClose(conn);
      return;
    }
    libc.libcFunctions().shutdown(state[at + FD]!, SHUT_RDWR);
    const word = this.submit(OP_ASYNC_CANCEL, state[at + FD]!, 0, 0, 0);
    this.ring.sqes[word + 7] = abi.CANCEL_FD | abi.CANCEL_ALL;
  }

  private closeWhenIdle(conn: ConnIndex): void {
    if (this.state[(conn << STRIDE_LOG2) + PENDING] === 0) this.submitClose(conn);
  }

  private submitClose(conn: ConnIndex): void {
    const at = conn << STRIDE_LOG2;
    this.submit(OP_CLOSE, this.state[at + FD]!, 0, conn, this.state[at + GENERATION]!);
  }

  private shutDown(): void {
    this.isStopping = true;
    this.unlisten();
    for (let at = 0, conn = 0; at < this.state.length; at += 1 << STRIDE_LOG2, conn++) {
      if (this.state[at + FD]! >= 0 && (this.state[at + FLAGS]! & DEAD) === 0) this.tearDown(conn);
    }
    for (let turns = 0; this.liveCount > 0 && turns < STOP_TURNS_MAX; turns++) {
      this.received.publish();
      this.ring.enter(1);
      this.handleCompletions();
    }
    // The eventfd stays open: another thread may still ring it, and its number must not come to
    // mean another file.
    this.ring.close();
  }
}
