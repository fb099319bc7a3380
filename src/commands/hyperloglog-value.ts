/**
 * HyperLogLogs as values of strings: the check of a key, and additions that change nothing when the
 * arena is full.
 */
import { copyBytes } from '../base/bytes.ts';
import { ENCODING_RAW, TYPE_STRING } from '../keyspace/entry.ts';
import { NO_TTL, type Shard } from '../keyspace/shard.ts';
import type { Ref } from '../memory/arena.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import {
  HLL_CHANGED,
  HLL_CORRUPT,
  HLL_DENSE_BYTES,
  HLL_PROMOTE,
  HLL_REGISTERS,
  HLL_SAME,
  HLL_SPARSE_BYTES_MAX,
  Hyperloglog,
} from '../structures/hyperloglog.ts';
import type { CommandContext } from './spec.ts';

const RAW = ENCODING_RAW;
const SAME = HLL_SAME;
const CHANGED = HLL_CHANGED;
const PROMOTE = HLL_PROMOTE;

/** Outcome of an addition, beside those of the structure: the arena is full. */
export const HLL_FULL = -2;

/** One for all shards of the thread. */
export const hyperloglog = new Hyperloglog();

/**
 * A value outside the arena, while several elements or registers are added to it: the arena is
 * asked for room once, at the end.
 */
class Draft {
  readonly u8 = new Uint8Array(HLL_SPARSE_BYTES_MAX);
  length = 0;
  readonly #dense = new Uint8Array(HLL_DENSE_BYTES);

  /** Takes the value u8[start, end); false when it is longer than any. */
  load(u8: Uint8Array, start: number, end: number): boolean {
    if (end - start > HLL_SPARSE_BYTES_MAX) return false;
    copyBytes(this.u8, 0, u8, start, end);
    this.length = end - start;
    return true;
  }

  /** Takes the value without elements. */
  loadEmpty(): void {
    this.length = hyperloglog.init(this.u8, 0);
    hyperloglog.invalidate(this.u8, 0);
  }

  /** Adds the element that `hyperloglog` has; an outcome of the structure, never PROMOTE. */
  add(lengthMax: number): number {
    if (hyperloglog.isDense(this.u8, 0)) return hyperloglog.addDense(this.u8, 0) ? CHANGED : SAME;
    const outcome = hyperloglog.plan(this.u8, 0, this.length, lengthMax);
    if (outcome === CHANGED) {
      this.length = hyperloglog.apply(this.u8, 0, this.length);
    } else if (outcome === PROMOTE) {
      if (!this.makeDense()) return HLL_CORRUPT;
      return hyperloglog.addDense(this.u8, 0) ? CHANGED : SAME;
    }
    return outcome;
  }

  /** False when the value is corrupt. */
  makeDense(): boolean {
    if (hyperloglog.isDense(this.u8, 0)) return true;
    if (!hyperloglog.toDense(this.u8, 0, this.length, this.#dense)) return false;
    this.u8.set(this.#dense);
    this.length = HLL_DENSE_BYTES;
    return true;
  }
}

/** What a command of several steps works on; nothing of it lasts beyond the command. */
export const draft = new Draft();
/** The highest of the registers of several values. */
export const registers = new Uint8Array(HLL_REGISTERS);

/** False, and the error was replied, when the entry exists and is no HyperLogLog. */
export function isHyperloglogOrReply(ctx: CommandContext, shard: Shard, ref: Ref): boolean {
  if (ref === 0) return true;
  if (shard.typeOf(ref) !== TYPE_STRING) {
    ctx.reply.errorBytes(ERROR_BYTES.WRONG_TYPE);
    return false;
  }
  const start = shard.valueOffset(ref);
  if (hyperloglog.isHyperloglog(shard.u8, start, start + shard.valueLength(ref))) return true;
  ctx.reply.errorBytes(ERROR_BYTES.NOT_HYPERLOGLOG);
  return false;
}

/** Most bytes of a sparse value. */
export function sparseMax(ctx: CommandContext): number {
  return Math.min(ctx.limits.hllSparseMaxBytes, HLL_SPARSE_BYTES_MAX);
}

/**
 * Adds the element that `hyperloglog` has to the entry that findWrite just returned. In place; the
 * JS heap sees nothing of it.
 */
export function opAddElement(ctx: CommandContext, shard: Shard, ref: Ref): number {
  const { db, key } = ctx;
  const start = shard.valueOffset(ref);
  if (hyperloglog.isDense(shard.u8, start)) {
    if (!hyperloglog.addDense(shard.u8, start)) return SAME;
    shard.touched(db, key);
    return CHANGED;
  }
  const length = shard.valueLength(ref);
  const outcome = hyperloglog.plan(shard.u8, start, start + length, sparseMax(ctx));
  if (outcome === PROMOTE) return opChangeDraft(ctx, shard, ref, addToDraft);
  if (outcome !== CHANGED) return outcome;
  const room = length + Math.max(hyperloglog.growth, 0);
  if (room === length) shard.touched(db, key);
  else ref = shard.resizeValue(db, key, ref, room);
  if (ref === 0) return HLL_FULL;
  const at = shard.valueOffset(ref);
  const left = hyperloglog.apply(shard.u8, at, at + length) - at;
  if (left !== room) shard.resizeValue(db, key, ref, left);
  return CHANGED;
}

function addToDraft(ctx: CommandContext): number {
  return draft.add(sparseMax(ctx));
}

/** Changes `draft`, its estimate included: an outcome. */
export type DraftStep = (ctx: CommandContext) => number;

/**
 * Changes the entry that findWrite just returned (0 = none, a new one is made) as `step` changes
 * `draft`, or not at all.
 */
export function opChangeDraft(
  ctx: CommandContext,
  shard: Shard,
  ref: Ref,
  step: DraftStep,
): number {
  if (ref === 0) {
    draft.loadEmpty();
  } else {
    const start = shard.valueOffset(ref);
    if (!draft.load(shard.u8, start, start + shard.valueLength(ref))) return HLL_CORRUPT;
  }
  const outcome = step(ctx);
  if (outcome < 0 || (outcome === SAME && ref !== 0)) return outcome;
  return opStoreDraft(ctx, shard, ref) ? CHANGED : HLL_FULL;
}

/** Makes `draft` the value of the located key; an existing entry keeps its time of expiry. */
export function opStoreDraft(ctx: CommandContext, shard: Shard, ref: Ref): boolean {
  const { db, key } = ctx;
  const { length } = draft;
  if (ref === 0) ref = shard.createString(db, key, length, RAW, NO_TTL);
  else ref = shard.resizeValue(db, key, ref, length);
  if (ref === 0) return false;
  shard.setEncoding(ref, RAW);
  copyBytes(shard.u8, shard.valueOffset(ref), draft.u8, 0, length);
  return true;
}

/** Replies the error of an outcome below 0. */
export function replyFailure(ctx: CommandContext, outcome: number): void {
  const isFull = outcome === HLL_FULL;
  ctx.reply.errorBytes(isFull ? ERROR_BYTES.OUT_OF_MEMORY : ERROR_BYTES.CORRUPT_HYPERLOGLOG);
}
