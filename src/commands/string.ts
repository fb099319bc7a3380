/** Strings: the thin start of the family. */
import { EMBSTR_LENGTH_MAX, ENCODING_EMBSTR, ENCODING_INT, ENCODING_RAW, TYPE_STRING } from '../keyspace/entry.ts';
import { NO_TTL } from '../keyspace/shard.ts';
import { parseInt64 } from '../base/number-text.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import { type CommandContext, type CommandSpec, DONE, oneKey, type RunStatus } from './spec.ts';

function encodingFor(buf: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length <= 20 && !Number.isNaN(parseInt64(buf, start, end))) return ENCODING_INT;
  return length <= EMBSTR_LENGTH_MAX ? ENCODING_EMBSTR : ENCODING_RAW;
}

function cmdGet(ctx: CommandContext): RunStatus {
  const shard = ctx.at(1);
  const ref = shard.findRead(ctx.db, ctx.key);
  if (ref === 0) ctx.reply.null();
  else if (shard.typeOf(ref) !== TYPE_STRING) ctx.reply.errorBytes(ERROR_BYTES.WRONG_TYPE);
  else {
    const at = shard.valueOffset(ref);
    ctx.reply.bulk(shard.u8, at, at + shard.valueLength(ref));
  }
  return DONE;
}

function cmdSet(ctx: CommandContext): RunStatus {
  const shard = ctx.at(1);
  const { buf, offset, length } = ctx.args;
  const start = offset[2]!;
  const size = length[2]!;
  const ref = shard.createString(ctx.db, ctx.key, size, encodingFor(buf, start, start + size), NO_TTL);
  if (ref === 0) {
    ctx.reply.errorBytes(ERROR_BYTES.OUT_OF_MEMORY);
    return DONE;
  }
  const to = shard.valueOffset(ref);
  const u8 = shard.u8;
  for (let i = 0; i < size; i++) u8[to + i] = buf[start + i]!;
  ctx.reply.ok();
  return DONE;
}

export const STRING_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'get',
    summary: 'Returns the string value of a key.',
    since: '1.0.0',
    group: 'string',
    arity: 2,
    flags: ['readonly', 'fast'],
    acl: ['string'],
    keys: [oneKey(1, 'RO', 'ACCESS')],
    syntax: 'key',
    place: 'shard',
    shards: 'keys',
    run: cmdGet,
  },
  {
    name: 'set',
    summary: 'Sets the string value of a key.',
    since: '1.0.0',
    group: 'string',
    arity: -3,
    flags: ['write', 'denyoom'],
    acl: ['string'],
    keys: [oneKey(1, 'RW', 'ACCESS', 'UPDATE', 'VARIABLE_FLAGS')],
    syntax: 'key value',
    place: 'shard',
    shards: 'keys',
    run: cmdSet,
  },
];
