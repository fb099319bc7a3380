/** Pending entries of consumer groups: XPENDING, XCLAIM, XAUTOCLAIM. */
import { asciiBytes } from '../base/bytes.ts';
import { parseBigInt64 } from '../base/number-text.ts';
import { TYPE_STREAM } from '../keyspace/entry.ts';
import type { StreamGroups } from '../keyspace/stream-groups.ts';
import type { StreamValues } from '../keyspace/stream-value.ts';
import type { Ref } from '../memory/arena.ts';
import { ERROR_BYTES, unrecognizedOption } from '../resp/errors.ts';
import type { IdTree } from '../structures/id-tree.ts';
import { ID_AUTO_SEQ, ID_BAD, parseStreamId, StreamId } from '../structures/stream-id.ts';
import { oneKeyRows, readTyped, replyFull } from './collection.ts';
import { type CommandContext, type CommandSpec, DONE, ESCALATE, type RunStatus } from './spec.ts';
import { exactId, intervalId } from './stream-args.ts';
import {
  ClaimLog,
  consumerNamed,
  consumerTimeMs,
  EntryWalk,
  groupNamed,
  IdList,
  logAcknowledged,
  logConsumer,
  logGroupId,
  refuseKeyOrGroup,
  replyDeliveries,
  replyOwner,
  takeConsumer,
  taken,
} from './stream-group-access.ts';
import { replyEntry, replyId } from './stream-reply.ts';

const IDLE = asciiBytes('IDLE');
const TIME = asciiBytes('TIME');
const RETRYCOUNT = asciiBytes('RETRYCOUNT');
const FORCE = asciiBytes('FORCE');
const JUSTID = asciiBytes('JUSTID');
const LASTID = asciiBytes('LASTID');
const COUNT = asciiBytes('COUNT');

/** Where the arguments of XCLAIM and XAUTOCLAIM are. */
const KEY = 1;
const GROUP = 2;
const CONSUMER = 3;
const MIN_IDLE = 4;
const FIRST_ID = 5;
const START = 5;
const AUTO_OPTIONS = 6;

/** What an entry in a reply counts as, in units of work. */
const UNITS_PER_ENTRY = 4;

const start = new StreamId();
const end = new StreamId();
const id = new StreamId();
/** LASTID of XCLAIM, 0-0 without it. */
const lastId = new StreamId();

/** The group of argument 2 of the stream of argument 1, opened; 0 when an error was replied. */
function openGroup(ctx: CommandContext): Ref {
  const ref = readTyped(ctx, KEY, TYPE_STREAM);
  if (ref < 0) return 0;
  const { streams } = ctx.at(KEY);
  if (ref !== 0) streams.open(ctx.db, ctx.key, ref);
  const group = ref === 0 ? 0 : groupNamed(ctx, streams, GROUP);
  if (group === 0) refuseKeyOrGroup(ctx, KEY, GROUP);
  return group;
}

// ---- XPENDING

/** Arguments of XPENDING: entries idle for less than `minIdleMs` are left out. */
const filter = { minIdleMs: 0, count: 0, consumer: 0 };

/** Reads the arguments of XPENDING from 3 on; false when an error was replied. */
function readFilter(ctx: CommandContext): boolean {
  const { args, reply } = ctx;
  filter.minIdleMs = 0;
  let first = 3;
  if (args.equalsIgnoreCase(first, IDLE)) {
    filter.minIdleMs = args.toInt(4);
    const isInteger = !Number.isNaN(filter.minIdleMs);
    if (!isInteger || args.count < 8) {
      reply.errorBytes(isInteger ? ERROR_BYTES.SYNTAX : ERROR_BYTES.NOT_INTEGER);
      return false;
    }
    first = 5;
  }
  filter.count = args.toInt(first + 2);
  if (Number.isNaN(filter.count)) {
    reply.errorBytes(ERROR_BYTES.NOT_INTEGER);
    return false;
  }
  filter.consumer = first + 3 < args.count ? first + 3 : 0;
  return intervalId(ctx, first, start, false) && intervalId(ctx, first + 1, end, true);
}

