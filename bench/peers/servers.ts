/**
 * Starts and stops the two servers. Each child ends by its own pid, at the latest when the harness
 * ends.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { RawConnection } from './raw-connection.ts';

export type ServerKind = 'redis' | 'tessera';

const START_TIMEOUT_MS = 15_000;
const STOP_TIMEOUT_MS = 10_000;
const tesseraPath = fileURLToPath(new URL('../../bin/tessera-server', import.meta.url));

/** Raises the limit of open files as far as it goes, then becomes the server: the pid stays. */
const WITH_FILES = 'ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -Hn)"; exec "$@"';

export interface RunningServer {
  readonly kind: ServerKind;
  readonly port: number;
  readonly pid: number;
  /** From starting the process to its first PONG. */
  readonly firstPongMs: number;
  readonly folder: string;
  stop(): Promise<void>;
}

const children = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

/** Port that nobody listened to a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

async function isAnswering(port: number): Promise<boolean> {
  try {
    const connection = await RawConnection.open(port);
    const reply = await connection.command('PING');
    connection.close();
    return reply === '+PONG\r\n';
  } catch {
    return false;
  }
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    const killer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await ended;
    clearTimeout(killer);
  }
  children.delete(child);
}

export interface StartOptions {
  /** Its directory, which stays; else it has one of its own as long as it runs. */
  readonly folder?: string;
  /** How long it may take to load its data. */
  readonly timeoutMs?: number;
}

/**
 * Starts a server on a free loopback port, without persistence, and waits for its first PONG, which
 * it gives when its data is loaded. Throws with its log.
 */
export async function startServer(
  kind: ServerKind,
  extraArgs: readonly string[] = [],
  options: StartOptions = {},
): Promise<RunningServer> {
  const port = await freePort();
  const ownFolder = options.folder ?? mkdtempSync(join(tmpdir(), `bench-${kind}-`));
  const stop = async (child: ChildProcess): Promise<void> => {
    await stopChild(child);
    if (options.folder === undefined) rmSync(ownFolder, { recursive: true, force: true });
  };
  const program = kind === 'redis' ? 'redis-server' : tesseraPath;
  const common = [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    'no',
  ];
  const args = ['-c', WITH_FILES, 'sh', program, ...common, '--dir', ownFolder, ...extraArgs];
  const start = performance.now();
  const child = spawn('/bin/sh', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  children.add(child);
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      log = (log + chunk.toString('latin1')).slice(-4000);
    });
  }
  while (!(await isAnswering(port))) {
    const isLate = performance.now() - start > (options.timeoutMs ?? START_TIMEOUT_MS);
    if (isLate || child.exitCode !== null) {
      await stop(child);
      throw new Error(`${kind} did not start:\n${log}`);
    }
    await sleep(2);
  }
  const firstPongMs = performance.now() - start;
  return { kind, port, pid: child.pid!, firstPongMs, folder: ownFolder, stop: () => stop(child) };
}

export interface Pair {
  readonly redis: RunningServer;
  readonly tessera: RunningServer;
}

/** Runs `body` with one server of each kind, and stops both whatever happens. */
export async function withPair<T>(
  redisArgs: readonly string[],
  tesseraArgs: readonly string[],
  body: (pair: Pair) => Promise<T>,
): Promise<T> {
  const redis = await startServer('redis', redisArgs);
  try {
    const tessera = await startServer('tessera', tesseraArgs);
    try {
      return await body({ redis, tessera });
    } finally {
      await tessera.stop();
    }
  } finally {
    await redis.stop();
  }
}

/** The pair in an order that alternates with the round, so that neither always runs first. */
export function inTurn(pair: Pair, round: number): readonly RunningServer[] {
  return round % 2 === 0 ? [pair.redis, pair.tessera] : [pair.tessera, pair.redis];
}
