/** The data set that a server starts with. */
import { existsSync } from 'node:fs';
import type { ConfigStore } from './config/store.ts';
import type { Logger } from './log.ts';
import type { LoadResult, SnapshotLoading } from './snapshot-loading.ts';

/** Whether there is something to load before clients are served. */
export function hasDataSet(config: ConfigStore): boolean {
  return !config.bool('appendonly') && existsSync(config.path('dbfilename'));
}

/** Loads what there is. False when that cannot be done: the log says why. */
export async function loadDataSet(
  loading: SnapshotLoading,
  config: ConfigStore,
  logger: Logger,
): Promise<boolean> {
  const startedMs = performance.now();
  const path = config.path('dbfilename');
  const result = await loading.load(path, { keepsExpired: false });
  if (result.problem !== null) {
    logLoadProblem(logger, path, result);
    return false;
  }
  const seconds = (performance.now() - startedMs) / 1000;
  logger.notice(`DB loaded from disk: ${seconds.toFixed(3)} seconds`);
  return true;
}

/** Says in Redis's manner why a snapshot file cannot be loaded. */
export function logLoadProblem(logger: Logger, path: string, { problem }: LoadResult): void {
  if (problem === null) return;
  logger.warning(
    `Internal error in RDB reading offset ${problem.offset} of ${path} -> ${problem.text}`,
  );
  // As redis-server shows what its checking tool says of the file.
  logger.raw('warning', `--- RDB ERROR DETECTED ---\n[offset ${problem.offset}] ${problem.text}\n`);
  logger.warning('Terminating server after rdb file reading failure.');
  logger.warning('Fatal error loading the DB, check server logs. Exiting.');
}
