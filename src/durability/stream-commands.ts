/**
 * Streams as commands, for value-commands.ts.
 *
 * LAYOUT, each line a RESP array
 *   XADD key id field value ...          for every entry; XADD key MAXLEN 0 id x y where there is
 *                                        none, which leaves an empty stream
 *   XSETID key id ENTRIESADDED n MAXDELETEDID id
 *   for every group:
 *     XGROUP CREATE key group id ENTRIESREAD n
 *     XGROUP CREATECONSUMER key group consumer           for every consumer
 *     XCLAIM key group consumer 0 id TIME ms RETRYCOUNT n JUSTID FORCE    for what is pending, or
 *     XNACK key group SILENT IDS 1 id RETRYCOUNT n FORCE                  for what nobody has
 *   XCFGSET key IDMP-DURATION s IDMP-MAXSIZE n             where it has idempotent producers, and
 *   XIDMPRECORD key pid iid id                             for what they have added
 *
 * As with Redis, entries that are pending although they were deleted from the stream are left out,
 * and consumers count as seen when the commands run. Of what producers have added, entries that
 * were deleted are left out, too; the counters are those of what is there.
 */
import { asciiBytes } from '../base/bytes.ts';
import type { Shard } from '../keyspace/shard.ts';
import { DELIVERIES_MAX } from '../keyspace/stream-groups.ts';
import { StreamValues } from '../keyspace/stream-value.ts';
import type { Ref } from '../memory/arena.ts';
import { ID_TEXT_MAX, StreamId } from '../structures/stream-id.ts';
import type { ByteSink } from './byte-sink.ts';
import { argument, begin, integer, isLong, longArgument, word } from './command-lines.ts';

const XADD = asciiBytes('XADD');
const XSETID = asciiBytes('XSETID');
const XGROUP = asciiBytes('XGROUP');
const XCLAIM = asciiBytes('XCLAIM');
const XNACK = asciiBytes('XNACK');
const MAXLEN = asciiBytes('MAXLEN');
const ENTRIESADDED = asciiBytes('ENTRIESADDED');
const MAXDELETEDID = asciiBytes('MAXDELETEDID');
const CREATE = asciiBytes('CREATE');
const CREATECONSUMER = asciiBytes('CREATECONSUMER');
const ENTRIESREAD = asciiBytes('ENTRIESREAD');
const TIME = asciiBytes('TIME');
const RETRYCOUNT = asciiBytes('RETRYCOUNT');
const JUSTID = asciiBytes('JUSTID');
const FORCE = asciiBytes('FORCE');
const SILENT = asciiBytes('SILENT');
const FATAL = asciiBytes('FATAL');
const IDS = asciiBytes('IDS');
const XCFGSET = asciiBytes('XCFGSET');
const XIDMPRECORD = asciiBytes('XIDMPRECORD');
const IDMP_DURATION = asciiBytes('IDMP-DURATION');
const IDMP_MAXSIZE = asciiBytes('IDMP-MAXSIZE');
const X = asciiBytes('x');
const Y = asciiBytes('y');
const DELIVERIES_MAX_TEXT = asciiBytes('9223372036854775807');

/** Entries, or pending ones, between two stops. */
const ITEMS_PER_STEP = 32;

/** One stream on its way. */
class StreamCommands {
  readonly #sink: ByteSink;
  readonly #shard: Shard;
  readonly #ref: Ref;
  /** A view of its own: others may open streams between two steps. */
  readonly #streams: StreamValues;
  readonly #id = new StreamId();
  readonly #text = new Uint8Array(ID_TEXT_MAX);
  #items = 0;

  constructor(sink: ByteSink, shard: Shard, ref: Ref) {
    this.#sink = sink;
    this.#shard = shard;
    this.#ref = ref;
    this.#streams = new StreamValues(shard).read(ref);
  }

  *steps(): Generator<undefined, void> {
    yield* this.#entries();
    this.#facts();
    const { table } = this.#streams.groups;
    for (let i = 0; i < table.size; i++) yield* this.#group(table.at(i));
    if (this.#streams.producers.isThere) yield* this.#producers();
  }

  #begin(name: Uint8Array, count: number): void {
    begin(this.#sink, name, count);
    this.#key();
  }

  #key(): void {
    const at = this.#shard.keyOffset(this.#ref);
    argument(this.#sink, this.#shard.u8, at, at + this.#shard.keyLength(this.#ref));
  }

  #addId(id: StreamId): void {
    argument(this.#sink, this.#text, 0, id.format(this.#text, 0));
  }

  /** Whether it is time to stop for a moment. */
  #isStep(): boolean {
    this.#items += 1;
    return this.#items % ITEMS_PER_STEP === 0;
  }

