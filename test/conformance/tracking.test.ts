/**
 * Client-side caching beside a real redis-server: the same commands of several clients, and all
 * that each of them receives, byte by byte and in its order.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RawClient } from '../support/raw-client.ts';
import { type RedisServer, redisServerPath, startRedis } from '../support/redis-server.ts';
import { startTessera, type Tessera, waitUntil } from '../support/tessera.ts';

/**
 * Each line is a client and its command; `{r}` stands for the id of client r. Clients a to d speak
 * RESP3, the others RESP2; a minus before the name says that no reply comes now. A client `!`
 * closes: its command is the name of the client that does.
 */
const SCENARIOS: readonly (readonly [name: string, script: string])[] = [
  [
    'what is read is told of once',
    `a CLIENT TRACKING on; b SET k 1; a GET k; b SET k 2; b SET k 3; a GET k; b DEL k; b SET k 4;
     a GET none; b SET none 1; a EXISTS x y x; b MSET x 1 y 2; a GET x; b GET x; b EXPIRE x 100;
     a TTL x; b PERSIST x; a TYPE x; b RENAME x y; a GET y; a GET x; b COPY y x`,
  ],
  [
    'reads of all kinds',
    `a CLIENT TRACKING on; b HSET h f 1; b RPUSH l 1 2 3; b SADD s 1 2; b ZADD z 1 m;
     a HGET h f; b HINCRBY h f 1; a HGETALL h; b HDEL h f; a LRANGE l 0 -1; b LPUSH l 0;
     a LLEN l; b LMOVE l l2 LEFT RIGHT; a LINDEX l2 0; b LSET l2 0 9; a SMEMBERS s; b SADD s 3;
     a SISMEMBER s 3; b SADD s 3; b SREM s 3; a ZRANGE z 0 -1; b ZADD z 2 m; a ZSCORE z m;
     b ZINCRBY z 1 m; a SUNION s t; b SADD t 9; a MGET k1 k2 k3; b MSET k3 1 k1 2;
     a STRLEN k1; b APPEND k1 x; a GETRANGE k1 0 1; b SETRANGE k1 0 y; a BITCOUNT k1;
     b SETBIT k1 0 1; a PFCOUNT p; b PFADD p a; a OBJECT ENCODING k1; b SET k1 n; a SORT_RO l;
     b RPUSH l 7; a GETEX k1; b SET k1 m; a DUMP k2; b SET k2 q; a TOUCH k3; b SET k3 w`,
  ],
  [
    'a change by its own client is told behind the reply',
    `a CLIENT TRACKING on; a SET k 1; a GET k; a SET k 2; a GET k; a INCR k; a MGET k j i;
     a MSET j 1 i 2 k 3; a MULTI; a GET k; a INCR k; a GET j; a EXEC; a DEL k; a DEL j`,
  ],
  [
    'NOLOOP',
    `a CLIENT TRACKING on NOLOOP; a GET k; a SET k 1; b SET k 2; a GET k; b SET k 3;
     c CLIENT TRACKING on BCAST NOLOOP; c SET k 4; b SET k 5; a MULTI; a GET k; a SET k 1; a EXEC`,
  ],
  [
    'OPTIN and OPTOUT',
    `a CLIENT TRACKING on OPTIN; a GET k; b SET k 1; a CLIENT CACHING yes; a GET k; b SET k 2;
     a GET k; b SET k 3; a CLIENT CACHING yes; a MULTI; a GET k; a GET j; a EXEC; b SET k 4;
     b SET j 4; a GET j; b SET j 5; a MULTI; a GET i; a CLIENT CACHING yes; a GET j; a EXEC;
     b SET j 1; a CLIENT TRACKING off; a CLIENT TRACKING on OPTOUT; a GET k; b SET k 5;
     a CLIENT CACHING no; a GET k; b SET k 6; a GET k; b SET k 7; a CLIENT TRACKINGINFO`,
  ],
  [
    'BCAST: keys in order, one array for each prefix',
    `a CLIENT TRACKING on BCAST; b SET k 1; b MSET z 1 a 2 m 3; b DEL nothing; b DEL a; b GET z;
     c CLIENT TRACKING on BCAST PREFIX user: PREFIX cart:; b SET user:1 x; b SET other 1;
     b MSET user:2 1 cart:9 2 user:10 3 cart: 4 use 5; c SET user:3 y; a SET cart:1 y;
     d CLIENT TRACKING on BCAST NOLOOP PREFIX user:; d SET user:4 1; d MULTI; d SET user:5 1;
     d SET user:6 1; d EXEC; b MULTI; b SET user:7 1; b SET user:7 2; b EXEC;
     c CLIENT TRACKING on BCAST PREFIX more:; b SET more:1 1; c CLIENT TRACKING off;
     b SET user:8 1; c CLIENT TRACKINGINFO; d CLIENT TRACKINGINFO`,
  ],
  [
    'all keys at once',
    `a CLIENT TRACKING on; c CLIENT TRACKING on BCAST PREFIX x; a GET k; b FLUSHALL; b SET k 1;
     a GET k; b FLUSHDB; a FLUSHALL; a MULTI; a SET k 1; a FLUSHDB; a GET k; a EXEC; b SET k 2;
     a SELECT 1; a GET k; b SET k 3; a FLUSHDB; b SWAPDB 0 1; a GET k; b SWAPDB 0 1; b SET k 1`,
  ],
  [
    'other databases have the same names',
    `a CLIENT TRACKING on; a SELECT 2; a GET k; b SET k 1; a GET k; a SELECT 3; b SELECT 2;
     b SET k 2; b MOVE k 5`,
  ],
  [
    'a client of RESP2 hears by way of another',
    `r SUBSCRIBE __redis__:invalidate; x CLIENT TRACKING on REDIRECT {r};
     x CLIENT TRACKINGINFO; x GET k; b SET k 1; x MGET k j; b MSET j 1 k 2; x SET k 1; x GET k;
     x SET k 2; b FLUSHALL;
     y CLIENT TRACKING on BCAST REDIRECT {r} PREFIX u; b MSET u1 1 u2 2 v 3; y SET u3 1;
     a CLIENT TRACKING on REDIRECT {r}; a GET k; b SET k 5; a SET k 6`,
  ],
  [
    'a client hears for others by push',
    `x CLIENT TRACKING on REDIRECT {a}; x GET k; b SET k 1;
     y CLIENT TRACKING on REDIRECT {a} NOLOOP; y GET k; y SET k 1; y GET k; b SET k 2;
     a CLIENT TRACKING on; a GET k; x GET k;
     b SET k 3; a CLIENT TRACKING on REDIRECT {a}; a GET k; b SET k 4`,
  ],
  [
    'nobody hears for a client of RESP2 that is not subscribed',
    `x CLIENT TRACKING on; x GET k; b SET k 1; x CLIENT TRACKING on REDIRECT {r}; x GET k;
     b SET k 2; x PING; r PING`,
  ],
  [
    'the client that hears is gone',
    `a CLIENT TRACKING on REDIRECT {r}; x CLIENT TRACKING on REDIRECT {r}; a GET k; x GET k; ! r;
     b SET k 1; a CLIENT TRACKINGINFO; a GET k; b SET k 2; x CLIENT TRACKINGINFO;
     a CLIENT TRACKING on; a CLIENT TRACKINGINFO; a GET k; b SET k 3`,
  ],
  [
    'CLIENT REPLY and RESET',
    `a CLIENT TRACKING on; a GET k; -a CLIENT REPLY SKIP; -a SET k 1; a GET k; b SET k 2;
     a RESET; b SET k 3; a CLIENT TRACKINGINFO; a CLIENT TRACKING on; a GET k; b SET k 4;
     a HELLO 3; a GET k; b SET k 5; a CLIENT TRACKING off; a GET k; b SET k 6`,
  ],
  [
    'blocked clients',
    `a CLIENT TRACKING on; b RPUSH l2 a; a LRANGE l2 0 -1; -a BLMOVE l1 l2 LEFT LEFT 0;
     b RPUSH l1 foo; a LRANGE l1 0 -1; b RPUSH l1 x; a LLEN l1; a BLPOP l1 0; a LLEN l1;
     -a BLPOP l1 0; b RPUSH l1 1 2; b RPUSH l1 3`,
  ],
  [
    'what expires is told when its time comes',
    `a CLIENT TRACKING on; b SET k 1 PX 400; a GET k; c CLIENT TRACKING on BCAST NOLOOP PREFIX j;
     c SET j 1 PX 400; c SET i 1`,
  ],
];

