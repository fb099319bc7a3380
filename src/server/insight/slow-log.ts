/**
 * SlowLog: the last commands that took long, over all threads. Any thread adds and reads.
 *
 * LAYOUT of an entry, a block of the insight memory
 *   u32 next (older), u32 previous (newer), f64 id, f64 unix seconds, f64 microseconds,
 *   u32 number of arguments, u32 payload bytes, payload: texts, each a u32 of its length and its
 *   bytes: the arguments, then the client's address and its name
 *
 * LIMITS: 32 arguments of 128 bytes as in Redis; what is cut off is counted in the last one.
 */
import type { SlowLogEntry } from '../../commands/insight-services.ts';
import type { CommandRow } from '../../commands/table.ts';
import type { Ref } from '../../memory/arena.ts';
import type { ArgView } from '../../resp/request-parser.ts';
import type { HeldCommand } from '../command-watch.ts';
import type { InsightMemory } from './insight-memory.ts';
import { REDACTED, secretArguments } from './redaction.ts';

const FIRST = 0;
const LAST = 1;
const COUNT = 2;
const RESETS = 3;
const NEXT_ID = 2;
const TOTAL_COUNT = 3;
const TOTAL_MICROS = 4;
const LONGEST_MICROS = 5;

const NEXT = 0;
const PREVIOUS = 1;
const ID = 1;
const SECONDS = 2;
const MICROS = 3;
const ARGUMENTS = 8;
const PAYLOAD_BYTES = 9;
const HEADER_BYTES = 40;

const ARGUMENTS_MAX = 32;
const ARGUMENT_BYTES_MAX = 128;
/** Entries copied out under one hold of the lock. */
const ENTRIES_PER_HOLD = 16;

/** The client that sent a command. */
export interface ClientFace {
  readonly address: string;
  readonly name: string;
}

/** Builds the payload of an entry. */
class Payload {
  buf = new Uint8Array(1024);
  length = 0;

  begin(): void {
    this.length = 0;
  }

  bytes(source: Uint8Array, start: number, end: number, suffix: string): void {
    const tail = Buffer.from(suffix, 'latin1');
    const size = end - start + tail.length;
    this.#reserve(4 + size);
    new DataView(this.buf.buffer).setUint32(this.length, size, true);
    this.buf.set(source.subarray(start, end), this.length + 4);
    this.buf.set(tail, this.length + 4 + end - start);
    this.length += 4 + size;
  }

  text(text: string): void {
    this.bytes(NOTHING, 0, 0, text);
  }

  #reserve(bytes: number): void {
    if (this.length + bytes <= this.buf.length) return;
    const grown = new Uint8Array((this.length + bytes) * 2);
    grown.set(this.buf.subarray(0, this.length));
    this.buf = grown;
  }
}

const NOTHING = new Uint8Array(0);

export class SlowLog {
  /** slowlog-max-len, as this thread knows it. */
  maxLength = 128;
  readonly #memory: InsightMemory;
  readonly #words: number;
  readonly #doubles: number;
  readonly #payload = new Payload();

  constructor(memory: InsightMemory) {
    this.#memory = memory;
    this.#words = memory.slowLog / 4;
    this.#doubles = memory.slowLog / 8;
  }

  /** Number of entries. */
  get length(): number {
    return this.#memory.u32[this.#words + COUNT]!;
  }

  /** Entries made since the start or CONFIG RESETSTAT, those that are gone included. */
  get totalCount(): number {
    return this.#memory.f64[this.#doubles + TOTAL_COUNT]!;
  }

  get totalMicros(): number {
    return this.#memory.f64[this.#doubles + TOTAL_MICROS]!;
  }

  get longestMicros(): number {
    return this.#memory.f64[this.#doubles + LONGEST_MICROS]!;
  }

  /** The command, cut to size and without its secrets, with the client that sent it. */
  describe(row: CommandRow, args: ArgView, client: ClientFace): HeldCommand {
    const count = this.#write(row, args, client);
    return { payload: this.#payload.buf.slice(0, this.#payload.length), count };
  }

  /** Adds a command that has just ended. */
  add(row: CommandRow, args: ArgView, client: ClientFace, micros: number, unixMs: number): void {
    const count = this.#write(row, args, client);
    this.#insert(this.#payload.buf, this.#payload.length, count, micros, unixMs);
  }

  /** Adds one that was described before. */
  addDescribed(command: HeldCommand, micros: number, unixMs: number): void {
    this.#insert(command.payload, command.payload.length, command.count, micros, unixMs);
  }

  #write(row: CommandRow, args: ArgView, client: ClientFace): number {
    const payload = this.#payload;
    const secrets = secretArguments(row, args);
    const isCut = args.count > ARGUMENTS_MAX;
    const whole = isCut ? ARGUMENTS_MAX - 1 : args.count;
    payload.begin();
    for (let i = 0; i < whole; i++) {
      if (secrets?.has(i) === true) {
        payload.text(REDACTED);
        continue;
      }
      const start = args.offset[i]!;
      const length = args.length[i]!;
      const rest = length - ARGUMENT_BYTES_MAX;
      if (rest <= 0) payload.bytes(args.buf, start, start + length, '');
      else {
        const end = start + ARGUMENT_BYTES_MAX;
        payload.bytes(args.buf, start, end, `... (${rest} more bytes)`);
      }
    }
    if (isCut) payload.text(`... (${args.count - whole} more arguments)`);
    payload.text(client.address);
    payload.text(client.name);
    return isCut ? whole + 1 : whole;
  }

