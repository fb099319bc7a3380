/** WATCH: the one command of transactions that touches shards; the session layer does the rest. */
import { watchKey } from '../keyspace/watch-ops.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import { type CommandContext, type CommandSpec, DONE, keysFrom, type RunStatus } from './spec.ts';

/**
 * Keys watched before the arena turned out to be full stay watched: the session knows them and
 * lets them go.
 */
function cmdWatch(ctx: CommandContext): RunStatus {
  for (let i = 1; i < ctx.args.count; i++) {
    const shard = ctx.at(i);
    const version = watchKey(shard, ctx.db, ctx.key);
    if (version < 0) {
      ctx.reply.errorBytes(ERROR_BYTES.OUT_OF_MEMORY);
      return DONE;
    }
    ctx.noteWatch(shard, ctx.db, ctx.key, version);
  }
  ctx.reply.ok();
  return DONE;
}

export const WATCH_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'watch',
    summary: 'Makes the next transaction depend on keys staying as they are.',
    since: '2.2.0',
    group: 'transactions',
    arity: -2,
    flags: ['noscript', 'loading', 'stale', 'fast', 'allow_busy'],
    acl: ['transaction'],
    keys: [keysFrom(1, 1, 'RO')],
    syntax: 'key [key ...]',
    place: 'shard',
    shards: 'keys',
    run: cmdWatch,
  },
];