/** What redis-server has sent has been read after this time. */
const QUIET_MS = 2;
/** What is due by then has been expired by redis-server. */
const EXPIRY_MS = 900;

/** One of several clients of a scenario; keeps everything it receives. */
class Player {
  readonly raw: RawClient;
  readonly frames: string[] = [];
  #onReply: () => void = () => undefined;

  constructor(raw: RawClient) {
    this.raw = raw;
    void this.#receive();
  }

  async #receive(): Promise<void> {
    for (;;) {
      const frame = await this.raw.readReply().catch(() => null);
      if (frame === null) return;
      const isMessage = frame[0] === '>' || frame.startsWith('*3\r\n$7\r\nmessage');
      this.frames.push(frame.includes('$6\r\nserver\r\n') ? '<hello>' : frame);
      if (!isMessage) this.#onReply();
    }
  }

  /** Sends a command and, where it has one now, waits for its reply. */
  async run(words: readonly string[], hasReply: boolean): Promise<void> {
    const reply = new Promise<void>((resolve) => {
      this.#onReply = resolve;
    });
    const parts = words.map((word) => `$${word.length}\r\n${word}\r\n`);
    this.raw.send(`*${words.length}\r\n${parts.join('')}`);
    if (hasReply) await reply;
  }
}

/** The clients of a scenario, by name. */
class Play {
  readonly players = new Map<string, Player>();
  readonly #ids = new Map<string, string>();
  /** Id of the client that the last command closed, or null. */
  closedId: string | null = null;

