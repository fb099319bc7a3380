/** Servers with an append-only file in directories that outlive them. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeCommand, type RawClient } from '../support/raw-client.ts';
import {
  type Outcome,
  runToEnd,
  type SpawnOptions,
  startTessera,
  type Tessera,
  waitUntil,
} from '../support/tessera.ts';

const made: string[] = [];

/** A new empty directory, until `removeDirectories`. */
export function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'tessera-aof-'));
  made.push(directory);
  return directory;
}

export function removeDirectories(): void {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true });
}

const OPTIONS = ['--save', '', '--appendonly', 'yes', '--shards', '4'];

export function start(
  directory: string,
  args: readonly string[] = [],
  options: SpawnOptions = {},
): Promise<Tessera> {
  return startTessera(['--dir', directory, ...OPTIONS, ...args], options);
}

/** For starts that fail. */
export function startInVain(directory: string, args: readonly string[] = []): Promise<Outcome> {
  return runToEnd([
    '--port',
    '0',
    '--unixsocket',
    join(directory, 's'),
    '--dir',
    directory,
    ...OPTIONS,
    ...args,
  ]);
}

export function fileOf(directory: string, name: string): string {
  return join(directory, 'appendonlydir', name);
}

export function manifestOf(directory: string): string {
  return readFileSync(fileOf(directory, 'appendonly.aof.manifest'), 'latin1');
}

/** Commands as an append-only file has them: words separated by blanks. */
export function asLog(...commands: readonly string[]): string {
  return commands.map((text) => encodeCommand(text.split(' ')).toString('latin1')).join('');
}

export async function rewrite(client: RawClient): Promise<void> {
  await client.command(['BGREWRITEAOF']);
  await waitUntil('the rewrite', async () => {
    const info = await client.command(['INFO', 'persistence']);
    return /aof_rewrite_in_progress:0/.test(info) && /aof_rewrite_scheduled:0/.test(info);
  });
}

/** Values of all types, some that expire, in two databases. */
export async function fill(client: RawClient): Promise<void> {
  const far = Date.now() + 1e9;
  const commands = [
    'SET s hello',
    `SET e x PXAT ${far}`,
    'RPUSH l 1 2 3',
    'SADD t a b c',
    'SADD n 1 2 3',
    'HSET h f v g w',
    'ZADD z 1 a 2.5 b',
    'INCRBYFLOAT f 1.5',
    'SPOP t',
    'SETRANGE r 3 x',
    'PFADD p a b c',
    'SETBIT b 7 1',
    'EXPIRE l 1000',
    'SELECT 3',
    'SET other db',
    'MULTI',
    'SET m 1',
    'INCR m',
    'SELECT 0',
    'SET back 1',
    'EXEC',
    'RENAME back there',
  ];
  for (const text of commands) await client.command(text.split(' '));
}
