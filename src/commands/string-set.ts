/**
 * Strings that are read and written whole: GET, SET and their relatives.
 */

import { TYPE_STRING } from '../keyspace/entry.ts';
import { EVENT_GENERIC } from '../keyspace/events.ts';
import { KEEP_TTL, NO_TTL, type Shard } from '../keyspace/shard.ts';
import type { Ref } from '../memory/arena.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import { NAME_PERSIST, tellDeleted, tellExpiry } from './event-names.ts';
import { logDelete, logExpire, logSet } from './log-effects.ts';
import {
  type CommandContext,
  type CommandSpec,
  DONE,
  ESCALATE,
  noted,
  oneKey,
  type RunStatus,
} from './spec.ts';
import { conditionUnits, holds, isDigestOrReply } from './string-compare.ts';
import {
  ACCEPT_COMPARE,
  ACCEPT_EXISTENCE,
  ACCEPT_GET,
  ACCEPT_KEEPTTL,
  ACCEPT_PERSIST,
  CONDITION_IFDNE,
  CONDITION_IFNE,
  CONDITION_NONE,
  CONDITION_NX,
  CONDITION_XX,
  StringOptions,
} from './string-options.ts';
import {
  expireMsOrReply,
  isStringOrReply,
  REPLY_UNIT_SHIFT,
  replyFull,
  replyValue,
  setArgument,
  UNIT_EX,
  UNIT_EXAT,
  UNIT_NONE,
  UNIT_PX,
  UNIT_PXAT,
} from './string-value.ts';

const STRING = TYPE_STRING;
const options = new StringOptions();
const SET_ACCEPTS = ACCEPT_EXISTENCE + ACCEPT_COMPARE + ACCEPT_GET + ACCEPT_KEEPTTL;

function cmdGet(ctx: CommandContext): RunStatus {
  const shard = ctx.at(1);
  const ref = shard.findRead(ctx.db, ctx.key);
  if (ref === 0) {
    ctx.reply.null();
  } else if (shard.typeOf(ref) === STRING) {
    const at = shard.valueOffset(ref);
    const length = shard.valueLength(ref);
    if (!ctx.mayRun(length >>> REPLY_UNIT_SHIFT)) {
      ctx.state.keyspaceHits -= 1;
      return ESCALATE;
    }
    ctx.reply.bulk(shard.u8, at, at + length);
  } else {
    ctx.reply.errorBytes(ERROR_BYTES.WRONG_TYPE);
  }
  return DONE;
}

function cmdSet(ctx: CommandContext): RunStatus {
  if (ctx.args.count !== 3) return cmdSetWithOptions(ctx);
  if (setArgument(ctx, ctx.at(1), ctx.key, 2, NO_TTL)) ctx.reply.ok();
  else replyFull(ctx);
  return DONE;
}

function cmdSetWithOptions(ctx: CommandContext): RunStatus {
  if (!options.parse(ctx, 3, SET_ACCEPTS)) {
    ctx.reply.errorBytes(ERROR_BYTES.SYNTAX);
    return DONE;
  }
  let expireMs = options.keepTtl ? KEEP_TTL : NO_TTL;
  if (options.unit !== UNIT_NONE) {
    expireMs = expireMsOrReply(ctx, options.expireIndex, options.unit, 'set');
    if (Number.isNaN(expireMs)) return DONE;
  }
  const shard = ctx.at(1);
  const { withGet, condition, unit } = options;
  const comparesValue = condition > CONDITION_XX;
  const ref = withGet ? shard.findRead(ctx.db, ctx.key) : shard.find(ctx.db, ctx.key);
  if ((withGet || comparesValue) && !isStringOrReply(ctx, shard, ref)) return DONE;
  if (comparesValue && ref !== 0) {
    if (!isDigestOrReply(ctx, condition, options.conditionIndex)) return DONE;
    if (!ctx.mayRun(conditionUnits(shard, ref))) return ESCALATE;
  }
  const mark = ctx.reply.length;
  if (withGet) {
    if (ref === 0) ctx.reply.null();
    else replyValue(ctx, shard, ref);
  }
  if (!isConditionMet(ctx, shard, ref)) {
    if (!withGet) ctx.reply.null();
    return DONE;
  }
  if (!setOrExpire(ctx, shard, 2, expireMs)) {
    ctx.reply.truncate(mark);
    replyFull(ctx);
    return DONE;
  }
  if (!withGet) ctx.reply.ok();
  if (withGet || comparesValue || unit !== UNIT_NONE) logStored(ctx, ref, expireMs);
  return DONE;
}

