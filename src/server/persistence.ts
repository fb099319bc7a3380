/**
 * Persistence: RDB files, from main: SAVE, BGSAVE, save rules, the last save before the end, and
 * what becomes of errors. The way of a snapshot itself is SnapshotControl's.
 */
import { dirname, join } from 'node:path';
import type { SaveRequest } from '../commands/spec.ts';
import { readSavePoints } from './config/special-directives.ts';
import type { ConfigStore } from './config/store.ts';
import type { Answer } from './control.ts';
import type { Logger } from './log.ts';
import { FACT } from './persistence-facts.ts';
import { REFUSE_SNAPSHOT_FAILED, type SharedLayout } from './shared-layout.ts';
import type { SnapshotControl } from './snapshot-control.ts';
import { CANCELLED } from './snapshot-thread.ts';
import { removeStaleTemporaries, temporaryName } from './stale-temporaries.ts';
import { STAT, type ThreadStats } from './thread-stats.ts';

const CRON_MS = 100;
/** After an error, rules wait this long before they try again. */
const RETRY_MS = 5000;

const IN_PROGRESS = 'ERR Background save already in progress';
const OTHER_ACTIVE =
  "ERR Another child process is active (AOF?): can't BGSAVE right now. " +
  'Use BGSAVE SCHEDULE in order to schedule a BGSAVE whenever possible.';
const NOTHING_TO_CANCEL = 'ERR Background saving is currently not in progress or scheduled';

export interface PersistenceParts {
  readonly layout: SharedLayout;
  readonly config: ConfigStore;
  readonly logger: Logger;
  readonly allStats: readonly ThreadStats[];
  readonly snapshots: SnapshotControl;
  readonly startedMs: number;
}

/** Hears the outcome of a save: null, or what went wrong. */
type SaveDone = (error: string | null) => void;

export class Persistence {
  readonly #parts: PersistenceParts;
  readonly #facts: Float64Array;
  #timer: ReturnType<typeof setInterval> | null = null;
  /** When a save was begun last. */
  #triedMs = 0;
  #flushes = 0;
  /** The server ends: rules and requests begin nothing any more. */
  #isEnding = false;

  constructor(parts: PersistenceParts) {
    this.#parts = parts;
    this.#facts = parts.layout.facts;
    this.#facts[FACT.lastSaveMs] = parts.startedMs;
    this.#facts[FACT.lastSaveSeconds] = -1;
  }

  /**
   * Cleans up after servers that were killed. Before clients are served: the file of a SAVE of
   * theirs would look like one of an earlier process with this one's number.
   */
  cleanUp(): void {
    const { config, logger } = this.#parts;
    const filename = config.text('appendfilename');
    for (const folder of [dirname(config.path('dbfilename')), config.path('appenddirname')]) {
      for (const name of removeStaleTemporaries(folder, filename)) {
        logger.notice(`Removed ${name}, which a server that is gone has left behind`);
      }
    }
  }

  /** Begins to look at the save rules. */
  start(): void {
    this.#timer = setInterval(() => this.#cron(), CRON_MS);
  }

  /** The data set is there: what made it counts as no change. */
  loaded(): void {
    this.#facts[FACT.changesBase] = this.#changes();
    this.#facts[FACT.lastSaveMs] = Date.now();
    this.#flushes = this.#sum(STAT.flushes);
  }

  /** True while an RDB file is written. */
  get isSaving(): boolean {
    return this.#facts[FACT.isSaving] !== 0;
  }

