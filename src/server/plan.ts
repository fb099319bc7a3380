/**
 * The plan of a server: how many threads and shards, and the buffers they share.
 */
import { availableParallelism } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { createJournal } from '../durability/journal.ts';
import { createSnapshotRing } from '../durability/snapshot-frames.ts';
import { shardHeaderBytes } from '../keyspace/entry-blocks.ts';
import { Shard } from '../keyspace/shard.ts';
import { TrackingTable } from '../keyspace/tracking-table.ts';
import { Arena } from '../memory/arena.ts';
import { LoadBoard } from '../sync/load-board.ts';
import { useHugePages } from '../transport/libc.ts';
import { ChannelBoard } from './channel-board.ts';
import { createCards } from './client-cards.ts';
import { createClientIds } from './client-ids.ts';
import type { ConfigStore } from './config/store.ts';
import { createInsightMemory } from './insight/insight-memory.ts';
import { createPostbox } from './post.ts';
import { type SharedBuffers, SharedLayout } from './shared-layout.ts';

const GIB = 1024 ** 3;
/**
 * Up to here byte indexes of an arena are 31-bit integers, which V8 handles best (memory/arena.ts,
 * LIMITS).
 */
const ARENA_BYTES_FAST = 2 * GIB - 4096;
const ARENA_BYTES_MAX = 32 * GIB - 4096;
/**
 * The data of a shard up to here is in pages of 4 KiB: a small data set takes no more than it
 * needs. Beyond, in huge pages: GET p99 while a sorted set of five million members is copied and
 * deleted in a loop, on two virtual cores: 23 ms without, 1.4 ms with them.
 */
const SMALL_PAGES_BYTES = 16 * 1024 ** 2;
const SPILL_BYTES = 2 * GIB - 4096;
/** Connections beyond maxclients: those being told that there are too many, and a replay. */
const CONNECTION_SLACK = 129;
/** There is room for so many clients at least, for a maxclients that is raised later. */
const CLIENTS_MIN = 10_000;
const SHARDS_MIN = 8;
const SHARDS_MAX = 256;
/**
 * Room for skew: one shard may hold this much more than its even share before a larger arena is
 * better.
 */
const SKEW = 1.25;

export interface ServerPlan {
  readonly buffers: SharedBuffers;
  readonly layout: SharedLayout;
  /** Lines for the log. */
  readonly notes: readonly string[];
}

/**
 * Lays out a server for `config` on a machine with `memoryBytes`. Throws when not even small arenas
 * are granted.
 */
export function planServer(
  config: ConfigStore,
  commandRows: number,
  memoryBytes: number,
): ServerPlan {
  const cores = availableParallelism();
  const ioThreads = config.int('io-threads');
  const shards = config.int('shards') || shardsFor(memoryBytes, cores);
  const wantedThreads = config.int('shard-threads') || Math.max(1, cores - ioThreads);
  const shardThreads = Math.min(shards, wantedThreads);
  const arenaBytes = arenaBytesFor(shards, memoryBytes);
  // Must be said before the threads compile anything; it costs start-up, not throughput.
  if (arenaBytes > ARENA_BYTES_FAST) setFlagsFromString('--no-maglev');
  const connections = Math.max(config.int('maxclients'), CLIENTS_MIN) + CONNECTION_SLACK;
  const topology = { ioThreads, shardThreads, shards, commandRows, connections };
  const { control, rings } = SharedLayout.create(topology);
  const databases = config.int('databases');
  const arenas: SharedArrayBuffer[] = [];
  for (let i = 0; i < shards; i++) {
    const arena = Arena.create(arenaBytes, shardHeaderBytes(databases));
    Shard.format(arena, databases);
    if (config.bool('huge-pages')) {
      useHugePages(arena.buffer, arena.frontBytes + SMALL_PAGES_BYTES);
    }
    arenas.push(arena.buffer);
  }
  const spill = Arena.create(SPILL_BYTES, 64).buffer;
  const layout = new SharedLayout(control, rings);
  layout.setMaxmemory(config.int('maxmemory'));
  const granted = arenas[0]!.byteLength;
  const mib = Math.floor(granted / 1024 ** 2);
  return {
    buffers: {
      control,
      rings,
      spill,
      journal: createJournal(),
      snapshot: createSnapshotRing(),
      load: LoadBoard.create(shardThreads),
      postboxes: Array.from({ length: ioThreads }, createPostbox),
      cards: createCards(ioThreads, connections),
      ids: createClientIds(ioThreads, connections),
      tracking: TrackingTable.create(),
      channels: ChannelBoard.create(ioThreads),
      insight: createInsightMemory(layout.threadCount),
      arenas,
    },
    layout,
    notes: [
      `${shards} shards of up to ${mib} MiB on ${shardThreads} shard workers, ` +
        `${ioThreads} I/O thread${ioThreads === 1 ? '' : 's'}`,
    ],
  };
}

/** The largest maxclients that a server has room for: it was laid out at the start. */
export function clientsMax(layout: SharedLayout): number {
  return layout.topology.connections - CONNECTION_SLACK;
}

/**
 * A power of two: enough shards for arenas of the fast size to hold the machine's memory, and for
 * the cores.
 */
function shardsFor(memoryBytes: number, cores: number): number {
  let shards = SHARDS_MIN;
  while (shards < SHARDS_MAX && (shards < cores * 4 || shards * ARENA_BYTES_FAST < memoryBytes)) {
    shards *= 2;
  }
  return shards;
}

function arenaBytesFor(shards: number, memoryBytes: number): number {
  const even = (memoryBytes / shards) * SKEW;
  if (even <= ARENA_BYTES_FAST) return ARENA_BYTES_FAST;
  return Math.min(ARENA_BYTES_MAX, Math.ceil(even));
}
