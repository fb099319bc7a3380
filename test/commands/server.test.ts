import { describe, expect, test } from 'vitest';
import { REDIS_VERSION, TESSERA_VERSION } from '../../src/base/version.ts';
import { ACL_CATEGORIES } from '../../src/commands/acl-categories.ts';
import { ALL_COMMANDS } from '../../src/commands/registry.ts';
import { decodeReply } from '../support/decode-reply.ts';
import { SessionRunner } from '../support/fake-server.ts';

type Row = [command: string, resp2: string, resp3?: string];

const bulk = (text: string): string => `$${text.length}\r\n${text}\r\n`;
const SYNTAX = '-ERR syntax error\r\n';

const TABLE: Row[] = [
  ['TIME', `*2\r\n${bulk('1800000000')}${bulk('0')}`],
  ['INFO', bulk('# \r\n'), '=8\r\ntxt:# \r\n\r\n'],
  ['INFO Server CPU', bulk('# server,cpu\r\n'), '=18\r\ntxt:# server,cpu\r\n\r\n'],
  ['ROLE', `*3\r\n${bulk('master')}:0\r\n*0\r\n`],
  ['WAIT x y', '-ERR value is not an integer or out of range\r\n'],
  ['WAIT 0 x', '-ERR timeout is not an integer or out of range\r\n'],
  ['WAIT 0 -1', '-ERR timeout is negative\r\n'],
  ['WAIT 0 0', ':0\r\n'],
  ['WAIT -1 0', ':0\r\n'],
  ['WAITAOF x 0 0', '-ERR value is not an integer or out of range\r\n'],
  ['WAITAOF 2 0 0', '-ERR value is out of range, value must between 0 and 1\r\n'],
  ['WAITAOF 0 -1 0', '-ERR value is out of range, must be positive\r\n'],
  ['WAITAOF 0 0 -1', '-ERR timeout is negative\r\n'],
  ['WAITAOF 0 0 x', '-ERR timeout is not an integer or out of range\r\n'],
  ['WAITAOF 0 0 0', '*2\r\n:0\r\n:0\r\n'],
  [
    'WAITAOF 1 0 0',
    '-ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.\r\n',
  ],
  ['REPLICAOF no one', '+OK\r\n'],
  ['SLAVEOF NO ONE', '+OK\r\n'],
  ['REPLICAOF a x', '-ERR Invalid master port\r\n'],
  ['REPLICAOF a 65536', '-ERR Invalid master port\r\n'],
  ['REPLICAOF a 1', '-ERR This server cannot be a replica yet\r\n'],
  ['SYNC', '-ERR This server cannot have replicas yet\r\n'],
  ['PSYNC ? -1', '-ERR This server cannot have replicas yet\r\n'],
  ['FAILOVER', '-ERR FAILOVER requires connected replicas.\r\n'],
  ['FAILOVER TO a 1 FORCE TIMEOUT 5', '-ERR FAILOVER requires connected replicas.\r\n'],
  ['FAILOVER ABORT', '-ERR No failover in progress.\r\n'],
  ['FAILOVER TIMEOUT 0', '-ERR FAILOVER timeout must be greater than 0\r\n'],
  ['FAILOVER FORCE FORCE', SYNTAX],
  ['REPLCONF listening-port 1 capa eof', '+OK\r\n'],
  ['REPLCONF foo bar', '-ERR Unrecognized REPLCONF option: foo\r\n'],
  ['REPLCONF ack 1', ''],
  ['REPLCONF getack *', ''],
  [
    `REPLCONF ip-address ${'a'.repeat(256)}`,
    '-ERR REPLCONF ip-address provided by replica instance is too long: 256 bytes\r\n',
  ],
  ['SHUTDOWN foo', SYNTAX],
  ['SHUTDOWN SAVE NOSAVE', SYNTAX],
  ['SHUTDOWN NOW ABORT', SYNTAX],
  ['SHUTDOWN ABORT', '-ERR No shutdown in progress.\r\n'],
  ['LOLWUT VERSION x', '-ERR value is not an integer or out of range\r\n'],
  ['CONFIG', "-ERR wrong number of arguments for 'config' command\r\n"],
  ['CONFIG foo', "-ERR unknown subcommand 'foo'. Try CONFIG HELP.\r\n"],
  [
    'CONFIG GET maxmemory data*',
    `*4\r\n${bulk('databases')}${bulk('16')}${bulk('maxmemory')}${bulk('0')}`,
    `%2\r\n${bulk('databases')}${bulk('16')}${bulk('maxmemory')}${bulk('0')}`,
  ],
  ['CONFIG GET nothing', '*0\r\n', '%0\r\n'],
  ['CONFIG SET maxmemory 1mb maxmemory-policy allkeys-lru', '+OK\r\n'],
  ['CONFIG SET maxmemory 1 foo', SYNTAX],
  ['CONFIG SET foo 1', "-ERR Unknown option or number of arguments for CONFIG SET - 'foo'\r\n"],
  ['CONFIG REWRITE', '-ERR The server is running without a config file\r\n'],
  ['CONFIG RESETSTAT', '+OK\r\n'],
  ['SLOWLOG GET', '*0\r\n'],
  ['SLOWLOG GET -1', '*0\r\n'],
  ['SLOWLOG GET -2', '-ERR count should be greater than or equal to -1\r\n'],
  ['SLOWLOG GET x', '-ERR count should be greater than or equal to -1\r\n'],
  [
    'SLOWLOG GET 1 2',
    "-ERR unknown subcommand or wrong number of arguments for 'GET'. Try SLOWLOG HELP.\r\n",
  ],
  ['SLOWLOG LEN', ':0\r\n'],
  ['SLOWLOG RESET', '+OK\r\n'],
  ['LATENCY LATEST', '*0\r\n'],
  ['LATENCY HISTORY command', '*0\r\n'],
  ['LATENCY RESET', ':0\r\n'],
  ['ACL WHOAMI', bulk('default')],
  ['ACL CAT', `*21\r\n${ACL_CATEGORIES.map(bulk).join('')}`],
  ['ACL CAT foo', "-ERR Unknown category 'foo'\r\n"],
  ['MODULE LIST', '*0\r\n'],
  ['MODULE LOAD /m.so a', '-ERR Error loading the extension. Please check the server logs.\r\n'],
  ['MODULE LOADEX /m.so', '-ERR Error loading the extension. Please check the server logs.\r\n'],
  ['MODULE UNLOAD m', '-ERR Error unloading module: no such module with that name\r\n'],
  ['CLUSTER', "-ERR wrong number of arguments for 'cluster' command\r\n"],
  ['CLUSTER INFO', '-ERR This instance has cluster support disabled\r\n'],
  ['CLUSTER HELP', '-ERR This instance has cluster support disabled\r\n'],
  ['CLUSTER KEYSLOT', "-ERR wrong number of arguments for 'cluster|keyslot' command\r\n"],
  ['CLUSTER SETSLOT 1 STABLE', '-ERR This instance has cluster support disabled\r\n'],
  ['CLUSTER foo', "-ERR unknown subcommand 'foo'. Try CLUSTER HELP.\r\n"],
  ['READONLY', '-ERR This instance has cluster support disabled\r\n'],
  ['READWRITE', '-ERR This instance has cluster support disabled\r\n'],
  ['ASKING', '-ERR This instance has cluster support disabled\r\n'],
  ['COMMAND foo', "-ERR unknown subcommand 'foo'. Try COMMAND HELP.\r\n"],
  ['COMMAND COUNT', `:${ALL_COMMANDS.length}\r\n`],
  ['COMMAND INFO nothing', '*1\r\n$-1\r\n', '*1\r\n_\r\n'],
  ['COMMAND DOCS nothing', '*0\r\n', '%0\r\n'],
  ['COMMAND LIST foo', SYNTAX],
  ['COMMAND LIST FILTERBY foo bar', SYNTAX],
  ['COMMAND LIST FILTERBY MODULE x', '*0\r\n'],
  ['COMMAND LIST FILTERBY ACLCAT nothing', '*0\r\n'],
  [
    'COMMAND LIST FILTERBY PATTERN CONFIG|RE*',
    `*2\r\n${bulk('config|resetstat')}${bulk('config|rewrite')}`,
  ],
  ['COMMAND GETKEYS nothing x', '-ERR Invalid command specified\r\n'],
  ['COMMAND GETKEYS object nothing x', '-ERR Invalid command specified\r\n'],
  ['COMMAND GETKEYS client|kill x', '-ERR Invalid command specified\r\n'],
  ['COMMAND GETKEYS ping x', '-ERR The command has no key arguments\r\n'],
  ['COMMAND GETKEYS get a b', '-ERR Invalid number of arguments specified for command\r\n'],
  ['COMMAND GETKEYS get a', `*1\r\n${bulk('a')}`],
  ['COMMAND GETKEYS mset a b c d', `*2\r\n${bulk('a')}${bulk('c')}`],
  ['COMMAND GETKEYS object encoding x', `*1\r\n${bulk('x')}`],
  ['COMMAND GETKEYS migrate keys 1 a 0 5 AUTH keys', `*1\r\n${bulk('a')}`],
  ['COMMAND GETKEYS migrate h 1  0 5 AUTH2 keys x KEYS a b', `*2\r\n${bulk('a')}${bulk('b')}`],
  ['COMMAND GETKEYS migrate h 1  0 5 KEYS', `*1\r\n${bulk('')}`],
  [
    'COMMAND GETKEYSANDFLAGS set a b',
    `*1\r\n*2\r\n${bulk('a')}*2\r\n+OW\r\n+update\r\n`,
    `*1\r\n*2\r\n${bulk('a')}~2\r\n+OW\r\n+update\r\n`,
  ],
  [
    'COMMAND GETKEYSANDFLAGS set a b get',
    `*1\r\n*2\r\n${bulk('a')}*3\r\n+RW\r\n+access\r\n+update\r\n`,
    `*1\r\n*2\r\n${bulk('a')}~3\r\n+RW\r\n+access\r\n+update\r\n`,
  ],
];

