/**
 * HotKeys: which keys the server spends its time and its network on, while a session of HOTKEYS
 * runs. Every thread counts the commands that it runs into tables of its own; whoever is asked
 * merges them.
 *
 * LAYOUT of the session (words, then f64 from byte 32)
 *   state: moves with every change; active; metrics; keys to report; sample ratio; lock
 *   start, longest duration, end: unix ms and ms; CPU time of the process in us at the start and at
 *   the end (user, system)
 * LAYOUT of a thread's line: lock; tables of time and of bytes (words); from byte 16 on: us and
 *   bytes of all commands with keys, us and bytes of those that were sampled (f64)
 *
 * OWNERSHIP: the session is changed under its lock, a thread's line under the lock in it; the
 * memory's lock, for blocks, is taken last.
 */
import {
  type HotKey,
  type HotKeyOptions,
  type HotKeyReport,
  METRIC_CPU,
  METRIC_NET,
} from '../../commands/insight-services.ts';
import { type CommandRow, KeyIndexes, keyIndexes } from '../../commands/table.ts';
import type { ArgView } from '../../resp/request-parser.ts';
import { SpinLock } from '../../sync/spin-lock.ts';
import type { InsightMemory } from './insight-memory.ts';
import { TopKeys } from './top-keys.ts';

const STATE = 0;
const ACTIVE = 1;
const METRICS = 2;
const REPORTED = 3;
const RATIO = 4;
const SESSION_LOCK = 5;
const START_MS = 4;
const DURATION_MS = 5;
const END_MS = 6;
const USER_START = 7;
const SYSTEM_START = 8;
const USER_END = 9;
const SYSTEM_END = 10;

const LOCK = 0;
const TABLES = 1;
const ALL_MICROS = 2;
const ALL_BYTES = 3;
const COUNTED_BYTES = 4;

/** Keys counted for one reported: the more, the better are the sums. */
const KEYS_PER_REPORTED = 16;

/** Hashes a key with the secret of the process. */
export type KeyHash = (buf: Uint8Array, start: number, end: number) => number;

export class HotKeys {
  /** This thread counts. */
  isCounting = false;
  readonly #memory: InsightMemory;
  readonly #thread: number;
  readonly #hash: KeyHash;
  readonly #session: number;
  readonly #sessionF64: number;
  readonly #sessionLock: SpinLock;
  /** By thread. */
  readonly #locks: readonly SpinLock[];
  readonly #tops: readonly [TopKeys, TopKeys];
  readonly #keys = new KeyIndexes();
  #state = 0;
  #ratio = 1;
  #untilMs = Number.POSITIVE_INFINITY;

