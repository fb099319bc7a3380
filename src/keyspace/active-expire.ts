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
/** Due hints of one hash looked at in one slice. */
const FIELD_HINTS_PER_SLICE = 4;
/** Fields freed in one slice, or a few more: those that are left keep their hash due. */
const FIELDS_PER_SLICE = 2000;

export class ActiveExpire {
  readonly #shard: Shard;
  readonly #key = new Key();
  readonly #expired: number[] = [];
  /** Hashes with fields that may have expired. */
  readonly #hashes: number[] = [];
  #fieldsLeft = 0;
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
      if (this.#mayExpire(db) && this.#shard.hints(db).isDue(nowMs)) return true;
    }
    return false;
  }

  /** True when some key of a database, or a field of one, has a time of expiry. */
  #mayExpire(db: number): boolean {
    return this.#shard.expires(db) !== 0 || this.#shard.fieldExpires(db) !== 0;
  }

  /** One slice, in one database. True when the pass over all databases is complete. */
  slice(): boolean {
    const shard = this.#shard;
    const { nowMs } = shard.state;
    this.#fieldsLeft = FIELDS_PER_SLICE;
    for (; this.#db < shard.databases; this.#db++) {
      const hints = shard.hints(this.#db);
      if (!this.#mayExpire(this.#db) || !hints.isDue(nowMs)) continue;
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
    this.#hashes.length = 0;
    this.#earliest = 0;
    shard.dict(this.#db).visitUnit(unit, this.#visit);
    for (const ref of this.#expired) shard.deleteEntry(this.#db, ref, this.#key);
    for (const ref of this.#hashes) this.#expireFields(ref);
    return this.#earliest;
  };

  /** Frees fields of a hash that have expired, and the hash with the last one. */
  #expireFields(ref: number): void {
    const shard = this.#shard;
    const key = this.#key;
    const { nowMs } = shard.state;
    if (this.#fieldsLeft <= 0) {
      this.#noteEarliest(nowMs);
      return;
    }
    // A copy: the key lies in the block that may be replaced, and others are told its name then.
    const at = shard.keyOffset(ref);
    const bytes = shard.u8.slice(at, at + shard.keyLength(ref));
    key.locate(shard.hasher, bytes, 0, bytes.length, 1);
    if (shard.find(this.#db, key) !== ref) return;
    const freed = shard.hashes.expireDue(this.#db, key, ref, FIELD_HINTS_PER_SLICE);
    this.#fieldsLeft -= freed;
    if (shard.hashes.ref === 0) return;
    const earliest = shard.hashes.earliestMs(shard.hashes.ref);
    if (earliest !== 0) this.#noteEarliest(earliest);
  }

  #noteEarliest(expireMs: number): void {
    if (this.#earliest === 0 || expireMs < this.#earliest) this.#earliest = expireMs;
  }

  readonly #visit = (ref: number): void => {
    const shard = this.#shard;
    const { nowMs } = shard.state;
    const expireMs = shard.expireMs(ref);
    if (expireMs !== 0) {
      if (expireMs <= nowMs) {
        // What is written in slices expires when that is done.
        if (ref === shard.emittedRef) this.#noteEarliest(nowMs);
        else this.#expired.push(ref);
        return;
      }
      this.#noteEarliest(expireMs);
    }
    if (!shard.hasFieldExpires(ref)) return;
    const earliest = shard.hashes.earliestMs(ref);
    if (earliest === 0) return;
    if (earliest <= nowMs) this.#hashes.push(ref);
    else this.#noteEarliest(earliest);
  };
}
