/**
 * Values as commands: what the base of an append-only file consists of where it shall not be an
 * RDB file.
 *
 * LAYOUT of one entry, each line a RESP array
 *   string   SET key value
 *   list     RPUSH key element ...      set    SADD key member ...
 *   hash     HMSET key field value ...  zset   ZADD key score member ...
 *     as often as there are batches: of 64 elements, or fewer where they are long
 *   stream   stream-commands.ts
 *   fields   HPEXPIREAT key unix-ms FIELDS 1 field, for each that expires
 *   TTL      PEXPIREAT key unix-ms
 *
 * What has expired and is not freed yet is written, too: the log that follows says when it went.
 */
import { asciiBytes } from '../base/bytes.ts';
import { formatDouble } from '../base/number-text.ts';
import * as entry from '../keyspace/entry.ts';
import { FIELD_NO_TTL, HashField } from '../keyspace/hash-field.ts';
import { HashPack } from '../keyspace/hash-pack.ts';
import { HashTable } from '../keyspace/hash-table.ts';
import { NO_TTL, type Shard } from '../keyspace/shard.ts';
import type { Ref } from '../memory/arena.ts';
import { Quicklist } from '../structures/quicklist.ts';
import { type ByteSink, MemorySink } from './byte-sink.ts';
import { argument, begin, integer, isLong, longArgument, word } from './command-lines.ts';
import { streamSteps } from './stream-commands.ts';

const SET = asciiBytes('SET');
const RPUSH = asciiBytes('RPUSH');
const SADD = asciiBytes('SADD');
const ZADD = asciiBytes('ZADD');
const HMSET = asciiBytes('HMSET');
const XADD = asciiBytes('XADD');
const HPEXPIREAT = asciiBytes('HPEXPIREAT');
const PEXPIREAT = asciiBytes('PEXPIREAT');
const FIELDS = asciiBytes('FIELDS');
const SELECT = asciiBytes('SELECT');

/** Elements, or pairs, of one command. */
const BATCH_ITEMS = 64;
const BATCH_BYTES = 1 << 16;
/** Members of a sorted set between two stops. */
const MEMBERS_PER_STEP = 64;

/** SELECT: what follows is in database `db`. */
export function writeSelect(sink: ByteSink, db: number): void {
  begin(sink, SELECT, 2);
  integer(sink, db);
}

/** One entry on its way: its key, and the elements that no command has yet. */
class EntryCommands {
  readonly shard: Shard;
  readonly sink: ByteSink;
  readonly #ref: Ref;
  readonly #verb: Uint8Array;
  readonly #batch = new MemorySink();
  #items = 0;
  #arguments = 0;

  constructor(sink: ByteSink, shard: Shard, ref: Ref, verb: Uint8Array) {
    this.sink = sink;
    this.shard = shard;
    this.#ref = ref;
    this.#verb = verb;
  }

