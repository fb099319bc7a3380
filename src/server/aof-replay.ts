/**
 * AofReplay: runs the commands of one file of the append-only file on an I/O thread, as those of a
 * connection without a socket: the same framing, dispatch and order as for clients. Its clock
 * stands at 0, so that nothing expires by itself; what expired is in the file.
 *
 * It stands in for the thread's transport meanwhile and takes what is sent to its connection.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { errnoText } from '../base/errno-text.ts';
import { commandOffset, hasCommandsBehind } from '../durability/aof-file.ts';
import {
  AofScanner,
  SCAN_ANNOTATION,
  SCAN_COMMAND,
  SCAN_ERROR,
} from '../durability/aof-scanner.ts';
import { ReplyTally } from '../resp/reply-tally.ts';
import type { ConnIndex, Endpoint, ListenOptions, Transport } from '../transport/transport.ts';
import type { Connection } from './connection.ts';
import type { ReplayOrder, ReplayOutcome } from './control.ts';
import type { IoServer } from './io-server.ts';

/** Index that transports leave to this connection. */
export const REPLAY_CONN = 0;

const BUFFER_BYTES = 1 << 20;
/** Time of one turn: others get an answer meanwhile, if only that data is being loaded. */
const TURN_MS = 5;
const ENDPOINT: Endpoint = { kind: 'unix', text: 'append-only file', isLoopback: true };
const FLUSHALL = Buffer.from('*1\r\n$8\r\nFLUSHALL\r\n');
const UNKNOWN = /^ERR unknown (?:sub)?command '((?:[^'\\]|\\.)*)'/;

/** What a replay needs of its thread. */
export interface ReplayHost {
  readonly io: IoServer;
  /** The thread's own transport. */
  readonly transport: Transport;
  /** Makes `step` be called again, behind what waits now. */
  wakeSoon(): void;
  /** Bytes of the file that were read. */
  progress(bytes: number): void;
  /** The transport's place is free again, and the replay is over. */
  done(outcome: ReplayOutcome): void;
}

export class AofReplay implements Transport {
  readonly name;
  readonly wakeFd: number;
  readonly #host: ReplayHost;
  readonly #inner: Transport;
  readonly #order: ReplayOrder;
  readonly #scanner: AofScanner;
  readonly #tally = new ReplyTally();
  readonly #buf = new Uint8Array(BUFFER_BYTES);
  /** Bytes of `buf` that hold the begin of a command that is not complete. */
  #kept = 0;
  #fd = -1;
  #connection: Connection | null = null;
  #fed = 0;
  #isAtEnd = false;
  #isClosed = false;
  /** Waits for a reply to go on. */
  #isWaiting = false;
  #isOver = false;

  constructor(host: ReplayHost, order: ReplayOrder) {
    this.#host = host;
    this.#inner = host.transport;
    this.name = host.transport.name;
    this.wakeFd = host.transport.wakeFd;
    this.#order = order;
    this.#scanner = new AofScanner(order.start);
  }

  /** Opens the file and the connection, when this is the thread's transport; the rest is `step`. */
  begin(): void {
    const { io } = this.#host;
    const isFlush = this.#order.path === '';
    try {
      if (!isFlush) this.#fd = openSync(this.#order.path, 'r');
    } catch (error) {
      this.#end('unreadable', errnoText(error), 0);
      return;
    }
    io.onOpen(REPLAY_CONN, ENDPOINT, ENDPOINT);
    const connection = io.clients[REPLAY_CONN]!;
    connection.beginReplay();
    this.#connection = connection;
    if (isFlush) {
      this.#buf.set(FLUSHALL);
      this.#run(FLUSHALL.length);
      this.#isAtEnd = true;
    }
    this.#host.wakeSoon();
  }

