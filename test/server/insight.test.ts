/** What the threads share to tell about themselves, without a server around it. */
import { describe, expect, test } from 'vitest';
import { METRIC_CPU, METRIC_NET } from '../../src/commands/insight-services.ts';
import { ALL_COMMANDS } from '../../src/commands/registry.ts';
import { type CommandRow, CommandTable } from '../../src/commands/table.ts';
import { HotKeys } from '../../src/server/insight/hot-keys.ts';
import { cumulative } from '../../src/server/insight/insight-desk.ts';
import { createInsightMemory, InsightMemory } from '../../src/server/insight/insight-memory.ts';
import { LatencyEvents } from '../../src/server/insight/latency-events.ts';
import { Rates } from '../../src/server/insight/rates.ts';
import { secretArguments } from '../../src/server/insight/redaction.ts';
import { SlowLog } from '../../src/server/insight/slow-log.ts';
import { TopKeys } from '../../src/server/insight/top-keys.ts';
import {
  bucketOf,
  bucketStart,
  HISTOGRAM_BUCKETS,
  percentileNanos,
} from '../../src/server/latency-buckets.ts';
import { applyRenames } from '../../src/server/renames.ts';
import { ERROR_OVERFLOW, ThreadStats, threadStatsBytes } from '../../src/server/thread-stats.ts';
import { argView } from '../support/local-runner.ts';
import { withRandom } from '../support/random.ts';

const THREADS = 4;
const NOW_MS = 1_800_000_000_000;
const CLIENT = { address: '127.0.0.1:5000', name: 'me' };
const table = new CommandTable(ALL_COMMANDS);

function memory(): InsightMemory {
  return new InsightMemory(createInsightMemory(THREADS), THREADS);
}

function rowOf(words: readonly string[], from: CommandTable = table): CommandRow {
  const args = argView(words);
  const row = from.find(args.buf, args.offset[0]!, args.end(0))!;
  if (row.subcommands === null || words.length < 2) return row;
  return row.subcommands.find(args.buf, args.offset[1]!, args.end(1)) ?? row;
}

function log(slow: SlowLog, words: readonly string[], micros = 1): void {
  slow.add(rowOf(words), argView(words), CLIENT, micros, NOW_MS);
}

const texts = (args: readonly Uint8Array[]): string[] =>
  args.map((arg) => Buffer.from(arg).toString('latin1'));

