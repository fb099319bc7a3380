/** What a server costs that nobody talks to, and what ten thousand silent connections cost. */
import { setTimeout as sleep } from 'node:timers/promises';
import { HelperProcess } from './helper-process.ts';
import type { BenchOptions } from './options.ts';
import { cpuSeconds, residentBytes } from './proc-stat.ts';
import type { Progress } from './progress.ts';
import { type Load, runLoad } from './redis-benchmark.ts';
import type { Metric } from './results.ts';
import { inTurn, type RunningServer, type ServerKind, startServer, withPair } from './servers.ts';

const SETTLE_MS = 2000;
const CONNECTIONS = 10_000;
/** "No measurable CPU": the kernel counts in steps of 10 ms, so five steps of noise in 10 s. */
const IDLE_CPU_PERCENT_MAX = 0.5;
const MIB = 2 ** 20;

type Series = Record<ServerKind, number[]>;

function series(): Series {
  return { redis: [], tessera: [] };
}

async function cpuPercent(server: RunningServer, seconds: number): Promise<number> {
  const before = cpuSeconds(server.pid);
  await sleep(seconds * 1000);
  return ((cpuSeconds(server.pid) - before) / seconds) * 100;
}

async function measureIdle(options: BenchOptions, progress: Progress): Promise<readonly Metric[]> {
  const firstPong = series();
  const cpu = series();
  const resident = series();
  for (let round = 0; round < options.rounds; round++) {
    for (const kind of ['redis', 'tessera'] as const) {
      const server = await startServer(kind);
      try {
        firstPong[kind].push(server.firstPongMs);
        // One long look at an idle server says more than several short ones.
        if (round > 0) continue;
        await sleep(SETTLE_MS);
        cpu[kind].push(await cpuPercent(server, options.isQuick ? 5 : 10));
        resident[kind].push(residentBytes(server.pid) / MIB);
        progress.step(`idle ${kind}: ${cpu[kind][0]!.toFixed(2)} % CPU`);
      } finally {
        await server.stop();
      }
    }
  }
  return [
    {
      id: 'first-pong',
      what: 'process start to first PONG',
      unit: 'ms',
      ...firstPong,
      target: { kind: 'max', bound: 500 },
    },
    {
      id: 'idle-cpu',
      what: 'CPU of an idle server',
      unit: '% of a core',
      ...cpu,
      target: { kind: 'max', bound: IDLE_CPU_PERCENT_MAX },
    },
    {
      id: 'idle-rss',
      what: 'resident memory, idle',
      unit: 'MiB',
      ...resident,
      target: { kind: 'max', bound: 150 },
    },
  ];
}

export async function idleRows(
  options: BenchOptions,
  progress: Progress,
): Promise<readonly Metric[]> {
  return progress.attempt('idle', () => measureIdle(options, progress));
}

interface CrowdSample {
  readonly answered: number;
  readonly rate: number;
  readonly residentMib: number;
}

/** Opens the connections, puts load beside them, then asks each whether it still works. */
async function crowd(server: RunningServer, rounds: number, load: Load): Promise<CrowdSample> {
  const before = residentBytes(server.pid);
  const holder = new HelperProcess('idle-connections.ts', [server.port, CONNECTIONS]);
  try {
    const opened = (await holder.next()) as number;
    if (opened < CONNECTIONS) throw new Error(`${server.kind} took ${opened} connections`);
    const rates: number[] = [];
    for (let round = 0; round < rounds; round++) {
      rates.push((await runLoad(server, load)).requestsPerSecond);
    }
    const residentMib = (residentBytes(server.pid) - before) / MIB;
    const [answered] = (await holder.finish()) as [number];
    rates.sort((a, b) => a - b);
    return { answered, rate: rates[(rates.length - 1) >> 1]!, residentMib };
  } finally {
    holder.kill();
  }
}

async function measureCrowd(options: BenchOptions, progress: Progress): Promise<readonly Metric[]> {
  const args = ['--maxclients', '12000'];
  const requests = options.isQuick ? 60_000 : 200_000;
  const load: Load = {
    test: 'get',
    requests,
    clients: 50,
    pipeline: 1,
    threads: 1,
    keySpace: 100_000,
  };
  const answered = series();
  const rate = series();
  const resident = series();
  await withPair(args, args, async (pair) => {
    for (const server of inTurn(pair, 0)) {
      await runLoad(server, { ...load, test: 'set' });
      await runLoad(server, load);
    }
    for (const server of inTurn(pair, 0)) {
      const sample = await crowd(server, options.rounds, load);
      answered[server.kind].push(sample.answered);
      rate[server.kind].push(sample.rate);
      resident[server.kind].push(sample.residentMib);
      const text = `${Math.round(sample.rate)}/s, ${sample.residentMib.toFixed(1)} MiB more`;
      progress.step(`10,000 idle connections: ${server.kind} ${text}`);
    }
  });
  return [
    {
      id: 'connections',
      what: '10,000 idle connections that answer after the load',
      unit: 'connections',
      ...answered,
      target: { kind: 'min', bound: CONNECTIONS },
    },
    {
      id: 'connections/load',
      what: 'GET, 50 clients beside them',
      unit: 'req/s',
      ...rate,
      target: null,
    },
    {
      id: 'connections/rss',
      what: 'resident memory they add',
      unit: 'MiB',
      ...resident,
      target: null,
    },
  ];
}

export async function connectionRows(
  options: BenchOptions,
  progress: Progress,
): Promise<readonly Metric[]> {
  return progress.attempt('10,000 connections', () => measureCrowd(options, progress));
}
