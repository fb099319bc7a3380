/**
 * AofControl: main's side of the append-only file: it loads it at start, tells the durability
 * thread where to write, rewrites it, and keeps the manifest. Nobody else changes the directory.
 *
 *   off ---- appendonly yes ----> waiting ---- first rewrite done ----> on
 *    ^                               |                                  |
 *    +--------- appendonly no -------+----------- appendonly no --------+
 *
 * REWRITE  The epoch flips, all shards held, and a cut goes into the journal: the base will have
 *          what was there at that instant, a new incremental file what came after it. At the cut
 *          the old file is synced before the manifest names the new one, and nothing is written to
 *          that before: only the last file of a manifest can have a torn tail. When the base is on
 *          disk, a manifest with it and the new file alone takes the place of the old one.
 *          While waiting, commands are collected in a temporary file, named with the base.
 */
import { rmSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { errnoText } from '../base/errno-text.ts';
import { writeEmptyBase } from '../durability/aof-base.ts';
import type { BaseConversion } from '../durability/aof-base-commands.ts';
import { AofDirectory } from '../durability/aof-directory.ts';
import { type AofManifest, temporaryIncrName } from '../durability/aof-manifest.ts';
import { type LogDisk, openDisk } from '../durability/log-disk.ts';
import { AOF_FACT, AOF_IS_ON, AOF_IS_WAITING } from './aof-facts.ts';
import { AofLoad, type AofLoadHost } from './aof-load.ts';
import type { Answer, AofAsk, AofOrder } from './control.ts';
import { RewriteLimit } from './rewrite-limit.ts';
import { MODE_ALWAYS, MODE_JOURNAL } from './shared-layout.ts';

const CRON_MS = 100;
/** Between two looks at whether a snapshot that was cancelled has ended. */
const POLL_MS = 5;

/** Writes the bases of rewrites; see snapshot-control.ts. */
export interface BaseSnapshots {
  readonly isRunning: boolean;
  /** False while there is another snapshot. */
  start(options: {
    readonly path: string;
    readonly temporary: string;
    readonly kind: 'aof-base-rdb';
    readonly cutsJournal: boolean;
    readonly onFlip: () => void;
    readonly onDone: (error: string | null) => void;
  }): boolean;
  cancel(): void;
}

export interface AofControlHost extends AofLoadHost {
  readonly snapshots: BaseSnapshots;
  /** Starts the durability thread; resolves when it takes orders. */
  startThread(): Promise<void>;
  order(order: AofOrder): Promise<Answer>;
  /** Makes a base of commands out of one in RDB format. What went wrong, or null. */
  convertBase(conversion: BaseConversion): Promise<string | null>;
  /** A snapshot that `snapshots` was asked for has ended. */
  snapshotEnded(): void;
}

/** A rewrite under way. */
interface Rewrite {
  readonly isRdb: boolean;
  readonly temporary: string;
  readonly baseName: string;
  readonly startedMs: number;
  /** Times that the epoch has flipped, and that the log has been cut since. */
  flips: number;
  cuts: number;
  /** Called when all cuts of flips are there. */
  onCut: (() => void) | null;
  /** Why it cannot succeed any more, though the snapshot may. */
  failure: string | null;
}

export class AofControl {
  readonly #host: AofControlHost;
  readonly #disk: LogDisk = openDisk();
  readonly #limit = new RewriteLimit();
  #state: 'off' | 'waiting' | 'on' = 'off';
  #manifest: AofManifest | null = null;
  #hasThread = false;
  #rewrite: Rewrite | null = null;
  #timer: NodeJS.Timeout | null = null;
  /** What changes the state is done one after the other. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(host: AofControlHost) {
    this.#host = host;
  }

  /** True until the first rewrite is done: the directory has nothing of the data set yet. */
  get isWaiting(): boolean {
    return this.#state === 'waiting';
  }

  get #facts(): Float64Array {
    return this.#host.layout.facts;
  }

  get #filename(): string {
    return this.#host.config.text('appendfilename');
  }

  get #directory(): AofDirectory {
    const path = this.#host.config.path('appenddirname');
    return new AofDirectory(this.#disk, path, this.#filename);
  }

  /** Path of a base until it is complete. */
  get #temporaryBase(): string {
    return this.#directory.pathOf(`temp-rewriteaof-bg-${process.pid}.aof`);
  }

  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(run);
    this.#queue = result.catch(() => undefined);
    return result;
  }

  // ---- start

  /**
   * Loads the append-only file and goes on with it. Commands of clients are kept off meanwhile by
   * the caller (`layout.setReplaying`). False: the server cannot start, the log says why.
   */
  start(): Promise<boolean> {
    return this.#inTurn(async () => {
      const load = new AofLoad(this.#host, this.#directory);
      const manifest = load.manifest();
      if (manifest === null || !load.upgrade(manifest)) return false;
      const started = performance.now();
      const { logger } = this.#host;
      if (load.totalBytes(manifest) < 0 || !(await load.run(manifest))) {
        logger.warning('Fatal error loading the DB, check server logs. Exiting.');
        return false;
      }
      const seconds = ((performance.now() - started) / 1000).toFixed(3);
      if (!manifest.isEmpty) logger.notice(`DB loaded from append only file: ${seconds} seconds`);
      return this.#open(manifest);
    });
  }

  /** Opens the last incremental file for appending; makes what is missing. */
  async #open(manifest: AofManifest): Promise<boolean> {
    const { logger, config, layout } = this.#host;
    const directory = this.#directory;
    try {
      directory.make();
      const isNew = manifest.incr.length === 0;
      if (manifest.isEmpty) {
        const isRdb = config.bool('aof-use-rdb-preamble');
        const { name } = manifest.addBase(this.#filename, isRdb);
        writeEmptyBase(directory.pathOf(name), this.#temporaryBase, isRdb);
        logger.notice(`Creating AOF base file ${name} on server start`);
        this.#disk.reach('base-created');
      }
      const incr = manifest.incr.at(-1) ?? manifest.addIncr(this.#filename);
      if (isNew) directory.create(incr.name);
      if (isNew) directory.persist(manifest);
      for (const name of directory.strayFiles(manifest)) {
        logger.notice(`Removing the AOF file ${name}, which the manifest does not name`);
        directory.remove(name);
      }
      const verb = isNew ? 'Creating' : 'Opening';
      logger.notice(`${verb} AOF incr file ${incr.name} on server start`);
      this.#manifest = manifest;
      await this.#needThread();
      const { error } = await this.#host.order({ do: 'append', path: directory.pathOf(incr.name) });
      if (error !== null) {
        logger.warning(`Can't open the append-only file ${incr.name}: ${error}`);
        return false;
      }
    } catch (error) {
      logger.warning(`Can't open or create the append-only file: ${errnoText(error)}`);
      return false;
    }
    const facts = this.#facts;
    facts[AOF_FACT.otherBytes] = this.#sizes(manifest) - this.#sizeOf(manifest.incr.at(-1)!.name);
    facts[AOF_FACT.rewriteBaseBytes] =
      manifest.base === null ? 0 : this.#sizeOf(manifest.base.name);
    this.#become('on');
    layout.addMode(MODE_JOURNAL | this.#alwaysBit);
    this.#deleteHistory();
    return true;
  }

  get #alwaysBit(): number {
    return this.#host.config.text('appendfsync') === 'always' ? MODE_ALWAYS : 0;
  }

  async #needThread(): Promise<void> {
    if (this.#hasThread) return;
    this.#hasThread = true;
    await this.#host.startThread();
  }

  #become(state: 'off' | 'waiting' | 'on'): void {
    this.#state = state;
    const enabled = state === 'on' ? AOF_IS_ON : AOF_IS_WAITING;
    this.#facts[AOF_FACT.isEnabled] = state === 'off' ? 0 : enabled;
    this.#setCron();
  }

  #sizeOf(name: string): number {
    try {
      return this.#directory.size(name);
    } catch {
      return 0;
    }
  }

  #sizes(manifest: AofManifest): number {
    return manifest.files.reduce((sum, { name }) => sum + this.#sizeOf(name), 0);
  }

  /** Makes a changed manifest the one that counts. Null, or what went wrong. */
  #switchTo(manifest: AofManifest): string | null {
    try {
      this.#directory.persist(manifest);
    } catch (error) {
      const text = errnoText(error);
      const name = `${this.#filename}.manifest`;
      this.#host.logger.warning(`Error trying to write the AOF manifest file ${name}: ${text}`);
      return text;
    }
    this.#manifest = manifest;
    return null;
  }

  #deleteHistory(): void {
    const { config, logger } = this.#host;
    const manifest = this.#manifest;
    if (manifest === null || manifest.history.length === 0) return;
    if (config.bool('aof-disable-auto-gc')) return;
    const next = manifest.copy();
    for (const { name } of next.history.splice(0)) {
      logger.notice(`Removing the history file ${name} in the background`);
      try {
        this.#directory.remove(name);
      } catch (error) {
        logger.warning(`Error trying to remove ${name}: ${errnoText(error)}`);
      }
    }
    this.#switchTo(next);
  }

  // ---- configuration

  /**
   * Follows CONFIG SET, after all threads have. An error text, or null. What is set while the data
   * set is loaded is looked at when that is done.
   */
  configChanged(): Promise<string | null> {
    if (this.#host.layout.isReplaying) return Promise.resolve(null);
    return this.#inTurn(async () => {
      const { config, layout } = this.#host;
      const isWanted = config.bool('appendonly');
      if (isWanted !== (this.#state !== 'off')) {
        if (!isWanted) await this.#stop();
        else if (!(await this.#turnOn())) return TURN_ON_FAILED;
      }
      if (this.#state === 'off') return null;
      if (this.#alwaysBit !== 0) layout.addMode(MODE_ALWAYS);
      else layout.removeMode(MODE_ALWAYS);
      this.#deleteHistory();
      return null;
    });
  }

  async #turnOn(): Promise<boolean> {
    const { logger, snapshots } = this.#host;
    await this.#needThread();
    this.#become('waiting');
    if (this.#rewrite !== null) {
      logger.notice(
        'AOF was enabled but there is already an AOF rewriting in background. Stopping ' +
          'background AOF and starting a rewrite now.',
      );
      this.#killRewrite();
      this.#schedule(true);
    } else if (snapshots.isRunning) {
      this.#schedule(true);
      logger.notice(
        'AOF was enabled but there is already another background operation. An AOF background ' +
          'was scheduled to start when possible.',
      );
    } else if (!(await this.#begin())) {
      this.#become('off');
      logger.warning(
        "The server needs to enable the AOF but can't trigger a background AOF rewrite " +
          'operation. Check the above logs for more info about the error.',
      );
      return false;
    }
    return true;
  }

  async #stop(): Promise<void> {
    const { layout, logger, order } = this.#host;
    const wasWaiting = this.#state === 'waiting';
    layout.removeMode(MODE_JOURNAL | MODE_ALWAYS);
    if (this.#facts[AOF_FACT.isScheduled] !== 0) {
      this.#schedule(false);
      logger.notice('AOF was disabled but there is a scheduled AOF background, cancel it.');
    }
    await this.#endRewrite();
    await order({ do: wasWaiting ? 'discard' : 'close' });
    if (wasWaiting) this.#removeCollected();
    this.#become('off');
  }

  #killRewrite(): void {
    const rewrite = this.#rewrite;
    if (rewrite === null) return;
    this.#host.logger.notice(`Killing running AOF rewrite child: ${process.pid}`);
    this.#rewrite = null;
    this.#facts[AOF_FACT.isRewriting] = 0;
    this.#host.snapshots.cancel();
  }

  /** Kills a rewrite and waits for its end: the next command may ask for another one. */
  async #endRewrite(): Promise<void> {
    if (this.#rewrite === null) return;
    this.#killRewrite();
    while (this.#host.snapshots.isRunning) await wait(POLL_MS);
  }

  #removeCollected(): void {
    const name = temporaryIncrName(this.#filename);
    this.#host.logger.notice(`Removing the temp incr aof file ${name} in the background`);
    this.#directory.remove(name);
  }

  // ---- rewrite

  /** What a client asks for. */
  ask(what: AofAsk): Promise<Answer> {
    if (what === 'load') return this.#inTurn(() => this.#reload());
    return this.#inTurn(() => this.#askRewrite(what === 'rewrite-later'));
  }

  async #askRewrite(isLater: boolean): Promise<Answer> {
    const { snapshots, logger } = this.#host;
    if (this.#rewrite !== null) return { error: ALREADY_REWRITING };
    if (isLater || snapshots.isRunning) {
      this.#schedule(true);
      this.#facts[AOF_FACT.rewriteFailures] = 0;
      logger.notice('Background append only file rewriting scheduled.');
      return { error: null, text: 'Background append only file rewriting scheduled' };
    }
    if (!(await this.#begin())) return { error: CANNOT_REWRITE };
    return { error: null, text: 'Background append only file rewriting started' };
  }

  #schedule(isScheduled: boolean): void {
    this.#facts[AOF_FACT.isScheduled] = isScheduled ? 1 : 0;
    this.#setCron();
  }

  /** Starts a rewrite. False: that cannot be, and the log says why. */
  async #begin(): Promise<boolean> {
    const { config, layout, logger, snapshots, order } = this.#host;
    const directory = this.#directory;
    const facts = this.#facts;
    facts[AOF_FACT.isLastRewriteBad] = 1;
    this.#manifest ??= new AofLoad(this.#host, directory).manifest();
    if (this.#manifest === null || snapshots.isRunning) return false;
    try {
      directory.make();
    } catch (error) {
      const name = config.text('appenddirname');
      logger.warning(`Can't open or create append-only dir ${name}: ${errnoText(error)}`);
      return false;
    }
    const isRdb = config.bool('aof-use-rdb-preamble');
    const rewrite: Rewrite = {
      isRdb,
      temporary: this.#temporaryBase,
      baseName: this.#manifest.copy().addBase(this.#filename, isRdb).name,
      startedMs: Date.now(),
      flips: 0,
      cuts: 0,
      onCut: null,
      failure: null,
    };
    if (this.#state === 'waiting') {
      await order({ do: 'collect', path: directory.pathOf(temporaryIncrName(this.#filename)) });
      layout.addMode(MODE_JOURNAL | this.#alwaysBit);
    }
    this.#rewrite = rewrite;
    const isStarted = snapshots.start({
      path: directory.pathOf(rewrite.baseName),
      temporary: rewrite.temporary,
      kind: 'aof-base-rdb',
      cutsJournal: this.#state !== 'off',
      onFlip: () => {
        rewrite.flips += 1;
      },
      onDone: (error) => {
        void this.#convert(rewrite, error).then((failure) =>
          this.#inTurn(() => this.#done(rewrite, failure)),
        );
        this.#host.snapshotEnded();
      },
    });
    if (!isStarted) {
      this.#rewrite = null;
      return false;
    }
    this.#schedule(false);
    facts[AOF_FACT.rewrites]! += 1;
    facts[AOF_FACT.isRewriting] = 1;
    facts[AOF_FACT.rewriteStartMs] = rewrite.startedMs;
    facts[AOF_FACT.isLastRewriteBad] = 0;
    logger.notice(`Background append only file rewriting started by pid ${process.pid}`);
    return true;
  }

  /** The durability thread has everything before a cut on disk, and waits for the next file. */
  cutReached(): void {
    void this.#host.order({ do: 'end-cut', path: this.#nextFile() });
    this.#countCut(null);
  }

  /** It has begun with the file that collects commands, or could not (an error text). */
  began(error: string | null): void {
    if (error === null) {
      const name = temporaryIncrName(this.#filename);
      this.#host.logger.notice(`Creating AOF incr file ${name} on background rewrite`);
    }
    this.#countCut(error);
  }

  #countCut(error: string | null): void {
    const rewrite = this.#rewrite;
    if (rewrite === null) return;
    rewrite.cuts += 1;
    if (error !== null) rewrite.failure = error;
    if (rewrite.failure !== null) this.#host.snapshots.cancel();
    rewrite.onCut?.();
  }

  /** Path of a new incremental file that the manifest names by now; null: it stays the old one. */
  #nextFile(): string | null {
    const { logger } = this.#host;
    const directory = this.#directory;
    const rewrite = this.#rewrite;
    const manifest = this.#manifest;
    if (manifest === null || rewrite === null) return null;
    const next = manifest.copy();
    const { name } = next.addIncr(this.#filename);
    try {
      directory.create(name);
    } catch (error) {
      rewrite.failure = errnoText(error);
      logger.warning(`Can't open the append-only file ${name}: ${rewrite.failure}`);
      return null;
    }
    this.#disk.reach('incr-created');
    const bytes = this.#facts[AOF_FACT.fileBytes]!;
    rewrite.failure = this.#switchTo(next);
    if (rewrite.failure !== null) return null;
    this.#disk.reach('incr-named');
    this.#facts[AOF_FACT.otherBytes]! += bytes;
    logger.notice(`Creating AOF incr file ${name} on background rewrite`);
    return directory.pathOf(name);
  }

  /** Makes commands of the base where it shall have those. What went wrong, or null. */
  async #convert(rewrite: Rewrite, error: string | null): Promise<string | null> {
    if (error !== null || rewrite.isRdb) return error;
    const isTimed = this.#host.config.bool('aof-timestamp-enabled');
    return this.#host.convertBase({
      path: this.#directory.pathOf(rewrite.baseName),
      unixSeconds: isTimed ? Math.floor(rewrite.startedMs / 1000) : 0,
    });
  }

  /** The base is there, or there is none. */
  async #done(rewrite: Rewrite, error: string | null): Promise<void> {
    const { logger } = this.#host;
    const facts = this.#facts;
    if (error !== null || rewrite !== this.#rewrite) this.#removeBase(rewrite);
    if (rewrite !== this.#rewrite) return;
    if (error === null && this.#state !== 'off') await this.#awaitCuts(rewrite);
    const failure = error ?? rewrite.failure ?? this.#finish(rewrite);
    this.#rewrite = null;
    facts[AOF_FACT.lastRewriteSeconds] = Math.floor((Date.now() - rewrite.startedMs) / 1000) + 1;
    facts[AOF_FACT.isLastRewriteBad] = failure === null ? 0 : 1;
    if (failure === null) {
      facts[AOF_FACT.rewriteFailures] = 0;
      this.#deleteHistory();
      logger.notice('Background AOF rewrite finished successfully');
    } else {
      facts[AOF_FACT.rewriteFailures]! += 1;
      logger.warning(`Background AOF rewrite terminated with error: ${failure}`);
      if (error === null) this.#removeBase(rewrite);
    }
    if (this.#state === 'waiting') {
      if (failure === null) this.#become('on');
      else {
        await this.#host.order({ do: 'discard' });
        this.#removeCollected();
        this.#schedule(true);
      }
    }
    // INFO says so last: whoever waits for it finds the directory as it is to be.
    facts[AOF_FACT.isRewriting] = 0;
  }

  #removeBase(rewrite: Rewrite): void {
    rmSync(rewrite.temporary, { force: true });
    if (this.#manifest?.base?.name !== rewrite.baseName) this.#directory.remove(rewrite.baseName);
  }

  #awaitCuts(rewrite: Rewrite): Promise<void> {
    if (rewrite.cuts >= rewrite.flips) return Promise.resolve();
    return new Promise((resolve) => {
      rewrite.onCut = () => {
        if (rewrite.cuts >= rewrite.flips) resolve();
      };
    });
  }

  /** The base is on disk: the manifest names it, with what was written since. */
  #finish(rewrite: Rewrite): string | null {
    const { logger } = this.#host;
    const directory = this.#directory;
    const next = this.#manifest!.copy();
    const base = next.addBase(this.#filename, rewrite.isRdb);
    logger.notice('Background AOF rewrite terminated with success');
    this.#disk.reach('base-renamed');
    if (this.#state === 'waiting') {
      const incr = next.addIncr(this.#filename);
      try {
        directory.rename(temporaryIncrName(this.#filename), incr.name);
      } catch (error) {
        const text = errnoText(error);
        logger.warning(
          `Error trying to rename the temporary AOF incr file into ${incr.name}: ${text}`,
        );
        return text;
      }
      logger.notice(`Successfully renamed the temporary AOF incr file into ${incr.name}`);
      this.#disk.reach('incr-renamed');
    }
    next.retireIncr(this.#state !== 'off');
    const failure = this.#switchTo(next);
    if (failure !== null) return failure;
    if (this.#state !== 'off') {
      const bytes = this.#sizeOf(base.name);
      this.#facts[AOF_FACT.otherBytes] = bytes;
      this.#facts[AOF_FACT.rewriteBaseBytes] = bytes + this.#facts[AOF_FACT.fileBytes]!;
    }
    return null;
  }

  // ---- what happens by itself

  #setCron(): void {
    const isNeeded = this.#state !== 'off' || this.#facts[AOF_FACT.isScheduled] !== 0;
    if (isNeeded === (this.#timer !== null)) return;
    if (isNeeded) {
      this.#timer = setInterval(() => void this.#inTurn(() => this.#cron()), CRON_MS);
      this.#timer.unref();
    } else {
      clearInterval(this.#timer!);
      this.#timer = null;
    }
  }

  async #cron(): Promise<void> {
    const { config, logger, snapshots } = this.#host;
    if (this.#rewrite !== null || snapshots.isRunning) return;
    const facts = this.#facts;
    const isLimited = (): boolean =>
      this.#limit.isLimited(facts[AOF_FACT.rewriteFailures]!, Date.now(), (text) =>
        logger.warning(text),
      );
    if (facts[AOF_FACT.isScheduled] !== 0) {
      if (!isLimited()) await this.#begin();
      return;
    }
    const percentage = config.int('auto-aof-rewrite-percentage');
    const bytes = facts[AOF_FACT.otherBytes]! + facts[AOF_FACT.fileBytes]!;
    if (this.#state !== 'on' || percentage === 0) return;
    if (bytes <= config.int('auto-aof-rewrite-min-size')) return;
    const base = facts[AOF_FACT.rewriteBaseBytes]! || 1;
    const growth = Math.floor((bytes * 100) / base) - 100;
    if (growth < percentage || isLimited()) return;
    logger.notice(`Starting automatic rewriting of AOF on ${growth}% growth`);
    await this.#begin();
  }

  /** DEBUG LOADAOF: what the files say takes the place of everything. */
  async #reload(): Promise<Answer> {
    const { layout, order } = this.#host;
    if (this.#state === 'on') await order({ do: 'settle' });
    layout.setReplaying();
    const modes = this.#state === 'off' ? 0 : MODE_JOURNAL | this.#alwaysBit;
    if (this.#state === 'on') await order({ do: 'settle' });
    layout.removeMode(modes);
    const load = new AofLoad(this.#host, this.#directory);
    const manifest = load.manifest();
    const isLoaded =
      manifest !== null &&
      load.totalBytes(manifest) >= 0 &&
      (await load.empty()) &&
      (await load.run(manifest));
    layout.addMode(modes);
    layout.setLoading(false);
    if (!isLoaded) return { error: 'ERR Error trying to load the AOF files, check server logs' };
    if (this.#rewrite === null) this.#manifest = manifest;
    return { error: null, text: 'OK' };
  }
}

const TURN_ON_FAILED = "Can't turn on AOF. Check server logs.";
const ALREADY_REWRITING = 'ERR Background append only file rewriting already in progress';
const CANNOT_REWRITE =
  "ERR Can't execute an AOF background rewriting. " +
  'Please check the server logs for more information.';
