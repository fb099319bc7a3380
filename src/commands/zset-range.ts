/** Sorted sets: ranges by rank, score or member, replied or stored. */

import { asciiBytes } from '../base/bytes.ts';
import { TYPE_ZSET } from '../keyspace/entry.ts';
import type { Shard } from '../keyspace/shard.ts';
import type { ScoredVisitor } from '../keyspace/zset-value.ts';
import type { Ref } from '../memory/arena.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import { type OneKeyRow, readTyped } from './collection.ts';
import { NAME_ZRANGESTORE } from './event-names.ts';
import {
  type CommandContext,
  type CommandSpec,
  DONE,
  ESCALATE,
  oneKey,
  type RunStatus,
} from './spec.ts';
import { BY_LEX, BY_RANK, BY_SCORE, scoredRange } from './zset-bounds.ts';
import { scoredReply } from './zset-reply.ts';
import { storeScored } from './zset-store.ts';

const TYPE = TYPE_ZSET;
const BYSCORE = asciiBytes('BYSCORE');
const BYLEX = asciiBytes('BYLEX');
const REV = asciiBytes('REV');
const LIMIT = asciiBytes('LIMIT');
const WITHSCORES = asciiBytes('WITHSCORES');

/** What a command's name says of its range, and what its options may still say. */
interface RangeForm {
  readonly by: number;
  readonly isReverse: boolean;
  /** BYSCORE, BYLEX and REV are allowed: ZRANGE and ZRANGESTORE. */
  readonly isFree: boolean;
  readonly isStored: boolean;
}

/** The options of the command that runs. */
const options = { by: BY_RANK, isReverse: false, withScores: false, offset: 0, limit: -1 };

/**
 * Reads the options that stand behind the key (argument `keyIndex`) and its bounds, then the
 * bounds. False when an error was replied.
 */
function parseRange(ctx: CommandContext, form: RangeForm, keyIndex: number): boolean {
  const { args, reply } = ctx;
  options.by = form.by;
  options.isReverse = form.isReverse;
  options.withScores = false;
  options.offset = 0;
  options.limit = -1;
  for (let i = keyIndex + 3; i < args.count; i++) {
    if (!form.isStored && args.equalsIgnoreCase(i, WITHSCORES)) {
      options.withScores = true;
    } else if (i + 2 < args.count && args.equalsIgnoreCase(i, LIMIT)) {
      options.offset = args.toInt(i + 1);
      options.limit = args.toInt(i + 2);
      if (Number.isNaN(options.offset) || Number.isNaN(options.limit)) {
        reply.errorBytes(ERROR_BYTES.NOT_INTEGER);
        return false;
      }
      i += 2;
    } else if (!form.isFree || !freeOption(ctx, i)) {
      reply.errorBytes(ERROR_BYTES.SYNTAX);
      return false;
    }
  }
  if (options.limit !== -1 && options.by === BY_RANK) {
    reply.errorBytes(ERROR_BYTES.RANGE_LIMIT);
    return false;
  }
  if (options.withScores && options.by === BY_LEX) {
    reply.errorBytes(ERROR_BYTES.RANGE_WITHSCORES);
    return false;
  }
  // By score and by member a range in descending order is given from its highest bound on.
  const isSwapped = options.isReverse && options.by !== BY_RANK;
  const min = isSwapped ? keyIndex + 2 : keyIndex + 1;
  return scoredRange.parse(ctx, options.by, min, isSwapped ? keyIndex + 1 : keyIndex + 2);
}

/** BYSCORE, BYLEX or REV, each of them once: false for anything else. */
function freeOption(ctx: CommandContext, index: number): boolean {
  const { args } = ctx;
  if (!options.isReverse && args.equalsIgnoreCase(index, REV)) options.isReverse = true;
  else if (options.by !== BY_RANK) return false;
  else if (args.equalsIgnoreCase(index, BYLEX)) options.by = BY_LEX;
  else if (args.equalsIgnoreCase(index, BYSCORE)) options.by = BY_SCORE;
  else return false;
  return true;
}

/** Members of the range after LIMIT, once it was located. */
function limitedCount(): number {
  const { by, offset, limit } = options;
  if (by === BY_RANK) return scoredRange.count;
  if (offset < 0) return 0;
  const left = Math.max(0, scoredRange.count - offset);
  return limit < 0 ? left : Math.min(left, limit);
}

