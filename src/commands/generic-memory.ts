/** MEMORY: what keys and the whole keyspace occupy. */
import { asciiBytes } from '../base/bytes.ts';
import { peekUnheard } from '../keyspace/peek.ts';
import { rootBytes } from '../keyspace/root-bytes.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import { helpCommand, replyUnknownSubcommand } from './help.ts';
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
/** A key's share of the index at its usual fill: 64 bytes for eight keys. */
const INDEX_BYTES_PER_KEY = 8;
const PURGE_BYTES_PER_CALL = 1024 ** 3;

const HELP = [
  'DOCTOR',
  '    A report of memory problems.',
  'MALLOC-STATS',
  "    Figures of the shards' allocators.",
  'PURGE',
  '    Gives memory that holds nothing back to the system now.',
  'STATS',
  '    Memory usage of the whole server, by purpose.',
  'USAGE <key> [SAMPLES <count>]',
  '    Bytes that <key> and its value occupy. Of nested values <count> are looked at',
  '    (5 unless told, 0 for all).',
];

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
  else reply.integer(shard.entryBytes(ref) + rootBytes(shard, ref) + INDEX_BYTES_PER_KEY);
  return DONE;
}

/** Sums over all shards, in keys and bytes. */
interface Totals {
  keys: number;
  startup: number;
  used: number;
  held: number;
  touched: number;
}

/** Header words that any thread may read, so nothing is held. */
function totals(ctx: CommandContext): Totals {
  const sum = { keys: 0, startup: 0, used: 0, held: 0, touched: 0 };
  for (const shard of ctx.shards) {
    for (let db = 0; db < shard.databases; db++) sum.keys += shard.size(db);
    sum.startup += shard.arena.frontBytes;
    sum.used += shard.arena.usedBytes();
    sum.held += shard.arena.heldBytes();
    sum.touched += shard.arena.touchedBytes();
  }
  return sum;
}

/** Fields of Redis that have no counterpart here are 0; clients read the map by name. */
function cmdStats(ctx: CommandContext): RunStatus {
  const { keys, startup, used, held, touched } = totals(ctx);
  const overhead = keys * INDEX_BYTES_PER_KEY;
  const integers: readonly (readonly [string, number])[] = [
    ['peak.allocated', used + startup],
    ['total.allocated', used + startup],
    ['startup.allocated', startup],
    ['replication.backlog', 0],
    ['clients.slaves', 0],
    ['clients.normal', 0],
    ['cluster.links', 0],
    ['aof.buffer', 0],
    ['lua.caches', 0],
    ['functions.caches', 0],
    ['overhead.total', overhead + startup],
    ['keys.count', keys],
    ['keys.bytes-per-key', keys === 0 ? 0 : Math.floor(used / keys)],
    ['dataset.bytes', Math.max(0, used - overhead)],
    ['allocator.allocated', used],
    ['allocator.active', held],
    ['allocator.resident', touched],
    ['allocator-fragmentation.bytes', held - used],
    ['fragmentation.bytes', touched - used],
  ];
  const ratioOf = (bytes: number) => (used === 0 ? 0 : bytes / used);
  const doubles: readonly (readonly [string, number])[] = [
    ['dataset.percentage', used === 0 ? 0 : ((used - overhead) * 100) / used],
    ['peak.percentage', used === 0 ? 0 : 100],
    ['allocator-fragmentation.ratio', ratioOf(held)],
    ['fragmentation', ratioOf(touched)],
  ];
  const { reply } = ctx;
  reply.map(integers.length + doubles.length);
  for (const [name, value] of integers) {
    reply.bulkLatin1(name);
    reply.integer(value);
  }
  for (const [name, value] of doubles) {
    reply.bulkLatin1(name);
    reply.double(value);
  }
  return DONE;
}

function cmdDoctor(ctx: CommandContext): RunStatus {
  const { used, touched } = totals(ctx);
  const text =
    used === 0
      ? 'Nothing to examine: there are no keys yet.'
      : `Keys occupy ${used} bytes of ${touched} bytes committed. No problem was found.`;
  ctx.reply.verbatim(text, 'txt');
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

function cmdMallocStats(ctx: CommandContext): RunStatus {
  let text = '';
  for (const { index, arena } of ctx.shards) {
    text += `shard ${index}: used ${arena.usedBytes()} bytes, committed at most `;
    text += `${arena.touchedBytes()} bytes, reserved ${arena.capacityBytes()} bytes\n`;
  }
  ctx.reply.verbatim(text, 'txt');
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
      memorySpec('doctor', 'Reports memory problems.', cmdDoctor),
      memorySpec('malloc-stats', 'Returns figures of the allocators.', cmdMallocStats),
      memorySpec('purge', 'Gives unused memory back to the system.', cmdPurge, { shards: 'all' }),
      memorySpec('stats', 'Returns the memory usage of the server.', cmdStats),
      memorySpec('usage', 'Returns the bytes that a key and its value occupy.', cmdUsage, {
        arity: -3,
        flags: ['readonly'],
        keys: [oneKey(2, 'RO')],
        syntax: 'key [SAMPLES count:integer]',
      }),
      helpCommand('MEMORY', { since: '4.0.0', group: 'server', acl: [] }, HELP),
    ],
  },
];
