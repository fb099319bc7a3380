/** Streams: XREAD and XREADGROUP, and what their clients wait for. */
import { asciiBytes } from '../base/bytes.ts';
import { TYPE_STREAM } from '../keyspace/entry.ts';
import type { StreamValues } from '../keyspace/stream-value.ts';
import type { Ref } from '../memory/arena.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import { ReplyTooLarge } from '../resp/reply-writer.ts';
import { ArgView } from '../resp/request-parser.ts';
import type { Stream } from '../structures/stream.ts';
import { StreamId } from '../structures/stream-id.ts';
import { readTyped, replyFull, writeTyped } from './collection.ts';
import { type CommandContext, type CommandSpec, DONE, ESCALATE, type RunStatus } from './spec.ts';
import { exactId, isByte } from './stream-args.ts';
import {
  claimIdle,
  deliverNew,
  findConsumer,
  GroupRead,
  msUntilIdle,
  noteHistory,
  replyHistory,
} from './stream-deliver.ts';
import { consumerNamed, groupNamed } from './stream-group-access.ts';
import { beginEntries, replyNextEntry } from './stream-reply.ts';

const COUNT = asciiBytes('COUNT');
const BLOCK = asciiBytes('BLOCK');
const STREAMS = asciiBytes('STREAMS');
const GROUP = asciiBytes('GROUP');
const NOACK = asciiBytes('NOACK');
const CLAIM = asciiBytes('CLAIM');
const DOLLAR = 0x24;
const PLUS = 0x2b;
const GREATER = 0x3e;

/** Nodes that are looked at to tell how much there is to read. */
const NODES_LOOKED_AT = 32;
/** Work of an entry in a reply, in the units of `mayRun`. */
const ENTRY_UNITS = 4;
/** Longest time that can be added to the clock. */
const BLOCK_MS_MAX = 2 ** 62;

/** What the arguments say. */
class ReadArguments {
  /** Infinity without COUNT. */
  count = 0;
  /** Ms to wait, 0 = for ever; negative: nobody waits. */
  blockMs = -1;
  /** Arguments with the first key and the first ID, and how many there are. */
  keysAt = 0;
  idsAt = 0;
  streams = 0;
  /** Argument with the group, which the consumer follows; 0 = XREAD. */
  groupAt = 0;
  isNoAck = false;
  /** Ms of CLAIM; negative: without it. */
  minIdleMs = -1;

  /** Reads the options; false where an error was replied. */
  read(ctx: CommandContext, isGroup: boolean): boolean {
    const { args, reply } = ctx;
    this.count = Number.POSITIVE_INFINITY;
    this.blockMs = -1;
    this.keysAt = 0;
    this.groupAt = 0;
    this.isNoAck = false;
    this.minIdleMs = -1;
    for (let i = 1; i < args.count && this.keysAt === 0; ) {
      i = this.#option(ctx, i, isGroup);
      if (i < 0) return false;
    }
    if (this.keysAt === 0) reply.errorBytes(ERROR_BYTES.SYNTAX);
    else if (isGroup && this.groupAt === 0) reply.errorBytes(ERROR_BYTES.XREADGROUP_NO_GROUP);
    else return true;
    return false;
  }

