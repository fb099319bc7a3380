/** `kill -9` under writers, a few rounds; `npm run faults` runs fifty. */
import { expect, test } from 'vitest';
import { withRandom } from '../support/random.ts';
import { killRounds } from './kill-rounds.ts';

test.each([
  ['always', 6],
  ['everysec', 2],
] as const)('appendfsync %s keeps its promise', async (policy, rounds) => {
  const reports: string[] = [];
  await withRandom(async (random) => {
    const report = (text: string): unknown => reports.push(text);
    await killRounds(policy, { kind: 'tessera', random, rounds, report });
  });
  expect(reports).toHaveLength(rounds);
});
