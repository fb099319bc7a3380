/**
 * SetValues: sets of one shard over all encodings, those of keys and those that are being built.
 *
 * LAYOUT
 *   intset     value bytes = structures/intset.ts
 *   listpack   value bytes = a pack of the members
 *   hashtable  root block with an ItemTable; items are members
 *
 * Changes go to the set that was opened: one of a key, or a *detached* one, which no key refers to
 * (results of SUNIONSTORE and the like) until `link` stores it in O(1).
 */
import type { Ref } from '../memory/arena.ts';
import { createItem, itemKeyEnd, itemKeyOffset } from '../structures/compact-item.ts';
import { INTSET_HEADER_BYTES, Intset } from '../structures/intset.ts';
import { Listpack, PACK_HEADER_BYTES } from '../structures/listpack.ts';
import { ENCODING_HASHTABLE, ENCODING_INTSET, ENCODING_LISTPACK, TYPE_SET } from './entry.ts';
import { ItemTable } from './item-table.ts';
import { Key } from './key.ts';
import type { Shard } from './shard.ts';

/** Outcomes of `add`. */
export const SET_ADDED = 1;
export const SET_PRESENT = 0;
/** The arena is full; nothing has changed. */
export const SET_FULL = -1;

/** Longest intset whatever the configuration says, as in Redis. */
const INTSET_ENTRIES_MAX = 1 << 30;
/** Longest text of an int64 with its sign. */
const INT_TEXT_MAX = 20;

/** Receives a member as bytes of a buffer, borrowed during the call. */
export type MemberVisitor = (buf: Uint8Array, from: number, to: number) => void;

export class SetValues {
  /** Member that `popRandom` took out: bytes [0, poppedLength). */
  popped = new Uint8Array(64);
  poppedLength = 0;
  /** Entry of the open set; 0 = it is gone, or detached. */
  ref = 0;
  readonly #shard: Shard;
  readonly #pack: Listpack;
  readonly #ints: Intset;
  readonly #table: ItemTable;
  #db = 0;
  #key = new Key();
  #encoding = ENCODING_INTSET;
  /** Block of a detached value in bytes, and its length. */
  #block = 0;
  #length = 0;
  /** Root of the open set when it is a hashtable. */
  #root = 0;

  constructor(shard: Shard) {
    this.#shard = shard;
    this.#pack = new Listpack(shard.u8);
    this.#ints = new Intset(shard.u8);
    this.#table = new ItemTable(shard);
  }

  // ---- reading the set of an entry

  /** Number of members. O(1). */
  size(ref: Ref): number {
    const shard = this.#shard;
    if (shard.isRooted(ref)) return this.#table.attach(shard.rootOf(ref)).size;
    const start = shard.valueOffset(ref);
    if (shard.encodingOf(ref) === ENCODING_INTSET) return this.#ints.count(start);
    return this.#pack.count(start, start + shard.valueLength(ref));
  }

  /** Whether buf[from, to) is a member. O(1) to O(members of a listpack). */
  has(ref: Ref, buf: Uint8Array, from: number, to: number): boolean {
    const shard = this.#shard;
    if (shard.isRooted(ref)) {
      return this.#table.attach(shard.rootOf(ref)).find(buf, from, to) !== 0;
    }
    const start = shard.valueOffset(ref);
    if (shard.encodingOf(ref) === ENCODING_INTSET) {
      return this.#ints.setNeedle(buf, from, to) && this.#ints.find(start) >= 0;
    }
    return this.#pack.find(start, start + shard.valueLength(ref), buf, from, to, 0, 1) >= 0;
  }

  /** Calls `visit` for every member. `visit` must not change the set. O(n). */
  forEach(ref: Ref, visit: MemberVisitor): void {
    this.forUnits(ref, 0, Number.POSITIVE_INFINITY, visit);
  }

