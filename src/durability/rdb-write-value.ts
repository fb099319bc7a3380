/**
 * ValueWriter: writes values of one shard in the RDB format, whatever their type.
 *
 * LAYOUT of what is written, by encoding (rdb-format.ts has lengths and strings)
 *   int, embstr, raw     STRING          string
 *   listpack, quicklist  LIST_QUICKLIST  nodes; for each: container, string (an element for PLAIN,
 *                                        a listpack for PACKED)
 *   intset               SET_INTSET      string
 *   other sets           SET             count, strings
 *   sorted sets          ZSET            count; for each: member, f64 score
 *   hash as listpack     HASH_LISTPACK   string
 *   listpackex           HASH_LISTPACK_EX  u64 earliest time of expiry, string: a listpack of
 *                                        triples, earliest first, those without a time last
 *   hashtable            HASH            count, names and values
 *     with times of expiry HASH_EXPIRY   u64 earliest, count; for each: 0 or 1 + ms after the
 *                                        earliest, name, value
 *
 * A hash none of whose fields expires any more is written as one that never had such, and small
 * sets and sorted sets as the large ones: Redis 7.0 reads all but hashes whose fields expire, and
 * scores are exact.
 */
import * as entry from '../keyspace/entry.ts';
import { HashField } from '../keyspace/hash-field.ts';
import { HashPack } from '../keyspace/hash-pack.ts';
import { HashTable } from '../keyspace/hash-table.ts';
import type { Shard } from '../keyspace/shard.ts';
import type { Ref } from '../memory/arena.ts';
import { Listpack, PACK_HEADER_BYTES, REDIS_EXTRA_BYTES } from '../structures/listpack.ts';
import { Quicklist } from '../structures/quicklist.ts';
import * as rdb from './rdb-format.ts';
import type { RdbOutput } from './rdb-output.ts';
import { StreamWriter } from './rdb-write-stream.ts';

/** Elements longer than this that have a list node of their own are written without a listpack. */
const PLAIN_BYTES_MIN = 8192;
const SCRATCH_KEPT_MAX = 1 << 20;

/** One field of a listpackex: where it begins and ends, and when it expires. */
interface PackedField {
  readonly from: number;
  readonly to: number;
  readonly expireMs: number;
}

export class ValueWriter {
  readonly #shard: Shard;
  readonly #pack: Listpack;
  readonly #hashPack: HashPack;
  readonly #hashTable: HashTable;
  readonly #list: Quicklist;
  readonly #field: HashField;
  #streamWriter: StreamWriter | null = null;
  #scratch: Uint8Array = new Uint8Array(0);

  constructor(shard: Shard) {
    this.#shard = shard;
    this.#pack = new Listpack(shard.u8);
    this.#hashPack = new HashPack(shard);
    this.#hashTable = new HashTable(shard);
    this.#list = new Quicklist(shard.arena);
    this.#field = new HashField(shard.u8);
  }

  /** Made with the first stream. */
  get streams(): StreamWriter {
    this.#streamWriter ??= new StreamWriter(this.#shard);
    return this.#streamWriter;
  }

  /** The RDB type as which the value of an entry is written. */
  typeOf(ref: Ref): number {
    const shard = this.#shard;
    const encoding = shard.encodingOf(ref);
    switch (shard.typeOf(ref)) {
      case entry.TYPE_STRING:
        return rdb.RDB_STRING;
      case entry.TYPE_LIST:
        return rdb.RDB_LIST_QUICKLIST;
      case entry.TYPE_SET:
        return encoding === entry.ENCODING_INTSET ? rdb.RDB_SET_INTSET : rdb.RDB_SET;
      case entry.TYPE_ZSET:
        return rdb.RDB_ZSET;
      case entry.TYPE_HASH:
        return this.#hashType(ref, encoding);
      case entry.TYPE_STREAM:
        return this.streams.typeOf(ref);
      default:
        throw new Error('rdb: a type that cannot be written');
    }
  }

