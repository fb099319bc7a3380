/** Lists: elements by index, by value and in ranges. */

import { asciiBytes } from '../base/bytes.ts';
import { TYPE_LIST } from '../keyspace/entry.ts';
import { EVENT_LIST } from '../keyspace/events.ts';
import type { Shard } from '../keyspace/shard.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import { type OneKeyRow, readTyped, replyFull, writeTyped } from './collection.ts';
import { NAME_LINSERT, NAME_LREM, NAME_LSET, NAME_LTRIM, tellDeleted } from './event-names.ts';
import { type CommandContext, DONE, ESCALATE, type RunStatus } from './spec.ts';

const TYPE = TYPE_LIST;
const BEFORE = asciiBytes('BEFORE');
const AFTER = asciiBytes('AFTER');
const RANK = asciiBytes('RANK');
const COUNT = asciiBytes('COUNT');
const MAXLEN = asciiBytes('MAXLEN');

/** Elements of the list of argument 1, without counting an access; 0 where there is none. */
function sizeSeen(ctx: CommandContext): number {
  const shard = ctx.at(1);
  const ref = shard.find(ctx.db, ctx.key);
  return ref === 0 || shard.typeOf(ref) !== TYPE ? 0 : shard.lists.size(ref);
}

function cmdLlen(ctx: CommandContext): RunStatus {
  const ref = readTyped(ctx, 1, TYPE);
  if (ref >= 0) ctx.reply.integer(ref === 0 ? 0 : ctx.at(1).lists.size(ref));
  return DONE;
}

function cmdLindex(ctx: CommandContext): RunStatus {
  const { args, reply } = ctx;
  const shard = ctx.at(1);
  const ref = readTyped(ctx, 1, TYPE);
  if (ref < 0) return DONE;
  if (ref === 0) {
    reply.null();
    return DONE;
  }
  const index = args.toInt(2);
  const { lists } = shard;
  if (Number.isNaN(index)) reply.errorBytes(ERROR_BYTES.NOT_INTEGER);
  else if (lists.index(ref, index)) reply.bulk(lists.buf, lists.from, lists.to);
  else reply.null();
  return DONE;
}

function cmdLrange(ctx: CommandContext): RunStatus {
  const { args, reply } = ctx;
  let first = args.toInt(2);
  let last = args.toInt(3);
  if (Number.isNaN(first) || Number.isNaN(last)) {
    reply.errorBytes(ERROR_BYTES.NOT_INTEGER);
    return DONE;
  }
  const seen = sizeSeen(ctx);
  if (first < 0) first = Math.max(0, first + seen);
  if (last < 0) last += seen;
  last = Math.min(last, seen - 1);
  if (!ctx.mayRun(last - first)) return ESCALATE;
  const ref = readTyped(ctx, 1, TYPE);
  if (ref < 0) return DONE;
  if (ref === 0 || first > last) {
    reply.array(0);
    return DONE;
  }
  let left = last - first + 1;
  reply.array(left);
  ctx.at(1).lists.walk(ref, first, false, (buf, from, to) => {
    reply.bulk(buf, from, to);
    left -= 1;
    return left > 0;
  });
  return DONE;
}

function cmdLset(ctx: CommandContext): RunStatus {
  const { args, reply, db, key } = ctx;
  const ref = writeTyped(ctx, 1, TYPE);
  if (ref < 0) return DONE;
  if (ref === 0) {
    reply.errorBytes(ERROR_BYTES.NO_SUCH_KEY);
    return DONE;
  }
  const index = args.toInt(2);
  if (Number.isNaN(index)) {
    reply.errorBytes(ERROR_BYTES.NOT_INTEGER);
    return DONE;
  }
  const { lists } = ctx.at(1);
  const status = lists.open(db, key, ref).set(index, args.buf, args.offset[3]!, args.end(3));
  if (status > 0) {
    reply.ok();
    ctx.state.event(EVENT_LIST, NAME_LSET, db, key);
  } else if (status === 0) reply.errorBytes(ERROR_BYTES.INDEX_OUT_OF_RANGE);
  else replyFull(ctx);
  return DONE;
}

