import fc from 'fast-check';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { GENERIC_COMMANDS } from '../../src/commands/generic.ts';
import { HASH_COMMANDS } from '../../src/commands/hash.ts';
import { STRING_COMMANDS } from '../../src/commands/string.ts';
import { decodeReply } from '../support/decode-reply.ts';
import { type RedisServer, redisServerPath, startRedis } from '../support/redis-server.ts';
import { type Command, compareWithRedis } from './differential.ts';

const KEYS = ['h', 'g', 'k'.repeat(300)];
const OTHER = 'string';
const RUNS = 120;

const key = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(...KEYS) },
  { weight: 1, arbitrary: fc.constant(OTHER) },
);
const field = fc.oneof(
  fc.constantFrom('a', 'b', 'c', '', '1', '-1', '01', 'x'.repeat(64), 'x'.repeat(65)),
  fc.nat({ max: 30 }).map((n) => `field:${n}`),
);
const value = fc.oneof(
  fc.integer().map(String),
  fc.constantFrom('', 'v', '0.5', '1e3', ' 1', '9223372036854775807', '-9223372036854775808'),
  fc.constantFrom(63, 64, 65, 254, 255, 5000).map((length) => 'v'.repeat(length)),
);
const delta = fc.constantFrom('1', '-7', '9223372036854775807', '-9223372036854775808', 'x', '1.5');
const float = fc.constantFrom('1', '-0.1', '3.0e3', 'inf', '-inf', 'nan', 'x', '1e400', '');
const count = fc.constantFrom(
  ...['0', '1', '5', '-5', '100', 'x', '-9223372036854775808', '9223372036854775807'],
);

function words(
  name: string,
  ...parts: fc.Arbitrary<string | readonly string[]>[]
): fc.Arbitrary<Command> {
  return fc.tuple(...parts).map((values) => [name, ...values.flat()]);
}

const fields = fc.array(field, { minLength: 1, maxLength: 6 });
const pairs = fc
  .array(fc.tuple(field, value), { minLength: 1, maxLength: 8 })
  .map((list) => list.flat());

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 6, arbitrary: words('HSET', key, pairs) },
  words('HSET', key, pairs, field),
  { weight: 2, arbitrary: words('HMSET', key, pairs) },
  { weight: 2, arbitrary: words('HSETNX', key, field, value) },
  { weight: 2, arbitrary: words('HGET', key, field) },
  { weight: 2, arbitrary: words('HMGET', key, fields) },
  words('HGETALL', key),
  words('HKEYS', key),
  words('HVALS', key),
  words('HLEN', key),
  { weight: 2, arbitrary: words('HEXISTS', key, field) },
  { weight: 2, arbitrary: words('HSTRLEN', key, field) },
  { weight: 4, arbitrary: words('HDEL', key, fields) },
  { weight: 3, arbitrary: words('HINCRBY', key, field, delta) },
  { weight: 3, arbitrary: words('HINCRBYFLOAT', key, field, float) },
  words('HRANDFIELD', key),
  words('HRANDFIELD', key, count),
  words('HRANDFIELD', key, count, fc.constantFrom('WITHVALUES', 'withvalues', 'x')),
  words('HSCAN', key, fc.constantFrom('0', 'x'), fc.constantFrom([], ['COUNT', '1000'])),
  words('OBJECT', fc.constant('ENCODING'), fc.constantFrom(...KEYS)),
  words('DEL', key),
  words('SET', fc.constant(OTHER), fc.constant('x')),
);

/** The elements of a reply in order, those of a map or of its RESP2 form pair by pair. */
function elements(reply: string, step: number): string {
  const decoded: unknown = decodeReply(reply);
  const flat = decoded instanceof Map ? [...decoded].flat() : [...(decoded as Iterable<unknown>)];
  const groups: string[] = [];
  for (let i = 0; i < flat.length; i += step) groups.push(JSON.stringify(flat.slice(i, i + step)));
  return groups.sort().join();
}

function isOrder([name]: Command, real: string, ours: string): boolean {
  if (!/^[*%]/.test(real) || real[0] !== ours[0]) return false;
  if (name === 'HGETALL') return elements(real, 2) === elements(ours, 2);
  if (name === 'HKEYS' || name === 'HVALS') return elements(real, 1) === elements(ours, 1);
  if (name !== 'HSCAN') return false;
  // A hashtable is scanned in steps that are each server's own.
  return real.startsWith('*2\r\n') && ours.startsWith('*2\r\n');
}

/** As many fields; which of them is a matter of chance. */
function isRandom([name]: Command, real: string, ours: string): boolean {
  if (name !== 'HRANDFIELD' || !/^[*$]\d/.test(real)) return false;
  const [header] = real.split('\r\n', 1);
  return real.startsWith('*') ? ours.startsWith(`${header}\r\n`) : ours.startsWith('$');
}

describe.skipIf(redisServerPath() === null)('hashes against redis-server', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  test.each([false, true])('the same replies, RESP3: %s', async (resp3) => {
    await compareWithRedis(server, {
      specs: [...HASH_COMMANDS, ...STRING_COMMANDS, ...GENERIC_COMMANDS],
      command,
      probes: KEYS.flatMap((name) => [
        ['HGETALL', name],
        ['HLEN', name],
        ['OBJECT', 'ENCODING', name],
      ]),
      allowed: [
        { name: 'order', applies: isOrder },
        { name: 'random fields', applies: isRandom },
      ],
      resp3,
      runs: RUNS,
    });
  });
});
