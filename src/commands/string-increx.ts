/**
 * INCREX: an increment with bounds and a TTL in one step. Exact arithmetic: BigInt for integers,
 * 80-bit floats otherwise.
 */

import { asciiBytes } from '../base/bytes.ts';
import {
  addExtended,
  type ExtendedFloat,
  formatExtended,
  parseExtended,
} from '../base/decimal-float.ts';
import { parseBigInt64, parseInt64 } from '../base/number-text.ts';
import { ENCODING_INT } from '../keyspace/entry.ts';
import { EVENT_GENERIC, EVENT_STRING } from '../keyspace/events.ts';
import { KEEP_TTL, NO_TTL, type Shard } from '../keyspace/shard.ts';
import type { Ref } from '../memory/arena.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import type { ReplyWriter } from '../resp/reply-writer.ts';
import {
  NAME_INCRBY,
  NAME_INCRBYFLOAT,
  NAME_PERSIST,
  tellDeleted,
  tellExpiry,
} from './event-names.ts';
import { logDelete, logSetText } from './log-effects.ts';
import { type CommandContext, type CommandSpec, DONE, oneKey, type RunStatus } from './spec.ts';
import { bigValueOf, floatEncoding, numberTextOf, opStoreText } from './string-counter.ts';
import { unitOf } from './string-options.ts';
import { expireMsOrReply, isStringOrReply, replyFull, UNIT_NONE } from './string-value.ts';

const BYINT = asciiBytes('BYINT');
const BYFLOAT = asciiBytes('BYFLOAT');
const LBOUND = asciiBytes('LBOUND');
const UBOUND = asciiBytes('UBOUND');
const SATURATE = asciiBytes('SATURATE');
const PERSIST = asciiBytes('PERSIST');
const ENX = asciiBytes('ENX');
const INT64_MAX = 0x7fffffffffffffffn;
const INT64_MIN = -0x8000000000000000n;
/** The limits of 80-bit floats, where sums saturate that no bound stops before. */
const LARGEST: ExtendedFloat = {
  negative: false,
  mantissa: 0xffffffffffffffffn,
  exponent: 16320,
  infinite: false,
};
const LARGEST_NEGATIVE: ExtendedFloat = { ...LARGEST, negative: true };

/** Options of the command that was parsed last; indexes are arguments, 0 = not given. */
const options = {
  isFloat: false,
  incrementIndex: 0,
  lowerIndex: 0,
  upperIndex: 0,
  saturate: false,
  persist: false,
  onlyWithoutTtl: false,
  unit: UNIT_NONE,
  expireIndex: 0,
};

/** Reads the options; false when an error was replied. */
function parseOptionsOrReply(ctx: CommandContext): boolean {
  options.isFloat = false;
  options.incrementIndex = 0;
  options.lowerIndex = 0;
  options.upperIndex = 0;
  options.saturate = false;
  options.persist = false;
  options.onlyWithoutTtl = false;
  options.unit = UNIT_NONE;
  for (let i = 2; i < ctx.args.count; ) {
    const used = parseOption(ctx, i);
    if (used === 0) {
      ctx.reply.errorBytes(ERROR_BYTES.SYNTAX);
      return false;
    }
    i += used;
  }
  if (options.persist && (options.unit !== UNIT_NONE || options.onlyWithoutTtl)) {
    ctx.reply.errorBytes(ERROR_BYTES.SYNTAX);
    return false;
  }
  if (!options.onlyWithoutTtl || options.unit !== UNIT_NONE) return true;
  ctx.reply.errorBytes(ERROR_BYTES.INCREX_ENX);
  return false;
}

/**
 * Reads the option at `i`; returns how many arguments it takes, 0 = it is none or contradicts
 * another.
 */
function parseOption(ctx: CommandContext, i: number): number {
  const args = ctx.args;
  if (args.equalsIgnoreCase(i, SATURATE)) options.saturate = true;
  else if (args.equalsIgnoreCase(i, PERSIST)) options.persist = true;
  else if (args.equalsIgnoreCase(i, ENX)) options.onlyWithoutTtl = true;
  else return i + 1 < args.count ? parsePair(ctx, i) : 0;
  return 1;
}