  *#entries(): Generator<undefined, void> {
    const { reader } = this.#streams;
    const { pack } = reader;
    reader.range(new StreamId(), new StreamId().setMax(), false);
    while (reader.next()) {
      this.#begin(XADD, 3 + 2 * reader.fields);
      this.#addId(reader.id);
      for (let i = 0; i < 2 * reader.fields; i++) {
        if (i % 2 === 0) reader.field();
        else reader.value();
        if (isLong(pack.from, pack.to)) {
          yield* longArgument(this.#sink, pack.buf, pack.from, pack.to);
        } else {
          argument(this.#sink, pack.buf, pack.from, pack.to);
        }
      }
      if (this.#isStep()) yield undefined;
    }
  }

  /** Makes the stream where it has no entries, and sets what entries do not say. */
  #facts(): void {
    const { stream } = this.#streams;
    const sink = this.#sink;
    const id = stream.lastId(this.#id);
    if (stream.length === 0) {
      this.#begin(XADD, 7);
      word(sink, MAXLEN);
      integer(sink, 0);
      // No entry may have the ID 0-0.
      if (id.isZero) id.seqLo = 1;
      this.#addId(id);
      word(sink, X);
      word(sink, Y);
    }
    this.#begin(XSETID, 7);
    this.#addId(stream.lastId(id));
    word(sink, ENTRIESADDED);
    integer(sink, stream.entriesAdded);
    word(sink, MAXDELETEDID);
    this.#addId(stream.maxDeletedId(id));
  }

  *#group(group: Ref): Generator<undefined, void> {
    const { groups } = this.#streams;
    const { u8 } = this.#shard;
    const sink = this.#sink;
    const from = groups.table.nameFrom(group);
    const to = groups.table.nameEnd(group);
    begin(sink, XGROUP, 7);
    word(sink, CREATE);
    this.#key();
    argument(sink, u8, from, to);
    this.#addId(groups.lastId(group, this.#id));
    word(sink, ENTRIESREAD);
    integer(sink, groups.read(group));
    const consumers = groups.consumersOf(group);
    for (let i = 0; i < consumers.size; i++) {
      const consumer = consumers.at(i);
      begin(sink, XGROUP, 5);
      word(sink, CREATECONSUMER);
      this.#key();
      argument(sink, u8, from, to);
      argument(sink, u8, consumers.nameFrom(consumer), consumers.nameEnd(consumer));
      if (this.#isStep()) yield undefined;
    }
    const pending = groups.pendingOf(group);
    for (let goesOn = pending.seekFirst(); goesOn; goesOn = pending.next()) {
      this.#pending(group, pending.at);
      if (this.#isStep()) yield undefined;
    }
  }

  *#producers(): Generator<undefined, void> {
    const { producers, reader } = this.#streams;
    const sink = this.#sink;
    this.#begin(XCFGSET, 6);
    word(sink, IDMP_DURATION);
    integer(sink, producers.durationSeconds);
    word(sink, IDMP_MAXSIZE);
    integer(sink, producers.maxsize);
    for (const { pid, iid, id } of producers.all()) {
      if (this.#isStep()) yield undefined;
      if (!reader.find(id)) continue;
      this.#begin(XIDMPRECORD, 5);
      argument(sink, pid.buf, pid.from, pid.to);
      argument(sink, iid.buf, iid.from, iid.to);
      this.#addId(id);
    }
  }

  /** What makes the entry of the record at u32 index `at` pending. */
  #pending(group: Ref, at: number): void {
    const { groups } = this.#streams;
    const { u8, u32 } = this.#shard;
    const sink = this.#sink;
    const owner = groups.ownerAt(at);
    const deliveries = groups.deliveriesAt(at);
    const isFatal = deliveries === DELIVERIES_MAX;
    this.#id.load(u32, at);
    this.#begin(owner === 0 ? XNACK : XCLAIM, owner !== 0 ? 12 : isFatal ? 8 : 10);
    argument(sink, u8, groups.table.nameFrom(group), groups.table.nameEnd(group));
    if (owner === 0) {
      word(sink, isFatal ? FATAL : SILENT);
      word(sink, IDS);
      integer(sink, 1);
      this.#addId(this.#id);
      if (!isFatal) {
        word(sink, RETRYCOUNT);
        integer(sink, deliveries);
      }
      word(sink, FORCE);
      return;
    }
    const { consumers } = groups;
    argument(sink, u8, consumers.nameFrom(owner), consumers.nameEnd(owner));
    integer(sink, 0);
    this.#addId(this.#id);
    word(sink, TIME);
    integer(sink, groups.timeAt(at));
    word(sink, RETRYCOUNT);
    if (isFatal) word(sink, DELIVERIES_MAX_TEXT);
    else integer(sink, deliveries);
    word(sink, JUSTID);
    word(sink, FORCE);
  }
}

/** The commands that make the stream of an entry, step by step; its TTL is not among them. */
export function streamSteps(sink: ByteSink, shard: Shard, ref: Ref): Generator<undefined, void> {
  return new StreamCommands(sink, shard, ref).steps();
}
