/** Bytes per key of one million 16-byte keys with 32-byte values, with and without expiry. */
import { setTimeout as sleep } from 'node:timers/promises';
import { fill, KEY_COUNT } from './data-set.ts';
import { residentBytes } from './proc-stat.ts';
import type { Progress } from './progress.ts';
import { RawConnection } from './raw-connection.ts';
import type { Metric } from './results.ts';
import { type RunningServer, withPair } from './servers.ts';

const TTL_SECONDS = 86_400;
const SETTLE_MS = 500;

interface Sample {
  readonly used: number;
  readonly resident: number;
}

async function sizeOf(server: RunningServer): Promise<Sample> {
  await sleep(SETTLE_MS);
  const connection = await RawConnection.open(server.port);
  const used = await connection.infoNumber('memory', 'used_memory');
  connection.close();
  return { used, resident: residentBytes(server.pid) };
}

/** Growth per key, of what the server accounts for and of its process. */
async function bytesPerKey(server: RunningServer, ttlSeconds: number): Promise<Sample> {
  // The first keys pay for what is allocated once.
  await fill(server.port, 1, ttlSeconds);
  const before = await sizeOf(server);
  await fill(server.port, KEY_COUNT, ttlSeconds);
  const after = await sizeOf(server);
  return {
    used: (after.used - before.used) / KEY_COUNT,
    resident: (after.resident - before.resident) / KEY_COUNT,
  };
}

async function measure(
  ttlSeconds: number,
  bound: number,
  progress: Progress,
): Promise<readonly Metric[]> {
  const id = ttlSeconds === 0 ? 'memory' : 'memory-ttl';
  const what = `1M keys of 16 bytes, values of 32${ttlSeconds === 0 ? '' : ', with TTL'}`;
  return withPair([], [], async ({ redis, tessera }) => {
    progress.step(`${what}: filling redis`);
    const ofRedis = await bytesPerKey(redis, ttlSeconds);
    progress.step(`${what}: filling tessera`);
    const ofTessera = await bytesPerKey(tessera, ttlSeconds);
    const metric = (part: keyof Sample): Omit<Metric, 'id' | 'what' | 'target'> => ({
      unit: 'bytes/key',
      redis: [ofRedis[part]],
      tessera: [ofTessera[part]],
    });
    return [
      { id, what: `${what}: used_memory`, ...metric('used'), target: { kind: 'max', bound } },
      { id: `${id}/rss`, what: `${what}: resident`, ...metric('resident'), target: null },
    ];
  });
}

export async function memoryRows(progress: Progress): Promise<readonly Metric[]> {
  return [
    ...(await progress.attempt('memory', () => measure(0, 80, progress))),
    ...(await progress.attempt('memory with TTL', () => measure(TTL_SECONDS, 90, progress))),
  ];
}
