/** The sections of INFO with one line for each command, error or database. */
import type { InfoCommands, InfoSnapshot } from './info-snapshot.ts';
import { HISTOGRAM_BUCKETS, percentileNanos } from './latency-buckets.ts';

type Line = readonly [string, string];

function isCalled(commands: InfoCommands, row: number): boolean {
  return commands.calls[row]! + commands.rejected[row]! + commands.failed[row]! > 0;
}

/** Lines of the commands that were called or refused. */
export function commandStatsLines({ commands }: InfoSnapshot): Line[] {
  const lines: Line[] = [];
  commands.names.forEach((name, row) => {
    if (!isCalled(commands, row)) return;
    const calls = commands.calls[row]!;
    const micros = commands.micros[row]!;
    const perCall = calls > 0 ? micros / calls : 0;
    lines.push([
      `cmdstat_${name}`,
      `calls=${calls},usec=${Math.round(micros)},usec_per_call=${perCall.toFixed(2)},` +
        `rejected_calls=${commands.rejected[row]},failed_calls=${commands.failed[row]}`,
    ]);
  });
  return lines;
}

/**
 * The latency in microseconds below which `percentile` percent of the calls of `row` were, to 6 per
 * cent. 0 without calls. O(buckets).
 */
export function latencyPercentile(commands: InfoCommands, row: number, percentile: number): number {
  return percentileNanos(commands.histograms, row * HISTOGRAM_BUCKETS, percentile) / 1000;
}

/** Latency percentiles of the commands that were called; none where no percentile is asked for. */
export function latencyStatsLines({ commands }: InfoSnapshot): Line[] {
  if (commands.percentiles.length === 0) return [];
  const lines: Line[] = [];
  commands.names.forEach((name, row) => {
    if (commands.timed[row] === 0) return;
    const values = commands.percentiles.map(
      (percentile) => `p${percentile}=${latencyPercentile(commands, row, percentile).toFixed(3)}`,
    );
    lines.push([`latency_percentiles_usec_${name}`, values.join(',')]);
  });
  return lines;
}

/** Error replies by their first word, in alphabetical order. */
export function errorStatsLines({ errors }: InfoSnapshot): Line[] {
  return [...errors]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, count]): Line => [`errorstat_${name}`, `count=${count}`]);
}

/** Lines of the databases that are not empty. */
export function keyspaceLines({ keyspace }: InfoSnapshot): Line[] {
  return keyspace
    .filter(({ keys }) => keys > 0)
    .map(({ db, keys, expires, averageTtlMs, subexpiry }): Line => {
      const ttl = Math.round(averageTtlMs);
      return [`db${db}`, `keys=${keys},expires=${expires},avg_ttl=${ttl},subexpiry=${subexpiry}`];
    });
}
