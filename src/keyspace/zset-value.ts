/**
 * ZsetValues: sorted sets of one shard over all encodings, those of keys and those that are being
 * built. Order: score ascending, then bytes of the member; ranks count from 0 at the lowest.
 *
 * LAYOUT
 *   listpack   value bytes = a pack of members and scores, zset-pack.ts
 *   skiplist   root block of a ZsetTable (the name is Redis's; the structure is a B+ tree)
 *
 * Changes go to the set that was opened: one of a key, or a *detached* one, which no key refers to
 * (results of ZUNIONSTORE and the like) until `link` stores it. Scores are never NaN.
 *
 * A visitor must not use the view that calls it: it has the shard's other one.
 */
import type { Ref } from '../memory/arena.ts';
import { Listpack } from '../structures/listpack.ts';
import { ENCODING_LISTPACK, ENCODING_SKIPLIST, TYPE_ZSET } from './entry.ts';
import { Key } from './key.ts';
import { hasDuplicateElements } from './pack-duplicates.ts';
import type { Shard } from './shard.ts';
import { ZsetPack } from './zset-pack.ts';
import { ZsetTable } from './zset-table.ts';

/** Outcomes of `add`: a new member, another score, nothing to do. */
export const ZSET_ADDED = 1;
export const ZSET_UPDATED = 2;
export const ZSET_SAME = 0;
/** The arena is full; nothing has changed. */
export const ZSET_FULL = -1;

/** Receives a member as bytes of a buffer, borrowed during the call, and its score. */
export type ScoredVisitor = (buf: Uint8Array, from: number, to: number, score: number) => void;

/** Room of a detached pack at first. */
const DETACHED_BYTES = 64;

export class ZsetValues {
  /** What `scoreOf`, `rankOf` or `openScoreOf` found last. */
  score = 0;
  /** Entry of the open set; 0 = it is gone, or detached. */
  ref = 0;
  readonly #shard: Shard;
  readonly #pack: ZsetPack;
  readonly #table: ZsetTable;
  #db = 0;
  #key = new Key();
  /** Block of a detached set in bytes, and its length. */
  #block = 0;
  #length = 0;
  /** Root of the open set when it is large. */
  #root = 0;

  constructor(shard: Shard) {
    this.#shard = shard;
    this.#pack = new ZsetPack(shard.u8);
    this.#table = new ZsetTable(shard);
  }

  // ---- reading the set of an entry

