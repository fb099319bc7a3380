/**
 * WAIT and WAITAOF: what was written before is on replicas, and on the local disk. There are no
 * replicas: waiting for one lasts until time is over.
 */

import { ERROR_BYTES } from '../resp/errors.ts';
import type { ReplyWriter } from '../resp/reply-writer.ts';
import type { CommandSpec, SessionContext } from './spec.ts';

const LOCAL_RANGE = 'ERR value is out of range, value must between 0 and 1';
const LOG_IS_OFF = 'ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.';

/** Milliseconds at argument `index`; -1 when an error was replied. */
function milliseconds(ctx: SessionContext, index: number): number {
  const ms = ctx.args.toInt(index);
  if (Number.isNaN(ms)) ctx.reply.errorBytes(ERROR_BYTES.TIMEOUT_NOT_INTEGER);
  else if (ms < 0) ctx.reply.errorBytes(ERROR_BYTES.TIMEOUT_NEGATIVE);
  else return ms;
  return -1;
}

function cmdWait(ctx: SessionContext): void {
  const replicas = ctx.args.toInt(1);
  if (Number.isNaN(replicas)) {
    ctx.reply.errorBytes(ERROR_BYTES.NOT_INTEGER);
    return;
  }
  const ms = milliseconds(ctx, 2);
  if (ms < 0) return;
  if (replicas <= 0 || !ctx.canSuspend) ctx.reply.integer(0);
  else {
    ctx.waitUntil(ms, (reply, isOver) => {
      if (isOver) reply.integer(0);
      return isOver;
    });
  }
}

function writeCounts(reply: ReplyWriter, local: number): void {
  reply.array(2);
  reply.integer(local);
  reply.integer(0);
}

function cmdWaitaof(ctx: SessionContext): void {
  const { args, reply, server } = ctx;
  const local = args.toInt(1);
  const replicas = args.toInt(2);
  if (Number.isNaN(local)) {
    reply.errorBytes(ERROR_BYTES.NOT_INTEGER);
    return;
  }
  if (local < 0 || local > 1) {
    reply.error(LOCAL_RANGE);
    return;
  }
  if (!(replicas >= 0)) {
    reply.errorBytes(ERROR_BYTES.NOT_POSITIVE);
    return;
  }
  const ms = milliseconds(ctx, 3);
  if (ms < 0) return;
  const written = server.logPosition();
  if (local > 0 && written < 0) {
    reply.error(LOG_IS_OFF);
    return;
  }
  const synced = (): number => (written >= 0 && server.syncedPosition() >= written ? 1 : 0);
  const now = synced();
  if ((now >= local && replicas === 0) || !ctx.canSuspend) {
    writeCounts(reply, now);
    return;
  }
  ctx.waitUntil(ms, (later, isOver) => {
    const count = synced();
    if (!isOver && (count < local || replicas > 0)) return false;
    writeCounts(later, count);
    return true;
  });
}

function waitRow(
  name: string,
  summary: string,
  since: string,
  arity: number,
  syntax: string,
  run: (ctx: SessionContext) => void,
): CommandSpec {
  return {
    name,
    summary,
    since,
    group: 'generic',
    arity,
    flags: ['blocking'],
    acl: ['connection'],
    keys: [],
    syntax,
    place: 'session',
    run,
  };
}

export const WAIT_COMMANDS: readonly CommandSpec[] = [
  waitRow(
    'wait',
    'Waits until so many replicas have what this connection has written.',
    '3.0.0',
    3,
    'numreplicas:integer timeout:integer',
    cmdWait,
  ),
  waitRow(
    'waitaof',
    'Waits until what this connection has written is on the disks of so many servers.',
    '7.2.0',
    4,
    'numlocal:integer numreplicas:integer timeout:integer',
    cmdWaitaof,
  ),
];
