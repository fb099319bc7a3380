/** Disks that fail or are slow, and power cuts; `npm run faults` runs more of each. */
import { expect, test } from 'vitest';
import { failingDisk, repliesBesideSync, slowSync } from './failing-disk.ts';
import { powerCuts } from './power-cut.ts';
import { runScenario, SCENARIO_MS_MAX } from './scenario-test.ts';

const options = { timeout: SCENARIO_MS_MAX };

test('nothing acknowledged is lost on a disk that fails', options, async () => {
  expect(await runScenario(failingDisk, 2)).toHaveLength(2);
});

test('nothing acknowledged is lost in a power cut', options, async () => {
  await runScenario((scenario) => powerCuts('always', scenario), 3);
});

test('nobody waits for a slow sync with everysec', options, async () => {
  await runScenario(slowSync, 1);
});

test('with always replies wait for the disk, and reads of other keys do not', options, async () => {
  await runScenario(async (scenario) => {
    const order = await repliesBesideSync(scenario);
    expect(order[0]).toBe('read of another key');
    expect(order.slice(1).toSorted()).toEqual(['read of the key', 'write']);
  }, 1);
});
