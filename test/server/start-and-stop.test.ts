/** Starting and ending the server as a process: arguments, files, sockets, signals, exit codes. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RawClient } from '../support/raw-client.ts';
import { freePort, runToEnd, spawnServer, startTessera, waitUntil } from '../support/tessera.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const isRoot = process.getuid?.() === 0;

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'tessera-start-'));
});

afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

function file(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

/** Lines of a log that are warnings or worse, or no log lines at all. */
function complaints(text: string): string[] {
  return text.split('\n').filter((line) => line !== '' && !/^\d+:[A-Z] .{24} [*.-] /.test(line));
}

describe('starts that cannot be', () => {
  test.each([['auto'], ['node-net']])('a port in use (%s)', async (transport) => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const address = other.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    for (const threads of ['1', '2']) {
      const args = ['--port', String(port), '--bind', '127.0.0.1', '--transport', transport];
      const { code, stdout, stderr } = await runToEnd([...args, '--io-threads', threads]);
      expect(code).toBe(1);
      const said = complaints(stdout + stderr);
      expect(said.filter((line) => line.includes('Address already in use'))).toHaveLength(1);
      expect(said[0]).toContain(`127.0.0.1:${port}`);
      expect(stdout + stderr).not.toMatch(/\n\s+at /);
    }
    other.close();
  });

  test('a port of another server that shares it among its threads', async () => {
    const other = await startTessera(['--io-threads', '2']);
    try {
      const args = ['--port', String(other.port), '--bind', '127.0.0.1', '--io-threads', '2'];
      const { code, stdout } = await runToEnd(args);
      expect(code).toBe(1);
      expect(complaints(stdout)[0]).toContain('bind: Address already in use');
    } finally {
      await other.stop();
    }
  });

  test('a configuration file that is not there', async () => {
    const { code, stderr } = await runToEnd([join(directory, 'missing.conf')]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^Fatal error, can't open config file '.*missing\.conf': No such file/);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });

  test.skipIf(isRoot)('a configuration file that may not be read', async () => {
    const path = file('secret.conf', 'port 0\n');
    rmSync(path);
    writeFileSync(path, 'port 0\n', { mode: 0 });
    const { code, stderr } = await runToEnd([path]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^Fatal error, can't open config file .*: Permission denied/);
  });

  test('a configuration file that is a directory', async () => {
    const { code, stderr } = await runToEnd([directory]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^Fatal error, can't (open|read) config file/);
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  test.each([
    ['an unknown directive', 'port 1\n\nno-such-thing 7\n', 3, "'no-such-thing 7'"],
    ['a bad value', 'maxmemory lots\n', 1, "'maxmemory lots'"],
    ['a missing value', '# nothing\nport\n', 2, "'port'"],
    ['open quotes', 'requirepass "abc\n', 1, 'requirepass'],
  ])('%s in a file: its line and the reason', async (_name, text, line, quoted) => {
    const { code, stderr } = await runToEnd([file('bad.conf', text)]);
    expect(code).toBe(1);
    expect(stderr).toContain('*** FATAL CONFIG FILE ERROR');
    expect(stderr).toContain(`Reading the configuration file, at line ${line}`);
    expect(stderr).toContain(quoted);
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  test('an unknown directive on the command line', async () => {
    const { code, stderr } = await runToEnd(['--no-such-thing', '7']);
    expect(code).toBe(1);
    expect(stderr).toContain('no-such-thing');
  });

  test('nowhere to listen', async () => {
    const { code, stdout } = await runToEnd(['--port', '0']);
    expect(code).toBe(1);
    expect(stdout).toContain('Configured to not listen anywhere, exiting.');
  });

  test('an address that is not here', async () => {
    const port = await freePort();
    const { code, stdout, stderr } = await runToEnd([
      '--port',
      String(port),
      '--bind',
      '192.0.2.1',
    ]);
    expect(code).toBe(1);
    expect(complaints(stdout + stderr)[0]).toContain('192.0.2.1');
    expect(stdout + stderr).not.toMatch(/\n\s+at /);
  });

  test('a directory that is not there', async () => {
    const port = await freePort();
    const { code, stdout, stderr } = await runToEnd(['--port', String(port), '--dir', '/no/such']);
    expect(code).toBe(1);
    expect(stdout + stderr).toContain('/no/such');
    expect(stdout + stderr).not.toMatch(/\n\s+at /);
  });
});

describe('starts', () => {
  test('--version and --help', async () => {
    for (const flag of ['--version', '-v']) {
      const { code, stdout } = await runToEnd([flag]);
      expect(code).toBe(0);
      expect(stdout).toMatch(/^Tessera server v=\d+\.\d+\.\d+ /);
    }
    for (const flag of ['--help', '-h']) {
      const { code, stdout, stderr } = await runToEnd([flag]);
      expect(code).toBeLessThanOrEqual(1);
      expect(stdout + stderr).toContain('tessera-server');
    }
  });

  test('a file, and what the command line changes of it', async () => {
    const path = file('good.conf', '# a comment\nmaxclients 77\ntimeout 30\nrequirepass "a b"\n');
    const port = await freePort();
    const stop = await startFile([path, '--timeout', '45'], port);
    const client = await RawClient.connect(port);
    expect(await client.command(['AUTH', 'a b'])).toBe('+OK\r\n');
    for (const [name, value] of [
      ['maxclients', '77'],
      ['timeout', '45'],
      ['port', String(port)],
    ] as const) {
      const expected = [name, value].map((word) => `$${word.length}\r\n${word}\r\n`).join('');
      expect(await client.command(['CONFIG', 'GET', name])).toBe(`*2\r\n${expected}`);
    }
    client.close();
    expect(await stop()).toBe(0);
  });

  test('a configuration from standard input', async () => {
    const port = await freePort();
    const stop = await startFile(
      ['-', '--loglevel', 'notice'],
      port,
      `port ${port}\nmaxclients 99\n`,
    );
    const client = await RawClient.connect(port);
    expect(await client.command(['CONFIG', 'GET', 'maxclients'])).toContain('$2\r\n99\r\n');
    client.close();
    expect(await stop()).toBe(0);
  });

  test('log lines, and the order the readers of logs expect', async () => {
    const server = await startTessera();
    const log = server.log();
    const line = (text: string): RegExp =>
      new RegExp(
        `${server.pid}:M \\d\\d [A-Z][a-z]{2} \\d{4} \\d\\d:\\d\\d:\\d\\d\\.\\d{3} \\* ${text}`,
      );
    expect(log).toMatch(line('.*starting'));
    expect(log).toMatch(/PID: \d+ /);
    expect(log).toMatch(line('Server initialized'));
    expect(log).toMatch(line('Ready to accept connections'));
    expect(log.indexOf('Server initialized')).toBeLessThan(log.indexOf('Ready to accept'));
    expect(await server.stop()).toBe(0);
  });

  test('pidfile and logfile', async () => {
    const pidfile = join(directory, 'server.pid');
    const logfile = join(directory, 'server.log');
    const port = await freePort();
    const stop = await startFile(
      ['--pidfile', pidfile, '--logfile', logfile],
      port,
      undefined,
      () => (existsSync(logfile) ? readFileSync(logfile, 'latin1') : ''),
    );
    const client = await RawClient.connect(port);
    const id = /process_id:(\d+)/.exec(await client.command(['INFO', 'server']))![1]!;
    expect(readFileSync(pidfile, 'latin1')).toBe(`${id}\n`);
    client.close();
    expect(await stop()).toBe(0);
    expect(existsSync(pidfile)).toBe(false);
    expect(readFileSync(logfile, 'latin1')).toContain('bye bye');
  });

  test.each([['auto'], ['node-net']])(
    'a Unix socket alone, and beside TCP (%s)',
    async (transport) => {
      const path = join(directory, 'server.sock');
      const args = ['--unixsocket', path, '--unixsocketperm', '700', '--transport', transport];
      for (const more of [
        ['--port', '0'],
        ['--io-threads', '2'],
      ]) {
        const server = await startTessera([...args, ...more]);
        expect(statSync(path).mode & 0o777).toBe(0o700);
        const client = await RawClient.connect(path);
        expect(await client.command(['SET', 'a', 1])).toBe('+OK\r\n');
        expect(await client.command(['CLIENT', 'INFO'])).toContain(`addr=${path}:0`);
        if (more[0] === '--port') await expect(server.connect()).rejects.toThrow();
        else {
          const tcp = await server.connect();
          expect(await tcp.command(['GET', 'a'])).toBe('$1\r\n1\r\n');
          tcp.close();
        }
        client.close();
        expect(await server.stop()).toBe(0);
        expect(existsSync(path)).toBe(false);
      }
    },
  );

  test('a Unix socket left behind by a killed server', async () => {
    const path = join(directory, 'stale.sock');
    const args = ['--unixsocket', path, '--pidfile', join(directory, 'stale.pid')];
    const first = await startTessera(args);
    await first.kill9();
    expect(existsSync(path)).toBe(true);
    const second = await startTessera(args);
    const client = await RawClient.connect(path);
    expect(await client.command(['DBSIZE'])).toBe(':0\r\n');
    client.close();
    expect(await second.stop()).toBe(0);
    expect(existsSync(path)).toBe(false);
  });

  test('the port of a killed server is free at once', async () => {
    const port = await freePort();
    for (let i = 0; i < 3; i++) {
      const server = await startTessera(['--port', String(port)]);
      const client = await RawClient.connect(port);
      expect(await client.command(['SET', 'k', 'v'])).toBe('+OK\r\n');
      await server.kill9();
      client.close();
    }
  });
});

/**
 * Starts with exactly these arguments (and --port) and waits for it; the answer stops it and gives
 * the exit code.
 */
async function startFile(
  args: readonly string[],
  port: number,
  stdin?: string,
  readLog?: () => string,
): Promise<() => Promise<number | null>> {
  const portArgs = stdin === undefined ? ['--port', String(port), '--bind', '127.0.0.1'] : [];
  const child = spawnServer([...args, ...portArgs], stdin === undefined ? {} : { stdin });
  let log = '';
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.on('data', (chunk: Buffer) => {
      log += chunk.toString('latin1');
    });
  }
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  await waitUntil(`Ready in ${log}`, () => (readLog?.() ?? log).includes('Ready to accept'));
  return () => {
    child.kill('SIGTERM');
    return ended;
  };
}

describe('ends', () => {
  test.each([
    ['SIGTERM', 'auto'],
    ['SIGINT', 'auto'],
    ['SIGTERM', 'node-net'],
    ['SIGINT', 'node-net'],
  ] as const)('%s with clients in the middle of things (%s)', async (signal, transport) => {
    for (const lease of ['yes', 'no']) {
      const args = ['--transport', transport, '--io-threads', '2', '--lease', lease];
      const server = await startTessera(args);
      const clients = await Promise.all(Array.from({ length: 20 }, () => server.connect()));
      let isClosed = false;
      for (const client of clients) {
        void (async () => {
          while (!isClosed) {
            await Promise.all(
              ['a', 'b', 'c', 'd'].map((key) => client.command(['MSET', key, 1, `${key}2`, 2])),
            );
          }
        })().catch(() => undefined);
      }
      await clients[0]!.command(['DEBUG', 'POPULATE', '20000']);
      for (const client of clients.slice(10)) client.command(['KEYS', '*']).catch(() => undefined);
      server.signal(signal);
      expect(await server.ended).toBe(0);
      isClosed = true;
      expect(server.log()).toContain('Tessera is now ready to exit, bye bye...');
      expect(server.log()).not.toContain('BUG REPORT');
      for (const client of clients) client.close();
    }
  });

  test('SHUTDOWN', async () => {
    for (const words of [['SHUTDOWN'], ['SHUTDOWN', 'NOSAVE'], ['SHUTDOWN', 'NOW', 'FORCE']]) {
      const server = await startTessera();
      const client = await server.connect();
      client.command(words).catch(() => undefined);
      expect(await server.ended).toBe(0);
      client.close();
    }
  });

  test.each(['SIGTERM', 'SIGINT'] as const)('%s to npm start', async (signal) => {
    const port = await freePort();
    const args = ['start', '--silent', '--', '--port', String(port), '--bind', '127.0.0.1'];
    const npm = spawn('npm', args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
    let log = '';
    for (const stream of [npm.stdout, npm.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        log += chunk.toString('latin1');
      });
    }
    const ended = new Promise<number | null>((resolve) => npm.once('close', resolve));
    await waitUntil(`Ready in ${log}`, () => log.includes('Ready to accept connections'));
    const client = await RawClient.connect(port);
    expect(await client.command(['PING'])).toBe('+PONG\r\n');
    npm.kill(signal);
    expect(await client.readUntilClose()).toBe('');
    expect(await ended).toBe(0);
    expect(log).toContain('bye bye');
  });
});
