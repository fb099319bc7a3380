/** Streams: what takes single entries out. */
import { asciiBytes } from '../base/bytes.ts';
import { TYPE_STREAM } from '../keyspace/entry.ts';
import { EVENT_STREAM } from '../keyspace/events.ts';
import type { StreamValues } from '../keyspace/stream-value.ts';
import type { Ref } from '../memory/arena.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import { StreamId } from '../structures/stream-id.ts';
import { oneKeyRows, writeTyped } from './collection.ts';
import { NAME_XDEL } from './event-names.ts';
import { logArgument } from './log-effects.ts';
import { type CommandContext, type CommandSpec, DONE, ESCALATE, type RunStatus } from './spec.ts';
import {
  DROP_REFERENCES,
  exactId,
  KEEP_REFERENCES,
  ONLY_ACKNOWLEDGED,
  referencePolicy,
} from './stream-args.ts';

const IDS = asciiBytes('IDS');
const XDEL = asciiBytes('XDEL');
const XACK = asciiBytes('XACK');

/** Replies of XDELEX and XACKDEL for one ID. */
const NOT_THERE = -1;
const GONE = 1;
const STILL_REFERENCED = 2;

const id = new StreamId();
const scratch = new StreamId();

/** Takes the entry `id` out of the open stream; false where there is none. */
function deleteEntry(streams: StreamValues): boolean {
  const { stream } = streams;
  if (!stream.delete(id)) return false;
  if (id.compare(stream.maxDeletedId(scratch)) > 0) stream.setMaxDeletedId(id);
  return true;
}

/** Whether the arguments [from, to) are IDs; otherwise an error was replied. */
export function areIds(ctx: CommandContext, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (!exactId(ctx, i, id)) return false;
  return true;
}

function cmdXdel(ctx: CommandContext): RunStatus {
  const { args, reply, db } = ctx;
  if (!ctx.mayRun(args.count * 4)) return ESCALATE;
  const ref = writeTyped(ctx, 1, TYPE_STREAM);
  if (ref < 0) return DONE;
  let deleted = 0;
  if (ref !== 0) {
    if (!areIds(ctx, 2, args.count)) return DONE;
    const streams = ctx.at(1).streams.open(db, ctx.key, ref);
    for (let i = 2; i < args.count; i++) {
      exactId(ctx, i, id);
      if (deleteEntry(streams)) deleted += 1;
    }
    if (deleted !== 0) {
      streams.entriesGone();
      ctx.state.event(EVENT_STREAM, NAME_XDEL, db, ctx.key);
    }
  }
  reply.integer(deleted);
  return DONE;
}

/** What stands behind the fixed arguments of XDELEX and XACKDEL. */
const listed = { policy: KEEP_REFERENCES, first: 0, count: 0 };

/** Reads `[KEEPREF | DELREF | ACKED] IDS numids id ...` from argument `at` on. */
function readList(ctx: CommandContext, at: number): boolean {
  const { args, reply } = ctx;
  listed.policy = -1;
  let index = at;
  for (; index < args.count && !args.equalsIgnoreCase(index, IDS); index++) {
    const policy = referencePolicy(ctx, index);
    if (policy < 0 || listed.policy >= 0) {
      reply.errorBytes(ERROR_BYTES.SYNTAX);
      return false;
    }
    listed.policy = policy;
  }
  listed.first = readIdList(ctx, index);
  listed.count = listed.first < 0 ? 0 : args.toInt(index + 1);
  let end = listed.first + listed.count;
  if (listed.first >= 0 && end < args.count && listed.policy < 0) {
    // The policy may stand behind the IDs, too.
    listed.policy = referencePolicy(ctx, end);
    if (listed.policy >= 0) end += 1;
  }
  if (listed.first < 0) return false;
  if (end !== args.count) {
    reply.errorBytes(ERROR_BYTES.SYNTAX);
    return false;
  }
  if (listed.policy < 0) listed.policy = KEEP_REFERENCES;
  return areIds(ctx, listed.first, listed.first + listed.count);
}

/**
 * Reads `IDS numids` at argument `index`. Returns the index of the first ID, of which there are at
 * least `numids`, or -1 where an error was replied.
 */
export function readIdList(ctx: CommandContext, index: number): number {
  const { args, reply } = ctx;
  if (index + 1 >= args.count || !args.equalsIgnoreCase(index, IDS)) {
    reply.errorBytes(ERROR_BYTES.SYNTAX);
    return -1;
  }
  const count = args.toInt(index + 1);
  if (!(count >= 1)) reply.errorBytes(ERROR_BYTES.NUMIDS_NOT_POSITIVE);
  else if (count > args.count - index - 2) reply.errorBytes(ERROR_BYTES.NUMIDS_MISMATCH);
  else return index + 2;
  return -1;
}

/**
 * Deletes the entry `id` as the policy wants it. Returns one of the replies; `listed.policy`
 * DELREF takes references to entries that are not there, too.
 */
function deleteByPolicy(streams: StreamValues): number {
  if (listed.policy === ONLY_ACKNOWLEDGED && streams.isReferenced(id)) {
    // What nobody has is not there, whoever still waits for it.
    return streams.reader.find(id) ? STILL_REFERENCED : NOT_THERE;
  }
  if (listed.policy === DROP_REFERENCES && streams.dropReferences(id)) gone.hasChanged = true;
  return deleteEntry(streams) ? GONE : NOT_THERE;
}

