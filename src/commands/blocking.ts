/** What blocking commands have in common: time-outs, keys, and how they begin to wait. */
import { parseFloat64 } from '../base/number-text.ts';
import type { Ref } from '../memory/arena.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import { writeTyped } from './collection.ts';
import {
  type AclCategory,
  type CommandContext,
  type CommandGroup,
  type CommandSpec,
  DONE,
  type RunStatus,
} from './spec.ts';

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
function waitForKeys(
  ctx: CommandContext,
  type: number,
  first: number,
  count: number,
  ms: number,
): void {
  ctx.block({ first, count, type, target: 0, timeoutMs: ms, isNullReply: false });
}

/**
 * BLPOP and its like: `key [key ...] timeout`. Calls `take` for the first key (argument `index`,
 * entry `ref`) that holds something; where none does, the client waits. O(keys).
 */
export function takeOrWait(
  ctx: CommandContext,
  type: number,
  take: (index: number, ref: Ref) => void,
): RunStatus {
  const last = ctx.args.count - 1;
  const ms = timeoutMs(ctx, last);
  if (ms < 0) return DONE;
  for (let i = 1; i < last; i++) {
    if (ctx.servedKey !== 0 && ctx.servedKey !== i) continue;
    const ref = writeTyped(ctx, i, type);
    if (ref > 0) take(i, ref);
    if (ref !== 0) return DONE;
  }
  waitForKeys(ctx, type, 1, last - 1, ms);
  return DONE;
}

/**
 * BLMPOP and its like: `timeout numkeys key [key ...] ...`. `popFirst` is the command that does not
 * wait, with its number of keys at an argument.
 */
export function popOrWait(
  ctx: CommandContext,
  type: number,
  popFirst: (ctx: CommandContext, keysAt: number, onNone: (keys: number) => void) => RunStatus,
): RunStatus {
  const ms = timeoutMs(ctx, 1);
  if (ms < 0) return DONE;
  return popFirst(ctx, 2, (keys) => waitForKeys(ctx, type, 3, keys, ms));
}

/** What tells one of these commands from another. */
export interface BlockingRow {
  readonly name: string;
  readonly summary: string;
  readonly group: CommandGroup;
  readonly acl: AclCategory;
  readonly run: (ctx: CommandContext) => RunStatus;
}

/** The specification of a command for `takeOrWait`. */
export function takeOrWaitRow(row: BlockingRow, since: string, isFast: boolean): CommandSpec {
  return {
    ...row,
    since,
    arity: -3,
    flags: isFast ? ['write', 'fast', 'blocking'] : ['write', 'blocking'],
    acl: [row.acl],
    keys: [
      {
        flags: ['RW', 'ACCESS', 'DELETE'],
        begin: 1,
        find: { kind: 'range', last: -2, step: 1, limit: 0 },
      },
    ],
    syntax: 'key [key ...] timeout:double',
    place: 'shard',
    shards: 'keys',
  };
}

/** The specification of a command for `popOrWait`; `ends`: the words that say which end. */
export function popOrWaitRow(row: BlockingRow, ends: string): CommandSpec {
  return {
    ...row,
    since: '7.0.0',
    arity: -5,
    flags: ['write', 'blocking'],
    acl: [row.acl],
    keys: [
      {
        flags: ['RW', 'ACCESS', 'DELETE'],
        begin: 2,
        find: { kind: 'keynum', numberAt: 0, first: 1, step: 1 },
      },
    ],
    syntax: `timeout:double numkeys:integer key [key ...] <${ends}> [COUNT count:integer]`,
    place: 'shard',
    shards: 'keys',
  };
}
