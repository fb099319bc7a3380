/**
 * Single bits of strings: SETBIT and GETBIT, and offsets of bits as arguments.
 */

import { parseInt64 } from '../base/number-text.ts';
import { ENCODING_RAW } from '../keyspace/entry.ts';
import { EVENT_STRING } from '../keyspace/events.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import { NAME_SETBIT } from './event-names.ts';
import {
  type CommandContext,
  type CommandSpec,
  DONE,
  ESCALATE,
  oneKey,
  type RunStatus,
} from './spec.ts';
import { opGrowZeroed } from './string-range.ts';
import { isStringOrReply, replyFull } from './string-value.ts';

const RAW = ENCODING_RAW;
const HASH = 0x23;

/**
 * Argument `index` as the offset of a bit; NaN, and the error was replied, when it is invalid or
 * beyond the longest string. With `bits` above 0, "#n" stands for n * bits.
 */
export function bitOffsetOrReply(ctx: CommandContext, index: number, bits: number): number {
  const { buf, offset, length } = ctx.args;
  let start = offset[index]!;
  const end = start + length[index]!;
  const isScaled = bits > 0 && end > start && buf[start] === HASH;
  if (isScaled) start += 1;
  let at = parseInt64(buf, start, end);
  if (isScaled) at *= bits;
  if (at >= 0 && at < ctx.limits.protoMaxBulkLength * 8) return at;
  ctx.reply.errorBytes(ERROR_BYTES.BIT_OFFSET);
  return Number.NaN;
}

function cmdSetbit(ctx: CommandContext): RunStatus {
  const { args, reply, db, key } = ctx;
  const bitAt = bitOffsetOrReply(ctx, 2, 0);
  if (Number.isNaN(bitAt)) return DONE;
  const bit = args.toInt(3);
  if (bit !== 0 && bit !== 1) {
    reply.errorBytes(ERROR_BYTES.BIT_VALUE);
    return DONE;
  }
  const shard = ctx.at(1);
  let ref = shard.findWrite(db, key);
  if (!isStringOrReply(ctx, shard, ref)) return DONE;
  const byteAt = Math.floor(bitAt / 8);
  const oldLength = ref === 0 ? 0 : shard.valueLength(ref);
  const isGrowing = ref === 0 || byteAt >= oldLength;
  if (isGrowing) {
    if (!ctx.mayRun((byteAt + 1 - oldLength) >>> 4)) return ESCALATE;
    ref = opGrowZeroed(ctx, shard, ref, byteAt + 1);
    if (ref === 0) {
      replyFull(ctx);
      return DONE;
    }
  } else {
    shard.setEncoding(ref, RAW);
  }
  const at = shard.valueOffset(ref) + byteAt;
  const mask = 0x80 >>> (bitAt % 8);
  const before = shard.u8[at]!;
  const after = bit === 1 ? before | mask : before & ~mask;
  if (after !== before) {
    shard.u8[at] = after;
    if (!isGrowing) shard.touched(db, key);
  }
  if (isGrowing || after !== before) ctx.state.event(EVENT_STRING, NAME_SETBIT, db, key);
  reply.integer((before & mask) === 0 ? 0 : 1);
  return DONE;
}

function cmdGetbit(ctx: CommandContext): RunStatus {
  const bitAt = bitOffsetOrReply(ctx, 2, 0);
  if (Number.isNaN(bitAt)) return DONE;
  const shard = ctx.at(1);
  const ref = shard.findRead(ctx.db, ctx.key);
  if (!isStringOrReply(ctx, shard, ref)) return DONE;
  const byteAt = Math.floor(bitAt / 8);
  let bit = 0;
  if (ref !== 0 && byteAt < shard.valueLength(ref)) {
    bit = (shard.u8[shard.valueOffset(ref) + byteAt]! >>> (7 - (bitAt % 8))) & 1;
  }
  ctx.reply.integer(bit);
  return DONE;
}

export const BITMAP_BIT_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'setbit',
    summary:
      'Sets or clears a bit of a string and returns what it was; the string grows as needed.',
    since: '2.2.0',
    group: 'bitmap',
    arity: 4,
    flags: ['write', 'denyoom'],
    acl: ['bitmap'],
    keys: [oneKey(1, 'RW', 'ACCESS', 'UPDATE')],
    syntax: 'key offset:integer value:integer',
    place: 'shard',
    shards: 'keys',
    run: cmdSetbit,
  },
  {
    name: 'getbit',
    summary: 'Returns a bit of a string.',
    since: '2.2.0',
    group: 'bitmap',
    arity: 3,
    flags: ['readonly', 'fast'],
    acl: ['bitmap'],
    keys: [oneKey(1, 'RO', 'ACCESS')],
    syntax: 'key offset:integer',
    place: 'shard',
    shards: 'keys',
    run: cmdGetbit,
  },
];
