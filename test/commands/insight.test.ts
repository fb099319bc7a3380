/** Commands about the server itself: what they take and how they reply. */
import { describe, expect, test } from 'vitest';
import { sparkline } from '../../src/base/sparkline.ts';
import { HOTKEYS_COMMAND } from '../../src/commands/hotkeys.ts';
import { METRIC_CPU, METRIC_NET, type MemoryReport } from '../../src/commands/insight-services.ts';
import { LATENCY_COMMAND } from '../../src/commands/latency.ts';
import { latencyDoctor, latencyGraph, shortAge } from '../../src/commands/latency-report.ts';
import { memoryDoctor } from '../../src/commands/memory-reports.ts';
import { ALL_COMMANDS } from '../../src/commands/registry.ts';
import { SLOWLOG_COMMAND } from '../../src/commands/slowlog.ts';
import { decodeReply } from '../support/decode-reply.ts';
import { FakeInsight, NO_MEMORY } from '../support/fake-insight.ts';
import { SessionRunner } from '../support/fake-server.ts';

const MEMORY_COMMAND = ALL_COMMANDS.find(({ name }) => name === 'memory')!;
const COMMANDS = [HOTKEYS_COMMAND, LATENCY_COMMAND, SLOWLOG_COMMAND, MEMORY_COMMAND];
const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1');

function newRunner(): SessionRunner {
  return new SessionRunner(COMMANDS);
}

const run = (runner: SessionRunner, line: string): unknown =>
  decodeReply(runner.run(...line.split(' ')));

describe('SLOWLOG', () => {
  const ENTRIES = [1, 0].map((id) => ({
    id,
    unixSeconds: 1_800_000_000,
    micros: 15 + id,
    args: [bytes('GET'), bytes('\xff')],
    address: '127.0.0.1:1',
    name: 'me',
  }));

  test.each([
    ['SLOWLOG GET', 2],
    ['SLOWLOG GET -1', 2],
    ['SLOWLOG GET 1', 1],
    ['SLOWLOG GET 0', 0],
  ])('%s', (line, count) => {
    const runner = newRunner();
    runner.server.insight.entries = [...ENTRIES];
    const reply = run(runner, line) as unknown[];
    expect(reply).toHaveLength(count);
    if (count === 0) return;
    expect(reply[0]).toEqual([1, 1_800_000_000, 16, ['GET', '\xff'], '127.0.0.1:1', 'me']);
  });

  test('LEN and RESET', () => {
    const runner = newRunner();
    runner.server.insight.entries = [...ENTRIES];
    expect(runner.run('SLOWLOG', 'LEN')).toBe(':2\r\n');
    expect(runner.run('SLOWLOG', 'RESET')).toBe('+OK\r\n');
    expect(runner.run('SLOWLOG', 'LEN')).toBe(':0\r\n');
  });
});

