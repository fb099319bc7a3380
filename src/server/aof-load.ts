/**
 * AofLoad: loads what an append-only file says: its manifest, the base, the incremental files. In
 * main; the commands run on I/O thread 1 (aof-replay.ts), a base in RDB format is left to the
 * snapshot loader.
 */
import { existsSync, renameSync } from 'node:fs';
import { errnoCode, errnoText } from '../base/errno-text.ts';
import type { AofDirectory } from '../durability/aof-directory.ts';
import { isRdbFile } from '../durability/aof-file.ts';
import { type AofFile, type AofManifest, ManifestError } from '../durability/aof-manifest.ts';
import type { ConfigStore } from './config/store.ts';
import type { ReplayOrder, ReplayOutcome } from './control.ts';
import { LOAD_FACT } from './load-facts.ts';
import type { Logger } from './log.ts';
import type { SharedLayout } from './shared-layout.ts';

/** Loads files in RDB format. */
export interface BaseLoader {
  load(
    path: string,
    options: { readonly keepsExpired: boolean },
  ): Promise<{
    readonly problem: { readonly text: string; readonly offset: number } | null;
    /** Behind the last byte of the RDB part. */
    readonly endOffset: number;
  }>;
}

export interface AofLoadHost {
  readonly config: ConfigStore;
  readonly logger: Logger;
  readonly loader: BaseLoader;
  readonly layout: SharedLayout;
  replay(order: ReplayOrder): Promise<ReplayOutcome>;
}

/** How one file was loaded. */
const OK = 0;
const TRUNCATED = 1;
const FAILED = 2;
type LoadStatus = typeof OK | typeof TRUNCATED | typeof FAILED;

const PROGRESS_LOG_MS = 5000;
const FIX_ADVICE =
  'make a backup of your AOF file, then use tessera-check-aof --fix <filename.manifest>';

export class AofLoad {
  readonly #host: AofLoadHost;
  readonly #directory: AofDirectory;

  constructor(host: AofLoadHost, directory: AofDirectory) {
    this.#host = host;
    this.#directory = directory;
  }

  /** The manifest on disk, or null where it is no good: the log says why. */
  manifest(): AofManifest | null {
    const { logger } = this.#host;
    try {
      return this.#directory.load();
    } catch (error) {
      if (!(error instanceof ManifestError)) {
        const name = this.#host.config.text('appendfilename');
        const text = `Fatal error: can't open the AOF manifest file ${name}.manifest for reading`;
        logger.warning(`${text}: ${errnoText(error)}`);
        return null;
      }
      logger.warning('*** FATAL AOF MANIFEST FILE ERROR ***');
      if (error.lineNumber !== 0) {
        logger.warning(`Reading the manifest file, at line ${error.lineNumber}`);
        logger.warning(`>>> '${error.line}'`);
      }
      logger.warning(error.message);
      return null;
    }
  }

  /**
   * Takes over the single file of a server before version 7, where there is one and nothing newer.
   * False: it failed, the log says why.
   */
  upgrade(manifest: AofManifest): boolean {
    const { config, logger } = this.#host;
    const directory = this.#directory;
    const name = config.text('appendfilename');
    const path = config.path('appendfilename');
    if (!existsSync(path)) return true;
    const isHalfDone =
      manifest.base?.name === name && manifest.incr.length === 0 && !directory.has(name);
    if (directory.exists && !manifest.isEmpty && !isHalfDone) return true;
    try {
      directory.make();
      manifest.adoptBase(name);
      directory.persist(manifest);
      renameSync(path, directory.pathOf(name));
    } catch (error) {
      logger.warning(
        `Error trying to move the old AOF file ${name} into dir ` +
          `${config.text('appenddirname')}: ${errnoText(error)}`,
      );
      return false;
    }
    logger.notice(
      `Successfully migrated an old-style AOF file (${name}) into the AOF directory ` +
        `(${config.text('appenddirname')}).`,
    );
    return true;
  }

