/**
 * Runs units of the Valkey 8 Tcl suite against this server and compares what fails with
 * test/conformance/valkey-suite.json, which lists every test that may fail, with the reason. Ends
 * with 1 when another test fails, or when a listed one passes.
 *
 *   VALKEY_SRC=<Valkey source tree or bare repository>
 *     node scripts/valkey-suite.ts [--driver PROGRAM] [--mode external|spawn] [unit...]
 *
 * The driver is the program that runs the suite; without it ../shared/tools/tclsuite. It needs
 * python3 and tclsh. The units are those of the list, or those of them that are named: `external`
 * ones against one running server, `spawn` ones against servers that the suite starts itself from
 * configuration files. A unit may be in both lists. Tests of the suite that run redis-benchmark
 * or redis-cli need them in the PATH.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildAll } from './build.ts';

const SUITE_VERSION = '8.0.1';
const root = fileURLToPath(new URL('..', import.meta.url));
const server = `${root}bin/tessera-server`;

const MODES = ['external', 'spawn'] as const;
type Mode = (typeof MODES)[number];

/** A test that may fail; the driver numbers tests of one name in a unit from 1. */
interface Exception {
  readonly test: string;
  readonly reason: string;
}

type Units<T> = Readonly<Record<string, T>>;
type ExceptionList = Readonly<Record<Mode, Units<readonly Exception[]>>>;

/** What the driver writes, as far as it is read here. */
interface Report {
  readonly units: Units<{
    readonly state: string;
    readonly tests: Units<{ readonly status: string; readonly msg?: string }>;
  }>;
}

/** Why the suite cannot be run here; null when it can. */
function obstacle(driver: string): string | null {
  const source = process.env.VALKEY_SRC;
  if (source === undefined || source === '') {
    return 'VALKEY_SRC is not set: it has to name a Valkey source tree or bare repository';
  }
  if (!existsSync(source)) return `VALKEY_SRC names ${source}, which does not exist`;
  if (!existsSync(driver)) return `the driver of the suite is not at ${driver}`;
  return null;
}

function serverArguments(mode: Mode): readonly string[] {
  if (mode === 'spawn') return ['--spawn', server];
  return ['--start', `${server} --port {port} --dir {dir} --save ""`];
}

/** The suite's programs that check files are ours. */
function tools(): readonly string[] {
  const names = ['check-aof', 'check-rdb'];
  return names.flatMap((name) => ['--tool', `${name}=${root}bin/tessera-${name}`]);
}

/** Runs units; their progress goes to standard output. */
function runUnits(driver: string, mode: Mode, units: readonly string[], folder: string): Report {
  const json = join(folder, `${mode}.json`);
  const options = ['--ref', SUITE_VERSION, '--json', json, '--no-messages'];
  const run = [driver, ...options, ...tools(), ...serverArguments(mode), ...units];
  spawnSync('python3', run, { stdio: 'inherit' });
  if (!existsSync(json)) throw new Error('the driver wrote no results');
  return JSON.parse(readFileSync(json, 'utf8')) as Report;
}

/** Lines about all differences between a report of `units` and the list of its mode. */
function differences(
  report: Report,
  listed: Units<readonly Exception[]>,
  units: readonly string[],
): string[] {
  const lines: string[] = [];
  for (const unit of units) {
    const exceptions = listed[unit]!;
    const result = report.units[unit];
    if (result === undefined || result.state !== 'ok') {
      lines.push(`${unit}: did not run to its end`);
      continue;
    }
    const allowed = new Set(exceptions.map(({ test }) => test));
    for (const [test, { status, msg }] of Object.entries(result.tests)) {
      if (status === 'failed' && !allowed.has(test)) {
        lines.push(`${unit}: fails: ${test}: ${(msg ?? '').split('\n')[0]}`);
      } else if (status === 'passed' && allowed.has(test)) {
        lines.push(`${unit}: passes, though it is listed: ${test}`);
      }
    }
    for (const test of allowed) {
      if (!(test in result.tests)) lines.push(`${unit}: is listed, but was not run: ${test}`);
    }
  }
  return lines;
}

/** What the command line asks for; a text when it is wrong. */
function readArguments(): { driver: string; modes: readonly Mode[]; named: string[] } | string {
  try {
    const { values, positionals } = parseArgs({
      options: { driver: { type: 'string' }, mode: { type: 'string' } },
      allowPositionals: true,
    });
    const modes = MODES.filter((mode) => values.mode === undefined || values.mode === mode);
    if (modes.length === 0) return `there is no mode ${values.mode}`;
    const driver = resolve(root, values.driver ?? '../shared/tools/tclsuite');
    return obstacle(driver) ?? { driver, modes, named: positionals };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function main(): Promise<void> {
  const asked = readArguments();
  if (typeof asked === 'string') {
    process.stderr.write(`valkey-suite: ${asked}.\n`);
    process.exitCode = 2;
    return;
  }
  const { driver, modes, named } = asked;
  const path = `${root}test/conformance/valkey-suite.json`;
  const list = JSON.parse(readFileSync(path, 'utf8')) as ExceptionList;
  const lines = named
    .filter((unit) => !modes.some((mode) => unit in list[mode]))
    .map((unit) => `${unit}: is not in the list`);
  await buildAll();
  const folder = mkdtempSync(join(tmpdir(), 'valkey-suite-'));
  for (const mode of modes) {
    const all = Object.keys(list[mode]);
    const units = named.length === 0 ? all : all.filter((unit) => named.includes(unit));
    if (units.length === 0) continue;
    lines.push(...differences(runUnits(driver, mode, units, folder), list[mode], units));
  }
  rmSync(folder, { recursive: true });
  for (const line of lines) process.stdout.write(`${line}\n`);
  if (lines.length !== 0) process.exitCode = 1;
  else process.stdout.write('Every test passes, or fails for the reason that is listed.\n');
}

await main();
