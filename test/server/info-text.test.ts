import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { REDIS_VERSION, TESSERA_VERSION } from '../../src/base/version.ts';
import type { InfoSnapshot } from '../../src/server/info-snapshot.ts';
import { latencyPercentile } from '../../src/server/info-tables.ts';
import { humanBytes, infoText } from '../../src/server/info-text.ts';
import { bucketOf, HISTOGRAM_BUCKETS } from '../../src/server/latency-buckets.ts';
import { type RedisServer, redisServerPath, startRedis } from '../support/redis-server.ts';

/** Counts of get (4 calls of 1 µs, 1 of 1 ms) and of set (never called). */
function histograms(): Float64Array {
  const counts = new Float64Array(2 * HISTOGRAM_BUCKETS);
  counts[bucketOf(1024)] = 4;
  counts[bucketOf(2 ** 20)] = 1;
  return counts;
}

const SNAPSHOT: InfoSnapshot = {
  server: {
    buildId: 'abc',
    os: 'Linux 6.1.0 x86_64',
    nodeVersion: '26.0.0',
    multiplexingApi: 'epoll',
    transport: 'node-net',
    processId: 42,
    runId: 'a'.repeat(40),
    tcpPort: 6379,
    nowMs: 1_800_000_000_000,
    uptimeSeconds: 90_000,
    hz: 10,
    configuredHz: 10,
    executable: '/usr/bin/tessera',
    configFile: '',
    ioThreads: 1,
    shards: 2,
    shardWorkers: 1,
    listeners: ['name=tcp,bind=127.0.0.1,port=6379'],
  },
  clients: {
    connected: 3,
    max: 10_000,
    recentMaxInputBytes: 0,
    recentMaxOutputBytes: 0,
    blocked: 0,
    tracking: 0,
    pubsub: 0,
    watching: 0,
    withTimeout: 0,
    watchedKeys: 0,
    blockingKeys: 0,
    blockingKeysForGone: 0,
  },
  memory: {
    used: 3000,
    rss: 6000,
    peak: 4000,
    peakSeconds: 1_800_000_000,
    dirty: 0,
    resizing: 0,
    overhead: 1000,
    startup: 1000,
    allocated: 1000,
    active: 4096,
    resident: 8192,
    defragEffort: 0,
    arenaReserved: 1 << 30,
    system: 8 * 2 ** 30,
    maxmemory: 0,
    maxmemoryPolicy: 'noeviction',
    notCountedForEviction: 0,
    clientBuffers: 0,
    aofBuffers: 0,
    scriptEngines: 0,
    scripts: 0,
    cachedScripts: 0,
    lazyfreePending: 0,
    lazyfreed: 0,
    jsHeap: 0,
  },
  persistence: {
    isLoading: false,
    loadStartSeconds: 0,
    loadTotalBytes: 0,
    loadUsedMemory: 0,
    loadLoadedBytes: 0,
    loadEtaSeconds: 0,
    saveKeysProcessed: 0,
    saveKeysTotal: 0,
    changesSinceSave: 7,
    isSaving: false,
    lastSaveUnixSeconds: 1_799_999_000,
    isLastSaveOk: true,
    lastSaveSeconds: -1,
    currentSaveSeconds: -1,
    saves: 0,
    loadedKeysExpired: 0,
    loadedKeys: 0,
    isAofEnabled: true,
    isAofRewriting: false,
    isAofRewriteScheduled: false,
    lastAofRewriteSeconds: -1,
    currentAofRewriteSeconds: -1,
    isLastAofRewriteOk: true,
    aofRewrites: 0,
    aofRewriteFailures: 0,
    isLastAofWriteOk: true,
    aofBytes: 0,
    aofBaseBytes: 0,
    aofBufferBytes: 0,
    aofPendingFsyncs: 0,
    aofDelayedFsyncs: 0,
  },
  stats: {
    connectionsReceived: 5,
    connectionsRejected: 0,
    commands: 5,
    commandsPerSecond: 1.6,
    netInputBytes: 0,
    netOutputBytes: 0,
    inputBytesPerSecond: 2048,
    outputBytesPerSecond: 0,
    expiredKeys: 0,
    expiredStalePercent: 0,
    expireTimeCapReached: 0,
    expireCycleMs: 0,
    evictedKeys: 0,
    evictedClients: 0,
    evictionExceededMs: 0,
    currentEvictionExceededMs: 0,
    keyspaceHits: 0,
    keyspaceMisses: 0,
    pubsubChannels: 0,
    pubsubPatterns: 0,
    pubsubShardChannels: 0,
    trackingKeys: 0,
    trackingItems: 0,
    trackingPrefixes: 0,
    errorReplies: 0,
    reads: 0,
    writes: 0,
    queryLimitDisconnections: 0,
    outputLimitDisconnections: 0,
    loopTurns: 0,
    loopMicros: 0,
    commandMicros: 0,
    loopTickMicros: 0,
    longestTurnMicros: 0,
    turnCommandsMax: 0,
    expiredFields: 0,
    loopTurnsPerSecond: 0,
    loopTurnMicros: 0,
    slowCommands: 2,
    slowMicros: 30_500,
    slowestMicros: 20_000,
    deniedAuth: 0,
    deniedCommand: 0,
    deniedKey: 0,
    deniedChannel: 0,
    leased: 4,
    routed: 3,
    escalated: 2,
    multiShard: 1,
    joinedReads: 0,
    leaseContended: 0,
    parallelParts: 0,
    defragHits: 0,
    defragMisses: 0,
    defragKeyHits: 0,
    defragKeyMisses: 0,
    defragMs: 0,
    currentDefragMs: 0,
  },
  replication: { id: 'b'.repeat(40), offset: 0, backlogBytes: 1_048_576 },
  threads: [{ clients: 3, reads: 9, writes: 8 }],
  cpu: {
    userSeconds: 1.5,
    systemSeconds: 0.25,
    mainUserSeconds: 0,
    mainSystemSeconds: 0,
    threads: [{ name: 'io0', userSeconds: 1, systemSeconds: 0.125 }],
  },
  commands: {
    names: ['get', 'set'],
    calls: [5, 0],
    micros: [12.4, 0],
    rejected: [1, 0],
    failed: [2, 0],
    histograms: histograms(),
    timed: [5, 0],
    percentiles: [50, 99, 99.9],
  },
  errors: new Map([
    ['WRONGTYPE', 2],
    ['ERR', 1],
  ]),
  keyspace: [
    { db: 0, keys: 2, expires: 1, averageTtlMs: 99.6, subexpiry: 0 },
    { db: 1, keys: 0, expires: 0, averageTtlMs: 0, subexpiry: 0 },
  ],
};

