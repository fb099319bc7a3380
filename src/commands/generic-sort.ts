/**
 * SORT and SORT_RO: the elements of a list, a set or a sorted set in another order, or what keys
 * named after the elements hold.
 *
 * Elements and weights are texts by number (sort-texts.ts), the order is an array of numbers
 * (base/index-sort.ts): sorting a million elements makes no million objects.
 */

import { asciiBytes } from '../base/bytes.ts';
import { sortedIndexes } from '../base/index-sort.ts';
import { TYPE_LIST, TYPE_SET, TYPE_ZSET } from '../keyspace/entry.ts';
import { EVENT_LIST } from '../keyspace/events.ts';
import type { Shard } from '../keyspace/shard.ts';
import type { Ref } from '../memory/arena.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import type { ArgView } from '../resp/request-parser.ts';
import { replyFull } from './collection.ts';
import { NAME_SORTSTORE, tellDeleted, tellStored } from './event-names.ts';
import { LOG_BATCH, logArgument, logDelete } from './log-effects.ts';
import { namesKeys, SortPattern } from './sort-pattern.ts';
import { SortTexts } from './sort-texts.ts';
import {
  type CommandContext,
  type CommandSpec,
  DONE,
  ESCALATE,
  type KeySpec,
  oneKey,
  type RunStatus,
} from './spec.ts';

const ASC = asciiBytes('ASC');
const DESC = asciiBytes('DESC');
const ALPHA = asciiBytes('ALPHA');
const LIMIT = asciiBytes('LIMIT');
const BY = asciiBytes('BY');
const GET = asciiBytes('GET');
const STORE = asciiBytes('STORE');
const RPUSH = asciiBytes('RPUSH');

/** Work of one element, in the units of `mayRun`: read, compared some ten times, replied. */
const ELEMENT_UNITS = 8;
/** Work of one lookup of a key by a pattern. */
const LOOKUP_UNITS = 24;
/** Work above which readers are let in while the result is made. */
const BUILD_UNITS = 20_000;
const NOTHING = new Uint8Array(0);

/** What the arguments ask for. */
interface SortQuery {
  isDescending: boolean;
  isAlpha: boolean;
  /** BY a name without a place for the element: the order stays as it is. */
  isUnsorted: boolean;
  offset: number;
  /** Negative: all. */
  count: number;
  /** Argument indexes; 0 = none. */
  by: number;
  store: number;
  readonly gets: number[];
}

/** Reads the options; null when an error was replied. */
function parseQuery(ctx: CommandContext, mayStore: boolean): SortQuery | null {
  const { args, reply } = ctx;
  const query: SortQuery = {
    isDescending: false,
    isAlpha: false,
    isUnsorted: false,
    offset: 0,
    count: -1,
    by: 0,
    store: 0,
    gets: [],
  };
  for (let i = 2; i < args.count; i++) {
    const left = args.count - i - 1;
    if (args.equalsIgnoreCase(i, ASC)) query.isDescending = false;
    else if (args.equalsIgnoreCase(i, DESC)) query.isDescending = true;
    else if (args.equalsIgnoreCase(i, ALPHA)) query.isAlpha = true;
    else if (left >= 2 && args.equalsIgnoreCase(i, LIMIT)) {
      query.offset = args.toInt(i + 1);
      query.count = args.toInt(i + 2);
      if (Number.isNaN(query.offset) || Number.isNaN(query.count)) {
        reply.errorBytes(ERROR_BYTES.NOT_INTEGER);
        return null;
      }
      i += 2;
    } else if (left >= 1 && mayStore && args.equalsIgnoreCase(i, STORE)) query.store = ++i;
    else if (left >= 1 && args.equalsIgnoreCase(i, GET)) query.gets.push(++i);
    else if (left >= 1 && args.equalsIgnoreCase(i, BY)) {
      query.by = ++i;
      if (!namesKeys(args, i)) query.isUnsorted = true;
    } else {
      reply.errorBytes(ERROR_BYTES.SYNTAX);
      return null;
    }
  }
  return query;
}

