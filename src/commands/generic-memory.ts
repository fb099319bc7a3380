/** MEMORY: what keys occupy, and giving memory back; its reports are in memory-reports.ts. */
import { asciiBytes } from '../base/bytes.ts';
import { peekUnheard } from '../keyspace/peek.ts';
import { keyBytes } from '../keyspace/root-bytes.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import { replyUnknownSubcommand } from './help.ts';
import { MEMORY_REPORTS } from './memory-reports.ts';
import {
  type CommandContext,
  type CommandFlag,
  type CommandSpec,
  DONE,
  type KeySpec,
  oneKey,
  type RunStatus,
  type ShardCommandSpec,
} from './spec.ts';

const SAMPLES = asciiBytes('SAMPLES');
const PURGE_BYTES_PER_CALL = 1024 ** 3;

/** Strings have nothing nested, so SAMPLES is checked and has no effect on them. */
function cmdUsage(ctx: CommandContext): RunStatus {
  const { args, reply } = ctx;
  for (let i = 3; i < args.count; i += 2) {
    if (i + 1 >= args.count || !args.equalsIgnoreCase(i, SAMPLES)) {
      reply.errorBytes(ERROR_BYTES.SYNTAX);
      return DONE;
    }
    const samples = args.toInt(i + 1);
    if (!(samples >= 0)) {
      reply.errorBytes(Number.isNaN(samples) ? ERROR_BYTES.NOT_INTEGER : ERROR_BYTES.SYNTAX);
      return DONE;
    }
  }
  const shard = ctx.at(2);
  const ref = peekUnheard(shard, ctx.db, ctx.key);
  if (ref === 0) reply.null();
  else reply.integer(keyBytes(shard, ref));
  return DONE;
}

function cmdPurge(ctx: CommandContext): RunStatus {
  for (const { arena } of ctx.shards) {
    arena.trim();
    while (arena.release(PURGE_BYTES_PER_CALL) > 0);
  }
  ctx.reply.ok();
  return DONE;
}

function memorySpec(
  name: string,
  summary: string,
  run: (ctx: CommandContext) => RunStatus,
  more: {
    arity?: number;
    flags?: readonly CommandFlag[];
    keys?: readonly KeySpec[];
    syntax?: string;
    shards?: ShardCommandSpec['shards'];
  } = {},
): CommandSpec {
  return {
    name,
    summary,
    since: '4.0.0',
    group: 'server',
    arity: more.arity ?? 2,
    flags: more.flags ?? [],
    acl: [],
    keys: more.keys ?? [],
    syntax: more.syntax ?? '',
    place: 'shard',
    shards: more.shards ?? 'keys',
    run,
  };
}

export const MEMORY_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'memory',
    summary: 'Examines memory usage.',
    since: '4.0.0',
    group: 'server',
    arity: -2,
    flags: [],
    acl: [],
    keys: [],
    syntax: '',
    place: 'session',
    run: replyUnknownSubcommand('MEMORY'),
    subcommands: [
      ...MEMORY_REPORTS,
      memorySpec('purge', 'Gives unused memory back to the system.', cmdPurge, { shards: 'all' }),
      memorySpec('usage', 'Returns the bytes that a key and its value occupy.', cmdUsage, {
        arity: -3,
        flags: ['readonly'],
        keys: [oneKey(2, 'RO')],
        syntax: 'key [SAMPLES count:integer]',
      }),
    ],
  },
];
