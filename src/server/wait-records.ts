/**
 * WaitRecords: blocked commands. One record for each, in spill memory, where every thread can read
 * and run it; the wait tables of the shards lead to it, by a list of waiters for each key.
 *
 * LAYOUT of a record (u32 words)
 *   0 state            1 I/O thread of the client   2 connection   3 its generation
 *   4 database         5 command row                6 flags        7 type of value waited for
 *   8 shard of the target + 1 (0 = none)            9 argument with the target
 *   10, 11 unix ms of the deadline, low word first (0 = none)
 *   12 arguments       13 keys                      14 keys that there is room for
 *   16, 17 unix ms when there may be something to take by itself, low word first (0 = never)
 *   then 8 words a key: shard, lo, hi, argument, waiter before, waiter after, is linked, record
 *   then the arguments' lengths, then their bytes
 * A waiter is the u32 index of its key's 8 words. Records start at a multiple of 8 bytes.
 *
 *   state  WAITING -> SERVING -> SERVED         by whoever holds the shard of a key that is ready
 *             ^          |
 *             +----------+                      it could not be served after all
 *          WAITING -> CANCELLED                 by the client's I/O thread: time-out, end
 *
 * INVARIANT  the lists of a shard change under an exclusive hold of it. One transition out of
 *            WAITING wins: a client is served once, and never after it was told that time is over.
 * OWNERSHIP  the client's I/O thread frees a record when no list has it any more.
 */
import { copyBytes } from '../base/bytes.ts';
import type { BlockWish } from '../commands/spec.ts';
import type { Shard } from '../keyspace/shard.ts';
import type { Ref } from '../memory/arena.ts';
import type { ArgView } from '../resp/request-parser.ts';
import { clearBits, publishState, readState, setBits, turnState } from '../sync/state-word.ts';
import type { Spill } from './spill.ts';
import type { ClientRef, ThreadContext } from './thread-context.ts';

export const WAITING = 1;
export const SERVING = 2;
export const SERVED = 3;
export const CANCELLED = 4;

export const WAIT_RESP3 = 1;
/** The client may not run the command any more. */
export const WAIT_DENIED = 2;
/** Its I/O thread knows that the client is blocked. */
export const WAIT_KNOWN = 4;
/** The command also runs when its key is gone or of another type. */
export const WAIT_FOR_GONE = 8;

const STATE = 0;
const IO = 1;
const CONN = 2;
const GENERATION = 3;
const DB = 4;
const ROW = 5;
const FLAGS = 6;
const TYPE = 7;
const TARGET_SHARD = 8;
const TARGET_ARGUMENT = 9;
const DEADLINE = 10;
const ARGUMENTS = 12;
const KEYS = 13;
/** A key that is named twice takes its place only once. */
const KEYS_ROOM = 14;
const RETRY = 16;
const HEAD_WORDS = 18;
const KEY_WORDS = 8;
const SHARD = 0;
const LO = 1;
const HI = 2;
const ARGUMENT = 3;
const BEFORE = 4;
const AFTER = 5;
const LINKED = 6;
const RECORD = 7;
const TWO_32 = 4294967296;
/** Between two looks at pending entries that may have become old enough for somebody. */
const RETRY_MS_MAX = 100;

export class WaitRecords {
  readonly #spill: Spill;
  readonly #u32: Uint32Array;
  readonly #i32: Int32Array;

  constructor(spill: Spill) {
    this.#spill = spill;
    this.#u32 = spill.u32;
    this.#i32 = new Int32Array(spill.u32.buffer, spill.u32.byteOffset, spill.u32.length);
  }

