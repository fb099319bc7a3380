/** `kill -9` while files are written, a few rounds; `npm run faults` runs fifty. */
import { expect, test } from 'vitest';
import { killDuringRewrite, killDuringSave } from './kill-moments.ts';
import { runScenario, SCENARIO_MS_MAX } from './scenario-test.ts';

test.each([
  ['BGREWRITEAOF', killDuringRewrite],
  ['BGSAVE', killDuringSave],
])('a kill during %s', { timeout: SCENARIO_MS_MAX }, async (_name, scenario) => {
  expect(await runScenario(scenario, 3)).toHaveLength(3);
});
