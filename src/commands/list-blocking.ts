/** Lists: commands that wait until there is an element. */
import { asciiBytes } from '../base/bytes.ts';
import { TYPE_LIST } from '../keyspace/entry.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import { popOrWait, popOrWaitRow, takeOrWait, takeOrWaitRow, timeoutMs } from './blocking.ts';
import { moveOne, moveRow, popFirst, popOne, sideOf } from './list-ends.ts';
import { moveMany } from './list-move-many.ts';
import { logArgument, logPop } from './log-effects.ts';
import { type CommandContext, type CommandSpec, DONE, type RunStatus } from './spec.ts';

const LPOP = asciiBytes('LPOP');
const RPOP = asciiBytes('RPOP');
const LMOVE = asciiBytes('LMOVE');
const RPOPLPUSH = asciiBytes('RPOPLPUSH');

/** BLPOP and BRPOP. */
function blockingPop(ctx: CommandContext, atHead: boolean): RunStatus {
  const { args, reply } = ctx;
  return takeOrWait(ctx, TYPE_LIST, (index, ref) => {
    reply.array(2);
    reply.bulk(args.buf, args.offset[index]!, args.end(index));
    popOne(ctx, ctx.at(index), ref, atHead);
    logPop(ctx, atHead ? LPOP : RPOP, index, 1);
  });
}

/** Has the client wait for the list at argument 1, whose elements go to that at argument 2. */
function waitToMove(ctx: CommandContext, ms: number, isNullReply: boolean): void {
  ctx.block({ first: 1, count: 1, type: TYPE_LIST, target: 2, timeoutMs: ms, isNullReply });
}

/** BLMOVE and BRPOPLPUSH, whose time-out is argument `timeoutAt`. */
function blockingMove(
  ctx: CommandContext,
  fromHead: boolean,
  toHead: boolean,
  timeoutAt: number,
): RunStatus {
  const ms = timeoutMs(ctx, timeoutAt);
  if (ms < 0) return DONE;
  const { dirty } = ctx.state;
  const { effects, db } = ctx;
  const status = moveOne(ctx, fromHead, toHead, () => waitToMove(ctx, ms, true));
  if (ctx.state.dirty === dirty || !effects.isOn) return status;
  const isPlain = timeoutAt === 3;
  effects.command(db, isPlain ? RPOPLPUSH : LMOVE, isPlain ? 3 : 5);
  for (let i = 1; i < timeoutAt; i++) logArgument(ctx, i);
  return status;
}

function cmdBlmove(ctx: CommandContext): RunStatus {
  const from = sideOf(ctx, 3);
  const to = sideOf(ctx, 4);
  if (from >= 0 && to >= 0) return blockingMove(ctx, from === 1, to === 1, 5);
  ctx.reply.errorBytes(ERROR_BYTES.SYNTAX);
  return DONE;
}

function cmdBlmovem(ctx: CommandContext): RunStatus {
  const ms = timeoutMs(ctx, 5);
  if (ms < 0) return DONE;
  return moveMany(ctx, 6, () => waitToMove(ctx, ms, false));
}

function popRow(name: string, atHead: boolean): CommandSpec {
  const end = atHead ? 'head' : 'tail';
  const what = `the element at the ${end} of the first list that has one`;
  const run = (ctx: CommandContext) => blockingPop(ctx, atHead);
  const summary = `Removes ${what}, or waits for it.`;
  return takeOrWaitRow({ name, summary, group: 'list', acl: 'list', run }, '2.0.0', false);
}

const ONE = 'Moves an element from an end of one list to an end of another, or waits for it.';
const MANY = 'Moves elements from an end of one list to an end of another, or waits for them.';

/** The same commands as those that do not wait, but for what a time-out brings with it. */
function blockingMoveRow(row: CommandSpec, summary: string): CommandSpec {
  return { ...row, summary, flags: ['write', 'denyoom', 'blocking'] };
}

const SIDES = '<LEFT | RIGHT> <LEFT | RIGHT>';

export const LIST_BLOCKING_COMMANDS: readonly CommandSpec[] = [
  popRow('blpop', true),
  popRow('brpop', false),
  blockingMoveRow(
    moveRow('blmove', 6, '6.2.0', `source:key destination:key ${SIDES} timeout:double`, cmdBlmove),
    ONE,
  ),
  blockingMoveRow(
    moveRow('brpoplpush', 4, '2.2.0', 'source:key destination:key timeout:double', (ctx) =>
      blockingMove(ctx, false, true, 3),
    ),
    ONE,
  ),
  blockingMoveRow(
    moveRow(
      'blmovem',
      -6,
      '8.10.0',
      `source:key destination:key ${SIDES} timeout:double ` +
        '[<COUNT count | EXACTLY exactly:integer> <OBO | BULK>]',
      cmdBlmovem,
    ),
    MANY,
  ),
  popOrWaitRow(
    {
      name: 'blmpop',
      summary: 'Removes elements of the first list that has any, or waits for them.',
      group: 'list',
      acl: 'list',
      run: (ctx) => popOrWait(ctx, TYPE_LIST, popFirst),
    },
    'LEFT | RIGHT',
  ),
];
