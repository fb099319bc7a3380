/**
 * `kill -9` while files change: during BGSAVE, BGREWRITEAOF and its switch of manifests, the first
 * start, the first rewrite after CONFIG SET appendonly yes. The next start must be right, and
 * nothing temporary may be left behind for good.
 */
import { existsSync, type FSWatcher, readdirSync, readFileSync, watch } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../support/random.ts';
import { encodeCommand } from '../support/raw-client.ts';
import { waitUntil } from '../support/tessera.ts';
import { anyTopology, type FaultOptions, inFolder, withServer } from './fault-run.ts';
import { FaultServer, type Launch } from './fault-server.ts';
import { WRITERS } from './kill-rounds.ts';
import { acknowledged, type Bounds, Writers } from './writers.ts';

/** What gives a snapshot something to do; it lies in database 1. */
const FILLER_KEYS = 30_000;
const FILLER_BYTES = 100;
const FILLER_BATCH = 1000;
const EVENTS_MAX = 7;
const DELAY_MS_MAX = 400;
/** After which a moment that did not come is over. */
const MOMENT_MS_MAX = 3000;
const LEFTOVERS_MS_MAX = 10_000;
const LOG_FOLDER = 'appendonlydir';
const MANIFEST = join(LOG_FOLDER, 'appendonly.aof.manifest');

/**
 * A moment worth a kill: after a random time, or when files were made, renamed or deleted in
 * `directory` or its folder of the append-only file for the n-th time. Resolves at the latest when
 * `over` does.
 */
async function moment(directory: string, random: Random, over: Promise<unknown>): Promise<void> {
  if (random.oneIn(2)) {
    await Promise.race([sleep(random.below(DELAY_MS_MAX)), over]);
    return;
  }
  let left = 1 + random.below(EVENTS_MAX);
  const watchers: FSWatcher[] = [];
  const events = new Promise<void>((resolve) => {
    const look = (folder: string): void => {
      if (!existsSync(folder)) return;
      const watcher = watch(folder, (type, name) => {
        // What is appended is no event: it would be all there is.
        if (type !== 'rename') return;
        if (name === LOG_FOLDER) look(join(directory, LOG_FOLDER));
        left -= 1;
        if (left === 0) resolve();
      });
      watchers.push(watcher);
    };
    look(directory);
    look(join(directory, LOG_FOLDER));
  });
  await Promise.race([events, sleep(MOMENT_MS_MAX), over]);
  for (const watcher of watchers) watcher.close();
}

/** Files that a directory should not have, by the manifest and the names that Redis gives. */
export function leftovers(directory: string): string[] {
  const top = readdirSync(directory).filter((name) => name !== 'dump.rdb' && name !== LOG_FOLDER);
  const folder = join(directory, LOG_FOLDER);
  if (!existsSync(folder)) return top;
  const path = join(directory, MANIFEST);
  const manifest = existsSync(path) ? readFileSync(path, 'latin1') : '';
  const known = new Set([...manifest.matchAll(/^file (\S+)/gm)].map((match) => match[1]!));
  known.add('appendonly.aof.manifest');
  // Without a manifest nothing reads the directory: the next rewrite writes over what is there.
  if (manifest === '')
    for (const end of ['base.rdb', 'base.aof', 'incr.aof']) known.add(`appendonly.aof.1.${end}`);
  return [...top, ...readdirSync(folder).filter((name) => !known.has(name))];
}

/** Waits until nothing temporary is left; redis-server leaves some of it for good. */
async function checkLeftovers(server: FaultServer, directory: string): Promise<void> {
  if (server.kind === 'redis') return;
  const isClean = (): boolean => leftovers(directory).length === 0;
  try {
    await waitUntil('temporary files to go', isClean, LEFTOVERS_MS_MAX);
  } catch (error) {
    throw new Error(`left behind: ${leftovers(directory).join(' ')}`, { cause: error });
  }
}

