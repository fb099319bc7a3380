/** Sorted sets: members taken out by name, by range, and from the ends. */

import { asciiBytes } from '../base/bytes.ts';
import { TYPE_ZSET } from '../keyspace/entry.ts';
import { EVENT_ZSET } from '../keyspace/events.ts';
import type { Shard } from '../keyspace/shard.ts';
import type { Ref } from '../memory/arena.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import { type OneKeyRow, writeTyped } from './collection.ts';
import {
  NAME_ZPOPMAX,
  NAME_ZPOPMIN,
  NAME_ZREM,
  NAME_ZREMRANGEBYLEX,
  NAME_ZREMRANGEBYRANK,
  NAME_ZREMRANGEBYSCORE,
  tellDeleted,
} from './event-names.ts';
import { logPop } from './log-effects.ts';
import { type CommandContext, type CommandSpec, DONE, ESCALATE, type RunStatus } from './spec.ts';
import { BY_LEX, BY_RANK, BY_SCORE, scoredRange } from './zset-bounds.ts';
import { scoredReply } from './zset-reply.ts';

const TYPE = TYPE_ZSET;
const MIN = asciiBytes('MIN');
const MAX = asciiBytes('MAX');
const COUNT = asciiBytes('COUNT');
const ZPOPMIN = asciiBytes('ZPOPMIN');
const ZPOPMAX = asciiBytes('ZPOPMAX');

function cmdZrem(ctx: CommandContext): RunStatus {
  const { args, reply, db, key } = ctx;
  if (!ctx.mayRun(args.count * 2)) return ESCALATE;
  const ref = writeTyped(ctx, 1, TYPE);
  if (ref < 0) return DONE;
  let removed = 0;
  if (ref !== 0) {
    const set = ctx.at(1).zsets.open(db, key, ref);
    for (let i = 2; i < args.count && set.ref !== 0; i++) {
      if (set.remove(args.buf, args.offset[i]!, args.end(i))) removed += 1;
    }
    if (removed !== 0) tellRemoved(ctx, NAME_ZREM, set.ref === 0);
  }
  reply.integer(removed);
  return DONE;
}

/** Members were taken out of the set of `key`; with the last one the key is gone. */
function tellRemoved(ctx: CommandContext, name: Uint8Array, isGone: boolean): void {
  ctx.state.event(EVENT_ZSET, name, ctx.db, ctx.key);
  if (isGone) tellDeleted(ctx, ctx.key);
}

function rangeName(by: number): Uint8Array {
  if (by === BY_RANK) return NAME_ZREMRANGEBYRANK;
  return by === BY_SCORE ? NAME_ZREMRANGEBYSCORE : NAME_ZREMRANGEBYLEX;
}

function removeRange(ctx: CommandContext, by: number): RunStatus {
  const { reply, db, key } = ctx;
  if (!scoredRange.parse(ctx, by, 2, 3)) return DONE;
  const ref = writeTyped(ctx, 1, TYPE);
  if (ref < 0) return DONE;
  if (ref === 0) {
    reply.integer(0);
    return DONE;
  }
  const shard = ctx.at(1);
  scoredRange.locate(shard, ref, false);
  const { start, count } = scoredRange;
  if (!ctx.mayRun(count)) return ESCALATE;
  if (count !== 0) {
    const set = shard.zsets.open(db, key, ref);
    set.removeRange(start, count);
    tellRemoved(ctx, rangeName(by), set.ref === 0);
  }
  reply.integer(count);
  return DONE;
}

/** Replies `count` members at an end, after the header of `scoredReply`, and removes them. */
export function popCounted(
  ctx: CommandContext,
  shard: Shard,
  ref: Ref,
  count: number,
  isMax: boolean,
): void {
  const { zsets } = shard;
  const start = isMax ? zsets.size(ref) - count : 0;
  zsets.forRange(ref, isMax ? start + count - 1 : 0, count, isMax, scoredReply.visit);
  zsets.open(ctx.db, ctx.key, ref).removeRange(start, count);
  tellRemoved(ctx, isMax ? NAME_ZPOPMAX : NAME_ZPOPMIN, zsets.ref === 0);
}

function pop(ctx: CommandContext, isMax: boolean): RunStatus {
  const { args, reply } = ctx;
  if (args.count > 3) {
    reply.errorBytes(ERROR_BYTES.SYNTAX);
    return DONE;
  }
  const hasCount = args.count === 3;
  const wanted = hasCount ? args.toInt(2) : 1;
  if (!(wanted >= 0)) {
    reply.errorBytes(ERROR_BYTES.NOT_POSITIVE);
    return DONE;
  }
  const ref = writeTyped(ctx, 1, TYPE);
  if (ref < 0) return DONE;
  const shard = ctx.at(1);
  const count = ref === 0 ? 0 : Math.min(wanted, shard.zsets.size(ref));
  if (!ctx.mayRun(count)) return ESCALATE;
  if (hasCount) scoredReply.begin(reply, count, true);
  else scoredReply.beginFlat(reply, count);
  if (count !== 0) popCounted(ctx, shard, ref, count, isMax);
  return DONE;
}

