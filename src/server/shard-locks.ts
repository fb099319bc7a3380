/**
 * ShardLocks: the holds of one thread on shards. All or nothing for several shards: a thread never
 * waits while it holds.
 */
import type { DoorbellRinger } from '../sync/doorbell.ts';
import * as lock from '../sync/lock-word.ts';
import type { SharedLayout } from './shared-layout.ts';

/**
 * Looks at a contended word before giving up: another I/O thread's lease lasts well under a
 * microsecond.
 */
const LEASE_SPINS = 40;

/** How long background work leaves a shard alone that others want, or have wanted and forgotten. */
const YIELD_MS_MAX = 3;

/** Answers of `holdBriefly`. */
export const HOLD_NONE = 0;
export const HOLD_OWN = 1;
export const HOLD_LEASED = 2;

export class ShardLocks {
  readonly #words: Int32Array;
  readonly #layout: SharedLayout;
  readonly #thread: number;
  readonly #workers: readonly DoorbellRinger[];
  /** Shards held, exclusively or (isShared) as long reader. */
  readonly #held: number[] = [];
  #isShared = false;
  readonly #one = [0];
  /** Since when background work of this thread leaves a shard alone, by shard; 0 = it does not. */
  readonly #yieldsSinceMs: number[] = [];
  /** The shard whose lease `keepLease` has kept; -1 = none. */
  #kept = -1;
  readonly #keepsLeases: boolean;
  /** Which shards of `enterAll` are joined rather than leased. */
  readonly #joined: boolean[] = [];
  #hasJoined = false;

  constructor(layout: SharedLayout, thread: number, workers: readonly DoorbellRinger[]) {
    this.#words = layout.words;
    this.#layout = layout;
    this.#thread = thread;
    this.#workers = workers;
    this.#keepsLeases = layout.topology.ioThreads === 1;
  }

  get isHolding(): boolean {
    return this.#held.length !== 0;
  }

  /** Whether `test` is true of a shard that is held. */
  holdsAny(test: (shard: number) => boolean): boolean {
    return this.#held.some(test);
  }

  get isShared(): boolean {
    return this.#isShared;
  }

