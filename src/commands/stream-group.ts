/** Consumer groups: XGROUP, and what ends or gives back pending entries: XACK, XNACK. */
import { asciiBytes } from '../base/bytes.ts';
import { TYPE_STREAM } from '../keyspace/entry.ts';
import { EVENT_STREAM } from '../keyspace/events.ts';
import { NO_TTL } from '../keyspace/shard.ts';
import { DELIVERIES_MAX, GROUP_EXISTS, READ_UNKNOWN } from '../keyspace/stream-groups.ts';
import { readWithin } from '../keyspace/stream-lag.ts';
import type { StreamValues } from '../keyspace/stream-value.ts';
import type { Ref } from '../memory/arena.ts';
import { ERROR_BYTES, subcommandSyntax, unrecognizedOption } from '../resp/errors.ts';
import { StreamId } from '../structures/stream-id.ts';
import { oneKeyRows, readTyped, replyFull, writeTyped } from './collection.ts';
import {
  NAME_XGROUP_CREATE,
  NAME_XGROUP_DELCONSUMER,
  NAME_XGROUP_DESTROY,
  NAME_XGROUP_SETID,
} from './event-names.ts';
import { helpCommand, replyUnknownSubcommand } from './help.ts';
import { logArgument } from './log-effects.ts';
import {
  type CommandContext,
  type CommandFlag,
  type CommandSpec,
  DONE,
  ESCALATE,
  type KeyFlag,
  oneKey,
  type RunStatus,
} from './spec.ts';
import { exactId, idOrEdge, isByte } from './stream-args.ts';
import {
  consumerNamed,
  groupNamed,
  refuseGroup,
  refuseKeyOrGroup,
  takeConsumer,
} from './stream-group-access.ts';

const MKSTREAM = asciiBytes('MKSTREAM');
const ENTRIESREAD = asciiBytes('ENTRIESREAD');
const XNACK = asciiBytes('XNACK');
const SILENT = asciiBytes('SILENT');
const FAIL = asciiBytes('FAIL');
const FATAL = asciiBytes('FATAL');
const IDS = asciiBytes('IDS');
const RETRYCOUNT = asciiBytes('RETRYCOUNT');
const FORCE = asciiBytes('FORCE');
const DOLLAR = 0x24;

/** Where the arguments of XGROUP's sub-commands are. */
const KEY = 2;
const GROUP = 3;
const ID = 4;
const CONSUMER = 4;
const OPTIONS = 5;

const HELP = [
  'CREATE <key> <groupname> <id|$> [option]',
  '    Makes a consumer group. Options are:',
  '    * MKSTREAM',
  '      Makes an empty stream where there is none.',
  '    * ENTRIESREAD entries_read',
  "      Sets the group's counter of entries read.",
  'CREATECONSUMER <key> <groupname> <consumer>',
  '    Makes a consumer of the group.',
  'DELCONSUMER <key> <groupname> <consumer>',
  '    Removes a consumer and its pending entries.',
  'DESTROY <key> <groupname>',
  '    Removes the group.',
  'SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]',
  "    Sets the group's last ID and its counter of entries read.",
];

const id = new StreamId();

/** Options of XGROUP CREATE and SETID. */
const options = { makesStream: false, read: READ_UNKNOWN };

/** Replies that a sub-command of XGROUP does not take these arguments. */
function refuseShape(ctx: CommandContext): RunStatus {
  ctx.reply.error(subcommandSyntax('XGROUP', ctx.args.text(1)));
  return DONE;
}

/** Reads the options from argument 5 on; false when an error was replied. */
function readOptions(ctx: CommandContext, isCreate: boolean): boolean {
  const { args, reply } = ctx;
  options.makesStream = false;
  options.read = READ_UNKNOWN;
  for (let i = OPTIONS; i < args.count; i++) {
    if (isCreate && args.equalsIgnoreCase(i, MKSTREAM)) {
      options.makesStream = true;
    } else if (args.equalsIgnoreCase(i, ENTRIESREAD) && i + 1 < args.count) {
      i += 1;
      const read = args.toInt(i);
      if (!(read >= READ_UNKNOWN)) {
        reply.errorBytes(Number.isNaN(read) ? ERROR_BYTES.NOT_INTEGER : ERROR_BYTES.ENTRIES_READ);
        return false;
      }
      options.read = read;
    } else {
      refuseShape(ctx);
      return false;
    }
  }
  return true;
}

/** The stream of argument 2, opened; null when an error was replied. */
function openStream(ctx: CommandContext): StreamValues | null {
  const ref = writeTyped(ctx, KEY, TYPE_STREAM);
  if (ref > 0) return ctx.at(KEY).streams.open(ctx.db, ctx.key, ref);
  if (ref === 0) ctx.reply.errorBytes(ERROR_BYTES.GROUP_NEEDS_KEY);
  return null;
}

