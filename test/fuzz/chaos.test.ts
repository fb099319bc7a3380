/** A short round of the chaos fuzzer; `npm run fuzz:chaos` runs it as long as wanted. */
import { expect, test } from 'vitest';
import { withRandom } from '../support/random.ts';
import { chaosRound } from './chaos.ts';

const SECONDS = 4;
const MS_MAX = 120_000;

test('the server lives, and its files have what it had', { timeout: MS_MAX }, async () => {
  await withRandom(async (random) => {
    expect(await chaosRound(random, SECONDS)).toMatch(/^\d{3,} commands/);
  });
});
