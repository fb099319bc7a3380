/** HyperLogLogs: PFADD, PFCOUNT, PFMERGE. */

import { ENCODING_RAW } from '../keyspace/entry.ts';
import { EVENT_STRING } from '../keyspace/events.ts';
import type { Shard } from '../keyspace/shard.ts';
import type { Ref } from '../memory/arena.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import type { ReplyWriter } from '../resp/reply-writer.ts';
import { HLL_CHANGED, HLL_CORRUPT, HLL_REGISTERS, HLL_SAME } from '../structures/hyperloglog.ts';
import { NAME_PFADD } from './event-names.ts';
import {
  draft,
  hyperloglog,
  isHyperloglogOrReply,
  opAddElement,
  opChangeDraft,
  registers,
  replyFailure,
  sparseMax,
} from './hyperloglog-value.ts';
import {
  type CommandContext,
  type CommandSpec,
  DONE,
  ESCALATE,
  keysFrom,
  noted,
  oneKey,
  type RunStatus,
} from './spec.ts';

const FIRST_ELEMENT = 2;
const TWO_32 = 4294967296;
const INT64_END = 2 ** 63;

function setElement(ctx: CommandContext, index: number): void {
  const { buf, offset } = ctx.args;
  hyperloglog.setElement(buf, offset[index]!, ctx.args.end(index));
}

/** All elements of PFADD to `draft`. */
function addElements(ctx: CommandContext): number {
  const lengthMax = sparseMax(ctx);
  let outcome: number = HLL_SAME;
  for (let i = FIRST_ELEMENT; i < ctx.args.count; i++) {
    setElement(ctx, i);
    const one = draft.add(lengthMax);
    if (one < 0) return one;
    if (one !== HLL_SAME) outcome = one;
  }
  return outcome;
}

/** Bytes that PFADD reads and moves, by 16; a sparse value is read for each element. */
function addUnits(ctx: CommandContext, shard: Shard, ref: Ref): number {
  const elements = ctx.args.count - FIRST_ELEMENT;
  if (ref === 0) return elements * 2;
  const isDense = hyperloglog.isDense(shard.u8, shard.valueOffset(ref));
  return isDense ? elements : elements * (shard.valueLength(ref) >>> 4);
}

function cmdPfadd(ctx: CommandContext): RunStatus {
  const { args, reply, db, key } = ctx;
  const shard = ctx.at(1);
  const ref = shard.findWrite(db, key);
  if (!isHyperloglogOrReply(ctx, shard, ref)) return DONE;
  if (!ctx.mayRun(addUnits(ctx, shard, ref))) return ESCALATE;
  let outcome: number = HLL_SAME;
  if (ref !== 0) shard.setEncoding(ref, ENCODING_RAW);
  if (ref !== 0 && args.count === FIRST_ELEMENT + 1) {
    setElement(ctx, FIRST_ELEMENT);
    outcome = opAddElement(ctx, shard, ref);
  } else if (ref === 0 || args.count > FIRST_ELEMENT) {
    outcome = opChangeDraft(ctx, shard, ref, addElements);
  }
  if (outcome < 0) replyFailure(ctx, outcome);
  else reply.integer(outcome === HLL_CHANGED ? 1 : 0);
  if (outcome === HLL_CHANGED) ctx.state.event(EVENT_STRING, NAME_PFADD, db, key);
  return DONE;
}

/** Bytes of the values of all keys, by 16: what merging them reads. */
function mergeUnits(ctx: CommandContext): number {
  let units = 0;
  for (let i = 1; i < ctx.args.count; i++) {
    const shard = ctx.at(i);
    const ref = shard.find(ctx.db, ctx.key);
    if (ref !== 0 && !shard.isRooted(ref)) units += shard.valueLength(ref) >>> 4;
  }
  return units;
}

const NOTHING_DENSE = 0;
const SOME_DENSE = 1;
const REPLIED = -1;

/** Merges the values of all keys into `registers`, and says whether one of them is dense. */
function mergeKeysOrReply(ctx: CommandContext): number {
  let found = NOTHING_DENSE;
  registers.fill(0);
  for (let i = 1; i < ctx.args.count; i++) {
    const shard = ctx.at(i);
    const ref = shard.findRead(ctx.db, ctx.key);
    if (ref === 0) continue;
    if (!isHyperloglogOrReply(ctx, shard, ref)) return REPLIED;
    const start = shard.valueOffset(ref);
    if (hyperloglog.isDense(shard.u8, start)) found = SOME_DENSE;
    if (!hyperloglog.mergeInto(registers, shard.u8, start, start + shard.valueLength(ref))) {
      ctx.reply.errorBytes(ERROR_BYTES.CORRUPT_HYPERLOGLOG);
      return REPLIED;
    }
  }
  return found;
}

function replyEstimate(reply: ReplyWriter, estimate: number): void {
  if (Number.isSafeInteger(estimate)) reply.integer(estimate);
  else reply.integerBigint(estimate < INT64_END ? BigInt(estimate) : -(2n ** 63n));
}

