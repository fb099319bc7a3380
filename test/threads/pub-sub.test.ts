/**
 * Pub/sub over threads at size: a thousand subscribers, messages of several publishers. Each
 * subscriber gets every message of its channels once, those of one publisher in order, and the
 * replies of PUBLISH add up to what arrives.
 */
import { describe, expect, test } from 'vitest';
import { MessageReader } from '../support/message-reader.ts';
import { Random, withRandom } from '../support/random.ts';
import { encodeCommand, type RawClient } from '../support/raw-client.ts';
import { startTessera, type Tessera, waitUntil } from '../support/tessera.ts';

const SUBSCRIBERS = 1000;
/** Half of them have a subscriber of their own. */
const CHANNELS = 2000;
const PUBLISHERS = 8;
/** Of these one in so many goes to everybody. */
const TO_ALL_ONE_IN = 20_000;
const BATCH = 500;

/** What a subscriber saw, checked as it comes. */
class Seen {
  received = 0;
  /** Number of the last message from each publisher. */
  readonly last = new Int32Array(PUBLISHERS).fill(-1);
  readonly faults: string[] = [];

  note(own: string, channel: string, payload: string): void {
    this.received += 1;
    if (channel !== own && channel !== 'all') this.faults.push(`a message of ${channel}`);
    const [publisher, number] = payload.split(' ').map(Number) as [number, number];
    // Messages of other channels lie between, so numbers grow, but not by one.
    if (number <= this.last[publisher]!) this.faults.push(`${payload} came late`);
    this.last[publisher] = number;
  }
}

interface Audience {
  readonly readers: readonly MessageReader[];
  readonly seen: readonly Seen[];
}

/** Half of the subscribers speak RESP3; one in ten listens by a pattern. */
async function subscribeAll(server: Tessera): Promise<Audience> {
  const seen = Array.from({ length: SUBSCRIBERS }, () => new Seen());
  const readers = await Promise.all(
    seen.map(async (one, i) => {
      const own = `channel:${i % CHANNELS}`;
      const isPattern = i % 10 === 0;
      const reader = await MessageReader.open(server.port, (kind, words) => {
        const [channel, payload] = words.slice(-2) as [string, string];
        const isExpected = kind === 'message' ? channel === 'all' || !isPattern : isPattern;
        if (!isExpected) one.faults.push(`a ${kind}`);
        one.note(own, channel, payload);
      });
      if (i % 2 === 0) reader.send(['HELLO', '3']);
      reader.send(['SUBSCRIBE', 'all']);
      if (isPattern) reader.send(['PSUBSCRIBE', `channel:${i % CHANNELS}`]);
      else reader.send(['SUBSCRIBE', own]);
      return reader;
    }),
  );
  await waitUntil('all to be subscribed', () => readers.every(({ confirmed }) => confirmed === 2));
  return { readers, seen };
}

/** The sum of the integers that the server answers, `replies` of them. */
function sumOfReplies(client: RawClient, replies: number): Promise<number> {
  return new Promise((resolve) => {
    let sum = 0;
    let left = replies;
    let rest = '';
    client.socket.removeAllListeners('data');
    client.socket.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString('latin1')).split('\r\n');
      rest = lines.pop()!;
      for (const line of lines) sum += Number(line.slice(1));
      left -= lines.length;
      if (left === 0) resolve(sum);
    });
  });
}

/** Publishes in pipelines; `sentTo` counts the messages by channel. Returns the sum of replies. */
async function publish(
  client: RawClient,
  publisher: number,
  messages: number,
  random: Random,
  sentTo: Map<string, number>,
): Promise<number> {
  let counted = 0;
  for (let sent = 0; sent < messages; sent += BATCH) {
    const commands: Buffer[] = [];
    for (let i = 0; i < BATCH; i++) {
      const isForAll = random.oneIn(TO_ALL_ONE_IN);
      const channel = isForAll ? 'all' : `channel:${random.below(CHANNELS)}`;
      sentTo.set(channel, (sentTo.get(channel) ?? 0) + 1);
      commands.push(encodeCommand(['PUBLISH', channel, `${publisher} ${sent + i}`]));
    }
    const replies = sumOfReplies(client, BATCH);
    client.send(Buffer.concat(commands));
    counted += await replies;
  }
  return counted;
}

describe.each([
  ['auto', 200_000],
  ['node-net', 10_000],
])('%s, two I/O threads', (transport, messages) => {
  test(`a thousand subscribers get ${messages} messages, once and in order`, async () => {
    const args = ['--transport', transport, '--io-threads', '2', '--shards', '8'];
    const server = await startTessera(args);
    try {
      await withRandom(async (random) => {
        const { readers, seen } = await subscribeAll(server);
        const sentTo = new Map<string, number>();
        const own = Array.from({ length: PUBLISHERS }, () => new Random(random.next()));
        const counts = await Promise.all(
          own.map(async (one, i) =>
            publish(await server.connect(), i, messages / PUBLISHERS, one, sentTo),
          ),
        );
        const counted = counts.reduce((sum, count) => sum + count, 0);
        const received = (): number => seen.reduce((sum, one) => sum + one.received, 0);
        await waitUntil('every message to arrive', () => received() === counted);
        const toAll = sentTo.get('all') ?? 0;
        seen.forEach((one, i) => {
          expect(one.faults).toEqual([]);
          expect(one.received).toBe(toAll + (sentTo.get(`channel:${i % CHANNELS}`) ?? 0));
        });
        for (const reader of readers) reader.close();
        const client = await server.connect();
        await waitUntil('nobody to be subscribed', async () => {
          const channels = await client.command(['PUBSUB', 'CHANNELS']);
          return channels === '*0\r\n' && (await client.command(['PUBSUB', 'NUMPAT'])) === ':0\r\n';
        });
        expect(received()).toBe(counted);
      });
    } finally {
      expect(await server.stop()).toBe(0);
    }
  });
});