/** The group of argument 3 of an open stream; 0 when an error was replied. */
function groupOrReply(ctx: CommandContext, streams: StreamValues): Ref {
  const group = groupNamed(ctx, streams, GROUP);
  if (group === 0) refuseGroup(ctx, KEY, GROUP);
  return group;
}

/** Says that a group of the open stream was changed. */
function tell(ctx: CommandContext, streams: StreamValues, name: Uint8Array): void {
  streams.groupsChanged();
  ctx.state.event(EVENT_STREAM, name, ctx.db, ctx.key);
}

function cmdCreate(ctx: CommandContext): RunStatus {
  const { args, reply } = ctx;
  if (!readOptions(ctx, true)) return DONE;
  const ref = writeTyped(ctx, KEY, TYPE_STREAM);
  if (ref < 0) return DONE;
  if (ref === 0 && !options.makesStream) {
    reply.errorBytes(ERROR_BYTES.GROUP_NEEDS_KEY);
    return DONE;
  }
  if (args.count > OPTIONS + 3) return refuseShape(ctx);
  const { streams } = ctx.at(KEY);
  if (ref !== 0) streams.open(ctx.db, ctx.key, ref);
  if (!isByte(ctx, ID, DOLLAR)) {
    if (!exactId(ctx, ID, id)) return DONE;
  } else if (ref === 0) {
    id.setMin();
  } else {
    streams.stream.lastId(id);
  }
  if (ref === 0 && !streams.openDetached()) {
    replyFull(ctx);
    return DONE;
  }
  const from = args.offset[GROUP]!;
  const read = readWithin(streams.stream, options.read);
  const group = streams.groups.create(args.buf, from, args.end(GROUP), id, read);
  if (group === GROUP_EXISTS) {
    reply.errorBytes(ERROR_BYTES.GROUP_EXISTS);
  } else if (group === 0) {
    if (ref === 0) streams.drop();
    replyFull(ctx);
  } else if (ref === 0 && !streams.link(ctx.db, ctx.key, NO_TTL)) {
    replyFull(ctx);
  } else {
    reply.ok();
    tell(ctx, streams, NAME_XGROUP_CREATE);
  }
  return DONE;
}

function cmdSetId(ctx: CommandContext): RunStatus {
  const { args, reply } = ctx;
  if (!readOptions(ctx, false)) return DONE;
  const streams = openStream(ctx);
  if (streams === null) return DONE;
  const group = groupOrReply(ctx, streams);
  if (group === 0) return DONE;
  if (args.count > OPTIONS + 2) return refuseShape(ctx);
  if (isByte(ctx, ID, DOLLAR)) streams.stream.lastId(id);
  else if (!idOrEdge(ctx, ID, id)) return DONE;
  streams.groups.setLastId(group, id);
  streams.groups.setRead(group, readWithin(streams.stream, options.read));
  reply.ok();
  tell(ctx, streams, NAME_XGROUP_SETID);
  return DONE;
}

function cmdDestroy(ctx: CommandContext): RunStatus {
  const { args, reply } = ctx;
  const streams = openStream(ctx);
  if (streams === null) return DONE;
  const isGone = streams.destroyGroup(args.buf, args.offset[GROUP]!, args.end(GROUP));
  reply.integer(isGone ? 1 : 0);
  if (!isGone) return DONE;
  streams.groupsNeedLook();
  ctx.state.event(EVENT_STREAM, NAME_XGROUP_DESTROY, ctx.db, ctx.key);
  return DONE;
}

function cmdCreateConsumer(ctx: CommandContext): RunStatus {
  const { reply } = ctx;
  const streams = openStream(ctx);
  if (streams === null) return DONE;
  const group = groupOrReply(ctx, streams);
  if (group === 0) return DONE;
  if (consumerNamed(ctx, streams, group, CONSUMER) !== 0) {
    reply.integer(0);
  } else if (takeConsumer(ctx, streams, group, CONSUMER) === 0) {
    replyFull(ctx);
  } else {
    streams.groupsChanged();
    reply.integer(1);
  }
  return DONE;
}

function cmdDelConsumer(ctx: CommandContext): RunStatus {
  const { reply } = ctx;
  const streams = openStream(ctx);
  if (streams === null) return DONE;
  const group = groupOrReply(ctx, streams);
  if (group === 0) return DONE;
  const { groups } = streams;
  const consumer = consumerNamed(ctx, streams, group, CONSUMER);
  if (consumer === 0) {
    reply.integer(0);
    return DONE;
  }
  if (!ctx.mayRun(groups.ownOf(consumer).size * 2)) return ESCALATE;
  reply.integer(groups.deleteConsumer(group, consumer));
  tell(ctx, streams, NAME_XGROUP_DELCONSUMER);
  return DONE;
}

