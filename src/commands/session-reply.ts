/**
 * What session commands share: reading words, replies that come from other threads, containers and
 * their HELP.
 */
import { ERROR_BYTES } from '../resp/errors.ts';
import type { ReplyWriter } from '../resp/reply-writer.ts';
import { helpCommand, replyUnknownSubcommand } from './help.ts';
import type { AclCategory, CommandGroup, SessionCommandSpec, SessionContext } from './spec.ts';

/** True when argument `index` is `upper` in any case; false when there is no such argument. */
export function wordIs(ctx: SessionContext, index: number, upper: string): boolean {
  if (index >= ctx.args.count || ctx.args.length[index] !== upper.length) return false;
  return ctx.text(index).toUpperCase() === upper;
}

/** The bytes of argument `index`, copied: for what outlives the command. */
export function bytesOf(ctx: SessionContext, index: number): Uint8Array {
  const { buf, offset, length } = ctx.args;
  return buf.slice(offset[index]!, offset[index]! + length[index]!);
}

/** Arguments from `from` on as texts. */
export function textsFrom(ctx: SessionContext, from: number): string[] {
  const texts: string[] = [];
  for (let i = from; i < ctx.args.count; i++) texts.push(ctx.text(i));
  return texts;
}

/**
 * Replies with what `start` hands to its callback: at once where it answers before it returns,
 * otherwise later with the connection suspended meanwhile. Where replies must be written at once
 * and it does not answer, the reply is an error.
 */
export function replyWhenDone<T>(
  ctx: SessionContext,
  start: (done: (value: T) => void) => void,
  write: (reply: ReplyWriter, value: T) => void,
): void {
  let answer: { readonly value: T } | null = null;
  let later: ((value: T) => void) | null = null;
  start((value) => {
    if (later === null) answer ??= { value };
    else later(value);
  });
  // TypeScript does not see that the callback may have run.
  const now = answer as { readonly value: T } | null;
  if (now !== null) {
    write(ctx.reply, now.value);
  } else if (ctx.canSuspend) {
    const resume = ctx.suspend();
    later = (value) => resume((reply) => write(reply, value));
  } else {
    later = () => undefined;
    ctx.reply.errorBytes(ERROR_BYTES.NOT_IN_MULTI);
  }
}

/** The error of configSet and its like: OK for null. */
export function writeOutcome(reply: ReplyWriter, error: string | null): void {
  if (error === null) reply.ok();
  else reply.error(error);
}

/** A sub-command without what its container gives to all. */
export type SubcommandFacts = Omit<
  SessionCommandSpec,
  'place' | 'group' | 'acl' | 'keys' | 'syntax'
> &
  Partial<Pick<SessionCommandSpec, 'acl' | 'syntax'>>;

/** What the sub-commands of one container have in common. */
export interface ContainerFacts {
  readonly name: string;
  readonly summary: string;
  readonly since: string;
  readonly group: CommandGroup;
  /** Categories of the sub-commands. */
  readonly acl: readonly AclCategory[];
  /** Since when HELP exists. */
  readonly helpSince: string;
  /**
   * Lines of HELP between its first line and its entry about itself: `NAME <args>`, then indented
   * text.
   */
  readonly help: readonly string[];
}

/** A command that only has sub-commands, with HELP added to them. */
export function container(
  facts: ContainerFacts,
  subcommands: readonly SubcommandFacts[],
): SessionCommandSpec {
  const { name, group, acl } = facts;
  const upperName = name.toUpperCase();
  return {
    name,
    summary: facts.summary,
    since: facts.since,
    group,
    arity: -2,
    flags: [],
    acl: [],
    keys: [],
    syntax: '',
    place: 'session',
    run: replyUnknownSubcommand(upperName),
    subcommands: [
      ...subcommands.map((sub) => ({
        acl,
        syntax: '',
        ...sub,
        group,
        keys: [],
        place: 'session' as const,
      })),
      helpCommand(upperName, { since: facts.helpSince, group, acl }, facts.help),
    ],
  };
}
