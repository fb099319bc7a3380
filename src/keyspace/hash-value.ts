/**
 * HashValues: the hashes of one shard over all encodings: listpack and listpackex (hash-pack.ts),
 * hashtable (hash-table.ts).
 *
 * Fields may have times of expiry. Expired ones count as absent in everything here but `size`; they
 * are freed by the active expire cycle (`expireDue`), or when something is set in their place. A
 * hash all of whose fields have expired is there until then, and empty.
 *
 * Everything takes the entry that the shard's `find` just returned for the key, and everything that
 * changes it leaves the entry from then on in `ref`.
 */
import type { Ref } from '../memory/arena.ts';
import { ENCODING_HASHTABLE, ENCODING_LISTPACK_EX, TYPE_HASH } from './entry.ts';
import { FIELD_NO_TTL, HASH_ADDED, HASH_FULL, HashField } from './hash-field.ts';
import { HASH_CONVERT, HashPack } from './hash-pack.ts';
import { HashTable } from './hash-table.ts';
import type { Key } from './key.ts';
import type { Shard } from './shard.ts';

const FULL = HASH_FULL;
const NO_TTL = FIELD_NO_TTL;
const EX = ENCODING_LISTPACK_EX;
/** Draws of a random field among expired ones before the first live one in order does. */
const DRAWS_MAX = 100;
const FREE_SLICE = 1024;

/** Receives name and value of a field, each as bytes of a buffer, borrowed during the call. */
export type FieldVisitor = (
  nameBuf: Uint8Array,
  nameFrom: number,
  nameTo: number,
  buf: Uint8Array,
  from: number,
  to: number,
) => void;

export class HashValues {
  /** Value and time of expiry of the field that `find` found: borrowed until the next call. */
  readonly found: HashField;
  /** The entry after a change: it may have moved; 0 = the hash became empty and is gone. */
  ref = 0;
  /** Pairs that `setAll` has set. */
  setCount = 0;
  /**
   * The field that `set` was given last has taken the place of one that had expired: for a log that
   * is read without a clock it was there before.
   */
  hasReplacedExpired = false;
  readonly #shard: Shard;
  readonly #pack: HashPack;
  readonly #table: HashTable;
  readonly #target: HashTable;
  /** What is being set. */
  readonly #given: HashField;
  /** The field that a walk has reached; it may have expired. */
  readonly each: HashField;

  constructor(shard: Shard) {
    this.#shard = shard;
    this.#pack = new HashPack(shard);
    this.#table = new HashTable(shard);
    this.#target = new HashTable(shard);
    this.found = new HashField(shard.u8);
    this.#given = new HashField(shard.u8);
    this.each = new HashField(shard.u8);
  }

  // ---- reading

