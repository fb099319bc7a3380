/**
 * Replication: ROLE, REPLICAOF, FAILOVER, and what a replica says to its master. There is none yet:
 * the server is a master without replicas, and says so to whom wants it to be more.
 */
import { ERROR_BYTES } from '../resp/errors.ts';
import { wordIs } from './session-reply.ts';
import type { CommandSpec, SessionContext } from './spec.ts';

const PORT_MAX = 65535;
const HOST_LENGTH_MAX = 255;
const NO_REPLICAS_YET = 'ERR This server cannot have replicas yet';

function cmdRole(ctx: SessionContext): void {
  ctx.reply.array(3);
  ctx.reply.bulkLatin1('master');
  ctx.reply.integer(0);
  ctx.reply.array(0);
}

function cmdReplicaof(ctx: SessionContext): void {
  const { args, reply } = ctx;
  const port = args.toInt(2);
  if (wordIs(ctx, 1, 'NO') && wordIs(ctx, 2, 'ONE')) reply.ok();
  else if (!(port >= 0 && port <= PORT_MAX)) reply.error('ERR Invalid master port');
  else reply.error('ERR This server cannot be a replica yet');
}

/** What is wrong with the arguments of FAILOVER, or null. Each option may be given once. */
function failoverError(ctx: SessionContext): Uint8Array | null {
  const { args } = ctx;
  const given = new Set<string>();
  for (let i = 1; i < args.count; i++) {
    const option = ctx.text(i).toUpperCase();
    const following = args.count - i - 1;
    if (given.has(option)) return ERROR_BYTES.SYNTAX;
    given.add(option);
    if (option === 'TIMEOUT' && following >= 1) {
      i += 1;
      const ms = args.toInt(i);
      if (Number.isNaN(ms)) return ERROR_BYTES.NOT_INTEGER;
      if (ms <= 0) return ERROR_BYTES.FAILOVER_TIMEOUT;
    } else if (option === 'TO' && following >= 2) {
      i += 2;
      if (Number.isNaN(args.toInt(i))) return ERROR_BYTES.NOT_INTEGER;
    } else if (option !== 'FORCE') {
      return ERROR_BYTES.SYNTAX;
    }
  }
  return null;
}

function cmdFailover(ctx: SessionContext): void {
  const isAbort = ctx.args.count === 2 && wordIs(ctx, 1, 'ABORT');
  if (isAbort) ctx.reply.errorBytes(ERROR_BYTES.NO_FAILOVER);
  else ctx.reply.errorBytes(failoverError(ctx) ?? ERROR_BYTES.FAILOVER_NO_REPLICAS);
}

/** An error text for an option of REPLCONF, null where it is right. Nothing is kept of it. */
function replconfError(ctx: SessionContext, option: string, at: number): string | null {
  const { args } = ctx;
  if (option === 'listening-port') {
    return Number.isNaN(args.toInt(at)) ? 'ERR value is not an integer or out of range' : null;
  }
  if (option === 'ip-address') {
    const length = args.length[at]!;
    if (length <= HOST_LENGTH_MAX) return null;
    return `ERR REPLCONF ip-address provided by replica instance is too long: ${length} bytes`;
  }
  if (option === 'rdb-only') {
    const value = args.toInt(at);
    if (Number.isNaN(value)) return 'ERR value is not an integer or out of range';
    if (value === 0 || value === 1) return null;
    return 'ERR value is out of range, value must between 0 and 1';
  }
  if (option === 'rdb-filter-only') {
    const filters = ctx.text(at).split(/\s+/);
    const other = filters.find((filter) => !/^(functions)?$/i.test(filter));
    return other === undefined ? null : `ERR Unsupported rdb-filter-only option: ${other}`;
  }
  if (option === 'capa') return null;
  return `ERR Unrecognized REPLCONF option: ${ctx.text(at - 1)}`;
}

/**
 * What a replica tells about itself before it asks for data, which is refused then. ACK and GETACK
 * get no reply, except in a transaction: an array without one of its replies would be no reply.
 */
function cmdReplconf(ctx: SessionContext): void {
  const { args, reply } = ctx;
  if (args.count % 2 === 0) {
    reply.errorBytes(ERROR_BYTES.SYNTAX);
    return;
  }
  for (let i = 1; i < args.count; i += 2) {
    const option = ctx.text(i).toLowerCase();
    if (option === 'ack' || option === 'getack') {
      if (!ctx.canSuspend) reply.ok();
      return;
    }
    const error = replconfError(ctx, option, i + 1);
    if (error === null) continue;
    reply.error(error);
    return;
  }
  reply.ok();
}

function cmdSync(ctx: SessionContext): void {
  ctx.reply.error(NO_REPLICAS_YET);
}

/** What the rows of this file have in common. */
const COMMON = {
  group: 'server',
  acl: [],
  keys: [],
  syntax: '',
  place: 'session',
} as const;

const REPLICAOF = {
  ...COMMON,
  arity: 3,
  flags: ['admin', 'noscript', 'stale', 'no_async_loading'],
  syntax: '<host port | NO ONE>',
  run: cmdReplicaof,
} as const;

const SYNC_FLAGS = ['admin', 'noscript', 'no_async_loading', 'no_multi'] as const;

export const REPLICATION_COMMANDS: readonly CommandSpec[] = [
  {
    ...COMMON,
    name: 'role',
    summary: 'Returns the replication role of the server.',
    since: '2.8.12',
    arity: 1,
    flags: ['noscript', 'loading', 'stale', 'fast'],
    acl: ['admin', 'dangerous'],
    run: cmdRole,
  },
  {
    name: 'replicaof',
    summary: 'Makes the server a replica of another, or a master.',
    since: '5.0.0',
    ...REPLICAOF,
  },
  {
    name: 'slaveof',
    summary: 'The older name of REPLICAOF.',
    since: '1.0.0',
    ...REPLICAOF,
  },
  {
    ...COMMON,
    name: 'failover',
    summary: 'Has a replica take over; there are none.',
    since: '6.2.0',
    arity: -1,
    flags: ['admin', 'noscript', 'stale'],
    syntax: '[TO host port [FORCE]] [ABORT] [TIMEOUT milliseconds]',
    run: cmdFailover,
  },
  {
    ...COMMON,
    name: 'replconf',
    summary: 'What a replica tells its master about itself.',
    since: '3.0.0',
    arity: -1,
    flags: ['admin', 'noscript', 'loading', 'stale', 'allow_busy'],
    run: cmdReplconf,
  },
  {
    ...COMMON,
    name: 'sync',
    summary: 'How a replica asks for all data; refused.',
    since: '1.0.0',
    arity: 1,
    flags: SYNC_FLAGS,
    run: cmdSync,
  },
  {
    ...COMMON,
    name: 'psync',
    summary: 'How a replica asks for what it has missed; refused.',
    since: '2.8.0',
    arity: -3,
    flags: SYNC_FLAGS,
    syntax: 'replicationid offset',
    run: cmdSync,
  },
];
