/** Users of the configuration: user lines, requirepass, the ACL file, CONFIG REWRITE. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { AclControl, userLineError } from '../../../src/server/acl/control.ts';
import { hashPassword } from '../../../src/server/acl/user.ts';
import { loadConfig } from '../../../src/server/config/load.ts';
import { ConfigStore } from '../../../src/server/config/store.ts';
import { COMMANDS } from '../../support/acl-fixture.ts';
import { type Run, startAclServer } from '../../support/acl-server.ts';
import { runToEnd, type Tessera } from '../../support/tessera.ts';

const OK = '+OK\r\n';
const WRONGPASS = '-WRONGPASS invalid username-password pair or user is disabled.\r\n';
const OPEN = 'user default on nopass sanitize-payload ~* &* +@all';

const directory = mkdtempSync(join(tmpdir(), 'tessera-acl-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const badFile = join(directory, 'bad.acl');
writeFileSync(badFile, 'user alice +nosuch\n');

/** Reads a configuration and sets up its users: what is shown and logged, and the users. */
function startWith(text: string): { readonly messages: string; readonly users: string[] } {
  const store = new ConfigStore(directory);
  const failure = loadConfig(
    store,
    { file: null, stdin: text, options: '' },
    { isCommand: () => true, checkUser: (words, names) => userLineError(words, names, COMMANDS) },
  );
  if (failure !== null) return { messages: failure, users: [] };
  const messages: string[] = [];
  const control = new AclControl({
    config: store,
    commands: COMMANDS,
    log: (_level, line) => messages.push(line),
  });
  const isUp = control.start();
  return { messages: messages.join('\n'), users: isUp ? control.configLines() : [] };
}

test.each<[text: string, message: string]>([
  ['user foo\nuser foo', "Error in user declaration 'foo': Duplicate user found"],
  ['user default\nuser default', "Error in user declaration 'default': Duplicate user found"],
  ['user foo on %~ b', "Error in user declaration '%~': Syntax error"],
  ['user foo <secret', "Error in user declaration '<(redacted)': The password you are trying"],
  ['user foo #secret', "Error in user declaration '#(redacted)': The password hash must be"],
  ['user foo ">secret" bogus', "Error in user declaration 'bogus': Syntax error"],
  ['user foo (~a', "Error in user declaration '(~a': Syntax error"],
  ['user foo on +nosuch', "Error loading ACL rule '+nosuch' for the user named 'foo'"],
  ['user "a b" on', 'Spaces not allowed in ACL usernames'],
  [`user foo on\naclfile ${badFile}`, 'an ACL file path is invalid'],
  [`aclfile ${badFile}`, 'Aborting Tessera startup because of ACL errors: '],
  [`aclfile ${badFile}`, "Error in applying operation '+nosuch'"],
  [`aclfile ${badFile}.nosuch`, 'No such file or directory'],
])('%j does not start', (text, message) => {
  const { messages, users } = startWith(text);
  expect(messages).toContain(message);
  expect(messages).not.toContain('secret');
  expect(users).toEqual([]);
});

test.each<[text: string, users: string[]]>([
  ['', [OPEN]],
  ['requirepass a', [`user default on sanitize-payload #${hashPassword('a')} ~* &* +@all`]],
  // A line for the default user counts more than requirepass, and begins with nothing.
  [
    'requirepass a\nuser default on nopass +get',
    ['user default on nopass sanitize-payload resetchannels -@all +get'],
  ],
  [
    'user b on (~a +get)\nuser a off',
    [
      'user a off sanitize-payload resetchannels -@all',
      'user b on sanitize-payload resetchannels -@all (~a resetchannels -@all +get)',
      OPEN,
    ],
  ],
  ['acl-pubsub-default allchannels\nuser a', ['user a off sanitize-payload &* -@all', OPEN]],
])('%j', (text, users) => {
  expect(startWith(text).users).toEqual(users);
});

