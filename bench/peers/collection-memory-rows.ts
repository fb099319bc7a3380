/** Bytes per element of large collections, and of small hashes. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  fieldAndValue,
  fillCollection,
  fillSmallHashes,
  MEMBER_COUNT,
  memberOnly,
  scoreAndMember,
} from './collection-data.ts';
import type { Progress } from './progress.ts';
import { RawConnection } from './raw-connection.ts';
import type { Metric } from './results.ts';
import { type RunningServer, withPair } from './servers.ts';

const SMALL_HASHES = 200_000;
const SETTLE_MS = 500;

interface Case {
  readonly id: string;
  readonly what: string;
  readonly count: number;
  /** Bytes per element at most. */
  readonly bound: number;
  readonly fill: (port: number, count: number) => Promise<void>;
}

const CASES: readonly Case[] = [
  {
    id: 'set',
    what: 'set of 1M members',
    count: MEMBER_COUNT,
    bound: 26,
    fill: (port, count) => fillCollection(port, 'SADD', 'big', memberOnly, 0, count),
  },
  {
    id: 'hash',
    what: 'hash of 1M fields',
    count: MEMBER_COUNT,
    bound: 50,
    fill: (port, count) => fillCollection(port, 'HSET', 'big', fieldAndValue, 0, count),
  },
  {
    id: 'list',
    what: 'list of 1M elements',
    count: MEMBER_COUNT,
    bound: 16,
    fill: (port, count) => fillCollection(port, 'RPUSH', 'big', memberOnly, 0, count),
  },
  {
    id: 'sorted-set',
    what: 'sorted set of 1M members',
    count: MEMBER_COUNT,
    bound: 60,
    fill: (port, count) => fillCollection(port, 'ZADD', 'big', scoreAndMember, 0, count),
  },
  {
    id: 'small-hashes',
    what: '200k hashes of five fields',
    count: SMALL_HASHES,
    bound: 150,
    fill: fillSmallHashes,
  },
];

async function usedBy(server: RunningServer): Promise<number> {
  await sleep(SETTLE_MS);
  const connection = await RawConnection.open(server.port);
  const used = await connection.infoNumber('memory', 'used_memory');
  connection.close();
  return used;
}

async function measure(one: Case, progress: Progress): Promise<readonly Metric[]> {
  return withPair([], [], async (pair) => {
    const perElement = { redis: 0, tessera: 0 };
    for (const server of [pair.redis, pair.tessera]) {
      progress.step(`${one.what}: filling ${server.kind}`);
      const before = await usedBy(server);
      await one.fill(server.port, one.count);
      perElement[server.kind] = ((await usedBy(server)) - before) / one.count;
    }
    return [
      {
        id: `memory-${one.id}`,
        what: `${one.what}: used_memory`,
        unit: 'bytes/key' as const,
        redis: [perElement.redis],
        tessera: [perElement.tessera],
        target: { kind: 'max' as const, bound: one.bound },
      },
    ];
  });
}

export async function collectionMemoryRows(progress: Progress): Promise<readonly Metric[]> {
  const metrics: Metric[] = [];
  for (const one of CASES) {
    metrics.push(...(await progress.attempt(one.what, () => measure(one, progress))));
  }
  return metrics;
}
