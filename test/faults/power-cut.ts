/**
 * What is on disk when the power goes, not only the process: strace writes down what the server
 * wrote to its append-only file and what it synced. After the kill the file is cut back to a length
 * that the disk may have had, and what was acknowledged has to be there nevertheless.
 */
import { readFileSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findProgram } from '../support/programs.ts';
import { waitUntil } from '../support/tessera.ts';
import { anyTopology, type FaultOptions, inFolder, withServer } from './fault-run.ts';
import type { Launch } from './fault-server.ts';
import { EVERYSEC_MS, type Policy, WRITERS } from './kill-rounds.ts';
import { acknowledged, acknowledgedBefore, Writers } from './writers.ts';

const LOG_FILE = 'appendonlydir/appendonly.aof.1.incr.aof';
const TRACED = 'write,pwrite64,writev,pwritev,pwritev2,ftruncate,fsync,fdatasync';

/** A call that began and has not returned yet. */
interface Call {
  readonly name: string;
  readonly args: string;
  /** Length of the file when it began. */
  readonly lengthBefore: number;
}

/**
 * Lengths of the one file that a trace of `strace -P FILE` is about: of what was written, and of
 * what was synced. Both start at `length`. A sync covers what was written when it began.
 */
export function lengthsOf(trace: string, length: number): { written: number; synced: number } {
  const pending = new Map<string, Call>();
  let written = length;
  let synced = length;
  const end = (call: Call, result: number): void => {
    if (result < 0 || Number.isNaN(result)) return;
    const numbers = call.args.split(',').map((word) => Number.parseInt(word, 10));
    if (call.name === 'ftruncate') {
      written = numbers[1]!;
      synced = Math.min(synced, written);
    } else if (call.name.endsWith('sync')) synced = Math.max(synced, call.lengthBefore);
    else {
      // Without an offset of its own a write appends.
      const hasOffset = call.name.startsWith('p');
      const offset = hasOffset ? numbers.at(call.name === 'pwritev2' ? -2 : -1)! : written;
      written = Math.max(written, offset + result);
    }
  };
  for (const line of trace.split('\n')) {
    const thread = /^\d+/.exec(line)?.[0] ?? '';
    const result = Number(/\)\s+= (-?\d+)/.exec(line)?.[1] ?? Number.NaN);
    // The number of the thread stands in a column of five.
    const begun = /^\d+ +(\w+)\((.*?)(?:\)\s+= .*| <unfinished \.\.\.>)$/.exec(line);
    if (begun !== null) {
      const call = { name: begun[1]!, args: begun[2]!, lengthBefore: written };
      if (line.includes('<unfinished')) pending.set(thread, call);
      else end(call, result);
    } else if (line.includes('resumed>')) {
      const call = pending.get(thread);
      if (call !== undefined) end(call, result);
      pending.delete(thread);
    }
  }
  return { written, synced };
}

/** Process that traces another one. */
function tracerOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  return Number(/^TracerPid:\s*(\d+)$/m.exec(status)![1]);
}

/** True when a process is gone, or nothing of it runs any more: its files are closed. */
function hasEnded(pid: number): boolean {
  try {
    return /^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return true;
  }
}

/** Rounds of writers and power cuts on one directory. Skipped, with a message, without strace. */
export async function powerCuts(policy: Policy, options: FaultOptions): Promise<void> {
  const { kind, random, rounds, report } = options;
  const strace = findProgram('strace');
  if (strace === null) return;
  await inFolder((directory) =>
    inFolder(async (traces) => {
      const writers = new Writers(WRITERS);
      const file = join(directory, LOG_FILE);
      const args = ['--appendonly', 'yes', '--appendfsync', policy];
      args.push('--auto-aof-rewrite-percentage', '0');
      const launch = (under: readonly string[]): Launch => ({
        ...{ kind, directory, under },
        args: [...args, ...anyTopology(kind, random)],
      });
      // The files are there before the first trace begins.
      await withServer(launch([]), async () => undefined);
      let least = acknowledged;
      for (let round = 1; round <= rounds; round++) {
        const trace = join(traces, `trace-${round}`);
        let length = 0;
        let begin = 0;
        const words = ['-DD', '-f', '-q', '--seccomp-bpf', '-y', '-s', '0', '-e', TRACED];
        words.push('-P', file, '-o', trace);
        await withServer(launch([strace, ...words]), async (server) => {
          await writers.check(server, (_, ops) => least(ops));
          // A torn tail has been cut off by now.
          length = statSync(file).size;
          begin = statSync(trace).size;
          const tracer = tracerOf(server.pid);
          const running = writers.run(server, random);
          await Promise.race([writers.started(), running]);
          const isLong = policy === 'everysec';
          await Promise.race([sleep(random.below(300) + (isLong ? EVERYSEC_MS : 0)), running]);
          const killedMs = performance.now();
          await server.kill9();
          await running;
          if (isLong) least = acknowledgedBefore(killedMs - EVERYSEC_MS);
          await waitUntil('the trace', () => hasEnded(tracer));
        });
        const lines = readFileSync(trace, 'latin1').slice(begin);
        const { synced } = lengthsOf(lines, length);
        const written = statSync(file).size;
        const kept = random.oneIn(2) ? synced : synced + random.below(written - synced + 1);
        truncateSync(file, kept);
        const lost = `${written - kept} of ${written - length} bytes lost`;
        report(`round ${round}/${rounds}: ${writers.acknowledged} operations, ${lost}`);
      }
      await withServer(launch([]), (server) => writers.check(server, (_, ops) => least(ops)));
    }),
  );
}
