/**
 * Dict: a hash table of entry blocks over an arena, with cache-line buckets and incremental resize:
 * the keyspace index, and the table of large sets and hashes.
 *
 * LAYOUT
 *   struct (16 words, at a u32 index that the owner of the dict provides)
 *     0 table0 ref     1 table0 bucket count (power of two)
 *     2 table1 ref     3 table1 bucket count (0 = no resize in progress)
 *     4 rehash unit    next unit to migrate, see below
 *     5 item count     6 child bucket count     7 resize pause depth
 *     8 a mark of the owner, 0 in a dict that was emptied by init     9..15 reserved
 *
 *   bucket (16 words, 64 bytes: one cache line when the table is a page run)
 *     0      bits 0..11 presence of slots 0..11, bit 12 CHAINED
 *     1..3   twelve 8-bit tags, little-endian within a word
 *     4..15  twelve refs of entry blocks; with CHAINED, slot 11 holds a child bucket's ref instead
 *
 *   entry block, as far as the dict reads it: word 0
 *     bits 0..15  key length, or 0xFFFF: the length is in the u32 right before the key
 *     bits 16..19 header words H: the key starts at byte ref * 8 + 4 * H
 *     bits 20..31 belong to the owner of the entry
 *   with the COMPACT layout: an item block, see compact-item.ts
 *
 * RESIZE. A unit is a bucket index of the smaller of the two tables. Units below the rehash unit
 * live in table1, the others in table0, so every key has exactly one home bucket at any time and
 * table1 is initialised unit by unit: a step moves one bucket chain of a growing table and at most
 * eight of a shrinking one, whatever the size of the table.
 *
 * SCAN uses the reverse-binary cursor of Pieter Noordhuis (Redis dictScan): an item that is present
 * during the whole scan is returned at least once, across any number of resizes.
 *
 * PAUSE. While an iteration pauses resizes the tables stay as they are, whatever is inserted or
 * removed; the end of the pause starts the shrinking that removals would have started, and whoever
 * owns the dict may go on with rehashStep.
 *
 * INVARIANT  item count = sum of present slots; each item's hash selects its home bucket; a child
 *            bucket is never empty; without items and without a pause there are no tables.
 * OWNERSHIP  mutated only by the thread that holds the shard exclusively; `find` and `scan` also
 *            under a shared hold.
 * LIMITS     2^26 buckets (about 600 million items) a dict.
 */
import { wordOnes } from '../base/bits.ts';
import type { HalfSipHash } from '../base/half-sip-hash.ts';
import { reverseIncrement } from '../base/reverse-binary.ts';
import type { Arena, Ref } from '../memory/arena.ts';
import { itemKeyEquals, itemKeyLength, itemKeyOffset } from './compact-item.ts';
import { checkDict } from './dict-check.ts';
import * as layout from './dict-layout.ts';
import { type GrowthLimit, tagMatches, UNLIMITED } from './dict-tags.ts';
import { ENTRY_HEADER_SHIFT, ENTRY_KEY_LENGTH_LONG, entryKeyEquals } from './entry-key.ts';

export const DICT_STRUCT_WORDS = layout.DICT_STRUCT_WORDS;
export const DICT_MARK_WORD = 8;
/** Layouts of what the slots refer to. */
export const LAYOUT_ENTRY = 0;
export const LAYOUT_COMPACT = 1;

const TABLE0 = layout.DICT_TABLE0;
const COUNT0 = layout.DICT_COUNT0;
const TABLE1 = layout.DICT_TABLE1;
const COUNT1 = layout.DICT_COUNT1;
const REHASH_UNIT = layout.DICT_REHASH_UNIT;
const ITEMS = layout.DICT_ITEMS;
const CHILDREN = layout.DICT_CHILDREN;
const PAUSE = layout.DICT_PAUSE;

const BUCKET_WORDS = layout.BUCKET_WORDS;
const BUCKET_BYTES = BUCKET_WORDS * 4;
const SLOTS = layout.BUCKET_SLOTS;
const LAST_SLOT = layout.BUCKET_LAST_SLOT;
const PRESENT_ALL = layout.BUCKET_PRESENT_ALL;
const PRESENT_CHAINED = layout.BUCKET_PRESENT_CHAINED;
const CHAINED = layout.BUCKET_CHAINED;
const REFS = layout.BUCKET_REFS;

