/**
 * Sorted sets: unions, intersections and differences of several, replied, counted or stored. Sets
 * may be among them; their members have the score 1.
 */
import { asciiBytes } from '../base/bytes.ts';
import { parseFloat64 } from '../base/number-text.ts';
import { TYPE_SET, TYPE_ZSET } from '../keyspace/entry.ts';
import type { Shard } from '../keyspace/shard.ts';
import type { ScoredVisitor } from '../keyspace/zset-value.ts';
import type { Ref } from '../memory/arena.ts';
import { ERROR_BYTES, inputKeyNeeded } from '../resp/errors.ts';
import {
  type CommandContext,
  type CommandSpec,
  DONE,
  ESCALATE,
  type KeySpec,
  oneKey,
  type RunStatus,
} from './spec.ts';
import { scoredReply } from './zset-reply.ts';
import { ScoredList, storeScored } from './zset-store.ts';

const WEIGHTS = asciiBytes('WEIGHTS');
const AGGREGATE = asciiBytes('AGGREGATE');
const WITHSCORES = asciiBytes('WITHSCORES');
const LIMIT = asciiBytes('LIMIT');

type Operation = 'inter' | 'union' | 'diff';
type Use = 'reply' | 'store' | 'card';

/** How the scores of a member in several sets become one. */
type Aggregate = 'SUM' | 'MIN' | 'MAX' | 'COUNT';
const AGGREGATES: readonly (readonly [Uint8Array, Aggregate])[] = (
  ['SUM', 'MIN', 'MAX', 'COUNT'] as const
).map((name) => [asciiBytes(name), name]);

/** One source of an operation: absent keys have ref 0. */
interface Source {
  readonly shard: Shard;
  readonly ref: Ref;
  readonly isSet: boolean;
  readonly size: number;
  weight: number;
}

/** A command as its arguments gave it. */
interface Request {
  readonly operation: Operation;
  readonly sources: Source[];
  aggregate: Aggregate;
  withScores: boolean;
  /** Members to count at most; 0 = all. */
  limit: number;
}

/** Score of the member that `isIn` found. */
let foundScore = 0;

/** Lookups go through the shard's second views, because the first ones are walking. */
function isIn(source: Source, buf: Uint8Array, from: number, to: number): boolean {
  const { shard, ref } = source;
  if (ref === 0) return false;
  if (source.isSet) {
    foundScore = 1;
    return shard.setBuilder.has(ref, buf, from, to);
  }
  const { zsetBuilder } = shard;
  if (!zsetBuilder.scoreOf(ref, buf, from, to)) return false;
  foundScore = zsetBuilder.score;
  return true;
}

function walk(source: Source, visit: ScoredVisitor): void {
  const { shard, ref } = source;
  if (ref === 0) return;
  if (!source.isSet) shard.zsets.forEach(ref, visit);
  else shard.sets.forEach(ref, (buf, from, to) => visit(buf, from, to, 1));
}

/** What a score contributes: its product with the weight, or the weight alone where sets count. */
function weighted(request: Request, source: Source, score: number): number {
  return request.aggregate === 'COUNT' ? source.weight : source.weight * score;
}

/** Infinities that cancel each other out make 0; what is not a number is no minimum or maximum. */
function aggregated(aggregate: Aggregate, sum: number, value: number): number {
  if (aggregate === 'SUM' || aggregate === 'COUNT') return numberOr0(sum + value);
  const isTaken = aggregate === 'MIN' ? value < sum : value > sum;
  return isTaken ? value : sum;
}

function numberOr0(value: number): number {
  return Number.isNaN(value) ? 0 : value;
}

/** Smallest first; the order in which scores are added up, too. */
function bySize(sources: readonly Source[]): Source[] {
  return [...sources].sort((a, b) => a.size - b.size);
}

/** A member counts where it is met first: in no set before. */
function forUnion(request: Request, visit: ScoredVisitor): void {
  const sources = bySize(request.sources);
  for (const [i, source] of sources.entries()) {
    walk(source, (buf, from, to, score) => {
      for (let j = 0; j < i; j++) if (isIn(sources[j]!, buf, from, to)) return;
      let sum = numberOr0(weighted(request, source, score));
      for (let j = i + 1; j < sources.length; j++) {
        if (!isIn(sources[j]!, buf, from, to)) continue;
        const value = numberOr0(weighted(request, sources[j]!, foundScore));
        sum = aggregated(request.aggregate, sum, value);
      }
      visit(buf, from, to, sum);
    });
  }
}

