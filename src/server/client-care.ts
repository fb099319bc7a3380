/**
 * ClientCare: limits of the clients of one I/O thread, many of them looked at over time: replies
 * and input that pile up, idleness, spare room, the memory of all clients together.
 */
import { ClientEviction, type ClientEvictionParts } from './client-eviction.ts';
import {
  checkOutputLimit,
  type OutputLimit,
  REPLY_BUFFER_BYTES,
  replyBlockBytes,
  replyBytesMax,
} from './client-limits.ts';
import type { Connection } from './connection.ts';
import type { OutputBound } from './output-bound.ts';
import { STAT } from './thread-stats.ts';

export class ClientCare {
  readonly #parts: ClientEvictionParts;
  readonly eviction: ClientEviction;
  #cursor = 0;

  constructor(parts: ClientEvictionParts) {
    this.#parts = parts;
    this.eviction = new ClientEviction(parts);
  }

  #outputLimit(c: Connection): OutputLimit {
    const { output } = this.#parts.limits;
    return c.subscriptions === null ? output.normal : output.pubsub;
  }

  /** What the client `running()` may be answered; what the transport has for it counts. */
  outputBound(running: () => Connection): OutputBound {
    return {
      max: () => {
        const c = running();
        const limit = this.#outputLimit(c);
        const isUnbounded = limit.hardBytes === 0 || c.replyMode !== 'on' || c.isReplay;
        if (isUnbounded) return Number.POSITIVE_INFINITY;
        return replyBytesMax(limit, this.#parts.backlogBytes(c.conn));
      },
      exceeded: () => this.outputExceeded(running()),
    };
  }

  /** Closes a client whose reply was broken off, because it was more than it may be sent. */
  outputExceeded(c: Connection): void {
    if (!c.isAborted) this.#cutOff(c);
  }

  /**
   * Whether `bytes` more may be handed to the transport for a client. As in Redis, what is about to
   * be sent counts, beyond the bytes of one reply buffer, and a reply counts whole, however many
   * parts it comes in: where it is over the limit, the client is closed and nothing is sent.
   */
  maySend(c: Connection, bytes: number): boolean {
    const limit = this.#outputLimit(c);
    if (limit.freeBytes === Number.POSITIVE_INFINITY) return true;
    const unsent = Math.max(this.#parts.backlogBytes(c.conn) + bytes, c.partBytes);
    const backlog = unsent - REPLY_BUFFER_BYTES;
    return (
      replyBlockBytes(backlog) <= limit.freeBytes ||
      !this.#checkOutput(c, limit, backlog, Date.now())
    );
  }

  /** Closes a client that lets its replies pile up; false where that is not so. */
  #checkOutput(c: Connection, limit: OutputLimit, backlog: number, nowMs: number): boolean {
    if (c.isAborted) return true;
    if (!checkOutputLimit(limit, c, backlog, nowMs)) return false;
    this.#cutOff(c);
    return true;
  }

  /** Closes a client with more input than it may have; false where that is not so. */
  closeOverInput(c: Connection): boolean {
    const { limits, stats, abort } = this.#parts;
    // As in Redis, the queue of a transaction counts as input that no command has consumed.
    const bytes = c.inputLength + (c.transactionBlock?.length ?? 0);
    if (bytes <= limits.queryBufferMax) return false;
    stats.add(STAT.queryLimitDisconnections, 1);
    limits.log('warning', `Closing client that reached max query buffer length: ${c.infoLine()}`);
    abort(c);
    return true;
  }

  #cutOff(c: Connection): void {
    const { stats, limits, abort } = this.#parts;
    stats.add(STAT.outputLimitDisconnections, 1);
    limits.log(
      'warning',
      `Client ${c.infoLine()} scheduled to be closed ASAP for overcoming of output buffer limits.`,
    );
    abort(c);
  }

  /**
   * Input room, `timeout`, output limits over time: a slice of the clients each tick, all of them
   * within a second.
   */
  tick(nowMs: number): void {
    const { limits, clients, backlogBytes, abort } = this.#parts;
    const count = clients.length;
    this.eviction.tick();
    for (let i = Math.ceil(count / 10); i > 0; i--) {
      this.#cursor = (this.#cursor + 1) % count;
      const c = clients[this.#cursor];
      if (c === undefined || c.isClosing) continue;
      c.trimInput(nowMs);
      this.eviction.note(c);
      const isIdle = limits.timeoutMs !== 0 && nowMs - c.lastActiveMs > limits.timeoutMs;
      if (isIdle && c.listens === 0 && !c.isBlocked && c.inflight === 0) {
        limits.log('verbose', 'Closing idle client');
        abort(c);
        continue;
      }
      const limit = this.#outputLimit(c);
      if (limit.freeBytes === Number.POSITIVE_INFINITY) continue;
      const backlog = backlogBytes(c.conn);
      if (backlog === 0 && c.softLimitSinceMs === 0) continue;
      this.#checkOutput(c, limit, backlog - REPLY_BUFFER_BYTES, nowMs);
    }
  }
}
