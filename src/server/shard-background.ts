/**
 * ShardBackground: what a shard worker does for its shards beside commands, in short holds: active
 * expiry, resizing, lazy freeing.
 */
import { ActiveExpire } from '../keyspace/active-expire.ts';
import type { Shard } from '../keyspace/shard.ts';
import { sleepMs } from '../sync/pause.ts';
import type { BlockedServe } from './blocked-serve.ts';
import type { Insight } from './insight/insight.ts';
import { flushKeyspaceStats } from './keyspace-stats.ts';
import type { ShardLocks } from './shard-locks.ts';
import { PAUSE_NONE, type SharedLayout } from './shared-layout.ts';
import type { ThreadContext } from './thread-context.ts';
import { STAT, type ThreadStats } from './thread-stats.ts';

/** Looks at least this often: a key with a TTL may have come meanwhile. */
const PARK_MS_IDLE = 250;
/** Pace of the active expire cycle while keys with a TTL exist. */
const PARK_MS_EXPIRES = 100;
/**
 * Work goes on after this pause, so that it takes a bounded share of the thread and of the shards.
 */
const PARK_MS_BUSY = 2;
/** One hold of a shard for expiry; resizing and freeing may take as long again. */
const SLICE_MS = 0.5;
const UNITS_PER_STEP = 16;

/**
 * Share of the time of long commands that freeing what they left may take, up to a bound, and the
 * pause after each slice of it, in which others get at the shard.
 */
const CATCH_UP_SHARE = 0.25;
const CATCH_UP_MS_MAX = 200;
const CATCH_UP_PAUSE_MS = 0.3;
/** The same between any two looks at what clients want, where the arena may soon be full. */
const CATCH_UP_SHORT_MS = 5;

export interface ShardBackgroundParts {
  readonly layout: SharedLayout;
  readonly ctx: ThreadContext;
  readonly locks: ShardLocks;
  readonly stats: ThreadStats;
  readonly insight: Insight;
  readonly serve: BlockedServe;
}

export class ShardBackground {
  readonly #parts: ShardBackgroundParts;
  readonly #owned: readonly Shard[];
  readonly #expire: readonly ActiveExpire[];
  #lastExpireMs = 0;

  constructor(parts: ShardBackgroundParts, owned: readonly Shard[]) {
    this.#parts = parts;
    this.#owned = owned;
    this.#expire = owned.map((shard) => new ActiveExpire(shard));
  }

  /** Does what is due. Returns how long the thread may park. */
  run(): number {
    const { ctx, layout } = this.#parts;
    const nowMs = ctx.state.nowMs;
    const isExpireTime =
      nowMs - this.#lastExpireMs >= PARK_MS_EXPIRES || nowMs < this.#lastExpireMs;
    const isExpireOff = layout.isActiveExpireOff || layout.pauseMode !== PAUSE_NONE;
    let parkMs = PARK_MS_IDLE;
    let isExpireDone = true;
    for (let i = 0; i < this.#owned.length; i++) {
      const shard = this.#owned[i]!;
      const expire = this.#expire[i]!;
      for (let db = 0; db < shard.databases; db++) {
        if (shard.expires(db) !== 0) parkMs = Math.min(parkMs, PARK_MS_EXPIRES);
        if (shard.dict(db).isResizing) parkMs = PARK_MS_BUSY;
      }
      if (!shard.lazy.isEmpty) parkMs = PARK_MS_BUSY;
      const mayExpire = isExpireTime && !isExpireOff && expire.isDue(nowMs);
      if (parkMs !== PARK_MS_BUSY && !mayExpire) continue;
      if (!this.slice(shard, mayExpire ? expire : null)) isExpireDone = false;
    }
    if (isExpireTime && isExpireDone) this.#lastExpireMs = nowMs;
    return isExpireDone ? parkMs : PARK_MS_BUSY;
  }

  /** One hold of a shard. False when more expiry is due now. */
  slice(shard: Shard, expire: ActiveExpire | null): boolean {
    const { locks, ctx, serve } = this.#parts;
    if (locks.mustYield(shard.index) || !locks.lease(shard.index)) return expire === null;
    const started = performance.now();
    let isDone = expire === null;
    while (!isDone && performance.now() - started < SLICE_MS) isDone = expire!.slice();
    if (ctx.state.ready.length !== 0) serve.serve();
    if (expire !== null) this.#expired(performance.now() - started);
    while (performance.now() - started < SLICE_MS * 2) {
      let isIdle = shard.lazy.isEmpty || shard.lazy.step(UNITS_PER_STEP);
      for (let db = 0; db < shard.databases; db++) {
        const dict = shard.dict(db);
        for (let n = 0; n < UNITS_PER_STEP && dict.isResizing; n++) {
          if (!dict.rehashStep()) break;
          isIdle = false;
        }
      }
      if (isIdle || locks.mustYield(shard.index)) break;
    }
    locks.endLease(shard.index);
    return isDone;
  }

  /**
   * Long commands one after the other, each of which replaces a large value, leave more to free
   * than one slice between two of them takes: without this, memory would grow for ever.
   * `busySinceMs`: when the commands began. True where more of it is due at once.
   */
  catchUp(busySinceMs: number): boolean {
    const started = performance.now();
    const shareMs = Math.min((started - busySinceMs) * CATCH_UP_SHARE, CATCH_UP_MS_MAX);
    let nowMs = started;
    let isShort = false;
    for (const shard of this.#owned) {
      if (shard.lazy.isEmpty) continue;
      const budgetMs = shard.isShortOfRoom ? Math.max(shareMs, CATCH_UP_SHORT_MS) : shareMs;
      while (!shard.lazy.isEmpty && nowMs - started < budgetMs) {
        this.slice(shard, null);
        sleepMs(CATCH_UP_PAUSE_MS);
        nowMs = performance.now();
      }
      if (shard.isShortOfRoom) isShort = true;
    }
    return isShort;
  }

  #expired(ms: number): void {
    const { stats, insight, ctx } = this.#parts;
    stats.add(STAT.expireCycleMicros, ms * 1000);
    insight.events.note('expire-cycle', ms, ctx.state.nowMs);
    // Before the shard is free: who finds a key gone sees it counted.
    if (ctx.state.expiredKeys !== 0) flushKeyspaceStats(ctx, stats);
  }
}
