/**
 * Insight: what one thread takes note of about the commands that it runs, and what it can tell
 * about those of all threads: the log of slow commands, latency events, hot keys.
 *
 * What is exact: on shard workers, in transactions and for session commands every command is timed.
 * A command that an I/O thread runs under a lease is bounded to some 20 us of work; it is timed
 * where a threshold below 1 ms, a latency monitor or a session of hot keys asks for it, and
 * otherwise the first 16 times and once in 16 calls.
 */
import type { CommandRow } from '../../commands/table.ts';
import type { ArgView } from '../../resp/request-parser.ts';
import { type CommandWatch, type HeldCommand, SAMPLE_MASK } from '../command-watch.ts';
import type { ConfigStore } from '../config/store.ts';
import type { ClientRef } from '../thread-context.ts';
import { HotKeys, type KeyHash } from './hot-keys.ts';
import { InsightMemory } from './insight-memory.ts';
import { LatencyEvents } from './latency-events.ts';
import { Rates } from './rates.ts';
import { type ClientFace, SlowLog } from './slow-log.ts';

/** Thresholds below this are met only by timing every command. */
const SAMPLED_MICROS_MIN = 1000;

export interface InsightParts {
  readonly buffer: SharedArrayBuffer;
  readonly threads: number;
  readonly thread: number;
  readonly hash: KeyHash;
  /** Who that is; without a client who sent the command that has just run. */
  readonly face: (client?: ClientRef) => ClientFace;
  /** False while the data set is loaded: nobody's commands run then. */
  readonly isServing: () => boolean;
}

export class Insight implements CommandWatch {
  sampleMask: number = SAMPLE_MASK;
  noteNanos: number = Number.POSITIVE_INFINITY;
  readonly slowLog: SlowLog;
  readonly events: LatencyEvents;
  readonly hotKeys: HotKeys;
  readonly rates: Rates;
  readonly memory: InsightMemory;
  readonly #parts: InsightParts;
  #slowMicros = -1;

  constructor(parts: InsightParts) {
    this.#parts = parts;
    this.memory = new InsightMemory(parts.buffer, parts.threads);
    this.slowLog = new SlowLog(this.memory);
    this.events = new LatencyEvents(this.memory);
    this.rates = new Rates(this.memory);
    this.hotKeys = new HotKeys(this.memory, parts.thread, parts.hash);
  }

  /** Takes over the configuration as it is now. */
  configure(config: ConfigStore): void {
    this.#slowMicros = config.int('slowlog-log-slower-than');
    this.slowLog.maxLength = config.int('slowlog-max-len');
    this.slowLog.trim();
    this.events.thresholdMs = config.int('latency-monitor-threshold');
    this.#decide();
  }

  /** A session of hot keys began or ended. */
  refresh(): void {
    this.hotKeys.refresh();
    this.#decide();
  }

  #decide(): void {
    const slow = this.#slowMicros;
    const { thresholdMs } = this.events;
    const isCounting = this.hotKeys.isCounting;
    const slowNanos = slow < 0 ? Number.POSITIVE_INFINITY : slow * 1000;
    const eventNanos = thresholdMs === 0 ? Number.POSITIVE_INFINITY : thresholdMs * 1e6;
    this.noteNanos = isCounting ? 0 : Math.min(slowNanos, eventNanos);
    const isExact = isCounting || thresholdMs !== 0 || (slow >= 0 && slow < SAMPLED_MICROS_MIN);
    this.sampleMask = isExact ? 0 : SAMPLE_MASK;
  }

  note(
    row: CommandRow,
    args: ArgView,
    nanos: number,
    replyBytes: number,
    client?: ClientRef,
  ): void {
    if (!this.#parts.isServing()) return;
    const nowMs = Date.now();
    if (this.hotKeys.isCounting) {
      const bytes = requestBytes(args) + replyBytes;
      this.hotKeys.count(row, args, nanos / 1000, bytes, nowMs);
      if (!this.hotKeys.isCounting) this.#decide();
    }
    this.#noteEvent(row, nanos, nowMs);
    const micros = nanos / 1000;
    if (!this.isSlow(row, micros)) return;
    this.slowLog.add(row, args, this.#parts.face(client), Math.round(micros), nowMs);
  }

  #noteEvent(row: CommandRow, nanos: number, nowMs: number): void {
    this.events.note(row.isFast ? 'fast-command' : 'command', nanos / 1e6, nowMs);
  }

  /** Whether a command that took so long belongs into the log of slow commands. */
  isSlow(row: CommandRow, micros: number): boolean {
    return this.#slowMicros >= 0 && micros >= this.#slowMicros && !row.isSkippedBySlowLog;
  }

  /** Null where the log of slow commands is off. */
  hold(row: CommandRow, args: ArgView): HeldCommand | null {
    if (this.#slowMicros < 0 || row.isSkippedBySlowLog) return null;
    return this.slowLog.describe(row, args, this.#parts.face());
  }

  noteHeld(row: CommandRow, held: HeldCommand | null, nanos: number): void {
    const nowMs = Date.now();
    this.#noteEvent(row, nanos, nowMs);
    const micros = nanos / 1000;
    if (held !== null && this.isSlow(row, micros)) {
      this.slowLog.addDescribed(held, Math.round(micros), nowMs);
    }
  }
}

/** Bytes of a command as clients send it. */
function requestBytes(args: ArgView): number {
  let bytes = 3 + digits(args.count);
  for (let i = 0; i < args.count; i++) {
    const length = args.length[i]!;
    bytes += 5 + digits(length) + length;
  }
  return bytes;
}

function digits(n: number): number {
  let count = 1;
  for (let rest = n; rest >= 10; rest /= 10) count += 1;
  return count;
}
