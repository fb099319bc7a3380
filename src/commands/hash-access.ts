/** What the commands of hashes share: lookups, fields given as arguments, times of expiry. */

import { asciiBytes } from '../base/bytes.ts';
import { TYPE_HASH } from '../keyspace/entry.ts';
import { EVENT_HASH } from '../keyspace/events.ts';
import type { Shard } from '../keyspace/shard.ts';
import type { Ref } from '../memory/arena.ts';
import { ERROR_BYTES, invalidExpire } from '../resp/errors.ts';
import { NAME_HSET, tellDeleted } from './event-names.ts';
import type { FieldLog } from './log-effects.ts';
import type { CommandContext } from './spec.ts';

const HASH = TYPE_HASH;
const FIELDS = asciiBytes('FIELDS');
/** Latest time of expiry of a field: 2^46 - 1 ms, in the year 4199. */
const EXPIRE_MS_MAX = 2 ** 46 - 1;

/**
 * The hash of the located key for a command that only reads: 0 when there is none, -1 when the key
 * holds something else and the error was replied.
 */
export function readHash(ctx: CommandContext, shard: Shard): Ref {
  return hashOrReply(ctx, shard, shard.findRead(ctx.db, ctx.key));
}

/** The same for a command that changes the key. */
export function writeHash(ctx: CommandContext, shard: Shard): Ref {
  return hashOrReply(ctx, shard, shard.findWrite(ctx.db, ctx.key));
}

function hashOrReply(ctx: CommandContext, shard: Shard, ref: Ref): Ref {
  if (ref === 0 || shard.typeOf(ref) === HASH) return ref;
  ctx.reply.errorBytes(ERROR_BYTES.WRONG_TYPE);
  return -1;
}

/** Whether argument `index` is a field; value and time of expiry are left in `hashes.found`. */
export function findField(ctx: CommandContext, shard: Shard, ref: Ref, index: number): boolean {
  if (ref === 0) return false;
  const { args } = ctx;
  const from = args.offset[index]!;
  return shard.hashes.find(ref, args.buf, from, from + args.length[index]!);
}

/** Takes the field of argument `index` out; returns the entry from then on. */
export function removeField(ctx: CommandContext, shard: Shard, ref: Ref, index: number): Ref {
  const { args } = ctx;
  shard.hashes.remove(ctx.db, ctx.key, ref, args.buf, args.offset[index]!, args.end(index));
  return shard.hashes.ref;
}

/**
 * Gives the field of argument `index` a time of expiry, FIELD_NO_TTL = none. The entry from then on
 * is in `hashes.ref`. False when the arena is full.
 */
export function expireField(
  ctx: CommandContext,
  shard: Shard,
  ref: Ref,
  index: number,
  expireMs: number,
): boolean {
  const { args, db, key } = ctx;
  const from = args.offset[index]!;
  return shard.hashes.setExpiry(db, key, ref, args.buf, from, args.end(index), expireMs);
}

/**
 * Tells what a command did to the hash of `key`, which is open: fields met that had expired, then
 * `name` if it changed something, and that the hash is gone with its last field.
 */
export function tellHash(
  ctx: CommandContext,
  shard: Shard,
  name: Uint8Array,
  isChanged: boolean,
): void {
  const { state, db, key } = ctx;
  if (state.eventMask === 0) return;
  const isGone = shard.hashes.ref === 0;
  state.fieldsExpired(db, isGone && !isChanged);
  if (!isChanged) return;
  state.event(EVENT_HASH, name, db, key);
  if (isGone) tellDeleted(ctx, key);
}

/** The same with the fields of `list`; nothing where it is empty. */
export function tellList(
  ctx: CommandContext,
  shard: Shard,
  list: FieldLog,
  name: Uint8Array,
): void {
  if (list.isEmpty) return;
  list.tellFields(ctx);
  tellHash(ctx, shard, name, true);
}

/** Has the field of argument `index` told with the next event. */
export function tellField(ctx: CommandContext, index: number): void {
  const { state, args } = ctx;
  if (state.wantsFields) state.eventFields.add(args.buf, args.offset[index]!, args.end(index));
}

/** Tells that the fields of arguments first, first + 2, ... below `end` were set. */
export function tellFieldsSet(ctx: CommandContext, first: number, end: number): void {
  const { state } = ctx;
  if ((state.eventMask & EVENT_HASH) === 0) return;
  for (let i = first; i < end; i += 2) tellField(ctx, i);
  state.event(EVENT_HASH, NAME_HSET, ctx.db, ctx.key);
}

/** Replies with the value of the field that was found last. */
export function replyFound(ctx: CommandContext, shard: Shard): void {
  const { found } = shard.hashes;
  ctx.reply.bulk(found.buf, found.from, found.to);
}

/**
 * Replies that there is no memory for the command. What it has changed nevertheless is in the log
 * only where the handler says it.
 */
export function replyFull(ctx: CommandContext): void {
  ctx.effects.replace();
  ctx.reply.errorBytes(ERROR_BYTES.OUT_OF_MEMORY);
}

/**
 * Reads `FIELDS numfields field ...` from argument `index` to the end: the index of the first
 * field, or -1 when an error was replied. `countError` is for a number of fields that is none.
 */
export function fieldsFrom(ctx: CommandContext, index: number, countError: Uint8Array): number {
  const { args, reply } = ctx;
  if (index >= args.count || !args.equalsIgnoreCase(index, FIELDS)) {
    reply.errorBytes(ERROR_BYTES.FIELDS_MISSING);
    return -1;
  }
  const count = index + 1 < args.count ? args.toInt(index + 1) : Number.NaN;
  if (!(count >= 1)) {
    reply.errorBytes(countError);
    return -1;
  }
  if (count !== args.count - index - 2) {
    reply.errorBytes(ERROR_BYTES.FIELDS_NUMBER);
    return -1;
  }
  return index + 2;
}

/**
 * Reads argument `index` as a time of expiry of fields: unix time in ms, NaN when an error was
 * replied. `command` is the lower-case name for that error.
 */
export function fieldExpireMs(
  ctx: CommandContext,
  index: number,
  isSeconds: boolean,
  isRelative: boolean,
  command: string,
): number {
  const { reply, state } = ctx;
  const n = ctx.args.toInt(index);
  if (Number.isNaN(n)) {
    reply.errorBytes(ERROR_BYTES.NOT_INTEGER);
    return n;
  }
  if (n < 0) {
    reply.errorBytes(ERROR_BYTES.EXPIRE_NEGATIVE);
    return Number.NaN;
  }
  const ms = isSeconds ? n * 1000 : n;
  const baseMs = isRelative ? state.nowMs : 0;
  if (ms <= EXPIRE_MS_MAX - baseMs) return ms + baseMs;
  reply.error(invalidExpire(command));
  return Number.NaN;
}
