/**
 * TransactionBlock: the queue of a MULTI, as bytes that can be run where they are or sent through a
 * ring.
 *
 * LAYOUT (u32 words, little-endian; every item starts at a multiple of 4)
 *   header   0 watches   1 items   2 how many of them have no reply
 *   watch    0 shard   1 database   2 lo   3 hi   4 version   5 key length   then the key, padded
 *   item     0 bytes of this item   1 command row, or LITERAL   2 database   3 arguments
 *            COMMAND: argument lengths, then their bytes, padded     LITERAL: reply bytes, padded
 *            LITERAL: 3 = length of the reply, 2 = length of what MONITOR shows behind it
 *
 * Watches come first: they are checked under the locks, before anything runs.
 */
import type { ArgView } from '../resp/request-parser.ts';

export const LITERAL = 0xffffffff;
const HEADER_BYTES = 12;
const WATCH_BYTES = 24;
const ITEM_BYTES = 16;
const INITIAL_BYTES = 512;
const NO_BYTES = new Uint8Array(0);

function padded(bytes: number): number {
  return (bytes + 3) & ~3;
}

export class TransactionBlock {
  bytes: Uint8Array = new Uint8Array(INITIAL_BYTES);
  length = HEADER_BYTES;
  #words: Uint32Array = new Uint32Array(this.bytes.buffer);

  get items(): number {
    return this.#words[1]!;
  }

  /** Items with a reply. */
  get replies(): number {
    return this.#words[1]! - this.#words[2]!;
  }

  clear(): void {
    if (this.bytes.length > INITIAL_BYTES) {
      this.bytes = new Uint8Array(INITIAL_BYTES);
      this.#words = new Uint32Array(this.bytes.buffer);
    }
    this.length = HEADER_BYTES;
    this.#words[0] = 0;
    this.#words[1] = 0;
    this.#words[2] = 0;
  }

  #reserve(bytes: number): void {
    let size = this.bytes.length;
    if (this.length + bytes <= size) return;
    while (size < this.length + bytes) size *= 2;
    const grown = new Uint8Array(size);
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
    this.#words = new Uint32Array(grown.buffer);
  }

  /** Adds a watched key; only before the first item. */
  addWatch(watch: WatchedKey): void {
    const key = watch.key;
    this.#reserve(WATCH_BYTES + padded(key.length));
    const at = this.length >>> 2;
    const words = this.#words;
    words[at] = watch.shard;
    words[at + 1] = watch.db;
    words[at + 2] = watch.lo;
    words[at + 3] = watch.hi;
    words[at + 4] = watch.version;
    words[at + 5] = key.length;
    this.bytes.set(key, this.length + WATCH_BYTES);
    this.length += WATCH_BYTES + padded(key.length);
    words[0] = words[0]! + 1;
  }

  /** Adds a command. O(bytes). */
  addCommand(row: number, db: number, args: ArgView): void {
    let bytes = ITEM_BYTES + args.count * 4;
    for (let i = 0; i < args.count; i++) bytes += args.length[i]!;
    this.#reserve(padded(bytes));
    const at = this.length >>> 2;
    const words = this.#words;
    words[at] = padded(bytes);
    words[at + 1] = row;
    words[at + 2] = db;
    words[at + 3] = args.count;
    let to = this.length + ITEM_BYTES + args.count * 4;
    for (let i = 0; i < args.count; i++) {
      words[at + 4 + i] = args.length[i]!;
      const start = args.offset[i]!;
      this.bytes.set(args.buf.subarray(start, start + args.length[i]!), to);
      to += args.length[i]!;
    }
    this.length += padded(bytes);
    words[1] = words[1]! + 1;
  }

  /** Adds a reply that is known already, and what MONITOR shows of its command. */
  addLiteral(reply: Uint8Array, shown: Uint8Array = NO_BYTES): void {
    const bytes = padded(ITEM_BYTES + reply.length + shown.length);
    this.#reserve(bytes);
    const at = this.length >>> 2;
    this.#words[at] = bytes;
    this.#words[at + 1] = LITERAL;
    this.#words[at + 2] = shown.length;
    this.#words[at + 3] = reply.length;
    this.bytes.set(reply, this.length + ITEM_BYTES);
    this.bytes.set(shown, this.length + ITEM_BYTES + reply.length);
    this.length += bytes;
    this.#words[1] = this.#words[1]! + 1;
  }

  /** Adds what MONITOR shows when everything before has run: EXEC itself. */
  addShown(shown: Uint8Array): void {
    this.addLiteral(NO_BYTES, shown);
    this.#words[2] = this.#words[2]! + 1;
  }
}

/** A key that a session watches. */
export interface WatchedKey {
  readonly shard: number;
  readonly db: number;
  readonly lo: number;
  readonly hi: number;
  readonly version: number;
  readonly key: Uint8Array;
}

/**
 * Walks a transaction block that lies in `bytes` from `start` on (any alignment: bytes are read one
 * by one).
 */
export class TransactionReader {
  bytes: Uint8Array = new Uint8Array(0);
  watches = 0;
  items = 0;
  /** Items without a reply, which only show something to MONITOR. */
  shownOnly = 0;
  /** Fields of the watch or item read last. */
  shard = 0;
  db = 0;
  lo = 0;
  hi = 0;
  version = 0;
  keyStart = 0;
  keyEnd = 0;
  row = 0;
  /** Literal reply: byte range of `bytes`. */
  literalStart = 0;
  literalEnd = 0;
  /** What MONITOR shows: from the literal's end up to here. */
  shownEnd = 0;
  #at = 0;

  begin(bytes: Uint8Array, start: number): void {
    this.bytes = bytes;
    this.watches = this.#u32(start);
    this.items = this.#u32(start + 4);
    this.shownOnly = this.#u32(start + 8);
    this.#at = start + HEADER_BYTES;
  }

  #u32(at: number): number {
    const b = this.bytes;
    return (b[at]! | (b[at + 1]! << 8) | (b[at + 2]! << 16) | (b[at + 3]! << 24)) >>> 0;
  }

  nextWatch(): void {
    const at = this.#at;
    this.shard = this.#u32(at);
    this.db = this.#u32(at + 4);
    this.lo = this.#u32(at + 8) | 0;
    this.hi = this.#u32(at + 12) | 0;
    this.version = this.#u32(at + 16);
    this.keyStart = at + WATCH_BYTES;
    this.keyEnd = this.keyStart + this.#u32(at + 20);
    this.#at = this.keyStart + padded(this.keyEnd - this.keyStart);
  }

  /**
   * Reads the next item; fills `args` with its arguments, or the literal range where row is
   * LITERAL.
   */
  nextItem(args: ArgView): void {
    const at = this.#at;
    this.row = this.#u32(at + 4);
    this.db = this.#u32(at + 8);
    const count = this.#u32(at + 12);
    if (this.row === LITERAL) {
      this.literalStart = at + ITEM_BYTES;
      this.literalEnd = this.literalStart + count;
      this.shownEnd = this.literalEnd + this.db;
    } else {
      args.buf = this.bytes;
      args.reserve(count);
      args.count = count;
      let to = at + ITEM_BYTES + count * 4;
      for (let i = 0; i < count; i++) {
        args.offset[i] = to;
        args.length[i] = this.#u32(at + ITEM_BYTES + i * 4);
        to += args.length[i]!;
      }
    }
    this.#at = at + this.#u32(at);
  }
}
