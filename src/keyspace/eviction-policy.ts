/**
 * Eviction policies: which keys may go when memory is full, and which of them goes first.
 */
import type { Ref } from '../memory/arena.ts';
import type { EntryBlocks } from './entry-blocks.ts';
import { idleSeconds, lfuDecayed } from './thread-state.ts';

/** What decides between two keys. */
export const BY_NOTHING = 0;
export const BY_RANDOM = 1;
/** Time since the last access, or (lrm) since the last change: what the access word says. */
export const BY_IDLE = 2;
export const BY_FREQUENCY = 3;
export const BY_TTL = 4;

const LFU_MAX = 255;

/** A value of `maxmemory-policy`, taken apart. */
export interface EvictionPolicy {
  /** One of the BY constants; BY_NOTHING: no key is ever evicted. */
  readonly order: number;
  /** Only keys with a TTL may be evicted. */
  readonly isVolatile: boolean;
}

const ORDERS: Readonly<Record<string, number>> = {
  lru: BY_IDLE,
  lrm: BY_IDLE,
  lfu: BY_FREQUENCY,
  random: BY_RANDOM,
  ttl: BY_TTL,
};

/** The policy of a name that the configuration has checked; unknown ones evict nothing. */
export function evictionPolicy(name: string): EvictionPolicy {
  const [which, how] = name.split('-');
  return { order: ORDERS[how ?? ''] ?? BY_NOTHING, isVolatile: which === 'volatile' };
}

/**
 * How good it is to evict an entry, the highest first: what has expired, then by the order of the
 * policy (not BY_RANDOM). Comparable within one policy only.
 */
export function evictionScore(blocks: EntryBlocks, ref: Ref, order: number): number {
  const { state } = blocks;
  const expireMs = blocks.expireMs(ref);
  if (expireMs !== 0 && expireMs <= state.nowMs) return Number.POSITIVE_INFINITY;
  if (order === BY_TTL) return -expireMs;
  const word = blocks.accessWord(ref);
  return order === BY_FREQUENCY ? LFU_MAX - lfuDecayed(word, state) : idleSeconds(word, state);
}
