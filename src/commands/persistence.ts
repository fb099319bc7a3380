/** SAVE, BGSAVE, LASTSAVE: what they ask for, main does. */
import { ERROR_BYTES } from '../resp/errors.ts';
import type { ReplyWriter } from '../resp/reply-writer.ts';
import { replyWhenDone, wordIs } from './session-reply.ts';
import type { CommandSpec, SaveOutcome, SaveRequest, SessionContext } from './spec.ts';

function writeOutcome(reply: ReplyWriter, { error, status }: SaveOutcome): void {
  if (error === null) reply.simple(status);
  else reply.error(error);
}

function request(ctx: SessionContext, what: SaveRequest): void {
  replyWhenDone<SaveOutcome>(
    ctx,
    (done) => ctx.server.save(what, ctx.canSuspend, done),
    writeOutcome,
  );
}

function cmdSave(ctx: SessionContext): void {
  request(ctx, 'save');
}

function cmdBgsave(ctx: SessionContext): void {
  const { count } = ctx.args;
  if (count === 1) request(ctx, 'background');
  else if (count === 2 && wordIs(ctx, 1, 'SCHEDULE')) request(ctx, 'schedule');
  else if (count === 2 && wordIs(ctx, 1, 'CANCEL')) request(ctx, 'cancel');
  else ctx.reply.errorBytes(ERROR_BYTES.SYNTAX);
}

function cmdLastsave(ctx: SessionContext): void {
  ctx.reply.integer(ctx.server.lastSaveSeconds);
}

export const PERSISTENCE_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'save',
    summary: 'Writes the data set to disk, and replies when that is done.',
    since: '1.0.0',
    group: 'server',
    arity: 1,
    flags: ['admin', 'noscript', 'no_async_loading', 'no_multi'],
    acl: [],
    keys: [],
    syntax: '',
    place: 'session',
    run: cmdSave,
  },
  {
    name: 'bgsave',
    summary: 'Writes the data set to disk in the background.',
    since: '1.0.0',
    group: 'server',
    arity: -1,
    flags: ['admin', 'noscript', 'no_async_loading'],
    acl: [],
    keys: [],
    syntax: '[SCHEDULE]',
    place: 'session',
    run: cmdBgsave,
  },
  {
    name: 'lastsave',
    summary: 'Returns when the data set was last written to disk.',
    since: '1.0.0',
    group: 'server',
    arity: 1,
    flags: ['loading', 'stale', 'fast'],
    acl: ['admin', 'dangerous'],
    keys: [],
    syntax: '',
    place: 'session',
    run: cmdLastsave,
  },
];