/** Items per bucket above which the table doubles: 75 % of the slots, against long chains. */
const ITEMS_PER_BUCKET_MAX = 9;
/** Items per bucket below which the table halves: far from the upper bound, against flapping. */
const ITEMS_PER_BUCKET_MIN = 1;
export const DICT_BUCKETS_MIN = 4;
const BUCKETS_MAX = 1 << 26;
/** A resize makes a table at most this many times smaller: it bounds a rehash step. */
const SHRINK_MAX = 8;

/** Receives every item of the buckets that a scan step visits. */
export type DictVisitor = (ref: Ref) => void;

export class Dict {
  readonly arena: Arena;
  /** u32 index of the struct that this view is of now. */
  base: number;
  readonly hasher: HalfSipHash;
  readonly #u32: Uint32Array;
  readonly #u8: Uint8Array;
  readonly #isCompact: boolean;
  /** What a new table may take when the dict could grow, for owners that are short of memory. */
  growth: GrowthLimit = UNLIMITED;
  /**
   * u32 index of the slot word of the item that the last successful `find` returned; valid until
   * the next mutation.
   */
  slotWord = 0;
  /** Home bucket and bucket of that slot. */
  #homeWord = 0;
  #bucketWord = 0;
  #slot = 0;

  /**
   * A view of the dict struct at u32 index `base`; `init` must have been called on it once by
   * whoever made it.
   */
  constructor(arena: Arena, base: number, hasher: HalfSipHash, layout: number = LAYOUT_ENTRY) {
    this.arena = arena;
    this.base = base;
    this.hasher = hasher;
    this.#u32 = arena.u32;
    this.#u8 = arena.u8;
    this.#isCompact = layout === LAYOUT_COMPACT;
  }

  /** Makes this a view of another struct: one object serves all values of a type. */
  attach(base: number): this {
    this.base = base;
    return this;
  }

  /** Makes an empty dict without tables; the first insert allocates them. */
  init(): void {
    this.#u32.fill(0, this.base, this.base + DICT_STRUCT_WORDS);
  }

  get size(): number {
    return this.#u32[this.base + ITEMS]!;
  }

  get bucketCount(): number {
    return this.#u32[this.base + COUNT0]!;
  }

  get isResizing(): boolean {
    return this.#u32[this.base + COUNT1]! !== 0;
  }

  /** Buckets of the table that takes over while the dict is resized; 0 = it is not. */
  get nextBucketCount(): number {
    return this.#u32[this.base + COUNT1]!;
  }

  /** Slots in both tables, for DEBUG HTSTATS. */
  get slotCount(): number {
    return (this.#u32[this.base + COUNT0]! + this.#u32[this.base + COUNT1]!) * SLOTS;
  }

  /** u32 index of the home bucket of hash `lo`. The table must exist. */
  #home(lo: number): number {
    const u32 = this.#u32;
    const base = this.base;
    const count0 = u32[base + COUNT0]!;
    const count1 = u32[base + COUNT1]!;
    if (count1 === 0) return u32[base + TABLE0]! * 2 + (lo & (count0 - 1)) * BUCKET_WORDS;
    const unit = lo & (Math.min(count0, count1) - 1);
    if (unit < u32[base + REHASH_UNIT]!)
      return u32[base + TABLE1]! * 2 + (lo & (count1 - 1)) * BUCKET_WORDS;
    return u32[base + TABLE0]! * 2 + (lo & (count0 - 1)) * BUCKET_WORDS;
  }

