/**
 * Several strings in one command. All shards of the keys are held meanwhile, so each of these is
 * atomic.
 *
 * A full arena: the pairs are stored in order, and the first that finds no room ends the command
 * with the OOM error. Pairs before it stay stored, as each of them alone would have; the pair
 * itself and those after it are unchanged. The usual way to run out of memory is `maxmemory`, and
 * that refuses the whole command before it starts.
 */

import { asciiBytes } from '../base/bytes.ts';
import { TYPE_STRING } from '../keyspace/entry.ts';
import { KEEP_TTL, NO_TTL } from '../keyspace/shard.ts';
import { ERROR_BYTES, wrongArity } from '../resp/errors.ts';
import { missesNeedWorker, tellDeleted } from './event-names.ts';
import { logDelete, logPrefix, logSet } from './log-effects.ts';
import {
  type CommandContext,
  type CommandSpec,
  DONE,
  ESCALATE,
  keysFrom,
  type RunStatus,
} from './spec.ts';
import {
  ACCEPT_EXISTENCE,
  ACCEPT_KEEPTTL,
  CONDITION_NX,
  CONDITION_XX,
  StringOptions,
} from './string-options.ts';
import {
  expireMsOrReply,
  REPLY_UNIT_SHIFT,
  replyFull,
  setArgument,
  UNIT_NONE,
} from './string-value.ts';

const STRING = TYPE_STRING;
const MSET = asciiBytes('MSET');
const options = new StringOptions();

function cmdMget(ctx: CommandContext): RunStatus {
  const { reply, db, state } = ctx;
  const count = ctx.args.count;
  if (!ctx.mayRun(count) || missesNeedWorker(ctx)) return ESCALATE;
  const mark = reply.length;
  const { keyspaceHits, keyspaceMisses } = state;
  reply.array(count - 1);
  for (let i = 1; i < count; i++) {
    const shard = ctx.at(i);
    const ref = shard.findRead(db, ctx.key);
    if (ref === 0 || shard.typeOf(ref) !== STRING) {
      reply.null();
    } else {
      const at = shard.valueOffset(ref);
      const length = shard.valueLength(ref);
      if (!ctx.mayRun((reply.length - mark + length) >>> REPLY_UNIT_SHIFT)) {
        // Long values: as if nothing had happened here, a worker starts anew.
        reply.truncate(mark);
        state.keyspaceHits = keyspaceHits;
        state.keyspaceMisses = keyspaceMisses;
        return ESCALATE;
      }
      reply.bulk(shard.u8, at, at + length);
    }
  }
  return DONE;
}

/**
 * Stores the pairs at arguments [first, end). Returns the argument behind the last pair stored:
 * below `end` an arena is full; see the top of this file.
 */
function opStorePairs(ctx: CommandContext, first: number, end: number, expireMs: number): number {
  for (let i = first; i < end; i += 2) {
    if (!setArgument(ctx, ctx.at(i), ctx.key, i + 1, expireMs)) return i;
  }
  return end;
}

/** Stores all pairs of MSET or MSETNX and replies the error if not all of them found room. */
function storeAllOrReply(ctx: CommandContext): boolean {
  const { count } = ctx.args;
  const stored = opStorePairs(ctx, 1, count, NO_TTL);
  if (stored === count) return true;
  replyFull(ctx);
  if (stored > 1) logPrefix(ctx, MSET, stored);
  return false;
}

/** How many of the keys at arguments first, first + 2, ... below end exist. */
function opCountExisting(ctx: CommandContext, first: number, end: number): number {
  let existing = 0;
  for (let i = first; i < end; i += 2) {
    if (ctx.at(i).find(ctx.db, ctx.key) !== 0) existing += 1;
  }
  return existing;
}

function cmdMset(ctx: CommandContext): RunStatus {
  const count = ctx.args.count;
  if (count % 2 === 0) {
    ctx.reply.error(wrongArity('mset'));
    return DONE;
  }
  if (!ctx.mayRun(count)) return ESCALATE;
  if (storeAllOrReply(ctx)) ctx.reply.ok();
  return DONE;
}

