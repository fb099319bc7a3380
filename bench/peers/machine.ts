/** The machine a run was made on. */
import { execFileSync } from 'node:child_process';
import { readFileSync, realpathSync } from 'node:fs';
import { cpus, loadavg, release, tmpdir, totalmem } from 'node:os';
import { TESSERA_VERSION } from '../../src/base/version.ts';

export interface Machine {
  readonly date: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGib: number;
  /** File system of the servers' directories. */
  readonly disk: string;
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

/** File system that `path` lies on, with the directory it is mounted at. */
function fileSystemOf(path: string): string {
  const real = realpathSync(path);
  let found = 'unknown file system';
  let longest = -1;
  for (const line of readFileSync('/proc/mounts', 'utf8').split('\n')) {
    const [, place = '', type = ''] = line.split(' ');
    const isAbove = place !== '' && (real === place || real.startsWith(place.replace(/\/?$/, '/')));
    if (!isAbove || place.length < longest) continue;
    longest = place.length;
    found = type;
  }
  return `${found} (${path})`;
}

export function describeMachine(): Machine {
  const processors = cpus();
  return {
    date: new Date().toISOString().slice(0, 16).replace('T', ' '),
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    disk: fileSystemOf(tmpdir()),
    memoryGib: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.versions.node,
    redis: redisVersion(),
    tessera: TESSERA_VERSION,
    loadBefore: Number(loadavg()[0]!.toFixed(2)),
  };
}

export function machineLine(machine: Machine): string {
  const { cpu, cores, memoryGib, disk, kernel, node, redis, tessera, date, loadBefore } = machine;
  return (
    `${cpu}, ${cores} cores, ${memoryGib} GiB, ${disk}, Linux ${kernel}; ` +
    `Node ${node}, Redis ${redis}, ` +
    `Tessera ${tessera}; ${date} UTC, load before ${loadBefore}`
  );
}
