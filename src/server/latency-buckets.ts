/**
 * The buckets of latency histograms: 16 for each power of two nanoseconds, so that a time is known
 * to 6 per cent. Below 16 ns every nanosecond has its own.
 */

const SUB_BITS = 4;
const SUBS = 1 << SUB_BITS;
/** Highest power of two with buckets of its own: from 2.1 s on all times share the last one. */
const POWER_MAX = 30;

export const HISTOGRAM_BUCKETS: number = (POWER_MAX - SUB_BITS + 2) * SUBS;

/** The bucket of a time in nanoseconds. O(1). */
export function bucketOf(nanos: number): number {
  if (!(nanos < 2 ** (POWER_MAX + 1))) return HISTOGRAM_BUCKETS - 1;
  if (nanos < SUBS) return Math.max(0, nanos | 0);
  const whole = nanos | 0;
  const power = 31 - Math.clz32(whole);
  return (power - SUB_BITS) * SUBS + (whole >>> (power - SUB_BITS));
}

/** Least time of a bucket in nanoseconds; the next bucket begins where it ends. */
export function bucketStart(bucket: number): number {
  if (bucket < SUBS) return bucket;
  const power = (bucket >>> SUB_BITS) - 1 + SUB_BITS;
  return (SUBS + (bucket & (SUBS - 1))) * 2 ** (power - SUB_BITS);
}

/**
 * The time in nanoseconds below which `percentile` per cent of the calls in buckets [start, start +
 * HISTOGRAM_BUCKETS) of `counts` were; within a bucket calls are taken as evenly spread. 0 without
 * calls. O(buckets).
 */
export function percentileNanos(
  counts: ArrayLike<number>,
  start: number,
  percentile: number,
): number {
  let total = 0;
  for (let b = 0; b < HISTOGRAM_BUCKETS; b++) total += counts[start + b]!;
  const wanted = (total * percentile) / 100;
  let below = 0;
  for (let b = 0; b < HISTOGRAM_BUCKETS; b++) {
    const count = counts[start + b]!;
    if (count > 0 && below + count >= wanted) {
      const low = bucketStart(b);
      return low + (bucketStart(b + 1) - low) * ((wanted - below) / count);
    }
    below += count;
  }
  return 0;
}
