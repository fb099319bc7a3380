/** FileSource: reads a file chunk by chunk. Everything throws what the file system throws. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { errnoCode, errnoText } from '../base/errno-text.ts';
import type { ByteSource } from './rdb-input.ts';
import type { SnapshotProblem, SnapshotReader } from './snapshot-read.ts';

/** Reads the snapshot file at `path`. What is wrong with it, or with reading it, or null. */
export function readSnapshotFile(reader: SnapshotReader, path: string): SnapshotProblem | null {
  let source: FileSource | null = null;
  try {
    source = new FileSource(path);
    return reader.read(source);
  } catch (error) {
    if (errnoCode(error) === '') throw error;
    return { text: errnoText(error), offset: reader.offset };
  } finally {
    source?.close();
  }
}

export class FileSource implements ByteSource {
  left: number;
  readonly #fd: number;

  constructor(path: string) {
    this.#fd = openSync(path, 'r');
    const facts = fstatSync(this.#fd);
    if (!facts.isFile()) {
      this.close();
      throw Object.assign(new Error(`${path} is not a file`), { code: 'EISDIR' });
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
