/**
 * HashValues: hashes of one shard over both encodings.
 *
 * LAYOUT
 *   listpack   value bytes = a pack of field, value, field, value ...
 *   hashtable  root block with an ItemTable; item: field as its key, then the length of the value
 *              (one byte below 255, or 255 and u32 little-endian), then the value
 *
 * Lookups leave the place of a value in `buf`, `from`, `to`: borrowed until the next call.
 */
import { copyBytes } from '../base/bytes.ts';
import type { Ref } from '../memory/arena.ts';
import { createItem, itemKeyEnd, itemKeyOffset } from '../structures/compact-item.ts';
import { Listpack, PACK_HEADER_BYTES } from '../structures/listpack.ts';
import { ENCODING_HASHTABLE, ENCODING_LISTPACK, TYPE_HASH } from './entry.ts';
import { ItemTable } from './item-table.ts';
import type { Key } from './key.ts';
import type { Shard } from './shard.ts';

/** Outcomes of `set`. */
export const HASH_ADDED = 1;
export const HASH_UPDATED = 0;
/** The arena is full; nothing has changed. */
export const HASH_FULL = -1;
/** The pack cannot take the field: a table has to. */
const CONVERT = -2;

const VALUE_LONG = 255;
/** Value headers: one byte, or the mark and a u32. */
const SHORT_HEADER = 1;
const LONG_HEADER = 5;
/** A pack never grows beyond this, whatever the configuration says. */
const PACK_BYTES_MAX = 1 << 30;

/** Receives field and value, each as bytes of a buffer, borrowed during the call. */
export type FieldVisitor = (
  fieldBuf: Uint8Array,
  fieldFrom: number,
  fieldTo: number,
  buf: Uint8Array,
  from: number,
  to: number,
) => void;

export class HashValues {
  /** Place of the value that `find` found. */
  buf: Uint8Array;
  from = 0;
  to = 0;
  /** The entry after a change: it may have moved; 0 = the hash became empty and is gone. */
  ref = 0;
  readonly #shard: Shard;
  readonly #pack: Listpack;
  readonly #names: Listpack;
  readonly #table: ItemTable;
  readonly #target: ItemTable;

  constructor(shard: Shard) {
    this.#shard = shard;
    this.buf = shard.u8;
    this.#pack = new Listpack(shard.u8);
    this.#names = new Listpack(shard.u8);
    this.#table = new ItemTable(shard);
    this.#target = new ItemTable(shard);
  }

  /** Number of fields. O(1). */
  size(ref: Ref): number {
    const shard = this.#shard;
    if (shard.isRooted(ref)) return this.#table.attach(shard.rootOf(ref)).size;
    const start = shard.valueOffset(ref);
    return this.#pack.count(start, start + shard.valueLength(ref)) / 2;
  }

  /** Finds a field; its value is left in `buf`, `from`, `to`. O(1), O(fields) of a listpack. */
  find(ref: Ref, buf: Uint8Array, from: number, to: number): boolean {
    const shard = this.#shard;
    if (shard.isRooted(ref)) {
      const item = this.#table.attach(shard.rootOf(ref)).find(buf, from, to);
      if (item === 0) return false;
      this.#locateValue(item);
      return true;
    }
    const start = shard.valueOffset(ref);
    const pack = this.#pack;
    const at = pack.find(start, start + shard.valueLength(ref), buf, from, to, 0, 2);
    if (at < 0) return false;
    pack.read(pack.next(at));
    this.buf = pack.buf;
    this.from = pack.from;
    this.to = pack.to;
    return true;
  }