  /** Reads the option at argument `i`; the index behind it, or -1 where an error was replied. */
  #option(ctx: CommandContext, i: number, isGroup: boolean): number {
    const { args, reply } = ctx;
    const more = args.count - i - 1;
    if (more >= 1 && args.equalsIgnoreCase(i, STREAMS)) return this.#streams(ctx, i + 1, isGroup);
    if (more >= 1 && args.equalsIgnoreCase(i, COUNT)) return this.#count(ctx, i + 1);
    if (more >= 1 && args.equalsIgnoreCase(i, BLOCK)) return this.#block(ctx, i + 1);
    if (more >= 2 && args.equalsIgnoreCase(i, GROUP)) {
      this.groupAt = i + 1;
      if (isGroup) return i + 3;
      reply.errorBytes(ERROR_BYTES.XREAD_GROUP);
    } else if (args.equalsIgnoreCase(i, NOACK)) {
      this.isNoAck = true;
      if (isGroup) return i + 1;
      reply.errorBytes(ERROR_BYTES.XREAD_NOACK);
    } else if (more >= 1 && args.equalsIgnoreCase(i, CLAIM)) {
      if (isGroup) return this.#claim(ctx, i + 1);
      reply.errorBytes(ERROR_BYTES.XREAD_CLAIM);
    } else {
      reply.errorBytes(ERROR_BYTES.SYNTAX);
    }
    return -1;
  }

  #streams(ctx: CommandContext, at: number, isGroup: boolean): number {
    const { args, reply } = ctx;
    const left = args.count - at;
    if (left % 2 !== 0) {
      const { XREAD_UNBALANCED, XREADGROUP_UNBALANCED } = ERROR_BYTES;
      reply.errorBytes(isGroup ? XREADGROUP_UNBALANCED : XREAD_UNBALANCED);
      return -1;
    }
    this.keysAt = at;
    this.streams = left / 2;
    this.idsAt = at + this.streams;
    return args.count;
  }

  #count(ctx: CommandContext, at: number): number {
    const count = ctx.args.toInt(at);
    if (Number.isNaN(count)) {
      ctx.reply.errorBytes(ERROR_BYTES.NOT_INTEGER);
      return -1;
    }
    this.count = count <= 0 ? Number.POSITIVE_INFINITY : count;
    return at + 1;
  }

  #block(ctx: CommandContext, at: number): number {
    const ms = ctx.args.toInt(at);
    if (Number.isNaN(ms)) ctx.reply.errorBytes(ERROR_BYTES.TIMEOUT_NOT_INTEGER);
    else if (ms < 0) ctx.reply.errorBytes(ERROR_BYTES.TIMEOUT_NEGATIVE);
    else if (ms > BLOCK_MS_MAX) ctx.reply.errorBytes(ERROR_BYTES.TIMEOUT_OUT_OF_RANGE);
    else {
      this.blockMs = ms;
      return at + 1;
    }
    return -1;
  }

  #claim(ctx: CommandContext, at: number): number {
    const ms = ctx.args.toInt(at);
    if (Number.isNaN(ms)) ctx.reply.errorBytes(ERROR_BYTES.MIN_IDLE_NOT_INTEGER);
    else if (ms < 0) ctx.reply.errorBytes(ERROR_BYTES.MIN_IDLE_NEGATIVE);
    else {
      this.minIdleMs = ms;
      return at + 1;
    }
    return -1;
  }

  /** Whether stream `i` is the one to look at: all are, but for a client that has waited. */
  isAsked(ctx: CommandContext, i: number): boolean {
    return ctx.servedKey === 0 || ctx.servedKey === this.keysAt + i;
  }
}

const read = new ReadArguments();
const group = new GroupRead();
const after = new StreamId();
const last = new StreamId();
const MIN = new StreamId();
const MAX = new StreamId().setMax();

/**
 * How many entries there are behind an ID, at most `max`, estimated from the nodes. O(nodes looked
 * at), at most some ten.
 */
function entriesAfter(stream: Stream, id: StreamId, max: number): number {
  if (id.compare(stream.lastId(last)) >= 0 || stream.length === 0) return 0;
  const { tree } = stream;
  let nodes = 1;
  tree.lookFor(id.msHi, id.msLo, id.seqHi, id.seqLo);
  let goesOn = tree.seekBefore() || tree.seekFirst();
  while (goesOn && nodes < NODES_LOOKED_AT) {
    goesOn = tree.next();
    if (goesOn) nodes += 1;
  }
  const some = goesOn ? stream.length : (stream.length / stream.nodeCount) * nodes;
  return Math.min(some, max);
}

// ---- XREAD

/**
 * Makes `after` the ID behind which stream `i` is read; false where an error was replied. `streams`
 * has it open, or is null where there is none.
 */
function startOf(ctx: CommandContext, i: number, streams: StreamValues | null): boolean {
  const index = read.idsAt + i;
  if (isByte(ctx, index, DOLLAR)) {
    if (streams === null) after.setMin();
    else streams.stream.lastId(after);
    return true;
  }
  if (isByte(ctx, index, PLUS)) {
    beforeLast(streams);
    return true;
  }
  if (!isByte(ctx, index, GREATER)) return exactId(ctx, index, after);
  ctx.reply.errorBytes(ERROR_BYTES.XREAD_GREATER);
  return false;
}