  /** Changes of all threads since the start, published ones. */
  #changes(): number {
    return this.#sum(STAT.dirty);
  }

  #sum(counter: number): number {
    let sum = 0;
    for (const stats of this.#parts.allStats) sum += stats.counters[counter]!;
    return sum;
  }

  #cron(): void {
    if (this.#isEnding || this.#parts.layout.isLoading) return;
    this.#noteFlushes();
    const { config, logger, snapshots } = this.#parts;
    if (snapshots.isRunning) return;
    const nowMs = Date.now();
    const mayTry = this.#facts[FACT.hasSaveFailed] === 0 || nowMs - this.#triedMs > RETRY_MS;
    if (!mayTry) return;
    if (this.#facts[FACT.isSaveScheduled] !== 0) {
      this.#background();
      return;
    }
    const changes = this.#changes() - this.#facts[FACT.changesBase]!;
    const sinceSeconds = (nowMs - this.#facts[FACT.lastSaveMs]!) / 1000;
    for (const point of readSavePoints(config.text('save'))) {
      if (changes < point.changes || sinceSeconds <= point.seconds) continue;
      logger.notice(`${point.changes} changes in ${point.seconds} seconds. Saving...`);
      this.#background();
      return;
    }
  }

  /** FLUSHALL ends a save that runs, and with save rules an empty file follows, as in Redis. */
  #noteFlushes(): void {
    const flushes = this.#sum(STAT.flushes);
    // CONFIG RESETSTAT sets the counters back.
    const isFlushed = flushes > this.#flushes;
    this.#flushes = flushes;
    if (!isFlushed) return;
    if (this.isSaving) this.#parts.snapshots.cancel();
    if (this.#parts.config.text('save') !== '') this.#facts[FACT.isSaveScheduled] = 1;
  }

  // ---- requests

  /** SAVE, BGSAVE and its options. `done` gets a status or an error. */
  request(what: SaveRequest, done: (answer: Answer) => void): void {
    const { snapshots } = this.#parts;
    // A FLUSHALL before this request is none that ends the save.
    this.#noteFlushes();
    const refuse = (error: string): void => done({ error });
    if (what === 'cancel') {
      const text = this.#cancel();
      if (text === null) refuse(NOTHING_TO_CANCEL);
      else done({ error: null, text });
    } else if (this.isSaving) {
      refuse(IN_PROGRESS);
    } else if (what === 'save') {
      this.#whenFree(() => {
        this.#save((error) =>
          done(error === null ? { error: null, text: 'OK' } : { error: 'ERR' }),
        );
      });
    } else if (snapshots.isRunning) {
      if (what !== 'schedule') {
        refuse(OTHER_ACTIVE);
        return;
      }
      this.#facts[FACT.isSaveScheduled] = 1;
      done({ error: null, text: 'Background saving scheduled' });
    } else {
      this.#background((error) => {
        done(error === null ? { error, text: 'Background saving started' } : { error: 'ERR' });
      });
    }
  }

  #cancel(): string | null {
    const { snapshots, logger } = this.#parts;
    if (this.isSaving) {
      logger.notice('Background saving will be aborted due to user request');
      snapshots.cancel();
      return 'Background saving cancelled';
    }
    if (this.#facts[FACT.isSaveScheduled] === 0) return null;
    this.#facts[FACT.isSaveScheduled] = 0;
    return 'Scheduled background saving cancelled';
  }

  /** `onBegun` hears of the instant of the snapshot, or why there is none. */
  #background(onBegun: SaveDone = () => undefined): void {
    const { logger } = this.#parts;
    const facts = this.#facts;
    facts[FACT.isSaveScheduled] = 0;
    logger.notice(`Background saving started by pid ${process.pid}`);
    const startedMs = Date.now();
    let isBegun = false;
    const begun = (error: string | null): void => {
      if (!isBegun) onBegun(error);
      isBegun = true;
    };
    const ended = (error: string | null): void => {
      begun(error);
      if (error === CANCELLED) {
        logger.warning('Background saving terminated by signal 10');
        return;
      }
      if (error === null) logger.notice('Background saving terminated with success');
      else logger.warning('Background saving error');
      facts[FACT.lastSaveSeconds] = Math.floor((Date.now() - startedMs) / 1000);
      facts[FACT.hasSaveFailed] = error === null ? 0 : 1;
      this.applyRefusal();
    };
    this.#save(ended, () => begun(null));
  }

  readonly #waiting: (() => void)[] = [];

  /** Calls `run` when no snapshot of another kind is under way. */
  #whenFree(run: () => void): void {
    if (!this.#parts.snapshots.isRunning) run();
    else this.#waiting.push(run);
  }

  /** Something else that `snapshots` did has ended. */
  snapshotEnded(): void {
    const next = this.#waiting.shift();
    if (next !== undefined) this.#whenFree(next);
  }

  /** Writes the RDB file. No snapshot is under way. */
  #save(done: SaveDone, onFlip: () => void = () => undefined): void {
    const { config, snapshots } = this.#parts;
    const facts = this.#facts;
    const path = config.path('dbfilename');
    const startedMs = Date.now();
    let changes = 0;
    this.#triedMs = startedMs;
    facts[FACT.isSaving] = 1;
    facts[FACT.savingSinceMs] = startedMs;
    facts[FACT.saves] = facts[FACT.saves]! + 1;
    snapshots.start({
      path,
      temporary: join(dirname(path), temporaryName()),
      kind: 'rdb',
      cutsJournal: false,
      onFlip: () => {
        changes = this.#changes();
        onFlip();
      },
      onDone: (error) => {
        this.#saved(error, changes);
        done(error);
        facts[FACT.isSaving] = 0;
        this.snapshotEnded();
      },
    });
  }

  #saved(error: string | null, changes: number): void {
    const { logger } = this.#parts;
    const facts = this.#facts;
    if (error === null) {
      logger.notice('DB saved on disk');
      facts[FACT.lastSaveMs] = Date.now();
      facts[FACT.changesBase] = changes;
      facts[FACT.hasSaveFailed] = 0;
    } else if (error !== CANCELLED) {
      logger.warning(`Error saving the RDB file on disk: ${error}`);
    }
    this.applyRefusal();
  }

  /** Has write commands refused, or not, after a save or a change of the configuration. */
  applyRefusal(): void {
    const { layout, config } = this.#parts;
    const isRefused =
      this.#facts[FACT.hasSaveFailed] !== 0 &&
      config.bool('stop-writes-on-bgsave-error') &&
      config.text('save') !== '';
    if (isRefused) layout.refuseWrites(REFUSE_SNAPSHOT_FAILED);
    else layout.allowWrites(REFUSE_SNAPSHOT_FAILED);
  }

  // ---- the end

  /** True where the data set is to be saved before the server ends. `save`: as SHUTDOWN said. */
  mustSave(save: boolean | null): boolean {
    return save === true || (save !== false && this.#parts.config.text('save') !== '');
  }

  /** Ends what is under way, and from here on begins nothing by itself. */
  async quiesce(): Promise<void> {
    this.#isEnding = true;
    const { snapshots, logger } = this.#parts;
    if (!snapshots.isRunning) return;
    if (this.isSaving) logger.warning('There is a child saving an .rdb. Killing it!');
    await new Promise<void>((resolve) => {
      this.#waiting.unshift(resolve);
      snapshots.cancel();
    });
  }

  /** Saves for the last time. What went wrong, or null. */
  finalSave(): Promise<string | null> {
    this.#parts.logger.notice('Saving the final RDB snapshot before exiting.');
    return new Promise((resolve) => this.#save(resolve));
  }

  /** The server does not end after all. */
  resume(): void {
    this.#isEnding = false;
  }

  /** Stops the timer, and removes a file that is not complete: the process ends now. */
  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#parts.snapshots.abandon();
  }
}
