/** p99 of a GET while another client keeps the server busy with something heavy. */
import { fillCollection, memberOnly, scoreAndMember } from './collection-data.ts';
import { fill, KEY_COUNT, multiGet } from './data-set.ts';
import { HelperProcess } from './helper-process.ts';
import type { BenchOptions } from './options.ts';
import type { Progress } from './progress.ts';
import { RawConnection } from './raw-connection.ts';
import { type Metric, median } from './results.ts';
import { inTurn, type Pair, type RunningServer, withPair } from './servers.ts';

const P99_MAX_MS = 10;
const HEAVY_TARGET_MS = 400;
const TRIAL_KEYS = 200_000;
/** Redis and Tessera take at most this many arguments in one request. */
const MGET_KEYS_MAX = 1_000_000;

export interface ProbeReport {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/**
 * Keys that make an MGET execute for about 400 ms on Redis, by its own clock (reading the request
 * not counted).
 */
async function calibrate(redis: RunningServer, progress: Progress): Promise<number> {
  const connection = await RawConnection.open(redis.port);
  const executionMs = async (count: number): Promise<number> => {
    await connection.command('CONFIG', 'RESETSTAT');
    const tries = 3;
    const request = multiGet(count, KEY_COUNT);
    for (let i = 0; i < tries; i++) await connection.discard(request);
    const text = await connection.command('INFO', 'commandstats');
    return Number(/^cmdstat_mget:calls=\d+,usec=(\d+)/m.exec(text)?.[1]) / tries / 1000;
  };
  const trialMs = await executionMs(TRIAL_KEYS);
  const wanted = Math.round((TRIAL_KEYS * HEAVY_TARGET_MS) / trialMs);
  const count = Math.min(MGET_KEYS_MAX, wanted);
  const ms = await executionMs(count);
  connection.close();
  progress.step(`MGET of ${count} keys executes for ${Math.round(ms)} ms on redis`);
  return count;
}

/**
 * GET latencies while `heavyArgs` runs in a loop; `calls` are the milliseconds of its calls as its
 * client saw them.
 */
async function probeUnder(
  server: RunningServer,
  heavyArgs: readonly (string | number)[] | null,
  seconds: number,
): Promise<{ report: ProbeReport; heavyMs: number }> {
  const port = server.port;
  const heavy =
    heavyArgs === null ? null : new HelperProcess('heavy-client.ts', [port, ...heavyArgs]);
  let probe: HelperProcess | null = null;
  try {
    // Its first call is over: the loop runs.
    if (heavy !== null) await heavy.next();
    probe = new HelperProcess('latency-probe.ts', [port, seconds, KEY_COUNT]);
    const report = (await probe.next()) as ProbeReport;
    const calls = heavy === null ? [] : ((await heavy.finish()) as number[]);
    return { report, heavyMs: median(calls) };
  } finally {
    heavy?.kill();
    probe?.kill();
  }
}

interface Heavy {
  readonly id: string;
  readonly what: string;
  readonly args: readonly (string | number)[] | null;
}

/** GET p99 under each of `heavies`, and how long one call of it takes. */
async function measureUnder(
  pair: Pair,
  heavies: readonly Heavy[],
  options: BenchOptions,
  progress: Progress,
): Promise<readonly Metric[]> {
  const seconds = options.isQuick ? 4 : 10;
  const metrics: Metric[] = [];
  for (const { id, what, args } of heavies) {
    const p99 = { redis: [] as number[], tessera: [] as number[] };
    const call = { redis: [] as number[], tessera: [] as number[] };
    for (let round = 0; round < options.rounds; round++) {
      for (const server of inTurn(pair, round)) {
        const { report, heavyMs } = await probeUnder(server, args, seconds);
        p99[server.kind].push(report.p99Ms);
        call[server.kind].push(heavyMs);
        const text = `p50 ${report.p50Ms.toFixed(2)} p99 ${report.p99Ms.toFixed(2)}`;
        const heavyText = args === null ? '' : `, one heavy call ${heavyMs.toFixed(0)} ms`;
        const line = `${server.kind} ${text} max ${report.maxMs.toFixed(1)} ms${heavyText}`;
        progress.step(`GET while ${what}: ${line}`);
      }
    }
    const target = args === null ? null : { kind: 'max' as const, bound: P99_MAX_MS };
    metrics.push({ id, what: `GET p99, ${what}`, unit: 'ms', ...p99, target });
    if (args === null) continue;
    metrics.push({
      id: `${id}/call`,
      what: `one call: ${what}`,
      unit: 'ms',
      ...call,
      target: null,
    });
  }
  return metrics;
}

async function measure(options: BenchOptions, progress: Progress): Promise<readonly Metric[]> {
  return withPair([], [], async (pair) => {
    progress.step('latency: filling redis and tessera with 1M keys');
    await fill(pair.redis.port, KEY_COUNT, 0);
    await fill(pair.tessera.port, KEY_COUNT, 0);
    const mgetKeys = await calibrate(pair.redis, progress);
    const heavies: readonly Heavy[] = [
      { id: 'latency-none', what: 'nothing else runs', args: null },
      { id: 'latency-keys', what: 'KEYS * over 1M keys in a loop', args: ['keys'] },
      {
        id: 'latency-mget',
        what: `MGET of ${Math.round(mgetKeys / 1000)}k keys in a loop`,
        args: ['mget', mgetKeys, KEY_COUNT],
      },
    ];
    return measureUnder(pair, heavies, options, progress);
  });
}

const UNION_MEMBERS = 400_000;
const COPIED_MEMBERS = 1_000_000;
const SORTED_SET_MEMBERS = 5_000_000;

/** A number of a list to be sorted, in no order. */
const numberOnly = (index: number): readonly string[] => scoreAndMember(index).slice(0, 1);

const COLLECTION_HEAVIES: readonly Heavy[] = [
  {
    id: 'latency-sunionstore',
    what: 'SUNIONSTORE of two sets of 400k in a loop',
    args: ['commands', 'SUNIONSTORE,union,set1,set2'],
  },
  {
    id: 'latency-del',
    what: 'COPY and DEL of a set of 1M in a loop',
    args: ['commands', 'COPY,set3,gone', 'DEL,gone'],
  },
  {
    id: 'latency-del-sorted',
    what: 'COPY and DEL of a sorted set of 5M in a loop',
    args: ['commands', 'COPY,sorted,gone', 'DEL,gone'],
  },
  {
    id: 'latency-sort',
    what: 'SORT of a list of 1M in a loop',
    args: ['commands', 'SORT,list,LIMIT,0,10'],
  },
];

async function measureCollections(
  options: BenchOptions,
  progress: Progress,
): Promise<readonly Metric[]> {
  return withPair([], [], async (pair) => {
    for (const { kind, port } of [pair.redis, pair.tessera]) {
      progress.step(`latency: filling ${kind} with 1M keys and large collections`);
      await fill(port, KEY_COUNT, 0);
      await fillCollection(port, 'SADD', 'set1', memberOnly, 0, UNION_MEMBERS);
      const half = UNION_MEMBERS / 2;
      await fillCollection(port, 'SADD', 'set2', memberOnly, half, half + UNION_MEMBERS);
      await fillCollection(port, 'SADD', 'set3', memberOnly, 0, COPIED_MEMBERS);
      await fillCollection(port, 'ZADD', 'sorted', scoreAndMember, 0, SORTED_SET_MEMBERS);
      await fillCollection(port, 'RPUSH', 'list', numberOnly, 0, COPIED_MEMBERS);
    }
    return measureUnder(pair, COLLECTION_HEAVIES, options, progress);
  });
}

export async function collectionLatencyRows(
  options: BenchOptions,
  progress: Progress,
): Promise<readonly Metric[]> {
  return progress.attempt('collection latency', () => measureCollections(options, progress));
}

export async function latencyRows(
  options: BenchOptions,
  progress: Progress,
): Promise<readonly Metric[]> {
  return progress.attempt('latency', () => measure(options, progress));
}