const TITLES = /^# (\w+)\r$/gm;

function titles(text: string): string[] {
  return [...text.matchAll(TITLES)].map((match) => match[1]!);
}

describe('infoText', () => {
  test.each([
    [
      [],
      'Server Clients Memory Persistence Threads Stats Replication CPU Modules Errorstats ' +
        'Cluster Keyspace',
    ],
    [
      ['all'],
      'Server Clients Memory Persistence Threads Stats Replication CPU Modules Commandstats ' +
        'Errorstats Latencystats Cluster Keyspace',
    ],
    [['keyspace', 'cpu'], 'CPU Keyspace'],
    [
      ['default', 'commandstats'],
      'Server Clients Memory Persistence Threads Stats Replication CPU Modules Commandstats ' +
        'Errorstats Cluster Keyspace',
    ],
    [['nothing'], ''],
    [['debug'], 'Debug'],
  ])('%j', (sections, expected) => {
    expect(titles(infoText(SNAPSHOT, sections)).join(' ')).toBe(expected);
  });

  test('everything is all', () => {
    expect(infoText(SNAPSHOT, ['everything'])).toBe(infoText(SNAPSHOT, ['all']));
  });

  test('sections stand apart by an empty line', () => {
    expect(infoText(SNAPSHOT, ['cluster', 'keyspace'])).toBe(
      '# Cluster\r\ncluster_enabled:0\r\n\r\n' +
        '# Keyspace\r\ndb0:keys=2,expires=1,avg_ttl=100,subexpiry=0\r\n',
    );
    expect(infoText(SNAPSHOT, ['commandstats', 'errorstats', 'latencystats'])).toBe(
      '# Commandstats\r\n' +
        'cmdstat_get:calls=5,usec=12,usec_per_call=2.48,rejected_calls=1,failed_calls=2\r\n\r\n' +
        '# Errorstats\r\nerrorstat_ERR:count=1\r\nerrorstat_WRONGTYPE:count=2\r\n\r\n' +
        '# Latencystats\r\n' +
        'latency_percentiles_usec_get:p50=1.064,p99=1110.835,p99.9=1113.784\r\n',
    );
  });

  test.each([
    `redis_version:${REDIS_VERSION}`,
    `tessera_version:${TESSERA_VERSION}`,
    'uptime_in_days:1',
    'listener0:name=tcp,bind=127.0.0.1,port=6379',
    'used_memory_human:2.93K',
    'used_memory_peak_perc:75.00%',
    'used_memory_dataset_perc:100.00%',
    'mem_fragmentation_ratio:2.00',
    'instantaneous_ops_per_sec:2',
    'instantaneous_input_kbps:2.00',
    'lease_commands:4',
    'routed_commands:3',
    'slowlog_commands_time_ms_sum:30.50',
    'escalated_commands:2',
    'multi_shard_commands:1',
    'used_cpu_user:1.500000',
    'used_cpu_sys_io0:0.125000',
    'aof_enabled:1',
    'aof_current_size:0',
  ])('%s', (line) => {
    expect(infoText(SNAPSHOT, []).split('\r\n')).toContain(line);
  });

  test('no field stands twice', () => {
    const names = infoText(SNAPSHOT, ['all'])
      .split('\r\n')
      .filter((line) => line.includes(':'))
      .map((line) => line.slice(0, line.indexOf(':')));
    expect(new Set(names).size).toBe(names.length);
  });
});

