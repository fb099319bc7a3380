/** Times of expiry: EXPIRE and its relatives, TTL and its relatives, PERSIST. */

import { asciiBytes } from '../base/bytes.ts';
import { latin1Text, parseBigInt64 } from '../base/number-text.ts';
import { EVENT_GENERIC } from '../keyspace/events.ts';
import { peek } from '../keyspace/peek.ts';
import { NO_TTL } from '../keyspace/shard.ts';
import { ERROR_BYTES, invalidExpire } from '../resp/errors.ts';
import type { ReplyWriter } from '../resp/reply-writer.ts';
import type { ArgView } from '../resp/request-parser.ts';
import { replyFull } from './collection.ts';
import { NAME_PERSIST, tellDeleted, tellExpiry } from './event-names.ts';
import { logArgument, logDelete, logTime } from './log-effects.ts';
import { type CommandContext, type CommandSpec, DONE, oneKey, type RunStatus } from './spec.ts';

const PEXPIREAT = asciiBytes('PEXPIREAT');
const OPTION_NX = 1;
const OPTION_XX = 2;
const OPTION_GT = 4;
const OPTION_LT = 8;
const OPTION_TOKENS = ['NX', 'XX', 'GT', 'LT'].map(asciiBytes);

/** Seconds and milliseconds up to this stay safe integers whatever is added to them. */
const PLAIN_MAX = 9e12;
const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);
const SAFE_MS_MAX = Number.MAX_SAFE_INTEGER - 500;
/** Greatest double below 2^63: times of expiry are doubles, so later ones are cut to it. */
export const EXPIRE_MS_MAX = 2 ** 63 - 1024;

/**
 * Argument 2 as unix time in ms: NaN when it is no integer, Infinity when the time is beyond 64
 * bits. `baseMs` is what it counts from.
 */
function expireTime(args: ArgView, isSeconds: boolean, baseMs: number): number {
  const n = args.toInt(2);
  if (Number.isNaN(n)) return n;
  if (Math.abs(n) <= PLAIN_MAX) return (isSeconds ? n * 1000 : n) + baseMs;
  let wide = parseBigInt64(args.buf, args.offset[2]!, args.end(2));
  if (isSeconds) {
    if (wide > INT64_MAX / 1000n || wide < INT64_MIN / 1000n) return Number.POSITIVE_INFINITY;
    wide *= 1000n;
  }
  wide += BigInt(baseMs);
  if (wide > INT64_MAX) return Number.POSITIVE_INFINITY;
  return Math.min(Number(wide), EXPIRE_MS_MAX);
}

/** The options from argument 3 on as bits, or -1 when an error was replied. */
function expireOptions(ctx: CommandContext): number {
  const { args, reply } = ctx;
  let options = 0;
  for (let i = 3; i < args.count; i++) {
    const bit = optionBit(args, i);
    if (bit === 0) {
      const text = latin1Text(args.buf, args.offset[i]!, args.end(i));
      reply.error(`ERR Unsupported option ${text.split('\0', 1)[0]!}`);
      return -1;
    }
    options |= bit;
  }
  if ((options & OPTION_NX) !== 0 && options !== OPTION_NX) {
    reply.errorBytes(ERROR_BYTES.EXPIRE_NX_AND_OTHERS);
    return -1;
  }
  if ((options & OPTION_GT) !== 0 && (options & OPTION_LT) !== 0) {
    reply.errorBytes(ERROR_BYTES.EXPIRE_GT_AND_LT);
    return -1;
  }
  return options;
}

function optionBit(args: ArgView, index: number): number {
  for (let i = 0; i < OPTION_TOKENS.length; i++) {
    if (args.equalsIgnoreCase(index, OPTION_TOKENS[i]!)) return 1 << i;
  }
  return 0;
}

/**
 * Whether the options allow `whenMs` in the place of `currentMs`; no TTL counts as one without
 * end.
 */
function optionsAllow(options: number, currentMs: number, whenMs: number): boolean {
  if (options === 0) return true;
  const hasTtl = currentMs !== NO_TTL;
  if ((options & OPTION_NX) !== 0 && hasTtl) return false;
  if ((options & OPTION_XX) !== 0 && !hasTtl) return false;
  if ((options & OPTION_GT) !== 0 && (!hasTtl || whenMs <= currentMs)) return false;
  return (options & OPTION_LT) === 0 || !hasTtl || whenMs < currentMs;
}

function expire(
  ctx: CommandContext,
  name: string,
  isSeconds: boolean,
  isRelative: boolean,
): RunStatus {
  const { reply, state, db } = ctx;
  const options = expireOptions(ctx);
  if (options < 0) return DONE;
  const whenMs = expireTime(ctx.args, isSeconds, isRelative ? state.nowMs : 0);
  if (Number.isNaN(whenMs)) {
    reply.errorBytes(ERROR_BYTES.NOT_INTEGER);
    return DONE;
  }
  if (whenMs === Number.POSITIVE_INFINITY) {
    reply.error(invalidExpire(name));
    return DONE;
  }
  const shard = ctx.at(1);
  const ref = shard.findWrite(db, ctx.key);
  if (ref === 0 || !optionsAllow(options, shard.expireMs(ref), whenMs)) {
    reply.integer(0);
    return DONE;
  }
  if (whenMs <= state.nowMs) {
    shard.delete(db, ctx.key);
    logDelete(ctx, 1);
    tellDeleted(ctx, ctx.key);
  } else if (shard.setExpire(db, ctx.key, ref, whenMs) === 0) {
    replyFull(ctx);
    return DONE;
  } else {
    logExpiry(ctx, whenMs);
    tellExpiry(ctx, ctx.key, whenMs);
  }
  reply.integer(1);
  return DONE;
}

