/** Where the server's memory is, for MEMORY STATS, DOCTOR and MALLOC-STATS. */
import type { DatabaseMemory, MemoryReport } from '../commands/insight-services.ts';
import { infoMemory } from './info-source.ts';
import type { ThreadParts } from './thread-setup.ts';
import { STAT } from './thread-stats.ts';

const BUCKET_BYTES = 64;

/** Read from headers that any thread may read: nothing is held. O(shards * databases). */
export function memoryReport(parts: ThreadParts): MemoryReport {
  const memory = infoMemory(parts);
  const { ctx, allStats } = parts;
  const databases = databasesOf(parts);
  const indexes = databases.reduce((sum, { indexBytes }) => sum + indexBytes, 0);
  return {
    used: memory.used,
    peak: memory.peak,
    startup: memory.startup,
    overhead: memory.overhead + indexes,
    rss: memory.rss,
    maxmemory: memory.maxmemory,
    allocated: memory.allocated,
    active: memory.active,
    resident: memory.resident,
    dirty: ctx.shards.reduce((sum, { arena }) => sum + arena.dirtyBytes(), 0),
    clientBuffers: memory.clientBuffers,
    clients: allStats.reduce((sum, stats) => sum + stats.counters[STAT.connectionsNow]!, 0),
    aofBuffers: memory.aofBuffers,
    keys: databases.reduce((sum, { keys }) => sum + keys, 0),
    databases,
    shards: ctx.shards.map(({ arena }) => ({
      used: arena.usedBytes(),
      held: arena.heldBytes(),
      touched: arena.touchedBytes(),
      capacity: arena.capacityBytes(),
    })),
  };
}

/** Databases with keys. Chained buckets are not counted: there are few. */
export function databasesOf({ ctx, config }: ThreadParts): DatabaseMemory[] {
  const found: DatabaseMemory[] = [];
  for (let db = 0; db < config.int('databases'); db++) {
    let keys = 0;
    let buckets = 0;
    let resizingBuckets = 0;
    let resizing = 0;
    for (const shard of ctx.shards) {
      const dict = shard.dict(db);
      keys += shard.size(db);
      buckets += dict.bucketCount + dict.nextBucketCount;
      if (!dict.isResizing) continue;
      resizing += 1;
      resizingBuckets += dict.bucketCount;
    }
    if (keys === 0) continue;
    found.push({
      db,
      keys,
      indexBytes: buckets * BUCKET_BYTES,
      resizingBytes: resizingBuckets * BUCKET_BYTES,
      resizing,
    });
  }
  return found;
}
