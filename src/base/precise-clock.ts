// The wall clock, finer than a millisecond.

/** How far the precise clock may be from the other before it is not believed. */
const CLOCK_DRIFT_MS_MAX = 1000;

/** `nowMs` with fractions, where nobody has set the clock since the thread started. */
export function preciseUnixMs(nowMs: number): number {
  const precise = performance.timeOrigin + performance.now();
  return Math.abs(precise - nowMs) < CLOCK_DRIFT_MS_MAX ? precise : nowMs;
}
