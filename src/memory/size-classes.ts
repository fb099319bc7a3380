/**
 * Size classes of the slab allocator: 16 bytes to 16 KiB, every 8 bytes up to 160 bytes, where
 * entries with short values and small collections live, 9-25 % apart above; and the length of a
 * slab of each class.
 *
 * All sizes here are in granules of 8 bytes unless the name says otherwise.
 */

/** Bytes of one granule, the unit of a `Ref`. */
export const GRANULE_BYTES = 8;
/** Bytes of one page, the unit of slabs and runs. */
export const PAGE_BYTES = 4096;
/** Largest block that lives in a slab; anything larger is a run of pages of its own. */
export const SMALL_BYTES_MAX = 16 * 1024;

const PAGE_GRANULES = PAGE_BYTES / GRANULE_BYTES;
const SMALL_GRANULES_MAX = SMALL_BYTES_MAX / GRANULE_BYTES;
const SLAB_PAGES_MIN = 4;
const SLAB_PAGES_MAX = 32;
const SLAB_BLOCKS_MIN = 4;
const SLAB_WASTE_MAX = 0.0625;

/**
 * Even up to 20 granules, where entries with small collections live, then five steps to each
 * doubling.
 */
function listClassGranules(): number[] {
  const sizes: number[] = [];
  for (let granules = 2; granules <= 20; granules++) sizes.push(granules);
  sizes.push(22, 24, 28, 32);
  for (let base = 32; base < SMALL_GRANULES_MAX; base *= 2) {
    for (const eighths of [9, 10, 12, 14, 16]) sizes.push((base * eighths) / 8);
  }
  return sizes;
}

/** The shortest slab with at least four blocks whose unused tail stays below 6.25 %. */
function slabPagesFor(granules: number): number {
  for (let pages = SLAB_PAGES_MIN; pages <= SLAB_PAGES_MAX; pages++) {
    const slabGranules = pages * PAGE_GRANULES;
    const blocks = Math.floor(slabGranules / granules);
    const waste = (slabGranules - blocks * granules) / slabGranules;
    if (blocks >= SLAB_BLOCKS_MIN && waste <= SLAB_WASTE_MAX) return pages;
  }
  throw new Error('no slab length fits the size class');
}

const classGranules = listClassGranules();

/** Number of size classes. */
export const CLASS_COUNT = classGranules.length;

/** Granules of a block, by class, ascending. */
export const CLASS_GRANULES: Int32Array = Int32Array.from(classGranules);

/** Pages of a slab, by class. */
export const CLASS_SLAB_PAGES: Int32Array = Int32Array.from(classGranules, slabPagesFor);

/** Blocks in a slab, by class. */
export const CLASS_SLAB_BLOCKS: Int32Array = Int32Array.from(classGranules, (granules) =>
  Math.floor((slabPagesFor(granules) * PAGE_GRANULES) / granules),
);

function mapGranulesToClass(): Uint8Array {
  const map = new Uint8Array(SMALL_GRANULES_MAX + 1);
  let sizeClass = 0;
  for (let granules = 0; granules <= SMALL_GRANULES_MAX; granules++) {
    if (granules > classGranules[sizeClass]!) sizeClass++;
    map[granules] = sizeClass;
  }
  return map;
}

/** Smallest class that holds so many granules; index 0..2048. */
export const CLASS_OF_GRANULES: Uint8Array = mapGranulesToClass();
