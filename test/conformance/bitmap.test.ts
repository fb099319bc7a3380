import fc from 'fast-check';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { BITMAP_COMMANDS } from '../../src/commands/bitmap.ts';
import { STRING_COMMANDS } from '../../src/commands/string.ts';
import { type RedisServer, redisServerPath, startRedis } from '../support/redis-server.ts';
import { type AllowedDifference, type Command, compareWithRedis } from './differential.ts';
import { PROBE_COMMANDS } from './string-probes.ts';

const KEYS = ['a', 'b', 'c', 'k'.repeat(300)];
const LIST = 'list';
const RUNS = 120;

const key = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(...KEYS) },
  { weight: 1, arbitrary: fc.constant(LIST) },
);
const value = fc.oneof(
  fc
    .array(fc.integer({ min: 0, max: 255 }), { maxLength: 40 })
    .map((list) => String.fromCharCode(...list)),
  fc
    .constantFrom(0, 0xff, 0x55)
    .chain((byte) =>
      fc.integer({ min: 0, max: 70 }).map((length) => String.fromCharCode(byte).repeat(length)),
    ),
  fc.constantFrom('12345', '', `${'\0'.repeat(5000)}\x01`, '\xff'.repeat(5001)),
);
const bitOffset = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 300 }).map(String) },
  fc.constantFrom('-1', '40000', '4294967296', '9223372036854775807', 'x', '1.5', '#3'),
);
const bit = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom('0', '1') },
  fc.constantFrom('2', '-1', 'x'),
);
const index = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: -80, max: 80 }).map(String) },
  fc.integer({ min: -400, max: 400 }).map(String),
  fc.constantFrom('-9223372036854775808', '9223372036854775807', 'x'),
);
const unit = fc.constantFrom('BIT', 'byte', 'bit', 'BYTE', 'bits');
const fieldType = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(fc.constantFrom('i', 'u'), fc.integer({ min: 1, max: 63 }))
      .map((t) => t.join('')),
  },
  fc.constantFrom('i64', 'i8', 'u8', 'u32', 'i32', 'u63'),
  fc.constantFrom('u64', 'i65', 'u0', 'x8', 'i', '8', 'I8', ''),
);
const fieldOffset = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 200 }).map(String) },
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 12 }).map((n) => `#${n}`) },
  fc.constantFrom('-1', 'x', '#', '#-1', '#x', '4294967296'),
);
/**
 * Not below -2^62: there SET with OVERFLOW SAT of narrow fields overflows inside Redis and
 * saturates to the wrong end.
 */
const amount = fc.oneof(
  fc.integer({ min: -300, max: 300 }).map(String),
  fc.bigInt({ min: -(2n ** 62n), max: 2n ** 63n - 1n }).map(String),
  fc.constantFrom('9223372036854775807', '-4611686018427387904', '4503599627370497', 'x'),
);

function words(
  name: string,
  ...parts: fc.Arbitrary<string | readonly string[]>[]
): fc.Arbitrary<Command> {
  return fc.tuple(...parts).map((values) => [name, ...values.flat()]);
}

const fieldOp = fc.oneof(
  words('GET', fieldType, fieldOffset),
  words('SET', fieldType, fieldOffset, amount),
  { weight: 2, arbitrary: words('incrby', fieldType, fieldOffset, amount) },
  { weight: 2, arbitrary: words('OVERFLOW', fc.constantFrom('WRAP', 'sat', 'FAIL', 'SAT')) },
  words('OVERFLOW', fc.constantFrom('wrap', 'other')),
);
const fieldOps = fc
  .array(fieldOp, { maxLength: 5 })
  .map((list) => list.flat().map((word) => String(word)));
const sources = fc.array(key, { minLength: 1, maxLength: 4 });

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 5, arbitrary: words('SET', key, value) },
  words('DEL', key),
  words('GET', key),
  words('APPEND', key, value),
  { weight: 5, arbitrary: words('SETBIT', key, bitOffset, bit) },
  { weight: 3, arbitrary: words('GETBIT', key, bitOffset) },
  words('BITCOUNT', key),
  words('BITCOUNT', key, index),
  { weight: 2, arbitrary: words('BITCOUNT', key, index, index) },
  { weight: 3, arbitrary: words('BITCOUNT', key, index, index, unit) },
  words('BITPOS', key, bit),
  words('BITPOS', key, bit, index),
  { weight: 2, arbitrary: words('BITPOS', key, bit, index, index) },
  { weight: 4, arbitrary: words('BITPOS', key, bit, index, index, unit) },
  {
    weight: 4,
    arbitrary: words('BITOP', fc.constantFrom('AND', 'or', 'XOR', 'NOR'), key, sources),
  },
  { weight: 2, arbitrary: words('BITOP', fc.constant('NOT'), key, key) },
  words('BITOP', fc.constant('not'), key, sources),
  { weight: 8, arbitrary: words('BITFIELD', key, fieldOps) },
  { weight: 2, arbitrary: words('BITFIELD_RO', key, fieldOps) },
  { weight: 2, arbitrary: words('OBJECT', fc.constant('ENCODING'), fc.constantFrom(...KEYS)) },
  words('LPUSH', fc.constant(LIST), fc.constant('x')),
);

const ALLOWED: readonly AllowedDifference[] = [
  {
    name: 'since 7.2 BITCOUNT and BITPOS check their arguments before they look for the key',
    applies: (one, real, ours) =>
      (one[0] === 'BITCOUNT' || one[0] === 'BITPOS') &&
      (real.startsWith(':') || real.startsWith('-WRONGTYPE')) &&
      ours.startsWith('-ERR'),
  },
  { name: 'a second LPUSH makes the list longer', applies: (one) => one[0] === 'LPUSH' },
];

describe.skipIf(redisServerPath() === null)('bitmaps against redis-server', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  test.each([false, true])('the same replies, RESP3: %s', async (resp3) => {
    await compareWithRedis(server, {
      specs: [...STRING_COMMANDS, ...BITMAP_COMMANDS, ...PROBE_COMMANDS],
      command,
      probes: KEYS.flatMap((name) => [
        ['GET', name],
        ['OBJECT', 'ENCODING', name],
      ]),
      allowed: ALLOWED,
      resp3,
      runs: RUNS,
    });
  });
});
