/** Memory of another process, where the system tells. */
import { existsSync, readFileSync } from 'node:fs';

/** False where {@link residentBytes} cannot work. */
export const hasProc = existsSync('/proc/self/status');

/** Resident bytes of a process, by its id. */
export function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]) * 1024;
}
