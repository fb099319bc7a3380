import type { Bench } from 'tinybench';
import { HalfSipHash } from '../../src/base/half-sip-hash.ts';
import { ENCODING_RAW } from '../../src/keyspace/entry.ts';
import { shardHeaderBytes } from '../../src/keyspace/entry-blocks.ts';
import { Evictor } from '../../src/keyspace/evictor.ts';
import { Key } from '../../src/keyspace/key.ts';
import { NO_TTL, Shard } from '../../src/keyspace/shard.ts';
import { ThreadState, touchModeOf } from '../../src/keyspace/thread-state.ts';
import { Arena } from '../../src/memory/arena.ts';

const SHARDS = 8;
const BATCH = 256;
const KEY_BYTES = 16;
const VALUE_BYTES = 64;
const NOW_MS = 1_800_000_000_000;

/** Eviction of one key, and the SET of another in its place, without locks. */
export default function evictionBench(bench: Bench): void {
  for (const [name, count] of [
    ['10k', 10_000],
    ['1M', 1_000_000],
  ] as const) {
    for (const policy of ['allkeys-lru', 'allkeys-lfu', 'allkeys-random', 'volatile-ttl']) {
      addTask(bench, name, count, policy);
    }
  }
}

function addTask(bench: Bench, name: string, count: number, policy: string): void {
  const hasher = new HalfSipHash(0x83020100, 0xf7060504);
  const state = new ThreadState();
  state.setTime(NOW_MS);
  state.policyTouchMode = touchModeOf(policy);
  const shards = Array.from({ length: SHARDS }, (_, i) => {
    const arena = Arena.create((count / SHARDS) * 256 + (1 << 22), shardHeaderBytes(1));
    Shard.format(arena, 1);
    return new Shard(i, arena, hasher, state);
  });
  const evictor = new Evictor(shards, state);
  evictor.setPolicy(policy);
  const bytes = new Uint8Array(KEY_BYTES).fill(0x30);
  const key = new Key();
  let next = 0;
  const set = (): void => {
    const digits = String(next++);
    for (let i = 0; i < digits.length; i++) bytes[i] = digits.charCodeAt(i);
    key.locate(hasher, bytes, 0, KEY_BYTES, SHARDS);
    const expireMs = policy === 'volatile-ttl' ? NOW_MS + 1_000_000 + (next % 100_000) : NO_TTL;
    const shard = shards[key.shardIndex]!;
    if (shard.createString(0, key, VALUE_BYTES, ENCODING_RAW, expireMs) === 0) {
      throw new Error('eviction bench: the arena is full');
    }
  };
  const evict = (): boolean => {
    const place = evictor.draw();
    if (evictor.isRandom) return evictor.takeRandom(place);
    evictor.look(place);
    for (let i = evictor.best(0); i >= 0; i = evictor.best(0)) if (evictor.take(i)) return true;
    return false;
  };
  for (let i = 0; i < count; i++) {
    if (i % 1000 === 0) state.setTime(state.nowMs + 1000);
    set();
  }
  const add = (what: string, operation: () => void): void => {
    bench.add(`eviction ${name} keys, ${policy}: ${what}, x${BATCH}`, () => {
      state.setTime(state.nowMs + 100);
      for (let i = 0; i < BATCH; i++) operation();
    });
  };
  add('evict one, SET one', () => {
    if (evict()) set();
  });
}