  #locateValue(item: Ref): void {
    const { u8, u32 } = this.#shard;
    const at = itemKeyEnd(u32, item);
    this.buf = u8;
    const short = u8[at]!;
    this.from = at + (short === VALUE_LONG ? LONG_HEADER : SHORT_HEADER);
    this.to = this.from + (short === VALUE_LONG ? readU32(u8, at + 1) : short);
  }

  /**
   * Sets a field of the hash that `find` just returned for `key` (0 = none: it is made). The source
   * bytes must not lie in this hash. Leaves the entry in `ref`. HASH_ADDED, HASH_UPDATED,
   * HASH_FULL.
   */
  set(
    db: number,
    key: Key,
    ref: Ref,
    field: Uint8Array,
    fieldFrom: number,
    fieldTo: number,
    value: Uint8Array,
    from: number,
    to: number,
  ): number {
    const shard = this.#shard;
    const isNew = ref === 0;
    if (isNew) {
      const made = shard.createValue(db, key, TYPE_HASH, ENCODING_LISTPACK, PACK_HEADER_BYTES, 0);
      if (made === 0) return HASH_FULL;
      this.#pack.init(shard.valueOffset(made));
      // The slot that later changes of the entry write to is the one that a lookup found.
      ref = shard.find(db, key);
    }
    this.ref = ref;
    const status = this.#setAny(db, key, field, fieldFrom, fieldTo, value, from, to);
    if (isNew && status === HASH_FULL) shard.delete(db, key);
    return status;
  }

  #setAny(
    db: number,
    key: Key,
    field: Uint8Array,
    fieldFrom: number,
    fieldTo: number,
    value: Uint8Array,
    from: number,
    to: number,
  ): number {
    const shard = this.#shard;
    if (!shard.isRooted(this.ref)) {
      const max = shard.limits.hashMaxListpackValue;
      if (fieldTo - fieldFrom <= max && to - from <= max) {
        const status = this.#setPacked(db, key, field, fieldFrom, fieldTo, value, from, to);
        if (status !== CONVERT) return status;
      }
      if (!this.#convert(db, key)) return HASH_FULL;
    }
    return this.#setItem(db, key, field, fieldFrom, fieldTo, value, from, to);
  }

  #setPacked(
    db: number,
    key: Key,
    field: Uint8Array,
    fieldFrom: number,
    fieldTo: number,
    value: Uint8Array,
    from: number,
    to: number,
  ): number {
    const shard = this.#shard;
    const pack = this.#pack;
    const { ref } = this;
    const length = shard.valueLength(ref);
    const start = shard.valueOffset(ref);
    const bytes = pack.encodedBytes(value, from, to);
    const at = pack.find(start, start + length, field, fieldFrom, fieldTo, 0, 2);
    if (at >= 0) {
      const place = pack.next(at);
      const grown = length + bytes - pack.entryBytes(place);
      return this.#replacePacked(db, key, place - start, grown, value, from, to);
    }
    if (pack.count(start, start + length) / 2 >= shard.limits.hashMaxListpackEntries) {
      return CONVERT;
    }
    const grown = length + bytes + pack.encodedBytes(field, fieldFrom, fieldTo);
    if (grown > PACK_BYTES_MAX) return CONVERT;
    const moved = shard.resizeValue(db, key, ref, grown);
    if (moved === 0) return HASH_FULL;
    this.ref = moved;
    const base = shard.valueOffset(moved);
    const end = pack.insert(base, base + length, base + length, field, fieldFrom, fieldTo);
    pack.insert(base, end, end, value, from, to);
    return HASH_ADDED;
  }

  /** Puts a value of a pack into the place of the one at byte `place` of it. */
  #replacePacked(
    db: number,
    key: Key,
    place: number,
    grown: number,
    value: Uint8Array,
    from: number,
    to: number,
  ): number {
    const shard = this.#shard;
    const length = shard.valueLength(this.ref);
    if (grown > length) {
      const moved = shard.resizeValue(db, key, this.ref, grown);
      if (moved === 0) return HASH_FULL;
      this.ref = moved;
    }
    const start = shard.valueOffset(this.ref);
    this.#pack.replace(start, start + length, start + place, value, from, to);
    if (grown < length) this.ref = shard.resizeValue(db, key, this.ref, grown);
    else if (grown === length) shard.touched(db, key);
    return HASH_UPDATED;
  }

  #setItem(
    db: number,
    key: Key,
    field: Uint8Array,
    fieldFrom: number,
    fieldTo: number,
    value: Uint8Array,
    from: number,
    to: number,
  ): number {
    const shard = this.#shard;
    const table = this.#table.attach(shard.rootOf(this.ref));
    const old = table.find(field, fieldFrom, fieldTo);
    if (old !== 0) {
      this.#locateValue(old);
      if (this.to - this.from === to - from) {
        copyBytes(shard.u8, this.from, value, from, to);
        shard.touched(db, key);
        return HASH_UPDATED;
      }
    }
    const item = this.#newItem(field, fieldFrom, fieldTo, value, from, to);
    if (item === 0) return HASH_FULL;
    if (old !== 0) {
      table.dict.replaceFound(item);
      shard.arena.free(old);
    } else if (!table.insert(item)) {
      shard.arena.free(item);
      return HASH_FULL;
    }
    shard.touched(db, key);
    return old !== 0 ? HASH_UPDATED : HASH_ADDED;
  }

  #newItem(
    field: Uint8Array,
    fieldFrom: number,
    fieldTo: number,
    value: Uint8Array,
    from: number,
    to: number,
  ): Ref {
    const { arena, u8, u32 } = this.#shard;
    const length = to - from;
    const header = length < VALUE_LONG ? SHORT_HEADER : LONG_HEADER;
    const item = createItem(arena, field, fieldFrom, fieldTo, header + length, false);
    if (item === 0) return 0;
    const at = itemKeyEnd(u32, item);
    if (header === SHORT_HEADER) {
      u8[at] = length;
    } else {
      u8[at] = VALUE_LONG;
      for (let i = 0; i < 4; i++) u8[at + 1 + i] = (length >>> (8 * i)) & 0xff;
    }
    copyBytes(u8, at + header, value, from, to);
    return item;
  }

  /** Turns the open listpack into a hashtable. False when the arena is full. O(fields). */
  #convert(db: number, key: Key): boolean {
    const shard = this.#shard;
    const table = this.#table;
    const root = table.create(TYPE_HASH);
    if (root === 0) return false;
    let isFull = false;
    this.forEach(this.ref, (fieldBuf, fieldFrom, fieldTo, buf, from, to) => {
      if (isFull) return;
      const item = this.#newItem(fieldBuf, fieldFrom, fieldTo, buf, from, to);
      if (item !== 0 && table.insert(item)) return;
      if (item !== 0) shard.arena.free(item);
      isFull = true;
    });
    if (isFull) {
      while (!this.freeRootSlice(root, 1024));
      return false;
    }
    this.ref = shard.convertToRooted(db, key, this.ref, ENCODING_HASHTABLE, root);
    return true;
  }

  /**
   * Takes a field out of the hash that `find` just returned for `key`; an empty hash is deleted.
   * Leaves the entry in `ref`. False when there is no such field.
   */
  remove(db: number, key: Key, ref: Ref, buf: Uint8Array, from: number, to: number): boolean {
    const shard = this.#shard;
    this.ref = ref;
    if (shard.isRooted(ref)) {
      const table = this.#table.attach(shard.rootOf(ref));
      const item = table.find(buf, from, to);
      if (item === 0) return false;
      table.removeFound(item);
      if (table.size === 0) this.#deleteEmpty(db, key);
      else shard.touched(db, key);
      return true;
    }
    const pack = this.#pack;
    const start = shard.valueOffset(ref);
    const end = start + shard.valueLength(ref);
    const at = pack.find(start, end, buf, from, to, 0, 2);
    if (at < 0) return false;
    const shrunk = pack.remove(start, end, at, 2);
    if (shrunk === start + PACK_HEADER_BYTES) this.#deleteEmpty(db, key);
    else this.ref = shard.resizeValue(db, key, ref, shrunk - start);
    return true;
  }

  #deleteEmpty(db: number, key: Key): void {
    this.#shard.delete(db, key);
    this.ref = 0;
  }

  #visitItem(item: Ref, visit: FieldVisitor): void {
    const { u8, u32 } = this.#shard;
    this.#locateValue(item);
    visit(u8, itemKeyOffset(u32, item), itemKeyEnd(u32, item), u8, this.from, this.to);
  }

  /** Calls `visit` for every field. `visit` must not change the hash. O(n). */
  forEach(ref: Ref, visit: FieldVisitor): void {
    const shard = this.#shard;
    if (shard.isRooted(ref)) {
      const table = this.#table.attach(shard.rootOf(ref));
      table.forEach((item) => {
        this.#visitItem(item, visit);
      });
      return;
    }
    const start = shard.valueOffset(ref);
    const end = start + shard.valueLength(ref);
    const names = this.#names;
    const pack = this.#pack;
    for (let at = pack.first(start); at < end; ) {
      names.read(at);
      at = pack.next(at);
      pack.read(at);
      at = pack.next(at);
      visit(names.buf, names.from, names.to, pack.buf, pack.from, pack.to);
    }
  }

  /**
   * Visits the fields of one step of a scan; returns the next cursor, 0 at the end. A listpack is
   * visited whole.
   */
  scan(ref: Ref, cursor: number, visit: FieldVisitor): number {
    const shard = this.#shard;
    if (!shard.isRooted(ref)) {
      this.forEach(ref, visit);
      return 0;
    }
    const { dict } = this.#table.attach(shard.rootOf(ref));
    return dict.scan(cursor, (item) => this.#visitItem(item, visit));
  }

  /** Calls `visit` with a field drawn at random, all with the same chance. */
  random(ref: Ref, random: (below: number) => number, visit: FieldVisitor): void {
    const shard = this.#shard;
    if (shard.isRooted(ref)) {
      this.#visitItem(this.#table.attach(shard.rootOf(ref)).dict.randomItem(random), visit);
      return;
    }
    const start = shard.valueOffset(ref);
    const end = start + shard.valueLength(ref);
    const at = this.#pack.seek(start, end, random(this.size(ref)) * 2);
    this.#names.read(at);
    this.#pack.read(this.#pack.next(at));
    const { buf, from, to } = this.#names;
    visit(buf, from, to, this.#pack.buf, this.#pack.from, this.#pack.to);
  }

  /** Frees about `units` fields of a root that no key has. True when it is gone. */
  freeRootSlice(root: Ref, units: number): boolean {
    if (!this.#table.freeSlice(root, units)) return false;
    this.#shard.arena.free(root);
    return true;
  }

  /** A copy of a root in another shard or this one, or 0 when that arena is full. O(n). */
  copyRoot(root: Ref, to: Shard): Ref {
    return this.#table.attach(root).copyTo(to.hashes.#target, to, TYPE_HASH);
  }

  /** Bytes of a root's blocks, estimated. */
  memoryBytes(root: Ref): number {
    return this.#table.memoryBytes(root);
  }

  /** Throws when the value of an entry is damaged. O(n). */
  checkInvariants(ref: Ref): void {
    const shard = this.#shard;
    if (shard.isRooted(ref)) {
      const { dict } = this.#table.attach(shard.rootOf(ref));
      dict.checkInvariants();
      if (dict.size === 0) throw new Error('hash: an empty hash');
      return;
    }
    const start = shard.valueOffset(ref);
    const end = start + shard.valueLength(ref);
    this.#pack.checkInvariants(start, end);
    const count = this.#pack.count(start, end);
    if (count === 0 || count % 2 !== 0) throw new Error('hash: a pack without pairs');
  }
}

function readU32(u8: Uint8Array, at: number): number {
  return (u8[at]! | (u8[at + 1]! << 8) | (u8[at + 2]! << 16) | (u8[at + 3]! << 24)) >>> 0;
}
