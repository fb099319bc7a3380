/** A producer of an MPSC ring in a thread of its own: appends numbered frames, then says so. */
import { parentPort, workerData } from 'node:worker_threads';
import { MpscProducer } from '../../src/sync/mpsc-ring.ts';

interface Work {
  readonly buffer: SharedArrayBuffer;
  readonly id: number;
  readonly frames: number;
}

const { buffer, id, frames }: Work = workerData;
const ring = new MpscProducer(buffer);
for (let i = 0; i < frames; i++) {
  // Two words, then filler whose bytes follow from them.
  const bytes = 8 + ((Math.imul(i, 0x9e3779b1) >>> 0) % 90);
  while (!ring.reserve(bytes));
  ring.u32[ring.offset >>> 2] = id;
  ring.u32[(ring.offset >>> 2) + 1] = i;
  for (let b = 8; b < bytes; b++) ring.u8[ring.offset + b] = (id + i + b) & 0xff;
  ring.commit(bytes);
}
parentPort!.postMessage('done');
