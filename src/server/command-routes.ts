/**
 * CommandRoutes: the rings from one I/O thread to the shard workers, and the tickets that keep the
 * order of each connection's commands over them.
 */
import type { DoorbellRinger } from '../sync/doorbell.ts';
import { nextTicket } from '../sync/fence.ts';
import { RingProducer } from '../sync/ring.ts';
import type { Connection } from './connection.ts';
import * as messages from './route-messages.ts';
import type { SharedLayout } from './shared-layout.ts';

export class CommandRoutes {
  readonly #layout: SharedLayout;
  readonly #workers: readonly DoorbellRinger[];
  readonly #rings: RingProducer[] = [];
  readonly #dirtyRings: boolean[] = [];
  /** The ticket issued last, by connection index. */
  readonly #tickets: Int32Array;
  readonly #out = new messages.Outgoing();
  #isAnyRingDirty = false;

  constructor(layout: SharedLayout, thread: number, workers: readonly DoorbellRinger[]) {
    this.#layout = layout;
    this.#workers = workers;
    this.#tickets = new Int32Array(layout.topology.connections);
    for (let worker = 0; worker < layout.topology.shardThreads; worker++) {
      this.#rings.push(new RingProducer(layout.rings, layout.commandRing(thread, worker)));
      this.#dirtyRings.push(false);
    }
  }

  /** The ticket issued last for a connection index. */
  lastTicket(conn: number): number {
    return this.#tickets[conn]!;
  }

  /** A message of a connection, with its next ticket: the one object, valid until the next call. */
  address(c: Connection, kind: number, flags: number): messages.Outgoing {
    const out = this.#out;
    out.kind = kind;
    out.flags =
      flags |
      (c.protocol === 3 ? messages.FLAG_RESP3 : 0) |
      (c.noTouch ? messages.FLAG_NO_TOUCH : 0) |
      (c.subscriptions === null ? 0 : messages.FLAG_SUBSCRIBED) |
      (c.tracking?.tracksReads === true ? messages.FLAG_TRACKED : 0);
    out.conn = c.conn;
    out.generation = c.generation;
    out.db = c.db;
    out.ticket = nextTicket(this.#tickets[c.conn]!);
    return out;
  }

  /** The ring to the owner of a shard. */
  ringTo(shard: number): RingProducer {
    return this.#rings[this.#layout.ownerOf(shard)]!;
  }

  /** Something was committed to the ring of a shard's owner. */
  mark(shard: number): void {
    this.#dirtyRings[this.#layout.ownerOf(shard)] = true;
    this.#isAnyRingDirty = true;
  }

  /** The message that `address` made was committed: its ticket is taken. */
  sent(conn: number, shard: number): void {
    this.mark(shard);
    this.#tickets[conn] = this.#out.ticket;
  }

  /** The same for a command of `c`, which waits for its reply. `isChainable`: see Connection. */
  sentFor(c: Connection, shard: number, isChainable: boolean): void {
    this.sent(c.conn, shard);
    c.inflight += 1;
    c.isChainable = isChainable;
    if (c.replyMode === 'on') return;
    c.isReplyDropped = true;
    if (c.replyMode === 'skip') c.replyMode = 'on';
  }

  /** Publishes what was committed since the last call and rings the workers. */
  flush(): void {
    if (!this.#isAnyRingDirty) return;
    this.#isAnyRingDirty = false;
    for (let worker = 0; worker < this.#rings.length; worker++) {
      if (!this.#dirtyRings[worker]) continue;
      this.#dirtyRings[worker] = false;
      this.#rings[worker]!.publish();
      this.#workers[worker]!.ring();
    }
  }
}