  /**
   * The entry block whose key equals bytes [start, end) of `buf`, or 0. (lo, hi) is the key's hash.
   * O(1).
   */
  find(buf: Uint8Array, start: number, end: number, lo: number, hi: number): Ref {
    const u32 = this.#u32;
    if (u32[this.base + COUNT0]! === 0) return 0;
    const home = this.#home(lo);
    let bucket = home;
    // Four tags at a time: a hit takes 30 ns instead of 34 and a miss 15 instead of 20, against a
    // loop over the tags (bench/micro/dict.bench.ts, 1k keys).
    const spread = Math.imul(hi & 0xff, 0x01010101);
    for (;;) {
      const meta = u32[bucket]!;
      const isChained = (meta & CHAINED) !== 0;
      let slots =
        (tagMatches(u32[bucket + 1]! ^ spread) |
          (tagMatches(u32[bucket + 2]! ^ spread) << 4) |
          (tagMatches(u32[bucket + 3]! ^ spread) << 8)) &
        (isChained ? meta & PRESENT_CHAINED : meta);
      while (slots !== 0) {
        const slot = 31 - Math.clz32(slots & -slots);
        slots &= slots - 1;
        const ref = u32[bucket + REFS + slot]!;
        const isFound = this.#isCompact
          ? itemKeyEquals(u32, ref, buf, start, end)
          : entryKeyEquals(u32, ref, buf, start, end);
        if (isFound) {
          this.slotWord = bucket + REFS + slot;
          this.#homeWord = home;
          this.#bucketWord = bucket;
          this.#slot = slot;
          return ref;
        }
      }
      if (!isChained) return 0;
      bucket = u32[bucket + REFS + LAST_SLOT]! * 2;
    }
  }

  /**
   * First of two steps that bring what `find` of a hash looks at closer to the processor: the u32
   * index of the bucket to look at, -1 without a table. No hold is needed for either: what they
   * read may be of a moment ago, and is good for nothing else.
   */
  homeHint(lo: number): number {
    return this.#u32[this.base + COUNT0]! === 0 ? -1 : this.#home(lo);
  }

  /** Second step: the ref of the first entry of that bucket that `find` would look at, or 0. */
  entryHint(home: number, hi: number): Ref {
    const u32 = this.#u32;
    const spread = Math.imul(hi & 0xff, 0x01010101);
    for (let word = 0; word < SLOTS / 4; word++) {
      const slots = tagMatches(u32[home + 1 + word]! ^ spread) & (u32[home]! >>> (word * 4));
      if (slots !== 0) return u32[home + REFS + word * 4 + 31 - Math.clz32(slots & -slots)]!;
    }
    return 0;
  }

