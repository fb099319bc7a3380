/** The hash family: fields and values. */
import { asciiBytes } from '../base/bytes.ts';
import { addExtended, formatExtended, parseExtended } from '../base/decimal-float.ts';
import { latin1Text, parseBigInt64, parseInt64 } from '../base/number-text.ts';
import { TYPE_HASH } from '../keyspace/entry.ts';
import { HASH_FULL } from '../keyspace/hash-value.ts';
import type { Shard } from '../keyspace/shard.ts';
import type { Ref } from '../memory/arena.ts';
import { ERROR_BYTES, wrongArity } from '../resp/errors.ts';
import {
  drawDistinct,
  memberScan,
  oneKeyRows,
  RANDOM_REPEATS_MAX,
  randomBelow,
  readTyped,
  replyFull,
  walkMembers,
  writeTyped,
} from './collection.ts';
import { type CommandContext, type CommandSpec, DONE, ESCALATE, type RunStatus } from './spec.ts';

const INFINITE = /^[+-]?inf(inity)?$/i;
const WITHVALUES = asciiBytes('WITHVALUES');
const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);
/** Bytes of a reply that count as one unit of work. */
const REPLY_UNIT_SHIFT = 6;
const TYPE = TYPE_HASH;

/** Sets arguments `first`, `first + 1` ... as fields and values; how many are new, or -1 = full. */
function opSetPairs(ctx: CommandContext, shard: Shard, ref: Ref, first: number): number {
  const { args, db, key } = ctx;
  const { hashes } = shard;
  const { buf, offset, length } = args;
  let added = 0;
  for (let i = first; i < args.count; i += 2) {
    const field = offset[i]!;
    const value = offset[i + 1]!;
    const fieldEnd = field + length[i]!;
    const valueEnd = value + length[i + 1]!;
    const status = hashes.set(db, key, ref, buf, field, fieldEnd, buf, value, valueEnd);
    if (status === HASH_FULL) return -1;
    ref = hashes.ref;
    added += status;
  }
  return added;
}

function setPairs(ctx: CommandContext, isHmset: boolean): RunStatus {
  const { args, reply } = ctx;
  if (args.count % 2 !== 0) {
    reply.error(wrongArity(isHmset ? 'hmset' : 'hset'));
    return DONE;
  }
  if (!ctx.mayRun(args.count * 2)) return ESCALATE;
  const ref = writeTyped(ctx, 1, TYPE);
  if (ref < 0) return DONE;
  const added = opSetPairs(ctx, ctx.at(1), ref, 2);
  if (added < 0) replyFull(ctx);
  else if (isHmset) reply.ok();
  else reply.integer(added);
  return DONE;
}

function cmdHset(ctx: CommandContext): RunStatus {
  return setPairs(ctx, false);
}

function cmdHmset(ctx: CommandContext): RunStatus {
  return setPairs(ctx, true);
}

/** Whether argument `index` is a field of a hash; its value is left in `shard.hashes`. */
function findField(ctx: CommandContext, shard: Shard, ref: Ref, index: number): boolean {
  if (ref === 0) return false;
  const { args } = ctx;
  return shard.hashes.find(ref, args.buf, args.offset[index]!, args.end(index));
}

function cmdHsetnx(ctx: CommandContext): RunStatus {
  const { reply } = ctx;
  const ref = writeTyped(ctx, 1, TYPE);
  if (ref < 0) return DONE;
  const shard = ctx.at(1);
  if (findField(ctx, shard, ref, 2)) {
    reply.integer(0);
    return DONE;
  }
  if (opSetPairs(ctx, shard, ref, 2) < 0) replyFull(ctx);
  else reply.integer(1);
  return DONE;
}

function replyFound(ctx: CommandContext, shard: Shard): void {
  const { buf, from, to } = shard.hashes;
  ctx.reply.bulk(buf, from, to);
}

function cmdHget(ctx: CommandContext): RunStatus {
  const ref = readTyped(ctx, 1, TYPE);
  if (ref < 0) return DONE;
  const shard = ctx.at(1);
  if (findField(ctx, shard, ref, 2)) replyFound(ctx, shard);
  else ctx.reply.null();
  return DONE;
}

