/**
 * BITOP: bitwise operations between strings. Missing keys are empty strings, short ones end in
 * zeros. All work is done in 32-bit words.
 */

import { asciiBytes, copyBytes } from '../base/bytes.ts';
import { ENCODING_RAW, TYPE_STRING } from '../keyspace/entry.ts';
import { EVENT_STRING } from '../keyspace/events.ts';
import { NO_TTL } from '../keyspace/shard.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import { missesNeedWorker, NAME_SET, tellDeleted, tellStored } from './event-names.ts';
import { logDelete, logSetBytes } from './log-effects.ts';
import { type CommandContext, type CommandSpec, DONE, ESCALATE, type RunStatus } from './spec.ts';
import { isStringOrReply, replyFull } from './string-value.ts';

const OP_AND = 0;
const OP_OR = 1;
const OP_XOR = 2;
const OP_NOT = 3;
/** Bits of the first source that are in none of the others. */
const OP_DIFF = 4;
/** Bits of the others that are not in the first source. */
const OP_DIFF1 = 5;
/** Bits of the first source that are in at least one of the others. */
const OP_ANDOR = 6;
/** Bits that are in exactly one source. */
const OP_ONE = 7;

/** Redis 7.0 does not know those from here on: their results go to the log. */
const OP_NEW = OP_DIFF;

/** By the numbers above. */
const OP_NAMES = ['AND', 'OR', 'XOR', 'NOT', 'DIFF', 'DIFF1', 'ANDOR', 'ONE'].map(asciiBytes);

/** What happens to a word of the result with a word of a source. */
const STEP_NONE = -1;
const STEP_AND = OP_AND;
const STEP_OR = OP_OR;
const STEP_XOR = OP_XOR;
/** ~source */
const STEP_NOT = 3;
/** source & ~result */
const STEP_DIFF = 4;
/** result & ~source */
const STEP_DIFF1 = 5;

/** By operation: its last step, with the first source, after all others were combined by OR. */
const LAST_STEPS: readonly number[] = [
  STEP_NONE,
  STEP_NONE,
  STEP_NONE,
  STEP_NOT,
  STEP_DIFF,
  STEP_DIFF1,
  STEP_AND,
  STEP_NONE,
];

const FIRST_SOURCE = 3;
const SCRATCH_BYTES_MIN = 4096;
const SCRATCH_BYTES_KEPT = 1024 * 1024;

/** Bytes that are words at the same time; they grow, and shrink after a huge command. */
class Scratch {
  bytes: Uint8Array = new Uint8Array(SCRATCH_BYTES_MIN);
  words: Uint32Array = new Uint32Array(this.bytes.buffer);

  /** Makes room for `length` bytes; what was there is lost. */
  reserve(length: number): void {
    if (length > this.bytes.length) this.#allocate((length + 3) & ~3);
  }

  trim(): void {
    if (this.bytes.length > SCRATCH_BYTES_KEPT) this.#allocate(SCRATCH_BYTES_MIN);
  }

  #allocate(length: number): void {
    this.bytes = new Uint8Array(length);
    this.words = new Uint32Array(this.bytes.buffer);
  }
}

const result = new Scratch();
/** For ONE: the bits that more than one source has. */
const twice = new Scratch();
/** A source that does not begin at a word of the arena: a value that lies inside its entry. */
const unaligned = new Scratch();

/** The source that `locateSource` found last; borrowed until the arena changes. */
const source = { words: result.words, base: 0, length: 0 };

function opOf(ctx: CommandContext): number {
  return OP_NAMES.findIndex((name) => ctx.args.equalsIgnoreCase(1, name));
}

/** Whether there are as many sources as the operation needs; replies the error if not. */
function isCountOrReply(ctx: CommandContext, op: number): boolean {
  const sources = ctx.args.count - FIRST_SOURCE;
  if (op === OP_NOT && sources !== 1) ctx.reply.errorBytes(ERROR_BYTES.BITOP_NOT_ONE_KEY);
  else if (op === OP_DIFF && sources < 2) ctx.reply.errorBytes(ERROR_BYTES.BITOP_DIFF_KEYS);
  else if (op === OP_DIFF1 && sources < 2) ctx.reply.errorBytes(ERROR_BYTES.BITOP_DIFF1_KEYS);
  else if (op === OP_ANDOR && sources < 2) ctx.reply.errorBytes(ERROR_BYTES.BITOP_ANDOR_KEYS);
  else return true;
  return false;
}

/** Length of the longest source; NaN, and the error was replied, when one is no string. */
function longestOrReply(ctx: CommandContext): number {
  let longest = 0;
  for (let i = FIRST_SOURCE; i < ctx.args.count; i++) {
    const shard = ctx.at(i);
    const ref = shard.findRead(ctx.db, ctx.key);
    if (!isStringOrReply(ctx, shard, ref)) return Number.NaN;
    if (ref !== 0) longest = Math.max(longest, shard.valueLength(ref));
  }
  return longest;
}

/** Points `source` at the value of argument `index` as words; a missing key has no bytes. */
function locateSource(ctx: CommandContext, index: number): void {
  const shard = ctx.at(index);
  const ref = shard.find(ctx.db, ctx.key);
  const at = ref === 0 ? 0 : shard.valueOffset(ref);
  source.length = ref === 0 ? 0 : shard.valueLength(ref);
  source.words = shard.u32;
  source.base = at >>> 2;
  if ((at & 3) === 0) return;
  unaligned.reserve(source.length);
  copyBytes(unaligned.bytes, 0, shard.u8, at, at + source.length);
  source.words = unaligned.words;
  source.base = 0;
}

