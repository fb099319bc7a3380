/**
 * Framing of requests: finds the arguments of one command in received bytes. Copies nothing and
 * makes no strings (inline commands excepted: their unescaped arguments need bytes of their own).
 *
 * FORMAT
 *   multibulk   *2\r\n $3\r\nGET\r\n $1\r\nk\r\n      count, then each argument with its length
 *   inline      GET "k\x00"\r\n                        a line, split at blanks, with quotes
 *   nothing     *0\r\n   *-1\r\n   empty line          skipped without a reply
 *
 * As in Redis, line ends are searched up to the next NUL byte, a length line ends two bytes after
 * its CR whatever the second byte is, and the two bytes after an argument are not looked at.
 *
 * TRUST every byte is a stranger's. Memory grows with bytes received, never with lengths declared.
 *
 * COST linear in the bytes received however they are cut: {@link ParseState} remembers, from the
 * 16th argument on, how far an incomplete command was read, and how far a line was searched.
 */
import { latin1Text, parseInt64 } from '../base/number-text.ts';
import { splitInline } from './inline-split.ts';

export const PARSE_COMPLETE = 1;
export const PARSE_MORE = 0;
export const PARSE_ERROR = -1;

export type ParserLimits = {
  /** Longest argument in bytes (proto-max-bulk-len), 99 or more. May be changed at run time. */
  maxBulkLength: number;
  /** Most arguments of one command. Redis 7 has 2^31 - 1. */
  maxMultibulk: number;
  /** Longest inline command or length line in bytes, without its end. */
  maxInline: number;
};

export const DEFAULT_PARSER_LIMITS: Readonly<ParserLimits> = {
  maxBulkLength: 512 * 1024 * 1024,
  maxMultibulk: 0x7fffffff,
  maxInline: 64 * 1024,
};

/** What a client may send before it has authenticated. */
const UNAUTHENTICATED_MULTIBULK_MAX = 10;
const UNAUTHENTICATED_BULK_LENGTH_MAX = 16384;

const ARGUMENTS_INITIAL = 64;
/** A view grown beyond this shrinks again before the next command. */
const ARGUMENTS_KEPT_MAX = 65536;
/** Incomplete commands with fewer arguments are cheaper to read again than to remember. */
const REMEMBER_ARGUMENTS_MIN = 16;
/** Incomplete commands with as many arguments have tables of their own, see {@link TableRoom}. */
const LARGE_ARGUMENTS_MIN = 4096;
/** Most arguments for which such tables have room from the start. */
const LARGE_ARGUMENTS_GUESS_MAX = 1 << 20;

const CR = 0x0d;
const LF = 0x0a;
const STAR = 0x2a;
const DOLLAR = 0x24;
const ZERO = 0x30;

/** Answers of a line besides a position or a number; PARSE_ERROR (-1) is one, too. */
const NOT_FOUND = -1;
const LINE_MORE = -2;
const LINE_TOO_LONG = -3;

function doubledUntil(size: number, wanted: number): number {
  while (size < wanted) size *= 2;
  return size;
}

function grown(array: Int32Array, capacity: number): Int32Array {
  const larger = new Int32Array(capacity);
  larger.set(array);
  return larger;
}

/**
 * Memory for the tables (offsets and lengths) of commands with very many arguments, which travel
 * with the command. Growing tables of half a million arguments in fresh memory cost 12 ms of page
 * faults a command.
 */
export interface TableRoom {
  /**
   * Moves the tables of `args` to room for `capacity` arguments, and sets `tableRef`. False where
   * there is none: nothing has changed then.
   */
  grow(args: ArgView, capacity: number): boolean;
  /** Takes the room of such tables back. */
  free(ref: number): void;
}

/**
 * The arguments of one command: bytes borrowed from the receive buffer (or from the parser, for
 * inline commands), valid until the next call of the parser that owns this view.
 */
