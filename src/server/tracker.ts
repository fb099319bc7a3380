/**
 * Tracker: client-side caching as one thread sees it, I/O thread or shard worker. It notes the keys
 * that commands of tracking clients read, and tells clients of what changes.
 *
 * ORDER  A read is noted while its shard is held, a change is looked up while its shard is held
 * exclusively. The letter about a change is sent right then, so it is in the client's mailbox
 * before the reply of the command that changed the key is seen; TrackingClients keeps it behind the
 * replies that are on their way to its client. What clients are told about prefixes is collected,
 * and leaves once a turn, before the replies of that turn.
 */
import type { CommandRow } from '../commands/table.ts';
import { KeyIndexes, keyIndexes } from '../commands/table.ts';
import type { Key } from '../keyspace/key.ts';
import { hasPrefix, type PrefixBoard } from '../keyspace/prefix-board.ts';
import type { ChangeSink, ThreadState } from '../keyspace/thread-state.ts';
import {
  clientWord,
  TRACK_ADDED,
  TRACK_FULL,
  type TrackingTable,
} from '../keyspace/tracking-table.ts';
import { KeyBatch, readBatch } from './key-batch.ts';
import { LETTER, NO_BYTES, type Post } from './post.ts';
import type { ClientRef, ThreadContext } from './thread-context.ts';

/** What `a` of an invalidation letter says: how to read it. */
export const ABOUT_KEY = 0;
/** The key was changed by the client's own command. */
export const ABOUT_OWN_KEY = 1;
/** A batch of keys for those who track their prefixes. */
export const ABOUT_PREFIXES = 2;
/** A message for the client that another one redirects to. */
export const REDIRECTED = 3;
/** The client that this one redirects to is gone. */
export const REDIRECT_BROKEN = 4;

/** Keys that go beyond `tracking-table-max-keys` at once: 100, and 100 more each time in a row. */
const EVICTED_AT_ONCE = 100;
/** Buckets of a flushed table that are freed in one tick, of each stripe. */
const STEP_UNITS = 512;
/** Keys that make room for one where the memory of the table is used up. */
const EVICTED_FOR_ROOM = 16;
/** A batch of more bytes does not wait for the end of the turn. */
const BATCH_BYTES_MAX = 48 * 1024;

/** What an I/O thread does for its own clients without a letter. */
export interface LocalClients {
  /** A key that a client has read has changed. */
  keyChanged(
    conn: number,
    generation: number,
    /** By a command of its own. */
    isOwn: boolean,
    buf: Uint8Array,
    from: number,
    to: number,
  ): void;
  batchChanged(buf: Uint8Array, from: number, to: number): void;
  allChanged(): void;
  /** Tells of the batches of this turn. */
  flush(): void;
}

export class Tracker implements ChangeSink {
  readonly table: TrackingTable;
  readonly board: PrefixBoard;
  /** On I/O threads. */
  local: LocalClients | null = null;
  /** `tracking-table-max-keys`; 0 = no limit. */
  #keysMax = 0;
  readonly #thread: number;
  readonly #state: ThreadState;
  readonly #ctx: ThreadContext;
  readonly #post: Post;
  /** Keys on their way to those who track prefixes, by I/O thread. */
  readonly #batches: readonly KeyBatch[];
  #hasBatch = false;
  /** The blocked client whose command runs, and what it has changed of its own keys. */
  readonly #served = { io: 0, conn: 0, generation: 0, tracksReads: false };
  readonly #ownOfServed = new KeyBatch();
  #isServing = false;
  readonly #part = { buf: NO_BYTES.buf, from: 0, to: 0 };
  readonly #keys = new KeyIndexes();
  #effort = 1;

  constructor(
    thread: number,
    table: TrackingTable,
    board: PrefixBoard,
    ctx: ThreadContext,
    post: Post,
  ) {
    this.#thread = thread;
    this.table = table;
    this.board = board;
    this.#ctx = ctx;
    this.#state = ctx.state;
    this.#post = post;
    this.#batches = Array.from({ length: post.receivers }, () => new KeyBatch());
  }

  // ---- reads

