/**
 * HashPack: the fields of small hashes, in the bytes of their entries.
 *
 * LAYOUT
 *   listpack    a pack of name, value, name, value ...
 *   listpackex  8 bytes: lower bound of all times of expiry in the pack (unix ms, u64 little-
 *   endian,
 *               0 = none), then a pack of name, value, time of expiry in unix ms (0 = never) ...
 *
 * A hash is a listpackex from the first time of expiry on, for good. Fields keep the order in which
 * they were added.
 *
 *   Example: field "a" = "1" without a time of expiry in a listpackex:
 *     00 00 00 00 00 00 00 00  03 00  81 61 02  01 01  00 01
 */
import { formatInteger } from '../base/number-text.ts';
import type { Ref } from '../memory/arena.ts';
import { Listpack, PACK_HEADER_BYTES } from '../structures/listpack.ts';
import { ENCODING_LISTPACK, ENCODING_LISTPACK_EX, TYPE_HASH } from './entry.ts';
import {
  FIELD_KEEP_TTL,
  FIELD_NO_TTL,
  HASH_ADDED,
  HASH_FULL,
  HASH_UPDATED,
  type HashField,
} from './hash-field.ts';
import type { Key } from './key.ts';
import type { Shard } from './shard.ts';

const ADDED = HASH_ADDED;
const UPDATED = HASH_UPDATED;
const FULL = HASH_FULL;
const NO_TTL = FIELD_NO_TTL;
const KEEP_TTL = FIELD_KEEP_TTL;
const EX = ENCODING_LISTPACK_EX;
const PACK_HEADER = PACK_HEADER_BYTES;

/** The fields no longer fit the encoding: nothing has changed, convert and set again. */
export const HASH_CONVERT = -2;

/** Bytes in front of the pack of a listpackex. */
export const EX_HEADER = 8;
/** Bytes of an element 0 with its back length. */
const NO_TTL_BYTES = 2;
const TWO_32 = 4294967296;
/** Bytes of a pack above which a hash is converted, whatever the limits say. */
const PACK_BYTES_MAX = 1 << 30;

export class HashPack {
  /** The entry after a change: it may have moved; 0 = the hash became empty and is gone. */
  ref = 0;
  /** The pack of the entry that was entered last. */
  start = 0;
  end = 0;
  /** Elements a field, 2 or 3. */
  stride = 2;
  /** The field that `set` was given last has taken the place of one that had expired. */
  hasReplacedExpired = false;
  readonly #shard: Shard;
  readonly #pack: Listpack;
  readonly #names: Listpack;
  /** A time of expiry as decimal text. */
  readonly #text = new Uint8Array(20);
  #textLength = 0;

  constructor(shard: Shard) {
    this.#shard = shard;
    this.#pack = new Listpack(shard.u8);
    this.#names = new Listpack(shard.u8);
  }

  /** Finds the pack of an entry: everything below is about that one. */
  enter(ref: Ref): this {
    const shard = this.#shard;
    const start = shard.valueOffset(ref);
    this.ref = ref;
    this.end = start + shard.valueLength(ref);
    if (shard.encodingOf(ref) === EX) {
      this.start = start + EX_HEADER;
      this.stride = 3;
    } else {
      this.start = start;
      this.stride = 2;
    }
    return this;
  }

  /** Fields, expired ones that nobody has freed yet included. */
  get size(): number {
    return this.#pack.count(this.start, this.end) / this.stride;
  }

  get first(): number {
    return this.start + PACK_HEADER;
  }

  /** Place of a field, or -1; expired ones included. O(n). */
  find(buf: Uint8Array, from: number, to: number): number {
    return this.#pack.find(this.start, this.end, buf, from, to, 0, this.stride);
  }

  /** Place of field `index`. O(n). */
  seek(index: number): number {
    return this.#pack.seek(this.start, this.end, index * this.stride);
  }

  /**
   * Leaves value and time of expiry of the field at `at` in `out`. Returns the next field's place.
   */
  locate(at: number, out: HashField): number {
    const pack = this.#pack;
    const valueAt = pack.next(at);
    let next = pack.next(valueAt);
    out.expireMs = NO_TTL;
    if (this.stride === 3) {
      pack.read(next);
      out.expireMs = pack.int;
      next = pack.next(next);
    }
    pack.read(valueAt);
    out.buf = pack.buf;
    out.from = pack.from;
    out.to = pack.to;
    return next;
  }

