/**
 * HashTable: the fields of one large hash, under its root block. One object a shard, attached to
 * one root after the other.
 *
 * LAYOUT
 *   root block  words 0..15 the ItemTable's dict; 16 ref of the expiry hints of the fields
 *               (expiry-hints.ts), 0 = none; ROOT_FIELD_EXPIRES number of fields with a time of
 *               expiry
 *   item        field as its key. Without a time of expiry: length of the value (one byte below
 *   255,
 *               or 255 and a u32 little-endian), value. With one the item's flag is set: unix time
 *               in ms as an f64 at the item's tail, then length and value.
 *
 *   Example: field "ab" with value "xyz" = 02 61 62 03 78 79 7a
 */
import { copyBytes } from '../base/bytes.ts';
import type { Ref } from '../memory/arena.ts';
import {
  createItem,
  ITEM_FLAG,
  itemKeyEnd,
  itemKeyOffset,
  itemTail,
} from '../structures/compact-item.ts';
import { TYPE_HASH } from './entry.ts';
import { EXPIRY_HINT_WORDS, ExpiryHints } from './expiry-hints.ts';
import {
  FIELD_KEEP_TTL,
  FIELD_NO_TTL,
  HASH_ADDED,
  HASH_FULL,
  HASH_UPDATED,
  type HashField,
} from './hash-field.ts';
import { ItemTable } from './item-table.ts';
import type { Key } from './key.ts';
import type { Shard } from './shard.ts';
import { ROOT_FIELD_EXPIRES } from './value-root.ts';

const HINTS = 16;
const FLAG = ITEM_FLAG;
const FIELD_EXPIRES = ROOT_FIELD_EXPIRES;
const ADDED = HASH_ADDED;
const UPDATED = HASH_UPDATED;
const FULL = HASH_FULL;
const NO_TTL = FIELD_NO_TTL;
const KEEP_TTL = FIELD_KEEP_TTL;

const VALUE_LONG = 255;
/** Value headers: one byte, or the mark and a u32. */
const SHORT_HEADER = 1;
const LONG_HEADER = 5;
const EXPIRY_BYTES = 8;
const FREE_SLICE = 1024;

export class HashTable {
  readonly table: ItemTable;
  readonly #shard: Shard;
  readonly #hints: ExpiryHints;
  readonly #due: Ref[] = [];
  /** The field that `set` was given last has taken the place of one that had expired. */
  hasReplacedExpired = false;
  #root = 0;
  #earliest = 0;
  #removed = 0;
  /** The hash whose fields `expire` frees. */
  #db = 0;
  #key: Key | null = null;

  constructor(shard: Shard) {
    this.#shard = shard;
    this.table = new ItemTable(shard);
    this.#hints = new ExpiryHints(shard.arena, 0);
  }

  attach(root: Ref): this {
    this.#root = root;
    this.table.attach(root);
    return this;
  }

  /** A root without fields, attached; 0 when the arena is full. */
  create(): Ref {
    const root = this.table.create(TYPE_HASH);
    this.#root = root;
    return root;
  }

  /** Fields, expired ones that nobody has freed yet included. */
  get size(): number {
    return this.table.size;
  }

  /** Fields with a time of expiry. */
  get expires(): number {
    return this.#shard.u32[this.#root * 2 + FIELD_EXPIRES]!;
  }

  // ---- items

  /** Unix time in ms at which a field expires, NO_TTL = never. */
  expiryOf(item: Ref): number {
    const { u32, arena } = this.#shard;
    return (u32[item * 2]! & FLAG) === 0 ? NO_TTL : arena.f64[itemTail(u32, item)]!;
  }

  isExpired(item: Ref): boolean {
    const { u32, arena, state } = this.#shard;
    if ((u32[item * 2]! & FLAG) === 0) return false;
    return arena.f64[itemTail(u32, item)]! <= state.nowMs;
  }

