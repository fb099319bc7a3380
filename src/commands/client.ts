/** CLIENT: what a connection says and asks about itself and about others. */
import { ERROR_BYTES, subcommandSyntax } from '../resp/errors.ts';
import { cmdClientKill, cmdClientList } from './client-filter.ts';
import { TRACKING_COMMANDS } from './client-tracking.ts';
import { container, replyWhenDone, wordIs } from './session-reply.ts';
import type { SessionCommandSpec, SessionContext } from './spec.ts';

/** Printable ASCII without blanks: anything else would break the lines of CLIENT LIST. */
const CLIENT_TEXT = /^[!-~]*$/;

/** True when `name` may be given to a connection; empty removes the name. */
export function isClientName(name: string): boolean {
  return CLIENT_TEXT.test(name);
}

function cmdClientId(ctx: SessionContext): void {
  ctx.reply.integer(ctx.session.id);
}

function cmdClientInfo(ctx: SessionContext): void {
  ctx.reply.verbatim(`${ctx.session.infoLine()}\n`, 'txt');
}

function cmdClientGetname(ctx: SessionContext): void {
  if (ctx.session.name === '') ctx.reply.null();
  else ctx.reply.bulkLatin1(ctx.session.name);
}

function cmdClientSetname(ctx: SessionContext): void {
  const name = ctx.text(2);
  if (!isClientName(name)) {
    ctx.reply.errorBytes(ERROR_BYTES.CLIENT_NAME);
    return;
  }
  ctx.session.name = name;
  ctx.reply.ok();
}

function cmdClientSetinfo(ctx: SessionContext): void {
  const { reply, session } = ctx;
  const attribute = ctx.text(2);
  const isName = wordIs(ctx, 2, 'LIB-NAME');
  if (!isName && !wordIs(ctx, 2, 'LIB-VER')) {
    reply.error(`ERR Unrecognized option '${attribute}'`);
    return;
  }
  const value = ctx.text(3);
  if (!CLIENT_TEXT.test(value)) {
    reply.error(`ERR ${attribute} cannot contain spaces, newlines or special characters.`);
    return;
  }
  if (isName) session.libName = value;
  else session.libVersion = value;
  reply.ok();
}

function cmdClientReply(ctx: SessionContext): void {
  const { reply, session } = ctx;
  if (wordIs(ctx, 2, 'ON')) {
    session.replyMode = 'on';
    reply.ok();
  } else if (wordIs(ctx, 2, 'OFF')) {
    session.replyMode = 'off';
  } else if (wordIs(ctx, 2, 'SKIP')) {
    if (session.replyMode !== 'off') session.replyMode = 'skip-next';
  } else {
    reply.errorBytes(ERROR_BYTES.SYNTAX);
  }
}

/** Argument 2 as ON or OFF; null after an error reply. */
function onOrOff(ctx: SessionContext): boolean | null {
  const isOn = wordIs(ctx, 2, 'ON');
  if (isOn || wordIs(ctx, 2, 'OFF')) return isOn;
  ctx.reply.errorBytes(ERROR_BYTES.SYNTAX);
  return null;
}

function cmdClientNoEvict(ctx: SessionContext): void {
  const isOn = onOrOff(ctx);
  if (isOn === null) return;
  ctx.session.noEvict = isOn;
  ctx.reply.ok();
}

function cmdClientNoTouch(ctx: SessionContext): void {
  const isOn = onOrOff(ctx);
  if (isOn === null) return;
  ctx.session.noTouch = isOn;
  ctx.reply.ok();
}

