/**
 * ExpiryHints: where in a dict something may expire soon, and the active expire cycle that uses it.
 *
 * A hint is a lower bound of the expiry times of all keys whose hash selects it (lo modulo the hint
 * count). Setting a TTL lowers its hint; deleting a key or its TTL leaves the hint, and the cycle
 * raises it again when it looks. So a key costs no memory and no list to be kept in, and the cycle
 * touches only buckets in which something is due: exact to the hint's resolution where Redis
 * samples.
 *
 * LAYOUT (words, in the database struct)
 *   0 hint table ref (0 = the hints inside)   1 hint count (0 = unused)   2 next: no hint is lower
 *   than this, but for those that a running cycle has to look at   3 cycle position   4 lowest hint
 *   seen by the running cycle
 *   15..30 the hints inside
 *   hint: (unix ms - HINT_EPOCH_MS) / 256 rounded down, 0xffffffff = nothing; about 34 years of
 *   range
 *
 * The table has a quarter of the dict's buckets (one byte a bucket); doubling it copies every hint
 * to both halves.
 */
import type { Arena, Ref } from '../memory/arena.ts';
import type { Dict } from '../structures/dict.ts';

const TABLE = 0;
const COUNT = 1;
const NEXT = 2;
const POSITION = 3;
const LOWEST = 4;
const INSIDE = 15;

const HINTS_INSIDE = 16;
/** Words of hints that are not part of a database struct. */
export const EXPIRY_HINT_WORDS = INSIDE + HINTS_INSIDE;
const BUCKETS_PER_HINT = 4;
const HINTS_MAX = 1 << 22;
const HINT_EPOCH_MS = 1_735_689_600_000;
const HINT_MS = 256;
const NOTHING = 0xffffffff;
/** Hints passed over in one slice, due or not: some 50 us. */
const SCANNED_MAX = 1 << 15;

function hintOf(expireMs: number): number {
  const hint = Math.floor((expireMs - HINT_EPOCH_MS) / HINT_MS);
  return hint < 0 ? 0 : hint >= NOTHING ? NOTHING - 1 : hint;
}

export class ExpiryHints {
  readonly #arena: Arena;
  readonly #u32: Uint32Array;
  #base: number;

  constructor(arena: Arena, base: number) {
    this.#arena = arena;
    this.#u32 = arena.u32;
    this.#base = base;
  }

  /** Makes this a view of the hints at another u32 index. */
  attach(base: number): this {
    this.#base = base;
    return this;
  }

  /** Bytes of the block of hints besides those inside. */
  get tableBytes(): number {
    const ref = this.#u32[this.#base + TABLE]!;
    return ref === 0 ? 0 : this.#arena.usableBytes(ref);
  }

  /** Moves the block of hints besides those inside out of a sparse slab. O(1), or a copy. */
  relocateTable(relocate: (block: Ref) => Ref): void {
    const ref = this.#u32[this.#base + TABLE]!;
    if (ref !== 0) this.#u32[this.#base + TABLE] = relocate(ref);
  }