  /** The same with its name. */
  locateAll(at: number, out: HashField): number {
    const names = this.#names;
    names.read(at);
    out.nameBuf = names.buf;
    out.nameFrom = names.from;
    out.nameTo = names.to;
    return this.locate(at, out);
  }

  // ---- new hashes

  /** Makes `key` a hash of one field. False when the arena is full. */
  create(db: number, key: Key, field: HashField, expireMs: number): boolean {
    const shard = this.#shard;
    const pack = this.#pack;
    const isEx = expireMs > 0;
    const head = isEx ? EX_HEADER : 0;
    const bytes =
      head +
      PACK_HEADER +
      pack.encodedBytes(field.nameBuf, field.nameFrom, field.nameTo) +
      pack.encodedBytes(field.buf, field.from, field.to) +
      (isEx ? this.#expiryBytes(expireMs) : 0);
    const encoding = isEx ? EX : ENCODING_LISTPACK;
    const ref = shard.createValue(db, key, TYPE_HASH, encoding, bytes, 0);
    if (ref === 0) return false;
    const start = shard.valueOffset(ref) + head;
    this.#append(start, pack.init(start), field, isEx);
    this.ref = ref;
    if (!isEx) return true;
    shard.addFieldExpires(db, 1);
    this.#writeEarliest(ref, expireMs);
    shard.noteFieldExpiry(db, key, expireMs);
    return true;
  }

  #append(start: number, end: number, field: HashField, isEx: boolean): number {
    const pack = this.#pack;
    end = pack.insert(start, end, end, field.nameBuf, field.nameFrom, field.nameTo);
    end = pack.insert(start, end, end, field.buf, field.from, field.to);
    if (isEx) end = pack.insert(start, end, end, this.#text, 0, this.#textLength);
    return end;
  }

  /**
   * Makes `key` a hash of the names and values at offset[i], length[i], i from `first` to below
   * `count`. Returns the number of different names, or HASH_FULL. O(pairs * different names).
   */
  createAll(
    db: number,
    key: Key,
    buf: Uint8Array,
    offset: Int32Array,
    length: Int32Array,
    first: number,
    count: number,
  ): number {
    const shard = this.#shard;
    const pack = this.#pack;
    let bytes = PACK_HEADER;
    for (let i = first; i < count; i++) {
      bytes += pack.encodedBytes(buf, offset[i]!, offset[i]! + length[i]!);
    }
    const ref = shard.createValue(db, key, TYPE_HASH, ENCODING_LISTPACK, bytes, 0);
    if (ref === 0) return FULL;
    const start = shard.valueOffset(ref);
    let end = pack.init(start);
    for (let i = first; i < count; i += 2) {
      const from = offset[i]!;
      const to = from + length[i]!;
      const value = offset[i + 1]!;
      const valueEnd = value + length[i + 1]!;
      const at = i === first ? -1 : pack.find(start, end, buf, from, to, 0, 2);
      if (at >= 0) {
        end = pack.replace(start, end, pack.next(at), buf, value, valueEnd);
      } else {
        end = pack.insert(start, end, end, buf, from, to);
        end = pack.insert(start, end, end, buf, value, valueEnd);
      }
    }
    const fields = pack.count(start, end) / 2;
    // The slot of a new entry is the one that a lookup finds.
    if (end - start < bytes) shard.resizeValue(db, key, shard.find(db, key), end - start);
    return fields;
  }

  // ---- changes of the entry entered, which `find` of the shard just returned

  /** Sets a field; HASH_CONVERT when the hash would have too many. As in HashValues.set. O(n). */
  set(db: number, key: Key, field: HashField, expireMs: number): number {
    const shard = this.#shard;
    const pack = this.#pack;
    this.hasReplacedExpired = false;
    if (expireMs > 0 && this.stride === 2 && !this.#extend(db, key)) return FULL;
    const at = this.find(field.nameBuf, field.nameFrom, field.nameTo);
    if (at >= 0) return this.#replace(db, key, at, field, expireMs);
    if (this.size >= shard.limits.hashMaxListpackEntries) return HASH_CONVERT;
    const isEx = this.stride === 3;
    const length = shard.valueLength(this.ref);
    const grown =
      length +
      pack.encodedBytes(field.nameBuf, field.nameFrom, field.nameTo) +
      pack.encodedBytes(field.buf, field.from, field.to) +
      (isEx ? this.#expiryBytes(Math.max(expireMs, NO_TTL)) : 0);
    if (grown > PACK_BYTES_MAX) return HASH_CONVERT;
    const moved = shard.resizeValue(db, key, this.ref, grown);
    if (moved === 0) return FULL;
    this.enter(moved);
    this.#append(this.start, shard.valueOffset(moved) + length, field, isEx);
    if (expireMs > 0) this.#noteExpiry(db, key, expireMs);
    return ADDED;
  }

  #replace(db: number, key: Key, at: number, field: HashField, expireMs: number): number {
    const shard = this.#shard;
    const pack = this.#pack;
    const length = shard.valueLength(this.ref);
    const valueAt = pack.next(at);
    let grown = length + pack.encodedBytes(field.buf, field.from, field.to);
    grown -= pack.entryBytes(valueAt);
    const isEx = this.stride === 3;
    let isExpired = false;
    let isExpiryFirst = false;
    if (isEx) {
      const expiryAt = pack.next(valueAt);
      pack.read(expiryAt);
      isExpired = pack.int !== 0 && pack.int <= shard.state.nowMs;
      if (expireMs === KEEP_TTL) expireMs = isExpired ? NO_TTL : pack.int;
      const change = this.#expiryBytes(expireMs) - pack.entryBytes(expiryAt);
      isExpiryFirst = change < 0;
      grown += change;
    }
    const place = valueAt - this.start;
    let moved = this.ref;
    if (grown > length) {
      moved = shard.resizeValue(db, key, moved, grown);
      if (moved === 0) return FULL;
      this.enter(moved);
    }
    const { start } = this;
    const to = start + place;
    let end = shard.valueOffset(moved) + length;
    // What shrinks goes first: the listpack must not outgrow its entry in between.
    if (isExpiryFirst) {
      end = pack.replace(start, end, pack.next(to), this.#text, 0, this.#textLength);
    }
    end = pack.replace(start, end, to, field.buf, field.from, field.to);
    if (isEx && !isExpiryFirst) {
      pack.replace(start, end, pack.next(to), this.#text, 0, this.#textLength);
    }
    if (grown < length) this.ref = shard.resizeValue(db, key, moved, grown);
    else if (grown === length) shard.touched(db, key);
    if (isEx && expireMs > 0) this.#noteExpiry(db, key, expireMs);
    this.hasReplacedExpired = isExpired;
    return isExpired ? ADDED : UPDATED;
  }

  /** Gives the field at `at` a time of expiry or none (NO_TTL). False when the arena is full. */
  setExpiry(db: number, key: Key, at: number, expireMs: number): boolean {
    const shard = this.#shard;
    const pack = this.#pack;
    if (this.stride === 2) {
      if (expireMs === NO_TTL) return true;
      const index = this.#indexOf(at);
      if (!this.#extend(db, key)) return false;
      at = this.seek(index);
    }
    const length = shard.valueLength(this.ref);
    let expiryAt = pack.next(pack.next(at));
    const grown = length + this.#expiryBytes(expireMs) - pack.entryBytes(expiryAt);
    const place = expiryAt - this.start;
    if (grown > length) {
      const moved = shard.resizeValue(db, key, this.ref, grown);
      if (moved === 0) return false;
      this.enter(moved);
    }
    expiryAt = this.start + place;
    const end = shard.valueOffset(this.ref) + length;
    pack.replace(this.start, end, expiryAt, this.#text, 0, this.#textLength);
    if (grown < length) this.ref = shard.resizeValue(db, key, this.ref, grown);
    else if (grown === length) shard.touched(db, key);
    if (expireMs !== NO_TTL) this.#noteExpiry(db, key, expireMs);
    return true;
  }

  #indexOf(place: number): number {
    let index = 0;
    for (let at = this.first; at < place; index++) at = this.#pack.next(this.#pack.next(at));
    return index;
  }

  /** Takes out the field at `at`; a hash without fields is deleted (`ref` is 0 then). */
  remove(db: number, key: Key, at: number): void {
    const shard = this.#shard;
    const base = shard.valueOffset(this.ref);
    const end = this.#pack.remove(this.start, this.end, at, this.stride);
    if (end === this.first) {
      shard.delete(db, key);
      this.ref = 0;
    } else {
      this.ref = shard.resizeValue(db, key, this.ref, end - base);
    }
  }

  /** Turns the listpack entered into a listpackex. False when the arena is full. O(n). */
  #extend(db: number, key: Key): boolean {
    const shard = this.#shard;
    const pack = this.#pack;
    const { u8 } = shard;
    const count = this.size;
    const length = shard.valueLength(this.ref);
    const grown = EX_HEADER + length + count * NO_TTL_BYTES;
    const moved = shard.resizeValue(db, key, this.ref, grown);
    if (moved === 0) return false;
    const start = shard.valueOffset(moved);
    // From the last field on: each one moves away from those that are still to be moved.
    let from = start + length;
    let to = start + grown;
    for (let i = 0; i < count; i++) {
      to -= NO_TTL_BYTES;
      u8[to] = 0;
      u8[to + 1] = 1;
      const at = pack.previous(start, pack.previous(start, from));
      to -= from - at;
      u8.copyWithin(to, at, from);
      from = at;
    }
    shard.setEncoding(moved, EX);
    this.#writeEarliest(moved, NO_TTL);
    pack.setCount(start + EX_HEADER, count * 3);
    shard.addFieldExpires(db, 1);
    this.enter(moved);
    return true;
  }

  // ---- times of expiry

  /** Bytes that a time of expiry takes as an element; leaves its text. */
  #expiryBytes(expireMs: number): number {
    this.#textLength = formatInteger(expireMs, this.#text, 0);
    return this.#pack.encodedBytes(this.#text, 0, this.#textLength);
  }

  #noteExpiry(db: number, key: Key, expireMs: number): void {
    const earliest = this.earliestOf(this.ref);
    if (earliest === 0 || expireMs < earliest) this.#writeEarliest(this.ref, expireMs);
    this.#shard.noteFieldExpiry(db, key, expireMs);
  }

  #writeEarliest(ref: Ref, expireMs: number): void {
    writeEarliest(this.#shard.u8, this.#shard.valueOffset(ref), expireMs);
  }

  /** Unix time in ms before which no field of the listpackex `ref` expires; 0 = none ever does. */
  earliestOf(ref: Ref): number {
    const { u8 } = this.#shard;
    let ms = 0;
    for (let at = this.#shard.valueOffset(ref) + EX_HEADER - 1, i = 0; i < EX_HEADER; i++, at--) {
      ms = ms * 256 + u8[at]!;
    }
    return ms;
  }

  /** Frees the expired fields of the listpackex entered; `ref` is 0 when none are left. O(n). */
  expire(db: number, key: Key): number {
    const shard = this.#shard;
    const pack = this.#pack;
    const names = this.#names;
    const { nowMs } = shard.state;
    const { start } = this;
    let { end } = this;
    let removed = 0;
    let earliest = 0;
    for (let at = start + PACK_HEADER; at < end; ) {
      const expiryAt = pack.next(pack.next(at));
      pack.read(expiryAt);
      const expireMs = pack.int;
      if (expireMs !== 0 && expireMs <= nowMs) {
        names.read(at);
        shard.state.fieldExpired(db, key, names.buf, names.from, names.to);
        end = pack.remove(start, end, at, 3);
        removed += 1;
        continue;
      }
      if (expireMs !== 0 && (earliest === 0 || expireMs < earliest)) earliest = expireMs;
      at = pack.next(expiryAt);
    }
    if (end === start + PACK_HEADER) {
      shard.delete(db, key);
      this.ref = 0;
      return removed;
    }
    this.#writeEarliest(this.ref, earliest);
    if (removed !== 0) {
      const moved = shard.resizeValue(db, key, this.ref, end - start + EX_HEADER);
      this.enter(moved);
    }
    return removed;
  }

  /** Throws when the bytes of the entry entered are no hash. O(n). */
  checkInvariants(): void {
    const pack = this.#pack;
    pack.checkInvariants(this.start, this.end);
    const count = pack.count(this.start, this.end);
    if (count === 0 || count % this.stride !== 0) throw new Error('hash: a pack without pairs');
    if (this.stride === 2) return;
    const earliest = this.earliestOf(this.ref);
    for (let at = this.first; at < this.end; ) {
      const expiryAt = pack.next(pack.next(at));
      pack.read(expiryAt);
      const isEarlier = earliest === 0 || pack.int < earliest;
      if (!pack.isInteger || (pack.int !== 0 && isEarlier)) {
        throw new Error('hash: a field expires before the bound of its pack');
      }
      at = pack.next(expiryAt);
    }
  }
}

/** Writes the bytes in front of the pack of a listpackex, at `at`. */
export function writeEarliest(u8: Uint8Array, at: number, expireMs: number): void {
  const high = Math.floor(expireMs / TWO_32);
  const low = expireMs - high * TWO_32;
  for (let i = 0; i < 4; i++) {
    u8[at + i] = (low >>> (8 * i)) & 0xff;
    u8[at + 4 + i] = (high >>> (8 * i)) & 0xff;
  }
}
