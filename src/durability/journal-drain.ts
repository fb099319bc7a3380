/**
 * JournalDrain: the reading end of the journal (LAYOUT in journal.ts). It puts SELECTs and
 * timestamps between the records and hands their bytes on.
 */
import type { MpscConsumer } from '../sync/mpsc-ring.ts';
import { JOURNAL_HEAD_BYTES, journalRing, KIND_CUT, KIND_LAST_PART, KIND_PART } from './journal.ts';

/** Takes what was drained. */
export interface DrainSink {
  /** More would need too much memory: what is left stays in the ring. */
  readonly isFull: boolean;
  add(buf: Uint8Array, from: number, to: number): void;
  /** Records up to `position` have been added. */
  mark(position: number): void;
  /** The mark between two files. */
  cut(): void;
}

/** Bytes taken in one call: others get their turn. */
const DRAIN_BYTES_MAX = 8 << 20;
/** From so many bytes in one call on, the next should not wait long. */
const MUCH_BYTES = 1 << 18;

export class JournalDrain {
  /** Position behind the record taken last. */
  position = 0;
  /** Records taken so far. */
  records = 0;
  /** Whether `#TS:` annotations go between records. */
  hasTimestamps = false;
  readonly #ring: MpscConsumer;
  #end: number;
  /** Database selected in the file; -1 = unknown. */
  #db = -1;
  #second = 0;
  /** Parts of a large record that is not complete. */
  readonly #parts: Uint8Array[] = [];

  /** `journal`: the shared buffer; `position`: of what its ring holds first. */
  constructor(journal: SharedArrayBuffer, position: number) {
    this.#ring = journalRing(journal);
    this.#end = this.#ring.end;
    this.position = position;
  }

  /** The next record begins another file: it has to say its database. */
  forgetDatabase(): void {
    this.#db = -1;
  }

  /** The last `drain` found much: more is to be expected soon. */
  hasMore = false;

  /** Hands records on, as many as there are now up to a bound. False where there was none. */
  drain(sink: DrainSink, nowMs: number): boolean {
    const ring = this.#ring;
    let bytes = 0;
    let any = false;
    while (bytes < DRAIN_BYTES_MAX && !sink.isFull && ring.next()) {
      any = true;
      bytes += ring.length;
      this.position += (ring.end - this.#end) >>> 0;
      this.#end = ring.end;
      this.#take(sink, nowMs);
    }
    ring.release();
    this.hasMore = bytes >= MUCH_BYTES;
    return any;
  }

  #take(sink: DrainSink, nowMs: number): void {
    const { u8, u32, offset, length } = this.#ring;
    const head = u32[offset >>> 2]!;
    const lastDb = u32[(offset >>> 2) + 1]!;
    const kind = head & 0xff;
    const from = offset + JOURNAL_HEAD_BYTES;
    const to = offset + length;
    if (kind === KIND_PART) {
      this.#parts.push(u8.slice(from, to));
      return;
    }
    if (kind === KIND_CUT) {
      this.forgetDatabase();
      sink.mark(this.position);
      sink.cut();
      return;
    }
    this.#between(sink, head >>> 8, nowMs);
    if (kind === KIND_LAST_PART) {
      for (const part of this.#parts.splice(0)) sink.add(part, 0, part.length);
    }
    sink.add(u8, from, to);
    this.#db = lastDb;
    this.records += 1;
    sink.mark(this.position);
  }

  /** What goes before a record that begins in database `db`. */
  #between(sink: DrainSink, db: number, nowMs: number): void {
    if (this.hasTimestamps) {
      const second = Math.floor(nowMs / 1000);
      if (second > this.#second) {
        this.#second = second;
        addText(sink, `#TS:${second}\r\n`);
      }
    }
    if (db === this.#db) return;
    const digits = String(db);
    addText(sink, `*2\r\n$6\r\nSELECT\r\n$${digits.length}\r\n${digits}\r\n`);
  }
}

function addText(sink: DrainSink, text: string): void {
  const bytes = Buffer.from(text, 'latin1');
  sink.add(bytes, 0, bytes.length);
}
