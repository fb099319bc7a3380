/**
 * TrackingClients: the clients of one I/O thread that have their keys tracked, and what they are
 * told: in RESP3 by push messages of their own, otherwise by way of the client that they redirect
 * to.
 *
 * ORDER  Nothing is told to a client before the replies that are on their way to it: they may tell
 * of the value that has changed since. What a client's own command has changed comes behind the
 * reply of that command. Prefixes are told of once a turn, as one array of keys for each.
 */
import type { TrackingOptions } from '../commands/spec.ts';
import { clientWord } from '../keyspace/tracking-table.ts';
import { ERRORS } from '../resp/errors.ts';
import { ReplyWriter } from '../resp/reply-writer.ts';
import type { ClientIds } from './client-ids.ts';
import type { Connection } from './connection.ts';
import { KeyBatch, readBatch } from './key-batch.ts';
import { LateOutput } from './late-output.ts';
import { LETTER, type Letter, NO_BYTES, type Post } from './post.ts';
import { LISTENS_TO_MESSAGES } from './subscribers.ts';
import { TrackedClient } from './tracked-client.ts';
import {
  ABOUT_KEY,
  ABOUT_OWN_KEY,
  ABOUT_PREFIXES,
  type LocalClients,
  REDIRECT_BROKEN,
  REDIRECTED,
  type Tracker,
} from './tracker.ts';

/** The channel by which clients of RESP2 hear of what they redirect to themselves. */
const CHANNEL = '__redis__:invalidate';
/** Head of a redirected message: generation of its client (padded). */
const HEAD_BYTES = 8;

export interface TrackingHost {
  connection(conn: number): Connection | undefined;
  /** Sends out of turn: behind the reply that is being written. */
  push(c: Connection, buf: Uint8Array, start: number, end: number): void;
  /** The ticket issued last for a connection. */
  lastTicket(conn: number): number;
}

export interface TrackingClientsParts {
  readonly thread: number;
  readonly tracker: Tracker;
  readonly ids: ClientIds;
  readonly post: Post;
  readonly host: TrackingHost;
}

/** A prefix that clients of this thread track. */
interface Broadcast {
  readonly prefix: Uint8Array;
  readonly clients: Set<Connection>;
  /** What has changed in this turn. */
  readonly changed: KeyBatch;
}

/** A key in a batch. */
interface ChangedKey {
  readonly bytes: Uint8Array;
  readonly client: number;
  readonly generation: number;
}

export class TrackingClients implements LocalClients {
  readonly #parts: TrackingClientsParts;
  readonly #clients = new Set<Connection>();
  /** In order of their prefixes. */
  #broadcasts: Broadcast[] = [];
  #hasBroadcast = false;
  readonly #keys = new ReplyWriter(1024);
  readonly #message = new ReplyWriter(1024);
  readonly #head = new DataView(new ArrayBuffer(HEAD_BYTES));

  constructor(parts: TrackingClientsParts) {
    this.#parts = parts;
    parts.tracker.local = this;
  }

  // ---- the clients

  /** CLIENT TRACKING ON. The text of an error, or null. */
  begin(c: Connection, options: TrackingOptions): string | null {
    const { tracker, ids } = this.#parts;
    const target = options.redirect === 0 ? null : ids.find(options.redirect);
    const state = c.tracking ?? new TrackedClient();
    if (c.tracking === null) {
      tracker.table.enter(!options.isBroadcast);
      this.#clients.add(c);
      c.tracking = state;
    }
    state.apply(options, target);
    if (!options.isBroadcast) return null;
    const prefixes = options.prefixes.length === 0 ? [new Uint8Array(0)] : options.prefixes;
    for (const prefix of prefixes) {
      if (!this.#addPrefix(c, state, prefix)) return ERRORS.OUT_OF_MEMORY;
    }
    return null;
  }

  #addPrefix(c: Connection, state: TrackedClient, prefix: Uint8Array): boolean {
    const { tracker, thread } = this.#parts;
    let broadcast = this.#broadcasts.find((one) => Buffer.compare(one.prefix, prefix) === 0);
    if (broadcast?.clients.has(c) === true) return true;
    if (!tracker.board.add(thread, prefix)) return false;
    if (broadcast === undefined) {
      broadcast = { prefix, clients: new Set(), changed: new KeyBatch() };
      this.#broadcasts.push(broadcast);
      this.#broadcasts.sort((a, b) => Buffer.compare(a.prefix, b.prefix));
    }
    broadcast.clients.add(c);
    state.prefixes.push(prefix);
    return true;
  }

