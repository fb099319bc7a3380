/** What the log says when the server crashes, on purpose, and how the process ends then. */
import { describe, expect, test } from 'vitest';
import { encodeCommand } from '../support/raw-client.ts';
import { startTessera, waitUntil } from '../support/tessera.ts';

const SECRET = 'not-for-the-log';

describe('crash reports', () => {
  test.each([
    ['segfault', 'crashed by signal: 11 (SIGSEGV)'],
    ['assert', 'ASSERTION FAILED'],
    ['panic', 'crashed by signal: 6 (SIGABRT)'],
    ['oom', 'Out of memory'],
  ])('DEBUG %s', async (drill, said) => {
    const server = await startTessera(['--requirepass', SECRET, '--loglevel', 'verbose']);
    const client = await server.connect();
    await client.command(['auth', SECRET]);
    await client.command(['set', 'k', 'v']);
    client.send(encodeCommand(['debug', drill]));
    expect(await server.ended).toBeNull();
    const log = server.log();
    expect(log).toContain(said);
    expect(log.match(/BUG REPORT START/g)).toHaveLength(1);
    expect(log.match(/STACK TRACE/g)).toHaveLength(1);
    expect(log).toMatch(new RegExp(`Error: DEBUG ${drill}\\n +at Services\\.debug`));
    expect(log).toMatch(/\nio0: state .*holds no shard\nshard0: /);
    expect(log).toContain('redis_version:');
    expect(log).toMatch(/\ndb0:keys=1,/);
    expect(log).toContain('loglevel verbose');
    expect(log).not.toContain(SECRET);
    expect(log).toMatch(/BUG REPORT END\. .*\n$/);
  });

  test('crash-log-enabled no, use-exit-on-panic yes', async () => {
    const server = await startTessera([
      ...['--crash-log-enabled', 'no', '--use-exit-on-panic', 'yes'],
    ]);
    const client = await server.connect();
    client.send(encodeCommand(['debug', 'panic']));
    expect(await server.ended).toBe(1);
    expect(server.log()).toContain('STACK TRACE');
    expect(server.log()).not.toContain('redis_version:');
  });

  test('SIGABRT from outside is reported; SIGALRM is, and the server goes on', async () => {
    const server = await startTessera();
    const client = await server.connect();
    client.send(encodeCommand(['debug', 'sleep', '60']));
    server.signal('SIGALRM');
    await waitUntil('the report', () => server.log().includes('END OF WATCHDOG REPORT'));
    expect(server.log()).toContain('Received SIGALRM');
    expect(await (await server.connect()).command(['ping'])).toBe('+PONG\r\n');
    server.signal('SIGABRT');
    expect(await server.ended).toBeNull();
    expect(server.log()).toContain('crashed by signal: 6 (SIGABRT)');
    expect(server.log()).toContain('------ INFO ------');
  });
});
