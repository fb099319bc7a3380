/**
 * Journal: the way of the append-only file from the threads that run commands to the durability
 * thread. Whoever has changed keys appends a record while it still holds their shards.
 *
 * LAYOUT of the shared buffer
 *   an MPSC ring (sync/mpsc-ring.ts), then UNSYNCED_SLOTS f64: for the keys whose hash has that
 *   slot, the position of the last record that changed one of them
 *
 * LAYOUT of a frame's payload
 *   0  u32 kind | database << 8: what the first command of the record runs in
 *   4  u32 database that is selected after the record
 *   8  bytes of commands (RESP arrays)
 *   kind RECORD: a whole record. PART: more of the same record follows in later frames, up to the
 *   LAST_PART; whole records of others may stand between, but no parts of others. CUT: no bytes;
 *   everything before it goes to the old incremental file, everything behind it to the new one.
 *
 * A position is the number of bytes ever reserved in the ring, as an f64 that never wraps; the
 * shared `durable position` says up to where everything is on disk.
 */
import { copyBytes } from '../base/bytes.ts';
import { decimalDigits, formatInteger } from '../base/number-text.ts';
import type { ArgView } from '../resp/request-parser.ts';
import { formatMpscRing, MpscConsumer, MpscProducer, mpscRingBytes } from '../sync/mpsc-ring.ts';
import { giveToken, sleepMs, tryTakeToken } from '../sync/pause.ts';

export const KIND_RECORD = 1;
export const KIND_PART = 2;
export const KIND_LAST_PART = 3;
export const KIND_CUT = 4;
export const JOURNAL_HEAD_BYTES = 8;

const RING_BYTES = 1 << 22;
const UNSYNCED_SLOTS = 1 << 16;
const TWO_31 = 2147483648;
/** Room that has to be there before a command may run on an I/O thread. */
const ROOM_BYTES_MIN = RING_BYTES / 4;
/** How long to wait for room, in ms. */
const ROOM_WAIT_MS = 0.2;
/** Bytes of one part of a large record. */
const PART_BYTES = 1 << 18;

/** Bytes of the shared buffer. */
function journalBytes(): number {
  return mpscRingBytes(RING_BYTES) + UNSYNCED_SLOTS * 8;
}

/** Makes the shared buffer. Nothing of it is resident before it is used. */
export function createJournal(): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer(journalBytes());
  formatMpscRing(buffer, RING_BYTES);
  return buffer;
}

/** The reading end of the ring; for one thread. */
export function journalRing(journal: SharedArrayBuffer): MpscConsumer {
  return new MpscConsumer(journal);
}

/** Words and doubles shared by all threads that the journal needs. */
export interface JournalShare {
  readonly words: Int32Array;
  readonly doubles: Float64Array;
  /** Index of the token of large records in `words`. */
  readonly largeRecordWord: number;
  /** Index of the durable position in `doubles`. */
  readonly durablePositionIndex: number;
}

/** The writing end of one thread. */
export class Journal {
  readonly #ring: MpscProducer;
  readonly #unsynced: Float64Array;
  readonly #share: JournalShare;
  /** Something was appended since `takeAppended`. */
  #hasAppended = false;

  constructor(buffer: SharedArrayBuffer, share: JournalShare) {
    this.#ring = new MpscProducer(buffer);
    this.#unsynced = new Float64Array(buffer, mpscRingBytes(RING_BYTES), UNSYNCED_SLOTS);
    this.#share = share;
  }

  /** True where a command of an I/O thread may count on room for what it will append. */
  get hasRoom(): boolean {
    return this.#ring.freeBytes() >= ROOM_BYTES_MIN;
  }

  /** True once after records were appended: the durability thread has to be rung. */
  takeAppended(): boolean {
    const has = this.#hasAppended;
    this.#hasAppended = false;
    return has;
  }

  /** Everything up to here is on disk. */
  get durablePosition(): number {
    return this.#share.doubles[this.#share.durablePositionIndex]!;
  }

  /**
   * Appends a command as it was sent, with `name` as its first argument. Waits for room. O(bytes).
   */
  appendCommand(db: number, name: Uint8Array, args: ArgView): void {
    const { count } = args;
    let bytes = JOURNAL_HEAD_BYTES + 3 + decimalDigits(count) + argumentBytes(name.length);
    for (let i = 1; i < count; i++) bytes += argumentBytes(args.length[i]!);
    if (bytes > this.#ring.payloadBytesMax) {
      this.#appendLarge(db, db, (out) => writeCommand(out, name, args));
      return;
    }
    this.#begin(bytes, KIND_RECORD, db, db);
    const cursor = this.#cursor;
    cursor.buf = this.#ring.u8;
    cursor.at = this.#ring.offset + JOURNAL_HEAD_BYTES;
    writeCommand(cursor, name, args);
    this.#ring.commit(bytes);
    this.#hasAppended = true;
  }

