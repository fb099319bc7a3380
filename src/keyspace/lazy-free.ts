/**
 * LazyFree: what waits to be freed: tables of flushed databases, and roots of large values that
 * were deleted, replaced or have expired. To detach them is O(1); the owner frees slice by slice,
 * and the memory counts as used until then. While a snapshot runs, a gate says when entries of a
 * flushed table may go.
 *
 * LAYOUT  2 words in the shard header: ref of the first waiting table, number of them; 2 words: ref
 *   of the first waiting root block, number of them.
 *   waiting table: 16 words of a dict struct, then the ref of the next.
 *   waiting root block: as in value-root.ts, linked by its ROOT_NEXT.
 */
import type { Ref } from '../memory/arena.ts';
import { DICT_STRUCT_WORDS, Dict } from '../structures/dict.ts';
import { TYPE_HASH, TYPE_LIST, TYPE_SET, TYPE_STREAM, TYPE_ZSET } from './entry.ts';
import type { Shard } from './shard.ts';
import { ROOT_KIND, ROOT_NEXT } from './value-root.ts';

const HEAD = 0;
const COUNT = 1;
const NEXT_WORD = DICT_STRUCT_WORDS;
/** Elements that are freed at once: less work than to come back for them. */
const UNITS_AT_ONCE = 64;
/** Elements of a value that count as one bucket chain of a table. */
const UNITS_PER_CHAIN = 8;

/** Asked before the entries of a unit of a flushed table are freed. */
export type FreeGate = (dict: Dict, unit: number) => boolean;

export class LazyFree {
  /** Null: nobody minds. */
  gate: FreeGate | null = null;
  /** Keys of a flushed database that are freed at once: some 50 us. Tests of the slices set 0. */
  keysAtOnce = 512;
  readonly #shard: Shard;
  readonly #base: number;
  readonly #roots: number;
  readonly #free = (ref: Ref): void => this.#shard.freeEntry(ref);

  /** `base` and `roots`: u32 indexes of the two lists in the shard header. */
  constructor(shard: Shard, base: number, roots: number) {
    this.#shard = shard;
    this.#base = base;
    this.#roots = roots;
  }

  get isEmpty(): boolean {
    const { u32 } = this.#shard;
    return u32[this.#base + HEAD] === 0 && u32[this.#roots + HEAD] === 0;
  }

  /** Waiting tables and roots. */
  get length(): number {
    const { u32 } = this.#shard;
    return u32[this.#base + COUNT]! + u32[this.#roots + COUNT]!;
  }

  /**
   * Takes over the root block of a value that no key has any more; a small one is freed at once.
   * O(1).
   */
  addRoot(root: Ref): void {
    const { u32 } = this.#shard;
    const at = root * 2;
    if (this.#freeRoot(root, UNITS_AT_ONCE)) return;
    u32[at + ROOT_NEXT] = u32[this.#roots + HEAD]!;
    u32[this.#roots + HEAD] = root;
    u32[this.#roots + COUNT] = u32[this.#roots + COUNT]! + 1;
  }

  /** Frees up to about `units` elements of a root. True when it is gone. */
  #freeRoot(root: Ref, units: number): boolean {
    const shard = this.#shard;
    const kind = shard.u32[root * 2 + ROOT_KIND]!;
    switch (kind) {
      case TYPE_LIST:
        return shard.lists.freeRootSlice(root, units);
      case TYPE_SET:
        return shard.sets.freeRootSlice(root, units);
      case TYPE_ZSET:
        return shard.zsets.freeRootSlice(root, units);
      case TYPE_HASH:
        return shard.hashes.freeRootSlice(root, units);
      case TYPE_STREAM:
        return shard.streams.freeRootSlice(root, units);
      default:
        throw new Error('lazy free: a root of an unknown kind');
    }
  }

  /** Calls `visit` for the flushed tables that wait. */
  forTables(visit: (dict: Dict) => void): void {
    const { u32, arena, hasher } = this.#shard;
    for (let block = u32[this.#base + HEAD]!; block !== 0; ) {
      visit(new Dict(arena, block * 2, hasher));
      block = u32[block * 2 + NEXT_WORD]!;
    }
  }

  #stepRoots(units: number): void {
    const { u32 } = this.#shard;
    const root = u32[this.#roots + HEAD]!;
    if (root === 0) return;
    const next = u32[root * 2 + ROOT_NEXT]!;
    if (!this.#freeRoot(root, units * UNITS_PER_CHAIN)) return;
    u32[this.#roots + HEAD] = next;
    u32[this.#roots + COUNT] = u32[this.#roots + COUNT]! - 1;
    this.#shard.state.lazyfreed += 1;
  }

  /** True when a snapshot that is under way has yet to see an entry of a small table. O(n). */
  #isAwaited(dict: Dict): boolean {
    let isAwaited = false;
    const visit = (ref: Ref): void => {
      isAwaited ||= this.#shard.isOld(ref);
    };
    for (let unit = 0; unit < dict.unitCount; unit++) dict.visitUnit(unit, visit);
    return isAwaited;
  }

  /**
   * Empties `dict` by moving its tables here. Frees few keys at once, and many without memory for
   * the list entry.
   */
  detach(dict: Dict): void {
    const { u32, arena } = this.#shard;
    const isSmall = dict.size <= this.keysAtOnce;
    const block = isSmall && !this.#isAwaited(dict) ? 0 : arena.alloc((DICT_STRUCT_WORDS + 1) * 4);
    if (block === 0) {
      while (!dict.dismantleUnit(this.#free));
      return;
    }
    u32.copyWithin(block * 2, dict.base, dict.base + DICT_STRUCT_WORDS);
    dict.init();
    u32[block * 2 + NEXT_WORD] = u32[this.#base + HEAD]!;
    u32[this.#base + HEAD] = block;
    u32[this.#base + COUNT] = u32[this.#base + COUNT]! + 1;
  }

  /**
   * Frees up to `units` bucket chains with their entries, or as much of one value. True when
   * nothing is left that may be freed now.
   */
  step(units: number): boolean {
    const { u32, arena, hasher } = this.#shard;
    if (u32[this.#roots + HEAD] !== 0) {
      this.#stepRoots(units);
      return this.isEmpty;
    }
    for (let left = units; left > 0; ) {
      const block = u32[this.#base + HEAD]!;
      if (block === 0) return this.isEmpty;
      const dict = new Dict(arena, block * 2, hasher);
      let isGone = false;
      for (; left > 0 && !isGone; left--) {
        const next = dict.unitsToDismantle - 1;
        if (this.gate !== null && next >= 0 && !this.gate(dict, next)) return true;
        isGone = dict.dismantleUnit(this.#free);
      }
      if (!isGone) return false;
      u32[this.#base + HEAD] = u32[block * 2 + NEXT_WORD]!;
      u32[this.#base + COUNT] = u32[this.#base + COUNT]! - 1;
      this.#shard.state.lazyfreed += 1;
      arena.free(block);
    }
    return this.isEmpty;
  }
}
