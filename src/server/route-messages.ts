/**
 * What travels in the rings between I/O threads and shard workers.
 *
 * LAYOUT of a command frame's payload (u32 words)
 *   0  kind | flags << 8      1  connection index      2  connection generation      3  database
 *   4  command row 5 arguments 6 spill ref (0 = the rest follows here) 7 rest in bytes
 *   8  ticket of the connection's fence (sync/fence.ts); UNWATCH has none
 *   9  ref of the spill block in which the command was received (0 = none), see below
 *   10 spilled: arguments that the tables have room for
 *   rest, COMMAND: argument lengths (u32 each), then the arguments' bytes; spilled: a table of
 *   lengths, a table of positions in the receive buffer (u32 each), then the bytes from the first
 *   argument to the last as they were received; with word 9 the receive buffer is that block, and
 *   no bytes follow
 *   rest, TRANSACTION and UNWATCH: a transaction block
 *   (server/transaction-block.ts)
 *
 * LAYOUT of a reply frame's payload
 *   0  kind | flags << 8 1 connection index 2 connection generation 3 bytes that follow
 *   4  ticket                            5, 6  journal position that the reply waits for, low word
 *   first (0 = none)
 *   REPLY: reply bytes; with MORE set another REPLY frame of the same reply follows
 *   CUT_OFF: the same where the client is to be closed instead: a part of it would be too large
 *   BLOCKED: a u32, the record of the command (server/wait-records.ts): its reply comes by letter
 *   WATCHED: five u32 for each key: shard, database, lo, hi, version; precedes the REPLY of its
 *   WATCH
 */
import type { CommandRow } from '../commands/table.ts';
import type { Ref } from '../memory/arena.ts';
import type { ReplyWriter } from '../resp/reply-writer.ts';
import { ArgView } from '../resp/request-parser.ts';
import type { RingConsumer, RingProducer } from '../sync/ring.ts';
import type { Spill } from './spill.ts';

export const KIND_COMMAND = 1;
export const KIND_TRANSACTION = 2;
export const KIND_UNWATCH = 3;
export const KIND_REPLY = 4;
export const KIND_WATCHED = 5;
export const KIND_BLOCKED = 6;
export const KIND_CUT_OFF = 7;

export const FLAG_RESP3 = 1;
export const FLAG_NO_TOUCH = 2;
export const FLAG_MORE = 4;
/** The command was too large for an I/O thread. */
export const FLAG_ESCALATED = 8;
/** The keys that it reads are noted for its client. */
export const FLAG_TRACKED = 16;
/** The client is of the class pubsub. */
export const FLAG_SUBSCRIBED = 32;

/** Large and slow commands, and those of several keys: a worker may be at it for long. */
export function mayTakeLong(row: CommandRow, flags: number): boolean {
  return row.singleKey === 0 || row.isSlow || (flags & FLAG_ESCALATED) !== 0;
}

export const SENT = 0;
export const RING_FULL = 1;
export const SPILL_FULL = 2;
/** Sent, and `body` went along. */
export const SENT_BODY = 3;
export type SendStatus = typeof SENT | typeof RING_FULL | typeof SPILL_FULL | typeof SENT_BODY;

const BODY_WORD = 9;
const CAPACITY_WORD = 10;
const COMMAND_WORDS = 11;
const REPLY_WORDS = 7;
const TWO_32 = 4294967296;
/** A command with more arguments goes through spill memory unmeasured. */
const INLINE_ARGUMENTS_MAX = 8192;
/** Arguments of a received command for which room is kept. */
const ARGUMENTS_KEPT_MAX = 4096;

/** A command or transaction as it goes into a ring. One object is reused. */
export class Outgoing {
  kind = KIND_COMMAND;
  flags = 0;
  conn = 0;
  generation = 0;
  db = 0;
  row = 0;
  ticket = 0;
  /** Spill block that the arguments lie in and that goes along when they are many bytes; or 0. */
  body: Ref = 0;
}

