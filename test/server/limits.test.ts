/** What the configuration allows clients and data: connections, idle time, memory. */
import { describe, expect, test } from 'vitest';
import { decodeReply } from '../support/decode-reply.ts';
import type { RawClient } from '../support/raw-client.ts';
import { startTessera, type Tessera, waitUntil } from '../support/tessera.ts';

const OOM = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";

async function withServer(
  args: readonly string[],
  body: (server: Tessera, client: RawClient) => Promise<void>,
): Promise<void> {
  const server = await startTessera(args);
  try {
    const client = await server.connect();
    await body(server, client);
    client.close();
  } finally {
    expect(await server.stop()).toBe(0);
    expect(server.log()).not.toContain('BUG REPORT');
  }
}

const info = async (client: RawClient, field: string): Promise<number> =>
  Number(new RegExp(`\\n${field}:(\\d+)`).exec(await client.command(['INFO']))?.[1]);

test.each(['1', '2'])('maxclients with %s I/O threads', async (threads) => {
  await withServer(['--maxclients', '5', '--io-threads', threads], async (server, first) => {
    const clients = await Promise.all(Array.from({ length: 4 }, () => server.connect()));
    for (const client of clients) expect(await client.command(['PING'])).toBe('+PONG\r\n');
    for (let i = 0; i < 3; i++) {
      const more = await server.connect();
      expect(await more.readUntilClose()).toBe('-ERR max number of clients reached\r\n');
    }
    expect(await info(first, 'rejected_connections')).toBe(3);
    clients.pop()!.close();
    await waitUntil('a place', async () => (await info(first, 'connected_clients')) === 4);
    const again = await server.connect();
    expect(await again.command(['PING'])).toBe('+PONG\r\n');
    expect(await first.command(['CONFIG', 'SET', 'maxclients', '100'])).toBe('+OK\r\n');
    const late = await server.connect();
    expect(await late.command(['PING'])).toBe('+PONG\r\n');
    expect(await first.command(['CONFIG', 'SET', 'maxclients', '10000'])).toBe('+OK\r\n');
    expect(await first.command(['CONFIG', 'SET', 'maxclients', '10001'])).toContain(
      'try with 10000',
    );
    expect(await first.command(['CONFIG', 'GET', 'maxclients'])).toContain('10000');
    for (const client of [...clients, again, late]) client.close();
  });
});

test.each(['auto', 'node-net'])('timeout closes idle clients only (%s)', async (transport) => {
  await withServer(['--transport', transport], async (server, busy) => {
    expect(await busy.command(['CONFIG', 'SET', 'timeout', '1'])).toBe('+OK\r\n');
    const idle = await Promise.all(Array.from({ length: 5 }, () => server.connect()));
    let closed = 0;
    const all = Promise.all(
      idle.map((client) =>
        client.readUntilClose().then((text) => {
          expect(text).toBe('');
          closed += 1;
        }),
      ),
    );
    await waitUntil('idle clients to be closed', async () => {
      expect(await busy.command(['PING'])).toBe('+PONG\r\n');
      return closed === idle.length;
    });
    await all;
  });
});

test.each([
  ['auto', 'yes', '8'],
  ['auto', 'no', '1'],
  ['node-net', 'yes', '1'],
])('full memory refuses writes, and nothing is lost (%s, lease %s, %s shards)', async (...how) => {
  const [transport, lease, shards] = how;
  const args = ['--transport', transport, '--lease', lease, '--shards', shards];
  await withServer(args, async (_server, client) => {
    const used = await info(client, 'used_memory');
    await client.command(['CONFIG', 'SET', 'maxmemory', String(used + 3_000_000)]);
    const value = 'v'.repeat(1000);
    let stored = 0;
    let reply = '';
    while (stored < 20_000) {
      reply = await client.command(['SET', `k${stored}`, value + String(stored)]);
      if (reply !== '+OK\r\n') break;
      stored += 1;
    }
    expect(reply).toBe(OOM);
    expect(stored).toBeGreaterThan(1000);
    for (const words of [
      ['APPEND', 'k0', 'x'],
      ['SETRANGE', 'new', '100', 'x'],
      ['MSET', 'a', '1', 'b', '2'],
      ['INCR', 'n'],
      ['COPY', 'k0', 'k0copy'],
      ['BITOP', 'NOT', 'd', 'k0'],
      ['SETBIT', 'bits', '100000', '1'],
    ]) {
      expect([words, await client.command(words)]).toEqual([words, OOM]);
    }
    await inTransactions(client);
    expect(await client.command(['DBSIZE'])).toBe(`:${stored}\r\n`);
    for (const i of [0, 1, stored >> 1, stored - 1]) {
      expect(decodeReply(await client.command(['GET', `k${i}`]))).toBe(value + String(i));
    }
    expect(await client.command(['EXPIRE', 'k1', '1000'])).toBe(':1\r\n');
    expect(await client.command(['GETDEL', 'k1'])).toMatch(/^\$/);
    expect(await client.command(['DEL', 'k2', 'k3'])).toBe(':2\r\n');
    expect(await client.command(['CONFIG', 'SET', 'maxmemory', '0'])).toBe('+OK\r\n');
    expect(await client.command(['SET', 'again', value])).toBe('+OK\r\n');
    expect(await client.command(['DBSIZE'])).toBe(`:${stored - 2}\r\n`);
    expect(await client.command(['CONFIG', 'SET', 'maxmemory', '1'])).toBe('+OK\r\n');
    expect(await client.command(['FLUSHALL'])).toBe('+OK\r\n');
  });
});

