/**
 * What INFO shows, as plain data: whoever gathers counters fills it, info-text.ts makes it text.
 */

export interface InfoSnapshot {
  readonly server: InfoServer;
  readonly clients: InfoClients;
  readonly memory: InfoMemory;
  readonly persistence: InfoPersistence;
  readonly stats: InfoStats;
  readonly replication: InfoReplication;
  /** By I/O thread. */
  readonly threads: readonly InfoIoThread[];
  readonly cpu: InfoCpu;
  readonly commands: InfoCommands;
  /** Error replies by first word. */
  readonly errors: ReadonlyMap<string, number>;
  readonly keyspace: readonly InfoDatabase[];
}

export interface InfoServer {
  readonly buildId: string;
  /** `Linux 6.1.0 x86_64`. */
  readonly os: string;
  readonly nodeVersion: string;
  /** `epoll` or `io_uring`. */
  readonly multiplexingApi: string;
  /** Name of the transport in use. */
  readonly transport: string;
  readonly processId: number;
  /** 40 hexadecimal digits, new at every start. */
  readonly runId: string;
  readonly tcpPort: number;
  readonly nowMs: number;
  readonly uptimeSeconds: number;
  readonly hz: number;
  readonly configuredHz: number;
  readonly executable: string;
  readonly configFile: string;
  readonly ioThreads: number;
  readonly shards: number;
  readonly shardWorkers: number;
  /** `name=tcp,bind=127.0.0.1,port=6379`, one for each. */
  readonly listeners: readonly string[];
}

export interface InfoClients {
  readonly connected: number;
  readonly max: number;
  readonly recentMaxInputBytes: number;
  readonly recentMaxOutputBytes: number;
  readonly blocked: number;
  readonly tracking: number;
  readonly pubsub: number;
  readonly watching: number;
  readonly withTimeout: number;
  readonly watchedKeys: number;
  readonly blockingKeys: number;
  readonly blockingKeysForGone: number;
}

/** Bytes, except where a name says otherwise. */
export interface InfoMemory {
  /** Live blocks of all arenas and what is counted beside them. */
  readonly used: number;
  readonly rss: number;
  readonly peak: number;
  /** Unix seconds of the peak. */
  readonly peakSeconds: number;
  /** The part of `used` that is no data: indexes, headers, buffers. */
  readonly overhead: number;
  readonly startup: number;
  /** Live blocks of the arenas; pages of their slabs and runs; pages that are committed. */
  readonly allocated: number;
  readonly active: number;
  readonly resident: number;
  /** Per cent of a thread's time, 0 = not running. */
  readonly defragEffort: number;
  readonly arenaReserved: number;
  readonly system: number;
  readonly maxmemory: number;
  readonly maxmemoryPolicy: string;
  readonly notCountedForEviction: number;
  readonly clientBuffers: number;
  readonly aofBuffers: number;
  readonly scriptEngines: number;
  readonly scripts: number;
  readonly cachedScripts: number;
  /** Objects. */
  readonly lazyfreePending: number;
  /** Objects. */
  readonly lazyfreed: number;
  /** Free pages that have not gone back to the system yet. */
  readonly dirty: number;
  /** Of the tables of keys that are given up, while indexes are resized. */
  readonly resizing: number;
  readonly jsHeap: number;
}

/** Durations are -1 where nothing of the kind has happened or is going on. */
export interface InfoPersistence {
  readonly isLoading: boolean;
  /** Unix seconds. */
  readonly loadStartSeconds: number;
  readonly loadTotalBytes: number;
  /** Memory that the server which wrote the snapshot used then. */
  readonly loadUsedMemory: number;
  readonly loadLoadedBytes: number;
  readonly loadEtaSeconds: number;
  readonly saveKeysProcessed: number;
  readonly saveKeysTotal: number;
  readonly changesSinceSave: number;
  readonly isSaving: boolean;
  readonly lastSaveUnixSeconds: number;
  readonly isLastSaveOk: boolean;
  readonly lastSaveSeconds: number;
  readonly currentSaveSeconds: number;
  readonly saves: number;
  readonly loadedKeysExpired: number;
  readonly loadedKeys: number;
  readonly isAofEnabled: boolean;
  readonly isAofRewriting: boolean;
  readonly isAofRewriteScheduled: boolean;
  readonly lastAofRewriteSeconds: number;
  readonly currentAofRewriteSeconds: number;
  readonly isLastAofRewriteOk: boolean;
  readonly aofRewrites: number;
  readonly aofRewriteFailures: number;
  readonly isLastAofWriteOk: boolean;
  readonly aofBytes: number;
  readonly aofBaseBytes: number;
  readonly aofBufferBytes: number;
  readonly aofPendingFsyncs: number;
  readonly aofDelayedFsyncs: number;
}