/** Containers that have no HELP in Redis either, or whose HELP is an error. */
const WITHOUT_HELP = new Set(['cluster', 'himport']);

describe.each([2, 3])('server commands, RESP%i', (protocol) => {
  test.each(TABLE)('%s', (command, resp2, resp3) => {
    const runner = new SessionRunner(ALL_COMMANDS);
    runner.session.protocol = protocol;
    expect(runner.run(...command.split(' '))).toBe(protocol === 3 ? (resp3 ?? resp2) : resp2);
  });

  test('every HELP is an array of simple strings', () => {
    const runner = new SessionRunner(ALL_COMMANDS);
    runner.session.protocol = protocol;
    for (const { name, subcommands } of ALL_COMMANDS) {
      if (subcommands === undefined || WITHOUT_HELP.has(name)) continue;
      const help = runner.run(name, 'help');
      expect(help).toMatch(/^\*\d+\r\n\+[A-Z]+ <subcommand> .*Subcommands are:\r\n(\+.*\r\n)+$/);
      expect(decodeReply(help)).toContain('HELP');
    }
  });

  test('COMMAND describes every command', () => {
    const runner = new SessionRunner(ALL_COMMANDS);
    runner.session.protocol = protocol;
    const rows = decodeReply(runner.run('COMMAND')) as unknown[][];
    expect(rows.map((row) => row[0])).toEqual(ALL_COMMANDS.map(({ name }) => name));
    expect(rows.every((row) => row.length === 10)).toBe(true);
    expect(decodeReply(runner.run('COMMAND', 'INFO'))).toEqual(rows);
    const docs = decodeReply(runner.run('COMMAND', 'DOCS')) as unknown[];
    expect(docs).toHaveLength(ALL_COMMANDS.length * 2);
  });
});

