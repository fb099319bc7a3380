/** Client-side caching where several threads, limits and large numbers are concerned. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KeyBatch, readBatch } from '../../src/server/key-batch.ts';
import { LateOutput } from '../../src/server/late-output.ts';
import { decodeReply } from '../support/decode-reply.ts';
import type { RawClient } from '../support/raw-client.ts';
import { startTessera, type Tessera, waitUntil } from '../support/tessera.ts';

const OK = '+OK\r\n';

function invalidated(...keys: readonly string[]): string {
  const bulks = keys.map((key) => `$${key.length}\r\n${key}\r\n`);
  return `>2\r\n$10\r\ninvalidate\r\n*${keys.length}\r\n${bulks.join('')}`;
}

function message(key: string): string {
  const array = `*1\r\n$${key.length}\r\n${key}\r\n`;
  return `*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n${array}`;
}

async function field(client: RawClient, name: string): Promise<number> {
  const text = String(decodeReply(await client.command(['INFO'])));
  return Number(new RegExp(`\r\n${name}:([0-9]+)`).exec(text)![1]);
}

/** A connection of the I/O thread with this number, from 0 on. */
async function connectTo(server: Tessera, thread: number): Promise<RawClient> {
  for (;;) {
    const client = await server.connect();
    const line = await client.command(['CLIENT', 'INFO']);
    if (line.includes(` io-thread=${thread} `)) return client;
    client.close();
  }
}

async function idOf(client: RawClient): Promise<number> {
  return Number((await client.command(['CLIENT', 'ID'])).slice(1));
}

describe('two I/O threads', () => {
  let server: Tessera;
  let writer: RawClient;

  beforeAll(async () => {
    server = await startTessera(['--io-threads', '2', '--shards', '4', '--save', '']);
    writer = await connectTo(server, 0);
  });

  afterAll(async () => {
    expect(await server.stop()).toBe(0);
  });

  test.each([
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ])('reader on thread %i, listener on thread %i', async (first, second) => {
    const reader = await connectTo(server, first);
    const listener = await connectTo(server, second);
    const id = await idOf(listener);
    await listener.command(['SUBSCRIBE', '__redis__:invalidate']);
    expect(await reader.command(['CLIENT', 'TRACKING', 'ON', 'REDIRECT', id])).toBe(OK);
    await reader.command(['GET', 'k']);
    await writer.command(['SET', 'k', 1]);
    expect(await listener.readReply()).toBe(message('k'));
    await reader.command(['GET', 'k']);
    await writer.command(['FLUSHALL']);
    const all = '*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n$-1\r\n';
    expect(await listener.readReply()).toBe(all);
    await reader.command(['HELLO', 3]);
    await reader.command(['GET', 'k']);
    listener.close();
    await waitUntil('the listener gone', async () => {
      return !(await writer.command(['CLIENT', 'LIST'])).includes(`id=${id} `);
    });
    await writer.command(['SET', 'k', 2]);
    const broken = `>2\r\n$21\r\ntracking-redir-broken\r\n:${id}\r\n`;
    expect(await reader.readReply()).toBe(broken);
    expect(await reader.command(['CLIENT', 'INFO'])).toMatch(
      new RegExp(` flags=tR .* redir=${id} resp=3 `),
    );
    const again = await reader.command(['CLIENT', 'TRACKING', 'ON', 'REDIRECT', id]);
    expect(again).toBe('-ERR The client ID you want redirect to does not exist\r\n');
    reader.close();
  });

  test('a client hears of what has changed before it asks', async () => {
    const reader = await connectTo(server, 1);
    await reader.command(['HELLO', 3]);
    await reader.command(['CLIENT', 'TRACKING', 'ON']);
    for (let i = 0; i < 200; i++) {
      const key = `asked:${i % 7}`;
      await reader.command(['GET', key]);
      await writer.command(['SET', key, i]);
      expect(await reader.command(['PING'])).toBe(invalidated(key));
      expect(await reader.readReply()).toBe('+PONG\r\n');
    }
    reader.close();
  });

  test('INFO and CLIENT LIST count clients, keys, prefixes', async () => {
    const [one, two] = [await connectTo(server, 0), await connectTo(server, 1)];
    for (const client of [one, two]) await client.command(['HELLO', 3]);
    await waitUntil('all gone', async () => (await field(writer, 'tracking_clients')) === 0);
    await one.command(['CLIENT', 'TRACKING', 'ON']);
    await two.command(['CLIENT', 'TRACKING', 'ON', 'BCAST', 'PREFIX', 'a', 'PREFIX', 'b']);
    await one.command(['MGET', 'x', 'y', 'z', 'x']);
    const names = ['clients', 'total_keys', 'total_items', 'total_prefixes'];
    const counts = () => Promise.all(names.map((name) => field(writer, `tracking_${name}`)));
    expect(await counts()).toEqual([2, 3, 3, 2]);
    expect(await two.command(['CLIENT', 'INFO'])).toMatch(/ flags=tB .* redir=0 resp=3 /);
    await two.command(['CLIENT', 'TRACKING', 'OFF']);
    expect(await counts()).toEqual([1, 3, 3, 0]);
    expect(await two.command(['CLIENT', 'INFO'])).toMatch(/ flags=N .* redir=-1 resp=3 /);
    await writer.command(['SET', 'y', 1]);
    expect(await one.readReply()).toBe(invalidated('y'));
    expect(await counts()).toEqual([1, 2, 2, 0]);
    one.close();
    await waitUntil('none left', async () => (await field(writer, 'tracking_total_keys')) === 0);
    two.close();
  });

  test('keys beyond tracking-table-max-keys are told of', async () => {
    const reader = await connectTo(server, 1);
    await reader.command(['HELLO', 3]);
    await reader.command(['CLIENT', 'TRACKING', 'ON', 'NOLOOP']);
    expect(await writer.command(['CONFIG', 'SET', 'tracking-table-max-keys', 10])).toBe(OK);
    const told = new Set<string>();
    const keys = Array.from({ length: 200 }, (_, i) => `many:${i}`);
    for (const key of keys) {
      reader.send(`*2\r\n$3\r\nGET\r\n$${key.length}\r\n${key}\r\n`);
      for (let raw = ''; raw !== '_\r\n'; ) {
        raw = await reader.readReply();
        if (raw[0] === '>') told.add(String((decodeReply(raw.replace('>', '*')) as string[])[1]));
      }
    }
    while (told.size < 190) {
      const raw = await reader.readReply();
      told.add(String((decodeReply(raw.replace('>', '*')) as string[])[1]));
    }
    expect(await field(writer, 'tracking_total_keys')).toBe(10);
    // Only what is left is told of when it changes.
    await writer.command(['MSET', ...keys.flatMap((key) => [key, '1'])]);
    while (told.size < 200) {
      const raw = await reader.readReply();
      told.add(String((decodeReply(raw.replace('>', '*')) as string[])[1]));
    }
    expect([...told].sort()).toEqual([...keys].sort());
    expect(reader.unread).toBe('');
    await writer.command(['CONFIG', 'SET', 'tracking-table-max-keys', 1_000_000]);
    reader.close();
  });

  test('a flood reaches clients that track prefixes, each key once a message', async () => {
    const listeners = [await connectTo(server, 0), await connectTo(server, 1)];
    for (const client of listeners) {
      await client.command(['HELLO', 3]);
      await client.command(['CLIENT', 'TRACKING', 'ON', 'BCAST', 'PREFIX', 'flood:']);
    }
    const count = 20_000;
    const commands = Array.from({ length: count }, (_, i) => {
      const key = `flood:${i}`;
      return `*3\r\n$3\r\nSET\r\n$${key.length}\r\n${key}\r\n$1\r\nx\r\n`;
    });
    writer.send(commands.join(''));
    for (const client of listeners) {
      const seen = new Set<string>();
      while (seen.size < count) {
        const [, keys] = decodeReply((await client.readReply()).replace('>', '*')) as [
          string,
          string[],
        ];
        expect(new Set(keys).size).toBe(keys.length);
        for (const key of keys) seen.add(key);
      }
      expect(client.unread).toBe('');
      client.close();
    }
    for (let i = 0; i < count; i++) expect(await writer.readReply()).toBe(OK);
  }, 30_000);
});

