/**
 * ClientLimits: what the configuration allows a client, read on hot paths; refreshed by CONFIG SET.
 */
import { ERROR_BYTES } from '../resp/errors.ts';
import type { LogLevel } from './log.ts';
import { STAT, type ThreadStats } from './thread-stats.ts';

export interface ClientLimits {
  maxClients: number;
  timeoutMs: number;
  queryBufferMax: number;
  /** Memory of all clients together, in bytes; 0 = no limit. */
  clientMemoryMax: number;
  /** What may wait to be sent to a client. */
  readonly output: OutputLimits;
  /** protected-mode is on and no password is set: loopback clients only. */
  isProtected: boolean;
  mayDebug: (isLoopback: boolean) => boolean;
  mayUseModules: (isLoopback: boolean) => boolean;
  readonly log: (level: LogLevel, text: string) => void;
  /** Statistics of all threads. */
  readonly allStats: readonly ThreadStats[];
}

/** The `client-output-buffer-limit` of one class. */
export interface OutputLimit {
  /** 0 = none. */
  readonly hardBytes: number;
  readonly softBytes: number;
  readonly softSeconds: number;
  /** Up to so many bytes neither limit is exceeded; Infinity without limits. */
  readonly freeBytes: number;
}

/** The limits of a class as a directive has them. */
export function outputLimit(limit: Omit<OutputLimit, 'freeBytes'>): OutputLimit {
  const freeBytes = Math.min(
    limit.hardBytes || Number.POSITIVE_INFINITY,
    limit.softBytes || Number.POSITIVE_INFINITY,
  );
  return { ...limit, freeBytes };
}

/** Those of all classes; one object a thread, which CONFIG SET changes. */
export interface OutputLimits {
  normal: OutputLimit;
  pubsub: OutputLimit;
}

/** No limits at all. */
export function noOutputLimits(): OutputLimits {
  const none = outputLimit({ hardBytes: 0, softBytes: 0, softSeconds: 0 });
  return { normal: none, pubsub: none };
}

/** Replies that fit into Redis's reply buffer are in no limit. */
export const REPLY_BUFFER_BYTES = 16 * 1024;
/** Redis has what does not fit in blocks of this size, with so many bytes of replies in each. */
const REPLY_BLOCK_BYTES = 20_504;
const REPLY_BLOCK_ROOM = 20_464;

/** What unsent replies beyond the reply buffer count as: the memory that Redis has them in. */
export function replyBlockBytes(bytes: number): number {
  return Math.ceil(bytes / REPLY_BLOCK_ROOM) * REPLY_BLOCK_BYTES;
}

/**
 * Bytes of replies that certainly put a client over a hard limit where `backlogBytes` are unsent
 * already; Infinity without one.
 */
export function replyBytesMax({ hardBytes }: OutputLimit, backlogBytes: number): number {
  if (hardBytes === 0) return Number.POSITIVE_INFINITY;
  return Math.max(0, REPLY_BUFFER_BYTES + hardBytes - backlogBytes);
}

/** Marks of a client over its soft limit. */
export interface SoftLimitMark {
  softLimitSinceMs: number;
}

/**
 * True when a client's unsent replies are over the hard limit, for which their blocks count, or
 * over the soft limit for too long.
 */
export function checkOutputLimit(
  limit: OutputLimit,
  client: SoftLimitMark,
  backlogBytes: number,
  nowMs: number,
): boolean {
  if (limit.hardBytes !== 0 && replyBlockBytes(backlogBytes) > limit.hardBytes) return true;
  if (limit.softBytes === 0 || backlogBytes <= limit.softBytes) {
    client.softLimitSinceMs = 0;
    return false;
  }
  if (client.softLimitSinceMs === 0) client.softLimitSinceMs = nowMs;
  return nowMs - client.softLimitSinceMs >= limit.softSeconds * 1000;
}

/** Less would leave nobody room to raise the limit again. */
const CLIENT_MEMORY_MIN = 128 * 1024;

/**
 * The limit that `maxmemory-clients` means: bytes, or a percentage of `maxmemory`, given as a
 * negative number. 0 = none.
 */
export function clientMemoryMax(configured: number, maxmemory: number): number {
  const bytes = configured < 0 ? Math.floor((maxmemory * -configured) / 100) : configured;
  return bytes === 0 ? 0 : Math.max(bytes, CLIENT_MEMORY_MIN);
}

/**
 * What is said to a new client, already counted as connected, that is not served: there are too
 * many, or it comes from outside in protected mode. Null = it is served.
 */
export function refusalOf(limits: ClientLimits, isLoopback: boolean): Uint8Array | null {
  let connected = 0;
  for (const stats of limits.allStats) connected += stats.counters[STAT.connectionsNow]!;
  if (connected > limits.maxClients) return ERROR_BYTES.MAX_CLIENTS;
  return limits.isProtected && !isLoopback ? ERROR_BYTES.PROTECTED_MODE : null;
}
