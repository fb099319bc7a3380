/** Commands that read hashes: HGET and its relatives, HRANDFIELD, HSCAN. */
import { asciiBytes } from '../base/bytes.ts';
import { TYPE_HASH } from '../keyspace/entry.ts';
import type { FieldVisitor } from '../keyspace/hash-value.ts';
import type { Shard } from '../keyspace/shard.ts';
import type { Ref } from '../memory/arena.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import type { ReplyWriter } from '../resp/reply-writer.ts';
import {
  drawDistinct,
  memberScan,
  oneKeyRows,
  randomBelow,
  randomCount,
  walkMembers,
} from './collection.ts';
import { findField, readHash, replyFound } from './hash-access.ts';
import { type CommandContext, type CommandSpec, DONE, ESCALATE, type RunStatus } from './spec.ts';

const WITHVALUES = asciiBytes('WITHVALUES');
/** Bytes of a reply that count as one unit of work, as a shift. */
const REPLY_UNIT_SHIFT = 6;
/** Units of one random draw. */
const DRAW_UNITS = 4;
/** What a lookup answers instead of an entry where the work is too much for this thread. */
const ESCALATED = -2;

function cmdHget(ctx: CommandContext): RunStatus {
  const shard = ctx.at(1);
  const ref = readHash(ctx, shard);
  if (ref < 0) return DONE;
  if (findField(ctx, shard, ref, 2)) replyFound(ctx, shard);
  else ctx.reply.null();
  return DONE;
}

function cmdHmget(ctx: CommandContext): RunStatus {
  const { args, reply } = ctx;
  if (!ctx.mayRun(args.count * 2)) return ESCALATE;
  const shard = ctx.at(1);
  const ref = readHash(ctx, shard);
  if (ref < 0) return DONE;
  reply.array(args.count - 2);
  for (let i = 2; i < args.count; i++) {
    if (findField(ctx, shard, ref, i)) replyFound(ctx, shard);
    else reply.null();
  }
  return DONE;
}

function cmdHexists(ctx: CommandContext): RunStatus {
  const shard = ctx.at(1);
  const ref = readHash(ctx, shard);
  if (ref >= 0) ctx.reply.integer(findField(ctx, shard, ref, 2) ? 1 : 0);
  return DONE;
}

function cmdHstrlen(ctx: CommandContext): RunStatus {
  const shard = ctx.at(1);
  const ref = readHash(ctx, shard);
  if (ref < 0) return DONE;
  const isFound = findField(ctx, shard, ref, 2);
  const { found } = shard.hashes;
  ctx.reply.integer(isFound ? found.to - found.from : 0);
  return DONE;
}

/**
 * The hash of the located key for a command that goes through all of it: as {@link readHash}, or
 * ESCALATED when that is too much work for this thread.
 */
function readWhole(ctx: CommandContext, shard: Shard, minUnits: number): Ref {
  const ref = readHash(ctx, shard);
  if (ref <= 0) return ref;
  const size = shard.isRooted(ref)
    ? shard.hashes.size(ref)
    : shard.valueLength(ref) >> REPLY_UNIT_SHIFT;
  if (ctx.mayRun(Math.max(size, minUnits))) return ref;
  // It will be looked up again.
  ctx.state.keyspaceHits -= 1;
  return ESCALATED;
}

function cmdHlen(ctx: CommandContext): RunStatus {
  const shard = ctx.at(1);
  const ref = readHash(ctx, shard);
  if (ref < 0) return DONE;
  if (ref !== 0 && shard.hashes.isDue(ref) && !ctx.mayRun(shard.hashes.size(ref))) return ESCALATE;
  ctx.reply.integer(ref === 0 ? 0 : shard.hashes.liveSize(ref));
  return DONE;
}