/** Visits `count` members of the range that was located. */
function forLimited(shard: Shard, ref: Ref, count: number, visit: ScoredVisitor): void {
  if (count === 0) return;
  const { by, offset, isReverse } = options;
  const skipped = by === BY_RANK ? 0 : offset;
  const { start } = scoredRange;
  const first = isReverse ? start + scoredRange.count - 1 - skipped : start + skipped;
  shard.zsets.forRange(ref, first, count, isReverse, visit);
}

function replyRange(ctx: CommandContext, form: RangeForm): RunStatus {
  const { reply } = ctx;
  if (!parseRange(ctx, form, 1)) return DONE;
  const ref = readTyped(ctx, 1, TYPE);
  if (ref < 0) return DONE;
  if (ref === 0) {
    reply.array(0);
    return DONE;
  }
  const shard = ctx.at(1);
  scoredRange.locate(shard, ref, options.isReverse);
  const count = limitedCount();
  if (!ctx.mayRun(count)) return ESCALATE;
  scoredReply.begin(reply, count, options.withScores);
  forLimited(shard, ref, count, scoredReply.visit);
  return DONE;
}

const STORED: RangeForm = { by: BY_RANK, isReverse: false, isFree: true, isStored: true };

function cmdZrangestore(ctx: CommandContext): RunStatus {
  if (!parseRange(ctx, STORED, 2)) return DONE;
  const ref = readTyped(ctx, 2, TYPE);
  if (ref < 0) return DONE;
  const shard = ctx.at(2);
  let count = 0;
  if (ref !== 0) {
    scoredRange.locate(shard, ref, options.isReverse);
    count = limitedCount();
  }
  if (!ctx.mayRun(count)) return ESCALATE;
  storeScored(ctx, 1, NAME_ZRANGESTORE, count, (visit) => forLimited(shard, ref, count, visit));
  return DONE;
}

const NAMES = ['ranks', 'scores', 'members'];
const LIMIT_SYNTAX = '[LIMIT offset count:integer]';

function rangeRow(
  name: string,
  since: string,
  by: number,
  isReverse: boolean,
  syntax: string,
): OneKeyRow {
  const form = { by, isReverse, isFree: false, isStored: false };
  const order = isReverse ? ', highest first' : '';
  return {
    name,
    summary: `Returns the members in a range of ${NAMES[by]!}${order}.`,
    since,
    arity: -4,
    flags: ['readonly'],
    keyFlags: ['RO', 'ACCESS'],
    syntax: `key ${syntax}`,
    run: (ctx) => replyRange(ctx, form),
  };
}

const FREE: RangeForm = { by: BY_RANK, isReverse: false, isFree: true, isStored: false };
const FREE_SYNTAX = `start:string stop:string [BYSCORE | BYLEX] [REV] ${LIMIT_SYNTAX} [WITHSCORES]`;

export const ZSET_RANGE_ROWS: readonly OneKeyRow[] = [
  {
    name: 'zrange',
    summary: 'Returns the members in a range of ranks, scores or members.',
    since: '1.2.0',
    arity: -4,
    flags: ['readonly'],
    keyFlags: ['RO', 'ACCESS'],
    syntax: `key ${FREE_SYNTAX}`,
    run: (ctx) => replyRange(ctx, FREE),
  },
  rangeRow('zrevrange', '1.2.0', BY_RANK, true, 'start:integer stop:integer [WITHSCORES]'),
  rangeRow(
    'zrangebyscore',
    '1.0.5',
    BY_SCORE,
    false,
    `min:double max:double [WITHSCORES] ${LIMIT_SYNTAX}`,
  ),
  rangeRow(
    'zrevrangebyscore',
    '2.2.0',
    BY_SCORE,
    true,
    `max:double min:double [WITHSCORES] ${LIMIT_SYNTAX}`,
  ),
  rangeRow('zrangebylex', '2.8.9', BY_LEX, false, `min:string max:string ${LIMIT_SYNTAX}`),
  rangeRow('zrevrangebylex', '2.8.9', BY_LEX, true, `max:string min:string ${LIMIT_SYNTAX}`),
];

export const ZSET_RANGE_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'zrangestore',
    summary: 'Stores the members in a range of ranks, scores or members.',
    since: '6.2.0',
    group: 'sorted-set',
    arity: -5,
    flags: ['write', 'denyoom'],
    acl: ['sortedset'],
    keys: [oneKey(1, 'OW', 'UPDATE'), oneKey(2, 'RO', 'ACCESS')],
    syntax: `dst src min:string max:string [BYSCORE | BYLEX] [REV] ${LIMIT_SYNTAX}`,
    place: 'shard',
    shards: 'keys',
    run: cmdZrangestore,
  },
];
