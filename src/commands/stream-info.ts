/** XINFO: what is known of streams, their groups and consumers. */
import { asciiBytes } from '../base/bytes.ts';
import { TYPE_STREAM } from '../keyspace/entry.ts';
import { READ_UNKNOWN } from '../keyspace/stream-groups.ts';
import type { ProducerFigures } from '../keyspace/stream-idmp.ts';
import { groupLag, LAG_UNKNOWN } from '../keyspace/stream-lag.ts';
import type { StreamValues } from '../keyspace/stream-value.ts';
import type { Ref } from '../memory/arena.ts';
import { ERROR_BYTES, subcommandSyntax } from '../resp/errors.ts';
import type { ReplyWriter } from '../resp/reply-writer.ts';
import { StreamId } from '../structures/stream-id.ts';
import { readTyped } from './collection.ts';
import { helpCommand, replyUnknownSubcommand } from './help.ts';
import {
  type CommandContext,
  type CommandSpec,
  DONE,
  ESCALATE,
  oneKey,
  type RunStatus,
} from './spec.ts';
import { groupNamed, refuseGroup, replyDeliveries, replyOwner } from './stream-group-access.ts';
import { replyEntry, replyId } from './stream-reply.ts';

const FULL = asciiBytes('FULL');
const COUNT = asciiBytes('COUNT');

const KEY = 2;
const GROUP = 3;
/** Entries and pending entries that FULL shows of each list. */
const COUNT_DEFAULT = 10;
/** What an entry, a group and a consumer count as, in units of work. */
const UNITS_PER_ENTRY = 4;
const UNITS_PER_NAME = 8;

const HELP = [
  'CONSUMERS <key> <groupname>',
  '    Shows the consumers of a group.',
  'GROUPS <key>',
  '    Shows the consumer groups of a stream.',
  'STREAM <key> [FULL [COUNT <count>]]',
  '    Shows what is known of a stream.',
];

const id = new StreamId();
const FIRST = new StreamId();
const LAST = new StreamId().setMax();

const figures: ProducerFigures = {
  durationSeconds: 0,
  idsMax: 0,
  producers: 0,
  ids: 0,
  added: 0,
  duplicates: 0,
};

/** The stream of argument 2, opened; null when an error was replied. */
function openStream(ctx: CommandContext): StreamValues | null {
  const ref = readTyped(ctx, KEY, TYPE_STREAM);
  if (ref > 0) return ctx.at(KEY).streams.read(ref);
  if (ref === 0) ctx.reply.errorBytes(ERROR_BYTES.NO_SUCH_KEY);
  return null;
}

// ---- XINFO STREAM

/** Arguments of XINFO STREAM; `count` 0 = all. */
const options = { isFull: false, count: COUNT_DEFAULT };

function readOptions(ctx: CommandContext): boolean {
  const { args, reply } = ctx;
  options.isFull = args.count > 3;
  options.count = COUNT_DEFAULT;
  if (!options.isFull) return true;
  const hasCount = args.count === 6;
  const isRight = (args.count === 4 || hasCount) && args.equalsIgnoreCase(3, FULL);
  if (!isRight || (hasCount && !args.equalsIgnoreCase(4, COUNT))) {
    reply.error(subcommandSyntax('XINFO', ctx.args.text(1)));
    return false;
  }
  if (!hasCount) return true;
  const count = args.toInt(5);
  if (Number.isNaN(count)) {
    reply.errorBytes(ERROR_BYTES.NOT_INTEGER);
    return false;
  }
  options.count = count < 0 ? COUNT_DEFAULT : count;
  return true;
}

/** XINFO STREAM. O(log n), with FULL O(what is shown). */
function cmdStream(ctx: CommandContext): RunStatus {
  const streams = openStream(ctx);
  if (streams === null || !readOptions(ctx)) return DONE;
  const { reply } = ctx;
  if (!options.isFull) {
    reply.map(16);
    replyFacts(ctx, streams);
    reply.bulkLatin1('groups');
    reply.integer(streams.groups.size);
    reply.bulkLatin1('first-entry');
    replyEdge(reply, streams, false);
    reply.bulkLatin1('last-entry');
    replyEdge(reply, streams, true);
    return DONE;
  }
  if (!ctx.mayRun(fullUnits(streams))) return ESCALATE;
  reply.map(15);
  replyFacts(ctx, streams);
  reply.bulkLatin1('entries');
  replyEntries(reply, streams);
  reply.bulkLatin1('groups');
  const { table } = streams.groups;
  reply.array(table.size);
  for (let i = 0; i < table.size; i++) replyGroup(reply, streams, table.at(i));
  return DONE;
}

/** How many of `size` elements of a list are shown. */
function shownOf(size: number): number {
  return options.count === 0 ? size : Math.min(size, options.count);
}

