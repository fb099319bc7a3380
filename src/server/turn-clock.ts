/**
 * TurnClock: how many turns the loop of an I/O thread makes, and how long they take. A thread with
 * little to do measures each turn, a busy one one in 16: a look at the clock costs 53 ns.
 */
import { STAT, type ThreadStats } from './thread-stats.ts';

/** Turns between two ticks that are all measured. */
const TURNS_ALWAYS_TIMED = 16;
const SAMPLE = 16;

export class TurnClock {
  readonly #stats: ThreadStats;
  /** Turns since the last tick. */
  #turns = 0;
  #startMs = 0;
  #weight = 0;
  #commands = 0;

  constructor(stats: ThreadStats) {
    this.#stats = stats;
  }

  /** The thread woke up. */
  begin(): void {
    const turns = this.#turns++;
    if (turns < TURNS_ALWAYS_TIMED) this.#weight = 1;
    else if (turns % SAMPLE === 0) this.#weight = SAMPLE;
    else return;
    this.#commands = this.#stats.counters[STAT.commands]!;
    this.#startMs = performance.now();
  }

  /** It goes to sleep. */
  end(): void {
    const stats = this.#stats;
    stats.add(STAT.turns, 1);
    if (this.#weight === 0) return;
    const micros = (performance.now() - this.#startMs) * 1000;
    const commands = stats.counters[STAT.commands]! - this.#commands;
    stats.add(STAT.turnMicros, micros * this.#weight);
    stats.most(STAT.longestTurnMicros, micros);
    stats.most(STAT.turnCommandsMax, commands);
    this.#weight = 0;
  }

  /** The timer's work took `ms`. */
  ticked(ms: number): void {
    this.#turns = 0;
    this.#stats.add(STAT.tickMicros, ms * 1000);
  }
}