  constructor(memory: InsightMemory, thread: number, hash: KeyHash) {
    this.#memory = memory;
    this.#thread = thread;
    this.#hash = hash;
    this.#session = memory.hotKeys / 4;
    this.#sessionF64 = memory.hotKeys / 8;
    this.#sessionLock = new SpinLock(memory.words, this.#session + SESSION_LOCK);
    this.#locks = Array.from({ length: memory.threads }, (_, t) => {
      return new SpinLock(memory.words, memory.hotLine(t) / 4 + LOCK);
    });
    this.#tops = [new TopKeys(memory), new TopKeys(memory)];
  }

  /** False when a session began or ended since `refresh`. A plain read: O(1). */
  get isCurrent(): boolean {
    return this.#memory.u32[this.#session + STATE] === this.#state;
  }

  /** Takes over how the session stands now. */
  refresh(): void {
    this.#sessionLock.acquire();
    const { u32, f64 } = this.#memory;
    this.#state = u32[this.#session + STATE]!;
    this.isCounting = u32[this.#session + ACTIVE] !== 0;
    this.#ratio = u32[this.#session + RATIO]!;
    const duration = f64[this.#sessionF64 + DURATION_MS]!;
    const start = f64[this.#sessionF64 + START_MS]!;
    this.#untilMs = duration === 0 ? Number.POSITIVE_INFINITY : start + duration;
    this.#sessionLock.release();
  }

  /**
   * Counts a command that ran here. Its time and its bytes are those of all its keys in equal
   * parts. O(keys * log keys counted).
   */
  count(row: CommandRow, args: ArgView, micros: number, bytes: number, nowMs: number): void {
    if (nowMs >= this.#untilMs) this.stop(this.#untilMs);
    const keys = this.#keys;
    if (!keyIndexes(row.spec.keys, args, keys) || keys.count === 0) return;
    const isSampled = this.#ratio <= 1 || Math.random() * this.#ratio < 1;
    const line = this.#memory.hotLine(this.#thread) / 4;
    const lock = this.#locks[this.#thread]!;
    lock.acquire();
    const { u32, f64 } = this.#memory;
    const sums = line / 2;
    f64[sums + ALL_MICROS] = f64[sums + ALL_MICROS]! + micros;
    f64[sums + ALL_BYTES] = f64[sums + ALL_BYTES]! + bytes;
    if (isSampled) {
      f64[sums + COUNTED_BYTES] = f64[sums + COUNTED_BYTES]! + bytes;
      for (let metric = 0; metric < 2; metric++) {
        const table = u32[line + TABLES + metric]!;
        if (table === 0) continue;
        const top = this.#tops[metric]!;
        top.attach(table);
        this.#addAll(top, args, (metric === 0 ? micros : bytes) / keys.count);
      }
    }
    lock.release();
  }

  #addAll(top: TopKeys, args: ArgView, amount: number): void {
    const { index, count } = this.#keys;
    for (let i = 0; i < count; i++) {
      const start = args.offset[index[i]!]!;
      const end = args.end(index[i]!);
      top.add(args.buf, start, end, this.#hash(args.buf, start, end), amount);
    }
  }

  get #isActive(): boolean {
    return this.#memory.u32[this.#session + ACTIVE] !== 0;
  }

  /** Ends a session whose time is over. */
  #endIfOver(nowMs: number): void {
    if (!this.isCurrent) this.refresh();
    if (this.#isActive && nowMs >= this.#untilMs) this.stop(this.#untilMs);
  }

  /** Begins a session in the place of an earlier one; false while one is active. */
  start(options: HotKeyOptions, nowMs: number): boolean {
    this.#endIfOver(nowMs);
    this.#sessionLock.acquire();
    const { u32, f64 } = this.#memory;
    const isFree = !this.#isActive;
    if (isFree) {
      this.#freeTables();
      this.#makeTables(options);
      const { user, system } = process.cpuUsage();
      const at = this.#sessionF64;
      f64[at + START_MS] = nowMs;
      f64[at + DURATION_MS] = options.durationMs;
      f64[at + USER_START] = user;
      f64[at + SYSTEM_START] = system;
      u32[this.#session + METRICS] = options.metrics;
      u32[this.#session + REPORTED] = options.count;
      u32[this.#session + RATIO] = options.ratio;
      u32[this.#session + ACTIVE] = 1;
      u32[this.#session + STATE] = u32[this.#session + STATE]! + 1;
    }
    this.#sessionLock.release();
    return isFree;
  }

  #makeTables({ metrics, count }: HotKeyOptions): void {
    const memory = this.#memory;
    let capacity = 1;
    while (capacity < count * KEYS_PER_REPORTED) capacity *= 2;
    for (let thread = 0; thread < memory.threads; thread++) {
      const line = memory.hotLine(thread) / 4;
      memory.f64.fill(0, line / 2 + ALL_MICROS, line / 2 + COUNTED_BYTES + 1);
      for (let metric = 0; metric < 2; metric++) {
        if ((metrics & (metric === 0 ? METRIC_CPU : METRIC_NET)) === 0) continue;
        memory.acquire();
        memory.u32[line + TABLES + metric] = TopKeys.create(memory, capacity);
        memory.release();
      }
    }
  }

  #freeTables(): void {
    const memory = this.#memory;
    for (let thread = 0; thread < memory.threads; thread++) {
      const line = memory.hotLine(thread) / 4;
      for (let metric = 0; metric < 2; metric++) {
        this.#locks[thread]!.acquire();
        const table = memory.u32[line + TABLES + metric]!;
        memory.u32[line + TABLES + metric] = 0;
        this.#locks[thread]!.release();
        if (table === 0) continue;
        memory.acquire();
        TopKeys.destroy(memory, table);
        memory.release();
      }
    }
  }

  /** Ends the session at `endMs`; what was counted stays. False when none is active. */
  stop(endMs: number): boolean {
    this.#sessionLock.acquire();
    const { u32, f64 } = this.#memory;
    const wasActive = this.#isActive;
    if (wasActive) {
      const { user, system } = process.cpuUsage();
      f64[this.#sessionF64 + END_MS] = endMs;
      f64[this.#sessionF64 + USER_END] = user;
      f64[this.#sessionF64 + SYSTEM_END] = system;
      u32[this.#session + ACTIVE] = 0;
      u32[this.#session + STATE] = u32[this.#session + STATE]! + 1;
    }
    this.#sessionLock.release();
    this.refresh();
    return wasActive;
  }

  /** Forgets what was counted; false while a session is active. */
  reset(nowMs: number): boolean {
    this.#endIfOver(nowMs);
    this.#sessionLock.acquire();
    const isFree = !this.#isActive;
    if (isFree) {
      this.#freeTables();
      this.#memory.u32[this.#session + METRICS] = 0;
    }
    this.#sessionLock.release();
    return isFree;
  }

  /** What was counted so far; null where there was no session since the last reset. */
  report(nowMs: number): HotKeyReport | null {
    this.#endIfOver(nowMs);
    const { u32, f64 } = this.#memory;
    const metrics = u32[this.#session + METRICS]!;
    if (metrics === 0) return null;
    const isActive = this.#isActive;
    const at = this.#sessionF64;
    const startMs = f64[at + START_MS]!;
    const now = process.cpuUsage();
    const user = isActive ? now.user : f64[at + USER_END]!;
    const system = isActive ? now.system : f64[at + SYSTEM_END]!;
    const count = u32[this.#session + REPORTED]!;
    return {
      metrics,
      count,
      ratio: u32[this.#session + RATIO]!,
      durationMs: f64[at + DURATION_MS]!,
      isActive,
      startMs,
      tookMs: Math.max(0, (isActive ? nowMs : f64[at + END_MS]!) - startMs),
      userMs: Math.floor((user - f64[at + USER_START]!) / 1000),
      systemMs: Math.floor((system - f64[at + SYSTEM_START]!) / 1000),
      allMicros: Math.round(this.#sum(ALL_MICROS)),
      allBytes: this.#sum(ALL_BYTES),
      netBytes: this.#sum(COUNTED_BYTES),
      byMicros: this.#merged(0, count),
      byBytes: this.#merged(1, count),
    };
  }

  #sum(field: number): number {
    let sum = 0;
    for (let thread = 0; thread < this.#memory.threads; thread++) {
      sum += this.#memory.f64[this.#memory.hotLine(thread) / 8 + field]!;
    }
    return sum;
  }

  /** The `count` keys with the largest sums over all threads. */
  #merged(metric: number, count: number): HotKey[] {
    const sums = new Map<string, number>();
    const top = new TopKeys(this.#memory);
    for (let thread = 0; thread < this.#memory.threads; thread++) {
      const line = this.#memory.hotLine(thread) / 4;
      this.#locks[thread]!.acquire();
      const table = this.#memory.u32[line + TABLES + metric]!;
      if (table !== 0) {
        top.attach(table);
        for (const { key, sum } of top.list()) {
          const name = Buffer.from(key).toString('latin1');
          sums.set(name, (sums.get(name) ?? 0) + sum);
        }
      }
      this.#locks[thread]!.release();
    }
    return [...sums]
      .map(([name, sum]): HotKey => [Buffer.from(name, 'latin1'), Math.round(sum)])
      .filter(([, sum]) => sum > 0)
      .sort((a, b) => b[1] - a[1])
      .slice(0, count);
  }
}
