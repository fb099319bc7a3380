/**
 * BITFIELD: integers of any width inside a string. All operations are read first, then the string
 * is grown to the farthest bit that any of them writes, then they run one after the other, each
 * seeing what those before it wrote.
 */

import {
  NUMBER_BITS_MAX,
  readBigField,
  readField,
  writeBigField,
  writeField,
} from '../base/bit-field.ts';
import { asciiBytes } from '../base/bytes.ts';
import { parseBigInt64, parseInt64 } from '../base/number-text.ts';
import { EVENT_STRING } from '../keyspace/events.ts';
import type { Shard } from '../keyspace/shard.ts';
import type { Ref } from '../memory/arena.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import { bitOffsetOrReply } from './bitmap-bit.ts';
import { NAME_SETBIT } from './event-names.ts';
import {
  type CommandContext,
  type CommandSpec,
  DONE,
  ESCALATE,
  noted,
  oneKey,
  type RunStatus,
} from './spec.ts';
import { opGrowZeroed } from './string-range.ts';
import { isStringOrReply, replyFull } from './string-value.ts';

const GET = asciiBytes('GET');
const SET = asciiBytes('SET');
const INCRBY = asciiBytes('INCRBY');
const OVERFLOW = asciiBytes('OVERFLOW');
const WRAP = asciiBytes('WRAP');
const SAT = asciiBytes('SAT');
const FAIL = asciiBytes('FAIL');

const OP_GET = 0;
const OP_SET = 1;
const OP_INCRBY = 2;
const OVERFLOW_WRAP = 0;
const OVERFLOW_SAT = 1;
const OVERFLOW_FAIL = 2;

const SIGNED = 0x69;
const UNSIGNED = 0x75;
/** Amounts up to this keep sums with fields of NUMBER_BITS_MAX bits exact in a double. */
const NUMBER_AMOUNT_MAX = 2 ** 52;

/** One operation; the list of them is kept and reused. */
class FieldOp {
  kind = OP_GET;
  overflow = OVERFLOW_WRAP;
  isSigned = false;
  bits = 0;
  bitAt = 0;
  /**
   * What SET stores or INCRBY adds; beyond 2^53 it is ± Infinity and exact only in argument
   * `amountIndex`.
   */
  amount = 0;
  amountIndex = 0;
}

const ops: FieldOp[] = [];

/** What the operations of the command that was parsed last amount to. */
const plan = { count: 0, writes: false, bytes: 0 };

/** Reads all operations; false when an error was replied. */
function parseOpsOrReply(ctx: CommandContext): boolean {
  const { args, reply } = ctx;
  let overflow = OVERFLOW_WRAP;
  plan.count = 0;
  plan.writes = false;
  plan.bytes = 0;
  for (let i = 2; i < args.count; ) {
    const following = args.count - i - 1;
    if (following >= 1 && args.equalsIgnoreCase(i, OVERFLOW)) {
      overflow = overflowOf(ctx, i + 1);
      if (overflow < 0) {
        reply.errorBytes(ERROR_BYTES.BITFIELD_OVERFLOW);
        return false;
      }
      i += 2;
      continue;
    }
    let kind = -1;
    if (following >= 2 && args.equalsIgnoreCase(i, GET)) kind = OP_GET;
    else if (following >= 3 && args.equalsIgnoreCase(i, SET)) kind = OP_SET;
    else if (following >= 3 && args.equalsIgnoreCase(i, INCRBY)) kind = OP_INCRBY;
    if (kind < 0) {
      reply.errorBytes(ERROR_BYTES.SYNTAX);
      return false;
    }
    if (!parseOpOrReply(ctx, i, kind, overflow)) return false;
    i += kind === OP_GET ? 3 : 4;
  }
  return true;
}

function overflowOf(ctx: CommandContext, index: number): number {
  const args = ctx.args;
  if (args.equalsIgnoreCase(index, WRAP)) return OVERFLOW_WRAP;
  if (args.equalsIgnoreCase(index, SAT)) return OVERFLOW_SAT;
  return args.equalsIgnoreCase(index, FAIL) ? OVERFLOW_FAIL : -1;
}

