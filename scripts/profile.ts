/**
 * Profiles the server under load: `npm run profile -- [flame|doctor|cpu]`. Results go to .clinic/.
 *
 * flame and doctor are Clinic's, fetched by npm on demand: its tree is large, so nothing depends on
 * it. Clinic watches the main thread of a process, and Tessera's work is done in others, so they
 * show start-up, memory and the event loop of main. `cpu` writes one profile for each thread by
 * Node's own profiler, and prints where each thread spent its time.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { RawConnection } from '../bench/peers/raw-connection.ts';
import { freePort } from '../bench/peers/servers.ts';

const MODES = ['flame', 'doctor', 'cpu'] as const;
type Mode = (typeof MODES)[number];

const USAGE = 'Usage: npm run profile -- [flame|doctor|cpu]   (flame where none is named)\n';
const THREADS_NOTE =
  'Clinic sees the main thread only. Commands run in the I/O threads and shard workers:\n' +
  '`npm run profile -- cpu` profiles each of them.\n';
/** Clinic is downloaded first where npm does not have it yet. */
const START_TIMEOUT_MS = 180_000;
const END_TIMEOUT_MS = 120_000;
const TOP_COUNT = 12;

const root = fileURLToPath(new URL('..', import.meta.url));
const outFolder = `${root}.clinic`;

function commandOf(mode: Mode, port: number, cpuFolder: string): readonly string[] {
  const entry = [`${root}dist/main.js`, '--port', String(port), '--save', ''];
  const quiet = '--disable-warning=ExperimentalWarning';
  if (mode === 'cpu') {
    const flags = ['--cpu-prof', `--cpu-prof-dir=${cpuFolder}`, quiet];
    return [process.execPath, ...flags, ...entry];
  }
  const clinic = ['npm', 'exec', '--yes', '--package=clinic@13', '--', 'clinic', mode];
  return [...clinic, '--dest', outFolder, '--', 'node', quiet, ...entry];
}

/** Process id of the server behind `port`, once it answers. Throws when `child` ended before. */
async function serverPid(port: number, child: ChildProcess): Promise<number> {
  const start = performance.now();
  while (performance.now() - start < START_TIMEOUT_MS) {
    if (child.exitCode !== null) throw new Error('the server ended before it answered');
    try {
      const connection = await RawConnection.open(port);
      const pid = await connection.infoNumber('server', 'process_id');
      connection.close();
      return pid;
    } catch {
      await sleep(100);
    }
  }
  throw new Error('the server did not start');
}

/** Some seconds of what redis-benchmark does with and without pipelining. */
async function putLoad(port: number): Promise<void> {
  const common = ['-h', '127.0.0.1', '-p', String(port), '-q', '-t', 'set,get', '-r', '100000'];
  for (const load of [
    ['-n', '200000'],
    ['-n', '2000000', '-P', '16'],
  ]) {
    process.stdout.write(`load: redis-benchmark ${load.join(' ')}\n`);
    await promisify(execFile)('redis-benchmark', [...common, ...load]);
  }
}

interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string };
  }[];
  readonly samples: readonly number[];
}

/** Share of samples by function, the largest first, of one thread's profile. */
function printProfile(path: string): void {
  const profile = JSON.parse(readFileSync(path, 'utf8')) as CpuProfile;
  const nameOf = new Map<number, string>();
  const files = new Set<string>();
  for (const { id, callFrame } of profile.nodes) {
    const file = callFrame.url.split('/').at(-1)!;
    if (callFrame.url.includes('/dist/')) files.add(file);
    nameOf.set(id, `${callFrame.functionName || '(anonymous)'} ${file}`.trim());
  }
  const counts = new Map<string, number>();
  for (const id of profile.samples) {
    const name = nameOf.get(id)!;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const thread = files.has('main.js') ? 'main' : [...files].join(', ');
  process.stdout.write(`\n${thread}  ${path}\n`);
  const top = [...counts].sort((a, b) => b[1] - a[1]).slice(0, TOP_COUNT);
  for (const [name, count] of top) {
    const share = ((count / profile.samples.length) * 100).toFixed(1).padStart(5);
    process.stdout.write(`${share} %  ${name}\n`);
  }
}

async function profile(mode: Mode): Promise<void> {
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(':', '-');
  const cpuFolder = `${outFolder}/cpu-${stamp}`;
  mkdirSync(mode === 'cpu' ? cpuFolder : outFolder, { recursive: true });
  const port = await freePort();
  const [program, ...args] = commandOf(mode, port, cpuFolder) as [string, ...string[]];
  // Clinic's question about sending statistics would wait for an answer for ever.
  const env = { ...process.env, NO_INSIGHT: '1' };
  const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'], env, cwd: root });
  const ended = once(child, 'exit');
  try {
    const pid = await serverPid(port, child);
    await putLoad(port);
    process.kill(pid, 'SIGINT');
    await Promise.race([ended, sleep(END_TIMEOUT_MS, null, { ref: false })]);
  } finally {
    child.kill('SIGKILL');
  }
  if (mode === 'cpu') {
    for (const name of readdirSync(cpuFolder)) printProfile(`${cpuFolder}/${name}`);
    process.stdout.write('\nThe files open in the Performance panel of Chrome.\n');
  } else {
    process.stdout.write(`\n${outFolder}: the newest .html is the report. ${THREADS_NOTE}`);
    if (child.exitCode !== 0) throw new Error('Clinic failed; see above');
  }
}

const wanted = process.argv[2] ?? 'flame';
const mode = MODES.find((name) => name === wanted);
if (mode === undefined) {
  process.stderr.write(USAGE);
  process.exitCode = 1;
} else {
  await profile(mode).catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.stderr.write(mode === 'cpu' ? '' : THREADS_NOTE);
    process.exitCode = 1;
  });
}