/** Logs a SET whose options Redis 7.0 does not know, or that others need not; `ref` was before. */
function logStored(ctx: CommandContext, ref: Ref, expireMs: number): void {
  if (!(expireMs > 0 && expireMs <= ctx.state.nowMs)) logSet(ctx, 1, 2, expireMs);
  else if (ref !== 0) logDelete(ctx, 1);
}

/** Whether the condition of SET allows the write; `ref` is the live entry, 0 = none. */
function isConditionMet(ctx: CommandContext, shard: Shard, ref: Ref): boolean {
  const condition = options.condition;
  if (condition === CONDITION_NONE) return true;
  if (condition === CONDITION_NX) return ref === 0;
  if (condition === CONDITION_XX) return ref !== 0;
  if (ref === 0) return condition === CONDITION_IFNE || condition === CONDITION_IFDNE;
  return holds(ctx, shard, ref, condition, options.conditionIndex);
}

/**
 * Stores argument `index` under the located key; a time that has passed deletes the key instead.
 * False: arena full.
 */
function setOrExpire(ctx: CommandContext, shard: Shard, index: number, expireMs: number): boolean {
  if (expireMs > 0 && expireMs <= ctx.state.nowMs) {
    if (shard.delete(ctx.db, ctx.key)) tellDeleted(ctx, ctx.key);
    return true;
  }
  return setArgument(ctx, shard, ctx.key, index, expireMs);
}

function cmdSetnx(ctx: CommandContext): RunStatus {
  const shard = ctx.at(1);
  if (shard.find(ctx.db, ctx.key) !== 0) ctx.reply.integer(0);
  else if (setArgument(ctx, shard, ctx.key, 2, NO_TTL)) ctx.reply.integer(1);
  else replyFull(ctx);
  return DONE;
}

function setWithExpire(ctx: CommandContext, unit: number, command: string): RunStatus {
  const expireMs = expireMsOrReply(ctx, 2, unit, command);
  if (Number.isNaN(expireMs)) return DONE;
  if (setArgument(ctx, ctx.at(1), ctx.key, 3, expireMs)) {
    ctx.reply.ok();
    logSet(ctx, 1, 3, expireMs);
  } else {
    replyFull(ctx);
  }
  return DONE;
}

function cmdSetex(ctx: CommandContext): RunStatus {
  return setWithExpire(ctx, UNIT_EX, 'setex');
}

function cmdPsetex(ctx: CommandContext): RunStatus {
  return setWithExpire(ctx, UNIT_PX, 'psetex');
}

function cmdGetset(ctx: CommandContext): RunStatus {
  const shard = ctx.at(1);
  const ref = shard.findRead(ctx.db, ctx.key);
  if (!isStringOrReply(ctx, shard, ref)) return DONE;
  const mark = ctx.reply.length;
  if (ref === 0) ctx.reply.null();
  else replyValue(ctx, shard, ref);
  if (setArgument(ctx, shard, ctx.key, 2, NO_TTL)) {
    logSet(ctx, 1, 2, NO_TTL);
  } else {
    ctx.reply.truncate(mark);
    replyFull(ctx);
  }
  return DONE;
}

function cmdGetdel(ctx: CommandContext): RunStatus {
  const shard = ctx.at(1);
  const ref = shard.findRead(ctx.db, ctx.key);
  if (ref === 0) {
    ctx.reply.null();
  } else if (isStringOrReply(ctx, shard, ref)) {
    replyValue(ctx, shard, ref);
    shard.delete(ctx.db, ctx.key);
    logDelete(ctx, 1);
    tellDeleted(ctx, ctx.key);
  }
  return DONE;
}

/** As in Redis, the time of expiry is not looked at when the key does not exist. */
function cmdGetex(ctx: CommandContext): RunStatus {
  if (!options.parse(ctx, 2, ACCEPT_PERSIST)) {
    ctx.reply.errorBytes(ERROR_BYTES.SYNTAX);
    return DONE;
  }
  const shard = ctx.at(1);
  const ref = shard.findRead(ctx.db, ctx.key);
  if (ref === 0) {
    ctx.reply.null();
    return DONE;
  }
  if (!isStringOrReply(ctx, shard, ref)) return DONE;
  let expireMs = NO_TTL;
  if (options.unit !== UNIT_NONE) {
    expireMs = expireMsOrReply(ctx, options.expireIndex, options.unit, 'getex');
    if (Number.isNaN(expireMs)) return DONE;
  }
  const mark = ctx.reply.length;
  replyValue(ctx, shard, ref);
  const isAbsolute = options.unit === UNIT_EXAT || options.unit === UNIT_PXAT;
  if (isAbsolute && expireMs <= ctx.state.nowMs) {
    shard.delete(ctx.db, ctx.key);
    logDelete(ctx, 1);
    tellDeleted(ctx, ctx.key);
  } else if (options.persist) {
    if (shard.removeExpire(ctx.db, ctx.key, ref)) {
      logExpire(ctx, 1, NO_TTL);
      ctx.state.event(EVENT_GENERIC, NAME_PERSIST, ctx.db, ctx.key);
    }
  } else if (expireMs !== NO_TTL) {
    if (shard.setExpire(ctx.db, ctx.key, ref, expireMs) !== 0) {
      logExpire(ctx, 1, expireMs);
      tellExpiry(ctx, ctx.key, expireMs);
    } else {
      ctx.reply.truncate(mark);
      replyFull(ctx);
    }
  }
  return DONE;
}

