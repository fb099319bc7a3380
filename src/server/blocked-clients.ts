/**
 * BlockedClients: the clients of one I/O thread whose commands wait, for a key or for a time. What
 * they wait for is in the shards (wait-records.ts); here are their deadlines, and what ends a wait.
 */

import { type Deadline, DeadlineHeap } from '../base/deadline-heap.ts';
import type { Shard } from '../keyspace/shard.ts';
import type { Ref } from '../memory/arena.ts';
import { ReplyWriter } from '../resp/reply-writer.ts';
import { SERVED_DENIED } from './blocked-serve.ts';
import type { Connection } from './connection.ts';
import type { Letter } from './post.ts';
import type { ShardLocks } from './shard-locks.ts';
import { STAT, type ThreadStats } from './thread-stats.ts';
import {
  CANCELLED,
  SERVED,
  WAIT_DENIED,
  WAIT_KNOWN,
  WAITING,
  type WaitRecords,
} from './wait-records.ts';

/** A client that waits. */
export interface Wait extends Deadline {
  readonly c: Connection;
  /** Its record; 0 = it waits for nothing but time. */
  readonly ref: Ref;
  /** False when CLIENT REPLY says so. */
  readonly isReplyWanted: boolean;
  /** Looks whether it is over, without a record; writes its reply then. */
  readonly poll: ((reply: ReplyWriter, isOver: boolean) => boolean) | null;
  /**
   * Makes the error line that is replied in the place of what comes: the client may not run its
   * command any more. Null = it may.
   */
  denial: (() => string) | null;
}

/** How a wait ends that nobody serves. */
export type WaitEnd = 'time' | 'error';

export interface BlockedClientsParts {
  readonly records: WaitRecords;
  readonly shards: readonly Shard[];
  readonly locks: ShardLocks;
  readonly serve: { retry(ref: Ref): void };
  readonly stats: ThreadStats;
  /** Sends a reply out of turn. */
  readonly push: (c: Connection, buf: Uint8Array, start: number, end: number, gate: number) => void;
  /** The client of a connection index and generation; undefined once `closed` was called. */
  readonly client: (conn: number, generation: number) => Connection | undefined;
  /** Goes on with a client's input, before the turn ends. */
  readonly resume: (c: Connection) => void;
  /** Looks whether a client with limited permissions may still run the command that waits. */
  readonly recheck: (c: Connection) => void;
  /** Has `tick` called by then. */
  readonly wakeAt: (unixMs: number) => void;
}

const NO_PERMISSION = 'NOPERM No permissions to run the command';
const ERROR_SIGN = 0x2d;
const UNBLOCKED = 'UNBLOCKED client unblocked via CLIENT UNBLOCK';
/** Between two tries at what another thread is about to finish. */
const RETRY_MS = 1;

export class BlockedClients {
  readonly #parts: BlockedClientsParts;
  readonly #deadlines = new DeadlineHeap<Wait>();
  readonly #polled = new Set<Wait>();
  /** Waits that may have something to take by themselves, at `retryMs` of their records. */
  readonly #retried = new Set<Wait>();
  /** Records that some list still has. */
  #releasing: Ref[] = [];
  /** Waits to be ended whose client was being served when that was tried. */
  #ending: { readonly wait: Wait; readonly how: WaitEnd }[] = [];
  /** Replies for clients of which this thread has not heard yet that they are blocked. */
  readonly #early = new Map<Ref, { denied: boolean; bytes: Uint8Array; gate: number }>();
  readonly #reply = new ReplyWriter(256);

  constructor(parts: BlockedClientsParts) {
    this.#parts = parts;
  }

  // ---- begin