/** XACK. O(log n) each. */
function cmdXack(ctx: CommandContext): RunStatus {
  const { args, reply } = ctx;
  if (!ctx.mayRun((args.count - 3) * 2)) return ESCALATE;
  const ref = readTyped(ctx, 1, TYPE_STREAM);
  if (ref < 0) return DONE;
  const streams = ref === 0 ? null : ctx.at(1).streams.open(ctx.db, ctx.key, ref);
  const group = streams === null ? 0 : groupNamed(ctx, streams, 2);
  if (streams === null || group === 0) {
    reply.integer(0);
    return DONE;
  }
  for (let i = 3; i < args.count; i++) if (!exactId(ctx, i, id)) return DONE;
  let acknowledged = 0;
  for (let i = 3; i < args.count; i++) {
    exactId(ctx, i, id);
    if (streams.groups.acknowledge(group, id)) acknowledged += 1;
  }
  if (acknowledged !== 0) streams.groupsChanged();
  reply.integer(acknowledged);
  return DONE;
}

/** Arguments of XNACK. */
const COUNT_NACKED = 5;
const FIRST_NACKED = 6;
const nack = { isSilent: false, isFatal: false, isForced: false, retryCount: -1, end: 0 };

/** Reads the arguments of XNACK from the mode on; false when an error was replied. */
function readNack(ctx: CommandContext): boolean {
  const { args, reply } = ctx;
  nack.isSilent = args.equalsIgnoreCase(3, SILENT);
  nack.isFatal = args.equalsIgnoreCase(3, FATAL);
  nack.isForced = false;
  nack.retryCount = -1;
  const count = args.toInt(COUNT_NACKED);
  if (!nack.isSilent && !nack.isFatal && !args.equalsIgnoreCase(3, FAIL)) {
    reply.errorBytes(ERROR_BYTES.XNACK_MODE);
  } else if (!args.equalsIgnoreCase(4, IDS)) {
    reply.errorBytes(ERROR_BYTES.SYNTAX);
  } else if (!(count > 0)) {
    reply.errorBytes(ERROR_BYTES.XNACK_NUMIDS);
  } else if (count > args.count - FIRST_NACKED) {
    reply.errorBytes(ERROR_BYTES.XNACK_IDS);
  } else {
    nack.end = FIRST_NACKED + count;
    for (let i = FIRST_NACKED; i < nack.end; i++) if (!exactId(ctx, i, id)) return false;
    return readNackOptions(ctx);
  }
  return false;
}

function readNackOptions(ctx: CommandContext): boolean {
  const { args, reply } = ctx;
  for (let i = nack.end; i < args.count; i++) {
    if (args.equalsIgnoreCase(i, FORCE)) {
      nack.isForced = true;
    } else if (args.equalsIgnoreCase(i, RETRYCOUNT) && i + 1 < args.count) {
      i += 1;
      nack.retryCount = args.toInt(i);
      if (nack.retryCount >= 0) continue;
      const isNumber = !Number.isNaN(nack.retryCount);
      reply.errorBytes(isNumber ? ERROR_BYTES.XNACK_RETRYCOUNT : ERROR_BYTES.NOT_INTEGER);
      return false;
    } else {
      reply.error(unrecognizedOption('XNACK', ctx.args.text(i)));
      return false;
    }
  }
  return true;
}

/** How often an entry counts as delivered once it is given back, and was delivered `before`. */
function deliveriesAfter(before: number): number {
  if (nack.retryCount >= 0) return nack.retryCount;
  if (nack.isFatal) return DELIVERIES_MAX;
  return nack.isSilent ? Math.max(before - 1, 0) : before;
}

/** XNACK. O(log n) each. */
function cmdXnack(ctx: CommandContext): RunStatus {
  const { args, reply } = ctx;
  if (!ctx.mayRun((args.count - FIRST_NACKED) * 2)) return ESCALATE;
  const ref = readTyped(ctx, 1, TYPE_STREAM);
  if (ref < 0) return DONE;
  const streams = ref === 0 ? null : ctx.at(1).streams.open(ctx.db, ctx.key, ref);
  const group = streams === null ? 0 : groupNamed(ctx, streams, 2);
  if (streams === null || group === 0) {
    refuseKeyOrGroup(ctx, 1, 2);
    return DONE;
  }
  if (!readNack(ctx)) return DONE;
  streams.noteReleased();
  const { groups, reader } = streams;
  let released = 0;
  let i = FIRST_NACKED;
  for (; i < nack.end; i++) {
    exactId(ctx, i, id);
    const at = groups.findPending(group, id);
    if (at === 0 && !(nack.isForced && reader.find(id))) continue;
    const deliveries = deliveriesAfter(at === 0 ? 0 : groups.deliveriesAt(at));
    if (!groups.deliver(group, 0, id, 0, deliveries)) break;
    released += 1;
  }
  if (released !== 0) streams.groupsNeedLook();
  if (i === nack.end) {
    reply.integer(released);
    return DONE;
  }
  replyFull(ctx);
  if (released !== 0) logNack(ctx, i);
  return DONE;
}

