/** `kill -9` while files change, a few rounds; `npm run faults` runs fifty. */
import { expect, test } from 'vitest';
import { withRandom } from '../support/random.ts';
import {
  killDuringFirstStart,
  killDuringRewrite,
  killDuringSave,
  killWhileTurningOn,
} from './kill-moments.ts';

test.each([
  ['BGREWRITEAOF', killDuringRewrite, 4],
  ['BGSAVE', killDuringSave, 4],
  ['the first start', killDuringFirstStart, 2],
  ['CONFIG SET appendonly yes', killWhileTurningOn, 2],
])('a kill during %s', async (_name, scenario, rounds) => {
  const reports: string[] = [];
  await withRandom(async (random) => {
    const report = (text: string): unknown => reports.push(text);
    await scenario({ kind: 'tessera', random, rounds, report });
  });
  expect(reports).toHaveLength(rounds);
});
