/**
 * Effects: what a command changed, as the log has it where the command itself would not do: one
 * that is not deterministic, depends on the time, or is newer than the Redis that may have to read
 * the log.
 *
 * EffectLog is the buffer behind it: commands as RESP arrays, one after the other.
 */
import { copyBytes } from '../base/bytes.ts';
import { decimalDigits, formatInteger } from '../base/number-text.ts';

/** What handlers say about the log. Every call is cheap where nothing is recorded. */
export interface Effects {
  /** False where nobody records what commands change: what is below may be left out then. */
  readonly isOn: boolean;
  /** Nothing goes to the log for this command but what `command` is called for. */
  replace(): void;
  /**
   * Begins a command of `count` arguments, `name` included, which follow one by one, in database
   * `db`; implies `replace`. Several are recorded as one transaction.
   */
  command(db: number, name: Uint8Array, count: number): void;
  /** The next argument: buf[from, to). */
  bytes(buf: Uint8Array, from: number, to: number): void;
  /** The next argument: an integer, safe or as a bigint. */
  integer(n: number | bigint): void;
  /** The next argument: a text of one byte per character. */
  text(text: string): void;
}

/** For contexts that nobody records. */
export const NO_EFFECTS: Effects = {
  isOn: false,
  replace: () => undefined,
  command: () => undefined,
  bytes: () => undefined,
  integer: () => undefined,
  text: () => undefined,
};

const STAR = 0x2a;
const DOLLAR = 0x24;
const CR = 0x0d;
const LF = 0x0a;
/** `$`, a length, two line ends: most that surrounds an argument. */
const FRAME_BYTES_MAX = 24;
const BUFFER_KEPT_MAX = 1 << 20;
const SELECT: Uint8Array = Uint8Array.from(Buffer.from('SELECT'));

export class EffectLog implements Effects {
  isOn = false;
  /** Commands so far are in [0, length). */
  buf: Uint8Array = new Uint8Array(4096);
  length = 0;
  /** Commands begun, SELECTs not counted. */
  commands = 0;
  /** `replace` or `command` was called since `begin`. */
  isReplaced = false;
  /** Database that the first command needs, and the one selected after the last. */
  firstDb = -1;
  db = -1;

  /** Forgets everything. */
  clear(): void {
    this.length = 0;
    this.commands = 0;
    this.isReplaced = false;
    this.firstDb = -1;
    this.db = -1;
    if (this.buf.length > BUFFER_KEPT_MAX) this.buf = new Uint8Array(4096);
  }

  replace(): void {
    this.isReplaced = true;
  }

  command(db: number, name: Uint8Array, count: number): void {
    if (!this.isOn) return;
    this.isReplaced = true;
    this.commands += 1;
    this.select(db);
    this.#head(count);
    this.#append(name, 0, name.length);
  }

  /** Has what follows run in database `db`. */
  select(db: number): void {
    if (this.firstDb < 0) this.firstDb = db;
    else if (this.db !== db) {
      this.#head(2);
      this.#append(SELECT, 0, SELECT.length);
      this.integer(db);
    }
    this.db = db;
  }

  bytes(buf: Uint8Array, from: number, to: number): void {
    if (this.isOn) this.#append(buf, from, to);
  }

  integer(n: number | bigint): void {
    if (!this.isOn) return;
    if (typeof n === 'bigint') {
      this.text(String(n));
      return;
    }
    this.#reserve(FRAME_BYTES_MAX * 2);
    const digits = decimalDigits(Math.abs(n)) + (n < 0 ? 1 : 0);
    this.#prefix(DOLLAR, digits);
    this.length += formatInteger(n, this.buf, this.length);
    this.#lineEnd();
  }

  /** Commands that are RESP already: buf[from, to). */
  appendRaw(buf: Uint8Array, from: number, to: number): void {
    this.#reserve(to - from);
    copyBytes(this.buf, this.length, buf, from, to);
    this.length += to - from;
  }

  text(text: string): void {
    if (!this.isOn) return;
    const bytes = Buffer.from(text, 'latin1');
    this.#append(bytes, 0, bytes.length);
  }

  #head(count: number): void {
    this.#reserve(FRAME_BYTES_MAX);
    this.#prefix(STAR, count);
  }

  #append(buf: Uint8Array, from: number, to: number): void {
    this.#reserve(to - from + FRAME_BYTES_MAX);
    this.#prefix(DOLLAR, to - from);
    copyBytes(this.buf, this.length, buf, from, to);
    this.length += to - from;
    this.#lineEnd();
  }

  #prefix(sign: number, n: number): void {
    this.buf[this.length++] = sign;
    this.length += formatInteger(n, this.buf, this.length);
    this.#lineEnd();
  }

  #lineEnd(): void {
    this.buf[this.length++] = CR;
    this.buf[this.length++] = LF;
  }

  #reserve(bytes: number): void {
    const needed = this.length + bytes;
    if (needed <= this.buf.length) return;
    const grown = new Uint8Array(Math.max(needed, this.buf.length * 2));
    grown.set(this.buf.subarray(0, this.length));
    this.buf = grown;
  }
}
