/**
 * What exporters ask besides INFO: SLOWLOG, LATENCY and MODULE, as far as there is something
 * to answer.
 */
import { subcommandSyntax } from '../resp/errors.ts';
import { container } from './session-reply.ts';
import type { CommandSpec, SessionContext } from './spec.ts';

function replyEmpty(ctx: SessionContext): void {
  ctx.reply.array(0);
}

function replyZero(ctx: SessionContext): void {
  ctx.reply.integer(0);
}

function replyOk(ctx: SessionContext): void {
  ctx.reply.ok();
}

function cmdSlowlogGet(ctx: SessionContext): void {
  const { args, reply } = ctx;
  if (args.count > 3) reply.error(subcommandSyntax('SLOWLOG', ctx.text(1)));
  else if (args.count === 3 && !(args.toInt(2) >= -1)) {
    reply.error('ERR count should be greater than or equal to -1');
  } else reply.array(0);
}

const ADMIN = ['admin', 'noscript', 'loading', 'stale'] as const;
const SLOWLOG_FLAGS = ['admin', 'loading', 'stale'] as const;

const SLOWLOG = container(
  {
    name: 'slowlog',
    summary: 'Contains the commands about the log of slow commands.',
    since: '2.2.12',
    group: 'server',
    acl: [],
    helpSince: '6.2.0',
    help: [
      'GET [<count>]',
      '    Shows the latest entries of the log (default: 10, -1: all).',
      'LEN',
      '    Shows how many entries the log has.',
      'RESET',
      '    Empties the log.',
    ],
  },
  [
    {
      name: 'get',
      summary: 'Returns entries of the log of slow commands.',
      since: '2.2.12',
      arity: -2,
      flags: SLOWLOG_FLAGS,
      syntax: '[count]',
      run: cmdSlowlogGet,
    },
    {
      name: 'len',
      summary: 'Returns the number of entries in the log of slow commands.',
      since: '2.2.12',
      arity: 2,
      flags: SLOWLOG_FLAGS,
      run: replyZero,
    },
    {
      name: 'reset',
      summary: 'Empties the log of slow commands.',
      since: '2.2.12',
      arity: 2,
      flags: SLOWLOG_FLAGS,
      run: replyOk,
    },
  ],
);

const LATENCY = container(
  {
    name: 'latency',
    summary: 'Contains the commands about latency events.',
    since: '2.8.13',
    group: 'server',
    acl: [],
    helpSince: '2.8.13',
    help: [
      'HISTORY <event>',
      '    Shows the samples of an event.',
      'LATEST',
      '    Shows the latest sample of every event.',
      'RESET [<event> ...]',
      '    Forgets the samples of the given events, or of all.',
    ],
  },
  [
    {
      name: 'history',
      summary: 'Returns the samples of a latency event.',
      since: '2.8.13',
      arity: 3,
      flags: ADMIN,
      syntax: 'event',
      run: replyEmpty,
    },
    {
      name: 'latest',
      summary: 'Returns the latest sample of every latency event.',
      since: '2.8.13',
      arity: 2,
      flags: ADMIN,
      run: replyEmpty,
    },
    {
      name: 'reset',
      summary: 'Forgets the samples of latency events.',
      since: '2.8.13',
      arity: -2,
      flags: ADMIN,
      syntax: '[event [event ...]]',
      run: replyZero,
    },
  ],
);

const MODULE = container(
  {
    name: 'module',
    summary: 'Contains the commands about modules.',
    since: '4.0.0',
    group: 'server',
    acl: [],
    helpSince: '5.0.0',
    help: ['LIST', '    Lists the loaded modules.'],
  },
  [
    {
      name: 'list',
      summary: 'Lists the loaded modules; there are none.',
      since: '4.0.0',
      arity: 2,
      flags: ['admin', 'noscript'],
      run: replyEmpty,
    },
  ],
);

export const INTROSPECTION_COMMANDS: readonly CommandSpec[] = [SLOWLOG, LATENCY, MODULE];
