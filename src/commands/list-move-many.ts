/**
 * LMOVEM: several elements from an end of one list to an end of another.
 *
 * They arrive in the order in which they stood, but for OBO (one by one) where both ends are the
 * same one: there each stands in front of the one before. The reply has them as they stand in the
 * destination. All of them are taken before the first is put, also where both lists are one.
 */

import { asciiBytes, copyBytes } from '../base/bytes.ts';
import { TYPE_LIST } from '../keyspace/entry.ts';
import { EVENT_LIST } from '../keyspace/events.ts';
import type { Shard } from '../keyspace/shard.ts';
import type { Ref } from '../memory/arena.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import { replyFull } from './collection.ts';
import { NAME_LPUSH, NAME_RPUSH } from './event-names.ts';
import { mayPop, sideOf, tellPopped } from './list-ends.ts';
import { LOG_BATCH, logArgument, logBytes, logPop } from './log-effects.ts';
import {
  type CommandContext,
  type CommandSpec,
  DONE,
  ESCALATE,
  oneKey,
  type RunStatus,
} from './spec.ts';

const LEFT = asciiBytes('LEFT');
const RIGHT = asciiBytes('RIGHT');
const LMOVE = asciiBytes('LMOVE');
const LPUSH = asciiBytes('LPUSH');
const RPUSH = asciiBytes('RPUSH');
const LPOP = asciiBytes('LPOP');
const RPOP = asciiBytes('RPOP');
const LSET = asciiBytes('LSET');
const COUNT = asciiBytes('COUNT');
const EXACTLY = asciiBytes('EXACTLY');
const OBO = asciiBytes('OBO');
const BULK = asciiBytes('BULK');
/** Arguments of the options: a word, a number, a word. */
const OPTION_ARGUMENTS = 3;

interface MoveQuery {
  readonly fromHead: boolean;
  readonly toHead: boolean;
  readonly count: number;
  readonly isExact: boolean;
  /** The elements arrive in the opposite of the order in which they stood. */
  readonly isReversed: boolean;
}

/**
 * Reads the sides and the options, from argument `optionsAt` on; null when
 * an error was replied.
 */
function parseMove(ctx: CommandContext, optionsAt: number): MoveQuery | null {
  const { args, reply } = ctx;
  const from = sideOf(ctx, 3);
  const to = sideOf(ctx, 4);
  const isPlain = args.count === optionsAt;
  const hasAll = args.count === optionsAt + OPTION_ARGUMENTS;
  const isExact = hasAll && args.equalsIgnoreCase(optionsAt, EXACTLY);
  const isOneByOne = hasAll && args.equalsIgnoreCase(optionsAt + 2, OBO);
  const isWellFormed =
    isPlain ||
    (hasAll &&
      (isExact || args.equalsIgnoreCase(optionsAt, COUNT)) &&
      (isOneByOne || args.equalsIgnoreCase(optionsAt + 2, BULK)));
  if (from < 0 || to < 0 || !isWellFormed) {
    reply.errorBytes(ERROR_BYTES.SYNTAX);
    return null;
  }
  const count = isPlain ? 1 : args.toInt(optionsAt + 1);
  if (!(count > 0)) {
    reply.errorBytes(ERROR_BYTES.COUNT_NOT_POSITIVE);
    return null;
  }
  const isReversed = isOneByOne && from === to;
  return { fromHead: from === 1, toHead: to === 1, count, isExact, isReversed };
}

/** Elements out of their list: bytes one after the other, and where each ends. */
interface Taken {
  readonly bytes: Uint8Array;
  readonly ends: Float64Array;
}

/** Copies of the `count` elements at an end of a list, in the order in which they stand. */
function take({ lists }: Shard, ref: Ref, count: number, fromHead: boolean): Taken {
  const first = fromHead ? 0 : lists.size(ref) - count;
  const ends = new Float64Array(count);
  let next = 0;
  let length = 0;
  lists.walk(ref, first, false, (_buf, from, to) => {
    length += to - from;
    ends[next++] = length;
    return next < count;
  });
  const bytes = new Uint8Array(length);
  let at = 0;
  next = 0;
  lists.walk(ref, first, false, (buf, from, to) => {
    copyBytes(bytes, at, buf, from, to);
    at = ends[next++]!;
    return next < count;
  });
  return { bytes, ends };
}

/** Puts elements at an end of the list of `key2`. False = the arena is full, nothing changed. */
function put(
  ctx: CommandContext,
  shard: Shard,
  target: Ref,
  { bytes, ends }: Taken,
  { toHead, isReversed }: MoveQuery,
): boolean {
  const { db, key2 } = ctx;
  const { lists } = shard;
  const count = ends.length;
  if (target !== 0) lists.open(db, key2, target);
  else if (!lists.create(db, key2)) return false;
  let isFull = !lists.prepare(bytes.length, count);
  const isBackward = toHead !== isReversed;
  let done = 0;
  for (; done < count && !isFull; done++) {
    const index = isBackward ? count - 1 - done : done;
    const from = index === 0 ? 0 : ends[index - 1]!;
    isFull = !lists.push(bytes, from, ends[index]!, toHead);
  }
  if (!isFull) return true;
  // The push that failed counts as done, too.
  lists.removeEnd(Math.max(done - 1, 0), toHead);
  lists.dropEmpty();
  return false;
}

