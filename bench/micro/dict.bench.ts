import type { Bench } from 'tinybench';
import { HalfSipHash } from '../../src/base/half-sip-hash.ts';
import { Arena } from '../../src/memory/arena.ts';
import { createItem } from '../../src/structures/compact-item.ts';
import {
  DICT_STRUCT_WORDS,
  Dict,
  LAYOUT_COMPACT,
  LAYOUT_ENTRY,
} from '../../src/structures/dict.ts';

const BATCH = 1024;
const KEY_BYTES = 16;
const HEADER_WORDS = 3;
/** Odd, so that its multiples modulo a power of two are a permutation that no cache foresees. */
const STRIDE = 0x9e3779b1;

/**
 * Many keys of 16 bytes with their hashes, the first half of them in the dict. Tasks go through the
 * keys in order; their blocks were made in another, so that both bucket and block lie anywhere.
 */
class Fixture {
  readonly arena: Arena;
  readonly dict: Dict;
  readonly bytes: Uint8Array;
  readonly lo: Uint32Array;
  readonly hi: Uint32Array;
  readonly count: number;
  readonly layout: number;

  constructor(count: number, layout: number = LAYOUT_ENTRY) {
    this.count = count;
    this.layout = layout;
    this.arena = Arena.create(count * 96 + (1 << 20), DICT_STRUCT_WORDS * 4);
    const hasher = new HalfSipHash(0x83020100, 0xf7060504);
    this.dict = new Dict(this.arena, this.arena.userOffset / 4, hasher, layout);
    this.dict.init();
    this.bytes = new Uint8Array(count * 2 * KEY_BYTES).fill(0x30);
    this.lo = new Uint32Array(count * 2);
    this.hi = new Uint32Array(count * 2);
    for (let i = 0; i < count * 2; i++) {
      const at = i * KEY_BYTES;
      const digits = String(i);
      for (let d = 0; d < digits.length; d++) {
        this.bytes[at + KEY_BYTES - digits.length + d] = digits.charCodeAt(d);
      }
      hasher.hash(this.bytes, at, at + KEY_BYTES);
      this.lo[i] = hasher.lo;
      this.hi[i] = hasher.hi;
    }
    for (let i = 0; i < count; i++) this.insert((Math.imul(i, STRIDE) >>> 0) % count);
    while (this.dict.isResizing) this.dict.rehashStep();
  }

  find(i: number): number {
    const at = i * KEY_BYTES;
    return this.dict.find(this.bytes, at, at + KEY_BYTES, this.lo[i]!, this.hi[i]!);
  }

  insert(i: number): void {
    if (this.layout === LAYOUT_COMPACT) {
      const at = i * KEY_BYTES;
      const item = createItem(this.arena, this.bytes, at, at + KEY_BYTES, 0, false);
      this.dict.insert(item, this.lo[i]!, this.hi[i]!);
      return;
    }
    const ref = this.arena.alloc(HEADER_WORDS * 4 + KEY_BYTES);
    this.arena.u32[ref * 2] = KEY_BYTES | (HEADER_WORDS << 16);
    const from = i * KEY_BYTES;
    const to = ref * 8 + HEADER_WORDS * 4;
    for (let b = 0; b < KEY_BYTES; b++) this.arena.u8[to + b] = this.bytes[from + b]!;
    this.dict.insert(ref, this.lo[i]!, this.hi[i]!);
  }

  remove(i: number): void {
    const ref = this.find(i);
    this.dict.removeFound();
    this.arena.free(ref);
  }
}

/**
 * Dict tasks at two sizes: one that stays in the cache and one that does not. Hashing is not
 * included.
 */
export default function dictBench(bench: Bench): void {
  const random = (below: number): number => Math.floor(Math.random() * below);
  for (const [name, count, layout] of [
    ['1k', 1 << 10, LAYOUT_ENTRY],
    ['1M', 1 << 20, LAYOUT_ENTRY],
    ['1k compact', 1 << 10, LAYOUT_COMPACT],
    ['1M compact', 1 << 20, LAYOUT_COMPACT],
  ] as const) {
    const fixture = new Fixture(count, layout);
    let next = 0;
    const draw = () => {
      next = (next + 1) & (count - 1);
      return next;
    };
    bench.add(`dict ${name} keys: find, hit, x${BATCH}`, () => {
      for (let i = 0; i < BATCH; i++) {
        if (fixture.find(draw()) === 0) throw new Error('dict bench: a key is missing');
      }
    });
    bench.add(`dict ${name} keys: find, miss, x${BATCH}`, () => {
      for (let i = 0; i < BATCH; i++) {
        if (fixture.find(draw() + count) !== 0) throw new Error('dict bench: a key too many');
      }
    });
    bench.add(`dict ${name} keys: find + remove + insert, block included, x${BATCH}`, () => {
      for (let i = 0; i < BATCH; i++) {
        const key = draw();
        fixture.remove(key);
        fixture.insert(key);
      }
    });
    bench.add(`dict ${name} keys: random item, x${BATCH}`, () => {
      for (let i = 0; i < BATCH; i++) fixture.dict.randomItem(random);
    });
  }
  const growing = new Fixture(BATCH);
  for (let i = 0; i < BATCH; i++) growing.remove(i);
  bench.add(`dict: insert from empty, then remove all, x${BATCH}`, () => {
    for (let i = 0; i < BATCH; i++) growing.insert(i);
    for (let i = 0; i < BATCH; i++) growing.remove(i);
  });
}
