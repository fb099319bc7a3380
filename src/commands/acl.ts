/** ACL: users, their permissions, and the log of what was refused. */
import { randomBytes } from 'node:crypto';
import { subcommandSyntax } from '../resp/errors.ts';
import type { ReplyWriter } from '../resp/reply-writer.ts';
import { ArgView } from '../resp/request-parser.ts';
import { ACL_CATEGORIES } from './acl-categories.ts';
import type { AclLogView, AclOrder, AclOutcome, SelectorView } from './acl-services.ts';
import { container, replyWhenDone, textsFrom, wordIs } from './session-reply.ts';
import type { SessionCommandSpec, SessionContext } from './spec.ts';

const GENPASS_BITS = 256;
const GENPASS_BITS_MAX = 4096;
const LOG_COUNT = 10;
const SPACE = /[ \t\n\v\f\r\0]/;
const CATEGORY_SHOWN_MAX = 128;

function cmdWhoami(ctx: SessionContext): void {
  ctx.reply.bulkLatin1(ctx.session.user);
}

function cmdCat(ctx: SessionContext): void {
  const { args, reply } = ctx;
  if (!hasAtMost(ctx, 3)) return;
  if (args.count === 2) {
    reply.array(ACL_CATEGORIES.length);
    for (const name of ACL_CATEGORIES) reply.bulkLatin1(name);
    return;
  }
  const names = ctx.server.acl.commandsIn(ctx.text(2));
  if (names === null) {
    reply.error(`ERR Unknown category '${ctx.text(2).slice(0, CATEGORY_SHOWN_MAX)}'`);
    return;
  }
  reply.array(names.length);
  for (const name of names) reply.bulkLatin1(name);
}

/** True where there are at most `countMax` arguments; otherwise an error was replied. */
function hasAtMost(ctx: SessionContext, countMax: number): boolean {
  if (ctx.args.count <= countMax) return true;
  ctx.reply.error(subcommandSyntax('ACL', ctx.text(1)));
  return false;
}

function cmdGenpass(ctx: SessionContext): void {
  const { args, reply } = ctx;
  if (!hasAtMost(ctx, 3)) return;
  const bits = args.count === 3 ? args.toInt(2) : GENPASS_BITS;
  if (Number.isNaN(bits)) {
    reply.error('ERR value is not an integer or out of range');
  } else if (bits <= 0 || bits > GENPASS_BITS_MAX) {
    reply.error(
      'ERR ACL GENPASS argument must be the number of bits for the output password, a positive ' +
        `number up to ${GENPASS_BITS_MAX}`,
    );
  } else {
    const digits = Math.ceil(bits / 4);
    reply.bulkLatin1(
      randomBytes(Math.ceil(digits / 2))
        .toString('hex')
        .slice(0, digits),
    );
  }
}

function cmdUsers(ctx: SessionContext): void {
  const names = ctx.server.acl.names();
  ctx.reply.array(names.length);
  for (const name of names) ctx.reply.bulkLatin1(name);
}

function cmdList(ctx: SessionContext): void {
  const lines = ctx.server.acl.list();
  ctx.reply.array(lines.length);
  for (const line of lines) ctx.reply.bulkLatin1(line);
}

function writeSelector(reply: ReplyWriter, view: SelectorView): void {
  reply.bulkLatin1('commands');
  reply.bulkLatin1(view.commands);
  reply.bulkLatin1('keys');
  reply.bulkLatin1(view.keys);
  reply.bulkLatin1('channels');
  reply.bulkLatin1(view.channels);
}

function cmdGetuser(ctx: SessionContext): void {
  const { reply } = ctx;
  const user = ctx.server.acl.view(ctx.text(2));
  if (user === null) {
    reply.null();
    return;
  }
  reply.map(6);
  reply.bulkLatin1('flags');
  reply.set(user.flags.length);
  for (const flag of user.flags) reply.bulkLatin1(flag);
  reply.bulkLatin1('passwords');
  reply.array(user.passwords.length);
  for (const hash of user.passwords) reply.bulkLatin1(hash);
  writeSelector(reply, user.root);
  reply.bulkLatin1('selectors');
  reply.array(user.selectors.length);
  for (const selector of user.selectors) {
    reply.map(3);
    writeSelector(reply, selector);
  }
}

/** Has main do something and replies with its outcome. */
function replyOrder(
  ctx: SessionContext,
  order: AclOrder,
  write: (reply: ReplyWriter, outcome: AclOutcome) => void = (reply) => reply.ok(),
): void {
  replyWhenDone<AclOutcome>(
    ctx,
    (done) => ctx.server.acl.order(order, ctx.session, done),
    (reply, outcome) => {
      if (outcome.error !== null) reply.error(outcome.error);
      else write(reply, outcome);
    },
  );
}

function cmdSetuser(ctx: SessionContext): void {
  const name = ctx.text(2);
  if (SPACE.test(name)) {
    ctx.reply.error("ERR Usernames can't contain spaces or null characters");
    return;
  }
  replyOrder(ctx, { do: 'set-user', name, rules: textsFrom(ctx, 3) });
}

function cmdDeluser(ctx: SessionContext): void {
  const names = textsFrom(ctx, 2);
  if (names.includes('default')) {
    ctx.reply.error("ERR The 'default' user cannot be removed");
    return;
  }
  replyOrder(ctx, { do: 'delete-users', names }, (reply, { count }) => reply.integer(count ?? 0));
}