/** What FULL shows, in units of work. O(groups + consumers). */
function fullUnits({ stream, groups }: StreamValues): number {
  const { table } = groups;
  let units = shownOf(stream.length) * UNITS_PER_ENTRY;
  for (let i = 0; i < table.size; i++) {
    const group = table.at(i);
    units += UNITS_PER_NAME + shownOf(groups.pendingOf(group).size);
    const consumers = groups.consumersOf(group);
    units += consumers.size * UNITS_PER_NAME;
    for (let k = 0; k < consumers.size; k++) units += shownOf(groups.ownOf(consumers.at(k)).size);
  }
  return units;
}

/** The thirteen facts that both forms begin with. */
function replyFacts(ctx: CommandContext, streams: StreamValues): void {
  const { reply } = ctx;
  const { stream } = streams;
  const { nodeCount } = stream;
  const producers = streams.producers.figures(ctx.state.nowMs, figures);
  fact(reply, 'length', stream.length);
  fact(reply, 'radix-tree-keys', nodeCount);
  // A radix tree has at least one node more than keys: its root.
  fact(reply, 'radix-tree-nodes', nodeCount + Math.max(stream.tree.innerCount, 1));
  idFact(reply, 'last-generated-id', stream.lastId(id));
  idFact(reply, 'max-deleted-entry-id', stream.maxDeletedId(id));
  fact(reply, 'entries-added', stream.entriesAdded);
  idFact(reply, 'recorded-first-entry-id', stream.firstId(id));
  fact(reply, 'idmp-duration', producers.durationSeconds);
  fact(reply, 'idmp-maxsize', producers.idsMax);
  fact(reply, 'pids-tracked', producers.producers);
  fact(reply, 'iids-tracked', producers.ids);
  fact(reply, 'iids-added', producers.added);
  fact(reply, 'iids-duplicates', producers.duplicates);
}

function fact(reply: ReplyWriter, name: string, n: number): void {
  reply.bulkLatin1(name);
  reply.integer(n);
}

function idFact(reply: ReplyWriter, name: string, value: StreamId): void {
  reply.bulkLatin1(name);
  replyId(reply, value);
}

/** A number that may not be known. */
function maybeFact(reply: ReplyWriter, name: string, n: number, isKnown: boolean): void {
  reply.bulkLatin1(name);
  if (isKnown) reply.integer(n);
  else reply.null();
}

/** The first or the last entry, a null where there is none. */
function replyEdge(reply: ReplyWriter, { reader }: StreamValues, isLast: boolean): void {
  reader.range(FIRST, LAST, isLast);
  if (reader.next()) replyEntry(reply, reader);
  else reply.null();
}

function replyEntries(reply: ReplyWriter, { stream, reader }: StreamValues): void {
  const shown = shownOf(stream.length);
  reply.array(shown);
  reader.range(FIRST, LAST, false);
  for (let i = 0; i < shown && reader.next(); i++) replyEntry(reply, reader);
}

/** Pending entries of a group that nobody has. O(consumers). */
function ownerless({ groups }: StreamValues, group: Ref): number {
  const consumers = groups.consumersOf(group);
  let count = groups.pendingOf(group).size;
  for (let i = 0; i < consumers.size; i++) count -= groups.ownOf(consumers.at(i)).size;
  return count;
}

/** A group of XINFO STREAM FULL. */
function replyGroup(reply: ReplyWriter, streams: StreamValues, group: Ref): void {
  const { groups } = streams;
  const nobody = ownerless(streams, group);
  const consumers = groups.consumersOf(group);
  const pending = groups.pendingOf(group);
  reply.map(8);
  replyGroupName(reply, streams, group);
  replyProgress(reply, streams, group);
  fact(reply, 'pel-count', pending.size);
  fact(reply, 'nacked-count', nobody);
  reply.bulkLatin1('pending');
  const shown = shownOf(pending.size);
  reply.array(shown);
  pending.seekFirst();
  for (let i = 0; i < shown; i++, pending.next()) {
    reply.array(4);
    replyId(reply, id.load(pending.u32, pending.at));
    replyOwner(reply, groups, groups.ownerAt(pending.at));
    reply.integer(groups.timeAt(pending.at));
    replyDeliveries(reply, groups.deliveriesAt(pending.at));
  }
  reply.bulkLatin1('consumers');
  reply.array(consumers.size);
  for (let i = 0; i < consumers.size; i++) replyConsumer(reply, streams, group, consumers.at(i));
}

function replyGroupName(reply: ReplyWriter, { groups }: StreamValues, group: Ref): void {
  const { table } = groups;
  reply.bulkLatin1('name');
  reply.bulk(groups.pending.arena.u8, table.nameFrom(group), table.nameEnd(group));
}

