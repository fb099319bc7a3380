/**
 * EvictionPool: the best candidates for eviction that one thread has met so far, over all shards:
 * what makes a policy that looks at a few keys at a time come close to one that knows them all.
 *
 * LAYOUT  POOL_ENTRIES slots in two typed arrays, in no order: looking through 16 scores is cheaper
 *   than to keep them sorted. A mask says which slots are in use.
 *   scores   f64: evictionScore at the time it was seen
 *   words    4 u32: shard, database, ref of the entry block, low word of the key's hash
 *
 * A candidate is a hint only: by the time it is chosen the block may be gone, or belong to another
 * key. Whoever takes one looks whether the ref stands in the bucket of that hash, and for its score
 * now.
 *
 * OWNERSHIP  one thread. LIMITS  POOL_ENTRIES, whatever the number of keys.
 */
import type { Ref } from '../memory/arena.ts';

/** As many as Redis keeps. */
export const POOL_ENTRIES = 16;
const ALL = (1 << POOL_ENTRIES) - 1;
const WORDS = 4;
const SHARD = 0;
const DB = 1;
const REF = 2;
const HASH = 3;

export class EvictionPool {
  readonly #scores = new Float64Array(POOL_ENTRIES);
  readonly #words = new Uint32Array(POOL_ENTRIES * WORDS);
  #used = 0;
  /** Slot of the lowest score of a full pool; -1 = not known. */
  #worst = -1;

  clear(): void {
    this.#used = 0;
    this.#worst = -1;
  }

  /** False for a score that `insert` would not take. */
  wants(score: number): boolean {
    return this.#used !== ALL || score > this.#scores[this.#worstSlot()]!;
  }

  #worstSlot(): number {
    if (this.#worst >= 0) return this.#worst;
    let worst = 0;
    for (let i = 1; i < POOL_ENTRIES; i++) {
      if (this.#scores[i]! < this.#scores[worst]!) worst = i;
    }
    this.#worst = worst;
    return worst;
  }

  /** Takes a candidate in, in the place of the worst where the pool is full. O(POOL_ENTRIES). */
  insert(score: number, shard: number, db: number, ref: Ref, lo: number): void {
    if (!this.wants(score) || this.#has(shard, ref)) return;
    const free = ~this.#used & ALL;
    const slot = free === 0 ? this.#worstSlot() : 31 - Math.clz32(free);
    this.#worst = -1;
    this.#used |= 1 << slot;
    this.#scores[slot] = score;
    const word = slot * WORDS;
    this.#words[word + SHARD] = shard;
    this.#words[word + DB] = db;
    this.#words[word + REF] = ref;
    this.#words[word + HASH] = lo;
  }

  #has(shard: number, ref: Ref): boolean {
    const words = this.#words;
    for (let i = 0; i < POOL_ENTRIES; i++) {
      if (words[i * WORDS + REF] !== ref || words[i * WORDS + SHARD] !== shard) continue;
      if ((this.#used & (1 << i)) !== 0) return true;
    }
    return false;
  }

  /** The slot of the best candidate that is not in the mask `tried`; -1 = there is none. */
  best(tried: number): number {
    const scores = this.#scores;
    let best = -1;
    for (let left = this.#used & ~tried; left !== 0; left &= left - 1) {
      const slot = 31 - Math.clz32(left & -left);
      if (best < 0 || scores[slot]! > scores[best]!) best = slot;
    }
    return best;
  }

  remove(slot: number): void {
    this.#used &= ~(1 << slot);
    this.#worst = -1;
  }

  score(slot: number): number {
    return this.#scores[slot]!;
  }

  shard(slot: number): number {
    return this.#words[slot * WORDS + SHARD]!;
  }

  db(slot: number): number {
    return this.#words[slot * WORDS + DB]!;
  }

  ref(slot: number): Ref {
    return this.#words[slot * WORDS + REF]!;
  }

  lo(slot: number): number {
    return this.#words[slot * WORDS + HASH]!;
  }
}
