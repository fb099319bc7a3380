/**
 * ClientCards: address and name of every connection in shared memory, so that whichever thread runs
 * a client's command can say whose it is (MONITOR, SLOWLOG).
 *
 * LAYOUT of a card (128 bytes, by I/O thread and connection index): u8 length of the address, up to
 *        63 bytes of it, u8 length of the name, up to 63 bytes of it.
 * OWNERSHIP  written by the connection's I/O thread while none of its commands runs elsewhere.
 */

const CARD_BYTES = 128;
const HALF_BYTES = CARD_BYTES / 2;

/** Cards for `connections` connections of each I/O thread. Touched only when used. */
export function createCards(ioThreads: number, connections: number): SharedArrayBuffer {
  return new SharedArrayBuffer(ioThreads * connections * CARD_BYTES);
}

export class ClientCards {
  readonly #u8: Buffer<SharedArrayBuffer>;
  readonly #connections: number;

  constructor(buffer: SharedArrayBuffer, connections: number) {
    this.#u8 = Buffer.from(buffer);
    this.#connections = connections;
  }

  #at(io: number, conn: number): number {
    return ((io - 1) * this.#connections + conn) * CARD_BYTES;
  }

  #write(at: number, text: string): void {
    const length = Math.min(text.length, HALF_BYTES - 1);
    this.#u8[at] = this.#u8.write(text, at + 1, length, 'latin1');
  }

  #read(at: number): string {
    return this.#u8.toString('latin1', at + 1, at + 1 + this.#u8[at]!);
  }

  /** Fills the card of a new connection of I/O thread `io` (from 1 on). Long texts are cut. */
  open(io: number, conn: number, address: string): void {
    const at = this.#at(io, conn);
    this.#write(at, address);
    this.#u8[at + HALF_BYTES] = 0;
  }

  /** `name`: a byte string. */
  setName(io: number, conn: number, name: string): void {
    this.#write(this.#at(io, conn) + HALF_BYTES, name);
  }

  address(io: number, conn: number): string {
    return this.#read(this.#at(io, conn));
  }

  name(io: number, conn: number): string {
    return this.#read(this.#at(io, conn) + HALF_BYTES);
  }
}
