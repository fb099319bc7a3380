/** Times of expiry of fields: HEXPIRE, HTTL and their relatives, HPERSIST. */

import { asciiBytes } from '../base/bytes.ts';
import { FIELD_NO_TTL } from '../keyspace/hash-field.ts';
import type { Shard } from '../keyspace/shard.ts';
import type { Ref } from '../memory/arena.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import { type OneKeyRow, oneKeyRows } from './collection.ts';
import { NAME_HDEL, NAME_HEXPIRE, NAME_HPERSIST } from './event-names.ts';
import {
  expireField,
  fieldExpireMs,
  fieldsFrom,
  findField,
  readHash,
  removeField,
  replyFull,
  tellList,
  writeHash,
} from './hash-access.ts';
import { FieldLog } from './log-effects.ts';
import { type CommandContext, type CommandSpec, DONE, ESCALATE, type RunStatus } from './spec.ts';

const CONDITIONS = ['NX', 'XX', 'GT', 'LT'].map(asciiBytes);
const ANY = -1;
const NX = 0;
const XX = 1;
const GT = 2;

/** What is replied for a field. */
const NO_FIELD = -2;
const NO_EXPIRY = -1;
const NOT_MET = 0;
const IS_SET = 1;
const DELETED = 2;

const MS_PER_SECOND = 1000;

/** Fields that the command has changed, and those it has deleted. */
const changed = new FieldLog();
const deleted = new FieldLog();

/** Index of the condition that argument 3 is, ANY when it is none. */
function conditionOf(ctx: CommandContext): number {
  for (let i = 0; i < CONDITIONS.length; i++) {
    if (ctx.args.equalsIgnoreCase(3, CONDITIONS[i]!)) return i;
  }
  return ANY;
}

/** Whether `whenMs` may replace `currentMs`; no time of expiry counts as one without end. */
function allows(condition: number, currentMs: number, whenMs: number): boolean {
  const hasTtl = currentMs !== FIELD_NO_TTL;
  if (condition === ANY) return true;
  if (condition === NX) return !hasTtl;
  if (condition === XX) return hasTtl;
  return condition === GT ? hasTtl && whenMs > currentMs : !hasTtl || whenMs < currentMs;
}

function expire(
  ctx: CommandContext,
  name: string,
  isSeconds: boolean,
  isRelative: boolean,
): RunStatus {
  const { args, reply } = ctx;
  if (!ctx.mayRun(args.count * 2)) return ESCALATE;
  const shard = ctx.at(1);
  let ref = writeHash(ctx, shard);
  if (ref < 0) return DONE;
  const whenMs = fieldExpireMs(ctx, 2, isSeconds, isRelative, name);
  if (Number.isNaN(whenMs)) return DONE;
  const condition = conditionOf(ctx);
  const first = fieldsFrom(ctx, condition === ANY ? 3 : 4, ERROR_BYTES.FIELDS_ZERO);
  if (first < 0) return DONE;
  const mark = reply.length;
  changed.clear();
  deleted.clear();
  reply.array(args.count - first);
  for (let i = first; i < args.count; i++) {
    const status = expireOne(ctx, shard, ref, i, condition, whenMs);
    if (Number.isNaN(status)) {
      reply.truncate(mark);
      replyFull(ctx);
      break;
    }
    if (status > NOT_MET) ref = shard.hashes.ref;
    if (status === IS_SET) changed.add(i);
    else if (status === DELETED) deleted.add(i);
    reply.integer(status);
  }
  changed.logExpiring(ctx, whenMs);
  deleted.logDeleted(ctx);
  tellList(ctx, shard, changed, NAME_HEXPIRE);
  tellList(ctx, shard, deleted, NAME_HDEL);
  return DONE;
}

/** One field of HEXPIRE; what to reply for it, NaN = the arena is full. */
function expireOne(
  ctx: CommandContext,
  shard: Shard,
  ref: Ref,
  index: number,
  condition: number,
  whenMs: number,
): number {
  if (!findField(ctx, shard, ref, index)) return NO_FIELD;
  if (!allows(condition, shard.hashes.found.expireMs, whenMs)) return NOT_MET;
  if (whenMs <= ctx.state.nowMs) {
    removeField(ctx, shard, ref, index);
    return DELETED;
  }
  return expireField(ctx, shard, ref, index, whenMs) ? IS_SET : Number.NaN;
}

