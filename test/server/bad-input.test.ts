/**
 * Bad input: Redis's error and a closed connection; never a crash, a hang, or anything that others
 * notice.
 */
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasProc, residentBytes } from '../support/process-memory.ts';
import { encodeCommand, type RawClient } from '../support/raw-client.ts';
import { startTessera, type Tessera, waitUntil } from '../support/tessera.ts';

const MIB = 1024 * 1024;
const LONG = 70_000;

/** What is sent, and the text of the error behind "-ERR Protocol error: ". */
const ERRORS: readonly (readonly [name: string, bytes: string, error: string])[] = [
  ['a count that is no number', '*abc\r\n', 'invalid multibulk length'],
  ['a count with a blank', '* 1\r\n$4\r\nPING\r\n', 'invalid multibulk length'],
  ['a count over 2^31 - 1', '*2147483648\r\n', 'invalid multibulk length'],
  ['a count over 2^63', '*99999999999999999999\r\n', 'invalid multibulk length'],
  ['an empty count', '*\r\n', 'invalid multibulk length'],
  ['a plus sign', '*+1\r\n$4\r\nPING\r\n', 'invalid multibulk length'],
  ['a leading zero', '*01\r\n$4\r\nPING\r\n', 'invalid multibulk length'],
  ['no bulk', '*1\r\nPING\r\n', "expected '$', got 'P'"],
  ['an integer in place of a bulk', '*1\r\n:1\r\n', "expected '$', got ':'"],
  [
    'a bulk of fewer bytes than there are',
    '*2\r\n$2\r\nPING\r\n$1\r\nx\r\n',
    "expected '$', got '\r'",
  ],
  ['a negative bulk length', '*1\r\n$-1\r\n', 'invalid bulk length'],
  ['a bulk length that is no number', '*1\r\n$x\r\n', 'invalid bulk length'],
  ['an empty bulk length', '*1\r\n$\r\n', 'invalid bulk length'],
  ['a bulk over proto-max-bulk-len', '*1\r\n$536870913\r\n', 'invalid bulk length'],
  ['a bulk length over 2^63', '*1\r\n$9223372036854775808\r\n', 'invalid bulk length'],
  ['an endless count', `*${'1'.repeat(LONG)}`, 'too big mbulk count string'],
  ['an endless bulk length', `*1\r\n$${'1'.repeat(LONG)}`, 'too big bulk count string'],
  ['an endless inline command', 'x'.repeat(LONG), 'too big inline request'],
  ['unbalanced quotes', 'SET a "b\r\n', 'unbalanced quotes in request'],
  ['a quote with something behind it', 'SET a "b"c\r\n', 'unbalanced quotes in request'],
  ['an open single quote', "SET a 'b\r\n", 'unbalanced quotes in request'],
];

/** Got instead of "$" when the line begins with a line end. */
const shown = (error: string): string => error.replace('\r', ' ');

