/** Sorted sets: scores, ranks, counts, random members and scans. */
import { asciiBytes } from '../base/bytes.ts';
import { formatDouble } from '../base/number-text.ts';
import { TYPE_ZSET } from '../keyspace/entry.ts';
import type { Shard } from '../keyspace/shard.ts';
import type { Ref } from '../memory/arena.ts';
import { ERROR_BYTES, wrongArity } from '../resp/errors.ts';
import {
  drawDistinct,
  memberScan,
  type OneKeyRow,
  randomBelow,
  randomCount,
  readTyped,
  walkMembers,
} from './collection.ts';
import { type CommandContext, DONE, ESCALATE, type RunStatus } from './spec.ts';
import { BY_LEX, BY_SCORE, scoredRange } from './zset-bounds.ts';
import { scoredReply } from './zset-reply.ts';

const TYPE = TYPE_ZSET;
const WITHSCORE = asciiBytes('WITHSCORE');
const WITHSCORES = asciiBytes('WITHSCORES');
/** Units of one random draw. */
const DRAW_UNITS = 4;

function cmdZcard(ctx: CommandContext): RunStatus {
  const ref = readTyped(ctx, 1, TYPE);
  if (ref >= 0) ctx.reply.integer(ref === 0 ? 0 : ctx.at(1).zsets.size(ref));
  return DONE;
}

function replyScore(ctx: CommandContext, shard: Shard, ref: Ref, index: number): void {
  const { args, reply } = ctx;
  const { zsets } = shard;
  const isMember = ref !== 0 && zsets.scoreOf(ref, args.buf, args.offset[index]!, args.end(index));
  if (isMember) reply.double(zsets.score);
  else reply.null();
}

function cmdZscore(ctx: CommandContext): RunStatus {
  const ref = readTyped(ctx, 1, TYPE);
  if (ref >= 0) replyScore(ctx, ctx.at(1), ref, 2);
  return DONE;
}

function cmdZmscore(ctx: CommandContext): RunStatus {
  const { args, reply } = ctx;
  if (!ctx.mayRun(args.count * 2)) return ESCALATE;
  const ref = readTyped(ctx, 1, TYPE);
  if (ref < 0) return DONE;
  const shard = ctx.at(1);
  reply.array(args.count - 2);
  for (let i = 2; i < args.count; i++) replyScore(ctx, shard, ref, i);
  return DONE;
}

function rank(ctx: CommandContext, isReverse: boolean): RunStatus {
  const { args, reply } = ctx;
  if (args.count > 4) {
    reply.error(wrongArity(isReverse ? 'zrevrank' : 'zrank'));
    return DONE;
  }
  const withScore = args.count === 4;
  if (withScore && !args.equalsIgnoreCase(3, WITHSCORE)) {
    reply.errorBytes(ERROR_BYTES.SYNTAX);
    return DONE;
  }
  const ref = readTyped(ctx, 1, TYPE);
  if (ref < 0) return DONE;
  const { zsets } = ctx.at(1);
  const found = ref === 0 ? -1 : zsets.rankOf(ref, args.buf, args.offset[2]!, args.end(2));
  if (found < 0) {
    if (withScore) reply.nullArray();
    else reply.null();
    return DONE;
  }
  const { score } = zsets;
  if (withScore) reply.array(2);
  reply.integer(isReverse ? zsets.size(ref) - 1 - found : found);
  if (withScore) reply.double(score);
  return DONE;
}

function countRange(ctx: CommandContext, by: number): RunStatus {
  if (!scoredRange.parse(ctx, by, 2, 3)) return DONE;
  const ref = readTyped(ctx, 1, TYPE);
  if (ref < 0) return DONE;
  if (ref !== 0) scoredRange.locate(ctx.at(1), ref, false);
  ctx.reply.integer(ref === 0 ? 0 : scoredRange.count);
  return DONE;
}

function cmdZrandmember(ctx: CommandContext): RunStatus {
  const { args, reply } = ctx;
  if (args.count === 2) {
    const ref = readTyped(ctx, 1, TYPE);
    if (ref === 0) reply.null();
    if (ref <= 0) return DONE;
    const { zsets } = ctx.at(1);
    zsets.forRange(ref, randomBelow(zsets.size(ref)), 1, false, (buf, from, to) => {
      reply.bulk(buf, from, to);
    });
    return DONE;
  }
  const withScores = args.count === 4 && args.equalsIgnoreCase(3, WITHSCORES);
  const count = randomCount(ctx, withScores);
  if (Number.isNaN(count)) return DONE;
  if (args.count > 4 || (args.count === 4 && !withScores)) {
    reply.errorBytes(ERROR_BYTES.SYNTAX);
    return DONE;
  }
  const ref = readTyped(ctx, 1, TYPE);
  if (ref < 0) return DONE;
  const { zsets } = ctx.at(1);
  const size = ref === 0 ? 0 : zsets.size(ref);
  const replies = size === 0 ? 0 : count < 0 ? -count : Math.min(count, size);
  reply.expectBulks(replies);
  if (!ctx.mayRun(replies * DRAW_UNITS)) return ESCALATE;
  scoredReply.begin(reply, replies, withScores);
  const { visit } = scoredReply;
  if (count < 0) {
    for (let i = 0; i < replies; i++) zsets.forRange(ref, randomBelow(size), 1, false, visit);
  } else if (replies === size) {
    if (size !== 0) zsets.forEach(ref, visit);
  } else {
    for (const at of drawDistinct(replies, size)) zsets.forRange(ref, at, 1, false, visit);
  }
  return DONE;
}

