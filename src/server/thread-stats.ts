/**
 * ThreadStats: the counters of one thread in shared memory. Their thread adds, INFO on any thread
 * sums over all threads without asking anybody.
 *
 * LAYOUT (f64 each, from the block's start)
 *   0..63                     counters, see STAT
 *   64 + row * 6 + 0..5       a command's calls, microseconds, rejected, failed, 2 reserved
 *   after the rows            a command's latency histogram: HISTOGRAM_BUCKETS counts a row, bucket
 *                             b counts calls of 2^b up to 2^(b+1) nanoseconds
 *   after the histograms      ERROR_SLOTS slots of 5: count, then 32 bytes of the error's first
 *                             word
 */
export const STAT = {
  commands: 0,
  connectionsReceived: 1,
  connectionsNow: 2,
  connectionsRejected: 3,
  netInputBytes: 4,
  netOutputBytes: 5,
  leased: 6,
  routed: 7,
  escalated: 8,
  multiShard: 9,
  joinedReads: 10,
  keyspaceHits: 11,
  keyspaceMisses: 12,
  expiredKeys: 13,
  dirty: 14,
  errorReplies: 15,
  queryBufferBytes: 16,
  outputBufferBytes: 17,
  expireCycleMicros: 18,
  outputLimitDisconnections: 19,
  queryLimitDisconnections: 20,
  blockedNow: 21,
  readsProcessed: 23,
  writesProcessed: 24,
  cpuUserMicros: 25,
  cpuSystemMicros: 26,
  leaseContended: 27,
  watchingClients: 28,
  deniedAuth: 29,
  parallelParts: 30,
  deniedCommand: 31,
  deniedKey: 32,
  deniedChannel: 33,
  /** FLUSHALLs. */
  flushes: 60,
  evictedKeys: 40,
  pubsubClients: 42,
  /** Those that MONITOR. */
  monitors: 43,
  evictedClients: 44,
  /** Memory of the clients that `maxmemory-clients` limits, and of the largest of them. */
  clientBytes: 45,
  largestClientBytes: 46,
  evictionExceededMs: 41,
  defragHits: 48,
  defragMisses: 49,
  defragKeyHits: 50,
  defragKeyMisses: 51,
  /** Per cent of the thread's time, 0 = not running. */
  defragEffort: 52,
  defragMillis: 53,
  defragNowMillis: 54,
} as const;

const COUNTERS = 64;
const ROW_WORDS = 6;
export const HISTOGRAM_BUCKETS = 34;
export const ERROR_SLOTS = 64;
const ERROR_WORDS = 5;
const ERROR_NAME_BYTES = 32;

/** Bytes of one block, rounded to whole cache lines. */
export function threadStatsBytes(rows: number): number {
  const words = COUNTERS + rows * (ROW_WORDS + HISTOGRAM_BUCKETS) + ERROR_SLOTS * ERROR_WORDS;
  return (words * 8 + 63) & ~63;
}

export class ThreadStats {
  readonly counters: Float64Array;
  readonly #rows: number;
  readonly #bytes: Uint8Array;

  constructor(control: SharedArrayBuffer, offset: number, rows: number) {
    const bytes = threadStatsBytes(rows);
    this.counters = new Float64Array(control, offset, bytes / 8);
    this.#bytes = new Uint8Array(control, offset, bytes);
    this.#rows = rows;
  }

  add(counter: number, n: number): void {
    this.counters[counter] = this.counters[counter]! + n;
  }

  /** Counts one call of a command. */
  call(row: number): void {
    const at = COUNTERS + row * ROW_WORDS;
    this.counters[at] = this.counters[at]! + 1;
  }

  /** Adds measured time: `calls` calls took `nanos` nanoseconds each on average. */
  time(row: number, nanos: number, calls: number): void {
    const at = COUNTERS + row * ROW_WORDS + 1;
    this.counters[at] = this.counters[at]! + (nanos * calls) / 1000;
    const bucket = Math.min(HISTOGRAM_BUCKETS - 1, 31 - Math.clz32(nanos | 1));
    const slot = COUNTERS + this.#rows * ROW_WORDS + row * HISTOGRAM_BUCKETS + bucket;
    this.counters[slot] = this.counters[slot]! + calls;
  }

