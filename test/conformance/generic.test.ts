/**
 * The generic family side by side with a real redis-server: tables of replies, random commands,
 * digests.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DEBUG_COMMANDS } from '../../src/commands/debug.ts';
import { GENERIC_COMMANDS } from '../../src/commands/generic.ts';
import { STRING_COMMANDS } from '../../src/commands/string.ts';
import { type Argument, LocalRunner } from '../support/local-runner.ts';
import { type RedisServer, redisServerPath, startRedis } from '../support/redis-server.ts';

const isInstalled = redisServerPath() !== null;
if (!isInstalled) console.warn('redis-server is not installed: conformance tests are skipped');

/** Replies that differ from 7.0.15 on purpose. */
const VERSION_DIFFERENCES: readonly string[] = [
  // Since 7.4 a cursor is read as an unsigned number.
  'SCAN -1',
  // NOVALUES is known since 7.4.
  'SCAN 0 NOVALUES',
];

const TABLE: readonly string[] = [
  'SET n 12345',
  'SET short abc',
  `SET long ${'x'.repeat(100)}`,
  'OBJECT ENCODING n',
  'OBJECT ENCODING short',
  'OBJECT ENCODING long',
  'OBJECT ENCODING nokey',
  'OBJECT FREQ n',
  'OBJECT FREQ nokey',
  'OBJECT REFCOUNT short',
  'OBJECT IDLETIME nokey',
  'MIGRATE h 1 nokey 0',
  'MIGRATE h 1 nokey 0 10',
  'MIGRATE h x nokey 0 -1',
  'MIGRATE h 1 nokey x 10',
  'MIGRATE h 1 nokey 0 x',
  'MIGRATE h 1 nokey 0 10 COPY REPLACE AUTH p',
  'MIGRATE h 1 nokey 0 10 AUTH',
  'MIGRATE h 1 nokey 0 10 AUTH2 u',
  'MIGRATE h 1 nokey 0 10 KEYS n',
  'MIGRATE h 1 nokey x 10 foo',
  'MEMORY USAGE nokey',
  'MEMORY USAGE n SAMPLES -1',
  'MEMORY USAGE n SAMPLES x',
  'MEMORY USAGE n what',
  'MEMORY USAGE n SAMPLES',
  'SCAN x',
  'SCAN',
  'SCAN 18446744073709551616',
  'SCAN 0 COUNT 0',
  'SCAN 0 COUNT -5',
  'SCAN 0 COUNT x',
  'SCAN 0 MATCH',
  'SCAN 0 MATCH a COUNT',
  'SCAN 0 COUNT x MATCH',
  'SCAN 0 TYPE',
  'SCAN x COUNT 0',
  'SCAN -1',
  'SCAN 0 NOVALUES',
  'EXPIRE n x',
  'EXPIRE n 10 what',
  'EXPIRE n x what',
  'EXPIRE n 10 NX XX',
  'EXPIRE n 10 NX GT',
  'EXPIRE n 10 NX LT',
  'EXPIRE n 10 GT LT',
  'EXPIRE n 10 XX GT',
  'EXPIRE n 9223372036854775807',
  'EXPIRE n -9223372036854775808',
  'EXPIRE n 9223372036854775',
  'EXPIRE n 9223372036854776',
  'EXPIREAT n 9223372036854776',
  'PEXPIRE n 9223372036854775807',
  'SET big 1',
  'PEXPIREAT big 9007199254740991',
  'PEXPIRETIME big',
  'EXPIRETIME big',
  'PEXPIREAT big 9223372036854774784',
  'PEXPIRETIME big',
  'EXPIRETIME big',
  'PEXPIREAT big -9223372036854775808',
  'TTL big',
  'SET big 1',
  'EXPIRE big -9223372036854775',
  'EXISTS big',
  'EXPIREAT n 4000000000',
  'EXPIRETIME n',
  'PEXPIRETIME n',
  'EXPIREAT n 4000000000 GT',
  'EXPIREAT n 4000000001 GT XX',
  'EXPIREAT n 4000000002 LT',
  'EXPIREAT n 4000000002 NX',
  'PERSIST n',
  'PERSIST n',
  'PERSIST nokey',
  'EXPIREAT n 4000000000 GT',
  'EXPIREAT n 4000000000 XX LT',
  'EXPIREAT n 4000000000 LT',
  'COPY n n',
  'COPY n z DB x',
  'COPY n z DB 99',
  'COPY n z DB 3000000000',
  'COPY n z DB',
  'COPY n z what',
  'COPY n z DB 1 DB 2 REPLACE REPLACE',
  'COPY nokey z DB 99',
  'COPY n n DB 1',
  'COPY n n DB 1',
  'MOVE n 1',
  'MOVE n 0',
  'MOVE n x',
  'MOVE nokey x',
  'MOVE nokey 99',
  'MOVE nokey 1',
  'RENAME nokey nokey',
  'RENAMENX n n',
  'RENAME n n',
  'RENAMENX n short',
  'RENAMENX n m',
  'RENAME m n',
  'SWAPDB x 99',
  'SWAPDB 1 y',
  'SWAPDB 0 16',
  'SWAPDB 0 -1',
  'SWAPDB 3000000000 0',
  'FLUSHDB x',
  'FLUSHALL SYNC SYNC',
  'TOUCH n n nokey',
  'EXISTS n n nokey',
  'TYPE nokey',
  'TYPE n',
  'DEBUG DIGEST',
  'DEBUG DIGEST-VALUE n short long nokey',
  'DEBUG DIGEST-VALUE',
  'DEBUG OBJECT nokey',
  'DEBUG SDSLEN nokey',
  'DEBUG SDSLEN n',
  'DEBUG LISTPACK n',
  'DEBUG LISTPACK nokey',
  'DEBUG QUICKLIST n',
  'DEBUG HTSTATS x',
  'DEBUG HTSTATS 16',
  'DEBUG HTSTATS-KEY n',
  'DEBUG POPULATE -1',
  'DEBUG POPULATE x',
  'DEBUG POPULATE 50 p 10',
  'DEBUG POPULATE 100 q',
  'DEBUG POPULATE 100',
  'DEBUG DIGEST',
  'DBSIZE',
  'DEBUG OBJECT key:5',
  'OBJECT REFCOUNT n',
  'SET shared 5',
  'OBJECT REFCOUNT shared',
  'SET big 1',
  'PEXPIREAT big 9223372036854775807',
];

