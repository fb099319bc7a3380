/**
 * SnapshotFile: puts snapshot frames (LAYOUT in snapshot-frames.ts) together to a file, compressing
 * the strings that they mark.
 */
import type { FileSink } from './file-sink.ts';
import { FramesAside } from './frames-aside.ts';
import { lzfCompress } from './lzf.ts';
import * as rdb from './rdb-format.ts';
import { RdbOutput } from './rdb-output.ts';
import {
  FRAME_END,
  FRAME_ENTRIES,
  FRAME_FIRST,
  FRAME_HEAD_BYTES,
  FRAME_LAST,
  FRAME_START,
  lengthBytes,
  MARK_BYTES,
  type SnapshotStart,
} from './snapshot-frames.ts';
import { type SnapshotStyle, SnapshotWriter } from './snapshot-write.ts';

/** Compression has to save this much, as in Redis. */
const SAVED_BYTES_MIN = 4;

export class SnapshotFile {
  /** Entries in the file. */
  entries = 0;
  readonly #sink: FileSink;
  readonly #out: RdbOutput;
  readonly #writer: SnapshotWriter;
  readonly #aside: FramesAside;
  readonly #isAofBase: boolean;
  #start: SnapshotStart | null = null;
  /** Database that the file has selected last, and those it has selected ever. */
  #db = -1;
  readonly #selected = new Set<number>();
  /** A large entry is in the middle of being written. */
  #isInLarge = false;
  #scratch: Uint8Array = new Uint8Array(1 << 16);

  /** `asidePath`: where a file for an instant may be made. */
  constructor(sink: FileSink, style: SnapshotStyle, isAofBase: boolean, asidePath: string) {
    this.#sink = sink;
    this.#out = new RdbOutput(sink, false);
    this.#writer = new SnapshotWriter(sink, style);
    this.#isAofBase = isAofBase;
    this.#aside = new FramesAside(asidePath);
  }

  /**
   * Takes in the frame buf[from, to). True when it was the last: the file is complete then. Frames
   * before START, which a cancelled snapshot has left in the ring, are dropped. Throws what the
   * file system throws.
   */
  take(buf: Uint8Array, from: number, to: number): boolean {
    const kind = buf[from]!;
    if (kind === FRAME_START) {
      this.#begin(JSON.parse(Buffer.from(buf.slice(from + FRAME_HEAD_BYTES, to)).toString()));
      return false;
    }
    if (this.#start === null) return false;
    if (kind === FRAME_END) {
      this.#writer.end();
      return true;
    }
    if (kind === FRAME_ENTRIES && this.#isInLarge) {
      this.#aside.add(buf, from, to);
      return false;
    }
    if (kind === FRAME_FIRST || kind === FRAME_ENTRIES) this.#select(readU32(buf, from) >>> 8);
    this.#isInLarge = kind !== FRAME_ENTRIES && kind !== FRAME_LAST;
    this.#write(buf, from, to);
    if (kind === FRAME_LAST) {
      this.#aside.drain((frame) => {
        this.take(frame, 0, frame.length);
      });
    }
    return false;
  }

  /** Gives up what the file system does not clean up by itself. */
  close(): void {
    this.#aside.close();
  }

  #begin(start: SnapshotStart): void {
    this.#start = start;
    this.#writer.begin(start.version, start.unixSeconds, start.usedMemory, this.#isAofBase);
  }

  #select(db: number): void {
    if (db === this.#db) return;
    this.#db = db;
    const isFirst = !this.#selected.has(db);
    this.#selected.add(db);
    const { keys, expires } = this.#start!;
    if (isFirst) this.#writer.selectDatabase(db, keys[db] ?? 0, expires[db] ?? 0);
    else this.#writer.selectAgain(db);
  }

  #write(buf: Uint8Array, from: number, to: number): void {
    this.entries += readU32(buf, from + 4);
    const marks = readU32(buf, from + 8);
    const data = from + FRAME_HEAD_BYTES + marks * MARK_BYTES;
    let done = data;
    for (let mark = from + FRAME_HEAD_BYTES; mark < data; mark += MARK_BYTES) {
      const at = data + readU32(buf, mark);
      const length = readU32(buf, mark + 4);
      const start = at + lengthBytes(length);
      const packed = this.#compress(buf, start, length);
      if (packed === 0) continue;
      this.#sink.rawRange(buf, done, at);
      this.#out.byte(rdb.SPECIAL | rdb.SPECIAL_LZF);
      this.#out.length(packed);
      this.#out.length(length);
      this.#sink.rawRange(this.#scratch, 0, packed);
      done = start + length;
    }
    this.#sink.rawRange(buf, done, to);
  }

  /** Compresses a string into the scratch. Returns its length there, 0 = it gets no shorter. */
  #compress(buf: Uint8Array, start: number, length: number): number {
    if (this.#scratch.length < length) this.#scratch = new Uint8Array(length);
    return lzfCompress(buf, start, start + length, this.#scratch, 0, length - SAVED_BYTES_MIN);
  }
}

function readU32(buf: Uint8Array, at: number): number {
  return (buf[at]! | (buf[at + 1]! << 8) | (buf[at + 2]! << 16) | (buf[at + 3]! << 24)) >>> 0;
}
