/**
 * SparseSlabs: chooses the slabs of an arena that are to be emptied, so that their live blocks just
 * fit into the room of the others of their class. `Arena.relocate` then moves blocks out of them,
 * and `Arena.alloc` keeps out of them while there is room elsewhere.
 *
 * Two walks over the pages in slices: one counts the slabs of each class by how full they are, the
 * next marks the emptiest ones. What is allocated and freed meanwhile makes the choice a little
 * worse, never wrong. A walk costs a few ns a slab and page run.
 */
import type { Arena } from './arena.ts';
import * as layout from './arena-layout.ts';
import { CLASS_COUNT, CLASS_SLAB_BLOCKS, CLASS_SLAB_PAGES } from './size-classes.ts';
import { markSlab } from './slab-lists.ts';

/** Degrees of fullness that are told apart; slabs of the last ones are never emptied. */
const DEGREES = 32;
const DEGREE_FULL = 30;

/** One walk after the other over one arena; needs the shard's lock during each call. */
export class SparseSlabs {
  readonly #u32: Uint32Array;
  readonly #descriptorIndex: number;
  /** Slabs with live blocks, by class and degree; the last degree is of full ones. */
  readonly #slabs = new Int32Array(CLASS_COUNT * (DEGREES + 1));
  readonly #liveBlocks = new Float64Array(CLASS_COUNT);
  /** Degrees below are to be emptied; of the degree itself all but the first `spared` met. */
  readonly #degree = new Int32Array(CLASS_COUNT);
  readonly #spared = new Int32Array(CLASS_COUNT);
  #page = 0;
  #isMarking = false;
  #marked = 0;

  constructor(arena: Arena) {
    this.#u32 = arena.u32;
    this.#descriptorIndex = arena.u32[layout.HEADER_DESCRIPTOR_INDEX]!;
    this.start();
  }

  /** Begins a new choice. */
  start(): void {
    this.#page = this.#u32[layout.HEADER_FIRST_PAGE]!;
    this.#slabs.fill(0);
    this.#liveBlocks.fill(0);
    this.#isMarking = false;
    this.#marked = 0;
  }

  /** Slabs that are to be emptied by the choice that is complete. */
  get marked(): number {
    return this.#marked;
  }

  /** Goes on with up to `units` slabs and runs. True when the slabs are chosen. */
  step(units: number): boolean {
    if (!this.#walk(units)) return false;
    if (this.#isMarking) return true;
    for (let sizeClass = 0; sizeClass < CLASS_COUNT; sizeClass++) this.#choose(sizeClass);
    this.#isMarking = true;
    this.#page = this.#u32[layout.HEADER_FIRST_PAGE]!;
    return false;
  }

  /**
   * Visits the slabs among the next units. A page that has become part of something else since the
   * last slice is passed page by page. True at the top.
   */
  #walk(units: number): boolean {
    const u32 = this.#u32;
    for (let left = units; left > 0; left--) {
      const page = this.#page;
      if (page >= u32[layout.HEADER_TOP_PAGE]!) return true;
      const index = this.#descriptorIndex + page * layout.DESCRIPTOR_WORDS;
      const tag = u32[index]!;
      const kind = tag & layout.TAG_KIND_MASK;
      if (kind === layout.KIND_SLAB) {
        const sizeClass = (tag >>> layout.TAG_CLASS_SHIFT) & layout.TAG_CLASS_MASK;
        const inside = tag >>> layout.TAG_INDEX_SHIFT;
        if (inside === 0) this.#visit(sizeClass, page, index);
        this.#page = page + CLASS_SLAB_PAGES[sizeClass]! - inside;
      } else if (kind === layout.KIND_RUN || kind === layout.KIND_FREE_HEAD) {
        this.#page = page + u32[index + layout.PAGE_PAGES]!;
      } else {
        this.#page = page + 1;
      }
    }
    return false;
  }

  #visit(sizeClass: number, slab: number, index: number): void {
    const u32 = this.#u32;
    const used = u32[index + layout.SLAB_USED]!;
    const blocks = CLASS_SLAB_BLOCKS[sizeClass]!;
    if (used === 0) return;
    const degree = Math.floor((used * DEGREES) / blocks);
    if (!this.#isMarking) {
      const at = sizeClass * (DEGREES + 1) + degree;
      this.#slabs[at] = this.#slabs[at]! + 1;
      this.#liveBlocks[sizeClass] = this.#liveBlocks[sizeClass]! + used;
      return;
    }
    if (used === blocks) return;
    const isSparse = this.#isChosen(sizeClass, degree);
    if (isSparse) this.#marked += 1;
    if (isSparse === (u32[index + layout.SLAB_SPARSE] !== 0)) return;
    markSlab(u32, this.#descriptorIndex, sizeClass, slab, index, isSparse);
  }

  #isChosen(sizeClass: number, degree: number): boolean {
    if (degree !== this.#degree[sizeClass]!) return degree < this.#degree[sizeClass]!;
    // Those at higher addresses go, so that free pages come together at the end.
    this.#spared[sizeClass] = this.#spared[sizeClass]! - 1;
    return this.#spared[sizeClass]! < 0;
  }

  /** As many slabs as can be done without, the emptiest first. */
  #choose(sizeClass: number): void {
    const at = sizeClass * (DEGREES + 1);
    let slabs = 0;
    for (let degree = 0; degree <= DEGREES; degree++) slabs += this.#slabs[at + degree]!;
    const needed = Math.ceil(this.#liveBlocks[sizeClass]! / CLASS_SLAB_BLOCKS[sizeClass]!);
    let surplus = slabs - needed;
    let degree = 0;
    for (; degree < DEGREE_FULL && surplus >= this.#slabs[at + degree]!; degree++) {
      surplus -= this.#slabs[at + degree]!;
    }
    this.#degree[sizeClass] = degree;
    const isEnd = degree === DEGREE_FULL;
    this.#spared[sizeClass] = isEnd ? 0x7fffffff : this.#slabs[at + degree]! - surplus;
  }
}
