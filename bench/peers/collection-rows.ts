/**
 * Throughput of collection commands: redis-benchmark's own tests, and one large collection each.
 */
import {
  fieldAndValue,
  fillCollection,
  MEMBER_COUNT,
  memberOnly,
  scoreAndMember,
  type Words,
} from './collection-data.ts';
import type { BenchOptions } from './options.ts';
import type { Progress } from './progress.ts';
import { runLoad } from './redis-benchmark.ts';
import type { Metric } from './results.ts';
import { inTurn, type Pair, withPair } from './servers.ts';

const CLIENTS = 50;
const PIPELINE = 16;
const KEY_SPACE = 100_000;
const RUN_SECONDS = 2;
const QUICK_RUN_SECONDS = 0.6;

export interface Test {
  readonly name: string;
  readonly test: string | readonly string[];
  readonly roughRate: number;
  readonly keySpace: number;
  readonly ratioMin: number;
}

function named(name: string, roughRate: number): Test {
  return { name, test: name, roughRate, keySpace: KEY_SPACE, ratioMin: 1.1 };
}

/** In this order: what pops comes after what pushes, with as many requests. */
const TESTS: readonly Test[] = [
  ...['lpush', 'rpush', 'lpop', 'rpop', 'sadd', 'hset'].map((name) => named(name, 600_000)),
  named('spop', 500_000),
  named('lpush', 600_000),
  named('lrange_100', 60_000),
  named('lrange_300', 22_000),
  named('lrange_500', 14_000),
  named('lrange_600', 12_000),
  named('mset', 150_000),
  named('zadd', 500_000),
  named('zpopmin', 500_000),
];

/** Throughput and server CPU of one test of redis-benchmark, pipeline 16. */
export async function measureTest(
  pair: Pair,
  one: Test,
  options: BenchOptions,
  progress: Progress,
  processes = 1,
): Promise<readonly Metric[]> {
  const seconds = options.isQuick ? QUICK_RUN_SECONDS : RUN_SECONDS;
  const warmUp = Math.round(one.roughRate * QUICK_RUN_SECONDS);
  const samples = { redis: [] as number[], tessera: [] as number[] };
  const cpu = { redis: [] as number[], tessera: [] as number[] };
  const { test, keySpace } = one;
  for (let round = -1; round < options.rounds; round++) {
    const requests = round < 0 ? warmUp : Math.round(one.roughRate * seconds);
    const name = round < 0 ? 'warm-up' : `round ${round + 1}/${options.rounds}`;
    for (const server of inTurn(pair, round)) {
      const clients = { clients: CLIENTS, pipeline: PIPELINE, threads: 1, processes };
      const load = { test, requests, keySpace, ...clients };
      const { requestsPerSecond, cpuMicros } = await runLoad(server, load);
      const rate = Math.round(requestsPerSecond).toLocaleString('en-US');
      progress.step(`${one.name} ${name} ${server.kind} ${rate}/s`);
      if (round < 0) continue;
      samples[server.kind].push(requestsPerSecond);
      cpu[server.kind].push(cpuMicros);
    }
  }
  const id = `collection${processes === 1 ? '' : processes}/${one.name}`;
  const by = processes === 1 ? '' : `, ${processes} redis-benchmarks`;
  const what = `${one.name.toUpperCase()}, pipeline 16${by}`;
  const target = { kind: 'ratio-min', bound: one.ratioMin } as const;
  return [
    { id, what, unit: 'req/s', ...samples, target },
    { id: `${id}/cpu`, what: `${what}: server CPU`, unit: 'µs/cmd', ...cpu, target: null },
  ];
}

/** redis-benchmark's tests of collections, by `processes` of it at once. */
export async function collectionRows(
  options: BenchOptions,
  progress: Progress,
  processes = 1,
): Promise<readonly Metric[]> {
  const metrics = new Map<string, Metric>();
  await progress.attempt('collections', () =>
    withPair([], [], async (pair) => {
      // The list that LRANGE reads is filled by the second LPUSH, whose figures do not count twice.
      for (const one of TESTS) {
        for (const metric of await measureTest(pair, one, options, progress, processes)) {
          if (!metrics.has(metric.id)) metrics.set(metric.id, metric);
        }
      }
      return [];
    }),
  );
  return [...metrics.values()];
}

interface Large {
  readonly fill: string;
  readonly words: Words;
  readonly tests: readonly Test[];
}

function largeTest(name: string, roughRate: number, ...test: readonly string[]): Test {
  return { name, test, roughRate, keySpace: MEMBER_COUNT, ratioMin: 1 };
}

const RANGE_IN_THE_MIDDLE = ['ZRANGE', 'big', '500000', '500009', 'WITHSCORES'];

const LARGE: readonly Large[] = [
  {
    fill: 'HSET',
    words: fieldAndValue,
    tests: [largeTest('hget from 1M', 600_000, 'HGET', 'big', 'm:__rand_int__')],
  },
  {
    fill: 'RPUSH',
    words: memberOnly,
    tests: [largeTest('lindex in the middle of 1M', 200_000, 'LINDEX', 'big', '500000')],
  },
  {
    fill: 'ZADD',
    words: scoreAndMember,
    tests: [
      largeTest('zadd into 1M', 250_000, 'ZADD', 'big', '__rand_int__', 'm:__rand_int__'),
      largeTest('zrank in 1M', 250_000, 'ZRANK', 'big', 'm:__rand_int__'),
      largeTest('zscore from 1M', 600_000, 'ZSCORE', 'big', 'm:__rand_int__'),
      largeTest('zrange of 10 in the middle of 1M', 200_000, ...RANGE_IN_THE_MIDDLE),
    ],
  },
];

/** Single commands on one collection of a million elements. */
export async function largeRows(
  options: BenchOptions,
  progress: Progress,
): Promise<readonly Metric[]> {
  const metrics: Metric[] = [];
  for (const { fill, words, tests } of LARGE) {
    const rows = await progress.attempt(`large ${fill}`, () =>
      withPair([], [], async (pair) => {
        for (const server of [pair.redis, pair.tessera]) {
          progress.step(`filling ${server.kind} with 1M elements by ${fill}`);
          await fillCollection(server.port, fill, 'big', words, 0, MEMBER_COUNT);
        }
        const measured: Metric[] = [];
        for (const one of tests)
          measured.push(...(await measureTest(pair, one, options, progress)));
        return measured;
      }),
    );
    metrics.push(...rows);
  }
  return metrics;
}
