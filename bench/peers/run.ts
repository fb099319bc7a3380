/**
 * Peer benchmark: Tessera beside a real redis-server on this machine, in one run. Every measurement
 * alternates between the two, round by round, and counts by its median, so that a slow minute of
 * the machine hits both.
 *
 * Prints a table, and writes JSON (all samples) and a chart. Ends with 1 when a measurement could
 * not be made; a missed target is a result and ends with 0.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { renderChart } from './chart.ts';
import { blockingRows, pubSubRows } from './client-rows.ts';
import { collectionMemoryRows } from './collection-memory-rows.ts';
import { collectionRows, largeRows } from './collection-rows.ts';
import { durabilityRows } from './durability-rows.ts';
import { connectionRows, idleRows } from './idle-rows.ts';
import { collectionLatencyRows, latencyRows } from './latency-rows.ts';
import { describeMachine, machineLine } from './machine.ts';
import { memoryRows } from './memory-rows.ts';
import { type BenchOptions, readOptions, USAGE } from './options.ts';
import { Progress } from './progress.ts';
import { judge, type Metric } from './results.ts';
import { streamRows } from './stream-rows.ts';
import { renderTable } from './table.ts';
import { throughputRows } from './throughput-rows.ts';

const outFolder = fileURLToPath(new URL('out', import.meta.url));

async function measureAll(options: BenchOptions, progress: Progress): Promise<readonly Metric[]> {
  const metrics = [...(await throughputRows(options, progress))];
  if (options.groups.has('memory')) metrics.push(...(await memoryRows(progress)));
  if (options.groups.has('latency')) metrics.push(...(await latencyRows(options, progress)));
  if (options.groups.has('idle')) metrics.push(...(await idleRows(options, progress)));
  if (options.groups.has('connections')) metrics.push(...(await connectionRows(options, progress)));
  if (options.groups.has('collections')) metrics.push(...(await collectionRows(options, progress)));
  if (options.groups.has('collections-two')) {
    metrics.push(...(await collectionRows(options, progress, 2)));
  }
  if (options.groups.has('large')) metrics.push(...(await largeRows(options, progress)));
  if (options.groups.has('collection-memory')) {
    metrics.push(...(await collectionMemoryRows(progress)));
  }
  if (options.groups.has('collection-latency')) {
    metrics.push(...(await collectionLatencyRows(options, progress)));
  }
  if (options.groups.has('durability')) metrics.push(...(await durabilityRows(options, progress)));
  if (options.groups.has('pubsub')) metrics.push(...(await pubSubRows(options, progress)));
  if (options.groups.has('blocking')) metrics.push(...(await blockingRows(options, progress)));
  if (options.groups.has('streams')) metrics.push(...(await streamRows(options, progress)));
  return metrics;
}

function writeFile(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2), outFolder);
  if (options === null) {
    process.stdout.write(USAGE);
    return;
  }
  const machine = describeMachine();
  const progress = new Progress();
  progress.step(machineLine(machine));
  const judged = (await measureAll(options, progress)).map(judge);
  const { isQuick, rounds, jsonPath, chartPath } = options;
  const { failures } = progress;
  const report = { machine, isQuick, rounds, failures, metrics: judged };
  writeFile(jsonPath, `${JSON.stringify(report, null, 2)}\n`);
  writeFile(chartPath, renderChart(judged, machine));
  const passed = judged.filter((metric) => metric.isPass === true).length;
  const missed = judged.filter((metric) => metric.isPass === false).length;
  process.stdout.write(`${renderTable(judged)}\n\n`);
  for (const failure of failures) process.stdout.write(`FAILED: ${failure}\n`);
  process.stdout.write(
    `${passed} targets met, ${missed} missed, ${failures.length} measurements failed; ` +
      `medians of ${rounds} interleaved rounds${isQuick ? ' (quick)' : ''}.\n` +
      `Rows with "100k keys" carry the targets: redis-benchmark -r 100000 -d 3.\n` +
      `${machineLine(machine)}\n${jsonPath}\n${chartPath}\n`,
  );
  if (failures.length > 0) process.exitCode = 1;
}

process.on('SIGINT', () => process.exit(130));
process.on('SIGTERM', () => process.exit(143));
await main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
  process.exitCode = 1;
});
