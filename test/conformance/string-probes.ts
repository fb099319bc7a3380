/**
 * Commands of other families in their smallest form, so that strings can be tested without those
 * families.
 */
import { LIST_COMMANDS } from '../../src/commands/list.ts';
import {
  type CommandContext,
  type CommandSpec,
  DONE,
  oneKey,
  type RunStatus,
} from '../../src/commands/spec.ts';
import { ENCODING_NAMES } from '../../src/keyspace/entry.ts';
import { NO_TTL } from '../../src/keyspace/shard.ts';

function probe(
  name: string,
  index: number,
  arity: number,
  run: (ctx: CommandContext) => RunStatus,
): CommandSpec {
  return {
    name,
    summary: 'A probe for tests.',
    since: '1.0.0',
    group: 'generic',
    arity,
    flags: [],
    acl: [],
    keys: [oneKey(index, 'RW')],
    syntax: 'key',
    place: 'shard',
    shards: 'keys',
    run,
  };
}

function encoding(ctx: CommandContext): RunStatus {
  const shard = ctx.at(2);
  const ref = shard.find(ctx.db, ctx.key);
  if (ref === 0) ctx.reply.null();
  else ctx.reply.bulkLatin1(ENCODING_NAMES[shard.encodingOf(ref)]!);
  return DONE;
}

function pexpiretime(ctx: CommandContext): RunStatus {
  const shard = ctx.at(1);
  const ref = shard.find(ctx.db, ctx.key);
  if (ref === 0) ctx.reply.integer(-2);
  else ctx.reply.integer(shard.expireMs(ref) === NO_TTL ? -1 : shard.expireMs(ref));
  return DONE;
}

function exists(ctx: CommandContext): RunStatus {
  ctx.reply.integer(ctx.at(1).find(ctx.db, ctx.key) === 0 ? 0 : 1);
  return DONE;
}

function del(ctx: CommandContext): RunStatus {
  ctx.reply.integer(ctx.at(1).delete(ctx.db, ctx.key) ? 1 : 0);
  return DONE;
}

export const PROBE_COMMANDS: readonly CommandSpec[] = [
  { ...probe('object', 2, -2, encoding), subcommands: [probe('encoding', 2, 3, encoding)] },
  probe('pexpiretime', 1, 2, pexpiretime),
  probe('exists', 1, 2, exists),
  probe('del', 1, 2, del),
  // Something that is no string.
  ...LIST_COMMANDS.filter(({ name }) => name === 'lpush'),
];
