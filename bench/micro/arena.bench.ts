import type { Bench } from 'tinybench';
import { Arena } from '../../src/memory/arena.ts';

const BATCH = 1024;
const LIVE_BLOCKS = 100_000;

/** Arena tasks; one iteration of a "x1024" task is 1024 allocations and 1024 frees. */
export default function arenaBench(bench: Bench): void {
  const arena = Arena.create(512 * 1024 * 1024, 0);
  const refs = new Float64Array(BATCH);
  const keep = arena.alloc(64);
  bench.add('arena: alloc + free 64 bytes, x1024', () => {
    for (let i = 0; i < BATCH; i++) arena.free(arena.alloc(64));
  });
  bench.add('arena: alloc all then free all 64 bytes, x1024', () => {
    for (let i = 0; i < BATCH; i++) refs[i] = arena.alloc(64);
    for (let i = 0; i < BATCH; i++) arena.free(refs[i]!);
  });
  bench.add(
    'arena: free + alloc of a random one of 100000 blocks of 16..271 bytes, x1024',
    churn(arena),
  );
  bench.add('arena: alloc + free a run of 64 KiB, x1024', () => {
    for (let i = 0; i < BATCH; i++) arena.free(arena.alloc(65_536));
  });
  bench.add('arena: usableBytes, x1024', () => {
    let sum = 0;
    for (let i = 0; i < BATCH; i++) sum += arena.usableBytes(keep);
    return sum;
  });
}

function churn(arena: Arena): () => void {
  const blocks = new Uint32Array(LIVE_BLOCKS);
  let random = 1;
  const next = () => {
    random = Math.imul(random ^ (random >>> 15), 0x2c1b3c6d) + 0x9e3779b9;
    return random >>> 8;
  };
  for (let i = 0; i < LIVE_BLOCKS; i++) blocks[i] = arena.alloc(16 + (next() & 255));
  return () => {
    for (let i = 0; i < BATCH; i++) {
      const at = next() % LIVE_BLOCKS;
      arena.free(blocks[at]!);
      blocks[at] = arena.alloc(16 + (next() & 255));
    }
  };
}
