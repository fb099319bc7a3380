/**
 * LatencyEvents: spikes of latency by their cause, over all threads, as LATENCY shows them. What
 * takes at least latency-monitor-threshold milliseconds leaves a sample; of several in one second
 * the worst is kept.
 *
 * LAYOUT of an event, in words: all-time maximum in ms, number of samples ever (1 and up), then
 * from word 16 on EVENT_SAMPLES samples of (unix seconds, ms), used as a ring
 */
import type { LatencyHistory, LatencySample } from '../../commands/insight-services.ts';
import { EVENT_SAMPLES, EVENT_WORDS, type InsightMemory } from './insight-memory.ts';

/** What can be slow, in the order of their places in memory: names of Redis where it has one. */
export const LATENCY_EVENTS = [
  'command',
  'fast-command',
  'command-unblocking',
  'expire-cycle',
  'eviction-cycle',
  'active-defrag-cycle',
  'lazyfree-cycle',
  'aof-write',
  'aof-fsync-always',
  'aof-fsync',
  'aof-rename',
  'snapshot-flip',
] as const;

export type LatencyEvent = (typeof LATENCY_EVENTS)[number];

const MAX = 0;
const COUNT = 1;
const SAMPLES = 16;

export class LatencyEvents {
  /** latency-monitor-threshold in ms, as this thread knows it; 0 = nothing is sampled. */
  thresholdMs = 0;
  readonly #memory: InsightMemory;

  constructor(memory: InsightMemory) {
    this.#memory = memory;
  }

  #at(event: LatencyEvent): number {
    return this.#memory.events / 4 + LATENCY_EVENTS.indexOf(event) * EVENT_WORDS;
  }

  /** Takes note of something that took `ms` milliseconds, if that is long. O(1). */
  note(event: LatencyEvent, ms: number, unixMs: number): void {
    if (this.thresholdMs === 0 || ms < this.thresholdMs) return;
    const { u32 } = this.#memory;
    const whole = Math.floor(ms);
    const seconds = Math.floor(unixMs / 1000);
    const at = this.#at(event);
    this.#memory.acquire();
    const count = u32[at + COUNT]!;
    u32[at + MAX] = Math.max(u32[at + MAX]!, whole);
    const latest = at + SAMPLES + ((count + EVENT_SAMPLES - 1) % EVENT_SAMPLES) * 2;
    if (count !== 0 && u32[latest] === seconds) {
      u32[latest + 1] = Math.max(u32[latest + 1]!, whole);
    } else {
      const slot = at + SAMPLES + (count % EVENT_SAMPLES) * 2;
      u32[slot] = seconds;
      u32[slot + 1] = whole;
      u32[at + COUNT] = count + 1;
    }
    this.#memory.release();
  }

  /** An event's samples; none where it has not happened or there is no such event. */
  history(event: string): LatencyHistory {
    const known = LATENCY_EVENTS.find((name) => name === event.toLowerCase());
    if (known === undefined) return { event, maxMs: 0, samples: [] };
    const { u32 } = this.#memory;
    const at = this.#at(known);
    const samples: LatencySample[] = [];
    this.#memory.acquire();
    const count = u32[at + COUNT]!;
    const maxMs = u32[at + MAX]!;
    for (let n = Math.max(0, count - EVENT_SAMPLES); n < count; n++) {
      const slot = at + SAMPLES + (n % EVENT_SAMPLES) * 2;
      samples.push({ unixSeconds: u32[slot]!, ms: u32[slot + 1]! });
    }
    this.#memory.release();
    return { event: known, maxMs, samples };
  }

  /** Every event that has happened. */
  all(): LatencyHistory[] {
    return LATENCY_EVENTS.map((event) => this.history(event)).filter(
      ({ samples }) => samples.length !== 0,
    );
  }

  /** Forgets the given events, or all (none given); returns how many there were. */
  reset(events: readonly string[]): number {
    const asked = new Set(events.map((event) => event.toLowerCase()));
    let dropped = 0;
    for (const event of LATENCY_EVENTS) {
      if (asked.size !== 0 && !asked.has(event)) continue;
      const at = this.#at(event);
      this.#memory.acquire();
      if (this.#memory.u32[at + COUNT] !== 0) dropped += 1;
      this.#memory.u32.fill(0, at, at + EVENT_WORDS);
      this.#memory.release();
    }
    return dropped;
  }
}
