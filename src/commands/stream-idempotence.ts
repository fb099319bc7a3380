/** Streams: idempotent producers, whose entries are added once however often they are sent. */
import { hash } from 'node:crypto';
import { asciiBytes } from '../base/bytes.ts';
import { TYPE_STREAM } from '../keyspace/entry.ts';
import { ByteRange, IDMP_DURATION_MAX, IDMP_MAXSIZE_MAX } from '../keyspace/stream-idmp.ts';
import type { StreamValues } from '../keyspace/stream-value.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import { StreamId } from '../structures/stream-id.ts';
import { oneKeyRows, replyFull, writeTyped } from './collection.ts';
import { logArgument } from './log-effects.ts';
import { type CommandContext, type CommandSpec, DONE, ESCALATE, type RunStatus } from './spec.ts';
import { exactId, logId } from './stream-args.ts';

const IDMP = asciiBytes('IDMP');
const IDMPAUTO = asciiBytes('IDMPAUTO');
const IDMP_DURATION = asciiBytes('IDMP-DURATION');
const IDMP_MAXSIZE = asciiBytes('IDMP-MAXSIZE');
const XIDMPRECORD = asciiBytes('XIDMPRECORD');

/** Bytes of an iid that is made of what an entry says. */
const AUTO_BYTES = 16;
const LENGTH_BYTES = 8;

const id = new StreamId();

/**
 * The iid of an entry with `pairs` fields and values from argument `first` on, whatever their
 * order: the sum of the digests of all pairs, word by word. It is the same after a restart.
 */
function autoIid(ctx: CommandContext, first: number, pairs: number, out: Uint8Array): void {
  const { args } = ctx;
  const sum = new Uint32Array(AUTO_BYTES / 4);
  for (let i = first; i < first + pairs * 2; i += 2) {
    const field = args.buf.subarray(args.offset[i]!, args.end(i));
    const value = args.buf.subarray(args.offset[i + 1]!, args.end(i + 1));
    const bytes = Buffer.alloc(LENGTH_BYTES + field.length + value.length);
    bytes.writeDoubleLE(field.length, 0);
    bytes.set(field, LENGTH_BYTES);
    bytes.set(value, LENGTH_BYTES + field.length);
    const digest = hash('sha256', bytes, 'buffer');
    for (let word = 0; word < sum.length; word++) {
      sum[word] = sum[word]! + digest.readUInt32LE(word * 4);
    }
  }
  out.set(new Uint8Array(sum.buffer));
}

/** IDMP and IDMPAUTO of XADD. */
export class IdempotentAdd {
  isGiven = false;
  readonly #pid = new ByteRange();
  readonly #iid = new ByteRange();
  readonly #autoBytes = new Uint8Array(AUTO_BYTES);
  #isAuto = false;
  #pidAt = 0;

  clear(): void {
    this.isGiven = false;
  }

  /**
   * Reads the option at argument `index`. Returns the index behind it, the same index where it is
   * no option of these, -1 where an error was replied.
   */
  read(ctx: CommandContext, index: number): number {
    const { args, reply } = ctx;
    const isAuto = args.equalsIgnoreCase(index, IDMPAUTO);
    const end = index + (isAuto ? 2 : 3);
    if ((!isAuto && !args.equalsIgnoreCase(index, IDMP)) || end > args.count) return index;
    if (this.isGiven) {
      reply.errorBytes(ERROR_BYTES.IDMP_TWICE);
      return -1;
    }
    if (args.length[index + 1] === 0) {
      reply.errorBytes(isAuto ? ERROR_BYTES.IDMPAUTO_NO_PID : ERROR_BYTES.IDMP_NO_PID);
      return -1;
    }
    if (!isAuto && args.length[index + 2] === 0) {
      reply.errorBytes(ERROR_BYTES.IDMP_NO_IID);
      return -1;
    }
    this.isGiven = true;
    this.#isAuto = isAuto;
    this.#pidAt = index + 1;
    return end;
  }

