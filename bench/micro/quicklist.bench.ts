import type { Bench } from 'tinybench';
import { Arena } from '../../src/memory/arena.ts';
import { QUICKLIST_STRUCT_WORDS, Quicklist } from '../../src/structures/quicklist.ts';

const BATCH = 1024;
const COUNT = 100_000;
const LARGE_COUNT = 1_000_000;
const DEFAULT_FILL = -2;

/** Tasks over a list of 100,000 elements of 16 bytes in nodes of 8 KiB. */
export default function quicklistBench(bench: Bench): void {
  const arena = Arena.create(1 << 26, 0);
  const block = arena.alloc(QUICKLIST_STRUCT_WORDS * 4);
  const list = new Quicklist(arena).attach(block * 2, DEFAULT_FILL);
  list.init();
  const text = Buffer.from('element-of-bytes');
  const { length } = text;
  for (let i = 0; i < COUNT; i++) list.push(text, 0, length, false);

  for (const atHead of [true, false]) {
    const end = atHead ? 'head' : 'tail';
    bench.add(`quicklist: push and pop at the ${end}, x1024`, () => {
      for (let i = 0; i < BATCH; i++) list.push(text, 0, length, atHead);
      for (let i = 0; i < BATCH; i++) list.popEnd(atHead);
    });
  }
  bench.add('quicklist: push at the tail, pop at the head, x1024', () => {
    for (let i = 0; i < BATCH; i++) {
      list.push(text, 0, length, false);
      list.popEnd(true);
    }
  });
  bench.add('quicklist: seek any element of 100,000, x1024', () => {
    for (let i = 0; i < BATCH; i++) list.seek((i * 7919) % COUNT);
  });
  for (const isMarked of [false, true]) {
    const struct = arena.alloc(QUICKLIST_STRUCT_WORDS * 4) * 2;
    const large = new Quicklist(arena).attach(struct, DEFAULT_FILL);
    large.init();
    for (let i = 0; i < LARGE_COUNT; i++) large.push(text, 0, length, false);
    const how = isMarked ? ' with a mark' : '';
    bench.add(`quicklist: seek the middle of 1,000,000${how}, x1024`, () => {
      for (let i = 0; i < BATCH; i++) {
        large.seek(LARGE_COUNT >> 1);
        if (isMarked) large.markPlace();
      }
    });
  }
  bench.add('quicklist: walk over 100,000 elements, x100000', () => {
    let count = 0;
    for (let goesOn = list.seek(0); goesOn; goesOn = list.next()) count += 1;
    return count;
  });
  bench.add('quicklist: insert in the middle and take out, x1024', () => {
    for (let i = 0; i < BATCH; i++) {
      list.seek(COUNT >> 1);
      list.insertHere(text, 0, length, false);
      list.removeHere(false);
    }
  });
}
