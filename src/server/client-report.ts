/** What CLIENT LIST says of a connection, and which connections a filter selects. */
import { clientInfoLine } from '../commands/client-info.ts';
import type { ClientFilter } from '../commands/spec.ts';
import { KIND_CHANNEL, KIND_PATTERN, KIND_SHARD_CHANNEL } from '../commands/subscriptions.ts';
import { clientBytes } from './client-memory.ts';
import type { Connection } from './connection.ts';
import { queryBufferBytes } from './query-buffer.ts';
import { LISTENS_TO_COMMANDS, LISTENS_TO_MESSAGES } from './subscribers.ts';

/** Parts that unsent replies are counted in, those of Redis's list. */
const REPLY_PART_BYTES = 16 * 1024;

/** Different keys that it watches: one that was watched twice has two registrations. */
function watchedKeys({ watched }: Connection): number {
  if (watched.length < 2) return watched.length;
  return new Set(watched.map(({ db, lo, hi }) => `${db} ${lo} ${hi}`)).size;
}

/** A connection in the words of CLIENT LIST. */
export function describeClient(
  c: Connection,
  backlogBytes: number,
  nowMs: number,
  ioThread: number,
): string {
  const queuedBytes = c.transactionBlock === null ? 0 : c.transactionBlock.bytes.length;
  const argumentBytes = c.parseState.tableBytes;
  // What waits for the disk has not been handed to the transport yet.
  const unsentBytes = backlogBytes + (c.held?.length ?? 0);
  return clientInfoLine({
    id: c.id,
    addr: addressOf(c.peer),
    laddr: addressOf(c.local),
    fd: c.conn + FIRST_FD,
    name: c.name,
    ageSeconds: Math.max(0, Math.floor((nowMs - c.openedMs) / 1000)),
    idleSeconds: Math.max(0, Math.floor((nowMs - c.lastActiveMs) / 1000)),
    flags: {
      isMonitor: (c.listens & LISTENS_TO_COMMANDS) !== 0,
      isSubscriber: (c.listens & LISTENS_TO_MESSAGES) !== 0,
      isInTransaction: c.isInTransaction,
      isBlocked: c.isPaused || c.blocked !== null,
      isTracking: c.tracking !== null,
      isRedirectBroken: c.tracking?.isRedirectBroken === true,
      isTrackingBroadcast: c.tracking?.isBroadcast === true,
      isClosingAfterReply: c.isClosing,
      isUnixSocket: c.peer.kind === 'unix',
      isNoEvict: c.noEvict,
      isNoTouch: c.noTouch,
    },
    db: c.db,
    channels: c.subscriptions?.names[KIND_CHANNEL].size ?? 0,
    patterns: c.subscriptions?.names[KIND_PATTERN].size ?? 0,
    shardChannels: c.subscriptions?.names[KIND_SHARD_CHANNEL].size ?? 0,
    queued: c.isInTransaction ? c.queuedCommands : -1,
    watchedKeys: watchedKeys(c),
    queryBufferBytes: queryBufferBytes(c),
    queryBufferFreeBytes: c.input.length - c.inputLength,
    argumentBytes,
    queuedBytes,
    replyBufferBytes: 0,
    replyBufferPeakBytes: 0,
    // Clients have no reply buffer of their own: what a socket does not take waits in a list.
    replyBytes: 0,
    replyListLength: Math.ceil(unsentBytes / REPLY_PART_BYTES),
    replyListBytes: unsentBytes,
    totalBytes: clientBytes(c, backlogBytes),
    isReadable: !c.isReadPaused,
    isWritable: unsentBytes > 0,
    command: c.lastCommand,
    user: c.user,
    redirect: c.tracking?.redirect ?? -1,
    protocol: c.protocol,
    libName: c.libName,
    libVersion: c.libVersion,
    ioThread,
    bytesReceived: c.bytesReceived,
    bytesSent: c.bytesSent,
    commandsRun: c.commandsRun,
  });
}

/**
 * Connections have no descriptor of their own here (io_uring's fixed files); the number shown is
 * unique, as fds are.
 */
const FIRST_FD = 8;

/** The client's type, as filters name it. */
function typeOf(c: Connection): string {
  return (c.listens & LISTENS_TO_MESSAGES) === 0 ? 'normal' : 'pubsub';
}

/** True when every field of the filter matches. */
export function matchesFilter(c: Connection, filter: ClientFilter, nowMs: number): boolean {
  if (filter.skipId !== undefined && filter.skipId === c.id) return false;
  if (filter.ids !== undefined && !filter.ids.includes(c.id)) return false;
  if (filter.addr !== undefined && filter.addr !== addressOf(c.peer)) return false;
  if (filter.laddr !== undefined && filter.laddr !== addressOf(c.local)) return false;
  if (filter.type !== undefined && filter.type !== typeOf(c)) return false;
  if (filter.user !== undefined && filter.user !== c.user) return false;
  if (filter.maxAgeSeconds !== undefined) {
    return (nowMs - c.openedMs) / 1000 >= filter.maxAgeSeconds;
  }
  return true;
}

/** An end of a connection as CLIENT LIST names it. */
export function addressOf(end: Connection['peer']): string {
  return end.kind === 'unix' ? `${end.text}:0` : end.text;
}
