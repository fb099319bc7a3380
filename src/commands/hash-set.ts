/**
 * Commands that set and delete fields of hashes: HSET, HMSET, HSETNX, HDEL, HINCRBY, HINCRBYFLOAT.
 */

import { asciiBytes } from '../base/bytes.ts';
import { addExtended, formatExtended, parseExtended } from '../base/decimal-float.ts';
import { formatInteger, latin1Text, parseBigInt64, parseInt64 } from '../base/number-text.ts';
import { EVENT_HASH } from '../keyspace/events.ts';
import { FIELD_KEEP_TTL, FIELD_NO_TTL, HASH_FULL } from '../keyspace/hash-field.ts';
import type { Shard } from '../keyspace/shard.ts';
import type { Ref } from '../memory/arena.ts';
import { ERROR_BYTES, wrongArity } from '../resp/errors.ts';
import { oneKeyRows } from './collection.ts';
import { NAME_HDEL, NAME_HINCRBY, NAME_HINCRBYFLOAT } from './event-names.ts';
import {
  findField,
  replyFull,
  tellField,
  tellFieldsSet,
  tellHash,
  writeHash,
} from './hash-access.ts';
import { logArgument, logFieldExpire, logPrefix } from './log-effects.ts';
import { type CommandContext, type CommandSpec, DONE, ESCALATE, type RunStatus } from './spec.ts';

const HSET = asciiBytes('HSET');
const FULL = HASH_FULL;
const SAFE_MAX = Number.MAX_SAFE_INTEGER;
const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

/** An integer as text, on its way into a field. */
const text = new Uint8Array(20);

function setPairs(ctx: CommandContext, isHmset: boolean): RunStatus {
  const { args, reply, db, key } = ctx;
  const { count } = args;
  if (count % 2 !== 0) {
    reply.error(wrongArity(isHmset ? 'hmset' : 'hset'));
    return DONE;
  }
  if (count > 4 && !ctx.mayRun(count * 2)) return ESCALATE;
  const shard = ctx.at(1);
  const ref = writeHash(ctx, shard);
  if (ref < 0) return DONE;
  const { hashes } = shard;
  const added = hashes.setAll(db, key, ref, args.buf, args.offset, args.length, 2, count);
  if (added === FULL) {
    replyFull(ctx);
    if (hashes.setCount !== 0) logPrefix(ctx, HSET, 2 + hashes.setCount * 2);
  } else if (isHmset) {
    reply.ok();
  } else {
    reply.integer(added);
  }
  if (added !== FULL) tellFieldsSet(ctx, 2, count);
  return DONE;
}

function cmdHset(ctx: CommandContext): RunStatus {
  return setPairs(ctx, false);
}

function cmdHmset(ctx: CommandContext): RunStatus {
  return setPairs(ctx, true);
}

function cmdHsetnx(ctx: CommandContext): RunStatus {
  const { args, reply, db, key } = ctx;
  const shard = ctx.at(1);
  const ref = writeHash(ctx, shard);
  if (ref < 0) return DONE;
  if (findField(ctx, shard, ref, 2)) {
    reply.integer(0);
    return DONE;
  }
  const status = shard.hashes.setAll(db, key, ref, args.buf, args.offset, args.length, 2, 4);
  if (status === FULL) {
    replyFull(ctx);
    return DONE;
  }
  reply.integer(1);
  if (shard.hashes.hasReplacedExpired) logPrefix(ctx, HSET, 4);
  tellFieldsSet(ctx, 2, 4);
  return DONE;
}

function cmdHdel(ctx: CommandContext): RunStatus {
  const { args, reply, db, key } = ctx;
  if (args.count > 3 && !ctx.mayRun(args.count * 2)) return ESCALATE;
  const shard = ctx.at(1);
  let ref = writeHash(ctx, shard);
  if (ref < 0) return DONE;
  const { hashes } = shard;
  let removed = 0;
  for (let i = 2; i < args.count && ref !== 0; i++) {
    if (hashes.remove(db, key, ref, args.buf, args.offset[i]!, args.end(i))) {
      removed += 1;
      tellField(ctx, i);
    }
    ref = hashes.ref;
  }
  reply.integer(removed);
  tellHash(ctx, shard, NAME_HDEL, removed !== 0);
  return DONE;
}

/** Sets field argument 2, TTL kept; false when the arena is full, and that was replied. */
function store(
  ctx: CommandContext,
  shard: Shard,
  ref: Ref,
  value: Uint8Array,
  length: number,
): boolean {
  const { args, db, key } = ctx;
  const { buf } = args;
  const name = args.offset[2]!;
  const end = args.end(2);
  const { hashes } = shard;
  const status = hashes.set(db, key, ref, buf, name, end, value, 0, length, FIELD_KEEP_TTL);
  if (status !== FULL) return true;
  replyFull(ctx);
  return false;
}

/** The field of argument 2 has another number. */
function tellIncremented(ctx: CommandContext, what: Uint8Array): void {
  tellField(ctx, 2);
  ctx.state.event(EVENT_HASH, what, ctx.db, ctx.key);
}

function cmdHincrby(ctx: CommandContext): RunStatus {
  const { args, reply } = ctx;
  const delta = args.toInt(3);
  if (Number.isNaN(delta)) {
    reply.errorBytes(ERROR_BYTES.NOT_INTEGER);
    return DONE;
  }
  const shard = ctx.at(1);
  const ref = writeHash(ctx, shard);
  if (ref < 0) return DONE;
  const { found } = shard.hashes;
  const isFound = findField(ctx, shard, ref, 2);
  const old = isFound ? parseInt64(found.buf, found.from, found.to) : 0;
  if (Number.isNaN(old)) {
    reply.errorBytes(ERROR_BYTES.HASH_NOT_INTEGER);
    return DONE;
  }
  const sum = old + delta;
  if (!(sum <= SAFE_MAX && sum >= -SAFE_MAX)) return incrementBig(ctx, shard, ref, isFound);
  const length = formatInteger(sum, text, 0);
  if (!store(ctx, shard, ref, text, length)) return DONE;
  reply.integer(sum);
  if (shard.hashes.hasReplacedExpired) logStored(ctx, text, length, FIELD_NO_TTL);
  tellIncremented(ctx, NAME_HINCRBY);
  return DONE;
}

