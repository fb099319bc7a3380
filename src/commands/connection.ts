/** Connection: PING, ECHO, HELLO, AUTH, SELECT, QUIT, RESET, and CLIENT from a file of its own. */
import { REDIS_VERSION } from '../base/version.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import { CLIENT_COMMAND, isClientName } from './client.ts';
import { bytesOf, wordIs } from './session-reply.ts';
import type { CommandSpec, SessionContext } from './spec.ts';

const DEFAULT_USER = 'default';
const INT32_MIN = -0x80000000;
const INT32_MAX = 0x7fffffff;

function cmdPing(ctx: SessionContext): void {
  const { args, reply, session } = ctx;
  if (args.count > 2) {
    reply.error("ERR wrong number of arguments for 'ping' command");
  } else if (session.subscriptions !== null && session.protocol === 2) {
    // A reply among messages looks like one.
    reply.array(2);
    reply.bulkLatin1('pong');
    if (args.count === 2) reply.bulk(args.buf, args.offset[1]!, args.end(1));
    else reply.bulkLatin1('');
  } else if (args.count === 2) reply.bulk(args.buf, args.offset[1]!, args.end(1));
  else reply.simple('PONG');
}

function cmdEcho(ctx: SessionContext): void {
  ctx.reply.bulk(ctx.args.buf, ctx.args.offset[1]!, ctx.args.end(1));
}

/** Checks a password and takes over the user: AUTH and HELLO. Replies with an error otherwise. */
function authenticate(ctx: SessionContext, user: string, password: Uint8Array): boolean {
  if (ctx.server.acl.authenticate(ctx.session, user, password, ctx.text(0))) return true;
  ctx.reply.errorBytes(ERROR_BYTES.WRONG_PASSWORD);
  return false;
}

function cmdAuth(ctx: SessionContext): void {
  const { args, reply, server } = ctx;
  if (args.count > 3) {
    reply.errorBytes(ERROR_BYTES.SYNTAX);
  } else if (args.count === 2 && !server.acl.isPasswordRequired()) {
    reply.errorBytes(ERROR_BYTES.AUTH_WITHOUT_PASSWORD);
  } else {
    const user = args.count === 3 ? ctx.text(1) : DEFAULT_USER;
    if (authenticate(ctx, user, bytesOf(ctx, args.count - 1))) reply.ok();
  }
}

interface HelloOptions {
  user: string | null;
  password: Uint8Array;
  /** null: leave the name. */
  name: string | null;
}

/** Options of HELLO from argument 2 on, or null after an error reply. */
function helloOptions(ctx: SessionContext): HelloOptions | null {
  const { args, reply } = ctx;
  const options: HelloOptions = { user: null, password: new Uint8Array(0), name: null };
  for (let at = 2; at < args.count; ) {
    const following = args.count - at - 1;
    if (wordIs(ctx, at, 'AUTH') && following >= 2) {
      options.user = ctx.text(at + 1);
      options.password = bytesOf(ctx, at + 2);
      at += 3;
    } else if (wordIs(ctx, at, 'SETNAME') && following >= 1) {
      options.name = ctx.text(at + 1);
      if (!isClientName(options.name)) {
        reply.errorBytes(ERROR_BYTES.CLIENT_NAME);
        return null;
      }
      at += 2;
    } else {
      reply.error(`ERR Syntax error in HELLO option '${ctx.text(at)}'`);
      return null;
    }
  }
  return options;
}

function cmdHello(ctx: SessionContext): void {
  const { args, reply, session } = ctx;
  let protocol = session.protocol;
  if (args.count > 1) {
    protocol = args.toInt(1);
    if (!Number.isFinite(protocol)) {
      reply.errorBytes(ERROR_BYTES.PROTO_NOT_INTEGER);
      return;
    }
    if (protocol !== 2 && protocol !== 3) {
      reply.errorBytes(ERROR_BYTES.NO_PROTO);
      return;
    }
  }
  const options = helloOptions(ctx);
  if (options === null) return;
  if (options.user !== null && !authenticate(ctx, options.user, options.password)) return;
  if (!session.isAuthenticated) {
    reply.errorBytes(ERROR_BYTES.NO_AUTH_HELLO);
    return;
  }
  if (options.name !== null) session.name = options.name;
  session.protocol = protocol;
  reply.resp3 = protocol === 3;
  writeHello(ctx);
}

