/**
 * Evictor: chooses the keys that go when memory is full, over all shards and databases, and removes
 * them one by one. One a thread. It does not lock: whoever calls it holds the shard that a call is
 * about (exclusively), and no other.
 *
 * As in Redis, some keys are looked at at a time, the best of all seen so far stand in a pool, and
 * the best of those goes. Which shard is looked at next is drawn in proportion to the keys that may
 * be evicted there, so that every key has the same chance to be seen wherever it lies. A look takes
 * all keys of a bucket: they share the cache miss of the bucket, their own overlap, and each key is
 * seen with the same probability because its bucket is drawn evenly.
 */
import type { Ref } from '../memory/arena.ts';
import { HAS_TTL } from './entry.ts';
import {
  BY_NOTHING,
  BY_RANDOM,
  type EvictionPolicy,
  evictionPolicy,
  evictionScore,
} from './eviction-policy.ts';
import { EvictionPool } from './eviction-pool.ts';
import { Key } from './key.ts';
import type { Shard } from './shard.ts';
import type { ThreadState } from './thread-state.ts';

/** Draws after which the numbers of keys are looked at again, at least. */
const DRAWS_PER_COUNT_MIN = 64;
/** Databases (of any shard) whose numbers of keys are read for one draw, at most. */
const COUNTED_PER_DRAW = 4;
/** Bucket chains that one look takes at most. */
const UNITS_PER_LOOK = 16;
/** Where fewer than one key in this many has a TTL, those are found by their hints. */
const SPARSE = 8;
/** Hints passed over and taken in one look. */
const HINTS_PASSED_MAX = 1 << 15;
const HINTS_PER_LOOK = 16;

/** Entries of one bucket chain that are looked at; longer ones do not occur. */
const GATHERED_MAX = 256;

/** Whether a key may be removed now; asked before it is. */
export type MayEvict = (shard: Shard, db: number, key: Key) => boolean;

export class Evictor {
  /** Keys to look at for each one that is evicted. */
  samples = 5;
  readonly #shards: readonly Shard[];
  readonly #state: ThreadState;
  readonly #mayEvict: MayEvict;
  readonly #random: () => number;
  readonly #pool = new EvictionPool();
  readonly #key = new Key();
  #policy: EvictionPolicy = evictionPolicy('noeviction');
  /** Databases with keys that may be evicted: shard, database, and the keys up to its end. */
  readonly #placeShards: number[] = [];
  readonly #placeDbs: number[] = [];
  readonly #placeEnds: number[] = [];
  #drawsLeft = 0;
  /** The look in progress. */
  #shard: Shard;
  #db = 0;
  #seen = 0;
  #chosen: Ref = 0;
  #sought: Ref = 0;
  #earliestMs = 0;
  /** The entries of a bucket chain. */
  readonly #refs = new Uint32Array(GATHERED_MAX);
  #gathered = 0;

  /** `random` returns numbers from 0 up to, but not, 1. */
  constructor(
    shards: readonly Shard[],
    state: ThreadState,
    mayEvict: MayEvict = () => true,
    random: () => number = Math.random,
  ) {
    this.#shards = shards;
    this.#state = state;
    this.#mayEvict = mayEvict;
    this.#random = random;
    this.#shard = shards[0]!;
  }

  /** Takes a value of `maxmemory-policy`; what was seen under another one is forgotten. */
  setPolicy(name: string): void {
    const policy = evictionPolicy(name);
    const { order, isVolatile } = this.#policy;
    if (policy.order === order && policy.isVolatile === isVolatile) return;
    this.#policy = policy;
    this.#pool.clear();
    this.#drawsLeft = 0;
  }

  /** False under a policy that never evicts. */
  get isOn(): boolean {
    return this.#policy.order !== BY_NOTHING;
  }

  get isRandom(): boolean {
    return this.#policy.order === BY_RANDOM;
  }

