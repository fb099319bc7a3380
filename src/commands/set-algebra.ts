/**
 * Sets: SMOVE, and intersections, unions and differences of several, replied, counted or stored.
 */

import { asciiBytes, equalBytes } from '../base/bytes.ts';
import { TYPE_SET } from '../keyspace/entry.ts';
import { EVENT_SET } from '../keyspace/events.ts';
import { SET_FULL } from '../keyspace/set-value.ts';
import { NO_TTL, type Shard } from '../keyspace/shard.ts';
import type { Ref } from '../memory/arena.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import { replyFull } from './collection.ts';
import {
  missesNeedWorker,
  NAME_SADD,
  NAME_SDIFFSTORE,
  NAME_SINTERSTORE,
  NAME_SREM,
  NAME_SUNIONSTORE,
  tellDeleted,
  tellStored,
} from './event-names.ts';
import { PARALLEL_UNITS_MIN, type PartVisitor, WANTS_COUNT, WANTS_MEMBERS } from './parted-work.ts';
import { type SetOperation, type SetSource, SetWalk } from './set-walk.ts';
import {
  type CommandContext,
  type CommandSpec,
  DONE,
  ESCALATE,
  type KeyFlag,
  type KeySpec,
  keysFrom,
  oneKey,
  type RunStatus,
} from './spec.ts';

const LIMIT = asciiBytes('LIMIT');
const APPROX = asciiBytes('APPROX');
/** Members above which readers are let in while a result is built. */
const BUILD_MEMBERS = 10_000;

/** Arguments [first, end) as sets; null when one is of another type and the error was replied. */
function sourcesOf(ctx: CommandContext, first: number, end: number): SetSource[] | null {
  const sources: SetSource[] = [];
  for (let i = first; i < end; i++) {
    const shard = ctx.at(i);
    const ref = shard.findRead(ctx.db, ctx.key);
    if (ref !== 0 && shard.typeOf(ref) !== TYPE_SET) {
      ctx.reply.errorBytes(ERROR_BYTES.WRONG_TYPE);
      return null;
    }
    sources.push({ shard, ref, size: ref === 0 ? 0 : shard.sets.size(ref) });
  }
  return sources;
}

/** Calls `visit` for each member of the result once, by several workers where that pays. */
function forResult(ctx: CommandContext, walk: SetWalk, wants: number, visit: PartVisitor): void {
  if (walk.units >= PARALLEL_UNITS_MIN && ctx.inParallel(walk, wants, visit)) return;
  walk.forEach(visit);
}

function replyResult(ctx: CommandContext, operation: SetOperation): RunStatus {
  const { args, reply } = ctx;
  if (missesNeedWorker(ctx)) return ESCALATE;
  const sources = sourcesOf(ctx, 1, args.count);
  if (sources === null) return DONE;
  const walk = new SetWalk(operation, sources);
  if (!ctx.mayRun(walk.units)) return ESCALATE;
  const mark = reply.deferArray();
  let count = 0;
  forResult(ctx, walk, WANTS_MEMBERS, (buf, from, to) => {
    reply.bulk(buf, from, to);
    count += 1;
    return true;
  });
  reply.finishSet(mark, count);
  return DONE;
}

function storeResult(ctx: CommandContext, operation: SetOperation): RunStatus {
  const { args, reply, db } = ctx;
  if (missesNeedWorker(ctx)) return ESCALATE;
  const sources = sourcesOf(ctx, 2, args.count);
  if (sources === null) return DONE;
  const walk = new SetWalk(operation, sources);
  const { units } = walk;
  if (!ctx.mayRun(units)) return ESCALATE;
  const shard = ctx.at2(1);
  const set = shard.setBuilder;
  let isOpen = false;
  let isFull = false;
  if (units > BUILD_MEMBERS) ctx.beginBuild();
  forResult(ctx, walk, WANTS_MEMBERS, (buf, from, to) => {
    if (!isOpen) isFull = !set.openDetached(buf, from, to, 0);
    isOpen = !isFull;
    if (isOpen && set.add(buf, from, to) === SET_FULL) isFull = true;
    return !isFull;
  });
  if (units > BUILD_MEMBERS) ctx.endBuild();
  if (isFull) {
    if (isOpen) set.drop();
    replyFull(ctx);
    return DONE;
  }
  ctx.at2(1);
  if (!isOpen) {
    if (shard.delete(db, ctx.key2)) tellDeleted(ctx, ctx.key2);
    reply.integer(0);
    return DONE;
  }
  const size = set.openSize;
  if (!set.link(db, ctx.key2, NO_TTL)) {
    replyFull(ctx);
    return DONE;
  }
  reply.integer(size);
  tellStored(ctx, shard, ctx.key2, TYPE_SET, EVENT_SET, STORE_NAMES[operation]);
  return DONE;
}

