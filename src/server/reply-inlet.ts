/** ReplyInlet: what the shard workers answer to the clients of one I/O thread. */
import { nextTicket } from '../sync/fence.ts';
import { RingConsumer } from '../sync/ring.ts';
import type { Connection } from './connection.ts';
import { IncomingReply, KIND_BLOCKED, KIND_CUT_OFF, KIND_REPLY } from './route-messages.ts';
import type { SharedLayout } from './shared-layout.ts';
import type { WatchedKey } from './transaction-block.ts';

/**
 * Replies taken from a ring before other clients get their turn: a huge reply goes out in many
 * turns.
 */
const REPLY_BYTES_PER_TURN = 128 * 1024;
/** Words of one watched key in a WATCHED frame. */
const WATCHED_WORDS = 5;
const NO_NAME = new Uint8Array(0);
const NO_KEYS: readonly Uint8Array[] = [];

export interface ReplyHost {
  connection(conn: number): Connection | undefined;
  /** Sends a reply that may leave when the disk has the journal up to `gate`. */
  send(c: Connection, buf: Uint8Array, start: number, end: number, gate: number): void;
  /** The last part of a command's reply has come. */
  answered(c: Connection): void;
  /** A reply was broken off, because it was more than its client may be sent. */
  outputExceeded(c: Connection): void;
  /** A command waits, with record `ref`; its client may be gone. */
  blocked(c: Connection | undefined, ref: number): void;
  /** Watches whose connection is gone. */
  unwatchOrphans(watches: readonly WatchedKey[]): void;
  wakeSoon(): void;
}

export class ReplyInlet {
  readonly #host: ReplyHost;
  readonly #rings: RingConsumer[] = [];
  /** A reply at the front of the ring waits for an earlier one. */
  readonly #isHeld: boolean[] = [];
  readonly #incoming = new IncomingReply();

  constructor(layout: SharedLayout, thread: number, host: ReplyHost) {
    this.#host = host;
    for (let worker = 0; worker < layout.topology.shardThreads; worker++) {
      this.#rings.push(new RingConsumer(layout.rings, layout.replyRing(thread, worker)));
      this.#isHeld.push(false);
    }
  }

  /**
   * Takes replies from all rings. A reply whose connection waits for an earlier one from another
   * worker stays at the front of its ring; that worker has run its command and will publish.
   */
  drain(): void {
    let mayGoOn = true;
    while (mayGoOn) {
      mayGoOn = false;
      let isAnyHeld = false;
      for (let i = 0; i < this.#rings.length; i++) {
        if (this.#drainReplies(i)) mayGoOn = true;
        if (this.#isHeld[i]) isAnyHeld = true;
      }
      if (!isAnyHeld) return;
    }
  }

  /** True when it took something. */
  #drainReplies(index: number): boolean {
    const ring = this.#rings[index]!;
    const host = this.#host;
    const incoming = this.#incoming;
    let any = false;
    let bytes = 0;
    let isHeld = this.#isHeld[index]!;
    while (bytes < REPLY_BYTES_PER_TURN && (isHeld || ring.next())) {
      incoming.read(ring);
      const c = host.connection(incoming.conn);
      const isGone = c === undefined || c.generation !== incoming.generation;
      isHeld = !isGone && incoming.ticket !== nextTicket(c.repliedTicket);
      if (isHeld) break;
      any = true;
      bytes += ring.length;
      if (incoming.kind === KIND_BLOCKED) {
        this.#takeBlocked(isGone ? undefined : c, ring);
      } else if (incoming.kind === KIND_REPLY) {
        if (!isGone) this.#takeReply(c, ring);
      } else if (incoming.kind === KIND_CUT_OFF) {
        if (!isGone) this.#takeCutOff(c, ring);
      } else if (isGone) host.unwatchOrphans(this.#watchedKeys(ring, NO_KEYS));
      else this.#noteWatched(c, ring);
    }
    this.#isHeld[index] = isHeld;
    if (any && !isHeld) ring.release();
    if (bytes >= REPLY_BYTES_PER_TURN) host.wakeSoon();
    return any;
  }

  #takeBlocked(c: Connection | undefined, ring: RingConsumer): void {
    const incoming = this.#incoming;
    if (c !== undefined) c.repliedTicket = incoming.ticket;
    this.#host.blocked(c, ring.u32[incoming.start >>> 2]!);
    if (c === undefined) return;
    c.isReplyDropped = false;
    this.#host.answered(c);
    // It is counted when it ends.
    c.commandsRun -= 1;
  }

  #takeReply(c: Connection, ring: RingConsumer): void {
    const incoming = this.#incoming;
    if (c.isInExec) this.#endExec(c, ring.u8, incoming.start);
    c.partBytes += incoming.end - incoming.start;
    if (!c.isReplyDropped && incoming.end > incoming.start) {
      this.#host.send(c, ring.u8, incoming.start, incoming.end, incoming.gate);
    }
    c.isMidReply = incoming.hasMore;
    if (incoming.hasMore) return;
    c.partBytes = 0;
    c.repliedTicket = incoming.ticket;
    c.isReplyDropped = false;
    this.#host.answered(c);
  }

  /** Closes the client, unless it does not want the reply, and takes the reply as given out. */
  #takeCutOff(c: Connection, ring: RingConsumer): void {
    if (!c.isReplyDropped) this.#host.outputExceeded(c);
    c.isReplyDropped = true;
    this.#takeReply(c, ring);
  }

  /** The first bytes of a routed EXEC's reply: a null says that it aborted. */
  #endExec(c: Connection, bytes: Uint8Array, start: number): void {
    const isNull = bytes[start] === 0x5f || (bytes[start] === 0x2a && bytes[start + 1] === 0x2d);
    c.endExec(isNull);
  }

  /**
   * Keys that a routed WATCH registered; their bytes are those of the command still kept in order
   * by key hash.
   */
  #noteWatched(c: Connection, ring: RingConsumer): void {
    const keys = this.#watchedKeys(ring, c.pendingWatch);
    c.pendingWatch.splice(0, keys.length);
    for (const key of keys) c.watch(key);
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
}
