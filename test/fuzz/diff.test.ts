/** A short run of the differential fuzzer; `npm run fuzz:diff` runs it as long as wanted. */
import { expect, test } from 'vitest';
import { withRandom } from '../support/random.ts';
import { RawClient } from '../support/raw-client.ts';
import { redisServerPath, startRedis } from '../support/redis-server.ts';
import { startTessera } from '../support/tessera.ts';
import { fuzzDifference, shown } from './diff.ts';
import { FAMILIES } from './diff-commands.ts';

const COMMANDS = 6000;
const isInstalled = redisServerPath() !== null;
if (!isInstalled) console.warn('redis-server is not installed: the differential fuzzer is skipped');

test.skipIf(!isInstalled).each(['yes', 'no'])('lease %s', async (lease) => {
  const redis = await startRedis();
  const tessera = await startTessera(['--lease', lease]);
  const pair = { real: await RawClient.connect(redis.port), ours: await tessera.connect() };
  try {
    await withRandom(async (random) => {
      for (const family of FAMILIES) {
        const found = await fuzzDifference(pair, random, [family], COMMANDS / FAMILIES.length);
        expect(found === null ? '' : shown(found)).toBe('');
      }
      const found = await fuzzDifference(pair, random, FAMILIES, COMMANDS);
      expect(found === null ? '' : shown(found)).toBe('');
    });
  } finally {
    pair.real.close();
    pair.ours.close();
    await redis.stop();
    expect(await tessera.stop()).toBe(0);
  }
});