/** A sort that runs: its query, its source and the part of the result that is asked for. */
interface Sorting {
  readonly query: SortQuery;
  readonly shard: Shard;
  /** 0 = there is no such key. */
  readonly ref: Ref;
  readonly type: number;
  readonly size: number;
  /** The part [start, end) of the order that is the result. */
  readonly start: number;
  readonly end: number;
  readonly gets: readonly SortPattern[];
}

/** Looks the source up and settles what is to be done; null when an error was replied. */
function openSorting(ctx: CommandContext, query: SortQuery): Sorting | null {
  const shard = ctx.at(1);
  const ref = shard.find(ctx.db, ctx.key);
  const type = ref === 0 ? TYPE_LIST : shard.typeOf(ref);
  if (type !== TYPE_LIST && type !== TYPE_SET && type !== TYPE_ZSET) {
    ctx.reply.errorBytes(ERROR_BYTES.WRONG_TYPE);
    return null;
  }
  if (type === TYPE_SET && query.isUnsorted && query.store !== 0) {
    // A set has no order of its own: what is stored has one.
    query.isUnsorted = false;
    query.isAlpha = true;
    query.by = 0;
  }
  const size = ref === 0 ? 0 : sizeOf(shard, ref, type);
  const start = Math.min(Math.max(query.offset, 0), size);
  const end = query.count < 0 ? size : Math.min(start + query.count, size);
  const gets = query.gets.map((index) => new SortPattern(ctx, index));
  return { query, shard, ref, type, size, start, end, gets };
}

function sizeOf(shard: Shard, ref: Ref, type: number): number {
  if (type === TYPE_LIST) return shard.lists.size(ref);
  return type === TYPE_SET ? shard.sets.size(ref) : shard.zsets.size(ref);
}

/** Units of work, an estimate. */
function unitsOf({ query, type, size, start, end, gets }: Sorting): number {
  const isPart = query.isUnsorted && type !== TYPE_SET;
  const loaded = isPart ? end - start : size;
  const lookups = gets.filter((pattern) => pattern.isLookup).length;
  const weights = query.isUnsorted || query.by === 0 ? 0 : size;
  return loaded * ELEMENT_UNITS + (weights + (end - start) * lookups) * LOOKUP_UNITS;
}

/** Every element, in the order in which they lie. */
function loadAll(ctx: CommandContext, { shard, ref, type, size }: Sorting): SortTexts {
  const elements = new SortTexts(size, ctx.shards);
  let next = 0;
  const take = (buf: Uint8Array, from: number, to: number): void => {
    elements.set(next++, shard, buf, from, to);
  };
  if (type === TYPE_SET) {
    shard.sets.forEach(ref, take);
  } else if (type === TYPE_ZSET) {
    shard.zsets.forEach(ref, take);
  } else if (size !== 0) {
    shard.lists.walk(ref, 0, false, (buf, from, to) => {
      take(buf, from, to);
      return true;
    });
  }
  return elements;
}

/** The part of a list or a sorted set that is asked for, in its own order or against it. */
function loadPart(ctx: CommandContext, sorting: Sorting): SortTexts {
  const { query, shard, ref, type, size, start, end } = sorting;
  const count = end - start;
  const { isDescending } = query;
  const elements = new SortTexts(count, ctx.shards);
  let next = 0;
  const take = (buf: Uint8Array, from: number, to: number): boolean => {
    elements.set(next++, shard, buf, from, to);
    return next < count;
  };
  if (count === 0) return elements;
  const first = isDescending ? size - 1 - start : start;
  if (type === TYPE_LIST) shard.lists.walk(ref, first, isDescending, take);
  else shard.zsets.forRange(ref, first, count, isDescending, take);
  return elements;
}

/** The weights that BY names for the elements. */
function loadWeights(ctx: CommandContext, by: number, elements: SortTexts): SortTexts {
  const pattern = new SortPattern(ctx, by);
  const weights = new SortTexts(elements.count, ctx.shards);
  for (let i = 0; i < elements.count; i++) {
    if (!pattern.find(ctx, elements, i)) continue;
    weights.set(i, pattern.shard, pattern.buf, pattern.from, pattern.to);
  }
  return weights;
}

