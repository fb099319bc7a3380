/**
 * The portable transport: Node's own `net` module and event loop.
 *
 * Bytes of one turn are gathered per connection and written at its end, after all data events of
 * one poll of Node's loop (`setImmediate` runs right behind it).
 */

import { chmodSync, rmSync } from 'node:fs';
import net from 'node:net';
import {
  isSkippable,
  parseBindAddress,
  tcpEndpoint,
  tcpListenError,
  unixEndpoint,
  unixListenError,
} from './endpoint.ts';
import type {
  ConnIndex,
  Endpoint,
  ListenOptions,
  Transport,
  TransportHandler,
} from './transport.ts';

const TICK_MS = 100;
const IDLE_TICK_MS = 250;
const GATHER_BYTES_MIN = 1024;

interface Connection {
  readonly socket: net.Socket;
  /** Bytes of this turn, `[0, used)`; given to the socket at the end of the turn. */
  gathered: Buffer | undefined;
  used: number;
  isDirty: boolean;
  isClosing: boolean;
  isOpened: boolean;
  /** Somebody saw bytes queued: `onDrain` is due when they go out. */
  isWatched: boolean;
  readonly onWritten: () => void;
}

export interface NodeNetOptions {
  /** Limit of connections; unlimited by default. */
  readonly connectionsMax?: number;
  /** Indexes below are left alone. */
  readonly firstConnection?: number;
}

export class NodeNetTransport implements Transport {
  readonly name = 'node-net';
  readonly wakeFd = -1;

  private readonly handler: TransportHandler;
  private readonly connectionsMax: number;
  private readonly servers: net.Server[] = [];
  private readonly connections: (Connection | undefined)[] = [];
  private readonly freeIndexes: number[] = [];
  private liveCount = 0;
  private dirty: ConnIndex[] = [];
  private ended: ConnIndex[] = [];
  private isTurnDue = false;
  private isStopped = false;
  private timer: NodeJS.Timeout | undefined;
  /** When the next tick is due, by the monotonic clock; 0 = none is armed. */
  private tickDueMs = 0;

  constructor(handler: TransportHandler, options: NodeNetOptions = {}) {
    this.handler = handler;
    for (let i = options.firstConnection ?? 0; i > 0; i--) this.connections.push(undefined);
    this.connectionsMax = options.connectionsMax ?? Number.POSITIVE_INFINITY;
  }

  async listen(options: ListenOptions): Promise<void> {
    try {
      if (options.port !== 0) {
        for (const word of options.bind) await this.listenTcp(word, options);
      }
      if (options.unixSocket !== '') await this.listenUnix(options);
    } catch (error) {
      this.unlisten();
      throw error;
    }
  }

  unlisten(): void {
    for (const server of this.servers) server.close();
    this.servers.length = 0;
  }

  send(conn: ConnIndex, buf: Uint8Array, start: number, end: number): void {
    const connection = this.connections[conn];
    if (connection === undefined || connection.isClosing || start >= end) return;
    const count = end - start;
    const used = connection.used;
    let gathered = connection.gathered;
    if (gathered === undefined || used + count > gathered.length) {
      const grown = Buffer.allocUnsafe(Math.max(GATHER_BYTES_MIN, 2 * used, used + count));
      if (gathered !== undefined) gathered.copy(grown, 0, 0, used);
      gathered = grown;
      connection.gathered = grown;
    }
    Buffer.prototype.copy.call(buf, gathered, used, start, end);
    connection.used = used + count;
    this.markDirty(conn, connection);
  }

  backlogBytes(conn: ConnIndex): number {
    const connection = this.connections[conn];
    if (connection === undefined) return 0;
    const bytes = connection.used + connection.socket.writableLength;
    if (bytes > 0) connection.isWatched = true;
    return bytes;
  }