  #rooted(ref: Ref): ZsetTable {
    return this.#table.attach(this.#shard.rootOf(ref));
  }

  /** Number of members. O(1). */
  size(ref: Ref): number {
    if (this.#shard.isRooted(ref)) return this.#rooted(ref).size;
    const start = this.#shard.valueOffset(ref);
    return this.#pack.size(start, start + this.#shard.valueLength(ref));
  }

  /** Whether buf[from, to) is a member; sets `score`. O(1), O(n) of a listpack. */
  scoreOf(ref: Ref, buf: Uint8Array, from: number, to: number): boolean {
    if (this.#shard.isRooted(ref)) return this.#scoreIn(this.#rooted(ref), buf, from, to);
    const start = this.#shard.valueOffset(ref);
    const at = this.#pack.find(start, start + this.#shard.valueLength(ref), buf, from, to);
    this.score = this.#pack.score;
    return at >= 0;
  }

  #scoreIn(table: ZsetTable, buf: Uint8Array, from: number, to: number): boolean {
    const item = table.find(buf, from, to);
    if (item !== 0) this.score = table.scoreOf(item);
    return item !== 0;
  }

  /** Rank of a member, -1 when it is none; sets `score`. O(log n), O(n) of a listpack. */
  rankOf(ref: Ref, buf: Uint8Array, from: number, to: number): number {
    if (this.#shard.isRooted(ref)) {
      const table = this.#rooted(ref);
      const item = table.find(buf, from, to);
      if (item === 0) return -1;
      this.score = table.scoreOf(item);
      return table.rank(item);
    }
    const start = this.#shard.valueOffset(ref);
    const at = this.#pack.find(start, start + this.#shard.valueLength(ref), buf, from, to);
    if (at < 0) return -1;
    this.score = this.#pack.score;
    return this.#pack.rankAt(start, at);
  }

  /**
   * How many members lie before a bound: those with a score below it, or up to it when `isAfter`.
   * O(log n), O(n) of a listpack.
   */
  rankOfScore(ref: Ref, bound: number, isAfter: boolean): number {
    if (this.#shard.isRooted(ref)) return this.#rooted(ref).rankOfScore(bound, isAfter);
    const start = this.#shard.valueOffset(ref);
    const end = start + this.#shard.valueLength(ref);
    return this.#pack.rankOfScore(start, end, bound, isAfter);
  }

  /** The same by bytes of members, for sets whose members all have one score. */
  rankOfLex(ref: Ref, buf: Uint8Array, from: number, to: number, isAfter: boolean): number {
    if (this.#shard.isRooted(ref)) return this.#rooted(ref).rankOfLex(buf, from, to, isAfter);
    const start = this.#shard.valueOffset(ref);
    const end = start + this.#shard.valueLength(ref);
    return this.#pack.rankOfLex(start, end, buf, from, to, isAfter);
  }

  /**
   * Visits `count` members in ascending order from rank `start` on, or with `isReverse` in
   * descending order from that rank down; fewer when the set ends. `visit` must not change the set.
   * O(log n + count).
   */
  forRange(ref: Ref, start: number, count: number, isReverse: boolean, visit: ScoredVisitor): void {
    if (start < 0 || count <= 0 || start >= this.size(ref)) return;
    if (this.#shard.isRooted(ref)) {
      this.#rooted(ref).forRange(start, count, isReverse, visit);
      return;
    }
    const pack = this.#pack;
    const begin = this.#shard.valueOffset(ref);
    const end = begin + this.#shard.valueLength(ref);
    let at = pack.seek(begin, end, start);
    for (let left = count; left > 0 && at >= 0 && at < end; left--) {
      const next = pack.read(at);
      const { buf, from, to, score } = pack;
      visit(buf, from, to, score);
      at = isReverse ? pack.previous(begin, at) : next;
    }
  }

  /** Visits all members in ascending order. `visit` must not change the set. O(n). */
  forEach(ref: Ref, visit: ScoredVisitor): void {
    this.forRange(ref, 0, this.size(ref), false, visit);
  }

  /** Visits the members of one step of a scan; the next cursor, 0 at the end. */
  scan(ref: Ref, cursor: number, visit: ScoredVisitor): number {
    if (this.#shard.isRooted(ref)) return this.#rooted(ref).scan(cursor, visit);
    this.forEach(ref, visit);
    return 0;
  }

  // ---- the open set

  /** Opens the set of the entry that `find` just returned for `key`. */
  open(db: number, key: Key, ref: Ref): this {
    this.#db = db;
    this.#key = key;
    this.ref = ref;
    this.#block = 0;
    this.#root = this.#shard.isRooted(ref) ? this.#shard.rootOf(ref) : 0;
    this.#length = this.#root === 0 ? this.#shard.valueLength(ref) : 0;
    return this;
  }

  /**
   * Opens an empty set that no key has. `sizeHint` members, one of them of `memberLength` bytes,
   * choose the encoding to begin with; a listpack is converted when it grows too large, but a large
   * set stays one. So where few members may come of many, 0 is the hint. False when the arena is
   * full.
   */
  openDetached(memberLength: number, sizeHint: number): boolean {
    const { limits } = this.#shard;
    this.ref = 0;
    this.#root = 0;
    this.#block = 0;
    this.#length = 0;
    const isShort = memberLength <= limits.zsetMaxListpackValue;
    if (!isShort || Math.max(sizeHint, 1) > limits.zsetMaxListpackEntries) {
      this.#root = this.#table.create();
      return this.#root !== 0;
    }
    this.#block = this.#shard.arena.alloc(DETACHED_BYTES);
    if (this.#block === 0) return false;
    const start = this.#block * 8;
    this.#length = this.#pack.init(start) - start;
    return true;
  }

  /** Members of the open set. */
  get openSize(): number {
    if (this.#root !== 0) return this.#table.attach(this.#root).size;
    return this.#pack.size(this.#start, this.#start + this.#length);
  }

  get #start(): number {
    return this.#block !== 0 ? this.#block * 8 : this.#shard.valueOffset(this.ref);
  }

  /** Gives the open value in bytes another length. False when the arena is full. */
  #resize(length: number): boolean {
    const shard = this.#shard;
    if (this.#block !== 0) {
      const usable = shard.arena.usableBytes(this.#block);
      if (length > usable) {
        const moved = shard.arena.realloc(this.#block, Math.max(length, usable + (usable >>> 1)));
        if (moved === 0) return false;
        this.#block = moved;
      }
    } else {
      const moved = shard.resizeValue(this.#db, this.#key, this.ref, length);
      if (moved === 0) return false;
      this.ref = moved;
    }
    this.#length = length;
    return true;
  }

  /** Whether buf[from, to) is in the open set; sets `score`. */
  openScoreOf(buf: Uint8Array, from: number, to: number): boolean {
    if (this.#root !== 0) return this.#scoreIn(this.#table.attach(this.#root), buf, from, to);
    const start = this.#start;
    const at = this.#pack.find(start, start + this.#length, buf, from, to);
    this.score = this.#pack.score;
    return at >= 0;
  }

  /**
   * Converts the open set at once where so many members more than a listpack may have are to come.
   * As in Redis, what is there already does not count. False when the arena is full.
   */
  prepare(extraMembers: number): boolean {
    const isSmall = extraMembers <= this.#shard.limits.zsetMaxListpackEntries;
    return this.#root !== 0 || isSmall || this.#convert();
  }

  /** Makes a large set of the open pack. False when the arena is full: nothing has changed then. */
  #convert(): boolean {
    const shard = this.#shard;
    const table = this.#table;
    const pack = this.#pack;
    const root = table.create();
    if (root === 0) return false;
    const end = this.#start + this.#length;
    for (let at = pack.first(this.#start); at < end; ) {
      at = pack.read(at);
      if (table.append(pack.buf, pack.from, pack.to, pack.score)) continue;
      table.discard(root);
      return false;
    }
    if (this.#block !== 0) shard.arena.free(this.#block);
    else this.ref = shard.convertToRooted(this.#db, this.#key, this.ref, ENCODING_SKIPLIST, root);
    this.#block = 0;
    this.#length = 0;
    this.#root = root;
    return true;
  }

  /**
   * Adds a member to the open set or gives it another score; its bytes must not lie in the set.
   * ZSET_ADDED, _UPDATED, _SAME or _FULL. O(log n), O(n) of a listpack.
   */
  add(buf: Uint8Array, from: number, to: number, score: number): number {
    if (this.#root === 0) return this.#addPacked(buf, from, to, score);
    const table = this.#table.attach(this.#root);
    const item = table.find(buf, from, to);
    if (item !== 0 && table.scoreOf(item) === score) return ZSET_SAME;
    if (item !== 0) {
      if (!table.rescore(item, score)) return ZSET_FULL;
    } else if (!table.insertAbsent(buf, from, to, score)) {
      return ZSET_FULL;
    }
    this.#touched();
    return item !== 0 ? ZSET_UPDATED : ZSET_ADDED;
  }

  /**
   * The same for a member that is most likely new, in the order of scores: it is compared with the
   * others by `openHasDuplicates`, once, behind the last one. ZSET_SAME where it is known to be a
   * second one. O(1) at the end of a listpack.
   */
  addNext(buf: Uint8Array, from: number, to: number, score: number): number {
    if (this.#root !== 0) return this.add(buf, from, to, score);
    const { limits } = this.#shard;
    const pack = this.#pack;
    const start = this.#start;
    const old = this.#length;
    const isShort = to - from <= limits.zsetMaxListpackValue;
    if (!isShort || pack.size(start, start + old) >= limits.zsetMaxListpackEntries) {
      if (this.openHasDuplicates()) return ZSET_SAME;
      return this.add(buf, from, to, score);
    }
    if (!this.#resize(old + pack.pairBytes(buf, from, to, score))) return ZSET_FULL;
    pack.insert(this.#start, this.#start + old, buf, from, to, score);
    return ZSET_ADDED;
  }

  /** Whether `addNext` has put a member into the open set twice. O(n) of a listpack. */
  openHasDuplicates(): boolean {
    if (this.#root !== 0) return false;
    const start = this.#start;
    const pack = new Listpack(this.#shard.u8);
    return hasDuplicateElements(this.#shard.u8, pack, start, start + this.#length, 2);
  }

  #touched(): void {
    if (this.ref !== 0) this.#shard.touched(this.#db, this.#key);
  }

  #addPacked(buf: Uint8Array, from: number, to: number, score: number): number {
    const { limits } = this.#shard;
    const pack = this.#pack;
    const start = this.#start;
    const old = this.#length;
    const at = pack.find(start, start + old, buf, from, to);
    const bytes = pack.pairBytes(buf, from, to, score);
    if (at < 0) {
      const isShort = to - from <= limits.zsetMaxListpackValue;
      if (!isShort || pack.size(start, start + old) >= limits.zsetMaxListpackEntries) {
        return this.#convert() ? this.add(buf, from, to, score) : ZSET_FULL;
      }
      if (!this.#resize(old + bytes)) return ZSET_FULL;
      pack.insert(this.#start, this.#start + old, buf, from, to, score);
      return ZSET_ADDED;
    }
    if (pack.score === score) return ZSET_SAME;
    const length = old + bytes - pack.pairBytesAt(at);
    if (length > old && !this.#resize(length)) return ZSET_FULL;
    const begin = this.#start;
    const end = pack.remove(begin, begin + old, begin + at - start, 1);
    pack.insert(begin, end, buf, from, to, score);
    if (length <= old) this.#resize(length);
    return ZSET_UPDATED;
  }

  /**
   * Takes a member out of the open set of a key; an empty set is deleted (`ref` is 0 then). False
   * when it is no member.
   */
  remove(buf: Uint8Array, from: number, to: number): boolean {
    if (this.#root !== 0) {
      if (!this.#table.attach(this.#root).remove(buf, from, to)) return false;
      if (this.#table.size === 0) this.#deleteEmpty();
      else this.#touched();
      return true;
    }
    const start = this.#start;
    const at = this.#pack.find(start, start + this.#length, buf, from, to);
    if (at < 0) return false;
    this.#removePacked(at, 1);
    return true;
  }

  /**
   * Takes up to `count` members from rank `start` on out of the open set of a key; an empty set is
   * deleted (`ref` is 0 then). Returns how many it took. O(log n) each, O(n) of a listpack.
   */
  removeRange(start: number, count: number): number {
    const size = this.openSize;
    const taken = Math.min(count, size - start);
    if (taken <= 0) return 0;
    if (taken === size) {
      this.#deleteEmpty();
      return taken;
    }
    if (this.#root !== 0) {
      this.#table.removeRange(start, taken);
      this.#touched();
      return taken;
    }
    const begin = this.#start;
    this.#removePacked(this.#pack.seek(begin, begin + this.#length, start), taken);
    return taken;
  }

  #removePacked(at: number, count: number): void {
    const start = this.#start;
    this.#resize(this.#pack.remove(start, start + this.#length, at, count) - start);
    if (this.openSize === 0) this.#deleteEmpty();
  }

  #deleteEmpty(): void {
    this.#shard.delete(this.#db, this.#key);
    this.ref = 0;
    this.#root = 0;
  }

  /**
   * Stores the open, detached set as the value of `key`, in O(1) for a large one. False when the
   * arena is full; the set is dropped then. An empty set must be dropped instead.
   */
  link(db: number, key: Key, expireMs: number): boolean {
    const shard = this.#shard;
    const root = this.#root;
    if (root !== 0) {
      const linked = shard.createRooted(db, key, TYPE_ZSET, ENCODING_SKIPLIST, root, expireMs);
      if (linked === 0) this.drop();
      this.#root = 0;
      return linked !== 0;
    }
    const length = this.#length;
    const ref = shard.createValue(db, key, TYPE_ZSET, ENCODING_LISTPACK, length, expireMs);
    const from = this.#block * 8;
    if (ref !== 0) shard.u8.copyWithin(shard.valueOffset(ref), from, from + length);
    this.drop();
    return ref !== 0;
  }

  /** Frees the open, detached set. */
  drop(): void {
    if (this.#block !== 0) this.#shard.arena.free(this.#block);
    if (this.#root !== 0) this.#shard.lazy.addRoot(this.#root);
    this.#block = 0;
    this.#root = 0;
  }

  // ---- roots

  /** Frees about `units` members of a root that no key has. True when it is gone. */
  freeRootSlice(root: Ref, units: number): boolean {
    return this.#table.freeSlice(root, units);
  }

  /** A copy of a root in another shard or this one, or 0 when that arena is full. O(n). */
  copyRoot(root: Ref, to: Shard): Ref {
    return this.#table.attach(root).copyTo(to.zsetBuilder.#table);
  }

  /** Bytes of a root's blocks, estimated. */
  memoryBytes(root: Ref): number {
    return this.#table.memoryBytes(root);
  }

  /** Throws when the value of an entry is damaged. O(n). */
  checkInvariants(ref: Ref): void {
    if (this.#shard.isRooted(ref)) {
      this.#rooted(ref).checkInvariants();
    } else {
      const start = this.#shard.valueOffset(ref);
      this.#pack.checkInvariants(start, start + this.#shard.valueLength(ref));
    }
    if (this.size(ref) === 0) throw new Error('zset: an empty sorted set');
  }
}
