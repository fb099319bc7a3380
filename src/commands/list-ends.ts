/** Lists: pushing and popping at the ends, and moving between lists. */

import { asciiBytes } from '../base/bytes.ts';
import { TYPE_LIST } from '../keyspace/entry.ts';
import { EVENT_LIST } from '../keyspace/events.ts';
import type { Shard } from '../keyspace/shard.ts';
import type { Ref } from '../memory/arena.ts';
import { ERROR_BYTES, wrongArity } from '../resp/errors.ts';
import { type OneKeyRow, replyFull, writeTyped } from './collection.ts';
import { NAME_LPOP, NAME_LPUSH, NAME_RPOP, NAME_RPUSH, tellDeleted } from './event-names.ts';
import { logPop, logPrefix } from './log-effects.ts';
import {
  type CommandContext,
  type CommandSpec,
  DONE,
  ESCALATE,
  oneKey,
  type RunStatus,
} from './spec.ts';

const TYPE = TYPE_LIST;
const LEFT = asciiBytes('LEFT');
const RIGHT = asciiBytes('RIGHT');
const COUNT = asciiBytes('COUNT');
const LPUSH = asciiBytes('LPUSH');
const RPUSH = asciiBytes('RPUSH');
const LPOP = asciiBytes('LPOP');
const RPOP = asciiBytes('RPOP');
/** Bytes of arguments that count as one unit of work. */
const UNIT_SHIFT = 4;

/** Bytes of arguments from `first` on. */
function argumentBytes(ctx: CommandContext, first: number): number {
  let bytes = 0;
  for (let i = first; i < ctx.args.count; i++) bytes += ctx.args.length[i]!;
  return bytes;
}

function push(ctx: CommandContext, atHead: boolean, onlyIfThere: boolean): RunStatus {
  const { args, reply, db, key } = ctx;
  const bytes = argumentBytes(ctx, 2);
  if (!ctx.mayRun(args.count + (bytes >> UNIT_SHIFT))) return ESCALATE;
  const ref = writeTyped(ctx, 1, TYPE);
  if (ref < 0) return DONE;
  if (ref === 0 && onlyIfThere) {
    reply.integer(0);
    return DONE;
  }
  const { lists } = ctx.at(1);
  if (ref !== 0) {
    lists.open(db, key, ref);
  } else if (!lists.create(db, key)) {
    replyFull(ctx);
    return DONE;
  }
  let isFull = !lists.prepare(bytes, args.count - 2);
  let next = 2;
  while (next < args.count && !isFull) {
    isFull = !lists.push(args.buf, args.offset[next]!, args.end(next), atHead);
    if (!isFull) next += 1;
  }
  if (isFull) {
    lists.dropEmpty();
    replyFull(ctx);
    if (next > 2) logPrefix(ctx, atHead ? LPUSH : RPUSH, next);
  } else {
    reply.integer(lists.size(lists.ref));
    ctx.state.event(EVENT_LIST, atHead ? NAME_LPUSH : NAME_RPUSH, db, key);
  }
  return DONE;
}

/** Replies an element at an end and takes it out. */
export function popOne(ctx: CommandContext, shard: Shard, ref: Ref, atHead: boolean): void {
  const { lists } = shard;
  lists.index(ref, atHead ? 0 : -1);
  ctx.reply.bulk(lists.buf, lists.from, lists.to);
  lists.open(ctx.db, ctx.key, ref).removeEnd(1, atHead);
  tellPopped(ctx, shard, atHead);
}

/** Elements were taken out at an end of the open list of `key`, and the list if it is empty. */
export function tellPopped(ctx: CommandContext, { lists }: Shard, atHead: boolean): void {
  ctx.state.event(EVENT_LIST, atHead ? NAME_LPOP : NAME_RPOP, ctx.db, ctx.key);
  if (lists.ref === 0) tellDeleted(ctx, ctx.key);
}

/** Replies an array of up to `count` elements at an end and takes them out. Returns how many. */
function popMany(
  ctx: CommandContext,
  shard: Shard,
  ref: Ref,
  count: number,
  atHead: boolean,
): number {
  const { reply } = ctx;
  const { lists } = shard;
  const popped = Math.min(count, lists.size(ref));
  reply.array(popped);
  if (popped === 0) return 0;
  let left = popped;
  lists.walk(ref, atHead ? 0 : -1, !atHead, (buf, from, to) => {
    reply.bulk(buf, from, to);
    left -= 1;
    return left > 0;
  });
  lists.open(ctx.db, ctx.key, ref).removeEnd(popped, atHead);
  tellPopped(ctx, shard, atHead);
  return popped;
}