export interface InfoStats {
  readonly connectionsReceived: number;
  readonly connectionsRejected: number;
  readonly commands: number;
  readonly commandsPerSecond: number;
  readonly netInputBytes: number;
  readonly netOutputBytes: number;
  readonly inputBytesPerSecond: number;
  readonly outputBytesPerSecond: number;
  readonly expiredKeys: number;
  readonly expiredStalePercent: number;
  readonly expireTimeCapReached: number;
  readonly expireCycleMs: number;
  readonly evictedKeys: number;
  readonly evictedClients: number;
  readonly evictionExceededMs: number;
  readonly currentEvictionExceededMs: number;
  readonly keyspaceHits: number;
  readonly keyspaceMisses: number;
  readonly pubsubChannels: number;
  readonly pubsubPatterns: number;
  readonly pubsubShardChannels: number;
  readonly trackingKeys: number;
  readonly trackingItems: number;
  readonly trackingPrefixes: number;
  readonly errorReplies: number;
  readonly reads: number;
  readonly writes: number;
  readonly queryLimitDisconnections: number;
  readonly outputLimitDisconnections: number;
  readonly expiredFields: number;
  /** Turns of the I/O threads' loops, their time, and that of their timers. */
  readonly loopTurns: number;
  readonly loopMicros: number;
  /** Time of all commands, on whatever thread. */
  readonly commandMicros: number;
  readonly loopTickMicros: number;
  readonly longestTurnMicros: number;
  readonly turnCommandsMax: number;
  readonly loopTurnsPerSecond: number;
  readonly loopTurnMicros: number;
  /** Commands that were slow, on the log or gone from it. */
  readonly slowCommands: number;
  readonly slowMicros: number;
  readonly slowestMicros: number;
  readonly deniedAuth: number;
  readonly deniedCommand: number;
  readonly deniedKey: number;
  readonly deniedChannel: number;
  readonly leased: number;
  readonly routed: number;
  readonly escalated: number;
  readonly multiShard: number;
  readonly joinedReads: number;
  readonly leaseContended: number;
  /** Parts of long reads that shard workers ran for others. */
  readonly parallelParts: number;
  /** Blocks, and keys, that were moved and not moved; milliseconds. */
  readonly defragHits: number;
  readonly defragMisses: number;
  readonly defragKeyHits: number;
  readonly defragKeyMisses: number;
  readonly defragMs: number;
  readonly currentDefragMs: number;
}

export interface InfoReplication {
  /** 40 hexadecimal digits. */
  readonly id: string;
  readonly offset: number;
  readonly backlogBytes: number;
}

export interface InfoCpu {
  /** Of the whole process. */
  readonly userSeconds: number;
  readonly systemSeconds: number;
  readonly mainUserSeconds: number;
  readonly mainSystemSeconds: number;
  readonly threads: readonly InfoThreadCpu[];
}

export interface InfoIoThread {
  readonly clients: number;
  readonly reads: number;
  readonly writes: number;
}

export interface InfoThreadCpu {
  /** `io0`, `shard1`, `durability`. */
  readonly name: string;
  readonly userSeconds: number;
  readonly systemSeconds: number;
}

/** Counters of commands: arrays by row index of the command table. */
export interface InfoCommands {
  /** Full names, `client|list`. */
  readonly names: readonly string[];
  readonly calls: ArrayLike<number>;
  readonly micros: ArrayLike<number>;
  readonly rejected: ArrayLike<number>;
  readonly failed: ArrayLike<number>;
  /** HISTOGRAM_BUCKETS counts a row: see latency-buckets.ts. */
  readonly histograms: ArrayLike<number>;
  /** Calls in the histogram of each row. */
  readonly timed: ArrayLike<number>;
  /** Percentiles to show, 0..100: latency-tracking-info-percentiles. Empty: no latencystats. */
  readonly percentiles: readonly number[];
}

export interface InfoDatabase {
  readonly db: number;
  readonly keys: number;
  readonly expires: number;
  readonly averageTtlMs: number;
  /** Keys with fields that expire by themselves. */
  readonly subexpiry: number;
}