  /** Bytes of all files, or -1 where one is missing: the log says so. */
  totalBytes(manifest: AofManifest): number {
    let total = 0;
    for (const { name } of manifest.files) {
      try {
        total += this.#directory.size(name);
      } catch (error) {
        this.#host.logger.warning(
          `Unable to obtain the AOF file ${name} length. stat: ${errnoText(error)}`,
        );
        return -1;
      }
    }
    return total;
  }

  /** Empties all databases. */
  async empty(): Promise<boolean> {
    const outcome = await this.#host.replay({ path: '', start: 0 });
    return outcome.status === 'complete';
  }

  /** Loads all files of the manifest. False: that cannot be, and the log says why. */
  async run(manifest: AofManifest): Promise<boolean> {
    const { logger } = this.#host;
    const files = manifest.files;
    for (const file of files) {
      const started = performance.now();
      const isLast = file === files.at(-1);
      const status = await this.#loadFile(file, isLast);
      if (status === FAILED) return false;
      if (status === TRUNCATED && !isLast) {
        logger.warning('Fatal error: the truncated file is not the last file');
        return false;
      }
      const what = file === manifest.base ? 'base' : 'incr';
      const seconds = ((performance.now() - started) / 1000).toFixed(3);
      logger.notice(`DB loaded from ${what} file ${file.name}: ${seconds} seconds`);
    }
    return true;
  }

  async #loadFile({ name }: AofFile, isLast: boolean): Promise<LoadStatus> {
    const { logger, loader } = this.#host;
    const path = this.#directory.pathOf(name);
    let start = 0;
    try {
      if (this.#directory.size(name) === 0) return OK;
      if (isRdbFile(path)) {
        const isOld = name === this.#host.config.text('appendfilename');
        const what = isOld ? 'RDB preamble from AOF file' : 'RDB base file on AOF loading';
        logger.notice(`Reading ${what}...`);
        const { problem, endOffset } = await loader.load(path, { keepsExpired: true });
        if (problem !== null) {
          const part = isOld ? 'RDB preamble of the AOF file' : 'RDB base file';
          logger.warning(`Error in RDB part at offset ${problem.offset}: ${problem.text}`);
          logger.warning(`Error reading the ${part} ${name}, AOF loading aborted`);
          return FAILED;
        }
        if (isOld) logger.notice('Reading the remaining AOF tail...');
        start = endOffset;
        if (start >= this.#directory.size(name)) return OK;
      }
    } catch (error) {
      const text = errnoText(error);
      if (errnoCode(error) === 'ENOENT') {
        logger.warning(`The append log file ${name} doesn't exist: ${text}`);
      } else {
        logger.warning(`Fatal error: can't open the append log file ${name} for reading: ${text}`);
      }
      return FAILED;
    }
    return this.#judge(name, await this.#replay(name, path, start), isLast);
  }

  /** Runs the commands of a file, and tells how far it is. */
  async #replay(name: string, path: string, start: number): Promise<ReplayOutcome> {
    const { logger, layout } = this.#host;
    const { facts } = layout;
    facts[LOAD_FACT.startMs] = Date.now();
    facts[LOAD_FACT.totalBytes] = this.#directory.size(name);
    facts[LOAD_FACT.loadedBytes] = start;
    const timer = setInterval(() => {
      const percent = (facts[LOAD_FACT.loadedBytes]! / facts[LOAD_FACT.totalBytes]!) * 100;
      logger.notice(`Loading append only file ${name}: ${Math.floor(percent)}%`);
    }, PROGRESS_LOG_MS);
    const outcome = await this.#host.replay({ path, start });
    clearInterval(timer);
    return outcome;
  }

  #judge(name: string, outcome: ReplayOutcome, isLast: boolean): LoadStatus {
    const { logger } = this.#host;
    const { status, text, offset } = outcome;
    switch (status) {
      case 'complete':
        return OK;
      case 'short':
        if (outcome.isInTransaction) {
          logger.warning(`Revert incomplete MULTI/EXEC transaction in AOF file ${name}`);
        }
        return this.#truncate(name, outcome.validUpTo, isLast);
      case 'bad-format':
        logger.warning(`Bad file format reading the append only file ${name}: ${FIX_ADVICE}`);
        logger.warning(`It is bad from offset ${offset} on: ${text}`);
        return FAILED;
      case 'unknown-command':
        logger.warning(`Unknown command '${text}' reading the append only file ${name}`);
        logger.warning(`The command is at offset ${offset}.`);
        return FAILED;
      case 'refused':
        logger.warning(
          `The command at offset ${offset} of the append only file ${name} fails: ${text}`,
        );
        return FAILED;
      case 'unreadable':
        logger.warning(
          `Unrecoverable error reading the append only file ${name} at offset ${offset}: ${text}`,
        );
        return FAILED;
    }
  }

  /** The file ends within a command or transaction: only the last file may. */
  #truncate(name: string, validUpTo: number, isLast: boolean): LoadStatus {
    const { config, logger } = this.#host;
    if (!isLast) return TRUNCATED;
    if (config.bool('aof-load-truncated')) {
      logger.warning(`!!! Warning: short read while loading the AOF file ${name}!!!`);
      logger.warning(`!!! Truncating the AOF ${name} at offset ${validUpTo} !!!`);
      try {
        this.#directory.truncate(name, validUpTo);
        logger.warning(`AOF ${name} loaded anyway because aof-load-truncated is enabled`);
        return TRUNCATED;
      } catch (error) {
        logger.warning(`Error truncating the AOF file ${name}: ${errnoText(error)}`);
      }
    }
    logger.warning(
      `Unexpected end of file reading the append only file ${name}. You can: ` +
        '1) Make a backup of your AOF file, then use tessera-check-aof --fix ' +
        '<filename.manifest>. ' +
        "2) Alternatively you can set the 'aof-load-truncated' configuration option to yes and " +
        'restart the server.',
    );
    logger.warning(`Everything up to offset ${validUpTo} of ${name} is complete.`);
    return FAILED;
  }
}
