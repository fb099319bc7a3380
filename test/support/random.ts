/**
 * Seeded random numbers for tests of whole servers, where fast-check's shrinking would take too
 * long.
 */

/** Mulberry32: 32 bits of state, the same numbers for the same seed everywhere. */
export class Random {
  readonly seed: number;
  #state: number;

  constructor(seed: number) {
    this.seed = seed >>> 0;
    this.#state = this.seed;
  }

  /** A u32. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let x = this.#state;
    x = Math.imul(x ^ (x >>> 15), x | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return (x ^ (x >>> 14)) >>> 0;
  }

  /** 0 to `end` - 1. */
  below(end: number): number {
    return this.next() % end;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!;
  }

  /** True once in `count` times. */
  oneIn(count: number): boolean {
    return this.below(count) === 0;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }
}

/**
 * Runs `body` with the seed of TESSERA_SEED, or a new one. A failure names the seed.
 */
export async function withRandom(body: (random: Random) => Promise<void>): Promise<void> {
  const seed = Number(process.env.TESSERA_SEED ?? Date.now() % 2 ** 31);
  try {
    await body(new Random(seed));
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    throw new Error(`with TESSERA_SEED=${seed}: ${text}`, { cause: error });
  }
}
