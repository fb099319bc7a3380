/**
 * Loading hashes: plain ones, listpacks, ziplists and zipmaps, and those whose fields have times of
 * expiry, plain or as a listpack.
 *
 * LAYOUT of hashes with times of expiry
 *   plain     u64 earliest time of expiry in unix ms (0 = none); count; for each field: length 0 =
 *             none, or 1 + ms after the earliest; name; value. Without the earliest in the old
 *             type: the length is the unix time in ms.
 *   listpack  u64 earliest (not in the old type); a listpack of name, value, unix time in ms
 */

import { formatInteger } from '../base/number-text.ts';
import type { DetachedCollection } from '../keyspace/detached-value.ts';
import {
  ENCODING_HASHTABLE,
  ENCODING_LISTPACK,
  ENCODING_LISTPACK_EX,
  TYPE_HASH,
} from '../keyspace/entry.ts';
import { FIELD_NO_TTL, HashField } from '../keyspace/hash-field.ts';
import { EX_HEADER, writeEarliest } from '../keyspace/hash-pack.ts';
import { HashTable } from '../keyspace/hash-table.ts';
import type { Shard } from '../keyspace/shard.ts';
import type { Ref } from '../memory/arena.ts';
import { Listpack } from '../structures/listpack.ts';
import {
  LOAD_BAD,
  LOAD_EMPTY,
  LOAD_FULL,
  LOAD_OK,
  type LoadStatus,
  PackBuilder,
} from './pack-builder.ts';
import * as rdb from './rdb-format.ts';
import type { RdbInput } from './rdb-input.ts';
import { forZiplist, forZipmap } from './rdb-read-old.ts';

const NAME_BYTES = 256;
const NAME_KEPT_MAX = 1 << 20;
const FREE_SLICE = 1024;
const NO_TTL = FIELD_NO_TTL;

export class HashLoader {
  readonly #shard: Shard;
  readonly #out: DetachedCollection;
  readonly #builder: PackBuilder;
  readonly #table: HashTable;
  readonly #field: HashField;
  /** Names of the pack that is being turned into a table. */
  readonly #names: Listpack;
  readonly #text = new Uint8Array(20);
  /** A name, kept while its value is read. */
  #name = new Uint8Array(NAME_BYTES);
  /** Elements a field of the pack: 2, or 3 with times of expiry. */
  #stride = 2;
  /** Root of the table, once the fields are too many or too long for a pack. */
  #root: Ref = 0;
  #longest = 0;

  constructor(shard: Shard, out: DetachedCollection) {
    this.#shard = shard;
    this.#out = out;
    this.#builder = new PackBuilder(shard);
    this.#table = new HashTable(shard);
    this.#field = new HashField(shard.u8);
    this.#names = new Listpack(shard.u8);
  }

  /** Loads a hash of RDB type `type` into the value given to the constructor. O(n). */
  load(input: RdbInput, type: number): LoadStatus {
    this.#root = 0;
    this.#longest = 0;
    const isPlainEx = type === rdb.RDB_HASH_EXPIRY || type === rdb.RDB_HASH_EXPIRY_OLD;
    const isPackEx = type === rdb.RDB_HASH_LISTPACK_EX || type === rdb.RDB_HASH_LISTPACK_EX_OLD;
    this.#stride = isPlainEx || isPackEx ? 3 : 2;
    let status = this.#loadFields(input, type);
    if (status === LOAD_OK && input.isBad) status = LOAD_BAD;
    if (status === LOAD_OK) status = this.#finish();
    this.#builder.drop();
    if (status !== LOAD_OK && this.#root !== 0) {
      while (!this.#table.freeSlice(this.#root, FREE_SLICE));
    }
    return status;
  }

  #loadFields(input: RdbInput, type: number): LoadStatus {
    switch (type) {
      case rdb.RDB_HASH:
      case rdb.RDB_HASH_EXPIRY:
      case rdb.RDB_HASH_EXPIRY_OLD:
        return this.#loadPlain(input, type);
      case rdb.RDB_HASH_ZIPLIST:
      case rdb.RDB_HASH_ZIPMAP:
        return this.#loadOld(input, type === rdb.RDB_HASH_ZIPMAP);
      default:
        if (type === rdb.RDB_HASH_LISTPACK_EX) input.u64();
        return this.#loadListpack(input);
    }
  }

  // ---- fields one by one

