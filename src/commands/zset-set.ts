/** Sorted sets: ZADD and ZINCRBY. */

import { asciiBytes } from '../base/bytes.ts';
import { parseFloat64 } from '../base/number-text.ts';
import { TYPE_ZSET } from '../keyspace/entry.ts';
import { EVENT_ZSET } from '../keyspace/events.ts';
import type { Shard } from '../keyspace/shard.ts';
import { NO_TTL } from '../keyspace/shard.ts';
import { ZSET_ADDED, ZSET_FULL, ZSET_UPDATED, type ZsetValues } from '../keyspace/zset-value.ts';
import type { Ref } from '../memory/arena.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import type { ArgView } from '../resp/request-parser.ts';
import { type OneKeyRow, replyFull, writeTyped } from './collection.ts';
import { NAME_ZADD, NAME_ZINCR } from './event-names.ts';
import { logPrefix } from './log-effects.ts';
import { type CommandContext, DONE, ESCALATE, type RunStatus } from './spec.ts';

const TYPE = TYPE_ZSET;
const ZADD = asciiBytes('ZADD');

/** Options of ZADD, as flags. */
export const ZADD_NX = 1;
export const ZADD_XX = 2;
export const ZADD_GT = 4;
export const ZADD_LT = 8;
export const ZADD_CH = 16;
export const ZADD_INCR = 32;
/** Those for which the present score matters. */
const CONDITIONS = ZADD_NX | ZADD_XX | ZADD_GT | ZADD_LT | ZADD_INCR;

/** An outcome of `opZadd` besides those of `ZsetValues.add`: an option forbids the change. */
export const ZADD_SKIPPED = 3;
/** The sum is not a number; nothing has changed. */
export const ZADD_NAN = -2;

const OPTIONS: readonly (readonly [Uint8Array, number])[] = [
  [asciiBytes('NX'), ZADD_NX],
  [asciiBytes('XX'), ZADD_XX],
  [asciiBytes('GT'), ZADD_GT],
  [asciiBytes('LT'), ZADD_LT],
  [asciiBytes('CH'), ZADD_CH],
  [asciiBytes('INCR'), ZADD_INCR],
];

const LOWER_A = 0x61;
const LOWER_Z = 0x7a;

/** What the command that runs has done; `score` is the last member's. */
const tally = { added: 0, updated: 0, isSkipped: false, score: 0, pairs: 0 };

/** The flag of option argument `index`, or 0 when it is none. */
export function zaddOption(args: ArgView, index: number): number {
  const letter = args.buf[args.offset[index]!]! | 0x20;
  if (letter < LOWER_A || letter > LOWER_Z) return 0;
  for (const [word, flag] of OPTIONS) if (args.equalsIgnoreCase(index, word)) return flag;
  return 0;
}

/** The error of options that exclude each other, or null. */
export function zaddConflict(flags: number, pairs: number): Uint8Array | null {
  if ((flags & ZADD_NX) !== 0 && (flags & ZADD_XX) !== 0) return ERROR_BYTES.ZADD_NX_AND_XX;
  const exclusive = flags & (ZADD_NX | ZADD_GT | ZADD_LT);
  if ((exclusive & (exclusive - 1)) !== 0) return ERROR_BYTES.ZADD_GT_LT_NX;
  return (flags & ZADD_INCR) !== 0 && pairs > 1 ? ERROR_BYTES.ZADD_INCR_PAIRS : null;
}

/**
 * Adds a member to the open set, or sets or increments its score, as the flags allow: ZSET_ADDED,
 * _UPDATED, _SAME, _FULL, ZADD_SKIPPED or ZADD_NAN. Its bytes must not lie in the set.
 */
export function opZadd(
  set: ZsetValues,
  flags: number,
  buf: Uint8Array,
  from: number,
  to: number,
  score: number,
): number {
  if ((flags & CONDITIONS) !== 0) {
    if (!set.openScoreOf(buf, from, to)) {
      if ((flags & ZADD_XX) !== 0) return ZADD_SKIPPED;
    } else {
      if ((flags & ZADD_NX) !== 0) return ZADD_SKIPPED;
      const present = set.score;
      if ((flags & ZADD_INCR) !== 0) score += present;
      if (Number.isNaN(score)) return ZADD_NAN;
      if ((flags & ZADD_LT) !== 0 && score >= present) return ZADD_SKIPPED;
      if ((flags & ZADD_GT) !== 0 && score <= present) return ZADD_SKIPPED;
    }
  }
  tally.score = score;
  return set.add(buf, from, to, score);
}

/** Adds pairs of arguments from `first` on to the open set; an error's status, or 0. */
function addPairs(ctx: CommandContext, set: ZsetValues, first: number, flags: number): number {
  const { args } = ctx;
  const { buf, offset } = args;
  const lastScore = tally.score;
  tally.added = 0;
  tally.updated = 0;
  tally.isSkipped = false;
  tally.pairs = 0;
  for (let i = first; i < args.count; i += 2) {
    const isLast = i + 2 === args.count;
    const score = isLast ? lastScore : parseFloat64(buf, offset[i]!, args.end(i));
    const status = opZadd(set, flags, buf, offset[i + 1]!, args.end(i + 1), score);
    if (status < 0) return status;
    tally.pairs += 1;
    if (status === ZSET_ADDED) tally.added += 1;
    else if (status === ZSET_UPDATED) tally.updated += 1;
    else if (status === ZADD_SKIPPED) tally.isSkipped = true;
  }
  return 0;
}