function replyAll(ctx: CommandContext, withNames: boolean, withValues: boolean): RunStatus {
  const { reply } = ctx;
  const shard = ctx.at(1);
  const ref = readWhole(ctx, shard, 0);
  if (ref < 0) return ref === ESCALATED ? ESCALATE : DONE;
  const { hashes } = shard;
  const size = ref === 0 ? 0 : hashes.liveSize(ref);
  if (withNames && withValues) reply.map(size);
  else reply.array(size);
  if (size === 0) return DONE;
  let at = hashes.firstPacked(ref);
  if (at < 0) {
    hashes.forEach(ref, (nameBuf, nameFrom, nameTo, buf, from, to) => {
      if (withNames) reply.bulk(nameBuf, nameFrom, nameTo);
      if (withValues) reply.bulk(buf, from, to);
    });
    return DONE;
  }
  const field = hashes.each;
  while (at >= 0) {
    at = hashes.readPacked(at);
    if (!hashes.isLive(field)) continue;
    if (withNames) reply.bulk(field.nameBuf, field.nameFrom, field.nameTo);
    if (withValues) reply.bulk(field.buf, field.from, field.to);
  }
  return DONE;
}

function cmdHgetall(ctx: CommandContext): RunStatus {
  return replyAll(ctx, true, true);
}

function cmdHkeys(ctx: CommandContext): RunStatus {
  return replyAll(ctx, true, false);
}

function cmdHvals(ctx: CommandContext): RunStatus {
  return replyAll(ctx, false, true);
}

/** A visitor that replies with the fields that it is given. */
function fieldWriter(reply: ReplyWriter, withValues: boolean): FieldVisitor {
  const isNested = withValues && reply.resp3;
  return (nameBuf, nameFrom, nameTo, buf, from, to) => {
    if (isNested) reply.array(2);
    reply.bulk(nameBuf, nameFrom, nameTo);
    if (withValues) reply.bulk(buf, from, to);
  };
}

/** HRANDFIELD with a count: `count` fields, different ones where it is positive. */
function replyRandom(
  ctx: CommandContext,
  shard: Shard,
  ref: Ref,
  count: number,
  withValues: boolean,
): void {
  const { reply } = ctx;
  const { hashes } = shard;
  const size = ref === 0 ? 0 : hashes.liveSize(ref);
  const replies = size === 0 ? 0 : count < 0 ? -count : Math.min(count, size);
  reply.expectBulks(replies);
  reply.array(withValues && !reply.resp3 ? replies * 2 : replies);
  if (replies === 0) return;
  const write = fieldWriter(reply, withValues);
  if (count < 0) {
    for (let i = 0; i < replies; i++) hashes.random(ref, randomBelow, write);
    return;
  }
  if (replies === size) {
    hashes.forEach(ref, write);
    return;
  }
  const drawn = drawDistinct(replies, size);
  let index = 0;
  hashes.forEach(ref, (nameBuf, nameFrom, nameTo, buf, from, to) => {
    if (drawn.has(index)) write(nameBuf, nameFrom, nameTo, buf, from, to);
    index += 1;
  });
}

function replyOneRandom(ctx: CommandContext): RunStatus {
  const { reply } = ctx;
  const shard = ctx.at(1);
  const ref = readHash(ctx, shard);
  if (ref < 0) return DONE;
  const isDrawn = ref !== 0 && shard.hashes.random(ref, randomBelow, fieldWriter(reply, false));
  if (!isDrawn) reply.null();
  return DONE;
}

function cmdHrandfield(ctx: CommandContext): RunStatus {
  const { args, reply } = ctx;
  if (args.count === 2) return replyOneRandom(ctx);
  const withValues = args.count === 4 && args.equalsIgnoreCase(3, WITHVALUES);
  const count = randomCount(ctx, withValues);
  if (Number.isNaN(count)) return DONE;
  if (args.count > 4 || (args.count === 4 && !withValues)) {
    reply.errorBytes(ERROR_BYTES.SYNTAX);
    return DONE;
  }
  const shard = ctx.at(1);
  const ref = readWhole(ctx, shard, count < 0 ? -count * DRAW_UNITS : 0);
  if (ref === ESCALATED) return ESCALATE;
  if (ref >= 0) replyRandom(ctx, shard, ref, count, withValues);
  return DONE;
}

