/** Runs a scenario as a test: short, with a seed that a failure names. */
import { withRandom } from '../support/random.ts';
import type { FaultOptions } from './fault-run.ts';

/** For tests that start servers by the dozen. */
export const SCENARIO_MS_MAX = 180_000;

/** Runs `rounds` rounds on Tessera. Returns what the scenario reported, one text a round or so. */
export async function runScenario(
  scenario: (options: FaultOptions) => Promise<unknown>,
  rounds: number,
): Promise<readonly string[]> {
  const reports: string[] = [];
  await withRandom(async (random) => {
    const report = (text: string): unknown => reports.push(text);
    await scenario({ kind: 'tessera', random, rounds, report });
  });
  return reports;
}
