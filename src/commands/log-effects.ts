/**
 * What handlers write to the log where that is not the command as it was sent: absolute times,
 * results instead of choices, commands that Redis 7.0 knows. Everything here does nothing where
 * nobody records.
 *
 * A handler says it after the change, so that keys which expired on the way are gone from the log
 * before, and the arguments of one effect one right after the other.
 */
import { asciiBytes } from '../base/bytes.ts';
import { formatDouble } from '../base/number-text.ts';
import type { Effects } from '../durability/effects.ts';
import { KEEP_TTL, NO_TTL } from '../keyspace/shard.ts';
import type { CommandContext } from './spec.ts';

const DEL = asciiBytes('DEL');
const SET = asciiBytes('SET');
const PXAT = asciiBytes('PXAT');
const KEEPTTL = asciiBytes('KEEPTTL');
const FIELDS = asciiBytes('FIELDS');
const HDEL = asciiBytes('HDEL');
const HPERSIST = asciiBytes('HPERSIST');
const HPEXPIREAT = asciiBytes('HPEXPIREAT');
const PEXPIREAT = asciiBytes('PEXPIREAT');
const PERSIST = asciiBytes('PERSIST');
/** Elements in one command of a large result. */
export const LOG_BATCH = 64;

/** A time in ms, which may be beyond 2^53. */
export function logTime(effects: Effects, ms: number): void {
  effects.integer(Number.isSafeInteger(ms) ? ms : BigInt(ms));
}

/** All of a word. */
export function logBytes(effects: Effects, bytes: Uint8Array): void {
  effects.bytes(bytes, 0, bytes.length);
}

/** A score in the shortest text that reads as the same double. */
export function logScore(effects: Effects, score: number): void {
  if (Number.isSafeInteger(score) && !Object.is(score, -0)) effects.integer(score);
  else effects.text(formatDouble(score));
}

/** Argument `index` as it was sent. */
export function logArgument(ctx: CommandContext, index: number): void {
  ctx.effects.bytes(ctx.args.buf, ctx.args.offset[index]!, ctx.args.end(index));
}

/** `name` with the arguments from 1 on, below `end`. */
export function logPrefix(ctx: CommandContext, name: Uint8Array, end: number): void {
  const { effects, db } = ctx;
  if (!effects.isOn) return;
  effects.command(db, name, end);
  for (let i = 1; i < end; i++) logArgument(ctx, i);
}

/** The key of argument `index` is deleted. */
export function logDelete(ctx: CommandContext, index: number): void {
  const { effects, db } = ctx;
  if (!effects.isOn) return;
  effects.command(db, DEL, 2);
  logArgument(ctx, index);
}

/** Begins a SET of the key of argument `index`; value and `logSetEnd` follow. */
function logSetBegin(ctx: CommandContext, index: number, expireMs: number): void {
  ctx.effects.command(ctx.db, SET, expireMs === NO_TTL ? 3 : expireMs === KEEP_TTL ? 4 : 5);
  logArgument(ctx, index);
}

function logSetEnd(effects: Effects, expireMs: number): void {
  if (expireMs === NO_TTL) return;
  if (expireMs === KEEP_TTL) {
    logBytes(effects, KEEPTTL);
    return;
  }
  logBytes(effects, PXAT);
  logTime(effects, expireMs);
}

/** The key of argument `index` is set to argument `value`; `expireMs` as for `createString`. */
export function logSet(ctx: CommandContext, index: number, value: number, expireMs: number): void {
  const { effects } = ctx;
  if (!effects.isOn) return;
  logSetBegin(ctx, index, expireMs);
  logArgument(ctx, value);
  logSetEnd(effects, expireMs);
}

/** The same with a text. */
export function logSetText(
  ctx: CommandContext,
  index: number,
  text: string,
  expireMs: number,
): void {
  const { effects } = ctx;
  if (!effects.isOn) return;
  logSetBegin(ctx, index, expireMs);
  effects.text(text);
  logSetEnd(effects, expireMs);
}