function writeHello(ctx: SessionContext): void {
  const { reply, session } = ctx;
  reply.map(7);
  reply.bulkLatin1('server');
  reply.bulkLatin1('redis');
  reply.bulkLatin1('version');
  reply.bulkLatin1(REDIS_VERSION);
  reply.bulkLatin1('proto');
  reply.integer(session.protocol);
  reply.bulkLatin1('id');
  reply.integer(session.id);
  reply.bulkLatin1('mode');
  reply.bulkLatin1('standalone');
  reply.bulkLatin1('role');
  reply.bulkLatin1('master');
  reply.bulkLatin1('modules');
  reply.array(0);
}

function cmdSelect(ctx: SessionContext): void {
  const { reply, session, server } = ctx;
  const db = ctx.args.toInt(1);
  if (Number.isNaN(db)) {
    reply.errorBytes(ERROR_BYTES.NOT_INTEGER);
  } else if (db < INT32_MIN || db > INT32_MAX) {
    reply.error(`ERR value is out of range, value must between ${INT32_MIN} and ${INT32_MAX}`);
  } else if (db < 0 || db >= Number(server.configText('databases'))) {
    reply.errorBytes(ERROR_BYTES.DB_OUT_OF_RANGE);
  } else {
    session.db = db;
    reply.ok();
  }
}

function cmdQuit(ctx: SessionContext): void {
  ctx.reply.ok();
  ctx.session.closeAfterReply();
}

function cmdReset(ctx: SessionContext): void {
  ctx.session.reset();
  ctx.reply.resp3 = false;
  ctx.reply.simple('RESET');
}

export const CONNECTION_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'ping',
    summary: 'Returns PONG, or the given message.',
    since: '1.0.0',
    group: 'connection',
    arity: -1,
    flags: ['fast'],
    acl: ['connection'],
    keys: [],
    syntax: '[message]',
    place: 'session',
    run: cmdPing,
  },
  {
    name: 'echo',
    summary: 'Returns the given message.',
    since: '1.0.0',
    group: 'connection',
    arity: 2,
    flags: ['loading', 'stale', 'fast'],
    acl: ['connection'],
    keys: [],
    syntax: 'message',
    place: 'session',
    run: cmdEcho,
  },
  {
    name: 'hello',
    summary: 'Greets the server: chooses the protocol, authenticates, names the connection.',
    since: '6.0.0',
    group: 'connection',
    arity: -1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
    acl: ['connection'],
    keys: [],
    syntax: '[protover [AUTH username password] [SETNAME clientname]]',
    place: 'session',
    run: cmdHello,
  },
  {
    name: 'auth',
    summary: 'Authenticates the connection.',
    since: '1.0.0',
    group: 'connection',
    arity: -2,
    flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
    acl: ['connection'],
    keys: [],
    syntax: '[username] password',
    place: 'session',
    run: cmdAuth,
  },
  {
    name: 'select',
    summary: 'Selects the database of the connection.',
    since: '1.0.0',
    group: 'connection',
    arity: 2,
    flags: ['loading', 'stale', 'fast'],
    acl: ['connection'],
    keys: [],
    syntax: 'index',
    place: 'session',
    run: cmdSelect,
  },
  {
    name: 'quit',
    summary: 'Closes the connection.',
    since: '1.0.0',
    group: 'connection',
    arity: -1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
    acl: ['connection'],
    keys: [],
    syntax: '',
    place: 'session',
    run: cmdQuit,
  },
  {
    name: 'reset',
    summary: 'Brings the connection back to the state of a new one.',
    since: '6.2.0',
    group: 'connection',
    arity: 1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
    acl: ['connection'],
    keys: [],
    syntax: '',
    place: 'session',
    run: cmdReset,
  },
  CLIENT_COMMAND,
];
