/** Commands about the append-only file: BGREWRITEAOF, DEBUG LOADAOF. */
import type { SessionCommandSpec, SessionContext } from './spec.ts';

function ask(ctx: SessionContext, what: 'rewrite' | 'load'): void {
  const resume = ctx.suspend();
  ctx.server.aof(what, (error, text) =>
    resume((reply) => {
      if (error === null) reply.simple(text);
      else reply.error(error);
    }),
  );
}

function cmdBgrewriteaof(ctx: SessionContext): void {
  if (ctx.canSuspend) {
    ask(ctx, 'rewrite');
    return;
  }
  ctx.server.aof('rewrite-later', () => undefined);
  ctx.reply.simple('Background append only file rewriting scheduled');
}

export function cmdLoadAof(ctx: SessionContext): void {
  if (ctx.canSuspend) ask(ctx, 'load');
  else ctx.reply.error('ERR DEBUG LOADAOF is not allowed in transactions');
}

export const BGREWRITEAOF_COMMAND: SessionCommandSpec = {
  name: 'bgrewriteaof',
  summary: 'Rewrites the append-only file in the background.',
  since: '1.0.0',
  group: 'server',
  arity: 1,
  flags: ['admin', 'noscript', 'no_async_loading'],
  acl: [],
  keys: [],
  syntax: '',
  place: 'session',
  run: cmdBgrewriteaof,
};
