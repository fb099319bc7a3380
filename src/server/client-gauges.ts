/** What INFO says about all clients of an I/O thread together, from time to time. */
import type { Connection } from './connection.ts';
import { STAT, type ThreadStats } from './thread-stats.ts';

/** Sums over the clients there are; `backlogOf` gives the unsent bytes of one. O(connections). */
export function gaugeClients(
  connections: readonly (Connection | undefined)[],
  backlogOf: (conn: number) => number,
  { counters }: ThreadStats,
): void {
  let input = 0;
  let output = 0;
  let watching = 0;
  for (const c of connections) {
    if (c === undefined) continue;
    input += c.input.length;
    output += backlogOf(c.conn);
    if (c.watched.length !== 0) watching += 1;
  }
  counters[STAT.queryBufferBytes] = input;
  counters[STAT.outputBufferBytes] = output;
  counters[STAT.watchingClients] = watching;
}
