/**
 * What parallel shard workers bring to one long read: the same commands over two sets of 400,000
 * members on a server with one shard worker and on one with two, in turn. Prints medians.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { encodeCommand, RawConnection } from './raw-connection.ts';
import { type RunningServer, startServer } from './servers.ts';

const MEMBERS = 400_000;
const SADD_MEMBERS = 10_000;
const THREADS = [1, 2] as const;

const COMMANDS: readonly (readonly string[])[] = [
  ['SINTER', 'a', 'b'],
  ['SINTERCARD', '2', 'a', 'b'],
  ['SUNION', 'a', 'b'],
  ['SINTERSTORE', 'd', 'a', 'b'],
  ['SUNIONSTORE', 'd', 'a', 'b'],
  ['SDIFFSTORE', 'd', 'a', 'b'],
];

/** Two sets that share half of their members. */
async function fill(connection: RawConnection): Promise<void> {
  for (const [key, first] of [
    ['a', 0],
    ['b', MEMBERS / 2],
  ] as const) {
    for (let from = first; from < first + MEMBERS; from += SADD_MEMBERS) {
      const members = Array.from({ length: SADD_MEMBERS }, (_, i) => `member:${from + i}`);
      await connection.discard(encodeCommand(['SADD', key, ...members]));
    }
  }
}

function median(samples: readonly number[]): number {
  return [...samples].sort((x, y) => x - y)[samples.length >>> 1]!;
}

async function measure(servers: readonly RunningServer[], rounds: number): Promise<void> {
  const connections = await Promise.all(servers.map(({ port }) => RawConnection.open(port)));
  for (const connection of connections) await fill(connection);
  for (const words of COMMANDS) {
    const request = encodeCommand(words);
    const samples = THREADS.map((): number[] => []);
    for (let round = -1; round < rounds; round++) {
      for (const i of round % 2 === 0 ? [0, 1] : [1, 0]) {
        const ms = await connections[i]!.discard(request);
        if (round >= 0) samples[i]!.push(ms);
      }
    }
    const [one, two] = [median(samples[0]!), median(samples[1]!)];
    const ratio = (two / one).toFixed(2);
    const text = `${one.toFixed(1)} ms with 1 worker, ${two.toFixed(1)} ms with 2: ${ratio}`;
    process.stdout.write(`${words.join(' ').padEnd(20)} ${text}\n`);
  }
  const info = await connections[1]!.command('INFO', 'stats');
  process.stdout.write(`${/parallel_parts:\d+/.exec(info)![0]}\n`);
  for (const connection of connections) connection.close();
}

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '15' } } });
process.stdout.write(`${availableParallelism()} cores, medians of ${values.rounds} rounds\n`);
const servers: RunningServer[] = [];
try {
  for (const threads of THREADS) {
    servers.push(await startServer('tessera', ['--shard-threads', String(threads)]));
  }
  await measure(servers, Number(values.rounds));
} finally {
  for (const server of servers) await server.stop();
}
