/**
 * Keyspace events beside those of a real redis-server: the rows of the table that it knows, and
 * random commands. Both are compared by key: between keys, Tessera may tell of a new one first.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ALL_COMMANDS } from '../../src/commands/registry.ts';
import { EVENT_ROWS } from '../commands/event-rows.ts';
import { type Command, type Family, randomCommand } from '../fuzz/diff-commands.ts';
import { type Decoded, decodeReply } from '../support/decode-reply.ts';
import { EventLog } from '../support/event-log.ts';
import { LocalRunner } from '../support/local-runner.ts';
import { withRandom } from '../support/random.ts';
import { RawClient } from '../support/raw-client.ts';
import { resetRunner } from '../support/recorder.ts';
import { redisServerPath, startRedis } from '../support/redis-server.ts';

/** Classes that 7.0 knows. */
const CLASSES = 'AKnm';
const MARK = 'events-mark';
const RANDOM_COMMANDS = 3000;
const EPOCH_COMMANDS = 60;
const FAMILIES: readonly Family[] = [
  ...(['string', 'bitmap', 'generic', 'list', 'hash', 'set', 'sort', 'zset'] as const),
  ...(['hll', 'geo'] as const),
];
/** Options and commands that came after 7.0. */
const NEWER = /IFEQ|MSETEX|LMOVEM|DELEX|INCREX|EXPIRE h|HP|HGETDEL|HGETEX|HSETEX|DIGEST|HIMPORT/;
const NEWER_TOO = /SUNIONCARD|SDIFFCARD|HTTL|HEXPIRE|DEBUG/;
/** 7.0 stores a value that is over at once, and lets it expire. */
const IS_OVER = / PXAT 1$/;

/** The events of each key, in order. */
function byKey(events: readonly string[]): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const event of events) {
    const at = event.lastIndexOf(':');
    const key = event.slice(0, at);
    found[key] ??= [];
    found[key].push(event.slice(at + 1));
  }
  return found;
}

/** A redis-server and a client that hears its events. */
class Real {
  readonly #client: RawClient;
  readonly #listener: RawClient;

  constructor(client: RawClient, listener: RawClient) {
    this.#client = client;
    this.#listener = listener;
  }

  async listen(): Promise<void> {
    await this.#client.command(['CONFIG', 'SET', 'notify-keyspace-events', CLASSES]);
    await this.#listener.command(['PSUBSCRIBE', '__keyspace@*', MARK]);
    await this.#listener.readReply();
  }

  command(words: Command): Promise<string> {
    return this.#client.command(words);
  }

  /** The events since the last call. */
  async take(): Promise<string[]> {
    const published = this.command(['PUBLISH', MARK, '']);
    const events: string[] = [];
    for (;;) {
      const [, , channel, name] = decodeReply(await this.#listener.readReply()) as Decoded[];
      if (channel === MARK) break;
      const [, db, key] = /^__keyspace@(\d+)__:(.*)$/s.exec(channel as string)!;
      events.push(`${key}${db === '0' ? '' : `@${db}`}:${name as string}`);
    }
    await published;
    return events;
  }

  close(): void {
    this.#client.close();
    this.#listener.close();
  }
}

describe.skipIf(redisServerPath() === null)('beside redis-server', () => {
  let redis: Awaited<ReturnType<typeof startRedis>>;
  let real: Real;
  const runner = new LocalRunner(ALL_COMMANDS, { arenaBytes: 1 << 26, shards: 3 });
  const log = new EventLog(runner.state, CLASSES);

  beforeAll(async () => {
    redis = await startRedis();
    real = new Real(await RawClient.connect(redis.port), await RawClient.connect(redis.port));
    await real.listen();
  });
  afterAll(async () => {
    real.close();
    await redis.stop();
  });

  const known = EVENT_ROWS.filter(([before, command, , waitMs]) => {
    const all = [...before, command].join('\n');
    return waitMs === undefined && !NEWER.test(all) && !NEWER_TOO.test(all) && !IS_OVER.test(all);
  });

  test('the rows of the table that 7.0 knows', async () => {
    expect(known.length).toBeGreaterThan(250);
    for (const [before, command, events] of known) {
      await real.command(['FLUSHALL']);
      for (const text of before) await real.command(text.split(' '));
      await real.take();
      const reply = await real.command(command.split(' '));
      const told = events.split(' ').filter((event) => !/:overwritten|:type_changed/.test(event));
      const mine = byKey(told.filter((event) => event !== ''));
      expect(byKey(await real.take()), `${command} after ${before.join(', ')}: ${reply}`).toEqual(
        mine,
      );
    }
  });

  test('random commands', () =>
    withRandom(async (random) => {
      const history: Command[] = [];
      for (let i = 0; i < RANDOM_COMMANDS; i++) {
        if (i % EPOCH_COMMANDS === 0) {
          await real.command(['FLUSHALL']);
          await real.command(['SELECT', '0']);
          await real.take();
          resetRunner(runner);
          log.takeAll();
          history.length = 0;
        }
        const words = randomCommand(random, FAMILIES);
        if (words[0] === 'CONFIG') continue;
        history.push(words);
        const realReply = await real.command(words);
        // SELECT is no command of shards.
        const isSelect = words[0] === 'SELECT' && realReply === '+OK\r\n';
        if (isSelect) runner.db = Number(words[1]);
        const reply = runner.run(...words);
        const mine = JSON.stringify(Object.entries(byKey(log.takeAll())).sort());
        const theirs = JSON.stringify(Object.entries(byKey(await real.take())).sort());
        if (mine === theirs || realReply.startsWith('-') !== reply.startsWith('-')) continue;
        throw new Error(`${JSON.stringify(history)}:\nreal ${theirs}\nours ${mine}`);
      }
    }));
});
