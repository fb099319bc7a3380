/** Sets: members of one key. */

import { asciiBytes } from '../base/bytes.ts';
import { TYPE_SET } from '../keyspace/entry.ts';
import { EVENT_SET } from '../keyspace/events.ts';
import { SET_ADDED, SET_FULL } from '../keyspace/set-value.ts';
import type { Shard } from '../keyspace/shard.ts';
import { NO_TTL } from '../keyspace/shard.ts';
import type { Ref } from '../memory/arena.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import {
  drawDistinct,
  mayRepeat,
  memberScan,
  type OneKeyRow,
  randomBelow,
  readTyped,
  replyFull,
  walkMembers,
  writeTyped,
} from './collection.ts';
import { NAME_SADD, NAME_SPOP, NAME_SREM, tellDeleted } from './event-names.ts';
import { logArgument, logDelete, logPrefix } from './log-effects.ts';
import { type CommandContext, DONE, ESCALATE, type RunStatus } from './spec.ts';

const TYPE = TYPE_SET;
const SADD = asciiBytes('SADD');
const SREM = asciiBytes('SREM');
/** Members that SPOP takes out in one SREM of the log. */
const REMOVED_BATCH = 1024;

function cmdSadd(ctx: CommandContext): RunStatus {
  const { args, reply, db, key } = ctx;
  if (!ctx.mayRun(args.count * 2)) return ESCALATE;
  const ref = writeTyped(ctx, 1, TYPE);
  if (ref < 0) return DONE;
  const shard = ctx.at(1);
  const { buf } = args;
  const hint = args.count - 2;
  let added = 0;
  tally.done = 0;
  if (ref === 0) {
    const set = shard.setBuilder;
    if (!set.openDetached(buf, args.offset[2]!, args.end(2), hint)) {
      replyFull(ctx);
      return DONE;
    }
    added = addArguments(ctx, shard, true);
    if (added < 0) set.drop();
    else if (!set.link(db, key, NO_TTL)) added = -1;
    if (added < 0) tally.done = 0;
  } else {
    const set = shard.sets.open(db, key, ref);
    added = set.prepare(hint) ? addArguments(ctx, shard, false) : -1;
  }
  if (added >= 0) {
    reply.integer(added);
    if (added !== 0) ctx.state.event(EVENT_SET, NAME_SADD, db, key);
    return DONE;
  }
  replyFull(ctx);
  if (tally.done !== 0) logPrefix(ctx, SADD, 2 + tally.done);
  return DONE;
}

/** Arguments that `addArguments` has added. */
const tally = { done: 0 };

/** Adds arguments from 2 on to the open set; how many are new, -1 = the arena is full. */
function addArguments(ctx: CommandContext, shard: Shard, isDetached: boolean): number {
  const { args } = ctx;
  const set = isDetached ? shard.setBuilder : shard.sets;
  let added = 0;
  for (let i = 2; i < args.count; i++) {
    const status = set.add(args.buf, args.offset[i]!, args.end(i));
    if (status === SET_FULL) return -1;
    tally.done += 1;
    if (status === SET_ADDED) added += 1;
  }
  return added;
}

function cmdSrem(ctx: CommandContext): RunStatus {
  const { args, reply, db, key } = ctx;
  if (!ctx.mayRun(args.count * 2)) return ESCALATE;
  const ref = writeTyped(ctx, 1, TYPE);
  if (ref < 0) return DONE;
  let removed = 0;
  if (ref !== 0) {
    const set = ctx.at(1).sets.open(db, key, ref);
    for (let i = 2; i < args.count && set.ref !== 0; i++) {
      if (set.remove(args.buf, args.offset[i]!, args.end(i))) removed += 1;
    }
    if (removed !== 0) tellTaken(ctx, NAME_SREM, set.ref === 0);
  }
  reply.integer(removed);
  return DONE;
}

/** Members were taken out of the set of `key`; with the last one the key is gone. */
function tellTaken(ctx: CommandContext, name: Uint8Array, isGone: boolean): void {
  ctx.state.event(EVENT_SET, name, ctx.db, ctx.key);
  if (isGone) tellDeleted(ctx, ctx.key);
}

function hasArgument(ctx: CommandContext, shard: Shard, ref: Ref, index: number): boolean {
  const { args } = ctx;
  return ref !== 0 && shard.sets.has(ref, args.buf, args.offset[index]!, args.end(index));
}

function cmdSismember(ctx: CommandContext): RunStatus {
  const ref = readTyped(ctx, 1, TYPE);
  if (ref >= 0) ctx.reply.integer(hasArgument(ctx, ctx.at(1), ref, 2) ? 1 : 0);
  return DONE;
}

