/**
 * Fills INFO's snapshot: from shared counters, arena headers and /proc. Any I/O thread can do it
 * without asking others, so INFO answers while shard workers are busy.
 */
import { readFileSync } from 'node:fs';
import { arch, release, type } from 'node:os';
import { KIND_CHANNEL, KIND_PATTERN, KIND_SHARD_CHANNEL } from '../commands/subscriptions.ts';
import { readBindAddresses } from './config/special-directives.ts';
import { infoPersistence } from './info-persistence.ts';
import type {
  InfoDatabase,
  InfoMemory,
  InfoSnapshot,
  InfoStats,
  InfoThreadCpu,
} from './info-snapshot.ts';
import { infoText as textOf } from './info-text.ts';
import { constrainedMemory } from './machine.ts';
import { keyspaceBytes } from './memory-room.ts';
import type { ThreadParts } from './thread-setup.ts';
import { HISTOGRAM_BUCKETS, STAT } from './thread-stats.ts';

/** Keys looked at for the average TTL of a database. */
const TTL_SAMPLES = 64;
const PAGE_BYTES = 4096;
/**
 * Fields of /proc/PID/stat behind the command name, which may hold spaces: user and system time in
 * 1/100 s.
 */
const STAT_USER = 11;
const STAT_SYSTEM = 12;

/** Rates between two INFO calls of this thread, and the highest memory use seen. */
class Rates {
  atMs = 0;
  commands = 0;
  inputBytes = 0;
  outputBytes = 0;
  peakBytes = 0;
  startupBytes = -1;
}

const rates = new Rates();

/** The text of INFO for `sections` (none: the default ones). */
export function infoText(
  parts: ThreadParts,
  sections: readonly string[],
  transport: string,
): string {
  return textOf(infoSnapshot(parts, transport), sections);
}

function sum(parts: ThreadParts, counter: number): number {
  return parts.allStats.reduce((total, stats) => total + stats.counters[counter]!, 0);
}

function largest(parts: ThreadParts, counter: number): number {
  return parts.allStats.reduce((most, stats) => Math.max(most, stats.counters[counter]!), 0);
}

function infoSnapshot(parts: ThreadParts, transport: string): InfoSnapshot {
  const { config, layout, start, ctx } = parts;
  const nowMs = ctx.state.nowMs;
  const stats = infoStats(parts, nowMs);
  const errors = new Map<string, number>();
  for (const thread of parts.allStats) thread.collectErrors(errors);
  const port = config.int('port');
  return {
    server: {
      buildId: '0',
      os: `${type()} ${release()} ${arch() === 'x64' ? 'x86_64' : arch()}`,
      nodeVersion: process.versions.node,
      multiplexingApi: transport === 'uring' ? 'io_uring' : 'epoll',
      transport,
      processId: process.pid,
      runId: start.runId,
      tcpPort: port,
      nowMs,
      uptimeSeconds: Math.floor((nowMs - start.startedMs) / 1000),
      hz: config.int('hz'),
      configuredHz: config.int('hz'),
      executable: start.executable,
      configFile: config.configFile,
      ioThreads: layout.topology.ioThreads,
      shards: layout.topology.shards,
      shardWorkers: layout.topology.shardThreads,
      listeners: readBindAddresses(config.text('bind')).map(
        (address) => `name=tcp,bind=${address},port=${port}`,
      ),
    },
    clients: {
      connected: sum(parts, STAT.connectionsNow),
      max: config.int('maxclients'),
      recentMaxInputBytes: 0,
      recentMaxOutputBytes: 0,
      blocked: sum(parts, STAT.blockedNow),
      tracking: parts.tracker.table.clients,
      pubsub: sum(parts, STAT.pubsubClients),
      watching: sum(parts, STAT.watchingClients),
      withTimeout: 0,
      watchedKeys: ctx.shards.reduce((total, shard) => total + shard.watch.size, 0),
      blockingKeys: 0,
    },
    memory: infoMemory(parts),
    persistence: infoPersistence(parts, nowMs, sum(parts, STAT.dirty)),
    stats,
    replication: { id: start.runId, offset: 0, backlogBytes: config.int('repl-backlog-size') },
    cpu: infoCpu(parts),
    commands: infoCommands(parts),
    errors,
    keyspace: infoKeyspace(parts),
  };
}