  static async begin(port: number, script: string): Promise<Play> {
    const play = new Play();
    const names = new Set(script.matchAll(/(?:^|[;{])\s*-?([a-z])[ }]/g).map((match) => match[1]!));
    for (const name of [...names].sort()) {
      const raw = await RawClient.connect(port);
      if (play.players.size === 0) await raw.command(['FLUSHALL']);
      const id = (await raw.command(['CLIENT', 'ID'])).slice(1).trim();
      if (name <= 'd') await raw.command(['HELLO', '3']);
      play.players.set(name, new Player(raw));
      play.#ids.set(name, id);
    }
    return play;
  }

  /** Runs the commands one by one; `isQuiet` is waited for after each. */
  async run(
    script: string,
    isQuiet: (step: number, isBlocked: boolean) => Promise<void>,
  ): Promise<void> {
    let step = 0;
    for (const line of script.split(';')) {
      const [name, ...words] = line.trim().split(/\s+/);
      this.closedId = name === '!' ? this.#ids.get(words[0]!)! : null;
      if (name === '!') this.players.get(words[0]!)!.raw.close();
      else {
        const known = words.map((word) => word.replace(/\{(.)\}/, (_, one) => this.#ids.get(one)!));
        await this.players.get(name!.slice(-1))!.run(known, name![0] !== '-');
      }
      await isQuiet(step++, words[0]!.startsWith('BL') && name![0] === '-');
    }
  }

  /** All that was received, by client, with names in the place of ids. */
  get received(): Record<string, string> {
    const all: Record<string, string> = {};
    for (const [name, { frames }] of this.players) {
      let text = frames.join('');
      for (const [one, id] of this.#ids) {
        text = text.replaceAll(new RegExp(`(redirect|broken)\r\n:${id}\r\n`, 'g'), `$1 ${one}`);
      }
      all[name] = text;
    }
    return all;
  }

  end(): void {
    for (const { raw } of this.players.values()) raw.close();
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** What the clients of a scenario receive, and how much of it they have after each command. */
interface Expected {
  readonly received: Record<string, string>;
  readonly steps: readonly Record<string, string>[];
}

async function expected(port: number, script: string): Promise<Expected> {
  const play = await Play.begin(port, script);
  const control = await RawClient.connect(port);
  const steps: Record<string, string>[] = [];
  await play.run(script, async () => {
    // It has one thread: what came before the answer has been sent before it.
    await control.command(['PING']);
    await pause(QUIET_MS);
    steps.push(play.received);
  });
  await pause(script.includes('PX') ? EXPIRY_MS : QUIET_MS * 10);
  control.close();
  play.end();
  return { received: play.received, steps };
}

describe.skipIf(redisServerPath() === null)('beside redis-server', () => {
  let redis: RedisServer;
  const known = new Map<string, Expected>();
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  describe.each([
    ['lease', ['--io-threads', '1']],
    ['rings, two I/O threads', ['--io-threads', '2', '--shard-threads', '2', '--lease', 'no']],
  ])('%s', (_name, args) => {
    let server: Tessera;
    beforeAll(async () => {
      server = await startTessera([...args, '--save', '']);
    });
    afterAll(async () => {
      expect(await server.stop()).toBe(0);
    });

    test.each(SCENARIOS)('%s', async (_what, script) => {
      const wanted = known.get(script) ?? (await expected(redis.port, script));
      known.set(script, wanted);
      const play = await Play.begin(server.port, script);
      const untilThere = (all: Record<string, string>): Promise<void> => {
        const isThere = (): boolean => {
          return Object.entries(play.received).every(([name, text]) => {
            return text.length >= all[name]!.length;
          });
        };
        return waitUntil('all messages', isThere, 3000).catch(() => undefined);
      };
      const control = await server.connect();
      await play.run(script, async (step, isBlocked) => {
        await untilThere(wanted.steps[step]!);
        const { closedId } = play;
        if (closedId !== null) {
          // Its thread may notice later than another one runs the next command.
          await waitUntil('a close', async () => {
            const list = await control.command(['CLIENT', 'LIST', 'ID', closedId]);
            return !list.includes(`id=${closedId} `);
          });
        }
        if (!isBlocked) return;
        await waitUntil('a blocked client', async () =>
          (await control.command(['INFO', 'clients'])).includes('\r\nblocked_clients:1\r\n'),
        );
      });
      control.close();
      await untilThere(wanted.received);
      expect(play.received).toEqual(wanted.received);
      play.end();
    });
  });
});
