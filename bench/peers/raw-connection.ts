/** A RESP connection of the harness: one simple command at a time, or a bulk load of SETs. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const ERROR_SHOWN_MAX = 200;
const END = Buffer.from('\r\n$3\r\nend\r\n');

/** One command as a RESP array of bulk strings. */
export function encodeCommand(args: readonly string[]): Buffer {
  const parts = args.map((arg) => `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`);
  return Buffer.from(`*${args.length}\r\n${parts.join('')}`);
}

/**
 * Sent behind a command whose reply is too large to parse: the stream then ends with
 * `isEndOfReply`'s bytes.
 */
export const END_MARK = encodeCommand(['ECHO', 'end']);

export function isEndOfReply(tail: Buffer): boolean {
  return tail.length >= END.length && tail.subarray(tail.length - END.length).equals(END);
}

/** Keeps the last bytes of a stream, however it is cut into chunks. */
export function appendTail(tail: Buffer, chunk: Buffer): Buffer {
  if (chunk.length >= END.length) return chunk.subarray(chunk.length - END.length);
  const joined = Buffer.concat([tail, chunk]);
  return joined.subarray(Math.max(0, joined.length - END.length));
}

export class RawConnection {
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Rejects when nobody listens at 127.0.0.1:`port`. */
  static async open(port: number): Promise<RawConnection> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    socket.setNoDelay(true);
    return new RawConnection(socket);
  }

  /** Reply of one command as it came, including its type byte. One call at a time. */
  async command(...args: string[]): Promise<string> {
    this.#socket.write(Buffer.concat([encodeCommand(args), END_MARK]));
    const chunks: Buffer[] = [];
    await this.#untilEnd((chunk) => chunks.push(chunk));
    return Buffer.concat(chunks).toString('latin1').slice(0, -'$3\r\nend\r\n'.length);
  }

  /**
   * Sends `request` and throws its reply away. Returns the milliseconds it took. Throws where the
   * reply is an error: what fails is quick.
   */
  async discard(request: Buffer): Promise<number> {
    const start = performance.now();
    this.#socket.write(request);
    this.#socket.write(END_MARK);
    let first: Buffer | null = null;
    await this.#untilEnd((chunk) => {
      first ??= chunk;
    });
    const ms = performance.now() - start;
    const text = (first ?? Buffer.alloc(0)).toString('latin1', 0, ERROR_SHOWN_MAX);
    if (text.startsWith('-')) throw new Error(text.split('\r')[0]);
    return ms;
  }

  #untilEnd(onChunk: (chunk: Buffer) => void): Promise<void> {
    const socket = this.#socket;
    return new Promise((resolve, reject) => {
      let tail: Buffer = Buffer.alloc(0);
      const onData = (chunk: Buffer): void => {
        onChunk(chunk);
        tail = appendTail(tail, chunk);
        if (isEndOfReply(tail)) finish(null);
      };
      const onClose = (): void => finish(new Error('the server closed the connection'));
      const finish = (error: Error | null): void => {
        socket.off('data', onData);
        socket.off('close', onClose);
        if (error === null) resolve();
        else reject(error);
      };
      socket.on('data', onData);
      socket.on('close', onClose);
    });
  }

  /** Number in `field:number` of INFO `section`; NaN where the field is missing. */
  async infoNumber(section: string, field: string): Promise<number> {
    const text = await this.command('INFO', section);
    const found = new RegExp(`^${field}:([0-9.]+)`, 'm').exec(text);
    return found === null ? Number.NaN : Number(found[1]);
  }

  close(): void {
    this.#socket.destroy();
  }
}