describe('slow log', () => {
  test('entries, newest first', () => {
    const slow = new SlowLog(memory());
    log(slow, ['SET', 'a', '\x00\xff'], 7);
    log(slow, ['GET', 'a'], 9);
    const [newest, oldest] = slow.entries(-1);
    expect([newest!.id, newest!.micros, texts(newest!.args)]).toEqual([1, 9, ['GET', 'a']]);
    expect(oldest).toMatchObject({ id: 0, unixSeconds: 1_800_000_000, micros: 7, ...CLIENT });
    expect(texts(oldest!.args)).toEqual(['SET', 'a', '\x00\xff']);
    expect(slow.entries(1).map(({ id }) => id)).toEqual([1]);
    expect(slow.entries(0)).toEqual([]);
    expect([slow.totalCount, slow.totalMicros, slow.longestMicros]).toEqual([2, 16, 9]);
  });

  test.each([
    [31, 31, ''],
    [32, 32, ''],
    [33, 32, '... (2 more arguments)'],
    [1000, 32, '... (969 more arguments)'],
  ])('%i arguments', (count, shown, last) => {
    const slow = new SlowLog(memory());
    const words = ['SADD', ...Array.from({ length: count - 1 }, (_, i) => `m${i}`)];
    log(slow, words);
    const args = texts(slow.entries(1)[0]!.args);
    expect(args).toHaveLength(shown);
    expect(args.slice(0, 31)).toEqual(words.slice(0, 31));
    if (last !== '') expect(args[31]).toBe(last);
  });

  test.each([
    [127, ''],
    [128, ''],
    [129, '... (1 more bytes)'],
    [5000, '... (4872 more bytes)'],
  ])('an argument of %i bytes', (length, suffix) => {
    const slow = new SlowLog(memory());
    log(slow, ['SET', 'k', 'x'.repeat(length)]);
    const value = texts(slow.entries(1)[0]!.args)[2]!;
    expect(value).toBe('x'.repeat(Math.min(length, 128)) + suffix);
  });

  test('the length is bounded, by 0 and by CONFIG SET as well; ids go on after a reset', () => {
    const slow = new SlowLog(memory());
    slow.maxLength = 3;
    for (let i = 0; i < 10; i++) log(slow, ['GET', String(i)]);
    expect(slow.entries(-1).map(({ id }) => id)).toEqual([9, 8, 7]);
    slow.maxLength = 1;
    slow.trim();
    expect(slow.entries(-1).map(({ id }) => id)).toEqual([9]);
    slow.maxLength = 0;
    log(slow, ['GET', 'x']);
    expect(slow.length).toBe(0);
    slow.maxLength = 5;
    slow.reset();
    log(slow, ['GET', 'y']);
    expect(slow.entries(-1).map(({ id }) => id)).toEqual([11]);
  });

  test('the oldest entries go when the memory is full, and all of it comes back', () => {
    const shared = new InsightMemory(createInsightMemory(THREADS, 2 ** 21), THREADS);
    const slow = new SlowLog(shared);
    slow.maxLength = Number.MAX_SAFE_INTEGER;
    const words = ['SADD', ...Array.from({ length: 40 }, () => 'y'.repeat(200))];
    for (let i = 0; i < 1000; i++) log(slow, words);
    expect(slow.length).toBeGreaterThan(200);
    expect(slow.length).toBeLessThan(500);
    expect(slow.entries(1)[0]!.id).toBe(999);
    expect(slow.entries(3)).toHaveLength(3);
    slow.reset();
    expect(shared.usedBytes).toBe(0);
  });

  test('another thread sees the same log', () => {
    const buffer = createInsightMemory(THREADS);
    const here = new SlowLog(new InsightMemory(buffer, THREADS));
    const there = new SlowLog(new InsightMemory(buffer, THREADS));
    for (let i = 0; i < 50; i++) log(i % 2 === 0 ? here : there, ['GET', String(i)]);
    expect(there.entries(-1).map(({ id }) => id)).toEqual(
      Array.from({ length: 50 }, (_, i) => 49 - i),
    );
    here.reset();
    expect(there.length).toBe(0);
  });
});

test.each([
  ['AUTH secret', [1]],
  ['AUTH user secret', [1, 2]],
  ['HELLO 3', []],
  ['HELLO 3 auth u p SETNAME n', [3, 4]],
  ['HELLO 3 AUTH', []],
  ['HELLO 3 AUTH u', [3]],
  ['CONFIG SET requirepass p maxmemory 1 MASTERAUTH q', [3, 7]],
  ['CONFIG SET maxmemory', []],
  ['CONFIG GET requirepass', null],
  ['GET auth', null],
] as const)('secrets of %s', (line, expected) => {
  const words = line.split(' ');
  const found = secretArguments(rowOf(words), argView(words));
  expect(found === null ? null : [...found]).toEqual(expected);
});

test('secrets of renamed commands', () => {
  const renamed = new CommandTable(applyRenames(ALL_COMMANDS, { config: 'cfg', auth: 'login' }));
  const secrets = (words: string[]): number[] => [
    ...(secretArguments(rowOf(words, renamed), argView(words)) ?? []),
  ];
  expect(secrets(['cfg', 'set', 'requirepass', 'p'])).toEqual([3]);
  expect(secrets(['LOGIN', 'p'])).toEqual([1]);
});

