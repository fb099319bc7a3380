/**
 * BITOP: bitwise operations between strings. Missing keys are empty strings, short ones end in zeros.
 */
import { asciiBytes } from '../base/bytes.ts';
import { ENCODING_RAW } from '../keyspace/entry.ts';
import { NO_TTL } from '../keyspace/shard.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import { type CommandContext, type CommandSpec, DONE, ESCALATE, type RunStatus } from './spec.ts';
import { isStringOrReply, replyFull } from './string-value.ts';

const OP_AND = 0;
// 1 is OR: what `fold` does unless it is told otherwise.
const OP_XOR = 2;
const OP_NOT = 3;
/** Bits of the first source that are in none of the others. */
const OP_DIFF = 4;
/** Bits of the others that are not in the first source. */
const OP_DIFF1 = 5;
/** Bits of the first source that are in at least one of the others. */
const OP_ANDOR = 6;
/** Bits that are in exactly one source. */
const OP_ONE = 7;

/** By the numbers above. */
const OP_NAMES = ['AND', 'OR', 'XOR', 'NOT', 'DIFF', 'DIFF1', 'ANDOR', 'ONE'].map(asciiBytes);
const FIRST_SOURCE = 3;
const SCRATCH_BYTES_MIN = 4096;
const SCRATCH_BYTES_KEPT = 1024 * 1024;

/** The result, and for ONE the bits that more than one source has; both kept for the next command unless huge. */
let result = new Uint8Array(SCRATCH_BYTES_MIN);
let twice = new Uint8Array(0);

function opOf(ctx: CommandContext): number {
  return OP_NAMES.findIndex((name) => ctx.args.equalsIgnoreCase(1, name));
}

/** Whether there are as many sources as the operation needs; replies the error if not. */
function isCountOrReply(ctx: CommandContext, op: number): boolean {
  const sources = ctx.args.count - FIRST_SOURCE;
  if (op === OP_NOT && sources !== 1) ctx.reply.errorBytes(ERROR_BYTES.BITOP_NOT_ONE_KEY);
  else if (op === OP_DIFF && sources < 2) ctx.reply.errorBytes(ERROR_BYTES.BITOP_DIFF_KEYS);
  else if (op === OP_DIFF1 && sources < 2) ctx.reply.errorBytes(ERROR_BYTES.BITOP_DIFF1_KEYS);
  else if (op === OP_ANDOR && sources < 2) ctx.reply.errorBytes(ERROR_BYTES.BITOP_ANDOR_KEYS);
  else return true;
  return false;
}

/** Folds source[at, at + length) into `result`, whose first `total` bytes count; beyond the source there are zeros. */
function fold(op: number, source: Uint8Array, at: number, length: number, total: number): void {
  const into = result;
  if (op === OP_AND) {
    for (let i = 0; i < length; i++) into[i] = into[i]! & source[at + i]!;
    into.fill(0, length, total);
  } else if (op === OP_XOR) {
    for (let i = 0; i < length; i++) into[i] = into[i]! ^ source[at + i]!;
  } else if (op === OP_ONE) {
    const more = twice;
    for (let i = 0; i < length; i++) {
      const byte = source[at + i]!;
      more[i] = more[i]! | (into[i]! & byte);
      into[i] = into[i]! | byte;
    }
  } else {
    for (let i = 0; i < length; i++) into[i] = into[i]! | source[at + i]!;
  }
}

/** The last step: what the fold of the other sources becomes with the first source, source[at, at + length). */
function finish(op: number, source: Uint8Array, at: number, length: number, total: number): void {
  const into = result;
  for (let i = 0; i < total; i++) {
    const first = i < length ? source[at + i]! : 0;
    const rest = into[i]!;
    if (op === OP_NOT) into[i] = ~first;
    else if (op === OP_DIFF) into[i] = first & ~rest;
    else if (op === OP_DIFF1) into[i] = ~first & rest;
    else if (op === OP_ANDOR) into[i] = first & rest;
    else into[i] = rest & ~twice[i]!;
  }
}