  begin(verb: Uint8Array, count: number): void {
    const { shard } = this;
    const at = shard.keyOffset(this.#ref);
    begin(this.sink, verb, count);
    argument(this.sink, shard.u8, at, at + shard.keyLength(this.#ref));
  }

  /** One argument of the item that is being added. */
  add(buf: Uint8Array, from: number, to: number): void {
    argument(this.#batch, buf, from, to);
    this.#arguments += 1;
  }

  addScore(score: number): void {
    const text = asciiBytes(formatDouble(score));
    this.add(text, 0, text.length);
  }

  /** The item is complete. */
  endItem(): void {
    this.#items += 1;
    if (this.#items === BATCH_ITEMS || this.#batch.length >= BATCH_BYTES) this.flush();
  }

  /** Writes what has been added as a command. */
  flush(): void {
    if (this.#items === 0) return;
    const batch = this.#batch;
    this.begin(this.#verb, 2 + this.#arguments);
    this.sink.rawRange(batch.buf, 0, batch.length);
    this.#items = 0;
    this.#arguments = 0;
    batch.length = 0;
  }

  /** A string that may be long, as an argument of a command that was begun. */
  long(buf: Uint8Array, from: number, to: number): Generator<undefined, void> {
    return longArgument(this.sink, buf, from, to);
  }

  /** A command of one item: `before` and the bytes shard.u8[from, to). */
  *longItem(score: number, from: number, to: number): Generator<undefined, void> {
    const hasScore = !Number.isNaN(score);
    this.flush();
    this.begin(this.#verb, hasScore ? 4 : 3);
    if (hasScore) word(this.sink, asciiBytes(formatDouble(score)));
    yield* this.long(this.shard.u8, from, to);
  }

  /** A command of one pair, one of which is long. */
  *longPair(field: HashField): Generator<undefined, void> {
    this.flush();
    this.begin(this.#verb, 4);
    yield* this.long(field.nameBuf, field.nameFrom, field.nameTo);
    yield* this.long(field.buf, field.from, field.to);
  }

  /** HPEXPIREAT of a field. */
  *expireField(field: HashField): Generator<undefined, void> {
    this.begin(HPEXPIREAT, 6);
    integer(this.sink, field.expireMs);
    word(this.sink, FIELDS);
    integer(this.sink, 1);
    yield* this.long(field.nameBuf, field.nameFrom, field.nameTo);
  }

  /** PEXPIREAT, where the key has a TTL. */
  expire(): void {
    const expireMs = this.shard.expireMs(this.#ref);
    if (expireMs === NO_TTL) return;
    this.begin(PEXPIREAT, 3);
    integer(this.sink, expireMs);
  }
}

function* stringSteps(out: EntryCommands, ref: Ref): Generator<undefined, void> {
  const { shard } = out;
  const from = shard.valueOffset(ref);
  out.begin(SET, 3);
  yield* out.long(shard.u8, from, from + shard.valueLength(ref));
}

function* listSteps(out: EntryCommands, ref: Ref): Generator<undefined, void> {
  const { shard } = out;
  if (!shard.isRooted(ref)) {
    shard.lists.walk(ref, 0, false, (buf, from, to) => {
      out.add(buf, from, to);
      out.endItem();
      return true;
    });
    return;
  }
  const list = new Quicklist(shard.arena);
  list.attach(shard.rootOf(ref) * 2, shard.limits.listMaxListpackSize);
  const { pack } = list;
  for (let node = list.first; node !== 0; node = list.nextNode(node)) {
    const end = list.packEnd(node);
    for (let at = pack.first(list.packStart(node)); at < end; at = pack.next(at)) {
      pack.read(at);
      if (isLong(pack.from, pack.to)) {
        yield* out.longItem(Number.NaN, pack.from, pack.to);
        continue;
      }
      out.add(pack.buf, pack.from, pack.to);
      out.endItem();
    }
    yield undefined;
  }
}

/** Members that are long come behind the others of their step: a set has no order. */
function* setSteps(out: EntryCommands, ref: Ref): Generator<undefined, void> {
  const { shard } = out;
  const long: number[] = [];
  const visit = (buf: Uint8Array, from: number, to: number): void => {
    if (isLong(from, to)) {
      long.push(from, to);
      return;
    }
    out.add(buf, from, to);
    out.endItem();
  };
  if (!shard.isRooted(ref)) {
    shard.sets.forEach(ref, visit);
    return;
  }
  const units = shard.sets.unitCount(ref);
  for (let unit = 0; unit < units; unit++) {
    long.length = 0;
    shard.sets.forUnits(ref, unit, unit + 1, visit);
    for (let i = 0; i < long.length; i += 2) {
      yield* out.longItem(Number.NaN, long[i]!, long[i + 1]!);
    }
    yield undefined;
  }
}

function* zsetSteps(out: EntryCommands, ref: Ref): Generator<undefined, void> {
  const { zsets } = out.shard;
  const size = zsets.size(ref);
  const long: number[] = [];
  for (let rank = 0; rank < size; rank += MEMBERS_PER_STEP) {
    long.length = 0;
    const count = Math.min(MEMBERS_PER_STEP, size - rank);
    zsets.forRange(ref, rank, count, false, (buf, from, to, score) => {
      if (isLong(from, to)) {
        long.push(score, from, to);
        return;
      }
      out.addScore(score);
      out.add(buf, from, to);
      out.endItem();
    });
    for (let i = 0; i < long.length; i += 3) {
      yield* out.longItem(long[i]!, long[i + 1]!, long[i + 2]!);
    }
    yield undefined;
  }
}

function* fieldSteps(out: EntryCommands, field: HashField): Generator<undefined, void> {
  if (isLong(field.nameFrom, field.nameTo) || isLong(field.from, field.to)) {
    yield* out.longPair(field);
    return;
  }
  out.add(field.nameBuf, field.nameFrom, field.nameTo);
  out.add(field.buf, field.from, field.to);
  out.endItem();
}

type FieldStep = (out: EntryCommands, field: HashField) => Generator<undefined, void>;

/** Calls `step` for every field of a hash. */
function* forFields(
  out: EntryCommands,
  ref: Ref,
  field: HashField,
  step: FieldStep,
): Generator<undefined, void> {
  const { shard } = out;
  if (!shard.isRooted(ref)) {
    const pack = new HashPack(shard).enter(ref);
    for (let at = pack.first; at < pack.end; ) {
      at = pack.locateAll(at, field);
      yield* step(out, field);
    }
    return;
  }
  const table = new HashTable(shard).attach(shard.rootOf(ref));
  const units = table.table.dict.unitCount;
  const items: Ref[] = [];
  for (let unit = 0; unit < units; unit++) {
    items.length = 0;
    table.table.forUnits(unit, unit + 1, (item) => items.push(item));
    for (const item of items) {
      table.locateAll(item, field);
      yield* step(out, field);
    }
    yield undefined;
  }
}

function* expirySteps(out: EntryCommands, field: HashField): Generator<undefined, void> {
  if (field.expireMs !== FIELD_NO_TTL) yield* out.expireField(field);
}

function* hashSteps(out: EntryCommands, ref: Ref): Generator<undefined, void> {
  const field = new HashField(out.shard.u8);
  yield* forFields(out, ref, field, fieldSteps);
  out.flush();
  if (out.shard.hasFieldExpires(ref)) yield* forFields(out, ref, field, expirySteps);
}

const VERBS: ReadonlyMap<number, Uint8Array> = new Map([
  [entry.TYPE_STRING, SET],
  [entry.TYPE_LIST, RPUSH],
  [entry.TYPE_SET, SADD],
  [entry.TYPE_ZSET, ZADD],
  [entry.TYPE_HASH, HMSET],
  [entry.TYPE_STREAM, XADD],
]);
const STEPS: ReadonlyMap<number, (out: EntryCommands, ref: Ref) => Generator<undefined, void>> =
  new Map([
    [entry.TYPE_STRING, stringSteps],
    [entry.TYPE_LIST, listSteps],
    [entry.TYPE_SET, setSteps],
    [entry.TYPE_ZSET, zsetSteps],
    [entry.TYPE_HASH, hashSteps],
    [entry.TYPE_STREAM, (out, ref) => streamSteps(out.sink, out.shard, ref)],
  ]);

/**
 * The commands that make the entry `ref` of its database, step by step: of a few elements or
 * kilobytes each, as `writeSlices` (rdb-write-slices.ts) does it. Nothing may change or move the
 * value until the generator is done; between two steps the shard need not be held, and `sink` may
 * be emptied.
 */
export function* commandSlices(sink: ByteSink, shard: Shard, ref: Ref): Generator<undefined, void> {
  const type = shard.typeOf(ref);
  const verb = VERBS.get(type);
  const steps = STEPS.get(type);
  if (verb === undefined || steps === undefined) {
    throw new Error('value commands: a type that cannot be written');
  }
  const out = new EntryCommands(sink, shard, ref, verb);
  yield* steps(out, ref);
  out.flush();
  out.expire();
}

/** The same in one piece. O(value). */
export function writeCommands(sink: ByteSink, shard: Shard, ref: Ref): void {
  const steps = commandSlices(sink, shard, ref);
  while (steps.next().done !== true);
}
