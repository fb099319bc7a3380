/** SLOWLOG: the log of commands that took long. */
import { subcommandSyntax } from '../resp/errors.ts';
import { container } from './session-reply.ts';
import type { SessionCommandSpec, SessionContext } from './spec.ts';

const COUNT_DEFAULT = 10;

function cmdSlowlogGet(ctx: SessionContext): void {
  const { args, reply } = ctx;
  if (args.count > 3) {
    reply.error(subcommandSyntax('SLOWLOG', ctx.text(1)));
    return;
  }
  const count = args.count === 3 ? args.toInt(2) : COUNT_DEFAULT;
  if (!(count >= -1)) {
    reply.error('ERR count should be greater than or equal to -1');
    return;
  }
  const entries = ctx.server.insight.slowLog(count);
  reply.array(entries.length);
  for (const entry of entries) {
    reply.array(6);
    reply.integer(entry.id);
    reply.integer(entry.unixSeconds);
    reply.integer(entry.micros);
    reply.array(entry.args.length);
    for (const argument of entry.args) reply.bulk(argument, 0, argument.length);
    reply.bulkLatin1(entry.address);
    reply.bulkLatin1(entry.name);
  }
}

function cmdSlowlogLen(ctx: SessionContext): void {
  ctx.reply.integer(ctx.server.insight.slowLogLength);
}

function cmdSlowlogReset(ctx: SessionContext): void {
  ctx.server.insight.slowLogReset();
  ctx.reply.ok();
}

const FLAGS = ['admin', 'loading', 'stale'] as const;

export const SLOWLOG_COMMAND: SessionCommandSpec = container(
  {
    name: 'slowlog',
    summary: 'Contains the commands about the log of slow commands.',
    since: '2.2.12',
    group: 'server',
    acl: [],
    helpSince: '6.2.0',
    help: [
      'GET [<count>]',
      '    Shows the latest entries of the log (default: 10, -1: all). Of each: id, unix time,',
      '    microseconds, the command with its arguments, address and name of the client.',
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
      flags: FLAGS,
      syntax: '[count:integer]',
      run: cmdSlowlogGet,
    },
    {
      name: 'len',
      summary: 'Returns the number of entries in the log of slow commands.',
      since: '2.2.12',
      arity: 2,
      flags: FLAGS,
      run: cmdSlowlogLen,
    },
    {
      name: 'reset',
      summary: 'Empties the log of slow commands.',
      since: '2.2.12',
      arity: 2,
      flags: FLAGS,
      run: cmdSlowlogReset,
    },
  ],
);
