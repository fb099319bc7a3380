/** Commands that do two things to fields at once: HGETDEL, HGETEX, HSETEX. */

import { asciiBytes } from '../base/bytes.ts';
import { EVENT_HASH } from '../keyspace/events.ts';
import { FIELD_KEEP_TTL, FIELD_NO_TTL, HASH_FULL } from '../keyspace/hash-field.ts';
import type { Shard } from '../keyspace/shard.ts';
import type { Ref } from '../memory/arena.ts';
import { ERROR_BYTES, wrongArity } from '../resp/errors.ts';
import { oneKeyRows } from './collection.ts';
import { NAME_HDEL, NAME_HEXPIRE, NAME_HPERSIST } from './event-names.ts';
import {
  expireField,
  fieldExpireMs,
  fieldsFrom,
  findField,
  removeField,
  replyFound,
  replyFull,
  tellField,
  tellFieldsSet,
  tellList,
  writeHash,
} from './hash-access.ts';
import { FieldLog, logArgument, logFieldExpire } from './log-effects.ts';
import { type CommandContext, type CommandSpec, DONE, ESCALATE, type RunStatus } from './spec.ts';
import { unitOf } from './string-options.ts';
import { UNIT_EX, UNIT_EXAT, UNIT_NONE, UNIT_PX } from './string-value.ts';

const FIELDS = asciiBytes('FIELDS');
const PERSIST = asciiBytes('PERSIST');
const HSET = asciiBytes('HSET');
const KEEPTTL = asciiBytes('KEEPTTL');
const FNX = asciiBytes('FNX');
const FXX = asciiBytes('FXX');
const COUNT_MAX = 0x7fffffff;

/** `expireMs` of HGETEX: leave times of expiry alone. */
const UNCHANGED = -1;

/** Fields that the command has changed, and those it has deleted. */
const changed = new FieldLog();
const deleted = new FieldLog();

function cmdHgetdel(ctx: CommandContext): RunStatus {
  const { args, reply } = ctx;
  if (!ctx.mayRun(args.count * 2)) return ESCALATE;
  const shard = ctx.at(1);
  let ref = writeHash(ctx, shard);
  if (ref < 0) return DONE;
  const first = fieldsFrom(ctx, 2, ERROR_BYTES.FIELDS_NOT_POSITIVE);
  if (first < 0) return DONE;
  deleted.clear();
  reply.array(args.count - first);
  for (let i = first; i < args.count; i++) {
    if (findField(ctx, shard, ref, i)) {
      replyFound(ctx, shard);
      ref = removeField(ctx, shard, ref, i);
      deleted.add(i);
    } else {
      reply.null();
    }
  }
  deleted.logDeleted(ctx);
  tellList(ctx, shard, deleted, NAME_HDEL);
  return DONE;
}

/** The time that the option `unit` at `index` gives: unix ms, NaN when an error was replied. */
function timeAfter(ctx: CommandContext, index: number, unit: number, command: string): number {
  const isSeconds = unit === UNIT_EX || unit === UNIT_EXAT;
  return fieldExpireMs(ctx, index + 1, isSeconds, unit === UNIT_EX || unit === UNIT_PX, command);
}

function cmdHgetex(ctx: CommandContext): RunStatus {
  const { args, reply } = ctx;
  if (!ctx.mayRun(args.count * 2)) return ESCALATE;
  const shard = ctx.at(1);
  let ref = writeHash(ctx, shard);
  if (ref < 0) return DONE;
  let expireMs = UNCHANGED;
  let fieldsAt = 2;
  const unit = unitOf(ctx, 2);
  if (unit !== UNIT_NONE) {
    expireMs = timeAfter(ctx, 2, unit, 'hgetex');
    if (Number.isNaN(expireMs)) return DONE;
    fieldsAt = 4;
  } else if (args.equalsIgnoreCase(2, PERSIST)) {
    expireMs = FIELD_NO_TTL;
    fieldsAt = 3;
  }
  const isPersist = fieldsAt === 3;
  const first = fieldsFrom(ctx, fieldsAt, ERROR_BYTES.FIELDS_NOT_POSITIVE);
  if (first < 0) return DONE;
  const mark = reply.length;
  changed.clear();
  deleted.clear();
  reply.array(args.count - first);
  for (let i = first; i < args.count; i++) {
    if (!findField(ctx, shard, ref, i)) {
      reply.null();
      continue;
    }
    replyFound(ctx, shard);
    if (expireMs === UNCHANGED) continue;
    if (isPersist && shard.hashes.found.expireMs === FIELD_NO_TTL) continue;
    if (!isPersist && expireMs <= ctx.state.nowMs) {
      removeField(ctx, shard, ref, i);
      deleted.add(i);
    } else if (expireField(ctx, shard, ref, i, expireMs)) {
      changed.add(i);
    } else {
      reply.truncate(mark);
      replyFull(ctx);
      break;
    }
    ref = shard.hashes.ref;
  }
  if (isPersist) changed.logPersisted(ctx);
  else changed.logExpiring(ctx, expireMs);
  deleted.logDeleted(ctx);
  tellList(ctx, shard, changed, isPersist ? NAME_HPERSIST : NAME_HEXPIRE);
  tellList(ctx, shard, deleted, NAME_HDEL);
  return DONE;
}

