/**
 * Entries as the commands that make them, for the base of an append-only file without an RDB part:
 * a generator that stops after every few elements, as rdb-write-slices.ts.
 *
 * LAYOUT of an entry: SET, or RPUSH, SADD, ZADD, HMSET with up to ELEMENTS_MAX elements each, then
 * HPEXPIREAT for fields and PEXPIREAT for the key, as RESP arrays.
 */
import { formatDouble } from '../base/number-text.ts';
import * as entry from '../keyspace/entry.ts';
import { HashField } from '../keyspace/hash-field.ts';
import { HashPack } from '../keyspace/hash-pack.ts';
import { HashTable } from '../keyspace/hash-table.ts';
import { NO_TTL, type Shard } from '../keyspace/shard.ts';
import type { Ref } from '../memory/arena.ts';
import { Listpack } from '../structures/listpack.ts';
import { Quicklist } from '../structures/quicklist.ts';
import type { ByteSink } from './byte-sink.ts';

/** Elements of one command, as in Redis. */
const ELEMENTS_MAX = 64;
const PIECE_BYTES = 1 << 16;

type Slices = Generator<undefined, void>;

function raw(sink: ByteSink, text: string): void {
  const bytes = Buffer.from(text, 'latin1');
  sink.rawRange(bytes, 0, bytes.length);
}

/** One argument. */
function bulk(sink: ByteSink, buf: Uint8Array, from: number, to: number): void {
  raw(sink, `$${to - from}\r\n`);
  sink.rawRange(buf, from, to);
  raw(sink, '\r\n');
}

function text(sink: ByteSink, word: string): void {
  raw(sink, `$${word.length}\r\n${word}\r\n`);
}

/** The same for an argument that may be very long. */
function* longBulk(sink: ByteSink, buf: Uint8Array, from: number, to: number): Slices {
  raw(sink, `$${to - from}\r\n`);
  for (let at = from; at < to; at += PIECE_BYTES) {
    sink.rawRange(buf, at, Math.min(to, at + PIECE_BYTES));
    if (to - from > PIECE_BYTES) yield undefined;
  }
  raw(sink, '\r\n');
}

/** `SELECT db` as bytes. */
export function selectCommand(db: number): Uint8Array {
  const digits = String(db);
  return Buffer.from(`*2\r\n$6\r\nSELECT\r\n$${digits.length}\r\n${digits}\r\n`, 'latin1');
}

/** Commands of one key, begun anew after every ELEMENTS_MAX elements. */
class ElementCommands {
  readonly #sink: ByteSink;
  readonly #shard: Shard;
  readonly #ref: Ref;
  readonly #name: string;
  readonly #wordsEach: number;
  #left: number;
  #open = 0;

  /** `elements` follow, of `wordsEach` arguments each. */
  constructor(
    sink: ByteSink,
    shard: Shard,
    ref: Ref,
    name: string,
    elements: number,
    wordsEach: number,
  ) {
    this.#sink = sink;
    this.#shard = shard;
    this.#ref = ref;
    this.#name = name;
    this.#left = elements;
    this.#wordsEach = wordsEach;
  }

