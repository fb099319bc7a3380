/** Whole servers whose disk fails, and servers killed at the worst moments. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { waitUntil } from '../support/tessera.ts';
import { fill, newDirectory, removeDirectories, rewrite, start } from './aof-fixture.ts';

afterAll(removeDirectories);
// Several servers one after the other, on a machine that may be busy.
vi.setConfig({ testTimeout: 180_000 });

const DIGEST = ['DEBUG', 'DIGEST'];

interface Faults {
  readonly path: string;
  readonly env: Readonly<Record<string, string>>;
  set(faults: object): void;
}

function faultsIn(directory: string): Faults {
  const path = join(directory, 'faults.json');
  const set = (faults: object): void => writeFileSync(path, JSON.stringify(faults));
  set({});
  return { path, env: { TESSERA_DISK_FAULTS: path }, set };
}

test.each(['always', 'everysec'])(
  '%s: a full disk stops writes and nothing else',
  async (policy) => {
    const directory = newDirectory();
    const { set, env } = faultsIn(directory);
    const server = await start(directory, ['--appendfsync', policy], { env });
    const client = await server.connect();
    expect(await client.command(['SET', 'a', '1'])).toBe('+OK\r\n');
    // SELECT and the first SET take 50 bytes: the second does not fit, whatever the batches.
    set(policy === 'always' ? { sync: 'EIO' } : { fileBytesMax: 60 });
    const waiting = await server.connect();
    const reply = waiting.command(['SET', 'b', '2']);
    const text = policy === 'always' ? 'Input/output error' : 'No space left on device';
    await waitUntil('the failure', async () =>
      (await client.command(['INFO', 'persistence'])).includes('aof_last_write_status:err'),
    );
    expect(await client.command(['SET', 'c', '3'])).toBe(
      `-MISCONF Errors writing to the AOF file: ${text}\r\n`,
    );
    expect(await client.command(['GET', 'a'])).toBe('$1\r\n1\r\n');
    set({});
    expect(await reply).toBe('+OK\r\n');
    await waitUntil(
      'writes again',
      async () => (await client.command(['SET', 'd', '4'])) === '+OK\r\n',
    );
    await client.command(['CONFIG', 'SET', 'appendfsync', 'always']);
    await client.command(['SET', 'e', '5']);
    const digest = await client.command(DIGEST);
    await server.kill9();
    const again = await start(directory);
    expect(await (await again.connect()).command(DIGEST)).toBe(digest);
    await again.kill9();
  },
);

test('everysec: a disk that takes for ever holds no client up', async () => {
  const directory = newDirectory();
  const { set, env } = faultsIn(directory);
  const server = await start(directory, [], { env });
  const client = await server.connect();
  set({ delayMs: 3500 });
  await client.command(['SET', 'a', '1']);
  let n = 0;
  await waitUntil('a slow sync to be noticed', async () => {
    expect(await client.command(['INCR', 'n'])).toBe(`:${++n}\r\n`);
    return /aof_delayed_fsync:[1-9]/.test(await client.command(['INFO', 'persistence']));
  });
  expect(server.log()).toContain('Asynchronous AOF fsync is taking too long');
  set({});
  client.close();
  expect(await server.stop()).toBe(0);
});

test.each(['base-created', 'manifest-written', 'manifest-renamed'])(
  'killed during the first start: %s',
  async (crashAt) => {
    const directory = newDirectory();
    const { set, env } = faultsIn(directory);
    set({ crashAt });
    await expect(start(directory, [], { env })).rejects.toThrow();
    const server = await start(directory);
    const client = await server.connect();
    expect(await client.command(['DBSIZE'])).toBe(':0\r\n');
    await server.kill9();
  },
);

test.each(['incr-created', 'incr-named', 'base-renamed', 'manifest-written', 'manifest-renamed'])(
  'killed during a rewrite: %s',
  async (crashAt) => {
    const directory = newDirectory();
    const { set, env } = faultsIn(directory);
    const server = await start(directory, ['--appendfsync', 'always'], { env });
    const client = await server.connect();
    await fill(client);
    await rewrite(client);
    await fill(client);
    const digest = await client.command(DIGEST);
    set({ crashAt });
    client.command(['BGREWRITEAOF']).catch(() => undefined);
    await server.ended;
    expect(existsSync(directory)).toBe(true);
    const again = await start(directory);
    const other = await again.connect();
    expect(await other.command(DIGEST)).toBe(digest);
    await rewrite(other);
    await other.command(['DEBUG', 'LOADAOF']);
    expect(await other.command(DIGEST)).toBe(digest);
    await again.kill9();
  },
);