/** Makes `after` the ID before the last entry that is there: 0-0 where there is none. */
function beforeLast(streams: StreamValues | null): void {
  after.setMin();
  if (streams === null) return;
  streams.reader.range(MIN, MAX, true);
  if (!streams.reader.next()) return;
  after.copy(streams.reader.id);
  after.decrement();
}

function cmdXread(ctx: CommandContext): RunStatus {
  if (!read.read(ctx, false)) return DONE;
  let units = 0;
  for (let i = 0; i < read.streams; i++) {
    if (!read.isAsked(ctx, i)) continue;
    const ref = readTyped(ctx, read.keysAt + i, TYPE_STREAM);
    if (ref < 0) return DONE;
    const streams = ref === 0 ? null : ctx.at(read.keysAt + i).streams.read(ref);
    if (!startOf(ctx, i, streams)) return DONE;
    if (streams !== null) units += entriesAfter(streams.stream, after, read.count) * ENTRY_UNITS;
  }
  if (!ctx.mayRun(units)) return ESCALATE;
  let served = 0;
  let mark = 0;
  for (let i = 0; i < read.streams; i++) {
    if (!read.isAsked(ctx, i)) continue;
    const shard = ctx.at(read.keysAt + i);
    // As in Redis, each key is looked up twice, and counted and told as often.
    const ref = shard.findRead(ctx.db, ctx.key);
    if (ref === 0) continue;
    const streams = shard.streams.read(ref);
    startOf(ctx, i, streams);
    if (!after.increment()) continue;
    streams.reader.range(after, MAX, false);
    if (!streams.reader.next()) continue;
    if (served === 0) mark = ctx.reply.deferArray();
    served += 1;
    replyStream(ctx, i);
    replyRange(ctx, streams);
  }
  return finish(ctx, mark, served);
}

/** Replies the entry that the reader is at and those behind it. */
function replyRange(ctx: CommandContext, streams: StreamValues): void {
  const { reply } = ctx;
  const { reader } = streams;
  const mark = reply.deferArray();
  let found = 0;
  beginEntries();
  do {
    replyNextEntry(reply, reader);
    found += 1;
  } while (found < read.count && reader.next());
  reply.finishArray(mark, found);
}

/** Begins the part of a reply that is about stream `i`. */
function replyStream(ctx: CommandContext, i: number): void {
  const { args, reply } = ctx;
  const key = read.keysAt + i;
  if (!reply.resp3) reply.array(2);
  reply.bulk(args.buf, args.offset[key]!, args.end(key));
}

/** Ends a reply with `served` streams, or has the client wait. */
function finish(ctx: CommandContext, mark: number, served: number): RunStatus {
  const { reply } = ctx;
  if (served === 0) {
    if (read.blockMs < 0) reply.nullArray();
    else wait(ctx);
  } else if (reply.resp3) reply.finishMap(mark, served);
  else reply.finishArray(mark, served);
  return DONE;
}

function wait(ctx: CommandContext): void {
  const { keysAt, streams, groupAt } = read;
  const isGroup = groupAt !== 0;
  const wish = {
    first: keysAt,
    count: streams,
    type: TYPE_STREAM,
    target: 0,
    timeoutMs: read.blockMs,
    isNullReply: false,
    isForGone: isGroup,
  };
  if (isGroup) ctx.block(read.minIdleMs < 0 ? wish : { ...wish, retryMs: msUntilIdle(ctx, read) });
  else ctx.block({ ...wish, args: withLastIds(ctx) });
}

/** The arguments with the IDs that `$` stands for now: later it would be another one. */
function withLastIds(ctx: CommandContext): ArgView {
  const { args } = ctx;
  const { idsAt, keysAt, streams } = read;
  const texts = new Map<number, Buffer>();
  for (let i = 0; i < streams; i++) {
    if (!isByte(ctx, idsAt + i, DOLLAR)) continue;
    const shard = ctx.at(keysAt + i);
    const ref = shard.find(ctx.db, ctx.key);
    if (ref === 0) after.setMin();
    else shard.streams.read(ref).stream.lastId(after);
    texts.set(idsAt + i, Buffer.from(after.toString()));
  }
  if (texts.size === 0) return args;
  const parts = Array.from({ length: args.count }, (_, i) => {
    return texts.get(i) ?? args.buf.subarray(args.offset[i]!, args.end(i));
  });
  const changed = new ArgView();
  changed.reserve(args.count);
  changed.count = args.count;
  changed.buf = Buffer.concat(parts);
  let at = 0;
  parts.forEach((part, i) => {
    changed.offset[i] = at;
    changed.length[i] = part.length;
    at += part.length;
  });
  return changed;
}

