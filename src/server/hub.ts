/**
 * Hub: main's side of the control channels. It starts the threads, applies CONFIG SET everywhere,
 * gathers answers about clients from all I/O threads, ends the server, and ends the process when a
 * thread dies.
 */
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Piscina } from 'piscina';
import { Arena } from '../memory/arena.ts';
import { ringEventfd } from '../transport/libc.ts';
import type { NotedDenials } from './acl/acl-log.ts';
import type { AclControl } from './acl/control.ts';
import type { UsersChange } from './acl/users.ts';
import { AofControl } from './aof-control.ts';
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
import type { CrashReport } from './crash-report.ts';
import type { LogFilter, Logger } from './log.ts';
import { Persistence } from './persistence.ts';
import { clientsMax, type ServerPlan } from './plan.ts';
import { PAUSE_NONE, PAUSE_WRITES } from './shared-layout.ts';
import { type ShutdownOptions, ShutdownSignals } from './shutdown-signals.ts';
import { SnapshotControl } from './snapshot-control.ts';
import { SnapshotLoading } from './snapshot-loading.ts';
import { CANCELLED } from './snapshot-thread.ts';
import { hasDataSet, loadDataSet } from './start-data.ts';
import { threadName } from './thread-names.ts';
import { ringerOf, type ThreadStart } from './thread-setup.ts';
import { ThreadStats } from './thread-stats.ts';

/** The key of this process for hashes of keys. */
function hashKey(): readonly [number, number] {
  const key = randomBytes(8);
  return [key.readUInt32LE(0), key.readUInt32LE(4)];
}

/** Has a thread of its own do a job; its one message is an error text or null. */
function runAside(entry: string, job: object): Promise<string | null> {
  return new Promise((resolve) => {
    const worker = new Worker(new URL(entry, import.meta.url), { workerData: job });
    worker.once('message', resolve);
    worker.once('error', (error: unknown) => {
      resolve(error instanceof Error ? error.message : String(error));
    });
    worker.once('exit', () => resolve(`${entry} has ended without an answer`));
  });
}

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
  readonly crash: CrashReport;
  readonly acl: AclControl;
  /** Called once, when everything has ended or cannot go on. */
  readonly onEnd: (exitCode: number) => void;
}

/**
 * Questions to all threads until everything has run that was sent before: I/O threads pass a turn,
 * workers read what those had sent, and run it.
 */
const QUIET_ROUNDS = 3;

/** Answers still expected for one question to several threads. */
interface Gathering {
  left: number;
  readonly answers: Answer[];
  readonly done: (answers: readonly Answer[]) => void;
}