/**
 * Reads the operation at argument `i`, whose word is known, into the list; false when an error was
 * replied.
 */
function parseOpOrReply(ctx: CommandContext, i: number, kind: number, overflow: number): boolean {
  const { args, reply } = ctx;
  if (plan.count === ops.length) ops.push(new FieldOp());
  const op = ops[plan.count]!;
  op.kind = kind;
  op.overflow = overflow;
  const typeAt = args.offset[i + 1]!;
  const typeEnd = args.end(i + 1);
  const sign = typeAt < typeEnd ? args.buf[typeAt]! : 0;
  op.isSigned = sign === SIGNED;
  op.bits = parseInt64(args.buf, typeAt + 1, typeEnd);
  const isType = op.isSigned || sign === UNSIGNED;
  if (!isType || !(op.bits >= 1 && op.bits <= (op.isSigned ? 64 : 63))) {
    reply.errorBytes(ERROR_BYTES.BITFIELD_TYPE);
    return false;
  }
  op.bitAt = bitOffsetOrReply(ctx, i + 2, op.bits);
  if (Number.isNaN(op.bitAt)) return false;
  if (kind !== OP_GET) {
    op.amountIndex = i + 3;
    op.amount = args.toInt(i + 3);
    if (Number.isNaN(op.amount)) {
      reply.errorBytes(ERROR_BYTES.NOT_INTEGER);
      return false;
    }
    plan.writes = true;
    plan.bytes = Math.max(plan.bytes, Math.floor((op.bitAt + op.bits - 1) / 8) + 1);
  }
  plan.count += 1;
  return true;
}

/**
 * Runs one operation on the string `ref` (0 = none, GET only) and replies; true when the string
 * changed.
 */
function runOp(ctx: CommandContext, shard: Shard, ref: Ref, op: FieldOp): boolean {
  const isSmall = op.bits <= NUMBER_BITS_MAX;
  const at = ref === 0 ? 0 : shard.valueOffset(ref);
  const length = ref === 0 ? 0 : shard.valueLength(ref);
  if (!isSmall || (op.kind !== OP_GET && Math.abs(op.amount) > NUMBER_AMOUNT_MAX)) {
    return runBigOp(ctx, shard.u8, at, length, op);
  }
  const { bits, kind, amount } = op;
  const span = 2 ** bits;
  const max = op.isSigned ? span / 2 - 1 : span - 1;
  const min = op.isSigned ? -span / 2 : 0;
  const raw = readField(shard.u8, at, length, op.bitAt, bits);
  const before = raw > max ? raw - span : raw;
  if (kind === OP_GET) {
    ctx.reply.integer(before);
    return false;
  }
  let after = kind === OP_SET ? amount : before + amount;
  if (after > max || after < min) {
    if (op.overflow === OVERFLOW_FAIL) {
      ctx.reply.null();
      return false;
    }
    // SET takes a negative amount for an unsigned field as a huge one.
    const isAbove = after > max || (kind === OP_SET && !op.isSigned);
    if (op.overflow === OVERFLOW_SAT) after = isAbove ? max : min;
    else after = wrapped(after, span, max);
  }
  ctx.reply.integer(kind === OP_SET ? before : after);
  writeField(shard.u8, at, op.bitAt, bits, after < 0 ? after + span : after);
  return after !== before;
}

/** `value` modulo `span`, in the range that ends with `max`. */
function wrapped(value: number, span: number, max: number): number {
  const rest = ((value % span) + span) % span;
  return rest > max ? rest - span : rest;
}

