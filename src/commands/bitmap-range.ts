/**
 * Ranges of bits: BITCOUNT and BITPOS. Arguments are checked before the key is looked up, as in
 * Redis 7.2 and later.
 */
import { countOnesOfBits, findBit } from '../base/bits.ts';
import { asciiBytes } from '../base/bytes.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import {
  type CommandContext,
  type CommandSpec,
  DONE,
  ESCALATE,
  oneKey,
  type RunStatus,
} from './spec.ts';
import { isStringOrReply } from './string-value.ts';

const BIT = asciiBytes('BIT');
const BYTE = asciiBytes('BYTE');

/**
 * A range of bits; as arguments give it first, then resolved against a length. Reused by every
 * command.
 */
const range = { start: 0, end: 0, isBits: false };

/** Reads start and end from `index` on, each only if it is there; false when one is no integer. */
function parseBounds(ctx: CommandContext, index: number): boolean {
  const args = ctx.args;
  range.start = args.count > index ? args.toInt(index) : 0;
  range.end = args.count > index + 1 ? args.toInt(index + 1) : -1;
  return !Number.isNaN(range.start) && !Number.isNaN(range.end);
}

/** Reads the unit at `index`, bytes where it is missing; false when it is none. */
function parseUnit(ctx: CommandContext, index: number): boolean {
  const args = ctx.args;
  range.isBits = args.count > index && args.equalsIgnoreCase(index, BIT);
  return args.count <= index || range.isBits || args.equalsIgnoreCase(index, BYTE);
}

/**
 * Turns the range into the first and last bit of a string of `length` bytes; false when it is
 * empty.
 */
function resolveRange(length: number): boolean {
  const total = range.isBits ? length * 8 : length;
  if (range.start < 0) range.start = Math.max(0, range.start + total);
  if (range.end < 0) range.end = Math.max(0, range.end + total);
  if (range.end >= total) range.end = total - 1;
  if (range.start > range.end) return false;
  if (range.isBits) return true;
  range.start *= 8;
  range.end = range.end * 8 + 7;
  return true;
}

/** Units of work of the resolved range. */
function rangeUnits(): number {
  return (range.end - range.start) / 128;
}

function cmdBitcount(ctx: CommandContext): RunStatus {
  const { args, reply } = ctx;
  if (args.count === 3 || args.count > 5) {
    reply.errorBytes(ERROR_BYTES.SYNTAX);
    return DONE;
  }
  if (!parseBounds(ctx, 2)) {
    reply.errorBytes(ERROR_BYTES.NOT_INTEGER);
    return DONE;
  }
  if (!parseUnit(ctx, 4)) {
    reply.errorBytes(ERROR_BYTES.SYNTAX);
    return DONE;
  }
  const shard = ctx.at(1);
  const ref = shard.findRead(ctx.db, ctx.key);
  if (!isStringOrReply(ctx, shard, ref)) return DONE;
  const isReversed = range.start < 0 && range.end < 0 && range.start > range.end;
  if (ref === 0 || isReversed || !resolveRange(shard.valueLength(ref))) {
    reply.integer(0);
    return DONE;
  }
  if (!ctx.mayRun(rangeUnits())) return ESCALATE;
  const { u8, u32 } = shard;
  reply.integer(countOnesOfBits(u8, u32, shard.valueOffset(ref), range.start, range.end));
  return DONE;
}

function cmdBitpos(ctx: CommandContext): RunStatus {
  const { args, reply } = ctx;
  const bit = args.toInt(2);
  if (bit !== 0 && bit !== 1) {
    const isNumber = !Number.isNaN(bit);
    reply.errorBytes(isNumber ? ERROR_BYTES.BIT_ARGUMENT : ERROR_BYTES.NOT_INTEGER);
    return DONE;
  }
  // Of two errors Redis shows that of the start, then that of the unit, then that of the end.
  const areBounds = parseBounds(ctx, 3);
  if (args.count > 6 || (!Number.isNaN(range.start) && !parseUnit(ctx, 5))) {
    reply.errorBytes(ERROR_BYTES.SYNTAX);
    return DONE;
  }
  if (!areBounds) {
    reply.errorBytes(ERROR_BYTES.NOT_INTEGER);
    return DONE;
  }
  const shard = ctx.at(1);
  const ref = shard.findRead(ctx.db, ctx.key);
  if (!isStringOrReply(ctx, shard, ref)) return DONE;
  if (ref === 0) {
    reply.integer(bit === 1 ? -1 : 0);
    return DONE;
  }
  const length = shard.valueLength(ref);
  if (!resolveRange(length)) {
    reply.integer(-1);
    return DONE;
  }
  if (!ctx.mayRun(rangeUnits())) return ESCALATE;
  const { u8, u32 } = shard;
  let position = findBit(u8, u32, shard.valueOffset(ref), range.start, range.end, bit);
  // A string is followed by zeros without end, unless the caller has said where to stop.
  if (position < 0 && bit === 0 && args.count < 5) position = length * 8;
  reply.integer(position);
  return DONE;
}

export const BITMAP_RANGE_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'bitcount',
    summary: 'Counts the set bits of a string, or of a range of it.',
    since: '2.6.0',
    group: 'bitmap',
    arity: -2,
    flags: ['readonly'],
    acl: ['bitmap'],
    keys: [oneKey(1, 'RO', 'ACCESS')],
    syntax: 'key [start:integer end:integer [BYTE | BIT]]',
    place: 'shard',
    shards: 'keys',
    run: cmdBitcount,
  },
  {
    name: 'bitpos',
    summary: 'Finds the first set or clear bit of a string.',
    since: '2.8.7',
    group: 'bitmap',
    arity: -3,
    flags: ['readonly'],
    acl: ['bitmap'],
    keys: [oneKey(1, 'RO', 'ACCESS')],
    syntax: 'key bit:integer [start:integer [end:integer [BYTE | BIT]]]',
    place: 'shard',
    shards: 'keys',
    run: cmdBitpos,
  },
];
