/** `kill -9` under writers with `everysec`, a few rounds; `npm run faults` runs fifty. */
import { expect, test } from 'vitest';
import { killRounds } from './kill-rounds.ts';
import { runScenario, SCENARIO_MS_MAX } from './scenario-test.ts';

test('at most the last seconds are lost, and nothing is torn', {
  timeout: SCENARIO_MS_MAX,
}, async () => {
  const reports = await runScenario((options) => killRounds('everysec', options), 2);
  expect(reports).toHaveLength(2);
});