describe('latency events', () => {
  test('only what is long; the worst of one second', () => {
    const events = new LatencyEvents(memory());
    events.note('command', 500, NOW_MS);
    expect(events.all()).toEqual([]);
    events.thresholdMs = 10;
    events.note('command', 9.9, NOW_MS);
    events.note('command', 10, NOW_MS);
    events.note('command', 30.7, NOW_MS + 999);
    events.note('command', 20, NOW_MS + 500);
    events.note('command', 12, NOW_MS + 1000);
    expect(events.history('COMMAND')).toEqual({
      event: 'command',
      maxMs: 30,
      samples: [
        { unixSeconds: 1_800_000_000, ms: 30 },
        { unixSeconds: 1_800_000_001, ms: 12 },
      ],
    });
    expect(events.history('nothing').samples).toEqual([]);
  });

  test('160 samples are kept; resets', () => {
    const events = new LatencyEvents(memory());
    events.thresholdMs = 1;
    for (let i = 0; i < 400; i++) events.note('aof-write', 1 + i, NOW_MS + i * 1000);
    events.note('expire-cycle', 5, NOW_MS);
    const { samples, maxMs } = events.history('aof-write');
    expect([samples.length, samples[0]!.ms, samples[159]!.ms, maxMs]).toEqual([160, 241, 400, 400]);
    expect(events.reset(['blabla'])).toBe(0);
    expect(events.reset(['AOF-WRITE', 'command'])).toBe(1);
    expect(events.all().map(({ event }) => event)).toEqual(['expire-cycle']);
    expect(events.reset([])).toBe(1);
    expect(events.all()).toEqual([]);
  });
});

const hash = (key: Uint8Array): number => key.reduce((sum, byte) => (sum * 31 + byte) | 0, 7);

function add(top: TopKeys, name: string, amount: number): void {
  const key = Buffer.from(name);
  top.add(key, 0, key.length, hash(key), amount);
}

test('top keys: exact while there is room, then off by at most 1/C of the whole', async () => {
  await withRandom(async (random) => {
    const shared = memory();
    const top = new TopKeys(shared);
    const capacity = 16;
    const ref = TopKeys.create(shared, capacity);
    top.attach(ref);
    const sums = new Map<string, number>();
    let total = 0;
    for (let step = 0; step < 3000; step++) {
      // The first keys are drawn far more often than the others.
      const index = random.below(random.below(2) === 0 ? 8 : 400);
      const name = `key:${index}`;
      const amount = 1 + random.below(9);
      add(top, name, amount);
      sums.set(name, (sums.get(name) ?? 0) + amount);
      total += amount;
      if (sums.size <= capacity) {
        for (const { key, sum } of top.list())
          expect(sum).toBe(sums.get(Buffer.from(key).toString()));
      }
      if (step % 100 === 0) top.checkInvariants();
    }
    top.checkInvariants();
    const shown = new Map(top.list().map(({ key, sum }) => [Buffer.from(key).toString(), sum]));
    for (const [name, sum] of sums) {
      if (sum > total / capacity) expect(shown.has(name)).toBe(true);
      const estimate = shown.get(name);
      if (estimate === undefined) continue;
      expect(estimate).toBeGreaterThanOrEqual(sum);
      expect(estimate).toBeLessThanOrEqual(sum + total / capacity);
    }
    TopKeys.destroy(shared, ref);
    expect(shared.usedBytes).toBe(0);
  });
});

test('the largest keys are kept, each once', async () => {
  await withRandom(async (random) => {
    const shared = memory();
    const top = new TopKeys(shared);
    top.attach(TopKeys.create(shared, 8));
    const values = new Map<string, number>();
    for (let i = 0; i < 500; i++) {
      const name = `key:${random.below(100)}`;
      // A key that is seen again has grown.
      const value = (values.get(name) ?? 0) + random.below(1000);
      values.set(name, value);
      const key = Buffer.from(name);
      top.keep(key, 0, key.length, hash(key), value, i);
      top.checkInvariants();
    }
    const expected = [...values.values()].sort((a, b) => b - a).slice(0, 8);
    const found = top.list().map(({ sum }) => sum);
    expect(found.sort((a, b) => b - a)).toEqual(expected);
  });
});

