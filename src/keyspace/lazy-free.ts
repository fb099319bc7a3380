/**
 * LazyFree: tables of flushed databases that wait to be freed. FLUSHDB detaches in O(1); the owner
 * frees slice by slice, and the memory counts as used until then.
 *
 * LAYOUT  2 words in the shard header: ref of the first waiting block, number of waiting blocks.
 *   waiting block: 16 words of a dict struct, then the ref of the next block.
 */
import type { Ref } from '../memory/arena.ts';
import { DICT_STRUCT_WORDS, Dict } from '../structures/dict.ts';
import type { Shard } from './shard.ts';

const HEAD = 0;
const COUNT = 1;
const NEXT_WORD = DICT_STRUCT_WORDS;

export class LazyFree {
  readonly #shard: Shard;
  readonly #base: number;
  readonly #free = (ref: Ref): void => this.#shard.freeEntry(ref);

  constructor(shard: Shard, base: number) {
    this.#shard = shard;
    this.#base = base;
  }

  get isEmpty(): boolean {
    return this.#shard.u32[this.#base + HEAD] === 0;
  }

  /** Waiting tables. */
  get length(): number {
    return this.#shard.u32[this.#base + COUNT]!;
  }

  /**
   * Empties `dict` by moving its tables here. Without memory for the list entry it frees at once.
   */
  detach(dict: Dict): void {
    const { u32, arena } = this.#shard;
    const block = arena.alloc((DICT_STRUCT_WORDS + 1) * 4);
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

  /** Frees up to `units` bucket chains with their entries. True when nothing is left to free. */
  step(units: number): boolean {
    const { u32, arena, hasher } = this.#shard;
    for (let left = units; left > 0; ) {
      const block = u32[this.#base + HEAD]!;
      if (block === 0) return true;
      const dict = new Dict(arena, block * 2, hasher);
      let isGone = false;
      for (; left > 0 && !isGone; left--) isGone = dict.dismantleUnit(this.#free);
      if (!isGone) return false;
      u32[this.#base + HEAD] = u32[block * 2 + NEXT_WORD]!;
      u32[this.#base + COUNT] = u32[this.#base + COUNT]! - 1;
      arena.free(block);
    }
    return u32[this.#base + HEAD] === 0;
  }
}