async function fill(server: FaultServer): Promise<void> {
  const client = await server.connect();
  await client.command(['SELECT', '1']);
  for (let first = 0; first < FILLER_KEYS; first += FILLER_BATCH) {
    const words = ['MSET'];
    for (let i = first; i < first + FILLER_BATCH; i++) words.push(`f${i}`, fillerOf(i));
    client.send(encodeCommand(words));
    await client.readReply();
  }
  client.close();
}

function fillerOf(index: number): string {
  return String(index).repeat(FILLER_BYTES).slice(0, FILLER_BYTES);
}

async function checkFiller(server: FaultServer): Promise<void> {
  const client = await server.connect();
  await client.command(['SELECT', '1']);
  const size = await client.command(['DBSIZE']);
  const some = await client.command(['GET', `f${FILLER_KEYS - 1}`]);
  client.close();
  if (size !== `:${FILLER_KEYS}\r\n`) throw new Error(`filler: ${size.trim()} keys`);
  if (!some.includes(fillerOf(FILLER_KEYS - 1))) throw new Error(`filler: ${some}`);
}

/** Runs the writers, and kills the server at a moment during what `act` does over and over. */
async function killDuring(
  server: FaultServer,
  directory: string,
  writers: Writers,
  random: Random,
  act: () => Promise<void>,
): Promise<void> {
  let isOver = false;
  const running = writers.run(server, random);
  const acting = (async (): Promise<void> => {
    await writers.started();
    while (!isOver) await act();
  })().catch((error: unknown) => {
    // Its connections end with the server.
    if (!isOver) throw error;
  });
  try {
    await Promise.race([writers.started(), running]);
    await moment(directory, random, Promise.race([running, acting]));
    if (server.isEnded) throw new Error('the server ended by itself');
  } finally {
    isOver = true;
    await server.kill9();
    await Promise.all([running, acting]);
  }
}

/** Waits until INFO persistence says that nothing of this name is under way. */
async function untilIdle(server: FaultServer, field: string): Promise<void> {
  await waitUntil(`${field}:0`, async () => (await server.info('persistence', field)) === '0');
}

async function expectInfo(server: FaultServer, field: string, value: string): Promise<void> {
  const found = await server.info('persistence', field);
  if (found !== value) throw new Error(`${field}:${found}`);
}

/** Kills during BGREWRITEAOF: with `always` nothing acknowledged is lost. */
export async function killDuringRewrite(options: FaultOptions): Promise<void> {
  const { kind, random, rounds, report } = options;
  await inFolder(async (directory) => {
    const writers = new Writers(WRITERS);
    const base = ['--appendonly', 'yes', '--appendfsync', 'always'];
    base.push('--auto-aof-rewrite-percentage', '0');
    const launch = (): Launch => {
      const preamble = ['--aof-use-rdb-preamble', random.oneIn(3) ? 'no' : 'yes'];
      return { kind, directory, args: [...base, ...preamble, ...anyTopology(kind, random)] };
    };
    await withServer(launch(), fill);
    for (let round = 1; round <= rounds + 1; round++) {
      await withServer(launch(), async (server) => {
        await writers.check(server, (_, ops) => acknowledged(ops));
        await checkFiller(server);
        await checkLeftovers(server, directory);
        if (round > rounds) return;
        await killDuring(server, directory, writers, random, async () => {
          await server.command('BGREWRITEAOF');
          await untilIdle(server, 'aof_rewrite_in_progress');
          await expectInfo(server, 'aof_last_bgrewrite_status', 'ok');
        });
        report(`round ${round}/${rounds}: killed after ${writers.acknowledged} operations`);
      });
    }
  });
}

/**
 * Kills during BGSAVE: what is loaded is one moment, not older than the start of the last BGSAVE
 * that was seen to end.
 */
