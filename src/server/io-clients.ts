/** What may be asked about the clients of one I/O thread: CLIENT LIST and CLIENT KILL. */
import type { ClientFilter } from '../commands/spec.ts';
import { matchesFilter } from './client-report.ts';
import type { IoServer } from './io-server.ts';

/** Lines of CLIENT LIST of this thread's clients, with their ids. O(clients). */
export function listClients(io: IoServer, filter: ClientFilter): [number, string][] {
  const lines: [number, string][] = [];
  for (const c of io.clients) {
    if (c !== undefined && !c.isAborted && !c.isClosed && matchesFilter(c, filter, Date.now())) {
      lines.push([c.id, io.infoLine(c)]);
    }
  }
  return lines;
}

/**
 * Closes this thread's clients that match; the one that asks closes after its reply. O(clients).
 */
export function killClients(io: IoServer, filter: ClientFilter, selfId: number): number {
  let killed = 0;
  for (const c of io.clients) {
    if (c === undefined || c.isClosing || !matchesFilter(c, filter, Date.now())) continue;
    killed += 1;
    if (c.id === selfId) c.isClosing = true;
    else io.abort(c);
  }
  return killed;
}

/**
 * Ends the wait of a client of this thread, as if its time were over, or by an error. False when
 * there is none of this id that waits. O(clients).
 */
export function unblockClient(io: IoServer, id: number, withError: boolean): boolean {
  for (const c of io.clients) {
    if (c?.id !== id || c.blocked === null) continue;
    return io.blocked.end(c.blocked, withError ? 'error' : 'time');
  }
  return false;
}