// ---- XREADGROUP

/** Checks stream `i` and its ID; the work there is, or NaN where an error was replied. */
function groupUnits(ctx: CommandContext, i: number): number {
  const { args, reply } = ctx;
  const ref = writeTyped(ctx, read.keysAt + i, TYPE_STREAM);
  if (ref < 0) return Number.NaN;
  const { groupAt } = read;
  const shard = ctx.at(read.keysAt + i);
  const streams = ref === 0 ? null : shard.streams.read(ref);
  const found = streams?.groups.find(args.buf, args.offset[groupAt]!, args.end(groupAt)) ?? 0;
  if (streams === null || found === 0) {
    const key = args.text(read.keysAt + i);
    const name = args.text(groupAt);
    reply.error(
      `NOGROUP No such key '${key}' or consumer group '${name}' in XREADGROUP with GROUP option`,
    );
    return Number.NaN;
  }
  const index = read.idsAt + i;
  if (isByte(ctx, index, GREATER)) {
    streams.groups.lastId(found, after);
    const idle =
      read.minIdleMs < 0 ? 0 : Math.min(streams.groups.pendingOf(found).size, read.count);
    return (entriesAfter(streams.stream, after, read.count) + idle) * ENTRY_UNITS;
  }
  if (isByte(ctx, index, DOLLAR)) reply.errorBytes(ERROR_BYTES.XREADGROUP_LAST);
  else if (isByte(ctx, index, PLUS)) reply.errorBytes(ERROR_BYTES.XREADGROUP_PLUS);
  else if (exactId(ctx, index, after)) {
    return Math.min(streams.groups.pendingOf(found).size, read.count) * ENTRY_UNITS;
  }
  return Number.NaN;
}

function cmdXreadgroup(ctx: CommandContext): RunStatus {
  if (!read.read(ctx, true)) return DONE;
  let units = 0;
  let asked = 0;
  let histories = 0;
  for (let i = 0; i < read.streams && !Number.isNaN(units); i++) {
    if (!read.isAsked(ctx, i)) continue;
    units += groupUnits(ctx, i);
    asked += 1;
    if (isHistory(ctx, i)) histories += 1;
  }
  if (Number.isNaN(units)) return DONE;
  if (!ctx.mayRun(units)) return ESCALATE;
  // What goes to the log is what the groups are like afterwards.
  ctx.effects.replace();
  group.isFull = false;
  if (histories !== 0) {
    const start = ctx.reply.length;
    const mark = ctx.reply.deferArray();
    if (!replyHistories(ctx, start)) return DONE;
    if (histories === asked) return noteHistories(ctx, start, mark, histories);
    // New entries stand between them in the reply: all is written once more, in order.
    ctx.reply.truncate(start);
  }
  let served = 0;
  let mark = 0;
  for (let i = 0; i < read.streams; i++) {
    if (!read.isAsked(ctx, i)) continue;
    const start = ctx.reply.length;
    if (served === 0) mark = ctx.reply.deferArray();
    replyStream(ctx, i);
    if (readGroup(ctx, i)) served += 1;
    else ctx.reply.truncate(start);
  }
  if (served === 0 && group.isFull) {
    replyFull(ctx);
    return DONE;
  }
  return finish(ctx, mark, served);
}

/** Whether stream `i` is asked for the consumer's pending entries, not for new ones. */
function isHistory(ctx: CommandContext, i: number): boolean {
  return !isByte(ctx, read.idsAt + i, GREATER);
}

/**
 * Replies the parts of all streams that are asked for pending entries. That changes nothing yet, so
 * where it is too much, the answer from `start` on is an error; false then.
 */
