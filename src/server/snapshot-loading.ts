/**
 * SnapshotLoading: main's side of loading a snapshot file. Large files are read by the loader
 * thread and built by all shard workers; a small one is left to one shard worker, which is quicker
 * than a thread's start.
 */
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { errnoText } from '../base/errno-text.ts';
import type { SnapshotProblem } from '../durability/snapshot-read.ts';
import { LoadBoard } from '../sync/load-board.ts';
import type { ConfigStore } from './config/store.ts';
import { decodeControl, type ToMain, type ToThread } from './control.ts';
import { LOAD_FACT } from './load-facts.ts';
import type { LoadReport, LoadTask } from './load-task.ts';
import type { LoaderStart } from './loader-thread.ts';
import type { Logger } from './log.ts';
import type { SharedBuffers, SharedLayout } from './shared-layout.ts';

/** Up to here a file is loaded by one shard worker, in some milliseconds. */
const SMALL_BYTES_MAX = 2 * 1024 * 1024;
const PROGRESS_LOG_MS = 5000;
const MIB = 1024 ** 2;

/** How a snapshot file is loaded. */
export interface LoadOptions {
  /** Keys that have expired are loaded, too: what follows in the log may deal with them. */
  readonly keepsExpired: boolean;
}

/** How loading ended. With a problem, some of the file may be loaded. */
export interface LoadResult {
  readonly problem: SnapshotProblem | null;
  readonly keys: number;
  readonly expired: number;
  /** Bytes of the file up to the end of the snapshot: what follows is no part of it. */
  readonly endOffset: number;
}

export interface LoadingHost {
  readonly layout: SharedLayout;
  readonly buffers: SharedBuffers;
  readonly hashKey: readonly [number, number];
  readonly config: ConfigStore;
  readonly logger: Logger;
  send(thread: number, message: ToThread): void;
  /** A thread died: the process has to end. */
  died(what: string, error: unknown): void;
}

/** A load that is going on. */
interface Running {
  left: number;
  readonly reports: LoadReport[];
  readonly done: () => void;
}

export class SnapshotLoading {
  readonly #host: LoadingHost;
  readonly #board: LoadBoard;
  #running: Running | null = null;

  constructor(host: LoadingHost) {
    this.#host = host;
    this.#board = new LoadBoard(host.buffers.load);
    this.configChanged();
  }

  /** Takes over `key-load-delay`. */
  configChanged(): void {
    this.#board.setKeyDelay(this.#host.config.int('key-load-delay'));
  }

  /**
   * Loads the snapshot at `path` into the keyspace, where none of its keys may be, and logs what it
   * says about itself. Commands are kept off by `layout.setLoading`, which is the caller's. One at
   * a time. Never throws: what is wrong with the file is in the result.
   */
  async load(path: string, options: LoadOptions): Promise<LoadResult> {
    const { layout, config, logger } = this.#host;
    let bytes = 0;
    try {
      bytes = statSync(path).size;
    } catch (error) {
      const text = `can't open the RDB file ${path} for reading: ${errnoText(error)}`;
      return { problem: { text, offset: 0 }, keys: 0, expired: 0, endOffset: 0 };
    }
    const { facts } = layout;
    facts[LOAD_FACT.startMs] = Date.now();
    facts[LOAD_FACT.totalBytes] = bytes;
    facts[LOAD_FACT.loadedBytes] = 0;
    facts[LOAD_FACT.usedMemory] = 0;
    const task: LoadTask = {
      path,
      databases: config.int('databases'),
      skipsChecksum: !config.bool('rdbchecksum'),
      nowMs: options.keepsExpired ? Number.NEGATIVE_INFINITY : Date.now(),
    };
    const timer = setInterval(() => this.#logProgress(), PROGRESS_LOG_MS);
    const isSmall = bytes <= SMALL_BYTES_MAX && config.int('key-load-delay') === 0;
    const reports = await (isSmall ? this.#loadByWorker(task) : this.#loadByAll(task));
    clearInterval(timer);
    const result = resultOf(reports);
    facts[LOAD_FACT.loadedBytes] = bytes;
    facts[LOAD_FACT.keysLoaded] = result.keys;
    facts[LOAD_FACT.keysExpired] = result.expired;
    if (result.problem === null) logDone(logger, reports, result);
    return result;
  }

  #gather(parts: number, begin: () => void): Promise<readonly LoadReport[]> {
    return new Promise((resolve) => {
      const reports: LoadReport[] = [];
      this.#running = { left: parts, reports, done: () => resolve(reports) };
      begin();
    });
  }

  #loadByWorker(task: LoadTask): Promise<readonly LoadReport[]> {
    const { layout, send } = this.#host;
    return this.#gather(1, () => send(layout.workerThread(0), { type: 'load', task }));
  }

