/**
 * StreamValues: the streams of one shard.
 *
 * LAYOUT of a stream's root block (value-root.ts)
 *   0..23   Stream struct (structures/stream.ts)
 *   24..25  NameTable of groups (stream-groups.ts)
 *   26      block of idempotent producers (stream-idmp.ts), 0 = none
 *
 * One stream is open at a time; `stream`, `reader`, `groups` and `producers` are views of it.
 */
import type { Ref } from '../memory/arena.ts';
import { NAME_TABLE_WORDS } from '../structures/name-table.ts';
import { STREAM_STRUCT_WORDS, Stream } from '../structures/stream.ts';
import { StreamId } from '../structures/stream-id.ts';
import { StreamReader } from '../structures/stream-reader.ts';
import { ENCODING_STREAM, TYPE_STREAM } from './entry.ts';
import { STREAMS_WITH_PRODUCERS, STREAMS_WITH_RELEASED } from './entry-blocks.ts';
import { Key } from './key.ts';
import type { Shard } from './shard.ts';
import { StreamGroups } from './stream-groups.ts';
import { StreamProducers } from './stream-idmp.ts';
import { checkReads } from './stream-lag.ts';
import { allocRoot } from './value-root.ts';
import { noteWaiters } from './watch-ops.ts';

export const STREAM_GROUPS = STREAM_STRUCT_WORDS;
export const STREAM_PRODUCERS = STREAM_GROUPS + NAME_TABLE_WORDS;

/** Elements that freeing a node with its entries is worth. */
const UNITS_PER_NODE = 16;

export class StreamValues {
  readonly stream: Stream;
  readonly reader: StreamReader;
  readonly groups: StreamGroups;
  readonly producers: StreamProducers;
  /** Root of the open stream. */
  root: Ref = 0;
  readonly #shard: Shard;
  readonly #scratch = new StreamId();
  #db = 0;
  #key = new Key();

  constructor(shard: Shard) {
    this.#shard = shard;
    this.stream = new Stream(shard.arena);
    this.reader = new StreamReader(shard.arena);
    this.groups = new StreamGroups(shard.arena);
    this.producers = new StreamProducers(shard);
  }