function pop(ctx: CommandContext, atHead: boolean): RunStatus {
  const { args, reply } = ctx;
  if (args.count > 3) {
    reply.error(wrongArity(atHead ? 'lpop' : 'rpop'));
    return DONE;
  }
  const hasCount = args.count > 2;
  const count = hasCount ? args.toInt(2) : 1;
  if (!(count >= 0)) {
    reply.errorBytes(ERROR_BYTES.NOT_POSITIVE);
    return DONE;
  }
  if (hasCount && !mayPop(ctx, 1, count)) return ESCALATE;
  const ref = writeTyped(ctx, 1, TYPE);
  if (ref < 0) return DONE;
  if (ref === 0) {
    if (hasCount) reply.nullArray();
    else reply.null();
  } else if (hasCount) {
    popMany(ctx, ctx.at(1), ref, count, atHead);
  } else {
    popOne(ctx, ctx.at(1), ref, atHead);
  }
  return DONE;
}

/** False when up to `count` elements of the list at argument `index` are too many for here. */
export function mayPop(ctx: CommandContext, index: number, count: number): boolean {
  const shard = ctx.at(index);
  const ref = shard.find(ctx.db, ctx.key);
  const isList = ref !== 0 && shard.typeOf(ref) === TYPE;
  return ctx.mayRun(isList ? Math.min(count, shard.lists.size(ref)) : 0);
}

/** 1 = LEFT, 0 = RIGHT, -1 = neither. */
export function sideOf(ctx: CommandContext, index: number): number {
  if (ctx.args.equalsIgnoreCase(index, LEFT)) return 1;
  return ctx.args.equalsIgnoreCase(index, RIGHT) ? 0 : -1;
}

/**
 * LMPOP with its number of keys at argument `keysAt`. Where no key has an element, `onNone` is
 * called with that number.
 */
export function popFirst(
  ctx: CommandContext,
  keysAt: number,
  onNone: (keys: number) => void,
): RunStatus {
  const { args, reply, db } = ctx;
  const keys = args.toInt(keysAt);
  if (!(keys > 0)) {
    reply.errorBytes(ERROR_BYTES.NUMKEYS_NOT_POSITIVE);
    return DONE;
  }
  const first = keysAt + 1;
  const whereAt = first + keys;
  const side = whereAt < args.count ? sideOf(ctx, whereAt) : -1;
  if (side < 0) {
    reply.errorBytes(ERROR_BYTES.SYNTAX);
    return DONE;
  }
  let count = 0;
  for (let i = whereAt + 1; i < args.count; i += 2) {
    if (count !== 0 || i + 1 >= args.count || !args.equalsIgnoreCase(i, COUNT)) {
      reply.errorBytes(ERROR_BYTES.SYNTAX);
      return DONE;
    }
    count = args.toInt(i + 1);
    if (!(count > 0)) {
      reply.errorBytes(ERROR_BYTES.COUNT_NOT_POSITIVE);
      return DONE;
    }
  }
  if (count === 0) count = 1;
  for (let i = first; i < whereAt; i++) {
    if (ctx.servedKey !== 0 && ctx.servedKey !== i) continue;
    if (!mayPop(ctx, i, count)) return ESCALATE;
    const ref = writeTyped(ctx, i, TYPE);
    if (ref < 0) return DONE;
    if (ref === 0) continue;
    reply.array(2);
    reply.bulk(args.buf, args.offset[i]!, args.end(i));
    const shard = ctx.at(i);
    const popped = popMany(ctx, shard, shard.find(db, ctx.key), count, side === 1);
    logPop(ctx, side === 1 ? LPOP : RPOP, i, popped);
    return DONE;
  }
  onNone(keys);
  return DONE;
}

function cmdLmpop(ctx: CommandContext): RunStatus {
  return popFirst(ctx, 1, () => ctx.reply.nullArray());
}

function move(ctx: CommandContext, fromHead: boolean, toHead: boolean): RunStatus {
  return moveOne(ctx, fromHead, toHead, () => ctx.reply.null());
}

/**
 * LMOVE of arguments 1 and 2; `onNone` is called where there is nothing to move. The element goes
 * to its new list before it leaves the old one, so that nothing is lost.
 */