describe('hot keys', () => {
  const hashOf = (buf: Uint8Array, start: number, end: number): number =>
    hash(buf.subarray(start, end));
  const session = { metrics: METRIC_CPU | METRIC_NET, count: 2, durationMs: 0, ratio: 1 };

  function pair(): [HotKeys, HotKeys] {
    const buffer = createInsightMemory(THREADS);
    const make = (thread: number): HotKeys =>
      new HotKeys(new InsightMemory(buffer, THREADS), thread, hashOf);
    return [make(1), make(2)];
  }

  function count(hot: HotKeys, words: readonly string[], micros: number, bytes: number): void {
    if (!hot.isCurrent) hot.refresh();
    if (hot.isCounting) hot.count(rowOf(words), argView(words), micros, bytes, NOW_MS + 10);
  }

  test('sums of all threads, shared by the keys of a command', () => {
    const [a, b] = pair();
    expect(a.report(NOW_MS)).toBeNull();
    expect(a.start(session, NOW_MS)).toBe(true);
    expect(b.start(session, NOW_MS)).toBe(false);
    count(a, ['SET', 'x', '1'], 10, 100);
    count(b, ['SET', 'x', '1'], 20, 50);
    count(b, ['MSET', 'x', '1', 'y', '2'], 8, 40);
    count(b, ['GET', 'z'], 1, 500);
    count(b, ['PING'], 1000, 1000);
    const report = a.report(NOW_MS + 20)!;
    expect(report).toMatchObject({
      isActive: true,
      allMicros: 39,
      allBytes: 690,
      netBytes: 690,
      startMs: NOW_MS,
      tookMs: 20,
    });
    const names = (keys: readonly (readonly [Uint8Array, number])[]): [string, number][] =>
      keys.map(([key, sum]) => [Buffer.from(key).toString(), sum]);
    expect(names(report.byMicros)).toEqual([
      ['x', 34],
      ['y', 4],
    ]);
    expect(names(report.byBytes)).toEqual([
      ['z', 500],
      ['x', 170],
    ]);
  });

  test('stop keeps what was counted, reset forgets it; one metric only', () => {
    const [a, b] = pair();
    expect(a.stop(NOW_MS)).toBe(false);
    a.start({ ...session, metrics: METRIC_NET }, NOW_MS);
    count(b, ['GET', 'z'], 1, 5);
    expect(b.reset(NOW_MS)).toBe(false);
    expect(b.stop(NOW_MS + 50)).toBe(true);
    count(a, ['GET', 'later'], 1, 5);
    const report = a.report(NOW_MS + 100)!;
    expect([report.isActive, report.tookMs, report.byMicros.length]).toEqual([false, 50, 0]);
    expect(report.byBytes.map(([, sum]) => sum)).toEqual([5]);
    expect(a.reset(NOW_MS)).toBe(true);
    expect(b.report(NOW_MS)).toBeNull();
  });

  test('a session ends by itself', () => {
    const [a, b] = pair();
    a.start({ ...session, durationMs: 1000 }, NOW_MS);
    expect(b.report(NOW_MS + 999)!.isActive).toBe(true);
    const report = b.report(NOW_MS + 5000)!;
    expect([report.isActive, report.tookMs]).toEqual([false, 1000]);
    expect(a.start(session, NOW_MS + 5000)).toBe(true);
  });
});