/** Writes a command. Nothing was written unless the answer is SENT; the caller publishes. */
export function sendCommand(
  ring: RingProducer,
  spill: Spill,
  out: Outgoing,
  args: ArgView,
): SendStatus {
  const { count } = args;
  let bytes = count * 4;
  if (count <= INLINE_ARGUMENTS_MAX) for (let i = 0; i < count; i++) bytes += args.length[i]!;
  if (count > INLINE_ARGUMENTS_MAX || COMMAND_WORDS * 4 + bytes > ring.payloadBytesMax) {
    return sendSpilledCommand(ring, spill, out, args);
  }
  const head = beginMessage(ring, spill, out, count, bytes, false);
  if (head < 0) return RING_FULL;
  const { u8, u32 } = ring;
  let at = head;
  for (let i = 0; i < count; i++, at += 4) u32[at >>> 2] = args.length[i]!;
  for (let i = 0; i < count; i++) {
    const length = args.length[i]!;
    copyBytes(args.buf, args.offset[i]!, length, u8, at);
    at += length;
  }
  finishMessage(ring, bytes, false);
  return SENT;
}

/**
 * A large command goes as it was received, in block copies: argument by argument, half a million
 * keys held the clients of the I/O thread up for 20 ms, and the copy of their 15 MB for 5
 * (`npm run bench:peers`, GET p99 under MGET). The block that they were received in is the
 * receiver's from then on.
 */
function sendSpilledCommand(
  ring: RingProducer,
  spill: Spill,
  out: Outgoing,
  args: ArgView,
): SendStatus {
  const { count, tableRef } = args;
  if (out.body !== 0 && tableRef !== 0) {
    const { length } = args.offset;
    if (!beginSpilled(ring, out, count, length, length * 8, tableRef)) return RING_FULL;
    finishMessage(ring, 0, true);
    return SENT_BODY;
  }
  const first = args.offset[0]!;
  const last = args.end(count - 1);
  const isGiven = out.body !== 0;
  const bytes = count * 8 + (isGiven ? 0 : last - first);
  const ref = spill.take(bytes);
  if (ref === 0) return SPILL_FULL;
  if (!beginSpilled(ring, out, count, count, bytes, ref)) {
    spill.free(ref);
    return RING_FULL;
  }
  spill.words(ref, 0, count).set(args.length.subarray(0, count));
  spill.words(ref, count, count).set(args.offset.subarray(0, count));
  if (!isGiven) spill.u8.set(args.buf.subarray(first, last), ref * 8 + count * 8);
  finishMessage(ring, bytes, true);
  return isGiven ? SENT_BODY : SENT;
}

/** The frame of a spilled command with tables for `capacity` arguments. False = ring full. */
function beginSpilled(
  ring: RingProducer,
  out: Outgoing,
  count: number,
  capacity: number,
  bytes: number,
  ref: Ref,
): boolean {
  if (!ring.reserve(COMMAND_WORDS * 4)) return false;
  writeHead(ring, out, count, bytes, ref);
  const at = ring.offset >>> 2;
  ring.u32[at + BODY_WORD] = out.body;
  ring.u32[at + CAPACITY_WORD] = capacity;
  return true;
}

/** Writes a block of bytes (a transaction). */
export function sendBlock(
  ring: RingProducer,
  spill: Spill,
  out: Outgoing,
  block: Uint8Array,
  length: number,
): SendStatus {
  const isSpilled = COMMAND_WORDS * 4 + length > ring.payloadBytesMax;
  const head = beginMessage(ring, spill, out, 0, length, isSpilled);
  if (head < 0) return head === -1 ? RING_FULL : SPILL_FULL;
  copyBytes(block, 0, length, isSpilled ? spill.u8 : ring.u8, head);
  finishMessage(ring, length, isSpilled);
  return SENT;
}

/**
 * Reserves the frame (and a spill block) and writes its head; byte offset of the rest, -1 ring
 * full, -2 spill full.
 */
function beginMessage(
  ring: RingProducer,
  spill: Spill,
  out: Outgoing,
  count: number,
  bytes: number,
  isSpilled: boolean,
): number {
  if (!ring.reserve(COMMAND_WORDS * 4 + (isSpilled ? 0 : bytes))) return -1;
  const ref = isSpilled ? spill.take(bytes) : 0;
  if (isSpilled && ref === 0) return -2;
  writeHead(ring, out, count, bytes, ref);
  return isSpilled ? ref * 8 : ring.offset + COMMAND_WORDS * 4;
}

