import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { toByteText } from '../../../src/server/config/byte-text.ts';
import { HIDDEN, IMMUTABLE, NO_MEANING, OWN } from '../../../src/server/config/directive.ts';
import {
  DIRECTIVES,
  findDirective,
  isSensitiveDirective,
} from '../../../src/server/config/directives.ts';
import { MeaningReport } from '../../../src/server/config/report.ts';
import {
  readBindAddresses,
  readOutputBufferLimits,
  readSavePoints,
} from '../../../src/server/config/special-directives.ts';
import { ConfigStore } from '../../../src/server/config/store.ts';

function shownValue(store: ConfigStore, name: string): string | undefined {
  return store.get([name])[0]?.[1];
}

describe('the table', () => {
  test('names are unique, lower case, and lead to their directive', () => {
    const names = DIRECTIVES.flatMap((directive) => [directive.name, ...directive.aliases]);
    expect(new Set(names).size).toBe(names.length);
    for (const directive of DIRECTIVES) {
      for (const name of [directive.name, ...directive.aliases]) {
        expect(name).toMatch(/^[a-z0-9_-]+$/);
        expect(findDirective(name.toUpperCase())?.directive).toBe(directive);
      }
    }
  });

  test('every default is its own canonical text, and rewriting it reads back', () => {
    for (const directive of DIRECTIVES) {
      if (directive.name === 'dir') continue;
      const context = { current: directive.initial, loading: false, repeated: false };
      const words = directive.initial.split(' ');
      const parsed = directive.parse(
        ['{title} {listen-addr} {server-mode}', ''].includes(directive.initial)
          ? [directive.initial]
          : words,
        context,
      );
      if (directive.name !== 'replicaof') expect(parsed).toEqual({ text: directive.initial });
      if (directive.type === 'int') {
        expect(Number.isFinite(directive.numberOf(directive.initial))).toBe(true);
      }
    }
  });

  test.each([
    'list-max-listpack-size',
    'set-max-listpack-entries',
    'set-max-listpack-value',
    'maxmemory-eviction-tenacity',
    'latency-tracking',
    'latency-tracking-info-percentiles',
    'busy-reply-threshold',
    'enable-debug-command',
    'enable-debug-assert',
    'enable-protected-configs',
    'enable-module-command',
    'propagation-error-behavior',
    'extended-redis-compatibility',
    'hide-user-data-from-log',
    'rdb-key-save-delay',
    'key-load-delay',
    'dual-channel-replication-enabled',
    'availability-zone',
    'import-mode',
    'watchdog-period',
    'lua-time-limit',
    'slave-serve-stale-data',
    'cluster-replica-no-failover',
    'tls-port',
  ])('%s is known', (name) => {
    expect(findDirective(name)).toBeDefined();
  });

  test('secrets are marked', () => {
    expect(isSensitiveDirective('RequirePass')).toBe(true);
    expect(isSensitiveDirective('masterauth')).toBe(true);
    expect(isSensitiveDirective('port')).toBe(false);
    expect(isSensitiveDirective('nothing')).toBe(false);
  });
});

describe('reading', () => {
  test('typed getters and cells', () => {
    const store = new ConfigStore('/tmp');
    expect(store.bool('lease')).toBe(true);
    expect(store.int('port')).toBe(6379);
    expect(store.text('requirepass')).toBe('');
    expect(store.text('transport')).toBe('auto');
    expect([store.int('shards'), store.int('shard-threads'), store.int('io-threads')]).toEqual([
      0, 0, 1,
    ]);
    expect(store.text('enable-debug-command')).toBe('local');
    const cell = store.cell('maxmemory');
    store.set(['maxmemory', '1gb', 'maxmemory-clients', '5%']);
    expect([cell.number, cell.text]).toEqual([1024 ** 3, '1073741824']);
    expect(store.int('maxmemory-clients')).toBe(-5);
    expect(store.load(['unixsocketperm', '0770'])).toBeNull();
    expect([store.int('unixsocketperm'), shownValue(store, 'unixsocketperm')]).toEqual([
      0o770,
      '770',
    ]);
  });

  test('paths are relative to dir', () => {
    const store = new ConfigStore('/tmp');
    expect(store.path('pidfile')).toBe('');
    store.load(['pidfile', toByteText('é.pid')]);
    expect(store.path('pidfile')).toBe('/tmp/é.pid');
    expect(store.load(['dir', '/'])).toBeNull();
    expect(store.path('pidfile')).toBe('/é.pid');
    store.load(['unixsocket', '/run/x']);
    expect(store.path('unixsocket')).toBe('/run/x');
  });

  test('hidden directives answer to their exact name only', () => {
    const store = new ConfigStore();
    const shown = new Set(store.get(['*']).map(([name]) => name));
    for (const directive of DIRECTIVES) {
      expect(shown.has(directive.name)).toBe((directive.flags & HIDDEN) === 0);
      expect(store.get([directive.name]).length).toBe(1);
    }
  });

  test('Redis formats', () => {
    const store = new ConfigStore('/');
    expect(store.get(['save', 'bind', 'DIR', 'nothing', 'save'])).toEqual([
      ['save', '3600 1 300 100 60 10000'],
      ['bind', '127.0.0.1 -::1'],
      ['DIR', '/'],
    ]);
    expect(shownValue(store, 'client-output-buffer-limit')).toBe(
      'normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60',
    );
    expect(shownValue(store, 'oom-score-adj-values')).toBe('0 200 800');
  });

  test('structured values', () => {
    const store = new ConfigStore();
    expect(readSavePoints(store.text('save'))[1]).toEqual({ seconds: 300, changes: 100 });
    expect(readSavePoints('')).toEqual([]);
    expect(readBindAddresses(store.text('bind'))).toEqual(['127.0.0.1', '-::1']);
    expect(readBindAddresses('')).toEqual([]);
    const limits = readOutputBufferLimits(store.text('client-output-buffer-limit'));
    expect(limits.replica).toEqual({ hardBytes: 2 ** 28, softBytes: 2 ** 26, softSeconds: 60 });
  });
});

