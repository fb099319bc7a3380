/**
 * Subscribers: who of one I/O thread's clients listens to what, and how a message reaches them. It
 * is about connections, not about keys: plain Maps of the thread.
 *
 * INVARIANT  a connection is in the set of a name exactly when its own Subscriptions have the name,
 *            and the board counts it for this thread.
 */
import { equalBytes } from '../base/bytes.ts';
import { globMatch } from '../base/glob.ts';
import {
  KIND_CHANNEL,
  KIND_PATTERN,
  KIND_SHARD_CHANNEL,
  type NameKind,
  Subscriptions,
} from '../commands/subscriptions.ts';
import { ReplyWriter } from '../resp/reply-writer.ts';
import type { ChannelBoard } from './channel-board.ts';
import type { Part } from './post.ts';

/** What a connection listens to beside its replies: bits. */
export const LISTENS_TO_MESSAGES = 1;
export const LISTENS_TO_COMMANDS = 2;

/** What a subscriber is to this file: a connection. */
export interface Subscriber {
  /** Null while it is subscribed to nothing. */
  subscriptions: Subscriptions | null;
  /** LISTENS bits. */
  listens: number;
  /** 2 or 3. */
  protocol: number;
}

/** The subscribers of one name. */
interface Listeners<C> {
  readonly name: Uint8Array;
  readonly clients: Set<C>;
}

const ARRAY = 0x2a;
const PUSH = 0x3e;
const FRAME_BYTES = 4096;
/** Channels up to this length are compared with the one before instead of looked up. */
const SAME_BYTES_MAX = 64;

export interface SubscribersHost<C> {
  /**
   * Sends bytes to a client, in order with its replies, when the disk has the journal up to `gate`.
   */
  push(client: C, buf: Uint8Array, start: number, end: number, gate: number): void;
  /** So many clients are subscribed to something now. */
  counted(clients: number): void;
}

export class Subscribers<C extends Subscriber> {
  readonly #board: ChannelBoard;
  readonly #io: number;
  readonly #host: SubscribersHost<C>;
  readonly #names: readonly Map<string, Listeners<C>>[] = [new Map(), new Map(), new Map()];
  readonly #frame = new ReplyWriter(FRAME_BYTES);
  /** The channel that a message came to last, to save the string. */
  #last: Listeners<C> | null = null;
  #lastKind: NameKind = KIND_CHANNEL;
  #clientCount = 0;

  /** `io`: this thread, from 0 on. */
  constructor(board: ChannelBoard, io: number, host: SubscribersHost<C>) {
    this.#board = board;
    this.#io = io;
    this.#host = host;
  }

  /** Clients that are subscribed to something. */
  get clientCount(): number {
    return this.#clientCount;
  }