/** HINCRBY where a number may be beyond 2^53; `found` has the old value. */
function incrementBig(ctx: CommandContext, shard: Shard, ref: Ref, isFound: boolean): RunStatus {
  const { args, reply } = ctx;
  const { found } = shard.hashes;
  const old = isFound ? parseBigInt64(found.buf, found.from, found.to) : 0n;
  const sum = old + parseBigInt64(args.buf, args.offset[3]!, args.end(3));
  if (sum > INT64_MAX || sum < INT64_MIN) {
    reply.errorBytes(ERROR_BYTES.OVERFLOW);
    return DONE;
  }
  const value = Buffer.from(sum.toString(), 'latin1');
  if (!store(ctx, shard, ref, value, value.length)) return DONE;
  reply.integerBigint(sum);
  if (shard.hashes.hasReplacedExpired) logStored(ctx, value, value.length, FIELD_NO_TTL);
  tellIncremented(ctx, NAME_HINCRBY);
  return DONE;
}

function cmdHincrbyfloat(ctx: CommandContext): RunStatus {
  const { reply } = ctx;
  const delta = parseExtended(ctx.args.text(3));
  if (delta === null || delta.infinite) {
    reply.errorBytes(delta === null ? ERROR_BYTES.NOT_FLOAT : ERROR_BYTES.VALUE_NAN_OR_INFINITY);
    return DONE;
  }
  const shard = ctx.at(1);
  const ref = writeHash(ctx, shard);
  if (ref < 0) return DONE;
  const { found } = shard.hashes;
  const isFound = findField(ctx, shard, ref, 2);
  const old = parseExtended(isFound ? latin1Text(found.buf, found.from, found.to) : '0');
  if (old === null) {
    reply.errorBytes(ERROR_BYTES.HASH_NOT_FLOAT);
    return DONE;
  }
  const sum = addExtended(old, delta);
  if (sum === null) {
    reply.errorBytes(ERROR_BYTES.NAN_OR_INFINITY);
    return DONE;
  }
  const expireMs = isFound ? found.expireMs : FIELD_NO_TTL;
  const value = Buffer.from(formatExtended(sum), 'latin1');
  if (!store(ctx, shard, ref, value, value.length)) return DONE;
  reply.bulk(value, 0, value.length);
  logStored(ctx, value, value.length, expireMs);
  tellIncremented(ctx, NAME_HINCRBYFLOAT);
  return DONE;
}

/** The value of the field of argument 2, which keeps its time of expiry: HSET alone drops it. */
function logStored(ctx: CommandContext, value: Uint8Array, length: number, expireMs: number): void {
  const { effects, db } = ctx;
  if (!effects.isOn) return;
  effects.command(db, HSET, 4);
  logArgument(ctx, 1);
  logArgument(ctx, 2);
  effects.bytes(value, 0, length);
  if (expireMs !== FIELD_NO_TTL) logFieldExpire(ctx, 2, expireMs);
}

export const HASH_SET_COMMANDS: readonly CommandSpec[] = oneKeyRows('hash', 'hash', [
  {
    name: 'hset',
    summary: 'Sets fields of a hash.',
    since: '2.0.0',
    arity: -4,
    flags: ['write', 'denyoom', 'fast'],
    keyFlags: ['RW', 'UPDATE'],
    syntax: 'key field value [field value ...]',
    run: cmdHset,
  },
  {
    name: 'hmset',
    summary: 'Sets fields of a hash; HSET says how many are new.',
    since: '2.0.0',
    arity: -4,
    flags: ['write', 'denyoom', 'fast'],
    keyFlags: ['RW', 'UPDATE'],
    syntax: 'key field value [field value ...]',
    run: cmdHmset,
  },
  {
    name: 'hsetnx',
    summary: 'Sets a field of a hash that has none of that name.',
    since: '2.0.0',
    arity: 4,
    flags: ['write', 'denyoom', 'fast'],
    keyFlags: ['RW', 'INSERT'],
    syntax: 'key field value',
    run: cmdHsetnx,
  },
  {
    name: 'hdel',
    summary: 'Deletes fields; a hash without fields is deleted.',
    since: '2.0.0',
    arity: -3,
    flags: ['write', 'fast'],
    keyFlags: ['RW', 'DELETE'],
    syntax: 'key field [field ...]',
    run: cmdHdel,
  },
  {
    name: 'hincrby',
    summary: 'Adds to the integer in a field; a missing field counts as 0.',
    since: '2.0.0',
    arity: 4,
    flags: ['write', 'denyoom', 'fast'],
    keyFlags: ['RW', 'ACCESS', 'UPDATE'],
    syntax: 'key field increment:integer',
    run: cmdHincrby,
  },
  {
    name: 'hincrbyfloat',
    summary: 'Adds to the floating point number in a field; a missing field counts as 0.',
    since: '2.6.0',
    arity: 4,
    flags: ['write', 'denyoom', 'fast'],
    keyFlags: ['RW', 'ACCESS', 'UPDATE'],
    syntax: 'key field increment:double',
    run: cmdHincrbyfloat,
  },
]);
