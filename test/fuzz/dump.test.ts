/** A short run of the fuzzer of serialized values; `npm run fuzz:dump` runs it at length. */
import { expect, test } from 'vitest';
import { withRandom } from '../support/random.ts';
import { RawClient } from '../support/raw-client.ts';
import { redisServerPath, startRedis } from '../support/redis-server.ts';
import { startTessera } from '../support/tessera.ts';
import { DUMP_FUZZ_OPTIONS, fuzzDump } from './dump.ts';

const ROUNDS = 10;

test.skipIf(redisServerPath() === null)('values between redis-server and Tessera', async () => {
  const redis = await startRedis(DUMP_FUZZ_OPTIONS);
  const tessera = await startTessera();
  const pair = { real: await RawClient.connect(redis.port), ours: await tessera.connect() };
  try {
    await withRandom(async (random) => {
      expect((await fuzzDump(pair, random, ROUNDS)) ?? '').toBe('');
    });
  } finally {
    pair.real.close();
    pair.ours.close();
    await redis.stop();
    expect(await tessera.stop()).toBe(0);
  }
});
