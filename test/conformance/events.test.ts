/**
 * Keyspace events beside those of a real redis-server: the rows of the table that it knows, and
 * random commands. Both are compared by key: between keys, Tessera may tell of a new one first.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ALL_COMMANDS } from '../../src/commands/registry.ts';
import { EVENT_ROWS } from '../commands/event-rows.ts';
import { type Command, type Family, randomCommand } from '../fuzz/diff-commands.ts';
import { dependsOnMoment } from '../fuzz/diff-expiry.ts';
import { byKey, EventListener } from '../support/event-listener.ts';
import { EventLog } from '../support/event-log.ts';
import { LocalRunner } from '../support/local-runner.ts';
import { type Random, withRandom } from '../support/random.ts';
import { resetRunner } from '../support/recorder.ts';
import { redisServerPath, startRedis } from '../support/redis-server.ts';
import { startTessera } from '../support/tessera.ts';

/** Classes that 7.0 knows. */
const CLASSES = 'AKnm';
const RANDOM_COMMANDS = 3000;
/** Fewer over the wire, where each waits for its events. */
const SERVED_COMMANDS = 1000;
const EPOCH_COMMANDS = 60;
const FAMILIES: readonly Family[] = [
  ...(['string', 'bitmap', 'generic', 'list', 'hash', 'set', 'sort', 'zset'] as const),
  ...(['hll', 'geo'] as const),
];
/** Options and commands that came after 7.0. */
const NEWER = /IFEQ|MSETEX|LMOVEM|DELEX|INCREX|EXPIRE h|HP|HGETDEL|HGETEX|HSETEX|DIGEST|HIMPORT/;
const NEWER_TOO =
  /SUNIONCARD|SDIFFCARD|HTTL|HEXPIRE|DEBUG|XNACK|XDELEX|XACKDEL|IDMP|XCFG| CLAIM \d/;
/** 7.0 makes a consumer only where there is something to claim for it. */
const IS_EMPTY_CLAIM = /(^|\n)XCLAIM s g d 0 1-1$/;
/** 7.0 stores a value that is over at once, and lets it expire. */
const IS_OVER = / PXAT 1$/;

/** What runs commands and tells of events: a server, or a runner without one. */
interface Place {
  command(words: Command): Promise<string>;
  take(): Promise<string[]>;
  reset(): Promise<void>;
}

function serverPlace(listener: EventListener): Place {
  return {
    command: (words) => listener.command(words),
    take: () => listener.take(),
    async reset() {
      await listener.command(['SELECT', '0']);
      await listener.command(['FLUSHALL']);
      await listener.take();
    },
  };
}

function localPlace(): Place {
  const runner = new LocalRunner(ALL_COMMANDS, { arenaBytes: 1 << 26, shards: 3 });
  const log = new EventLog(runner.state, CLASSES);
  return {
    async command(words) {
      // SELECT is no command of shards.
      const db = words[0] === 'SELECT' && words.length === 2 ? Number(words[1]) : -1;
      if (db >= 0 && db < runner.state.limits.databases) runner.db = db;
      return runner.run(...words);
    },
    take: async () => log.takeAll(),
    async reset() {
      resetRunner(runner);
      log.take();
    },
  };
}

async function compare(real: Place, ours: Place, random: Random, commands: number): Promise<void> {
  const history: Command[] = [];
  for (let i = 0; i < commands; i++) {
    if (i % EPOCH_COMMANDS === 0) {
      await Promise.all([real.reset(), ours.reset()]);
      history.length = 0;
    }
    const words = randomCommand(random, FAMILIES);
    if (words[0] === 'CONFIG' || dependsOnMoment(words)) continue;
    history.push(words);
    const replies = await Promise.all([real.command(words), ours.command(words)]);
    const [theirs, mine] = (await Promise.all([real.take(), ours.take()])).map((events) =>
      JSON.stringify(byKey(events)),
    );
    // BITCOUNT and others look for syntax errors earlier than 7.0 does.
    const [isRealError, isError] = replies.map((reply) => reply.startsWith('-'));
    if (mine === theirs || isRealError !== isError) continue;
    throw new Error(`${JSON.stringify(history)}:\nreal ${theirs}\nours ${mine}`);
  }
}

describe.skipIf(redisServerPath() === null)('beside redis-server', () => {
  let redis: Awaited<ReturnType<typeof startRedis>>;
  let listener: EventListener;

  beforeAll(async () => {
    redis = await startRedis();
    listener = await EventListener.start(redis.port, CLASSES);
  });
  afterAll(async () => {
    listener.close();
    await redis.stop();
  });

  test('the rows of the table that 7.0 knows', async () => {
    const real = serverPlace(listener);
    const known = EVENT_ROWS.filter(([before, command, , waitMs]) => {
      const all = [...before, command].join('\n');
      const isOther = [NEWER, NEWER_TOO, IS_OVER, IS_EMPTY_CLAIM].some((one) => one.test(all));
      return waitMs === undefined && !isOther;
    });
    expect(known.length).toBeGreaterThan(250);
    for (const [before, command, events] of known) {
      await real.reset();
      for (const text of before) await real.command(text.split(' '));
      await real.take();
      const reply = await real.command(command.split(' '));
      const told = events
        .split(' ')
        .filter((event) => !/^$|:overwritten|:type_changed/.test(event));
      const theirs = byKey(await real.take());
      expect(theirs, `${command} after ${before.join(', ')}: ${reply}`).toEqual(byKey(told));
    }
  });

  test('random commands, without a server', () =>
    withRandom((random) => compare(serverPlace(listener), localPlace(), random, RANDOM_COMMANDS)));

  test.each(['yes', 'no'])('random commands, with lease %s', (lease) =>
    withRandom(async (random) => {
      const server = await startTessera(['--lease', lease, '--io-threads', '2', '--shards', '4']);
      const ours = await EventListener.start(server.port, CLASSES);
      try {
        await compare(serverPlace(listener), serverPlace(ours), random, SERVED_COMMANDS);
      } finally {
        ours.close();
        expect(await server.stop()).toBe(0);
      }
    }),
  );
});