function cmdClientPause(ctx: SessionContext): void {
  const { args, reply } = ctx;
  const writesOnly = wordIs(ctx, 3, 'WRITE');
  if (args.count > 4) {
    reply.errorBytes(ERROR_BYTES.SYNTAX);
    return;
  }
  if (args.count === 4 && !writesOnly && !wordIs(ctx, 3, 'ALL')) {
    reply.error('ERR CLIENT PAUSE mode must be WRITE or ALL');
    return;
  }
  const ms = args.toInt(2);
  if (Number.isNaN(ms)) {
    reply.errorBytes(ERROR_BYTES.TIMEOUT_NOT_INTEGER);
  } else if (ms < 0) {
    reply.errorBytes(ERROR_BYTES.TIMEOUT_NEGATIVE);
  } else {
    ctx.server.clientPause(ctx.state.nowMs + ms, writesOnly);
    reply.ok();
  }
}

function cmdClientUnpause(ctx: SessionContext): void {
  ctx.server.clientUnpause();
  ctx.reply.ok();
}

function cmdClientUnblock(ctx: SessionContext): void {
  const { args, reply } = ctx;
  const withError = wordIs(ctx, 3, 'ERROR');
  if (args.count > 4) {
    reply.error(subcommandSyntax('CLIENT', ctx.text(1)));
    return;
  }
  if (args.count === 4 && !withError && !wordIs(ctx, 3, 'TIMEOUT')) {
    reply.error('ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR');
    return;
  }
  const id = args.toInt(2);
  if (Number.isNaN(id)) {
    reply.errorBytes(ERROR_BYTES.NOT_INTEGER);
    return;
  }
  replyWhenDone<boolean>(
    ctx,
    (done) => ctx.server.clientUnblock(id, withError, done),
    (writer, unblocked) => writer.integer(unblocked ? 1 : 0),
  );
}

const HELP = [
  'CACHING (YES|NO)',
  '    Says whether the keys of the next command are tracked, in OPTIN or OPTOUT mode.',
  'GETNAME',
  '    Shows the name of this connection.',
  'GETREDIR',
  '    Shows the id of the client that gets our invalidation messages, or -1.',
  'ID',
  '    Shows the id of this connection.',
  'INFO',
  '    Describes this connection in one line.',
  'KILL <ip:port>',
  '    Closes the connection from that address.',
  'KILL <option> <value> [<option> <value> [...]]',
  '    Closes all connections that match every option:',
  '    * ID <client-id> [<client-id> ...]',
  '    * ADDR (<ip:port>|<unixsocket>:0), LADDR (<ip:port>|<unixsocket>:0)',
  '    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)',
  '    * USER <username>',
  '    * MAXAGE <seconds>: connected for at least that long',
  '    * SKIPME (YES|NO): spare this connection (default: yes)',
  'LIST [TYPE (NORMAL|MASTER|REPLICA|PUBSUB) | ID <client-id> [<client-id> ...]]',
  '    Describes connections, one in a line.',
  'NO-EVICT (ON|OFF)',
  '    Excludes this connection from client eviction.',
  'NO-TOUCH (ON|OFF)',
  '    Leaves the access times of keys alone when this connection reads them.',
  'PAUSE <timeout> [WRITE|ALL]',
  '    Holds back commands, or only writes, of all clients for <timeout> ms.',
  'REPLY (ON|OFF|SKIP)',
  '    Switches replies to this connection on or off, or leaves out the next one.',
  'SETINFO <option> <value>',
  '    Tells the client library: LIB-NAME or LIB-VER.',
  'SETNAME <name>',
  '    Names this connection.',
  'TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]] [OPTIN] [OPTOUT] [NOLOOP]',
  '    Switches the tracking of keys for client-side caching; ON with PREFIX needs BCAST.',
  'TRACKINGINFO',
  '    Shows how this connection tracks keys.',
  'UNBLOCK <client-id> [TIMEOUT|ERROR]',
  '    Ends the blocking command of another client.',
  'UNPAUSE',
  '    Ends CLIENT PAUSE.',
];

const CLIENT_TYPE_SYNTAX = "TYPE <'normal' | 'master' | 'slave' | 'replica' | 'pubsub'>";
const PLAIN = ['noscript', 'loading', 'stale'] as const;
const ADMIN = ['admin', 'noscript', 'loading', 'stale'] as const;

