/** Snapshots, loading and the append-only file: memory, latency beside them, speed. */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fillMixed, fillPlain, PLAIN_VALUE_BYTES, plainCount } from './durability-data.ts';
import { HelperProcess } from './helper-process.ts';
import type { ProbeReport } from './latency-rows.ts';
import { logRows } from './log-rows.ts';
import type { BenchOptions } from './options.ts';
import { footprintBytes } from './proc-stat.ts';
import type { Progress } from './progress.ts';
import { RawConnection } from './raw-connection.ts';
import { besideLoad } from './redis-benchmark.ts';
import type { Metric } from './results.ts';
import { inTurn, type RunningServer, type ServerKind, startServer, withPair } from './servers.ts';

const DATA_BYTES = 2e9;
const QUICK_DATA_BYTES = 200e6;
const MEGABYTE = 1e6;
/** Rounds of measurements that take minutes. */
const LONG_ROUNDS_MAX = 3;
const SAVE_MS_MAX = 600_000;
const LOAD_MS_MAX = 600_000;
const SAMPLE_MS = 50;
const POLL_MS = 5;
/** How long the load runs before its memory is taken for "before". */
const SETTLE_MS = 4000;
/** SETs a second beside the questions of the probe: both servers have time left. */
const STEADY_RATE = 10_000;
const PROBE_MS = 8000;
const QUICK_PROBE_MS = 3000;

type Series = Record<ServerKind, number[]>;

function series(): Series {
  return { redis: [], tessera: [] };
}

function sizeText(bytes: number): string {
  return bytes >= 1e9 ? `${bytes / 1e9} GB` : `${bytes / MEGABYTE} MB`;
}

/** Inode of the snapshot file; each new one has another. 0 = there is none. */
function snapshotInode(server: RunningServer): bigint {
  const path = join(server.folder, 'dump.rdb');
  return statSync(path, { bigint: true, throwIfNoEntry: false })?.ino ?? 0n;
}

/** Runs a BGSAVE to its end: the new file is in its place. Returns the milliseconds. */
async function snapshot(server: RunningServer): Promise<number> {
  const connection = await RawConnection.open(server.port);
  const before = snapshotInode(server);
  const start = performance.now();
  const reply = await connection.command('BGSAVE');
  if (!reply.startsWith('+')) throw new Error(`BGSAVE: ${reply}`);
  while (snapshotInode(server) === before) {
    if (performance.now() - start > SAVE_MS_MAX) throw new Error('BGSAVE does not end');
    await sleep(POLL_MS);
  }
  const ms = performance.now() - start;
  // The server has to have noticed it, too, before the next one.
  while ((await connection.infoNumber('persistence', 'rdb_bgsave_in_progress')) !== 0) {
    await sleep(POLL_MS);
  }
  connection.close();
  return ms;
}

/** Most memory of the server and its children while `body` runs. */
async function peakDuring(server: RunningServer, body: () => Promise<unknown>): Promise<number> {
  let peak = footprintBytes(server.pid);
  const timer = setInterval(() => {
    peak = Math.max(peak, footprintBytes(server.pid));
  }, SAMPLE_MS);
  try {
    await body();
  } finally {
    clearInterval(timer);
  }
  return Math.max(peak, footprintBytes(server.pid));
}

/** Growth of memory during a snapshot under SETs at full speed, in % of what it was before. */
async function extraMemory(server: RunningServer, keyCount: number): Promise<number> {
  const load = {
    ...{ test: 'set', clients: 50, pipeline: 16, threads: 1 },
    ...{ keySpace: keyCount, valueBytes: PLAIN_VALUE_BYTES },
  };
  return besideLoad(server, load, async () => {
    const before = await peakDuring(server, () => sleep(SETTLE_MS));
    const peak = await peakDuring(server, () => snapshot(server));
    return ((peak - before) / before) * 100;
  });
}

/** p99 of GETs beside steady SETs, with snapshots one after the other or without. */
async function p99Beside(
  server: RunningServer,
  keyCount: number,
  hasSnapshots: boolean,
  probeMs: number,
): Promise<number> {
  const { port } = server;
  const load = new HelperProcess('steady-load.ts', [
    ...[port, STEADY_RATE, keyCount, PLAIN_VALUE_BYTES],
  ]);
  let probe: HelperProcess | null = null;
  try {
    await load.next();
    probe = new HelperProcess('latency-probe.ts', [port, 0, keyCount, PLAIN_VALUE_BYTES]);
    const start = performance.now();
    do {
      if (hasSnapshots) await snapshot(server);
      else await sleep(probeMs);
    } while (performance.now() - start < probeMs);
    const [report] = (await probe.finish()) as [ProbeReport];
    await load.finish();
    return report.p99Ms;
  } finally {
    load.kill();
    probe?.kill();
  }
}

