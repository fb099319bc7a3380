/** What the server can tell about itself, as commands ask for it; the server implements it. */

/** One entry of the log of slow commands. */
export interface SlowLogEntry {
  readonly id: number;
  readonly unixSeconds: number;
  readonly micros: number;
  readonly args: readonly Uint8Array[];
  /** `ip:port`, or `path:0`; empty where no client was behind the command. */
  readonly address: string;
  readonly name: string;
}

export interface LatencySample {
  readonly unixSeconds: number;
  readonly ms: number;
}

/** The samples of one event, oldest first. */
export interface LatencyHistory {
  readonly event: string;
  /** Since the last reset of the event. */
  readonly maxMs: number;
  readonly samples: readonly LatencySample[];
}

/** How long the calls of one command took. */
export interface CommandLatency {
  /** `get`, `client|list`. */
  readonly name: string;
  readonly calls: number;
  /** Pairs: no more than so many microseconds, so many calls; both grow. */
  readonly histogram: readonly (readonly [number, number])[];
}

/** Metrics of hot keys: bits. */
export const METRIC_CPU = 1;
export const METRIC_NET = 2;

export interface HotKeyOptions {
  /** METRIC bits. */
  readonly metrics: number;
  /** Keys to report. */
  readonly count: number;
  /** 0 = until it is stopped. */
  readonly durationMs: number;
  /** One command in so many is counted. */
  readonly ratio: number;
}

/** A key and its microseconds or bytes. */
export type HotKey = readonly [Uint8Array, number];

export interface HotKeyReport extends HotKeyOptions {
  readonly isActive: boolean;
  readonly allMicros: number;
  readonly allBytes: number;
  readonly startMs: number;
  readonly tookMs: number;
  readonly userMs: number;
  readonly systemMs: number;
  /** Bytes of the commands that were counted. */
  readonly netBytes: number;
  readonly byMicros: readonly HotKey[];
  readonly byBytes: readonly HotKey[];
}

export interface BigKey {
  readonly db: number;
  readonly key: Uint8Array;
  readonly bytes: number;
  /** Elements of a collection, bytes of a string. */
  readonly elements: number;
}

/** The keys of one type. */
export interface BigKeyType {
  /** As TYPE says it. */
  readonly type: string;
  readonly keys: number;
  readonly bytes: number;
  readonly elements: number;
  /** By their bytes, the largest first. */
  readonly largest: readonly BigKey[];
}

export interface BigKeyReport {
  /** How long the walk over all keys took. */
  readonly tookMs: number;
  readonly types: readonly BigKeyType[];
}

/** Memory of the whole server, in bytes where a name does not say otherwise. */
export interface MemoryReport {
  readonly used: number;
  readonly peak: number;
  readonly startup: number;
  /** What is no data: indexes, headers, buffers. */
  readonly overhead: number;
  /** Resident memory of the process. */
  readonly rss: number;
  readonly maxmemory: number;
  /** Live blocks; pages of their slabs and runs; pages that are committed. */
  readonly allocated: number;
  readonly active: number;
  readonly resident: number;
  /** Free pages that have not gone back to the system yet. */
  readonly dirty: number;
  readonly clientBuffers: number;
  readonly clients: number;
  readonly aofBuffers: number;
  readonly keys: number;
  /** Databases that have keys. */
  readonly databases: readonly DatabaseMemory[];
  readonly shards: readonly ShardMemory[];
}

export interface DatabaseMemory {
  readonly db: number;
  /** Of the index of keys. */
  readonly indexBytes: number;
  /** Of the table that is given up, while indexes are resized, and how many are. */
  readonly resizingBytes: number;
  readonly resizing: number;
  readonly keys: number;
}

/** One shard's arena. */
export interface ShardMemory {
  readonly used: number;
  readonly held: number;
  readonly touched: number;
  readonly capacity: number;
}

export interface InsightServices {
  readonly slowLogLength: number;
  /** The latest `count` entries, newest first; -1 = all. */
  slowLog(count: number): readonly SlowLogEntry[];
  slowLogReset(): void;
  /** An event's samples; none where there is no such event. */
  latencyHistory(event: string): LatencyHistory;
  /** Every event that has happened. */
  latencyEvents(): readonly LatencyHistory[];
  /** Forgets the given events, or all (none given); returns how many there were. */
  latencyReset(events: readonly string[]): number;
  /** latency-monitor-threshold, in ms; 0 = nothing is sampled. */
  readonly latencyThresholdMs: number;
  /** slowlog-log-slower-than, in microseconds. */
  readonly slowerThanMicros: number;
  /** Commands that were timed since the last reset of the statistics. */
  latencyHistograms(): readonly CommandLatency[];
  /** False while a session is active. */
  hotKeysStart(options: HotKeyOptions): boolean;
  /** False when none is active. */
  hotKeysStop(): boolean;
  /** False while a session is active. */
  hotKeysReset(): boolean;
  /** Null where there was no session since the last reset. */
  hotKeys(): HotKeyReport | null;
  /** Has the shard workers walk over their keys; `done` gets the `count` largest of each type. */
  bigKeys(count: number, done: (report: BigKeyReport) => void): void;
  memory(): MemoryReport;
}
