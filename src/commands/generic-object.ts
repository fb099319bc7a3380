/** OBJECT: how a value is kept, and what is known of its use. */
import { parseInt64 } from '../base/number-text.ts';
import { ENCODING_INT, ENCODING_NAMES, TYPE_STRING } from '../keyspace/entry.ts';
import { peekUnheard } from '../keyspace/peek.ts';
import type { Shard } from '../keyspace/shard.ts';
import { idleSeconds, lfuDecayed } from '../keyspace/thread-state.ts';
import type { Ref } from '../memory/arena.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import { helpCommand, replyUnknownSubcommand } from './help.ts';
import { type CommandContext, type CommandSpec, DONE, oneKey, type RunStatus } from './spec.ts';

const HELP = [
  'ENCODING <key>',
  '    Name of the internal representation of the value at <key>.',
  'FREQ <key>',
  '    Logarithmic access counter of <key>; needs an LFU maxmemory policy.',
  'IDLETIME <key>',
  '    Seconds since <key> was last accessed; not known under an LFU maxmemory policy.',
  'REFCOUNT <key>',
  '    Number of references to the value at <key>.',
];

/** The name that OBJECT ENCODING gives to an entry's encoding. */
export function encodingName(shard: Shard, ref: Ref): string {
  return ENCODING_NAMES[shard.encodingOf(ref)]!;
}

function isLfu(ctx: CommandContext): boolean {
  return ctx.limits.maxmemoryPolicy.endsWith('lfu');
}

/** The entry of argument 2, whose shard is left in `ctx.at(2)`; 0 when null was replied. */
function lookup(ctx: CommandContext): Ref {
  const ref = peekUnheard(ctx.at(2), ctx.db, ctx.key);
  if (ref === 0) ctx.reply.null();
  return ref;
}

function cmdEncoding(ctx: CommandContext): RunStatus {
  const ref = lookup(ctx);
  if (ref !== 0) ctx.reply.bulkLatin1(encodingName(ctx.at(2), ref));
  return DONE;
}

function cmdFreq(ctx: CommandContext): RunStatus {
  const ref = lookup(ctx);
  if (ref === 0) return DONE;
  if (isLfu(ctx)) ctx.reply.integer(lfuDecayed(ctx.at(2).accessWord(ref), ctx.state));
  else ctx.reply.errorBytes(ERROR_BYTES.LFU_NOT_SELECTED);
  return DONE;
}

function cmdIdleTime(ctx: CommandContext): RunStatus {
  const ref = lookup(ctx);
  if (ref === 0) return DONE;
  if (isLfu(ctx)) ctx.reply.errorBytes(ERROR_BYTES.LFU_SELECTED);
  else ctx.reply.integer(idleSeconds(ctx.at(2).accessWord(ref), ctx.state));
  return DONE;
}

/**
 * What Redis reports of the integers 0 to 9999, which it shares; nothing is shared here, but tools
 * compare with it.
 */
const REFCOUNT_SHARED = 2147483647;
const SHARED_INTEGERS = 10000;

/** Redis shares no integers where each has to have an access word of its own. */
function sharesIntegers({ limits }: CommandContext): boolean {
  return limits.maxmemory === 0 || !/-l(ru|rm|fu)$/.test(limits.maxmemoryPolicy);
}

/** 1, since values are not shared, and Redis's constant for integers that it shares. */
function cmdRefCount(ctx: CommandContext): RunStatus {
  const ref = lookup(ctx);
  if (ref === 0) return DONE;
  const shard = ctx.at(2);
  const isInteger = shard.typeOf(ref) === TYPE_STRING && shard.encodingOf(ref) === ENCODING_INT;
  const at = shard.valueOffset(ref);
  const value = isInteger ? parseInt64(shard.u8, at, at + shard.valueLength(ref)) : -1;
  const isShared = value >= 0 && value < SHARED_INTEGERS && sharesIntegers(ctx);
  ctx.reply.integer(isShared ? REFCOUNT_SHARED : 1);
  return DONE;
}

function objectSpec(
  name: string,
  since: string,
  summary: string,
  run: (ctx: CommandContext) => RunStatus,
): CommandSpec {
  return {
    name,
    summary,
    since,
    group: 'generic',
    arity: 3,
    flags: ['readonly'],
    acl: ['keyspace'],
    keys: [oneKey(2, 'RO')],
    syntax: 'key',
    place: 'shard',
    shards: 'keys',
    run,
  };
}

export const OBJECT_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'object',
    summary: 'Inspects how values are kept.',
    since: '2.2.3',
    group: 'generic',
    arity: -2,
    flags: [],
    acl: [],
    keys: [],
    syntax: '',
    place: 'session',
    run: replyUnknownSubcommand('OBJECT'),
    subcommands: [
      objectSpec('encoding', '2.2.3', 'Names the encoding of a value.', cmdEncoding),
      objectSpec('freq', '4.0.0', 'Returns the access counter of a key.', cmdFreq),
      objectSpec('idletime', '2.2.3', 'Returns the seconds since the last access.', cmdIdleTime),
      objectSpec('refcount', '2.2.3', 'Returns the references to a value.', cmdRefCount),
      helpCommand('OBJECT', { since: '6.2.0', group: 'generic', acl: ['keyspace'] }, HELP),
    ],
  },
];
