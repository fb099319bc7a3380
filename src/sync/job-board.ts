/**
 * JobBoard: the one place where a worker offers parts of a long read to the others.
 *
 * LAYOUT (four Int32, alone on their cache line)
 *   0 state     bits 0..15 helpers inside, bit 16 OPEN: helpers may come in, bit 17 TAKEN: a worker
 *               has the board for its job
 *   1 claims    bits 0..15 first part that nobody claimed, bits 16..31 end of those
 *   2 job       what the owner's helpers need to know (a ref in spill memory)
 *   3 sequence  counts the jobs, so that helpers know a new one
 *
 *   claims of a job of 8 parts: the owner has claimed 0 and 1, helpers 6 and 7
 *     [oo....hh]  = front 2, end 6
 *
 * The owner takes parts from the front, because it uses what it finds at once; helpers take them
 * from the end and leave what they found in memory, which the owner picks up after `close`.
 *
 * OWNERSHIP  job and sequence are written by whoever has TAKEN the board, before it is OPEN.
 * INVARIANT  helpers read the job between `enter` and `leave` only, and the owner waits for all of
 *            them in `close`: nobody looks at the job of a board that is given back. Helpers wait
 *            for nothing inside, so the wait ends.
 * ORDERING   `open`, `enter`, `leave` and `close` are sequentially consistent read-modify-writes of
 *            the state: helpers see what the owner wrote (and all that it sees) before `open`, the
 *            owner sees what they wrote before `leave`.
 */

const STATE = 0;
const CLAIMS = 1;
const JOB = 2;
const SEQUENCE = 3;
export const JOB_BOARD_WORDS = 4;

const OPEN = 1 << 16;
const TAKEN = 1 << 17;
/** Parts that one job can have. */
export const JOB_PARTS_MAX = 0xffff;

export class JobBoard {
  readonly #words: Int32Array;
  readonly #at: number;

  /** `words` from `at` on are the board's; zeros are a free board. */
  constructor(words: Int32Array, at: number) {
    this.#words = words;
    this.#at = at;
  }

  // ---- the owner of a job

  /** Takes the board for a job of the caller; false when another worker has it. */
  tryTake(): boolean {
    return Atomics.compareExchange(this.#words, this.#at + STATE, 0, TAKEN) === 0;
  }

  /** Lets helpers in. `parts` is at most JOB_PARTS_MAX. */
  open(job: number, parts: number): void {
    const words = this.#words;
    words[this.#at + CLAIMS] = parts << 16;
    words[this.#at + JOB] = job;
    words[this.#at + SEQUENCE] = (words[this.#at + SEQUENCE]! + 1) | 0;
    Atomics.or(words, this.#at + STATE, OPEN);
  }

  /** Claims the first part that is left; -1 = none is. */
  claimFirst(): number {
    for (;;) {
      const seen = Atomics.load(this.#words, this.#at + CLAIMS);
      const front = seen & 0xffff;
      if (front >= seen >>> 16) return -1;
      if (this.#swapClaims(seen, seen + 1)) return front;
    }
  }

  /**
   * Ends the claiming and waits for the helpers inside, who finish the part they have. Returns the
   * first part that helpers claimed: those from there on are theirs. Blocks the thread.
   */
  close(): number {
    const words = this.#words;
    const at = this.#at + STATE;
    for (;;) {
      const seen = Atomics.load(words, this.#at + CLAIMS);
      const end = seen >>> 16;
      if (this.#swapClaims(seen, (end << 16) | end)) break;
    }
    let seen = Atomics.and(words, at, ~OPEN) & ~OPEN;
    while (seen !== TAKEN) {
      Atomics.wait(words, at, seen);
      seen = Atomics.load(words, at);
    }
    return Atomics.load(words, this.#at + CLAIMS) >>> 16;
  }

  /** Gives the board back, taken but never opened or closed again. */
  release(): void {
    Atomics.store(this.#words, this.#at + STATE, 0);
  }

  // ---- helpers

  /** Goes in where parts of a job are left; false = nothing to do. */
  enter(): boolean {
    const words = this.#words;
    const at = this.#at + STATE;
    for (;;) {
      const seen = Atomics.load(words, at);
      if ((seen & OPEN) === 0) return false;
      const claims = Atomics.load(words, this.#at + CLAIMS);
      if ((claims & 0xffff) >= claims >>> 16) return false;
      if (Atomics.compareExchange(words, at, seen, seen + 1) === seen) return true;
    }
  }

  /** What the owner gave to `open`. Only inside. */
  get job(): number {
    return this.#words[this.#at + JOB]!;
  }

  /** Another number for every job. Only inside. */
  get sequence(): number {
    return this.#words[this.#at + SEQUENCE]!;
  }

  /** Claims the last part that is left; -1 = none is. Only inside. */
  claimLast(): number {
    for (;;) {
      const seen = Atomics.load(this.#words, this.#at + CLAIMS);
      const end = seen >>> 16;
      if ((seen & 0xffff) >= end) return -1;
      if (this.#swapClaims(seen, ((end - 1) << 16) | (seen & 0xffff))) return end - 1;
    }
  }

  /** Goes out; the last helper of a job that is closed wakes its owner. */
  leave(): void {
    const left = Atomics.sub(this.#words, this.#at + STATE, 1) - 1;
    if (left === TAKEN) Atomics.notify(this.#words, this.#at + STATE);
  }

  #swapClaims(seen: number, next: number): boolean {
    return Atomics.compareExchange(this.#words, this.#at + CLAIMS, seen, next | 0) === seen;
  }
}
