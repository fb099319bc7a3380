/** Reads whose replies would be larger than memory: the same value many times over. */
import { describe, expect, test } from 'vitest';
import { ALL_COMMANDS } from '../../src/commands/registry.ts';
import { ERRORS } from '../../src/resp/errors.ts';
import { array, bulk } from '../conformance/table.ts';
import { type Argument, LocalRunner } from '../support/local-runner.ts';

const LIMIT = 100_000;
const TOO_LARGE = `-${ERRORS.REPLY_TOO_LARGE}\r\n`;
const VALUE = 'x'.repeat(1000);
const words = (text: string): string[] => text.split(' ');
const times = (count: number, word: string): string[] => Array.from({ length: count }, () => word);

function newRunner(): LocalRunner {
  const runner = new LocalRunner(ALL_COMMANDS, { shards: 3, arenaBytes: 1 << 24 });
  runner.reply.readBytesMax = LIMIT;
  runner.run('SET', 'value', VALUE);
  runner.run('HSET', 'hash', 'field', VALUE);
  runner.run('RPUSH', 'list', ...times(50, VALUE));
  runner.run('SADD', 'set', VALUE, 'other');
  runner.run('ZADD', 'zset', 1, VALUE, 2, 'other');
  runner.run('XADD', 'stream', '1-1', 'field', VALUE);
  return runner;
}

const READS: readonly (readonly [few: readonly Argument[], many: readonly Argument[]])[] = [
  [
    ['MGET', 'value'],
    ['MGET', ...times(200, 'value')],
  ],
  [
    ['HMGET', 'hash', 'field'],
    ['HMGET', 'hash', ...times(200, 'field')],
  ],
  [
    ['SORT', 'list', 'BY', 'nosort', 'GET', '#'],
    ['SORT', 'list', 'BY', 'nosort', ...times(10, 'GET #').flatMap((two) => two.split(' '))],
  ],
  [
    ['SORT_RO', 'list', 'BY', 'nosort', 'GET', '#'],
    ['SORT_RO', 'list', 'BY', 'nosort', ...times(10, 'GET #').flatMap((two) => two.split(' '))],
  ],
  [
    ['HRANDFIELD', 'hash', -3, 'WITHVALUES'],
    ['HRANDFIELD', 'hash', -200, 'WITHVALUES'],
  ],
  [
    ['SRANDMEMBER', 'set', -3],
    ['SRANDMEMBER', 'set', -1000],
  ],
  [
    ['ZRANDMEMBER', 'zset', -3, 'WITHSCORES'],
    ['ZRANDMEMBER', 'zset', -1000, 'WITHSCORES'],
  ],
  [
    ['XREAD', 'STREAMS', 'stream', '0'],
    ['XREAD', 'STREAMS', ...times(200, 'stream'), ...times(200, '0')],
  ],
];

describe.each([false, true])('RESP3 %s', (resp3) => {
  test.each(READS)('%j', (few, many) => {
    const runner = newRunner();
    runner.reply.resp3 = resp3;
    const before = runner.run(...few);
    expect(before[0]).not.toBe('-');
    expect(runner.run(...many)).toBe(TOO_LARGE);
    // Nothing is left of the reply that was broken off.
    expect(runner.run(...few).length).toBeGreaterThan(0);
    expect(runner.run('GET', 'value')).toBe(`$1000\r\n${VALUE}\r\n`);
    runner.checkInvariants();
  });
});

