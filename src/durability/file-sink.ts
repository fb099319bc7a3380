/**
 * FileSink: writes a file chunk by chunk under a temporary name, and gives it its own name once all
 * of it is on disk: whoever opens that name finds the old file or the whole new one.
 *
 * Everything throws what the file system throws; `abandon` cleans up then.
 */
import {
  closeSync,
  fdatasyncSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import type { ByteSink } from './byte-sink.ts';
import { Crc64 } from './crc64.ts';

const BUFFER_BYTES = 1 << 18;

export class FileSink implements ByteSink {
  readonly buf: Uint8Array = new Uint8Array(BUFFER_BYTES);
  length = 0;
  readonly #path: string;
  readonly #temporary: string;
  readonly #checksum = new Crc64();
  /** Bytes of `buf` that the checksum has seen. */
  #summed = 0;
  #fd: number;

  readonly #bytesPerSync: number;
  /** Bytes that were written, and how many of them are known to be on disk. */
  #written = 0;
  #synced = 0;

  /**
   * Creates the temporary file, which is in the directory of `path`. `bytesPerSync`: every so many
   * bytes are brought to the disk at once, so that the last step does not take long; 0 = all of
   * them in the end.
   */
  constructor(path: string, temporary: string, bytesPerSync = 0) {
    this.#path = path;
    this.#temporary = temporary;
    this.#bytesPerSync = bytesPerSync;
    this.#fd = openSync(this.#temporary, 'w');
  }

  /** Bytes of the file so far. */
  get bytes(): number {
    return this.#written + this.length;
  }

  reserve(n: number): void {
    if (this.length + n > this.buf.length) this.#flush();
  }

  rawRange(source: Uint8Array, start: number, end: number): void {
    for (let at = start; at < end; ) {
      if (this.length === this.buf.length) this.#flush();
      const count = Math.min(end - at, this.buf.length - this.length);
      this.buf.set(source.subarray(at, at + count), this.length);
      this.length += count;
      at += count;
    }
  }

  /** The checksum of everything so far. */
  settleChecksum(): Crc64 {
    this.#checksum.update(this.buf, this.#summed, this.length);
    this.#summed = this.length;
    return this.#checksum;
  }

  #flush(): void {
    this.settleChecksum();
    for (let at = 0; at < this.length; ) {
      at += writeSync(this.#fd, this.buf, at, this.length - at);
    }
    this.#written += this.length;
    this.length = 0;
    this.#summed = 0;
    if (this.#bytesPerSync === 0 || this.#written - this.#synced < this.#bytesPerSync) return;
    fdatasyncSync(this.#fd);
    this.#synced = this.#written;
  }

  /**
   * Makes the file durable and gives it its name, unless nobody wants it any more by then: false,
   * and it is to be abandoned.
   */
  finish(isWanted: () => boolean = () => true): boolean {
    this.#flush();
    fsyncSync(this.#fd);
    this.#close();
    if (!isWanted()) return false;
    renameSync(this.#temporary, this.#path);
    const directory = openSync(dirname(this.#path), 'r');
    try {
      fsyncSync(directory);
    } finally {
      closeSync(directory);
    }
    return true;
  }

  /** Removes what was written. */
  abandon(): void {
    this.#close();
    rmSync(this.#temporary, { force: true });
  }

  #close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }
}
