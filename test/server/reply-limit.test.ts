/** Reads whose replies would be larger than memory: the same value many times over. */
import { describe, expect, test } from 'vitest';
import { ALL_COMMANDS } from '../../src/commands/registry.ts';
import { ERRORS } from '../../src/resp/errors.ts';
import { type Argument, LocalRunner } from '../support/local-runner.ts';

const LIMIT = 100_000;
const TOO_LARGE = `-${ERRORS.REPLY_TOO_LARGE}\r\n`;
const VALUE = 'x'.repeat(1000);
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
