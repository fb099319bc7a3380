import type { Bench } from 'tinybench';
import { HalfSipHash } from '../../src/base/half-sip-hash.ts';
import { ENCODING_RAW } from '../../src/keyspace/entry.ts';
import { shardHeaderBytes } from '../../src/keyspace/entry-blocks.ts';
import { Key } from '../../src/keyspace/key.ts';
import { KEEP_TTL, NO_TTL, Shard } from '../../src/keyspace/shard.ts';
import { ThreadState } from '../../src/keyspace/thread-state.ts';
import { Arena } from '../../src/memory/arena.ts';

const BATCH = 1024;
const KEY_BYTES = 16;
const NOW_MS = 1_800_000_000_000;
const VALUE_BYTES = 32;

/** Shard operations on keys of 16 bytes, hashing included and copying the value not. */
export default function keyspaceBench(bench: Bench): void {
  for (const [name, count] of [
    ['1k', 1 << 10],
    ['1M', 1 << 20],
  ] as const) {
    addTasks(bench, name, count);
  }
}

function addTasks(bench: Bench, name: string, count: number): void {
  const arena = Arena.create(count * 192 + (1 << 22), shardHeaderBytes(1));
  Shard.format(arena, 1);
  const hasher = new HalfSipHash(0x83020100, 0xf7060504);
  const state = new ThreadState();
  state.setTime(NOW_MS);
  const shard = new Shard(0, arena, hasher, state);
  const bytes = new Uint8Array(count * KEY_BYTES).fill(0x30);
  for (let i = 0; i < count; i++) {
    const digits = String(Math.imul(i, 0x9e3779b1) >>> 0);
    for (let d = 0; d < digits.length; d++) bytes[i * KEY_BYTES + d] = digits.charCodeAt(d);
  }
  const key = new Key();
  let next = 0;
  const locate = () => {
    next = (next + 1) % count;
    key.locate(hasher, bytes, next * KEY_BYTES, (next + 1) * KEY_BYTES, 1);
  };
  const create = (expireMs: number) => {
    if (shard.createString(0, key, VALUE_BYTES, ENCODING_RAW, expireMs) === 0) {
      throw new Error('keyspace bench: the arena is full');
    }
  };
  for (let i = 0; i < count; i++) {
    locate();
    create(NO_TTL);
  }
  const add = (what: string, operation: () => void) => {
    bench.add(`keyspace ${name} keys: ${what}, x${BATCH}`, () => {
      for (let i = 0; i < BATCH; i++) {
        locate();
        operation();
      }
    });
  };
  add('locate (hash) only', () => {});
  add('findRead, hit', () => {
    if (shard.findRead(0, key) === 0) throw new Error('keyspace bench: a key is missing');
  });
  add('createString in place', () => create(NO_TTL));
  add('createString in place, keeping the TTL', () => create(KEEP_TTL));
  add('delete + createString', () => {
    shard.delete(0, key);
    create(NO_TTL);
  });
  add('setExpire + removeExpire', () => {
    const ref = shard.setExpire(0, key, shard.find(0, key), NOW_MS + 100_000);
    shard.removeExpire(0, key, ref);
  });
}
