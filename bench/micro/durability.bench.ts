import type { Bench } from 'tinybench';
import { MemorySink } from '../../src/durability/byte-sink.ts';
import { Crc64 } from '../../src/durability/crc64.ts';
import { loadPayload, writePayload } from '../../src/durability/dump-payload.ts';
import { lzfCompress, lzfDecompress } from '../../src/durability/lzf.ts';
import { Key } from '../../src/keyspace/key.ts';
import { DATA_COMMANDS } from '../../test/durability/payload.ts';
import { LocalRunner } from '../../test/support/local-runner.ts';

const BYTES = 16_384;

/** Checksum, compression and the value codec; one iteration is so many bytes, or one value. */
export default function durabilityBench(bench: Bench): void {
  const noise = new Uint8Array(new SharedArrayBuffer(BYTES));
  for (let i = 0; i < BYTES; i++) noise[i] = Math.imul(i, 0x9e3779b1) >>> 13;
  const words = new Uint8Array(new SharedArrayBuffer(BYTES));
  for (let i = 0; i < BYTES; i++) words[i] = 0x61 + (((i * i) >>> 9) % 11);
  const crc = new Crc64();
  bench.add(`durability: CRC-64, a byte, x${BYTES}`, () => crc.update(noise, 0, BYTES));
  const out = new Uint8Array(BYTES * 2);
  bench.add(`durability: LZF of noise, a byte, x${BYTES}`, () =>
    lzfCompress(noise, 0, BYTES, out, 0, BYTES - 4),
  );
  bench.add(`durability: LZF of words, a byte, x${BYTES}`, () =>
    lzfCompress(words, 0, BYTES, out, 0, BYTES - 4),
  );
  const end = lzfCompress(words, 0, BYTES, out, 0, BYTES);
  const packed = out.slice(0, end);
  const unpacked = new Uint8Array(BYTES);
  bench.add(`durability: LZF back to words, a byte, x${BYTES}`, () =>
    lzfDecompress(packed, 0, packed.length, unpacked),
  );
  addValues(bench);
}

/** DUMP and RESTORE without the commands around them. */
function addValues(bench: Bench): void {
  const runner = new LocalRunner(DATA_COMMANDS, { shards: 1 });
  const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `member:${i}`);
  runner.run('SET', 'string of 1000 bytes', 'v'.repeat(1000));
  runner.run('RPUSH', 'list of 1000', ...names(1000));
  runner.run('SADD', 'set of 100', ...names(100));
  runner.run('SADD', 'set of 1000', ...names(1000));
  runner.run('HSET', 'hash of 50', ...names(100));
  runner.run('HSET', 'hash of 1000', ...names(2000));
  const shard = runner.shards[0]!;
  const key = new Key();
  for (const name of ['string of 1000 bytes', 'list of 1000', 'set of 100', 'set of 1000']) {
    addValue(bench, shard, key, name);
  }
  for (const name of ['hash of 50', 'hash of 1000']) addValue(bench, shard, key, name);
}

function addValue(
  bench: Bench,
  shard: LocalRunner['shards'][number],
  key: Key,
  name: string,
): void {
  const bytes = Buffer.from(name);
  key.locate(shard.hasher, bytes, 0, bytes.length, 1);
  const ref = shard.find(0, key);
  const sink = new MemorySink();
  bench.add(`durability: write a ${name}`, () => {
    sink.length = 0;
    writePayload(sink, shard, ref, true);
  });
  const kept = new MemorySink();
  writePayload(kept, shard, ref, true);
  bench.add(`durability: load a ${name}`, () => {
    loadPayload(shard, kept.buf, 0, kept.length).value.drop();
    while (!shard.lazy.step(1000));
  });
}
