/**
 * Messages larger than rings, and more of them than rings hold, by several clients at once; and
 * clients that vanish.
 */
import { describe, expect, test } from 'vitest';
import { Random, withRandom } from '../support/random.ts';
import { encodeCommand, type RawClient } from '../support/raw-client.ts';
import { startTessera, waitUntil } from '../support/tessera.ts';
import { TOPOLOGIES } from './topologies.ts';

const CLIENTS = 3;
const ROUNDS = 6;
const PIPELINE = 12;
const SIZES = [0, 1, 100, 5000, 65_000, 66_000, 131_000, 270_000, 1_100_000];

const bulk = (text: string): string => `$${text.length}\r\n${text}\r\n`;

/** Writes and reads back large values, many at a time. */
async function exchange(client: RawClient, name: string, random: Random): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    const replies: Promise<string>[] = [];
    const expected: string[] = [];
    const ask = (words: readonly string[], reply: string): void => {
      replies.push(client.command(words));
      expected.push(reply);
    };
    for (let i = 0; i < PIPELINE; i++) {
      const [a, b] = [`${name}:${random.below(9)}a`, `${name}:${random.below(9)}b`];
      const one = String.fromCharCode(97 + random.below(26)).repeat(random.pick(SIZES));
      const two = String.fromCharCode(65 + random.below(26)).repeat(random.pick(SIZES));
      ask(['SET', a, one], '+OK\r\n');
      ask(['MSET', a, two, b, one], '+OK\r\n');
      ask(['MGET', a, b], `*2\r\n${bulk(two)}${bulk(one)}`);
      ask(['STRLEN', a], `:${two.length}\r\n`);
      ask(['MULTI'], '+OK\r\n');
      ask(['APPEND', b, two], '+QUEUED\r\n');
      ask(['GET', b], '+QUEUED\r\n');
      ask(['EXEC'], `*2\r\n:${one.length + two.length}\r\n${bulk(one + two)}`);
      ask(['KEYS', a], `*1\r\n${bulk(a)}`);
    }
    const got = await Promise.all(replies);
    for (let i = 0; i < got.length; i++) {
      if (got[i] !== expected[i])
        expect([i, got[i]!.slice(0, 99)]).toEqual([i, expected[i]!.slice(0, 99)]);
    }
  }
}

/** Commands of so many arguments that their tables are large, too, and small ones behind them. */
async function exchangeWide(client: RawClient, name: string, random: Random): Promise<void> {
  const keys = Array.from({ length: 3000 + random.below(40_000) }, (_, i) => `${name}:${i}`);
  const pairs = keys.flatMap((key, i) => [key, String(i)]);
  const replies = [
    client.command(['MSET', ...pairs]),
    client.command(['STRLEN', keys.at(-1)!]),
    client.command(['MGET', ...keys]),
    client.command(['PING']),
    client.command(['DEL', ...keys]),
    client.command(['EXISTS', keys[0]!]),
  ];
  const values = keys.map((_, i) => bulk(String(i))).join('');
  expect(await replies[0]).toBe('+OK\r\n');
  expect(await replies[1]).toBe(`:${String(keys.length - 1).length}\r\n`);
  expect((await replies[2]) === `*${keys.length}\r\n${values}`).toBe(true);
  expect(await replies[3]).toBe('+PONG\r\n');
  expect(await replies[4]).toBe(`:${keys.length}\r\n`);
  expect(await replies[5]).toBe(':0\r\n');
}

/** A client that asks for much and goes away without reading. */
async function vanish(connect: () => Promise<RawClient>, isDone: () => boolean): Promise<void> {
  do {
    const client = await connect();
    client.socket.pause();
    for (let i = 0; i < 20; i++) {
      for (const words of [
        ['GET', 'huge'],
        ['WATCH', 'huge', 'x'],
        ['KEYS', '*'],
      ]) {
        client.send(encodeCommand(words));
      }
    }
    client.send(encodeCommand(['MULTI']));
    client.send(encodeCommand(['SET', 'x', '1']));
    await new Promise((resolve) => setTimeout(resolve, 5));
    client.socket.resetAndDestroy();
  } while (!isDone());
}

describe.each(TOPOLOGIES)('%s', (_name, args) => {
  test('large values', async () => {
    const server = await startTessera(args);
    try {
      await withRandom(async (random) => {
        const clients = await Promise.all(Array.from({ length: CLIENTS }, () => server.connect()));
        await clients[0]!.command(['SET', 'huge', 'h'.repeat(400_000)]);
        let isDone = false;
        const vanishing = vanish(server.connect, () => isDone);
        try {
          await Promise.all(
            clients.map((client, i) => exchange(client, `c${i}`, new Random(random.next()))),
          );
          await Promise.all(
            clients.map((client, i) => exchangeWide(client, `w${i}`, new Random(random.next()))),
          );
        } finally {
          isDone = true;
          await vanishing;
        }
        await waitUntil('all watches to be given back', async () => {
          const info = await clients[0]!.command(['INFO', 'clients']);
          return (
            info.includes(`connected_clients:${CLIENTS}\r`) &&
            info.includes('total_watched_keys:0\r')
          );
        });
        for (const client of clients) client.close();
      });
    } finally {
      expect(await server.stop()).toBe(0);
      expect(server.log()).not.toContain('BUG REPORT');
    }
  });
});
