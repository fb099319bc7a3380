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
  let largestInput = 0;
  let largestOutput = 0;
  for (const c of connections) {
    if (c === undefined) continue;
    const backlog = backlogOf(c.conn);
    input += c.input.length;
    output += backlog;
    if (c.input.length > largestInput) largestInput = c.input.length;
    if (backlog > largestOutput) largestOutput = backlog;
  }
  counters[STAT.queryBufferBytes] = input;
  counters[STAT.outputBufferBytes] = output;
  counters[STAT.largestInputBytes] = largestInput;
  counters[STAT.largestOutputBytes] = largestOutput;
}
