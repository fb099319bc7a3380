/**
 * Fuzzer of the log: random commands of all families run with a moving clock, and what is recorded
 * of them is replayed from nothing with the clock at 0, here and by a real redis-server 7.0. The
 * data must be the same at every byte: what has expired and is not freed yet included.
 *
 *   npm run fuzz:log -- [--steps 200000] [--seed N]
 */
import { pathToFileURL } from 'node:url';
import { ALL_COMMANDS } from '../../src/commands/registry.ts';
import { decodeReply } from '../support/decode-reply.ts';
import { LocalRunner } from '../support/local-runner.ts';
import { Random } from '../support/random.ts';
import { RawClient } from '../support/raw-client.ts';
import {
  expireAll,
  expiryLines,
  type Logged,
  parseLog,
  Recorder,
  rawDigest,
  replay,
  resetRunner,
} from '../support/recorder.ts';
import { redisServerPath, startRedis } from '../support/redis-server.ts';
import { allStreams } from '../support/stream-facts.ts';
import { FAMILIES as ALL_FAMILIES, DATABASES, randomCommand } from './diff-commands.ts';
import { type Pool, randomStep, type Step } from './log-commands.ts';

/** Consumers were seen, and active, at the start. */
const STREAM_FACTS = { seen: false, active: false };

const STEPS_PER_EPOCH = 300;
/** Few, so that what fails is found easily. */
const STEPS_PER_CHECK = 10;
/** Start of the clock: later than any time at which this runs beside a real server. */
const START_MS = 4_100_000_000_000;
/** Arena of a shard that runs out of memory all the time. */
export const SMALL_ARENA_BYTES = 1 << 19;
const SHOWN_MAX = 200;

/** Two keyspaces: commands run in one, the other one replays the log. */
export class LogPair {
  readonly recorder: Recorder;
  readonly copy: LocalRunner;
  readonly #table;
  /** Commands that ran out of memory, and those of them that had changed something. */
  full = 0;
  fullChanged = 0;

  /** `arenaBytes` is of the first one: small where memory shall run out. */
  constructor(arenaBytes = 1 << 24) {
    const databases = DATABASES;
    this.recorder = new Recorder(ALL_COMMANDS, { arenaBytes, shards: 2, databases });
    this.copy = new LocalRunner(ALL_COMMANDS, { arenaBytes: 1 << 26, shards: 3, databases });
    this.#table = this.recorder.runner.table;
  }

  /** Empties both, and sets limits of encodings: the log does not depend on them. */
  reset(random: Random): void {
    this.recorder.reset();
    resetRunner(this.copy);
    const { state } = this.recorder.runner;
    state.setTime(START_MS);
    state.limits.hashMaxListpackEntries = random.pick([4, 128]);
    state.limits.setMaxIntsetEntries = random.pick([4, 512]);
    state.limits.setMaxListpackEntries = random.pick([8, 128]);
    state.limits.listMaxListpackSize = random.pick([4, -2]);
  }