function cmdSmismember(ctx: CommandContext): RunStatus {
  const { args, reply } = ctx;
  if (!ctx.mayRun(args.count * 2)) return ESCALATE;
  const ref = readTyped(ctx, 1, TYPE);
  if (ref < 0) return DONE;
  const shard = ctx.at(1);
  reply.array(args.count - 2);
  for (let i = 2; i < args.count; i++) reply.integer(hasArgument(ctx, shard, ref, i) ? 1 : 0);
  return DONE;
}

function cmdScard(ctx: CommandContext): RunStatus {
  const ref = readTyped(ctx, 1, TYPE);
  if (ref >= 0) ctx.reply.integer(ref === 0 ? 0 : ctx.at(1).sets.size(ref));
  return DONE;
}

/** Members of the set of argument 1, without counting an access; 0 where there is none. */
function sizeSeen(ctx: CommandContext): number {
  const shard = ctx.at(1);
  const ref = shard.find(ctx.db, ctx.key);
  return ref === 0 || shard.typeOf(ref) !== TYPE ? 0 : shard.sets.size(ref);
}

function cmdSmembers(ctx: CommandContext): RunStatus {
  const { reply } = ctx;
  if (!ctx.mayRun(sizeSeen(ctx))) return ESCALATE;
  const ref = readTyped(ctx, 1, TYPE);
  if (ref < 0) return DONE;
  const { sets } = ctx.at(1);
  reply.set(ref === 0 ? 0 : sets.size(ref));
  if (ref !== 0) sets.forEach(ref, (buf, from, to) => reply.bulk(buf, from, to));
  return DONE;
}

/** Argument 2 as a count; NaN when an error was replied. */
function countArgument(ctx: CommandContext, mayBeNegative: boolean): number {
  const { args, reply } = ctx;
  if (args.count > 3) {
    reply.errorBytes(ERROR_BYTES.SYNTAX);
    return Number.NaN;
  }
  const count = args.toInt(2);
  if (!mayBeNegative && !(count >= 0)) {
    reply.errorBytes(ERROR_BYTES.NOT_POSITIVE);
    return Number.NaN;
  }
  if (Number.isNaN(count)) reply.errorBytes(ERROR_BYTES.NOT_INTEGER);
  else if (count === Number.NEGATIVE_INFINITY || (count < 0 && !mayRepeat(ctx, -count))) {
    const isLeast = count === Number.NEGATIVE_INFINITY;
    reply.errorBytes(isLeast ? ERROR_BYTES.OUT_OF_NEGATABLE : ERROR_BYTES.OUT_OF_RANGE);
    return Number.NaN;
  }
  return count;
}

function cmdSpop(ctx: CommandContext): RunStatus {
  const { args, reply, db, key } = ctx;
  if (args.count === 2) {
    const ref = writeTyped(ctx, 1, TYPE);
    if (ref === 0) reply.null();
    if (ref <= 0) return DONE;
    const set = ctx.at(1).sets.open(db, key, ref);
    set.popRandom(randomBelow);
    reply.bulk(set.popped, 0, set.poppedLength);
    if (ctx.effects.isOn) {
      ctx.effects.command(db, SREM, 3);
      logArgument(ctx, 1);
      ctx.effects.bytes(set.popped, 0, set.poppedLength);
    }
    tellTaken(ctx, NAME_SPOP, set.ref === 0);
    return DONE;
  }
  const count = countArgument(ctx, false);
  if (Number.isNaN(count)) return DONE;
  if (!ctx.mayRun(Math.min(count, sizeSeen(ctx)) * 2)) return ESCALATE;
  const ref = writeTyped(ctx, 1, TYPE);
  if (ref < 0) return DONE;
  const shard = ctx.at(1);
  const size = ref === 0 ? 0 : shard.sets.size(ref);
  reply.set(Math.min(count, size));
  if (size === 0 || count === 0) return DONE;
  if (count >= size) {
    shard.sets.forEach(ref, (buf, from, to) => reply.bulk(buf, from, to));
    shard.delete(db, key);
    logDelete(ctx, 1);
    tellTaken(ctx, NAME_SPOP, true);
    return DONE;
  }
  popSome(ctx, shard, ref, count);
  tellTaken(ctx, NAME_SPOP, false);
  return DONE;
}

/** Takes out and replies `count` members, which are not all. */
function popSome(ctx: CommandContext, shard: Shard, ref: Ref, count: number): void {
  const { reply, effects, db, key } = ctx;
  const set = shard.sets.open(db, key, ref);
  for (let i = 0; i < count; i++) {
    set.popRandom(randomBelow);
    reply.bulk(set.popped, 0, set.poppedLength);
    if (!effects.isOn) continue;
    if (i % REMOVED_BATCH === 0) {
      effects.command(db, SREM, 2 + Math.min(REMOVED_BATCH, count - i));
      logArgument(ctx, 1);
    }
    effects.bytes(set.popped, 0, set.poppedLength);
  }
}

