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
  outputHardBytes: number;
  outputSoftBytes: number;
  outputSoftSeconds: number;
  /** False when all three are 0. */
  hasOutputLimit: boolean;
  /** protected-mode is on and no password is set: loopback clients only. */
  isProtected: boolean;
  mayDebug: (isLoopback: boolean) => boolean;
  readonly log: (level: LogLevel, text: string) => void;
  /** Statistics of all threads. */
  readonly allStats: readonly ThreadStats[];
}

/** Marks of a client over its soft limit. */
export interface SoftLimitMark {
  softLimitSinceMs: number;
}

/**
 * True when a client's unsent replies are over the hard limit, or over the soft limit for too long.
 */
export function checkOutputLimit(
  limits: ClientLimits,
  client: SoftLimitMark,
  backlogBytes: number,
  nowMs: number,
): boolean {
  if (limits.outputHardBytes !== 0 && backlogBytes > limits.outputHardBytes) return true;
  if (limits.outputSoftBytes === 0 || backlogBytes <= limits.outputSoftBytes) {
    client.softLimitSinceMs = 0;
    return false;
  }
  if (client.softLimitSinceMs === 0) client.softLimitSinceMs = nowMs;
  return nowMs - client.softLimitSinceMs >= limits.outputSoftSeconds * 1000;
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
