/** DUMP and RESTORE: values as bytes that other servers, older and newer ones, understand. */

import { asciiBytes } from '../base/bytes.ts';
import { isPayload, loadPayload, writePayload } from '../durability/dump-payload.ts';
import { LOAD_BAD, LOAD_OK } from '../durability/pack-builder.ts';
import { copyUnits } from '../keyspace/copy-entry.ts';
import { EVENT_GENERIC } from '../keyspace/events.ts';
import { NO_TTL, type Shard } from '../keyspace/shard.ts';
import { freshAccessWord } from '../keyspace/thread-state.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import { replyFull } from './collection.ts';
import { NAME_RESTORE, tellDeleted, tellPutAnew, tellReplaced } from './event-names.ts';
import { EXPIRE_MS_MAX } from './generic-expire.ts';
import { logArgument, logBytes, logDelete, logTime } from './log-effects.ts';
import {
  type CommandContext,
  type CommandFlag,
  type CommandGroup,
  type CommandSpec,
  DONE,
  ESCALATE,
  oneKey,
  type RunStatus,
} from './spec.ts';

const RESTORE = asciiBytes('RESTORE');
const REPLACE = asciiBytes('REPLACE');
const ABSTTL = asciiBytes('ABSTTL');
const IDLETIME = asciiBytes('IDLETIME');
const FREQ = asciiBytes('FREQ');
/** Serializing a value takes this much of copying it: compression and checksum. */
const DUMP_FACTOR = 4;
const PAYLOAD_BYTES_PER_UNIT = 4;
/** Payloads above this are loaded while readers are let in. */
const BUILD_BYTES = 128 * 1024;
const FREQ_MAX = 255;
const LRU_CLOCK_MASK = 0xffffff;

function cmdDump(ctx: CommandContext): RunStatus {
  const { reply, db, limits } = ctx;
  const shard = ctx.at(1);
  const seen = shard.find(db, ctx.key);
  if (seen !== 0 && !ctx.mayRun(copyUnits(shard, seen) * DUMP_FACTOR)) return ESCALATE;
  const ref = shard.findRead(db, ctx.key);
  if (ref === 0) {
    reply.null();
    return DONE;
  }
  const mark = reply.deferArray();
  reply.finishBulk(mark, writePayload(reply, shard, ref, limits.rdbCompression));
  return DONE;
}

/** Options of RESTORE. */
interface RestoreOptions {
  readonly isReplace: boolean;
  readonly isAbsolute: boolean;
  /** Seconds since the last access; -1 = not given. */
  readonly idleSeconds: number;
  /** LFU counter; -1 = not given. */
  readonly frequency: number;
}

/** The options from argument 4 on; null when an error was replied. */
function restoreOptions(ctx: CommandContext): RestoreOptions | null {
  const { args, reply } = ctx;
  let isReplace = false;
  let isAbsolute = false;
  let idleSeconds = -1;
  let frequency = -1;
  for (let i = 4; i < args.count; i++) {
    const hasMore = i + 1 < args.count;
    if (args.equalsIgnoreCase(i, REPLACE)) {
      isReplace = true;
    } else if (args.equalsIgnoreCase(i, ABSTTL)) {
      isAbsolute = true;
    } else if (hasMore && frequency === -1 && args.equalsIgnoreCase(i, IDLETIME)) {
      i += 1;
      idleSeconds = args.toInt(i);
      if (!(idleSeconds >= 0)) return refuse(ctx, idleSeconds, ERROR_BYTES.IDLETIME_RANGE);
    } else if (hasMore && idleSeconds === -1 && args.equalsIgnoreCase(i, FREQ)) {
      i += 1;
      frequency = args.toInt(i);
      const isInRange = frequency >= 0 && frequency <= FREQ_MAX;
      if (!isInRange) return refuse(ctx, frequency, ERROR_BYTES.FREQ_RANGE);
    } else {
      reply.errorBytes(ERROR_BYTES.SYNTAX);
      return null;
    }
  }
  return { isReplace, isAbsolute, idleSeconds, frequency };
}

function refuse(ctx: CommandContext, n: number, error: Uint8Array): null {
  ctx.reply.errorBytes(Number.isNaN(n) ? ERROR_BYTES.NOT_INTEGER : error);
  return null;
}

/** The access word of a key that is restored. */
function accessWordOf(ctx: CommandContext, options: RestoreOptions): number {
  const { state } = ctx;
  const fresh = freshAccessWord(state);
  if (ctx.limits.maxmemoryPolicy.endsWith('lfu')) {
    return options.frequency < 0 ? fresh : (fresh & ~FREQ_MAX) | options.frequency;
  }
  const idle = Math.min(Math.max(options.idleSeconds, 0), LRU_CLOCK_MASK);
  return (state.lruClock - idle) & LRU_CLOCK_MASK;
}