  /** Called before each element. */
  next(): void {
    if (this.#open === 0) {
      this.#open = Math.min(this.#left, ELEMENTS_MAX);
      raw(this.#sink, `*${2 + this.#open * this.#wordsEach}\r\n`);
      text(this.#sink, this.#name);
      keyBulk(this.#sink, this.#shard, this.#ref);
    }
    this.#open -= 1;
    this.#left -= 1;
  }
}

function keyBulk(sink: ByteSink, shard: Shard, ref: Ref): void {
  const at = shard.keyOffset(ref);
  bulk(sink, shard.u8, at, at + shard.keyLength(ref));
}

function* stringCommands(sink: ByteSink, shard: Shard, ref: Ref): Slices {
  raw(sink, '*3\r\n');
  text(sink, 'SET');
  keyBulk(sink, shard, ref);
  const from = shard.valueOffset(ref);
  yield* longBulk(sink, shard.u8, from, from + shard.valueLength(ref));
}

function* listCommands(sink: ByteSink, shard: Shard, ref: Ref): Slices {
  const commands = new ElementCommands(sink, shard, ref, 'RPUSH', shard.lists.size(ref), 1);
  const pack = new Listpack(shard.u8);
  function* elements(from: number, to: number): Slices {
    for (let at = pack.first(from); at < to; at = pack.next(at)) {
      commands.next();
      pack.read(at);
      yield* longBulk(sink, pack.buf, pack.from, pack.to);
    }
    yield undefined;
  }
  if (!shard.isRooted(ref)) {
    const from = shard.valueOffset(ref);
    yield* elements(from, from + shard.valueLength(ref));
    return;
  }
  const list = new Quicklist(shard.arena);
  list.attach(shard.rootOf(ref) * 2, shard.limits.listMaxListpackSize);
  for (let node = list.first; node !== 0; node = list.nextNode(node)) {
    yield* elements(list.packStart(node), list.packEnd(node));
  }
}

function* setCommands(sink: ByteSink, shard: Shard, ref: Ref): Slices {
  const commands = new ElementCommands(sink, shard, ref, 'SADD', shard.sets.size(ref), 1);
  const units = shard.sets.unitCount(ref);
  for (let unit = 0; unit < units; unit++) {
    shard.sets.forUnits(ref, unit, unit + 1, (buf, from, to) => {
      commands.next();
      bulk(sink, buf, from, to);
    });
    yield undefined;
  }
}

function* zsetCommands(sink: ByteSink, shard: Shard, ref: Ref): Slices {
  const size = shard.zsets.size(ref);
  const commands = new ElementCommands(sink, shard, ref, 'ZADD', size, 2);
  for (let rank = 0; rank < size; rank += ELEMENTS_MAX) {
    shard.zsets.forRange(ref, rank, ELEMENTS_MAX, false, (buf, from, to, score) => {
      commands.next();
      text(sink, formatDouble(score));
      bulk(sink, buf, from, to);
    });
    yield undefined;
  }
}

function hashField(sink: ByteSink, commands: ElementCommands, field: HashField): void {
  commands.next();
  bulk(sink, field.nameBuf, field.nameFrom, field.nameTo);
  bulk(sink, field.buf, field.from, field.to);
}

function fieldExpiry(sink: ByteSink, shard: Shard, ref: Ref, field: HashField): void {
  if (field.expireMs === 0) return;
  raw(sink, '*6\r\n');
  text(sink, 'HPEXPIREAT');
  keyBulk(sink, shard, ref);
  for (const word of [String(field.expireMs), 'FIELDS', '1']) text(sink, word);
  bulk(sink, field.nameBuf, field.nameFrom, field.nameTo);
}

/** Calls `visit` for all fields, with a stop now and then. */
function* fields(shard: Shard, ref: Ref, visit: (field: HashField) => void): Slices {
  const field = new HashField(shard.u8);
  if (!shard.isRooted(ref)) {
    const pack = new HashPack(shard).enter(ref);
    for (let at = pack.first; at < pack.end; ) {
      at = pack.locateAll(at, field);
      visit(field);
    }
    return;
  }
  const table = new HashTable(shard).attach(shard.rootOf(ref));
  const units = table.table.dict.unitCount;
  for (let unit = 0; unit < units; unit++) {
    table.table.forUnits(unit, unit + 1, (item) => {
      table.locateAll(item, field);
      visit(field);
    });
    yield undefined;
  }
}

function* hashCommands(sink: ByteSink, shard: Shard, ref: Ref): Slices {
  const commands = new ElementCommands(sink, shard, ref, 'HMSET', shard.hashes.size(ref), 2);
  yield* fields(shard, ref, (field) => hashField(sink, commands, field));
  if (!shard.hasFieldExpires(ref)) return;
  yield* fields(shard, ref, (field) => fieldExpiry(sink, shard, ref, field));
}

function valueCommands(sink: ByteSink, shard: Shard, ref: Ref): Slices {
  switch (shard.typeOf(ref)) {
    case entry.TYPE_STRING:
      return stringCommands(sink, shard, ref);
    case entry.TYPE_LIST:
      return listCommands(sink, shard, ref);
    case entry.TYPE_SET:
      return setCommands(sink, shard, ref);
    case entry.TYPE_ZSET:
      return zsetCommands(sink, shard, ref);
    case entry.TYPE_HASH:
      return hashCommands(sink, shard, ref);
    default:
      throw new Error('append-only file: a type that cannot be written');
  }
}

/** One key with its value. Nothing may change it until the generator is done. */
export function* commandSlices(sink: ByteSink, shard: Shard, ref: Ref): Slices {
  yield* valueCommands(sink, shard, ref);
  const expireMs = shard.expireMs(ref);
  if (expireMs === NO_TTL) return;
  raw(sink, '*3\r\n');
  text(sink, 'PEXPIREAT');
  keyBulk(sink, shard, ref);
  text(sink, String(expireMs));
}
