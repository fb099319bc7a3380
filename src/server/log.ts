// The log, in Redis's line format, so that log readers and test suites understand it:
//
//   12345:M 23 Nov 2026 06:37:00.123 * Ready to accept connections
//   pid  role  local date and time    level  text
//
// Roles: M main, I an I/O thread, W a shard worker, D the durability thread, P a pool worker. All
// threads of a process show the same pid. Redis uses M, S (replica), C (child) and X (sentinel);
// S, C and X are left to those meanings.
//
// Every line is written at once and synchronously by the thread that logs it, in one write call
// on a file opened for appending, so lines of threads do not mix and none is lost when the process
// ends.

import { closeSync, openSync, writeSync } from 'node:fs';
import { errnoCode } from '../base/errno-text.ts';

/** Least to most severe; `nothing` is only a filter. */
export type LogLevel = 'debug' | 'verbose' | 'notice' | 'warning';
export type LogFilter = LogLevel | 'nothing';
export type LogRole = 'M' | 'I' | 'W' | 'D' | 'P';

const RANKS: Readonly<Record<LogFilter, number>> = {
  debug: 0,
  verbose: 1,
  notice: 2,
  warning: 3,
  nothing: 4,
};
const MARKS: Readonly<Record<LogLevel, string>> = {
  debug: '.',
  verbose: '-',
  notice: '*',
  warning: '#',
};
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Takes complete lines, each with its line feed. Must not throw: logging never ends the server. */
export type LogWriter = (text: string) => void;

export interface LoggerOptions {
  readonly role: LogRole;
  readonly level: LogFilter;
  readonly write: LogWriter;
  readonly pid?: number;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** One thread's log. Threads make their own, on the same file. */
export class Logger {
  #rank: number;
  readonly #write: LogWriter;
  readonly #prefix: string;
  readonly #now: () => number;

  constructor(options: LoggerOptions) {
    this.#rank = RANKS[options.level];
    this.#write = options.write;
    this.#prefix = `${options.pid ?? process.pid}:${options.role} `;
    this.#now = options.now ?? Date.now;
  }

  /** Changes the filter (CONFIG SET loglevel). */
  setLevel(level: LogFilter): void {
    this.#rank = RANKS[level];
  }

  /** True when a line of this level would be written: ask before building a costly text. */
  isEnabled(level: LogLevel): boolean {
    return RANKS[level] >= this.#rank;
  }

  log(level: LogLevel, text: string): void {
    if (!this.isEnabled(level)) return;
    this.#write(`${this.#prefix}${logTime(this.#now())} ${MARKS[level]} ${text}\n`);
  }

  debug(text: string): void {
    this.log('debug', text);
  }

  verbose(text: string): void {
    this.log('verbose', text);
  }

  notice(text: string): void {
    this.log('notice', text);
  }

  warning(text: string): void {
    this.log('warning', text);
  }

  /** Text without a prefix, such as the start banner; the caller ends its lines. */
  raw(level: LogLevel, text: string): void {
    if (this.isEnabled(level)) this.#write(text);
  }
}

/** `23 Nov 2026 06:37:00.123`, in local time. */
export function logTime(epochMs: number): string {
  const time = new Date(epochMs);
  const day = `${two(time.getDate())} ${MONTHS[time.getMonth()]} ${time.getFullYear()}`;
  const clock = `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
  return `${day} ${clock}.${String(time.getMilliseconds()).padStart(3, '0')}`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

const STDOUT_FD = 1;
const FULL_PIPE_WAIT_MS = 100;

/**
 * Writes to a file, or to standard output when `path` is ''. The file is opened for every line, so
 * that log rotation can move it away at any time.
 */
export function fileLogWriter(path: string): LogWriter {
  return (text) => {
    const bytes = Buffer.from(text, 'utf8');
    try {
      if (path === '') {
        writeFully(STDOUT_FD, bytes);
        return;
      }
      const fd = openSync(path, 'a');
      try {
        writeFully(fd, bytes);
      } finally {
        closeSync(fd);
      }
    } catch {
      // A full disk or a closed pipe: there is nowhere to say so, and the server goes on.
    }
  };
}

/** A full non-blocking pipe is tried again for a moment; after that the line is given up. */
function writeFully(fd: number, bytes: Buffer): void {
  const deadline = Date.now() + FULL_PIPE_WAIT_MS;
  let written = 0;
  while (written < bytes.length) {
    try {
      written += writeSync(fd, bytes, written);
    } catch (error) {
      if (errnoCode(error) !== 'EAGAIN' || Date.now() > deadline) throw error;
    }
  }
}
