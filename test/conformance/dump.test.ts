import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DEBUG_COMMANDS } from '../../src/commands/debug.ts';
import { GENERIC_COMMANDS } from '../../src/commands/generic.ts';
import { HASH_COMMANDS } from '../../src/commands/hash.ts';
import { LIST_COMMANDS } from '../../src/commands/list.ts';
import { SET_COMMANDS } from '../../src/commands/set.ts';
import { STRING_COMMANDS } from '../../src/commands/string.ts';
import { ZSET_COMMANDS } from '../../src/commands/zset.ts';
import { decodeReply } from '../support/decode-reply.ts';
import { type Argument, LocalRunner } from '../support/local-runner.ts';
import { type RedisServer, redisServerPath, startRedis } from '../support/redis-server.ts';

const SPECS = [
  ...STRING_COMMANDS,
  ...LIST_COMMANDS,
  ...SET_COMMANDS,
  ...ZSET_COMMANDS,
  ...HASH_COMMANDS,
  ...GENERIC_COMMANDS,
  ...DEBUG_COMMANDS,
];

const numbers = (count: number): string[] => Array.from({ length: count }, (_, i) => `${i * 7}`);
const names = (count: number, length = 0): string[] =>
  Array.from({ length: count }, (_, i) => `member:${i}`.padEnd(length, 'x'));
const INTEGERS = ['0', '-1', '127', '-128', '128', '32767', '-32769', '8388608', '-8388609'];
const WIDE = ['2147483648', '-2147483649', '9223372036854775807', '-9223372036854775808'];
const TEXTS = ['', 'a', '007', '-0', '1.5', 'x'.repeat(63), 'x'.repeat(64), 'ab'.repeat(3000)];

/** What a key `k` is made of, for every type and encoding. */
const VALUES: Readonly<Record<string, readonly (readonly string[])[]>> = {
  ...Object.fromEntries(
    [...INTEGERS, ...WIDE, ...TEXTS].map((text) => [
      `string ${text.slice(0, 20)} of ${text.length}`,
      [['SET', 'k', text]],
    ]),
  ),
  'long string': [['SET', 'k', names(20_000).join()]],
  'small list': [['RPUSH', 'k', ...INTEGERS, ...WIDE, ...TEXTS.slice(0, 6)]],
  'list of many nodes': [['RPUSH', 'k', ...names(5000)]],
  'list with large elements': [['RPUSH', 'k', 'a', 'b'.repeat(20_000), 'c', '5'.repeat(9000)]],
  intset: [['SADD', 'k', ...numbers(100)]],
  'wide intset': [['SADD', 'k', ...INTEGERS, ...WIDE]],
  'small set': [['SADD', 'k', ...names(100)]],
  'small set of all': [['SADD', 'k', ...INTEGERS, ...WIDE, ...TEXTS.slice(0, 6)]],
  'large set': [['SADD', 'k', ...names(3000)]],
  'large set of numbers': [['SADD', 'k', ...numbers(3000)]],
  'set of long members': [['SADD', 'k', ...names(20, 100)]],
  'small sorted set': [['ZADD', 'k', '1', 'a', '-2.5', 'b', 'inf', 'c', '1e300', '7', '0.1', '']],
  'large sorted set': [['ZADD', 'k', ...names(2000).flatMap((name, i) => [`${i / 7}`, name])]],
  'sorted set of long members': [['ZADD', 'k', '1', 'x'.repeat(65), '1', 'y']],
  'small hash': [['HSET', 'k', ...INTEGERS, ...WIDE, ...TEXTS.slice(0, 6), 'last']],
  'large hash': [['HSET', 'k', ...names(4000)]],
  'hash of long values': [['HSET', 'k', ...names(20, 300)]],
};

function dumped(reply: string): Buffer {
  return Buffer.from(reply.slice(reply.indexOf('\r\n') + 2, -2), 'latin1');
}

