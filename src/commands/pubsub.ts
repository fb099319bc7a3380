/** Pub/sub: SUBSCRIBE and its like, PUBLISH, SPUBLISH, and PUBSUB about them all. */
import { globMatch } from '../base/glob.ts';
import { ERROR_BYTES, subcommandSyntax } from '../resp/errors.ts';
import { bytesOf, container } from './session-reply.ts';
import {
  type CommandContext,
  type CommandFlag,
  type CommandSpec,
  DONE,
  type KeySpec,
  type RunStatus,
  type SessionCommandSpec,
  type SessionContext,
} from './spec.ts';
import {
  KIND_CHANNEL,
  KIND_PATTERN,
  KIND_SHARD_CHANNEL,
  type NameKind,
  subscriptionCount,
} from './subscriptions.ts';

/** A confirmation without its name, which the caller appends, and `endConfirmation`. */
function beginConfirmation({ reply }: SessionContext, what: string): void {
  reply.push(3);
  reply.bulkLatin1(what);
}

function endConfirmation({ reply, session }: SessionContext, kind: NameKind): void {
  reply.integer(subscriptionCount(session.subscriptions, kind));
}

/** SUBSCRIBE and its like: one confirmation for each name, known already or not. */
function subscribe(ctx: SessionContext, kind: NameKind, what: string): void {
  const { args, reply, server, session } = ctx;
  for (let i = 1; i < args.count; i++) {
    if (!server.pubsub.subscribe(session, kind, bytesOf(ctx, i))) {
      reply.errorBytes(ERROR_BYTES.OUT_OF_MEMORY);
      return;
    }
    beginConfirmation(ctx, what);
    reply.bulk(args.buf, args.offset[i]!, args.end(i));
    endConfirmation(ctx, kind);
  }
}

function cmdSsubscribe(ctx: SessionContext): void {
  // As in Redis, which lets only the older two into a transaction.
  if (ctx.canSuspend) subscribe(ctx, KIND_SHARD_CHANNEL, 'ssubscribe');
  else ctx.reply.error("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client");
}

/** UNSUBSCRIBE and its like: the names given, or all of the connection's. */
function unsubscribe(ctx: SessionContext, kind: NameKind, what: string): void {
  const { args, reply, server, session } = ctx;
  const names: string[] = [];
  for (let i = 1; i < args.count; i++) names.push(ctx.text(i));
  if (args.count === 1) names.push(...(session.subscriptions?.names[kind] ?? []));
  for (const name of names) {
    server.pubsub.unsubscribe(session, kind, name);
    beginConfirmation(ctx, what);
    reply.bulkLatin1(name);
    endConfirmation(ctx, kind);
  }
  if (names.length !== 0) return;
  beginConfirmation(ctx, what);
  reply.null();
  endConfirmation(ctx, kind);
}

function cmdPublish(ctx: CommandContext): RunStatus {
  ctx.reply.integer(ctx.publish(false, 1, 2));
  return DONE;
}

function cmdSpublish(ctx: CommandContext): RunStatus {
  ctx.reply.integer(ctx.publish(true, 1, 2));
  return DONE;
}

/** PUBSUB CHANNELS and SHARDCHANNELS. */
function channels(ctx: SessionContext, kind: NameKind): void {
  const { args, reply } = ctx;
  if (args.count > 3) {
    reply.error(subcommandSyntax('PUBSUB', ctx.text(1)));
    return;
  }
  let names = ctx.server.pubsub.names(kind);
  if (args.count === 3) {
    const pattern = bytesOf(ctx, 2);
    names = names.filter((name) =>
      globMatch(pattern, 0, pattern.length, name, 0, name.length, false),
    );
  }
  reply.array(names.length);
  for (const name of names) reply.bulk(name, 0, name.length);
}

/** PUBSUB NUMSUB and SHARDNUMSUB. */
function subscribers(ctx: SessionContext, kind: NameKind): void {
  const { args, reply } = ctx;
  reply.array((args.count - 2) * 2);
  for (let i = 2; i < args.count; i++) {
    reply.bulk(args.buf, args.offset[i]!, args.end(i));
    reply.integer(ctx.server.pubsub.subscribers(kind, bytesOf(ctx, i)));
  }
}

const HELP = [
  'CHANNELS [<pattern>]',
  '    Lists the channels that have subscribers, those that match the pattern.',
  'NUMPAT',
  '    Shows how many different patterns have subscribers.',
  'NUMSUB [<channel> ...]',
  '    Shows how many subscribers the channels have, without those of patterns.',
  'SHARDCHANNELS [<pattern>]',
  '    Lists the shard channels that have subscribers, those that match the pattern.',
  'SHARDNUMSUB [<shardchannel> ...]',
  '    Shows how many subscribers the shard channels have.',
];

const ABOUT = ['pubsub', 'loading', 'stale'] as const;

