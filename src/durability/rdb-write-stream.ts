/**
 * Writing streams, step by step: a node, or some pending entries, at a time.
 *
 * LAYOUT of a stream (lengths and strings as in rdb-format.ts; `id` = two lengths: ms, sequence;
 * `raw` = 16 bytes, most significant first; times = u64 ms)
 *   number of nodes; each: string of 16 bytes, its ID as raw; string: the node (stream-node.ts)
 *   entries, last id
 *   from STREAM_2 on: first id, greatest deleted id, entries ever added
 *   number of groups; each:
 *     name, last id; from STREAM_2 on: entries read, 2^64 - 1 = not known
 *     number of pending entries; each: raw, time of delivery, deliveries (2^63 - 1 = no more)
 *     number of consumers; each: name, time seen; from STREAM_3 on: time active, -1 = never;
 *       number of its pending entries; each: raw
 *     STREAM_5: number of pending entries that nobody has; each: raw
 *   from STREAM_4 on: duration in s, most iids of a producer, number of producers; each: pid,
 *     number of iids; each, the oldest first: iid, id
 *     iids ever added, duplicates ever found
 *
 * STREAM_2 is what Redis 7.0 reads: it is written wherever it can say what there is, but for the
 * times when consumers were active, which are lost: whoever loads takes them from the times seen.
 *
 *   Example: an empty stream that never had entries = 00  00 00 00  00 00 00 00  00  00
 */
import type { Shard } from '../keyspace/shard.ts';
import { DELIVERIES_MAX, READ_UNKNOWN, type StreamGroups } from '../keyspace/stream-groups.ts';
import { StreamValues } from '../keyspace/stream-value.ts';
import type { Ref } from '../memory/arena.ts';
import type { IdTree } from '../structures/id-tree.ts';
import { ID_BYTES, ID_WORDS, StreamId } from '../structures/stream-id.ts';
import {
  NODE_HEADER_BYTES,
  NODE_USED,
  REDIS_HEAD_MAX,
  redisNodeBytes,
  StreamNodes,
} from '../structures/stream-node.ts';
import * as rdb from './rdb-format.ts';
import type { RdbOutput } from './rdb-output.ts';

/** Longer nodes are written in pieces, and not compressed. */
const NODE_PIECE_MAX = 1 << 19;
const PIECE_BYTES = 1 << 16;
/** Pending entries, or iids, between two stops. */
const PENDING_PER_STEP = 256;
const SCRATCH_KEPT_MAX = 1 << 20;
const WORD_MAX = 0xffffffff;
const REDIS_END = 0xff;

/** One at a time: what it writes step by step is open meanwhile. */
export class StreamWriter {
  /** A view of its own: who writes may have a stream open. */
  readonly #streams: StreamValues;
  readonly #shard: Shard;
  readonly #nodes: StreamNodes;
  readonly #id = new StreamId();
  readonly #raw = new Uint8Array(ID_BYTES);
  readonly #head = new Uint8Array(REDIS_HEAD_MAX);
  #scratch: Uint8Array = new Uint8Array(0);

  constructor(shard: Shard) {
    this.#shard = shard;
    this.#streams = new StreamValues(shard);
    this.#nodes = new StreamNodes(shard.arena);
  }

  /** The RDB type as which the stream of an entry is written. O(groups + consumers). */
  typeOf(ref: Ref): number {
    const streams = this.#streams.read(ref);
    if (streams.hasReleased) return rdb.RDB_STREAM_5;
    return streams.producers.isThere ? rdb.RDB_STREAM_4 : rdb.RDB_STREAM_2;
  }

  /** What writing a stream takes, in nodes, pending entries and iids. O(groups). */
  units(ref: Ref): number {
    const { stream, groups, producers } = this.#streams.read(ref);
    let units = stream.nodeCount + groups.size + producers.iidCount;
    for (let i = 0; i < groups.size; i++) {
      const group = groups.table.at(i);
      units += groups.pendingOf(group).size + groups.consumersOf(group).size;
    }
    return units;
  }

  /** Bytes of a stream's nodes. O(1). */
  nodeBytes(ref: Ref): number {
    return this.#streams.read(ref).stream.memoryBytes();
  }

  /** The stream of an entry as RDB `type`, which `typeOf` said. */
  *slices(out: RdbOutput, ref: Ref, type: number): Generator<undefined, void> {
    const { stream, groups } = this.#streams.read(ref);
    const { tree, u32 } = stream;
    out.length(tree.size);
    for (let goesOn = tree.seekFirst(); goesOn; goesOn = tree.next()) {
      out.length(ID_BYTES);
      this.#writeRaw(out, this.#id.load(u32, tree.at));
      yield* this.#node(out, u32[tree.at + ID_WORDS]!);
      yield undefined;
    }
    out.length(stream.length);
    this.#writeId(out, stream.lastId(this.#id));
    this.#writeId(out, stream.firstId(this.#id));
    this.#writeId(out, stream.maxDeletedId(this.#id));
    out.length(stream.entriesAdded);
    out.length(groups.size);
    for (let i = 0; i < groups.size; i++) yield* this.#group(out, groups, i, type);
    if (type >= rdb.RDB_STREAM_4) yield* this.#producers(out);
    if (this.#scratch.length > SCRATCH_KEPT_MAX) this.#scratch = new Uint8Array(0);
  }

  /** The same in one piece. O(stream). */
  write(out: RdbOutput, ref: Ref, type: number): void {
    const steps = this.slices(out, ref, type);
    while (steps.next().done !== true);
  }

  #writeId(out: RdbOutput, { msHi, msLo, seqHi, seqLo }: StreamId): void {
    out.lengthWords(msHi, msLo);
    out.lengthWords(seqHi, seqLo);
  }