function writeHead(
  ring: RingProducer,
  out: Outgoing,
  count: number,
  bytes: number,
  ref: Ref,
): void {
  const at = ring.offset >>> 2;
  const u32 = ring.u32;
  u32[at] = out.kind | (out.flags << 8);
  u32[at + 1] = out.conn;
  u32[at + 2] = out.generation;
  u32[at + 3] = out.db;
  u32[at + 4] = out.row;
  u32[at + 5] = count;
  u32[at + 6] = ref;
  u32[at + 7] = bytes;
  u32[at + 8] = out.ticket;
  u32[at + BODY_WORD] = 0;
}

function finishMessage(ring: RingProducer, bytes: number, isSpilled: boolean): void {
  ring.commit(COMMAND_WORDS * 4 + (isSpilled ? 0 : bytes));
}

/** Short ranges by loop (no view object), long ones by `set`. */
function copyBytes(
  from: Uint8Array,
  start: number,
  length: number,
  to: Uint8Array,
  at: number,
): void {
  if (length > COPY_LOOP_MAX) {
    to.set(from.subarray(start, start + length), at);
    return;
  }
  for (let i = 0; i < length; i++) to[at + i] = from[start + i]!;
}

/** A view costs about 60 ns to make, a byte of the loop 0.5 ns. */
const COPY_LOOP_MAX = 128;

/** Where a frame's payload lies: a ring, or a copy. */
export interface FrameSource {
  readonly u8: Uint8Array;
  readonly u32: Uint32Array;
  readonly offset: number;
  readonly length: number;
}

/** Copies of larger payloads are not kept for the next ones. */
const COPY_KEPT_BYTES = 4096;

/** A frame taken out of its ring, to be run later. One object is reused for many frames. */
export class CopiedFrame implements FrameSource {
  u8: Uint8Array = new Uint8Array(256);
  u32: Uint32Array = new Uint32Array(this.u8.buffer);
  readonly offset = 0;
  length = 0;
  io = 0;
  readonly incoming: Incoming;

  constructor(spill: Spill) {
    this.incoming = new Incoming(spill);
  }

  /** Copies the payload that `ring.next` found and decodes it. `io`: the thread it came from. */
  capture(ring: FrameSource, io: number): void {
    const { length, offset } = ring;
    if (length > this.u8.length || this.u8.length > COPY_KEPT_BYTES) {
      this.u8 = new Uint8Array((length + 255) & ~255);
      this.u32 = new Uint32Array(this.u8.buffer);
    }
    // Payloads start at a multiple of four and are padded to one.
    const words = (length + 3) >>> 2;
    const from = offset >>> 2;
    for (let i = 0; i < words; i++) this.u32[i] = ring.u32[from + i]!;
    this.length = length;
    this.io = io;
    this.incoming.read(this);
  }
}

/** A received command frame, decoded in place: valid until `done`. */
export class Incoming {
  kind = 0;
  flags = 0;
  conn = 0;
  generation = 0;
  db = 0;
  row = 0;
  ticket = 0;
  /** Arguments of a COMMAND. */
  readonly args = new ArgView();
  /** The rest of another kind: byte range of `block`. */
  block: Uint8Array = this.args.buf;
  blockStart = 0;
  blockEnd = 0;
  readonly #spill: Spill;
  #ref: Ref = 0;
  #body: Ref = 0;
  /** The tables of `args` lie in spill memory. */
  #isBorrowed = false;

  constructor(spill: Spill) {
    this.#spill = spill;
  }

