/** Streams: the options that XADD and XTRIM share, and trimming. */
import { asciiBytes } from '../base/bytes.ts';
import { EVENT_STREAM } from '../keyspace/events.ts';
import type { StreamValues } from '../keyspace/stream-value.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import { StreamId } from '../structures/stream-id.ts';
import { type TrimOptions, trimStream } from '../structures/stream-trim.ts';
import { NAME_XTRIM } from './event-names.ts';
import { logBytes } from './log-effects.ts';
import type { CommandContext } from './spec.ts';
import {
  DROP_REFERENCES,
  exactId,
  isByte,
  KEEP_REFERENCES,
  logId,
  ONLY_ACKNOWLEDGED,
  referencePolicy,
} from './stream-args.ts';

const MAXLEN = asciiBytes('MAXLEN');
const MINID = asciiBytes('MINID');
const LIMIT = asciiBytes('LIMIT');
const EQUALS = asciiBytes('=');
const POLICIES: readonly Uint8Array[] = ['KEEPREF', 'DELREF', 'ACKED'].map(asciiBytes);
const TILDE_SIGN = 0x7e;
const EQUALS_SIGN = 0x3d;

/** Entries that `~` looks at without LIMIT: a hundred nodes', within bounds. */
const LIMIT_NODES = 100;
const LIMIT_DEFAULT = 10_000;
const LIMIT_MAX = 1_000_000;
/** Nodes that an I/O thread may cut off with one command. */
const NODES_HERE_MAX = 64;

/** What is to be cut off, as the arguments say it. One for all: it is read and used at once. */
export class TrimArguments implements TrimOptions {
  isGiven = false;
  maxLength = -1;
  readonly minId = new StreamId();
  isApproximate = false;
  limit = 0;
  mayDelete: ((id: StreamId) => boolean) | null = null;
  policy = KEEP_REFERENCES;
  #isPolicyGiven = false;
  #isLimitGiven = false;

  clear(): void {
    this.isGiven = false;
    this.maxLength = -1;
    this.isApproximate = false;
    this.limit = 0;
    this.mayDelete = null;
    this.policy = KEEP_REFERENCES;
    this.#isPolicyGiven = false;
    this.#isLimitGiven = false;
  }

  /**
   * Reads an option at argument `index`. Returns the index behind it, the same index where it is
   * no option of these, -1 where an error was replied.
   */
  read(ctx: CommandContext, index: number): number {
    const { args, reply } = ctx;
    const policy = referencePolicy(ctx, index);
    if (policy >= 0) {
      if (this.#isPolicyGiven) {
        reply.errorBytes(ERROR_BYTES.SYNTAX);
        return -1;
      }
      this.#isPolicyGiven = true;
      this.policy = policy;
      return index + 1;
    }
    if (index + 1 >= args.count) return index;
    if (args.equalsIgnoreCase(index, MAXLEN)) return this.#readThreshold(ctx, index + 1, false);
    if (args.equalsIgnoreCase(index, MINID)) return this.#readThreshold(ctx, index + 1, true);
    if (!args.equalsIgnoreCase(index, LIMIT)) return index;
    const limit = args.toInt(index + 1);
    if (Number.isNaN(limit)) reply.errorBytes(ERROR_BYTES.NOT_INTEGER);
    else if (limit < 0) reply.errorBytes(ERROR_BYTES.TRIM_LIMIT_NEGATIVE);
    if (!(limit >= 0)) return -1;
    this.limit = limit;
    this.#isLimitGiven = true;
    return index + 2;
  }