test('a batch of keys gives back what was put in', () => {
  const batch = new KeyBatch();
  const keys = ['', 'a', 'abcd', 'x'.repeat(300_000), 'last'];
  keys.forEach((key, i) => {
    const bytes = Buffer.from(`__${key}`);
    batch.add(0xffffff00 + i, i, bytes, 2, bytes.length);
  });
  const seen: [number, number, string][] = [];
  const shifted = new Uint8Array(batch.length + 5);
  shifted.set(batch.buf.subarray(0, batch.length), 5);
  readBatch(shifted, 5, 5 + batch.length, (client, generation, buf, from, to) => {
    seen.push([client, generation, Buffer.from(buf.subarray(from, to)).toString()]);
  });
  expect(seen).toEqual(keys.map((key, i) => [0xffffff00 + i, i, key]));
  batch.clear();
  expect(batch.length).toBe(0);
  expect(batch.buf.length).toBeLessThan(300_000);
});

test('late output waits for its ticket, also where tickets begin anew', () => {
  const late = new LateOutput();
  const sent: string[] = [];
  late.add(0x7fffffff, () => sent.push('a'));
  late.add(0, () => sent.push('b'));
  late.add(2, () => sent.push('c'));
  late.reached(0x7ffffffe);
  expect(sent).toEqual([]);
  late.reached(0x7fffffff);
  expect(sent).toEqual(['a']);
  late.reached(1);
  expect(sent).toEqual(['a', 'b']);
  late.add(3, () => late.add(4, () => sent.push('e')));
  late.reached(3);
  expect(sent).toEqual(['a', 'b', 'c']);
  expect(late.isEmpty).toBe(false);
  late.reached(4);
  expect(sent).toEqual(['a', 'b', 'c', 'e']);
  expect(late.isEmpty).toBe(true);
});
