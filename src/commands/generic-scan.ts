/** Commands that walk the keyspace: KEYS, SCAN, RANDOMKEY. */
import { asciiBytes } from '../base/bytes.ts';
import { globMatch } from '../base/glob.ts';
import { TYPE_NAMES } from '../keyspace/entry.ts';
import { Key } from '../keyspace/key.ts';
import type { Shard } from '../keyspace/shard.ts';
import type { Ref } from '../memory/arena.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import { ReplyWriter } from '../resp/reply-writer.ts';
import type { ArgView } from '../resp/request-parser.ts';
import { bucketCursorOf, parseScanCursor, scanCursor } from './scan-cursor.ts';
import { type CommandContext, type CommandSpec, DONE, ESCALATE, type RunStatus } from './spec.ts';

const MATCH = asciiBytes('MATCH');
const COUNT = asciiBytes('COUNT');
const TYPE = asciiBytes('TYPE');
const NOVALUES = asciiBytes('NOVALUES');
const TYPE_TOKENS = TYPE_NAMES.map((name) => asciiBytes(name.toUpperCase()));
const STAR = 0x2a;

const COUNT_DEFAULT = 10;
/**
 * Empty buckets a SCAN looks at for each item asked for, so that a sparse table does not hold a
 * call up.
 */
const BUCKETS_PER_COUNT = 10;
/** Collected refs above this are given back to the heap after the call. */
const REFS_KEPT_MAX = 65_536;
/** Draws of RANDOMKEY before it looks for any live key in order. */
const DRAWS_MAX = 100;

/** No filter by type, and a type that no key has. */
const TYPE_ANY = -1;
const TYPE_UNKNOWN = 15;

/**
 * What the buckets of one walk are filtered by, and what was found. One object, reused for every
 * call.
 */
class KeyWalk {
  #shard: Shard | null = null;
  #buf: Uint8Array = new Uint8Array(0);
  #patternStart = 0;
  #patternEnd = 0;
  #hasPattern = false;
  type = TYPE_ANY;
  /** Items and buckets that SCAN may still look at, whether the items match or not. */
  left = 0;
  bucketsLeft = 0;
  found: Ref[] = [];
  expired: Ref[] = [];

  reset(): void {
    this.#hasPattern = false;
    this.type = TYPE_ANY;
    this.enter(null);
  }

  /** Starts collecting in `shard`. */
  enter(shard: Shard | null): void {
    this.#shard = shard;
    if (this.found.length > REFS_KEPT_MAX) this.found = [];
    this.found.length = 0;
    this.expired.length = 0;
  }

