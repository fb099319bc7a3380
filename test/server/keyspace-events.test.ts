/** Keyspace events as subscribers get them, from whatever thread a command runs on. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EVENT_ROWS, type EventRow } from '../commands/event-rows.ts';
import { decodeReply } from '../support/decode-reply.ts';
import { byKey, EventListener } from '../support/event-listener.ts';
import { CLOCK_START_MS } from '../support/local-runner.ts';
import { withRandom } from '../support/random.ts';
import type { RawClient } from '../support/raw-client.ts';
import { startTessera, waitUntil } from '../support/tessera.ts';

const THREADS = ['--io-threads', '2', '--shards', '4', '--shard-threads', '2'];
const MODES = [
  ['lease', THREADS],
  ['route', ['--lease', 'no', ...THREADS]],
] as const;

/** Rows whose commands name times of the virtual clock, or take a part of the server's. */
const VIRTUAL = new RegExp(`${String(CLOCK_START_MS).slice(0, 7)}|HIMPORT`);

const WRITERS = 6;
const COMMANDS_EACH = 250;
const words = (text: string): string[] => text.split(' ');

/** Runs rows of the table, and compares what is heard. */
async function compareRows(heard: EventListener, rows: readonly EventRow[]): Promise<void> {
  for (const [before, command, events, waitMs] of rows) {
    if (waitMs !== undefined || VIRTUAL.test(`${before.join(' ')} ${command}`)) continue;
    await heard.command(['FLUSHALL']);
    for (const text of before) await heard.command(words(text));
    await heard.take();
    await heard.command(words(command));
    const mine = events === '' ? [] : words(events);
    expect(await heard.take(), `${command} after ${before.join(', ')}`).toEqual(mine);
  }
}

describe.each(MODES)('by %s', (_mode, args) => {
  let server: Awaited<ReturnType<typeof startTessera>>;
  let heard: EventListener;
  beforeAll(async () => {
    server = await startTessera(args);
    heard = await EventListener.start(server.port, 'AKnocm');
  });
  afterAll(async () => {
    heard.close();
    expect(await server.stop()).toBe(0);
  });

  async function begin(classes: string): Promise<void> {
    await heard.command(['CONFIG', 'SET', 'notify-keyspace-events', classes]);
    await heard.command(['FLUSHALL']);
    await heard.take();
  }

  test('every command', async () => {
    await begin('AKnocm');
    await compareRows(heard, EVENT_ROWS);
  });

  test('a transaction over all shards, in the order of its commands', async () => {
    await begin('AK');
    const keys = Array.from({ length: 20 }, (_, i) => `key-${i}`);
    await heard.command(['MULTI']);
    for (const key of keys) await heard.command(['RPUSH', key, 'a']);
    await heard.command(['INCR', keys[0]!]);
    for (const key of keys) await heard.command(['LPOP', key]);
    await heard.command(['EXEC']);
    expect(await heard.take()).toEqual([
      ...keys.map((key) => `${key}:rpush`),
      ...keys.flatMap((key) => [`${key}:lpop`, `${key}:del`]),
    ]);
    await heard.command(['MULTI']);
    await heard.command(['SET', 'k', 'v']);
    await heard.command(['DISCARD']);
    expect(await heard.take()).toEqual([]);
  });

  test('clients that wait, and chains of them', async () => {
    await begin('AK');
    const popper = await server.connect();
    const mover = await server.connect();
    const popped = popper.command(['BLPOP', 'm', '0']);
    const moved = mover.command(['BLMOVE', 'l', 'm', 'LEFT', 'RIGHT', '0']);
    await waitUntil('two blocked clients', async () =>
      (await heard.command(['INFO', 'clients'])).includes('blocked_clients:2'),
    );
    await heard.command(['RPUSH', 'l', 'x']);
    expect(await moved).toBe('$1\r\nx\r\n');
    expect(decodeReply(await popped)).toEqual(['m', 'x']);
    const events = byKey(await heard.take());
    expect(events).toEqual([
      ['l', ['rpush', 'lpop', 'del']],
      ['m', ['rpush', 'lpop', 'del']],
    ]);
    popper.close();
    mover.close();
  });

  test('expired without an access', async () => {
    await begin('KxhgtS');
    await heard.command(['SET', 'k', 'v', 'PX', '20']);
    await heard.command(['HSET', 'h', 'f', 'v']);
    await heard.command(['HPEXPIRE', 'h', '20', 'FIELDS', '1', 'f']);
    const events: string[] = [];
    while (!events.includes('k:expired') || !events.includes('h:del')) {
      events.push((await heard.next())!);
    }
    expect(byKey(events)).toEqual([
      ['h', ['hset', 'hexpire', 'hexpired', 'del']],
      ['k', ['expire', 'expired']],
    ]);
  });

  test('evicted', async () => {
    await begin('Ke');
    await heard.command(['CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru']);
    const value = 'x'.repeat(100_000);
    for (let i = 0; i < 50; i++) await heard.command(['SET', `key-${i}`, value]);
    const used = /used_memory:(\d+)/.exec(await heard.command(['INFO', 'memory']))![1]!;
    await heard.command(['CONFIG', 'SET', 'maxmemory', String(Number(used) - 1_000_000)]);
    await heard.command(['SET', 'last', value]);
    const evicted = (await heard.next())!;
    expect(evicted).toMatch(/^(key-\d+|last):evicted$/);
    expect(await heard.command(['EXISTS', evicted.split(':')[0]!])).toBe(':0\r\n');
    await heard.command(['CONFIG', 'SET', 'maxmemory', '0']);
    await heard.take();
  });

  test('fields, and a subscriber that changes keys itself', async () => {
    await begin('KESTIVA');
    const client = await server.connect();
    await client.command(['HELLO', '3']);
    await client.command(['PSUBSCRIBE', '__*@0__:*']);
    client.send('*6\r\n$4\r\nHSET\r\n$1\r\nh\r\n$1\r\nf\r\n$1\r\nv\r\n$1\r\ng\r\n$1\r\nw\r\n');
    const pushed: string[] = [];
    for (let i = 0; i < 8; i++) {
      const reply = decodeReply(await client.readReply());
      if (Array.isArray(reply)) pushed.push(`${reply[2]} ${reply[3]}`);
      else expect(reply).toBe(2);
    }
    expect(pushed).toEqual([
      '__keyspace@0__:h hset',
      '__keyevent@0__:hset h',
      '__subkeyspace@0__:h hset|1:f,1:g',
      '__subkeyevent@0__:hset 1:h|1:f,1:g',
      '__subkeyspaceitem@0__:h\nf hset',
      '__subkeyspaceitem@0__:h\ng hset',
      '__subkeyspaceevent@0__:hset|h 1:f,1:g',
    ]);
    client.close();
    await heard.take();
  });

  test('many writers: each key tells its own story in order', () =>
    withRandom(async (random) => {
      await begin('AKn');
      const keys = ['a', 'b', 'c', 'd', 'e'];
      const writers: RawClient[] = [];
      for (let i = 0; i < WRITERS; i++) writers.push(await server.connect());
      const run = async (writer: RawClient, i: number): Promise<void> => {
        const key = keys[random.below(keys.length)]!;
        const isPush = random.oneIn(2);
        await writer.command(isPush ? ['RPUSH', key, String(i)] : ['LPOP', key]);
      };
      await Promise.all(
        writers.map(async (writer) => {
          for (let i = 0; i < COMMANDS_EACH; i++) await run(writer, i);
        }),
      );
      for (const [key, events] of byKey(await heard.take())) {
        const length = events.filter((event) => event === 'rpush').length;
        const popped = events.filter((event) => event === 'lpop').length;
        expect(await heard.command(['LLEN', key])).toBe(`:${length - popped}\r\n`);
        let size = 0;
        events.forEach((event, i) => {
          if (event === 'rpush') expect(events[i - 1] === 'new').toBe(size === 0);
          if (event === 'del') expect(size).toBe(0);
          size += event === 'rpush' ? 1 : event === 'lpop' ? -1 : 0;
          expect(size).toBeGreaterThanOrEqual(0);
        });
      }
      for (const writer of writers) writer.close();
    }));
});