function replyTaken(ctx: CommandContext, { bytes, ends }: Taken, isReversed: boolean): void {
  const { reply } = ctx;
  const count = ends.length;
  reply.array(count);
  for (let i = 0; i < count; i++) {
    const index = isReversed ? count - 1 - i : i;
    reply.bulk(bytes, index === 0 ? 0 : ends[index - 1]!, ends[index]!);
  }
}

function cmdLmovem(ctx: CommandContext): RunStatus {
  return moveMany(ctx, 5, () => ctx.reply.nullArray());
}

/**
 * LMOVEM with its options from argument `optionsAt` on; `onNone` is called where there are too few
 * elements.
 */
export function moveMany(ctx: CommandContext, optionsAt: number, onNone: () => void): RunStatus {
  const { reply, db, key } = ctx;
  const query = parseMove(ctx, optionsAt);
  if (query === null) return DONE;
  if (!mayPop(ctx, 1, query.count)) return ESCALATE;
  const from = ctx.at(1);
  const ref = from.findWrite(db, key);
  if (ref === 0) {
    onNone();
    return DONE;
  }
  const to = ctx.at2(2);
  const target = to.findWrite(db, ctx.key2);
  const isList = from.typeOf(ref) === TYPE_LIST;
  if (!isList || (target !== 0 && to.typeOf(target) !== TYPE_LIST)) {
    reply.errorBytes(ERROR_BYTES.WRONG_TYPE);
    return DONE;
  }
  const size = from.lists.size(ref);
  if (query.isExact && size < query.count) {
    onNone();
    return DONE;
  }
  const { fromHead, toHead, isReversed } = query;
  const count = Math.min(query.count, size);
  const taken = take(from, ref, count, fromHead);
  if (!put(ctx, to, target, taken, query)) {
    replyFull(ctx);
    return DONE;
  }
  const isSame = from === to && target === ref;
  const lists = from.lists.open(db, key, from.find(db, key));
  // In one list, what was put may stand before what is taken.
  if (isSame && fromHead === toHead) lists.removeRange(fromHead ? count : size - count, count);
  else lists.removeEnd(count, fromHead);
  replyTaken(ctx, taken, isReversed);
  ctx.state.event(EVENT_LIST, toHead ? NAME_LPUSH : NAME_RPUSH, db, ctx.key2);
  tellPopped(ctx, from, fromHead);
  if (ctx.effects.isOn) logMoved(ctx, taken, query, isSame ? size : -1);
  return DONE;
}

/** What Redis 7.0 knows of it; `size` is that of the one list that both keys are, or -1. */
function logMoved(ctx: CommandContext, taken: Taken, query: MoveQuery, size: number): void {
  const { fromHead, toHead, isReversed } = query;
  const count = taken.ends.length;
  if (size < 0) {
    logPushed(ctx, taken, query);
    logPop(ctx, fromHead ? LPOP : RPOP, 1, count);
  } else if (fromHead !== toHead) {
    for (let i = 0; i < count; i++) logRotated(ctx, fromHead);
  } else if (isReversed) {
    logReversed(ctx, taken, fromHead ? 0 : size - count);
  } else {
    ctx.effects.replace();
  }
}

/** The elements to an end of argument 2, in batches. */
function logPushed(ctx: CommandContext, { bytes, ends }: Taken, query: MoveQuery): void {
  const { effects, db } = ctx;
  const { toHead, isReversed } = query;
  const count = ends.length;
  const isBackward = toHead !== isReversed;
  for (let done = 0; done < count; done++) {
    if (done % LOG_BATCH === 0) {
      effects.command(db, toHead ? LPUSH : RPUSH, 2 + Math.min(LOG_BATCH, count - done));
      logArgument(ctx, 2);
    }
    const index = isBackward ? count - 1 - done : done;
    effects.bytes(bytes, index === 0 ? 0 : ends[index - 1]!, ends[index]!);
  }
}

/** One element from an end of a list to its other one: the list stays the same key. */
function logRotated(ctx: CommandContext, fromHead: boolean): void {
  const { effects, db } = ctx;
  effects.command(db, LMOVE, 5);
  logArgument(ctx, 1);
  logArgument(ctx, 2);
  logBytes(effects, fromHead ? LEFT : RIGHT);
  logBytes(effects, fromHead ? RIGHT : LEFT);
}

/** The elements in the opposite order where they were, from element `first` on. */
function logReversed(ctx: CommandContext, { bytes, ends }: Taken, first: number): void {
  const { effects, db } = ctx;
  const count = ends.length;
  for (let i = 0; i < count; i++) {
    const index = count - 1 - i;
    effects.command(db, LSET, 4);
    logArgument(ctx, 1);
    effects.integer(first + i);
    effects.bytes(bytes, index === 0 ? 0 : ends[index - 1]!, ends[index]!);
  }
}

export const LIST_MOVE_MANY_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'lmovem',
    summary: 'Moves elements from an end of one list to an end of another, and returns them.',
    since: '8.10.0',
    group: 'list',
    arity: -5,
    flags: ['write', 'denyoom'],
    acl: ['list'],
    keys: [oneKey(1, 'RW', 'ACCESS', 'DELETE'), oneKey(2, 'RW', 'INSERT')],
    syntax:
      'source:key destination:key <LEFT | RIGHT> <LEFT | RIGHT> ' +
      '[<COUNT count | EXACTLY exactly:integer> <OBO | BULK>]',
    place: 'shard',
    shards: 'keys',
    run: cmdLmovem,
  },
];
