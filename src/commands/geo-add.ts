/** Geo: GEOADD. */

import { asciiBytes } from '../base/bytes.ts';
import { scoreOfPosition } from '../base/geohash.ts';
import { TYPE_ZSET } from '../keyspace/entry.ts';
import { EVENT_ZSET } from '../keyspace/events.ts';
import { NO_TTL, type Shard } from '../keyspace/shard.ts';
import { ZSET_ADDED, ZSET_FULL, ZSET_UPDATED, type ZsetValues } from '../keyspace/zset-value.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import { type OneKeyRow, replyFull, writeTyped } from './collection.ts';
import { NAME_ZADD } from './event-names.ts';
import { isPositionOrReply, numberAt } from './geo-args.ts';
import { logArgument, logBytes } from './log-effects.ts';
import { type CommandContext, DONE, ESCALATE, type RunStatus } from './spec.ts';
import { opZadd, ZADD_CH, ZADD_NX, ZADD_XX, zaddOption } from './zset-set.ts';

/** Arguments of one member: longitude, latitude, name. */
const STEP = 3;
const OPTIONS = ZADD_NX | ZADD_XX | ZADD_CH;

/** What the command that runs has done. */
const tally = { added: 0, updated: 0, members: 0 };

const ZADD = asciiBytes('ZADD');
const NX = asciiBytes('NX');
const XX = asciiBytes('XX');

/** What the log has of GEOADD: its first `members` members with their scores, as in Redis. */
function logAdded(ctx: CommandContext, first: number, members: number, flags: number): void {
  const { effects, db } = ctx;
  if (!effects.isOn) return;
  const condition = (flags & ZADD_NX) !== 0 ? NX : (flags & ZADD_XX) !== 0 ? XX : null;
  effects.command(db, ZADD, 2 + (condition === null ? 0 : 1) + members * 2);
  logArgument(ctx, 1);
  if (condition !== null) logBytes(effects, condition);
  for (let i = first; i < first + members * STEP; i += STEP) {
    effects.integer(scoreOfPosition(numberAt(ctx, i), numberAt(ctx, i + 1)));
    logArgument(ctx, i + 2);
  }
}

/** Adds the members from `first` on to the open set; false when the arena is full. */
function addMembers(ctx: CommandContext, set: ZsetValues, first: number, flags: number): boolean {
  const { args } = ctx;
  const { buf, offset } = args;
  tally.added = 0;
  tally.updated = 0;
  tally.members = 0;
  for (let i = first; i < args.count; i += STEP) {
    const score = scoreOfPosition(numberAt(ctx, i), numberAt(ctx, i + 1));
    const status = opZadd(set, flags, buf, offset[i + 2]!, args.end(i + 2), score);
    if (status === ZSET_FULL) return false;
    tally.members += 1;
    if (status === ZSET_ADDED) tally.added += 1;
    else if (status === ZSET_UPDATED) tally.updated += 1;
  }
  return true;
}

/** A new set gets its key when all members are in it, so that a full arena leaves no half. */
function addToNew(ctx: CommandContext, shard: Shard, first: number, flags: number): boolean {
  const { args, db, key } = ctx;
  let longest = 0;
  for (let i = first + 2; i < args.count; i += STEP) longest = Math.max(longest, args.length[i]!);
  const set = shard.zsetBuilder;
  if (!set.openDetached(longest, (args.count - first) / STEP)) return false;
  if (!addMembers(ctx, set, first, flags)) {
    set.drop();
    tally.members = 0;
    return false;
  }
  if (set.link(db, key, NO_TTL)) return true;
  tally.members = 0;
  return false;
}

function cmdGeoadd(ctx: CommandContext): RunStatus {
  const { args, reply, db, key } = ctx;
  if (!ctx.mayRun(args.count * 2)) return ESCALATE;
  let flags = 0;
  let first = 2;
  for (; first < args.count; first++) {
    const option = zaddOption(args, first) & OPTIONS;
    if (option === 0) break;
    flags |= option;
  }
  const words = args.count - first;
  const isBoth = (flags & ZADD_NX) !== 0 && (flags & ZADD_XX) !== 0;
  if (words === 0 || words % STEP !== 0 || isBoth) {
    reply.errorBytes(ERROR_BYTES.SYNTAX);
    return DONE;
  }
  for (let i = first; i < args.count; i += STEP) if (!isPositionOrReply(ctx, i)) return DONE;
  const ref = writeTyped(ctx, 1, TYPE_ZSET);
  if (ref < 0) return DONE;
  const shard = ctx.at(1);
  const { dirty } = ctx.state;
  let isDone = true;
  tally.members = 0;
  if (ref !== 0) {
    const set = shard.zsets.open(db, key, ref);
    isDone = words === STEP || set.prepare(words / STEP);
    isDone &&= addMembers(ctx, set, first, flags);
  } else if ((flags & ZADD_XX) === 0) {
    isDone = addToNew(ctx, shard, first, flags);
  } else {
    tally.added = 0;
    tally.updated = 0;
  }
  if (isDone) reply.integer((flags & ZADD_CH) !== 0 ? tally.added + tally.updated : tally.added);
  else replyFull(ctx);
  if (isDone && tally.added + tally.updated !== 0) {
    ctx.state.event(EVENT_ZSET, NAME_ZADD, db, key);
  }
  if (tally.members !== 0 && ctx.state.dirty !== dirty) {
    logAdded(ctx, first, tally.members, flags);
  }
  return DONE;
}

export const GEO_ADD_ROWS: readonly OneKeyRow[] = [
  {
    name: 'geoadd',
    summary: 'Adds members with their longitude and latitude to a sorted set.',
    since: '3.2.0',
    arity: -5,
    flags: ['write', 'denyoom'],
    keyFlags: ['RW', 'UPDATE'],
    syntax:
      'key [NX | XX] [CH] longitude:double latitude:double member ' +
      '[longitude:double latitude:double member ...]',
    run: cmdGeoadd,
  },
];
