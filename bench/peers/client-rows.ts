/** Clients that tie to each other: pub/sub fan-out, and lists that blocked clients wait for. */
import { HelperProcess } from './helper-process.ts';
import type { BenchOptions } from './options.ts';
import { cpuSeconds } from './proc-stat.ts';
import type { Progress } from './progress.ts';
import type { Metric, Unit } from './results.ts';
import { inTurn, type RunningServer, withPair } from './servers.ts';

const RUN_SECONDS = 4;
const QUICK_RUN_SECONDS = 1;
const SUBSCRIBERS = 50;
const BATCH = 100;
const PAIRS = 25;

/** What one run gives: messages a second, and the server's time for one of them. */
interface Sample {
  readonly perSecond: number;
  readonly cpuMicros: number;
}

async function sample(
  server: RunningServer,
  helper: string,
  args: readonly number[],
  seconds: number,
): Promise<Sample> {
  const client = new HelperProcess(helper, [server.port, seconds, ...args]);
  try {
    const cpuBefore = cpuSeconds(server.pid);
    const started = performance.now();
    const perSecond = (await client.next()) as number;
    const busy = cpuSeconds(server.pid) - cpuBefore;
    // The warm-up counts in both, and goes at the same pace.
    const done = (perSecond * (performance.now() - started)) / 1000;
    return { perSecond, cpuMicros: (busy * 1e6) / done };
  } finally {
    client.kill();
  }
}

export interface ClientCase {
  readonly id: string;
  readonly what: string;
  readonly unit: Unit;
  readonly helper: string;
  readonly args: readonly number[];
  /** Fills a server before anything is measured. */
  readonly prepare?: (server: RunningServer) => Promise<void>;
}

/** Throughput and server CPU of a client of the harness's own. */
export async function clientRows(
  { id, what, unit, helper, args, prepare }: ClientCase,
  options: BenchOptions,
  progress: Progress,
): Promise<readonly Metric[]> {
  const seconds = options.isQuick ? QUICK_RUN_SECONDS : RUN_SECONDS;
  return withPair([], [], async (pair) => {
    const rates = { redis: [] as number[], tessera: [] as number[] };
    const cpu = { redis: [] as number[], tessera: [] as number[] };
    for (const server of [pair.redis, pair.tessera]) await prepare?.(server);
    for (let round = 0; round < options.rounds; round++) {
      for (const server of inTurn(pair, round)) {
        const { perSecond, cpuMicros } = await sample(server, helper, args, seconds);
        rates[server.kind].push(perSecond);
        cpu[server.kind].push(cpuMicros);
        const text = Math.round(perSecond).toLocaleString('en-US');
        progress.step(`${what}: round ${round + 1} ${server.kind} ${text}/s`);
      }
    }
    return [
      { id, what, unit, ...rates, target: { kind: 'ratio-min', bound: 1 } },
      { id: `${id}/cpu`, what: `server CPU, ${what}`, unit: 'µs/cmd', ...cpu, target: null },
    ];
  });
}

/** Messages that arrive in a second. */
export function pubSubRows(options: BenchOptions, progress: Progress): Promise<readonly Metric[]> {
  return clientRows(
    {
      id: 'pubsub/fan-out',
      what: `PUBLISH, pipeline ${BATCH}, to ${SUBSCRIBERS} subscribers`,
      unit: 'msg/s',
      helper: 'fan-out-client.ts',
      args: [SUBSCRIBERS, BATCH],
    },
    options,
    progress,
  );
}

/** Elements that blocked clients hand each other in a second. */
export function blockingRows(
  options: BenchOptions,
  progress: Progress,
): Promise<readonly Metric[]> {
  return clientRows(
    {
      id: 'blocking/ping-pong',
      what: `LPUSH and BRPOP, ${PAIRS} pairs of clients in turn`,
      unit: 'msg/s',
      helper: 'ping-pong-client.ts',
      args: [PAIRS],
    },
    options,
    progress,
  );
}
