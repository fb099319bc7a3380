import { describe, expect, test } from 'vitest';
import { REDIS_VERSION } from '../../src/base/version.ts';
import {
  type ClientFields,
  clientFlagLetters,
  clientInfoLine,
} from '../../src/commands/client-info.ts';
import { CONNECTION_COMMANDS } from '../../src/commands/connection.ts';
import { SessionRunner } from '../support/fake-server.ts';

type Row = [command: string, resp2: string, resp3?: string];

const bulk = (text: string): string => `$${text.length}\r\n${text}\r\n`;
const SYNTAX = '-ERR syntax error\r\n';
const NAME_ERROR = '-ERR Client names cannot contain spaces, newlines or special characters.\r\n';

const helloPairs = (proto: number): string =>
  bulk('server') +
  bulk('redis') +
  bulk('version') +
  bulk(REDIS_VERSION) +
  bulk('proto') +
  `:${proto}\r\n` +
  bulk('id') +
  ':7\r\n' +
  bulk('mode') +
  bulk('standalone') +
  bulk('role') +
  bulk('master') +
  bulk('modules') +
  '*0\r\n';
const HELLO_2 = `*14\r\n${helloPairs(2)}`;
const HELLO_3 = `%7\r\n${helloPairs(3)}`;

const TABLE: readonly Row[] = [
  ['PING', '+PONG\r\n'],
  ['ping hello', bulk('hello')],
  ['PING a b', "-ERR wrong number of arguments for 'ping' command\r\n"],
  ['ECHO x', bulk('x')],
  ['HELLO', HELLO_2, HELLO_3],
  ['HELLO 2', HELLO_2],
  ['HELLO 3', HELLO_3],
  ['HELLO x', '-ERR Protocol version is not an integer or out of range\r\n'],
  ['HELLO 4', '-NOPROTO unsupported protocol version\r\n'],
  ['HELLO 3 foo', "-ERR Syntax error in HELLO option 'foo'\r\n"],
  ['HELLO 3 auth a', "-ERR Syntax error in HELLO option 'auth'\r\n"],
  ['HELLO 3 setname', "-ERR Syntax error in HELLO option 'setname'\r\n"],
  ['HELLO 3 SETNAME a\tb', NAME_ERROR],
  ['HELLO 3 AUTH nobody x', '-WRONGPASS invalid username-password pair or user is disabled.\r\n'],
  ['HELLO 3 AUTH default x SETNAME me', HELLO_3],
  [
    'AUTH x',
    '-ERR AUTH <password> called without any password configured for the default user. ' +
      'Are you sure your configuration is correct?\r\n',
  ],
  ['AUTH default x', '+OK\r\n'],
  ['AUTH nobody x', '-WRONGPASS invalid username-password pair or user is disabled.\r\n'],
  ['AUTH a b c', SYNTAX],
  ['SELECT 15', '+OK\r\n'],
  ['SELECT 16', '-ERR DB index is out of range\r\n'],
  ['SELECT -1', '-ERR DB index is out of range\r\n'],
  ['SELECT x', '-ERR value is not an integer or out of range\r\n'],
  [
    'SELECT 2147483648',
    '-ERR value is out of range, value must between -2147483648 and 2147483647\r\n',
  ],
  ['QUIT', '+OK\r\n'],
  ['RESET', '+RESET\r\n'],
  ['CLIENT', "-ERR wrong number of arguments for 'client' command\r\n"],
  ['CLIENT foo', "-ERR unknown subcommand 'foo'. Try CLIENT HELP.\r\n"],
  ['CLIENT ID', ':7\r\n'],
  ['CLIENT INFO', '$11\r\nid=7 name=\n\r\n', '=15\r\ntxt:id=7 name=\n\r\n'],
  ['CLIENT LIST', '$5\r\nid=7\n\r\n', '=9\r\ntxt:id=7\n\r\n'],
  ['CLIENT LIST foo', SYNTAX],
  ['CLIENT LIST TYPE', SYNTAX],
  ['CLIENT LIST TYPE foo', "-ERR Unknown client type 'foo'\r\n"],
  ['CLIENT LIST ID', SYNTAX],
  ['CLIENT LIST ID x', '-ERR Invalid client ID\r\n'],
  ['CLIENT LIST TYPE normal ID 1', SYNTAX],
  ['CLIENT KILL', "-ERR wrong number of arguments for 'client|kill' command\r\n"],
  ['CLIENT KILL 1.2.3.4:5', '-ERR No such client\r\n'],
  ['CLIENT KILL ID x', '-ERR client-id should be greater than 0\r\n'],
  ['CLIENT KILL ID 0', '-ERR client-id should be greater than 0\r\n'],
  ['CLIENT KILL ID 1 ID -1', '-ERR client-id should be greater than 0\r\n'],
  ['CLIENT KILL ID 9', ':0\r\n'],
  ['CLIENT KILL ID 9 TYPE', SYNTAX],
  ['CLIENT KILL ID 9 foo', SYNTAX],
  ['CLIENT KILL TYPE foo', "-ERR Unknown client type 'foo'\r\n"],
  ['CLIENT KILL USER foo', "-ERR No such user 'foo'\r\n"],
  ['CLIENT KILL SKIPME maybe', SYNTAX],
  ['CLIENT KILL MAXAGE x', '-ERR maxage is not an integer or out of range\r\n'],
  ['CLIENT KILL MAXAGE 0', '-ERR maxage should be greater than 0\r\n'],
  ['CLIENT GETNAME', '$-1\r\n', '_\r\n'],
  ['CLIENT SETNAME me', '+OK\r\n'],
  ['CLIENT SETNAME a\tb', NAME_ERROR],
  ['CLIENT SETINFO lib-name ioredis', '+OK\r\n'],
  ['CLIENT SETINFO LIB-VER 1.2', '+OK\r\n'],
  ['CLIENT SETINFO foo 1', "-ERR Unrecognized option 'foo'\r\n"],
  [
    'CLIENT SETINFO lib-ver a\tb',
    '-ERR lib-ver cannot contain spaces, newlines or special characters.\r\n',
  ],
  ['CLIENT REPLY ON', '+OK\r\n'],
  ['CLIENT REPLY OFF', ''],
  ['CLIENT REPLY SKIP', ''],
  ['CLIENT REPLY foo', SYNTAX],
  ['CLIENT NO-EVICT on', '+OK\r\n'],
  ['CLIENT NO-EVICT foo', SYNTAX],
  ['CLIENT NO-TOUCH off', '+OK\r\n'],
  ['CLIENT NO-TOUCH foo', SYNTAX],
  ['CLIENT PAUSE x', '-ERR timeout is not an integer or out of range\r\n'],
  ['CLIENT PAUSE -1', '-ERR timeout is negative\r\n'],
  ['CLIENT PAUSE 1 foo', '-ERR CLIENT PAUSE mode must be WRITE or ALL\r\n'],
  ['CLIENT PAUSE 1', '+OK\r\n'],
  ['CLIENT UNPAUSE', '+OK\r\n'],
  ['CLIENT UNBLOCK x', '-ERR value is not an integer or out of range\r\n'],
  ['CLIENT UNBLOCK 9', ':0\r\n'],
  ['CLIENT UNBLOCK 9 foo', '-ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR\r\n'],
  [
    'CLIENT UNBLOCK 9 ERROR x',
    "-ERR unknown subcommand or wrong number of arguments for 'UNBLOCK'. Try CLIENT HELP.\r\n",
  ],
  ['CLIENT GETREDIR', ':-1\r\n'],
  ['CLIENT TRACKING x', SYNTAX],
  ['CLIENT TRACKING ON', '+OK\r\n'],
  ['CLIENT TRACKING OFF', '+OK\r\n'],
  ['CLIENT TRACKING ON foo', SYNTAX],
  ['CLIENT TRACKING ON PREFIX', SYNTAX],
  ['CLIENT TRACKING ON PREFIX a', '-ERR PREFIX option requires BCAST mode to be enabled\r\n'],
  ['CLIENT TRACKING ON BCAST OPTIN', '-ERR OPTIN and OPTOUT are not compatible with BCAST\r\n'],
  ['CLIENT TRACKING ON OPTIN OPTOUT', "-ERR You can't specify both OPTIN mode and OPTOUT mode\r\n"],
  ['CLIENT TRACKING ON REDIRECT x', '-ERR value is not an integer or out of range\r\n'],
  ['CLIENT TRACKING ON REDIRECT 9', '-ERR The client ID you want redirect to does not exist\r\n'],
  [
    'CLIENT TRACKING ON BCAST PREFIX ab PREFIX a',
    "-ERR Prefix 'ab' overlaps with another provided prefix 'a'. " +
      'Prefixes for a single client must not overlap.\r\n',
  ],
  [
    'CLIENT CACHING YES',
    '-ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or ' +
      'OPTOUT mode enabled\r\n',
  ],
  [
    'CLIENT TRACKINGINFO',
    '*6\r\n$5\r\nflags\r\n*1\r\n$3\r\noff\r\n$8\r\nredirect\r\n:-1\r\n$8\r\nprefixes\r\n*0\r\n',
    '%3\r\n$5\r\nflags\r\n~1\r\n$3\r\noff\r\n$8\r\nredirect\r\n:-1\r\n$8\r\nprefixes\r\n*0\r\n',
  ],
];