function cmdRestore(ctx: CommandContext): RunStatus {
  const { args, reply, db, state } = ctx;
  if (!ctx.mayRun(args.length[3]! / PAYLOAD_BYTES_PER_UNIT)) return ESCALATE;
  const options = restoreOptions(ctx);
  if (options === null) return DONE;
  const shard = ctx.at(1);
  if (!options.isReplace && shard.find(db, ctx.key) !== 0) {
    reply.errorBytes(ERROR_BYTES.BUSY_KEY);
    return DONE;
  }
  const ttl = args.toInt(2);
  if (!(ttl >= 0)) {
    reply.errorBytes(Number.isNaN(ttl) ? ERROR_BYTES.NOT_INTEGER : ERROR_BYTES.TTL_NEGATIVE);
    return DONE;
  }
  if (!isPayload(args.buf, args.offset[3]!, args.end(3), shard.skipsChecksum)) {
    reply.errorBytes(ERROR_BYTES.PAYLOAD_CHECKSUM);
    return DONE;
  }
  const base = options.isAbsolute ? 0 : state.nowMs;
  const expireMs = ttl === 0 ? NO_TTL : Math.min(ttl + base, EXPIRE_MS_MAX);
  return restore(ctx, options, expireMs);
}

/** The value is built before the key is touched: damage and lack of memory change nothing. */
function restore(ctx: CommandContext, options: RestoreOptions, expireMs: number): RunStatus {
  const { args, reply, db, state } = ctx;
  const isLarge = args.length[3]! > BUILD_BYTES;
  if (isLarge) ctx.beginBuild();
  const { status, value, problem } = loadPayload(ctx.at(1), args.buf, args.offset[3]!, args.end(3));
  if (isLarge) ctx.endBuild();
  const shard = ctx.at(1);
  if (status !== LOAD_OK) {
    if (status === LOAD_BAD) {
      ctx.log('verbose', `${args.text(0).toUpperCase()} refused a payload: ${problem}`);
      reply.errorBytes(ERROR_BYTES.BAD_DATA);
    } else {
      replyFull(ctx);
    }
    return DONE;
  }
  if (expireMs !== NO_TTL && expireMs <= state.nowMs) {
    value.drop();
    if (shard.delete(db, ctx.key)) {
      logDelete(ctx, 1);
      tellDeleted(ctx, ctx.key);
    }
    reply.ok();
    return DONE;
  }
  if (!value.link(db, ctx.key, expireMs)) {
    replyFull(ctx);
    return DONE;
  }
  const ref = shard.find(db, ctx.key);
  shard.setAccessWord(ref, accessWordOf(ctx, options));
  reply.ok();
  tellRestored(ctx, shard, shard.typeOf(ref));
  if (expireMs !== NO_TTL) logRestored(ctx, expireMs, options.isAbsolute);
  return DONE;
}

function tellRestored(ctx: CommandContext, shard: Shard, type: number): void {
  const { state, db, key } = ctx;
  if (state.eventMask === 0) return;
  tellPutAnew(ctx, shard, key, db);
  state.event(EVENT_GENERIC, NAME_RESTORE, db, key);
  tellReplaced(ctx, shard, key, type, db);
}

/** The command with an absolute time. */
function logRestored(ctx: CommandContext, expireMs: number, isAbsolute: boolean): void {
  const { args, effects, db } = ctx;
  if (!effects.isOn) return;
  effects.command(db, RESTORE, args.count + (isAbsolute ? 0 : 1));
  logArgument(ctx, 1);
  logTime(effects, expireMs);
  for (let i = 3; i < args.count; i++) logArgument(ctx, i);
  if (!isAbsolute) logBytes(effects, ABSTTL);
}

function restoreRow(
  name: string,
  since: string,
  group: CommandGroup,
  flags: readonly CommandFlag[],
  summary: string,
): CommandSpec {
  return {
    name,
    summary,
    since,
    group,
    arity: -4,
    flags: ['write', 'denyoom', ...flags],
    acl: ['keyspace', 'dangerous'],
    keys: [oneKey(1, 'OW', 'UPDATE')],
    syntax:
      'key ttl:integer serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds:integer] ' +
      '[FREQ frequency:integer]',
    place: 'shard',
    shards: 'keys',
    run: cmdRestore,
  };
}

export const DUMP_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'dump',
    summary: 'Returns the value of a key in serialized form.',
    since: '2.6.0',
    group: 'generic',
    arity: 2,
    flags: ['readonly'],
    acl: ['keyspace'],
    keys: [oneKey(1, 'RO', 'ACCESS')],
    syntax: 'key',
    place: 'shard',
    shards: 'keys',
    run: cmdDump,
  },
  restoreRow('restore', '2.6.0', 'generic', [], 'Makes a key of a value in serialized form.'),
  restoreRow(
    'restore-asking',
    '3.0.0',
    'server',
    ['asking'],
    'Makes a key of a value in serialized form while its slot is being imported.',
  ),
];