function cmdLinsert(ctx: CommandContext): RunStatus {
  const { args, reply, db, key } = ctx;
  const isBehind = args.equalsIgnoreCase(2, AFTER);
  if (!isBehind && !args.equalsIgnoreCase(2, BEFORE)) {
    reply.errorBytes(ERROR_BYTES.SYNTAX);
    return DONE;
  }
  if (!ctx.mayRun(sizeSeen(ctx))) return ESCALATE;
  const ref = writeTyped(ctx, 1, TYPE);
  if (ref < 0) return DONE;
  if (ref === 0) {
    reply.integer(0);
    return DONE;
  }
  const { lists } = ctx.at(1);
  const { buf, offset } = args;
  lists.open(db, key, ref);
  const status = lists.insert(buf, offset[3]!, args.end(3), offset[4]!, args.end(4), isBehind);
  if (status > 0) {
    reply.integer(lists.size(lists.ref));
    ctx.state.event(EVENT_LIST, NAME_LINSERT, db, key);
  } else if (status === 0) reply.integer(-1);
  else replyFull(ctx);
  return DONE;
}

function cmdLrem(ctx: CommandContext): RunStatus {
  const { args, reply, db, key } = ctx;
  const count = args.toInt(2);
  if (Number.isNaN(count)) {
    reply.errorBytes(ERROR_BYTES.NOT_INTEGER);
    return DONE;
  }
  if (!ctx.mayRun(sizeSeen(ctx))) return ESCALATE;
  const ref = writeTyped(ctx, 1, TYPE);
  if (ref < 0) return DONE;
  if (ref === 0) {
    reply.integer(0);
    return DONE;
  }
  const lists = ctx.at(1).lists.open(db, key, ref);
  const limit = count === 0 ? Number.POSITIVE_INFINITY : Math.abs(count);
  const { buf, offset } = args;
  const removed = lists.removeEqual(buf, offset[3]!, args.end(3), limit, count < 0);
  reply.integer(removed);
  if (removed !== 0) {
    ctx.state.event(EVENT_LIST, NAME_LREM, db, key);
    if (lists.ref === 0) tellDeleted(ctx, key);
  }
  return DONE;
}

function cmdLtrim(ctx: CommandContext): RunStatus {
  const { args, reply, db, key } = ctx;
  let first = args.toInt(2);
  let last = args.toInt(3);
  if (Number.isNaN(first) || Number.isNaN(last)) {
    reply.errorBytes(ERROR_BYTES.NOT_INTEGER);
    return DONE;
  }
  const size = sizeSeen(ctx);
  if (first < 0) first = Math.max(0, first + size);
  if (last < 0) last += size;
  last = Math.min(last, size - 1);
  const kept = Math.max(0, last - first + 1);
  if (!ctx.mayRun((size - kept) / 16)) return ESCALATE;
  const ref = writeTyped(ctx, 1, TYPE);
  if (ref < 0) return DONE;
  if (ref !== 0) {
    trim(ctx, ctx.at(1), size, first, kept);
    ctx.state.event(EVENT_LIST, NAME_LTRIM, db, key);
    if (kept === 0) tellDeleted(ctx, key);
  }
  reply.ok();
  return DONE;

  function trim(c: CommandContext, shard: Shard, count: number, from: number, left: number): void {
    if (left === 0) {
      shard.delete(db, key);
      return;
    }
    const lists = shard.lists.open(c.db, c.key, ref);
    lists.removeRange(from + left, count - from - left);
    if (from > 0) lists.removeRange(0, from);
  }
}

/** Options of LPOS. */
interface Search {
  rank: number;
  /** -1 = one match, replied alone; 0 = all. */
  count: number;
  /** Elements compared at most, 0 = all. */
  maxLength: number;
}

function searchOptions(ctx: CommandContext): Search | null {
  const { args, reply } = ctx;
  const search: Search = { rank: 1, count: -1, maxLength: 0 };
  for (let i = 3; i < args.count; i += 2) {
    const value = i + 1 < args.count ? args.toInt(i + 1) : Number.NaN;
    if (i + 1 >= args.count) {
      reply.errorBytes(ERROR_BYTES.SYNTAX);
      return null;
    }
    if (args.equalsIgnoreCase(i, RANK)) {
      if (Number.isNaN(value)) reply.errorBytes(ERROR_BYTES.NOT_INTEGER);
      else if (value === 0) reply.errorBytes(ERROR_BYTES.RANK_ZERO);
      else if (value === Number.NEGATIVE_INFINITY) reply.errorBytes(ERROR_BYTES.OUT_OF_NEGATABLE);
      if (Number.isNaN(value) || value === 0 || value === Number.NEGATIVE_INFINITY) return null;
      search.rank = value;
    } else if (args.equalsIgnoreCase(i, COUNT)) {
      if (!(value >= 0)) {
        reply.errorBytes(ERROR_BYTES.COUNT_NEGATIVE);
        return null;
      }
      search.count = value;
    } else if (args.equalsIgnoreCase(i, MAXLEN)) {
      if (!(value >= 0)) {
        reply.errorBytes(ERROR_BYTES.MAXLEN_NEGATIVE);
        return null;
      }
      search.maxLength = value;
    } else {
      reply.errorBytes(ERROR_BYTES.SYNTAX);
      return null;
    }
  }
  return search;
}