test('a user who is off is told of', () => {
  expect(startWith('user a ~a').messages).toMatch(/^The user 'a' is disabled \(there is no 'on'/);
});

test('the process ends with the message', async () => {
  const socket = join(directory, 'socket');
  const user = ['--user', 'foo', '>secret', '--user', 'foo'];
  const failed = await runToEnd(['--port', '0', '--unixsocket', socket, ...user]);
  expect(failed.code).toBe(1);
  expect(failed.stderr).toContain("Error in user declaration 'foo': Duplicate user found");
  const aborted = await runToEnd(['--port', '0', '--unixsocket', socket, '--aclfile', badFile]);
  expect(aborted.code).toBe(1);
  expect(aborted.stdout).toContain("Error in applying operation '+nosuch'");
});

/** Starts a server with an administrator. */
async function withServer(
  args: readonly string[],
  body: (run: Run, server: Tessera) => Promise<void>,
  configFile?: string,
): Promise<void> {
  const acl = await startAclServer(args, { configFile });
  try {
    await body(acl.run, acl.server);
  } finally {
    expect(await acl.stop()).toBe(0);
  }
}

test('requirepass is the password of the default user', async () => {
  await withServer(['--requirepass', 'one'], async (run, server) => {
    expect(await run('AUTH one')).toBe(OK);
    const hash = hashPassword('one');
    expect(await run('ACL LIST')).toContain(`default on sanitize-payload #${hash} ~* &* +@all`);
    expect(await run('ACL SETUSER default >two')).toBe(OK);
    const second = await server.connect();
    expect(await run('PING', second)).toBe('-NOAUTH Authentication required.\r\n');
    for (const password of ['one', 'two']) {
      expect(await run(`AUTH ${password}`, second)).toBe(OK);
      expect(await run(`AUTH default ${password}`, second)).toBe(OK);
    }
    // The configured text stays; setting it replaces all passwords.
    expect(await run('CONFIG GET requirepass')).toContain('one');
    expect(await run('CONFIG SET requirepass three')).toBe(OK);
    expect(await run('AUTH two', second)).toBe(WRONGPASS);
    expect(await run('AUTH three', second)).toBe(OK);
    expect(await run('ACL SETUSER default nopass')).toBe(OK);
    const third = await server.connect();
    expect(await run('PING', third)).toBe('+PONG\r\n');
    expect(await run('AUTH x', third)).toMatch(/^-ERR AUTH <password> called without any password/);
    expect(await run('ACL SETUSER default off')).toBe(OK);
    const fourth = await server.connect();
    expect(await run('PING', fourth)).toMatch(/^-NOAUTH/);
    expect(await run('HELLO', fourth)).toMatch(/^-NOAUTH HELLO/);
    expect(await run('PING', third)).toBe('+PONG\r\n');
    // Who waited for the default user need not wait any more when it is open again.
    expect(await run('ACL SETUSER default on')).toBe(OK);
    expect(await run('PING', fourth)).toBe('+PONG\r\n');
    for (const client of [second, third, fourth]) client.close();
  });
});

test('a limited default user, renamed commands; RESET and AUTH change who one is', async () => {
  const limited = ['--user', 'default', 'on', 'nopass', '~pub*', '+get', '+reset', '+config|get'];
  const root = ['--user', 'root', 'on', 'nopass', '~*', '+@all', '-del'];
  const renames = ['--rename-command', 'GET', 'fetch', '--rename-command', 'CONFIG', 'cfg'];
  await withServer(
    [...limited, ...root, ...renames, '--rename-command', 'DEL', ''],
    async (run, server) => {
      const client = await server.connect();
      expect(await run('FETCH pub1', client)).toBe('$-1\r\n');
      expect(await run('FETCH other', client)).toMatch(/^-NOPERM/);
      expect(await run('SET pub1 x', client)).toMatch(/^-NOPERM/);
      expect(await run('CFG GET maxclients', client)).toMatch(/^\*2/);
      expect(await run('CFG SET maxclients 100', client)).toBe(
        "-NOPERM User default has no permissions to run the 'config|set' command\r\n",
      );
      expect(await run('HELLO 3 AUTH root pw', client)).toMatch(/^%7/);
      expect(await run('SET pub1 x', client)).toBe(OK);
      expect(await run('ACL SETUSER a +cfg', client)).toMatch(/^-ERR Error in ACL SETUSER/);
      expect(await run('ACL SETUSER a +get +config|get', client)).toBe(OK);
      expect(await run('RESET', client)).toBe('+RESET\r\n');
      expect(await run('SET pub1 x', client)).toMatch(/^-NOPERM/);
      client.close();
    },
  );
});

test('ACL SAVE and LOAD; a bad file changes nothing; users of no file are gone', async () => {
  const file = join(directory, 'users.acl');
  writeFileSync(file, 'user alice on >pw ~a* +get\nuser bob on nopass +@all ~*\n');
  await withServer(['--aclfile', file], async (run, server) => {
    const [alice, bob] = [await server.connect(), await server.connect()];
    expect(await run('AUTH alice pw', alice)).toBe(OK);
    expect(await run('AUTH bob pw', bob)).toBe(OK);
    await run('ACL SETUSER carol on nopass +get ~c');
    expect(await run('ACL SAVE')).toBe(OK);
    const saved = readFileSync(file, 'latin1');
    const names = saved.split('\n').map((line) => line.split(' ')[1]);
    expect(names).toEqual(['alice', 'bob', 'carol', 'default', undefined]);
    await run('ACL SETUSER carol +set');
    expect(await run('ACL LOAD')).toBe(OK);
    expect(await run('ACL LIST')).toContain('user carol on nopass sanitize-payload ~c');
    expect(await run('ACL DRYRUN carol SET c 1')).toMatch(/has no permissions to run/);
    writeFileSync(file, `${saved}user alice off\n`);
    expect(await run('ACL LOAD')).toMatch(/^-ERR WARNING: Duplicate user 'alice' found on line 5/);
    expect(await run('GET a1', alice)).toBe('$-1\r\n');
    writeFileSync(file, 'user alice on >pw ~b* +get\n');
    expect(await run('ACL LOAD')).toBe(OK);
    expect(await bob.readUntilClose()).toBe('');
    expect(await run('GET a1', alice)).toMatch(/^-NOPERM/);
    expect(await run('ACL LIST')).toContain(OPEN);
    expect(await run('CONFIG SET aclfile x')).toMatch(/immutable/);
    alice.close();
  });
});

test('CONFIG REWRITE writes users, and a server starts with them', async () => {
  const file = join(directory, 'rewritten.conf');
  writeFileSync(file, 'save ""\nuser gone on\nuser alice on >x ~"a\\"b" +get\n');
  const place = ['--dir', directory];
  await withServer(
    place,
    async (run) => {
      expect(await run('ACL DELUSER gone')).toBe(':1\r\n');
      expect(await run('ACL SETUSER bob on nopass %R~x (~q +set)')).toBe(OK);
      expect(await run('CONFIG REWRITE')).toBe(OK);
    },
    file,
  );
  const text = readFileSync(file, 'latin1');
  expect(text).not.toContain('gone');
  expect(text).toContain(`${OPEN}\n`);
  expect(text).not.toContain('>x');
  await withServer(
    place,
    async (run) => {
      const list = await run('ACL LIST');
      const hash = hashPassword('x');
      expect(list).toContain(`user alice on sanitize-payload #${hash} ~a"b resetchannels`);
      expect(list).toContain('%R~x resetchannels -@all (~q resetchannels -@all +set)');
      const noFile = /^-ERR This Redis instance is not configured to use an ACL file/;
      expect(await run('ACL SAVE')).toMatch(noFile);
      expect(await run('ACL LOAD')).toMatch(noFile);
    },
    file,
  );
});
