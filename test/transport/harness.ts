/** Starts transport fixtures (fixture.ts) and talks to them over real sockets. */

import { once } from 'node:events';
import net from 'node:net';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { ringEventfd } from '../../src/transport/libc.ts';
import type { ListenOptions } from '../../src/transport/transport.ts';
import type { UringOptions } from '../../src/transport/uring.ts';
import type { FixtureData, FixtureMessage, FixtureReport } from './fixture.ts';

/** A transport with the options it is tested with. */
export interface Variant {
  readonly name: string;
  readonly kind: 'node-net' | 'uring';
  readonly options: UringOptions;
}

/**
 * Both transports; io_uring also as it is where cores are few, and with queues so small that every
 * overflow path runs.
 */
export const variants: readonly Variant[] = [
  { name: 'node-net', kind: 'node-net', options: {} },
  ...(process.platform === 'linux'
    ? [
        { name: 'uring', kind: 'uring', options: {} } as const,
        { name: 'uring, others first', kind: 'uring', options: { letsOthersRun: true } } as const,
        {
          name: 'uring with tiny queues',
          kind: 'uring',
          options: {
            submissionEntries: 4,
            completionEntries: 8,
            receiveBufferCount: 4,
            receiveBufferBytes: 512,
          },
        } as const,
      ]
    : []),
];

/** A TCP port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

export interface FixtureSettings {
  readonly listen?: Partial<ListenOptions>;
  readonly refusal?: string;
  readonly keepsEnded?: boolean;
}

export class Fixture {
  readonly port: number;
  readonly transportName: string;
  private readonly worker: Worker;
  private readonly control: MessagePort;
  private readonly doorbell: Int32Array<SharedArrayBuffer>;
  private readonly wakeFd: number;

  private constructor(
    port: number,
    ready: { wakeFd: number; name: string },
    worker: Worker,
    control: MessagePort,
    doorbell: Int32Array<SharedArrayBuffer>,
  ) {
    this.port = port;
    this.transportName = ready.name;
    this.wakeFd = ready.wakeFd;
    this.worker = worker;
    this.control = control;
    this.doorbell = doorbell;
  }

  /** Starts a server; rejects with the message of a failed `listen`. */
  static async start(variant: Variant, settings: FixtureSettings = {}): Promise<Fixture> {
    const port = settings.listen?.port ?? (await freePort());
    const { port1, port2 } = new MessageChannel();
    const doorbell = new Int32Array(new SharedArrayBuffer(4));
    const workerData: FixtureData = {
      kind: variant.kind,
      options: variant.options,
      listen: {
        bind: ['127.0.0.1'],
        backlog: 511,
        reusePort: false,
        unixSocket: '',
        unixSocketPerm: 0,
        tcpKeepaliveSeconds: 300,
        ...settings.listen,
        port,
      },
      port: port2,
      doorbell,
      refusal: settings.refusal ?? '',
      keepsEnded: settings.keepsEnded ?? false,
    };
    const worker = new Worker(new URL('./fixture.ts', import.meta.url), {
      workerData,
      transferList: [port2],
      execArgv: ['--disable-warning=ExperimentalWarning'],
    });
    const [ready] = await once(port1, 'message');
    if (ready.error !== undefined) {
      await worker.terminate();
      port1.close();
      throw new Error(ready.error);
    }
    return new Fixture(port, ready, worker, port1, doorbell);
  }

  ring(): void {
    Atomics.add(this.doorbell, 0, 1);
    Atomics.notify(this.doorbell, 0);
    if (this.wakeFd >= 0) ringEventfd(this.wakeFd);
  }

  tell(message: FixtureMessage): void {
    this.control.postMessage(message);
    this.ring();
  }

  async report(): Promise<FixtureReport> {
    const answer = once(this.control, 'message');
    this.tell({ op: 'report' });
    return (await answer)[0];
  }

  /** Waits until the report satisfies `isDone` and returns it. */
  async until(isDone: (report: FixtureReport) => boolean): Promise<FixtureReport> {
    for (;;) {
      const report = await this.report();
      if (isDone(report)) return report;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Stops the transport and waits for the thread to end by itself. */
  async stop(): Promise<void> {
    const ended = once(this.worker, 'exit');
    this.tell({ op: 'stop' });
    this.control.close();
    await ended;
  }
}

/** A client that collects what it reads. */
export class Client {
  readonly socket: net.Socket;
  readonly chunks: Buffer[] = [];
  receivedBytes = 0;
  hasEnded = false;
  isClosed = false;
  private wake: () => void = () => {};

  private constructor(socket: net.Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.chunks.push(chunk);
      this.receivedBytes += chunk.length;
      this.wake();
    });
    socket.on('end', () => {
      this.hasEnded = true;
      this.wake();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.isClosed = true;
      this.wake();
    });
  }

  static async connect(where: net.NetConnectOpts): Promise<Client> {
    const socket = net.connect({ ...where, allowHalfOpen: true });
    await once(socket, 'connect');
    return new Client(socket);
  }

  async until(isDone: (client: Client) => boolean): Promise<void> {
    while (!isDone(this)) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  received(): Buffer {
    return Buffer.concat(this.chunks);
  }
}
