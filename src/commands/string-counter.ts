/**
 * Strings as numbers: INCR and its relatives. Integers are kept as their decimal text; up to 2^53 -
 * 1 everything is done in doubles and nothing is allocated, beyond that in BigInt up to the limits
 * of int64.
 */

import { addExtended, formatExtended, parseExtended } from '../base/decimal-float.ts';
import {
  decimalDigits,
  formatInteger,
  latin1Text,
  parseBigInt64,
  parseInt64,
} from '../base/number-text.ts';
import {
  EMBSTR_LENGTH_MAX,
  ENCODING_EMBSTR,
  ENCODING_INT,
  ENCODING_RAW,
} from '../keyspace/entry.ts';
import { EVENT_STRING } from '../keyspace/events.ts';
import { KEEP_TTL, type Shard } from '../keyspace/shard.ts';
import type { Ref } from '../memory/arena.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import { NAME_INCRBY, NAME_INCRBYFLOAT } from './event-names.ts';
import { logSetText } from './log-effects.ts';
import { type CommandContext, type CommandSpec, DONE, oneKey, type RunStatus } from './spec.ts';
import { isStringOrReply, replyFull } from './string-value.ts';

const INT = ENCODING_INT;
const SAFE_MAX = Number.MAX_SAFE_INTEGER;
const INT64_MAX = 0x7fffffffffffffffn;
const INT64_MIN = -0x8000000000000000n;

/**
 * Makes the safe integer `value` the value of the located key, TTL kept; `ref` is what findWrite
 * just returned, a string or 0. In place where the text is as long as before. False when the arena
 * is full: nothing has changed then.
 */
export function opStoreInteger(
  ctx: CommandContext,
  shard: Shard,
  ref: Ref,
  value: number,
): boolean {
  const length = value < 0 ? 1 + decimalDigits(-value) : decimalDigits(value);
  let at = ref;
  if (ref !== 0 && shard.valueLength(ref) === length) {
    shard.setEncoding(ref, INT);
    shard.touched(ctx.db, ctx.key);
  } else {
    at = shard.createString(ctx.db, ctx.key, length, INT, KEEP_TTL);
    if (at === 0) return false;
  }
  formatInteger(value, shard.u8, shard.valueOffset(at));
  return true;
}

/**
 * Makes `text` (one byte per character) the value of the located key. `expireMs` as in
 * `Shard.createString`.
 */
export function opStoreText(
  ctx: CommandContext,
  shard: Shard,
  text: string,
  encoding: number,
  expireMs: number,
): boolean {
  const ref = shard.createString(ctx.db, ctx.key, text.length, encoding, expireMs);
  if (ref === 0) return false;
  const at = shard.valueOffset(ref);
  for (let i = 0; i < text.length; i++) shard.u8[at + i] = text.charCodeAt(i);
  return true;
}

/** Adds the safe integer `delta` to the located key's value and replies with the sum. */
function increment(ctx: CommandContext, delta: number): RunStatus {
  const shard = ctx.at(1);
  const ref = shard.findWrite(ctx.db, ctx.key);
  let sum = delta;
  if (ref !== 0) {
    if (!isStringOrReply(ctx, shard, ref)) return DONE;
    const at = shard.valueOffset(ref);
    const value = parseInt64(shard.u8, at, at + shard.valueLength(ref));
    if (Number.isNaN(value)) {
      ctx.reply.errorBytes(ERROR_BYTES.NOT_INTEGER);
      return DONE;
    }
    sum += value;
    if (sum > SAFE_MAX || sum < -SAFE_MAX) return incrementBig(ctx, shard, ref, BigInt(delta));
  }
  if (opStoreInteger(ctx, shard, ref, sum)) {
    ctx.reply.integer(sum);
    ctx.state.event(EVENT_STRING, NAME_INCRBY, ctx.db, ctx.key);
  } else {
    replyFull(ctx);
  }
  return DONE;
}

/** The exact value of a string entry whose text is an int64, 0 for a missing one. */
export function bigValueOf(shard: Shard, ref: Ref): bigint {
  if (ref === 0) return 0n;
  const at = shard.valueOffset(ref);
  return parseBigInt64(shard.u8, at, at + shard.valueLength(ref));
}

/**
 * Like `increment`, where a number may be beyond 2^53. `ref` is a string with the text of an int64,
 * or 0.
 */
function incrementBig(ctx: CommandContext, shard: Shard, ref: Ref, delta: bigint): RunStatus {
  const sum = bigValueOf(shard, ref) + delta;
  if (sum > INT64_MAX || sum < INT64_MIN) {
    ctx.reply.errorBytes(ERROR_BYTES.OVERFLOW);
  } else if (opStoreText(ctx, shard, sum.toString(), INT, KEEP_TTL)) {
    ctx.reply.integerBigint(sum);
    ctx.state.event(EVENT_STRING, NAME_INCRBY, ctx.db, ctx.key);
  } else {
    replyFull(ctx);
  }
  return DONE;
}

function cmdIncr(ctx: CommandContext): RunStatus {
  return increment(ctx, 1);
}

function cmdDecr(ctx: CommandContext): RunStatus {
  return increment(ctx, -1);
}

function cmdIncrby(ctx: CommandContext): RunStatus {
  const delta = ctx.args.toInt(2);
  return Number.isFinite(delta) ? increment(ctx, delta) : incrementByArgument(ctx, delta, false);
}

