/**
 * DEBUG: drills and inspection for tests. Whether a client may use it (enable-debug-command) is
 * checked by dispatch.
 *
 * Switches that have nothing to do here are accepted, so that test suites run:
 *   AOF-FLUSH-SLEEP, DELAY-RDB-CLIENT-FREE-SECONDS   no such waits exist
 *   CHANGE-REPL-ID                                   no replication identity
 *   DICT-RESIZING                                    resizes are incremental and bounded
 *   PAUSE-CRON                                       no periodic job races with tests
 *   LISTPACK, QUICKLIST                              the encoding is checked, nothing is printed
 *   QUICKLIST-PACKED-THRESHOLD                       nodes of one element are packs, too; checked
 *   REPLYBUFFER                                      reply buffers belong to threads; checked
 *   SET-DISABLE-DENY-SCRIPTS                         no scripts
 *   SET-SKIP-CHECKSUM-VALIDATION                     nothing with a checksum is loaded
 *   LEAK                                             leaks nothing
 */
import { ENCODING_LISTPACK, ENCODING_LISTPACK_EX, ENCODING_QUICKLIST } from '../keyspace/entry.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import { cmdLoadAof } from './append-only.ts';
import {
  cmdDigest,
  cmdDigestValue,
  cmdHtStats,
  cmdHtStatsKey,
  cmdObject,
  cmdOfEncoding,
  cmdPopulate,
  cmdSdsLen,
  cmdSleep,
  cmdStringMatch,
} from './debug-data.ts';
import { DEBUG_HELP } from './debug-help.ts';
import { cmdProtocol } from './debug-protocol.ts';
import { cmdReload } from './debug-reload.ts';
import { helpCommand } from './help.ts';
import {
  type CommandContext,
  type CommandFlag,
  type CommandSpec,
  DONE,
  type KeySpec,
  keysFrom,
  oneKey,
  type RunStatus,
  type SessionCommandSpec,
  type SessionContext,
  type ShardCommandSpec,
} from './spec.ts';

const FLAGS: readonly CommandFlag[] = ['admin', 'noscript', 'loading', 'stale'];
const MEMORY_PATTERN = /^(\d+)(b|k|kb|m|mb|g|gb)?$/i;
const UNIT_BYTES: Readonly<Record<string, number>> = {
  b: 1,
  k: 1e3,
  kb: 1024,
  m: 1e6,
  mb: 1024 ** 2,
  g: 1e9,
  gb: 1024 ** 3,
};
const PACKED_THRESHOLD_MAX = 4 * 1024 ** 3;

function cmdUnknown(ctx: SessionContext): void {
  const name = ctx.text(1).slice(0, 128);
  ctx.reply.error(
    `ERR unknown subcommand or wrong number of arguments for '${name}'. Try DEBUG HELP.`,
  );
}

function cmdAccepted(ctx: SessionContext): void {
  ctx.reply.ok();
}

/** What the server does for the whole process: crash drills, and the switch of the expire cycle. */
function cmdServer(ctx: SessionContext): void {
  const value = ctx.args.count > 2 ? ctx.text(2) : '';
  const error = ctx.server.debug(ctx.text(1).toLowerCase(), value);
  if (error === null) ctx.reply.ok();
  else ctx.reply.error(error);
}

function cmdLog(ctx: SessionContext): void {
  ctx.server.log('warning', `DEBUG LOG: ${ctx.text(2)}`);
  ctx.reply.ok();
}

/** The text becomes the error reply, whatever it is. */
function cmdError(ctx: SessionContext): void {
  ctx.reply.error(ctx.text(2));
}

function cmdPackedThreshold(ctx: SessionContext): void {
  const match = MEMORY_PATTERN.exec(ctx.text(2));
  const bytes =
    match === null ? Number.NaN : Number(match[1]) * UNIT_BYTES[(match[2] ?? 'b').toLowerCase()]!;
  if (bytes >= 0 && bytes <= PACKED_THRESHOLD_MAX) ctx.reply.ok();
  else ctx.reply.errorBytes(ERROR_BYTES.PACKED_THRESHOLD);
}

function cmdReplyBuffer(ctx: SessionContext): void {
  const what = ctx.text(2).toLowerCase();
  const value = ctx.text(3).toLowerCase();
  if (what === 'peak-reset-time') {
    const isWord = value === 'never' || value === 'reset';
    if (isWord || !Number.isNaN(ctx.args.toInt(3))) ctx.reply.ok();
    else ctx.reply.errorBytes(ERROR_BYTES.NOT_INTEGER);
  } else if (what === 'resizing') {
    ctx.reply.ok();
  } else {
    ctx.reply.error(
      `ERR unknown subcommand or wrong number of arguments for 'replybuffer'. Try DEBUG HELP.`,
    );
  }
}

/** On all shards: the switch is in their memory, where every thread sees it. */
function cmdSkipChecksum(ctx: CommandContext): RunStatus {
  const skips = ctx.args.toInt(2) === 1;
  for (const shard of ctx.shards) shard.skipsChecksum = skips;
  ctx.reply.ok();
  return DONE;
}

function session(
  name: string,
  arity: number,
  syntax: string,
  summary: string,
  run: (ctx: SessionContext) => void,
): SessionCommandSpec {
  return {
    name,
    summary,
    since: '1.0.0',
    group: 'server',
    arity,
    flags: FLAGS,
    acl: [],
    keys: [],
    syntax,
    place: 'session',
    run,
  };
}

function accepted(name: string, arity: number, syntax: string): SessionCommandSpec {
  return session(name, arity, syntax, 'Accepted; has no effect.', cmdAccepted);
}

