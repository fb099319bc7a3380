import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GENERIC_COMMANDS } from '../../src/commands/generic.ts';
import { HYPERLOGLOG_COMMANDS } from '../../src/commands/hyperloglog.ts';
import { STRING_COMMANDS } from '../../src/commands/string.ts';
import { LocalRunner } from '../support/local-runner.ts';
import { type RedisServer, redisServerPath, startRedis } from '../support/redis-server.ts';
import { type Command, compareWithRedis } from './differential.ts';

const SPECS = [...STRING_COMMANDS, ...GENERIC_COMMANDS, ...HYPERLOGLOG_COMMANDS];
const KEYS = ['a', 'b', 'c'];
const RUNS = 60;

const key = fc.constantFrom(...KEYS);
const element = fc.oneof(
  fc.integer({ min: 0, max: 5000 }).map(String),
  fc.string({ unit: 'binary-ascii', maxLength: 20 }),
);
/** Hundreds of elements: values that grow to thousands of runs. */
const many = fc
  .tuple(fc.nat({ max: 1_000_000 }), fc.integer({ min: 50, max: 900 }))
  .map(([first, count]) => Array.from({ length: count }, (_, i) => `${first + i}`));

function words(
  name: string,
  ...parts: fc.Arbitrary<string | readonly string[]>[]
): fc.Arbitrary<Command> {
  return fc.tuple(...parts).map((values) => [name, ...values.flat()]);
}

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 6, arbitrary: words('PFADD', key, fc.array(element, { maxLength: 5 })) },
  { weight: 6, arbitrary: words('PFADD', key, element) },
  { weight: 3, arbitrary: words('PFADD', key, many) },
  { weight: 3, arbitrary: words('PFCOUNT', key) },
  words('PFCOUNT', fc.array(key, { minLength: 2, maxLength: 3 })),
  words('PFMERGE', fc.array(key, { minLength: 1, maxLength: 3 })),
  { weight: 2, arbitrary: words('GET', key) },
  words('DEL', key),
  words('COPY', key, key, fc.constant('REPLACE')),
  words('SET', key, element),
  words('PFDEBUG', fc.constantFrom('ENCODING', 'decode', 'GETREG', 'todense', 'x'), key),
  words('OBJECT', fc.constant('ENCODING'), key),
);

describe.skipIf(redisServerPath() === null)('hyperloglogs against redis-server', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  test.each([
    [3000, false],
    [3000, true],
    [0, false],
    [100, false],
    [20_000, false],
  ])('the same replies and bytes, hll-sparse-max-bytes %i, RESP3: %s', async (max, resp3) => {
    await server.command(['CONFIG', 'SET', 'hll-sparse-max-bytes', max]);
    await compareWithRedis(server, {
      specs: SPECS,
      command,
      probes: KEYS.flatMap((name) => [
        ['GET', name],
        ['PFCOUNT', name],
        ['GET', name],
      ]),
      allowed: [],
      resp3,
      runs: RUNS,
      prepare: (runner) => {
        runner.state.limits.hllSparseMaxBytes = max;
      },
    });
  });

  test('values cross between the servers, from one element to a million', async () => {
    await server.command(['HELLO', 2]);
    await server.command(['CONFIG', 'SET', 'hll-sparse-max-bytes', 3000]);
    const runner = new LocalRunner(SPECS);
    await server.command(['DEL', 'h']);
    for (let done = 0; done < 1_000_000; done = Math.max(done + 1, done * 2)) {
      const count = Math.min(Math.max(1, done), 20_000);
      const elements = Array.from({ length: count }, (_, i) => `element:${done + i}`);
      const real = await server.command(['PFADD', 'h', ...elements]);
      expect(runner.run('PFADD', 'h', ...elements)).toBe(real);
      const bytes = runner.run('GET', 'h');
      expect(await server.command(['GET', 'h'])).toBe(bytes);
      const value = Buffer.from(bytes.slice(bytes.indexOf('\n') + 1, -2), 'latin1');
      await server.command(['SET', 'theirs', value]);
      expect(await server.command(['PFCOUNT', 'theirs'])).toBe(runner.run('PFCOUNT', 'h'));
      expect(await server.command(['PFCOUNT', 'h'])).toBe(runner.run('PFCOUNT', 'h'));
    }
  });
});