function cmdHmget(ctx: CommandContext): RunStatus {
  const { args, reply } = ctx;
  if (!ctx.mayRun(args.count * 2)) return ESCALATE;
  const ref = readTyped(ctx, 1, TYPE);
  if (ref < 0) return DONE;
  const shard = ctx.at(1);
  reply.array(args.count - 2);
  for (let i = 2; i < args.count; i++) {
    if (findField(ctx, shard, ref, i)) replyFound(ctx, shard);
    else reply.null();
  }
  return DONE;
}

function cmdHexists(ctx: CommandContext): RunStatus {
  const ref = readTyped(ctx, 1, TYPE);
  if (ref >= 0) ctx.reply.integer(findField(ctx, ctx.at(1), ref, 2) ? 1 : 0);
  return DONE;
}

function cmdHstrlen(ctx: CommandContext): RunStatus {
  const ref = readTyped(ctx, 1, TYPE);
  if (ref < 0) return DONE;
  const shard = ctx.at(1);
  const isFound = findField(ctx, shard, ref, 2);
  ctx.reply.integer(isFound ? shard.hashes.to - shard.hashes.from : 0);
  return DONE;
}

function cmdHlen(ctx: CommandContext): RunStatus {
  const ref = readTyped(ctx, 1, TYPE);
  if (ref >= 0) ctx.reply.integer(ref === 0 ? 0 : ctx.at(1).hashes.size(ref));
  return DONE;
}

/** Units of work to reply with a whole hash. */
function sizeUnits(shard: Shard, ref: Ref): number {
  if (shard.isRooted(ref)) return shard.hashes.size(ref);
  return shard.valueLength(ref) >> REPLY_UNIT_SHIFT;
}

