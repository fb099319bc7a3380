/** Starting with a snapshot file: what clients see meanwhile, and files that are refused. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bytesOf, string } from '../durability/payload.ts';
import { fileOf, keyOf, NEW_KEYS, OLD_KEYS, partsOf } from '../durability/rdb-files.ts';
import { damagedFile, smallFile } from '../fuzz/rdb-damage.ts';
import { withRandom } from '../support/random.ts';
import { RawClient } from '../support/raw-client.ts';
import { freePort, runToEnd, spawnServer, startTessera, waitUntil } from '../support/tessera.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const LOADING = '-LOADING Redis is loading the dataset in memory\r\n';
const MANY = 30_000;
/** A start takes less time with few threads. */
const FEW_THREADS = ['--io-threads', '1', '--shard-threads', '1', '--shards', '1'];

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'tessera-loading-'));
});

afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

let folders = 0;

/** A folder with a snapshot file of these bytes. */
function folderWith(bytes: Uint8Array): string {
  const folder = join(directory, String(folders++));
  mkdirSync(folder);
  writeFileSync(join(folder, 'dump.rdb'), bytes);
  return folder;
}

/** More than one thread loads at once. */
function largeFile(...tail: readonly Uint8Array[]): Buffer {
  const keys = Array.from({ length: MANY }, (_, i) =>
    keyOf(`key:${i}`, 0, string(`value of ${i}`.padEnd(60, '.'))),
  );
  return fileOf('0010', ...keys, ...tail);
}