/** What cannot be the same: addresses, clocks. */
function normalized(reply: string): string {
  return reply.replace(/at:0x[0-9a-f]+/, 'at:0x0').replace(/lru:\d+ lru_seconds_idle:\d+/, 'lru');
}

function newRunner(shards: number, workMax = Number.POSITIVE_INFINITY): LocalRunner {
  const commands = [...STRING_COMMANDS, ...GENERIC_COMMANDS, ...DEBUG_COMMANDS];
  const runner = new LocalRunner(commands, { shards, workMax, arenaBytes: 1 << 24 });
  runner.state.setTime(Date.now());
  return runner;
}

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f{x}', '', 'k'.repeat(80)];
const name = fc.constantFrom(...NAMES);
const value = fc.constantFrom(
  '',
  '1',
  '-7',
  'abc',
  'x'.repeat(44),
  'x'.repeat(45),
  'y'.repeat(3000),
  'z'.repeat(9000),
);
const db = fc.constantFrom('0', '1', '2');
/** Far in the future, long past, or none at all; nothing near now, as the two clocks differ. */
const unixSeconds = fc.constantFrom('4000000000', '4000000001', '5000000000', '1', '-1', '0');
const option = fc.constantFrom([], ['NX'], ['XX'], ['GT'], ['LT'], ['XX', 'GT'], ['NX', 'LT']);

const command: fc.Arbitrary<readonly string[]> = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constant('SET'), name, value) },
  fc.tuple(fc.constantFrom('DEL', 'UNLINK', 'EXISTS', 'TOUCH'), name, name, name),
  fc.tuple(fc.constantFrom('TYPE', 'PERSIST', 'GET', 'EXPIRETIME', 'PEXPIRETIME'), name),
  fc.tuple(fc.constantFrom('RENAME', 'RENAMENX', 'COPY'), name, name),
  fc.tuple(fc.constant('COPY'), name, name, fc.constant('REPLACE')),
  fc.tuple(fc.constant('COPY'), name, name, fc.constant('DB'), db, fc.constant('REPLACE')),
  fc.tuple(fc.constant('COPY'), name, name, fc.constant('DB'), db),
  fc.tuple(fc.constant('MOVE'), name, db),
  fc.tuple(fc.constant('SWAPDB'), db, db),
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.constant('EXPIREAT'), name, unixSeconds, option)
      .map(([verb, key, seconds, options]) => [verb, key, seconds, ...options]),
  },
  fc.tuple(fc.constant('OBJECT'), fc.constant('ENCODING'), name),
  fc.tuple(fc.constant('DEBUG'), fc.constant('DIGEST-VALUE'), name, name),
  fc.constantFrom(['DBSIZE'], ['DEBUG', 'DIGEST']),
  { weight: 1, arbitrary: fc.constant(['FLUSHDB']) },
);

describe.skipIf(!isInstalled)('beside redis-server', () => {
  let redis: RedisServer;

  beforeAll(async () => {
    redis = await startRedis();
  });

  afterAll(async () => {
    await redis.stop();
  });

  async function compare(runner: LocalRunner, words: readonly Argument[]): Promise<void> {
    const text = words.join(' ');
    const theirs = normalized(await redis.command(words));
    const ours = normalized(runner.run(...words));
    if (VERSION_DIFFERENCES.includes(text)) expect([text, ours]).not.toEqual([text, theirs]);
    else expect([text, ours]).toEqual([text, theirs]);
  }

  test.each([1, 4])('the table on %i shards', async (shards) => {
    await redis.command(['FLUSHALL']);
    const runner = newRunner(shards);
    for (const line of TABLE) {
      await compare(runner, line.split(' '));
    }
    runner.checkInvariants();
  });

  test.each([
    [1, Number.POSITIVE_INFINITY],
    [4, Number.POSITIVE_INFINITY],
    [4, 0],
  ])('random commands on %i shards, %d units', async (shards, workMax) => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 30, maxLength: 120 }), async (commands) => {
        await redis.command(['FLUSHALL']);
        const runner = newRunner(shards, workMax);
        for (const words of commands) await compare(runner, words);
        await compare(runner, ['DEBUG', 'DIGEST']);
        runner.checkInvariants();
      }),
      { numRuns: 60 },
    );
  });

  test('KEYS and SCAN find the same keys', async () => {
    await redis.command(['FLUSHALL']);
    const runner = newRunner(4);
    for (const words of [
      ['DEBUG', 'POPULATE', '300'],
      ['DEBUG', 'POPULATE', '30', 'a[b]*c'],
    ]) {
      await compare(runner, words);
    }
    const patterns = ['*', 'key:*', '*1', 'a\\[b\\]*', '[^k]*', 'key:[0-2]?', '?', 'a[b]*', ''];
    for (const pattern of patterns) {
      const sorted = (reply: string) => reply.split('\r\n').sort();
      expect(sorted(runner.run('KEYS', pattern))).toEqual(
        sorted(await redis.command(['KEYS', pattern])),
      );
    }
  });
});