/** The COUNT of ZMPOP from argument `index` on, 1 without: NaN when an error was replied. */
function popCount(ctx: CommandContext, index: number): number {
  const { args, reply } = ctx;
  if (index >= args.count) return 1;
  if (index + 2 !== args.count || !args.equalsIgnoreCase(index, COUNT)) {
    const isNumber = index + 1 < args.count && args.equalsIgnoreCase(index, COUNT);
    const isCount = isNumber && args.toInt(index + 1) > 0;
    reply.errorBytes(!isNumber || isCount ? ERROR_BYTES.SYNTAX : ERROR_BYTES.COUNT_NOT_POSITIVE);
    return Number.NaN;
  }
  const count = args.toInt(index + 1);
  if (count > 0) return count;
  reply.errorBytes(ERROR_BYTES.COUNT_NOT_POSITIVE);
  return Number.NaN;
}

/**
 * ZMPOP with its number of keys at argument `keysAt`. Where no key has a member, `onNone` is called
 * with that number.
 */
export function popFirst(
  ctx: CommandContext,
  keysAt: number,
  onNone: (keys: number) => void,
): RunStatus {
  const { args, reply } = ctx;
  const keys = args.toInt(keysAt);
  if (!(keys > 0)) {
    reply.errorBytes(ERROR_BYTES.NUMKEYS_NOT_POSITIVE);
    return DONE;
  }
  const first = keysAt + 1;
  const whereAt = first + keys;
  const isMax = whereAt < args.count && args.equalsIgnoreCase(whereAt, MAX);
  if (whereAt >= args.count || (!isMax && !args.equalsIgnoreCase(whereAt, MIN))) {
    reply.errorBytes(ERROR_BYTES.SYNTAX);
    return DONE;
  }
  const wanted = popCount(ctx, whereAt + 1);
  if (Number.isNaN(wanted)) return DONE;
  for (let i = first; i < whereAt; i++) {
    if (ctx.servedKey !== 0 && ctx.servedKey !== i) continue;
    const ref = writeTyped(ctx, i, TYPE);
    if (ref < 0) return DONE;
    if (ref === 0) continue;
    const shard = ctx.at(i);
    const count = Math.min(wanted, shard.zsets.size(ref));
    if (!ctx.mayRun(count)) return ESCALATE;
    reply.array(2);
    reply.bulk(args.buf, args.offset[i]!, args.end(i));
    scoredReply.beginNested(reply, count);
    popCounted(ctx, shard, ref, count, isMax);
    logPop(ctx, isMax ? ZPOPMAX : ZPOPMIN, i, count);
    return DONE;
  }
  onNone(keys);
  return DONE;
}

function cmdZmpop(ctx: CommandContext): RunStatus {
  return popFirst(ctx, 1, () => ctx.reply.nullArray());
}

function rangeRow(name: string, since: string, by: number, type: string): OneKeyRow {
  const what = by === BY_RANK ? 'ranks' : by === BY_SCORE ? 'scores' : 'members';
  const bounds = by === BY_RANK ? 'start stop' : `min:${type} max:${type}`;
  return {
    name,
    summary: `Removes the members in a range of ${what}.`,
    since,
    arity: 4,
    flags: ['write'],
    keyFlags: ['RW', 'DELETE'],
    syntax: `key ${bounds}`,
    run: (ctx) => removeRange(ctx, by),
  };
}

function popRow(name: string, isMax: boolean): OneKeyRow {
  return {
    name,
    summary: `Returns and removes the members with the ${isMax ? 'highest' : 'lowest'} scores.`,
    since: '5.0.0',
    arity: -2,
    flags: ['write', 'fast'],
    keyFlags: ['RW', 'ACCESS', 'DELETE'],
    syntax: 'key [count:integer]',
    run: (ctx) => pop(ctx, isMax),
  };
}

export const ZSET_REMOVE_ROWS: readonly OneKeyRow[] = [
  {
    name: 'zrem',
    summary: 'Removes members from a sorted set; one without members is deleted.',
    since: '1.2.0',
    arity: -3,
    flags: ['write', 'fast'],
    keyFlags: ['RW', 'DELETE'],
    syntax: 'key member [member ...]',
    run: cmdZrem,
  },
  rangeRow('zremrangebyrank', '2.0.0', BY_RANK, 'integer'),
  rangeRow('zremrangebyscore', '1.2.0', BY_SCORE, 'double'),
  rangeRow('zremrangebylex', '2.8.9', BY_LEX, 'string'),
  popRow('zpopmin', false),
  popRow('zpopmax', true),
];

export const ZSET_POP_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'zmpop',
    summary: 'Returns and removes members at an end of the first sorted set that has any.',
    since: '7.0.0',
    group: 'sorted-set',
    arity: -4,
    flags: ['write'],
    acl: ['sortedset'],
    keys: [
      {
        flags: ['RW', 'ACCESS', 'DELETE'],
        begin: 1,
        find: { kind: 'keynum', numberAt: 0, first: 1, step: 1 },
      },
    ],
    syntax: 'numkeys:integer key [key ...] <MIN | MAX> [COUNT count:integer]',
    place: 'shard',
    shards: 'keys',
    run: cmdZmpop,
  },
];
