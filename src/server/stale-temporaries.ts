/** Temporary files that a server which was killed has left behind. */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryIncrName, temporaryManifestName } from '../durability/aof-manifest.ts';

const TEMPORARY = /^temp-(?:(\d+)(-[a-z]+)?\.rdb|rewriteaof-bg-(\d+)\.aof)(\.aside)?$/;

/** Name of the file that a snapshot of this process is written to until it is complete. */
export function temporaryName(): string {
  return `temp-${process.pid}.rdb`;
}

/** True where a process of this number may be at work. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/**
 * Removes temporary files of processes that are gone from `directory`: snapshots, bases of
 * rewrites, and what belongs to the append-only file `filename` (a byte string). Their names, for
 * the log. Called at the start, so files with this process's own number are of an earlier one.
 */
export function removeStaleTemporaries(directory: string, filename: string): string[] {
  const ofLog = [temporaryIncrName(filename), temporaryManifestName(filename)];
  const removed: string[] = [];
  let names: string[] = [];
  try {
    names = readdirSync(directory);
  } catch {
    return removed;
  }
  for (const name of names) {
    const match = TEMPORARY.exec(name);
    if (match === null && !ofLog.includes(Buffer.from(name).toString('latin1'))) continue;
    const pid = Number(match?.[1] ?? match?.[3] ?? process.pid);
    if (pid !== process.pid && isAlive(pid)) continue;
    rmSync(join(directory, name), { force: true });
    removed.push(name);
  }
  return removed;
}
