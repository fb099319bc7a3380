/**
 * FramesAside: frames that wait until a large entry has been written: in memory, and beyond some
 * megabytes in a file without a name, which is gone with its descriptor.
 */
import { closeSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';

const MEMORY_BYTES_MAX = 1 << 24;
const LENGTH_BYTES = 4;

export class FramesAside {
  readonly #path: string;
  #frames: Uint8Array[] = [];
  #memoryBytes = 0;
  #fd = -1;
  #fileBytes = 0;
  readonly #length = new Uint8Array(LENGTH_BYTES);
  readonly #lengthView = new DataView(this.#length.buffer);

  /** `path`: where the file may be made, for an instant. */
  constructor(path: string) {
    this.#path = path;
  }

  /** Keeps a copy of buf[from, to). Throws what the file system throws. */
  add(buf: Uint8Array, from: number, to: number): void {
    if (this.#fd < 0 && this.#memoryBytes + to - from <= MEMORY_BYTES_MAX) {
      this.#frames.push(buf.slice(from, to));
      this.#memoryBytes += to - from;
      return;
    }
    if (this.#fd < 0) {
      this.#fd = openSync(this.#path, 'w+');
      unlinkSync(this.#path);
    }
    this.#lengthView.setUint32(0, to - from);
    this.#write(this.#length, 0, LENGTH_BYTES);
    this.#write(buf, from, to);
  }

  #write(buf: Uint8Array, from: number, to: number): void {
    for (let at = from; at < to; ) {
      const written = writeSync(this.#fd, buf, at, to - at, this.#fileBytes);
      at += written;
      this.#fileBytes += written;
    }
  }

  /** Calls `visit` for all frames in the order they came, and forgets them. */
  drain(visit: (frame: Uint8Array) => void): void {
    const frames = this.#frames;
    this.#frames = [];
    this.#memoryBytes = 0;
    for (const frame of frames) visit(frame);
    if (this.#fd < 0) return;
    for (let at = 0; at < this.#fileBytes; ) {
      this.#read(this.#length, at);
      const frame = new Uint8Array(this.#lengthView.getUint32(0));
      this.#read(frame, at + LENGTH_BYTES);
      at += LENGTH_BYTES + frame.length;
      visit(frame);
    }
    this.close();
  }

  #read(into: Uint8Array, position: number): void {
    for (let at = 0; at < into.length; ) {
      const count = readSync(this.#fd, into, at, into.length - at, position + at);
      if (count === 0) throw new Error('snapshot: frames that were put aside are cut off');
      at += count;
    }
  }

  /** Forgets everything. */
  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
    this.#fileBytes = 0;
    this.#frames = [];
    this.#memoryBytes = 0;
  }
}
