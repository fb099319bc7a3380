/**
 * KeyBatch: keys that have changed, on their way to an I/O thread.
 *
 * LAYOUT  for each key: u32 client that has changed it (tracking-table.ts, 0 = nobody's command),
 *         u32 generation, u32 length, the bytes of the key, padding to a multiple of 4.
 */

const HEAD_BYTES = 12;
const BYTES_MIN = 1024;
const BYTES_KEPT_MAX = 256 * 1024;

/** Receives one key of a batch. */
export type BatchVisitor = (
  client: number,
  generation: number,
  buf: Uint8Array,
  from: number,
  to: number,
) => void;

export class KeyBatch {
  buf: Uint8Array = new Uint8Array(BYTES_MIN);
  length = 0;
  /** For whoever fills several of them at once. */
  isWanted = false;
  #view = new DataView(this.buf.buffer);

  add(client: number, generation: number, buf: Uint8Array, from: number, to: number): void {
    const bytes = to - from;
    const need = this.length + HEAD_BYTES + ((bytes + 3) & ~3);
    if (need > this.buf.length) this.#grow(need);
    const at = this.length;
    this.#view.setUint32(at, client, true);
    this.#view.setUint32(at + 4, generation, true);
    this.#view.setUint32(at + 8, bytes, true);
    this.buf.set(buf.subarray(from, to), at + HEAD_BYTES);
    this.length = need;
  }

  #grow(need: number): void {
    const grown = new Uint8Array(Math.max(need, this.buf.length * 2));
    grown.set(this.buf.subarray(0, this.length));
    this.#use(grown);
  }

  #use(buf: Uint8Array): void {
    this.buf = buf;
    this.#view = new DataView(buf.buffer);
  }

  /** Empties it; the memory of a huge key goes. */
  clear(): void {
    this.length = 0;
    if (this.buf.length > BYTES_KEPT_MAX) this.#use(new Uint8Array(BYTES_MIN));
  }
}

/** Visits the keys of a batch that lies in buf[from, to), in the order they were added. */
export function readBatch(buf: Uint8Array, from: number, to: number, visit: BatchVisitor): void {
  const view = new DataView(buf.buffer, buf.byteOffset);
  for (let at = from; at < to; ) {
    const bytes = view.getUint32(at + 8, true);
    const start = at + HEAD_BYTES;
    visit(view.getUint32(at, true), view.getUint32(at + 4, true), buf, start, start + bytes);
    at = start + ((bytes + 3) & ~3);
  }
}
