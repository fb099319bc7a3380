/**
 * Hub: main's side of the control channels. It starts the threads, applies CONFIG SET everywhere,
 * gathers answers about clients from all I/O threads, ends the server, and ends the process when a
 * thread dies.
 */
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Piscina } from 'piscina';
import { holderOf } from '../sync/lock-word.ts';
import { ringEventfd } from '../transport/libc.ts';
import { MeaningReport } from './config/report.ts';
import { rewriteConfigFile } from './config/rewrite.ts';
import type { ConfigStore } from './config/store.ts';
import {
  type Answer,
  decodeControl,
  encodeControl,
  type ToMain,
  type ToThread,
} from './control.ts';
import type { LogFilter, Logger } from './log.ts';
import { Persistence } from './persistence.ts';
import type { ServerPlan } from './plan.ts';
import { PAUSE_ALL, PAUSE_NONE } from './shared-layout.ts';
import { SnapshotControl } from './snapshot-control.ts';
import { ringerOf, type ThreadStart } from './thread-setup.ts';
import { ThreadStats } from './thread-stats.ts';

const POOL_THREADS_MAX = 1;
const POOL_IDLE_MS = 5000;

/** Loaded with the first job only: a server that never needs the pool does not pay for it. */
async function startPool(): Promise<Piscina> {
  const { Piscina: Pool } = await import('piscina');
  return new Pool({
    filename: fileURLToPath(new URL('./pool.js', import.meta.url)),
    minThreads: 0,
    maxThreads: POOL_THREADS_MAX,
    idleTimeout: POOL_IDLE_MS,
  });
}

export interface HubOptions {
  readonly config: ConfigStore;
  readonly logger: Logger;
  readonly plan: ServerPlan;
  readonly startedMs: number;
  readonly runId: string;
  /** Called once, when everything has ended or cannot go on. */
  readonly onEnd: (exitCode: number) => void;
}

/**
 * Questions to all threads until everything has run that was sent before: I/O threads pass a turn,
 * workers read what those had sent, and run it.
 */
const QUIET_ROUNDS = 3;

/** SHUTDOWN's words, or those of the directives for signals. */
export interface ShutdownOptions {
  /** Null: where there are save rules. */
  readonly save: boolean | null;
  readonly force: boolean;
}

/** Answers still expected for one question to several threads. */
interface Gathering {
  left: number;
  readonly answers: Answer[];
  readonly done: (answers: readonly Answer[]) => void;
}

export class Hub {
  readonly #options: HubOptions;
  readonly #workers = new Map<number, Worker>();
  readonly #gatherings = new Map<number, Gathering>();
  readonly #report = new MeaningReport();
  #nextId = 1;
  #starting = 0;
  #isEnding = false;
  /** A last save is under way. */
  #isShuttingDown = false;
  readonly snapshots: SnapshotControl;
  readonly #persistence: Persistence;
  #pool: Promise<Piscina> | null = null;
  /** CONFIG SETs run one after the other: each is applied everywhere before the next. */
  #configQueue: Promise<void> = Promise.resolve();

