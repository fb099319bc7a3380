/**
 * A server on a directory that outlives it: started, killed and started again by the fault tests.
 * Tessera, or a real redis-server, which proves the tests themselves.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Argument } from '../support/local-runner.ts';
import { RawClient } from '../support/raw-client.ts';
import { freePort, serverProgram } from '../support/tessera.ts';

export type ServerKind = 'tessera' | 'redis';

const START_MS_MAX = 30_000;
const STOP_MS_MAX = 20_000;
const POLL_MS = 5;
const LOG_BYTES_MAX = 65_536;

/** How a server is started. */
export interface Launch {
  readonly kind: ServerKind;
  readonly directory: string;
  readonly args: readonly string[];
  /** Words of a program that starts the server (strace and its options). */
  readonly under?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Threads and shards of Tessera: its files must not depend on them. */
export const TOPOLOGIES: readonly (readonly string[])[] = [
  [],
  ['--io-threads', '2', '--shards', '5', '--shard-threads', '2'],
  ['--lease', 'no', '--shards', '3'],
  ['--transport', 'node-net', '--io-threads', '3', '--shards', '2'],
];

export class FaultServer {
  readonly port: number;
  readonly kind: ServerKind;
  readonly #child: ChildProcess;
  #log = '';
  #isEnded = false;
  /** Exit code when it has ended; null where a signal ended it. */
  readonly ended: Promise<number | null>;

  private constructor(child: ChildProcess, kind: ServerKind, port: number) {
    this.port = port;
    this.kind = kind;
    this.#child = child;
    const receive = (chunk: Buffer): void => {
      this.#log = (this.#log + chunk.toString('latin1')).slice(-LOG_BYTES_MAX);
    };
    child.stdout!.on('data', receive);
    child.stderr!.on('data', receive);
    this.ended = new Promise((resolve) => {
      child.once('exit', (code) => {
        this.#isEnded = true;
        running.delete(child);
        resolve(code);
      });
    });
  }

  /** Starts the process without waiting for anything. */
  static async launch(launch: Launch): Promise<FaultServer> {
    const { kind, directory, args } = launch;
    const port = await freePort();
    const words = ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory];
    words.push('--enable-debug-command', 'yes', '--save', '', ...args);
    return new FaultServer(spawnGroup(launch, words), kind, port);
  }

  /** Starts it and waits until it answers PING: all data is loaded then. Throws with its log. */
  static async start(launch: Launch): Promise<FaultServer> {
    const server = await FaultServer.launch(launch);
    await server.ready();
    return server;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** The end of what it wrote to standard output and error. */
  log(): string {
    return this.#log;
  }

  /** Resolves when PING is answered. Throws with the log where the process ends before. */
  async ready(): Promise<void> {
    const startMs = performance.now();
    while (!(await this.#answersPing())) {
      const isLate = performance.now() - startMs > START_MS_MAX;
      if (this.#isEnded || isLate) {
        await this.kill9();
        throw new Error(`${this.kind} did not start:\n${this.#log}`);
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  async #answersPing(): Promise<boolean> {
    try {
      return (await this.command('PING')) === '+PONG\r\n';
    } catch {
      return false;
    }
  }

  connect(): Promise<RawClient> {
    return RawClient.connect(this.port);
  }

  /** One command on a connection of its own; the raw reply. */
  async command(...words: readonly Argument[]): Promise<string> {
    const client = await this.connect();
    try {
      return await client.command(words);
    } finally {
      client.close();
    }
  }

  /** Value of `field` in INFO `section`; empty where it is missing. */
  async info(section: string, field: string): Promise<string> {
    const text = await this.command('INFO', section);
    return new RegExp(`^${field}:(.*?)\r?$`, 'm').exec(text)?.[1] ?? '';
  }

  /** SIGKILL to it and its children, and the wait for the end. */
  async kill9(): Promise<void> {
    this.killNow();
    await this.ended;
  }

  /** SIGKILL without waiting. */
  killNow(): void {
    if (!this.#isEnded) this.#signal('SIGKILL');
  }

  /** SIGTERM and the wait for the end; the exit code. Throws with the log where it goes on. */
  async stop(): Promise<number | null> {
    if (!this.#isEnded) this.#child.kill('SIGTERM');
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.killNow();
    }, STOP_MS_MAX);
    const code = await this.ended;
    clearTimeout(timer);
    if (isLate) throw new Error(`${this.kind} did not end on SIGTERM:\n${this.#log}`);
    return code;
  }

  #signal(name: NodeJS.Signals): void {
    signalGroup(this.#child, name);
  }
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) signalGroup(child, 'SIGKILL');
});

/**
 * To the process and what it has forked: a child of redis-server must not go on writing files when
 * its parent is dead.
 */
function signalGroup(child: ChildProcess, name: NodeJS.Signals): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, name);
  } catch {
    // It has ended meanwhile.
  }
}

function spawnGroup(launch: Launch, words: readonly string[]): ChildProcess {
  const program = launch.kind === 'redis' ? ['redis-server'] : serverProgram();
  const [first, ...rest] = [...(launch.under ?? []), ...program, ...words];
  const env = { ...process.env, ...launch.env };
  const child = spawn(first!, rest, { stdio: ['ignore', 'pipe', 'pipe'], detached: true, env });
  running.add(child);
  return child;
}