  /** Opens the stream of an entry for reading. */
  read(ref: Ref): this {
    return this.attachRoot(this.#shard.rootOf(ref));
  }

  /** Opens the stream of the entry that `find` just returned for `key`, for changes, too. */
  open(db: number, key: Key, ref: Ref): this {
    this.#db = db;
    this.#key = key;
    return this.read(ref);
  }

  /** Opens a root. */
  attachRoot(root: Ref): this {
    this.root = root;
    this.stream.attach(root * 2);
    this.reader.open(this.stream);
    this.reader.mayMark = !this.#shard.state.isReadOnly;
    this.groups.attach(root * 2 + STREAM_GROUPS);
    this.producers.attach(root * 2 + STREAM_PRODUCERS);
    return this;
  }

  /** Opens an empty stream that no key has; false when the arena is full. */
  openDetached(): boolean {
    const root = allocRoot(this.#shard.arena, TYPE_STREAM);
    if (root !== 0) this.attachRoot(root);
    return root !== 0;
  }

  /** Makes an empty stream for `key`, and opens it. False when the arena is full. */
  create(db: number, key: Key, expireMs: number): boolean {
    return this.openDetached() && this.link(db, key, expireMs);
  }

  /**
   * Stores the open, detached stream as the value of `key`. False when the arena is full; the
   * stream is dropped then.
   */
  link(db: number, key: Key, expireMs: number): boolean {
    const shard = this.#shard;
    const { root } = this;
    const ref = shard.createRooted(db, key, TYPE_STREAM, ENCODING_STREAM, root, expireMs);
    if (ref === 0) {
      this.drop();
      return false;
    }
    this.#db = db;
    this.#key = key;
    return true;
  }

  /** Frees the open, detached stream. */
  drop(): void {
    this.#shard.lazy.addRoot(this.root);
    this.root = 0;
  }

  /**
   * Deletes a group of the open stream; false when there is none of the name. What it has is freed
   * slice by slice, like the values of deleted keys. O(groups) words.
   */
  destroyGroup(buf: Uint8Array, from: number, to: number): boolean {
    const { groups, root } = this;
    if (groups.find(buf, from, to) === 0) return false;
    const group = groups.table.takeFound();
    const shard = this.#shard;
    const waiting = allocRoot(shard.arena, TYPE_STREAM);
    if (waiting !== 0 && this.attachRoot(waiting).groups.table.adopt(group)) {
      shard.lazy.addRoot(waiting);
    } else {
      groups.freeGroup(group);
      if (waiting !== 0) shard.arena.free(waiting);
    }
    this.attachRoot(root);
    return true;
  }

  // Who changes the open stream says so by one of these.

  /** There are new entries: whoever waits for the key looks. */
  touched(): void {
    this.#shard.touched(this.#db, this.#key);
  }

  /** Entries are gone: there is nothing in that for those who wait. */
  entriesGone(): void {
    const { ready } = this.#shard.state;
    const { length } = ready;
    this.touched();
    if (ready.length !== length) ready.length = length;
  }

  /**
   * Groups have changed, but no entry. As in Redis that is no change of the key for transactions
   * that watch it and clients that have cached it, and gives nothing to those who wait.
   */
  groupsChanged(): void {
    this.#shard.state.dirty += 1;
  }

  /** The same where those who wait have to look: a group is gone, or entries were given back. */
  groupsNeedLook(): void {
    this.groupsChanged();
    noteWaiters(this.#shard, this.#db, this.#key);
  }

  /** Says that pending entries of the open stream will have no owner: to be called before. */
  noteReleased(): void {
    this.#shard.noteNewerStreams(this.#db, STREAMS_WITH_RELEASED);
  }

  /** Says that the open stream has idempotent producers, or settings for them, of its own. */
  noteProducers(): void {
    this.#shard.noteNewerStreams(this.#db, STREAMS_WITH_PRODUCERS);
  }

  /** Has a database know what the stream of an entry new in it has. O(groups + consumers). */
  noteCopy(db: number, ref: Ref): void {
    this.read(ref);
    if (this.hasReleased) this.#shard.noteNewerStreams(db, STREAMS_WITH_RELEASED);
    if (this.producers.isThere) this.#shard.noteNewerStreams(db, STREAMS_WITH_PRODUCERS);
  }

  /** Whether the open stream has pending entries that nobody has. O(groups + consumers). */
  get hasReleased(): boolean {
    const { groups } = this;
    for (let i = 0; i < groups.size; i++) {
      if (groups.released(groups.table.at(i)) !== 0) return true;
    }
    return false;
  }

  /** Number of entries. O(1). */
  size(ref: Ref): number {
    return this.read(ref).stream.length;
  }

  /**
   * Whether some group still has to do with an entry: it has yet to be delivered, or is pending.
   * O(groups * log n).
   */
  isReferenced(id: StreamId): boolean {
    const { groups } = this;
    for (let i = 0; i < groups.size; i++) {
      const group = groups.table.at(i);
      if (groups.lastId(group, this.#scratch).compare(id) < 0) return true;
      if (groups.findPending(group, id) !== 0) return true;
    }
    return false;
  }

  /** Ends that an entry is pending, in all groups. True where it was. O(groups * log n). */
  dropReferences(id: StreamId): boolean {
    const { groups } = this;
    let was = false;
    for (let i = 0; i < groups.size; i++) {
      if (groups.acknowledge(groups.table.at(i), id)) was = true;
    }
    return was;
  }

  // ---- roots

  /** Frees about `units` elements of a root that no key has. True when it is gone. */
  freeRootSlice(root: Ref, units: number): boolean {
    this.attachRoot(root);
    if (!this.stream.freeSlice(Math.ceil(units / UNITS_PER_NODE))) return false;
    if (!this.groups.freeSlice(units) || !this.producers.freeSlice(units)) return false;
    this.#shard.arena.free(root);
    return true;
  }

  /** A copy of a root in another shard or this one, or 0 when that arena is full. O(n). */
  copyRoot(root: Ref, to: Shard): Ref {
    this.attachRoot(root);
    const copies = new StreamValues(to);
    if (!copies.openDetached()) return 0;
    const isDone =
      this.stream.copyTo(copies.stream) &&
      this.groups.copyTo(copies.groups) &&
      this.producers.copyTo(copies.producers);
    if (isDone) return copies.root;
    copies.drop();
    return 0;
  }

  /** Bytes of a root's blocks. O(groups + consumers). */
  memoryBytes(root: Ref): number {
    this.attachRoot(root);
    const { arena } = this.#shard;
    const bytes = arena.usableBytes(root) + this.stream.memoryBytes();
    return bytes + this.groups.memoryBytes() + this.producers.memoryBytes();
  }

  /** Throws when the value of an entry is damaged. O(n). */
  checkInvariants(ref: Ref): void {
    this.read(ref);
    this.stream.checkInvariants();
    this.groups.checkInvariants();
    checkReads(this.stream, this.groups);
    this.producers.checkInvariants();
  }
}