  /** The command that runs now waits with this record. */
  add(c: Connection, ref: Ref): void {
    const { records } = this.#parts;
    records.setFlag(ref, WAIT_KNOWN);
    this.#begin({
      c,
      ref,
      deadlineMs: records.deadlineMs(ref),
      heapIndex: -1,
      isReplyWanted: c.replyMode === 'on' && !c.isReplyDropped,
      poll: null,
      denial: null,
    });
    if (records.retryMs(ref) !== 0) {
      this.#retried.add(c.blocked!);
      this.#parts.wakeAt(records.retryMs(ref));
    }
    // Its user may have changed while a worker had the command.
    if (c.isRestricted) this.#parts.recheck(c);
  }

  /**
   * The command that runs now waits until `poll` says that it is over, which then has written the
   * reply, or until the deadline (0 = none), when `poll` is called with true.
   */
  addPolled(c: Connection, deadlineMs: number, poll: NonNullable<Wait['poll']>): void {
    const isReplyWanted = c.replyMode === 'on';
    const wait = { c, ref: 0, deadlineMs, heapIndex: -1, isReplyWanted, denial: null };
    this.#begin({ ...wait, poll });
  }

  #begin(wait: Wait): void {
    wait.c.blocked = wait;
    this.#parts.stats.add(STAT.blockedNow, 1);
    if (wait.poll !== null) this.#polled.add(wait);
    if (wait.deadlineMs === 0) return;
    this.#deadlines.add(wait);
    this.#parts.stats.add(STAT.blockedWithTimeout, 1);
    this.#parts.wakeAt(this.#deadlines.nextMs);
  }

  /** A worker says that a command it was sent waits: of a client, or of one that is gone. */
  told(c: Connection | undefined, ref: Ref): void {
    const { records } = this.#parts;
    if (c === undefined) {
      records.setFlag(ref, WAIT_KNOWN);
      if (!this.#early.delete(ref)) this.#abandon(ref);
      else this.#release(ref);
      return;
    }
    this.add(c, ref);
    const early = this.#early.get(ref);
    if (early === undefined) return;
    this.#early.delete(ref);
    this.#finish(c.blocked!, early.denied, early.bytes, 0, early.bytes.length, early.gate);
  }

  // ---- end

  /** The reply of a client that was served by another thread. */
  served(letter: Letter): void {
    const { records, client } = this.#parts;
    const ref = letter.a;
    const denied = letter.b === SERVED_DENIED;
    if (!records.hasFlag(ref, WAIT_KNOWN)) {
      const bytes = letter.buf.slice(letter.middle, letter.end);
      this.#early.set(ref, { denied, bytes, gate: letter.gate });
      return;
    }
    const wait = client(letter.conn, letter.generation)?.blocked ?? null;
    if (wait === null || wait.ref !== ref) this.#release(ref);
    else this.#finish(wait, denied, letter.buf, letter.middle, letter.end, letter.gate);
  }

  /** The same for one that this thread has served. */
  servedHere(
    ref: Ref,
    denied: boolean,
    buf: Uint8Array,
    start: number,
    end: number,
    gate: number,
  ): void {
    const { records, client } = this.#parts;
    if (!records.hasFlag(ref, WAIT_KNOWN)) {
      this.#early.set(ref, { denied, bytes: buf.slice(start, end), gate });
      return;
    }
    const wait = client(records.conn(ref), records.generation(ref))?.blocked ?? null;
    if (wait === null || wait.ref !== ref) this.#release(ref);
    else this.#finish(wait, denied, buf, start, end, gate);
  }

  #finish(
    wait: Wait,
    denied: boolean,
    buf: Uint8Array,
    start: number,
    end: number,
    gate: number,
  ): void {
    const { c } = wait;
    if (denied) {
      this.#reply.clear();
      this.#reply.error(wait.denial?.() ?? NO_PERMISSION);
      // It was rejected, as `denial` has counted: that is neither a call nor one that failed.
      c.commandsRun += 1;
      this.#parts.stats.error(this.#reply.buf, 1, this.#reply.length);
      this.#leave(wait, this.#reply.buf, 0, this.#reply.length, gate);
    } else {
      this.#account(wait, buf, start, end);
      this.#leave(wait, buf, start, end, gate);
    }
    if (wait.ref !== 0) this.#release(wait.ref);
    this.#parts.resume(c);
  }

  /** A command that waited for keys is counted when it ends. */
  #account({ c, ref }: Wait, buf: Uint8Array, start: number, end: number): void {
    if (ref === 0) return;
    const { stats, records } = this.#parts;
    const row = records.row(ref);
    c.commandsRun += 1;
    stats.call(row);
    if (end === start || buf[start] !== ERROR_SIGN) return;
    stats.failed(row);
    stats.error(buf, start + 1, end);
  }

  /** Takes a wait off the books and sends its reply. */
  #leave(wait: Wait, buf: Uint8Array, start: number, end: number, gate: number): void {
    const { stats, push } = this.#parts;
    wait.c.blocked = null;
    stats.add(STAT.blockedNow, -1);
    this.#deadlines.remove(wait);
    if (wait.deadlineMs !== 0) stats.add(STAT.blockedWithTimeout, -1);
    this.#polled.delete(wait);
    this.#retried.delete(wait);
    if (wait.isReplyWanted && end > start) push(wait.c, buf, start, end, gate);
  }

  /**
   * Ends a wait without serving it. False when that cannot be: its reply is on its way, or it is
   * being served just now (then it is tried again).
   */
  end(wait: Wait, how: WaitEnd): boolean {
    const { records } = this.#parts;
    if (wait.ref !== 0 && !records.turn(wait.ref, WAITING, CANCELLED)) {
      if (records.state(wait.ref) !== SERVED) {
        this.#ending.push({ wait, how });
        this.#parts.wakeAt(Date.now() + RETRY_MS);
      }
      return false;
    }
    const reply = this.#reply;
    reply.clear();
    reply.resp3 = wait.c.protocol === 3;
    if (how === 'error') reply.error(UNBLOCKED);
    else if (wait.poll !== null) wait.poll(reply, true);
    else reply.nullArray();
    this.#finish(wait, false, reply.buf, 0, reply.length, 0);
    return true;
  }

  /** The connection of a client that waits is gone. */
  closed(wait: Wait): void {
    this.#leave(wait, this.#reply.buf, 0, 0, 0);
    if (wait.ref !== 0) this.#abandon(wait.ref);
  }

  /** Nobody wants a record any more. Who serves it meanwhile sends a letter, which ends it. */
  #abandon(ref: Ref): void {
    const { records } = this.#parts;
    if (records.turn(ref, WAITING, CANCELLED)) this.#release(ref);
    else if (records.state(ref) !== SERVED) this.#abandoned.add(ref);
  }

  readonly #abandoned = new Set<Ref>();

  /** Has a client that may not run its command any more be told so when it would be served. */
  deny(wait: Wait, denial: () => string): void {
    wait.denial = denial;
    if (wait.ref !== 0) this.#parts.records.setFlag(wait.ref, WAIT_DENIED);
  }

  /** It may run its command again. */
  permit(wait: Wait): void {
    if (wait.denial === null) return;
    wait.denial = null;
    this.#parts.records.clearFlag(wait.ref, WAIT_DENIED);
  }

  // ---- clean-up

  /** Frees a record as soon as no list has it: no shard may be asked for within a command. */
  #release(ref: Ref): void {
    const { records, shards } = this.#parts;
    this.#abandoned.delete(ref);
    if (records.unlinkAll(ref, shards, () => false)) records.free(ref);
    else this.#releasing.push(ref);
  }

  /** True while `turnEnd` has something to do. */
  get isReleasing(): boolean {
    return this.#releasing.length !== 0;
  }

  /** Between two commands: takes records out of lists whose shards are free. */
  turnEnd(): void {
    if (this.#releasing.length === 0) return;
    const { records, shards, locks, wakeAt } = this.#parts;
    let held = -1;
    const hold = (shard: number): boolean => {
      if (held === shard) return true;
      if (held >= 0) locks.endLease(held);
      held = locks.lease(shard) ? shard : -1;
      return held >= 0;
    };
    this.#releasing = this.#releasing.filter((ref) => {
      const isDone = records.unlinkAll(ref, shards, hold);
      if (isDone) records.free(ref);
      return !isDone;
    });
    if (held >= 0) locks.endLease(held);
    if (this.#releasing.length !== 0) wakeAt(Date.now() + RETRY_MS);
  }

  /** Ends waits whose time is over, and looks at those without a record. */
  tick(nowMs: number): void {
    const ending = this.#ending.splice(0);
    for (const { wait, how } of ending) if (wait.c.blocked === wait) this.end(wait, how);
    for (const ref of this.#abandoned) {
      this.#abandoned.delete(ref);
      this.#abandon(ref);
    }
    this.poll();
    this.#retry(nowMs);
    for (;;) {
      const wait = this.#deadlines.popDue(nowMs);
      if (wait === undefined) break;
      this.end(wait, 'time');
    }
    const { nextMs } = this.#deadlines;
    if (nextMs !== Number.POSITIVE_INFINITY) this.#parts.wakeAt(nextMs);
  }

  /** Looks again at the waits for what time alone may bring. */
  #retry(nowMs: number): void {
    const { records, serve, wakeAt } = this.#parts;
    for (const wait of this.#retried) {
      if (records.retryMs(wait.ref) <= nowMs) serve.retry(wait.ref);
      // Who was served has left; a look that came to nothing has said when the next is due.
      if (!this.#retried.has(wait)) continue;
      wakeAt(Math.max(records.retryMs(wait.ref), nowMs + RETRY_MS));
    }
  }

  /** Looks at the waits without a record. */
  poll(): void {
    for (const wait of this.#polled) {
      const reply = this.#reply;
      reply.clear();
      reply.resp3 = wait.c.protocol === 3;
      if (wait.poll!(reply, false)) this.#finish(wait, false, reply.buf, 0, reply.length, 0);
    }
  }
}