export class ArgView {
  /** Where all arguments lie. */
  buf: Uint8Array = new Uint8Array(0);
  count = 0;
  /** Start of argument i in {@link buf}; may be longer than count. */
  offset: Int32Array = new Int32Array(ARGUMENTS_INITIAL);
  /** Bytes of argument i. */
  length: Int32Array = new Int32Array(ARGUMENTS_INITIAL);
  /** Where tables may lie, and the block they lie in; 0 = they are this thread's own memory. */
  room: TableRoom | null = null;
  tableRef = 0;

  /** Makes room for at least `capacity` arguments, keeping those present. */
  reserve(capacity: number): void {
    if (capacity <= this.offset.length) return;
    const target = doubledUntil(this.offset.length, capacity);
    if (this.room?.grow(this, target)) return;
    this.offset = grown(this.offset, target);
    this.length = grown(this.length, target);
    if (this.tableRef !== 0) this.room?.free(this.tableRef);
    this.tableRef = 0;
  }

  /** Gives memory of a huge command back; forgets the arguments. */
  shrink(): void {
    this.count = 0;
    this.offset = new Int32Array(ARGUMENTS_INITIAL);
    this.length = new Int32Array(ARGUMENTS_INITIAL);
  }

  /** Appends argument bytes [start, start + length) of {@link buf}. */
  push(start: number, length: number): void {
    const index = this.count;
    if (index === this.offset.length) this.reserve(index + 1);
    this.offset[index] = start;
    this.length[index] = length;
    this.count = index + 1;
  }

  /** End of argument i in {@link buf}. */
  end(i: number): number {
    return this.offset[i]! + this.length[i]!;
  }

  /** Bytes from the first argument to the end of the last one, where they lie in order. */
  get span(): number {
    return this.count === 0 ? 0 : this.end(this.count - 1) - this.offset[0]!;
  }

  /** Argument i as text, one character per byte: for error messages and cold paths. */
  text(i: number): string {
    return latin1Text(this.buf, this.offset[i]!, this.end(i));
  }

  /** Whether argument i is `upper`, an ASCII text in upper case, in any case. */
  equalsIgnoreCase(i: number, upper: Uint8Array): boolean {
    const length = this.length[i]!;
    if (length !== upper.length) return false;
    const buf = this.buf;
    const start = this.offset[i]!;
    for (let at = 0; at < length; at++) {
      const byte = buf[start + at]!;
      const folded = byte >= 0x61 && byte <= 0x7a ? byte - 0x20 : byte;
      if (folded !== upper[at]) return false;
    }
    return true;
  }

  /** Argument i as an integer; the answers are those of `parseInt64`. */
  toInt(i: number): number {
    const start = this.offset[i]!;
    return parseInt64(this.buf, start, start + this.length[i]!);
  }
}

/**
 * What a connection remembers of a command that has not arrived completely. All positions are
 * relative to the start of that command, so the bytes may move between calls.
 */
export class ParseState {
  /** Bytes the command has at the least; until then parsing is pointless. 0: nothing remembered. */
  need = 0;
  /** Where the line starts in which the command breaks off, and how far its end was searched. */
  line = 0;
  scanned = 0;
  /** Arguments remembered below; 0 when the command is read again from its start. */
  count = 0;
  /** Arguments declared, when count is not 0. */
  total = 0;
  /** Where the length line of argument `count` starts. */
  position = 0;
  offset: Int32Array | null = null;
  length: Int32Array | null = null;
  /** Where tables of large commands lie; null = with all others. */
  room: TableRoom | null = null;
  /** The arguments of a large command, instead of the two above. */
  large: ArgView | null = null;
  #largeBase = 0;
  /** Those of the last one that is complete, until `dropFinished`. */
  finished: ArgView | null = null;

  /** Bytes of the tables of arguments remembered. */
  get tableBytes(): number {
    if (this.large !== null) return this.large.offset.byteLength + this.large.length.byteLength;
    return (this.offset?.byteLength ?? 0) + (this.length?.byteLength ?? 0);
  }

  /** Forgets the command, of which the tables of a large one stay until `dropFinished`. */
  reset(): void {
    this.need = 0;
    this.line = 0;
    this.scanned = 0;
    if (this.count === 0) return;
    if (this.large !== null) {
      this.dropFinished();
      this.finished = this.large;
      this.large = null;
    }
    this.count = 0;
    this.total = 0;
    this.position = 0;
    this.offset = null;
    this.length = null;
  }

