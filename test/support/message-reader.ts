/**
 * A subscriber for tests with very many messages: it reads messages off a socket without decoding
 * anything else, and leaves the confirmations aside.
 */
import { connect, type Socket } from 'node:net';
import type { Argument } from './local-runner.ts';
import { encodeCommand, replyLength } from './raw-client.ts';

/** Called for every message: its kind (`message`), and the words behind it, payload last. */
export type MessageVisitor = (kind: string, words: readonly string[]) => void;

export class MessageReader {
  readonly socket: Socket;
  readonly #visit: MessageVisitor;
  #rest = '';
  /** Confirmations received. */
  confirmed = 0;
  isClosed = false;

  private constructor(socket: Socket, visit: MessageVisitor) {
    this.socket = socket;
    this.#visit = visit;
    socket.setNoDelay(true);
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string | Buffer) => this.#take(String(chunk)));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.isClosed = true;
    });
  }

  /** Connects to a port of 127.0.0.1. */
  static open(port: number, visit: MessageVisitor): Promise<MessageReader> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new MessageReader(socket, visit));
      });
    });
  }

  send(args: readonly Argument[]): void {
    this.socket.write(encodeCommand(args));
  }

  close(): void {
    this.socket.destroy();
  }

  /** Frames are arrays or pushes of three or four bulk strings; words hold no line ends. */
  #take(chunk: string): void {
    const text = this.#rest + chunk;
    let at = 0;
    for (;;) {
      const type = text[at];
      if (type === undefined) break;
      if (type !== '*' && type !== '>') {
        // HELLO's map, which stands in front of everything.
        const length = replyLength(Buffer.from(text, 'latin1'), at);
        if (length < 0) break;
        at += length;
        continue;
      }
      const words: string[] = [];
      const next = readFrame(text, at, words);
      if (next < 0) break;
      at = next;
      if (words[0]!.endsWith('subscribe')) this.confirmed += 1;
      else this.#visit(words[0]!, words.slice(1));
    }
    this.#rest = text.slice(at);
  }
}

/** Appends the words of the frame at `at`; the index behind it, or -1 where it is not complete. */
function readFrame(text: string, at: number, words: string[]): number {
  const count = Number(text[at + 1]);
  let from = at + 4;
  for (let i = 0; i < count; i++) {
    const lineEnd = text.indexOf('\r\n', from);
    if (lineEnd < 0) return -1;
    if (text[from] === '$') {
      const length = Number(text.slice(from + 1, lineEnd));
      const end = lineEnd + 2 + length;
      if (end + 2 > text.length) return -1;
      words.push(text.slice(lineEnd + 2, end));
      from = end + 2;
    } else {
      words.push(text.slice(from, lineEnd));
      from = lineEnd + 2;
    }
  }
  return from;
}