/** XPENDING. O(log n + entries looked at), without a range O(consumers). */
function cmdXpending(ctx: CommandContext): RunStatus {
  const { args, reply } = ctx;
  const isSummary = args.count === 3;
  if (!isSummary && (args.count < 6 || args.count > 9)) {
    reply.errorBytes(ERROR_BYTES.SYNTAX);
    return DONE;
  }
  if (!isSummary && !readFilter(ctx)) return DONE;
  const group = openGroup(ctx);
  if (group === 0) return DONE;
  const { streams } = ctx.at(KEY);
  return isSummary ? summary(ctx, streams, group) : pendingRange(ctx, streams, group);
}

function summary(ctx: CommandContext, { groups }: StreamValues, group: Ref): RunStatus {
  const { reply } = ctx;
  const consumers = groups.consumersOf(group);
  if (!ctx.mayRun(consumers.size)) return ESCALATE;
  const pending = groups.pendingOf(group);
  reply.array(4);
  reply.integer(pending.size);
  if (pending.size === 0) {
    reply.null();
    reply.null();
    reply.nullArray();
    return DONE;
  }
  const { u32 } = pending;
  pending.seekFirst();
  replyId(reply, id.load(u32, pending.at));
  pending.seekLast();
  replyId(reply, id.load(u32, pending.at));
  const mark = reply.deferArray();
  let shown = 0;
  for (let i = 0; i < consumers.size; i++) {
    const consumer = consumers.at(i);
    const { size } = groups.ownOf(consumer);
    if (size === 0) continue;
    reply.array(2);
    replyOwner(reply, groups, consumer);
    reply.bulkLatin1(String(size));
    shown += 1;
  }
  reply.finishArray(mark, shown);
  return DONE;
}

function pendingRange(ctx: CommandContext, streams: StreamValues, group: Ref): RunStatus {
  const { reply, state } = ctx;
  const { groups } = streams;
  let tree: IdTree = groups.pendingOf(group);
  if (filter.consumer !== 0) {
    const consumer = consumerNamed(ctx, streams, group, filter.consumer);
    if (consumer === 0) {
      reply.array(0);
      return DONE;
    }
    tree = groups.ownOf(consumer);
  }
  const seen = filter.minIdleMs > 0 ? tree.size : Math.min(filter.count, tree.size);
  if (!ctx.mayRun(seen)) return ESCALATE;
  const mark = reply.deferArray();
  let left = filter.count;
  let shown = 0;
  let goesOn = tree.lookFor(start.msHi, start.msLo, start.seqHi, start.seqLo).seek();
  for (; left > 0 && goesOn; goesOn = tree.next()) {
    id.load(tree.u32, tree.at);
    if (id.compare(end) > 0) break;
    const at = filter.consumer === 0 ? tree.at : groups.findPending(group, id);
    const idleMs = state.nowMs - groups.timeAt(at);
    if (filter.minIdleMs > 0 && idleMs < filter.minIdleMs) continue;
    replyPending(ctx, groups, at, Math.max(idleMs, 0));
    shown += 1;
    left -= 1;
  }
  reply.finishArray(mark, shown);
  return DONE;
}

/** A row of XPENDING; nobody's entries have an empty name and are idle for -1. */
function replyPending(ctx: CommandContext, groups: StreamGroups, at: number, idleMs: number): void {
  const { reply } = ctx;
  const owner = groups.ownerAt(at);
  reply.array(4);
  replyId(reply, id);
  replyOwner(reply, groups, owner);
  reply.integer(owner === 0 ? -1 : idleMs);
  replyDeliveries(reply, groups.deliveriesAt(at));
}

// ---- claiming

/** What a claim does to the entries it takes. */
const claim = {
  minIdleMs: 0,
  timeMs: 0,
  retryCount: -1,
  isForced: false,
  isJustId: false,
  /** XCLAIM: the argument behind the last ID. XAUTOCLAIM: how many entries it takes. */
  end: 0,
  count: 0,
};

/** Outcomes of `claimEntry`. */
const NOT_CLAIMED = 0;
const CLAIMED = 1;
const DROPPED = 2;
const NO_ROOM = 3;

const walk = new EntryWalk();
const claimed = new IdList();
const dropped = new IdList();
const log = new ClaimLog();

/**
 * Gives the entry `id`, whose pending record is at u32 index `at` (0 = it is not pending), to a
 * consumer; what is no longer in the stream leaves the pending list. `group` and `consumer` are
 * those of arguments 2 and 3.
 */
