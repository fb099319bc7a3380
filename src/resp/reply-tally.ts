/**
 * ReplyTally: counts RESP2 replies in the bytes of a connection, and finds the first error, also
 * within an array. Only the server's own replies are read, so they are not checked.
 */
const CR = 0x0d;
const LF = 0x0a;
const MINUS = 0x2d;
const STAR = 0x2a;
const DOLLAR = 0x24;
const ZERO = 0x30;
const ERROR_BYTES_MAX = 1024;

export class ReplyTally {
  /** Replies that are complete. */
  count = 0;
  /** Text of the first error, without its sign; null = there was none. */
  error: string | null = null;
  /** Number of the reply that has it, from 0 on. */
  errorIndex = -1;
  /** Elements to come of the arrays that are open. */
  readonly #open: number[] = [];
  /** First byte of the line that is read; 0 = none. */
  #type = 0;
  #number = 0;
  #isNegative = false;
  #text = '';
  /** Bytes of a bulk string to come, its line end included. */
  #skip = 0;

  /** Takes the next bytes of the connection: buf[start, end). O(bytes). */
  push(buf: Uint8Array, start: number, end: number): void {
    for (let at = start; at < end; ) {
      if (this.#skip !== 0) {
        const taken = Math.min(this.#skip, end - at);
        this.#skip -= taken;
        at += taken;
        if (this.#skip === 0) this.#endElement();
        continue;
      }
      this.#byte(buf[at++]!);
    }
  }

  #byte(byte: number): void {
    if (this.#type === 0) {
      this.#type = byte;
      this.#number = 0;
      this.#isNegative = false;
      this.#text = '';
    } else if (byte === LF) this.#endLine();
    else if (this.#type === MINUS) {
      if (byte !== CR && this.#text.length < ERROR_BYTES_MAX) {
        this.#text += String.fromCharCode(byte);
      }
    } else if (byte === MINUS) this.#isNegative = true;
    else if (byte !== CR) this.#number = this.#number * 10 + byte - ZERO;
  }

  #endLine(): void {
    const type = this.#type;
    this.#type = 0;
    if (type === STAR && !this.#isNegative && this.#number > 0) {
      this.#open.push(this.#number);
      return;
    }
    if (type === DOLLAR && !this.#isNegative) {
      this.#skip = this.#number + 2;
      return;
    }
    if (type === MINUS && this.error === null) {
      this.error = this.#text;
      this.errorIndex = this.count;
    }
    this.#endElement();
  }

  #endElement(): void {
    const open = this.#open;
    while (open.length !== 0) {
      open[open.length - 1]! -= 1;
      if (open[open.length - 1] !== 0) return;
      open.pop();
    }
    this.count += 1;
  }
}
