/** Streams: what XREADGROUP gives to a consumer, and what of that goes to the log. */
import { advanceGroup } from '../keyspace/stream-lag.ts';
import type { StreamValues } from '../keyspace/stream-value.ts';
import type { Ref } from '../memory/arena.ts';
import type { IdTree } from '../structures/id-tree.ts';
import { StreamId } from '../structures/stream-id.ts';
import type { CommandContext } from './spec.ts';
import {
  ClaimLog,
  groupNamed,
  IdList,
  logAcknowledged,
  logConsumer,
  logGroupId,
  replyDeliveries,
  takeConsumer,
  taken,
} from './stream-group-access.ts';
import { beginEntries, replyFields, replyId, replyNextEntry } from './stream-reply.ts';

/** What of the arguments is asked here. */
export interface GroupArguments {
  readonly keysAt: number;
  readonly idsAt: number;
  readonly streams: number;
  /** Argument with the group, which the consumer follows. */
  readonly groupAt: number;
  readonly isNoAck: boolean;
  readonly minIdleMs: number;
}

const id = new StreamId();
const bound = new StreamId();
const MAX = new StreamId().setMax();
const claims = new ClaimLog();
const idle = new IdList();

/** The consumer that reads, in a stream that is open. */
export class GroupRead {
  streams!: StreamValues;
  group: Ref = 0;
  consumer: Ref = 0;
  groupAt = 0;
  /** The key's argument. */
  keyAt = 0;
  isNoAck = false;
  hasClaim = false;
  /** The consumer was made by this command, and the log does not have it yet. */
  isNew = false;
  /** The group has moved on. */
  hasAdvanced = false;
  /** Anything was changed that the log has to have. */
  hasChanged = false;
  /** The arena had no room for something; what there was room for is done. */
  isFull = false;

  /** Says what was changed, and writes it to the log. */
  finish(ctx: CommandContext): void {
    const { streams, group, keyAt, groupAt } = this;
    if (this.hasChanged) streams.groupsChanged();
    claims.flush(ctx, streams);
    if (this.isNew && !claims.isUsed) logConsumer(ctx, keyAt, groupAt);
    if (this.hasAdvanced) logGroupId(ctx, streams, group, keyAt, groupAt);
  }
}

/**
 * Points `read` at group and consumer in the open stream of `ctx.key`, argument `keyAt`; the
 * consumer is made where there is none, and is seen now. False when the arena is full.
 */
export function findConsumer(
  ctx: CommandContext,
  streams: StreamValues,
  what: GroupArguments,
  keyAt: number,
  read: GroupRead,
): boolean {
  const { groupAt } = what;
  const group = groupNamed(ctx, streams, groupAt);
  const consumer = takeConsumer(ctx, streams, group, groupAt + 1);
  read.isNew = taken.isNew;
  if (consumer === 0) {
    read.isFull = true;
    return false;
  }
  read.streams = streams;
  read.group = group;
  read.consumer = consumer;
  read.groupAt = groupAt;
  read.keyAt = keyAt;
  read.isNoAck = what.isNoAck;
  read.hasClaim = what.minIdleMs >= 0;
  read.hasAdvanced = false;
  read.hasChanged = read.isNew;
  claims.begin(group, keyAt, groupAt, ctx.state.nowMs);
  return true;
}

/** Replies up to `count` entries that the group has yet to get; how many. */
export function deliverNew(ctx: CommandContext, read: GroupRead, count: number): number {
  const { reply, state } = ctx;
  const { streams, group, consumer } = read;
  const { stream, groups, reader } = streams;
  if (groups.lastId(group, bound).increment()) reader.range(bound, MAX, false);
  else return 0;
  let found = 0;
  beginEntries();
  while (found < count && reader.next()) {
    if (!read.isNoAck) {
      if (!groups.deliver(group, consumer, reader.id, state.nowMs, 1)) {
        read.isFull = true;
        break;
      }
      claims.add(ctx, streams, reader.id, 1);
    }
    advanceGroup(stream, groups, group, reader.id);
    if (read.hasClaim) {
      reply.array(4);
      replyId(reply, reader.id);
      replyFields(reply, reader);
      reply.integer(0);
      reply.integer(0);
    } else {
      replyNextEntry(reply, reader);
    }
    found += 1;
  }
  if (found === 0) return 0;
  if (!read.isNoAck) groups.setActive(consumer, state.nowMs);
  read.hasAdvanced = true;
  read.hasChanged = true;
  return found;
}

/**
 * Replies up to `count` pending entries that were delivered `minIdleMs` ago or earlier, the oldest
 * first, which are the consumer's from now on; how many. O(log n) each.
 */
