/**
 * Parts of strings: APPEND, STRLEN, SETRANGE, GETRANGE and its old name SUBSTR.
 */

import { copyBytes } from '../base/bytes.ts';
import { ENCODING_RAW } from '../keyspace/entry.ts';
import { EVENT_STRING } from '../keyspace/events.ts';
import { NO_TTL, type Shard } from '../keyspace/shard.ts';
import type { Ref } from '../memory/arena.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import { NAME_APPEND, NAME_SETRANGE } from './event-names.ts';
import {
  type CommandContext,
  type CommandSpec,
  DONE,
  ESCALATE,
  oneKey,
  type RunStatus,
} from './spec.ts';
import { isStringOrReply, replyFull, storeArgument } from './string-value.ts';

const RAW = ENCODING_RAW;

function cmdAppend(ctx: CommandContext): RunStatus {
  const { args, reply, db, key } = ctx;
  const shard = ctx.at(1);
  const ref = shard.findWrite(db, key);
  const added = args.length[2]!;
  if (ref === 0) {
    if (storeArgument(ctx, shard, key, 2, NO_TTL)) {
      reply.integer(added);
      ctx.state.event(EVENT_STRING, NAME_APPEND, db, key);
    } else {
      replyFull(ctx);
    }
    return DONE;
  }
  if (!isStringOrReply(ctx, shard, ref)) return DONE;
  const oldLength = shard.valueLength(ref);
  const newLength = oldLength + added;
  if (newLength > ctx.limits.protoMaxBulkLength) {
    reply.errorBytes(ERROR_BYTES.STRING_TOO_LONG);
    return DONE;
  }
  const grown = shard.resizeString(db, key, ref, newLength);
  if (grown === 0) {
    replyFull(ctx);
    return DONE;
  }
  const start = args.offset[2]!;
  copyBytes(shard.u8, shard.valueOffset(grown) + oldLength, args.buf, start, start + added);
  reply.integer(newLength);
  ctx.state.event(EVENT_STRING, NAME_APPEND, db, key);
  return DONE;
}

function cmdStrlen(ctx: CommandContext): RunStatus {
  const shard = ctx.at(1);
  const ref = shard.findRead(ctx.db, ctx.key);
  if (ref === 0) ctx.reply.integer(0);
  else if (isStringOrReply(ctx, shard, ref)) ctx.reply.integer(shard.valueLength(ref));
  return DONE;
}

/**
 * The entry of the located key with a value of at least `length` bytes, zeros behind what was there
 * (all of it for a new key), ready for writing in place. `ref` is what findWrite just returned, a
 * string or 0. The value becomes raw. Returns 0 when the arena is full: nothing has changed then.
 * Watchers were told only if the length changed.
 */
export function opGrowZeroed(ctx: CommandContext, shard: Shard, ref: Ref, length: number): Ref {
  const { db, key } = ctx;
  const oldLength = ref === 0 ? 0 : shard.valueLength(ref);
  if (ref !== 0 && length <= oldLength) {
    shard.setEncoding(ref, RAW);
    return ref;
  }
  const grown =
    ref === 0
      ? shard.createString(db, key, length, RAW, NO_TTL)
      : shard.resizeString(db, key, ref, length);
  if (grown === 0) return 0;
  const at = shard.valueOffset(grown);
  shard.u8.fill(0, at + oldLength, at + length);
  return grown;
}