  #rooted(ref: Ref): HashTable {
    return this.#table.attach(this.#shard.rootOf(ref));
  }

  /** Number of fields, with expired ones that nobody has freed yet. O(1). */
  size(ref: Ref): number {
    return this.#shard.isRooted(ref) ? this.#rooted(ref).size : this.#pack.enter(ref).size;
  }

  /** Number of fields. O(1), O(n) while some have expired and are not freed yet. */
  liveSize(ref: Ref): number {
    if (!this.isDue(ref)) return this.size(ref);
    let count = 0;
    this.forEach(ref, () => {
      count += 1;
    });
    return count;
  }

  /** Finds a field; its value and time of expiry are left in `found`. O(1), O(n) of a listpack. */
  find(ref: Ref, buf: Uint8Array, from: number, to: number): boolean {
    const { found } = this;
    if (this.#shard.isRooted(ref)) {
      const table = this.#rooted(ref);
      const item = table.find(buf, from, to);
      if (item === 0) return false;
      table.locate(item, found);
    } else {
      const pack = this.#pack.enter(ref);
      const at = pack.find(buf, from, to);
      if (at < 0) return false;
      pack.locate(at, found);
    }
    return this.isLive(found);
  }

  /** False when a field has expired. */
  isLive(field: HashField): boolean {
    return field.expireMs === NO_TTL || field.expireMs > this.#shard.state.nowMs;
  }

  #visit(field: HashField, visit: FieldVisitor): void {
    visit(field.nameBuf, field.nameFrom, field.nameTo, field.buf, field.from, field.to);
  }

  /** Calls `visit` for every field. `visit` must not change the hash. O(n). */
  forEach(ref: Ref, visit: FieldVisitor): void {
    const field = this.each;
    if (this.#shard.isRooted(ref)) {
      const table = this.#rooted(ref);
      table.table.forEach((item) => {
        table.locateAll(item, field);
        if (this.isLive(field)) this.#visit(field, visit);
      });
      return;
    }
    const pack = this.#pack.enter(ref);
    for (let at = pack.first; at < pack.end; ) {
      at = pack.locateAll(at, field);
      if (this.isLive(field)) this.#visit(field, visit);
    }
  }

  /**
   * Place of the first field of a hash that is a pack, or -1: with `readPacked`, `forEach` without
   * a call per field.
   */
  firstPacked(ref: Ref): number {
    return this.#shard.isRooted(ref) ? -1 : this.#pack.enter(ref).first;
  }

  /** Reads the field at `at` into `each`; returns the next place, or -1 behind the last one. */
  readPacked(at: number): number {
    const next = this.#pack.locateAll(at, this.each);
    return next < this.#pack.end ? next : -1;
  }

  /**
   * Visits the fields of one step of a scan; returns the next cursor, 0 at the end. A listpack is
   * visited whole.
   */
  scan(ref: Ref, cursor: number, visit: FieldVisitor): number {
    if (!this.#shard.isRooted(ref)) {
      this.forEach(ref, visit);
      return 0;
    }
    const field = this.each;
    const table = this.#rooted(ref);
    return table.table.dict.scan(cursor, (item) => {
      table.locateAll(item, field);
      if (this.isLive(field)) this.#visit(field, visit);
    });
  }

  /**
   * Calls `visit` with a field drawn at random, all with the same chance; false when all have
   * expired. `random` returns integers below its argument. Expected O(1), O(n) of a listpack.
   */
  random(ref: Ref, random: (below: number) => number, visit: FieldVisitor): boolean {
    const field = this.each;
    for (let draw = 0; draw < DRAWS_MAX; draw++) {
      if (this.#shard.isRooted(ref)) {
        const table = this.#rooted(ref);
        table.locateAll(table.table.dict.randomItem(random), field);
      } else {
        const pack = this.#pack.enter(ref);
        pack.locateAll(pack.seek(random(pack.size)), field);
      }
      if (!this.isLive(field)) continue;
      this.#visit(field, visit);
      return true;
    }
    return this.#randomLive(ref, random, visit);
  }

  /** The same where few fields are live. O(n). */
  #randomLive(ref: Ref, random: (below: number) => number, visit: FieldVisitor): boolean {
    let left = this.liveSize(ref);
    if (left === 0) return false;
    left = random(left);
    this.forEach(ref, (nameBuf, nameFrom, nameTo, buf, from, to) => {
      if (left-- === 0) visit(nameBuf, nameFrom, nameTo, buf, from, to);
    });
    return true;
  }

  // ---- changing

  /**
   * Sets a field of the hash `ref` of `key` (0 = none: it is made). `expireMs` is a unix time in
   * ms, FIELD_NO_TTL or FIELD_KEEP_TTL. The source bytes must not lie in this hash. HASH_ADDED,
   * HASH_UPDATED or HASH_FULL.
   */
  set(
    db: number,
    key: Key,
    ref: Ref,
    name: Uint8Array,
    nameFrom: number,
    nameTo: number,
    value: Uint8Array,
    from: number,
    to: number,
    expireMs: number,
  ): number {
    const field = this.#given;
    field.nameBuf = name;
    field.nameFrom = nameFrom;
    field.nameTo = nameTo;
    field.buf = value;
    field.from = from;
    field.to = to;
    this.ref = ref;
    this.hasReplacedExpired = false;
    if (ref === 0) return this.#create(db, key, field, expireMs);
    if (!this.#shard.isRooted(ref)) {
      if (!this.#isLong(field)) {
        const pack = this.#pack.enter(ref);
        const status = pack.set(db, key, field, expireMs);
        this.ref = pack.ref;
        this.hasReplacedExpired = pack.hasReplacedExpired;
        if (status !== HASH_CONVERT) return status;
      }
      if (!this.#convert(db, key, this.ref)) return FULL;
    }
    return this.#setRooted(db, key, field, expireMs);
  }

  #isLong(field: HashField): boolean {
    const max = this.#shard.limits.hashMaxListpackValue;
    return field.nameTo - field.nameFrom > max || field.to - field.from > max;
  }

  #setRooted(db: number, key: Key, field: HashField, expireMs: number): number {
    const shard = this.#shard;
    const table = this.#rooted(this.ref);
    const status = table.set(db, field, expireMs);
    if (status === FULL) return FULL;
    shard.touched(db, key);
    this.hasReplacedExpired = table.hasReplacedExpired;
    // The table's own bound may be older and lower than any field's time.
    if (expireMs > 0) shard.noteFieldExpiry(db, key, table.earliestMs());
    return status;
  }

  /** Makes the key with one field. */
  #create(db: number, key: Key, field: HashField, expireMs: number): number {
    const shard = this.#shard;
    if (expireMs < 0) expireMs = NO_TTL;
    if (!this.#isLong(field) && shard.limits.hashMaxListpackEntries > 0) {
      if (!this.#pack.create(db, key, field, expireMs)) return FULL;
      // The slot that later changes of the entry write to is the one that a lookup found.
      this.ref = shard.find(db, key);
      return HASH_ADDED;
    }
    const root = this.#table.create();
    if (root === 0) return FULL;
    if (shard.createRooted(db, key, TYPE_HASH, ENCODING_HASHTABLE, root, 0) === 0) {
      shard.arena.free(root);
      return FULL;
    }
    this.ref = shard.find(db, key);
    const status = this.#setRooted(db, key, field, expireMs);
    if (status === FULL) {
      shard.delete(db, key);
      this.ref = 0;
    }
    return status;
  }

  /**
   * Sets the names and values at offset[i], length[i] of `buf`, i from `first` to below `count`.
   * Returns how many fields are new, or HASH_FULL: the first `setCount` pairs are set then.
   */
  setAll(
    db: number,
    key: Key,
    ref: Ref,
    buf: Uint8Array,
    offset: Int32Array,
    length: Int32Array,
    first: number,
    count: number,
  ): number {
    this.setCount = 0;
    this.hasReplacedExpired = false;
    if (ref === 0 && count - first > 2 && this.#fitPack(length, first, count)) {
      return this.#pack.createAll(db, key, buf, offset, length, first, count);
    }
    let added = 0;
    for (let i = first; i < count; i += 2) {
      const name = offset[i]!;
      const value = offset[i + 1]!;
      const nameEnd = name + length[i]!;
      const valueEnd = value + length[i + 1]!;
      const status = this.set(db, key, ref, buf, name, nameEnd, buf, value, valueEnd, NO_TTL);
      if (status === FULL) return FULL;
      ref = this.ref;
      added += status;
      this.setCount += 1;
    }
    return added;
  }

  /**
   * Makes (or replaces, whatever its type was) a key with a hash of the fields given as for setAll,
   * which are all different. False when the arena is full: nothing has changed then. O(fields).
   */
  replaceAll(
    db: number,
    key: Key,
    buf: Uint8Array,
    offset: Int32Array,
    length: Int32Array,
    first: number,
    count: number,
  ): boolean {
    if (this.#fitPack(length, first, count)) {
      return this.#pack.createAll(db, key, buf, offset, length, first, count) !== FULL;
    }
    const table = this.#table;
    const root = table.create();
    if (root === 0) return false;
    const field = this.each;
    field.nameBuf = buf;
    field.buf = buf;
    field.expireMs = NO_TTL;
    let isFull = false;
    for (let i = first; i < count && !isFull; i += 2) {
      field.nameFrom = offset[i]!;
      field.nameTo = offset[i]! + length[i]!;
      field.from = offset[i + 1]!;
      field.to = offset[i + 1]! + length[i + 1]!;
      isFull = !table.append(field);
    }
    const { createRooted } = this.#shard;
    if (!isFull) {
      const ref = createRooted.call(
        this.#shard,
        db,
        key,
        TYPE_HASH,
        ENCODING_HASHTABLE,
        root,
        NO_TTL,
      );
      isFull = ref === 0;
    }
    if (isFull) this.#shard.lazy.addRoot(root);
    return !isFull;
  }

  #fitPack(length: Int32Array, first: number, count: number): boolean {
    const { hashMaxListpackEntries, hashMaxListpackValue } = this.#shard.limits;
    if ((count - first) / 2 > hashMaxListpackEntries) return false;
    for (let i = first; i < count; i++) if (length[i]! > hashMaxListpackValue) return false;
    return true;
  }

  /** Turns a listpack or listpackex into a hashtable. False when the arena is full. O(n). */
  #convert(db: number, key: Key, ref: Ref): boolean {
    const shard = this.#shard;
    const table = this.#table;
    const root = table.create();
    if (root === 0) return false;
    const pack = this.#pack.enter(ref);
    const wasCounted = pack.stride === 3;
    const field = this.each;
    for (let at = pack.first; at < pack.end; ) {
      at = pack.locateAll(at, field);
      if (table.append(field)) continue;
      while (!table.freeSlice(root, FREE_SLICE));
      return false;
    }
    if (wasCounted && table.expires === 0) shard.addFieldExpires(db, -1);
    this.ref = shard.convertToRooted(db, key, ref, ENCODING_HASHTABLE, root);
    return true;
  }

  /**
   * Takes a field out; a hash without fields is deleted. False when there is no such field: one
   * that has expired is freed. O(1), O(n) of a listpack.
   */
  remove(db: number, key: Key, ref: Ref, buf: Uint8Array, from: number, to: number): boolean {
    const shard = this.#shard;
    const { state } = shard;
    const { dirty } = state;
    this.ref = ref;
    let isLive = true;
    if (shard.isRooted(ref)) {
      const table = this.#rooted(ref);
      const item = table.find(buf, from, to);
      if (item === 0) return false;
      isLive = !table.isExpired(item);
      if (!isLive) state.fieldExpired(db, key, buf, from, to);
      table.remove(db, item);
      this.#afterRemoval(db, key, table);
    } else {
      const pack = this.#pack.enter(ref);
      const at = pack.find(buf, from, to);
      if (at < 0) return false;
      pack.locate(at, this.each);
      isLive = this.isLive(this.each);
      if (!isLive) state.fieldExpired(db, key, buf, from, to);
      pack.remove(db, key, at);
      this.ref = pack.ref;
    }
    if (!isLive) state.dirty = dirty;
    return isLive;
  }

  #afterRemoval(db: number, key: Key, table: HashTable): void {
    const shard = this.#shard;
    if (table.size === 0) {
      shard.delete(db, key);
      this.ref = 0;
    } else {
      shard.touched(db, key);
    }
  }

  // ---- times of expiry

  /**
   * Gives a live field another time of expiry (unix ms), or none (FIELD_NO_TTL). False when the
   * arena is full: nothing has changed then. O(1), O(n) of a listpack.
   */
  setExpiry(
    db: number,
    key: Key,
    ref: Ref,
    buf: Uint8Array,
    from: number,
    to: number,
    expireMs: number,
  ): boolean {
    const shard = this.#shard;
    this.ref = ref;
    if (!shard.isRooted(ref)) {
      const pack = this.#pack.enter(ref);
      const isDone = pack.setExpiry(db, key, pack.find(buf, from, to), expireMs);
      this.ref = pack.ref;
      return isDone;
    }
    const table = this.#rooted(ref);
    if (!table.setExpiry(db, table.find(buf, from, to), expireMs, this.each)) return false;
    shard.touched(db, key);
    if (expireMs !== NO_TTL) shard.noteFieldExpiry(db, key, table.earliestMs());
    return true;
  }

  /** Unix time in ms before which no field expires; 0 = none ever does. O(1). */
  earliestMs(ref: Ref): number {
    const shard = this.#shard;
    if (shard.isRooted(ref)) return this.#rooted(ref).earliestMs();
    return shard.encodingOf(ref) === EX ? this.#pack.earliestOf(ref) : 0;
  }

  /** True when fields may have expired. O(1). */
  isDue(ref: Ref): boolean {
    if (!this.#shard.hasFieldExpires(ref)) return false;
    const earliest = this.earliestMs(ref);
    return earliest !== 0 && earliest <= this.#shard.state.nowMs;
  }

  /**
   * Frees fields that have expired: all of a listpackex, those of up to `hints` expiry hints of a
   * hashtable. A hash without fields is deleted. Returns how many fields.
   */
  expireDue(db: number, key: Key, ref: Ref, hints: number): number {
    const shard = this.#shard;
    this.ref = ref;
    if (ref === shard.emittedRef || !this.isDue(ref)) return 0;
    const { dirty } = shard.state;
    const removed = this.#expire(db, key, ref, hints);
    shard.state.dirty = dirty;
    shard.state.fieldsExpired(db, this.ref === 0);
    return removed;
  }

  #expire(db: number, key: Key, ref: Ref, hints: number): number {
    if (this.#shard.isRooted(ref)) {
      const table = this.#rooted(ref);
      const removed = table.expire(db, key, hints);
      if (removed !== 0) this.#afterRemoval(db, key, table);
      return removed;
    }
    const pack = this.#pack.enter(ref);
    const removed = pack.expire(db, key);
    this.ref = pack.ref;
    return removed;
  }

  /**
   * Takes an entry that was made as a copy (its bytes, or a root of `copyRoot`) into the counts and
   * hints of its database. O(1).
   */
  noteCopy(db: number, key: Key, ref: Ref): void {
    const shard = this.#shard;
    if (!shard.hasFieldExpires(ref)) return;
    shard.addFieldExpires(db, 1);
    const earliest = this.earliestMs(ref);
    if (earliest !== 0) shard.noteFieldExpiry(db, key, earliest);
  }

  // ---- roots

  /** Frees about `units` fields of a root that no key has. True when it is gone. */
  freeRootSlice(root: Ref, units: number): boolean {
    return this.#table.freeSlice(root, units);
  }

  /** Fields of a root. O(1). */
  rootSize(root: Ref): number {
    return this.#table.attach(root).size;
  }

  /** A copy of a root in another shard or this one, or 0 when that arena is full. O(n). */
  copyRoot(root: Ref, to: Shard): Ref {
    return this.#table.copyTo(root, to.hashes.#target);
  }

  /** Bytes of a root's blocks, estimated. */
  memoryBytes(root: Ref): number {
    return this.#table.memoryBytes(root);
  }

  /** Throws when the value of an entry is damaged. O(n). */
  checkInvariants(ref: Ref): void {
    if (this.#shard.isRooted(ref)) this.#rooted(ref).checkInvariants();
    else this.#pack.enter(ref).checkInvariants();
  }
}
