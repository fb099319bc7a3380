/** Streams: lengths and ranges. */
import { asciiBytes } from '../base/bytes.ts';
import { TYPE_STREAM } from '../keyspace/entry.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import { StreamId } from '../structures/stream-id.ts';
import { oneKeyRows, readTyped } from './collection.ts';
import { type CommandContext, type CommandSpec, DONE, ESCALATE, type RunStatus } from './spec.ts';
import { intervalId } from './stream-args.ts';
import { beginEntries, replyNextEntry } from './stream-reply.ts';

const COUNT = asciiBytes('COUNT');

const start = new StreamId();
const end = new StreamId();

function cmdXlen(ctx: CommandContext): RunStatus {
  const ref = readTyped(ctx, 1, TYPE_STREAM);
  if (ref >= 0) ctx.reply.integer(ref === 0 ? 0 : ctx.at(1).streams.size(ref));
  return DONE;
}

/** COUNT of XRANGE, Infinity without it; NaN when an error was replied. */
function rangeCount(ctx: CommandContext): number {
  const { args, reply } = ctx;
  let count = Number.POSITIVE_INFINITY;
  for (let i = 4; i < args.count; i += 2) {
    if (i + 1 === args.count || !args.equalsIgnoreCase(i, COUNT)) {
      reply.errorBytes(ERROR_BYTES.SYNTAX);
      return Number.NaN;
    }
    count = Math.max(args.toInt(i + 1), 0);
    if (Number.isNaN(count)) {
      reply.errorBytes(ERROR_BYTES.NOT_INTEGER);
      return count;
    }
  }
  return count;
}

/** XRANGE and XREVRANGE. O(log nodes + entries of a node + count). */
function range(ctx: CommandContext, isReverse: boolean): RunStatus {
  const { reply } = ctx;
  if (!intervalId(ctx, isReverse ? 3 : 2, start, false)) return DONE;
  if (!intervalId(ctx, isReverse ? 2 : 3, end, true)) return DONE;
  const count = rangeCount(ctx);
  if (Number.isNaN(count)) return DONE;
  const ref = readTyped(ctx, 1, TYPE_STREAM);
  if (ref < 0) return DONE;
  if (ref === 0) {
    reply.array(0);
    return DONE;
  }
  if (count === 0) {
    reply.nullArray();
    return DONE;
  }
  const { stream, reader } = ctx.at(1).streams.read(ref);
  if (!ctx.mayRun(Math.min(count, stream.length) * 4)) return ESCALATE;
  const mark = reply.deferArray();
  let found = 0;
  reader.range(start, end, isReverse);
  beginEntries();
  while (found < count && reader.next()) {
    replyNextEntry(reply, reader);
    found += 1;
  }
  reply.finishArray(mark, found);
  return DONE;
}

export const STREAM_RANGE_COMMANDS: readonly CommandSpec[] = oneKeyRows('stream', 'stream', [
  {
    name: 'xlen',
    summary: 'Returns the number of entries of a stream.',
    since: '5.0.0',
    arity: 2,
    flags: ['readonly', 'fast'],
    keyFlags: ['RO'],
    syntax: 'key',
    run: cmdXlen,
  },
  {
    name: 'xrange',
    summary: 'Returns the entries of a stream in a range of IDs.',
    since: '5.0.0',
    arity: -4,
    flags: ['readonly'],
    keyFlags: ['RO', 'ACCESS'],
    syntax: 'key start:string end:string [COUNT count:integer]',
    run: (ctx) => range(ctx, false),
  },
  {
    name: 'xrevrange',
    summary: 'Returns the entries of a stream in a range of IDs, the last first.',
    since: '5.0.0',
    arity: -4,
    flags: ['readonly'],
    keyFlags: ['RO', 'ACCESS'],
    syntax: 'key end:string start:string [COUNT count:integer]',
    run: (ctx) => range(ctx, true),
  },
]);