/** The smallest set is walked; the others are asked, the next smallest first. */
function forIntersection(request: Request, visit: ScoredVisitor): void {
  const sources = bySize(request.sources);
  const smallest = sources[0]!;
  walk(smallest, (buf, from, to, score) => {
    let sum = numberOr0(weighted(request, smallest, score));
    for (let j = 1; j < sources.length; j++) {
      if (!isIn(sources[j]!, buf, from, to)) return;
      sum = aggregated(request.aggregate, sum, weighted(request, sources[j]!, foundScore));
    }
    visit(buf, from, to, sum);
  });
}

function forDifference(request: Request, visit: ScoredVisitor): void {
  const { sources } = request;
  walk(sources[0]!, (buf, from, to, score) => {
    for (let j = 1; j < sources.length; j++) if (isIn(sources[j]!, buf, from, to)) return;
    visit(buf, from, to, score);
  });
}

/** Calls `visit` for each member of the result once, in no order. */
function forResult(request: Request, visit: ScoredVisitor): void {
  if (request.operation === 'union') forUnion(request, visit);
  else if (request.operation === 'diff') forDifference(request, visit);
  else forIntersection(request, visit);
}

/** Members that an operation looks at, a measure of its work. */
function unitsOf({ operation, sources }: Request): number {
  const sizes = sources.map((source) => source.size);
  if (operation === 'inter') return Math.min(...sizes) * sizes.length;
  if (operation === 'diff') return sizes[0]! * sizes.length;
  return sizes.reduce((sum, size) => sum + size, 0) * sizes.length;
}

/** Arguments [first, end) as sources; null when one is of another type, which was replied. */
function sourcesOf(ctx: CommandContext, first: number, end: number): Source[] | null {
  const sources: Source[] = [];
  for (let i = first; i < end; i++) {
    const shard = ctx.at(i);
    const ref = shard.findRead(ctx.db, ctx.key);
    const type = ref === 0 ? TYPE_ZSET : shard.typeOf(ref);
    if (type !== TYPE_ZSET && type !== TYPE_SET) {
      ctx.reply.errorBytes(ERROR_BYTES.WRONG_TYPE);
      return null;
    }
    const isSet = type === TYPE_SET;
    const size = ref === 0 ? 0 : isSet ? shard.sets.size(ref) : shard.zsets.size(ref);
    sources.push({ shard, ref, isSet, size, weight: 1 });
  }
  return sources;
}

/** Reads `WEIGHTS weight ...` at `index`; false when an error was replied. */
function parseWeights(ctx: CommandContext, index: number, sources: readonly Source[]): boolean {
  const { args, reply } = ctx;
  for (const [i, source] of sources.entries()) {
    const at = index + 1 + i;
    source.weight = parseFloat64(args.buf, args.offset[at]!, args.end(at));
    if (!Number.isNaN(source.weight)) continue;
    reply.errorBytes(ERROR_BYTES.WEIGHT_NOT_FLOAT);
    return false;
  }
  return true;
}

/**
 * Reads the option at `index`: the index behind it, 0 when it is none that may stand there, -1 when
 * an error was replied.
 */
function parseOption(ctx: CommandContext, request: Request, use: Use, index: number): number {
  const { args, reply } = ctx;
  const left = args.count - index;
  const isWeighted = request.operation !== 'diff' && use !== 'card';
  const keys = request.sources.length;
  if (isWeighted && left > keys && args.equalsIgnoreCase(index, WEIGHTS)) {
    return parseWeights(ctx, index, request.sources) ? index + 1 + keys : -1;
  }
  if (isWeighted && left >= 2 && args.equalsIgnoreCase(index, AGGREGATE)) {
    const found = AGGREGATES.find(([word]) => args.equalsIgnoreCase(index + 1, word));
    if (found === undefined) return 0;
    request.aggregate = found[1];
    return index + 2;
  }
  if (use === 'reply' && args.equalsIgnoreCase(index, WITHSCORES)) {
    request.withScores = true;
    return index + 1;
  }
  if (use === 'card' && left >= 2 && args.equalsIgnoreCase(index, LIMIT)) {
    request.limit = args.toInt(index + 1);
    if (request.limit >= 0) return index + 2;
    reply.errorBytes(ERROR_BYTES.LIMIT_NEGATIVE);
    return -1;
  }
  return 0;
}

/** Reads numkeys (argument `index`), keys and options; null when an error was replied. */
function parseRequest(
  ctx: CommandContext,
  operation: Operation,
  use: Use,
  index: number,
): Request | null {
  const { args, reply } = ctx;
  const keys = args.toInt(index);
  if (Number.isNaN(keys)) {
    reply.errorBytes(ERROR_BYTES.NOT_INTEGER);
    return null;
  }
  if (keys < 1) {
    reply.error(inputKeyNeeded(nameOf(operation, use)));
    return null;
  }
  if (keys > args.count - index - 1) {
    reply.errorBytes(ERROR_BYTES.SYNTAX);
    return null;
  }
  const end = index + 1 + keys;
  const sources = sourcesOf(ctx, index + 1, end);
  if (sources === null) return null;
  const request: Request = { operation, sources, aggregate: 'SUM', withScores: false, limit: 0 };
  for (let i = end; i < args.count; ) {
    i = parseOption(ctx, request, use, i);
    if (i > 0) continue;
    if (i === 0) reply.errorBytes(ERROR_BYTES.SYNTAX);
    return null;
  }
  return request;
}

