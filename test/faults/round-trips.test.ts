/** Files between Tessera and redis-server, one round; `npm run faults` runs more. */
import { expect, test } from 'vitest';
import { withRandom } from '../support/random.ts';
import { redisServerPath } from '../support/redis-server.ts';
import { roundTrips } from './round-trips.ts';

test.skipIf(redisServerPath() === null)('random keyspaces go there and back', async () => {
  const reports: string[] = [];
  await withRandom(async (random) => {
    const report = (text: string): unknown => reports.push(text);
    await roundTrips({ kind: 'tessera', random, rounds: 1, report });
  });
  expect(reports).toHaveLength(2);
});