/** `runOp` in BigInt, for wide fields and huge amounts. */
function runBigOp(
  ctx: CommandContext,
  u8: Uint8Array,
  at: number,
  length: number,
  op: FieldOp,
): boolean {
  const { args, reply } = ctx;
  const { bits, kind } = op;
  const span = 1n << BigInt(bits);
  const max = op.isSigned ? span / 2n - 1n : span - 1n;
  const min = op.isSigned ? -span / 2n : 0n;
  const raw = readBigField(u8, at, length, op.bitAt, bits);
  const before = op.isSigned ? BigInt.asIntN(bits, raw) : raw;
  if (kind === OP_GET) {
    reply.integerBigint(before);
    return false;
  }
  const amount = parseBigInt64(args.buf, args.offset[op.amountIndex]!, args.end(op.amountIndex));
  let after = kind === OP_SET ? amount : before + amount;
  if (after > max || after < min) {
    if (op.overflow === OVERFLOW_FAIL) {
      reply.null();
      return false;
    }
    const isAbove = after > max || (kind === OP_SET && !op.isSigned);
    if (op.overflow === OVERFLOW_SAT) after = isAbove ? max : min;
    else after = op.isSigned ? BigInt.asIntN(bits, after) : BigInt.asUintN(bits, after);
  }
  reply.integerBigint(kind === OP_SET ? before : after);
  writeBigField(u8, at, op.bitAt, bits, BigInt.asUintN(bits, after));
  return after !== before;
}

function cmdBitfield(ctx: CommandContext): RunStatus {
  return bitfield(ctx, false);
}

function cmdBitfieldRo(ctx: CommandContext): RunStatus {
  return bitfield(ctx, true);
}

function bitfield(ctx: CommandContext, isReadOnly: boolean): RunStatus {
  const { db, key, reply } = ctx;
  if (!parseOpsOrReply(ctx)) return DONE;
  if (plan.writes && isReadOnly) {
    reply.errorBytes(ERROR_BYTES.BITFIELD_RO_ONLY_GET);
    return DONE;
  }
  if (!ctx.mayRun(plan.count)) return ESCALATE;
  const shard = ctx.at(1);
  let ref = plan.writes ? shard.findWrite(db, key) : shard.findRead(db, key);
  if (!isStringOrReply(ctx, shard, ref)) return DONE;
  const oldLength = ref === 0 ? 0 : shard.valueLength(ref);
  if (!ctx.mayRun(plan.count + (Math.max(0, plan.bytes - oldLength) >>> 4))) return ESCALATE;
  if (plan.writes) {
    ref = opGrowZeroed(ctx, shard, ref, plan.bytes);
    if (ref === 0) {
      replyFull(ctx);
      return DONE;
    }
  }
  reply.array(plan.count);
  let hasChanged = false;
  for (let i = 0; i < plan.count; i++) {
    if (runOp(ctx, shard, ref, ops[i]!)) hasChanged = true;
  }
  const isGrowing = plan.bytes > oldLength;
  if (hasChanged && !isGrowing) shard.touched(db, key);
  if (plan.writes && (hasChanged || isGrowing)) {
    ctx.state.event(EVENT_STRING, NAME_SETBIT, db, key);
  }
  return DONE;
}

export const BITMAP_FIELD_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'bitfield',
    summary: 'Reads, sets and increments integers of any width inside a string.',
    since: '3.2.0',
    group: 'bitmap',
    arity: -2,
    flags: ['write', 'denyoom'],
    acl: ['bitmap'],
    keys: [
      noted(
        oneKey(1, 'RW', 'UPDATE', 'ACCESS', 'VARIABLE_FLAGS'),
        'read by GET, changed by others',
      ),
    ],
    syntax:
      'key [GET encoding:string offset:integer | [OVERFLOW <WRAP | SAT | FAIL>] ' +
      '<SET encoding:string offset:integer value:integer | ' +
      'INCRBY encoding:string offset:integer increment:integer> ' +
      '[GET encoding:string offset:integer | [OVERFLOW <WRAP | SAT | FAIL>] ' +
      '<SET encoding:string offset:integer value:integer | ' +
      'INCRBY encoding:string offset:integer increment:integer> ...]]',
    place: 'shard',
    shards: 'keys',
    run: cmdBitfield,
  },
  {
    name: 'bitfield_ro',
    summary: 'Reads integers of any width inside a string.',
    since: '6.0.0',
    group: 'bitmap',
    arity: -2,
    flags: ['readonly', 'fast'],
    acl: ['bitmap'],
    keys: [oneKey(1, 'RO', 'ACCESS')],
    syntax: 'key [GET encoding:string offset:integer [GET encoding:string offset:integer ...]]',
    place: 'shard',
    shards: 'keys',
    run: cmdBitfieldRo,
  },
];