const SHUTDOWN_FAILED = 'ERR Errors trying to SHUTDOWN. Check logs.';

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
  readonly signals: ShutdownSignals;
  readonly snapshots: SnapshotControl;
  readonly #persistence: Persistence;
  #pool: Promise<Piscina> | null = null;
  readonly #aof: AofControl;
  #isDurabilityReady = false;
  #onDurabilityReady: () => void = () => undefined;
  /** CONFIG SETs run one after the other: each is applied everywhere before the next. */
  #configQueue: Promise<void> = Promise.resolve();
  readonly #hashKey: readonly [number, number];
  /** Loads snapshot files. */
  readonly loading: SnapshotLoading;

  constructor(options: HubOptions) {
    this.#options = options;
    this.#report.lines(options.config);
    const { plan, config, logger, startedMs } = options;
    const { layout } = plan;
    const { topology } = layout;
    this.signals = new ShutdownSignals({
      config,
      logger,
      shutdown: (wish) => this.shutdown(wish),
      abandon: () => this.abandon(),
    });
    options.acl.connect({
      broadcast: (change, clientId) => this.#tellUsers(change, clientId),
      drainNotes: () => this.#drainDenials(),
    });
    this.#hashKey = hashKey();
    this.loading = new SnapshotLoading({
      layout,
      buffers: plan.buffers,
      hashKey: this.#hashKey,
      config,
      logger,
      send: (thread, message) => this.#send(thread, message),
      died: (what, error) => this.#diedAs(what, error),
    });
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
    this.#aof = new AofControl({
      layout: plan.layout,
      config,
      logger,
      snapshots: this.snapshots,
      loader: {
        load: (path) => this.loading.load(path, { keepsExpired: true }),
      },
      startThread: () =>
        new Promise((resolve) => {
          const { durabilityThread } = plan.layout;
          this.#onDurabilityReady = resolve;
          if (!this.#workers.has(durabilityThread)) this.#spawn(durabilityThread);
          else if (this.#isDurabilityReady) resolve();
        }),
      order: (order) =>
        this.#askOne(plan.layout.durabilityThread, (id) => ({ type: 'aof', id, order })),
      convertBase: (conversion) => runAside('./aof-base.js', conversion),
      snapshotEnded: () => this.#persistence.snapshotEnded(),
      replay: async (order) =>
        (await this.#askOne(1, (id) => ({ type: 'replay', id, order }))).replay!,
    });
  }

  /** Asks one thread. */
  #askOne(thread: number, make: (id: number) => ToThread): Promise<Answer> {
    return new Promise((resolve) => {
      this.#gather([thread], make, (answers) => resolve(answers[0]!));
    });
  }

  get #ioThreads(): number {
    return this.#options.plan.layout.topology.ioThreads;
  }

  /** Starts the shard workers, then the I/O threads; resolves when clients are served. */
  async start(): Promise<void> {
    const { plan, logger, config } = this.#options;
    const { layout } = plan;
    const isLogged = config.bool('appendonly');
    const hasData = hasDataSet(config);
    if (isLogged) layout.setReplaying();
    else layout.setLoading(hasData);
    this.#persistence.cleanUp();
    this.#starting = layout.threadCount - 1;
    await new Promise<void>((resolve) => {
      this.#onAllReady = resolve;
      for (let thread = layout.threadCount - 1; thread >= 1; thread--) this.#spawn(thread);
      if (isLogged) this.#spawn(layout.durabilityThread);
    });
    this.#persistence.start();
    logger.notice('Server initialized');
    const isLoaded = isLogged
      ? await this.#aof.start()
      : !hasData || (await loadDataSet(this.loading, config, logger));
    if (!isLoaded) {
      this.#options.onEnd(1);
      return;
    }
    for (let round = 0; round < QUIET_ROUNDS; round++) await this.#broadcastConfig({});
    this.#persistence.loaded();
    layout.setLoading(false);
    if (isLogged) void this.#aof.configChanged();
    if (config.int('port') !== 0) {
      logger.notice(`Ready to accept connections tcp, port ${config.int('port')}`);
    }
    if (config.text('unixsocket') !== '') {
      logger.notice(`Ready to accept connections unix ${config.path('unixsocket')}`);
    }
  }

  #onAllReady: () => void = () => undefined;

  #entryOf(thread: number): string {
    if (thread === this.#options.plan.layout.durabilityThread) return './durability.js';
    return thread <= this.#ioThreads ? './io.js' : './shard.js';
  }

  #spawn(thread: number): void {
    const { plan, config, startedMs, runId } = this.#options;
    const start: ThreadStart = {
      thread,
      buffers: plan.buffers,
      hashKey: this.#hashKey,
      config: config.snapshot(),
      startedMs,
      runId,
      executable: process.argv[1] ?? '',
      users: this.#options.acl.records(),
    };
    const entry = new URL(this.#entryOf(thread), import.meta.url);
    const name = threadName(plan.layout, thread);
    const worker = new Worker(entry, { name, workerData: start, stdout: false, stderr: false });
    this.#workers.set(thread, worker);
    worker.on('message', (message: unknown) => this.#receive(decodeControl<ToMain>(message)));
    worker.on('error', (error: unknown) => this.#died(thread, error));
    worker.on('exit', () => this.#ended(thread));
  }

  /** A thread threw: what it held is in an unknown state, so the process ends. */
  #died(thread: number, error: unknown): void {
    this.#diedAs(`thread ${threadName(this.#options.plan.layout, thread)}`, error);
  }

  #diedAs(what: string, error: unknown): void {
    const { crash } = this.#options;
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.abandon();
    crash.write({ text: `${what} died`, stack });
    this.#options.onEnd(1);
  }

  #ended(thread: number): void {
    this.#workers.delete(thread);
    if (!this.#isEnding) {
      this.#died(thread, 'it ended without being told to');
      return;
    }
    if ([...this.#workers.keys()].some((left) => left <= this.#ioThreads)) return;
    // What the others have appended is to be written: the durability thread ends last.
    const { durabilityThread } = this.#options.plan.layout;
    const others = [...this.#workers.keys()].filter((left) => left !== durabilityThread);
    for (const left of others) this.#send(left, { type: 'stop' });
    if (others.length !== 0) return;
    if (this.#workers.size !== 0) {
      this.#send(durabilityThread, { type: 'stop' });
      return;
    }
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
        if (message.thread === this.#options.plan.layout.durabilityThread) {
          this.#isDurabilityReady = true;
          this.#onDurabilityReady();
          return;
        }
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
        const { config, acl } = this.#options;
        const error = rewriteConfigFile(config, { userLines: acl.configLines() });
        if (error === null) logger.notice('CONFIG REWRITE executed with success.');
        this.#send(message.thread, { type: 'answer', id: message.id, answer: { error } });
        return;
      }
      case 'clients':
        this.#clients(message);
        return;
      case 'acl':
        void this.#options.acl.order(message.order, message.clientId).then((acl) => {
          const answer: Answer = { error: acl.error, acl };
          this.#send(message.thread, { type: 'answer', id: message.id, answer });
        });
        return;
      case 'job':
        void this.#runJob(message);
        return;
      case 'load-fact':
      case 'loaded':
        this.loading.receive(message);
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
      case 'shutdown-abort': {
        const error = this.#abortShutdown() ? null : 'ERR No shutdown in progress.';
        this.#send(message.thread, { type: 'answer', id: message.id, answer: { error } });
        return;
      }
      case 'pause-cron':
        this.signals.setPaused(message.isPaused);
        return;
      case 'aof-ask':
        void this.#aof.ask(message.what).then((answer) => {
          this.#send(message.thread, { type: 'answer', id: message.id, answer });
        });
        return;
      case 'aof-cut':
        this.#aof.cutReached();
        return;
      case 'aof-began':
        this.#aof.began(message.error);
        return;
      case 'crash-drill':
        this.#options.crash.drill(message.what, message.stack);
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

  /** I/O threads and shard workers: those that run commands. */
  #commandThreads(): number[] {
    const { durabilityThread } = this.#options.plan.layout;
    return this.#allThreads().filter((thread) => thread !== durabilityThread);
  }

  #tellUsers(change: UsersChange, clientId: number): Promise<void> {
    return new Promise((resolve) => {
      this.#gather(
        this.#commandThreads(),
        (id) => ({ type: 'users', id, change, clientId }),
        () => resolve(),
      );
    });
  }

  #drainDenials(): Promise<readonly NotedDenials[]> {
    return new Promise((resolve) => {
      this.#gather(
        this.#commandThreads(),
        (id) => ({ type: 'denials', id }),
        (answers) => resolve(answers.flatMap(({ denials }) => denials ?? [])),
      );
    });
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
    const { config, logger, plan, acl } = this.#options;
    const staged = config.stage(words, { localClient: isLocal });
    if (typeof staged === 'string') return staged;
    const most = clientsMax(plan.layout);
    if (config.int('maxclients') > most) {
      const reason =
        'The operating system is not able to handle the specified number of clients, try with ' +
        `${most}`;
      return staged.rollBack({ name: 'maxclients', reason });
    }
    const apply = async (): Promise<string | null> => {
      if (staged.changed.includes('requirepass')) await acl.passwordChanged();
      plan.layout.setMaxmemory(config.int('maxmemory'));
      this.loading.configChanged();
      if (staged.changed.includes('maxmemory')) this.#warnOfEviction();
      logger.setLevel(config.text('loglevel') as LogFilter);
      this.#persistence.applyRefusal();
      return this.#broadcastConfig(config.changes(staged.changed));
    };
    const failure = await apply();
    if (failure === null) {
      const refusal = await this.#aof.configChanged();
      if (refusal !== null) {
        const text = staged.rollBack({ name: 'appendonly', reason: refusal });
        await apply();
        return text;
      }
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

  /** In Redis's words: tools look for them. */
  #warnOfEviction(): void {
    const { plan, logger } = this.#options;
    const limit = plan.layout.maxmemory;
    const used = plan.buffers.arenas.reduce((sum, a) => sum + Arena.attach(a).usedBytes(), 0);
    if (limit === 0 || used <= limit) return;
    logger.warning(
      `WARNING: the new maxmemory value set via CONFIG SET (${limit}) is smaller than the ` +
        `current memory usage (${used}). This will result in key eviction and/or the ` +
        'inability to accept new write commands depending on the maxmemory-policy.',
    );
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
    // The file that is loaded has all there is, and threads that load do not answer.
    if (plan.layout.isLoading) return null;
    if (this.#aof.isWaiting) {
      logger.warning(`Writing initial AOF${force ? '. Exit anyway.' : ", can't exit"}`);
      if (!force) return SHUTDOWN_FAILED;
    }
    await this.#persistence.quiesce();
    if (!this.#persistence.mustSave(save)) return null;
    // No change may follow the last save: writes wait, and what was sent before is run.
    plan.layout.setPause(PAUSE_WRITES, Number.MAX_VALUE);
    for (let round = 0; round < QUIET_ROUNDS; round++) await this.#broadcastConfig({});
    const error = await this.#persistence.finalSave();
    if (error === null) return null;
    if (force && error !== CANCELLED) {
      logger.warning('Error trying to save the DB. Exiting anyway.');
      return null;
    }
    if (error !== CANCELLED) logger.warning("Error trying to save the DB, can't exit.");
    plan.layout.setPause(PAUSE_NONE, 0);
    this.#persistence.resume();
    for (const thread of this.#allThreads()) ringerOf(plan.layout, thread, ringEventfd).ring();
    return SHUTDOWN_FAILED;
  }

  /** SHUTDOWN ABORT: also while the last save is written. False: there is nothing to abort. */
  #abortShutdown(): boolean {
    if (!this.signals.abort()) {
      if (!this.#isShuttingDown || !this.snapshots.isRunning) return false;
      this.snapshots.cancel();
    }
    this.#options.logger.notice('Shutdown manually aborted.');
    return true;
  }

  /** Removes what is not complete on disk: the process ends now. */
  abandon(): void {
    this.#persistence.stop();
  }

  /** Stops the I/O threads, then the shard workers, then the process. */
  #stopThreads(): void {
    this.#isEnding = true;
    this.abandon();
    if (this.#options.plan.layout.isLoading) {
      // The threads are busy, and there is nothing to save.
      this.#options.logger.warning('Received shutdown signal during loading, exiting now.');
      this.#options.onEnd(0);
      return;
    }
    for (const thread of this.#allThreads()) {
      if (thread <= this.#ioThreads) this.#send(thread, { type: 'stop' });
    }
  }
}