  /** Length in bytes of an entry's key. */
  keyLength(ref: Ref): number {
    if (this.#isCompact) return itemKeyLength(this.#u32, ref);
    const word = this.#u32[ref * 2]!;
    const short = word & 0xffff;
    if (short !== ENTRY_KEY_LENGTH_LONG) return short;
    return this.#u32[ref * 2 + ((word >>> ENTRY_HEADER_SHIFT) & 15) - 1]!;
  }

  /** Byte offset of an entry's key in the arena. */
  keyOffset(ref: Ref): number {
    if (this.#isCompact) return itemKeyOffset(this.#u32, ref);
    return ref * 8 + ((this.#u32[ref * 2]! >>> ENTRY_HEADER_SHIFT) & 15) * 4;
  }

  /**
   * Adds an entry whose key is known to be absent. False when the arena is full: nothing has
   * changed then. Amortised O(1); also moves a resize on by one unit.
   */
  insert(ref: Ref, lo: number, hi: number): boolean {
    const u32 = this.#u32;
    const base = this.base;
    if (u32[base + COUNT0]! === 0 && !this.#createTable()) return false;
    this.#stepAndGrow();
    if (!this.#place(this.#home(lo), ref, hi & 0xff)) return false;
    u32[base + ITEMS] = u32[base + ITEMS]! + 1;
    return true;
  }

  #createTable(buckets = DICT_BUCKETS_MIN): boolean {
    const table = this.arena.alloc(buckets * BUCKET_BYTES);
    if (table === 0) return false;
    this.#clearBuckets(table, 0, buckets);
    this.#u32[this.base + TABLE0] = table;
    this.#u32[this.base + COUNT0] = buckets;
    return true;
  }

  /**
   * Makes a table with room for `items` that are about to come, if there is none yet: no resize
   * looks at each of them again. Whoever does has to `trim` when all have come. O(items).
   */
  reserve(items: number): void {
    if (this.#u32[this.base + COUNT0]! !== 0) return;
    let buckets = DICT_BUCKETS_MIN;
    while (buckets * ITEMS_PER_BUCKET_MAX < items && buckets < BUCKETS_MAX) buckets *= 2;
    // Without so much memory in one piece, the table grows as the items come.
    this.#createTable(buckets);
  }

  /** Begins to shrink the table if it is too large for its items. */
  trim(): void {
    this.#shrink();
  }

  #clearBuckets(table: Ref, from: number, to: number): void {
    for (let i = from; i < to; i++) this.#u32[table * 2 + i * BUCKET_WORDS] = 0;
  }

  #stepAndGrow(): void {
    const u32 = this.#u32;
    const base = this.base;
    if (u32[base + PAUSE]! !== 0) return;
    if (u32[base + COUNT1]! !== 0) {
      this.rehashStep();
      return;
    }
    const count = u32[base + COUNT0]!;
    const items = u32[base + ITEMS]!;
    if (items < count * ITEMS_PER_BUCKET_MAX || count >= BUCKETS_MAX) return;
    // An owner short of memory gets longer chains, up to a bound.
    const isAllowed = count * 2 * BUCKET_BYTES <= this.growth.bytes || items >= count * SLOTS;
    if (isAllowed) this.#startResize(count * 2);
  }

  /** Starts a resize; without memory for the new table the dict goes on with longer chains. */
  #startResize(count: number): void {
    const table = this.arena.alloc(count * BUCKET_BYTES);
    if (table === 0) return;
    const u32 = this.#u32;
    u32[this.base + TABLE1] = table;
    u32[this.base + COUNT1] = count;
    u32[this.base + REHASH_UNIT] = 0;
  }

  /**
   * Puts an item into the chain of `bucket`. False when a child bucket was needed and the arena is
   * full.
   */
  #place(bucket: number, ref: Ref, tag: number): boolean {
    const u32 = this.#u32;
    for (;;) {
      const meta = u32[bucket]!;
      const all = (meta & CHAINED) !== 0 ? PRESENT_CHAINED : PRESENT_ALL;
      const free = ~meta & all;
      if (free !== 0) {
        this.#put(bucket, 31 - Math.clz32(free & -free), ref, tag);
        return true;
      }
      if ((meta & CHAINED) === 0) {
        const child = this.arena.alloc(BUCKET_BYTES);
        if (child === 0) return false;
        u32[child * 2] = 0;
        const moved = u32[bucket + REFS + LAST_SLOT]!;
        this.#put(child * 2, 0, moved, this.#tagAt(bucket, LAST_SLOT));
        u32[bucket] = (meta & PRESENT_CHAINED) | CHAINED;
        u32[bucket + REFS + LAST_SLOT] = child;
        u32[this.base + CHILDREN] = u32[this.base + CHILDREN]! + 1;
      }
      bucket = u32[bucket + REFS + LAST_SLOT]! * 2;
    }
  }

  #put(bucket: number, slot: number, ref: Ref, tag: number): void {
    const u32 = this.#u32;
    const word = bucket + 1 + (slot >>> 2);
    const shift = (slot & 3) << 3;
    u32[word] = (u32[word]! & ~(0xff << shift)) | (tag << shift);
    u32[bucket + REFS + slot] = ref;
    u32[bucket] = u32[bucket]! | (1 << slot);
  }

  #tagAt(bucket: number, slot: number): number {
    return (this.#u32[bucket + 1 + (slot >>> 2)]! >>> ((slot & 3) << 3)) & 0xff;
  }

  /** Points the slot of the item that `find` just returned at another block with the same key. */
  replaceFound(ref: Ref): void {
    this.#u32[this.slotWord] = ref;
  }

  /**
   * Takes out the item that `find` just returned; the entry block itself stays with the caller.
   * O(1).
   */
  removeFound(): void {
    const u32 = this.#u32;
    u32[this.#bucketWord] = u32[this.#bucketWord]! & ~(1 << this.#slot);
    if ((u32[this.#homeWord]! & CHAINED) !== 0) this.#compactChain();
    const base = this.base;
    u32[base + ITEMS] = u32[base + ITEMS]! - 1;
    if (u32[base + PAUSE]! !== 0) return;
    if (u32[base + ITEMS]! !== 0 && u32[base + COUNT1]! !== 0) this.rehashStep();
    else this.#shrink();
  }

  /**
   * Frees the tables of a dict without items; starts to shrink a table that has become too large.
   */
  #shrink(): void {
    const u32 = this.#u32;
    const base = this.base;
    const items = u32[base + ITEMS]!;
    if (items === 0) {
      this.#freeTables();
      return;
    }
    const count = u32[base + COUNT0]!;
    if (u32[base + COUNT1]! !== 0 || count <= DICT_BUCKETS_MIN) return;
    if (items >= count * ITEMS_PER_BUCKET_MIN) return;
    const least = Math.max(DICT_BUCKETS_MIN, count / SHRINK_MAX);
    let shrunk = count / 2;
    while (shrunk > least && items * 2 < shrunk * ITEMS_PER_BUCKET_MAX) shrunk /= 2;
    this.#startResize(shrunk);
  }

  #freeTables(): void {
    const u32 = this.#u32;
    const base = this.base;
    if (u32[base + TABLE0]! !== 0) this.arena.free(u32[base + TABLE0]!);
    if (u32[base + TABLE1]! !== 0) this.arena.free(u32[base + TABLE1]!);
    u32.fill(0, base + TABLE0, base + ITEMS);
  }

  /**
   * Fills the hole in the removed slot from the last bucket of the chain, and frees that bucket
   * when it is empty.
   */
  #compactChain(): void {
    const u32 = this.#u32;
    let parent = this.#homeWord;
    let last = u32[parent + REFS + LAST_SLOT]! * 2;
    while ((u32[last]! & CHAINED) !== 0) {
      parent = last;
      last = u32[last + REFS + LAST_SLOT]! * 2;
    }
    if (last !== this.#bucketWord) {
      const slot = 31 - Math.clz32(u32[last]! & PRESENT_ALL);
      this.#put(this.#bucketWord, this.#slot, u32[last + REFS + slot]!, this.#tagAt(last, slot));
      u32[last] = u32[last]! & ~(1 << slot);
    }
    if ((u32[last]! & PRESENT_ALL) !== 0) return;
    u32[parent] = u32[parent]! & PRESENT_CHAINED;
    this.#freeChild(last);
  }

  #freeChild(bucket: number): void {
    this.arena.free(bucket / 2);
    this.#u32[this.base + CHILDREN] = this.#u32[this.base + CHILDREN]! - 1;
  }

  /**
   * Migrates one unit of a resize. False when none is in progress or the arena is too full to go on
   * (a later call tries again). O(length of the chains of one unit).
   */
  rehashStep(): boolean {
    const u32 = this.#u32;
    const base = this.base;
    const count0 = u32[base + COUNT0]!;
    const count1 = u32[base + COUNT1]!;
    if (count1 === 0 || u32[base + PAUSE]! !== 0) return false;
    const unit = u32[base + REHASH_UNIT]!;
    const units = Math.min(count0, count1);
    // Chains of the target may need child buckets. Memory for them is proven to be there before
    // anything moves, because a half-migrated unit has no home.
    if (!this.#canMigrate(unit, count0, count1)) return false;
    for (let b = unit; b < count1; b += units) this.#clearBuckets(u32[base + TABLE1]!, b, b + 1);
    for (let b = unit; b < count0; b += units) {
      this.#migrateChain(u32[base + TABLE0]! * 2 + b * BUCKET_WORDS, count1);
    }
    u32[base + REHASH_UNIT] = unit + 1;
    if (unit + 1 === units) this.#finishResize();
    return true;
  }

  #canMigrate(unit: number, count0: number, count1: number): boolean {
    const u32 = this.#u32;
    let items = 0;
    const units = Math.min(count0, count1);
    for (let b = unit; b < count0; b += units) {
      let bucket = u32[this.base + TABLE0]! * 2 + b * BUCKET_WORDS;
      while ((u32[bucket]! & CHAINED) !== 0) {
        items += LAST_SLOT;
        bucket = u32[bucket + REFS + LAST_SLOT]! * 2;
      }
      items += wordOnes(u32[bucket]! & PRESENT_ALL);
    }
    // A chain of n > 12 items has ceil((n - 12) / 11) children; the items of a unit go to at most
    // two long chains when it grows and to one when it shrinks, and fewer children are needed the
    // more evenly they part.
    return items <= SLOTS || this.#provideChildren(Math.ceil((items - SLOTS) / LAST_SLOT));
  }

  /**
   * Proves that `count` child buckets can be allocated now: takes them all, linked by their first
   * word, and frees.
   */
  #provideChildren(count: number): boolean {
    const u32 = this.#u32;
    let head = 0;
    let taken = 0;
    while (taken < count) {
      const child = this.arena.alloc(BUCKET_BYTES);
      if (child === 0) break;
      u32[child * 2] = head;
      head = child;
      taken += 1;
    }
    while (head !== 0) {
      const next = u32[head * 2]!;
      this.arena.free(head);
      head = next;
    }
    return taken === count;
  }

