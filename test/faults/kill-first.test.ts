/** `kill -9` while an append-only file begins, a few rounds; `npm run faults` runs fifty. */
import { expect, test } from 'vitest';
import { killDuringFirstStart, killWhileTurningOn } from './kill-moments.ts';
import { runScenario, SCENARIO_MS_MAX } from './scenario-test.ts';

test.each([
  ['the first start', killDuringFirstStart],
  ['CONFIG SET appendonly yes', killWhileTurningOn],
])('a kill during %s', { timeout: SCENARIO_MS_MAX }, async (_name, scenario) => {
  expect(await runScenario(scenario, 2)).toHaveLength(2);
});