  #loadPlain(input: RdbInput, type: number): LoadStatus {
    const earliest = type === rdb.RDB_HASH_EXPIRY ? input.u64() : 1;
    if (earliest > rdb.FIELD_EXPIRY_MS_MAX) return LOAD_BAD;
    const count = input.count();
    let status = this.#begin(count);
    const field = this.#field;
    for (let left = count; left > 0 && status === LOAD_OK; left--) {
      const ttl = this.#stride === 3 ? input.length() : 0;
      field.expireMs = ttl === 0 ? NO_TTL : ttl + earliest - 1;
      if (!(field.expireMs <= rdb.FIELD_EXPIRY_MS_MAX) || !input.string()) return LOAD_BAD;
      this.#keepName(input);
      if (!input.string()) return LOAD_BAD;
      field.buf = input.strBuf;
      field.from = input.strFrom;
      field.to = input.strTo;
      status = this.#add();
    }
    return status;
  }

  /** Copies the string just read: reading the value may move or overwrite it. */
  #keepName(input: RdbInput): void {
    const { strBuf, strFrom, strTo } = input;
    const length = strTo - strFrom;
    if (length > this.#name.length || this.#name.length > NAME_KEPT_MAX) {
      this.#name = new Uint8Array(Math.max(length, NAME_BYTES));
    }
    this.#name.set(strBuf.subarray(strFrom, strTo));
    this.#field.nameBuf = this.#name;
    this.#field.nameFrom = 0;
    this.#field.nameTo = length;
  }

  #loadOld(input: RdbInput, isZipmap: boolean): LoadStatus {
    if (!input.string()) return LOAD_BAD;
    const builder = this.#builder;
    if (!builder.begin(0)) return LOAD_FULL;
    const forAll = isZipmap ? forZipmap : forZiplist;
    let isFull = false;
    const count = forAll(input.strBuf, input.strFrom, input.strTo, (buf, from, to) => {
      this.#longest = Math.max(this.#longest, to - from);
      isFull = !builder.append(buf, from, to);
      return !isFull;
    });
    if (isFull) return LOAD_FULL;
    return count >= 0 && count % 2 === 0 ? LOAD_OK : LOAD_BAD;
  }

  #begin(count: number): LoadStatus {
    if (count > this.#shard.limits.hashMaxListpackEntries) {
      this.#root = this.#table.create();
      return this.#root === 0 ? LOAD_FULL : LOAD_OK;
    }
    return this.#builder.begin(this.#stride === 3 ? EX_HEADER : 0) ? LOAD_OK : LOAD_FULL;
  }

  /** Adds the field, to the pack or the table. */
  #add(): LoadStatus {
    const field = this.#field;
    const max = this.#shard.limits.hashMaxListpackValue;
    const isLong = field.nameTo - field.nameFrom > max || field.to - field.from > max;
    if (this.#root === 0 && isLong) {
      const status = this.#convert();
      if (status !== LOAD_OK) return status;
    }
    if (this.#root !== 0) return this.#addToTable(field);
    const builder = this.#builder;
    const isDone =
      builder.append(field.nameBuf, field.nameFrom, field.nameTo) &&
      builder.append(field.buf, field.from, field.to) &&
      (this.#stride === 2 || builder.append(this.#text, 0, this.#expiryText(field.expireMs)));
    return isDone ? LOAD_OK : LOAD_FULL;
  }

  #expiryText(expireMs: number): number {
    return formatInteger(expireMs, this.#text, 0);
  }

  #addToTable(field: HashField): LoadStatus {
    const table = this.#table;
    if (table.find(field.nameBuf, field.nameFrom, field.nameTo) !== 0) return LOAD_BAD;
    return table.append(field) ? LOAD_OK : LOAD_FULL;
  }

  // ---- packs

  #loadListpack(input: RdbInput): LoadStatus {
    if (!input.string()) return LOAD_BAD;
    const builder = this.#builder;
    const lead = this.#stride === 3 ? EX_HEADER : 0;
    return builder.take(input.strBuf, input.strFrom, input.strTo, lead);
  }

  /** Turns the pack into a table; its fields are checked on the way. */
  #convert(): LoadStatus {
    const builder = this.#builder;
    const { pack, start, end } = builder;
    this.#root = this.#table.create();
    if (this.#root === 0) return LOAD_FULL;
    const names = this.#names;
    const field = new HashField(this.#shard.u8);
    let status: LoadStatus = LOAD_OK;
    for (let at = pack.first(start); at < end && status === LOAD_OK; ) {
      names.read(at);
      field.nameBuf = names.buf;
      field.nameFrom = names.from;
      field.nameTo = names.to;
      const valueAt = pack.next(at);
      at = pack.next(valueAt);
      field.expireMs = NO_TTL;
      if (this.#stride === 3) {
        pack.read(at);
        field.expireMs = pack.int;
        at = pack.next(at);
      }
      pack.read(valueAt);
      field.buf = pack.buf;
      field.from = pack.from;
      field.to = pack.to;
      status = this.#addToTable(field);
    }
    builder.drop();
    return status;
  }

  /** Checks a pack and gives the hash its encoding. */
  #finish(): LoadStatus {
    const builder = this.#builder;
    if (this.#root === 0) {
      const fields = builder.count / this.#stride;
      if (fields === 0) return LOAD_EMPTY;
      if (!Number.isInteger(fields)) return LOAD_BAD;
      const earliest = this.#stride === 3 ? this.#earliest() : 0;
      if (earliest < 0) return LOAD_BAD;
      const { hashMaxListpackEntries, hashMaxListpackValue } = this.#shard.limits;
      if (fields <= hashMaxListpackEntries && this.#longest <= hashMaxListpackValue) {
        return this.#finishPack(earliest);
      }
      const status = this.#convert();
      if (status !== LOAD_OK) return status;
    }
    this.#out.setRoot(TYPE_HASH, ENCODING_HASHTABLE, this.#root);
    return LOAD_OK;
  }

  #finishPack(earliest: number): LoadStatus {
    const builder = this.#builder;
    if (builder.hasDuplicates(this.#stride)) return LOAD_BAD;
    const isEx = this.#stride === 3;
    if (isEx) writeEarliest(this.#shard.u8, builder.start - EX_HEADER, earliest);
    const encoding = isEx ? ENCODING_LISTPACK_EX : ENCODING_LISTPACK;
    const bytes = builder.length;
    this.#out.setBytes(TYPE_HASH, encoding, builder.release(), bytes);
    return LOAD_OK;
  }

  /** The earliest time of expiry in a pack with such, 0 = none; -1 = one is damaged. */
  #earliest(): number {
    const { pack, start, end } = this.#builder;
    let earliest = 0;
    for (let at = pack.first(start); at < end; ) {
      at = pack.next(pack.next(at));
      pack.read(at);
      const { int } = pack;
      if (!pack.isInteger || !(int >= 0 && int <= rdb.FIELD_EXPIRY_MS_MAX)) return -1;
      if (int !== 0 && (earliest === 0 || int < earliest)) earliest = int;
      at = pack.next(at);
    }
    return earliest;
  }
}
