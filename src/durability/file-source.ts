/** FileSource: reads a file chunk by chunk. Everything throws what the file system throws. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { ByteSource } from './rdb-input.ts';

export class FileSource implements ByteSource {
  left: number;
  readonly #fd: number;

  constructor(path: string) {
    this.#fd = openSync(path, 'r');
    this.left = fstatSync(this.#fd).size;
  }

  read(buf: Uint8Array, at: number, length: number): number {
    const taken = readSync(this.#fd, buf, at, Math.min(length, this.left), null);
    this.left -= taken;
    return taken;
  }

  close(): void {
    closeSync(this.#fd);
  }
}
