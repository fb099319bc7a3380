/**
 * Snapshot frames: the way of encoded entries from the threads that hold shards to the snapshot
 * thread, through an MPSC ring in shared memory (sync/mpsc-ring.ts).
 *
 * LAYOUT of a frame's payload
 *   0   u32 kind | database << 8
 *   4   u32 entries that end in this frame
 *   8   u32 number of marks M
 *   12  M times: u32 offset in the data where the length of a string begins, u32 its length
 *   ..  data: bytes of the RDB format, whose marked strings are neither compressed nor integers
 *   kind START: the data is a text, JSON of SnapshotStart. ENTRIES: whole entries. FIRST, PART,
 *   LAST: one entry that is too large for a frame; ENTRIES of others may stand between, but no
 *   parts of others. END: no data; nothing follows.
 *
 * ORDERING  a frame is reserved while its shard is held: START, which is appended while all of them
 *   are, comes before all, and END, which is appended when every owner has said that it is done,
 *   behind all.
 */
import { formatMpscRing, MpscProducer, mpscRingBytes } from '../sync/mpsc-ring.ts';
import type { EmitSink } from './emit-sink.ts';

export const FRAME_START = 1;
export const FRAME_ENTRIES = 2;
export const FRAME_FIRST = 3;
export const FRAME_PART = 4;
export const FRAME_LAST = 5;
export const FRAME_END = 6;
export const FRAME_HEAD_BYTES = 12;
export const MARK_BYTES = 8;

const RING_BYTES = 1 << 23;
/** Data of one frame at most: with marks at every 21st byte it still fits. */
export const FRAME_DATA_MAX = 1 << 20;

/** What is true of the keyspace at the instant of a snapshot. */
export interface SnapshotStart {
  readonly version: number;
  readonly unixSeconds: number;
  readonly usedMemory: number;
  /** Keys and keys with a TTL by database. */
  readonly keys: readonly number[];
  readonly expires: readonly number[];
}

/** Makes the shared buffer. Nothing of it is resident before it is used. */
export function createSnapshotRing(): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer(mpscRingBytes(RING_BYTES));
  formatMpscRing(buffer, RING_BYTES);
  return buffer;
}

/** The writing end of one thread. */
export class FrameWriter {
  readonly #ring: MpscProducer;

  constructor(buffer: SharedArrayBuffer) {
    this.#ring = new MpscProducer(buffer);
  }

  /** False when data of `bytes` would hardly fit now. */
  hasRoom(bytes: number): boolean {
    return this.#ring.freeBytes() >= bytes * 2 + RING_BYTES / 16;
  }

  /** True while the snapshot thread has much to do: half of the ring waits for it. */
  get isBehind(): boolean {
    return this.#ring.freeBytes() < RING_BYTES / 2;
  }

  /** Appends what is in `sink`; false when the ring is too full now: nothing has happened then. */
  append(kind: number, db: number, entries: number, sink: EmitSink): boolean {
    return this.appendRange(kind, db, entries, sink, 0, sink.length);
  }

  /**
   * The same with bytes [from, to) of the sink, at most FRAME_DATA_MAX. Marks of strings that are
   * not wholly inside are left out: such strings stay as they are.
   */
  appendRange(
    kind: number,
    db: number,
    entries: number,
    sink: EmitSink,
    from: number,
    to: number,
  ): boolean {
    const ring = this.#ring;
    const { marks, markWords } = sink;
    let first = 0;
    while (first < markWords && marks[first]! < from) first += 2;
    let last = first;
    while (last < markWords && isInside(marks, last, to)) last += 2;
    const bytes = FRAME_HEAD_BYTES + (last - first) * 4 + to - from;
    if (!ring.reserve(bytes)) return false;
    const at = ring.offset >>> 2;
    ring.u32[at] = kind | (db << 8);
    ring.u32[at + 1] = entries;
    ring.u32[at + 2] = (last - first) / 2;
    for (let i = first; i < last; i += 2) {
      ring.u32[at + 3 + i - first] = marks[i]! - from;
      ring.u32[at + 4 + i - first] = marks[i + 1]!;
    }
    ring.u8.set(sink.buf.subarray(from, to), ring.offset + bytes - (to - from));
    ring.commit(bytes);
    return true;
  }
}

/** Whether the string of a mark ends at or before `to`. */
function isInside(marks: Uint32Array, mark: number, to: number): boolean {
  const length = marks[mark + 1]!;
  return marks[mark]! + lengthBytes(length) + length <= to;
}

/** Bytes of the length in front of a string of `length` bytes. */
export function lengthBytes(length: number): number {
  if (length < 0x40) return 1;
  return length < 0x4000 ? 2 : 5;
}
