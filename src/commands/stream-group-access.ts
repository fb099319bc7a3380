/**
 * What the commands of consumer groups share: lookups with their errors, consumers that come into
 * being with a command, and what the log gets.
 */
import { asciiBytes } from '../base/bytes.ts';
import { EVENT_STREAM } from '../keyspace/events.ts';
import { DELIVERIES_MAX, type StreamGroups } from '../keyspace/stream-groups.ts';
import type { StreamValues } from '../keyspace/stream-value.ts';
import type { ThreadState } from '../keyspace/thread-state.ts';
import type { Ref } from '../memory/arena.ts';
import { noKeyOrGroup, noSuchGroup } from '../resp/errors.ts';
import type { ReplyWriter } from '../resp/reply-writer.ts';
import { StreamId } from '../structures/stream-id.ts';
import type { StreamReader } from '../structures/stream-reader.ts';
import { NAME_XGROUP_CREATECONSUMER } from './event-names.ts';
import { logArgument, logBytes } from './log-effects.ts';
import type { CommandContext } from './spec.ts';
import { logId } from './stream-args.ts';

const XACK = asciiBytes('XACK');
const XCLAIM = asciiBytes('XCLAIM');
const XGROUP = asciiBytes('XGROUP');
const SETID = asciiBytes('SETID');
const CREATECONSUMER = asciiBytes('CREATECONSUMER');
const ENTRIESREAD = asciiBytes('ENTRIESREAD');
const TIME = asciiBytes('TIME');
const RETRYCOUNT = asciiBytes('RETRYCOUNT');
const FORCE = asciiBytes('FORCE');
const JUSTID = asciiBytes('JUSTID');
const LASTID = asciiBytes('LASTID');
/** What DELIVERIES_MAX is for clients and in the log: 2^63 - 1. */
const DELIVERIES_MAX_SHOWN = 9223372036854775807n;

const lastId = new StreamId();
const listed = new StreamId();

/** The group of the open stream that argument `index` names, or 0. */
export function groupNamed(ctx: CommandContext, streams: StreamValues, index: number): Ref {
  return streams.groups.find(ctx.args.buf, ctx.args.offset[index]!, ctx.args.end(index));
}

/** The consumer of a group of the open stream that argument `index` names, or 0. */
export function consumerNamed(
  ctx: CommandContext,
  streams: StreamValues,
  group: Ref,
  index: number,
): Ref {
  const { buf, offset } = ctx.args;
  return streams.groups.findConsumer(group, buf, offset[index]!, ctx.args.end(index));
}

/** Replies that the stream of argument `key` has no group of argument `group`. */
export function refuseGroup(ctx: CommandContext, key: number, group: number): void {
  ctx.reply.error(noSuchGroup(ctx.args.text(group), ctx.args.text(key)));
}

/** Replies that there is no stream of argument `key`, or no group of argument `group`. */
export function refuseKeyOrGroup(ctx: CommandContext, key: number, group: number): void {
  ctx.reply.error(noKeyOrGroup(ctx.args.text(key), ctx.args.text(group)));
}

/**
 * When a consumer does what it does: the clock of a log that is replayed stands at 0, and the log
 * does not say when consumers were seen.
 */
export function consumerTimeMs({ nowMs }: ThreadState): number {
  return nowMs === 0 ? Date.now() : nowMs;
}

/** `takeConsumer` has made the consumer that it returned last. */
export const taken = { isNew: false };

/**
 * The consumer of argument `index`, seen now; it is made, and the event told, where there is none.
 * 0: the arena is full. Whoever calls it says `streams.groupsChanged()` where `taken.isNew`.
 */
export function takeConsumer(
  ctx: CommandContext,
  streams: StreamValues,
  group: Ref,
  index: number,
): Ref {
  const { args, state } = ctx;
  const { groups } = streams;
  const nowMs = consumerTimeMs(state);
  taken.isNew = false;
  const found = consumerNamed(ctx, streams, group, index);
  if (found !== 0) {
    groups.setSeen(found, nowMs);
    return found;
  }
  const from = args.offset[index]!;
  const made = groups.addConsumer(group, args.buf, from, args.end(index), nowMs);
  if (made === 0) return 0;
  taken.isNew = true;
  state.event(EVENT_STREAM, NAME_XGROUP_CREATECONSUMER, ctx.db, ctx.key);
  return made;
}

/** Replies how often an entry was delivered. */
export function replyDeliveries(reply: ReplyWriter, deliveries: number): void {
  if (deliveries === DELIVERIES_MAX) reply.integerBigint(DELIVERIES_MAX_SHOWN);
  else reply.integer(deliveries);
}

/** Replies the name of a consumer, which is empty for nobody (0). */
export function replyOwner(reply: ReplyWriter, groups: StreamGroups, owner: Ref): void {
  const { consumers } = groups;
  const { u8 } = groups.pending.arena;
  if (owner === 0) reply.bulk(u8, 0, 0);
  else reply.bulk(u8, consumers.nameFrom(owner), consumers.nameEnd(owner));
}

// ---- the log

/** The consumer of the argument behind `group`, the group's, was made. */
export function logConsumer(ctx: CommandContext, key: number, group: number): void {
  const { effects } = ctx;
  if (!effects.isOn) return;
  effects.command(ctx.db, XGROUP, 5);
  logBytes(effects, CREATECONSUMER);
  logArgument(ctx, key);
  logArgument(ctx, group);
  logArgument(ctx, group + 1);
}

