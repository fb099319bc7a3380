/**
 * Fault tests at length: `kill -9`, full and failing disks, files between servers.
 *
 *   npm run faults -- [--rounds 50] [--seed N] [--server tessera|redis] [--only NAME,...]
 *
 * `--server redis` runs them on a real redis-server, which proves the tests themselves. Scenarios:
 * see {@link SCENARIOS}.
 */
import { parseArgs } from 'node:util';
import { Random } from '../support/random.ts';
import { failingDisk, slowSync } from './failing-disk.ts';
import type { FaultOptions } from './fault-run.ts';
import type { ServerKind } from './fault-server.ts';
import { fullDisk, fullDiskSave } from './full-disk.ts';
import {
  killDuringFirstStart,
  killDuringRewrite,
  killDuringSave,
  killWhileTurningOn,
} from './kill-moments.ts';
import { killRounds } from './kill-rounds.ts';
import { powerCuts } from './power-cut.ts';
import { roundTrips } from './round-trips.ts';

const SCENARIOS: Readonly<Record<string, (options: FaultOptions) => Promise<void>>> = {
  always: (options) => killRounds('always', options),
  everysec: (options) => killRounds('everysec', options),
  rewrite: killDuringRewrite,
  save: killDuringSave,
  'first-start': killDuringFirstStart,
  'turning-on': killWhileTurningOn,
  'full-disk-always': (options) => fullDisk('always', options),
  'full-disk-everysec': (options) => fullDisk('everysec', options),
  'full-disk-save': fullDiskSave,
  'failing-disk': failingDisk,
  'slow-sync': slowSync,
  'power-cut-always': (options) => powerCuts('always', options),
  'power-cut-everysec': (options) => powerCuts('everysec', options),
  'round-trips': roundTrips,
};

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '50' },
      seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
      server: { type: 'string', default: 'tessera' },
      only: { type: 'string', default: Object.keys(SCENARIOS).join(',') },
    },
  });
  const kind: ServerKind = values.server === 'redis' ? 'redis' : 'tessera';
  const rounds = Number(values.rounds);
  for (const name of values.only.split(',')) {
    const scenario = SCENARIOS[name];
    if (scenario === undefined) throw new Error(`no scenario ${name}`);
    console.log(`${name}: ${kind}, seed ${values.seed}, ${rounds} rounds`);
    const report = (text: string): void => console.log(`${name}: ${text}`);
    try {
      await scenario({ kind, random: new Random(Number(values.seed)), rounds, report });
    } catch (error) {
      console.error(`${name} FAILED with --seed ${values.seed}:`, error);
      process.exitCode = 1;
    }
  }
}

// The servers end with this process: see fault-server.ts.
process.on('SIGINT', () => process.exit(130));
process.on('SIGTERM', () => process.exit(143));
await main();
