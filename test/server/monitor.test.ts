/** MONITOR: what it shows, in which order, over all threads. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeReply } from '../support/decode-reply.ts';
import { RawClient } from '../support/raw-client.ts';
import { startTessera, type Tessera, waitUntil } from '../support/tessera.ts';

const LINE = /^\+(\d+\.\d{6}) \[(\d+) ([^\]]+)\] (.*)\r\n$/;

/** The commands among the lines up to a PING of this text, which is left out. */
async function linesUpTo(monitor: RawClient, mark: string): Promise<string[]> {
  const lines: string[] = [];
  for (;;) {
    const [, , db, , command] = LINE.exec(await monitor.readReply())!;
    if (command === `"PING" "${mark}"`) return lines;
    lines.push(`${db} ${command}`);
  }
}

describe.each([
  ['auto', '1'],
  ['auto', '2'],
  ['node-net', '2'],
])('%s, %s I/O threads', (transport, threads) => {
  let server: Tessera;
  let client: RawClient;

  beforeAll(async () => {
    const args = ['--transport', transport, '--io-threads', threads, '--shards', '4'];
    server = await startTessera([...args, '--unixsocket', 'server.sock']);
    client = await server.connect();
  });

  afterAll(async () => {
    expect(await server.stop()).toBe(0);
    expect(server.log()).not.toContain('BUG REPORT');
  });

  /** Connections until there is one on every I/O thread. */
  async function onEachThread(): Promise<RawClient[]> {
    const found = new Map<string, RawClient>();
    for (let i = 0; i < 200 && found.size < Number(threads); i++) {
      const one = await server.connect();
      const io = /io-thread=(\d+)/.exec(await one.command(['CLIENT', 'INFO']))![1]!;
      if (found.has(io)) one.close();
      else found.set(io, one);
    }
    expect(found.size).toBe(Number(threads));
    return [...found.values()];
  }

  async function monitors(): Promise<RawClient[]> {
    const clients = await onEachThread();
    for (const one of clients) expect(await one.command(['MONITOR'])).toBe('+OK\r\n');
    return clients;
  }

  async function oneMonitor(): Promise<RawClient> {
    const monitor = await server.connect();
    expect(await monitor.command(['MONITOR'])).toBe('+OK\r\n');
    return monitor;
  }

  /** Runs commands one after the other; every monitor shows these lines. */
  async function shows(commands: readonly (readonly string[])[], lines: string[]): Promise<void> {
    const watching = await monitors();
    for (const words of commands) await client.command(words);
    await client.command(['PING', 'end']);
    for (const monitor of watching) {
      expect(await linesUpTo(monitor, 'end')).toEqual(lines);
      monitor.close();
    }
  }

  test('time, database and address stand before the command', async () => {
    const monitor = await oneMonitor();
    const before = Date.now() / 1000;
    await client.command(['SET', 'k', 'v']);
    const [, seconds, db, address, command] = LINE.exec(await monitor.readReply())!;
    expect(Number(seconds)).toBeGreaterThan(before - 1);
    expect(Number(seconds)).toBeLessThan(Date.now() / 1000 + 1);
    expect([db, command]).toEqual(['0', '"SET" "k" "v"']);
    expect(address).toBe(`127.0.0.1:${client.socket.localPort}`);
    monitor.close();
  });

  test('a Unix socket is shown by its path', async () => {
    const path = join(server.directory, 'server.sock');
    const local = await RawClient.connect(path);
    const monitor = await oneMonitor();
    await local.command(['PING']);
    const [, , , address] = LINE.exec(await monitor.readReply())!;
    expect(address).toMatch(/^unix:.*server\.sock$/);
    local.close();
    monitor.close();
  });

  test('bytes that cannot be printed are escaped', async () => {
    const watching = await monitors();
    await client.command(['SET', 'a\n\r\t\x07\x08', '\x00\x1f\x7f\xff "q\\']);
    for (const monitor of watching) {
      const [, , , , command] = LINE.exec(await monitor.readReply())!;
      expect(command).toBe('"SET" "a\\n\\r\\t\\a\\b" "\\x00\\x1f\\x7f\\xff \\"q\\\\"');
      monitor.close();
    }
  });

  test('session commands, the database after the command, and no administration', async () => {
    await shows(
      [
        ['select', '5'],
        ['CLIENT', 'ID'],
        ['CLIENT', 'LIST'],
        ['CONFIG', 'GET', 'save'],
        ['no-such-command'],
        ['GET'],
        ['SELECT', '0'],
        ['ECHO', 'x'],
      ],
      ['5 "select" "5"', '5 "CLIENT" "ID"', '0 "SELECT" "0"', '0 "ECHO" "x"'],
    );
  });

  test('secrets are left out', async () => {
    await shows(
      [
        ['AUTH', 'secret'],
        ['AUTH', 'somebody', 'secret'],
        ['HELLO', '2', 'auth', 'somebody', 'secret', 'SETNAME', 'x'],
        ['CONFIG', 'SET', 'masterauth', 'secret'],
        ['CONFIG', 'SET', 'masterauth', ''],
      ],
      [
        '0 "AUTH" "(redacted)"',
        '0 "AUTH" "(redacted)" "(redacted)"',
        '0 "HELLO" "2" "auth" "(redacted)" "(redacted)" "SETNAME" "x"',
      ],
    );
  });

  test('a queue is shown when it runs, EXEC behind it', async () => {
    await shows(
      [
        ['MULTI'],
        ['SET', 'a', '1'],
        ['PING', 'in'],
        ['SET', 'b', '1'],
        ['EXEC'],
        ['MULTI'],
        ['no-such-command'],
        ['EXEC'],
        ['MULTI'],
        ['SET', 'a', '2'],
        ['DISCARD'],
      ],
      [
        '0 "MULTI"',
        '0 "SET" "a" "1"',
        '0 "PING" "in"',
        '0 "SET" "b" "1"',
        '0 "EXEC"',
        '0 "MULTI"',
        '0 "EXEC"',
        '0 "MULTI"',
        '0 "DISCARD"',
      ],
    );
  });

  test('a queue that turns out to be long work is shown once', async () => {
    await client.command(['DEL', 'large']);
    for (let i = 0; i < 10; i++) {
      await client.command(['RPUSH', 'large', ...Array.from({ length: 1000 }, (_, n) => `${n}`)]);
    }
    await shows(
      [
        ['MULTI'],
        ['GET', 'a'],
        ['LRANGE', 'large', '0', '-1'],
        ['SET', 'a', '3'],
        ['exec'],
        ['WATCH', 'a'],
        ['SET', 'a', '4'],
        ['MULTI'],
        ['GET', 'a'],
        ['exec'],
      ],
      [
        '0 "MULTI"',
        '0 "GET" "a"',
        '0 "LRANGE" "large" "0" "-1"',
        '0 "SET" "a" "3"',
        '0 "exec"',
        '0 "WATCH" "a"',
        '0 "SET" "a" "4"',
        '0 "MULTI"',
        '0 "exec"',
      ],
    );
  });

  test('a command that waits is shown when it comes', async () => {
    const watching = await monitors();
    const waiting = await server.connect();
    const popped = waiting.command(['BLPOP', 'queue', '0']);
    await waitUntil('the client to wait', async () =>
      (await client.command(['INFO', 'clients'])).includes('blocked_clients:1'),
    );
    await client.command(['RPUSH', 'queue', 'x']);
    expect(decodeReply(await popped)).toEqual(['queue', 'x']);
    await client.command(['PING', 'end']);
    for (const monitor of watching) {
      const lines = await linesUpTo(monitor, 'end');
      expect(lines.filter((line) => !line.includes('"INFO"'))).toEqual([
        '0 "BLPOP" "queue" "0"',
        '0 "RPUSH" "queue" "x"',
      ]);
      monitor.close();
    }
    waiting.close();
  });

  test('who monitors has no business with keys; RESET ends it', async () => {
    const monitor = await oneMonitor();
    const refusal = "-ERR Replica can't interact with the keyspace\r\n";
    expect(await monitor.command(['GET', 'k'])).toBe(refusal);
    expect(await monitor.command(['SET', 'k', 'v'])).toBe(refusal);
    expect(await monitor.command(['PUBLISH', 'c', 'm'])).toBe(refusal);
    expect(await monitor.command(['ECHO', 'x'])).toBe('$1\r\nx\r\n');
    expect(await monitor.readReply()).toMatch(/"ECHO" "x"/);
    const isShown = async (): Promise<boolean> =>
      new RegExp(`:${monitor.socket.localPort} .*flags=O `).test(
        await client.command(['CLIENT', 'LIST']),
      );
    expect(await isShown()).toBe(true);
    // A second MONITOR is not answered.
    monitor.send('MONITOR\r\n');
    expect(await monitor.command(['RESET'])).toBe('+RESET\r\n');
    expect(await monitor.command(['GET', 'none'])).toBe('$-1\r\n');
    expect(await isShown()).toBe(false);
    monitor.close();
  });

  test('not in a transaction', async () => {
    await client.command(['MULTI']);
    expect(await client.command(['MONITOR'])).toBe('+QUEUED\r\n');
    expect(await client.command(['EXEC'])).toBe(
      "*1\r\n-ERR MONITOR isn't allowed for DENY BLOCKING client\r\n",
    );
  });

  test('the order of lines is the order of effect', async () => {
    const watching = await monitors();
    const writers = await Promise.all(Array.from({ length: 8 }, () => server.connect()));
    const keys = ['order:1', 'order:2', 'order:3'];
    await Promise.all(
      writers.map((writer, w) =>
        Promise.all(
          Array.from({ length: 600 }, (_, i) =>
            writer.command(['RPUSH', keys[i % keys.length]!, `${w}:${i}`]),
          ),
        ),
      ),
    );
    const lists = new Map<string, unknown>();
    for (const key of keys) {
      lists.set(key, decodeReply(await client.command(['LRANGE', key, '0', '-1'])));
    }
    await client.command(['PING', 'end']);
    for (const monitor of watching) {
      const shown = new Map<string, string[]>(keys.map((key) => [key, []]));
      for (const line of await linesUpTo(monitor, 'end')) {
        const [, key, element] = /"RPUSH" "([^"]+)" "([^"]+)"/.exec(line) ?? [];
        if (key !== undefined) shown.get(key)!.push(element!);
      }
      for (const key of keys) expect(shown.get(key)).toEqual(lists.get(key));
      monitor.close();
    }
    for (const writer of writers) writer.close();
  });
});