  /** Appends commands as RESP: buf[from, to), of which the last leaves `lastDb` selected. */
  appendBytes(db: number, lastDb: number, buf: Uint8Array, from: number, to: number): void {
    const bytes = JOURNAL_HEAD_BYTES + to - from;
    if (bytes > this.#ring.payloadBytesMax) {
      this.#appendLarge(db, lastDb, (out) => out.bytes(buf, from, to));
      return;
    }
    this.#begin(bytes, KIND_RECORD, db, lastDb);
    copyBytes(this.#ring.u8, this.#ring.offset + JOURNAL_HEAD_BYTES, buf, from, to);
    this.#ring.commit(bytes);
    this.#hasAppended = true;
  }

  /** Appends the mark between two incremental files. All shards are held. */
  appendCut(): void {
    this.#begin(JOURNAL_HEAD_BYTES, KIND_CUT, 0, 0);
    this.#ring.commit(JOURNAL_HEAD_BYTES);
    this.#hasAppended = true;
  }

  readonly #cursor = new RingCursor();

  /** Reserves a frame and writes its head. The durability thread holds no shard: it makes room. */
  #begin(bytes: number, kind: number, db: number, lastDb: number): void {
    const ring = this.#ring;
    while (!ring.reserve(bytes)) sleepMs(ROOM_WAIT_MS);
    const at = ring.offset >>> 2;
    ring.u32[at] = kind | (db << 8);
    ring.u32[at + 1] = lastDb;
  }

  #appendLarge(db: number, lastDb: number, write: (out: RecordOutput) => void): void {
    const { words, largeRecordWord } = this.#share;
    while (!tryTakeToken(words, largeRecordWord)) sleepMs(ROOM_WAIT_MS);
    const parts = new PartOutput((kind, buf, length) => {
      const bytes = JOURNAL_HEAD_BYTES + length;
      this.#begin(bytes, kind, db, lastDb);
      this.#ring.u8.set(buf.subarray(0, length), this.#ring.offset + JOURNAL_HEAD_BYTES);
      this.#ring.commit(bytes);
    });
    write(parts);
    parts.finish();
    giveToken(words, largeRecordWord);
    this.#hasAppended = true;
  }

  /** Position of the end of everything that any thread has appended. */
  get endPosition(): number {
    const durable = this.durablePosition;
    return durable + ((this.#ring.reserved - (durable % 4294967296)) >>> 0);
  }

  /** Position of the end of the record appended last. */
  position(): number {
    const durable = this.durablePosition;
    const ahead = (this.#ring.end - (durable % 4294967296)) >>> 0;
    return ahead < TWO_31 ? durable + ahead : durable;
  }

  /** Notes that the key of this hash was changed by a record that ends at `position`. */
  noteUnsynced(lo: number, position: number): void {
    this.#unsynced[lo & (UNSYNCED_SLOTS - 1)] = position;
  }

  /** Position up to which the log must be on disk before what a key holds may be told. */
  unsyncedPosition(lo: number): number {
    return this.#unsynced[lo & (UNSYNCED_SLOTS - 1)]!;
  }
}

/** Where a command's bytes go. */
interface RecordOutput {
  byte(n: number): void;
  /** A length or count, from 0 on. */
  number(n: number): void;
  bytes(buf: Uint8Array, from: number, to: number): void;
}

class RingCursor implements RecordOutput {
  buf: Uint8Array = new Uint8Array(0);
  at = 0;

  byte(n: number): void {
    this.buf[this.at++] = n;
  }

  number(n: number): void {
    this.at += formatInteger(n, this.buf, this.at);
  }

  bytes(buf: Uint8Array, from: number, to: number): void {
    copyBytes(this.buf, this.at, buf, from, to);
    this.at += to - from;
  }
}

/** Cuts a record into parts. */
class PartOutput implements RecordOutput {
  readonly #buf = new Uint8Array(PART_BYTES);
  #length = 0;
  readonly #flush: (kind: number, buf: Uint8Array, length: number) => void;

  constructor(flush: (kind: number, buf: Uint8Array, length: number) => void) {
    this.#flush = flush;
  }

  byte(n: number): void {
    if (this.#length === PART_BYTES) this.#flushPart();
    this.#buf[this.#length++] = n;
  }

  number(n: number): void {
    for (const byte of Buffer.from(String(n), 'latin1')) this.byte(byte);
  }

  bytes(buf: Uint8Array, from: number, to: number): void {
    for (let at = from; at < to; ) {
      if (this.#length === PART_BYTES) this.#flushPart();
      const count = Math.min(to - at, PART_BYTES - this.#length);
      this.#buf.set(buf.subarray(at, at + count), this.#length);
      this.#length += count;
      at += count;
    }
  }

  #flushPart(): void {
    this.#flush(KIND_PART, this.#buf, this.#length);
    this.#length = 0;
  }

  finish(): void {
    this.#flush(KIND_LAST_PART, this.#buf, this.#length);
  }
}

const STAR = 0x2a;
const DOLLAR = 0x24;
const CR = 0x0d;
const LF = 0x0a;

/** Bytes of an argument in RESP: `$`, its length, two line ends and itself. */
function argumentBytes(length: number): number {
  return decimalDigits(length) + length + 5;
}

function writeCommand(out: RecordOutput, name: Uint8Array, args: ArgView): void {
  writePrefix(out, STAR, args.count);
  writePrefix(out, DOLLAR, name.length);
  out.bytes(name, 0, name.length);
  out.byte(CR);
  out.byte(LF);
  for (let i = 1; i < args.count; i++) {
    const at = args.offset[i]!;
    const length = args.length[i]!;
    writePrefix(out, DOLLAR, length);
    out.bytes(args.buf, at, at + length);
    out.byte(CR);
    out.byte(LF);
  }
}

function writePrefix(out: RecordOutput, sign: number, n: number): void {
  out.byte(sign);
  out.number(n);
  out.byte(CR);
  out.byte(LF);
}
