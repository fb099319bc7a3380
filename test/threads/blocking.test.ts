import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeCommand, RawClient } from '../support/raw-client.ts';
import { redisServerPath, startRedis } from '../support/redis-server.ts';
import { startTessera, type Tessera, waitUntil } from '../support/tessera.ts';
import { SCENARIOS } from './blocking-scenarios.ts';
import { transcript } from './blocking-stage.ts';
import { TOPOLOGIES } from './topologies.ts';

/** What differs by design: the name, version and fields of HELLO. */
function comparable(replies: readonly string[]): string[] {
  return replies.filter((reply) => !reply.startsWith('a> HELLO'));
}

describe.skipIf(redisServerPath() === null)('blocking commands, beside redis-server', () => {
  const expected = new Map<string, readonly string[]>();

  beforeAll(async () => {
    const redis = await startRedis();
    try {
      for (const [name, steps] of SCENARIOS) {
        expected.set(name, comparable(await transcript(redis.port, steps)));
      }
    } finally {
      await redis.stop();
    }
  });

  describe.each(TOPOLOGIES)('%s', (_, args) => {
    let server: Tessera;

    beforeAll(async () => {
      server = await startTessera([...args]);
    });

    afterAll(async () => {
      expect(await server.stop()).toBe(0);
    });

    test.each(SCENARIOS)('%s', async (name, steps) => {
      expect(comparable(await transcript(server.port, steps))).toEqual(expected.get(name));
    });
  });
});

describe.each(TOPOLOGIES)('what Redis 7.0 does not have: %s', (_, args) => {
  let server: Tessera;

  beforeAll(async () => {
    server = await startTessera([...args]);
  });

  afterAll(async () => {
    expect(await server.stop()).toBe(0);
  });

  test('BLMOVEM waits for exactly as many as it wants', async () => {
    const replies = await transcript(
      server.port,
      'a: BLMOVEM k l LEFT RIGHT 0 EXACTLY 3 BULK|b: BLPOP m 0|c> RPUSH k 1 2|c> RPUSH k 3 4|a<|' +
        'c> LRANGE l 0 -1|c> LRANGE k 0 -1|c> LMOVE k m LEFT LEFT|b<|' +
        'a> BLMOVEM k l LEFT LEFT 0.01|a> BLMOVEM k l LEFT LEFT 0.01 EXACTLY 0 BULK',
    );
    const of = (...words: readonly string[]): string =>
      `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`;
    expect(replies.map((reply) => reply.split('\t')[1])).toEqual([
      ':2\r\n',
      ':4\r\n',
      of('1', '2', '3'),
      of('1', '2', '3'),
      of('4'),
      '$1\r\n4\r\n',
      of('m', '4'),
      '*-1\r\n',
      '-ERR count should be greater than 0\r\n',
    ]);
  });

  test('INFO tells how many keys are waited for, and whose time runs out', async () => {
    const [a, b, control] = await Promise.all([1, 2, 3].map(() => RawClient.connect(server.port)));
    const counts = async (): Promise<string[]> =>
      (await control!.command(['INFO', 'clients'])).match(
        /(?<=(blocked_clients|timeout_table|blocking_keys):)\d+/g,
      ) ?? [];
    a!.send(encodeCommand(['BLPOP', 'i1', 'i2', 'i3', '0']));
    b!.send(encodeCommand(['BLPOP', 'i3', '100']));
    await waitUntil('two that wait', async () => (await counts()).join() === '2,1,3');
    a!.close();
    await waitUntil('one that waits', async () => (await counts()).join() === '1,1,1');
    await control!.command(['RPUSH', 'i3', 'x']);
    expect(await b!.readReply()).toBe('*2\r\n$2\r\ni3\r\n$1\r\nx\r\n');
    await waitUntil('nobody', async () => (await counts()).join() === '0,0,0');
    b!.close();
    control!.close();
  });

  test('WAITAOF without a replica', async () => {
    const client = await RawClient.connect(server.port);
    const counts = (local: number): string => `*2\r\n:${local}\r\n:0\r\n`;
    expect(await client.command(['WAITAOF', '0', '1', '10'])).toBe(counts(0));
    expect(await client.command(['CONFIG', 'SET', 'appendonly', 'yes'])).toBe('+OK\r\n');
    expect(await client.command(['SET', 'k', 'v'])).toBe('+OK\r\n');
    expect(await client.command(['WAITAOF', '1', '0', '0'])).toBe(counts(1));
    expect(await client.command(['WAITAOF', '1', '1', '1500'])).toBe(counts(1));
    expect(await client.command(['CONFIG', 'SET', 'appendonly', 'no'])).toBe('+OK\r\n');
    client.close();
  });
});
