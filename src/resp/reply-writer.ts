/**
 * Replies as bytes, in RESP2 or RESP3, appended to one growing buffer.
 *
 * OWNERSHIP one writer per thread. `buf` and `length` are borrowed by whoever sends them until the
 * next call of any method; appending may replace `buf`.
 *
 * Strings given as "latin1" carry one byte per character; text from clients stays binary-safe so.
 */
import { decimalDigits, formatDouble, formatInteger } from '../base/number-text.ts';

const CR = 0x0d;
const LF = 0x0a;
const ZERO = 0x30;
const MINUS = 0x2d;
const SIMPLE = 0x2b;
const INTEGER = 0x3a;
const BULK = 0x24;
const ARRAY = 0x2a;
const MAP = 0x25;
const SET = 0x7e;
const PUSH = 0x3e;
const ATTRIBUTE = 0x7c;
const DOUBLE = 0x2c;
const BIG_NUMBER = 0x28;
const VERBATIM = 0x3d;

const INITIAL_BYTES_DEFAULT = 64 * 1024;
/** clear() gives back a buffer that has grown beyond this multiple of its initial size. */
const KEPT_FACTOR = 16;
/** Type byte, sign, 16 digits, CR LF, and some: enough for any header or integer. */
const HEADER_BYTES_MAX = 32;
/** The empty one. */
export const BULK_BYTES_MIN = 6;
/** What a deferred header reserves: type, two digits, CR LF. Other lengths move the body. */
const DEFERRED_BYTES = 5;
/**
 * Ranges up to this are copied byte by byte (0.8 to 1.2 ns a byte), longer ones by Buffer's copy,
 * which costs the same 50 to 60 ns from 16 bytes to 1 KiB, where TypedArray.set with a subarray
 * takes 250 from shared memory. See the copy tasks of bench/micro/reply-writer.bench.ts.
 */
const BYTE_LOOP_MAX = 64;
/** Offsets below this, ranges included, are 32-bit integers; an arena or a reply may be larger. */
const SMALL_OFFSET_MAX = 2 ** 31 - 1024;
const nodeCopy = Buffer.prototype.copy;
/** What the replies of a read may take: more than any value has, but by naming it many times. */
const READ_BYTES_MAX = 2 ** 32;

const OK_BYTES = latin1Bytes('+OK\r\n');
const NULL_BULK = latin1Bytes('$-1\r\n');
const NULL_ARRAY = latin1Bytes('*-1\r\n');
const NULL_RESP3 = latin1Bytes('_\r\n');
const TRUE_BYTES = latin1Bytes('#t\r\n');
const FALSE_BYTES = latin1Bytes('#f\r\n');

function latin1Bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** A read would answer with more than `readBytesMax` or `clientBytesMax` bytes. */
export class ReplyTooLarge extends Error {
  /** It is more than the client may be sent: nobody waits for an answer. */
  readonly isForClient: boolean;

  constructor(isForClient: boolean) {
    super();
    this.isForClient = isForClient;
  }
}

/** Appends replies to `buf`. Sizes are in bytes; counts are elements. */
export class ReplyWriter {
  /** The replies are buf[0, length). */
  buf: Uint8Array;
  length = 0;
  /** Whether the client to whom the next reply goes speaks RESP3. */
  resp3 = false;
  /**
   * A read is being answered, or what a command says before it changes anything; that may be broken
   * off: beyond `readBytesMax` bytes every method throws ReplyTooLarge. So do those that have the
   * buffer grow beyond `clientBytesMax`, what the client may be sent.
   */
  isRead = false;
  readBytesMax = READ_BYTES_MAX;
  clientBytesMax = Number.POSITIVE_INFINITY;

  readonly #initialBytes: number;
  /** The same memory as `buf`, for Node's string encoders. */
  #node: Buffer;

  constructor(initialBytes: number = INITIAL_BYTES_DEFAULT) {
    this.#initialBytes = initialBytes;
    this.#node = Buffer.allocUnsafeSlow(initialBytes);
    this.buf = new Uint8Array(this.#node.buffer, 0, initialBytes);
  }

  /** Makes room for n more bytes, so that `buf[length...]` may be written directly. */
  reserve(n: number): void {
    if (this.length + n > this.buf.length) this.#grow(this.length + n);
  }

  /**
   * `count` bulk strings are going to follow. Throws ReplyTooLarge where that is more than the
   * client may be sent, whatever they are.
   */
  expectBulks(count: number): void {
    const least = this.length + count * BULK_BYTES_MIN;
    if (this.isRead && least > this.clientBytesMax) throw new ReplyTooLarge(true);
  }

  #grow(wanted: number): void {
    if (this.isRead) {
      if (wanted - HEADER_BYTES_MAX > this.clientBytesMax) throw new ReplyTooLarge(true);
      if (wanted > this.readBytesMax) throw new ReplyTooLarge(false);
    }
    let capacity = this.buf.length * 2;
    while (capacity < wanted) capacity *= 2;
    const old = this.buf;
    this.#allocate(capacity);
    this.buf.set(this.length === old.length ? old : old.subarray(0, this.length));
  }

