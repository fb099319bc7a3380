/**
 * What the families of collections share: rows of their tables, lookups with a check of the type,
 * counts of random members, and the arguments of HSCAN, SSCAN and ZSCAN.
 */
import { asciiBytes } from '../base/bytes.ts';
import { globMatch } from '../base/glob.ts';
import { TYPE_HASH, TYPE_ZSET } from '../keyspace/entry.ts';
import type { Shard } from '../keyspace/shard.ts';
import type { Ref } from '../memory/arena.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import { BULK_BYTES_MIN } from '../resp/reply-writer.ts';
import { parseScanCursor } from './scan-cursor.ts';
import {
  type AclCategory,
  type CommandContext,
  type CommandFlag,
  type CommandGroup,
  type CommandSpec,
  type KeyFlag,
  noted,
  oneKey,
  type RunStatus,
} from './spec.ts';

const MATCH = asciiBytes('MATCH');
const COUNT = asciiBytes('COUNT');
const NOVALUES = asciiBytes('NOVALUES');
/** Valkey's word for sorted sets; Redis knows none. */
const NOSCORES = asciiBytes('NOSCORES');
const STAR = 0x2a;
const COUNT_DEFAULT = 10;
/** Empty buckets that a scan looks at for each member asked for. */
const BUCKETS_PER_COUNT = 10;

/** What the row of a command with one key, argument 1, says of it. */
export interface OneKeyRow {
  readonly name: string;
  readonly summary: string;
  readonly since: string;
  readonly arity: number;
  readonly flags: readonly CommandFlag[];
  readonly keyFlags: readonly KeyFlag[];
  readonly keyNotes?: string;
  readonly syntax: string;
  readonly run: (ctx: CommandContext) => RunStatus;
}

/** Rows of one family from what differs between them. */
export function oneKeyRows(
  group: CommandGroup,
  acl: AclCategory,
  rows: readonly OneKeyRow[],
): CommandSpec[] {
  return rows.map(({ keyFlags, keyNotes, ...row }) => {
    const key = oneKey(1, ...keyFlags);
    return {
      ...row,
      group,
      acl: [acl],
      keys: [keyNotes === undefined ? key : noted(key, keyNotes)],
      place: 'shard',
      shards: 'keys',
    };
  });
}

/**
 * The live entry of argument `index` for a command that only reads: 0 when there is none, -1 when
 * it is of another type and the error was replied.
 */
export function readTyped(ctx: CommandContext, index: number, type: number): Ref {
  const shard = ctx.at(index);
  return typedOrReply(ctx, shard, shard.findRead(ctx.db, ctx.key), type);
}

/** The same for a command that changes the key. */
export function writeTyped(ctx: CommandContext, index: number, type: number): Ref {
  const shard = ctx.at(index);
  return typedOrReply(ctx, shard, shard.findWrite(ctx.db, ctx.key), type);
}

function typedOrReply(ctx: CommandContext, shard: Shard, ref: Ref, type: number): Ref {
  if (ref === 0 || shard.typeOf(ref) === type) return ref;
  ctx.reply.errorBytes(ERROR_BYTES.WRONG_TYPE);
  return -1;
}

/**
 * Replies that there is no memory for the command. What it has changed nevertheless is in the log
 * only where the handler says it.
 */
export function replyFull(ctx: CommandContext): void {
  ctx.effects.replace();
  ctx.reply.errorBytes(ERROR_BYTES.OUT_OF_MEMORY);
}

/**
 * Most members that one command draws with repetition: a data set of two members would answer with
 * as many gigabytes as it is asked for, and keep its shard from everybody meanwhile.
 */
const RANDOM_REPEATS_MAX = 2 ** 24;

/**
 * Whether so many members may be drawn with repetition: more only where their client cannot be sent
 * them, and is closed by `expectBulks` before the first is drawn.
 */
export function mayRepeat(ctx: CommandContext, count: number): boolean {
  if (count <= RANDOM_REPEATS_MAX) return true;
  return count * BULK_BYTES_MIN > ctx.reply.clientBytesMax;
}

/** Counts of members with their values stay below this in both directions: half an int64. */
const COUNT_WITH_VALUES_MAX = 2 ** 62;

/** The count of HRANDFIELD or ZRANDMEMBER, argument 2: NaN when an error was replied. */
export function randomCount(ctx: CommandContext, withValues: boolean): number {
  const { args, reply } = ctx;
  const count = args.toInt(2);
  if (Number.isNaN(count)) {
    reply.errorBytes(ERROR_BYTES.NOT_INTEGER);
    return count;
  }
  // Beyond 2^53 all that matters is the sign; nobody could take so many members.
  if (count === Number.NEGATIVE_INFINITY) reply.errorBytes(ERROR_BYTES.OUT_OF_NEGATABLE);
  else if (count < 0 && !mayRepeat(ctx, -count)) reply.errorBytes(ERROR_BYTES.OUT_OF_RANGE);
  else if (withValues && Math.abs(count) >= COUNT_WITH_VALUES_MAX)
    reply.errorBytes(ERROR_BYTES.OUT_OF_RANGE);
  else return count;
  return Number.NaN;
}