function replyKept(reply: ReplyWriter, u8: Uint8Array, start: number): void {
  const high = hyperloglog.keptWord(u8, start, true);
  const low = hyperloglog.keptWord(u8, start, false);
  const kept = high * TWO_32 + low;
  if (Number.isSafeInteger(kept)) reply.integer(kept);
  else reply.integerBigint((BigInt(high) << 32n) | BigInt(low));
}

/**
 * One key: the estimate kept in the value, or a new one, which is kept then unless others read the
 * shard at the same time. That is a change of the key for those who watch it, as in Redis.
 */
function countOne(ctx: CommandContext): RunStatus {
  const { reply, db, key, state } = ctx;
  const shard = ctx.at(1);
  const { u8 } = shard;
  const ref = shard.findRead(db, key);
  if (!isHyperloglogOrReply(ctx, shard, ref)) return DONE;
  if (ref === 0) {
    reply.integer(0);
    return DONE;
  }
  if (!state.isReadOnly) shard.setEncoding(ref, ENCODING_RAW);
  const start = shard.valueOffset(ref);
  if (hyperloglog.isFresh(u8, start)) {
    replyKept(reply, u8, start);
    return DONE;
  }
  const length = shard.valueLength(ref);
  if (!ctx.mayRun(length >>> 4)) return ESCALATE;
  const estimate = hyperloglog.estimate(u8, start, start + length);
  if (Number.isNaN(estimate)) {
    reply.errorBytes(ERROR_BYTES.CORRUPT_HYPERLOGLOG);
    return DONE;
  }
  if (!state.isReadOnly) {
    hyperloglog.keep(u8, start, estimate);
    shard.touched(db, key);
  }
  replyEstimate(reply, estimate);
  return DONE;
}

function cmdPfcount(ctx: CommandContext): RunStatus {
  if (ctx.args.count === 2) return countOne(ctx);
  if (!ctx.mayRun(mergeUnits(ctx))) return ESCALATE;
  if (mergeKeysOrReply(ctx) === REPLIED) return DONE;
  replyEstimate(ctx.reply, hyperloglog.estimateOfRegisters(registers));
  return DONE;
}

/** The merged registers to `draft`, one by one. */
function addRegisters(ctx: CommandContext): number {
  const lengthMax = sparseMax(ctx);
  for (let i = 0; i < HLL_REGISTERS; i++) {
    if (registers[i] === 0) continue;
    hyperloglog.register = i;
    hyperloglog.rank = registers[i]!;
    const outcome = draft.add(lengthMax);
    if (outcome < 0) return outcome;
  }
  hyperloglog.invalidate(draft.u8, 0);
  return HLL_CHANGED;
}

function addRegistersDense(ctx: CommandContext): number {
  return draft.makeDense() ? addRegisters(ctx) : HLL_CORRUPT;
}

function cmdPfmerge(ctx: CommandContext): RunStatus {
  if (!ctx.mayRun(mergeUnits(ctx) * 2)) return ESCALATE;
  const found = mergeKeysOrReply(ctx);
  if (found === REPLIED) return DONE;
  const shard = ctx.at(1);
  const ref = shard.findWrite(ctx.db, ctx.key);
  const step = found === SOME_DENSE ? addRegistersDense : addRegisters;
  const outcome = opChangeDraft(ctx, shard, ref, step);
  if (outcome < 0) replyFailure(ctx, outcome);
  else ctx.reply.ok();
  if (outcome >= 0) ctx.state.event(EVENT_STRING, NAME_PFADD, ctx.db, ctx.key);
  return DONE;
}

export const HYPERLOGLOG_BASIC_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'pfadd',
    summary: 'Adds elements to a HyperLogLog; creates the key if it does not exist.',
    since: '2.8.9',
    group: 'hyperloglog',
    arity: -2,
    flags: ['write', 'denyoom', 'fast'],
    acl: ['hyperloglog'],
    keys: [oneKey(1, 'RW', 'INSERT')],
    syntax: 'key [element [element ...]]',
    place: 'shard',
    shards: 'keys',
    run: cmdPfadd,
  },
  {
    name: 'pfcount',
    summary: 'Returns about how many different elements HyperLogLogs have seen together.',
    since: '2.8.9',
    group: 'hyperloglog',
    arity: -2,
    flags: ['readonly', 'may_replicate'],
    acl: ['hyperloglog'],
    keys: [noted(keysFrom(1, 1, 'RW', 'ACCESS'), 'may keep the count in the value of the key')],
    syntax: 'key [key ...]',
    place: 'shard',
    shards: 'keys',
    run: cmdPfcount,
  },
  {
    name: 'pfmerge',
    summary: 'Merges HyperLogLogs into one, its own elements included.',
    since: '2.8.9',
    group: 'hyperloglog',
    arity: -2,
    flags: ['write', 'denyoom'],
    acl: ['hyperloglog'],
    keys: [oneKey(1, 'RW', 'ACCESS', 'INSERT'), keysFrom(2, 1, 'RO', 'ACCESS')],
    syntax: 'destkey:key [sourcekey:key [sourcekey:key ...]]',
    place: 'shard',
    shards: 'keys',
    run: cmdPfmerge,
  },
];