/** The same with the bytes buf[from, to), without a time of expiry. */
export function logSetBytes(
  ctx: CommandContext,
  index: number,
  buf: Uint8Array,
  from: number,
  to: number,
): void {
  const { effects } = ctx;
  if (!effects.isOn) return;
  logSetBegin(ctx, index, NO_TTL);
  effects.bytes(buf, from, to);
}

/** The key of argument `index` expires at `expireMs`, or never (NO_TTL). */
export function logExpire(ctx: CommandContext, index: number, expireMs: number): void {
  const { effects, db } = ctx;
  if (!effects.isOn) return;
  effects.command(db, expireMs === NO_TTL ? PERSIST : PEXPIREAT, expireMs === NO_TTL ? 2 : 3);
  logArgument(ctx, index);
  if (expireMs !== NO_TTL) logTime(effects, expireMs);
}

/** Field argument `index` of the hash of argument 1 expires at `expireMs`. */
export function logFieldExpire(ctx: CommandContext, index: number, expireMs: number): void {
  const { effects, db } = ctx;
  if (!effects.isOn) return;
  effects.command(db, HPEXPIREAT, 6);
  logArgument(ctx, 1);
  effects.integer(expireMs);
  logBytes(effects, FIELDS);
  effects.integer(1);
  logArgument(ctx, index);
}

/** `name key count`: what is popped from the key of argument `index`. */
export function logPop(ctx: CommandContext, name: Uint8Array, index: number, count: number): void {
  const { effects, db } = ctx;
  if (!effects.isOn) return;
  effects.command(db, name, 3);
  logArgument(ctx, index);
  effects.integer(count);
}

/** Arguments that name fields with which one command has done the same: a list that is reused. */
export class FieldLog {
  #indexes = new Int32Array(16);
  #count = 0;

  clear(): void {
    this.#count = 0;
  }

  add(index: number): void {
    if (this.#count === this.#indexes.length) {
      const grown = new Int32Array(this.#count * 2);
      grown.set(this.#indexes);
      this.#indexes = grown;
    }
    this.#indexes[this.#count++] = index;
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** Has the fields told with the next event. */
  tellFields(ctx: CommandContext): void {
    const { state, args } = ctx;
    if (!state.wantsFields) return;
    for (let i = 0; i < this.#count; i++) {
      const index = this.#indexes[i]!;
      state.eventFields.add(args.buf, args.offset[index]!, args.end(index));
    }
  }

  #names(ctx: CommandContext): void {
    for (let i = 0; i < this.#count; i++) logArgument(ctx, this.#indexes[i]!);
  }

  /** HDEL of the fields; the key is argument 1. */
  logDeleted(ctx: CommandContext): void {
    const { effects, db } = ctx;
    if (!effects.isOn || this.#count === 0) return;
    effects.command(db, HDEL, 2 + this.#count);
    logArgument(ctx, 1);
    this.#names(ctx);
  }

  /** HPERSIST of the fields. */
  logPersisted(ctx: CommandContext): void {
    const { effects, db } = ctx;
    if (!effects.isOn || this.#count === 0) return;
    effects.command(db, HPERSIST, 4 + this.#count);
    logArgument(ctx, 1);
    this.#fields(ctx);
  }

  /** HPEXPIREAT of the fields. */
  logExpiring(ctx: CommandContext, expireMs: number): void {
    const { effects, db } = ctx;
    if (!effects.isOn || this.#count === 0) return;
    effects.command(db, HPEXPIREAT, 5 + this.#count);
    logArgument(ctx, 1);
    effects.integer(expireMs);
    this.#fields(ctx);
  }

  #fields(ctx: CommandContext): void {
    logBytes(ctx.effects, FIELDS);
    ctx.effects.integer(this.#count);
    this.#names(ctx);
  }
}
