import fc from 'fast-check';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { GENERIC_COMMANDS } from '../../src/commands/generic.ts';
import { GEO_COMMANDS } from '../../src/commands/geo.ts';
import { STRING_COMMANDS } from '../../src/commands/string.ts';
import { ZSET_COMMANDS } from '../../src/commands/zset.ts';
import { isSameGeo } from '../support/near-doubles.ts';
import { EDGES, PLACES } from '../support/places.ts';
import { type RedisServer, redisServerPath, startRedis } from '../support/redis-server.ts';
import { type AllowedDifference, type Command, compareWithRedis } from './differential.ts';

const SPECS = [...STRING_COMMANDS, ...GENERIC_COMMANDS, ...ZSET_COMMANDS, ...GEO_COMMANDS];
const KEYS = ['a', 'b', 'c'];
const RUNS = 120;

const key = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(...KEYS) },
  { weight: 1, arbitrary: fc.constant('string') },
);
const place = fc.constantFrom(...PLACES, ...EDGES);
const member = fc.oneof(
  { weight: 12, arbitrary: place.map((one) => one[2]) },
  { weight: 1, arbitrary: fc.constantFrom('none', '') },
);
const position = fc.oneof(
  { weight: 12, arbitrary: place.map((one): readonly string[] => [one[0], one[1]]) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      ['181', '0'],
      ['0', '85.06'],
      ['-1e300', '0'],
      ['inf', '1'],
      ['nan', '1'],
      ['x', '1'],
      ['1', 'x'],
    ),
  },
);
const unit = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom('m', 'km', 'KM', 'ft', 'mi') },
  { weight: 1, arbitrary: fc.constantFrom('yd', '') },
);
const length = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 1000 }).map(String) },
  { weight: 6, arbitrary: fc.double({ min: 0, max: 30_000, noNaN: true }).map(String) },
  { weight: 1, arbitrary: fc.constantFrom('0', '1e9', '-1', 'x', 'inf') },
);
const count = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 1, max: 30 }).map(String) },
  { weight: 1, arbitrary: fc.constantFrom('0', '-1', 'x', '') },
);

function words(
  name: string,
  ...parts: fc.Arbitrary<string | readonly string[]>[]
): fc.Arbitrary<Command> {
  return fc.tuple(...parts).map((values) => [name, ...values.flat()]);
}

const option = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(['WITHDIST'], ['WITHCOORD'], ['withhash']) },
  { weight: 2, arbitrary: fc.constantFrom(['ASC'], ['desc']) },
  { weight: 2, arbitrary: count.map((n): string[] => ['COUNT', n]) },
  { weight: 2, arbitrary: count.map((n): string[] => ['COUNT', n, 'ANY']) },
  fc.constantFrom(['ANY'], ['x'], ['COUNT'], ['STORE'], ['STOREDIST'], ['BYBOX', '1']),
);
const options = fc.array(option, { maxLength: 4 }).map((list) => list.flat());
const store = fc
  .tuple(fc.constantFrom('STORE', 'STOREDIST', 'storedist'), key)
  .map((pair): readonly string[] => pair);
const maybeStore = fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, store);
const center = fc.oneof(
  member.map((one) => ['FROMMEMBER', one]),
  position.map((pair) => ['FROMLONLAT', ...pair]),
);
const shape = fc.oneof(
  fc.tuple(length, unit).map((list) => ['BYRADIUS', ...list]),
  fc.tuple(length, length, unit).map((list) => ['BYBOX', ...list]),
);
const sometimes = (part: typeof center): typeof center =>
  fc.oneof({ weight: 15, arbitrary: part }, fc.constant<string[]>([]));
const added = fc
  .array(place, { minLength: 1, maxLength: 25 })
  .map((list): readonly string[] => list.flat());

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 8, arbitrary: words('GEOADD', key, added) },
  words('GEOADD', key, fc.constantFrom('NX', 'XX', 'ch', 'CH', 'GT'), added),
  words('GEOADD', key, fc.constantFrom('NX', 'XX'), fc.constantFrom('CH', 'XX'), added),
  words('GEOADD', key, position, member),
  words('GEOADD', key, position, member, position),
  { weight: 3, arbitrary: words('GEODIST', key, member, member, unit) },
  words('GEODIST', key, member, member),
  words('GEODIST', key, member, member, unit, unit),
  { weight: 2, arbitrary: words('GEOPOS', key, fc.array(member, { maxLength: 4 })) },
  { weight: 2, arbitrary: words('GEOHASH', key, fc.array(member, { maxLength: 4 })) },
  {
    weight: 12,
    arbitrary: words('GEOSEARCH', key, sometimes(center), sometimes(shape), options),
  },
  words('geosearch', key, shape, center, center),
  words('GEOSEARCH', key, center, shape, shape),
  {
    weight: 4,
    arbitrary: words(
      'GEOSEARCHSTORE',
      key,
      key,
      center,
      shape,
      options,
      fc.constantFrom([], ['STOREDIST']),
    ),
  },
  { weight: 4, arbitrary: words('GEORADIUS', key, position, length, unit, options, maybeStore) },
  words('GEORADIUS_RO', key, position, length, unit, options),
  {
    weight: 4,
    arbitrary: words('GEORADIUSBYMEMBER', key, member, length, unit, options, maybeStore),
  },
  words('GEORADIUSBYMEMBER_RO', key, member, length, unit, options, maybeStore),
  words('ZREM', key, member),
  words('DEL', key),
  words('SET', fc.constant('string'), fc.constant('x')),
);

const ALLOWED: readonly AllowedDifference[] = [
  {
    name: 'coordinates and scores are printed in their shortest form since 8.0',
    applies: (_command, real, ours) => isSameGeo(real, ours),
  },
];

describe.skipIf(redisServerPath() === null)('geo against redis-server', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  test.each([
    [128, false],
    [128, true],
    [0, false],
  ])('the same replies, zset-max-listpack-entries %i, RESP3: %s', async (entries, resp3) => {
    await server.command(['CONFIG', 'SET', 'zset-max-listpack-entries', entries]);
    await compareWithRedis(server, {
      specs: SPECS,
      command,
      probes: KEYS.map((name) => ['ZRANGE', name, '0', '-1', 'WITHSCORES']),
      allowed: ALLOWED,
      resp3,
      runs: RUNS,
      prepare: (runner) => {
        runner.state.limits.zsetMaxListpackEntries = entries;
      },
    });
  });

  test('members that ZADD made, with any score', async () => {
    const score = fc.oneof(
      fc.constantFrom('0', '-1', '1.5', '1e17', '-1e300', 'inf', '-inf', '9007199254740993'),
      fc.bigInt({ min: -(2n ** 62n), max: 2n ** 64n }).map(String),
    );
    await compareWithRedis(server, {
      specs: SPECS,
      command: fc.oneof(
        { weight: 2, arbitrary: words('ZADD', fc.constant('a'), score, fc.constantFrom('x', 'y')) },
        words('GEOPOS', fc.constant('a'), fc.constantFrom('x', 'y')),
        words('GEOHASH', fc.constant('a'), fc.constantFrom('x', 'y')),
        words('GEODIST', fc.constant('a'), fc.constant('x'), fc.constant('y')),
      ),
      probes: [],
      allowed: ALLOWED,
      resp3: false,
      runs: RUNS,
    });
  });
});