test.each([
  [0, '0B'],
  [1023, '1023B'],
  [1024, '1.00K'],
  [916_176, '894.70K'],
  [25_276_502_016, '23.54G'],
])('humanBytes %i', (bytes, text) => {
  expect(humanBytes(bytes)).toBe(text);
});

test('latencyPercentile', () => {
  const { commands } = SNAPSHOT;
  expect(latencyPercentile(commands, 0, 80)).toBe(1.088);
  expect(latencyPercentile(commands, 0, 100)).toBe(1114.112);
  expect(latencyPercentile(commands, 1, 50)).toBe(0);
});

/** Fields of Redis 7.0.15 that are left out on purpose. */
const LEFT_OUT: ReadonlyMap<string, string> = new Map([]);

describe.skipIf(redisServerPath() === null)('beside redis-server', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis(['--appendonly', 'yes']);
  });
  afterAll(() => server.stop());

  test('every field of INFO everything exists in the same section', async () => {
    await server.command(['SET', 'k', 'v']);
    const fields = (text: string): string[] => {
      let title = '';
      return text.split('\r\n').flatMap((line) => {
        if (line.startsWith('# ')) title = line;
        const name = /^([a-z]\w*):/.exec(line)?.[1];
        const isTable = /Commandstats|Latencystats|Errorstats|Keyspace/.test(title);
        return name === undefined || isTable || LEFT_OUT.has(name) ? [] : [`${title} ${name}`];
      });
    };
    const reference = fields(await server.command(['INFO', 'everything']));
    expect(reference.length).toBeGreaterThan(150);
    expect(fields(infoText(SNAPSHOT, ['everything']))).toEqual(expect.arrayContaining(reference));
  });
});
