/**
 * InterestFilter: a counting filter over key hashes in shared memory. Where a key's counter is zero
 * nobody outside the shard's data (a watching transaction, a blocked client) needs to hear of
 * writes to it.
 *
 * LAYOUT  FILTER_SLOTS u16 counters, indexed by the upper bits of `lo`. A counter that reaches its
 *         maximum sticks there.
 * OWNERSHIP  changed under an exclusive hold of the shard; read by its holder.
 */
export const FILTER_SLOTS = 1024;
export const FILTER_BYTES = FILTER_SLOTS * 2;
const COUNT_MAX = 0xffff;

export class InterestFilter {
  readonly #counts: Uint16Array;

  constructor(buffer: SharedArrayBuffer, byteOffset: number) {
    this.#counts = new Uint16Array(buffer, byteOffset, FILTER_SLOTS);
  }

  has(lo: number): boolean {
    return this.#counts[lo >>> 22] !== 0;
  }

  add(lo: number): void {
    const slot = lo >>> 22;
    if (this.#counts[slot]! < COUNT_MAX) this.#counts[slot] = this.#counts[slot]! + 1;
  }

  remove(lo: number): void {
    const slot = lo >>> 22;
    const count = this.#counts[slot]!;
    if (count !== 0 && count < COUNT_MAX) this.#counts[slot] = count - 1;
  }
}
