/**
 * Transactions over several shards are atomic: money moves between accounts, and the sum that
 * anyone reads stays.
 */
import { describe, expect, test } from 'vitest';
import { decodeReply } from '../support/decode-reply.ts';
import { Random, withRandom } from '../support/random.ts';
import type { RawClient } from '../support/raw-client.ts';
import { startTessera, type Tessera } from '../support/tessera.ts';
import { TOPOLOGIES } from './topologies.ts';

const ACCOUNTS = Array.from({ length: 50 }, (_, i) => `account:${i}`);
const START = 100;
const SUM = ACCOUNTS.length * START;
const WRITERS = 8;
const READERS = 4;
const TRANSFERS = 120;
const NULL_ARRAY = '*-1\r\n';

/** Two different accounts, from a few hot ones so that writers meet. */
function pair(random: Random): [string, string] {
  const from = random.below(ACCOUNTS.length);
  const to = (from + 1 + random.below(ACCOUNTS.length - 1)) % ACCOUNTS.length;
  return [ACCOUNTS[from]!, ACCOUNTS[to]!];
}

/** MULTI, two changes, EXEC: all sent at once, several transfers in flight. */
async function transferBlindly(client: RawClient, random: Random): Promise<void> {
  for (let i = 0; i < TRANSFERS; i += 4) {
    const replies: Promise<string>[] = [];
    for (let n = 0; n < 4; n++) {
      const [from, to] = pair(random);
      const amount = random.below(9);
      for (const words of [['MULTI'], ['DECRBY', from, amount], ['INCRBY', to, amount], ['EXEC']]) {
        replies.push(client.command(words));
      }
    }
    for (const [at, reply] of (await Promise.all(replies)).entries()) {
      if (at % 4 === 3) expect(reply).toMatch(/^\*2\r\n:-?\d+\r\n:-?\d+\r\n$/);
      else expect(reply).toBe(at % 4 === 0 ? '+OK\r\n' : '+QUEUED\r\n');
    }
  }
}

/**
 * Reads under WATCH, computes, writes; tries again when another was faster. Returns how often that
 * was.
 */
async function transferWatching(client: RawClient, random: Random): Promise<number> {
  let aborted = 0;
  for (let done = 0; done < TRANSFERS / 4; ) {
    const [from, to] = pair(random);
    const amount = random.below(9);
    expect(await client.command(['WATCH', from, to])).toBe('+OK\r\n');
    const [a, b] = decodeReply(await client.command(['MGET', from, to])) as [string, string];
    const commands = [
      ['MULTI'],
      ['SET', from, Number(a) - amount],
      ['SET', to, Number(b) + amount],
      ['EXEC'],
    ];
    const replies = await Promise.all(commands.map((words) => client.command(words)));
    expect(replies.slice(0, 3)).toEqual(['+OK\r\n', '+QUEUED\r\n', '+QUEUED\r\n']);
    if (replies[3] === NULL_ARRAY) aborted += 1;
    else {
      expect(replies[3]).toBe('*2\r\n+OK\r\n+OK\r\n');
      done += 1;
    }
  }
  return aborted;
}

/** Reads all accounts until the writers are done. */
async function readSums(client: RawClient, isDone: () => boolean): Promise<number> {
  let reads = 0;
  do {
    const plain = client.command(['MGET', ...ACCOUNTS]);
    const replies = ['MULTI', 'MGET', 'EXEC'].map((verb) =>
      client.command(verb === 'MGET' ? [verb, ...ACCOUNTS] : [verb]),
    );
    const [, , exec] = await Promise.all(replies);
    const inside = (decodeReply(exec!) as string[][])[0]!;
    for (const balances of [decodeReply(await plain) as string[], inside]) {
      expect(balances.reduce((sum, text) => sum + Number(text), 0)).toBe(SUM);
    }
    reads += 1;
  } while (!isDone());
  return reads;
}

async function run(
  server: Tessera,
  transfer: (client: RawClient, random: Random) => Promise<unknown>,
): Promise<void> {
  await withRandom(async (random) => {
    const clients = await Promise.all(
      Array.from({ length: WRITERS + READERS }, () => server.connect()),
    );
    await clients[0]!.command(['MSET', ...ACCOUNTS.flatMap((name) => [name, START])]);
    let isDone = false;
    const readers = clients.slice(WRITERS).map((client) => readSums(client, () => isDone));
    const writers = clients
      .slice(0, WRITERS)
      .map((client) => transfer(client, new Random(random.next())));
    try {
      await Promise.all(writers);
    } finally {
      isDone = true;
    }
    for (const reads of await Promise.all(readers)) expect(reads).toBeGreaterThan(0);
    for (const client of clients) client.close();
  });
}

describe.each(TOPOLOGIES)('%s', (_name, args) => {
  test('transfers by MULTI and by WATCH keep the sum', async () => {
    const server = await startTessera(args);
    try {
      await run(server, transferBlindly);
      await run(server, transferWatching);
    } finally {
      expect(await server.stop()).toBe(0);
    }
  });
});