/** As in Redis, the options stay. */
function logExpiry(ctx: CommandContext, whenMs: number): void {
  const { args, effects, db } = ctx;
  if (!effects.isOn) return;
  effects.command(db, PEXPIREAT, args.count);
  logArgument(ctx, 1);
  logTime(effects, whenMs);
  for (let i = 3; i < args.count; i++) logArgument(ctx, i);
}

/** A time beyond what doubles count exactly, in milliseconds or rounded to seconds. */
function replyWide(reply: ReplyWriter, ms: bigint, isMs: boolean): void {
  reply.integerBigint(isMs ? ms : (ms + 500n) / 1000n);
}

function ttl(ctx: CommandContext, isMs: boolean, isAbsolute: boolean): RunStatus {
  const { reply } = ctx;
  const shard = ctx.at(1);
  const ref = peek(shard, ctx.db, ctx.key);
  if (ref === 0) {
    reply.integer(-2);
    return DONE;
  }
  const expireMs = shard.expireMs(ref);
  if (expireMs === NO_TTL) {
    reply.integer(-1);
    return DONE;
  }
  const ms = isAbsolute ? expireMs : Math.max(0, expireMs - ctx.state.nowMs);
  if (expireMs <= SAFE_MS_MAX) reply.integer(isMs ? ms : Math.floor((ms + 500) / 1000));
  else replyWide(reply, BigInt(expireMs) - BigInt(isAbsolute ? 0 : ctx.state.nowMs), isMs);
  return DONE;
}

function cmdPersist(ctx: CommandContext): RunStatus {
  const shard = ctx.at(1);
  const ref = shard.findWrite(ctx.db, ctx.key);
  const hadTtl = ref !== 0 && shard.removeExpire(ctx.db, ctx.key, ref);
  ctx.reply.integer(hadTtl ? 1 : 0);
  if (hadTtl) ctx.state.event(EVENT_GENERIC, NAME_PERSIST, ctx.db, ctx.key);
  return DONE;
}

function expireSpec(
  name: string,
  since: string,
  argument: string,
  isSeconds: boolean,
  isRelative: boolean,
  summary: string,
): CommandSpec {
  return {
    name,
    summary,
    since,
    group: 'generic',
    arity: -3,
    flags: ['write', 'fast'],
    acl: ['keyspace'],
    keys: [oneKey(1, 'RW', 'UPDATE')],
    syntax: `key ${argument} [NX | XX | GT | LT]`,
    place: 'shard',
    shards: 'keys',
    run: (ctx) => expire(ctx, name, isSeconds, isRelative),
  };
}

function ttlSpec(
  name: string,
  since: string,
  isMs: boolean,
  isAbsolute: boolean,
  summary: string,
): CommandSpec {
  return {
    name,
    summary,
    since,
    group: 'generic',
    arity: 2,
    flags: ['readonly', 'fast'],
    acl: ['keyspace'],
    keys: [oneKey(1, 'RO', 'ACCESS')],
    syntax: 'key',
    place: 'shard',
    shards: 'keys',
    run: (ctx) => ttl(ctx, isMs, isAbsolute),
  };
}

export const EXPIRE_COMMANDS: readonly CommandSpec[] = [
  expireSpec(
    'expire',
    '1.0.0',
    'seconds:integer',
    true,
    true,
    'Lets a key expire after some seconds.',
  ),
  expireSpec(
    'pexpire',
    '2.6.0',
    'milliseconds:integer',
    false,
    true,
    'Lets a key expire after some milliseconds.',
  ),
  expireSpec(
    'expireat',
    '1.2.0',
    'unix-time-seconds:unix-time',
    true,
    false,
    'Lets a key expire at a unix time in seconds.',
  ),
  expireSpec(
    'pexpireat',
    '2.6.0',
    'unix-time-milliseconds:unix-time',
    false,
    false,
    'Lets a key expire at a unix time in milliseconds.',
  ),
  ttlSpec('ttl', '1.0.0', false, false, 'Returns the seconds that a key has left.'),
  ttlSpec('pttl', '2.6.0', true, false, 'Returns the milliseconds that a key has left.'),
  ttlSpec('expiretime', '7.0.0', false, true, 'Returns when a key expires, in unix seconds.'),
  ttlSpec('pexpiretime', '7.0.0', true, true, 'Returns when a key expires, in unix milliseconds.'),
  {
    name: 'persist',
    summary: 'Takes the time of expiry off a key.',
    since: '2.2.0',
    group: 'generic',
    arity: 2,
    flags: ['write', 'fast'],
    acl: ['keyspace'],
    keys: [oneKey(1, 'RW', 'UPDATE')],
    syntax: 'key',
    place: 'shard',
    shards: 'keys',
    run: cmdPersist,
  },
];