function replyHistories(ctx: CommandContext, start: number): boolean {
  const { reply } = ctx;
  reply.isRead = true;
  try {
    for (let i = 0; i < read.streams; i++) {
      if (!read.isAsked(ctx, i) || !isHistory(ctx, i)) continue;
      const shard = ctx.at(read.keysAt + i);
      const streams = shard.streams.read(shard.find(ctx.db, ctx.key));
      const found = groupNamed(ctx, streams, read.groupAt);
      const consumer = consumerNamed(ctx, streams, found, read.groupAt + 1);
      exactId(ctx, read.idsAt + i, after);
      replyStream(ctx, i);
      replyHistory(ctx, streams, consumer, after, read.count);
    }
    return true;
  } catch (error) {
    if (!(error instanceof ReplyTooLarge)) throw error;
    reply.truncate(start);
    reply.errorBytes(ERROR_BYTES.REPLY_TOO_LARGE);
    return false;
  } finally {
    reply.isRead = false;
  }
}

/** Notes what `replyHistories` has replied, all of it from `start` on, and ends the reply. */
function noteHistories(ctx: CommandContext, start: number, mark: number, count: number): RunStatus {
  let noted = 0;
  for (let i = 0; i < read.streams; i++) {
    // A consumer for whom there is no room had nothing pending: its part says so.
    if (!read.isAsked(ctx, i) || !openGroup(ctx, i)) continue;
    exactId(ctx, read.idsAt + i, after);
    noteHistory(ctx, group, after, read.count);
    noted += 1;
  }
  if (noted !== 0) return finish(ctx, mark, count);
  ctx.reply.truncate(start);
  replyFull(ctx);
  return DONE;
}

/** Points `group` at the consumer in stream `i`; false where there is no room for it. */
function openGroup(ctx: CommandContext, i: number): boolean {
  const shard = ctx.at(read.keysAt + i);
  const ref: Ref = shard.find(ctx.db, ctx.key);
  const streams = shard.streams.open(ctx.db, ctx.key, ref);
  return findConsumer(ctx, streams, read, read.keysAt + i, group);
}

/** Replies what a group has for the consumer in stream `i`; false where that is nothing. */
function readGroup(ctx: CommandContext, i: number): boolean {
  if (!openGroup(ctx, i)) return false;
  if (isHistory(ctx, i)) {
    exactId(ctx, read.idsAt + i, after);
    replyHistory(ctx, group.streams, group.consumer, after, read.count);
    noteHistory(ctx, group, after, read.count);
    return true;
  }
  const mark = ctx.reply.deferArray();
  const claimed = read.minIdleMs < 0 ? 0 : claimIdle(ctx, group, read.minIdleMs, read.count);
  const count = claimed + deliverNew(ctx, group, read.count - claimed);
  ctx.reply.finishArray(mark, count);
  group.finish(ctx);
  return count !== 0;
}

const OPTIONS: readonly (readonly [string, number])[] = [
  ['COUNT', 1],
  ['BLOCK', 1],
  ['GROUP', 2],
  ['CLAIM', 1],
];

const READING = '[COUNT count:integer] [BLOCK milliseconds:integer]';
const KEYS = 'STREAMS key [key ...] ID:string [ID:string ...]';

export const STREAM_READ_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'xread',
    summary: 'Returns entries of streams behind given IDs, or waits for some.',
    since: '5.0.0',
    group: 'stream',
    arity: -4,
    flags: ['readonly', 'blocking'],
    acl: ['stream'],
    keys: [
      {
        flags: ['RO', 'ACCESS'],
        begin: 1,
        keyword: 'STREAMS',
        options: OPTIONS,
        find: { kind: 'range', last: -1, step: 1, limit: 2 },
      },
    ],
    syntax: `${READING} ${KEYS}`,
    place: 'shard',
    shards: 'keys',
    run: cmdXread,
  },
  {
    name: 'xreadgroup',
    summary:
      'Returns entries of streams that are new to a group or pending for a consumer, or waits.',
    since: '5.0.0',
    group: 'stream',
    arity: -7,
    flags: ['write', 'blocking'],
    acl: ['stream'],
    keys: [
      {
        flags: ['RO', 'ACCESS'],
        begin: 4,
        keyword: 'STREAMS',
        options: OPTIONS,
        find: { kind: 'range', last: -1, step: 1, limit: 2 },
      },
    ],
    syntax: `GROUP group consumer ${READING} [CLAIM min-idle-time:integer] [NOACK] ` + KEYS,
    place: 'shard',
    shards: 'keys',
    run: cmdXreadgroup,
  },
];
