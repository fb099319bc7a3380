/**
 * WaitTable: the keys of a shard that blocked clients wait for, and who waits, in order of arrival.
 *
 * LAYOUT  a KeyTable with three words in an entry: first and last waiter of the key, and how many
 *         of them also wait for the key to go. What waiters are is the business of whoever keeps
 *         the list (server/wait-records.ts): not 0. The owner's word in the header counts the keys
 *         that somebody waits for to go.
 *
 * OWNERSHIP  only under an exclusive hold of the shard.
 */
import { KeyTable } from './key-table.ts';

const FIRST = 3;
const LAST = 4;
const FOR_GONE = 5;
/** Word in the header. */
const KEYS_FOR_GONE = 3;

export class WaitTable extends KeyTable {
  /** The first waiter of a key; 0 = nobody waits. O(1). */
  first(db: number, lo: number, hi: number): number {
    const at = this.find(db, lo, hi);
    return at < 0 ? 0 : this.u32[at + FIRST]!;
  }

  /**
   * Makes `waiter` the last one of a key; `isForGone`: it also waits for the key to go. Returns the
   * one before it (0 = none), or -1 when the arena is full.
   */
  append(db: number, lo: number, hi: number, waiter: number, isForGone: boolean): number {
    const { u32 } = this;
    let at = this.find(db, lo, hi);
    if (at < 0) {
      at = this.add(db, lo, hi);
      if (at < 0) return -1;
      u32[at + FIRST] = waiter;
    }
    const before = u32[at + LAST]!;
    u32[at + LAST] = waiter;
    if (isForGone) this.#countForGone(at, 1);
    return before;
  }

  /** One waiter for the key to go more or less. */
  #countForGone(at: number, by: number): void {
    const { u32, base } = this;
    const before = u32[at + FOR_GONE]!;
    u32[at + FOR_GONE] = before + by;
    if (before === 0 || before + by === 0) u32[base + KEYS_FOR_GONE] = this.sizeForGone + by;
  }

  /** Keys that somebody waits for to go. Any thread may read it. */
  get sizeForGone(): number {
    return this.u32[this.base + KEYS_FOR_GONE]!;
  }

  /** Whether some waiter of a key waits for it to go, too. O(1). */
  isForGone(db: number, lo: number, hi: number): boolean {
    const at = this.find(db, lo, hi);
    return at >= 0 && this.u32[at + FOR_GONE] !== 0;
  }

  /** Takes a waiter out that stands between `before` and `after` (0 = none). O(1). */
  unlink(
    db: number,
    lo: number,
    hi: number,
    before: number,
    after: number,
    isForGone: boolean,
  ): void {
    const { u32 } = this;
    const at = this.find(db, lo, hi);
    if (isForGone) this.#countForGone(at, -1);
    if (before === 0 && after === 0) {
      this.remove(at);
      return;
    }
    if (before === 0) u32[at + FIRST] = after;
    if (after === 0) u32[at + LAST] = before;
  }

  /** Calls `visit` for the keys of a database that somebody waits for. O(capacity). */
  visitKeys(db: number, visit: (lo: number, hi: number) => void): void {
    this.visitDatabase(db, (_at, lo, hi) => visit(lo, hi));
  }
}