describe.skipIf(redisServerPath() === null)('DUMP and RESTORE with redis-server', () => {
  let server: RedisServer;

  beforeAll(async () => {
    server = await startRedis();
  });

  afterAll(async () => {
    await server.stop();
  });

  test.each(Object.keys(VALUES))('%s, from us to Redis and back', async (name) => {
    const runner = new LocalRunner(SPECS);
    for (const command of VALUES[name]!) runner.run(...command);
    const digest = runner.run('DEBUG', 'DIGEST-VALUE', 'k');
    const payload = dumped(runner.run('DUMP', 'k'));
    expect(await server.command(['RESTORE', 'k', '0', payload, 'REPLACE'])).toBe('+OK\r\n');
    expect(await server.command(['DEBUG', 'DIGEST-VALUE', 'k'])).toBe(digest);
    const back = dumped(await server.command(['DUMP', 'k']));
    expect(runner.run('RESTORE', 'k', '0', back, 'REPLACE')).toBe('+OK\r\n');
    expect(runner.run('DEBUG', 'DIGEST-VALUE', 'k')).toBe(digest);
    const encoding = runner.run('OBJECT', 'ENCODING', 'k');
    for (const command of VALUES[name]!) runner.run(command[0]!, 'fresh', ...command.slice(2));
    expect(runner.run('OBJECT', 'ENCODING', 'fresh')).toBe(encoding);
    runner.checkInvariants();
  });

  test('the strings that Redis compresses are compressed', async () => {
    const runner = new LocalRunner(SPECS);
    const text = 'abcdefghij'.repeat(1000);
    runner.run('SET', 'k', text);
    expect(dumped(runner.run('DUMP', 'k')).length).toBeLessThan(300);
    runner.state.limits.rdbCompression = false;
    expect(dumped(runner.run('DUMP', 'k')).length).toBeGreaterThan(10_000);
  });

  /** Replies of RESTORE with these arguments, of both. */
  const REFUSED: readonly (readonly Argument[])[] = [
    ['RESTORE', 'k', '0', 'x'],
    ['RESTORE', 'k', '0', ''],
    ['RESTORE', 'k', 'x', 'x'],
    ['RESTORE', 'k', '-1', 'x'],
    ['RESTORE', 'k', '0', 'x', 'WHAT'],
    ['RESTORE', 'k', '0', 'x', 'IDLETIME'],
    ['RESTORE', 'k', '0', 'x', 'IDLETIME', 'x'],
    ['RESTORE', 'k', '0', 'x', 'IDLETIME', '-1'],
    ['RESTORE', 'k', '0', 'x', 'FREQ', '256'],
    ['RESTORE', 'k', '0', 'x', 'FREQ', '-1'],
    ['RESTORE', 'k', '0', 'x', 'FREQ', '1', 'IDLETIME', '1'],
    ['RESTORE', 'k', '0', 'x', 'IDLETIME', '1', 'FREQ', '1'],
    ['RESTORE', 'busy', 'x', 'x'],
    ['RESTORE', 'busy', '0', 'x', 'REPLACE', 'what'],
    ['RESTORE', 'busy', '0', 'x', 'ABSTTL', 'REPLACE'],
    ['RESTORE', 'k', '0'],
    ['DUMP'],
    ['DUMP', 'none'],
    ['DUMP', 'busy', 'x'],
  ];

  test.each(REFUSED)('%s %s %s %s %s %s', async (...command) => {
    const runner = new LocalRunner(SPECS);
    await server.command(['FLUSHALL']);
    runner.run('SET', 'busy', 'v');
    await server.command(['SET', 'busy', 'v']);
    const words = command.filter((word) => word !== undefined);
    expect(runner.run(...words)).toBe(await server.command(words));
  });

  test('values with a TTL', async () => {
    const runner = new LocalRunner(SPECS);
    runner.run('SET', 'k', 'v');
    const payload = dumped(runner.run('DUMP', 'k'));
    const commands: readonly (readonly Argument[])[] = [
      ['RESTORE', 'a', '100000', payload],
      ['RESTORE', 'b', '1', payload, 'ABSTTL'],
      ['RESTORE', 'a', '1', payload, 'ABSTTL', 'REPLACE'],
      ['EXISTS', 'a', 'b'],
      ['RESTORE', 'a', '9000000000000', payload, 'ABSTTL'],
      ['PEXPIRETIME', 'a'],
      ['RESTORE', 'a', '0', payload, 'REPLACE'],
      ['PTTL', 'a'],
    ];
    await server.command(['FLUSHALL']);
    for (const command of commands) {
      expect(runner.run(...command)).toBe(await server.command(command));
    }
    expect(decodeReply(runner.run('RESTORE', 'c', '5000', payload))).toBe('OK');
    expect(runner.run('PTTL', 'c')).toBe(':5000\r\n');
  });
});