function cmdLpos(ctx: CommandContext): RunStatus {
  const { args, reply } = ctx;
  const search = searchOptions(ctx);
  if (search === null) return DONE;
  const size = sizeSeen(ctx);
  const compared = search.maxLength === 0 ? size : Math.min(size, search.maxLength);
  if (!ctx.mayRun(compared)) return ESCALATE;
  const ref = readTyped(ctx, 1, TYPE);
  if (ref < 0) return DONE;
  const found: number[] = [];
  if (ref !== 0) findPositions(ctx, search, size, found);
  if (search.count >= 0) {
    reply.array(found.length);
    for (const position of found) reply.integer(position);
  } else if (found.length !== 0) {
    reply.integer(found[0]!);
  } else {
    reply.null();
  }
  return DONE;

  function findPositions(c: CommandContext, options: Search, count: number, out: number[]): void {
    const isBackward = options.rank < 0;
    const wanted = options.count < 0 ? 1 : options.count;
    const start = args.offset[2]!;
    const length = args.length[2]!;
    const source = args.buf;
    let skip = Math.abs(options.rank) - 1;
    let seen = 0;
    c.at(1).lists.walk(ref, isBackward ? -1 : 0, isBackward, (buf, from, to) => {
      const position = isBackward ? count - 1 - seen : seen;
      seen += 1;
      let isEqual = to - from === length;
      for (let i = 0; isEqual && i < length; i++) isEqual = buf[from + i] === source[start + i];
      if (isEqual && skip > 0) skip -= 1;
      else if (isEqual) out.push(position);
      if (wanted !== 0 && out.length >= wanted) return false;
      return options.maxLength === 0 || seen < options.maxLength;
    });
  }
}

export const LIST_MIDDLE_ROWS: readonly OneKeyRow[] = [
  {
    name: 'llen',
    summary: 'Returns the number of elements.',
    since: '1.0.0',
    arity: 2,
    flags: ['readonly', 'fast'],
    keyFlags: ['RO'],
    syntax: 'key',
    run: cmdLlen,
  },
  {
    name: 'lindex',
    summary: 'Returns the element at an index.',
    since: '1.0.0',
    arity: 3,
    flags: ['readonly'],
    keyFlags: ['RO', 'ACCESS'],
    syntax: 'key index:integer',
    run: cmdLindex,
  },
  {
    name: 'lrange',
    summary: 'Returns the elements of a range of indexes.',
    since: '1.0.0',
    arity: 4,
    flags: ['readonly'],
    keyFlags: ['RO', 'ACCESS'],
    syntax: 'key start:integer stop:integer',
    run: cmdLrange,
  },
  {
    name: 'lset',
    summary: 'Sets the element at an index.',
    since: '1.0.0',
    arity: 4,
    flags: ['write', 'denyoom'],
    keyFlags: ['RW', 'UPDATE'],
    syntax: 'key index:integer element',
    run: cmdLset,
  },
  {
    name: 'linsert',
    summary: 'Inserts an element before or behind another.',
    since: '2.2.0',
    arity: 5,
    flags: ['write', 'denyoom'],
    keyFlags: ['RW', 'INSERT'],
    syntax: 'key <BEFORE | AFTER> pivot element',
    run: cmdLinsert,
  },
  {
    name: 'lrem',
    summary: 'Removes elements that are equal to a value.',
    since: '1.0.0',
    arity: 4,
    flags: ['write'],
    keyFlags: ['RW', 'DELETE'],
    syntax: 'key count:integer element',
    run: cmdLrem,
  },
  {
    name: 'ltrim',
    summary: 'Removes the elements outside of a range of indexes.',
    since: '1.0.0',
    arity: 4,
    flags: ['write'],
    keyFlags: ['RW', 'DELETE'],
    syntax: 'key start:integer stop:integer',
    run: cmdLtrim,
  },
  {
    name: 'lpos',
    summary: 'Returns the indexes of elements that are equal to a value.',
    since: '6.0.6',
    arity: -3,
    flags: ['readonly'],
    keyFlags: ['RO', 'ACCESS'],
    syntax: 'key element [RANK rank:integer] [COUNT num-matches:integer] [MAXLEN len:integer]',
    run: cmdLpos,
  },
];