function claimEntry(
  ctx: CommandContext,
  streams: StreamValues,
  group: Ref,
  consumer: Ref,
  at: number,
): number {
  const { groups } = streams;
  if (at === 0 && !claim.isForced) return NOT_CLAIMED;
  if (!walk.find(id)) {
    if (at === 0) return NOT_CLAIMED;
    groups.acknowledge(group, id);
    logAcknowledged(ctx, KEY, GROUP, id);
    return DROPPED;
  }
  // Nobody's entries are there to be claimed, however short they were given back.
  if (at !== 0 && claim.minIdleMs > 0 && groups.ownerAt(at) !== 0) {
    if (ctx.state.nowMs - groups.timeAt(at) < claim.minIdleMs) return NOT_CLAIMED;
  }
  let deliveries = at === 0 ? 1 : groups.deliveriesAt(at);
  if (claim.retryCount >= 0) deliveries = claim.retryCount;
  else if (!claim.isJustId) deliveries += 1;
  if (!groups.deliver(group, consumer, id, claim.timeMs, deliveries)) return NO_ROOM;
  log.add(ctx, streams, id, deliveries);
  return CLAIMED;
}

/** Replies the entry `id`, which `walk` is at, or its ID. */
function replyClaimed(ctx: CommandContext, { reader }: StreamValues): void {
  if (claim.isJustId) replyId(ctx.reply, id);
  else replyEntry(ctx.reply, reader);
}

/** XCLAIM. O(log n + entries of a node) each. */
function cmdXclaim(ctx: CommandContext): RunStatus {
  const { args, reply, state } = ctx;
  if (!ctx.mayRun((args.count - FIRST_ID) * UNITS_PER_ENTRY)) return ESCALATE;
  const group = openGroup(ctx);
  if (group === 0) return DONE;
  if (!readMinIdle(ctx, ERROR_BYTES.XCLAIM_MIN_IDLE) || !readClaim(ctx)) return DONE;
  const { streams } = ctx.at(KEY);
  const { groups } = streams;
  const moves = lastId.compare(groups.lastId(group, id)) > 0;
  const consumer = takeConsumer(ctx, streams, group, CONSUMER);
  if (consumer === 0) {
    replyFull(ctx);
    return DONE;
  }
  if (moves) groups.setLastId(group, lastId);
  let isChanged = moves || taken.isNew;
  ctx.effects.replace();
  log.begin(group, KEY, GROUP, claim.timeMs);
  const begin = reply.length;
  const mark = reply.deferArray();
  let outcome = NOT_CLAIMED;
  let count = 0;
  walk.begin(streams);
  for (let i = FIRST_ID; i < claim.end && outcome !== NO_ROOM; i++) {
    exactId(ctx, i, id);
    outcome = claimEntry(ctx, streams, group, consumer, groups.findPending(group, id));
    if (outcome === DROPPED) isChanged = true;
    if (outcome !== CLAIMED) continue;
    replyClaimed(ctx, streams);
    count += 1;
  }
  reply.finishArray(mark, count);
  log.flush(ctx, streams);
  if (count !== 0) groups.setActive(consumer, consumerTimeMs(state));
  else if (taken.isNew) logConsumer(ctx, KEY, GROUP);
  if (moves && count === 0) logGroupId(ctx, streams, group, KEY, GROUP);
  if (isChanged || count !== 0) streams.groupsChanged();
  if (outcome !== NO_ROOM) return DONE;
  reply.truncate(begin);
  replyFull(ctx);
  return DONE;
}

/** Reads the least idle time; false when `error` was replied. */
function readMinIdle(ctx: CommandContext, error: Uint8Array): boolean {
  claim.minIdleMs = ctx.args.toInt(MIN_IDLE);
  if (!Number.isNaN(claim.minIdleMs)) return true;
  ctx.reply.errorBytes(error);
  return false;
}

