/**
 * A client that shows raw bytes: it frames replies of RESP2 and RESP3 without decoding them, so
 * that tests compare what is really on the wire.
 */
import { connect, type Socket } from 'node:net';
import type { Argument } from './local-runner.ts';

const CR = 0x0d;
const LF = 0x0a;
const TIMEOUT_MS = 10_000;
const SHOWN_BYTES_MAX = 400;

/** A command as a multibulk of bytes; strings have one byte per character. */
export function encodeCommand(args: readonly Argument[]): Buffer {
  const parts: Buffer[] = [Buffer.from(`*${args.length}\r\n`)];
  for (const arg of args) {
    const bytes = arg instanceof Uint8Array ? Buffer.from(arg) : Buffer.from(String(arg), 'latin1');
    parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n'));
  }
  return Buffer.concat(parts);
}

/**
 * Bytes of the whole reply (RESP2 or RESP3, nested, attributes included) at `start`, or -1 when it
 * is incomplete. Throws when the bytes are no reply. O(elements).
 */
export function replyLength(buf: Uint8Array, start: number): number {
  let at = start;
  for (let pending = 1; pending > 0; pending--) {
    const lineEnd = endOfLine(buf, at);
    if (lineEnd < 0) return -1;
    const type = String.fromCharCode(buf[at]!);
    const text = Buffer.from(buf.subarray(at + 1, lineEnd)).toString('latin1');
    at = lineEnd + 2;
    if ('+-:,#(_'.includes(type)) continue;
    const count = Number(text);
    if (!'$!=*~>%|'.includes(type) || !Number.isSafeInteger(count)) {
      throw new Error(`not a reply: ${JSON.stringify(type + text)}`);
    }
    if ('$!='.includes(type)) {
      if (count >= 0) at += count + 2;
      if (at > buf.length) return -1;
    } else if (count > 0) {
      pending += '%|'.includes(type) ? count * 2 : count;
    }
    // An attribute stands in front of the reply proper.
    if (type === '|') pending += 1;
  }
  return at - start;
}

function endOfLine(buf: Uint8Array, from: number): number {
  for (let at = buf.indexOf(CR, from); at >= 0; at = buf.indexOf(CR, at + 1)) {
    if (at + 1 >= buf.length) return -1;
    if (buf[at + 1] === LF) return at;
  }
  return -1;
}

interface Reader {
  /** Bytes to hand out from the front of what was received, or -1. */
  measure(received: Buffer, isClosed: boolean): number;
  resolve(text: string): void;
  reject(error: Error): void;
}

export class RawClient {
  readonly socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #isClosed = false;
  readonly #readers: Reader[] = [];

  private constructor(socket: Socket) {
    this.socket = socket;
    // Many small writes in a row would wait 40 ms for the peer's delayed acknowledgement.
    socket.setNoDelay(true);
    socket.on('data', (chunk: string | Buffer) => {
      this.#received = Buffer.concat([
        this.#received,
        typeof chunk === 'string' ? Buffer.from(chunk) : chunk,
      ]);
      this.#serve();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#isClosed = true;
      this.#serve();
    });
  }

  /** Connects to a TCP port of 127.0.0.1, or to a Unix socket's path. */
  static connect(target: number | string): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = typeof target === 'number' ? connect(target, '127.0.0.1') : connect(target);
      socket.setNoDelay(true);
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new RawClient(socket));
      });
    });
  }

  /** Sends bytes as they are; a string has one byte per character. */
  send(bytes: Uint8Array | string): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /**
   * Sends a command and reads one reply: its raw bytes as latin1 text. Calls may overlap; they
   * answer in order.
   */
  command(args: readonly Argument[]): Promise<string> {
    this.send(encodeCommand(args));
    return this.readReply();
  }

  /**
   * The next whole reply or push message, raw. Rejects when the connection closes before, or after
   * 10 s.
   */
  readReply(): Promise<string> {
    return this.#read('a reply', (received) => replyLength(received, 0));
  }

  /** Exactly `count` bytes. */
  readBytes(count: number): Promise<string> {
    return this.#read(`${count} bytes`, (received) => (received.length < count ? -1 : count));
  }

  /** Everything up to the close of the connection by the server. */
  readUntilClose(): Promise<string> {
    return this.#read('the close', (received, isClosed) => (isClosed ? received.length : -1));
  }

  /** Bytes received and not read yet. */
  get unread(): string {
    return this.#received.toString('latin1');
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  close(): void {
    this.socket.destroy();
  }

  #read(what: string, measure: Reader['measure']): Promise<string> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const at = this.#readers.indexOf(reader);
        if (at >= 0) this.#readers.splice(at, 1);
        reject(new Error(`no ${what} within ${TIMEOUT_MS} ms; received ${this.#shown()}`));
      }, TIMEOUT_MS);
      const reader: Reader = {
        measure,
        resolve: (text) => {
          clearTimeout(timer);
          resolve(text);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
      this.#readers.push(reader);
      this.#serve();
    });
  }

  #serve(): void {
    while (this.#readers.length > 0) {
      const reader = this.#readers[0]!;
      let count = -1;
      try {
        count = reader.measure(this.#received, this.#isClosed);
      } catch (error) {
        this.#readers.shift();
        reader.reject(error as Error);
        continue;
      }
      if (count < 0 && !this.#isClosed) return;
      this.#readers.shift();
      if (count < 0) {
        reader.reject(new Error(`the connection closed; received ${this.#shown()}`));
        continue;
      }
      const text = this.#received.toString('latin1', 0, count);
      this.#received = this.#received.subarray(count);
      reader.resolve(text);
    }
  }

  #shown(): string {
    return JSON.stringify(this.#received.toString('latin1', 0, SHOWN_BYTES_MAX));
  }
}
