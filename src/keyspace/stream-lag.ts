/**
 * How far consumer groups have come: the number of entries that a group has read, and how many it
 * has yet to get, by the rules of Redis: where entries were deleted in between, they are known in
 * some cases only.
 *
 * INVARIANT: a group has read at most as many entries as were ever added. Lags are never negative,
 * and new versions of Redis, which refuse files that say otherwise, load ours.
 */
import type { Ref } from '../memory/arena.ts';
import type { Stream } from '../structures/stream.ts';
import { StreamId } from '../structures/stream-id.ts';
import { READ_UNKNOWN, type StreamGroups } from './stream-groups.ts';

/** `groupLag`: it cannot be told. */
export const LAG_UNKNOWN = Number.NEGATIVE_INFINITY;

const first = new StreamId();
const last = new StreamId();
const deleted = new StreamId();
const delivered = new StreamId();

/** Whether the entry with the greatest ID of all deleted ones was at `start` or behind it. O(1). */
export function hasTombstones(stream: Stream, start: StreamId): boolean {
  if (stream.length === 0) return false;
  stream.maxDeletedId(deleted);
  return !deleted.isZero && start.compare(deleted) <= 0;
}

/**
 * How many entries were ever added up to `id`, which need not be one of them; READ_UNKNOWN where
 * that cannot be told. O(1).
 */
export function entriesUpTo(stream: Stream, id: StreamId): number {
  const added = stream.entriesAdded;
  if (added === 0) return 0;
  const order = id.compare(stream.lastId(last));
  if (stream.length === 0 && order <= 0) return added;
  stream.maxDeletedId(deleted);
  if (!id.isZero && id.compare(deleted) < 0) return READ_UNKNOWN;
  if (order === 0) return added;
  if (order > 0) return READ_UNKNOWN;
  stream.firstId(first);
  if (!deleted.isZero && deleted.compare(first) >= 0) return READ_UNKNOWN;
  const fromFirst = id.compare(first);
  if (fromFirst < 0) return added - stream.length;
  return fromFirst === 0 ? added - stream.length + 1 : READ_UNKNOWN;
}

/**
 * What a group may have as its number of entries read where `read` is asked for, which may be
 * READ_UNKNOWN: at most the entries ever added.
 */
export function readWithin(stream: Stream, read: number): number {
  return Math.min(read, stream.entriesAdded);
}

/** Limits what all groups have read: the count of entries ever added was lowered. O(groups). */
export function limitReads(stream: Stream, groups: StreamGroups): void {
  for (let i = 0; i < groups.size; i++) {
    const group = groups.table.at(i);
    groups.setRead(group, readWithin(stream, groups.read(group)));
  }
}

/** Throws where a group has read more than was ever added. O(groups). */
export function checkReads(stream: Stream, groups: StreamGroups): void {
  for (let i = 0; i < groups.size; i++) {
    const read = groups.read(groups.table.at(i));
    if (read !== readWithin(stream, read)) throw new Error('stream: a group read too much');
  }
}

/**
 * Notes that a group of the open stream gets the entry `id`, whose ID is greater than the last one
 * that it got. O(1), allocates nothing.
 */
export function advanceGroup(stream: Stream, groups: StreamGroups, group: Ref, id: StreamId): void {
  const read = groups.read(group);
  groups.lastId(group, delivered);
  // Where the last one was trimmed away, others may have gone with it that the group never got.
  const isThere = delivered.compare(stream.firstId(first)) >= 0;
  if (isThere && read !== READ_UNKNOWN && !hasTombstones(stream, delivered)) {
    // A number given with ENTRIESREAD may have been too large for the ID given with it.
    groups.setRead(group, readWithin(stream, read + 1));
  } else if (stream.entriesAdded !== 0) {
    groups.setRead(group, entriesUpTo(stream, id));
  }
  groups.setLastId(group, id);
}

/** Entries that a group of the open stream has yet to get, or LAG_UNKNOWN. O(1). */
export function groupLag(stream: Stream, groups: StreamGroups, group: Ref): number {
  const added = stream.entriesAdded;
  if (added === 0 || stream.length === 0) return 0;
  groups.lastId(group, delivered);
  stream.firstId(first);
  stream.maxDeletedId(deleted);
  if (delivered.compare(first) < 0 && deleted.compare(first) < 0) return stream.length;
  const read = groups.read(group);
  if (read !== READ_UNKNOWN && !hasTombstones(stream, delivered)) return added - read;
  const upTo = entriesUpTo(stream, delivered);
  return upTo === READ_UNKNOWN ? LAG_UNKNOWN : added - upTo;
}