  /** Commands about the connection or the server have no place here. */
  #isRun(words: readonly string[]): boolean {
    const name = Buffer.from(words[0]!, 'latin1');
    const row = this.#table.find(name, 0, name.length);
    return row !== null && (row.spec.place === 'shard' || row.subcommands !== null);
  }

  run(step: Step): void {
    const { recorder } = this;
    const { runner } = recorder;
    if (step.kind === 'advance') {
      runner.advance(step.ms);
    } else if (step.kind === 'expire') {
      expireAll(runner);
    } else if (step.kind === 'restore') {
      const reply = recorder.run('DUMP', step.key);
      const payload = decodeReply(reply) as string | null;
      const [name, key, ttl, ...options] = step.words;
      if (payload !== null) recorder.run(name!, key!, ttl!, payload, ...options);
    } else {
      const commands = step.commands.filter((words) => this.#isRun(words));
      const [first] = step.commands;
      if (first?.[0] === 'SELECT' && /^[0-2]$/.test(first[1] ?? '')) runner.db = Number(first[1]);
      else if (step.kind === 'transaction') recorder.transaction(commands);
      else for (const words of commands) this.#runOne(words);
    }
  }

  #runOne(words: readonly string[]): void {
    const { recorder } = this;
    recorder.hasRecorded();
    const reply = recorder.run(...words);
    if (!reply.startsWith('-OOM')) return;
    this.full += 1;
    if (recorder.hasRecorded()) this.fullChanged += 1;
  }

  /** Replays what was recorded. A text that says what differs, or null. */
  compare(commands: readonly Logged[]): string | null {
    try {
      replay(this.copy, commands);
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
    const { runner } = this.recorder;
    const ours = expiryLines(runner);
    const copied = expiryLines(this.copy);
    const isIn = (lines: readonly string[]) => (line: string) => lines.includes(line);
    const extra = [...ours.filter((line) => !isIn(copied)(line)), 'but in the copy'];
    extra.push(...copied.filter((line) => !isIn(ours)(line)));
    if (extra.length > 1) return `times of expiry: ${extra.join(', ')}`;
    if (rawDigest(runner) !== rawDigest(this.copy)) return 'digests differ';
    const streams = allStreams(runner, STREAM_FACTS);
    const others = allStreams(this.copy, STREAM_FACTS);
    const at = streams.findIndex((line, i) => line !== others[i]);
    return at < 0 ? null : `streams: ${streams[at]}\n  but in the copy ${others[at]}`;
  }
}

export interface LogFailure {
  readonly what: string;
  /** Since all was well. */
  readonly steps: readonly Step[];
  readonly logged: readonly Logged[];
}

/**
 * Runs `count` random steps from nothing, and replays their log, a few at a time. The first
 * failure, or null; `log` gets the commands of the whole log.
 */
export function fuzzEpoch(
  pair: LogPair,
  random: Random,
  pools: readonly Pool[],
  count: number,
  log: Logged[] = [],
): LogFailure | null {
  pair.reset(random);
  let steps: Step[] = [];
  for (let i = 1; i <= count; i++) {
    const step = randomStep(random, pools);
    steps.push(step);
    pair.run(step);
    if (i % STEPS_PER_CHECK !== 0 && i !== count) continue;
    const logged = parseLog(pair.recorder.takeBytes());
    const what = pair.compare(logged);
    if (what !== null) return { what, steps, logged };
    for (const words of logged) log.push(words);
    steps = [];
  }
  return null;
}

/** Integers at the edges of what arguments, doubles and the formats of files can hold. */
const EDGES = [
  ...[2n ** 31n, 2n ** 32n, 2n ** 46n, 2n ** 53n, 2n ** 61n, 2n ** 63n, 2n ** 64n]
    .flatMap((power) => [power - 1n, power, power + 1n, -power, 1n - power, -power - 1n])
    .map(String),
  ...['9223372036854775', '9223372036854776', '9223372036854774-1', '-1', '0'],
];
const EDGE_RESET_COMMANDS = 1000;

/**
 * Runs `count` commands of the differential fuzzer with some of their integers at the edges: the
 * log has to be readable. The first command that throws or is logged wrongly, or null.
 */
export function fuzzEdges(pair: LogPair, random: Random, count: number): string | null {
  for (let i = 0; i < count; i++) {
    if (i % EDGE_RESET_COMMANDS === 0) pair.recorder.reset();
    const words = randomCommand(random, [random.pick(ALL_FAMILIES)]).map((word, at) => {
      const isInteger = at > 0 && /^-?\d+(-\d+)?$/.test(word);
      return isInteger && random.oneIn(4) ? random.pick(EDGES) : word;
    });
    try {
      pair.run({ kind: 'commands', commands: [words] });
      parseLog(pair.recorder.takeBytes());
    } catch (error) {
      const what = error instanceof Error ? error.stack : String(error);
      return `${JSON.stringify(words).slice(0, SHOWN_MAX)}: ${what}`;
    }
  }
  return null;
}

/** Frees everything that has expired from both at the same time. True when the same is left. */
export function isSameAfterExpiry({ recorder, copy }: LogPair): boolean {
  const { runner } = recorder;
  copy.state.setTime(runner.state.nowMs);
  expireAll(runner);
  expireAll(copy);
  recorder.takeBytes();
  return rawDigest(runner) === rawDigest(copy);
}

