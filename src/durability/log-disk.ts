/**
 * LogDisk: the file system as the append-only file uses it, and as tests make it fail. Everything
 * throws what the file system throws; what ends later hands it to `done`.
 *
 * With TESSERA_DISK_FAULTS set to the path of a JSON file, for tests, what is in that file at the
 * time of a call goes wrong: see Faults.
 */
import * as fs from 'node:fs';
import { sleepMs } from '../sync/pause.ts';

/** Called with what was thrown, or null, and the number of bytes written. */
export type WriteDone = (error: Error | null, written: number) => void;
export type SyncDone = (error: Error | null) => void;

export interface LogDisk {
  /** Opens for writing at any position, and creates the file where it is missing. */
  open(path: string, truncates: boolean): number;
  close(fd: number): void;
  size(fd: number): number;
  /** May write fewer bytes than asked for. */
  write(fd: number, buf: Uint8Array, from: number, length: number, position: number): number;
  writeLater(
    fd: number,
    buf: Uint8Array,
    from: number,
    length: number,
    position: number,
    done: WriteDone,
  ): void;
  /** Makes the data of a file durable. */
  sync(fd: number): void;
  syncLater(fd: number, done: SyncDone): void;
  truncate(fd: number, length: number): void;
  rename(from: string, to: string): void;
  /** Makes the names in a directory durable. */
  syncDirectory(path: string): void;
  /** A place where a test may end the process. */
  reach(point: string): void;
}

class RealDisk implements LogDisk {
  open(path: string, truncates: boolean): number {
    const { O_WRONLY, O_CREAT, O_TRUNC } = fs.constants;
    return fs.openSync(path, O_WRONLY | O_CREAT | (truncates ? O_TRUNC : 0), 0o644);
  }

  close(fd: number): void {
    fs.closeSync(fd);
  }

  size(fd: number): number {
    return fs.fstatSync(fd).size;
  }

  write(fd: number, buf: Uint8Array, from: number, length: number, position: number): number {
    return fs.writeSync(fd, buf, from, length, position);
  }

  writeLater(
    fd: number,
    buf: Uint8Array,
    from: number,
    length: number,
    position: number,
    done: WriteDone,
  ): void {
    fs.write(fd, buf, from, length, position, done);
  }

  sync(fd: number): void {
    fs.fdatasyncSync(fd);
  }

  syncLater(fd: number, done: SyncDone): void {
    fs.fdatasync(fd, (error) => done(error ?? null));
  }

  truncate(fd: number, length: number): void {
    fs.ftruncateSync(fd, length);
  }

  rename(from: string, to: string): void {
    fs.renameSync(from, to);
  }

  syncDirectory(path: string): void {
    const fd = fs.openSync(path, 'r');
    try {
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
  }

  reach(): void {}
}

/** What goes wrong; what is left out works. Texts are error codes: `ENOSPC`, `EIO`. */
interface Faults {
  readonly write?: string;
  /** Most bytes that one write takes. */
  readonly writeBytesMax?: number;
  /** Length that no file can grow beyond: writes are cut short there, then fail with ENOSPC. */
  readonly fileBytesMax?: number;
  readonly sync?: string;
  /** How long a write or sync that ends later takes besides. */
  readonly delayMs?: number;
  /** The same for those that are waited for. */
  readonly blockMs?: number;
  readonly truncate?: string;
  readonly rename?: string;
  readonly open?: string;
  /** Point at which the process is killed. */
  readonly crashAt?: string;
}

class FaultyDisk implements LogDisk {
  readonly #real = new RealDisk();
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  get #faults(): Faults {
    try {
      return JSON.parse(fs.readFileSync(this.#path, 'utf8')) as Faults;
    } catch {
      return {};
    }
  }

  open(path: string, truncates: boolean): number {
    failWith(this.#faults.open);
    return this.#real.open(path, truncates);
  }

  close(fd: number): void {
    this.#real.close(fd);
  }

  size(fd: number): number {
    return this.#real.size(fd);
  }

  #allowed(length: number, position: number): number {
    const { write, writeBytesMax, fileBytesMax } = this.#faults;
    failWith(write);
    const room = (fileBytesMax ?? Number.POSITIVE_INFINITY) - position;
    if (room <= 0) failWith('ENOSPC');
    return Math.min(length, room, writeBytesMax ?? length);
  }

  write(fd: number, buf: Uint8Array, from: number, length: number, position: number): number {
    this.#block();
    return this.#real.write(fd, buf, from, this.#allowed(length, position), position);
  }

  writeLater(
    fd: number,
    buf: Uint8Array,
    from: number,
    length: number,
    position: number,
    done: WriteDone,
  ): void {
    this.#later(
      () => {
        const allowed = this.#allowed(length, position);
        this.#real.writeLater(fd, buf, from, allowed, position, done);
      },
      (error) => done(error, 0),
    );
  }

  sync(fd: number): void {
    this.#block();
    failWith(this.#faults.sync);
    this.#real.sync(fd);
  }

  syncLater(fd: number, done: SyncDone): void {
    this.#later(() => {
      failWith(this.#faults.sync);
      this.#real.syncLater(fd, done);
    }, done);
  }

  #block(): void {
    const { blockMs } = this.#faults;
    if (blockMs !== undefined) sleepMs(blockMs);
  }

  #later(run: () => void, failed: (error: Error) => void): void {
    setTimeout(() => {
      try {
        run();
      } catch (error) {
        failed(error as Error);
      }
    }, this.#faults.delayMs ?? 0);
  }

  truncate(fd: number, length: number): void {
    failWith(this.#faults.truncate);
    this.#real.truncate(fd, length);
  }

  rename(from: string, to: string): void {
    failWith(this.#faults.rename);
    this.#real.rename(from, to);
  }

  syncDirectory(path: string): void {
    failWith(this.#faults.sync);
    this.#real.syncDirectory(path);
  }

  reach(point: string): void {
    if (this.#faults.crashAt === point) process.kill(process.pid, 'SIGKILL');
  }
}

function failWith(code: string | undefined): void {
  if (code !== undefined) throw Object.assign(new Error(code), { code });
}

/** The disk of this process. */
export function openDisk(): LogDisk {
  const faults = process.env.TESSERA_DISK_FAULTS;
  return faults === undefined ? new RealDisk() : new FaultyDisk(faults);
}
