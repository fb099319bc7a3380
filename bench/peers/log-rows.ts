/** Throughput with an append-only file: replies that wait for the disk, and such as do not. */
import type { BenchOptions } from './options.ts';
import type { Progress } from './progress.ts';
import { besideLoad, type Load, runLoad } from './redis-benchmark.ts';
import type { Metric } from './results.ts';
import { inTurn, type Pair, type ServerKind, withPair } from './servers.ts';

const CLIENTS = 50;
const KEY_SPACE = 100_000;
const RUN_SECONDS = 3;
const QUICK_RUN_SECONDS = 1;
const TRIAL_REQUESTS = 5000;

type Series = Record<ServerKind, number[]>;

/** A rewrite would come at another time in each round. */
const ARGS = ['--appendonly', 'yes', '--auto-aof-rewrite-percentage', '0'];

function loadOf(test: 'set' | 'get', pipeline: number): Load {
  const requests = TRIAL_REQUESTS * pipeline;
  return { test, requests, clients: CLIENTS, pipeline, threads: 1, keySpace: KEY_SPACE };
}

/** One measurement of about the length of a run. `beside` is under way meanwhile. */
interface Case {
  readonly name: string;
  readonly load: Load;
  readonly beside: Load | null;
}

/** Rounds that do not count: the first says how many requests a run has, the second warms up. */
const TRIAL = -2;
const UNCOUNTED = ['trial', 'warm-up'];

/** Requests per second of each case, round by round. */
async function measure(
  pair: Pair,
  cases: readonly Case[],
  options: BenchOptions,
  progress: Progress,
): Promise<readonly Series[]> {
  const seconds = options.isQuick ? QUICK_RUN_SECONDS : RUN_SECONDS;
  const results = cases.map((): Series => ({ redis: [], tessera: [] }));
  const rates = cases.map(() => ({ redis: 0, tessera: 0 }));
  for (let round = TRIAL; round < options.rounds; round++) {
    const name = UNCOUNTED[round - TRIAL] ?? `round ${round + 1}`;
    for (const [i, { name: what, load, beside }] of cases.entries()) {
      for (const server of inTurn(pair, round)) {
        const { kind } = server;
        const rate = rates[i]![kind];
        const requests = round === TRIAL ? load.requests : Math.ceil(rate * seconds);
        const run = (): Promise<{ requestsPerSecond: number }> =>
          runLoad(server, { ...load, requests });
        const { requestsPerSecond } =
          beside === null ? await run() : await besideLoad(server, beside, run);
        const text = Math.round(requestsPerSecond).toLocaleString('en-US');
        progress.step(`${what}: ${name} ${kind} ${text}/s`);
        rates[i]![kind] = requestsPerSecond;
        if (round >= 0) results[i]![kind].push(requestsPerSecond);
      }
    }
  }
  return results;
}

function metric(id: string, what: string, samples: Series, bound: number): Metric {
  return { id, what, unit: 'req/s', ...samples, target: { kind: 'ratio-min', bound } };
}

export async function logRows(
  options: BenchOptions,
  progress: Progress,
): Promise<readonly Metric[]> {
  const always = [...ARGS, '--appendfsync', 'always'];
  const set = loadOf('set', 1);
  const beside = 'GET, 50 clients beside 50 that SET, appendfsync always';
  const [sets, gets] = await withPair(always, always, (pair) =>
    measure(
      pair,
      [
        { name: 'SET, always', load: set, beside: null },
        { name: beside, load: loadOf('get', 1), beside: set },
      ],
      options,
      progress,
    ),
  );
  const everysec = [...ARGS, '--appendfsync', 'everysec'];
  const [pipelined] = await withPair(everysec, everysec, (pair) => {
    const one = { name: 'SET, everysec, pipeline 16', load: loadOf('set', 16), beside: null };
    return measure(pair, [one], options, progress);
  });
  return [
    metric('always/set', 'SET, 50 clients, no pipeline, appendfsync always', sets!, 1.5),
    metric('always/get', beside, gets!, 5),
    metric('everysec/set', 'SET, pipeline 16, appendfsync everysec', pipelined!, 1.1),
  ];
}
