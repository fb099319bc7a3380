/**
 * A queue over lists: producers and consumers that wait, some of which are killed in the middle.
 * Every element is delivered exactly once.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Random, withRandom } from '../support/random.ts';
import { encodeCommand, RawClient } from '../support/raw-client.ts';
import { startTessera, type Tessera, waitUntil } from '../support/tessera.ts';

const KEYS = 20;
const PRODUCERS = 50;
const CONSUMERS = 50;
const ELEMENTS = 100;
const KINDS = ['BLPOP', 'BRPOP', 'BLMPOP', 'BLMOVE'] as const;
/** Consumers that die: what they are served goes to a list, and is not lost with them. */
const MORTAL = 10;

/** Consumers and what they were given. */
class Consumers {
  readonly got: string[] = [];
  readonly #port: number;
  readonly #mortal = new Set<RawClient>();
  readonly #running: Promise<void>[] = [];
  isOver = false;

  constructor(port: number) {
    this.#port = port;
  }

  start(random: Random, isMortal: boolean): void {
    this.#running.push(this.#consume(random, isMortal));
  }

  async #consume(random: Random, isMortal: boolean): Promise<void> {
    const client = await RawClient.connect(this.#port);
    if (isMortal) this.#mortal.add(client);
    while (!client.isClosed && !this.isOver) {
      const keys = Array.from({ length: 1 + random.below(4) }, () => `q${random.below(KEYS)}`);
      const kind = isMortal ? 'BLMOVE' : KINDS[random.below(KINDS.length)]!;
      let words: string[] = [kind, ...keys, '0.2'];
      if (kind === 'BLMPOP')
        words = [kind, '0.2', String(keys.length), ...keys, 'LEFT', 'COUNT', '3'];
      if (kind === 'BLMOVE') words = [kind, keys[0]!, 'done', 'LEFT', 'RIGHT', '0.2'];
      client.send(encodeCommand(words));
      const reply = await client.readReply().catch(() => '');
      this.got.push(...(kind === 'BLMOVE' ? [] : (reply.match(/^e\d+:\d+$/gm) ?? [])));
    }
    this.#mortal.delete(client);
    client.close();
  }

  /** Kills a mortal one; another takes its place. */
  kill(random: Random): void {
    for (const client of this.#mortal) {
      client.close();
      this.start(random, true);
      return;
    }
  }

  async stop(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.#running);
  }
}

async function produce(port: number, producer: number, random: Random): Promise<void> {
  const client = await RawClient.connect(port);
  for (let i = 0; i < ELEMENTS; ) {
    const elements: string[] = [];
    for (let n = 1 + random.below(3); n > 0 && i < ELEMENTS; n--)
      elements.push(`e${producer}:${i++}`);
    const key = `q${random.below(KEYS)}`;
    const way = random.below(4);
    if (way === 0) {
      await client.command(['MULTI']);
      await client.command(['RPUSH', key, ...elements]);
      await client.command(['EXEC']);
    } else if (way === 1) {
      await client.command(['RPUSH', `t${producer}`, ...elements]);
      while ((await client.command(['RENAMENX', `t${producer}`, key])) === ':0\r\n');
    } else {
      await client.command([way === 2 ? 'LPUSH' : 'RPUSH', key, ...elements]);
    }
  }
  client.close();
}

describe.each(['yes', 'no'])('with --lease %s', (lease) => {
  let server: Tessera;

  beforeAll(async () => {
    const args = ['--io-threads', '2', '--shards', '8', '--shard-threads', '2', '--lease', lease];
    server = await startTessera(args);
  });

  afterAll(async () => {
    expect(await server.stop()).toBe(0);
  });

  test('every element is delivered exactly once', async () => {
    await withRandom(async (random) => {
      const control = await RawClient.connect(server.port);
      await control.command(['FLUSHALL']);
      const consumers = new Consumers(server.port);
      for (let i = 0; i < CONSUMERS; i++) consumers.start(random, i < MORTAL);
      const producers = Array.from({ length: PRODUCERS }, (_, i) =>
        produce(server.port, i, random),
      );
      const killer = setInterval(() => consumers.kill(random), 5);
      await Promise.all(producers);
      clearInterval(killer);
      await waitUntil('empty queues', async () => {
        const keys = Array.from({ length: KEYS }, (_, i) => `q${i}`);
        return (await control.command(['EXISTS', ...keys])) === ':0\r\n';
      });
      await consumers.stop();
      const moved = (await control.command(['LRANGE', 'done', '0', '-1'])).match(/^e\d+:\d+$/gm);
      const all = [...consumers.got, ...(moved ?? [])];
      expect(all).toHaveLength(PRODUCERS * ELEMENTS);
      expect(new Set(all).size).toBe(all.length);
      control.close();
    });
  });

  test('nothing goes to a client that died while it waited', async () => {
    await withRandom(async (random) => {
      const control = await RawClient.connect(server.port);
      await control.command(['FLUSHALL']);
      const keys = Array.from({ length: KEYS }, (_, i) => `d${i}`);
      let delivered = 0;
      let sent = 0;
      for (let round = 0; round < 30; round++) {
        const waiting = await Promise.all(
          Array.from({ length: 10 }, () => RawClient.connect(server.port)),
        );
        for (const client of waiting) client.send(encodeCommand(['BLPOP', ...keys, '0']));
        await blocked(control, waiting.length);
        const dead = waiting.splice(0, 1 + random.below(9));
        for (const client of dead) client.close();
        await blocked(control, waiting.length);
        for (const client of waiting) {
          void client.readReply().then(() => {
            delivered += 1;
          });
          await control.command(['RPUSH', keys[random.below(keys.length)]!, `x${sent++}`]);
        }
        await waitUntil('all replies', () => delivered === sent);
        for (const client of waiting) client.close();
      }
      expect(await control.command(['DBSIZE'])).toBe(':0\r\n');
      control.close();
    });
  });
});

async function blocked(control: RawClient, count: number): Promise<void> {
  await waitUntil(`${count} blocked clients`, async () => {
    const info = await control.command(['INFO', 'clients']);
    return info.includes(`blocked_clients:${count}\r\n`);
  });
}