describe.each([2, 3])('connection commands, RESP%i', (protocol) => {
  test.each(TABLE)('%s', (command, resp2, resp3) => {
    const runner = new SessionRunner(CONNECTION_COMMANDS);
    runner.session.protocol = protocol;
    expect(runner.run(...command.split(' '))).toBe(protocol === 3 ? (resp3 ?? resp2) : resp2);
  });

  test('answers of other threads come later', () => {
    const runner = new SessionRunner(CONNECTION_COMMANDS);
    runner.session.protocol = protocol;
    runner.server.isSlow = true;
    expect(runner.run('CLIENT', 'LIST', 'ID', '7', '8')).toBe('');
    expect(runner.server.calls).toEqual(['clientList {"ids":[7,8]}']);
    expect(runner.flush()).toEqual([protocol === 3 ? '=9\r\ntxt:id=7\n\r\n' : '$5\r\nid=7\n\r\n']);
    runner.canSuspend = false;
    expect(runner.run('CLIENT', 'LIST')).toBe('-ERR Command not allowed inside a transaction\r\n');
    expect(runner.flush()).toEqual([]);
  });
});

describe('what connection commands change', () => {
  test('HELLO, AUTH, SELECT and RESET', () => {
    const runner = new SessionRunner(CONNECTION_COMMANDS);
    const { session, server } = runner;
    server.password = 'secret';
    session.isAuthenticated = false;
    expect(runner.run('HELLO', '3')).toMatch(/^-NOAUTH HELLO must be called/);
    expect(session.protocol).toBe(2);
    expect(runner.run('AUTH', 'wrong')).toMatch(/^-WRONGPASS/);
    expect(runner.run('HELLO', '3', 'AUTH', 'default', 'secret', 'SETNAME', 'me')).toBe(HELLO_3);
    expect(session).toMatchObject({ protocol: 3, isAuthenticated: true, name: 'me' });
    session.isAuthenticated = false;
    expect(runner.run('AUTH', 'secret')).toBe('+OK\r\n');
    expect(session.isAuthenticated).toBe(true);
    runner.run('SELECT', '3');
    expect(session.db).toBe(3);
    expect(runner.run('RESET')).toBe('+RESET\r\n');
    expect(session).toMatchObject({ protocol: 2, db: 0, name: '' });
    runner.run('QUIT');
    expect(session.isClosing).toBe(true);
  });

  test('names and switches', () => {
    const runner = new SessionRunner(CONNECTION_COMMANDS);
    const { session } = runner;
    runner.run('CLIENT', 'SETNAME', 'me');
    expect(runner.run('CLIENT', 'GETNAME')).toBe(bulk('me'));
    expect(runner.run('CLIENT', 'SETNAME', '')).toBe('+OK\r\n');
    expect(runner.run('CLIENT', 'GETNAME')).toBe('$-1\r\n');
    runner.run('CLIENT', 'SETINFO', 'LIB-NAME', 'lib');
    runner.run('CLIENT', 'SETINFO', 'LIB-VER', '9');
    runner.run('CLIENT', 'NO-EVICT', 'ON');
    runner.run('CLIENT', 'NO-TOUCH', 'ON');
    expect(session).toMatchObject({
      libName: 'lib',
      libVersion: '9',
      noEvict: true,
      noTouch: true,
    });
    runner.run('CLIENT', 'REPLY', 'SKIP');
    expect(session.replyMode).toBe('skip-next');
    runner.run('CLIENT', 'REPLY', 'OFF');
    runner.run('CLIENT', 'REPLY', 'SKIP');
    expect(session.replyMode).toBe('off');
  });

  test.each([
    ['CLIENT LIST TYPE slave', 'clientList {"type":"replica"}'],
    ['CLIENT KILL 1.2.3.4:5', 'clientKill 7 {"addr":"1.2.3.4:5"}'],
    ['CLIENT KILL ID 3 4 ID 5 SKIPME no', 'clientKill 7 {"ids":[3,4,5]}'],
    [
      'CLIENT KILL TYPE pubsub USER default ADDR a:1 LADDR b:2 MAXAGE 9',
      'clientKill 7 {"skipId":7,"type":"pubsub","user":"default","addr":"a:1","laddr":"b:2",' +
        '"maxAgeSeconds":9}',
    ],
    ['CLIENT PAUSE 250 WRITE', 'clientPause 250 true'],
    ['CLIENT PAUSE 250', 'clientPause 250 false'],
    ['CLIENT UNBLOCK 9 ERROR', 'clientUnblock 9 true'],
    ['CLIENT UNBLOCK 9', 'clientUnblock 9 false'],
  ])('%s', (command, call) => {
    const runner = new SessionRunner(CONNECTION_COMMANDS);
    runner.run(...command.split(' '));
    expect(runner.server.calls).toEqual([call]);
  });

  test('killing and unblocking', () => {
    const runner = new SessionRunner(CONNECTION_COMMANDS);
    runner.server.killable = 2;
    runner.server.blockedId = 9;
    expect(runner.run('CLIENT', 'KILL', 'a:1')).toBe('+OK\r\n');
    expect(runner.run('CLIENT', 'KILL', 'ADDR', 'a:1')).toBe(':2\r\n');
    expect(runner.run('CLIENT', 'UNBLOCK', '9')).toBe(':1\r\n');
  });
});