describe.each(['auto', 'node-net'])('transport %s', (transport) => {
  let server: Tessera;
  let other: RawClient;

  beforeAll(async () => {
    server = await startTessera(['--transport', transport]);
    other = await server.connect();
  });

  afterAll(async () => {
    expect(await server.stop()).toBe(0);
    expect(server.log()).not.toContain('BUG REPORT');
  });

  /** Everything the server answers until it closes, after sending `bytes`. */
  async function answerTo(bytes: string): Promise<string> {
    const client = await server.connect();
    client.send(bytes);
    return client.readUntilClose().finally(() => client.close());
  }

  test.each(ERRORS)('%s', async (_name, bytes, error) => {
    const line = `-ERR Protocol error: ${shown(error)}\r\n`;
    expect(await answerTo(bytes)).toBe(line);
    // What came before is answered, what comes behind is not looked at.
    const ping = encodeCommand(['PING']).toString('latin1');
    expect(await answerTo(`${ping}${ping}${bytes}`)).toBe(`+PONG\r\n+PONG\r\n${line}`);
    expect(await other.command(['PING', 'still here'])).toBe('$10\r\nstill here\r\n');
  });

  test('the same, byte by byte', async () => {
    for (const [, bytes, error] of ERRORS.filter(([, bytes]) => bytes.length < 100)) {
      const client = await server.connect();
      for (const byte of bytes) {
        client.send(byte);
        await new Promise((resolve) => setImmediate(resolve));
      }
      const answer = await client.readUntilClose();
      expect([bytes, answer]).toEqual([bytes, `-ERR Protocol error: ${shown(error)}\r\n`]);
      client.close();
    }
  });

  test('empty commands are skipped, the bytes after a bulk are not looked at', async () => {
    const client = await server.connect();
    client.send('\r\n\n*0\r\n*-1\r\n*1\r\n$4\r\nPINGxx\r\n*1\r\n$4\r\nPING\r\n  ping  \r\n');
    for (let i = 0; i < 3; i++) expect(await client.readReply()).toBe('+PONG\r\n');
    expect(client.isClosed).toBe(false);
    client.close();
  });

  test('NUL bytes and any other byte in arguments, names and inline commands', async () => {
    const client = await server.connect();
    const all = Uint8Array.from({ length: 256 }, (_, i) => i);
    expect(await client.command(['SET', all, all])).toBe('+OK\r\n');
    const text = Buffer.from(all).toString('latin1');
    expect(await client.command(['GET', all])).toBe(`$256\r\n${text}\r\n`);
    expect(await client.command(['\0\r\n', 'a'])).toMatch(/^-ERR unknown command '', with args/);
    expect(await client.command([''])).toMatch(/^-ERR unknown command ''/);
    client.send('SET "\\x00\\xff" \'a b\'\r\n');
    expect(await client.readReply()).toBe('+OK\r\n');
    expect(await client.command(['GET', Uint8Array.of(0, 255)])).toBe('$3\r\na b\r\n');
    expect(await client.command(['DEL', all, '\x00\xff'])).toBe(':2\r\n');
    client.close();
  });

  test('an HTTP request reaches no command', async () => {
    expect(await answerTo('POST / HTTP/1.1\r\nHost: x\r\n\r\nSET hacked 1\r\n')).toBe('');
    expect(server.log()).toContain('SECURITY ATTACK');
    const get = await answerTo('GET / HTTP/1.1\r\nHost: x\r\n\r\nSET hacked 1\r\n');
    expect(get).toBe("-ERR wrong number of arguments for 'get' command\r\n");
    expect(await other.command(['EXISTS', 'hacked'])).toBe(':0\r\n');
  });

  test('half a command and a close, at every place', async () => {
    const command = encodeCommand(['SET', 'half', 'a command']).toString('latin1');
    for (let cut = 0; cut < command.length; cut++) {
      const client = await server.connect();
      client.send(command.slice(0, cut));
      if (cut % 2 === 0) client.socket.end();
      else client.socket.resetAndDestroy();
      if (cut % 2 === 0) expect(await client.readUntilClose()).toBe('');
    }
    expect(await other.command(['EXISTS', 'half'])).toBe(':0\r\n');
    await waitUntil('all of them to be gone', async () => {
      return /connected_clients:1\r/.test(await other.command(['INFO', 'clients']));
    });
  });

  test('commands sent just before a half close are answered', async () => {
    const client = await server.connect();
    client.send(encodeCommand(['SET', 'last', 'word']));
    client.send(encodeCommand(['KEYS', 'last']));
    client.send(encodeCommand(['GET', 'last']));
    client.socket.end();
    expect(await client.readUntilClose()).toBe('+OK\r\n*1\r\n$4\r\nlast\r\n$4\r\nword\r\n');
  });

  test.skipIf(!hasProc)('memory grows with what is sent, not with what is declared', async () => {
    const before = residentBytes(server.pid);
    const clients: RawClient[] = [];
    for (let i = 0; i < 20; i++) {
      const client = await server.connect();
      client.send(i % 2 === 0 ? '*1\r\n$536870912\r\nx' : '*2147483647\r\n$1\r\nx\r\n$1\r\ny');
      clients.push(client);
    }
    await other.command(['CONFIG', 'SET', 'proto-max-bulk-len', '1073741824']);
    const huge = await server.connect();
    huge.send('*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1073741824\r\nx');
    for (let i = 0; i < 20; i++) await other.command(['PING']);
    await waitUntil('all to be connected', async () => {
      return /connected_clients:22\r/.test(await other.command(['INFO', 'clients']));
    });
    expect(residentBytes(server.pid) - before).toBeLessThan(40 * MIB);
    for (const client of [...clients, huge]) client.close();
    await other.command(['CONFIG', 'SET', 'proto-max-bulk-len', '536870912']);
  });

  test('a query buffer limit', async () => {
    const limit = ['CONFIG', 'SET', 'client-query-buffer-limit'];
    await other.command([...limit, String(MIB)]);
    const client = await server.connect();
    client.send('*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$10000000\r\n');
    client.send(Buffer.alloc(3 * MIB, 'x'));
    expect(await client.readUntilClose()).toBe('');
    await other.command([...limit, '1gb']);
    expect(await other.command(['INFO', 'stats'])).toMatch(
      /client_query_buffer_limit_disconnections:1\r/,
    );
  });

  test.skipIf(!hasProc)('a client that never reads is cut at its output limit', async () => {
    await other.command(['SET', 'big', 'x'.repeat(5_000_000)]);
    const limit = ['CONFIG', 'SET', 'client-output-buffer-limit'];
    expect(await other.command([...limit, 'normal 8mb 0 0'])).toBe('+OK\r\n');
    const before = residentBytes(server.pid);
    const socket = connect(server.port, '127.0.0.1');
    socket.on('error', () => undefined);
    await new Promise((resolve) => socket.once('connect', resolve));
    socket.pause();
    // 2,000 replies of 5 MB, asked for in 44 kB.
    socket.write(Buffer.concat(Array.from({ length: 2000 }, () => encodeCommand(['GET', 'big']))));
    let peak = 0;
    await waitUntil('the client to be cut', async () => {
      peak = Math.max(peak, residentBytes(server.pid));
      const stats = await other.command(['INFO', 'stats']);
      return /client_output_buffer_limit_disconnections:[1-9]/.test(stats);
    });
    expect(peak - before).toBeLessThan(150 * MIB);
    await waitUntil('it to be gone', async () => {
      return /connected_clients:1\r/.test(await other.command(['INFO', 'clients']));
    });
    socket.destroy();
    await other.command([...limit, 'normal 0 0 0']);
    await other.command(['DEL', 'big']);
  });
});

