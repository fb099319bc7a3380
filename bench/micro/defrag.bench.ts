import type { Bench } from 'tinybench';
import { HalfSipHash } from '../../src/base/half-sip-hash.ts';
import { Defragmenter } from '../../src/keyspace/defragmenter.ts';
import { ENCODING_RAW } from '../../src/keyspace/entry.ts';
import { shardHeaderBytes } from '../../src/keyspace/entry-blocks.ts';
import { Key } from '../../src/keyspace/key.ts';
import { Shard } from '../../src/keyspace/shard.ts';
import { ThreadState } from '../../src/keyspace/thread-state.ts';
import { Arena } from '../../src/memory/arena.ts';
import { SparseSlabs } from '../../src/memory/sparse-slabs.ts';

const BATCH = 1024;
const KEYS = 400_000;

/** A shard of strings of 20 to 219 bytes of which one in four is left. */
function sparseShard(): Shard {
  const arena = Arena.create(512 * 1024 * 1024, shardHeaderBytes(1));
  Shard.format(arena, 1);
  const hasher = new HalfSipHash(1, 2);
  const shard = new Shard(0, arena, hasher, new ThreadState());
  const key = new Key();
  const name = Buffer.alloc(16, 0x6b);
  const locate = (i: number): void => {
    name.write(String(i).padStart(10, '0'), 6, 'latin1');
    key.locate(hasher, name, 0, name.length, 1);
  };
  for (let i = 0; i < KEYS; i++) {
    locate(i);
    shard.createString(0, key, 20 + (i % 200), ENCODING_RAW, 0);
  }
  for (let i = 0; i < KEYS; i++) {
    if (i % 4 === 0) continue;
    locate(i);
    shard.delete(0, key);
  }
  return shard;
}

/** Defragmentation; one iteration of a "x1024" task is 1024 blocks. */
export default function defragBench(bench: Bench): void {
  const shard = sparseShard();
  const { arena } = shard;
  const sparse = new SparseSlabs(arena);
  const pages = Math.ceil(arena.heldBytes() / 4096);
  bench.add(`defrag: choose the slabs of an arena of ${pages} pages`, () => {
    sparse.start();
    while (!sparse.step(256));
  });
  const refs = Array.from({ length: BATCH }, () => arena.alloc(100));
  bench.add('defrag: a block that need not move, x1024', () => {
    for (let i = 0; i < BATCH; i++) refs[i] = arena.relocate(refs[i]!);
  });
  const defragmenter = new Defragmenter(shard);
  while (!defragmenter.step());
  bench.add('defrag: one step of a pass over a shard that has nothing to move', () => {
    defragmenter.step();
  });
  let moving = sparseShard();
  let mover = new Defragmenter(moving);
  bench.add(
    'defrag: one step of a pass that empties slabs (about nine keys)',
    () => {
      mover.step();
    },
    {
      beforeAll: () => {
        moving = sparseShard();
        mover = new Defragmenter(moving);
        while (mover.hits === 0) mover.step();
      },
    },
  );
}
