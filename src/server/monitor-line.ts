/**
 * MonitorLine: a command as MONITOR shows it, in Redis's form:
 *
 *   +1339518083.107412 [0 127.0.0.1:60866] "SET" "key" "a\\x00b"
 */
import type { CommandRow } from '../commands/table.ts';
import type { ArgView } from '../resp/request-parser.ts';
import { REDACTED, secretArguments } from './insight/redaction.ts';

const ROOM_BYTES = 1024;
/** More room than this is given back after the line. */
const ROOM_KEPT_BYTES = 256 * 1024;
/** Arguments beyond this are left out: a line has to fit in the memory for letters. */
const LINE_BYTES_MAX = 256 * 1024 * 1024;
const LEFT_OUT = '(too long to be shown)';
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
/** An escaped byte takes at most this many. */
const ESCAPE_BYTES_MAX = 4;

/** Letters of the escapes that are shorter than `\xhh`, by byte. */
const LETTERS: ReadonlyMap<number, number> = new Map(
  [
    [QUOTE, '"'],
    [BACKSLASH, '\\'],
    [0x0a, 'n'],
    [0x0d, 'r'],
    [0x09, 't'],
    [0x07, 'a'],
    [0x08, 'b'],
  ].map(([byte, letter]) => [byte as number, (letter as string).charCodeAt(0)]),
);
const HEX = Uint8Array.from(Buffer.from('0123456789abcdef'));

/** How the other end of a connection is shown; `address` as CLIENT LIST has it. */
function sourceOf(address: string): string {
  // Port 0 is a Unix socket's.
  return address.endsWith(':0') ? `unix:${address.slice(0, -2)}` : address;
}

/** Room for an argument, with what stands around it. */
function shownBytesMax(args: ArgView, index: number): number {
  return args.length[index]! * ESCAPE_BYTES_MAX + REDACTED.length + 3;
}

/** One line at a time: bytes [0, length) of `buf`, until the next one. */
export class MonitorLine {
  buf: Uint8Array = new Uint8Array(ROOM_BYTES);
  length = 0;

  /**
   * Writes the line of a command that ran at `unixMs` (fractions count) with database `db`; secrets
   * are left out. O(bytes).
   */
  write(row: CommandRow, args: ArgView, db: number, address: string, unixMs: number): void {
    this.#begin(args, db, address, unixMs);
    const secrets = secretArguments(row, args);
    for (let i = 0; i < args.count; i++) {
      this.#put(SPACE);
      if (secrets?.has(i)) this.#text(`"${REDACTED}"`);
      else if (this.length + shownBytesMax(args, i) > LINE_BYTES_MAX) this.#text(LEFT_OUT);
      else this.#quoted(args.buf, args.offset[i]!, args.end(i));
    }
    this.#text('\r\n');
  }

  #begin(args: ArgView, db: number, address: string, unixMs: number): void {
    const micros = Math.floor(unixMs * 1000);
    const seconds = Math.floor(micros / 1e6);
    const fraction = String(micros - seconds * 1e6).padStart(6, '0');
    const head = `+${seconds}.${fraction} [${db} ${sourceOf(address)}]`;
    let bytes = head.length + 2;
    for (let i = 0; i < args.count; i++) {
      const shown = shownBytesMax(args, i);
      bytes += bytes + shown > LINE_BYTES_MAX ? LEFT_OUT.length + 1 : shown;
    }
    if (bytes > this.buf.length || this.buf.length > ROOM_KEPT_BYTES) {
      this.buf = new Uint8Array(Math.max(bytes, ROOM_BYTES));
    }
    this.length = 0;
    this.#text(head);
  }

  #put(byte: number): void {
    this.buf[this.length++] = byte;
  }

  #text(text: string): void {
    for (let i = 0; i < text.length; i++) this.#put(text.charCodeAt(i));
  }

  #quoted(buf: Uint8Array, from: number, end: number): void {
    this.#put(QUOTE);
    for (let i = from; i < end; i++) {
      const byte = buf[i]!;
      const isPlain = byte >= 0x20 && byte <= 0x7e && byte !== QUOTE && byte !== BACKSLASH;
      if (isPlain) this.#put(byte);
      else this.#escaped(byte);
    }
    this.#put(QUOTE);
  }

  #escaped(byte: number): void {
    this.#put(BACKSLASH);
    const letter = LETTERS.get(byte);
    if (letter !== undefined) {
      this.#put(letter);
      return;
    }
    this.#put(0x78);
    this.#put(HEX[byte >>> 4]!);
    this.#put(HEX[byte & 15]!);
  }
}
