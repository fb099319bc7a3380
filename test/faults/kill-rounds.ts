/**
 * `kill -9` at random moments under 16 writers, round after round on one directory. The server that
 * starts there next must have what its `appendfsync` promises.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../support/random.ts';
import { anyTopology, type FaultOptions, inFolder, withServer } from './fault-run.ts';
import type { FaultServer, Launch } from './fault-server.ts';
import { acknowledged, acknowledgedBefore, Writers } from './writers.ts';

export const WRITERS = 16;
/** What Redis promises of `everysec` when the disk keeps up. */
export const EVERYSEC_MS = 2000;

export type Policy = 'always' | 'everysec';

/** From the start of the writers to the kill, in ms. */
function momentOf(policy: Policy, random: Random): number {
  if (policy === 'always') return 10 + random.below(350);
  return random.oneIn(3) ? random.below(500) : EVERYSEC_MS + random.below(1500);
}

/**
 * The rounds, and at the end a clean stop, after which all there was must be there. Throws with
 * what was lost, torn or made up.
 */
export async function killRounds(policy: Policy, options: FaultOptions): Promise<void> {
  const { kind, random, rounds, report } = options;
  await inFolder(async (directory) => {
    const writers = new Writers(WRITERS);
    const args = ['--appendonly', 'yes', '--appendfsync', policy];
    // Rewrites start by themselves, and are under way at some of the kills.
    args.push('--auto-aof-rewrite-min-size', '200kb', '--auto-aof-rewrite-percentage', '50');
    const launch = (): Launch => ({
      ...{ kind, directory },
      args: [...args, ...anyTopology(kind, random)],
    });
    let killedMs = 0;
    const check = async (server: FaultServer): Promise<void> => {
      const least = policy === 'always' ? acknowledged : acknowledgedBefore(killedMs - EVERYSEC_MS);
      await writers.check(server, (_, ops) => least(ops));
      if (writers.refusals > 0) throw new Error('writes were refused');
    };
    for (let round = 1; round <= rounds; round++) {
      await withServer(launch(), async (server) => {
        await check(server);
        const running = writers.run(server, random);
        await Promise.race([writers.started(), running]);
        await Promise.race([sleep(momentOf(policy, random)), running]);
        if (server.isEnded) throw new Error('the server ended by itself');
        killedMs = performance.now();
        await server.kill9();
        await running;
        report(`round ${round}/${rounds}: killed after ${writers.acknowledged} operations`);
      });
    }
    await withServer(launch(), async (server) => {
      await check(server);
      await stopCleanly(server, writers, random);
    });
    await withServer(launch(), (server) => writers.check(server, (_, ops) => ops.length));
  });
}

async function stopCleanly(server: FaultServer, writers: Writers, random: Random): Promise<void> {
  let isDone = false;
  const running = writers.run(server, random, () => isDone);
  await Promise.race([sleep(100), running]);
  isDone = true;
  await running;
  const code = await server.stop();
  if (code !== 0) throw new Error(`SIGTERM ended it with ${code}`);
}