  /** Byte offset of the length in front of a value. */
  #valueAt(item: Ref): number {
    const { u32 } = this.#shard;
    if ((u32[item * 2]! & FLAG) === 0) return itemKeyEnd(u32, item);
    return itemTail(u32, item) * 8 + EXPIRY_BYTES;
  }

  /** Leaves the place of a field's value, and its time of expiry, in `out`. */
  locate(item: Ref, out: HashField): void {
    const { u8 } = this.#shard;
    const at = this.#valueAt(item);
    const short = u8[at]!;
    out.buf = u8;
    out.from = at + (short === VALUE_LONG ? LONG_HEADER : SHORT_HEADER);
    out.to = out.from + (short === VALUE_LONG ? readU32(u8, at + 1) : short);
    out.expireMs = this.expiryOf(item);
  }

  /** The same with the place of its name. */
  locateAll(item: Ref, out: HashField): void {
    const { u8, u32 } = this.#shard;
    out.nameBuf = u8;
    out.nameFrom = itemKeyOffset(u32, item);
    out.nameTo = itemKeyEnd(u32, item);
    this.locate(item, out);
  }

  /** A new item with name and value of `field`, whose bytes may lie in the arena; 0 = full. */
  #newItem(field: HashField, expireMs: number): Ref {
    const { arena, u8, u32 } = this.#shard;
    const length = field.to - field.from;
    const header = length < VALUE_LONG ? SHORT_HEADER : LONG_HEADER;
    const hasTtl = expireMs !== NO_TTL;
    const bytes = header + length + (hasTtl ? EXPIRY_BYTES : 0);
    const { nameBuf, nameFrom, nameTo } = field;
    const item = createItem(arena, nameBuf, nameFrom, nameTo, bytes, hasTtl);
    if (item === 0) return 0;
    if (hasTtl) {
      u8[item * 8] = u8[item * 8]! | FLAG;
      arena.f64[itemTail(u32, item)] = expireMs;
    }
    const at = this.#valueAt(item);
    if (header === SHORT_HEADER) {
      u8[at] = length;
    } else {
      u8[at] = VALUE_LONG;
      for (let i = 0; i < 4; i++) u8[at + 1 + i] = (length >>> (8 * i)) & 0xff;
    }
    copyBytes(u8, at + header, field.buf, field.from, field.to);
    return item;
  }

  // ---- changes

  /**
   * The item of a field or 0, expired ones included. Changes of the item found follow at once.
   * O(1).
   */
  find(buf: Uint8Array, from: number, to: number): Ref {
    return this.table.find(buf, from, to);
  }

  /**
   * Sets a field to the value of `field`; `expireMs` is a unix time in ms, NO_TTL or KEEP_TTL. The
   * value's bytes do not lie in the field's own item.
   */
  set(db: number, field: HashField, expireMs: number): number {
    const { u32, arena, hasher } = this.#shard;
    const old = this.find(field.nameBuf, field.nameFrom, field.nameTo);
    const wasExpired = old !== 0 && this.isExpired(old);
    this.hasReplacedExpired = wasExpired;
    if (expireMs === KEEP_TTL) expireMs = old === 0 || wasExpired ? NO_TTL : this.expiryOf(old);
    const hasTtl = expireMs !== NO_TTL;
    if (hasTtl && !this.#haveHints()) return FULL;
    const hadTtl = old !== 0 && (u32[old * 2]! & FLAG) !== 0;
    if (old !== 0 && hadTtl === hasTtl && this.#overwrite(old, field)) {
      if (hasTtl) {
        arena.f64[itemTail(u32, old)] = expireMs;
        this.#note(expireMs);
      }
      return wasExpired ? ADDED : UPDATED;
    }
    const item = this.#newItem(field, expireMs);
    if (item === 0) return FULL;
    if (hasTtl) this.#note(expireMs);
    if (old !== 0) {
      this.table.dict.replaceFound(item);
      arena.free(old);
    } else if (!this.table.dict.insert(item, hasher.lo, hasher.hi)) {
      arena.free(item);
      return FULL;
    }
    this.#count(db, (hasTtl ? 1 : 0) - (hadTtl ? 1 : 0));
    return old !== 0 && !wasExpired ? UPDATED : ADDED;
  }

  /** Writes a value of the same length in the place of the old one; false when it is another. */
  #overwrite(item: Ref, field: HashField): boolean {
    const { u8 } = this.#shard;
    const at = this.#valueAt(item);
    const short = u8[at]!;
    const length = field.to - field.from;
    if (short === VALUE_LONG) {
      if (readU32(u8, at + 1) !== length) return false;
      copyBytes(u8, at + LONG_HEADER, field.buf, field.from, field.to);
      return true;
    }
    if (short !== length) return false;
    copyBytes(u8, at + SHORT_HEADER, field.buf, field.from, field.to);
    return true;
  }

  /**
   * Gives the item that `find` just returned another time of expiry, or none (NO_TTL). False when
   * the arena is full: nothing has changed then. `scratch` is overwritten.
   */
  setExpiry(db: number, item: Ref, expireMs: number, scratch: HashField): boolean {
    const { u32, arena } = this.#shard;
    const hasTtl = expireMs !== NO_TTL;
    const hadTtl = (u32[item * 2]! & FLAG) !== 0;
    if (hasTtl && !this.#haveHints()) return false;
    if (hasTtl && hadTtl) {
      arena.f64[itemTail(u32, item)] = expireMs;
    } else if (hasTtl !== hadTtl) {
      this.locateAll(item, scratch);
      const moved = this.#newItem(scratch, expireMs);
      if (moved === 0) return false;
      this.table.dict.replaceFound(moved);
      arena.free(item);
      this.#count(db, hasTtl ? 1 : -1);
    }
    if (hasTtl) this.#note(expireMs);
    return true;
  }

  /** Takes out and frees the item that `find` just returned. */
  remove(db: number, item: Ref): void {
    const hadTtl = (this.#shard.u32[item * 2]! & FLAG) !== 0;
    this.table.removeFound(item);
    if (hadTtl) this.#count(db, -1);
  }

  /** Adds a field to a table that no key has yet (so its hash is counted by who links it). */
  append(field: HashField): boolean {
    const { u32, arena } = this.#shard;
    const hasTtl = field.expireMs !== NO_TTL;
    if (hasTtl && !this.#haveHints()) return false;
    const item = this.#newItem(field, field.expireMs);
    if (item === 0) return false;
    if (!this.table.insert(item)) {
      arena.free(item);
      return false;
    }
    if (hasTtl) {
      this.#note(field.expireMs);
      const at = this.#root * 2 + FIELD_EXPIRES;
      u32[at] = u32[at]! + 1;
    }
    return true;
  }

  // ---- times of expiry

  /** Counts fields with a time of expiry; the first and the last one also in the database. */
  #count(db: number, delta: number): void {
    if (delta === 0) return;
    const shard = this.#shard;
    const at = this.#root * 2 + FIELD_EXPIRES;
    const before = shard.u32[at]!;
    shard.u32[at] = before + delta;
    if (before === 0) shard.addFieldExpires(db, 1);
    else if (before + delta === 0) shard.addFieldExpires(db, -1);
  }

  /** Makes the block of hints unless it is there. False when the arena is full. */
  #haveHints(): boolean {
    const { u32, arena } = this.#shard;
    const at = this.#root * 2 + HINTS;
    if (u32[at] !== 0) return true;
    const block = arena.alloc(EXPIRY_HINT_WORDS * 4);
    if (block === 0) return false;
    u32.fill(0, block * 2, block * 2 + EXPIRY_HINT_WORDS);
    u32[at] = block;
    return true;
  }

  #attachHints(): boolean {
    const block = this.#shard.u32[this.#root * 2 + HINTS]!;
    if (block === 0) return false;
    this.#hints.attach(block * 2);
    return true;
  }

  /** Lowers the hint of the field whose hash was computed last. */
  #note(expireMs: number): void {
    this.#attachHints();
    this.#hints.note(this.#shard.hasher.lo, expireMs, this.table.dict.bucketCount);
  }

  /** Unix time in ms before which no field expires; 0 = none ever does. O(1). */
  earliestMs(): number {
    if (this.expires === 0 || !this.#attachHints()) return 0;
    return this.#hints.earliestMs(this.#shard.state.nowMs);
  }

  /** True when there may be expired fields. O(1). */
  isDue(): boolean {
    return this.expires !== 0 && this.#attachHints() && this.#hints.isDue(this.#shard.state.nowMs);
  }

  /** Frees fields of the hash at `key` that have expired, of up to `hints` hints. How many. */
  expire(db: number, key: Key, hints: number): number {
    this.#removed = 0;
    this.#db = db;
    this.#key = key;
    if (!this.isDue()) return 0;
    const { dict } = this.table;
    this.#hints.cycle(dict, this.#shard.state.nowMs, hints, this.#collect);
    if (this.#removed !== 0) this.#count(db, -this.#removed);
    return this.#removed;
  }

  readonly #collect = (unit: number): number => {
    const { u8, u32, arena, hasher, state } = this.#shard;
    const { dict } = this.table;
    this.#due.length = 0;
    this.#earliest = 0;
    dict.visitUnit(unit, this.#visit);
    for (const item of this.#due) {
      const from = itemKeyOffset(u32, item);
      const to = itemKeyEnd(u32, item);
      hasher.hash(u8, from, to);
      if (dict.find(u8, from, to, hasher.lo, hasher.hi) !== item) {
        throw new Error('hash: an item that is not found by its name');
      }
      dict.removeFound();
      state.fieldExpired(this.#db, this.#key!, u8, from, to);
      arena.free(item);
      this.#removed += 1;
    }
    return this.#earliest;
  };

  readonly #visit = (item: Ref): void => {
    const expireMs = this.expiryOf(item);
    if (expireMs === NO_TTL) return;
    if (expireMs <= this.#shard.state.nowMs) this.#due.push(item);
    else if (this.#earliest === 0 || expireMs < this.#earliest) this.#earliest = expireMs;
  };

  // ---- whole tables

  /** Frees about `units` fields of a root that no key has. True when it is gone. */
  freeSlice(root: Ref, units: number): boolean {
    if (!this.table.freeSlice(root, units)) return false;
    this.#root = root;
    const { arena, u32 } = this.#shard;
    if (this.#attachHints()) {
      this.#hints.clear();
      arena.free(u32[root * 2 + HINTS]!);
    }
    arena.free(root);
    return true;
  }

  /** A copy of `root` in the shard of `to` or 0 when that arena is full. O(n). */
  copyTo(root: Ref, to: HashTable): Ref {
    const source = this.attach(root);
    const copy = source.table.copyTo(to.table, to.#shard, TYPE_HASH);
    if (copy === 0 || source.expires === 0) return copy;
    to.attach(copy);
    if (!to.#haveHints()) {
      while (!to.freeSlice(copy, FREE_SLICE));
      return 0;
    }
    to.#shard.u32[copy * 2 + FIELD_EXPIRES] = source.expires;
    to.table.forEach((item) => {
      const expireMs = to.expiryOf(item);
      if (expireMs === NO_TTL) return;
      const { u8, u32, hasher } = to.#shard;
      hasher.hash(u8, itemKeyOffset(u32, item), itemKeyEnd(u32, item));
      to.#note(expireMs);
    });
    return copy;
  }

  /** Bytes of a root with its table, items (estimated) and hints. O(1). */
  memoryBytes(root: Ref): number {
    const { arena, u32 } = this.#shard;
    const bytes = this.attach(root).table.memoryBytes(root);
    if (!this.#attachHints()) return bytes;
    return bytes + arena.usableBytes(u32[root * 2 + HINTS]!) + this.#hints.tableBytes;
  }

  /** Throws when an invariant does not hold. O(n). */
  checkInvariants(): void {
    const { u8, u32, hasher } = this.#shard;
    this.table.dict.checkInvariants();
    if (this.table.size === 0) throw new Error('hash: an empty hash');
    let expires = 0;
    this.table.forEach((item) => {
      const expireMs = this.expiryOf(item);
      if (expireMs === NO_TTL) return;
      expires += 1;
      if (!this.#attachHints()) throw new Error('hash: fields expire, but there are no hints');
      hasher.hash(u8, itemKeyOffset(u32, item), itemKeyEnd(u32, item));
      this.#hints.checkCovers(hasher.lo, expireMs);
    });
    if (expires !== this.expires) throw new Error('hash: count of fields that expire is wrong');
  }
}

function readU32(u8: Uint8Array, at: number): number {
  return (u8[at]! | (u8[at + 1]! << 8) | (u8[at + 2]! << 16) | (u8[at + 3]! << 24)) >>> 0;
}
