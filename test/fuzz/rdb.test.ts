/** A short run of the fuzzer of snapshot files; `npm run fuzz:rdb` runs it at length. */
import { expect, test } from 'vitest';
import { withRandom } from '../support/random.ts';
import { redisServerPath } from '../support/redis-server.ts';
import { damagedForRedis, roundTrip } from './rdb.ts';

const DAMAGED = 8;

test.skipIf(redisServerPath() === null)('files to redis-server and back', async () => {
  await withRandom(async (random) => {
    expect((await roundTrip(random)) ?? '').toBe('');
  });
});

test.skipIf(redisServerPath() === null)('what is taken of damage, Redis takes', async () => {
  await withRandom(async (random) => {
    for (let i = 0; i < DAMAGED; i++) expect((await damagedForRedis(random)) ?? '').toBe('');
  });
});