describe('LATENCY', () => {
  const EVENTS = [
    {
      event: 'command',
      maxMs: 90,
      samples: [30, 50].map((ms, i) => ({ unixSeconds: 100 + i, ms })),
    },
    { event: 'aof-write', maxMs: 7, samples: [{ unixSeconds: 5, ms: 7 }] },
  ];

  function withEvents(): SessionRunner {
    const runner = newRunner();
    runner.server.insight.events = [...EVENTS];
    return runner;
  }

  test.each([
    [
      'LATENCY LATEST',
      [
        ['command', 101, 50, 90],
        ['aof-write', 5, 7, 7],
      ],
    ],
    [
      'LATENCY HISTORY command',
      [
        [100, 30],
        [101, 50],
      ],
    ],
    ['LATENCY HISTORY blabla', []],
    ['LATENCY RESET blabla', 0],
    ['LATENCY RESET command', 1],
    ['LATENCY RESET', 2],
  ])('%s', (line, expected) => {
    expect(run(withEvents(), line)).toEqual(expected);
  });

  test('GRAPH', () => {
    const runner = withEvents();
    expect(runner.run('LATENCY', 'GRAPH', 'blabla')).toBe(
      "-ERR No samples available for event 'blabla'\r\n",
    );
    const graph = String(run(runner, 'LATENCY GRAPH command'));
    expect(graph).toContain('command - high 50 ms, low 30 ms (all time high 90 ms)\n');
  });

  test('the columns of a graph: least below, largest above, ages under them', () => {
    const samples = [10, 40, 20].map((ms, i) => ({ unixSeconds: 1000 - i * 100, ms }));
    const [, , ...lines] = latencyGraph({ event: 'e', maxMs: 40, samples }, 1_000_000).split('\n');
    expect(lines).toEqual([' #', ' #', ' #_', '_##', '', '013', 'smm', '']);
    expect(sparkline([{ value: 3, label: 'x' }])).toBe('\n\n#\n#\n\nx\n');
  });

  test.each([
    [0, '0s'],
    [-5, '0s'],
    [59, '59s'],
    [60, '1m'],
    [3599, '59m'],
    [3600, '1h'],
    [86_399, '23h'],
    [86_400, '1d'],
  ])('an age of %i s', (seconds, text) => {
    expect(shortAge(seconds)).toBe(text);
  });

  test('DOCTOR', () => {
    const insight = new FakeInsight();
    expect(latencyDoctor(insight)).toContain('latency-monitor-threshold is 0');
    insight.latencyThresholdMs = 5;
    expect(latencyDoctor(insight)).toContain('No latency spike of 5 ms');
    insight.events = EVENTS;
    const report = latencyDoctor(insight);
    expect(report).toContain(
      '1. command: 2 spikes (average 40 ms, mean deviation 10 ms, one in 1.0 s)',
    );
    expect(report).toContain(
      '2. aof-write: 1 spike (average 7 ms, mean deviation 0 ms). Worst ever: 7',
    );
    expect(report).toContain('SLOWLOG GET');
    insight.slowerThanMicros = -1;
    expect(latencyDoctor(insight)).toContain('slowlog-log-slower-than 10000');
  });

  test('HISTOGRAM: all, by name, containers for their sub-commands', () => {
    const runner = newRunner();
    const histogram = [
      [1, 1],
      [4, 3],
    ] as const;
    runner.server.insight.histograms = ['client|id', 'client|list', 'get'].map((name) => {
      return { name, calls: 3, histogram };
    });
    const names = (line: string): unknown[] =>
      (run(runner, line) as unknown[]).filter((_, i) => i % 2 === 0);
    expect(names('LATENCY HISTOGRAM')).toEqual(['client|id', 'client|list', 'get']);
    expect(names('LATENCY HISTOGRAM CLIENT')).toEqual(['client|id', 'client|list']);
    expect(names('LATENCY HISTOGRAM blabla get client|id')).toEqual(['get', 'client|id']);
    expect(run(runner, 'LATENCY HISTOGRAM get')).toEqual([
      'get',
      ['calls', 3, 'histogram_usec', [1, 1, 4, 3]],
    ]);
  });
});