  close(conn: ConnIndex, now: boolean): void {
    const connection = this.connections[conn];
    if (connection === undefined) return;
    if (now) {
      connection.isClosing = true;
      connection.used = 0;
      connection.socket.destroy();
    } else if (!connection.isClosing) {
      connection.isClosing = true;
      this.markDirty(conn, connection);
    }
  }

  hurry(): void {
    // Node writes in the order of its own.
  }

  pauseRead(conn: ConnIndex, paused: boolean): void {
    const socket = this.connections[conn]?.socket;
    if (paused) socket?.pause();
    else socket?.resume();
  }

  async run(): Promise<void> {
    this.startTimer();
  }

  stop(): void {
    if (this.isStopped) return;
    this.isStopped = true;
    clearTimeout(this.timer);
    this.unlisten();
    for (const connection of this.connections) connection?.socket.destroy();
  }

  /**
   * Watches a word of shared memory: whenever another thread changes it and calls
   * `Atomics.notify`, `onWake` follows. Until `stop`.
   */
  doorbell(words: Int32Array<SharedArrayBuffer>, index: number): void {
    const seen = Atomics.load(words, index);
    const arm = (expected: number): void => {
      if (this.isStopped) return;
      const wait = Atomics.waitAsync(words, index, expected);
      const woken = (): void => {
        if (this.isStopped) return;
        // Read first: what rings during `onWake` must wake again.
        const next = Atomics.load(words, index);
        this.handler.onWake();
        this.scheduleTurn();
        arm(next);
      };
      if (wait.async) wait.value.then(woken);
      else setImmediate(woken);
    };
    arm(seen);
  }

  private async listenTcp(word: string, options: ListenOptions): Promise<void> {
    const { port, backlog, reusePort } = options;
    const { text, host, optional } = parseBindAddress(word);
    const keepAlive = options.tcpKeepaliveSeconds > 0;
    const server = net.createServer({
      allowHalfOpen: true,
      noDelay: true,
      keepAlive,
      keepAliveInitialDelay: options.tcpKeepaliveSeconds * 1000,
    });
    const ipv6Only = net.isIPv6(host);
    try {
      await this.open(server, '', {
        host,
        port,
        backlog,
        exclusive: true,
        reusePort,
        ipv6Only,
      });
    } catch (error) {
      const { code = '', errno = 0, syscall = '' } = error as NodeJS.ErrnoException;
      if (optional && isSkippable(code)) return;
      // libuv reports an address in use at listen time, though it was the bind that failed.
      const step = syscall === 'listen' ? 'bind' : syscall;
      throw tcpListenError(text, port, step, code, errno);
    }
  }

  private async listenUnix(options: ListenOptions): Promise<void> {
    const path = options.unixSocket;
    // A socket file left by an earlier run would fail the bind.
    rmSync(path, { force: true });
    const server = net.createServer({ allowHalfOpen: true });
    try {
      await this.open(server, path, { path, backlog: options.backlog, exclusive: true });
    } catch (error) {
      const { code = '', errno = 0 } = error as NodeJS.ErrnoException;
      throw unixListenError(path, 'bind', code, errno);
    }
    if (options.unixSocketPerm !== 0) chmodSync(path, options.unixSocketPerm);
  }

