/**
 * Starts a real redis-server on a free port, for comparisons; tests skip where it is not installed.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Argument } from './local-runner.ts';
import { RawClient } from './raw-client.ts';

const START_TRIES_MAX = 5;
const PORT_MIN = 20_000;

export interface RedisServer {
  readonly port: number;
  /**
   * Runs one command on a connection of its own (RESP2 until HELLO 3) and returns the raw reply as
   * latin1 text.
   */
  command(args: readonly Argument[]): Promise<string>;
  /** Ends the process and removes its directory. */
  stop(): Promise<void>;
}

/** Path of the redis-server program, or null where none is installed. */
export function redisServerPath(): string | null {
  const found = spawnSync('which', ['redis-server'], { encoding: 'utf8' });
  return found.status === 0 ? found.stdout.trim() : null;
}

function freePort(): Promise<number> {
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

/**
 * True once the log says it is ready, false when the process ended before (the port was taken
 * meanwhile).
 */
async function isReady(child: ChildProcess): Promise<boolean> {
  let log = '';
  for await (const chunk of child.stdout!) {
    log += String(chunk);
    if (log.includes('eady to accept connections')) return true;
  }
  return false;
}

/**
 * Starts redis-server on 127.0.0.1 without persistence and with DEBUG allowed, in a temporary
 * directory. `extraArgs` are command line options such as `['--maxmemory', '1mb']`. Throws when it
 * is not installed or does not start.
 */
export async function startRedis(extraArgs: readonly string[] = []): Promise<RedisServer> {
  const path = redisServerPath();
  if (path === null) throw new Error('redis-server is not installed');
  for (let tries = 0; tries < START_TRIES_MAX; tries++) {
    const port = await freePort();
    if (port < PORT_MIN) continue;
    const directory = mkdtempSync(join(tmpdir(), 'tessera-redis-'));
    const options = ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory];
    options.push('--save', '', '--appendonly', 'no', '--enable-debug-command', 'yes');
    const child = spawn(path, [...options, ...extraArgs], { stdio: ['ignore', 'pipe', 'ignore'] });
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    const stop = async (): Promise<void> => {
      child.kill('SIGKILL');
      await ended;
      rmSync(directory, { recursive: true, force: true });
    };
    if (!(await isReady(child))) {
      await stop();
      continue;
    }
    const client = await RawClient.connect(port);
    return {
      port,
      command: (args) => client.command(args),
      stop: async () => {
        client.close();
        await stop();
      },
    };
  }
  throw new Error('redis-server did not start');
}
