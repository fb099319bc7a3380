/**
 * EvictionPool: the best candidates for eviction that one thread has met so far, over all shards:
 * what makes a policy that looks at a few keys at a time come close to one that knows them all.
 *
 * LAYOUT  POOL_ENTRIES entries in two typed arrays, ascending by score
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
const WORDS = 4;
const SHARD = 0;
const DB = 1;
const REF = 2;
const HASH = 3;

export class EvictionPool {
  count = 0;
  readonly #scores = new Float64Array(POOL_ENTRIES);
  readonly #words = new Uint32Array(POOL_ENTRIES * WORDS);

  clear(): void {
    this.count = 0;
  }

  /** False for a score that `insert` would not take. */
  wants(score: number): boolean {
    return this.count < POOL_ENTRIES || score > this.#scores[0]!;
  }

  /** Takes a candidate in, in the place of the worst where the pool is full. O(POOL_ENTRIES). */
  insert(score: number, shard: number, db: number, ref: Ref, lo: number): void {
    if (!this.wants(score) || this.#has(shard, ref)) return;
    if (this.count === POOL_ENTRIES) this.remove(0);
    let at = this.count;
    for (; at > 0 && this.#scores[at - 1]! > score; at--) this.#move(at - 1, at);
    this.count += 1;
    this.#scores[at] = score;
    const word = at * WORDS;
    this.#words[word + SHARD] = shard;
    this.#words[word + DB] = db;
    this.#words[word + REF] = ref;
    this.#words[word + HASH] = lo;
  }

  #has(shard: number, ref: Ref): boolean {
    for (let i = 0; i < this.count; i++) {
      if (this.#words[i * WORDS + REF] === ref && this.#words[i * WORDS + SHARD] === shard) {
        return true;
      }
    }
    return false;
  }

  #move(from: number, to: number): void {
    this.#scores[to] = this.#scores[from]!;
    this.#words.copyWithin(to * WORDS, from * WORDS, (from + 1) * WORDS);
  }

  remove(index: number): void {
    this.count -= 1;
    for (let i = index; i < this.count; i++) this.#move(i + 1, i);
  }

  score(index: number): number {
    return this.#scores[index]!;
  }

  shard(index: number): number {
    return this.#words[index * WORDS + SHARD]!;
  }

  db(index: number): number {
    return this.#words[index * WORDS + DB]!;
  }

  ref(index: number): Ref {
    return this.#words[index * WORDS + REF]!;
  }

  lo(index: number): number {
    return this.#words[index * WORDS + HASH]!;
  }
}
