/** A short run of the fuzzer of serialized values; `npm run fuzz:dump` runs it at length. */
import { expect, test } from 'vitest';
import { withRandom } from '../support/random.ts';
import { redisServerPath } from '../support/redis-server.ts';
import { DumpServers, fuzzDump } from './dump.ts';

const ROUNDS = 10;

test.skipIf(redisServerPath() === null)('values between redis-server and Tessera', async () => {
  const pair = await DumpServers.start();
  try {
    await withRandom(async (random) => {
      expect((await fuzzDump(pair, random, ROUNDS)) ?? '').toBe('');
    });
  } finally {
    expect(await pair.stop()).toBe(0);
  }
});