  /** Goes on for a moment. */
  step(): void {
    const c = this.#connection;
    if (c === null || this.#isOver) return;
    const started = performance.now();
    while (performance.now() - started < TURN_MS) {
      if (this.#tally.error !== null || this.#isClosed) {
        this.#refused();
        return;
      }
      const isBehind = this.#tally.count < this.#fed;
      if (this.#isAtEnd ? isBehind : isBehind && (c.inputLength !== 0 || c.isBlocked)) {
        this.#isWaiting = true;
        return;
      }
      if (this.#isAtEnd) {
        this.#ended();
        return;
      }
      if (!this.#readMore()) return;
    }
    this.#host.wakeSoon();
  }

  /** Reads and runs a piece of the file. False: it cannot be read. */
  #readMore(): boolean {
    const buf = this.#buf;
    let length = 0;
    try {
      const position = this.#scanner.offset;
      length = readSync(this.#fd, buf, this.#kept, buf.length - this.#kept, position);
    } catch (error) {
      this.#end('unreadable', errnoText(error), this.#scanner.offset);
      return false;
    }
    this.#isAtEnd = length === 0;
    this.#host.progress(this.#scanner.offset + length);
    this.#run(this.#kept + length);
    return true;
  }

  /** Scans buf[kept, end) and feeds what is complete. */
  #run(end: number): void {
    const scanner = this.#scanner;
    const buf = this.#buf;
    const bufferStart = scanner.offset - this.#kept;
    let from = 0;
    let complete = 0;
    for (let at = this.#kept; at < end; at = scanner.at) {
      const status = scanner.next(buf, at, end);
      if (status === SCAN_COMMAND) complete = scanner.at;
      else if (status === SCAN_ANNOTATION) {
        this.#feed(from, complete);
        from = scanner.at;
        complete = from;
      } else if (status === SCAN_ERROR) {
        this.#isAtEnd = true;
        break;
      }
    }
    this.#feed(from, complete);
    this.#kept = 0;
    if (this.#isAtEnd) return;
    const left = end - complete;
    if (left === buf.length || scanner.commandStart < bufferStart) {
      // A command larger than the buffer, or the rest of one.
      this.#feed(complete, end);
      return;
    }
    buf.copyWithin(0, complete, end);
    this.#kept = left;
  }

  #feed(from: number, to: number): void {
    if (from >= to) return;
    this.#fed = this.#scanner.commands;
    this.#host.io.onData(REPLAY_CONN, this.#buf, from, to);
  }

  #ended(): void {
    const scanner = this.#scanner;
    if (scanner.error !== '') this.#end('bad-format', scanner.error, scanner.errorOffset);
    else if (!scanner.isPartial && !scanner.isInTransaction) {
      this.#end('complete', '', scanner.offset);
    } else if (
      scanner.missingBytes > 0 &&
      hasCommandsBehind(this.#order.path, scanner.commandStart + 1)
    ) {
      const text = 'A length that reaches beyond the end of the file';
      this.#end('bad-format', text, scanner.commandStart);
    } else this.#end('short', '', scanner.offset);
  }

  #refused(): void {
    const { error, errorIndex } = this.#tally;
    if (error === null) {
      this.#end('refused', 'a command closed the connection', this.#scanner.validUpTo);
      return;
    }
    const offset = commandOffset(this.#order.path, this.#order.start, errorIndex);
    const unknown = UNKNOWN.exec(error);
    if (unknown !== null) this.#end('unknown-command', unknown[1]!, offset);
    else this.#end('refused', error, offset);
  }

  #end(status: ReplayOutcome['status'], text: string, offset: number): void {
    const scanner = this.#scanner;
    this.#isOver = true;
    if (this.#fd >= 0) closeSync(this.#fd);
    if (this.#connection !== null) this.#host.io.onClose(REPLAY_CONN);
    this.#host.done({
      status,
      text,
      offset,
      validUpTo: scanner.validUpTo,
      commands: scanner.commands,
      isInTransaction: scanner.isInTransaction && !scanner.isPartial,
    });
  }

  // ---- the transport

  send(conn: ConnIndex, buf: Uint8Array, start: number, end: number): void {
    if (conn !== REPLAY_CONN) {
      this.#inner.send(conn, buf, start, end);
      return;
    }
    this.#tally.push(buf, start, end);
    this.#wakeWaiting();
  }

  #wakeWaiting(): void {
    if (!this.#isWaiting) return;
    this.#isWaiting = false;
    this.#host.wakeSoon();
  }

  close(conn: ConnIndex, now: boolean): void {
    if (conn !== REPLAY_CONN) {
      this.#inner.close(conn, now);
      return;
    }
    this.#isClosed = true;
    this.#wakeWaiting();
  }

  backlogBytes(conn: ConnIndex): number {
    return conn === REPLAY_CONN ? 0 : this.#inner.backlogBytes(conn);
  }

  hurry(conn: ConnIndex): void {
    if (conn !== REPLAY_CONN) this.#inner.hurry(conn);
  }

  pauseRead(conn: ConnIndex, paused: boolean): void {
    if (conn !== REPLAY_CONN) this.#inner.pauseRead(conn, paused);
  }

  listen(options: ListenOptions): Promise<void> {
    return this.#inner.listen(options);
  }

  unlisten(): void {
    this.#inner.unlisten();
  }

  run(): Promise<void> {
    return this.#inner.run();
  }

  tickWithin(ms: number): void {
    this.#inner.tickWithin(ms);
  }

  stop(): void {
    this.#inner.stop();
  }
}
