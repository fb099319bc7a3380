/**
 * AofScanner: finds the commands in the bytes of an append-only file, piece by piece as they are
 * read, and checks their form strictly. Replay and the check tool share it.
 *
 * FORMAT  commands as RESP arrays of bulk strings; lines that begin with `#` are annotations
 *         (`#TS:1628217473`). MULTI … EXEC is one unit: where EXEC is missing, none of it counts.
 * TRUST   every byte may be damaged. Nothing is allocated for a length that is declared.
 */

/** The bytes given are used up within a command. */
export const SCAN_MORE = 0;
/** A command ends at `at`. */
export const SCAN_COMMAND = 1;
/** An annotation ends at `at`. */
export const SCAN_ANNOTATION = 2;
/** This is no append-only file from `errorOffset` on; see `error`. */
export const SCAN_ERROR = -1;
export type ScanStatus =
  | typeof SCAN_MORE
  | typeof SCAN_COMMAND
  | typeof SCAN_ANNOTATION
  | typeof SCAN_ERROR;

const CR = 0x0d;
const LF = 0x0a;
const STAR = 0x2a;
const DOLLAR = 0x24;
const HASH = 0x23;
const MINUS = 0x2d;
const ZERO = 0x30;
/** Longest annotation, line end included. */
const ANNOTATION_BYTES_MAX = 1024;
/** Digits of a number that is exact as a double. */
const DIGITS_MAX = 15;
/** Bytes of a name that are looked at: MULTI and EXEC are shorter. */
const NAME_BYTES_MAX = 6;
const MULTI = 'MULTI';
const EXEC = 'EXEC';

const AT_START = 0;
const IN_COUNT = 1;
const IN_LENGTH = 2;
const IN_DATA = 3;
const IN_DATA_END = 4;
const IN_ANNOTATION = 5;

export class AofScanner {
  /** Where `next` stopped, in the buffer it was given. */
  at = 0;
  /** Bytes scanned since the scanner was made, plus `start`. */
  offset: number;
  /** Everything up to here is complete: commands, transactions, annotations between them. */
  validUpTo: number;
  /** Begin of the command or annotation scanned last or now. */
  commandStart: number;
  /** Commands that are complete. */
  commands = 0;
  /** Between MULTI and EXEC. */
  isInTransaction = false;
  /** Lines begun so far, from 1 on. */
  line = 1;
  /** What was expected and what was found, in the words of Redis's check tool. */
  error = '';
  errorOffset = 0;
  /** The annotation scanned last, without its line end. */
  annotation = '';
  #state = AT_START;
  /** Arguments of the command, and how many of them are complete. */
  #total = 0;
  #count = 0;
  /** Number of the line that is read, and its digits so far; -1 = a sign was read. */
  #number = 0;
  #digits = 0;
  #isNegative = false;
  #hasCr = false;
  /** Where the line or the data began that is read now. */
  #tokenStart = 0;
  /** Bytes of data to come. */
  #left = 0;
  #length = 0;
  #name = '';

  /** `start`: offset of the first byte in its file. */
  constructor(start = 0) {
    this.offset = start;
    this.validUpTo = start;
    this.commandStart = start;
  }

  /** Scans buf[from, to) up to the end of a command or annotation; sets `at`. O(bytes). */
  next(buf: Uint8Array, from: number, to: number): ScanStatus {
    let at = from;
    while (at < to) {
      if (this.#state === IN_DATA) {
        const taken = Math.min(this.#left, to - at);
        if (this.#count === 0 && this.#name.length < NAME_BYTES_MAX) this.#takeName(buf, at, taken);
        this.#left -= taken;
        this.offset += taken;
        at += taken;
        if (this.#left === 0) this.#state = IN_DATA_END;
        continue;
      }
      const byte = buf[at++]!;
      const status = this.#step(byte);
      this.offset += 1;
      if (status === SCAN_MORE) continue;
      this.at = at;
      return status;
    }
    this.at = at;
    return SCAN_MORE;
  }

  /** True within a command or annotation. */
  get isPartial(): boolean {
    return this.#state !== AT_START;
  }

  /** Bytes of an argument that were announced and did not come. */
  get missingBytes(): number {
    return this.#state === IN_DATA ? this.#left : 0;
  }

  /** What the check tool says about an end within a command or transaction; '' where it is none. */
  endError(): string {
    if (this.#state === IN_DATA || this.#state === IN_DATA_END) {
      const real = this.offset - this.#tokenStart;
      this.errorOffset = this.#tokenStart;
      return `Expected to read ${this.#length + 2} bytes, got ${real} bytes`;
    }
    if (this.#state !== AT_START) {
      this.errorOffset = this.#tokenStart;
      return 'Unexpected end of file within a line';
    }
    if (!this.isInTransaction) return '';
    this.errorOffset = this.commandStart;
    return 'Reached EOF before reading EXEC for MULTI';
  }

  #takeName(buf: Uint8Array, at: number, length: number): void {
    const end = Math.min(at + length, at + NAME_BYTES_MAX - this.#name.length);
    for (let i = at; i < end; i++) this.#name += String.fromCharCode(buf[i]!);
  }

  #step(byte: number): ScanStatus {
    switch (this.#state) {
      case AT_START:
        return this.#begin(byte);
      case IN_ANNOTATION:
        return this.#annotate(byte);
      case IN_DATA_END:
        return this.#endData(byte);
      default:
        return this.#readLine(byte);
    }
  }

  #begin(byte: number): ScanStatus {
    this.commandStart = this.offset;
    this.#tokenStart = this.offset;
    if (byte === HASH) {
      this.#state = IN_ANNOTATION;
      this.annotation = '#';
      return SCAN_MORE;
    }
    if (byte !== STAR) return this.#fail(`Expected prefix '*', got: '${shown(byte)}'`);
    this.#count = 0;
    this.#name = '';
    this.#beginLine(IN_COUNT);
    return SCAN_MORE;
  }

  #annotate(byte: number): ScanStatus {
    if (byte !== LF) {
      if (this.annotation.length >= ANNOTATION_BYTES_MAX) {
        return this.#fail('An annotation that is too long');
      }
      this.annotation += String.fromCharCode(byte);
      return SCAN_MORE;
    }
    if (!this.annotation.endsWith('\r')) return this.#fail('An annotation without \\r\\n');
    this.annotation = this.annotation.slice(0, -1);
    this.line += 1;
    this.#state = AT_START;
    if (!this.isInTransaction) this.validUpTo = this.offset + 1;
    return SCAN_ANNOTATION;
  }

