/** Server: INFO, TIME, SHUTDOWN, LOLWUT; COMMAND, CONFIG and others from files of their own. */
import { preciseUnixMs } from '../base/precise-clock.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import { ACL_COMMAND } from './acl.ts';
import { BGREWRITEAOF_COMMAND } from './append-only.ts';
import { COMMAND_COMMAND } from './command.ts';
import { CONFIG_COMMAND } from './config-command.ts';
import { HOTKEYS_COMMAND } from './hotkeys.ts';
import { INTROSPECTION_COMMANDS } from './introspection.ts';
import { LATENCY_COMMAND } from './latency.ts';
import { cmdLolwut } from './lolwut.ts';
import { MONITOR_COMMAND } from './monitor.ts';
import { PERSISTENCE_COMMANDS } from './persistence.ts';
import { REPLICATION_COMMANDS } from './replication.ts';
import { replyWhenDone, textsFrom, wordIs, writeOutcome } from './session-reply.ts';
import { SLOWLOG_COMMAND } from './slowlog.ts';
import type { CommandSpec, SessionContext } from './spec.ts';

function cmdInfo(ctx: SessionContext): void {
  const sections = textsFrom(ctx, 1).map((section) => section.toLowerCase());
  replyWhenDone<string>(
    ctx,
    (done) => ctx.server.info(sections, done),
    (reply, text) => reply.verbatim(text, 'txt'),
  );
}

function cmdTime(ctx: SessionContext): void {
  const { reply } = ctx;
  const nowMs = preciseUnixMs(ctx.state.nowMs);
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
  ...REPLICATION_COMMANDS,
  ...PERSISTENCE_COMMANDS,
  COMMAND_COMMAND,
  CONFIG_COMMAND,
  BGREWRITEAOF_COMMAND,
  MONITOR_COMMAND,
  ...INTROSPECTION_COMMANDS,
  ACL_COMMAND,
  HOTKEYS_COMMAND,
  LATENCY_COMMAND,
  SLOWLOG_COMMAND,
];
