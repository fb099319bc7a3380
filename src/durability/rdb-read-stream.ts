/**
 * Loading streams of all versions: LAYOUT in rdb-write-stream.ts. Nodes are taken as they are once
 * every byte of them is checked; those without live entries, which Redis may leave behind, are
 * dropped.
 */
import type { DetachedCollection } from '../keyspace/detached-value.ts';
import { ENCODING_STREAM, TYPE_STREAM } from '../keyspace/entry.ts';
import type { Shard } from '../keyspace/shard.ts';
import { DELIVERIES_MAX, READ_UNKNOWN, type StreamGroups } from '../keyspace/stream-groups.ts';
import {
  ByteRange,
  IDMP_ADDED,
  IDMP_DURATION_MAX,
  IDMP_FULL,
  IDMP_MAXSIZE_MAX,
  IDMP_PRESENT,
} from '../keyspace/stream-idmp.ts';
import { entriesUpTo, readWithin } from '../keyspace/stream-lag.ts';
import { StreamValues } from '../keyspace/stream-value.ts';
import type { Ref } from '../memory/arena.ts';
import { ID_BYTES, StreamId } from '../structures/stream-id.ts';
import { NODE_ENTRIES, StreamNodes } from '../structures/stream-node.ts';
import { LOAD_BAD, LOAD_FULL, LOAD_OK, type LoadStatus } from './pack-builder.ts';
import * as rdb from './rdb-format.ts';
import type { RdbInput } from './rdb-input.ts';

/** Signed numbers of 64 bits are negative from here on. */
const TWO_63 = 2 ** 63;
const MIN = new StreamId();
const MAX = new StreamId().setMax();

export class StreamLoader {
  readonly #out: DetachedCollection;
  /** A view of its own: who loads may have a stream open. */
  readonly #streams: StreamValues;
  readonly #nodes: StreamNodes;
  readonly #u32: Uint32Array;
  readonly #id = new StreamId();
  readonly #last = new StreamId();
  readonly #pid = new ByteRange();
  readonly #iid = new ByteRange();

  constructor(shard: Shard, out: DetachedCollection) {
    this.#out = out;
    this.#streams = new StreamValues(shard);
    this.#nodes = new StreamNodes(shard.arena);
    this.#u32 = shard.u32;
  }

  /** Loads a stream of RDB type `type` into the value given to the constructor. O(n). */
  load(input: RdbInput, type: number): LoadStatus {
    const streams = this.#streams;
    if (!streams.openDetached()) return LOAD_FULL;
    let status = this.#loadNodes(input);
    if (status === LOAD_OK) status = this.#loadFacts(input, type);
    const groups = status === LOAD_OK ? input.count() : 0;
    for (let left = groups; left > 0 && status === LOAD_OK; left--) {
      status = this.#loadGroup(input, type);
    }
    if (status === LOAD_OK && type >= rdb.RDB_STREAM_4) status = this.#loadProducers(input);
    if (status === LOAD_OK && input.isBad) status = LOAD_BAD;
    if (status === LOAD_OK) this.#out.setRoot(TYPE_STREAM, ENCODING_STREAM, streams.root);
    else streams.drop();
    return status;
  }

