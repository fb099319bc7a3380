/**
 * Effects of one connection appear in the order sent, even on different shards and past slow
 * commands.
 */
import { describe, expect, test } from 'vitest';
import { decodeReply } from '../support/decode-reply.ts';
import type { RawClient } from '../support/raw-client.ts';
import { startTessera } from '../support/tessera.ts';
import { TOPOLOGIES } from './topologies.ts';

const ROUNDS = 400;
const PAIRS = 6;
const BIG_BITS = 8 * 3_000_000;

/** Writes x then y of every pair, several rounds in flight. */
async function write(client: RawClient): Promise<void> {
  for (let round = 1; round <= ROUNDS; round += 4) {
    const replies: Promise<string>[] = [];
    for (let r = round; r < round + 4; r++) {
      for (let pair = 0; pair < PAIRS; pair++) {
        replies.push(
          client.command(['SET', `x${pair}`, r]),
          client.command(['SET', `y${pair}`, r]),
        );
      }
    }
    for (const reply of await Promise.all(replies)) expect(reply).toBe('+OK\r\n');
  }
}

/** Reads y then x: x is never older than y. */
async function read(client: RawClient, isDone: () => boolean): Promise<void> {
  do {
    const replies: Promise<string>[] = [];
    for (let pair = 0; pair < PAIRS; pair++) {
      replies.push(client.command(['GET', `y${pair}`]), client.command(['GET', `x${pair}`]));
    }
    const values = (await Promise.all(replies)).map((reply) => Number(decodeReply(reply)));
    for (let pair = 0; pair < PAIRS; pair++) {
      const [y, x] = [values[pair * 2]!, values[pair * 2 + 1]!];
      if (y > x) expect(`y${pair} = ${y}, x${pair} = ${x}`).toBe('x at least y');
    }
    const both = Array.from({ length: PAIRS }, (_, pair) => [`x${pair}`, `y${pair}`]).flat();
    const together = (decodeReply(await client.command(['MGET', ...both])) as string[]).map(Number);
    for (let pair = 0; pair < PAIRS; pair++) {
      expect(together[pair * 2]!).toBeGreaterThanOrEqual(together[pair * 2 + 1]!);
    }
  } while (!isDone());
}

/** Keeps shards busy with slow reads. */
async function disturb(client: RawClient, isDone: () => boolean): Promise<void> {
  let i = 0;
  do {
    await client.command(i++ % 2 === 0 ? ['BITCOUNT', `big${i % 5}`] : ['KEYS', '*']);
  } while (!isDone());
}

describe.each(TOPOLOGIES)('%s', (_name, args) => {
  test('nobody sees y new and x old', async () => {
    const server = await startTessera(args);
    try {
      const clients = await Promise.all(Array.from({ length: 5 }, () => server.connect()));
      const setup = clients[0]!;
      for (let i = 0; i < 5; i++) await setup.command(['SETBIT', `big${i}`, BIG_BITS, 1]);
      let isDone = false;
      const others = [
        ...clients.slice(1, 4).map((client) => read(client, () => isDone)),
        disturb(clients[4]!, () => isDone),
      ];
      try {
        await write(setup);
      } finally {
        isDone = true;
      }
      await Promise.all(others);
      for (const client of clients) client.close();
    } finally {
      expect(await server.stop()).toBe(0);
    }
  });
});
