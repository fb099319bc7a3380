/**
 * SnapshotEmitter: the hands of one thread that write entries into snapshot frames. Whoever calls
 * it holds the entry's shard exclusively.
 *
 * INVARIANT  an entry is written at most once: it is marked as new as soon as its bytes are in a
 *            frame, or in this thread's batch, which its owner appends before it says that it is
 *            done.
 */

import { TYPE_HASH, TYPE_LIST, TYPE_SET, TYPE_STREAM, TYPE_ZSET } from '../keyspace/entry.ts';
import type { Shard } from '../keyspace/shard.ts';
import type { Ref } from '../memory/arena.ts';
import { EmitSink } from './emit-sink.ts';
import { RdbOutput } from './rdb-output.ts';
import { writeSlices } from './rdb-write-slices.ts';
import { FRAME_ENTRIES, FrameWriter } from './snapshot-frames.ts';
import { EntryWriter, type SnapshotStyle } from './snapshot-write.ts';

/** Bits of the word that tells all threads how a snapshot is written. */
const STYLE_COMPRESSES = 1;
const STYLE_LRU = 2;
const STYLE_LFU = 4;
export const STYLE_AOF_BASE = 8;

/** A value of more elements or bytes is large: only its owner writes it, in slices. */
const SMALL_ELEMENTS_MAX = 512;
const SMALL_BYTES_MAX = 1 << 16;

/** The style as a word that all threads see. */
export function styleWord(style: SnapshotStyle): number {
  const access = style.access === 'lru' ? STYLE_LRU : style.access === 'lfu' ? STYLE_LFU : 0;
  return access | (style.compresses ? STYLE_COMPRESSES : 0);
}

/** The entry was written. */
export const EMITTED = 0;
/** It is large. */
export const EMIT_LARGE = 1;
/** The ring is too full now. */
export const EMIT_FULL = 2;
export type EmitStatus = typeof EMITTED | typeof EMIT_LARGE | typeof EMIT_FULL;

export class SnapshotEmitter {
  readonly sink = new EmitSink();
  readonly frames: FrameWriter;
  readonly #out: RdbOutput;
  readonly #entries: EntryWriter;

  constructor(ring: SharedArrayBuffer) {
    this.frames = new FrameWriter(ring);
    this.#out = new RdbOutput(this.sink, false);
    this.#out.marks = this.sink;
    this.#entries = new EntryWriter(this.#out);
  }

  /** Follows the style of the running snapshot. */
  setStyle(word: number): void {
    this.#out.compresses = (word & STYLE_COMPRESSES) !== 0;
    const access = (word & STYLE_LRU) !== 0 ? 'lru' : 'none';
    this.#entries.access = (word & STYLE_LFU) !== 0 ? 'lfu' : access;
  }

  /** Writes one old entry into a frame of its own and marks it as new. */
  emitOne(shard: Shard, db: number, ref: Ref): EmitStatus {
    if (this.#isLarge(shard, ref)) return EMIT_LARGE;
    const { sink, frames } = this;
    if (!frames.hasRoom(SMALL_BYTES_MAX)) return EMIT_FULL;
    sink.clear();
    if (!this.append(shard, ref)) return EMIT_LARGE;
    if (!frames.append(FRAME_ENTRIES, db, 1, sink)) return EMIT_FULL;
    shard.markNew(ref);
    return EMITTED;
  }

  /** Adds an entry to the sink. False where it is large: the sink is as before then. */
  append(shard: Shard, ref: Ref): boolean {
    const { sink } = this;
    if (this.#isLarge(shard, ref)) return false;
    const { length, markWords } = sink;
    sink.lengthMax = length + SMALL_BYTES_MAX * 2;
    // Compression is most of the work: both threads have their share of it.
    this.#out.compressesHere = this.frames.isBehind;
    this.#entries.entry(shard, ref);
    sink.lengthMax = Number.POSITIVE_INFINITY;
    if (!sink.isOver) return true;
    sink.truncate(length, markWords);
    return false;
  }

  /** Whether a value is too much for one piece. O(1), of a stream O(groups). */
  #isLarge(shard: Shard, ref: Ref): boolean {
    if (shard.typeOf(ref) !== TYPE_STREAM) return isLarge(shard, ref);
    if (shard.keyLength(ref) > SMALL_BYTES_MAX) return true;
    const { streams } = this.#entries.writerOf(shard);
    return streams.nodeBytes(ref) > SMALL_BYTES_MAX || streams.units(ref) > SMALL_ELEMENTS_MAX;
  }

  /** Writes an entry into the sink, step by step. */
  *slices(shard: Shard, ref: Ref): Generator<undefined, void> {
    this.#out.compressesHere = false;
    const type = this.#entries.head(shard, ref);
    yield* writeSlices(this.#out, shard, ref, type, this.#entries.writerOf(shard));
  }
}

/** The same of values but streams, as far as can be seen without a walk. O(1). */
function isLarge(shard: Shard, ref: Ref): boolean {
  if (shard.keyLength(ref) > SMALL_BYTES_MAX) return true;
  if (!shard.isRooted(ref)) return shard.valueLength(ref) > SMALL_BYTES_MAX;
  switch (shard.typeOf(ref)) {
    case TYPE_LIST:
      return shard.lists.nodeCount(ref) > SMALL_NODES_MAX;
    case TYPE_SET:
      return shard.sets.size(ref) > SMALL_ELEMENTS_MAX;
    case TYPE_ZSET:
      return shard.zsets.size(ref) > SMALL_ELEMENTS_MAX;
    case TYPE_HASH:
      return shard.hashes.size(ref) > SMALL_ELEMENTS_MAX;
    default:
      throw new Error('snapshot: a type that has no size');
  }
}

/** Nodes of a list are of 8 KiB, most often. */
const SMALL_NODES_MAX = 8;
