/** What the scenarios of the fault tests have in common. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Random } from '../support/random.ts';
import { FaultServer, type Launch, type ServerKind, TOPOLOGIES } from './fault-server.ts';

export interface FaultOptions {
  readonly kind: ServerKind;
  readonly random: Random;
  readonly rounds: number;
  readonly report: (text: string) => void;
}

const LOG_SHOWN_MAX = 3000;
const CRASH_MARK = 'BUG REPORT START';

/** The end of a log, or the beginning of its crash report: there stands what went wrong. */
function shownOf(log: string): string {
  const crash = log.indexOf(CRASH_MARK);
  if (crash < 0) return log.slice(-LOG_SHOWN_MAX);
  return log.slice(Math.max(0, crash - LOG_SHOWN_MAX), crash + LOG_SHOWN_MAX);
}

/** Runs `body` with a directory that is removed afterwards. */
export async function inFolder(body: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'tessera-faults-'));
  try {
    await body(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Arguments of a start: another number of threads and shards each time. */
export function anyTopology(kind: ServerKind, random: Random): readonly string[] {
  return kind === 'tessera' ? random.pick(TOPOLOGIES) : [];
}

/**
 * Runs `body` with a server that has started; it is dead afterwards. Returns what `body` does, or
 * throws it with what the server's log says of it.
 */
export async function withServer<T>(
  launch: Launch,
  body: (server: FaultServer) => Promise<T>,
): Promise<T> {
  const server = await FaultServer.start(launch);
  try {
    return await body(server);
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    throw new Error(`${text}\nlog of ${server.kind}:\n${shownOf(server.log())}`, { cause: error });
  } finally {
    await server.kill9();
  }
}

/** SIGTERM; throws where the server does not end as it should. */
export async function stopWell(server: FaultServer): Promise<void> {
  const code = await server.stop();
  if (code !== 0) throw new Error(`SIGTERM ended it with ${code}`);
}
