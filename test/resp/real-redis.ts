/** A real redis-server on a Unix socket of its own, for comparisons; absent where not installed. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const redisInstalled = spawnSync('redis-server', ['--version']).status === 0;

export class RealRedis {
  readonly #directory = mkdtempSync(join(tmpdir(), 'redis-'));
  readonly #process: ChildProcess;

  constructor(...flags: string[]) {
    const fixed = ['--port', '0', '--unixsocket', this.#path(), '--save', '', '--dir'];
    this.#process = spawn('redis-server', [...fixed, this.#directory, ...flags], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  }

  #path(): string {
    return join(this.#directory, 'socket');
  }

  async ready(): Promise<void> {
    let log = '';
    for await (const chunk of this.#process.stdout!) {
      log += chunk;
      if (log.includes('ready to accept connections at')) return;
    }
    throw new Error('redis-server did not start:\n' + log);
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.kill('SIGKILL');
    await ended;
    rmSync(this.#directory, { recursive: true });
  }

  connect(): Socket {
    return connect(this.#path());
  }

  /**
   * Sends bytes and returns everything the server answers until it closes the connection. With
   * `finish` the sending side is closed, so that the server closes in any case.
   */
  exchange(bytes: Uint8Array, finish: boolean): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = this.connect();
      let answer = '';
      socket.setEncoding('latin1');
      socket.on('data', (text) => {
        answer += text;
      });
      socket.on('close', () => resolve(answer));
      socket.on('error', (error: NodeJS.ErrnoException) => {
        // A server that closes with bytes unread resets the connection.
        if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error);
      });
      if (finish) socket.end(bytes);
      else socket.write(bytes);
    });
  }
}

/** A command as a multibulk; strings with one byte per character. */
export function multibulk(...args: string[]): string {
  return `*${args.length}\r\n` + args.map((arg) => `$${arg.length}\r\n${arg}\r\n`).join('');
}

export function latin1(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'latin1'));
}
