/**
 * AofDirectory: the directory of the append-only file. What it has is said by the manifest, which
 * takes the place of the one before in one step; files that it does not name count for nothing.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { AofManifest, manifestName, temporaryManifestName } from './aof-manifest.ts';
import type { LogDisk } from './log-disk.ts';

export class AofDirectory {
  readonly #disk: LogDisk;
  readonly #path: string;
  readonly #filename: string;

  /** `filename`: appendfilename, a byte string. */
  constructor(disk: LogDisk, path: string, filename: string) {
    this.#disk = disk;
    this.#path = path;
    this.#filename = filename;
  }

  get exists(): boolean {
    return existsSync(this.#path);
  }

  /** Path of a file by its name, a byte string. */
  pathOf(name: string): string {
    return join(this.#path, Buffer.from(name, 'latin1').toString('utf8'));
  }

  has(name: string): boolean {
    return existsSync(this.pathOf(name));
  }

  /** Bytes of a file. Throws what the file system throws. */
  size(name: string): number {
    return statSync(this.pathOf(name)).size;
  }

  /** Makes the directory, where it is missing, so that it stays. */
  make(): void {
    if (this.exists) return;
    mkdirSync(this.#path, 0o755);
    this.#disk.syncDirectory(join(this.#path, '..'));
  }

  /** The manifest; an empty one where there is none. Throws ManifestError and system errors. */
  load(): AofManifest {
    const name = manifestName(this.#filename);
    if (!this.has(name)) return new AofManifest();
    return AofManifest.parse(readFileSync(this.pathOf(name), 'latin1'));
  }

  /** Makes a manifest the one that counts, durably. Throws system errors: the old one stays. */
  persist(manifest: AofManifest): void {
    const disk = this.#disk;
    const temporary = this.pathOf(temporaryManifestName(this.#filename));
    const bytes = Buffer.from(manifest.format(), 'latin1');
    const fd = disk.open(temporary, true);
    try {
      for (let at = 0; at < bytes.length; ) {
        at += disk.write(fd, bytes, at, bytes.length - at, at);
      }
      disk.sync(fd);
    } finally {
      disk.close(fd);
    }
    disk.reach('manifest-written');
    disk.rename(temporary, this.pathOf(manifestName(this.#filename)));
    disk.reach('manifest-renamed');
    disk.syncDirectory(this.#path);
  }

  /** Makes an empty file that is there before a manifest names it. */
  create(name: string): void {
    this.#disk.close(this.#disk.open(this.pathOf(name), true));
  }

  rename(from: string, to: string): void {
    this.#disk.rename(this.pathOf(from), this.pathOf(to));
  }

  /**
   * Files of this file's names that a manifest does not have and nothing ever needs: the bases of
   * rewrites that were killed before their manifest, and the incremental files made for it, to
   * which nothing is written before it names them. Incremental files with anything in them stay:
   * a manifest may have been lost. Names as byte strings. Throws system errors.
   */
  strayFiles(manifest: AofManifest): string[] {
    const files = [manifest.base, ...manifest.incr, ...manifest.history];
    const named = new Set(files.map((file) => file?.name));
    const start = `${this.#filename}.`;
    return readdirSync(this.#path)
      .map((name) => Buffer.from(name).toString('latin1'))
      .filter((name) => name.startsWith(start) && !named.has(name))
      .filter((name) => {
        const end = name.slice(start.length);
        if (/^\d+\.base\.(rdb|aof)$/.test(end)) return true;
        return /^\d+\.incr\.aof$/.test(end) && this.size(name) === 0;
      });
  }

  remove(name: string): void {
    rmSync(this.pathOf(name), { force: true });
  }

  /** Cuts a file. */
  truncate(name: string, length: number): void {
    const fd = this.#disk.open(this.pathOf(name), false);
    try {
      this.#disk.truncate(fd, length);
      this.#disk.sync(fd);
    } finally {
      this.#disk.close(fd);
    }
  }
}
