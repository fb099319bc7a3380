/** redis-cli and redis-benchmark as they come with Redis, without a flag. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findProgram, type Ran, run } from '../support/programs.ts';
import { encodeCommand } from '../support/raw-client.ts';
import { startTessera, type Tessera } from '../support/tessera.ts';

const CLI = findProgram('redis-cli');
const BENCHMARK = findProgram('redis-benchmark');
const PIPED = 10_000;

let server: Tessera;

beforeAll(async () => {
  server = await startTessera(['--io-threads', '2']);
});

afterAll(async () => {
  expect(await server.stop()).toBe(0);
  expect(server.log()).not.toContain('BUG REPORT');
});

describe.skipIf(CLI === null)('redis-cli', () => {
  const cli = (args: readonly string[], stdin: string | Uint8Array = ''): Promise<Ran> =>
    run(CLI!, ['-p', String(server.port), ...args], stdin);

  test('single commands, RESP2 and RESP3', async () => {
    for (const protocol of [[], ['-3']]) {
      expect((await cli([...protocol, 'SET', 'greeting', 'hello'])).stdout).toBe('OK\n');
      expect((await cli([...protocol, 'GET', 'greeting'])).stdout).toBe('hello\n');
      expect((await cli([...protocol, 'GET', 'nothing'])).stdout).toBe('\n');
      expect((await cli([...protocol, 'STRLEN', 'greeting'])).stdout).toBe('5\n');
      const nested = await cli([...protocol, '--no-raw', 'CONFIG', 'GET', 'port']);
      expect(nested.stdout).toContain(`"${server.port}"`);
    }
    const failed = await cli(['-e', 'INCR', 'greeting']);
    expect(failed.code).not.toBe(0);
    expect(failed.stdout + failed.stderr).toContain('ERR value is not an integer');
  });

  test('commands from standard input, with MULTI', async () => {
    const lines = ['MULTI', 'SET a 1', 'INCR a', 'GET a', 'EXEC', 'SELECT 2', 'DBSIZE', 'SELECT 0'];
    const { stdout } = await cli([], `${lines.join('\n')}\nNOSUCH\n`);
    const [head, error] = [
      stdout.slice(0, stdout.indexOf('ERR')),
      stdout.slice(stdout.indexOf('ERR')),
    ];
    expect(head.split('\n')).toEqual([
      'OK',
      'QUEUED',
      'QUEUED',
      'QUEUED',
      'OK',
      '2',
      '2',
      'OK',
      '0',
      'OK',
      '',
    ]);
    expect(error).toMatch(/^ERR unknown command 'NOSUCH'/);
  });

  test('--pipe takes ten thousand commands', async () => {
    const commands = Array.from({ length: PIPED }, (_, i) =>
      encodeCommand(i % 10 === 9 ? ['MSET', `p${i}`, i, `q${i}`, i] : ['SET', `p${i}`, i]),
    );
    const { code, stdout } = await cli(['--pipe'], Buffer.concat(commands));
    expect(stdout).toContain(`errors: 0, replies: ${PIPED}`);
    expect(code).toBe(0);
    expect((await cli(['GET', `p${PIPED - 1}`])).stdout).toBe(`${PIPED - 1}\n`);
    const broken = await cli(['--pipe'], encodeCommand(['INCR', 'p0', 'x']));
    expect(broken.stdout).toContain('errors: 1, replies: 1');
  });

  test('--bigkeys, --memkeys and --scan', async () => {
    await cli(['SET', 'biggest', 'x'.repeat(5000)]);
    for (const flag of ['--bigkeys', '--memkeys']) {
      const { code, stdout } = await cli([flag]);
      expect(code).toBe(0);
      expect(stdout).toMatch(/Biggest +string found .*biggest/);
    }
    const { stdout } = await cli(['--scan', '--pattern', 'p1*7']);
    const expected = Array.from({ length: PIPED }, (_, i) => `p${i}`).filter((name) =>
      /^p1.*7$/.test(name),
    );
    expect([...new Set(stdout.trim().split('\n'))].sort()).toEqual(expected.sort());
  });

  test('--latency, --stat and --csv', async () => {
    const latency = await cli(['--latency', '--raw', '-i', '0.2']);
    expect(latency.stdout).toMatch(/^\d+ [\d.]+ [\d.]+ \d+/);
    expect((await cli(['--csv', 'MGET', 'p1', 'nothing'])).stdout).toBe('"1",NULL\n');
  });

  test('help from COMMAND DOCS', async () => {
    const { stdout } = await cli(['-3', '--json', 'COMMAND', 'DOCS', 'get', 'client|kill', 'SET']);
    const docs = JSON.parse(stdout) as Record<string, { summary: string; arguments: unknown[] }>;
    expect(Object.keys(docs).sort()).toEqual(['client|kill', 'get', 'set']);
    expect(docs.get!.summary).toContain('string');
    expect(docs.set!.arguments.length).toBeGreaterThan(3);
    const all = JSON.parse((await cli(['-3', '--json', 'COMMAND', 'DOCS'])).stdout) as object;
    expect(Object.keys(all).length).toBeGreaterThan(80);
  });

  test('INFO and MEMORY USAGE', async () => {
    const { stdout } = await cli(['INFO']);
    for (const line of ['redis_version:8.', 'connected_clients:', 'used_memory:', 'db0:keys=']) {
      expect(stdout).toContain(line);
    }
    expect(Number((await cli(['MEMORY', 'USAGE', 'biggest'])).stdout)).toBeGreaterThan(5000);
  });
});

describe.skipIf(BENCHMARK === null)('redis-benchmark', () => {
  test.each([
    ['deep', ['-n', '3000', '-P', '16', '--threads', '2']],
    ['plain', ['-n', '1000', '-c', '20']],
    ['random keys and values', ['-n', '2000', '-r', '500', '-d', '300', '-P', '4']],
  ])('%s', async (_name, options) => {
    const tests = ['-t', 'ping,set,get,incr,mset', '--csv'];
    const all = ['-p', String(server.port), ...tests, ...options];
    const { code, stdout, stderr } = await run(BENCHMARK!, all);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const names = stdout.split('\n').map((line) => /^"([A-Z_]+)[^"]*","[\d.]+"/.exec(line)?.[1]);
    expect(names.filter(Boolean)).toEqual([
      'PING_INLINE',
      'PING_MBULK',
      'SET',
      'GET',
      'INCR',
      'MSET',
    ]);
  });
});
