import fc from 'fast-check';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { GENERIC_COMMANDS } from '../../src/commands/generic.ts';
import { SET_COMMANDS } from '../../src/commands/set.ts';
import { STRING_COMMANDS } from '../../src/commands/string.ts';
import { ZSET_COMMANDS } from '../../src/commands/zset.ts';
import { isSameDoubles } from '../support/doubles.ts';
import { type RedisServer, redisServerPath, startRedis } from '../support/redis-server.ts';
import { type Command, compareWithRedis } from './differential.ts';

const KEYS = ['z', 'y', 'k'.repeat(300)];
/** Sets whose members all have one score: ranges by member mean something here only. */
const LEX = 'lex';
const SETS = 'set';
const OTHER = 'string';
const RUNS = 40;

const key = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(...KEYS) },
  { weight: 1, arbitrary: fc.constant(OTHER) },
);
const source = fc.constantFrom(...KEYS, ...KEYS, SETS, 'none', OTHER);
const member = fc.oneof(
  fc.constantFrom('a', 'b', 'c', '', '1', '-1', '01', 'x'.repeat(64), 'x'.repeat(65), '\xff\0'),
  fc.nat({ max: 30 }).map((n) => `member:${n}`),
);
const score = fc.oneof(
  fc.integer({ min: -5, max: 5 }).map(String),
  fc.double({ noNaN: true }).map(String),
  fc.constantFrom('inf', '-inf', '-0', '0', '1e300', '5e-324', '0x1.8p3', '+1.50', '.5'),
  fc.constantFrom('9007199254740993', '-9223372036854775808', 'nan', 'x', ''),
);
const bound = fc.oneof(
  score,
  score.map((text) => `(${text}`),
  fc.constantFrom('-inf', '+inf', '1e400', ' 1', '(('),
);
const lexBound = fc.oneof(
  fc.constantFrom('-', '+', '-x', '', 'a'),
  member.map((text) => `[${text}`),
  member.map((text) => `(${text}`),
);
const index = fc.constantFrom('0', '1', '2', '-1', '-2', '5', '-50', '100', 'x', '1.5');
const count = fc.constantFrom('0', '1', '5', '-5', '100', 'x', '9223372036854775807');
const withScores = fc.constantFrom([], ['WITHSCORES'], ['withscores'], ['x']);
const limit = fc.oneof(
  fc.constant([]),
  fc.tuple(index, index).map(([offset, size]) => ['LIMIT', offset, size]),
);
const flags = fc.uniqueArray(fc.constantFrom('NX', 'XX', 'GT', 'LT', 'CH', 'incr'), {
  maxLength: 2,
});
const free = fc.uniqueArray(fc.constantFrom('BYSCORE', 'REV'), { maxLength: 2 });

function words(
  name: string,
  ...parts: fc.Arbitrary<string | readonly string[]>[]
): fc.Arbitrary<Command> {
  return fc.tuple(...parts).map((values) => [name, ...values.flat()]);
}

const members = fc.array(member, { minLength: 1, maxLength: 6 });
const pairs = fc
  .array(fc.tuple(score, member), { minLength: 1, maxLength: 8 })
  .map((list) => list.flat());
const sources = fc
  .array(source, { minLength: 1, maxLength: 3 })
  .chain((list) =>
    fc
      .constantFrom([], ['WEIGHTS', ...list.map((_, i) => String(i - 1))], ['WEIGHTS', 'inf', '2'])
      .map((weights) => [String(list.length), ...list, ...weights]),
  );
const plainSources = fc
  .array(source, { minLength: 1, maxLength: 3 })
  .map((list) => [String(list.length), ...list]);
