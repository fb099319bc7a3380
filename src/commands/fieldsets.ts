/**
 * Fieldsets of one connection: names of fields that HIMPORT PREPARE has declared, for HIMPORT SET
 * to pair with values. State of the conversation, as a transaction's queue is.
 */
import { equalBytes } from '../base/bytes.ts';
import { latin1Text } from '../base/number-text.ts';
import { ArgView } from '../resp/request-parser.ts';

/** Most bytes of names that one connection may have declared. */
export const FIELDSETS_BYTES_MAX = 64 * 1024 * 1024;
/** What a field costs beside its bytes. */
const FIELD_BYTES = 8;

export const PREPARED = 0;
export const PREPARE_DUPLICATE = 1;
export const PREPARE_TOO_LARGE = 2;
export type PrepareStatus = typeof PREPARED | typeof PREPARE_DUPLICATE | typeof PREPARE_TOO_LARGE;

/** One fieldset: the names one after the other, and where each of them ends. */
interface Fieldset {
  readonly name: Uint8Array;
  readonly bytes: Uint8Array;
  readonly ends: Uint32Array;
}

function sizeOf({ name, bytes, ends }: Fieldset): number {
  return name.length + bytes.length + ends.length * FIELD_BYTES;
}

export class Fieldsets {
  #sets = new Map<string, Fieldset>();
  /** The one used last: a client imports many hashes by the same. */
  #last: Fieldset | null = null;
  /** Bytes of all of them. */
  bytes = 0;

  /** A copy whose changes are its own. O(fieldsets). */
  copy(): Fieldsets {
    const copied = new Fieldsets();
    copied.#sets = new Map(this.#sets);
    copied.bytes = this.bytes;
    return copied;
  }

  /** Declares the fields of arguments 3 and up under the name of argument 2. O(n). */
  prepare(args: ArgView): PrepareStatus {
    const ends = new Uint32Array(args.count - 3);
    const seen = new Set<string>();
    let length = 0;
    for (let i = 3; i < args.count; i++) {
      length += args.length[i]!;
      ends[i - 3] = length;
      seen.add(args.text(i));
    }
    if (seen.size !== ends.length) return PREPARE_DUPLICATE;
    const name = args.buf.slice(args.offset[2]!, args.end(2));
    const bytes = new Uint8Array(length);
    for (let i = 3; i < args.count; i++) {
      const field = args.buf.subarray(args.offset[i]!, args.end(i));
      bytes.set(field, ends[i - 3]! - field.length);
    }
    const set = { name, bytes, ends };
    const key = args.text(2);
    const old = this.#sets.get(key);
    const total = this.bytes + sizeOf(set) - (old === undefined ? 0 : sizeOf(old));
    if (total > FIELDSETS_BYTES_MAX) return PREPARE_TOO_LARGE;
    this.#sets.set(key, set);
    this.bytes = total;
    this.#last = null;
    return PREPARED;
  }

  /** Forgets the fieldset of argument 2. False when there is none. */
  discard(args: ArgView): boolean {
    const key = args.text(2);
    const old = this.#sets.get(key);
    if (old === undefined) return false;
    this.bytes -= sizeOf(old);
    this.#last = null;
    return this.#sets.delete(key);
  }

  /** Forgets all of them; how many there were. */
  clear(): number {
    const { size } = this.#sets;
    this.#sets.clear();
    this.#last = null;
    this.bytes = 0;
    return size;
  }

  /** The fieldset called buf[from, to), or null. */
  find(buf: Uint8Array, from: number, to: number): Fieldset | null {
    const last = this.#last;
    const length = to - from;
    if (last !== null && last.name.length === length) {
      if (equalBytes(last.name, 0, buf, from, length)) return last;
    }
    this.#last = this.#sets.get(latin1Text(buf, from, to)) ?? null;
    return this.#last;
  }
}

export const EXPANDED = 0;
export const NO_FIELDSET = 1;
export const WRONG_COUNT = 2;
export type ExpandStatus = typeof EXPANDED | typeof NO_FIELDSET | typeof WRONG_COUNT;

/**
 * Turns `HIMPORT SET key fieldset value ...` into `HIMPORT SET key field value ...`, which any
 * thread can run. One object a thread: the arguments are valid until the next call.
 */
export class FieldsetExpander {
  readonly args = new ArgView();

  expand(from: ArgView, sets: Fieldsets): ExpandStatus {
    const set = sets.find(from.buf, from.offset[3]!, from.end(3));
    if (set === null) return NO_FIELDSET;
    const { ends, bytes } = set;
    const fields = ends.length;
    if (from.count - 4 !== fields) return WRONG_COUNT;
    let total = bytes.length;
    for (let i = 0; i < from.count; i++) total += from.length[i]!;
    const { args } = this;
    if (args.buf.length < total) args.buf = new Uint8Array(Math.max(total, args.buf.length * 2));
    args.count = 0;
    for (let i = 0; i < 3; i++) this.#push(from.buf, from.offset[i]!, from.end(i));
    for (let i = 0; i < fields; i++) {
      this.#push(bytes, i === 0 ? 0 : ends[i - 1]!, ends[i]!);
      this.#push(from.buf, from.offset[i + 4]!, from.end(i + 4));
    }
    return EXPANDED;
  }

  #push(buf: Uint8Array, start: number, end: number): void {
    const { args } = this;
    const at = args.count === 0 ? 0 : args.end(args.count - 1);
    for (let i = start; i < end; i++) args.buf[at + i - start] = buf[i]!;
    args.push(at, end - start);
  }
}
