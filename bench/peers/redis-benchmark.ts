/** One run of redis-benchmark, and the server's CPU time during it. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { cpuSeconds } from './proc-stat.ts';
import type { RunningServer } from './servers.ts';

const RUN_TIMEOUT_MS = 180_000;
const DEFAULT_VALUE_BYTES = 3;
const run = promisify(execFile);

export interface Load {
  /** A test that redis-benchmark knows by name, or the words of a command of its own. */
  readonly test: string | readonly string[];
  readonly requests: number;
  readonly clients: number;
  readonly pipeline: number;
  /** Threads of redis-benchmark itself; 1 = its plain event loop. */
  readonly threads: number;
  /** Random keys of this many (`-r`); 0 = its single default key. */
  readonly keySpace: number;
  /** Bytes of a value (`-d`). */
  readonly valueBytes?: number;
  /** Processes at once that share clients and requests: where one thread would be the limit. */
  readonly processes?: number;
}

export interface LoadResult {
  readonly requestsPerSecond: number;
  /** Server user and system time divided by the requests. */
  readonly cpuMicros: number;
  readonly p99Ms: number;
}

function argsOf(load: Load, port: number): string[] {
  const args = ['-h', '127.0.0.1', '-p', String(port), '-q', '--csv'];
  args.push('-d', String(load.valueBytes ?? DEFAULT_VALUE_BYTES));
  args.push('-n', String(load.requests), '-c', String(load.clients), '-P', String(load.pipeline));
  if (load.keySpace > 0) args.push('-r', String(load.keySpace));
  if (load.threads > 1) args.push('--threads', String(load.threads));
  if (typeof load.test === 'string') args.push('-t', load.test);
  else args.push(...load.test);
  return args;
}

/** Throws when it failed or hung. What several processes do at once is added up. */
export async function runLoad(server: RunningServer, load: Load): Promise<LoadResult> {
  const before = cpuSeconds(server.pid);
  const { processes = 1 } = load;
  const requests = Math.ceil(load.requests / processes);
  const share = { ...load, requests, clients: load.clients / processes };
  const results = await Promise.all(Array.from({ length: processes }, () => runOne(server, share)));
  const cpu = cpuSeconds(server.pid) - before;
  return {
    requestsPerSecond: results.reduce((sum, one) => sum + one.requestsPerSecond, 0),
    cpuMicros: (cpu / (requests * processes)) * 1e6,
    p99Ms: Math.max(...results.map((one) => one.p99Ms)),
  };
}

/** Last line of its CSV: `"GET","rps","avg","min","p50","p95","p99","max"`. */
async function runOne(
  server: RunningServer,
  load: Load,
): Promise<Pick<LoadResult, 'requestsPerSecond' | 'p99Ms'>> {
  const { stdout } = await run('redis-benchmark', argsOf(load, server.port), {
    timeout: RUN_TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  const line = stdout.trim().split('\n').at(-1) ?? '';
  const fields = line.split(',').map((field) => Number(field.replaceAll('"', '')));
  const requestsPerSecond = fields[1] ?? Number.NaN;
  if (!Number.isFinite(requestsPerSecond)) throw new Error(`redis-benchmark said: ${stdout}`);
  return { requestsPerSecond, p99Ms: fields[6] ?? Number.NaN };
}

const background = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of background) child.kill('SIGKILL');
});

/**
 * Runs `body` beside a load that goes on until it has ended; the number of requests does not count.
 * Throws where the load ended before.
 */
export async function besideLoad<T>(
  server: RunningServer,
  load: Omit<Load, 'requests'>,
  body: () => Promise<T>,
): Promise<T> {
  const args = [...argsOf({ ...load, requests: 1_000_000 }, server.port), '-l'];
  const child = spawn('redis-benchmark', args, { stdio: 'ignore' });
  background.add(child);
  const ended = once(child, 'exit');
  try {
    const result = await body();
    if (child.exitCode !== null) throw new Error('the load beside the measurement has ended');
    return result;
  } finally {
    child.kill('SIGKILL');
    await ended;
    background.delete(child);
  }
}