  #loadByAll(task: LoadTask): Promise<readonly LoadReport[]> {
    const { layout, send } = this.#host;
    const { shardThreads } = layout.topology;
    this.#board.reset(shardThreads);
    return this.#gather(shardThreads + 1, () => {
      for (let i = 0; i < shardThreads; i++) {
        send(layout.workerThread(i), { type: 'load', task: null });
      }
      this.#startLoader(task);
    });
  }

  #startLoader(task: LoadTask): void {
    const { buffers, hashKey, config } = this.#host;
    const start: LoaderStart = { buffers, hashKey, config: config.snapshot(), task };
    const entry = fileURLToPath(new URL('./loader.js', import.meta.url));
    const worker = new Worker(entry, { workerData: start, stdout: false, stderr: false });
    worker.on('message', (message: unknown) => this.receive(decodeControl<ToMain>(message)));
    worker.on('error', (error: unknown) => this.#host.died('the loader thread', error));
  }

  /** A message about loading, of the loader thread or a shard worker. */
  receive(message: ToMain): void {
    if (message.type === 'load-fact') this.#logFact(message.name, message.value);
    if (message.type !== 'loaded' || this.#running === null) return;
    const running = this.#running;
    running.reports.push(message.report);
    running.left -= 1;
    if (running.left !== 0) return;
    this.#running = null;
    running.done();
  }

  /** What a file says about the server that wrote it. */
  #logFact(name: string, value: string): void {
    const { logger, layout } = this.#host;
    if (name.startsWith('%')) logger.notice(`RDB '${name}': ${value}`);
    else if (name === 'redis-ver') logger.notice(`Loading RDB produced by version ${value}`);
    else if (name === 'valkey-ver')
      logger.notice(`Loading RDB produced by Valkey version ${value}`);
    else if (name === 'ctime') {
      const age = Math.max(0, Math.floor(Date.now() / 1000) - Number(value));
      logger.notice(`RDB age ${age} seconds`);
    } else if (name === 'used-mem') {
      layout.facts[LOAD_FACT.usedMemory] = Number(value) || 0;
      logger.notice(`RDB memory usage when created ${(Number(value) / MIB).toFixed(2)} Mb`);
    } else if (name === 'aof-preamble' && value !== '0') logger.notice('RDB has an AOF tail');
    else if (name === 'aof-base' && value !== '0') logger.notice('RDB is base AOF');
  }

  #logProgress(): void {
    const { layout, logger } = this.#host;
    const total = layout.facts[LOAD_FACT.totalBytes]!;
    const loaded = layout.facts[LOAD_FACT.loadedBytes]!;
    const percent = total === 0 ? 100 : Math.floor((loaded / total) * 100);
    const mib = (bytes: number): string => (bytes / MIB).toFixed(0);
    logger.notice(`Loading RDB: ${percent}% (${mib(loaded)} of ${mib(total)} Mb)`);
  }
}

function resultOf(reports: readonly LoadReport[]): LoadResult {
  let problem: SnapshotProblem | null = null;
  let keys = 0;
  let expired = 0;
  let endOffset = 0;
  for (const report of reports) {
    keys += report.keys;
    expired += report.expired;
    endOffset = Math.max(endOffset, report.endOffset);
    if (report.problem === null) continue;
    // Of several problems the first in the file is the cause, others may be its consequence.
    if (problem === null || report.problem.offset < problem.offset) problem = report.problem;
  }
  return { problem, keys, expired, endOffset };
}

function logDone(logger: Logger, reports: readonly LoadReport[], result: LoadResult): void {
  const names = reports.flatMap((report) => report.emptyNames).slice(0, EMPTY_NAMED_MAX);
  for (const name of names) logger.notice(`rdbLoadObject skipping empty key: ${name}`);
  if (reports.some((report) => report.isUnchecked)) {
    logger.notice('RDB file was saved with checksum disabled: no check performed.');
  }
  const empty = reports.reduce((sum, report) => sum + report.empty, 0);
  const tail = empty === 0 ? '.' : `, empty keys skipped: ${empty}.`;
  logger.notice(
    `Done loading RDB, keys loaded: ${result.keys}, keys expired: ${result.expired}${tail}`,
  );
}

const EMPTY_NAMED_MAX = 10;