function cmdZscan(ctx: CommandContext): RunStatus {
  const { reply } = ctx;
  const options = memberScan(ctx, TYPE);
  if (options === null) return DONE;
  if (!ctx.mayRun(options.count)) return ESCALATE;
  const ref = readTyped(ctx, 1, TYPE);
  const { zsets } = ctx.at(1);
  const members: Uint8Array[] = [];
  const scores: number[] = [];
  let seen = 0;
  const step = (cursor: number): number =>
    zsets.scan(ref, cursor, (buf, from, to, score) => {
      seen += 1;
      if (!options.matches(buf, from, to)) return;
      members.push(buf.slice(from, to));
      if (!options.isNoValues) scores.push(score);
    });
  const next = walkMembers(options, step, () => seen);
  reply.array(2);
  reply.bulkLatin1(String(next));
  reply.array(members.length + scores.length);
  for (const [i, member] of members.entries()) {
    reply.bulk(member, 0, member.length);
    if (scores.length !== 0) reply.bulkLatin1(formatDouble(scores[i]!));
  }
  return DONE;
}

function rankRow(name: string, isReverse: boolean): OneKeyRow {
  const order = isReverse ? 'highest' : 'lowest';
  return {
    name,
    summary: `Returns the rank of a member, counted from the ${order} score.`,
    since: '2.0.0',
    arity: -3,
    flags: ['readonly', 'fast'],
    keyFlags: ['RO', 'ACCESS'],
    syntax: 'key member [WITHSCORE]',
    run: (ctx) => rank(ctx, isReverse),
  };
}

function countRow(name: string, by: number, since: string): OneKeyRow {
  const type = by === BY_SCORE ? 'double' : 'string';
  return {
    name,
    summary: `Counts the members in a range of ${by === BY_SCORE ? 'scores' : 'members'}.`,
    since,
    arity: 4,
    flags: ['readonly', 'fast'],
    keyFlags: ['RO', 'ACCESS'],
    syntax: `key min:${type} max:${type}`,
    run: (ctx) => countRange(ctx, by),
  };
}

export const ZSET_READ_ROWS: readonly OneKeyRow[] = [
  {
    name: 'zcard',
    summary: 'Returns the number of members.',
    since: '1.2.0',
    arity: 2,
    flags: ['readonly', 'fast'],
    keyFlags: ['RO'],
    syntax: 'key',
    run: cmdZcard,
  },
  {
    name: 'zscore',
    summary: 'Returns the score of a member.',
    since: '1.2.0',
    arity: 3,
    flags: ['readonly', 'fast'],
    keyFlags: ['RO', 'ACCESS'],
    syntax: 'key member',
    run: cmdZscore,
  },
  {
    name: 'zmscore',
    summary: 'Returns the scores of several members.',
    since: '6.2.0',
    arity: -3,
    flags: ['readonly', 'fast'],
    keyFlags: ['RO', 'ACCESS'],
    syntax: 'key member [member ...]',
    run: cmdZmscore,
  },
  rankRow('zrank', false),
  rankRow('zrevrank', true),
  countRow('zcount', BY_SCORE, '2.0.0'),
  countRow('zlexcount', BY_LEX, '2.8.9'),
  {
    name: 'zrandmember',
    summary: 'Returns members drawn at random.',
    since: '6.2.0',
    arity: -2,
    flags: ['readonly'],
    keyFlags: ['RO', 'ACCESS'],
    syntax: 'key [count:integer [WITHSCORES]]',
    run: cmdZrandmember,
  },
  {
    name: 'zscan',
    summary: 'Iterates over members and scores, some at a time.',
    since: '2.8.0',
    arity: -3,
    flags: ['readonly'],
    keyFlags: ['RO', 'ACCESS'],
    syntax: 'key cursor:integer [MATCH pattern:pattern] [COUNT count:integer]',
    run: cmdZscan,
  },
];
