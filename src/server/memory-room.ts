/**
 * MemoryRoom: keeps the server below `maxmemory`. Whoever is about to run a command that may need
 * memory asks for room first, while it waits for nobody; the room is made here, key by key, in
 * whatever shards can be held for an instant. What a command does not get done within its budget,
 * shard workers go on with in the background (`slice`). One a thread.
 *
 * A command may run (ROOM_GIVEN) below the limit, and above it while memory is on its way: as long
 * as evicting keeps pace, which is when use is not more than a hundredth of the limit above it, or
 * above the lowest use since the limit was exceeded (a limit that was just lowered). Otherwise it
 * has to wait (ROOM_LATER). With nothing left to evict it is refused (ROOM_NONE).
 *
 * Large values are freed in slices: what waits for that is memory on its way, and freed before
 * another key is evicted.
 */
import { Evictor } from '../keyspace/evictor.ts';
import type { Shard } from '../keyspace/shard.ts';
import type { ThreadState } from '../keyspace/thread-state.ts';
import { HOLD_LEASED, HOLD_NONE, type ShardLocks } from './shard-locks.ts';
import { MODE_SNAPSHOT, PAUSE_NONE, type SharedLayout } from './shared-layout.ts';
import { STAT, type ThreadStats } from './thread-stats.ts';
import type { WriteGuard } from './write-guard.ts';

/** The command may run. */
export const ROOM_GIVEN = 0;
/** There is not enough memory, and nothing that may be evicted. */
export const ROOM_NONE = 1;
/** Eviction does not keep pace, or the shards are busy: the command has to ask again later. */
export const ROOM_LATER = 2;
export type RoomStatus = typeof ROOM_GIVEN | typeof ROOM_NONE | typeof ROOM_LATER;

/** Growth that a command may bring beside the bytes of its arguments, as far as is counted on. */
const COMMAND_BYTES = 64 * 1024;
/** Share of the limit by which use may exceed it for a while. */
const TOLERANCE = 0.01;
/** Keys evicted beyond the need, so that not each command pays for a look at the limit. */
const SPARE_KEYS = 16;
/** No spare room beyond this share of the limit. */
const SPARE_SHARE = 1 / 1024;
/** Steps between two looks at the clock and at the memory of all shards. */
const STEPS_PER_LOOK = 16;
/** Steps in a row that freed nothing before it is given up for now. */
const FRUITLESS_MAX = 256;
/** Bucket chains freed in one step. */
const UNITS_PER_STEP = 16;
/** Time of one background slice; shards are held for one step of it at a time. */
const SLICE_MS = 1;
/** Pause between two bells for the workers. */
const RING_MS = 1;

const TENACITY_LINEAR_MAX = 10;
const TENACITY_MAX = 100;

/** What one step did. */
const STEP_FREED = 0;
/** Nothing this time: a stale candidate, a busy shard, no key with a TTL where it looked. */
const STEP_FRUITLESS = 1;
/** Nothing can be evicted. */
const STEP_NOTHING = 2;
/** Memory is on its way, and others free it. */
const STEP_WAITS = 3;

export interface MemoryRoomParts {
  readonly layout: SharedLayout;
  readonly shards: readonly Shard[];
  readonly state: ThreadState;
  readonly locks: ShardLocks;
  readonly stats: ThreadStats;
  readonly allStats: readonly ThreadStats[];
  readonly guard: WriteGuard;
}

export interface MemoryRoomSettings {
  /** maxmemory-policy */
  readonly policy: string;
  /** maxmemory-samples */
  readonly samples: number;
  /** maxmemory-eviction-tenacity: 0 to 100. */
  readonly tenacity: number;
  /** lazyfree-lazy-eviction: leaves the freeing of large values to their owners. */
  readonly isLazy: boolean;
}

/** Bytes used by the keyspace, with what its shards take when they are empty: O(shards). */
export function keyspaceBytes(shards: readonly Shard[]): number {
  let bytes = 0;
  for (let i = 0; i < shards.length; i++) {
    const { arena } = shards[i]!;
    bytes += arena.usedBytes() + arena.frontBytes;
  }
  return bytes;
}

/** Milliseconds that one command may spend on eviction: Redis's curve, 0.5 by default. */
export function evictionBudgetMs(tenacity: number): number {
  if (tenacity >= TENACITY_MAX) return Number.POSITIVE_INFINITY;
  if (tenacity <= TENACITY_LINEAR_MAX) return 0.05 * tenacity;
  return 0.5 * 1.15 ** (tenacity - TENACITY_LINEAR_MAX);
}

