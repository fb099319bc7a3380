/** maxmemory-clients: who is closed when clients use too much memory together. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { encodeCommand, type RawClient } from '../support/raw-client.ts';
import { startTessera, type Tessera, waitUntil } from '../support/tessera.ts';

const MB = 1024 * 1024;

/** Names of the connected clients, control left out. */
async function names(control: RawClient): Promise<string[]> {
  const list = await control.command(['CLIENT', 'LIST']);
  const all = [...list.matchAll(/ name=(\S+)/g)].map((match) => match[1]!);
  return all.filter((name) => name !== 'control').sort();
}

async function field(control: RawClient, name: string, what: string): Promise<number> {
  const list = await control.command(['CLIENT', 'LIST']);
  const line = list.split('\n').find((one) => one.includes(` name=${name} `)) ?? '';
  return Number(new RegExp(` ${what}=(\\d+)`).exec(line)?.[1] ?? 'NaN');
}

const evicted = async (control: RawClient): Promise<number> =>
  Number(/evicted_clients:(\d+)/.exec(await control.command(['INFO', 'stats']))![1]);

async function named(server: Tessera, name: string): Promise<RawClient> {
  const client = await server.connect();
  expect(await client.command(['CLIENT', 'SETNAME', name])).toBe('+OK\r\n');
  return client;
}

/** A client with half a command of `bytes` bytes in its query buffer. */
async function full(server: Tessera, control: RawClient, name: string, bytes: number) {
  const client = await named(server, name);
  client.send(`*2\r\n$${bytes}\r\n${'v'.repeat(bytes)}`);
  await waitUntil('the buffer to fill', async () => (await field(control, name, 'qbuf')) >= bytes);
  return client;
}

const set = (control: RawClient, limit: number | string): Promise<string> =>
  control.command(['CONFIG', 'SET', 'maxmemory-clients', `${limit}`]);

interface Growth {
  readonly name: string;
  readonly command: (i: number) => readonly string[];
  readonly first: string;
}

/** What makes a client large; the command is sent again and again. */
const GROWTH: readonly Growth[] = [
  { name: 'watched keys', first: 'PING', command: (i) => ['WATCH', `key:${i}`] },
  { name: 'channels', first: 'PING', command: (i) => ['SUBSCRIBE', `channel:${i}`] },
  { name: 'patterns', first: 'PING', command: (i) => ['PSUBSCRIBE', `pattern:${i}`] },
  { name: 'shard channels', first: 'PING', command: (i) => ['SSUBSCRIBE', `channel:${i}`] },
  { name: 'a transaction', first: 'MULTI', command: () => ['SET', 'k', 'v'.repeat(10_000)] },
  { name: 'replies that it does not read', first: 'PING', command: () => ['GET', 'large'] },
];

describe.each([
  ['auto', '1'],
  ['auto', '3'],
  ['node-net', '2'],
])('%s, %s I/O threads', (transport, threads) => {
  let server: Tessera;
  let control: RawClient;
  /** Clients evicted before the test. */
  let before = 0;

  beforeAll(async () => {
    server = await startTessera(['--transport', transport, '--io-threads', threads]);
    control = await server.connect();
    expect(await control.command(['CLIENT', 'SETNAME', 'control'])).toBe('+OK\r\n');
    expect(await control.command(['CLIENT', 'NO-EVICT', 'on'])).toBe('+OK\r\n');
    expect(await control.command(['SET', 'large', 'v'.repeat(100_000)])).toBe('+OK\r\n');
  });

  beforeEach(async () => {
    expect(await set(control, 0)).toBe('+OK\r\n');
    expect(await control.command(['CONFIG', 'SET', 'maxmemory', '0'])).toBe('+OK\r\n');
    await waitUntil('others to be gone', async () => (await names(control)).length === 0);
    before = await evicted(control);
  });

  afterAll(async () => {
    control.close();
    expect(await server.stop()).toBe(0);
    expect(server.log()).not.toContain('BUG REPORT');
  });

  test('the largest are closed first, whichever thread they are on', async () => {
    const clients: RawClient[] = [];
    const sizes = new Map<string, number>();
    for (const kilobytes of [450, 100, 1800, 3600, 220, 900]) {
      const name = `c${kilobytes}`;
      clients.push(await full(server, control, name, kilobytes * 1024));
      sizes.set(name, await field(control, name, 'tot-mem'));
    }
    for (const limit of [8 * MB, 4 * MB, 2 * MB, MB]) {
      expect(await set(control, limit)).toBe('+OK\r\n');
      const left = [...sizes].sort((a, b) => a[1] - b[1]);
      while (left.reduce((sum, [, bytes]) => sum + bytes, 0) > limit) left.pop();
      await waitUntil('the largest to be gone', async () => {
        return (await names(control)).length <= left.length;
      });
      expect(await names(control)).toEqual(left.map(([name]) => name).sort());
      expect((await evicted(control)) - before).toBe(sizes.size - left.length);
    }
    expect(server.log()).toContain('Evicting client: id=');
    for (const client of clients) client.close();
  });

  test('CLIENT NO-EVICT keeps a client, and what it has does not count', async () => {
    const kept = await named(server, 'kept');
    expect(await kept.command(['CLIENT', 'NO-EVICT', 'ON'])).toBe('+OK\r\n');
    const small = await full(server, control, 'small', 100_000);
    expect(await set(control, MB)).toBe('+OK\r\n');
    kept.send(`*2\r\n$${3 * MB}\r\n${'v'.repeat(2 * MB)}`);
    await waitUntil('the buffer to fill', async () => {
      return (await field(control, 'kept', 'qbuf')) >= 2 * MB;
    });
    expect(await names(control)).toEqual(['kept', 'small']);
    expect(await evicted(control)).toBe(before);
    for (const client of [kept, small]) client.close();
  });

  test.each(GROWTH)('$name count', async ({ command, first }) => {
    expect(await set(control, 400_000)).toBe('+OK\r\n');
    const client = await named(server, 'growing');
    const other = await named(server, 'other');
    await client.command([first]);
    client.socket.pause();
    for (let i = 0; i < 20_000 && (await evicted(control)) === before; i += 20) {
      const batch = Array.from({ length: 20 }, (_n, n) => encodeCommand(command(i + n)));
      client.send(Buffer.concat(batch));
    }
    expect(await evicted(control)).toBe(before + 1);
    await waitUntil('it to be gone', async () => (await names(control)).join() === 'other');
    client.close();
    other.close();
  });

  test('a percentage of maxmemory; without maxmemory there is no limit', async () => {
    expect(await set(control, '10%')).toBe('+OK\r\n');
    const first = await full(server, control, 'first', MB);
    const maxmemory = (bytes: number): Promise<string> =>
      control.command(['CONFIG', 'SET', 'maxmemory', `${bytes}`]);
    expect(await maxmemory(40 * MB)).toBe('+OK\r\n');
    expect(await names(control)).toEqual(['first']);
    expect(await maxmemory(8 * MB)).toBe('+OK\r\n');
    await waitUntil('it to be gone', async () => (await names(control)).length === 0);
    first.close();
  });

  test('a command that makes its client too large does not run', async () => {
    expect(await set(control, MB)).toBe('+OK\r\n');
    const client = await named(server, 'large');
    client.send(encodeCommand(['SET', 'k', 'v'.repeat(3 * MB)]));
    expect(await client.readUntilClose()).toBe('');
    expect(await control.command(['EXISTS', 'k'])).toBe(':0\r\n');
    expect(await evicted(control)).toBe(before + 1);
  });
});
