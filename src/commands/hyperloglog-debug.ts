/** HyperLogLogs from inside: PFDEBUG, PFSELFTEST. */
import { asciiBytes } from '../base/bytes.ts';
import { ENCODING_RAW } from '../keyspace/entry.ts';
import type { Shard } from '../keyspace/shard.ts';
import type { Ref } from '../memory/arena.ts';
import { ERROR_BYTES, unknownPfdebug } from '../resp/errors.ts';
import {
  HLL_CHANGED,
  HLL_CORRUPT,
  HLL_DENSE_BYTES,
  HLL_REGISTERS,
} from '../structures/hyperloglog.ts';
import {
  draft,
  hyperloglog,
  isHyperloglogOrReply,
  opChangeDraft,
  replyFailure,
} from './hyperloglog-value.ts';
import { type CommandContext, type CommandSpec, DONE, oneKey, type RunStatus } from './spec.ts';

const GETREG = asciiBytes('GETREG');
const DECODE = asciiBytes('DECODE');
const ENCODING = asciiBytes('ENCODING');
const TODENSE = asciiBytes('TODENSE');

/** Rounds of the self-test's first part, and elements of its second. */
const REGISTER_ROUNDS = 20;
const ELEMENTS = 1_000_000;
const REGISTER_MAX = 63;
/** Standard error of an estimate. */
const RELATIVE_ERROR = 1.04 / Math.sqrt(HLL_REGISTERS);
const ERRORS_ALLOWED = 6;

/** What was estimated of the value stays true. */
function makeDraftDense(): number {
  return draft.makeDense() ? HLL_CHANGED : HLL_CORRUPT;
}

function replyRegisters(ctx: CommandContext, shard: Shard, ref: Ref): void {
  const { reply } = ctx;
  const start = shard.valueOffset(ref);
  reply.array(HLL_REGISTERS);
  for (let i = 0; i < HLL_REGISTERS; i++) {
    reply.integer(hyperloglog.denseRegister(shard.u8, start, i));
  }
}

function replyRuns(ctx: CommandContext, shard: Shard, ref: Ref): void {
  const start = shard.valueOffset(ref);
  const runs: string[] = [];
  hyperloglog.forRuns(shard.u8, start, start + shard.valueLength(ref), (isLong, value, run) => {
    if (value !== 0) runs.push(`v:${value},${run}`);
    else runs.push(`${isLong ? 'Z' : 'z'}:${run}`);
  });
  ctx.reply.bulkLatin1(runs.join(' '));
}

function cmdPfdebug(ctx: CommandContext): RunStatus {
  const { args, reply, db, key } = ctx;
  const shard = ctx.at(2);
  const ref = shard.findWrite(db, key);
  if (ref === 0) {
    reply.errorBytes(ERROR_BYTES.PFDEBUG_NO_KEY);
    return DONE;
  }
  if (!isHyperloglogOrReply(ctx, shard, ref)) return DONE;
  shard.setEncoding(ref, ENCODING_RAW);
  const isDense = hyperloglog.isDense(shard.u8, shard.valueOffset(ref));
  const isGetreg = args.equalsIgnoreCase(1, GETREG);
  if (isGetreg || args.equalsIgnoreCase(1, TODENSE)) {
    const outcome = isDense ? HLL_CHANGED : opChangeDraft(ctx, shard, ref, makeDraftDense);
    if (outcome < 0) replyFailure(ctx, outcome);
    else if (isGetreg) replyRegisters(ctx, shard, shard.find(db, key));
    else reply.integer(isDense ? 0 : 1);
  } else if (args.equalsIgnoreCase(1, DECODE)) {
    if (isDense) reply.errorBytes(ERROR_BYTES.PFDEBUG_NOT_SPARSE);
    else replyRuns(ctx, shard, ref);
  } else if (args.equalsIgnoreCase(1, ENCODING)) {
    reply.simple(isDense ? 'dense' : 'sparse');
  } else {
    reply.error(unknownPfdebug(args.text(1)));
  }
  return DONE;
}

/** Random registers written and read back; what is wrong, or null. */
function testRegisters(dense: Uint8Array): string | null {
  const expected = new Uint8Array(HLL_REGISTERS);
  for (let round = 0; round < REGISTER_ROUNDS; round++) {
    for (let i = 0; i < HLL_REGISTERS; i++) {
      expected[i] = Math.floor(Math.random() * (REGISTER_MAX + 1));
      hyperloglog.setDenseRegister(dense, 0, i, expected[i]!);
    }
    for (let i = 0; i < HLL_REGISTERS; i++) {
      const value = hyperloglog.denseRegister(dense, 0, i);
      if (value !== expected[i]) return `Register ${i} should be ${expected[i]} but is ${value}`;
    }
  }
  return null;
}

/** Different elements to a dense value and to `draft`, which begins sparse; as above. */
function testEstimates(dense: Uint8Array, lengthMax: number): string | null {
  draft.loadEmpty();
  hyperloglog.toDense(draft.u8, 0, draft.length, dense);
  const element = new Uint8Array(8);
  const words = new Uint32Array(element.buffer);
  words[1] = Math.random() * 2 ** 32;
  let checkpoint = 1;
  for (let count = 1; count <= ELEMENTS; count++) {
    words[0] = count;
    hyperloglog.setElement(element, 0, element.length);
    hyperloglog.addDense(dense, 0);
    draft.add(lengthMax);
    if (count !== checkpoint) continue;
    if (count < lengthMax / 2 && hyperloglog.isDense(draft.u8, 0))
      return 'sparse encoding not used';
    const estimate = hyperloglog.estimate(dense, 0, HLL_DENSE_BYTES);
    if (estimate !== hyperloglog.estimate(draft.u8, 0, draft.length)) {
      return 'dense/sparse disagree';
    }
    const allowed = count === 10 ? 1 : Math.ceil(RELATIVE_ERROR * ERRORS_ALLOWED * count);
    const error = Math.abs(estimate - count);
    if (error > allowed) return `Too big error. card:${count} abserr:${error}`;
    checkpoint *= 10;
  }
  return null;
}

function cmdPfselftest(ctx: CommandContext): RunStatus {
  const dense = new Uint8Array(HLL_DENSE_BYTES);
  const failure = testRegisters(dense) ?? testEstimates(dense, ctx.limits.hllSparseMaxBytes);
  if (failure === null) ctx.reply.ok();
  else ctx.reply.error(`TESTFAILED ${failure}`);
  return DONE;
}

export const HYPERLOGLOG_DEBUG_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'pfdebug',
    summary: 'Shows registers, runs or the encoding of a HyperLogLog, or makes it dense.',
    since: '2.8.9',
    group: 'hyperloglog',
    arity: 3,
    flags: ['write', 'denyoom', 'admin'],
    acl: ['hyperloglog'],
    keys: [oneKey(2, 'RW', 'ACCESS')],
    syntax: 'subcommand key',
    place: 'shard',
    shards: 'keys',
    isSlow: true,
    run: cmdPfdebug,
  },
  {
    name: 'pfselftest',
    summary: 'Tests registers and estimates of HyperLogLogs.',
    since: '2.8.9',
    group: 'hyperloglog',
    arity: 1,
    flags: ['admin'],
    acl: ['hyperloglog'],
    keys: [],
    syntax: '',
    place: 'shard',
    shards: 'each',
    isSlow: true,
    run: cmdPfselftest,
  },
];
