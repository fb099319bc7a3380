/**
 * Starts the built server as users run it (a process of its own on a free port of 127.0.0.1) for
 * whole-server tests. `npm test` builds dist/ first; TESSERA_DIST names another folder with a built
 * server.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RawClient } from './raw-client.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const DIST = process.env.TESSERA_DIST ?? join(ROOT, 'dist');
const START_TRIES_MAX = 5;
const PORT_MIN = 20_000;
const READY = 'Ready to accept connections';
const STOP_MS_MAX = 15_000;
const LOG_SHOWN_MAX = 3000;

/** A server process that runs. */
export interface Tessera {
  readonly port: number;
  readonly pid: number;
  /** Its working directory, removed by `stop` and `kill9`. */
  readonly directory: string;
  /** What it wrote to standard output and error so far. */
  log(): string;
  /** A new connection over TCP. */
  connect(): Promise<RawClient>;
  /**
   * SIGTERM and the wait for the end; the exit code, null when a signal ended it. Once ended it
   * returns at once.
   */
  stop(): Promise<number | null>;
  /** SIGKILL and the wait for the end. */
  kill9(): Promise<void>;
  /** Sends any signal without waiting. */
  signal(name: NodeJS.Signals): void;
  /** Resolves with the exit code when the process has ended. */
  readonly ended: Promise<number | null>;
}

/** A process that ended by itself. */
export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A port of 127.0.0.1 that nobody listens on now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = address !== null && typeof address === 'object' ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

export interface SpawnOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** A configuration file for `startTessera`. */
  readonly configFile?: string | undefined;
  /** Text for standard input; nothing is connected there otherwise. */
  readonly stdin?: string;
}

/** Program and first arguments of the built server. Throws where none is built. */
export function serverProgram(): readonly [string, ...string[]] {
  if (!existsSync(join(DIST, 'main.js'))) throw new Error(`no server in ${DIST}: npm run build`);
  return [process.execPath, '--disable-warning=ExperimentalWarning', join(DIST, 'main.js')];
}

/** Starts dist/main.js with exactly these arguments. */
export function spawnServer(args: readonly string[], options: SpawnOptions = {}): ChildProcess {
  const [program, ...first] = serverProgram();
  const child = spawn(program, [...first, ...args], {
    stdio: [options.stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
    cwd: options.cwd ?? tmpdir(),
  });
  if (options.stdin !== undefined) child.stdin!.end(options.stdin);
  return child;
}

/**
 * Runs the server to its end: for starts that fail, `--version` and the like. Ends it after 15 s.
 */
export async function runToEnd(
  args: readonly string[],
  options: SpawnOptions = {},
): Promise<Outcome> {
  const child = spawnServer(args, options);
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
  let stdout = '';
  let stderr = '';
  child.stdout!.on('data', (chunk: Buffer) => {
    stdout += chunk.toString('latin1');
  });
  child.stderr!.on('data', (chunk: Buffer) => {
    stderr += chunk.toString('latin1');
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  clearTimeout(timer);
  return { code, stdout, stderr };
}

/** Calls `check` until it answers true; throws with `what` after `limitMs`. */
export async function waitUntil(
  what: string,
  check: () => boolean | Promise<boolean>,
  limitMs = 20_000,
): Promise<void> {
  const startedMs = Date.now();
  while (!(await check())) {
    if (Date.now() - startedMs > limitMs) throw new Error(`waited ${limitMs} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/**
 * Starts a server with a free port, a directory of its own and `args` (which may override both),
 * and waits until it is ready. Throws with its log when it does not get there.
 */
export async function startTessera(
  args: readonly string[] = [],
  options: SpawnOptions = {},
): Promise<Tessera> {
  let log = '';
  for (let tries = 0; tries < START_TRIES_MAX; tries++) {
    const port = await freePort();
    if (port < PORT_MIN) continue;
    const directory = mkdtempSync(join(tmpdir(), 'tessera-test-'));
    const base = ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory];
    const file = options.configFile === undefined ? [] : [options.configFile];
    const words = [...file, ...base, '--enable-debug-command', 'yes', ...args];
    const child = spawnServer(words, options);
    const server = watch(child, port, directory);
    const isUp = await Promise.race([server.ready, server.ended.then(() => false)]);
    if (isUp) return server;
    log = server.log();
    await server.kill9();
    if (!log.includes('in use')) break;
  }
  throw new Error(`the server did not start:\n${log}`);
}

function watch(
  child: ChildProcess,
  port: number,
  directory: string,
): Tessera & { readonly ready: Promise<boolean> } {
  let log = '';
  let isEnded = false;
  let onReady: (isReady: boolean) => void = () => undefined;
  const ready = new Promise<boolean>((resolve) => {
    onReady = resolve;
  });
  const receive = (chunk: Buffer): void => {
    log += chunk.toString('latin1');
    if (log.includes(READY)) onReady(true);
  };
  child.stdout!.on('data', receive);
  child.stderr!.on('data', receive);
  const ended = new Promise<number | null>((resolve) => {
    child.once('close', (code) => {
      isEnded = true;
      rmSync(directory, { recursive: true, force: true });
      resolve(code);
    });
  });
  return {
    port,
    pid: child.pid ?? 0,
    directory,
    ready,
    ended,
    log: () => log,
    connect: () => RawClient.connect(port),
    signal: (name) => child.kill(name),
    stop: async () => {
      if (!isEnded) child.kill('SIGTERM');
      const timer = setTimeout(() => {
        console.error(`the server did not end on SIGTERM:\n${log.slice(-LOG_SHOWN_MAX)}`);
        child.kill('SIGKILL');
      }, STOP_MS_MAX);
      const code = await ended;
      clearTimeout(timer);
      return code;
    },
    kill9: async () => {
      if (!isEnded) child.kill('SIGKILL');
      await ended;
    },
  };
}
