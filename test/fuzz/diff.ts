/**
 * Differential fuzzer: the same random commands to a real redis-server 7.0.15 and to Tessera,
 * replies compared byte by byte, and the keyspaces at the end of every epoch. A difference is
 * printed with the shortest list of commands found that shows it.
 *
 *   npm run fuzz:diff -- [--family NAME] [--commands 100000] [--seed N] [options...]
 *
 * Families: string, bitmap, generic, transaction, list, hash, set, zset, hll, geo, stream, and all
 * of them.
 */
import { pathToFileURL } from 'node:url';
import { decodeReply } from '../support/decode-reply.ts';
import { Random } from '../support/random.ts';
import { RawClient } from '../support/raw-client.ts';
import { startRedis } from '../support/redis-server.ts';
import { startTessera } from '../support/tessera.ts';
import { type Command, DATABASES, FAMILIES, type Family, randomCommand } from './diff-commands.ts';
import { dependsOnMoment } from './diff-expiry.ts';
import { toleranceFor } from './diff-tolerance.ts';

/** Both databases are flushed after so many commands: short histories are short to reduce. */
const EPOCH_COMMANDS = 400;
const PIPELINE = 50;
const REPORT_EVERY_MS = 5000;
const SHOWN_MAX = 300;

/** The two servers, one connection each. */
export interface Pair {
  readonly real: RawClient;
  readonly ours: RawClient;
}

export interface Difference {
  readonly command: Command;
  readonly real: string;
  readonly ours: string;
  /** Commands from empty servers on, the last of which differs. */
  readonly history: readonly Command[];
}

async function both(pair: Pair, commands: readonly Command[]): Promise<[string[], string[]]> {
  const real = Promise.all(commands.map((words) => pair.real.command(words)));
  const ours = Promise.all(commands.map((words) => pair.ours.command(words)));
  return Promise.all([real, ours]);
}

/**
 * Commands whose replies may differ within a tolerance: left out of transactions, where nobody
 * could tell.
 */
const TOLERATED = new Set([
  ...['KEYS', 'SCAN', 'RANDOMKEY', 'TTL', 'PTTL', 'EXPIRETIME', 'PEXPIRETIME', 'OBJECT'],
  ...['BITCOUNT', 'BITPOS', 'MULTI', 'WATCH', 'CONFIG', 'SMEMBERS', 'SINTER', 'SUNION', 'SDIFF'],
  ...['SPOP', 'SRANDMEMBER', 'HKEYS', 'HVALS', 'HGETALL', 'HRANDFIELD', 'ZRANDMEMBER'],
  ...['ZRANK', 'ZREVRANK', 'SORT', 'SORT_RO'],
  ...['GEODIST', 'GEOPOS', 'GEOSEARCH', 'GEORADIUS', 'GEORADIUS_RO'],
  ...['GEORADIUSBYMEMBER', 'GEORADIUSBYMEMBER_RO', 'XINFO', 'XPENDING', 'XREAD', 'XREADGROUP'],
]);

/**
 * Without what the moment decides, or what cannot be compared inside a transaction. MULTI and
 * WATCH: 7.0 answers their error and goes on, newer versions abort at EXEC (these commands have the
 * flag no_multi).
 */
function comparable(commands: readonly Command[]): Command[] {
  let isInside = false;
  return commands.flatMap((command) => {
    const [name] = command;
    if (dependsOnMoment(command) || (isInside && TOLERATED.has(name!))) return [];
    if (name === 'MULTI') isInside = true;
    else if (name === 'EXEC' || name === 'DISCARD') isInside = false;
    return name!.startsWith('SORT') ? [CLEARS_ERRNO, command] : [command];
  });
}

/**
 * SORT of Redis 7.0 takes what errno says of an earlier command (a score of 1e400, say) for an
 * error of its own. Weights are read with errno cleared.
 */
const CLEARS_ERRNO: Command = ['ZINTER', '1', 'none', 'WEIGHTS', '1'];

/** The first difference of a comparison, `at` its command; or that the servers have parted. */
type Found = { at: number; real: string; ours: string } | 'parted' | null;

/** Runs commands and looks for the first reply that differs without a tolerance. */
async function compare(pair: Pair, commands: readonly Command[]): Promise<Found> {
  for (let from = 0; from < commands.length; from += PIPELINE) {
    const part = commands.slice(from, from + PIPELINE);
    const [real, ours] = await both(pair, part);
    for (let i = 0; i < part.length; i++) {
      if (real[i] === ours[i]) continue;
      const tolerance = toleranceFor(part[i]!, real[i]!, ours[i]!);
      if (tolerance?.parts === true) return 'parted';
      if (tolerance === null) return { at: from + i, real: real[i]!, ours: ours[i]! };
    }
  }
  return null;
}

/** Empty servers, no transaction, database 0, the protocol wanted. */
async function begin(pair: Pair, protocol: number): Promise<void> {
  const commands = [['RESET'], ['HELLO', String(protocol)], ['FLUSHALL']];
  const [real, ours] = await both(pair, commands);
  if (real[0] !== ours[0] || real[2] !== ours[2]) throw new Error(`no start: ${ours.join(' ')}`);
}

