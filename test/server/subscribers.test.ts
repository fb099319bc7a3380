/** Subscribers beside a model, and what of a message reaches whom. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { globMatch } from '../../src/base/glob.ts';
import { HalfSipHash } from '../../src/base/half-sip-hash.ts';
import {
  KIND_CHANNEL,
  KIND_PATTERN,
  KIND_SHARD_CHANNEL,
  type NameKind,
  type Subscriptions,
} from '../../src/commands/subscriptions.ts';
import { ChannelBoard } from '../../src/server/channel-board.ts';
import { LISTENS_TO_MESSAGES, Subscribers } from '../../src/server/subscribers.ts';

const KINDS: readonly NameKind[] = [KIND_CHANNEL, KIND_PATTERN, KIND_SHARD_CHANNEL];

class Client {
  subscriptions: Subscriptions | null = null;
  listens = 0;
  protocol: number;
  readonly got: string[] = [];
  /** The model: kind and name. */
  readonly names = KINDS.map(() => new Set<string>());

  constructor(protocol: number) {
    this.protocol = protocol;
  }
}

function part(text: string): { buf: Uint8Array; from: number; to: number } {
  const buf = Buffer.from(`<<${text}>>`, 'latin1');
  return { buf, from: 2, to: buf.length - 2 };
}

function frame(protocol: number, ...words: readonly string[]): string {
  const bulks = words.map((word) => `$${word.length}\r\n${word}\r\n`).join('');
  return `${protocol === 3 ? '>' : '*'}${words.length}\r\n${bulks}`;
}

function isMatch(pattern: string, text: string): boolean {
  const [p, t] = [Buffer.from(pattern, 'latin1'), Buffer.from(text, 'latin1')];
  return globMatch(p, 0, p.length, t, 0, t.length, false);
}

class World {
  readonly board = new ChannelBoard(ChannelBoard.create(2, 1 << 20), new HalfSipHash(3, 4));
  readonly clients = [2, 3, 2, 3].map((protocol) => new Client(protocol));
  counted = 0;
  readonly subscribers = new Subscribers<Client>(this.board, 1, {
    push: (client, buf, start, end) => {
      client.got.push(Buffer.from(buf.slice(start, end)).toString('latin1'));
    },
    counted: (clients) => {
      this.counted = clients;
    },
  });

  subscribe(client: Client, kind: NameKind, name: string): void {
    expect(this.subscribers.subscribe(client, kind, Buffer.from(name, 'latin1'))).toBe(true);
    client.names[kind]!.add(name);
  }

  unsubscribe(client: Client, kind: NameKind, name: string): void {
    this.subscribers.unsubscribe(client, kind, name);
    client.names[kind]!.delete(name);
  }

  /** What each client gets, by the model; patterns come in no particular order. */
  publish(isShard: boolean, channel: string, message: string): void {
    let expected = 0;
    const frames = this.clients.map(({ protocol, names }) => {
      const own: string[] = [];
      if (names[isShard ? KIND_SHARD_CHANNEL : KIND_CHANNEL]!.has(channel)) {
        own.push(frame(protocol, isShard ? 'smessage' : 'message', channel, message));
      }
      for (const pattern of isShard ? [] : names[KIND_PATTERN]!) {
        if (!isMatch(pattern, channel)) continue;
        own.push(frame(protocol, 'pmessage', pattern, channel, message));
      }
      expected += own.length;
      return own;
    });
    expect(this.subscribers.deliver(isShard, part(channel), part(message))).toBe(expected);
    this.clients.forEach((client, i) => {
      const [got, own] = [client.got.splice(0), frames[i]!];
      // The message of the channel itself comes first.
      if (own[0]?.includes('message\r\n') && !own[0].includes('pmessage')) {
        expect(got[0]).toBe(own[0]);
      }
      expect(got.sort()).toEqual(own.sort());
    });
  }

  check(): void {
    this.board.checkInvariants();
    this.subscribers.checkInvariants(this.clients);
    expect(this.counted).toBe(this.subscribers.clientCount);
    for (const { subscriptions, listens, names } of this.clients) {
      const isListening = names.some(({ size }) => size !== 0);
      expect(subscriptions !== null).toBe(isListening);
      expect(listens).toBe(isListening ? LISTENS_TO_MESSAGES : 0);
    }
    for (const kind of KINDS) {
      const all = new Set(this.clients.flatMap(({ names }) => [...names[kind]!]));
      expect(this.board.size(kind)).toBe(all.size);
    }
  }
}

const name = fc.oneof(
  fc.constantFrom('', 'a', 'b', 'ab', 'news.art', 'news.sport', 'x'.repeat(64), 'x'.repeat(65)),
  fc.constantFrom('*', 'a*', '?', 'news.*', '[ab]', '[^a]*', '\\*', 'n*t', '[a-', '\xff\x00'),
);

interface Step {
  readonly what: 'subscribe' | 'unsubscribe' | 'publish' | 'leave';
  readonly client: number;
  readonly kind: NameKind;
  readonly name: string;
}

const step: fc.Arbitrary<Step> = fc.record({
  what: fc.constantFrom('subscribe', 'subscribe', 'unsubscribe', 'publish', 'publish', 'leave'),
  client: fc.nat({ max: 3 }),
  kind: fc.constantFrom(...KINDS),
  name,
});

describe('subscribers', () => {
  test('get what a model says', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const world = new World();
        steps.forEach(({ what, client, kind, name: text }, i) => {
          const c = world.clients[client]!;
          if (what === 'subscribe') world.subscribe(c, kind, text);
          else if (what === 'unsubscribe') world.unsubscribe(c, kind, text);
          else if (what === 'publish') world.publish(kind === KIND_SHARD_CHANNEL, text, `m${i}`);
          else {
            world.subscribers.leave(c);
            for (const names of c.names) names.clear();
          }
        });
        world.check();
        for (const client of world.clients) world.subscribers.leave(client);
        for (const client of world.clients) for (const names of client.names) names.clear();
        world.check();
        expect(world.subscribers.clientCount).toBe(0);
      }),
      { numRuns: 150 },
    );
  });

  test.each([0, 1, 63, 64, 65, 4095, 4096, 100_000, 3_000_000])(
    'a message of %i bytes arrives whole, whatever the protocol',
    (length) => {
      const world = new World();
      const [a, b] = world.clients as [Client, Client];
      world.subscribe(a, KIND_CHANNEL, 'big');
      world.subscribe(b, KIND_CHANNEL, 'big');
      world.publish(false, 'big', 'm'.repeat(length));
      world.publish(false, 'big', 'small');
    },
  );

  test('a client counts once for each of its subscriptions', () => {
    const world = new World();
    const client = world.clients[0]!;
    world.subscribe(client, KIND_CHANNEL, 'news');
    world.subscribe(client, KIND_PATTERN, 'n*');
    world.subscribe(client, KIND_PATTERN, '*s');
    world.subscribe(client, KIND_SHARD_CHANNEL, 'news');
    world.publish(false, 'news', 'x');
    world.publish(true, 'news', 'x');
    expect(world.subscribers.deliver(false, part('news'), part('x'))).toBe(3);
    expect(world.subscribers.deliver(true, part('news'), part('x'))).toBe(1);
  });
});
