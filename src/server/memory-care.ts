/**
 * MemoryCare: what a shard worker does so that memory that is not needed goes back: pages that hold
 * nothing are given to the system, and with `activedefrag yes` slabs that hold little are emptied.
 *
 * PAGES  A window of some seconds knows the least that was free during it; that much was not needed
 *   and goes back. Data that comes and goes keeps its pages, which are expensive to get again.
 *
 * DEFRAGMENTATION  starts above `active-defrag-ignore-bytes` and `active-defrag-threshold-lower`
 *   per cent of the live bytes of all shards, and ends when a round over the worker's own shards
 *   leaves it below, or gains nothing. It takes `active-defrag-cycle-min` to `-max` per cent of the
 *   thread's time, in holds of at most 0.5 ms. It rests while a snapshot is written (entries may
 *   be in the middle of that) and while data is loaded.
 *
 * COST  Four times a second a sum over the shards' headers; without free pages nothing else.
 */
import { Defragmenter } from '../keyspace/defragmenter.ts';
import type { Shard } from '../keyspace/shard.ts';
import type { ConfigStore } from './config/store.ts';
import type { ShardLocks } from './shard-locks.ts';
import { MODE_SNAPSHOT, type SharedLayout } from './shared-layout.ts';
import { STAT, type ThreadStats } from './thread-stats.ts';

const DECIDE_MS = 250;
const DECIDE_MS_ACTIVE = 100;
const WINDOW_MS = 5000;
/** Less than this stays: it is not worth the system calls. */
const RELEASE_BYTES_MIN = 1024 * 1024;
/** In one system call, some 0.2 ms. */
const RELEASE_BYTES_PER_CALL = 2 * 1024 * 1024;
/** One hold. */
const HOLD_MS_MAX = 0.5;
/** Pause between two holds that give pages back. */
const RELEASE_PAUSE_MS = 2;
/** Until a shard that is in use, or a snapshot, is looked at again. */
const RETRY_MS = 1;
/** A round that gains less is the last one until there is more to gain. */
const GAIN_BYTES_MIN = 64 * 1024;

export interface MemoryCareParts {
  readonly layout: SharedLayout;
  readonly config: ConfigStore;
  readonly locks: ShardLocks;
  readonly stats: ThreadStats;
  /** All shards of the server. */
  readonly shards: readonly Shard[];
}

/** Bytes of slabs and runs of shards, and bytes of live blocks in them. */
interface Fill {
  held: number;
  used: number;
}

function fillOf(shards: readonly Shard[]): Fill {
  const fill = { held: 0, used: 0 };
  for (const { arena } of shards) {
    fill.held += arena.heldBytes();
    fill.used += arena.usedBytes();
  }
  return fill;
}

export class MemoryCare {
  /** Told how long each hold for defragmentation was, in ms. */
  onDefrag: (ms: number) => void = () => undefined;
  readonly #parts: MemoryCareParts;
  readonly #owned: readonly Shard[];
  readonly #defragmenters: readonly Defragmenter[];
  /** By owned shard: the least bytes free in the running window, and bytes still to give back. */
  readonly #leastFree: Float64Array;
  readonly #toRelease: Float64Array;
  #windowEndMs = 0;
  #decideAtMs = 0;
  #releaseAtMs = Number.POSITIVE_INFINITY;
  #defragAtMs = Number.POSITIVE_INFINITY;
  /** Per cent of the thread's time for defragmentation; 0 = it is not running. */
  #effort = 0;
  /** The owned shard in work. */
  #current = 0;
  #startedMs = 0;
  /** Up to when the time of a run is in the statistics. */
  #countedMs = 0;
  #wasteAtStart = 0;
  /** Waste that a round could not reduce. */
  #stuckBytes = 0;
  #sliceMs = HOLD_MS_MAX;

  constructor(parts: MemoryCareParts, owned: readonly Shard[]) {
    this.#parts = parts;
    this.#owned = owned;
    this.#defragmenters = owned.map((shard) => new Defragmenter(shard));
    this.#leastFree = new Float64Array(owned.length);
    this.#toRelease = new Float64Array(owned.length);
  }

