/** Files between Tessera and redis-server, one round; `npm run faults` runs more. */
import { expect, test } from 'vitest';
import { redisServerPath } from '../support/redis-server.ts';
import { roundTrips } from './round-trips.ts';
import { runScenario, SCENARIO_MS_MAX } from './scenario-test.ts';

test.skipIf(redisServerPath() === null)(
  'random keyspaces go there and back',
  {
    timeout: SCENARIO_MS_MAX,
  },
  async () => {
    expect(await runScenario(roundTrips, 1)).toHaveLength(2);
  },
);