export const STRING_SET_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'get',
    summary: 'Returns the string value of a key.',
    since: '1.0.0',
    group: 'string',
    arity: 2,
    flags: ['readonly', 'fast'],
    acl: ['string'],
    keys: [oneKey(1, 'RO', 'ACCESS')],
    syntax: 'key',
    place: 'shard',
    shards: 'keys',
    run: cmdGet,
  },
  {
    name: 'set',
    summary:
      'Sets the string value of a key, whatever its type was; conditions and a TTL are optional.',
    since: '1.0.0',
    group: 'string',
    arity: -3,
    flags: ['write', 'denyoom'],
    acl: ['string'],
    keys: [noted(oneKey(1, 'RW', 'ACCESS', 'UPDATE', 'VARIABLE_FLAGS'), 'GET reads it, too')],
    syntax:
      'key value [NX | XX | IFEQ ifeq-value | IFNE ifne-value | IFDEQ ifdeq-digest | ' +
      'IFDNE ifdne-digest] [GET] [EX seconds | PX milliseconds | ' +
      'EXAT unix-time-seconds:unix-time | PXAT unix-time-milliseconds:unix-time | KEEPTTL]',
    place: 'shard',
    shards: 'keys',
    run: cmdSet,
  },
  {
    name: 'setnx',
    summary: 'Sets the string value of a key that does not exist yet.',
    since: '1.0.0',
    group: 'string',
    arity: 3,
    flags: ['write', 'denyoom', 'fast'],
    acl: ['string'],
    keys: [oneKey(1, 'OW', 'INSERT')],
    syntax: 'key value',
    place: 'shard',
    shards: 'keys',
    run: cmdSetnx,
  },
  {
    name: 'setex',
    summary: 'Sets the string value of a key and its TTL in seconds.',
    since: '2.0.0',
    group: 'string',
    arity: 4,
    flags: ['write', 'denyoom'],
    acl: ['string'],
    keys: [oneKey(1, 'OW', 'UPDATE')],
    syntax: 'key seconds value',
    place: 'shard',
    shards: 'keys',
    run: cmdSetex,
  },
  {
    name: 'psetex',
    summary: 'Sets the string value of a key and its TTL in milliseconds.',
    since: '2.6.0',
    group: 'string',
    arity: 4,
    flags: ['write', 'denyoom'],
    acl: ['string'],
    keys: [oneKey(1, 'OW', 'UPDATE')],
    syntax: 'key milliseconds value',
    place: 'shard',
    shards: 'keys',
    run: cmdPsetex,
  },
  {
    name: 'getset',
    summary: 'Sets the string value of a key and returns the one before.',
    since: '1.0.0',
    group: 'string',
    arity: 3,
    flags: ['write', 'denyoom', 'fast'],
    acl: ['string'],
    keys: [oneKey(1, 'RW', 'ACCESS', 'UPDATE')],
    syntax: 'key value',
    place: 'shard',
    shards: 'keys',
    run: cmdGetset,
  },
  {
    name: 'getdel',
    summary: 'Returns the string value of a key and deletes the key.',
    since: '6.2.0',
    group: 'string',
    arity: 2,
    flags: ['write', 'fast'],
    acl: ['string'],
    keys: [oneKey(1, 'RW', 'ACCESS', 'DELETE')],
    syntax: 'key',
    place: 'shard',
    shards: 'keys',
    run: cmdGetdel,
  },
  {
    name: 'getex',
    summary: 'Returns the string value of a key and sets or removes its TTL.',
    since: '6.2.0',
    group: 'string',
    arity: -2,
    flags: ['write', 'fast'],
    acl: ['string'],
    keys: [noted(oneKey(1, 'RW', 'ACCESS', 'UPDATE'), 'its options change when the key expires')],
    syntax:
      'key [EX seconds | PX milliseconds | EXAT unix-time-seconds:unix-time | ' +
      'PXAT unix-time-milliseconds:unix-time | PERSIST]',
    place: 'shard',
    shards: 'keys',
    run: cmdGetex,
  },
];
