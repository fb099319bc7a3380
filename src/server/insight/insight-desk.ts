/**
 * InsightDesk: what commands on one I/O thread ask about the server as a whole. It answers from
 * shared memory; only the report of big keys is waited for.
 */
import type {
  BigKeyReport,
  CommandLatency,
  HotKeyOptions,
  HotKeyReport,
  InsightServices,
  LatencyHistory,
  MemoryReport,
  SlowLogEntry,
} from '../../commands/insight-services.ts';
import { infoCommands } from '../info-source.ts';
import { bucketStart, HISTOGRAM_BUCKETS } from '../latency-buckets.ts';
import { memoryReport } from '../memory-report.ts';
import type { ThreadParts } from '../thread-setup.ts';
import { BigKeys } from './big-keys.ts';

/** Times that LATENCY HISTOGRAM tells apart: powers of two from 2^10 ns on, as Redis does. */
const POWER_MIN = 10;
const POWER_MAX = 31;
/** Redis's histograms know times to 1 part in 128 and show the upper end of that. */
const SHOWN_SHARE = 128;

/** A question that waits for a walk over all keys. */
interface Waiting {
  readonly walk: number;
  readonly count: number;
  readonly done: (report: BigKeyReport) => void;
}

export class InsightDesk implements InsightServices {
  readonly #parts: ThreadParts;
  readonly #bigKeys: BigKeys;
  #waiting: Waiting[] = [];

  constructor(parts: ThreadParts) {
    this.#parts = parts;
    const { topology } = parts.layout;
    const workers = Array.from({ length: topology.shardThreads }, (_, i) =>
      parts.layout.workerThread(i),
    );
    this.#bigKeys = new BigKeys(parts.insight.memory, workers);
  }

  get slowLogLength(): number {
    return this.#parts.insight.slowLog.length;
  }

  slowLog(count: number): readonly SlowLogEntry[] {
    return this.#parts.insight.slowLog.entries(count);
  }

  slowLogReset(): void {
    this.#parts.insight.slowLog.reset();
  }

  latencyHistory(event: string): LatencyHistory {
    return this.#parts.insight.events.history(event);
  }

  latencyEvents(): readonly LatencyHistory[] {
    return this.#parts.insight.events.all();
  }

  latencyReset(events: readonly string[]): number {
    return this.#parts.insight.events.reset(events);
  }

  get latencyThresholdMs(): number {
    return this.#parts.config.int('latency-monitor-threshold');
  }

  get slowerThanMicros(): number {
    return this.#parts.config.int('slowlog-log-slower-than');
  }

  latencyHistograms(): readonly CommandLatency[] {
    const { names, calls, timed, histograms } = infoCommands(this.#parts);
    const found: CommandLatency[] = [];
    names.forEach((name, at) => {
      if (timed[at] === 0) return;
      const histogram = cumulative(histograms, at * HISTOGRAM_BUCKETS, calls[at]!);
      found.push({ name, calls: calls[at]!, histogram });
    });
    return found;
  }

  hotKeysStart(options: HotKeyOptions): boolean {
    const isBegun = this.#parts.insight.hotKeys.start(options, Date.now());
    this.#parts.insight.refresh();
    return isBegun;
  }

  hotKeysStop(): boolean {
    const wasActive = this.#parts.insight.hotKeys.stop(Date.now());
    this.#parts.insight.refresh();
    return wasActive;
  }

  hotKeysReset(): boolean {
    return this.#parts.insight.hotKeys.reset(Date.now());
  }

  hotKeys(): HotKeyReport | null {
    return this.#parts.insight.hotKeys.report(Date.now());
  }

  bigKeys(count: number, done: (report: BigKeyReport) => void): void {
    this.#waiting.push({ walk: this.#bigKeys.ask(Date.now()), count, done });
    for (const ringer of this.#parts.workerRingers) ringer.ring();
  }

  memory(): MemoryReport {
    return memoryReport(this.#parts);
  }

  /** Answers those whose walk is complete; called when the thread was woken. */
  poll(): void {
    if (this.#waiting.length === 0) return;
    this.#waiting = this.#waiting.filter(({ walk, count, done }) => {
      const report = this.#bigKeys.report(walk, count);
      if (report === null) return true;
      done(report);
      return false;
    });
  }
}

/**
 * Pairs of LATENCY HISTOGRAM, from the buckets at `start`: microseconds, and how many calls took no
 * longer. Not all calls are timed: the counts are in proportion, the last one is `calls`. Something
 * must have been timed.
 */
export function cumulative(
  counts: ArrayLike<number>,
  start: number,
  calls: number,
): [number, number][] {
  let total = 0;
  for (let b = 0; b < HISTOGRAM_BUCKETS; b++) total += counts[start + b]!;
  const pairs: [number, number][] = [];
  let below = 0;
  let shown = 0;
  let bucket = 0;
  for (let power = POWER_MIN; power <= POWER_MAX && below < total; power++) {
    const limit = power === POWER_MAX ? Number.POSITIVE_INFINITY : 2 ** power;
    for (; bucket < HISTOGRAM_BUCKETS && bucketStart(bucket) < limit; bucket++) {
      below += counts[start + bucket]!;
    }
    const count = Math.round((below * calls) / total);
    if (count === shown) continue;
    shown = count;
    pairs.push([Math.floor((2 ** power * (1 + 1 / SHOWN_SHARE) - 1) / 1000), count]);
  }
  return pairs;
}