function infoStats(parts: ThreadParts, nowMs: number): InfoStats {
  const commands = sum(parts, STAT.commands);
  const netInputBytes = sum(parts, STAT.netInputBytes);
  const netOutputBytes = sum(parts, STAT.netOutputBytes);
  const seconds = Math.max(0.001, (nowMs - (rates.atMs || parts.start.startedMs)) / 1000);
  const commandsPerSecond = Math.max(0, Math.round((commands - rates.commands) / seconds));
  const inputBytesPerSecond = Math.max(0, (netInputBytes - rates.inputBytes) / seconds);
  const outputBytesPerSecond = Math.max(0, (netOutputBytes - rates.outputBytes) / seconds);
  rates.atMs = nowMs;
  rates.commands = commands;
  rates.inputBytes = netInputBytes;
  rates.outputBytes = netOutputBytes;
  const turns = sum(parts, STAT.readsProcessed);
  const { exceededSinceMs } = parts.layout;
  const exceededMs = exceededSinceMs === 0 ? 0 : Math.max(0, nowMs - exceededSinceMs);
  return {
    connectionsReceived: sum(parts, STAT.connectionsReceived),
    connectionsRejected: sum(parts, STAT.connectionsRejected),
    commands,
    commandsPerSecond,
    netInputBytes,
    netOutputBytes,
    inputBytesPerSecond,
    outputBytesPerSecond,
    expiredKeys: sum(parts, STAT.expiredKeys),
    expiredStalePercent: 0,
    expireTimeCapReached: 0,
    expireCycleMs: Math.round(sum(parts, STAT.expireCycleMicros) / 1000),
    evictedKeys: sum(parts, STAT.evictedKeys),
    evictedClients: 0,
    evictionExceededMs: sum(parts, STAT.evictionExceededMs) + exceededMs,
    currentEvictionExceededMs: exceededMs,
    keyspaceHits: sum(parts, STAT.keyspaceHits),
    keyspaceMisses: sum(parts, STAT.keyspaceMisses),
    pubsubChannels: parts.pubsub.size(KIND_CHANNEL),
    pubsubPatterns: parts.pubsub.size(KIND_PATTERN),
    pubsubShardChannels: parts.pubsub.size(KIND_SHARD_CHANNEL),
    trackingKeys: parts.tracker.table.keys,
    trackingItems: parts.tracker.table.items,
    trackingPrefixes: parts.tracker.board.count,
    errorReplies: sum(parts, STAT.errorReplies),
    reads: turns,
    writes: sum(parts, STAT.writesProcessed),
    queryLimitDisconnections: sum(parts, STAT.queryLimitDisconnections),
    outputLimitDisconnections: sum(parts, STAT.outputLimitDisconnections),
    loopTurns: turns,
    loopMicros: 0,
    commandMicros: 0,
    loopTurnsPerSecond: 0,
    loopTurnMicros: 0,
    deniedAuth: sum(parts, STAT.deniedAuth),
    deniedCommand: sum(parts, STAT.deniedCommand),
    deniedKey: sum(parts, STAT.deniedKey),
    deniedChannel: sum(parts, STAT.deniedChannel),
    leased: sum(parts, STAT.leased),
    routed: sum(parts, STAT.routed),
    escalated: sum(parts, STAT.escalated),
    multiShard: sum(parts, STAT.multiShard),
    joinedReads: sum(parts, STAT.joinedReads),
    leaseContended: sum(parts, STAT.leaseContended),
    parallelParts: sum(parts, STAT.parallelParts),
    defragHits: sum(parts, STAT.defragHits),
    defragMisses: sum(parts, STAT.defragMisses),
    defragKeyHits: sum(parts, STAT.defragKeyHits),
    defragKeyMisses: sum(parts, STAT.defragKeyMisses),
    defragMs: Math.ceil(largest(parts, STAT.defragMillis)),
    currentDefragMs: Math.ceil(largest(parts, STAT.defragNowMillis)),
  };
}

function residentBytes(): number {
  try {
    return Number(readFileSync('/proc/self/statm', 'latin1').split(' ')[1]) * PAGE_BYTES;
  } catch {
    return process.memoryUsage.rss();
  }
}

function infoMemory(parts: ThreadParts): InfoMemory {
  const { config, ctx } = parts;
  const buffers = sum(parts, STAT.queryBufferBytes) + sum(parts, STAT.outputBufferBytes);
  const tracking = parts.tracker.table.usedBytes;
  const used = keyspaceBytes(ctx.shards) + buffers + tracking;
  if (rates.startupBytes < 0) rates.startupBytes = used;
  rates.peakBytes = Math.max(rates.peakBytes, used);
  let startup = 0;
  let allocated = 0;
  let active = 0;
  let resident = 0;
  let reserved = 0;
  let pending = 0;
  for (const shard of ctx.shards) {
    startup += shard.arena.frontBytes;
    allocated += shard.arena.usedBytes();
    active += shard.arena.heldBytes();
    resident += shard.arena.touchedBytes();
    reserved += shard.arena.capacityBytes();
    pending += shard.lazy.length;
  }
  return {
    used,
    rss: residentBytes(),
    peak: rates.peakBytes,
    overhead: buffers + startup + tracking,
    startup,
    allocated,
    active,
    resident,
    defragEffort: largest(parts, STAT.defragEffort),
    arenaReserved: reserved,
    system: constrainedMemory(),
    maxmemory: config.int('maxmemory'),
    maxmemoryPolicy: config.text('maxmemory-policy'),
    notCountedForEviction: tracking,
    clientBuffers: buffers,
    aofBuffers: 0,
    scriptEngines: 0,
    scripts: 0,
    cachedScripts: 0,
    lazyfreePending: pending,
    lazyfreed: 0,
    jsHeap: process.memoryUsage().heapUsed,
  };
}

