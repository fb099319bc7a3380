/**
 * The bytes of an arena: one SharedArrayBuffer, cut into pages of 4 KiB.
 *
 * LAYOUT
 *
 *   page 0          header: u32 words, offsets below
 *   pages 1..       user area: control data of the layer above, zeroed at creation, u32 aligned
 *   then            page descriptors, 8 u32 words for every page of the buffer, front included
 *   firstPage..     data pages
 *     ..topPage       slabs, runs and free runs, end to end
 *     topPage..       wilderness: pages that hold nothing; most were never touched
 *
 * Page p covers bytes p * 4096 on, granules p * 512 on, and descriptor words
 * descriptorIndex + p * 8 on. The front needs no descriptors; having them keeps the sum short.
 *
 *   header word   content
 *   0  MAGIC      1  VERSION      2  PAGE_COUNT      3  FIRST_PAGE      4  DESCRIPTOR_INDEX
 *   5  USER_BYTES 6  USED_GRANULES (live blocks)     7  TOP_PAGE        8  TOUCHED_PAGES (most)
 *   9  FREE_PAGES (in bins)      10  BIN_MASK (bit b: bin b has runs)      11  CLEAN_MASK
 *   12 RELEASED_PAGES: pages of free runs that the system has back
 *   16..39   BIN_HEAD: first page of the list of free runs of 2^b to 2^(b+1)-1 pages, 0 = none
 *   40..63   CLEAN_HEAD: the same for runs whose pages the system has all back
 *   64..     one record of 4 words per size class: PARTIAL (page of the first slab that has free
 *            blocks and live blocks), SPARE (page of one empty slab kept back), SLABS (count),
 *            TAIL (page of the last slab of that list)
 *
 *   descriptor word      slab head            slab body  free run head    free run tail   live run
 *   0  TAG      kind     SLAB|class<<8        the same   FREE_HEAD        FREE_TAIL       RUN
 *               index    0, pages after head: tag bits 16 up
 *   1  PAGES             -                    -          pages            pages           pages
 *   2  PREV / 3 NEXT     neighbour slabs      -          neighbour runs   -               -
 *   4  FREE / RELEASED   ref of free block    -          pages released   -               -
 *   5  BUMP / SWEPT      first ref never used -          pages swept      -               -
 *   6  USED              live blocks          -          -                -               -
 *   7  SPARSE            1: to be emptied     -          -                -               -
 *
 *   RELEASED is a lower bound of the pages that the system has back: it is exact for runs that are
 *   wholly released or not at all. SWEPT pages from the head on were given back one slice after the
 *   other since the run got its bounds.
 *
 *   free block of a slab: u32 ref of the next free block (0 = last), u32 FREE_MARK
 *
 * INVARIANT
 *   - Every page inside a free run or live run other than its ends, and every page from topPage on,
 *     has tag 0: an operation clears the tags it leaves behind. So a stale or foreign ref meets a
 *     wrong tag, and a run of any length costs two descriptors.
 *   - No two free runs are neighbours and none ends at topPage.
 *   - A slab is in the PARTIAL list when 0 < used < capacity, is the SPARE or gone when used = 0,
 *     and is in no list when full. Slabs to be emptied (SPARSE) come last in that list.
 *   - A free run is in a CLEAN bin when all its pages are released, and in another one otherwise.
 *
 * OWNERSHIP: everything is written by the thread that holds the shard's lock. Single words of the
 * header may be read by any thread at any time: aligned, never torn.
 */

export const MAGIC = 0x41535354; // "TSSA" in little-endian byte order
export const VERSION = 1;

export const HEADER_MAGIC = 0;
export const HEADER_VERSION = HEADER_MAGIC + 1;
export const HEADER_PAGE_COUNT = HEADER_VERSION + 1;
export const HEADER_FIRST_PAGE = HEADER_PAGE_COUNT + 1;
export const HEADER_DESCRIPTOR_INDEX = HEADER_FIRST_PAGE + 1;
export const HEADER_USER_BYTES = HEADER_DESCRIPTOR_INDEX + 1;
export const HEADER_USED_GRANULES = HEADER_USER_BYTES + 1;
export const HEADER_TOP_PAGE = HEADER_USED_GRANULES + 1;
export const HEADER_TOUCHED_PAGES = HEADER_TOP_PAGE + 1;
export const HEADER_FREE_PAGES = HEADER_TOUCHED_PAGES + 1;
export const HEADER_BIN_MASK = HEADER_FREE_PAGES + 1;
export const HEADER_CLEAN_MASK = HEADER_BIN_MASK + 1;
export const HEADER_RELEASED_PAGES = HEADER_CLEAN_MASK + 1;
export const HEADER_BIN_HEAD = 16;
export const HEADER_CLEAN_HEAD = 40;
export const HEADER_CLASSES = 64;

/** Free runs hold fewer than 2^24 pages (64 GiB), so 24 bins always do. */
export const BIN_COUNT = 24;

export const CLASS_WORDS = 4;
export const CLASS_PARTIAL = 0;
export const CLASS_SPARE = CLASS_PARTIAL + 1;
export const CLASS_SLABS = CLASS_SPARE + 1;
export const CLASS_TAIL = CLASS_SLABS + 1;

export const DESCRIPTOR_WORDS = 8;
export const PAGE_TAG = 0;
export const PAGE_PAGES = PAGE_TAG + 1;
export const PAGE_PREV = PAGE_PAGES + 1;
export const PAGE_NEXT = PAGE_PREV + 1;
export const SLAB_FREE = PAGE_NEXT + 1;
export const SLAB_BUMP = SLAB_FREE + 1;
export const SLAB_USED = SLAB_BUMP + 1;
export const SLAB_SPARSE = SLAB_USED + 1;
export const RUN_RELEASED = SLAB_FREE;
export const RUN_SWEPT = SLAB_BUMP;

export const KIND_NONE = 0;
export const KIND_SLAB = 1;
export const KIND_RUN = 2;
export const KIND_FREE_HEAD = 3;
export const KIND_FREE_TAIL = 4;
export const TAG_KIND_MASK = 0xff;
export const TAG_CLASS_SHIFT = 8;
export const TAG_CLASS_MASK = 0xff;
export const TAG_INDEX_SHIFT = 16;

/** Second word of a free block. A live block may hold it by chance, so it only raises suspicion. */
export const FREE_MARK = 0x9e3779b1;