function stepWord(step: number, before: number, word: number): number {
  if (step === STEP_AND) return before & word;
  if (step === STEP_OR) return before | word;
  if (step === STEP_XOR) return before ^ word;
  if (step === STEP_NOT) return ~word;
  return step === STEP_DIFF ? word & ~before : before & ~word;
}

/** The bits of a source's last word that belong to it, where its length is no multiple of 4. */
function tailMask(length: number): number {
  return 0xffffffff >>> (32 - (length & 3) * 8);
}

/** Combines the result with `source`, word by word; behind the source's end there are zeros. */
function combine(step: number, wordCount: number): void {
  const into = result.words;
  const { words, base, length } = source;
  const full = length >>> 2;
  for (let i = 0; i < full; i++) into[i] = stepWord(step, into[i]!, words[base + i]!);
  let i = full;
  if ((length & 3) !== 0) {
    into[i] = stepWord(step, into[i]!, words[base + i]! & tailMask(length));
    i += 1;
  }
  for (; i < wordCount; i++) into[i] = stepWord(step, into[i]!, 0);
}

/** Notes the bits of `source` for ONE: those seen at all, and those seen more than once. */
function combineOnce(): void {
  const seen = result.words;
  const more = twice.words;
  const { words, base, length } = source;
  const full = length >>> 2;
  const wordCount = (length + 3) >>> 2;
  for (let i = 0; i < wordCount; i++) {
    const word = i < full ? words[base + i]! : words[base + i]! & tailMask(length);
    more[i] = more[i]! | (seen[i]! & word);
    seen[i] = seen[i]! | word;
  }
}

/** Computes the operation over all sources into `result`; `total` is the length of the longest. */
function opCombine(ctx: CommandContext, op: number, total: number): void {
  const wordCount = (total + 3) >>> 2;
  const lastStep = LAST_STEPS[op]!;
  const step = op === OP_AND || op === OP_XOR ? op : STEP_OR;
  result.reserve(total);
  result.words.fill(op === OP_AND ? 0xffffffff : 0, 0, wordCount);
  if (op === OP_ONE) {
    twice.reserve(total);
    twice.words.fill(0, 0, wordCount);
  }
  const first = lastStep === STEP_NONE ? FIRST_SOURCE : FIRST_SOURCE + 1;
  for (let i = first; i < ctx.args.count; i++) {
    locateSource(ctx, i);
    if (op === OP_ONE) combineOnce();
    else combine(step, wordCount);
  }
  if (lastStep !== STEP_NONE) {
    locateSource(ctx, FIRST_SOURCE);
    combine(lastStep, wordCount);
  } else if (op === OP_ONE) {
    const into = result.words;
    const more = twice.words;
    for (let i = 0; i < wordCount; i++) into[i] = into[i]! & ~more[i]!;
  }
}

function cmdBitop(ctx: CommandContext): RunStatus {
  const { reply, db } = ctx;
  const op = opOf(ctx);
  if (op < 0) {
    reply.errorBytes(ERROR_BYTES.SYNTAX);
    return DONE;
  }
  if (!isCountOrReply(ctx, op)) return DONE;
  if (missesNeedWorker(ctx)) return ESCALATE;
  const total = longestOrReply(ctx);
  if (Number.isNaN(total)) return DONE;
  if (total === 0) {
    if (ctx.at(2).delete(db, ctx.key)) {
      if (op >= OP_NEW) logDelete(ctx, 2);
      tellDeleted(ctx, ctx.key);
    }
    reply.integer(0);
    return DONE;
  }
  if (!ctx.mayRun((total * (ctx.args.count - FIRST_SOURCE)) >>> 4)) return ESCALATE;
  opCombine(ctx, op, total);
  const shard = ctx.at(2);
  const ref = shard.createString(db, ctx.key, total, ENCODING_RAW, NO_TTL);
  if (ref === 0) {
    replyFull(ctx);
  } else {
    copyBytes(shard.u8, shard.valueOffset(ref), result.bytes, 0, total);
    if (op >= OP_NEW) logSetBytes(ctx, 2, result.bytes, 0, total);
    reply.integer(total);
    tellStored(ctx, shard, ctx.key, TYPE_STRING, EVENT_STRING, NAME_SET);
  }
  result.trim();
  twice.trim();
  return DONE;
}

export const BITMAP_OP_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'bitop',
    summary: 'Stores the result of a bitwise operation between strings.',
    since: '2.6.0',
    group: 'bitmap',
    arity: -4,
    flags: ['write', 'denyoom'],
    acl: ['bitmap'],
    keys: [
      {
        flags: ['OW', 'UPDATE'],
        begin: 2,
        find: { kind: 'range', last: 0, step: 1, limit: 0 },
      },
      {
        flags: ['RO', 'ACCESS'],
        begin: 3,
        find: { kind: 'range', last: -1, step: 1, limit: 0 },
      },
    ],
    syntax: '<AND | OR | XOR | NOT | DIFF | DIFF1 | ANDOR | ONE> destkey:key key [key ...]',
    place: 'shard',
    shards: 'keys',
    run: cmdBitop,
  },
];
