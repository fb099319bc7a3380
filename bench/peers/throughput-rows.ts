/** Throughput rows: redis-benchmark against both servers in turn. */
import type { BenchOptions, Group } from './options.ts';
import type { Progress } from './progress.ts';
import { type Load, type LoadResult, runLoad } from './redis-benchmark.ts';
import type { Metric, Target } from './results.ts';
import { inTurn, type Pair, withPair } from './servers.ts';

/**
 * Keys of the rows that have a target: a data set that no cache line holds. One key alone is
 * measured beside it.
 */
const KEY_SPACE = 100_000;
/** Pipelines also run over more than any cache holds. */
const LARGE_KEY_SPACE = 1_000_000;
/** What they are called in the table and in the ids of rows. */
const KEY_SPACES: ReadonlyMap<number, { readonly keys: string; readonly suffix: string }> = new Map(
  [
    [KEY_SPACE, { keys: '100k keys', suffix: '' }],
    [LARGE_KEY_SPACE, { keys: '1M keys', suffix: '/1m' }],
    [0, { keys: 'one key', suffix: '/one-key' }],
  ],
);
const CLIENTS = 50;
/** Aimed length of one run; from it and the rough rates follow the request counts. */
const RUN_SECONDS = 3;
const QUICK_RUN_SECONDS = 0.8;
/**
 * redis-benchmark with threads notices its end every 250 ms only: its runs are longer, so that this
 * is a few percent.
 */
const THREADED_LENGTH_FACTOR = 4;

interface Scenario {
  readonly id: string;
  readonly group: Group;
  readonly what: string;
  readonly pipeline: number;
  readonly threads: number;
  readonly tesseraArgs: readonly string[];
  readonly ratioMin: number;
  /** Key spaces without a target beside KEY_SPACE; 0 = redis-benchmark's single key. */
  readonly also: readonly number[];
  /** Requests per second that a server of today does, within a factor of a few. */
  readonly roughRate: number;
}

const SCENARIOS: readonly Scenario[] = [
  {
    id: 'no-pipeline',
    group: 'no-pipeline',
    what: '50 clients, no pipeline',
    pipeline: 1,
    threads: 1,
    tesseraArgs: [],
    ratioMin: 0.95,
    also: [0],
    roughRate: 80_000,
  },
  {
    id: 'pipeline-16',
    group: 'pipeline',
    what: 'pipeline 16',
    pipeline: 16,
    threads: 1,
    tesseraArgs: [],
    ratioMin: 1.15,
    also: [LARGE_KEY_SPACE, 0],
    roughRate: 600_000,
  },
  {
    id: 'pipeline-64',
    group: 'pipeline',
    what: 'pipeline 64',
    pipeline: 64,
    threads: 1,
    tesseraArgs: [],
    ratioMin: 1.2,
    also: [LARGE_KEY_SPACE, 0],
    roughRate: 900_000,
  },
  {
    id: 'lease-no',
    group: 'lease',
    what: '--lease no, pipeline 16',
    pipeline: 16,
    threads: 1,
    tesseraArgs: ['--lease', 'no'],
    ratioMin: 0.6,
    also: [],
    roughRate: 500_000,
  },
  {
    id: 'io-threads-2',
    group: 'io-threads',
    what: '--io-threads 2, 2 benchmark threads',
    pipeline: 1,
    threads: 2,
    tesseraArgs: ['--io-threads', '2'],
    ratioMin: 1.2,
    also: [],
    roughRate: 80_000,
  },
];

type Samples = Record<'redis' | 'tessera', LoadResult[]>;

/** SET first, so that GET finds its keys; the first round only warms both servers up. */
async function measure(
  pair: Pair,
  load: Omit<Load, 'test'>,
  rounds: number,
  step: (text: string) => void,
): Promise<Record<'set' | 'get', Samples>> {
  const results = { set: { redis: [], tessera: [] }, get: { redis: [], tessera: [] } } as Record<
    'set' | 'get',
    Samples
  >;
  for (let round = -1; round < rounds; round++) {
    for (const test of ['set', 'get'] as const) {
      for (const server of inTurn(pair, round)) {
        const result = await runLoad(server, { ...load, test });
        const name = round < 0 ? 'warm-up' : `round ${round + 1}/${rounds}`;
        const rate = Math.round(result.requestsPerSecond).toLocaleString('en-US');
        step(`${name} ${test.toUpperCase()} ${server.kind} ${rate}/s`);
        if (round >= 0) results[test][server.kind].push(result);
      }
    }
  }
  return results;
}

function metricsOf(
  id: string,
  what: string,
  samples: Samples,
  target: Target | null,
): readonly Metric[] {
  const values = (
    read: (result: LoadResult) => number,
  ): { redis: readonly number[]; tessera: readonly number[] } => ({
    redis: samples.redis.map(read),
    tessera: samples.tessera.map(read),
  });
  return [
    { id, what, unit: 'req/s', ...values((result) => result.requestsPerSecond), target },
    {
      id: `${id}/cpu`,
      what: `${what}: server CPU`,
      unit: 'µs/cmd',
      ...values((result) => result.cpuMicros),
      target: null,
    },
  ];
}

async function runScenario(
  scenario: Scenario,
  options: BenchOptions,
  progress: Progress,
): Promise<readonly Metric[]> {
  const { id, what, pipeline, threads, roughRate } = scenario;
  const seconds = options.isQuick ? QUICK_RUN_SECONDS : RUN_SECONDS;
  const factor = threads > 1 ? THREADED_LENGTH_FACTOR : 1;
  const requests = Math.round(roughRate * seconds * factor);
  const metrics: Metric[] = [];
  await withPair([], scenario.tesseraArgs, async (pair) => {
    for (const keySpace of [KEY_SPACE, ...scenario.also]) {
      const load = { requests, clients: CLIENTS, pipeline, threads, keySpace };
      const { keys, suffix } = KEY_SPACES.get(keySpace)!;
      const step = (text: string): void => progress.step(`${what}, ${keys}: ${text}`);
      const results = await measure(pair, load, options.rounds, step);
      const target =
        keySpace === KEY_SPACE ? { kind: 'ratio-min' as const, bound: scenario.ratioMin } : null;
      for (const test of ['get', 'set'] as const) {
        const name = `${test.toUpperCase()}, ${what}, ${keys}`;
        const row = `${id}/${test}${suffix}`;
        metrics.push(...metricsOf(row, name, results[test], target));
      }
    }
  });
  return metrics;
}

export async function throughputRows(
  options: BenchOptions,
  progress: Progress,
): Promise<readonly Metric[]> {
  const metrics: Metric[] = [];
  for (const scenario of SCENARIOS) {
    if (!options.groups.has(scenario.group)) continue;
    const rows = await progress.attempt(scenario.what, () =>
      runScenario(scenario, options, progress),
    );
    metrics.push(...rows);
  }
  return metrics;
}