  /** Remembers args[this.count, args.count), read from a command that starts at `base`. */
  remember(args: ArgView, total: number, base: number, position: number): void {
    const count = args.count;
    let offset = this.offset ?? new Int32Array(ARGUMENTS_INITIAL);
    let length = this.length ?? new Int32Array(ARGUMENTS_INITIAL);
    if (offset.length < count) {
      const capacity = doubledUntil(offset.length, count);
      offset = grown(offset, capacity);
      length = grown(length, capacity);
    }
    for (let i = this.count; i < count; i++) {
      offset[i] = args.offset[i]! - base;
      length[i] = args.length[i]!;
    }
    this.offset = offset;
    this.length = length;
    this.count = count;
    this.total = total;
    this.position = position - base;
  }

  /** Gives what is remembered of a command that starts at `base` tables of its own. */
  enlarge(base: number): void {
    const large = new ArgView();
    large.room = this.room;
    large.reserve(Math.max(this.count + 1, Math.min(this.total, LARGE_ARGUMENTS_GUESS_MAX)));
    large.offset.set(this.offset!.subarray(0, this.count));
    large.length.set(this.length!.subarray(0, this.count));
    large.count = this.count;
    this.large = large;
    this.#largeBase = 0;
    this.offset = null;
    this.length = null;
    this.rebase(base);
  }

  /** The large command starts at `base` of the buffer now. */
  rebase(base: number): void {
    const { offset, count } = this.large!;
    const shift = base - this.#largeBase;
    this.#largeBase = base;
    if (shift !== 0) for (let i = 0; i < count; i++) offset[i] = offset[i]! + shift;
  }

  /** Gives the tables of a complete large command back: it was consumed. */
  dropFinished(): void {
    const { finished } = this;
    this.finished = null;
    if (finished !== null && finished.tableRef !== 0) this.room?.free(finished.tableRef);
  }

  /** Puts the remembered arguments back in front of those read since. */
  recall(args: ArgView, base: number): void {
    const offset = this.offset!;
    // Half a million arguments by loop take 2 ms, by block copy 0.3.
    args.length.set(this.length!.subarray(0, this.count));
    if (base === 0) {
      args.offset.set(offset.subarray(0, this.count));
      return;
    }
    for (let i = 0; i < this.count; i++) args.offset[i] = offset[i]! + base;
  }
}

/** One per thread; serves any number of connections, each with its own {@link ParseState}. */
export class RequestParser {
  readonly #own = new ArgView();
  /** The arguments after PARSE_COMPLETE, valid until the next call; at least one. */
  args: ArgView = this.#own;
  /** Redis's text after PARSE_ERROR, without "-ERR ", one character per byte. */
  error = '';
  /**
   * After every result, where the next call has to start: behind the command when complete; at the
   * start of the incomplete command after PARSE_MORE (behind empty commands that were skipped).
   */
  next = 0;

  readonly #limits: ParserLimits;
  /** Position behind the line read last. */
  #cursor = 0;
  /** Owner of the bytes of inline arguments. */
  #scratch = new Uint8Array(0);

  constructor(limits: ParserLimits) {
    this.#limits = limits;
  }