function parsePair(ctx: CommandContext, i: number): number {
  const args = ctx.args;
  const isFloat = args.equalsIgnoreCase(i, BYFLOAT);
  if (isFloat || args.equalsIgnoreCase(i, BYINT)) {
    if (options.incrementIndex !== 0) return 0;
    options.isFloat = isFloat;
    options.incrementIndex = i + 1;
  } else if (args.equalsIgnoreCase(i, LBOUND)) {
    options.lowerIndex = i + 1;
  } else if (args.equalsIgnoreCase(i, UBOUND)) {
    options.upperIndex = i + 1;
  } else {
    const unit = unitOf(ctx, i);
    if (unit === UNIT_NONE || options.unit !== UNIT_NONE) return 0;
    options.unit = unit;
    options.expireIndex = i + 1;
  }
  return 2;
}

function cmdIncrex(ctx: CommandContext): RunStatus {
  if (!parseOptionsOrReply(ctx)) return DONE;
  let expireMs = NO_TTL;
  if (options.unit !== UNIT_NONE) {
    expireMs = expireMsOrReply(ctx, options.expireIndex, options.unit, 'increx');
    if (Number.isNaN(expireMs)) return DONE;
  }
  const shard = ctx.at(1);
  const ref = shard.findWrite(ctx.db, ctx.key);
  if (!isStringOrReply(ctx, shard, ref)) return DONE;
  if (options.isFloat) incrementFloat(ctx, shard, ref, expireMs);
  else incrementInteger(ctx, shard, ref, expireMs);
  return DONE;
}

/** Argument `index` as an int64, or `absent` where it was not given; null: it is none. */
function integerArgument(ctx: CommandContext, index: number, absent: bigint): bigint | null {
  if (index === 0) return absent;
  if (Number.isNaN(ctx.args.toInt(index))) return null;
  return parseBigInt64(ctx.args.buf, ctx.args.offset[index]!, ctx.args.end(index));
}

function incrementInteger(ctx: CommandContext, shard: Shard, ref: Ref, expireMs: number): void {
  const { reply } = ctx;
  const delta = integerArgument(ctx, options.incrementIndex, 1n);
  const lower = integerArgument(ctx, options.lowerIndex, INT64_MIN);
  const upper = integerArgument(ctx, options.upperIndex, INT64_MAX);
  const at = ref === 0 ? 0 : shard.valueOffset(ref);
  const isInteger =
    ref === 0 || !Number.isNaN(parseInt64(shard.u8, at, at + shard.valueLength(ref)));
  if (delta === null || lower === null || upper === null || !isInteger) {
    reply.errorBytes(ERROR_BYTES.NOT_INTEGER);
    return;
  }
  if (lower > upper) {
    reply.errorBytes(ERROR_BYTES.INCREX_BOUNDS);
    return;
  }
  const value = bigValueOf(shard, ref);
  let sum = value + delta;
  if (sum < lower || sum > upper) {
    if (!options.saturate) {
      reply.array(2);
      reply.integerBigint(value);
      reply.integer(0);
      return;
    }
    sum = sum < lower ? lower : upper;
  }
  const applied = sum - value;
  if (applied > INT64_MAX || applied < INT64_MIN) {
    reply.errorBytes(ERROR_BYTES.OVERFLOW);
    return;
  }
  if (!storeResult(ctx, shard, ref, sum.toString(), ENCODING_INT, expireMs)) return;
  reply.array(2);
  reply.integerBigint(sum);
  reply.integerBigint(applied);
}

/** Argument `index` as a float; null where it was not given; undefined: it is none. */
function floatArgument(ctx: CommandContext, index: number): ExtendedFloat | null | undefined {
  return index === 0 ? null : (parseExtended(ctx.args.text(index)) ?? undefined);
}

function negated(x: ExtendedFloat): ExtendedFloat {
  return { ...x, negative: !x.negative };
}

/** Whether a < b; both may be infinite. */
function isBelow(a: ExtendedFloat, b: ExtendedFloat): boolean {
  if (a.infinite || b.infinite) {
    const rank = (x: ExtendedFloat): number => (x.infinite ? (x.negative ? -1 : 1) : 0);
    return rank(a) < rank(b);
  }
  const exponent = Math.min(a.exponent, b.exponent);
  const scaled = (x: ExtendedFloat): bigint =>
    (x.negative ? -x.mantissa : x.mantissa) << BigInt(x.exponent - exponent);
  return scaled(a) < scaled(b);
}