  constructor(options: HubOptions) {
    this.#options = options;
    this.#report.lines(options.config);
    const { plan, config, logger, startedMs } = options;
    const { layout } = plan;
    const { topology } = layout;
    this.snapshots = new SnapshotControl({
      plan,
      config,
      entry: new URL('./snapshot.js', import.meta.url),
      snapshotRinger: ringerOf(layout, layout.snapshotThread, ringEventfd),
      sendFlip: (request) => this.#send(layout.workerThread(0), { type: 'flip', request }),
    });
    this.#persistence = new Persistence({
      layout,
      config,
      logger,
      allStats: Array.from({ length: layout.threadCount }, (_, t) => {
        return new ThreadStats(layout.control, layout.statsOffset(t), topology.commandRows);
      }),
      snapshots: this.snapshots,
      startedMs,
    });
  }

  get #ioThreads(): number {
    return this.#options.plan.layout.topology.ioThreads;
  }

  /** Starts the shard workers, then the I/O threads; resolves when clients are served. */
  async start(): Promise<void> {
    const { plan, logger } = this.#options;
    const { layout } = plan;
    const key = randomBytes(8);
    const hashKey = [key.readUInt32LE(0), key.readUInt32LE(4)] as const;
    this.#starting = layout.threadCount - 1;
    await new Promise<void>((resolve) => {
      this.#onAllReady = resolve;
      for (let thread = layout.threadCount - 1; thread >= 1; thread--) this.#spawn(thread, hashKey);
    });
    this.#persistence.start();
    logger.notice('Server initialized');
    const { config } = this.#options;
    if (config.int('port') !== 0) {
      logger.notice(`Ready to accept connections tcp, port ${config.int('port')}`);
    }
    if (config.text('unixsocket') !== '') {
      logger.notice(`Ready to accept connections unix ${config.path('unixsocket')}`);
    }
  }

  #onAllReady: () => void = () => undefined;

  #spawn(thread: number, hashKey: readonly [number, number]): void {
    const { plan, config, startedMs, runId } = this.#options;
    const isIo = thread <= this.#ioThreads;
    const start: ThreadStart = {
      thread,
      buffers: plan.buffers,
      hashKey,
      config: config.snapshot(),
      startedMs,
      runId,
      executable: process.argv[1] ?? '',
    };
    const entry = new URL(isIo ? './io.js' : './shard.js', import.meta.url);
    const worker = new Worker(entry, { workerData: start, stdout: false, stderr: false });
    this.#workers.set(thread, worker);
    worker.on('message', (message: unknown) => this.#receive(decodeControl<ToMain>(message)));
    worker.on('error', (error: unknown) => this.#died(thread, error));
    worker.on('exit', () => this.#ended(thread));
  }

  /** A thread threw: what it held is in an unknown state, so the process ends. */
  #died(thread: number, error: unknown): void {
    const { logger, plan } = this.#options;
    const isIo = thread <= this.#ioThreads;
    const what = isIo
      ? `I/O thread ${thread}`
      : `shard worker ${thread - plan.layout.workerThread(0)}`;
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    logger.warning(`=== TESSERA BUG REPORT: ${what} died: ${text}`);
    const { layout } = plan;
    const held: number[] = [];
    for (let shard = 0; shard < layout.topology.shards; shard++) {
      if (holderOf(layout.words, layout.lockWord(shard)) === thread) held.push(shard);
    }
    this.abandon();
    logger.warning(`It held ${held.length === 0 ? 'no shard' : `shards ${held.join(', ')}`}.`);
    this.#options.onEnd(1);
  }

  #ended(thread: number): void {
    this.#workers.delete(thread);
    if (!this.#isEnding) {
      this.#died(thread, 'it ended without being told to');
      return;
    }
    if ([...this.#workers.keys()].some((left) => left <= this.#ioThreads)) return;
    for (const left of this.#workers.keys()) this.#send(left, { type: 'stop' });
    if (this.#workers.size !== 0) return;
    this.#options.logger.warning('Tessera is now ready to exit, bye bye...');
    this.#options.onEnd(0);
  }

  #send(thread: number, message: ToThread): void {
    this.#workers.get(thread)?.postMessage(encodeControl(message));
    ringerOf(this.#options.plan.layout, thread, ringEventfd).ring();
  }

  /** Sends to several threads and waits for all their answers. */
  #gather(
    threads: readonly number[],
    make: (id: number) => ToThread,
    done: (answers: readonly Answer[]) => void,
  ): void {
    const id = this.#nextId++;
    this.#gatherings.set(id, { left: threads.length, answers: [], done });
    for (const thread of threads) this.#send(thread, make(id));
  }

  #receive(message: ToMain): void {
    const { logger } = this.#options;
    switch (message.type) {
      case 'ready':
        if (message.transport !== '')
          logger.verbose(`I/O thread ${message.thread}: ${message.transport}`);
        this.#starting -= 1;
        if (this.#starting === 0) this.#onAllReady();
        return;
      case 'failed':
        logger.warning(message.message);
        logger.warning('Failed listening, aborting.');
        this.#options.onEnd(1);
        return;
      case 'answer':
        this.#answered(message.id, message.answer);
        return;
      case 'config-set':
        this.#configQueue = this.#configQueue.then(async () => {
          const error = await this.#configSet(message.words, message.isLocal);
          this.#send(message.thread, { type: 'answer', id: message.id, answer: { error } });
        });
        return;
      case 'config-rewrite': {
        const error = rewriteConfigFile(this.#options.config);
        if (error === null) logger.notice('CONFIG REWRITE executed with success.');
        this.#send(message.thread, { type: 'answer', id: message.id, answer: { error } });
        return;
      }
      case 'clients':
        this.#clients(message);
        return;
      case 'job':
        void this.#runJob(message);
        return;
      case 'shutdown':
        logger.warning('User requested shutdown...');
        void this.shutdown(message).then((error) => {
          if (error === null) return;
          this.#send(message.thread, { type: 'answer', id: message.id, answer: { error } });
        });
        return;
      case 'flipped':
        this.snapshots.flipped(message.facts);
        return;
      case 'save':
        this.#persistence.request(message.what, (answer) => {
          this.#send(message.thread, { type: 'answer', id: message.id, answer });
        });
        return;
      case 'crash-drill':
        this.#crashDrill(message.what);
    }
  }

  #answered(id: number, answer: Answer): void {
    const gathering = this.#gatherings.get(id);
    if (gathering === undefined) return;
    gathering.answers.push(answer);
    gathering.left -= 1;
    if (gathering.left > 0) return;
    this.#gatherings.delete(id);
    gathering.done(gathering.answers);
  }

  #allThreads(): number[] {
    return [...this.#workers.keys()];
  }

  #broadcastConfig(record: Readonly<Record<string, string>>): Promise<string | null> {
    return new Promise((resolve) => {
      this.#gather(
        this.#allThreads(),
        (id) => ({ type: 'config', id, record }),
        (answers) => resolve(answers.find((answer) => answer.error !== null)?.error ?? null),
      );
    });
  }

  async #configSet(words: readonly string[], isLocal: boolean): Promise<string | null> {
    const { config, logger, plan } = this.#options;
    const staged = config.stage(words, { localClient: isLocal });
    if (typeof staged === 'string') return staged;
    const apply = (): Promise<string | null> => {
      plan.layout.setMaxmemory(config.int('maxmemory'));
      logger.setLevel(config.text('loglevel') as LogFilter);
      this.#persistence.applyRefusal();
      return this.#broadcastConfig(config.changes(staged.changed));
    };
    const failure = await apply();
    if (failure === null) {
      for (const line of this.#report.lines(config)) logger.warning(line);
      return null;
    }
    logger.warning(failure);
    const isBind = staged.changed.includes('bind') && !staged.changed.includes('port');
    const reason = isBind
      ? 'Failed to bind to specified addresses.'
      : 'Unable to listen on this port. Check server logs.';
    const text = staged.rollBack({ name: isBind ? 'bind' : 'port', reason });
    await apply();
    return text;
  }

  #clients(message: Extract<ToMain, { type: 'clients' }>): void {
    const threads = this.#allThreads().filter((thread) => thread <= this.#ioThreads);
    const { ask, selfId } = message;
    this.#gather(
      threads,
      (id) => ({ type: 'ask', id, ask, selfId }),
      (answers) => {
        const answer: Answer = {
          error: null,
          lines: answers.flatMap((one) => one.lines ?? []),
          count: answers.reduce((sum, one) => sum + (one.count ?? 0), 0),
        };
        this.#send(message.thread, { type: 'answer', id: message.id, answer });
      },
    );
  }

  /**
   * Runs a job in the pool, which is started with the first job and shrinks to nothing when idle.
   */
  async #runJob(message: Extract<ToMain, { type: 'job' }>): Promise<void> {
    this.#pool ??= startPool();
    const pool = await this.#pool;
    const answer: Answer = await pool.run(message.job).then(
      (bytes: Uint8Array) => ({ error: null, bytes }),
      (error: unknown) => {
        const text = error instanceof Error ? error.message : String(error);
        this.#options.logger.warning(`A job of the pool failed: ${message.job.task}: ${text}`);
        const line = `-ERR ${message.job.task} failed, see the log\r\n`;
        return { error: null, bytes: Buffer.from(line, 'latin1') };
      },
    );
    this.#send(message.thread, { type: 'answer', id: message.id, answer });
  }

  /** DEBUG SEGFAULT and its kin: the process ends as it would on a real crash. */
  #crashDrill(what: string): void {
    this.#options.logger.warning(
      `=== TESSERA BUG REPORT: crash asked for by DEBUG ${what.toUpperCase()}`,
    );
    process.abort();
  }

  /**
   * Ends the server, after a last save where that is asked for. Resolves with null when it ends, or
   * with the error for SHUTDOWN when it does not.
   */
  async shutdown({ save, force }: ShutdownOptions): Promise<string | null> {
    if (this.#isEnding || this.#isShuttingDown) return null;
    this.#isShuttingDown = true;
    const error = await this.#lastSave(save, force);
    this.#isShuttingDown = false;
    if (error !== null) return error;
    this.#stopThreads();
    return null;
  }

  async #lastSave(save: boolean | null, force: boolean): Promise<string | null> {
    const { logger, plan } = this.#options;
    await this.#persistence.quiesce();
    if (!this.#persistence.mustSave(save)) return null;
    // No change may follow the last save: commands wait, and what was sent before is run.
    plan.layout.setPause(PAUSE_ALL, Number.MAX_VALUE);
    for (let round = 0; round < QUIET_ROUNDS; round++) await this.#broadcastConfig({});
    const error = await this.#persistence.finalSave();
    if (error === null) return null;
    if (force) {
      logger.warning('Error trying to save the DB. Exiting anyway.');
      return null;
    }
    logger.warning("Error trying to save the DB, can't exit.");
    plan.layout.setPause(PAUSE_NONE, 0);
    this.#persistence.resume();
    for (const thread of this.#allThreads()) ringerOf(plan.layout, thread, ringEventfd).ring();
    return 'ERR Errors trying to SHUTDOWN. Check logs.';
  }

  /** Removes what is not complete on disk: the process ends now. */
  abandon(): void {
    this.#persistence.stop();
  }

  /** Stops the I/O threads, then the shard workers, then the process. */
  #stopThreads(): void {
    this.#isEnding = true;
    this.abandon();
    for (const thread of this.#allThreads()) {
      if (thread <= this.#ioThreads) this.#send(thread, { type: 'stop' });
    }
  }
}
