/** The command line of the peer benchmark. */
import { parseArgs } from 'node:util';

export const GROUPS = [
  'no-pipeline',
  'pipeline',
  'lease',
  'io-threads',
  'memory',
  'latency',
  'idle',
  'connections',
  'collections',
  'collections-two',
  'large',
  'collection-memory',
  'collection-latency',
  'durability',
  'pubsub',
  'blocking',
  'streams',
] as const;

export type Group = (typeof GROUPS)[number];

export interface BenchOptions {
  /** Shorter runs and fewer rounds: for a look, not for a README. */
  readonly isQuick: boolean;
  readonly groups: ReadonlySet<Group>;
  /** Interleaved rounds of each measurement whose median is reported. */
  readonly rounds: number;
  readonly jsonPath: string;
  readonly chartPath: string;
}

export const USAGE = `Usage: npm run bench:peers [-- OPTIONS]

  --quick         shorter runs, fewer rounds
  --only NAMES    comma separated: ${GROUPS.join(', ')}
  --rounds N      interleaved rounds (default 5, quick 3)
  --json FILE     default bench/peers/out/peers.json
  --chart FILE    default bench/peers/out/peers.svg (an SVG)
`;

function groupsOf(text: string | undefined): ReadonlySet<Group> {
  if (text === undefined) return new Set(GROUPS);
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !GROUPS.some((group) => group === name));
  if (unknown !== undefined) throw new Error(`--only: no group is called ${unknown}`);
  return new Set(GROUPS.filter((group) => names.includes(group)));
}

/**
 * Throws with a message for the user where the command line is wrong; null asks for the usage text.
 */
export function readOptions(argv: readonly string[], outFolder: string): BenchOptions | null {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      rounds: { type: 'string' },
      json: { type: 'string', default: `${outFolder}/peers.json` },
      chart: { type: 'string', default: `${outFolder}/peers.svg` },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return null;
  const rounds = values.rounds === undefined ? (values.quick ? 3 : 5) : Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds takes a count from 1 on');
  return {
    isQuick: values.quick,
    groups: groupsOf(values.only),
    rounds,
    jsonPath: values.json,
    chartPath: values.chart,
  };
}
