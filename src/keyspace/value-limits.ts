/**
 * Limits of the configuration that data commands and values ask for: one object a thread, refreshed
 * by CONFIG SET. The defaults are Redis's.
 */
export class ValueLimits {
  protoMaxBulkLength = 512 * 1024 * 1024;
  databases = 16;
  /** Bytes; 0 = no limit. */
  maxmemory = 0;
  maxmemoryPolicy = 'noeviction';
  /** Elements of a list node where positive; -1 .. -5 = 4, 8, 16, 32, 64 KiB. */
  listMaxListpackSize = -2;
  /** Kept for CONFIG GET: nodes are not compressed. */
  listCompressDepth = 0;
  hashMaxListpackEntries = 512;
  hashMaxListpackValue = 64;
  setMaxIntsetEntries = 512;
  setMaxListpackEntries = 128;
  setMaxListpackValue = 64;
  zsetMaxListpackEntries = 128;
  zsetMaxListpackValue = 64;
  hllSparseMaxBytes = 3000;
  /** Bytes and entries of a stream's node; 0 = no limit. */
  streamNodeMaxBytes = 4096;
  streamNodeMaxEntries = 100;
  /** What a new stream remembers of idempotent producers: seconds, and IDs of each. */
  streamIdmpDuration = 100;
  streamIdmpMaxsize = 100;
  /** Whether strings are compressed where values are serialized. */
  rdbCompression = true;
  /** Whether snapshots have a checksum. */
  rdbChecksum = true;
  /** The snapshot file: `dbfilename` in `dir`. */
  snapshotPath = 'dump.rdb';
  /** Bytes of a list element from which it has a node of its own; DEBUG sets it. */
  quicklistPackedThreshold = 1024 * 1024 * 1024;
}