  /** Reads `[=|~] threshold` at argument `at`. */
  #readThreshold(ctx: CommandContext, at: number, isId: boolean): number {
    const { args, reply } = ctx;
    let index = at;
    if (this.isGiven) {
      reply.errorBytes(ERROR_BYTES.TRIM_BOTH);
      return -1;
    }
    this.isGiven = true;
    const hasMore = index + 1 < args.count;
    this.isApproximate = hasMore && isByte(ctx, index, TILDE_SIGN);
    if (this.isApproximate || (hasMore && isByte(ctx, index, EQUALS_SIGN))) index += 1;
    if (isId) return exactId(ctx, index, this.minId) ? index + 1 : -1;
    // No stream is as long as what this leaves out, and the log takes safe integers only.
    this.maxLength = Math.min(args.toInt(index), Number.MAX_SAFE_INTEGER);
    if (this.maxLength >= 0) return index + 1;
    const isNumber = !Number.isNaN(this.maxLength);
    reply.errorBytes(isNumber ? ERROR_BYTES.TRIM_MAXLEN_NEGATIVE : ERROR_BYTES.NOT_INTEGER);
    return -1;
  }

  /** Checks the options against each other; false where an error was replied. */
  settle(ctx: CommandContext): boolean {
    const { reply, limits } = ctx;
    if (this.limit !== 0 && !this.isGiven) {
      reply.errorBytes(ERROR_BYTES.TRIM_LIMIT_ALONE);
      return false;
    }
    // Redis logs ~ as = with the limit that there was, and leaves LIMIT where it stands.
    if (ctx.state.isClockStopped) {
      this.limit = 0;
      return true;
    }
    if (this.#isLimitGiven) {
      if (this.isApproximate) return true;
      reply.errorBytes(ERROR_BYTES.TRIM_LIMIT_EXACT);
      return false;
    }
    if (this.isApproximate) {
      const limit = LIMIT_NODES * limits.streamNodeMaxEntries;
      this.limit = limit <= 0 ? LIMIT_DEFAULT : Math.min(limit, LIMIT_MAX);
    }
    return true;
  }
}

/** The stream whose entries `dropsReferences` and `isAcknowledged` are asked about. */
let open: StreamValues | null = null;

function dropsReferences(id: StreamId): boolean {
  open!.dropReferences(id);
  return true;
}

function isAcknowledged(id: StreamId): boolean {
  return !open!.isReferenced(id);
}

/**
 * Whether cutting the open stream is more than an I/O thread should do. O(1): looks at the nodes
 * that come first.
 */
export function isLargeTrim(streams: StreamValues, trim: TrimArguments): boolean {
  const { stream } = streams;
  if (!trim.isGiven || stream.nodeCount <= NODES_HERE_MAX) return false;
  const entries = trim.isApproximate && trim.limit !== 0 ? trim.limit : Number.POSITIVE_INFINITY;
  const most = Math.min(entries, stream.length - Math.max(trim.maxLength, 0));
  // Without the nodes' sizes at hand, the average has to do.
  if (most <= (stream.length / stream.nodeCount) * NODES_HERE_MAX) return false;
  if (trim.maxLength >= 0) return true;
  const { tree } = stream;
  tree.seekFirst();
  for (let i = 0; i < NODES_HERE_MAX; i++) tree.next();
  return tree.at !== 0 && scratch.load(tree.u32, tree.at).compare(trim.minId) < 0;
}

const scratch = new StreamId();

/** Cuts the open stream of `ctx.key`, and tells so. Returns how many entries went. */
export function trimOpen(ctx: CommandContext, streams: StreamValues, trim: TrimArguments): number {
  open = streams;
  if (trim.policy === DROP_REFERENCES) trim.mayDelete = dropsReferences;
  else if (trim.policy === ONLY_ACKNOWLEDGED) trim.mayDelete = isAcknowledged;
  const deleted = trimStream(streams.stream, streams.reader, trim);
  open = null;
  if (deleted !== 0) ctx.state.event(EVENT_STREAM, NAME_XTRIM, ctx.db, ctx.key);
  return deleted;
}

/** Arguments that `logTrim` writes. */
export function logTrimCount(trim: TrimArguments): number {
  return trim.policy === KEEP_REFERENCES ? 3 : 4;
}

/**
 * Writes what was cut off to the log in a form that cuts off the same again, whatever the sizes of
 * nodes are there: approximate limits as what came of them.
 */
export function logTrim(ctx: CommandContext, streams: StreamValues, trim: TrimArguments): void {
  const { effects } = ctx;
  const isId = trim.maxLength < 0;
  if (isId && (!trim.isApproximate || trim.policy === KEEP_REFERENCES)) {
    logBytes(effects, MINID);
    logBytes(effects, EQUALS);
    logId(ctx, trim.isApproximate ? streams.stream.firstId(scratch) : trim.minId);
  } else {
    logBytes(effects, MAXLEN);
    logBytes(effects, EQUALS);
    effects.integer(trim.isApproximate ? streams.stream.length : trim.maxLength);
  }
  if (trim.policy !== KEEP_REFERENCES) logBytes(effects, POLICIES[trim.policy]!);
}
