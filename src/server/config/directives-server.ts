// Directives of the network, the process, limits, logging and the data structures: those that
// have a meaning here, and their neighbours of the same areas that Redis knows.

import {
  bool,
  choice,
  clamped,
  guardedBool,
  HIDDEN,
  IMMUTABLE,
  INT_MAX,
  INT_MIN,
  int,
  LONG_MAX,
  MULTI,
  memory,
  memoryOrPercent,
  NO_MEANING,
  OWN,
  octal,
  optionalText,
  PROTECTED,
  SENSITIVE,
  special,
  text,
  UINT_MAX,
  ULONG_MAX,
} from './directive.ts';
import * as rules from './special-directives.ts';

const PORT_MAX = 65535;
const FIXED_NO_MEANING = IMMUTABLE | NO_MEANING;
const PROTECTED_ACTIONS = ['no', 'yes', 'local'];

/** Tessera's own. 0 lets the server choose from the number of processors. */
export const OWN_DIRECTIVES = [
  int('shards', 0, 0, 1024, IMMUTABLE | OWN),
  int('shard-threads', 0, 0, 128, IMMUTABLE | OWN),
  bool('lease', 'yes', IMMUTABLE | OWN),
  choice('transport', 'auto', ['auto', 'node-net', 'uring'], IMMUTABLE | OWN),
];

export const NETWORK_DIRECTIVES = [
  int('port', 6379, 0, PORT_MAX),
  special('bind', rules.DEFAULT_BIND, MULTI, rules.parseBind, rules.rewriteBind),
  bool('protected-mode', 'yes'),
  optionalText('unixsocket', IMMUTABLE),
  octal('unixsocketperm', 0, 0o777, IMMUTABLE),
  optionalText('unixsocketgroup', FIXED_NO_MEANING),
  int('timeout', 0, 0, INT_MAX),
  int('tcp-keepalive', 300, 0, INT_MAX),
  int('tcp-backlog', 511, 0, INT_MAX, IMMUTABLE),
  int('maxclients', 10000, 1, UINT_MAX),
  int('max-new-connections-per-cycle', 10, 1, 1000, NO_MEANING),
  int('max-new-tls-connections-per-cycle', 1, 1, 1000, NO_MEANING),
  int('socket-mark-id', 0, 0, UINT_MAX, FIXED_NO_MEANING),
  optionalText('bind-source-addr', NO_MEANING),
  int('io-threads', 1, 1, 128, IMMUTABLE),
  // Gone in Valkey, hence not among what CONFIG GET * shows.
  bool('io-threads-do-reads', 'no', FIXED_NO_MEANING | HIDDEN),
  int('events-per-io-thread', 2, 0, INT_MAX, NO_MEANING),
  int('prefetch-batch-max-size', 16, 0, 128, NO_MEANING),
  int('lookahead', 16, 1, INT_MAX, NO_MEANING),
  memory('proto-max-bulk-len', 512 * 1024 ** 2, 1024 ** 2, LONG_MAX),
  memory('client-query-buffer-limit', 1024 ** 3, 1024 ** 2, LONG_MAX),
  special(
    'client-output-buffer-limit',
    rules.DEFAULT_OUTPUT_BUFFER_LIMITS,
    MULTI,
    rules.parseOutputBufferLimits,
    rules.rewriteOutputBufferLimits,
  ),
  memoryOrPercent('maxmemory-clients', 0, NO_MEANING),
  int('tracking-table-max-keys', 1000000, 0, LONG_MAX, NO_MEANING),
  optionalText('requirepass', SENSITIVE),
  int('acllog-max-len', 128, 0, LONG_MAX, NO_MEANING),
  text('aclfile', '', FIXED_NO_MEANING),
  choice('acl-pubsub-default', 'resetchannels', ['allchannels', 'resetchannels'], NO_MEANING),
];

const SHUTDOWN_REWRITE = rules.rewriteWords('default');
const OOM_SCORES = '0 200 800';

