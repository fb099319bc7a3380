/** `kill -9` while an append-only file begins, a few rounds; `npm run faults` runs fifty. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { waitUntil } from '../support/tessera.ts';
import { inFolder, withServer } from './fault-run.ts';
import { killDuringFirstStart, killWhileTurningOn, leftovers } from './kill-moments.ts';
import { runScenario, SCENARIO_MS_MAX } from './scenario-test.ts';

test.each([
  ['the first start', killDuringFirstStart],
  ['CONFIG SET appendonly yes', killWhileTurningOn],
])('a kill during %s', { timeout: SCENARIO_MS_MAX }, async (_name, scenario) => {
  expect(await runScenario(scenario, 2)).toHaveLength(2);
});

/** A process that is not there. */
const DEAD = 99_999_999;

test.each(['yes', 'no'])(
  'what killed servers left goes, with appendonly %s',
  async (appendonly) => {
    await inFolder(async (directory) => {
      mkdirSync(join(directory, 'appendonlydir'));
      const names = [
        `temp-${DEAD}.rdb`,
        `temp-${DEAD}.rdb.aside`,
        `appendonlydir/temp-rewriteaof-bg-${DEAD}.aof`,
        'appendonlydir/temp-appendonly.aof.incr',
        'appendonlydir/temp-appendonly.aof.manifest',
      ];
      for (const name of names) writeFileSync(join(directory, name), 'x');
      expect(leftovers(directory)).toHaveLength(names.length);
      const args = ['--appendonly', appendonly];
      await withServer({ kind: 'tessera', directory, args }, async () => {
        // Clients are served as soon as the threads are up.
        await waitUntil('them to go', () => leftovers(directory).length === 0);
      });
    });
  },
);