/** The order of the elements, or null where one of their scores is no number. */
function orderOf(ctx: CommandContext, query: SortQuery, elements: SortTexts): Uint32Array | null {
  const weights = query.by === 0 ? elements : loadWeights(ctx, query.by, elements);
  const scores = new Float64Array(elements.count);
  for (let i = 0; i < scores.length; i++) {
    const score = query.isAlpha ? weights.rank(i) : weights.score(i);
    if (Number.isNaN(score)) return null;
    scores[i] = score;
  }
  // Elements of one score are in the order of their bytes.
  const ties = query.isAlpha ? weights : elements;
  return sortedIndexes(scores, query.isDescending, (a, b) => ties.compare(a, b));
}

/** Receives what the result consists of; nothing where a pattern finds nothing. */
type ResultVisitor = (buf: Uint8Array | null, from: number, to: number) => boolean;

/** Elements in the order of the result. */
interface Sorted {
  readonly elements: SortTexts;
  /** Null: the elements are the result as they are. */
  readonly order: Uint32Array | null;
}

/** Sorts; null where a score is no number. */
function sort(ctx: CommandContext, sorting: Sorting): Sorted | null {
  const { query, type } = sorting;
  if (query.isUnsorted && type !== TYPE_SET) {
    return { elements: loadPart(ctx, sorting), order: null };
  }
  const elements = loadAll(ctx, sorting);
  if (query.isUnsorted) {
    const part = Uint32Array.from({ length: elements.count }, (_, i) => i);
    return { elements, order: part.subarray(sorting.start, sorting.end) };
  }
  const order = orderOf(ctx, query, elements);
  return order && { elements, order: order.subarray(sorting.start, sorting.end) };
}

/** Calls `visit` for every part of the result until it answers false. */
function forResult(
  ctx: CommandContext,
  { elements, order }: Sorted,
  gets: readonly SortPattern[],
  visit: ResultVisitor,
): void {
  const count = order === null ? elements.count : order.length;
  for (let i = 0; i < count; i++) {
    const index = order === null ? i : order[i]!;
    if (gets.length === 0) {
      elements.read(index);
      if (!visit(elements.buf, elements.from, elements.to)) return;
    }
    for (const pattern of gets) {
      const isFound = pattern.find(ctx, elements, index);
      const { buf, from, to } = pattern;
      if (!visit(isFound ? buf : null, from, to)) return;
    }
  }
}

function replySorted(ctx: CommandContext, sorting: Sorting): void {
  const { reply } = ctx;
  const sorted = sort(ctx, sorting);
  if (sorted === null) {
    reply.errorBytes(ERROR_BYTES.SORT_NOT_FLOAT);
    return;
  }
  reply.array((sorting.end - sorting.start) * Math.max(sorting.gets.length, 1));
  forResult(ctx, sorted, sorting.gets, (buf, from, to) => {
    if (buf === null) reply.null();
    else reply.bulk(buf, from, to);
    return true;
  });
}

/** Outcomes of `build` besides the number of elements. */
const NOT_NUMBERS = -1;
const FULL = -2;

/** Builds the list to be stored in the shard of its key: open from then on unless it is empty. */
function build(ctx: CommandContext, sorting: Sorting, target: Shard): number {
  const sorted = sort(ctx, sorting);
  if (sorted === null) return NOT_NUMBERS;
  if (sorting.start === sorting.end) return 0;
  const list = target.listBuilder;
  if (!list.open()) return FULL;
  let isFull = false;
  forResult(ctx, sorted, sorting.gets, (buf, from, to) => {
    isFull = buf === null ? !list.push(NOTHING, 0, 0) : !list.push(buf, from, to);
    return !isFull;
  });
  return isFull ? FULL : list.size;
}

function storeSorted(ctx: CommandContext, sorting: Sorting, units: number): void {
  const { reply, db } = ctx;
  const { store } = sorting.query;
  const target = ctx.at2(store);
  if (units > BUILD_UNITS) ctx.beginBuild();
  const size = build(ctx, sorting, target);
  if (units > BUILD_UNITS) ctx.endBuild();
  if (size === NOT_NUMBERS) {
    reply.errorBytes(ERROR_BYTES.SORT_NOT_FLOAT);
    return;
  }
  if (size === FULL) {
    target.listBuilder.drop();
    replyFull(ctx);
    return;
  }
  // The patterns have used `key2` since.
  ctx.at2(store);
  const hasOld = target.find(db, ctx.key2) !== 0;
  if (size === 0 && target.delete(db, ctx.key2)) tellDeleted(ctx, ctx.key2);
  if (size !== 0 && !target.listBuilder.link(db, ctx.key2)) {
    replyFull(ctx);
    return;
  }
  reply.integer(size);
  if (size !== 0) tellStored(ctx, target, ctx.key2, TYPE_LIST, EVENT_LIST, NAME_SORTSTORE);
  if ((hasOld || size !== 0) && needsAll(ctx.args)) logStored(ctx, store, hasOld);
}

