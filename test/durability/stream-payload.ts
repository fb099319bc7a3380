/** Streams of the RDB format written by hand: LAYOUT in src/durability/rdb-write-stream.ts. */
import { bytesOf, element, length, listpack, little, string, text } from './payload.ts';

export type Id = readonly [number, number];

export const idOf = (ms: number, seq: number): Id => [ms, seq];

/** The 16 bytes of an ID, most significant first. */
export function rawOf(ms: number, seq: number): Buffer {
  const out = Buffer.alloc(16);
  out.writeBigUInt64BE(BigInt(ms), 0);
  out.writeBigUInt64BE(BigInt(seq), 8);
  return out;
}

const lengths = (...id: readonly number[]): Buffer => bytesOf(...id.map(length));

/** An integer element of a listpack. */
export function number(n: number): Buffer {
  if (n >= 0 && n < 128) return element([n]);
  const bits = n & 0x1fff;
  return element([0xc0 | (bits >> 8), bits & 0xff]);
}

/** Flags, ms and sequence beyond the node's ID, value of the field `a`. */
export type NodeEntry = readonly [number, number, number, string];

/** A node of entries with the one field `a`: its ID, and it. */
export function nodeOf(
  [ms, seq]: Id,
  entries: readonly NodeEntry[],
  live = entries.length,
  deleted = 0,
): Buffer {
  const master = [number(live), number(deleted), number(1), text('a'), number(0)];
  const all = entries.flatMap(([flags, msMore, seqMore, value]) => [
    ...[number(flags | 2), number(msMore), number(seqMore), text(value), number(4)],
  ]);
  return bytesOf(string(rawOf(ms, seq)), string(listpack([...master, ...all])));
}

/** 1-1 a b, 5-0 a c: the sequence of the second is one less. */
export const TWO_ENTRIES = nodeOf(idOf(1, 1), [
  [0, 0, 0, 'b'],
  [0, 4, -1, 'c'],
]);

/** Entries, last ID, first ID, greatest deleted ID, entries added. */
export function factsOf(
  entries: number,
  last: Id,
  first: Id,
  deleted: Id = [0, 0],
  added = 2,
): (type: number) => Buffer {
  return (type) =>
    bytesOf(lengths(entries, ...last), type === 15 ? [] : lengths(...first, ...deleted, added));
}

/** A consumer `c`, seen at 1000 ms, with these pending entries. */
export function consumerOf(type: number, owned: readonly Buffer[], name = 'c'): Buffer {
  const active = type >= 21 ? little(1000, 8) : [];
  return bytesOf(string(name), little(1000, 8), active, length(owned.length), ...owned);
}

export interface GroupParts {
  readonly name?: string;
  /** Entries read, 2 where it is not said. */
  readonly read?: number;
  readonly pending?: readonly Buffer[];
  readonly owned?: readonly Buffer[];
  readonly consumers?: readonly Buffer[];
  readonly released?: readonly Buffer[];
}

/** A group `g` that has read both entries; 1-1 and 5-0 are pending for the consumer `c`. */
export function groupOf(type: number, parts: GroupParts): Buffer {
  const pending = parts.pending ?? [rawOf(1, 1), rawOf(5, 0)];
  const consumers = parts.consumers ?? [consumerOf(type, parts.owned ?? pending)];
  const released = parts.released ?? [];
  return bytesOf(
    string(parts.name ?? 'g'),
    lengths(5, 0),
    type === 15 ? [] : length(parts.read ?? 2),
    length(pending.length),
    ...pending.map((id) => bytesOf(id, little(1234, 8), length(1))),
    length(consumers.length),
    ...consumers,
    ...(type >= 27 ? [length(released.length), ...released] : []),
  );
}

/** A producer and its iids. */
export function producerOf(pid: string, iids: readonly (readonly [string, Id])[]): Buffer {
  const all = iids.map(([iid, id]) => bytesOf(string(iid), lengths(...id)));
  return bytesOf(string(pid), length(iids.length), ...all);
}

/** What stands behind the groups from type 26 on. */
export function producersOf(
  duration: number,
  maxsize: number,
  producers: readonly Buffer[],
  added: number,
  duplicates: number,
): Buffer {
  return bytesOf(
    lengths(duration, maxsize, producers.length),
    ...producers,
    lengths(added, duplicates),
  );
}

export interface StreamParts {
  readonly nodes?: readonly Buffer[];
  readonly facts?: (type: number) => Buffer;
  readonly groups?: readonly Buffer[];
  /** What stands behind the groups from type 26 on. */
  readonly producers?: Buffer;
}

/** A stream with both entries. */
export function streamOf(type: number, parts: StreamParts): Buffer {
  const nodes = parts.nodes ?? [TWO_ENTRIES];
  const facts = parts.facts ?? factsOf(2, [5, 0], [1, 1]);
  const groups = parts.groups ?? [];
  const producers = parts.producers ?? lengths(100, 100, 0, 0, 0);
  return bytesOf(
    length(nodes.length),
    ...nodes,
    facts(type),
    length(groups.length),
    ...groups,
    type >= 26 ? producers : [],
  );
}