  /**
   * Makes a record of the command of `ctx` for a client, and has it wait for the keys of `wish`,
   * whose shards are held. 0 when memory is full: nobody waits then. O(keys + bytes).
   */
  create(ctx: ThreadContext, row: number, client: ClientRef, wish: BlockWish, flags: number): Ref {
    const args = wish.args ?? ctx.args;
    let bytes = (HEAD_WORDS + wish.count * KEY_WORDS + args.count) * 4;
    for (let i = 0; i < args.count; i++) bytes += args.length[i]!;
    const ref = this.#spill.takeSpare(bytes);
    if (ref === 0) return 0;
    const u32 = this.#u32;
    const at = ref * 2;
    u32.fill(0, at, at + HEAD_WORDS);
    u32[at + IO] = client.io;
    u32[at + CONN] = client.conn;
    u32[at + GENERATION] = client.generation;
    u32[at + DB] = ctx.db;
    u32[at + ROW] = row;
    u32[at + FLAGS] = wish.isForGone === true ? flags | WAIT_FOR_GONE : flags;
    u32[at + TYPE] = wish.type;
    if (wish.target !== 0) {
      u32[at + TARGET_SHARD] = ctx.at(wish.target).index + 1;
      u32[at + TARGET_ARGUMENT] = wish.target;
    }
    const deadline = wish.timeoutMs === 0 ? 0 : Date.now() + wish.timeoutMs;
    u32[at + DEADLINE] = deadline % TWO_32;
    u32[at + DEADLINE + 1] = Math.floor(deadline / TWO_32);
    this.setRetry(ref, wish.retryMs);
    u32[at + ARGUMENTS] = args.count;
    u32[at + KEYS_ROOM] = wish.count;
    this.#writeArgs(at, wish.count, args);
    for (let i = 0; i < wish.count; i++) {
      if (this.#addKey(ctx, at, wish.first + i)) continue;
      this.unlinkAll(ref, ctx.shards, () => true);
      this.#spill.free(ref);
      return 0;
    }
    publishState(this.#i32, at + STATE, WAITING);
    return ref;
  }

  #writeArgs(at: number, keys: number, args: ArgView): void {
    const lengths = at + HEAD_WORDS + keys * KEY_WORDS;
    let byte = (lengths + args.count) * 4;
    for (let i = 0; i < args.count; i++) {
      this.#u32[lengths + i] = args.length[i]!;
      copyBytes(this.#spill.u8, byte, args.buf, args.offset[i]!, args.end(i));
      byte += args.length[i]!;
    }
  }

  /** Adds the key at an argument, unless it stands there already. False: no memory. */
  #addKey(ctx: ThreadContext, at: number, argument: number): boolean {
    const u32 = this.#u32;
    const shard = ctx.at(argument);
    const { lo, hi } = ctx.key;
    const keys = u32[at + KEYS]!;
    const node = at + HEAD_WORDS + keys * KEY_WORDS;
    for (let other = at + HEAD_WORDS; other < node; other += KEY_WORDS) {
      if (u32[other + LO] === lo >>> 0 && u32[other + HI] === hi >>> 0) return true;
    }
    u32[node + SHARD] = shard.index;
    u32[node + LO] = lo;
    u32[node + HI] = hi;
    u32[node + ARGUMENT] = argument;
    u32[node + AFTER] = 0;
    u32[node + LINKED] = 0;
    u32[node + RECORD] = at;
    const isForGone = (u32[at + FLAGS]! & WAIT_FOR_GONE) !== 0;
    const before = shard.waits.append(ctx.db, lo, hi, node, isForGone);
    if (before < 0) return false;
    u32[node + BEFORE] = before;
    if (before !== 0) u32[before + AFTER] = node;
    u32[node + LINKED] = 1;
    u32[at + KEYS] = keys + 1;
    shard.interest.add(lo);
    return true;
  }

  /** Takes a waiter out of its key's list. Its shard is held. */
  unlink(node: number, shards: readonly Shard[]): void {
    const u32 = this.#u32;
    if (u32[node + LINKED] === 0) return;
    u32[node + LINKED] = 0;
    const shard = shards[u32[node + SHARD]!]!;
    const before = u32[node + BEFORE]!;
    const after = u32[node + AFTER]!;
    if (before !== 0) u32[before + AFTER] = after;
    if (after !== 0) u32[after + BEFORE] = before;
    const lo = u32[node + LO]! | 0;
    const record = u32[node + RECORD]!;
    const isForGone = (u32[record + FLAGS]! & WAIT_FOR_GONE) !== 0;
    shard.waits.unlink(u32[record + DB]!, lo, u32[node + HI]! | 0, before, after, isForGone);
    shard.interest.remove(lo);
  }

  /**
   * Takes a record out of all lists whose shards `hold` gets hold of; it is called before each
   * change. True when no list has it any more.
   */
  unlinkAll(ref: Ref, shards: readonly Shard[], hold: (shard: number) => boolean): boolean {
    const u32 = this.#u32;
    const first = ref * 2 + HEAD_WORDS;
    const end = first + u32[ref * 2 + KEYS]! * KEY_WORDS;
    let isDone = true;
    for (let node = first; node < end; node += KEY_WORDS) {
      if (u32[node + LINKED] === 0) continue;
      if (hold(u32[node + SHARD]!)) this.unlink(node, shards);
      else isDone = false;
    }
    return isDone;
  }

  free(ref: Ref): void {
    this.#spill.free(ref);
  }

  // ---- what a record says

  /** The record that a waiter is of. */
  recordOf(node: number): Ref {
    return this.#u32[node + RECORD]! / 2;
  }

  after(node: number): number {
    return this.#u32[node + AFTER]!;
  }

  argumentOf(node: number): number {
    return this.#u32[node + ARGUMENT]!;
  }

  state(ref: Ref): number {
    return readState(this.#i32, ref * 2 + STATE);
  }

  /** Moves the state on; false when it was not `from`. */
  turn(ref: Ref, from: number, to: number): boolean {
    return turnState(this.#i32, ref * 2 + STATE, from, to);
  }

  io(ref: Ref): number {
    return this.#u32[ref * 2 + IO]!;
  }

  conn(ref: Ref): number {
    return this.#u32[ref * 2 + CONN]!;
  }

  generation(ref: Ref): number {
    return this.#u32[ref * 2 + GENERATION]!;
  }

  db(ref: Ref): number {
    return this.#u32[ref * 2 + DB]!;
  }

  row(ref: Ref): number {
    return this.#u32[ref * 2 + ROW]!;
  }

  type(ref: Ref): number {
    return this.#u32[ref * 2 + TYPE]!;
  }

  /** Shard of the key that what is taken goes to; -1 = there is none. */
  targetShard(ref: Ref): number {
    return this.#u32[ref * 2 + TARGET_SHARD]! - 1;
  }

  targetArgument(ref: Ref): number {
    return this.#u32[ref * 2 + TARGET_ARGUMENT]!;
  }

  /** Unix ms; 0 = waits for ever. */
  deadlineMs(ref: Ref): number {
    const at = ref * 2 + DEADLINE;
    return this.#u32[at]! + this.#u32[at + 1]! * TWO_32;
  }

  /** Says that there may be something to take in `ms` from now; undefined = never by itself. */
  setRetry(ref: Ref, ms: number | undefined): void {
    const at = ref * 2 + RETRY;
    // Far is far enough: it is looked at now and then.
    const retry = ms === undefined ? 0 : Date.now() + Math.min(ms, RETRY_MS_MAX);
    this.#u32[at] = retry % TWO_32;
    this.#u32[at + 1] = Math.floor(retry / TWO_32);
  }

  /** Unix ms when there may be something to take; 0 = never by itself. */
  retryMs(ref: Ref): number {
    const at = ref * 2 + RETRY;
    return this.#u32[at]! + this.#u32[at + 1]! * TWO_32;
  }

  /** Calls `visit` for the keys of a record. */
  forKeys(ref: Ref, visit: (shard: number, lo: number, hi: number) => void): void {
    const u32 = this.#u32;
    const first = ref * 2 + HEAD_WORDS;
    const end = first + u32[ref * 2 + KEYS]! * KEY_WORDS;
    for (let node = first; node < end; node += KEY_WORDS) {
      visit(u32[node + SHARD]!, u32[node + LO]! | 0, u32[node + HI]! | 0);
    }
  }

  hasFlag(ref: Ref, flag: number): boolean {
    return (readState(this.#i32, ref * 2 + FLAGS) & flag) !== 0;
  }

  setFlag(ref: Ref, flag: number): void {
    setBits(this.#i32, ref * 2 + FLAGS, flag);
  }

  clearFlag(ref: Ref, flag: number): void {
    clearBits(this.#i32, ref * 2 + FLAGS, flag);
  }

  /** Points `args` at the arguments. */
  readArgs(ref: Ref, args: ArgView): void {
    const u32 = this.#u32;
    const at = ref * 2;
    const count = u32[at + ARGUMENTS]!;
    const lengths = this.#lengths(at);
    let byte = (lengths + count) * 4;
    args.buf = this.#spill.u8;
    args.count = 0;
    args.reserve(count);
    args.count = count;
    for (let i = 0; i < count; i++) {
      args.offset[i] = byte;
      args.length[i] = u32[lengths + i]!;
      byte += args.length[i]!;
    }
  }

  #lengths(at: number): number {
    return at + HEAD_WORDS + this.#u32[at + KEYS_ROOM]! * KEY_WORDS;
  }
}
