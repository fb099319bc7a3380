/** CPU time and resident memory of a process, from /proc (proc(5)). Linux only. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
const pageBytes = Number(execFileSync('getconf', ['PAGESIZE'], { encoding: 'utf8' }));

/**
 * Fields after the command name, which stands in parentheses and may hold anything: state is field
 * 3, here 0.
 */
function statFields(pid: number): string[] {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}

/**
 * User and system time of all threads so far, in seconds; the kernel counts it in steps of 10 ms.
 */
export function cpuSeconds(pid: number): number {
  const fields = statFields(pid);
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

export function residentBytes(pid: number): number {
  return Number(statFields(pid)[21]) * pageBytes;
}

/** Processes that `pid` has started (fork): none where the kernel does not tell. */
function childrenOf(pid: number): readonly number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1');
    return text.split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/** Bytes that only this process has; 0 where it has ended. */
function privateDirtyBytes(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1');
    return Number(/^Private_Dirty:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/**
 * Resident memory of a server together with what its children have for themselves: pages that a
 * fork shares count once, those that were copied since count twice.
 */
export function footprintBytes(pid: number): number {
  const children = childrenOf(pid).reduce((sum, child) => sum + privateDirtyBytes(child), 0);
  return residentBytes(pid) + children;
}
