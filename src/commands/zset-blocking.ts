/** Sorted sets: commands that wait until there is a member. */
import { asciiBytes } from '../base/bytes.ts';
import { TYPE_ZSET } from '../keyspace/entry.ts';
import { timeoutMs, waitForKeys } from './blocking.ts';
import { writeTyped } from './collection.ts';
import { logPop } from './log-effects.ts';
import { type CommandContext, type CommandSpec, DONE, type RunStatus } from './spec.ts';
import { popCounted, popFirst } from './zset-remove.ts';
import { scoredReply } from './zset-reply.ts';

const ZPOPMIN = asciiBytes('ZPOPMIN');
const ZPOPMAX = asciiBytes('ZPOPMAX');

/** BZPOPMIN and BZPOPMAX: key, member and score in one flat array. */
function blockingPop(ctx: CommandContext, isMax: boolean): RunStatus {
  const { args, reply } = ctx;
  const last = args.count - 1;
  const ms = timeoutMs(ctx, last);
  if (ms < 0) return DONE;
  for (let i = 1; i < last; i++) {
    if (ctx.servedKey !== 0 && ctx.servedKey !== i) continue;
    const ref = writeTyped(ctx, i, TYPE_ZSET);
    if (ref < 0) return DONE;
    if (ref === 0) continue;
    reply.array(3);
    reply.bulk(args.buf, args.offset[i]!, args.end(i));
    scoredReply.continue(reply);
    popCounted(ctx, ctx.at(i), ref, 1, isMax);
    logPop(ctx, isMax ? ZPOPMAX : ZPOPMIN, i, 1);
    return DONE;
  }
  waitForKeys(ctx, TYPE_ZSET, 1, last - 1, ms);
  return DONE;
}

function cmdBzmpop(ctx: CommandContext): RunStatus {
  const ms = timeoutMs(ctx, 1);
  if (ms < 0) return DONE;
  return popFirst(ctx, 2, (keys) => waitForKeys(ctx, TYPE_ZSET, 3, keys, ms));
}

function popRow(name: string, isMax: boolean): CommandSpec {
  const end = isMax ? 'highest' : 'lowest';
  return {
    name,
    summary: `Removes the member with the ${end} score of a sorted set, or waits for one.`,
    since: '5.0.0',
    group: 'sorted-set',
    arity: -3,
    flags: ['write', 'fast', 'blocking'],
    acl: ['sortedset'],
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
    run: (ctx) => blockingPop(ctx, isMax),
  };
}

export const ZSET_BLOCKING_COMMANDS: readonly CommandSpec[] = [
  popRow('bzpopmin', false),
  popRow('bzpopmax', true),
  {
    name: 'bzmpop',
    summary: 'Removes members at an end of the first sorted set that has any, or waits for them.',
    since: '7.0.0',
    group: 'sorted-set',
    arity: -5,
    flags: ['write', 'blocking'],
    acl: ['sortedset'],
    keys: [
      {
        flags: ['RW', 'ACCESS', 'DELETE'],
        begin: 2,
        find: { kind: 'keynum', numberAt: 0, first: 1, step: 1 },
      },
    ],
    syntax: 'timeout:double numkeys:integer key [key ...] <MIN | MAX> [COUNT count:integer]',
    place: 'shard',
    shards: 'keys',
    run: cmdBzmpop,
  },
];
