/**
 * Fills INFO's snapshot: from shared counters, arena headers and /proc. Any I/O thread can do it
 * without asking others, so INFO answers while shard workers are busy.
 */
import { readFileSync } from 'node:fs';
import { arch, release, type } from 'node:os';
import { KIND_CHANNEL, KIND_PATTERN, KIND_SHARD_CHANNEL } from '../commands/subscriptions.ts';
import type { Shard } from '../keyspace/shard.ts';
import { readBindAddresses } from './config/special-directives.ts';
import { infoPersistence } from './info-persistence.ts';
import type {
  InfoClients,
  InfoCommands,
  InfoDatabase,
  InfoIoThread,
  InfoMemory,
  InfoServer,
  InfoSnapshot,
  InfoStats,
  InfoThreadCpu,
} from './info-snapshot.ts';
import { infoText as textOf } from './info-text.ts';
import { HISTOGRAM_BUCKETS } from './latency-buckets.ts';
import { constrainedMemory } from './machine.ts';
import { keyspaceBytes } from './memory-room.ts';
import type { ThreadParts } from './thread-setup.ts';
import { STAT } from './thread-stats.ts';

/** Keys looked at for the average TTL of a database. */
const TTL_SAMPLES = 64;
const PAGE_BYTES = 4096;
const BUCKET_BYTES = 64;
/**
 * Fields of /proc/PID/stat behind the command name, which may hold spaces: user and system time in
 * 1/100 s.
 */
const STAT_USER = 11;
const STAT_SYSTEM = 12;

/** Takes the sample that rates and peaks are made of: 100 ms after the one before. */
export function sampleRates(parts: ThreadParts, unixMs: number): void {
  const { rates } = parts.insight;
  rates.sample(unixMs, {
    commands: sum(parts, STAT.commands),
    inputBytes: sum(parts, STAT.netInputBytes),
    outputBytes: sum(parts, STAT.netOutputBytes),
    turns: sum(parts, STAT.turns),
    turnMicros: sum(parts, STAT.turnMicros),
  });
  rates.notePeak(usedBytes(parts), unixMs);
}

function usedBytes(parts: ThreadParts): number {
  const buffers = sum(parts, STAT.queryBufferBytes) + sum(parts, STAT.outputBufferBytes);
  return keyspaceBytes(parts.ctx.shards) + buffers + parts.tracker.table.usedBytes;
}

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

/** Each part is made when it is asked for: most who ask want one section. */
function infoSnapshot(parts: ThreadParts, transport: string): InfoSnapshot {
  const { config, start, ctx } = parts;
  const { nowMs } = ctx.state;
  const errors = new Map<string, number>();
  for (const thread of parts.allStats) thread.collectErrors(errors);
  return {
    server: infoServer(parts, transport, nowMs),
    clients: infoClients(parts),
    get memory() {
      return infoMemory(parts);
    },
    get persistence() {
      return infoPersistence(parts, nowMs, sum(parts, STAT.dirty));
    },
    stats: infoStats(parts, nowMs),
    replication: { id: start.runId, offset: 0, backlogBytes: config.int('repl-backlog-size') },
    threads: infoThreads(parts),
    get cpu() {
      return infoCpu(parts);
    },
    get commands() {
      return infoCommands(parts);
    },
    errors,
    get keyspace() {
      return infoKeyspace(parts);
    },
  };
}

function infoServer(parts: ThreadParts, transport: string, nowMs: number): InfoServer {
  const { config, layout, start } = parts;
  const port = config.int('port');
  return {
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
  };
}

function infoClients(parts: ThreadParts): InfoClients {
  const { config, ctx } = parts;
  return {
    connected: sum(parts, STAT.connectionsNow),
    max: config.int('maxclients'),
    recentMaxInputBytes: largest(parts, STAT.largestInputBytes),
    recentMaxOutputBytes: largest(parts, STAT.largestOutputBytes),
    blocked: sum(parts, STAT.blockedNow),
    tracking: parts.tracker.table.clients,
    pubsub: sum(parts, STAT.pubsubClients),
    watching: sum(parts, STAT.watchingClients),
    withTimeout: sum(parts, STAT.blockedWithTimeout),
    watchedKeys: ctx.shards.reduce((total, shard) => total + shard.watch.size, 0),
    blockingKeys: ctx.shards.reduce((total, shard) => total + shard.waits.size, 0),
    blockingKeysForGone: ctx.shards.reduce((total, shard) => total + shard.waits.sizeForGone, 0),
  };
}

