/**
 * Disks that fail and are slow, by the faults that `TESSERA_DISK_FAULTS` (durability/log-disk.ts)
 * injects into a running server. Nothing acknowledged is lost, whatever failed before.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../support/random.ts';
import { waitUntil } from '../support/tessera.ts';
import { anyTopology, type FaultOptions, inFolder, withServer } from './fault-run.ts';
import type { FaultServer, Launch } from './fault-server.ts';
import { WRITERS } from './kill-rounds.ts';
import { acknowledged, Writers } from './writers.ts';

type Faults = Readonly<Record<string, string | number>>;

const BLOCK_MS = 700;
const SLOW_SYNC_MS = 4000;

/** Faults for a while of the run; with the disk as it is after. */
function randomFaults(random: Random): Faults {
  return random.pick<Faults>([
    { write: 'ENOSPC' },
    { write: 'EIO' },
    { sync: 'EIO' },
    { sync: 'ENOSPC', truncate: 'EIO' },
    { writeBytesMax: 1 + random.below(200) },
    { fileBytesMax: 20_000 + random.below(200_000) },
    { fileBytesMax: 20_000 + random.below(200_000), truncate: 'EIO' },
    { blockMs: 1 + random.below(50) },
  ]);
}

class FaultyServer {
  readonly launch: Launch;
  readonly #path: string;

  constructor(options: FaultOptions, directory: string, policy: string) {
    this.#path = join(directory, 'faults.json');
    const args = ['--appendonly', 'yes', '--appendfsync', policy];
    args.push('--auto-aof-rewrite-percentage', '0');
    this.launch = {
      ...{ kind: 'tessera', directory },
      args: [...args, ...anyTopology('tessera', options.random)],
      env: { TESSERA_DISK_FAULTS: this.#path },
    };
    this.set({});
  }

  set(faults: Faults): void {
    writeFileSync(this.#path, JSON.stringify(faults));
  }
}

/** Faults of all kinds come and go under writers; then a kill, at times in the middle of one. */
export async function failingDisk(options: FaultOptions): Promise<void> {
  const { kind, random, rounds, report } = options;
  if (kind === 'redis') {
    report('skipped: redis-server ends itself when its disk fails');
    return;
  }
  await inFolder(async (directory) => {
    const writers = new Writers(WRITERS);
    for (let round = 1; round <= rounds + 1; round++) {
      const faulty = new FaultyServer(options, directory, 'always');
      await withServer(faulty.launch, async (server) => {
        await writers.check(server, (_, ops) => acknowledged(ops));
        if (round > rounds) return;
        const running = writers.run(server, random);
        await Promise.race([writers.started(), running]);
        const kinds: string[] = [];
        for (let left = 1 + random.below(3); left > 0; left--) {
          const faults = randomFaults(random);
          kinds.push(JSON.stringify(faults));
          faulty.set(faults);
          await Promise.race([sleep(50 + random.below(400)), running]);
          // The last fault may still be there when the server is killed.
          if (left === 1 && random.oneIn(2)) break;
          faulty.set({});
          await untilWritable(server);
          await Promise.race([sleep(random.below(100)), running]);
        }
        if (server.isEnded) throw new Error('the server ended by itself');
        await server.kill9();
        await running;
        report(`round ${round}/${rounds}: ${writers.acknowledged} operations, ${kinds.join(', ')}`);
      });
    }
  });
}

async function untilWritable(server: FaultServer): Promise<void> {
  await waitUntil('writes to go on', async () => {
    return (await server.command('SET', 'probe', 'x')) === '+OK\r\n';
  });
}

/**
 * With `always` and a slow disk: the reply to a write comes after the sync, and so do reads of its
 * key; reads of other keys come before. Returns the order of the replies.
 */
export async function repliesBesideSync(options: FaultOptions): Promise<readonly string[]> {
  const order: string[] = [];
  await inFolder(async (directory) => {
    const faulty = new FaultyServer(options, directory, 'always');
    await withServer(faulty.launch, async (server) => {
      await server.command('SET', 'other', 'x');
      const clients = await Promise.all([1, 2, 3].map(() => server.connect()));
      const [writer, reader, sameKey] = clients as [...typeof clients];
      faulty.set({ blockMs: BLOCK_MS });
      const noted = async (name: string, reply: Promise<string>): Promise<void> => {
        await reply;
        order.push(name);
      };
      const write = noted('write', writer!.command(['SET', 'key', 'y']));
      // The write has run when its value can be counted; its reply is not there yet.
      await waitUntil('the write', async () => {
        return (await server.command('DBSIZE')) === ':2\r\n';
      });
      const same = noted('read of the key', sameKey!.command(['GET', 'key']));
      await noted('read of another key', reader!.command(['GET', 'other']));
      await Promise.all([write, same]);
      for (const client of clients) client.close();
    });
  });
  return order;
}

/** With `everysec` a sync that takes seconds keeps nobody waiting, and INFO and the log say so. */
export async function slowSync(options: FaultOptions): Promise<void> {
  await inFolder(async (directory) => {
    const faulty = new FaultyServer(options, directory, 'everysec');
    await withServer(faulty.launch, async (server) => {
      faulty.set({ delayMs: SLOW_SYNC_MS });
      await server.command('SET', 'key', 'x');
      const info = (field: string): Promise<string> => server.info('persistence', field);
      await waitUntil('a sync', async () => (await info('aof_pending_bio_fsync')) === '1');
      const client = await server.connect();
      for (let i = 0; i < 1000; i++) await client.command(['SET', 'key', i]);
      client.close();
      if ((await info('aof_pending_bio_fsync')) !== '1') throw new Error('writes waited for it');
      await waitUntil('a delayed sync', async () => Number(await info('aof_delayed_fsync')) > 0);
      const text = 'Asynchronous AOF fsync is taking too long (disk is busy?)';
      if (!server.log().includes(text)) throw new Error('the log does not say so');
    });
  });
}