  /** Takes a call back that was counted when it began to wait, and then was not allowed to run. */
  uncall(row: number): void {
    const at = COUNTERS + row * ROW_WORDS;
    this.counters[at] = this.counters[at]! - 1;
  }

  rejected(row: number): void {
    const at = COUNTERS + row * ROW_WORDS + 2;
    this.counters[at] = this.counters[at]! + 1;
  }

  failed(row: number): void {
    const at = COUNTERS + row * ROW_WORDS + 3;
    this.counters[at] = this.counters[at]! + 1;
  }

  rowValue(row: number, field: number): number {
    return this.counters[COUNTERS + row * ROW_WORDS + field]!;
  }

  histogramValue(row: number, bucket: number): number {
    return this.counters[COUNTERS + this.#rows * ROW_WORDS + row * HISTOGRAM_BUCKETS + bucket]!;
  }

  #errorSlot(slot: number): number {
    return COUNTERS + this.#rows * (ROW_WORDS + HISTOGRAM_BUCKETS) + slot * ERROR_WORDS;
  }

  /**
   * Counts an error reply whose text (after the `-`) starts at `start` of `buf`. Prefixes beyond
   * the slots are lumped.
   */
  error(buf: Uint8Array, start: number, end: number): void {
    this.add(STAT.errorReplies, 1);
    let stop = start;
    while (stop < end && stop - start < ERROR_NAME_BYTES && buf[stop]! > 0x20) stop += 1;
    for (let slot = 0; slot < ERROR_SLOTS; slot++) {
      const at = this.#errorSlot(slot);
      const isFree = this.counters[at] === 0;
      const name = at * 8 + 8;
      if (isFree) {
        for (let i = 0; i < ERROR_NAME_BYTES; i++) {
          this.#bytes[name + i] = start + i < stop ? buf[start + i]! : 0;
        }
      } else if (!this.#isErrorName(name, buf, start, stop)) continue;
      this.counters[at] = this.counters[at]! + 1;
      return;
    }
  }

  #isErrorName(name: number, buf: Uint8Array, start: number, stop: number): boolean {
    for (let i = 0; i < ERROR_NAME_BYTES; i++) {
      if (this.#bytes[name + i] !== (start + i < stop ? buf[start + i] : 0)) return false;
    }
    return true;
  }

  /** Adds this thread's error counts to `into`, by first word. */
  collectErrors(into: Map<string, number>): void {
    for (let slot = 0; slot < ERROR_SLOTS; slot++) {
      const at = this.#errorSlot(slot);
      const count = this.counters[at]!;
      if (count === 0) return;
      const bytes = this.#bytes.slice(at * 8 + 8, at * 8 + 8 + ERROR_NAME_BYTES);
      const name = Buffer.from(bytes).toString('latin1').replace(/\0+$/, '');
      into.set(name, (into.get(name) ?? 0) + count);
    }
  }

  /** CONFIG RESETSTAT: everything but gauges goes to zero. */
  reset(): void {
    const kept = [
      STAT.connectionsNow,
      STAT.queryBufferBytes,
      STAT.outputBufferBytes,
      STAT.blockedNow,
      STAT.watchingClients,
      STAT.pubsubClients,
      STAT.monitors,
      STAT.clientBytes,
      STAT.largestClientBytes,
      STAT.dirty,
      STAT.flushes,
      STAT.defragEffort,
      STAT.defragNowMillis,
    ].map((at) => [at, this.counters[at]!] as const);
    this.counters.fill(0);
    for (const [at, value] of kept) this.counters[at] = value;
  }
}

/** Notes the CPU time of the calling thread, whose block `stats` is. */
export function gaugeCpu(stats: ThreadStats): void {
  const { user, system } = process.threadCpuUsage();
  stats.counters[STAT.cpuUserMicros] = user;
  stats.counters[STAT.cpuSystemMicros] = system;
}
