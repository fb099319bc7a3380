/** Commands on whole databases: DBSIZE, FLUSHDB, FLUSHALL, SWAPDB. All hold every shard. */
import { asciiBytes } from '../base/bytes.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import { logPrefix } from './log-effects.ts';
import { type CommandContext, type CommandSpec, DONE, type RunStatus } from './spec.ts';

const FLUSHDB = asciiBytes('FLUSHDB');
const FLUSHALL = asciiBytes('FLUSHALL');
const SYNC = asciiBytes('SYNC');
const ASYNC = asciiBytes('ASYNC');
const INT32_MAX = 0x7fffffff;

function cmdDbSize(ctx: CommandContext): RunStatus {
  let size = 0;
  for (const shard of ctx.shards) size += shard.size(ctx.db);
  ctx.reply.integer(size);
  return DONE;
}

/**
 * SYNC and ASYNC are one here: the keys are gone at once, their memory is freed by the owners
 * slice by slice.
 */
function isFlushSyntax(ctx: CommandContext): boolean {
  const { args } = ctx;
  if (args.count === 1) return true;
  if (args.count !== 2) return false;
  return args.equalsIgnoreCase(1, SYNC) || args.equalsIgnoreCase(1, ASYNC);
}

/** Empties databases [from, to). As in Redis, it is logged where there was nothing, too. */
function flush(ctx: CommandContext, from: number, to: number, name: Uint8Array): RunStatus {
  if (!isFlushSyntax(ctx)) {
    ctx.reply.errorBytes(ERROR_BYTES.SYNTAX);
    return DONE;
  }
  for (const shard of ctx.shards) {
    for (let db = from; db < to; db++) shard.flush(db);
  }
  ctx.state.flushed();
  ctx.reply.ok();
  logPrefix(ctx, name, ctx.args.count);
  return DONE;
}

function cmdFlushAll(ctx: CommandContext): RunStatus {
  if (isFlushSyntax(ctx)) ctx.state.flushes += 1;
  return flush(ctx, 0, ctx.limits.databases, FLUSHALL);
}

function cmdSwapDb(ctx: CommandContext): RunStatus {
  const { args, reply, limits } = ctx;
  const a = args.toInt(1);
  const b = args.toInt(2);
  if (!(a <= INT32_MAX && a >= -INT32_MAX - 1)) {
    reply.errorBytes(ERROR_BYTES.INVALID_FIRST_DB_INDEX);
  } else if (!(b <= INT32_MAX && b >= -INT32_MAX - 1)) {
    reply.errorBytes(ERROR_BYTES.INVALID_SECOND_DB_INDEX);
  } else if (Math.min(a, b) < 0 || Math.max(a, b) >= limits.databases) {
    reply.errorBytes(ERROR_BYTES.DB_OUT_OF_RANGE);
  } else {
    for (const shard of ctx.shards) shard.swap(a, b);
    reply.ok();
  }
  return DONE;
}

export const DATABASE_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'dbsize',
    summary: 'Returns the number of keys in the database.',
    since: '1.0.0',
    group: 'server',
    arity: 1,
    flags: ['readonly', 'fast'],
    acl: ['keyspace'],
    keys: [],
    syntax: '',
    place: 'shard',
    shards: 'all',
    run: cmdDbSize,
  },
  {
    name: 'flushdb',
    summary: 'Deletes all keys of the database.',
    since: '1.0.0',
    group: 'server',
    arity: -1,
    flags: ['write'],
    acl: ['keyspace', 'dangerous'],
    keys: [],
    syntax: '[ASYNC | SYNC]',
    place: 'shard',
    shards: 'all',
    run: (ctx) => flush(ctx, ctx.db, ctx.db + 1, FLUSHDB),
  },
  {
    name: 'flushall',
    summary: 'Deletes all keys of all databases.',
    since: '1.0.0',
    group: 'server',
    arity: -1,
    flags: ['write'],
    acl: ['keyspace', 'dangerous'],
    keys: [],
    syntax: '[ASYNC | SYNC]',
    place: 'shard',
    shards: 'all',
    run: cmdFlushAll,
  },
  {
    name: 'swapdb',
    summary: 'Exchanges the contents of two databases.',
    since: '4.0.0',
    group: 'server',
    arity: 3,
    flags: ['write', 'fast'],
    acl: ['keyspace', 'dangerous'],
    keys: [],
    syntax: 'index1:integer index2:integer',
    place: 'shard',
    shards: 'all',
    run: cmdSwapDb,
  },
];