  #migrateChain(home: number, count1: number): void {
    const u32 = this.#u32;
    const u8 = this.#u8;
    const hasher = this.hasher;
    const table1 = u32[this.base + TABLE1]! * 2;
    let bucket = home;
    for (;;) {
      const meta = u32[bucket]!;
      const chained = (meta & CHAINED) !== 0;
      let present = meta & (chained ? PRESENT_CHAINED : PRESENT_ALL);
      while (present !== 0) {
        const slot = 31 - Math.clz32(present & -present);
        present &= present - 1;
        const ref = u32[bucket + REFS + slot]!;
        const at = this.keyOffset(ref);
        hasher.hash(u8, at, at + this.keyLength(ref));
        const target = table1 + (hasher.lo & (count1 - 1)) * BUCKET_WORDS;
        if (!this.#place(target, ref, this.#tagAt(bucket, slot))) {
          throw new Error('dict: no memory for a child bucket in the middle of a migration');
        }
      }
      const next = chained ? u32[bucket + REFS + LAST_SLOT]! * 2 : 0;
      if (bucket !== home) this.#freeChild(bucket);
      if (next === 0) return;
      bucket = next;
    }
  }

  #finishResize(): void {
    const u32 = this.#u32;
    const base = this.base;
    this.arena.free(u32[base + TABLE0]!);
    u32[base + TABLE0] = u32[base + TABLE1]!;
    u32[base + COUNT0] = u32[base + COUNT1]!;
    u32[base + TABLE1] = 0;
    u32[base + COUNT1] = 0;
    u32[base + REHASH_UNIT] = 0;
    this.#shrink();
  }

  /** Stops resizing (nested) while an iteration over all buckets must see each item once. */
  pauseResize(): void {
    this.#u32[this.base + PAUSE] = this.#u32[this.base + PAUSE]! + 1;
  }

  /**
   * Ends a pause. The outermost one makes up for shrinking that removals did not start meanwhile.
   */
  resumeResize(): void {
    const depth = this.#u32[this.base + PAUSE]!;
    if (depth === 0) throw new Error('dict: a resume without a pause');
    this.#u32[this.base + PAUSE] = depth - 1;
    if (depth === 1) this.#shrink();
  }

  /** Visits the items of one unit. */
  visitUnit(unit: number, visit: DictVisitor): void {
    this.forHomes(unit, (home) => this.#visitChain(home, visit));
  }

  /** Visits the home buckets (u32 indexes) of one unit, in the table where it lives. */
  forHomes(unit: number, visit: (bucket: number) => void): void {
    const u32 = this.#u32;
    const base = this.base;
    const units = this.unitCount;
    if (units === 0) return;
    const isMigrated = u32[base + COUNT1]! !== 0 && unit < u32[base + REHASH_UNIT]!;
    const table = u32[base + (isMigrated ? TABLE1 : TABLE0)]! * 2;
    const count = u32[base + (isMigrated ? COUNT1 : COUNT0)]!;
    for (let b = unit; b < count; b += units) visit(table + b * BUCKET_WORDS);
  }

  /** Number of units, 0 when empty: every item is in one of `visitUnit(0 .. unitCount - 1)`. */
  get unitCount(): number {
    const count0 = this.#u32[this.base + COUNT0]!;
    const count1 = this.#u32[this.base + COUNT1]!;
    return count1 === 0 || count0 < count1 ? count0 : count1;
  }

  #visitChain(home: number, visit: DictVisitor): void {
    const u32 = this.#u32;
    let bucket = home;
    for (;;) {
      const meta = u32[bucket]!;
      const chained = (meta & CHAINED) !== 0;
      let present = meta & (chained ? PRESENT_CHAINED : PRESENT_ALL);
      while (present !== 0) {
        const slot = 31 - Math.clz32(present & -present);
        present &= present - 1;
        visit(u32[bucket + REFS + slot]!);
      }
      if (!chained) return;
      bucket = u32[bucket + REFS + LAST_SLOT]! * 2;
    }
  }

  /**
   * Visits the buckets of `cursor` and returns the next cursor; 0 = the scan is complete. `visit`
   * must not mutate.
   */
  scan(cursor: number, visit: DictVisitor): number {
    const units = this.unitCount;
    if (units === 0) return 0;
    const mask = units - 1;
    this.visitUnit(cursor & mask, visit);
    return reverseIncrement(cursor, mask);
  }

  /**
   * An item drawn at random, every item with the same chance, as if `find` had returned it; 0 when
   * empty. `random` returns integers below its argument. Draws a unit and a place in it until there
   * is an item at the place, of more places than a unit has items but with a chance below 10^-8.
   * Expected O(1): tables are never emptier than the shrink bound.
   */
  randomItem(random: (below: number) => number): Ref {
    if (this.size === 0) return 0;
    const units = this.unitCount;
    const places = 16 + 2 * Math.ceil(this.size / units);
    for (;;) {
      const ref = this.#itemAt(random(units), random(places));
      if (ref !== 0) return ref;
    }
  }

  /** The item at `place` of those of a unit, as if `find` had returned it; 0 = it has fewer. */
  #itemAt(unit: number, place: number): Ref {
    const u32 = this.#u32;
    const base = this.base;
    const isMigrated = u32[base + COUNT1]! !== 0 && unit < u32[base + REHASH_UNIT]!;
    const table = u32[base + (isMigrated ? TABLE1 : TABLE0)]! * 2;
    const end = table + u32[base + (isMigrated ? COUNT1 : COUNT0)]! * BUCKET_WORDS;
    const step = this.unitCount * BUCKET_WORDS;
    let left = place;
    for (let home = table + unit * BUCKET_WORDS; home < end; home += step) {
      for (let bucket = home; bucket !== 0; ) {
        const isChained = (u32[bucket]! & CHAINED) !== 0;
        let present = u32[bucket]! & (isChained ? PRESENT_CHAINED : PRESENT_ALL);
        for (; present !== 0 && left > 0; left--) present &= present - 1;
        if (present !== 0) {
          this.#homeWord = home;
          this.#bucketWord = bucket;
          this.#slot = 31 - Math.clz32(present & -present);
          this.slotWord = bucket + REFS + this.#slot;
          return u32[this.slotWord]!;
        }
        bucket = isChained ? u32[bucket + REFS + LAST_SLOT]! * 2 : 0;
      }
    }
    return 0;
  }

  /** Units that `dismantleUnit` has left; the last of them is the next. */
  get unitsToDismantle(): number {
    const pause = this.#u32[this.base + PAUSE]!;
    return pause === 0 ? this.unitCount : pause - 1;
  }

  /**
   * Frees the tables unit by unit: visits (and forgets) the items of one unit, starting from the
   * last. Returns true when the dict is gone. The dict must not be used otherwise meanwhile.
   */
  dismantleUnit(visit: DictVisitor): boolean {
    const u32 = this.#u32;
    const base = this.base;
    const count0 = u32[base + COUNT0]!;
    if (count0 === 0) return true;
    // The pause word is the progress mark here, which also keeps the tables as they are: one more
    // than the units left.
    const left = this.unitsToDismantle;
    if (left > 0) {
      const unit = left - 1;
      this.visitUnit(unit, visit);
      this.#freeChildrenOf(unit);
      u32[base + PAUSE] = left;
      if (unit > 0) return false;
    }
    this.#freeTables();
    this.init();
    return true;
  }

  #freeChildrenOf(unit: number): void {
    const u32 = this.#u32;
    this.forHomes(unit, (home) => {
      let next = (u32[home]! & CHAINED) !== 0 ? u32[home + REFS + LAST_SLOT]! * 2 : 0;
      while (next !== 0) {
        const bucket = next;
        next = (u32[bucket]! & CHAINED) !== 0 ? u32[bucket + REFS + LAST_SLOT]! * 2 : 0;
        this.#freeChild(bucket);
      }
    });
  }

  /**
   * Throws when a property in the head of this file does not hold. O(n). Changes what `find` found
   * last.
   */
  checkInvariants(): void {
    checkDict(this);
  }
}