/** An integer from 0 on below `limit`. */
export function randomBelow(limit: number): number {
  return Math.floor(Math.random() * limit);
}

/** `count` different integers below `limit`, at random (Floyd's algorithm). O(count). */
export function drawDistinct(count: number, limit: number): ReadonlySet<number> {
  const drawn = new Set<number>();
  for (let i = limit - count; i < limit; i++) {
    const n = randomBelow(i + 1);
    drawn.add(drawn.has(n) ? i : n);
  }
  return drawn;
}

/** Arguments of a scan inside a value. */
export interface MemberScan {
  cursor: number;
  count: number;
  isNoValues: boolean;
  /** True for a member that the pattern, if there is one, matches. */
  matches(buf: Uint8Array, from: number, to: number): boolean;
}

const scan: MemberScan & { patternIndex: number; buf: Uint8Array; start: number; end: number } = {
  cursor: 0,
  count: COUNT_DEFAULT,
  isNoValues: false,
  patternIndex: 0,
  buf: new Uint8Array(0),
  start: 0,
  end: 0,
  matches(buf, from, to) {
    if (this.patternIndex === 0) return true;
    return globMatch(this.buf, this.start, this.end, buf, from, to, false);
  },
};

/** Replies an empty page where there is no key, and an error where it has another type. */
function isNothingToScan(ctx: CommandContext, type: number): boolean {
  const shard = ctx.at(1);
  const ref = shard.find(ctx.db, ctx.key);
  if (ref !== 0 && shard.typeOf(ref) === type) return false;
  if (readTyped(ctx, 1, type) === 0) {
    ctx.reply.array(2);
    ctx.reply.bulkLatin1('0');
    ctx.reply.array(0);
  }
  return true;
}

/**
 * Reads cursor (argument 2) and options of HSCAN, SSCAN or ZSCAN, by the type of value; null when
 * the command has its reply: as in Redis, options matter only where there is a key;
 * after any other answer the key is there, and of that type.
 * The result is valid until the next call.
 */
export function memberScan(ctx: CommandContext, type: number): MemberScan | null {
  const { args, reply } = ctx;
  scan.cursor = parseScanCursor(args, 2);
  if (Number.isNaN(scan.cursor)) {
    reply.errorBytes(ERROR_BYTES.INVALID_CURSOR);
    return null;
  }
  if (isNothingToScan(ctx, type)) return null;
  scan.count = COUNT_DEFAULT;
  scan.isNoValues = false;
  scan.patternIndex = 0;
  for (let i = 3; i < args.count; i++) {
    const hasNext = i + 1 < args.count;
    if (hasNext && args.equalsIgnoreCase(i, COUNT)) {
      i += 1;
      scan.count = args.toInt(i);
      if (Number.isNaN(scan.count) || scan.count < 1) {
        const isNumber = !Number.isNaN(scan.count);
        reply.errorBytes(isNumber ? ERROR_BYTES.SYNTAX : ERROR_BYTES.NOT_INTEGER);
        return null;
      }
    } else if (hasNext && args.equalsIgnoreCase(i, MATCH)) {
      i += 1;
      scan.buf = args.buf;
      scan.start = args.offset[i]!;
      scan.end = args.end(i);
      const isStar = args.length[i] === 1 && args.buf[scan.start] === STAR;
      scan.patternIndex = isStar ? 0 : i;
    } else if (args.equalsIgnoreCase(i, NOVALUES)) {
      if (type !== TYPE_HASH) {
        reply.errorBytes(ERROR_BYTES.NOVALUES_ONLY_HSCAN);
        return null;
      }
      scan.isNoValues = true;
    } else if (type === TYPE_ZSET && args.equalsIgnoreCase(i, NOSCORES)) {
      scan.isNoValues = true;
    } else {
      reply.errorBytes(ERROR_BYTES.SYNTAX);
      return null;
    }
  }
  return scan;
}

/**
 * Walks a value for a scan: `step` visits one place and returns the next cursor, `found` says how
 * many members were met so far. Returns the cursor to go on with.
 */
export function walkMembers(
  options: MemberScan,
  step: (cursor: number) => number,
  found: () => number,
): number {
  let { cursor } = options;
  let buckets = Math.min(options.count * BUCKETS_PER_COUNT, Number.MAX_SAFE_INTEGER);
  do {
    cursor = step(cursor);
    buckets -= 1;
  } while (cursor !== 0 && buckets > 0 && found() < options.count);
  return cursor;
}