/** The log of an XNACK that did not get beyond the IDs before argument `end`. */
function logNack(ctx: CommandContext, end: number): void {
  const { args, effects } = ctx;
  if (!effects.isOn) return;
  effects.command(ctx.db, XNACK, args.count - (nack.end - end));
  for (let i = 1; i < args.count; i++) {
    if (i === COUNT_NACKED) effects.integer(end - FIRST_NACKED);
    else if (i < end || i >= nack.end) logArgument(ctx, i);
  }
}

interface GroupRow {
  readonly name: string;
  readonly summary: string;
  readonly since: string;
  readonly arity: number;
  readonly flags: readonly CommandFlag[];
  readonly keyFlag: KeyFlag;
  readonly syntax: string;
  readonly run: (ctx: CommandContext) => RunStatus;
}

function groupRow({ keyFlag, ...row }: GroupRow): CommandSpec {
  const keys = [oneKey(KEY, 'RW', keyFlag)];
  return { ...row, group: 'stream', acl: ['stream'], keys, place: 'shard', shards: 'keys' };
}

const SUBCOMMANDS: readonly CommandSpec[] = [
  groupRow({
    name: 'create',
    summary: 'Makes a consumer group.',
    since: '5.0.0',
    arity: -5,
    flags: ['write', 'denyoom'],
    keyFlag: 'INSERT',
    syntax: 'key group <id:string | $> [MKSTREAM] [ENTRIESREAD entries-read:integer]',
    run: cmdCreate,
  }),
  groupRow({
    name: 'createconsumer',
    summary: 'Makes a consumer of a group.',
    since: '6.2.0',
    arity: 5,
    flags: ['write', 'denyoom'],
    keyFlag: 'INSERT',
    syntax: 'key group consumer',
    run: cmdCreateConsumer,
  }),
  groupRow({
    name: 'delconsumer',
    summary: 'Deletes a consumer of a group and its pending entries.',
    since: '5.0.0',
    arity: 5,
    flags: ['write'],
    keyFlag: 'DELETE',
    syntax: 'key group consumer',
    run: cmdDelConsumer,
  }),
  groupRow({
    name: 'destroy',
    summary: 'Deletes a consumer group.',
    since: '5.0.0',
    arity: 4,
    flags: ['write'],
    keyFlag: 'DELETE',
    syntax: 'key group',
    run: cmdDestroy,
  }),
  groupRow({
    name: 'setid',
    summary: 'Sets the last ID that a group has delivered.',
    since: '5.0.0',
    arity: -5,
    flags: ['write'],
    keyFlag: 'UPDATE',
    syntax: 'key group <id:string | $> [ENTRIESREAD entries-read:integer]',
    run: cmdSetId,
  }),
  helpCommand('XGROUP', { since: '5.0.0', group: 'stream', acl: ['stream'] }, HELP),
];

export const STREAM_GROUP_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'xgroup',
    summary: 'Manages consumer groups of streams.',
    since: '5.0.0',
    group: 'stream',
    arity: -2,
    flags: [],
    acl: [],
    keys: [],
    syntax: '',
    place: 'session',
    run: replyUnknownSubcommand('XGROUP'),
    subcommands: SUBCOMMANDS,
  },
  ...oneKeyRows('stream', 'stream', [
    {
      name: 'xack',
      summary: 'Ends that entries are pending: a consumer has processed them.',
      since: '5.0.0',
      arity: -4,
      flags: ['write', 'fast'],
      keyFlags: ['RW', 'UPDATE'],
      syntax: 'key group ID:string [ID:string ...]',
      run: cmdXack,
    },
    {
      name: 'xnack',
      summary: 'Gives pending entries back to the group, for any consumer to claim.',
      since: '8.8.0',
      arity: -7,
      flags: ['write', 'fast'],
      keyFlags: ['RW', 'UPDATE'],
      syntax:
        'key group <SILENT | FAIL | FATAL> IDS numids:integer id:string [id:string ...] ' +
        '[RETRYCOUNT count:integer] [FORCE]',
      run: cmdXnack,
    },
  ]),
];
