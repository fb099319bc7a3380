/**
 * ClientEviction: keeps the clients of all I/O threads together below `maxmemory-clients`, by
 * closing the largest ones first; one on every I/O thread. Without a limit it costs one load for
 * each event of a client.
 *
 * Every thread counts the memory of its own clients and publishes the sum. The thread that finds
 * the sum over all threads above the limit begins a round: all threads publish the size of their
 * largest client, and the one that has the largest of all closes it and ends the round, until the
 * limit is kept.
 *
 * ORDERING  a thread publishes first and looks at the others then; it rings those that are not yet
 *           there. So the last one of a round finds all of them, or is rung again.
 */
import type { DoorbellRinger } from '../sync/doorbell.ts';
import { SharedCounter } from '../sync/shared-counter.ts';
import type { ClientLimits } from './client-limits.ts';
import { clientBytes } from './client-memory.ts';
import type { Connection } from './connection.ts';
import type { SharedLayout } from './shared-layout.ts';
import { STAT, type ThreadStats } from './thread-stats.ts';

/** A thread has said nothing for the round that runs; rounds count from 1 on. */
const NO_ROUND = 0;

export interface ClientEvictionParts {
  readonly layout: SharedLayout;
  readonly thread: number;
  readonly stats: ThreadStats;
  readonly allStats: readonly ThreadStats[];
  readonly ioRingers: readonly DoorbellRinger[];
  readonly limits: ClientLimits;
  /** This thread's clients; undefined where there is none. */
  readonly clients: readonly (Connection | undefined)[];
  readonly backlogBytes: (conn: number) => number;
  /** Closes a client at once. */
  readonly abort: (c: Connection) => void;
}

export class ClientEviction {
  readonly #parts: ClientEvictionParts;
  /** Goes up by one with every client that is closed. */
  readonly #round: SharedCounter;
  /** Clients whose memory may have changed. */
  readonly #noted = new Set<Connection>();
  /** Memory of this thread's clients. */
  #total = 0;
  #isOn = false;

  constructor(parts: ClientEvictionParts) {
    this.#parts = parts;
    this.#round = new SharedCounter(parts.layout.words, parts.layout.clientRoundWord);
  }

  /** The memory of a client may have changed: it is counted at the end of the turn. */
  note(c: Connection): void {
    if (this.#isOn) this.#noted.add(c);
  }

  /** A client is gone. */
  forget(c: Connection): void {
    this.#noted.delete(c);
    this.#setBytes(c, 0);
  }

  #setBytes(c: Connection, bytes: number): void {
    this.#total += bytes - c.countedBytes;
    c.countedBytes = bytes;
    this.#parts.stats.counters[STAT.clientBytes] = this.#total;
  }

  /** The limit may have been changed. */
  configured(): void {
    const isOn = this.#parts.limits.clientMemoryMax !== 0;
    if (isOn && !this.#isOn) {
      for (const c of this.#parts.clients) if (c !== undefined) this.#noted.add(c);
    }
    this.#isOn = isOn;
    this.settle();
  }

  /**
   * True while it is not known whether this client, whose memory may have changed, or another one
   * has to go: the limit is exceeded, and other threads have yet to say something.
   */
  isUndecided(c: Connection): boolean {
    if (!this.#isOn) return false;
    this.#noted.add(c);
    return !this.settle();
  }

  /**
   * Counts what was noted, and keeps the limit. False where that is up to others. To be called once
   * a turn.
   */
  settle(): boolean {
    if (!this.#isOn) return true;
    const { limits, stats, allStats, backlogBytes } = this.#parts;
    for (const c of this.#noted) {
      // Who closes is on the way out already, and CLIENT NO-EVICT takes a client out of the sum.
      const isCounted = !c.isClosing && !c.noEvict && !c.isReplay;
      this.#setBytes(c, isCounted ? clientBytes(c, backlogBytes(c.conn)) : 0);
    }
    this.#noted.clear();
    for (;;) {
      let sum = 0;
      for (const { counters } of allStats) sum += counters[STAT.clientBytes]!;
      if (sum <= limits.clientMemoryMax) {
        // What was said for a round that nobody has ended may not be true any more later.
        stats.counters[STAT.clientRound] = NO_ROUND;
        return true;
      }
      const largest = this.#findLargest();
      if (largest === 'none') return true;
      if (largest === 'elsewhere') return false;
      this.#evict(largest);
      this.#round.add(1);
    }
  }

  /** The largest client of all, where it is known to be this thread's. */
  #findLargest(): Connection | 'elsewhere' | 'none' {
    const { stats, allStats, thread, ioRingers } = this.#parts;
    const largest = this.#largest();
    const round = this.#round.value + 1;
    stats.counters[STAT.largestClientBytes] = largest?.countedBytes ?? 0;
    stats.counters[STAT.clientRound] = round;
    let winner = 0;
    let most = 0;
    let isComplete = true;
    for (let io = 1; io <= ioRingers.length; io++) {
      const { counters } = allStats[io]!;
      if (counters[STAT.clientRound] !== round) {
        isComplete = false;
        ioRingers[io - 1]!.ring();
      } else if (counters[STAT.largestClientBytes]! > most) {
        most = counters[STAT.largestClientBytes]!;
        winner = io;
      }
    }
    if (!isComplete) return 'elsewhere';
    if (winner === thread) return largest!;
    if (winner === 0) return 'none';
    ioRingers[winner - 1]!.ring();
    return 'elsewhere';
  }

  /** This thread's largest client; null = none counts. O(clients). */
  #largest(): Connection | null {
    let largest: Connection | null = null;
    for (const c of this.#parts.clients) {
      if (c !== undefined && c.countedBytes > (largest?.countedBytes ?? 0)) largest = c;
    }
    return largest;
  }

  #evict(c: Connection): void {
    const { limits, stats, abort } = this.#parts;
    limits.log('notice', `Evicting client: ${c.infoLine()}`);
    stats.add(STAT.evictedClients, 1);
    this.#setBytes(c, 0);
    abort(c);
  }
}