const FIELDS: ClientFields = {
  id: 4,
  addr: '127.0.0.1:50786',
  laddr: '127.0.0.1:6379',
  fd: 8,
  name: '',
  ageSeconds: 1,
  idleSeconds: 0,
  flags: {},
  db: 0,
  channels: 0,
  patterns: 0,
  shardChannels: 0,
  queued: -1,
  watchedKeys: 0,
  queryBufferBytes: 26,
  queryBufferFreeBytes: 20448,
  argumentBytes: 10,
  queuedBytes: 0,
  replyBufferBytes: 16384,
  replyBufferPeakBytes: 16384,
  replyBytes: 0,
  replyListLength: 0,
  replyListBytes: 0,
  totalBytes: 37658,
  isReadable: true,
  isWritable: false,
  command: 'client|list',
  user: 'default',
  redirect: -1,
  protocol: 2,
  libName: 'lib',
  libVersion: '1.0',
  ioThread: 0,
  bytesReceived: 52,
  bytesSent: 300,
  commandsRun: 2,
};

test('clientInfoLine', () => {
  expect(clientInfoLine(FIELDS)).toBe(
    'id=4 addr=127.0.0.1:50786 laddr=127.0.0.1:6379 fd=8 name= age=1 idle=0 flags=N db=0 sub=0 ' +
      'psub=0 ssub=0 multi=-1 watch=0 qbuf=26 qbuf-free=20448 argv-mem=10 multi-mem=0 rbs=16384 ' +
      'rbp=16384 obl=0 oll=0 omem=0 tot-mem=37658 events=r cmd=client|list user=default redir=-1 ' +
      'resp=2 lib-name=lib lib-ver=1.0 io-thread=0 tot-net-in=52 tot-net-out=300 tot-cmds=2',
  );
  expect(clientInfoLine({ ...FIELDS, command: null, isWritable: true })).toContain(
    ' events=rw cmd=NULL ',
  );
});

test('clientFlagLetters', () => {
  expect(clientFlagLetters({})).toBe('N');
  expect(clientFlagLetters({ isReplica: true, isMonitor: true })).toBe('O');
  expect(clientFlagLetters({ isReplica: true })).toBe('S');
  expect(clientFlagLetters({ isSubscriber: true, isInTransaction: true, isUnixSocket: true })).toBe(
    'PxU',
  );
});
