/** What commands about the server itself are told in tests: as they set it. */
import type {
  BigKeyReport,
  CommandLatency,
  HotKeyOptions,
  HotKeyReport,
  InsightServices,
  LatencyHistory,
  MemoryReport,
  SlowLogEntry,
} from '../../src/commands/insight-services.ts';

export const NO_MEMORY: MemoryReport = {
  used: 0,
  peak: 0,
  startup: 0,
  overhead: 0,
  rss: 0,
  maxmemory: 0,
  allocated: 0,
  active: 0,
  resident: 0,
  dirty: 0,
  clientBuffers: 0,
  clients: 0,
  aofBuffers: 0,
  keys: 0,
  databases: [],
  shards: [],
};

export class FakeInsight implements InsightServices {
  entries: SlowLogEntry[] = [];
  events: LatencyHistory[] = [];
  histograms: CommandLatency[] = [];
  hot: HotKeyReport | null = null;
  big: BigKeyReport = { tookMs: 0, types: [] };
  report: MemoryReport = NO_MEMORY;
  latencyThresholdMs = 0;
  slowerThanMicros = 10_000;
  /** Options of the last HOTKEYS START. */
  started: HotKeyOptions | null = null;

  get slowLogLength(): number {
    return this.entries.length;
  }

  slowLog(count: number): readonly SlowLogEntry[] {
    return count < 0 ? this.entries : this.entries.slice(0, count);
  }

  slowLogReset(): void {
    this.entries = [];
  }

  latencyHistory(event: string): LatencyHistory {
    const found = this.events.find((history) => history.event === event);
    return found ?? { event, maxMs: 0, samples: [] };
  }

  latencyEvents(): readonly LatencyHistory[] {
    return this.events;
  }

  latencyReset(events: readonly string[]): number {
    const before = this.events.length;
    this.events = this.events.filter(({ event }) => events.length > 0 && !events.includes(event));
    return before - this.events.length;
  }

  latencyHistograms(): readonly CommandLatency[] {
    return this.histograms;
  }

  hotKeysStart(options: HotKeyOptions): boolean {
    this.started = options;
    return this.hot?.isActive !== true;
  }

  hotKeysStop(): boolean {
    return this.hot?.isActive === true;
  }

  hotKeysReset(): boolean {
    return this.hot?.isActive !== true;
  }

  hotKeys(): HotKeyReport | null {
    return this.hot;
  }

  bigKeys(count: number, done: (report: BigKeyReport) => void): void {
    const types = this.big.types.map((type) => ({
      ...type,
      largest: type.largest.slice(0, count),
    }));
    done({ ...this.big, types });
  }

  memory(): MemoryReport {
    return this.report;
  }
}