/** User and system seconds of a task of this process, from /proc; zeros elsewhere. */
function taskCpu(tid: string): readonly [number, number] {
  try {
    const text = readFileSync(`/proc/self/task/${tid}/stat`, 'latin1');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return [Number(fields[STAT_USER]) / 100, Number(fields[STAT_SYSTEM]) / 100];
  } catch {
    return [0, 0];
  }
}

function infoCpu(parts: ThreadParts): InfoSnapshot['cpu'] {
  const whole = process.cpuUsage();
  const [mainUserSeconds, mainSystemSeconds] = taskCpu(String(process.pid));
  const { ioThreads, shardThreads } = parts.layout.topology;
  const threads: InfoThreadCpu[] = [];
  for (let t = 1; t <= ioThreads + shardThreads; t++) {
    const counters = parts.allStats[t]!.counters;
    threads.push({
      name: t <= ioThreads ? `io${t - 1}` : `shard${t - 1 - ioThreads}`,
      userSeconds: counters[STAT.cpuUserMicros]! / 1e6,
      systemSeconds: counters[STAT.cpuSystemMicros]! / 1e6,
    });
  }
  return {
    userSeconds: whole.user / 1e6,
    systemSeconds: whole.system / 1e6,
    mainUserSeconds,
    mainSystemSeconds,
    threads,
  };
}

function infoCommands(parts: ThreadParts): InfoSnapshot['commands'] {
  const { table, allStats, config } = parts;
  const rows = table.rows.length;
  const calls = new Float64Array(rows);
  const micros = new Float64Array(rows);
  const rejected = new Float64Array(rows);
  const failed = new Float64Array(rows);
  const histograms = new Float64Array(rows * HISTOGRAM_BUCKETS);
  for (const stats of allStats) {
    for (let row = 0; row < rows; row++) {
      calls[row]! += stats.rowValue(row, 0);
      micros[row]! += stats.rowValue(row, 1);
      rejected[row]! += stats.rowValue(row, 2);
      failed[row]! += stats.rowValue(row, 3);
      if (stats.rowValue(row, 0) === 0) continue;
      for (let b = 0; b < HISTOGRAM_BUCKETS; b++) {
        histograms[row * HISTOGRAM_BUCKETS + b]! += stats.histogramValue(row, b);
      }
    }
  }
  const isTracked = config.bool('latency-tracking');
  const percentiles = config.text('latency-tracking-info-percentiles');
  return {
    names: table.rows.map((row) => row.fullName),
    calls,
    micros,
    rejected,
    failed,
    histograms,
    bucketCount: HISTOGRAM_BUCKETS,
    percentiles: isTracked && percentiles !== '' ? percentiles.split(' ').map(Number) : [],
  };
}

function infoKeyspace(parts: ThreadParts): InfoDatabase[] {
  const { ctx, config } = parts;
  const databases: InfoDatabase[] = [];
  for (let db = 0; db < config.int('databases'); db++) {
    let keys = 0;
    let expires = 0;
    let subexpiry = 0;
    for (const shard of ctx.shards) {
      keys += shard.size(db);
      expires += shard.expires(db);
      subexpiry += shard.fieldExpires(db);
    }
    if (keys === 0) continue;
    const averageTtlMs = expires === 0 ? 0 : averageTtl(parts, db);
    databases.push({ db, keys, expires, averageTtlMs, subexpiry });
  }
  return databases;
}

/** Average time to live of a few random keys that have one; shards that are busy are left out. */
function averageTtl(parts: ThreadParts, db: number): number {
  const { ctx, locks, start } = parts;
  // Main, which asks for its crash report, has no number to hold a shard by.
  if (start.thread === 0) return 0;
  let total = 0;
  let count = 0;
  for (const shard of ctx.shards) {
    if (shard.expires(db) === 0 || !locks.lease(shard.index)) continue;
    for (let i = 0; i < TTL_SAMPLES / ctx.shards.length; i++) {
      const ref = shard.dict(db).randomItem((below) => Math.floor(Math.random() * below));
      const expireMs = ref === 0 ? 0 : shard.expireMs(ref);
      if (expireMs <= ctx.state.nowMs) continue;
      total += expireMs - ctx.state.nowMs;
      count += 1;
    }
    locks.endLease(shard.index);
  }
  return count === 0 ? 0 : Math.round(total / count);
}