export const PROCESS_DIRECTIVES = [
  // The loader refuses `yes`, unless something later says `no` again.
  bool('daemonize', 'no', IMMUTABLE),
  choice('supervised', 'no', ['upstart', 'systemd', 'auto', 'no'], FIXED_NO_MEANING),
  optionalText('pidfile', IMMUTABLE),
  // '' stands for the directory the process was started in; the store puts the path there.
  special('dir', '', PROTECTED, rules.parseDir, rules.rewriteDir),
  int('databases', 16, 1, INT_MAX, IMMUTABLE),
  choice('loglevel', 'notice', ['debug', 'verbose', 'notice', 'warning', 'nothing']),
  text('logfile', '', IMMUTABLE),
  choice('log-format', 'legacy', ['legacy', 'logfmt'], NO_MEANING),
  choice('log-timestamp-format', 'legacy', ['legacy', 'iso8601', 'milliseconds'], NO_MEANING),
  bool('hide-user-data-from-log', 'no', NO_MEANING),
  bool('syslog-enabled', 'no', FIXED_NO_MEANING),
  text('syslog-ident', 'redis', FIXED_NO_MEANING),
  choice(
    'syslog-facility',
    'local0',
    ['user', 'local0', 'local1', 'local2', 'local3', 'local4', 'local5', 'local6', 'local7'],
    FIXED_NO_MEANING,
  ),
  bool('always-show-logo', 'no', IMMUTABLE),
  bool('set-proc-title', 'yes', IMMUTABLE),
  text(
    'proc-title-template',
    '{title} {listen-addr} {server-mode}',
    NO_MEANING,
    rules.titleTemplateCheck,
  ),
  bool('crash-log-enabled', 'yes'),
  bool('crash-memcheck-enabled', 'yes', NO_MEANING),
  bool('use-exit-on-panic', 'no', HIDDEN | NO_MEANING),
  int('shutdown-timeout', 10, 0, INT_MAX),
  special('shutdown-on-sigint', 'default', MULTI, rules.parseShutdownFlags, SHUTDOWN_REWRITE),
  special('shutdown-on-sigterm', 'default', MULTI, rules.parseShutdownFlags, SHUTDOWN_REWRITE),
  choice('oom-score-adj', 'no', ['no', 'yes', 'relative', 'absolute'], 0, { relative: 'yes' }),
  special(
    'oom-score-adj-values',
    OOM_SCORES,
    MULTI,
    rules.parseOomScores,
    rules.rewriteWords(OOM_SCORES),
  ),
  bool('disable-thp', 'yes', FIXED_NO_MEANING),
  bool('jemalloc-bg-thread', 'yes', NO_MEANING),
  optionalText(['server_cpulist', 'server-cpulist'], FIXED_NO_MEANING),
  optionalText(['bio_cpulist', 'bio-cpulist'], FIXED_NO_MEANING),
  text('ignore-warnings', '', NO_MEANING),
  text('locale-collate', '', NO_MEANING),
  text('availability-zone', '', NO_MEANING),
  text('debug-context', '', HIDDEN | NO_MEANING),
  bool('extended-redis-compatibility', 'no', NO_MEANING),
  clamped(int('hz', 10, 0, INT_MAX), 1n, 500n),
  bool('dynamic-hz', 'yes', NO_MEANING),
  int('watchdog-period', 0, 0, INT_MAX, HIDDEN | NO_MEANING),
  // Redis's default is "no". Here connections from the loopback interface may use DEBUG, because
  // test suites drive a server they did not configure; a remote client still may not.
  choice('enable-debug-command', 'local', PROTECTED_ACTIONS, IMMUTABLE),
  choice('enable-protected-configs', 'no', PROTECTED_ACTIONS, IMMUTABLE),
  choice('enable-module-command', 'no', PROTECTED_ACTIONS, FIXED_NO_MEANING),
  bool('enable-debug-assert', 'no', IMMUTABLE | HIDDEN | NO_MEANING),
];

function activeDefragGuard(value: string, context: { readonly loading: boolean }): string | null {
  // A configuration file that turns it on is accepted (and reported as without meaning).
  if (value === 'no' || context.loading) return null;
  return (
    'Active defragmentation cannot be enabled: it requires a Redis server compiled with a ' +
    'modified Jemalloc like the one shipped by default with the Redis source distribution'
  );
}

