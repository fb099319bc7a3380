import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HeldOutput } from '../../src/server/held-output.ts';

test('bytes leave in order, each when its position is durable', () => {
  const step = fc.oneof(
    fc.record({ bytes: fc.nat({ max: 3000 }), position: fc.nat({ max: 50 }) }),
    fc.record({ durable: fc.nat({ max: 60 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const held = new HeldOutput();
      /** One entry a byte: its value and what it waits for. */
      let model: { value: number; position: number }[] = [];
      let serial = 0;
      let durable = 0;
      for (const one of steps) {
        if ('bytes' in one) {
          const last = model.at(-1)?.position ?? 0;
          const position = Math.max(one.position, last);
          const buf = Uint8Array.from({ length: one.bytes + 2 }, () => serial++ & 0xff);
          held.hold(buf, 1, one.bytes + 1, one.position);
          for (const value of buf.subarray(1, one.bytes + 1)) model.push({ value, position });
        } else {
          durable = Math.max(durable, one.durable);
          const ready = held.ready(durable);
          const first = model.findIndex(({ position }) => position > durable);
          expect(ready).toBe(first < 0 ? model.length : first);
          const values = model.slice(0, ready).map(({ value }) => value);
          expect([...held.buf.subarray(0, ready)]).toEqual(values);
          held.drop(ready);
          model = model.slice(ready);
        }
        expect(held.length).toBe(model.length);
      }
    }),
  );
});
