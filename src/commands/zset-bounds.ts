/**
 * Sorted sets: bounds of ranges by rank, score or member, and the ranks that lie between them.
 *
 * However a range is given, it is a run of ranks: `locate` finds it in O(log n), and everything
 * that replies, counts, stores or removes ranges works on `start` and `count`.
 */
import { parseFloatBound } from '../base/number-text.ts';
import type { Shard } from '../keyspace/shard.ts';
import type { Ref } from '../memory/arena.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import type { CommandContext } from './spec.ts';

/** Ranges by rank: `0 -1`. */
export const BY_RANK = 0;
/** Ranges by score: `(1 +inf`. */
export const BY_SCORE = 1;
/** Ranges by member, where all scores are one: `[a (c`. */
export const BY_LEX = 2;

const OPEN = 0x28;
const CLOSED = 0x5b;
const PLUS = 0x2b;
const MINUS = 0x2d;

/** What stands at one end of a range. */
class Bound {
  /** A rank or score; infinite for the lowest and highest member. */
  value = 0;
  isExclusive = false;
  /** Bytes of a member, where `value` is 0. */
  from = 0;
  to = 0;
}

/** A range as a command gave it, and where it lies in a set. */
export class ScoredRange {
  /** The lowest rank of the range, after `locate`. */
  start = 0;
  /** Members of the range, after `locate`. */
  count = 0;
  #by = BY_RANK;
  #buf: Uint8Array = new Uint8Array(0);
  readonly #min = new Bound();
  readonly #max = new Bound();

  /** Reads the bounds in two arguments. False when an error was replied. */
  parse(ctx: CommandContext, by: number, minIndex: number, maxIndex: number): boolean {
    this.#by = by;
    this.#buf = ctx.args.buf;
    const { reply } = ctx;
    if (by === BY_RANK) {
      if (rankBound(ctx, minIndex, this.#min) && rankBound(ctx, maxIndex, this.#max)) return true;
      reply.errorBytes(ERROR_BYTES.NOT_INTEGER);
    } else if (by === BY_SCORE) {
      if (scoreBound(ctx, minIndex, this.#min) && scoreBound(ctx, maxIndex, this.#max)) return true;
      reply.errorBytes(ERROR_BYTES.MIN_MAX_NOT_FLOAT);
    } else {
      if (lexBound(ctx, minIndex, this.#min) && lexBound(ctx, maxIndex, this.#max)) return true;
      reply.errorBytes(ERROR_BYTES.LEX_RANGE);
    }
    return false;
  }

  /** Finds the range in a set: `start` and `count`. Ranks count from the top when `isReverse`. */
  locate(shard: Shard, ref: Ref, isReverse: boolean): void {
    const min = this.#min;
    const max = this.#max;
    if (this.#by === BY_RANK) {
      this.#locateRanks(shard.zsets.size(ref), isReverse);
    } else if (this.#by === BY_SCORE) {
      const { zsets } = shard;
      this.start = zsets.rankOfScore(ref, min.value, min.isExclusive);
      const end = zsets.rankOfScore(ref, max.value, !max.isExclusive);
      this.count = Math.max(0, end - this.start);
    } else {
      this.start = this.#rankOfLex(shard, ref, min, min.isExclusive);
      const end = this.#rankOfLex(shard, ref, max, !max.isExclusive);
      this.count = Math.max(0, end - this.start);
    }
  }

  #locateRanks(size: number, isReverse: boolean): void {
    const { value: min } = this.#min;
    const { value: max } = this.#max;
    const first = Math.max(0, min < 0 ? size + min : min);
    const last = Math.min(size - 1, max < 0 ? size + max : max);
    this.count = Math.max(0, last - first + 1);
    this.start = isReverse ? size - 1 - last : first;
  }

  #rankOfLex(shard: Shard, ref: Ref, bound: Bound, isAfter: boolean): number {
    if (bound.value === 0) {
      return shard.zsets.rankOfLex(ref, this.#buf, bound.from, bound.to, isAfter);
    }
    return bound.value < 0 ? 0 : shard.zsets.size(ref);
  }
}

function rankBound(ctx: CommandContext, index: number, bound: Bound): boolean {
  bound.value = ctx.args.toInt(index);
  return !Number.isNaN(bound.value);
}

function scoreBound(ctx: CommandContext, index: number, bound: Bound): boolean {
  const { buf, offset, length } = ctx.args;
  const from = offset[index]!;
  const end = from + length[index]!;
  bound.isExclusive = from < end && buf[from] === OPEN;
  bound.value = parseFloatBound(buf, bound.isExclusive ? from + 1 : from, end);
  return !Number.isNaN(bound.value);
}

/** `-`, `+`, `[member` or `(member`. */
function lexBound(ctx: CommandContext, index: number, bound: Bound): boolean {
  const { buf, offset, length } = ctx.args;
  const from = offset[index]!;
  if (length[index] === 0) return false;
  const sign = buf[from];
  bound.from = from + 1;
  bound.to = from + length[index]!;
  bound.isExclusive = sign === OPEN;
  bound.value = 0;
  if (sign === OPEN || sign === CLOSED) return true;
  if (sign !== PLUS && sign !== MINUS) return false;
  bound.value = sign === PLUS ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  return length[index] === 1 || buf[from + 1] === 0;
}

/** The range of the command that this thread runs. */
export const scoredRange = new ScoredRange();