  private open(server: net.Server, unixPath: string, where: net.ListenOptions): Promise<void> {
    server.on('connection', (socket) => this.accept(socket, unixPath));
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(where, () => {
        server.off('error', reject);
        // A failed accept (out of descriptors) is retried by libuv.
        server.on('error', () => {});
        this.servers.push(server);
        resolve();
      });
    });
  }

  private accept(socket: net.Socket, unixPath: string): void {
    if (this.isStopped || this.liveCount >= this.connectionsMax) {
      socket.destroy();
      return;
    }
    const conn = this.freeIndexes.pop() ?? this.connections.length;
    const connection: Connection = {
      socket,
      gathered: undefined,
      used: 0,
      isDirty: false,
      isClosing: false,
      isOpened: true,
      isWatched: false,
      onWritten: () => this.onWritten(conn, connection),
    };
    this.connections[conn] = connection;
    if (this.liveCount++ === 0 && this.timer !== undefined) this.startTimer();
    socket.on('data', (data: Buffer) => {
      if (connection.isClosing) return;
      this.handler.onData(conn, data, 0, data.length);
      this.scheduleTurn();
    });
    socket.on('end', () => {
      this.ended.push(conn);
      this.scheduleTurn();
    });
    socket.on('error', () => {});
    socket.on('close', () => this.onSocketClosed(conn, connection));
    const { remoteAddress = '', remotePort = 0, localAddress = '', localPort = 0 } = socket;
    const isUnix = unixPath !== '';
    const peer = isUnix ? unixEndpoint(unixPath) : tcpEndpoint(remoteAddress, remotePort);
    const local: Endpoint = isUnix ? peer : tcpEndpoint(localAddress, localPort);
    if (!this.handler.onOpen(conn, peer, local)) {
      connection.isOpened = false;
      this.close(conn, false);
    }
  }

  private onSocketClosed(conn: ConnIndex, connection: Connection): void {
    this.connections[conn] = undefined;
    this.liveCount--;
    if (connection.isOpened) this.handler.onClose(conn);
    this.freeIndexes.push(conn);
    if (!this.isStopped) this.scheduleTurn();
  }

  private onWritten(conn: ConnIndex, connection: Connection): void {
    if (!connection.isWatched || this.connections[conn] !== connection) return;
    const bytes = connection.used + connection.socket.writableLength;
    if (bytes === 0) connection.isWatched = false;
    if (connection.isOpened && !connection.socket.destroyed) {
      this.handler.onDrain(conn, bytes);
      this.scheduleTurn();
    }
  }

  private markDirty(conn: ConnIndex, connection: Connection): void {
    if (connection.isDirty) return;
    connection.isDirty = true;
    this.dirty.push(conn);
    this.scheduleTurn();
  }

  private scheduleTurn(): void {
    if (this.isTurnDue) return;
    this.isTurnDue = true;
    setImmediate(() => this.endTurn());
  }

  private endTurn(): void {
    if (this.isStopped) return;
    this.isTurnDue = false;
    this.handler.onTurnEnd();
    if (this.ended.length > 0) this.visitEnded();
    const dirty = this.dirty;
    this.dirty = [];
    // The last one first, as io_uring's loop does.
    for (let i = dirty.length - 1; i >= 0; i--) {
      const connection = this.connections[dirty[i]!];
      if (connection?.isDirty) this.flush(connection);
    }
  }

  private visitEnded(): void {
    const ended = this.ended;
    this.ended = [];
    for (const conn of ended) {
      const connection = this.connections[conn];
      if (connection === undefined || connection.isClosing) continue;
      if (this.handler.onEnd?.(conn) !== true) this.close(conn, false);
    }
  }

  private flush(connection: Connection): void {
    const { socket, gathered, used } = connection;
    connection.isDirty = false;
    connection.gathered = undefined;
    connection.used = 0;
    if (gathered !== undefined && used > 0) {
      const bytes = used === gathered.length ? gathered : gathered.subarray(0, used);
      socket.write(bytes, connection.onWritten);
    }
    if (connection.isClosing) socket.destroySoon();
  }

  private startTimer(): void {
    if (this.isStopped) return;
    this.tickWithin(this.liveCount === 0 ? IDLE_TICK_MS : TICK_MS);
  }

  tickWithin(ms: number): void {
    const dueMs = performance.now() + ms;
    if (this.isStopped || (this.tickDueMs !== 0 && this.tickDueMs <= dueMs)) return;
    this.tickDueMs = dueMs;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.tickDueMs = 0;
      this.handler.onTick(Date.now());
      this.scheduleTurn();
      this.startTimer();
    }, ms);
  }
}
