/** CLIENT LIST and CLIENT KILL: the commands that select clients. */
import { ERROR_BYTES, ERRORS } from '../resp/errors.ts';
import { replyWhenDone, wordIs } from './session-reply.ts';
import type { ClientFilter, SessionContext } from './spec.ts';

/** Client types in lower case, as filters name them, by what users may write. */
const CLIENT_TYPES: ReadonlyMap<string, string> = new Map([
  ['normal', 'normal'],
  ['slave', 'replica'],
  ['replica', 'replica'],
  ['pubsub', 'pubsub'],
  ['master', 'master'],
]);

type Writable<T> = { -readonly [P in keyof T]: T[P] };

function clientType(ctx: SessionContext, index: number): string | null {
  const type = CLIENT_TYPES.get(ctx.text(index).toLowerCase());
  if (type !== undefined) return type;
  ctx.reply.error(`ERR Unknown client type '${ctx.text(index)}'`);
  return null;
}

export function cmdClientList(ctx: SessionContext): void {
  const filter = listFilter(ctx);
  if (filter === null) return;
  replyWhenDone<string>(
    ctx,
    (done) => ctx.server.clientList(filter, done),
    (reply, lines) => reply.verbatim(lines, 'txt'),
  );
}

/** The selection of CLIENT LIST, or null after an error reply. */
function listFilter(ctx: SessionContext): ClientFilter | null {
  const { args, reply } = ctx;
  if (args.count === 2) return {};
  if (args.count === 4 && wordIs(ctx, 2, 'TYPE')) {
    const type = clientType(ctx, 3);
    return type === null ? null : { type };
  }
  if (args.count < 4 || !wordIs(ctx, 2, 'ID')) {
    reply.errorBytes(ERROR_BYTES.SYNTAX);
    return null;
  }
  const ids: number[] = [];
  for (let i = 3; i < args.count; i++) {
    const id = args.toInt(i);
    if (Number.isNaN(id)) {
      reply.errorBytes(ERROR_BYTES.CLIENT_ID_INVALID);
      return null;
    }
    ids.push(id);
  }
  return { ids };
}

export function cmdClientKill(ctx: SessionContext): void {
  const { args, server, session } = ctx;
  if (args.count === 3) {
    replyWhenDone<number>(
      ctx,
      (done) => server.clientKill({ addr: ctx.text(2) }, session, done),
      (reply, killed) => {
        if (killed > 0) reply.ok();
        else reply.errorBytes(ERROR_BYTES.NO_SUCH_CLIENT);
      },
    );
    return;
  }
  const filter = killFilter(ctx);
  if (typeof filter === 'string') {
    ctx.reply.error(filter);
    return;
  }
  replyWhenDone<number>(
    ctx,
    (done) => server.clientKill(filter, session, done),
    (reply, killed) => reply.integer(killed),
  );
}

/** The selection of CLIENT KILL's newer form, or an error text. */
function killFilter(ctx: SessionContext): ClientFilter | string {
  const { args, session } = ctx;
  const filter: Writable<ClientFilter> = { skipId: session.id };
  const ids: number[] = [];
  let at = 2;
  while (at < args.count) {
    if (at + 1 >= args.count) return ERRORS.SYNTAX;
    if (wordIs(ctx, at, 'ID')) {
      // One or more ids: numbers up to the next option.
      let next = at + 1;
      do {
        const id = args.toInt(next);
        if (!(id > 0)) return ERRORS.CLIENT_ID_POSITIVE;
        ids.push(id);
        next += 1;
      } while (next < args.count && !Number.isNaN(args.toInt(next)));
      filter.ids = ids;
      at = next;
      continue;
    }
    const error = killOption(ctx, at, filter);
    if (error !== null) return error;
    at += 2;
  }
  return filter;
}

/** Reads the option at `at` with its one value into `filter`; an error text, or null. */
function killOption(
  ctx: SessionContext,
  at: number,
  filter: Writable<ClientFilter>,
): string | null {
  const value = ctx.text(at + 1);
  if (wordIs(ctx, at, 'TYPE')) {
    const type = CLIENT_TYPES.get(value.toLowerCase());
    if (type === undefined) return `ERR Unknown client type '${value}'`;
    filter.type = type;
  } else if (wordIs(ctx, at, 'ADDR')) {
    filter.addr = value;
  } else if (wordIs(ctx, at, 'LADDR')) {
    filter.laddr = value;
  } else if (wordIs(ctx, at, 'USER')) {
    if (!ctx.server.acl.hasUser(value)) return `ERR No such user '${value}'`;
    filter.user = value;
  } else if (wordIs(ctx, at, 'SKIPME')) {
    if (wordIs(ctx, at + 1, 'YES')) filter.skipId = ctx.session.id;
    else if (wordIs(ctx, at + 1, 'NO')) delete filter.skipId;
    else return ERRORS.SYNTAX;
  } else if (wordIs(ctx, at, 'MAXAGE')) {
    const seconds = ctx.args.toInt(at + 1);
    if (Number.isNaN(seconds)) return 'ERR maxage is not an integer or out of range';
    if (seconds <= 0) return 'ERR maxage should be greater than 0';
    filter.maxAgeSeconds = seconds;
  } else {
    return ERRORS.SYNTAX;
  }
  return null;
}