/** Reads IDs and options of XCLAIM; false when an error was replied. */
function readClaim(ctx: CommandContext): boolean {
  const { args, reply, state } = ctx;
  const { nowMs } = state;
  claim.timeMs = nowMs;
  claim.retryCount = -1;
  claim.isForced = false;
  claim.isJustId = false;
  claim.end = FIRST_ID;
  lastId.setMin();
  while (claim.end < args.count && isId(ctx, claim.end)) claim.end += 1;
  for (let i = claim.end; i < args.count; i++) {
    const hasMore = i + 1 < args.count;
    if (args.equalsIgnoreCase(i, FORCE)) {
      claim.isForced = true;
    } else if (args.equalsIgnoreCase(i, JUSTID)) {
      claim.isJustId = true;
    } else if (hasMore && args.equalsIgnoreCase(i, IDLE)) {
      i += 1;
      if (!integerOption(ctx, i, ERROR_BYTES.XCLAIM_IDLE)) return false;
      claim.timeMs = nowMs - option.value;
    } else if (hasMore && args.equalsIgnoreCase(i, TIME)) {
      i += 1;
      if (!integerOption(ctx, i, ERROR_BYTES.XCLAIM_TIME)) return false;
      claim.timeMs = option.value;
    } else if (hasMore && args.equalsIgnoreCase(i, RETRYCOUNT)) {
      i += 1;
      if (!integerOption(ctx, i, ERROR_BYTES.XCLAIM_RETRYCOUNT)) return false;
      claim.retryCount = option.value;
    } else if (hasMore && args.equalsIgnoreCase(i, LASTID)) {
      i += 1;
      if (!exactId(ctx, i, lastId)) return false;
    } else {
      reply.error(unrecognizedOption('XCLAIM', ctx.args.text(i)));
      return false;
    }
  }
  // Clients reckon with clocks of their own: what lies in the future is now. The clock of a log
  // that is replayed stands at 0.
  const latestMs = nowMs === 0 ? Number.MAX_SAFE_INTEGER : nowMs;
  if (!(claim.timeMs >= 0 && claim.timeMs <= latestMs)) claim.timeMs = nowMs;
  return true;
}

/** Whether argument `index` is an ID. */
function isId(ctx: CommandContext, index: number): boolean {
  const { args } = ctx;
  const form = parseStreamId(args.buf, args.offset[index]!, args.end(index), id);
  return form !== ID_BAD && form !== ID_AUTO_SEQ;
}

/** What `integerOption` has read. */
const option = { value: 0 };

function integerOption(ctx: CommandContext, index: number, error: Uint8Array): boolean {
  option.value = ctx.args.toInt(index);
  if (!Number.isNaN(option.value)) return true;
  ctx.reply.errorBytes(error);
  return false;
}

/** Entries that XAUTOCLAIM looks at for each that it may claim. */
const ATTEMPTS_PER_COUNT = 10;
const AUTO_COUNT_DEFAULT = 100;
/** Redis takes no greater COUNT. */
const AUTO_COUNT_MAX = (2n ** 63n - 1n) / 16n;

/** Reads the arguments of XAUTOCLAIM; false when an error was replied. */
function readAutoclaim(ctx: CommandContext): boolean {
  const { args, reply, state } = ctx;
  if (!readMinIdle(ctx, ERROR_BYTES.XAUTOCLAIM_MIN_IDLE)) return false;
  if (!intervalId(ctx, START, start, false)) return false;
  claim.timeMs = state.nowMs;
  claim.retryCount = -1;
  claim.isForced = false;
  claim.isJustId = false;
  claim.count = AUTO_COUNT_DEFAULT;
  for (let i = AUTO_OPTIONS; i < args.count; i++) {
    if (args.equalsIgnoreCase(i, COUNT) && i + 1 < args.count) {
      i += 1;
      if (!readAutoCount(ctx, i)) return false;
    } else if (args.equalsIgnoreCase(i, JUSTID)) {
      claim.isJustId = true;
    } else {
      reply.errorBytes(ERROR_BYTES.SYNTAX);
      return false;
    }
  }
  return true;
}

function readAutoCount(ctx: CommandContext, index: number): boolean {
  const { args } = ctx;
  claim.count = args.toInt(index);
  const isLarge = claim.count === Number.POSITIVE_INFINITY;
  const from = args.offset[index]!;
  const isTooLarge = isLarge && parseBigInt64(args.buf, from, args.end(index)) > AUTO_COUNT_MAX;
  if (claim.count >= 1 && !isTooLarge) return true;
  ctx.reply.errorBytes(ERROR_BYTES.XAUTOCLAIM_COUNT);
  return false;
}