test('shapes of COMMAND in RESP3', () => {
  const runner = new SessionRunner(ALL_COMMANDS);
  runner.session.protocol = 3;
  expect(runner.run('COMMAND', 'INFO', 'get')).toBe(
    '*1\r\n*10\r\n$3\r\nget\r\n:2\r\n~2\r\n+readonly\r\n+fast\r\n:1\r\n:1\r\n:1\r\n' +
      '~3\r\n+@read\r\n+@string\r\n+@fast\r\n~0\r\n~1\r\n%3\r\n$5\r\nflags\r\n~2\r\n+RO\r\n' +
      '+access\r\n$12\r\nbegin_search\r\n%2\r\n$4\r\ntype\r\n$5\r\nindex\r\n$4\r\nspec\r\n' +
      '%1\r\n$5\r\nindex\r\n:1\r\n$9\r\nfind_keys\r\n%2\r\n$4\r\ntype\r\n$5\r\nrange\r\n' +
      '$4\r\nspec\r\n%3\r\n$7\r\nlastkey\r\n:0\r\n$7\r\nkeystep\r\n:1\r\n$5\r\nlimit\r\n:0\r\n' +
      '~0\r\n',
  );
  expect(runner.run('COMMAND', 'DOCS', 'config|get')).toBe(
    '%1\r\n$10\r\nconfig|get\r\n%6\r\n$7\r\nsummary\r\n' +
      `${bulk('Returns directives of the configuration by glob patterns.')}` +
      '$5\r\nsince\r\n$5\r\n2.0.0\r\n$5\r\ngroup\r\n$6\r\nserver\r\n' +
      `${bulk('complexity')}${bulk('O(N) with N the number of directives given')}` +
      `${bulk('history')}~1\r\n*2\r\n${bulk('7.0.0')}${bulk('takes several patterns')}` +
      '$9\r\narguments\r\n*1\r\n' +
      '%4\r\n$4\r\nname\r\n$9\r\nparameter\r\n$4\r\ntype\r\n$6\r\nstring\r\n' +
      '$12\r\ndisplay_text\r\n$9\r\nparameter\r\n$5\r\nflags\r\n~1\r\n+multiple\r\n',
  );
});