  /** A command has run whose shards are held: notes what it has read. */
  readonly observe = (row: CommandRow, ctx: ThreadContext): void => {
    if (!row.isReadOnly) return;
    const client = ctx.host.client();
    if (client.io === 0 || !client.tracksReads) return;
    if (row.singleKey !== 0) {
      ctx.at(row.singleKey);
      this.#note(ctx.key, client);
      return;
    }
    if (!keyIndexes(row.spec.keys, ctx.args, this.#keys)) return;
    for (let i = 0; i < this.#keys.count; i++) {
      ctx.at(this.#keys.index[i]!);
      this.#note(ctx.key, client);
    }
  };

  #note(key: Key, client: ClientRef): void {
    const { table } = this;
    const word = clientWord(client.io, client.conn);
    let status = table.add(key, word, client.generation);
    for (let n = 0; status === TRACK_FULL && n < EVICTED_FOR_ROOM && this.#evictAny(); n++) {
      status = table.add(key, word, client.generation);
    }
    if (status === TRACK_FULL) {
      this.#send(client.io, client.conn, client.generation, false, key.buf, key.start, key.end);
    } else if (status === TRACK_ADDED) this.limit();
  }

  /** Work left over from before, of which every I/O thread does some. */
  tick(): void {
    this.limit();
    this.table.step(STEP_UNITS);
  }

  /** Takes over `tracking-table-max-keys`. */
  setLimit(keysMax: number): void {
    this.#keysMax = keysMax;
    if (this.local !== null) this.limit();
  }

  /** Takes keys out that are beyond the limit, as if they had changed. O(keys taken). */
  limit(): void {
    const { table } = this;
    const keysMax = this.#keysMax;
    if (keysMax === 0 || table.keys <= keysMax) {
      this.#effort = 1;
      return;
    }
    for (let n = this.#effort * EVICTED_AT_ONCE; n > 0 && table.keys > keysMax; n--) {
      if (!this.#evictAny()) break;
    }
    this.#effort = table.keys > keysMax ? this.#effort + 1 : 1;
  }

  #evictAny(): boolean {
    const { table } = this;
    if (!table.takeAny((below) => Math.floor(Math.random() * below))) return false;
    const { taken, takenCount, takenKey, takenKeyLength } = table;
    for (let i = 0; i < takenCount; i++) {
      const word = taken[i * 2]!;
      const generation = taken[i * 2 + 1]!;
      this.#send(word >>> 24, word & 0xffffff, generation, false, takenKey, 0, takenKeyLength);
    }
    return true;
  }

  // ---- blocked commands

  /** The command of a blocked client runs from here on: what it changes is that client's change. */
  beginServing(io: number, conn: number, generation: number): void {
    this.#served.io = io;
    this.#served.conn = conn;
    this.#served.generation = generation;
    this.#isServing = true;
  }

  /** Its reply has been handed over: what it changed of the client's own keys is told behind it. */
  endServing(): void {
    this.#isServing = false;
    const own = this.#ownOfServed;
    if (own.length === 0) return;
    const { io, conn, generation } = this.#served;
    readBatch(own.buf, 0, own.length, (_client, _generation, buf, from, to) => {
      this.#send(io, conn, generation, true, buf, from, to);
    });
    own.clear();
  }

  /** Whose command runs. */
  get #client(): ClientRef {
    return this.#isServing ? this.#served : this.#ctx.host.client();
  }

  // ---- changes

  keyChanged(key: Key): void {
    const { table } = this;
    if (table.has(key.lo) && table.take(key)) {
      const { taken, takenCount } = table;
      for (let i = 0; i < takenCount; i++) {
        this.#tell(taken[i * 2]!, taken[i * 2 + 1]!, key.buf, key.start, key.end);
      }
    }
    if (this.board.count !== 0) this.#collect(key);
  }

  /** Tells a client of a change, perhaps by its own command. */
  #tell(word: number, generation: number, buf: Uint8Array, from: number, to: number): void {
    const io = word >>> 24;
    const conn = word & 0xffffff;
    const client = this.#client;
    const isOwn =
      !this.#state.isEvicting &&
      client.io === io &&
      client.conn === conn &&
      client.generation === generation;
    if (isOwn && this.#isServing) this.#ownOfServed.add(0, 0, buf, from, to);
    else this.#send(io, conn, generation, isOwn, buf, from, to);
  }

  #send(
    io: number,
    conn: number,
    generation: number,
    isOwn: boolean,
    buf: Uint8Array,
    from: number,
    to: number,
  ): void {
    if (io === this.#thread && this.local !== null) {
      this.local.keyChanged(conn, generation, isOwn, buf, from, to);
      return;
    }
    const part = this.#part;
    part.buf = buf;
    part.from = from;
    part.to = to;
    const about = isOwn ? ABOUT_OWN_KEY : ABOUT_KEY;
    this.#post.send(io, LETTER.invalidate, conn, generation, about, 0, 0, part, NO_BYTES);
  }

  /** Puts a key into the batches of the threads on which somebody tracks a prefix of it. */
  #collect(key: Key): void {
    const { isExpiring, isEvicting } = this.#state;
    const client = this.#client;
    const isCommand = client.io !== 0 && !isExpiring && !isEvicting;
    const word = isCommand ? clientWord(client.io, client.conn) : 0;
    const generation = isCommand ? client.generation : 0;
    for (const batch of this.#batches) batch.isWanted = false;
    for (const { bytes, threads } of this.board.prefixes) {
      if (!hasPrefix(bytes, key.buf, key.start, key.end)) continue;
      for (const io of threads) this.#batches[io - 1]!.isWanted = true;
    }
    for (const batch of this.#batches) {
      if (!batch.isWanted) continue;
      batch.add(word, generation, key.buf, key.start, key.end);
      this.#hasBatch = true;
      if (batch.length > BATCH_BYTES_MAX) this.#sendBatches();
    }
  }

  flushed(): void {
    this.table.clear();
    for (let io = 1; io <= this.#post.receivers; io++) {
      if (io === this.#thread && this.local !== null) this.local.allChanged();
      else this.#post.send(io, LETTER.invalidateAll, 0, 0, 0, 0, 0, NO_BYTES, NO_BYTES);
    }
  }

  /** Sends what was collected for those who track prefixes; called once a turn. */
  flush(): void {
    if (this.#hasBatch) this.#sendBatches();
    this.local?.flush();
  }

  #sendBatches(): void {
    this.#hasBatch = false;
    for (let io = 1; io <= this.#batches.length; io++) {
      const batch = this.#batches[io - 1]!;
      if (batch.length === 0) continue;
      if (io === this.#thread && this.local !== null) {
        this.local.batchChanged(batch.buf, 0, batch.length);
      } else {
        const part = this.#part;
        part.buf = batch.buf;
        part.from = 0;
        part.to = batch.length;
        this.#post.send(io, LETTER.invalidate, 0, 0, ABOUT_PREFIXES, 0, 0, part, NO_BYTES);
      }
      batch.clear();
    }
  }
}
