/** Streams: arguments that several commands read, and entries in replies. */
import { asciiBytes } from '../base/bytes.ts';
import { ERROR_BYTES } from '../resp/errors.ts';
import {
  ID_AUTO_SEQ,
  ID_BAD,
  ID_NO_SEQ,
  ID_TEXT_MAX,
  parseStreamId,
  type StreamId,
} from '../structures/stream-id.ts';
import type { CommandContext } from './spec.ts';

const MINUS = 0x2d;
const PLUS = 0x2b;
const BRACKET = 0x28;
const WORD_MAX = 0xffffffff;

const text = new Uint8Array(ID_TEXT_MAX);

/** Whether argument `index` is the one byte `byte`. */
export function isByte(ctx: CommandContext, index: number, byte: number): boolean {
  const { args } = ctx;
  return args.length[index] === 1 && args.buf[args.offset[index]!] === byte;
}

/**
 * Reads argument `index`, `ms-seq` or `ms`, into `id`; what has no sequence gets 0, or the greatest
 * with `isEnd`. False, and the error was replied, where it is none.
 */
export function exactId(
  ctx: CommandContext,
  index: number,
  id: StreamId,
  isEnd: boolean = false,
): boolean {
  return idFrom(ctx, ctx.args.offset[index]!, index, id, isEnd);
}

/** The same of the bytes of argument `index` from `from` on. */
function idFrom(
  ctx: CommandContext,
  from: number,
  index: number,
  id: StreamId,
  isEnd: boolean,
): boolean {
  const form = parseStreamId(ctx.args.buf, from, ctx.args.end(index), id);
  if (form === ID_BAD || form === ID_AUTO_SEQ) {
    ctx.reply.errorBytes(ERROR_BYTES.STREAM_ID);
    return false;
  }
  if (form === ID_NO_SEQ && isEnd) {
    id.seqHi = WORD_MAX;
    id.seqLo = WORD_MAX;
  }
  return true;
}

/** The same, where `-` and `+` are the least and the greatest ID. */
export function idOrEdge(
  ctx: CommandContext,
  index: number,
  id: StreamId,
  isEnd: boolean = false,
): boolean {
  if (isByte(ctx, index, MINUS)) id.setMin();
  else if (isByte(ctx, index, PLUS)) id.setMax();
  else return exactId(ctx, index, id, isEnd);
  return true;
}

/**
 * Reads argument `index` as the start or (`isEnd`) the end of an interval, which `(` before it
 * leaves out. False, and the error was replied, where it is none.
 */
export function intervalId(
  ctx: CommandContext,
  index: number,
  id: StreamId,
  isEnd: boolean,
): boolean {
  const { args, reply } = ctx;
  const from = args.offset[index]!;
  if (args.length[index]! < 2 || args.buf[from] !== BRACKET) {
    return idOrEdge(ctx, index, id, isEnd);
  }
  if (!idFrom(ctx, from + 1, index, id, isEnd)) return false;
  if (isEnd ? id.decrement() : id.increment()) return true;
  reply.errorBytes(isEnd ? ERROR_BYTES.STREAM_RANGE_END : ERROR_BYTES.STREAM_RANGE_START);
  return false;
}

/** Has an ID be the next argument of what goes to the log. */
export function logId(ctx: CommandContext, id: StreamId): void {
  if (ctx.effects.isOn) ctx.effects.bytes(text, 0, id.format(text, 0));
}

/** KEEPREF, DELREF and ACKED: what becomes of the references that groups have to what goes. */
export const KEEP_REFERENCES = 0;
export const DROP_REFERENCES = 1;
export const ONLY_ACKNOWLEDGED = 2;

const KEEPREF = asciiBytes('KEEPREF');
const DELREF = asciiBytes('DELREF');
const ACKED = asciiBytes('ACKED');

/** The policy that argument `index` names, -1 where it names none. */
export function referencePolicy(ctx: CommandContext, index: number): number {
  const { args } = ctx;
  if (args.equalsIgnoreCase(index, KEEPREF)) return KEEP_REFERENCES;
  if (args.equalsIgnoreCase(index, DELREF)) return DROP_REFERENCES;
  return args.equalsIgnoreCase(index, ACKED) ? ONLY_ACKNOWLEDGED : -1;
}