  /** CLIENT TRACKING OFF, or the client is gone. */
  end(c: Connection): void {
    const { tracking } = c;
    if (tracking === null) return;
    const { tracker, thread } = this.#parts;
    for (const prefix of tracking.prefixes) tracker.board.remove(thread, prefix);
    if (tracking.isBroadcast) {
      for (const broadcast of this.#broadcasts) broadcast.clients.delete(c);
      this.#broadcasts = this.#broadcasts.filter(({ clients }) => clients.size !== 0);
    }
    tracker.table.leave(!tracking.isBroadcast);
    this.#clients.delete(c);
    c.tracking = null;
  }

  // ---- what has changed, on this thread

  keyChanged(
    conn: number,
    generation: number,
    isOwn: boolean,
    buf: Uint8Array,
    from: number,
    to: number,
  ): void {
    const c = this.#parts.host.connection(conn);
    // As in Redis, what was read before the client went over to prefixes does not count.
    if (c?.generation !== generation || c.tracking === null || c.tracking.isBroadcast) return;
    if (!isOwn || !c.tracking.isNoLoop) this.#tellKey(c, buf, from, to);
  }

  /** LETTER.invalidateAll. */
  readonly allChanged = (): void => {
    for (const c of this.#clients) this.#tell(c, NO_BYTES.buf, 0, 0);
  };

  batchChanged(buf: Uint8Array, from: number, to: number): void {
    readBatch(buf, from, to, (client, generation, bytes, start, end) => {
      const key = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
      for (const { prefix, changed } of this.#broadcasts) {
        const { length } = prefix;
        if (length > key.length || key.compare(prefix, 0, length, 0, length) !== 0) continue;
        changed.add(client, generation, bytes, start, end);
        this.#hasBroadcast = true;
      }
    });
  }

  /** Tells those who track prefixes what has changed in this turn. O(keys log keys). */
  flush(): void {
    if (!this.#hasBroadcast) return;
    this.#hasBroadcast = false;
    for (const { clients, changed } of this.#broadcasts) {
      if (changed.length === 0) continue;
      const keys = distinctKeys(changed);
      changed.clear();
      for (const c of clients) {
        const word = clientWord(this.#parts.thread, c.conn);
        const told =
          c.tracking?.isNoLoop === true
            ? keys.filter((key) => key.client !== word || key.generation !== c.generation)
            : keys;
        if (told.length !== 0) this.#tellKeys(c, told);
      }
    }
  }

  // ---- letters

  /** LETTER.invalidate. */
  readonly onLetter = (letter: Letter): void => {
    const { host } = this.#parts;
    const { buf, start, middle, end } = letter;
    if (letter.a === ABOUT_PREFIXES) {
      this.batchChanged(buf, start, end);
      return;
    }
    if (letter.a === ABOUT_KEY || letter.a === ABOUT_OWN_KEY) {
      const isOwn = letter.a === ABOUT_OWN_KEY;
      this.keyChanged(letter.conn, letter.generation, isOwn, buf, start, end);
      return;
    }
    const c = host.connection(letter.conn);
    const isThere = c?.generation === letter.generation && !c.isClosing;
    if (letter.a === REDIRECTED) {
      if (isThere) this.#deliverRedirected(c, buf, middle, end);
      else this.#returnLetter(letter);
    } else if (isThere) this.#whenAnswered(c, () => this.#tellBroken(c));
  };

  /** Nobody is there to redirect to. */
  #returnLetter({ b, buf, start }: Letter): void {
    const generation = new DataView(buf.buffer, buf.byteOffset + start).getUint32(0, true);
    const { post } = this.#parts;
    const kind = LETTER.invalidate;
    const conn = b & 0xffffff;
    post.send(b >>> 24, kind, conn, generation, REDIRECT_BROKEN, 0, 0, NO_BYTES, NO_BYTES);
  }

  // ---- messages

  #tellKey(c: Connection, buf: Uint8Array, from: number, to: number): void {
    const keys = this.#keys;
    keys.clear();
    keys.array(1);
    keys.bulk(buf, from, to);
    this.#tell(c, keys.buf, 0, keys.length);
  }

  #tellKeys(c: Connection, told: readonly ChangedKey[]): void {
    const keys = this.#keys;
    keys.clear();
    keys.array(told.length);
    for (const { bytes } of told) keys.bulk(bytes, 0, bytes.length);
    this.#tell(c, keys.buf, 0, keys.length);
  }

  /** Tells a client that the keys of an array, or all (no bytes), have changed. */
  #tell(c: Connection, buf: Uint8Array, from: number, to: number): void {
    if (c.inflight === 0) {
      this.#tellNow(c, buf, from, to);
      return;
    }
    const copy = buf.slice(from, to);
    this.#whenAnswered(c, () => this.#tellNow(c, copy, 0, copy.length));
  }