function cmdSetrange(ctx: CommandContext): RunStatus {
  const { args, reply, db, key } = ctx;
  const at = args.toInt(2);
  if (Number.isNaN(at) || at < 0) {
    reply.errorBytes(Number.isNaN(at) ? ERROR_BYTES.NOT_INTEGER : ERROR_BYTES.OFFSET_OUT_OF_RANGE);
    return DONE;
  }
  const shard = ctx.at(1);
  const ref = shard.findWrite(db, key);
  if (!isStringOrReply(ctx, shard, ref)) return DONE;
  const oldLength = ref === 0 ? 0 : shard.valueLength(ref);
  const size = args.length[3]!;
  if (size === 0) {
    reply.integer(oldLength);
    return DONE;
  }
  const end = at + size;
  if (end > ctx.limits.protoMaxBulkLength) {
    reply.errorBytes(ERROR_BYTES.STRING_TOO_LONG);
    return DONE;
  }
  if (!ctx.mayRun(Math.max(size, end - oldLength) >>> 4)) return ESCALATE;
  const grown = opGrowZeroed(ctx, shard, ref, end);
  if (grown === 0) {
    replyFull(ctx);
    return DONE;
  }
  const start = args.offset[3]!;
  copyBytes(shard.u8, shard.valueOffset(grown) + at, args.buf, start, start + size);
  if (end <= oldLength) shard.touched(db, key);
  reply.integer(shard.valueLength(grown));
  ctx.state.event(EVENT_STRING, NAME_SETRANGE, db, key);
  return DONE;
}

const NO_BYTES = new Uint8Array(0);

function cmdGetrange(ctx: CommandContext): RunStatus {
  const { args, reply } = ctx;
  let start = args.toInt(2);
  let last = args.toInt(3);
  if (Number.isNaN(start) || Number.isNaN(last)) {
    reply.errorBytes(ERROR_BYTES.NOT_INTEGER);
    return DONE;
  }
  const shard = ctx.at(1);
  const ref = shard.findRead(ctx.db, ctx.key);
  if (!isStringOrReply(ctx, shard, ref)) return DONE;
  const length = ref === 0 ? 0 : shard.valueLength(ref);
  const isReversed = start < 0 && last < 0 && start > last;
  if (start < 0) start = Math.max(0, start + length);
  if (last < 0) last = Math.max(0, last + length);
  if (last >= length) last = length - 1;
  if (isReversed || start > last) {
    reply.bulk(NO_BYTES, 0, 0);
    return DONE;
  }
  if (!ctx.mayRun((last - start + 1) >>> 4)) return ESCALATE;
  const at = shard.valueOffset(ref);
  reply.bulk(shard.u8, at + start, at + last + 1);
  return DONE;
}

export const STRING_RANGE_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'append',
    summary: 'Appends to the string value of a key, or creates the key.',
    since: '2.0.0',
    group: 'string',
    arity: 3,
    flags: ['write', 'denyoom', 'fast'],
    acl: ['string'],
    keys: [oneKey(1, 'RW', 'INSERT')],
    syntax: 'key value',
    place: 'shard',
    shards: 'keys',
    run: cmdAppend,
  },
  {
    name: 'strlen',
    summary: 'Returns the length of a string in bytes.',
    since: '2.2.0',
    group: 'string',
    arity: 2,
    flags: ['readonly', 'fast'],
    acl: ['string'],
    keys: [oneKey(1, 'RO')],
    syntax: 'key',
    place: 'shard',
    shards: 'keys',
    run: cmdStrlen,
  },
  {
    name: 'setrange',
    summary:
      'Overwrites a part of a string at an offset; a gap before it is filled with zero bytes.',
    since: '2.2.0',
    group: 'string',
    arity: 4,
    flags: ['write', 'denyoom'],
    acl: ['string'],
    keys: [oneKey(1, 'RW', 'UPDATE')],
    syntax: 'key offset:integer value',
    place: 'shard',
    shards: 'keys',
    run: cmdSetrange,
  },
  {
    name: 'getrange',
    summary: 'Returns the part of a string between two offsets, both included.',
    since: '2.4.0',
    group: 'string',
    arity: 4,
    flags: ['readonly'],
    acl: ['string'],
    keys: [oneKey(1, 'RO', 'ACCESS')],
    syntax: 'key start:integer end:integer',
    place: 'shard',
    shards: 'keys',
    run: cmdGetrange,
  },
  {
    name: 'substr',
    summary: 'The old name of GETRANGE.',
    since: '1.0.0',
    group: 'string',
    arity: 4,
    flags: ['readonly'],
    acl: ['string'],
    keys: [oneKey(1, 'RO', 'ACCESS')],
    syntax: 'key start:integer end:integer',
    place: 'shard',
    shards: 'keys',
    run: cmdGetrange,
  },
];
