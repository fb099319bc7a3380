/**
 * A worker thread with a transport and a small server on it: echoes, counts, and obeys messages.
 * The test thread sends a message and rings the doorbell; see harness.ts.
 */

import { type MessagePort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { NodeNetTransport } from '../../src/transport/node-net.ts';
import { createTransport, type TransportKind } from '../../src/transport/select.ts';
import type {
  Endpoint,
  ListenOptions,
  Transport,
  TransportHandler,
} from '../../src/transport/transport.ts';
import type { UringOptions } from '../../src/transport/uring.ts';
import { floodBytes } from './flood.ts';

export interface FixtureData {
  readonly kind: TransportKind;
  readonly options: UringOptions;
  readonly listen: ListenOptions;
  readonly port: MessagePort;
  readonly doorbell: Int32Array<SharedArrayBuffer>;
  /** Refuses every connection with these words. */
  readonly refusal: string;
  /** Keeps half-closed connections until told otherwise. */
  readonly keepsEnded: boolean;
}

export type FixtureMessage =
  | { readonly op: 'report' }
  | { readonly op: 'unlisten' }
  | { readonly op: 'stop' }
  | { readonly op: 'pause'; readonly paused: boolean }
  | { readonly op: 'close'; readonly now: boolean }
  | { readonly op: 'flood'; readonly bytes: number }
  | { readonly op: 'say'; readonly text: string; readonly hurries?: true };

export interface FixtureReport {
  readonly opens: number;
  readonly closes: number;
  readonly ends: number;
  readonly drains: number;
  readonly wakes: number;
  readonly ticks: number;
  readonly turns: number;
  readonly receivedBytes: number;
  readonly connMax: number;
  /** Sum over the open connections. */
  readonly backlogBytes: number;
  readonly live: readonly { readonly peer: Endpoint; readonly local: Endpoint }[];
  /** Calls that broke the interface's promises. */
  readonly faults: readonly string[];
}

const data: FixtureData = workerData;
const live = new Map<number, { peer: Endpoint; local: Endpoint }>();
const faults: string[] = [];
const counts = {
  opens: 0,
  closes: 0,
  ends: 0,
  drains: 0,
  wakes: 0,
  ticks: 0,
  turns: 0,
  receivedBytes: 0,
  connMax: 0,
};
const chosen: { transport?: Transport } = {};

function report(): FixtureReport {
  let backlogBytes = 0;
  for (const conn of live.keys()) backlogBytes += chosen.transport!.backlogBytes(conn);
  return { ...counts, backlogBytes, live: [...live.values()], faults };
}

function obey(transport: Transport, message: FixtureMessage): void {
  if (message.op === 'report') data.port.postMessage(report());
  else if (message.op === 'unlisten') transport.unlisten();
  else if (message.op === 'stop') transport.stop();
  else if (message.op === 'pause') {
    for (const conn of live.keys()) transport.pauseRead(conn, message.paused);
  } else if (message.op === 'close') {
    for (const conn of live.keys()) transport.close(conn, message.now);
  } else {
    const bytes = message.op === 'say' ? Buffer.from(message.text) : floodBytes(message.bytes);
    for (const conn of live.keys()) {
      transport.send(conn, bytes, 0, bytes.length);
      if (message.op === 'say' && message.hurries) transport.hurry(conn);
    }
  }
}

const handler: TransportHandler = {
  onOpen(conn, peer, local) {
    counts.opens++;
    counts.connMax = Math.max(counts.connMax, conn);
    if (live.has(conn)) faults.push('onOpen for an open index');
    if (data.refusal !== '') {
      const words = Buffer.from(data.refusal);
      chosen.transport!.send(conn, words, 0, words.length);
      return false;
    }
    live.set(conn, { peer, local });
    return true;
  },
  onData(conn, buf, start, end) {
    if (!live.has(conn)) faults.push('onData for a closed index');
    if (end <= start) faults.push('onData without bytes');
    counts.receivedBytes += end - start;
    chosen.transport!.send(conn, buf, start, end);
  },
  onEnd(conn) {
    counts.ends++;
    if (!live.has(conn)) faults.push('onEnd for a closed index');
    return data.keepsEnded;
  },
  onClose(conn) {
    counts.closes++;
    if (!live.delete(conn)) faults.push('onClose for a closed index');
  },
  onDrain(conn, backlogBytes) {
    counts.drains++;
    if (!live.has(conn)) faults.push('onDrain for a closed index');
    if (backlogBytes < 0) faults.push('negative backlog');
  },
  onWake() {
    counts.wakes++;
    for (;;) {
      const received = receiveMessageOnPort(data.port);
      if (received === undefined) return;
      obey(chosen.transport!, received.message);
    }
  },
  onTick() {
    counts.ticks++;
  },
  onTurnEnd() {
    counts.turns++;
  },
};

const { transport } = createTransport(data.kind, handler, data.options);
chosen.transport = transport;
try {
  await transport.listen(data.listen);
  if (transport instanceof NodeNetTransport) transport.doorbell(data.doorbell, 0);
  data.port.postMessage({ wakeFd: transport.wakeFd, name: transport.name });
  await transport.run();
} catch (error) {
  data.port.postMessage({ error: String(error instanceof Error ? error.message : error) });
  transport.stop();
}
