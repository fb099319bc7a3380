/** `kill -9` under writers with `always`, a few rounds; `npm run faults` runs fifty. */
import { expect, test } from 'vitest';
import { killRounds } from './kill-rounds.ts';
import { runScenario, SCENARIO_MS_MAX } from './scenario-test.ts';

test('nothing acknowledged is lost, nothing is torn', { timeout: SCENARIO_MS_MAX }, async () => {
  const reports = await runScenario((options) => killRounds('always', options), 6);
  expect(reports).toHaveLength(6);
});
