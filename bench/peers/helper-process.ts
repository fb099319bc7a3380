/**
 * Runs the harness's own clients in processes of their own: they must not share an event loop with
 * what they measure.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const RAISE_FILES = 'ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -Hn)"; exec "$@"';

/** A running client; it writes one JSON value per line. */
export class HelperProcess {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(file: string, args: readonly (string | number)[]) {
    const script = fileURLToPath(new URL(file, import.meta.url));
    const command = ['-c', RAISE_FILES, 'sh', process.execPath, script, ...args.map(String)];
    this.#child = spawn('/bin/sh', command, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  /** Next value the client writes. Throws when it ended instead. */
  async next(): Promise<unknown> {
    const line = await this.#lines.next();
    if (line.done === true) throw new Error('a benchmark client ended early');
    return JSON.parse(line.value);
  }

  /** Closing its standard input asks the client to end; returns what it still writes. */
  async finish(): Promise<unknown[]> {
    const ended = once(this.#child, 'exit');
    this.#child.stdin!.end();
    const left: unknown[] = [];
    for (;;) {
      const line = await this.#lines.next();
      if (line.done === true) break;
      left.push(JSON.parse(line.value));
    }
    await ended;
    return left;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}