/** The options of the HSETEX that was parsed last. */
const setex = {
  isFnx: false,
  isFxx: false,
  /** Unix ms, FIELD_NO_TTL or FIELD_KEEP_TTL. */
  expireMs: FIELD_NO_TTL,
  hasExpiry: false,
};

/** Reads HSETEX's arguments: the index of the first field, or -1 when an error was replied. */
function parseHsetex(ctx: CommandContext): number {
  const { args, reply } = ctx;
  setex.isFnx = false;
  setex.isFxx = false;
  setex.hasExpiry = false;
  setex.expireMs = FIELD_NO_TTL;
  for (let i = 2; i < args.count; ) {
    if (args.equalsIgnoreCase(i, FIELDS)) return hsetexFields(ctx, i);
    const used = hsetexOption(ctx, i);
    if (used === 0) return -1;
    i += used;
  }
  reply.error(wrongArity('hsetex'));
  return -1;
}

/** Reads the option at `index`: how many arguments it takes, 0 when an error was replied. */
function hsetexOption(ctx: CommandContext, index: number): number {
  const { args, reply } = ctx;
  const unit = unitOf(ctx, index);
  const isKeep = args.equalsIgnoreCase(index, KEEPTTL);
  if (unit !== UNIT_NONE || isKeep) {
    if (setex.hasExpiry) {
      reply.errorBytes(ERROR_BYTES.HSETEX_ONE_EXPIRY);
      return 0;
    }
    setex.hasExpiry = true;
    if (isKeep) {
      setex.expireMs = FIELD_KEEP_TTL;
      return 1;
    }
    if (index + 1 >= args.count) {
      reply.errorBytes(ERROR_BYTES.EXPIRE_MISSING);
      return 0;
    }
    setex.expireMs = timeAfter(ctx, index, unit, 'hsetex');
    return Number.isNaN(setex.expireMs) ? 0 : 2;
  }
  const isFnx = args.equalsIgnoreCase(index, FNX);
  if (!isFnx && !args.equalsIgnoreCase(index, FXX)) {
    reply.error(`ERR unknown argument: ${args.text(index).split('\0', 1)[0]!}`);
    return 0;
  }
  if (setex.isFnx || setex.isFxx) {
    reply.errorBytes(ERROR_BYTES.FXX_OR_FNX);
    return 0;
  }
  setex.isFnx = isFnx;
  setex.isFxx = !isFnx;
  return 1;
}

/** Reads `FIELDS numfields field value ...` at `index`; as {@link parseHsetex}. */
function hsetexFields(ctx: CommandContext, index: number): number {
  const { args, reply } = ctx;
  if (index >= args.count - 3) {
    reply.error(wrongArity('hsetex'));
    return -1;
  }
  const count = args.toInt(index + 1);
  if (!(count >= 1 && count <= COUNT_MAX)) {
    reply.errorBytes(ERROR_BYTES.FIELDS_INVALID);
    return -1;
  }
  if (count * 2 === args.count - index - 2) return index + 2;
  reply.error(wrongArity('hsetex'));
  return -1;
}

/** Whether FNX or FXX, if one was given, allows to set the fields from argument `first` on. */
function isAllowed(ctx: CommandContext, shard: Shard, ref: Ref, first: number): boolean {
  if (!setex.isFnx && !setex.isFxx) return true;
  for (let i = first; i < ctx.args.count; i += 2) {
    if (findField(ctx, shard, ref, i) !== setex.isFxx) return false;
  }
  return true;
}