interface ShardPart {
  readonly shards?: ShardCommandSpec['shards'];
  readonly keys?: readonly KeySpec[];
  readonly access?: 'readonly' | 'write';
  readonly isSlow?: boolean;
}

function onShards(
  name: string,
  arity: number,
  syntax: string,
  summary: string,
  run: ShardCommandSpec['run'],
  part: ShardPart = {},
): ShardCommandSpec {
  return {
    name,
    summary,
    since: '1.0.0',
    group: 'server',
    arity,
    flags: part.access === undefined ? FLAGS : [...FLAGS, part.access],
    acl: [],
    keys: part.keys ?? [],
    syntax,
    place: 'shard',
    shards: part.shards ?? 'keys',
    isSlow: part.isSlow === true,
    run,
  };
}

const READ_KEY: ShardPart = { keys: [oneKey(2, 'RO')], access: 'readonly' };

const DATA_SUBCOMMANDS: readonly CommandSpec[] = [
  onShards('sleep', 3, 'seconds:double', 'Waits.', cmdSleep, { isSlow: true }),
  onShards('digest', 2, '', 'Returns a digest of all data.', cmdDigest, {
    shards: 'all',
    access: 'readonly',
    isSlow: true,
  }),
  onShards('digest-value', -2, 'key [key ...]', 'Returns digests of values.', cmdDigestValue, {
    keys: [keysFrom(2, 1, 'RO')],
    access: 'readonly',
  }),
  onShards('object', -3, 'key [FAST]', 'Shows how a value is kept.', cmdObject, READ_KEY),
  onShards('sdslen', 3, 'key', 'Shows the lengths of a key and its string.', cmdSdsLen, READ_KEY),
  onShards(
    'listpack',
    3,
    'key',
    'Checks that a value is a listpack.',
    cmdOfEncoding([ENCODING_LISTPACK, ENCODING_LISTPACK_EX], ERROR_BYTES.NOT_LISTPACK),
    READ_KEY,
  ),
  onShards(
    'quicklist',
    -3,
    'key [level:integer]',
    'Checks that a value is a quicklist.',
    cmdOfEncoding([ENCODING_QUICKLIST], ERROR_BYTES.NOT_QUICKLIST),
    READ_KEY,
  ),
  onShards(
    'htstats-key',
    -3,
    'key [FULL]',
    "Returns figures of a value's hash table.",
    cmdHtStatsKey,
    READ_KEY,
  ),
  onShards('htstats', -3, 'dbid:integer [FULL]', 'Returns figures of the index.', cmdHtStats),
  onShards(
    'populate',
    -3,
    'count:integer [prefix [size:integer]]',
    'Makes string keys.',
    cmdPopulate,
    { shards: 'all', access: 'write', isSlow: true },
  ),
  onShards(
    'reload',
    -2,
    '[NOSAVE] [NOFLUSH] [MERGE]',
    'Saves the data and loads it again.',
    cmdReload,
    { shards: 'all', access: 'write', isSlow: true },
  ),
  onShards(
    'stringmatch-len',
    4,
    'pattern:pattern string',
    'Matches a glob pattern with a string.',
    cmdStringMatch,
  ),
];

const SKIP_CHECKSUM = onShards(
  'set-skip-checksum-validation',
  3,
  '0 | 1',
  'Has RESTORE take payloads whatever their checksum is.',
  cmdSkipChecksum,
  { shards: 'all' },
);

const SERVER_SUBCOMMANDS: readonly CommandSpec[] = [
  session('protocol', 3, 'type', 'Replies a sample of a reply type.', cmdProtocol),
  session('log', 3, 'message', 'Writes to the log.', cmdLog),
  session('error', 3, 'message', 'Replies an error of that text.', cmdError),
  session('loadaof', 2, '', 'Loads the append-only file again.', cmdLoadAof),
  session('set-active-expire', 3, '0 | 1', 'Switches the expire cycle off and on.', cmdServer),
  session('segfault', 2, '', 'Crashes by a bad memory access.', cmdServer),
  session('panic', 2, '', 'Crashes by an exception.', cmdServer),
  session('assert', 2, '', 'Crashes by a failed assertion.', cmdServer),
  session('oom', 2, '', 'Crashes by lack of memory.', cmdServer),
  session('restart', -2, '[milliseconds:integer]', 'Restarts the server.', cmdServer),
  session(
    'crash-and-recover',
    -2,
    '[milliseconds:integer]',
    'Crashes and starts again.',
    cmdServer,
  ),
  session('quicklist-packed-threshold', 3, 'size', 'Accepted; has no effect.', cmdPackedThreshold),
  session('replybuffer', 4, 'name value', 'Accepted; has no effect.', cmdReplyBuffer),
  accepted('aof-flush-sleep', 3, 'microseconds:integer'),
  accepted('change-repl-id', 2, ''),
  accepted('delay-rdb-client-free-seconds', 3, 'seconds:integer'),
  accepted('dict-resizing', 3, '0 | 1'),
  accepted('leak', 3, 'string'),
  accepted('pause-cron', 3, '0 | 1'),
  accepted('set-disable-deny-scripts', 3, '0 | 1'),
  SKIP_CHECKSUM,
];

export const DEBUG_COMMANDS: readonly CommandSpec[] = [
  {
    ...session('debug', -2, '', 'Drills and inspection for tests.', cmdUnknown),
    subcommands: [
      ...DATA_SUBCOMMANDS,
      ...SERVER_SUBCOMMANDS,
      helpCommand('DEBUG', { since: '1.0.0', group: 'server', acl: [] }, DEBUG_HELP),
    ],
  },
];
