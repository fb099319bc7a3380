/** TimedDisk: a disk that says how long its calls take. */
import type { LogDisk, SyncDone, WriteDone } from './log-disk.ts';

/** `sync` is waited for, `sync-later` is not. */
export type DiskCall = 'write' | 'sync' | 'sync-later' | 'rename';

export class TimedDisk implements LogDisk {
  readonly #disk: LogDisk;
  readonly #took: (call: DiskCall, ms: number) => void;

  /** `took` is told of every write, sync and rename that has ended, and its milliseconds. */
  constructor(disk: LogDisk, took: (call: DiskCall, ms: number) => void) {
    this.#disk = disk;
    this.#took = took;
  }

  #timed<T>(call: DiskCall, run: () => T): T {
    const started = performance.now();
    try {
      return run();
    } finally {
      this.#took(call, performance.now() - started);
    }
  }

  open(path: string, truncates: boolean): number {
    return this.#disk.open(path, truncates);
  }

  close(fd: number): void {
    this.#disk.close(fd);
  }

  size(fd: number): number {
    return this.#disk.size(fd);
  }

  write(fd: number, buf: Uint8Array, from: number, length: number, position: number): number {
    return this.#timed('write', () => this.#disk.write(fd, buf, from, length, position));
  }

  writeLater(
    fd: number,
    buf: Uint8Array,
    from: number,
    length: number,
    position: number,
    done: WriteDone,
  ): void {
    const started = performance.now();
    this.#disk.writeLater(fd, buf, from, length, position, (error, written) => {
      this.#took('write', performance.now() - started);
      done(error, written);
    });
  }

  sync(fd: number): void {
    this.#timed('sync', () => this.#disk.sync(fd));
  }

  syncLater(fd: number, done: SyncDone): void {
    const started = performance.now();
    this.#disk.syncLater(fd, (error) => {
      this.#took('sync-later', performance.now() - started);
      done(error);
    });
  }

  truncate(fd: number, length: number): void {
    this.#disk.truncate(fd, length);
  }

  rename(from: string, to: string): void {
    this.#timed('rename', () => this.#disk.rename(from, to));
  }

  syncDirectory(path: string): void {
    this.#disk.syncDirectory(path);
  }

  reach(point: string): void {
    this.#disk.reach(point);
  }
}
