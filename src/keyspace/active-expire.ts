/**
 * The active expire cycle of one shard: frees what is due, in slices, so that expired keys go
 * within a second of their time even when nobody asks for them. Runs on the owner, which holds the
 * shard for one slice at a time.
 */
import { Key } from './key.ts';
import type { Shard } from './shard.ts';

/**
 * Due hints looked at in one slice, of at most 8 buckets each where there was memory for the table
 * of hints.
 */
const HINTS_PER_SLICE = 8;

export class ActiveExpire {
  readonly #shard: Shard;
  readonly #key = new Key();
  readonly #expired: number[] = [];
  /** The database that the running pass has reached. */
  #db = 0;
  #earliest = 0;

  constructor(shard: Shard) {
    this.#shard = shard;
  }

  /**
   * True when some database may have expired keys. O(databases). Needs no lock: a wrong answer is
   * corrected later.
   */
  isDue(nowMs: number): boolean {
    for (let db = 0; db < this.#shard.databases; db++) {
      if (this.#shard.expires(db) !== 0 && this.#shard.hints(db).isDue(nowMs)) return true;
    }
    return false;
  }

  /** One slice, in one database. True when the pass over all databases is complete. */
  slice(): boolean {
    const shard = this.#shard;
    const { nowMs } = shard.state;
    for (; this.#db < shard.databases; this.#db++) {
      const hints = shard.hints(this.#db);
      if (shard.expires(this.#db) === 0 || !hints.isDue(nowMs)) continue;
      const dict = shard.dict(this.#db);
      if (hints.cycle(dict, nowMs, HINTS_PER_SLICE, this.#collect)) this.#db += 1;
      return false;
    }
    this.#db = 0;
    return true;
  }

  readonly #collect = (unit: number): number => {
    const shard = this.#shard;
    this.#expired.length = 0;
    this.#earliest = 0;
    shard.dict(this.#db).visitUnit(unit, this.#visit);
    for (const ref of this.#expired) {
      shard.state.expiredKeys += 1;
      shard.deleteEntry(this.#db, ref, this.#key);
    }
    return this.#earliest;
  };

  readonly #visit = (ref: number): void => {
    const expireMs = this.#shard.expireMs(ref);
    if (expireMs === 0) return;
    if (expireMs <= this.#shard.state.nowMs) this.#expired.push(ref);
    else if (this.#earliest === 0 || expireMs < this.#earliest) this.#earliest = expireMs;
  };
}
