/** Cutting entries off at the beginning of a stream: XTRIM and XADD. */
import type { Ref } from '../memory/arena.ts';
import type { Stream } from './stream.ts';
import { ID_WORDS, StreamId } from './stream-id.ts';
import { NODE_ENTRIES } from './stream-node.ts';
import type { StreamReader } from './stream-reader.ts';

/** What is to go. */
export interface TrimOptions {
  /** Entries that may stay; negative: those from `minId` on may. */
  readonly maxLength: number;
  readonly minId: StreamId;
  /** Only whole nodes. */
  readonly isApproximate: boolean;
  /** Entries to look at, at most; 0 = all. */
  readonly limit: number;
  /** Asked for every entry before it goes; null = all may go. */
  readonly mayDelete: ((id: StreamId) => boolean) | null;
}

const nodeId = new StreamId();
const lastId = new StreamId();
const MAX = new StreamId().setMax();

/**
 * Cuts entries off; `reader` is one to use. Returns how many. O(nodes that go, and entries of those
 * that stay or are asked for).
 */
export function trimStream(stream: Stream, reader: StreamReader, options: TrimOptions): number {
  const { u32, tree } = stream;
  const { maxLength, limit, mayDelete } = options;
  let deleted = 0;
  let seen = 0;
  nodeId.setMin();
  while (maxLength < 0 || stream.length > maxLength) {
    if (!tree.lookFor(nodeId.msHi, nodeId.msLo, nodeId.seqHi, nodeId.seqLo).seek()) break;
    const node = u32[tree.at + ID_WORDS]!;
    nodeId.load(u32, tree.at);
    const entries = u32[node * 2 + NODE_ENTRIES]!;
    if (limit !== 0 && seen + entries > limit) break;
    seen += entries;
    const isWhole = goesWhole(stream, reader, options, node, entries);
    if (isWhole && mayDelete === null) {
      stream.dropNode(node, nodeId);
      deleted += entries;
    } else {
      if (options.isApproximate && !isWhole) break;
      deleted += trimNode(stream, reader, options);
      if (!isWhole) break;
    }
    if (!nodeId.increment()) break;
  }
  if (deleted !== 0) stream.settleFirst();
  return deleted;
}

function goesWhole(
  stream: Stream,
  reader: StreamReader,
  options: TrimOptions,
  node: Ref,
  entries: number,
): boolean {
  if (options.maxLength >= 0) return stream.length - entries >= options.maxLength;
  reader.lastOf(stream, node, nodeId, lastId);
  return lastId.compare(options.minId) < 0;
}

/** Deletes entries of the node `nodeId`; how many. */
function trimNode(stream: Stream, reader: StreamReader, options: TrimOptions): number {
  const { maxLength, minId, mayDelete } = options;
  let deleted = 0;
  reader.open(stream).range(nodeId, MAX, false);
  while (reader.next() && reader.nodeId.compare(nodeId) === 0) {
    if (maxLength >= 0 ? stream.length <= maxLength : reader.id.compare(minId) >= 0) break;
    if (mayDelete !== null && !mayDelete(reader.id)) continue;
    stream.deleteAt(reader);
    deleted += 1;
  }
  return deleted;
}