  /** Calls `send` behind the replies that are on their way to a client. */
  #whenAnswered(c: Connection, send: () => void): void {
    if (c.inflight === 0) {
      send();
      return;
    }
    c.late ??= new LateOutput();
    c.late.add(this.#parts.host.lastTicket(c.conn), send);
  }

  #tellNow(c: Connection, buf: Uint8Array, from: number, to: number): void {
    const { tracking } = c;
    if (tracking === null || c.isClosing) return;
    if (tracking.redirect === 0) this.#deliver(c, buf, from, to, false);
    else this.#redirect(c, tracking, buf, from, to);
  }

  #redirect(c: Connection, t: TrackedClient, buf: Uint8Array, from: number, to: number): void {
    const { target } = t;
    const { host, thread, post } = this.#parts;
    if (target === null) {
      this.#tellBroken(c);
    } else if (target.io === thread) {
      const receiver = host.connection(target.conn);
      const isThere = receiver?.generation === target.generation && !receiver.isClosing;
      if (isThere) this.#deliverRedirected(receiver, buf, from, to);
      else this.#tellBroken(c);
    } else {
      const { io, conn, generation } = target;
      this.#head.setUint32(0, c.generation, true);
      const head = { buf: new Uint8Array(this.#head.buffer), from: 0, to: HEAD_BYTES };
      const word = clientWord(thread, c.conn);
      const body = { buf, from, to };
      post.send(io, LETTER.invalidate, conn, generation, REDIRECTED, word, 0, head, body);
    }
  }

  #deliverRedirected(receiver: Connection, buf: Uint8Array, from: number, to: number): void {
    if (receiver.inflight === 0) {
      this.#deliver(receiver, buf, from, to, true);
      return;
    }
    const copy = buf.slice(from, to);
    this.#whenAnswered(receiver, () => this.#deliver(receiver, copy, 0, copy.length, true));
  }

  /** Sends an array of keys, or null (no bytes), to the client that hears of them. */
  #deliver(c: Connection, buf: Uint8Array, from: number, to: number, isRedirected: boolean): void {
    const { host } = this.#parts;
    const message = this.#message;
    message.clear();
    message.resp3 = c.protocol === 3;
    if (message.resp3) {
      message.push(2);
      message.bulkLatin1('invalidate');
    } else if (isRedirected && (c.listens & LISTENS_TO_MESSAGES) !== 0) {
      message.array(3);
      message.bulkLatin1('message');
      message.bulkLatin1(CHANNEL);
    } else {
      return;
    }
    if (from === to) message.null();
    else message.rawRange(buf, from, to);
    host.push(c, message.buf, 0, message.length);
  }

  #tellBroken(c: Connection): void {
    const { tracking } = c;
    if (tracking === null || c.isClosing) return;
    tracking.isRedirectBroken = true;
    if (c.protocol !== 3) return;
    const message = this.#message;
    message.clear();
    message.resp3 = true;
    message.push(2);
    message.bulkLatin1('tracking-redir-broken');
    message.integer(tracking.redirect);
    this.#parts.host.push(c, message.buf, 0, message.length);
  }
}

/** The keys of a batch in order of their bytes, each with who has changed it last. */
function distinctKeys(batch: KeyBatch): ChangedKey[] {
  const keys: ChangedKey[] = [];
  readBatch(batch.buf, 0, batch.length, (client, generation, buf, from, to) => {
    keys.push({ bytes: buf.slice(from, to), client, generation });
  });
  // The sort is stable: of equal keys the last one is the latest.
  keys.sort((a, b) => Buffer.compare(a.bytes, b.bytes));
  return keys.filter(({ bytes }, i) => {
    const next = keys[i + 1];
    return next === undefined || Buffer.compare(bytes, next.bytes) !== 0;
  });
}