describe('XREADGROUP', () => {
  /** The entry of `stream` is pending for the consumer c, that of `other` is new to its group. */
  function withPending(): LocalRunner {
    const runner = newRunner();
    runner.run('XGROUP', 'CREATE', 'stream', 'g', 0);
    runner.run('XREADGROUP', 'GROUP', 'g', 'c', 'STREAMS', 'stream', '>');
    runner.run('XADD', 'other', '1-1', 'field', VALUE);
    runner.run('XGROUP', 'CREATE', 'other', 'g', 0);
    return runner;
  }
  const read = (runner: LocalRunner, who: string, keys: string[], ids: string[]): string =>
    runner.run('XREADGROUP', 'GROUP', 'g', who, 'STREAMS', ...keys, ...ids);
  /** Deliveries of the pending entry, and the names of all consumers. */
  const state = (runner: LocalRunner): string[] => [
    runner.run('XPENDING', 'stream', 'g', '-', '+', 10),
    runner.run('XINFO', 'CONSUMERS', 'stream', 'g'),
    runner.run('XINFO', 'CONSUMERS', 'other', 'g'),
    runner.run('XINFO', 'GROUPS', 'other'),
  ];

  test('a history that is too large has not been delivered', () => {
    const runner = withPending();
    const before = state(runner);
    const keys = ['other', ...times(200, 'stream')];
    expect(read(runner, 'c', keys, times(201, '0'))).toBe(TOO_LARGE);
    expect(state(runner)).toEqual(before);
    runner.checkInvariants();
  });

  test('nor have new entries beside it', () => {
    const runner = withPending();
    const before = state(runner);
    const keys = ['other', ...times(200, 'stream')];
    expect(read(runner, 'c', keys, ['>', ...times(200, '0')])).toBe(TOO_LARGE);
    expect(state(runner)).toEqual(before);
    runner.checkInvariants();
  });

  test('histories within the limit, with and without new entries between them', () => {
    const runner = withPending();
    const entry = array(bulk('1-1'), array(bulk('field'), bulk(VALUE)));
    const part = (key: string, ...entries: string[]): string => array(bulk(key), array(...entries));
    const history = part('stream', entry);
    expect(read(runner, 'c', ['stream', 'stream'], ['0', '1'])).toBe(array(history, history));
    expect(read(runner, 'c', ['stream', 'other', 'stream'], ['0', '>', '1-1'])).toBe(
      array(history, part('other', entry), part('stream')),
    );
    expect(read(runner, 'new', ['stream'], ['0'])).toBe(array(part('stream')));
    // Delivered by `>`, twice by the first of these, once by the second.
    expect(runner.run('XPENDING', 'stream', 'g', '-', '+', 10)).toMatch(/:4\r\n$/);
    expect(runner.run('XINFO', 'CONSUMERS', 'stream', 'g')).toContain('new');
    runner.checkInvariants();
  });
});

test('what changes something is never broken off', () => {
  const runner = newRunner();
  runner.run('RPUSH', 'list', ...times(150, VALUE));
  expect(runner.run('LPOP', 'list', 200)).toBe(`*200\r\n${`$1000\r\n${VALUE}\r\n`.repeat(200)}`);
  expect(runner.run('EXISTS', 'list')).toBe(':0\r\n');
});

test('a reply just within the limit', () => {
  const runner = newRunner();
  const line = `$1000\r\n${VALUE}\r\n`;
  const reply = `*90\r\n${line.repeat(90)}`;
  expect(runner.run('MGET', ...times(90, 'value'))).toBe(reply);
});

test.each([
  ['HRANDFIELD', 'hash'],
  ['SRANDMEMBER', 'set'],
  ['ZRANDMEMBER', 'zset'],
])('%s draws no more members than anybody could take', (name, key) => {
  const runner = newRunner();
  expect(runner.run(name, key, -(2 ** 24) - 1)).toBe(`-${ERRORS.OUT_OF_RANGE}\r\n`);
});