/**
 * Where patterns name keys, the log gets the result: some of these keys may have expired, and
 * nothing expires while the log is read. O(n).
 */
function logStored(ctx: CommandContext, store: number, hadOld: boolean): void {
  const { effects, db } = ctx;
  if (!effects.isOn) return;
  const target = ctx.at2(store);
  const ref = target.find(db, ctx.key2);
  if (hadOld) logDelete(ctx, store);
  if (ref === 0) return;
  let left = target.lists.size(ref);
  let room = 0;
  target.lists.walk(ref, 0, false, (buf, from, to) => {
    if (room === 0) {
      room = Math.min(LOG_BATCH, left);
      effects.command(db, RPUSH, 2 + room);
      logArgument(ctx, store);
    }
    effects.bytes(buf, from, to);
    left -= 1;
    room -= 1;
    return true;
  });
}

function run(ctx: CommandContext, mayStore: boolean): RunStatus {
  const query = parseQuery(ctx, mayStore);
  if (query === null) return DONE;
  const sorting = openSorting(ctx, query);
  if (sorting === null) return DONE;
  const units = unitsOf(sorting);
  if (!ctx.mayRun(units)) return ESCALATE;
  ctx.at(1).findRead(ctx.db, ctx.key);
  if (query.store === 0) replySorted(ctx, sorting);
  else storeSorted(ctx, sorting, units);
  return DONE;
}

/** Patterns name keys of any shard. */
function needsAll(args: ArgView): boolean {
  for (let i = 2; i + 1 < args.count; i++) {
    const isPattern = args.equalsIgnoreCase(i, BY) || args.equalsIgnoreCase(i, GET);
    if (isPattern && namesKeys(args, i + 1)) return true;
  }
  return false;
}

function readsOnly(args: ArgView): boolean {
  for (let i = 2; i < args.count; i++) if (args.equalsIgnoreCase(i, STORE)) return false;
  return true;
}

const SOURCE: KeySpec = oneKey(1, 'RO', 'ACCESS');
const NAMED: KeySpec = {
  flags: ['RO', 'ACCESS'],
  begin: 2,
  find: { kind: 'unknown' },
  notes: 'keys that BY and GET make from the elements',
};
const DESTINATION: KeySpec = {
  flags: ['OW', 'UPDATE'],
  begin: 2,
  find: { kind: 'unknown', word: 'STORE', operands: { BY: 1, GET: 1, LIMIT: 2 } },
  notes: 'behind STORE, anywhere among the options',
};

const SYNTAX =
  'key [BY pattern@1] [LIMIT offset count] [GET pattern@1 [GET pattern@1 ...]] ' +
  '[ASC | DESC] [ALPHA]';

export const SORT_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'sort',
    summary: 'Sorts the elements of a list, a set or a sorted set, and may store the result.',
    since: '1.0.0',
    group: 'generic',
    arity: -2,
    flags: ['write', 'denyoom'],
    acl: ['set', 'sortedset', 'list', 'dangerous'],
    keys: [SOURCE, NAMED, DESTINATION],
    syntax: `${SYNTAX} [STORE destination@2]`,
    place: 'shard',
    shards: 'keys',
    needsAll,
    readsOnly,
    run: (ctx) => run(ctx, true),
  },
  {
    name: 'sort_ro',
    summary: 'Sorts the elements of a list, a set or a sorted set.',
    since: '7.0.0',
    group: 'generic',
    arity: -2,
    flags: ['readonly'],
    acl: ['set', 'sortedset', 'list', 'dangerous'],
    keys: [SOURCE, NAMED],
    syntax: SYNTAX,
    place: 'shard',
    shards: 'keys',
    needsAll,
    run: (ctx) => run(ctx, false),
  },
];