export const CLIENT_COMMAND: SessionCommandSpec = container(
  {
    name: 'client',
    summary: 'Contains the commands about connections.',
    since: '2.4.0',
    group: 'connection',
    acl: ['connection'],
    helpSince: '5.0.0',
    help: HELP,
  },
  [
    {
      name: 'id',
      summary: 'Returns the id of this connection, which no other connection ever has.',
      since: '5.0.0',
      arity: 2,
      flags: PLAIN,
      run: cmdClientId,
    },
    {
      name: 'info',
      summary: 'Describes this connection in one line.',
      since: '6.2.0',
      arity: 2,
      flags: PLAIN,
      run: cmdClientInfo,
    },
    {
      name: 'list',
      summary: 'Describes open connections, one in a line.',
      since: '2.4.0',
      arity: -2,
      flags: ADMIN,
      asksThreads: true,
      syntax: "[TYPE <'normal' | 'master' | 'replica' | 'pubsub'>] [ID client-id [client-id ...]]",
      run: cmdClientList,
    },
    {
      name: 'kill',
      summary: 'Closes connections.',
      since: '2.4.0',
      arity: -3,
      flags: ADMIN,
      asksThreads: true,
      syntax:
        '<ip:port | <[ID client-id [client-id ...]] | ' +
        `[${CLIENT_TYPE_SYNTAX}] | [USER username] | [ADDR ip:port] | [LADDR ip:port] | ` +
        '[SKIPME <YES | NO>] | [MAXAGE maxage] ...>>',
      run: cmdClientKill,
    },
    {
      name: 'getname',
      summary: 'Returns the name of this connection.',
      since: '2.6.9',
      arity: 2,
      flags: PLAIN,
      run: cmdClientGetname,
    },
    {
      name: 'setname',
      summary: 'Names this connection.',
      since: '2.6.9',
      arity: 3,
      flags: PLAIN,
      syntax: 'connection-name',
      run: cmdClientSetname,
    },
    {
      name: 'setinfo',
      summary: 'Tells name or version of the client library.',
      since: '7.2.0',
      arity: 4,
      flags: PLAIN,
      syntax: "<'lib-name' libname | 'lib-ver' libver>",
      run: cmdClientSetinfo,
    },
    {
      name: 'reply',
      summary: 'Switches replies to this connection on or off.',
      since: '3.2.0',
      arity: 3,
      flags: PLAIN,
      syntax: '<ON | OFF | SKIP>',
      run: cmdClientReply,
    },
    {
      name: 'no-evict',
      summary: 'Excludes this connection from client eviction.',
      since: '7.0.0',
      arity: 3,
      flags: ADMIN,
      syntax: '<ON | OFF>',
      run: cmdClientNoEvict,
    },
    {
      name: 'no-touch',
      summary: 'Leaves access times of keys alone when this connection reads them.',
      since: '7.2.0',
      arity: 3,
      flags: PLAIN,
      syntax: '<ON | OFF>',
      run: cmdClientNoTouch,
    },
    {
      name: 'pause',
      summary: 'Holds back the commands of all clients for a time.',
      since: '3.0.0',
      arity: -3,
      flags: ADMIN,
      syntax: 'timeout:integer [WRITE | ALL]',
      run: cmdClientPause,
    },
    {
      name: 'unpause',
      summary: 'Ends CLIENT PAUSE.',
      since: '6.2.0',
      arity: 2,
      flags: ADMIN,
      run: cmdClientUnpause,
    },
    {
      name: 'unblock',
      summary: 'Ends the blocking command of another connection.',
      since: '5.0.0',
      arity: -3,
      flags: ADMIN,
      asksThreads: true,
      syntax: 'client-id [TIMEOUT | ERROR]',
      run: cmdClientUnblock,
    },
    ...TRACKING_COMMANDS,
  ],
);