const aggregate = fc.constantFrom(
  ...[[], [], ['AGGREGATE', 'SUM'], ['AGGREGATE', 'MIN'], ['aggregate', 'max'], ['AGGREGATE', 'x']],
);

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 8, arbitrary: words('ZADD', key, pairs) },
  { weight: 4, arbitrary: words('ZADD', key, flags, pairs) },
  {
    weight: 3,
    arbitrary: words('ZADD', fc.constant(LEX), fc.constant('0'), member, fc.constant('0'), member),
  },
  words('SADD', fc.constant(SETS), members),
  { weight: 3, arbitrary: words('ZINCRBY', key, score, member) },
  words('ZCARD', key),
  words('ZSCORE', key, member),
  words('ZMSCORE', key, members),
  words('ZRANK', key, member),
  words('ZREVRANK', key, member),
  { weight: 3, arbitrary: words('ZREM', key, members) },
  words('ZCOUNT', key, bound, bound),
  words('ZLEXCOUNT', fc.constant(LEX), lexBound, lexBound),
  words('ZRANGE', key, index, index, withScores),
  words('ZRANGE', key, bound, bound, free, limit, withScores),
  words('ZREVRANGE', key, index, index, withScores),
  words('ZRANGEBYSCORE', key, bound, bound, withScores, limit),
  words('ZREVRANGEBYSCORE', key, bound, bound, withScores, limit),
  words('ZRANGEBYLEX', fc.constant(LEX), lexBound, lexBound, limit),
  words('ZREVRANGEBYLEX', fc.constant(LEX), lexBound, lexBound, limit),
  words('ZRANGESTORE', key, key, index, index, limit),
  words('ZRANGESTORE', key, key, bound, bound, free, limit),
  words('ZREMRANGEBYRANK', key, index, index),
  words('ZREMRANGEBYSCORE', key, bound, bound),
  words('ZREMRANGEBYLEX', fc.constant(LEX), lexBound, lexBound),
  words('ZPOPMIN', key, fc.constantFrom([], ['0'], ['2'], ['x'])),
  words('ZPOPMAX', key, fc.constantFrom([], ['0'], ['2'], ['-1'])),
  words(
    'ZMPOP',
    plainSources,
    fc.constantFrom('MIN', 'MAX', 'x'),
    fc.constantFrom([], ['COUNT', '2']),
  ),
  words('ZRANDMEMBER', key, count),
  words('ZRANDMEMBER', key, fc.constantFrom('100', '-9223372036854775808'), withScores),
  words('ZUNION', sources, aggregate, withScores),
  words('ZINTER', sources, aggregate, withScores),
  words('ZDIFF', plainSources, withScores),
  words('ZUNIONSTORE', key, sources, aggregate),
  words('ZINTERSTORE', key, sources, aggregate),
  words('ZDIFFSTORE', key, plainSources),
  words('ZINTERCARD', plainSources, fc.constantFrom([], ['LIMIT', '2'], ['LIMIT', '-1'])),
  words('ZSCAN', key, fc.constantFrom('0', 'x'), fc.constantFrom([], ['COUNT', '1000'])),
  words('DEL', key),
  words('SET', fc.constant(OTHER), fc.constant('x')),
);

/** A hashtable is scanned in steps that are each server's own. */
function isScan([name]: Command, real: string, ours: string): boolean {
  return name === 'ZSCAN' && real.startsWith('*2\r\n') && ours.startsWith('*2\r\n');
}

/** As many members; which of them is a matter of chance. */
function isRandom([name]: Command, real: string, ours: string): boolean {
  if (name !== 'ZRANDMEMBER' || !real.startsWith('*')) return false;
  const [header] = real.split('\r\n', 1);
  return ours.startsWith(`${header}\r\n`);
}

describe.skipIf(redisServerPath() === null)('sorted sets against redis-server', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  test.each([
    [false, 128],
    [true, 128],
    [false, 4],
    [true, 0],
  ])('the same replies, RESP3: %s, listpacks of %i', async (resp3, entriesMax) => {
    await server.command(['CONFIG', 'SET', 'zset-max-listpack-entries', String(entriesMax)]);
    await compareWithRedis(server, {
      specs: [...ZSET_COMMANDS, ...SET_COMMANDS, ...STRING_COMMANDS, ...GENERIC_COMMANDS],
      command,
      probes: [...KEYS, LEX].flatMap((name) => [
        ['ZRANGE', name, '0', '-1', 'WITHSCORES'],
        ['ZCARD', name],
      ]),
      allowed: [
        { name: 'shortest doubles', applies: (_command, real, ours) => isSameDoubles(real, ours) },
        { name: 'steps of a scan', applies: isScan },
        { name: 'random members', applies: isRandom },
      ],
      resp3,
      runs: RUNS,
      prepare: (runner) => {
        runner.state.limits.zsetMaxListpackEntries = entriesMax;
      },
    });
  });
});
