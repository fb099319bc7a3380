/**
 * Sorted sets: unions, intersections and differences of several, replied, counted or stored. Sets
 * may be among them; their members have the score 1.
 */

import { asciiBytes } from '../base/bytes.ts';
import { parseFloat64 } from '../base/number-text.ts';
import { TYPE_SET, TYPE_ZSET } from '../keyspace/entry.ts';
import { ERROR_BYTES, inputKeyNeeded } from '../resp/errors.ts';
import {
  missesNeedWorker,
  NAME_ZDIFFSTORE,
  NAME_ZINTERSTORE,
  NAME_ZUNIONSTORE,
} from './event-names.ts';
import { PARALLEL_UNITS_MIN, type PartVisitor, WANTS_COUNT, WANTS_SCORES } from './parted-work.ts';
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
import { logStoredScores, ScoredList, storeScored } from './zset-store.ts';
import {
  AGGREGATES,
  type Aggregate,
  type ZsetOperation,
  type ZsetSource,
  ZsetWalk,
} from './zset-walk.ts';

const WEIGHTS = asciiBytes('WEIGHTS');
const AGGREGATE = asciiBytes('AGGREGATE');
const WITHSCORES = asciiBytes('WITHSCORES');
const LIMIT = asciiBytes('LIMIT');

type Use = 'reply' | 'store' | 'card';

const AGGREGATE_WORDS = AGGREGATES.map((name) => [asciiBytes(name), name] as const);

/** A command as its arguments gave it. */
interface Request {
  readonly operation: ZsetOperation;
  readonly sources: ZsetSource[];
  aggregate: Aggregate;
  withScores: boolean;
  /** Members to count at most; 0 = all. */
  limit: number;
}

/** Calls `visit` for each member of the result once, by several workers where that pays. */
function forResult(ctx: CommandContext, walk: ZsetWalk, wants: number, visit: PartVisitor): void {
  if (walk.units >= PARALLEL_UNITS_MIN && ctx.inParallel(walk, wants, visit)) return;
  walk.forEach(visit);
}

function walkOf({ operation, aggregate, sources }: Request): ZsetWalk {
  return new ZsetWalk(operation, aggregate, sources);
}

/** Arguments [first, end) as sources; null when one is of another type, which was replied. */
function sourcesOf(ctx: CommandContext, first: number, end: number): ZsetSource[] | null {
  const sources: ZsetSource[] = [];
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
function parseWeights(ctx: CommandContext, index: number, sources: readonly ZsetSource[]): boolean {
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
    const found = AGGREGATE_WORDS.find(([word]) => args.equalsIgnoreCase(index + 1, word));
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
  operation: ZsetOperation,
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

function replyResult(ctx: CommandContext, operation: ZsetOperation): RunStatus {
  if (missesNeedWorker(ctx)) return ESCALATE;
  const request = parseRequest(ctx, operation, 'reply', 1);
  if (request === null) return DONE;
  const walk = walkOf(request);
  if (!ctx.mayRun(walk.units)) return ESCALATE;
  const list = new ScoredList();
  forResult(ctx, walk, WANTS_SCORES, (buf, from, to, score) => {
    list.add(buf, from, to, score);
    return true;
  });
  scoredReply.begin(ctx.reply, list.count, request.withScores);
  list.forSorted(scoredReply.visit);
  return DONE;
}

const STORE_NAMES: Readonly<Record<ZsetOperation, Uint8Array>> = {
  inter: NAME_ZINTERSTORE,
  union: NAME_ZUNIONSTORE,
  diff: NAME_ZDIFFSTORE,
};

function storeResult(ctx: CommandContext, operation: ZsetOperation): RunStatus {
  if (missesNeedWorker(ctx)) return ESCALATE;
  const request = parseRequest(ctx, operation, 'store', 2);
  if (request === null) return DONE;
  const walk = walkOf(request);
  const { units } = walk;
  if (!ctx.mayRun(units)) return ESCALATE;
  const { dirty } = ctx.state;
  storeScored(ctx, 1, STORE_NAMES[operation], units, (visit) => {
    forResult(ctx, walk, WANTS_SCORES, (buf, from, to, score) => {
      visit(buf, from, to, score);
      return true;
    });
  });
  if (request.aggregate === 'COUNT' && ctx.state.dirty !== dirty) logStoredScores(ctx, 1);
  return DONE;
}

function cmdZintercard(ctx: CommandContext): RunStatus {
  if (missesNeedWorker(ctx)) return ESCALATE;
  const request = parseRequest(ctx, 'inter', 'card', 1);
  if (request === null) return DONE;
  const walk = walkOf(request);
  if (!ctx.mayRun(walk.units)) return ESCALATE;
  const { limit } = request;
  let count = 0;
  forResult(ctx, walk, WANTS_COUNT, () => {
    count += 1;
    return count !== limit;
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

function nameOf(operation: ZsetOperation, use: Use): string {
  return use === 'reply' ? `z${operation}` : `z${operation}${use}`;
}

const RESULTS: Readonly<Record<ZsetOperation, string>> = {
  inter: 'intersection',
  union: 'union',
  diff: 'difference',
};
const KEYS_SYNTAX = 'numkeys:integer key [key ...]';
const SCORE_SYNTAX = 'WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX | COUNT>';

function syntaxOf(operation: ZsetOperation): string {
  return operation === 'diff' ? KEYS_SYNTAX : `${KEYS_SYNTAX} [${SCORE_SYNTAX}]`;
}

function resultRow(operation: ZsetOperation): CommandSpec {
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

function storeRow(operation: ZsetOperation): CommandSpec {
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