  #addClients(n: number): void {
    this.#clientCount += n;
    this.#host.counted(this.#clientCount);
  }

  /**
   * Subscribes a client to a name, if it is not yet. False where the board has no memory for it.
   * O(length).
   */
  subscribe(client: C, kind: NameKind, name: Uint8Array): boolean {
    const text = latin1(name, 0, name.length);
    if (client.subscriptions?.names[kind].has(text)) return true;
    if (!this.#board.add(kind, this.#io, name, 0, name.length)) return false;
    if (client.subscriptions === null) {
      client.subscriptions = new Subscriptions();
      client.listens |= LISTENS_TO_MESSAGES;
      this.#addClients(1);
    }
    client.subscriptions.names[kind].add(text);
    const names = this.#names[kind]!;
    const listeners = names.get(text);
    if (listeners !== undefined) listeners.clients.add(client);
    else names.set(text, { name, clients: new Set([client]) });
    return true;
  }

  /** Ends a subscription, if there is one. */
  unsubscribe(client: C, kind: NameKind, name: string): void {
    const own = client.subscriptions;
    if (own === null || !own.names[kind].delete(name)) return;
    const listeners = this.#names[kind]!.get(name)!;
    listeners.clients.delete(client);
    if (listeners.clients.size === 0) {
      this.#names[kind]!.delete(name);
      this.#last = null;
    }
    this.#board.remove(kind, this.#io, listeners.name, 0, listeners.name.length);
    if (!own.isEmpty) return;
    client.subscriptions = null;
    client.listens &= ~LISTENS_TO_MESSAGES;
    this.#addClients(-1);
  }

  /** Ends all subscriptions of a client. O(subscriptions). */
  leave(client: C): void {
    for (const kind of [KIND_CHANNEL, KIND_PATTERN, KIND_SHARD_CHANNEL] as const) {
      for (const name of client.subscriptions?.names[kind] ?? []) {
        this.unsubscribe(client, kind, name);
      }
    }
  }

  /**
   * Sends a message to this thread's subscribers of `channel` and, unless it is a shard channel, to
   * those of patterns that match it. Returns how many got it; a client counts once for each of its
   * subscriptions. The message is formatted once; `gate` is as in PubSub.publish. O(subscribers *
   * bytes + patterns).
   */
  deliver(isShard: boolean, channel: Part, message: Part, gate = 0): number {
    const listeners = this.#find(isShard ? KIND_SHARD_CHANNEL : KIND_CHANNEL, channel);
    let count = 0;
    if (listeners !== null) {
      count += listeners.clients.size;
      const frame = this.#begin(3, isShard ? 'smessage' : 'message');
      this.#finish(frame, listeners.clients, channel, message, gate);
    }
    if (isShard) return count;
    for (const { name, clients } of this.#names[KIND_PATTERN]!.values()) {
      if (!globMatch(name, 0, name.length, channel.buf, channel.from, channel.to, false)) continue;
      count += clients.size;
      const frame = this.#begin(4, 'pmessage');
      frame.bulk(name, 0, name.length);
      this.#finish(frame, clients, channel, message, gate);
    }
    return count;
  }

  #find(kind: NameKind, { buf, from, to }: Part): Listeners<C> | null {
    const last = this.#last;
    const length = to - from;
    if (
      last !== null &&
      kind === this.#lastKind &&
      length === last.name.length &&
      length <= SAME_BYTES_MAX &&
      equalBytes(last.name, 0, buf, from, length)
    ) {
      return last;
    }
    const found = this.#names[kind]!.get(latin1(buf, from, to)) ?? null;
    this.#last = found;
    this.#lastKind = kind;
    return found;
  }

  #begin(elements: number, what: string): ReplyWriter {
    const frame = this.#frame;
    frame.clear();
    frame.push(elements);
    frame.bulkLatin1(what);
    return frame;
  }

  #finish(frame: ReplyWriter, clients: Set<C>, channel: Part, message: Part, gate: number): void {
    frame.bulk(channel.buf, channel.from, channel.to);
    frame.bulk(message.buf, message.from, message.to);
    const { buf, length } = frame;
    for (const client of clients) {
      // The two protocols differ in this byte only.
      buf[0] = client.protocol === 3 ? PUSH : ARRAY;
      this.#host.push(client, buf, 0, length, gate);
    }
  }

  /** Throws where the invariant does not hold. O(subscriptions). */
  checkInvariants(clients: Iterable<C>): void {
    let listed = 0;
    let subscribed = 0;
    for (const names of this.#names)
      for (const { clients: set } of names.values()) listed += set.size;
    for (const client of clients) {
      if (client.subscriptions === null) continue;
      subscribed += 1;
      client.subscriptions.names.forEach((own, kind) => {
        listed -= own.size;
        for (const name of own) {
          if (this.#names[kind]!.get(name)?.clients.has(client) !== true) {
            throw new Error('subscribers: a client is not in the set of its name');
          }
        }
      });
    }
    if (listed !== 0) throw new Error('subscribers: somebody is in a set without a subscription');
    if (subscribed !== this.clientCount) throw new Error('subscribers: wrong number of clients');
  }
}

function latin1(buf: Uint8Array, start: number, end: number): string {
  return Buffer.from(buf.buffer, buf.byteOffset + start, end - start).toString('latin1');
}