describe('HOTKEYS START', () => {
  test.each([
    ['START', 'METRICS parameter is required'],
    ['START COUNT 5', 'METRICS parameter is required'],
    ['START METRICS', 'METRICS parameter is required'],
    ['START METRICS 0 CPU', 'METRICS count must be > 0 and <= 2'],
    ['START METRICS -1', 'METRICS count must be > 0 and <= 2'],
    ['START METRICS x CPU', 'METRICS count must be > 0 and <= 2'],
    ['START METRICS 3 CPU NET', 'METRICS count must be > 0 and <= 2'],
    ['START METRICS 2 CPU', 'METRICS count does not match number of metric types provided'],
    ['START METRICS 1 CPU NET', 'syntax error'],
    ['START METRICS 1 GPU', 'METRICS no valid metrics passed. Supported: CPU|NET'],
    ['START METRICS 2 CPU CPU', 'METRICS CPU defined more than once!'],
    ['START METRICS 2 NET NET', 'METRICS NET defined more than once!'],
    ['START METRICS 1 CPU COUNT 0', 'COUNT must be between 1 and 64'],
    ['START METRICS 1 CPU COUNT 65', 'COUNT must be between 1 and 64'],
    ['START METRICS 1 CPU COUNT', 'syntax error'],
    ['START METRICS 1 CPU DURATION 0', 'DURATION must be between 1 and 1000000'],
    ['START METRICS 1 CPU DURATION 1000001', 'DURATION must be between 1 and 1000000'],
    ['START METRICS 1 CPU SAMPLE 0', 'SAMPLE ratio must be positive'],
    ['START METRICS 1 CPU SLOTS 1 0', 'SLOTS parameter cannot be used in non-cluster mode'],
    ['START METRICS 1 CPU what 1', 'syntax error'],
  ])('%s', (line, error) => {
    const runner = newRunner();
    expect(runner.run('HOTKEYS', ...line.split(' '))).toBe(`-ERR ${error}\r\n`);
    expect(runner.server.insight.started).toBeNull();
  });

  test.each([
    ['METRICS 1 CPU', { metrics: METRIC_CPU, count: 10, durationMs: 0, ratio: 1 }],
    ['metrics 2 net GPU count 64', { metrics: METRIC_NET, count: 64, durationMs: 0, ratio: 1 }],
    [
      'METRICS 2 CPU NET SAMPLE 7 DURATION 3',
      { metrics: METRIC_CPU | METRIC_NET, count: 10, durationMs: 3000, ratio: 7 },
    ],
  ])('%s', (line, options) => {
    const runner = newRunner();
    expect(runner.run('HOTKEYS', 'START', ...line.split(' '))).toBe('+OK\r\n');
    expect(runner.server.insight.started).toEqual(options);
  });
});

test('HOTKEYS GET, STOP and RESET', () => {
  const runner = newRunner();
  const { insight } = runner.server;
  expect(runner.run('HOTKEYS', 'GET')).toBe('$-1\r\n');
  expect(runner.run('HOTKEYS', 'STOP')).toBe('$-1\r\n');
  expect(runner.run('HOTKEYS', 'RESET')).toBe('+OK\r\n');
  insight.hot = {
    metrics: METRIC_NET,
    count: 10,
    durationMs: 0,
    ratio: 2,
    isActive: true,
    allMicros: 30,
    allBytes: 40,
    startMs: 5,
    tookMs: 6,
    userMs: 7,
    systemMs: 8,
    netBytes: 20,
    byMicros: [],
    byBytes: [[bytes('\xff'), 20]],
  };
  expect(runner.run('HOTKEYS', 'RESET')).toContain('-ERR hotkey tracking session in progress');
  expect(runner.run('HOTKEYS', 'START')).toContain('-ERR hotkey tracking session already in');
  expect(runner.run('HOTKEYS', 'STOP')).toBe('+OK\r\n');
  const common = [
    ['tracking-active', 1],
    ['sample-ratio', 2],
    ['selected-slots', [[0, 16_383]]],
    ['all-commands-all-slots-us', 30],
    ['net-bytes-all-commands-all-slots', 40],
    ['collection-start-time-unix-ms', 5],
    ['collection-duration-ms', 6],
  ];
  const net = [
    ['total-net-bytes', 20],
    ['by-net-bytes', ['\xff', 20]],
  ];
  expect(run(runner, 'HOTKEYS GET')).toEqual([[...common, ...net].flat()]);
  insight.hot = { ...insight.hot, metrics: METRIC_CPU, byMicros: [[bytes('k'), 9]] };
  const cpu = [
    ['total-cpu-time-user-ms', 7],
    ['total-cpu-time-sys-ms', 8],
    ['by-cpu-time-us', ['k', 9]],
  ];
  expect(run(runner, 'HOTKEYS GET')).toEqual([[...common, ...cpu].flat()]);
});