/** A failure as text. */
export function shownFailure({ what, steps, logged }: LogFailure): string {
  const cut = (text: string): string => text.slice(0, SHOWN_MAX);
  const lines = logged.map((words) => `  logged: ${cut(JSON.stringify(words))}`);
  const done = steps.map((step) => `  step: ${cut(JSON.stringify(step))}`);
  return [what, ...done, ...lines].join('\n');
}

/** Pipes a log to a real server and compares its digest. What is wrong, or null. */
export async function compareWithRedis(
  client: RawClient,
  pair: LogPair,
  log: readonly Logged[],
): Promise<string | null> {
  await client.command(['FLUSHALL']);
  await client.command(['SELECT', '0']);
  const replies = await Promise.all(log.map((words) => client.command(words)));
  const at = replies.findIndex((reply) => reply.startsWith('-'));
  if (at >= 0) return `${JSON.stringify(log[at]).slice(0, SHOWN_MAX)}: ${replies[at]}`;
  const digest = await client.command(['DEBUG', 'DIGEST']);
  const ours = rawDigest(pair.recorder.runner);
  return digest.slice(1, -2) === ours ? null : differingKeys(client, pair);
}

/** The keys that a real server and the copy, which has the same data, do not agree about. */
async function differingKeys(client: RawClient, { copy }: LogPair): Promise<string> {
  const lines: string[] = [];
  copy.state.nowMs = 0;
  for (let db = 0; db < DATABASES; db++) {
    copy.db = db;
    await client.command(['SELECT', String(db)]);
    const names = [await client.command(['KEYS', '*']), copy.run('KEYS', '*')];
    const keys = new Set(names.flatMap((reply) => decodeReply(reply) as readonly string[]));
    for (const key of keys) {
      for (const words of [
        ['TYPE', key],
        ['PEXPIRETIME', key],
        ['DEBUG', 'DIGEST-VALUE', key],
      ]) {
        const real = await client.command(words);
        const ours = copy.run(...words);
        if (real !== ours) lines.push(`${db} ${JSON.stringify([...words, real, ours])}`);
      }
    }
  }
  return ['data differs:', ...lines].join('\n  ');
}

async function main(words: readonly string[]): Promise<void> {
  let steps = 200_000;
  let seed = Date.now() % 2 ** 31;
  for (let i = 0; i + 1 < words.length; i += 2) {
    if (words[i] === '--steps') steps = Number(words[i + 1]);
    else if (words[i] === '--seed') seed = Number(words[i + 1]);
    else throw new Error(`unknown option ${words[i]}`);
  }
  console.log(`seed ${seed}, ${steps} steps`);
  const random = new Random(seed);
  const redis = redisServerPath() === null ? null : await startRedis();
  const client = redis === null ? null : await RawClient.connect(redis.port);
  const pair = new LogPair();
  const small = new LogPair(SMALL_ARENA_BYTES);
  let failure: string | null = null;
  for (let done = 0; done < steps && failure === null; done += STEPS_PER_EPOCH) {
    const isOld = random.oneIn(2);
    const log: Logged[] = [];
    const pools: readonly Pool[] = isOld ? ['expiry', 'newer'] : ['field'];
    const found = fuzzEpoch(pair, random, pools, STEPS_PER_EPOCH, log);
    failure = found === null ? null : shownFailure(found);
    if (failure === null && isOld && client !== null) {
      failure = await compareWithRedis(client, pair, log);
    }
    if (failure === null && !isSameAfterExpiry(pair)) failure = 'what is left at last differs';
    failure ??= fuzzEdges(pair, random, STEPS_PER_EPOCH);
    const full = failure === null ? fuzzEpoch(small, random, ['large'], STEPS_PER_EPOCH) : null;
    if (full !== null) failure = `with little memory: ${shownFailure(full)}`;
    if (done % (STEPS_PER_EPOCH * 20) === 0) console.log(`${done} steps`);
  }
  client?.close();
  await redis?.stop();
  console.log(`${small.full} commands out of memory, ${small.fullChanged} of them half-way`);
  console.log(failure ?? 'no difference');
  if (failure !== null) process.exitCode = 1;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await main(process.argv.slice(2));
}