  #allocate(capacity: number): void {
    this.#node = Buffer.allocUnsafeSlow(capacity);
    this.buf = new Uint8Array(this.#node.buffer, 0, capacity);
  }

  /** Forgets all replies; a buffer that one huge reply had grown shrinks to its initial size. */
  clear(): void {
    this.length = 0;
    if (this.buf.length > this.#initialBytes * KEPT_FACTOR) this.#allocate(this.#initialBytes);
  }

  /** Takes back everything appended since `length` was `mark`. */
  truncate(mark: number): void {
    this.length = mark;
  }

  /** Appends ready reply bytes. */
  raw(bytes: Uint8Array): void {
    this.rawRange(bytes, 0, bytes.length);
  }

  /** Appends source[start, end) as it is. */
  rawRange(source: Uint8Array, start: number, end: number): void {
    const count = end - start;
    if (this.length + count > this.buf.length) this.#grow(this.length + count);
    this.#copy(source, start, count, this.length);
    this.length += count;
  }

  /** Copies source[start, start + count) to buf[at...]; the room is there. */
  #copy(source: Uint8Array, start: number, count: number, at: number): void {
    if (count > BYTE_LOOP_MAX) {
      nodeCopy.call(source, this.#node, at, start, start + count);
    } else if (start < SMALL_OFFSET_MAX && at < SMALL_OFFSET_MAX) {
      // Integer arithmetic: 1.4 times as fast as the plain loop below for 32 bytes.
      const buf = this.buf;
      const from = start | 0;
      const to = at | 0;
      for (let i = 0; i < count; i = (i + 1) | 0) buf[(to + i) | 0] = source[(from + i) | 0]!;
    } else {
      const buf = this.buf;
      for (let i = 0; i < count; i++) buf[at + i] = source[start + i]!;
    }
  }

  /** Appends the type byte, the integer n and CR LF. */
  #header(type: number, n: number): void {
    if (this.length + HEADER_BYTES_MAX > this.buf.length) {
      this.#grow(this.length + HEADER_BYTES_MAX);
    }
    const buf = this.buf;
    let at = this.length;
    buf[at] = type;
    if (n >= 0 && n < 10) {
      buf[at + 1] = ZERO + n;
      at += 2;
    } else {
      at += 1 + formatInteger(n, buf, at + 1);
    }
    buf[at] = CR;
    buf[at + 1] = LF;
    this.length = at + 2;
  }

  ok(): void {
    this.raw(OK_BYTES);
  }

  /** A simple string; latin1, line ends become spaces. */
  simple(text: string): void {
    this.#line(SIMPLE, text);
  }

  /** An error such as "ERR syntax error"; latin1, line ends become spaces. */
  error(text: string): void {
    this.#line(MINUS, text);
  }

  /** A ready error line, "-...\r\n", from the error catalogue. */
  errorBytes(ready: Uint8Array): void {
    this.raw(ready);
  }