const PUBSUB_COMMAND: SessionCommandSpec = container(
  {
    name: 'pubsub',
    summary: 'Contains the commands that ask about pub/sub.',
    since: '2.8.0',
    group: 'pubsub',
    acl: [],
    helpSince: '6.2.0',
    help: HELP,
  },
  [
    {
      name: 'channels',
      summary: 'Lists the channels that have subscribers.',
      since: '2.8.0',
      arity: -2,
      flags: ABOUT,
      syntax: '[pattern:pattern]',
      run: (ctx) => channels(ctx, KIND_CHANNEL),
    },
    {
      name: 'numpat',
      summary: 'Returns how many different patterns have subscribers.',
      since: '2.8.0',
      arity: 2,
      flags: ABOUT,
      run: (ctx) => ctx.reply.integer(ctx.server.pubsub.patternCount),
    },
    {
      name: 'numsub',
      summary: 'Returns how many subscribers channels have.',
      since: '2.8.0',
      arity: -2,
      flags: ABOUT,
      syntax: '[channel [channel ...]]',
      run: (ctx) => subscribers(ctx, KIND_CHANNEL),
    },
    {
      name: 'shardchannels',
      summary: 'Lists the shard channels that have subscribers.',
      since: '7.0.0',
      arity: -2,
      flags: ABOUT,
      syntax: '[pattern:pattern]',
      run: (ctx) => channels(ctx, KIND_SHARD_CHANNEL),
    },
    {
      name: 'shardnumsub',
      summary: 'Returns how many subscribers shard channels have.',
      since: '7.0.0',
      arity: -2,
      flags: ABOUT,
      syntax: '[shardchannel [shardchannel ...]]',
      run: (ctx) => subscribers(ctx, KIND_SHARD_CHANNEL),
    },
  ],
);

const SESSION_FLAGS: readonly CommandFlag[] = ['pubsub', 'noscript', 'loading', 'stale'];
const PUBLISH_FLAGS: readonly CommandFlag[] = [
  'pubsub',
  'loading',
  'stale',
  'fast',
  'may_replicate',
];

/** Shard channels belong to slots as keys do, and are none. */
const SHARD_CHANNELS: readonly KeySpec[] = [
  { flags: ['NOT_KEY'], begin: 1, find: { kind: 'range', last: -1, step: 1, limit: 0 } },
];
const SHARD_CHANNEL: readonly KeySpec[] = [
  { flags: ['NOT_KEY'], begin: 1, find: { kind: 'range', last: 0, step: 1, limit: 0 } },
];

const BASE = {
  group: 'pubsub',
  acl: [],
  keys: [],
} as const;

export const PUBSUB_COMMANDS: readonly CommandSpec[] = [
  {
    ...BASE,
    name: 'subscribe',
    summary: 'Listens for the messages of channels.',
    since: '2.0.0',
    arity: -2,
    flags: SESSION_FLAGS,
    syntax: 'channel [channel ...]',
    place: 'session',
    run: (ctx) => subscribe(ctx, KIND_CHANNEL, 'subscribe'),
  },
  {
    ...BASE,
    name: 'psubscribe',
    summary: 'Listens for the messages of all channels that match patterns.',
    since: '2.0.0',
    arity: -2,
    flags: SESSION_FLAGS,
    syntax: 'pattern:pattern [pattern:pattern ...]',
    place: 'session',
    run: (ctx) => subscribe(ctx, KIND_PATTERN, 'psubscribe'),
  },
  {
    ...BASE,
    name: 'ssubscribe',
    summary: 'Listens for the messages of shard channels.',
    since: '7.0.0',
    arity: -2,
    flags: SESSION_FLAGS,
    keys: SHARD_CHANNELS,
    syntax: 'shardchannel [shardchannel ...]',
    place: 'session',
    run: cmdSsubscribe,
  },
  {
    ...BASE,
    name: 'unsubscribe',
    summary: 'Stops listening to channels, or to all.',
    since: '2.0.0',
    arity: -1,
    flags: SESSION_FLAGS,
    syntax: '[channel [channel ...]]',
    place: 'session',
    run: (ctx) => unsubscribe(ctx, KIND_CHANNEL, 'unsubscribe'),
  },
  {
    ...BASE,
    name: 'punsubscribe',
    summary: 'Stops listening by patterns, or by all.',
    since: '2.0.0',
    arity: -1,
    flags: SESSION_FLAGS,
    syntax: '[pattern:pattern [pattern:pattern ...]]',
    place: 'session',
    run: (ctx) => unsubscribe(ctx, KIND_PATTERN, 'punsubscribe'),
  },
  {
    ...BASE,
    name: 'sunsubscribe',
    summary: 'Stops listening to shard channels, or to all.',
    since: '7.0.0',
    arity: -1,
    flags: SESSION_FLAGS,
    keys: SHARD_CHANNELS,
    syntax: '[shardchannel [shardchannel ...]]',
    place: 'session',
    run: (ctx) => unsubscribe(ctx, KIND_SHARD_CHANNEL, 'sunsubscribe'),
  },
  {
    ...BASE,
    name: 'publish',
    summary: 'Sends a message to the subscribers of a channel; returns their number.',
    since: '2.0.0',
    arity: 3,
    flags: PUBLISH_FLAGS,
    syntax: 'channel message',
    place: 'shard',
    shards: 'none',
    run: cmdPublish,
  },
  {
    ...BASE,
    name: 'spublish',
    summary: 'Sends a message to the subscribers of a shard channel; returns their number.',
    since: '7.0.0',
    arity: 3,
    flags: PUBLISH_FLAGS,
    keys: SHARD_CHANNEL,
    syntax: 'shardchannel message',
    place: 'shard',
    shards: 'none',
    run: cmdSpublish,
  },
  PUBSUB_COMMAND,
];
