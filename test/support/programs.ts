/** Other programs that tests use where they are installed. */
import { spawn, spawnSync } from 'node:child_process';

/** Path of a program, or null (with a visible message) where it is not installed. */
export function findProgram(name: string): string | null {
  const found = spawnSync('which', [name], { encoding: 'utf8' });
  if (found.status === 0) return found.stdout.trim();
  console.warn(`${name} is not installed: its tests are skipped`);
  return null;
}

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end (killed after `limitMs`) with `stdin` as its input. */
export async function run(
  path: string,
  args: readonly string[],
  stdin: string | Uint8Array = '',
  limitMs = 50_000,
): Promise<Ran> {
  const child = spawn(path, args, { stdio: 'pipe' });
  const timer = setTimeout(() => child.kill('SIGKILL'), limitMs);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString('latin1');
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString('latin1');
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(stdin);
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  clearTimeout(timer);
  return { code, stdout, stderr };
}
