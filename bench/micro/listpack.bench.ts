import type { Bench } from 'tinybench';
import { Listpack } from '../../src/structures/listpack.ts';

const BATCH = 1024;
const ELEMENTS = 128;

/** Tasks over a pack of 128 elements, half integers and half texts, as a hash of 64 fields is. */
export default function listpackBench(bench: Bench): void {
  const u8 = new Uint8Array(new SharedArrayBuffer(1 << 16));
  const pack = new Listpack(u8);
  const texts = Array.from({ length: ELEMENTS }, (_, i) =>
    Buffer.from(i % 2 === 0 ? `field:${i}` : `${i * 1000}`),
  );
  let end = pack.init(0);
  for (const text of texts) end = pack.insert(0, end, end, text, 0, text.length);
  const last = texts[ELEMENTS - 2]!;
  const number = texts[ELEMENTS - 1]!;
  const absent = Buffer.from('field:999');

  bench.add('listpack: next over 128 elements, x128', () => {
    let count = 0;
    for (let at = pack.first(0); at < end; at = pack.next(at)) count += 1;
    return count;
  });
  bench.add('listpack: read of 128 elements, x128', () => {
    let sum = 0;
    for (let at = pack.first(0); at < end; at = pack.next(at)) {
      pack.read(at);
      sum += pack.to - pack.from;
    }
    return sum;
  });
  bench.add('listpack: find the last text of 128', () =>
    pack.find(0, end, last, 0, last.length, 0, 2),
  );
  bench.add('listpack: find the last integer of 128', () =>
    pack.find(0, end, number, 0, number.length, 1, 2),
  );
  bench.add('listpack: find an absent text in 128', () =>
    pack.find(0, end, absent, 0, absent.length, 0, 2),
  );
  bench.add('listpack: seek the middle of 128', () => pack.seek(0, end, ELEMENTS / 2));
  bench.add('listpack: insert and remove at the end, x1024', () => {
    for (let i = 0; i < BATCH; i++) {
      const text = texts[i % ELEMENTS]!;
      const grown = pack.insert(0, end, end, text, 0, text.length);
      pack.remove(0, grown, end, 1);
    }
  });
  bench.add('listpack: insert and remove at the start, x1024', () => {
    const first = pack.first(0);
    for (let i = 0; i < BATCH; i++) {
      const text = texts[i % ELEMENTS]!;
      pack.remove(0, pack.insert(0, end, first, text, 0, text.length), first, 1);
    }
  });
}
