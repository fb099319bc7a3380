/** Disks that are full, fail or are slow, and power cuts; `npm run faults` runs more of each. */
import { expect, test } from 'vitest';
import { withRandom } from '../support/random.ts';
import { failingDisk, repliesBesideSync, slowSync } from './failing-disk.ts';
import type { FaultOptions } from './fault-run.ts';
import { fullDisk, fullDiskSave } from './full-disk.ts';
import { powerCuts } from './power-cut.ts';

async function run(
  scenario: (options: FaultOptions) => Promise<unknown>,
  rounds: number,
): Promise<void> {
  await withRandom(async (random) => {
    await scenario({ kind: 'tessera', random, rounds, report: () => undefined });
  });
}

test('a full disk with always', () => run((options) => fullDisk('always', options), 1));
test('a full disk with everysec', () => run((options) => fullDisk('everysec', options), 1));
test('BGSAVE to a full disk', () => run(fullDiskSave, 1));
test('a disk that fails now and then', () => run(failingDisk, 2));
test('power cuts', () => run((options) => powerCuts('always', options), 3));
test('nobody waits for a slow sync with everysec', () => run(slowSync, 1));

test('with always replies wait for the disk, and reads of other keys do not', async () => {
  await run(async (options) => {
    const order = await repliesBesideSync(options);
    expect(order[0]).toBe('read of another key');
    expect(order.slice(1).toSorted()).toEqual(['read of the key', 'write'].toSorted());
  }, 1);
});