  /**
   * Reads one command from buf[start, end). `state` is the connection's, and `start` has to be
   * `next` of the connection's previous call (moved along when the bytes were moved). After
   * PARSE_ERROR the connection cannot go on.
   */
  parse(
    buf: Uint8Array,
    start: number,
    end: number,
    state: ParseState,
    authenticated: boolean,
  ): number {
    let at = start;
    if (state.need !== 0) {
      if (end - start < state.need) return this.#stop(start);
      if (state.count !== 0) {
        const args = state.large ?? this.#own;
        this.args = args;
        args.buf = buf;
        args.count = state.count;
        if (state.large === null) args.reserve(state.count + 1);
        else state.rebase(start);
        const position = start + state.position;
        return this.#bulks(buf, start, position, state.total, end, state, authenticated);
      }
    }
    this.args = this.#own;
    while (at < end) {
      if (buf[at] !== STAR) {
        const result = this.#inline(buf, at, end, state);
        if (result !== PARSE_COMPLETE || this.args.count !== 0) return result;
        at = this.next;
        continue;
      }
      let total = -1;
      // One digit is the usual count by far.
      if (at + 3 < end && buf[at + 2] === CR) {
        total = buf[at + 1]! - ZERO;
        this.#cursor = at + 4;
      }
      if (total <= 0 || total > 9) {
        total = this.#multibulkCount(buf, at, end, state, authenticated);
        if (total < 0) return total === LINE_MORE ? PARSE_MORE : PARSE_ERROR;
        if (total === 0) {
          state.reset();
          at = this.#cursor;
          continue;
        }
      }
      const args = this.args;
      if (args.offset.length > ARGUMENTS_KEPT_MAX) args.shrink();
      args.buf = buf;
      args.count = 0;
      return this.#bulks(buf, at, this.#cursor, total, end, state, authenticated);
    }
    return this.#stop(at);
  }