export function moveOne(
  ctx: CommandContext,
  fromHead: boolean,
  toHead: boolean,
  onNone: () => void,
): RunStatus {
  const { reply, db, key } = ctx;
  const from = ctx.at(1);
  const ref = from.findWrite(db, key);
  if (ref === 0) {
    onNone();
    return DONE;
  }
  const to = ctx.at2(2);
  const target = to.findWrite(db, ctx.key2);
  const isList = from.typeOf(ref) === TYPE;
  if (!isList || (target !== 0 && to.typeOf(target) !== TYPE)) {
    reply.errorBytes(ERROR_BYTES.WRONG_TYPE);
    return DONE;
  }
  from.lists.index(ref, fromHead ? 0 : -1);
  const moved = from.lists.buf.slice(from.lists.from, from.lists.to);
  if (!pushTo(ctx, to, target, moved, toHead)) {
    replyFull(ctx);
    return DONE;
  }
  // In a list that rotates the new element may stand where the old one is looked for.
  const source = from.find(db, key);
  const isSame = from === to && target === ref;
  const size = from.lists.size(source);
  const lists = from.lists.open(db, key, source);
  if (isSame && fromHead === toHead) lists.removeRange(fromHead ? 1 : size - 2, 1);
  else lists.removeEnd(1, fromHead);
  reply.bulk(moved, 0, moved.length);
  // As in Redis, the push comes first.
  ctx.state.event(EVENT_LIST, toHead ? NAME_LPUSH : NAME_RPUSH, db, ctx.key2);
  tellPopped(ctx, from, fromHead);
  return DONE;
}

function pushTo(
  ctx: CommandContext,
  shard: Shard,
  target: Ref,
  element: Uint8Array,
  atHead: boolean,
): boolean {
  const { db, key2 } = ctx;
  const { lists } = shard;
  if (target !== 0) lists.open(db, key2, target);
  else if (!lists.create(db, key2)) return false;
  const { length } = element;
  if (lists.prepare(length, 1) && lists.push(element, 0, length, atHead)) return true;
  lists.dropEmpty();
  return false;
}

function cmdLmove(ctx: CommandContext): RunStatus {
  const from = sideOf(ctx, 3);
  const to = sideOf(ctx, 4);
  if (from >= 0 && to >= 0) return move(ctx, from === 1, to === 1);
  ctx.reply.errorBytes(ERROR_BYTES.SYNTAX);
  return DONE;
}

function pushRow(name: string, atHead: boolean, onlyIfThere: boolean): OneKeyRow {
  const end = atHead ? 'head' : 'tail';
  return {
    name,
    summary: `Adds elements at the ${end} of a list${onlyIfThere ? ' that exists' : ''}.`,
    since: onlyIfThere ? '2.2.0' : '1.0.0',
    arity: -3,
    flags: ['write', 'denyoom', 'fast'],
    keyFlags: ['RW', 'INSERT'],
    syntax: 'key element [element ...]',
    run: (ctx) => push(ctx, atHead, onlyIfThere),
  };
}

function popRow(name: string, atHead: boolean): OneKeyRow {
  return {
    name,
    summary: `Returns and removes elements at the ${atHead ? 'head' : 'tail'} of a list.`,
    since: '1.0.0',
    arity: -2,
    flags: ['write', 'fast'],
    keyFlags: ['RW', 'ACCESS', 'DELETE'],
    syntax: 'key [count:integer]',
    run: (ctx) => pop(ctx, atHead),
  };
}

export const LIST_END_ROWS: readonly OneKeyRow[] = [
  pushRow('lpush', true, false),
  pushRow('rpush', false, false),
  pushRow('lpushx', true, true),
  pushRow('rpushx', false, true),
  popRow('lpop', true),
  popRow('rpop', false),
];

/** The specification of a command that moves from the list at argument 1 to that at argument 2. */
export function moveRow(
  name: string,
  arity: number,
  since: string,
  syntax: string,
  run: (ctx: CommandContext) => RunStatus,
): CommandSpec {
  return {
    name,
    summary: 'Moves an element from an end of one list to an end of another, and returns it.',
    since,
    group: 'list',
    arity,
    flags: ['write', 'denyoom'],
    acl: ['list'],
    keys: [oneKey(1, 'RW', 'ACCESS', 'DELETE'), oneKey(2, 'RW', 'INSERT')],
    syntax,
    place: 'shard',
    shards: 'keys',
    run,
  };
}

const SIDES = '<LEFT | RIGHT> <LEFT | RIGHT>';

export const LIST_MOVE_COMMANDS: readonly CommandSpec[] = [
  moveRow('lmove', 5, '6.2.0', `source:key destination:key ${SIDES}`, cmdLmove),
  moveRow('rpoplpush', 3, '1.2.0', 'source:key destination:key', (ctx) => move(ctx, false, true)),
  {
    name: 'lmpop',
    summary: 'Returns and removes elements of the first list that has any.',
    since: '7.0.0',
    group: 'list',
    arity: -4,
    flags: ['write'],
    acl: ['list'],
    keys: [
      {
        flags: ['RW', 'ACCESS', 'DELETE'],
        begin: 1,
        find: { kind: 'keynum', numberAt: 0, first: 1, step: 1 },
      },
    ],
    syntax: 'numkeys:integer key [key ...] <LEFT | RIGHT> [COUNT count:integer]',
    place: 'shard',
    shards: 'keys',
    run: cmdLmpop,
  },
];
