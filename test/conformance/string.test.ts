import fc from 'fast-check';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { STRING_COMMANDS } from '../../src/commands/string.ts';
import { type RedisServer, redisServerPath, startRedis } from '../support/redis-server.ts';
import { type Command, compareWithRedis } from './differential.ts';
import { PROBE_COMMANDS } from './string-probes.ts';

const KEYS = ['a', 'b', 'c', 'k'.repeat(300)];
const LIST = 'list';
const RUNS = 120;
const FUTURE_MS = 1_900_000_000_000;

const key = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(...KEYS) },
  { weight: 1, arbitrary: fc.constant(LIST) },
);
const integerText = fc.constantFrom(
  '0',
  '1',
  '-1',
  '9',
  '-9',
  '10',
  '99',
  '-100',
  '12345',
  '9007199254740991',
  '9007199254740992',
  '-9007199254740993',
  '9223372036854775807',
  '-9223372036854775808',
  '9223372036854775808',
  '007',
  '+1',
  '-0',
  '1 ',
  'abc',
  '',
);
const floatText = fc.constantFrom(
  '0.1',
  '3.0e3',
  '-2.5',
  '1e400',
  'inf',
  'nan',
  '0x10',
  ' 1',
  '1.0',
);
const bytes = fc
  .array(fc.constantFrom('a', 'b', 'c', 'd', '\0', '\xff', '\r', '\n'), { maxLength: 60 })
  .map((letters) => letters.join(''));
const value = fc.oneof(
  integerText,
  floatText,
  bytes,
  fc.constantFrom(20, 21, 44, 45, 46, 300, 4100, 9000).map((length) => 'x'.repeat(length)),
);
const offset = fc.oneof(
  fc.integer({ min: -70, max: 70 }).map(String),
  fc.constantFrom('-9223372036854775808', '9223372036854775807', '5000', '536870911', 'x', '1.5'),
);
const setOffset = fc.oneof(
  fc.integer({ min: -2, max: 70 }).map(String),
  fc.constantFrom('9223372036854775807', '5000', '536870912', 'x'),
);

const expireArgument = fc.constantFrom('0', '-1', 'x', '100', '1e3', '9223372036854775807', '');
/** Nothing short of what a command list may take on a busy machine. */
const expireMsArgument = expireArgument.map((ttl) => (ttl === '100' ? '100000' : ttl));
const absoluteSeconds = fc.constantFrom(
  '1',
  '0',
  '-5',
  String(FUTURE_MS / 1000),
  'x',
  '9223372036854776',
);
const absoluteMs = fc.constantFrom('1', '-1', String(FUTURE_MS), String(FUTURE_MS + 7), 'x');
const expireOption = fc.oneof(
  absoluteSeconds.map((at) => ['EXAT', at]),
  absoluteMs.map((at) => ['PXAT', at]),
  expireArgument.map((ttl) => ['EX', ttl]),
  expireMsArgument.map((ttl) => ['px', ttl]),
);
const setOption = fc.oneof(
  fc.constantFrom(['NX'], ['xx'], ['GET'], ['KEEPTTL'], ['EX'], ['bogus'], ['PERSIST']),
  expireOption,
);
const getexOption = fc.oneof(
  fc.constantFrom(['PERSIST'], ['KEEPTTL'], ['NX'], ['PX']),
  expireOption,
);
const lcsOption = fc.constantFrom(
  ['LEN'],
  ['IDX'],
  ['WITHMATCHLEN'],
  ['MINMATCHLEN', '2'],
  ['minmatchlen', '-1'],
  ['MINMATCHLEN', 'x'],
  ['MINMATCHLEN'],
  ['other'],
);

function words(
  name: string,
  ...parts: fc.Arbitrary<string | readonly string[]>[]
): fc.Arbitrary<Command> {
  return fc.tuple(...parts).map((values) => [name, ...values.flat()]);
}

function some(option: fc.Arbitrary<readonly string[]>, maxLength: number): fc.Arbitrary<string[]> {
  return fc.array(option, { maxLength }).map((list) => list.flat());
}

const pairs = fc
  .array(fc.tuple(key, value), { minLength: 1, maxLength: 4 })
  .map((list) => list.flat());

const command: fc.Arbitrary<Command> = fc.oneof(
  words('GET', key),
  { weight: 3, arbitrary: words('SET', key, value) },
  { weight: 4, arbitrary: words('SET', key, value, some(setOption, 3)) },
  words('SETNX', key, value),
  words('SETEX', key, expireArgument, value),
  words('PSETEX', key, expireMsArgument, value),
  words('GETSET', key, value),
  words('GETDEL', key),
  { weight: 2, arbitrary: words('GETEX', key, some(getexOption, 2)) },
  words('MGET', fc.array(key, { minLength: 1, maxLength: 5 })),
  words('MSET', pairs),
  words('MSET', pairs, key),
  words('MSETNX', pairs),
  { weight: 3, arbitrary: words('APPEND', key, value) },
  words('STRLEN', key),
  { weight: 2, arbitrary: words('SETRANGE', key, setOffset, value) },
  { weight: 2, arbitrary: words('GETRANGE', key, offset, offset) },
  words('SUBSTR', key, offset, offset),
  { weight: 2, arbitrary: words('INCR', key) },
  { weight: 2, arbitrary: words('DECR', key) },
  { weight: 2, arbitrary: words('INCRBY', key, integerText) },
  { weight: 2, arbitrary: words('DECRBY', key, integerText) },
  { weight: 2, arbitrary: words('INCRBYFLOAT', key, fc.oneof(floatText, integerText)) },
  { weight: 2, arbitrary: words('LCS', key, key, some(lcsOption, 2)) },
  { weight: 2, arbitrary: words('OBJECT', fc.constant('ENCODING'), fc.constantFrom(...KEYS)) },
  words('PEXPIRETIME', fc.constantFrom(...KEYS)),
  words('DEL', key),
  words('LPUSH', fc.constant(LIST), fc.constant('x')),
);

/**
 * Relative times give another moment here and there: what is left to compare is whether there is a
 * TTL at all.
 */
function isRelativeTime(name: Command, real: string, ours: string): boolean {
  return name[0] === 'PEXPIRETIME' && real.length > 6 && ours.length > 6;
}

describe.skipIf(redisServerPath() === null)('strings against redis-server', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  test.each([false, true])('the same replies, RESP3: %s', async (resp3) => {
    await compareWithRedis(server, {
      specs: [...STRING_COMMANDS, ...PROBE_COMMANDS],
      command,
      probes: KEYS.flatMap((name) => [
        ['GET', name],
        ['OBJECT', 'ENCODING', name],
        ['PEXPIRETIME', name],
      ]),
      allowed: [
        { name: 'a relative time of expiry', applies: isRelativeTime },
        {
          name: 'a second LPUSH makes the list longer',
          applies: (one) => one[0] === 'LPUSH',
        },
      ],
      resp3,
      runs: RUNS,
    });
  });
});