function cmdHsetex(ctx: CommandContext): RunStatus {
  const { args, reply, db, key, state } = ctx;
  if (!ctx.mayRun(args.count * 2)) return ESCALATE;
  const first = parseHsetex(ctx);
  if (first < 0) return DONE;
  const shard = ctx.at(1);
  const { hashes } = shard;
  let ref = writeHash(ctx, shard);
  if (ref < 0) return DONE;
  if (!isAllowed(ctx, shard, ref, first)) {
    reply.integer(0);
    return DONE;
  }
  const { buf, offset } = args;
  const { expireMs } = setex;
  const isOver = setex.hasExpiry && expireMs !== FIELD_KEEP_TTL && expireMs <= state.nowMs;
  if (isOver) {
    removeAll(ctx, shard, ref, first);
    reply.integer(1);
    return DONE;
  }
  for (let i = first; i < args.count; i += 2) {
    const name = offset[i]!;
    const value = offset[i + 1]!;
    const valueEnd = args.end(i + 1);
    if (
      hashes.set(db, key, ref, buf, name, args.end(i), buf, value, valueEnd, expireMs) === HASH_FULL
    ) {
      replyFull(ctx);
      if (ctx.effects.isOn) logSet(ctx, shard, ref, first, i);
      return DONE;
    }
    ref = hashes.ref;
  }
  reply.integer(1);
  if (ctx.effects.isOn) logSet(ctx, shard, ref, first, args.count);
  tellFieldsSet(ctx, first, args.count);
  if (expireMs > FIELD_NO_TTL) tellExpiring(ctx, first);
  return DONE;
}

function tellExpiring(ctx: CommandContext, first: number): void {
  for (let i = first; i < ctx.args.count; i += 2) tellField(ctx, i);
  ctx.state.event(EVENT_HASH, NAME_HEXPIRE, ctx.db, ctx.key);
}

/** Fields that would be over at once are deleted instead. */
function removeAll(ctx: CommandContext, shard: Shard, ref: Ref, first: number): void {
  deleted.clear();
  for (let i = first; i < ctx.args.count && ref !== 0; i += 2) {
    if (findField(ctx, shard, ref, i)) deleted.add(i);
    ref = removeField(ctx, shard, ref, i);
  }
  deleted.logDeleted(ctx);
  // Fields met that had expired come first.
  ctx.state.fieldsExpired(ctx.db, deleted.isEmpty && shard.hashes.ref === 0);
  if (deleted.isEmpty) return;
  tellFieldsSet(ctx, first, ctx.args.count);
  tellList(ctx, shard, deleted, NAME_HDEL);
}

/** The pairs of arguments [first, end) are set in `ref`: HSET, and the times of expiry. */
function logSet(ctx: CommandContext, shard: Shard, ref: Ref, first: number, end: number): void {
  const { effects, db } = ctx;
  const { expireMs } = setex;
  if (first === end) return;
  effects.command(db, HSET, 2 + end - first);
  logArgument(ctx, 1);
  for (let i = first; i < end; i++) logArgument(ctx, i);
  changed.clear();
  for (let i = first; i < end; i += 2) {
    if (expireMs > 0) changed.add(i);
    else if (expireMs === FIELD_KEEP_TTL && findField(ctx, shard, ref, i)) {
      const kept = shard.hashes.found.expireMs;
      if (kept !== FIELD_NO_TTL) logFieldExpire(ctx, i, kept);
    }
  }
  changed.logExpiring(ctx, expireMs);
}

const EXPIRY =
  'EX seconds:integer | PX milliseconds:integer | EXAT unix-time-seconds:unix-time | ' +
  'PXAT unix-time-milliseconds:unix-time';

export const HASH_GETEX_COMMANDS: readonly CommandSpec[] = oneKeyRows('hash', 'hash', [
  {
    name: 'hgetdel',
    summary: 'Returns the values of fields and deletes them.',
    since: '8.0.0',
    arity: -5,
    flags: ['write', 'fast'],
    keyFlags: ['RW', 'ACCESS', 'DELETE'],
    syntax: 'key FIELDS numfields:integer field [field ...]',
    run: cmdHgetdel,
  },
  {
    name: 'hgetex',
    summary: 'Returns the values of fields and sets when they expire.',
    since: '8.0.0',
    arity: -5,
    flags: ['write', 'fast'],
    keyFlags: ['RW', 'ACCESS', 'UPDATE'],
    syntax: `key [${EXPIRY} | PERSIST] FIELDS numfields:integer field [field ...]`,
    run: cmdHgetex,
  },
  {
    name: 'hsetex',
    summary: 'Sets fields and when they expire.',
    since: '8.0.0',
    arity: -6,
    flags: ['write', 'denyoom', 'fast'],
    keyFlags: ['RW', 'UPDATE'],
    syntax:
      `key [FNX | FXX] [${EXPIRY} | KEEPTTL] FIELDS numfields:integer ` +
      'field value [field value ...]',
    run: cmdHsetex,
  },
]);