function cmdMsetnx(ctx: CommandContext): RunStatus {
  const count = ctx.args.count;
  if (count % 2 === 0) {
    ctx.reply.error(wrongArity('msetnx'));
    return DONE;
  }
  if (!ctx.mayRun(count)) return ESCALATE;
  if (opCountExisting(ctx, 1, count) !== 0) ctx.reply.integer(0);
  else if (storeAllOrReply(ctx)) ctx.reply.integer(1);
  return DONE;
}

function cmdMsetex(ctx: CommandContext): RunStatus {
  const { args, reply } = ctx;
  const pairs = args.toInt(1);
  if (!(pairs >= 1 && pairs <= 0x7fffffff)) {
    reply.errorBytes(ERROR_BYTES.MSETEX_NUMKEYS);
    return DONE;
  }
  const end = 2 + pairs * 2;
  if (end > args.count) {
    reply.errorBytes(ERROR_BYTES.MSETEX_PAIRS);
    return DONE;
  }
  if (!options.parse(ctx, end, ACCEPT_EXISTENCE + ACCEPT_KEEPTTL)) {
    reply.errorBytes(ERROR_BYTES.SYNTAX);
    return DONE;
  }
  let expireMs = options.keepTtl ? KEEP_TTL : NO_TTL;
  if (options.unit !== UNIT_NONE) {
    expireMs = expireMsOrReply(ctx, options.expireIndex, options.unit, 'msetex');
    if (Number.isNaN(expireMs)) return DONE;
  }
  if (!ctx.mayRun(args.count)) return ESCALATE;
  const { condition } = options;
  if (
    (condition === CONDITION_NX && opCountExisting(ctx, 2, end) !== 0) ||
    (condition === CONDITION_XX && opCountExisting(ctx, 2, end) !== pairs)
  ) {
    reply.integer(0);
  } else if (expireMs > 0 && expireMs <= ctx.state.nowMs) {
    for (let i = 2; i < end; i += 2) {
      if (!ctx.at(i).delete(ctx.db, ctx.key)) continue;
      logDelete(ctx, i);
      tellDeleted(ctx, ctx.key);
    }
    reply.integer(1);
  } else {
    const stored = opStorePairs(ctx, 2, end, expireMs);
    if (stored === end) reply.integer(1);
    else replyFull(ctx);
    for (let i = 2; i < stored; i += 2) logSet(ctx, i, i + 1, expireMs);
  }
  return DONE;
}

export const STRING_MULTI_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'mget',
    summary: 'Returns the string values of several keys; null for keys that hold no string.',
    since: '1.0.0',
    group: 'string',
    arity: -2,
    flags: ['readonly', 'fast'],
    acl: ['string'],
    keys: [keysFrom(1, 1, 'RO', 'ACCESS')],
    syntax: 'key [key ...]',
    place: 'shard',
    shards: 'keys',
    run: cmdMget,
  },
  {
    name: 'mset',
    summary: 'Sets the string values of several keys.',
    since: '1.0.1',
    group: 'string',
    arity: -3,
    flags: ['write', 'denyoom'],
    acl: ['string'],
    keys: [keysFrom(1, 2, 'OW', 'UPDATE')],
    syntax: 'key value [key value ...]',
    place: 'shard',
    shards: 'keys',
    run: cmdMset,
  },
  {
    name: 'msetnx',
    summary: 'Sets the string values of several keys if none of them exists.',
    since: '1.0.1',
    group: 'string',
    arity: -3,
    flags: ['write', 'denyoom'],
    acl: ['string'],
    keys: [keysFrom(1, 2, 'OW', 'INSERT')],
    syntax: 'key value [key value ...]',
    place: 'shard',
    shards: 'keys',
    run: cmdMsetnx,
  },
  {
    name: 'msetex',
    summary: 'Sets the string values of several keys and one TTL for all, if all or none exist.',
    since: '8.4.0',
    group: 'string',
    arity: -4,
    flags: ['write', 'denyoom', 'movablekeys'],
    acl: ['string'],
    keys: [
      {
        flags: ['OW', 'UPDATE'],
        begin: 1,
        find: { kind: 'keynum', numberAt: 0, first: 1, step: 2 },
      },
    ],
    syntax:
      'numkeys key value [key value ...] [NX | XX] [EX seconds | PX milliseconds | ' +
      'EXAT unix-time-seconds:unix-time | PXAT unix-time-milliseconds:unix-time | KEEPTTL]',
    place: 'shard',
    shards: 'keys',
    run: cmdMsetex,
  },
];
