/** HELP of containers, and what a container says to a sub-command that it does not have. */
import { unknownSubcommand } from '../resp/errors.ts';
import type { ReplyWriter } from '../resp/reply-writer.ts';
import type { AclCategory, CommandGroup, SessionCommandSpec, SessionContext } from './spec.ts';

/**
 * Replies a container's HELP: an array of simple strings. `command` is in upper case; `lines` are
 * pairs of a sub-command with its arguments and indented lines of explanation, without HELP
 * itself.
 */
export function replyHelp(reply: ReplyWriter, command: string, lines: readonly string[]): void {
  reply.array(lines.length + 3);
  reply.simple(`${command} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:`);
  for (const line of lines) reply.simple(line);
  reply.simple('HELP');
  reply.simple('    Prints this help.');
}

/** The `run` of a container: reached only when no sub-command has the name given. */
export function replyUnknownSubcommand(command: string): (ctx: SessionContext) => void {
  return (ctx) => ctx.reply.error(unknownSubcommand(command, ctx.text(1)));
}

/** The HELP sub-command of a container (`command` in upper case). */
export function helpCommand(
  command: string,
  facts: { since: string; group: CommandGroup; acl: readonly AclCategory[] },
  lines: readonly string[],
): SessionCommandSpec {
  return {
    name: 'help',
    summary: `Lists the sub-commands of ${command}.`,
    since: facts.since,
    group: facts.group,
    arity: 2,
    flags: ['loading', 'stale'],
    acl: facts.acl,
    keys: [],
    syntax: '',
    place: 'session',
    run: (ctx) => replyHelp(ctx.reply, command, lines),
  };
}
