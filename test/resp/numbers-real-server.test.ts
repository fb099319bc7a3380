/** Number syntax, extended-precision sums and globs against a real redis-server. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addExtended, formatExtended, parseExtended } from '../../src/base/decimal-float.ts';
import { globMatch } from '../../src/base/glob.ts';
import { parseFloat64, parseInt64 } from '../../src/base/number-text.ts';
import { ERRORS } from '../../src/resp/errors.ts';
import { latin1, multibulk, RealRedis, redisInstalled } from './real-redis.ts';

function incrByFloat(a: string, b: string): string {
  const left = parseExtended(a);
  const right = parseExtended(b);
  if (left === null || right === null) return '-' + ERRORS.NOT_FLOAT;
  const sum = addExtended(left, right);
  return sum === null ? '-' + ERRORS.NAN_OR_INFINITY : formatExtended(sum);
}

const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), maxLength: 22 });
const sign = fc.constantFrom('', '', '-', '+');
const decimal = fc
  .tuple(sign, digits, fc.constantFrom('.', ''), digits)
  .map((parts) => parts.join(''));
const scientific = fc
  .tuple(
    decimal,
    fc.constantFrom('e', 'E'),
    fc.oneof(fc.integer({ min: -30, max: 30 }), fc.integer({ min: -5000, max: 5000 })),
  )
  .map((parts) => parts.join(''));
const hexadecimal = fc
  .tuple(sign, fc.stringMatching(/^0[xX][\da-fA-F]{0,18}\.?[\da-fA-F]{0,6}(p[+-]?\d{1,4})?$/))
  .map((parts) => parts.join(''));
const odd = fc.string({ unit: fc.constantFrom(...'0123.eEx+-pinfaty \0'), maxLength: 6 });
const named = fc.constantFrom(
  'inf',
  '-inf',
  '+Infinity',
  'nan',
  '-nan',
  'nan(1)',
  '',
  '0x',
  '1e4932',
);
const short = fc.tuple(fc.integer(), fc.nat(4)).map(([n, places]) => String(n / 10 ** places));
const number = fc.oneof(
  { weight: 4, arbitrary: decimal },
  { weight: 4, arbitrary: short },
  { weight: 3, arbitrary: scientific },
  { weight: 2, arbitrary: hexadecimal },
  { weight: 1, arbitrary: odd },
  { weight: 1, arbitrary: named },
);

describe.skipIf(!redisInstalled)('like redis-server', () => {
  const redis = new RealRedis();

  beforeAll(() => redis.ready());
  afterAll(() => redis.stop());

  /** Replies to a pipeline of commands, each one line; the headers of bulk strings left out. */
  async function lines(commands: string[][]): Promise<string[]> {
    const stream = commands.map((args) => multibulk(...args)).join('');
    const answer = await redis.exchange(latin1(stream), true);
    return answer
      .split('\r\n')
      .slice(0, -1)
      .filter((line) => !/^\$[1-9]/.test(line));
  }

  test('INCRBYFLOAT, thousands of pairs', async () => {
    const pairs = fc.array(fc.tuple(number, number), { minLength: 50, maxLength: 50 });
    const property = fc.asyncProperty(pairs, async (list) => {
      const theirs = await lines(
        list.flatMap(([a, b]) => [
          ['SET', 'k', a],
          ['INCRBYFLOAT', 'k', b],
        ]),
      );
      expect(theirs.filter((line) => line !== '+OK')).toEqual(
        list.map(([a, b]) => incrByFloat(a, b)),
      );
    });
    await fc.assert(property, { numRuns: 120 });
  });

  test('which text is a double, and which one', async () => {
    const list = fc.array(number, { minLength: 50, maxLength: 50 });
    const property = fc.asyncProperty(list, async (texts) => {
      const theirs = await lines(
        texts.flatMap((text) => [
          ['DEL', 'z'],
          ['ZADD', 'z', '0', 'a', text, 'm'],
          ['ZSCORE', 'z', 'm'],
        ]),
      );
      texts.forEach((text, i) => {
        const value = parseFloat64(latin1(text), 0, text.length);
        const [, added, score] = theirs.slice(3 * i, 3 * i + 3);
        if (Number.isNaN(value)) {
          expect([text, added]).toEqual([text, '-' + ERRORS.NOT_FLOAT]);
        } else {
          const theirScore = Number(score!.replace('inf', 'Infinity'));
          expect([text, theirScore + 0]).toEqual([text, value + 0]);
        }
      });
    });
    await fc.assert(property, { numRuns: 60 });
  });

  test('which text is an integer', async () => {
    const text = fc.oneof(
      fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }).map(String),
      fc.constantFrom('9223372036854775807', '-9223372036854775808', '9223372036854775808'),
      fc.string({ unit: fc.constantFrom(...'0019-+ \0'), maxLength: 5 }),
    );
    const property = fc.asyncProperty(fc.array(text, { minLength: 50 }), async (texts) => {
      const theirs = await lines(
        texts.flatMap((value) => [
          ['SET', 'k', value],
          ['INCRBY', 'k', '0'],
        ]),
      );
      const ours = texts.map((value) =>
        Number.isNaN(parseInt64(latin1(value), 0, value.length))
          ? '-' + ERRORS.NOT_INTEGER
          : ':' + value,
      );
      expect(theirs.filter((line) => line !== '+OK')).toEqual(ours);
    });
    await fc.assert(property, { numRuns: 40 });
  });

  test('KEYS', async () => {
    const keys = [
      '',
      'a',
      'b',
      'ab',
      'abc',
      'ba]',
      '-',
      '^a',
      '\\',
      '[a-',
      'a*b',
      'B',
      '\xff',
      'aab',
    ];
    await lines(keys.map((key) => ['MSET', key, '1']));
    const pattern = fc
      .string({ unit: fc.constantFrom(...'abcB*?[]^-\\\xff'), maxLength: 7 })
      // A lone star is not matched at all: the server lists everything.
      .filter((text) => text !== '*');
    const property = fc.asyncProperty(pattern, async (text) => {
      const p = latin1(text);
      const theirs = await redis.exchange(latin1(multibulk('KEYS', text)), true);
      const found = theirs.slice(theirs.indexOf('*'));
      const ours = keys.filter((key) => {
        const t = latin1(key);
        return globMatch(p, 0, p.length, t, 0, t.length, false);
      });
      expect(found.startsWith(`*${ours.length}\r\n`)).toBe(true);
      for (const key of ours) expect(found).toContain(`$${key.length}\r\n${key}\r\n`);
    });
    await lines([['DEL', 'k', 'z']]);
    await fc.assert(property, { numRuns: 1000 });
  });

  test('case-insensitive patterns', async () => {
    const names = ['get', 'getdel', 'getex', 'geoadd', 'set', 'setex'];
    const pattern = fc.string({
      unit: fc.constantFrom(...'gGeEtTsSdDxX*?[]^-\\'),
      minLength: 1,
      maxLength: 7,
    });
    const property = fc.asyncProperty(pattern, async (text) => {
      const p = latin1(text);
      const theirs = await lines([['COMMAND', 'LIST', 'FILTERBY', 'PATTERN', text]]);
      for (const name of names) {
        const t = latin1(name);
        const ours = globMatch(p, 0, p.length, t, 0, t.length, true);
        expect([text, name, theirs.includes(name)]).toEqual([text, name, ours]);
      }
    });
    await fc.assert(property, { numRuns: 500 });
  });
});