  /**
   * Reads how many keys may be evicted where. Returns their number; 0 = none. Needs no lock.
   * O(shards * databases).
   */
  recount(): number {
    this.#placeShards.length = 0;
    this.#placeDbs.length = 0;
    this.#placeEnds.length = 0;
    this.#drawsLeft = 0;
    let total = 0;
    if (!this.isOn) return total;
    const { isVolatile } = this.#policy;
    const { databases } = this.#shards[0]!;
    for (const shard of this.#shards) {
      for (let db = 0; db < databases; db++) {
        const keys = isVolatile ? shard.expires(db) : shard.size(db);
        if (keys === 0) continue;
        total += keys;
        this.#placeShards.push(shard.index);
        this.#placeDbs.push(db);
        this.#placeEnds.push(total);
      }
    }
    const counted = this.#shards.length * databases;
    if (total !== 0) this.#drawsLeft = Math.max(DRAWS_PER_COUNT_MIN, counted / COUNTED_PER_DRAW);
    return total;
  }

  /**
   * Draws where to look next: a place for `look` and `takeRandom`; -1 when no key may be evicted.
   * Needs no lock. Amortised O(log places).
   */
  draw(): number {
    if (this.#drawsLeft <= 0 && this.recount() === 0) return -1;
    this.#drawsLeft -= 1;
    const ends = this.#placeEnds;
    const drawn = this.#random() * ends[ends.length - 1]!;
    let low = 0;
    for (let high = ends.length - 1; low < high; ) {
      const middle = (low + high) >>> 1;
      if (ends[middle]! > drawn) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** The shard to hold for a place. */
  shardOfPlace(place: number): number {
    return this.#placeShards[place]!;
  }

  /** The best candidate that is not in the mask `tried`; -1 = there is none. */
  best(tried: number): number {
    return this.#pool.best(tried);
  }

  /** The shard to hold for a candidate. */
  shardOfCandidate(index: number): number {
    return this.#pool.shard(index);
  }

  /** Looks at some keys of a place, whose shard is held, for the pool. */
  look(place: number): void {
    this.#lookAt(place, this.#offer);
  }

  /**
   * Evicts a key of a place at random. False when none was found or it may not go now. Its shard is
   * held.
   */
  takeRandom(place: number): boolean {
    const shard = this.#shards[this.#placeShards[place]!]!;
    this.#chosen = 0;
    if (this.#policy.isVolatile) this.#lookAt(place, this.#draw);
    else {
      const dict = shard.dict(this.#placeDbs[place]!);
      this.#chosen = dict.randomItem((below) => Math.floor(this.#random() * below));
      if (this.#chosen === 0) this.#drawsLeft = 0;
    }
    return this.#chosen !== 0 && this.#remove(shard, this.#placeDbs[place]!, this.#chosen);
  }

  /**
   * Takes a candidate out of the pool, whose shard is held, and evicts it. False when it is gone,
   * was used since it was seen, or may not go now.
   */
  take(index: number): boolean {
    const pool = this.#pool;
    const shard = this.#shards[pool.shard(index)]!;
    const db = pool.db(index);
    const ref = pool.ref(index);
    const lo = pool.lo(index);
    const score = pool.score(index);
    pool.remove(index);
    const dict = shard.dict(db);
    if (dict.size === 0) return false;
    this.#sought = ref;
    dict.visitUnit(lo & (dict.unitCount - 1), this.#seek);
    if (this.#sought !== 0) return false;
    if (this.#policy.isVolatile && shard.expireMs(ref) === 0) return false;
    if (evictionScore(shard, ref, this.#policy.order) < score) return false;
    return this.#remove(shard, db, ref);
  }

  #lookAt(place: number, visit: (ref: Ref) => void): void {
    this.#seen = 0;
    this.#visitSome(place, visit);
    // Perhaps there are none left: the next draw finds out.
    if (this.#seen === 0) this.#drawsLeft = 0;
  }

  #visitSome(place: number, visit: (ref: Ref) => void): void {
    const shard = this.#shards[this.#placeShards[place]!]!;
    const db = this.#placeDbs[place]!;
    const dict = shard.dict(db);
    this.#shard = shard;
    this.#db = db;
    const isSparse = this.#policy.isVolatile && shard.expires(db) * SPARSE < dict.size;
    if (isSparse) {
      this.#lookByHints(visit);
      return;
    }
    const units = dict.unitCount;
    const mask = this.#policy.isVolatile ? HAS_TTL : 0;
    for (let n = 0; n < UNITS_PER_LOOK && this.#seen < this.samples && units !== 0; n++) {
      this.#gatherUnit(Math.floor(this.#random() * units), mask);
      for (let i = 0; i < this.#gathered; i++) visit(this.#refs[i]!);
    }
  }

  /**
   * Collects the entries of a unit whose word 0 has the bits of `mask`. The loop over their words
   * is short enough for their cache misses to overlap: an eviction among 500,000 keys takes 2.6 us,
   * 3.6 where each entry was dealt with in turn.
   */
  #gatherUnit(unit: number, mask: number): void {
    const refs = this.#refs;
    const { u32 } = this.#shard;
    this.#gathered = 0;
    this.#shard.dict(this.#db).visitUnit(unit, this.#gather);
    let kept = 0;
    for (let i = 0; i < this.#gathered; i++) {
      const ref = refs[i]!;
      if ((u32[ref * 2]! & mask) === mask) refs[kept++] = ref;
    }
    this.#gathered = kept;
  }

  readonly #gather = (ref: Ref): void => {
    if (this.#gathered < GATHERED_MAX) this.#refs[this.#gathered++] = ref;
  };

  /** Looks where a hint says that keys with a TTL are. Hints that were wrong are put right. */
  #lookByHints(visit: (ref: Ref) => void): void {
    const shard = this.#shard;
    const hints = shard.hints(this.#db);
    const dict = shard.dict(this.#db);
    hints.fit(dict);
    const { count } = hints;
    const { unitCount } = dict;
    if (count === 0 || unitCount === 0) return;
    const units = Math.max(1, unitCount / count);
    let at = Math.floor(this.#random() * count);
    for (let n = 0; n < HINTS_PER_LOOK && this.#seen < this.samples; n++) {
      at = hints.nextUsed(at, HINTS_PASSED_MAX);
      if (at < 0) return;
      const from = Math.floor(this.#random() * units);
      let isAll = units <= UNITS_PER_LOOK;
      this.#earliestMs = 0;
      for (let i = 0; i < Math.min(units, UNITS_PER_LOOK); i++) {
        const unit = (at + ((from + i) % units) * count) & (unitCount - 1);
        this.#gatherUnit(unit, 0);
        if (this.#gathered === GATHERED_MAX) isAll = false;
        for (let entry = 0; entry < this.#gathered; entry++) {
          this.#noteEarliest(this.#refs[entry]!);
          visit(this.#refs[entry]!);
        }
      }
      if (isAll) hints.raise(at, this.#earliestMs);
      at = (at + 1) & (count - 1);
    }
  }

  #noteEarliest(ref: Ref): void {
    const shard = this.#shard;
    this.#noteMs(shard.expireMs(ref));
    if (shard.hasFieldExpires(ref)) this.#noteMs(shard.hashes.earliestMs(ref));
  }

  #noteMs(ms: number): void {
    if (ms !== 0 && (this.#earliestMs === 0 || ms < this.#earliestMs)) this.#earliestMs = ms;
  }

  readonly #offer = (ref: Ref): void => {
    const shard = this.#shard;
    if (this.#policy.isVolatile && shard.expireMs(ref) === 0) return;
    this.#seen += 1;
    const score = evictionScore(shard, ref, this.#policy.order);
    if (!this.#pool.wants(score)) return;
    const at = shard.keyOffset(ref);
    shard.hasher.hash(shard.u8, at, at + shard.keyLength(ref));
    this.#pool.insert(score, shard.index, this.#db, ref, shard.hasher.lo);
  };

  /** Each of the keys seen is the chosen one with the same probability. */
  readonly #draw = (ref: Ref): void => {
    if (this.#shard.expireMs(ref) === 0) return;
    this.#seen += 1;
    if (this.#random() * this.#seen < 1) this.#chosen = ref;
  };

  readonly #seek = (ref: Ref): void => {
    if (ref === this.#sought) this.#sought = 0;
  };

  #remove(shard: Shard, db: number, ref: Ref): boolean {
    const state = this.#state;
    const key = this.#key;
    const from = shard.keyOffset(ref);
    const to = from + shard.keyLength(ref);
    key.locate(shard.hasher, shard.u8, from, to, this.#shards.length);
    if (ref === shard.emittedRef || !this.#mayEvict(shard, db, key)) return false;
    // What has expired is counted and recorded as that by deleteEntry.
    if (!shard.isExpired(ref)) state.keyEvicted(db, key);
    state.isEvicting = true;
    shard.deleteEntry(db, ref, key);
    state.isEvicting = false;
    return true;
  }
}