function incrementFloat(ctx: CommandContext, shard: Shard, ref: Ref, expireMs: number): void {
  const { reply } = ctx;
  const value = parseExtended(numberTextOf(shard, ref));
  const delta = floatArgument(ctx, options.incrementIndex);
  const lower = floatArgument(ctx, options.lowerIndex);
  const upper = floatArgument(ctx, options.upperIndex);
  if (value === null || !delta || lower === undefined || upper === undefined) {
    reply.errorBytes(ERROR_BYTES.NOT_FLOAT);
    return;
  }
  if (lower !== null && upper !== null && isBelow(upper, lower)) {
    reply.errorBytes(ERROR_BYTES.INCREX_BOUNDS);
    return;
  }
  if (value.infinite || delta.infinite) {
    reply.errorBytes(ERROR_BYTES.NAN_OR_INFINITY);
    return;
  }
  const exact = addExtended(value, delta);
  const isLow = exact === null ? delta.negative : lower !== null && isBelow(exact, lower);
  const isHigh = exact === null ? !delta.negative : upper !== null && isBelow(upper, exact);
  if ((isLow || isHigh) && !options.saturate) {
    replyFloats(reply, formatExtended(value), '0');
    return;
  }
  let sum = exact ?? (isLow ? LARGEST_NEGATIVE : LARGEST);
  if (isLow && lower !== null) sum = lower;
  if (isHigh && upper !== null) sum = upper;
  const applied = addExtended(sum, negated(value));
  if (applied === null) {
    reply.errorBytes(ERROR_BYTES.NAN_OR_INFINITY);
    return;
  }
  const text = formatExtended(sum);
  if (!storeResult(ctx, shard, ref, text, floatEncoding(text), expireMs)) return;
  replyFloats(reply, text, formatExtended(applied));
}

/** Two floats: doubles in RESP3, bulk strings in RESP2. */
function replyFloats(reply: ReplyWriter, value: string, applied: string): void {
  reply.array(2);
  for (const text of [value, applied]) {
    if (reply.resp3) reply.raw(asciiBytes(`,${text}\r\n`));
    else reply.bulkLatin1(text);
  }
}

/**
 * Stores the sum with the TTL that the options ask for; false, and the error was replied, when the
 * arena is full.
 */
function storeResult(
  ctx: CommandContext,
  shard: Shard,
  ref: Ref,
  text: string,
  encoding: number,
  expireMs: number,
): boolean {
  const keepsTtl = options.onlyWithoutTtl && ref !== 0 && shard.expireMs(ref) !== NO_TTL;
  let ttl = KEEP_TTL;
  if (options.persist) ttl = NO_TTL;
  else if (expireMs !== NO_TTL && !keepsTtl) ttl = expireMs;
  if (ttl > 0 && ttl <= ctx.state.nowMs) {
    if (shard.delete(ctx.db, ctx.key)) {
      logDelete(ctx, 1);
      tellIncrement(ctx);
      tellDeleted(ctx, ctx.key);
    }
    return true;
  }
  const losesTtl = options.persist && ref !== 0 && shard.expireMs(ref) !== NO_TTL;
  if (!opStoreText(ctx, shard, text, encoding, ttl)) {
    replyFull(ctx);
    return false;
  }
  logSetText(ctx, 1, text, ttl);
  tellIncrement(ctx);
  tellExpiry(ctx, ctx.key, ttl);
  if (losesTtl) ctx.state.event(EVENT_GENERIC, NAME_PERSIST, ctx.db, ctx.key);
  return true;
}

function tellIncrement(ctx: CommandContext): void {
  const name = options.isFloat ? NAME_INCRBYFLOAT : NAME_INCRBY;
  ctx.state.event(EVENT_STRING, name, ctx.db, ctx.key);
}

export const STRING_INCREX_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'increx',
    summary: 'Adds to the number in a key within bounds, and sets or removes its TTL.',
    since: '8.8.0',
    group: 'string',
    arity: -2,
    flags: ['write', 'denyoom', 'fast'],
    acl: ['string'],
    keys: [oneKey(1, 'RW', 'ACCESS', 'UPDATE')],
    syntax:
      'key [BYFLOAT float:double | BYINT integer] [SATURATE] [LBOUND lowerbound:string] ' +
      '[UBOUND upperbound:string] [EX seconds | PX milliseconds | ' +
      'EXAT unix-time-seconds:unix-time | PXAT unix-time-milliseconds:unix-time | PERSIST] [ENX]',
    place: 'shard',
    shards: 'keys',
    run: cmdIncrex,
  },
];
