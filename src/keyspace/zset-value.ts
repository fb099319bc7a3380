/**
 * ZsetValues: sorted sets of one shard over all encodings, those of keys and those that are being
 * built. Order: score ascending, then bytes of the member; ranks count from 0 at the lowest.
 *
 * LAYOUT
 *   listpack   value bytes = a pack of members and scores, zset-pack.ts
 *
 * Changes go to the set that was opened: one of a key, or a *detached* one, which no key refers to
 * (results of ZUNIONSTORE and the like) until `link` stores it. Scores are never NaN.
 */
import type { Ref } from '../memory/arena.ts';
import { ENCODING_LISTPACK, TYPE_ZSET } from './entry.ts';
import { Key } from './key.ts';
import type { Shard } from './shard.ts';
import { ZsetPack } from './zset-pack.ts';

/** Outcomes of `add`: a new member, another score, nothing to do. */
export const ZSET_ADDED = 1;
export const ZSET_UPDATED = 2;
export const ZSET_SAME = 0;
/** The arena is full; nothing has changed. */
export const ZSET_FULL = -1;

/** Room of a detached pack at first. */
const DETACHED_BYTES = 64;

/** Receives a member as bytes of a buffer, borrowed during the call, and its score. */
export type ScoredVisitor = (buf: Uint8Array, from: number, to: number, score: number) => void;

export class ZsetValues {
  /** What `scoreOf`, `rankOf` or `openScoreOf` found last. */
  score = 0;
  /** Entry of the open set; 0 = it is gone, or detached. */
  ref = 0;
  readonly #shard: Shard;
  readonly #pack: ZsetPack;
  #db = 0;
  #key = new Key();
  /** Block of a detached set in bytes, and its length. */
  #block = 0;
  #length = 0;

  constructor(shard: Shard) {
    this.#shard = shard;
    this.#pack = new ZsetPack(shard.u8);
  }

  // ---- reading the set of an entry

  /** Number of members. O(1). */
  size(ref: Ref): number {
    const start = this.#shard.valueOffset(ref);
    return this.#pack.size(start, start + this.#shard.valueLength(ref));
  }

  /** Whether buf[from, to) is a member; sets `score`. O(1), O(n) of a listpack. */
  scoreOf(ref: Ref, buf: Uint8Array, from: number, to: number): boolean {
    const start = this.#shard.valueOffset(ref);
    const at = this.#pack.find(start, start + this.#shard.valueLength(ref), buf, from, to);
    this.score = this.#pack.score;
    return at >= 0;
  }

  /** Rank of a member, -1 when it is none; sets `score`. O(log n), O(n) of a listpack. */
  rankOf(ref: Ref, buf: Uint8Array, from: number, to: number): number {
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
    const start = this.#shard.valueOffset(ref);
    const end = start + this.#shard.valueLength(ref);
    return this.#pack.rankOfScore(start, end, bound, isAfter);
  }

  /** The same by bytes of members, for sets whose members all have one score. */
  rankOfLex(ref: Ref, buf: Uint8Array, from: number, to: number, isAfter: boolean): number {
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
    const pack = this.#pack;
    const begin = this.#shard.valueOffset(ref);
    const end = begin + this.#shard.valueLength(ref);
    if (start < 0 || start >= pack.size(begin, end)) return;
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
  scan(ref: Ref, _cursor: number, visit: ScoredVisitor): number {
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
    this.#length = this.#shard.valueLength(ref);
    return this;
  }

  /**
   * Opens an empty set that no key has, for at least `sizeHint` members of which the first has
   * `memberLength` bytes: they choose the encoding to begin with, from where it is converted as the
   * set grows. False when the arena is full.
   */
  openDetached(_memberLength: number, _sizeHint: number): boolean {
    this.ref = 0;
    this.#block = this.#shard.arena.alloc(DETACHED_BYTES);
    if (this.#block === 0) return false;
    const start = this.#block * 8;
    this.#length = this.#pack.init(start) - start;
    return true;
  }

  /** Members of the open set. */
  get openSize(): number {
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
    const start = this.#start;
    const at = this.#pack.find(start, start + this.#length, buf, from, to);
    this.score = this.#pack.score;
    return at >= 0;
  }

  /**
   * Converts the open set at once where so many members more than a listpack may have are to come.
   * As in Redis, what is there already does not count. False when the arena is full.
   */
  prepare(_extraMembers: number): boolean {
    return true;
  }

  /**
   * Adds a member to the open set or gives it another score; its bytes must not lie in the set.
   * ZSET_ADDED, _UPDATED, _SAME or _FULL. O(log n), O(n) of a listpack.
   */
  add(buf: Uint8Array, from: number, to: number, score: number): number {
    const pack = this.#pack;
    const start = this.#start;
    const old = this.#length;
    const at = pack.find(start, start + old, buf, from, to);
    const bytes = pack.pairBytes(buf, from, to, score);
    if (at < 0) {
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
    const taken = Math.min(count, this.openSize - start);
    if (taken <= 0) return 0;
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
  }

  /**
   * Stores the open, detached set as the value of `key`. False when the arena is full; the set is
   * dropped then. An empty set must be dropped instead.
   */
  link(db: number, key: Key, expireMs: number): boolean {
    const shard = this.#shard;
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
    this.#block = 0;
  }

  // ---- roots

  /** Throws when the value of an entry is damaged. O(n). */
  checkInvariants(ref: Ref): void {
    const start = this.#shard.valueOffset(ref);
    this.#pack.checkInvariants(start, start + this.#shard.valueLength(ref));
    if (this.size(ref) === 0) throw new Error('zset: an empty sorted set');
  }
}
