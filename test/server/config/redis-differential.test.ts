// The configuration beside a real redis-server: names, defaults, CONFIG SET's answers, CONFIG
// REWRITE's file, and the reports about bad configuration files.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decideStart } from '../../../src/server/command-line.ts';
import { toByteText } from '../../../src/server/config/byte-text.ts';
import { loadConfig } from '../../../src/server/config/load.ts';
import { rewriteConfigText } from '../../../src/server/config/rewrite.ts';
import { ConfigStore } from '../../../src/server/config/store.ts';
import { installedRedisVersion, RedisReference, runRedisServer } from './redis-reference.ts';

const BASE = 'timeout 7\n';

/** Defaults that differ from Redis 7.0.15's, with the reason. */
const DIFFERENT_DEFAULTS: Readonly<Record<string, string>> = {
  'enable-debug-command': 'loopback clients may use DEBUG',
};

/** Values that Redis 7.0.15 answers differently, with the reason. */
const LRM = 'Redis 8 added the lrm policies, so the list of values is longer';
const DIFFERENT_ANSWERS: Readonly<Record<string, string>> = {
  'loglevel=chatty': 'Redis 7.2 added the level "nothing", so the list of values is longer',
  'loglevel=nothing': 'Redis 7.2 added the level "nothing"',
  'maxmemory-policy=': LRM,
  'maxmemory-policy=x': LRM,
  'maxmemory-policy=noeviction volatile-lru': LRM,
  'repl-diskless-load=x': 'Valkey 8 added flush-before-load, so the list of values is longer',
  'notify-keyspace-events=An': 'Redis 7.0 does not show n beside A',
  'notify-keyspace-events=Q': 'Redis 8 has more classes to name',
  'notify-keyspace-events=AKEQ': 'Redis 8 has more classes to name',
  'notify-keyspace-events=g$lshzxetd': 'A of Redis 8 has arrays in it, too',
};

const NUMBERS = ['', '0', '1', '-1', '01', '1x', ' 1', '+1', '70000', '99999999999', '-0', '1kb'];
const SIZES = ['', '0', 'k', '1k', '1KB', '2mB', '3g', '1gb', '1b', '-1', '1tb', '1.5mb', '5%'];
const VALUES: Readonly<Record<string, readonly string[]>> = {
  port: ['x', '70000', '-1', '1x', '01', ''],
  timeout: NUMBERS,
  hz: [...NUMBERS, '1000'],
  maxclients: ['0', '99999999999', '-1', 'x'],
  'lfu-log-factor': NUMBERS,
  'active-expire-effort': NUMBERS,
  'slowlog-log-slower-than': [...NUMBERS, '-2', '9223372036854775808'],
  'slowlog-max-len': NUMBERS,
  'lua-time-limit': NUMBERS,
  'slave-priority': NUMBERS,
  'list-max-listpack-size': NUMBERS,
  'hash-max-ziplist-value': SIZES,
  'tracking-table-max-keys': NUMBERS,
  'maxmemory-samples': NUMBERS,
  maxmemory: [...SIZES, '99999999999999999999999', '18446744073709551615', '1024gbb', '0'],
  'maxmemory-clients': [...SIZES, '0%', '100%', '101%', '-5%', '%', '0'],
  'proto-max-bulk-len': [...SIZES, '99999999999999999999999', '512mb'],
  'client-query-buffer-limit': SIZES,
  'repl-backlog-size': SIZES,
  'auto-aof-rewrite-min-size': SIZES,
  'stream-node-max-bytes': SIZES,
  'protected-mode': ['yes', 'NO', 'maybe', '', '1', 'yes '],
  'lazyfree-lazy-expire': ['Yes', 'no', 'true'],
  activedefrag: ['no', 'x'],
  'maxmemory-policy': ['ALLKEYS-LRU', 'x', '', 'noeviction volatile-lru', 'noeviction'],
  loglevel: ['chatty', 'nothing', 'Verbose', 'notice'],
  'oom-score-adj': ['x', 'no'],
  'sanitize-dump-payload': ['x', 'clients', 'no'],
  'acl-pubsub-default': ['x', 'allchannels'],
  'cluster-preferred-endpoint-type': ['x', 'hostname', 'ip'],
  'repl-diskless-load': ['x', 'swapdb', 'disabled'],
  'tls-auth-clients': ['x', 'optional'],
  'shutdown-on-sigint': ['', 'x', 'save nosave', 'force now', 'default', 'now now', 'SAVE'],
  save: ['', '900', '900 1', '0 1', '1 -1', '900 1 300 10', 'a b', '900  1', '900 x', ''],
  'client-output-buffer-limit': [
    'normal',
    'normal 1 1',
    'nobody 1 1 1',
    'master 1 1 1',
    'normal x 1 1',
    'normal 1 1 -1',
    'normal 1 1 1s',
    'NORMAL 1k 1kb 1 Replica 2mb 1gb 30',
    'pubsub 0 0 0 pubsub 5 5 5',
    '',
  ],
  'oom-score-adj-values': ['1 2', '1 2 3 4', '1 2 5000', '1 2 -3000', 'a b c', '1  2', '-5 0 5'],
  'notify-keyspace-events': ['', 'KEA', 'Q', 'KEmndg', 'g$lshzxetd', 'AKEQ', 'gg', 'An'],
  'latency-tracking-info-percentiles': [
    '',
    'a',
    '50 101',
    '-1',
    '50.12345678 0 100',
    '99.90 5e1',
    '50  99',
    'nan',
  ],
  'cluster-announce-hostname': ['a b', 'ok-host.example', 'x'.repeat(256), 'x'.repeat(255), ''],
  'proc-title-template': ['{foo}', '{title', '{title} {port}', 'plain', ''],
  requirepass: [''],
  masterauth: ['a b "c" \xff\x00'.slice(0, 9), ''],
  'cluster-announce-ip': ['1.2.3.4', ''],
};