test('rates of the last samples; a reset of the statistics is no negative rate', () => {
  const rates = new Rates(memory());
  const totals = (n: number): Parameters<Rates['sample']>[1] => ({
    commands: n,
    inputBytes: 10 * n,
    outputBytes: 20 * n,
    turns: n,
    turnMicros: 5 * n,
  });
  expect(rates.perSecond().commands).toBe(0);
  for (let i = 0; i <= 20; i++) rates.sample(NOW_MS + i * 100, totals(i * 50));
  expect(rates.perSecond()).toEqual(totals(500));
  rates.sample(NOW_MS + 2100, totals(3));
  expect(rates.perSecond().commands).toBe(0);
  rates.sample(NOW_MS + 2200, totals(13));
  expect(rates.perSecond().commands).toBe(100);
  rates.notePeak(5, NOW_MS);
  rates.notePeak(4, NOW_MS + 1);
  expect([rates.peakBytes, rates.peakMs]).toEqual([5, NOW_MS]);
});

describe('latency histograms', () => {
  test('buckets follow each other, and every time lies in its own', () => {
    for (let b = 1; b < HISTOGRAM_BUCKETS; b++) {
      expect(bucketStart(b)).toBeGreaterThan(bucketStart(b - 1));
      expect(bucketOf(bucketStart(b))).toBe(b);
      expect(bucketOf(bucketStart(b) - 1)).toBe(b - 1);
    }
    expect([bucketOf(-1), bucketOf(0), bucketOf(0.7)]).toEqual([0, 0, 0]);
    expect([bucketOf(1e12), bucketOf(Number.NaN)]).toEqual(Array(2).fill(HISTOGRAM_BUCKETS - 1));
  });

  test('percentiles lie within a bucket of the truth', async () => {
    await withRandom(async (random) => {
      const counts = new Float64Array(HISTOGRAM_BUCKETS);
      const times = Array.from(
        { length: 500 },
        () => 100 + random.below(2 ** (8 + random.below(20))),
      );
      for (const time of times) counts[bucketOf(time)]! += 1;
      times.sort((a, b) => a - b);
      for (const percentile of [1, 50, 90, 99, 100]) {
        const truth = times[Math.ceil((percentile / 100) * times.length) - 1]!;
        const found = percentileNanos(counts, 0, percentile);
        expect(found).toBeGreaterThan(truth * 0.93);
        expect(found).toBeLessThan(truth * 1.07 + 1);
      }
    });
    expect(percentileNanos(new Float64Array(HISTOGRAM_BUCKETS), 0, 50)).toBe(0);
  });

  test('LATENCY HISTOGRAM ends with all calls, timed or not', () => {
    const counts = new Float64Array(HISTOGRAM_BUCKETS);
    counts[bucketOf(500)] = 3;
    counts[bucketOf(5000)] = 1;
    counts[HISTOGRAM_BUCKETS - 1] = 1;
    expect(cumulative(counts, 0, 50)).toEqual([
      [1, 30],
      [8, 40],
      [2_164_260, 50],
    ]);
  });
});

test('128 kinds of errors are told apart, others are lumped together', () => {
  const rows = 3;
  const stats = new ThreadStats(new SharedArrayBuffer(threadStatsBytes(rows)), 0, rows);
  const fail = (text: string): void => {
    const bytes = Buffer.from(text);
    stats.error(bytes, 0, bytes.length);
  };
  for (let i = 0; i < 150; i++) fail(`E${i} what\r\n`);
  fail('E0 again\r\n');
  const found = new Map<string, number>();
  stats.collectErrors(found);
  expect([found.size, found.get('E0'), found.get('E127')]).toEqual([129, 2, 1]);
  expect([found.get('E128'), found.get(ERROR_OVERFLOW)]).toEqual([undefined, 22]);
  // A second thread with other kinds.
  const more = new Map<string, number>(found);
  const other = new ThreadStats(new SharedArrayBuffer(threadStatsBytes(rows)), 0, rows);
  other.error(Buffer.from('NEW x'), 0, 5);
  other.collectErrors(more);
  expect(more.get(ERROR_OVERFLOW)).toBe(23);
  stats.call(1);
  stats.time(1, 5000, 1);
  stats.reset();
  const after = new Map<string, number>();
  stats.collectErrors(after);
  expect([after.size, stats.calls(1), stats.histogramValue(1, bucketOf(5000))]).toEqual([0, 0, 0]);
});