  /**
   * A worker's acquire of one more shard, exclusively, beside those it holds. On false nothing is
   * held, and whoever frees the busy shard will ring the workers.
   */
  acquireAlso(shard: number): boolean {
    if (this.#isShared) this.releaseAll();
    for (let i = 0; i < this.#held.length; i++) if (this.#held[i] === shard) return true;
    const at = this.#layout.lockWord(shard);
    if (lock.tryLock(this.#words, at, this.#thread)) {
      this.#held.push(shard);
      return true;
    }
    this.#one[0] = shard;
    return this.acquire(this.#one, 1, false);
  }

  /** Leases one shard, with a short spin against other leases. */
  lease(shard: number): boolean {
    const at = this.#layout.lockWord(shard);
    if (lock.tryLease(this.#words, at, this.#thread)) return true;
    for (let i = 0; i < LEASE_SPINS; i++) {
      Atomics.pause();
      if (this.#words[at] === 0 && lock.tryLease(this.#words, at, this.#thread)) return true;
    }
    return false;
  }

  /**
   * `lease` for one command behind another: where the one before was kept for this shard and nobody
   * waits for it, that one goes on. It is given back where it is not.
   */
  leaseNext(shard: number): boolean {
    if (this.#kept >= 0) {
      const at = this.#layout.lockWord(shard);
      // A plain look: who begins to wait just now is seen by the command after this one.
      if (this.#kept === shard && this.#words[at] === this.#thread) return true;
      this.dropKept();
    }
    return this.lease(shard);
  }

  /**
   * Keeps a lease of `leaseNext` for the next command, which spares it two locked instructions;
   * `dropKept` must follow before this thread does anything else with shards, and when no command
   * is at hand. With several I/O threads it just ends: another one would find the shard taken, and
   * send to its worker what it would have done after an instant.
   */
  keepLease(shard: number): void {
    if (this.#keepsLeases) this.#kept = shard;
    else this.endLease(shard);
  }

  /** Ends a lease of `leaseNext`. */
  endNext(shard: number): void {
    this.#kept = -1;
    this.endLease(shard);
  }

  /** Gives back the lease that is kept, if any. */
  dropKept(): void {
    const shard = this.#kept;
    if (shard >= 0) this.endNext(shard);
  }

  /**
   * A hold for an instant between two commands: HOLD_OWN where this thread has the shard for itself
   * anyway, HOLD_LEASED to be given back by `endLease`, HOLD_NONE when another one has it. Never
   * waits, so it may be asked for whatever the thread holds. (Leases of commands are not known
   * here: nobody asks while one lasts.)
   */
  holdBriefly(shard: number): number {
    for (let i = 0; i < this.#held.length; i++) {
      if (this.#held[i] === shard) return this.#isShared ? HOLD_NONE : HOLD_OWN;
    }
    const at = this.#layout.lockWord(shard);
    return lock.tryLease(this.#words, at, this.#thread) ? HOLD_LEASED : HOLD_NONE;
  }

  /** True while this thread has the shard for itself, by whatever kind of hold. */
  isMine(shard: number): boolean {
    return lock.holderOf(this.#words, this.#layout.lockWord(shard)) === this.#thread;
  }

  /**
   * Says that a read wants the shard, or has got at it: whoever holds it for background work gives
   * it up soon.
   */
  want(shard: number, isWanted: boolean): void {
    lock.setWanted(this.#words, this.#layout.lockWord(shard), isWanted);
  }

  /**
   * True where background work is to leave a shard to those who want it. A hold of a millisecond
   * after each pause of less than one would keep a read out for many of them.
   */
  mustYield(shard: number): boolean {
    const at = this.#layout.lockWord(shard);
    const since = this.#yieldsSinceMs[shard] ?? 0;
    if (!lock.isWanted(this.#words, at)) {
      if (since !== 0) this.#yieldsSinceMs[shard] = 0;
      return false;
    }
    const nowMs = performance.now();
    if (since === 0) this.#yieldsSinceMs[shard] = nowMs;
    if (since === 0 || nowMs - since < YIELD_MS_MAX) return true;
    lock.setWanted(this.#words, at, false);
    this.#yieldsSinceMs[shard] = 0;
    return false;
  }

  /** Ends a lease taken by `lease`. */
  endLease(shard: number): void {
    if (lock.release(this.#words, this.#layout.lockWord(shard))) this.ringWorkers();
  }

  /** Leases all of `shards` [0, count) or none. */
  leaseAll(shards: ArrayLike<number>, count: number): boolean {
    for (let i = 0; i < count; i++) {
      if (!this.lease(shards[i]!)) {
        for (let j = 0; j < i; j++) this.endLease(shards[j]!);
        return false;
      }
    }
    return true;
  }

  endAllLeases(shards: ArrayLike<number>, count: number): void {
    for (let i = 0; i < count; i++) this.endLease(shards[i]!);
  }

  /**
   * Gets at all of `shards` [0, count) for one plain read, or at none: leased, or joined where a
   * long read lets others in. Ended by `leaveAll` with the same shards.
   */
  enterAll(shards: ArrayLike<number>, count: number): boolean {
    this.#hasJoined = false;
    for (let i = 0; i < count; i++) {
      const shard = shards[i]!;
      this.#joined[i] = this.join(shard);
      if (this.#joined[i]) this.#hasJoined = true;
      else if (!this.lease(shard)) {
        this.leaveAll(shards, i);
        return false;
      }
    }
    return true;
  }

  leaveAll(shards: ArrayLike<number>, count: number): void {
    for (let i = 0; i < count; i++) {
      if (this.#joined[i]) this.leaveJoined(shards[i]!);
      else this.endLease(shards[i]!);
    }
  }

  /** True where the last `enterAll` joined others. */
  get hasJoined(): boolean {
    return this.#hasJoined;
  }

  /** Joins a long read of a shard for one plain read. */
  join(shard: number): boolean {
    return lock.tryJoin(this.#words, this.#layout.lockWord(shard));
  }

  leaveJoined(shard: number): void {
    if (lock.leaveJoined(this.#words, this.#layout.lockWord(shard))) this.ringWorkers();
  }

  /**
   * A worker's acquire of all of `shards` [0, count), exclusive or shared. On false nothing is
   * held, and whoever frees the busy shard will ring the workers.
   */
  acquire(shards: ArrayLike<number>, count: number, isShared: boolean): boolean {
    this.releaseAll();
    this.#isShared = isShared;
    for (let i = 0; i < count; i++) {
      const at = this.#layout.lockWord(shards[i]!);
      while (!this.#tryOne(at, isShared)) {
        // Spin shortly: most holds are leases of well under a microsecond.
        if (this.#spin(at, isShared)) break;
        if (!lock.announceWaiter(this.#words, at)) continue;
        this.releaseAll();
        return false;
      }
      this.#held.push(shards[i]!);
    }
    return true;
  }

  #tryOne(at: number, isShared: boolean): boolean {
    return isShared
      ? lock.tryLockShared(this.#words, at)
      : lock.tryLock(this.#words, at, this.#thread);
  }

  #spin(at: number, isShared: boolean): boolean {
    for (let i = 0; i < LEASE_SPINS; i++) {
      Atomics.pause();
      if (this.#tryOne(at, isShared)) return true;
    }
    return false;
  }

  /**
   * Lets plain reads into the shards held exclusively, until `upgrade`. False when another thread
   * does the same: one at a time, because `upgrade` waits while it holds.
   */
  downgrade(): boolean {
    if (Atomics.compareExchange(this.#words, this.#layout.buildWord, 0, 1) !== 0) return false;
    for (const shard of this.#held) lock.downgrade(this.#words, this.#layout.lockWord(shard));
    return true;
  }

  /**
   * Takes the shards of `downgrade` back for itself. Waits for plain reads, which are short, and
   * for slow reads of other workers, which do not wait for anything.
   */
  upgrade(): void {
    for (const shard of this.#held) {
      const at = this.#layout.lockWord(shard);
      while (!lock.tryUpgrade(this.#words, at, this.#thread)) Atomics.pause();
    }
    Atomics.store(this.#words, this.#layout.buildWord, 0);
  }

  /** Gives everything back that `acquire` took. */
  releaseAll(): void {
    let mustRing = false;
    for (const shard of this.#held) {
      const at = this.#layout.lockWord(shard);
      const waited = this.#isShared
        ? lock.releaseShared(this.#words, at)
        : lock.release(this.#words, at);
      mustRing ||= waited;
    }
    this.#held.length = 0;
    this.#isShared = false;
    if (mustRing) this.ringWorkers();
  }

  ringWorkers(): void {
    for (const worker of this.#workers) worker.ring();
  }
}
