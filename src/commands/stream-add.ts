/** Streams: what adds entries, cuts them off, and sets where IDs go on. */
import { asciiBytes } from '../base/bytes.ts';
import { TYPE_STREAM } from '../keyspace/entry.ts';
import { EVENT_STREAM } from '../keyspace/events.ts';
import { NO_TTL } from '../keyspace/shard.ts';
import { limitReads } from '../keyspace/stream-lag.ts';
import type { StreamValues } from '../keyspace/stream-value.ts';
import type { Ref } from '../memory/arena.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import { APPEND_DONE, APPEND_TOO_LARGE } from '../structures/stream.ts';
import { ID_AUTO_SEQ, ID_BAD, ID_WHOLE, parseStreamId, StreamId } from '../structures/stream-id.ts';
import { oneKeyRows, replyFull, writeTyped } from './collection.ts';
import { NAME_XADD, NAME_XSETID } from './event-names.ts';
import { logArgument } from './log-effects.ts';
import { type CommandContext, type CommandSpec, DONE, ESCALATE, type RunStatus } from './spec.ts';
import { exactId, isByte, logId } from './stream-args.ts';
import { IdempotentAdd } from './stream-idempotence.ts';
import { replyId } from './stream-reply.ts';
import { isLargeTrim, logTrim, logTrimCount, TrimArguments, trimOpen } from './stream-trim.ts';

const NOMKSTREAM = asciiBytes('NOMKSTREAM');
const XADD = asciiBytes('XADD');
const XTRIM = asciiBytes('XTRIM');
const ENTRIESADDED = asciiBytes('ENTRIESADDED');
const MAXDELETEDID = asciiBytes('MAXDELETEDID');
const STAR = 0x2a;

/** The ID is to be made: all of it. */
const ID_AUTO = 4;

const trim = new TrimArguments();
const idempotent = new IdempotentAdd();
const added = { idAt: 0, form: ID_AUTO, mayCreate: true };
const id = new StreamId();
const last = new StreamId();

/** Reads the options of XADD up to its ID; false where an error was replied. */
function readAddOptions(ctx: CommandContext): boolean {
  const { args, reply } = ctx;
  trim.clear();
  idempotent.clear();
  added.mayCreate = true;
  let index = 2;
  while (!isByte(ctx, index, STAR)) {
    let next = trim.read(ctx, index);
    if (next === index) next = idempotent.read(ctx, index);
    if (next < 0) return false;
    if (next === index) {
      if (!args.equalsIgnoreCase(index, NOMKSTREAM)) break;
      added.mayCreate = false;
      index += 1;
    } else {
      index = next;
    }
    if (index >= args.count) {
      reply.errorBytes(ERROR_BYTES.XADD_ARITY);
      return false;
    }
  }
  added.idAt = index;
  added.form = ID_AUTO;
  if (!isByte(ctx, index, STAR)) {
    added.form = parseStreamId(args.buf, args.offset[index]!, args.end(index), id);
    if (added.form === ID_BAD) {
      reply.errorBytes(ERROR_BYTES.STREAM_ID);
      return false;
    }
    if (idempotent.isGiven) {
      reply.errorBytes(ERROR_BYTES.IDMP_ID);
      return false;
    }
  }
  if (!trim.settle(ctx)) return false;
  const pairs = args.count - index - 1;
  if (pairs < 2 || pairs % 2 === 1) reply.errorBytes(ERROR_BYTES.XADD_ARITY);
  else if (added.form !== ID_AUTO && added.form !== ID_AUTO_SEQ && id.isZero) {
    reply.errorBytes(ERROR_BYTES.XADD_ID_ZERO);
  } else return true;
  return false;
}

/** Makes `id` the ID of the entry to add; false where an error was replied. */
function settleId(ctx: CommandContext, streams: StreamValues): boolean {
  const { reply } = ctx;
  streams.stream.lastId(last);
  const { form } = added;
  let isFree = true;
  if (form === ID_AUTO) {
    id.setTime(ctx.state.nowMs);
    if (id.compareMs(last) <= 0) isFree = id.copy(last).increment();
  } else if (form === ID_AUTO_SEQ && id.compareMs(last) === 0) {
    isFree = !last.isSeqMax && id.copy(last).increment();
  }
  if (isFree && id.compare(last) > 0) return true;
  const isExhausted = !last.increment();
  reply.errorBytes(isExhausted ? ERROR_BYTES.XADD_EXHAUSTED : ERROR_BYTES.XADD_ID_SMALL);
  return false;
}

