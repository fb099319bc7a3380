/**
 * The transport interface: sockets, seen from one I/O thread.
 *
 * A transport owns the listeners and connections of one I/O thread and calls its handler. It knows
 * bytes only: no RESP, no keyspace. Every method is called on the transport's own thread, apart
 * from what rings its doorbell (`ringEventfd` of libc.ts on `wakeFd`, or the word given to
 * `NodeNetTransport.doorbell`).
 *
 * OWNERSHIP of bytes: what `onData` receives is borrowed until `onData` returns; what `send`
 * receives is copied before `send` returns. ORDER: bytes leave a connection in the order of the
 * `send` calls.
 */

/** Index of a connection, dense, below the transport's connection limit; reused after `onClose`. */
export type ConnIndex = number;

/** Where a listener listens, or where a connection came from. */
export interface Endpoint {
  readonly kind: 'tcp' | 'unix';
  /** `ip:port`, with IPv6 in brackets (`127.0.0.1:5000`, `[::1]:5000`), or a Unix socket's path. */
  readonly text: string;
  /** True on the loopback interface and on Unix sockets: protected mode asks. */
  readonly isLoopback: boolean;
}

export interface TransportHandler {
  /**
   * A new connection. `local` and `peer` are its two ends. Return false to refuse: the transport
   * closes it after what `onOpen` sent, and never calls `onClose` for it.
   */
  onOpen(conn: ConnIndex, peer: Endpoint, local: Endpoint): boolean;
  /** Bytes `[start, end)` of `buf` arrived. Borrowed until the call returns. */
  onData(conn: ConnIndex, buf: Uint8Array, start: number, end: number): void;
  /**
   * The peer sent its last byte but may still read. Return true to keep the connection until
   * `close` is called (replies are still to come); false, or no such method: it is closed once
   * everything queued is sent.
   */
  onEnd?(conn: ConnIndex): boolean;
  /**
   * The connection is gone (peer closed, error, or our `close`); called exactly once, never from
   * inside `close`. Its index is free afterwards.
   */
  onClose(conn: ConnIndex): void;
  /**
   * Queued bytes went out; `backlogBytes` are still queued. Called only after `backlogBytes` told
   * of a backlog, until it is gone.
   */
  onDrain(conn: ConnIndex, backlogBytes: number): void;
  /** Another thread rang this thread's doorbell: look at rings and control messages. */
  onWake(): void;
  /**
   * About every 100 ms, without connections every 250 ms: timeouts, statistics. `nowMs` is the
   * wall clock.
   */
  onTick(nowMs: number): void;
  /** All events of one turn are handled, the loop is about to send and then wait. */
  onTurnEnd(): void;
}

export interface ListenOptions {
  /**
   * TCP addresses to bind, Redis style: `127.0.0.1`, `::1`, `*`, `::*`; a leading `-` means: skip
   * where not available.
   */
  readonly bind: readonly string[];
  /** 0 = no TCP listener. */
  readonly port: number;
  readonly backlog: number;
  /** SO_REUSEPORT, so that several I/O threads listen on one port. */
  readonly reusePort: boolean;
  /** Path of a Unix socket, or empty. Only one I/O thread gets it. */
  readonly unixSocket: string;
  /** File mode of the Unix socket (0 = leave as it is). */
  readonly unixSocketPerm: number;
  /** Seconds between TCP keep-alive probes; 0 = off. */
  readonly tcpKeepaliveSeconds: number;
}

export interface Transport {
  readonly name: 'node-net' | 'uring';
  /**
   * Opens all listeners; throws an Error whose message names the address and the reason, and whose
   * `cause` is the error's code (`EADDRINUSE` and so on).
   */
  listen(options: ListenOptions): Promise<void>;
  /** Stops listening; open connections stay. */
  unlisten(): void;
  /**
   * Queues bytes `[start, end)` of `buf`; they are copied. Bytes of one turn are sent together at
   * its end.
   * O(end - start). No effect on a connection that is closing.
   */
  send(conn: ConnIndex, buf: Uint8Array, start: number, end: number): void;
  /**
   * What is queued for this connection goes out ahead of what other connections are sent in this
   * turn, where the transport chooses the order. Called after `send`, which it does not replace.
   */
  hurry(conn: ConnIndex): void;
  /** Bytes accepted by `send` that the kernel has not taken yet. */
  backlogBytes(conn: ConnIndex): number;
  /** Closes: at once when `now`, otherwise after everything queued was sent. `onClose` follows. */
  close(conn: ConnIndex, now: boolean): void;
  /** Stops (true) or resumes (false) reading from a connection. */
  pauseRead(conn: ConnIndex, paused: boolean): void;
  /**
   * Runs the loop until `stop`. `node-net` returns at once (Node's own loop runs it). `uring`
   * resolves when it stops; Node's loop (timers, promises, message events) gets its turn at every
   * tick, after `onWake` (at most once a millisecond), and after a signal.
   */
  run(): Promise<void>;
  /**
   * Has the next `onTick` come within `ms` milliseconds (fractions count). Called within a turn of
   * the loop, or before `run`.
   */
  tickWithin(ms: number): void;
  /** Ends `run`: listeners and connections are closed. */
  stop(): void;
  /**
   * File descriptor of an eventfd that wakes this loop (any thread may write 8 bytes to it), or -1
   * where the loop is woken by `Atomics.notify` on the doorbell word.
   */
  readonly wakeFd: number;
}
