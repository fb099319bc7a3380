/**
 * DEBUG sub-commands that look at data or make it. They see logically expired keys too, as Redis's
 * do.
 */
import { asciiBytes, copyBytes } from '../base/bytes.ts';
import { globMatch } from '../base/glob.ts';
import { decimalDigits, formatInteger, parseFloat64 } from '../base/number-text.ts';
import { DIGEST_BYTES, keyspaceDigest, mixEntry } from '../keyspace/digest.ts';
import {
  EMBSTR_LENGTH_MAX,
  ENCODING_EMBSTR,
  ENCODING_INT,
  ENCODING_QUICKLIST,
  ENCODING_RAW,
  TYPE_STRING,
} from '../keyspace/entry.ts';
import { serializedLength } from '../keyspace/serialized-length.ts';
import { NO_TTL, type Shard } from '../keyspace/shard.ts';
import { idleSeconds } from '../keyspace/thread-state.ts';
import { tableOf } from '../keyspace/value-table.ts';
import type { Ref } from '../memory/arena.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import { replyFull } from './collection.ts';
import { encodingName } from './generic-object.ts';
import { type CommandContext, DONE, type RunStatus } from './spec.ts';

const FAST = asciiBytes('FAST');
const KEY = asciiBytes('key');
const VALUE = asciiBytes('value:');
const SET = asciiBytes('SET');
const COLON = 0x3a;
const SAFE_DIGITS_MAX = 16;
const SLEEP_MS_MAX = 2 ** 31 - 1;

/** The entry of argument `index`, expired or not; 0 when there is none. */
function lookup(ctx: CommandContext, index: number): Ref {
  const shard = ctx.at(index);
  const { buf, start, end, lo, hi } = ctx.key;
  return shard.dict(ctx.db).find(buf, start, end, lo, hi);
}

function hex(digest: Uint8Array): string {
  return Buffer.from(digest).toString('hex');
}

/**
 * Holds nothing, so that every client of the data goes on meanwhile; only this connection waits.
 */
export function cmdSleep(ctx: CommandContext): RunStatus {
  const { buf, offset } = ctx.args;
  const seconds = parseFloat64(buf, offset[2]!, ctx.args.end(2));
  if (seconds > 0) ctx.sleep(Math.min(seconds * 1000, SLEEP_MS_MAX));
  ctx.reply.ok();
  return DONE;
}

export function cmdDigest(ctx: CommandContext): RunStatus {
  ctx.reply.simple(hex(keyspaceDigest(ctx.shards, ctx.limits.databases)));
  return DONE;
}

export function cmdDigestValue(ctx: CommandContext): RunStatus {
  const { args, reply } = ctx;
  reply.array(args.count - 2);
  for (let i = 2; i < args.count; i++) {
    const digest = new Uint8Array(DIGEST_BYTES);
    const ref = lookup(ctx, i);
    if (ref !== 0) mixEntry(digest, ctx.at(i), ref);
    reply.simple(hex(digest));
  }
  return DONE;
}

export function cmdObject(ctx: CommandContext): RunStatus {
  const { args, reply } = ctx;
  const ref = lookup(ctx, 2);
  if (ref === 0) {
    reply.errorBytes(ERROR_BYTES.NO_SUCH_KEY);
    return DONE;
  }
  const shard = ctx.at(2);
  const isFast = args.count > 3 && args.equalsIgnoreCase(3, FAST);
  let line = `Value at:0x${(ref * 8).toString(16).padStart(12, '0')} refcount:1`;
  line += ` encoding:${encodingName(shard, ref)}`;
  if (!isFast) line += ` serializedlength:${serializedLength(shard, ref)}`;
  const word = shard.accessWord(ref);
  line += ` lru:${word} lru_seconds_idle:${idleSeconds(word, shard.state)}`;
  if (shard.encodingOf(ref) === ENCODING_QUICKLIST) line += quicklistText(ctx, shard, ref);
  reply.simple(line);
  return DONE;
}

/** What a quicklist consists of. No node is compressed, whatever list-compress-depth says. */
function quicklistText({ limits }: CommandContext, shard: Shard, ref: Ref): string {
  const nodes = shard.lists.nodeCount(ref);
  const average = (shard.lists.size(ref) / nodes).toFixed(2);
  return (
    ` ql_nodes:${nodes} ql_avg_node:${average} ql_listpack_max:${limits.listMaxListpackSize}` +
    ` ql_compressed:${limits.listCompressDepth === 0 ? 0 : 1}` +
    ` ql_uncompressed_size:${shard.lists.memoryBytes(shard.rootOf(ref))}`
  );
}

/** The names are those of Redis's strings; a block's spare room is reported as the value's. */
export function cmdSdsLen(ctx: CommandContext): RunStatus {
  const { reply } = ctx;
  const ref = lookup(ctx, 2);
  if (ref === 0) {
    reply.errorBytes(ERROR_BYTES.NO_SUCH_KEY);
    return DONE;
  }
  const shard = ctx.at(2);
  if (shard.typeOf(ref) !== TYPE_STRING || shard.encodingOf(ref) === ENCODING_INT) {
    reply.errorBytes(ERROR_BYTES.NOT_SDS);
    return DONE;
  }
  const key = shard.keyLength(ref);
  const value = shard.valueLength(ref);
  const block = shard.entryBytes(ref);
  reply.simple(
    `key_sds_len:${key}, key_sds_avail:0, key_zmalloc: ${key}, ` +
      `val_sds_len:${value}, val_sds_avail:${block - key - value}, val_zmalloc: ${block - key}`,
  );
  return DONE;
}

