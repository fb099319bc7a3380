/** Short runs of the fuzzer of the log; `npm run fuzz:log` runs it as long as wanted. */
import { expect, test } from 'vitest';
import { withRandom } from '../support/random.ts';
import { RawClient } from '../support/raw-client.ts';
import type { Logged } from '../support/recorder.ts';
import { redisServerPath, startRedis } from '../support/redis-server.ts';
import {
  compareWithRedis,
  fuzzEdges,
  fuzzEpoch,
  isSameAfterExpiry,
  LogPair,
  SMALL_ARENA_BYTES,
  shownFailure,
} from './log.ts';

const STEPS = 400;
const EPOCHS = 4;
const EDGE_COMMANDS = 10_000;
const isInstalled = redisServerPath() !== null;

test('replayed here', async () => {
  const pair = new LogPair();
  await withRandom(async (random) => {
    for (let epoch = 0; epoch < EPOCHS; epoch++) {
      const found = fuzzEpoch(pair, random, ['field'], STEPS);
      expect(found === null ? '' : shownFailure(found)).toBe('');
      expect(isSameAfterExpiry(pair)).toBe(true);
    }
  });
});

test('streams, replayed here', async () => {
  const pair = new LogPair();
  await withRandom(async (random) => {
    for (let epoch = 0; epoch < EPOCHS; epoch++) {
      const found = fuzzEpoch(pair, random, ['stream'], STEPS);
      expect(found === null ? '' : shownFailure(found)).toBe('');
      expect(isSameAfterExpiry(pair)).toBe(true);
    }
  });
});

test('integers at every edge', async () => {
  const pair = new LogPair();
  await withRandom(async (random) => {
    expect(fuzzEdges(pair, random, EDGE_COMMANDS)).toBe(null);
  });
});

test.skipIf(!isInstalled)('replayed by redis-server', async () => {
  const redis = await startRedis();
  const client = await RawClient.connect(redis.port);
  const pair = new LogPair();
  try {
    await withRandom(async (random) => {
      for (let epoch = 0; epoch < EPOCHS; epoch++) {
        const log: Logged[] = [];
        const found = fuzzEpoch(pair, random, ['expiry', 'newer'], STEPS, log);
        expect(found === null ? '' : shownFailure(found)).toBe('');
        expect(await compareWithRedis(client, pair, log)).toBe(null);
      }
    });
  } finally {
    client.close();
    await redis.stop();
  }
});

test('commands that run out of memory half-way', async () => {
  const pair = new LogPair(SMALL_ARENA_BYTES);
  await withRandom(async (random) => {
    for (let epoch = 0; epoch < EPOCHS; epoch++) {
      const found = fuzzEpoch(pair, random, ['large'], STEPS);
      expect(found === null ? '' : shownFailure(found)).toBe('');
    }
  });
  expect(pair.fullChanged).toBeGreaterThan(0);
});
