/**
 * LCS: the longest common subsequence of two strings, by the usual dynamic programming table.
 */

import { asciiBytes } from '../base/bytes.ts';
import { TYPE_STRING } from '../keyspace/entry.ts';
import type { Shard } from '../keyspace/shard.ts';
import type { Ref } from '../memory/arena.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import type { ReplyWriter } from '../resp/reply-writer.ts';
import { missesNeedWorker } from './event-names.ts';
import { type CommandContext, type CommandSpec, DONE, ESCALATE, type RunStatus } from './spec.ts';

const LEN = asciiBytes('LEN');
const IDX = asciiBytes('IDX');
const MINMATCHLEN = asciiBytes('MINMATCHLEN');
const WITHMATCHLEN = asciiBytes('WITHMATCHLEN');
const NO_BYTES = new Uint8Array(0);

/** Options of the command that was parsed last. */
const options = { withLen: false, withIdx: false, withMatchLen: false, minMatchLen: 0 };

/** Reads the options; false when an error was replied. */
function parseOptionsOrReply(ctx: CommandContext): boolean {
  const { args, reply } = ctx;
  options.withLen = false;
  options.withIdx = false;
  options.withMatchLen = false;
  options.minMatchLen = 0;
  for (let i = 3; i < args.count; i++) {
    if (args.equalsIgnoreCase(i, IDX)) {
      options.withIdx = true;
    } else if (args.equalsIgnoreCase(i, LEN)) {
      options.withLen = true;
    } else if (args.equalsIgnoreCase(i, WITHMATCHLEN)) {
      options.withMatchLen = true;
    } else if (args.equalsIgnoreCase(i, MINMATCHLEN) && i + 1 < args.count) {
      i += 1;
      options.minMatchLen = args.toInt(i);
      if (Number.isNaN(options.minMatchLen)) {
        reply.errorBytes(ERROR_BYTES.NOT_INTEGER);
        return false;
      }
    } else {
      reply.errorBytes(ERROR_BYTES.SYNTAX);
      return false;
    }
  }
  if (!options.withLen || !options.withIdx) return true;
  reply.errorBytes(ERROR_BYTES.LCS_LEN_AND_IDX);
  return false;
}

/** The value of a string entry (0: no bytes); borrowed from the arena until it changes. */
function valueView(shard: Shard, ref: Ref): Uint8Array {
  if (ref === 0) return NO_BYTES;
  const at = shard.valueOffset(ref);
  return shard.u8.subarray(at, at + shard.valueLength(ref));
}

/**
 * Lengths of the common subsequences of all prefixes: cell [i * (b.length + 1) + j] is that of a's
 * first i and b's first j bytes. O(a * b) time and memory.
 */
function lengthTable(a: Uint8Array, b: Uint8Array): Uint32Array {
  const width = b.length + 1;
  const table = new Uint32Array((a.length + 1) * width);
  for (let i = 1; i <= a.length; i++) {
    const byte = a[i - 1]!;
    const row = i * width;
    for (let j = 1; j <= b.length; j++) {
      if (byte === b[j - 1]) {
        table[row + j] = table[row - width + j - 1]! + 1;
      } else {
        const above = table[row - width + j]!;
        const left = table[row + j - 1]!;
        table[row + j] = Math.max(above, left);
      }
    }
  }
  return table;
}

/** The common subsequence itself. */
function replySequence(reply: ReplyWriter, a: Uint8Array, b: Uint8Array, table: Uint32Array): void {
  const width = b.length + 1;
  let i = a.length;
  let j = b.length;
  let left = table[i * width + j]!;
  const common = new Uint8Array(left);
  while (i > 0 && j > 0) {
    if (a[i - 1] === b[j - 1]) {
      common[--left] = a[i - 1]!;
      i -= 1;
      j -= 1;
    } else if (table[(i - 1) * width + j]! > table[i * width + j - 1]!) {
      i -= 1;
    } else {
      j -= 1;
    }
  }
  reply.bulk(common, 0, common.length);
}

/** The matching ranges, last first, and the length. */
function replyRanges(reply: ReplyWriter, a: Uint8Array, b: Uint8Array, table: Uint32Array): void {
  const width = b.length + 1;
  let i = a.length;
  let j = b.length;
  /** Length of the run of matches that begins at a[i], b[j]. */
  let run = 0;
  let ranges = 0;
  reply.map(2);
  reply.bulkLatin1('matches');
  const mark = reply.deferArray();
  while (i > 0 && j > 0) {
    const isMatch = a[i - 1] === b[j - 1];
    if (isMatch) {
      run += 1;
      i -= 1;
      j -= 1;
    }
    if (run > 0 && (!isMatch || i === 0 || j === 0)) {
      if (run >= options.minMatchLen) {
        replyRange(reply, i, j, run);
        ranges += 1;
      }
      run = 0;
    }
    if (isMatch) continue;
    if (table[(i - 1) * width + j]! > table[i * width + j - 1]!) i -= 1;
    else j -= 1;
  }
  reply.finishArray(mark, ranges);
  reply.bulkLatin1('len');
  reply.integer(table[table.length - 1]!);
}

function replyRange(reply: ReplyWriter, aStart: number, bStart: number, length: number): void {
  reply.array(options.withMatchLen ? 3 : 2);
  reply.array(2);
  reply.integer(aStart);
  reply.integer(aStart + length - 1);
  reply.array(2);
  reply.integer(bStart);
  reply.integer(bStart + length - 1);
  if (options.withMatchLen) reply.integer(length);
}

function cmdLcs(ctx: CommandContext): RunStatus {
  const { reply } = ctx;
  if (missesNeedWorker(ctx)) return ESCALATE;
  const shardA = ctx.at(1);
  const refA = shardA.findRead(ctx.db, ctx.key);
  const shardB = ctx.at2(2);
  const refB = shardB.findRead(ctx.db, ctx.key2);
  const isA = refA === 0 || shardA.typeOf(refA) === TYPE_STRING;
  const isB = refB === 0 || shardB.typeOf(refB) === TYPE_STRING;
  if (!isA || !isB) {
    reply.errorBytes(ERROR_BYTES.LCS_NOT_STRINGS);
    return DONE;
  }
  if (!parseOptionsOrReply(ctx)) return DONE;
  const a = valueView(shardA, refA);
  const b = valueView(shardB, refB);
  const cells = (a.length + 1) * (b.length + 1);
  if (cells * 4 > ctx.limits.protoMaxBulkLength) {
    reply.errorBytes(ERROR_BYTES.LCS_OUT_OF_MEMORY);
    return DONE;
  }
  if (!ctx.mayRun(cells >>> 2)) return ESCALATE;
  const table = lengthTable(a, b);
  if (options.withIdx) replyRanges(reply, a, b, table);
  else if (options.withLen) reply.integer(table[table.length - 1]!);
  else replySequence(reply, a, b, table);
  return DONE;
}

export const STRING_LCS_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'lcs',
    summary: 'Finds the longest common subsequence of two strings.',
    since: '7.0.0',
    group: 'string',
    arity: -3,
    flags: ['readonly'],
    acl: ['string'],
    keys: [
      {
        flags: ['RO', 'ACCESS'],
        begin: 1,
        find: { kind: 'range', last: 1, step: 1, limit: 0 },
      },
    ],
    syntax: 'key1:key key2:key [LEN] [IDX] [MINMATCHLEN min-match-len:integer] [WITHMATCHLEN]',
    place: 'shard',
    shards: 'keys',
    run: cmdLcs,
  },
];
