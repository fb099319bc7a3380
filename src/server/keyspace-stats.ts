/** What a thread has counted about keys, on its way to INFO. */
import type { ThreadContext } from './thread-context.ts';
import { STAT, type ThreadStats } from './thread-stats.ts';

/** Moves a thread's keyspace counters into shared memory, where INFO sees them. */
export function flushKeyspaceStats(ctx: ThreadContext, stats: ThreadStats): void {
  const { state } = ctx;
  stats.add(STAT.keyspaceHits, state.keyspaceHits);
  stats.add(STAT.keyspaceMisses, state.keyspaceMisses);
  stats.add(STAT.expiredKeys, state.expiredKeys);
  stats.add(STAT.expiredFields, state.expiredFields);
  stats.add(STAT.lazyfreed, state.lazyfreed);
  stats.add(STAT.dirty, state.dirty);
  stats.add(STAT.flushes, state.flushes);
  state.keyspaceHits = 0;
  state.keyspaceMisses = 0;
  state.expiredKeys = 0;
  state.expiredFields = 0;
  state.lazyfreed = 0;
  state.dirty = 0;
  state.flushes = 0;
}

/**
 * The same before the replies leave, where something changed: who has a reply sees its change
 * counted, and a save that begins then is not taken for one that a FLUSHALL before it has ended.
 */
export function flushChanges(ctx: ThreadContext, stats: ThreadStats): void {
  if (ctx.state.dirty !== 0 || ctx.state.flushes !== 0) flushKeyspaceStats(ctx, stats);
}
