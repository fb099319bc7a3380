/** CONFIG: the live configuration. */
import { ERROR_BYTES } from '../resp/errors.ts';
import { container, replyWhenDone, textsFrom, writeOutcome } from './session-reply.ts';
import type { SessionCommandSpec, SessionContext } from './spec.ts';

function cmdConfigGet(ctx: SessionContext): void {
  const { reply } = ctx;
  const pairs = ctx.server.configGet(textsFrom(ctx, 2));
  reply.map(pairs.length);
  for (const [name, value] of pairs) {
    reply.bulkLatin1(name);
    reply.bulkLatin1(value);
  }
}

function cmdConfigSet(ctx: SessionContext): void {
  const words = textsFrom(ctx, 2);
  if (words.length % 2 !== 0) {
    ctx.reply.errorBytes(ERROR_BYTES.SYNTAX);
    return;
  }
  const pairs: [string, string][] = [];
  for (let i = 0; i < words.length; i += 2) pairs.push([words[i]!, words[i + 1]!]);
  replyWhenDone<string | null>(
    ctx,
    (done) => ctx.server.configSet(pairs, ctx.session, ctx.canSuspend, done),
    writeOutcome,
  );
}

function cmdConfigRewrite(ctx: SessionContext): void {
  replyWhenDone<string | null>(ctx, (done) => ctx.server.configRewrite(done), writeOutcome);
}

function cmdConfigResetstat(ctx: SessionContext): void {
  ctx.server.configResetStat();
  ctx.reply.ok();
}

const HELP = [
  'GET <pattern> [<pattern> ...]',
  '    Shows the directives whose names match one of the glob patterns.',
  'RESETSTAT',
  '    Sets the counters of INFO to zero.',
  'REWRITE',
  '    Writes the configuration in force into the configuration file.',
  'SET <directive> <value> [<directive> <value> ...]',
  '    Changes directives: all of them, or none after an error.',
];

const FLAGS = ['admin', 'noscript', 'loading', 'stale'] as const;

export const CONFIG_COMMAND: SessionCommandSpec = container(
  {
    name: 'config',
    summary: 'Contains the commands about the configuration.',
    since: '2.0.0',
    group: 'server',
    acl: [],
    helpSince: '5.0.0',
    help: HELP,
  },
  [
    {
      name: 'get',
      summary: 'Returns directives of the configuration by glob patterns.',
      since: '2.0.0',
      arity: -3,
      flags: FLAGS,
      syntax: 'parameter [parameter ...]',
      run: cmdConfigGet,
    },
    {
      name: 'set',
      summary: 'Changes directives of the configuration.',
      since: '2.0.0',
      arity: -4,
      flags: FLAGS,
      syntax: 'parameter value [parameter value ...]',
      run: cmdConfigSet,
    },
    {
      name: 'resetstat',
      summary: 'Sets the counters of INFO to zero.',
      since: '2.0.0',
      arity: 2,
      flags: FLAGS,
      run: cmdConfigResetstat,
    },
    {
      name: 'rewrite',
      summary: 'Writes the configuration in force into the configuration file.',
      since: '2.8.0',
      arity: 2,
      flags: FLAGS,
      run: cmdConfigRewrite,
    },
  ],
);
