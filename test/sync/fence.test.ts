import fc from 'fast-check';
import { expect, test } from 'vitest';
import { announceWaiter, complete, isReady, nextTicket } from '../../src/sync/fence.ts';

test('a ticket is ready when the one before it is done, and its waiter is rung once', () => {
  const step = fc.constantFrom('complete', 'announce', 'announce later');
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 60 }),
      fc.constantFrom(0, 5, 0x7fffffff - 3),
      (steps, start) => {
        const words = new Int32Array(new SharedArrayBuffer(8));
        complete(words, 1, start);
        let done = start;
        let isAnnounced = false;
        for (const what of steps) {
          const next = nextTicket(done);
          const later = nextTicket(next);
          expect(isReady(words, 1, next)).toBe(true);
          expect(isReady(words, 1, later)).toBe(false);
          if (what === 'complete') {
            expect(complete(words, 1, next)).toBe(isAnnounced);
            isAnnounced = false;
            done = next;
          } else if (what === 'announce') {
            // Ready already: nothing to wait for.
            announceWaiter(words, 1, next);
          } else {
            announceWaiter(words, 1, later);
            isAnnounced = true;
          }
        }
        expect(words[0]).toBe(0);
      },
    ),
  );
});