/** For sub-commands that print a value of one encoding: checks that it is, and prints nothing. */
export function cmdOfEncoding(
  encodings: readonly number[],
  error: Uint8Array,
): (ctx: CommandContext) => RunStatus {
  return (ctx) => {
    const ref = lookup(ctx, 2);
    if (ref === 0) ctx.reply.errorBytes(ERROR_BYTES.NO_SUCH_KEY);
    else if (!encodings.includes(ctx.at(2).encodingOf(ref))) ctx.reply.errorBytes(error);
    else ctx.reply.ok();
    return DONE;
  };
}

/**
 * POPULATE count [prefix [size]]: keys `prefix:0` on with values `value:0` on, cut or zero-filled
 * to size.
 */
export function cmdPopulate(ctx: CommandContext): RunStatus {
  const { args, reply } = ctx;
  const count = args.toInt(2);
  const size = args.count > 4 ? args.toInt(4) : 0;
  if (!(count >= 0 && count <= Number.MAX_SAFE_INTEGER && size >= 0)) {
    reply.errorBytes(ERROR_BYTES.NOT_POSITIVE);
    return DONE;
  }
  if (size > ctx.limits.protoMaxBulkLength) {
    reply.errorBytes(ERROR_BYTES.STRING_TOO_LONG);
    return DONE;
  }
  const prefix = args.count > 3 ? args.length[3]! : KEY.length;
  const key = new Uint8Array(prefix + 1 + SAFE_DIGITS_MAX);
  if (args.count > 3) copyBytes(key, 0, args.buf, args.offset[3]!, args.end(3));
  else copyBytes(key, 0, KEY, 0, prefix);
  key[prefix] = COLON;
  for (let n = 0; n < count; n++) {
    const end = prefix + 1 + formatInteger(n, key, prefix + 1);
    if (populateOne(ctx, key, end, n, size)) continue;
    replyFull(ctx);
    return DONE;
  }
  reply.ok();
  return DONE;
}

const valueText = new Uint8Array(VALUE.length + SAFE_DIGITS_MAX);
copyBytes(valueText, 0, VALUE, 0, VALUE.length);

/** Makes key[0, end) unless it is there. False when the arena is full. */
function populateOne(
  ctx: CommandContext,
  key: Uint8Array,
  end: number,
  n: number,
  size: number,
): boolean {
  const { db, effects } = ctx;
  const shard = ctx.locate(key, 0, end);
  if (shard.find(db, ctx.key2) !== 0) return true;
  const textLength = VALUE.length + decimalDigits(n);
  const length = size === 0 ? textLength : size;
  const encoding = length <= EMBSTR_LENGTH_MAX ? ENCODING_EMBSTR : ENCODING_RAW;
  const ref = shard.createString(db, ctx.key2, length, encoding, NO_TTL);
  if (ref === 0) return false;
  formatInteger(n, valueText, VALUE.length);
  const at = shard.valueOffset(ref);
  const copied = Math.min(length, textLength);
  copyBytes(shard.u8, at, valueText, 0, copied);
  shard.u8.fill(0, at + copied, at + length);
  if (!effects.isOn) return true;
  effects.command(db, SET, 3);
  effects.bytes(key, 0, end);
  effects.bytes(shard.u8, at, at + length);
  return true;
}

/**
 * Sums over all shards, from header words that any thread may read. The table holds 12 items a
 * bucket.
 */
export function cmdHtStats(ctx: CommandContext): RunStatus {
  const { args, reply } = ctx;
  const db = args.toInt(2);
  if (Number.isNaN(db)) {
    reply.errorBytes(ERROR_BYTES.NOT_INTEGER);
    return DONE;
  }
  if (db < 0 || db >= ctx.limits.databases) {
    reply.errorBytes(ERROR_BYTES.DATABASE_OUT_OF_RANGE);
    return DONE;
  }
  let slots = 0;
  let size = 0;
  let expires = 0;
  for (const shard of ctx.shards) {
    slots += shard.dict(db).slotCount;
    size += shard.size(db);
    expires += shard.expires(db);
  }
  const text =
    `[Dictionary HT]\n${tableText(slots, size)}` +
    // Times of expiry stand in the entries; there is no second table to report.
    `[Expires HT]\n${tableText(expires, expires)}`;
  reply.verbatim(text, 'txt');
  return DONE;
}

/** The table of a set, a hash or a sorted set that is large enough to have one. */
export function cmdHtStatsKey(ctx: CommandContext): RunStatus {
  const { reply } = ctx;
  const ref = lookup(ctx, 2);
  if (ref === 0) {
    reply.errorBytes(ERROR_BYTES.NO_SUCH_KEY);
    return DONE;
  }
  const table = tableOf(ctx.at(2), ref);
  if (table === null) reply.errorBytes(ERROR_BYTES.NOT_HASH_TABLE);
  else reply.verbatim(tableText(table.slotCount, table.size), 'txt');
  return DONE;
}

function tableText(slots: number, size: number): string {
  const head = 'Hash table 0 stats (main hash table):\n';
  if (size === 0) return `${head}No stats available for empty dictionaries\n`;
  return `${head} table size: ${slots}\n number of elements: ${size}\n`;
}

/** STRINGMATCH-LEN pattern string: 1 when the glob pattern matches. */
export function cmdStringMatch(ctx: CommandContext): RunStatus {
  const { args } = ctx;
  const { buf, offset } = args;
  const matches = globMatch(buf, offset[2]!, args.end(2), buf, offset[3]!, args.end(3), false);
  ctx.reply.integer(matches ? 1 : 0);
  return DONE;
}