/** XAUTOCLAIM. O(count * (log n + entries of a node)). */
function cmdXautoclaim(ctx: CommandContext): RunStatus {
  const { reply, state } = ctx;
  if (!readAutoclaim(ctx)) return DONE;
  const group = openGroup(ctx);
  if (group === 0) return DONE;
  const { streams } = ctx.at(KEY);
  const { groups } = streams;
  const { size } = groups.pendingOf(group);
  const units = Math.min(claim.count, size) * UNITS_PER_ENTRY;
  if (!ctx.mayRun(units + Math.min(claim.count * ATTEMPTS_PER_COUNT, size))) return ESCALATE;
  const consumer = takeConsumer(ctx, streams, group, CONSUMER);
  if (consumer === 0) {
    replyFull(ctx);
    return DONE;
  }
  ctx.effects.replace();
  log.begin(group, KEY, GROUP, claim.timeMs);
  const isWhole = claimIdle(ctx, streams, group, consumer);
  log.flush(ctx, streams);
  if (claimed.count !== 0) groups.setActive(consumer, consumerTimeMs(state));
  else if (taken.isNew) logConsumer(ctx, KEY, GROUP);
  if (taken.isNew || claimed.count + dropped.count !== 0) streams.groupsChanged();
  if (!isWhole) {
    replyFull(ctx);
    return DONE;
  }
  reply.array(3);
  replyId(reply, end);
  reply.array(claimed.count);
  walk.begin(streams);
  for (let i = 0; i < claimed.count; i++) {
    claimed.get(i, id);
    if (!claim.isJustId && !walk.find(id)) throw new Error('stream: a claimed entry is gone');
    replyClaimed(ctx, streams);
  }
  reply.array(dropped.count);
  for (let i = 0; i < dropped.count; i++) replyId(reply, dropped.get(i, id));
  return DONE;
}

/**
 * Claims pending entries from `start` on into `claimed` and `dropped`; `end` is the ID to go on
 * with, 0-0 at the end. False: the arena is full.
 */
function claimIdle(ctx: CommandContext, streams: StreamValues, group: Ref, consumer: Ref): boolean {
  const pending = streams.groups.pendingOf(group);
  let attempts = claim.count * ATTEMPTS_PER_COUNT;
  claimed.clear();
  dropped.clear();
  walk.begin(streams);
  let goesOn = pending.lookFor(start.msHi, start.msLo, start.seqHi, start.seqLo).seek();
  for (; goesOn && attempts > 0; attempts--) {
    if (claimed.count + dropped.count >= claim.count) break;
    id.load(pending.u32, pending.at);
    const outcome = claimEntry(ctx, streams, group, consumer, pending.at);
    if (outcome === NO_ROOM) return false;
    if (outcome === CLAIMED) claimed.add(id);
    if (outcome === DROPPED) dropped.add(id);
    // A record that is gone leaves the needle: what is there now is the next.
    goesOn = outcome === DROPPED ? pending.seek() : pending.next();
  }
  if (goesOn) end.load(pending.u32, pending.at);
  else end.setMin();
  return true;
}

export const STREAM_CLAIM_COMMANDS: readonly CommandSpec[] = oneKeyRows('stream', 'stream', [
  {
    name: 'xpending',
    summary: 'Returns what is pending in a consumer group.',
    since: '5.0.0',
    arity: -3,
    flags: ['readonly'],
    keyFlags: ['RO', 'ACCESS'],
    syntax:
      'key group [[IDLE min-idle-time:integer] start:string end:string count:integer [consumer]]',
    run: cmdXpending,
  },
  {
    name: 'xclaim',
    summary: 'Gives pending entries to another consumer.',
    since: '5.0.0',
    arity: -6,
    flags: ['write', 'fast'],
    keyFlags: ['RW', 'UPDATE'],
    syntax:
      'key group consumer min-idle-time ID:string [ID:string ...] [IDLE ms:integer] ' +
      '[TIME unix-time-milliseconds:unix-time] [RETRYCOUNT count:integer] [FORCE] [JUSTID] ' +
      '[LASTID lastid:string]',
    run: cmdXclaim,
  },
  {
    name: 'xautoclaim',
    summary: 'Gives pending entries that have been idle for long to a consumer.',
    since: '6.2.0',
    arity: -6,
    flags: ['write', 'fast'],
    keyFlags: ['RW', 'DELETE'],
    syntax: 'key group consumer min-idle-time start:string [COUNT count:integer] [JUSTID]',
    run: cmdXautoclaim,
  },
]);