/** Length of the longest source; NaN, and the error was replied, when one is no string. */
function longestOrReply(ctx: CommandContext): number {
  let longest = 0;
  for (let i = FIRST_SOURCE; i < ctx.args.count; i++) {
    const shard = ctx.at(i);
    const ref = shard.findRead(ctx.db, ctx.key);
    if (!isStringOrReply(ctx, shard, ref)) return Number.NaN;
    if (ref !== 0) longest = Math.max(longest, shard.valueLength(ref));
  }
  return longest;
}

/** Computes the operation over all sources into `result`; `total` is the length of the longest. */
function opCombine(ctx: CommandContext, op: number, total: number): void {
  if (result.length < total) result = new Uint8Array(total);
  if (op === OP_ONE && twice.length < total) twice = new Uint8Array(total);
  result.fill(op === OP_AND ? 0xff : 0, 0, total);
  if (op === OP_ONE) twice.fill(0, 0, total);
  const needsFirstLast = op >= OP_NOT && op !== OP_ONE;
  for (let i = FIRST_SOURCE + (needsFirstLast ? 1 : 0); i < ctx.args.count; i++) {
    const shard = ctx.at(i);
    const ref = shard.find(ctx.db, ctx.key);
    if (ref === 0) fold(op, shard.u8, 0, 0, total);
    else fold(op, shard.u8, shard.valueOffset(ref), shard.valueLength(ref), total);
  }
  if (op < OP_NOT) return;
  const shard = ctx.at(FIRST_SOURCE);
  const ref = shard.find(ctx.db, ctx.key);
  if (ref === 0) finish(op, shard.u8, 0, 0, total);
  else finish(op, shard.u8, shard.valueOffset(ref), shard.valueLength(ref), total);
}

function cmdBitop(ctx: CommandContext): RunStatus {
  const { reply, db } = ctx;
  const op = opOf(ctx);
  if (op < 0) {
    reply.errorBytes(ERROR_BYTES.SYNTAX);
    return DONE;
  }
  if (!isCountOrReply(ctx, op)) return DONE;
  const total = longestOrReply(ctx);
  if (Number.isNaN(total)) return DONE;
  if (total === 0) {
    ctx.at(2).delete(db, ctx.key);
    reply.integer(0);
    return DONE;
  }
  if (!ctx.mayRun((total * (ctx.args.count - FIRST_SOURCE)) >>> 4)) return ESCALATE;
  opCombine(ctx, op, total);
  const shard = ctx.at(2);
  const ref = shard.createString(db, ctx.key, total, ENCODING_RAW, NO_TTL);
  if (ref === 0) {
    replyFull(ctx);
  } else {
    shard.u8.set(result.subarray(0, total), shard.valueOffset(ref));
    reply.integer(total);
  }
  if (total > SCRATCH_BYTES_KEPT) {
    result = new Uint8Array(SCRATCH_BYTES_MIN);
    twice = new Uint8Array(0);
  }
  return DONE;
}

export const BITMAP_OP_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'bitop',
    summary: 'Stores the result of a bitwise operation between strings.',
    since: '2.6.0',
    group: 'bitmap',
    arity: -4,
    flags: ['write', 'denyoom'],
    acl: ['bitmap'],
    keys: [
      {
        flags: ['OW', 'UPDATE'],
        begin: 2,
        find: { kind: 'range', last: 0, step: 1, limit: 0 },
      },
      {
        flags: ['RO', 'ACCESS'],
        begin: 3,
        find: { kind: 'range', last: -1, step: 1, limit: 0 },
      },
    ],
    syntax: '<AND | OR | XOR | NOT | DIFF | DIFF1 | ANDOR | ONE> destkey:key key [key ...]',
    place: 'shard',
    shards: 'keys',
    run: cmdBitop,
  },
];
