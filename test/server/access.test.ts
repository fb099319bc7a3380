/** Who may do what: passwords, protected mode, renamed commands, DEBUG. */
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { expect, test } from 'vitest';
import type { RawClient } from '../support/raw-client.ts';
import { startTessera, type Tessera } from '../support/tessera.ts';

const NOAUTH = '-NOAUTH Authentication required.\r\n';
const WRONGPASS = '-WRONGPASS invalid username-password pair or user is disabled.\r\n';

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
  }
}

test('requirepass: nothing before AUTH or HELLO AUTH', async () => {
  await withServer(['--requirepass', 'pass word'], async (server, client) => {
    for (const words of [['PING'], ['GET', 'a'], ['INFO'], ['CLIENT', 'LIST'], ['SELECT', '1']]) {
      expect([words, await client.command(words)]).toEqual([words, NOAUTH]);
    }
    expect(await client.command(['HELLO', '3'])).toMatch(/^-NOAUTH HELLO must be called with/);
    expect(await client.command(['HELLO', '3', 'AUTH', 'default', 'no'])).toBe(WRONGPASS);
    expect(await client.command(['AUTH', 'no'])).toBe(WRONGPASS);
    expect(await client.command(['AUTH', 'other', 'pass word'])).toBe(WRONGPASS);
    expect(await client.command(['AUTH'])).toMatch(/^-ERR wrong number of arguments for 'auth'/);
    expect(await client.command(['NOSUCH'])).toMatch(/^-ERR unknown command/);
    expect(await client.command(['AUTH', 'default', 'pass word'])).toBe('+OK\r\n');
    expect(await client.command(['PING'])).toBe('+PONG\r\n');
    expect(await client.command(['RESET'])).toBe('+RESET\r\n');
    expect(await client.command(['PING'])).toBe(NOAUTH);
    const hello = await client.command([
      'HELLO',
      '3',
      'AUTH',
      'default',
      'pass word',
      'SETNAME',
      'me',
    ]);
    expect(hello).toMatch(/^%7\r\n\$6\r\nserver\r\n/);
    expect(await client.command(['CLIENT', 'GETNAME'])).toBe('$2\r\nme\r\n');
    // A new password counts for new connections only; no password opens the door.
    await client.command(['CONFIG', 'SET', 'requirepass', 'other']);
    expect(await client.command(['PING'])).toBe('+PONG\r\n');
    const second = await server.connect();
    expect(await second.command(['PING'])).toBe(NOAUTH);
    expect(await second.command(['AUTH', 'other'])).toBe('+OK\r\n');
    await second.command(['CONFIG', 'SET', 'requirepass', '']);
    const third = await server.connect();
    expect(await third.command(['PING'])).toBe('+PONG\r\n');
    expect(await third.command(['AUTH', 'x'])).toMatch(/^-ERR AUTH <password> called without any/);
    second.close();
    third.close();
  });
});

const outside = Object.values(networkInterfaces())
  .flat()
  .find((one) => one !== undefined && !one.internal && one.family === 'IPv4')?.address;

test.skipIf(outside === undefined)('protected mode lets only this machine in', async () => {
  await withServer(['--bind', '* -::*'], async (server, client) => {
    expect(await client.command(['PING'])).toBe('+PONG\r\n');
    const answer = (): Promise<string> =>
      new Promise((resolve) => {
        let text = '';
        const socket = connect(server.port, outside!);
        socket.on('data', (chunk: Buffer) => {
          text += chunk.toString('latin1');
          if (!text.startsWith('-DENIED')) socket.end();
        });
        socket.on('error', () => undefined);
        socket.on('close', () => resolve(text));
        socket.write('PING\r\n');
      });
    expect(await answer()).toMatch(/^-DENIED Redis is running in protected mode because/);
    expect(await client.command(['CONFIG', 'SET', 'protected-mode', 'no'])).toBe('+OK\r\n');
    expect(await answer()).toBe('+PONG\r\n');
    await client.command(['CONFIG', 'SET', 'protected-mode', 'yes', 'requirepass', 'secret']);
    expect(await answer()).toBe(NOAUTH);
  });
});

test('renamed and removed commands', async () => {
  const names = ['--rename-command', 'FLUSHALL', '', '--rename-command', 'CONFIG', 'hidden'];
  await withServer(names, async (_server, client) => {
    expect(await client.command(['FLUSHALL'])).toMatch(/^-ERR unknown command 'FLUSHALL'/);
    expect(await client.command(['CONFIG', 'GET', 'port'])).toMatch(/^-ERR unknown command/);
    expect(await client.command(['HIDDEN', 'GET', 'port'])).toMatch(/^\*2\r\n\$4\r\nport/);
  });
});

test('MODULE LOAD and UNLOAD need enable-module-command', async () => {
  await withServer([], async (_server, client) => {
    expect(await client.command(['MODULE', 'LIST'])).toBe('*0\r\n');
    expect(await client.command(['MODULE', 'UNLOAD'])).toMatch(/^-ERR wrong number of arguments/);
    for (const words of [
      ['LOAD', '/m.so'],
      ['LOADEX', '/m.so'],
      ['UNLOAD', 'm'],
    ]) {
      expect(await client.command(['MODULE', ...words])).toMatch(
        /^-ERR MODULE command not allowed/,
      );
    }
    await client.command(['MULTI']);
    expect(await client.command(['MODULE', 'UNLOAD', 'm'])).toMatch(/^-ERR MODULE command not/);
    expect(await client.command(['EXEC'])).toMatch(/^-EXECABORT/);
  });
  await withServer(['--enable-module-command', 'local'], async (_server, client) => {
    expect(await client.command(['MODULE', 'LOAD', '/m.so'])).toMatch(
      /^-ERR Error loading the ext/,
    );
    expect(await client.command(['MODULE', 'UNLOAD', 'm'])).toMatch(/^-ERR Error unloading module/);
  });
});

test('DEBUG needs enable-debug-command', async () => {
  await withServer(['--enable-debug-command', 'no'], async (_server, client) => {
    expect(await client.command(['DEBUG', 'SLEEP', '0'])).toMatch(
      /^-ERR DEBUG command not allowed/,
    );
  });
  await withServer(['--enable-debug-command', 'local'], async (_server, client) => {
    expect(await client.command(['DEBUG', 'SLEEP', '0'])).toBe('+OK\r\n');
  });
});
