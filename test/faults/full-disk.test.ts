/** Full disks; `npm run faults` fills more of them. Without a small tmpfs they are skipped. */
import { test } from 'vitest';
import { fullDisk, fullDiskSave } from './full-disk.ts';
import { runScenario, SCENARIO_MS_MAX } from './scenario-test.ts';

const options = { timeout: SCENARIO_MS_MAX };

test('writes are refused and go on, with always', options, async () => {
  await runScenario((scenario) => fullDisk('always', scenario), 1);
});

test('writes are refused and go on, with everysec', options, async () => {
  await runScenario((scenario) => fullDisk('everysec', scenario), 1);
});

test('BGSAVE fails, and the next one does not', options, async () => {
  await runScenario(fullDiskSave, 1);
});