function cmdLog(ctx: SessionContext): void {
  const { args, reply } = ctx;
  if (!hasAtMost(ctx, 3)) return;
  if (wordIs(ctx, 2, 'RESET')) {
    replyOrder(ctx, { do: 'reset-log' });
    return;
  }
  const count = args.count === 3 ? args.toInt(2) : LOG_COUNT;
  if (Number.isNaN(count)) {
    reply.error('ERR value is not an integer or out of range');
    return;
  }
  replyOrder(ctx, { do: 'log', count: Math.max(count, 0) }, (out, { log = [] }) => {
    out.array(log.length);
    const nowMs = Date.now();
    for (const entry of log) writeLogEntry(out, entry, nowMs);
  });
}

function writeLogEntry(reply: ReplyWriter, entry: AclLogView, nowMs: number): void {
  reply.map(10);
  reply.bulkLatin1('count');
  reply.integer(entry.count);
  reply.bulkLatin1('reason');
  reply.bulkLatin1(entry.reason);
  reply.bulkLatin1('context');
  reply.bulkLatin1(entry.context);
  reply.bulkLatin1('object');
  reply.bulkLatin1(entry.object);
  reply.bulkLatin1('username');
  reply.bulkLatin1(entry.username);
  reply.bulkLatin1('age-seconds');
  reply.double(Math.max(nowMs - entry.updatedMs, 0) / 1000);
  reply.bulkLatin1('client-info');
  reply.bulkLatin1(entry.clientInfo);
  reply.bulkLatin1('entry-id');
  reply.integer(entry.id);
  reply.bulkLatin1('timestamp-created');
  reply.integer(entry.createdMs);
  reply.bulkLatin1('timestamp-last-updated');
  reply.integer(entry.updatedMs);
}

function cmdDryrun(ctx: SessionContext): void {
  const { args, reply } = ctx;
  const inner = new ArgView();
  inner.buf = args.buf;
  for (let i = 3; i < args.count; i++) inner.push(args.offset[i]!, args.length[i]!);
  const { error, refusal } = ctx.server.acl.dryRun(ctx.text(2), inner);
  if (error !== undefined) reply.error(error);
  else if (refusal !== null) reply.bulkLatin1(refusal);
  else reply.ok();
}

const PLAIN = ['noscript', 'loading', 'stale'] as const;
const ADMIN = ['admin', ...PLAIN] as const;

export const ACL_COMMAND: SessionCommandSpec = container(
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
      'DELUSER <username> [<username> ...]',
      '    Deletes users and disconnects their clients.',
      'DRYRUN <username> <command> [<arg> ...]',
      '    Tells whether a user may run a command, without running it.',
      'GENPASS [<bits>]',
      '    Makes a random password of 256 bits, or of as many as given.',
      'GETUSER <username>',
      '    Shows a user.',
      'LIST',
      '    Shows all users as the ACL file has them.',
      'LOAD',
      '    Reads the ACL file again.',
      'LOG [<count> | RESET]',
      '    Shows what was refused lately, or forgets it.',
      'SAVE',
      '    Writes the users to the ACL file.',
      'SETUSER <username> <attribute> [<attribute> ...]',
      '    Creates or changes a user.',
      'USERS',
      '    Lists the names of all users.',
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
      flags: PLAIN,
      syntax: '[category]',
      run: cmdCat,
    },
    {
      name: 'deluser',
      summary: 'Deletes users and disconnects their clients.',
      since: '6.0.0',
      arity: -3,
      flags: ADMIN,
      syntax: 'username [username ...]',
      asksThreads: true,
      run: cmdDeluser,
    },
    {
      name: 'dryrun',
      summary: 'Tells whether a user may run a command, without running it.',
      since: '7.0.0',
      arity: -4,
      flags: ADMIN,
      syntax: 'username command [arg [arg ...]]',
      run: cmdDryrun,
    },
    {
      name: 'genpass',
      summary: 'Makes a random password.',
      since: '6.0.0',
      arity: -2,
      flags: PLAIN,
      syntax: '[bits:integer]',
      run: cmdGenpass,
    },
    {
      name: 'getuser',
      summary: 'Returns the rules of a user.',
      since: '6.0.0',
      arity: 3,
      flags: ADMIN,
      syntax: 'username',
      run: cmdGetuser,
    },
    {
      name: 'list',
      summary: 'Returns all users as the ACL file has them.',
      since: '6.0.0',
      arity: 2,
      flags: ADMIN,
      run: cmdList,
    },
    {
      name: 'load',
      summary: 'Reads the users from the ACL file again.',
      since: '6.0.0',
      arity: 2,
      flags: ADMIN,
      asksThreads: true,
      run: (ctx) => replyOrder(ctx, { do: 'load' }),
    },
    {
      name: 'log',
      summary: 'Returns what was refused lately, or forgets it.',
      since: '6.0.0',
      arity: -2,
      flags: ADMIN,
      syntax: '[<count:integer | RESET>]',
      asksThreads: true,
      run: cmdLog,
    },
    {
      name: 'save',
      summary: 'Writes the users to the ACL file.',
      since: '6.0.0',
      arity: 2,
      flags: ADMIN,
      asksThreads: true,
      run: (ctx) => replyOrder(ctx, { do: 'save' }),
    },
    {
      name: 'setuser',
      summary: 'Creates a user, or changes its rules.',
      since: '6.0.0',
      arity: -3,
      flags: ADMIN,
      syntax: 'username [rule [rule ...]]',
      asksThreads: true,
      run: cmdSetuser,
    },
    {
      name: 'users',
      summary: 'Lists the names of all users.',
      since: '6.0.0',
      arity: 2,
      flags: ADMIN,
      run: cmdUsers,
    },
    {
      name: 'whoami',
      summary: 'Returns the user of this connection.',
      since: '6.0.0',
      arity: 2,
      flags: PLAIN,
      run: cmdWhoami,
    },
  ],
);
