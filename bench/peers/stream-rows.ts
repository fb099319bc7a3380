/** Streams: appending, ranges, consumer groups, and bytes per entry. */
import { clientRows } from './client-rows.ts';
import { measureTest, type Test } from './collection-rows.ts';
import type { BenchOptions } from './options.ts';
import type { Progress } from './progress.ts';
import { RawConnection } from './raw-connection.ts';
import type { Metric } from './results.ts';
import { type RunningServer, withPair } from './servers.ts';
import { fillStream, idOf } from './stream-data.ts';

const RANGE_ENTRIES = 100_000;
const MEMORY_ENTRIES = 1_000_000;
const GROUP_STREAMS = 50;
const GROUP_ENTRIES = 2000;

const TWO_FIELDS = ['field1', '__rand_int__', 'field2', 'value'];

const TESTS: readonly Test[] = [
  {
    name: 'xadd of two fields',
    test: ['XADD', 'added', '*', ...TWO_FIELDS],
    roughRate: 300_000,
    keySpace: 100_000,
    ratioMin: 1,
  },
  {
    name: 'xrange of 100',
    test: ['XRANGE', 'big', idOf(RANGE_ENTRIES / 2), '+', 'COUNT', '100'],
    roughRate: 12_000,
    keySpace: 0,
    ratioMin: 1,
  },
];

async function throughput(options: BenchOptions, progress: Progress): Promise<readonly Metric[]> {
  return withPair([], [], async (pair) => {
    for (const server of [pair.redis, pair.tessera]) {
      progress.step(`filling ${server.kind} with ${RANGE_ENTRIES} entries`);
      await fillStream(server.port, 'big', RANGE_ENTRIES);
    }
    const metrics: Metric[] = [];
    for (const one of TESTS) metrics.push(...(await measureTest(pair, one, options, progress)));
    return metrics;
  });
}

async function fillGroupStreams(server: RunningServer): Promise<void> {
  for (let i = 0; i < GROUP_STREAMS; i++) {
    await fillStream(server.port, `stream:${i}`, GROUP_ENTRIES);
  }
}

/** Growth of used_memory, which counts what both allocators round up to. */
async function memory(progress: Progress): Promise<readonly Metric[]> {
  return withPair([], [], async (pair) => {
    const perEntry = { redis: 0, tessera: 0 };
    for (const server of [pair.redis, pair.tessera]) {
      progress.step(`stream of 1M entries: filling ${server.kind}`);
      const connection = await RawConnection.open(server.port);
      const before = await connection.infoNumber('memory', 'used_memory');
      await fillStream(server.port, 'big', MEMORY_ENTRIES);
      const after = await connection.infoNumber('memory', 'used_memory');
      connection.close();
      perEntry[server.kind] = (after - before) / MEMORY_ENTRIES;
    }
    return [
      {
        id: 'memory-stream',
        what: 'stream of 1M entries of two fields: used_memory',
        unit: 'bytes/key' as const,
        redis: [perEntry.redis],
        tessera: [perEntry.tessera],
        target: { kind: 'ratio-max' as const, bound: 1 },
      },
    ];
  });
}

/** All rows of streams. */
export async function streamRows(
  options: BenchOptions,
  progress: Progress,
): Promise<readonly Metric[]> {
  const groups = {
    id: 'streams/group',
    what: `XREADGROUP and XACK, pipeline 16, ${GROUP_STREAMS} consumers`,
    unit: 'req/s',
    helper: 'stream-group-client.ts',
    args: [GROUP_STREAMS, GROUP_ENTRIES],
    prepare: fillGroupStreams,
  } as const;
  return [
    ...(await progress.attempt('streams', () => throughput(options, progress))),
    ...(await progress.attempt('groups', () => clientRows(groups, options, progress))),
    ...(await progress.attempt('stream memory', () => memory(progress))),
  ];
}
