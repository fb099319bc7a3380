/**
 * ShutdownSignals: SIGTERM and SIGINT in main. As in Redis the signal only asks for the end: the
 * periodic job carries it out, so while that is paused (DEBUG PAUSE-CRON) nothing happens, and
 * SHUTDOWN ABORT takes it back. A second signal ends the process at once.
 */
import type { ConfigStore } from './config/store.ts';
import type { Logger } from './log.ts';

/** SHUTDOWN's words, or those of the directives for signals. */
export interface ShutdownOptions {
  /** Null: where there are save rules. */
  readonly save: boolean | null;
  readonly force: boolean;
}

export interface ShutdownSignalsParts {
  readonly config: ConfigStore;
  readonly logger: Logger;
  /** Ends the server; resolves with an error text when it does not. */
  readonly shutdown: (options: ShutdownOptions) => Promise<string | null>;
  /** Removes what is not complete on disk: the process ends now. */
  readonly abandon: () => void;
}

export class ShutdownSignals {
  readonly #parts: ShutdownSignalsParts;
  #isPaused = false;
  /** The signal that asked for the end which has not come yet. */
  #asked: NodeJS.Signals | null = null;

  constructor(parts: ShutdownSignalsParts) {
    this.#parts = parts;
  }

  /** Listens from here on. */
  watch(): void {
    process.on('SIGTERM', () => this.#receive('SIGTERM'));
    process.on('SIGINT', () => this.#receive('SIGINT'));
    process.on('SIGHUP', () => undefined);
  }

  /** DEBUG PAUSE-CRON. */
  setPaused(isPaused: boolean): void {
    this.#isPaused = isPaused;
    if (!isPaused && this.#asked !== null) this.#end(this.#asked);
  }

  /** Takes back what a signal has asked for and nobody has begun. False: there is nothing. */
  abort(): boolean {
    if (this.#asked === null || !this.#isPaused) return false;
    this.#asked = null;
    return true;
  }

  #receive(signal: NodeJS.Signals): void {
    const { logger, abandon } = this.#parts;
    if (this.#asked !== null) {
      logger.warning('You insist... exiting now.');
      abandon();
      process.exit(1);
    }
    logger.warning(`Received ${signal} scheduling shutdown...`);
    this.#asked = signal;
    if (!this.#isPaused) this.#end(signal);
  }

  #end(signal: NodeJS.Signals): void {
    const { config, logger, shutdown } = this.#parts;
    const isTerm = signal === 'SIGTERM';
    const words = config.text(isTerm ? 'shutdown-on-sigterm' : 'shutdown-on-sigint').split(' ');
    const save = words.includes('save') ? true : words.includes('nosave') ? false : null;
    void shutdown({ save, force: words.includes('force') }).then((error) => {
      if (error === null) return;
      this.#asked = null;
      logger.warning(
        `${signal} received but errors trying to shut down the server, ` +
          'check the logs for more information',
      );
    });
  }
}