/** Last ID and number of entries read of the group of argument `index` are what they are now. */
export function logGroupId(
  ctx: CommandContext,
  streams: StreamValues,
  group: Ref,
  key: number,
  index: number,
): void {
  const { effects } = ctx;
  if (!effects.isOn) return;
  effects.command(ctx.db, XGROUP, 7);
  logBytes(effects, SETID);
  logArgument(ctx, key);
  logArgument(ctx, index);
  logId(ctx, streams.groups.lastId(group, lastId));
  logBytes(effects, ENTRIESREAD);
  effects.integer(streams.groups.read(group));
}

/** The entry `id` is no longer pending in the group of argument `group`. */
export function logAcknowledged(
  ctx: CommandContext,
  key: number,
  group: number,
  id: StreamId,
): void {
  const { effects } = ctx;
  if (!effects.isOn) return;
  effects.command(ctx.db, XACK, 4);
  logArgument(ctx, key);
  logArgument(ctx, group);
  logId(ctx, id);
}

// ---- entries by their IDs

/** Entries that are passed over before a search from the index is the shorter way. */
const STEPS_MAX = 8;
const END = new StreamId().setMax();

/**
 * Finds entries of a stream one after the other: O(1) where each lies shortly behind the one
 * before, O(log nodes + entries of a node) otherwise. One per thread.
 */
export class EntryWalk {
  #reader: StreamReader | null = null;
  #isReading = false;

  /** Begins with the open stream, which must not change meanwhile. */
  begin(streams: StreamValues): void {
    this.#reader = streams.reader;
    this.#isReading = false;
  }

  /** Whether there is an entry of the ID; the stream's reader is at it then. */
  find(id: StreamId): boolean {
    const reader = this.#reader!;
    if (this.#isReading && reader.id.compare(id) < 0) {
      for (let i = 0; i < STEPS_MAX && reader.next(); i++) {
        const order = reader.id.compare(id);
        if (order >= 0) return order === 0;
      }
    }
    reader.range(id, END, false);
    this.#isReading = reader.next();
    return this.#isReading && reader.id.compare(id) === 0;
  }
}

/** IDs that a command collects: a list that is reused. */
export class IdList {
  #words = new Uint32Array(64);
  count = 0;

  clear(): void {
    this.count = 0;
  }

  /** O(1), amortised. */
  add(id: StreamId): void {
    const at = this.count * 4;
    if (at === this.#words.length) {
      const grown = new Uint32Array(at * 2);
      grown.set(this.#words);
      this.#words = grown;
    }
    id.store(this.#words, at);
    this.count += 1;
  }

  /** Copies the ID of place `index` into `id`. */
  get(index: number, id: StreamId): StreamId {
    return id.load(this.#words, index * 4);
  }
}

/**
 * Entries that a command has made pending for a consumer, on their way to the log: as XCLAIMs of
 * those one after the other that were delivered equally often.
 */
export class ClaimLog {
  readonly #ids = new IdList();
  #deliveries = 0;
  #timeMs = 0;
  #group: Ref = 0;
  #keyAt = 0;
  #groupAt = 0;
  /** Something went to the log, or is to go: that makes the consumer where there is none. */
  isUsed = false;

  /**
   * Begins with a group of the open stream: arguments `keyAt` and `groupAt`, and the consumer's
   * behind the group's. The entries were delivered at `timeMs`.
   */
  begin(group: Ref, keyAt: number, groupAt: number, timeMs: number): void {
    this.#ids.clear();
    this.#group = group;
    this.#keyAt = keyAt;
    this.#groupAt = groupAt;
    this.#timeMs = timeMs;
    this.isUsed = false;
  }

  /** The entry is pending for the consumer now, for the `deliveries`th time. */
  add(ctx: CommandContext, streams: StreamValues, id: StreamId, deliveries: number): void {
    if (!ctx.effects.isOn) return;
    if (deliveries !== this.#deliveries) this.flush(ctx, streams);
    this.#deliveries = deliveries;
    this.#ids.add(id);
    this.isUsed = true;
  }

  /** Writes what is still to be written. */
  flush(ctx: CommandContext, streams: StreamValues): void {
    const ids = this.#ids;
    if (ids.count === 0) return;
    const { effects } = ctx;
    effects.command(ctx.db, XCLAIM, 13 + ids.count);
    logArgument(ctx, this.#keyAt);
    logArgument(ctx, this.#groupAt);
    logArgument(ctx, this.#groupAt + 1);
    effects.integer(0);
    for (let i = 0; i < ids.count; i++) logId(ctx, ids.get(i, listed));
    logBytes(effects, TIME);
    effects.integer(this.#timeMs);
    logBytes(effects, RETRYCOUNT);
    const deliveries = this.#deliveries;
    effects.integer(deliveries === DELIVERIES_MAX ? DELIVERIES_MAX_SHOWN : deliveries);
    logBytes(effects, FORCE);
    logBytes(effects, JUSTID);
    logBytes(effects, LASTID);
    logId(ctx, streams.groups.lastId(this.#group, lastId));
    ids.clear();
  }
}
