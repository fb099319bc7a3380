/**
 * CrashReport: what main writes to the log when the server dies, or when somebody asks what its
 * threads are doing (SIGALRM): the cause, a JavaScript stack where there is one, every thread with
 * what the kernel knows of it and the shards it holds, INFO, and the directives that were given.
 *
 * LIMITS  JavaScript runs neither in a signal handler nor on behalf of a thread that does not
 * return to it. So a fault of the runtime itself (a real SIGSEGV, SIGBUS, SIGILL or SIGFPE) ends
 * the process without a report, the kernel's core file aside; and other threads are shown with
 * their state, not with a stack. SIGABRT and SIGALRM that are sent from outside, failed assertions,
 * exceptions of any thread and DEBUG's drills are reported.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { TESSERA_VERSION } from '../base/version.ts';
import { holderOf } from '../sync/lock-word.ts';
import { isSensitiveDirective } from './config/directives.ts';
import type { ConfigStore } from './config/store.ts';
import { infoText } from './info-source.ts';
import type { Logger } from './log.ts';
import type { ServerPlan } from './plan.ts';
import { threadName } from './thread-names.ts';
import { setUpThread } from './thread-setup.ts';

/** Position of the state letter behind the command name in /proc/PID/stat. */
const STAT_STATE = 0;
const STAT_USER = 11;
const STAT_SYSTEM = 12;
const TICKS_PER_SECOND = 100;
const MAIN_THREAD = 0;

export interface CrashReportOptions {
  readonly config: ConfigStore;
  readonly logger: Logger;
  readonly plan: ServerPlan;
  readonly startedMs: number;
  readonly runId: string;
}

/** Why the process ends, as the first lines of a report. */
export interface CrashCause {
  /** `crashed by signal: 11, si_code: 0`, `I/O thread 1 died`. */
  readonly text: string;
  /** The stack of the thread that it happened on, or ''. */
  readonly stack: string;
}

export class CrashReport {
  readonly #options: CrashReportOptions;
  /** A report has been written: whatever happens meanwhile is a consequence. */
  #isWritten = false;

  constructor(options: CrashReportOptions) {
    this.#options = options;
  }

  /**
   * Reports SIGABRT and exceptions of main, which end the process, and SIGALRM, which does not.
   */
  watch(): void {
    process.on('SIGABRT', () => this.#endBySignal('SIGABRT', ''));
    process.on('SIGALRM', () => {
      const { logger } = this.#options;
      logger.warning('--- WATCHDOG REPORT ---');
      logger.warning('Received SIGALRM');
      this.#sections([this.#threadLines()]);
      logger.warning('--- END OF WATCHDOG REPORT ---');
    });
    process.on('uncaughtException', (error) => {
      this.write({ text: 'main died', stack: error.stack ?? error.message });
      process.exit(1);
    });
  }

  /** DEBUG's drills: the end that a crash of that kind makes. `stack` is that of the command. */
  drill(what: string, stack: string): never {
    const { logger } = this.#options;
    if (what === 'segfault') this.#endBySignal('SIGSEGV', stack);
    if (what === 'assert') logger.warning('=== ASSERTION FAILED ===');
    else if (what === 'oom') logger.warning('Out of memory, as asked for by DEBUG OOM');
    else logger.warning(`Software failure, as asked for by DEBUG ${what.toUpperCase()}`);
    if (this.#options.config.bool('use-exit-on-panic')) {
      this.write({ text: 'ends with exit code 1', stack });
      process.exit(1);
    }
    this.#endBySignal('SIGABRT', stack);
  }

  /** Writes the report and ends the process by `signal`, as if nobody had caught it. */
  #endBySignal(signal: NodeJS.Signals, stack: string): never {
    const number = constants.signals[signal];
    this.write({ text: `crashed by signal: ${number} (${signal})`, stack });
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
    // Not reached, unless the signal is blocked.
    process.abort();
  }