function cmdDecrby(ctx: CommandContext): RunStatus {
  const delta = ctx.args.toInt(2);
  return Number.isFinite(delta) ? increment(ctx, -delta) : incrementByArgument(ctx, delta, true);
}

/**
 * The rest of INCRBY and DECRBY: an argument that is no integer (`delta` is NaN), or one beyond
 * 2^53.
 */
function incrementByArgument(ctx: CommandContext, delta: number, isNegated: boolean): RunStatus {
  const { args, reply } = ctx;
  if (Number.isNaN(delta)) {
    reply.errorBytes(ERROR_BYTES.NOT_INTEGER);
    return DONE;
  }
  const amount = parseBigInt64(args.buf, args.offset[2]!, args.end(2));
  if (isNegated && amount === INT64_MIN) {
    reply.errorBytes(ERROR_BYTES.DECREMENT_OVERFLOW);
    return DONE;
  }
  const shard = ctx.at(1);
  const ref = shard.findWrite(ctx.db, ctx.key);
  if (!isStringOrReply(ctx, shard, ref)) return DONE;
  if (ref !== 0) {
    const at = shard.valueOffset(ref);
    if (Number.isNaN(parseInt64(shard.u8, at, at + shard.valueLength(ref)))) {
      reply.errorBytes(ERROR_BYTES.NOT_INTEGER);
      return DONE;
    }
  }
  return incrementBig(ctx, shard, ref, isNegated ? -amount : amount);
}

/** The text of a string entry; "0" for a missing one. */
export function numberTextOf(shard: Shard, ref: Ref): string {
  if (ref === 0) return '0';
  const at = shard.valueOffset(ref);
  return latin1Text(shard.u8, at, at + shard.valueLength(ref));
}

function cmdIncrbyfloat(ctx: CommandContext): RunStatus {
  const { reply } = ctx;
  const shard = ctx.at(1);
  const ref = shard.findWrite(ctx.db, ctx.key);
  if (!isStringOrReply(ctx, shard, ref)) return DONE;
  const value = parseExtended(numberTextOf(shard, ref));
  const delta = value === null ? null : parseExtended(ctx.args.text(2));
  if (value === null || delta === null) {
    reply.errorBytes(ERROR_BYTES.NOT_FLOAT);
    return DONE;
  }
  const sum = addExtended(value, delta);
  if (sum === null) {
    reply.errorBytes(ERROR_BYTES.NAN_OR_INFINITY);
    return DONE;
  }
  const text = formatExtended(sum);
  if (opStoreText(ctx, shard, text, floatEncoding(text), KEEP_TTL)) {
    reply.bulkLatin1(text);
    logSetText(ctx, 1, text, KEEP_TTL);
    ctx.state.event(EVENT_STRING, NAME_INCRBYFLOAT, ctx.db, ctx.key);
  } else {
    replyFull(ctx);
  }
  return DONE;
}

/** The encoding of a sum of floats: never int, even where the text is an integer's. */
export function floatEncoding(text: string): number {
  return text.length <= EMBSTR_LENGTH_MAX ? ENCODING_EMBSTR : ENCODING_RAW;
}

export const STRING_COUNTER_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'incr',
    summary: 'Adds one to the integer in a key; a missing key counts as 0.',
    since: '1.0.0',
    group: 'string',
    arity: 2,
    flags: ['write', 'denyoom', 'fast'],
    acl: ['string'],
    keys: [oneKey(1, 'RW', 'ACCESS', 'UPDATE')],
    syntax: 'key',
    place: 'shard',
    shards: 'keys',
    run: cmdIncr,
  },
  {
    name: 'decr',
    summary: 'Subtracts one from the integer in a key; a missing key counts as 0.',
    since: '1.0.0',
    group: 'string',
    arity: 2,
    flags: ['write', 'denyoom', 'fast'],
    acl: ['string'],
    keys: [oneKey(1, 'RW', 'ACCESS', 'UPDATE')],
    syntax: 'key',
    place: 'shard',
    shards: 'keys',
    run: cmdDecr,
  },
  {
    name: 'incrby',
    summary: 'Adds an integer to the integer in a key.',
    since: '1.0.0',
    group: 'string',
    arity: 3,
    flags: ['write', 'denyoom', 'fast'],
    acl: ['string'],
    keys: [oneKey(1, 'RW', 'ACCESS', 'UPDATE')],
    syntax: 'key increment:integer',
    place: 'shard',
    shards: 'keys',
    run: cmdIncrby,
  },
  {
    name: 'decrby',
    summary: 'Subtracts an integer from the integer in a key.',
    since: '1.0.0',
    group: 'string',
    arity: 3,
    flags: ['write', 'denyoom', 'fast'],
    acl: ['string'],
    keys: [oneKey(1, 'RW', 'ACCESS', 'UPDATE')],
    syntax: 'key decrement:integer',
    place: 'shard',
    shards: 'keys',
    run: cmdDecrby,
  },
  {
    name: 'incrbyfloat',
    summary: 'Adds a floating point number to the number in a key.',
    since: '2.6.0',
    group: 'string',
    arity: 3,
    flags: ['write', 'denyoom', 'fast'],
    acl: ['string'],
    keys: [oneKey(1, 'RW', 'ACCESS', 'UPDATE')],
    syntax: 'key increment:double',
    place: 'shard',
    shards: 'keys',
    run: cmdIncrbyfloat,
  },
];
