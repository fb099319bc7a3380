/**
 * Server: INFO, TIME, SHUTDOWN, ROLE, WAIT, REPLICAOF, LOLWUT; COMMAND, CONFIG and others from
 * files of their own.
 */

import { ERROR_BYTES } from '../resp/errors.ts';
import { ACL_COMMAND } from './acl.ts';
import { BGREWRITEAOF_COMMAND } from './append-only.ts';
import { COMMAND_COMMAND } from './command.ts';
import { CONFIG_COMMAND } from './config-command.ts';
import { INTROSPECTION_COMMANDS } from './introspection.ts';
import { cmdLolwut } from './lolwut.ts';
import { PERSISTENCE_COMMANDS } from './persistence.ts';
import { replyWhenDone, textsFrom, wordIs, writeOutcome } from './session-reply.ts';
import type { CommandSpec, SessionContext } from './spec.ts';

const PORT_MAX = 65535;

function cmdInfo(ctx: SessionContext): void {
  const sections = textsFrom(ctx, 1).map((section) => section.toLowerCase());
  replyWhenDone<string>(
    ctx,
    (done) => ctx.server.info(sections, done),
    (reply, text) => reply.verbatim(text, 'txt'),
  );
}

/** How far the precise clock may be from the batch's before it is not believed. */
const CLOCK_DRIFT_MS_MAX = 1000;

/** `nowMs` with fractions, where nobody has set the clock since the thread started. */
function preciseMs(nowMs: number): number {
  const precise = performance.timeOrigin + performance.now();
  return Math.abs(precise - nowMs) < CLOCK_DRIFT_MS_MAX ? precise : nowMs;
}

function cmdTime(ctx: SessionContext): void {
  const { reply } = ctx;
  const nowMs = preciseMs(ctx.state.nowMs);
  reply.array(2);
  reply.bulkLatin1(String(Math.floor(nowMs / 1000)));
  reply.bulkLatin1(String(Math.floor((nowMs % 1000) * 1000)));
}

interface ShutdownOptions {
  save: boolean | null;
  now: boolean;
  force: boolean;
  abort: boolean;
}

/** Options of SHUTDOWN, or null where they contradict each other. */
function shutdownOptions(ctx: SessionContext): ShutdownOptions | null {
  const options: ShutdownOptions = { save: null, now: false, force: false, abort: false };
  for (let i = 1; i < ctx.args.count; i++) {
    if (wordIs(ctx, i, 'NOSAVE') && options.save !== true) options.save = false;
    else if (wordIs(ctx, i, 'SAVE') && options.save !== false) options.save = true;
    else if (wordIs(ctx, i, 'NOW')) options.now = true;
    else if (wordIs(ctx, i, 'FORCE')) options.force = true;
    else if (wordIs(ctx, i, 'ABORT')) options.abort = true;
    else return null;
  }
  const others = options.save !== null || options.now || options.force;
  return options.abort && others ? null : options;
}

function cmdShutdown(ctx: SessionContext): void {
  const { reply, server } = ctx;
  const options = shutdownOptions(ctx);
  if (options === null) {
    reply.errorBytes(ERROR_BYTES.SYNTAX);
  } else if (options.abort) {
    replyWhenDone<string | null>(ctx, (done) => server.shutdownAbort(done), writeOutcome);
  } else {
    const { save, now, force } = options;
    replyWhenDone<string>(
      ctx,
      (done) => server.shutdown(save, now, force, done),
      (writer, error) => writer.error(error),
    );
  }
}

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

const REPLICAOF = {
  group: 'server',
  arity: 3,
  flags: ['admin', 'noscript', 'stale', 'no_async_loading'],
  acl: [],
  keys: [],
  syntax: '<host port | NO ONE>',
  place: 'session',
  run: cmdReplicaof,
} as const;

export const SERVER_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'info',
    summary: 'Describes the server and counts what it does.',
    since: '1.0.0',
    group: 'server',
    arity: -1,
    flags: ['loading', 'stale'],
    acl: ['dangerous'],
    keys: [],
    syntax: '[section [section ...]]',
    place: 'session',
    run: cmdInfo,
  },
  {
    name: 'time',
    summary: 'Returns the time of the server: seconds since 1970, and microseconds.',
    since: '2.6.0',
    group: 'server',
    arity: 1,
    flags: ['loading', 'stale', 'fast'],
    acl: [],
    keys: [],
    syntax: '',
    place: 'session',
    run: cmdTime,
  },
  {
    name: 'shutdown',
    summary: 'Saves the data set where that is configured, and ends the server.',
    since: '1.0.0',
    group: 'server',
    arity: -1,
    flags: ['admin', 'noscript', 'loading', 'stale', 'no_multi', 'allow_busy'],
    acl: [],
    keys: [],
    syntax: '[NOSAVE | SAVE] [NOW] [FORCE] [ABORT]',
    place: 'session',
    run: cmdShutdown,
  },
  {
    name: 'role',
    summary: 'Returns the replication role of the server.',
    since: '2.8.12',
    group: 'server',
    arity: 1,
    flags: ['noscript', 'loading', 'stale', 'fast'],
    acl: ['admin', 'dangerous'],
    keys: [],
    syntax: '',
    place: 'session',
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
    name: 'lolwut',
    summary: 'Shows a picture and the versions of the server.',
    since: '5.0.0',
    group: 'server',
    arity: -1,
    flags: ['readonly', 'fast'],
    acl: [],
    keys: [],
    syntax: '[VERSION version]',
    place: 'session',
    run: cmdLolwut,
  },
  ...PERSISTENCE_COMMANDS,
  COMMAND_COMMAND,
  CONFIG_COMMAND,
  BGREWRITEAOF_COMMAND,
  ...INTROSPECTION_COMMANDS,
  ACL_COMMAND,
];