/** SINTERCARD, SUNIONCARD, SDIFFCARD: numkeys key ... [LIMIT limit]. */
function replyCount(ctx: CommandContext, operation: SetOperation): RunStatus {
  const { args, reply } = ctx;
  const keys = args.toInt(1);
  if (!(keys > 0)) {
    reply.errorBytes(ERROR_BYTES.NUMKEYS_NOT_POSITIVE);
    return DONE;
  }
  if (keys > args.count - 2) {
    reply.errorBytes(ERROR_BYTES.NUMKEYS_TOO_LARGE);
    return DONE;
  }
  let limit = 0;
  for (let i = 2 + keys; i < args.count; i += 2) {
    // The exact number is an approximation, too.
    if (operation === 'union' && args.equalsIgnoreCase(i, APPROX)) {
      i -= 1;
      continue;
    }
    if (!args.equalsIgnoreCase(i, LIMIT) || i + 1 >= args.count) {
      reply.errorBytes(ERROR_BYTES.SYNTAX);
      return DONE;
    }
    limit = args.toInt(i + 1);
    if (!(limit >= 0)) {
      reply.errorBytes(ERROR_BYTES.LIMIT_NEGATIVE);
      return DONE;
    }
  }
  if (missesNeedWorker(ctx)) return ESCALATE;
  const sources = sourcesOf(ctx, 2, 2 + keys);
  if (sources === null) return DONE;
  const walk = new SetWalk(operation, sources);
  if (!ctx.mayRun(walk.units)) return ESCALATE;
  let count = 0;
  forResult(ctx, walk, WANTS_COUNT, () => {
    count += 1;
    return count !== limit;
  });
  reply.integer(count);
  return DONE;
}

function isSameKey(ctx: CommandContext): boolean {
  const { buf, offset, length } = ctx.args;
  return length[1] === length[2] && equalBytes(buf, offset[1]!, buf, offset[2]!, length[1]!);
}

/** Added to the destination before it leaves the source, so that a full arena loses nothing. */
function cmdSmove(ctx: CommandContext): RunStatus {
  const { args, reply, db, key } = ctx;
  const from = ctx.at(1);
  const source = from.findWrite(db, key);
  if (source === 0) {
    reply.integer(0);
    return DONE;
  }
  const to = ctx.at2(2);
  const isSet = from.typeOf(source) === TYPE_SET;
  const target = to.findWrite(db, ctx.key2);
  if (!isSet || (target !== 0 && to.typeOf(target) !== TYPE_SET)) {
    reply.errorBytes(ERROR_BYTES.WRONG_TYPE);
    return DONE;
  }
  const { buf } = args;
  const start = args.offset[3]!;
  const end = args.end(3);
  const isMember = from.sets.has(source, buf, start, end);
  if (!isMember || isSameKey(ctx)) {
    reply.integer(isMember ? 1 : 0);
    return DONE;
  }
  const hasCome = target === 0 || !to.sets.has(target, buf, start, end);
  if (!addTo(ctx, to, target, start, end)) {
    replyFull(ctx);
    return DONE;
  }
  // As in Redis, the member is told to have left before it is told to have come.
  const left = from.sets.open(db, key, from.find(db, key));
  left.remove(buf, start, end);
  reply.integer(1);
  tellMoved(ctx, left.ref === 0, hasCome);
  return DONE;
}

