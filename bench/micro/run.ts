/**
 * Runs micro-benchmarks and prints a table in ns per operation.
 *
 *   node bench/micro/run.ts [file or beginning of its name ...]     default: all of
 *                                                                   bench/micro/*.bench.ts
 *
 * A benchmark file exports `default function (bench: Bench): void`, which adds its tasks. A task
 * whose iteration is many operations says so at the end of its name, as in ", x1024": its times are
 * divided by that.
 *
 * Columns: ns per operation of the fastest iteration (what to compare: noise only ever adds), the
 * median one, the 99th percentile, and iterations measured.
 */
import { readdirSync } from 'node:fs';
import { basename } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Bench, type Task } from 'tinybench';

const TIME_MS = 400;
const WARMUP_MS = 100;
const NAME_WIDTH = 76;
const NUMBER_WIDTH = 10;
const SUFFIX = '.bench.ts';

/** Paths of the benchmark files whose names begin with one of `wanted`; all of them for none. */
function benchFiles(wanted: readonly string[]): string[] {
  const names = readdirSync(import.meta.dirname).filter((name) => name.endsWith(SUFFIX));
  const parts = wanted.map((part) => basename(part));
  const unknown = parts.find((part) => !names.some((name) => name.startsWith(part)));
  if (unknown !== undefined) throw new Error(`no benchmark is called ${unknown}`);
  return names
    .filter((name) => parts.length === 0 || parts.some((part) => name.startsWith(part)))
    .sort()
    .map((name) => `${import.meta.dirname}/${name}`);
}

function row(name: string, columns: readonly string[]): string {
  return name.padEnd(NAME_WIDTH) + columns.map((column) => column.padStart(NUMBER_WIDTH)).join('');
}

/** One line of the table. Throws what the task threw. */
function report(task: Task): string {
  const { result } = task;
  if (result.state === 'errored') throw result.error;
  if (result.state !== 'completed') throw new Error(`${task.name}: ${result.state}`);
  const suffix = /, x(\d+)$/.exec(task.name);
  const operations = suffix === null ? 1 : Number(suffix[1]);
  const ns = (ms: number) => ((ms * 1e6) / operations).toFixed(2);
  const { min, p50, p99 } = result.latency;
  const name = task.name.slice(0, suffix === null ? undefined : suffix.index);
  return row(name, [ns(min), ns(p50), ns(p99), String(task.runs)]);
}

async function runFile(path: string): Promise<void> {
  const bench = new Bench({ time: TIME_MS, warmupTime: WARMUP_MS });
  const module: { default: (bench: Bench) => void } = await import(pathToFileURL(path).href);
  module.default(bench);
  for (const task of bench.tasks) {
    if (process.stdout.isTTY) process.stdout.write(`  ${task.name} ...\r`);
    await task.warmup();
    await task.run();
    process.stdout.write(`${report(task)}\n`);
  }
}

const files = benchFiles(process.argv.slice(2));
console.log(row('ns per operation', ['fastest', 'median', 'p99', 'samples']));
for (const [i, path] of files.entries()) {
  console.log(`-- ${basename(path)} (${i + 1} of ${files.length})`);
  await runFile(path);
}