function infoStats(parts: ThreadParts, nowMs: number): InfoStats {
  const commands = sum(parts, STAT.commands);
  const netInputBytes = sum(parts, STAT.netInputBytes);
  const netOutputBytes = sum(parts, STAT.netOutputBytes);
  const rate = parts.insight.rates.perSecond();
  const { exceededSinceMs } = parts.layout;
  const exceededMs = exceededSinceMs === 0 ? 0 : Math.max(0, nowMs - exceededSinceMs);
  return {
    connectionsReceived: sum(parts, STAT.connectionsReceived),
    connectionsRejected: sum(parts, STAT.connectionsRejected),
    commands,
    commandsPerSecond: rate.commands,
    netInputBytes,
    netOutputBytes,
    inputBytesPerSecond: rate.inputBytes,
    outputBytesPerSecond: rate.outputBytes,
    expiredKeys: sum(parts, STAT.expiredKeys),
    expiredStalePercent: 0,
    expireTimeCapReached: 0,
    expireCycleMs: Math.round(sum(parts, STAT.expireCycleMicros) / 1000),
    evictedKeys: sum(parts, STAT.evictedKeys),
    evictedClients: sum(parts, STAT.evictedClients),
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
    reads: sum(parts, STAT.readsProcessed),
    writes: sum(parts, STAT.writesProcessed),
    queryLimitDisconnections: sum(parts, STAT.queryLimitDisconnections),
    outputLimitDisconnections: sum(parts, STAT.outputLimitDisconnections),
    expiredFields: sum(parts, STAT.expiredFields),
    loopTurns: sum(parts, STAT.turns),
    loopMicros: sum(parts, STAT.turnMicros),
    commandMicros: commandMicros(parts),
    loopTickMicros: sum(parts, STAT.tickMicros),
    longestTurnMicros: largest(parts, STAT.longestTurnMicros),
    turnCommandsMax: largest(parts, STAT.turnCommandsMax),
    loopTurnsPerSecond: rate.turns,
    loopTurnMicros: rate.turns === 0 ? 0 : rate.turnMicros / rate.turns,
    slowCommands: parts.insight.slowLog.totalCount,
    slowMicros: parts.insight.slowLog.totalMicros,
    slowestMicros: parts.insight.slowLog.longestMicros,
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

/** Of the tables of keys that are given up, while indexes are resized. */
function resizingBytes(shard: Shard): number {
  let buckets = 0;
  for (let db = 0; db < shard.databases; db++) {
    const dict = shard.dict(db);
    if (dict.isResizing) buckets += dict.bucketCount;
  }
  return buckets * BUCKET_BYTES;
}

function residentBytes(): number {
  try {
    return Number(readFileSync('/proc/self/statm', 'latin1').split(' ')[1]) * PAGE_BYTES;
  } catch {
    return process.memoryUsage.rss();
  }
}

/** Of all commands together: the sum of what commandstats shows. */
function commandMicros({ allStats, table }: ThreadParts): number {
  let total = 0;
  for (const stats of allStats) {
    for (let row = 0; row < table.rows.length; row++) total += stats.rowValue(row, 1);
  }
  return total;
}

/** The memory section of INFO. */
export function infoMemory(parts: ThreadParts): InfoMemory {
  const { config, ctx } = parts;
  const buffers = sum(parts, STAT.queryBufferBytes) + sum(parts, STAT.outputBufferBytes);
  const tracking = parts.tracker.table.usedBytes;
  const used = usedBytes(parts);
  const { rates } = parts.insight;
  rates.notePeak(used, ctx.state.nowMs);
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
    peakSeconds: Math.floor(rates.peakMs / 1000),
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
    lazyfreed: sum(parts, STAT.lazyfreed),
    dirty: ctx.shards.reduce((total, { arena }) => total + arena.dirtyBytes(), 0),
    resizing: ctx.shards.reduce((total, shard) => total + resizingBytes(shard), 0),
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

function infoThreads({ layout, allStats }: ThreadParts): InfoIoThread[] {
  return Array.from({ length: layout.topology.ioThreads }, (_, io) => {
    const { counters } = allStats[io + 1]!;
    return {
      clients: counters[STAT.connectionsNow]!,
      reads: counters[STAT.readsProcessed]!,
      writes: counters[STAT.writesProcessed]!,
    };
  });
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

/** Rows of one name are one there: the sub-commands of DEBUG. */
export function infoCommands(parts: ThreadParts): InfoCommands {
  const { table, allStats, config } = parts;
  const names = [...new Set(table.rows.map(({ shownName }) => shownName))];
  const places = new Map(names.map((name, place) => [name, place]));
  const rows = names.length;
  const calls = new Float64Array(rows);
  const micros = new Float64Array(rows);
  const rejected = new Float64Array(rows);
  const failed = new Float64Array(rows);
  const timed = new Float64Array(rows);
  const histograms = new Float64Array(rows * HISTOGRAM_BUCKETS);
  for (const stats of allStats) {
    for (const { index, shownName } of table.rows) {
      const at = places.get(shownName)!;
      calls[at]! += stats.rowValue(index, 0);
      micros[at]! += stats.rowValue(index, 1);
      rejected[at]! += stats.rowValue(index, 2);
      failed[at]! += stats.rowValue(index, 3);
      if (stats.rowValue(index, 0) === 0) continue;
      for (let b = 0; b < HISTOGRAM_BUCKETS; b++) {
        const count = stats.histogramValue(index, b);
        histograms[at * HISTOGRAM_BUCKETS + b]! += count;
        timed[at]! += count;
      }
    }
  }
  const percentiles = config.text('latency-tracking-info-percentiles');
  return {
    names,
    calls,
    micros,
    rejected,
    failed,
    histograms,
    timed,
    percentiles: percentiles !== '' ? percentiles.split(' ').map(Number) : [],
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
