/** COMMAND: what clients ask about the command table. */
import { globMatch } from '../base/glob.ts';
import { ERROR_BYTES, unknownSubcommand } from '../resp/errors.ts';
import type { ReplyWriter } from '../resp/reply-writer.ts';
import { ArgView } from '../resp/request-parser.ts';
import { aclCategories } from './acl-categories.ts';
import {
  CommandIndex,
  type NamedCommand,
  shownKeyFlags,
  writeCommandDocs,
  writeCommandInfo,
} from './command-info.ts';
import { keyFlags } from './key-flags.ts';
import { container, replyWhenDone, textsFrom, wordIs } from './session-reply.ts';
import type { CommandSpec, KeyFlag, PoolJob, SessionCommandSpec, SessionContext } from './spec.ts';
import { KeyIndexes, keyIndexes } from './table.ts';

function topCommands(ctx: SessionContext): NamedCommand[] {
  return ctx.server.commands.map((spec) => ({ fullName: spec.name, spec }));
}

function cmdCommand(ctx: SessionContext): void {
  if (ctx.args.count > 1) {
    ctx.reply.error(unknownSubcommand('COMMAND', ctx.text(1)));
    return;
  }
  const commands = topCommands(ctx);
  ctx.reply.array(commands.length);
  for (const command of commands) writeCommandInfo(ctx.reply, command);
}

function cmdCommandInfo(ctx: SessionContext): void {
  const { reply, server } = ctx;
  const index = CommandIndex.of(server.commands);
  const commands =
    ctx.args.count === 2 ? topCommands(ctx) : textsFrom(ctx, 2).map((name) => index.find(name));
  reply.array(commands.length);
  for (const command of commands) {
    if (command === null) reply.null();
    else writeCommandInfo(reply, command);
  }
}

/**
 * The whole of COMMAND DOCS takes some 8 ms to make: longer than the clients of an I/O thread
 * should wait.
 */
const DOCS_INLINE_MAX = 8;

function cmdCommandDocs(ctx: SessionContext): void {
  const { server, session } = ctx;
  const names = textsFrom(ctx, 2);
  if (ctx.canSuspend && (names.length === 0 || names.length > DOCS_INLINE_MAX)) {
    const job: PoolJob = { task: 'command-docs', names, isResp3: session.protocol === 3 };
    replyWhenDone<Uint8Array>(
      ctx,
      (done) => server.runJob(job, done),
      (reply, bytes) => reply.raw(bytes),
    );
    return;
  }
  writeDocsOf(ctx.reply, CommandIndex.of(server.commands), names);
}

/** COMMAND DOCS of the commands named (none: of all). Names that are no commands are left out. */
export function writeDocsOf(
  reply: ReplyWriter,
  index: CommandIndex,
  names: readonly string[],
): void {
  const asked = names.length === 0 ? index.top : names.map((name) => index.find(name));
  const known = asked.filter((command) => command !== null);
  reply.map(known.length);
  for (const command of known) {
    reply.bulkLatin1(command.fullName);
    writeCommandDocs(reply, command);
  }
}

function cmdCommandCount(ctx: SessionContext): void {
  ctx.reply.integer(ctx.server.commands.length);
}

function cmdCommandList(ctx: SessionContext): void {
  const { args, reply } = ctx;
  let isShown: (command: NamedCommand) => boolean;
  if (args.count === 2) {
    isShown = () => true;
  } else if (args.count !== 5 || !wordIs(ctx, 2, 'FILTERBY')) {
    reply.errorBytes(ERROR_BYTES.SYNTAX);
    return;
  } else if (wordIs(ctx, 3, 'MODULE')) {
    isShown = () => false;
  } else if (wordIs(ctx, 3, 'ACLCAT')) {
    const category = ctx.text(4).toLowerCase();
    isShown = ({ spec }) => aclCategories(spec).includes(category);
  } else if (wordIs(ctx, 3, 'PATTERN')) {
    const { buf, offset } = args;
    isShown = ({ fullName }) => {
      const name = Buffer.from(fullName);
      return globMatch(buf, offset[4]!, args.end(4), name, 0, name.length, true);
    };
  } else {
    reply.errorBytes(ERROR_BYTES.SYNTAX);
    return;
  }
  const shown = CommandIndex.of(ctx.server.commands).all.filter(isShown);
  reply.array(shown.length);
  for (const command of shown) reply.bulkLatin1(command.fullName);
}

/** Arguments from index 2 on as a command of their own. */
function innerArgs(args: ArgView): ArgView {
  const inner = new ArgView();
  inner.buf = args.buf;
  for (let i = 2; i < args.count; i++) inner.push(args.offset[i]!, args.length[i]!);
  return inner;
}

/** The command that `inner` would run, or null. */
function innerCommand(ctx: SessionContext, inner: ArgView): CommandSpec | null {
  const found = CommandIndex.of(ctx.server.commands).find(inner.text(0));
  if (found === null || found.fullName.includes('|')) return null;
  const subcommands = found.spec.subcommands;
  if (subcommands === undefined || inner.count === 1) return found.spec;
  const name = inner.text(1).toLowerCase();
  return subcommands.find((sub) => sub.name === name) ?? null;
}

