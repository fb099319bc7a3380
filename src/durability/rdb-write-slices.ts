/**
 * Values in slices: the same bytes as ValueWriter writes, as a generator that stops after every few
 * elements or kilobytes, for values that would take too long in one piece.
 *
 * Nothing may change or move the value until the generator is done; between two steps the shard
 * need not be held.
 */
import { HashField } from '../keyspace/hash-field.ts';
import { HashTable } from '../keyspace/hash-table.ts';
import type { Shard } from '../keyspace/shard.ts';
import type { Ref } from '../memory/arena.ts';
import { Quicklist } from '../structures/quicklist.ts';
import * as rdb from './rdb-format.ts';
import type { RdbOutput } from './rdb-output.ts';
import { StreamWriter } from './rdb-write-stream.ts';
import type { ValueWriter } from './rdb-write-value.ts';

/** Longer strings are written in pieces, and not compressed. */
export const STRING_PIECE_MAX = 1 << 19;
const PIECE_BYTES = 1 << 16;
/** Members of a sorted set between two stops. */
const MEMBERS_PER_STEP = 32;

/** The string buf[from, to). */
function* writeString(
  out: RdbOutput,
  buf: Uint8Array,
  from: number,
  to: number,
): Generator<undefined, void> {
  if (to - from <= STRING_PIECE_MAX) {
    out.string(buf, from, to);
    return;
  }
  out.length(to - from);
  for (let at = from; at < to; at += PIECE_BYTES) {
    out.sink.rawRange(buf, at, Math.min(to, at + PIECE_BYTES));
    yield undefined;
  }
}

function* writeList(
  out: RdbOutput,
  shard: Shard,
  ref: Ref,
  writer: ValueWriter,
): Generator<undefined, void> {
  const list = new Quicklist(shard.arena);
  list.attach(shard.rootOf(ref) * 2, shard.limits.listMaxListpackSize);
  out.length(list.nodeCount);
  for (let node = list.first; node !== 0; node = list.nextNode(node)) {
    const from = list.packStart(node);
    const to = list.packEnd(node);
    if (list.elementsOf(node) === 1 && to - from > STRING_PIECE_MAX) {
      const { pack } = list;
      pack.read(pack.first(from));
      out.length(rdb.NODE_PLAIN);
      yield* writeString(out, pack.buf, pack.from, pack.to);
    } else {
      writer.writeNode(out, from, to, list.elementsOf(node));
    }
    yield undefined;
  }
}

function* writeSet(out: RdbOutput, shard: Shard, ref: Ref): Generator<undefined, void> {
  const units = shard.sets.unitCount(ref);
  const places: number[] = [];
  out.length(shard.sets.size(ref));
  for (let unit = 0; unit < units; unit++) {
    places.length = 0;
    shard.sets.forUnits(ref, unit, unit + 1, (_buf, from, to) => places.push(from, to));
    for (let i = 0; i < places.length; i += 2) {
      yield* writeString(out, shard.u8, places[i]!, places[i + 1]!);
    }
    yield undefined;
  }
}

function* writeZset(out: RdbOutput, shard: Shard, ref: Ref): Generator<undefined, void> {
  const size = shard.zsets.size(ref);
  const places: number[] = [];
  out.length(size);
  for (let rank = 0; rank < size; rank += MEMBERS_PER_STEP) {
    places.length = 0;
    shard.zsets.forRange(ref, rank, MEMBERS_PER_STEP, false, (_buf, from, to, score) =>
      places.push(from, to, score),
    );
    for (let i = 0; i < places.length; i += 3) {
      yield* writeString(out, shard.u8, places[i]!, places[i + 1]!);
      out.double(places[i + 2]!);
    }
    yield undefined;
  }
}

/** Fields of a hash: the last index of its table's units, and what `expireMs` counts from. */
function* writeHash(
  out: RdbOutput,
  shard: Shard,
  ref: Ref,
  hasExpiry: boolean,
): Generator<undefined, void> {
  const table = new HashTable(shard).attach(shard.rootOf(ref));
  const units = table.table.dict.unitCount;
  let earliest = Number.POSITIVE_INFINITY;
  if (hasExpiry) {
    for (let unit = 0; unit < units; unit++) {
      table.table.forUnits(unit, unit + 1, (item) => {
        const expireMs = table.expiryOf(item);
        if (expireMs !== 0 && expireMs < earliest) earliest = expireMs;
      });
      yield undefined;
    }
    out.u64(earliest);
  }
  out.length(table.size);
  const field = new HashField(shard.u8);
  const items: Ref[] = [];
  for (let unit = 0; unit < units; unit++) {
    items.length = 0;
    table.table.forUnits(unit, unit + 1, (item) => items.push(item));
    for (const item of items) {
      table.locateAll(item, field);
      const { nameBuf, nameFrom, nameTo, buf, from, to, expireMs } = field;
      if (hasExpiry) out.length(expireMs === 0 ? 0 : expireMs - earliest + 1);
      yield* writeString(out, nameBuf, nameFrom, nameTo);
      yield* writeString(out, buf, from, to);
    }
    yield undefined;
  }
}

/** The value of an entry as RDB `type`, which `writer.typeOf` said. */
export function writeSlices(
  out: RdbOutput,
  shard: Shard,
  ref: Ref,
  type: number,
  writer: ValueWriter,
): Generator<undefined, void> {
  if (!shard.isRooted(ref)) return writeBytes(out, shard, ref, type, writer);
  switch (type) {
    case rdb.RDB_LIST_QUICKLIST:
      return writeList(out, shard, ref, writer);
    case rdb.RDB_SET:
      return writeSet(out, shard, ref);
    case rdb.RDB_ZSET:
      return writeZset(out, shard, ref);
    case rdb.RDB_STREAM_2:
    case rdb.RDB_STREAM_4:
    case rdb.RDB_STREAM_5:
      return new StreamWriter(shard).slices(out, ref, type);
    default:
      return writeHash(out, shard, ref, type === rdb.RDB_HASH_EXPIRY);
  }
}

/** A string, or a small collection, which goes in one piece. */
function* writeBytes(
  out: RdbOutput,
  shard: Shard,
  ref: Ref,
  type: number,
  writer: ValueWriter,
): Generator<undefined, void> {
  if (type === rdb.RDB_STRING || type === rdb.RDB_SET_INTSET) {
    const from = shard.valueOffset(ref);
    yield* writeString(out, shard.u8, from, from + shard.valueLength(ref));
    return;
  }
  writer.write(out, ref, type);
  yield undefined;
}
