/**
 * Defragmenter: moves what a shard keeps out of sparse slabs, so that they become free pages. One
 * pass chooses the slabs (memory/sparse-slabs.ts), then walks all databases and moves each block
 * that lies in one of them: entries, values, and the blocks of large values.
 *
 * Everything is done in short steps, each under an exclusive hold of the shard; commands may run in
 * between. Nothing is remembered about a key from one step to the next but the hash of one whose
 * value is in work. Cursors are those of SCAN: what is there during the whole pass is visited.
 *
 * Nobody else keeps refs of blocks meanwhile: watches, hints and SCAN know keys by their hashes.
 */
import { reverseIncrement } from '../base/reverse-binary.ts';
import type { Ref } from '../memory/arena.ts';
import { SparseSlabs } from '../memory/sparse-slabs.ts';
import { relocateTables, relocateUnit } from '../structures/dict-relocate.ts';
import { REMOTE } from './entry.ts';
import type { Shard } from './shard.ts';
import { entryOfHash } from './swap.ts';
import { ValueRelocator } from './value-relocate.ts';

/** Slabs and runs looked at in one step while slabs are chosen. */
const UNITS_PER_STEP = 256;
/** Elements of values that are visited with their keys in one step: some 0.1 ms. */
export const ELEMENTS_PER_STEP_MAX = 1000;
/** Parts of a large value in one step: one lookup of its key. */
const PARTS_PER_STEP = 8;

export class Defragmenter {
  /** Blocks moved, and blocks looked at that stay; the same of keys, with all their blocks. */
  hits = 0;
  misses = 0;
  keyHits = 0;
  keyMisses = 0;
  /** Elements above which a value has steps of its own (active-defrag-max-scan-fields). */
  elementsMax = ELEMENTS_PER_STEP_MAX;
  readonly #shard: Shard;
  readonly #sparse: SparseSlabs;
  readonly #value: ValueRelocator;
  /** Hashes (lo, hi) of keys of the last unit whose values are still to be visited. */
  readonly #pending: number[] = [];
  #isInPass = false;
  #isChoosing = false;
  #isValueBegun = false;
  #db = 0;
  #cursor = 0;
  #elementsLeft = 0;

  constructor(shard: Shard) {
    this.#shard = shard;
    this.#sparse = new SparseSlabs(shard.arena);
    this.#value = new ValueRelocator(shard, this.#relocate);
  }

  /** True between the first step of a pass and its last. */
  get isInPass(): boolean {
    return this.#isInPass;
  }

  /** Gives a pass up. */
  stop(): void {
    this.#isInPass = false;
    this.#pending.length = 0;
    this.#isValueBegun = false;
  }

  /**
   * One step of a pass; the first one begins it. True when the pass is complete. Some 0.1 ms at
   * most; the shard is held exclusively.
   */
  step(): boolean {
    if (!this.#isInPass) this.#begin();
    if (this.#isChoosing) {
      this.#isChoosing = !this.#sparse.step(UNITS_PER_STEP);
      if (this.#isChoosing || this.#sparse.marked !== 0) return false;
      this.stop();
      return true;
    }
    if (this.#pending.length !== 0) {
      this.#stepValue();
      return false;
    }
    if (this.#db < this.#shard.databases) {
      this.#stepKeys();
      return false;
    }
    this.#shard.watch.relocateTable(this.#relocate);
    this.#shard.waits.relocateTable(this.#relocate);
    this.#shard.arena.trim();
    this.stop();
    return true;
  }

  #begin(): void {
    this.#isInPass = true;
    this.#isChoosing = true;
    this.#sparse.start();
    // Spare slabs are free pages from here on, and no longer room to move blocks to.
    this.#shard.arena.trim();
    this.#db = 0;
    this.#cursor = 0;
  }

  readonly #relocate = (block: Ref): Ref => {
    const moved = this.#shard.arena.relocate(block);
    if (moved === block) this.misses += 1;
    else this.hits += 1;
    return moved;
  };

  /** The keys of one unit of a database. */
  #stepKeys(): void {
    const shard = this.#shard;
    const dict = shard.dict(this.#db);
    const units = dict.unitCount;
    if (units !== 0) {
      if (this.#cursor === 0) {
        relocateTables(dict, this.#relocate);
        shard.hints(this.#db).relocateTable(this.#relocate);
      }
      this.#elementsLeft = Math.min(this.elementsMax, ELEMENTS_PER_STEP_MAX);
      relocateUnit(dict, this.#cursor & (units - 1), this.#relocate, this.#visitEntry);
      this.#cursor = reverseIncrement(this.#cursor, units - 1);
    }
    // With values pending this is still their database: #db moves on when they are done.
    if ((units === 0 || this.#cursor === 0) && this.#pending.length === 0) this.#nextDatabase();
  }

  #nextDatabase(): void {
    this.#db += 1;
    this.#cursor = 0;
  }

  readonly #visitEntry = (ref: Ref, slotWord: number): void => {
    const shard = this.#shard;
    const { u32 } = shard;
    const before = this.hits;
    const entry = this.#relocate(ref);
    u32[slotWord] = entry;
    if ((u32[entry * 2]! & REMOTE) !== 0) {
      const word = Math.ceil((shard.keyOffset(entry) + shard.keyLength(entry)) / 4);
      u32[word] = this.#relocate(u32[word]!);
    }
    if (shard.isRooted(entry)) this.#visitRoot(entry);
    if (this.hits !== before) this.keyHits += 1;
    else this.keyMisses += 1;
  };

  #visitRoot(entry: Ref): void {
    const shard = this.#shard;
    const value = this.#value;
    const root = this.#relocate(shard.rootOf(entry));
    shard.setRoot(entry, root);
    const type = shard.typeOf(entry);
    const size = value.size(type, root);
    if (size > this.#elementsLeft) {
      const at = shard.keyOffset(entry);
      shard.hasher.hash(shard.u8, at, at + shard.keyLength(entry));
      this.#pending.push(shard.hasher.lo, shard.hasher.hi);
      return;
    }
    this.#elementsLeft -= size;
    value.begin(type);
    while (!value.step(type, root));
  }

  /** A part of the last pending value, which may have changed, or be gone. */
  #stepValue(): void {
    const shard = this.#shard;
    const value = this.#value;
    const pending = this.#pending;
    const hi = pending[pending.length - 1]!;
    const lo = pending[pending.length - 2]!;
    const entry = entryOfHash(shard, this.#db, lo, hi);
    let isDone = entry === 0 || !shard.isRooted(entry);
    if (!isDone) {
      const type = shard.typeOf(entry);
      if (!this.#isValueBegun) value.begin(type);
      this.#isValueBegun = true;
      const root = shard.rootOf(entry);
      for (let n = 0; n < PARTS_PER_STEP && !isDone; n++) isDone = value.step(type, root);
    }
    if (!isDone) return;
    this.#isValueBegun = false;
    pending.length -= 2;
    if (pending.length === 0 && this.#cursor === 0) this.#nextDatabase();
  }
}
