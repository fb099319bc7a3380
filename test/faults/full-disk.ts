/**
 * A disk that is full: a small tmpfs. Writes get MISCONF, reads go on, and when there is room again
 * writes go on by themselves. Nothing acknowledged is lost after a kill then.
 */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitUntil } from '../support/tessera.ts';
import { anyTopology, type FaultOptions, withServer } from './fault-run.ts';
import type { FaultServer, Launch } from './fault-server.ts';
import { EVERYSEC_MS, type Policy, WRITERS } from './kill-rounds.ts';
import { acknowledged, Writers } from './writers.ts';

const DISK_BYTES = 12 << 20;
const BALLAST_BYTES = 5 << 20;
const FILLER_BYTES = 64 << 10;
const MISCONF = '-MISCONF';

/**
 * Runs `body` with a file system of `DISK_BYTES`. Returns false, with a message, where this process
 * may not mount one.
 */
export async function onSmallDisk(body: (directory: string) => Promise<void>): Promise<boolean> {
  const directory = mkdtempSync(join(tmpdir(), 'tessera-disk-'));
  const options = ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'tmpfs', directory];
  const mounted = spawnSync('mount', options, { encoding: 'utf8' });
  try {
    if (mounted.status !== 0) {
      const reason = mounted.stderr?.trim() ?? String(mounted.error);
      console.warn(`no small file system, tests of full disks are skipped: ${reason}`);
      return false;
    }
    await body(directory);
    return true;
  } finally {
    if (mounted.status === 0) spawnSync('umount', ['-l', directory]);
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Something that takes room until it is thrown off. */
class Ballast {
  readonly #path: string;

  constructor(directory: string) {
    this.#path = join(directory, 'ballast');
  }

  /** As much as there is room for. */
  load(): void {
    try {
      writeFileSync(this.#path, Buffer.alloc(BALLAST_BYTES, 1));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
  }

  drop(): void {
    rmSync(this.#path, { force: true });
  }
}

/** Writes until the server says that its disk is full. Returns how many keys were acknowledged. */
async function fillUp(server: FaultServer, from: number): Promise<number> {
  const client = await server.connect();
  try {
    let count = from;
    let isFull = false;
    const filling = (async (): Promise<void> => {
      const value = 'x'.repeat(FILLER_BYTES);
      while (!isFull) {
        const reply = await client.command(['SET', `filler:${count}`, value]);
        if (reply.startsWith(MISCONF)) return;
        if (reply !== '+OK\r\n') throw new Error(`SET: ${reply}`);
        count += 1;
      }
    })();
    // With `always` the SET that found the disk full may wait for its reply until there is room.
    filling.catch(() => undefined);
    await waitUntil('a full disk', async () => {
      return (await server.info('persistence', 'aof_last_write_status')) === 'err';
    });
    isFull = true;
    client.close();
    return count;
  } finally {
    client.close();
  }
}

async function expectReply(reply: Promise<string>, start: string): Promise<void> {
  const text = await reply;
  if (!text.startsWith(start)) throw new Error(`expected ${start}, got ${text.trim()}`);
}

/** Writes are refused, and everything else goes on. */
async function checkRefusal(server: FaultServer): Promise<void> {
  await expectReply(server.command('SET', 'probe', 'x'), `${MISCONF} Errors writing to the AOF`);
  await expectReply(server.command('PING'), MISCONF);
  await expectReply(server.command('GET', 'filler:0'), `$${FILLER_BYTES}\r\n`);
  await expectReply(server.command('GET', 'w0:nothing'), '$-1\r\n');
  await expectReply(server.command('DBSIZE'), ':');
}

async function untilWritable(server: FaultServer): Promise<void> {
  await waitUntil('writes to go on', async () => {
    return (await server.command('SET', 'probe', 'x')) === '+OK\r\n';
  });
}

async function checkFiller(server: FaultServer, count: number): Promise<void> {
  const names = Array.from({ length: count }, (_, i) => `filler:${i}`);
  await expectReply(server.command('EXISTS', ...names), `:${count}\r\n`);
}

/**
 * The disk becomes full under writers, has room again, and is full once more when the server is
 * killed (`always`), or has been writable for a while (`everysec`).
 */
export async function fullDisk(policy: Policy, options: FaultOptions): Promise<void> {
  const { kind, random, rounds, report } = options;
  if (kind === 'redis' && policy === 'always') {
    report('skipped: redis-server ends itself when its disk is full');
    return;
  }
  for (let round = 1; round <= rounds; round++) {
    const wasPossible = await onSmallDisk(async (directory) => {
      const writers = new Writers(WRITERS);
      const ballast = new Ballast(directory);
      const launch = (): Launch => ({
        ...{ kind, directory },
        args: [
          ...['--appendonly', 'yes', '--appendfsync', policy, '--auto-aof-rewrite-percentage', '0'],
          ...anyTopology(kind, random),
        ],
      });
      let filled = 0;
      await withServer(launch(), async (server) => {
        ballast.load();
        let isDone = false;
        const running = writers.run(server, random, () => isDone);
        await Promise.race([writers.started(), running]);
        filled = await fillUp(server, filled);
        await checkRefusal(server);
        ballast.drop();
        await untilWritable(server);
        await Promise.race([sleep(100), running]);
        if (policy === 'everysec') {
          isDone = true;
          await running;
          await sleep(EVERYSEC_MS);
        } else {
          ballast.load();
          filled = await fillUp(server, filled);
          await checkRefusal(server);
        }
        await server.kill9();
        await running;
      });
      ballast.drop();
      await withServer(launch(), async (server) => {
        await writers.check(server, (_, ops) => acknowledged(ops));
        await checkFiller(server, filled);
      });
      report(`round ${round}/${rounds}: ${filled} large keys, ${writers.refusals} refusals`);
    });
    if (!wasPossible) return;
  }
}

/**
 * BGSAVE on a full disk fails and says so; with save rules writes are refused until one succeeds.
 * The file of the last success stays what it was.
 */
export async function fullDiskSave(options: FaultOptions): Promise<void> {
  const { kind, random, report } = options;
  await onSmallDisk(async (directory) => {
    const ballast = new Ballast(directory);
    const args = ['--appendonly', 'no', '--save', '3600 1000000', '--rdbcompression', 'no'];
    const launch = (): Launch => ({
      ...{ kind, directory },
      args: [...args, ...anyTopology(kind, random)],
    });
    const value = (): string => randomBytes(FILLER_BYTES).toString('latin1');
    await withServer(launch(), async (server) => {
      await expectReply(server.command('SET', 'first', 'saved'), '+OK');
      await expectReply(server.command('SAVE'), '+OK');
      const client = await server.connect();
      for (let i = 0; i < DISK_BYTES / FILLER_BYTES - BALLAST_BYTES / FILLER_BYTES; i++) {
        await client.command(['SET', `filler:${i}`, value()]);
      }
      client.close();
      ballast.load();
      await expectReply(server.command('BGSAVE'), '+Background saving started');
      await untilSaved(server, 'err');
      await expectReply(server.command('SET', 'probe', 'x'), `${MISCONF} `);
      await expectReply(server.command('GET', 'filler:0'), `$${FILLER_BYTES}\r\n`);
      await expectReply(server.command('SAVE'), '-ERR');
      await server.kill9();
    });
    await withServer(launch(), async (server) => {
      await expectReply(server.command('GET', 'first'), '$5\r\nsaved');
      await expectReply(server.command('DBSIZE'), ':1\r\n');
      const client = await server.connect();
      for (let i = 0; i < (DISK_BYTES - BALLAST_BYTES / 2) / FILLER_BYTES - 20; i++) {
        await client.command(['SET', `filler:${i}`, value()]);
      }
      client.close();
      await server.command('BGSAVE');
      await untilSaved(server, 'err');
      ballast.drop();
      await server.command('BGSAVE');
      await untilSaved(server, 'ok');
      await expectReply(server.command('SET', 'probe', 'x'), '+OK');
      await server.kill9();
    });
    await withServer(launch(), (server) => expectReply(server.command('EXISTS', 'filler:1'), ':1'));
    report('a BGSAVE failed and the next went well');
  });
}

async function untilSaved(server: FaultServer, status: string): Promise<void> {
  await waitUntil('the end of BGSAVE', async () => {
    const info = (field: string): Promise<string> => server.info('persistence', field);
    const isIdle = (await info('rdb_bgsave_in_progress')) === '0';
    return isIdle && (await info('rdb_last_bgsave_status')) === status;
  });
}
