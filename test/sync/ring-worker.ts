/**
 * One end of a ring in a thread of its own: sends or takes numbered messages and posts what it saw.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { RingConsumer, RingProducer } from '../../src/sync/ring.ts';

interface Work {
  readonly buffer: SharedArrayBuffer;
  readonly offset: number;
  readonly role: 'producer' | 'consumer';
  readonly messages: number;
}

/** Payload bytes of message `i`: short ones mostly, none and long ones among them. */
function payloadBytes(i: number, max: number): number {
  const mixed = Math.imul(i, 0x9e3779b1) >>> 0;
  return mixed % 97 === 0 ? max : mixed % 64;
}

function mix(sum: number, value: number): number {
  return (Math.imul(sum, 31) + value) | 0;
}

function produce({ buffer, offset, messages }: Work): number {
  const ring = new RingProducer(buffer, offset);
  let sum = 0;
  for (let i = 0; i < messages; i++) {
    const bytes = payloadBytes(i, ring.payloadBytesMax >>> 4);
    while (!ring.reserve(bytes)) ring.publish();
    for (let b = 0; b < bytes; b++) ring.u8[ring.offset + b] = i + b;
    ring.commit(bytes);
    if (i % 5 === 0) ring.publish();
    sum = mix(sum, bytes);
    if (bytes > 0) sum = mix(sum, (i + bytes - 1) & 0xff);
  }
  ring.publish();
  return sum;
}

function consume({ buffer, offset, messages }: Work): number {
  const ring = new RingConsumer(buffer, offset);
  let sum = 0;
  for (let i = 0; i < messages; ) {
    while (i < messages && ring.next()) {
      sum = mix(sum, ring.length);
      for (let b = 0; b < ring.length; b++) {
        if (ring.u8[ring.offset + b] !== ((i + b) & 0xff))
          throw new Error(`message ${i} is damaged`);
      }
      if (ring.length > 0) sum = mix(sum, ring.u8[ring.offset + ring.length - 1]!);
      i += 1;
    }
    ring.release();
  }
  return sum;
}

const work: Work = workerData;
const sum = work.role === 'producer' ? produce(work) : consume(work);
parentPort!.postMessage({ sum, count: work.messages });