function cmdXadd(ctx: CommandContext): RunStatus {
  const { args, reply, db, limits } = ctx;
  if (!ctx.mayRun(args.count * 2)) return ESCALATE;
  if (!readAddOptions(ctx)) return DONE;
  const ref = writeTyped(ctx, 1, TYPE_STREAM);
  if (ref < 0) return DONE;
  const { streams } = ctx.at(1);
  if (ref === 0) {
    if (!added.mayCreate) {
      reply.null();
      return DONE;
    }
    if (!streams.openDetached()) {
      replyFull(ctx);
      return DONE;
    }
  } else {
    streams.open(db, ctx.key, ref);
    if (isLargeTrim(streams, trim) && !ctx.mayRun(streams.stream.length)) return ESCALATE;
  }
  if (idempotent.isGiven) {
    idempotent.settle(ctx, added.idAt + 1);
    if (ref !== 0 && idempotent.isDuplicate(ctx, streams, id)) {
      ctx.effects.replace();
      replyId(reply, id);
      return DONE;
    }
  }
  if (!settleId(ctx, streams)) {
    if (ref === 0) streams.drop();
    return DONE;
  }
  if (idempotent.isGiven && !idempotent.record(ctx, streams, id)) {
    if (ref === 0) streams.drop();
    replyFull(ctx);
    return DONE;
  }
  const { streamNodeMaxBytes, streamNodeMaxEntries } = limits;
  const first = added.idAt + 1;
  const status = streams.stream.append(
    id,
    args,
    first,
    (args.count - first) / 2,
    streamNodeMaxBytes,
    streamNodeMaxEntries,
  );
  if (status !== APPEND_DONE) {
    if (idempotent.isGiven) streams.producers.undoRecord();
    if (ref === 0) streams.drop();
    if (status === APPEND_TOO_LARGE) reply.errorBytes(ERROR_BYTES.XADD_TOO_LARGE);
    else replyFull(ctx);
    return DONE;
  }
  if (ref === 0 && !streams.link(db, ctx.key, NO_TTL)) {
    replyFull(ctx);
    return DONE;
  }
  finishAdd(ctx, streams, ref);
  return DONE;
}

/** The entry `id` is there: tells so, cuts, and logs. */
function finishAdd(ctx: CommandContext, streams: StreamValues, ref: Ref): void {
  const { args, effects, db } = ctx;
  replyId(ctx.reply, id);
  if (ref !== 0) streams.touched();
  if (idempotent.isGiven) streams.noteProducers();
  ctx.state.event(EVENT_STREAM, NAME_XADD, db, ctx.key);
  if (trim.isGiven) trimOpen(ctx, streams, trim);
  if (!effects.isOn) return;
  if (added.form === ID_WHOLE && added.idAt === 2) return;
  const first = added.idAt + 1;
  const options = trim.isGiven ? logTrimCount(trim) : 0;
  effects.command(db, XADD, 3 + options + args.count - first);
  logArgument(ctx, 1);
  if (trim.isGiven) logTrim(ctx, streams, trim);
  logId(ctx, id);
  for (let i = first; i < args.count; i++) logArgument(ctx, i);
  if (idempotent.isGiven) idempotent.log(ctx, streams, id);
}

function cmdXtrim(ctx: CommandContext): RunStatus {
  const { args, reply, effects, db } = ctx;
  trim.clear();
  for (let index = 2; index < args.count; ) {
    const next = trim.read(ctx, index);
    if (next === index) reply.errorBytes(ERROR_BYTES.SYNTAX);
    if (next < 0 || next === index) return DONE;
    index = next;
  }
  if (trim.limit === 0 && !trim.isGiven) {
    reply.errorBytes(ERROR_BYTES.TRIM_NONE);
    return DONE;
  }
  if (!trim.settle(ctx)) return DONE;
  const ref = writeTyped(ctx, 1, TYPE_STREAM);
  if (ref < 0) return DONE;
  if (ref === 0) {
    reply.integer(0);
    return DONE;
  }
  const streams = ctx.at(1).streams.open(db, ctx.key, ref);
  if (isLargeTrim(streams, trim) && !ctx.mayRun(streams.stream.length)) return ESCALATE;
  const deleted = trimOpen(ctx, streams, trim);
  reply.integer(deleted);
  if (deleted === 0) return DONE;
  streams.entriesGone();
  if (!effects.isOn) return DONE;
  effects.command(db, XTRIM, 2 + logTrimCount(trim));
  logArgument(ctx, 1);
  logTrim(ctx, streams, trim);
  return DONE;
}

const setId = { entriesAdded: -1, maxDeleted: new StreamId() };

