/** Sorted sets: commands that wait until there is a member. */
import { asciiBytes } from '../base/bytes.ts';
import { TYPE_ZSET } from '../keyspace/entry.ts';
import { popOrWait, popOrWaitRow, takeOrWait, takeOrWaitRow } from './blocking.ts';
import { logPop } from './log-effects.ts';
import type { CommandContext, CommandSpec, RunStatus } from './spec.ts';
import { popCounted, popFirst } from './zset-remove.ts';
import { scoredReply } from './zset-reply.ts';

const ZPOPMIN = asciiBytes('ZPOPMIN');
const ZPOPMAX = asciiBytes('ZPOPMAX');

/** BZPOPMIN and BZPOPMAX: key, member and score in one flat array. */
function blockingPop(ctx: CommandContext, isMax: boolean): RunStatus {
  const { args, reply } = ctx;
  return takeOrWait(ctx, TYPE_ZSET, (index, ref) => {
    reply.array(3);
    reply.bulk(args.buf, args.offset[index]!, args.end(index));
    scoredReply.continue(reply);
    popCounted(ctx, ctx.at(index), ref, 1, isMax);
    logPop(ctx, isMax ? ZPOPMAX : ZPOPMIN, index, 1);
  });
}

function popRow(name: string, isMax: boolean): CommandSpec {
  const end = isMax ? 'highest' : 'lowest';
  const summary = `Removes the member with the ${end} score of a sorted set, or waits for one.`;
  const run = (ctx: CommandContext) => blockingPop(ctx, isMax);
  return takeOrWaitRow(
    { name, summary, group: 'sorted-set', acl: 'sortedset', run },
    '5.0.0',
    true,
  );
}

export const ZSET_BLOCKING_COMMANDS: readonly CommandSpec[] = [
  popRow('bzpopmin', false),
  popRow('bzpopmax', true),
  popOrWaitRow(
    {
      name: 'bzmpop',
      summary: 'Removes members at an end of the first sorted set that has any, or waits for them.',
      group: 'sorted-set',
      acl: 'sortedset',
      run: (ctx) => popOrWait(ctx, TYPE_ZSET, popFirst),
    },
    'MIN | MAX',
  ),
];
