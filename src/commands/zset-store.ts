/** Sorted sets: results that are stored under a key. Members with scores beside each other. */

import { asciiBytes } from '../base/bytes.ts';
import { TYPE_ZSET } from '../keyspace/entry.ts';
import { EVENT_ZSET } from '../keyspace/events.ts';
import { NO_TTL } from '../keyspace/shard.ts';
import { type ScoredVisitor, ZSET_FULL } from '../keyspace/zset-value.ts';
import { replyFull } from './collection.ts';
import { tellDeleted, tellStored } from './event-names.ts';
import { LOG_BATCH, logArgument, logDelete, logScore } from './log-effects.ts';
import type { CommandContext } from './spec.ts';

const ZADD = asciiBytes('ZADD');
/** Members above which readers are let in while a result is built. */
const BUILD_MEMBERS = 10_000;

/**
 * Stores the members that `forResult` visits as the sorted set of the key in argument `index`, in
 * place of whatever it held, and replies how many they are; none deletes the key. All keys stay as
 * they are until everything is built. `name` is what is told of it,
 * `units` a measure of the work.
 */
export function storeScored(
  ctx: CommandContext,
  index: number,
  name: Uint8Array,
  units: number,
  forResult: (visit: ScoredVisitor) => void,
): void {
  const { reply, db } = ctx;
  const shard = ctx.at2(index);
  const set = shard.zsetBuilder;
  let isOpen = false;
  let isFull = false;
  if (units > BUILD_MEMBERS) ctx.beginBuild();
  forResult((buf, from, to, score) => {
    if (isFull) return;
    if (!isOpen) isOpen = set.openDetached(to - from, 0);
    isFull = !isOpen || set.add(buf, from, to, score) === ZSET_FULL;
  });
  if (units > BUILD_MEMBERS) ctx.endBuild();
  if (isFull) {
    if (isOpen) set.drop();
    replyFull(ctx);
    return;
  }
  ctx.at2(index);
  if (!isOpen) {
    if (shard.delete(db, ctx.key2)) tellDeleted(ctx, ctx.key2);
    reply.integer(0);
    return;
  }
  const size = set.openSize;
  if (!set.link(db, ctx.key2, NO_TTL)) {
    replyFull(ctx);
    return;
  }
  reply.integer(size);
  tellStored(ctx, shard, ctx.key2, TYPE_ZSET, EVENT_ZSET, name);
}

/**
 * Logs the sorted set that the key of argument `index` holds now, or that there is none: what was
 * stored cannot be told by a command that Redis 7.0 knows. O(n).
 */
export function logStoredScores(ctx: CommandContext, index: number): void {
  const { effects, db } = ctx;
  if (!effects.isOn) return;
  const shard = ctx.at2(index);
  const ref = shard.find(db, ctx.key2);
  logDelete(ctx, index);
  if (ref === 0) return;
  let left = shard.zsets.size(ref);
  let room = 0;
  shard.zsets.forEach(ref, (buf, from, to, score) => {
    if (room === 0) {
      room = Math.min(LOG_BATCH, left);
      effects.command(db, ZADD, 2 + room * 2);
      logArgument(ctx, index);
    }
    logScore(effects, score);
    effects.bytes(buf, from, to);
    left -= 1;
    room -= 1;
  });
}

const BYTES_INITIAL = 4096;
const MEMBERS_INITIAL = 256;

function grown<T extends Uint8Array | Float64Array>(old: T, next: T): T {
  next.set(old);
  return next;
}

/**
 * Members with scores in the order of a sorted set: results that are replied and not stored. Copies
 * of the members lie one after the other in one block, so a million of them are four objects.
 */
export class ScoredList {
  count = 0;
  #bytes = new Uint8Array(BYTES_INITIAL);
  #length = 0;
  #scores = new Float64Array(MEMBERS_INITIAL);
  /** Where each member begins; it ends where the next begins. */
  #starts = new Float64Array(MEMBERS_INITIAL + 1);

  /** Members came in order: those of a sorted set that is walked and whose scores stay. */
  #isSorted = true;

  /** Copies a member to the end of the list. */
  readonly add: ScoredVisitor = (buf, from, to, score) => {
    const end = this.#length + (to - from);
    if (end > this.#bytes.length) {
      this.#bytes = grown(this.#bytes, new Uint8Array(Math.max(end, this.#bytes.length * 2)));
    }
    const { count } = this;
    if (count === this.#scores.length) {
      this.#scores = grown(this.#scores, new Float64Array(count * 2));
      this.#starts = grown(this.#starts, new Float64Array(count * 2 + 1));
    }
    const bytes = this.#bytes;
    for (let i = from, at = this.#length; i < to; i++, at++) bytes[at] = buf[i]!;
    this.#scores[count] = score;
    this.#length = end;
    this.count = count + 1;
    this.#starts[this.count] = end;
    if (this.#isSorted && count !== 0) this.#isSorted = this.#compare(count - 1, count) < 0;
  };

  /** Visits the members by score, then by their bytes. O(n log n), O(n) where they came so. */
  forSorted(visit: ScoredVisitor): void {
    const order = new Uint32Array(this.count);
    for (let i = 0; i < order.length; i++) order[i] = i;
    if (!this.#isSorted) order.sort((a, b) => this.#compare(a, b));
    for (const i of order) {
      visit(this.#bytes, this.#starts[i]!, this.#starts[i + 1]!, this.#scores[i]!);
    }
  }

  #compare(a: number, b: number): number {
    const left = this.#scores[a]!;
    const right = this.#scores[b]!;
    if (left !== right) return left < right ? -1 : 1;
    const bytes = this.#bytes;
    let i = this.#starts[a]!;
    let j = this.#starts[b]!;
    const iEnd = this.#starts[a + 1]!;
    const jEnd = this.#starts[b + 1]!;
    for (; i < iEnd && j < jEnd; i++, j++) {
      const difference = bytes[i]! - bytes[j]!;
      if (difference !== 0) return difference;
    }
    return iEnd - i - (jEnd - j);
  }
}