function cmdHscan(ctx: CommandContext): RunStatus {
  const { reply } = ctx;
  const options = memberScan(ctx, TYPE_HASH);
  if (options === null) return DONE;
  if (!ctx.mayRun(options.count)) return ESCALATE;
  const shard = ctx.at(1);
  const ref = readHash(ctx, shard);
  const found: Uint8Array[] = [];
  let seen = 0;
  const visit: FieldVisitor = (nameBuf, nameFrom, nameTo, buf, from, to) => {
    seen += 1;
    if (!options.matches(nameBuf, nameFrom, nameTo)) return;
    found.push(nameBuf.slice(nameFrom, nameTo));
    if (!options.isNoValues) found.push(buf.slice(from, to));
  };
  const step = (cursor: number): number => shard.hashes.scan(ref, cursor, visit);
  const next = walkMembers(options, step, () => seen);
  reply.array(2);
  reply.bulkLatin1(String(next));
  reply.array(found.length);
  for (const bytes of found) reply.bulk(bytes, 0, bytes.length);
  return DONE;
}

export const HASH_READ_COMMANDS: readonly CommandSpec[] = oneKeyRows('hash', 'hash', [
  {
    name: 'hget',
    summary: 'Returns the value of a field.',
    since: '2.0.0',
    arity: 3,
    flags: ['readonly', 'fast'],
    keyFlags: ['RO', 'ACCESS'],
    syntax: 'key field',
    run: cmdHget,
  },
  {
    name: 'hmget',
    summary: 'Returns the values of several fields.',
    since: '2.0.0',
    arity: -3,
    flags: ['readonly', 'fast'],
    keyFlags: ['RO', 'ACCESS'],
    syntax: 'key field [field ...]',
    run: cmdHmget,
  },
  {
    name: 'hgetall',
    summary: 'Returns all fields and values.',
    since: '2.0.0',
    arity: 2,
    flags: ['readonly'],
    keyFlags: ['RO', 'ACCESS'],
    syntax: 'key',
    run: cmdHgetall,
  },
  {
    name: 'hkeys',
    summary: 'Returns all fields.',
    since: '2.0.0',
    arity: 2,
    flags: ['readonly'],
    keyFlags: ['RO', 'ACCESS'],
    syntax: 'key',
    run: cmdHkeys,
  },
  {
    name: 'hvals',
    summary: 'Returns all values.',
    since: '2.0.0',
    arity: 2,
    flags: ['readonly'],
    keyFlags: ['RO', 'ACCESS'],
    syntax: 'key',
    run: cmdHvals,
  },
  {
    name: 'hlen',
    summary: 'Returns the number of fields.',
    since: '2.0.0',
    arity: 2,
    flags: ['readonly', 'fast'],
    keyFlags: ['RO'],
    syntax: 'key',
    run: cmdHlen,
  },
  {
    name: 'hexists',
    summary: 'Says whether a hash has a field.',
    since: '2.0.0',
    arity: 3,
    flags: ['readonly', 'fast'],
    keyFlags: ['RO'],
    syntax: 'key field',
    run: cmdHexists,
  },
  {
    name: 'hstrlen',
    summary: 'Returns the length of the value of a field.',
    since: '3.2.0',
    arity: 3,
    flags: ['readonly', 'fast'],
    keyFlags: ['RO'],
    syntax: 'key field',
    run: cmdHstrlen,
  },
  {
    name: 'hrandfield',
    summary: 'Returns fields drawn at random.',
    since: '6.2.0',
    arity: -2,
    flags: ['readonly'],
    keyFlags: ['RO', 'ACCESS'],
    syntax: 'key [count [WITHVALUES]]',
    run: cmdHrandfield,
  },
  {
    name: 'hscan',
    summary: 'Iterates over fields and values, some at a time.',
    since: '2.8.0',
    arity: -3,
    flags: ['readonly'],
    keyFlags: ['RO', 'ACCESS'],
    syntax: 'key cursor:integer [MATCH pattern] [COUNT count:integer] [NOVALUES]',
    run: cmdHscan,
  },
]);
