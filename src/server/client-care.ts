/**
 * ClientCare: limits of the clients of one I/O thread that have to be looked at over time: replies
 * that pile up, idleness, spare room, the memory of all clients together.
 */
import { ClientEviction, type ClientEvictionParts } from './client-eviction.ts';
import { checkOutputLimit, type OutputLimit } from './client-limits.ts';
import type { Connection } from './connection.ts';
import { STAT } from './thread-stats.ts';

/** Replies that fit into Redis's reply buffer are in no limit. */
const REPLY_BUFFER_BYTES = 16 * 1024;

export class ClientCare {
  readonly #parts: ClientEvictionParts;
  readonly eviction: ClientEviction;
  #cursor = 0;

  constructor(parts: ClientEvictionParts) {
    this.#parts = parts;
    this.eviction = new ClientEviction(parts);
  }

  #outputLimit(c: Connection): OutputLimit {
    const { limits } = this.#parts;
    return c.subscriptions === null ? limits.normalOutput : limits.pubsubOutput;
  }

  /**
   * False when a reply of so many bytes is too much for a client that lets its replies pile up: it
   * is closed then. As in Redis, what is about to be sent counts, beyond the bytes of one reply
   * buffer: of a reply over the limit nothing is sent.
   */
  maySend(c: Connection, bytes: number): boolean {
    const limit = this.#outputLimit(c);
    if (limit.freeBytes === Number.POSITIVE_INFINITY) return true;
    const backlog = this.#parts.backlogBytes(c.conn) + bytes - REPLY_BUFFER_BYTES;
    return backlog <= limit.freeBytes || !this.#checkOutput(c, limit, backlog, Date.now());
  }

  /** Closes a client that lets its replies pile up; false where that is not so. */
  #checkOutput(c: Connection, limit: OutputLimit, backlog: number, nowMs: number): boolean {
    const { stats, limits, abort } = this.#parts;
    if (!checkOutputLimit(limit, c, backlog, nowMs)) return false;
    stats.add(STAT.outputLimitDisconnections, 1);
    limits.log(
      'warning',
      `Client ${c.infoLine()} scheduled to be closed ASAP for overcoming of output buffer limits.`,
    );
    abort(c);
    return true;
  }

  /**
   * Input room, `timeout`, output limits over time: a slice of the clients each tick, all of them
   * within a second.
   */
  tick(nowMs: number): void {
    const { limits, clients, backlogBytes, abort } = this.#parts;
    const count = clients.length;
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
      if (backlog > 0 || c.softLimitSinceMs !== 0) this.#checkOutput(c, limit, backlog, nowMs);
    }
  }
}