  /** Loads all nodes; `#last` is the ID of the last entry then, deleted or not. */
  #loadNodes(input: RdbInput): LoadStatus {
    const id = this.#id;
    const last = this.#last.setMin();
    let status: LoadStatus = LOAD_OK;
    for (let left = input.count(); left > 0 && status === LOAD_OK; left--) {
      if (!input.string() || input.strTo - input.strFrom !== ID_BYTES) return LOAD_BAD;
      id.loadBytes(input.strBuf, input.strFrom);
      if (id.compare(last) <= 0 || !input.string()) return LOAD_BAD;
      status = this.#loadNode(input, id, last);
    }
    return input.isBad ? LOAD_BAD : status;
  }

  #loadNode(input: RdbInput, id: StreamId, last: StreamId): LoadStatus {
    const nodes = this.#nodes;
    const { stream } = this.#streams;
    const node = nodes.fromRedis(input.strBuf, input.strFrom, input.strTo);
    if (node <= 0) return node === 0 ? LOAD_FULL : LOAD_BAD;
    let status: LoadStatus = nodes.isOrdered(node, id, last) ? LOAD_OK : LOAD_BAD;
    const isDead = this.#u32[node * 2 + NODE_ENTRIES] === 0;
    if (status === LOAD_OK && !isDead && stream.adoptNode(id, node)) return LOAD_OK;
    if (status === LOAD_OK && !isDead) status = LOAD_FULL;
    stream.arena.free(node);
    return status;
  }

  #readId(input: RdbInput, id: StreamId): StreamId {
    input.lengthWords();
    id.msHi = input.high;
    id.msLo = input.low;
    input.lengthWords();
    id.seqHi = input.high;
    id.seqLo = input.low;
    return id;
  }

  /** Loads what stands behind the nodes: counts and IDs of the stream. */
  #loadFacts(input: RdbInput, type: number): LoadStatus {
    const { stream } = this.#streams;
    const id = this.#id;
    const length = input.length();
    if (length !== stream.length) return LOAD_BAD;
    stream.setLastId(this.#readId(input, id));
    if (input.isBad || this.#isBeyond(id)) return LOAD_BAD;
    stream.entriesAdded = length;
    stream.settleFirst();
    if (type !== rdb.RDB_STREAM) {
      // The first ID is what the entries say.
      this.#readId(input, id);
      stream.setMaxDeletedId(this.#readId(input, id));
      stream.entriesAdded = input.length();
    }
    // XSETID of Redis 7.0 goes back behind entries that were deleted: nobody may add such again.
    if (stream.maxDeletedId(id).compare(this.#last) > 0) this.#last.copy(id);
    if (this.#last.compare(stream.lastId(id)) > 0) stream.setLastId(this.#last);
    return input.isBad || stream.entriesAdded < length ? LOAD_BAD : LOAD_OK;
  }

  /** Whether there is an entry beyond the last ID. */
  #isBeyond(last: StreamId): boolean {
    const { stream, reader } = this.#streams;
    reader.open(stream).range(MIN, MAX, true);
    return reader.next() && reader.id.compare(last) > 0;
  }

  #loadGroup(input: RdbInput, type: number): LoadStatus {
    const { stream, groups } = this.#streams;
    if (!input.string()) return LOAD_BAD;
    const { strBuf, strFrom, strTo } = input;
    const id = this.#id;
    if (groups.find(strBuf, strFrom, strTo) !== 0) return LOAD_BAD;
    const group = groups.create(strBuf, strFrom, strTo, id.setMin(), READ_UNKNOWN);
    if (group === 0) return LOAD_FULL;
    groups.setLastId(group, this.#readId(input, id));
    if (type === rdb.RDB_STREAM) {
      groups.setRead(group, entriesUpTo(stream, id));
    } else {
      const read = input.length();
      // Redis wrote greater ones before XGROUP and XSETID limited them.
      groups.setRead(group, read >= TWO_63 ? READ_UNKNOWN : readWithin(stream, read));
    }
    let status = this.#loadPending(input, groups, group);
    const consumers = status === LOAD_OK ? input.count() : 0;
    for (let left = consumers; left > 0 && status === LOAD_OK; left--) {
      status = this.#loadConsumer(input, type, groups, group);
    }
    if (status !== LOAD_OK) return status;
    const released = type >= rdb.RDB_STREAM_5 ? this.#checkReleased(input, groups, group) : 0;
    if (input.isBad || released !== groups.released(group)) return LOAD_BAD;
    return LOAD_OK;
  }

  /** Reads an ID as it stands in memory of Redis. */
  #rawId(input: RdbInput): StreamId | null {
    return input.raw(ID_BYTES) ? this.#id.loadBytes(input.strBuf, input.strFrom) : null;
  }

  /** The pending entries of a group: nobody has them yet. */
  #loadPending(input: RdbInput, groups: StreamGroups, group: Ref): LoadStatus {
    for (let left = input.count(); left > 0; left--) {
      const id = this.#rawId(input);
      const time = input.u64();
      const deliveries = input.length();
      if (id === null || input.isBad || groups.findPending(group, id) !== 0) return LOAD_BAD;
      const count = deliveries >= TWO_63 ? DELIVERIES_MAX : deliveries;
      if (!groups.deliver(group, 0, id, time >= TWO_63 ? 0 : time, count)) return LOAD_FULL;
    }
    return LOAD_OK;
  }

  #loadConsumer(input: RdbInput, type: number, groups: StreamGroups, group: Ref): LoadStatus {
    if (!input.string()) return LOAD_BAD;
    const { strBuf, strFrom, strTo } = input;
    if (groups.findConsumer(group, strBuf, strFrom, strTo) !== 0) return LOAD_BAD;
    const consumer = groups.addConsumer(group, strBuf, strFrom, strTo, 0);
    if (consumer === 0) return LOAD_FULL;
    const seen = input.u64();
    const active = type < rdb.RDB_STREAM_3 ? seen : input.u64();
    groups.setSeen(consumer, seen >= TWO_63 ? 0 : seen);
    groups.setActive(consumer, active >= TWO_63 ? -1 : active);
    for (let left = input.count(); left > 0; left--) {
      const id = this.#rawId(input);
      const at = id === null ? 0 : groups.findPending(group, id);
      if (id === null || at === 0 || groups.ownerAt(at) !== 0) return LOAD_BAD;
      const time = groups.timeAt(at);
      if (!groups.deliver(group, consumer, id, time, groups.deliveriesAt(at))) return LOAD_FULL;
    }
    return input.isBad ? LOAD_BAD : LOAD_OK;
  }

  /** Reads the IDs of the pending entries that nobody has; how many, -1 where one is none. */
  #checkReleased(input: RdbInput, groups: StreamGroups, group: Ref): number {
    const count = input.count();
    for (let left = count; left > 0; left--) {
      const id = this.#rawId(input);
      const at = id === null ? 0 : groups.findPending(group, id);
      if (at === 0 || groups.ownerAt(at) !== 0) return -1;
    }
    return count;
  }

  /** Loads what idempotent producers have added. */
  #loadProducers(input: RdbInput): LoadStatus {
    const { producers } = this.#streams;
    const duration = input.length();
    const maxsize = input.length();
    const isRight =
      duration >= 1 && duration <= IDMP_DURATION_MAX && maxsize >= 1 && maxsize <= IDMP_MAXSIZE_MAX;
    if (!isRight) return LOAD_BAD;
    const count = input.count();
    const isPlain =
      count === 0 && duration === producers.durationSeconds && maxsize === producers.maxsize;
    // Those that have nothing of their own need no block; the counters may be something.
    if (!isPlain && !producers.begin(duration, maxsize, 0, 0)) return LOAD_FULL;
    let status: LoadStatus = LOAD_OK;
    for (let left = count; left > 0 && status === LOAD_OK; left--) {
      status = this.#loadProducer(input, maxsize);
    }
    const added = input.length();
    const duplicates = input.length();
    if (status !== LOAD_OK || input.isBad) return status === LOAD_FULL ? LOAD_FULL : LOAD_BAD;
    if (isPlain && added === 0 && duplicates === 0) return LOAD_OK;
    return producers.begin(duration, maxsize, added, duplicates) ? LOAD_OK : LOAD_FULL;
  }

  #loadProducer(input: RdbInput, maxsize: number): LoadStatus {
    const { producers } = this.#streams;
    if (!input.string()) return LOAD_BAD;
    const pid = this.#pid.set(input.strBuf.slice(input.strFrom, input.strTo), 0, 0);
    pid.to = pid.buf.length;
    const iids = input.count();
    const before = producers.producerCount;
    if (iids === 0 || iids > maxsize) return LOAD_BAD;
    for (let left = iids; left > 0; left--) {
      if (!input.string()) return LOAD_BAD;
      const { strBuf, strFrom, strTo } = input;
      // Reading the ID may move the bytes of the iid.
      const iid = this.#iid.set(strBuf.slice(strFrom, strTo), 0, strTo - strFrom);
      const id = this.#readId(input, this.#id);
      const status = input.isBad ? IDMP_PRESENT : producers.add(pid, iid, id);
      if (status !== IDMP_ADDED) return status === IDMP_FULL ? LOAD_FULL : LOAD_BAD;
      // No two producers have one name.
      if (left === iids && producers.producerCount === before) return LOAD_BAD;
    }
    return LOAD_OK;
  }
}
