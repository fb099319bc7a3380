import type { Bench } from 'tinybench';
import { Intset } from '../../src/structures/intset.ts';

const BATCH = 1024;
const COUNT = 512;

/** Tasks over an intset of 512 integers, for each width. */
export default function intsetBench(bench: Bench): void {
  for (const [width, step] of [
    [2, 60],
    [4, 4_000_000],
    [8, 10_000_000_000],
  ] as const) {
    const ints = new Intset(new Uint8Array(new SharedArrayBuffer(8192)));
    ints.init(0);
    const texts = Array.from({ length: COUNT }, (_, i) => Buffer.from(String(i * step)));
    const between = texts.map((_, i) => Buffer.from(String(i * step + 1)));
    for (const text of texts) {
      ints.setNeedle(text, 0, text.length);
      ints.insert(0, ints.find(0));
    }
    bench.add(`intset: lookup in 512 of ${width} bytes, x1024`, () => {
      let found = 0;
      for (let i = 0; i < BATCH; i++) {
        const text = texts[(i * 7) % COUNT]!;
        ints.setNeedle(text, 0, text.length);
        if (ints.find(0) >= 0) found += 1;
      }
      return found;
    });
    bench.add(`intset: add to 512 of ${width} bytes and take out, x1024`, () => {
      for (let i = 0; i < BATCH; i++) {
        const text = between[(i * 7) % COUNT]!;
        ints.setNeedle(text, 0, text.length);
        const place = ints.find(0);
        ints.insert(0, place);
        ints.remove(0, -1 - place);
      }
    });
    bench.add(`intset: read of 512 of ${width} bytes, x512`, () => {
      let sum = 0;
      for (let i = 0; i < COUNT; i++) {
        ints.read(0, i);
        sum += ints.to;
      }
      return sum;
    });
  }
}
