/** Transactions: MULTI, EXEC, DISCARD and UNWATCH. WATCH reads keys and stands in watch.ts. */
import { ERROR_BYTES } from '../resp/errors.ts';
import type { CommandSpec, SessionContext } from './spec.ts';

function cmdMulti(ctx: SessionContext): void {
  const { reply, session } = ctx;
  if (session.isInTransaction) {
    reply.errorBytes(ERROR_BYTES.NESTED_MULTI);
    return;
  }
  session.beginTransaction();
  reply.ok();
}

function cmdDiscard(ctx: SessionContext): void {
  const { reply, session } = ctx;
  if (!session.isInTransaction) {
    reply.errorBytes(ERROR_BYTES.DISCARD_WITHOUT_MULTI);
    return;
  }
  session.discardTransaction();
  reply.ok();
}

function cmdUnwatch(ctx: SessionContext): void {
  ctx.session.unwatch();
  ctx.reply.ok();
}

export const TRANSACTION_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'multi',
    summary: 'Starts a transaction: commands are queued until EXEC.',
    since: '1.2.0',
    group: 'transactions',
    arity: 1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'allow_busy'],
    acl: ['transaction'],
    keys: [],
    syntax: '',
    place: 'session',
    run: cmdMulti,
  },
  {
    name: 'exec',
    summary: 'Runs the queued commands of the transaction as one.',
    since: '1.2.0',
    group: 'transactions',
    arity: 1,
    flags: ['noscript', 'loading', 'stale', 'skip_slowlog'],
    acl: ['transaction'],
    keys: [],
    syntax: '',
    place: 'session',
    run: () => {
      throw new Error('dispatch runs EXEC');
    },
  },
  {
    name: 'discard',
    summary: 'Forgets the queued commands and ends the transaction.',
    since: '2.0.0',
    group: 'transactions',
    arity: 1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'allow_busy'],
    acl: ['transaction'],
    keys: [],
    syntax: '',
    place: 'session',
    run: cmdDiscard,
  },
  {
    name: 'unwatch',
    summary: 'Forgets all watched keys of the connection.',
    since: '2.2.0',
    group: 'transactions',
    arity: 1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'allow_busy'],
    acl: ['transaction'],
    keys: [],
    syntax: '',
    place: 'session',
    run: cmdUnwatch,
  },
];