export class MemoryRoom {
  /** True when the last `ask` freed something: asking again at once makes sense. */
  hasFreed = false;
  /** Told how long evicting took, in ms. */
  onCycle: (ms: number) => void = () => undefined;
  readonly #parts: MemoryRoomParts;
  readonly #evictor: Evictor;
  #budgetMs = evictionBudgetMs(TENACITY_LINEAR_MAX);
  #isLazy = false;
  /** Bytes that this thread may use before it looks at the memory of all shards again. */
  #credit = 0;
  #limit = 0;
  /** Lowest use seen since the limit is exceeded. */
  #lowest = Number.POSITIVE_INFINITY;
  #mayHaveLazy = false;
  #freed = 0;
  /** The shard that the step holds, and how. */
  #held = -1;
  #hold = HOLD_NONE;
  #usedBefore = 0;
  #rungMs = 0;

  constructor(parts: MemoryRoomParts) {
    this.#parts = parts;
    const { guard } = parts;
    this.#evictor = new Evictor(parts.shards, parts.state, (shard, db, key) =>
      guard.prepareKey(shard, db, key),
    );
  }

  configure(settings: MemoryRoomSettings): void {
    this.#evictor.setPolicy(settings.policy);
    this.#evictor.samples = settings.samples;
    this.#budgetMs = evictionBudgetMs(settings.tenacity);
    this.#isLazy = settings.isLazy;
    this.#credit = 0;
    this.#parts.state.tableGrowth.bytes = Number.POSITIVE_INFINITY;
  }

  /** False while there is no limit: nothing has to be asked then. */
  get isLimited(): boolean {
    return this.#parts.layout.maxmemory !== 0;
  }

  /** True when a slice may have something to do. */
  get wantsSlice(): boolean {
    const { layout } = this.#parts;
    return layout.maxmemory !== 0 || layout.exceededSinceMs !== 0;
  }

  /**
   * Room for a command with `bytes` of arguments, made where it is missing. Nothing of the keyspace
   * may be in use by the caller. Far below the limit it costs a few comparisons, at the limit about
   * 1 us for each key that has to go, at most the budget of maxmemory-eviction-tenacity.
   */
  ask(bytes: number): RoomStatus {
    const limit = this.#parts.layout.maxmemory;
    if (limit === 0) return ROOM_GIVEN;
    this.#credit -= bytes + COMMAND_BYTES;
    if (this.#credit >= 0 && limit === this.#limit) return ROOM_GIVEN;
    this.hasFreed = false;
    const used = this.#usedBytes();
    if (used <= limit) return this.#below(limit, used);
    return this.#mayEvict() ? this.#makeRoom(limit, used, this.#budgetMs) : ROOM_GIVEN;
  }

  /**
   * A slice of eviction in the background, for about 1 ms. True when there is more to do, and it
   * gets on.
   */
  slice(): boolean {
    const limit = this.#parts.layout.maxmemory;
    const used = this.#usedBytes();
    if (limit === 0 || used <= limit) {
      this.#below(limit, used);
      return false;
    }
    if (!this.#mayEvict()) return false;
    this.hasFreed = false;
    this.#makeRoom(limit, used, SLICE_MS);
    return this.hasFreed && this.#usedBytes() > limit;
  }

  /** Nothing is evicted while clients are paused or the data set is loaded. */
  #mayEvict(): boolean {
    const { layout } = this.#parts;
    return layout.pauseMode === PAUSE_NONE && !layout.isLoading;
  }

  /** What counts towards the limit: the keyspace, and the buffers of clients as INFO has them. */
  #usedBytes(): number {
    const { shards, allStats, layout } = this.#parts;
    let bytes = keyspaceBytes(shards);
    for (let thread = 1; thread <= layout.topology.ioThreads; thread++) {
      const { counters } = allStats[thread]!;
      bytes += counters[STAT.queryBufferBytes]! + counters[STAT.outputBufferBytes]!;
    }
    return bytes;
  }

  /** Use is below the limit: hands out credit, a part of the margin for each thread. */
  #below(limit: number, used: number): RoomStatus {
    const { layout, shards, state, stats } = this.#parts;
    this.#limit = limit;
    state.tableGrowth.bytes = limit === 0 ? Number.POSITIVE_INFINITY : limit - used;
    this.#credit = Math.min(
      (limit - used) / (4 * layout.threadCount),
      shards.length * COMMAND_BYTES,
    );
    this.#lowest = Number.POSITIVE_INFINITY;
    const sinceMs = layout.exceededSinceMs;
    if (sinceMs !== 0) {
      layout.setExceededSince(0);
      stats.add(STAT.evictionExceededMs, Math.max(0, state.nowMs - sinceMs));
    }
    return ROOM_GIVEN;
  }

  #makeRoom(limit: number, before: number, budgetMs: number): RoomStatus {
    const started = performance.now();
    const goal = limit - limit * SPARE_SHARE;
    let used = before;
    let spare = SPARE_KEYS;
    let fruitless = 0;
    let step = STEP_FREED;
    this.#mayHaveLazy = true;
    const { layout, state } = this.#parts;
    state.tableGrowth.bytes = 0;
    if (layout.exceededSinceMs === 0) layout.setExceededSince(state.nowMs);
    for (let n = 1; ; n++) {
      step = this.#step(used > limit * (1 + TOLERANCE));
      if (step === STEP_FREED) {
        used -= this.#freed;
        this.hasFreed = true;
        fruitless = 0;
      } else if (step !== STEP_FRUITLESS || ++fruitless === FRUITLESS_MAX) break;
      if (used > limit) {
        if (n % STEPS_PER_LOOK !== 0) continue;
        if (performance.now() - started >= budgetMs) break;
        used = this.#usedBytes();
      }
      if (used <= goal || (used <= limit && --spare === 0)) break;
    }
    this.#letGo();
    this.#flushCount();
    this.onCycle(performance.now() - started);
    used = this.#usedBytes();
    if (used <= limit) return this.#below(limit, used);
    this.#lowest = Math.min(this.#lowest, used);
    this.#credit = 0;
    if (step === STEP_NOTHING) {
      // Buffers of clients, which may be gone by now, have keys evicted, but nobody refused.
      return keyspaceBytes(this.#parts.shards) <= limit ? ROOM_GIVEN : ROOM_NONE;
    }
    if (budgetMs !== SLICE_MS) this.#ringOwners(started);
    const isKept = used <= Math.max(limit, this.#lowest) + limit * TOLERANCE;
    return isKept ? ROOM_GIVEN : ROOM_LATER;
  }

  /** Frees something: what waits to be freed, otherwise a key. */
  #step(isFarAbove: boolean): number {
    if (this.#mayHaveLazy) {
      const step = this.#stepLazy(isFarAbove);
      if (step !== STEP_NOTHING) return step;
    }
    const evictor = this.#evictor;
    const place = evictor.draw();
    if (place < 0) return STEP_NOTHING;
    const isFree = this.#switchTo(evictor.shardOfPlace(place));
    if (evictor.isRandom) {
      if (isFree) return evictor.takeRandom(place) ? this.#evicted() : STEP_FRUITLESS;
    } else {
      if (isFree) evictor.look(place);
      let tried = 0;
      for (let best = evictor.best(tried); best >= 0; best = evictor.best(tried)) {
        if (!this.#switchTo(evictor.shardOfCandidate(best))) tried |= 1 << best;
        else if (evictor.take(best)) return this.#evicted();
      }
    }
    return STEP_FRUITLESS;
  }

  /** A key of the shard that is held has gone. */
  #evicted(): number {
    const shard = this.#parts.shards[this.#held]!;
    this.#freed = this.#usedBefore - shard.arena.usedBytes();
    this.#usedBefore -= this.#freed;
    if (!shard.lazy.isEmpty) this.#mayHaveLazy = true;
    return STEP_FREED;
  }

  /**
   * Frees a slice of what waits for it. STEP_NOTHING when nothing waits, or (far above the limit)
   * not where this thread gets at it.
   */
  #stepLazy(isFarAbove: boolean): number {
    this.#mayHaveLazy = false;
    for (const shard of this.#parts.shards) {
      if (shard.lazy.isEmpty) continue;
      this.#mayHaveLazy = true;
      if (this.#isLazy && !isFarAbove) continue;
      if (!this.#switchTo(shard.index)) continue;
      // What was flushed during a snapshot is in it: only the owner knows what has been written.
      if ((this.#parts.guard.mode & MODE_SNAPSHOT) !== 0) continue;
      shard.lazy.step(UNITS_PER_STEP);
      this.#freed = this.#usedBefore - shard.arena.usedBytes();
      this.#usedBefore -= this.#freed;
      return STEP_FREED;
    }
    return this.#mayHaveLazy && !isFarAbove ? STEP_WAITS : STEP_NOTHING;
  }

  /** Holds a shard instead of the one before. False when another thread has it. */
  #switchTo(shard: number): boolean {
    if (this.#held !== shard) {
      this.#letGo();
      this.#hold = this.#parts.locks.holdBriefly(shard);
      if (this.#hold === HOLD_NONE) return false;
      this.#held = shard;
      this.#usedBefore = this.#parts.shards[shard]!.arena.usedBytes();
    }
    return true;
  }

  #letGo(): void {
    if (this.#hold === HOLD_LEASED) this.#parts.locks.endLease(this.#held);
    this.#hold = HOLD_NONE;
    this.#held = -1;
  }

  #flushCount(): void {
    const { state, stats } = this.#parts;
    stats.add(STAT.evictedKeys, state.evictedKeys);
    state.evictedKeys = 0;
  }

  /** Has the shard workers go on. */
  #ringOwners(nowMs: number): void {
    if (nowMs - this.#rungMs < RING_MS) return;
    this.#rungMs = nowMs;
    this.#parts.locks.ringWorkers();
  }
}