/** A write in MULTI is refused when it is queued; one whose memory ran out later, when it runs. */
async function inTransactions(client: RawClient): Promise<void> {
  await client.command(['MULTI']);
  expect(await client.command(['SET', 'a', '1'])).toBe(OOM);
  expect(await client.command(['GET', 'k0'])).toBe('+QUEUED\r\n');
  expect(await client.command(['EXEC'])).toMatch(/^-EXECABORT /);
}

test('a reply beyond the hard limit closes its client, whatever parts it comes in', async () => {
  await withServer([], async (server, client) => {
    for (const bytes of [90_000, 5_000_000]) {
      expect(await client.command(['SET', `${bytes}`, 'v'.repeat(bytes)])).toBe('+OK\r\n');
    }
    const limit = 'normal 2000000 0 0 pubsub 0 0 0';
    const set = ['CONFIG', 'SET', 'client-output-buffer-limit', limit];
    expect(await client.command(set)).toBe('+OK\r\n');
    const small = await server.connect();
    expect((await small.command(['GET', '90000'])).length).toBeGreaterThan(90_000);
    const large = await server.connect();
    large.send('GET 5000000\r\n');
    expect((await large.readUntilClose()).length).toBeLessThan(5_000_000);
    expect(await info(client, 'client_output_buffer_limit_disconnections')).toBe(1);
    small.close();
  });
});

describe.each([
  ['auto', 'yes'],
  ['auto', 'no'],
  ['node-net', 'yes'],
])('reads that are more than the hard limit (%s, lease %s)', (transport, lease) => {
  const DISCONNECTIONS = 'client_output_buffer_limit_disconnections';
  const KEY = 'k'.repeat(1000);
  const many = Array.from({ length: 3000 }, () => KEY);
  const few = many.slice(0, 3);
  const value = 'v'.repeat(1000);
  const args = ['--transport', transport, '--lease', lease];
  const limit = (text: string): string[] => ['CONFIG', 'SET', 'client-output-buffer-limit', text];
  const request = (...commands: string[][]): string =>
    commands
      .map((one) => `*${one.length}\r\n${one.map((w) => `$${w.length}\r\n${w}\r\n`).join('')}`)
      .join('');

  async function prepare(client: RawClient): Promise<void> {
    await client.command(['SET', KEY, value]);
    await client.command(['HSET', 'hash', 'a', 'b']);
    await client.command(['RPUSH', 'list', ...many]);
    expect(await client.command(limit('normal 1000000 0 0'))).toBe('+OK\r\n');
  }

  test('end early, and their client is closed', async () => {
    const commands = [
      ['MGET', ...many],
      ['LRANGE', 'list', '0', '-1'],
      ['SORT', 'list', 'BY', 'nosort'],
      ['HRANDFIELD', 'hash', '-999999999'],
      ['HRANDFIELD', 'hash', '-999999'],
    ];
    await withServer(args, async (server, client) => {
      await prepare(client);
      for (const [i, command] of commands.entries()) {
        const large = await server.connect();
        large.send(request(['PING'], command, ['SET', 'after', 'x']));
        expect(await large.readUntilClose()).not.toContain('*');
        expect(await info(client, DISCONNECTIONS)).toBe(i + 1);
      }
      // What is sent behind a command that a worker runs may be on its way already.
      if (lease === 'yes') expect(await client.command(['EXISTS', 'after'])).toBe(':0\r\n');
      expect(await client.command(['MGET', ...few])).toContain(value);
      await waitUntil('one client', async () => (await info(client, 'connected_clients')) === 1);
      expect(server.log()).toContain('for overcoming of output buffer limits');
    });
  });

  test('transactions run to their end, and who wants no reply is not closed', async () => {
    await withServer(args, async (server, client) => {
      await prepare(client);
      const large = await server.connect();
      const queue = [
        ['SET', 'one', '1'],
        ['MGET', ...many],
        ['KEYS', '*'],
        ['INCR', 'one'],
      ];
      large.send(request(['MULTI'], ...queue, ['EXEC']));
      expect(await large.readUntilClose()).not.toContain(value);
      expect(await client.command(['GET', 'one'])).toBe('$1\r\n2\r\n');
      expect(await info(client, DISCONNECTIONS)).toBe(1);
      const quiet = await server.connect();
      quiet.send(request(['CLIENT', 'REPLY', 'OFF'], ['MGET', ...many]));
      expect(await quiet.command(['CLIENT', 'REPLY', 'ON'])).toBe('+OK\r\n');
      expect(await info(client, DISCONNECTIONS)).toBe(1);
      quiet.close();
    });
  });

  test('are measured by the class of their client', async () => {
    await withServer(args, async (server, client) => {
      await prepare(client);
      const subscriber = await server.connect();
      await subscriber.command(['HELLO', '3']);
      await subscriber.command(['SUBSCRIBE', 'c']);
      expect((await subscriber.command(['MGET', ...many])).length).toBeGreaterThan(3_000_000);
      await client.command(limit('normal 0 0 0 pubsub 1000000 0 0'));
      expect((await client.command(['MGET', ...many])).length).toBeGreaterThan(3_000_000);
      expect(await info(client, DISCONNECTIONS)).toBe(0);
      subscriber.send(request(['MGET', ...many]));
      expect(await subscriber.readUntilClose()).toBe('');
      expect(await info(client, DISCONNECTIONS)).toBe(1);
    });
  });
});