describe('before authentication', () => {
  let server: Tessera;

  beforeAll(async () => {
    server = await startTessera(['--requirepass', 'secret']);
  });

  afterAll(async () => {
    expect(await server.stop()).toBe(0);
  });

  test.each([
    ['11 arguments', '*11\r\n', 'unauthenticated multibulk length'],
    ['a bulk of 16385 bytes', '*2\r\n$4\r\nAUTH\r\n$16385\r\n', 'unauthenticated bulk length'],
  ])('%s are too many', async (_name, bytes, error) => {
    const client = await server.connect();
    client.send(bytes);
    expect(await client.readUntilClose()).toBe(`-ERR Protocol error: ${error}\r\n`);
  });

  test('10 arguments and 16384 bytes are not; after AUTH both limits are gone', async () => {
    const client = await server.connect();
    const ten = ['MGET', ...Array.from({ length: 9 }, (_, i) => `k${i}`)];
    const refused = '-NOAUTH Authentication required.\r\n';
    expect(await client.command(ten)).toBe(refused);
    expect(await client.command(['AUTH', 'x'.repeat(16384)])).toMatch(/^-WRONGPASS /);
    expect(await client.command(['AUTH', 'secret'])).toBe('+OK\r\n');
    expect(await client.command([...ten, 'more'])).toMatch(/^\*10\r\n/);
    expect(await client.command(['SET', 'k', 'x'.repeat(20_000)])).toBe('+OK\r\n');
    client.close();
  });
});