/** A new set gets its key when all pairs are in it, so that a full arena leaves no half. */
function addToNew(
  ctx: CommandContext,
  shard: Shard,
  first: number,
  flags: number,
  longest: number,
): number {
  const set = shard.zsetBuilder;
  if (!set.openDetached(longest, (ctx.args.count - first) >> 1)) return ZSET_FULL;
  const status = addPairs(ctx, set, first, flags);
  if (status < 0) {
    set.drop();
    tally.pairs = 0;
    return status;
  }
  if (set.link(ctx.db, ctx.key, NO_TTL)) return 0;
  tally.pairs = 0;
  return ZSET_FULL;
}

function addToSet(
  ctx: CommandContext,
  shard: Shard,
  ref: Ref,
  first: number,
  flags: number,
): number {
  const set = shard.zsets.open(ctx.db, ctx.key, ref);
  const pairs = (ctx.args.count - first) >> 1;
  if (pairs > 1 && !set.prepare(pairs)) return ZSET_FULL;
  return addPairs(ctx, set, first, flags);
}

/**
 * Length of the longest member of the pairs from `first` on; -1 when a score is no number. Leaves
 * the last score in `tally`, so that a single pair is parsed once.
 */
function longestMember(args: ArgView, first: number): number {
  let longest = 0;
  for (let i = first; i < args.count; i += 2) {
    tally.score = parseFloat64(args.buf, args.offset[i]!, args.end(i));
    if (Number.isNaN(tally.score)) return -1;
    longest = Math.max(longest, args.length[i + 1]!);
  }
  return longest;
}

function replyTally(ctx: CommandContext, flags: number): void {
  const { reply } = ctx;
  if ((flags & ZADD_INCR) === 0) {
    reply.integer((flags & ZADD_CH) !== 0 ? tally.added + tally.updated : tally.added);
  } else if (tally.isSkipped) {
    reply.null();
  } else {
    reply.double(tally.score);
  }
}

/** ZADD, and ZINCRBY, which is ZADD INCR with its arguments in the same places. */
function add(ctx: CommandContext, flags: number): RunStatus {
  const { args, reply } = ctx;
  if (!ctx.mayRun(args.count * 2)) return ESCALATE;
  let first = 2;
  for (; first < args.count; first++) {
    const option = zaddOption(args, first);
    if (option === 0) break;
    flags |= option;
  }
  const words = args.count - first;
  if (words === 0 || words % 2 !== 0) {
    reply.errorBytes(ERROR_BYTES.SYNTAX);
    return DONE;
  }
  const conflict = zaddConflict(flags, words >> 1);
  if (conflict !== null) {
    reply.errorBytes(conflict);
    return DONE;
  }
  const longest = longestMember(args, first);
  if (longest < 0) {
    reply.errorBytes(ERROR_BYTES.NOT_FLOAT);
    return DONE;
  }
  const ref = writeTyped(ctx, 1, TYPE);
  if (ref < 0) return DONE;
  let status = 0;
  tally.pairs = 0;
  if (ref !== 0) {
    status = addToSet(ctx, ctx.at(1), ref, first, flags);
  } else if ((flags & ZADD_XX) === 0) {
    status = addToNew(ctx, ctx.at(1), first, flags, longest);
  } else {
    tally.added = 0;
    tally.updated = 0;
    tally.isSkipped = true;
  }
  if (status === ZADD_NAN) reply.errorBytes(ERROR_BYTES.SCORE_NAN);
  else if (status < 0) replyFull(ctx);
  else replyTally(ctx, flags);
  if (status >= 0 && tally.added + tally.updated !== 0) {
    const name = (flags & ZADD_INCR) !== 0 ? NAME_ZINCR : NAME_ZADD;
    ctx.state.event(EVENT_ZSET, name, ctx.db, ctx.key);
  }
  if (status < 0 && tally.pairs !== 0) logPrefix(ctx, ZADD, first + tally.pairs * 2);
  return DONE;
}

export const ZSET_SET_ROWS: readonly OneKeyRow[] = [
  {
    name: 'zadd',
    summary: 'Adds members to a sorted set, or sets their scores.',
    since: '1.2.0',
    arity: -4,
    flags: ['write', 'denyoom', 'fast'],
    keyFlags: ['RW', 'UPDATE'],
    syntax: 'key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]',
    run: (ctx) => add(ctx, 0),
  },
  {
    name: 'zincrby',
    summary: 'Increments the score of a member.',
    since: '1.2.0',
    arity: 4,
    flags: ['write', 'denyoom', 'fast'],
    keyFlags: ['RW', 'ACCESS', 'UPDATE'],
    syntax: 'key increment:integer member',
    run: (ctx) => add(ctx, ZADD_INCR),
  },
];