  /**
   * Does what is due, in one hold of one shard at most for each of both tasks. Returns in how many
   * ms the next of it is; Infinity = nothing is going on. The thread holds nothing meanwhile.
   */
  run(): number {
    const nowMs = performance.now();
    if (nowMs >= this.#decideAtMs) this.#decide(nowMs);
    if (nowMs >= this.#releaseAtMs) this.#release(nowMs);
    if (nowMs >= this.#defragAtMs) this.#defragment(nowMs);
    return Math.max(0, Math.min(this.#releaseAtMs, this.#defragAtMs) - nowMs);
  }

  #decide(nowMs: number): void {
    const isWindowOver = nowMs >= this.#windowEndMs;
    for (let i = 0; i < this.#owned.length; i++) {
      const free = this.#owned[i]!.arena.dirtyBytes();
      const least = Math.min(this.#leastFree[i]!, free);
      this.#leastFree[i] = isWindowOver ? free : least;
      if (!isWindowOver || least < RELEASE_BYTES_MIN) continue;
      this.#toRelease[i] = least;
      this.#releaseAtMs = Math.min(this.#releaseAtMs, nowMs);
    }
    if (isWindowOver) this.#windowEndMs = nowMs + WINDOW_MS;
    this.#decideDefrag(nowMs);
    this.#decideAtMs = nowMs + (this.#effort === 0 ? DECIDE_MS : DECIDE_MS_ACTIVE);
  }

  // ---- pages

  #release(nowMs: number): void {
    const { locks } = this.#parts;
    const at = this.#toRelease.findIndex((bytes) => bytes > 0);
    if (at < 0) {
      this.#releaseAtMs = Number.POSITIVE_INFINITY;
      return;
    }
    const shard = this.#owned[at]!;
    if (!locks.lease(shard.index)) {
      this.#releaseAtMs = nowMs + RETRY_MS;
      return;
    }
    let left = this.#toRelease[at]!;
    do {
      const released = shard.arena.release(Math.min(left, RELEASE_BYTES_PER_CALL));
      left = released === 0 ? 0 : left - released;
    } while (left > 0 && performance.now() - nowMs < HOLD_MS_MAX);
    locks.endLease(shard.index);
    this.#toRelease[at] = Math.max(0, left);
    this.#releaseAtMs = performance.now() + RELEASE_PAUSE_MS;
  }

  // ---- defragmentation

  #decideDefrag(nowMs: number): void {
    const { config, layout, shards, stats } = this.#parts;
    if (!config.bool('activedefrag') || layout.isLoading) {
      this.#stuckBytes = 0;
      if (this.#effort !== 0) this.#end(nowMs);
      return;
    }
    if (this.#effort !== 0) this.#countTime(nowMs);
    const { held, used } = fillOf(shards);
    const waste = held - used;
    const percent = used === 0 ? 0 : (waste * 100) / used;
    if (this.#effort === 0) {
      if (percent < config.int('active-defrag-threshold-lower')) return;
      if (waste < config.int('active-defrag-ignore-bytes') || waste <= this.#stuckBytes) return;
      this.#current = -1;
      if (!this.#next()) return;
      this.#wasteAtStart = waste;
      this.#startedMs = nowMs;
      this.#countedMs = nowMs;
      this.#defragAtMs = nowMs;
    }
    const us = config.int('active-defrag-cycle-us');
    this.#sliceMs = us === 0 ? HOLD_MS_MAX : Math.min(us / 1000, HOLD_MS_MAX);
    this.#effort = this.#effortFor(percent);
    stats.counters[STAT.defragEffort] = this.#effort;
  }

  #effortFor(percent: number): number {
    const { config } = this.#parts;
    const lower = config.int('active-defrag-threshold-lower');
    const upper = config.int('active-defrag-threshold-upper');
    const min = config.int('active-defrag-cycle-min');
    const max = config.int('active-defrag-cycle-max');
    const share = upper > lower ? (percent - lower) / (upper - lower) : 1;
    const effort = min + (max - min) * Math.min(1, Math.max(0, share));
    return Math.round(Math.min(Math.max(min, max), Math.max(Math.min(min, max), effort)));
  }

  /** Goes to the next owned shard that has something to gain. False when there is none. */
  #next(): boolean {
    const lower = this.#parts.config.int('active-defrag-threshold-lower');
    while (++this.#current < this.#owned.length) {
      const { arena } = this.#owned[this.#current]!;
      const waste = arena.heldBytes() - arena.usedBytes();
      if (waste >= GAIN_BYTES_MIN && waste * 100 >= lower * arena.usedBytes()) {
        const defragmenter = this.#defragmenters[this.#current]!;
        defragmenter.elementsMax = this.#parts.config.int('active-defrag-max-scan-fields');
        return true;
      }
    }
    return false;
  }

  #countTime(nowMs: number): void {
    const { stats } = this.#parts;
    stats.add(STAT.defragMillis, nowMs - this.#countedMs);
    stats.counters[STAT.defragNowMillis] = nowMs - this.#startedMs;
    this.#countedMs = nowMs;
  }

  #end(nowMs: number): void {
    const { stats } = this.#parts;
    this.#countTime(nowMs);
    for (const defragmenter of this.#defragmenters) defragmenter.stop();
    this.#effort = 0;
    this.#defragAtMs = Number.POSITIVE_INFINITY;
    stats.counters[STAT.defragEffort] = 0;
    stats.counters[STAT.defragNowMillis] = 0;
  }

  #defragment(nowMs: number): void {
    const { locks } = this.#parts;
    const shard = this.#owned[this.#current]!;
    this.#defragAtMs = nowMs + RETRY_MS;
    // What waits to be freed need not be moved.
    if (this.#isSnapshotRunning || !shard.lazy.isEmpty || locks.mustYield(shard.index)) return;
    if (!locks.lease(shard.index)) return;
    if (this.#isSnapshotRunning) {
      // It began before the shard was held.
      locks.endLease(shard.index);
      return;
    }
    const defragmenter = this.#defragmenters[this.#current]!;
    const untilMs = nowMs + this.#sliceMs;
    let isDone = false;
    do isDone = defragmenter.step();
    while (!isDone && performance.now() < untilMs && !locks.mustYield(shard.index));
    locks.endLease(shard.index);
    this.#count(defragmenter);
    const endMs = performance.now();
    this.onDefrag(endMs - nowMs);
    this.#defragAtMs = endMs + ((endMs - nowMs) * (100 - this.#effort)) / this.#effort;
    if (isDone && !this.#next()) this.#endRound(endMs);
  }

  get #isSnapshotRunning(): boolean {
    const { layout } = this.#parts;
    return (layout.words[layout.durabilityModeWord]! & MODE_SNAPSHOT) !== 0;
  }

  /** After a round over the owned shards: another one, or the end. */
  #endRound(nowMs: number): void {
    const { held, used } = fillOf(this.#parts.shards);
    const waste = held - used;
    if (this.#wasteAtStart - waste < GAIN_BYTES_MIN) this.#stuckBytes = waste + GAIN_BYTES_MIN;
    const startedMs = this.#startedMs;
    this.#end(nowMs);
    this.#decideDefrag(nowMs);
    if (this.#effort !== 0) this.#startedMs = startedMs;
  }

  #count(defragmenter: Defragmenter): void {
    const { stats } = this.#parts;
    stats.add(STAT.defragHits, defragmenter.hits);
    stats.add(STAT.defragMisses, defragmenter.misses);
    stats.add(STAT.defragKeyHits, defragmenter.keyHits);
    stats.add(STAT.defragKeyMisses, defragmenter.keyMisses);
    defragmenter.hits = 0;
    defragmenter.misses = 0;
    defragmenter.keyHits = 0;
    defragmenter.keyMisses = 0;
  }
}
