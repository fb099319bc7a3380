/**
 * What exporters ask besides INFO: SLOWLOG, LATENCY, ACL and MODULE, as far as there is something
 * to answer.
 */
import { subcommandSyntax } from '../resp/errors.ts';
import { ACL_CATEGORIES, aclCategories } from './acl-categories.ts';
import { CommandIndex } from './command-info.ts';
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

function cmdAclWhoami(ctx: SessionContext): void {
  ctx.reply.bulkLatin1(ctx.session.user);
}

function cmdAclCat(ctx: SessionContext): void {
  const { args, reply } = ctx;
  if (args.count > 3) {
    reply.error(subcommandSyntax('ACL', ctx.text(1)));
    return;
  }
  if (args.count === 2) {
    reply.array(ACL_CATEGORIES.length);
    for (const name of ACL_CATEGORIES) reply.bulkLatin1(name);
    return;
  }
  const category = ctx.text(2).toLowerCase();
  if (!ACL_CATEGORIES.some((name) => name === category)) {
    reply.error(`ERR Unknown category '${ctx.text(2)}'`);
    return;
  }
  const all = CommandIndex.of(ctx.server.commands).all;
  const members = all.filter(({ spec }) => aclCategories(spec).includes(category));
  reply.array(members.length);
  for (const { fullName } of members) reply.bulkLatin1(fullName);
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

const ACL = container(
  {
    name: 'acl',
    summary: 'Contains the commands about access control.',
    since: '6.0.0',
    group: 'server',
    acl: [],
    helpSince: '6.0.0',
    help: [
      'CAT [<category>]',
      '    Lists the categories, or the commands of one.',
      'WHOAMI',
      '    Shows the user of this connection.',
    ],
  },
  [
    {
      name: 'cat',
      summary: 'Lists the categories of commands, or the commands of one category.',
      since: '6.0.0',
      arity: -2,
      flags: ['noscript', 'loading', 'stale'],
      syntax: '[category]',
      run: cmdAclCat,
    },
    {
      name: 'whoami',
      summary: 'Returns the user of this connection.',
      since: '6.0.0',
      arity: 2,
      flags: ['noscript', 'loading', 'stale'],
      run: cmdAclWhoami,
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

export const INTROSPECTION_COMMANDS: readonly CommandSpec[] = [SLOWLOG, LATENCY, ACL, MODULE];
