/**
 * Strings compared with a value or with a digest of one: the conditions of SET and DELEX, DELEX and
 * DIGEST.
 */

import { equalBytes } from '../base/bytes.ts';
import { xxh3 } from '../base/xxh3.ts';
import { TYPE_STRING } from '../keyspace/entry.ts';
import type { Shard } from '../keyspace/shard.ts';
import type { Ref } from '../memory/arena.ts';
import { ERROR_BYTES, wrongArity } from '../resp/errors.ts';
import { tellDeleted } from './event-names.ts';
import { logDelete } from './log-effects.ts';
import {
  type CommandContext,
  type CommandSpec,
  DONE,
  ESCALATE,
  oneKey,
  type RunStatus,
} from './spec.ts';
import {
  CONDITION_IFDEQ,
  CONDITION_IFDNE,
  CONDITION_IFEQ,
  CONDITION_IFNE,
  CONDITION_NONE,
  compareConditionOf,
} from './string-options.ts';
import { isStringOrReply } from './string-value.ts';

const DIGEST_LENGTH = 16;

/** Lower-case hexadecimal XXH3 of the value of a string entry; always 16 characters. */
function opDigest(shard: Shard, ref: Ref): string {
  const at = shard.valueOffset(ref);
  return xxh3(shard.u8, at, at + shard.valueLength(ref))
    .toString(16)
    .padStart(DIGEST_LENGTH, '0');
}

/** Whether the digest that IFDEQ or IFDNE names has the right length; replies the error if not. */
export function isDigestOrReply(ctx: CommandContext, condition: number, index: number): boolean {
  const isDigest = condition === CONDITION_IFDEQ || condition === CONDITION_IFDNE;
  if (!isDigest || ctx.args.length[index] === DIGEST_LENGTH) return true;
  ctx.reply.errorBytes(ERROR_BYTES.DIGEST_LENGTH);
  return false;
}

/** Units of work of a condition on an existing string. */
export function conditionUnits(shard: Shard, ref: Ref): number {
  return shard.valueLength(ref) >>> 4;
}

/**
 * Whether IFEQ, IFNE, IFDEQ or IFDNE holds for an existing string; argument `index` is what it
 * compares with.
 */
export function holds(
  ctx: CommandContext,
  shard: Shard,
  ref: Ref,
  condition: number,
  index: number,
): boolean {
  if (condition === CONDITION_IFEQ) return equalsArgument(ctx, shard, ref, index);
  if (condition === CONDITION_IFNE) return !equalsArgument(ctx, shard, ref, index);
  const isEqual = opDigest(shard, ref) === ctx.args.text(index).toLowerCase();
  return isEqual === (condition === CONDITION_IFDEQ);
}

function equalsArgument(ctx: CommandContext, shard: Shard, ref: Ref, index: number): boolean {
  const { buf, offset, length } = ctx.args;
  const size = shard.valueLength(ref);
  if (size !== length[index]) return false;
  return equalBytes(shard.u8, shard.valueOffset(ref), buf, offset[index]!, size);
}

function cmdDigest(ctx: CommandContext): RunStatus {
  const shard = ctx.at(1);
  const ref = shard.findRead(ctx.db, ctx.key);
  if (ref === 0) {
    ctx.reply.null();
  } else if (isStringOrReply(ctx, shard, ref)) {
    if (!ctx.mayRun(conditionUnits(shard, ref))) return ESCALATE;
    ctx.reply.bulkLatin1(opDigest(shard, ref));
  }
  return DONE;
}

/** As in Redis, a missing key answers 0 before the condition is looked at. */
function cmdDelex(ctx: CommandContext): RunStatus {
  const { args, reply } = ctx;
  const shard = ctx.at(1);
  const ref = shard.find(ctx.db, ctx.key);
  if (ref === 0) {
    reply.integer(0);
    return DONE;
  }
  if (args.count !== 2) {
    if (args.count !== 4) {
      reply.error(wrongArity('delex'));
      return DONE;
    }
    if (shard.typeOf(ref) !== TYPE_STRING) {
      reply.errorBytes(ERROR_BYTES.DELEX_NOT_STRING);
      return DONE;
    }
    const condition = compareConditionOf(ctx, 2);
    if (condition === CONDITION_NONE) {
      reply.errorBytes(ERROR_BYTES.DELEX_CONDITION);
      return DONE;
    }
    if (!isDigestOrReply(ctx, condition, 3)) return DONE;
    if (!ctx.mayRun(conditionUnits(shard, ref))) return ESCALATE;
    if (!holds(ctx, shard, ref, condition, 3)) {
      reply.integer(0);
      return DONE;
    }
  }
  shard.delete(ctx.db, ctx.key);
  logDelete(ctx, 1);
  tellDeleted(ctx, ctx.key);
  reply.integer(1);
  return DONE;
}

export const STRING_COMPARE_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'digest',
    summary: 'Returns the XXH3 hash of a string as hexadecimal text.',
    since: '8.4.0',
    group: 'string',
    arity: 2,
    flags: ['readonly', 'fast'],
    acl: ['string'],
    keys: [oneKey(1, 'RO', 'ACCESS')],
    syntax: 'key',
    place: 'shard',
    shards: 'keys',
    run: cmdDigest,
  },
  {
    name: 'delex',
    summary: 'Deletes a key if its value or the digest of its value is as expected.',
    since: '8.4.0',
    group: 'string',
    arity: -2,
    flags: ['write', 'fast'],
    acl: ['string'],
    keys: [oneKey(1, 'RW', 'DELETE', 'VARIABLE_FLAGS')],
    syntax: 'key [IFEQ ifeq-value | IFNE ifne-value | IFDEQ ifdeq-digest | IFDNE ifdne-digest]',
    place: 'shard',
    shards: 'keys',
    run: cmdDelex,
  },
];
