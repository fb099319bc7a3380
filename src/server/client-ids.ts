/**
 * ClientIds: the id of every connection in shared memory, so that any thread can tell whether a
 * client exists, and where: CLIENT TRACKING REDIRECT.
 *
 * LAYOUT  by I/O thread and connection index: an f64 with the id (0 = no connection); behind all of
 *         them a u32 each with the connection's generation.
 * OWNERSHIP  written by the connection's I/O thread. An id is told to its client after it is
 *         written here, so whoever asks about it finds it, as long as the client is there.
 */

export interface FoundClient {
  /** I/O thread, from 1 on. */
  readonly io: number;
  readonly conn: number;
  readonly generation: number;
}

/** Ids for `connections` connections of each I/O thread. Touched only when used. */
export function createClientIds(ioThreads: number, connections: number): SharedArrayBuffer {
  return new SharedArrayBuffer(ioThreads * connections * 12);
}

/** The id of client `serial` (from 0 on) of an I/O thread: unique over all of them. */
export function clientId(io: number, serial: number, ioThreads: number): number {
  return serial * ioThreads + io;
}

export class ClientIds {
  readonly #ids: Float64Array;
  readonly #generations: Uint32Array;
  readonly #ioThreads: number;
  readonly #connections: number;

  constructor(buffer: SharedArrayBuffer, ioThreads: number, connections: number) {
    const count = ioThreads * connections;
    this.#ids = new Float64Array(buffer, 0, count);
    this.#generations = new Uint32Array(buffer, count * 8, count);
    this.#ioThreads = ioThreads;
    this.#connections = connections;
  }

  open(io: number, conn: number, id: number, generation: number): void {
    const at = (io - 1) * this.#connections + conn;
    this.#generations[at] = generation;
    this.#ids[at] = id;
  }

  close(io: number, conn: number): void {
    this.#ids[(io - 1) * this.#connections + conn] = 0;
  }

  /** Where a client is; null when there is none of this id. O(connections). */
  find(id: number): FoundClient | null {
    if (!Number.isSafeInteger(id) || id < 1) return null;
    const io = ((id - 1) % this.#ioThreads) + 1;
    const from = (io - 1) * this.#connections;
    const at = this.#ids.subarray(from, from + this.#connections).indexOf(id);
    if (at < 0) return null;
    return { io, conn: at, generation: this.#generations[from + at]! };
  }
}
