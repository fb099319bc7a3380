import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  formatMpscRing,
  MpscConsumer,
  MpscProducer,
  mpscRingBytes,
} from '../../src/sync/mpsc-ring.ts';

const HEAD_WORD = 16;
const TAIL_WORD = 32;

/** An empty ring whose counters stand at `start`, as after so many bytes. */
function newRing(capacity: number, start = 0): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer(mpscRingBytes(capacity));
  formatMpscRing(buffer, capacity);
  const words = new Uint32Array(buffer);
  words[HEAD_WORD] = start;
  words[TAIL_WORD] = start;
  return buffer;
}

function frameBytes(payload: number): number {
  return Math.ceil((4 + payload) / 8) * 8;
}

test('beside a queue: producers take turns, the consumer stops at what is not written yet', () => {
  const step = fc.oneof(
    fc.record({ what: fc.constant('reserve' as const), bytes: fc.nat({ max: 56 }) }),
    fc.record({ what: fc.constant('commit' as const), bytes: fc.nat({ max: 5 }) }),
    fc.record({ what: fc.constant('take' as const), bytes: fc.nat({ max: 3 }) }),
    fc.record({ what: fc.constant('release' as const), bytes: fc.constant(0) }),
  );
  const starts = fc.constantFrom(0, 8, 248, 0xffffffc0, 0x7fffffe0);
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), starts, (steps, start) => {
      const buffer = newRing(256, start);
      const consumer = new MpscConsumer(buffer);
      let serial = 0;
      /** In order of reservation. */
      const queue: { serial: number; bytes: number; isWritten: boolean; end: number }[] = [];
      const open: { producer: MpscProducer; at: number }[] = [];
      let taken = 0;
      for (const { what, bytes } of steps) {
        if (what === 'reserve') {
          const producer = new MpscProducer(buffer);
          const free = producer.freeBytes();
          const isRoom = producer.reserve(bytes);
          // A frame that would wrap needs the rest of the ring besides.
          if (isRoom) {
            expect(free).toBeGreaterThanOrEqual(frameBytes(bytes));
            queue.push({ serial: serial++, bytes, isWritten: false, end: producer.end });
            open.push({ producer, at: queue.length - 1 });
          } else expect(free).toBeLessThan(2 * 256 - 8);
        } else if (what === 'commit' && open.length > 0) {
          const [one] = open.splice(bytes % open.length, 1);
          const frame = queue[one!.at]!;
          for (let b = 0; b < frame.bytes; b++) {
            one!.producer.u8[one!.producer.offset + b] = frame.serial + b + 1;
          }
          one!.producer.commit(frame.bytes);
          frame.isWritten = true;
        } else if (what === 'take') {
          for (let n = 0; n <= bytes; n++) {
            const isThere = taken < queue.length && queue[taken]!.isWritten;
            expect(consumer.next()).toBe(isThere);
            if (!isThere) break;
            const frame = queue[taken++]!;
            expect([consumer.length, consumer.end]).toEqual([frame.bytes, frame.end]);
            for (let b = 0; b < frame.bytes; b++) {
              expect(consumer.u8[consumer.offset + b]).toBe((frame.serial + b + 1) & 0xff);
            }
          }
        } else if (what === 'release') consumer.release();
      }
    }),
  );
});

test('a full ring refuses, and has room again after the release', () => {
  const buffer = newRing(256);
  const producer = new MpscProducer(buffer);
  for (let i = 0; i < 4; i++) {
    expect(producer.reserve(56)).toBe(true);
    producer.commit(56);
  }
  expect(producer.freeBytes()).toBe(0);
  expect(producer.reserve(0)).toBe(false);
  const consumer = new MpscConsumer(buffer);
  for (let i = 0; i < 4; i++) expect(consumer.next()).toBe(true);
  // All of it is taken, nothing released: no frame is seen twice.
  expect(consumer.next()).toBe(false);
  expect(producer.reserve(0)).toBe(false);
  consumer.release();
  expect(producer.reserve(56)).toBe(true);
});

test('limits: a quarter of the ring, powers of two, the magic', () => {
  const producer = new MpscProducer(newRing(1024));
  expect(producer.payloadBytesMax).toBe(248);
  expect(producer.reserve(248)).toBe(true);
  expect(() => producer.reserve(249)).toThrow('too long');
  expect(() => formatMpscRing(new SharedArrayBuffer(1024), 100)).toThrow('power of two');
  expect(() => new MpscConsumer(new SharedArrayBuffer(1024))).toThrow('no ring');
});

test('three threads append, each one in its order', async () => {
  const buffer = newRing(4096);
  const frames = 60_000;
  const url = new URL('./mpsc-ring-worker.ts', import.meta.url);
  const ids = [0, 1, 2];
  const workers = ids.map((id) => new Worker(url, { workerData: { buffer, id, frames } }));
  const failed = new Promise<never>((_, reject) => {
    for (const worker of workers) worker.on('error', reject);
  });
  const consumer = new MpscConsumer(buffer);
  const seen = ids.map(() => 0);
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  while (seen.some((count) => count < frames)) {
    while (consumer.next()) {
      const at = consumer.offset >>> 2;
      const id = consumer.u32[at]!;
      const i = consumer.u32[at + 1]!;
      expect(i).toBe(seen[id]!);
      let isRight = true;
      for (let b = 8; b < consumer.length; b++) {
        if (consumer.u8[consumer.offset + b] !== ((id + i + b) & 0xff)) isRight = false;
      }
      expect(isRight).toBe(true);
      seen[id] = i + 1;
    }
    consumer.release();
    await Promise.race([turn(), failed]);
  }
  expect(seen).toEqual(ids.map(() => frames));
  await Promise.all(workers.map((worker) => worker.terminate()));
});