  /** The option is complete: fields and values stand from argument `first` on. */
  settle(ctx: CommandContext, first: number): void {
    const { args } = ctx;
    const at = this.#pidAt;
    this.#pid.set(args.buf, args.offset[at]!, args.end(at));
    if (this.#isAuto) {
      autoIid(ctx, first, (args.count - first) / 2, this.#autoBytes);
      this.#iid.set(this.#autoBytes, 0, AUTO_BYTES);
    } else {
      this.#iid.set(args.buf, args.offset[at + 1]!, args.end(at + 1));
    }
  }

  /** Whether the open stream has the entry; its ID is in `found` then, and it was counted. */
  isDuplicate(ctx: CommandContext, streams: StreamValues, found: StreamId): boolean {
    const { producers } = streams;
    if (!producers.lookup(this.#pid, this.#iid, ctx.state.nowMs, found)) return false;
    producers.noteDuplicate();
    return true;
  }

  /**
   * Remembers that the entry `added` is being added. False when the arena is full; where the entry
   * cannot be added then, `producers.undoRecord` follows.
   */
  record(ctx: CommandContext, streams: StreamValues, added: StreamId): boolean {
    return streams.producers.record(this.#pid, this.#iid, added, ctx.state.nowMs);
  }

  /** Writes to the log that the entry `added` was added so, unless it was cut off at once. */
  log(ctx: CommandContext, streams: StreamValues, added: StreamId): void {
    const { effects } = ctx;
    if (!streams.reader.find(added)) return;
    effects.command(ctx.db, XIDMPRECORD, 5);
    logArgument(ctx, 1);
    for (const { buf, from, to } of [this.#pid, this.#iid]) effects.bytes(buf, from, to);
    logId(ctx, added);
  }
}

const settings = { duration: -1, maxsize: -1 };

/** Reads the arguments of XCFGSET; false where an error was replied. */
function readSettings(ctx: CommandContext): boolean {
  const { args, reply } = ctx;
  settings.duration = -1;
  settings.maxsize = -1;
  for (let i = 2; i < args.count; i += 2) {
    const isDuration = args.equalsIgnoreCase(i, IDMP_DURATION);
    if ((!isDuration && !args.equalsIgnoreCase(i, IDMP_MAXSIZE)) || i + 1 === args.count) {
      reply.errorBytes(ERROR_BYTES.SYNTAX);
      return false;
    }
    const n = args.toInt(i + 1);
    if (Number.isNaN(n)) {
      reply.errorBytes(ERROR_BYTES.NOT_INTEGER);
      return false;
    }
    if (n < 1 || n > (isDuration ? IDMP_DURATION_MAX : IDMP_MAXSIZE_MAX)) {
      reply.errorBytes(isDuration ? ERROR_BYTES.IDMP_DURATION : ERROR_BYTES.IDMP_MAXSIZE);
      return false;
    }
    if (isDuration) settings.duration = n;
    else settings.maxsize = n;
  }
  if (args.count === 2) reply.errorBytes(ERROR_BYTES.XCFGSET_NOTHING);
  return args.count !== 2;
}

/** XCFGSET. O(1), and O(iids) where they are forgotten. */
function cmdXcfgset(ctx: CommandContext): RunStatus {
  if (!readSettings(ctx)) return DONE;
  const ref = writeTyped(ctx, 1, TYPE_STREAM);
  if (ref === 0) ctx.reply.errorBytes(ERROR_BYTES.NO_SUCH_KEY);
  if (ref <= 0) return DONE;
  const streams = ctx.at(1).streams.open(ctx.db, ctx.key, ref);
  const { producers } = streams;
  if (!ctx.mayRun(producers.iidCount)) return ESCALATE;
  const duration = settings.duration < 0 ? producers.durationSeconds : settings.duration;
  const maxsize = settings.maxsize < 0 ? producers.maxsize : settings.maxsize;
  if (!producers.configure(duration, maxsize)) {
    replyFull(ctx);
    return DONE;
  }
  if (producers.isThere) streams.noteProducers();
  streams.touched();
  ctx.reply.ok();
  return DONE;
}

const pid = new ByteRange();
const iid = new ByteRange();
const known = new StreamId();

/** XIDMPRECORD. O(log n). */
function cmdXidmprecord(ctx: CommandContext): RunStatus {
  const { args, reply, state } = ctx;
  if (args.length[2] === 0 || args.length[3] === 0) {
    reply.errorBytes(args.length[2] === 0 ? ERROR_BYTES.IDMP_NO_PID : ERROR_BYTES.IDMP_NO_IID);
    return DONE;
  }
  if (!exactId(ctx, 4, id)) return DONE;
  const ref = writeTyped(ctx, 1, TYPE_STREAM);
  if (ref === 0) reply.errorBytes(ERROR_BYTES.NO_SUCH_KEY);
  if (ref <= 0) return DONE;
  const streams = ctx.at(1).streams.open(ctx.db, ctx.key, ref);
  const { producers } = streams;
  if (!streams.reader.find(id)) {
    reply.errorBytes(ERROR_BYTES.IDMP_NO_ENTRY);
    return DONE;
  }
  pid.set(args.buf, args.offset[2]!, args.end(2));
  iid.set(args.buf, args.offset[3]!, args.end(3));
  if (producers.lookup(pid, iid, state.nowMs, known)) {
    if (known.compare(id) === 0) reply.ok();
    else reply.errorBytes(ERROR_BYTES.IDMP_OTHER_ENTRY);
    return DONE;
  }
  if (!producers.record(pid, iid, id, state.nowMs)) {
    replyFull(ctx);
    return DONE;
  }
  streams.noteProducers();
  streams.touched();
  reply.ok();
  return DONE;
}

export const STREAM_IDEMPOTENCE_COMMANDS: readonly CommandSpec[] = oneKeyRows('stream', 'stream', [
  {
    name: 'xcfgset',
    summary: 'Sets how long, and how many, IDs of idempotent producers a stream keeps.',
    since: '8.6.0',
    arity: -2,
    flags: ['write', 'fast'],
    keyFlags: ['RW', 'UPDATE'],
    syntax: 'key [IDMP-DURATION idmp-duration:integer] [IDMP-MAXSIZE idmp-maxsize:integer]',
    run: cmdXcfgset,
  },
  {
    name: 'xidmprecord',
    summary: 'Says which entry an idempotent producer has added: for logs.',
    since: '8.6.2',
    arity: 5,
    flags: ['write', 'denyoom', 'fast'],
    keyFlags: ['RW', 'UPDATE'],
    syntax: 'key pid iid stream-id',
    run: cmdXidmprecord,
  },
]);