  /** Writes the report. A second one is not written: its cause follows from the first. */
  write(cause: CrashCause): void {
    if (this.#isWritten) return;
    this.#isWritten = true;
    const { logger, config } = this.#options;
    const start = '=== TESSERA BUG REPORT START: cut and paste from here on ===';
    logger.warning(config.bool('crash-log-enabled') ? start : '=== TESSERA BUG REPORT ===');
    logger.warning(`Tessera ${TESSERA_VERSION} ${cause.text}`);
    if (cause.stack !== '') this.#sections([['STACK TRACE', cause.stack.split('\n')]]);
    if (!config.bool('crash-log-enabled')) return;
    this.#sections([this.#threadLines(), this.#infoLines(), this.#configLines()]);
    logger.warning('=== TESSERA BUG REPORT END. All lines from START on belong to it. ===');
  }

  #sections(sections: readonly (readonly [string, readonly string[]])[]): void {
    const { logger } = this.#options;
    for (const [title, lines] of sections) {
      logger.raw('warning', `\n------ ${title} ------\n${lines.join('\n')}\n`);
    }
  }

  /** What each thread is and does, with the shards that it holds exclusively. */
  #threadLines(): readonly [string, readonly string[]] {
    const { layout } = this.#options.plan;
    const kernel = kernelStates();
    const lines: string[] = [];
    for (let thread = MAIN_THREAD + 1; thread <= layout.loaderThread; thread++) {
      const name = threadName(layout, thread);
      const state = kernel.get(name);
      if (state === undefined && thread >= layout.threadCount) continue;
      const held: number[] = [];
      for (let shard = 0; shard < layout.topology.shards; shard++) {
        if (holderOf(layout.words, layout.lockWord(shard)) === thread) held.push(shard);
      }
      const holds = held.length === 0 ? 'holds no shard' : `holds shards ${held.join(', ')}`;
      lines.push(`${name}: ${state ?? 'state unknown'}; ${holds}`);
    }
    return ['THREADS', lines];
  }

  #infoLines(): readonly [string, readonly string[]] {
    const { config, plan, startedMs, runId } = this.#options;
    try {
      const start = {
        thread: MAIN_THREAD,
        buffers: plan.buffers,
        hashKey: [0, 0] as const,
        config: config.snapshot(),
        startedMs,
        runId,
        executable: process.argv[1] ?? '',
        users: [],
      };
      const text = infoText(
        setUpThread(start, () => undefined),
        ['all'],
        '',
      );
      return ['INFO', text.split('\r\n')];
    } catch (error) {
      // Shared memory may be what is broken.
      return ['INFO', [`cannot be read: ${error instanceof Error ? error.message : error}`]];
    }
  }

  #configLines(): readonly [string, readonly string[]] {
    const { config } = this.#options;
    const lines = config
      .explicitDirectives()
      .filter(({ name }) => !isSensitiveDirective(name))
      .map(({ name }) => config.get([name])[0]!.join(' '));
    return ['CONFIGURATION', lines];
  }
}

/** State and CPU time of this process's named threads, from /proc; empty elsewhere. */
function kernelStates(): ReadonlyMap<string, string> {
  const states = new Map<string, string>();
  const read = (path: string): string => {
    try {
      return readFileSync(path, 'latin1').trim();
    } catch {
      return '';
    }
  };
  let tasks: readonly string[] = [];
  try {
    tasks = readdirSync('/proc/self/task');
  } catch {
    // No /proc: nothing is known.
  }
  for (const task of tasks) {
    const folder = `/proc/self/task/${task}`;
    const stat = read(`${folder}/stat`);
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const waits = read(`${folder}/wchan`);
    const user = Number(fields[STAT_USER]) / TICKS_PER_SECOND;
    const system = Number(fields[STAT_SYSTEM]) / TICKS_PER_SECOND;
    const where = waits === '' || waits === '0' ? '' : ` in ${waits}`;
    states.set(
      read(`${folder}/comm`),
      `state ${fields[STAT_STATE]}${where}, ${user} s user and ${system} s system time`,
    );
  }
  return states;
}