  #writeRaw(out: RdbOutput, id: StreamId): void {
    id.storeBytes(this.#raw, 0);
    out.sink.rawRange(this.#raw, 0, ID_BYTES);
  }

  /** A node as a string that is a listpack. */
  *#node(out: RdbOutput, node: Ref): Generator<undefined, void> {
    const { u8, u32 } = this.#shard;
    const total = redisNodeBytes(u32, node);
    if (out.marks === null && out.mayCompress(total) && total <= NODE_PIECE_MAX) {
      if (this.#scratch.length < total) this.#scratch = new Uint8Array(total);
      out.string(this.#scratch, 0, this.#nodes.toRedis(node, this.#scratch, 0));
      return;
    }
    if (total <= NODE_PIECE_MAX) out.markString(total);
    out.length(total);
    out.sink.rawRange(this.#head, 0, this.#nodes.headToRedis(node, this.#head, 0));
    const end = node * 8 + u32[node * 2 + NODE_USED]!;
    for (let at = node * 8 + NODE_HEADER_BYTES; at < end; at += PIECE_BYTES) {
      out.sink.rawRange(u8, at, Math.min(end, at + PIECE_BYTES));
      if (total > NODE_PIECE_MAX) yield undefined;
    }
    out.byte(REDIS_END);
  }

  *#group(
    out: RdbOutput,
    groups: StreamGroups,
    index: number,
    type: number,
  ): Generator<undefined, void> {
    const { u8 } = this.#shard;
    const group = groups.table.at(index);
    out.string(u8, groups.table.nameFrom(group), groups.table.nameEnd(group));
    this.#writeId(out, groups.lastId(group, this.#id));
    const read = groups.read(group);
    if (read === READ_UNKNOWN) out.lengthWords(WORD_MAX, WORD_MAX);
    else out.length(read);
    const pending = groups.pendingOf(group);
    out.length(pending.size);
    yield* this.#forAll(pending, (at) => {
      this.#writeRaw(out, this.#id);
      out.u64(groups.timeAt(at));
      const deliveries = groups.deliveriesAt(at);
      if (deliveries === DELIVERIES_MAX) out.lengthWords(WORD_MAX >>> 1, WORD_MAX);
      else out.length(deliveries);
    });
    const consumers = groups.consumersOf(group);
    out.length(consumers.size);
    for (let i = 0; i < consumers.size; i++) {
      const consumer = consumers.at(i);
      out.string(u8, consumers.nameFrom(consumer), consumers.nameEnd(consumer));
      out.u64(groups.seen(consumer));
      if (type >= rdb.RDB_STREAM_3) out.u64(groups.active(consumer));
      const own = groups.ownOf(consumer);
      out.length(own.size);
      yield* this.#forAll(own, () => this.#writeRaw(out, this.#id));
      yield undefined;
    }
    if (type < rdb.RDB_STREAM_5) return;
    out.length(groups.released(group));
    yield* this.#forAll(groups.pendingOf(group), (at) => {
      if (groups.ownerAt(at) === 0) this.#writeRaw(out, this.#id);
    });
  }

  *#producers(out: RdbOutput): Generator<undefined, void> {
    const { producers } = this.#streams;
    out.length(producers.durationSeconds);
    out.length(producers.maxsize);
    out.length(producers.producerCount);
    let count = 0;
    for (const { pid, isFirst, iids, iid, id } of producers.all()) {
      if (isFirst) {
        out.string(pid.buf, pid.from, pid.to);
        out.length(iids);
      }
      out.string(iid.buf, iid.from, iid.to);
      this.#writeId(out, id);
      count += 1;
      if (count % PENDING_PER_STEP === 0) yield undefined;
    }
    out.length(producers.added);
    out.length(producers.duplicates);
  }

  /** Calls `visit` for the records of a tree, whose IDs are in `#id` meanwhile. */
  *#forAll(tree: IdTree, visit: (at: number) => void): Generator<undefined, void> {
    const { u32 } = this.#shard;
    let count = 0;
    for (let goesOn = tree.seekFirst(); goesOn; goesOn = tree.next()) {
      this.#id.load(u32, tree.at);
      visit(tree.at);
      count += 1;
      if (count % PENDING_PER_STEP === 0) yield undefined;
    }
  }
}