describe('CONFIG SET', () => {
  test('all or nothing, and tells what changed', () => {
    const store = new ConfigStore();
    expect(store.set(['hz', '20', 'timeout', '0', 'maxmemory', '5'])).toEqual({
      changed: ['hz', 'maxmemory'],
    });
    expect(store.set(['hz', '30', 'maxmemory', 'x']).error).toBe(
      "ERR CONFIG SET failed (possibly related to argument 'maxmemory') - " +
        'argument must be a memory value',
    );
    expect([store.int('hz'), store.int('maxmemory')]).toEqual([20, 5]);
    expect(store.set(['busy-reply-threshold', '1', 'lua-time-limit', '2'])).toEqual({
      changed: ['busy-reply-threshold'],
    });
    expect(store.int('busy-reply-threshold')).toBe(2);
    expect(store.set([]).error).toBe('ERR syntax error');
  });

  test('an immutable directive is refused whatever the value', () => {
    const store = new ConfigStore();
    for (const { name, flags, initial } of DIRECTIVES) {
      if (!(flags & IMMUTABLE) || flags & OWN) continue;
      expect(store.set([name, initial]).error).toBe(
        `ERR CONFIG SET failed (possibly related to argument '${name}') - ` +
          "can't set immutable config",
      );
    }
  });

  test('what is shown can be written back, but for immutable directives of Redis', () => {
    const store = new ConfigStore();
    store.load(['enable-protected-configs', 'yes']);
    for (const [name, value] of store.get(['*'])) {
      const { flags } = findDirective(name)!.directive;
      if (flags & IMMUTABLE && !(flags & OWN)) continue;
      expect([name, store.set([name, value])]).toEqual([name, { changed: [] }]);
    }
    expect(store.set(['shards', '4']).error).toContain("can't set immutable config");
  });

  test('protected directives: no, local, yes', () => {
    const refusal =
      "ERR CONFIG SET failed (possibly related to argument 'dbfilename') - " +
      "can't set protected config";
    const set = (allowed: string, localClient: boolean) => {
      const store = new ConfigStore();
      store.load(['enable-protected-configs', allowed]);
      return store.set(['dbfilename', 'x'], { localClient }).error;
    };
    expect([set('no', true), set('local', false), set('local', true)]).toEqual([
      refusal,
      refusal,
      undefined,
    ]);
    expect(set('yes', false)).toBeUndefined();
  });

  test('a veto rolls everything back and tells the applier', () => {
    const store = new ConfigStore();
    const calls: [string[], boolean, number][] = [];
    const outcome = store.set(['port', '7000', 'hz', '20'], {}, (changed, restoring) => {
      calls.push([[...changed], restoring, store.int('port')]);
      const reason = 'Unable to listen on this port. Check server logs.';
      return { name: 'port', reason };
    });
    expect(outcome.error).toBe(
      "ERR CONFIG SET failed (possibly related to argument 'port') - " +
        'Unable to listen on this port. Check server logs.',
    );
    expect(calls).toEqual([
      [['port', 'hz'], false, 7000],
      [['port', 'hz'], true, 6379],
    ]);
    expect([store.int('hz'), store.isExplicit('port')]).toEqual([10, false]);
    expect(store.set(['port', '6379'], {}, () => ({ name: 'port', reason: 'x' }))).toEqual({
      changed: [],
    });
  });

  test('a staged change can be taken back later', () => {
    const store = new ConfigStore();
    const staged = store.stage(['port', '7000']);
    expect(typeof staged).toBe('object');
    if (typeof staged === 'string') return;
    expect(store.int('port')).toBe(7000);
    expect(staged.rollBack({ name: 'port', reason: 'busy' })).toContain('- busy');
    expect(store.int('port')).toBe(6379);
  });

  test('dir is made absolute, and must be a directory', () => {
    const directory = realpathSync(mkdtempSync(join(tmpdir(), 'tessera-config-')));
    try {
      const store = new ConfigStore(join(directory, '..'));
      store.load(['enable-protected-configs', 'yes']);
      const name = directory.split('/').at(-1)!;
      expect(store.set(['dir', name]).error).toBeUndefined();
      expect(store.path('dir')).toBe(directory);
      expect(store.set(['dir', 'missing']).error).toMatch(/- No such file or directory$/);
      expect(store.set(['dir', process.execPath]).error).toMatch(/- Not a directory$/);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test('any words get an answer, and a refusal changes nothing', () => {
    const names = fc.constantFrom(...DIRECTIVES.map((directive) => directive.name), 'x');
    const numbers = fc.bigInt({ min: -(2n ** 66n), max: 2n ** 66n }).map(String);
    const word = fc.constantFrom('yes', 'no', 'KEA', 'normal', '1kb', '5%', ' ', '\0', '1 2 3');
    const values = fc.oneof(fc.string(), numbers, word, fc.string({ unit: 'binary' }));
    fc.assert(
      fc.property(fc.array(fc.tuple(names, values), { maxLength: 4 }), (pairs) => {
        const store = new ConfigStore();
        const before = store.snapshot();
        const outcome = store.set(pairs.flat());
        if (outcome.error !== undefined) {
          expect(outcome.error).toMatch(/^ERR /);
          expect(store.snapshot()).toEqual(before);
          return;
        }
        // A value that was shown is accepted again and shown the same.
        for (const name of outcome.changed) {
          const shown = shownValue(store, name)!;
          expect(store.set([name, shown])).toEqual({ changed: [] });
        }
      }),
    );
  });
});

describe('threads', () => {
  test('a snapshot survives JSON, and changes keep stores in step', () => {
    const main = new ConfigStore('/');
    main.load(['requirepass', '\xff\x00"']);
    main.load(['save', '900 1']);
    main.configFile = '/x.conf';
    main.renames = { get: '' };
    main.users = [['a', 'on']];
    const other = ConfigStore.restore(JSON.parse(JSON.stringify(main.snapshot())));
    expect(other.snapshot()).toEqual(main.snapshot());
    expect([other.isExplicit('save'), other.isExplicit('port')]).toEqual([true, false]);
    const cell = other.cell('hz');
    const outcome = main.set(['hz', '50', 'requirepass', 'x']);
    other.applyChanges(main.changes(outcome.changed ?? []));
    expect(cell.number).toBe(50);
    expect(other.snapshot()).toEqual(main.snapshot());
    expect(() => other.applyChanges({ nothing: '1' })).toThrow('nothing');
  });
});

describe('the report of what has no meaning', () => {
  test('names each explicit directive once', () => {
    const store = new ConfigStore();
    const report = new MeaningReport();
    expect(report.lines(store)).toEqual([]);
    store.load(['repl-backlog-ttl', '5']);
    store.load(['port', '7000']);
    store.load(['slave-priority', '5']);
    expect(report.lines(store)).toEqual([
      'Accepted for compatibility with Redis, without effect in Tessera: ' +
        'replica-priority, repl-backlog-ttl',
    ]);
    store.set(['repl-backlog-ttl', '6', 'lfu-decay-time', '5', 'repl-timeout', '5']);
    expect(report.noMeaningLine(store)).toMatch(/: repl-timeout$/);
    expect(report.lines(store)).toEqual([]);
  });

  test('what is said to have meaning is not marked otherwise', () => {
    const names = [
      'port bind protected-mode unixsocket unixsocketperm timeout tcp-keepalive tcp-backlog',
      'maxclients requirepass databases loglevel logfile pidfile dir daemonize',
      'proto-max-bulk-len client-query-buffer-limit client-output-buffer-limit io-threads',
      'maxmemory maxmemory-policy save appendonly appendfsync rdbcompression dbfilename hz',
      'active-expire-effort auto-aof-rewrite-percentage stop-writes-on-bgsave-error',
      'slowlog-log-slower-than slowlog-max-len latency-monitor-threshold hash-max-listpack-value',
      'lfu-log-factor hll-sparse-max-bytes notify-keyspace-events enable-debug-command',
      'lazyfree-lazy-expire shutdown-timeout set-proc-title crash-log-enabled oom-score-adj',
    ].flatMap((line) => line.split(' '));
    for (const name of names) expect(findDirective(name)!.directive.flags & NO_MEANING).toBe(0);
  });
});
