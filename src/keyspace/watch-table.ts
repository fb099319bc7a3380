/**
 * WatchTable: which keys of a shard are WATCHed, and a version of each that every change moves on.
 *
 * LAYOUT  a KeyTable whose header word is the version counter, with two words in an entry:
 *         watchers, version.
 *
 * Two keys that collide share an entry: a transaction could then be aborted for a change to the
 * other key (once in 2^64 pairs), never run when it must not.
 *
 * OWNERSHIP  only under an exclusive hold of the shard.
 */
import { KeyTable } from './key-table.ts';

const STAMP = 3;
const WATCHERS = 3;
const VERSION = 4;

export class WatchTable extends KeyTable {
  /** Adds a watcher. Returns the key's version now, or -1 when the arena is full. */
  watch(db: number, lo: number, hi: number): number {
    const { u32 } = this;
    let at = this.find(db, lo, hi);
    if (at < 0) {
      at = this.add(db, lo, hi);
      if (at < 0) return -1;
      u32[at + VERSION] = u32[this.base + STAMP]!;
    }
    u32[at + WATCHERS] = u32[at + WATCHERS]! + 1;
    return u32[at + VERSION]!;
  }

  /** The version of a watched key, or -1 when nobody watches it. */
  version(db: number, lo: number, hi: number): number {
    const at = this.find(db, lo, hi);
    return at < 0 ? -1 : this.u32[at + VERSION]!;
  }

  /** Says that a key changed. O(1); nothing to do where nobody watches. */
  touch(db: number, lo: number, hi: number): void {
    const at = this.find(db, lo, hi);
    if (at >= 0) this.u32[at + VERSION] = this.#nextStamp();
  }

  /**
   * Says that the watched keys of a database that `matters` selects changed (FLUSHDB, SWAPDB).
   * O(capacity).
   */
  touchDatabase(db: number, matters: (lo: number, hi: number) => boolean): void {
    this.visitDatabase(db, (at, lo, hi) => {
      if (matters(lo, hi)) this.u32[at + VERSION] = this.#nextStamp();
    });
  }

  #nextStamp(): number {
    const stamp = (this.u32[this.base + STAMP]! + 1) & 0x7fffffff;
    this.u32[this.base + STAMP] = stamp;
    return stamp;
  }

  /** Takes a watcher away; the entry goes with the last one. */
  unwatch(db: number, lo: number, hi: number): void {
    const { u32 } = this;
    const at = this.find(db, lo, hi);
    if (at < 0) return;
    u32[at + WATCHERS] = u32[at + WATCHERS]! - 1;
    if (u32[at + WATCHERS] !== 0) return;
    // A key watched anew must not meet a version that an older watcher of it remembers.
    this.#nextStamp();
    this.remove(at);
  }
}