export async function killDuringSave(options: FaultOptions): Promise<void> {
  const { kind, random, rounds, report } = options;
  await inFolder(async (directory) => {
    const writers = new Writers(WRITERS);
    const launch = (): Launch => ({
      ...{ kind, directory },
      args: ['--appendonly', 'no', ...anyTopology(kind, random)],
    });
    await withServer(launch(), async (server) => {
      await fill(server);
      const reply = await server.command('SAVE');
      if (reply !== '+OK\r\n') throw new Error(`SAVE: ${reply}`);
    });
    let least: readonly Bounds[] = [];
    let isStarted = false;
    for (let round = 1; round <= rounds + 1; round++) {
      await withServer(launch(), async (server) => {
        await writers.check(
          server,
          (writer) => least[writer]?.least ?? 0,
          (_, ops) => (isStarted ? ops.length : 0),
        );
        await checkFiller(server);
        await checkLeftovers(server, directory);
        least = [];
        isStarted = false;
        if (round > rounds) return;
        await killDuring(server, directory, writers, random, async () => {
          const before = writers.counts();
          isStarted = true;
          await server.command('BGSAVE');
          await untilIdle(server, 'rdb_bgsave_in_progress');
          await expectInfo(server, 'rdb_last_bgsave_status', 'ok');
          least = before;
        });
        report(`round ${round}/${rounds}: killed after ${writers.acknowledged} operations`);
      });
    }
  });
}

/** Kills during the first start with an append-only file: the next one works like a first. */
export async function killDuringFirstStart(options: FaultOptions): Promise<void> {
  const { kind, random, rounds, report } = options;
  for (let round = 1; round <= rounds; round++) {
    await inFolder(async (directory) => {
      const launch = (): Launch => ({
        ...{ kind, directory },
        args: ['--appendonly', 'yes', '--appendfsync', 'always', ...anyTopology(kind, random)],
      });
      for (let starts = 1 + random.below(3); starts > 0; starts--) {
        const first = await FaultServer.launch(launch());
        await moment(directory, random, first.ended);
        if (first.isEnded) throw new Error(`it ended by itself:\n${first.log()}`);
        await first.kill9();
      }
      await withServer(launch(), async (server) => {
        if ((await server.command('SET', 'round', round)) !== '+OK\r\n') throw new Error('no SET');
        await checkLeftovers(server, directory);
      });
      await withServer(launch(), async (server) => {
        const reply = await server.command('GET', 'round');
        if (!reply.endsWith(`\r\n${round}\r\n`)) throw new Error(`lost: ${reply.trim()}`);
      });
      report(`round ${round}/${rounds}: started`);
    });
  }
}

/**
 * Kills after CONFIG SET appendonly yes. As long as there is no manifest the RDB file counts; with
 * one, the append-only file is whole, and once its first rewrite was seen to end nothing is lost.
 */
export async function killWhileTurningOn(options: FaultOptions): Promise<void> {
  const { kind, random, rounds, report } = options;
  for (let round = 1; round <= rounds; round++) {
    await inFolder(async (directory) => {
      const writers = new Writers(WRITERS);
      let isWhole = false;
      const launch = (appendonly: string): Launch => ({
        ...{ kind, directory },
        args: [
          ...['--appendonly', appendonly, '--appendfsync', 'always'],
          ...anyTopology(kind, random),
        ],
      });
      await withServer(launch('no'), async (server) => {
        await fill(server);
        await server.command('SAVE');
        await killDuring(server, directory, writers, random, async () => {
          if (isWhole) await sleep(10);
          else {
            await server.command('CONFIG', 'SET', 'appendonly', 'yes');
            await untilIdle(server, 'aof_rewrite_in_progress');
            await expectInfo(server, 'aof_last_bgrewrite_status', 'ok');
            isWhole = true;
          }
        });
      });
      const isOn = existsSync(join(directory, MANIFEST));
      await withServer(launch(isOn ? 'yes' : 'no'), async (server) => {
        await writers.check(
          server,
          (_, ops) => (isWhole ? acknowledged(ops) : 0),
          (_, ops) => (isOn ? ops.length : 0),
        );
        await checkFiller(server);
        await checkLeftovers(server, directory);
      });
      const what = isWhole ? 'after the first rewrite' : isOn ? 'with a manifest' : 'before';
      report(`round ${round}/${rounds}: killed ${what}`);
    });
  }
}
