/** The machine a run was made on. */
import { execFileSync } from 'node:child_process';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { TESSERA_VERSION } from '../../src/base/version.ts';

export interface Machine {
  readonly date: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGib: number;
  readonly kernel: string;
  readonly node: string;
  readonly redis: string;
  readonly tessera: string;
  /** Load average of the last minute before the run: a busy machine measures its neighbours too. */
  readonly loadBefore: number;
}

/**
 * `redis-server --version` says `Redis server v=7.0.15 sha=…`. Throws where it is not installed.
 */
function redisVersion(): string {
  const text = execFileSync('redis-server', ['--version'], { encoding: 'utf8' });
  return /v=(\S+)/.exec(text)?.[1] ?? text.trim();
}

export function describeMachine(): Machine {
  const processors = cpus();
  return {
    date: new Date().toISOString().slice(0, 16).replace('T', ' '),
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.versions.node,
    redis: redisVersion(),
    tessera: TESSERA_VERSION,
    loadBefore: Number(loadavg()[0]!.toFixed(2)),
  };
}

export function machineLine(machine: Machine): string {
  const { cpu, cores, memoryGib, kernel, node, redis, tessera, date, loadBefore } = machine;
  return (
    `${cpu}, ${cores} cores, ${memoryGib} GiB, Linux ${kernel}; Node ${node}, Redis ${redis}, ` +
    `Tessera ${tessera}; ${date} UTC, load before ${loadBefore}`
  );
}