  #beginLine(state: number): void {
    this.#state = state;
    this.#number = 0;
    this.#digits = 0;
    this.#isNegative = false;
    this.#hasCr = false;
  }

  /** The rest of `*3\r\n`, or all of `$5\r\n`. */
  #readLine(byte: number): ScanStatus {
    if (this.#state === IN_LENGTH && this.offset === this.#tokenStart) {
      return byte === DOLLAR ? SCAN_MORE : this.#fail(`Expected prefix '$', got: '${shown(byte)}'`);
    }
    if (this.#hasCr) {
      if (byte !== LF) return this.#fail(`Expected \\r\\n, got: 0d${hex(byte)}`);
      this.line += 1;
      return this.#endLine();
    }
    const digit = byte - ZERO;
    if (digit >= 0 && digit <= 9 && this.#digits < DIGITS_MAX) {
      this.#number = this.#number * 10 + digit;
      this.#digits += 1;
    } else if (byte === CR && this.#digits > 0) {
      this.#hasCr = true;
    } else if (byte === MINUS && this.#digits === 0 && !this.#isNegative) {
      this.#isNegative = true;
    } else {
      return this.#fail(`Expected \\r\\n, got: ${hex(byte)}`);
    }
    return SCAN_MORE;
  }

  #endLine(): ScanStatus {
    const number = this.#isNegative ? -this.#number : this.#number;
    if (this.#state === IN_COUNT) {
      if (number < 1) return this.#fail(`Expected at least one argument, got: ${number}`);
      this.#total = number;
      this.#beginLine(IN_LENGTH);
      this.#tokenStart = this.offset + 1;
      return SCAN_MORE;
    }
    if (number < 0) {
      const text = `Expected to read string of ${number} bytes`;
      return this.#fail(`${text}, which is not in the suitable range`);
    }
    this.#length = number;
    this.#left = number;
    this.#tokenStart = this.offset + 1;
    this.#hasCr = false;
    this.#state = number === 0 ? IN_DATA_END : IN_DATA;
    return SCAN_MORE;
  }

  /** The line end behind an argument. */
  #endData(byte: number): ScanStatus {
    if (!this.#hasCr) {
      if (byte !== CR) return this.#fail(`Expected \\r\\n, got: ${hex(byte)}`);
      this.#hasCr = true;
      return SCAN_MORE;
    }
    if (byte !== LF) return this.#fail(`Expected \\r\\n, got: 0d${hex(byte)}`);
    this.line += 1;
    if (this.#count === 0) {
      const name = this.#length < NAME_BYTES_MAX ? this.#name.toUpperCase() : '';
      if (name === MULTI && this.isInTransaction) return this.#fail('Unexpected MULTI');
      if (name === EXEC && !this.isInTransaction) return this.#fail('Unexpected EXEC');
      this.#name = name;
    }
    this.#count += 1;
    if (this.#count < this.#total) {
      this.#beginLine(IN_LENGTH);
      this.#tokenStart = this.offset + 1;
      return SCAN_MORE;
    }
    return this.#endCommand();
  }

  #endCommand(): ScanStatus {
    if (this.#name === MULTI) this.isInTransaction = true;
    else if (this.#name === EXEC) this.isInTransaction = false;
    this.#state = AT_START;
    this.commands += 1;
    if (!this.isInTransaction) this.validUpTo = this.offset + 1;
    return SCAN_COMMAND;
  }

  #fail(error: string): ScanStatus {
    this.error = error;
    this.errorOffset = this.#tokenStart;
    return SCAN_ERROR;
  }
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}

function shown(byte: number): string {
  return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${hex(byte)}`;
}