  /** Filters by argument `index`; the pattern `*` alone filters nothing, not even the empty key. */
  setPattern(args: ArgView, index: number): void {
    this.#buf = args.buf;
    this.#patternStart = args.offset[index]!;
    this.#patternEnd = args.end(index);
    const isStar = args.length[index] === 1 && args.buf[this.#patternStart] === STAR;
    this.#hasPattern = !isStar;
  }

  readonly visit = (ref: Ref): void => {
    this.left -= 1;
    const shard = this.#shard!;
    if (this.#hasPattern) {
      const at = shard.keyOffset(ref);
      const end = at + shard.keyLength(ref);
      const { u8 } = shard;
      if (!globMatch(this.#buf, this.#patternStart, this.#patternEnd, u8, at, end, false)) return;
    }
    if (shard.isExpired(ref)) this.expired.push(ref);
    else if (this.type === TYPE_ANY || shard.typeOf(ref) === this.type) this.found.push(ref);
  };
}

const walk = new KeyWalk();
const scratchKey = new Key();

function replyKey(reply: ReplyWriter, shard: Shard, ref: Ref): void {
  const at = shard.keyOffset(ref);
  reply.bulk(shard.u8, at, at + shard.keyLength(ref));
}

/**
 * A shard does not change while it is visited, so its table needs no pause of a resize: every key
 * belongs to exactly one unit. Expired keys are left to the expire cycle, because a visit holds
 * the shard for reading.
 */
function cmdKeys(ctx: CommandContext): RunStatus {
  walk.reset();
  walk.setPattern(ctx.args, 1);
  const mark = ctx.reply.deferArray();
  let count = 0;
  ctx.visitShards((shard) => {
    const dict = shard.dict(ctx.db);
    for (let unit = 0; unit < dict.unitCount; unit++) {
      walk.enter(shard);
      dict.visitUnit(unit, walk.visit);
      for (let i = 0; i < walk.found.length; i++) replyKey(ctx.reply, shard, walk.found[i]!);
      count += walk.found.length;
    }
    return true;
  });
  ctx.reply.finishArray(mark, count);
  return DONE;
}

/** Reads SCAN's options into `walk`. Returns COUNT, or 0 when an error was replied. */
function scanOptions(ctx: CommandContext): number {
  const { args, reply } = ctx;
  let count = COUNT_DEFAULT;
  walk.reset();
  for (let i = 2; i < args.count; i += 2) {
    const hasValue = i + 1 < args.count;
    if (hasValue && args.equalsIgnoreCase(i, COUNT)) {
      count = args.toInt(i + 1);
      if (Number.isNaN(count)) {
        reply.errorBytes(ERROR_BYTES.NOT_INTEGER);
        return 0;
      }
      if (count < 1) {
        reply.errorBytes(ERROR_BYTES.SYNTAX);
        return 0;
      }
    } else if (hasValue && args.equalsIgnoreCase(i, MATCH)) {
      walk.setPattern(args, i + 1);
    } else if (hasValue && args.equalsIgnoreCase(i, TYPE)) {
      walk.type = typeNamed(args, i + 1);
    } else {
      if (args.equalsIgnoreCase(i, NOVALUES)) reply.errorBytes(ERROR_BYTES.NOVALUES_ONLY_HSCAN);
      else reply.errorBytes(ERROR_BYTES.SYNTAX);
      return 0;
    }
  }
  return count;
}

/**
 * Type number of a name in any case. Redis scans to the end for a name that is none, and finds
 * nothing.
 */
function typeNamed(args: ArgView, index: number): number {
  for (let type = 0; type < TYPE_TOKENS.length; type++) {
    if (args.equalsIgnoreCase(index, TYPE_TOKENS[type]!)) return type;
  }
  return TYPE_UNKNOWN;
}

/** The keys that a SCAN has found so far. */
const found = new ReplyWriter();

/**
 * Goes on from shard to shard until COUNT items were looked at: a small keyspace is scanned in one
 * call, as clients are used to.
 */
function cmdScan(ctx: CommandContext): RunStatus {
  const { reply, shards, db } = ctx;
  const cursor = parseScanCursor(ctx.args, 1);
  if (Number.isNaN(cursor)) {
    reply.errorBytes(ERROR_BYTES.INVALID_CURSOR);
    return DONE;
  }
  const count = scanOptions(ctx);
  if (count === 0) return DONE;
  if (!ctx.mayRun(count)) return ESCALATE;
  const shardCount = shards.length;
  const shardIndex = cursor % shardCount;
  let bucketCursor = bucketCursorOf(cursor, shardCount);
  let keys = 0;
  let next = 0;
  walk.left = count;
  walk.bucketsLeft = count * BUCKETS_PER_COUNT;
  found.clear();
  ctx.visitShards((shard) => {
    bucketCursor = scanShard(shard, db, bucketCursor);
    for (const ref of walk.found) replyKey(found, shard, ref);
    keys += walk.found.length;
    if (bucketCursor !== 0) next = scanCursor(bucketCursor, shard.index, shardCount);
    else if (walk.left > 0 && walk.bucketsLeft > 0) return true;
    else next = cursorAfter(shards, shard.index, db);
    return false;
  }, shardIndex);
  walk.enter(null);
  reply.array(2);
  reply.bulkLatin1(String(next));
  reply.array(keys);
  reply.rawRange(found.buf, 0, found.length);
  found.clear();
  return DONE;
}

/**
 * Collects items of a shard in `walk`, as many as are left to be looked at, and frees the expired
 * ones. Returns the next bucket cursor.
 */
function scanShard(shard: Shard, db: number, from: number): number {
  const dict = shard.dict(db);
  let bucketCursor = from;
  walk.enter(shard);
  do {
    bucketCursor = dict.scan(bucketCursor, walk.visit);
    walk.bucketsLeft -= 1;
  } while (bucketCursor !== 0 && walk.bucketsLeft > 0 && walk.left > 0);
  if (!shard.state.isReadOnly && !shard.state.keepsExpired) {
    for (let i = 0; i < walk.expired.length; i++)
      shard.deleteEntry(db, walk.expired[i]!, scratchKey);
  }
  return bucketCursor;
}

/**
 * The cursor of the next shard that has keys, or 0. A key that is there during the whole scan
 * keeps its shard from being passed over, and small keyspaces do not cost a call for every empty
 * shard.
 */
function cursorAfter(shards: readonly Shard[], shardIndex: number, db: number): number {
  for (let i = shardIndex + 1; i < shards.length; i++) {
    if (shards[i]!.size(db) !== 0) return scanCursor(0, i, shards.length);
  }
  return 0;
}

function randomBelow(limit: number): number {
  return Math.floor(Math.random() * limit);
}

/** A shard drawn with a chance in proportion to its keys; null when there are none. */
function drawShard(shards: readonly Shard[], db: number): Shard | null {
  let total = 0;
  for (const shard of shards) total += shard.size(db);
  let at = randomBelow(total);
  for (const shard of shards) {
    if (at < shard.size(db)) return shard;
    at -= shard.size(db);
  }
  return null;
}

/** Expired keys met are freed; where too many are met, the first live key in table order does. */
function cmdRandomKey(ctx: CommandContext): RunStatus {
  for (let draws = 0; draws < DRAWS_MAX; draws++) {
    const shard = drawShard(ctx.shards, ctx.db);
    if (shard === null) break;
    const ref = shard.dict(ctx.db).randomItem(randomBelow);
    if (!shard.isExpired(ref)) {
      replyKey(ctx.reply, shard, ref);
      return DONE;
    }
    if (!ctx.state.isReadOnly && !ctx.state.keepsExpired)
      shard.deleteEntry(ctx.db, ref, scratchKey);
  }
  for (const shard of ctx.shards) {
    const ref = firstLive(shard, ctx.db);
    if (ref === 0) continue;
    replyKey(ctx.reply, shard, ref);
    return DONE;
  }
  ctx.reply.null();
  return DONE;
}

/** Any live entry of a shard, or 0. O(expired keys before it). */
function firstLive(shard: Shard, db: number): Ref {
  const dict = shard.dict(db);
  let live = 0;
  for (let unit = 0; unit < dict.unitCount && live === 0; unit++) {
    dict.visitUnit(unit, (ref) => {
      if (!shard.isExpired(ref)) live = ref;
    });
  }
  return live;
}

export const SCAN_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'keys',
    summary: 'Returns all key names that match a glob pattern.',
    since: '1.0.0',
    group: 'generic',
    arity: 2,
    flags: ['readonly'],
    acl: ['keyspace', 'dangerous'],
    keys: [],
    syntax: 'pattern:pattern',
    place: 'shard',
    shards: 'each',
    run: cmdKeys,
  },
  {
    name: 'scan',
    summary: 'Iterates over the key names of the database, some at a time.',
    since: '2.8.0',
    group: 'generic',
    arity: -2,
    flags: ['readonly'],
    acl: ['keyspace'],
    keys: [],
    syntax: 'cursor:integer [MATCH pattern:pattern] [COUNT count:integer] [TYPE type:string]',
    place: 'shard',
    shards: 'cursor',
    run: cmdScan,
  },
  {
    name: 'randomkey',
    summary: 'Returns a key name drawn at random.',
    since: '1.0.0',
    group: 'generic',
    arity: 1,
    flags: ['readonly'],
    acl: ['keyspace'],
    keys: [],
    syntax: '',
    place: 'shard',
    shards: 'all',
    run: cmdRandomKey,
  },
];