describe('MEMORY', () => {
  const MIB = 1024 ** 2;
  const HEALTHY: MemoryReport = {
    ...NO_MEMORY,
    used: 100 * MIB,
    peak: 110 * MIB,
    startup: MIB,
    overhead: 10 * MIB,
    allocated: 90 * MIB,
    active: 100 * MIB,
    resident: 110 * MIB,
    rss: 200 * MIB,
    keys: 1000,
    clients: 2,
    databases: [{ db: 3, keys: 1000, indexBytes: 640, resizingBytes: 64, resizing: 1 }],
    shards: [{ used: 5, held: 6, touched: 7, capacity: 8 }],
  };

  test.each([
    [{ used: MIB + 100, startup: MIB }, 'little to examine'],
    [{}, 'No memory problem'],
    [{ peak: 151 * MIB }, 'Peak:'],
    [{ active: 130 * MIB }, 'Fragmentation:'],
    [{ dirty: 30 * MIB }, 'Free pages:'],
    [{ clientBuffers: MIB }, 'Client buffers:'],
    [{ maxmemory: 101 * MIB }, 'Limit:'],
  ])('DOCTOR of %j', (change, expected) => {
    expect(memoryDoctor({ ...HEALTHY, ...change })).toContain(expected);
  });

  test('STATS', () => {
    const runner = newRunner();
    runner.server.insight.report = HEALTHY;
    const reply = run(runner, 'MEMORY STATS') as unknown[];
    const fields = new Map(
      reply.flatMap((name, i) => (i % 2 === 0 ? [[String(name), reply[i + 1]] as const] : [])),
    );
    expect(fields.get('peak.allocated')).toBe(110 * MIB);
    expect(fields.get('db.3')).toEqual([
      'overhead.hashtable.main',
      640,
      'overhead.hashtable.expires',
      0,
    ]);
    expect(fields.get('overhead.db.hashtable.rehashing')).toBe(64);
    expect(fields.get('dataset.bytes')).toBe(90 * MIB);
    expect(Number(fields.get('dataset.percentage'))).toBeCloseTo((90 * 100) / 99, 3);
    expect(fields.size * 2).toBe(reply.length);
    runner.session.protocol = 3;
    expect(runner.run('MEMORY', 'STATS').startsWith('%33\r\n')).toBe(true);
    expect(runner.run('MEMORY', 'DOCTOR').startsWith('=')).toBe(true);
  });

  test('MALLOC-STATS', () => {
    const runner = newRunner();
    runner.server.insight.report = HEALTHY;
    expect(String(run(runner, 'MEMORY MALLOC-STATS'))).toContain(
      'shard 0: used 5 bytes in 6 bytes',
    );
  });

  test.each([
    ['BIGKEYS COUNT', 'ERR syntax error'],
    ['BIGKEYS TOP 3', 'ERR syntax error'],
    ['BIGKEYS COUNT 0', 'ERR COUNT must be between 1 and 128'],
    ['BIGKEYS COUNT 129', 'ERR COUNT must be between 1 and 128'],
    ['BIGKEYS COUNT x', 'ERR COUNT must be between 1 and 128'],
    ['BIGKEYS COUNT 1 2', 'ERR syntax error'],
  ])('%s', (line, error) => {
    expect(newRunner().run('MEMORY', ...line.split(' '))).toBe(`-${error}\r\n`);
  });

  test('BIGKEYS', () => {
    const runner = newRunner();
    const largest = ['a', 'b'].map((key, db) => ({
      db,
      key: bytes(key),
      bytes: 9 - db,
      elements: 2,
    }));
    runner.server.insight.big = {
      tookMs: 12,
      types: [{ type: 'list', keys: 2, bytes: 17, elements: 4, largest }],
    };
    expect(run(runner, 'MEMORY BIGKEYS COUNT 1')).toEqual([
      ...['keys', 2, 'bytes', 17, 'walk-ms', 12],
      'types',
      [
        'list',
        [
          ...['keys', 2, 'bytes', 17, 'elements', 4],
          'largest',
          [['db', 0, 'key', 'a', 'bytes', 9, 'elements', 2]],
        ],
      ],
    ]);
  });
});
