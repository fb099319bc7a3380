// A real redis-server to compare with, on a port of its own; and just enough RESP2 to talk to it.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type Reply = string | number | null | Reply[];

/** The version of the redis-server that is installed, or null when there is none. */
export const installedRedisVersion: string | null = (() => {
  const found = spawnSync('redis-server', ['--version'], { encoding: 'latin1' });
  return /v=([0-9.]+)/.exec(found.stdout ?? '')?.[1] ?? null;
})();

/** Runs `redis-server` to its end with these words and this standard input. */
export function runRedisServer(args: readonly string[], input: string) {
  return spawnSync('redis-server', [...args], { input, encoding: 'latin1', timeout: 10_000 });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

export class RedisReference {
  readonly directory: string;
  readonly port: number;
  readonly #process: ChildProcess;
  readonly #socket: Socket;
  #received = '';
  #waiting: ((reply: Reply) => void)[] = [];

  private constructor(directory: string, port: number, process: ChildProcess, socket: Socket) {
    this.directory = directory;
    this.port = port;
    this.#process = process;
    this.#socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (chunk) => this.#receive(String(chunk)));
  }

  /** Starts a server with a configuration file `redis.conf` that ends with `config`. */
  static async start(config: string): Promise<RedisReference> {
    const directory = mkdtempSync(join(tmpdir(), 'tessera-reference-'));
    const port = await freePort();
    const file = join(directory, 'redis.conf');
    writeFileSync(file, `port ${port}\nbind 127.0.0.1\nsave ""\n${config}`, 'latin1');
    const process = spawn('redis-server', [file], { cwd: directory });
    await new Promise<void>((resolve, reject) => {
      process.on('exit', () => reject(new Error('redis-server ended at its start')));
      process.stdout.on('data', (text) => {
        if (String(text).includes('Ready to accept connections')) resolve();
      });
    });
    const socket = connect(port, '127.0.0.1');
    await new Promise((resolve) => socket.once('connect', resolve));
    return new RedisReference(directory, port, process, socket);
  }

  /** Sends one command of byte strings; an error reply comes as its text. */
  call(...words: readonly string[]): Promise<Reply> {
    const bulks = words.map((word) => `$${word.length}\r\n${word}\r\n`).join('');
    this.#socket.write(`*${words.length}\r\n${bulks}`, 'latin1');
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async stop(): Promise<void> {
    this.#socket.destroy();
    const ended = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.kill('SIGKILL');
    await ended;
    rmSync(this.directory, { recursive: true });
  }

  #receive(chunk: string): void {
    this.#received += chunk;
    for (;;) {
      const parsed = parseReply(this.#received, 0);
      if (parsed === null) return;
      this.#received = this.#received.slice(parsed.end);
      this.#waiting.shift()?.(parsed.reply);
    }
  }
}

function parseReply(text: string, at: number): { reply: Reply; end: number } | null {
  const lineEnd = text.indexOf('\r\n', at);
  if (lineEnd === -1) return null;
  const rest = text.slice(at + 1, lineEnd);
  let end = lineEnd + 2;
  if (text[at] === '+' || text[at] === '-') return { reply: rest, end };
  const count = Number(rest);
  if (text[at] === ':') return { reply: count, end };
  if (count < 0) return { reply: null, end };
  if (text[at] === '$') {
    if (text.length < end + count + 2) return null;
    return { reply: text.slice(end, end + count), end: end + count + 2 };
  }
  const items: Reply[] = [];
  for (let index = 0; index < count; index++) {
    const item = parseReply(text, end);
    if (item === null) return null;
    items.push(item.reply);
    end = item.end;
  }
  return { reply: items, end };
}