/** How far a group has come. */
function replyProgress(reply: ReplyWriter, { stream, groups }: StreamValues, group: Ref): void {
  const read = groups.read(group);
  const lag = groupLag(stream, groups, group);
  idFact(reply, 'last-delivered-id', groups.lastId(group, id));
  maybeFact(reply, 'entries-read', read, read !== READ_UNKNOWN);
  maybeFact(reply, 'lag', lag, lag !== LAG_UNKNOWN);
}

/** A consumer of XINFO STREAM FULL. */
function replyConsumer(
  reply: ReplyWriter,
  { groups }: StreamValues,
  group: Ref,
  consumer: Ref,
): void {
  const own = groups.ownOf(consumer);
  reply.map(5);
  reply.bulkLatin1('name');
  replyOwner(reply, groups, consumer);
  fact(reply, 'seen-time', groups.seen(consumer));
  fact(reply, 'active-time', groups.active(consumer));
  fact(reply, 'pel-count', own.size);
  reply.bulkLatin1('pending');
  const shown = shownOf(own.size);
  reply.array(shown);
  own.seekFirst();
  for (let i = 0; i < shown; i++, own.next()) {
    const at = groups.findPending(group, id.load(own.u32, own.at));
    reply.array(3);
    replyId(reply, id);
    reply.integer(groups.timeAt(at));
    replyDeliveries(reply, groups.deliveriesAt(at));
  }
}

// ---- XINFO GROUPS, XINFO CONSUMERS

/** XINFO GROUPS. O(groups). */
function cmdGroups(ctx: CommandContext): RunStatus {
  const { reply } = ctx;
  const streams = openStream(ctx);
  if (streams === null) return DONE;
  const { groups } = streams;
  const { table } = groups;
  if (!ctx.mayRun(table.size * UNITS_PER_NAME)) return ESCALATE;
  reply.array(table.size);
  for (let i = 0; i < table.size; i++) {
    const group = table.at(i);
    reply.map(6);
    replyGroupName(reply, streams, group);
    fact(reply, 'consumers', groups.consumersOf(group).size);
    fact(reply, 'pending', groups.pendingOf(group).size);
    replyProgress(reply, streams, group);
  }
  return DONE;
}

/** XINFO CONSUMERS. O(consumers). */
function cmdConsumers(ctx: CommandContext): RunStatus {
  const { reply, state } = ctx;
  const streams = openStream(ctx);
  if (streams === null) return DONE;
  const { groups } = streams;
  const group = groupNamed(ctx, streams, GROUP);
  if (group === 0) {
    refuseGroup(ctx, KEY, GROUP);
    return DONE;
  }
  const consumers = groups.consumersOf(group);
  if (!ctx.mayRun(consumers.size * UNITS_PER_NAME)) return ESCALATE;
  reply.array(consumers.size);
  for (let i = 0; i < consumers.size; i++) {
    const consumer = consumers.at(i);
    const active = groups.active(consumer);
    reply.map(4);
    reply.bulkLatin1('name');
    replyOwner(reply, groups, consumer);
    fact(reply, 'pending', groups.ownOf(consumer).size);
    fact(reply, 'idle', Math.max(state.nowMs - groups.seen(consumer), 0));
    fact(reply, 'inactive', active < 0 ? -1 : Math.max(state.nowMs - active, 0));
  }
  return DONE;
}

function infoRow(
  name: string,
  arity: number,
  syntax: string,
  summary: string,
  run: (ctx: CommandContext) => RunStatus,
): CommandSpec {
  return {
    name,
    summary,
    since: '5.0.0',
    group: 'stream',
    arity,
    flags: ['readonly'],
    acl: ['stream'],
    keys: [oneKey(KEY, 'RO', 'ACCESS')],
    syntax,
    place: 'shard',
    shards: 'keys',
    run,
  };
}

export const STREAM_INFO_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'xinfo',
    summary: 'Inspects streams.',
    since: '5.0.0',
    group: 'stream',
    arity: -2,
    flags: [],
    acl: [],
    keys: [],
    syntax: '',
    place: 'session',
    run: replyUnknownSubcommand('XINFO'),
    subcommands: [
      infoRow('consumers', 4, 'key group', 'Returns the consumers of a group.', cmdConsumers),
      infoRow('groups', 3, 'key', 'Returns the consumer groups of a stream.', cmdGroups),
      infoRow(
        'stream',
        -3,
        'key [<FULL> [COUNT count:integer]]',
        'Returns what is known of a stream.',
        cmdStream,
      ),
      helpCommand('XINFO', { since: '5.0.0', group: 'stream', acl: ['stream'] }, HELP),
    ],
  },
];
