/** Everything that a stream has, as plain values, for comparisons. */
import { TYPE_STREAM } from '../../src/keyspace/entry.ts';
import type { Shard } from '../../src/keyspace/shard.ts';
import type { ByteRange } from '../../src/keyspace/stream-idmp.ts';
import { StreamValues } from '../../src/keyspace/stream-value.ts';
import type { Ref } from '../../src/memory/arena.ts';
import type { NameTable } from '../../src/structures/name-table.ts';
import { StreamId } from '../../src/structures/stream-id.ts';
import type { LocalRunner } from './local-runner.ts';

/** What is compared beside entries and pending ones. */
export interface FactOptions {
  /** When consumers were seen last. */
  readonly seen: boolean;
  /** When consumers were active last, which snapshots for Redis 7.0 do not hold. */
  readonly active: boolean;
}

const ALL: FactOptions = { seen: true, active: true };

function nameOf(shard: Shard, table: NameTable, ref: Ref): string {
  const bytes = shard.u8.slice(table.nameFrom(ref), table.nameEnd(ref));
  return Buffer.from(bytes).toString('latin1');
}

function entriesOf(streams: StreamValues): string[][] {
  const { reader, stream } = streams;
  const { pack } = reader;
  const text = (): string => Buffer.from(pack.buf.slice(pack.from, pack.to)).toString('latin1');
  const entries: string[][] = [];
  reader.open(stream).range(new StreamId(), new StreamId().setMax(), false);
  while (reader.next()) {
    const entry = [reader.id.toString()];
    for (let i = 0; i < reader.fields; i++) {
      reader.field();
      entry.push(text());
      reader.value();
      entry.push(text());
    }
    entries.push(entry);
  }
  return entries;
}

function groupOf(shard: Shard, streams: StreamValues, group: Ref, options: FactOptions): unknown {
  const { groups } = streams;
  const id = new StreamId();
  const consumers = groups.consumersOf(group);
  const shown: unknown[] = [];
  for (let i = 0; i < consumers.size; i++) {
    const consumer = consumers.at(i);
    shown.push([
      nameOf(shard, consumers, consumer),
      options.seen ? groups.seen(consumer) : 0,
      options.active ? groups.active(consumer) : 0,
    ]);
  }
  const pending = groups.pendingOf(group);
  const entries: unknown[] = [];
  for (let goesOn = pending.seekFirst(); goesOn; goesOn = pending.next()) {
    const { at } = pending;
    const owner = groups.ownerAt(at);
    entries.push([
      id.load(shard.u32, at).toString(),
      groups.timeAt(at),
      groups.deliveriesAt(at),
      owner === 0 ? null : nameOf(shard, consumers, owner),
    ]);
  }
  return {
    name: nameOf(shard, groups.table, group),
    last: groups.lastId(group, id).toString(),
    read: groups.read(group),
    consumers: shown,
    pending: entries,
  };
}

/** Settings of idempotent producers, and what they have added; null where there is nothing. */
function producersOf({ producers }: StreamValues): unknown {
  if (!producers.isThere) return null;
  const text = ({ buf, from, to }: ByteRange): string =>
    Buffer.from(buf.slice(from, to)).toString('latin1');
  const iids: string[] = [];
  for (const { pid, iid, id } of producers.all()) iids.push(`${text(pid)} ${text(iid)} ${id}`);
  return { seconds: producers.durationSeconds, maxsize: producers.maxsize, iids };
}

/** Everything of the stream of an entry. */
export function streamFacts(shard: Shard, ref: Ref, options: FactOptions = ALL): unknown {
  const streams = new StreamValues(shard).read(ref);
  const { stream, groups } = streams;
  const id = new StreamId();
  const shown: unknown[] = [];
  for (let i = 0; i < groups.size; i++) {
    shown.push(groupOf(shard, streams, groups.table.at(i), options));
  }
  return {
    length: stream.length,
    last: stream.lastId(id).toString(),
    first: stream.firstId(id).toString(),
    deleted: stream.maxDeletedId(id).toString(),
    added: stream.entriesAdded,
    entries: entriesOf(streams),
    producers: producersOf(streams),
    groups: shown,
  };
}

/** All streams of a runner by database and key, in order. */
export function allStreams(runner: LocalRunner, options: FactOptions = ALL): string[] {
  const lines: string[] = [];
  for (const shard of runner.shards) {
    for (let db = 0; db < shard.databases; db++) {
      const dict = shard.dict(db);
      for (let unit = 0; unit < dict.unitCount; unit++) {
        dict.visitUnit(unit, (ref) => {
          if (shard.typeOf(ref) !== TYPE_STREAM) return;
          const at = shard.keyOffset(ref);
          const key = Buffer.from(shard.u8.slice(at, at + shard.keyLength(ref))).toString('latin1');
          lines.push(`${db} ${key} ${JSON.stringify(streamFacts(shard, ref, options))}`);
        });
      }
    }
  }
  return lines.sort();
}