  #count(): number {
    return this.#u32[this.#base + COUNT]!;
  }

  /** Hints in use: a power of two, or 0. */
  get count(): number {
    return this.#count();
  }

  /** Makes the table right for a dict that may have grown by keys without a TTL. */
  fit(dict: Dict): void {
    if (this.#count() === 0) return;
    if (dict.bucketCount >= this.#count() * BUCKETS_PER_HINT * 2) this.#grow(dict.bucketCount);
  }

  /**
   * Index of the first hint from `from` on, around the end, that says that something expires: keys
   * with a TTL are in its buckets, or were; -1 when none of the next `passed` does. O(passed).
   */
  nextUsed(from: number, passed: number): number {
    const count = this.#count();
    const table = this.#table();
    for (let n = Math.min(passed, count), at = from; n > 0; n--) {
      if (this.#u32[table + at] !== NOTHING) return at;
      at = (at + 1) & (count - 1);
    }
    return -1;
  }

  /**
   * Puts a hint right after all its units were looked at: `earliestMs` is the earliest time of
   * expiry found there, 0 = none.
   */
  raise(index: number, earliestMs: number): void {
    const hint = earliestMs === 0 ? NOTHING : hintOf(earliestMs);
    const at = this.#table() + index;
    if (hint > this.#u32[at]!) this.#u32[at] = hint;
  }

  #table(): number {
    const ref = this.#u32[this.#base + TABLE]!;
    return ref === 0 ? this.#base + INSIDE : ref * 2;
  }

  /** Lowers the hint of a key that gets this time of expiry. Amortised O(1). */
  note(lo: number, expireMs: number, buckets: number): void {
    const u32 = this.#u32;
    const base = this.#base;
    if (u32[base + COUNT] === 0) this.#init();
    if (buckets >= this.#count() * BUCKETS_PER_HINT * 2) this.#grow(buckets);
    const hint = hintOf(expireMs);
    const at = this.#table() + (lo & (this.#count() - 1));
    if (hint < u32[at]!) u32[at] = hint;
    if (hint < u32[base + NEXT]!) u32[base + NEXT] = hint;
  }

  #init(): void {
    const u32 = this.#u32;
    const base = this.#base;
    u32[base + COUNT] = HINTS_INSIDE;
    u32[base + NEXT] = NOTHING;
    u32[base + POSITION] = 0;
    u32[base + LOWEST] = NOTHING;
    u32.fill(NOTHING, base + INSIDE, base + INSIDE + HINTS_INSIDE);
  }

  /**
   * Makes the table right for so many buckets. Without memory for it each hint goes on standing for
   * more of them.
   */
  #grow(buckets: number): void {
    const u32 = this.#u32;
    const base = this.#base;
    const count = this.#count();
    const wanted = Math.min(buckets / BUCKETS_PER_HINT, HINTS_MAX);
    if (wanted <= count) return;
    const ref = this.#arena.alloc(wanted * 4);
    if (ref === 0) return;
    const from = this.#table();
    for (let at = 0; at < wanted; at += count) u32.copyWithin(ref * 2 + at, from, from + count);
    if (u32[base + TABLE] !== 0) this.#arena.free(u32[base + TABLE]!);
    u32[base + TABLE] = ref;
    u32[base + COUNT] = wanted;
    // A cycle in progress starts anew, and at once: its position meant another table.
    if (u32[base + POSITION] !== 0) u32[base + NEXT] = 0;
    u32[base + POSITION] = 0;
    u32[base + LOWEST] = NOTHING;
  }

  /** Forgets all hints: the database is empty. O(1). */
  clear(): void {
    const u32 = this.#u32;
    const base = this.#base;
    if (u32[base + TABLE] !== 0) this.#arena.free(u32[base + TABLE]!);
    u32[base + TABLE] = 0;
    u32[base + COUNT] = 0;
    u32[base + POSITION] = 0;
  }

  /**
   * Unix time in ms before which nothing is due: `nowMs` while a cycle is in progress, 0 when
   * nothing has a time of expiry. O(1).
   */
  earliestMs(nowMs: number): number {
    const u32 = this.#u32;
    if (u32[this.#base + COUNT] === 0) return 0;
    if (u32[this.#base + POSITION] !== 0) return nowMs;
    const next = u32[this.#base + NEXT]!;
    return next === NOTHING ? 0 : HINT_EPOCH_MS + next * HINT_MS;
  }

  /** True when something may be due. O(1). */
  isDue(nowMs: number): boolean {
    const u32 = this.#u32;
    if (u32[this.#base + COUNT] === 0) return false;
    return u32[this.#base + POSITION] !== 0 || u32[this.#base + NEXT]! <= hintOf(nowMs);
  }

  /**
   * One slice of the active expire cycle: looks at up to `hints` due hints. For each it calls
   * `collect` with the units of the dict in which the hint's keys are; `collect` frees what is due
   * there and returns the earliest time of expiry among the keys that stay, 0 when none has one.
   * Returns true when the pass over the table is complete.
   */
  cycle(dict: Dict, nowMs: number, hints: number, collect: (unit: number) => number): boolean {
    const u32 = this.#u32;
    const base = this.#base;
    if (u32[base + POSITION] === 0) {
      this.fit(dict);
      u32[base + LOWEST] = NOTHING;
      u32[base + NEXT] = NOTHING;
    }
    dict.pauseResize();
    const isComplete = this.#pass(dict, hintOf(nowMs), hints, collect);
    dict.resumeResize();
    return isComplete;
  }

  #pass(dict: Dict, now: number, hints: number, collect: (unit: number) => number): boolean {
    const u32 = this.#u32;
    const base = this.#base;
    const count = this.#count();
    const table = this.#table();
    let position = u32[base + POSITION]!;
    const end = Math.min(count, position + SCANNED_MAX);
    let looked = 0;
    while (position < end && looked < hints) {
      if (u32[table + position]! <= now) {
        looked += 1;
        const hint = this.#expireHint(dict, position, count, collect);
        if (dict.size === 0) {
          // Nothing is left, and with the last key the table of hints has gone.
          this.clear();
          return true;
        }
        u32[table + position] = hint;
      }
      const hint = u32[table + position]!;
      if (hint < u32[base + LOWEST]!) u32[base + LOWEST] = hint;
      position += 1;
    }
    if (position < count) {
      u32[base + POSITION] = position;
      return false;
    }
    u32[base + POSITION] = 0;
    if (u32[base + LOWEST]! < u32[base + NEXT]!) u32[base + NEXT] = u32[base + LOWEST]!;
    u32[base + LOWEST] = NOTHING;
    return true;
  }

  #expireHint(
    dict: Dict,
    position: number,
    count: number,
    collect: (unit: number) => number,
  ): number {
    const units = dict.unitCount;
    if (units === 0) return NOTHING;
    let lowest = NOTHING;
    for (let unit = position & (units - 1); unit < units; unit += count) {
      const next = collect(unit);
      if (next !== 0) lowest = Math.min(lowest, hintOf(next));
    }
    return lowest;
  }

  /** Throws when a key's expiry is earlier than what its hint and the next-word promise. */
  checkCovers(lo: number, expireMs: number): void {
    if (this.#count() === 0) throw new Error('expiry hints: no hints for a key with a TTL');
    const index = lo & (this.#count() - 1);
    const hint = this.#u32[this.#table() + index]!;
    if (hint > hintOf(expireMs)) throw new Error('expiry hints: a key expires before its hint');
    const next = Math.min(this.#u32[this.#base + NEXT]!, this.#u32[this.#base + LOWEST]!);
    const position = this.#u32[this.#base + POSITION]!;
    if ((position === 0 || index < position) && next > hintOf(expireMs)) {
      throw new Error('expiry hints: a key expires before the next hint');
    }
  }
}
