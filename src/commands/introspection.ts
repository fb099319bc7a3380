/** MODULE, as far as there is something to answer. */
import { container } from './session-reply.ts';
import type { CommandSpec, SessionContext } from './spec.ts';

function replyEmpty(ctx: SessionContext): void {
  ctx.reply.array(0);
}

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

export const INTROSPECTION_COMMANDS: readonly CommandSpec[] = [MODULE];