describe('what its client may be sent', () => {
  /** A runner whose client may be sent no more than LIMIT. */
  function newBound(): LocalRunner {
    const runner = newRunner();
    runner.reply.readBytesMax = 2 ** 32;
    runner.outputMax = LIMIT;
    return runner;
  }

  /** A runner with values of 300 elements of 1000 bytes, and as many keys. */
  function newLong(): LocalRunner {
    const runner = new LocalRunner(ALL_COMMANDS, { shards: 3, arenaBytes: 1 << 24 });
    const long = (i: number): string => `${i}`.padEnd(1000, 'x');
    for (let i = 0; i < 300; i++) {
      runner.run('RPUSH', 'l', long(i));
      runner.run('SADD', 's', long(i));
      runner.run('HSET', 'h', long(i), long(i));
      runner.run('ZADD', 'z', 2 ** 40 + i, long(i));
      runner.run('XADD', 'x', `${i + 1}-0`, 'field', long(i));
      runner.run('SET', long(i), '');
    }
    return runner;
  }

  test.each(READS)('%j', (few, many) => {
    const runner = newBound();
    expect(runner.run(...few)[0]).not.toBe('-');
    expect(runner.cutOffs).toBe(0);
    expect(runner.run(...many)).toBe('*-1\r\n');
    expect(runner.cutOffs).toBe(1);
    expect(runner.run('GET', 'value')).toBe(`$1000\r\n${VALUE}\r\n`);
    runner.checkInvariants();
  });

  test.each([
    'LRANGE l 0 -1',
    'SORT l BY nosort',
    'SMEMBERS s',
    'SINTER s s',
    'SUNION s',
    'SDIFF s none',
    'SRANDMEMBER s 1000',
    'HGETALL h',
    'HVALS h',
    'HKEYS h',
    'HRANDFIELD h 1000 WITHVALUES',
    'HSCAN h 0 COUNT 1000',
    'ZRANGE z 0 -1 WITHSCORES',
    'ZRANGEBYSCORE z -inf +inf',
    'ZREVRANGE z 0 -1',
    'ZINTER 2 z z',
    'ZUNION 1 z',
    'ZDIFF 2 z none',
    'ZRANDMEMBER z 1000',
    'ZSCAN z 0 COUNT 1000',
    'GEOSEARCH z FROMLONLAT 0 0 BYRADIUS 40000 km',
    'XRANGE x - +',
    'XREVRANGE x + -',
    'XREAD STREAMS x 0',
    'XINFO STREAM x FULL COUNT 0',
    'KEYS *',
    'SCAN 0 COUNT 10000',
  ])('%s ends early', (command) => {
    const whole = newLong();
    expect(whole.run(...words(command)).length).toBeGreaterThan(250_000);
    const runner = newLong();
    runner.outputMax = LIMIT;
    expect(runner.run(...words(command))).toBe('*-1\r\n');
    expect(runner.cutOffs).toBe(1);
    // Nothing of it is left, and nothing that it held.
    runner.outputMax = Number.POSITIVE_INFINITY;
    expect(runner.run(...words(command)).length).toBeGreaterThan(250_000);
    runner.checkInvariants();
  });

  test('is no matter of commands that change something', () => {
    const runner = newBound();
    runner.run('RPUSH', 'list', ...times(150, VALUE));
    expect(runner.run('LPOP', 'list', 200)).toBe(`*200\r\n${`$1000\r\n${VALUE}\r\n`.repeat(200)}`);
    runner.run('SORT', 'list', 'BY', 'nosort', ...times(200, 'GET #').flatMap(words), 'STORE', 'd');
    expect(runner.cutOffs).toBe(0);
  });

  test.each([
    ['HRANDFIELD', 'hash'],
    ['SRANDMEMBER', 'set'],
    ['ZRANDMEMBER', 'zset'],
  ])('%s draws nothing where it is certainly too much', (name, key) => {
    const runner = newBound();
    for (const count of ['-999999999', '-9007199254740991', String(-LIMIT)]) {
      runner.cutOffs = 0;
      const started = performance.now();
      expect(runner.run(name, key, count)).toBe('*-1\r\n');
      expect(performance.now() - started).toBeLessThan(1000);
      expect(runner.cutOffs).toBe(1);
    }
    runner.cutOffs = 0;
    expect(runner.run(name, 'none', '-999999999')).toBe('*0\r\n');
    expect(runner.run(name, key, '-9223372036854775808')).toMatch(/^-ERR value is out of range/);
    runner.outputMax = 2 ** 33;
    expect(runner.run(name, key, '-999999999')).toBe(`-${ERRORS.OUT_OF_RANGE}\r\n`);
    expect(runner.cutOffs).toBe(0);
  });
});