  /** Units to visit, each with some of the members: one where the set is bytes. */
  unitCount(ref: Ref): number {
    const shard = this.#shard;
    return shard.isRooted(ref) ? this.#table.attach(shard.rootOf(ref)).dict.unitCount : 1;
  }

  /**
   * Calls `visit` for the members of units [fromUnit, toUnit), where the set must have the first of
   * them. `visit` must not change the set.
   */
  forUnits(ref: Ref, fromUnit: number, toUnit: number, visit: MemberVisitor): void {
    const shard = this.#shard;
    if (shard.isRooted(ref)) {
      const { u8, u32 } = shard;
      this.#table.attach(shard.rootOf(ref)).forUnits(fromUnit, toUnit, (item) => {
        visit(u8, itemKeyOffset(u32, item), itemKeyEnd(u32, item));
      });
      return;
    }
    const start = shard.valueOffset(ref);
    if (shard.encodingOf(ref) === ENCODING_INTSET) {
      const ints = this.#ints;
      const count = ints.count(start);
      for (let i = 0; i < count; i++) {
        ints.read(start, i);
        visit(ints.buf, 0, ints.to);
      }
      return;
    }
    const end = start + shard.valueLength(ref);
    const pack = this.#pack;
    for (let at = pack.first(start); at < end; at = pack.next(at)) {
      pack.read(at);
      visit(pack.buf, pack.from, pack.to);
    }
  }

  /** Visits the members of one step of a scan; the next cursor, 0 at the end. */
  scan(ref: Ref, cursor: number, visit: MemberVisitor): number {
    const shard = this.#shard;
    if (!shard.isRooted(ref)) {
      this.forEach(ref, visit);
      return 0;
    }
    const { u8, u32 } = shard;
    const { dict } = this.#table.attach(shard.rootOf(ref));
    return dict.scan(cursor, (item) => {
      visit(u8, itemKeyOffset(u32, item), itemKeyEnd(u32, item));
    });
  }

  /** Calls `visit` with a member drawn at random, all with the same chance. */
  random(ref: Ref, random: (below: number) => number, visit: MemberVisitor): void {
    const shard = this.#shard;
    if (shard.isRooted(ref)) {
      const { u8, u32 } = shard;
      const item = this.#table.attach(shard.rootOf(ref)).dict.randomItem(random);
      visit(u8, itemKeyOffset(u32, item), itemKeyEnd(u32, item));
      return;
    }
    const start = shard.valueOffset(ref);
    const index = random(this.size(ref));
    if (shard.encodingOf(ref) === ENCODING_INTSET) {
      this.#ints.read(start, index);
      visit(this.#ints.buf, 0, this.#ints.to);
      return;
    }
    const pack = this.#pack;
    pack.read(pack.seek(start, start + shard.valueLength(ref), index));
    visit(pack.buf, pack.from, pack.to);
  }

  // ---- the open set

  /** Opens the set of the entry that `find` just returned for `key`. */
  open(db: number, key: Key, ref: Ref): this {
    const shard = this.#shard;
    this.#db = db;
    this.#key = key;
    this.ref = ref;
    this.#block = 0;
    this.#encoding = shard.encodingOf(ref);
    this.#root = shard.isRooted(ref) ? shard.rootOf(ref) : 0;
    this.#length = this.#root === 0 ? shard.valueLength(ref) : 0;
    return this;
  }

  /**
   * Opens an empty set that no key has, for about `sizeHint` members of which the first is
   * buf[from, to). False when the arena is full.
   */
  openDetached(buf: Uint8Array, from: number, to: number, sizeHint: number): boolean {
    const { limits, arena } = this.#shard;
    this.ref = 0;
    this.#root = 0;
    this.#length = 0;
    this.#block = 0;
    const intsMax = Math.min(limits.setMaxIntsetEntries, INTSET_ENTRIES_MAX);
    if (sizeHint <= intsMax && this.#ints.setNeedle(buf, from, to)) {
      this.#encoding = ENCODING_INTSET;
    } else if (sizeHint <= limits.setMaxListpackEntries) {
      this.#encoding = ENCODING_LISTPACK;
    } else {
      this.#encoding = ENCODING_HASHTABLE;
      this.#root = this.#table.create(TYPE_SET);
      return this.#root !== 0;
    }
    this.#block = arena.alloc(INTSET_HEADER_BYTES * 2);
    if (this.#block === 0) return false;
    const start = this.#block * 8;
    const isInts = this.#encoding === ENCODING_INTSET;
    this.#length = isInts ? this.#ints.init(start) : this.#pack.init(start) - start;
    return true;
  }

  /** Members of the open set. */
  get openSize(): number {
    if (this.#root !== 0) return this.#table.attach(this.#root).size;
    const start = this.#start;
    if (this.#encoding === ENCODING_INTSET) return this.#ints.count(start);
    return this.#pack.count(start, start + this.#length);
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

  /** Whether buf[from, to) is in the open set. */
  openHas(buf: Uint8Array, from: number, to: number): boolean {
    if (this.#root !== 0) return this.#table.attach(this.#root).find(buf, from, to) !== 0;
    const start = this.#start;
    if (this.#encoding === ENCODING_INTSET) {
      return this.#ints.setNeedle(buf, from, to) && this.#ints.find(start) >= 0;
    }
    return this.#pack.find(start, start + this.#length, buf, from, to, 0, 1) >= 0;
  }

  /** Converts a set that will have `sizeHint` more members to a hashtable at once. */
  prepare(sizeHint: number): boolean {
    const { limits } = this.#shard;
    const isInts = this.#encoding === ENCODING_INTSET;
    const max = isInts ? limits.setMaxIntsetEntries : limits.setMaxListpackEntries;
    return this.#root !== 0 || sizeHint <= max || this.#convertToTable();
  }

  /** Adds a member to the open set; its bytes must not lie in it. SET_ADDED, _PRESENT or _FULL. */
  add(buf: Uint8Array, from: number, to: number): number {
    if (this.#root !== 0) return this.#addItem(buf, from, to);
    return this.#encoding === ENCODING_INTSET
      ? this.#addInt(buf, from, to)
      : this.#addPacked(buf, from, to);
  }

  #addItem(buf: Uint8Array, from: number, to: number): number {
    const shard = this.#shard;
    const table = this.#table.attach(this.#root);
    const { hasher } = shard;
    hasher.hash(buf, from, to);
    const { lo, hi } = hasher;
    if (table.dict.find(buf, from, to, lo, hi) !== 0) return SET_PRESENT;
    const item = createItem(shard.arena, buf, from, to, 0, false);
    if (item === 0) return SET_FULL;
    if (!table.dict.insert(item, lo, hi)) {
      shard.arena.free(item);
      return SET_FULL;
    }
    this.#touched();
    return SET_ADDED;
  }

  #touched(): void {
    if (this.ref !== 0) this.#shard.touched(this.#db, this.#key);
  }

  #addInt(buf: Uint8Array, from: number, to: number): number {
    const { limits } = this.#shard;
    const ints = this.#ints;
    if (!ints.setNeedle(buf, from, to)) {
      const max = limits.setMaxListpackValue;
      const mayPack =
        this.openSize < limits.setMaxListpackEntries &&
        to - from <= max &&
        this.#longestInt() <= max;
      if (!(mayPack ? this.#convertToPack() : this.#convertToTable())) return SET_FULL;
      return this.add(buf, from, to);
    }
    const place = ints.find(this.#start);
    if (place >= 0) return SET_PRESENT;
    if (!this.#resize(ints.bytesWithNeedle(this.#start))) return SET_FULL;
    ints.insert(this.#start, place);
    const max = Math.min(limits.setMaxIntsetEntries, INTSET_ENTRIES_MAX);
    // Without memory for a table the set goes on as it is.
    if (this.openSize > max) this.#convertToTable();
    return SET_ADDED;
  }

  /** Length of the longest text of an integer of the open intset: the first's or the last's. */
  #longestInt(): number {
    const ints = this.#ints;
    const start = this.#start;
    const count = ints.count(start);
    if (count === 0) return 0;
    ints.read(start, 0);
    const first = ints.to;
    ints.read(start, count - 1);
    return Math.min(Math.max(first, ints.to), INT_TEXT_MAX);
  }

  #addPacked(buf: Uint8Array, from: number, to: number): number {
    const { limits } = this.#shard;
    const pack = this.#pack;
    let start = this.#start;
    const length = this.#length;
    if (pack.find(start, start + length, buf, from, to, 0, 1) >= 0) return SET_PRESENT;
    const isShort = to - from <= limits.setMaxListpackValue;
    if (!isShort || pack.count(start, start + length) >= limits.setMaxListpackEntries) {
      return this.#convertToTable() ? this.#addItem(buf, from, to) : SET_FULL;
    }
    if (!this.#resize(length + pack.encodedBytes(buf, from, to))) return SET_FULL;
    start = this.#start;
    pack.insert(start, start + length, start + length, buf, from, to);
    return SET_ADDED;
  }

  /** Calls `visit` for the members of the open set while it is bytes. */
  #forOpen(visit: MemberVisitor): void {
    const start = this.#start;
    if (this.#encoding === ENCODING_INTSET) {
      const ints = this.#ints;
      const count = ints.count(start);
      for (let i = 0; i < count; i++) {
        ints.read(start, i);
        visit(ints.buf, 0, ints.to);
      }
      return;
    }
    const pack = this.#pack;
    const end = start + this.#length;
    for (let at = pack.first(start); at < end; at = pack.next(at)) {
      pack.read(at);
      visit(pack.buf, pack.from, pack.to);
    }
  }

  #convertToPack(): boolean {
    const { u8, arena } = this.#shard;
    const pack = this.#pack;
    let bytes = PACK_HEADER_BYTES;
    this.#forOpen((buf, from, to) => {
      bytes += pack.encodedBytes(buf, from, to);
    });
    const block = arena.alloc(bytes);
    if (block === 0) return false;
    let end = pack.init(block * 8);
    this.#forOpen((buf, from, to) => {
      end = pack.insert(block * 8, end, end, buf, from, to);
    });
    if (this.#block !== 0) {
      arena.free(this.#block);
      this.#block = block;
      this.#length = bytes;
    } else {
      if (!this.#resize(bytes)) {
        arena.free(block);
        return false;
      }
      this.#shard.setEncoding(this.ref, ENCODING_LISTPACK);
      u8.copyWithin(this.#start, block * 8, block * 8 + bytes);
      arena.free(block);
    }
    this.#encoding = ENCODING_LISTPACK;
    return true;
  }

  #convertToTable(): boolean {
    const shard = this.#shard;
    const table = this.#table;
    const root = table.create(TYPE_SET);
    if (root === 0) return false;
    let isFull = false;
    this.#forOpen((buf, from, to) => {
      if (isFull) return;
      const item = createItem(shard.arena, buf, from, to, 0, false);
      if (item !== 0 && table.insert(item)) return;
      if (item !== 0) shard.arena.free(item);
      isFull = true;
    });
    if (isFull) {
      while (!this.freeRootSlice(root, 1024));
      return false;
    }
    if (this.#block !== 0) shard.arena.free(this.#block);
    else {
      this.ref = shard.convertToRooted(this.#db, this.#key, this.ref, ENCODING_HASHTABLE, root);
    }
    this.#block = 0;
    this.#length = 0;
    this.#root = root;
    this.#encoding = ENCODING_HASHTABLE;
    return true;
  }

  /**
   * Takes a member out of the open set of a key; an empty set is deleted (`ref` is 0 then). False
   * when it is no member.
   */
  remove(buf: Uint8Array, from: number, to: number): boolean {
    if (this.#root !== 0) {
      const table = this.#table.attach(this.#root);
      const item = table.find(buf, from, to);
      if (item === 0) return false;
      table.removeFound(item);
      this.#touched();
    } else if (this.#encoding === ENCODING_INTSET) {
      const ints = this.#ints;
      if (!ints.setNeedle(buf, from, to)) return false;
      const index = ints.find(this.#start);
      if (index < 0) return false;
      this.#resize(ints.remove(this.#start, index));
    } else {
      const pack = this.#pack;
      const start = this.#start;
      const end = start + this.#length;
      const at = pack.find(start, end, buf, from, to, 0, 1);
      if (at < 0) return false;
      this.#resize(pack.remove(start, end, at, 1) - start);
    }
    if (this.openSize === 0) this.#deleteEmpty();
    return true;
  }

  #deleteEmpty(): void {
    this.#shard.delete(this.#db, this.#key);
    this.ref = 0;
    this.#root = 0;
  }

  /** Takes a random member out of the open set of a key, into `popped`. O(1) for a large one. */
  popRandom(random: (below: number) => number): void {
    if (this.#root === 0) {
      this.random(this.ref, random, this.#keepPopped);
      this.remove(this.popped, 0, this.poppedLength);
      return;
    }
    const { u8, u32 } = this.#shard;
    const table = this.#table.attach(this.#root);
    const item = table.dict.randomItem(random);
    this.#keepPopped(u8, itemKeyOffset(u32, item), itemKeyEnd(u32, item));
    table.removeFound(item);
    this.#touched();
    if (table.size === 0) this.#deleteEmpty();
  }

  readonly #keepPopped: MemberVisitor = (buf, from, to) => {
    const length = to - from;
    if (length > this.popped.length) this.popped = new Uint8Array(length * 2);
    for (let i = 0; i < length; i++) this.popped[i] = buf[from + i]!;
    this.poppedLength = length;
  };

  /**
   * Stores the open, detached set as the value of `key`, in O(1) for a hashtable and O(bytes) for
   * the others. False when the arena is full; the set is dropped then.
   */
  link(db: number, key: Key, expireMs: number): boolean {
    const shard = this.#shard;
    if (this.#root !== 0) {
      const { createRooted } = shard;
      const root = this.#root;
      const ref = createRooted.call(shard, db, key, TYPE_SET, ENCODING_HASHTABLE, root, expireMs);
      if (ref === 0) this.drop();
      this.#root = 0;
      return ref !== 0;
    }
    const length = this.#length;
    const ref = shard.createValue(db, key, TYPE_SET, this.#encoding, length, expireMs);
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
    if (!this.#table.freeSlice(root, units)) return false;
    this.#shard.arena.free(root);
    return true;
  }

  /** A copy of a root in another shard or this one, or 0 when that arena is full. O(n). */
  copyRoot(root: Ref, to: Shard): Ref {
    return this.#table.attach(root).copyTo(to.setBuilder.#table, to, TYPE_SET);
  }

  /** Bytes of a root's blocks, estimated. */
  memoryBytes(root: Ref): number {
    return this.#table.memoryBytes(root);
  }

  /** Throws when the value of an entry is damaged. O(n). */
  checkInvariants(ref: Ref): void {
    const shard = this.#shard;
    if (shard.isRooted(ref)) {
      this.#table.attach(shard.rootOf(ref)).dict.checkInvariants();
    } else {
      const start = shard.valueOffset(ref);
      const end = start + shard.valueLength(ref);
      if (shard.encodingOf(ref) === ENCODING_INTSET) this.#ints.checkInvariants(start, end);
      else this.#pack.checkInvariants(start, end);
    }
    if (this.size(ref) === 0) throw new Error('set: an empty set');
  }
}