export function claimIdle(
  ctx: CommandContext,
  read: GroupRead,
  minIdleMs: number,
  count: number,
): number {
  const { reply, state } = ctx;
  const { streams, group, consumer } = read;
  const { groups, reader } = streams;
  const latest = state.nowMs - minIdleMs;
  const times = groups.timesOf(group);
  if (times === null) {
    read.isFull = true;
    return 0;
  }
  idle.clear();
  let goesOn = times.seekFirst();
  while (goesOn && idle.count < count && groups.timeOf(times.at) <= latest) {
    idle.add(groups.idOfTime(times.at, id));
    goesOn = times.next();
  }
  let found = 0;
  beginEntries();
  for (let i = 0; i < idle.count; i++) {
    idle.get(i, id);
    read.hasChanged = true;
    if (!reader.find(id)) {
      groups.acknowledge(group, id);
      logAcknowledged(ctx, read.keyAt, read.groupAt, id);
      continue;
    }
    const at = groups.findPending(group, id);
    const deliveries = groups.deliveriesAt(at);
    const idleMs = state.nowMs - groups.timeAt(at);
    if (!groups.deliver(group, consumer, id, state.nowMs, deliveries + 1)) {
      read.isFull = true;
      break;
    }
    reply.array(4);
    replyId(reply, id);
    replyFields(reply, reader);
    reply.integer(idleMs);
    replyDeliveries(reply, deliveries);
    found += 1;
    claims.add(ctx, streams, id, deliveries + 1);
  }
  if (found !== 0) groups.setActive(consumer, state.nowMs);
  return found;
}

/** Points `own` at the consumer's first pending entry behind `after`; false where there is none. */
function seekBehind(own: IdTree, after: StreamId): boolean {
  bound.copy(after);
  if (!bound.increment()) return false;
  return own.lookFor(bound.msHi, bound.msLo, bound.seqHi, bound.seqLo).seek();
}

/**
 * Replies up to `count` of a consumer's own pending entries behind `after`, all in one array;
 * `consumer` 0 = there is none. Changes nothing: see `noteHistory`.
 */
export function replyHistory(
  ctx: CommandContext,
  streams: StreamValues,
  consumer: Ref,
  after: StreamId,
  count: number,
): void {
  const { reply } = ctx;
  const { groups, reader } = streams;
  const mark = reply.deferArray();
  let found = 0;
  beginEntries();
  if (consumer !== 0) {
    const own = groups.ownOf(consumer);
    for (let goesOn = seekBehind(own, after); goesOn && found < count; goesOn = own.next()) {
      id.load(own.u32, own.at);
      found += 1;
      if (reader.find(id)) {
        replyNextEntry(reply, reader);
      } else {
        reply.array(2);
        replyId(reply, id);
        reply.nullArray();
      }
    }
  }
  reply.finishArray(mark, found);
}

/** Notes that the consumer was delivered what `replyHistory` has replied, once more. */
export function noteHistory(
  ctx: CommandContext,
  read: GroupRead,
  after: StreamId,
  count: number,
): void {
  const { streams, group, consumer } = read;
  const { groups, reader } = streams;
  const { nowMs } = ctx.state;
  const own = groups.ownOf(consumer);
  let found = 0;
  for (let goesOn = seekBehind(own, after); goesOn && found < count; goesOn = own.next()) {
    found += 1;
    if (!reader.find(id.load(own.u32, own.at))) continue;
    const at = groups.findPending(group, id);
    groups.redeliver(group, at, nowMs, groups.deliveriesAt(at) + 1);
  }
  read.finish(ctx);
}

/** Ms until a pending entry of the streams that are waited for is old enough for CLAIM. */
export function msUntilIdle(ctx: CommandContext, what: GroupArguments): number {
  const { args, state } = ctx;
  const { groupAt } = what;
  let ms = Number.POSITIVE_INFINITY;
  for (let i = 0; i < what.streams; i++) {
    if (ctx.servedKey !== 0 && ctx.servedKey !== what.keysAt + i) continue;
    const shard = ctx.at(what.keysAt + i);
    const ref = shard.find(ctx.db, ctx.key);
    if (ref === 0) continue;
    const { groups } = shard.streams.read(ref);
    const group = groups.find(args.buf, args.offset[groupAt]!, args.end(groupAt));
    const times = group === 0 ? null : groups.timesOf(group);
    if (times === null || !times.seekFirst()) continue;
    ms = Math.min(ms, Math.max(0, groups.timeOf(times.at) + what.minIdleMs - state.nowMs));
  }
  return ms;
}