function tellMoved(ctx: CommandContext, isGone: boolean, hasCome: boolean): void {
  const { state, db } = ctx;
  state.event(EVENT_SET, NAME_SREM, db, ctx.key);
  if (isGone) tellDeleted(ctx, ctx.key);
  if (hasCome) state.event(EVENT_SET, NAME_SADD, db, ctx.key2);
}

function addTo(
  ctx: CommandContext,
  shard: Shard,
  target: Ref,
  start: number,
  end: number,
): boolean {
  const { buf } = ctx.args;
  if (target !== 0) {
    return shard.sets.open(ctx.db, ctx.key2, target).add(buf, start, end) !== SET_FULL;
  }
  const set = shard.setBuilder;
  if (!set.openDetached(buf, start, end, 1)) return false;
  if (set.add(buf, start, end) === SET_FULL) {
    set.drop();
    return false;
  }
  return set.link(ctx.db, ctx.key2, NO_TTL);
}

const COUNTED: KeySpec = {
  flags: ['RO', 'ACCESS'],
  begin: 1,
  find: { kind: 'keynum', numberAt: 0, first: 1, step: 1 },
};

const STORE_NAMES: Readonly<Record<SetOperation, Uint8Array>> = {
  inter: NAME_SINTERSTORE,
  union: NAME_SUNIONSTORE,
  diff: NAME_SDIFFSTORE,
};

const NAMES: Readonly<Record<SetOperation, string>> = {
  inter: 'intersection',
  union: 'union',
  diff: 'difference',
};

function resultRow(operation: SetOperation): CommandSpec {
  return {
    name: `s${operation}`,
    summary: `Returns the ${NAMES[operation]} of sets.`,
    since: '1.0.0',
    group: 'set',
    arity: -2,
    flags: ['readonly'],
    acl: ['set'],
    keys: [keysFrom(1, 1, 'RO', 'ACCESS')],
    syntax: 'key [key ...]',
    place: 'shard',
    shards: 'keys',
    run: (ctx) => replyResult(ctx, operation),
  };
}

function storeRow(operation: SetOperation): CommandSpec {
  const target: readonly KeyFlag[] = ['OW', 'UPDATE'];
  return {
    name: `s${operation}store`,
    summary: `Stores the ${NAMES[operation]} of sets.`,
    since: '1.0.0',
    group: 'set',
    arity: -3,
    flags: ['write', 'denyoom'],
    acl: ['set'],
    keys: [oneKey(1, ...target), keysFrom(2, 1, 'RO', 'ACCESS')],
    syntax: 'destination:key key [key ...]',
    place: 'shard',
    shards: 'keys',
    run: (ctx) => storeResult(ctx, operation),
  };
}

function countRow(operation: SetOperation, since: string): CommandSpec {
  const approx = operation === 'union' ? ' [APPROX]' : '';
  return {
    name: `s${operation}card`,
    summary: `Returns the number of members of the ${NAMES[operation]} of sets.`,
    since,
    group: 'set',
    arity: -3,
    flags: operation === 'inter' ? ['readonly'] : ['readonly', 'movablekeys'],
    acl: ['set'],
    keys: [COUNTED],
    syntax: `numkeys:integer key [key ...]${approx} [LIMIT limit:integer]`,
    place: 'shard',
    shards: 'keys',
    run: (ctx) => replyCount(ctx, operation),
  };
}

export const SET_ALGEBRA_COMMANDS: readonly CommandSpec[] = [
  resultRow('inter'),
  resultRow('union'),
  resultRow('diff'),
  storeRow('inter'),
  storeRow('union'),
  storeRow('diff'),
  countRow('inter', '7.0.0'),
  countRow('union', '8.10.0'),
  countRow('diff', '8.10.0'),
  {
    name: 'smove',
    summary: 'Moves a member from one set to another.',
    since: '1.0.0',
    group: 'set',
    arity: 4,
    flags: ['write', 'fast'],
    acl: ['set'],
    keys: [oneKey(1, 'RW', 'ACCESS', 'DELETE'), oneKey(2, 'RW', 'INSERT')],
    syntax: 'source:key destination:key member',
    place: 'shard',
    shards: 'keys',
    run: cmdSmove,
  },
];