  #line(type: number, text: string): void {
    const count = text.length;
    this.reserve(count + 3);
    const buf = this.buf;
    let at = this.length;
    buf[at++] = type;
    for (let i = 0; i < count; i++) {
      const code = text.charCodeAt(i);
      buf[at++] = code === CR || code === LF ? 0x20 : code;
    }
    buf[at] = CR;
    buf[at + 1] = LF;
    this.length = at + 2;
  }

  /** n is a safe integer. */
  integer(n: number): void {
    this.#header(INTEGER, n);
  }

  /** For 64-bit integers beyond 2^53 - 1. Allocates. */
  integerBigint(n: bigint): void {
    this.#line(INTEGER, n.toString());
  }

  /** source[start, end) as a bulk string. */
  bulk(source: Uint8Array, start: number, end: number): void {
    const count = end - start;
    const room = this.length + count + HEADER_BYTES_MAX;
    if (room > this.buf.length) this.#grow(room);
    const buf = this.buf;
    let at = this.length;
    buf[at] = BULK;
    if (count < 10) {
      buf[at + 1] = ZERO + count;
      at += 2;
    } else if (count < 100) {
      const tens = (count / 10) | 0;
      buf[at + 1] = ZERO + tens;
      buf[at + 2] = ZERO + (count - tens * 10);
      at += 3;
    } else {
      at += 1 + formatInteger(count, buf, at + 1);
    }
    buf[at] = CR;
    buf[at + 1] = LF;
    at += 2;
    this.#copy(source, start, count, at);
    at += count;
    buf[at] = CR;
    buf[at + 1] = LF;
    this.length = at + 2;
  }

  /** text in UTF-8 as a bulk string. */
  bulkText(text: string): void {
    const count = Buffer.byteLength(text);
    this.bulkHeader(count);
    this.#utf8(text, count);
    this.crlf();
  }

  /** text with one byte per character as a bulk string. */
  bulkLatin1(text: string): void {
    this.bulkHeader(text.length);
    this.reserve(text.length);
    this.length += this.#node.write(text, this.length, 'latin1');
    this.crlf();
  }

  #utf8(text: string, bytes: number): void {
    this.reserve(bytes);
    this.length += this.#node.write(text, this.length, 'utf8');
  }

  /** The header of a bulk string of `length` bytes, which the caller appends, and then crlf(). */
  bulkHeader(length: number): void {
    this.#header(BULK, length);
  }

  crlf(): void {
    this.reserve(2);
    this.buf[this.length] = CR;
    this.buf[this.length + 1] = LF;
    this.length += 2;
  }

  /** The null of a missing value. */
  null(): void {
    this.raw(this.resp3 ? NULL_RESP3 : NULL_BULK);
  }

  /** The null of a missing array, such as an aborted EXEC. */
  nullArray(): void {
    this.raw(this.resp3 ? NULL_RESP3 : NULL_ARRAY);
  }

  /** The header of an array of n elements, which follow. */
  array(n: number): void {
    this.#header(ARRAY, n);
  }

  /** The header of a map of n pairs; in RESP2 an array of 2n. */
  map(n: number): void {
    if (this.resp3) this.#header(MAP, n);
    else this.#header(ARRAY, 2 * n);
  }

  /** The header of a set of n elements; in RESP2 an array. */
  set(n: number): void {
    this.#header(this.resp3 ? SET : ARRAY, n);
  }

  /** The header of an out-of-band message of n elements; in RESP2 an array. */
  push(n: number): void {
    this.#header(this.resp3 ? PUSH : ARRAY, n);
  }

  /** The header of n attribute pairs in front of a reply. RESP3 only. */
  attribute(n: number): void {
    this.#header(ATTRIBUTE, n);
  }

  /** A double in its shortest form; in RESP2 a bulk string. Integers allocate nothing. */
  double(x: number): void {
    if (Number.isSafeInteger(x) && (x !== 0 || 1 / x > 0)) {
      if (this.resp3) this.#header(DOUBLE, x);
      else this.#bulkInteger(x);
      return;
    }
    if (this.resp3) this.#line(DOUBLE, formatDouble(x));
    else this.bulkLatin1(formatDouble(x));
  }

  #bulkInteger(n: number): void {
    this.#header(BULK, n < 0 ? decimalDigits(-n) + 1 : decimalDigits(n));
    this.reserve(HEADER_BYTES_MAX);
    this.length += formatInteger(n, this.buf, this.length);
    this.crlf();
  }

  /** A boolean; in RESP2 the integer 1 or 0. */
  bool(value: boolean): void {
    if (this.resp3) this.raw(value ? TRUE_BYTES : FALSE_BYTES);
    else this.#header(INTEGER, value ? 1 : 0);
  }

  /** Text with a format mark of three letters ("txt", "mkd"); in RESP2 a bulk string. UTF-8. */
  verbatim(text: string, format: string): void {
    if (!this.resp3) {
      this.bulkText(text);
      return;
    }
    const count = Buffer.byteLength(text);
    this.#header(VERBATIM, count + 4);
    this.#utf8(format + ':', 4);
    this.#utf8(text, count);
    this.crlf();
  }

  /** An integer of any size, in decimal; in RESP2 a bulk string. */
  bigNumber(text: string): void {
    if (this.resp3) this.#line(BIG_NUMBER, text);
    else this.bulkLatin1(text);
  }

  /**
   * Leaves room for the header of an aggregate whose size is not known yet. Give the returned mark
   * to one of the finish methods after its elements; aggregates nest, innermost finished first.
   * Moves the elements unless the header has two digits.
   */
  deferArray(): number {
    this.reserve(HEADER_BYTES_MAX);
    const mark = this.length;
    this.length = mark + DEFERRED_BYTES;
    return mark;
  }

  finishArray(mark: number, n: number): void {
    this.#finish(ARRAY, mark, n);
  }

  /** A bulk string of `length` bytes, which follow the mark. */
  finishBulk(mark: number, length: number): void {
    this.#finish(BULK, mark, length);
    this.crlf();
  }

  finishSet(mark: number, n: number): void {
    this.#finish(this.resp3 ? SET : ARRAY, mark, n);
  }

  /** n is pairs, as in {@link map}. */
  finishMap(mark: number, n: number): void {
    if (this.resp3) this.#finish(MAP, mark, n);
    else this.#finish(ARRAY, mark, 2 * n);
  }

  #finish(type: number, mark: number, n: number): void {
    const digits = decimalDigits(n);
    const shift = digits + 3 - DEFERRED_BYTES;
    if (shift !== 0) {
      this.reserve(HEADER_BYTES_MAX);
      const body = mark + DEFERRED_BYTES;
      this.buf.copyWithin(body + shift, body, this.length);
      this.length += shift;
    }
    const buf = this.buf;
    buf[mark] = type;
    formatInteger(n, buf, mark + 1);
    buf[mark + 1 + digits] = CR;
    buf[mark + 2 + digits] = LF;
  }
}
