/** What blocking commands have in common: their time-out, and how they begin to wait. */
import { parseFloat64 } from '../base/number-text.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import type { CommandContext } from './spec.ts';

/** Longest time that can be added to the clock. */
const TIMEOUT_MS_MAX = 2 ** 62;

/** A time-out in seconds at argument `index`, as ms from 0 on; -1 when an error was replied. */
export function timeoutMs(ctx: CommandContext, index: number): number {
  const { args, reply } = ctx;
  const seconds = parseFloat64(args.buf, args.offset[index]!, args.end(index));
  if (Number.isNaN(seconds)) reply.errorBytes(ERROR_BYTES.TIMEOUT_NOT_FLOAT);
  else if (seconds * 1000 > TIMEOUT_MS_MAX) reply.errorBytes(ERROR_BYTES.TIMEOUT_OUT_OF_RANGE);
  else if (seconds < 0) reply.errorBytes(ERROR_BYTES.TIMEOUT_NEGATIVE);
  else return Math.ceil(seconds * 1000);
  return -1;
}

/** Has the client wait for one of the keys at arguments [first, first + count). */
export function waitForKeys(
  ctx: CommandContext,
  type: number,
  first: number,
  count: number,
  ms: number,
): void {
  ctx.block({ first, count, type, target: 0, timeoutMs: ms, isNullReply: false });
}
