/** ThreadContext: the keys of a command's arguments. */
import { expect, test } from 'vitest';
import { HalfSipHash } from '../../src/base/half-sip-hash.ts';
import { Key } from '../../src/keyspace/key.ts';
import { ArgView } from '../../src/resp/request-parser.ts';
import { LocalRunner } from '../support/local-runner.ts';
import { withRandom } from '../support/random.ts';

const SHARDS = 4;
/** More than a context keeps the hashes of. */
const ARGS = 300;
const ROUNDS = 300;

function argsOf(words: readonly string[]): ArgView {
  const args = new ArgView();
  args.buf = Buffer.from(words.join(''), 'latin1');
  args.count = words.length;
  args.offset = new Int32Array(words.length);
  args.length = new Int32Array(words.length);
  let at = 0;
  for (const [i, word] of words.entries()) {
    args.offset[i] = at;
    args.length[i] = word.length;
    at += word.length;
  }
  return args;
}

test('a key is that of its argument, whatever was looked at before and is kept', async () => {
  const { context } = new LocalRunner([], { shards: SHARDS, arenaBytes: 1 << 20 });
  const hasher = new HalfSipHash(0x01234567, 0x89abcdef);
  const expected = new Key();
  await withRandom(async (random) => {
    for (let round = 0; round < ROUNDS; round++) {
      const words = Array.from({ length: 1 + random.below(ARGS) }, () => `k${random.below(1000)}`);
      const args = argsOf(words);
      context.begin(args, 0);
      const keeps = random.oneIn(2);
      if (keeps) context.keepKeys();
      for (let i = 0; i < words.length * 2; i++) {
        const index = random.below(words.length);
        const shard = context.at(index);
        const end = args.offset[index]! + args.length[index]!;
        expected.locate(hasher, args.buf, args.offset[index]!, end, SHARDS);
        const { buf, start, lo, hi, shardIndex } = context.key;
        expect([start, context.key.end, lo, hi, shardIndex]).toEqual([
          ...[expected.start, expected.end, expected.lo, expected.hi, expected.shardIndex],
        ]);
        expect(buf).toBe(args.buf);
        expect(shard.index).toBe(shardIndex);
      }
    }
  });
});

test('in a batch a key is hashed again only where it is another', async () => {
  const { context } = new LocalRunner([], { shards: SHARDS, arenaBytes: 1 << 20 });
  const hasher = new HalfSipHash(0x01234567, 0x89abcdef);
  const expected = new Key();
  await withRandom(async (random) => {
    const batch = new Uint8Array(64);
    const elsewhere = new Uint8Array(64);
    for (let round = 0; round < ROUNDS; round++) {
      // The same memory with other bytes, as a receive buffer is.
      for (let i = 0; i < batch.length; i++) batch[i] = 0x61 + random.below(2);
      context.beginBatch(batch, 0);
      for (let i = 0; i < 10; i++) {
        const args = new ArgView();
        // What is not of the batch may change between two commands.
        args.buf = random.oneIn(4) ? elsewhere : batch;
        if (args.buf === elsewhere) for (let j = 0; j < 64; j++) elsewhere[j] = random.below(2);
        args.push(random.below(32), random.below(4));
        context.begin(args, 0);
        context.at(0);
        expected.locate(hasher, args.buf, args.offset[0]!, args.end(0), SHARDS);
        expect(context.key).toEqual(expected);
      }
      if (random.oneIn(2)) context.endBatch();
    }
  });
});