describe('what server commands ask for', () => {
  test('SHUTDOWN replies only where it fails', () => {
    const runner = new SessionRunner(ALL_COMMANDS);
    const { server } = runner;
    expect(runner.run('SHUTDOWN', 'NOSAVE', 'NOW', 'FORCE')).toBe('');
    expect(runner.run('SHUTDOWN', 'ABORT')).toBe('+OK\r\n');
    server.isShutdownPossible = false;
    expect(runner.run('SHUTDOWN', 'SAVE')).toBe('-ERR Errors trying to SHUTDOWN. Check logs.\r\n');
    expect(server.calls).toEqual(['shutdown false true true', 'shutdown true false false']);
  });

  test('CONFIG SET answers when all threads have it', () => {
    const runner = new SessionRunner(ALL_COMMANDS);
    runner.server.isSlow = true;
    expect(runner.run('CONFIG', 'SET', 'maxmemory', '5')).toBe('');
    expect(runner.flush()).toEqual(['+OK\r\n']);
    expect(runner.server.configText('maxmemory')).toBe('5');
  });

  test('LOLWUT shows the versions', () => {
    const picture = new SessionRunner(ALL_COMMANDS).run('LOLWUT');
    expect(picture).toContain(`Tessera ver. ${TESSERA_VERSION}`);
    expect(picture).toContain(`Redis ver. ${REDIS_VERSION}`);
  });

  test('LOLWUT VERSION has pictures of the sizes asked for, and none for others', () => {
    const runner = new SessionRunner(ALL_COMMANDS);
    const lines = (...args: readonly string[]): string[] => {
      const text = decodeReply(runner.run('LOLWUT', 'VERSION', ...args)) as string;
      return Buffer.from(text, 'latin1').toString().split('\n').slice(0, -3);
    };
    expect(lines('5', '6', '3', '2').map((line) => line.length)).toEqual([6, 6]);
    expect(lines('5', '0', '-1', '0')).toHaveLength(1);
    expect(lines('6', '7', '4').map((line) => line.length)).toEqual([7, 7, 7, 7]);
    expect(lines('6', '999', '999').map((line) => line.length)).toEqual(Array(200).fill(200));
    expect(lines('5')).toHaveLength(9);
    expect(runner.run('LOLWUT', 'VERSION', '7')).toMatch(/^\$\d+\r\nTessera ver\./);
    expect(runner.run('LOLWUT', 'VERSION', '-1')).toMatch(/^\$\d+\r\nTessera ver\./);
  });

  test('categories list the same commands in ACL CAT and COMMAND LIST', () => {
    const runner = new SessionRunner(ALL_COMMANDS);
    for (const category of ACL_CATEGORIES) {
      const listed = decodeReply(runner.run('COMMAND', 'LIST', 'FILTERBY', 'ACLCAT', category));
      // DEBUG's sub-commands are its arguments to access control.
      const named = (listed as string[]).filter((name) => !name.startsWith('debug|'));
      expect(decodeReply(runner.run('ACL', 'CAT', category))).toEqual(named);
    }
    const transactions = decodeReply(runner.run('ACL', 'CAT', 'transaction')) as string[];
    expect([...transactions].sort()).toEqual(['discard', 'exec', 'multi', 'unwatch', 'watch']);
  });
});