interface FoundKey {
  readonly index: number;
  readonly flags: readonly KeyFlag[];
}

/** Keys of the command in `inner`, or null where its arguments make no sense. */
function findKeys(spec: CommandSpec, inner: ArgView): FoundKey[] | null {
  const indexes = new KeyIndexes();
  const found: FoundKey[] = [];
  for (const key of spec.keys) {
    if (!keyIndexes([key], inner, indexes)) return null;
    // Keys that were found are all there are.
    const flags = keyFlags(spec, key, inner).filter((flag) => flag !== 'INCOMPLETE');
    for (let i = 0; i < indexes.count; i++) found.push({ index: indexes.index[i]!, flags });
  }
  return found;
}

/** Keys for GETKEYS and GETKEYSANDFLAGS; null after a reply. */
function askedKeys(ctx: SessionContext, inner: ArgView): FoundKey[] | null {
  const { reply } = ctx;
  const spec = innerCommand(ctx, inner);
  if (spec === null) {
    reply.errorBytes(ERROR_BYTES.INVALID_COMMAND);
  } else if (spec.keys.length === 0) {
    reply.errorBytes(ERROR_BYTES.NO_KEY_ARGUMENTS);
  } else if (spec.arity > 0 ? inner.count !== spec.arity : inner.count < -spec.arity) {
    reply.errorBytes(ERROR_BYTES.INVALID_COMMAND_ARGUMENTS);
  } else {
    const keys = findKeys(spec, inner);
    if (keys !== null && keys.length > 0) return keys;
    if (spec.flags.includes('no_mandatory_keys')) return [];
    reply.error('ERR Invalid arguments specified for command');
  }
  return null;
}

function cmdCommandGetkeys(ctx: SessionContext): void {
  const inner = innerArgs(ctx.args);
  const keys = askedKeys(ctx, inner);
  if (keys === null) return;
  ctx.reply.array(keys.length);
  for (const { index } of keys) ctx.reply.bulk(inner.buf, inner.offset[index]!, inner.end(index));
}

function cmdCommandGetkeysandflags(ctx: SessionContext): void {
  const { reply } = ctx;
  const inner = innerArgs(ctx.args);
  const keys = askedKeys(ctx, inner);
  if (keys === null) return;
  reply.array(keys.length);
  for (const { index, flags } of keys) {
    const shown = shownKeyFlags(flags);
    reply.array(2);
    reply.bulk(inner.buf, inner.offset[index]!, inner.end(index));
    reply.set(shown.length);
    for (const flag of shown) reply.simple(flag);
  }
}

const HELP = [
  '(no subcommand)',
  '    Describes all commands as COMMAND INFO does.',
  'COUNT',
  '    Shows how many commands there are.',
  'DOCS [<command-name> ...]',
  '    Documents the given commands, or all.',
  'GETKEYS <full-command>',
  '    Shows which arguments of a command are keys.',
  'GETKEYSANDFLAGS <full-command>',
  '    Shows the keys of a command and how it uses them.',
  'INFO [<command-name> ...]',
  '    Describes the given commands, or all.',
  'LIST [FILTERBY (MODULE <name>|ACLCAT <category>|PATTERN <pattern>)]',
  '    Lists the names of commands.',
];

const FLAGS = ['loading', 'stale'] as const;

const COMMAND_CONTAINER = container(
  {
    name: 'command',
    summary: 'Describes all commands.',
    since: '2.8.13',
    group: 'server',
    acl: ['connection'],
    helpSince: '5.0.0',
    help: HELP,
  },
  [
    {
      name: 'count',
      summary: 'Returns the number of commands.',
      since: '2.8.13',
      arity: 2,
      flags: FLAGS,
      run: cmdCommandCount,
    },
    {
      name: 'docs',
      summary: 'Returns the documentation of commands.',
      since: '7.0.0',
      arity: -2,
      flags: FLAGS,
      syntax: '[command-name [command-name ...]]',
      run: cmdCommandDocs,
    },
    {
      name: 'getkeys',
      summary: 'Returns the keys in a command.',
      since: '2.8.13',
      arity: -3,
      flags: FLAGS,
      syntax: 'command [arg [arg ...]]',
      run: cmdCommandGetkeys,
    },
    {
      name: 'getkeysandflags',
      summary: 'Returns the keys in a command and how it uses them.',
      since: '7.0.0',
      arity: -3,
      flags: FLAGS,
      syntax: 'command [arg [arg ...]]',
      run: cmdCommandGetkeysandflags,
    },
    {
      name: 'info',
      summary: 'Describes commands.',
      since: '2.8.13',
      arity: -2,
      flags: FLAGS,
      syntax: '[command-name [command-name ...]]',
      run: cmdCommandInfo,
    },
    {
      name: 'list',
      summary: 'Lists the names of commands.',
      since: '7.0.0',
      arity: -2,
      flags: FLAGS,
      syntax: '[FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]',
      run: cmdCommandList,
    },
  ],
);

/** COMMAND works without a sub-command, too. */
export const COMMAND_COMMAND: SessionCommandSpec = {
  ...COMMAND_CONTAINER,
  arity: -1,
  flags: FLAGS,
  acl: ['connection'],
  run: cmdCommand,
};