/** Arguments with the IDs of entries that went, and whether anything at all has changed. */
const gone = { at: new Int32Array(16), count: 0, hasChanged: false };

function noteGone(index: number): void {
  if (gone.count === gone.at.length) {
    const grown = new Int32Array(gone.count * 2);
    grown.set(gone.at);
    gone.at = grown;
  }
  gone.at[gone.count++] = index;
}

/** XDELEX's part for the ID of argument `index` of the open stream: its reply. */
function deleteListed(streams: StreamValues, index: number): number {
  const outcome = deleteByPolicy(streams);
  if (outcome === GONE) noteGone(index);
  return outcome;
}

/** XACKDEL's part. */
function acknowledgeListed(streams: StreamValues, group: Ref, index: number): number {
  if (!streams.groups.acknowledge(group, id)) return NOT_THERE;
  gone.hasChanged = true;
  const outcome = deleteListed(streams, index);
  // What was pending and is not in the stream any more counts as gone.
  return outcome === NOT_THERE ? GONE : outcome;
}

/** XDELEX, and with a group at argument `groupAt` (not 0) XACKDEL. */
function deleteMany(ctx: CommandContext, listAt: number, groupAt: number): RunStatus {
  const { args, reply, db } = ctx;
  if (!ctx.mayRun(args.count * 4)) return ESCALATE;
  if (!readList(ctx, listAt)) return DONE;
  const ref = writeTyped(ctx, 1, TYPE_STREAM);
  if (ref < 0) return DONE;
  const { streams } = ctx.at(1);
  const { groups } = streams;
  let group = 0;
  if (ref !== 0) {
    streams.open(db, ctx.key, ref);
    if (groupAt !== 0) group = groups.find(args.buf, args.offset[groupAt]!, args.end(groupAt));
  }
  gone.count = 0;
  gone.hasChanged = false;
  reply.array(listed.count);
  for (let i = listed.first; i < listed.first + listed.count; i++) {
    exactId(ctx, i, id);
    if (groupAt !== 0)
      reply.integer(group === 0 ? NOT_THERE : acknowledgeListed(streams, group, i));
    else reply.integer(ref === 0 ? NOT_THERE : deleteListed(streams, i));
  }
  if (gone.count === 0 && !gone.hasChanged) return DONE;
  if (gone.count === 0) streams.groupsChanged();
  else streams.entriesGone();
  if (gone.count !== 0) ctx.state.event(EVENT_STREAM, NAME_XDEL, db, ctx.key);
  logMany(ctx, streams, groupAt);
  return DONE;
}

/** Writes to the log what has changed, in commands that every Redis with streams knows. */
function logMany(ctx: CommandContext, streams: StreamValues, groupAt: number): void {
  const { args, effects, db } = ctx;
  if (!effects.isOn) return;
  const { table } = streams.groups;
  if (groupAt !== 0) logXack(ctx, args.buf, args.offset[groupAt]!, args.end(groupAt));
  for (let i = 0; listed.policy === DROP_REFERENCES && i < table.size; i++) {
    const group = table.at(i);
    logXack(ctx, ctx.at(1).u8, table.nameFrom(group), table.nameEnd(group));
  }
  if (gone.count === 0) return;
  effects.command(db, XDEL, 2 + gone.count);
  logArgument(ctx, 1);
  for (let i = 0; i < gone.count; i++) logArgument(ctx, gone.at[i]!);
}

/** XACK of all listed IDs for the group buf[from, to). */
function logXack(ctx: CommandContext, buf: Uint8Array, from: number, to: number): void {
  const { effects, db } = ctx;
  effects.command(db, XACK, 3 + listed.count);
  logArgument(ctx, 1);
  effects.bytes(buf, from, to);
  for (let i = listed.first; i < listed.first + listed.count; i++) logArgument(ctx, i);
}

export const STREAM_DELETE_COMMANDS: readonly CommandSpec[] = oneKeyRows('stream', 'stream', [
  {
    name: 'xdel',
    summary: 'Takes entries out of a stream.',
    since: '5.0.0',
    arity: -3,
    flags: ['write', 'fast'],
    keyFlags: ['RW', 'DELETE'],
    syntax: 'key ID:string [ID:string ...]',
    run: cmdXdel,
  },
  {
    name: 'xdelex',
    summary:
      'Takes entries out of a stream, with a say in the references that groups have to them.',
    since: '8.2.0',
    arity: -5,
    flags: ['write', 'fast'],
    keyFlags: ['RW', 'DELETE'],
    syntax: 'key [KEEPREF | DELREF | ACKED] IDS numids:integer id [id ...]',
    run: (ctx) => deleteMany(ctx, 2, 0),
  },
  {
    name: 'xackdel',
    summary: 'Acknowledges entries for a group and takes them out of the stream.',
    since: '8.2.0',
    arity: -6,
    flags: ['write', 'fast'],
    keyFlags: ['RW', 'UPDATE', 'DELETE'],
    syntax: 'key group [KEEPREF | DELREF | ACKED] IDS numids:integer id [id ...]',
    run: (ctx) => deleteMany(ctx, 3, 2),
  },
]);