test('with appendfsync always', async () => {
  const always = ['--appendonly', 'yes', '--appendfsync', 'always'];
  const server = await startTessera([...always, ...THREADS]);
  const heard = await EventListener.start(server.port, 'AKnocm');
  await compareRows(
    heard,
    EVENT_ROWS.filter((_, i) => i % 15 === 0),
  );
  for (const words of [['MULTI'], ['SET', 'a', '1'], ['SET', 'b', '2'], ['DEL', 'a'], ['EXEC']]) {
    await heard.command(words);
  }
  expect(await heard.take()).toEqual(['a:new', 'a:set', 'b:new', 'b:set', 'a:del']);
  await heard.command(['SET', 'k', 'v', 'PX', '20']);
  let event = await heard.next();
  while (event !== 'k:expired') event = await heard.next();
  heard.close();
  expect(await server.stop()).toBe(0);
});

test('the directive at the start, and a value that is none', async () => {
  const server = await startTessera(['--notify-keyspace-events', 'Kg$']);
  const client = await server.connect();
  const listener = await server.connect();
  await listener.command(['PSUBSCRIBE', '__key*']);
  await client.command(['SET', 'k', 'v']);
  expect(decodeReply(await listener.readReply())).toEqual([
    'pmessage',
    '__key*',
    '__keyspace@0__:k',
    'set',
  ]);
  const set = (value: string) => client.command(['CONFIG', 'SET', 'notify-keyspace-events', value]);
  expect(await set('KB')).toMatch(/Invalid event class character. Use 'Ag\$lshzxeKEtmdnocaSTIV'\./);
  for (const [value, shown] of [
    ['EKAA', 'AKE'],
    ['VITSmKEco', 'ocKEmSTIV'],
    ['KAn', 'AnK'],
    ['dtexzhsl$gE', 'g$lshzxetdE'],
    ['gag', 'ga'],
    ['', ''],
  ] as const) {
    expect(await set(value)).toBe('+OK\r\n');
    const reply = await client.command(['CONFIG', 'GET', 'notify-keyspace-events']);
    expect(decodeReply(reply)).toEqual(['notify-keyspace-events', shown]);
  }
  client.close();
  listener.close();
  expect(await server.stop()).toBe(0);
});
