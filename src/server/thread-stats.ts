/**
 * ThreadStats: the counters of one thread in shared memory. Their thread adds, INFO on any thread
 * sums over all threads without asking anybody.
 *
 * LAYOUT (f64 each, from the block's start)
 *   0..63                     counters, see STAT
 *   64 + row * 6 + 0..5       a command's calls, microseconds, rejected, failed, 2 reserved
 *   after the rows            a command's latency histogram: HISTOGRAM_BUCKETS counts a row, see
 *                             latency-buckets.ts
 *   after the histograms      ERROR_SLOTS slots of 5: count, then 32 bytes of the error's first
 *                             word; then the number of errors that found no slot
 */
import { bucketOf, HISTOGRAM_BUCKETS } from './latency-buckets.ts';

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
  /** Turns of the loop, their time, that of the timer, and the most of one turn. */
  turns: 34,
  turnMicros: 35,
  tickMicros: 36,
  longestTurnMicros: 37,
  turnCommandsMax: 38,
  /** Largest query buffer and backlog of a client. */
  largestInputBytes: 39,
  largestOutputBytes: 47,
  expiredFields: 55,
  lazyfreed: 56,
  /** Blocked clients whose time runs out. */
  blockedWithTimeout: 57,
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
  /** Round of client eviction for which that was said. */
  clientRound: 62,
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
/** Kinds of errors that are told apart. */
export const ERROR_SLOTS = 128;
/** What INFO calls those beyond. */
export const ERROR_OVERFLOW = 'ERRORSTATS_OVERFLOW';
const ERROR_WORDS = 5;
const ERROR_NAME_BYTES = 32;

/** Bytes of one block, rounded to whole cache lines. */
export function threadStatsBytes(rows: number): number {
  const words = COUNTERS + rows * (ROW_WORDS + HISTOGRAM_BUCKETS) + ERROR_SLOTS * ERROR_WORDS + 1;
  return (words * 8 + 63) & ~63;
}

export class ThreadStats {
  readonly counters: Float64Array;
  /** latency-tracking: whether times go into the histograms. */
  isTracking = true;
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

  /** Keeps the larger of a counter and `value`. */
  most(counter: number, value: number): void {
    if (value > this.counters[counter]!) this.counters[counter] = value;
  }

  /** Counts one call of a command. */
  call(row: number): void {
    const at = COUNTERS + row * ROW_WORDS;
    this.counters[at] = this.counters[at]! + 1;
  }

  /** Calls of a command so far. */
  calls(row: number): number {
    return this.counters[COUNTERS + row * ROW_WORDS]!;
  }

  /** Adds measured time: `calls` calls took `nanos` nanoseconds each on average. */
  time(row: number, nanos: number, calls: number): void {
    const at = COUNTERS + row * ROW_WORDS + 1;
    this.counters[at] = this.counters[at]! + (nanos * calls) / 1000;
    if (!this.isTracking) return;
    const slot = COUNTERS + this.#rows * ROW_WORDS + row * HISTOGRAM_BUCKETS + bucketOf(nanos);
    this.counters[slot] = this.counters[slot]! + calls;
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
   * Counts an error reply whose text (after the `-`) starts at `start` of `buf`, by its first word.
   * Words beyond the slots are lumped together.
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
    this.add(this.#errorSlot(ERROR_SLOTS), 1);
  }

  #isErrorName(name: number, buf: Uint8Array, start: number, stop: number): boolean {
    for (let i = 0; i < ERROR_NAME_BYTES; i++) {
      if (this.#bytes[name + i] !== (start + i < stop ? buf[start + i] : 0)) return false;
    }
    return true;
  }

  /** Adds this thread's error counts to `into`, by first word, up to ERROR_SLOTS words. */
  collectErrors(into: Map<string, number>): void {
    const count = (name: string, errors: number): void => {
      const isKnown = into.has(name) || into.size < ERROR_SLOTS;
      const key = isKnown ? name : ERROR_OVERFLOW;
      into.set(key, (into.get(key) ?? 0) + errors);
    };
    for (let slot = 0; slot < ERROR_SLOTS; slot++) {
      const at = this.#errorSlot(slot);
      const errors = this.counters[at]!;
      if (errors === 0) return;
      const bytes = this.#bytes.slice(at * 8 + 8, at * 8 + 8 + ERROR_NAME_BYTES);
      count(Buffer.from(bytes).toString('latin1').replace(/\0+$/, ''), errors);
    }
    const beyond = this.counters[this.#errorSlot(ERROR_SLOTS)]!;
    if (beyond !== 0) into.set(ERROR_OVERFLOW, (into.get(ERROR_OVERFLOW) ?? 0) + beyond);
  }

  /** Only rows that were used: histograms that never were stay memory that nobody touched. */
  #resetRows(): void {
    for (let row = 0; row < this.#rows; row++) {
      const at = COUNTERS + row * ROW_WORDS;
      if (this.counters[at] !== 0) {
        const histogram = COUNTERS + this.#rows * ROW_WORDS + row * HISTOGRAM_BUCKETS;
        this.counters.fill(0, histogram, histogram + HISTOGRAM_BUCKETS);
      }
      this.counters.fill(0, at, at + ROW_WORDS);
    }
  }

  /** CONFIG RESETSTAT: everything but gauges goes to zero. */
  reset(): void {
    const kept = [
      STAT.connectionsNow,
      STAT.queryBufferBytes,
      STAT.outputBufferBytes,
      STAT.blockedNow,
      STAT.blockedWithTimeout,
      STAT.watchingClients,
      STAT.pubsubClients,
      STAT.monitors,
      STAT.clientBytes,
      STAT.largestClientBytes,
      STAT.largestInputBytes,
      STAT.largestOutputBytes,
      STAT.clientRound,
      STAT.dirty,
      STAT.flushes,
      STAT.defragEffort,
      STAT.defragNowMillis,
    ].map((at) => [at, this.counters[at]!] as const);
    this.#resetRows();
    this.counters.fill(0, 0, COUNTERS);
    this.counters.fill(0, this.#errorSlot(0), this.#errorSlot(ERROR_SLOTS) + 1);
    for (const [at, value] of kept) this.counters[at] = value;
  }
}

/** Notes the CPU time of the calling thread, whose block `stats` is. */
export function gaugeCpu(stats: ThreadStats): void {
  const { user, system } = process.threadCpuUsage();
  stats.counters[STAT.cpuUserMicros] = user;
  stats.counters[STAT.cpuSystemMicros] = system;
}
