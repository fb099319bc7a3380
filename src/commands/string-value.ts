/**
 * What the string and bitmap families share: storing an argument as a value, replying with a value,
 * and times of expiry given as arguments.
 */

import { copyBytes } from '../base/bytes.ts';
import { parseBigInt64 } from '../base/number-text.ts';
import { TYPE_STRING } from '../keyspace/entry.ts';
import { EVENT_STRING } from '../keyspace/events.ts';
import type { Key } from '../keyspace/key.ts';
import type { Shard } from '../keyspace/shard.ts';
import { encodingFor } from '../keyspace/string-encoding.ts';
import type { Ref } from '../memory/arena.ts';
import { ERROR_BYTES, invalidExpire } from '../resp/errors.ts';
import { NAME_SET, tellExpiry, tellStored } from './event-names.ts';
import type { CommandContext } from './spec.ts';

const STRING = TYPE_STRING;

/**
 * Bytes of a reply per unit of work, as a shift: a reply is one block copy, so an I/O thread may
 * make one of 128 KiB itself.
 */
export const REPLY_UNIT_SHIFT = 6;

/**
 * Stores argument `index` as the whole value of `key`. `expireMs` is as in `Shard.createString`.
 * False when the arena is full: nothing has changed then.
 */
export function storeArgument(
  ctx: CommandContext,
  shard: Shard,
  key: Key,
  index: number,
  expireMs: number,
): boolean {
  const args = ctx.args;
  const buf = args.buf;
  const start = args.offset[index]!;
  const end = start + args.length[index]!;
  const encoding = encodingFor(buf, start, end);
  const ref = shard.createString(ctx.db, key, end - start, encoding, expireMs);
  if (ref === 0) return false;
  copyBytes(shard.u8, shard.valueOffset(ref), buf, start, end);
  return true;
}

/** The same, and tells of it: what SET does, with all its relatives. */
export function setArgument(
  ctx: CommandContext,
  shard: Shard,
  key: Key,
  index: number,
  expireMs: number,
): boolean {
  if (!storeArgument(ctx, shard, key, index, expireMs)) return false;
  tellStored(ctx, shard, key, STRING, EVENT_STRING, NAME_SET);
  tellExpiry(ctx, key, expireMs);
  return true;
}

/** Replies with the string of an entry that is known to hold one. */
export function replyValue(ctx: CommandContext, shard: Shard, ref: Ref): void {
  const at = shard.valueOffset(ref);
  ctx.reply.bulk(shard.u8, at, at + shard.valueLength(ref));
}

/**
 * False, and the error was replied, when the entry exists and holds something other than a string.
 */
export function isStringOrReply(ctx: CommandContext, shard: Shard, ref: Ref): boolean {
  if (ref === 0 || shard.typeOf(ref) === STRING) return true;
  ctx.reply.errorBytes(ERROR_BYTES.WRONG_TYPE);
  return false;
}

/**
 * Replies that there is no memory for the command. What it has changed nevertheless is in the log
 * only where the handler says it.
 */
export function replyFull(ctx: CommandContext): void {
  ctx.effects.replace();
  ctx.reply.errorBytes(ERROR_BYTES.OUT_OF_MEMORY);
}

/** How the argument of EX, PX, EXAT and PXAT is to be read; none of them is `UNIT_NONE`. */
export const UNIT_NONE = 0;
export const UNIT_EX = 1;
export const UNIT_PX = 2;
export const UNIT_EXAT = 3;
export const UNIT_PXAT = 4;

const INT64_MAX = 0x7fffffffffffffffn;
const SECONDS_SAFE_MAX = 9007199254740;

/**
 * Reads argument `index` as a time of expiry: unix time in ms, always above 0. NaN when it is
 * invalid, and then the error has been replied. `command` is the lower-case name for that error.
 * Times beyond 2^53 ms lose their last digits.
 */
export function expireMsOrReply(
  ctx: CommandContext,
  index: number,
  unit: number,
  command: string,
): number {
  const value = ctx.args.toInt(index);
  if (Number.isNaN(value)) {
    ctx.reply.errorBytes(ERROR_BYTES.NOT_INTEGER);
    return value;
  }
  const inSeconds = unit === UNIT_EX || unit === UNIT_EXAT;
  const isRelative = unit === UNIT_EX || unit === UNIT_PX;
  let ms = Number.NaN;
  if (value > SECONDS_SAFE_MAX) ms = hugeExpireMs(ctx, index, inSeconds, isRelative);
  else if (value > 0) ms = (inSeconds ? value * 1000 : value) + (isRelative ? ctx.state.nowMs : 0);
  if (Number.isNaN(ms)) ctx.reply.error(invalidExpire(command));
  return ms;
}

function hugeExpireMs(
  ctx: CommandContext,
  index: number,
  inSeconds: boolean,
  isRelative: boolean,
): number {
  const { buf, offset } = ctx.args;
  let ms = parseBigInt64(buf, offset[index]!, ctx.args.end(index));
  if (inSeconds) ms *= 1000n;
  if (isRelative) ms += BigInt(ctx.state.nowMs);
  return ms > INT64_MAX ? Number.NaN : Number(ms);
}
