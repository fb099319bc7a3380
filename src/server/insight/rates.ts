/**
 * Rates: what happens a second, and the most memory that was in use, for INFO. The first I/O thread
 * takes a sample with each tick, every 100 ms; all threads read.
 *
 * LAYOUT (f64): samples ever; most bytes in use, unix ms of that; reserved up to 8; then SAMPLES
 *   samples of unix ms, commands, bytes in, bytes out, turns, microseconds of turns, as a ring
 *
 * OWNERSHIP: one writer. A reader that meets it in the middle of a sample gets a value of 100 ms
 * before or after.
 */
import { type InsightMemory, RATE_SAMPLES, RATE_WORDS } from './insight-memory.ts';

const COUNT = 0;
const PEAK_BYTES = 1;
const PEAK_MS = 2;
const SAMPLES = 8;

/** Totals since the start, or the last CONFIG RESETSTAT. */
export interface RateTotals {
  readonly commands: number;
  readonly inputBytes: number;
  readonly outputBytes: number;
  readonly turns: number;
  readonly turnMicros: number;
}

export class Rates {
  readonly #f64: Float64Array;
  readonly #at: number;

  constructor(memory: InsightMemory) {
    this.#f64 = memory.f64;
    this.#at = memory.rates / 8;
  }

  /** Takes a sample. The writer's side. */
  sample(unixMs: number, totals: RateTotals): void {
    const f64 = this.#f64;
    const count = f64[this.#at + COUNT]!;
    const slot = this.#slot(count);
    // After a reset the totals are smaller: what was before says nothing about now.
    const latest = this.#slot(count - 1);
    const isReset = count > 0 && totals.commands < f64[latest + 1]!;
    if (isReset) f64[this.#at + COUNT] = 0;
    const target = isReset ? this.#slot(0) : slot;
    f64[target] = unixMs;
    f64[target + 1] = totals.commands;
    f64[target + 2] = totals.inputBytes;
    f64[target + 3] = totals.outputBytes;
    f64[target + 4] = totals.turns;
    f64[target + 5] = totals.turnMicros;
    f64[this.#at + COUNT] = isReset ? 1 : count + 1;
  }

  #slot(index: number): number {
    return this.#at + SAMPLES + (Math.max(0, index) % RATE_SAMPLES) * RATE_WORDS;
  }

  /** Notes memory in use; any thread may. */
  notePeak(bytes: number, unixMs: number): void {
    if (bytes <= this.#f64[this.#at + PEAK_BYTES]!) return;
    this.#f64[this.#at + PEAK_BYTES] = bytes;
    this.#f64[this.#at + PEAK_MS] = unixMs;
  }

  get peakBytes(): number {
    return this.#f64[this.#at + PEAK_BYTES]!;
  }

  get peakMs(): number {
    return this.#f64[this.#at + PEAK_MS]!;
  }

  /** How much of each happened a second, in the time of the samples: up to 1.6 s. */
  perSecond(): RateTotals {
    const f64 = this.#f64;
    const count = f64[this.#at + COUNT]!;
    const first = this.#slot(Math.max(0, count - RATE_SAMPLES));
    const last = this.#slot(count - 1);
    const seconds = (f64[last]! - f64[first]!) / 1000;
    const rate = (field: number): number =>
      count < 2 || seconds <= 0
        ? 0
        : Math.max(0, f64[last + field]! - f64[first + field]!) / seconds;
    return {
      commands: rate(1),
      inputBytes: rate(2),
      outputBytes: rate(3),
      turns: rate(4),
      turnMicros: rate(5),
    };
  }
}
