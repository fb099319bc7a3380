/** Commands that copy or move a key to another name or database: COPY, RENAME, RENAMENX, MOVE. */

import { asciiBytes, equalBytes } from '../base/bytes.ts';
import { copyEntry, copyRoot, copyUnits, moveEntry } from '../keyspace/copy-entry.ts';
import { EVENT_GENERIC } from '../keyspace/events.ts';
import type { Shard } from '../keyspace/shard.ts';
import type { Ref } from '../memory/arena.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import { replyFull } from './collection.ts';
import {
  NAME_COPY_TO,
  NAME_MOVE_FROM,
  NAME_MOVE_TO,
  NAME_RENAME_FROM,
  NAME_RENAME_TO,
  tellPutAnew,
  tellReplaced,
} from './event-names.ts';
import {
  type CommandContext,
  type CommandSpec,
  DONE,
  ESCALATE,
  oneKey,
  type RunStatus,
} from './spec.ts';

const DB = asciiBytes('DB');
const REPLACE = asciiBytes('REPLACE');
const INT32_MAX = 0x7fffffff;
/** Work above which readers are let in while a copy is made. */
const BUILD_UNITS = 20_000;

/** Argument `index` as a database number; -1 when an error was replied. */
function databaseAt(ctx: CommandContext, index: number): number {
  const db = ctx.args.toInt(index);
  if (Number.isNaN(db)) {
    ctx.reply.errorBytes(ERROR_BYTES.NOT_INTEGER);
    return -1;
  }
  if (db > INT32_MAX || db < -INT32_MAX - 1) {
    ctx.reply.errorBytes(ERROR_BYTES.DB_OUT_OF_INT32);
    return -1;
  }
  if (db < 0 || db >= ctx.limits.databases) {
    ctx.reply.errorBytes(ERROR_BYTES.DB_OUT_OF_RANGE);
    return -1;
  }
  return db;
}

function isSameKey(ctx: CommandContext): boolean {
  const { buf, offset, length } = ctx.args;
  return length[1] === length[2] && equalBytes(buf, offset[1]!, buf, offset[2]!, length[1]!);
}

function cmdCopy(ctx: CommandContext): RunStatus {
  const { args, reply, db } = ctx;
  let toDb = db;
  let isReplace = false;
  for (let i = 3; i < args.count; i++) {
    if (args.equalsIgnoreCase(i, REPLACE)) {
      isReplace = true;
    } else if (i + 1 < args.count && args.equalsIgnoreCase(i, DB)) {
      i += 1;
      toDb = databaseAt(ctx, i);
      if (toDb < 0) return DONE;
    } else {
      reply.errorBytes(ERROR_BYTES.SYNTAX);
      return DONE;
    }
  }
  if (toDb === db && isSameKey(ctx)) {
    reply.errorBytes(ERROR_BYTES.SAME_OBJECT);
    return DONE;
  }
  const from = ctx.at(1);
  const seen = from.find(db, ctx.key);
  if (seen !== 0 && !ctx.mayRun(copyUnits(from, seen))) return ESCALATE;
  const ref = from.findRead(db, ctx.key);
  const to = ctx.at2(2);
  if (ref === 0 || (to.find(toDb, ctx.key2) !== 0 && !isReplace)) {
    reply.integer(0);
  } else if (!opCopy(ctx, from, ref, to, toDb)) {
    replyFull(ctx);
  } else {
    reply.integer(1);
  }
  return DONE;
}

/** Readers are let in while a large structure is copied. False when the arena is full. */
function opCopy(ctx: CommandContext, from: Shard, ref: Ref, to: Shard, toDb: number): boolean {
  let root = 0;
  if (from.isRooted(ref) && copyUnits(from, ref) > BUILD_UNITS) {
    ctx.beginBuild();
    root = copyRoot(from, ref, to);
    ctx.endBuild();
    if (root === 0) return false;
  }
  if (copyEntry(from, ref, to, toDb, ctx.key2, from.expireMs(ref), root) === 0) return false;
  const { state, key2 } = ctx;
  if (state.eventMask === 0) return true;
  tellPutAnew(ctx, to, key2, toDb);
  state.event(EVENT_GENERIC, NAME_COPY_TO, toDb, key2);
  tellReplaced(ctx, to, key2, to.typeOf(to.find(toDb, key2)), toDb);
  return true;
}

