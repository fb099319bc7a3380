/** Access control of running servers: on every thread, in transactions, with the log. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { hashPassword } from '../../../src/server/acl/user.ts';
import { type AclServer, fieldsOf, logOf, startAclServer } from '../../support/acl-server.ts';
import { decodeReply } from '../../support/decode-reply.ts';
import type { RawClient } from '../../support/raw-client.ts';
import { waitUntil } from '../../support/tessera.ts';

const OK = '+OK\r\n';
const WRONGPASS = '-WRONGPASS invalid username-password pair or user is disabled.\r\n';

describe.each([
  ['one thread', 1, []],
  ['two I/O threads', 2, ['--io-threads', '2']],
  ['routed', 1, ['--lease', 'no']],
])('%s', (_name, threads, options) => {
  let acl: AclServer;
  let run: AclServer['run'];

  beforeAll(async () => {
    acl = await startAclServer(options);
    run = acl.run;
  });

  beforeEach(async () => {
    await run('FLUSHALL');
    await run('ACL DELUSER alice bob');
    await run('ACL LOG RESET');
  });

  afterAll(async () => {
    expect(await acl.stop()).toBe(0);
  });

  /** Connections until every I/O thread has one: the kernel spreads them. */
  async function onAllThreads(): Promise<RawClient[]> {
    const clients = new Map<string, RawClient>();
    while (clients.size < threads) {
      const client = await acl.server.connect();
      const thread = /io-thread=(\d+)/.exec(await run('CLIENT INFO', client))![1]!;
      clients.get(thread)?.close();
      clients.set(thread, client);
    }
    return [...clients.values()];
  }

  test('a change holds on every thread when it is replied to', async () => {
    const clients = await onAllThreads();
    expect(await run('ACL SETUSER alice on >one ~a* +get +set')).toBe(OK);
    for (const client of clients) {
      expect(await run('AUTH alice two', client)).toBe(WRONGPASS);
      expect(await run('AUTH alice one', client)).toBe(OK);
      expect(await run('ACL WHOAMI', client)).toBe(
        "-NOPERM User alice has no permissions to run the 'acl|whoami' command\r\n",
      );
      expect(await run('SET a1 x', client)).toBe(OK);
      expect(await run('GET b', client)).toBe('-NOPERM No permissions to access a key\r\n');
    }
    for (let i = 0; i < 20; i++) {
      expect(await run('ACL SETUSER alice -get')).toBe(OK);
      for (const client of clients) expect(await run('GET a1', client)).toMatch(/^-NOPERM/);
      expect(await run('ACL SETUSER alice +get')).toBe(OK);
      for (const client of clients) expect(await run('GET a1', client)).toBe('$1\r\nx\r\n');
    }
    expect(await run('ACL SETUSER alice +@all allkeys allchannels')).toBe(OK);
    for (const client of clients) expect(await run('DBSIZE', client)).toMatch(/^:/);
    expect(await run('ACL DELUSER alice nobody')).toBe(':1\r\n');
    for (const client of clients) expect(await client.readUntilClose()).toBe('');
    expect(await run('ACL USERS')).toBe('*1\r\n$7\r\ndefault\r\n');
  });

  test('who deletes its own user gets the reply, then is disconnected', async () => {
    const client = await acl.server.connect();
    await run('ACL SETUSER alice on nopass +@all ~* &*');
    expect(await run('AUTH alice x', client)).toBe(OK);
    expect(await run('ACL DELUSER alice', client)).toBe(':1\r\n');
    expect(await client.readUntilClose()).toBe('');
    const refused = "-ERR The 'default' user cannot be removed\r\n";
    expect(await run('ACL DELUSER default')).toBe(refused);
    expect(await run('ACL DELUSER other default')).toBe(refused);
  });

  test('rules of one command are all or nothing', async () => {
    expect(await run('ACL SETUSER bob on +get +nosuch')).toBe(
      "-ERR Error in ACL SETUSER modifier '+nosuch': Unknown command or category name in ACL\r\n",
    );
    expect(await run('ACL GETUSER bob')).toBe('$-1\r\n');
    expect(await run('ACL SETUSER bob (+get')).toBe(
      "-ERR Unmatched parenthesis in acl selector starting at '(+get'.\r\n",
    );
    expect(await run('ACL SETUSER a\tb')).toBe(
      "-ERR Usernames can't contain spaces or null characters\r\n",
    );
    expect(await run('ACL SETUSER bob on >pw (+get ~a )')).toBe(OK);
    expect(fieldsOf(decodeReply(await run('ACL GETUSER bob')))).toEqual({
      flags: ['on', 'sanitize-payload'],
      passwords: [hashPassword('pw')],
      commands: '-@all',
      keys: '',
      channels: '',
      selectors: [['commands', '-@all +get', 'keys', '~a', 'channels', '']],
    });
  });

  test('a transaction is checked when it is queued and when it runs', async () => {
    const client = await acl.server.connect();
    await run('ACL SETUSER alice on nopass ~a* +@all -del');
    expect(await run('AUTH alice x', client)).toBe(OK);
    expect(await run('MULTI', client)).toBe(OK);
    expect(await run('DEL a', client)).toMatch(/^-NOPERM/);
    expect(await run('EXEC', client)).toMatch(/^-EXECABORT/);
    for (const line of ['MULTI', 'SET a 1', 'SET ab 2', 'GET a', 'SORT a BY w*']) {
      expect(await run(line, client)).toMatch(/^\+(OK|QUEUED)/);
    }
    await run('ACL SETUSER alice -get resetkeys ~a');
    const reply = await run('EXEC', client);
    expect(reply.replaceAll(/-NOPERM ACLs rules changed .*following reason: /g, '-')).toBe(
      '*4\r\n+OK\r\n-no permission to touch the specified keys\r\n' +
        '-no permission to execute the command or subcommand\r\n' +
        '-ERR BY option of SORT denied due to insufficient ACL permissions.\r\n',
    );
    await run('ACL SETUSER alice -exec');
    await run('MULTI', client);
    expect(await run('EXEC', client)).toMatch(
      /^-EXECABORT Transaction discarded because of: NOPERM User alice has no permissions to run/,
    );
    expect(await run('DISCARD', client)).toBe('-ERR DISCARD without MULTI\r\n');
    const log = await logOf(run);
    expect(log.every(({ context }) => context === 'multi')).toBe(true);
    expect(log.map(({ object }) => object)).toEqual(['exec', 'get', 'ab', 'del']);
    client.close();
  });

  test('users change within a transaction', async () => {
    const lines = ['SET x 1', 'ACL SETUSER bob on', 'ACL SETUSER bob +nosuch', 'ACL DELUSER bob'];
    for (const line of ['MULTI', ...lines, 'ACL LOG RESET']) await run(line);
    const replies = (await run('EXEC')).split('\r\n');
    expect(replies.toSpliced(3, 1)).toEqual(['*5', '+OK', '+OK', ':1', '+OK', '']);
    expect(replies[3]).toMatch(/^-ERR Error in ACL SETUSER modifier '\+nosuch': /);
    expect(await run('ACL USERS')).toBe('*1\r\n$7\r\ndefault\r\n');
  });

  test('a command that waits is refused when it would be served', async () => {
    const client = await acl.server.connect();
    await run('ACL SETUSER alice on nopass ~* +@all');
    await run('AUTH alice x', client);
    const isWaiting = async (): Promise<boolean> =>
      (await run('INFO clients')).includes('blocked_clients:1\r\n');
    await run('CONFIG RESETSTAT');
    const first = run('BLPOP l 0', client);
    await waitUntil('the command waits', isWaiting);
    await run('ACL SETUSER alice resetkeys');
    await run('RPUSH l one');
    expect(await first).toBe('-NOPERM No permissions to access a key\r\n');
    // Nothing was taken.
    expect(await run('LRANGE l 0 -1')).toBe('*1\r\n$3\r\none\r\n');
    expect(await run('INFO commandstats')).toMatch(/cmdstat_blpop:calls=0,.*rejected_calls=1,/);
    expect((await logOf(run))[0]).toMatchObject({ object: 'l', reason: 'key', count: 1 });
    await run('DEL l');
    // What was forbidden and is allowed again goes on as if nothing had been.
    await run('ACL SETUSER alice ~*');
    const second = run('BLMOVE l m LEFT LEFT 0', client);
    await waitUntil('the command waits', isWaiting);
    await run('ACL SETUSER alice -blmove');
    await run('ACL SETUSER alice +blmove');
    await run('RPUSH l two');
    expect(await second).toBe('$3\r\ntwo\r\n');
    client.close();
  });

  test('subscribers who lose a channel are disconnected', async () => {
    const clients = await onAllThreads();
    await run('ACL SETUSER alice on nopass +@all &a &b* &c');
    for (const client of clients) {
      await run('AUTH alice x', client);
      expect(await run('SUBSCRIBE d', client)).toBe(
        '-NOPERM No permissions to access a channel\r\n',
      );
      expect(await run('PSUBSCRIBE b?', client)).toMatch(/^-NOPERM/);
      expect(await run('SUBSCRIBE a', client)).toMatch(/^\*3/);
      expect(await run('PSUBSCRIBE b*', client)).toMatch(/^\*3/);
      expect(await run('SSUBSCRIBE b1', client)).toMatch(/^\*3/);
    }
    await run('ACL SETUSER alice resetchannels &a &b* &x');
    expect(await run('PUBLISH a hello')).toBe(`:${threads}\r\n`);
    for (const client of clients) expect(await client.readReply()).toContain('hello');
    await run('ACL SETUSER alice resetchannels &* &*');
    expect(await run('PUBLISH a hello')).toBe(`:${threads}\r\n`);
    for (const client of clients) expect(await client.readReply()).toContain('hello');
    await run('ACL SETUSER alice resetchannels &a &b1');
    expect(await run('CLIENT LIST')).not.toContain('user=alice');
    for (const client of clients) expect(await client.readUntilClose()).toBe('');
    expect(await run('PUBLISH a hello')).toBe(':0\r\n');
  });

  test('SORT asks for all keys where it makes keys of what it finds', async () => {
    const client = await acl.server.connect();
    await run('ACL SETUSER alice on nopass ~l +sort +sort_ro');
    await run('AUTH alice x', client);
    await run('RPUSH l 1');
    expect(await run('SORT l', client)).toBe('*1\r\n$1\r\n1\r\n');
    for (const line of ['SORT l BY w*', 'SORT_RO l BY w*']) {
      expect(await run(line, client)).toBe(
        '-ERR BY option of SORT denied due to insufficient ACL permissions.\r\n',
      );
    }
    expect(await run('SORT l BY nosort', client)).toBe('*1\r\n$1\r\n1\r\n');
    expect(await run('SORT l STORE m', client)).toMatch(/^-NOPERM/);
    await run('ACL SETUSER alice %R~*');
    expect(await run('SORT l BY w* GET v*', client)).toBe('*1\r\n$-1\r\n');
    client.close();
  });

  test('the log counts on all threads; INFO has the sums', async () => {
    await run('CONFIG RESETSTAT');
    const clients = await onAllThreads();
    await run('ACL SETUSER alice on nopass +get ~a');
    for (const client of clients) {
      expect(await run('AUTH alice x', client)).toBe(OK);
      for (let i = 0; i < 3; i++) await run('SET a 1', client);
      await run('GET b', client);
      expect(await run('AUTH nobody x', client)).toBe(WRONGPASS);
      client.close();
    }
    const log = await logOf(run);
    const seen = log.map(({ object, reason, count }) => [object, reason, count]);
    expect(seen).toHaveLength(3);
    expect(seen).toContainEqual(['set', 'command', 3 * threads]);
    expect(seen).toContainEqual(['b', 'key', threads]);
    expect(seen).toContainEqual(['AUTH', 'auth', threads]);
    const ids = log.map((entry) => entry['entry-id'] as number).sort((a, b) => a - b);
    expect(ids).toEqual([ids[0], ids[0]! + 1, ids[0]! + 2]);
    expect(log.some((entry) => String(entry['client-info']).includes(' user=alice '))).toBe(true);
    const info = await run('INFO stats');
    const sums = { auth: threads, cmd: 3 * threads, key: threads, channel: 0 };
    for (const [name, count] of Object.entries(sums)) {
      expect(info).toContain(`acl_access_denied_${name}:${count}\r\n`);
    }
    expect(await run('ACL LOG 1')).toMatch(/^\*1\r\n/);
    expect(await run('ACL LOG -1')).toBe('*0\r\n');
    expect(await run('ACL LOG x')).toBe('-ERR value is not an integer or out of range\r\n');
    expect(await run('ACL LOG RESET')).toBe(OK);
    expect(await run('ACL LOG')).toBe('*0\r\n');
  });

  test('many refusals are one entry', async () => {
    const client = await acl.server.connect();
    await run('ACL SETUSER alice on nopass +get');
    await run('AUTH alice x', client);
    client.send('*2\r\n$3\r\nDEL\r\n$1\r\na\r\n'.repeat(5000));
    for (let i = 0; i < 5000; i++) expect(await client.readReply()).toMatch(/^-NOPERM/);
    const [entry] = await logOf(run);
    expect(entry!.count).toBe(5000);
    client.close();
  });

  test('refusals come in order between replies of a pipeline', async () => {
    const client = await acl.server.connect();
    await run('ACL SETUSER alice on nopass ~* +get +set +keys');
    await run('AUTH alice x', client);
    const lines = ['SET a 1', 'DEL a', 'GET a', 'NOSUCH', 'KEYS *', 'DEL a', 'GET a'];
    client.send(lines.map((line) => `${line}\r\n`).join(''));
    const replies: string[] = [];
    for (const _line of lines) replies.push((await client.readReply()).slice(0, 7));
    expect(replies).toEqual([
      ...['+OK\r\n', '-NOPERM', '$1\r\n1\r\n', '-ERR un', '*1\r\n$1\r', '-NOPERM', '$1\r\n1\r\n'],
    ]);
    client.close();
  });
});