  #stop(at: number): number {
    this.next = at;
    return PARSE_MORE;
  }

  #fail(at: number, error: string, state: ParseState): number {
    state.reset();
    this.next = at;
    this.error = 'Protocol error: ' + error;
    return PARSE_ERROR;
  }

  /** Remembers that the command at `at` is incomplete, and how many bytes it has at the least. */
  #more(at: number, needEnd: number, state: ParseState): number {
    state.need = needEnd - at;
    this.next = at;
    return PARSE_MORE;
  }

  /** Reads arguments [args.count, total) of the command at `at`, the next one at `position`. */
  #bulks(
    buf: Uint8Array,
    at: number,
    position: number,
    total: number,
    end: number,
    state: ParseState,
    authenticated: boolean,
  ): number {
    const args = this.args;
    let offset = args.offset;
    let lengths = args.length;
    let capacity = offset.length;
    for (let i = args.count; i < total; i++) {
      let length = -1;
      let data = position + 4;
      // Lengths of one and two digits, by far the most frequent, are read in place: no limit is
      // below them.
      if (data < end && buf[position] === DOLLAR) {
        length = buf[position + 1]! - ZERO;
        const second = buf[position + 2]!;
        if (second === CR) {
          if (length < 0 || length > 9) length = -1;
        } else if (buf[position + 3] === CR && length >= 1 && length <= 9) {
          data++;
          length = second >= ZERO && second <= ZERO + 9 ? length * 10 + second - ZERO : -1;
        } else {
          length = -1;
        }
      }
      if (length < 0) {
        length = this.#bulkLength(buf, at, position, end, state, authenticated);
        if (length < 0) {
          if (length !== LINE_MORE) return PARSE_ERROR;
          return this.#breakOff(at, position, i, total, end + 1, state);
        }
        data = this.#cursor;
      }
      if (data + length + 2 > end) {
        return this.#breakOff(at, position, i, total, data + length + 2, state);
      }
      if (i === capacity) {
        args.reserve(i + 1);
        offset = args.offset;
        lengths = args.length;
        capacity = offset.length;
      }
      offset[i] = data;
      lengths[i] = length;
      position = data + length + 2;
    }
    args.count = total;
    if (state.need !== 0) {
      if (state.count !== 0 && state.large !== args) state.recall(args, at);
      state.reset();
    }
    this.next = position;
    return PARSE_COMPLETE;
  }

  #breakOff(
    at: number,
    position: number,
    count: number,
    total: number,
    needEnd: number,
    state: ParseState,
  ): number {
    this.args.count = count;
    if (this.args === state.large) {
      state.count = count;
      state.position = position - at;
    } else if (count >= REMEMBER_ARGUMENTS_MIN) {
      state.remember(this.args, total, at, position);
      if (count >= LARGE_ARGUMENTS_MIN) state.enlarge(at);
    }
    return this.#more(at, needEnd, state);
  }

  /** The count of the multibulk at `at`, 0 for an empty one, or a negative LINE_ answer. */
  #multibulkCount(
    buf: Uint8Array,
    at: number,
    end: number,
    state: ParseState,
    authenticated: boolean,
  ): number {
    const lineEnd = this.#lengthLineEnd(buf, at, at, end, state);
    if (lineEnd === LINE_TOO_LONG) return this.#fail(at, 'too big mbulk count string', state);
    if (lineEnd === LINE_MORE) {
      this.#more(at, end + 1, state);
      return LINE_MORE;
    }
    const count = parseInt64(buf, at + 1, lineEnd);
    if (!(count <= this.#limits.maxMultibulk)) {
      return this.#fail(at, 'invalid multibulk length', state);
    }
    if (!authenticated && count > UNAUTHENTICATED_MULTIBULK_MAX) {
      return this.#fail(at, 'unauthenticated multibulk length', state);
    }
    this.#cursor = lineEnd + 2;
    return Math.max(count, 0);
  }

  /** The length of the argument whose length line is at `position`, or a negative LINE_ answer. */
  #bulkLength(
    buf: Uint8Array,
    at: number,
    position: number,
    end: number,
    state: ParseState,
    authenticated: boolean,
  ): number {
    const lineEnd = this.#lengthLineEnd(buf, at, position, end, state);
    if (lineEnd === LINE_TOO_LONG) return this.#fail(at, 'too big bulk count string', state);
    if (lineEnd === LINE_MORE) return LINE_MORE;
    const first = buf[position]!;
    if (first !== DOLLAR) {
      const shown = first === CR || first === LF ? ' ' : String.fromCharCode(first);
      return this.#fail(at, `expected '$', got '${shown}'`, state);
    }
    const length = parseInt64(buf, position + 1, lineEnd);
    if (!(length >= 0 && length <= this.#limits.maxBulkLength)) {
      return this.#fail(at, 'invalid bulk length', state);
    }
    if (!authenticated && length > UNAUTHENTICATED_BULK_LENGTH_MAX) {
      return this.#fail(at, 'unauthenticated bulk length', state);
    }
    this.#cursor = lineEnd + 2;
    return length;
  }

  /** Where the CR of the length line at `position` is, once the byte after it is there as well. */
  #lengthLineEnd(
    buf: Uint8Array,
    at: number,
    position: number,
    end: number,
    state: ParseState,
  ): number {
    const limit = Math.min(end, position + this.#limits.maxInline + 1);
    const found = this.#search(buf, CR, at, position, limit, state);
    if (found >= 0 && found + 1 < end) return found;
    if (found < 0 && end - position > this.#limits.maxInline) return LINE_TOO_LONG;
    return LINE_MORE;
  }

  /**
   * Finds `byte` in buf[position, limit) but not behind a NUL, or returns NOT_FOUND. Goes on
   * where the previous search of this line ended.
   */
  #search(
    buf: Uint8Array,
    byte: number,
    at: number,
    position: number,
    limit: number,
    state: ParseState,
  ): number {
    let i = state.line === position - at ? Math.max(position, at + state.scanned) : position;
    while (i < limit && buf[i] !== byte && buf[i] !== 0) i++;
    if (i < limit && buf[i] === byte) return i;
    state.line = position - at;
    state.scanned = i - at;
    return NOT_FOUND;
  }

  /** Reads an inline command at `at`; an empty line is a complete command of no arguments. */
  #inline(buf: Uint8Array, at: number, end: number, state: ParseState): number {
    const limit = Math.min(end, at + this.#limits.maxInline + 1);
    const found = this.#search(buf, LF, at, at, limit, state);
    if (found < 0) {
      if (end - at > this.#limits.maxInline) {
        return this.#fail(at, 'too big inline request', state);
      }
      return this.#more(at, end + 1, state);
    }
    state.reset();
    const lineEnd = found > at && buf[found - 1] === CR ? found - 1 : found;
    const args = this.args;
    args.count = 0;
    if (this.#scratch.length < lineEnd - at) {
      this.#scratch = new Uint8Array(Math.max(256, 2 * (lineEnd - at)));
    }
    args.buf = this.#scratch;
    if (!splitInline(buf, at, lineEnd, args)) {
      return this.#fail(at, 'unbalanced quotes in request', state);
    }
    this.next = found + 1;
    return PARSE_COMPLETE;
  }
}