function replyResult(ctx: CommandContext, operation: Operation): RunStatus {
  const request = parseRequest(ctx, operation, 'reply', 1);
  if (request === null) return DONE;
  if (!ctx.mayRun(unitsOf(request))) return ESCALATE;
  const list = new ScoredList();
  forResult(request, list.add);
  scoredReply.begin(ctx.reply, list.count, request.withScores);
  list.forSorted(scoredReply.visit);
  return DONE;
}

function storeResult(ctx: CommandContext, operation: Operation): RunStatus {
  const request = parseRequest(ctx, operation, 'store', 2);
  if (request === null) return DONE;
  const units = unitsOf(request);
  if (!ctx.mayRun(units)) return ESCALATE;
  storeScored(ctx, 1, units, (visit) => forResult(request, visit));
  return DONE;
}

function cmdZintercard(ctx: CommandContext): RunStatus {
  const request = parseRequest(ctx, 'inter', 'card', 1);
  if (request === null) return DONE;
  if (!ctx.mayRun(unitsOf(request))) return ESCALATE;
  const sources = bySize(request.sources);
  const { limit } = request;
  let count = 0;
  walk(sources[0]!, (buf, from, to) => {
    if (limit !== 0 && count === limit) return;
    for (let j = 1; j < sources.length; j++) if (!isIn(sources[j]!, buf, from, to)) return;
    count += 1;
  });
  ctx.reply.integer(count);
  return DONE;
}

function countedKeys(begin: number): KeySpec {
  return {
    flags: ['RO', 'ACCESS'],
    begin,
    find: { kind: 'keynum', numberAt: 0, first: 1, step: 1 },
  };
}

function nameOf(operation: Operation, use: Use): string {
  return use === 'reply' ? `z${operation}` : `z${operation}${use}`;
}

const RESULTS: Readonly<Record<Operation, string>> = {
  inter: 'intersection',
  union: 'union',
  diff: 'difference',
};
const KEYS_SYNTAX = 'numkeys:integer key [key ...]';
const SCORE_SYNTAX = 'WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX | COUNT>';

function syntaxOf(operation: Operation): string {
  return operation === 'diff' ? KEYS_SYNTAX : `${KEYS_SYNTAX} [${SCORE_SYNTAX}]`;
}

function resultRow(operation: Operation): CommandSpec {
  return {
    name: nameOf(operation, 'reply'),
    summary: `Returns the ${RESULTS[operation]} of sorted sets.`,
    since: '6.2.0',
    group: 'sorted-set',
    arity: -3,
    flags: ['readonly'],
    acl: ['sortedset'],
    keys: [countedKeys(1)],
    syntax: `${syntaxOf(operation)} [WITHSCORES]`,
    place: 'shard',
    shards: 'keys',
    run: (ctx) => replyResult(ctx, operation),
  };
}

function storeRow(operation: Operation): CommandSpec {
  return {
    name: nameOf(operation, 'store'),
    summary: `Stores the ${RESULTS[operation]} of sorted sets.`,
    since: operation === 'diff' ? '6.2.0' : '2.0.0',
    group: 'sorted-set',
    arity: -4,
    flags: ['write', 'denyoom'],
    acl: ['sortedset'],
    keys: [oneKey(1, 'OW', 'UPDATE'), countedKeys(2)],
    syntax: `destination:key ${syntaxOf(operation)}`,
    place: 'shard',
    shards: 'keys',
    run: (ctx) => storeResult(ctx, operation),
  };
}

export const ZSET_ALGEBRA_COMMANDS: readonly CommandSpec[] = [
  resultRow('union'),
  resultRow('inter'),
  resultRow('diff'),
  storeRow('union'),
  storeRow('inter'),
  storeRow('diff'),
  {
    name: nameOf('inter', 'card'),
    summary: 'Returns the number of members of the intersection of sorted sets.',
    since: '7.0.0',
    group: 'sorted-set',
    arity: -3,
    flags: ['readonly'],
    acl: ['sortedset'],
    keys: [countedKeys(1)],
    syntax: `${KEYS_SYNTAX} [LIMIT limit:integer]`,
    place: 'shard',
    shards: 'keys',
    run: cmdZintercard,
  },
];