describe.skipIf(installedRedisVersion !== '7.0.15')('beside redis-server 7.0.15', () => {
  let redis: RedisReference;
  beforeAll(async () => {
    redis = await RedisReference.start(BASE);
  });
  afterAll(() => redis.stop());

  function ownStore(): ConfigStore {
    const store = new ConfigStore(redis.directory);
    const options = `port ${redis.port}\nbind 127.0.0.1\nsave ""\n${BASE}`;
    const source = { file: null, stdin: null, options };
    expect(loadConfig(store, source, { isCommand: () => true })).toBeNull();
    return store;
  }

  test('every name is known, with the same default', async () => {
    const reply = (await redis.call('CONFIG', 'GET', '*')) as string[];
    const ours = new Map(ownStore().get(['*']));
    for (let at = 0; at < reply.length; at += 2) {
      const name = reply[at]!;
      const value = ours.get(name);
      if (DIFFERENT_DEFAULTS[name] === undefined) {
        expect([name, value]).toEqual([name, reply[at + 1]]);
      } else {
        expect(value).toBeDefined();
      }
    }
    expect(reply.length).toBeGreaterThan(350);
  });

  test.each(Object.keys(VALUES))('CONFIG SET %s answers the same', async (name) => {
    const store = ownStore();
    for (const value of VALUES[name]!) {
      const theirs = await redis.call('CONFIG', 'SET', name, value);
      const outcome = store.set([name, value]);
      const shown = store.get([name])[0];
      const theirShown = await redis.call('CONFIG', 'GET', name);
      if (DIFFERENT_ANSWERS[`${name}=${value}`] !== undefined) continue;
      expect([value, outcome.error ?? 'OK']).toEqual([value, theirs]);
      expect([value, shown]).toEqual([value, theirShown]);
    }
  });

  const PAIRS: readonly (readonly string[])[] = [
    ['bogus', '1'],
    ['BOGUS', '1', 'databases', '3'],
    ['Databases', '3', 'bogus', '1'],
    ['databases', '3'],
    ['io-threads', '1'],
    ['replicaof', 'a b'],
    ['dir', '/'],
    ['hz', '11', 'DbFilename', 'x'],
    ['hz', '11', 'HZ', '12'],
    ['busy-reply-threshold', '1', 'lua-time-limit', '2'],
    ['hz', '11', 'MaxMemory', 'x'],
    ['TIMEOUT', 'x', 'maxmemory', 'x'],
    ['timeout', '9', 'hz', '13'],
    ['a', '1', 'b'],
  ];
  test.each(PAIRS)('CONFIG SET %s %s %s %s', async (...words) => {
    const given = words.filter((word) => word !== undefined);
    const store = ownStore();
    await redis.call('CONFIG', 'SET', 'hz', '10', 'timeout', '7');
    const theirs = await redis.call('CONFIG', 'SET', ...given);
    expect(store.set(given).error ?? 'OK').toEqual(theirs);
    const values = (await redis.call('CONFIG', 'GET', 'timeout', 'hz')) as string[];
    const pairs = new Map([values.slice(0, 2), values.slice(2)] as [string, string][]);
    expect(new Map(store.get(['timeout', 'hz']))).toEqual(pairs);
  });

  test.each([
    [['PORT', 'port', 'Port']],
    [['*list-max*']],
    [['HASH-MAX-ziplist-*', 'hash-max-listpack-value', 'nothing-such']],
    [['[pP]ort', 'p?rt']],
    [['[^a]imeout', 'hash-max-[k-m]istpack-value', 'slave-p*']],
    [['min-slaves-max-lag', 'min-replicas-max-lag']],
  ])('CONFIG GET %s', async (patterns) => {
    const reply = (await redis.call('CONFIG', 'GET', ...patterns)) as string[];
    const theirs = reply.filter((_, at) => at % 2 === 0).sort();
    const ours = ownStore().get(patterns);
    expect(ours.map(([name]) => name).sort()).toEqual(theirs);
  });

  test('CONFIG REWRITE writes the same file, but for order and version', async () => {
    const file = [
      '# head',
      '',
      '   ',
      'HZ 20',
      '\ttimeout   7   ',
      'slave-priority 5',
      'maxmemory 3',
      'MaxMemory 2048',
      'client-output-buffer-limit pubsub 1 1 1',
      'requirepass "a b\\xff"',
      '# tail',
      'bind-source-addr ""',
    ].join('\n');
    const other = await RedisReference.start(file);
    try {
      const path = join(other.directory, 'redis.conf');
      const store = new ConfigStore(other.directory);
      const source = { file: path, stdin: null, options: '' };
      expect(loadConfig(store, source, { isCommand: () => true })).toBeNull();
      const password = 'a b\xff';
      expect(store.text('requirepass')).toBe(password);
      await other.call('AUTH', password);
      const change = ['proc-title-template', 'x "y"', 'list-compress-depth', '2', 'save', '9 1'];
      expect(await other.call('CONFIG', 'SET', ...change)).toBe('OK');
      expect(store.set(change).error).toBeUndefined();
      const ours = rewriteConfigText(store, readFileSync(path, 'latin1'));
      expect(await other.call('CONFIG', 'REWRITE')).toBe('OK');
      const theirs = readFileSync(path, 'latin1');
      const split = (text: string) => {
        const [kept, added] = text.split('# Generated by CONFIG REWRITE\n');
        const lines = added!.split('\n').filter((line) => !line.startsWith('user '));
        return { kept, added: lines.sort() };
      };
      expect(split(ours)).toEqual(split(theirs));
      expect(ours).toContain(`dir "${toByteText(other.directory)}"`);
    } finally {
      await other.stop();
    }
  });

  test.each([
    'foo bar',
    'port 1\n\n  foo bar  ',
    'port',
    'port 1 2',
    'port "1',
    'port "1"2',
    'port 99999',
    'port x',
    'port ""',
    'unixsocketperm 888',
    'unixsocketperm 1777',
    'unixsocketperm -1',
    'databases 0',
    'dir /nonexistent-directory',
    'dir ""',
    'dir /dev/null',
    'dbfilename a/b',
    'appendfilename a/b',
    'appenddirname ""',
    'save 1',
    'save 0 1',
    'save',
    'set-proc-title maybe',
    'rename-command nosuch x',
    'rename-command get set',
    'rename-command get',
    'rename-command get x\nrename-command get y',
    'loadmodule',
    'include',
    'include a b',
    'user',
    'sentinel monitor a',
    'replicaof a',
    'replicaof a x',
    'replicaof a 99999',
    'client-output-buffer-limit normal 1 1',
    'logfile /nonexistent-directory/log',
    `bind ${'a '.repeat(17)}`,
    'list-max-ziplist-entries 1 2',
    'supervised x',
    'syslog-facility x',
    'oom-score-adj-values 1 2',
  ])('the report about %j', (config) => {
    const { stderr } = runRedisServer(['-', '--port', '0'], `${config}\n`);
    const store = new ConfigStore(redis.directory);
    const source = { file: null, stdin: `${config}\n`, options: 'port "0" ' };
    const isCommand = (name: string) => ['get', 'set'].includes(name);
    const ours = loadConfig(store, source, { isCommand }) ?? '';
    const neutral = (text: string) => text.replace(/\((Redis|Tessera) [0-9.]+\)/, '()');
    expect(neutral(ours)).toBe(neutral(stderr));
    if (config !== 'save') expect(ours).not.toBe('');
  });

  test.each([
    [['--port', 'x y']],
    [['--port', '1', '2']],
    [['--port']],
    [['--hz', '--port']],
    [['--port "x']],
    [['--port x', '--hz', '5']],
    [['--save', '--port', 'x']],
    [['--timeout', 'x', '--save']],
    [['--bogus', 'a"\\\n']],
    [['-x', '-y']],
    [['/nonexistent.conf', '--port', 'x']],
  ])('the report about the words %j', (args) => {
    const { stdout, stderr } = runRedisServer(args, '');
    const ours = decideStart(args, { isCommand: () => true });
    if (ours.store !== undefined) throw new Error('accepted');
    const neutral = (text: string) => text.replace(/\((Redis|Tessera) [0-9.]+\)/, '()');
    // The message about a file that cannot be opened is a log line on standard output there.
    const theirs = stderr || stdout.replace(/^.* # /, '');
    expect([ours.exitCode, neutral(ours.stderr)]).toEqual([1, neutral(theirs)]);
  });
});