function replyAll(ctx: CommandContext, withFields: boolean, withValues: boolean): RunStatus {
  const { reply } = ctx;
  const shard = ctx.at(1);
  const seen = shard.find(ctx.db, ctx.key);
  if (seen !== 0 && shard.typeOf(seen) === TYPE && !ctx.mayRun(sizeUnits(shard, seen))) {
    return ESCALATE;
  }
  const ref = readTyped(ctx, 1, TYPE);
  if (ref < 0) return DONE;
  const size = ref === 0 ? 0 : shard.hashes.size(ref);
  if (withFields && withValues) reply.map(size);
  else reply.array(size);
  if (ref === 0) return DONE;
  shard.hashes.forEach(ref, (fieldBuf, fieldFrom, fieldTo, buf, from, to) => {
    if (withFields) reply.bulk(fieldBuf, fieldFrom, fieldTo);
    if (withValues) reply.bulk(buf, from, to);
  });
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

function cmdHdel(ctx: CommandContext): RunStatus {
  const { args, reply, db, key } = ctx;
  if (!ctx.mayRun(args.count * 2)) return ESCALATE;
  let ref = writeTyped(ctx, 1, TYPE);
  if (ref < 0) return DONE;
  const { hashes } = ctx.at(1);
  let removed = 0;
  for (let i = 2; i < args.count && ref !== 0; i++) {
    if (hashes.remove(db, key, ref, args.buf, args.offset[i]!, args.end(i))) removed += 1;
    ref = hashes.ref;
  }
  reply.integer(removed);
  return DONE;
}

/** Sets field argument 2 to `text`; false when the arena is full, and that was replied. */
function storeText(ctx: CommandContext, shard: Shard, ref: Ref, text: string): boolean {
  const { args, db, key } = ctx;
  const value = Buffer.from(text, 'latin1');
  const { buf } = args;
  const field = args.offset[2]!;
  const end = args.end(2);
  const status = shard.hashes.set(db, key, ref, buf, field, end, value, 0, value.length);
  if (status !== HASH_FULL) return true;
  replyFull(ctx);
  return false;
}

function cmdHincrby(ctx: CommandContext): RunStatus {
  const { args, reply } = ctx;
  if (Number.isNaN(args.toInt(3))) {
    reply.errorBytes(ERROR_BYTES.NOT_INTEGER);
    return DONE;
  }
  const ref = writeTyped(ctx, 1, TYPE);
  if (ref < 0) return DONE;
  const shard = ctx.at(1);
  const { hashes } = shard;
  let old = 0n;
  if (findField(ctx, shard, ref, 2)) {
    if (Number.isNaN(parseInt64(hashes.buf, hashes.from, hashes.to))) {
      reply.errorBytes(ERROR_BYTES.HASH_NOT_INTEGER);
      return DONE;
    }
    old = parseBigInt64(hashes.buf, hashes.from, hashes.to);
  }
  const sum = old + parseBigInt64(args.buf, args.offset[3]!, args.end(3));
  if (sum > INT64_MAX || sum < INT64_MIN) reply.errorBytes(ERROR_BYTES.OVERFLOW);
  else if (storeText(ctx, shard, ref, sum.toString())) reply.integerBigint(sum);
  return DONE;
}

function cmdHincrbyfloat(ctx: CommandContext): RunStatus {
  const { args, reply } = ctx;
  const delta = parseExtended(args.text(3));
  if (delta === null) {
    reply.errorBytes(ERROR_BYTES.NOT_FLOAT);
    return DONE;
  }
  if (INFINITE.test(args.text(3))) {
    reply.errorBytes(ERROR_BYTES.VALUE_NAN_OR_INFINITY);
    return DONE;
  }
  const ref = writeTyped(ctx, 1, TYPE);
  if (ref < 0) return DONE;
  const shard = ctx.at(1);
  const { hashes } = shard;
  const isFound = findField(ctx, shard, ref, 2);
  const text = isFound ? latin1Text(hashes.buf, hashes.from, hashes.to) : '0';
  const old = parseExtended(text);
  if (old === null) {
    reply.errorBytes(ERROR_BYTES.HASH_NOT_FLOAT);
    return DONE;
  }
  const sum = addExtended(old, delta);
  if (sum === null) {
    reply.errorBytes(ERROR_BYTES.NAN_OR_INFINITY);
    return DONE;
  }
  const result = formatExtended(sum);
  if (storeText(ctx, shard, ref, result)) reply.bulkLatin1(result);
  return DONE;
}

/** HRANDFIELD with a count: `count` fields, different ones where it is positive. */
function replyRandom(ctx: CommandContext, ref: Ref, count: number, withValues: boolean): void {
  const { reply } = ctx;
  const { hashes } = ctx.at(1);
  const size = ref === 0 ? 0 : hashes.size(ref);
  const replies = ref === 0 ? 0 : count < 0 ? -count : Math.min(count, size);
  const isNested = withValues && reply.resp3;
  reply.array(withValues && !isNested ? replies * 2 : replies);
  const visit = (
    fieldBuf: Uint8Array,
    fieldFrom: number,
    fieldTo: number,
    buf: Uint8Array,
    from: number,
    to: number,
  ): void => {
    if (isNested) reply.array(2);
    reply.bulk(fieldBuf, fieldFrom, fieldTo);
    if (withValues) reply.bulk(buf, from, to);
  };
  if (count < 0) {
    for (let i = 0; i < replies; i++) hashes.random(ref, randomBelow, visit);
  } else if (replies === size && size > 0) {
    hashes.forEach(ref, visit);
  } else if (replies > 0) {
    const drawn = drawDistinct(replies, size);
    let index = 0;
    hashes.forEach(ref, (fieldBuf, fieldFrom, fieldTo, buf, from, to) => {
      if (drawn.has(index)) visit(fieldBuf, fieldFrom, fieldTo, buf, from, to);
      index += 1;
    });
  }
}

function cmdHrandfield(ctx: CommandContext): RunStatus {
  const { args, reply } = ctx;
  if (args.count === 2) {
    const ref = readTyped(ctx, 1, TYPE);
    if (ref === 0) reply.null();
    if (ref <= 0) return DONE;
    const { hashes } = ctx.at(1);
    hashes.random(ref, randomBelow, (buf, from, to) => reply.bulk(buf, from, to));
    return DONE;
  }
  const count = args.toInt(2);
  if (Number.isNaN(count)) {
    reply.errorBytes(ERROR_BYTES.NOT_INTEGER);
    return DONE;
  }
  if (count === Number.NEGATIVE_INFINITY) {
    reply.errorBytes(ERROR_BYTES.OUT_OF_NEGATABLE);
    return DONE;
  }
  const withValues = args.count === 4 && args.equalsIgnoreCase(3, WITHVALUES);
  if (args.count > 4 || (args.count === 4 && !withValues)) {
    reply.errorBytes(ERROR_BYTES.SYNTAX);
    return DONE;
  }
  if (count < -RANDOM_REPEATS_MAX || (withValues && count === Number.POSITIVE_INFINITY)) {
    reply.errorBytes(ERROR_BYTES.OUT_OF_RANGE);
    return DONE;
  }
  const shard = ctx.at(1);
  const seen = shard.find(ctx.db, ctx.key);
  const isHash = seen !== 0 && shard.typeOf(seen) === TYPE;
  const units = isHash ? (count < 0 ? -count * 4 : shard.hashes.size(seen)) : 0;
  if (!ctx.mayRun(units)) return ESCALATE;
  const ref = readTyped(ctx, 1, TYPE);
  if (ref >= 0) replyRandom(ctx, ref, count, withValues);
  return DONE;
}

function cmdHscan(ctx: CommandContext): RunStatus {
  const { reply } = ctx;
  const options = memberScan(ctx, true);
  if (options === null) return DONE;
  if (!ctx.mayRun(options.count)) return ESCALATE;
  const ref = readTyped(ctx, 1, TYPE);
  if (ref < 0) return DONE;
  const { hashes } = ctx.at(1);
  const found: Uint8Array[] = [];
  let seen = 0;
  const step = (cursor: number): number =>
    hashes.scan(ref, cursor, (fieldBuf, fieldFrom, fieldTo, buf, from, to) => {
      seen += 1;
      if (!options.matches(fieldBuf, fieldFrom, fieldTo)) return;
      found.push(fieldBuf.slice(fieldFrom, fieldTo));
      if (!options.isNoValues) found.push(buf.slice(from, to));
    });
  const next = ref === 0 ? 0 : walkMembers(options, step, () => seen);
  reply.array(2);
  reply.bulkLatin1(String(next));
  reply.array(found.length);
  for (const bytes of found) reply.bulk(bytes, 0, bytes.length);
  return DONE;
}

export const HASH_COMMANDS: readonly CommandSpec[] = oneKeyRows('hash', 'hash', [
  {
    name: 'hset',
    summary: 'Sets fields of a hash.',
    since: '2.0.0',
    arity: -4,
    flags: ['write', 'denyoom', 'fast'],
    keyFlags: ['RW', 'UPDATE'],
    syntax: 'key field value [field value ...]',
    run: cmdHset,
  },
  {
    name: 'hmset',
    summary: 'Sets fields of a hash.',
    since: '2.0.0',
    arity: -4,
    flags: ['write', 'denyoom', 'fast'],
    keyFlags: ['RW', 'UPDATE'],
    syntax: 'key field value [field value ...]',
    run: cmdHmset,
  },
  {
    name: 'hsetnx',
    summary: 'Sets a field of a hash that has none of that name.',
    since: '2.0.0',
    arity: 4,
    flags: ['write', 'denyoom', 'fast'],
    keyFlags: ['RW', 'INSERT'],
    syntax: 'key field value',
    run: cmdHsetnx,
  },
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
    name: 'hdel',
    summary: 'Deletes fields; a hash without fields is deleted.',
    since: '2.0.0',
    arity: -3,
    flags: ['write', 'fast'],
    keyFlags: ['RW', 'DELETE'],
    syntax: 'key field [field ...]',
    run: cmdHdel,
  },
  {
    name: 'hincrby',
    summary: 'Adds to the integer in a field.',
    since: '2.0.0',
    arity: 4,
    flags: ['write', 'denyoom', 'fast'],
    keyFlags: ['RW', 'ACCESS', 'UPDATE'],
    syntax: 'key field increment:integer',
    run: cmdHincrby,
  },
  {
    name: 'hincrbyfloat',
    summary: 'Adds to the floating-point number in a field.',
    since: '2.6.0',
    arity: 4,
    flags: ['write', 'denyoom', 'fast'],
    keyFlags: ['RW', 'ACCESS', 'UPDATE'],
    syntax: 'key field increment:double',
    run: cmdHincrbyfloat,
  },
  {
    name: 'hrandfield',
    summary: 'Returns fields drawn at random.',
    since: '6.2.0',
    arity: -2,
    flags: ['readonly'],
    keyFlags: ['RO', 'ACCESS'],
    syntax: 'key [count:integer [WITHVALUES]]',
    run: cmdHrandfield,
  },
  {
    name: 'hscan',
    summary: 'Iterates over fields and values, some at a time.',
    since: '2.8.0',
    arity: -3,
    flags: ['readonly'],
    keyFlags: ['RO', 'ACCESS'],
    syntax: 'key cursor:integer [MATCH pattern:pattern] [COUNT count:integer] [NOVALUES]',
    run: cmdHscan,
  },
]);
