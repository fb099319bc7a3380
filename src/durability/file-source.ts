/** FileSource: reads a file chunk by chunk. Everything throws what the file system throws. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { ByteSource } from './rdb-input.ts';

export class FileSource implements ByteSource {
  left: number;
  readonly #fd: number;

  constructor(path: string) {
    this.#fd = openSync(path, 'r');
    const facts = fstatSync(this.#fd);
    if (!facts.isFile()) {
      this.close();
      throw new Error(`${path} is not a file`);
    }
    this.left = facts.size;
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