function ttl(ctx: CommandContext, isSeconds: boolean, isAbsolute: boolean): RunStatus {
  const { args, reply } = ctx;
  if (!ctx.mayRun(args.count * 2)) return ESCALATE;
  const shard = ctx.at(1);
  const ref = readHash(ctx, shard);
  if (ref < 0) return DONE;
  const first = fieldsFrom(ctx, 2, ERROR_BYTES.FIELDS_NOT_POSITIVE);
  if (first < 0) return DONE;
  reply.array(args.count - first);
  const baseMs = isAbsolute ? 0 : ctx.state.nowMs;
  for (let i = first; i < args.count; i++) {
    if (!findField(ctx, shard, ref, i)) {
      reply.integer(NO_FIELD);
      continue;
    }
    const { expireMs } = shard.hashes.found;
    if (expireMs === FIELD_NO_TTL) reply.integer(NO_EXPIRY);
    else if (isSeconds) reply.integer(Math.ceil((expireMs - baseMs) / MS_PER_SECOND));
    else reply.integer(expireMs - baseMs);
  }
  return DONE;
}

function cmdHpersist(ctx: CommandContext): RunStatus {
  const { args, reply } = ctx;
  if (!ctx.mayRun(args.count * 2)) return ESCALATE;
  const shard = ctx.at(1);
  let ref = writeHash(ctx, shard);
  if (ref < 0) return DONE;
  const first = fieldsFrom(ctx, 2, ERROR_BYTES.FIELDS_NOT_POSITIVE);
  if (first < 0) return DONE;
  const mark = reply.length;
  changed.clear();
  reply.array(args.count - first);
  for (let i = first; i < args.count; i++) {
    if (!findField(ctx, shard, ref, i)) {
      reply.integer(NO_FIELD);
    } else if (shard.hashes.found.expireMs === FIELD_NO_TTL) {
      reply.integer(NO_EXPIRY);
    } else if (expireField(ctx, shard, ref, i, FIELD_NO_TTL)) {
      ref = shard.hashes.ref;
      changed.add(i);
      reply.integer(IS_SET);
    } else {
      reply.truncate(mark);
      replyFull(ctx);
      break;
    }
  }
  changed.logPersisted(ctx);
  tellList(ctx, shard, changed, NAME_HPERSIST);
  return DONE;
}

function expireRow(
  name: string,
  argument: string,
  isSeconds: boolean,
  isRelative: boolean,
  summary: string,
): OneKeyRow {
  return {
    name,
    summary,
    since: '7.4.0',
    arity: -6,
    flags: ['write', 'denyoom', 'fast'],
    keyFlags: ['RW', 'UPDATE'],
    syntax: `key ${argument} [NX | XX | GT | LT] FIELDS numfields:integer field [field ...]`,
    run: (ctx) => expire(ctx, name, isSeconds, isRelative),
  };
}

function ttlRow(name: string, isSeconds: boolean, isAbsolute: boolean, summary: string): OneKeyRow {
  return {
    name,
    summary,
    since: '7.4.0',
    arity: -5,
    flags: ['readonly', 'fast'],
    keyFlags: ['RO', 'ACCESS'],
    syntax: 'key FIELDS numfields:integer field [field ...]',
    run: (ctx) => ttl(ctx, isSeconds, isAbsolute),
  };
}

export const HASH_EXPIRE_COMMANDS: readonly CommandSpec[] = oneKeyRows('hash', 'hash', [
  expireRow('hexpire', 'seconds:integer', true, true, 'Lets fields expire after some seconds.'),
  expireRow(
    'hpexpire',
    'milliseconds:integer',
    false,
    true,
    'Lets fields expire after some milliseconds.',
  ),
  expireRow(
    'hexpireat',
    'unix-time-seconds:unix-time',
    true,
    false,
    'Lets fields expire at a unix time in seconds.',
  ),
  expireRow(
    'hpexpireat',
    'unix-time-milliseconds:unix-time',
    false,
    false,
    'Lets fields expire at a unix time in milliseconds.',
  ),
  ttlRow('httl', true, false, 'Returns the seconds that fields have left.'),
  ttlRow('hpttl', false, false, 'Returns the milliseconds that fields have left.'),
  ttlRow('hexpiretime', true, true, 'Returns when fields expire, in unix seconds.'),
  ttlRow('hpexpiretime', false, true, 'Returns when fields expire, in unix milliseconds.'),
  {
    name: 'hpersist',
    summary: 'Takes the times of expiry off fields.',
    since: '7.4.0',
    arity: -5,
    flags: ['write', 'fast'],
    keyFlags: ['RW', 'UPDATE'],
    syntax: 'key FIELDS numfields:integer field [field ...]',
    run: cmdHpersist,
  },
]);