/** Reads ENTRIESADDED and MAXDELETEDID of XSETID; false where an error was replied. */
function readSetIdOptions(ctx: CommandContext): boolean {
  const { args, reply } = ctx;
  setId.entriesAdded = -1;
  setId.maxDeleted.setMin();
  for (let i = 3; i < args.count; i += 2) {
    const hasMore = i + 1 < args.count;
    if (hasMore && args.equalsIgnoreCase(i, ENTRIESADDED)) {
      setId.entriesAdded = args.toInt(i + 1);
      if (Number.isNaN(setId.entriesAdded)) reply.errorBytes(ERROR_BYTES.NOT_INTEGER);
      else if (setId.entriesAdded < 0) reply.errorBytes(ERROR_BYTES.XSETID_ADDED);
      if (!(setId.entriesAdded >= 0)) return false;
      setId.entriesAdded = Math.min(setId.entriesAdded, Number.MAX_SAFE_INTEGER);
    } else if (hasMore && args.equalsIgnoreCase(i, MAXDELETEDID)) {
      if (!exactId(ctx, i + 1, setId.maxDeleted)) return false;
      if (id.compare(setId.maxDeleted) < 0) {
        reply.errorBytes(ERROR_BYTES.XSETID_ABOVE_DELETED);
        return false;
      }
    } else {
      reply.errorBytes(ERROR_BYTES.SYNTAX);
      return false;
    }
  }
  return true;
}

function cmdXsetid(ctx: CommandContext): RunStatus {
  const { reply, db } = ctx;
  if (!exactId(ctx, 2, id) || !readSetIdOptions(ctx)) return DONE;
  const ref = writeTyped(ctx, 1, TYPE_STREAM);
  if (ref === 0) reply.errorBytes(ERROR_BYTES.NO_SUCH_KEY);
  if (ref <= 0) return DONE;
  const streams = ctx.at(1).streams.open(db, ctx.key, ref);
  const { stream, reader } = streams;
  const { length } = stream;
  if (id.compare(stream.maxDeletedId(last)) < 0) {
    reply.errorBytes(ERROR_BYTES.XSETID_DELETED);
    return DONE;
  }
  reader.range(MIN, MAX, true);
  if (length > 0 && reader.next() && id.compare(reader.id) < 0) {
    reply.errorBytes(ERROR_BYTES.XSETID_TOP);
    return DONE;
  }
  if (length > 0 && setId.entriesAdded >= 0 && setId.entriesAdded < length) {
    reply.errorBytes(ERROR_BYTES.XSETID_LENGTH);
    return DONE;
  }
  stream.setLastId(id);
  if (setId.entriesAdded >= 0) {
    stream.entriesAdded = setId.entriesAdded;
    limitReads(stream, streams.groups);
  }
  if (!setId.maxDeleted.isZero) stream.setMaxDeletedId(setId.maxDeleted);
  streams.groupsChanged();
  ctx.state.event(EVENT_STREAM, NAME_XSETID, db, ctx.key);
  reply.ok();
  return DONE;
}

const MIN = new StreamId();
const MAX = new StreamId().setMax();

const TRIMMING = '<MAXLEN | MINID> [= | ~] threshold [LIMIT count:integer]';
const POLICY = '[KEEPREF | DELREF | ACKED]';
const PRODUCER = '[IDMPAUTO pid | IDMP pid iid]';

export const STREAM_ADD_COMMANDS: readonly CommandSpec[] = oneKeyRows('stream', 'stream', [
  {
    name: 'xadd',
    summary: 'Appends an entry to a stream, which is made where there is none.',
    since: '5.0.0',
    arity: -5,
    flags: ['write', 'denyoom', 'fast'],
    keyFlags: ['RW', 'UPDATE'],
    keyNotes: 'may cut off old entries',
    syntax:
      `key [NOMKSTREAM] ${POLICY} ${PRODUCER} [${TRIMMING}] <* | id> ` +
      'field value [field value ...]',
    run: cmdXadd,
  },
  {
    name: 'xtrim',
    summary: 'Cuts entries off at the beginning of a stream.',
    since: '5.0.0',
    arity: -4,
    flags: ['write'],
    keyFlags: ['RW', 'DELETE'],
    syntax: `key ${TRIMMING} ${POLICY}`,
    run: cmdXtrim,
  },
  {
    name: 'xsetid',
    summary: 'Sets the last ID of a stream.',
    since: '5.0.0',
    arity: -3,
    flags: ['write', 'denyoom', 'fast'],
    keyFlags: ['RW', 'UPDATE'],
    syntax: 'key last-id [ENTRIESADDED entries-added:integer] [MAXDELETEDID max-deleted-id]',
    run: cmdXsetid,
  },
]);
