import fc from 'fast-check';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { GENERIC_COMMANDS } from '../../src/commands/generic.ts';
import { HASH_COMMANDS } from '../../src/commands/hash.ts';
import { LIST_COMMANDS } from '../../src/commands/list.ts';
import { SET_COMMANDS } from '../../src/commands/set.ts';
import { STRING_COMMANDS } from '../../src/commands/string.ts';
import { type RedisServer, redisServerPath, startRedis } from '../support/redis-server.ts';
import { type Command, compareWithRedis } from './differential.ts';

const LISTS = ['l', 'm', 'n'];
const RUNS = 150;

const listKey = fc.constantFrom(...LISTS);
const element = fc.oneof(
  fc.integer({ min: -3, max: 12 }).map(String),
  fc.constantFrom('1.5', '1e1', '0x10', '', ' 2', 'inf', '9223372036854775807', '007'),
);
const text = fc.constantFrom('a', 'b', 'abcdef', 'abcdefg', 'abcdeg', '\xff', 'x y', '10');
const pattern = fc.constantFrom('w_*', 'h_*->f', 'h_*->g', '*', 'none_*', 'h_*', 'w_*->f', '*->');
const number = fc.constantFrom('0', '1', '2', '5', '-1', '-7', '100', 'x', '9223372036854775807');
const one = fc.constant;

function words(
  name: string,
  ...parts: fc.Arbitrary<string | readonly string[]>[]
): fc.Arbitrary<Command> {
  return fc.tuple(...parts).map((values) => [name, ...values.flat()]);
}

const maybe = (part: fc.Arbitrary<readonly string[]>): fc.Arbitrary<readonly string[]> =>
  fc.oneof(one([]), part);
const option = (...parts: fc.Arbitrary<string>[]): fc.Arbitrary<readonly string[]> =>
  fc.tuple(...parts);
const elements = fc.array(element, { minLength: 1, maxLength: 12 });
const texts = fc.array(fc.oneof(element, text), { minLength: 1, maxLength: 12 });
const by = option(one('BY'), pattern);
const unsorted = option(one('BY'), fc.constantFrom('nosort', '#', ''));
const order = maybe(option(fc.constantFrom('ASC', 'DESC', 'desc')));
const limit = maybe(option(one('LIMIT'), number, number));
const gets = fc
  .array(fc.tuple(one('GET'), fc.oneof(pattern, fc.constantFrom('#', 'w_1', '##'))), {
    maxLength: 3,
  })
  .map((list) => list.flat());
const store = maybe(option(one('STORE'), fc.constantFrom('l', 'm', 'd')));
const alpha = one(['ALPHA']);

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 4, arbitrary: words('RPUSH', listKey, elements) },
  words('RPUSH', listKey, texts),
  words('LPOP', listKey, one('4')),
  words('DEL', fc.constantFrom('l', 'd', 's', 'w_1')),
  { weight: 3, arbitrary: words('SADD', one('s'), elements) },
  { weight: 3, arbitrary: element.chain((e) => words('SET', one(`w_${e}`), element)) },
  words('SET', one('w_2'), text),
  { weight: 3, arbitrary: element.chain((e) => words('HSET', one(`h_${e}`), one('f'), element)) },
  element.chain((e) => words('HSET', one(`h_${e}`), one('g'), text)),
  { weight: 3, arbitrary: words('SORT', listKey, order, limit, gets, store) },
  { weight: 3, arbitrary: words('SORT', listKey, by, order, limit, gets, store) },
  { weight: 2, arbitrary: words('SORT', listKey, alpha, order, limit, gets, store) },
  { weight: 2, arbitrary: words('SORT', listKey, by, alpha, order, gets, store) },
  { weight: 2, arbitrary: words('SORT', listKey, unsorted, order, limit, gets, store) },
  { weight: 2, arbitrary: words('SORT', one('s'), order, limit, gets, store) },
  words('SORT', one('s'), unsorted, order, limit, one(['STORE', 'd'])),
  words('SORT_RO', listKey, gets, limit, by, order),
  words('SORT_RO', listKey, store),
  words('SORT', fc.constantFrom('w_1', 'h_1', 'none', 'l'), gets, alpha, order),
  words('SORT', listKey, fc.array(fc.constantFrom('BY', 'GET', 'LIMIT', 'STORE', 'x', '1'))),
);

describe.skipIf(redisServerPath() === null)('SORT against redis-server', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  test.each([false, true])('the same replies, RESP3: %s', async (resp3) => {
    await compareWithRedis(server, {
      specs: [
        ...GENERIC_COMMANDS,
        ...HASH_COMMANDS,
        ...LIST_COMMANDS,
        ...SET_COMMANDS,
        ...STRING_COMMANDS,
      ],
      command,
      probes: [...LISTS, 'd'].flatMap((name) => [
        ['TYPE', name],
        ['LRANGE', name, '0', '-1'],
      ]),
      allowed: [],
      resp3,
      runs: RUNS,
    });
  });
});