  #hashType(ref: Ref, encoding: number): number {
    if (encoding === entry.ENCODING_LISTPACK) return rdb.RDB_HASH_LISTPACK;
    if (encoding === entry.ENCODING_LISTPACK_EX) {
      return this.#earliestPacked(ref) === 0 ? rdb.RDB_HASH : rdb.RDB_HASH_LISTPACK_EX;
    }
    const { expires } = this.#hashTable.attach(this.#shard.rootOf(ref));
    return expires === 0 ? rdb.RDB_HASH : rdb.RDB_HASH_EXPIRY;
  }

  /** The oldest RDB version that has this RDB type. */
  static versionOf(type: number): number {
    switch (type) {
      case rdb.RDB_HASH_LISTPACK_EX:
      case rdb.RDB_HASH_EXPIRY:
        return rdb.RDB_VERSION_FIELD_EXPIRY;
      case rdb.RDB_STREAM_4:
        return rdb.RDB_VERSION_PRODUCERS;
      case rdb.RDB_STREAM_5:
        return rdb.RDB_VERSION_RELEASED;
      default:
        return rdb.RDB_VERSION_PLAIN;
    }
  }

  /** Writes the value of an entry as `type`, which `typeOf` said. O(value). */
  write(out: RdbOutput, ref: Ref, type: number): void {
    const shard = this.#shard;
    const isRooted = shard.isRooted(ref);
    const from = isRooted ? 0 : shard.valueOffset(ref);
    const to = isRooted ? 0 : from + shard.valueLength(ref);
    switch (type) {
      case rdb.RDB_STRING:
      case rdb.RDB_SET_INTSET:
        out.string(shard.u8, from, to);
        break;
      case rdb.RDB_LIST_QUICKLIST:
        if (isRooted) this.#writeQuicklist(out, ref);
        else this.#writeSmallList(out, from, to);
        break;
      case rdb.RDB_SET:
        out.length(shard.sets.size(ref));
        shard.sets.forEach(ref, (buf, start, end) => out.string(buf, start, end));
        break;
      case rdb.RDB_ZSET:
        out.length(shard.zsets.size(ref));
        shard.zsets.forEach(ref, (buf, start, end, score) => {
          out.string(buf, start, end);
          out.double(score);
        });
        break;
      case rdb.RDB_HASH_LISTPACK:
        this.#writePack(out, from, to);
        break;
      case rdb.RDB_HASH_LISTPACK_EX:
        this.#writePackEx(out, ref);
        break;
      case rdb.RDB_STREAM_2:
      case rdb.RDB_STREAM_4:
      case rdb.RDB_STREAM_5:
        this.streams.write(out, ref, type);
        break;
      default:
        if (isRooted) this.#writeTable(out, ref, type === rdb.RDB_HASH_EXPIRY);
        else this.#writePlainPack(out, ref);
    }
    if (this.#scratch.length > SCRATCH_KEPT_MAX) this.#scratch = new Uint8Array(0);
  }

  /** Room for `bytes` bytes, used until the next call. */
  #room(bytes: number): Uint8Array {
    if (this.#scratch.length < bytes) this.#scratch = new Uint8Array(bytes);
    return this.#scratch;
  }

  /** Writes the pack [from, to) as a string that is a listpack in Redis's form. */
  #writePack(out: RdbOutput, from: number, to: number): void {
    const { u8 } = this.#shard;
    const total = to - from + REDIS_EXTRA_BYTES;
    if (out.marks === null && out.mayCompress(total)) {
      const room = this.#room(total);
      this.#pack.toRedis(from, to, room, 0);
      out.string(room, 0, total);
      return;
    }
    out.markString(total);
    out.length(total);
    out.little(total, 4);
    out.sink.rawRange(u8, from, to);
    out.byte(0xff);
  }

  #writeSmallList(out: RdbOutput, from: number, to: number): void {
    out.length(1);
    this.writeNode(out, from, to, this.#pack.count(from, to));
  }

  #writeQuicklist(out: RdbOutput, ref: Ref): void {
    const shard = this.#shard;
    const list = this.#list.attach(shard.rootOf(ref) * 2, shard.limits.listMaxListpackSize);
    out.length(list.nodeCount);
    for (let node = list.first; node !== 0; node = list.nextNode(node)) {
      this.writeNode(out, list.packStart(node), list.packEnd(node), list.elementsOf(node));
    }
  }

  /** One node of a list of many: a container and its elements. */
  writeNode(out: RdbOutput, from: number, to: number, count: number): void {
    const pack = this.#pack;
    if (count === 1 && to - from > PLAIN_BYTES_MIN) {
      pack.read(pack.first(from));
      out.length(rdb.NODE_PLAIN);
      out.string(pack.buf, pack.from, pack.to);
      return;
    }
    out.length(rdb.NODE_PACKED);
    this.#writePack(out, from, to);
  }

  // ---- hashes

  /** Earliest time of expiry of the fields of a listpackex; 0 = none has one. */
  #earliestPacked(ref: Ref): number {
    let earliest = 0;
    const { fields } = this.#packedFields(ref);
    for (const { expireMs } of fields) {
      if (expireMs !== 0 && (earliest === 0 || expireMs < earliest)) earliest = expireMs;
    }
    return earliest;
  }

  /** Fields of a small hash; expired ones, too: they expire again where they are loaded. */
  #packedFields(ref: Ref): { readonly fields: PackedField[]; readonly bytes: number } {
    const pack = this.#hashPack.enter(ref);
    const fields: PackedField[] = [];
    for (let at = pack.first; at < pack.end; ) {
      const to = pack.locate(at, this.#field);
      fields.push({ from: at, to, expireMs: this.#field.expireMs });
      at = to;
    }
    return { fields, bytes: pack.end - pack.start };
  }

  #writePackEx(out: RdbOutput, ref: Ref): void {
    const { u8 } = this.#shard;
    const { fields, bytes } = this.#packedFields(ref);
    const order = (field: PackedField): number =>
      field.expireMs === 0 ? Number.POSITIVE_INFINITY : field.expireMs;
    fields.sort((a, b) => (order(a) < order(b) ? -1 : Number(order(a) > order(b))));
    out.u64(fields[0]!.expireMs);
    const room = new Uint8Array(bytes);
    const sorted = new Listpack(room);
    sorted.setCount(0, fields.length * 3);
    let at = PACK_HEADER_BYTES;
    for (const { from, to } of fields) {
      room.set(u8.subarray(from, to), at);
      at += to - from;
    }
    const total = bytes + REDIS_EXTRA_BYTES;
    const blob = this.#room(total);
    sorted.toRedis(0, bytes, blob, 0);
    out.string(blob, 0, total);
  }

  /** A listpackex none of whose fields expires, as a plain hash. */
  #writePlainPack(out: RdbOutput, ref: Ref): void {
    const pack = this.#hashPack.enter(ref);
    out.length(pack.size);
    for (let at = pack.first; at < pack.end; ) {
      at = pack.locateAll(at, this.#field);
      this.#writeField(out);
    }
  }

  #writeField(out: RdbOutput): void {
    const { nameBuf, nameFrom, nameTo, buf, from, to } = this.#field;
    out.string(nameBuf, nameFrom, nameTo);
    out.string(buf, from, to);
  }

  #writeTable(out: RdbOutput, ref: Ref, hasExpiry: boolean): void {
    const table = this.#hashTable.attach(this.#shard.rootOf(ref));
    let earliest = Number.POSITIVE_INFINITY;
    if (hasExpiry) {
      table.table.forEach((item) => {
        const expireMs = table.expiryOf(item);
        if (expireMs !== 0 && expireMs < earliest) earliest = expireMs;
      });
      out.u64(earliest);
    }
    out.length(table.size);
    table.table.forEach((item) => {
      table.locateAll(item, this.#field);
      const { expireMs } = this.#field;
      if (hasExpiry) out.length(expireMs === 0 ? 0 : expireMs - earliest + 1);
      this.#writeField(out);
    });
  }
}
