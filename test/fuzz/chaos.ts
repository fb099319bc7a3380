/**
 * Chaos fuzzer: several clients send random commands of all kinds at once, close in the middle, and
 * are killed, while snapshots, rewrites, expiry, eviction and changes of settings go on. The server
 * must live, every batch must be answered, and a server that starts with the files afterwards has
 * the same data.
 *
 *   npm run fuzz:chaos -- [--rounds 20] [--seconds 10] [--seed N]
 */
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { type Contents, contentsOf, expectContents, keepAll } from '../faults/contents.ts';
import { anyTopology, inFolder, stopWell, withServer } from '../faults/fault-run.ts';
import type { FaultServer, Launch } from '../faults/fault-server.ts';
import { decodeReply } from '../support/decode-reply.ts';
import { Random } from '../support/random.ts';
import { encodeCommand, type RawClient } from '../support/raw-client.ts';
import { waitUntil } from '../support/tessera.ts';
import { chaosCommand } from './chaos-commands.ts';
import { type Command, DATABASES } from './diff-commands.ts';

const CLIENTS = 8;
const BATCH_MAX = 40;
const OK = '+OK\r\n';

/** What a run of one client has done. */
interface Tally {
  commands: number;
  connections: number;
}

/** One client after the other on one lane, until `untilMs`. */
async function runLane(server: FaultServer, random: Random, untilMs: number): Promise<Tally> {
  const tally: Tally = { commands: 0, connections: 0 };
  while (performance.now() < untilMs) {
    const client = await server.connect();
    tally.connections += 1;
    try {
      while (performance.now() < untilMs && !client.isClosed) {
        const commands = Array.from({ length: 1 + random.below(BATCH_MAX) }, () => {
          return chaosCommand(random);
        });
        tally.commands += commands.length;
        const mark = `mark-${tally.commands}-`;
        send(client, [...commands, ['DISCARD'], ['PING', mark]]);
        if (random.oneIn(50)) break;
        if (!(await answered(client, mark))) break;
      }
    } finally {
      client.close();
    }
  }
  return tally;
}

function send(client: RawClient, commands: readonly Command[]): void {
  client.send(Buffer.concat(commands.map(encodeCommand)));
}

/** Whether the PING of that mark was answered: false where the server closed the connection. */
async function answered(client: RawClient, mark: string): Promise<boolean> {
  for (;;) {
    try {
      const reply = await client.readReply();
      if (reply.includes(mark) && !reply.startsWith('+')) return true;
    } catch (error) {
      if (client.isClosed) return false;
      throw error;
    }
  }
}

/** No client is left that changes something, and nothing goes on in the background. */
async function settle(server: FaultServer): Promise<void> {
  const client = await server.connect();
  const settings = ['appendonly', 'yes', 'maxmemory', '0', 'save', '', 'appendfsync', 'always'];
  const reply = await client.command(['CONFIG', 'SET', ...settings]);
  if (reply !== OK) throw new Error(`CONFIG SET: ${reply}`);
  await waitUntil('the end of saves and rewrites', async () => {
    const info = await client.command(['INFO', 'persistence']);
    return !/(rdb_bgsave_in_progress|aof_rewrite_in_progress|aof_rewrite_scheduled):1/.test(info);
  });
  for (let db = 0; db < DATABASES; db++) {
    await client.command(['SELECT', db]);
    await keepAll(client);
  }
  await waitUntil('the end of what has expired', async () => {
    const keyspace = await client.command(['INFO', 'keyspace']);
    let keys = 0;
    for (let db = 0; db < DATABASES; db++) {
      await client.command(['SELECT', db]);
      keys += (decodeReply(await client.command(['KEYS', '*'])) as readonly string[]).length;
    }
    // Those that are over count in INFO as long as they are not freed.
    const counted = [...keyspace.matchAll(/keys=(\d+)/g)].reduce(
      (sum, [, n]) => sum + Number(n),
      0,
    );
    return counted === keys && !/subexpiry=[1-9]/.test(keyspace);
  });
  client.close();
}

/** A server that starts on `launch` has the same, and saves it. */
async function expectSame(launch: Launch, expected: Contents, what: string): Promise<void> {
  await withServer(launch, async (server) => {
    await expectContents(server, expected, what);
    const reply = await server.command('SAVE');
    if (reply !== OK) throw new Error(`SAVE: ${reply}`);
    await stopWell(server);
  });
}

/**
 * One round of `seconds` s with a server, and starts with its files. What it did as text; throws
 * what went wrong.
 */
export async function chaosRound(random: Random, seconds: number): Promise<string> {
  const tallies: Tally[] = [];
  const launch = (directory: string, appendonly: string): Launch => ({
    ...{ kind: 'tessera', directory },
    args: ['--appendonly', appendonly, ...anyTopology('tessera', random)],
  });
  await inFolder(async (directory) => {
    const seeds = Array.from({ length: CLIENTS }, () => random.below(2 ** 31));
    const expected = await withServer(launch(directory, 'yes'), async (server) => {
      const untilMs = performance.now() + seconds * 1000;
      const lanes = seeds.map((seed) => runLane(server, new Random(seed), untilMs));
      tallies.push(...(await Promise.all(lanes)));
      await settle(server);
      const contents = await contentsOf(server);
      await stopWell(server);
      return contents;
    });
    await expectSame(launch(directory, 'yes'), expected, 'the log');
    await expectSame(launch(directory, 'no'), expected, 'the snapshot');
  });
  const sum = (of: (one: Tally) => number): number => tallies.reduce((n, one) => n + of(one), 0);
  return `${sum((one) => one.commands)} commands, ${sum((one) => one.connections)} connections`;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '20' },
      seconds: { type: 'string', default: '10' },
      seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    },
  });
  const rounds = Number(values.rounds);
  for (let round = 0; round < rounds; round++) {
    const seed = Number(values.seed) + round;
    console.log(`round ${round + 1}/${rounds}, --seed ${seed}`);
    console.log(await chaosRound(new Random(seed), Number(values.seconds)));
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main();