const EVICTION_POLICIES = [
  'volatile-lru',
  'volatile-lrm',
  'volatile-lfu',
  'volatile-random',
  'volatile-ttl',
  'allkeys-lru',
  'allkeys-lrm',
  'allkeys-lfu',
  'allkeys-random',
  'noeviction',
];

export const DATA_DIRECTIVES = [
  memory('maxmemory', 0, 0, ULONG_MAX),
  choice('maxmemory-policy', 'noeviction', EVICTION_POLICIES),
  int('maxmemory-samples', 5, 1, INT_MAX),
  int('maxmemory-eviction-tenacity', 10, 0, 100),
  int('lfu-log-factor', 10, 0, INT_MAX),
  int('lfu-decay-time', 1, 0, INT_MAX),
  int('active-expire-effort', 1, 1, 10),
  bool('activerehashing', 'yes', NO_MEANING),
  guardedBool('activedefrag', 'no', NO_MEANING, activeDefragGuard),
  memory('active-defrag-ignore-bytes', 100 * 1024 ** 2, 1, LONG_MAX, NO_MEANING),
  int('active-defrag-threshold-lower', 10, 0, 1000, NO_MEANING),
  int('active-defrag-threshold-upper', 100, 0, 1000, NO_MEANING),
  int('active-defrag-cycle-min', 1, 1, 99, NO_MEANING),
  int('active-defrag-cycle-max', 25, 1, 99, NO_MEANING),
  int('active-defrag-cycle-us', 500, 0, 100000, NO_MEANING),
  int('active-defrag-max-scan-fields', 1000, 1, LONG_MAX, NO_MEANING),
  bool('lazyfree-lazy-eviction', 'no'),
  bool('lazyfree-lazy-expire', 'no'),
  bool('lazyfree-lazy-server-del', 'no'),
  bool('lazyfree-lazy-user-del', 'no'),
  bool('lazyfree-lazy-user-flush', 'no'),
  int(['hash-max-listpack-entries', 'hash-max-ziplist-entries'], 512, 0, LONG_MAX),
  memory(['hash-max-listpack-value', 'hash-max-ziplist-value'], 64, 0, LONG_MAX),
  int(['list-max-listpack-size', 'list-max-ziplist-size'], -2, INT_MIN, INT_MAX),
  int('list-compress-depth', 0, 0, INT_MAX),
  int('set-max-intset-entries', 512, 0, LONG_MAX),
  int('set-max-listpack-entries', 128, 0, LONG_MAX),
  memory('set-max-listpack-value', 64, 0, LONG_MAX),
  int(['zset-max-listpack-entries', 'zset-max-ziplist-entries'], 128, 0, LONG_MAX),
  memory(['zset-max-listpack-value', 'zset-max-ziplist-value'], 64, 0, LONG_MAX),
  memory('hll-sparse-max-bytes', 3000, 0, LONG_MAX),
  memory('stream-node-max-bytes', 4096, 0, LONG_MAX),
  int('stream-node-max-entries', 100, 0, LONG_MAX),
  special(
    'notify-keyspace-events',
    '',
    0,
    rules.parseNotifyKeyspaceEvents,
    rules.rewriteNotifyKeyspaceEvents,
  ),
  int('slowlog-log-slower-than', 10000, -1, LONG_MAX),
  int('slowlog-max-len', 128, 0, LONG_MAX),
  int('latency-monitor-threshold', 0, 0, LONG_MAX),
  bool('latency-tracking', 'yes', NO_MEANING),
  special(
    'latency-tracking-info-percentiles',
    '50 99 99.9',
    MULTI | NO_MEANING,
    rules.parsePercentiles,
    rules.rewriteAlways,
  ),
  int(['busy-reply-threshold', 'lua-time-limit'], 5000, 0, LONG_MAX, NO_MEANING),
  bool('vset-force-single-threaded-execution', 'no', HIDDEN | NO_MEANING),
];
