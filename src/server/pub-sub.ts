/**
 * PubSub: sends messages to the subscribers of all I/O threads; one on every thread, I/O thread or
 * shard worker.
 *
 * A publisher looks up how many subscribers there are on which threads (ChannelBoard), delivers to
 * those of its own thread, and sends one letter to every other thread that has some. It never
 * waits, and without any subscriber it costs one load.
 *
 * ORDERING  The messages of one publisher arrive in the order of its commands, and those that are
 *           published while a shard is held in the order of the holds: letters are in order, and
 *           what goes to the own thread goes by letter, too, while older letters may be waiting
 *           there.
 */

import { globMatch } from '../base/glob.ts';
import type { Session } from '../commands/spec.ts';
import {
  KIND_CHANNEL,
  KIND_PATTERN,
  KIND_SHARD_CHANNEL,
  type NameKind,
  type PubSubServices,
} from '../commands/subscriptions.ts';
import type { ChannelBoard } from './channel-board.ts';
import type { Connection } from './connection.ts';
import { LETTER, type Letter, type Part, type Post } from './post.ts';
import { Subscribers, type SubscribersHost } from './subscribers.ts';

/** What it needs of the I/O thread that it stands on. */
export interface PubSubHost extends SubscribersHost<Connection> {
  /** True while letters have come that are not handled. */
  hasLetters(): boolean;
}

export class PubSub implements PubSubServices {
  readonly #board: ChannelBoard;
  readonly #post: Post;
  /** This thread's index among the I/O threads, from 0 on; -1 on a worker. */
  readonly #io: number;
  #host: PubSubHost | null = null;
  /** Those of this thread; null on a worker. */
  #local: Subscribers<Connection> | null = null;
  /** Receivers on each I/O thread of the message that is being published. */
  readonly #targets: Uint32Array;

  /** `io`: this thread's index among the I/O threads, from 0 on; -1 on a worker. */
  constructor(board: ChannelBoard, post: Post, io: number) {
    this.#board = board;
    this.#post = post;
    this.#io = io;
    this.#targets = new Uint32Array(board.ioThreads);
  }

  /** Completes the construction on an I/O thread; returns its subscribers. */
  connect(host: PubSubHost): Subscribers<Connection> {
    this.#host = host;
    this.#local = new Subscribers(this.#board, this.#io, host);
    return this.#local;
  }

  /** Whether a message may go to this thread's subscribers without a letter. */
  #isDirect(): boolean {
    const host = this.#host;
    return host !== null && !host.hasLetters() && !this.#post.isWaitingFor(this.#io + 1);
  }

  /** True while nobody is subscribed to any channel or pattern: one load. */
  get isSilent(): boolean {
    return this.#board.isSilent;
  }

  /**
   * Sends a message to the subscribers of a channel, and to those of patterns that match it, or of
   * a shard channel. Returns how many get it. May be called while shards are held. It leaves when
   * the disk has the journal up to `gate` (0 = at once).
   */
  publish(isShard: boolean, channel: Part, message: Part, gate = 0): number {
    const board = this.#board;
    if (isShard ? board.isShardSilent : board.isSilent) return 0;
    const local = this.#local;
    const isDirect = this.#isDirect();
    if (isDirect && board.ioThreads === 1) {
      return local!.deliver(isShard, channel, message, gate);
    }
    const total = this.#count(isShard, channel);
    if (total === 0) return 0;
    const targets = this.#targets;
    const kind = isShard ? LETTER.publishShard : LETTER.publish;
    for (let io = 0; io < targets.length; io++) {
      if (targets[io] === 0) continue;
      if (isDirect && io === this.#io) local!.deliver(isShard, channel, message, gate);
      else this.#post.send(io + 1, kind, 0, 0, 0, 0, gate, channel, message);
    }
    return total;
  }

  /** Sets `targets`; returns their sum. O(I/O threads + patterns). */
  #count(isShard: boolean, { buf, from, to }: Part): number {
    const board = this.#board;
    const targets = this.#targets;
    let total = board.look(isShard ? KIND_SHARD_CHANNEL : KIND_CHANNEL, buf, from, to);
    if (total !== 0) targets.set(board.counts);
    else targets.fill(0);
    if (isShard) return total;
    for (const { bytes, counts } of board.patterns()) {
      if (!globMatch(bytes, 0, bytes.length, buf, from, to, false)) continue;
      for (let io = 0; io < targets.length; io++) {
        targets[io] = targets[io]! + counts[io]!;
        total += counts[io]!;
      }
    }
    return total;
  }

  /** A message came from another thread. */
  received(isShard: boolean, { buf, start, middle, end, gate }: Letter): void {
    const channel = { buf, from: start, to: middle };
    this.#local!.deliver(isShard, channel, { buf, from: middle, to: end }, gate);
  }

  // ---- what session commands ask

  subscribe(session: Session, kind: NameKind, name: Uint8Array): boolean {
    return this.#local!.subscribe(session as Connection, kind, name);
  }

  unsubscribe(session: Session, kind: NameKind, name: string): void {
    this.#local!.unsubscribe(session as Connection, kind, name);
  }

  names(kind: NameKind): Uint8Array[] {
    const names: Uint8Array[] = [];
    this.#board.visitNames(kind, (name) => names.push(name));
    return names;
  }

  subscribers(kind: NameKind, name: Uint8Array): number {
    return this.#board.look(kind, name, 0, name.length);
  }

  get patternCount(): number {
    return this.#board.size(KIND_PATTERN);
  }

  /** Names of a kind that have subscribers. */
  size(kind: NameKind): number {
    return this.#board.size(kind);
  }
}
