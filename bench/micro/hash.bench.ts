import type { Bench } from 'tinybench';
import { HalfSipHash } from '../../src/base/half-sip-hash.ts';

const BATCH = 1024;

/** Hash tasks; one iteration is 1024 hashes at all alignments. */
export default function hashBench(bench: Bench): void {
  const hasher = new HalfSipHash(0x83020100, 0xf7060504);
  const bytes = new Uint8Array(new SharedArrayBuffer(4096)).map((_, i) => i);
  for (const length of [8, 16, 32, 64]) {
    bench.add(`half-sip-hash-1-3: ${length} bytes, x1024`, () => {
      let sum = 0;
      for (let i = 0; i < BATCH; i++) {
        const start = i & 255;
        hasher.hash(bytes, start, start + length);
        sum ^= hasher.lo;
      }
      return sum;
    });
  }
}