  /** Decodes the payload that `ring.next` found, or a copy of one. */
  read(ring: FrameSource): void {
    const at = ring.offset >>> 2;
    const u32 = ring.u32;
    const head = u32[at]!;
    this.#forgetTables();
    this.kind = head & 0xff;
    this.flags = head >>> 8;
    this.conn = u32[at + 1]!;
    this.generation = u32[at + 2]!;
    this.db = u32[at + 3]!;
    this.ticket = u32[at + 8]!;
    this.row = u32[at + 4]!;
    const count = u32[at + 5]!;
    this.#ref = u32[at + 6]!;
    this.#body = u32[at + BODY_WORD]!;
    const start = this.#ref === 0 ? ring.offset + COMMAND_WORDS * 4 : this.#ref * 8;
    this.block = this.#ref === 0 ? ring.u8 : this.#spill.u8;
    this.blockStart = start;
    this.blockEnd = start + u32[at + 7]!;
    if (this.kind === KIND_COMMAND) {
      this.args.buf = this.block;
      this.args.count = count;
      if (this.#ref === 0) this.#readArgs(u32, start, count);
      else this.#readSpilledArgs(this.#ref, count, u32[at + CAPACITY_WORD]!);
    }
  }

  /** Tables and bytes that go along with the message stay where they are. */
  #readSpilledArgs(ref: Ref, count: number, capacity: number): void {
    const { args } = this;
    const spill = this.#spill;
    const lengths = spill.words(ref, 0, count);
    const positions = spill.words(ref, capacity, count);
    if (this.#body !== 0) {
      args.buf = spill.u8.subarray(this.#body * 8);
      args.length = lengths;
      args.offset = positions;
      this.#isBorrowed = true;
      return;
    }
    args.reserve(count);
    args.length.set(lengths);
    const shift = ref * 8 + capacity * 8 - positions[0]!;
    for (let i = 0; i < count; i++) args.offset[i] = positions[i]! + shift;
  }

  #readArgs(u32: Uint32Array, start: number, count: number): void {
    const args = this.args;
    args.reserve(count);
    let at = start + count * 4;
    for (let i = 0; i < count; i++) {
      const length = u32[(start >>> 2) + i]!;
      args.offset[i] = at;
      args.length[i] = length;
      at += length;
    }
  }

  #forgetTables(): void {
    if (this.#isBorrowed || this.args.offset.length > ARGUMENTS_KEPT_MAX) this.args.shrink();
    this.#isBorrowed = false;
  }

  /** Gives the message's spill memory back, and that of a view of very many arguments. */
  done(): void {
    this.#forgetTables();
    if (this.#ref !== 0) this.#spill.free(this.#ref);
    if (this.#body !== 0) this.#spill.free(this.#body);
    this.#ref = 0;
    this.#body = 0;
  }
}

/** Whose reply a frame is. */
export interface ReplyAddress {
  readonly conn: number;
  readonly generation: number;
  readonly ticket: number;
}

/**
 * Writes bytes [from, end) of a reply as one frame, or as much of them as a frame takes (then with
 * MORE). `gate`: the journal position that it waits for, 0 = none. Returns how
 * far it got, or -1 when the ring is full.
 */
export function sendReplyPart(
  ring: RingProducer,
  kind: number,
  to: ReplyAddress,
  bytes: Uint8Array,
  from: number,
  end: number,
  gate: number,
): number {
  const length = Math.min(end - from, ring.payloadBytesMax - REPLY_WORDS * 4);
  if (!ring.reserve(REPLY_WORDS * 4 + length)) return -1;
  const at = ring.offset >>> 2;
  ring.u32[at] = kind | ((from + length < end ? FLAG_MORE : 0) << 8);
  ring.u32[at + 1] = to.conn;
  ring.u32[at + 2] = to.generation;
  ring.u32[at + 3] = length;
  ring.u32[at + 4] = to.ticket;
  const high = Math.floor(gate / TWO_32);
  ring.u32[at + 5] = gate - high * TWO_32;
  ring.u32[at + 6] = high;
  copyBytes(bytes, from, length, ring.u8, ring.offset + REPLY_WORDS * 4);
  ring.commit(REPLY_WORDS * 4 + length);
  return from + length;
}

/** A received reply frame: byte range [start, end) of the ring's bytes. */
export class IncomingReply {
  kind = 0;
  hasMore = false;
  conn = 0;
  generation = 0;
  ticket = 0;
  /** Journal position that it waits for; 0 = none. */
  gate = 0;
  start = 0;
  end = 0;

  read(ring: RingConsumer): void {
    const at = ring.offset >>> 2;
    const head = ring.u32[at]!;
    this.kind = head & 0xff;
    this.hasMore = ((head >>> 8) & FLAG_MORE) !== 0;
    this.conn = ring.u32[at + 1]!;
    this.generation = ring.u32[at + 2]!;
    this.ticket = ring.u32[at + 4]!;
    this.gate = ring.u32[at + 5]! + ring.u32[at + 6]! * TWO_32;
    this.start = ring.offset + REPLY_WORDS * 4;
    this.end = this.start + ring.u32[at + 3]!;
  }
}

/** True when a reply is an error. */
export function isErrorReply(reply: ReplyWriter, from: number): boolean {
  return reply.length > from && reply.buf[from] === 0x2d;
}