  #insert(
    payload: Uint8Array,
    length: number,
    count: number,
    micros: number,
    unixMs: number,
  ): void {
    const memory = this.#memory;
    memory.acquire();
    const { u32, f64 } = memory;
    const id = f64[this.#doubles + NEXT_ID]!;
    f64[this.#doubles + NEXT_ID] = id + 1;
    f64[this.#doubles + TOTAL_COUNT] = this.totalCount + 1;
    f64[this.#doubles + TOTAL_MICROS] = this.totalMicros + micros;
    f64[this.#doubles + LONGEST_MICROS] = Math.max(this.longestMicros, micros);
    this.#dropBeyond(this.maxLength - 1);
    const ref = this.maxLength === 0 ? 0 : this.#room(HEADER_BYTES + length);
    if (ref !== 0) {
      const first = u32[this.#words + FIRST]!;
      u32[ref * 2 + NEXT] = first;
      u32[ref * 2 + PREVIOUS] = 0;
      f64[ref + ID] = id;
      f64[ref + SECONDS] = Math.floor(unixMs / 1000);
      f64[ref + MICROS] = micros;
      u32[ref * 2 + ARGUMENTS] = count;
      u32[ref * 2 + PAYLOAD_BYTES] = length;
      memory.u8.set(payload.subarray(0, length), ref * 8 + HEADER_BYTES);
      if (first === 0) u32[this.#words + LAST] = ref;
      else u32[first * 2 + PREVIOUS] = ref;
      u32[this.#words + FIRST] = ref;
      u32[this.#words + COUNT] = this.length + 1;
    }
    memory.release();
  }

  /** Room for an entry, made by dropping the oldest where there is none. */
  #room(bytes: number): Ref {
    let ref = this.#memory.take(bytes);
    while (ref === 0 && this.length > 0) {
      this.#dropLast();
      ref = this.#memory.take(bytes);
    }
    return ref;
  }

  #dropBeyond(length: number): void {
    while (this.length > 0 && this.length > length) this.#dropLast();
  }

  #dropLast(): void {
    const { u32 } = this.#memory;
    const last = u32[this.#words + LAST]!;
    const previous = u32[last * 2 + PREVIOUS]!;
    u32[this.#words + LAST] = previous;
    if (previous === 0) u32[this.#words + FIRST] = 0;
    else u32[previous * 2 + NEXT] = 0;
    u32[this.#words + COUNT] = this.length - 1;
    this.#memory.free(last);
  }

  /** Drops the oldest entries beyond `maxLength`. */
  trim(): void {
    if (this.length <= this.maxLength) return;
    this.#memory.acquire();
    this.#dropBeyond(this.maxLength);
    this.#memory.release();
  }

  /** Empties the log; ids go on. */
  reset(): void {
    const memory = this.#memory;
    memory.acquire();
    this.#dropBeyond(0);
    memory.u32[this.#words + RESETS] = memory.u32[this.#words + RESETS]! + 1;
    memory.release();
  }

  /** Forgets the sums, not the entries: CONFIG RESETSTAT. */
  resetTotals(): void {
    this.#memory.acquire();
    this.#memory.f64.fill(0, this.#doubles + TOTAL_COUNT, this.#doubles + LONGEST_MICROS + 1);
    this.#memory.release();
  }

  /**
   * The latest `count` entries, newest first; -1 = all. Copied a few at a time, so that others get
   * at the log between: what is dropped meanwhile is left out.
   */
  entries(count: number): SlowLogEntry[] {
    const memory = this.#memory;
    const { u32, f64 } = memory;
    const found: SlowLogEntry[] = [];
    const wanted = count < 0 ? Number.POSITIVE_INFINITY : count;
    let resets = -1;
    let at = 0;
    while (found.length < wanted) {
      memory.acquire();
      const last = u32[this.#words + LAST]!;
      const resetsNow = u32[this.#words + RESETS]!;
      if (resets < 0) at = u32[this.#words + FIRST]!;
      else if (resetsNow !== resets || last === 0) at = 0;
      else {
        // The entry copied last is still there unless the oldest one is younger.
        const isThere = f64[last + ID]! <= found[found.length - 1]!.id;
        at = isThere ? u32[at * 2 + NEXT]! : 0;
      }
      resets = resetsNow;
      let before = 0;
      for (let n = 0; n < ENTRIES_PER_HOLD && at !== 0 && found.length < wanted; n++) {
        found.push(this.#read(at));
        before = at;
        at = u32[at * 2 + NEXT]!;
      }
      const isEnd = at === 0;
      at = before;
      memory.release();
      if (isEnd) break;
    }
    return found;
  }

  #read(ref: Ref): SlowLogEntry {
    const { u8, u32, f64 } = this.#memory;
    const texts: Uint8Array[] = [];
    const view = new DataView(u8.buffer);
    let at = ref * 8 + HEADER_BYTES;
    const end = at + u32[ref * 2 + PAYLOAD_BYTES]!;
    while (at < end) {
      const length = view.getUint32(at, true);
      texts.push(u8.slice(at + 4, at + 4 + length));
      at += 4 + length;
    }
    const count = u32[ref * 2 + ARGUMENTS]!;
    return {
      id: f64[ref + ID]!,
      unixSeconds: f64[ref + SECONDS]!,
      micros: f64[ref + MICROS]!,
      args: texts.slice(0, count),
      address: Buffer.from(texts[count]!).toString('latin1'),
      name: Buffer.from(texts[count + 1]!).toString('latin1'),
    };
  }
}