/** Starts a server that cannot be; its complaints. */
async function refusal(bytes: Uint8Array, ...args: readonly string[]): Promise<string> {
  const port = await freePort();
  const folder = folderWith(bytes);
  const { code, stdout, stderr } = await runToEnd([
    ...['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, ...args],
  ]);
  expect(stderr).toBe('');
  expect(code, stdout).toBe(1);
  expect(stdout).not.toMatch(/BUG REPORT|\n\s+at /);
  expect(stdout).not.toContain('Ready to accept');
  expect(stdout).toContain(join(folder, 'dump.rdb'));
  return stdout;
}

test('every type, and what the log and INFO say', async () => {
  const keys = [...OLD_KEYS, ...NEW_KEYS];
  const folder = folderWith(fileOf('0012', ...partsOf(keys)));
  const server = await startTessera(['--dir', folder]);
  const client = await server.connect();
  expect(await client.command(['GET', 'lzf'])).toBe('$10\r\naaaaaaaaaa\r\n');
  const info = await client.command(['INFO', 'persistence']);
  expect(info).toMatch(/\r\nloading:0\r\n|loading:0\r\n/);
  expect(info).not.toContain('loading_start_time');
  expect(info).toContain('rdb_changes_since_last_save:0\r\n');
  expect(info).toContain(`rdb_last_load_keys_loaded:${keys.length - 1}\r\n`);
  expect(info).toContain('rdb_last_load_keys_expired:1\r\n');
  const log = server.log();
  expect(log).toContain('Loading RDB produced by version 7.0.15');
  expect(log).toMatch(/RDB age \d+ seconds/);
  const done = `Done loading RDB, keys loaded: ${keys.length - 1}, keys expired: 1.`;
  expect(log.indexOf('Server initialized')).toBeLessThan(log.indexOf(done));
  expect(log).toMatch(/DB loaded from disk: \d+\.\d{3} seconds\n.*Ready to accept connections/);
  client.close();
  expect(await server.stop()).toBe(0);
});

test.each([
  ['2', '3', '8'],
  ['1', '1', '1'],
])('a large file: %s I/O threads, %s workers, %s shards', async (io, workers, shards) => {
  const folder = folderWith(largeFile(keyOf('last', 2, [2], string('a'), string('b'))));
  const threads = ['--io-threads', io, '--shard-threads', workers, '--shards', shards];
  const server = await startTessera(['--dir', folder, ...threads]);
  const client = await server.connect();
  expect(await client.command(['DBSIZE'])).toBe(`:${MANY + 1}\r\n`);
  expect(await client.command(['SCARD', 'last'])).toBe(':2\r\n');
  for (let i = 0; i < MANY; i += 997) {
    const value = `value of ${i}`.padEnd(60, '.');
    expect(await client.command(['GET', `key:${i}`])).toBe(`$60\r\n${value}\r\n`);
  }
  expect(await client.command(['SET', 'key:0', 'x'])).toBe('+OK\r\n');
  client.close();
  expect(await server.stop()).toBe(0);
});

test('clients while the data set is loaded', async () => {
  const port = await freePort();
  const folder = folderWith(largeFile());
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder];
  const child = spawnServer([...args, '--key-load-delay', '2000']);
  let log = '';
  child.stdout!.on('data', (chunk: Buffer) => {
    log += chunk.toString('latin1');
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  await waitUntil('the server', () => log.includes('Server initialized'));
  const client = await RawClient.connect(port);
  expect(await client.command(['GET', 'key:1'])).toBe(LOADING);
  expect(await client.command(['MULTI'])).toBe('+OK\r\n');
  expect(await client.command(['SET', 'a', 'b'])).toBe(LOADING);
  expect(await client.command(['EXEC'])).toMatch(/^-EXECABORT/);
  expect(await client.command(['PING'])).toBe(LOADING);
  let info = '';
  await waitUntil('progress', async () => {
    info = await client.command(['INFO', 'persistence']);
    return !info.includes('loading_loaded_bytes:0\r\n');
  });
  for (const field of ['start_time', 'total_bytes', 'rdb_used_mem', 'loaded_perc', 'eta_seconds']) {
    expect(info).toMatch(new RegExp(`\\r\\nloading_${field}:[\\d.]+\\r\\n`));
  }
  expect(info).toContain('loading:1\r\n');
  expect(await client.command(['CONFIG', 'GET', 'key-load-delay'])).toContain('2000');
  expect(log).not.toContain('Ready to accept');
  expect(await client.command(['CONFIG', 'SET', 'key-load-delay', '0'])).toBe('+OK\r\n');
  await waitUntil('the end', () => log.includes('Ready to accept connections'));
  expect(await client.command(['GET', 'key:1'])).toContain('value of 1');
  client.close();
  child.kill('SIGTERM');
  expect(await ended).toBe(0);
});

test('a signal ends the server while it loads', async () => {
  const folder = folderWith(largeFile());
  const port = await freePort();
  const child = spawnServer([
    ...['--port', String(port), '--bind', '127.0.0.1', '--dir', folder],
    ...['--key-load-delay', '10000'],
  ]);
  let log = '';
  child.stdout!.on('data', (chunk: Buffer) => {
    log += chunk.toString('latin1');
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  await waitUntil('the server', () => log.includes('Server initialized'));
  child.kill('SIGTERM');
  expect(await ended).toBe(0);
  expect(log).toContain('Received shutdown signal during loading, exiting now.');
});

const TAIL: Readonly<Record<string, readonly [Uint8Array, string]>> = {
  'a stream': [keyOf('s', 19, [1, 2, 0, 0]), 'Stream listpack integrity check failed.'],
  'a damaged value': [keyOf('k', 16, string('xx')), 'Hash listpack integrity check failed.'],
  'a key twice': [keyOf('key:7', 0, string('x')), "RDB has duplicated key 'key:7' in DB 0"],
  'a database too many': [bytesOf([254, 16]), 'configured to handle more than 16 databases'],
  'a forged length': [keyOf('k', 0, [0x81, 0, 1, 0, 0, 0, 0, 0, 0]), 'Unexpected EOF'],
};

const smallOf = (tail: Uint8Array): Buffer => fileOf('0010', keyOf('key:7', 0, string('v')), tail);

describe.each([
  ['small', smallOf, Object.keys(TAIL)],
  ['large', largeFile, ['a key twice']],
])('a %s file with', (size, make, names) => {
  const threads = size === 'small' ? FEW_THREADS : [];

  test.each(names)('%s is refused', async (name) => {
    const [tail, text] = TAIL[name]!;
    const log = await refusal(make(tail), ...threads);
    expect(log).toMatch(/# Internal error in RDB reading offset \d+ of \S+dump\.rdb -> /);
    expect(log).toContain(text);
    expect(log).toContain('# Terminating server after rdb file reading failure.');
  });

  test('a wrong checksum is refused, unless nobody looks', async () => {
    const file = make(keyOf('k', 0, string('v')));
    file[file.length - 1]! ^= 1;
    expect(await refusal(file, ...threads)).toContain('RDB CRC error');
    if (size === 'large') return;
    const server = await startTessera([
      '--dir',
      folderWith(file),
      '--rdbchecksum',
      'no',
      ...threads,
    ]);
    expect(server.log()).toContain('RDB file was saved with checksum disabled');
    expect(await server.stop()).toBe(0);
  });
});

test.each([
  ['no RDB file', Buffer.from('hello, world, this is no RDB file'), 'Wrong signature'],
  ['a version of later', fileOf('0099'), "Can't handle RDB format version 99"],
  ['an empty file', Buffer.alloc(0), 'Unexpected EOF reading RDB file'],
])('%s', async (_, bytes, text) => {
  expect(await refusal(bytes, ...FEW_THREADS)).toContain(text);
});

test('damaged files: loaded or refused, never anything else', async () => {
  await withRandom(async (random) => {
    for (let round = 0; round < 2; round++) {
      const bytes = damagedFile(random, smallFile(random, true));
      const port = await freePort();
      const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folderWith(bytes)];
      const child = spawnServer(args);
      let log = '';
      let isStopped = false;
      child.stdout!.on('data', (chunk: Buffer) => {
        log += chunk.toString('latin1');
        if (isStopped || !log.includes('Ready to accept')) return;
        isStopped = true;
        child.kill('SIGTERM');
      });
      const code = await new Promise((resolve) => child.once('close', resolve));
      const isLoaded = log.includes('Ready to accept');
      expect(code, `${bytes.toString('hex')}\n${log}`).toBe(isLoaded ? 0 : 1);
      expect(log).not.toMatch(/BUG REPORT|\n\s+at /);
      if (!isLoaded) expect(log).toMatch(/RDB reading offset \d+ of \S+dump\.rdb -> \S/);
    }
  });
});

test('tessera-check-rdb as a program', () => {
  const run = (...args: readonly string[]): { code: number | null; out: string } => {
    const { status, stdout, stderr } = spawnSync(join(ROOT, 'bin/tessera-check-rdb'), args);
    return { code: status, out: `${stdout}${stderr}` };
  };
  const good = join(folderWith(fileOf('0012', ...partsOf(NEW_KEYS))), 'dump.rdb');
  expect(run(good)).toMatchObject({ code: 0, out: expect.stringContaining('RDB looks OK!') });
  const bad = join(folderWith(Buffer.from('REDIS0010')), 'dump.rdb');
  expect(run(bad)).toMatchObject({ code: 1, out: expect.stringContaining('RDB ERROR DETECTED') });
  expect(run(join(directory, 'none'))).toMatchObject({ code: 1 });
  expect(run()).toMatchObject({ code: 1, out: expect.stringContaining('Usage:') });
  expect(run('--version')).toMatchObject({ code: 0 });
});