/** Memory and latency during snapshots of plain strings. */
async function besideSnapshots(
  options: BenchOptions,
  bytes: number,
  progress: Progress,
): Promise<readonly Metric[]> {
  const size = sizeText(bytes);
  const keyCount = plainCount(bytes);
  const [quiet, busy, ratio, extra] = [series(), series(), series(), series()];
  const rounds = Math.min(options.rounds, LONG_ROUNDS_MAX);
  const probeMs = options.isQuick ? QUICK_PROBE_MS : PROBE_MS;
  await withPair([], [], async (pair) => {
    for (const server of inTurn(pair, 0)) {
      progress.step(`filling ${server.kind} with ${size} of strings`);
      await fillPlain(server.port, keyCount);
    }
    for (let round = 0; round < rounds; round++) {
      for (const server of inTurn(pair, round)) {
        const without = await p99Beside(server, keyCount, false, probeMs);
        const during = await p99Beside(server, keyCount, true, probeMs);
        quiet[server.kind].push(without);
        busy[server.kind].push(during);
        ratio[server.kind].push(during / without);
        const text = `p99 ${without.toFixed(2)} ms, during snapshots ${during.toFixed(2)} ms`;
        progress.step(`${server.kind}: GET ${text}`);
        const percent = await extraMemory(server, keyCount);
        extra[server.kind].push(percent);
        progress.step(`${server.kind}: ${percent.toFixed(1)} % more memory during a snapshot`);
      }
    }
  });
  const what = `BGSAVE of ${size}`;
  return [
    {
      ...{ id: 'snapshot-memory', what: `extra memory, ${what} under SETs`, unit: '%', ...extra },
      target: { kind: 'max', bound: 5 },
    },
    {
      ...{ id: 'snapshot-p99', what: `GET p99, ${what}: of p99 without`, unit: 'times', ...ratio },
      target: { kind: 'max', bound: 2 },
    },
    {
      id: 'snapshot-p99/quiet',
      what: 'GET p99 without BGSAVE',
      unit: 'ms',
      ...quiet,
      target: null,
    },
    { id: 'snapshot-p99/busy', what: `GET p99, ${what}`, unit: 'ms', ...busy, target: null },
  ];
}

/** Speed of BGSAVE and of the start with its file. */
async function saveAndLoad(
  options: BenchOptions,
  bytes: number,
  progress: Progress,
): Promise<readonly Metric[]> {
  const size = sizeText(bytes);
  const rounds = Math.min(options.rounds, LONG_ROUNDS_MAX);
  const [saving, loading] = [series(), series()];
  const root = mkdtempSync(join(tmpdir(), 'bench-snapshots-'));
  const folderOf = (kind: ServerKind): string => mkdtempSync(join(root, `${kind}-`));
  const folders = { redis: folderOf('redis'), tessera: folderOf('tessera') };
  const servers: RunningServer[] = [];
  const start = async (kind: ServerKind): Promise<RunningServer> => {
    const options = { folder: folders[kind], timeoutMs: LOAD_MS_MAX };
    const server = await startServer(kind, [], options);
    servers.push(server);
    return server;
  };
  try {
    const pair = { redis: await start('redis'), tessera: await start('tessera') };
    let megabytes = 0;
    for (const server of servers) {
      progress.step(`filling ${server.kind} with ${size} of mixed types`);
      megabytes = (await fillMixed(server.port, bytes)).bytes / MEGABYTE;
    }
    for (let round = 0; round < rounds; round++) {
      for (const server of inTurn(pair, round)) {
        const ms = await snapshot(server);
        saving[server.kind].push((megabytes / ms) * 1000);
        progress.step(`${server.kind}: BGSAVE of ${size} of mixed types in ${ms.toFixed(0)} ms`);
      }
    }
    for (const server of servers.splice(0)) await server.stop();
    for (let round = 0; round < rounds; round++) {
      for (const { kind } of inTurn(pair, round)) {
        const server = await start(kind);
        loading[kind].push((megabytes / server.firstPongMs) * 1000);
        progress.step(`${kind}: loaded ${size} in ${server.firstPongMs.toFixed(0)} ms`);
        await servers.pop()!.stop();
      }
    }
  } finally {
    for (const server of servers) await server.stop();
    rmSync(root, { recursive: true, force: true });
  }
  const target = { kind: 'ratio-min', bound: 1 } as const;
  return [
    { id: 'bgsave', what: `BGSAVE of ${size}, mixed types`, unit: 'MB/s', ...saving, target },
    { id: 'load', what: `start with ${size}, mixed types`, unit: 'MB/s', ...loading, target },
  ];
}

export async function durabilityRows(
  options: BenchOptions,
  progress: Progress,
): Promise<readonly Metric[]> {
  const bytes = options.isQuick ? QUICK_DATA_BYTES : DATA_BYTES;
  return [
    ...(await progress.attempt('snapshots', () => besideSnapshots(options, bytes, progress))),
    ...(await progress.attempt('save and load', () => saveAndLoad(options, bytes, progress))),
    ...(await progress.attempt('append-only file', () => logRows(options, progress))),
  ];
}
