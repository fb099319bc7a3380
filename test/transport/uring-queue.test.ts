import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SendQueues } from '../../src/transport/uring-queue.ts';
import { floodBytes } from './flood.ts';

const connectionCount = 4;
const source = new Uint8Array(floodBytes(700_000));

/** What the kernel would read. */
function memoryAt(address: number, length: number): Uint8Array {
  const { toArrayBuffer } = process.getBuiltinModule('node:ffi');
  return new Uint8Array(toArrayBuffer(BigInt(address), length, true));
}

describe.runIf(process.platform === 'linux')('send queues', () => {
  test('agree with a list of bytes per connection', () => {
    const conn = fc.nat(connectionCount - 1);
    const size = fc.oneof(fc.nat(40), fc.nat(20_000), fc.nat(source.length - 1));
    const step = fc.oneof(
      fc.record({ kind: fc.constant('append'), conn, size }),
      fc.record({ kind: fc.constant('send'), conn, size }),
      fc.record({ kind: fc.constant('drop'), conn, size: fc.nat(1) }),
    );
    const queues = new SendQueues(connectionCount);
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const model = Array.from({ length: connectionCount }, () => Buffer.alloc(0));
        for (const { kind, conn: at, size: wanted } of steps) {
          const bytes = model[at]!;
          if (kind === 'append') {
            const start = wanted % 1000;
            const end = Math.max(start, wanted);
            expect(queues.append(at, source, start, end)).toBe(true);
            model[at] = Buffer.concat([bytes, source.subarray(start, end)]);
          } else if (kind === 'send' && !queues.isEmpty(at)) {
            const address = queues.address(at);
            const length = queues.startSend(at);
            expect(queues.inFlightBytes(at)).toBe(length);
            expect(length === bytes.length).toBe(queues.isOneSlot(at));
            const piece = memoryAt(address, length);
            expect(Buffer.compare(piece, bytes.subarray(0, length))).toBe(0);
            const taken = Math.min(length, wanted);
            queues.advance(at, taken);
            model[at] = bytes.subarray(taken);
          } else if (kind === 'drop') {
            const isSending = wanted === 1 && !queues.isEmpty(at);
            queues.drop(at, isSending);
            expect(queues.backlog[at]).toBe(0);
            if (isSending) queues.drop(at, false);
            model[at] = Buffer.alloc(0);
          }
          for (const [i, expected] of model.entries()) {
            expect(queues.backlog[i]).toBe(expected.length);
            expect(queues.isEmpty(i)).toBe(expected.length === 0);
          }
        }
        for (let i = 0; i < connectionCount; i++) queues.drop(i, false);
        expect(queues.slotCount()).toBe(0);
        queues.trim();
      }),
      { numRuns: 60 },
    );
  });

  test('keep their bytes after a burst was trimmed', () => {
    const queues = new SendQueues(1);
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 30; i++) queues.append(0, source, 0, source.length);
      queues.drop(0, false);
      queues.trim();
      queues.append(0, source, 5, 105);
      const piece = memoryAt(queues.address(0), queues.startSend(0));
      expect(Buffer.compare(piece, source.subarray(5, 105))).toBe(0);
      queues.advance(0, 100);
    }
  });
});