/** The access word moves with the key, so the lookup does not mark an access. */
function rename(ctx: CommandContext, isNx: boolean): RunStatus {
  const { reply, db } = ctx;
  const from = ctx.at(1);
  const ref = from.find(db, ctx.key);
  if (ref === 0) {
    reply.errorBytes(ERROR_BYTES.NO_SUCH_KEY);
    return DONE;
  }
  if (isSameKey(ctx)) {
    if (isNx) reply.integer(0);
    else reply.ok();
    return DONE;
  }
  if (!ctx.mayRun(copyUnits(from, ref))) return ESCALATE;
  const to = ctx.at2(2);
  if (isNx && to.find(db, ctx.key2) !== 0) {
    reply.integer(0);
  } else if (moveEntry(from, db, ctx.key, ref, to, db, ctx.key2) === 0) {
    replyFull(ctx);
  } else {
    if (isNx) reply.integer(1);
    else reply.ok();
    tellRenamed(ctx, to);
  }
  return DONE;
}

function tellRenamed(ctx: CommandContext, to: Shard): void {
  const { state, db, key, key2 } = ctx;
  if (state.eventMask === 0) return;
  tellPutAnew(ctx, to, key2, db);
  state.event(EVENT_GENERIC, NAME_RENAME_FROM, db, key);
  state.event(EVENT_GENERIC, NAME_RENAME_TO, db, key2);
  tellReplaced(ctx, to, key2, to.typeOf(to.find(db, key2)), db);
}

function cmdMove(ctx: CommandContext): RunStatus {
  const { reply, db, key } = ctx;
  const toDb = databaseAt(ctx, 2);
  if (toDb < 0) return DONE;
  if (toDb === db) {
    reply.errorBytes(ERROR_BYTES.SAME_OBJECT);
    return DONE;
  }
  const shard = ctx.at(1);
  const ref = shard.find(db, key);
  if (ref !== 0 && !ctx.mayRun(copyUnits(shard, ref))) return ESCALATE;
  if (ref === 0 || shard.find(toDb, key) !== 0) {
    reply.integer(0);
  } else if (moveEntry(shard, db, key, ref, shard, toDb, key) === 0) {
    replyFull(ctx);
  } else {
    reply.integer(1);
    ctx.state.event(EVENT_GENERIC, NAME_MOVE_FROM, db, key);
    ctx.state.event(EVENT_GENERIC, NAME_MOVE_TO, toDb, key);
  }
  return DONE;
}

export const COPY_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'copy',
    summary: 'Copies the value and the time of expiry of a key to another key.',
    since: '6.2.0',
    group: 'generic',
    arity: -3,
    flags: ['write', 'denyoom'],
    acl: ['keyspace'],
    keys: [oneKey(1, 'RO', 'ACCESS'), oneKey(2, 'OW', 'UPDATE')],
    syntax: 'source:key destination:key [DB destination-db:integer] [REPLACE]',
    place: 'shard',
    shards: 'keys',
    run: cmdCopy,
  },
  {
    name: 'rename',
    summary: 'Gives a key another name; a key of that name is replaced.',
    since: '1.0.0',
    group: 'generic',
    arity: 3,
    flags: ['write'],
    acl: ['keyspace'],
    keys: [oneKey(1, 'RW', 'ACCESS', 'DELETE'), oneKey(2, 'OW', 'UPDATE')],
    syntax: 'key newkey:key',
    place: 'shard',
    shards: 'keys',
    run: (ctx) => rename(ctx, false),
  },
  {
    name: 'renamenx',
    summary: 'Gives a key another name unless there is a key of that name.',
    since: '1.0.0',
    group: 'generic',
    arity: 3,
    flags: ['write', 'fast'],
    acl: ['keyspace'],
    keys: [oneKey(1, 'RW', 'ACCESS', 'DELETE'), oneKey(2, 'OW', 'INSERT')],
    syntax: 'key newkey:key',
    place: 'shard',
    shards: 'keys',
    run: (ctx) => rename(ctx, true),
  },
  {
    name: 'move',
    summary: 'Moves a key to another database unless it is there already.',
    since: '1.0.0',
    group: 'generic',
    arity: 3,
    flags: ['write', 'fast'],
    acl: ['keyspace'],
    keys: [oneKey(1, 'RW', 'ACCESS', 'UPDATE')],
    syntax: 'key db:integer',
    place: 'shard',
    shards: 'keys',
    run: cmdMove,
  },
];
