/** Where the words lie that the lock hammer's threads share: each on a cache line of its own. */
export const STATE = { lock: 0, first: 16, second: 32, bells: 48 } as const;
export const BELL_STRIDE = 16;
export const HAMMER_WORDS = 256;