/** Commands that show all of the keyspace; `names` as a server lists them. */
async function probes(pair: Pair): Promise<Command[]> {
  const commands: Command[] = [['DISCARD'], ['UNWATCH']];
  for (let db = 0; db < DATABASES; db++) {
    await both(pair, [['SELECT', String(db)]]);
    const names = decodeReply(await pair.real.command(['KEYS', '*'])) as readonly string[];
    commands.push(['SELECT', String(db)], ['KEYS', '*'], ['DBSIZE']);
    for (const name of names) {
      for (const verb of ['TYPE', 'GET', 'PEXPIRETIME', 'STRLEN', 'XLEN']) {
        commands.push([verb, name]);
      }
      commands.push(['XINFO', 'STREAM', name, 'FULL', 'COUNT', '0']);
      commands.push(['OBJECT', 'ENCODING', name], ['DEBUG', 'DIGEST-VALUE', name]);
    }
  }
  return [...commands, ['SELECT', '0']];
}

async function compareAll(pair: Pair, commands: readonly Command[]): Promise<Difference | null> {
  const found = await compare(pair, commands);
  if (found === 'parted') return null;
  if (found !== null) {
    const { at, real, ours } = found;
    return { command: commands[at]!, real, ours, history: commands.slice(0, at + 1) };
  }
  await both(pair, [['DISCARD']]);
  const looking = await probes(pair);
  const seen = await compare(pair, looking);
  if (seen === null || seen === 'parted') return null;
  const history = [...commands, ...looking.slice(0, seen.at + 1)];
  return { command: looking[seen.at]!, real: seen.real, ours: seen.ours, history };
}

/** Leaves out commands as long as some difference stays. */
async function reduce(pair: Pair, protocol: number, first: Difference): Promise<Difference> {
  let best = first;
  for (let size = first.history.length >> 1; size >= 1; size = size === 1 ? 0 : size >> 1) {
    for (let at = best.history.length - 1 - size; at >= 0; at -= size) {
      const tried = comparable([...best.history.slice(0, at), ...best.history.slice(at + size)]);
      await begin(pair, protocol);
      const found = await compare(pair, tried);
      if (found === null || found === 'parted') continue;
      const { real, ours } = found;
      best = { command: tried[found.at]!, real, ours, history: tried.slice(0, found.at + 1) };
      at = Math.min(at, best.history.length - 1);
    }
  }
  return best;
}

/**
 * Compares `count` random commands of `families`. Returns the first difference, reduced, or null.
 */
export async function fuzzDifference(
  pair: Pair,
  random: Random,
  families: readonly Family[],
  count: number,
  progress: (done: number) => void = () => undefined,
): Promise<Difference | null> {
  for (let done = 0; done < count; done += EPOCH_COMMANDS) {
    progress(done);
    const protocol = random.oneIn(2) ? 2 : 3;
    const length = Math.min(EPOCH_COMMANDS, count - done);
    const commands = comparable(Array.from({ length }, () => randomCommand(random, families)));
    await begin(pair, protocol);
    const found = await compareAll(pair, commands);
    if (found !== null) {
      const reduced = await reduce(pair, protocol, found);
      return { ...reduced, history: [['HELLO', String(protocol)], ...reduced.history] };
    }
  }
  return null;
}

const cut = (text: string): string =>
  text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}...` : text;

/** A difference as text that can be read and typed again. */
export function shown(difference: Difference): string {
  const lines = difference.history.map(
    (words) => `  ${words.map((w) => cut(JSON.stringify(w))).join(' ')}`,
  );
  const { real, ours } = difference;
  return [
    ...lines,
    `  redis: ${cut(JSON.stringify(real))}`,
    `  ours:  ${cut(JSON.stringify(ours))}`,
  ].join('\n');
}

async function main(words: readonly string[]): Promise<void> {
  let families: readonly Family[] = FAMILIES;
  let count = 100_000;
  let seed = Date.now() % 2 ** 31;
  const options: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const name = words[i]!;
    if (name === '--commands') count = Number(words[++i]);
    else if (name === '--seed') seed = Number(words[++i]);
    else if (name === '--family') {
      const wanted = words[++i];
      families = FAMILIES.filter((one) => wanted === 'all' || one === wanted);
    } else options.push(name);
  }
  console.log(`seed ${seed}, ${count} commands of ${families.join(', ')}`);
  const redis = await startRedis();
  const tessera = await startTessera(options);
  const pair = { real: await RawClient.connect(redis.port), ours: await tessera.connect() };
  try {
    await fuzzAndReport(pair, seed, families, count);
  } finally {
    pair.real.close();
    pair.ours.close();
    await redis.stop();
    await tessera.stop();
  }
}

async function fuzzAndReport(
  pair: Pair,
  seed: number,
  families: readonly Family[],
  count: number,
): Promise<void> {
  let reportMs = Date.now();
  const found = await fuzzDifference(pair, new Random(seed), families, count, (done) => {
    if (Date.now() - reportMs < REPORT_EVERY_MS) return;
    reportMs = Date.now();
    console.log(`${done} commands`);
  });
  console.log(found === null ? 'no difference' : `with --seed ${seed}:\n${shown(found)}`);
  if (found !== null) process.exitCode = 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  await main(process.argv.slice(2));