function cmdSrandmember(ctx: CommandContext): RunStatus {
  const { args, reply } = ctx;
  const bulk = (buf: Uint8Array, from: number, to: number): void => reply.bulk(buf, from, to);
  if (args.count === 2) {
    const ref = readTyped(ctx, 1, TYPE);
    if (ref === 0) reply.null();
    if (ref > 0) ctx.at(1).sets.random(ref, randomBelow, bulk);
    return DONE;
  }
  const count = countArgument(ctx, true);
  if (Number.isNaN(count)) return DONE;
  if (!ctx.mayRun(count < 0 ? -count * 4 : sizeSeen(ctx))) return ESCALATE;
  const ref = readTyped(ctx, 1, TYPE);
  if (ref < 0) return DONE;
  const { sets } = ctx.at(1);
  const size = ref === 0 ? 0 : sets.size(ref);
  const replies = size === 0 ? 0 : count < 0 ? -count : Math.min(count, size);
  reply.expectBulks(replies);
  reply.array(replies);
  if (count < 0) {
    for (let i = 0; i < replies; i++) sets.random(ref, randomBelow, bulk);
  } else if (replies === size) {
    if (size !== 0) sets.forEach(ref, bulk);
  } else {
    const drawn = drawDistinct(replies, size);
    let index = 0;
    sets.forEach(ref, (buf, from, to) => {
      if (drawn.has(index++)) bulk(buf, from, to);
    });
  }
  return DONE;
}

function cmdSscan(ctx: CommandContext): RunStatus {
  const { reply } = ctx;
  const options = memberScan(ctx, TYPE);
  if (options === null) return DONE;
  if (!ctx.mayRun(options.count)) return ESCALATE;
  const ref = readTyped(ctx, 1, TYPE);
  const { sets } = ctx.at(1);
  const found: Uint8Array[] = [];
  let seen = 0;
  const step = (cursor: number): number =>
    sets.scan(ref, cursor, (buf, from, to) => {
      seen += 1;
      if (options.matches(buf, from, to)) found.push(buf.slice(from, to));
    });
  const next = walkMembers(options, step, () => seen);
  reply.array(2);
  reply.bulkLatin1(String(next));
  reply.array(found.length);
  for (const bytes of found) reply.bulk(bytes, 0, bytes.length);
  return DONE;
}

export const SET_ONE_KEY_ROWS: readonly OneKeyRow[] = [
  {
    name: 'sadd',
    summary: 'Adds members to a set.',
    since: '1.0.0',
    arity: -3,
    flags: ['write', 'denyoom', 'fast'],
    keyFlags: ['RW', 'INSERT'],
    syntax: 'key member [member ...]',
    run: cmdSadd,
  },
  {
    name: 'srem',
    summary: 'Removes members from a set; a set without members is deleted.',
    since: '1.0.0',
    arity: -3,
    flags: ['write', 'fast'],
    keyFlags: ['RW', 'DELETE'],
    syntax: 'key member [member ...]',
    run: cmdSrem,
  },
  {
    name: 'sismember',
    summary: 'Says whether a set has a member.',
    since: '1.0.0',
    arity: 3,
    flags: ['readonly', 'fast'],
    keyFlags: ['RO'],
    syntax: 'key member',
    run: cmdSismember,
  },
  {
    name: 'smismember',
    summary: 'Says which of several members a set has.',
    since: '6.2.0',
    arity: -3,
    flags: ['readonly', 'fast'],
    keyFlags: ['RO', 'ACCESS'],
    syntax: 'key member [member ...]',
    run: cmdSmismember,
  },
  {
    name: 'scard',
    summary: 'Returns the number of members.',
    since: '1.0.0',
    arity: 2,
    flags: ['readonly', 'fast'],
    keyFlags: ['RO'],
    syntax: 'key',
    run: cmdScard,
  },
  {
    name: 'smembers',
    summary: 'Returns all members.',
    since: '1.0.0',
    arity: 2,
    flags: ['readonly'],
    keyFlags: ['RO', 'ACCESS'],
    syntax: 'key',
    run: cmdSmembers,
  },
  {
    name: 'spop',
    summary: 'Takes random members out of a set.',
    since: '1.0.0',
    arity: -2,
    flags: ['write', 'fast'],
    keyFlags: ['RW', 'ACCESS', 'DELETE'],
    syntax: 'key [count:integer]',
    run: cmdSpop,
  },
  {
    name: 'srandmember',
    summary: 'Returns members drawn at random.',
    since: '1.0.0',
    arity: -2,
    flags: ['readonly'],
    keyFlags: ['RO', 'ACCESS'],
    syntax: 'key [count:integer]',
    run: cmdSrandmember,
  },
  {
    name: 'sscan',
    summary: 'Iterates over members, some at a time.',
    since: '2.8.0',
    arity: -3,
    flags: ['readonly'],
    keyFlags: ['RO', 'ACCESS'],
    syntax: 'key cursor:integer [MATCH pattern:pattern] [COUNT count:integer]',
    run: cmdSscan,
  },
];
