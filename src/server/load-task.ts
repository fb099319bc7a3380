/** What threads are told about a load, and what they report of it. Plain data for messages. */
import type { SnapshotProblem, SnapshotReadOptions } from '../durability/snapshot-read.ts';

export interface LoadTask extends SnapshotReadOptions {
  readonly path: string;
}

/**
 * Whether the loader thread builds the keys of a shard itself. Reading takes it about half the time
 * that building takes a single shard worker; several are quicker than it anyway.
 */
export function isLoadersShard(shard: number, shardThreads: number): boolean {
  return shardThreads === 1 && shard % 8 >= 5;
}

/** What one thread has done of a load. */
export interface LoadReport {
  /** The first thing that is wrong; null = all is well. */
  readonly problem: SnapshotProblem | null;
  readonly keys: number;
  readonly expired: number;
  /** Collections without elements that were left out, and the names of a few. */
  readonly empty: number;
  readonly emptyNames: readonly string[];
  /** No checksum was compared. */
  readonly isUnchecked: boolean;
  /** Bytes of the file up to the end of the snapshot; 0 from threads that do not read it. */
  readonly endOffset: number;
}
