/**
 * The lock word of a shard: who may touch the shard's arena now.
 *
 * LAYOUT (one Int32, alone on its cache line)
 *   bits 0..7    exclusive holder: thread number 1..255, 0 = none
 *   bits 8..15   readers that joined a long read (I/O threads running plain reads)
 *   bits 16..23  long readers (workers that hold the shard shared for a slow read)
 *   bit 24       WAITING: somebody wants the shard; whoever frees it rings the workers
 *
 *   the Int32 behind it: not 0 while a read wants the shard: background work leaves it alone
 *
 * INVARIANT  an exclusive holder excludes all others; readers join only while a long reader is in.
 * ORDERING   acquire and release are sequentially consistent read-modify-writes, so everything that
 *            the former holder wrote to the arena is visible to the next one.
 * FAIRNESS   WAITING outlives a release: leases fail until a worker has taken the shard (which
 *            clears it; others that wait announce themselves anew). New long readers do not join a
 *            long read that somebody waits behind.
 */

const HOLDER = 0xff;
const JOINED_ONE = 1 << 8;
const JOINED_MASK = 0xff << 8;
const LONG_ONE = 1 << 16;
const LONG_MASK = 0xff << 16;
const READERS = JOINED_MASK | LONG_MASK;
const WAITING = 1 << 24;
const WANTED_WORD = 1;

/** Takes the free, unwanted word for `thread`. One compare-exchange. */
export function tryLease(words: Int32Array, at: number, thread: number): boolean {
  return Atomics.compareExchange(words, at, 0, thread) === 0;
}

/** Gives an exclusive hold back; true when somebody waits and has to be rung. */
export function release(words: Int32Array, at: number): boolean {
  return (Atomics.and(words, at, WAITING) & WAITING) !== 0;
}

/**
 * A worker's exclusive acquire: also takes a free word that somebody waits for (itself, most
 * often).
 */
export function tryLock(words: Int32Array, at: number, thread: number): boolean {
  for (;;) {
    const seen = Atomics.load(words, at);
    if ((seen & (HOLDER | READERS)) !== 0) return false;
    if (Atomics.compareExchange(words, at, seen, thread) === seen) return true;
  }
}

/** A worker's shared acquire for a slow read. */
export function tryLockShared(words: Int32Array, at: number): boolean {
  for (;;) {
    const seen = Atomics.load(words, at);
    if ((seen & HOLDER) !== 0 || (seen & LONG_MASK) === LONG_MASK) return false;
    if ((seen & WAITING) !== 0 && (seen & READERS) !== 0) return false;
    if (Atomics.compareExchange(words, at, seen, (seen & READERS) + LONG_ONE) === seen) return true;
  }
}

/** Gives a slow read's hold back; true when the shard is free now and somebody waits. */
export function releaseShared(words: Int32Array, at: number): boolean {
  return releaseReader(words, at, LONG_ONE);
}

/** Joins a long read for one plain read-only command. False when no long reader is in. */
export function tryJoin(words: Int32Array, at: number): boolean {
  for (;;) {
    const seen = Atomics.load(words, at);
    if ((seen & LONG_MASK) === 0 || (seen & JOINED_MASK) === JOINED_MASK) return false;
    if (Atomics.compareExchange(words, at, seen, seen + JOINED_ONE) === seen) return true;
  }
}

/** Leaves a joined read; true when the shard is free now and somebody waits. */
export function leaveJoined(words: Int32Array, at: number): boolean {
  return releaseReader(words, at, JOINED_ONE);
}

function releaseReader(words: Int32Array, at: number, one: number): boolean {
  const left = Atomics.sub(words, at, one) - one;
  return (left & READERS) === 0 && (left & WAITING) !== 0;
}

/**
 * Says that a worker waits for the word. False when the word became free meanwhile (try again
 * instead of parking): whoever frees the word after a true answer rings the workers, so a park that
 * follows is not missed.
 */
export function announceWaiter(words: Int32Array, at: number): boolean {
  for (;;) {
    const seen = Atomics.load(words, at);
    if ((seen & (HOLDER | READERS)) === 0) return false;
    if ((seen & WAITING) !== 0) return true;
    if (Atomics.compareExchange(words, at, seen, seen | WAITING) === seen) return true;
  }
}

/**
 * Turns an exclusive hold into that of a long reader: plain reads may join from here on. Whoever
 * waits goes on waiting.
 */
export function downgrade(words: Int32Array, at: number): void {
  for (;;) {
    const seen = Atomics.load(words, at);
    const shared = (seen & WAITING) | LONG_ONE;
    if (Atomics.compareExchange(words, at, seen, shared) === seen) return;
  }
}

/**
 * Turns the hold of the only long reader back into an exclusive one. False while others read: try
 * again. Two threads that did this on the same words would wait for each other for ever, so only
 * one may at a time.
 */
export function tryUpgrade(words: Int32Array, at: number, thread: number): boolean {
  const seen = Atomics.load(words, at);
  if ((seen & READERS) !== LONG_ONE) return false;
  return Atomics.compareExchange(words, at, seen, (seen & WAITING) | thread) === seen;
}

/** Says that a read wants the shard, or no longer does. A hint: one may be lost. */
export function setWanted(words: Int32Array, at: number, isWanted: boolean): void {
  Atomics.store(words, at + WANTED_WORD, isWanted ? 1 : 0);
}

/** Whether a read wants the shard. */
export function isWanted(words: Int32Array, at: number): boolean {
  return words[at + WANTED_WORD] !== 0;
}

/** Thread number of the exclusive holder, 0 = none. */
export function holderOf(words: Int32Array, at: number): number {
  return Atomics.load(words, at) & HOLDER;
}

/** True while slow reads hold the word, so that plain reads may join. */
export function hasLongReader(words: Int32Array, at: number): boolean {
  return (Atomics.load(words, at) & LONG_MASK) !== 0;
}
